/* test_models_golden.c - whole models beside PyTorch's (golden/models.py): states that PyTorch
 * saved are loaded, the outputs in both modes compared, and training goes on from there. */

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

#define CLASSES 5

static rv_layer *make(const char *name, rv_dtype dtype)
{
#define CASE(case_name, model, ...)   \
    if (strcmp(name, case_name) == 0) \
    return model(__VA_ARGS__, .dtype = dtype)
    CASE("mlp", rv_model_mlp, .inputs = 36, .hidden = 12, .classes = CLASSES);
    CASE("lenet5", rv_model_lenet5, .height = 12, .width = 12, .classes = CLASSES);
    CASE("resnet20", rv_model_resnet, .filters = 4, .classes = CLASSES);
    CASE("linear", rv_model_linear, .inputs = 12, .classes = CLASSES);
    CASE("lenet5_tutorial", rv_model_lenet5, .channels = 2, .height = 17, .width = 17, .padding = 0,
         .classes = CLASSES);
    CASE("vgg11", rv_model_vgg, .channels = 2, .filters = 1, .hidden = 6, .dropout = 0,
         .classes = CLASSES);
    CASE("vgg16", rv_model_vgg, .depth = 16, .channels = 1, .filters = 1, .hidden = 4, .dropout = 0,
         .classes = CLASSES);
    CASE("resnet_padding", rv_model_resnet, .depth = 14, .channels = 2, .filters = 3,
         .classes = CLASSES, .shortcut = RV_SHORTCUT_PADDING);
    CASE("resnet18", rv_model_resnet18, .channels = 2, .filters = 2, .classes = CLASSES);
    CASE("autoencoder", rv_model_autoencoder, .channels = 2, .height = 8, .width = 8, .filters = 3,
         .code = 5);
#undef CASE
    return NULL;
}

/* ---- outputs --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool has_statistics; /* of batch norm */
} others[] = {{"linear", false},     {"lenet5_tutorial", false}, {"vgg11", true},
              {"vgg16", true},       {"resnet_padding", true},   {"resnet18", true},
              {"autoencoder", false}};

Test(models_golden, every_model_computes_what_pytorchs_does)
{
    golden *g = golden_open("models.safetensors");
    cr_assert_not_null(g);
    for (int i = 0; i < RV_COUNT(others); i++) {
        RV_SCOPE;
        const char *name = others[i].name;
        rv_layer *net = make(name, RV_F64);
        rv_tensor *x = golden_tensor(g, "%s/x", name);
        reason why = {""};
        char prefix[80], after[80];
        snprintf(prefix, sizeof prefix, "%s/state/", name);
        snprintf(after, sizeof after, "%s/after/", name);
        cr_assert(golden_load_state(g, prefix, net, &why), "%s: %s", name, why.text);
        rv_layer_train(net, false);
        cr_expect(is_near(rv_forward(net, x), golden_tensor(g, "%s/eval", name), 1e-12, &why),
                  "%s, eval: %s", name, why.text);
        rv_layer_train(net, true);
        cr_expect(is_near(rv_forward(net, x), golden_tensor(g, "%s/train", name), 1e-12, &why),
                  "%s, train: %s", name, why.text);
        cr_expect(!others[i].has_statistics || golden_same_state(g, after, net, 1e-12, &why),
                  "%s: %s", name, why.text);
        rv_layer_free(net);
    }
    golden_close(g);
    cr_expect(no_error());
}

/* ---- training on from PyTorch's file ----------------------------------------------------------
 */

enum { BATCH = 16, STEPS = 20, EARLY = 4 };

typedef struct training_case {
    char name[16];
    rv_dtype dtype;
    double outputs; /* how near they must be */
} training_case;

static training_case cases[] = {
    {"mlp", RV_F32, 1e-5},     {"mlp", RV_F64, 1e-12},     {"lenet5", RV_F32, 1e-5},
    {"lenet5", RV_F64, 1e-12}, {"resnet20", RV_F32, 1e-5}, {"resnet20", RV_F64, 1e-12},
};

typedef struct run {
    const training_case *c;
    const char *dtype; /* "f32", "f64": as the file has it */
    golden *g;
    rv_layer *net;
    rv_tensor *x, *labels;
    int step; /* of the state that is compared */
} run;

static bool load(const run *r)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/models_%s_%s.safetensors", RV_GOLDEN, r->c->name, r->dtype);
    return rv_load(path, r->net);
}

static rv_tensor *next_batch(rv_tensor *all, int step)
{
    const int64_t first = (int64_t)step * BATCH % all->shape[0];
    return rv_slice(all, .start = first, .stop = first + BATCH);
}

static double distance(const rv_tensor *a, const rv_tensor *b)
{
    double most = 0;
    for (int64_t i = 0; i < a->numel; i++) {
        const double apart = fabs(at(a, i) - at(b, i));
        if (!(apart <= most)) /* so that NaN is far */
            most = apart;
    }
    return most;
}

static double size_of(const rv_tensor *t)
{
    double most = 0;
    for (int64_t i = 0; i < t->numel; i++)
        most = fmax(most, fabs(at(t, i)));
    return most;
}

/* In F64 rounding may grow to 1e-11 of a tensor's largest element: PyTorch's own results move by up
 * to 1e-13 of it when the start is moved by one unit in the last place. In F32 they move further,
 * so there the file says how far, and ten times that is allowed: our sums are in another order at
 * every step, not only at the start; and no less than a few units in the last place. */
static bool visit_trained(void *context, const char *name, rv_tensor *t)
{
    const run *r = context;
    const rv_tensor *want = golden_tensor(r->g, "%s/%d/%s", r->dtype, r->step, name),
                    *spread = golden_tensor(r->g, "%s/%d/spread/%s", r->dtype, r->step, name);
    cr_assert(want != NULL && spread != NULL && rv_same_shape(want, t), "%s", name);
    const double allowed = t->dtype == RV_F64   ? 1e-11 * size_of(want)
                           : t->dtype == RV_F32 ? fmax(10 * at(spread, 0), 1e-6 * size_of(want))
                                                : 0;
    const double apart = distance(t, want);
    cr_expect(apart <= allowed, "%s %s, step %d, %s: %g away, %g allowed, of %g", r->c->name,
              r->dtype, r->step, name, apart, allowed, size_of(want));
    return true;
}

/* Whether the losses and the states are PyTorch's, step by step. */
static void train(run *r)
{
    rv_optim *opt =
        rv_optim_sgd(rv_parameters(r->net), .lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4);
    const rv_tensor *losses = golden_tensor(r->g, "%s/loss", r->dtype),
                    *spread = golden_tensor(r->g, "%s/spread_of_loss", r->dtype);
    cr_assert(losses != NULL && losses->numel == STEPS && spread != NULL);
    rv_layer_train(r->net, true);
    /* In F32 a unit of resnet20 that rounding takes across ReLU's kink (in some builds at step 9)
     * ends the likeness of any two runs; so it is followed as far as that is sure. */
    const bool short_run = r->c->dtype == RV_F32 && strcmp(r->c->name, "resnet20") == 0;
    for (int step = 0; step < (short_run ? EARLY : STEPS); step++) {
        RV_SCOPE;
        rv_tensor *loss = rv_cross_entropy(rv_forward(r->net, next_batch(r->x, step)),
                                           next_batch(r->labels, step));
        rv_optim_zero_grad(opt);
        rv_backward(loss);
        cr_assert(rv_optim_step(opt), "%s", rv_error());
        const double apart = fabs(rv_item(loss) - at(losses, step)),
                     allowed = r->c->dtype == RV_F64 ? 1e-10 : fmax(10 * at(spread, step), 1e-6);
        cr_expect(apart <= allowed, "%s %s, step %d: loss %.17g, PyTorch's %.17g, %g allowed",
                  r->c->name, r->dtype, step + 1, rv_item(loss), at(losses, step), allowed);
        r->step = step + 1;
        if (r->step == STEPS || (r->step == EARLY && r->c->dtype == RV_F32))
            cr_expect(rv_state(r->net, visit_trained, r));
    }
    rv_optim_free(opt);
}

ParameterizedTestParameters(models_golden, training_goes_on_from_pytorchs_file)
{
    return cr_make_param_array(training_case, cases, RV_COUNT(cases));
}
ParameterizedTest(training_case *c, models_golden, training_goes_on_from_pytorchs_file)
{
    RV_SCOPE;
    char file[80];
    snprintf(file, sizeof file, "models_%s.safetensors", c->name);
    run r = {.c = c, .dtype = c->dtype == RV_F64 ? "f64" : "f32", .g = golden_open(file)};
    cr_assert_not_null(r.g);
    r.net = make(c->name, c->dtype);
    r.x = rv_cast(golden_tensor(r.g, "x"), c->dtype);
    r.labels = golden_tensor(r.g, "labels");
    cr_assert(load(&r), "%s", rv_error());

    reason why = {""};
    rv_tensor *first = next_batch(r.x, 0);
    rv_layer_train(r.net, false);
    cr_expect(
        is_near(rv_forward(r.net, first), golden_tensor(r.g, "%s/eval", r.dtype), c->outputs, &why),
        "%s %s, eval: %s", c->name, r.dtype, why.text);
    rv_layer_train(r.net, true);
    cr_expect(is_near(rv_forward(r.net, first), golden_tensor(r.g, "%s/train", r.dtype), c->outputs,
                      &why),
              "%s %s, train: %s", c->name, r.dtype, why.text);
    cr_assert(load(&r), "%s", rv_error()); /* that moved the running statistics */
    train(&r);
    cr_expect(no_error());
    rv_layer_free(r.net);
    golden_close(r.g);
}

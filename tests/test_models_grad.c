/* test_models_grad.c - the derivatives of whole models, first and second ones, with respect to the
 * images and to all parameters, in train and in eval mode, against differences. */

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

#define CLASSES 3

typedef struct model_case {
    char name[20];
    int64_t shape[4]; /* of the images */
    int idle;         /* parameters that do nothing in train mode: biases before batch norm */
} model_case;

static model_case cases[] = {
    {"linear", {3, 2, 3, 2}, 0},       {"mlp", {3, 1, 2, 3}, 0},
    {"lenet5", {2, 1, 12, 12}, 0},     {"lenet5_colors", {2, 2, 17, 16}, 0},
    {"vgg11", {2, 1, 32, 32}, 8},      {"vgg16", {3, 2, 32, 33}, 13},
    {"resnet8", {3, 2, 8, 8}, 0},      {"resnet8_padding", {3, 2, 7, 8}, 0},
    {"resnet20", {3, 1, 9, 9}, 0},     {"resnet18", {3, 2, 9, 8}, 0},
    {"autoencoder", {2, 1, 8, 12}, 0},
};

#define D .classes = CLASSES, .dtype = RV_F64

static rv_layer *make(const char *name)
{
#define CASE(case_name, ...)          \
    if (strcmp(name, case_name) == 0) \
    return __VA_ARGS__
    CASE("linear", rv_model_linear(.inputs = 12, D));
    CASE("mlp", rv_model_mlp(.inputs = 6, .hidden = 7, .dropout = 0.3, D));
    CASE("lenet5", rv_model_lenet5(.height = 12, .width = 12, D));
    CASE("lenet5_colors",
         rv_model_lenet5(.channels = 2, .height = 17, .width = 16, .padding = 0, D));
    CASE("vgg11", rv_model_vgg(.channels = 1, .filters = 2, .hidden = 6, .dropout = 0.2, D));
    CASE("vgg16", rv_model_vgg(.depth = 16, .channels = 2, .width = 33, .filters = 2, .hidden = 9,
                               .dropout = 0.1, D));
    CASE("resnet8", rv_model_resnet(.depth = 8, .channels = 2, .filters = 2, D));
    CASE("resnet8_padding", rv_model_resnet(.depth = 8, .channels = 2, .filters = 3,
                                            .shortcut = RV_SHORTCUT_PADDING, D));
    CASE("resnet20", rv_model_resnet(.channels = 1, .filters = 2, D));
    CASE("resnet18", rv_model_resnet18(.channels = 2, .filters = 2, D));
    CASE("autoencoder",
         rv_model_autoencoder(.height = 8, .width = 12, .filters = 3, .code = 4, .dtype = RV_F64));
#undef CASE
    return NULL;
}

/* What starts as zeros or ones gets other numbers, as after some training: biases (or a unit whose
 * inputs are all zero would lie on ReLU's kink), batch norm's weights and running statistics (or a
 * wrong use of them would not be seen). */
static bool visit_state(void *context, const char *name, rv_tensor *t)
{
    RV_NO_GRAD;
    (void)context;
    if (strstr(name, "bias") != NULL || strstr(name, "running_mean") != NULL)
        return rv_init_uniform(t, -0.3, 0.3) != NULL;
    if (strstr(name, "running_var") != NULL || (t->ndim == 1 && t->dtype == RV_F64))
        return rv_init_uniform(t, 0.5, 1.5) != NULL;
    return true;
}

typedef struct task {
    rv_layer *net;
    rv_tensor *x;
} task;

/* Dropout drops the same each time. */
static rv_tensor *forward(rv_layer *net, rv_tensor *x)
{
    rv_seed(7);
    return rv_forward(net, x);
}

static rv_tensor *of_images(rv_tensor **in, void *context)
{
    return forward(((task *)context)->net, in[0]);
}

static rv_tensor *of_parameters(void *context)
{
    const task *t = context;
    return forward(t->net, t->x);
}

/* How many parameters the result does not depend on: their check would say nothing. */
static int count_idle(const task *t)
{
    RV_SCOPE;
    rv_tensor *y = forward(t->net, t->x);
    rv_tensor *loss = rv_sum(rv_mul(y, rv_randn_n(RV_F64, y->ndim, y->shape)));
    const rv_tensors p = rv_parameters(t->net);
    rv_tensor **g = rv_gradients(&loss, 1, p.items, (int)p.count);
    int idle = 0;
    for (int64_t i = 0; g != NULL && i < p.count; i++)
        idle += rv_item(rv_max(rv_abs(g[i]))) < 1e-12;
    return g != NULL ? idle : -1;
}

/* Element by element where there are not too many: second derivatives are pairs of them. Else along
 * random directions. */
static void expect_right(task *t, const char *name, const char *mode)
{
    rv_gradcheck_report r = {0};
    const rv_tensors p = rv_parameters(t->net);
    const int n = (int)p.count;
    int64_t numbers = 0;
    for (int64_t i = 0; i < p.count; i++)
        numbers += p.items[i]->numel;
    cr_expect(rv_gradcheck(of_images, t, &t->x, 1, &r, .fast = t->x->numel > 500) && r.compared > 0,
              "%s, %s, images: %s", name, mode, r.message);
    cr_expect(rv_gradgradcheck(of_images, t, &t->x, 1, &r, .fast = t->x->numel > 200) &&
                  r.compared > 0,
              "%s, %s, images, second: %s", name, mode, r.message);
    cr_expect(rv_gradcheck(of_parameters, t, p.items, n, &r, .fast = numbers > 4000) &&
                  r.compared > 0,
              "%s, %s, parameters: %s", name, mode, r.message);
    cr_expect(rv_gradgradcheck(of_parameters, t, p.items, n, &r, .fast = numbers > 100) &&
                  r.compared > 0,
              "%s, %s, parameters, second: %s", name, mode, r.message);
}

ParameterizedTestParameters(models_grad, whole_models)
{
    return cr_make_param_array(model_case, cases, RV_COUNT(cases));
}
ParameterizedTest(model_case *c, models_grad, whole_models)
{
    RV_SCOPE;
    rv_seed(3);
    rv_layer *net = make(c->name);
    cr_assert_not_null(net, "%s", rv_error());
    task t = {net, rv_randn_n(RV_F64, 4, c->shape)};
    cr_expect(rv_state(net, visit_state, NULL));
    for (int on = 1; on >= 0; on--) {
        rv_layer_train(net, on == 1);
        cr_expect_eq(count_idle(&t), on == 1 ? c->idle : 0, "%s: %d in %s mode", c->name,
                     count_idle(&t), on ? "train" : "eval");
        expect_right(&t, c->name, on ? "train mode" : "eval mode");
    }
    cr_expect(no_error());
    rv_layer_free(net);
}

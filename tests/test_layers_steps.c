/* test_layers_steps.c - layers that behave otherwise in train than in eval mode, step by step:
 * batch norm beside PyTorch's (golden/layer_steps.py), dropout beside what its own mask says. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

/* ---- batch norm ------------------------------------------------------------------------------ */

static const bool trains[] = {true, true, false, true, false, true, false}; /* each step's mode */

#define D .dtype = RV_F64

static rv_layer *make(const char *name)
{
#define CASE(case_name, ...)          \
    if (strcmp(name, case_name) == 0) \
    return __VA_ARGS__
    CASE("plain", rv_layer_batch_norm2d(2, D));
    CASE("plain_f32", rv_layer_batch_norm2d(2));
    CASE("eps_and_momentum", rv_layer_batch_norm1d(3, .eps = 1e-2, .momentum = 0.3, D));
    CASE("line", rv_layer_batch_norm1d(2, .momentum = 0.5, D));
    CASE("not_affine", rv_layer_batch_norm2d(2, .affine = false, D));
    CASE("average", rv_layer_batch_norm2d(2, .momentum = RV_MOMENTUM_AVERAGE, D));
    CASE("average_f32", rv_layer_batch_norm1d(3, .momentum = RV_MOMENTUM_AVERAGE));
    CASE("momentum_0", rv_layer_batch_norm2d(2, .momentum = 0, D));
    CASE("momentum_1", rv_layer_batch_norm2d(2, .momentum = 1, D));
    CASE("untracked", rv_layer_batch_norm2d(2, .track_running_stats = false, D));
#undef CASE
    return NULL;
}

static const char *const names[] = {"plain",      "plain_f32", "eps_and_momentum", "line",
                                    "not_affine", "average",   "average_f32",      "momentum_0",
                                    "momentum_1", "untracked"};

/* Forward, backward of sum(y * w), and in train mode plain SGD: each beside PyTorch's. */
static bool step_is_pytorchs(const golden *g, const char *name, int step, rv_layer *layer,
                             rv_optim *opt, reason *why)
{
    RV_SCOPE;
    rv_tensor *x = golden_tensor(g, "%s/%d/x", name, step),
              *w = golden_tensor(g, "%s/%d/w", name, step);
    if (x == NULL || w == NULL)
        return because(why, "the file does not have it");
    const double tolerance = x->dtype == RV_F64 ? 1e-13 : 4e-6;
    rv_layer_train(layer, trains[step]);
    rv_tensor *y = rv_forward(layer, rv_require_grad(x));
    if (!is_near(y, golden_tensor(g, "%s/%d/y", name, step), tolerance, why))
        return false;
    if (opt != NULL)
        rv_optim_zero_grad(opt);
    rv_backward(rv_sum(rv_mul(y, w)));
    if (!is_near(rv_grad(x), golden_tensor(g, "%s/%d/gx", name, step), tolerance, why))
        return false;
    if (opt != NULL) {
        const char *const parameters[] = {"weight", "bias"};
        for (int i = 0; i < 2; i++)
            if (!is_near(rv_grad(rv_layer_parameter(layer, parameters[i])),
                         golden_tensor(g, "%s/%d/grad/%s", name, step, parameters[i]), tolerance,
                         why))
                return false;
        if (trains[step])
            rv_optim_step(opt);
    }
    char after[80];
    snprintf(after, sizeof after, "%s/%d/after/", name, step);
    return golden_same_state(g, after, layer, tolerance, why);
}

Test(layers_steps, batch_norm_is_pytorchs_step_by_step)
{
    golden *g = golden_open("layer_steps.safetensors");
    cr_assert_not_null(g);
    for (int i = 0; i < RV_COUNT(names); i++) {
        rv_layer *layer = make(names[i]);
        cr_assert_not_null(layer, "%s", names[i]);
        const rv_tensors p = rv_parameters(layer);
        rv_optim *opt = p.count > 0 ? rv_optim_sgd(p, .lr = 0.3) : NULL;
        for (int step = 0; step < RV_COUNT(trains); step++) {
            reason why = {""};
            cr_expect(step_is_pytorchs(g, names[i], step, layer, opt, &why), "%s, step %d: %s %s",
                      names[i], step, why.text, rv_error());
        }
        rv_optim_free(opt);
        rv_layer_free(layer);
    }
    golden_close(g);
    cr_expect(no_error());
}

/* ---- dropout --------------------------------------------------------------------------------- */

/* Our random numbers are not PyTorch's, so the mask is what the layer makes of ones. Given it, y is
 * x times it, and so is the gradient; PyTorch computes x * (mask / (1 - p)), to the same bits. */
static void expect_masked(rv_layer *layer, double p, rv_dtype dtype)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_randn(dtype, 6, 5, 4, 3));
    rv_layer_train(layer, true);
    for (int step = 0; step < 5; step++) {
        rv_seed(40 + (uint64_t)step);
        rv_tensor *mask = rv_forward(layer, rv_ones(dtype, 6, 5, 4, 3));
        for (int64_t i = 0; i < mask->numel; i++) {
            const double kept = dtype == RV_F32 ? (double)(float)(1 / (1 - p)) : 1 / (1 - p);
            cr_assert(at(mask, i) == 0 || at(mask, i) == kept, "%.17g", at(mask, i));
        }
        rv_seed(40 + (uint64_t)step);
        rv_tensor *y = rv_forward(layer, x);
        rv_tensor *w = rv_randn(dtype, 6, 5, 4, 3);
        rv_zero_grad(x);
        cr_assert(rv_backward(rv_sum(rv_mul(y, w))), "%s", rv_error());
        reason why = {""};
        const double tolerance = dtype == RV_F32 ? 1e-7 : 2e-16;
        cr_expect(is_near(y, rv_mul(x, mask), tolerance, &why), "y: %s", why.text);
        cr_expect(is_near(rv_grad(x), rv_mul(w, mask), tolerance, &why), "gradient: %s", why.text);
        rv_layer_train(layer, false); /* an evaluation between the steps */
        cr_expect_eq(rv_forward(layer, x), x);
        rv_layer_train(layer, true);
    }
    rv_layer_free(layer);
}

Test(layers_steps, dropout_is_its_mask)
{
    expect_masked(rv_layer_dropout(0.5), 0.5, RV_F64);
    expect_masked(rv_layer_dropout(0.3), 0.3, RV_F64);
    expect_masked(rv_layer_dropout(0.3), 0.3, RV_F32);
    expect_masked(rv_layer_dropout2d(0.4), 0.4, RV_F64);
    expect_masked(rv_layer_dropout2d(0.2), 0.2, RV_F32);
    cr_expect(no_error());
}

/* An evaluation draws nothing, so training goes on as if there had been none. */
Test(layers_steps, eval_mode_does_not_move_the_generator)
{
    RV_SCOPE;
    rv_layer *layer = rv_layer_dropout(0.5);
    rv_tensor *x = rv_ones(RV_F32, 100), *second[2];
    for (int i = 0; i < 2; i++) {
        rv_seed(9);
        rv_forward(layer, x);
        if (i == 1) {
            rv_layer_train(layer, false);
            rv_forward(layer, x);
            rv_layer_train(layer, true);
        }
        second[i] = rv_forward(layer, x);
    }
    cr_expect(rv_equal(second[0], second[1]));
    cr_expect(no_error());
    rv_layer_free(layer);
}

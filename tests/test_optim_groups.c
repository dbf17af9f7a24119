/* test_optim_groups.c - groups of parameters with options of their own, momenta that are set,
 * counts, start values, numbers kept, gradients that are not finite, accumulated ones. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "helpers.h"

TestSuite(optim_groups, .init = make_folder, .fini = remove_folder);

#define LEAF(...) rv_require_grad(VECTOR(__VA_ARGS__))
#define SET_GRAD(p, ...) cr_assert(rv_set_grad((p), VECTOR(__VA_ARGS__)))

/* ---- groups ---------------------------------------------------------------------------------- */

Test(optim_groups, each_has_its_options)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1, 2), *b = LEAF(3), *c = LEAF(4);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(a), .lr = 0.5);
    cr_expect_eq(rv_optim_sgd(RV_TENSORS(b, c), .lr = 0.25, .weight_decay = 0.5, .join = opt), opt);
    cr_expect_eq(rv_optim_groups(opt), 2);
    cr_expect(rv_optim_group_lr(opt, 0) == 0.5 && rv_optim_group_lr(opt, 1) == 0.25);
    cr_expect_eq(rv_optim_lr(opt), 0.5, "that of group 0");
    SET_GRAD(a, 1, 1);
    SET_GRAD(b, 1);
    SET_GRAD(c, 2);
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(a, 0, 0.5, 1.5) && HOLDS(b, 0, 3 - 0.25 * 2.5) && HOLDS(c, 0, 4 - 0.25 * 4));
    cr_expect(rv_optim_set_group_lr(opt, 1, 1));
    cr_expect(rv_optim_group_lr(opt, 0) == 0.5 && rv_optim_group_lr(opt, 1) == 1);
    cr_expect(rv_optim_set_lr(opt, 0.125), "all");
    cr_expect(rv_optim_group_lr(opt, 0) == 0.125 && rv_optim_group_lr(opt, 1) == 0.125);
    cr_assert(rv_optim_zero_grad(opt));
    cr_expect(rv_grad(a) == NULL && rv_grad(b) == NULL && rv_grad(c) == NULL);
    cr_expect_eq(((const rv_object *)opt)->references, 1, "joining adds no reference");
    rv_optim_free(opt);
    cr_expect(a->object.references == 1 && c->object.references == 1);
    cr_expect(no_error());
}

/* Joining in the middle of training: what the others have is kept. */
Test(optim_groups, joining_later)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1), *b = LEAF(1), *alone = LEAF(1);
    rv_optim *opt = rv_optim_adam(RV_TENSORS(a), .lr = 0.5);
    rv_optim *other = rv_optim_adam(RV_TENSORS(alone), .lr = 0.5);
    for (int step = 0; step < 4; step++) {
        if (step == 2)
            cr_assert_not_null(rv_optim_adam(RV_TENSORS(b), .lr = 0.25, .join = opt));
        SET_GRAD(a, 1.0 + step);
        SET_GRAD(alone, 1.0 + step);
        SET_GRAD(b, 1);
        cr_assert(rv_optim_step(opt) && rv_optim_step(other));
    }
    cr_expect_eq(at(a, 0), at(alone, 0));
    cr_expect(HOLDS(b, 1e-6, 0.5), "two first steps of Adam, 0.25 each");
    cr_expect_eq(rv_optim_steps(opt), 4);
    rv_optim_free(other);
    rv_optim_free(opt);
}

/* Beside each other parameters go as they would alone: with the factors of their own group and of
 * their own step, which lags behind where a gradient was missing. */
Test(optim_groups, beside_each_other_as_alone)
{
    RV_SCOPE;
    rv_tensor *p[2][3];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 3; i++)
            p[k][i] = LEAF(1.0 + i, -1);
    rv_optim *joint = rv_optim_adam(RV_TENSORS(p[0][0], p[0][1]), .lr = 0.1);
    rv_optim_adam(RV_TENSORS(p[0][2]), .lr = 0.3, .betas = {0.5, 0.6}, .join = joint);
    rv_optim *alone[3] = {rv_optim_adam(RV_TENSORS(p[1][0]), .lr = 0.1),
                          rv_optim_adam(RV_TENSORS(p[1][1]), .lr = 0.1),
                          rv_optim_adam(RV_TENSORS(p[1][2]), .lr = 0.3, .betas = {0.5, 0.6})};
    for (int step = 0; step < 5; step++) {
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 2 && (i != 1 || step != 1); k++)
                SET_GRAD(p[k][i], cos(step + i), 0.5 + step);
        cr_assert(rv_optim_step(joint) && rv_optim_zero_grad(joint));
        for (int i = 0; i < 3; i++)
            cr_assert(rv_optim_step(alone[i]) && rv_optim_zero_grad(alone[i]));
    }
    for (int i = 0; i < 3; i++) {
        cr_expect(rv_equal(p[0][i], p[1][i]), "parameter %d", i);
        rv_optim_free(alone[i]);
    }
    rv_optim_free(joint);
}

static rv_optim *two_groups(rv_tensor *a, rv_tensor *b, rv_tensor *c)
{
    rv_optim *opt = rv_optim_adam(RV_TENSORS(a, b), .lr = 0.1);
    return rv_optim_adam(RV_TENSORS(c), .lr = 0.2, .weight_decay = 0.1, .join = opt);
}

Test(optim_groups, saved_and_resumed)
{
    RV_SCOPE;
    const char *path = in_folder("groups.safetensors");
    rv_tensor *p[2][3];
    rv_optim *opt[2];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++)
            p[k][i] = LEAF(1.0 + i, -2.0);
        opt[k] = two_groups(p[k][0], p[k][1], p[k][2]);
    }
    for (int step = 0; step < 6; step++) {
        if (step == 3) { /* the second goes on from the first one's file */
            cr_assert(rv_optim_set_group_lr(opt[0], 1, 0.05));
            cr_assert(rv_optim_set_group_momentum(opt[0], 0, 0.8));
            cr_assert(rv_save(path, p[0][0], p[0][1], p[0][2], opt[0]), "%s", rv_error());
            cr_assert(rv_load(path, p[1][0], p[1][1], p[1][2], opt[1]), "%s", rv_error());
        }
        for (int k = step < 3 ? 1 : 2; k-- > 0;) {
            for (int i = 0; i < 3; i++)
                SET_GRAD(p[k][i], sin(step + i), 0.5 * step);
            cr_assert(rv_optim_step(opt[k]), "%s", rv_error());
        }
    }
    for (int i = 0; i < 3; i++)
        cr_expect(rv_equal(p[0][i], p[1][i]));
    cr_expect_eq(rv_optim_group_lr(opt[1], 1), 0.05);
    cr_expect_eq(rv_optim_group_momentum(opt[1], 0), 0.8);
    cr_expect_eq(rv_optim_group_momentum(opt[1], 1), 0.9);
    cr_expect_eq(rv_optim_steps(opt[1]), 6);
    rv_optim_free(opt[0]);
    rv_optim_free(opt[1]);
    cr_expect(no_error());
}

/* ---- momenta --------------------------------------------------------------------------------- */

Test(optim_groups, momentum_can_change)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(0);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(p), .lr = 1, .momentum = 0.5);
    cr_expect(rv_optim_has_momentum(opt) && rv_optim_group_momentum(opt, 0) == 0.5);
    SET_GRAD(p, -1);
    cr_assert(rv_optim_step(opt));
    cr_expect(rv_optim_set_group_momentum(opt, 0, 0.25));
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(p, 0, 1 + 1.25));
    const double bad[] = {-1, (double)NAN, (double)INFINITY, 0};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        cr_expect_not(rv_optim_set_group_momentum(opt, 0, bad[i]));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "momentum"));
        cr_expect_eq(rv_optim_group_momentum(opt, 0), 0.25);
    }
    cr_assert(rv_optim_step(opt));
    cr_expect(HOLDS(p, 0, 2.25 + 1 + 1.25 * 0.25), "with the 0.25 of before");
    rv_optim_free(opt);
}

/* ---- start values, numbers kept -------------------------------------------------------------- */

/* Goes lr * bias down in each step, where bias begins at 3 and is doubled in every step; keeps the
 * last gradient, which counts as 7 times the first lr before the first. */
static double seven_start(const void *options, int i)
{
    (void)i;
    return 7 * ((const rv_optim_common *)options)->lr;
}
static double three_start(const void *options, int i)
{
    return i == 0 ? 3 : ((const rv_optim_common *)options)->lr;
}
static void doubling_prepare(rv_optim_prepare *p)
{
    p->factors[2] = p->scalars[0] * p->lr;
    p->scalars[0] *= 2;
}
RV_OPTIM_ELEMENTS(doubling_update, {
    real *p = e->parameter, *last = e->state[0];
    const real *g = e->gradient;
    for (int64_t i = 0; i < e->count; i++) {
        p[i] += last[i] - (real)e->factors[2] - (real)e->factors[1];
        last[i] = g[i];
    }
})
static const rv_optim_class doubling_class = {.name = "doubling",
                                              .state_count = 1,
                                              .state_names = {"last"},
                                              .scalar_count = 2,
                                              .scalar_names = {"bias", "first_lr"},
                                              .state_start = seven_start,
                                              .scalar_start = three_start,
                                              .prepare = doubling_prepare,
                                              .update_elements = doubling_update};

typedef struct kept {
    double bias, first_lr, last;
} kept;

static bool read_kept(void *context, const char *name, rv_tensor *t)
{
    kept *k = context;
    double *to = strcmp(name, "state.0.bias") == 0       ? &k->bias
                 : strcmp(name, "state.0.first_lr") == 0 ? &k->first_lr
                 : strcmp(name, "state.0.last") == 0     ? &k->last
                                                         : NULL;
    if (to != NULL)
        *to = at(t, 0);
    return true;
}

Test(optim_groups, start_values_and_numbers)
{
    RV_SCOPE;
    for (int dtype = RV_F32; dtype <= RV_F64; dtype++) {
        rv_tensor *p = rv_require_grad(rv_full(1, (rv_dtype)dtype, 2));
        rv_optim *opt =
            rv_optim_new(&doubling_class, &(rv_optim_common){.parameters = RV_TENSORS(p), .lr = 1});
        kept k = {0};
        cr_assert(rv_state(opt, read_kept, &k));
        cr_expect(k.bias == 3 && k.first_lr == 1 && k.last == 7);
        /* What was looked at before the first step still begins with the options of that step. */
        cr_assert(rv_optim_set_lr(opt, 0.5));
        cr_assert(rv_state(opt, read_kept, &k));
        cr_expect(k.first_lr == 0.5 && k.last == 3.5);
        cr_assert(rv_set_grad(p, rv_full(10, (rv_dtype)dtype, 2)) && rv_optim_step(opt));
        cr_assert(rv_state(opt, read_kept, &k));
        cr_expect(k.bias == 6 && k.first_lr == 0.5 && k.last == 10);
        cr_expect_eq(at(p, 1), 1 + 3.5 - 0.5 * 3);
        cr_assert(rv_optim_step(opt));
        cr_expect_eq(at(p, 1), 3 + 10 - 0.5 * 6);
        rv_optim_free(opt);
    }
}

/* A class without momentum, and what its state is called. */
static bool add_names(void *context, const char *name, rv_tensor *t)
{
    char *text = context;
    snprintf(text + strlen(text), 500 - strlen(text), "%s:%s%s ", name, rv_dtype_name(t->dtype),
             RV_SHAPE_OF(t));
    return true;
}

Test(optim_groups, names)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1, 2), *b = LEAF(3), *c = rv_require_grad(rv_ones(RV_F32, 2, 2));
    char text[500] = "";
    rv_optim *opt =
        rv_optim_new(&doubling_class, &(rv_optim_common){.parameters = RV_TENSORS(a), .lr = 1});
    cr_assert_eq(
        rv_optim_new(&doubling_class,
                     &(rv_optim_common){.parameters = RV_TENSORS(b, c), .lr = 1, .join = opt}),
        opt);
    cr_expect(rv_state(opt, add_names, text));
    cr_expect_str_eq(text, "lr:F64[2] steps:I64[] skipped:I64[] group.0:I64[1] group.1:I64[2] "
                           "state.0.step:I64[] state.0.bias:F64[] state.0.first_lr:F64[] "
                           "state.0.last:F64[2] state.1.step:I64[] state.1.bias:F64[] "
                           "state.1.first_lr:F64[] state.1.last:F64[1] state.2.step:I64[] "
                           "state.2.bias:F64[] state.2.first_lr:F64[] state.2.last:F32[2,2] ");
    cr_expect_not(rv_optim_has_momentum(opt));
    rv_optim_free(opt);
}

/* ---- gradients that are not finite ----------------------------------------------------------- */

Test(optim_groups, nonfinite)
{
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < RV_COUNT(bad); i++)
        for (rv_optim_nonfinite how = RV_NONFINITE_APPLY; how < RV_NONFINITE_COUNT; how++)
            for (int dtype = RV_F32; dtype <= RV_F64; dtype++) {
                RV_SCOPE;
                const int64_t n = 40000; /* in the last of three pieces */
                rv_tensor *a = rv_require_grad(rv_ones(RV_F64, 2));
                rv_tensor *b = rv_require_grad(rv_ones_n((rv_dtype)dtype, 1, &n));
                rv_optim *opt =
                    rv_optim_sgd(RV_TENSORS(a, b), .lr = 1, .momentum = 0.5, .nonfinite = how);
                rv_tensor *g = rv_ones_n((rv_dtype)dtype, 1, &n);
                SET_GRAD(a, 1, 1);
                cr_assert(rv_set_grad(b, g) && rv_optim_step(opt));
                cr_expect(rv_fill(rv_slice(g, .start = n - 2, .stop = n - 1), bad[i]) != NULL);
                cr_assert(rv_set_grad(b, g));
                const bool done = rv_optim_step(opt);
                cr_expect_eq(done, how != RV_NONFINITE_STOP);
                if (how == RV_NONFINITE_STOP)
                    cr_expect(error_is(RV_ERROR_NOT_FINITE,
                                       "optim_step: the gradient of parameter 1, [40000]"));
                if (how == RV_NONFINITE_APPLY)
                    cr_expect(at(a, 0) == -1.5 && !isfinite(at(b, n - 2)));
                else
                    cr_expect(HOLDS(a, 0, 0, 0) && at(b, n - 2) == 0 && at(b, 0) == 0);
                cr_expect_eq(rv_optim_steps(opt), how == RV_NONFINITE_APPLY ? 2 : 1);
                cr_expect_eq(rv_optim_skipped(opt), how == RV_NONFINITE_SKIP ? 1 : 0);
                cr_assert(rv_set_grad(b, rv_ones_n((rv_dtype)dtype, 1, &n)));
                cr_expect(rv_optim_step(opt), "the next one is made");
                if (how != RV_NONFINITE_APPLY)
                    cr_expect(at(b, n - 2) == -1.5 && at(a, 1) == -1.5, "buffers as before");
                rv_optim_free(opt);
            }
    cr_expect(no_error());
}

/* One group's choice is for the whole step; a group that does not ask is not looked at. */
Test(optim_groups, nonfinite_of_groups)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1), *b = LEAF(1);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(a), .lr = 1);
    rv_optim_sgd(RV_TENSORS(b), .lr = 1, .nonfinite = RV_NONFINITE_SKIP, .join = opt);
    SET_GRAD(a, 1);
    SET_GRAD(b, (double)NAN);
    cr_expect(rv_optim_step(opt));
    cr_expect(HOLDS(a, 0, 1) && rv_optim_skipped(opt) == 1);
    SET_GRAD(a, (double)NAN);
    SET_GRAD(b, 1);
    cr_expect(rv_optim_step(opt));
    cr_expect(isnan(at(a, 0)) && HOLDS(b, 0, 0) && rv_optim_steps(opt) == 1);
    rv_optim_free(opt);
}

/* ---- accumulation ---------------------------------------------------------------------------- */

static rv_tensor *loss_of(rv_layer *net, rv_tensor *x, rv_tensor *y)
{
    return rv_mse(rv_forward(net, x), y, .reduction = RV_REDUCTION_SUM);
}

/* Two half batches, their losses' gradients added up, are one whole. */
Test(optim_groups, gradients_accumulate)
{
    RV_SCOPE;
    rv_tensor *x = rv_randn(RV_F64, 8, 3), *y = rv_randn(RV_F64, 8, 2);
    rv_tensor *weights[2];
    for (int parts = 1; parts <= 2; parts++) {
        rv_seed(3);
        rv_layer *net = rv_layer_linear(3, 2, .dtype = RV_F64);
        rv_optim *opt = rv_optim_adam(rv_parameters(net), .lr = 0.1);
        for (int step = 0; step < 5; step++) {
            cr_assert(rv_optim_zero_grad(opt));
            for (int i = 0; i < parts; i++) {
                const int64_t from = 8 / parts * i, to = 8 / parts * (i + 1);
                rv_tensor *part = loss_of(net, rv_slice(x, .start = from, .stop = to),
                                          rv_slice(y, .start = from, .stop = to));
                cr_assert(rv_backward(rv_mul_scalar(part, 1.0 / 8)));
            }
            cr_assert(rv_optim_step(opt));
        }
        weights[parts - 1] = rv_copy(rv_detach(rv_layer_parameter(net, "weight")));
        rv_optim_free(opt);
        rv_layer_free(net);
    }
    reason why = {""};
    cr_expect(is_near(weights[1], weights[0], 1e-12, &why), "%s", why.text);
    cr_expect(no_error());
}

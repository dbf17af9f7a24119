/* test_clip.c - clipping gradients: PyTorch's rule, what is left alone, what is wrong. */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

#define LEAF(...) rv_require_grad(VECTOR(__VA_ARGS__))
#define SET_GRAD(p, ...) cr_assert(rv_set_grad((p), VECTOR(__VA_ARGS__)))

static const double inf = (double)INFINITY, nan_value = (double)NAN;

/* Gradients (3, -4), none, and (12): norms 13 of order 2, 19 of order 1, 12 of infinity. */
static rv_tensors gradients(void)
{
    static rv_tensor *p[3];
    p[0] = LEAF(1, 1), p[1] = LEAF(1), p[2] = LEAF(1);
    SET_GRAD(p[0], 3, -4);
    SET_GRAD(p[2], 12);
    return (rv_tensors){.items = p, .count = 3};
}

static bool gradients_are(rv_tensors p, double a, double b, double c)
{
    return HOLDS(rv_grad(p.items[0]), 1e-15, a, b) && rv_grad(p.items[1]) == NULL &&
           HOLDS(rv_grad(p.items[2]), 1e-15, c);
}

Test(clip, by_norm)
{
    RV_SCOPE;
    const struct {
        double type, norm, most;
    } cases[] = {{2, 13, 6.5},   {2, 13, 1e-3},  {2, 13, 0},
                 {1, 19, 2},     {inf, 12, 3},   {3, cbrt(27 + 64 + 1728), 1},
                 {0.5, 0, 1e-2}, {-inf, 3, 0.1}, {0, 2, 0.5}};
    for (int i = 0; i < RV_COUNT(cases); i++) {
        rv_tensors p = gradients();
        const double root = sqrt(3) + 2 + sqrt(12);
        const double norm = cases[i].type == 0.5 ? root * root : cases[i].norm;
        const double most = cases[i].most, factor = most / (norm + 1e-6);
        const double got = rv_clip_grad_norm(p, most, .norm_type = cases[i].type);
        cr_expect(fabs(got - norm) <= 1e-14 * norm, "order %g: %.17g", cases[i].type, got);
        cr_expect(gradients_are(p, 3 * factor, -4 * factor, 12 * factor));
        cr_expect(HOLDS(p.items[0], 0, 1, 1), "the parameters stay");
    }
    cr_expect(no_error());
}

/* PyTorch's own numbers (2.13), which computes the factor in single precision too. */
Test(clip, in_single_precision)
{
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(rv_ones(RV_F32, 2));
    cr_assert(rv_set_grad(p, rv_cast(VECTOR(3, 4), RV_F32)));
    cr_expect_eq(rv_clip_grad_norm(RV_TENSORS(p), 1), 5);
    cr_expect(HOLDS(rv_grad(p), 6e-8, 0.5999999046325684, 0.7999998331069946));
}

Test(clip, nothing_to_do)
{
    RV_SCOPE;
    rv_tensors p = gradients();
    rv_tensor *before = rv_grad(p.items[0]);
    cr_expect_eq(rv_clip_grad_norm(p, 13.1), 13);
    cr_expect_eq(rv_clip_grad_norm(p, inf), 13);
    cr_expect(gradients_are(p, 3, -4, 12));
    cr_expect_eq(rv_grad(p.items[0]), before);
    cr_expect_eq(rv_clip_grad_norm((rv_tensors){0}, 1), 0);
    rv_tensor *none = LEAF(1);
    cr_expect_eq(rv_clip_grad_norm(RV_TENSORS(none), 1), 0);
    cr_expect(rv_clip_grad_value(RV_TENSORS(none), 1) && rv_grad(none) == NULL);
    cr_expect(no_error());
}

Test(clip, norms_that_are_not_finite)
{
    RV_SCOPE;
    const double bad[] = {nan_value, inf, -inf};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        rv_tensors p = gradients();
        SET_GRAD(p.items[2], bad[i]);
        const double norm = rv_clip_grad_norm(p, 1, .error_if_nonfinite = true);
        cr_expect(isnan(norm) && error_is(RV_ERROR_NOT_FINITE, "clip_grad_norm: the gradients'"));
        cr_expect(HOLDS(rv_grad(p.items[0]), 0, 3, -4));
        const double got = rv_clip_grad_norm(p, 1);
        cr_expect(isnan(bad[i]) ? isnan(got) : got == inf);
        const double first = at(rv_grad(p.items[0]), 0);
        cr_expect(isnan(bad[i]) ? isnan(first) : first == 0);
        cr_expect(isnan(at(rv_grad(p.items[2]), 0)));
    }
    rv_tensors p = gradients(); /* squares overflow, the norm does not */
    SET_GRAD(p.items[2], 1e200);
    cr_expect_eq(rv_clip_grad_norm(p, 1e200), 1e200);
    cr_expect(no_error());
}

Test(clip, by_value)
{
    RV_SCOPE;
    rv_tensors p = gradients();
    cr_expect(rv_clip_grad_value(p, 3.5));
    cr_expect(gradients_are(p, 3, -3.5, 3.5));
    SET_GRAD(p.items[0], nan_value, -inf);
    cr_expect(rv_clip_grad_value(p, 2));
    cr_expect(isnan(at(rv_grad(p.items[0]), 0)) && at(rv_grad(p.items[0]), 1) == -2);
    cr_expect(rv_clip_grad_value(p, 0));
    cr_expect(HOLDS(rv_grad(p.items[2]), 0, 0));
    cr_expect(no_error());
}

/* A gradient that somebody else holds is not changed under his hands. */
Test(clip, what_others_hold_stays)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, 2), *g = VECTOR(6, 8);
    cr_assert(rv_set_grad(p, g));
    cr_expect_eq(rv_clip_grad_norm(RV_TENSORS(p), 1), 10);
    cr_expect(HOLDS(g, 0, 6, 8));
    cr_expect(HOLDS(rv_grad(p), 1e-6, 0.6, 0.8));
}

Test(clip, what_is_wrong)
{
    RV_SCOPE;
    rv_tensors p = gradients();
    const struct {
        double most, type;
        const char *message;
    } cases[] = {{-1, 2, "clip_grad_norm: max_norm is -1; >= 0"},
                 {nan_value, 2, "clip_grad_norm: max_norm is "},
                 {-inf, 2, "clip_grad_norm: max_norm is -inf"},
                 {1, nan_value, "clip_grad_norm: norm_type is NaN"}};
    for (int i = 0; i < RV_COUNT(cases); i++) {
        cr_expect(isnan(rv_clip_grad_norm(p, cases[i].most, .norm_type = cases[i].type)));
        cr_expect(error_is(RV_ERROR_ARGUMENT, cases[i].message));
    }
    const double bad[] = {-1, nan_value, -inf};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        cr_expect_not(rv_clip_grad_value(p, bad[i]));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "clip_grad_value: value is "));
    }
    const rv_tensors null = RV_TENSORS(p.items[0], NULL), none = {.items = NULL, .count = 2};
    cr_expect(isnan(rv_clip_grad_norm(null, 1)));
    cr_expect(error_is(RV_ERROR_NULL, "clip_grad_norm: parameter 1 is NULL"));
    cr_expect_not(rv_clip_grad_value(null, 1));
    cr_expect(error_is(RV_ERROR_NULL, "clip_grad_value: parameter 1 is NULL"));
    cr_expect(isnan(rv_clip_grad_norm(none, 1)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "clip_grad_norm: there are 2 parameters, at NULL"));
    cr_expect(isnan(rv_clip_grad_norm_with(NULL)));
    cr_expect(error_is(RV_ERROR_NULL, "clip_grad_norm: the options are NULL"));
    cr_expect_null(rv_matmul(NULL, NULL));
    cr_expect(isnan(rv_clip_grad_norm(p, 1)) && !rv_clip_grad_value(p, 1));
    cr_expect(error_is(RV_ERROR_NULL, "matmul"), "not while an error is unread");
    cr_expect(gradients_are(p, 3, -4, 12));
}

Test(clip, out_of_memory)
{
    RV_SCOPE;
    rv_tensor *p[2];
    for (int i = 0; i < 2; i++) {
        p[i] = rv_require_grad(rv_ones(RV_F64, 100000));
        cr_assert(rv_set_grad(p[i], rv_ones(RV_F64, 100000)));
    }
    const rv_tensors both = {.items = p, .count = 2};
    rv_memory_trim();
    rv_memory_limit(rv_memory_usage().held + 900000); /* enough for one of them */
    const double norm = rv_clip_grad_norm(both, 1);
    rv_memory_limit(SIZE_MAX);
    cr_expect(isnan(norm) && error_is(RV_ERROR_MEMORY, "out of memory"));
    cr_expect(at(rv_grad(p[0]), 0) == 1 && at(rv_grad(p[1]), 0) == 1);
}

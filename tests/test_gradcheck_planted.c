/* test_gradcheck_planted.c - derivatives that are wrong in every way we could think of must be
 * caught, and what is wrong about them named. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

static rv_gradcheck_report r;

/* ---- planted mistakes ------------------------------------------------------------------------ */

/* Records `y`, computed apart from the graph, as `op` of in. */
#define RECORDED(op, y, inputs, in)                   \
    __extension__({                                   \
        bool was_ = rv_set_recording(false);          \
        rv_tensor *y_ = (y);                          \
        rv_recording_restore(&was_);                  \
        rv_record((op), y_, (inputs), (in), NULL, 0); \
    })

static void square_negative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_saved_input(d, 0), -2));
}
static void square_half(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_saved_input(d, 0));
}
static void square_twice(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_saved_input(d, 0), 4));
}
static void square_factor(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_saved_input(d, 0), 2.5));
}
static void square_zero(rv_derivative *d)
{
    d->grads[0] = rv_mul_scalar(d->g, 0);
}
static void square_without_g(rv_derivative *d)
{
    d->grads[0] = rv_mul_scalar(rv_saved_input(d, 0), 2);
}
static void square_of_g_squared(rv_derivative *d)
{
    d->grads[0] = rv_mul(rv_mul(d->g, d->g), rv_mul_scalar(rv_saved_input(d, 0), 2));
}
static void
square_second_only(rv_derivative *d) /* right, but a constant to who differentiates it */
{
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_detach(rv_saved_input(d, 0)), 2));
}
static void square_unsteady(rv_derivative *d)
{
    static double calls;
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_saved_input(d, 0), 2 + 1e-9 * calls++));
}
static void square_infinite(rv_derivative *d)
{
    d->grads[0] = rv_mul_scalar(rv_mul(d->g, rv_saved_input(d, 0)), INFINITY);
}

static const struct mistake {
    rv_op op;
    const char *message;
    bool in_first_order;
} mistakes[] = {
    {RV_CUSTOM_OP(negative, 1, RV_SAVE_INPUT(0), square_negative),
     "analytic is the negative of numeric everywhere", true},
    {RV_CUSTOM_OP(half, 1, RV_SAVE_INPUT(0), square_half), "analytic is half of numeric everywhere",
     true},
    {RV_CUSTOM_OP(twice, 1, RV_SAVE_INPUT(0), square_twice), "analytic is twice numeric everywhere",
     true},
    {RV_CUSTOM_OP(factor, 1, RV_SAVE_INPUT(0), square_factor),
     "analytic is 1.25 times numeric everywhere", true},
    {RV_CUSTOM_OP(zero, 1, RV_SAVE_INPUT(0), square_zero), "analytic is 0 everywhere", true},
    {RV_CUSTOM_OP(without_g, 1, RV_SAVE_INPUT(0), square_without_g),
     "backward does not multiply by the gradient", true},
    {RV_CUSTOM_OP(g_squared, 1, RV_SAVE_INPUT(0), square_of_g_squared),
     "backward is not linear in the gradient", true},
    {RV_CUSTOM_OP(unsteady, 1, RV_SAVE_INPUT(0), square_unsteady), "backward gives two results",
     true},
    {RV_CUSTOM_OP(infinite, 1, RV_SAVE_INPUT(0), square_infinite), "analytic inf", true},
    {RV_CUSTOM_OP(second, 1, RV_SAVE_INPUT(0), square_second_only), "analytic is 0", false},
};

static rv_tensor *planted_square(rv_tensor **in, void *context)
{
    const struct mistake *m = context;
    return RECORDED(&m->op, rv_mul(in[0], in[0]), 1, in);
}

Test(planted, mistakes_of_a_square_are_named)
{
    for (int i = 0; i < RV_COUNT(mistakes); i++) {
        RV_SCOPE;
        rv_tensor *in[] = {VECTOR(0.7, 1.9, -1.2)};
        void *context = (void *)&mistakes[i];
        const char *name = mistakes[i].op.name;
        if (mistakes[i].in_first_order) {
            cr_expect_not(rv_gradcheck(planted_square, context, in, 1, &r), "%s", name);
        } else {
            cr_expect(rv_gradcheck(planted_square, context, in, 1, &r), "%s", name);
            cr_expect_not(rv_gradgradcheck(planted_square, context, in, 1, &r), "%s", name);
        }
        cr_expect_not(r.ok);
        cr_expect(contains(r.message, mistakes[i].message), "%s", name);
        cr_expect(no_error(), "a verdict is no error");
    }
}

Test(planted, fast_mode_finds_them_and_reports_elements)
{
    for (int i = 0; i < RV_COUNT(mistakes); i++) {
        RV_SCOPE;
        rv_tensor *in[] = {VECTOR(0.7, 1.9, -1.2)};
        void *context = (void *)&mistakes[i];
        const char *name = mistakes[i].op.name;
        if (mistakes[i].in_first_order)
            cr_expect_not(rv_gradcheck(planted_square, context, in, 1, &r, .fast = true), "%s",
                          name);
        else
            cr_expect_not(rv_gradgradcheck(planted_square, context, in, 1, &r, .fast = true), "%s",
                          name);
        cr_expect(contains(r.message, mistakes[i].message), "%s", name);
        cr_expect(no_error());
    }
}

Test(planted, a_right_first_order_hides_a_wrong_second)
{
    RV_SCOPE;
    const struct mistake *second = &mistakes[RV_COUNT(mistakes) - 1];
    rv_tensor *in[] = {VECTOR(0.7, 1.9, -1.2)};
    cr_expect(rv_gradcheck(planted_square, (void *)second, in, 1, &r), "%s", r.message);
    cr_expect_not(rv_gradgradcheck(planted_square, (void *)second, in, 1, &r));
    cr_expect_eq(r.compared, 3 * (3 + 3));
    cr_expect_eq(r.failed, 3, "the diagonal 2g by x; what goes through g is right");
    cr_expect_eq(r.input, 0);
    cr_expect(contains(r.message, "(the gradient of input 0, element ["));
    cr_expect(contains(r.message, "analytic is 0 throughout input 0"));
}

/* The report's numbers: only element [1,0] of input 1 is wrong, in output 2 = [1,0] of the sum. */
static void add_with_one_wrong(rv_derivative *d)
{
    d->grads[0] = d->g;
    d->grads[1] = rv_mul(d->g, rv_reshape(VECTOR(1, 1, 1.5, 1), 2, 2));
}
static const rv_op one_wrong = RV_CUSTOM_OP(one_wrong, 2, RV_SAVE_NOTHING, add_with_one_wrong);

static rv_tensor *planted_one(rv_tensor **in, void *context)
{
    (void)context;
    return RECORDED(&one_wrong, rv_add(in[0], in[1]), 2, in);
}

Test(planted, the_report_points_at_the_element)
{
    RV_SCOPE;
    rv_tensor *in[] = {waves(2, 2, 0), waves(2, 2, 1)};
    cr_expect_not(rv_gradcheck(planted_one, NULL, in, 2, &r));
    cr_expect(!r.ok && r.input == 1 && r.ndim == 2 && r.index[0] == 1 && r.index[1] == 0);
    cr_expect_eq(r.output, 2);
    cr_expect_eq(r.analytic, 1.5);
    cr_expect(fabs(r.numeric - 1) < 1e-8);
    cr_expect(fabs(r.error - 0.5) < 1e-8);
    cr_expect(fabs(r.relative - 1.0 / 3) < 1e-8);
    cr_expect(fabs(r.allowed - (1e-5 + 1e-3)) < 1e-8);
    cr_expect_eq(r.compared, 32);
    cr_expect_eq(r.failed, 1);
    cr_expect(contains(
        r.message, "input 1, element [1,0], output 2: analytic 1.5, numeric 1 (error 0.5, relative "
                   "0.333, allowed 0.00101); 1 of 32 derivatives differ"));
}

/* The worst is judged by what is allowed there, not by size: 0.1 off at 0 is worse than 1 at 1000.
 */
static void add_with_two_wrong(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, VECTOR(1002, 0.1));
}
static const rv_op two_wrong = RV_CUSTOM_OP(two_wrong, 1, RV_SAVE_NOTHING, add_with_two_wrong);

static rv_tensor *planted_two(rv_tensor **in, void *context)
{
    (void)context;
    return RECORDED(&two_wrong, rv_mul(in[0], VECTOR(1000, 0)), 1, in);
}

Test(planted, the_worst_is_relative_to_what_is_allowed)
{
    RV_SCOPE;
    rv_tensor *in[] = {VECTOR(0.5, 0.5)};
    cr_expect_not(rv_gradcheck(planted_two, NULL, in, 1, &r));
    cr_expect_eq(r.failed, 2);
    cr_expect_eq(r.index[0], 1);
    cr_expect(rv_gradcheck(planted_two, NULL, in, 1, &r, .atol = 0.2, .rtol = 0.01), "%s",
              r.message);
}

/* a - b with b's sign forgotten. */
static void sub_with_plus(rv_derivative *d)
{
    d->grads[0] = d->grads[1] = d->g;
}
static const rv_op plus_op = RV_CUSTOM_OP(plus, 2, RV_SAVE_NOTHING, sub_with_plus);
static rv_tensor *planted_sub(rv_tensor **in, void *context)
{
    (void)context;
    return RECORDED(&plus_op, rv_sub(in[0], in[1]), 2, in);
}

/* a b with b not transposed in a's gradient. */
static void matmul_untransposed(rv_derivative *d)
{
    d->grads[0] = rv_matmul(d->g, rv_saved_input(d, 1));
    d->grads[1] = rv_matmul(rv_transpose(rv_saved_input(d, 0), 0, 1), d->g);
}
static const rv_op untransposed_op =
    RV_CUSTOM_OP(untransposed, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), matmul_untransposed);
static rv_tensor *planted_matmul(rv_tensor **in, void *context)
{
    (void)context;
    return RECORDED(&untransposed_op, rv_matmul(in[0], in[1]), 2, in);
}

/* A transpose whose gradient is only reshaped. */
static void transpose_reshaped(rv_derivative *d)
{
    const rv_shape_of x = rv_input_shape(d, 0);
    d->grads[0] = rv_reshape_n(d->g, x.ndim, x.shape);
}
static const rv_op reshaped_op = RV_CUSTOM_OP(reshaped, 1, RV_SAVE_NOTHING, transpose_reshaped);
static rv_tensor *planted_transpose(rv_tensor **in, void *context)
{
    (void)context;
    return rv_exp(RECORDED(&reshaped_op, rv_copy(rv_transpose(in[0], 0, 1)), 1, in));
}

/* The same in a batch: the last two axes of three. */
static rv_tensor *planted_batch(rv_tensor **in, void *context)
{
    (void)context;
    return rv_exp(RECORDED(&reshaped_op, rv_copy(rv_transpose(in[0], 1, 2)), 1, in));
}

/* A mean whose gradient is that of a sum, and the other way round. */
static void mean_as_sum(rv_derivative *d)
{
    const rv_shape_of x = rv_input_shape(d, 0);
    d->grads[0] = rv_expand_n(d->g, x.ndim, x.shape);
}
static const rv_op mean_op = RV_CUSTOM_OP(mean, 1, RV_SAVE_NOTHING, mean_as_sum);
static rv_tensor *planted_mean(rv_tensor **in, void *context)
{
    (void)context;
    return RECORDED(&mean_op, rv_mean(in[0]), 1, in);
}
static void sum_as_mean(rv_derivative *d)
{
    const rv_shape_of x = rv_input_shape(d, 0);
    d->grads[0] = rv_div_scalar(rv_expand_n(d->g, x.ndim, x.shape), 6);
}
static const rv_op sum_op = RV_CUSTOM_OP(sum, 1, RV_SAVE_NOTHING, sum_as_mean);
static rv_tensor *planted_sum(rv_tensor **in, void *context)
{
    (void)context;
    return RECORDED(&sum_op, rv_sum(in[0]), 1, in);
}

/* x e^x without the term that comes from x. */
static void product_missing_term(rv_derivative *d)
{
    rv_tensor *x = rv_saved_input(d, 0);
    d->grads[0] = rv_mul(d->g, rv_mul(x, rv_exp(x)));
}
static const rv_op missing_op = RV_CUSTOM_OP(missing, 1, RV_SAVE_INPUT(0), product_missing_term);
static rv_tensor *planted_missing(rv_tensor **in, void *context)
{
    (void)context;
    return RECORDED(&missing_op, rv_mul(in[0], rv_exp(in[0])), 1, in);
}

Test(planted, a_sign_of_one_input)
{
    RV_SCOPE;
    rv_tensor *in[] = {waves(2, 2, 0), waves(2, 2, 1)};
    cr_expect_not(rv_gradcheck(planted_sub, NULL, in, 2, &r));
    cr_expect(contains(r.message, "analytic is the negative of numeric throughout input 1"));
}

Test(planted, a_transposition)
{
    RV_SCOPE;
    rv_tensor *in[] = {waves(3, 3, 0), waves(3, 3, 1)}, *wide[] = {waves(2, 3, 0.5)};
    cr_expect_not(rv_gradcheck(planted_matmul, NULL, in, 2, &r));
    cr_expect(contains(r.message, "analytic is numeric transposed throughout input 0"));
    cr_expect_not(rv_gradcheck(planted_transpose, NULL, wide, 1, &r));
    cr_expect(contains(r.message, "analytic is numeric transposed throughout input 0"));
}

Test(planted, a_transposition_within_a_batch)
{
    RV_SCOPE;
    rv_tensor *in[] = {rv_reshape(waves(2, 6, 0.5), 2, 2, 3)};
    cr_expect_not(rv_gradcheck(planted_batch, NULL, in, 1, &r));
    cr_expect(contains(r.message, "analytic is numeric transposed throughout input 0"));
}

Test(planted, a_sum_for_a_mean)
{
    RV_SCOPE;
    rv_tensor *in[] = {waves(2, 3, 0.5)};
    cr_expect_not(rv_gradcheck(planted_mean, NULL, in, 1, &r));
    cr_expect(contains(r.message, "analytic is 6 times numeric everywhere (input 0 has 6 elements: "
                                  "a sum for a mean?)"));
    cr_expect_not(rv_gradcheck(planted_sum, NULL, in, 1, &r));
    cr_expect(contains(r.message, "analytic is 0.1667 times numeric everywhere (input 0 has 6 "
                                  "elements: a sum for a mean?)"));
}

Test(planted, a_missing_term)
{
    RV_SCOPE;
    rv_tensor *in[] = {waves(2, 3, 0.5)};
    cr_expect_not(rv_gradcheck(planted_missing, NULL, in, 1, &r));
    cr_expect(contains(r.message, "6 of 36 derivatives differ"));
    cr_expect_null(strstr(r.message, "analytic is"), "no pattern is made up: %s", r.message);
}

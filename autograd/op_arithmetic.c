/* op_arithmetic.c - add, sub, mul, div, neg, pow.
 *
 * Derivatives speak of the broadcast shape; the engine sums them down to each input's. An operation
 * with a scalar is the operation with a 0-d constant.
 */
#include "autograd/graph.h"
#include "autograd/op_support.h"

#include "core/elementwise.h"

/* ---- add ------------------------------------------------------------------------------------ */

static void add_derivative(rv_derivative *d)
{
    d->grads[0] = d->g;
    d->grads[1] = d->g;
}

static const rv_op add_op = RV_OP(add, 2, RV_SAVE_NOTHING, add_derivative);

rv_tensor *rv_add(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {a, b};
    return rv_record(&add_op, rv_elementwise("add", RV_LOOP_add, 2, in), 2, in, NULL, 0);
}

rv_tensor *rv_add_scalar(rv_tensor *a, double b)
{
    return rv_add(a, rv_scalar_like("add", a, b));
}

/* ---- sub ------------------------------------------------------------------------------------ */

static void sub_derivative(rv_derivative *d)
{
    d->grads[0] = d->g;
    if (d->needs[1])
        d->grads[1] = rv_neg(d->g);
}

static const rv_op sub_op = RV_OP(sub, 2, RV_SAVE_NOTHING, sub_derivative);

rv_tensor *rv_sub(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {a, b};
    return rv_record(&sub_op, rv_elementwise("sub", RV_LOOP_sub, 2, in), 2, in, NULL, 0);
}

rv_tensor *rv_sub_scalar(rv_tensor *a, double b)
{
    return rv_sub(a, rv_scalar_like("sub", a, b));
}

/* ---- mul ------------------------------------------------------------------------------------ */

static void mul_derivative(rv_derivative *d)
{
    if (d->needs[0])
        d->grads[0] = rv_mul(d->g, rv_saved_input(d, 1));
    if (d->needs[1])
        d->grads[1] = rv_mul(d->g, rv_saved_input(d, 0));
}

static const rv_op mul_op = RV_OP(mul, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), mul_derivative);

rv_tensor *rv_mul(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {a, b};
    return rv_record(&mul_op, rv_elementwise("mul", RV_LOOP_mul, 2, in), 2, in, NULL, 0);
}

rv_tensor *rv_mul_scalar(rv_tensor *a, double b)
{
    return rv_mul(a, rv_scalar_like("mul", a, b));
}

/* ---- div ------------------------------------------------------------------------------------ */

static void div_derivative(rv_derivative *d)
{
    rv_tensor *g_over_b = rv_div(d->g, rv_saved_input(d, 1));
    d->grads[0] = g_over_b;
    if (d->needs[1])
        d->grads[1] = rv_neg(rv_mul(g_over_b, rv_saved_output(d)));
}

static const rv_op div_op = RV_OP(div, 2, RV_SAVE_INPUT(1) | RV_SAVE_OUTPUT, div_derivative);

rv_tensor *rv_div(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {a, b};
    return rv_record(&div_op, rv_elementwise("div", RV_LOOP_div, 2, in), 2, in, NULL, 0);
}

rv_tensor *rv_div_scalar(rv_tensor *a, double b)
{
    return rv_div(a, rv_scalar_like("div", a, b));
}

/* ---- neg ------------------------------------------------------------------------------------ */

static void neg_derivative(rv_derivative *d)
{
    d->grads[0] = rv_neg(d->g);
}

static const rv_op neg_op = RV_OP(neg, 1, RV_SAVE_NOTHING, neg_derivative);

rv_tensor *rv_neg(rv_tensor *x)
{
    return rv_record(&neg_op, rv_elementwise("neg", RV_LOOP_neg, 1, &x), 1, &x, NULL, 0);
}

/* ---- pow ------------------------------------------------------------------------------------ */

/* b - 1, but 0 where b is 0 and a^-1 is not finite: b * a^(b-1) is then 0 there, and not 0 * inf.
 * Where a^-1 is finite, the product is 0 anyway, and its own derivatives are right. */
static rv_tensor *lowered_exponent(rv_tensor *a, rv_tensor *b)
{
    if (!rv_requires_grad(b) && b->numel == 1 && rv_item(b) != 0)
        return rv_sub_scalar(b, 1);
    rv_tensor *a_is_number = rv_add(rv_gt_scalar(a, 0), rv_lt_scalar(a, 0));
    rv_tensor *undefined = rv_gt(rv_eq_scalar(b, 0), a_is_number);
    return rv_sub_scalar(rv_where(undefined, rv_scalar_like("pow", b, 1), b), 1);
}

/* log(a), but 0 where a is 0 and b >= 0: there a^b * log(a) counts as 0, as in PyTorch. */
static rv_tensor *log_of_base(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *undefined = rv_mul(rv_eq_scalar(a, 0), rv_ge_scalar(b, 0));
    return rv_log(rv_where(undefined, rv_scalar_like("pow", a, 1), a));
}

static void pow_derivative(rv_derivative *d)
{
    rv_tensor *a = rv_saved_input(d, 0), *b = rv_saved_input(d, 1);
    if (a == NULL || b == NULL)
        return;
    if (d->needs[0])
        d->grads[0] = rv_mul(d->g, rv_mul(b, rv_pow(a, lowered_exponent(a, b))));
    if (d->needs[1])
        d->grads[1] = rv_mul(d->g, rv_mul(rv_saved_output(d), log_of_base(a, b)));
}

static const rv_op pow_op =
    RV_OP(pow, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_OUTPUT, pow_derivative);

rv_tensor *rv_pow(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {a, b};
    return rv_record(&pow_op, rv_elementwise("pow", RV_LOOP_pow, 2, in), 2, in, NULL, 0);
}

rv_tensor *rv_pow_scalar(rv_tensor *a, double b)
{
    return rv_pow(a, rv_scalar_like("pow", a, b));
}

/* op_exponential.c - exp, expm1, log, log1p, sqrt, rsqrt: one loop forward, a line backward. */
#include "autograd/op_support.h"

#include "core/elementwise.h"

/* ---- exp, expm1 ----------------------------------------------------------------------------- */

static void exp_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_saved_output(d));
}

static const rv_op exp_op = RV_OP(exp, 1, RV_SAVE_OUTPUT, exp_derivative);

rv_tensor *rv_exp(rv_tensor *x)
{
    return rv_record(&exp_op, rv_elementwise("exp", RV_LOOP_exp, 1, &x), 1, &x, NULL, 0);
}

static void expm1_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_add_scalar(rv_saved_output(d), 1));
}

static const rv_op expm1_op = RV_OP(expm1, 1, RV_SAVE_OUTPUT, expm1_derivative);

rv_tensor *rv_expm1(rv_tensor *x)
{
    return rv_record(&expm1_op, rv_elementwise("expm1", RV_LOOP_expm1, 1, &x), 1, &x, NULL, 0);
}

/* ---- log, log1p ----------------------------------------------------------------------------- */

static void log_derivative(rv_derivative *d)
{
    d->grads[0] = rv_div(d->g, rv_saved_input(d, 0));
}

static const rv_op log_op = RV_OP(log, 1, RV_SAVE_INPUT(0), log_derivative);

rv_tensor *rv_log(rv_tensor *x)
{
    return rv_record(&log_op, rv_elementwise("log", RV_LOOP_log, 1, &x), 1, &x, NULL, 0);
}

static void log1p_derivative(rv_derivative *d)
{
    d->grads[0] = rv_div(d->g, rv_add_scalar(rv_saved_input(d, 0), 1));
}

static const rv_op log1p_op = RV_OP(log1p, 1, RV_SAVE_INPUT(0), log1p_derivative);

rv_tensor *rv_log1p(rv_tensor *x)
{
    return rv_record(&log1p_op, rv_elementwise("log1p", RV_LOOP_log1p, 1, &x), 1, &x, NULL, 0);
}

/* ---- sqrt, rsqrt ---------------------------------------------------------------------------- */

static void sqrt_derivative(rv_derivative *d)
{
    d->grads[0] = rv_div(d->g, rv_mul_scalar(rv_saved_output(d), 2));
}

static const rv_op sqrt_op = RV_OP(sqrt, 1, RV_SAVE_OUTPUT, sqrt_derivative);

rv_tensor *rv_sqrt(rv_tensor *x)
{
    return rv_record(&sqrt_op, rv_elementwise("sqrt", RV_LOOP_sqrt, 1, &x), 1, &x, NULL, 0);
}

/* Of y = x^(-1/2): -y^3/2. */
static void rsqrt_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_saved_output(d);
    d->grads[0] = rv_mul(rv_mul_scalar(d->g, -0.5), rv_mul(rv_mul(y, y), y));
}

static const rv_op rsqrt_op = RV_OP(rsqrt, 1, RV_SAVE_OUTPUT, rsqrt_derivative);

rv_tensor *rv_rsqrt(rv_tensor *x)
{
    return rv_record(&rsqrt_op, rv_elementwise("rsqrt", RV_LOOP_rsqrt, 1, &x), 1, &x, NULL, 0);
}

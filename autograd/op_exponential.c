/* op_exponential.c - exp, log, sqrt: one loop forward, one line backward. */
#include "autograd/op_support.h"

#include "core/elementwise.h"

static void exp_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_saved_output(d));
}

static const rv_op exp_op = RV_OP(exp, 1, RV_SAVE_OUTPUT, exp_derivative);

rv_tensor *rv_exp(rv_tensor *x)
{
    return rv_record(&exp_op, rv_elementwise("exp", RV_LOOP_exp, 1, &x), 1, &x, NULL, 0);
}

static void log_derivative(rv_derivative *d)
{
    d->grads[0] = rv_div(d->g, rv_saved_input(d, 0));
}

static const rv_op log_op = RV_OP(log, 1, RV_SAVE_INPUT(0), log_derivative);

rv_tensor *rv_log(rv_tensor *x)
{
    return rv_record(&log_op, rv_elementwise("log", RV_LOOP_log, 1, &x), 1, &x, NULL, 0);
}

static void sqrt_derivative(rv_derivative *d)
{
    d->grads[0] = rv_div(d->g, rv_mul_scalar(rv_saved_output(d), 2));
}

static const rv_op sqrt_op = RV_OP(sqrt, 1, RV_SAVE_OUTPUT, sqrt_derivative);

rv_tensor *rv_sqrt(rv_tensor *x)
{
    return rv_record(&sqrt_op, rv_elementwise("sqrt", RV_LOOP_sqrt, 1, &x), 1, &x, NULL, 0);
}

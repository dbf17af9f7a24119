/* op_softplus.c - softplus and log_sigmoid: logarithms of 1 + e^x that never overflow.
 *
 * Their derivatives are operations of their own, in one pass over the gradient and x.
 */
#include "autograd/op_support.h"

#include <math.h>

#include "core/elementwise.h"

/* ---- log_sigmoid ---------------------------------------------------------------------------- */

static void log_sigmoid_derivative(rv_derivative *d)
{
    d->grads[0] = rv_log_sigmoid_grad(d->g, rv_saved_input(d, 0));
}

static const rv_op log_sigmoid_op = RV_OP(log_sigmoid, 1, RV_SAVE_INPUT(0), log_sigmoid_derivative);

rv_tensor *rv_log_sigmoid(rv_tensor *x)
{
    rv_tensor *y = rv_elementwise("log_sigmoid", RV_LOOP_log_sigmoid, 1, &x);
    return rv_record(&log_sigmoid_op, y, 1, &x, NULL, 0);
}

/* Of g*(1 - s), s = sigmoid(x): 1 - s, and -g*s*(1 - s). */
static void log_sigmoid_grad_derivative(rv_derivative *d)
{
    rv_tensor *x = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_log_sigmoid_grad(d->g, x);
    if (d->needs[1]) {
        rv_tensor *both = rv_mul(d->g, rv_saved_input(d, 0));
        d->grads[1] = rv_neg(rv_sigmoid_grad(both, rv_sigmoid(x)));
    }
}

static const rv_op log_sigmoid_grad_op =
    RV_OP(log_sigmoid_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), log_sigmoid_grad_derivative);

rv_tensor *rv_log_sigmoid_grad(rv_tensor *g, rv_tensor *x)
{
    rv_tensor *const in[] = {g, x};
    rv_tensor *out = rv_elementwise("log_sigmoid_grad", RV_LOOP_log_sigmoid_grad, 2, in);
    return rv_record(&log_sigmoid_grad_op, out, 2, in, NULL, 0);
}

/* ---- softplus ------------------------------------------------------------------------------- */

typedef struct softplus_numbers {
    double beta, threshold;
} softplus_numbers;

static bool check_softplus(const char *who, const rv_tensor *x, softplus_numbers numbers)
{
    if (!rv_check_floating(who, 0, x))
        return false;
    if (!isfinite(numbers.beta) || numbers.beta == 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "beta is %g, expected a number other than 0",
                       numbers.beta);
    if (isnan(numbers.threshold))
        return rv_fail(RV_ERROR_ARGUMENT, who, "threshold is NaN, expected a number");
    return true;
}

static void softplus_derivative(rv_derivative *d)
{
    const softplus_numbers *numbers = d->attributes;
    d->grads[0] = rv_softplus_grad(d->g, rv_saved_input(d, 0), numbers->beta, numbers->threshold);
}

static const rv_op softplus_op = RV_OP(softplus, 1, RV_SAVE_INPUT(0), softplus_derivative);

rv_tensor *rv_softplus_with(const rv_softplus_options *options)
{
    const char *who = "softplus";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    const softplus_numbers numbers = {options->beta, options->threshold};
    rv_tensor *x = options->input;
    if (!check_softplus(who, x, numbers))
        return NULL;
    rv_tensor *const in[] = {x, rv_scalar_like(who, x, numbers.beta),
                             rv_scalar_like(who, x, numbers.threshold)};
    if (in[1] == NULL || in[2] == NULL)
        return NULL;
    rv_tensor *y = rv_elementwise(who, RV_LOOP_softplus, 3, in);
    return rv_record(&softplus_op, y, 1, &x, &numbers, sizeof numbers);
}

/* Of g*s, s = sigmoid(beta*x): s, and g*beta*s*(1 - s) where that is not beyond the threshold. */
static void softplus_grad_derivative(rv_derivative *d)
{
    const softplus_numbers *numbers = d->attributes;
    rv_tensor *x = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_softplus_grad(d->g, x, numbers->beta, numbers->threshold);
    if (x != NULL && d->needs[1]) {
        rv_tensor *both = rv_mul(d->g, rv_saved_input(d, 0)), *z = rv_mul_scalar(x, numbers->beta);
        rv_tensor *within = rv_cast(rv_le_scalar(z, numbers->threshold), x->dtype);
        rv_tensor *scale = rv_mul_scalar(within, numbers->beta);
        d->grads[1] = rv_sigmoid_grad(rv_mul(both, scale), rv_sigmoid(z));
    }
}

static const rv_op softplus_grad_op =
    RV_OP(softplus_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), softplus_grad_derivative);

rv_tensor *rv_softplus_grad(rv_tensor *g, rv_tensor *x, double beta, double threshold)
{
    const char *who = "softplus_grad";
    const softplus_numbers numbers = {beta, threshold};
    if (!check_softplus(who, g, numbers))
        return NULL;
    rv_tensor *const in[] = {g, x, rv_scalar_like(who, g, beta), rv_scalar_like(who, g, threshold)};
    if (in[2] == NULL || in[3] == NULL)
        return NULL;
    rv_tensor *out = rv_elementwise(who, RV_LOOP_softplus_grad, 4, in);
    return rv_record(&softplus_grad_op, out, 2, in, &numbers, sizeof numbers);
}

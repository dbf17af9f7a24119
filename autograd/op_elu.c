/* op_elu.c - leaky_relu, elu, selu: x above 0, something gentler below.
 *
 * Their derivatives are operations of their own, in one pass over the gradient and x. NaN passes
 * the gradient as PyTorch does: through the side that a comparison which fails leads to.
 */
#include "autograd/op_support.h"

#include <math.h>

#include "core/elementwise.h"

/* 1 where x <= 0, in x's dtype. */
static rv_tensor *below_zero(rv_tensor *x)
{
    return rv_cast(rv_le_scalar(x, 0), x->dtype);
}

/* Whether x is floating, and the option a number; false with an error. */
static bool check_option(const char *who, const rv_tensor *x, const char *option, double value)
{
    if (!rv_check_floating(who, 0, x))
        return false;
    return isfinite(value) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g, expected a finite number", option, value);
}

/* ---- leaky_relu ----------------------------------------------------------------------------- */

static void leaky_relu_derivative(rv_derivative *d)
{
    const double slope = *(const double *)d->attributes;
    d->grads[0] = rv_leaky_relu_grad(d->g, rv_alone(rv_saved_input(d, 0)), slope);
}

static const rv_op leaky_relu_op = RV_OP(leaky_relu, 1, RV_SAVE_INPUT(0), leaky_relu_derivative);

rv_tensor *rv_leaky_relu_with(const rv_leaky_relu_options *options)
{
    const char *who = "leaky_relu";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    const double slope = options->negative_slope;
    rv_tensor *x = options->input;
    if (!check_option(who, x, "negative_slope", slope))
        return NULL;
    rv_tensor *const in[] = {x, rv_scalar_like(who, x, slope)};
    rv_tensor *y = in[1] != NULL ? rv_elementwise(who, RV_LOOP_leaky_relu, 2, in) : NULL;
    return rv_record(&leaky_relu_op, y, 1, &x, &slope, sizeof slope);
}

static void leaky_relu_grad_derivative(rv_derivative *d)
{
    const double slope = *(const double *)d->attributes;
    rv_tensor *x = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_leaky_relu_grad(d->g, rv_alone(x), slope);
    if (d->needs[1])
        d->grads[1] = rv_zeros_like(d->g);
}

static const rv_op leaky_relu_grad_op =
    RV_OP(leaky_relu_grad, 2, RV_SAVE_INPUT(1), leaky_relu_grad_derivative);

rv_tensor *rv_leaky_relu_grad(rv_tensor *g, rv_tensor *x, double negative_slope)
{
    const char *who = "leaky_relu_grad";
    if (!check_option(who, g, "negative_slope", negative_slope))
        return NULL;
    rv_tensor *const in[] = {g, x, rv_scalar_like(who, g, negative_slope)};
    rv_tensor *out = in[2] != NULL ? rv_elementwise(who, RV_LOOP_leaky_relu_grad, 3, in) : NULL;
    return rv_record(&leaky_relu_grad_op, out, 2, in, &negative_slope, sizeof negative_slope);
}

/* ---- elu ------------------------------------------------------------------------------------ */

static void elu_derivative(rv_derivative *d)
{
    d->grads[0] = rv_elu_grad(d->g, rv_saved_input(d, 0), *(const double *)d->attributes);
}

static const rv_op elu_op = RV_OP(elu, 1, RV_SAVE_INPUT(0), elu_derivative);

rv_tensor *rv_elu_with(const rv_elu_options *options)
{
    const char *who = "elu";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    const double alpha = options->alpha;
    rv_tensor *x = options->input;
    if (!check_option(who, x, "alpha", alpha))
        return NULL;
    rv_tensor *const in[] = {x, rv_scalar_like(who, x, alpha)};
    rv_tensor *y = in[1] != NULL ? rv_elementwise(who, RV_LOOP_elu, 2, in) : NULL;
    return rv_record(&elu_op, y, 1, &x, &alpha, sizeof alpha);
}

/* Below 0 the slope alpha*e^x is its own derivative; above, it is level. */
static void elu_grad_derivative(rv_derivative *d)
{
    const double alpha = *(const double *)d->attributes;
    rv_tensor *x = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_elu_grad(d->g, x, alpha);
    if (x != NULL && d->needs[1]) {
        rv_tensor *both = rv_mul(d->g, rv_saved_input(d, 0));
        d->grads[1] = rv_elu_grad(rv_mul(both, below_zero(x)), x, alpha);
    }
}

static const rv_op elu_grad_op =
    RV_OP(elu_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), elu_grad_derivative);

rv_tensor *rv_elu_grad(rv_tensor *g, rv_tensor *x, double alpha)
{
    const char *who = "elu_grad";
    if (!check_option(who, g, "alpha", alpha))
        return NULL;
    rv_tensor *const in[] = {g, x, rv_scalar_like(who, g, alpha)};
    rv_tensor *out = in[2] != NULL ? rv_elementwise(who, RV_LOOP_elu_grad, 3, in) : NULL;
    return rv_record(&elu_grad_op, out, 2, in, &alpha, sizeof alpha);
}

/* ---- selu ----------------------------------------------------------------------------------- */

static void selu_derivative(rv_derivative *d)
{
    d->grads[0] = rv_selu_grad(d->g, rv_saved_input(d, 0));
}

static const rv_op selu_op = RV_OP(selu, 1, RV_SAVE_INPUT(0), selu_derivative);

rv_tensor *rv_selu(rv_tensor *x)
{
    return rv_record(&selu_op, rv_elementwise("selu", RV_LOOP_selu, 1, &x), 1, &x, NULL, 0);
}

static void selu_grad_derivative(rv_derivative *d)
{
    rv_tensor *x = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_selu_grad(d->g, x);
    if (x != NULL && d->needs[1]) {
        rv_tensor *both = rv_mul(d->g, rv_saved_input(d, 0));
        d->grads[1] = rv_selu_grad(rv_mul(both, below_zero(x)), x);
    }
}

static const rv_op selu_grad_op =
    RV_OP(selu_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), selu_grad_derivative);

rv_tensor *rv_selu_grad(rv_tensor *g, rv_tensor *x)
{
    rv_tensor *const in[] = {g, x};
    rv_tensor *out = rv_elementwise("selu_grad", RV_LOOP_selu_grad, 2, in);
    return rv_record(&selu_grad_op, out, 2, in, NULL, 0);
}

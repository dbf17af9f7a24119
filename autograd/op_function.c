/* op_function.c - square, reciprocal, sin, cos, atan, erf. */
#include "autograd/op_support.h"

#include "core/elementwise.h"

/* ---- square, reciprocal --------------------------------------------------------------------- */

static void square_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_saved_input(d, 0), 2));
}

static const rv_op square_op = RV_OP(square, 1, RV_SAVE_INPUT(0), square_derivative);

rv_tensor *rv_square(rv_tensor *x)
{
    rv_tensor *const twice[] = {x, x};
    rv_tensor *y = rv_elementwise("square", RV_LOOP_mul, 2, twice);
    return rv_record(&square_op, y, 1, &x, NULL, 0);
}

/* Of y = 1/x: -y^2. */
static void reciprocal_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_saved_output(d);
    d->grads[0] = rv_mul(rv_neg(d->g), rv_mul(y, y));
}

static const rv_op reciprocal_op = RV_OP(reciprocal, 1, RV_SAVE_OUTPUT, reciprocal_derivative);

rv_tensor *rv_reciprocal(rv_tensor *x)
{
    rv_tensor *const in[] = {rv_scalar_like("reciprocal", x, 1), x};
    rv_tensor *y = in[0] != NULL ? rv_elementwise("reciprocal", RV_LOOP_div, 2, in) : NULL;
    return rv_record(&reciprocal_op, y, 1, &x, NULL, 0);
}

/* ---- sin, cos, atan ------------------------------------------------------------------------- */

static void sin_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_cos(rv_saved_input(d, 0)));
}

static const rv_op sin_op = RV_OP(sin, 1, RV_SAVE_INPUT(0), sin_derivative);

rv_tensor *rv_sin(rv_tensor *x)
{
    return rv_record(&sin_op, rv_elementwise("sin", RV_LOOP_sin, 1, &x), 1, &x, NULL, 0);
}

static void cos_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(rv_neg(d->g), rv_sin(rv_saved_input(d, 0)));
}

static const rv_op cos_op = RV_OP(cos, 1, RV_SAVE_INPUT(0), cos_derivative);

rv_tensor *rv_cos(rv_tensor *x)
{
    return rv_record(&cos_op, rv_elementwise("cos", RV_LOOP_cos, 1, &x), 1, &x, NULL, 0);
}

static void atan_derivative(rv_derivative *d)
{
    d->grads[0] = rv_div(d->g, rv_add_scalar(rv_square(rv_saved_input(d, 0)), 1));
}

static const rv_op atan_op = RV_OP(atan, 1, RV_SAVE_INPUT(0), atan_derivative);

rv_tensor *rv_atan(rv_tensor *x)
{
    return rv_record(&atan_op, rv_elementwise("atan", RV_LOOP_atan, 1, &x), 1, &x, NULL, 0);
}

/* ---- erf ------------------------------------------------------------------------------------ */

/* Of erf(x): 2/sqrt(pi) * e^(-x^2). */
static void erf_derivative(rv_derivative *d)
{
    rv_tensor *bell = rv_exp(rv_neg(rv_square(rv_saved_input(d, 0))));
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(bell, 1.1283791670955126));
}

static const rv_op erf_op = RV_OP(erf, 1, RV_SAVE_INPUT(0), erf_derivative);

rv_tensor *rv_erf(rv_tensor *x)
{
    return rv_record(&erf_op, rv_elementwise("erf", RV_LOOP_erf, 1, &x), 1, &x, NULL, 0);
}

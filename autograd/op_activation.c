/* op_activation.c - tanh, sigmoid, relu, and their derivatives as operations of their own.
 *
 * A derivative of several steps would run over memory several times; as an operation with one loop
 * it runs once, and has a derivative in turn.
 */
#include "autograd/op_support.h"

#include "core/elementwise.h"

/* ---- tanh ----------------------------------------------------------------------------------- */

static void tanh_derivative(rv_derivative *d)
{
    d->grads[0] = rv_tanh_grad(d->g, rv_saved_output(d));
}

static const rv_op tanh_op = RV_OP(tanh, 1, RV_SAVE_OUTPUT, tanh_derivative);

rv_tensor *rv_tanh(rv_tensor *x)
{
    return rv_record(&tanh_op, rv_elementwise("tanh", RV_LOOP_tanh, 1, &x), 1, &x, NULL, 0);
}

/* Of g*(1 - y*y): 1 - y*y, and -2*g*y. */
static void tanh_grad_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_tanh_grad(d->g, y);
    if (d->needs[1]) {
        rv_tensor *g_times_y = rv_mul(rv_saved_input(d, 0), y);
        d->grads[1] = rv_mul(d->g, rv_mul_scalar(g_times_y, -2));
    }
}

static const rv_op tanh_grad_op =
    RV_OP(tanh_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), tanh_grad_derivative);

rv_tensor *rv_tanh_grad(rv_tensor *g, rv_tensor *y)
{
    rv_tensor *const in[] = {g, y};
    rv_tensor *out = rv_elementwise("tanh_grad", RV_LOOP_tanh_grad, 2, in);
    return rv_record(&tanh_grad_op, out, 2, in, NULL, 0);
}

/* ---- sigmoid -------------------------------------------------------------------------------- */

static void sigmoid_derivative(rv_derivative *d)
{
    d->grads[0] = rv_sigmoid_grad(d->g, rv_saved_output(d));
}

static const rv_op sigmoid_op = RV_OP(sigmoid, 1, RV_SAVE_OUTPUT, sigmoid_derivative);

rv_tensor *rv_sigmoid(rv_tensor *x)
{
    rv_tensor *y = rv_elementwise("sigmoid", RV_LOOP_sigmoid, 1, &x);
    return rv_record(&sigmoid_op, y, 1, &x, NULL, 0);
}

/* Of g*y*(1 - y): y*(1 - y), and g*(1 - 2*y). */
static void sigmoid_grad_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_sigmoid_grad(d->g, y);
    if (d->needs[1]) {
        rv_tensor *slope = rv_add_scalar(rv_mul_scalar(y, -2), 1);
        d->grads[1] = rv_mul(d->g, rv_mul(rv_saved_input(d, 0), slope));
    }
}

static const rv_op sigmoid_grad_op =
    RV_OP(sigmoid_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), sigmoid_grad_derivative);

rv_tensor *rv_sigmoid_grad(rv_tensor *g, rv_tensor *y)
{
    rv_tensor *const in[] = {g, y};
    rv_tensor *out = rv_elementwise("sigmoid_grad", RV_LOOP_sigmoid_grad, 2, in);
    return rv_record(&sigmoid_grad_op, out, 2, in, NULL, 0);
}

/* ---- relu ----------------------------------------------------------------------------------- */

static void relu_derivative(rv_derivative *d)
{
    d->grads[0] = rv_relu_grad(d->g, rv_alone(rv_saved_output(d)));
}

static const rv_op relu_op = RV_OP(relu, 1, RV_SAVE_OUTPUT, relu_derivative);

rv_tensor *rv_relu(rv_tensor *x)
{
    return rv_record(&relu_op, rv_elementwise("relu", RV_LOOP_relu, 1, &x), 1, &x, NULL, 0);
}

static void relu_grad_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_relu_grad(d->g, rv_alone(y));
    if (d->needs[1])
        d->grads[1] = rv_zeros_like(y);
}

static const rv_op relu_grad_op = RV_OP(relu_grad, 2, RV_SAVE_INPUT(1), relu_grad_derivative);

rv_tensor *rv_relu_grad(rv_tensor *g, rv_tensor *y)
{
    rv_tensor *const in[] = {g, y};
    rv_tensor *out = rv_elementwise("relu_grad", RV_LOOP_relu_grad, 2, in);
    return rv_record(&relu_grad_op, out, 2, in, NULL, 0);
}

/* op_gelu.c - silu, gelu, gelu_tanh: x times a smooth step.
 *
 * Each has its derivative as an operation of its own, in one pass over the gradient and x; that
 * one's derivative, needed for second derivatives alone, is written out in operations.
 */
#include "autograd/op_support.h"

#include "core/elementwise.h"

/* d->g times input 0 (a gradient): what the slope's own slope is multiplied with. */
static rv_tensor *both_gradients(rv_derivative *d)
{
    return rv_mul(d->g, rv_saved_input(d, 0));
}

/* All three, but for how the slope changes: `curvature` is that, times g. */
#define STEP(name, curvature)                                                               \
    static void name##_derivative(rv_derivative *d)                                         \
    {                                                                                       \
        d->grads[0] = rv_##name##_grad(d->g, rv_saved_input(d, 0));                         \
    }                                                                                       \
                                                                                            \
    static const rv_op name##_op = RV_OP(name, 1, RV_SAVE_INPUT(0), name##_derivative);     \
                                                                                            \
    rv_tensor *rv_##name(rv_tensor *x)                                                      \
    {                                                                                       \
        rv_tensor *y = rv_elementwise(#name, RV_LOOP_##name, 1, &x);                        \
        return rv_record(&name##_op, y, 1, &x, NULL, 0);                                    \
    }                                                                                       \
                                                                                            \
    static void name##_grad_derivative(rv_derivative *d)                                    \
    {                                                                                       \
        rv_tensor *x = rv_saved_input(d, 1);                                                \
        if (d->needs[0])                                                                    \
            d->grads[0] = rv_##name##_grad(d->g, x);                                        \
        if (d->needs[1])                                                                    \
            d->grads[1] = curvature(both_gradients(d), x);                                  \
    }                                                                                       \
                                                                                            \
    static const rv_op name##_grad_op =                                                     \
        RV_OP(name##_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), name##_grad_derivative); \
                                                                                            \
    rv_tensor *rv_##name##_grad(rv_tensor *g, rv_tensor *x)                                 \
    {                                                                                       \
        rv_tensor *const in[] = {g, x};                                                     \
        rv_tensor *out = rv_elementwise(#name "_grad", RV_LOOP_##name##_grad, 2, in);       \
        return rv_record(&name##_grad_op, out, 2, in, NULL, 0);                             \
    }

/* a*x + b. */
static rv_tensor *line(double a, rv_tensor *x, double b)
{
    return rv_add_scalar(rv_mul_scalar(x, a), b);
}

/* (x*s)'' = s*(1 - s)*(2 + x*(1 - 2*s)), s = sigmoid(x). */
static rv_tensor *silu_curvature(rv_tensor *g, rv_tensor *x)
{
    rv_tensor *s = rv_sigmoid(x);
    return rv_mul(rv_sigmoid_grad(g, s), rv_add_scalar(rv_mul(x, line(-2, s, 1)), 2));
}

/* (x*Phi)'' = phi*(2 - x^2), phi(x) = e^(-x^2/2)/sqrt(2*pi). */
static rv_tensor *gelu_curvature(rv_tensor *g, rv_tensor *x)
{
    rv_tensor *square = rv_square(x);
    rv_tensor *density = rv_mul_scalar(rv_exp(rv_mul_scalar(square, -0.5)), 0.3989422804014327);
    return rv_mul(g, rv_mul(density, line(-1, square, 2)));
}

/* (x*s)'' = 2*s' + x*s'', where s = sigmoid(u), u = k*(x + c*x^3), s' = s*(1 - s)*u' and
 * s'' = s*(1 - s)*((1 - 2*s)*u'^2 + u''). */
static rv_tensor *gelu_tanh_curvature(rv_tensor *g, rv_tensor *x)
{
    const double k = 1.5957691216057308, c = 0.044715;
    rv_tensor *square = rv_square(x);
    rv_tensor *s = rv_sigmoid(rv_mul(x, line(k * c, square, k)));
    rv_tensor *slope = line(3 * k * c, square, k), *curve = rv_mul_scalar(x, 6 * k * c);
    rv_tensor *bend = rv_add(rv_mul(line(-2, s, 1), rv_square(slope)), curve);
    rv_tensor *all = rv_add(rv_mul_scalar(slope, 2), rv_mul(x, bend));
    return rv_mul(rv_sigmoid_grad(g, s), all);
}

STEP(silu, silu_curvature)
STEP(gelu, gelu_curvature)
STEP(gelu_tanh, gelu_tanh_curvature)

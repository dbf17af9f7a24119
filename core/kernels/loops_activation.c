/* loops_activation.c - elementwise loops for F32 and F64: activations, and their derivatives.
 *
 * A loop name_grad multiplies a gradient with the slope of `name`, in one pass; which of its input
 * and its output it needs, kernels.h says. Numbers that are the same for all elements, like the
 * alpha of elu, are operands of one element.
 */

#include <math.h>

#include "core/kernels/double_math.h"
#include "core/kernels/float_math.h"
#include "core/kernels/loops.h"
#include "core/kernels/wide_math.h"

#define BOTH(name, expression)                  \
    BINARY(name, F32, float, float, expression) \
    BINARY(name, F64, double, double, expression)

/* ---- of the output: g is a, y is b ---------------------------------------------------------- */

UNARY_COSTLY(tanh, F32, float, wide_tanh(x))
UNARY_COSTLY(tanh, F64, double, f64_tanh(x))
BOTH(tanh_grad, a *(1 - b * b))

UNARY_COSTLY(sigmoid, F32, float, f32_sigmoid(x))
UNARY_COSTLY(sigmoid, F64, double, f64_sigmoid(x))
BOTH(sigmoid_grad, a *b *(1 - b))

/* NaN is not <= 0, and so lets the gradient pass, as in PyTorch. */
BOTH(relu_grad, b <= 0 ? 0 : a)

/* ---- of the input: g is a, x is b ----------------------------------------------------------- */

UNARY_COSTLY(silu, F32, float, f32_silu(x))
UNARY_COSTLY(silu, F64, double, f64_silu(x))
BINARY_COSTLY(silu_grad, F32, float, a *f32_silu_slope(b))
BINARY_COSTLY(silu_grad, F64, double, a *f64_silu_slope(b))

UNARY_COSTLY(gelu, F32, float, f32_gelu(x))
UNARY_CALL(gelu, F64, double, f64_gelu(x))
BINARY_COSTLY(gelu_grad, F32, float, a *f32_gelu_slope(b))
BINARY_COSTLY(gelu_grad, F64, double, a *f64_gelu_slope(b))

UNARY_COSTLY(gelu_tanh, F32, float, wide_gelu_tanh(x))
UNARY_COSTLY(gelu_tanh, F64, double, f64_gelu_tanh(x))
BINARY_COSTLY(gelu_tanh_grad, F32, float, a *wide_gelu_tanh_slope(b))
BINARY_COSTLY(gelu_tanh_grad, F64, double, a *f64_gelu_tanh_slope(b))

UNARY_COSTLY(log_sigmoid, F32, float, wide_log_sigmoid(x))
UNARY_COSTLY(log_sigmoid, F64, double, -f64_softplus(-x))
BINARY_COSTLY(log_sigmoid_grad, F32, float, a *f32_sigmoid(-b))
BINARY_COSTLY(log_sigmoid_grad, F64, double, a *f64_sigmoid(-b))

/* alpha is b; beside a gradient it is c. */
BINARY_COSTLY(elu, F32, float, a > 0 ? a : b * wide_expm1(a))
BINARY_COSTLY(elu, F64, double, a > 0 ? a : b * f64_expm1(a))
TERNARY_COSTLY(elu_grad, F32, float, b <= 0 ? a * c * f32_exp_below_0(b) : a)
TERNARY_COSTLY(elu_grad, F64, double, b <= 0 ? a * c * f64_exp(b) : a)

/* The constants of Klambauer et al. 2017. */
#define SELU_SCALE 1.0507009873554804934193349852946
#define SELU_ALPHA 1.6732632423543772848170429916717

static inline float f32_selu(float x)
{
    const double inside = x > 0 ? 0.0 : x < WIDE_EXP_LOW ? (double)WIDE_EXP_LOW : (double)x;
    const float below = copysignf((float)(SELU_SCALE * SELU_ALPHA * wide_expm164(inside)), x);
    return x > 0 ? (float)SELU_SCALE * x : below;
}

UNARY_COSTLY(selu, F32, float, f32_selu(x))
UNARY_COSTLY(selu, F64, double, SELU_SCALE *(x > 0 ? x : SELU_ALPHA * f64_expm1(x)))
BINARY_COSTLY(selu_grad, F32, float,
              b <= 0 ? a * (float)(SELU_SCALE * SELU_ALPHA) * f32_exp_below_0(b)
                     : a * (float)SELU_SCALE)
BINARY_COSTLY(selu_grad, F64, double,
              b <= 0 ? a * (SELU_SCALE * SELU_ALPHA) * f64_exp(b) : a * SELU_SCALE)

/* The slope below 0 is b; beside a gradient it is c. */
BOTH(leaky_relu, a > 0 ? a : a * b)
TERNARY(leaky_relu_grad, F32, float, float, b > 0 ? a : a * c)
TERNARY(leaky_relu_grad, F64, double, double, b > 0 ? a : a * c)

/* beta and the threshold are b and c; beside a gradient c and d. Of F32 they become doubles: once,
 * before the loop, where they are one number each, which is a sixth of the time. */
TERNARY(softplus, F32, float, float, wide_softplus(a, b, c))
TERNARY_COSTLY(softplus, F64, double, a *b > c ? a : f64_softplus(a * b) / b)
QUATERNARY_COSTLY(softplus_grad, F32, float, b *c > d ? a : a * f32_sigmoid(b * c))
QUATERNARY_COSTLY(softplus_grad, F64, double, b *c > d ? a : a * f64_sigmoid(b * c))

/* ---- choices: g is a, and b is the input ---------------------------------------------------- */

/* The bounds are c and d: clamp's belong to the inside, hardtanh's do not, as in PyTorch. */
#define CHOICE(dtype, T)                                               \
    TERNARY(maximum_grad, dtype, T, T, b < c ? 0 : b == c ? a / 2 : a) \
    QUATERNARY(clamp_grad, dtype, T, T, ((b >= c) & (b <= d)) ? a : 0) \
    QUATERNARY(hardtanh_grad, dtype, T, T, ((b > c) & (b < d)) ? a : 0)

CHOICE(F32, float)
CHOICE(F64, double)

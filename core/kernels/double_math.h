/* double_math.h - functions of F64, from the C library's. Private to kernels/.
 *
 * Written so that nothing overflows or cancels on the way: what decays keeps its digits.
 */
#ifndef RV_CORE_KERNELS_DOUBLE_MATH_H
#define RV_CORE_KERNELS_DOUBLE_MATH_H

#include <math.h>

/* 1/(1 + e^-x) for x >= 0 and e^x/(1 + e^x) below. */
static inline double f64_sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* log(1 + e^x). */
static inline double f64_softplus(double x)
{
    return (x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x)));
}

/* From where on below 0, x * sigmoid(x) and x * Phi(x) are -0; also for -inf. */
#define F64_SILU_LOW (-800.0)
#define F64_GELU_LOW (-50.0)

static inline double f64_silu(double x)
{
    const double inside = x < F64_SILU_LOW ? F64_SILU_LOW : x;
    return inside * f64_sigmoid(inside);
}

/* s*(1 + x*(1 - s)), s = sigmoid(x). */
static inline double f64_silu_slope(double x)
{
    const double inside = x < F64_SILU_LOW ? F64_SILU_LOW : x > 800.0 ? 800.0 : x;
    const double s = f64_sigmoid(inside), rest = f64_sigmoid(-inside);
    return s + inside * s * rest;
}

/* x * Phi(x), Phi(x) = erfc(-x/sqrt(2))/2. */
static inline double f64_gelu(double x)
{
    const double inside = x < F64_GELU_LOW ? F64_GELU_LOW : x;
    return 0.5 * inside * erfc(-0.70710678118654752 * inside);
}

/* Phi(x) + x*phi(x). */
static inline double f64_gelu_slope(double x)
{
    const double inside = x < F64_GELU_LOW ? F64_GELU_LOW : x > 50.0 ? 50.0 : x;
    const double density = 0.39894228040143268 * exp(-0.5 * inside * inside);
    return 0.5 * erfc(-0.70710678118654752 * inside) + inside * density;
}

/* x * sigmoid(u), u = 2*sqrt(2/pi)*(x + 0.044715*x^3), which is x * (1 + tanh(u/2))/2. */
static inline double f64_gelu_tanh(double x)
{
    const double inside = x < F64_GELU_LOW ? F64_GELU_LOW : x;
    return inside * f64_sigmoid(1.5957691216057308 * inside * (1.0 + 0.044715 * inside * inside));
}

static inline double f64_gelu_tanh_slope(double x)
{
    const double inside = x < F64_GELU_LOW ? F64_GELU_LOW : x > 50.0 ? 50.0 : x;
    const double square = inside * inside;
    const double u = 1.5957691216057308 * inside * (1.0 + 0.044715 * square);
    const double slope = 1.5957691216057308 * (1.0 + 3.0 * 0.044715 * square);
    return f64_sigmoid(u) + inside * f64_sigmoid(u) * f64_sigmoid(-u) * slope;
}

#endif

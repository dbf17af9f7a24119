/* double_math.h - functions of F64. Private to kernels/.
 *
 * Vector code, without branches, tables or calls, as wide_math.h. There is no wider type to round
 * from: what is large in a result is exact, or is kept as two numbers whose sum it is, and only
 * what is small beside it is rounded on the way. Then the last sum is nearly all of the error
 * (docs/accuracy.md). Fused multiply-add would save some of these steps, but not every processor
 * has it, and all are to give the same bits.
 *
 * Polynomials are our own fits (tests/golden/double_polynomials.py); the error of each, relative to
 * the function's result, stands beside it.
 *
 * What stands on these is written so that nothing overflows or cancels on the way: what decays
 * keeps its digits.
 */
#ifndef RV_CORE_KERNELS_DOUBLE_MATH_H
#define RV_CORE_KERNELS_DOUBLE_MATH_H

#include <math.h>

#include "core/kernels/wide_math.h"

/* ---- e to the x ----------------------------------------------------------------------------- */

/* (e^r - 1 - r)/r^2 for |r| <= ln(2)/2. 2^-57. Even and odd powers are two short chains, which a
 * processor works on at the same time. */
static inline double f64_exp_polynomial(double r)
{
    const double z = r * r;
    double even = 0x1.28a1391f35ce3p-22;
    double odd = 0x1.af6ea400fd05cp-26;
    even = even * z + 0x1.a019a964f5162p-16;
    odd = odd * z + 0x1.71ddee5f22b42p-19;
    even = even * z + 0x1.6c16c17d5da7bp-10;
    odd = odd * z + 0x1.a01a01b44bb2bp-13;
    even = even * z + 0x1.5555555552ff8p-5;
    odd = odd * z + 0x1.111111110e9eep-7;
    even = even * z + 0.5;
    odd = odd * z + 0x1.555555555555cp-3;
    return even + r * odd;
}

/* e^x = 2^n * (result + low), result in [0.7, 1.42) and low less than half a unit of its last
 * place. x = n*ln(2) + r, where ln(2) is two numbers, the first of so few bits that n times it is
 * exact; n is in the low bits of `rounded`. |x| <= 800; NaN gives NaN. */
static inline double f64_exp_parts(double x, double *low, uint64_t *rounded)
{
    const double sum = x * 0x1.71547652b82fep+0 + WIDE_ROUNDER;
    const double n = sum - WIDE_ROUNDER;
    const double t = x - n * 0x1.62e42fefa3800p-1, rest = n * 0x1.ef35793c76730p-45;
    const double r = t - rest;
    const double high = 1.0 + t;
    const double small = (t - (high - 1.0)) + (r * r * f64_exp_polynomial(r) - rest);
    const double result = high + small;
    *low = (high - result) + small;
    *rounded = f64_bits(sum);
    return result;
}

/* 2^n of what f64_exp_parts gives, if that is no denormal and finite. */
static inline double f64_power_of_2(uint64_t rounded)
{
    return f64_from_bits((rounded << 52) + f64_bits(1.0));
}

/* ---- tanh ----------------------------------------------------------------------------------- */

/* (tanh(a) - a)/a^3 of z = a^2, a <= 0.625. 2^-56. */
static inline double f64_tanh_polynomial(double z)
{
    const double square = z * z;
    double even = -0x1.0dbaffa2f9556p-16;
    double odd = 0x1.439b05c8ff1cfp-14;
    even = even * square - 0x1.df59a4aefad8ep-13;
    odd = odd * square + 0x1.33668dc23d51ep-11;
    even = even * square - 0x1.7d68b3cd6277ap-10;
    odd = odd * square + 0x1.d6cf295a5d355p-9;
    even = even * square - 0x1.226e16323b310p-7;
    odd = odd * square + 0x1.664f477ad90d2p-6;
    even = even * square - 0x1.ba1ba1b503f4ap-5;
    odd = odd * square + 0x1.111111110ac3fp-3;
    even = even * square - 0x1.55555555554fep-2;
    return even + z * odd;
}

/* a + a^3*p(a^2) for a = |x| <= 0.625, and 1 - 2/(e^2a + 1) above: what is added is less than half
 * of the sum. The rounding of e^2a + 1 is known and taken off again. */
static inline double f64_tanh(double x)
{
    const double size = fabs(x), a = size > 20.0 ? 20.0 : size;
    const double z = a * a;
    const double near = a + a * z * f64_tanh_polynomial(z);
    double low;
    uint64_t n;
    const double fraction = f64_exp_parts(a + a, &low, &n), power = f64_power_of_2(n);
    const double e = power * fraction, below = e + 1.0;
    const double rest = (1.0 - (below - e)) + power * low;
    const double q = 2.0 / below;
    const double high = 1.0 - q;
    const double far = high + (((1.0 - high) - q) + 0.5 * q * q * rest);
    return copysign(a < 0.625 ? near : far, x);
}

/* ---- what stands on them -------------------------------------------------------------------- */

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

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

#include "core/kernels/chosen.h"
#include "core/kernels/wide_math.h"

/* first ? a : b, where a condition would make compilers follow both ways and compute twice what
 * comes after. Not on the baseline of x86, which makes no masks of 64 bits. */
static inline double f64_either(int first, double a, double b)
{
#if defined(__x86_64__) && !defined(__AVX2__)
    return first ? a : b;
#else
    return f64_chosen(first, a, b);
#endif
}

/* x, or the bound that it passes; NaN passes both. */
static inline double f64_between(double x, double low, double high)
{
    x = x > high ? high : x;
    return x < low ? low : x;
}

/* ---- e to the x ----------------------------------------------------------------------------- */

/* e^r - 1 - r - rest for |r| <= ln(2)/2: r^2/2 by itself, as most of it, so that it is rounded
 * twice only. 2^-57. Even and odd powers are two short chains, which a processor works on at the
 * same time. */
static inline double f64_exp_beyond_r(double r, double rest)
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
    odd = odd * z + 0x1.555555555555cp-3;
    return 0.5 * z + (z * (r * odd + z * even) - rest);
}

#define F64_LOG2_E 0x1.71547652b82fep+0
#define F64_LN2_HIGH 0x1.62e42fefa3800p-1 /* n times it is exact for |n| < 2048 */
#define F64_LN2_LOW 0x1.ef35793c76730p-45

/* e^x = 2^n * (result + low), result in [0.7, 1.42) and low less than half a unit of its last
 * place. x = n*ln(2) + r, where ln(2) is two numbers, the first of so few bits that n times it is
 * exact; n is in the low bits of `rounded`. |x| <= 800; NaN gives NaN. */
static inline double f64_exp_parts(double x, double *low, uint64_t *rounded)
{
    const double sum = x * F64_LOG2_E + WIDE_ROUNDER;
    const double n = sum - WIDE_ROUNDER;
    const double t = x - n * F64_LN2_HIGH, rest = n * F64_LN2_LOW;
    const double r = t - rest;
    const double high = 1.0 + t;
    const double small = (t - (high - 1.0)) + f64_exp_beyond_r(r, rest);
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

/* x * 2^n, in two halves, because n reaches from -1076 (denormal results, rounded once, by the last
 * product) to 1024 (overflow to infinity, likewise). */
static inline double f64_scale(double x, uint64_t rounded)
{
    const uint64_t n_plus_2048 = rounded - f64_bits(WIDE_ROUNDER) + 2048, half = n_plus_2048 / 2;
    return x * f64_from_bits((half - 1) << 52) * f64_from_bits((n_plus_2048 - half - 1) << 52);
}

static inline double f64_exp(double x)
{
    x = f64_between(x, -746.0, 710.0); /* beyond, it underflows to 0 and overflows */
    double low;
    uint64_t rounded;
    const double fraction = f64_exp_parts(x, &low, &rounded);
    return f64_scale(fraction, rounded);
}

/* e^x - 1 = (2^n - 1) + 2^n*t + 2^n*(what is small): the first two are added with their roundings.
 * Where e^x may be infinite, all is half as large until the end. */
static inline double f64_expm1(double x)
{
    const double y = f64_between(x, -45.0, 710.0);
    const double sum = y * F64_LOG2_E + WIDE_ROUNDER;
    const double n = sum - WIDE_ROUNDER;
    const double t = y - n * F64_LN2_HIGH, rest = n * F64_LN2_LOW;
    const double r = t - rest;
    const double unit = f64_either(y > 700.0, 0.5, 1.0);
    const double power = f64_from_bits((f64_bits(sum) << 52) + f64_bits(unit));
    const double whole = power - unit, whole_low = (power - whole) - unit;
    const double high = whole + power * t;
    const double low = (whole - high) + power * t;
    const double small = power * f64_exp_beyond_r(r, rest);
    const double result = high + ((low + whole_low) + small);
    return copysign(result * f64_either(y > 700.0, 2.0, 1.0), x);
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
    return copysign(size < 0.625 ? near : far, x);
}

/* ---- logarithms ----------------------------------------------------------------------------- */

/* e*ln(2) + log(1 + f) + small, for a whole e of at most 11 bits and f as in wide_log_parts.
 * log(1 + f) = 2w + w^3*p(w^2) with w = f/(2 + f), written as f - (f^2/2 - w*(f^2/2 + w^2*p)): f is
 * exact, and half of its square is less than a third of it. 2^-58. */
static inline double f64_log_sum(double e, double f, double small)
{
    const double w = f / (2.0 + f), z = w * w, square = z * z;
    double even = 0x1.2f0d5e2c92795p-3;
    double odd = 0x1.39a0ddfa994c2p-3;
    even = even * square + 0x1.7466486178ecdp-3;
    odd = odd * square + 0x1.c71c51d50fa2ap-3;
    even = even * square + 0x1.249249423c734p-2;
    odd = odd * square + 0x1.999999997f72dp-2;
    even = even * square + 0x1.5555555555594p-1;
    const double half = 0.5 * f * f, whole = e * F64_LN2_HIGH;
    const double rest = w * (half + z * (even + z * odd)) + (e * F64_LN2_LOW + small);
    const double high = whole + f, low = (whole - high) + f;
    return high + ((low + rest) - half);
}

/* Denormals are made normal first. */
static inline double f64_log(double x)
{
    const bool is_small = x < 0x1p-1022;
    double e;
    const double f = wide_log_parts(f64_either(is_small, x * 0x1p54, x), &e);
    const double y = f64_log_sum(e - f64_either(is_small, 54.0, 0.0), f, 0.0);
    const double at_edges =
        x == 0.0 ? -(double)INFINITY : (double)NAN; /* NaN below 0, and of NaN */
    return x > 0.0 ? (x < (double)INFINITY ? y : x) : at_edges;
}

/* Where 1 + x is near 1, x itself is exact; elsewhere what 1 + x lost is added. */
static inline double f64_log1p(double x)
{
    const double more = f64_either(x > 1.0, x, 1.0), less = f64_either(x > 1.0, 1.0, x);
    const double sum = more + less, lost = less - (sum - more);
    double e;
    const double rest = wide_log_parts(sum, &e);
    const double f = f64_either(e == 0.0, x, rest);
    const double y = f64_log_sum(e, f, f64_either(e == 0.0, 0.0, lost / sum));
    const double at_edges = x == -1.0 ? -(double)INFINITY : (double)NAN;
    return copysign(x > -1.0 ? (x < (double)INFINITY ? y : x) : at_edges, x);
}

/* ---- sine and cosine ------------------------------------------------------------------------ */

/* Beyond this the three constants for pi/2 do not hold; larger sizes go to the C library. */
#define F64_TURN_LIMIT 1e5

/* The sine of x + quarter_turns*pi/2, |x| <= F64_TURN_LIMIT, as wide_turn. The first two of the
 * numbers that pi/2 is have so few bits that n times them is exact, also the difference to the
 * first and, in its two parts, to the second. No F64 in the range is nearer than 2^-61 to a
 * multiple of pi/2, and r + low is exact to 2^-114. 2^-58 and 2^-64. */
static inline double f64_turn(double x, uint64_t quarter_turns)
{
    const double rounded = x * 0x1.45f306dc9c883p-1 + WIDE_ROUNDER;
    const double n = rounded - WIDE_ROUNDER;
    const double first = x - n * 0x1.921fb5444p+0, second = n * 0x1.68c234c4c0000p-39;
    const double high = first - second;
    const double rest = ((first - high) - second) - n * 0x1.98a2e03707345p-77;
    const double r = high + rest, low = (high - r) + rest;
    const uint64_t quarter = f64_bits(rounded) + quarter_turns;
    const double z = r * r, half = 0.5 * z, top = 1.0 - half;
    double s = 0x1.5d8fa7fd5c9d2p-33;
    s = s * z - 0x1.ae5e594b78a4cp-26;
    s = s * z + 0x1.71de3564d2b7bp-19;
    s = s * z - 0x1.a01a019bf7efap-13;
    s = s * z + 0x1.111111110f77dp-7;
    s = s * z - 0x1.5555555555548p-3;
    s = r + (r * z * s + low * top);
    double c = -0x1.8fa9952065738p-37;
    c = c * z + 0x1.1ee9e15f38979p-29;
    c = c * z - 0x1.27e4f7f8eae3ap-22;
    c = c * z + 0x1.a01a019c97777p-16;
    c = c * z - 0x1.6c16c16c1504bp-10;
    c = c * z + 0x1.555555555554bp-5;
    c = top + (((1.0 - top) - half) + (z * z * c - r * low));
    const uint64_t odd = 0 - (quarter & 1);
    const uint64_t chosen = (f64_bits(c) & odd) | (f64_bits(s) & ~odd);
    return f64_from_bits(chosen ^ (quarter & 2) << 62);
}

/* Of |x|, and the sign of x: -0 has one. */
static inline double f64_sin(double x)
{
    const double of_size = f64_turn(fabs(x), 0);
    return f64_from_bits(f64_bits(of_size) ^ (f64_bits(x) ^ f64_bits(fabs(x))));
}

static inline double f64_cos(double x)
{
    return f64_turn(x, 1);
}

/* ---- what stands on them -------------------------------------------------------------------- */

/* of/(1 + e^-x). Where e^-x may overflow, both terms of the quotient are 2^-100 times as large. */
static inline double f64_times_sigmoid(double of, double x)
{
    const double guard = f64_either(x < -64.0, 0x1p-100, 1.0);
    const double below_40 = f64_either(x > 40.0, 40.0, x);
    const double inside = f64_either(x < -760.0, -760.0, below_40);
    double low;
    uint64_t rounded;
    const double fraction = f64_exp_parts(-inside, &low, &rounded);
    const double power = f64_from_bits((rounded << 52) + f64_bits(guard));
    return of * guard / (guard + fraction * power);
}

static inline double f64_sigmoid(double x)
{
    return f64_times_sigmoid(1.0, x);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|. log(1 + e) is log(2) + log(1 + (e - 1)/2) for
 * large e. What e and e - 1 are rounded by changes the result by nearly 1/(1 + e) as much. */
static inline double f64_softplus(double x)
{
    const double size = fabs(x);
    double low;
    uint64_t rounded;
    const double fraction = f64_exp_parts(-f64_either(size > 746.0, 746.0, size), &low, &rounded);
    const double e = f64_scale(fraction, rounded), of_e = f64_scale(low, rounded);
    const bool is_large = e > 0.41421356237309503;
    const double less = e - 1.0, of_less = f64_either(is_large, e - (less + 1.0), 0.0);
    const double small = (of_e + of_less) * (1.0 - e * (0.85 - 0.35 * e));
    const double y =
        f64_log_sum(f64_either(is_large, 1.0, 0.0), f64_either(is_large, 0.5 * less, e), small);
    return f64_either(x < 0.0, 0.0, x) + y;
}

/* From where on below 0, x * sigmoid(x) and x * Phi(x) are -0; also for -inf. */
#define F64_SILU_LOW (-800.0)
#define F64_GELU_LOW (-50.0)

static inline double f64_silu(double x)
{
    const double inside = f64_either(x < F64_SILU_LOW, F64_SILU_LOW, x);
    return f64_times_sigmoid(inside, inside);
}

/* s*(1 + x*(1 - s)), s = sigmoid(x). */
static inline double f64_silu_slope(double x)
{
    const double inside = f64_between(x, F64_SILU_LOW, -F64_SILU_LOW);
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
    const double density = 0.39894228040143268 * f64_exp(-0.5 * inside * inside);
    return 0.5 * erfc(-0.70710678118654752 * inside) + inside * density;
}

/* x * sigmoid(u), u = 2*sqrt(2/pi)*(x + 0.044715*x^3), which is x * (1 + tanh(u/2))/2. */
static inline double f64_gelu_tanh(double x)
{
    const double inside = x < F64_GELU_LOW ? F64_GELU_LOW : x;
    const double u = 1.5957691216057308 * inside * (1.0 + 0.044715 * inside * inside);
    return f64_times_sigmoid(inside, u);
}

static inline double f64_gelu_tanh_slope(double x)
{
    const double inside = x < F64_GELU_LOW ? F64_GELU_LOW : x > 50.0 ? 50.0 : x;
    const double square = inside * inside;
    const double u = 1.5957691216057308 * inside * (1.0 + 0.044715 * square);
    const double slope = 1.5957691216057308 * (1.0 + 3.0 * 0.044715 * square);
    const double s = f64_sigmoid(u), rest = f64_sigmoid(-u);
    return s + inside * s * rest * slope;
}

#endif

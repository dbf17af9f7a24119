/* float_math.h - exp, log, tanh and sigmoid of F32 that vectorize. Private to kernels/.
 *
 * Without branches, tables or calls, so that a loop over them becomes vector code; every value has
 * an answer: infinities, NaN, zeros with their sign, results that are denormal. Polynomials are our
 * own fits (weighted least squares, reweighted until the error is level), rounded to F32. Measured
 * errors, in units in the last place, stand in tests/test_kernels.c.
 */
#ifndef RV_CORE_KERNELS_FLOAT_MATH_H
#define RV_CORE_KERNELS_FLOAT_MATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t f32_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float f32_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* x = n*ln(2) + r with |r| <= ln(2)/2: gives e^r - 1 and n + 256. |x| <= 104; NaN gives NaN.
 * Adding 1.5*2^23 rounds to a whole number, which is then in the low bits. ln(2) is two numbers,
 * the first of so few bits that n times it is exact. */
static inline float f32_exp_parts(float x, uint32_t *n_plus_256)
{
    const float rounder = 0x1.8p23f;
    const float rounded = x * 1.44269504f + rounder;
    const float n = rounded - rounder;
    const float r = (x - n * 0x1.62e4p-1f) - n * 1.42860677e-6f;
    *n_plus_256 = f32_bits(rounded) - f32_bits(rounder) + 256;
    float p = 0x1.6dbc64p-10f;
    p = p * r + 0x1.124148p-7f;
    p = p * r + 0x1.555454p-5f;
    p = p * r + 0x1.555486p-3f;
    p = p * r + 0.5f;
    return r + r * r * p;
}

/* 2^(n - 128) for n from 2 to 255. */
static inline float f32_power_of_2(uint32_t n_plus_128)
{
    return f32_from_bits((n_plus_128 - 1) << 23);
}

/* 2^n is multiplied in two halves, because n reaches from -150 (denormal results, rounded once, by
 * the last product) to 128 (overflow to infinity, likewise). */
static inline float f32_exp(float x)
{
    x = x > 89.0f ? 89.0f : x;     /* overflows */
    x = x < -104.0f ? -104.0f : x; /* underflows to 0; NaN passes both */
    uint32_t n;
    const float p = 1.0f + f32_exp_parts(x, &n);
    const uint32_t half = n / 2;
    return p * f32_power_of_2(half) * f32_power_of_2(n - half);
}

/* e^x for x <= 0: 2^n as 2^(n+24), which is no denormal, times 2^-24. NaN gives NaN. */
static inline float f32_exp_below_0(float x)
{
    x = x < -104.0f ? -104.0f : x;
    uint32_t n;
    const float p = 1.0f + f32_exp_parts(x, &n);
    return p * f32_power_of_2(n - 104) * 0x1p-24f;
}

/* The same, but 1e-38 below -87: as a term of a sum that has a 1 in it, where both are nothing. */
static inline float f32_exp_term(float x)
{
    x = x < -87.0f ? -87.0f : x;
    uint32_t n;
    const float p = 1.0f + f32_exp_parts(x, &n);
    return p * f32_power_of_2(n - 128);
}

/* x = m*2^e with m in [sqrt(1/2), sqrt(2)); with f = m - 1, log(m) = f - f*f/2 + f*f*f*p(f). */
static inline float f32_log(float x)
{
    const uint32_t one = f32_bits(1.0f), sqrt_half = 0x3f3504f3;
    const float is_denormal = x < FLT_MIN ? 1.0f : 0.0f;
    const uint32_t bits = f32_bits(x < FLT_MIN ? x * 0x1p23f : x) + (one - sqrt_half);
    const float e = (float)((int32_t)(bits >> 23) - 127) - 23.0f * is_denormal;
    const float f = f32_from_bits((bits & 0x7fffff) + sqrt_half) - 1.0f;
    float p = 0.067466386f;
    p = p * f - 0.11675651f;
    p = p * f + 0.11888163f;
    p = p * f - 0.12405589f;
    p = p * f + 0.14219552f;
    p = p * f - 0.16667996f;
    p = p * f + 0.20002119f;
    p = p * f - 0.2500001f;
    p = p * f + 0.33333313f;
    const float square = f * f;
    const float tail = square * f * p + e * 1.42860677e-6f - 0.5f * square;
    const float y = (f + tail) + e * 0x1.62e4p-1f;
    const float at_edges = x == 0.0f ? -INFINITY : NAN; /* NaN below 0, and of NaN */
    return x > 0.0f ? (x < INFINITY ? y : x) : at_edges;
}

/* log(1 + e) for e in [0, 1]: with s = e/(2 + e) it is 2*atanh(s) = 2*s + 2*s*z*p(z), z = s*s; and
 * 2*s is e - s*e. Largest error 1.3 units in the last place. */
static inline float f32_log_of_1_plus(float e)
{
    const float s = e / (2.0f + e), z = s * s;
    float p = 0.140122294f;
    p = p * z + 0.139995709f;
    p = p * z + 0.200108498f;
    p = p * z + 0.333332062f;
    return e - s * (e - 2.0f * (z * p));
}

/* (t - 1)/(t + 1) with t = e^2|x|, from t - 1, which is exact near 0; below 0.55, where that would
 * round too often, x + x*z*p(z) with z = x*x. */
static inline float f32_tanh(float x)
{
    const float size = fabsf(x), z = x * x;
    uint32_t n;
    const float e = f32_exp_parts(2.0f * (size > 10.0f ? 10.0f : size), &n);
    const float power = f32_power_of_2(n - 128);
    const float t = (power - 1.0f) + power * e;
    float p = -0.0062742373f;
    p = p * z + 0.021071678f;
    p = p * z - 0.05385231f;
    p = p * z + 0.13332586f;
    p = p * z - 0.33333316f;
    const float y = size < 0.55f ? size + size * z * p : t / (t + 2.0f);
    return copysignf(y, x);
}

/* 1/(1 + e^-x) for x >= 0 and e^x/(1 + e^x) below, so that small results keep their digits. */
static inline float f32_sigmoid(float x)
{
    const float e = f32_exp(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

static inline double f64_sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

#endif

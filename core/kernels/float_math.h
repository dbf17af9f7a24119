/* float_math.h - functions of F32 in F32 arithmetic, where speed counts most. Private to kernels/.
 *
 * The exponential inside of softmax, sigmoid, silu, gelu: right to a few units in the last place
 * (docs/accuracy.md), at half the price of wide_math.h. Without branches, tables or calls, so that
 * a loop over them becomes vector code; every value has an answer: infinities, NaN, zeros with
 * their sign, results that are denormal. Polynomials are our own fits (weighted least squares,
 * reweighted until the error is level), rounded to F32.
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

/* (e^r - 1 - r)/r^2 for |r| <= ln(2)/2. */
static inline float f32_exp_polynomial(float r)
{
    float p = 0x1.6dbc64p-10f;
    p = p * r + 0x1.124148p-7f;
    p = p * r + 0x1.555454p-5f;
    p = p * r + 0x1.555486p-3f;
    return p * r + 0.5f;
}

/* e^r - 1 for r = t - rest, where t is exact and the rest small: r itself is rounded, but only what
 * is small is computed from it. */
static inline float f32_exp_fraction(float t, float rest)
{
    const float r = t - rest;
    return t + (r * r * f32_exp_polynomial(r) - rest);
}

/* x = n*ln(2) + r with |r| <= ln(2)/2: gives e^r - 1 and n + 256. |x| <= 104; NaN gives NaN.
 * Adding 1.5*2^23 rounds to a whole number, which is then in the low bits. ln(2) is two numbers,
 * the first of so few bits that n times it is exact. */
static inline float f32_exp_parts(float x, uint32_t *n_plus_256)
{
    const float rounder = 0x1.8p23f;
    const float rounded = x * 1.44269504f + rounder;
    const float n = rounded - rounder;
    const float t = x - n * 0x1.62e4p-1f;
    *n_plus_256 = f32_bits(rounded) - f32_bits(rounder) + 256;
    return f32_exp_fraction(t, n * 1.42860677e-6f);
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

/* ---- sigmoid, silu, gelu -------------------------------------------------------------------- */

/* e^-a is kept 2^40 times too large, so that it is no denormal yet where a result may be one. */
#define GUARD 0x1p40f
#define UNGUARD 0x1p-40f
#define GUARDED_POWER(rounded) f32_from_bits((f32_bits(rounded) << 23) + f32_bits(GUARD))

/* e^-a for a in [0, 104]. */
static inline float f32_exp_of_negative(float a)
{
    const float rounder = 0x1.8p23f;
    const float rounded = a * -1.44269504f + rounder;
    const float n = rounded - rounder;
    const float fraction = f32_exp_fraction(n * -0x1.62e4p-1f - a, n * 1.42860677e-6f);
    return (1.0f + fraction) * GUARDED_POWER(rounded) * UNGUARD;
}

/* (1 + e^-x) * guard, for x in [-110, 40] and a power of 2 that keeps it finite: 2^-32 is small
 * enough for all of these. The product is exact, and the last sum the one that rounds most. */
static inline float f32_one_plus_exp(float x, float guard)
{
    const float rounder = 0x1.8p23f;
    const float rounded = x * -1.44269504f + rounder;
    const float n = rounded - rounder;
    const float fraction = f32_exp_fraction(n * -0x1.62e4p-1f - x, n * 1.42860677e-6f);
    const float power = f32_from_bits((f32_bits(rounded) << 23) + f32_bits(guard));
    return (guard + fraction * power) + power;
}

/* 1/(1 + e^-x). */
static inline float f32_sigmoid(float x)
{
    const float guard = 0x1p-32f;
    x = x < -110.0f ? -110.0f : x;
    return guard / f32_one_plus_exp(x > 40.0f ? 40.0f : x, guard);
}

/* x/(1 + e^-x); guarded only where x is so large that this does not make it a denormal. -0 far
 * below 0, also for -inf. */
static inline float f32_silu(float x)
{
    x = x < -110.0f ? -110.0f : x;
    const float guard = x < -64.0f ? 0x1p-32f : 1.0f;
    return x * guard / f32_one_plus_exp(x > 40.0f ? 40.0f : x, guard);
}

/* The derivative of silu, s*(1 + x*(1 - s)) with s = sigmoid(x). */
static inline float f32_silu_slope(float x)
{
    const float size = fabsf(x), a = size > 104.0f ? 104.0f : size;
    const float e = f32_exp_of_negative(a);
    const float d = 1.0f / (1.0f + e);
    const float s = x < 0.0f ? e * d : d, rest = x < 0.0f ? d : e * d;
    return s + copysignf(a, x) * s * rest;
}

/* The standard normal distribution at -a: its density, and the tail below, 2^40 times too large.
 * Only what is squared exactly is good enough for an exponent: a is cut in two halves, whose
 * squares and products are exact. The tail is the density times a ratio (Mills') of polynomials
 * that are positive in every term. a in [0, 14.5]; beyond, both are 0 in F32. */
static inline float f32_normal_tail(float a, float *density)
{
    const float rounder = 0x1.8p23f;
    const float high = f32_from_bits(f32_bits(a) & 0xfffff000u);
    const float square = high * high, rest = (a - high) * (a + high);
    const float rounded = square * (-0.5f * 1.44269504f) + rounder;
    const float n = rounded - rounder;
    const float r = (n * -0x1.62e4p0f - square) - (n * 2.85721354e-6f + rest); /* doubled */
    float p = 0x1.6dbc64p-16f;
    p = p * r + 0x1.124148p-12f;
    p = p * r + 0x1.555454p-9f;
    p = p * r + 0x1.555486p-6f;
    p = p * r + 0.125f;
    const float e = (1.0f + r * (0.5f + r * p)) * GUARDED_POWER(rounded);
    float above = 0.398946903f;
    above = above * a + 3.93788f;
    above = above * a + 17.757027f;
    above = above * a + 42.4728556f;
    above = above * a + 48.4499845f;
    float below = a + 9.87142543f;
    below = below * a + 45.4957736f;
    below = below * a + 116.528946f;
    below = below * a + 162.260741f;
    below = below * a + 96.8999684f;
    *density = 0.398942280f * e;
    return e * above / below;
}

/* x * Phi(x) = max(x, 0) - |x| * Phi(-|x|), which has no cancellation below 0. */
static inline float f32_gelu(float x)
{
    const float size = fabsf(x), a = size > 14.5f ? 14.5f : size;
    float density;
    const float tail = f32_normal_tail(a, &density);
    return (x >= 0.0f ? x : -0.0f) - a * tail * UNGUARD;
}

/* The derivative of gelu, Phi(x) + x*phi(x). */
static inline float f32_gelu_slope(float x)
{
    const float size = fabsf(x), a = size > 14.5f ? 14.5f : size;
    float density;
    const float tail = f32_normal_tail(a, &density) * UNGUARD;
    return (x < 0.0f ? tail : 1.0f - tail) + copysignf(a, x) * (density * UNGUARD);
}

#endif

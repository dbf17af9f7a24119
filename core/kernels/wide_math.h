/* wide_math.h - functions of F32 that are computed in double, and vectorize. Private to kernels/.
 *
 * The error of a short double polynomial disappears in the one rounding to F32 at the end: results
 * are the nearest F32 but for about one in a thousand, which is the nearest but one (at most 0.51
 * units in the last place; docs/accuracy.md). Twice as wide as F32 arithmetic, this costs about
 * half of what compensating its roundings one by one would. Denormal F32 are normal in double, so
 * nothing needs a case of its own for them.
 *
 * Without branches, tables or calls, as float_math.h. Polynomials are our own minimax fits (Remez);
 * the error of each, relative to the function's result, stands beside it.
 */
#ifndef RV_CORE_KERNELS_WIDE_MATH_H
#define RV_CORE_KERNELS_WIDE_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t f64_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double f64_from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Adding it rounds to a whole number, which is then in the low bits. */
#define WIDE_ROUNDER 0x1.8p52

/* ---- e to the x ----------------------------------------------------------------------------- */

/* e^x = power * (1 + result), power being 2 to the n that is nearest to x/ln(2); the result has
 * full relative accuracy near 0. |x| <= 700; NaN gives NaN. 2^-34. */
static inline double wide_exp_parts(double x, double *power)
{
    const double rounded = x * 0x1.71547652b82fep+0 + WIDE_ROUNDER;
    const double r = x - (rounded - WIDE_ROUNDER) * 0x1.62e42fefa39efp-1;
    *power = f64_from_bits((f64_bits(rounded) << 52) + f64_bits(1.0));
    double p = 0x1.9f068aea40759p-13;
    p = p * r + 0x1.6d8d0148cdb74p-10;
    p = p * r + 0x1.111272920b88ap-7;
    p = p * r + 0x1.55548dd42cd0fp-5;
    p = p * r + 0x1.555554418a026p-3;
    p = p * r + 0x1.0000003a10a60p-1;
    return r + r * r * p;
}

/* The same to 2^-28, for what is rounded more than once anyway. */
static inline double wide_exp_parts_short(double x, double *power)
{
    const double rounded = x * 0x1.71547652b82fep+0 + WIDE_ROUNDER;
    const double r = x - (rounded - WIDE_ROUNDER) * 0x1.62e42fefa39efp-1;
    *power = f64_from_bits((f64_bits(rounded) << 52) + f64_bits(1.0));
    double p = 0x1.6a24794ee56e1p-10;
    p = p * r + 0x1.1239e2d4470ecp-7;
    p = p * r + 0x1.5558f1261eb2ap-5;
    p = p * r + 0x1.555491540c26dp-3;
    p = p * r + 0x1.fffffb9aab562p-2;
    return r + r * r * p;
}

/* |x| <= 700. */
static inline double wide_exp64(double x)
{
    double power;
    const double fraction = wide_exp_parts(x, &power);
    return power + power * fraction;
}

/* e^x - 1. |x| <= 700. */
static inline double wide_expm164(double x)
{
    double power;
    const double fraction = wide_exp_parts(x, &power);
    return (power - 1.0) + power * fraction;
}

/* x, or the bound that it passes; NaN passes both. */
static inline float wide_between(float x, float low, float high)
{
    x = x > high ? high : x;
    return x < low ? low : x;
}

/* Beyond these e^x is 0 or infinite in F32, and sigmoid is 0 or 1. */
#define WIDE_EXP_LOW (-104.0f)
#define WIDE_EXP_HIGH 89.0f

static inline float wide_exp(float x)
{
    return (float)wide_exp64((double)wide_between(x, WIDE_EXP_LOW, WIDE_EXP_HIGH));
}

static inline float wide_expm1(float x)
{
    const double y = wide_expm164((double)wide_between(x, WIDE_EXP_LOW, WIDE_EXP_HIGH));
    return copysignf((float)y, x);
}

/* t/(t + 2) with t = e^2|x| - 1. */
static inline float wide_tanh(float x)
{
    const float size = fabsf(x);
    const double t = wide_expm164(2.0 * (double)(size > 10.0f ? 10.0f : size));
    return copysignf((float)(t / (t + 2.0)), x);
}

/* 1/(1 + e^-x) and e^x/(1 + e^x), with exponents that are not positive. |x| <= 700. */
static inline double wide_sigmoid64(double x)
{
    const double e = wide_exp64(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* ---- logarithms ----------------------------------------------------------------------------- */

/* x = m * 2^exponent, m in [sqrt(1/2), sqrt(2)); the result is m - 1. x > 0 and normal. The
 * exponent becomes a double by way of the bits of 2^52, as only AVX-512 has an instruction. */
static inline double wide_log_parts(double x, double *exponent)
{
    const uint64_t sqrt_half = UINT64_C(0x3fe6a09e667f3bcd);
    const uint64_t bits = f64_bits(x) + (f64_bits(1.0) - sqrt_half);
    *exponent = f64_from_bits((bits >> 52) | f64_bits(0x1p52)) - (0x1p52 + 1023.0);
    return f64_from_bits((bits & UINT64_C(0xfffffffffffff)) + sqrt_half) - 1.0;
}

/* log(1 + f) = 2 artanh(w), w = f/(2 + f), for f in [sqrt(1/2) - 1, sqrt(2) - 1]. 2^-30. */
static inline double wide_log_near_1(double f)
{
    const double w = f / (2.0 + f), z = w * w;
    double p = 0x1.31e48e30964a0p-3;
    p = p * z + 0x1.995eac77a5e0cp-3;
    p = p * z + 0x1.55557a30bc3d4p-2;
    return (w + w) * (1.0 + z * p);
}

/* The same to 2^-37. */
static inline double wide_log_near_1_long(double f)
{
    const double w = f / (2.0 + f), z = w * w;
    double p = 0x1.e2f9777d9765ep-4;
    p = p * z + 0x1.2438c51699c54p-3;
    p = p * z + 0x1.999a7aca32194p-3;
    p = p * z + 0x1.555554fd80671p-2;
    return (w + w) * (1.0 + z * p);
}

static inline float wide_log(float x)
{
    double e;
    const double f = wide_log_parts((double)x, &e);
    const float y = (float)(e * 0x1.62e42fefa39efp-1 + wide_log_near_1(f));
    const float at_edges = x == 0.0f ? -INFINITY : NAN; /* NaN below 0, and of NaN */
    return x > 0.0f ? (x < INFINITY ? y : x) : at_edges;
}

/* Where 1 + x is near 1, x itself is more exact than what is left of it. */
static inline float wide_log1p(float x)
{
    double e;
    const double rest = wide_log_parts(1.0 + (double)x, &e);
    const double f = e == 0.0 ? (double)x : rest;
    const float y = (float)(e * 0x1.62e42fefa39efp-1 + wide_log_near_1(f));
    const float at_edges = x == -1.0f ? -INFINITY : NAN;
    return copysignf(x > -1.0f ? (x < INFINITY ? y : x) : at_edges, x);
}

/* log(1 + e) for e in [0, 1], as in wide_log_near_1. 2^-33. */
static inline double wide_log1p_of_exp(double e)
{
    const double w = e / (2.0 + e), z = w * w;
    double p = 0x1.f1ad889fae41ap-4;
    p = p * z + 0x1.b6d736d25c42ap-4;
    p = p * z + 0x1.25096885d19e1p-3;
    p = p * z + 0x1.9996a8efd7576p-3;
    p = p * z + 0x1.55555855d077ep-2;
    return (w + w) * (1.0 + z * p);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which never overflows. NaN passes. */
static inline double wide_softplus64(double x)
{
    const double size = fabs(x);
    double power;
    const double fraction = wide_exp_parts_short(size > 300.0 ? -300.0 : -size, &power);
    return (x < 0.0 ? 0.0 : x) + wide_log1p_of_exp(power + power * fraction);
}

static inline float wide_log_sigmoid(float x)
{
    return (float)-wide_softplus64(-(double)x);
}

/* log(1 + e^(beta*x))/beta, and x beyond the threshold, where the two are the same to rounding. */
static inline float wide_softplus(float x, float beta, float threshold)
{
    const double z = (double)x * (double)beta;
    const float y = (float)(wide_softplus64(z) * (1.0 / (double)beta));
    return z > (double)threshold ? x : y;
}

/* ---- powers --------------------------------------------------------------------------------- */

/* a to the b: e^(b*log|a|), and all that C says of zeros, infinities, NaN and negative a, which has
 * powers with whole b only. */
static inline float wide_pow(float a, float b)
{
    const double base = (double)a, exponent = (double)b, size = fabs(base);
    double e;
    const double near = wide_log_near_1_long(wide_log_parts(size, &e));
    double log_size = e * 0x1.62e42fefa39efp-1 + near;
    log_size = size == 0.0 ? -(double)INFINITY : log_size;
    log_size = size < (double)INFINITY ? log_size : size; /* NaN stays */
    double t = log_size == 0.0 ? 0.0 : exponent * log_size;
    t = t > 100.0 ? 100.0 : t;
    t = t < -120.0 ? -120.0 : t;
    double y = wide_exp64(t);
    /* All F32 beyond 2^25 are even. */
    double inside = exponent > 0x1p25 ? 0x1p25 : exponent;
    inside = inside < -0x1p25 ? -0x1p25 : inside;
    const double half = 0.5 * inside, nearest = (half + WIDE_ROUNDER) - WIDE_ROUNDER;
    const double with_sign = nearest == half ? y : copysign(y, base);
    const double with_any = base < 0.0 && size < (double)INFINITY ? (double)NAN : y;
    y = (inside + WIDE_ROUNDER) - WIDE_ROUNDER == inside ? with_sign : with_any;
    y = base == 1.0 ? 1.0 : y;
    return (float)(exponent == 0.0 ? 1.0 : y);
}

/* ---- sine and cosine ------------------------------------------------------------------------ */

/* Beyond this the two constants for pi/2 do not hold; larger F32 go to the C library. */
#define WIDE_TURN_LIMIT 0x1p22f

/* The sine of x + quarter_turns*pi/2, |x| <= WIDE_TURN_LIMIT. x = n*pi/2 + r with |r| <= pi/4; n
 * decides between sine and cosine of r, and the sign. pi/2 is two numbers, the first of so few bits
 * that n times it is exact. No F32 is nearer than 2^-30 or so to a multiple of pi/2, and r is exact
 * to 2^-60. 2^-37 and 2^-33. */
static inline float wide_turn(float x, uint64_t quarter_turns)
{
    const double rounded = (double)x * 0x1.45f306dc9c883p-1 + WIDE_ROUNDER;
    const double n = rounded - WIDE_ROUNDER;
    const double r = ((double)x - n * 0x1.921fb54p+0) - n * 0x1.10b4611a62633p-30;
    const uint64_t quarter = f64_bits(rounded) + quarter_turns;
    const double z = r * r;
    double s = 0x1.6cd82ec919b63p-19;
    s = s * z - 0x1.a00f9d16925c8p-13;
    s = s * z + 0x1.11110895e73f1p-7;
    s = s * z - 0x1.5555554cba59ep-3;
    s = r * (1.0 + z * s);
    double c = 0x1.9a0236fc58352p-16;
    c = c * z - 0x1.6c0c8b851f3a3p-10;
    c = c * z + 0x1.55554ab448111p-5;
    c = (1.0 - 0.5 * z) + z * z * c;
    const uint64_t odd = 0 - (quarter & 1);
    const uint64_t chosen = (f64_bits(c) & odd) | (f64_bits(s) & ~odd);
    return (float)f64_from_bits(chosen ^ (quarter & 2) << 62);
}

/* ---- atan, erf ------------------------------------------------------------------------------ */

/* atan(t) = t + t*z*p(z), z = t*t, for |t| <= tan(pi/8); other sizes are turned by pi/4 or pi/2
 * first. 2^-37. */
static inline float wide_atan(float x)
{
    const double size = fabs((double)x);
    const bool is_far = size > 2.414213562373095, is_near = size <= 0.41421356237309503;
    const double above = is_far ? -1.0 : is_near ? size : size - 1.0;
    const double below = is_far ? size : is_near ? 1.0 : size + 1.0;
    const double turned = is_far ? 0x1.921fb54442d18p+0 : is_near ? 0.0 : 0x1.921fb54442d18p-1;
    const double t = above / below, z = t * t;
    double p = 0x1.84f83c5970aa1p-5;
    p = p * z - 0x1.5b45fee03ffe3p-4;
    p = p * z + 0x1.c4681bc9bc215p-4;
    p = p * z - 0x1.247f077ec34d7p-3;
    p = p * z + 0x1.99991a50b2a58p-3;
    p = p * z - 0x1.555554c8a3c37p-2;
    return copysignf((float)(turned + (t + t * z * p)), x);
}

/* 1 - e^(-a*p(a)), a = |x|: -log(1 - erf(a)) is smooth, and begins as a straight line, so that
 * small results keep their digits. 1 in F32 from 4 on. 2^-27. */
static inline float wide_erf(float x)
{
    const float size = fabsf(x);
    const double a = (double)(size > 4.0f ? 4.0f : size);
    double p = -0x1.3693798330727p-17;
    p = p * a + 0x1.ed69594078a0dp-14;
    p = p * a - 0x1.4bc8dc2dfcbf1p-11;
    p = p * a + 0x1.b4ff982d1f6c6p-10;
    p = p * a - 0x1.505c1c466bdfdp-13;
    p = p * a - 0x1.39cdc7f4ceb24p-6;
    p = p * a + 0x1.a4fa5dcb8ca58p-4;
    p = p * a + 0x1.45f2f9c3e2effp-1;
    p = p * a + 0x1.20dd75178c3bfp+0;
    double power;
    const double fraction = wide_exp_parts_short(-a * p, &power);
    return copysignf((float)((1.0 - power) - power * fraction), x);
}

/* ---- activations ---------------------------------------------------------------------------- */

/* The inner function of gelu_tanh, 2*sqrt(2/pi)*(x + 0.044715*x^3), and its derivative. */
static inline double gelu_tanh_inner(double x)
{
    return 0x1.9884533d43651p+0 * (x + 0.044715 * x * x * x);
}

static inline double gelu_tanh_inner_slope(double x)
{
    return 0x1.9884533d43651p+0 * (1.0 + 3.0 * 0.044715 * x * x);
}

/* (1 + tanh(u/2))/2 is sigmoid(u). Beyond 14 either way nothing changes in F32; x, or -0. */
static inline float wide_gelu_tanh(float x)
{
    const double inside = (double)wide_between(x, -14.0f, 14.0f);
    const double s = wide_sigmoid64(gelu_tanh_inner(inside));
    return (float)((x < 0.0f ? inside : (double)x) * s);
}

static inline float wide_gelu_tanh_slope(float x)
{
    const double inside = (double)wide_between(x, -14.0f, 14.0f);
    const double s = wide_sigmoid64(gelu_tanh_inner(inside));
    return (float)(s + inside * s * (1.0 - s) * gelu_tanh_inner_slope(inside));
}

#endif

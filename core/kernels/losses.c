/* losses.c - losses of two numbers each, and their derivatives: mse, l1, huber, bce,
 * bce_with_logits.
 *
 * Written once for both types: ABS, EXP, LOG and LOG1P are those of the type T. Sums are left to
 * who calls: a block of losses is in the cache when it is added up.
 */

#include "core/kernels/float_math.h"
#include "core/kernels/isa.h"

/* log(1 + e) for e >= -1, by log(u) of the rounded u = 1 + e, corrected for what the rounding lost:
 * e / (u - 1) of it (Kahan; Goldberg 1991, theorem 4). Where u is 1, e itself is the answer. */
static inline float f32_log_of_1_plus(float e)
{
    const float u = 1.0f + e;
    const float y = f32_log(u) * (e / (u - 1.0f));
    return u == 1.0f ? e : y;
}

#define f32_CLAMPED_LOG(x) f32_at_least(f32_log(x), -100.0f)
#define f64_CLAMPED_LOG(x) f64_at_least(log(x), -100.0)
#define f32_CLAMPED_LOG1P(x) f32_at_least(f32_log_of_1_plus(x), -100.0f)
#define f64_CLAMPED_LOG1P(x) f64_at_least(log1p(x), -100.0)

/* The larger of x and low, or NaN for NaN. */
static inline float f32_at_least(float x, float low)
{
    return x < low ? low : x;
}

static inline double f64_at_least(double x, double low)
{
    return x < low ? low : x;
}

/* log(1 + e^-|x|) */
static inline float f32_softplus_tail(float x)
{
    return f32_log_of_1_plus(f32_exp(-fabsf(x)));
}

static inline double f64_softplus_tail(double x)
{
    return log1p(exp(-fabs(x)));
}

#define f32_ABS fabsf
#define f64_ABS fabs

/* PAIR_OF defines a loss of one type from two expressions of x, t, e = x - t and p. */
#define PAIR_OF(name, dtype, prefix, T, value, slope)                                              \
    void RV_KERNEL(name##_loss_##dtype)(int64_t n, const void *xs, const void *ts,                 \
                                        double parameter, void *ys)                                \
    {                                                                                              \
        const T p = (T)parameter;                                                                  \
        T *const y = ys;                                                                           \
        (void)p;                                                                                   \
        RV_INDEPENDENT for (int64_t i = 0; i < n; i++)                                             \
        {                                                                                          \
            const T x = ((const T *)xs)[i], t = ((const T *)ts)[i], e = x - t;                     \
            (void)e;                                                                               \
            y[i] = value(prefix, T);                                                               \
        }                                                                                          \
    }                                                                                              \
    void RV_KERNEL(name##_loss_grad_##dtype)(int64_t n, const void *gs, bool each, const void *xs, \
                                             const void *ts, double parameter, void *ys)           \
    {                                                                                              \
        const T p = (T)parameter;                                                                  \
        T *const y = ys;                                                                           \
        (void)p;                                                                                   \
        RV_INDEPENDENT for (int64_t i = 0; i < n; i++)                                             \
        {                                                                                          \
            const T x = ((const T *)xs)[i], t = ((const T *)ts)[i], e = x - t;                     \
            const T g = ((const T *)gs)[each ? i : 0];                                             \
            (void)e;                                                                               \
            y[i] = g * slope(prefix, T);                                                           \
        }                                                                                          \
    }

#define PAIR(name, value, slope)                 \
    PAIR_OF(name, F32, f32, float, value, slope) \
    PAIR_OF(name, F64, f64, double, value, slope)

#define SQUARE(prefix, T) (e * e)
#define TWICE(prefix, T) (2 * e)
PAIR(mse, SQUARE, TWICE)

/* NaN is neither above nor below 0, and stays. */
#define ABSOLUTE(prefix, T) prefix##_ABS(e)
#define SIGN(prefix, T) (e > 0 ? (T)1 : e < 0 ? (T)-1 : e)
PAIR(l1, ABSOLUTE, SIGN)

#define HUBER(prefix, T) \
    (prefix##_ABS(e) <= p ? e * e * (T)0.5 : p * (prefix##_ABS(e) - p * (T)0.5))
#define CLAMPED(prefix, T) (e > p ? p : e < -p ? -p : e)
PAIR(huber, HUBER, CLAMPED)

#define BCE(prefix, T) ((t - 1) * prefix##_CLAMPED_LOG1P(-x) - t * prefix##_CLAMPED_LOG(x))
#define BCE_SLOPE(prefix, T) (e / prefix##_at_least((1 - x) * x, (T)1e-12))
PAIR(bce, BCE, BCE_SLOPE)

#define BCE_LOGITS(prefix, T) ((x > 0 ? x - x * t : -x * t) + prefix##_softplus_tail(x))
#define BCE_LOGITS_SLOPE(prefix, T) (prefix##_sigmoid(x) - t)
PAIR(bce_with_logits, BCE_LOGITS, BCE_LOGITS_SLOPE)

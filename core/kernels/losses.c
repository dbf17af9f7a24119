/* losses.c - losses of two numbers each, and their derivatives: mse, l1, huber, bce,
 * bce_with_logits.
 *
 * Sums are left to who calls: a block of losses is in the cache when it is added up.
 */

#include "core/kernels/double_math.h"
#include "core/kernels/float_math.h"
#include "core/kernels/isa.h"
#include "core/kernels/wide_math.h"

#define f32_CLAMPED_LOG(x) f32_at_least(wide_log(x), -100.0f)
#define f64_CLAMPED_LOG(x) f64_at_least(f64_log(x), -100.0)
#define f32_CLAMPED_LOG_OF_REST(x) f32_at_least(wide_log1p(-(x)), -100.0f)
#define f64_CLAMPED_LOG_OF_REST(x) f64_at_least(f64_log1p(-(x)), -100.0)

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
    return -wide_log_sigmoid(fabsf(x));
}

static inline double f64_softplus_tail(double x)
{
    return f64_softplus(-fabs(x));
}

#define f32_ABS fabsf
#define f64_ABS fabs

/* LOOP writes a result of x, t, e = x - t and p for each element. */
#define LOOP(T, result)                                                    \
    RV_INDEPENDENT for (int64_t i = 0; i < n; i++)                         \
    {                                                                      \
        const T x = ((const T *)xs)[i], t = ((const T *)ts)[i], e = x - t; \
        (void)e;                                                           \
        y[i] = (result);                                                   \
    }

/* PAIR_OF defines a loss of one type from two expressions. A loop with one g for all elements and
 * one with its own for each are two: a choice in the loop would not vectorize. */
#define PAIR_OF(name, dtype, prefix, T, value, slope)                                              \
    void RV_KERNEL(name##_loss_##dtype)(int64_t n, const void *xs, const void *ts,                 \
                                        double parameter, void *ys)                                \
    {                                                                                              \
        const T p = (T)parameter;                                                                  \
        T *const y = ys;                                                                           \
        (void)p;                                                                                   \
        LOOP(T, value(prefix, T))                                                                  \
    }                                                                                              \
    void RV_KERNEL(name##_loss_grad_##dtype)(int64_t n, const void *gs, bool each, const void *xs, \
                                             const void *ts, double parameter, void *ys)           \
    {                                                                                              \
        const T p = (T)parameter, *const g = gs;                                                   \
        T *const y = ys;                                                                           \
        (void)p;                                                                                   \
        if (each) {                                                                                \
            LOOP(T, g[i] * slope(prefix, T))                                                       \
        } else if (n > 0) {                                                                        \
            const T one = g[0];                                                                    \
            LOOP(T, one *slope(prefix, T))                                                         \
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

#define BCE(prefix, T) ((t - 1) * prefix##_CLAMPED_LOG_OF_REST(x) - t * prefix##_CLAMPED_LOG(x))
#define BCE_SLOPE(prefix, T) (e / prefix##_at_least((1 - x) * x, (T)1e-12))
PAIR(bce, BCE, BCE_SLOPE)

#define BCE_LOGITS(prefix, T) ((x > 0 ? x - x * t : -x * t) + prefix##_softplus_tail(x))
#define BCE_LOGITS_SLOPE(prefix, T) (prefix##_sigmoid(x) - t)
PAIR(bce_with_logits, BCE_LOGITS, BCE_LOGITS_SLOPE)

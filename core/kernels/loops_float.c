/* loops_float.c - elementwise loops for F32 and F64: division, powers, and functions.
 *
 * Functions are our own vector code (wide_math.h, double_math.h), but for a few of F64, which are
 * the C library's.
 */

#include <math.h>

#include "core/kernels/double_math.h"
#include "core/kernels/loops.h"
#include "core/kernels/wide_math.h"

#define BOTH(name, expression)                  \
    BINARY(name, F32, float, float, expression) \
    BINARY(name, F64, double, double, expression)

BOTH(div, a / b)

UNARY(sqrt, F32, float, float, sqrtf(x))
UNARY(sqrt, F64, double, double, sqrt(x))
UNARY(rsqrt, F32, float, float, 1.0f / sqrtf(x))
UNARY(rsqrt, F64, double, double, 1.0 / sqrt(x))

UNARY(floor, F32, float, float, floorf(x))
UNARY(floor, F64, double, double, floor(x))
UNARY(ceil, F32, float, float, ceilf(x))
UNARY(ceil, F64, double, double, ceil(x))
UNARY(trunc, F32, float, float, truncf(x))
UNARY(trunc, F64, double, double, trunc(x))
UNARY(round, F32, float, float, rintf(x))
UNARY(round, F64, double, double, rint(x))

#define FUNCTION(name)                             \
    UNARY_COSTLY(name, F32, float, wide_##name(x)) \
    UNARY_COSTLY(name, F64, double, f64_##name(x))

FUNCTION(exp)
FUNCTION(expm1)
FUNCTION(log)
FUNCTION(log1p)

UNARY_COSTLY(atan, F32, float, wide_atan(x))
UNARY_CALL(atan, F64, double, atan(x))
UNARY_COSTLY(erf, F32, float, wide_erf(x))
UNARY_CALL(erf, F64, double, erf(x))

/* Angles so large that our functions do not hold for them are rare: a block without any is vector
 * code, and one that has some asks for each element. */
#define TURN_BLOCK 256

#define SIN_F32(x) wide_turn(x, 0)
#define COS_F32(x) wide_turn(x, 1)
#define SIN_F64(x) f64_sin(x)
#define COS_F64(x) f64_cos(x)

#define TURN(name, dtype, T, size, limit, function)                                       \
    static bool name##_is_ours_##dtype(int64_t n, const T *x)                             \
    {                                                                                     \
        int larger = 0;                                                                   \
        for (int64_t i = 0; i < n; i++)                                                   \
            larger |= !(size(x[i]) <= limit);                                             \
        return larger == 0;                                                               \
    }                                                                                     \
                                                                                          \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides)  \
    {                                                                                     \
        IN_BLOCKS_UNLESS(STRIDE_IS(T, 0) && STRIDE_IS(T, 1), name, dtype, T, 2)           \
        for (int64_t start = 0; start < n; start += TURN_BLOCK) {                         \
            const int64_t left = n - start;                                               \
            const int64_t count = left < TURN_BLOCK ? left : TURN_BLOCK;                  \
            const T *const x = (const T *)(const void *)data[1] + start;                  \
            T *const y = (T *)(void *)data[0] + start;                                    \
            if (name##_is_ours_##dtype(count, x)) {                                       \
                RV_INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] = function(x[i]); \
            } else {                                                                      \
                for (int64_t i = 0; i < count; i++)                                       \
                    y[i] = size(x[i]) <= limit ? function(x[i]) : (T)name((double)x[i]);  \
            }                                                                             \
        }                                                                                 \
    }

TURN(sin, F32, float, fabsf, WIDE_TURN_LIMIT, SIN_F32)
TURN(cos, F32, float, fabsf, WIDE_TURN_LIMIT, COS_F32)
TURN(sin, F64, double, fabs, F64_TURN_LIMIT, SIN_F64)
TURN(cos, F64, double, fabs, F64_TURN_LIMIT, COS_F64)

/* Squares, and what their derivative raises to the power of 1, are most of all powers: one exponent
 * for all elements is looked at before the loop. Any other stands in a block, many times: where it
 * is known to be one, compilers make a loop without vector code for each of its cases. */
#define POW(dtype, T, function)                                                                   \
    static bool pow_is_simple_##dtype(int64_t n, char *const *data, const int64_t *strides)       \
    {                                                                                             \
        const T exponent = *(const T *)(const void *)data[2];                                     \
        if (exponent == 2) {                                                                      \
            char *const squares[] = {data[0], data[1], data[1]};                                  \
            RV_KERNEL(mul_##dtype)                                                                \
            (n, squares, (const int64_t[]){strides[0], strides[1], strides[1]});                  \
        } else if (exponent == 1) {                                                               \
            RV_KERNEL(cast_##dtype##_##dtype)(n, data, strides);                                  \
        }                                                                                         \
        return exponent == 2 || exponent == 1;                                                    \
    }                                                                                             \
                                                                                                  \
    void RV_KERNEL(pow_##dtype)(int64_t n, char *const *data, const int64_t *strides)             \
    {                                                                                             \
        if (n <= 0 || (strides[2] == 0 && pow_is_simple_##dtype(n, data, strides)))               \
            return;                                                                               \
        IN_BLOCKS_UNLESS(STRIDE_IS(T, 0) && STRIDE_IS(T, 1) && STRIDE_IS(T, 2), pow, dtype, T, 3) \
        T *const y = (T *)(void *)data[0];                                                        \
        INPUT(T, as, 1);                                                                          \
        INPUT(T, bs, 2);                                                                          \
        EACH y[i] = function(as[i], bs[i]);                                                       \
    }

POW(F32, float, wide_pow)
POW(F64, double, pow)

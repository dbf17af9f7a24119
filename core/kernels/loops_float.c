/* loops_float.c - elementwise loops for F32 and F64: division, powers, and functions.
 *
 * Functions of F32 are our own vector code (wide_math.h); of F64, where accuracy comes first, the C
 * library's.
 */

#include <math.h>

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
    UNARY_CALL(name, F64, double, name(x))

FUNCTION(exp)
FUNCTION(expm1)
FUNCTION(log)
FUNCTION(log1p)
FUNCTION(atan)
FUNCTION(erf)

/* Angles so large that wide_turn does not hold for them are rare: a block without any is vector
 * code, and one that has some asks for each element. */
#define TURN_BLOCK 256

static inline float sin_of(float x)
{
    return fabsf(x) <= WIDE_TURN_LIMIT ? wide_turn(x, 0) : (float)sin((double)x);
}

static inline float cos_of(float x)
{
    return fabsf(x) <= WIDE_TURN_LIMIT ? wide_turn(x, 1) : (float)cos((double)x);
}

static bool turns_are_small(int64_t n, const float *x)
{
    int larger = 0;
    for (int64_t i = 0; i < n; i++)
        larger |= !(fabsf(x[i]) <= WIDE_TURN_LIMIT);
    return larger == 0;
}

#define TURN(name, quarter_turns)                                                         \
    void RV_KERNEL(name##_F32)(int64_t n, char *const *data, const int64_t *strides)      \
    {                                                                                     \
        IN_BLOCKS_UNLESS(STRIDE_IS(float, 0) && STRIDE_IS(float, 1), name, F32, float, 2) \
        for (int64_t start = 0; start < n; start += TURN_BLOCK) {                         \
            const int64_t left = n - start;                                               \
            const int64_t count = left < TURN_BLOCK ? left : TURN_BLOCK;                  \
            const float *const x = (const float *)(const void *)data[1] + start;          \
            float *const y = (float *)(void *)data[0] + start;                            \
            if (turns_are_small(count, x)) {                                              \
                RV_INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] =                 \
                    wide_turn(x[i], quarter_turns);                                       \
            } else {                                                                      \
                for (int64_t i = 0; i < count; i++)                                       \
                    y[i] = name##_of(x[i]);                                               \
            }                                                                             \
        }                                                                                 \
    }

TURN(sin, 0)
TURN(cos, 1)
UNARY_CALL(sin, F64, double, sin(x))
UNARY_CALL(cos, F64, double, cos(x))

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

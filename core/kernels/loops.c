/* loops.c - elementwise loops for all dtypes: arithmetic, comparisons, logic, choices.
 *
 * Integers wrap around, so their arithmetic is done unsigned: I64 as uint64_t, and U8 is promoted
 * to int and cut to 8 bits again.
 */

#include "core/kernels/loops.h"

#include <float.h>
#include <math.h>

UNARY(neg, F32, float, float, -x)
UNARY(neg, F64, double, double, -x)
UNARY(neg, I64, uint64_t, uint64_t, 0 - x)
UNARY(neg, U8, uint8_t, uint8_t, 0 - x)

/* NaN is not <= 0, and so stays. */
UNARY(relu, F32, float, float, x <= 0.0f ? 0.0f : x)
UNARY(relu, F64, double, double, x <= 0.0 ? 0.0 : x)
UNARY(relu, I64, int64_t, int64_t, x <= 0 ? 0 : x)
UNARY(relu, U8, uint8_t, uint8_t, x)

/* 0 - x and not -x, so that the least I64 wraps around instead of overflowing. */
UNARY(abs, F32, float, float, fabsf(x))
UNARY(abs, F64, double, double, fabs(x))
UNARY(abs, I64, int64_t, int64_t, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)
UNARY(abs, U8, uint8_t, uint8_t, x)

/* NaN is neither more nor less than 0, and so has sign 0, as in PyTorch. */
UNARY(sign, F32, float, float, (x > 0.0f) - (x < 0.0f))
UNARY(sign, F64, double, double, (x > 0.0) - (x < 0.0))
UNARY(sign, I64, int64_t, int64_t, (x > 0) - (x < 0))
UNARY(sign, U8, uint8_t, uint8_t, x > 0)

#define ARITHMETIC(name, operator)                      \
    BINARY(name, F32, float, float, a operator b)       \
    BINARY(name, F64, double, double, a operator b)     \
    BINARY(name, I64, uint64_t, uint64_t, a operator b) \
    BINARY(name, U8, uint8_t, uint8_t, a operator b)

ARITHMETIC(add, +)
ARITHMETIC(sub, -)
ARITHMETIC(mul, *)

#define COMPARISON(name, operator)                    \
    BINARY(name, F32, uint8_t, float, a operator b)   \
    BINARY(name, F64, uint8_t, double, a operator b)  \
    BINARY(name, I64, uint8_t, int64_t, a operator b) \
    BINARY(name, U8, uint8_t, uint8_t, a operator b)

COMPARISON(eq, ==)
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)

/* NaN if a or b is: a, if it is NaN, and b, if nothing can be said against it. */
#define CHOICE(dtype, T)                                       \
    BINARY(maximum, dtype, T, T, ((a > b) | (a != a)) ? a : b) \
    BINARY(minimum, dtype, T, T, ((a < b) | (a != a)) ? a : b) \
    TERNARY(clamp, dtype, T, T, (a < b ? b : a) > c ? c : (a < b ? b : a))

CHOICE(F32, float)
CHOICE(F64, double)
CHOICE(I64, int64_t)
CHOICE(U8, uint8_t)

#define LOGICAL(dtype, T)                                       \
    BINARY(logical_and, dtype, uint8_t, T, (a != 0) & (b != 0)) \
    BINARY(logical_or, dtype, uint8_t, T, (a != 0) | (b != 0))  \
    BINARY(logical_xor, dtype, uint8_t, T, (a != 0) ^ (b != 0)) \
    UNARY(logical_not, dtype, uint8_t, T, x == 0)

LOGICAL(F32, float)
LOGICAL(F64, double)
LOGICAL(I64, int64_t)
LOGICAL(U8, uint8_t)

/* Whole numbers are all finite. */
#define FINITENESS(dtype, T, size, largest)         \
    UNARY(isnan, dtype, uint8_t, T, x != x)         \
    UNARY(isinf, dtype, uint8_t, T, size > largest) \
    UNARY(isfinite, dtype, uint8_t, T, size <= largest)

FINITENESS(F32, float, fabsf(x), FLT_MAX)
FINITENESS(F64, double, fabs(x), DBL_MAX)
FINITENESS(I64, int64_t, 0 * x, 0)
FINITENESS(U8, uint8_t, 0 * x, 0)

/* Both values are read before one is chosen: a choice between two loads would not vectorize. */
#define WHERE(dtype, T)                                                                 \
    void RV_KERNEL(where_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                   \
        T *const y = (T *)(void *)data[0];                                              \
        const uint8_t *const cs = (const uint8_t *)data[1];                             \
        const T *const as = (const T *)(const void *)data[2];                           \
        const T *const bs = (const T *)(const void *)data[3];                           \
        const bool packed = STRIDE_IS(T, 0) && STRIDE_IS(uint8_t, 1);                   \
        if (n <= 0)                                                                     \
            return;                                                                     \
        if (packed && STRIDE_IS(T, 2) && STRIDE_IS(T, 3)) {                             \
            EACH                                                                        \
            {                                                                           \
                const T a = as[i], b = bs[i];                                           \
                y[i] = cs[i] ? a : b;                                                   \
            }                                                                           \
        } else if (packed && STRIDE_IS(T, 2) && strides[3] == 0) {                      \
            const T b = bs[0];                                                          \
            EACH                                                                        \
            {                                                                           \
                const T a = as[i];                                                      \
                y[i] = cs[i] ? a : b;                                                   \
            }                                                                           \
        } else {                                                                        \
            OPERAND(0);                                                                 \
            OPERAND(1);                                                                 \
            OPERAND(2);                                                                 \
            OPERAND(3);                                                                 \
            for (int64_t i = 0; i < n; i++) {                                           \
                const T a = ELEMENT(const T, 2, i), b = ELEMENT(const T, 3, i);         \
                ELEMENT(T, 0, i) = ELEMENT(const uint8_t, 1, i) ? a : b;                \
            }                                                                           \
        }                                                                               \
    }

WHERE(F32, float)
WHERE(F64, double)
WHERE(I64, int64_t)
WHERE(U8, uint8_t)

/* loops.c - elementwise loops for all dtypes: arithmetic, comparisons, where.
 *
 * Integers wrap around, so their arithmetic is done unsigned: I64 as uint64_t, and U8 is promoted
 * to int and cut to 8 bits again.
 */

#include "core/kernels/loops.h"

UNARY(neg, F32, float, float, -x)
UNARY(neg, F64, double, double, -x)
UNARY(neg, I64, uint64_t, uint64_t, 0 - x)
UNARY(neg, U8, uint8_t, uint8_t, 0 - x)

/* NaN is not <= 0, and so stays. */
UNARY(relu, F32, float, float, x <= 0.0f ? 0.0f : x)
UNARY(relu, F64, double, double, x <= 0.0 ? 0.0 : x)
UNARY(relu, I64, int64_t, int64_t, x <= 0 ? 0 : x)
UNARY(relu, U8, uint8_t, uint8_t, x)

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

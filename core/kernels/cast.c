/* cast.c - conversions between dtypes, and copies within one.
 *
 * What an integer cannot hold is an error long before these loops; here it only must not be
 * undefined: floating values are cut to the integer's range, NaN becomes 0, I64 wraps around to U8.
 */

#include <string.h>

#include "core/kernels/loops.h"

static inline int64_t to_i64(double x)
{
    if (x >= -0x1p63 && x < 0x1p63)
        return (int64_t)x;
    return x > 0 ? INT64_MAX : x < 0 ? INT64_MIN : 0;
}

static inline uint8_t to_u8(double x)
{
    const double below = x < 255 ? x : 255; /* also of NaN, */
    const double inside = below > 0 ? below : 0;
    return (uint8_t)(int32_t)(x == x ? inside : 0); /* which ends here */
}

#define CONVERT(from, to, R, T, expression) UNARY(cast_##from, to, R, T, expression)

CONVERT(F32, F64, double, float, x)
CONVERT(F32, I64, int64_t, float, to_i64((double)x))
CONVERT(F32, U8, uint8_t, float, to_u8((double)x))
CONVERT(F64, F32, float, double, x)
CONVERT(F64, I64, int64_t, double, to_i64(x))
CONVERT(F64, U8, uint8_t, double, to_u8(x))
CONVERT(I64, F32, float, int64_t, x)
CONVERT(I64, F64, double, int64_t, x)
CONVERT(I64, U8, uint8_t, int64_t, x)
CONVERT(U8, F32, float, uint8_t, x)
CONVERT(U8, F64, double, uint8_t, x)
CONVERT(U8, I64, int64_t, uint8_t, x)

/* Elements are copied as integers of their size, so that every NaN keeps its bits. A stride of 0
 * fills, one backwards turns a line around. */
#define COPY(dtype, T)                                                                           \
    void RV_KERNEL(cast_##dtype##_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                            \
        if (n <= 0)                                                                              \
            return;                                                                              \
        if (STRIDE_IS(T, 0) && STRIDE_IS(T, 1)) {                                                \
            memmove(data[0], data[1], (size_t)n * sizeof(T));                                    \
        } else if (STRIDE_IS(T, 0) && strides[1] == 0) {                                         \
            T element, *const y = (T *)(void *)data[0];                                          \
            memcpy(&element, data[1], sizeof element);                                           \
            for (int64_t i = 0; i < n; i++)                                                      \
                y[i] = element;                                                                  \
        } else if (STRIDE_IS(T, 0) && strides[1] == -(int64_t)sizeof(T)) {                       \
            T *const y = (T *)(void *)data[0];                                                   \
            const T *const last = (const T *)(const void *)data[1];                              \
            RV_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = last[-i];                      \
        } else {                                                                                 \
            OPERAND(0);                                                                          \
            OPERAND(1);                                                                          \
            for (int64_t i = 0; i < n; i++)                                                      \
                memcpy(at0 + i * step0, at1 + i * step1, sizeof(T));                             \
        }                                                                                        \
    }

COPY(F32, uint32_t)
COPY(F64, uint64_t)
COPY(I64, uint64_t)
COPY(U8, uint8_t)

/* fold.c - reductions: a line into one accumulator, or rows into neighbouring ones.
 *
 * Sums of rows take eight rows at a time, so that accumulators are loaded and stored once for eight
 * elements and memory is read in eight streams.
 */

#include "core/kernels/isa.h"
#include "core/kernels/lanes.h"

#define ROWS_AT_ONCE 8
/* F64: rows that are added one group after the other; more are halved. */
#define ROWS_BLOCK 128
#define ROWS_WIDTH 64

#define LINE_SUM(dtype, T, function)                                                          \
    void RV_KERNEL(sum_line_##dtype)(int64_t n, const char *from, int64_t stride, void *into) \
    {                                                                                         \
        *(double *)into += function(n, from, stride);                                         \
    }

LINE_SUM(F32, float, f32_sum)
LINE_SUM(F64, double, f64_sum)

#define LINE_MAX(dtype, T, function)                                                          \
    void RV_KERNEL(max_line_##dtype)(int64_t n, const char *from, int64_t stride, void *into) \
    {                                                                                         \
        *(T *)into = function(n, from, stride, *(const T *)into);                             \
    }

LINE_MAX(F32, float, f32_max)
LINE_MAX(F64, double, f64_max)

/* Integers: any order gives the same, and compilers find their own lanes. A is the accumulator. */
#define LINE_INTEGER(name, dtype, T, A, combined)                                                \
    void RV_KERNEL(name##_line_##dtype)(int64_t n, const char *from, int64_t stride, void *into) \
    {                                                                                            \
        A total = *(const A *)into;                                                              \
        if (stride == sizeof(T)) {                                                               \
            const T *const xs = (const T *)(const void *)from;                                   \
            for (int64_t i = 0; i < n; i++) {                                                    \
                const T x = xs[i];                                                               \
                total = combined;                                                                \
            }                                                                                    \
        } else {                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                    \
                const T x = LANE_ELEMENT(T, i);                                                  \
                total = combined;                                                                \
            }                                                                                    \
        }                                                                                        \
        *(A *)into = total;                                                                      \
    }

LINE_INTEGER(sum, I64, uint64_t, uint64_t, total + x)
LINE_INTEGER(sum, U8, uint8_t, uint64_t, total + x)
LINE_INTEGER(max, I64, int64_t, int64_t, x > total ? x : total)
LINE_INTEGER(max, U8, uint8_t, uint8_t, x > total ? x : total)

#define ROW(T, i) ((const T *)(const void *)(from + (i)*stride))

#define DEFINE_SUM_ROWS(name, T, A)                                                              \
    static void name(int64_t n, int64_t width, const char *from, int64_t stride, A *total)       \
    {                                                                                            \
        int64_t i = 0;                                                                           \
        for (; i + ROWS_AT_ONCE <= n; i += ROWS_AT_ONCE) {                                       \
            const T *const r0 = ROW(T, i), *const r1 = ROW(T, i + 1), *const r2 = ROW(T, i + 2), \
                           *const r3 = ROW(T, i + 3), *const r4 = ROW(T, i + 4),                 \
                           *const r5 = ROW(T, i + 5), *const r6 = ROW(T, i + 6),                 \
                           *const r7 = ROW(T, i + 7);                                            \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++)                                   \
            {                                                                                    \
                const A low = ((A)r0[j] + (A)r1[j]) + ((A)r2[j] + (A)r3[j]);                     \
                const A high = ((A)r4[j] + (A)r5[j]) + ((A)r6[j] + (A)r7[j]);                    \
                total[j] += low + high;                                                          \
            }                                                                                    \
        }                                                                                        \
        for (; i < n; i++) {                                                                     \
            const T *const row = ROW(T, i);                                                      \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++) total[j] += (A)row[j];            \
        }                                                                                        \
    }

DEFINE_SUM_ROWS(sum_rows_f32, float, double)
DEFINE_SUM_ROWS(sum_rows_f64, double, double)
DEFINE_SUM_ROWS(sum_rows_i64, uint64_t, uint64_t)
DEFINE_SUM_ROWS(sum_rows_u8, uint8_t, uint64_t)

void RV_KERNEL(sum_rows_F32)(int64_t n, int64_t width, const char *from, int64_t stride, void *into)
{
    sum_rows_f32(n, width, from, stride, into);
}

void RV_KERNEL(sum_rows_I64)(int64_t n, int64_t width, const char *from, int64_t stride, void *into)
{
    sum_rows_i64(n, width, from, stride, into);
}

void RV_KERNEL(sum_rows_U8)(int64_t n, int64_t width, const char *from, int64_t stride, void *into)
{
    sum_rows_u8(n, width, from, stride, into);
}

/* Pairwise: the second half of the rows is added up by itself, ROWS_WIDTH columns at a time. */
void RV_KERNEL(sum_rows_F64)(int64_t n, int64_t width, const char *from, int64_t stride, void *into)
{
    double *const total = into;
    if (n <= ROWS_BLOCK) {
        sum_rows_f64(n, width, from, stride, total);
        return;
    }
    const int64_t half = n / 2 - n / 2 % ROWS_AT_ONCE;
    for (int64_t start = 0; start < width; start += ROWS_WIDTH) {
        double second[ROWS_WIDTH] = {0};
        const int64_t columns = width - start < ROWS_WIDTH ? width - start : ROWS_WIDTH;
        const char *const column = from + start * (int64_t)sizeof(double);
        RV_KERNEL(sum_rows_F64)(half, columns, column, stride, total + start);
        RV_KERNEL(sum_rows_F64)(n - half, columns, column + half * stride, stride, second);
        for (int64_t j = 0; j < columns; j++)
            total[start + j] += second[j];
    }
}

#define MAX_ROWS(dtype, T)                                                                       \
    void RV_KERNEL(max_rows_##dtype)(int64_t n, int64_t width, const char *from, int64_t stride, \
                                     void *into)                                                 \
    {                                                                                            \
        T *const largest = into;                                                                 \
        for (int64_t i = 0; i < n; i++) {                                                        \
            const T *const row = ROW(T, i);                                                      \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++)                                   \
            {                                                                                    \
                const T x = row[j], y = largest[j];                                              \
                largest[j] = LARGER(x, y);                                                       \
            }                                                                                    \
        }                                                                                        \
    }

MAX_ROWS(F32, float)
MAX_ROWS(F64, double)
MAX_ROWS(I64, int64_t)
MAX_ROWS(U8, uint8_t)

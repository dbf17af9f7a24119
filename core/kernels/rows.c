/* rows.c - softmax, log_softmax and cross entropy of each row of a contiguous matrix.
 *
 * The largest element is subtracted first, so that nothing overflows. A row of -inf alone, or with
 * +inf in it, gives NaN as in PyTorch: -inf - -inf and inf - inf are NaN.
 */

#include "core/kernels/float_math.h"
#include "core/kernels/isa.h"
#include "core/kernels/lanes.h"

#define EXP_BLOCK 256

#define ROW_MAX(prefix, T, n, x) prefix##_max(n, (const char *)(x), sizeof(T), -(T)INFINITY)
#define ROW_SUM(prefix, T, n, x) prefix##_sum(n, (const char *)(x), sizeof(T))

/* sum(e^(x - max)), a block at a time. */
#define DEFINE_SUM_EXP(prefix, T, exp_function)                                  \
    static inline double prefix##_sum_exp(int64_t n, const T *x, T max)          \
    {                                                                            \
        T e[EXP_BLOCK];                                                          \
        double sum = 0;                                                          \
        for (int64_t start = 0; start < n; start += EXP_BLOCK) {                 \
            const int64_t count = n - start < EXP_BLOCK ? n - start : EXP_BLOCK; \
            for (int64_t j = 0; j < count; j++)                                  \
                e[j] = exp_function(x[start + j] - max);                         \
            sum += ROW_SUM(prefix, T, count, e);                                 \
        }                                                                        \
        return sum;                                                              \
    }

DEFINE_SUM_EXP(f32, float, f32_exp)
DEFINE_SUM_EXP(f64, double, exp)

#define SOFTMAX(dtype, prefix, T, exp_function)                                      \
    void RV_KERNEL(softmax_##dtype)(int64_t rows, int64_t n, const void *x, void *y) \
    {                                                                                \
        for (int64_t row = 0; row < rows; row++) {                                   \
            const T *const in = (const T *)x + row * n;                              \
            T *const out = (T *)y + row * n;                                         \
            const T max = ROW_MAX(prefix, T, n, in);                                 \
            for (int64_t j = 0; j < n; j++)                                          \
                out[j] = exp_function(in[j] - max);                                  \
            const T sum = (T)ROW_SUM(prefix, T, n, out);                             \
            for (int64_t j = 0; j < n; j++)                                          \
                out[j] /= sum;                                                       \
        }                                                                            \
    }

SOFTMAX(F32, f32, float, f32_exp)
SOFTMAX(F64, f64, double, exp)

#define LOG_SOFTMAX(dtype, prefix, T)                                                    \
    void RV_KERNEL(log_softmax_##dtype)(int64_t rows, int64_t n, const void *x, void *y) \
    {                                                                                    \
        for (int64_t row = 0; row < rows; row++) {                                       \
            const T *const in = (const T *)x + row * n;                                  \
            T *const out = (T *)y + row * n;                                             \
            const T max = ROW_MAX(prefix, T, n, in);                                     \
            const T log_sum = (T)log(prefix##_sum_exp(n, in, max));                      \
            for (int64_t j = 0; j < n; j++)                                              \
                out[j] = (in[j] - max) - log_sum;                                        \
        }                                                                                \
    }

LOG_SOFTMAX(F32, f32, float)
LOG_SOFTMAX(F64, f64, double)

#define CROSS_ENTROPY(dtype, prefix, T)                                                      \
    void RV_KERNEL(cross_entropy_##dtype)(int64_t rows, int64_t n, const void *x,            \
                                          const int64_t *labels, void *y)                    \
    {                                                                                        \
        for (int64_t row = 0; row < rows; row++) {                                           \
            const T *const in = (const T *)x + row * n;                                      \
            const T max = ROW_MAX(prefix, T, n, in);                                         \
            const double log_sum = log(prefix##_sum_exp(n, in, max));                        \
            ((T *)y)[row] = n > 0 ? (T)(log_sum - (double)(in[labels[row]] - max)) : (T)NAN; \
        }                                                                                    \
    }

CROSS_ENTROPY(F32, f32, float)
CROSS_ENTROPY(F64, f64, double)

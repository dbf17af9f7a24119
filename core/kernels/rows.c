/* rows.c - softmax, log_softmax and cross entropy of each row of a contiguous matrix, and their
 * derivatives.
 *
 * The largest element is subtracted first, so that nothing overflows. A row of -inf alone, or with
 * +inf in it, gives NaN as in PyTorch: -inf - -inf and inf - inf are NaN.
 */

#include <string.h>

#include "core/kernels/double_math.h"
#include "core/kernels/float_math.h"
#include "core/kernels/isa.h"
#include "core/kernels/lanes.h"

#define BLOCK 256

/* ---- softmax, log_softmax ------------------------------------------------------------------- */

/* The largest of a row, NaN never being it: what is subtracted from NaN does not matter. */
#define DEFINE_ROW_MAX(prefix, T)                                                  \
    static inline T prefix##_row_max(int64_t n, const T *x)                        \
    {                                                                              \
        T max = -(T)INFINITY, lane[MAX_LANES];                                     \
        int64_t i = 0;                                                             \
        if (n >= MAX_LANES) {                                                      \
            for (int j = 0; j < MAX_LANES; j++)                                    \
                lane[j] = max;                                                     \
            for (; i + MAX_LANES <= n; i += MAX_LANES)                             \
                for (int j = 0; j < MAX_LANES; j++)                                \
                    lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];             \
            for (int half = MAX_LANES / 2; half > 0; half /= 2)                    \
                for (int j = 0; j < half; j++)                                     \
                    lane[j] = lane[j + half] > lane[j] ? lane[j + half] : lane[j]; \
            max = lane[0];                                                         \
        }                                                                          \
        for (; i < n; i++)                                                         \
            max = x[i] > max ? x[i] : max;                                         \
        return max;                                                                \
    }

DEFINE_ROW_MAX(f32, float)
DEFINE_ROW_MAX(f64, double)

#define ROW_SUM(prefix, T, n, x) prefix##_sum(n, (const char *)(x), sizeof(T))

/* sum(e^(x - max)), a block at a time. */
#define DEFINE_SUM_EXP(prefix, T, exp_function)                          \
    static inline double prefix##_sum_exp(int64_t n, const T *x, T max)  \
    {                                                                    \
        T e[BLOCK];                                                      \
        double sum = 0;                                                  \
        for (int64_t start = 0; start < n; start += BLOCK) {             \
            const int64_t count = n - start < BLOCK ? n - start : BLOCK; \
            for (int64_t j = 0; j < count; j++)                          \
                e[j] = exp_function(x[start + j] - max);                 \
            sum += ROW_SUM(prefix, T, count, e);                         \
        }                                                                \
        return sum;                                                      \
    }

DEFINE_SUM_EXP(f32, float, f32_exp_term)
DEFINE_SUM_EXP(f64, double, f64_exp)

#define SOFTMAX(dtype, prefix, T, exp_function)                                      \
    void RV_KERNEL(softmax_##dtype)(int64_t rows, int64_t n, const void *x, void *y) \
    {                                                                                \
        for (int64_t row = 0; row < rows; row++) {                                   \
            const T *const in = (const T *)x + row * n;                              \
            T *const out = (T *)y + row * n;                                         \
            const T max = prefix##_row_max(n, in);                                   \
            for (int64_t j = 0; j < n; j++)                                          \
                out[j] = exp_function(in[j] - max);                                  \
            const T share = (T)(1 / ROW_SUM(prefix, T, n, out));                     \
            for (int64_t j = 0; j < n; j++)                                          \
                out[j] *= share;                                                     \
        }                                                                            \
    }

SOFTMAX(F32, f32, float, f32_exp_below_0)
SOFTMAX(F64, f64, double, f64_exp)

#define LOG_SOFTMAX(dtype, prefix, T)                                                    \
    void RV_KERNEL(log_softmax_##dtype)(int64_t rows, int64_t n, const void *x, void *y) \
    {                                                                                    \
        for (int64_t row = 0; row < rows; row++) {                                       \
            const T *const in = (const T *)x + row * n;                                  \
            T *const out = (T *)y + row * n;                                             \
            const T max = prefix##_row_max(n, in);                                       \
            const T log_sum = (T)log(prefix##_sum_exp(n, in, max));                      \
            for (int64_t j = 0; j < n; j++)                                              \
                out[j] = (in[j] - max) - log_sum;                                        \
        }                                                                                \
    }

LOG_SOFTMAX(F32, f32, float)
LOG_SOFTMAX(F64, f64, double)

/* ---- their derivatives ---------------------------------------------------------------------- */

/* sum(a*b), a block at a time. */
#define DEFINE_SUM_PRODUCT(prefix, T)                                            \
    static inline double prefix##_sum_product(int64_t n, const T *a, const T *b) \
    {                                                                            \
        T product[BLOCK];                                                        \
        double sum = 0;                                                          \
        for (int64_t start = 0; start < n; start += BLOCK) {                     \
            const int64_t count = n - start < BLOCK ? n - start : BLOCK;         \
            for (int64_t j = 0; j < count; j++)                                  \
                product[j] = a[start + j] * b[start + j];                        \
            sum += ROW_SUM(prefix, T, count, product);                           \
        }                                                                        \
        return sum;                                                              \
    }

DEFINE_SUM_PRODUCT(f32, float)
DEFINE_SUM_PRODUCT(f64, double)

#define SOFTMAX_GRAD(dtype, prefix, T)                                                          \
    void RV_KERNEL(softmax_grad_##dtype)(int64_t rows, int64_t n, const void *g, const void *y, \
                                         void *out)                                             \
    {                                                                                           \
        for (int64_t row = 0; row < rows; row++) {                                              \
            const T *const gs = (const T *)g + row * n, *const ys = (const T *)y + row * n;     \
            T *const to = (T *)out + row * n;                                                   \
            const T sum = (T)prefix##_sum_product(n, gs, ys);                                   \
            for (int64_t j = 0; j < n; j++)                                                     \
                to[j] = ys[j] * (gs[j] - sum);                                                  \
        }                                                                                       \
    }

SOFTMAX_GRAD(F32, f32, float)
SOFTMAX_GRAD(F64, f64, double)

#define LOG_SOFTMAX_GRAD(dtype, prefix, T, exp_function)                                    \
    void RV_KERNEL(log_softmax_grad_##dtype)(int64_t rows, int64_t n, const void *g,        \
                                             const void *y, void *out)                      \
    {                                                                                       \
        for (int64_t row = 0; row < rows; row++) {                                          \
            const T *const gs = (const T *)g + row * n, *const ys = (const T *)y + row * n; \
            T *const to = (T *)out + row * n;                                               \
            const T sum = (T)ROW_SUM(prefix, T, n, gs);                                     \
            for (int64_t j = 0; j < n; j++)                                                 \
                to[j] = gs[j] - exp_function(ys[j]) * sum;                                  \
        }                                                                                   \
    }

LOG_SOFTMAX_GRAD(F32, f32, float, f32_exp)
LOG_SOFTMAX_GRAD(F64, f64, double, f64_exp)

/* ---- cross entropy -------------------------------------------------------------------------- */

#define WEIGHT_OF(T, of, k) ((of)->weight != NULL ? (double)((const T *)(of)->weight)[k] : 1.0)

/* sum(weight*(x - max)) of all classes, a block at a time. */
#define DEFINE_SUM_WEIGHTED(prefix, T)                                                 \
    static double prefix##_sum_weighted(int64_t n, const T *x, T max, const T *weight) \
    {                                                                                  \
        T term[BLOCK];                                                                 \
        double sum = 0;                                                                \
        for (int64_t start = 0; start < n; start += BLOCK) {                           \
            const int64_t count = n - start < BLOCK ? n - start : BLOCK;               \
            for (int64_t j = 0; j < count; j++)                                        \
                term[j] = x[start + j] - max;                                          \
            for (int64_t j = 0; j < count && weight != NULL; j++)                      \
                term[j] *= weight[start + j];                                          \
            sum += ROW_SUM(prefix, T, count, term);                                    \
        }                                                                              \
        return sum;                                                                    \
    }

DEFINE_SUM_WEIGHTED(f32, float)
DEFINE_SUM_WEIGHTED(f64, double)

#define CROSS_ENTROPY(dtype, prefix, T)                                                            \
    void RV_KERNEL(cross_entropy_##dtype)(int64_t rows, int64_t n, const void *x,                  \
                                          const rv_class_rows *of, void *y)                        \
    {                                                                                              \
        for (int64_t row = 0; row < rows; row++) {                                                 \
            const T *const in = (const T *)x + row * n;                                            \
            T *const loss = (T *)y + row;                                                          \
            const int64_t label = of->labels[row];                                                 \
            if (label == of->ignored) {                                                            \
                *loss = 0;                                                                         \
                continue;                                                                          \
            }                                                                                      \
            const T max = prefix##_row_max(n, in);                                                 \
            const double log_sum = log(prefix##_sum_exp(n, in, max));                              \
            const double share = of->label_share * WEIGHT_OF(T, of, label);                        \
            double sum = share * (log_sum - (double)(in[label] - max));                            \
            if (of->class_share > 0)                                                               \
                sum += of->class_share *                                                           \
                       (of->weight_sum * log_sum - prefix##_sum_weighted(n, in, max, of->weight)); \
            *loss = (T)sum;                                                                        \
        }                                                                                          \
    }

CROSS_ENTROPY(F32, f32, float)
CROSS_ENTROPY(F64, f64, double)

/* What stands at the label is -share*(1 - softmax), with 1 - softmax as the sum of all others over
 * the sum: a confident row's gradient keeps its digits. `total` is what all classes count. */
#define CROSS_ENTROPY_GRAD(dtype, prefix, T, exp_function)                                        \
    void RV_KERNEL(cross_entropy_grad_##dtype)(int64_t rows, int64_t n, const void *g, bool each, \
                                               double scale, const void *x,                       \
                                               const rv_class_rows *of, void *out)                \
    {                                                                                             \
        for (int64_t row = 0; row < rows; row++) {                                                \
            const T *const in = (const T *)x + row * n;                                           \
            T *const to = (T *)out + row * n;                                                     \
            const int64_t label = of->labels[row];                                                \
            if (label == of->ignored) {                                                           \
                memset(to, 0, (size_t)n * sizeof(T));                                             \
                continue;                                                                         \
            }                                                                                     \
            const double factor = scale * (double)((const T *)g)[each ? row : 0];                 \
            const T max = prefix##_row_max(n, in);                                                \
            for (int64_t j = 0; j < n; j++)                                                       \
                to[j] = exp_function(in[j] - max);                                                \
            const double own = (double)to[label];                                                 \
            to[label] = 0;                                                                        \
            const double others = ROW_SUM(prefix, T, n, to), sum = others + own;                  \
            const double weight = WEIGHT_OF(T, of, label);                                        \
            const double share = of->label_share * weight;                                        \
            const double classes = of->class_share * of->weight_sum;                              \
            const T over_sum = (T)(factor * (share + classes) / sum);                             \
            const T less = (T)(factor * of->class_share);                                         \
            const T *const weights = of->weight;                                                  \
            if (!(of->class_share > 0))                                                           \
                for (int64_t j = 0; j < n; j++)                                                   \
                    to[j] *= over_sum;                                                            \
            else if (weights == NULL)                                                             \
                for (int64_t j = 0; j < n; j++)                                                   \
                    to[j] = to[j] * over_sum - less;                                              \
            else                                                                                  \
                for (int64_t j = 0; j < n; j++)                                                   \
                    to[j] = to[j] * over_sum - less * weights[j];                                 \
            const double of_classes = classes * own / sum - of->class_share * weight;             \
            to[label] = (T)(factor * (of_classes - share * (others / sum)));                      \
        }                                                                                         \
    }

CROSS_ENTROPY_GRAD(F32, f32, float, f32_exp_below_0)
CROSS_ENTROPY_GRAD(F64, f64, double, f64_exp)

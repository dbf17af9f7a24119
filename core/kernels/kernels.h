/* kernels.h - the table of inner loops, one for each instruction set.
 *
 * The files beside this one are compiled once for each instruction set (baseline, AVX2, AVX-512;
 * NEON is ARM's baseline) into a table of functions; rv_kernels() gives the best that the processor
 * has. They know pointers, strides and counts; shapes, threads and errors are handled above them
 * (core/elementwise.h, core/reduce.h, core/gemm.h).
 *
 * Private to core/, but for the loop numbers that operations name.
 */
#ifndef RV_CORE_KERNELS_H
#define RV_CORE_KERNELS_H

#include "core/tensor.h"

RV_BEGIN_C

/* The elementwise loops: name, number of inputs, dtype of the result (SAME: as the inputs; MASK: U8
 * of 0 and 1), formula. `where` takes its condition as U8. add, sub, mul, neg, relu, where and the
 * comparisons exist for all dtypes (integers wrap around); the rest for F32 and F64. */
#define RV_LOOP_LIST(X)                         \
    X(neg, 1, SAME, -x)                         \
    X(exp, 1, SAME, e to the x)                 \
    X(log, 1, SAME, natural logarithm)          \
    X(sqrt, 1, SAME, square root)               \
    X(tanh, 1, SAME, hyperbolic tangent)        \
    X(sigmoid, 1, SAME, 1 / (1 + exp(-x)))      \
    X(relu, 1, SAME, max(x, 0) and NaN for NaN) \
    X(add, 2, SAME, a + b)                      \
    X(sub, 2, SAME, a - b)                      \
    X(mul, 2, SAME, a *b)                       \
    X(div, 2, SAME, a / b)                      \
    X(pow, 2, SAME, a to the b)                 \
    X(tanh_grad, 2, SAME, g *(1 - y * y))       \
    X(sigmoid_grad, 2, SAME, g *y *(1 - y))     \
    X(relu_grad, 2, SAME, y > 0 ? g : 0)        \
    X(eq, 2, MASK, a == b)                      \
    X(ne, 2, MASK, a != b)                      \
    X(lt, 2, MASK, a < b)                       \
    X(le, 2, MASK, a <= b)                      \
    X(gt, 2, MASK, a > b)                       \
    X(ge, 2, MASK, a >= b)                      \
    X(where, 3, SAME, c ? a : b)

typedef enum rv_loop_id {
#define RV_LOOP_ENUM(name, inputs, result, formula) RV_LOOP_##name,
    RV_LOOP_LIST(RV_LOOP_ENUM)
#undef RV_LOOP_ENUM
        RV_LOOP_COUNT
} rv_loop_id;

/* An inner loop over n elements: data[0] is the result, data[1..] the inputs, strides in bytes
 * (0: the same element again). */
typedef void rv_loop(int64_t n, char *const *data, const int64_t *strides);

/* Folds: the reductions. A fold takes n elements a stride (bytes) apart and combines them with what
 * `into` holds already. `rows`: the same for `width` neighbouring accumulators at once
 * (into[j] with from[j + i*stride] for i in [0,n)), `from` rows being contiguous. Sums of F32 are
 * accumulated in double; sums of F64 pairwise. */
typedef enum rv_fold_id { RV_FOLD_sum, RV_FOLD_max, RV_FOLD_COUNT } rv_fold_id;

/* Element types of accumulators: double for the sum of F32 and F64, int64_t for the sum of I64 and
 * U8; for max the element's own type. */
typedef struct rv_fold {
    void (*line)(int64_t n, const char *from, int64_t stride, void *into);
    void (*rows)(int64_t n, int64_t width, const char *from, int64_t stride, void *into);
} rv_fold;

/* y[i,j] = x[j,i] for i in [0,rows), j in [0,columns): x_step and y_step are the bytes from a row
 * to the next, whose elements are contiguous. The two do not overlap. */
typedef void rv_transpose_kernel(int64_t rows, int64_t columns, const char *x, int64_t x_step,
                                 char *y, int64_t y_step);

/* What an update of a parameter needs, for one piece of n contiguous elements of F32 or F64. */
typedef struct rv_sgd_update {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, first; /* first: the buffer starts as the gradient */
} rv_sgd_update;

typedef struct rv_adam_update {
    double beta1, beta2, eps, weight_decay;
    double step_size;  /* lr / (1 - beta1^t) */
    double root_scale; /* sqrt(1 - beta2^t) */
} rv_adam_update;

typedef struct rv_kernels {
    const char *name;                              /* "baseline", "avx2", "avx512" */
    rv_loop *loops[RV_LOOP_COUNT][RV_DTYPE_COUNT]; /* by the inputs' dtype; NULL: none */
    rv_loop *cast[RV_DTYPE_COUNT][RV_DTYPE_COUNT]; /* [from][to]; one input; [d][d] copies */
    rv_fold folds[RV_FOLD_COUNT][RV_DTYPE_COUNT];
    rv_transpose_kernel *transpose[RV_DTYPE_COUNT];
    /* Below, [0] is F32 and [1] is F64; rows are contiguous, [rows, n]. */
    void (*softmax[2])(int64_t rows, int64_t n, const void *x, void *y);
    void (*log_softmax[2])(int64_t rows, int64_t n, const void *x, void *y);
    /* y[i] = log(sum_j exp(x[i,j])) - x[i, labels[i]] */
    void (*cross_entropy[2])(int64_t rows, int64_t n, const void *x, const int64_t *labels,
                             void *y);
    /* y[i] = keep(i) ? x[i] * scale : 0 for elements first..first+n of the tensor; element i is
     * kept when its random number, (32 bits) >= threshold. */
    void (*dropout[2])(int64_t n, const void *x, void *y, uint64_t seed, uint64_t offset,
                       int64_t first, uint32_t threshold, double scale);
    void (*sgd[2])(int64_t n, const rv_sgd_update *u, void *parameter, const void *gradient,
                   void *buffer);
    void (*adam[2])(int64_t n, const rv_adam_update *u, void *parameter, const void *gradient,
                    void *exp_avg, void *exp_avg_sq);
} rv_kernels;

/* The table for this processor; RV_ISA=baseline|avx2|avx512 in the environment asks for a lesser
 * one (more than the processor has is ignored). Chosen once. */
RV_API const rv_kernels *rv_kernels_get(void);

RV_END_C

#endif

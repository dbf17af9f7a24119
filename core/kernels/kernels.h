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
 * of 0 and 1), formula. `where` takes its condition as U8. RV_LOOPS_ANY in isa.h lists those that
 * exist for all dtypes (integers wrap around); the rest is for F32 and F64. */
#define RV_LOOP_LIST(X)                                               \
    X(neg, 1, SAME, -x)                                               \
    X(abs, 1, SAME, | x |)                                            \
    X(sign, 1, SAME, -1 or 0 or 1; 0 for NaN)                         \
    X(sqrt, 1, SAME, square root)                                     \
    X(rsqrt, 1, SAME, 1 / sqrt(x))                                    \
    X(exp, 1, SAME, e to the x)                                       \
    X(expm1, 1, SAME, e to the x minus 1)                             \
    X(log, 1, SAME, natural logarithm)                                \
    X(log1p, 1, SAME, log(1 + x))                                     \
    X(sin, 1, SAME, sine)                                             \
    X(cos, 1, SAME, cosine)                                           \
    X(atan, 1, SAME, inverse tangent)                                 \
    X(erf, 1, SAME, error function)                                   \
    X(floor, 1, SAME, down to a whole number)                         \
    X(ceil, 1, SAME, up)                                              \
    X(trunc, 1, SAME, towards 0)                                      \
    X(round, 1, SAME, to the nearest; halves to the even one)         \
    X(tanh, 1, SAME, hyperbolic tangent)                              \
    X(sigmoid, 1, SAME, 1 / (1 + exp(-x)))                            \
    X(relu, 1, SAME, max(x, 0) and NaN for NaN)                       \
    X(silu, 1, SAME, x *sigmoid(x))                                   \
    X(gelu, 1, SAME, x *Phi(x))                                       \
    X(gelu_tanh, 1, SAME, its approximation by tanh)                  \
    X(log_sigmoid, 1, SAME, log(sigmoid(x)))                          \
    X(selu, 1, SAME, see loops_activation.c)                          \
    X(add, 2, SAME, a + b)                                            \
    X(sub, 2, SAME, a - b)                                            \
    X(mul, 2, SAME, a *b)                                             \
    X(div, 2, SAME, a / b)                                            \
    X(pow, 2, SAME, a to the b)                                       \
    X(maximum, 2, SAME, the larger; NaN if one is)                    \
    X(minimum, 2, SAME, the smaller; NaN if one is)                   \
    X(elu, 2, SAME, a > 0 ? a : b * (exp(a) - 1))                     \
    X(leaky_relu, 2, SAME, a > 0 ? a : b * a)                         \
    X(clamp, 3, SAME, min(max(a, b), c))                              \
    X(softplus, 3, SAME, log(1 + exp(a * b)) / b; a where a * b > c)  \
    X(tanh_grad, 2, SAME, g *(1 - y * y))                             \
    X(sigmoid_grad, 2, SAME, g *y *(1 - y))                           \
    X(relu_grad, 2, SAME, y <= 0 ? 0 : g)                             \
    X(silu_grad, 2, SAME, of(g, x))                                   \
    X(gelu_grad, 2, SAME, of(g, x))                                   \
    X(gelu_tanh_grad, 2, SAME, of(g, x))                              \
    X(log_sigmoid_grad, 2, SAME, of(g, x))                            \
    X(selu_grad, 2, SAME, of(g, x))                                   \
    X(elu_grad, 3, SAME, of(g, x, alpha))                             \
    X(leaky_relu_grad, 3, SAME, of(g, x, slope))                      \
    X(softplus_grad, 4, SAME, of(g, x, beta, threshold))              \
    X(maximum_grad, 3, SAME, of(g, a, b) : towards a; g / 2 if equal) \
    X(clamp_grad, 4, SAME, of(g, x, min, max))                        \
    X(hardtanh_grad, 4, SAME, of(g, x, min, max))                     \
    X(eq, 2, MASK, a == b)                                            \
    X(ne, 2, MASK, a != b)                                            \
    X(lt, 2, MASK, a < b)                                             \
    X(le, 2, MASK, a <= b)                                            \
    X(gt, 2, MASK, a > b)                                             \
    X(ge, 2, MASK, a >= b)                                            \
    X(logical_not, 1, MASK, x == 0)                                   \
    X(logical_and, 2, MASK, a and b not 0)                            \
    X(logical_or, 2, MASK, a or b not 0)                              \
    X(logical_xor, 2, MASK, one of them not 0)                        \
    X(isnan, 1, MASK, is not a number)                                \
    X(isinf, 1, MASK, is infinite)                                    \
    X(isfinite, 1, MASK, is neither)                                  \
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

/* isa.h - the names of the kernels, which exist once for each instruction set. Private to kernels/.
 *
 * These files are compiled several times, with RV_ISA being baseline, avx2 or avx512, and all
 * copies end up in one library: so every name that leaves its file carries the instruction set, as
 * in rv_avx2_add_F32. The lists here declare what the files define and fill the table in table.c,
 * so a kernel that is missing or misspelled does not compile.
 *
 * Nothing here uses fused multiply-add: all instruction sets give the same bits, elementwise.
 */
#ifndef RV_CORE_KERNELS_ISA_H
#define RV_CORE_KERNELS_ISA_H

#include "core/kernels/kernels.h"

#ifndef RV_ISA
#define RV_ISA baseline
#endif

/* RV_KERNEL(add_F32) is rv_avx2_add_F32. */
#define RV_KERNEL(name) RV_JOIN(RV_JOIN(rv_, RV_ISA), _##name)

/* The loops of loops.c, loops_float.c and loops_activation.c: which dtypes each has. */
#define RV_LOOPS_ANY(X, dtype) \
    X(neg, dtype)              \
    X(abs, dtype)              \
    X(sign, dtype)             \
    X(relu, dtype)             \
    X(add, dtype)              \
    X(sub, dtype)              \
    X(mul, dtype)              \
    X(maximum, dtype)          \
    X(minimum, dtype)          \
    X(clamp, dtype)            \
    X(eq, dtype)               \
    X(ne, dtype)               \
    X(lt, dtype)               \
    X(le, dtype)               \
    X(gt, dtype)               \
    X(ge, dtype)               \
    X(logical_not, dtype)      \
    X(logical_and, dtype)      \
    X(logical_or, dtype)       \
    X(logical_xor, dtype)      \
    X(isnan, dtype)            \
    X(isinf, dtype)            \
    X(isfinite, dtype)         \
    X(where, dtype)

#define RV_LOOPS_FLOATING(X, dtype) \
    X(sqrt, dtype)                  \
    X(rsqrt, dtype)                 \
    X(exp, dtype)                   \
    X(expm1, dtype)                 \
    X(log, dtype)                   \
    X(log1p, dtype)                 \
    X(sin, dtype)                   \
    X(cos, dtype)                   \
    X(atan, dtype)                  \
    X(erf, dtype)                   \
    X(floor, dtype)                 \
    X(ceil, dtype)                  \
    X(trunc, dtype)                 \
    X(round, dtype)                 \
    X(div, dtype)                   \
    X(pow, dtype)

#define RV_LOOPS_ACTIVATION(X, dtype) \
    X(tanh, dtype)                    \
    X(sigmoid, dtype)                 \
    X(silu, dtype)                    \
    X(gelu, dtype)                    \
    X(gelu_tanh, dtype)               \
    X(log_sigmoid, dtype)             \
    X(selu, dtype)                    \
    X(elu, dtype)                     \
    X(leaky_relu, dtype)              \
    X(softplus, dtype)                \
    X(tanh_grad, dtype)               \
    X(sigmoid_grad, dtype)            \
    X(relu_grad, dtype)               \
    X(silu_grad, dtype)               \
    X(gelu_grad, dtype)               \
    X(gelu_tanh_grad, dtype)          \
    X(log_sigmoid_grad, dtype)        \
    X(selu_grad, dtype)               \
    X(elu_grad, dtype)                \
    X(leaky_relu_grad, dtype)         \
    X(softplus_grad, dtype)           \
    X(maximum_grad, dtype)            \
    X(clamp_grad, dtype)              \
    X(hardtanh_grad, dtype)

#define RV_LOOPS(X)             \
    RV_LOOPS_ANY(X, F32)        \
    RV_LOOPS_ANY(X, F64)        \
    RV_LOOPS_ANY(X, I64)        \
    RV_LOOPS_ANY(X, U8)         \
    RV_LOOPS_FLOATING(X, F32)   \
    RV_LOOPS_FLOATING(X, F64)   \
    RV_LOOPS_ACTIVATION(X, F32) \
    RV_LOOPS_ACTIVATION(X, F64)

/* The conversions of cast.c: from, to. */
#define RV_CASTS_FROM(X, from) X(from, F32) X(from, F64) X(from, I64) X(from, U8)
#define RV_CASTS(X) \
    RV_CASTS_FROM(X, F32) RV_CASTS_FROM(X, F64) RV_CASTS_FROM(X, I64) RV_CASTS_FROM(X, U8)

/* The reductions of fold.c. */
#define RV_FOLDS_FLOATING(X, fold) X(fold, F32) X(fold, F64)
#define RV_FOLDS_ANY(X, fold) RV_FOLDS_FLOATING(X, fold) X(fold, I64) X(fold, U8)
#define RV_FOLDS(X)                   \
    RV_FOLDS_ANY(X, sum)              \
    RV_FOLDS_ANY(X, prod)             \
    RV_FOLDS_ANY(X, max)              \
    RV_FOLDS_ANY(X, min)              \
    RV_FOLDS_ANY(X, count)            \
    RV_FOLDS_FLOATING(X, sum_sizes)   \
    RV_FOLDS_FLOATING(X, sum_squares) \
    RV_FOLDS_FLOATING(X, max_size)    \
    RV_FOLDS_FLOATING(X, min_size)
#define RV_CENTERED_FOLDS(X)         \
    RV_FOLDS_FLOATING(X, deviations) \
    RV_FOLDS_FLOATING(X, exps)       \
    RV_FOLDS_FLOATING(X, powers)

typedef void rv_fold_lines(int64_t lines, int64_t n, const char *from, int64_t step, int64_t stride,
                           void *into);
typedef void rv_fold_rows(int64_t n, int64_t width, const char *from, int64_t stride, void *into);
typedef void rv_centered_lines(int64_t lines, int64_t n, const char *from, int64_t step,
                               int64_t stride, const double *c, double p, double *into);
typedef void rv_centered_rows(int64_t n, int64_t width, const char *from, int64_t stride,
                              const double *c, double p, double *into);
typedef void rv_rows_kernel(int64_t rows, int64_t n, const void *x, void *y);
typedef void rv_rows_grad_kernel(int64_t rows, int64_t n, const void *g, const void *y, void *out);
typedef void rv_cross_entropy_kernel(int64_t rows, int64_t n, const void *x,
                                     const rv_class_rows *of, void *y);
typedef void rv_cross_entropy_grad_kernel(int64_t rows, int64_t n, const void *g, bool each,
                                          double scale, const void *x, const rv_class_rows *of,
                                          void *out);
typedef void rv_pair_loss_kernel(int64_t n, const void *x, const void *t, double p, void *y);
typedef void rv_pair_grad_kernel(int64_t n, const void *g, bool each, const void *x, const void *t,
                                 double p, void *y);
typedef void rv_dropout_kernel(int64_t n, const void *x, void *y, uint64_t seed, uint64_t offset,
                               int64_t first, uint32_t threshold, double scale);
typedef int rv_cholesky_kernel(int64_t n, void *a);
typedef int rv_lu_kernel(int64_t n, void *a, int *pivots);

#define RV_DECLARE_LOOP(name, dtype) rv_loop RV_KERNEL(name##_##dtype);
#define RV_DECLARE_CAST(from, to) rv_loop RV_KERNEL(cast_##from##_##to);
#define RV_DECLARE_FOLD(fold, dtype)               \
    rv_fold_lines RV_KERNEL(fold##_lines_##dtype); \
    rv_fold_rows RV_KERNEL(fold##_rows_##dtype);
#define RV_DECLARE_CENTERED(fold, dtype)               \
    rv_centered_lines RV_KERNEL(fold##_lines_##dtype); \
    rv_centered_rows RV_KERNEL(fold##_rows_##dtype);
RV_LOOPS(RV_DECLARE_LOOP)
RV_CASTS(RV_DECLARE_CAST)
RV_FOLDS(RV_DECLARE_FOLD)
RV_CENTERED_FOLDS(RV_DECLARE_CENTERED)

rv_transpose_kernel RV_KERNEL(transpose_1), RV_KERNEL(transpose_4), RV_KERNEL(transpose_8);
rv_rows_kernel RV_KERNEL(softmax_F32), RV_KERNEL(softmax_F64);
rv_rows_kernel RV_KERNEL(log_softmax_F32), RV_KERNEL(log_softmax_F64);
rv_rows_grad_kernel RV_KERNEL(softmax_grad_F32), RV_KERNEL(softmax_grad_F64);
rv_rows_grad_kernel RV_KERNEL(log_softmax_grad_F32), RV_KERNEL(log_softmax_grad_F64);
rv_cross_entropy_kernel RV_KERNEL(cross_entropy_F32), RV_KERNEL(cross_entropy_F64);
rv_cross_entropy_grad_kernel RV_KERNEL(cross_entropy_grad_F32), RV_KERNEL(cross_entropy_grad_F64);

#define RV_DECLARE_PAIR_LOSS(name)                                              \
    rv_pair_loss_kernel RV_KERNEL(name##_loss_F32), RV_KERNEL(name##_loss_F64); \
    rv_pair_grad_kernel RV_KERNEL(name##_loss_grad_F32), RV_KERNEL(name##_loss_grad_F64);
RV_PAIR_LOSS_LIST(RV_DECLARE_PAIR_LOSS)

rv_dropout_kernel RV_KERNEL(dropout_F32), RV_KERNEL(dropout_F64);
rv_cholesky_kernel RV_KERNEL(cholesky_F32), RV_KERNEL(cholesky_F64);
rv_lu_kernel RV_KERNEL(lu_F32), RV_KERNEL(lu_F64);
void RV_KERNEL(triangle_pass)(int64_t begin, int64_t end, const rv_triangle_pass *pass);

typedef void rv_norm_moments_kernel(const rv_norm_block *block, const void *x, double moments[2]);
typedef void rv_norm_moments_columns_kernel(int64_t rows, int64_t width, const void *x,
                                            double *moments);
typedef void rv_norm_products_kernel(const rv_norm_block *block, const void *g, const void *a,
                                     const void *x, double center, double *sums);
typedef void rv_norm_products_columns_kernel(int64_t rows, int64_t width, const void *g,
                                             const void *a, const void *x, const void *center,
                                             double *sums);
typedef void rv_norm_combine_kernel(int64_t first, int64_t lines, int64_t n,
                                    const rv_norm_terms *t);
typedef void rv_norm_combine_columns_kernel(int64_t first, int64_t rows, const rv_norm_terms *t);
typedef void rv_norm_rows_kernel(int64_t rows, int64_t n, const rv_norm_rows *t);
#define RV_DECLARE_NORM(dtype)                                                \
    rv_norm_moments_kernel RV_KERNEL(norm_moments_##dtype);                   \
    rv_norm_moments_columns_kernel RV_KERNEL(norm_moments_columns_##dtype);   \
    rv_norm_products_kernel RV_KERNEL(norm_products_##dtype);                 \
    rv_norm_products_columns_kernel RV_KERNEL(norm_products_columns_##dtype); \
    rv_norm_combine_kernel RV_KERNEL(norm_combine_##dtype);                   \
    rv_norm_combine_columns_kernel RV_KERNEL(norm_combine_columns_##dtype);   \
    rv_norm_rows_kernel RV_KERNEL(norm_rows_##dtype), RV_KERNEL(norm_rows_grad_##dtype);
RV_DECLARE_NORM(F32)
RV_DECLARE_NORM(F64)

typedef void rv_max_pool_kernel(int64_t first, int64_t planes, const rv_pool *p, const void *x,
                                void *y, void *places);
typedef void rv_max_pool_at_kernel(int64_t first, int64_t planes, const rv_pool *p, const void *x,
                                   const void *places, void *y);
typedef void rv_axis_map_kernel(int64_t first, int64_t lines, const rv_axis_map *m, const void *x,
                                void *y);
rv_max_pool_kernel RV_KERNEL(max_pool_F32), RV_KERNEL(max_pool_F64);
rv_max_pool_at_kernel RV_KERNEL(max_pool_grad_F32), RV_KERNEL(max_pool_grad_F64);
rv_max_pool_at_kernel RV_KERNEL(max_pool_at_F32), RV_KERNEL(max_pool_at_F64);
rv_axis_map_kernel RV_KERNEL(axis_map_F32), RV_KERNEL(axis_map_F64);

/* The products of conv.c: how many output channels a block of each width has, for vectors of this
 * instruction set. Beside those of BLAS the only kernels with fused multiply-add. */
#if defined(__AVX512F__)
#define RV_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define RV_VECTOR_BYTES 32
#else
#define RV_VECTOR_BYTES 16
#endif
#define RV_CONV_WIDE_BYTES (RV_VECTOR_BYTES == 16 ? 32 : 64)
#define RV_CONV_NARROW_BYTES (RV_CONV_WIDE_BYTES / 2)

typedef void rv_conv_line_kernel(const rv_conv_line *line);
typedef void rv_conv_outer_kernel(const rv_conv_outer *outer);
rv_conv_line_kernel RV_KERNEL(conv_line_wide_F32), RV_KERNEL(conv_line_wide_F64);
rv_conv_line_kernel RV_KERNEL(conv_line_narrow_F32), RV_KERNEL(conv_line_narrow_F64);
rv_conv_outer_kernel RV_KERNEL(conv_outer_wide_F32), RV_KERNEL(conv_outer_wide_F64);
rv_conv_outer_kernel RV_KERNEL(conv_outer_narrow_F32), RV_KERNEL(conv_outer_narrow_F64);

#define RV_DECLARE_DEPTHWISE(width)                                 \
    void RV_KERNEL(conv_depthwise_##width)(const rv_conv_lanes *d); \
    void RV_KERNEL(conv_depthwise_outer_##width)(const rv_conv_lanes *d);
RV_DECLARE_DEPTHWISE(wide_F32)
RV_DECLARE_DEPTHWISE(wide_F64)
RV_DECLARE_DEPTHWISE(narrow_F32)
RV_DECLARE_DEPTHWISE(narrow_F64)

typedef void rv_winograd_from_pixels(int64_t n, const float *const *pixels, float *points,
                                     int64_t step);
rv_winograd_from_pixels RV_KERNEL(winograd_image), RV_KERNEL(winograd_gradient);
void RV_KERNEL(winograd_weights)(int64_t n, const float *weights, float *points, int64_t step);
void RV_KERNEL(winograd_result)(int64_t n, float *const *pixels, const float *points, int64_t step,
                                const float *start);
void RV_KERNEL(winograd_weight_gradient)(int64_t n, float *weights, const float *points,
                                         int64_t step);

#define RV_KERNELS_TABLE RV_KERNEL(kernels)
extern const rv_kernels RV_KERNELS_TABLE;

#endif

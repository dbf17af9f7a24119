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

/* The loops of loops.c and loops_float.c: which dtypes each has. */
#define RV_LOOPS_ANY(X, dtype) \
    X(neg, dtype)              \
    X(relu, dtype)             \
    X(add, dtype)              \
    X(sub, dtype)              \
    X(mul, dtype)              \
    X(eq, dtype)               \
    X(ne, dtype)               \
    X(lt, dtype)               \
    X(le, dtype)               \
    X(gt, dtype)               \
    X(ge, dtype)               \
    X(where, dtype)

#define RV_LOOPS_FLOATING(X, dtype) \
    X(exp, dtype)                   \
    X(log, dtype)                   \
    X(sqrt, dtype)                  \
    X(tanh, dtype)                  \
    X(sigmoid, dtype)               \
    X(div, dtype)                   \
    X(pow, dtype)                   \
    X(tanh_grad, dtype)             \
    X(sigmoid_grad, dtype)          \
    X(relu_grad, dtype)

#define RV_LOOPS(X)           \
    RV_LOOPS_ANY(X, F32)      \
    RV_LOOPS_ANY(X, F64)      \
    RV_LOOPS_ANY(X, I64)      \
    RV_LOOPS_ANY(X, U8)       \
    RV_LOOPS_FLOATING(X, F32) \
    RV_LOOPS_FLOATING(X, F64)

/* The conversions of cast.c: from, to. */
#define RV_CASTS_FROM(X, from) X(from, F32) X(from, F64) X(from, I64) X(from, U8)
#define RV_CASTS(X) \
    RV_CASTS_FROM(X, F32) RV_CASTS_FROM(X, F64) RV_CASTS_FROM(X, I64) RV_CASTS_FROM(X, U8)

/* The reductions of fold.c. */
#define RV_FOLDS_OF(X, fold) X(fold, F32) X(fold, F64) X(fold, I64) X(fold, U8)
#define RV_FOLDS(X) RV_FOLDS_OF(X, sum) RV_FOLDS_OF(X, max)

typedef void rv_fold_line(int64_t n, const char *from, int64_t stride, void *into);
typedef void rv_fold_rows(int64_t n, int64_t width, const char *from, int64_t stride, void *into);
typedef void rv_rows_kernel(int64_t rows, int64_t n, const void *x, void *y);
typedef void rv_cross_entropy_kernel(int64_t rows, int64_t n, const void *x, const int64_t *labels,
                                     void *y);
typedef void rv_dropout_kernel(int64_t n, const void *x, void *y, uint64_t seed, uint64_t offset,
                               int64_t first, uint32_t threshold, double scale);
typedef void rv_sgd_kernel(int64_t n, const rv_sgd_update *u, void *parameter, const void *gradient,
                           void *buffer);
typedef void rv_adam_kernel(int64_t n, const rv_adam_update *u, void *parameter,
                            const void *gradient, void *exp_avg, void *exp_avg_sq);

#define RV_DECLARE_LOOP(name, dtype) rv_loop RV_KERNEL(name##_##dtype);
#define RV_DECLARE_CAST(from, to) rv_loop RV_KERNEL(cast_##from##_##to);
#define RV_DECLARE_FOLD(fold, dtype)             \
    rv_fold_line RV_KERNEL(fold##_line_##dtype); \
    rv_fold_rows RV_KERNEL(fold##_rows_##dtype);
RV_LOOPS(RV_DECLARE_LOOP)
RV_CASTS(RV_DECLARE_CAST)
RV_FOLDS(RV_DECLARE_FOLD)

rv_transpose_kernel RV_KERNEL(transpose_1), RV_KERNEL(transpose_4), RV_KERNEL(transpose_8);
rv_rows_kernel RV_KERNEL(softmax_F32), RV_KERNEL(softmax_F64);
rv_rows_kernel RV_KERNEL(log_softmax_F32), RV_KERNEL(log_softmax_F64);
rv_cross_entropy_kernel RV_KERNEL(cross_entropy_F32), RV_KERNEL(cross_entropy_F64);
rv_dropout_kernel RV_KERNEL(dropout_F32), RV_KERNEL(dropout_F64);
rv_sgd_kernel RV_KERNEL(sgd_F32), RV_KERNEL(sgd_F64);
rv_adam_kernel RV_KERNEL(adam_F32), RV_KERNEL(adam_F64);

#define RV_KERNELS_TABLE RV_KERNEL(kernels)
extern const rv_kernels RV_KERNELS_TABLE;

#endif

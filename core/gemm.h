/* gemm.h - matrix products, batched, through BLAS. For those who write operations.
 *
 * c = a b + beta c for every matrix of a batch, a [m,k], b [k,n], c [m,n], F32 or F64. Work is cut
 * into pieces by its shape, each run by one thread with single-threaded BLAS (see parallel.h).
 * Without BLAS (-DRV_BLAS=OFF) a plain product of our own takes its place.
 */
#ifndef RV_CORE_GEMM_H
#define RV_CORE_GEMM_H

#include "core/tensor.h"

RV_BEGIN_C

/* Where the matrices of one operand stand: strides in elements. For a and b one of row and column
 * must be 1 (or that axis have one element): as it is or transposed, as BLAS takes it. */
typedef struct rv_gemm_operand {
    char *data;
    int64_t row, column;
    int64_t batch[RV_MAX_DIMENSIONS]; /* [batch_ndim]; 0: the same matrix again */
} rv_gemm_operand;

typedef struct rv_gemm_task {
    rv_dtype dtype;
    int64_t m, n, k;
    int batch_ndim;
    int64_t batch_shape[RV_MAX_DIMENSIONS];
    rv_gemm_operand a, b, c; /* c: column 1, no stride of 0 */
    double beta;             /* 0: c need not be set before */
} rv_gemm_task;

/* Whether an operand with these strides can be used as it is. */
RV_API bool rv_gemm_takes(int64_t rows, int64_t columns, int64_t row, int64_t column);

RV_API void rv_gemm(const rv_gemm_task *task);

RV_END_C

#endif

/* gemm_plain.h - one matrix product in plain C. Private to core/.
 *
 * What -DRV_BLAS=OFF computes with; beside BLAS it does the shapes that BLAS does not take or is
 * slow for, and is what the tests compare BLAS with.
 */
#ifndef RV_CORE_GEMM_PLAIN_H
#define RV_CORE_GEMM_PLAIN_H

#include "core/tensor.h"

/* A matrix: element [i, j] is data[i*row + j*column]. Any strides. */
typedef struct rv_matrix {
    char *data;
    int64_t row, column;
} rv_matrix;

/* c = a b + beta c, with a [m,k], b [k,n], c [m,n], F32 or F64. beta 0: c need not be set before.
 * c must not overlap a or b; its columns are neighbours (c.column is 1). */
void rv_gemm_plain(rv_dtype dtype, int64_t m, int64_t n, int64_t k, rv_matrix a, rv_matrix b,
                   rv_matrix c, double beta);

#endif

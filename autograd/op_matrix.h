/* op_matrix.h - what the operations of linear algebra share. Private to autograd/.
 *
 * A matrix is the last two axes of a tensor; the axes before them are the batch.
 */
#ifndef RV_AUTOGRAD_OP_MATRIX_H
#define RV_AUTOGRAD_OP_MATRIX_H

#include "autograd/op_support.h"

/* Whether t is F32 or F64 of two axes or more; and square. False with an error under `who`. */
bool rv_check_matrix(const char *who, int input, const rv_tensor *t);
bool rv_check_square(const char *who, int input, const rv_tensor *t);

/* What the leading axes of matrices a and b broadcast to, followed by `rows` and `columns`. False
 * with an error under `who`. */
bool rv_broadcast_matrices(const char *who, const rv_tensor *a, const rv_tensor *b, int64_t rows,
                           int64_t columns, int *ndim, int64_t shape[RV_MAX_DIMENSIONS]);

/* A right-hand side as a matrix: b itself, or b with an axis of size 1 at its end where b is one
 * vector of `rows` elements for each matrix of a ([rows], or as many axes as a's batch and one
 * more, of the same sizes). *vector says which. NULL with an error under `who` if its rows do not
 * fit. */
rv_tensor *rv_right_side(const char *who, const rv_tensor *a, rv_tensor *b, int64_t rows,
                         bool *vector);
/* What the solution of such a system is: x, or x without its last axis if it was a vector. */
rv_tensor *rv_as_right_side(rv_tensor *x, bool vector);

/* x', the last two axes exchanged. */
rv_tensor *rv_transposed(rv_tensor *x);
/* (x + x')/2. */
rv_tensor *rv_symmetric_part(rv_tensor *x);
/* The diagonals of [..,m,n] as [..,min(m,n)], and diagonal matrices [..,k,k] of [..,k]. */
rv_tensor *rv_diagonal_of(rv_tensor *x);
rv_tensor *rv_diagonal_matrix(rv_tensor *diagonal);
/* A constant matrix [rows, columns] that has one value below its diagonal, one on it, one above. */
rv_tensor *rv_pattern(rv_dtype dtype, int64_t rows, int64_t columns, double below, double on,
                      double above);
/* What is 0 to within rounding, relative to the largest singular value of a [..,m,n]: max(m, n)
 * epsilons. */
double rv_rtol_of_shape(const rv_tensor *a);
/* [..,k] as rows [..,1,k], or as columns [..,k,1]. */
rv_tensor *rv_as_rows(rv_tensor *x);
rv_tensor *rv_as_columns(rv_tensor *x);

#endif

/* lapack.h - LAPACK for stacks of matrices. Private to core/, autograd/ and optim/.
 *
 * Each function does the same to every matrix of a tensor [..,rows,columns] of F32 or F64. The
 * matrices are cut over the threads; one matrix is the work of one thread, so that results are the
 * same for any number of threads.
 *
 * All tensors given are row-major without gaps unless said otherwise, and nobody else has seen
 * those that are written. LAPACK counts columns first, so it is shown the transposed problem: the
 * lower factor of A is the upper one of A', the rows of V' are the columns of V. Nothing is
 * transposed in memory.
 *
 * They return false with an error under `who`: RV_ERROR_ARGUMENT for an element that is not finite
 * (LAPACK may then loop for ever), RV_ERROR_MATRIX for a matrix that has no such result, named by
 * its place in the stack; RV_ERROR_SHAPE for more than RV_LAPACK_MOST rows or columns (LAPACK
 * counts in 32 bits); RV_ERROR_BUILD where there is no LAPACK (-DRV_BLAS=OFF).
 */
#ifndef RV_CORE_LAPACK_H
#define RV_CORE_LAPACK_H

#include "core/tensor.h"

#define RV_LAPACK_MOST 16384

/* a [..,n,n] becomes L of a = L L', of which only the lower triangle is read. */
bool rv_lapack_cholesky(const char *who, rv_tensor *a);

/* a [..,n,n] becomes its LU factors, `pivots` (U8 [..,4n]: n ints each) the exchanges. A matrix
 * that is singular, one factor having a zero on its diagonal, is an error unless `singular_too`. */
bool rv_lapack_lu(const char *who, rv_tensor *a, rv_tensor *pivots, bool singular_too);
/* b [..,n,k] becomes x of a x = b, or of a' x = b, a being given by its factors, whose leading axes
 * may have strides of 0. */
bool rv_lapack_lu_solve(const char *who, bool transposed, const rv_tensor *lu,
                        const rv_tensor *pivots, rv_tensor *b);
/* Factors become the inverse. */
bool rv_lapack_lu_inverse(const char *who, rv_tensor *lu, const rv_tensor *pivots);
/* Each determinant, its sign, and the logarithm of its absolute value: row-major [..]; those that
 * are NULL are not wanted. */
bool rv_lapack_lu_determinant(const char *who, const rv_tensor *lu, const rv_tensor *pivots,
                              rv_tensor *determinant, rv_tensor *sign, rv_tensor *logarithm);

/* Which triangular system is solved. */
typedef struct rv_triangular {
    bool upper; /* the upper triangle of a is read, else the lower */
    bool left;  /* a x = b, else x a = b */
    bool unit;  /* the diagonal is taken to be 1, and not read */
} rv_triangular;
/* b [..,n,k] (left) or [..,k,n] becomes x. a [..,n,n] is read as it is: its leading axes may have
 * strides of 0, and one of its last two must have stride 1. Zeros on the diagonal give infinities.
 */
bool rv_lapack_triangular(const char *who, rv_triangular system, const rv_tensor *a, rv_tensor *b);

/* The eigenvalues of symmetric matrices [..,n,n], of which only the lower triangle is read, in
 * ascending order: `values` [..,n]. a becomes the eigenvectors, one a row, if they are wanted. */
bool rv_lapack_eigh(const char *who, rv_tensor *a, rv_tensor *values, bool vectors);

/* a [..,m,n] = u diag(s) vh, k = min(m,n): u [..,m,k], s [..,k] descending, vh [..,k,n]; u and vh
 * both NULL: only s. a is destroyed. */
bool rv_lapack_svd(const char *who, rv_tensor *a, rv_tensor *u, rv_tensor *s, rv_tensor *vh);

/* a [..,m,n] = q r, k = min(m,n): q [..,m,k] with orthonormal columns, r [..,k,n] upper. a is
 * destroyed. */
bool rv_lapack_qr(const char *who, rv_tensor *a, rv_tensor *q, rv_tensor *r);

/* ---- one large matrix of F64, on all threads ---------------------------------------------------
 */

/* columns [n,m], the transpose of a [m,n] = q r, becomes workspace, and `r` [n,n] the transpose of
 * r: lower, with zeros in the columns from m on, if m < n. Many rows are cut into pieces, by their
 * number, whose triangles one below the other have the same r (Demmel, Grigori, Hoemmen and Langou
 * 2012). That all elements are finite is not checked. */
bool rv_lapack_triangle(const char *who, rv_tensor *columns, rv_tensor *r);

/* The reciprocal of the condition of a lower triangle [n,n] in the norm of largest column sums, or
 * an estimate that is rarely more than three times too large (Higham 1988). */
bool rv_lapack_triangle_condition(const char *who, const rv_tensor *l, double *reciprocal);

/* rv_lapack_cholesky for one [n,n] of finite elements, for which it is no error if there is no
 * result: *is_positive says so. Above the diagonal a stays as it was. */
bool rv_lapack_cholesky_try(const char *who, rv_tensor *a, bool *is_positive);

#endif

/* ops_lapack.h - linear systems, factorizations, eigenvalues: what LAPACK does.
 *
 * The conventions are in operations.h. All take floating matrices, the last two axes of a tensor;
 * axes before them are a batch, and each matrix of it is treated alike. m is a matrix's rows, n its
 * columns, k = min(m, n), x' the transpose. Every matrix is worked on by one thread, a batch by
 * all, and results do not depend on how many there are.
 *
 * Errors, beside those of all operations: an element that is not finite in a matrix that is
 * factorized (RV_ERROR_ARGUMENT; a right-hand side may hold anything, and gives NaN); a matrix that
 * has no such factorization (RV_ERROR_MATRIX: "cholesky: matrix [2] is not positive definite
 * (leading minor 3)"); more than 16384 rows and columns (RV_ERROR_SHAPE); and, in a library built
 * with -DRV_BLAS=OFF, which has no LAPACK, every call that is otherwise right (RV_ERROR_BUILD).
 * Matrices without elements are no error: their determinant is 1, their factors are empty.
 *
 * A function that has several results returns a struct of tensors that the innermost scope owns,
 * all NULL if it failed.
 */
#ifndef RV_AUTOGRAD_OPS_LAPACK_H
#define RV_AUTOGRAD_OPS_LAPACK_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- linear systems, by LU with exchanges of rows -------------------------------------------- */

/* x of a x = b: a [..,n,n], b [..,n,k] -> [..,n,k], leading axes broadcast. A b of shape [n], or of
 * a's shape without its last axis, is one vector for each matrix, and so is x (PyTorch's rule). A
 * singular a is an error; one that is nearly so gives large errors (see cond).
 * ga = -gb x', gb = solve(a', g) */
RV_API rv_tensor *rv_solve(rv_tensor *a, rv_tensor *b);
/* The inverse of [..,n,n]; solve is faster and more accurate where it is only multiplied with. A
 * singular matrix is an error.  -y' g y' */
RV_API rv_tensor *rv_inverse(rv_tensor *a);
/* The determinant of [..,n,n] -> [..]. It leaves the range of floating numbers soon: slogdet does
 * not.  g times the matrix of cofactors, y a'^-1; of a singular matrix (y exactly 0) by its
 * singular values, of which two equal ones leave the second derivative undefined (NaN) */
RV_API rv_tensor *rv_det(rv_tensor *a);
/* The determinant of [..,n,n] as its sign (-1, 0 or 1) and the logarithm of its absolute value,
 * both [..]; 0 and -infinity for a singular matrix, whose derivative is an error.
 * logabsdet: g a'^-1; sign: none */
typedef struct rv_slogdet_result {
    rv_tensor *sign, *logabsdet;
} rv_slogdet_result;
RV_API rv_slogdet_result rv_slogdet(rv_tensor *a);

/* ---- symmetric positive definite systems, and triangular ones -------------------------------- */

typedef struct rv_cholesky_options {
    rv_tensor *input; /* [..,n,n], symmetric; only one triangle is read */
    bool upper;       /* default false: l of a = l l', from the lower triangle; true: u of a = u' u,
                         from the upper one */
} rv_cholesky_options;
/* rv_cholesky(a), rv_cholesky(a, .upper = true): the triangular factor with a positive diagonal. A
 * matrix that is not positive definite is an error.
 * l'^-1 p l^-1 with p the lower triangle of l' g, its diagonal halved; made symmetric, as PyTorch's
 * (Murray 2016, "Differentiation of the Cholesky decomposition") */
#define rv_cholesky(...) RV_OPTIONS(rv_cholesky_with, rv_cholesky_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_cholesky_with(const rv_cholesky_options *options);

typedef struct rv_solve_triangular_options {
    rv_tensor *a;       /* [..,n,n]; only one triangle is read */
    rv_tensor *b;       /* [..,n,k], or [..,k,n] if not left; leading axes broadcast */
    bool upper;         /* default false: the lower triangle of a is read; true: the upper */
    bool left;          /* default true: a x = b; false: x a = b */
    bool unitriangular; /* default false; true: a's diagonal is taken to be 1, and not read */
} rv_solve_triangular_options;
/* rv_solve_triangular(a, b, .upper = true): x by substitution. No a is an error: a zero on its
 * diagonal gives infinities. For a' give rv_transpose(a, -1, -2) and the other triangle; nothing is
 * copied.  gb = a'^-1 g, ga = -gb x' (left), gb = g a'^-1, ga = -x' gb (right), where a was read */
#define rv_solve_triangular(...)                                                    \
    RV_OPTIONS(rv_solve_triangular_with, rv_solve_triangular_options, .left = true, \
               .a = __VA_ARGS__)
RV_API rv_tensor *rv_solve_triangular_with(const rv_solve_triangular_options *options);

typedef struct rv_cholesky_solve_options {
    rv_tensor *b;      /* [..,n,k] */
    rv_tensor *factor; /* [..,n,n]: what cholesky gave */
    bool upper;        /* default false: factor is l of a = l l'; true: u of a = u' u */
} rv_cholesky_solve_options;
/* rv_cholesky_solve(b, l): x of a x = b, a being given by its factor: two triangular systems. */
#define rv_cholesky_solve(...) \
    RV_OPTIONS(rv_cholesky_solve_with, rv_cholesky_solve_options, .b = __VA_ARGS__)
RV_API rv_tensor *rv_cholesky_solve_with(const rv_cholesky_solve_options *options);

/* ---- eigenvalues of symmetric matrices ------------------------------------------------------- */

/* a = v diag(values) v': [..,n,n], of which only the lower triangle is read, as symmetric; values
 * [..,n] ascending, vectors [..,n,n], one a column, orthonormal. A vector's sign is arbitrary, and
 * so is the basis of a subspace with equal eigenvalues: only functions that do not depend on it
 * have a derivative.  v (diag(g_values) + skew(v' g_vectors) / (values_j - values_i)) v': not
 * finite for vectors of equal eigenvalues, as in PyTorch (Giles 2008, "Collected matrix derivative
 * results") */
typedef struct rv_eigh_result {
    rv_tensor *values, *vectors;
} rv_eigh_result;
RV_API rv_eigh_result rv_eigh(rv_tensor *a);
/* Only the values: faster where no gradient is wanted; finite gradients for equal ones too (second
 * derivatives of equal ones are not). */
RV_API rv_tensor *rv_eigvalsh(rv_tensor *a);

/* ---- singular values ------------------------------------------------------------------------- */

/* a = u diag(s) vh: [..,m,n] -> u [..,m,k], s [..,k] descending, vh [..,k,n] (NumPy's and PyTorch's
 * with full_matrices=False). Singular vectors come in pairs of arbitrary sign: only functions that
 * do not depend on it have a derivative; that of vectors is not finite for equal singular values,
 * nor for one of 0 where m != n (Townsend 2016, "Differentiating the singular value decomposition")
 */
typedef struct rv_svd_result {
    rv_tensor *u, *s, *vh;
} rv_svd_result;
RV_API rv_svd_result rv_svd(rv_tensor *a);
/* Only s: faster where no gradient is wanted.  u diag(g) vh */
RV_API rv_tensor *rv_svdvals(rv_tensor *a);
/* The condition number, largest over smallest singular value: [..,m,n] -> [..]; infinite for a
 * matrix of less than full rank. About its decimal logarithm of digits are lost in solve. */
RV_API rv_tensor *rv_cond(rv_tensor *a);

#define RV_RTOL_OF_SHAPE (-1.0)
typedef struct rv_pinv_options {
    rv_tensor *input; /* [..,m,n] */
    double rtol;      /* singular values not above rtol times the largest count as 0; default
                         RV_RTOL_OF_SHAPE: max(m, n) epsilons of the dtype */
} rv_pinv_options;
/* rv_pinv(a), rv_pinv(a, .rtol = 1e-3): the pseudo-inverse [..,n,m] (Moore, Penrose), by svd.
 * -y' g y' + (1 - a y) g' y y' + y' y g' (1 - y a), for changes that leave the rank as it is (Golub
 * and Pereyra 1973) */
#define rv_pinv(...) \
    RV_OPTIONS(rv_pinv_with, rv_pinv_options, .rtol = RV_RTOL_OF_SHAPE, .input = __VA_ARGS__)
RV_API rv_tensor *rv_pinv_with(const rv_pinv_options *options);

/* ---- least squares --------------------------------------------------------------------------- */

/* a = q r: [..,m,n] -> q [..,m,k] with orthonormal columns, r [..,k,n] upper triangular; the signs
 * of r's diagonal are arbitrary. The derivative needs the first k columns of a to be independent.
 * (gq + q c) r'^-1, c being the lower triangle of r gr' - gq' q, copied to the upper one (Walter
 * and Lehmann 2012, "Algorithmic differentiation of linear algebra functions"); for m < n that of
 * the first m columns, the others being q r */
typedef struct rv_qr_result {
    rv_tensor *q, *r;
} rv_qr_result;
RV_API rv_qr_result rv_qr(rv_tensor *a);
/* The x of least |a x - b|, and of those the least |x|: a [..,m,n], b [..,m,k] -> [..,n,k], leading
 * axes broadcast; b may be a vector for each matrix, as in solve. By qr; where a matrix of the
 * batch has not full rank (r's diagonal is 0 to within max(m, n) epsilons), by pinv. Its condition
 * counts once here, twice in solve(a' a, a' b). */
RV_API rv_tensor *rv_lstsq(rv_tensor *a, rv_tensor *b);

RV_END_C

#endif

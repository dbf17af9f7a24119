/* ops_linalg.h - products of vectors and matrices.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_LINALG_H
#define RV_AUTOGRAD_OPS_LINALG_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- products: floating --------------------------------------------------------------------- */

/* NumPy's matmul: [..,m,k] [..,k,n] -> [..,m,n], leading axes broadcast; 1-d on the left is a row,
 * on the right a column, and that axis goes from the result.  g b', a' g */
RV_API rv_tensor *rv_matmul(rv_tensor *a, rv_tensor *b);
/* The sum of a*b of two vectors [n]: 0-d.  g b, g a */
RV_API rv_tensor *rv_dot(rv_tensor *a, rv_tensor *b);
/* y[i,j] = a[i] b[j] of vectors [m] and [n]: [m,n].  g b, g' a */
RV_API rv_tensor *rv_outer(rv_tensor *a, rv_tensor *b);
/* Kronecker's product: every element of a times all of b, [m,n] [p,q] -> [m p, n q]; up to 4 axes,
 * those that one has less count as 1. */
RV_API rv_tensor *rv_kron(rv_tensor *a, rv_tensor *b);
/* The sum of the diagonal of the last two axes, [..,m,n] -> [..].  g on the diagonal */
RV_API rv_tensor *rv_trace(rv_tensor *x);

/* Einstein's sum, as NumPy's and PyTorch's einsum: rv_einsum("ij,jk->ik", a, b). Each operand's
 * axes are named by letters; what is named alike is multiplied element by element (a letter twice
 * in one operand: its diagonal), and letters that the result does not name are summed over. Without
 * "->" the result has the letters that stand once, in alphabetical order (capitals first). "..."
 * stands for any other axes, which broadcast from the right, and come first in a result without
 * "->". Sizes of one letter must be equal, or 1, which repeats. Spaces do not count.
 *
 * One to 16 operands, multiplied from the left to the right, which may be the slower order: put the
 * smaller product first. Two become one matmul, in batches of the letters that both and the result
 * have, without a copy where the order of axes allows. Made of operations, whose derivatives it
 * has. Errors name the subscript and say what is wrong with it; also a product of more than 8 axes.
 */
#define rv_einsum(subscripts, ...)                                           \
    rv_einsum_n((subscripts), RV_COUNT(((rv_tensor *const[]){__VA_ARGS__})), \
                (rv_tensor *const[]){__VA_ARGS__})
RV_API rv_tensor *rv_einsum_n(const char *subscripts, int n, rv_tensor *const *operands);

RV_END_C

#endif

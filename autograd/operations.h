/* operations.h - the vocabulary: every operation, by family.
 *
 *     ops_elementwise.h   arithmetic, functions, activations, comparisons, logic, where
 *     ops_reduce.h        sums, means, extremes, norms; running totals; sorting
 *     ops_shape.h         views, slices, padding, joining and splitting, copies, casts
 *     ops_index.h         gather, scatter, embedding, masks, diagonals, triangles
 *     ops_linalg.h        products of vectors and matrices, einsum
 *     ops_lapack.h        linear systems, factorizations, eigenvalues, singular values
 *     ops_conv.h          convolutions, unfold and fold
 *     ops_pool.h          pooling, sampling up and down
 *     ops_norm.h          batch, layer, group and root-mean-square normalization
 *     ops_network.h       linear, softmax, dropout, gates, attention
 *     ops_loss.h          losses
 *
 * Names, defaults and order of arguments are PyTorch's; docs/operations.md says what differs.
 *
 * Conventions. x, a, b are inputs, y is the result: a tensor that the innermost scope owns, new, or
 * a view where it says so. Inputs are not changed. Where there are several results, they come in a
 * struct, whose tensors the innermost scope owns, or in an array, which it owns with them.
 *
 * Every operation returns NULL (a struct: all of it NULL) with an error for NULL inputs, dtypes
 * that differ (nothing is cast silently), shapes that do not fit, axes and options out of their
 * range, and when memory is out; errors beyond these are named. "floating" is F32 or F64, "any"
 * dtype also I64 and U8. "broadcasts" means as in NumPy: shapes are aligned at their last axes, and
 * size 1 repeats. Axes may be negative, from the end.
 *
 * Behind a formula, after two spaces or in a line of its own, stands the derivative: what backward
 * gives to each input when g is the gradient of y, in the order of the inputs; x' is the transpose
 * there. Derivatives are made of operations, and can be differentiated any number of times. Some
 * are operations of their own, so that they take one pass: rv_NAME_grad. Where none is written,
 * it follows from the formula.
 */
#ifndef RV_AUTOGRAD_OPERATIONS_H
#define RV_AUTOGRAD_OPERATIONS_H

#include "autograd/ops_elementwise.h"
#include "autograd/ops_reduce.h"
#include "autograd/ops_shape.h"
#include "autograd/ops_index.h"
#include "autograd/ops_linalg.h"
#include "autograd/ops_lapack.h"
#include "autograd/ops_conv.h"
#include "autograd/ops_pool.h"
#include "autograd/ops_norm.h"
#include "autograd/ops_network.h"
#include "autograd/ops_loss.h"

#endif

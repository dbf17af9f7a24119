/* ops_index.h - elements chosen by their index.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_INDEX_H
#define RV_AUTOGRAD_OPS_INDEX_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- indices: any dtype; an index is I64; a negative one is out of range, an error ----------- */

/* y[i,j,..] = x[.., index[i,j,..], ..], index taking the place of coordinate `axis`; index has as
 * many axes as x and, but for `axis`, no size larger than x's (PyTorch's gather; NumPy's
 * take_along_axis). A 0-d x counts as [1].  g, added back: gather_grad */
RV_API rv_tensor *rv_gather(rv_tensor *x, int axis, rv_tensor *index);
/* The derivative of gather: zeros of `shape` with g[i,j,..] added at [.., index[i,j,..], ..], in
 * row-major order; index and g of equal shape.  g gathered */
RV_API rv_tensor *rv_gather_grad(rv_tensor *g, int ndim, const int64_t *shape, int axis,
                                 rv_tensor *index);
/* A copy of x with source[i,j,..] added at x[.., index[i,j,..], ..]; index and source of equal
 * shape (PyTorch's scatter_add). Added in row-major order.  g, and g gathered */
RV_API rv_tensor *rv_scatter_add(rv_tensor *x, int axis, rv_tensor *index, rv_tensor *source);

/* Slices of x along `axis`: slice i of y is slice index[i] of x; index 1-d, or 0-d for one slice.
 * g, added back */
RV_API rv_tensor *rv_index_select(rv_tensor *x, int axis, rv_tensor *index);
/* A copy of x with slice i of `source` added to its slice index[i]; source has x's shape, but for
 * `axis`, where it is as long as the index. Added in order.  g, and g index_selected */
RV_API rv_tensor *rv_index_add(rv_tensor *x, int axis, rv_tensor *index, rv_tensor *source);

#define RV_NO_PADDING INT64_MIN
typedef struct rv_embedding_options {
    rv_tensor *index;    /* of any shape, */
    rv_tensor *weight;   /* [rows, d] */
    int64_t padding_idx; /* a row that gets no gradient; negative: from the end; default
                            RV_NO_PADDING: none */
} rv_embedding_options;
/* rv_embedding(index, weight): row index[i,j,..] of weight for each index: [i,j,..,d] (PyTorch's
 * F.embedding).  g, added to the rows in order */
#define rv_embedding(...)                                                             \
    RV_OPTIONS(rv_embedding_with, rv_embedding_options, .padding_idx = RV_NO_PADDING, \
               .index = __VA_ARGS__)
RV_API rv_tensor *rv_embedding_with(const rv_embedding_options *options);

/* For each index i,j,.. in [0, classes): a row of zeros with a 1 at its place, [i,j,..,classes], in
 * the dtype that is asked for. No derivative. */
RV_API rv_tensor *rv_one_hot(rv_tensor *index, int64_t classes, rv_dtype dtype);

/* ---- masks: any dtype; a mask is U8, not 0 is true ------------------------------------------- */

/* x with `value` where the mask is true; the mask broadcasts to x's shape.  g, 0 there */
RV_API rv_tensor *rv_masked_fill(rv_tensor *x, rv_tensor *mask, double value);
/* The elements of x where the mask is true, 1-d, row-major; both broadcast. The result's length
 * depends on the mask's values.  g, put back among zeros */
RV_API rv_tensor *rv_masked_select(rv_tensor *x, rv_tensor *mask);
/* Where x is not 0 (NaN is not): I64 [how many, ndim], row-major. No derivative. */
RV_API rv_tensor *rv_nonzero(rv_tensor *x);

/* ---- diagonals and triangles: any dtype; matrices are the last two axes ----------------------- *
 *
 * `offset` counts columns above the main diagonal, or rows below it if negative; one beyond the
 * matrix is no error, and its diagonal is empty. */

/* x [.., m, n]: the diagonal, [.., k]. A view. (PyTorch's with dim1 -2 and dim2 -1.)  g,
 * diag_embedded */
RV_API rv_tensor *rv_diagonal(rv_tensor *x, int64_t offset);
/* x [.., k]: matrices [.., k+|offset|, k+|offset|], x on the diagonal, else 0.  g's diagonal */
RV_API rv_tensor *rv_diag_embed(rv_tensor *x, int64_t offset);
/* A vector's matrix or a matrix's diagonal: diag_embed or diagonal. */
RV_API rv_tensor *rv_diag(rv_tensor *x, int64_t offset);
/* What is on and below the diagonal, the rest 0.  the same of g */
RV_API rv_tensor *rv_tril(rv_tensor *x, int64_t offset);
/* What is on and above the diagonal, the rest 0.  the same of g */
RV_API rv_tensor *rv_triu(rv_tensor *x, int64_t offset);

RV_END_C

#endif

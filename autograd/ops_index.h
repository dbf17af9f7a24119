/* ops_index.h - elements chosen by their index.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_INDEX_H
#define RV_AUTOGRAD_OPS_INDEX_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- indices -------------------------------------------------------------------------------- */

/* y[i,j,..] = x[.., index[i,j,..], ..], index taking the place of coordinate `axis`; index I64, as
 * many axes as x and, but for `axis`, no size larger than x's (PyTorch's gather). Negative indices
 * are out of range.  g, scatter_added into zeros */
RV_API rv_tensor *rv_gather(rv_tensor *x, int axis, rv_tensor *index);
/* A copy of x with source[i,j,..] added at x[.., index[i,j,..], ..]; index and source of equal
 * shape (PyTorch's scatter_add). Added in row-major order.  g, and g gathered */
RV_API rv_tensor *rv_scatter_add(rv_tensor *x, int axis, rv_tensor *index, rv_tensor *source);

RV_END_C

#endif

/* ops_linalg.h - products of matrices, and what LAPACK does.
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

RV_END_C

#endif

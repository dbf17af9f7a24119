/* operations.h - the vocabulary: every operation that can be differentiated.
 *
 * Conventions. x, a, b are inputs, y is the result: a new tensor that the innermost scope owns.
 * Inputs are not changed. Every operation returns NULL with an error for NULL inputs, dtypes that
 * differ ("never a silent cast"), and shapes that do not fit. "floating" is F32 or F64, "any" also
 * I64 and U8. "broadcasts" means as in NumPy: shapes are aligned at their last axes, and size 1
 * repeats. Axes may be negative, from the end. The derivative is what backward multiplies the
 * gradient g of y with; all can be differentiated again.
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

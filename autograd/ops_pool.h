/* ops_pool.h - pooling, and sampling up and down.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_POOL_H
#define RV_AUTOGRAD_OPS_POOL_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- pooling: floating ----------------------------------------------------------------------- */

RV_END_C

#endif

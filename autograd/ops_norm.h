/* ops_norm.h - normalization.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_NORM_H
#define RV_AUTOGRAD_OPS_NORM_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- normalization: floating ----------------------------------------------------------------- */

RV_END_C

#endif

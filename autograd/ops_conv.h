/* ops_conv.h - convolutions, and unfold and fold.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_CONV_H
#define RV_AUTOGRAD_OPS_CONV_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- convolutions: floating ------------------------------------------------------------------ */

RV_END_C

#endif

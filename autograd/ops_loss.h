/* ops_loss.h - numbers that say how wrong a prediction is.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_LOSS_H
#define RV_AUTOGRAD_OPS_LOSS_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- losses: floating ----------------------------------------------------------------------- */

/* The mean over samples of -log_softmax(logits)[label]: logits [n, classes], labels I64 [n]; also
 * [n, classes, d..] with labels [n, d..]. Computed as log(sum(e^(x - max))) - (x[label] - max).
 * Errors: a label out of range (which, where), no sample.  g * (softmax - one_hot(label)) / n */
RV_API rv_tensor *rv_cross_entropy(rv_tensor *logits, rv_tensor *labels);
/* mean((x - target)^2); shapes must be equal.  2*g*(x - target)/numel, and its negative */
RV_API rv_tensor *rv_mse(rv_tensor *x, rv_tensor *target);

RV_END_C

#endif

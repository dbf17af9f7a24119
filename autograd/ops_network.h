/* ops_network.h - linear, softmax, dropout: what networks are made of.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_NETWORK_H
#define RV_AUTOGRAD_OPS_NETWORK_H

#include "core/random.h"
#include "core/tensor.h"

RV_BEGIN_C

/* ---- networks: floating --------------------------------------------------------------------- */

/* x weight' + bias: x [.., in], weight [out, in], bias [out] or NULL -> [.., out]; the bias is part
 * of the product.  g weight, g' x, g summed over rows
 *
 * A weight [batch, out, in], and a bias [batch, out], are one for each sample of x [batch, .., in].
 * Expanded from one, rv_expand(weight, batch, -1, -1), they give what the one gives, at the same
 * cost; and their gradients are those of each sample: the Jacobian of a batch in one backward. */
RV_API rv_tensor *rv_linear(rv_tensor *x, rv_tensor *weight, rv_tensor *bias);

/* e^(x - max) / sum, along one axis (0 or -1 of a 0-d x, whose softmax is 1): nothing overflows.
 * y * (g - sum(g*y)) */
RV_API rv_tensor *rv_softmax(rv_tensor *x, int axis);
/* x - max - log(sum(e^(x - max))), along one axis: exact to rounding where softmax underflows.
 * g - e^y * sum(g) */
RV_API rv_tensor *rv_log_softmax(rv_tensor *x, int axis);
/* The derivatives of these as operations of their own, in one pass: of their results y, with g of
 * y's shape, what is said above. */
RV_API rv_tensor *rv_softmax_grad(rv_tensor *g, rv_tensor *y, int axis);
RV_API rv_tensor *rv_log_softmax_grad(rv_tensor *g, rv_tensor *y, int axis);

/* Each element is 0 with probability p in [0, 1], else x / (1 - p) (inverted dropout, Srivastava et
 * al. 2014; what is kept is decided by 32 random bits an element). p 0 returns x, 1 zeros. Draws
 * from the generator (core/random.h).  g, dropped alike */
RV_API rv_tensor *rv_dropout(rv_tensor *x, double p);
/* The same from a given place of the generator, so that it can be drawn again. */
RV_API rv_tensor *rv_dropout_at(rv_tensor *x, double p, rv_random_place place);

RV_END_C

#endif

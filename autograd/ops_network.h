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
/* The same for whole features (PyTorch's dropout1d to 3d; Tompson et al. 2015): x [n, channels,
 * ..], each channel of each sample is zeros with probability p, else all of it x / (1 - p). */
RV_API rv_tensor *rv_feature_dropout(rv_tensor *x, double p);
RV_API rv_tensor *rv_feature_dropout_at(rv_tensor *x, double p, rv_random_place place);

/* The largest of each `pieces` neighbours along an axis (Goodfellow et al. 2013):
 * [.., m*pieces, ..] -> [.., m, ..], y[c] = max(x[c*pieces], .. x[c*pieces + pieces - 1]). Errors:
 * pieces that do not divide the axis.  g, in equal parts to the elements that are largest */
RV_API rv_tensor *rv_maxout(rv_tensor *x, int64_t pieces, int axis);

/* a * sigmoid(b), a and b being the first and the second half of x along an axis (Dauphin et al.
 * 2017). Errors: an odd axis. */
RV_API rv_tensor *rv_glu(rv_tensor *x, int axis);

typedef struct rv_scaled_dot_product_attention_options {
    rv_tensor *query; /* [.., l, e]; the leading axes of all broadcast */
    rv_tensor *key;   /* [.., s, e] */
    rv_tensor *value; /* [.., s, v] */
    rv_tensor *mask;  /* broadcasts to [.., l, s]: U8, keys that are 0 are not seen; or floating,
                         added to the scores (-inf: not seen); default NULL */
    bool is_causal;   /* query i sees keys 0 to i; not with a mask; default false */
    double scale;     /* of the scores; default 0, which stands for 1/sqrt(e) */
} rv_scaled_dot_product_attention_options;

/* rv_scaled_dot_product_attention(q, k, v): softmax(q k' * scale + mask) v (Vaswani et al. 2017) ->
 * [.., l, v]. A query that sees no key gives zeros. The [l, s] scores are held for a block of
 * queries at a time, and computed again for the derivative, which holds them all while it lasts. */
#define rv_scaled_dot_product_attention(...)                                                  \
    RV_OPTIONS(rv_scaled_dot_product_attention_with, rv_scaled_dot_product_attention_options, \
               .query = __VA_ARGS__)
RV_API rv_tensor *
rv_scaled_dot_product_attention_with(const rv_scaled_dot_product_attention_options *options);

RV_END_C

#endif

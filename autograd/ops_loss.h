/* ops_loss.h - numbers that say how wrong a prediction is.
 *
 * The conventions are in operations.h. Names, defaults and results are those of PyTorch's
 * functional losses, empty batches and ignored labels included: a mean of nothing is NaN. Where a
 * loss takes weights, they are constants: no gradient flows to them.
 */
#ifndef RV_AUTOGRAD_OPS_LOSS_H
#define RV_AUTOGRAD_OPS_LOSS_H

#include "core/tensor.h"

RV_BEGIN_C

/* What becomes of the losses of all samples or elements. Sums are accumulated in double. */
typedef enum rv_reduction {
    RV_REDUCTION_MEAN,     /* their mean, 0-d: the default everywhere */
    RV_REDUCTION_SUM,      /* their sum, 0-d */
    RV_REDUCTION_NONE,     /* nothing: a loss for each */
    RV_REDUCTION_BATCHMEAN /* kl_div alone: the sum over the size of the first axis */
} rv_reduction;

/* ---- classes: floating ---------------------------------------------------------------------- */

typedef struct rv_cross_entropy_options {
    rv_tensor *logits;    /* [n, classes], [n, classes, d..] or [classes] */
    rv_tensor *target;    /* labels, I64 [n], [n, d..] or 0-d; or probabilities, as the logits */
    rv_tensor *weight;    /* [classes], what a sample of each class counts; default NULL: 1 each */
    int64_t ignore_index; /* samples with this label count nothing; default -100; not for
                             probabilities, where it must not be a class */
    double label_smoothing; /* in [0, 1]: this part of each target is spread evenly over all
                               classes (Szegedy et al. 2016); default 0 */
    rv_reduction reduction; /* default RV_REDUCTION_MEAN */
} rv_cross_entropy_options;

/* rv_cross_entropy(logits, labels), rv_cross_entropy(logits, labels, .label_smoothing = 0.1):
 * -weight[label] * log_softmax(logits)[label] of each sample, with smoothing s (1-s) times that and
 * s/classes * sum(-weight * log_softmax(logits)). The mean is their sum over the sum of
 * weight[label], of the samples that are not ignored.
 *
 * Stable: computed as log(sum(e^(x - max))) - (x[label] - max), so that nothing overflows, and a
 * loss is as exact as the logits; of F32 logits it is computed in double after the exponentials.
 * Of the gradient, what stands at the label is -(sum of the other e^x)/(sum of all): it keeps its
 * digits where softmax has rounded to 1.
 *
 * Errors: dtypes or shapes that do not fit, a label out of range (which, where), smoothing outside
 * [0, 1].  g * weight[label] * (softmax - one_hot(label)) / (sum of weights), in one pass */
#define rv_cross_entropy(...)                                                         \
    RV_OPTIONS(rv_cross_entropy_with, rv_cross_entropy_options, .ignore_index = -100, \
               .logits = __VA_ARGS__)
RV_API rv_tensor *rv_cross_entropy_with(const rv_cross_entropy_options *options);

/* Its derivative as an operation of its own: for labels (those options, reduction included), with
 * g 0-d, or like the labels. */
RV_API rv_tensor *rv_cross_entropy_grad_with(rv_tensor *g, const rv_cross_entropy_options *options);

/* What cross_entropy is for probabilities q: -sum(weight * q * log_softmax(logits)) of each sample,
 * q being (1-s)*q + s/classes with smoothing s. The mean is over samples, whatever the weights.
 * Made of log_softmax; the target gets its gradient too. */
RV_API rv_tensor *rv_soft_cross_entropy_with(const rv_cross_entropy_options *options);

typedef struct rv_nll_options {
    rv_tensor *log_probabilities; /* [n, classes], [n, classes, d..] or [classes] */
    rv_tensor *labels;            /* I64 [n], [n, d..] or 0-d */
    rv_tensor *weight;            /* [classes]; default NULL: 1 each */
    int64_t ignore_index;         /* samples with this label count nothing; default -100 */
    rv_reduction reduction;       /* default RV_REDUCTION_MEAN */
} rv_nll_options;

/* rv_nll(rv_log_softmax(x, 1), labels): -weight[label] * x[label] of each sample; the mean is their
 * sum over the sum of weight[label]. Errors as cross_entropy's.  g * -weight[label] at the label */
#define rv_nll(...) \
    RV_OPTIONS(rv_nll_with, rv_nll_options, .ignore_index = -100, .log_probabilities = __VA_ARGS__)
RV_API rv_tensor *rv_nll_with(const rv_nll_options *options);

typedef struct rv_multi_margin_options {
    rv_tensor *x;      /* [n, classes] or [classes] */
    rv_tensor *labels; /* I64 [n] or 0-d */
    int p;             /* 1: the hinge, 2: the squared hinge; default 1 */
    double margin;     /* default 1 */
    rv_tensor *weight; /* [classes], by the label; default NULL: 1 each */
    bool undivided;    /* default false: over the number of classes, as PyTorch; true: the plain sum
                          of Weston and Watkins (1999), as in Stanford's CS231n */
    rv_reduction reduction; /* default RV_REDUCTION_MEAN */
} rv_multi_margin_options;

/* rv_multi_margin(scores, labels): the multi-class SVM's hinge, of each sample weight[label] *
 * sum(max(0, margin - x[label] + x[j])^p over j != label) / classes. Errors: p other than 1 or 2, a
 * margin that is not finite, a label out of range.  g*weight/classes where the hinge is above 0 (p
 * 2: times 2*hinge), and less their sum at the label */
#define rv_multi_margin(...) \
    RV_OPTIONS(rv_multi_margin_with, rv_multi_margin_options, .p = 1, .margin = 1, .x = __VA_ARGS__)
RV_API rv_tensor *rv_multi_margin_with(const rv_multi_margin_options *options);

/* ---- numbers: floating; x and target of equal shape; both get gradients ---------------------- */

typedef struct rv_loss_options {
    rv_tensor *x;
    rv_tensor *target;      /* of x's shape and dtype */
    rv_reduction reduction; /* default RV_REDUCTION_MEAN */
} rv_loss_options;

/* rv_mse(x, target): (x - target)^2.  2*g*(x - target), and its negative */
#define rv_mse(...) RV_OPTIONS(rv_mse_with, rv_loss_options, .x = __VA_ARGS__)
RV_API rv_tensor *rv_mse_with(const rv_loss_options *options);
/* rv_l1(x, target): |x - target|.  g*sign(x - target), 0 where they are equal, and its negative */
#define rv_l1(...) RV_OPTIONS(rv_l1_with, rv_loss_options, .x = __VA_ARGS__)
RV_API rv_tensor *rv_l1_with(const rv_loss_options *options);

typedef struct rv_huber_options {
    rv_tensor *x;
    rv_tensor *target;
    double delta;           /* where it turns from a square to a line; > 0, default 1 */
    rv_reduction reduction; /* default RV_REDUCTION_MEAN */
} rv_huber_options;

/* rv_huber(x, target): e^2/2 where |e| <= delta, else delta*(|e| - delta/2), e = x - target (Huber
 * 1964).  g*e, e at least -delta and at most delta, and its negative */
#define rv_huber(...) RV_OPTIONS(rv_huber_with, rv_huber_options, .delta = 1, .x = __VA_ARGS__)
RV_API rv_tensor *rv_huber_with(const rv_huber_options *options);

typedef struct rv_smooth_l1_options {
    rv_tensor *x;
    rv_tensor *target;
    double beta;            /* >= 0, default 1; 0 gives l1 */
    rv_reduction reduction; /* default RV_REDUCTION_MEAN */
} rv_smooth_l1_options;

/* rv_smooth_l1(x, target): huber with delta = beta, over beta. */
#define rv_smooth_l1(...) \
    RV_OPTIONS(rv_smooth_l1_with, rv_smooth_l1_options, .beta = 1, .x = __VA_ARGS__)
RV_API rv_tensor *rv_smooth_l1_with(const rv_smooth_l1_options *options);

typedef struct rv_bce_options {
    rv_tensor *x;          /* probabilities, in [0, 1]; of bce_with_logits, any number */
    rv_tensor *target;     /* of x's shape; probabilities, mostly 0 and 1 */
    rv_tensor *weight;     /* broadcasts to x's shape; default NULL: 1 each */
    rv_tensor *pos_weight; /* of bce_with_logits alone: what a target of 1 counts beside one of 0;
                              broadcasts to x's shape; default NULL: 1 each */
    /* default RV_REDUCTION_MEAN; weights do not change what it divides by */
    rv_reduction reduction;
} rv_bce_options;

/* rv_bce(x, target): -weight * (target*log(x) + (1 - target)*log(1 - x)), the logarithms being -100
 * at least, so that a loss is finite. Errors: an x outside [0, 1] (which, where).
 * g*weight*(x - target) / max(x*(1 - x), 1e-12); g*weight*(log(1 - x) - log(x)), clamped alike */
#define rv_bce(...) RV_OPTIONS(rv_bce_with, rv_bce_options, .x = __VA_ARGS__)
RV_API rv_tensor *rv_bce_with(const rv_bce_options *options);

/* rv_bce_with_logits(x, target): bce(sigmoid(x), target), computed as max(x, 0) - x*target +
 * log1p(e^-|x|), which neither overflows nor cancels for any x; with a pos_weight p, that +
 * (p - 1)*target*log(1 + e^-x).  g*weight*(sigmoid(x) - target) and -g*weight*x, without p */
#define rv_bce_with_logits(...) \
    RV_OPTIONS(rv_bce_with_logits_with, rv_bce_options, .x = __VA_ARGS__)
RV_API rv_tensor *rv_bce_with_logits_with(const rv_bce_options *options);

/* The derivatives of these by x as operations of their own, in one pass: g, of x's shape or 0-d,
 * times what is said above, without weights. */
RV_API rv_tensor *rv_mse_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target);
RV_API rv_tensor *rv_l1_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target);
RV_API rv_tensor *rv_huber_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target, double delta);
RV_API rv_tensor *rv_bce_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target);
RV_API rv_tensor *rv_bce_with_logits_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target);

/* ---- distributions and directions: floating ------------------------------------------------- */

typedef struct rv_kl_div_options {
    rv_tensor *x;           /* log-probabilities */
    rv_tensor *target;      /* probabilities, of x's shape */
    bool log_target;        /* default false; true: the target is log-probabilities too */
    rv_reduction reduction; /* default RV_REDUCTION_MEAN, over elements; the divergence of
                               distributions is RV_REDUCTION_BATCHMEAN */
} rv_kl_div_options;

/* rv_kl_div(rv_log_softmax(x, 1), target): target*(log(target) - x), 0 where the target is 0;
 * e^target*(target - x) with .log_target (Kullback and Leibler 1951).
 * -g*target, and g*(log(target) + 1 - x), which is -g*x where the target is 0 (PyTorch: NaN); with
 * .log_target -g*e^target, and g*e^target*(target + 1 - x) */
#define rv_kl_div(...) RV_OPTIONS(rv_kl_div_with, rv_kl_div_options, .x = __VA_ARGS__)
RV_API rv_tensor *rv_kl_div_with(const rv_kl_div_options *options);

typedef struct rv_cosine_similarity_options {
    rv_tensor *a, *b; /* broadcast together */
    int axis;         /* which goes; default 1 */
    double eps;       /* > 0; default 1e-8 */
} rv_cosine_similarity_options;

/* rv_cosine_similarity(a, b): sum(a/max(|a|, eps) * b/max(|b|, eps)) along an axis, |a| being the
 * length sqrt(sum(a^2)): in [-1, 1] but for rounding, 0 for a vector of zeros, whose gradient is
 * finite. Below eps the derivative is that of this formula; PyTorch's takes the length's even
 * where eps stands in its place. */
#define rv_cosine_similarity(...)                                                               \
    RV_OPTIONS(rv_cosine_similarity_with, rv_cosine_similarity_options, .axis = 1, .eps = 1e-8, \
               .a = __VA_ARGS__)
RV_API rv_tensor *rv_cosine_similarity_with(const rv_cosine_similarity_options *options);

RV_END_C

#endif

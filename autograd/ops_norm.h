/* ops_norm.h - normalization.
 *
 * The conventions are in operations.h.
 *
 * All but rms_norm, which takes no mean away, compute y = xhat*weight + bias,
 * xhat = (x - mean) / sqrt(variance + eps), over groups of elements: a channel of the whole batch,
 * a row, some channels of one sample. The variance is the biased one (divided by the number of
 * elements, not one less). weight and bias are optional.
 *
 * Stability: means and variances are taken in blocks about a number near each block's own mean, and
 * put together in double (Chan, Golub, LeVeque 1979); x - mean is computed as (x - m) + (m - mean),
 * m being the mean rounded to x's dtype. So a mean that is many times the standard deviation costs
 * no digits. The largest error of y in F32, x being normal with deviation 1, against the same
 * numbers in double ([64, 4, 16, 16] and rows of 1024):
 *
 *     mean of x                 0        100      10000    1000000
 *     batch_norm                5.0e-7   3.9e-7    3.9e-7    3.4e-7
 *       PyTorch 2.13            2.8e-7   5.5e-6    3.8e-4    1.5e-2
 *     layer_norm                5.4e-7   3.8e-7    6.8e-7    4.1e-7
 *       PyTorch 2.13            5.8e-7   1.0e-5    1.4e-3    7.8e-2
 *
 * Derivatives: with P(v) = (v - mean(v) - xhat*mean(v*xhat)) / sqrt(variance + eps), the means
 * being over a group: P(g*weight) to x, g*xhat summed to weight, g summed to bias. They can be
 * differentiated again and again. Forward and backward are two passes over memory each, one where a
 * group is a row; so is what a Hessian times a vector needs of batch_norm.
 */
#ifndef RV_AUTOGRAD_OPS_NORM_H
#define RV_AUTOGRAD_OPS_NORM_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- normalization: floating ----------------------------------------------------------------- */

/* The gradients of x, weight and bias; the latter two NULL where there is no weight; all NULL with
 * an error. */
typedef struct rv_norm_gradients {
    rv_tensor *input, *weight, *bias;
} rv_norm_gradients;

typedef struct rv_batch_norm_options {
    rv_tensor *input;        /* [n, channels] or [n, channels, ...]; row-major and channels-last
                                are equally fast, and y lies as x does */
    rv_tensor *weight;       /* [channels]; default NULL: ones */
    rv_tensor *bias;         /* [channels]; default NULL: zeros */
    rv_tensor *running_mean; /* [channels], requiring no gradient; default NULL */
    rv_tensor *running_var;  /* the same; both or none */
    bool training;           /* default false: the mean and variance are the running ones, and
                                constants; true: those of x, and the running ones are updated */
    double momentum;         /* in [0, 1], default 0.1: running = (1 - momentum)*running +
                                momentum*new; for the average of all n batches so far, give 1/n */
    double eps;              /* >= 0, default 1e-5 */
} rv_batch_norm_options;

/* rv_batch_norm(x, .weight = w, .bias = b, .running_mean = m, .running_var = v, .training = true)
 *
 * Each channel normalized over all samples and places (Ioffe and Szegedy 2015). As PyTorch does,
 * running_var takes the unbiased variance (divided by one less). The running statistics are changed
 * in place (an error for a derivative that needs their old values), not by an empty batch. Errors:
 * x with one value per channel when training; no running statistics when not. */
#define rv_batch_norm(...)                                                              \
    RV_OPTIONS(rv_batch_norm_with, rv_batch_norm_options, .momentum = 0.1, .eps = 1e-5, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_batch_norm_with(const rv_batch_norm_options *options);
/* The gradients of batch_norm in training, as one operation of x, its weight (or NULL) and the
 * gradient g of its result. */
RV_API rv_norm_gradients rv_batch_norm_grad(rv_tensor *g, rv_tensor *x, rv_tensor *weight,
                                            double eps);

typedef struct rv_layer_norm_options {
    rv_tensor *input;  /* [.., normalized axes] */
    int axes;          /* how many of the last axes are normalized together; default 1 */
    rv_tensor *weight; /* of the shape of those axes; default NULL: ones */
    rv_tensor *bias;   /* the same; default NULL: zeros */
    double eps;        /* >= 0, default 1e-5 */
} rv_layer_norm_options;

/* rv_layer_norm(x, .weight = w, .bias = b): each row normalized by itself (Ba, Kiros, Hinton 2016).
 * The result is row-major. */
#define rv_layer_norm(...)                                                        \
    RV_OPTIONS(rv_layer_norm_with, rv_layer_norm_options, .axes = 1, .eps = 1e-5, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_layer_norm_with(const rv_layer_norm_options *options);
/* The gradients of layer_norm, as one operation. */
RV_API rv_norm_gradients rv_layer_norm_grad(rv_tensor *g, rv_tensor *x, rv_tensor *weight, int axes,
                                            double eps);

typedef struct rv_group_norm_options {
    rv_tensor *input;  /* [n, channels, ...] */
    int64_t groups;    /* divides channels */
    rv_tensor *weight; /* [channels]; default NULL: ones */
    rv_tensor *bias;   /* [channels]; default NULL: zeros */
    double eps;        /* >= 0, default 1e-5 */
} rv_group_norm_options;

/* rv_group_norm(x, 4, .weight = w, .bias = b): channels/groups neighbouring channels of each sample
 * normalized together (Wu and He 2018). groups = channels is instance norm. The result is
 * row-major.
 */
#define rv_group_norm(...) \
    RV_OPTIONS(rv_group_norm_with, rv_group_norm_options, .eps = 1e-5, .input = __VA_ARGS__)
RV_API rv_tensor *rv_group_norm_with(const rv_group_norm_options *options);

/* An eps that says: the distance from 1 to the next number of x's dtype (2^-23, 2^-52). */
#define RV_EPS_OF_DTYPE (-1.0)

typedef struct rv_rms_norm_options {
    rv_tensor *input;  /* [.., normalized axes] */
    int axes;          /* how many of the last axes are normalized together; default 1 */
    rv_tensor *weight; /* of the shape of those axes; default NULL: ones */
    double eps;        /* >= 0, default RV_EPS_OF_DTYPE, as PyTorch's */
} rv_rms_norm_options;

/* rv_rms_norm(x, .weight = w): x / sqrt(mean(x*x) + eps) * weight, each row by itself (Zhang and
 * Sennrich 2019). */
#define rv_rms_norm(...)                                                                 \
    RV_OPTIONS(rv_rms_norm_with, rv_rms_norm_options, .axes = 1, .eps = RV_EPS_OF_DTYPE, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_rms_norm_with(const rv_rms_norm_options *options);

RV_END_C

#endif

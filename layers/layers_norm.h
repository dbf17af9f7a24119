/* layers_norm.h - normalization. What each computes is said in autograd/ops_norm.h.
 *
 * Shapes are of x and the result; `..` is any number of axes. All functions return NULL with an
 * error for bad options or when memory is out. Floating means F32 or F64; the dtype option is that
 * of the parameters, and the layer takes and gives tensors of it.
 */
#ifndef RV_LAYERS_LAYERS_NORM_H
#define RV_LAYERS_LAYERS_NORM_H

#include "layers/layer.h"

RV_BEGIN_C

/* A momentum that says: the running statistics are the average of all batches so far. PyTorch's
 * momentum=None. */
#define RV_MOMENTUM_AVERAGE (-1.0)

typedef struct rv_layer_batch_norm_options {
    int64_t features;         /* >= 1: channels */
    double eps;               /* >= 0; default 1e-5 */
    double momentum;          /* 0 to 1, the weight of the new batch; default 0.1; or
                                 RV_MOMENTUM_AVERAGE */
    bool affine;              /* default true: there are a weight and a bias */
    bool track_running_stats; /* default true; false: the batch's own statistics in both modes */
    rv_dtype dtype;           /* default RV_F32 */
} rv_layer_batch_norm_options;

#define RV_BATCH_NORM_DEFAULTS \
    .eps = 1e-5, .momentum = 0.1, .affine = true, .track_running_stats = true

/* rv_layer_batch_norm2d(16): each channel of [n, features, h, w], normalized over the batch in
 * train mode, which also moves the running statistics; by these in eval mode. Parameters "weight"
 * (ones) and "bias" (zeros), buffers "running_mean" (zeros), "running_var" (ones; of the unbiased
 * variances), both [features], and "num_batches_tracked", I64 of no axes. In train mode one thread
 * at a time may run it. rv_layer_freeze does not keep the running statistics from moving, as in
 * PyTorch: rv_layer_train(part, false) does. */
#define rv_layer_batch_norm2d(...)                                                              \
    RV_OPTIONS(rv_layer_batch_norm2d_with, rv_layer_batch_norm_options, RV_BATCH_NORM_DEFAULTS, \
               .features = __VA_ARGS__)
RV_API rv_layer *rv_layer_batch_norm2d_with(const rv_layer_batch_norm_options *options);
/* The same of [n, features] or [n, features, length]. */
#define rv_layer_batch_norm1d(...)                                                              \
    RV_OPTIONS(rv_layer_batch_norm1d_with, rv_layer_batch_norm_options, RV_BATCH_NORM_DEFAULTS, \
               .features = __VA_ARGS__)
RV_API rv_layer *rv_layer_batch_norm1d_with(const rv_layer_batch_norm_options *options);

typedef struct rv_layer_layer_norm_options {
    int64_t shape[RV_MAX_DIMENSIONS]; /* of the last axes, which are normalized together; >= 1 each,
                                         up to the first 0 */
    double eps;                       /* >= 0; default 1e-5 */
    bool affine;                      /* default true: there are a weight and a bias */
    bool bias;                        /* default true; false: only a weight */
    rv_dtype dtype;                   /* default RV_F32 */
} rv_layer_layer_norm_options;

/* rv_layer_layer_norm(64), rv_layer_layer_norm({3, 32, 32}): the last axes of each sample.
 * Parameters "weight" (ones) and "bias" (zeros), of `shape`. Error, when it runs: x does not end in
 * it. */
#define rv_layer_layer_norm(...)                                                                   \
    RV_OPTIONS(rv_layer_layer_norm_with, rv_layer_layer_norm_options, .eps = 1e-5, .affine = true, \
               .bias = true, .shape = __VA_ARGS__)
RV_API rv_layer *rv_layer_layer_norm_with(const rv_layer_layer_norm_options *options);

typedef struct rv_layer_group_norm_options {
    int64_t groups;   /* divides features */
    int64_t features; /* >= 1: channels */
    double eps;       /* >= 0; default 1e-5 */
    bool affine;      /* default true */
    rv_dtype dtype;   /* default RV_F32 */
} rv_layer_group_norm_options;

/* rv_layer_group_norm(4, 16): groups of channels of each sample of [n, features, ..]. Parameters
 * "weight" (ones) and "bias" (zeros), [features]. groups = features is instance norm. */
#define rv_layer_group_norm(...)                                                                   \
    RV_OPTIONS(rv_layer_group_norm_with, rv_layer_group_norm_options, .eps = 1e-5, .affine = true, \
               .groups = __VA_ARGS__)
RV_API rv_layer *rv_layer_group_norm_with(const rv_layer_group_norm_options *options);

RV_END_C

#endif

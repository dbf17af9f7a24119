/* layers_network.h - linear, embedding, maxout, flatten, unflatten, dropout, upsample.
 *
 * Shapes are of x and the result; `..` is any number of axes. All functions return NULL with an
 * error for bad options or when memory is out. Floating means F32 or F64; the dtype option is that
 * of the parameters, and the layer takes and gives tensors of it.
 */
#ifndef RV_LAYERS_LAYERS_NETWORK_H
#define RV_LAYERS_LAYERS_NETWORK_H

#include "autograd/operations.h"
#include "layers/layer.h"

RV_BEGIN_C

typedef struct rv_layer_linear_options {
    int64_t in_features;  /* >= 1 */
    int64_t out_features; /* >= 1 */
    bool bias;            /* default true; false: no bias */
    rv_dtype dtype;       /* of the parameters; default RV_F32; or RV_F64 */
} rv_layer_linear_options;

/* rv_layer_linear(784, 100, .bias = false): x weight' + bias, [.., in] -> [.., out], floating.
 * Parameters "weight" [out, in] and "bias" [out], both drawn uniformly from
 * [-1/sqrt(in), 1/sqrt(in)], as in PyTorch (there: kaiming_uniform with a = sqrt(5)). For others,
 * see layers/init.h: rv_init_he_normal(rv_layer_parameter(layer, "weight")). */
#define rv_layer_linear(...)                                                                 \
    RV_OPTIONS(rv_layer_linear_with, rv_layer_linear_options, .bias = true, .dtype = RV_F32, \
               .in_features = __VA_ARGS__)
RV_API rv_layer *rv_layer_linear_with(const rv_layer_linear_options *options);

typedef struct rv_layer_embedding_options {
    int64_t rows;        /* >= 1: how many different indices */
    int64_t features;    /* >= 1: of each one's vector */
    int64_t padding_idx; /* a row that is zeros and gets no gradient; negative: from the end;
                            default RV_NO_PADDING: none */
    rv_dtype dtype;      /* default RV_F32 */
} rv_layer_embedding_options;

/* rv_layer_embedding(1000, 16): row x[i,j,..] of a table: I64 [..] -> [.., features]. Parameter
 * "weight" [rows, features], normal with deviation 1. Error, when it runs: an index out of range.
 */
#define rv_layer_embedding(...)                                                                   \
    RV_OPTIONS(rv_layer_embedding_with, rv_layer_embedding_options, .padding_idx = RV_NO_PADDING, \
               .rows = __VA_ARGS__)
RV_API rv_layer *rv_layer_embedding_with(const rv_layer_embedding_options *options);

typedef struct rv_layer_maxout_options {
    int64_t pieces; /* >= 1: of how many neighbours the largest is taken */
    int axis;       /* default 1: channels, or features */
} rv_layer_maxout_options;

/* rv_layer_maxout(2): [n, m*pieces, ..] -> [n, m, ..] (Goodfellow et al. 2013), floating. */
#define rv_layer_maxout(...) \
    RV_OPTIONS(rv_layer_maxout_with, rv_layer_maxout_options, .axis = 1, .pieces = __VA_ARGS__)
RV_API rv_layer *rv_layer_maxout_with(const rv_layer_maxout_options *options);

typedef struct rv_layer_flatten_options {
    int start_axis; /* default 1: the axis of samples stays; negative: from the end */
    int end_axis;   /* default -1: to the last one, included */
} rv_layer_flatten_options;

/* rv_layer_flatten(): the axes from start_axis to end_axis become one: [n, 1, 28, 28] -> [n, 784].
 * Any dtype; a view where possible. Errors, when it runs: an axis that x does not have, start_axis
 * after end_axis. */
#define rv_layer_flatten(...)                                                                    \
    RV_OPTIONS(rv_layer_flatten_with, rv_layer_flatten_options, .start_axis = 1, .end_axis = -1, \
               __VA_ARGS__)
RV_API rv_layer *rv_layer_flatten_with(const rv_layer_flatten_options *options);

typedef struct rv_layer_unflatten_options {
    int64_t shape[RV_MAX_DIMENSIONS]; /* that the axis is divided into; >= 1 each, up to the first
                                         0 */
    int axis;                         /* default 1; negative: from the end */
} rv_layer_unflatten_options;

/* rv_layer_unflatten({16, 7, 7}): an axis becomes several, row-major: [n, 784] -> [n, 16, 7, 7].
 * Any dtype; a view where possible. Errors, when it runs: an axis that x does not have, or whose
 * size is not the product of `shape`. */
#define rv_layer_unflatten(...) \
    RV_OPTIONS(rv_layer_unflatten_with, rv_layer_unflatten_options, .axis = 1, .shape = __VA_ARGS__)
RV_API rv_layer *rv_layer_unflatten_with(const rv_layer_unflatten_options *options);

typedef struct rv_layer_dropout_options {
    int unused; /* comes first so that a p without a name follows it, and none is the default */
    double p;   /* the probability that an element is dropped; default 0.5; 0 to 1 */
} rv_layer_dropout_options;

/* rv_layer_dropout(0.2), or rv_layer_dropout() for 0.5: in train mode each element becomes 0 with
 * probability p, else x / (1 - p) (Srivastava et al. 2014); in eval mode x is returned. Floating,
 * any shape. Draws from the generator (core/random.h). */
#define rv_layer_dropout(...) \
    RV_OPTIONS(rv_layer_dropout_with, rv_layer_dropout_options, .p = 0.5, .unused = 0, __VA_ARGS__)
RV_API rv_layer *rv_layer_dropout_with(const rv_layer_dropout_options *options);
/* The same for whole channels of [n, channels, ..]: PyTorch's Dropout1d to 3d (Tompson et al.
 * 2015).
 */
#define rv_layer_dropout2d(...)                                                          \
    RV_OPTIONS(rv_layer_dropout2d_with, rv_layer_dropout_options, .p = 0.5, .unused = 0, \
               __VA_ARGS__)
RV_API rv_layer *rv_layer_dropout2d_with(const rv_layer_dropout_options *options);

typedef struct rv_layer_upsample_options {
    int unused;            /* comes first so that a scale without a name follows it */
    double scale[2];       /* > 0; one number for both axes, or one for each in braces */
    int64_t size[2];       /* in its place: rows and columns of the result */
    rv_interpolation mode; /* default RV_NEAREST; or RV_BILINEAR */
    bool align_corners;    /* default false; for RV_BILINEAR */
} rv_layer_upsample_options;

/* rv_layer_upsample(2), rv_layer_upsample(.size = {7, 9}, .mode = RV_BILINEAR): rv_interpolate,
 * floating [n, c, h, w]. Either a scale or a size. */
#define rv_layer_upsample(...)                                                              \
    RV_OPTIONS(rv_layer_upsample_with, rv_layer_upsample_options, .size = {0, RV_AS_FIRST}, \
               .scale = {0, RV_SCALE_AS_FIRST}, .unused = 0, __VA_ARGS__)
RV_API rv_layer *rv_layer_upsample_with(const rv_layer_upsample_options *options);

RV_END_C

#endif

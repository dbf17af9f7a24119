/* layers_conv.h - convolutions and pooling.
 *
 * Shapes are of x and the result; `..` is any number of axes. All functions return NULL with an
 * error for bad options or when memory is out. Floating means F32 or F64; the dtype option is that
 * of the parameters, and the layer takes and gives tensors of it. Options of two axes are
 * one number for both, or one for each in braces: .stride = {2, 1}.
 */
#ifndef RV_LAYERS_LAYERS_CONV_H
#define RV_LAYERS_LAYERS_CONV_H

#include "autograd/ops_conv.h"
#include "autograd/ops_pool.h"
#include "layers/layer.h"

RV_BEGIN_C

/* ---- convolutions: floating ------------------------------------------------------------------ *
 *
 * Parameters "weight" and "bias" [out_channels], drawn uniformly from [-1/sqrt(fan), 1/sqrt(fan)],
 * fan being the elements of weight[0], as in PyTorch. For others, see layers/init.h. What the
 * options do is said at rv_conv2d. */

typedef struct rv_layer_conv2d_options {
    int64_t in_channels;  /* >= 1 */
    int64_t out_channels; /* >= 1 */
    int64_t kernel[2];    /* >= 1 */
    int64_t stride[2];    /* >= 1; default 1 */
    int64_t padding[2];   /* >= 0, or RV_PADDING_SAME; default 0 */
    int64_t dilation[2];  /* >= 1; default 1 */
    int64_t groups;       /* default 1; divides the channels */
    bool bias;            /* default true; false: no bias */
    rv_dtype dtype;       /* default RV_F32 */
} rv_layer_conv2d_options;

#define RV_LAYER_CONV2D_DEFAULTS RV_CONV2D_DEFAULTS, .kernel = {0, RV_AS_FIRST}, .bias = true

/* rv_layer_conv2d(3, 16, 3, .padding = 1): [n, in, h, w] -> [n, out, rows, columns]; weight
 * [out, in/groups, kernel rows, kernel columns]. */
#define rv_layer_conv2d(...)                                                            \
    RV_OPTIONS(rv_layer_conv2d_with, rv_layer_conv2d_options, RV_LAYER_CONV2D_DEFAULTS, \
               .in_channels = __VA_ARGS__)
RV_API rv_layer *rv_layer_conv2d_with(const rv_layer_conv2d_options *options);
/* The same of [n, in, length], one number for each option; weight [out, in/groups, kernel]. */
#define rv_layer_conv1d(...)                                                            \
    RV_OPTIONS(rv_layer_conv1d_with, rv_layer_conv2d_options, RV_LAYER_CONV2D_DEFAULTS, \
               .in_channels = __VA_ARGS__)
RV_API rv_layer *rv_layer_conv1d_with(const rv_layer_conv2d_options *options);

typedef struct rv_layer_conv_transpose2d_options {
    int64_t in_channels;       /* >= 1 */
    int64_t out_channels;      /* >= 1 */
    int64_t kernel[2];         /* >= 1 */
    int64_t stride[2];         /* >= 1; default 1 */
    int64_t padding[2];        /* >= 0; default 0 */
    int64_t output_padding[2]; /* >= 0, below stride or dilation; default 0 */
    int64_t dilation[2];       /* >= 1; default 1 */
    int64_t groups;            /* default 1; divides the channels */
    bool bias;                 /* default true */
    rv_dtype dtype;            /* default RV_F32 */
} rv_layer_conv_transpose2d_options;

/* rv_layer_conv_transpose2d(16, 3, 2, .stride = 2): [n, in, h, w] -> [n, out, rows, columns];
 * weight [in, out/groups, kernel rows, kernel columns]. */
#define rv_layer_conv_transpose2d(...)                                            \
    RV_OPTIONS(rv_layer_conv_transpose2d_with, rv_layer_conv_transpose2d_options, \
               RV_LAYER_CONV2D_DEFAULTS, .output_padding = {0, RV_AS_FIRST},      \
               .in_channels = __VA_ARGS__)
RV_API rv_layer *rv_layer_conv_transpose2d_with(const rv_layer_conv_transpose2d_options *options);

/* ---- pooling: floating, [n, c, h, w] or [c, h, w] -------------------------------------------- *
 *
 * What the options do is said at rv_max_pool2d and rv_avg_pool2d. */

typedef struct rv_layer_max_pool2d_options {
    int64_t kernel[2];   /* >= 1 */
    int64_t stride[2];   /* >= 1; default 0: as kernel */
    int64_t padding[2];  /* 0 to half a window; default 0 */
    int64_t dilation[2]; /* >= 1; default 1 */
    bool ceil_mode;      /* default false */
} rv_layer_max_pool2d_options;

/* rv_layer_max_pool2d(2), rv_layer_max_pool2d(3, .stride = 2): the largest of each window. */
#define rv_layer_max_pool2d(...)                                                            \
    RV_OPTIONS(rv_layer_max_pool2d_with, rv_layer_max_pool2d_options, RV_MAX_POOL_DEFAULTS, \
               .kernel = __VA_ARGS__)
RV_API rv_layer *rv_layer_max_pool2d_with(const rv_layer_max_pool2d_options *options);
/* The same of [n, c, l] or [c, l]. */
#define rv_layer_max_pool1d(...)                                                            \
    RV_OPTIONS(rv_layer_max_pool1d_with, rv_layer_max_pool2d_options, RV_MAX_POOL_DEFAULTS, \
               .kernel = __VA_ARGS__)
RV_API rv_layer *rv_layer_max_pool1d_with(const rv_layer_max_pool2d_options *options);

typedef struct rv_layer_avg_pool2d_options {
    int64_t kernel[2], stride[2], padding[2]; /* as max_pool2d's */
    bool ceil_mode;                           /* default false */
    bool count_include_pad;                   /* default true */
    int64_t divisor_override;                 /* default 0: none; else > 0 */
} rv_layer_avg_pool2d_options;

#define RV_LAYER_AVG_POOL_DEFAULTS                                                      \
    .stride = {0, RV_AS_FIRST}, .padding = {0, RV_AS_FIRST}, .count_include_pad = true, \
    .kernel = {0, RV_AS_FIRST}

/* rv_layer_avg_pool2d(2): the mean of each window. */
#define rv_layer_avg_pool2d(...)                                                                  \
    RV_OPTIONS(rv_layer_avg_pool2d_with, rv_layer_avg_pool2d_options, RV_LAYER_AVG_POOL_DEFAULTS, \
               .kernel = __VA_ARGS__)
RV_API rv_layer *rv_layer_avg_pool2d_with(const rv_layer_avg_pool2d_options *options);
/* The same of [n, c, l] or [c, l]. */
#define rv_layer_avg_pool1d(...)                                                                  \
    RV_OPTIONS(rv_layer_avg_pool1d_with, rv_layer_avg_pool2d_options, RV_LAYER_AVG_POOL_DEFAULTS, \
               .kernel = __VA_ARGS__)
RV_API rv_layer *rv_layer_avg_pool1d_with(const rv_layer_avg_pool2d_options *options);

typedef struct rv_layer_adaptive_avg_pool2d_options {
    int64_t size[2]; /* >= 1: rows and columns of the result */
} rv_layer_adaptive_avg_pool2d_options;

/* rv_layer_adaptive_avg_pool2d(1): the mean of each channel; (7): of 7 by 7 parts of it. */
#define rv_layer_adaptive_avg_pool2d(...)                                               \
    RV_OPTIONS(rv_layer_adaptive_avg_pool2d_with, rv_layer_adaptive_avg_pool2d_options, \
               .size = {0, RV_AS_FIRST}, .size = __VA_ARGS__)
RV_API rv_layer *
rv_layer_adaptive_avg_pool2d_with(const rv_layer_adaptive_avg_pool2d_options *options);

RV_END_C

#endif

/* pool.c - windows of which only the largest, or the mean, goes on. */
#include "layers/layers_conv.h"

#include "autograd/operations.h"
#include "layers/layer_options.h"

typedef struct max_pool {
    rv_layer layer;
    rv_max_pool2d_options options; /* but for the input */
} max_pool;

typedef struct avg_pool {
    rv_layer layer;
    rv_avg_pool2d_options options; /* but for the input */
} avg_pool;

typedef struct adaptive_pool {
    rv_layer layer;
    int64_t size[2];
} adaptive_pool;

/* The numbers of both kinds of pooling: of `stride`, 0 stands for the window's. */
static bool check_window(const char *who, int axes, int64_t kernel[2], int64_t stride[2],
                         int64_t padding[2])
{
    if (!rv_options_pair(who, "kernel", axes, kernel, 1, 1, kernel) ||
        !rv_options_pair(who, "stride", axes, stride, 1, 0, stride) ||
        !rv_options_pair(who, "padding", axes, padding, 0, 0, padding))
        return false;
    for (int i = 0; i < 2; i++)
        if (padding[i] > kernel[i] / 2)
            return rv_fail(RV_ERROR_ARGUMENT, who, "padding %lld is more than half of kernel %lld",
                           (long long)padding[i], (long long)kernel[i]);
    if (axes == 1)
        kernel[1] = stride[1] = padding[1] = RV_AS_FIRST; /* the operation wants no second one */
    return true;
}

/* ---- the largest ----------------------------------------------------------------------------- */

static rv_tensor *max_pool2d_forward(rv_layer *self, rv_tensor *x)
{
    rv_max_pool2d_options o = ((const max_pool *)self)->options;
    o.input = x;
    return rv_max_pool2d_with(&o);
}

static rv_tensor *max_pool1d_forward(rv_layer *self, rv_tensor *x)
{
    rv_max_pool2d_options o = ((const max_pool *)self)->options;
    o.input = x;
    return rv_max_pool1d_with(&o);
}

static const rv_layer_class max_pool2d_class = {
    .name = "max_pool2d", .size = sizeof(max_pool), .forward = max_pool2d_forward};
static const rv_layer_class max_pool1d_class = {
    .name = "max_pool1d", .size = sizeof(max_pool), .forward = max_pool1d_forward};

static rv_layer *make_max(const char *who, const rv_layer_class *layer_class, int axes,
                          const rv_layer_max_pool2d_options *options)
{
    if (!rv_options_given(who, options))
        return NULL;
    rv_layer_max_pool2d_options o = *options;
    if (!check_window(who, axes, o.kernel, o.stride, o.padding) ||
        !rv_options_pair(who, "dilation", axes, o.dilation, 1, 1, o.dilation))
        return NULL;
    if (axes == 1)
        o.dilation[1] = RV_AS_FIRST;
    rv_layer *layer = rv_layer_new(layer_class);
    if (layer != NULL)
        ((max_pool *)layer)->options =
            (rv_max_pool2d_options){.kernel = {o.kernel[0], o.kernel[1]},
                                    .stride = {o.stride[0], o.stride[1]},
                                    .padding = {o.padding[0], o.padding[1]},
                                    .dilation = {o.dilation[0], o.dilation[1]},
                                    .ceil_mode = o.ceil_mode};
    return layer;
}

rv_layer *rv_layer_max_pool2d_with(const rv_layer_max_pool2d_options *options)
{
    return make_max("layer_max_pool2d", &max_pool2d_class, 2, options);
}

rv_layer *rv_layer_max_pool1d_with(const rv_layer_max_pool2d_options *options)
{
    return make_max("layer_max_pool1d", &max_pool1d_class, 1, options);
}

/* ---- the mean -------------------------------------------------------------------------------- */

static rv_tensor *avg_pool2d_forward(rv_layer *self, rv_tensor *x)
{
    rv_avg_pool2d_options o = ((const avg_pool *)self)->options;
    o.input = x;
    return rv_avg_pool2d_with(&o);
}

static rv_tensor *avg_pool1d_forward(rv_layer *self, rv_tensor *x)
{
    rv_avg_pool2d_options o = ((const avg_pool *)self)->options;
    o.input = x;
    return rv_avg_pool1d_with(&o);
}

static const rv_layer_class avg_pool2d_class = {
    .name = "avg_pool2d", .size = sizeof(avg_pool), .forward = avg_pool2d_forward};
static const rv_layer_class avg_pool1d_class = {
    .name = "avg_pool1d", .size = sizeof(avg_pool), .forward = avg_pool1d_forward};

static rv_layer *make_avg(const char *who, const rv_layer_class *layer_class, int axes,
                          const rv_layer_avg_pool2d_options *options)
{
    if (!rv_options_given(who, options))
        return NULL;
    rv_layer_avg_pool2d_options o = *options;
    if (!check_window(who, axes, o.kernel, o.stride, o.padding) ||
        !rv_options_least(who, "divisor_override", o.divisor_override, 0))
        return NULL;
    rv_layer *layer = rv_layer_new(layer_class);
    if (layer != NULL)
        ((avg_pool *)layer)->options =
            (rv_avg_pool2d_options){.kernel = {o.kernel[0], o.kernel[1]},
                                    .stride = {o.stride[0], o.stride[1]},
                                    .padding = {o.padding[0], o.padding[1]},
                                    .ceil_mode = o.ceil_mode,
                                    .count_include_pad = o.count_include_pad,
                                    .divisor_override = o.divisor_override};
    return layer;
}

rv_layer *rv_layer_avg_pool2d_with(const rv_layer_avg_pool2d_options *options)
{
    return make_avg("layer_avg_pool2d", &avg_pool2d_class, 2, options);
}

rv_layer *rv_layer_avg_pool1d_with(const rv_layer_avg_pool2d_options *options)
{
    return make_avg("layer_avg_pool1d", &avg_pool1d_class, 1, options);
}

/* ---- the mean of so many parts --------------------------------------------------------------- */

static rv_tensor *adaptive_forward(rv_layer *self, rv_tensor *x)
{
    const adaptive_pool *p = (const adaptive_pool *)self;
    return rv_adaptive_avg_pool2d(x, .size = {p->size[0], p->size[1]});
}

static const rv_layer_class adaptive_class = {
    .name = "adaptive_avg_pool2d", .size = sizeof(adaptive_pool), .forward = adaptive_forward};

rv_layer *rv_layer_adaptive_avg_pool2d_with(const rv_layer_adaptive_avg_pool2d_options *options)
{
    const char *who = "layer_adaptive_avg_pool2d";
    int64_t size[2];
    if (!rv_options_given(who, options) ||
        !rv_options_pair(who, "size", 2, options->size, 1, 1, size))
        return NULL;
    rv_layer *layer = rv_layer_new(&adaptive_class);
    if (layer != NULL) {
        ((adaptive_pool *)layer)->size[0] = size[0];
        ((adaptive_pool *)layer)->size[1] = size[1];
    }
    return layer;
}

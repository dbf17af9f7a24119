/* conv.c - convolutions whose kernels are learned.
 *
 * All of them are one struct with the options of the richest; a class each says which operation
 * they are run by, and with how many axes.
 */
#include "layers/layers_conv.h"

#include <math.h>
#include <string.h>

#include "autograd/operations.h"
#include "core/memory.h"
#include "layers/init.h"
#include "layers/layer_options.h"

typedef rv_layer_conv_transpose2d_options conv_options;

typedef struct conv {
    rv_layer layer;
    rv_tensor *weight, *bias; /* the layer's parameters; bias may be NULL */
    conv_options options;
} conv;

/* ---- running --------------------------------------------------------------------------------- */

static rv_tensor *conv2d_forward(rv_layer *self, rv_tensor *x)
{
    const conv *c = (const conv *)self;
    const conv_options *o = &c->options;
    return rv_conv2d(x, c->weight, c->bias, .stride = {o->stride[0], o->stride[1]},
                     .padding = {o->padding[0], o->padding[1]},
                     .dilation = {o->dilation[0], o->dilation[1]}, .groups = o->groups);
}

static rv_tensor *conv1d_forward(rv_layer *self, rv_tensor *x)
{
    const conv *c = (const conv *)self;
    const conv_options *o = &c->options;
    return rv_conv1d(x, c->weight, c->bias, .stride = o->stride[0], .padding = o->padding[0],
                     .dilation = o->dilation[0], .groups = o->groups);
}

static rv_tensor *conv_transpose2d_forward(rv_layer *self, rv_tensor *x)
{
    const conv *c = (const conv *)self;
    const conv_options *o = &c->options;
    return rv_conv_transpose2d(x, c->weight, c->bias, .stride = {o->stride[0], o->stride[1]},
                               .padding = {o->padding[0], o->padding[1]},
                               .output_padding = {o->output_padding[0], o->output_padding[1]},
                               .dilation = {o->dilation[0], o->dilation[1]}, .groups = o->groups);
}

/* An element of the result (transposed: of x) meets the weights of its group once. */
static int64_t conv_multiply_adds(const rv_layer *self, const rv_tensor *x, const rv_tensor *y)
{
    (void)x;
    const rv_tensor *weight = ((const conv *)self)->weight;
    return y->numel * (weight->numel / weight->shape[0]);
}

static int64_t transpose_multiply_adds(const rv_layer *self, const rv_tensor *x, const rv_tensor *y)
{
    return conv_multiply_adds(self, y, x);
}

static const rv_layer_class conv2d_class = {.name = "conv2d",
                                            .size = sizeof(conv),
                                            .forward = conv2d_forward,
                                            .multiply_adds = conv_multiply_adds};
static const rv_layer_class conv1d_class = {.name = "conv1d",
                                            .size = sizeof(conv),
                                            .forward = conv1d_forward,
                                            .multiply_adds = conv_multiply_adds};
static const rv_layer_class conv_transpose2d_class = {.name = "conv_transpose2d",
                                                      .size = sizeof(conv),
                                                      .forward = conv_transpose2d_forward,
                                                      .multiply_adds = transpose_multiply_adds};

/* ---- making ---------------------------------------------------------------------------------- */

static bool check_channels(const char *who, const conv_options *o)
{
    if (!rv_options_least(who, "in_channels", o->in_channels, 1) ||
        !rv_options_least(who, "out_channels", o->out_channels, 1) ||
        !rv_options_least(who, "groups", o->groups, 1))
        return false;
    return (o->in_channels % o->groups == 0 && o->out_channels % o->groups == 0) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%lld groups do not divide %lld and %lld channels",
                   (long long)o->groups, (long long)o->in_channels, (long long)o->out_channels);
}

/* Whether the options are in their ranges, with both numbers of each pair in place. */
static bool check(const char *who, conv_options *o, int axes, bool is_transposed)
{
    const int64_t same = is_transposed ? 0 : RV_PADDING_SAME;
    if (!check_channels(who, o) || !rv_options_dtype(who, o->dtype) ||
        !rv_options_pair(who, "kernel", axes, o->kernel, 1, 1, o->kernel) ||
        !rv_options_pair(who, "stride", axes, o->stride, 1, 1, o->stride) ||
        !rv_options_pair(who, "padding", axes, o->padding, 0, same, o->padding) ||
        !rv_options_pair(who, "output_padding", axes, o->output_padding, 0, 0, o->output_padding) ||
        !rv_options_pair(who, "dilation", axes, o->dilation, 1, 1, o->dilation))
        return false;
    for (int i = 0; i < 2; i++) {
        const int64_t more = o->output_padding[i], stride = o->stride[i];
        if (more >= stride && more >= o->dilation[i])
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "output_padding %lld is below neither stride %lld nor dilation %lld",
                           (long long)more, (long long)stride, (long long)o->dilation[i]);
        if (o->padding[i] == RV_PADDING_SAME && stride != 1)
            return rv_fail(RV_ERROR_ARGUMENT, who, "RV_PADDING_SAME takes stride 1, not %lld",
                           (long long)stride);
    }
    return true;
}

static rv_layer *make(const rv_layer_class *layer_class, conv_options o, int axes,
                      bool is_transposed)
{
    char who[32] = "layer_";
    strncat(who, layer_class->name, sizeof who - 1 - strlen(who));
    if (!check(who, &o, axes, is_transposed))
        return NULL;
    RV_SCOPE;
    RV_LASTING;
    rv_layer *layer = rv_layer_new(layer_class);
    conv *c = (conv *)layer;
    if (c == NULL)
        return NULL;
    c->options = o;
    const int64_t first = is_transposed ? o.in_channels : o.out_channels,
                  second = (is_transposed ? o.out_channels : o.in_channels) / o.groups;
    const int64_t shape[] = {first, second, o.kernel[0], o.kernel[1]};
    const double fan = (double)second * (double)o.kernel[0] * (axes == 2 ? (double)o.kernel[1] : 1),
                 bound = 1 / sqrt(fan);
    rv_tensor *weight = rv_init_uniform(rv_empty_n(o.dtype, 2 + axes, shape), -bound, bound);
    c->weight = rv_layer_add_parameter(layer, "weight", weight);
    if (o.bias) {
        rv_tensor *bias = rv_init_uniform(rv_empty(o.dtype, o.out_channels), -bound, bound);
        c->bias = rv_layer_add_parameter(layer, "bias", bias);
    }
    return rv_layer_complete(layer);
}

static rv_layer *make_plain(const rv_layer_class *layer_class, const rv_layer_conv2d_options *o,
                            int axes)
{
    conv_options options = {.in_channels = o->in_channels,
                            .out_channels = o->out_channels,
                            .groups = o->groups,
                            .bias = o->bias,
                            .dtype = o->dtype};
    for (int i = 0; i < 2; i++) {
        options.kernel[i] = o->kernel[i];
        options.stride[i] = o->stride[i];
        options.padding[i] = o->padding[i];
        options.dilation[i] = o->dilation[i];
    }
    return make(layer_class, options, axes, false);
}

rv_layer *rv_layer_conv2d_with(const rv_layer_conv2d_options *options)
{
    return rv_options_given("layer_conv2d", options) ? make_plain(&conv2d_class, options, 2) : NULL;
}

rv_layer *rv_layer_conv1d_with(const rv_layer_conv2d_options *options)
{
    return rv_options_given("layer_conv1d", options) ? make_plain(&conv1d_class, options, 1) : NULL;
}

rv_layer *rv_layer_conv_transpose2d_with(const rv_layer_conv_transpose2d_options *options)
{
    return rv_options_given("layer_conv_transpose2d", options)
               ? make(&conv_transpose2d_class, *options, 2, true)
               : NULL;
}

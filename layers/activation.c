/* activation.c - the layers that are one operation without parameters. */
#include "layers/layers_activation.h"

#include <math.h>

#include "autograd/operations.h"
#include "layers/layer_options.h"

/* ---- without options ------------------------------------------------------------------------- */

#define ACTIVATION(name_)                                                      \
    static rv_tensor *name_##_forward(rv_layer *self, rv_tensor *x)            \
    {                                                                          \
        (void)self;                                                            \
        return rv_##name_(x);                                                  \
    }                                                                          \
    static const rv_layer_class name_##_class = {                              \
        .name = #name_, .size = sizeof(rv_layer), .forward = name_##_forward}; \
    rv_layer *rv_layer_##name_(void)                                           \
    {                                                                          \
        return rv_layer_new(&name_##_class);                                   \
    }

ACTIVATION(relu)
ACTIVATION(tanh)
ACTIVATION(sigmoid)
ACTIVATION(log_sigmoid)
ACTIVATION(silu)
ACTIVATION(selu)
ACTIVATION(gelu)
ACTIVATION(gelu_tanh)

/* ---- with numbers ---------------------------------------------------------------------------- */

typedef struct numbered {
    rv_layer layer;
    double first, second; /* the operation's options, in their order */
} numbered;

static rv_layer *make(const rv_layer_class *layer_class, double first, double second)
{
    rv_layer *layer = rv_layer_new(layer_class);
    if (layer != NULL) {
        ((numbered *)layer)->first = first;
        ((numbered *)layer)->second = second;
    }
    return layer;
}

static bool check_finite(const char *who, const char *name, double number)
{
    return isfinite(number) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; it must be finite", name, number);
}

static rv_tensor *leaky_relu_forward(rv_layer *self, rv_tensor *x)
{
    return rv_leaky_relu(x, ((const numbered *)self)->first);
}

static rv_tensor *elu_forward(rv_layer *self, rv_tensor *x)
{
    return rv_elu(x, ((const numbered *)self)->first);
}

static rv_tensor *softplus_forward(rv_layer *self, rv_tensor *x)
{
    const numbered *n = (const numbered *)self;
    return rv_softplus(x, n->first, n->second);
}

static rv_tensor *hardtanh_forward(rv_layer *self, rv_tensor *x)
{
    const numbered *n = (const numbered *)self;
    return rv_hardtanh(x, n->first, n->second);
}

static const rv_layer_class leaky_relu_class = {
    .name = "leaky_relu", .size = sizeof(numbered), .forward = leaky_relu_forward};
static const rv_layer_class elu_class = {
    .name = "elu", .size = sizeof(numbered), .forward = elu_forward};
static const rv_layer_class softplus_class = {
    .name = "softplus", .size = sizeof(numbered), .forward = softplus_forward};
static const rv_layer_class hardtanh_class = {
    .name = "hardtanh", .size = sizeof(numbered), .forward = hardtanh_forward};

rv_layer *rv_layer_leaky_relu_with(const rv_layer_leaky_relu_options *options)
{
    const char *who = "layer_leaky_relu";
    if (!rv_options_given(who, options) ||
        !check_finite(who, "negative_slope", options->negative_slope))
        return NULL;
    return make(&leaky_relu_class, options->negative_slope, 0);
}

rv_layer *rv_layer_elu_with(const rv_layer_elu_options *options)
{
    const char *who = "layer_elu";
    if (!rv_options_given(who, options) || !check_finite(who, "alpha", options->alpha))
        return NULL;
    return make(&elu_class, options->alpha, 0);
}

rv_layer *rv_layer_softplus_with(const rv_layer_softplus_options *options)
{
    const char *who = "layer_softplus";
    if (!rv_options_given(who, options) || !check_finite(who, "beta", options->beta))
        return NULL;
    if (options->beta == 0 || isnan(options->threshold))
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "beta is %g and threshold %g; a beta other than 0 and a number are "
                            "expected",
                            options->beta, options->threshold);
    return make(&softplus_class, options->beta, options->threshold);
}

rv_layer *rv_layer_hardtanh_with(const rv_layer_hardtanh_options *options)
{
    const char *who = "layer_hardtanh";
    if (!rv_options_given(who, options) || !check_finite(who, "min_val", options->min_val) ||
        !check_finite(who, "max_val", options->max_val))
        return NULL;
    if (options->min_val > options->max_val)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "min_val %g is more than max_val %g",
                            options->min_val, options->max_val);
    return make(&hardtanh_class, options->min_val, options->max_val);
}

/* ---- along an axis --------------------------------------------------------------------------- */

typedef struct along {
    rv_layer layer;
    int axis;
} along;

static rv_tensor *softmax_forward(rv_layer *self, rv_tensor *x)
{
    return rv_softmax(x, ((const along *)self)->axis);
}

static rv_tensor *log_softmax_forward(rv_layer *self, rv_tensor *x)
{
    return rv_log_softmax(x, ((const along *)self)->axis);
}

static const rv_layer_class softmax_class = {
    .name = "softmax", .size = sizeof(along), .forward = softmax_forward};
static const rv_layer_class log_softmax_class = {
    .name = "log_softmax", .size = sizeof(along), .forward = log_softmax_forward};

static rv_layer *make_along(const char *who, const rv_layer_class *layer_class, int axis)
{
    rv_layer *layer = rv_options_axis(who, axis) ? rv_layer_new(layer_class) : NULL;
    if (layer != NULL)
        ((along *)layer)->axis = axis;
    return layer;
}

rv_layer *rv_layer_softmax(int axis)
{
    return make_along("layer_softmax", &softmax_class, axis);
}

rv_layer *rv_layer_log_softmax(int axis)
{
    return make_along("layer_log_softmax", &log_softmax_class, axis);
}

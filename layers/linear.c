/* linear.c - a matrix and a bias that are learned. */
#include "layers/layers_network.h"

#include <math.h>

#include "autograd/operations.h"
#include "core/memory.h"
#include "layers/init.h"
#include "layers/layer_options.h"

typedef struct linear {
    rv_layer layer;
    rv_tensor *weight, *bias; /* the layer's parameters; bias may be NULL */
} linear;

static rv_tensor *linear_forward(rv_layer *self, rv_tensor *x)
{
    const linear *l = (const linear *)self;
    return rv_linear(x, l->weight, l->bias);
}

static int64_t linear_multiply_adds(const rv_layer *self, const rv_tensor *x, const rv_tensor *y)
{
    (void)x;
    return y->numel * ((const linear *)self)->weight->shape[1];
}

static const rv_layer_class linear_class = {.name = "linear",
                                            .size = sizeof(linear),
                                            .forward = linear_forward,
                                            .multiply_adds = linear_multiply_adds};

static bool check(const char *who, const rv_layer_linear_options *o)
{
    if (!rv_options_given(who, o))
        return false;
    if (o->in_features < 1 || o->out_features < 1)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "in_features %lld and out_features %lld; at least 1 of each is expected",
                       (long long)o->in_features, (long long)o->out_features);
    return rv_options_dtype(who, o->dtype);
}

rv_layer *rv_layer_linear_with(const rv_layer_linear_options *options)
{
    if (!check("layer_linear", options))
        return NULL;
    const int64_t in = options->in_features, out = options->out_features;
    RV_SCOPE;
    RV_LASTING;
    rv_layer *layer = rv_layer_new(&linear_class);
    linear *l = (linear *)layer;
    if (l == NULL)
        return NULL;
    const double bound = 1 / sqrt((double)in);
    rv_tensor *weight = rv_init_uniform(rv_empty(options->dtype, out, in), -bound, bound);
    l->weight = rv_layer_add_parameter(layer, "weight", weight);
    if (options->bias) {
        rv_tensor *bias = rv_init_uniform(rv_empty(options->dtype, out), -bound, bound);
        l->bias = rv_layer_add_parameter(layer, "bias", bias);
    }
    return rv_layer_complete(layer);
}

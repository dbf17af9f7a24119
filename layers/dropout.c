/* dropout.c - elements, or whole channels, are left out at random while training. */
#include "layers/layers_network.h"

#include "autograd/operations.h"
#include "layers/layer_options.h"

typedef struct dropout {
    rv_layer layer;
    double p;
} dropout;

static rv_tensor *dropout_forward(rv_layer *self, rv_tensor *x)
{
    return rv_layer_is_training(self) ? rv_dropout(x, ((const dropout *)self)->p) : x;
}

static rv_tensor *dropout2d_forward(rv_layer *self, rv_tensor *x)
{
    return rv_layer_is_training(self) ? rv_feature_dropout(x, ((const dropout *)self)->p) : x;
}

static const rv_layer_class dropout_class = {
    .name = "dropout", .size = sizeof(dropout), .forward = dropout_forward};

static const rv_layer_class dropout2d_class = {
    .name = "dropout2d", .size = sizeof(dropout), .forward = dropout2d_forward};

static rv_layer *make(const char *who, const rv_layer_class *layer_class,
                      const rv_layer_dropout_options *options)
{
    if (!rv_options_given(who, options))
        return NULL;
    if (!(options->p >= 0 && options->p <= 1))
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "p is %g; a probability from 0 to 1 is expected", options->p);
    rv_layer *layer = rv_layer_new(layer_class);
    if (layer != NULL)
        ((dropout *)layer)->p = options->p;
    return layer;
}

rv_layer *rv_layer_dropout_with(const rv_layer_dropout_options *options)
{
    return make("layer_dropout", &dropout_class, options);
}

rv_layer *rv_layer_dropout2d_with(const rv_layer_dropout_options *options)
{
    return make("layer_dropout2d", &dropout2d_class, options);
}

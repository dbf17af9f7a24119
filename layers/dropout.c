/* dropout.c - elements are left out at random while training. */
#include "layers/layer.h"

#include "autograd/operations.h"

typedef struct dropout {
    rv_layer layer;
    double p;
} dropout;

static rv_tensor *dropout_forward(rv_layer *self, rv_tensor *x)
{
    return rv_layer_is_training(self) ? rv_dropout(x, ((const dropout *)self)->p) : x;
}

static const rv_layer_class dropout_class = {
    .name = "dropout", .size = sizeof(dropout), .forward = dropout_forward};

rv_layer *rv_layer_dropout_with(const rv_layer_dropout_options *options)
{
    const char *who = "layer_dropout";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!(options->p >= 0 && options->p <= 1))
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "p is %g; a probability from 0 to 1 is expected", options->p);
    rv_layer *layer = rv_layer_new(&dropout_class);
    if (layer != NULL)
        ((dropout *)layer)->p = options->p;
    return layer;
}

/* mlp.c - a multilayer perceptron with one hidden layer. */
#include "models/models.h"

rv_layer *rv_model_mlp_with(const rv_model_mlp_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "model_mlp", "the options are NULL");
    rv_layer *layers[5];
    int64_t count = 0;
    layers[count++] = rv_layer_flatten();
    layers[count++] = rv_layer_linear(options->inputs, options->hidden, .dtype = options->dtype);
    layers[count++] = rv_layer_relu();
    if (options->dropout != 0)
        layers[count++] = rv_layer_dropout(options->dropout);
    layers[count++] = rv_layer_linear(options->hidden, options->classes, .dtype = options->dtype);
    return rv_layer_sequential_n(layers, count);
}

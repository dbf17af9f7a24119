/* linear.c - a linear classifier: each class has one weight for each feature. */
#include "models/models.h"

#include "models/model_parts.h"

rv_layer *rv_model_linear_with(const rv_model_linear_options *options)
{
    if (!rv_model_given("model_linear", options))
        return NULL;
    return rv_layer_sequential(
        rv_layer_flatten(),
        rv_layer_linear(options->inputs, options->classes, .dtype = options->dtype));
}

/* lenet5.c - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to
 * Document Recognition, 1998, figure 2.
 *
 * What has changed since: ReLU for the scaled tanh, max pooling for a mean with a weight, all of
 * conv1's maps into each of conv2's, and a linear layer with cross entropy for the radial basis
 * functions at the end.
 */
#include "models/models.h"

#include "models/model_parts.h"

/* Rows (or columns) that are left of an image: each convolution takes 4, each pooling halves. */
static int64_t left_of(int64_t size, int64_t padding)
{
    const int64_t once = (size + 2 * padding - 4) / 2;
    return (once - 4) / 2;
}

static bool check(const char *who, const rv_model_lenet5_options *o)
{
    return rv_model_given(who, o) && rv_model_size(who, "channels", o->channels, 1) &&
           rv_model_size(who, "padding", o->padding, 0) &&
           rv_model_size(who, "height", o->height, 1) && rv_model_size(who, "width", o->width, 1) &&
           rv_model_size(who, "height with its border", o->height + 2 * o->padding, 16) &&
           rv_model_size(who, "width with its border", o->width + 2 * o->padding, 16);
}

rv_layer *rv_model_lenet5_with(const rv_model_lenet5_options *options)
{
    if (!check("model_lenet5", options))
        return NULL;
    const rv_model_lenet5_options *o = options;
    const int64_t features = 16 * left_of(o->height, o->padding) * left_of(o->width, o->padding);
    rv_layer *conv1 = rv_model_he(
                 rv_layer_conv2d(o->channels, 6, 5, .padding = o->padding, .dtype = o->dtype),
                 RV_FAN_IN),
             *conv2 = rv_model_he(rv_layer_conv2d(6, 16, 5, .dtype = o->dtype), RV_FAN_IN),
             *fc1 = rv_model_he(rv_layer_linear(features, 120, .dtype = o->dtype), RV_FAN_IN),
             *fc2 = rv_model_he(rv_layer_linear(120, 84, .dtype = o->dtype), RV_FAN_IN),
             *fc3 = rv_layer_linear(84, o->classes, .dtype = o->dtype);
    return rv_layer_sequential(rv_layer_named("conv1", conv1), rv_layer_relu(), /* 6 maps, 28x28 */
                               rv_layer_max_pool2d(2),                          /* 14x14 */
                               rv_layer_named("conv2", conv2), rv_layer_relu(), /* 16 maps, 10x10 */
                               rv_layer_max_pool2d(2),                          /* 5x5 */
                               rv_layer_flatten(),                              /* 400 */
                               rv_layer_named("fc1", fc1), rv_layer_relu(),
                               rv_layer_named("fc2", fc2), rv_layer_relu(),
                               rv_layer_named("fc3", fc3));
}

/* autoencoder.c - J. Masci, U. Meier, D. Ciresan, J. Schmidhuber: Stacked Convolutional
 * Auto-Encoders for Hierarchical Feature Extraction, 2011; all layers learn together, as is done
 * now, and strides take the place of pooling.
 */
#include "models/models.h"

#include "models/model_parts.h"

static bool check_side(const char *who, const char *name, int64_t size)
{
    return rv_model_size(who, name, size, 4) &&
           (size % 4 == 0 ||
            rv_fail(RV_ERROR_ARGUMENT, who, "%s is %lld; a multiple of 4 is expected", name,
                    (long long)size));
}

static bool check(const char *who, const rv_model_autoencoder_options *o)
{
    return rv_model_given(who, o) && rv_model_size(who, "channels", o->channels, 1) &&
           check_side(who, "height", o->height) && check_side(who, "width", o->width) &&
           rv_model_size(who, "filters", o->filters, 1) && rv_model_size(who, "code", o->code, 1);
}

rv_layer *rv_model_autoencoder_with(const rv_model_autoencoder_options *options)
{
    if (!check("model_autoencoder", options))
        return NULL;
    const rv_model_autoencoder_options *o = options;
    const rv_dtype dtype = o->dtype;
    const int64_t c = o->channels, first = o->filters, second = 2 * first;
    const int64_t rows = o->height / 4, columns = o->width / 4, features = second * rows * columns;
    rv_layer *encoder = rv_layer_sequential(
        rv_layer_conv2d(c, first, 3, .stride = 2, .padding = 1, .dtype = dtype), rv_layer_relu(),
        rv_layer_conv2d(first, second, 3, .stride = 2, .padding = 1, .dtype = dtype),
        rv_layer_relu(), rv_layer_flatten(), rv_layer_linear(features, o->code, .dtype = dtype));
    rv_layer *decoder = rv_layer_sequential(
        rv_layer_linear(o->code, features, .dtype = dtype), rv_layer_relu(),
        rv_layer_unflatten({second, rows, columns}),
        rv_layer_conv_transpose2d(second, first, 4, .stride = 2, .padding = 1, .dtype = dtype),
        rv_layer_relu(),
        rv_layer_conv_transpose2d(first, c, 4, .stride = 2, .padding = 1, .dtype = dtype),
        rv_layer_sigmoid());
    return rv_layer_sequential(rv_layer_named("encoder", encoder),
                               rv_layer_named("decoder", decoder));
}

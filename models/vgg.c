/* vgg.c - K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image
 * Recognition, 2014, table 1; with batch norm (Ioffe and Szegedy 2015).
 */
#include "models/models.h"

#include "models/model_parts.h"

enum { STAGES = 5, MOST_FEATURES = 3 * 16 + STAGES };

/* The convolutions of each stage. */
typedef struct configuration {
    int depth, convolutions[STAGES];
} configuration;

static const configuration configurations[] = {
    {11, {1, 1, 2, 2, 2}}, /* A */
    {13, {2, 2, 2, 2, 2}}, /* B */
    {16, {2, 2, 3, 3, 3}}, /* D */
    {19, {2, 2, 4, 4, 4}}, /* E */
};

static const configuration *configuration_of(const char *who, int depth)
{
    for (int i = 0; i < RV_COUNT(configurations); i++)
        if (configurations[i].depth == depth)
            return &configurations[i];
    return rv_fail_null(RV_ERROR_ARGUMENT, who, "depth is %d; 11, 13, 16 or 19 is expected", depth);
}

/* The five stages; *channels becomes that of the result. */
static rv_layer *make_features(const configuration *c, const rv_model_vgg_options *o,
                               int64_t *channels)
{
    rv_layer *all[MOST_FEATURES];
    int64_t count = 0;
    *channels = o->channels;
    for (int stage = 0; stage < STAGES; stage++) {
        const int64_t filters = o->filters << (stage < 3 ? stage : 3);
        for (int i = 0; i < c->convolutions[stage]; i++, *channels = filters) {
            all[count++] =
                rv_model_he(rv_layer_conv2d(*channels, filters, 3, .padding = 1, .dtype = o->dtype),
                            RV_FAN_OUT);
            all[count++] = rv_layer_batch_norm2d(filters, .dtype = o->dtype);
            all[count++] = rv_layer_relu();
        }
        all[count++] = rv_layer_max_pool2d(2);
    }
    return rv_layer_sequential_n(all, count);
}

static rv_layer *make_classifier(const rv_model_vgg_options *o, int64_t inputs)
{
    const rv_dtype dtype = o->dtype;
    return rv_layer_sequential(
        rv_model_he(rv_layer_linear(inputs, o->hidden, .dtype = dtype), RV_FAN_IN), rv_layer_relu(),
        rv_layer_dropout(o->dropout),
        rv_model_he(rv_layer_linear(o->hidden, o->hidden, .dtype = dtype), RV_FAN_IN),
        rv_layer_relu(), rv_layer_dropout(o->dropout),
        rv_layer_linear(o->hidden, o->classes, .dtype = dtype));
}

rv_layer *rv_model_vgg_with(const rv_model_vgg_options *options)
{
    const char *who = "model_vgg";
    const rv_model_vgg_options *o = options;
    if (!rv_model_given(who, o) || !rv_model_size(who, "channels", o->channels, 1) ||
        !rv_model_size(who, "height", o->height, 32) ||
        !rv_model_size(who, "width", o->width, 32) ||
        !rv_model_size(who, "filters", o->filters, 1) ||
        !rv_model_size(who, "hidden", o->hidden, 1))
        return NULL;
    const configuration *c = configuration_of(who, o->depth);
    if (c == NULL)
        return NULL;
    int64_t channels;
    rv_layer *features = make_features(c, o, &channels);
    rv_layer *classifier = make_classifier(o, channels * (o->height / 32) * (o->width / 32));
    return rv_layer_sequential(rv_layer_named("features", features), rv_layer_flatten(),
                               rv_layer_named("classifier", classifier));
}

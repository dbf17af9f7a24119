/* by_name.c - classifiers by name. */
#include "models/models.h"

#include <string.h>

#include "models/model_parts.h"

typedef rv_model_by_name_options options_by_name;

static rv_layer *make_linear(const options_by_name *o, int depth)
{
    (void)depth;
    return rv_model_linear(.inputs = o->channels * o->height * o->width, .classes = o->classes,
                           .dtype = o->dtype);
}

static rv_layer *make_mlp(const options_by_name *o, int depth)
{
    (void)depth;
    return rv_model_mlp(.inputs = o->channels * o->height * o->width, .classes = o->classes,
                        .dtype = o->dtype);
}

static rv_layer *make_lenet5(const options_by_name *o, int depth)
{
    (void)depth;
    return rv_model_lenet5(.channels = o->channels, .height = o->height, .width = o->width,
                           .padding = o->height < 32 || o->width < 32 ? 2 : 0,
                           .classes = o->classes, .dtype = o->dtype);
}

static rv_layer *make_vgg(const options_by_name *o, int depth)
{
    return rv_model_vgg(.depth = depth, .channels = o->channels, .height = o->height,
                        .width = o->width, .classes = o->classes, .dtype = o->dtype);
}

static rv_layer *make_resnet(const options_by_name *o, int depth)
{
    return rv_model_resnet(.depth = depth, .channels = o->channels, .classes = o->classes,
                           .dtype = o->dtype);
}

static rv_layer *make_resnet18(const options_by_name *o, int depth)
{
    (void)depth;
    return rv_model_resnet18(.channels = o->channels, .classes = o->classes, .dtype = o->dtype);
}

static const struct {
    const char *name;
    rv_layer *(*make)(const options_by_name *options, int depth);
    int depth;
} models[] = {
    {"linear", make_linear, 1},    {"mlp", make_mlp, 2},          {"lenet5", make_lenet5, 5},
    {"vgg11", make_vgg, 11},       {"vgg13", make_vgg, 13},       {"vgg16", make_vgg, 16},
    {"vgg19", make_vgg, 19},       {"resnet20", make_resnet, 20}, {"resnet32", make_resnet, 32},
    {"resnet44", make_resnet, 44}, {"resnet56", make_resnet, 56}, {"resnet18", make_resnet18, 18},
};

rv_layer *rv_model_by_name_with(const rv_model_by_name_options *options)
{
    const char *who = "model_by_name";
    if (!rv_model_given(who, options))
        return NULL;
    if (options->name == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the name is NULL");
    if (!rv_model_size(who, "channels", options->channels, 1) ||
        !rv_model_size(who, "height", options->height, 1) ||
        !rv_model_size(who, "width", options->width, 1))
        return NULL;
    for (int i = 0; i < RV_COUNT(models); i++)
        if (strcmp(models[i].name, options->name) == 0)
            return models[i].make(options, models[i].depth);
    return rv_fail_null(RV_ERROR_ARGUMENT, who, "there is no model \"%s\"; there are %s",
                        options->name, RV_MODEL_NAMES);
}

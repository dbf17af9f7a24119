/* upsample.c - images become larger. */
#include "layers/layers_network.h"

#include <math.h>

#include "layers/layer_options.h"

typedef struct upsample {
    rv_layer layer;
    rv_interpolate_options options; /* but for the input */
} upsample;

static rv_tensor *upsample_forward(rv_layer *self, rv_tensor *x)
{
    rv_interpolate_options o = ((const upsample *)self)->options;
    o.input = x;
    return rv_interpolate_with(&o);
}

static const rv_layer_class upsample_class = {
    .name = "upsample", .size = sizeof(upsample), .forward = upsample_forward};

static bool check(const char *who, rv_layer_upsample_options *o)
{
    if (o->mode != RV_NEAREST && o->mode != RV_BILINEAR)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d is no mode", (int)o->mode);
    if (o->align_corners && o->mode != RV_BILINEAR)
        return rv_fail(RV_ERROR_ARGUMENT, who, "align_corners is for RV_BILINEAR alone");
    if (o->scale[1] == RV_SCALE_AS_FIRST)
        o->scale[1] = o->scale[0];
    const bool by_size = o->size[0] != 0, by_scale = o->scale[0] != 0 || o->scale[1] != 0;
    if (by_size == by_scale)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s of scale and size; one is expected",
                       by_size ? "both" : "none");
    if (by_size)
        return rv_options_pair(who, "size", 2, o->size, 1, 1, o->size);
    o->size[1] = 0;
    for (int i = 0; i < 2; i++)
        if (!(isfinite(o->scale[i]) && o->scale[i] > 0))
            return rv_fail(RV_ERROR_ARGUMENT, who, "scale is %g; a number > 0 is expected",
                           o->scale[i]);
    return true;
}

rv_layer *rv_layer_upsample_with(const rv_layer_upsample_options *options)
{
    const char *who = "layer_upsample";
    if (!rv_options_given(who, options))
        return NULL;
    rv_layer_upsample_options o = *options;
    if (!check(who, &o))
        return NULL;
    rv_layer *layer = rv_layer_new(&upsample_class);
    if (layer != NULL)
        ((upsample *)layer)->options = (rv_interpolate_options){.size = {o.size[0], o.size[1]},
                                                                .scale = {o.scale[0], o.scale[1]},
                                                                .mode = o.mode,
                                                                .align_corners = o.align_corners};
    return layer;
}

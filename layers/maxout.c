/* maxout.c - the largest of some neighbours goes on. */
#include "layers/layers_network.h"

#include "layers/layer_options.h"

typedef struct maxout {
    rv_layer layer;
    int64_t pieces;
    int axis;
} maxout;

static rv_tensor *maxout_forward(rv_layer *self, rv_tensor *x)
{
    const maxout *m = (const maxout *)self;
    return rv_maxout(x, m->pieces, m->axis);
}

static const rv_layer_class maxout_class = {
    .name = "maxout", .size = sizeof(maxout), .forward = maxout_forward};

rv_layer *rv_layer_maxout_with(const rv_layer_maxout_options *options)
{
    const char *who = "layer_maxout";
    if (!rv_options_given(who, options) || !rv_options_least(who, "pieces", options->pieces, 1) ||
        !rv_options_axis(who, options->axis))
        return NULL;
    rv_layer *layer = rv_layer_new(&maxout_class);
    if (layer != NULL) {
        ((maxout *)layer)->pieces = options->pieces;
        ((maxout *)layer)->axis = options->axis;
    }
    return layer;
}

/* flatten.c - neighbouring axes become one. */
#include "layers/layers_network.h"

#include "autograd/operations.h"

typedef struct flatten {
    rv_layer layer;
    int start_axis, end_axis;
} flatten;

static rv_tensor *flatten_forward(rv_layer *self, rv_tensor *x)
{
    const flatten *f = (const flatten *)self;
    return rv_flatten(x, f->start_axis, f->end_axis);
}

static const rv_layer_class flatten_class = {
    .name = "flatten", .size = sizeof(flatten), .forward = flatten_forward};

rv_layer *rv_layer_flatten_with(const rv_layer_flatten_options *options)
{
    const char *who = "layer_flatten";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    const int start = options->start_axis, end = options->end_axis;
    if (start < -RV_MAX_DIMENSIONS || start >= RV_MAX_DIMENSIONS || end < -RV_MAX_DIMENSIONS ||
        end >= RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "from axis %d to %d; a tensor has at most %d axes", start, end,
                            RV_MAX_DIMENSIONS);
    if ((start < 0) == (end < 0) && start > end)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "start_axis %d comes after end_axis %d", start,
                            end);
    rv_layer *layer = rv_layer_new(&flatten_class);
    if (layer != NULL) {
        ((flatten *)layer)->start_axis = start;
        ((flatten *)layer)->end_axis = end;
    }
    return layer;
}

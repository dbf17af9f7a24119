/* flatten.c - neighbouring axes become one, and one becomes several. */
#include "layers/layers_network.h"

#include "autograd/operations.h"
#include "layers/layer_options.h"

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

/* ---- unflatten ------------------------------------------------------------------------------- */

typedef struct unflatten {
    rv_layer layer;
    int axis, count;                  /* `count` axes take the place of one */
    int64_t shape[RV_MAX_DIMENSIONS]; /* [count] */
} unflatten;

static rv_tensor *unflatten_forward(rv_layer *self, rv_tensor *x)
{
    const unflatten *u = (const unflatten *)self;
    const int axis = u->axis < 0 ? u->axis + x->ndim : u->axis, ndim = x->ndim - 1 + u->count;
    if (axis < 0 || axis >= x->ndim || ndim > RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_SHAPE, "unflatten",
                            "axis %d of %s cannot become %d; a tensor has at most %d axes", u->axis,
                            RV_SHAPE_OF(x), u->count, RV_MAX_DIMENSIONS);
    int64_t shape[2 * RV_MAX_DIMENSIONS], left = x->shape[axis];
    int n = 0;
    bool fits = true;
    for (int i = 0; i < axis; i++)
        shape[n++] = x->shape[i];
    for (int i = 0; i < u->count; i++) {
        shape[n++] = u->shape[i];
        fits = fits && left % u->shape[i] == 0;
        left /= u->shape[i];
    }
    for (int i = axis + 1; i < x->ndim; i++)
        shape[n++] = x->shape[i];
    if (!fits || left != 1)
        return rv_fail_null(RV_ERROR_SHAPE, "unflatten", "axis %d of %s does not hold %s", u->axis,
                            RV_SHAPE_OF(x), rv_shape_text(RV_SHAPE_BUFFER, u->count, u->shape));
    return rv_reshape_n(x, n, shape);
}

static const rv_layer_class unflatten_class = {
    .name = "unflatten", .size = sizeof(unflatten), .forward = unflatten_forward};

rv_layer *rv_layer_unflatten_with(const rv_layer_unflatten_options *options)
{
    const char *who = "layer_unflatten";
    if (!rv_options_given(who, options) || !rv_options_axis(who, options->axis))
        return NULL;
    int count = 0;
    while (count < RV_MAX_DIMENSIONS && options->shape[count] != 0)
        if (!rv_options_least(who, "a size of shape", options->shape[count++], 1))
            return NULL;
    if (count == 0)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "shape is empty; at least one size >= 1 is "
                            "expected");
    rv_layer *layer = rv_layer_new(&unflatten_class);
    unflatten *u = (unflatten *)layer;
    if (u == NULL)
        return NULL;
    u->axis = options->axis;
    u->count = count;
    for (int i = 0; i < count; i++)
        u->shape[i] = options->shape[i];
    return layer;
}

/* concat.c - what several branches make of x, side by side. */
#include "layers/layers_container.h"

#include "autograd/operations.h"
#include "core/memory.h"
#include "layers/layer_options.h"

typedef struct concat {
    rv_layer layer;
    int axis;
} concat;

/* The array of results comes from memory that is recycled: a training step calls no malloc. */
static rv_tensor *concat_forward(rv_layer *self, rv_tensor *x)
{
    const int64_t count = rv_layer_child_count(self);
    const size_t bytes = (size_t)count * sizeof(rv_tensor *);
    rv_tensor **results = rv_memory_get("concat", bytes);
    bool ok = results != NULL;
    for (int64_t i = 0; ok && i < count; i++) {
        results[i] = rv_forward(rv_layer_child_at(self, i), x);
        ok = results[i] != NULL;
    }
    rv_tensor *y = ok ? rv_cat(results, (int)count, ((const concat *)self)->axis) : NULL;
    rv_memory_put(results, bytes);
    return y;
}

static const rv_layer_class concat_class = {
    .name = "concat", .size = sizeof(concat), .forward = concat_forward};

rv_layer *rv_layer_concat_n(rv_layer *const *branches, int64_t count, int axis)
{
    const char *who = "layer_concat";
    if (count < 1 || count > INT32_MAX || branches == NULL)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "%lld branches, and the array is %sNULL; at least 1 is expected",
                            (long long)count, branches != NULL ? "not " : "");
    const bool ok = rv_options_axis(who, axis);
    rv_layer *layer = rv_layer_new(&concat_class);
    rv_layer_add_children(layer, branches, count); /* also if not ok: they are consumed */
    layer = rv_layer_complete(layer);
    if (!ok) {
        rv_layer_free(layer);
        return NULL;
    }
    if (layer != NULL)
        ((concat *)layer)->axis = axis;
    return layer;
}

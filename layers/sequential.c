/* sequential.c - one child after the other. */
#include "layers/layers_container.h"

/* Each result is released when the next one has been computed, unless backward needs it. */
static rv_tensor *sequential_forward(rv_layer *self, rv_tensor *x)
{
    const int64_t count = rv_layer_child_count(self);
    rv_retain(x);
    for (int64_t i = 0; x != NULL && i < count; i++) {
        RV_SCOPE;
        rv_tensor *y = rv_retain(rv_forward(rv_layer_child_at(self, i), x));
        rv_release(x);
        x = y;
    }
    return x != NULL ? rv_scope_own(x) : NULL;
}

static const rv_layer_class sequential_class = {
    .name = "sequential", .size = sizeof(rv_layer), .forward = sequential_forward};

rv_layer *rv_layer_sequential_n(rv_layer *const *children, int64_t count)
{
    if (count < 0 || (count > 0 && children == NULL))
        return rv_fail_null(RV_ERROR_ARGUMENT, "layer_sequential",
                            "%lld children, and the array is %sNULL", (long long)count,
                            children != NULL ? "not " : "");
    rv_layer *layer = rv_layer_new(&sequential_class);
    rv_layer_add_children(layer, children, count);
    return rv_layer_complete(layer);
}

/* update_batch_norm.c - running statistics that fit parameters which no training step made. */
#include "autograd/graph.h"
#include "models/models.h"
#include "models/modes.h"

static const char *const who = "update_batch_norm";

/* Shows the layer every batch that is left of the loader's epoch. */
static bool show_all(rv_layer *layer, rv_loader *batches)
{
    RV_NO_GRAD;
    rv_batch b;
    int64_t seen = 0;
    while (rv_next(batches, &b)) {
        RV_SCOPE;
        if (rv_forward(layer, b.x) == NULL)
            return false;
        seen++;
    }
    if (rv_error_status() != RV_OK)
        return false;
    return seen > 0 || rv_fail(RV_ERROR_STATE, who, "the loader was at the end of its epoch");
}

bool rv_update_batch_norm(rv_layer *layer, rv_loader *batches)
{
    if (rv_error_status() != RV_OK)
        return false;
    if (layer == NULL || batches == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the %s is NULL", layer == NULL ? "layer" : "loader");
    rv_modes before;
    if (!rv_modes_begin(who, &before, layer, true))
        return false;
    const bool has_any = rv_layer_average_statistics(layer, true) > 0;
    const bool done = !has_any || show_all(layer, batches);
    rv_layer_average_statistics(layer, false);
    rv_modes_end(&before, layer);
    return done;
}

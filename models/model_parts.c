/* model_parts.c - what the makers of models share. */
#include "models/model_parts.h"

#define MOST_SIZE (INT64_C(1) << 20)

bool rv_model_given(const char *who, const void *options)
{
    return options != NULL || rv_fail(RV_ERROR_NULL, who, "the options are NULL");
}

bool rv_model_size(const char *who, const char *name, int64_t size, int64_t least)
{
    return (size >= least && size <= MOST_SIZE) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %lld; %lld to %lld is expected", name,
                   (long long)size, (long long)least, (long long)MOST_SIZE);
}

rv_layer *rv_model_he(rv_layer *layer, rv_fan_mode mode)
{
    if (layer == NULL)
        return NULL;
    const rv_tensors p = rv_parameters(layer); /* weight, and bias if there is one */
    bool ok = rv_init_he_normal(p.items[0], .mode = mode) != NULL;
    if (p.count > 1)
        ok = ok && rv_init_zeros(p.items[1]) != NULL;
    if (ok)
        return layer;
    rv_layer_free(layer);
    return NULL;
}

/* embedding.c - a table of vectors that are learned. */
#include "layers/layers_network.h"

#include "autograd/graph.h"
#include "core/memory.h"
#include "layers/init.h"
#include "layers/layer_options.h"

typedef struct embedding {
    rv_layer layer;
    rv_tensor *weight; /* the layer's parameter */
    int64_t padding_idx;
} embedding;

static rv_tensor *embedding_forward(rv_layer *self, rv_tensor *x)
{
    const embedding *e = (const embedding *)self;
    return rv_embedding(x, e->weight, .padding_idx = e->padding_idx);
}

static const rv_layer_class embedding_class = {
    .name = "embedding", .size = sizeof(embedding), .forward = embedding_forward};

/* Normal, with zeros in the row that is padding. */
static rv_tensor *start(const rv_layer_embedding_options *o)
{
    RV_NO_GRAD;
    rv_tensor *weight = rv_init_normal(rv_empty(o->dtype, o->rows, o->features), 0, 1);
    if (weight == NULL || o->padding_idx == RV_NO_PADDING)
        return weight;
    rv_tensor *row = rv_select(weight, 0, o->padding_idx);
    return rv_fill(row, 0) != NULL ? weight : NULL;
}

rv_layer *rv_layer_embedding_with(const rv_layer_embedding_options *options)
{
    const char *who = "layer_embedding";
    const rv_layer_embedding_options *o = options;
    if (!rv_options_given(who, o) || !rv_options_least(who, "rows", o->rows, 1) ||
        !rv_options_least(who, "features", o->features, 1) || !rv_options_dtype(who, o->dtype))
        return NULL;
    if (o->padding_idx != RV_NO_PADDING && (o->padding_idx < -o->rows || o->padding_idx >= o->rows))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "padding_idx %lld is none of %lld rows",
                            (long long)o->padding_idx, (long long)o->rows);
    RV_SCOPE;
    RV_LASTING;
    rv_layer *layer = rv_layer_new(&embedding_class);
    embedding *e = (embedding *)layer;
    if (e == NULL)
        return NULL;
    e->padding_idx = o->padding_idx;
    e->weight = rv_layer_add_parameter(layer, "weight", start(o));
    return rv_layer_complete(layer);
}

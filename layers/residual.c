/* residual.c - what a body makes of x is added to x. */
#include "layers/layers_container.h"

#include "autograd/operations.h"
#include "layers/layer_options.h"

typedef struct residual {
    rv_layer layer;
    rv_layer *body, *shortcut, *activation; /* children; the last two may be NULL */
} residual;

static rv_tensor *residual_forward(rv_layer *self, rv_tensor *x)
{
    const residual *r = (const residual *)self;
    rv_tensor *body = rv_forward(r->body, x);
    rv_tensor *beside = r->shortcut != NULL ? rv_forward(r->shortcut, x) : x;
    if (body == NULL || beside == NULL)
        return NULL;
    if (!rv_same_shape(body, beside)) /* add would broadcast them */
        return rv_fail_null(RV_ERROR_SHAPE, "residual", "the body makes %s, the shortcut %s",
                            RV_SHAPE_OF(body), RV_SHAPE_OF(beside));
    rv_tensor *sum = rv_add(body, beside);
    return r->activation != NULL ? rv_forward(r->activation, sum) : sum;
}

static const rv_layer_class residual_class = {
    .name = "residual", .size = sizeof(residual), .forward = residual_forward};

rv_layer *rv_layer_residual_with(const rv_layer_residual_options *options)
{
    const char *who = "layer_residual";
    if (!rv_options_given(who, options))
        return NULL;
    const bool failed = rv_error_status() != RV_OK; /* then a NULL is no choice */
    rv_layer *layer = rv_layer_new(&residual_class);
    residual made = {.body = rv_layer_add_child(layer, "body", options->body)};
    if (options->shortcut != NULL)
        made.shortcut = rv_layer_add_child(layer, "shortcut", options->shortcut);
    if (options->activation != NULL)
        made.activation = rv_layer_add_child(layer, "activation", options->activation);
    residual *r = (residual *)rv_layer_complete(layer);
    if (r == NULL)
        return NULL;
    if (failed) {
        rv_layer_free(&r->layer);
        return NULL;
    }
    r->body = made.body;
    r->shortcut = made.shortcut;
    r->activation = made.activation;
    return &r->layer;
}

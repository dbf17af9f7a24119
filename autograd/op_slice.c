/* op_slice.c - slice, its derivative slice_grad, and pad.
 *
 * slice and slice_grad are each other's derivative: one takes elements out, the other puts them
 * back among zeros.
 */
#include "autograd/op_support.h"

/* ---- slice ---------------------------------------------------------------------------------- */

/* The options as they were given: with the same shape they always mean the same elements. */
static void slice_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    d->grads[0] = rv_slice_grad(d->g, in.ndim, in.shape, d->attributes);
}

static const rv_op slice_op = RV_OP(slice, 1, RV_SAVE_NOTHING, slice_derivative);

rv_tensor *rv_slice_with(const rv_slice_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "slice", "the options are NULL");
    rv_slice_options attributes = *options;
    attributes.input = NULL; /* the graph holds it, not the attributes */
    rv_tensor *y = rv_raw_slice("slice", options->input, options->axis, options->start,
                                options->stop, options->step);
    return rv_record(&slice_op, y, 1, &options->input, &attributes, sizeof attributes);
}

/* ---- slice_grad ----------------------------------------------------------------------------- */

static void slice_grad_derivative(rv_derivative *d)
{
    rv_slice_options options = *(const rv_slice_options *)d->attributes;
    options.input = d->g;
    d->grads[0] = rv_slice_with(&options);
}

static const rv_op slice_grad_op = RV_OP(slice_grad, 1, RV_SAVE_NOTHING, slice_grad_derivative);

rv_tensor *rv_slice_grad(rv_tensor *g, int ndim, const int64_t *shape,
                         const rv_slice_options *slice)
{
    const char *who = "slice_grad";
    RV_SCOPE;
    if (!rv_check(who, 0, g))
        return NULL;
    if (slice == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *y = rv_zeros_n(g->dtype, ndim, shape);
    if (y == NULL)
        return NULL;
    rv_tensor *place = rv_raw_slice(who, y, slice->axis, slice->start, slice->stop, slice->step);
    if (place == NULL)
        return NULL;
    if (!rv_same_shape(place, g))
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s given for a slice of shape %s", RV_SHAPE_OF(g),
                            RV_SHAPE_OF(place));
    rv_slice_options attributes = *slice;
    attributes.input = NULL;
    if (!rv_write(who, place, g))
        return NULL;
    return rv_keep(rv_record(&slice_grad_op, y, 1, &g, &attributes, sizeof attributes));
}

/* ---- pad ------------------------------------------------------------------------------------ */

typedef struct pad_attributes {
    int64_t before[RV_MAX_DIMENSIONS];
} pad_attributes;

static void pad_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const pad_attributes *attributes = d->attributes;
    rv_tensor *g = d->g;
    for (int i = 0; i < in.ndim && g != NULL; i++) {
        const int64_t start = attributes->before[i];
        if (g->shape[i] != in.shape[i])
            g = rv_slice(g, .axis = i, .start = start, .stop = start + in.shape[i]);
    }
    d->grads[0] = g;
}

static const rv_op pad_op = RV_OP(pad, 1, RV_SAVE_NOTHING, pad_derivative);

/* The shape of the padded tensor; false with an error if a padding is negative or far too large. */
static bool padded_shape(const rv_tensor *x, const int64_t *before, const int64_t *after,
                         int64_t *shape)
{
    if (x->ndim > 0 && (before == NULL || after == NULL))
        return rv_fail(RV_ERROR_NULL, "pad", "%s is NULL", before == NULL ? "before" : "after");
    for (int i = 0; i < x->ndim; i++) {
        if (before[i] < 0 || after[i] < 0)
            return rv_fail(RV_ERROR_ARGUMENT, "pad",
                           "%lld before and %lld after axis %d; expected 0 or more",
                           (long long)before[i], (long long)after[i], i);
        const int64_t room = INT64_MAX - x->shape[i];
        if (before[i] > room || after[i] > room - before[i])
            return rv_fail(RV_ERROR_SHAPE, "pad", "%lld before and %lld after axis %d of %s",
                           (long long)before[i], (long long)after[i], i, RV_SHAPE_OF(x));
        shape[i] = before[i] + x->shape[i] + after[i];
    }
    return true;
}

rv_tensor *rv_pad(rv_tensor *x, const int64_t *before, const int64_t *after, double value)
{
    RV_SCOPE;
    int64_t shape[RV_MAX_DIMENSIONS];
    const rv_tensor *filling = rv_scalar_like("pad", x, value);
    if (filling == NULL || !padded_shape(x, before, after, shape))
        return NULL;
    rv_tensor *y = rv_empty_n(x->dtype, x->ndim, shape);
    if (y == NULL || !rv_write("pad", y, filling))
        return NULL;
    pad_attributes attributes = {{0}};
    rv_tensor *inside = y;
    for (int i = 0; i < x->ndim && inside != NULL; i++) {
        attributes.before[i] = before[i];
        inside = rv_raw_slice("pad", inside, i, before[i], before[i] + x->shape[i], 1);
    }
    if (inside == NULL || !rv_write("pad", inside, x))
        return NULL;
    return rv_keep(rv_record(&pad_op, y, 1, &x, &attributes, sizeof attributes));
}

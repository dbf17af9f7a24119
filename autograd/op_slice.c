/* op_slice.c - slice, its derivative slice_grad, and select.
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

/* ---- select --------------------------------------------------------------------------------- */

rv_tensor *rv_select(rv_tensor *x, int axis, int64_t index)
{
    const char *who = "select";
    if (!rv_check(who, 0, x))
        return NULL;
    const int along = rv_check_axis(who, axis, x->ndim);
    if (along < 0)
        return NULL;
    const int64_t size = x->shape[along];
    if (index < -size || index >= size)
        return rv_fail_null(RV_ERROR_INDEX, who, "index %lld is out of range for axis %d of %s",
                            (long long)index, along, RV_SHAPE_OF(x));
    const int64_t start = index < 0 ? index + size : index;
    rv_tensor *one = rv_slice(x, .axis = along, .start = start, .stop = start + 1);
    return rv_squeeze(one, RV_AXES(along));
}

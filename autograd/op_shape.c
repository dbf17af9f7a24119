/* op_shape.c - reshape, permute, expand and their like: other views of the same elements. */
#include "autograd/op_support.h"

/* ---- reshape -------------------------------------------------------------------------------- */

static void reshape_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    d->grads[0] = rv_reshape_n(d->g, in.ndim, in.shape);
}

static const rv_op reshape_op = RV_OP(reshape, 1, RV_SAVE_NOTHING, reshape_derivative);

rv_tensor *rv_reshape_n(rv_tensor *x, int ndim, const int64_t *shape)
{
    return rv_record(&reshape_op, rv_raw_reshape("reshape", x, ndim, shape), 1, &x, NULL, 0);
}

rv_tensor *rv_flatten(rv_tensor *x, int start, int end)
{
    const char *who = "flatten";
    if (!rv_check(who, 0, x))
        return NULL;
    const int first = rv_check_axis_along(who, start, x->ndim);
    const int last = first < 0 ? -1 : rv_check_axis_along(who, end, x->ndim);
    if (last < 0)
        return NULL;
    if (first > last)
        return rv_fail_null(RV_ERROR_SHAPE, who, "of %s, axis %d comes after axis %d",
                            RV_SHAPE_OF(x), first, last);
    int64_t shape[RV_MAX_DIMENSIONS] = {1}; /* of a 0-d tensor, [1] */
    int ndim = x->ndim == 0 ? 1 : 0;
    for (int axis = 0; axis < x->ndim; axis++) {
        if (axis > first && axis <= last)
            shape[ndim - 1] *= x->shape[axis];
        else
            shape[ndim++] = x->shape[axis];
    }
    return rv_reshape_n(x, ndim, shape);
}

rv_tensor *rv_squeeze_with(const rv_squeeze_options *options)
{
    const char *who = "squeeze";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *x = options->input;
    const int count = options->axes.count;
    if (!rv_check(who, 0, x))
        return NULL;
    if (count < 0 || count > RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d axes given, expected 0 to %d", count,
                            RV_MAX_DIMENSIONS);
    uint32_t chosen = count == 0 ? UINT32_MAX : 0;
    for (int i = 0; i < count; i++) {
        const int axis = rv_check_axis_along(who, options->axes.axis[i], x->ndim);
        if (axis < 0)
            return NULL;
        chosen |= 1u << axis;
    }
    int64_t shape[RV_MAX_DIMENSIONS];
    int ndim = 0;
    for (int axis = 0; axis < x->ndim; axis++)
        if (x->shape[axis] != 1 || !(chosen & 1u << axis))
            shape[ndim++] = x->shape[axis];
    return rv_reshape_n(x, ndim, shape);
}

rv_tensor *rv_unsqueeze(rv_tensor *x, int axis)
{
    const char *who = "unsqueeze";
    if (!rv_check(who, 0, x))
        return NULL;
    if (x->ndim == RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s has %d axes already", RV_SHAPE_OF(x),
                            RV_MAX_DIMENSIONS);
    const int at = rv_check_axis(who, axis, x->ndim + 1);
    if (at < 0)
        return NULL;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i <= x->ndim; i++)
        shape[i] = i < at ? x->shape[i] : i == at ? 1 : x->shape[i - 1];
    return rv_reshape_n(x, x->ndim + 1, shape);
}

/* ---- permute -------------------------------------------------------------------------------- */

/* Where each axis of the input went. */
typedef struct permute_attributes {
    int ndim;
    int inverse[RV_MAX_DIMENSIONS];
} permute_attributes;

static void permute_derivative(rv_derivative *d)
{
    const permute_attributes *attributes = d->attributes;
    d->grads[0] = rv_permute_n(d->g, attributes->ndim, attributes->inverse);
}

static const rv_op permute_op = RV_OP(permute, 1, RV_SAVE_NOTHING, permute_derivative);

rv_tensor *rv_permute_n(rv_tensor *x, int ndim, const int *axes)
{
    rv_tensor *y = rv_raw_permute("permute", x, ndim, axes);
    if (y == NULL)
        return NULL;
    permute_attributes attributes = {.ndim = ndim};
    for (int i = 0; i < ndim; i++)
        attributes.inverse[axes[i] < 0 ? axes[i] + ndim : axes[i]] = i;
    return rv_record(&permute_op, y, 1, &x, &attributes, sizeof attributes);
}

rv_tensor *rv_transpose(rv_tensor *x, int axis0, int axis1)
{
    if (!rv_check("transpose", 0, x))
        return NULL;
    const int first = rv_check_axis("transpose", axis0, x->ndim);
    const int second = rv_check_axis("transpose", axis1, x->ndim);
    if (first < 0 || second < 0)
        return NULL;
    int axes[RV_MAX_DIMENSIONS];
    for (int i = 0; i < x->ndim; i++)
        axes[i] = i;
    axes[first] = second;
    axes[second] = first;
    return rv_permute_n(x, x->ndim, axes);
}

/* ---- expand --------------------------------------------------------------------------------- */

/* The engine sums the gradient down to the input's shape. */
static void expand_derivative(rv_derivative *d)
{
    d->grads[0] = d->g;
}

static const rv_op expand_op = RV_OP(expand, 1, RV_SAVE_NOTHING, expand_derivative);

rv_tensor *rv_expand_n(rv_tensor *x, int ndim, const int64_t *shape)
{
    return rv_record(&expand_op, rv_raw_expand("expand", x, ndim, shape), 1, &x, NULL, 0);
}

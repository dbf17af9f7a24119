/* op_shape.c - reshape, permute, expand: other views of the same elements. */
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

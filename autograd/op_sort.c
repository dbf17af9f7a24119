/* op_sort.c - sort, topk, argsort.
 *
 * Where the elements stood is found first, and is no function of theirs that has a derivative;
 * their values are then a gather, and the gradient goes back the same way.
 */
#include "autograd/op_support.h"

#include "core/sort.h"

static const rv_sorted none = {NULL, NULL};

/* Input 1 is where each value stood. */
static void sort_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const int axis = *(const int *)d->attributes;
    rv_tensor *zeros = rv_zeros_n(in.dtype, in.ndim, in.shape);
    d->grads[0] = rv_scatter_add(zeros, axis, rv_saved_input(d, 1), d->g);
}

static const rv_op sort_op = RV_OP(sort, 2, RV_SAVE_INPUT(1), sort_derivative);
static const rv_op topk_op = RV_OP(topk, 2, RV_SAVE_INPUT(1), sort_derivative);
static const rv_op argsort_op = RV_OP(argsort, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);

/* The axis of x, counted from 0; a 0-d x has one. -1 with an error. */
static int axis_of(const char *who, const rv_tensor *x, int axis)
{
    return rv_check(who, 0, x) ? rv_check_axis_along(who, axis, x->ndim) : -1;
}

/* The first `count` along an axis of x, which has one. */
static rv_sorted sorted_along(const rv_op *op, rv_tensor *x, int axis, int64_t count,
                              bool descending)
{
    RV_SCOPE;
    rv_sorted y = none;
    if (!rv_sort_along(op->name, x, axis, count, descending, &y.values, &y.indices))
        return none;
    y.values = rv_record(op, y.values, 2, (rv_tensor *[]){x, y.indices}, &axis, sizeof axis);
    if (y.values == NULL)
        return none;
    return (rv_sorted){rv_keep(y.values), rv_keep(y.indices)};
}

/* The same for a 0-d x too, which is alone on its axis. */
static rv_sorted sorted(const rv_op *op, rv_tensor *x, int axis, int64_t count, bool descending)
{
    if (x->ndim > 0)
        return sorted_along(op, x, axis, count, descending);
    const rv_sorted y = sorted_along(op, rv_reshape(x, 1), 0, count, descending);
    if (y.values == NULL || count == 0)
        return y;
    const rv_sorted flat = {rv_reshape_n(y.values, 0, NULL), rv_reshape_n(y.indices, 0, NULL)};
    return flat.values == NULL || flat.indices == NULL ? none : flat;
}

rv_sorted rv_sort_with(const rv_sort_options *options)
{
    if (options == NULL) {
        rv_fail(RV_ERROR_NULL, "sort", "the options are NULL");
        return none;
    }
    rv_tensor *x = options->input;
    const int axis = axis_of("sort", x, options->axis);
    if (axis < 0)
        return none;
    const int64_t count = x->ndim > 0 ? x->shape[axis] : 1;
    return sorted(&sort_op, x, axis, count, options->descending);
}

rv_tensor *rv_argsort_with(const rv_sort_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "argsort", "the options are NULL");
    rv_tensor *x = options->input, *indices = NULL;
    const int axis = axis_of("argsort", x, options->axis);
    if (axis < 0)
        return NULL;
    if (x->ndim == 0)
        return rv_zeros(RV_I64);
    if (!rv_sort_along("argsort", x, axis, x->shape[axis], options->descending, NULL, &indices))
        return NULL;
    return rv_record(&argsort_op, indices, 1, &x, NULL, 0);
}

rv_sorted rv_topk_with(const rv_topk_options *options)
{
    if (options == NULL) {
        rv_fail(RV_ERROR_NULL, "topk", "the options are NULL");
        return none;
    }
    rv_tensor *x = options->input;
    const int axis = axis_of("topk", x, options->axis);
    if (axis < 0)
        return none;
    const int64_t size = x->ndim > 0 ? x->shape[axis] : 1;
    if (options->k < 0 || options->k > size) {
        rv_fail(RV_ERROR_ARGUMENT, "topk", "k is %lld for axis %d of %s, expected 0 to %lld",
                (long long)options->k, axis, RV_SHAPE_OF(x), (long long)size);
        return none;
    }
    return sorted(&topk_op, x, axis, options->k, !options->smallest);
}

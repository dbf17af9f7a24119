/* op_split.c - split, chunk and unbind: one tensor as several.
 *
 * All pieces are outputs of one node, so that their gradients come back together, as one cat.
 */
#include "autograd/op_support.h"

#include <limits.h>

#include "autograd/node.h"

static void split_derivative(rv_derivative *d)
{
    d->grads[0] = rv_cat(d->gs, d->node->outputs, *(const int *)d->attributes);
}

static const rv_op split_op = RV_OP(split, 1, RV_SAVE_NOTHING, split_derivative);

/* The axis of x counted from 0; -1 with an error. */
static int split_axis(const char *who, const rv_tensor *x, int axis)
{
    return rv_check(who, 0, x) ? rv_check_axis(who, axis, x->ndim) : -1;
}

/* n pieces of x: of the sizes given, or all of `size`, the last being what is left. */
static rv_tensor **split(const char *who, rv_tensor *x, int n, const int64_t *sizes, int64_t size,
                         int axis)
{
    rv_tensor **pieces = rv_tensor_array(n);
    int64_t start = 0;
    for (int i = 0; pieces != NULL && i < n; i++) {
        const int64_t left = x->shape[axis] - start, wanted = sizes != NULL ? sizes[i] : size;
        const int64_t taken = wanted < left ? wanted : left;
        pieces[i] = rv_raw_slice(who, x, axis, start, start + taken, 1);
        start += taken;
        if (pieces[i] == NULL)
            return NULL;
    }
    if (pieces == NULL || !rv_record_many(&split_op, n, pieces, 1, &x, &axis, sizeof axis))
        return NULL;
    return pieces;
}

rv_tensor **rv_split(rv_tensor *x, int64_t size, int axis)
{
    const char *who = "split";
    const int along = split_axis(who, x, axis);
    if (along < 0)
        return NULL;
    if (size < 1)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "pieces of size %lld; expected 1 or more",
                            (long long)size);
    const int64_t all = x->shape[along], n = all / size + (all % size != 0 || all == 0);
    if (n >= INT_MAX)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%lld pieces are too many", (long long)n);
    return split(who, x, (int)n, NULL, size, along);
}

rv_tensor **rv_split_n(rv_tensor *x, int n, const int64_t *sizes, int axis)
{
    const char *who = "split";
    const int along = split_axis(who, x, axis);
    if (along < 0)
        return NULL;
    if (n < 1 || n == INT_MAX)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d pieces; expected 1 or more", n);
    if (sizes == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the sizes are NULL");
    int64_t left = x->shape[along];
    for (int i = 0; i < n; i++) {
        if (sizes[i] < 0 || sizes[i] > left)
            return rv_fail_null(RV_ERROR_SHAPE, who,
                                "piece %d of size %lld, where axis %d of %s has %lld left", i,
                                (long long)sizes[i], along, RV_SHAPE_OF(x), (long long)left);
        left -= sizes[i];
    }
    if (left > 0)
        return rv_fail_null(RV_ERROR_SHAPE, who, "the pieces leave %lld of axis %d of %s",
                            (long long)left, along, RV_SHAPE_OF(x));
    return split(who, x, n, sizes, 0, along);
}

rv_tensor **rv_chunk(rv_tensor *x, int chunks, int axis)
{
    const char *who = "chunk";
    const int along = split_axis(who, x, axis);
    if (along < 0)
        return NULL;
    if (chunks < 1 || chunks == INT_MAX)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d chunks; expected 1 or more", chunks);
    const int64_t all = x->shape[along], size = all / chunks + (all % chunks != 0);
    const int64_t n = size > 0 ? all / size + (all % size != 0) : chunks;
    return split(who, x, (int)n, NULL, size, along);
}

rv_tensor **rv_unbind(rv_tensor *x, int axis)
{
    const char *who = "unbind";
    const int along = split_axis(who, x, axis);
    if (along < 0)
        return NULL;
    const int64_t n = x->shape[along];
    if (n < 1 || n >= INT_MAX)
        return rv_fail_null(RV_ERROR_SHAPE, who, "axis %d of %s makes %lld tensors", along,
                            RV_SHAPE_OF(x), (long long)n);
    rv_tensor **pieces = split(who, x, (int)n, NULL, 1, along);
    for (int i = 0; pieces != NULL && i < n; i++) {
        pieces[i] = rv_squeeze(pieces[i], RV_AXES(along));
        if (pieces[i] == NULL)
            return NULL;
    }
    return pieces;
}

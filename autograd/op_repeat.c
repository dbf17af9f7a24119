/* op_repeat.c - the same elements several times.
 *
 * Both repeat blocks of a tensor seen as [outer, 1, inner]: expanded to [outer, times, inner] and
 * written out. The derivative, a sum over the middle axis, comes with that.
 */
#include "autograd/op_support.h"

#include <string.h>

/* x, whose elements are `outer` blocks, as a tensor of `shape` with each block `times` times. */
static rv_tensor *repeat_blocks(rv_tensor *x, int64_t outer, int64_t times, int ndim,
                                const int64_t *shape)
{
    const int64_t inner = outer > 0 ? x->numel / outer : 0;
    rv_tensor *blocks = rv_expand(rv_reshape(x, outer, 1, inner), outer, times, inner);
    return rv_reshape_n(blocks, ndim, shape);
}

/* `shape[axis]` times `times`; false with an error if that is negative or too large. */
static bool multiply(const char *who, int ndim, int64_t *shape, int axis, int64_t times)
{
    if (times < 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%lld times along axis %d; expected 0 or more",
                       (long long)times, axis);
    rv_shape_buffer text;
    rv_shape_text(&text, ndim, shape);
    return !__builtin_mul_overflow(shape[axis], times, &shape[axis]) ||
           rv_fail(RV_ERROR_SHAPE, who, "%lld times axis %d of %s is too large", (long long)times,
                   axis, text.text);
}

rv_tensor *rv_repeat_n(rv_tensor *x, int n, const int64_t *times)
{
    const char *who = "repeat";
    if (!rv_check(who, 0, x))
        return NULL;
    if (n < x->ndim || n > RV_MAX_DIMENSIONS || (n > 0 && times == NULL))
        return rv_fail_null(RV_ERROR_SHAPE, who, "%d numbers given for %s; expected %d to %d", n,
                            RV_SHAPE_OF(x), x->ndim, RV_MAX_DIMENSIONS);
    RV_SCOPE;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < n; i++)
        shape[i] = i < n - x->ndim ? 1 : x->shape[i - (n - x->ndim)];
    rv_tensor *y = rv_reshape_n(x, n, shape);
    for (int axis = n - 1; y != NULL && axis >= 0; axis--) {
        if (times[axis] == 1)
            continue;
        const int64_t outer = rv_product(axis, shape);
        y = multiply(who, n, shape, axis, times[axis])
                ? repeat_blocks(y, outer, times[axis], n, shape)
                : NULL;
    }
    return rv_keep(y);
}

rv_tensor *rv_repeat_interleave(rv_tensor *x, int64_t times, int axis)
{
    const char *who = "repeat_interleave";
    if (!rv_check(who, 0, x))
        return NULL;
    const int along = rv_check_axis(who, axis, x->ndim);
    if (along < 0)
        return NULL;
    RV_SCOPE;
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, x->shape, sizeof shape);
    const int64_t outer = rv_product(along + 1, shape);
    if (!multiply(who, x->ndim, shape, along, times))
        return NULL;
    return rv_keep(repeat_blocks(x, outer, times, x->ndim, shape));
}

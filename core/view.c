/* view.c - other shapes and strides over the same storage. */

#include <string.h>

#include "core/tensor.h"
#include "core/tensor_make.h"

static rv_tensor *view(const char *who, const rv_tensor *t, char *data, int ndim,
                       const int64_t *shape, const int64_t *strides)
{
    return rv_raw_view(who, t->storage, data, t->dtype, ndim, shape, strides);
}

/* Replaces a size of -1 by what is left, and checks that the elements are as many. */
static bool complete_shape(const char *who, const rv_tensor *t, int ndim, const int64_t *shape,
                           int64_t *complete)
{
    rv_shape_buffer text;
    int64_t known = 1;
    int unknown = -1;
    bool ok = ndim >= 0 && ndim <= RV_MAX_DIMENSIONS && (ndim == 0 || shape != NULL);
    for (int i = 0; ok && i < ndim; i++) {
        complete[i] = shape[i];
        if (shape[i] == -1 && unknown < 0)
            unknown = i;
        else if (shape[i] < 0 || __builtin_mul_overflow(known, shape[i], &known))
            ok = false;
    }
    if (ok && unknown >= 0) {
        ok = known > 0 && t->numel % known == 0;
        complete[unknown] = ok ? t->numel / known : 0;
    } else if (ok) {
        ok = known == t->numel;
    }
    if (ok)
        return true;
    if (ndim < 0 || ndim > RV_MAX_DIMENSIONS || (ndim > 0 && shape == NULL))
        return rv_fail(RV_ERROR_SHAPE, who, "%d dimensions; a tensor has 0 to %d", ndim,
                       RV_MAX_DIMENSIONS);
    return rv_fail(RV_ERROR_SHAPE, who, "%s of %lld elements does not become %s", RV_SHAPE_OF(t),
                   (long long)t->numel, rv_shape_text(&text, ndim, shape));
}

/* Strides that show t's elements under `shape` without a copy; false if there are none. Runs of
 * t's axes that step through memory as one axis are matched with runs of new axes. */
static bool strides_for(const rv_tensor *t, int ndim, const int64_t *shape, int64_t *strides)
{
    if (t->numel == 0 || rv_is_contiguous(t)) {
        int64_t step = 1;
        for (int i = ndim - 1; i >= 0; step *= shape[i--])
            strides[i] = step;
        return true;
    }
    int axis = t->ndim - 1, at = ndim - 1;
    while (axis >= 0) {
        int64_t step = t->strides[axis], size = t->shape[axis];
        for (axis--; axis >= 0 && (t->shape[axis] == 1 || t->strides[axis] == step * size); axis--)
            size *= t->shape[axis];
        for (; at >= 0 && size % shape[at] == 0 && (size > 1 || shape[at] == 1); at--) {
            strides[at] = step;
            step *= shape[at];
            size /= shape[at];
        }
        if (size != 1)
            return false;
    }
    for (; at >= 0; at--)
        strides[at] = 1;
    return true;
}

rv_tensor *rv_raw_reshape(const char *who, const rv_tensor *t, int ndim, const int64_t *shape)
{
    int64_t complete[RV_MAX_DIMENSIONS], strides[RV_MAX_DIMENSIONS];
    if (!rv_check(who, 0, t) || !complete_shape(who, t, ndim, shape, complete))
        return NULL;
    if (strides_for(t, ndim, complete, strides))
        return view(who, t, t->data, ndim, complete, strides);
    rv_tensor *copy = rv_raw_copy(who, t);
    if (copy == NULL)
        return NULL;
    strides_for(copy, ndim, complete, strides);
    return view(who, copy, copy->data, ndim, complete, strides);
}

rv_tensor *rv_raw_permute(const char *who, const rv_tensor *t, int ndim, const int *axes)
{
    if (!rv_check(who, 0, t))
        return NULL;
    if (ndim != t->ndim || (ndim > 0 && axes == NULL))
        return rv_fail_null(RV_ERROR_SHAPE, who, "%d axes given for %s", ndim, RV_SHAPE_OF(t));
    int64_t shape[RV_MAX_DIMENSIONS], strides[RV_MAX_DIMENSIONS];
    uint32_t seen = 0;
    for (int i = 0; i < ndim; i++) {
        const int axis = rv_check_axis(who, axes[i], ndim);
        if (axis < 0)
            return NULL;
        if (seen & (1u << axis))
            return rv_fail_null(RV_ERROR_ARGUMENT, who, "axis %d is given twice", axis);
        seen |= 1u << axis;
        shape[i] = t->shape[axis];
        strides[i] = t->strides[axis];
    }
    return view(who, t, t->data, ndim, shape, strides);
}

/* A bound as NumPy reads it: from the end if negative, then clipped to [0, size]. */
static int64_t clip(int64_t bound, int64_t size)
{
    if (bound < 0)
        bound = bound < -size ? 0 : bound + size;
    return bound > size ? size : bound;
}

rv_tensor *rv_raw_slice(const char *who, const rv_tensor *t, int axis, int64_t start, int64_t stop,
                        int64_t step)
{
    if (!rv_check(who, 0, t))
        return NULL;
    axis = rv_check_axis(who, axis, t->ndim);
    if (axis < 0)
        return NULL;
    if (step <= 0)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "step is %lld; it must be positive",
                            (long long)step);
    int64_t shape[RV_MAX_DIMENSIONS], strides[RV_MAX_DIMENSIONS];
    memcpy(shape, t->shape, sizeof shape);
    memcpy(strides, t->strides, sizeof strides);
    start = clip(start, t->shape[axis]);
    stop = clip(stop, t->shape[axis]);
    shape[axis] = stop > start ? (stop - start - 1) / step + 1 : 0;
    strides[axis] = shape[axis] > 1 ? strides[axis] * step : strides[axis];
    const int64_t skipped = shape[axis] > 0 ? start * t->strides[axis] : 0;
    return view(who, t, t->data + skipped * (int64_t)rv_dtype_size(t->dtype), t->ndim, shape,
                strides);
}

rv_tensor *rv_raw_expand(const char *who, const rv_tensor *t, int ndim, const int64_t *shape)
{
    if (!rv_check(who, 0, t))
        return NULL;
    const int added = ndim - t->ndim;
    if (added < 0 || ndim > RV_MAX_DIMENSIONS || (ndim > 0 && shape == NULL))
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s does not expand to %d dimensions",
                            RV_SHAPE_OF(t), ndim);
    int64_t expanded[RV_MAX_DIMENSIONS], strides[RV_MAX_DIMENSIONS];
    int64_t numel = 1;
    bool ok = true;
    for (int i = 0; i < ndim; i++) {
        const int64_t size = i >= added ? t->shape[i - added] : 1;
        expanded[i] = shape[i] == -1 && i >= added ? size : shape[i];
        strides[i] = i >= added && size == expanded[i] ? t->strides[i - added] : 0;
        ok = ok && expanded[i] >= 0 && (size == expanded[i] || size == 1);
        ok = ok && !__builtin_mul_overflow(numel, expanded[i] > 0 ? expanded[i] : 1, &numel);
    }
    if (!ok)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s does not expand to %s", RV_SHAPE_OF(t),
                            rv_shape_text(RV_SHAPE_BUFFER, ndim, shape));
    return view(who, t, t->data, ndim, expanded, strides);
}

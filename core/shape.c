/* shape.c - shapes as text, axes, and orders of memory. */

#include <stdio.h>
#include <string.h>

#include "core/tensor.h"
#include "core/tensor_make.h"

const char *rv_shape_text(rv_shape_buffer *buffer, int ndim, const int64_t *shape)
{
    char *text = buffer->text;
    size_t used = 0;
    text[used++] = '[';
    for (int i = 0; i < ndim && i < RV_MAX_DIMENSIONS; i++)
        used += (size_t)snprintf(text + used, sizeof buffer->text - used, i ? ",%lld" : "%lld",
                                 (long long)shape[i]);
    snprintf(text + used, sizeof buffer->text - used, "]");
    return text;
}

bool rv_same_shape(const rv_tensor *a, const rv_tensor *b)
{
    return a->ndim == b->ndim &&
           memcmp(a->shape, b->shape, sizeof *a->shape * (size_t)a->ndim) == 0;
}

int rv_check_axis(const char *who, int axis, int ndim)
{
    if (axis >= -ndim && axis < ndim)
        return axis < 0 ? axis + ndim : axis;
    rv_fail(RV_ERROR_SHAPE, who, "axis %d is out of range for %d dimension%s", axis, ndim,
            ndim == 1 ? "" : "s");
    return -1;
}

int rv_check_axis_along(const char *who, int axis, int ndim)
{
    return ndim == 0 && (axis == 0 || axis == -1) ? 0 : rv_check_axis(who, axis, ndim);
}

bool rv_is_contiguous(const rv_tensor *t)
{
    if (t == NULL)
        return false;
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] == 1)
            continue;
        if (t->strides[i] != step && t->numel > 0)
            return false;
        step *= t->shape[i];
    }
    return true;
}

bool rv_is_channels_last(const rv_tensor *t)
{
    if (t == NULL || t->ndim < 2)
        return false;
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        const int axis = i == t->ndim - 1 ? 1 : i > 0 ? i + 1 : 0;
        if (t->shape[axis] == 1)
            continue;
        if (t->strides[axis] != step && t->numel > 0)
            return false;
        step *= t->shape[axis];
    }
    return true;
}

/* The axes from the largest stride to the smallest; equal strides stay in order. */
static void sort_axes(const rv_tensor *t, int axes[RV_MAX_DIMENSIONS])
{
    for (int i = 0; i < t->ndim; i++) {
        int at = i;
        for (; at > 0 && t->strides[axes[at - 1]] < t->strides[i]; at--)
            axes[at] = axes[at - 1];
        axes[at] = i;
    }
}

rv_tensor *rv_make_like(const char *who, const rv_tensor *t, rv_dtype dtype)
{
    rv_tensor *like = rv_make(who, dtype, t->ndim, t->shape);
    if (like == NULL || rv_is_contiguous(t))
        return like;
    int axes[RV_MAX_DIMENSIONS] = {0};
    int64_t strides[RV_MAX_DIMENSIONS], step = 1;
    sort_axes(t, axes);
    for (int i = t->ndim - 1; i >= 0; i--) {
        const int axis = axes[i];
        if (t->shape[axis] != 1 && t->strides[axis] != step)
            return like; /* gaps or overlaps: row-major */
        strides[axis] = step;
        step *= t->shape[axis];
    }
    memcpy(like->strides, strides, sizeof(int64_t) * (size_t)t->ndim);
    return like;
}

rv_tensor *rv_empty_like(const rv_tensor *t)
{
    return rv_check("empty_like", 0, t) ? rv_make_like("empty_like", t, t->dtype) : NULL;
}

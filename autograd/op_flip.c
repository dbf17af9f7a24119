/* op_flip.c - flip and roll: the same shape, other places. */
#include "autograd/op_support.h"

#include <string.h>

/* ---- flip ----------------------------------------------------------------------------------- */

typedef struct flip_attributes {
    int count;
    int axes[RV_MAX_DIMENSIONS];
} flip_attributes;

static void flip_derivative(rv_derivative *d)
{
    const flip_attributes *attributes = d->attributes;
    d->grads[0] = rv_flip_n(d->g, attributes->count, attributes->axes);
}

static const rv_op flip_op = RV_OP(flip, 1, RV_SAVE_NOTHING, flip_derivative);

rv_tensor *rv_flip_n(rv_tensor *x, int n, const int *axes)
{
    const char *who = "flip";
    if (!rv_check(who, 0, x))
        return NULL;
    if (n < 0 || n > x->ndim || (n > 0 && axes == NULL))
        return rv_fail_null(RV_ERROR_SHAPE, who, "%d axes given for %s", n, RV_SHAPE_OF(x));
    RV_SCOPE;
    flip_attributes attributes = {.count = n};
    uint32_t set = 0;
    for (int i = 0; i < n; i++) {
        const int axis = rv_check_axis(who, axes[i], x->ndim);
        if (axis < 0)
            return NULL;
        if (set & 1u << axis)
            return rv_fail_null(RV_ERROR_ARGUMENT, who, "axis %d is given twice", axis);
        set |= 1u << axis;
        attributes.axes[i] = axis;
    }
    const rv_tensor *reversed = rv_reversed(who, x, set);
    rv_tensor *y = reversed == NULL ? NULL : rv_empty_like(x);
    if (y == NULL || !rv_write(who, y, reversed))
        return NULL;
    return rv_keep(rv_record(&flip_op, y, 1, &x, &attributes, sizeof attributes));
}

/* ---- roll ----------------------------------------------------------------------------------- */

typedef struct roll_attributes {
    int axis;
    int64_t shift; /* in [0, size) */
} roll_attributes;

static void roll_derivative(rv_derivative *d)
{
    const roll_attributes *attributes = d->attributes;
    d->grads[0] = rv_roll(d->g, -attributes->shift, attributes->axis);
}

static const rv_op roll_op = RV_OP(roll, 1, RV_SAVE_NOTHING, roll_derivative);

/* Copies elements [from, from + count) of x along the axis to `to` in y. */
static bool move(const char *who, rv_tensor *y, int64_t to, const rv_tensor *x, int64_t from,
                 int64_t count, int axis)
{
    rv_tensor *place = rv_raw_slice(who, y, axis, to, to + count, 1);
    const rv_tensor *part = rv_raw_slice(who, x, axis, from, from + count, 1);
    return place != NULL && part != NULL && rv_write(who, place, part);
}

rv_tensor *rv_roll(rv_tensor *x, int64_t shift, int axis)
{
    const char *who = "roll";
    if (!rv_check(who, 0, x))
        return NULL;
    const int along = rv_check_axis(who, axis, x->ndim);
    if (along < 0)
        return NULL;
    RV_SCOPE;
    const int64_t size = x->shape[along];
    const int64_t rest = size > 0 ? shift % size : 0;
    const roll_attributes attributes = {along, rest < 0 ? rest + size : rest};
    const int64_t first = size - attributes.shift; /* what stays in front of the end */
    rv_tensor *y = rv_empty_like(x);
    if (y == NULL || !move(who, y, attributes.shift, x, 0, first, along) ||
        !move(who, y, 0, x, first, attributes.shift, along))
        return NULL;
    return rv_keep(rv_record(&roll_op, y, 1, &x, &attributes, sizeof attributes));
}

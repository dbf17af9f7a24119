/* copy.c - moving elements: fill, copy, cast. */

#include <math.h>
#include <string.h>

#include "core/elementwise.h"
#include "core/tensor.h"
#include "core/tensor_make.h"

/* A 0-d tensor over `value` that lives on the caller's stack and owns nothing. */
static rv_tensor stack_scalar(rv_dtype dtype, const void *value)
{
    return (rv_tensor){.object = {.mark = RV_OBJECT_ALIVE, .references = 1},
                       .data = (char *)(uintptr_t)value,
                       .dtype = dtype,
                       .numel = 1};
}

static bool transfer(const char *who, rv_tensor *to, const rv_tensor *from)
{
    rv_loop *loop = rv_kernels_get()->cast[from->dtype][to->dtype];
    return rv_elementwise_into(who, loop, to, 1, &from);
}

/* Whether `value` is a whole number (after truncation) that the integer dtype can hold. */
static bool fits(double value, rv_dtype to)
{
    if (to == RV_U8)
        return value > -1 && value < 256;
    return value >= -0x1p63 && value < 0x1p63; /* false for NaN */
}

bool rv_check_fits(const char *who, const rv_tensor *t, rv_dtype to)
{
    if (rv_dtype_is_floating(to) || t->dtype == to || t->dtype == RV_U8 || t->numel == 0)
        return true;
    RV_SCOPE;
    rv_tensor *values = rv_make(who, RV_F64, t->ndim, t->shape);
    if (values == NULL || !transfer(who, values, t))
        return false;
    const double *value = (const double *)values->data;
    for (int64_t i = 0; i < t->numel; i++)
        if (!fits(value[i], to))
            return rv_fail(RV_ERROR_ARGUMENT, who, "%s cannot hold %g", rv_dtype_name(to),
                           value[i]);
    return true;
}

/* In place is for tensors that no gradient flows through, or while nothing is recorded. */
static bool may_change(const char *who, const rv_tensor *t)
{
    if (!rv_check(who, 0, t))
        return false;
    if (t->node != NULL && rv_recording())
        return rv_fail(
            RV_ERROR_GRAPH, who,
            "a tensor that requires a gradient is changed in place only under RV_NO_GRAD");
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] == 0 && t->shape[i] > 1)
            return rv_fail(RV_ERROR_SHAPE, who,
                           "axis %d of %s is expanded: its elements share memory", i,
                           RV_SHAPE_OF(t));
    return true;
}

rv_tensor *rv_fill(rv_tensor *t, double value)
{
    if (!may_change("fill", t))
        return NULL;
    if (!rv_dtype_is_floating(t->dtype) && (!fits(value, t->dtype) || value != trunc(value)))
        return rv_fail_null(RV_ERROR_ARGUMENT, "fill", "%s cannot hold %g", rv_dtype_name(t->dtype),
                            value);
    const rv_tensor scalar = stack_scalar(RV_F64, &value);
    if (!transfer("fill", t, &scalar))
        return NULL;
    rv_touch(t);
    return t;
}

rv_tensor *rv_copy_into(rv_tensor *t, const rv_tensor *from)
{
    const char *who = "copy_into";
    if (!may_change(who, t) || !rv_check(who, 1, from))
        return NULL;
    int added = t->ndim - from->ndim;
    bool broadcasts = added >= 0;
    for (int i = 0; broadcasts && i < from->ndim; i++)
        broadcasts = from->shape[i] == t->shape[i + added] || from->shape[i] == 1;
    if (!broadcasts)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s does not broadcast to %s", RV_SHAPE_OF(from),
                            RV_SHAPE_OF(t));
    RV_SCOPE;
    if (!rv_check_fits(who, from, t->dtype))
        return NULL;
    if (from->storage == t->storage) {
        from = rv_raw_copy(who, from); /* they may overlap */
        if (from == NULL)
            return NULL;
    }
    if (!transfer(who, t, from))
        return NULL;
    rv_touch(t);
    return t;
}

rv_tensor *rv_raw_copy(const char *who, const rv_tensor *t)
{
    if (!rv_check(who, 0, t))
        return NULL;
    rv_tensor *copy = rv_make(who, t->dtype, t->ndim, t->shape);
    return copy != NULL && transfer(who, copy, t) ? copy : NULL;
}

rv_tensor *rv_raw_contiguous(const char *who, const rv_tensor *t)
{
    if (!rv_check(who, 0, t))
        return NULL;
    return rv_is_contiguous(t) ? (rv_tensor *)(uintptr_t)t : rv_raw_copy(who, t);
}

rv_tensor *rv_raw_cast(const char *who, const rv_tensor *t, rv_dtype dtype)
{
    if (!rv_check(who, 0, t))
        return NULL;
    if ((unsigned)dtype >= RV_DTYPE_COUNT)
        return rv_fail_null(RV_ERROR_DTYPE, who, "%d is no dtype", (int)dtype);
    if (!rv_check_fits(who, t, dtype))
        return NULL;
    rv_tensor *cast = rv_make_like(who, t, dtype);
    return cast != NULL && transfer(who, cast, t) ? cast : NULL;
}

bool rv_to_array(const rv_tensor *t, void *array)
{
    if (!rv_check("to_array", 0, t))
        return false;
    if (array == NULL && t->numel > 0)
        return rv_fail(RV_ERROR_NULL, "to_array", "the array is NULL");
    RV_SCOPE;
    const rv_tensor *packed = rv_raw_contiguous("to_array", t);
    if (packed == NULL)
        return false;
    if (t->numel > 0)
        memcpy(array, packed->data, (size_t)t->numel * rv_dtype_size(t->dtype));
    return true;
}

/* op_cat.c - cat and stack: tensors one behind the other. */
#include "autograd/op_support.h"

#include <string.h>

#include "core/memory.h"

/* The attributes: the axis, and where each tensor starts on it; the last entry is the end. */
typedef struct cat_attributes {
    int axis;
    int64_t starts[];
} cat_attributes;

static void cat_derivative(rv_derivative *d)
{
    const cat_attributes *attributes = d->attributes;
    for (int i = 0; i < d->inputs; i++)
        if (d->needs[i])
            d->grads[i] = rv_slice(d->g, .axis = attributes->axis, .start = attributes->starts[i],
                                   .stop = attributes->starts[i + 1]);
}

static const rv_op cat_op = RV_OP(cat, RV_ANY_NUMBER, RV_SAVE_NOTHING, cat_derivative);

/* Whether all tensors fit; fills in the attributes. */
static bool arrange(rv_tensor *const *tensors, int n, int axis, cat_attributes *attributes)
{
    const rv_tensor *first = tensors[0];
    attributes->axis = rv_check("cat", 0, first) ? rv_check_axis("cat", axis, first->ndim) : -1;
    if (attributes->axis < 0)
        return false;
    int64_t end = 0;
    for (int i = 0; i < n; i++) {
        const rv_tensor *t = tensors[i];
        if (!rv_check("cat", i, t) || !rv_check_dtypes("cat", first, t))
            return false;
        bool fits = t->ndim == first->ndim;
        for (int k = 0; fits && k < t->ndim; k++)
            fits = k == attributes->axis || t->shape[k] == first->shape[k];
        if (!fits || t->shape[attributes->axis] > INT64_MAX - end)
            return rv_fail(RV_ERROR_SHAPE, "cat",
                           "input %d is %s, input 0 %s: sizes beside axis %d differ", i,
                           RV_SHAPE_OF(t), RV_SHAPE_OF(first), attributes->axis);
        attributes->starts[i] = end;
        end += t->shape[attributes->axis];
    }
    attributes->starts[n] = end;
    return true;
}

/* The result, with each tensor written into its slice. */
static rv_tensor *joined(rv_tensor *const *tensors, int n, const cat_attributes *attributes)
{
    RV_SCOPE;
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, tensors[0]->shape, sizeof shape);
    shape[attributes->axis] = attributes->starts[n];
    rv_tensor *y = rv_empty_n(tensors[0]->dtype, tensors[0]->ndim, shape);
    for (int i = 0; y != NULL && i < n; i++) {
        rv_tensor *place = rv_raw_slice("cat", y, attributes->axis, attributes->starts[i],
                                        attributes->starts[i + 1], 1);
        if (place == NULL || !rv_write("cat", place, tensors[i]))
            y = NULL;
    }
    return rv_keep(y);
}

rv_tensor *rv_cat(rv_tensor *const *tensors, int n, int axis)
{
    if (tensors == NULL)
        return rv_fail_null(RV_ERROR_NULL, "cat", "the array of tensors is NULL");
    if (n < 1)
        return rv_fail_null(RV_ERROR_ARGUMENT, "cat", "%d tensors; expected 1 or more", n);
    const size_t bytes = sizeof(cat_attributes) + ((size_t)n + 1) * sizeof(int64_t);
    cat_attributes *attributes = rv_memory_get("cat", bytes);
    if (attributes == NULL)
        return NULL;
    rv_tensor *y = NULL;
    if (arrange(tensors, n, axis, attributes))
        y = rv_record(&cat_op, joined(tensors, n, attributes), n, tensors, attributes, bytes);
    rv_memory_put(attributes, bytes);
    return y;
}

/* ---- stack ---------------------------------------------------------------------------------- */

/* The tensors with the new axis into `rows` [n]; false with an error. */
static bool unsqueeze_all(rv_tensor *const *tensors, int n, int axis, rv_tensor **rows)
{
    for (int i = 0; i < n; i++) {
        if (!rv_check("stack", i, tensors[i]) || !rv_check_dtypes("stack", tensors[0], tensors[i]))
            return false;
        if (!rv_same_shape(tensors[0], tensors[i]))
            return rv_fail(RV_ERROR_SHAPE, "stack", "input %d is %s, input 0 %s", i,
                           RV_SHAPE_OF(tensors[i]), RV_SHAPE_OF(tensors[0]));
        rows[i] = rv_unsqueeze(tensors[i], axis);
        if (rows[i] == NULL)
            return false;
    }
    return true;
}

rv_tensor *rv_stack(rv_tensor *const *tensors, int n, int axis)
{
    const char *who = "stack";
    if (tensors == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the array of tensors is NULL");
    if (n < 1)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d tensors; expected 1 or more", n);
    const size_t bytes = (size_t)n * sizeof(rv_tensor *);
    rv_tensor **rows = rv_memory_get(who, bytes);
    if (rows == NULL)
        return NULL;
    RV_SCOPE;
    rv_tensor *y = NULL;
    if (unsqueeze_all(tensors, n, axis, rows))
        y = rv_cat(rows, n, axis < 0 ? axis + tensors[0]->ndim + 1 : axis);
    rv_memory_put(rows, bytes);
    return rv_keep(y);
}

/* op_mask.c - elements that a mask says: masked_fill, masked_select, nonzero. */
#include "autograd/op_support.h"

#include "core/elementwise.h"

/* Whether `mask` is one, and broadcasts with x; the shape of both together. */
static bool check_mask(const char *who, rv_tensor *x, rv_tensor *mask, int *ndim,
                       int64_t shape[RV_MAX_DIMENSIONS])
{
    if (!rv_check(who, 0, x) || !rv_check(who, 1, mask))
        return false;
    if (mask->dtype != RV_U8)
        return rv_fail(RV_ERROR_DTYPE, who, "the mask is %s, expected U8",
                       rv_dtype_name(mask->dtype));
    rv_tensor *const both[] = {x, mask};
    return rv_broadcast_shape(who, 2, both, ndim, shape);
}

/* ---- masked_fill ---------------------------------------------------------------------------- */

rv_tensor *rv_masked_fill(rv_tensor *x, rv_tensor *mask, double value)
{
    const char *who = "masked_fill";
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    if (!check_mask(who, x, mask, &ndim, shape))
        return NULL;
    bool fits = ndim == x->ndim;
    for (int i = 0; fits && i < ndim; i++)
        fits = shape[i] == x->shape[i];
    if (!fits)
        return rv_fail_null(RV_ERROR_SHAPE, who, "the mask is %s, which does not broadcast to %s",
                            RV_SHAPE_OF(mask), RV_SHAPE_OF(x));
    return rv_where(mask, rv_scalar_like(who, x, value), x);
}

/* ---- nonzero -------------------------------------------------------------------------------- */

static const rv_op nonzero_op = RV_OP(nonzero, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);

/* Whether each element of x is not 0, row-major: U8. */
static const rv_tensor *is_set(const char *who, rv_tensor *x)
{
    rv_tensor *const in[] = {x, rv_scalar_like(who, x, 0)};
    rv_tensor *set = in[1] == NULL ? NULL : rv_elementwise(who, RV_LOOP_ne, 2, in);
    return set == NULL ? NULL : rv_raw_contiguous(who, set);
}

static int64_t count_set(const rv_tensor *set)
{
    const uint8_t *bytes = (const uint8_t *)set->data;
    int64_t count = 0;
    for (int64_t i = 0; i < set->numel; i++)
        count += bytes[i];
    return count;
}

/* The row-major numbers of the set elements, `count` of them. Each is written, and counted if it is
 * set: a mask is hard to foretell, and a branch for each element would cost more. */
static void list_numbers(const rv_tensor *set, int64_t count, int64_t *to)
{
    const uint8_t *bytes = (const uint8_t *)set->data;
    int64_t found = 0;
    for (int64_t i = 0; found < count; i++) {
        to[found] = i;
        found += bytes[i];
    }
}

/* The same as coordinates, a row of ndim for each. The numbers wait at the end of the result: none
 * is written over before it is read, as there are as many rows behind it as numbers. */
static void list_coordinates(const rv_tensor *set, int64_t count, int64_t *to)
{
    const int last = set->ndim - 1;
    const int64_t width = set->shape[last], *number = to + count * last;
    int64_t at[RV_MAX_DIMENSIONS] = {0}, start = 0; /* the line of the set that we are in */
    list_numbers(set, count, to + count * last);
    for (int64_t i = 0; i < count; i++, to += set->ndim) {
        const int64_t next = number[i];
        for (; next - start >= width; start += width)
            for (int axis = last - 1; axis >= 0 && ++at[axis] == set->shape[axis]; axis--)
                at[axis] = 0;
        for (int axis = 0; axis < last; axis++)
            to[axis] = at[axis];
        to[last] = next - start;
    }
}

/* Where the set elements are: [count, ndim], or [count] row-major numbers if `flat`. */
static rv_tensor *places(const rv_tensor *set, bool flat)
{
    const int64_t shape[] = {count_set(set), set->ndim};
    rv_tensor *y = rv_empty_n(RV_I64, flat ? 1 : 2, shape);
    if (y == NULL || y->numel == 0)
        return y;
    int64_t *to = (int64_t *)(void *)y->data;
    if (flat || set->ndim == 1)
        list_numbers(set, shape[0], to);
    else
        list_coordinates(set, shape[0], to);
    return y;
}

rv_tensor *rv_nonzero(rv_tensor *x)
{
    RV_SCOPE;
    const rv_tensor *set = rv_check("nonzero", 0, x) ? is_set("nonzero", x) : NULL;
    rv_tensor *y = set == NULL ? NULL : places(set, false);
    return rv_keep(rv_record(&nonzero_op, y, 1, &x, NULL, 0));
}

/* ---- masked_select -------------------------------------------------------------------------- */

rv_tensor *rv_masked_select(rv_tensor *x, rv_tensor *mask)
{
    const char *who = "masked_select";
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    RV_SCOPE;
    if (!check_mask(who, x, mask, &ndim, shape))
        return NULL;
    rv_tensor *whole = rv_raw_expand(who, mask, ndim, shape);
    const rv_tensor *set = whole == NULL ? NULL : is_set(who, whole);
    rv_tensor *index = set == NULL ? NULL : places(set, true);
    if (index == NULL)
        return NULL;
    rv_tensor *all = rv_reshape(rv_expand_n(x, ndim, shape), set->numel);
    return rv_keep(rv_gather(all, 0, index));
}

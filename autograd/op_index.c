/* op_index.c - gather and scatter_add: elements by their index along one axis.
 *
 * gather_grad, which puts what was gathered back among zeros, is gather's derivative, and gather
 * that of gather_grad and scatter_add. Where one index stands for a whole row (index_select,
 * index_add), it is expanded over the row, which core/indexed.h moves as a whole.
 */
#include "autograd/op_support.h"

#include "core/indexed.h"

/* ---- checks --------------------------------------------------------------------------------- */

/* Whether `index` is of I64; false with an error under `who`. */
static bool check_index_dtype(const char *who, const rv_tensor *index)
{
    return index->dtype == RV_I64 || rv_fail(RV_ERROR_DTYPE, who, "the index is %s, expected I64",
                                             rv_dtype_name(index->dtype));
}

/* Whether index can index a tensor of `shape` along `axis`; axis comes back counted from 0, -1 with
 * an error. */
static int check_index(const char *who, int ndim, const int64_t *shape, int axis,
                       const rv_tensor *index)
{
    const int along = rv_check_axis_along(who, axis, ndim);
    if (along < 0 || !rv_check(who, 1, index) || !check_index_dtype(who, index))
        return -1;
    bool fits = index->ndim == ndim;
    for (int i = 0; fits && i < ndim; i++)
        fits = i == along || index->shape[i] <= shape[i];
    if (fits)
        return along;
    rv_fail(RV_ERROR_SHAPE, who, "index %s does not lie within %s beside axis %d",
            RV_SHAPE_OF(index), rv_shape_text(RV_SHAPE_BUFFER, ndim, shape), along);
    return -1;
}

/* ---- gather --------------------------------------------------------------------------------- */

static void gather_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const int axis = *(const int *)d->attributes;
    d->grads[0] = rv_gather_grad(d->g, in.ndim, in.shape, axis, rv_saved_input(d, 1));
}

static const rv_op gather_op = RV_OP(gather, 2, RV_SAVE_INPUT(1), gather_derivative);

/* Gathers and records; `named` is the index as the caller gave it. */
static rv_tensor *gather(const char *who, rv_tensor *x, int axis, rv_tensor *index,
                         const rv_tensor *named)
{
    rv_tensor *y = index == NULL ? NULL : rv_empty_n(x->dtype, index->ndim, index->shape);
    if (y == NULL)
        return NULL;
    if (!rv_take(y, x, axis, index))
        return rv_fail_index(who, named, x->shape[axis]);
    rv_tensor *const in[] = {x, index};
    return rv_record(&gather_op, y, 2, in, &axis, sizeof axis);
}

rv_tensor *rv_gather(rv_tensor *x, int axis, rv_tensor *index)
{
    const char *who = "gather";
    if (!rv_check(who, 0, x))
        return NULL;
    const int along = check_index(who, x->ndim, x->shape, axis, index);
    return along < 0 ? NULL : gather(who, x, along, index, index);
}

/* ---- gather_grad ---------------------------------------------------------------------------- */

static void gather_grad_derivative(rv_derivative *d)
{
    d->grads[0] = rv_gather(d->g, *(const int *)d->attributes, rv_saved_input(d, 1));
}

static const rv_op gather_grad_op = RV_OP(gather_grad, 2, RV_SAVE_INPUT(1), gather_grad_derivative);

rv_tensor *rv_gather_grad(rv_tensor *g, int ndim, const int64_t *shape, int axis, rv_tensor *index)
{
    const char *who = "gather_grad";
    if (!rv_check(who, 0, g))
        return NULL;
    rv_tensor *y = rv_zeros_n(g->dtype, ndim, shape);
    const int along = y == NULL ? -1 : check_index(who, ndim, shape, axis, index);
    if (along < 0)
        return NULL;
    if (!rv_same_shape(index, g))
        return rv_fail_null(RV_ERROR_SHAPE, who, "index %s and gradient %s differ",
                            RV_SHAPE_OF(index), RV_SHAPE_OF(g));
    if (!rv_put_add(y, along, index, g))
        return rv_fail_index(who, index, y->shape[along]);
    rv_tensor *const in[] = {g, index};
    return rv_record(&gather_grad_op, y, 2, in, &along, sizeof along);
}

/* ---- scatter_add ---------------------------------------------------------------------------- */

static void scatter_add_derivative(rv_derivative *d)
{
    const int axis = *(const int *)d->attributes;
    d->grads[0] = d->g;
    if (d->needs[2])
        d->grads[2] = rv_gather(d->g, axis, rv_saved_input(d, 1));
}

static const rv_op scatter_add_op = RV_OP(scatter_add, 3, RV_SAVE_INPUT(1), scatter_add_derivative);

/* Adds and records; `named` is the index as the caller gave it. */
static rv_tensor *scatter_add(const char *who, rv_tensor *x, int axis, rv_tensor *index,
                              rv_tensor *source, const rv_tensor *named)
{
    rv_tensor *y = index == NULL ? NULL : rv_raw_copy(who, x);
    if (y == NULL)
        return NULL;
    if (!rv_put_add(y, axis, index, source))
        return rv_fail_index(who, named, x->shape[axis]);
    rv_tensor *const in[] = {x, index, source};
    return rv_record(&scatter_add_op, y, 3, in, &axis, sizeof axis);
}

rv_tensor *rv_scatter_add(rv_tensor *x, int axis, rv_tensor *index, rv_tensor *source)
{
    const char *who = "scatter_add";
    if (!rv_check(who, 0, x))
        return NULL;
    const int along = check_index(who, x->ndim, x->shape, axis, index);
    if (along < 0 || !rv_check(who, 2, source) || !rv_check_dtypes(who, x, source))
        return NULL;
    if (!rv_same_shape(index, source))
        return rv_fail_null(RV_ERROR_SHAPE, who, "index %s and source %s differ",
                            RV_SHAPE_OF(index), RV_SHAPE_OF(source));
    return scatter_add(who, x, along, index, source, index);
}

/* ---- index_select, index_add ---------------------------------------------------------------- */

/* The shape of x with as many elements along `axis` as the index has: 1-d, or 0-d for one. The axis
 * counted from 0, -1 with an error. */
static int selected_shape(const char *who, const rv_tensor *x, int axis, const rv_tensor *index,
                          int64_t shape[RV_MAX_DIMENSIONS])
{
    if (!rv_check(who, 0, x) || !rv_check(who, 1, index) || !check_index_dtype(who, index))
        return -1;
    const int along = rv_check_axis_along(who, axis, x->ndim);
    if (along < 0)
        return -1;
    if (index->ndim > 1 || (x->ndim == 0 && index->numel != 1)) {
        rv_fail(RV_ERROR_SHAPE, who, "the index is %s, expected %s", RV_SHAPE_OF(index),
                x->ndim == 0 ? "one element for a 0-d tensor" : "one axis");
        return -1;
    }
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == along ? index->numel : x->shape[i];
    return along;
}

/* The index as one of `shape`: the same for all elements beside the axis. */
static rv_tensor *over_rows(const char *who, rv_tensor *index, int axis, int ndim,
                            const int64_t *shape)
{
    int64_t own[RV_MAX_DIMENSIONS];
    for (int i = 0; i < ndim; i++)
        own[i] = i == axis ? index->numel : 1;
    const rv_tensor *column = rv_raw_reshape(who, index, ndim, own);
    return column == NULL ? NULL : rv_raw_expand(who, column, ndim, shape);
}

rv_tensor *rv_index_select(rv_tensor *x, int axis, rv_tensor *index)
{
    const char *who = "index_select";
    int64_t shape[RV_MAX_DIMENSIONS];
    const int along = selected_shape(who, x, axis, index, shape);
    if (along < 0)
        return NULL;
    return gather(who, x, along, over_rows(who, index, along, x->ndim, shape), index);
}

rv_tensor *rv_index_add(rv_tensor *x, int axis, rv_tensor *index, rv_tensor *source)
{
    const char *who = "index_add";
    int64_t shape[RV_MAX_DIMENSIONS];
    const int along = selected_shape(who, x, axis, index, shape);
    if (along < 0 || !rv_check(who, 2, source) || !rv_check_dtypes(who, x, source))
        return NULL;
    bool fits = source->ndim == x->ndim;
    for (int i = 0; fits && i < x->ndim; i++)
        fits = source->shape[i] == shape[i];
    if (!fits)
        return rv_fail_null(RV_ERROR_SHAPE, who, "the source is %s, expected %s",
                            RV_SHAPE_OF(source), rv_shape_text(RV_SHAPE_BUFFER, x->ndim, shape));
    return scatter_add(who, x, along, over_rows(who, index, along, x->ndim, shape), source, index);
}

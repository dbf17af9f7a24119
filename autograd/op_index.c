/* op_index.c - gather and scatter_add: elements by their index along one axis.
 *
 * They are each other's derivative. Both walk the index in row-major order on one thread, so that
 * what is added twice to the same place is always added in the same order.
 */
#include "autograd/op_support.h"

#include <string.h>

/* A place in the index and, without the coordinate that the index gives, in the tensor that is
 * indexed; `along` is a tensor that lies along the index. */
typedef struct walk {
    const rv_tensor *index, *indexed, *along;
    int axis;
    int64_t at[RV_MAX_DIMENSIONS];
    int64_t index_offset, indexed_offset, along_offset; /* in elements */
} walk;

static void step(walk *w)
{
    for (int i = w->index->ndim - 1; i >= 0; i--) {
        const int64_t size = w->index->shape[i];
        const bool wraps = ++w->at[i] == size;
        const int64_t by = wraps ? 1 - size : 1;
        w->index_offset += by * w->index->strides[i];
        w->along_offset += by * w->along->strides[i];
        if (i != w->axis)
            w->indexed_offset += by * w->indexed->strides[i];
        if (!wraps)
            return;
        w->at[i] = 0;
    }
}

/* The offset of the element that the index names here, in elements; -1 with an error if there is
 * none. */
static int64_t named_offset(const char *who, const walk *w)
{
    const int64_t named = ((const int64_t *)w->index->data)[w->index_offset];
    const int64_t size = w->indexed->shape[w->axis];
    if (named < 0 || named >= size) {
        rv_fail(RV_ERROR_INDEX, who, "index %lld at %s is not in [0, %lld)", (long long)named,
                rv_shape_text(RV_SHAPE_BUFFER, w->index->ndim, w->at), (long long)size);
        return -1;
    }
    return w->indexed_offset + named * w->indexed->strides[w->axis];
}

/* Whether index can index x along `axis`; axis comes back counted from 0, -1 with an error. */
static int check_index(const char *who, const rv_tensor *x, int axis, const rv_tensor *index)
{
    if (!rv_check(who, 0, x) || !rv_check(who, 1, index))
        return -1;
    const int along = rv_check_axis(who, axis, x->ndim);
    if (along < 0)
        return -1;
    bool fits = index->ndim == x->ndim;
    for (int i = 0; fits && i < x->ndim; i++)
        fits = i == along || index->shape[i] <= x->shape[i];
    if (index->dtype != RV_I64)
        rv_fail(RV_ERROR_DTYPE, who, "the index is %s, expected I64", rv_dtype_name(index->dtype));
    else if (!fits)
        rv_fail(RV_ERROR_SHAPE, who, "index %s does not lie within %s beside axis %d",
                RV_SHAPE_OF(index), RV_SHAPE_OF(x), along);
    else
        return along;
    return -1;
}

/* ---- gather --------------------------------------------------------------------------------- */

static void gather_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const int axis = *(const int *)d->attributes;
    rv_tensor *zeros = rv_zeros_n(in.dtype, in.ndim, in.shape);
    d->grads[0] = rv_scatter_add(zeros, axis, rv_saved_input(d, 1), d->g);
}

static const rv_op gather_op = RV_OP(gather, 2, RV_SAVE_INPUT(1), gather_derivative);

/* memcpy, inlined for the sizes that there are. */
static void copy_element(size_t size, char *to, const char *from)
{
    switch (size) {
    case 8: memcpy(to, from, 8); break;
    case 4: memcpy(to, from, 4); break;
    default: *to = *from; break;
    }
}

rv_tensor *rv_gather(rv_tensor *x, int axis, rv_tensor *index)
{
    const int along = check_index("gather", x, axis, index);
    if (along < 0)
        return NULL;
    rv_tensor *y = rv_empty_n(x->dtype, index->ndim, index->shape);
    if (y == NULL)
        return NULL;
    const size_t size = rv_dtype_size(x->dtype);
    walk w = {.index = index, .indexed = x, .along = y, .axis = along};
    for (int64_t i = 0; i < index->numel; i++, step(&w)) {
        const int64_t from = named_offset("gather", &w);
        if (from < 0)
            return NULL;
        copy_element(size, y->data + (size_t)w.along_offset * size, x->data + (size_t)from * size);
    }
    rv_tensor *const in[] = {x, index};
    return rv_record(&gather_op, y, 2, in, &along, sizeof along);
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

/* Integers wrap around, so they are added without a sign. */
static void add_element(rv_dtype dtype, void *to, const void *term)
{
    switch (dtype) {
    case RV_F32: *(float *)to += *(const float *)term; break;
    case RV_F64: *(double *)to += *(const double *)term; break;
    case RV_I64: *(uint64_t *)to += *(const uint64_t *)term; break;
    default: *(uint8_t *)to = (uint8_t)(*(uint8_t *)to + *(const uint8_t *)term); break;
    }
}

rv_tensor *rv_scatter_add(rv_tensor *x, int axis, rv_tensor *index, rv_tensor *source)
{
    const char *who = "scatter_add";
    const int along = check_index(who, x, axis, index);
    if (along < 0 || !rv_check(who, 2, source) || !rv_check_dtypes(who, x, source))
        return NULL;
    if (!rv_same_shape(index, source))
        return rv_fail_null(RV_ERROR_SHAPE, who, "index %s and source %s differ",
                            RV_SHAPE_OF(index), RV_SHAPE_OF(source));
    rv_tensor *y = rv_raw_copy(who, x);
    if (y == NULL)
        return NULL;
    const size_t size = rv_dtype_size(x->dtype);
    walk w = {.index = index, .indexed = y, .along = source, .axis = along};
    for (int64_t i = 0; i < index->numel; i++, step(&w)) {
        const int64_t to = named_offset(who, &w);
        if (to < 0)
            return NULL;
        add_element(x->dtype, y->data + (size_t)to * size,
                    source->data + (size_t)w.along_offset * size);
    }
    rv_tensor *const in[] = {x, index, source};
    return rv_record(&scatter_add_op, y, 3, in, &along, sizeof along);
}

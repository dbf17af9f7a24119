/* op_diagonal.c - diagonals and triangles of matrices, which are the last two axes.
 *
 * A diagonal is a view: its stride is that of a row and a column together. diagonal and diag_embed
 * are each other's derivative, a triangle is its own.
 */
#include "autograd/op_support.h"

#include <string.h>

/* The view of a diagonal: `offset` columns above the main one, or rows below it if negative. */
static rv_tensor *view_of(const char *who, const rv_tensor *x, int64_t offset)
{
    if (!rv_check(who, 0, x))
        return NULL;
    if (x->ndim < 2)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s is no matrix", RV_SHAPE_OF(x));
    const int row = x->ndim - 2, column = x->ndim - 1;
    /* An offset beyond the matrix leaves nothing of it, and INT64_MIN has no positive counterpart.
     */
    const int64_t down = offset >= 0 ? 0 : offset < -x->shape[row] ? x->shape[row] : -offset;
    const int64_t right = offset <= 0 ? 0 : offset > x->shape[column] ? x->shape[column] : offset;
    const int64_t rows = x->shape[row] - down, columns = x->shape[column] - right;
    int64_t shape[RV_MAX_DIMENSIONS], strides[RV_MAX_DIMENSIONS];
    memcpy(shape, x->shape, sizeof shape);
    memcpy(strides, x->strides, sizeof strides);
    shape[row] = rows < columns ? rows : columns;
    strides[row] += strides[column];
    const int64_t skipped =
        shape[row] == 0 ? 0 : down * x->strides[row] + right * x->strides[column];
    char *data = x->data + skipped * (int64_t)rv_dtype_size(x->dtype);
    return rv_raw_view(who, x->storage, data, x->dtype, column, shape, strides);
}

/* ---- diagonal ------------------------------------------------------------------------------- */

/* t with `size` elements along an axis: cut at its end, or with zeros behind it. */
static rv_tensor *resized(rv_tensor *t, int axis, int64_t size)
{
    if (t == NULL || t->shape[axis] == size)
        return t;
    if (t->shape[axis] > size)
        return rv_slice(t, .axis = axis, .stop = size);
    int64_t before[RV_MAX_DIMENSIONS] = {0}, after[RV_MAX_DIMENSIONS] = {0};
    after[axis] = size - t->shape[axis];
    return rv_pad(t, before, after, 0);
}

static void diagonal_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const int64_t offset = *(const int64_t *)d->attributes;
    const int row = in.ndim - 2, column = in.ndim - 1;
    if (d->g->numel == 0) /* nor is there room for a square with that offset, perhaps */
        d->grads[0] = rv_zeros_n(in.dtype, in.ndim, in.shape);
    else
        d->grads[0] = resized(resized(rv_diag_embed(d->g, offset), row, in.shape[row]), column,
                              in.shape[column]);
}

static const rv_op diagonal_op = RV_OP(diagonal, 1, RV_SAVE_NOTHING, diagonal_derivative);

rv_tensor *rv_diagonal(rv_tensor *x, int64_t offset)
{
    rv_tensor *y = view_of("diagonal", x, offset);
    return rv_record(&diagonal_op, y, 1, &x, &offset, sizeof offset);
}

/* ---- diag_embed ----------------------------------------------------------------------------- */

static void diag_embed_derivative(rv_derivative *d)
{
    d->grads[0] = rv_diagonal(d->g, *(const int64_t *)d->attributes);
}

static const rv_op diag_embed_op = RV_OP(diag_embed, 1, RV_SAVE_NOTHING, diag_embed_derivative);

rv_tensor *rv_diag_embed(rv_tensor *x, int64_t offset)
{
    const char *who = "diag_embed";
    if (!rv_check(who, 0, x))
        return NULL;
    if (x->ndim < 1 || x->ndim == RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s; expected 1 to %d axes", RV_SHAPE_OF(x),
                            RV_MAX_DIMENSIONS - 1);
    const int last = x->ndim - 1;
    const int64_t room = INT64_MAX - x->shape[last];
    if (offset > room || offset < -room)
        return rv_fail_null(RV_ERROR_SHAPE, who, "offset %lld is too large", (long long)offset);
    RV_SCOPE;
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, x->shape, sizeof shape);
    shape[last] = shape[last + 1] = x->shape[last] + (offset < 0 ? -offset : offset);
    rv_tensor *y = rv_zeros_n(x->dtype, x->ndim + 1, shape);
    rv_tensor *place = y == NULL ? NULL : view_of(who, y, offset);
    if (place == NULL || !rv_write(who, place, x))
        return NULL;
    return rv_keep(rv_record(&diag_embed_op, y, 1, &x, &offset, sizeof offset));
}

rv_tensor *rv_diag(rv_tensor *x, int64_t offset)
{
    if (!rv_check("diag", 0, x))
        return NULL;
    if (x->ndim == 1)
        return rv_diag_embed(x, offset);
    if (x->ndim == 2)
        return rv_diagonal(x, offset);
    return rv_fail_null(RV_ERROR_SHAPE, "diag", "%s is neither a vector nor a matrix",
                        RV_SHAPE_OF(x));
}

/* ---- tril, triu ----------------------------------------------------------------------------- */

typedef struct triangle {
    const rv_tensor *x; /* row-major */
    rv_tensor *y;
    bool upper;
    int64_t offset; /* the diagonal that is part of the triangle, within the matrix or one beyond */
} triangle;

/* Some rows: up to `split`, and from there on, one part is copied and the other 0. */
static void fill_rows(void *context, int64_t first, int64_t count)
{
    const triangle *t = context;
    const int64_t rows = t->x->shape[t->x->ndim - 2], columns = t->x->shape[t->x->ndim - 1];
    const int64_t size = (int64_t)rv_dtype_size(t->x->dtype);
    for (int64_t i = first; i < first + count; i++) {
        const int64_t diagonal = i % rows + t->offset + (t->upper ? 0 : 1);
        const int64_t split = diagonal < 0 ? 0 : diagonal > columns ? columns : diagonal;
        char *to = t->y->data + i * columns * size;
        const char *from = t->x->data + i * columns * size;
        const size_t low = (size_t)(split * size), all = (size_t)(columns * size);
        if (t->upper) {
            memset(to, 0, low);
            memcpy(to + low, from + low, all - low);
        } else {
            memcpy(to, from, low);
            memset(to + low, 0, all - low);
        }
    }
}

static rv_tensor *make_triangle(const char *who, const rv_tensor *x, bool upper, int64_t offset)
{
    if (!rv_check(who, 0, x))
        return NULL;
    if (x->ndim < 2)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s is no matrix", RV_SHAPE_OF(x));
    RV_SCOPE;
    const int64_t rows = x->shape[x->ndim - 2], columns = x->shape[x->ndim - 1];
    const rv_tensor *packed = rv_raw_contiguous(who, x);
    rv_tensor *y = packed == NULL ? NULL : rv_empty_n(x->dtype, x->ndim, x->shape);
    if (y == NULL || y->numel == 0)
        return rv_keep(y);
    triangle t = {.x = packed, .y = y, .upper = upper};
    t.offset = offset < -rows ? -rows : offset > columns ? columns : offset;
    rv_run_rows(y->numel / columns, columns, fill_rows, &t);
    return rv_keep(y);
}

static void tril_derivative(rv_derivative *d)
{
    d->grads[0] = rv_tril(d->g, *(const int64_t *)d->attributes);
}

static const rv_op tril_op = RV_OP(tril, 1, RV_SAVE_NOTHING, tril_derivative);

rv_tensor *rv_tril(rv_tensor *x, int64_t offset)
{
    rv_tensor *y = make_triangle("tril", x, false, offset);
    return rv_record(&tril_op, y, 1, &x, &offset, sizeof offset);
}

static void triu_derivative(rv_derivative *d)
{
    d->grads[0] = rv_triu(d->g, *(const int64_t *)d->attributes);
}

static const rv_op triu_op = RV_OP(triu, 1, RV_SAVE_NOTHING, triu_derivative);

rv_tensor *rv_triu(rv_tensor *x, int64_t offset)
{
    rv_tensor *y = make_triangle("triu", x, true, offset);
    return rv_record(&triu_op, y, 1, &x, &offset, sizeof offset);
}

/* op_matrix.c - what the operations of linear algebra share.
 *
 * Diagonals are slices of the flattened matrix: every (columns + 1)-th element. So they can be
 * differentiated without operations of their own.
 */
#include "autograd/op_matrix.h"

#include <float.h>
#include <string.h>

/* ---- checks -----------------------------------------------------------------------------------
 */

bool rv_check_matrix(const char *who, int input, const rv_tensor *t)
{
    if (!rv_check_floating(who, input, t))
        return false;
    if (t->ndim < 2)
        return rv_fail(RV_ERROR_SHAPE, who, "input %d is %s, expected a matrix [..,rows,columns]",
                       input, RV_SHAPE_OF(t));
    return true;
}

bool rv_check_square(const char *who, int input, const rv_tensor *t)
{
    if (!rv_check_matrix(who, input, t))
        return false;
    if (t->shape[t->ndim - 2] != t->shape[t->ndim - 1])
        return rv_fail(RV_ERROR_SHAPE, who, "input %d is %s, expected a square matrix [..,n,n]",
                       input, RV_SHAPE_OF(t));
    return true;
}

bool rv_broadcast_matrices(const char *who, const rv_tensor *a, const rv_tensor *b, int64_t rows,
                           int64_t columns, int *ndim, int64_t shape[RV_MAX_DIMENSIONS])
{
    *ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int i = 0; i < *ndim - 2; i++) {
        const int at_a = i - (*ndim - a->ndim), at_b = i - (*ndim - b->ndim);
        const int64_t size_a = at_a < 0 ? 1 : a->shape[at_a];
        const int64_t size_b = at_b < 0 ? 1 : b->shape[at_b];
        if (size_a != size_b && size_a != 1 && size_b != 1)
            return rv_fail(RV_ERROR_SHAPE, who,
                           "%s and %s do not fit: their leading axes do not broadcast",
                           RV_SHAPE_OF(a), RV_SHAPE_OF(b));
        shape[i] = size_a == 1 ? size_b : size_a;
    }
    shape[*ndim - 2] = rows;
    shape[*ndim - 1] = columns;
    return true;
}

/* ---- right-hand sides -------------------------------------------------------------------------
 */

static bool is_vector(const rv_tensor *a, const rv_tensor *b, int64_t rows)
{
    if (b->ndim == 1)
        return true;
    if (b->ndim != a->ndim - 1 || b->shape[b->ndim - 1] != rows)
        return false;
    return memcmp(a->shape, b->shape, (size_t)(a->ndim - 2) * sizeof *a->shape) == 0;
}

rv_tensor *rv_right_side(const char *who, const rv_tensor *a, rv_tensor *b, int64_t rows,
                         bool *vector)
{
    if (b->ndim == 0)
        return rv_fail_null(RV_ERROR_SHAPE, who, "the right-hand side is [], expected [%lld,..]",
                            (long long)rows);
    *vector = is_vector(a, b, rows);
    if (b->shape[b->ndim - (*vector ? 1 : 2)] != rows)
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "%s and %s do not fit: the right-hand side takes %lld rows",
                            RV_SHAPE_OF(a), RV_SHAPE_OF(b), (long long)rows);
    return *vector ? rv_as_columns(b) : b;
}

rv_tensor *rv_as_right_side(rv_tensor *x, bool vector)
{
    return vector && x != NULL ? rv_reshape_n(x, x->ndim - 1, x->shape) : x;
}

/* ---- parts ------------------------------------------------------------------------------------
 */

rv_tensor *rv_transposed(rv_tensor *x)
{
    return rv_transpose(x, -1, -2);
}

rv_tensor *rv_symmetric_part(rv_tensor *x)
{
    return rv_mul_scalar(rv_add(x, rv_transposed(x)), 0.5);
}

/* The slice of a flattened matrix that is its diagonal. */
static rv_slice_options diagonal_slice(int axis, int64_t rows, int64_t columns)
{
    const int64_t count = rows < columns ? rows : columns;
    return (rv_slice_options){.axis = axis, .stop = count * (columns + 1), .step = columns + 1};
}

rv_tensor *rv_diagonal_of(rv_tensor *x)
{
    if (x == NULL)
        return NULL;
    const int last = x->ndim - 2;
    const int64_t rows = x->shape[last], columns = x->shape[last + 1];
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, x->shape, sizeof shape);
    shape[last] = rows * columns;
    rv_slice_options slice = diagonal_slice(last, rows, columns);
    slice.input = rv_reshape_n(x, last + 1, shape);
    return rv_slice_with(&slice);
}

rv_tensor *rv_diagonal_matrix(rv_tensor *diagonal)
{
    if (diagonal == NULL || diagonal->ndim == 0)
        return NULL;
    const int last = diagonal->ndim - 1;
    const int64_t n = diagonal->shape[last];
    int64_t shape[RV_MAX_DIMENSIONS + 1];
    memcpy(shape, diagonal->shape, sizeof diagonal->shape);
    shape[last] = n * n;
    const rv_slice_options slice = diagonal_slice(last, n, n);
    rv_tensor *flat = rv_slice_grad(diagonal, last + 1, shape, &slice);
    shape[last] = shape[last + 1] = n;
    return rv_reshape_n(flat, last + 2, shape);
}

rv_tensor *rv_pattern(rv_dtype dtype, int64_t rows, int64_t columns, double below, double on,
                      double above)
{
    const int64_t shape[] = {rows, columns};
    rv_tensor *t = rv_empty_n(dtype, 2, shape);
    for (int64_t i = 0; t != NULL && i < t->numel; i++) {
        const int64_t row = i / columns, column = i % columns;
        const double value = column < row ? below : column == row ? on : above;
        if (dtype == RV_F32)
            ((float *)t->data)[i] = (float)value;
        else
            ((double *)t->data)[i] = value;
    }
    return t;
}

rv_tensor *rv_as_rows(rv_tensor *x)
{
    if (x == NULL)
        return NULL;
    int64_t shape[RV_MAX_DIMENSIONS + 1];
    memcpy(shape, x->shape, sizeof x->shape);
    shape[x->ndim] = x->ndim > 0 ? x->shape[x->ndim - 1] : 1;
    if (x->ndim > 0)
        shape[x->ndim - 1] = 1;
    return rv_reshape_n(x, x->ndim + 1, shape);
}

rv_tensor *rv_as_columns(rv_tensor *x)
{
    if (x == NULL)
        return NULL;
    int64_t shape[RV_MAX_DIMENSIONS + 1];
    memcpy(shape, x->shape, sizeof x->shape);
    shape[x->ndim] = 1;
    return rv_reshape_n(x, x->ndim + 1, shape);
}

double rv_rtol_of_shape(const rv_tensor *a)
{
    const int64_t m = a->shape[a->ndim - 2], n = a->shape[a->ndim - 1];
    return (double)(m > n ? m : n) * (a->dtype == RV_F32 ? (double)FLT_EPSILON : DBL_EPSILON);
}

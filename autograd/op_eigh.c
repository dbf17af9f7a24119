/* op_eigh.c - eigenvalues and eigenvectors of symmetric matrices. */
#include "autograd/graph.h"
#include "autograd/op_matrix.h"

#include "core/lapack.h"

/* v (diag(g_values) + skew(v' g_vectors) / e) v', e_ij = values_j - values_i (Giles 2008, 3.1).
 * What moves the values alone is finite where two of them are equal. */
static void eigh_derivative(rv_derivative *d)
{
    rv_tensor *values = rv_saved_output_at(d, 0), *v = rv_saved_output_at(d, 1);
    rv_tensor *transposed = rv_transposed(v);
    if (transposed == NULL)
        return;
    rv_tensor *middle = NULL;
    if (d->arrived[1]) {
        const int64_t n = v->shape[v->ndim - 1];
        rv_tensor *turned = rv_matmul(transposed, d->gs[1]);
        rv_tensor *skew = rv_mul_scalar(rv_sub(turned, rv_transposed(turned)), 0.5);
        rv_tensor *gaps = rv_sub(rv_as_rows(values), rv_as_columns(values));
        middle = rv_div(skew, rv_add(gaps, rv_pattern(v->dtype, n, n, 0, 1, 0)));
    }
    if (d->arrived[0] && middle == NULL)
        d->grads[0] = rv_matmul(rv_mul(v, rv_as_rows(d->gs[0])), transposed);
    else if (d->arrived[0])
        middle = rv_add(middle, rv_diagonal_matrix(d->gs[0]));
    if (middle != NULL)
        d->grads[0] = rv_matmul(rv_matmul(v, middle), transposed);
}

static const rv_op eigh_op = RV_OP(eigh, 1, RV_SAVE_OUTPUT, eigh_derivative);

/* The values, and the vectors unless `vectors` is NULL, without recording; false with an error. */
static bool eigh(const char *who, const rv_tensor *a, rv_tensor **values, rv_tensor **vectors)
{
    RV_SCOPE;
    rv_tensor *copy = rv_raw_copy(who, a);
    *values = rv_empty_n(a->dtype, a->ndim - 1, a->shape);
    if (copy == NULL || *values == NULL || !rv_lapack_eigh(who, copy, *values, vectors != NULL))
        return false;
    rv_keep(*values);
    if (vectors == NULL)
        return true;
    *vectors = rv_keep(rv_transposed(copy)); /* they are its rows */
    return *vectors != NULL;
}

rv_eigh_result rv_eigh(rv_tensor *a)
{
    const rv_eigh_result none = {NULL, NULL};
    RV_SCOPE;
    rv_tensor *out[2];
    if (!rv_check_square("eigh", 0, a) || !eigh("eigh", a, &out[0], &out[1]) ||
        !rv_record_many(&eigh_op, 2, out, 1, &a, NULL, 0))
        return none;
    return (rv_eigh_result){rv_keep(out[0]), rv_keep(out[1])};
}

rv_tensor *rv_eigvalsh(rv_tensor *a)
{
    if (!rv_check_square("eigvalsh", 0, a))
        return NULL;
    RV_SCOPE;
    rv_tensor *values;
    if (rv_recording() && rv_requires_grad(a))
        return rv_keep(rv_eigh(a).values);
    return eigh("eigvalsh", a, &values, NULL) ? rv_keep(values) : NULL;
}

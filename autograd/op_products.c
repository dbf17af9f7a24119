/* op_products.c - dot, outer, kron, trace: products and sums made of other operations. */
#include "autograd/op_matrix.h"

/* Whether t is a vector; false with an error. */
static bool check_vector(const char *who, int input, const rv_tensor *t)
{
    if (!rv_check_floating(who, input, t))
        return false;
    if (t->ndim != 1)
        return rv_fail(RV_ERROR_SHAPE, who, "input %d is %s, expected a vector [n]", input,
                       RV_SHAPE_OF(t));
    return true;
}

rv_tensor *rv_dot(rv_tensor *a, rv_tensor *b)
{
    const char *who = "dot";
    if (!check_vector(who, 0, a) || !check_vector(who, 1, b) || !rv_check_dtypes(who, a, b))
        return NULL;
    if (a->shape[0] != b->shape[0])
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s and %s differ in length", RV_SHAPE_OF(a),
                            RV_SHAPE_OF(b));
    return rv_matmul(a, b);
}

rv_tensor *rv_outer(rv_tensor *a, rv_tensor *b)
{
    const char *who = "outer";
    if (!check_vector(who, 0, a) || !check_vector(who, 1, b) || !rv_check_dtypes(who, a, b))
        return NULL;
    return rv_mul(rv_as_columns(a), b);
}

rv_tensor *rv_kron(rv_tensor *a, rv_tensor *b)
{
    const char *who = "kron";
    if (!rv_check_floating(who, 0, a) || !rv_check_floating(who, 1, b) ||
        !rv_check_dtypes(who, a, b))
        return NULL;
    const int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    if (2 * ndim > RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s and %s: expected %d axes or less",
                            RV_SHAPE_OF(a), RV_SHAPE_OF(b), RV_MAX_DIMENSIONS / 2);
    /* a's axes before b's, in pairs: the product of a pair is one axis of the result. */
    int64_t of_a[RV_MAX_DIMENSIONS], of_b[RV_MAX_DIMENSIONS], shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < ndim; i++) {
        const int at_a = i - (ndim - a->ndim), at_b = i - (ndim - b->ndim);
        of_a[2 * i] = at_a < 0 ? 1 : a->shape[at_a];
        of_b[2 * i + 1] = at_b < 0 ? 1 : b->shape[at_b];
        of_a[2 * i + 1] = of_b[2 * i] = 1;
    }
    RV_SCOPE;
    rv_tensor *y = rv_mul(rv_reshape_n(a, 2 * ndim, of_a), rv_reshape_n(b, 2 * ndim, of_b));
    for (int i = 0; y != NULL && i < ndim; i++)
        shape[i] = of_a[2 * i] * of_b[2 * i + 1]; /* fits: they are sizes of y */
    return rv_keep(y == NULL ? NULL : rv_reshape_n(y, ndim, shape));
}

rv_tensor *rv_trace(rv_tensor *x)
{
    if (!rv_check_matrix("trace", 0, x))
        return NULL;
    RV_SCOPE;
    return rv_keep(rv_sum(rv_diagonal_of(x), .axes = RV_AXES(-1)));
}

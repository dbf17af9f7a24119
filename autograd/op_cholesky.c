/* op_cholesky.c - cholesky, and systems whose matrix is triangular. */
#include "autograd/op_gemm.h"
#include "autograd/op_matrix.h"

#include <limits.h>

#include "core/lapack.h"

/* ---- solve_triangular -------------------------------------------------------------------------
 */

/* Of a x = b: gb = a'^-1 g, ga = -gb x'. Of x a = b: gb = g a'^-1, ga = -x' gb. Only the triangle
 * that was read has a gradient. */
static void solve_triangular_derivative(rv_derivative *d)
{
    const rv_triangular system = *(const rv_triangular *)d->attributes;
    rv_tensor *x = rv_transposed(rv_saved_output(d));
    rv_tensor *gb =
        rv_solve_triangular(rv_transposed(rv_saved_input(d, 0)), d->g, .upper = !system.upper,
                            .left = system.left, .unitriangular = system.unit);
    d->grads[1] = gb;
    if (!d->needs[0])
        return;
    const rv_shape_of a = rv_input_shape(d, 0);
    const int64_t n = a.shape[a.ndim - 1];
    rv_tensor *read = rv_pattern(a.dtype, n, n, system.upper ? 0 : -1, system.unit ? 0 : -1,
                                 system.upper ? -1 : 0);
    d->grads[0] = rv_mul(system.left ? rv_matmul(gb, x) : rv_matmul(x, gb), read);
}

static const rv_op solve_triangular_op =
    RV_OP(solve_triangular, 2, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, solve_triangular_derivative);

/* a itself where BLAS can read its matrices, else a copy. */
static const rv_tensor *readable(const char *who, const rv_tensor *a)
{
    const bool far = a->strides[a->ndim - 2] > INT_MAX || a->strides[a->ndim - 1] > INT_MAX;
    return far ? rv_raw_copy(who, a) : rv_gemm_ready(who, a);
}

static rv_tensor *solve_triangular(rv_triangular system, const rv_tensor *a, const rv_tensor *b)
{
    const char *who = "solve_triangular";
    RV_SCOPE;
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    const int64_t n = a->shape[a->ndim - 1];
    if (!rv_broadcast_matrices(who, a, b, b->shape[b->ndim - 2], b->shape[b->ndim - 1], &ndim,
                               shape))
        return NULL;
    rv_tensor *x = rv_empty_n(b->dtype, ndim, shape);
    const rv_tensor *ready = readable(who, a);
    if (x == NULL || ready == NULL || !rv_write(who, x, b))
        return NULL;
    shape[ndim - 2] = shape[ndim - 1] = n;
    const rv_tensor *every = rv_raw_expand(who, ready, ndim, shape);
    if (every == NULL || !rv_lapack_triangular(who, system, every, x))
        return NULL;
    return rv_keep(x);
}

rv_tensor *rv_solve_triangular_with(const rv_solve_triangular_options *options)
{
    const char *who = "solve_triangular";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *const a = options->a, *const b = options->b;
    if (!rv_check_square(who, 0, a) || !rv_check_matrix(who, 1, b) || !rv_check_dtypes(who, a, b))
        return NULL;
    const int64_t n = a->shape[a->ndim - 1];
    if (b->shape[b->ndim - (options->left ? 2 : 1)] != n)
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "%s and %s do not fit: the right-hand side takes %lld %s",
                            RV_SHAPE_OF(a), RV_SHAPE_OF(b), (long long)n,
                            options->left ? "rows" : "columns (left is false)");
    const rv_triangular system = {
        .upper = options->upper, .left = options->left, .unit = options->unitriangular};
    rv_tensor *const in[] = {a, b};
    rv_tensor *x = solve_triangular(system, a, b);
    return rv_record(&solve_triangular_op, x, 2, in, &system, sizeof system);
}

/* ---- cholesky ---------------------------------------------------------------------------------
 */

/* l'^-1 p l^-1 with p the lower triangle of l' g, half its diagonal: symmetrized (Murray 2016). */
static void cholesky_derivative(rv_derivative *d)
{
    rv_tensor *l = rv_saved_output(d);
    if (l == NULL)
        return;
    rv_tensor *transposed = rv_transposed(l);
    const int64_t n = l->shape[l->ndim - 1];
    rv_tensor *p = rv_mul(rv_matmul(transposed, d->g), rv_pattern(l->dtype, n, n, 1, 0.5, 0));
    rv_tensor *left = rv_solve_triangular(transposed, p, .upper = true);
    d->grads[0] = rv_symmetric_part(rv_solve_triangular(l, left, .left = false));
}

static const rv_op cholesky_op = RV_OP(cholesky, 1, RV_SAVE_OUTPUT, cholesky_derivative);

static rv_tensor *cholesky(const rv_tensor *a)
{
    RV_SCOPE;
    rv_tensor *l = rv_raw_copy("cholesky", a);
    return l != NULL && rv_lapack_cholesky("cholesky", l) ? rv_keep(l) : NULL;
}

rv_tensor *rv_cholesky_with(const rv_cholesky_options *options)
{
    const char *who = "cholesky";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_check_square(who, 0, options->input))
        return NULL;
    rv_tensor *a = options->upper ? rv_transposed(options->input) : options->input;
    rv_tensor *l = a == NULL ? NULL : rv_record(&cholesky_op, cholesky(a), 1, &a, NULL, 0);
    return options->upper ? rv_transposed(l) : l;
}

rv_tensor *rv_cholesky_solve_with(const rv_cholesky_solve_options *options)
{
    const char *who = "cholesky_solve";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *const factor = options->factor, *const b = options->b;
    if (!rv_check_matrix(who, 0, b) || !rv_check_square(who, 1, factor) ||
        !rv_check_dtypes(who, b, factor))
        return NULL;
    if (b->shape[b->ndim - 2] != factor->shape[factor->ndim - 1])
        return rv_fail_null(
            RV_ERROR_SHAPE, who, "%s and %s do not fit: the right-hand side takes %lld rows",
            RV_SHAPE_OF(factor), RV_SHAPE_OF(b), (long long)factor->shape[factor->ndim - 1]);
    RV_SCOPE;
    rv_tensor *other = rv_transposed(factor);
    rv_tensor *lower = options->upper ? other : factor;
    rv_tensor *upper = options->upper ? factor : other;
    rv_tensor *half = rv_solve_triangular(lower, b);
    return rv_keep(rv_solve_triangular(upper, half, .upper = true));
}

/* op_solve.c - solve, inverse, det, slogdet: what one LU factorization gives.
 *
 * The derivative of solve needs the factors again; they are inputs of the recorded operation, as
 * constants. Where the derivative is recorded itself, it is written in terms of the matrix instead,
 * whose changes count then.
 */
#include "autograd/graph.h"
#include "autograd/op_matrix.h"

#include <string.h>

#include "core/lapack.h"

/* The LU factors of a, and the ints of its exchanges as bytes; both NULL with an error. */
typedef struct factors {
    rv_tensor *lu, *pivots;
} factors;

static factors factorize(const char *who, const rv_tensor *a, bool singular_too)
{
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, a->shape, sizeof shape);
    shape[a->ndim - 2] *= (int64_t)sizeof(int);
    factors f = {rv_raw_copy(who, a), rv_empty_n(RV_U8, a->ndim - 1, shape)};
    const bool ok = f.lu != NULL && f.pivots != NULL;
    return ok && rv_lapack_lu(who, f.lu, f.pivots, singular_too) ? f : (factors){NULL, NULL};
}

/* ---- solve ------------------------------------------------------------------------------------
 */

/* x of a x = b, or of a' x = b, from a's factors; leading axes broadcast. */
static rv_tensor *solve_with(factors f, bool transposed, const rv_tensor *b)
{
    const char *who = "solve";
    RV_SCOPE;
    if (f.lu == NULL || f.pivots == NULL || b == NULL)
        return NULL;
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    const int64_t n = f.lu->shape[f.lu->ndim - 1], k = b->shape[b->ndim - 1];
    if (!rv_broadcast_matrices(who, f.lu, b, n, k, &ndim, shape))
        return NULL;
    rv_tensor *x = rv_empty_n(b->dtype, ndim, shape);
    if (x == NULL || !rv_write(who, x, b))
        return NULL;
    shape[ndim - 1] = n;
    const rv_tensor *lu = rv_raw_expand(who, f.lu, ndim, shape);
    shape[ndim - 2] = n * (int64_t)sizeof(int);
    const rv_tensor *pivots = rv_raw_expand(who, f.pivots, ndim - 1, shape);
    if (lu == NULL || pivots == NULL || !rv_lapack_lu_solve(who, transposed, lu, pivots, x))
        return NULL;
    return rv_keep(x);
}

/* gb = a'^-1 g, ga = -gb x'. */
static void solve_derivative(rv_derivative *d)
{
    const factors f = {rv_saved_input(d, 2), rv_saved_input(d, 3)};
    rv_tensor *gb = rv_recording() ? rv_solve(rv_transposed(rv_saved_input(d, 0)), d->g)
                                   : solve_with(f, true, d->g);
    if (d->needs[0])
        d->grads[0] = rv_neg(rv_matmul(gb, rv_transposed(rv_saved_output(d))));
    d->grads[1] = gb;
}

static const rv_op solve_op =
    RV_OP(solve, 4, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(2) | RV_SAVE_INPUT(3) | RV_SAVE_OUTPUT,
          solve_derivative);

rv_tensor *rv_solve(rv_tensor *a, rv_tensor *b)
{
    const char *who = "solve";
    if (!rv_check_square(who, 0, a) || !rv_check_floating(who, 1, b) || !rv_check_dtypes(who, a, b))
        return NULL;
    RV_SCOPE;
    bool vector;
    rv_tensor *columns = rv_right_side(who, a, b, a->shape[a->ndim - 1], &vector);
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    if (columns == NULL || !rv_broadcast_matrices(who, a, columns, 1, 1, &ndim, shape))
        return NULL;
    const factors f = factorize(who, a, false);
    rv_tensor *x = solve_with(f, false, columns);
    rv_tensor *const in[] = {a, columns, f.lu, f.pivots};
    return rv_keep(rv_as_right_side(rv_record(&solve_op, x, 4, in, NULL, 0), vector));
}

/* ---- inverse ----------------------------------------------------------------------------------
 */

/* -y' g y'. */
static void inverse_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_transposed(rv_saved_output(d));
    d->grads[0] = rv_neg(rv_matmul(rv_matmul(y, d->g), y));
}

static const rv_op inverse_op = RV_OP(inverse, 1, RV_SAVE_OUTPUT, inverse_derivative);

static rv_tensor *inverse(const rv_tensor *a)
{
    RV_SCOPE;
    const factors f = factorize("inverse", a, false);
    if (f.lu == NULL || !rv_lapack_lu_inverse("inverse", f.lu, f.pivots))
        return NULL;
    return rv_keep(f.lu);
}

rv_tensor *rv_inverse(rv_tensor *a)
{
    if (!rv_check_square("inverse", 0, a))
        return NULL;
    return rv_record(&inverse_op, inverse(a), 1, &a, NULL, 0);
}

/* ---- det -------------------------------------------------------------------------------------- *
 *
 * The derivative is the matrix of cofactors, det(a) a'^-1 where a has an inverse. Where it has
 * none, they come from a = u s vh: det(u) det(vh) u c vh, c_i being the product of all s but s_i,
 * which follows from cof(xy) = cof(x) cof(y). */

/* [..] as [..,1,1]. */
static rv_tensor *as_matrices(rv_tensor *x)
{
    return rv_as_columns(rv_as_columns(x));
}

/* Of each row of [..,k], the products of all elements but one. */
static rv_tensor *products_of_others(rv_tensor *s)
{
    const int last = s->ndim;
    const int64_t k = s->shape[last - 1];
    rv_tensor *one = rv_pattern(s->dtype, k, k, 0, 1, 0);
    rv_tensor *others = rv_where(rv_eq_scalar(one, 1), one, rv_as_rows(s));
    while (others != NULL && others->shape[last] > 1) {
        const int64_t size = others->shape[last], half = size / 2;
        rv_tensor *product =
            rv_mul(rv_slice(others, .axis = last, .stop = half),
                   rv_slice(others, .axis = last, .start = half, .stop = 2 * half));
        rv_tensor *rest = rv_slice(others, .axis = last, .start = 2 * half);
        others = size % 2 == 0 ? product : rv_cat((rv_tensor *const[]){product, rest}, 2, last);
    }
    return rv_as_right_side(others, true);
}

static rv_tensor *cofactors_by_svd(rv_tensor *a)
{
    const rv_svd_result f = rv_svd(a);
    if (f.s == NULL)
        return NULL;
    rv_tensor *sign = rv_mul(rv_det(f.u), rv_det(f.vh));
    rv_tensor *scale = rv_mul(as_matrices(sign), rv_as_rows(products_of_others(f.s)));
    return rv_matmul(rv_mul(f.u, scale), f.vh);
}

static bool has_zero(const rv_tensor *t)
{
    for (int64_t i = 0; i < t->numel; i++)
        if (t->dtype == RV_F32 ? ((const float *)t->data)[i] == 0
                               : ((const double *)t->data)[i] == 0)
            return true;
    return false;
}

/* 1, 2, .. on a diagonal: a matrix whose singular values are apart. */
static rv_tensor *harmless(rv_dtype dtype, int64_t n)
{
    return rv_diagonal_matrix(rv_arange(dtype, 1, (double)n + 1, 1));
}

static void det_derivative(rv_derivative *d)
{
    rv_tensor *a = rv_saved_input(d, 0), *det = rv_saved_output(d);
    if (a == NULL || det == NULL || a->shape[a->ndim - 1] == 0 || a->numel == 0) {
        d->grads[0] = a == NULL ? NULL : rv_zeros_like(a);
        return;
    }
    rv_tensor *g = as_matrices(d->g);
    if (!has_zero(det)) {
        rv_tensor *inverse = rv_transposed(rv_inverse(a));
        d->grads[0] = rv_mul(rv_mul(g, as_matrices(det)), inverse);
        return;
    }
    rv_tensor *singular = rv_eq_scalar(as_matrices(rv_detach(det)), 0);
    rv_tensor *other = harmless(a->dtype, a->shape[a->ndim - 1]);
    rv_tensor *inverse = rv_transposed(rv_inverse(rv_where(singular, other, a)));
    rv_tensor *regular = rv_mul(as_matrices(det), inverse);
    rv_tensor *cofactors = cofactors_by_svd(rv_where(singular, a, other));
    d->grads[0] = rv_mul(g, rv_where(singular, cofactors, regular));
}

static const rv_op det_op = RV_OP(det, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, det_derivative);

static rv_tensor *det(const rv_tensor *a)
{
    RV_SCOPE;
    const factors f = factorize("det", a, true);
    rv_tensor *y = f.lu == NULL ? NULL : rv_empty_n(a->dtype, a->ndim - 2, a->shape);
    if (y == NULL || !rv_lapack_lu_determinant("det", f.lu, f.pivots, y, NULL, NULL))
        return NULL;
    return rv_keep(y);
}

rv_tensor *rv_det(rv_tensor *a)
{
    if (!rv_check_square("det", 0, a))
        return NULL;
    return rv_record(&det_op, det(a), 1, &a, NULL, 0);
}

/* ---- slogdet ----------------------------------------------------------------------------------
 */

/* Of the logarithm: g a'^-1. The sign is constant wherever it has a derivative. */
static void slogdet_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(as_matrices(d->g), rv_transposed(rv_inverse(rv_saved_input(d, 0))));
}

static const rv_op slogdet_op = RV_OP(slogdet, 1, RV_SAVE_INPUT(0), slogdet_derivative);

rv_slogdet_result rv_slogdet(rv_tensor *a)
{
    const char *who = "slogdet";
    const rv_slogdet_result none = {NULL, NULL};
    if (!rv_check_square(who, 0, a))
        return none;
    RV_SCOPE;
    const factors f = factorize(who, a, true);
    if (f.lu == NULL)
        return none;
    rv_tensor *sign = rv_empty_n(a->dtype, a->ndim - 2, a->shape);
    rv_tensor *logarithm = rv_empty_n(a->dtype, a->ndim - 2, a->shape);
    if (sign == NULL || logarithm == NULL ||
        !rv_lapack_lu_determinant(who, f.lu, f.pivots, NULL, sign, logarithm))
        return none;
    logarithm = rv_record(&slogdet_op, logarithm, 1, &a, NULL, 0);
    if (logarithm == NULL)
        return none;
    return (rv_slogdet_result){rv_keep(sign), rv_keep(logarithm)};
}

/* op_qr.c - qr, and least squares by it. */
#include "autograd/graph.h"
#include "autograd/op_matrix.h"

#include <math.h>
#include <string.h>

#include "core/lapack.h"

/* ---- qr ---------------------------------------------------------------------------------------
 */

/* Of a = q r with r square: (gq + q (m + m', m's diagonal once)) r'^-1, m being the upper triangle
 * of gr r' - gq' q ... as a lower one (Walter and Lehmann 2012). */
static rv_tensor *through_square(rv_tensor *gq, rv_tensor *gr, rv_tensor *q, rv_tensor *r)
{
    if (r == NULL)
        return NULL;
    const int64_t k = r->shape[r->ndim - 1];
    rv_tensor *m = NULL;
    if (gr != NULL)
        m = rv_matmul(r, rv_transposed(gr));
    if (gq != NULL) {
        rv_tensor *turned = rv_matmul(rv_transposed(gq), q);
        m = m == NULL ? rv_neg(turned) : rv_sub(m, turned);
    }
    rv_tensor *lower = rv_mul(m, rv_pattern(r->dtype, k, k, 1, 0.5, 0));
    rv_tensor *inside = rv_matmul(q, rv_add(lower, rv_transposed(lower)));
    rv_tensor *all = gq == NULL ? inside : rv_add(gq, inside);
    return rv_solve_triangular(rv_transposed(r), all, .left = false);
}

/* Columns first, first + 1, .. below end of a matrix. */
static rv_tensor *columns_of(rv_tensor *x, int64_t first, int64_t end)
{
    return rv_slice(x, .axis = -1, .start = first, .stop = end);
}

/* More columns than rows: a = [x y], r = [r1 r2], where x = q r1 is square and y = q r2. */
static rv_tensor *through_wide(rv_tensor *gq, rv_tensor *gr, rv_tensor *q, rv_tensor *r)
{
    const int64_t m = r->shape[r->ndim - 2], n = r->shape[r->ndim - 1];
    rv_tensor *r1 = columns_of(r, 0, m);
    if (gr == NULL) {
        int64_t shape[RV_MAX_DIMENSIONS];
        memcpy(shape, r->shape, sizeof shape);
        shape[r->ndim - 1] = n - m;
        rv_tensor *gx = through_square(gq, NULL, q, r1);
        rv_tensor *const parts[] = {gx, rv_zeros_n(r->dtype, r->ndim, shape)};
        return rv_cat(parts, 2, -1);
    }
    rv_tensor *gr2 = columns_of(gr, m, n), *y = rv_matmul(q, columns_of(r, m, n));
    rv_tensor *of_y = rv_matmul(y, rv_transposed(gr2));
    rv_tensor *gx =
        through_square(gq == NULL ? of_y : rv_add(gq, of_y), columns_of(gr, 0, m), q, r1);
    return rv_cat((rv_tensor *const[]){gx, rv_matmul(q, gr2)}, 2, -1);
}

static void qr_derivative(rv_derivative *d)
{
    rv_tensor *q = rv_saved_output_at(d, 0), *r = rv_saved_output_at(d, 1);
    if (q == NULL || r == NULL)
        return;
    rv_tensor *gq = d->arrived[0] ? d->gs[0] : NULL, *gr = d->arrived[1] ? d->gs[1] : NULL;
    const bool wide = r->shape[r->ndim - 2] < r->shape[r->ndim - 1];
    d->grads[0] = wide ? through_wide(gq, gr, q, r) : through_square(gq, gr, q, r);
}

static const rv_op qr_op = RV_OP(qr, 1, RV_SAVE_OUTPUT, qr_derivative);

static bool qr(const char *who, const rv_tensor *a, rv_tensor **out)
{
    RV_SCOPE;
    const int rows = a->ndim - 2, columns = a->ndim - 1;
    const int64_t k = a->shape[rows] < a->shape[columns] ? a->shape[rows] : a->shape[columns];
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, a->shape, sizeof shape);
    shape[columns] = k;
    out[0] = rv_empty_n(a->dtype, a->ndim, shape);
    shape[rows] = k;
    shape[columns] = a->shape[columns];
    out[1] = rv_empty_n(a->dtype, a->ndim, shape);
    rv_tensor *copy = rv_raw_copy(who, a);
    if (out[0] == NULL || out[1] == NULL || copy == NULL ||
        !rv_lapack_qr(who, copy, out[0], out[1]))
        return false;
    rv_keep(out[0]);
    rv_keep(out[1]);
    return true;
}

rv_qr_result rv_qr(rv_tensor *a)
{
    const rv_qr_result none = {NULL, NULL};
    RV_SCOPE;
    rv_tensor *out[2];
    if (!rv_check_matrix("qr", 0, a) || !qr("qr", a, out) ||
        !rv_record_many(&qr_op, 2, out, 1, &a, NULL, 0))
        return none;
    return (rv_qr_result){rv_keep(out[0]), rv_keep(out[1])};
}

/* ---- lstsq ------------------------------------------------------------------------------------
 */

/* Whether an r of the stack has a diagonal that is 0 to within rounding: a's rank is not full. */
static bool is_deficient(const rv_tensor *r, double rtol)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_tensor *diagonal = rv_diagonal_of(rv_raw_contiguous("lstsq", r));
    diagonal = diagonal == NULL ? NULL : rv_contiguous(diagonal);
    if (diagonal == NULL)
        return false;
    const int64_t k = diagonal->shape[diagonal->ndim - 1];
    for (int64_t i = 0; i < diagonal->numel; i += k) {
        double least = INFINITY, most = 0;
        for (int64_t j = i; j < i + k; j++) {
            const double size =
                fabs(diagonal->dtype == RV_F32 ? (double)((const float *)diagonal->data)[j]
                                               : ((const double *)diagonal->data)[j]);
            least = fmin(least, size);
            most = fmax(most, size);
        }
        if (least <= rtol * most)
            return true;
    }
    return false;
}

rv_tensor *rv_lstsq(rv_tensor *a, rv_tensor *b)
{
    const char *who = "lstsq";
    if (!rv_check_matrix(who, 0, a) || !rv_check_floating(who, 1, b) || !rv_check_dtypes(who, a, b))
        return NULL;
    RV_SCOPE;
    const int64_t m = a->shape[a->ndim - 2], n = a->shape[a->ndim - 1];
    bool vector;
    rv_tensor *columns = rv_right_side(who, a, b, m, &vector);
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    if (columns == NULL || !rv_broadcast_matrices(who, a, columns, n, 1, &ndim, shape))
        return NULL;
    const bool wide = m < n;
    const rv_qr_result f = rv_qr(wide ? rv_transposed(a) : a);
    if (f.r == NULL)
        return NULL;
    rv_tensor *x;
    if (is_deficient(f.r, rv_rtol_of_shape(a)))
        x = rv_matmul(rv_pinv(a), columns);
    else if (wide)
        x = rv_matmul(f.q, rv_solve_triangular(rv_transposed(f.r), columns));
    else
        x = rv_solve_triangular(f.r, rv_matmul(rv_transposed(f.q), columns), .upper = true);
    return rv_keep(rv_as_right_side(x, vector));
}

/* op_svd.c - singular values and vectors, and what they give: pinv, cond. */
#include "autograd/graph.h"
#include "autograd/op_matrix.h"

#include <math.h>

#include "core/lapack.h"

/* ---- svd -------------------------------------------------------------------------------------- *
 *
 * With e_ij = s_j^2 - s_i^2 (1 on the diagonal) and skew(x) = x - x' the derivative is
 *
 *     u (skew(u' gu)/e s + s skew(v' gv)/e + diag(gs)) v'
 *       + (1 - u u') gu 1/s v' + u 1/s gv' (1 - v v')
 *
 * (Townsend 2016; Giles 2008, 3.2). The last two terms are there where u or v has fewer columns
 * than rows. What moves s alone is finite where two singular values are equal, or one is 0. */

typedef struct svd_parts {
    rv_tensor *u, *s, *vh, *ut, *v;
} svd_parts;

/* skew(x)/e. */
static rv_tensor *skew_by_gaps(rv_tensor *x, rv_tensor *s)
{
    if (s == NULL)
        return NULL;
    const int64_t k = s->shape[s->ndim - 1];
    rv_tensor *rows = rv_as_rows(s), *columns = rv_as_columns(s);
    rv_tensor *gaps = rv_mul(rv_sub(rows, columns), rv_add(rows, columns));
    return rv_div(rv_sub(x, rv_transposed(x)), rv_add(gaps, rv_pattern(s->dtype, k, k, 0, 1, 0)));
}

/* (1 - u u') g: what of g the columns of u do not reach. */
static rv_tensor *outside_of(rv_tensor *u, rv_tensor *ut, rv_tensor *g)
{
    return rv_sub(g, rv_matmul(u, rv_matmul(ut, g)));
}

/* a + b; a may be missing. */
static rv_tensor *plus(rv_tensor *a, rv_tensor *b)
{
    return a == NULL ? b : rv_add(a, b);
}

static rv_tensor *through_u(const svd_parts *p, rv_tensor *gu)
{
    rv_tensor *inside = rv_mul(skew_by_gaps(rv_matmul(p->ut, gu), p->s), rv_as_rows(p->s));
    rv_tensor *y = rv_matmul(rv_matmul(p->u, inside), p->vh);
    if (p->u->shape[p->u->ndim - 2] == p->u->shape[p->u->ndim - 1])
        return y;
    rv_tensor *outside = rv_div(outside_of(p->u, p->ut, gu), rv_as_rows(p->s));
    return rv_add(y, rv_matmul(outside, p->vh));
}

static rv_tensor *through_vh(const svd_parts *p, rv_tensor *gvh)
{
    rv_tensor *gv = rv_transposed(gvh);
    rv_tensor *inside = rv_mul(rv_as_columns(p->s), skew_by_gaps(rv_matmul(p->vh, gv), p->s));
    rv_tensor *y = rv_matmul(rv_matmul(p->u, inside), p->vh);
    if (p->v->shape[p->v->ndim - 2] == p->v->shape[p->v->ndim - 1])
        return y;
    rv_tensor *outside = rv_div(outside_of(p->v, p->vh, gv), rv_as_rows(p->s));
    return rv_add(y, rv_matmul(p->u, rv_transposed(outside)));
}

static void svd_derivative(rv_derivative *d)
{
    svd_parts p = {rv_saved_output_at(d, 0), rv_saved_output_at(d, 1), rv_saved_output_at(d, 2),
                   NULL, NULL};
    if (p.u == NULL || p.s == NULL || p.vh == NULL)
        return;
    p.ut = rv_transposed(p.u);
    p.v = rv_transposed(p.vh);
    rv_tensor *g = NULL;
    if (d->arrived[1])
        g = rv_matmul(rv_mul(p.u, rv_as_rows(d->gs[1])), p.vh);
    if (d->arrived[0])
        g = plus(g, through_u(&p, d->gs[0]));
    if (d->arrived[2])
        g = plus(g, through_vh(&p, d->gs[2]));
    d->grads[0] = g;
}

static const rv_op svd_op = RV_OP(svd, 1, RV_SAVE_OUTPUT, svd_derivative);

/* u, s, vh into out[3], or only s if not `vectors`, without recording; false with an error. */
static bool svd(const char *who, const rv_tensor *a, bool vectors, rv_tensor **out)
{
    RV_SCOPE;
    const int rows = a->ndim - 2, columns = a->ndim - 1;
    const int64_t m = a->shape[rows], n = a->shape[columns], k = m < n ? m : n;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < rows; i++)
        shape[i] = a->shape[i];
    shape[rows] = k;
    out[0] = out[2] = NULL;
    out[1] = rv_empty_n(a->dtype, rows + 1, shape);
    if (vectors) {
        shape[columns] = n;
        out[2] = rv_empty_n(a->dtype, a->ndim, shape);
        shape[rows] = m;
        shape[columns] = k;
        out[0] = rv_empty_n(a->dtype, a->ndim, shape);
    }
    rv_tensor *copy = rv_raw_copy(who, a);
    if (copy == NULL || out[1] == NULL || (vectors && (out[0] == NULL || out[2] == NULL)) ||
        !rv_lapack_svd(who, copy, out[0], out[1], out[2]))
        return false;
    for (int i = 0; i < 3; i++)
        rv_keep(out[i]);
    return true;
}

rv_svd_result rv_svd(rv_tensor *a)
{
    const rv_svd_result none = {NULL, NULL, NULL};
    RV_SCOPE;
    rv_tensor *out[3];
    if (!rv_check_matrix("svd", 0, a) || !svd("svd", a, true, out) ||
        !rv_record_many(&svd_op, 3, out, 1, &a, NULL, 0))
        return none;
    return (rv_svd_result){rv_keep(out[0]), rv_keep(out[1]), rv_keep(out[2])};
}

rv_tensor *rv_svdvals(rv_tensor *a)
{
    if (!rv_check_matrix("svdvals", 0, a))
        return NULL;
    RV_SCOPE;
    rv_tensor *out[3];
    if (rv_recording() && rv_requires_grad(a))
        return rv_keep(rv_svd(a).s);
    return svd("svdvals", a, false, out) ? rv_keep(out[1]) : NULL;
}

/* ---- cond -------------------------------------------------------------------------------------
 */

rv_tensor *rv_cond(rv_tensor *a)
{
    const char *who = "cond";
    if (!rv_check_matrix(who, 0, a))
        return NULL;
    if (a->shape[a->ndim - 2] == 0 || a->shape[a->ndim - 1] == 0)
        return rv_fail_null(RV_ERROR_SHAPE, who, "a matrix of %s has no element", RV_SHAPE_OF(a));
    RV_SCOPE;
    rv_tensor *s = rv_svdvals(a);
    if (s == NULL)
        return NULL;
    const int last = s->ndim - 1;
    rv_tensor *largest = rv_slice(s, .axis = last, .stop = 1);
    rv_tensor *ratio = rv_div(largest, rv_slice(s, .axis = last, .start = -1));
    return rv_keep(rv_as_right_side(ratio, true));
}

/* ---- pinv -------------------------------------------------------------------------------------
 */

/* As long as the rank stays (Golub and Pereyra 1973), with p the result:
 * -p' g p' + (1 - a p) g' p p' + p' p g' (1 - p a). */
static void pinv_derivative(rv_derivative *d)
{
    rv_tensor *a = rv_saved_input(d, 0), *p = rv_saved_output(d);
    rv_tensor *pt = rv_transposed(p), *gt = rv_transposed(d->g);
    rv_tensor *inside = rv_matmul(rv_matmul(pt, d->g), pt);
    rv_tensor *first = rv_matmul(rv_matmul(gt, p), pt);
    rv_tensor *second = rv_matmul(pt, rv_matmul(p, gt));
    rv_tensor *left = rv_sub(first, rv_matmul(a, rv_matmul(p, first)));
    rv_tensor *right = rv_sub(second, rv_matmul(rv_matmul(second, p), a));
    d->grads[0] = rv_sub(rv_add(left, right), inside);
}

static const rv_op pinv_op = RV_OP(pinv, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, pinv_derivative);

/* v diag(1/s) u', 0 taking the place of 1/s where s is not above rtol times the largest. */
static rv_tensor *pinv(rv_tensor *a, double rtol)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_tensor *out[3];
    if (!svd("pinv", a, true, out))
        return NULL;
    rv_tensor *s = out[1];
    rv_tensor *largest = rv_slice(s, .axis = -1, .stop = 1);
    rv_tensor *counts = rv_gt(s, rv_mul_scalar(largest, rtol));
    rv_tensor *one = rv_scalar_like("pinv", s, 1), *zero = rv_scalar_like("pinv", s, 0);
    rv_tensor *scale = rv_where(counts, rv_div(one, rv_where(counts, s, one)), zero);
    rv_tensor *scaled = rv_mul(out[0], rv_as_rows(scale));
    return rv_keep(rv_matmul(rv_transposed(out[2]), rv_transposed(scaled)));
}

rv_tensor *rv_pinv_with(const rv_pinv_options *options)
{
    const char *who = "pinv";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *const a = options->input;
    if (!rv_check_matrix(who, 0, a))
        return NULL;
    double rtol = options->rtol;
    if (!(rtol >= 0 && rtol < INFINITY) && rtol != RV_RTOL_OF_SHAPE)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "rtol is %g, expected 0 or more", rtol);
    if (rtol == RV_RTOL_OF_SHAPE)
        rtol = rv_rtol_of_shape(a);
    return rv_record(&pinv_op, pinv(a, rtol), 1, &a, NULL, 0);
}

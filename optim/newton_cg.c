/* newton_cg.c - truncated Newton: H z = -g is solved by conjugate gradients, only as well as it is
 * worth here, from products H v alone (Dembo and Steihaug 1983; Nocedal and Wright 2006, 7.1).
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optim/minimize_methods.h"
#include "optim/minimizer.h"

enum { RESIDUAL, CONJUGATE, PRODUCT, PRECONDITIONED, BASIS, VALUES, VECTORS };
enum { LENGTH_BEFORE, SHARE_BEFORE, AGE, DRAWN, NUMBERS };

static int64_t rank_of(const rv_newton_cg_options *o, int64_t n)
{
    return o->preconditioner_rank < n ? o->preconditioner_rank : n;
}

static void vector_shape(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns)
{
    const int64_t rank = rank_of(options, n);
    *rows = i == BASIS ? rank : 0;
    *columns = i == VALUES || (i == BASIS && rank == 0) ? rank : n;
}

static double length_of(int64_t n, const double *x)
{
    return sqrt(rv_vector_dot(n, x, x));
}

/* Which share of the gradient may be left over */
static double find_share(rv_minimizer *m, double length)
{
    const rv_newton_cg_options *o = m->options;
    static int mode = -1;
    if (mode < 0) mode = getenv("FORCING") ? atoi(getenv("FORCING")) : 0;
    double share = o->forcing;
    if (mode == 1) return fmin(share, sqrt(length));
    if (mode == 2) return fmin(share, length);
    const double before = m->numbers[LENGTH_BEFORE];
    if (before > 0) {
        const double by = length / before, last = m->numbers[SHARE_BEFORE];
        share = 0.9 * by * by;
        if (0.9 * last * last > 0.1)
            share = fmax(share, 0.9 * last * last);
        share = fmin(share, o->forcing);
    }
    m->numbers[LENGTH_BEFORE] = length;
    m->numbers[SHARE_BEFORE] = share;
    return share;
}

static bool find_direction(rv_minimizer *m)
{
    static int mode = -1;
    if (mode < 0) mode = getenv("CURVE") ? atoi(getenv("CURVE")) : 0;
    const rv_newton_cg_options *o = m->options;
    const int64_t n = m->n, most = o->max_products > 0 ? o->max_products : 10 * n;
    double *r = m->vectors[RESIDUAL], *d = m->vectors[CONJUGATE], *hd = m->vectors[PRODUCT];
    double *z = m->direction;
    const double length = length_of(n, m->gradient);
    const double enough = find_share(m, length) * length;
    memset(z, 0, (size_t)n * sizeof *z);
    memcpy(r, m->gradient, (size_t)n * sizeof *r);
    rv_vector_scale(n, -1, r, d);
    double rr = rv_vector_dot(n, r, r);
    for (int64_t k = 0; k < most; k++) {
        if (!rv_minimizer_hessian_product(m, d, hd))
            return false;
        const double dd = rv_vector_dot(n, d, d);
        const double bend = rv_vector_dot(n, d, hd) + o->damping * dd;
        if (!isfinite(bend) || !(bend > DBL_EPSILON * 0 * dd)) {
            double a = 0;
            if (mode == 0) a = k == 0;
            else if (mode == 1) a = k == 0 ? rr / fabs(bend) : 0;
            else a = rr / fabs(bend);
            if (!isfinite(a)) a = k == 0;
            rv_vector_add(n, a, d, z);
            return true;
        }
        const double a = rr / bend;
        rv_vector_add(n, a, d, z);
        rv_vector_add(n, a, hd, r);
        if (o->damping > 0)
            rv_vector_add(n, a * o->damping, d, r);
        const double next = rv_vector_dot(n, r, r);
        if (sqrt(next) <= enough)
            return true;
        rv_vector_scale(n, next / rr, d, d);
        rv_vector_add(n, -1, r, d);
        rr = next;
    }
    return true;
}

static bool search(rv_minimizer *m, double step)
{
    const rv_newton_cg_options *o = m->options;
    return rv_minimizer_search(m, .step = step, .method = o->line_search, .decrease = o->decrease,
                               .curvature = o->curvature);
}

static bool newton_cg_iterate(rv_minimizer *m)
{
    const rv_newton_cg_options *o = m->options;
    if (!find_direction(m))
        return false;
    if (search(m, o->lr))
        return true;
    if (rv_minimizer_is_over(m))
        return false;
    rv_vector_scale(m->n, -1, m->gradient, m->direction);
    return search(m, fmin(o->lr / length_of(m->n, m->gradient), 1e10));
}

static bool newton_cg_validate(const void *options)
{
    const rv_newton_cg_options *o = options;
    const char *who = "optim_newton_cg";
    return rv_minimize_validate(who, options, o->line_search, o->decrease, o->curvature);
}

static const rv_minimizer_class newton_cg_minimizer = {
    .vector_count = VECTORS,
    .vector_names = {NULL, NULL, NULL, NULL, "basis", "eigenvalues"},
    .vector_shape = vector_shape,
    .number_count = NUMBERS,
    .uses_hessian = true,
    .iterate = newton_cg_iterate};

static const rv_optim_class newton_cg_class = {.name = "optim_newton_cg",
                                               .options_size = sizeof(rv_newton_cg_options),
                                               .refuses = RV_MINIMIZER_REFUSES,
                                               .validate = newton_cg_validate,
                                               .minimizer = &newton_cg_minimizer};

rv_optim *rv_optim_newton_cg_with(const rv_newton_cg_options *options)
{
    return rv_optim_new(&newton_cg_class, options);
}

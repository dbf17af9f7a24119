/* gauss_newton.c - sums of squares by linear problems, one after another, each solved exactly
 * (Bjorck 1996, "Numerical methods for least squares problems", section 9.2).
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/gemm.h"
#include "core/lapack.h"
#include "optim/minimize_methods.h"
#include "optim/minimizer.h"

static const char *const who = "optim_gauss_newton";

/* The triangle of [J r], each row a column; of J alone, and its singular vectors and values. */
enum { TRIANGLE, MATRIX, LEFT, RIGHT, VALUES, VECTORS };

static void vector_shape(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns)
{
    (void)options;
    *columns = i == TRIANGLE ? n + 1 : n;
    *rows = i == VALUES ? 0 : *columns;
}

/* direction: the shortest p that makes |J p + r| smallest. With J = Q R and R' = u s vh it is
 * -u s^-1 vh q, q = Q'r. */
static bool find_direction(rv_minimizer *m)
{
    const int64_t n = m->n;
    rv_tensor *triangle = rv_minimizer_vector(m, TRIANGLE);
    rv_tensor *columns = rv_minimizer_columns(m);
    if (columns == NULL || !rv_lapack_triangle(who, columns, triangle))
        return false;
    for (int64_t j = 0; j < n; j++)
        memcpy(m->vectors[MATRIX] + j * n, m->vectors[TRIANGLE] + j * (n + 1),
               (size_t)n * sizeof(double));
    if (!rv_lapack_svd(who, rv_minimizer_vector(m, MATRIX), rv_minimizer_vector(m, LEFT),
                       rv_minimizer_vector(m, VALUES), rv_minimizer_vector(m, RIGHT)))
        return false;
    const double *values = m->vectors[VALUES], *q = m->vectors[TRIANGLE] + n * (n + 1);
    const double least =
        values[0] * DBL_EPSILON * (double)(m->residual_count > n ? m->residual_count : n);
    memset(m->direction, 0, (size_t)n * sizeof(double));
    double *weights = m->change; /* free until a step is taken */
    for (int64_t i = 0; i < n; i++) {
        const double along = rv_vector_dot(n, m->vectors[RIGHT] + i * n, q);
        weights[i] = values[i] > least ? -along / values[i] : 0;
    }
    for (int64_t j = 0; j < n; j++)
        m->direction[j] = rv_vector_dot(n, m->vectors[LEFT] + j * n, weights);
    return true;
}

/* ---- the step along it ----------------------------------------------------------------------- */

typedef struct line {
    rv_minimizer *m;
    rv_minimizer_trial last;
} line;

static bool along(void *context, double step, double *value, double *slope)
{
    line *l = context;
    if (!rv_minimizer_try(l->m, step, &l->last) || !l->last.has_moved)
        return false;
    *value = -l->last.reduction; /* from the loss at x */
    *slope = 0;                  /* not known, and not needed by backtracking */
    return true;
}

static bool gauss_newton_iterate(rv_minimizer *m)
{
    const rv_gauss_newton_options *o = m->options;
    if (!find_direction(m))
        return false;
    const double slope = rv_vector_dot(m->n, m->gradient, m->direction);
    const double noise = rv_minimizer_noise(m) * m->loss;
    const double now = rv_vector_largest(m->n, m->gradient);
    line l = {.m = m};
    double step = o->lr;
    if (-slope <= noise) { /* the loss has no digits left: the gradient has to fall */
        if (!rv_minimizer_try(m, step, &l.last) || !l.last.has_moved ||
            !(fabs(l.last.reduction) <= 2 * noise) || !(rv_minimizer_linearize(m) < 0.99 * now))
            return false;
        rv_minimizer_take(m);
        return true;
    }
    while (!rv_minimizer_is_over(m)) {
        const rv_line_result r =
            rv_line_search(along, &l, .value = 0, .slope = slope, .step = step,
                           .method = RV_LINE_BACKTRACKING, .decrease = o->decrease);
        if (r.status != RV_LINE_FOUND)
            return false;
        if (!isnan(rv_minimizer_linearize(m))) {
            rv_minimizer_take(m);
            return true;
        }
        step = r.step / 2; /* the Jacobian is not finite there */
    }
    return false;
}

static bool gauss_newton_validate(const void *options)
{
    const rv_gauss_newton_options *o = options;
    return rv_minimize_validate(who, options, RV_LINE_BACKTRACKING, o->decrease, 0.9);
}

static const rv_minimizer_class gauss_newton_minimizer = {
    .vector_count = VECTORS,
    .vector_names = {NULL},
    .vector_shape = vector_shape,
    .residuals = true,
    .jacobian_offset = offsetof(rv_gauss_newton_options, jacobian),
    .iterate = gauss_newton_iterate};

static const rv_optim_class gauss_newton_class = {.name = "optim_gauss_newton",
                                                  .options_size = sizeof(rv_gauss_newton_options),
                                                  .refuses =
                                                      RV_MINIMIZER_REFUSES | RV_OPTIM_NO_MAXIMIZE,
                                                  .validate = gauss_newton_validate,
                                                  .minimizer = &gauss_newton_minimizer};

rv_optim *rv_optim_gauss_newton_with(const rv_gauss_newton_options *options)
{
    return rv_optim_new(&gauss_newton_class, options);
}

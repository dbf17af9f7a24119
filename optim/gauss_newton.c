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

/* R p = -q, by substitution; m->change is free until a step is taken. */
static bool solve(rv_minimizer *m, rv_tensor *matrix)
{
    RV_SCOPE;
    const int64_t n = m->n, shape[] = {n, n}, strides[] = {1, n}, column[] = {n, 1};
    rv_tensor *r = rv_raw_view(who, matrix->storage, matrix->data, RV_F64, 2, shape, strides);
    rv_tensor *values = rv_minimizer_vector(m, VALUES);
    rv_tensor *p = rv_raw_reshape(who, values, 2, column);
    rv_vector_scale(n, -1, m->vectors[TRIANGLE] + n * (n + 1), m->vectors[VALUES]);
    if (r == NULL || p == NULL ||
        !rv_lapack_triangular(who, (rv_triangular){.left = true, .upper = true}, r, p))
        return false;
    memcpy(m->direction, m->vectors[VALUES], (size_t)n * sizeof(double));
    return true;
}

/* With R' = u s vh the shortest p is -u s^-1 vh q, where values of s that are rounding count as
 * infinite. */
static bool solve_shortest(rv_minimizer *m, rv_tensor *matrix, double rounding)
{
    const int64_t n = m->n;
    if (!rv_lapack_svd(who, matrix, rv_minimizer_vector(m, LEFT), rv_minimizer_vector(m, VALUES),
                       rv_minimizer_vector(m, RIGHT)))
        return false;
    const double *values = m->vectors[VALUES], *q = m->vectors[TRIANGLE] + n * (n + 1);
    double *weights = m->change; /* free until a step is taken */
    for (int64_t i = 0; i < n; i++) {
        const double along = rv_vector_dot(n, m->vectors[RIGHT] + i * n, q);
        weights[i] = values[i] > values[0] * rounding ? -along / values[i] : 0;
    }
    for (int64_t j = 0; j < n; j++)
        m->direction[j] = rv_vector_dot(n, m->vectors[LEFT] + j * n, weights);
    return true;
}

/* direction: the shortest p that makes |J p + r| smallest, from J = Q R and q = Q'r. */
static bool find_direction(rv_minimizer *m)
{
    const int64_t n = m->n;
    rv_tensor *columns = rv_minimizer_columns(m), *matrix = rv_minimizer_vector(m, MATRIX);
    if (!rv_lapack_triangle(who, columns, rv_minimizer_vector(m, TRIANGLE)))
        return false;
    for (int64_t j = 0; j < n; j++)
        memcpy(m->vectors[MATRIX] + j * n, m->vectors[TRIANGLE] + j * (n + 1),
               (size_t)n * sizeof(double));
    const double rounding = DBL_EPSILON * (double)(m->residual_count > n ? m->residual_count : n);
    double reciprocal;
    if (!rv_lapack_triangle_condition(who, matrix, &reciprocal))
        return false;
    /* So far from losing rank that no singular value can be rounding. */
    return reciprocal > 10 * (double)n * rounding ? solve(m, matrix)
                                                  : solve_shortest(m, matrix, rounding);
}

/* ---- the step along it ----------------------------------------------------------------------- */

typedef struct line {
    rv_minimizer *m;
    rv_minimizer_trial last;
} line;

static bool along(void *context, double step, double *value, double *slope)
{
    line *l = context;
    if (!rv_minimizer_probe_residuals(l->m, step, &l->last) || !l->last.has_moved)
        return false;
    *value = -l->last.reduction; /* from the loss at x */
    *slope = 0;                  /* not known, and not needed by backtracking */
    return true;
}

/* Where the loss has no digits left. */
static bool step_by_gradient(rv_minimizer *m)
{
    double length = ((const rv_gauss_newton_options *)m->options)->lr;
    rv_minimizer_trial trial;
    for (int i = 0; i < 8 && rv_minimizer_probe_residuals(m, length, &trial) && trial.has_moved;
         i++) {
        if (rv_minimizer_take_if_flatter(m, &trial))
            return true;
        length /= 2;
    }
    return false;
}

static bool gauss_newton_iterate(rv_minimizer *m)
{
    const rv_gauss_newton_options *o = m->options;
    if (!find_direction(m))
        return false;
    const double slope = rv_vector_dot(m->n, m->gradient, m->direction);
    line l = {.m = m};
    double step = o->lr;
    if (-slope / 2 <= rv_minimizer_noise(m))
        return step_by_gradient(m);
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

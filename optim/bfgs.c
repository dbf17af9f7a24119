/* bfgs.c - dense quasi-Newton methods: BFGS, and its self-scaled kin.
 *
 * H, the inverse of the Hessian as the steps so far show it, is kept as one triangle. All three
 * updates have the form
 *
 *     H+ = keep*H + uu*(Hy)(Hy)' + us*((Hy)s' + s(Hy)') + ss*s s'
 *
 * and an iteration needs H y = H g+ - H g, where H g is known from the step. So it takes one
 * product, H g+; and as H+ g+ follows from that by the form above, the update itself can wait for
 * the next product, which makes it on the way: one pass over the matrix, one read and one write of
 * each number.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/triangle.h"
#include "optim/minimize_methods.h"
#include "optim/minimizer.h"

enum {
    INVERSE, /* the triangle, row by row: row i has i + 1 numbers */
    PRODUCT, /* H g, with the waiting update in H, */
    OF,      /* and that g: a call that begins elsewhere, or with other data, has another */
    WAITING_HY,
    WAITING_S,
    SUMS, /* [RV_TRIANGLE_SLICES, n] of one pass; not saved */
    VECTORS
};
enum { STARTED, KEEP, UU, US, SS, FALL, NUMBERS }; /* FALL: of the loss, by the last step */

/* Of a triangle; the largest number there is, which no memory has room for, if it is more. */
static int64_t area(int64_t n)
{
    const int64_t a = n % 2 == 0 ? n / 2 : n, b = n % 2 == 0 ? n + 1 : (n + 1) / 2;
    return a > INT64_MAX / b ? INT64_MAX : a * b;
}

static void vector_shape(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns)
{
    (void)options;
    *rows = i == SUMS ? RV_TRIANGLE_SLICES : 0;
    *columns = i == INVERSE ? area(n) : n;
}

/* ---- the pass -------------------------------------------------------------------------------- */

/* y = H x, H with the waiting update, which is in it then. */
static void multiply(rv_minimizer *m, const double *x, double *y)
{
    const rv_triangle_change waiting = {.keep = m->numbers[KEEP],
                                        .uu = m->numbers[UU],
                                        .us = m->numbers[US],
                                        .ss = m->numbers[SS],
                                        .u = m->vectors[WAITING_HY],
                                        .s = m->vectors[WAITING_S]};
    rv_triangle_change_and_multiply(m->n, m->vectors[INVERSE], &waiting, x, y, m->vectors[SUMS]);
    m->numbers[KEEP] = 1;
    m->numbers[UU] = m->numbers[US] = m->numbers[SS] = 0;
}

/* H = scale * I, and nothing waits: what did may have been infinite, and 0 times that is NaN. */
static void start(rv_minimizer *m, double scale)
{
    const size_t bytes = (size_t)m->n * sizeof(double);
    memset(m->vectors[WAITING_HY], 0, bytes);
    memset(m->vectors[WAITING_S], 0, bytes);
    double *row = m->vectors[INVERSE];
    memset(row, 0, (size_t)area(m->n) * sizeof(double));
    for (int64_t i = 0; i < m->n; row += ++i)
        row[i] = scale;
    m->numbers[STARTED] = m->numbers[KEEP] = 1;
    m->numbers[UU] = m->numbers[US] = m->numbers[SS] = 0;
}

/* ---- the updates ----------------------------------------------------------------------------- */

/* What an update is made of: rho = 1/(s'y), h = rho y'Hy, b = s'Bs rho with B the inverse of H. */
typedef struct curvature {
    double rho, h, b;
    bool is_first;
} curvature;

/* How much of Broyden's family is BFGS (1), and by what H is divided first. */
typedef struct choice {
    double phi, tau;
} choice;

/* Urban, Stefanou and Pons 2025, formulas 13 to 23. */
static choice self_scaled_broyden(const curvature *c, int64_t n)
{
    const double a = c->b * c->h - 1, root = sqrt(fabs(a) / (1 + a));
    const double r = fmin(1, c->h * (1 - root));
    const double low = a != 0 ? (r - 1) / a : -INFINITY, high = 1 / r;
    const double theta = fmax(low, fmin(high, (1 - c->b) / c->b));
    const double sigma = 1 + theta * a;
    const double q = n > 1 ? pow(fabs(sigma), 1 / (1 - (double)n)) : 1;
    const double least = fmin(1, 1 / c->b);
    const double tau = c->is_first  ? c->h / sigma
                       : theta <= 0 ? fmin(least * q, sigma)
                                    : least * fmin(q, 1 / theta);
    return (choice){.phi = (1 - theta) / (1 + a * theta), .tau = tau};
}

static choice choose(const rv_bfgs_options *o, const curvature *c, int64_t n)
{
    if (o->update == RV_BFGS_SELF_SCALED_BROYDEN)
        return self_scaled_broyden(c, n);
    if (o->update == RV_BFGS_SELF_SCALED && !c->is_first)
        return (choice){.phi = 1, .tau = fmin(1, 1 / c->b)};
    return (choice){.phi = 1, .tau = 1};
}

static bool is_positive(double x)
{
    return x > 0 && isfinite(x) && isfinite(1 / x);
}

/* Lets the update for the step that was made wait, and finds H+ g+; slope: s'g before it. False if
 * it would not leave H positive definite. */
static bool update(rv_minimizer *m, double slope, double length)
{
    const rv_bfgs_options *o = m->options;
    const int64_t n = m->n;
    const double *s = m->step, *y = m->change;
    const double sy = rv_vector_dot(n, s, y), yy = rv_vector_dot(n, y, y);
    const bool is_first = m->numbers[STARTED] == 0;
    if (!is_positive(sy) || sy <= DBL_EPSILON * sqrt(yy * rv_vector_dot(n, s, s)))
        return !is_first; /* it shows no curvature: H stays */
    if (is_first)
        start(m, o->update == RV_BFGS_SELF_SCALED_BROYDEN ? 1 : sy / yy);

    double *product = m->vectors[PRODUCT], *hy = m->vectors[WAITING_HY];
    double *fresh = m->direction; /* H g+ */
    multiply(m, m->gradient, fresh);
    memcpy(hy, fresh, (size_t)n * sizeof(double));
    if (is_first)
        multiply(m, y, hy); /* the step did not come from this H */
    else
        rv_vector_add(n, -1, product, hy);

    const double yhy = rv_vector_dot(n, y, hy);
    const curvature c = {.rho = 1 / sy,
                         .h = yhy / sy,
                         .b = is_first ? rv_vector_dot(n, s, s) / sy : -length * slope / sy,
                         .is_first = is_first};
    const choice how = choose(o, &c, n);
    if (!is_positive(yhy) || !is_positive(c.b) || !is_positive(how.tau) || !isfinite(how.phi))
        return false;
    m->numbers[KEEP] = 1 / how.tau;
    m->numbers[UU] = (how.phi - 1) / (yhy * how.tau);
    m->numbers[US] = -how.phi * c.rho / how.tau;
    m->numbers[SS] = how.phi * yhy * c.rho * c.rho / how.tau + c.rho;
    memcpy(m->vectors[WAITING_S], s, (size_t)n * sizeof(double));

    const double ug = rv_vector_dot(n, hy, m->gradient), sg = rv_vector_dot(n, s, m->gradient);
    rv_vector_scale(n, m->numbers[KEEP], fresh, product);
    rv_vector_add(n, m->numbers[UU] * ug + m->numbers[US] * sg, hy, product);
    rv_vector_add(n, m->numbers[US] * ug + m->numbers[SS] * sg, s, product);
    memcpy(m->vectors[OF], m->gradient, (size_t)n * sizeof(double));
    return true;
}

/* ---- an iteration ---------------------------------------------------------------------------- */

/* Lets the product be that with the gradient as it is now. */
static void find_product(rv_minimizer *m)
{
    const size_t bytes = (size_t)m->n * sizeof(double);
    if (memcmp(m->vectors[OF], m->gradient, bytes) == 0)
        return;
    multiply(m, m->gradient, m->vectors[PRODUCT]);
    memcpy(m->vectors[OF], m->gradient, bytes);
    m->numbers[FALL] = 0; /* another loss, perhaps */
}

/* The first step to try along -H g. */
static double first_step(const rv_minimizer *m, double slope)
{
    const rv_bfgs_options *o = m->options;
    const double fall = m->numbers[FALL];
    if (!o->predict_step || !(fall > 0) || !(slope < 0))
        return o->lr;
    return o->lr * fmin(1, 2.02 * fall / -slope);
}

/* Along -H g, or -g. */
static bool move(rv_minimizer *m, double *slope, double *length)
{
    const rv_bfgs_options *o = m->options;
    const bool has_inverse = m->numbers[STARTED] != 0;
    if (has_inverse)
        find_product(m);
    rv_vector_scale(m->n, -1, has_inverse ? m->vectors[PRODUCT] : m->gradient, m->direction);
    const double along = rv_vector_dot(m->n, m->direction, m->gradient);
    const double step =
        has_inverse ? first_step(m, along) : o->lr / rv_vector_length(m->n, m->gradient);
    const double before = m->loss;
    if (!rv_minimizer_search(m, .step = step, .method = o->line_search, .decrease = o->decrease,
                             .curvature = o->curvature))
        return false;
    m->numbers[FALL] = before - m->loss;
    *length = rv_vector_dot(m->n, m->step, m->direction) /
              rv_vector_dot(m->n, m->direction, m->direction);
    *slope = *length * along;
    return true;
}

static bool bfgs_iterate(rv_minimizer *m)
{
    double slope, length;
    bool moved = move(m, &slope, &length);
    if (!moved && m->numbers[STARTED] != 0 && !rv_minimizer_is_over(m)) {
        m->numbers[STARTED] = 0;
        moved = move(m, &slope, &length);
    }
    if (moved && !update(m, slope, length))
        m->numbers[STARTED] = 0;
    return moved;
}

static bool bfgs_validate(const void *options)
{
    const rv_bfgs_options *o = options;
    const char *who = "optim_bfgs";
    if ((unsigned)o->update >= RV_BFGS_UPDATE_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, who, "update is %d; an rv_bfgs_update is expected",
                       (int)o->update);
    return rv_minimize_validate(who, options, o->line_search, o->decrease, o->curvature);
}

static const rv_minimizer_class bfgs_minimizer = {.vector_count = VECTORS,
                                                  .vector_names = {"inverse_hessian", "product",
                                                                   "product_of", "waiting_product",
                                                                   "waiting_step", NULL},
                                                  .vector_shape = vector_shape,
                                                  .number_count = NUMBERS,
                                                  .iterate = bfgs_iterate};

static const rv_optim_class bfgs_class = {.name = "optim_bfgs",
                                          .options_size = sizeof(rv_bfgs_options),
                                          .refuses = RV_MINIMIZER_REFUSES,
                                          .validate = bfgs_validate,
                                          .minimizer = &bfgs_minimizer};

rv_optim *rv_optim_bfgs_with(const rv_bfgs_options *options)
{
    return rv_optim_new(&bfgs_class, options);
}

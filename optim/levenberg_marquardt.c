/* levenberg_marquardt.c - sums of squares by a trust region: J. More, "The Levenberg-Marquardt
 * algorithm: implementation and theory", Lecture Notes in Mathematics 630 (1978), 105-116.
 */
#include <float.h>
#include <math.h>

#include "optim/damped.h"

enum { SCALES, MATRICES, VECTORS = MATRICES + 4 };
enum { STARTED, RADIUS, DAMPING, NUMBERS };

static void vector_shape(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns)
{
    const rv_levenberg_marquardt_options *o = options;
    if (i >= MATRICES)
        rv_damped_shape(o->solver, n, i - MATRICES, rows, columns);
}

static rv_damped damped_of(const rv_minimizer *m)
{
    const rv_levenberg_marquardt_options *o = m->options;
    return (rv_damped){.who = "optim_levenberg_marquardt",
                       .solver = o->solver,
                       .n = m->n,
                       .base = rv_minimizer_vector(m, MATRICES + RV_DAMPED_BASE),
                       .stack = rv_minimizer_vector(m, MATRICES + RV_DAMPED_STACK),
                       .factor = rv_minimizer_vector(m, MATRICES + RV_DAMPED_FACTOR),
                       .work = rv_minimizer_vector(m, MATRICES + RV_DAMPED_WORK)};
}

/* ---- the region ------------------------------------------------------------------------------ */

/* |D x| */
static double scaled_length(const rv_minimizer *m, const double *x)
{
    const double *scales = m->vectors[SCALES];
    double sum = 0;
    for (int64_t j = 0; j < m->n; j++)
        sum += scales[j] * x[j] * (scales[j] * x[j]);
    return sqrt(sum);
}

/* D grows with the columns of J; the first radius. */
static void begin_region(rv_minimizer *m)
{
    const rv_levenberg_marquardt_options *o = m->options;
    double *scales = m->vectors[SCALES];
    const int64_t rows = m->residual_count;
    const bool is_first = m->numbers[STARTED] == 0;
    for (int64_t j = 0; j < m->n; j++) {
        const double *column = m->columns + j * rows;
        const double length = sqrt(rv_vector_dot(rows, column, column));
        if (is_first)
            scales[j] = length > 0 ? length : 1;
        else
            scales[j] = fmax(scales[j], length);
    }
    if (!is_first)
        return;
    const double length = scaled_length(m, m->x);
    m->numbers[RADIUS] = length > 0 ? o->radius * length : o->radius;
    m->numbers[DAMPING] = 0;
}

/* |D^-1 g| */
static double scaled_slope(const rv_minimizer *m)
{
    double sum = 0;
    for (int64_t j = 0; j < m->n; j++) {
        const double slope = m->gradient[j] / m->vectors[SCALES][j];
        sum += slope * slope;
    }
    return sqrt(sum);
}

/* p without damping, or where J has lost rank with as little as its digits need, which is none for
 * what follows. False after an error, or if there is none. */
static bool find_longest(rv_minimizer *m, const rv_damped *d, rv_damped_step *step, double *mu)
{
    enum { MOST_TRIALS = 16 };
    *mu = 0;
    for (int i = 0; i < MOST_TRIALS; i++) {
        if (!rv_damped_solve(d, m, *mu, m->vectors[SCALES], step))
            return false;
        if (step->is_found)
            return true;
        *mu = *mu == 0 ? 10 * (double)m->n * DBL_EPSILON : 10 * *mu;
    }
    return false;
}

/* p, with the damping for which |D p| is the radius to within a tenth, by Newton's method on
 * 1/|D p| - 1/radius between two bounds. False after an error, or if there is none. */
static bool find_step(rv_minimizer *m, rv_damped_step *step)
{
    enum { MOST_SOLUTIONS = 10 };
    const rv_damped d = damped_of(m);
    const double radius = m->numbers[RADIUS], most = 1.1 * radius;
    double least;
    if (!find_longest(m, &d, step, &least))
        return false;
    if (step->length <= most) {
        m->numbers[DAMPING] = 0;
        return true;
    }
    const double slope = scaled_slope(m);
    double low = least + (step->length - radius) / (radius * step->fall), high = slope / radius;
    double mu = fmin(fmax(m->numbers[DAMPING], low), high);
    if (!(mu > 0))
        mu = slope / step->length;
    for (int i = 0; i < MOST_SOLUTIONS; i++) {
        if (!rv_damped_solve(&d, m, mu, m->vectors[SCALES], step))
            return false;
        if (!step->is_found)
            return false;
        m->numbers[DAMPING] = mu;
        const double over = step->length - radius;
        if (fabs(over) <= 0.1 * radius)
            break;
        if (over > 0)
            low = fmax(low, mu);
        else
            high = fmin(high, mu);
        mu = fmax(low, mu + over / (radius * step->fall));
    }
    return true;
}

/* ---- an iteration ---------------------------------------------------------------------------- */

/* The radius and damping after a trial: ratio of what was gained to what the model promised. */
static void update_region(rv_minimizer *m, const rv_minimizer_trial *t, double ratio, double slope,
                          double length)
{
    double *radius = &m->numbers[RADIUS], *damping = &m->numbers[DAMPING];
    if (ratio <= 0.25) {
        double share = 0.5;
        if (!(t->reduction >= 0))
            share = 0.5 * slope / (slope - t->reduction);
        if (!(t->loss < 100 * m->loss) || !(share >= 0.1))
            share = 0.1;
        *radius = share * fmin(*radius, 10 * length);
        *damping /= share;
    } else if (*damping == 0 || ratio >= 0.75) {
        *radius = 2 * length;
        *damping /= 2;
    }
}

static bool is_taken(rv_minimizer *m)
{
    if (isnan(rv_minimizer_linearize(m)))
        return false;
    rv_minimizer_take(m);
    return true;
}

static bool levenberg_marquardt_iterate(rv_minimizer *m)
{
    enum { MOST_STEEPER = 8 }; /* trials where only the gradient decides */
    int steeper = 0;
    const rv_damped d = damped_of(m);
    const double noise = rv_minimizer_noise(m);
    begin_region(m);
    if (!rv_damped_begin(&d, m))
        return false;
    while (m->numbers[RADIUS] > DBL_MIN) {
        rv_damped_step step;
        rv_minimizer_trial trial;
        if (!find_step(m, &step))
            break;
        const bool is_first = m->numbers[STARTED] == 0;
        if (is_first)
            m->numbers[RADIUS] = fmin(m->numbers[RADIUS], step.length);
        m->numbers[STARTED] = 1;
        const double slope = -rv_vector_dot(m->n, m->gradient, m->direction);
        const double bound = m->numbers[DAMPING] * step.length * step.length;
        const double promised = (slope + bound) / 2;
        if (!(promised > 0) || !rv_minimizer_probe_residuals(m, 1, &trial) || !trial.has_moved)
            break;
        if (promised <= noise && trial.reduction <= noise) {
            if (rv_minimizer_take_if_flatter(m, &trial))
                return true;
            if (rv_minimizer_is_over(m) || ++steeper == MOST_STEEPER)
                return false;
            m->numbers[RADIUS] = step.length / 4;
            m->numbers[DAMPING] *= 4;
            continue;
        }
        const double ratio = trial.reduction / promised;
        update_region(m, &trial, ratio, slope, step.length);
        if (ratio >= 1e-4 && is_taken(m))
            return true;
        if (ratio >= 1e-4)
            m->numbers[RADIUS] = fmin(m->numbers[RADIUS], step.length) / 4;
        if (rv_minimizer_is_over(m))
            return false;
    }
    return false;
}

static bool levenberg_marquardt_validate(const void *options)
{
    const rv_levenberg_marquardt_options *o = options;
    const char *who = "optim_levenberg_marquardt";
    if ((unsigned)o->solver >= RV_LEAST_SQUARES_SOLVER_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "solver is %d; an rv_least_squares_solver is expected", (int)o->solver);
    if (o->lr != 1)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "lr is %g; 1 is expected: the radius says how long steps are", o->lr);
    return rv_optim_check_above(who, "radius", o->radius, 0) &&
           rv_minimize_validate(who, options, RV_LINE_BACKTRACKING, 1e-4, 0.9);
}

static const rv_minimizer_class levenberg_marquardt_minimizer = {
    .vector_count = VECTORS,
    .vector_names = {"scales", NULL},
    .vector_shape = vector_shape,
    .number_count = NUMBERS,
    .residuals = true,
    .jacobian_offset = offsetof(rv_levenberg_marquardt_options, jacobian),
    .iterate = levenberg_marquardt_iterate};

static const rv_optim_class levenberg_marquardt_class = {
    .name = "optim_levenberg_marquardt",
    .options_size = sizeof(rv_levenberg_marquardt_options),
    .refuses = RV_MINIMIZER_REFUSES | RV_OPTIM_NO_MAXIMIZE,
    .validate = levenberg_marquardt_validate,
    .minimizer = &levenberg_marquardt_minimizer};

rv_optim *rv_optim_levenberg_marquardt_with(const rv_levenberg_marquardt_options *options)
{
    return rv_optim_new(&levenberg_marquardt_class, options);
}

/* lbfgs.c - limited-memory BFGS: D. Liu, J. Nocedal, "On the limited memory BFGS method for large
 * scale optimization", Mathematical Programming 45 (1989), 503-528.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "optim/minimize_methods.h"
#include "optim/minimizer.h"

/* What is kept: pairs in a ring, newest before `next`, and beside each 1/(s'y) and s'y/y'y. */
enum { STEPS, CHANGES, RECIPROCALS, SCALES, WEIGHTS, VECTORS };
enum { COUNT, NEXT, NUMBERS };

/* The two loops begin with a multiple of the identity: the largest s'y/y'y of so many last pairs.
 * That of the last pair alone, as is usual, is small where the step went across the valley. A
 * direction that no pair knows is then followed too timidly, for many iterations; one that is
 * followed too boldly costs the search a single evaluation. */
enum { RECENT = 5 };

static int64_t history_of(const rv_minimizer *m)
{
    return ((const rv_lbfgs_options *)m->options)->history;
}

/* A number that counts pairs, or a place among them; a file may say anything. */
static int64_t whole(double number, int64_t most)
{
    return number >= 0 && number <= (double)most ? (int64_t)number : 0;
}

static void vector_shape(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns)
{
    const int64_t history = ((const rv_lbfgs_options *)options)->history;
    *rows = i <= CHANGES ? history : 0;
    *columns = i <= CHANGES ? n : history;
}

/* Where pair i is, 0 being the newest. */
static int64_t place_of(const rv_minimizer *m, int64_t i)
{
    const int64_t history = history_of(m);
    return (whole(m->numbers[NEXT], history - 1) - 1 - i + 2 * history) % history;
}

static double scale_of(const rv_minimizer *m, int64_t count)
{
    double scale = 0;
    for (int64_t i = 0; i < count && i < RECENT; i++)
        scale = fmax(scale, m->vectors[SCALES][place_of(m, i)]);
    return scale;
}

/* direction = -H g, by the two loops. */
static void find_direction(rv_minimizer *m)
{
    const int64_t n = m->n, count = whole(m->numbers[COUNT], history_of(m));
    double *d = m->direction, *weights = m->vectors[WEIGHTS];
    rv_vector_scale(n, -1, m->gradient, d);
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = place_of(m, i);
        weights[at] = m->vectors[RECIPROCALS][at] * rv_vector_dot(n, m->vectors[STEPS] + at * n, d);
        rv_vector_add(n, -weights[at], m->vectors[CHANGES] + at * n, d);
    }
    if (count > 0)
        rv_vector_scale(n, scale_of(m, count), d, d);
    for (int64_t i = count - 1; i >= 0; i--) {
        const int64_t at = place_of(m, i);
        const double back =
            m->vectors[RECIPROCALS][at] * rv_vector_dot(n, m->vectors[CHANGES] + at * n, d);
        rv_vector_add(n, weights[at] - back, m->vectors[STEPS] + at * n, d);
    }
}

static void keep_pair(rv_minimizer *m)
{
    const int64_t n = m->n, history = history_of(m);
    const double sy = rv_vector_dot(n, m->step, m->change);
    const double ss = rv_vector_dot(n, m->step, m->step);
    const double yy = rv_vector_dot(n, m->change, m->change);
    if (!(sy > DBL_EPSILON * sqrt(ss) * sqrt(yy)) || !isfinite(1 / sy) || !isfinite(yy) ||
        !isfinite(sy / yy))
        return;
    const int64_t at = whole(m->numbers[NEXT], history - 1);
    memcpy(m->vectors[STEPS] + at * n, m->step, (size_t)n * sizeof(double));
    memcpy(m->vectors[CHANGES] + at * n, m->change, (size_t)n * sizeof(double));
    m->vectors[RECIPROCALS][at] = 1 / sy;
    m->vectors[SCALES][at] = sy / yy;
    m->numbers[NEXT] = (double)((at + 1) % history);
    m->numbers[COUNT] = fmin(m->numbers[COUNT] + 1, (double)history);
}

static bool search(rv_minimizer *m)
{
    const rv_lbfgs_options *o = m->options;
    const double length = rv_vector_length(m->n, m->gradient);
    const double step = m->numbers[COUNT] > 0 ? o->lr : o->lr / length;
    return rv_minimizer_search(m, .step = step, .method = o->line_search, .decrease = o->decrease,
                               .curvature = o->curvature);
}

/* Whether what a file may have brought says which pairs there are; false with an error. */
static bool check_numbers(const rv_minimizer *m)
{
    const double history = (double)((const rv_lbfgs_options *)m->options)->history;
    const double count = m->numbers[COUNT], next = m->numbers[NEXT];
    return (count >= 0 && count <= history && next >= 0 && next < history) ||
           rv_fail(RV_ERROR_ARGUMENT, "optim_lbfgs",
                   "its state has %g pairs, and the next is number %g; there is room for %g", count,
                   next, history);
}

static bool lbfgs_iterate(rv_minimizer *m)
{
    if (!check_numbers(m))
        return false;
    find_direction(m);
    bool moved = search(m);
    if (!moved && m->numbers[COUNT] > 0 && !rv_minimizer_is_over(m)) {
        m->numbers[COUNT] = m->numbers[NEXT] = 0;
        find_direction(m);
        moved = search(m);
    }
    if (moved)
        keep_pair(m);
    return moved;
}

static bool lbfgs_validate(const void *options)
{
    const rv_lbfgs_options *o = options;
    if (o->history < 1)
        return rv_fail(RV_ERROR_ARGUMENT, "optim_lbfgs", "history is %lld; >= 1 is expected",
                       (long long)o->history);
    return rv_minimize_validate("optim_lbfgs", options, o->line_search, o->decrease, o->curvature);
}

static const rv_minimizer_class lbfgs_minimizer = {
    .vector_count = VECTORS,
    .vector_names = {"old_steps", "old_changes", "reciprocals", "scales", NULL},
    .vector_shape = vector_shape,
    .number_count = NUMBERS,
    .iterate = lbfgs_iterate};

static const rv_optim_class lbfgs_class = {.name = "optim_lbfgs",
                                           .options_size = sizeof(rv_lbfgs_options),
                                           .refuses = RV_MINIMIZER_REFUSES,
                                           .validate = lbfgs_validate,
                                           .minimizer = &lbfgs_minimizer};

rv_optim *rv_optim_lbfgs_with(const rv_lbfgs_options *options)
{
    return rv_optim_new(&lbfgs_class, options);
}

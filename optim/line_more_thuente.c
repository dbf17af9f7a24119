/* line_more_thuente.c - More and Thuente, "Line search algorithms with guaranteed sufficient
 * decrease", ACM TOMS 20 (1994), 286-307.
 *
 * The search keeps two points, and a step that satisfies the conditions lies between them: `low`
 * has the lowest value so far, and phi falls from it towards `other`. Until a bracket is found
 * `other` is unknown, and steps grow. Each trial replaces one of the two, and the next one is where
 * a cubic or a parabola through what is known has its minimum, kept from the interval's ends.
 *
 * At first the search works on psi(a) = phi(a) - phi(0) - decrease*a*phi'(0), whose minimum
 * satisfies the first condition; once it has seen a point with psi <= 0 and phi' >= 0, on phi.
 */
#include <math.h>

#include "optim/line_parts.h"

typedef struct interval {
    rv_line_point low, other;
    bool is_bracket; /* both ends are known */
    double width, width_before;
} interval;

/* Where trials may lie, and where phi was not finite. */
typedef struct bounds {
    double least, most, wall;
} bounds;

/* Beyond the last step, and how far, while there is no bracket. */
static const double LEAST_GROWTH = 1.1, MOST_GROWTH = 4;
/* An interval that does not shrink by this in two steps is halved; also the share of a bracket that
 * a step may go towards its other end. */
static const double SHRINK = 0.66;
static const double ROUNDING = 1e-16;

static double clamp(double x, double low, double high)
{
    return fmax(low, fmin(x, high));
}

/* Of two steps the one nearer to `from`. */
static double nearer(double from, double a, double b)
{
    return fabs(a - from) < fabs(b - from) ? a : b;
}

/* Where the cubic that has the values and slopes of two points has its minimum. A cubic that only
 * falls, or rises, has none: then where it is flattest, and *is_minimum is false. */
static double cubic_step(const rv_line_point *a, const rv_line_point *b, bool *is_minimum)
{
    const double width = b->step - a->step;
    const double theta = 3 * (a->value - b->value) / width + a->slope + b->slope;
    const double scale = fmax(fabs(theta), fmax(fabs(a->slope), fabs(b->slope)));
    const double square = theta / scale * (theta / scale) - a->slope / scale * (b->slope / scale);
    const double root = copysign(scale * sqrt(fmax(square, 0)), width);
    *is_minimum = square > 0;
    return a->step + (root - a->slope + theta) / (root - a->slope + root + b->slope) * width;
}

static double farther(double from, double a, double b)
{
    return fabs(a - from) > fabs(b - from) ? a : b;
}

/* Case 3 of the paper: same sign, smaller slope, lower value. The cubic may have no minimum beyond
 * the trial: then it gives no step but the bound. */
static double step_where_slope_shrinks(const interval *i, const rv_line_point *trial, double least,
                                       double most)
{
    const rv_line_point *low = &i->low;
    bool is_minimum;
    const double cubic = cubic_step(trial, low, &is_minimum), secant = rv_line_secant(trial, low);
    const bool is_beyond = is_minimum && (cubic - trial->step) * (trial->step - low->step) > 0;
    const double bound = trial->step > low->step ? most : least;
    const double other = is_beyond ? cubic : bound;
    if (!i->is_bracket)
        return clamp(farther(trial->step, other, secant), least, most);
    const double limit = trial->step + SHRINK * (i->other.step - trial->step);
    const double next = nearer(trial->step, other, secant);
    return trial->step > low->step ? fmin(limit, next) : fmax(limit, next);
}

/* The next trial, from what the last one adds to the interval (section 4 of the paper). */
static double next_step(const interval *i, const rv_line_point *trial, double least, double most)
{
    const rv_line_point *low = &i->low;
    bool is_minimum;
    if (trial->value > low->value) {
        const double cubic = cubic_step(low, trial, &is_minimum),
                     parabola = rv_line_parabola(low, trial);
        return fabs(cubic - low->step) < fabs(parabola - low->step)
                   ? cubic
                   : cubic + (parabola - cubic) / 2;
    }
    if (trial->slope * low->slope < 0)
        return farther(trial->step, cubic_step(trial, low, &is_minimum),
                       rv_line_secant(trial, low));
    if (fabs(trial->slope) < fabs(low->slope))
        return step_where_slope_shrinks(i, trial, least, most);
    if (i->is_bracket)
        return cubic_step(trial, &i->other, &is_minimum);
    return trial->step > low->step ? most : least;
}

static void update(interval *i, const rv_line_point *trial)
{
    if (trial->value > i->low.value) {
        i->other = *trial;
        i->is_bracket = true;
        return;
    }
    if (trial->slope * i->low.slope < 0) {
        i->other = i->low;
        i->is_bracket = true;
    }
    i->low = *trial;
}

/* p on psi, or back (share = -decrease). */
static rv_line_point tilted(rv_line_point p, double slope)
{
    p.value -= p.step * slope;
    p.slope -= slope;
    return p;
}

/* One step of the interval on phi, or on psi if `tilt` is not 0. */
static double advance(interval *i, rv_line_point trial, double tilt, const bounds *b)
{
    interval on = *i;
    on.low = tilted(i->low, tilt);
    on.other = tilted(i->other, tilt);
    trial = tilted(trial, tilt);
    double next = next_step(&on, &trial, b->least, b->most);
    update(&on, &trial);
    i->low = tilted(on.low, -tilt);
    i->other = tilted(on.other, -tilt);
    i->is_bracket = on.is_bracket;
    if (i->is_bracket) {
        const double width = fabs(i->other.step - i->low.step);
        if (width >= SHRINK * i->width_before)
            next = i->low.step + (i->other.step - i->low.step) / 2;
        i->width_before = i->width;
        i->width = width;
    }
    return next;
}

/* Steps back from a place where phi is not finite; that is a wall now, which the search may come
 * near to but does not pass. */
static double step_back(interval *i, bounds *b, double step)
{
    b->wall = step;
    i->is_bracket = false;
    const double next = i->low.step + (step - i->low.step) / 2;
    b->least = next;
    b->most = next + (step - next) / 2;
    return next;
}

/* Where the trial after the next one may lie. */
static void bound(const interval *i, bounds *b, double next)
{
    if (i->is_bracket) {
        b->least = fmin(i->low.step, i->other.step);
        b->most = fmax(i->low.step, i->other.step);
        return;
    }
    b->least = next + LEAST_GROWTH * (next - i->low.step);
    b->most = next + MOST_GROWTH * (next - i->low.step);
    if (isfinite(b->wall)) {
        b->most = fmin(b->most, next + (b->wall - next) / 2);
        b->least = fmin(b->least, b->most);
    }
}

/* Whether rounding leaves no room for another trial. */
static bool is_narrow(const interval *i, const bounds *b, double next)
{
    if (i->is_bracket)
        return next <= b->least || next >= b->most || b->most - b->least <= ROUNDING * b->most;
    return isfinite(b->wall) && b->wall - i->low.step <= ROUNDING * b->wall;
}

void rv_line_more_thuente(rv_line *line)
{
    const rv_line_options *o = line->options;
    const double tilt = o->decrease * line->origin.slope;
    interval i = {.low = line->origin, .other = line->origin};
    bounds b = {.least = 0, .most = o->step + MOST_GROWTH * o->step, .wall = INFINITY};
    i.width = o->step_max;
    i.width_before = 2 * o->step_max;
    bool on_psi = true;
    double step = o->step;
    do {
        if (rv_line_probe(line, step))
            return;
        const rv_line_point p = line->last;
        if (!rv_line_is_finite(&p)) {
            step = step_back(&i, &b, step);
            continue;
        }
        const double line_value = line->origin.value + step * tilt;
        on_psi = on_psi && !(p.value <= line_value && p.slope >= 0);
        line->status = RV_LINE_AT_LARGEST;
        if (step == o->step_max && p.value <= line_value && p.slope <= tilt)
            return;
        const bool use_psi = on_psi && p.value <= i.low.value && p.value > line_value;
        step = advance(&i, p, use_psi ? tilt : 0, &b);
        bound(&i, &b, step);
        step = clamp(step, 0, fmin(o->step_max, i.low.step + (b.wall - i.low.step) / 2));
    } while (!is_narrow(&i, &b, step));
    line->status = RV_LINE_ROUNDING;
}

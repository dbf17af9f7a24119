/* line_hager_zhang.c - Hager and Zhang, "Algorithm 851: CG_DESCENT", ACM TOMS 32 (2006), 113-137;
 * their names of the steps (B, U, S, L) stand beside them.
 *
 * The search keeps an interval [a, b] with phi'(a) < 0, phi(a) <= phi(0) + noise and phi'(b) >= 0.
 * Inside it phi' is zero somewhere, which secants find: they need no values, whose differences
 * drown in rounding near a minimum, and end with a slope as small as it can be computed.
 */
#include <math.h>

#include "optim/line_parts.h"

static const double GROWTH = 5;    /* of steps, until there is an interval */
static const double SHRINK = 0.66; /* an interval that secants do not shrink by this is halved */

typedef struct interval {
    rv_line_point a, b;
} interval;

/* Whether the value is one that an interval may begin with. */
static bool is_low(const rv_line *line, const rv_line_point *p)
{
    return p->value <= line->origin.value + line->options->noise;
}

/* Whether there is no step between the ends. */
static bool is_narrow(rv_line *line, const interval *i)
{
    const double middle = i->a.step + (i->b.step - i->a.step) / 2;
    if (middle > i->a.step && middle < i->b.step)
        return false;
    line->status = RV_LINE_ROUNDING;
    return true;
}

/* U3: from [a, b] with phi'(a) < 0 and b that is too high, or not finite, by halves. */
static bool halve(rv_line *line, interval *i)
{
    while (!is_narrow(line, i)) {
        if (rv_line_probe(line, i->a.step + (i->b.step - i->a.step) / 2))
            return true;
        const rv_line_point d = line->last;
        if (rv_line_is_finite(&d) && d.slope >= 0) {
            i->b = d;
            return false;
        }
        if (rv_line_is_finite(&d) && is_low(line, &d))
            i->a = d;
        else
            i->b = d;
    }
    return true;
}

/* U1 to U3: a smaller interval, by what was found at c between its ends. */
static bool shrink(rv_line *line, interval *i, const rv_line_point *c)
{
    const bool is_finite = rv_line_is_finite(c);
    if (is_finite && c->slope >= 0) {
        i->b = *c;
        return false;
    }
    if (is_finite && is_low(line, c)) {
        i->a = *c;
        return false;
    }
    i->b = *c;
    return halve(line, i);
}

/* Evaluates at c, if that is inside the interval (U0), and makes it smaller. */
static bool update(rv_line *line, interval *i, double c)
{
    if (!(c > i->a.step && c < i->b.step))
        return false;
    if (rv_line_probe(line, c))
        return true;
    const rv_line_point p = line->last;
    return shrink(line, i, &p);
}

/* B1 to B3: the first interval, from steps that grow. */
static bool bracket(rv_line *line, interval *i)
{
    const double largest = line->options->step_max;
    double step = line->options->step;
    i->a = line->origin;
    for (;;) {
        if (rv_line_probe(line, step))
            return true;
        const rv_line_point p = line->last;
        if (!rv_line_is_finite(&p) || p.slope >= 0 || !is_low(line, &p))
            return shrink(line, i, &p);
        i->a = p;
        line->status = RV_LINE_AT_LARGEST;
        if (step >= largest)
            return true;
        step = fmin(step * GROWTH, largest);
    }
}

/* S1 to S4: two secants. */
static bool secants(rv_line *line, interval *i)
{
    const interval before = *i;
    const double c = rv_line_secant(&i->a, &i->b);
    if (update(line, i, c))
        return true;
    double second = NAN;
    if (i->b.step == c)
        second = rv_line_secant(&before.b, &i->b);
    else if (i->a.step == c)
        second = rv_line_secant(&before.a, &i->a);
    return update(line, i, second);
}

void rv_line_hager_zhang(rv_line *line)
{
    interval i;
    if (bracket(line, &i))
        return;
    while (!is_narrow(line, &i)) {
        const double width = i.b.step - i.a.step;
        if (secants(line, &i))
            return;
        if (i.b.step - i.a.step > SHRINK * width &&
            update(line, &i, i.a.step + (i.b.step - i.a.step) / 2))
            return;
    }
}

/* line_search.c - what all line searches do: check, evaluate, see whether a point will do. */
#include "optim/line_search.h"

#include <math.h>

#include "core/error.h"
#include "optim/line_parts.h"

static const char *const who = "line_search";

/* ---- points ---------------------------------------------------------------------------------- */

bool rv_line_is_finite(const rv_line_point *p)
{
    return isfinite(p->value) && isfinite(p->slope);
}

/* The strong Wolfe conditions; for backtracking only the first. */
static bool is_wolfe(const rv_line *line)
{
    const rv_line_options *o = line->options;
    const rv_line_point *p = &line->last;
    const double line_value = line->origin.value + o->decrease * p->step * line->origin.slope;
    if (p->value > line_value)
        return false;
    return o->method == RV_LINE_BACKTRACKING ||
           fabs(p->slope) <= o->curvature * -line->origin.slope;
}

static bool is_approximate_wolfe(const rv_line *line)
{
    const rv_line_options *o = line->options;
    const rv_line_point *p = &line->last;
    return o->noise > 0 && fabs(p->value - line->origin.value) <= o->noise &&
           p->slope >= o->curvature * line->origin.slope &&
           p->slope <= (2 * o->decrease - 1) * line->origin.slope;
}

bool rv_line_probe(rv_line *line, double step)
{
    const rv_line_options *o = line->options;
    rv_line_point *p = &line->last;
    *p = (rv_line_point){.step = step, .value = NAN, .slope = NAN};
    line->evaluations++;
    line->status = RV_LINE_STOPPED;
    if (!o->function(o->context, step, &p->value, &p->slope))
        return true;
    if (rv_line_is_finite(p)) {
        if (p->value < line->best.value)
            line->best = *p;
        line->status = RV_LINE_FOUND;
        if (is_wolfe(line))
            return true;
        line->status = RV_LINE_APPROXIMATE;
        if (is_approximate_wolfe(line))
            return true;
    }
    line->status = RV_LINE_EVALUATIONS;
    return line->evaluations >= o->max_evaluations;
}

/* ---- interpolation --------------------------------------------------------------------------- */

double rv_line_parabola(const rv_line_point *a, const rv_line_point *b)
{
    const double width = b->step - a->step;
    return a->step + a->slope / ((a->value - b->value) / width + a->slope) / 2 * width;
}

double rv_line_secant(const rv_line_point *a, const rv_line_point *b)
{
    return a->step + a->slope / (a->slope - b->slope) * (b->step - a->step);
}

/* ---- the call -------------------------------------------------------------------------------- */

bool rv_line_check(const char *caller, const char *name, rv_line_method method, double decrease,
                   double curvature)
{
    if (method < RV_LINE_MORE_THUENTE || method > RV_LINE_BACKTRACKING)
        return rv_fail(RV_ERROR_ARGUMENT, caller, "%s is %d; an rv_line_method is expected", name,
                       (int)method);
    if (!(decrease > 0 && decrease < 0.5))
        return rv_fail(RV_ERROR_ARGUMENT, caller, "decrease is %g; > 0 and < 0.5 is expected",
                       decrease);
    return (curvature > decrease && curvature < 1) ||
           rv_fail(RV_ERROR_ARGUMENT, caller,
                   "curvature is %g; > decrease (%g) and < 1 is expected", curvature, decrease);
}

static bool check(const rv_line_options *o)
{
    if (o == NULL || o->function == NULL)
        return rv_fail(RV_ERROR_NULL, who,
                       o == NULL ? "the options are NULL" : "the function is NULL");
    if (!rv_line_check(who, "method", o->method, o->decrease, o->curvature))
        return false;
    if (!(o->noise >= 0 && isfinite(o->noise)))
        return rv_fail(RV_ERROR_ARGUMENT, who, "noise is %g; a finite number >= 0 is expected",
                       o->noise);
    if (!(o->step > 0 && isfinite(o->step)))
        return rv_fail(RV_ERROR_ARGUMENT, who, "step is %g; a finite number > 0 is expected",
                       o->step);
    if (!(o->step_max >= o->step && isfinite(o->step_max)))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "step_max is %g; a finite number >= step (%g) is expected", o->step_max,
                       o->step);
    if (o->max_evaluations < 1)
        return rv_fail(RV_ERROR_ARGUMENT, who, "max_evaluations is %d; >= 1 is expected",
                       o->max_evaluations);
    return true;
}

rv_line_result rv_line_search_with(const rv_line_options *o)
{
    if (!check(o))
        return (rv_line_result){.status = RV_LINE_WRONG, .value = NAN, .slope = NAN};
    const rv_line_point origin = {.step = 0, .value = o->value, .slope = o->slope};
    rv_line line = {.options = o, .origin = origin, .best = origin, .last = origin};
    line.status = RV_LINE_NOT_DESCENT;
    if (rv_line_is_finite(&origin) && origin.slope < 0) {
        switch (o->method) {
        case RV_LINE_MORE_THUENTE: rv_line_more_thuente(&line); break;
        case RV_LINE_HAGER_ZHANG: rv_line_hager_zhang(&line); break;
        case RV_LINE_BACKTRACKING: rv_line_backtracking(&line); break;
        }
    }
    const bool is_found = line.status == RV_LINE_FOUND || line.status == RV_LINE_APPROXIMATE;
    const rv_line_point *end = is_found ? &line.last : &line.best;
    return (rv_line_result){.status = line.status,
                            .step = end->step,
                            .value = end->value,
                            .slope = end->slope,
                            .evaluations = line.evaluations};
}

const char *rv_line_status_text(rv_line_status status)
{
    switch (status) {
    case RV_LINE_FOUND: return "the Wolfe conditions hold";
    case RV_LINE_APPROXIMATE: return "the approximate Wolfe conditions hold";
    case RV_LINE_AT_LARGEST: return "the largest step was taken";
    case RV_LINE_EVALUATIONS: return "too many evaluations";
    case RV_LINE_ROUNDING: return "the interval is as small as rounding";
    case RV_LINE_NOT_DESCENT: return "the direction does not descend";
    case RV_LINE_STOPPED: return "the function stopped the search";
    case RV_LINE_WRONG: return "an option is wrong";
    }
    return "unknown";
}

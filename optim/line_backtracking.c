/* line_backtracking.c - steps back until the value has fallen enough (Armijo 1966), each time to
 * where the parabola through phi(0), phi'(0) and the last value has its minimum (Nocedal and Wright
 * 2006, section 3.5), kept from both ends.
 */
#include <float.h>
#include <math.h>

#include "optim/line_parts.h"

static const double LEAST_SHARE = 0.1, MOST_SHARE = 0.5;

void rv_line_backtracking(rv_line *line)
{
    double step = line->options->step;
    while (!rv_line_probe(line, step)) {
        const double least = LEAST_SHARE * step, most = MOST_SHARE * step;
        const double parabola =
            isfinite(line->last.value) ? rv_line_parabola(&line->origin, &line->last) : most;
        step = fmax(least, fmin(parabola, most));
        line->status = RV_LINE_ROUNDING;
        if (step < DBL_MIN / DBL_EPSILON)
            return;
    }
}

/* trust_region.c - Nocedal and Wright 2006, algorithm 4.1, with an end for losses without digits.
 */
#include "optim/trust_region.h"

#include <math.h>

/* Shares of the promise, and what becomes of the radius. Growing by 3 took fewer products than by 2
 * or 4 on the thirty problems of tests/problems.h. */
static const double ACCEPTED = 1e-4, POOR = 0.25, GOOD = 0.75, SMALLER = 0.25, LARGER = 3,
                    LARGEST = 1e20;

bool rv_trust_begin(const rv_minimizer *m, const char *who, double lr, double *radius)
{
    const double size = fmax(1, rv_vector_length(m->n, m->x));
    if (!(lr > 0))
        return rv_fail(RV_ERROR_ARGUMENT, who, "lr was set to %g: a step is 0", lr);
    if (!(*radius > 0 && *radius <= LARGEST * size))
        *radius = fmin(lr, LARGEST) * size;
    return true;
}

static double judge(const rv_minimizer *m, const rv_probe *probe, double promise)
{
    const double change = probe->loss - m->loss;
    if (fabs(change) <= probe->noise && fabs(promise) <= probe->noise)
        return probe->length < rv_vector_length(m->n, m->gradient) ? 1 : 0;
    return promise < 0 && isfinite(change) ? change / promise : -1;
}

rv_verdict rv_trust_try(rv_minimizer *m, double part, rv_proposal step, double *radius)
{
    rv_probe probe;
    if (!rv_minimizer_probe(m, part, &probe) || probe.is_at_x)
        return RV_TRUST_OVER;
    const double share = judge(m, &probe, step.promise);
    if (share < POOR)
        *radius = SMALLER * step.size;
    else if (share > GOOD && step.size >= 0.99 * *radius)
        *radius = LARGER * step.size;
    if (!(share > ACCEPTED))
        return RV_TRUST_REFUSED;
    return rv_minimizer_move(m) ? RV_TRUST_MOVED : RV_TRUST_OVER;
}

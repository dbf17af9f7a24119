/* trust_region.h - judging a step by what it brought, against what a parabola promised of it, and
 * how far the parabola is trusted after that. Private to optim/.
 */
#ifndef RV_OPTIM_TRUST_REGION_H
#define RV_OPTIM_TRUST_REGION_H

#include "optim/minimizer.h"

/* A step: its size, in whatever norm the radius is of, and the change of the loss, < 0, that it
 * promises. */
typedef struct rv_proposal {
    double size, promise;
} rv_proposal;

typedef enum rv_verdict {
    RV_TRUST_MOVED,
    RV_TRUST_REFUSED, /* x is where it was */
    RV_TRUST_OVER     /* nothing more can be evaluated, or the step is none in the digits of x */
} rv_verdict;

/* Sets the first radius, lr * max(1, |x|), in place of one that is 0 or no size that x could use.
 * False with an error if lr is 0. */
bool rv_trust_begin(const rv_minimizer *m, const char *who, double lr, double *radius);

/* Evaluates at x + part * m->direction, a step of that size and promise, and moves there if the
 * loss falls by some of what was promised. The radius becomes a quarter of the step after less than
 * a quarter of it, and three times the step, if that was as long as the radius, after more than
 * three quarters. Where both changes drown in the rounding of the loss, a smaller gradient
 * decides. */
rv_verdict rv_trust_try(rv_minimizer *m, double part, rv_proposal step, double *radius);

#endif

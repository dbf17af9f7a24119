/* random_search.c - the (1+1) evolution strategy: I. Rechenberg, "Evolutionsstrategie", 1973, with
 * the factors of S. Kern et al., "Learning probability distributions in continuous evolutionary
 * algorithms", Natural Computing 3 (2004), 77-112.
 */
#include <math.h>

#include "core/random.h"
#include "optim/minimize_methods.h"
#include "optim/minimizer.h"

/* DEVIATION: 0 before the first step. OFFSET: in the seed's random numbers, in blocks. */
enum { DEVIATION, OFFSET, NUMBERS };

/* A deviation beyond this is not worth its digits. */
static const double MOST_DEVIATION = 1e100;

static bool random_search_iterate(rv_minimizer *m)
{
    const rv_random_search_options *o = m->options;
    double *deviation = &m->numbers[DEVIATION], *offset = &m->numbers[OFFSET];
    const double growth = exp(1 / sqrt((double)m->n + 1)), shrinkage = pow(growth, -0.25);
    if (*deviation == 0)
        *deviation = fmin(o->lr, MOST_DEVIATION);
    if (!(*deviation > 0 && *deviation <= MOST_DEVIATION && *offset >= 0 && *offset < 0x1p63))
        return rv_fail(RV_ERROR_ARGUMENT, "optim_random_search",
                       "its state has a deviation of %g and an offset of %g", *deviation, *offset);
    for (;;) {
        const rv_random_place place = {.seed = o->seed, .offset = (uint64_t)*offset};
        rv_random_normals(place, m->n, m->direction);
        rv_vector_scale(m->n, *deviation, m->direction, m->direction);
        const rv_trial r = rv_minimizer_try(m);
        if (r == RV_TRIAL_OVER || r == RV_TRIAL_NOWHERE)
            return false;
        *offset += (double)((m->n + 1) / 2);
        *deviation = fmin(*deviation * (r == RV_TRIAL_TAKEN ? growth : shrinkage), MOST_DEVIATION);
        if (r == RV_TRIAL_TAKEN)
            return true;
    }
}

static bool random_search_validate(const void *options)
{
    return rv_minimize_validate("optim_random_search", options, RV_LINE_MORE_THUENTE, 1e-4, 0.9);
}

static const rv_minimizer_class random_search_minimizer = {
    .number_count = NUMBERS, .needs_no_gradient = true, .iterate = random_search_iterate};

static const rv_optim_class random_search_class = {.name = "optim_random_search",
                                                   .options_size = sizeof(rv_random_search_options),
                                                   .refuses = RV_MINIMIZER_REFUSES,
                                                   .validate = random_search_validate,
                                                   .minimizer = &random_search_minimizer};

rv_optim *rv_optim_random_search_with(const rv_random_search_options *options)
{
    return rv_optim_new(&random_search_class, options);
}

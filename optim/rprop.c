/* rprop.c - resilient propagation: steps by the gradient's sign, longer while it stays, shorter
 * when it turns. */
#include "optim/optim_methods.h"

#include <math.h>

static bool rprop_validate(const void *options)
{
    const rv_rprop_options *o = options;
    const char *who = "optim_rprop";
    const double *steps = o->step_sizes;
    if (!(o->etas[0] > 0 && o->etas[0] < 1))
        return rv_fail(RV_ERROR_ARGUMENT, who, "etas[0] is %g; > 0 and < 1 is expected",
                       o->etas[0]);
    if (!(steps[0] <= steps[1]))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "step_sizes are %g and %g; the least and the largest are expected", steps[0],
                       steps[1]);
    return rv_optim_check_above(who, "etas[1]", o->etas[1], 1) &&
           rv_optim_check_least(who, "step_sizes[0]", steps[0], 0) &&
           rv_optim_check_least(who, "step_sizes[1]", steps[1], 0);
}

enum { PREV, STEP_SIZE, STATE_COUNT };

static double rprop_start(const void *options, int i)
{
    return i == STEP_SIZE ? ((const rv_rprop_options *)options)->lr : 0;
}

RV_OPTIM_ELEMENTS(rprop_update, {
    const rv_rprop_options *o = e->options;
    const real shorter = (real)o->etas[0], longer = (real)o->etas[1];
    const real least = (real)o->step_sizes[0], most = (real)o->step_sizes[1];
    const real *g = e->gradient;
    real *p = e->parameter;
    real *prev = e->state[PREV];
    real *size = e->state[STEP_SIZE];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        const real turn = g[i] * prev[i]; /* prev is 0 at first: no turn */
        const real scaled = size[i] * (turn > 0 ? longer : turn < 0 ? shorter : (real)1);
        const real slope = turn < 0 ? 0 : g[i];
        const real clipped = scaled < least ? least : scaled;
        size[i] = clipped > most ? most : clipped;
        p[i] = p[i] - (real)((slope > 0) - (slope < 0)) * size[i];
        prev[i] = slope;
    }
})

static const rv_optim_class rprop_class = {.name = "optim_rprop",
                                           .options_size = sizeof(rv_rprop_options),
                                           .refuses = RV_OPTIM_NO_WEIGHT_DECAY |
                                                      RV_OPTIM_NO_DECOUPLED | RV_OPTIM_NO_L1_DECAY,
                                           .state_count = STATE_COUNT,
                                           .state_names = {"prev", "step_size"},
                                           .validate = rprop_validate,
                                           .state_start = rprop_start,
                                           .update_elements = rprop_update};

rv_optim *rv_optim_rprop_with(const rv_rprop_options *options)
{
    return rv_optim_new(&rprop_class, options);
}

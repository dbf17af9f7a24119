/* rmsprop.c - RMSprop: steps divided by a running root mean square of the gradient. */
#include "optim/optim_methods.h"

#include <tgmath.h>

static bool rmsprop_validate(const void *options)
{
    const rv_rmsprop_options *o = options;
    const char *who = "optim_rmsprop";
    return rv_optim_check_fraction(who, "alpha", o->alpha) &&
           rv_optim_check_least(who, "eps", o->eps, 0) &&
           rv_optim_check_least(who, "momentum", o->momentum, 0);
}

enum { SQUARE_AVG, GRAD_AVG, MOMENTUM_BUFFER, STATE_COUNT };

static bool rmsprop_uses_state(const void *options, int i)
{
    const rv_rmsprop_options *o = options;
    return i == SQUARE_AVG || (i == GRAD_AVG && o->centered) ||
           (i == MOMENTUM_BUFFER && o->momentum > 0);
}

RV_OPTIM_ELEMENTS(rmsprop_update, {
    const rv_rmsprop_options *o = e->options;
    const real lr = (real)e->lr, eps = (real)o->eps, momentum = (real)o->momentum;
    const real alpha = (real)o->alpha, rest = (real)(1 - o->alpha);
    const real *g = e->gradient;
    real *p = e->parameter;
    real *v = e->state[SQUARE_AVG];
    real *mean = e->state[GRAD_AVG];
    real *buffer = e->state[MOMENTUM_BUFFER];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        v[i] = alpha * v[i] + rest * g[i] * g[i];
        real spread = v[i];
        if (mean != NULL) {
            mean[i] = mean[i] + (g[i] - mean[i]) * rest;
            spread -= mean[i] * mean[i];
            spread = spread < 0 ? 0 : spread; /* NaN stays NaN */
        }
        const real scaled = g[i] / (sqrt(spread) + eps);
        if (buffer != NULL) {
            buffer[i] = momentum * buffer[i] + scaled;
            p[i] = p[i] - lr * buffer[i];
        } else {
            p[i] = p[i] - lr * scaled;
        }
    }
})

static const rv_optim_class rmsprop_class = {
    .name = "optim_rmsprop",
    .options_size = sizeof(rv_rmsprop_options),
    .momentum_offset = offsetof(rv_rmsprop_options, momentum),
    .state_count = STATE_COUNT,
    .state_names = {"square_avg", "grad_avg", "momentum_buffer"},
    .validate = rmsprop_validate,
    .uses_state = rmsprop_uses_state,
    .update_elements = rmsprop_update};

rv_optim *rv_optim_rmsprop_with(const rv_rmsprop_options *options)
{
    return rv_optim_new(&rmsprop_class, options);
}

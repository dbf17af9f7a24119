/* sgd.c - stochastic gradient descent, with momentum. */
#include "optim/optim_methods.h"

static bool sgd_validate(const void *options)
{
    const rv_sgd_options *o = options;
    const char *who = "optim_sgd";
    if (!rv_optim_check_least(who, "momentum", o->momentum, 0) ||
        !rv_optim_check_least(who, "dampening", o->dampening, 0))
        return false;
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "nesterov needs momentum > 0 and dampening 0, and they are %g and %g",
                       o->momentum, o->dampening);
    return true;
}

static bool sgd_uses_state(const void *options, int i)
{
    (void)i;
    return ((const rv_sgd_options *)options)->momentum != 0;
}

RV_OPTIM_ELEMENTS(sgd_update, {
    const rv_sgd_options *o = e->options;
    const real lr = (real)e->lr, momentum = (real)o->momentum;
    const real undamped = (real)(1 - o->dampening);
    const real *g = e->gradient;
    real *p = e->parameter, *b = e->state[0];
    if (b == NULL) {
        RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++) p[i] = p[i] - lr * g[i];
        return;
    }
    const bool first = e->step == 1, nesterov = o->nesterov;
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        b[i] = first ? g[i] : momentum * b[i] + undamped * g[i];
        p[i] = p[i] - lr * (nesterov ? g[i] + momentum * b[i] : b[i]);
    }
})

static const rv_optim_class sgd_class = {.name = "optim_sgd",
                                         .options_size = sizeof(rv_sgd_options),
                                         .momentum_offset = offsetof(rv_sgd_options, momentum),
                                         .state_count = 1,
                                         .state_names = {"momentum_buffer"},
                                         .validate = sgd_validate,
                                         .uses_state = sgd_uses_state,
                                         .update_elements = sgd_update};

rv_optim *rv_optim_sgd_with(const rv_sgd_options *options)
{
    return rv_optim_new(&sgd_class, options);
}

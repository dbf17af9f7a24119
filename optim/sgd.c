/* sgd.c - stochastic gradient descent, with momentum. */
#include "optim/optim.h"

#include "core/kernels/kernels.h"
#include "optim/optim_parts.h"

static bool sgd_validate(const void *options)
{
    const rv_sgd_options *o = options;
    const char *who = "optim_sgd";
    if (!rv_optim_check_option(who, "momentum", o->momentum, 0) ||
        !rv_optim_check_option(who, "dampening", o->dampening, 0) ||
        !rv_optim_check_option(who, "weight_decay", o->weight_decay, 0))
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

static void sgd_update(const rv_optim_elements *e)
{
    const rv_sgd_options *o = e->options;
    const rv_sgd_update update = {.lr = e->lr,
                                  .momentum = o->momentum,
                                  .dampening = o->dampening,
                                  .weight_decay = o->weight_decay,
                                  .nesterov = o->nesterov,
                                  .first = e->step == 1};
    rv_kernels_get()->sgd[e->dtype](e->count, &update, e->parameter, e->gradient, e->state[0]);
}

static const rv_optim_class sgd_class = {.name = "optim_sgd",
                                         .options_size = sizeof(rv_sgd_options),
                                         .state_count = 1,
                                         .state_names = {"momentum_buffer"},
                                         .validate = sgd_validate,
                                         .uses_state = sgd_uses_state,
                                         .update_elements = sgd_update};

rv_optim *rv_optim_sgd_with(const rv_sgd_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "optim_sgd", "the options are NULL");
    return rv_optim_new(&sgd_class, options->parameters, options->lr, options);
}

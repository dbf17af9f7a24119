/* adam.c - Adam: steps scaled by running means of the gradient and of its square. */
#include "optim/optim.h"

#include <math.h>

#include "core/kernels/kernels.h"
#include "optim/optim_parts.h"

static bool adam_validate(const void *options)
{
    const rv_adam_options *o = options;
    const char *who = "optim_adam";
    for (int i = 0; i < 2; i++)
        if (!(o->betas[i] >= 0 && o->betas[i] < 1))
            return rv_fail(RV_ERROR_ARGUMENT, who, "betas[%d] is %g; >= 0 and < 1 is expected", i,
                           o->betas[i]);
    return rv_optim_check_option(who, "eps", o->eps, 0) &&
           rv_optim_check_option(who, "weight_decay", o->weight_decay, 0);
}

static void adam_update(const rv_optim_elements *e)
{
    const rv_adam_options *o = e->options;
    const double t = (double)e->step;
    const rv_adam_update update = {.beta1 = o->betas[0],
                                   .beta2 = o->betas[1],
                                   .eps = o->eps,
                                   .weight_decay = o->weight_decay,
                                   .step_size = e->lr / (1 - pow(o->betas[0], t)),
                                   .root_scale = sqrt(1 - pow(o->betas[1], t))};
    rv_kernels_get()->adam[e->dtype](e->count, &update, e->parameter, e->gradient, e->state[0],
                                     e->state[1]);
}

static const rv_optim_class adam_class = {.name = "optim_adam",
                                          .options_size = sizeof(rv_adam_options),
                                          .state_count = 2,
                                          .state_names = {"exp_avg", "exp_avg_sq"},
                                          .validate = adam_validate,
                                          .update_elements = adam_update};

rv_optim *rv_optim_adam_with(const rv_adam_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "optim_adam", "the options are NULL");
    return rv_optim_new(&adam_class, options->parameters, options->lr, options);
}

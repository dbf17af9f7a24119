/* lion.c - Lion: steps of one length along the sign of a momentum, found by a search of programs.
 */
#include "optim/optim_methods.h"

static bool lion_validate(const void *options)
{
    const rv_lion_options *o = options;
    const char *who = "optim_lion";
    return rv_optim_check_fraction(who, "betas[0]", o->betas[0]) &&
           rv_optim_check_fraction(who, "betas[1]", o->betas[1]);
}

RV_OPTIM_ELEMENTS(lion_update, {
    const rv_lion_options *o = e->options;
    const real lr = (real)e->lr;
    const real beta1 = (real)o->betas[0], rest1 = (real)(1 - o->betas[0]);
    const real beta2 = (real)o->betas[1], rest2 = (real)(1 - o->betas[1]);
    const real *g = e->gradient;
    real *p = e->parameter;
    real *m = e->state[0];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        const real direction = beta1 * m[i] + rest1 * g[i];
        p[i] = p[i] - lr * (real)((direction > 0) - (direction < 0));
        m[i] = beta2 * m[i] + rest2 * g[i];
    }
})

static const rv_optim_class lion_class = {.name = "optim_lion",
                                          .options_size = sizeof(rv_lion_options),
                                          .momentum_offset = offsetof(rv_lion_options, betas),
                                          .state_count = 1,
                                          .state_names = {"exp_avg"},
                                          .validate = lion_validate,
                                          .update_elements = lion_update};

rv_optim *rv_optim_lion_with(const rv_lion_options *options)
{
    return rv_optim_new(&lion_class, options);
}

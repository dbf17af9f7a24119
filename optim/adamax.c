/* adamax.c - Adamax: Adam with the largest recent gradient in place of the root mean square. */
#include "optim/optim_methods.h"

#include <tgmath.h>

static bool adamax_validate(const void *options)
{
    const rv_adamax_options *o = options;
    const char *who = "optim_adamax";
    return rv_optim_check_fraction(who, "betas[0]", o->betas[0]) &&
           rv_optim_check_fraction(who, "betas[1]", o->betas[1]) &&
           rv_optim_check_least(who, "eps", o->eps, 0);
}

enum { STEP_SIZE };

static void adamax_prepare(rv_optim_prepare *p)
{
    const rv_adamax_options *o = p->options;
    p->factors[STEP_SIZE] = p->lr / (1 - pow(o->betas[0], (double)p->step));
}

RV_OPTIM_ELEMENTS(adamax_update, {
    const rv_adamax_options *o = e->options;
    const real step_size = (real)e->factors[STEP_SIZE], eps = (real)o->eps;
    const real rest1 = (real)(1 - o->betas[0]);
    const real beta2 = (real)o->betas[1];
    const real *g = e->gradient;
    real *p = e->parameter;
    real *m = e->state[0];
    real *largest = e->state[1];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        m[i] = m[i] + (g[i] - m[i]) * rest1;
        const real faded = beta2 * largest[i], now = fabs(g[i]) + eps;
        largest[i] = faded >= now || faded != faded ? faded : now; /* NaN if one of them is */
        p[i] = p[i] - step_size * m[i] / largest[i];
    }
})

static const rv_optim_class adamax_class = {.name = "optim_adamax",
                                            .options_size = sizeof(rv_adamax_options),
                                            .momentum_offset = offsetof(rv_adamax_options, betas),
                                            .state_count = 2,
                                            .state_names = {"exp_avg", "exp_inf"},
                                            .validate = adamax_validate,
                                            .prepare = adamax_prepare,
                                            .update_elements = adamax_update};

rv_optim *rv_optim_adamax_with(const rv_adamax_options *options)
{
    return rv_optim_new(&adamax_class, options);
}

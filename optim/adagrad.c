/* adagrad.c - Adagrad: each element's steps shrink with the squares of all its gradients. */
#include "optim/optim_methods.h"

#include <tgmath.h>

static bool adagrad_validate(const void *options)
{
    const rv_adagrad_options *o = options;
    const char *who = "optim_adagrad";
    return rv_optim_check_least(who, "lr_decay", o->lr_decay, 0) &&
           rv_optim_check_least(who, "initial_accumulator_value", o->initial_accumulator_value,
                                0) &&
           rv_optim_check_least(who, "eps", o->eps, 0);
}

static double adagrad_start(const void *options, int i)
{
    (void)i;
    return ((const rv_adagrad_options *)options)->initial_accumulator_value;
}

enum { STEP_SIZE };

static void adagrad_prepare(rv_optim_prepare *p)
{
    const rv_adagrad_options *o = p->options;
    p->factors[STEP_SIZE] = p->lr / (1 + (double)(p->step - 1) * o->lr_decay);
}

RV_OPTIM_ELEMENTS(adagrad_update, {
    const rv_adagrad_options *o = e->options;
    const real step_size = (real)e->factors[STEP_SIZE], eps = (real)o->eps;
    const real *g = e->gradient;
    real *p = e->parameter;
    real *sum = e->state[0];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        sum[i] += g[i] * g[i];
        p[i] = p[i] - step_size * g[i] / (sqrt(sum[i]) + eps);
    }
})

static const rv_optim_class adagrad_class = {.name = "optim_adagrad",
                                             .options_size = sizeof(rv_adagrad_options),
                                             .state_count = 1,
                                             .state_names = {"sum"},
                                             .validate = adagrad_validate,
                                             .state_start = adagrad_start,
                                             .prepare = adagrad_prepare,
                                             .update_elements = adagrad_update};

rv_optim *rv_optim_adagrad_with(const rv_adagrad_options *options)
{
    return rv_optim_new(&adagrad_class, options);
}

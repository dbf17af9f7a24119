/* asgd.c - averaged SGD: steps that shrink, and the mean of the points they reach. */
#include "optim/optim_methods.h"

#include <math.h>

static bool asgd_validate(const void *options)
{
    const rv_asgd_options *o = options;
    const char *who = "optim_asgd";
    return rv_optim_check_least(who, "lambd", o->lambd, 0) &&
           rv_optim_check_least(who, "alpha", o->alpha, 0) &&
           rv_optim_check_least(who, "t0", o->t0, 0);
}

enum { ETA, MU };

static double asgd_start(const void *options, int i)
{
    return i == ETA ? ((const rv_asgd_options *)options)->lr : 1;
}

/* The step's eta and mu are what the one before left: factors; the scalars are the next one's. */
static void asgd_prepare(rv_optim_prepare *p)
{
    const rv_asgd_options *o = p->options;
    const double t = (double)p->step;
    p->factors[ETA] = p->scalars[ETA];
    p->factors[MU] = p->scalars[MU];
    p->scalars[ETA] = p->lr / pow(1 + o->lambd * p->lr * t, o->alpha);
    p->scalars[MU] = 1 / fmax(1, t - o->t0);
}

RV_OPTIM_ELEMENTS(asgd_update, {
    const rv_asgd_options *o = e->options;
    const real eta = (real)e->factors[ETA], mu = (real)e->factors[MU];
    const real kept = (real)(1 - o->lambd * e->factors[ETA]);
    const real *g = e->gradient;
    real *p = e->parameter;
    real *mean = e->state[0];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        p[i] = p[i] * kept - eta * g[i];
        mean[i] = mu == 1 ? p[i] : mean[i] + (p[i] - mean[i]) * mu;
    }
})

static const rv_optim_class asgd_class = {.name = "optim_asgd",
                                          .options_size = sizeof(rv_asgd_options),
                                          .state_count = 1,
                                          .state_names = {"ax"},
                                          .scalar_count = 2,
                                          .scalar_names = {"eta", "mu"},
                                          .scalar_start = asgd_start,
                                          .validate = asgd_validate,
                                          .prepare = asgd_prepare,
                                          .update_elements = asgd_update};

rv_optim *rv_optim_asgd_with(const rv_asgd_options *options)
{
    return rv_optim_new(&asgd_class, options);
}

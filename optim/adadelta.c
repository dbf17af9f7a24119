/* adadelta.c - Adadelta: steps in the units of the parameter, from its own past steps. */
#include "optim/optim_methods.h"

#include <tgmath.h>

static bool adadelta_validate(const void *options)
{
    const rv_adadelta_options *o = options;
    const char *who = "optim_adadelta";
    if (!(o->rho >= 0 && o->rho <= 1))
        return rv_fail(RV_ERROR_ARGUMENT, who, "rho is %g; >= 0 and <= 1 is expected", o->rho);
    return rv_optim_check_least(who, "eps", o->eps, 0);
}

RV_OPTIM_ELEMENTS(adadelta_update, {
    const rv_adadelta_options *o = e->options;
    const real lr = (real)e->lr, eps = (real)o->eps;
    const real rho = (real)o->rho, rest = (real)(1 - o->rho);
    const real *g = e->gradient;
    real *p = e->parameter;
    real *v = e->state[0];
    real *u = e->state[1];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        v[i] = rho * v[i] + rest * g[i] * g[i];
        const real d = sqrt(u[i] + eps) / sqrt(v[i] + eps) * g[i];
        u[i] = rho * u[i] + rest * d * d;
        p[i] = p[i] - lr * d;
    }
})

static const rv_optim_class adadelta_class = {.name = "optim_adadelta",
                                              .options_size = sizeof(rv_adadelta_options),
                                              .state_count = 2,
                                              .state_names = {"square_avg", "acc_delta"},
                                              .validate = adadelta_validate,
                                              .update_elements = adadelta_update};

rv_optim *rv_optim_adadelta_with(const rv_adadelta_options *options)
{
    return rv_optim_new(&adadelta_class, options);
}

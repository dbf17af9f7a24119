/* radam.c - RAdam: Adam rectified by how much its mean square can be trusted.
 *
 * v is a mean over so few gradients at first that dividing by it makes wild steps. The number of
 * gradients that it amounts to grows towards that of a mean that has run forever; up to 5 the
 * steps go along the momentum alone, then v counts, the more the longer it has run.
 */
#include "optim/optim_methods.h"

#include <tgmath.h>

static bool radam_validate(const void *options)
{
    const rv_radam_options *o = options;
    const char *who = "optim_radam";
    return rv_optim_check_fraction(who, "betas[0]", o->betas[0]) &&
           rv_optim_check_fraction(who, "betas[1]", o->betas[1]) &&
           rv_optim_check_least(who, "eps", o->eps, 0);
}

enum { STEP_SIZE, IS_TRUSTED };

static void radam_prepare(rv_optim_prepare *p)
{
    const rv_radam_options *o = p->options;
    const double t = (double)p->step, power = pow(o->betas[1], t), correction = 1 - power;
    const double most = 2 / (1 - o->betas[1]) - 1, now = most - 2 * t * power / correction;
    double step_size = p->lr / (1 - pow(o->betas[0], t));
    if (now > 5) {
        p->factors[IS_TRUSTED] = 1;
        step_size *=
            sqrt(correction) * sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now));
    }
    p->factors[STEP_SIZE] = step_size;
}

RV_OPTIM_ELEMENTS(radam_update, {
    const rv_radam_options *o = e->options;
    const real step_size = (real)e->factors[STEP_SIZE], eps = (real)o->eps;
    const bool is_trusted = e->factors[IS_TRUSTED] != 0;
    const real rest1 = (real)(1 - o->betas[0]);
    const real beta2 = (real)o->betas[1], rest2 = (real)(1 - o->betas[1]);
    const real *g = e->gradient;
    real *p = e->parameter;
    real *m = e->state[0];
    real *v = e->state[1];
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        m[i] = m[i] + (g[i] - m[i]) * rest1;
        v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
        p[i] = p[i] - step_size * (is_trusted ? m[i] / (sqrt(v[i]) + eps) : m[i]);
    }
})

static const rv_optim_class radam_class = {.name = "optim_radam",
                                           .options_size = sizeof(rv_radam_options),
                                           .momentum_offset = offsetof(rv_radam_options, betas),
                                           .state_count = 2,
                                           .state_names = {"exp_avg", "exp_avg_sq"},
                                           .validate = radam_validate,
                                           .prepare = radam_prepare,
                                           .update_elements = radam_update};

rv_optim *rv_optim_radam_with(const rv_radam_options *options)
{
    return rv_optim_new(&radam_class, options);
}

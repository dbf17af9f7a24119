/* nadam.c - NAdam: Adam that looks ahead along its momentum, as Nesterov's does.
 *
 * PyTorch before 2.0 multiplied mu(t) twice into the product of the second term; this is the
 * corrected rule. It keeps the product in float, for parameters in double too, unless its default
 * dtype is double: then its numbers are these.
 */
#include "optim/optim_methods.h"

#include <tgmath.h>

static bool nadam_validate(const void *options)
{
    const rv_nadam_options *o = options;
    const char *who = "optim_nadam";
    return rv_optim_check_fraction(who, "betas[0]", o->betas[0]) &&
           rv_optim_check_fraction(who, "betas[1]", o->betas[1]) &&
           rv_optim_check_least(who, "eps", o->eps, 0) &&
           rv_optim_check_least(who, "momentum_decay", o->momentum_decay, 0);
}

static double one(const void *options, int i)
{
    (void)options, (void)i;
    return 1;
}

/* The momentum of step t. */
static double momentum_of(const rv_nadam_options *o, int64_t t)
{
    return o->betas[0] * (1 - 0.5 * pow(0.96, (double)t * o->momentum_decay));
}

enum { OF_GRADIENT, OF_MEAN, CORRECTION };

static void nadam_prepare(rv_optim_prepare *p)
{
    const rv_nadam_options *o = p->options;
    const double now = momentum_of(o, p->step), next = momentum_of(o, p->step + 1);
    double *product = &p->scalars[0];
    *product *= now;
    p->factors[OF_GRADIENT] = p->lr * (1 - now) / (1 - *product);
    p->factors[OF_MEAN] = p->lr * next / (1 - *product * next);
    p->factors[CORRECTION] = 1 - pow(o->betas[1], (double)p->step);
}

RV_OPTIM_ELEMENTS(nadam_update, {
    const rv_nadam_options *o = e->options;
    const real of_gradient = (real)e->factors[OF_GRADIENT], of_mean = (real)e->factors[OF_MEAN];
    const real correction = (real)e->factors[CORRECTION], eps = (real)o->eps;
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
        p[i] = p[i] - (of_gradient * g[i] + of_mean * m[i]) / (sqrt(v[i] / correction) + eps);
    }
})

static const rv_optim_class nadam_class = {.name = "optim_nadam",
                                           .options_size = sizeof(rv_nadam_options),
                                           .momentum_offset = offsetof(rv_nadam_options, betas),
                                           .state_count = 2,
                                           .state_names = {"exp_avg", "exp_avg_sq"},
                                           .scalar_count = 1,
                                           .scalar_names = {"mu_product"},
                                           .scalar_start = one,
                                           .validate = nadam_validate,
                                           .prepare = nadam_prepare,
                                           .update_elements = nadam_update};

rv_optim *rv_optim_nadam_with(const rv_nadam_options *options)
{
    return rv_optim_new(&nadam_class, options);
}

/* adam.c - Adam and AdamW: steps scaled by running means of the gradient and of its square. */
#include <tgmath.h>

#include "optim/optim_methods.h"

static bool check(const char *who, const rv_adam_options *o)
{
    return rv_optim_check_fraction(who, "betas[0]", o->betas[0]) &&
           rv_optim_check_fraction(who, "betas[1]", o->betas[1]) &&
           rv_optim_check_least(who, "eps", o->eps, 0);
}

static bool adam_validate(const void *options)
{
    return check("optim_adam", options);
}

static bool adamw_validate(const void *options)
{
    return check("optim_adamw", options);
}

enum { EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ };
enum { STEP_SIZE, ROOT_SCALE };

static bool adam_uses_state(const void *options, int i)
{
    return i != MAX_EXP_AVG_SQ || ((const rv_adam_options *)options)->amsgrad;
}

static void adam_prepare(rv_optim_prepare *p)
{
    const rv_adam_options *o = p->options;
    const double t = (double)p->step;
    p->factors[STEP_SIZE] = p->lr / (1 - pow(o->betas[0], t));
    p->factors[ROOT_SCALE] = sqrt(1 - pow(o->betas[1], t));
}

RV_OPTIM_ELEMENTS(adam_update, {
    const rv_adam_options *o = e->options;
    const real rest1 = (real)(1 - o->betas[0]), rest2 = (real)(1 - o->betas[1]);
    const real beta2 = (real)o->betas[1], eps = (real)o->eps;
    const real step_size = (real)e->factors[STEP_SIZE], scale = (real)e->factors[ROOT_SCALE];
    const real *g = e->gradient;
    real *p = e->parameter, *m = e->state[EXP_AVG], *v = e->state[EXP_AVG_SQ];
    real *max = e->state[MAX_EXP_AVG_SQ];
    if (max == NULL) {
        RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
        {
            m[i] = m[i] + (g[i] - m[i]) * rest1;
            v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
            p[i] = p[i] - step_size * m[i] / (sqrt(v[i]) / scale + eps);
        }
        return;
    }
    RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)
    {
        m[i] = m[i] + (g[i] - m[i]) * rest1;
        v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
        max[i] = v[i] <= max[i] ? max[i] : v[i]; /* NaN goes into it */
        p[i] = p[i] - step_size * m[i] / (sqrt(max[i]) / scale + eps);
    }
})

#define ADAM_CLASS(class_name, class_validate)                                              \
    {                                                                                       \
        .name = class_name, .options_size = sizeof(rv_adam_options),                        \
        .momentum_offset = offsetof(rv_adam_options, betas), .state_count = 3,              \
        .state_names = {[EXP_AVG] = "exp_avg",                                              \
                        [EXP_AVG_SQ] = "exp_avg_sq",                                        \
                        [MAX_EXP_AVG_SQ] = "max_exp_avg_sq"},                               \
        .validate = class_validate, .uses_state = adam_uses_state, .prepare = adam_prepare, \
        .update_elements = adam_update                                                      \
    }

static const rv_optim_class adam_class = ADAM_CLASS("optim_adam", adam_validate);
static const rv_optim_class adamw_class = ADAM_CLASS("optim_adamw", adamw_validate);

rv_optim *rv_optim_adam_with(const rv_adam_options *options)
{
    return rv_optim_new(&adam_class, options);
}

rv_optim *rv_optim_adamw_with(const rv_adam_options *options)
{
    return rv_optim_new(&adamw_class, options);
}

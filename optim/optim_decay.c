/* optim_decay.c - what every method can be asked for before its own formula: to maximize, weight
 * decay of both kinds, L1 decay. Of elements, a block at a time, or of whole tensors. */
#include "autograd/operations.h"
#include "optim/optim_parts.h"

bool rv_optim_changes_gradient(const rv_optim_common *common)
{
    return common->maximize || (common->weight_decay != 0 && !common->decoupled) ||
           common->l1_decay != 0;
}

bool rv_optim_changes_anything(const rv_optim_common *common)
{
    return common->maximize || common->weight_decay != 0 || common->l1_decay != 0;
}

#define EACH RV_INDEPENDENT for (int64_t i = 0; i < e->count; i++)

/* The same for float and double, which are `real`. */
#define DECAY(real)                                                       \
    real *p = e->parameter, *changed = into;                              \
    const real *g = e->gradient;                                          \
    if (o->weight_decay != 0 && o->decoupled) {                           \
        const real kept = (real)(1 - o->lr * o->weight_decay);            \
        EACH p[i] = p[i] * kept;                                          \
    }                                                                     \
    if (o->maximize) {                                                    \
        EACH changed[i] = -g[i];                                          \
        g = changed;                                                      \
    }                                                                     \
    if (o->weight_decay != 0 && !o->decoupled) {                          \
        const real decay = (real)o->weight_decay;                         \
        EACH changed[i] = g[i] + decay * p[i];                            \
        g = changed;                                                      \
    }                                                                     \
    if (o->l1_decay != 0) {                                               \
        const real decay = (real)o->l1_decay;                             \
        EACH changed[i] = g[i] + decay * (real)((p[i] > 0) - (p[i] < 0)); \
    }

RV_WIDE(decay_F32, (const rv_optim_common *o, const rv_optim_elements *e, void *into), (o, e, into),
        DECAY(float))
RV_WIDE(decay_F64, (const rv_optim_common *o, const rv_optim_elements *e, void *into), (o, e, into),
        DECAY(double))

void rv_optim_decay(const rv_optim_common *common, const rv_optim_elements *e, void *changed)
{
    (e->dtype == RV_F32 ? decay_F32 : decay_F64)(common, e, changed);
}

bool rv_optim_decay_tensors(const rv_optim_common *common, rv_optim_update *u)
{
    if (common->maximize)
        u->gradient = rv_neg(u->gradient);
    if (common->weight_decay != 0 && common->decoupled)
        u->parameter = rv_mul_scalar(u->parameter, 1 - common->lr * common->weight_decay);
    else if (common->weight_decay != 0)
        u->gradient = rv_add(u->gradient, rv_mul_scalar(u->parameter, common->weight_decay));
    if (common->l1_decay != 0)
        u->gradient = rv_add(u->gradient, rv_mul_scalar(rv_sign(u->parameter), common->l1_decay));
    return u->gradient != NULL && u->parameter != NULL;
}

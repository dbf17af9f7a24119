/* optim_state.c - what is kept for parameters: made when it is first needed, walked to be saved.
 *
 * What changes and must be saved lives in tensors from the start: the learning rates, the steps
 * that each parameter made, the method's own state. So saving and loading need no code but the
 * walk.
 */
#include <stdio.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "optim/minimizer_run.h"
#include "optim/optim_parts.h"

bool rv_optim_make_state(const char *who, const rv_optim *opt, int64_t slot)
{
    const rv_optim_class *c = opt->optim_class;
    rv_optim_slot *s = &opt->slots[slot];
    const rv_tensor *p = s->parameter;
    const void *options = opt->groups[s->group].options;
    const bool starts = *rv_optim_step_of(opt, slot) == 0;
    RV_LASTING;
    RV_NO_GRAD;
    for (int i = 0; i < c->state_count; i++) {
        if (c->uses_state != NULL && !c->uses_state(options, i))
            continue;
        const double start = c->state_start != NULL ? c->state_start(options, i) : 0;
        RV_SCOPE;
        if (s->state[i] == NULL)
            s->state[i] = rv_retain(rv_full_n(start, p->dtype, p->ndim, p->shape));
        else if (starts && c->state_start != NULL)
            rv_fill(s->state[i], start); /* the options may have changed since it was made */
        if (s->state[i] == NULL)
            return rv_fail(RV_ERROR_MEMORY, who, "out of memory for %s", c->state_names[i]);
    }
    double *scalars = rv_optim_scalars_of(opt, slot);
    for (int i = 0; starts && i < c->scalar_count; i++)
        scalars[i] = c->scalar_start != NULL ? c->scalar_start(options, i) : 0;
    return true;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Visits element i of a tensor as one of its own, 0-d, over the same memory. */
static bool visit_element(const char *name, const rv_tensor *whole, int64_t i,
                          rv_state_visit *visit, void *context)
{
    RV_SCOPE;
    char *at = whole->data + i * (int64_t)rv_dtype_size(whole->dtype);
    rv_tensor *t = rv_raw_view("state", whole->storage, at, whole->dtype, 0, NULL, NULL);
    return t != NULL && visit(context, name, t);
}

/* The numbers of a group's parameters. They are made for each walk: what is loaded into them says
 * nothing that their shape did not. */
static bool visit_group(const rv_optim *opt, int64_t group, rv_state_visit *visit, void *context)
{
    RV_SCOPE;
    const rv_optim_group *g = &opt->groups[group];
    char name[64];
    snprintf(name, sizeof name, "group.%lld", (long long)group);
    rv_tensor *numbers = rv_arange(RV_I64, (double)g->first, (double)(g->first + g->count), 1);
    return numbers != NULL && visit(context, name, numbers);
}

/* A parameter's state, whether or not it has made a step: so that a fresh optimizer can be loaded
 * into. Step 0 and the start values are what a parameter without a step has anyway. */
static bool visit_slot(const rv_optim *opt, int64_t i, rv_state_visit *visit, void *context)
{
    const rv_optim_class *c = opt->optim_class;
    const rv_optim_slot *slot = &opt->slots[i];
    const void *options = opt->groups[slot->group].options;
    char name[128];
    snprintf(name, sizeof name, "state.%lld.step", (long long)i);
    bool go_on =
        rv_optim_make_state("state", opt, i) && visit_element(name, opt->steps, i, visit, context);
    for (int j = 0; go_on && j < c->scalar_count; j++) {
        snprintf(name, sizeof name, "state.%lld.%.80s", (long long)i, c->scalar_names[j]);
        go_on = visit_element(name, opt->scalars, i * c->scalar_count + j, visit, context);
    }
    for (int j = 0; go_on && j < c->state_count; j++) {
        snprintf(name, sizeof name, "state.%lld.%.80s", (long long)i, c->state_names[j]);
        if (slot->state[j] != NULL && (c->uses_state == NULL || c->uses_state(options, j)))
            go_on = visit(context, name, slot->state[j]);
    }
    return go_on;
}

bool rv_optim_state(rv_object *object, rv_state_visit *visit, void *context)
{
    const rv_optim *opt = (const rv_optim *)object;
    bool go_on = visit(context, "lr", opt->lr) &&
                 (opt->momentum == NULL || visit(context, "momentum", opt->momentum)) &&
                 visit_element("steps", opt->made, 0, visit, context) &&
                 visit_element("skipped", opt->made, 1, visit, context);
    for (int64_t g = 0; go_on && opt->group_count > 1 && g < opt->group_count; g++)
        go_on = visit_group(opt, g, visit, context);
    if (opt->minimizer != NULL)
        return go_on && rv_minimizer_state(opt->minimizer, visit, context);
    for (int64_t i = 0; go_on && i < opt->count; i++)
        go_on = visit_slot(opt, i, visit, context);
    return go_on;
}

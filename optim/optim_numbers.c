/* optim_numbers.c - the numbers that change while an optimizer works: learning rates, momenta,
 * counts of steps. They stand in tensors that are saved, and in the options that methods read. */
#include <math.h>
#include <string.h>

#include "optim/optim_parts.h"

/* ---- the options' copies --------------------------------------------------------------------- */

void rv_optim_put_lr(rv_optim_group *group, double lr)
{
    group->common.lr = lr;
    memcpy((char *)group->options + offsetof(rv_optim_common, lr), &lr, sizeof lr);
}

/* Which state tensors a group's options use: a bit for each. */
static unsigned used_state(const rv_optim_class *c, const void *options)
{
    unsigned used = 0;
    for (int i = 0; i < c->state_count; i++)
        used |= (c->uses_state == NULL || c->uses_state(options, i) ? 1u : 0u) << i;
    return used;
}

bool rv_optim_put_momentum(const char *who, const rv_optim *opt, int64_t group, double momentum)
{
    const rv_optim_class *c = opt->optim_class;
    void *options = opt->groups[group].options;
    char *place = (char *)options + c->momentum_offset;
    double old;
    memcpy(&old, place, sizeof old);
    if (momentum == old)
        return true;
    if (!isfinite(momentum))
        return rv_fail(RV_ERROR_ARGUMENT, who, "momentum is %g; a finite number is expected",
                       momentum);
    const unsigned used = used_state(c, options);
    memcpy(place, &momentum, sizeof momentum);
    const bool valid = c->validate == NULL || c->validate(options);
    if (valid && used_state(c, options) == used)
        return true;
    memcpy(place, &old, sizeof old);
    return rv_fail(RV_ERROR_ARGUMENT, who,
                   "momentum %g cannot become %g: %s keeps other state for that", old, momentum,
                   c->name);
}

/* ---- learning rate and momentum -------------------------------------------------------------- */

static bool check_group(const char *who, const rv_optim *opt, int64_t group)
{
    if (!rv_optim_check(who, opt))
        return false;
    return (group >= 0 && group < opt->group_count) ||
           rv_fail(RV_ERROR_INDEX, who, "group is %lld; there are %lld, from 0", (long long)group,
                   (long long)opt->group_count);
}

static bool check_momentum(const char *who, const rv_optim *opt, int64_t group)
{
    if (!check_group(who, opt, group))
        return false;
    return opt->momentum != NULL ||
           rv_fail(RV_ERROR_STATE, who, "%s has no momentum to change", opt->optim_class->name);
}

int64_t rv_optim_groups(const rv_optim *opt)
{
    return rv_optim_check("optim_groups", opt) ? opt->group_count : 0;
}

static double get_lr(const char *who, const rv_optim *opt, int64_t group)
{
    return check_group(who, opt, group) ? ((const double *)opt->lr->data)[group] : (double)NAN;
}

double rv_optim_lr(const rv_optim *opt)
{
    return get_lr("optim_lr", opt, 0);
}

double rv_optim_group_lr(const rv_optim *opt, int64_t group)
{
    return get_lr("optim_group_lr", opt, group);
}

static void set_lr(rv_optim *opt, int64_t group, double lr)
{
    ((double *)opt->lr->data)[group] = lr;
    rv_touch(opt->lr);
    rv_optim_put_lr(&opt->groups[group], lr);
}

bool rv_optim_set_lr(rv_optim *opt, double lr)
{
    const char *who = "optim_set_lr";
    if (!rv_optim_check(who, opt) || !rv_optim_check_lr(who, lr))
        return false;
    for (int64_t g = 0; g < opt->group_count; g++)
        set_lr(opt, g, lr);
    return true;
}

bool rv_optim_set_group_lr(rv_optim *opt, int64_t group, double lr)
{
    const char *who = "optim_set_group_lr";
    if (!check_group(who, opt, group) || !rv_optim_check_lr(who, lr))
        return false;
    set_lr(opt, group, lr);
    return true;
}

bool rv_optim_has_momentum(const rv_optim *opt)
{
    return opt != NULL && rv_optim_check("optim_has_momentum", opt) && opt->momentum != NULL;
}

double rv_optim_group_momentum(const rv_optim *opt, int64_t group)
{
    return check_momentum("optim_group_momentum", opt, group)
               ? ((const double *)opt->momentum->data)[group]
               : (double)NAN;
}

bool rv_optim_set_group_momentum(rv_optim *opt, int64_t group, double momentum)
{
    const char *who = "optim_set_group_momentum";
    if (!check_momentum(who, opt, group) || !rv_optim_put_momentum(who, opt, group, momentum))
        return false;
    ((double *)opt->momentum->data)[group] = momentum;
    rv_touch(opt->momentum);
    return true;
}

/* ---- counts ---------------------------------------------------------------------------------- */

int64_t rv_optim_steps(const rv_optim *opt)
{
    return rv_optim_check("optim_steps", opt) ? ((const int64_t *)opt->made->data)[0] : -1;
}

int64_t rv_optim_skipped(const rv_optim *opt)
{
    return rv_optim_check("optim_skipped", opt) ? ((const int64_t *)opt->made->data)[1] : -1;
}

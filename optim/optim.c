/* optim.c - an optimizer's life: made of a class and parameters, joined by more of them, freed.
 *
 * Making one and joining one are the same: a group is added, in new and longer arrays, which take
 * the old ones' place when nothing can fail any more.
 */
#include "optim/optim.h"

#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "optim/minimizer_run.h"
#include "optim/optim_parts.h"

_Static_assert(sizeof(rv_optim_common) == offsetof(rv_optim_common, join) + sizeof(rv_optim *),
               "what options begin with has no padding at its end");

/* ---- checks ---------------------------------------------------------------------------------- */

bool rv_optim_check_lr(const char *who, double lr)
{
    return (isfinite(lr) && lr >= 0) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "lr is %g; a finite number >= 0 is expected", lr);
}

bool rv_optim_check_least(const char *who, const char *name, double value, double low)
{
    return (isfinite(value) && value >= low) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; a finite number >= %g is expected", name,
                   value, low);
}

bool rv_optim_check_above(const char *who, const char *name, double value, double low)
{
    return (isfinite(value) && value > low) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; a finite number > %g is expected", name,
                   value, low);
}

bool rv_optim_check_fraction(const char *who, const char *name, double value)
{
    return (value >= 0 && value < 1) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; >= 0 and < 1 is expected", name, value);
}

static size_t options_size(const rv_optim_class *c)
{
    return c->options_size != 0 ? c->options_size : sizeof(rv_optim_common);
}

/* Whether there are 0 to `most` names of what is kept, and all are there. */
static bool check_names(const rv_optim_class *c, const char *what, const char *const *names,
                        int count, int most)
{
    const char *who = "optim_new";
    if (count < 0 || count > most)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s keeps %d %ss; 0 to %d are possible", c->name,
                       count, what, most);
    for (int i = 0; i < count; i++)
        if (names[i] == NULL)
            return rv_fail(RV_ERROR_NULL, who, "the name of %s's %s %d is NULL", c->name, what, i);
    return true;
}

static bool check_class(const rv_optim_class *c)
{
    const char *who = "optim_new";
    if (c == NULL || c->name == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the class or its name is NULL");
    const int ways = (c->update != NULL) + (c->update_elements != NULL) + (c->minimizer != NULL);
    if (ways != 1)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "%s must have one of update, update_elements and minimizer, and has %d",
                       c->name, ways);
    const size_t size = options_size(c), least = sizeof(rv_optim_common);
    if (size < least)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "%s's options have %zu bytes; they begin with RV_OPTIM_COMMON, of %zu",
                       c->name, size, least);
    if (c->momentum_offset != 0 &&
        (c->momentum_offset < least || c->momentum_offset > size - sizeof(double)))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "%s's momentum is at byte %zu of its options; %zu to %zu are possible",
                       c->name, c->momentum_offset, least, size - sizeof(double));
    return check_names(c, "tensor", c->state_names, c->state_count, RV_OPTIM_MOST_STATE) &&
           check_names(c, "scalar", c->scalar_names, c->scalar_count, RV_OPTIM_MOST_SCALARS);
}

/* Whether an option keeps its default, if the class refuses it. */
static bool check_refused(const rv_optim_class *c, unsigned what, bool is_set, const char *name)
{
    return !is_set || (c->refuses & what) == 0 ||
           rv_fail(RV_ERROR_ARGUMENT, c->name, "%s is set, and this method has none", name);
}

static bool check_options(const rv_optim_class *c, const rv_optim_common *o, const void *options)
{
    const char *who = c->name;
    if (!rv_optim_check_above(who, "lr", o->lr, 0) ||
        !rv_optim_check_least(who, "weight_decay", o->weight_decay, 0) ||
        !rv_optim_check_least(who, "l1_decay", o->l1_decay, 0))
        return false;
    if ((int)o->nonfinite < 0 || o->nonfinite >= RV_NONFINITE_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, who, "nonfinite is %d; an rv_optim_nonfinite is expected",
                       (int)o->nonfinite);
    return check_refused(c, RV_OPTIM_NO_WEIGHT_DECAY, o->weight_decay != 0, "weight_decay") &&
           check_refused(c, RV_OPTIM_NO_DECOUPLED, o->decoupled, "decoupled") &&
           check_refused(c, RV_OPTIM_NO_L1_DECAY, o->l1_decay != 0, "l1_decay") &&
           check_refused(c, RV_OPTIM_NO_MAXIMIZE, o->maximize, "maximize") &&
           (c->validate == NULL || c->validate(options));
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void release_numbers(rv_optim *opt)
{
    rv_release(opt->made);
    rv_release(opt->scalars);
    rv_release(opt->steps);
    rv_release(opt->momentum);
    rv_release(opt->lr);
}

static void put_arrays(rv_optim *opt)
{
    rv_memory_put(opt->slots, (size_t)opt->count * sizeof *opt->slots);
    rv_memory_put(opt->groups, (size_t)opt->group_count * sizeof *opt->groups);
}

static void optim_destroy(rv_object *object)
{
    rv_optim *opt = (rv_optim *)object;
    for (int64_t i = 0; i < opt->count; i++) {
        rv_release(opt->slots[i].parameter);
        for (int j = 0; j < RV_OPTIM_MOST_STATE; j++)
            rv_release(opt->slots[i].state[j]);
    }
    for (int64_t g = 0; g < opt->group_count; g++)
        rv_memory_put(opt->groups[g].options, options_size(opt->optim_class));
    rv_minimizer_free(opt->minimizer);
    release_numbers(opt);
    put_arrays(opt);
    opt->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(opt, sizeof *opt);
}

static const rv_object_class optim_object_class = {
    .kind = "optimizer", .destroy = optim_destroy, .state = rv_optim_state};

bool rv_optim_check(const char *who, const rv_optim *opt)
{
    if (opt == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the optimizer is NULL");
    if (opt->object.mark != RV_OBJECT_ALIVE || opt->object.object_class != &optim_object_class)
        return rv_fail(RV_ERROR_ARGUMENT, who, "this is not an optimizer, or it was freed");
    return true;
}

/* A tensor of zeros that begins as `old` (NULL: empty) does; NULL without error if there is nothing
 * to hold. */
static bool lengthen(rv_tensor **made, const rv_tensor *old, rv_dtype dtype, int ndim,
                     const int64_t *shape)
{
    *made = rv_retain(rv_zeros_n(dtype, ndim, shape));
    if (*made == NULL)
        return false;
    if (old != NULL && old->numel > 0)
        memcpy((*made)->data, old->data, (size_t)old->numel * rv_dtype_size(dtype));
    return true;
}

/* Makes in `longer` the numbers of opt with one more group of n parameters. */
static bool lengthen_numbers(rv_optim *longer, const rv_optim *opt)
{
    const rv_optim_class *c = opt->optim_class;
    const int ndim = longer->group_count > 1 ? 1 : 0;
    const int64_t two = 2, matrix[] = {longer->count, c->scalar_count};
    return lengthen(&longer->made, opt->made, RV_I64, 1, &two) &&
           lengthen(&longer->lr, opt->lr, RV_F64, ndim, &longer->group_count) &&
           lengthen(&longer->steps, opt->steps, RV_I64, 1, &longer->count) &&
           (c->momentum_offset == 0 ||
            lengthen(&longer->momentum, opt->momentum, RV_F64, ndim, &longer->group_count)) &&
           (c->scalar_count == 0 || lengthen(&longer->scalars, opt->scalars, RV_F64, 2, matrix));
}

/* Adds a group; false with an error, and nothing changed. */
static bool add_group(rv_optim *opt, const rv_optim_common *common, const void *options)
{
    RV_SCOPE;
    RV_LASTING;
    const char *who = opt->optim_class->name;
    const size_t size = options_size(opt->optim_class);
    rv_optim longer = *opt;
    longer.made = longer.lr = longer.steps = longer.momentum = longer.scalars = NULL;
    longer.group_count++;
    longer.count += common->parameters.count;
    longer.groups = rv_memory_get(who, (size_t)longer.group_count * sizeof *longer.groups);
    longer.slots = rv_memory_get(who, (size_t)longer.count * sizeof *longer.slots);
    void *copy = rv_memory_get(who, size);
    if (longer.groups == NULL || longer.slots == NULL || copy == NULL ||
        !lengthen_numbers(&longer, opt)) {
        release_numbers(&longer);
        put_arrays(&longer);
        rv_memory_put(copy, size);
        return false;
    }
    rv_optim_group *group = &longer.groups[opt->group_count];
    rv_optim_slot *slots = &longer.slots[opt->count];
    if (opt->count > 0) {
        memcpy(longer.groups, opt->groups, (size_t)opt->group_count * sizeof *opt->groups);
        memcpy(longer.slots, opt->slots, (size_t)opt->count * sizeof *opt->slots);
    }
    memset(slots, 0, (size_t)common->parameters.count * sizeof *slots);
    for (int64_t i = 0; i < common->parameters.count; i++) {
        slots[i].parameter = rv_retain(common->parameters.items[i]);
        slots[i].group = opt->group_count;
    }
    *group = (rv_optim_group){.options = memcpy(copy, options, size),
                              .common = *common,
                              .first = opt->count,
                              .count = common->parameters.count};
    group->common.parameters = (rv_tensors){0}; /* the caller's array does not last, */
    group->common.join = NULL;                  /* and an optimizer does not hold itself */
    memcpy(group->options, &group->common, sizeof group->common);
    ((double *)longer.lr->data)[opt->group_count] = common->lr;
    if (longer.momentum != NULL)
        memcpy((double *)longer.momentum->data + opt->group_count,
               (const char *)options + opt->optim_class->momentum_offset, sizeof(double));
    release_numbers(opt);
    put_arrays(opt);
    *opt = longer;
    return true;
}

static bool accepts_all(const rv_optim_class *c, const void *options, const rv_tensors *parameters)
{
    for (int64_t i = 0; c->accepts != NULL && i < parameters->count; i++)
        if (!c->accepts(options, parameters->items[i]))
            return rv_fail(RV_ERROR_ARGUMENT, c->name, "it cannot update parameter %lld",
                           (long long)i);
    return true;
}

/* Whether `join` can get a group of this class. */
static bool check_join(const rv_optim_class *c, const rv_optim *join)
{
    if (!rv_optim_check(c->name, join))
        return false;
    if (join->optim_class != c)
        return rv_fail(RV_ERROR_ARGUMENT, c->name,
                       "join is of the method %s; a group is of the same", join->optim_class->name);
    return c->minimizer == NULL ||
           rv_fail(RV_ERROR_ARGUMENT, c->name,
                   "join is set, and this method has all parameters in one group");
}

rv_optim *rv_optim_new(const rv_optim_class *optim_class, const void *options)
{
    if (!check_class(optim_class))
        return NULL;
    const char *who = optim_class->name;
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_optim_common common;
    memcpy(&common, options, sizeof common);
    if ((common.join != NULL && !check_join(optim_class, common.join)) ||
        !rv_optim_check_parameters(who, common.join, &common.parameters) ||
        !check_options(optim_class, &common, options) ||
        !accepts_all(optim_class, options, &common.parameters))
        return NULL;
    if (common.join != NULL)
        return add_group(common.join, &common, options) ? common.join : NULL;
    rv_optim *opt = rv_memory_get(who, sizeof *opt);
    if (opt == NULL)
        return NULL;
    *opt = (rv_optim){.optim_class = optim_class};
    rv_object_init(&opt->object, &optim_object_class);
    if (add_group(opt, &common, options) &&
        (optim_class->minimizer == NULL || (opt->minimizer = rv_minimizer_make(opt)) != NULL))
        return opt;
    rv_optim_free(opt);
    return NULL;
}

void rv_optim_free(rv_optim *opt)
{
    rv_object_release((rv_object *)opt);
}

bool rv_optim_zero_grad(rv_optim *opt)
{
    if (!rv_optim_check("optim_zero_grad", opt))
        return false;
    bool done = true;
    for (int64_t i = 0; i < opt->count; i++)
        if (rv_requires_grad(opt->slots[i].parameter)) /* it may have been frozen since */
            done = rv_zero_grad(opt->slots[i].parameter) && done;
    return done;
}

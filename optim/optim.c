/* optim.c - an optimizer's life: made of a class and parameters, its state walked, freed.
 *
 * What changes and must be saved lives in tensors from the start: the learning rate, the steps that
 * each parameter took, the method's own state. So saving and loading need no code but the walk.
 */
#include "optim/optim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/graph.h"
#include "autograd/operations.h"
#include "core/memory.h"
#include "optim/optim_parts.h"

/* ---- checks ---------------------------------------------------------------------------------- */

bool rv_optim_check_lr(const char *who, double lr)
{
    return (isfinite(lr) && lr > 0) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "lr is %g; a finite number > 0 is expected", lr);
}

bool rv_optim_check_option(const char *who, const char *name, double value, double low)
{
    return (isfinite(value) && value >= low) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %g; a finite number >= %g is expected", name,
                   value, low);
}

static bool check_class(const rv_optim_class *c)
{
    const char *who = "optim_new";
    if (c == NULL || c->name == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the class or its name is NULL");
    if ((c->update == NULL) == (c->update_elements == NULL))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "%s must have one of update and update_elements, and has %s", c->name,
                       c->update == NULL ? "none" : "both");
    if (c->state_count < 0 || c->state_count > RV_OPTIM_MOST_STATE)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s keeps %d tensors; 0 to %d are possible", c->name,
                       c->state_count, RV_OPTIM_MOST_STATE);
    for (int i = 0; i < c->state_count; i++)
        if (c->state_names[i] == NULL)
            return rv_fail(RV_ERROR_NULL, who, "the name of %s's state %d is NULL", c->name, i);
    return true;
}

/* The elements from the first to the last one of a tensor that has any, gaps included. */
static int64_t extent(const rv_tensor *t)
{
    int64_t last = 0;
    for (int i = 0; i < t->ndim; i++)
        last += (t->shape[i] - 1) * t->strides[i];
    return last + 1;
}

/* t's place in a map of the memory from `start` on, which has a byte for each element. */
static rv_tensor *on_map(const char *who, const rv_tensor *map, const char *start,
                         const rv_tensor *t)
{
    const int64_t skipped = (t->data - start) / (int64_t)rv_dtype_size(t->dtype);
    return rv_raw_view(who, map->storage, map->data + skipped, RV_U8, t->ndim, t->shape,
                       t->strides);
}

/* Whether two parameters have no element in common. Views of one memory may lie between each other,
 * as the columns of a matrix do: then only a map of that memory tells. */
static bool are_apart(const char *who, const rv_tensor *a, const rv_tensor *b)
{
    if (a->numel == 0 || b->numel == 0)
        return true;
    const int64_t a_bytes = extent(a) * (int64_t)rv_dtype_size(a->dtype);
    const int64_t b_bytes = extent(b) * (int64_t)rv_dtype_size(b->dtype);
    if (a->data + a_bytes <= b->data || b->data + b_bytes <= a->data)
        return true;
    if (a->dtype != b->dtype)
        return false;
    RV_SCOPE;
    RV_NO_GRAD;
    const char *start = a->data < b->data ? a->data : b->data;
    const char *end = a->data + a_bytes > b->data + b_bytes ? a->data + a_bytes : b->data + b_bytes;
    const int64_t length = (end - start) / (int64_t)rv_dtype_size(a->dtype);
    rv_tensor *map = rv_zeros_n(RV_U8, 1, &length);
    if (map == NULL || rv_fill(on_map(who, map, start, a), 1) == NULL)
        return false;
    return rv_item(rv_max(on_map(who, map, start, b))) == 0;
}

static bool check_parameter(const char *who, const rv_tensors *parameters, int64_t i)
{
    rv_tensor *p = parameters->items[i];
    if (p == NULL)
        return rv_fail(RV_ERROR_NULL, who, "parameter %lld is NULL", (long long)i);
    if (!rv_check(who, (int)i, p))
        return false;
    if (!rv_dtype_is_floating(p->dtype))
        return rv_fail(RV_ERROR_DTYPE, who, "parameter %lld is %s; F32 or F64 is expected",
                       (long long)i, rv_dtype_name(p->dtype));
    if (!rv_requires_grad(p))
        return rv_fail(RV_ERROR_GRAPH, who,
                       "parameter %lld does not require a gradient (rv_require_grad)",
                       (long long)i);
    if (rv_require_grad(p) == NULL) /* says what it was computed by, if it is no leaf */
        return false;
    for (int axis = 0; axis < p->ndim; axis++)
        if (p->strides[axis] == 0 && p->shape[axis] > 1)
            return rv_fail(
                RV_ERROR_SHAPE, who,
                "parameter %lld is %s, expanded along axis %d: its elements share memory",
                (long long)i, RV_SHAPE_OF(p), axis);
    for (int64_t j = 0; j < i; j++) {
        const rv_tensor *other = parameters->items[j];
        if (other == p)
            return rv_fail(RV_ERROR_ARGUMENT, who, "parameters %lld and %lld are the same tensor",
                           (long long)j, (long long)i);
        if (other->storage == p->storage && !are_apart(who, other, p))
            return rv_fail(RV_ERROR_ARGUMENT, who, "parameters %lld and %lld share memory",
                           (long long)j, (long long)i);
    }
    return true;
}

static bool check_parameters(const char *who, const rv_tensors *parameters)
{
    if (parameters->count < 1 || parameters->items == NULL)
        return rv_fail(RV_ERROR_ARGUMENT, who, "there are no parameters");
    for (int64_t i = 0; i < parameters->count; i++)
        if (!check_parameter(who, parameters, i))
            return false;
    return true;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void optim_destroy(rv_object *object)
{
    rv_optim *opt = (rv_optim *)object;
    for (int64_t i = 0; opt->slots != NULL && i < opt->count; i++) {
        rv_release(opt->slots[i].parameter);
        for (int j = 0; j < RV_OPTIM_MOST_STATE; j++)
            rv_release(opt->slots[i].state[j]);
    }
    rv_release(opt->steps);
    rv_release(opt->lr);
    rv_memory_put(opt->slots, (size_t)opt->count * sizeof *opt->slots);
    rv_memory_put(opt->options, opt->optim_class->options_size);
    opt->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(opt, sizeof *opt);
}

static bool optim_state(rv_object *object, rv_state_visit *visit, void *context);

static const rv_object_class optim_object_class = {
    .kind = "optimizer", .destroy = optim_destroy, .state = optim_state};

bool rv_optim_check(const char *who, const rv_optim *opt)
{
    if (opt == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the optimizer is NULL");
    if (opt->object.mark != RV_OBJECT_ALIVE || opt->object.object_class != &optim_object_class)
        return rv_fail(RV_ERROR_ARGUMENT, who, "this is not an optimizer, or it was freed");
    return true;
}

/* Fills a fresh optimizer; false with an error, and what there is then can be destroyed. */
static bool fill(const char *who, rv_optim *opt, const rv_tensors *parameters, double lr,
                 const void *options)
{
    RV_SCOPE;
    const size_t options_size = opt->optim_class->options_size;
    opt->slots = rv_memory_get(who, (size_t)opt->count * sizeof *opt->slots);
    opt->options = options_size > 0 ? rv_memory_get(who, options_size) : NULL;
    opt->steps = rv_retain(rv_zeros_n(RV_I64, 1, &opt->count));
    opt->lr = rv_retain(rv_full(lr, RV_F64));
    if (opt->slots != NULL)
        memset(opt->slots, 0, (size_t)opt->count * sizeof *opt->slots);
    if (opt->slots == NULL || (options_size > 0 && opt->options == NULL) || opt->steps == NULL ||
        opt->lr == NULL)
        return false;
    for (int64_t i = 0; i < opt->count; i++)
        opt->slots[i].parameter = rv_retain(parameters->items[i]);
    if (options_size > 0)
        memcpy(opt->options, options, options_size);
    return true;
}

rv_optim *rv_optim_new(const rv_optim_class *optim_class, rv_tensors parameters, double lr,
                       const void *options)
{
    if (!check_class(optim_class))
        return NULL;
    const char *who = optim_class->name;
    if (options == NULL && optim_class->options_size > 0)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_parameters(who, &parameters) || !rv_optim_check_lr(who, lr) ||
        (optim_class->validate != NULL && !optim_class->validate(options)))
        return NULL;
    rv_optim *opt = rv_memory_get(who, sizeof *opt);
    if (opt == NULL)
        return NULL;
    *opt = (rv_optim){.optim_class = optim_class, .count = parameters.count};
    rv_object_init(&opt->object, &optim_object_class);
    if (fill(who, opt, &parameters, lr, options))
        return opt;
    rv_optim_free(opt);
    return NULL;
}

void rv_optim_free(rv_optim *opt)
{
    rv_object_release((rv_object *)opt);
}

/* ---- the learning rate, gradients ------------------------------------------------------------ */

double rv_optim_lr(const rv_optim *opt)
{
    return rv_optim_check("optim_lr", opt) ? *(const double *)opt->lr->data : NAN;
}

bool rv_optim_set_lr(rv_optim *opt, double lr)
{
    const char *who = "optim_set_lr";
    if (!rv_optim_check(who, opt) || !rv_optim_check_lr(who, lr))
        return false;
    *(double *)opt->lr->data = lr;
    rv_touch(opt->lr);
    return true;
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

/* ---- state ----------------------------------------------------------------------------------- */

bool rv_optim_make_state(const char *who, const rv_optim *opt, rv_optim_slot *slot)
{
    const rv_optim_class *c = opt->optim_class;
    const rv_tensor *p = slot->parameter;
    RV_LASTING;
    for (int i = 0; i < c->state_count; i++) {
        if (slot->state[i] != NULL || (c->uses_state != NULL && !c->uses_state(opt->options, i)))
            continue;
        RV_SCOPE;
        slot->state[i] = rv_retain(rv_zeros_n(p->dtype, p->ndim, p->shape));
        if (slot->state[i] == NULL)
            return rv_fail(RV_ERROR_MEMORY, who, "out of memory for %s", c->state_names[i]);
    }
    return true;
}

/* A parameter's step count, as a tensor of its own over the optimizer's memory; to be released. */
static rv_tensor *step_tensor(const rv_optim *opt, int64_t i)
{
    RV_SCOPE;
    char *step = opt->steps->data + i * (int64_t)sizeof(int64_t);
    return rv_retain(rv_raw_view("state", opt->steps->storage, step, RV_I64, 0, NULL, NULL));
}

/* A parameter's state, whether or not it has made a step: so that a fresh optimizer can be loaded
 * into. Step 0 and zeros are what a parameter without a step has anyway. */
static bool visit_slot(const rv_optim *opt, int64_t i, rv_state_visit *visit, void *context)
{
    const rv_optim_class *c = opt->optim_class;
    rv_optim_slot *slot = &opt->slots[i];
    char name[128];
    rv_tensor *step = step_tensor(opt, i);
    snprintf(name, sizeof name, "state.%lld.step", (long long)i);
    bool go_on =
        step != NULL && rv_optim_make_state("state", opt, slot) && visit(context, name, step);
    rv_release(step);
    for (int j = 0; go_on && j < c->state_count; j++) {
        snprintf(name, sizeof name, "state.%lld.%.80s", (long long)i, c->state_names[j]);
        go_on = slot->state[j] == NULL || visit(context, name, slot->state[j]);
    }
    return go_on;
}

static bool optim_state(rv_object *object, rv_state_visit *visit, void *context)
{
    const rv_optim *opt = (const rv_optim *)object;
    if (!visit(context, "lr", opt->lr))
        return false;
    for (int64_t i = 0; i < opt->count; i++)
        if (!visit_slot(opt, i, visit, context))
            return false;
    return true;
}

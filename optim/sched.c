/* sched.c - a schedule's life: made, put on an optimizer, stepped, its state walked, freed.
 *
 * The learning rate of a step is computed from the step's number, the base and what was observed,
 * never from the one before. A step works on a copy of the observed state and sets the learning
 * rates last, when nothing can fail any more.
 */
#include "optim/sched.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "optim/sched_parts.h"

/* ---- beginning and end ----------------------------------------------------------------------- */

static void sched_destroy(rv_object *object)
{
    rv_sched *s = (rv_sched *)object;
    for (int64_t i = 0; i < s->part_count; i++)
        rv_sched_free(s->parts[i]);
    rv_memory_put(s->parts, (size_t)s->part_room * sizeof(rv_sched *));
    if (s->sched_class != NULL) {
        rv_memory_put(s->options, s->sched_class->options_size);
        rv_memory_put(s->next, (size_t)s->sched_class->state_count * sizeof(double));
    }
    rv_release(s->state);
    rv_release(s->step);
    rv_release(s->base_lr);
    rv_memory_put(s->values, (size_t)s->groups * 3 * sizeof(double));
    rv_object_release((rv_object *)s->optimizer);
    s->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(s, sizeof *s);
}

static bool sched_state(rv_object *object, rv_state_visit *visit, void *context);

static const rv_object_class sched_object_class = {
    .kind = "schedule", .destroy = sched_destroy, .state = sched_state};

rv_sched *rv_sched_make(const char *who, rv_sched_kind kind)
{
    rv_sched *s = rv_memory_get(who, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (rv_sched){.kind = kind};
    rv_object_init(&s->object, &sched_object_class);
    return s;
}

void rv_sched_free(rv_sched *sched)
{
    rv_object_release((rv_object *)sched);
}

bool rv_sched_check(const char *who, const rv_sched *sched)
{
    if (sched == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the schedule is NULL");
    if (sched->object.mark != RV_OBJECT_ALIVE || sched->object.object_class != &sched_object_class)
        return rv_fail(RV_ERROR_ARGUMENT, who, "this is not a schedule, or it was freed");
    return true;
}

/* The same, and that it is on an optimizer. */
static bool check_attached(const char *who, const rv_sched *sched)
{
    if (!rv_sched_check(who, sched))
        return false;
    return sched->optimizer != NULL ||
           rv_fail(RV_ERROR_STATE, who, "the schedule was made without an optimizer: it is a part");
}

/* ---- values ---------------------------------------------------------------------------------- */

/* What a group has at a step. */
typedef struct value {
    double lr;
    double momentum; /* NaN: left alone */
} value;

/* Which part's turn it is; *step becomes the number of its own steps. */
static rv_sched *part_at(const rv_sched *s, int64_t *step)
{
    int64_t i = 0;
    while (i + 1 < s->part_count && s->milestones[i] <= *step)
        i++;
    *step -= i > 0 ? s->milestones[i - 1] : 0;
    return s->parts[i];
}

static bool uses_momentum(const rv_sched *s)
{
    const rv_sched_class *c = s->sched_class;
    return c->momentum != NULL && (c->uses_momentum == NULL || c->uses_momentum(s->options));
}

/* What the schedule makes of a group's values at a step, with the states in `next`. */
static value evaluate(const rv_sched *s, int64_t step, int64_t group, value from)
{
    if (s->kind == RV_SCHED_CHAINED) {
        for (int64_t i = 0; i < s->part_count; i++)
            from = evaluate(s->parts[i], step, group, from);
        return from;
    }
    if (s->kind == RV_SCHED_SEQUENTIAL) {
        const rv_sched *part = part_at(s, &step);
        return evaluate(part, step, group, from);
    }
    const rv_sched_point at = {
        .step = step, .group = group, .base = from.lr, .options = s->options, .state = s->next};
    return (value){.lr = s->sched_class->lr(&at),
                   .momentum = uses_momentum(s) ? s->sched_class->momentum(&at) : from.momentum};
}

static double base_of(const rv_sched *s, int64_t group)
{
    return ((const double *)s->base_lr->data)[group];
}

static value value_of(const rv_sched *s, int64_t step, int64_t group)
{
    return evaluate(s, step, group, (value){base_of(s, group), (double)NAN});
}

/* Fills s->values for a step; false with an error. */
static bool compute_values(const char *who, rv_sched *s, int64_t step)
{
    for (int64_t g = 0; g < s->groups; g++) {
        if (!(isfinite(base_of(s, g)) && base_of(s, g) >= 0))
            return rv_fail(RV_ERROR_STATE, who,
                           "the base learning rate of group %lld is %g: the state that was loaded "
                           "is wrong",
                           (long long)g, base_of(s, g));
        const value v = value_of(s, step, g);
        if (rv_error_status() != RV_OK)
            return false;
        if (!(isfinite(v.lr) && v.lr >= 0))
            return rv_fail(RV_ERROR_STATE, who,
                           "the learning rate of group %lld would be %g at step %lld; a finite "
                           "number >= 0 is expected",
                           (long long)g, v.lr, (long long)step);
        s->values[g] = v.lr;
        s->values[s->groups + g] = v.momentum;
    }
    return true;
}

/* Sets the values of a step. A momentum may be refused (that of a method that keeps a buffer only
 * for a momentum); then those that were set go back. */
static bool set_values(rv_sched *s)
{
    const double *momenta = s->values + s->groups;
    double *before = s->values + 2 * s->groups;
    for (int64_t g = 0; g < s->groups; g++) {
        if (isnan(momenta[g]))
            continue;
        before[g] = rv_optim_group_momentum(s->optimizer, g);
        if (rv_optim_set_group_momentum(s->optimizer, g, momenta[g]))
            continue;
        while (--g >= 0)
            if (!isnan(momenta[g]))
                rv_optim_set_group_momentum(s->optimizer, g, before[g]);
        return false;
    }
    bool done = true;
    for (int64_t g = 0; g < s->groups; g++)
        done = rv_optim_set_group_lr(s->optimizer, g, s->values[g]) && done;
    return done;
}

/* ---- observing ------------------------------------------------------------------------------- */

/* Copies the observed states to `next` (or back, when a step is certain). */
static void copy_states(const rv_sched *s, bool back)
{
    for (int64_t i = 0; i < s->part_count; i++)
        copy_states(s->parts[i], back);
    if (s->state == NULL)
        return;
    const size_t bytes = (size_t)s->sched_class->state_count * sizeof(double);
    if (back)
        memcpy(s->state->data, s->next, bytes);
    else
        memcpy(s->next, s->state->data, bytes);
    if (back)
        rv_touch(s->state);
}

/* Shows the metric to those whose turn it is at a step. */
static bool observe(const char *who, rv_sched *s, int64_t step, double metric)
{
    if (s->kind == RV_SCHED_SEQUENTIAL) {
        /* A part sees a metric for each of its steps but the first, step 0. */
        rv_sched *part = part_at(s, &step);
        return step == 0 || observe(who, part, step, metric);
    }
    for (int64_t i = 0; i < s->part_count; i++)
        if (!observe(who, s->parts[i], step, metric))
            return false;
    if (s->kind != RV_SCHED_SINGLE || s->sched_class->observe == NULL)
        return true;
    if (isnan(metric))
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s needs a metric, and it is missing or NaN",
                       s->sched_class->name);
    return s->sched_class->observe(metric, s->options, s->next);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* How many steps were made; -1 with an error if that cannot be. */
static int64_t steps_made(const char *who, const rv_sched *s)
{
    const int64_t step = *(const int64_t *)s->step->data;
    if (step >= 0 && step < INT64_MAX)
        return step;
    rv_fail(RV_ERROR_STATE, who, "it has made %lld steps: the state that was loaded is wrong",
            (long long)step);
    return -1;
}

bool rv_sched_step_with(const rv_sched_step_options *options)
{
    const char *who = "sched_step";
    if (rv_error_status() != RV_OK)
        return false;
    rv_sched *s = options != NULL ? options->sched : NULL;
    if (!check_attached(who, s))
        return false;
    const int64_t groups = rv_optim_groups(s->optimizer), step = steps_made(who, s) + 1;
    if (step == 0)
        return false;
    if (groups != s->groups)
        return rv_fail(RV_ERROR_STATE, who,
                       "the optimizer has %lld groups; the schedule was made for %lld",
                       (long long)groups, (long long)s->groups);
    copy_states(s, false);
    if (!observe(who, s, step, options->metric) || !compute_values(who, s, step) || !set_values(s))
        return false;
    copy_states(s, true);
    *(int64_t *)s->step->data = step;
    rv_touch(s->step);
    return true;
}

double rv_sched_lr(const rv_sched *sched)
{
    const char *who = "sched_lr";
    if (!check_attached(who, sched))
        return (double)NAN;
    const int64_t step = steps_made(who, sched);
    if (step < 0)
        return (double)NAN;
    copy_states(sched, false);
    return value_of(sched, step, 0).lr;
}

int64_t rv_sched_steps(const rv_sched *sched)
{
    const char *who = "sched_steps";
    return check_attached(who, sched) ? steps_made(who, sched) : -1;
}

/* ---- putting one on an optimizer ------------------------------------------------------------- */

/* Whether one in it uses momenta. */
static bool any_uses_momentum(const rv_sched *s)
{
    if (s->kind == RV_SCHED_SINGLE)
        return uses_momentum(s);
    for (int64_t i = 0; i < s->part_count; i++)
        if (any_uses_momentum(s->parts[i]))
            return true;
    return false;
}

/* Takes what it needs for its optimizer, and writes down the base; false with an error. */
static bool equip(const char *who, rv_sched *s)
{
    RV_SCOPE;
    RV_LASTING;
    s->step = rv_retain(rv_zeros(RV_I64));
    s->base_lr = rv_retain(rv_zeros_n(RV_F64, s->groups > 1, &s->groups));
    s->values = rv_memory_get(who, (size_t)s->groups * 3 * sizeof(double));
    if (s->step == NULL || s->base_lr == NULL || s->values == NULL)
        return false;
    for (int64_t g = 0; g < s->groups; g++)
        ((double *)s->base_lr->data)[g] = rv_optim_group_lr(s->optimizer, g);
    return true;
}

static bool attach(const char *who, rv_sched *s, rv_optim *optimizer)
{
    const int64_t groups = rv_optim_groups(optimizer);
    if (groups == 0)
        return false;
    if (any_uses_momentum(s) && !rv_optim_has_momentum(optimizer))
        return rv_fail(RV_ERROR_ARGUMENT, who, "the optimizer has no momentum to cycle");
    rv_object_retain((rv_object *)optimizer);
    s->optimizer = optimizer;
    s->groups = groups;
    if (!equip(who, s))
        return false;
    copy_states(s, false);
    return compute_values(who, s, 0) && set_values(s);
}

rv_sched *rv_sched_attach(const char *who, rv_sched *s, rv_optim *optimizer)
{
    const bool is_part = optimizer == NULL && rv_error_status() == RV_OK;
    if (is_part || attach(who, s, optimizer))
        return s;
    rv_sched_free(s);
    return NULL;
}

/* ---- single ones ----------------------------------------------------------------------------- */

static bool check_class(const rv_sched_class *c)
{
    const char *who = "sched_new";
    if (c == NULL || c->name == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the class or its name is NULL");
    if (c->lr == NULL)
        return rv_fail(RV_ERROR_NULL, who, "%s has no function lr", c->name);
    if (c->options_size < sizeof(rv_optim *))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "the options of %s have %zu bytes; they must begin with an rv_optim *",
                       c->name, c->options_size);
    if (c->state_count < 0 || c->state_count > RV_SCHED_MOST_STATE)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s keeps %d numbers; 0 to %d are possible", c->name,
                       c->state_count, RV_SCHED_MOST_STATE);
    if ((c->state_count > 0) != (c->observe != NULL))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "%s keeps %d numbers, and has %s function observe: both or none is expected",
                       c->name, c->state_count, c->observe != NULL ? "a" : "no");
    for (int i = 0; i < c->state_count; i++)
        if (c->state_names[i] == NULL)
            return rv_fail(RV_ERROR_NULL, who, "the name of %s's state %d is NULL", c->name, i);
    return true;
}

/* What a fresh schedule needs of its class; false with an error. */
static bool fill(rv_sched *s, const rv_sched_class *c, const void *options)
{
    RV_SCOPE;
    RV_LASTING;
    const int64_t count = c->state_count;
    s->options = rv_memory_get(c->name, c->options_size);
    if (s->options == NULL)
        return false;
    s->sched_class = c;
    memcpy(s->options, options, c->options_size);
    if (count == 0)
        return true;
    s->state = rv_retain(rv_zeros_n(RV_F64, 1, &count));
    s->next = rv_memory_get(c->name, (size_t)count * sizeof(double));
    if (s->state == NULL || s->next == NULL)
        return false;
    for (int i = 0; c->state_start != NULL && i < count; i++)
        ((double *)s->state->data)[i] = c->state_start(s->options, i);
    return true;
}

rv_sched *rv_sched_new(const rv_sched_class *sched_class, const void *options)
{
    if (!check_class(sched_class))
        return NULL;
    const char *who = sched_class->name;
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (sched_class->validate != NULL && !sched_class->validate(options))
        return NULL;
    rv_sched *s = rv_sched_make(who, RV_SCHED_SINGLE);
    if (s == NULL)
        return NULL;
    if (!fill(s, sched_class, options)) {
        rv_sched_free(s);
        return NULL;
    }
    rv_optim *optimizer;
    memcpy(&optimizer, options, sizeof optimizer);
    return rv_sched_attach(who, s, optimizer);
}

/* ---- state ----------------------------------------------------------------------------------- */

/* Visits what was observed, number by number, as tensors of their own over the schedule's memory.
 */
static bool visit_observed(const rv_sched *s, const char *prefix, rv_state_visit *visit,
                           void *context)
{
    RV_SCOPE;
    char name[160];
    for (int i = 0; s->state != NULL && i < s->sched_class->state_count; i++) {
        snprintf(name, sizeof name, "%s%.80s", prefix, s->sched_class->state_names[i]);
        rv_tensor *t =
            rv_raw_view("state", s->state->storage, s->state->data + i * (int64_t)sizeof(double),
                        RV_F64, 0, NULL, NULL);
        if (t == NULL || !visit(context, name, t))
            return false;
    }
    for (int64_t i = 0; i < s->part_count; i++) {
        snprintf(name, sizeof name, "%.60s%lld.", prefix, (long long)i);
        if (!visit_observed(s->parts[i], name, visit, context))
            return false;
    }
    return true;
}

static bool sched_state(rv_object *object, rv_state_visit *visit, void *context)
{
    const rv_sched *s = (const rv_sched *)object;
    if (!check_attached("state", s))
        return false;
    return visit(context, "step", s->step) && visit(context, "base_lr", s->base_lr) &&
           visit_observed(s, "", visit, context);
}

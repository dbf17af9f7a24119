/* sched_combine.c - schedules made of others: one on the other's result, one after the other. */
#include "optim/sched.h"

#include <string.h>

#include "core/memory.h"
#include "optim/sched_parts.h"

/* ---- parts ----------------------------------------------------------------------------------- */

/* How deep schedules may stand in each other: that much stack is there. */
enum { DEEPEST = 32 };

/* Takes one over; whether it can be a part. */
static bool take(const char *who, rv_sched *s, rv_sched *part, int64_t number)
{
    if (part == NULL)
        return rv_fail(RV_ERROR_NULL, who, "part %lld is NULL", (long long)number);
    if (!rv_sched_check(who, part))
        return false;
    if (part->is_taken)
        return rv_fail(RV_ERROR_ARGUMENT, who, "part %lld is a part already", (long long)number);
    part->is_taken = true;
    s->parts[s->part_count++] = part;
    if (part->optimizer != NULL)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "part %lld has an optimizer; a part is made with NULL in its place",
                       (long long)number);
    if (part->depth >= DEEPEST)
        return rv_fail(RV_ERROR_ARGUMENT, who, "schedules are at most %d deep", DEEPEST);
    s->depth = s->depth > part->depth ? s->depth : part->depth + 1;
    return true;
}

/* A schedule that has the parts; if it fails, they are freed. */
static rv_sched *combine(const char *who, rv_sched_kind kind, const rv_scheds *parts)
{
    if (parts->items == NULL || parts->count < 1)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "there are no parts");
    rv_sched *s = rv_sched_make(who, kind);
    rv_sched **items = rv_memory_get(who, (size_t)parts->count * sizeof(rv_sched *));
    if (s == NULL || items == NULL) {
        for (int64_t i = 0; i < parts->count; i++)
            rv_sched_free(parts->items[i]);
        rv_memory_put(items, (size_t)parts->count * sizeof(rv_sched *));
        rv_sched_free(s);
        return NULL;
    }
    s->parts = items;
    s->part_room = parts->count;
    bool ok = true;
    for (int64_t i = 0; i < parts->count; i++)
        ok = take(who, s, parts->items[i], i) && ok;
    if (ok)
        return s;
    rv_sched_free(s);
    return NULL;
}

rv_sched *rv_sched_chained_with(const rv_sched_chained_options *options)
{
    const char *who = "sched_chained";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_sched *s = combine(who, RV_SCHED_CHAINED, &options->parts);
    return s != NULL ? rv_sched_attach(who, s, options->optimizer) : NULL;
}

static bool check_milestones(const char *who, const int64_t *milestones, int64_t parts)
{
    const int count = rv_sched_count_milestones(who, milestones);
    if (count < 0)
        return false;
    if (count != parts - 1)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "%lld parts and %d milestones; one milestone less than parts is expected",
                       (long long)parts, count);
    for (int i = 1; i < count; i++)
        if (milestones[i] <= milestones[i - 1])
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "milestones[%d] is %lld, after %lld; a larger one is expected", i,
                           (long long)milestones[i], (long long)milestones[i - 1]);
    return true;
}

rv_sched *rv_sched_sequential_with(const rv_sched_sequential_options *options)
{
    const char *who = "sched_sequential";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_sched *s = combine(who, RV_SCHED_SEQUENTIAL, &options->parts);
    if (s == NULL)
        return NULL;
    if (!check_milestones(who, options->milestones, s->part_count)) {
        rv_sched_free(s);
        return NULL;
    }
    memcpy(s->milestones, options->milestones, sizeof s->milestones);
    return rv_sched_attach(who, s, options->optimizer);
}

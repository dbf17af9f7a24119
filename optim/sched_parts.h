/* sched_parts.h - what a schedule is made of. Private to optim/. */
#ifndef RV_OPTIM_SCHED_PARTS_H
#define RV_OPTIM_SCHED_PARTS_H

#include "optim/sched.h"

typedef enum rv_sched_kind { RV_SCHED_SINGLE, RV_SCHED_CHAINED, RV_SCHED_SEQUENTIAL } rv_sched_kind;

struct rv_sched {
    rv_object object;
    rv_sched_kind kind;
    bool is_taken; /* it is a part of another */
    int depth;     /* how many stand in each other below it */

    /* Of a single one. */
    const rv_sched_class *sched_class;
    void *options;    /* a copy of the caller's */
    rv_tensor *state; /* F64 [state_count]; NULL if that is 0 */
    double *next;     /* [state_count] the state that a step makes, until it is certain */

    /* Of one that is made of others. */
    rv_sched **parts; /* [part_count of part_room], held */
    int64_t part_count, part_room;
    int64_t milestones[RV_SCHED_MOST_MILESTONES]; /* [part_count - 1], of a sequence */

    /* Of one that is no part. */
    rv_optim *optimizer; /* held; NULL: a part, or yet to be one */
    int64_t groups;
    rv_tensor *step;    /* I64, 0-d: how many steps were made */
    rv_tensor *base_lr; /* F64 [groups]; 0-d for one */
    double *values;     /* [3*groups] of a step: learning rates; momenta (NaN: left alone); and the
                           momenta before */
};

/* A schedule without anything in it; NULL with an error. */
rv_sched *rv_sched_make(const char *who, rv_sched_kind kind);

/* Puts a schedule that is otherwise complete on its optimizer: its first learning rates are set.
 * With NULL it stays a part. Returns it; or frees it and returns NULL with an error. */
rv_sched *rv_sched_attach(const char *who, rv_sched *sched, rv_optim *optimizer);

/* Whether it is a schedule that may be used; false with an error. */
bool rv_sched_check(const char *who, const rv_sched *sched);

/* Whether an option is in its range; false with an error. The first takes both ends, the second
 * what is above `low`; a `high` of infinity is no end. */
bool rv_sched_check_range(const char *who, const char *name, double value, double low, double high);
bool rv_sched_check_above(const char *who, const char *name, double value, double low);
bool rv_sched_check_count(const char *who, const char *name, int64_t number, int64_t low);

/* How many milestones there are up to the first 0; -1 with an error for one below 1. */
int rv_sched_count_milestones(const char *who, const int64_t *milestones);

/* From `from` at part 0 to `to` at part 1, exactly: along a line or half a cosine wave, which goes
 * on beyond 1. */
double rv_sched_blend(rv_sched_anneal how, double from, double to, double part);

#endif

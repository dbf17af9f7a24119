/* minimize_task.h - a loss for suites that minimize: a valley, a closure of it that can go wrong
 * from some call on, and remembers the best place that it told of.
 */
#ifndef TESTS_MINIMIZE_TASK_H
#define TESTS_MINIMIZE_TASK_H

#include <math.h>

#include "helpers.h"
#include "minimize_makers.h"

typedef struct task task;

/* What the closure gives in place of the loss. */
typedef rv_tensor *misdeed(task *t, rv_tensor *loss);

struct task {
    rv_tensor *a, *b; /* F64 [2,3], not contiguous, and F32 [4] */
    rv_optim *opt;
    misdeed *misdeed;
    int from; /* the call from which it goes wrong; 0: never */
    int calls;
    double best;                 /* of the losses that were given as they are, */
    double best_a[6], best_b[4]; /* and where */
};

static inline void read_numbers(const rv_tensor *t, double *into)
{
    for (int64_t i = 0; i < t->numel; i++)
        into[i] = at(t, i);
}

/* Rosenbrock's function along a, and a bowl over b. */
static inline rv_tensor *right_loss(task *t)
{
    rv_tensor *a = rv_reshape(t->a, 6);
    rv_tensor *x = rv_slice(a, 0, 0, 5), *y = rv_slice(a, 0, 1, 6);
    rv_tensor *valley = rv_sum(rv_square(rv_sub(y, rv_square(x))));
    rv_tensor *slope = rv_sum(rv_square(rv_add_scalar(x, -1)));
    rv_tensor *bowl = rv_sum(rv_square(rv_add_scalar(rv_cast(t->b, RV_F64), -2)));
    return rv_add(rv_mul_scalar(valley, 100), rv_add(slope, rv_mul_scalar(bowl, 3)));
}

static inline rv_tensor *closure(void *context)
{
    task *t = context;
    t->calls++;
    rv_tensor *loss = right_loss(t);
    if (t->from > 0 && t->calls >= t->from)
        return t->misdeed(t, loss);
    if (rv_item(loss) < t->best) {
        t->best = rv_item(loss);
        read_numbers(t->a, t->best_a);
        read_numbers(t->b, t->best_b);
    }
    return loss;
}

static inline task make_task(misdeed *what, int from)
{
    return (task){.a = rv_require_grad(rv_transpose(waves(3, 2, 0), 0, 1)),
                  .b = rv_require_grad(rv_zeros(RV_F32, 4)),
                  .misdeed = what,
                  .from = from,
                  .best = INFINITY};
}

/* Whether the parameters are at the best place that the closure told of; at the start if none. */
static inline bool is_at_best(const task *t)
{
    return holds(t->a, 0, 6, t->best_a) && holds(t->b, 0, 4, t->best_b);
}

/* The first call is always a good one where this is called before it. */
static inline void note_start(task *t)
{
    read_numbers(t->a, t->best_a);
    read_numbers(t->b, t->best_b);
}

/* Whether a call went as far as it can: to where the gradient is within its tolerance, or small
 * for F32. */
static inline bool has_arrived(const minimize_maker *m, const rv_optim_result *r)
{
    if (r->status == RV_OPTIM_ITERATIONS)
        return m->is_blind || (m->is_slow_in_F32 && r->gradient < 1e-4);
    return r->status == RV_OPTIM_GRADIENT || (m->is_blind && r->status == RV_OPTIM_ROUNDING);
}

#endif

/* sched.h - schedules: how learning rates change while training goes on.
 *
 *     rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
 *     rv_sched *sched = rv_sched_cosine(opt, .steps = epochs);
 *     for (int epoch = 0; epoch < epochs; epoch++) {
 *         ...                               // rv_optim_step(opt) for each batch
 *         rv_sched_step(sched);
 *     }
 *     rv_sched_free(sched);
 *
 * A schedule is a function of how many steps it has made (0 when it is made, whatever a step is:
 * an epoch or a batch) and of the learning rate that each group of parameters had when the schedule
 * was made, its base. Making a schedule sets the learning rates of step 0. So the optimizer is made
 * first, with the base as its learning rate, and a schedule owns the learning rates from then on:
 * what rv_optim_set_lr sets lasts until its next step. Two schedules go on one optimizer only as
 * parts of a third (rv_sched_chained, rv_sched_sequential).
 *
 * Values are PyTorch's, from the same options, to rounding: PyTorch multiplies the learning rate it
 * finds, step by step, and these are computed anew at each step, so that nothing adds up.
 *
 * Its state can be saved (rv_save): "step", "base_lr" F64 [groups] (no axis for one group), and
 * what it observed; a chain's parts are named by number, as "0.best". Load it beside its optimizer,
 * into a schedule made with the same options: going on is then bit for bit as if there had been no
 * stop.
 */
#ifndef RV_OPTIM_SCHED_H
#define RV_OPTIM_SCHED_H

#include <math.h>

#include "optim/optim.h"

RV_BEGIN_C

typedef struct rv_sched rv_sched;

/* ---- using schedules ------------------------------------------------------------------------- */

typedef struct rv_sched_step_options {
    rv_sched *sched;
    double metric; /* default NaN: none */
} rv_sched_step_options;

/* rv_sched_step(sched), rv_sched_step(sched, loss): makes a step, and sets the learning rates of
 * all groups, and momenta where the schedule has them. The metric is for rv_sched_plateau; others
 * do not look at it. All or nothing: false with an error, and all as before, for NULL, a part, a
 * metric that is missing or NaN where one is needed, a number of groups that has changed, a state
 * that cannot be; false while an error is unread. */
#define rv_sched_step(...)                                                       \
    RV_OPTIONS(rv_sched_step_with, rv_sched_step_options, .metric = (double)NAN, \
               .sched = __VA_ARGS__)
RV_API bool rv_sched_step_with(const rv_sched_step_options *options);

/* The learning rate of group 0 at the step that the schedule is at; NaN with an error for NULL or a
 * part. */
RV_API double rv_sched_lr(const rv_sched *sched);

/* How many steps it has made; -1 with an error for NULL or a part. */
RV_API int64_t rv_sched_steps(const rv_sched *sched);

/* Drops the caller's reference; NULL is ignored. */
RV_API void rv_sched_free(rv_sched *sched);

/* ---- the schedules --------------------------------------------------------------------------- *
 *
 * In formulas, b is a group's base learning rate, t the number of steps made. All return a schedule
 * whose one reference the caller holds, and which holds the optimizer; or NULL with an error, and
 * the optimizer as it was: an option out of its range or NaN; an optimizer that is none.
 *
 * A NULL for the optimizer makes a part, for rv_sched_chained or rv_sched_sequential, unless an
 * error is unread: then there should have been an optimizer. */

#define RV_SCHED_MOST_MILESTONES 32

typedef struct rv_sched_constant_options {
    rv_optim *optimizer;
    double factor; /* default 1/3; 0 to 1 */
    int64_t steps; /* default 5; >= 1; PyTorch's total_iters */
} rv_sched_constant_options;

/* b*factor for t < steps, then b. PyTorch's ConstantLR. */
#define rv_sched_constant(...)                                                                   \
    RV_OPTIONS(rv_sched_constant_with, rv_sched_constant_options, .factor = 1.0 / 3, .steps = 5, \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_constant_with(const rv_sched_constant_options *options);

typedef struct rv_sched_step_lr_options {
    rv_optim *optimizer;
    int64_t step_size; /* >= 1; no default */
    double gamma;      /* default 0.1; > 0 */
} rv_sched_step_lr_options;

/* rv_sched_step_lr(opt, .step_size = 30): b * gamma^floor(t/step_size). PyTorch's StepLR. */
#define rv_sched_step_lr(...)                                                 \
    RV_OPTIONS(rv_sched_step_lr_with, rv_sched_step_lr_options, .gamma = 0.1, \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_step_lr_with(const rv_sched_step_lr_options *options);

typedef struct rv_sched_multi_step_options {
    rv_optim *optimizer;
    int64_t milestones[RV_SCHED_MOST_MILESTONES]; /* at least one; >= 1 each, up to the first 0, in
                                                     any order */
    double gamma;                                 /* default 0.1; > 0 */
} rv_sched_multi_step_options;

/* rv_sched_multi_step(opt, .milestones = {80, 120}): b * gamma^(how many milestones are <= t); one
 * that is given twice counts twice. PyTorch's MultiStepLR. */
#define rv_sched_multi_step(...)                                                    \
    RV_OPTIONS(rv_sched_multi_step_with, rv_sched_multi_step_options, .gamma = 0.1, \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_multi_step_with(const rv_sched_multi_step_options *options);

typedef struct rv_sched_exponential_options {
    rv_optim *optimizer;
    double gamma; /* > 0; no default */
} rv_sched_exponential_options;

/* rv_sched_exponential(opt, .gamma = 0.95): b * gamma^t. PyTorch's ExponentialLR. */
#define rv_sched_exponential(...) \
    RV_OPTIONS(rv_sched_exponential_with, rv_sched_exponential_options, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_exponential_with(const rv_sched_exponential_options *options);

typedef struct rv_sched_inverse_time_options {
    rv_optim *optimizer;
    double gamma; /* >= 0; no default: what one step adds to the divisor */
} rv_sched_inverse_time_options;

/* rv_sched_inverse_time(opt, .gamma = 0.01): b / (1 + gamma*t), the 1/t decay of Robbins and Monro
 * 1951. */
#define rv_sched_inverse_time(...) \
    RV_OPTIONS(rv_sched_inverse_time_with, rv_sched_inverse_time_options, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_inverse_time_with(const rv_sched_inverse_time_options *options);

typedef struct rv_sched_polynomial_options {
    rv_optim *optimizer;
    int64_t steps; /* default 5; >= 1; PyTorch's total_iters */
    double power;  /* default 1; > 0 */
} rv_sched_polynomial_options;

/* b * (1 - t/steps)^power, then 0. PyTorch's PolynomialLR. */
#define rv_sched_polynomial(...)                                                              \
    RV_OPTIONS(rv_sched_polynomial_with, rv_sched_polynomial_options, .steps = 5, .power = 1, \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_polynomial_with(const rv_sched_polynomial_options *options);

typedef struct rv_sched_linear_options {
    rv_optim *optimizer;
    double start_factor; /* default 1/3; > 0, <= 1 */
    double end_factor;   /* default 1; 0 to 1 */
    int64_t steps;       /* default 5; >= 1; PyTorch's total_iters */
} rv_sched_linear_options;

/* Warm-up: b * (start_factor + (end_factor - start_factor) * min(t, steps)/steps). PyTorch's
 * LinearLR. */
#define rv_sched_linear(...)                                                           \
    RV_OPTIONS(rv_sched_linear_with, rv_sched_linear_options, .start_factor = 1.0 / 3, \
               .end_factor = 1, .steps = 5, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_linear_with(const rv_sched_linear_options *options);

typedef struct rv_sched_cosine_options {
    rv_optim *optimizer;
    int64_t steps; /* >= 1; no default; PyTorch's T_max */
    double lr_min; /* default 0; >= 0; PyTorch's eta_min */
} rv_sched_cosine_options;

/* rv_sched_cosine(opt, .steps = 100): lr_min + (b - lr_min) * (1 + cos(pi*t/steps))/2 (Loshchilov
 * and Hutter 2017): half a wave down, and up again from t = steps on, as PyTorch's
 * CosineAnnealingLR. */
#define rv_sched_cosine(...) \
    RV_OPTIONS(rv_sched_cosine_with, rv_sched_cosine_options, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_cosine_with(const rv_sched_cosine_options *options);

typedef struct rv_sched_restarts_options {
    rv_optim *optimizer;
    int64_t steps;      /* of the first wave; >= 1; no default; PyTorch's T_0 */
    int64_t multiplier; /* default 1; >= 1: how much longer each wave is; PyTorch's T_mult */
    double lr_min;      /* default 0; >= 0; PyTorch's eta_min */
} rv_sched_restarts_options;

/* rv_sched_restarts(opt, .steps = 10, .multiplier = 2): cosine with warm restarts (SGDR, Loshchilov
 * and Hutter 2017): waves of steps, steps*multiplier, steps*multiplier^2, ... steps, each from b
 * down to lr_min. PyTorch's CosineAnnealingWarmRestarts. */
#define rv_sched_restarts(...)                                                     \
    RV_OPTIONS(rv_sched_restarts_with, rv_sched_restarts_options, .multiplier = 1, \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_restarts_with(const rv_sched_restarts_options *options);

typedef enum rv_sched_mode {
    RV_SCHED_LESS_IS_BETTER, /* a loss: PyTorch's "min" */
    RV_SCHED_MORE_IS_BETTER  /* an accuracy: PyTorch's "max" */
} rv_sched_mode;

typedef enum rv_sched_threshold {
    RV_SCHED_RELATIVE, /* PyTorch's "rel" */
    RV_SCHED_ABSOLUTE  /* PyTorch's "abs" */
} rv_sched_threshold;

typedef struct rv_sched_plateau_options {
    rv_optim *optimizer;
    rv_sched_mode mode; /* default RV_SCHED_LESS_IS_BETTER */
    double factor;      /* default 0.1; >= 0, < 1 */
    int64_t patience;   /* default 10; >= 0: how many steps without a better metric are borne */
    double threshold;   /* default 1e-4; >= 0: how much better a better metric is */
    rv_sched_threshold threshold_mode; /* default RV_SCHED_RELATIVE: of the best; or
                                          RV_SCHED_ABSOLUTE */
    int64_t cooldown; /* default 0; >= 0: steps after a reduction that do not count */
    double lr_min;    /* default 0; >= 0; PyTorch's min_lr */
    double eps;       /* default 1e-8; >= 0: a smaller change is not made */
} rv_sched_plateau_options;

/* rv_sched_plateau(opt, .mode = RV_SCHED_MORE_IS_BETTER, .factor = 0.5, .patience = 2): the
 * learning rate is multiplied by factor, down to lr_min, when the metric has not got better for
 * more than `patience` steps: rv_sched_step(sched, rv_accuracy(net, valid)). Better is a metric <
 * best*(1 - threshold) or < best - threshold, with RV_SCHED_MORE_IS_BETTER one > best*(1 +
 * threshold) or > best + threshold. (Relative to a negative best, these say the wrong thing, as in
 * PyTorch: use RV_SCHED_ABSOLUTE there.) PyTorch's ReduceLROnPlateau; a metric that is NaN, which
 * counts as a bad one there, is an error here. State: best, num_bad_epochs, cooldown_counter, and
 * reductions, the number of times that the learning rate was reduced. */
#define rv_sched_plateau(...)                                                                  \
    RV_OPTIONS(rv_sched_plateau_with, rv_sched_plateau_options, .factor = 0.1, .patience = 10, \
               .threshold = 1e-4, .eps = 1e-8, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_plateau_with(const rv_sched_plateau_options *options);

#define RV_SCHED_MOST_PEAKS 16 /* groups that can have a peak of their own */

typedef enum rv_sched_cycle {
    RV_SCHED_TRIANGULAR,  /* every peak as high as the first */
    RV_SCHED_TRIANGULAR2, /* each half as high above the base as the one before */
    RV_SCHED_EXP_RANGE    /* the height falls with gamma^t */
} rv_sched_cycle;

typedef struct rv_sched_cyclic_options {
    rv_optim *optimizer;
    double lr_max[RV_SCHED_MOST_PEAKS]; /* of each group; > 0; 0 or not given: as the first; no
                                           default; PyTorch's max_lr */
    int64_t step_size_up;               /* default 2000; >= 1: steps from the base to the peak */
    int64_t step_size_down;             /* and back; default 0: as many; >= 0 */
    rv_sched_cycle mode;                /* default RV_SCHED_TRIANGULAR */
    double gamma;                       /* default 1; > 0: for RV_SCHED_EXP_RANGE */
    bool cycle_momentum;                /* default true */
    double momentum_min;                /* default 0.8; >= 0, < 1; > 0 for SGD; PyTorch's
 base_momentum */
    double momentum_max;                /* default 0.9; >= momentum_min, < 1; max_momentum */
} rv_sched_cyclic_options;

/* rv_sched_cyclic(opt, .lr_max = 0.5), rv_sched_cyclic(opt, .lr_max = {0.5, 0.1}): b + (lr_max - b)
 * * h, where h rises from 0 to 1 in step_size_up steps and falls to 0 in step_size_down, again and
 * again, as the mode says (Smith 2017); and the momentum momentum_max - (momentum_max -
 * momentum_min) * h. PyTorch's CyclicLR, whose base_lr is the optimizer's learning rate here. Also
 * an error: cycle_momentum, and the optimizer has no momentum. */
#define rv_sched_cyclic(...)                                                                    \
    RV_OPTIONS(rv_sched_cyclic_with, rv_sched_cyclic_options, .step_size_up = 2000, .gamma = 1, \
               .cycle_momentum = true, .momentum_min = 0.8, .momentum_max = 0.9,                \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_cyclic_with(const rv_sched_cyclic_options *options);

typedef enum rv_sched_anneal { RV_SCHED_COS, RV_SCHED_LINEAR } rv_sched_anneal;

typedef struct rv_sched_one_cycle_options {
    rv_optim *optimizer;
    double lr_max[RV_SCHED_MOST_PEAKS]; /* as of rv_sched_cyclic */
    int64_t steps;                      /* >= 1; no default; PyTorch's total_steps */
    double pct_start;                   /* default 0.3; 0 to 1 (three_phase: to 0.5): the share of
                                           steps on the way up */
    rv_sched_anneal anneal_strategy;    /* default RV_SCHED_COS: half waves; or RV_SCHED_LINEAR */
    bool cycle_momentum;                /* default true */
    double momentum_min;                /* default 0.85; as of rv_sched_cyclic */
    double momentum_max;                /* default 0.95 */
    double div_factor;                  /* default 25; > 0: it begins with lr_max/div_factor */
    double final_div_factor;            /* default 1e4; > 0: and ends with that/final_div_factor */
    bool three_phase; /* default false; true: as long down as up, then to the end */
} rv_sched_one_cycle_options;

/* rv_sched_one_cycle(opt, .lr_max = 0.1, .steps = epochs * batches): one step for each batch, up
 * to lr_max and down to almost nothing; the momentum falls as the learning rate rises, and rises
 * again (Smith and Topin 2018). The base is not looked at. PyTorch's OneCycleLR. Errors: as of
 * rv_sched_cyclic; and a step after the last, `steps`. */
#define rv_sched_one_cycle(...)                                                       \
    RV_OPTIONS(rv_sched_one_cycle_with, rv_sched_one_cycle_options, .pct_start = 0.3, \
               .cycle_momentum = true, .momentum_min = 0.85, .momentum_max = 0.95,    \
               .div_factor = 25, .final_div_factor = 1e4, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_one_cycle_with(const rv_sched_one_cycle_options *options);

typedef struct rv_sched_swa_options {
    rv_optim *optimizer;
    double swa_lr;                   /* >= 0; no default */
    int64_t steps;                   /* default 10; >= 0; PyTorch's anneal_epochs */
    rv_sched_anneal anneal_strategy; /* default RV_SCHED_COS; or RV_SCHED_LINEAR */
} rv_sched_swa_options;

/* rv_sched_swa(opt, .swa_lr = 0.05): from b to swa_lr in so many steps, where it stays: made when
 * the averaging of weights begins (average.h), in place of the schedule before. PyTorch's SWALR. */
#define rv_sched_swa(...)                                                                   \
    RV_OPTIONS(rv_sched_swa_with, rv_sched_swa_options, .steps = 10, .swa_lr = (double)NAN, \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_swa_with(const rv_sched_swa_options *options);

/* What the base learning rate is multiplied by at step t. */
typedef double rv_sched_function(int64_t t, void *context);

/* b * function(t, context), which must be finite and >= 0. The schedule calls it whenever it wants
 * to know; the context is the caller's, and must live as long. PyTorch's LambdaLR. */
RV_API rv_sched *rv_sched_lambda(rv_optim *optimizer, rv_sched_function *function, void *context);

/* ---- schedules made of others ---------------------------------------------------------------- *
 *
 *     rv_sched *sched = rv_sched_sequential(
 *         opt,
 *         RV_SCHEDS(rv_sched_linear(NULL, .steps = 5), rv_sched_cosine(NULL, .steps = 95)),
 *         .milestones = {5});
 *
 * They take over the parts, which are made with NULL in place of an optimizer, also when they fail,
 * and may be parts in turn. */

/* Some schedules in an array that is borrowed to the end of the enclosing block. */
typedef struct rv_scheds {
    rv_sched *const *items; /* [count] */
    int64_t count;
} rv_scheds;
#define RV_SCHEDS(...)                                      \
    ((rv_scheds){.items = (rv_sched *const[]){__VA_ARGS__}, \
                 .count =                                   \
                     (int64_t)(sizeof((rv_sched *const[]){__VA_ARGS__}) / sizeof(rv_sched *))})

typedef struct rv_sched_chained_options {
    rv_optim *optimizer;
    rv_scheds parts;
} rv_sched_chained_options;

/* What one makes of a group's learning rate is the next one's base. For schedules that are a factor
 * times b, that is PyTorch's ChainedScheduler. (Others there go on from the learning rate they
 * find, or begin anew from b.) A metric reaches every part: a warm-up and a plateau can be chained.
 */
#define rv_sched_chained(...) \
    RV_OPTIONS(rv_sched_chained_with, rv_sched_chained_options, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_chained_with(const rv_sched_chained_options *options);

typedef struct rv_sched_sequential_options {
    rv_optim *optimizer;
    rv_scheds parts;
    int64_t milestones[RV_SCHED_MOST_MILESTONES]; /* one less than parts; >= 1, each larger than the
                                                     one before; no default */
} rv_sched_sequential_options;

/* One after the other: part i from its milestone on, where it begins with its step 0. A metric
 * reaches the part whose turn it is. PyTorch's SequentialLR. */
#define rv_sched_sequential(...) \
    RV_OPTIONS(rv_sched_sequential_with, rv_sched_sequential_options, .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_sequential_with(const rv_sched_sequential_options *options);

/* ---- writing a schedule ---------------------------------------------------------------------- *
 *
 * The library's own are written with nothing but this. All of a schedule that falls with the square
 * root of time:
 *
 *     typedef struct slow_options {
 *         rv_optim *optimizer;
 *         double half_life;
 *     } slow_options;
 *
 *     static double slow_lr(const rv_sched_point *at)
 *     {
 *         const slow_options *o = at->options;
 *         return at->base / sqrt(1 + 3 * (double)at->step / o->half_life);
 *     }
 *     static const rv_sched_class slow_class = {
 *         .name = "slow", .options_size = sizeof(slow_options), .lr = slow_lr};
 *
 *     rv_sched *sched = rv_sched_new(&slow_class, &(slow_options){opt, 1000});
 */

#define RV_SCHED_MOST_STATE 8 /* numbers that a schedule observes and keeps */

/* What is to be computed: a group's learning rate or momentum. */
typedef struct rv_sched_point {
    int64_t step;        /* how many steps were made: 0 when the schedule is made */
    int64_t group;       /* the group's number in the optimizer */
    double base;         /* its learning rate when the schedule was made */
    const void *options; /* the schedule's copy of them */
    const double *state; /* [state_count] what was observed */
} rv_sched_point;

typedef struct rv_sched_class {
    const char *name;    /* "sched_cosine": what messages call it */
    size_t options_size; /* of its options struct in bytes; it begins with an rv_optim * */
    /* Whether the options are in their ranges; false with an error. NULL: there is nothing to
     * check. */
    bool (*validate)(const void *options);
    /* The group's learning rate, finite and >= 0; or NaN, with or without an error. */
    double (*lr)(const rv_sched_point *at);
    /* Its momentum (beta1 of Adam and its kind), which the optimizer must have; or NaN, and it is
     * left alone, as all are if this is NULL. */
    double (*momentum)(const rv_sched_point *at);
    /* Whether `momentum` is used with these options; NULL: always. */
    bool (*uses_momentum)(const void *options);

    /* For schedules that look at a metric: how many numbers they keep, their names and first values
     * (NULL: 0), and what is made of each metric, before its step is counted. False with an error
     * if the state, which may come from a file, cannot be. */
    int state_count;
    const char *state_names[RV_SCHED_MOST_STATE]; /* [state_count] */
    double (*state_start)(const void *options, int i);
    bool (*observe)(double metric, const void *options, double *state);
} rv_sched_class;

/* A schedule of that class, which must live as long, with a copy of the options (pointers in them
 * are not followed). Errors as for the library's own, and a class that lacks something. */
RV_API rv_sched *rv_sched_new(const rv_sched_class *sched_class, const void *options);

RV_END_C

#endif

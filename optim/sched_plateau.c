/* sched_plateau.c - the learning rate falls when a metric has stopped getting better.
 *
 * What is kept is how often it was reduced, not what it is: so it follows from the base like every
 * other schedule's, and a plateau can be chained with a warm-up.
 */
#include "optim/sched.h"

#include "optim/sched_parts.h"

enum { BEST, NUM_BAD_EPOCHS, COOLDOWN_COUNTER, REDUCTIONS };

static const char *const who = "sched_plateau";

static bool plateau_validate(const void *options)
{
    const rv_sched_plateau_options *o = options;
    if (o->mode != RV_SCHED_LESS_IS_BETTER && o->mode != RV_SCHED_MORE_IS_BETTER)
        return rv_fail(RV_ERROR_ARGUMENT, who, "mode is %d, which is none", (int)o->mode);
    if (o->threshold_mode != RV_SCHED_RELATIVE && o->threshold_mode != RV_SCHED_ABSOLUTE)
        return rv_fail(RV_ERROR_ARGUMENT, who, "threshold_mode is %d, which is none",
                       (int)o->threshold_mode);
    if (!(o->factor >= 0 && o->factor < 1))
        return rv_fail(RV_ERROR_ARGUMENT, who, "factor is %g; >= 0 and < 1 is expected", o->factor);
    const double infinity = (double)INFINITY;
    return rv_sched_check_count(who, "patience", o->patience, 0) &&
           rv_sched_check_range(who, "threshold", o->threshold, 0, infinity) &&
           rv_sched_check_count(who, "cooldown", o->cooldown, 0) &&
           rv_sched_check_range(who, "lr_min", o->lr_min, 0, infinity) &&
           rv_sched_check_range(who, "eps", o->eps, 0, infinity);
}

static double plateau_start(const void *options, int i)
{
    const rv_sched_plateau_options *o = options;
    const double worst = o->mode == RV_SCHED_LESS_IS_BETTER ? (double)INFINITY : -(double)INFINITY;
    return i == BEST ? worst : 0;
}

static bool is_better(const rv_sched_plateau_options *o, double metric, double best)
{
    const bool relative = o->threshold_mode == RV_SCHED_RELATIVE;
    if (o->mode == RV_SCHED_LESS_IS_BETTER)
        return metric < (relative ? best * (1 - o->threshold) : best - o->threshold);
    return metric > (relative ? best * (1 + o->threshold) : best + o->threshold);
}

static bool is_count(double number)
{
    return number >= 0 && number <= 0x1p53 && number == floor(number);
}

static bool plateau_observe(double metric, const void *options, double *state)
{
    const rv_sched_plateau_options *o = options;
    if (isnan(state[BEST]) || !is_count(state[NUM_BAD_EPOCHS]) ||
        !is_count(state[COOLDOWN_COUNTER]) || !is_count(state[REDUCTIONS]))
        return rv_fail(RV_ERROR_STATE, who,
                       "best %g, num_bad_epochs %g, cooldown_counter %g, reductions %g: the state "
                       "that was loaded is wrong",
                       state[BEST], state[NUM_BAD_EPOCHS], state[COOLDOWN_COUNTER],
                       state[REDUCTIONS]);
    if (is_better(o, metric, state[BEST])) {
        state[BEST] = metric;
        state[NUM_BAD_EPOCHS] = 0;
    } else {
        state[NUM_BAD_EPOCHS]++;
    }
    if (state[COOLDOWN_COUNTER] > 0) {
        state[COOLDOWN_COUNTER]--;
        state[NUM_BAD_EPOCHS] = 0;
    }
    if (state[NUM_BAD_EPOCHS] > (double)o->patience) {
        state[REDUCTIONS]++;
        state[COOLDOWN_COUNTER] = (double)o->cooldown;
        state[NUM_BAD_EPOCHS] = 0;
    }
    return true;
}

/* After n reductions, if each of them was made. */
static double reduced(const rv_sched_plateau_options *o, double base, double n)
{
    const double lr = base * pow(o->factor, n);
    return n == 0 || lr > o->lr_min ? lr : o->lr_min;
}

/* Reductions get smaller, and none is made from the first on that would change the learning rate by
 * no more than eps: that one is found by halving. */
static double plateau_lr(const rv_sched_point *at)
{
    const rv_sched_plateau_options *o = at->options;
    double low = 0, high = at->state[REDUCTIONS]; /* the number that is made lies between */
    while (low < high) {
        const double middle = floor((low + high) / 2);
        if (reduced(o, at->base, middle) - reduced(o, at->base, middle + 1) > o->eps)
            low = middle + 1;
        else
            high = middle;
    }
    return reduced(o, at->base, low);
}

static const rv_sched_class plateau_class = {
    .name = "sched_plateau",
    .options_size = sizeof(rv_sched_plateau_options),
    .validate = plateau_validate,
    .lr = plateau_lr,
    .state_count = 4,
    .state_names = {"best", "num_bad_epochs", "cooldown_counter", "reductions"},
    .state_start = plateau_start,
    .observe = plateau_observe};

rv_sched *rv_sched_plateau_with(const rv_sched_plateau_options *options)
{
    return rv_sched_new(&plateau_class, options);
}

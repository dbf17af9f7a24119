/* sched_cycle.c - schedules that lead the learning rate up and down again, and the momentum the
 * other way round. */
#include "optim/sched.h"

#include "optim/sched_parts.h"

/* What is common to the options of both. */
static bool check_peaks(const char *who, const double *lr_max)
{
    for (int g = 0; g < RV_SCHED_MOST_PEAKS; g++) {
        const bool as_first = g > 0 && lr_max[g] == 0;
        if (!as_first && !(isfinite(lr_max[g]) && lr_max[g] > 0))
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "lr_max of group %d is %g; a finite number > 0 is expected", g,
                           lr_max[g]);
    }
    return true;
}

static bool check_momenta(const char *who, bool cycle, double low, double high)
{
    if (!cycle)
        return true;
    if (!(low >= 0 && low < 1))
        return rv_fail(RV_ERROR_ARGUMENT, who, "momentum_min is %g; >= 0 and < 1 is expected", low);
    if (!(high >= low && high < 1))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "momentum_max is %g; >= momentum_min, %g, and < 1 is expected", high, low);
    return true;
}

static double peak_of(const double *lr_max, int64_t group)
{
    return group < RV_SCHED_MOST_PEAKS && lr_max[group] != 0 ? lr_max[group] : lr_max[0];
}

/* ---- cyclic ---------------------------------------------------------------------------------- */

static bool cyclic_validate(const void *options)
{
    const rv_sched_cyclic_options *o = options;
    const char *who = "sched_cyclic";
    if (o->mode != RV_SCHED_TRIANGULAR && o->mode != RV_SCHED_TRIANGULAR2 &&
        o->mode != RV_SCHED_EXP_RANGE)
        return rv_fail(RV_ERROR_ARGUMENT, who, "mode is %d, which is none", (int)o->mode);
    if (o->step_size_up > INT64_MAX / 2 || o->step_size_down > INT64_MAX / 2)
        return rv_fail(RV_ERROR_ARGUMENT, who, "a cycle of %lld and %lld steps is too long",
                       (long long)o->step_size_up, (long long)o->step_size_down);
    return check_peaks(who, o->lr_max) &&
           rv_sched_check_count(who, "step_size_up", o->step_size_up, 1) &&
           rv_sched_check_count(who, "step_size_down", o->step_size_down, 0) &&
           rv_sched_check_above(who, "gamma", o->gamma, 0) &&
           check_momenta(who, o->cycle_momentum, o->momentum_min, o->momentum_max);
}

/* How much of the way from the base to the peak is gone. */
static double height(const rv_sched_point *at)
{
    const rv_sched_cyclic_options *o = at->options;
    const int64_t up = o->step_size_up, down = o->step_size_down > 0 ? o->step_size_down : up;
    const int64_t place = at->step % (up + down), cycle = at->step / (up + down);
    const double part =
        place <= up ? (double)place / (double)up : (double)(up + down - place) / (double)down;
    switch (o->mode) {
    case RV_SCHED_TRIANGULAR2: return part * pow(0.5, (double)cycle);
    case RV_SCHED_EXP_RANGE: return part * pow(o->gamma, (double)at->step);
    default: return part;
    }
}

static double cyclic_lr(const rv_sched_point *at)
{
    const rv_sched_cyclic_options *o = at->options;
    return at->base + (peak_of(o->lr_max, at->group) - at->base) * height(at);
}

static double cyclic_momentum(const rv_sched_point *at)
{
    const rv_sched_cyclic_options *o = at->options;
    return o->momentum_max - (o->momentum_max - o->momentum_min) * height(at);
}

static bool cyclic_uses_momentum(const void *options)
{
    return ((const rv_sched_cyclic_options *)options)->cycle_momentum;
}

static const rv_sched_class cyclic_class = {.name = "sched_cyclic",
                                            .options_size = sizeof(rv_sched_cyclic_options),
                                            .validate = cyclic_validate,
                                            .lr = cyclic_lr,
                                            .momentum = cyclic_momentum,
                                            .uses_momentum = cyclic_uses_momentum};

rv_sched *rv_sched_cyclic_with(const rv_sched_cyclic_options *options)
{
    return rv_sched_new(&cyclic_class, options);
}

/* ---- one cycle ------------------------------------------------------------------------------- */

static bool one_cycle_validate(const void *options)
{
    const rv_sched_one_cycle_options *o = options;
    const char *who = "sched_one_cycle";
    const double most = o->three_phase ? 0.5 : 1;
    if (o->anneal_strategy != RV_SCHED_COS && o->anneal_strategy != RV_SCHED_LINEAR)
        return rv_fail(RV_ERROR_ARGUMENT, who, "anneal_strategy is %d, which is none",
                       (int)o->anneal_strategy);
    return check_peaks(who, o->lr_max) && rv_sched_check_count(who, "steps", o->steps, 1) &&
           rv_sched_check_range(who, "pct_start", o->pct_start, 0, most) &&
           rv_sched_check_above(who, "div_factor", o->div_factor, 0) &&
           rv_sched_check_above(who, "final_div_factor", o->final_div_factor, 0) &&
           check_momenta(who, o->cycle_momentum, o->momentum_min, o->momentum_max);
}

/* From the values[first] of one phase to those of the next: `start` is at values[0], `peak` at
 * values[1], ... */
static double one_cycle(const rv_sched_point *at, double start, double peak, double back,
                        double end)
{
    const rv_sched_one_cycle_options *o = at->options;
    const double values[] = {start, peak, back, end};
    const double rise = o->pct_start * (double)o->steps, last = (double)o->steps - 1;
    /* Where each phase ends; without a third one, the second ends with the cycle. */
    const double ends[] = {rise - 1, o->three_phase ? 2 * rise - 2 : last, last};
    const double step = fmin((double)at->step, last);
    int phase = 0;
    while (step > ends[phase] && phase < 2)
        phase++;
    const double first = phase > 0 ? ends[phase - 1] : 0, length = ends[phase] - first;
    const double part = length > 0 ? (step - first) / length : 1;
    return rv_sched_blend(o->anneal_strategy, values[phase], values[phase + 1], part);
}

static double one_cycle_lr(const rv_sched_point *at)
{
    const rv_sched_one_cycle_options *o = at->options;
    if (at->step > o->steps) {
        rv_fail(RV_ERROR_ARGUMENT, "sched_one_cycle", "step %lld of a cycle of %lld steps",
                (long long)at->step, (long long)o->steps);
        return (double)NAN;
    }
    const double peak = peak_of(o->lr_max, at->group), start = peak / o->div_factor;
    const double end = start / o->final_div_factor;
    return one_cycle(at, start, peak, o->three_phase ? start : end, end);
}

static double one_cycle_momentum(const rv_sched_point *at)
{
    const rv_sched_one_cycle_options *o = at->options;
    return one_cycle(at, o->momentum_max, o->momentum_min, o->momentum_max, o->momentum_max);
}

static bool one_cycle_uses_momentum(const void *options)
{
    return ((const rv_sched_one_cycle_options *)options)->cycle_momentum;
}

static const rv_sched_class one_cycle_class = {.name = "sched_one_cycle",
                                               .options_size = sizeof(rv_sched_one_cycle_options),
                                               .validate = one_cycle_validate,
                                               .lr = one_cycle_lr,
                                               .momentum = one_cycle_momentum,
                                               .uses_momentum = one_cycle_uses_momentum};

rv_sched *rv_sched_one_cycle_with(const rv_sched_one_cycle_options *options)
{
    return rv_sched_new(&one_cycle_class, options);
}

/* ---- towards the learning rate of averaging -------------------------------------------------- */

static bool swa_validate(const void *options)
{
    const rv_sched_swa_options *o = options;
    const char *who = "sched_swa";
    if (o->anneal_strategy != RV_SCHED_COS && o->anneal_strategy != RV_SCHED_LINEAR)
        return rv_fail(RV_ERROR_ARGUMENT, who, "anneal_strategy is %d, which is none",
                       (int)o->anneal_strategy);
    return rv_sched_check_range(who, "swa_lr", o->swa_lr, 0, (double)INFINITY) &&
           rv_sched_check_count(who, "steps", o->steps, 0);
}

static double swa_lr(const rv_sched_point *at)
{
    const rv_sched_swa_options *o = at->options;
    const double part = at->step < o->steps ? (double)at->step / (double)o->steps : 1;
    return rv_sched_blend(o->anneal_strategy, at->base, o->swa_lr, part);
}

static const rv_sched_class swa_class = {.name = "sched_swa",
                                         .options_size = sizeof(rv_sched_swa_options),
                                         .validate = swa_validate,
                                         .lr = swa_lr};

rv_sched *rv_sched_swa_with(const rv_sched_swa_options *options)
{
    return rv_sched_new(&swa_class, options);
}

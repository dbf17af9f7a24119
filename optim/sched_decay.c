/* sched_decay.c - schedules that only the number of steps decides. Each is its formula in closed
 * form, where PyTorch multiplies the learning rate of the step before. */
#include "optim/sched.h"

#include "optim/sched_parts.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- constant -------------------------------------------------------------------------------- */

static bool constant_validate(const void *options)
{
    const rv_sched_constant_options *o = options;
    const char *who = "sched_constant";
    return rv_sched_check_range(who, "factor", o->factor, 0, 1) &&
           rv_sched_check_count(who, "steps", o->steps, 1);
}

static double constant_lr(const rv_sched_point *at)
{
    const rv_sched_constant_options *o = at->options;
    return at->step < o->steps ? at->base * o->factor : at->base;
}

static const rv_sched_class constant_class = {.name = "sched_constant",
                                              .options_size = sizeof(rv_sched_constant_options),
                                              .validate = constant_validate,
                                              .lr = constant_lr};

rv_sched *rv_sched_constant_with(const rv_sched_constant_options *options)
{
    return rv_sched_new(&constant_class, options);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool step_validate(const void *options)
{
    const rv_sched_step_lr_options *o = options;
    const char *who = "sched_step_lr";
    return rv_sched_check_count(who, "step_size", o->step_size, 1) &&
           rv_sched_check_above(who, "gamma", o->gamma, 0);
}

static double step_lr(const rv_sched_point *at)
{
    const rv_sched_step_lr_options *o = at->options;
    return at->base * pow(o->gamma, (double)(at->step / o->step_size));
}

static const rv_sched_class step_class = {.name = "sched_step_lr",
                                          .options_size = sizeof(rv_sched_step_lr_options),
                                          .validate = step_validate,
                                          .lr = step_lr};

rv_sched *rv_sched_step_lr_with(const rv_sched_step_lr_options *options)
{
    return rv_sched_new(&step_class, options);
}

static bool multi_step_validate(const void *options)
{
    const rv_sched_multi_step_options *o = options;
    const char *who = "sched_multi_step";
    return rv_sched_count_milestones(who, o->milestones) >= 0 &&
           rv_sched_check_count(who, "milestones[0]", o->milestones[0], 1) &&
           rv_sched_check_above(who, "gamma", o->gamma, 0);
}

static double multi_step_lr(const rv_sched_point *at)
{
    const rv_sched_multi_step_options *o = at->options;
    int passed = 0;
    for (int i = 0; i < RV_SCHED_MOST_MILESTONES && o->milestones[i] > 0; i++)
        passed += o->milestones[i] <= at->step;
    return at->base * pow(o->gamma, passed);
}

static const rv_sched_class multi_step_class = {.name = "sched_multi_step",
                                                .options_size = sizeof(rv_sched_multi_step_options),
                                                .validate = multi_step_validate,
                                                .lr = multi_step_lr};

rv_sched *rv_sched_multi_step_with(const rv_sched_multi_step_options *options)
{
    return rv_sched_new(&multi_step_class, options);
}

/* ---- exponential, 1/t, polynomial, linear ---------------------------------------------------- */

static bool exponential_validate(const void *options)
{
    const rv_sched_exponential_options *o = options;
    return rv_sched_check_above("sched_exponential", "gamma", o->gamma, 0);
}

static double exponential_lr(const rv_sched_point *at)
{
    const rv_sched_exponential_options *o = at->options;
    return at->base * pow(o->gamma, (double)at->step);
}

static const rv_sched_class exponential_class = {.name = "sched_exponential",
                                                 .options_size =
                                                     sizeof(rv_sched_exponential_options),
                                                 .validate = exponential_validate,
                                                 .lr = exponential_lr};

rv_sched *rv_sched_exponential_with(const rv_sched_exponential_options *options)
{
    return rv_sched_new(&exponential_class, options);
}

static bool inverse_time_validate(const void *options)
{
    const rv_sched_inverse_time_options *o = options;
    return rv_sched_check_range("sched_inverse_time", "gamma", o->gamma, 0, (double)INFINITY);
}

static double inverse_time_lr(const rv_sched_point *at)
{
    const rv_sched_inverse_time_options *o = at->options;
    return at->base / (1 + o->gamma * (double)at->step);
}

static const rv_sched_class inverse_time_class = {.name = "sched_inverse_time",
                                                  .options_size =
                                                      sizeof(rv_sched_inverse_time_options),
                                                  .validate = inverse_time_validate,
                                                  .lr = inverse_time_lr};

rv_sched *rv_sched_inverse_time_with(const rv_sched_inverse_time_options *options)
{
    return rv_sched_new(&inverse_time_class, options);
}

static bool polynomial_validate(const void *options)
{
    const rv_sched_polynomial_options *o = options;
    const char *who = "sched_polynomial";
    return rv_sched_check_count(who, "steps", o->steps, 1) &&
           rv_sched_check_above(who, "power", o->power, 0);
}

static double polynomial_lr(const rv_sched_point *at)
{
    const rv_sched_polynomial_options *o = at->options;
    const double left = 1 - (double)least(at->step, o->steps) / (double)o->steps;
    return at->base * pow(left, o->power);
}

static const rv_sched_class polynomial_class = {.name = "sched_polynomial",
                                                .options_size = sizeof(rv_sched_polynomial_options),
                                                .validate = polynomial_validate,
                                                .lr = polynomial_lr};

rv_sched *rv_sched_polynomial_with(const rv_sched_polynomial_options *options)
{
    return rv_sched_new(&polynomial_class, options);
}

static bool linear_validate(const void *options)
{
    const rv_sched_linear_options *o = options;
    const char *who = "sched_linear";
    return rv_sched_check_above(who, "start_factor", o->start_factor, 0) &&
           rv_sched_check_range(who, "start_factor", o->start_factor, 0, 1) &&
           rv_sched_check_range(who, "end_factor", o->end_factor, 0, 1) &&
           rv_sched_check_count(who, "steps", o->steps, 1);
}

static double linear_lr(const rv_sched_point *at)
{
    const rv_sched_linear_options *o = at->options;
    const double part = (double)least(at->step, o->steps) / (double)o->steps;
    return at->base * (o->start_factor + (o->end_factor - o->start_factor) * part);
}

static const rv_sched_class linear_class = {.name = "sched_linear",
                                            .options_size = sizeof(rv_sched_linear_options),
                                            .validate = linear_validate,
                                            .lr = linear_lr};

rv_sched *rv_sched_linear_with(const rv_sched_linear_options *options)
{
    return rv_sched_new(&linear_class, options);
}

/* ---- cosine ---------------------------------------------------------------------------------- */

static bool cosine_validate(const void *options)
{
    const rv_sched_cosine_options *o = options;
    const char *who = "sched_cosine";
    return rv_sched_check_count(who, "steps", o->steps, 1) &&
           rv_sched_check_range(who, "lr_min", o->lr_min, 0, (double)INFINITY);
}

static double cosine_lr(const rv_sched_point *at)
{
    const rv_sched_cosine_options *o = at->options;
    return rv_sched_blend(RV_SCHED_COS, at->base, o->lr_min, (double)at->step / (double)o->steps);
}

static const rv_sched_class cosine_class = {.name = "sched_cosine",
                                            .options_size = sizeof(rv_sched_cosine_options),
                                            .validate = cosine_validate,
                                            .lr = cosine_lr};

rv_sched *rv_sched_cosine_with(const rv_sched_cosine_options *options)
{
    return rv_sched_new(&cosine_class, options);
}

static bool restarts_validate(const void *options)
{
    const rv_sched_restarts_options *o = options;
    const char *who = "sched_restarts";
    return rv_sched_check_count(who, "steps", o->steps, 1) &&
           rv_sched_check_count(who, "multiplier", o->multiplier, 1) &&
           rv_sched_check_range(who, "lr_min", o->lr_min, 0, (double)INFINITY);
}

static double restarts_lr(const rv_sched_point *at)
{
    const rv_sched_restarts_options *o = at->options;
    int64_t step = at->step, length = o->steps;
    if (o->multiplier == 1)
        step %= length;
    while (step >= length) {
        step -= length;
        length = length <= INT64_MAX / o->multiplier ? length * o->multiplier : INT64_MAX;
    }
    return rv_sched_blend(RV_SCHED_COS, at->base, o->lr_min, (double)step / (double)length);
}

static const rv_sched_class restarts_class = {.name = "sched_restarts",
                                              .options_size = sizeof(rv_sched_restarts_options),
                                              .validate = restarts_validate,
                                              .lr = restarts_lr};

rv_sched *rv_sched_restarts_with(const rv_sched_restarts_options *options)
{
    return rv_sched_new(&restarts_class, options);
}

/* ---- a user's function ----------------------------------------------------------------------- */

typedef struct lambda_options {
    rv_optim *optimizer;
    rv_sched_function *function;
    void *context;
} lambda_options;

static bool lambda_validate(const void *options)
{
    return ((const lambda_options *)options)->function != NULL ||
           rv_fail(RV_ERROR_NULL, "sched_lambda", "the function is NULL");
}

static double lambda_lr(const rv_sched_point *at)
{
    const lambda_options *o = at->options;
    return at->base * o->function(at->step, o->context);
}

static const rv_sched_class lambda_class = {.name = "sched_lambda",
                                            .options_size = sizeof(lambda_options),
                                            .validate = lambda_validate,
                                            .lr = lambda_lr};

rv_sched *rv_sched_lambda(rv_optim *optimizer, rv_sched_function *function, void *context)
{
    return rv_sched_new(&lambda_class, &(lambda_options){optimizer, function, context});
}

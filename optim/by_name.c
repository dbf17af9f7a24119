/* by_name.c - two tables: what optimizers and schedules are called, and how each is made from the
 * few options that a command line has. */
#include "optim/by_name.h"

#include <math.h>
#include <string.h>

#include "optim/minimize_methods.h"
#include "optim/optim_methods.h"

/* A list of names as one text, each with ", " before it. */
#define LISTED(...) LISTED_(__VA_ARGS__, )
#define LISTED_(name, ...) ", " #name
#define LISTED_TEXT(identifier, text, ...) ", " text

/* ---- optimizers: `o` has no defaults left here ----------------------------------------------- */

typedef rv_optim_by_name_options chosen;

#define COMMON(o) .lr = (o)->lr, .weight_decay = (o)->weight_decay, .join = (o)->join

static rv_optim *make_sgd(const chosen *o)
{
    return rv_optim_sgd(o->parameters, COMMON(o), .momentum = o->momentum, .nesterov = o->nesterov);
}

static rv_optim *make_momentum(const chosen *o)
{
    return make_sgd(o);
}

static rv_optim *make_nesterov(const chosen *o)
{
    return rv_optim_sgd(o->parameters, COMMON(o), .momentum = o->momentum, .nesterov = true);
}

static rv_optim *make_adagrad(const chosen *o)
{
    return rv_optim_adagrad(o->parameters, COMMON(o));
}

static rv_optim *make_adadelta(const chosen *o)
{
    return rv_optim_adadelta(o->parameters, COMMON(o));
}

static rv_optim *make_rmsprop(const chosen *o)
{
    return rv_optim_rmsprop(o->parameters, COMMON(o), .momentum = o->momentum);
}

static rv_optim *make_adam(const chosen *o)
{
    return rv_optim_adam(o->parameters, COMMON(o), .betas = {o->momentum, 0.999});
}

static rv_optim *make_amsgrad(const chosen *o)
{
    return rv_optim_adam(o->parameters, COMMON(o), .betas = {o->momentum, 0.999}, .amsgrad = true);
}

static rv_optim *make_adamw(const chosen *o)
{
    return rv_optim_adamw(o->parameters, COMMON(o), .betas = {o->momentum, 0.999});
}

static rv_optim *make_adamax(const chosen *o)
{
    return rv_optim_adamax(o->parameters, COMMON(o), .betas = {o->momentum, 0.999});
}

static rv_optim *make_nadam(const chosen *o)
{
    return rv_optim_nadam(o->parameters, COMMON(o), .betas = {o->momentum, 0.999});
}

static rv_optim *make_radam(const chosen *o)
{
    return rv_optim_radam(o->parameters, COMMON(o), .betas = {o->momentum, 0.999});
}

static rv_optim *make_rprop(const chosen *o)
{
    return rv_optim_rprop(o->parameters, .lr = o->lr, .join = o->join);
}

static rv_optim *make_asgd(const chosen *o)
{
    return rv_optim_asgd(o->parameters, COMMON(o));
}

static rv_optim *make_lion(const chosen *o)
{
    return rv_optim_lion(o->parameters, COMMON(o), .betas = {o->momentum, 0.99});
}

static rv_optim *make_muon(const chosen *o)
{
    return rv_optim_muon(o->parameters, COMMON(o), .momentum = o->momentum);
}

static rv_optim *make_lbfgs(const chosen *o)
{
    return rv_optim_lbfgs(o->parameters, .lr = o->lr, .join = o->join, .max_iter = o->max_iter,
                          .history = o->history);
}

static rv_optim *make_updated(const chosen *o, rv_bfgs_update update)
{
    return rv_optim_bfgs(o->parameters, .lr = o->lr, .join = o->join, .max_iter = o->max_iter,
                         .update = update);
}

static rv_optim *make_bfgs(const chosen *o)
{
    return make_updated(o, RV_BFGS_PLAIN);
}

static rv_optim *make_ssbfgs(const chosen *o)
{
    return make_updated(o, RV_BFGS_SELF_SCALED);
}

static rv_optim *make_ssbroyden(const chosen *o)
{
    return make_updated(o, RV_BFGS_SELF_SCALED_BROYDEN);
}

static rv_optim *make_cg(const chosen *o)
{
    return rv_optim_cg(o->parameters, .lr = o->lr, .join = o->join, .max_iter = o->max_iter);
}

static rv_optim *make_newton_cg(const chosen *o)
{
    return rv_optim_newton_cg(o->parameters, .lr = o->lr, .join = o->join, .max_iter = o->max_iter);
}

static rv_optim *make_newton(const chosen *o)
{
    return rv_optim_newton(o->parameters, .lr = o->lr, .join = o->join, .max_iter = o->max_iter);
}

static rv_optim *make_random(const chosen *o)
{
    return rv_optim_random_search(o->parameters, .lr = o->lr, .join = o->join,
                                  .max_iter = o->max_iter);
}

static rv_optim *make_lm(const chosen *o)
{
    return rv_optim_levenberg_marquardt(o->parameters, .lr = o->lr, .join = o->join,
                                        .max_iter = o->max_iter);
}

static rv_optim *make_gauss_newton(const chosen *o)
{
    return rv_optim_gauss_newton(o->parameters, .lr = o->lr, .join = o->join,
                                 .max_iter = o->max_iter);
}

enum { MAX_ITER = 1000 }; /* RV_MINIMIZE_DEFAULTS' */

typedef struct method {
    const char *name;
    double lr, momentum, weight_decay;
    int64_t max_iter, history;
    rv_optim *(*make)(const chosen *o);
} method;

static const method methods[] = {
#define METHOD(name, lr, momentum, weight_decay) \
    {#name, lr, momentum, weight_decay, RV_BY_NAME_NO_COUNT, RV_BY_NAME_NO_COUNT, make_##name},
    RV_OPTIM_NAMES(METHOD)
#undef METHOD
#define METHOD(identifier, name, lr, history) \
    {name, lr, RV_BY_NAME_NONE, RV_BY_NAME_NONE, MAX_ITER, history, make_##identifier},
        RV_MINIMIZER_NAMES(METHOD) RV_LEAST_SQUARES_NAMES(METHOD)
#undef METHOD
};

const char *rv_optim_names(void)
{
    return &(RV_OPTIM_NAMES(LISTED))[2];
}

const char *rv_minimizer_names(void)
{
    return &(RV_MINIMIZER_NAMES(LISTED_TEXT))[2];
}

const char *rv_least_squares_names(void)
{
    return &(RV_LEAST_SQUARES_NAMES(LISTED_TEXT))[2];
}

/* Gives an option that was left out its default; false with an error for one that there is not. */
static bool choose(const char *name, const char *option, double *value, double otherwise)
{
    if (*value == RV_BY_NAME_DEFAULT)
        *value = otherwise;
    else if (otherwise == RV_BY_NAME_NONE)
        return rv_fail(RV_ERROR_ARGUMENT, "optim_by_name", "%s has no %s", name, option);
    return true;
}

static bool choose_count(const char *name, const char *option, int64_t *value, int64_t otherwise)
{
    if (*value == RV_BY_NAME_COUNT)
        *value = otherwise;
    else if (otherwise == RV_BY_NAME_NO_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, "optim_by_name", "%s has no %s", name, option);
    return true;
}

rv_optim *rv_optim_by_name_with(const rv_optim_by_name_options *options)
{
    const char *who = "optim_by_name";
    if (options == NULL || options->name == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the %s NULL",
                            options == NULL ? "options are" : "name is");
    const method *m = methods, *end = methods + RV_COUNT(methods);
    while (m < end && strcmp(m->name, options->name) != 0)
        m++;
    if (m == end)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "there is no %s; expected one of %s, %s, %s",
                            options->name, rv_optim_names(), rv_minimizer_names(),
                            rv_least_squares_names());
    chosen o = *options;
    if (!choose(m->name, "lr", &o.lr, m->lr) ||
        !choose(m->name, "momentum", &o.momentum, m->momentum) ||
        !choose(m->name, "weight_decay", &o.weight_decay, m->weight_decay) ||
        !choose_count(m->name, "max_iter", &o.max_iter, m->max_iter) ||
        !choose_count(m->name, "history", &o.history, m->history))
        return NULL;
    if (o.nesterov && m->make != make_sgd && m->make != make_momentum && m->make != make_nesterov)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%s has no nesterov", m->name);
    return m->make(&o);
}

/* ---- schedules ------------------------------------------------------------------------------- */

typedef rv_sched_by_name_options asked;

/* A share of all steps, at least one. */
static int64_t share(const asked *o, double part)
{
    const int64_t steps = (int64_t)((double)o->steps * part);
    return steps < 1 ? 1 : steps;
}

static rv_sched *make_constant(const asked *o)
{
    return rv_sched_constant(o->optimizer, .factor = 1, .steps = 1);
}

static rv_sched *make_step(const asked *o)
{
    return rv_sched_step_lr(o->optimizer, .step_size = o->steps / 3 + 1, .gamma = 0.1);
}

static rv_sched *make_multi_step(const asked *o)
{
    return rv_sched_multi_step(o->optimizer, .milestones = {share(o, 0.5), share(o, 0.75)});
}

static rv_sched *make_exponential(const asked *o)
{
    return rv_sched_exponential(o->optimizer, .gamma = pow(0.01, 1 / (double)o->steps));
}

static rv_sched *make_inverse_time(const asked *o)
{
    return rv_sched_inverse_time(o->optimizer, .gamma = 9 / (double)o->steps);
}

static rv_sched *make_polynomial(const asked *o)
{
    return rv_sched_polynomial(o->optimizer, .steps = o->steps);
}

static rv_sched *make_linear(const asked *o)
{
    return rv_sched_linear(o->optimizer, .steps = share(o, 0.1));
}

static rv_sched *make_cosine(const asked *o)
{
    return rv_sched_cosine(o->optimizer, .steps = o->steps);
}

static rv_sched *make_restarts(const asked *o)
{
    return rv_sched_restarts(o->optimizer, .steps = o->steps / 7 + (o->steps % 7 > 0),
                             .multiplier = 2);
}

static rv_sched *make_warmup_cosine(const asked *o)
{
    const int64_t up = share(o, 0.1), down = o->steps > up ? o->steps - up : 1;
    return rv_sched_sequential(o->optimizer,
                               RV_SCHEDS(rv_sched_linear(NULL, .start_factor = 0.01, .steps = up),
                                         rv_sched_cosine(NULL, .steps = down)),
                               .milestones = {up});
}

/* Whether there is a momentum to cycle. */
static bool has_momentum(const rv_optim *opt)
{
    if (!rv_optim_has_momentum(opt))
        return false;
    for (int64_t g = 0; g < rv_optim_groups(opt); g++)
        if (!(rv_optim_group_momentum(opt, g) > 0))
            return false;
    return true;
}

/* The learning rates of all groups, as peaks; false with an error if there are too many. */
static bool read_peaks(const rv_optim *opt, double *peaks)
{
    const int64_t groups = rv_optim_groups(opt);
    if (groups > RV_SCHED_MOST_PEAKS)
        return rv_fail(RV_ERROR_ARGUMENT, "sched_by_name",
                       "the optimizer has %lld groups; %d are "
                       "possible for a cycle",
                       (long long)groups, RV_SCHED_MOST_PEAKS);
    for (int64_t g = 0; g < groups; g++)
        peaks[g] = rv_optim_group_lr(opt, g);
    return true;
}

static rv_sched *make_cyclic(const asked *o)
{
    rv_sched_cyclic_options cyclic = {.optimizer = o->optimizer,
                                      .step_size_up = share(o, 1.0 / 6),
                                      .gamma = 1,
                                      .cycle_momentum = has_momentum(o->optimizer),
                                      .momentum_min = 0.8,
                                      .momentum_max = 0.9};
    if (!read_peaks(o->optimizer, cyclic.lr_max))
        return NULL;
    const int64_t groups = rv_optim_groups(o->optimizer);
    for (int64_t g = 0; g < groups; g++) /* its base */
        rv_optim_set_group_lr(o->optimizer, g, cyclic.lr_max[g] / 10);
    rv_sched *sched = rv_sched_cyclic_with(&cyclic);
    for (int64_t g = 0; sched == NULL && g < groups; g++)
        rv_optim_set_group_lr(o->optimizer, g, cyclic.lr_max[g]);
    return sched;
}

static rv_sched *make_one_cycle(const asked *o)
{
    rv_sched_one_cycle_options cycle = {.optimizer = o->optimizer,
                                        .steps = o->steps,
                                        .pct_start = 0.3,
                                        .cycle_momentum = has_momentum(o->optimizer),
                                        .momentum_min = 0.85,
                                        .momentum_max = 0.95,
                                        .div_factor = 25,
                                        .final_div_factor = 1e4};
    return read_peaks(o->optimizer, cycle.lr_max) ? rv_sched_one_cycle_with(&cycle) : NULL;
}

static rv_sched *make_plateau(const asked *o)
{
    return rv_sched_plateau(o->optimizer, .mode = o->mode, .factor = 0.5, .patience = 2);
}

const char *rv_sched_names(void)
{
    return &(RV_SCHED_NAMES(LISTED))[2];
}

rv_sched *rv_sched_by_name_with(const rv_sched_by_name_options *options)
{
    static const struct {
        const char *name;
        rv_sched *(*make)(const asked *o);
    } kinds[] = {
#define KIND(name) {#name, make_##name},
        RV_SCHED_NAMES(KIND)
#undef KIND
    };
    const char *who = "sched_by_name";
    if (options == NULL || options->name == NULL || options->optimizer == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the %s NULL",
                            options == NULL         ? "options are"
                            : options->name == NULL ? "name is"
                                                    : "optimizer is");
    if (options->steps < 1)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "steps is %lld; >= 1 is expected",
                            (long long)options->steps);
    for (int i = 0; i < RV_COUNT(kinds); i++)
        if (strcmp(kinds[i].name, options->name) == 0)
            return kinds[i].make(options);
    return rv_fail_null(RV_ERROR_ARGUMENT, who, "there is no %s; expected one of %s", options->name,
                        rv_sched_names());
}

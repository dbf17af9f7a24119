/* by_name.h - optimizers and schedules by name, for command lines and searches.
 *
 *     rv_optim *opt = rv_optim_by_name("nadam", rv_parameters(net));
 *     rv_optim *opt = rv_optim_by_name("sgd", rv_parameters(net), .lr = 0.05, .momentum = 0.9);
 *     rv_sched *sched = rv_sched_by_name("cosine", opt, .steps = epochs * batches);
 *
 * A script that knows what it wants calls its own function (optim_methods.h, sched.h), which has
 * all options. Here are few, and what is left out suits a small network that learns in some epochs.
 */
#ifndef RV_OPTIM_BY_NAME_H
#define RV_OPTIM_BY_NAME_H

#include "optim/optim.h"
#include "optim/sched.h"

RV_BEGIN_C

/* ---- optimizers ------------------------------------------------------------------------------ */

/* The value of an option that is left out, and of one that a method does not have; of counts. */
#define RV_BY_NAME_DEFAULT (-1e300)
#define RV_BY_NAME_NONE (-2e300)
#define RV_BY_NAME_COUNT INT64_MIN
#define RV_BY_NAME_NO_COUNT (INT64_MIN + 1)

/* X(name, learning rate, momentum, weight decay): what is taken if none is given. Momenta and
 * decays are the methods' own defaults (momentum: of methods with betas the first of these).
 * Learning rates are those, of 1, 2 and 5 times powers of 10, with which an MNIST network of one
 * hidden layer did best in five epochs of batches of 128; of sgd and asgd a safer one.
 * docs/landscape.md has the accuracies.
 *
 * momentum and nesterov are SGD, amsgrad is Adam with that option. muon takes matrices alone; rprop
 * wants gradients of all the data. */
#define RV_OPTIM_NAMES(X)                            \
    X(sgd, 0.2, 0, 0)                                \
    X(momentum, 0.1, 0.9, 0)                         \
    X(nesterov, 0.1, 0.9, 0)                         \
    X(adagrad, 0.05, RV_BY_NAME_NONE, 0)             \
    X(adadelta, 2, RV_BY_NAME_NONE, 0)               \
    X(rmsprop, 2e-3, 0, 0)                           \
    X(adam, 5e-3, 0.9, 0)                            \
    X(amsgrad, 5e-3, 0.9, 0)                         \
    X(adamw, 5e-3, 0.9, 1e-2)                        \
    X(adamax, 1e-2, 0.9, 0)                          \
    X(nadam, 5e-3, 0.9, 0)                           \
    X(radam, 5e-3, 0.9, 0)                           \
    X(rprop, 1e-3, RV_BY_NAME_NONE, RV_BY_NAME_NONE) \
    X(asgd, 0.2, RV_BY_NAME_NONE, 0)                 \
    X(lion, 5e-4, 0.9, 0)                            \
    X(muon, 1e-2, 0.95, 0.1)

/* X(identifier, name, learning rate, history): the methods that evaluate the loss again
 * (minimize_methods.h), for rv_optim_minimize and rv_optim_step_closure; rv_optim_step refuses
 * them. The learning rate is the first step that is tried along a direction. ssbfgs and ssbroyden
 * are bfgs, self-scaled, with that update. */
#define RV_MINIMIZER_NAMES(X)                         \
    X(lbfgs, "lbfgs", 1, 10)                          \
    X(bfgs, "bfgs", 1, RV_BY_NAME_NO_COUNT)           \
    X(ssbfgs, "ssbfgs", 1, RV_BY_NAME_NO_COUNT)       \
    X(ssbroyden, "ssbroyden", 1, RV_BY_NAME_NO_COUNT) \
    X(cg, "cg", 1, RV_BY_NAME_NO_COUNT)               \
    X(newton_cg, "newton-cg", 1, RV_BY_NAME_NO_COUNT) \
    X(newton, "newton", 1, RV_BY_NAME_NO_COUNT)       \
    X(random, "random", 0.1, RV_BY_NAME_NO_COUNT)

/* Likewise, methods for sums of squares, whose closure gives residuals (minimize_methods.h). */
#define RV_LEAST_SQUARES_NAMES(X)       \
    X(lm, "lm", 1, RV_BY_NAME_NO_COUNT) \
    X(gauss_newton, "gauss-newton", 1, RV_BY_NAME_NO_COUNT)

typedef struct rv_optim_by_name_options {
    const char *name; /* one of RV_OPTIM_NAMES, RV_MINIMIZER_NAMES or RV_LEAST_SQUARES_NAMES */
    rv_tensors parameters;
    double lr;           /* default: the name's, as the next two; > 0 */
    double momentum;     /* in the range of the method's momentum or first beta */
    double weight_decay; /* >= 0 */
    bool nesterov;       /* default false: as the name has it; for sgd and momentum */
    rv_optim *join;      /* default NULL; as in RV_OPTIM_COMMON */
    int64_t max_iter;    /* of one call; not for RV_OPTIM_NAMES; default 1000; >= 1 */
    int64_t history;     /* pairs that are kept; lbfgs alone; default: the name's; >= 1 */
} rv_optim_by_name_options;

/* rv_optim_by_name(name, parameters): the optimizer of that name. NULL with an error for a name
 * that there is not (the message lists all), an option that the method does not have or that is out
 * of its range, and whatever the method's own function refuses. */
#define rv_optim_by_name(name_, ...)                                                       \
    RV_OPTIONS(rv_optim_by_name_with, rv_optim_by_name_options, .lr = RV_BY_NAME_DEFAULT,  \
               .momentum = RV_BY_NAME_DEFAULT, .weight_decay = RV_BY_NAME_DEFAULT,         \
               .max_iter = RV_BY_NAME_COUNT, .history = RV_BY_NAME_COUNT, .name = (name_), \
               .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_by_name_with(const rv_optim_by_name_options *options);

/* All names of RV_OPTIM_NAMES: "sgd, momentum, nesterov"; of RV_MINIMIZER_NAMES: "lbfgs, bfgs"; and
 * of RV_LEAST_SQUARES_NAMES: "lm, gauss-newton". */
RV_API const char *rv_optim_names(void);
RV_API const char *rv_minimizer_names(void);
RV_API const char *rv_least_squares_names(void);

/* ---- schedules ------------------------------------------------------------------------------- */

/* X(name), and what becomes of the learning rate in the course of all steps:
 *     constant      it stays
 *     step          a tenth of it after each third of the steps
 *     multi_step    a tenth of it after a half and after three quarters of them
 *     exponential   down to a hundredth, by the same factor in each step
 *     inverse_time  down to a tenth, as 1/(1 + 9 t/steps)
 *     polynomial    down to 0, in a straight line
 *     linear        a warm-up: up from a third of it in the first tenth of the steps
 *     cosine        down to 0, in half a wave
 *     restarts      three such waves, each twice as long as the one before
 *     warmup_cosine linear, from a hundredth, and then cosine
 *     cyclic        three times from a tenth of it up to it and down again
 *     one_cycle     from a 25th of it up to it in three tenths of the steps, and down to nothing
 *     plateau       half of it when the metric has not got better for more than two steps
 * cyclic and one_cycle also cycle the momentum, if the optimizer has one that is not 0. */
#define RV_SCHED_NAMES(X) \
    X(constant)           \
    X(step)               \
    X(multi_step)         \
    X(exponential)        \
    X(inverse_time)       \
    X(polynomial)         \
    X(linear)             \
    X(cosine)             \
    X(restarts)           \
    X(warmup_cosine)      \
    X(cyclic)             \
    X(one_cycle)          \
    X(plateau)

typedef struct rv_sched_by_name_options {
    const char *name; /* one of RV_SCHED_NAMES */
    rv_optim *optimizer;
    int64_t steps;      /* how often rv_sched_step will be called; >= 1; no default */
    rv_sched_mode mode; /* plateau: which metric is better; default RV_SCHED_LESS_IS_BETTER */
} rv_sched_by_name_options;

/* rv_sched_by_name(name, opt, .steps = epochs * batches): the schedule of that name, for learning
 * rates that begin with, or go up to, those that the optimizer has. NULL with an error for a name
 * that there is not (the message lists all), steps < 1, or NULL; the optimizer is as it was then.
 */
#define rv_sched_by_name(name_, ...)                                             \
    RV_OPTIONS(rv_sched_by_name_with, rv_sched_by_name_options, .name = (name_), \
               .optimizer = __VA_ARGS__)
RV_API rv_sched *rv_sched_by_name_with(const rv_sched_by_name_options *options);

/* All names: "constant, step". */
RV_API const char *rv_sched_names(void);

RV_END_C

#endif

/* minimize_makers.h - the methods that evaluate the loss again, as a table, for the suites that run
 * them all: each of few parameters, with what the suites set of RV_MINIMIZE_COMMON.
 */
#ifndef TESTS_MINIMIZE_MAKERS_H
#define TESTS_MINIMIZE_MAKERS_H

#include "ravine.h"

typedef struct minimize_maker {
    const char *name;
    rv_optim *(*make)(rv_tensors parameters, const rv_lbfgs_options *common);
} minimize_maker;

/* What all these options begin with stands in rv_lbfgs_options too. */
#define MAKER_COMMON(o)                                                                   \
    .lr = (o)->lr, .max_iter = (o)->max_iter, .max_eval = (o)->max_eval,                  \
    .maximize = (o)->maximize, .tolerance_grad = (o)->tolerance_grad,                     \
    .tolerance_grad_absolute = (o)->tolerance_grad_absolute,                              \
    .tolerance_loss = (o)->tolerance_loss,                                                \
    .tolerance_loss_absolute = (o)->tolerance_loss_absolute,                              \
    .tolerance_step = (o)->tolerance_step,                                                \
    .tolerance_step_absolute = (o)->tolerance_step_absolute

#define MINIMIZE_MAKER(name, method, ...)                                                  \
    static inline rv_optim *make_##name(rv_tensors parameters, const rv_lbfgs_options *o_) \
    {                                                                                      \
        return method(parameters, MAKER_COMMON(o_), __VA_ARGS__);                          \
    }
MINIMIZE_MAKER(lbfgs, rv_optim_lbfgs, .history = 5)
MINIMIZE_MAKER(bfgs, rv_optim_bfgs, .update = RV_BFGS_PLAIN)
MINIMIZE_MAKER(ssbfgs, rv_optim_bfgs, .update = RV_BFGS_SELF_SCALED)
MINIMIZE_MAKER(ssbroyden, rv_optim_bfgs, .update = RV_BFGS_SELF_SCALED_BROYDEN)

static const minimize_maker minimize_makers[] = {
    {"lbfgs", make_lbfgs}, {"bfgs", make_bfgs}, {"ssbfgs", make_ssbfgs}, {"ssbroyden", make_ssbroyden}};

#define MINIMIZE_MAKERS RV_COUNT(minimize_makers)

/* MADE(&minimize_makers[i], parameters, .max_iter = 20) */
#define MADE(maker, ...) RV_OPTIONS(made_by, maker_options, .by = maker, .lr = 1, __VA_ARGS__)

#endif

/* minimize_makers.h - the methods that evaluate the loss again, as a table, for the suites that run
 * them all with the same options.
 */
#ifndef TESTS_MINIMIZE_MAKERS_H
#define TESTS_MINIMIZE_MAKERS_H

#include "ravine.h"

/* What the suites set: see RV_MINIMIZE_COMMON. */
typedef struct minimize_settings {
    rv_tensors parameters;
    double lr;
    bool maximize;
    int64_t max_iter, max_eval;
    double tolerance_grad, tolerance_grad_absolute, tolerance_loss, tolerance_loss_absolute,
        tolerance_step, tolerance_step_absolute;
} minimize_settings;

typedef struct minimize_maker {
    const char *name;
    rv_optim *(*make)(const minimize_settings *s);
    bool is_blind; /* it sees no gradients */
    /* With F32 parameters among F64 ones the last digits take it more than a thousand iterations:
     * where steps of less than half a unit leave an F32 parameter where it is, that one's gradient
     * stays, and is most of every direction from then on. */
    bool is_slow_in_F32;
} minimize_maker;

/* MADE(&minimize_makers[i], RV_TENSORS(x), .max_iter = 20): an optimizer. */
#define MADE(maker, ...) \
    RV_OPTIONS((maker)->make, minimize_settings, RV_MINIMIZE_DEFAULTS, .parameters = __VA_ARGS__)

#define MINIMIZE_MAKER(name, method, ...)                                                   \
    static inline rv_optim *make_##name(const minimize_settings *s_)                        \
    {                                                                                       \
        return method(s_->parameters, .lr = s_->lr, .maximize = s_->maximize,               \
                      .max_iter = s_->max_iter, .max_eval = s_->max_eval,                   \
                      .tolerance_grad = s_->tolerance_grad,                                 \
                      .tolerance_grad_absolute = s_->tolerance_grad_absolute,               \
                      .tolerance_loss = s_->tolerance_loss,                                 \
                      .tolerance_loss_absolute = s_->tolerance_loss_absolute,               \
                      .tolerance_step = s_->tolerance_step,                                 \
                      .tolerance_step_absolute = s_->tolerance_step_absolute, __VA_ARGS__); \
    }
MINIMIZE_MAKER(lbfgs, rv_optim_lbfgs, .history = 10)
MINIMIZE_MAKER(lbfgs_hager_zhang, rv_optim_lbfgs, .line_search = RV_LINE_HAGER_ZHANG)
MINIMIZE_MAKER(lbfgs_backtracking, rv_optim_lbfgs, .line_search = RV_LINE_BACKTRACKING)
MINIMIZE_MAKER(bfgs, rv_optim_bfgs, .update = RV_BFGS_PLAIN)
MINIMIZE_MAKER(ssbfgs, rv_optim_bfgs, .update = RV_BFGS_SELF_SCALED)
MINIMIZE_MAKER(ssbroyden, rv_optim_bfgs, .update = RV_BFGS_SELF_SCALED_BROYDEN)
MINIMIZE_MAKER(cg, rv_optim_cg, .restart = 0)
MINIMIZE_MAKER(newton_cg, rv_optim_newton_cg, .forcing = 0.1)
#if RV_BLAS
MINIMIZE_MAKER(nystrom, rv_optim_newton_cg, .preconditioner_rank = 3, .preconditioner_every = 4)
MINIMIZE_MAKER(newton, rv_optim_newton, .nonfinite = RV_NONFINITE_APPLY)
#endif
MINIMIZE_MAKER(random, rv_optim_random_search, .seed = 3)

static const minimize_maker minimize_makers[] = {
    {.name = "lbfgs", .make = make_lbfgs},
    {.name = "lbfgs_hager_zhang", .make = make_lbfgs_hager_zhang},
    {.name = "lbfgs_backtracking", .make = make_lbfgs_backtracking},
    {.name = "bfgs", .make = make_bfgs},
    {.name = "ssbfgs", .make = make_ssbfgs},
    {.name = "ssbroyden", .make = make_ssbroyden},
    {.name = "cg", .make = make_cg, .is_slow_in_F32 = true},
    {.name = "newton_cg", .make = make_newton_cg},
#if RV_BLAS
    {.name = "nystrom", .make = make_nystrom},
    {.name = "newton", .make = make_newton},
#endif
    {.name = "random", .make = make_random, .is_blind = true},
};
#define MINIMIZE_MAKERS_END (minimize_makers + RV_COUNT(minimize_makers))

#endif

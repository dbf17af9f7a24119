/* sched_cases.h - the schedules of golden/sched.py, under the same names. */
#ifndef TESTS_SCHED_CASES_H
#define TESTS_SCHED_CASES_H

#include <stdlib.h>
#include <string.h>

#include "helpers.h"

#define SCHED_STEPS 200

static inline double seventh(int64_t t, void *context)
{
    (void)context;
    return 1 / (1 + (double)(t % 7));
}

#define MORE RV_SCHED_MORE_IS_BETTER
#define ABSOLUTE RV_SCHED_ABSOLUTE
#define PEAKS .lr_max = {0.5, 0.2}

#define SCHED_CASES(X)                                                                            \
    X(constant, rv_sched_constant(o))                                                             \
    X(constant_long, rv_sched_constant(o, .factor = 0.25, .steps = 50))                           \
    X(step, rv_sched_step_lr(o, .step_size = 30))                                                 \
    X(step_short, rv_sched_step_lr(o, .step_size = 7, .gamma = 0.9))                              \
    X(multi_step, rv_sched_multi_step(o, .milestones = {30, 80}))                                 \
    X(multi_step_twice, rv_sched_multi_step(o, .milestones = {50, 120, 20, 50}, .gamma = 0.5))    \
    X(exponential, rv_sched_exponential(o, .gamma = 0.95))                                        \
    X(exponential_up, rv_sched_exponential(o, .gamma = 1.01))                                     \
    X(inverse_time, rv_sched_inverse_time(o, .gamma = 0.01))                                      \
    X(polynomial, rv_sched_polynomial(o))                                                         \
    X(polynomial_root, rv_sched_polynomial(o, .steps = 120, .power = 0.5))                        \
    X(polynomial_long, rv_sched_polynomial(o, .steps = 300, .power = 2.5))                        \
    X(linear, rv_sched_linear(o))                                                                 \
    X(linear_up, rv_sched_linear(o, .start_factor = 0.001, .steps = 50))                          \
    X(linear_down, rv_sched_linear(o, .start_factor = 1, .end_factor = 0.1, .steps = 120))        \
    X(cosine, rv_sched_cosine(o, .steps = 200))                                                   \
    X(cosine_back, rv_sched_cosine(o, .steps = 45))                                               \
    X(cosine_min, rv_sched_cosine(o, .steps = 30, .lr_min = 0.005))                               \
    X(restarts, rv_sched_restarts(o, .steps = 30))                                                \
    X(restarts_longer, rv_sched_restarts(o, .steps = 10, .multiplier = 2))                        \
    X(restarts_min, rv_sched_restarts(o, .steps = 7, .multiplier = 3, .lr_min = 0.001))           \
    X(lambda, rv_sched_lambda(o, seventh, NULL))                                                  \
    X(swa_cos, rv_sched_swa(o, .swa_lr = 0.05))                                                   \
    X(swa_linear,                                                                                 \
      rv_sched_swa(o, .swa_lr = 0.02, .steps = 40, .anneal_strategy = RV_SCHED_LINEAR))           \
    X(swa_at_once, rv_sched_swa(o, .swa_lr = 0.02, .steps = 0))                                   \
    X(plateau, rv_sched_plateau(o))                                                               \
    X(plateau_short, rv_sched_plateau(o, .factor = 0.5, .patience = 2))                           \
    X(plateau_max, rv_sched_plateau(o, .mode = MORE, .factor = 0.7, .patience = 0))               \
    X(plateau_rel, rv_sched_plateau(o, .factor = 0.9, .patience = 1, .threshold = 0.03))          \
    X(plateau_max_rel,                                                                            \
      rv_sched_plateau(o, .mode = MORE, .factor = 0.9, .patience = 1, .threshold = 0.03))         \
    X(plateau_cooldown, rv_sched_plateau(o, .factor = 0.5, .patience = 1, .cooldown = 5))         \
    X(plateau_abs, rv_sched_plateau(o, .factor = 0.8, .patience = 3, .threshold = 0.02,           \
                                    .threshold_mode = ABSOLUTE))                                  \
    X(plateau_max_abs,                                                                            \
      rv_sched_plateau(o, .mode = MORE, .factor = 0.8, .patience = 1, .threshold = 0.05,          \
                       .threshold_mode = ABSOLUTE, .cooldown = 1))                                \
    X(plateau_min, rv_sched_plateau(o, .factor = 0.5, .patience = 1, .lr_min = 0.004))            \
    X(plateau_eps, rv_sched_plateau(o, .factor = 0.5, .patience = 1, .eps = 0.001))               \
    X(chained_warm_up,                                                                            \
      rv_sched_chained(o, RV_SCHEDS(rv_sched_constant(NULL, .factor = 0.1, .steps = 20),          \
                                    rv_sched_exponential(NULL, .gamma = 0.98))))                  \
    X(chained_three,                                                                              \
      rv_sched_chained(o,                                                                         \
                       RV_SCHEDS(rv_sched_linear(NULL, .start_factor = 0.5, .steps = 10),         \
                                 rv_sched_multi_step(NULL, .milestones = {60, 90}, .gamma = 0.3), \
                                 rv_sched_polynomial(NULL, .steps = 250, .power = 0.9))))         \
    X(chained_cosine,                                                                             \
      rv_sched_chained(o, RV_SCHEDS(rv_sched_linear(NULL, .start_factor = 0.01, .steps = 20),     \
                                    rv_sched_cosine(NULL, .steps = 250))))                        \
    X(sequential_cosine,                                                                          \
      rv_sched_sequential(o,                                                                      \
                          RV_SCHEDS(rv_sched_linear(NULL, .start_factor = 0.1, .steps = 20),      \
                                    rv_sched_cosine(NULL, .steps = 180)),                         \
                          .milestones = {20}))                                                    \
    X(sequential_three,                                                                           \
      rv_sched_sequential(o,                                                                      \
                          RV_SCHEDS(rv_sched_constant(NULL, .factor = 0.5, .steps = 10),          \
                                    rv_sched_exponential(NULL, .gamma = 0.97),                    \
                                    rv_sched_step_lr(NULL, .step_size = 25, .gamma = 0.5)),       \
                          .milestones = {30, 90}))                                                \
    X(sequential_restarts,                                                                        \
      rv_sched_sequential(o,                                                                      \
                          RV_SCHEDS(rv_sched_polynomial(NULL, .steps = 40, .power = 2),           \
                                    rv_sched_restarts(NULL, .steps = 15, .multiplier = 2)),       \
                          .milestones = {25}))                                                    \
    X(sequential_cycle,                                                                           \
      rv_sched_sequential(                                                                        \
          o,                                                                                      \
          RV_SCHEDS(rv_sched_linear(NULL, .start_factor = 0.1, .steps = 50),                      \
                    rv_sched_cyclic(NULL, PEAKS, .step_size_up = 20, .cycle_momentum = false)),   \
          .milestones = {50}))                                                                    \
    X(cyclic, rv_sched_cyclic(o, PEAKS, .step_size_up = 20))                                      \
    X(cyclic_default, rv_sched_cyclic(o, PEAKS))                                                  \
    X(cyclic_halved, rv_sched_cyclic(o, PEAKS, .step_size_up = 15, .step_size_down = 30,          \
                                     .mode = RV_SCHED_TRIANGULAR2))                               \
    X(cyclic_exp, rv_sched_cyclic(o, PEAKS, .step_size_up = 25, .mode = RV_SCHED_EXP_RANGE,       \
                                  .gamma = 0.99, .momentum_min = 0.5, .momentum_max = 0.95))      \
    X(cyclic_adam, rv_sched_cyclic(o, PEAKS, .step_size_up = 16))                                 \
    X(cyclic_plain, rv_sched_cyclic(o, PEAKS, .step_size_up = 16, .cycle_momentum = false))       \
    X(one_cycle, rv_sched_one_cycle(o, PEAKS, .steps = 201))                                      \
    X(one_cycle_linear, rv_sched_one_cycle(o, PEAKS, .steps = 220, .pct_start = 0.5,              \
                                           .anneal_strategy = RV_SCHED_LINEAR))                   \
    X(one_cycle_three,                                                                            \
      rv_sched_one_cycle(o, PEAKS, .steps = 201, .three_phase = true, .div_factor = 10,           \
                         .final_div_factor = 100, .pct_start = 0.4))                              \
    X(one_cycle_adam,                                                                             \
      rv_sched_one_cycle(o, PEAKS, .steps = 201, .momentum_min = 0.7, .momentum_max = 0.9))       \
    X(one_cycle_plain, rv_sched_one_cycle(o, PEAKS, .steps = 300, .cycle_momentum = false))

typedef struct sched_case {
    const char *name;
    rv_sched *(*make)(rv_optim *o);
} sched_case;

#define SCHED_MAKE(name, ...)                        \
    static inline rv_sched *make_##name(rv_optim *o) \
    {                                                \
        return __VA_ARGS__;                          \
    }
SCHED_CASES(SCHED_MAKE)

#define SCHED_ROW(name, ...) {#name, make_##name},
static const sched_case sched_cases[] = {SCHED_CASES(SCHED_ROW)};
#define SCHED_CASE_COUNT RV_COUNT(sched_cases)

/* SGD with momentum, or Adam where the case's name says so, with two groups; in the open scope. */
static inline rv_optim *sched_optim(const char *name)
{
    rv_tensor *a = rv_require_grad(VECTOR(1, 2)), *b = rv_require_grad(VECTOR(3));
    if (strstr(name, "_adam") != NULL)
        return rv_optim_adam(RV_TENSORS(b), .lr = 0.03,
                             .join = rv_optim_adam(RV_TENSORS(a), .lr = 0.1));
    rv_optim *sgd = rv_optim_sgd(RV_TENSORS(a), .lr = 0.1, .momentum = 0.9);
    return rv_optim_sgd(RV_TENSORS(b), .lr = 0.03, .momentum = 0.9, .join = sgd);
}

/* One more step of a case, with the loss of that step or, for those that want more, the accuracy.
 */
static inline bool sched_go_on(const char *name, rv_sched *s, const rv_tensor *losses, int64_t step)
{
    if (strncmp(name, "plateau", 7) != 0)
        return rv_sched_step(s);
    const double loss = at(losses, step);
    return rv_sched_step(s, strstr(name, "max") != NULL ? 1 - loss : loss);
}

#endif

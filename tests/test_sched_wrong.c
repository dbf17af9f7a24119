/* test_sched_wrong.c - whatever is wrong about a schedule is an error that names it, and changes
 * nothing. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "helpers.h"

TestSuite(sched_wrong, .init = make_folder, .fini = remove_folder);

#define LEAF(...) rv_require_grad(VECTOR(__VA_ARGS__))
#define FAILS(call, status, part)                     \
    do {                                              \
        cr_expect_null(call);                         \
        cr_expect(error_is(RV_ERROR_##status, part)); \
    } while (0)

static const double nan_ = (double)NAN, inf = (double)INFINITY;

static rv_optim *sgd(double lr)
{
    rv_tensor *p = LEAF(1, 2);
    return rv_optim_sgd(RV_TENSORS(p), .lr = lr, .momentum = 0.9);
}

/* ---- options --------------------------------------------------------------------------------- */

Test(sched_wrong, options)
{
    RV_SCOPE;
    rv_optim *o = sgd(0.1);
    FAILS(rv_sched_constant(o, .factor = -0.1), ARGUMENT, "sched_constant: factor is -0.1; 0 to 1");
    FAILS(rv_sched_constant(o, .factor = 1.5), ARGUMENT, "factor is 1.5");
    FAILS(rv_sched_constant(o, .factor = nan_), ARGUMENT, "sched_constant: factor is ");
    FAILS(rv_sched_constant(o, .steps = 0), ARGUMENT, "sched_constant: steps is 0; at least 1");
    FAILS(rv_sched_step_lr(o), ARGUMENT, "sched_step_lr: step_size is 0; at least 1");
    FAILS(rv_sched_step_lr(o, .step_size = -3), ARGUMENT, "step_size is -3");
    FAILS(rv_sched_step_lr(o, .step_size = 3, .gamma = 0), ARGUMENT, "sched_step_lr: gamma is 0");
    FAILS(rv_sched_step_lr(o, .step_size = 3, .gamma = nan_), ARGUMENT, "gamma is ");
    FAILS(rv_sched_multi_step(o), ARGUMENT, "sched_multi_step: milestones[0] is 0; at least 1");
    FAILS(rv_sched_multi_step(o, .milestones = {3, -1}), ARGUMENT, "milestones[1] is -1");
    FAILS(rv_sched_multi_step(o, .milestones = {3, 0, 5}), ARGUMENT, "milestones[1] is 0");
    FAILS(rv_sched_multi_step(o, .milestones = {3}, .gamma = inf), ARGUMENT, "gamma is inf");
    FAILS(rv_sched_exponential(o), ARGUMENT, "sched_exponential: gamma is 0; a finite number > 0");
    FAILS(rv_sched_exponential(o, .gamma = -1), ARGUMENT, "gamma is -1");
    FAILS(rv_sched_exponential(o, .gamma = nan_), ARGUMENT, "gamma is ");
    FAILS(rv_sched_inverse_time(o, .gamma = -1), ARGUMENT, "sched_inverse_time: gamma is -1");
    FAILS(rv_sched_inverse_time(o, .gamma = inf), ARGUMENT, "gamma is inf; a finite number >= 0");
    FAILS(rv_sched_inverse_time(o, .gamma = nan_), ARGUMENT, "gamma is ");
    FAILS(rv_sched_polynomial(o, .steps = 0), ARGUMENT, "sched_polynomial: steps is 0");
    FAILS(rv_sched_polynomial(o, .power = 0), ARGUMENT, "sched_polynomial: power is 0");
    FAILS(rv_sched_polynomial(o, .power = nan_), ARGUMENT, "power is ");
    FAILS(rv_sched_linear(o, .start_factor = 0), ARGUMENT, "sched_linear: start_factor is 0");
    FAILS(rv_sched_linear(o, .start_factor = 1.1), ARGUMENT, "start_factor is 1.1; 0 to 1");
    FAILS(rv_sched_linear(o, .start_factor = nan_), ARGUMENT, "start_factor is ");
    FAILS(rv_sched_linear(o, .end_factor = -0.1), ARGUMENT, "end_factor is -0.1");
    FAILS(rv_sched_linear(o, .end_factor = nan_), ARGUMENT, "end_factor is ");
    FAILS(rv_sched_linear(o, .steps = -1), ARGUMENT, "sched_linear: steps is -1");
    FAILS(rv_sched_cosine(o), ARGUMENT, "sched_cosine: steps is 0; at least 1");
    FAILS(rv_sched_cosine(o, .steps = 3, .lr_min = -1), ARGUMENT, "sched_cosine: lr_min is -1");
    FAILS(rv_sched_cosine(o, .steps = 3, .lr_min = nan_), ARGUMENT, "lr_min is ");
    FAILS(rv_sched_restarts(o), ARGUMENT, "sched_restarts: steps is 0");
    FAILS(rv_sched_restarts(o, .steps = 3, .multiplier = 0), ARGUMENT, "multiplier is 0");
    FAILS(rv_sched_restarts(o, .steps = 3, .lr_min = inf), ARGUMENT, "lr_min is inf");
    FAILS(rv_sched_lambda(o, NULL, NULL), NULL, "sched_lambda: the function is NULL");
    FAILS(rv_sched_swa(o), ARGUMENT, "sched_swa: swa_lr is ");
    FAILS(rv_sched_swa(o, .swa_lr = -1), ARGUMENT, "swa_lr is -1");
    FAILS(rv_sched_swa(o, .swa_lr = 1, .steps = -1), ARGUMENT, "sched_swa: steps is -1");
    FAILS(rv_sched_swa(o, .swa_lr = 1, .anneal_strategy = (rv_sched_anneal)7), ARGUMENT,
          "anneal_strategy is 7, which is none");
    cr_expect_eq(rv_optim_lr(o), 0.1);
    rv_optim_free(o);
}

Test(sched_wrong, options_of_plateau)
{
    RV_SCOPE;
    rv_optim *o = sgd(0.1);
    FAILS(rv_sched_plateau(o, .mode = (rv_sched_mode)2), ARGUMENT, "sched_plateau: mode is 2");
    FAILS(rv_sched_plateau(o, .threshold_mode = (rv_sched_threshold)9), ARGUMENT,
          "threshold_mode is 9");
    FAILS(rv_sched_plateau(o, .factor = 1), ARGUMENT, "factor is 1; >= 0 and < 1 is expected");
    FAILS(rv_sched_plateau(o, .factor = -0.5), ARGUMENT, "factor is -0.5");
    FAILS(rv_sched_plateau(o, .factor = nan_), ARGUMENT, "factor is ");
    FAILS(rv_sched_plateau(o, .patience = -1), ARGUMENT, "patience is -1; at least 0");
    FAILS(rv_sched_plateau(o, .threshold = -1), ARGUMENT, "threshold is -1");
    FAILS(rv_sched_plateau(o, .threshold = nan_), ARGUMENT, "threshold is ");
    FAILS(rv_sched_plateau(o, .cooldown = -2), ARGUMENT, "cooldown is -2");
    FAILS(rv_sched_plateau(o, .lr_min = -1), ARGUMENT, "lr_min is -1");
    FAILS(rv_sched_plateau(o, .lr_min = nan_), ARGUMENT, "lr_min is ");
    FAILS(rv_sched_plateau(o, .eps = -1), ARGUMENT, "eps is -1");
    FAILS(rv_sched_plateau(o, .eps = nan_), ARGUMENT, "eps is ");
    rv_optim_free(o);
}

Test(sched_wrong, options_of_cycles)
{
    RV_SCOPE;
    rv_optim *o = sgd(0.1);
    FAILS(rv_sched_cyclic(o), ARGUMENT, "sched_cyclic: lr_max of group 0 is 0");
    FAILS(rv_sched_cyclic(o, .lr_max = {1, -1}), ARGUMENT, "lr_max of group 1 is -1");
    FAILS(rv_sched_cyclic(o, .lr_max = nan_), ARGUMENT, "lr_max of group 0 is ");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .step_size_up = 0), ARGUMENT, "step_size_up is 0");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .step_size_up = INT64_MAX), ARGUMENT, "is too long");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .step_size_down = -1), ARGUMENT, "step_size_down is -1");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .mode = (rv_sched_cycle)3), ARGUMENT, "mode is 3");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .gamma = 0), ARGUMENT, "gamma is 0");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .gamma = nan_), ARGUMENT, "gamma is ");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .momentum_min = -1), ARGUMENT, "momentum_min is -1");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .momentum_min = nan_), ARGUMENT, "momentum_min is ");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .momentum_max = 1), ARGUMENT, "momentum_max is 1");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .momentum_max = 0.5), ARGUMENT, "momentum_max is 0.5");
    FAILS(rv_sched_cyclic(o, .lr_max = 1, .momentum_max = nan_), ARGUMENT, "momentum_max is ");
    FAILS(rv_sched_one_cycle(o, .steps = 9), ARGUMENT, "sched_one_cycle: lr_max of group 0 is 0");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1), ARGUMENT, "sched_one_cycle: steps is 0");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .pct_start = -0.1), ARGUMENT,
          "pct_start is -0.1; 0 to 1");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .pct_start = nan_), ARGUMENT, "pct_start");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .pct_start = 0.6, .three_phase = true),
          ARGUMENT, "pct_start is 0.6; 0 to 0.5");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .anneal_strategy = (rv_sched_anneal)2),
          ARGUMENT, "anneal_strategy is 2");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .div_factor = 0), ARGUMENT, "div_factor");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .div_factor = nan_), ARGUMENT, "div_fact");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .final_div_factor = -1), ARGUMENT,
          "final_div_factor is -1");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .momentum_min = 2), ARGUMENT,
          "momentum_min is 2");
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9, .momentum_max = inf), ARGUMENT,
          "momentum_max is inf");
    cr_expect_eq(rv_optim_lr(o), 0.1);
    cr_expect_eq(rv_optim_group_momentum(o, 0), 0.9);
    rv_optim_free(o);
}

#define EXPECT_NO_OPTIONS(name) \
    FAILS(rv_sched_##name##_with(NULL), NULL, "sched_" #name ": the options are NULL")

Test(sched_wrong, no_options)
{
    EXPECT_NO_OPTIONS(constant);
    EXPECT_NO_OPTIONS(step_lr);
    EXPECT_NO_OPTIONS(multi_step);
    EXPECT_NO_OPTIONS(exponential);
    EXPECT_NO_OPTIONS(inverse_time);
    EXPECT_NO_OPTIONS(polynomial);
    EXPECT_NO_OPTIONS(linear);
    EXPECT_NO_OPTIONS(cosine);
    EXPECT_NO_OPTIONS(restarts);
    EXPECT_NO_OPTIONS(plateau);
    EXPECT_NO_OPTIONS(cyclic);
    EXPECT_NO_OPTIONS(one_cycle);
    EXPECT_NO_OPTIONS(swa);
    EXPECT_NO_OPTIONS(chained);
    EXPECT_NO_OPTIONS(sequential);
    cr_expect_not(rv_sched_step_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "sched_step: the schedule is NULL"));
}

/* ---- the optimizer --------------------------------------------------------------------------- */

Test(sched_wrong, optimizers)
{
    RV_SCOPE;
    rv_layer *layer = rv_layer_relu();
    FAILS(rv_sched_cosine((rv_optim *)(void *)layer, .steps = 3), ARGUMENT, "not an optimizer");
    rv_layer_free(layer);

    cr_expect_null(rv_tanh(NULL));
    cr_expect_null(rv_sched_cosine(NULL, .steps = 3), "there should have been an optimizer");
    cr_expect(error_is(RV_ERROR_NULL, "tanh"));

    rv_tensor *p = LEAF(1);
    rv_optim *without = rv_optim_sgd(RV_TENSORS(p), .lr = 0.1);
    FAILS(rv_sched_cyclic(without, .lr_max = 1), ARGUMENT, "momentum 0 cannot become 0.9");
    cr_expect_eq(rv_optim_lr(without), 0.1);
    rv_sched *s = rv_sched_cyclic(without, .lr_max = 1, .cycle_momentum = false);
    cr_assert_not_null(s, "%s", rv_error());

    rv_tensor *q = LEAF(2);
    cr_assert_not_null(rv_optim_sgd(RV_TENSORS(q), .lr = 0.5, .join = without));
    cr_expect_not(rv_sched_step(s));
    cr_expect(error_is(RV_ERROR_STATE,
                       "sched_step: the optimizer has 2 groups; the schedule was made for 1"));
    cr_expect_eq(rv_sched_steps(s), 0);
    rv_optim_free(without); /* the schedule holds it */
    cr_expect_eq(rv_sched_lr(s), 0.1);
    rv_sched_free(s);
    cr_expect(no_error());
}

static void sign_update(const rv_optim_elements *e)
{
    (void)e;
}

Test(sched_wrong, an_optimizer_without_momentum)
{
    RV_SCOPE;
    static const rv_optim_class sign_class = {.name = "sign", .update_elements = sign_update};
    rv_tensor *p = LEAF(1);
    rv_optim *o =
        rv_optim_new(&sign_class, &(rv_optim_common){.parameters = RV_TENSORS(p), .lr = 0.1});
    cr_assert_not_null(o, "%s", rv_error());
    FAILS(rv_sched_one_cycle(o, .lr_max = 1, .steps = 9), ARGUMENT,
          "sched_one_cycle: the optimizer has no momentum to cycle");
    FAILS(rv_sched_chained(o, RV_SCHEDS(rv_sched_linear(NULL), rv_sched_cyclic(NULL, .lr_max = 1))),
          ARGUMENT, "sched_chained: the optimizer has no momentum");
    cr_expect_eq(rv_optim_lr(o), 0.1);
    rv_optim_free(o);
}

/* If the momentum of a later group cannot be set, that of an earlier one goes back. */
Test(sched_wrong, momenta_go_back)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1), *q = LEAF(2);
    rv_optim *o = rv_optim_sgd(RV_TENSORS(p), .lr = 0.1, .momentum = 0.7);
    cr_assert_not_null(rv_optim_sgd(RV_TENSORS(q), .lr = 0.2, .join = o), "%s", rv_error());
    FAILS(rv_sched_cyclic(o, .lr_max = 1), ARGUMENT, "momentum 0 cannot become 0.9");
    cr_expect_eq(rv_optim_group_momentum(o, 0), 0.7);
    cr_expect(rv_optim_group_lr(o, 0) == 0.1 && rv_optim_group_lr(o, 1) == 0.2);
    rv_optim_free(o);
}

/* ---- steps ----------------------------------------------------------------------------------- */

Test(sched_wrong, null)
{
    cr_expect_not(rv_sched_step(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "sched_step: the schedule is NULL"));
    cr_expect(isnan(rv_sched_lr(NULL)));
    cr_expect(error_is(RV_ERROR_NULL, "sched_lr"));
    cr_expect_eq(rv_sched_steps(NULL), -1);
    cr_expect(error_is(RV_ERROR_NULL, "sched_steps"));
    rv_sched_free(NULL);
    rv_layer *layer = rv_layer_relu();
    cr_expect_not(rv_sched_step((rv_sched *)(void *)layer));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sched_step: this is not a schedule"));
    rv_layer_free(layer);
}

Test(sched_wrong, a_metric_that_is_missing)
{
    RV_SCOPE;
    rv_optim *o = sgd(1);
    rv_sched *s = rv_sched_plateau(o, .patience = 0, .factor = 0.5);
    cr_expect_not(rv_sched_step(s));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sched_step: sched_plateau needs a metric"));
    cr_expect_not(rv_sched_step(s, nan_));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "it is missing or NaN"));
    cr_expect_eq(rv_sched_steps(s), 0);
    cr_expect(rv_sched_step(s, inf) && rv_optim_lr(o) == 0.5, "no better than nothing");
    cr_expect(rv_sched_step(s, -inf) && rv_optim_lr(o) == 0.5);
    cr_expect(rv_sched_step(s, -inf) && rv_optim_lr(o) == 0.25);
    rv_sched_free(s);
    rv_optim_free(o);
    cr_expect(no_error());
}

Test(sched_wrong, no_step_while_an_error_is_unread)
{
    RV_SCOPE;
    rv_optim *o = sgd(1);
    rv_sched *s = rv_sched_exponential(o, .gamma = 0.5);
    cr_expect_null(rv_tanh(NULL));
    cr_expect_not(rv_sched_step(s));
    cr_expect(error_is(RV_ERROR_NULL, "tanh"));
    cr_expect_eq(rv_optim_lr(o), 1);
    cr_expect(rv_sched_step(s) && rv_optim_lr(o) == 0.5);
    rv_sched_free(s);
    rv_optim_free(o);
}

Test(sched_wrong, one_cycle_ends)
{
    RV_SCOPE;
    rv_optim *o = sgd(1);
    rv_sched *s = rv_sched_one_cycle(o, .lr_max = 2, .steps = 3, .anneal_strategy = RV_SCHED_LINEAR,
                                     .div_factor = 4, .final_div_factor = 10);
    for (int step = 0; step < 3; step++)
        cr_expect(rv_sched_step(s), "%s", rv_error());
    cr_expect_float_eq(rv_optim_lr(o), 2.0 / 4 / 10, 1e-16, "as in the last step");
    cr_expect_not(rv_sched_step(s));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sched_one_cycle: step 4 of a cycle of 3 steps"));
    cr_expect_eq(rv_sched_steps(s), 3);
    rv_sched_free(s);
    s = rv_sched_one_cycle(o, .lr_max = 2, .steps = 10, .anneal_strategy = RV_SCHED_LINEAR,
                           .three_phase = true, .final_div_factor = 2);
    for (int step = 0; step < 10; step++)
        cr_expect(rv_sched_step(s), "%s", rv_error());
    cr_expect_float_eq(rv_optim_lr(o), 2.0 / 25 / 2, 1e-16, "with a third phase too");
    rv_sched_free(s);
    /* Phases without a length are passed over. */
    static const double shares[] = {0, 0.1, 0.2, 0.5, 1};
    for (int i = 0; i < RV_COUNT(shares); i++)
        for (int64_t steps = 1; steps < 12; steps++) {
            s = rv_sched_one_cycle(o, .lr_max = 2, .steps = steps, .pct_start = shares[i]);
            cr_assert_not_null(s, "%s", rv_error());
            for (int64_t step = 1; step <= steps; step++) {
                cr_expect(rv_sched_step(s), "%s", rv_error());
                cr_expect(rv_optim_lr(o) > 0 && rv_optim_lr(o) <= 2);
            }
            rv_sched_free(s);
        }
    rv_optim_free(o);
    cr_expect(no_error());
}

/* Long after its first steps a schedule is as quick, and nothing overflows. */
Test(sched_wrong, far_away)
{
    RV_SCOPE;
    rv_optim *o = sgd(1);
    const int64_t far = INT64_MAX - 1;
    rv_sched *all[] = {rv_sched_restarts(NULL, .steps = 10),
                       rv_sched_cosine(NULL, .steps = 7),
                       rv_sched_restarts(NULL, .steps = 10, .multiplier = 3),
                       rv_sched_cyclic(NULL, .lr_max = 2, .step_size_up = INT64_MAX / 2),
                       rv_sched_polynomial(NULL, .steps = INT64_MAX),
                       rv_sched_inverse_time(NULL, .gamma = 1)};
    for (int i = 0; i < RV_COUNT(all); i++) {
        rv_optim_set_lr(o, 1);
        rv_sched *s = rv_sched_chained(o, RV_SCHEDS(all[i]));
        cr_assert_not_null(s, "%s", rv_error());
        rv_tensor *step = rv_zeros(RV_I64);
        *(int64_t *)rv_data(step) = far;
        const char *path = in_folder("far.safetensors");
        cr_assert(rv_safetensors_write(path,
                                       (const char *const[]){"schedule.step", "schedule.base_lr"},
                                       (rv_tensor *[]){step, rv_ones(RV_F64)}, 2));
        cr_assert(rv_load(path, s), "%s", rv_error());
        cr_expect(rv_sched_step(s), "%d: %s", i, rv_error());
        cr_expect(rv_optim_lr(o) >= 0 && rv_optim_lr(o) <= 2, "%d: %g", i, rv_optim_lr(o));
        cr_expect_not(rv_sched_step(s), "that was the last number");
        cr_expect(error_is(RV_ERROR_STATE, "it has made 9223372036854775807 steps"));
        rv_sched_free(s);
    }
    rv_optim_free(o);
}

/* ---- a state that cannot be ------------------------------------------------------------------ */

typedef struct change {
    const char *name;
    double value;
} change;

Test(sched_wrong, a_state_that_cannot_be)
{
    RV_SCOPE;
    rv_optim *o = sgd(1);
    rv_sched *s = rv_sched_chained(
        o, RV_SCHEDS(rv_sched_linear(NULL), rv_sched_plateau(NULL, .factor = 0.5)));
    static const change changes[][2] = {
        {{"step", -1}, {"step", 0}},
        {{"base_lr", (double)NAN}, {"base_lr", 1}},
        {{"base_lr", -1}, {"base_lr", 1}},
        {{"base_lr", (double)INFINITY}, {"base_lr", 1}},
        {{"1.best", (double)NAN}, {"1.best", 3}},
        {{"1.num_bad_epochs", -1}, {"1.num_bad_epochs", 0}},
        {{"1.cooldown_counter", 0.5}, {"1.cooldown_counter", 0}},
        {{"1.reductions", (double)INFINITY}, {"1.reductions", 0}},
        {{"1.reductions", (double)NAN}, {"1.reductions", 0}},
    };
    for (int i = 0; i < RV_COUNT(changes); i++) {
        cr_assert(write_state(s, changes[i][0].name, changes[i][0].value));
        const double lr = rv_optim_lr(o);
        cr_expect_not(rv_sched_step(s, 1.0), "%s", changes[i][0].name);
        cr_expect(error_is(RV_ERROR_STATE, "the state that was loaded is wrong"), "%d", i);
        cr_expect_eq(rv_optim_lr(o), lr);
        cr_assert(write_state(s, changes[i][1].name, changes[i][1].value));
    }
    cr_expect_eq(rv_sched_steps(s), 0);
    cr_expect(rv_sched_step(s, 1.0), "%s", rv_error());
    /* So many reductions take no longer than few. */
    cr_assert(write_state(s, "1.reductions", 0x1p53));
    cr_expect(rv_sched_step(s, 1.0), "%s", rv_error());
    cr_expect(rv_optim_lr(o) > 0 && rv_optim_lr(o) < 1e-7, "%g", rv_optim_lr(o));
    rv_sched_free(s);
    rv_optim_free(o);
}

Test(sched_wrong, names_of_the_state)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1), *q = LEAF(2);
    rv_optim *o = rv_optim_adam(RV_TENSORS(p));
    rv_optim_adam(RV_TENSORS(q), .join = o);
    rv_sched *s = rv_sched_sequential(
        o,
        RV_SCHEDS(rv_sched_linear(NULL),
                  rv_sched_chained(NULL, RV_SCHEDS(rv_sched_linear(NULL), rv_sched_plateau(NULL)))),
        .milestones = {5});
    char l[1000];
    cr_expect(list_state(s, true, sizeof l, l));
    cr_expect_str_eq(l, "step:I64[] base_lr:F64[2] 1.1.best:F64[] 1.1.num_bad_epochs:F64[] "
                        "1.1.cooldown_counter:F64[] 1.1.reductions:F64[] ");
    rv_sched_free(s);
    rv_optim_free(o);
}

/* A base of another number of groups does not load. */
Test(sched_wrong, a_file_that_does_not_fit)
{
    RV_SCOPE;
    const char *path = in_folder("schedule.safetensors");
    rv_optim *o = sgd(1);
    rv_sched *cosine = rv_sched_cosine(o, .steps = 5), *plateau = rv_sched_plateau(o);
    cr_assert(rv_sched_step(cosine) && rv_save(path, cosine));
    cr_expect_not(rv_load(path, plateau));
    cr_expect(error_is(RV_ERROR_STATE, "\"schedule.best\" is missing"));
    cr_expect_eq(rv_sched_steps(plateau), 0);
    rv_sched_free(cosine);
    rv_sched_free(plateau);
    rv_optim_free(o);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

/* Wherever memory ends in making one, the optimizer is as it was, and nothing leaks. */
Test(sched_wrong, out_of_memory)
{
    int failures = 0, successes = 0;
    for (size_t more = 0; more < 200000; more += 512) {
        RV_SCOPE;
        rv_finish();
        rv_optim *o = sgd(0.5);
        rv_memory_limit(rv_memory_usage().held + more);
        rv_sched *s = rv_sched_sequential(
            o, RV_SCHEDS(rv_sched_linear(NULL, .start_factor = 0.5), rv_sched_plateau(NULL)),
            .milestones = {5});
        rv_memory_limit(SIZE_MAX);
        successes += s != NULL;
        failures += s == NULL;
        cr_expect_eq(rv_optim_lr(o), s != NULL ? 0.25 : 0.5);
        cr_expect(s != NULL ? no_error() : error_is(RV_ERROR_MEMORY, "out of memory"));
        rv_sched_free(s);
        rv_optim_free(o);
    }
    cr_expect(successes > 1, "%d failed, %d did not", failures, successes);
}

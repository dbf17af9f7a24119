/* test_by_name.c - optimizers and schedules by name: each name makes what it says, with the values
 * that its list says, and nothing else is taken for a name. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

static rv_tensor *leaf(void)
{
    return rv_require_grad(waves(3, 4, 0.2));
}

/* Some steps with gradients that are known; frees the optimizer. A hash of where they end. */
static uint64_t walk(rv_optim *opt, rv_tensor *p)
{
    cr_assert_not_null(opt, "%s", rv_error());
    for (int i = 0; i < 7; i++) {
        cr_assert(rv_set_grad(p, waves(3, 4, 0.1 * i - 0.4)), "%s", rv_error());
        cr_assert(rv_optim_step(opt), "%s", rv_error());
    }
    rv_optim_free(opt);
    return hash_of(HASH_START, p);
}

/* ---- optimizers ------------------------------------------------------------------------------ */

/* Whether a name, with some options, walks as `make` with all options written out. */
#define EXPECT_SAME(make, given, ...)                                                              \
    do {                                                                                           \
        RV_SCOPE;                                                                                  \
        rv_tensor *a_ = leaf(), *b_ = leaf();                                                      \
        const uint64_t by_name_ = walk(NAMED(a_, EXPAND given), a_);                               \
        cr_expect(by_name_ == walk(make(RV_TENSORS(b_), .lr = __VA_ARGS__), b_), "%s by name: %s", \
                  #make, #given);                                                                  \
    } while (0)
#define EXPAND(...) __VA_ARGS__
#define NAMED(p, ...) NAMED_(p, __VA_ARGS__, .join = NULL)
#define NAMED_(p, name, ...) rv_optim_by_name(name, RV_TENSORS(p), __VA_ARGS__)

Test(by_name, the_defaults_of_each_are_those_of_the_list_and_the_methods)
{
    EXPECT_SAME(rv_optim_sgd, ("sgd"), 0.2);
    EXPECT_SAME(rv_optim_sgd, ("momentum"), 0.1, .momentum = 0.9);
    EXPECT_SAME(rv_optim_sgd, ("nesterov"), 0.1, .momentum = 0.9, .nesterov = true);
    EXPECT_SAME(rv_optim_adagrad, ("adagrad", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_adadelta, ("adadelta", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_rmsprop, ("rmsprop", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_adam, ("adam", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_adam, ("amsgrad", .lr = 0.3), 0.3, .amsgrad = true);
    EXPECT_SAME(rv_optim_adamw, ("adamw", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_adamax, ("adamax", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_nadam, ("nadam", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_radam, ("radam", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_rprop, ("rprop", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_asgd, ("asgd", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_lion, ("lion", .lr = 0.3), 0.3);
    EXPECT_SAME(rv_optim_muon, ("muon", .lr = 0.3), 0.3);
}

Test(by_name, options_reach_the_method)
{
    EXPECT_SAME(rv_optim_sgd, ("sgd", .momentum = 0.7, .weight_decay = 0.1, .nesterov = true), 0.2,
                .momentum = 0.7, .weight_decay = 0.1, .nesterov = true);
    EXPECT_SAME(rv_optim_sgd, ("momentum", .lr = 0.2, .momentum = 0), 0.2);
    EXPECT_SAME(rv_optim_rmsprop, ("rmsprop", .lr = 0.2, .momentum = 0.5), 0.2, .momentum = 0.5);
    EXPECT_SAME(rv_optim_adam, ("adam", .lr = 0.2, .momentum = 0.5, .weight_decay = 0.3), 0.2,
                .betas = {0.5, 0.999}, .weight_decay = 0.3);
    EXPECT_SAME(rv_optim_adamw, ("adamw", .lr = 0.2, .weight_decay = 0), 0.2, .weight_decay = 0);
    EXPECT_SAME(rv_optim_nadam, ("nadam", .lr = 0.2, .momentum = 0.5), 0.2, .betas = {0.5, 0.999});
    EXPECT_SAME(rv_optim_adamax, ("adamax", .lr = 0.2, .momentum = 0.5), 0.2,
                .betas = {0.5, 0.999});
    EXPECT_SAME(rv_optim_radam, ("radam", .lr = 0.2, .momentum = 0.5), 0.2, .betas = {0.5, 0.999});
    EXPECT_SAME(rv_optim_lion, ("lion", .lr = 0.2, .momentum = 0.5, .weight_decay = 0.1), 0.2,
                .betas = {0.5, 0.99}, .weight_decay = 0.1);
    EXPECT_SAME(rv_optim_muon, ("muon", .lr = 0.2, .momentum = 0.5, .weight_decay = 0), 0.2,
                .momentum = 0.5, .weight_decay = 0);
    EXPECT_SAME(rv_optim_adagrad, ("adagrad", .lr = 0.2, .weight_decay = 0.1), 0.2,
                .weight_decay = 0.1);
}

Test(by_name, every_name_has_the_learning_rate_of_the_list)
{
    RV_SCOPE;
#define CHECK(name, lr, ...)                                                        \
    {                                                                               \
        rv_tensor *p = leaf();                                                      \
        rv_optim *opt = rv_optim_by_name(#name, RV_TENSORS(p));                     \
        cr_assert_not_null(opt, "%s", rv_error());                                  \
        cr_expect_eq(rv_optim_lr(opt), lr, #name);                                  \
        cr_expect(strstr(rv_optim_names(), #name) != NULL, "%s", rv_optim_names()); \
        rv_optim_free(opt);                                                         \
    }
    RV_OPTIM_NAMES(CHECK)
#undef CHECK
    cr_expect(strncmp(rv_optim_names(), "sgd, momentum, ", 15) == 0, "%s", rv_optim_names());
}

Test(by_name, a_group_joins)
{
    RV_SCOPE;
    rv_tensor *a = leaf(), *b = leaf();
    rv_optim *opt = rv_optim_by_name("adam", RV_TENSORS(a), .lr = 0.1);
    cr_expect_eq(rv_optim_by_name("adam", RV_TENSORS(b), .lr = 0.2, .join = opt), opt);
    cr_expect_eq(rv_optim_groups(opt), 2);
    cr_expect_eq(rv_optim_group_lr(opt, 1), 0.2);
    rv_optim_free(opt);
}

Test(by_name, what_is_wrong_with_an_optimizer)
{
    RV_SCOPE;
    rv_tensors p = RV_TENSORS(leaf());
    cr_expect_null(rv_optim_by_name("sdg", p));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "there is no sdg; expected one of sgd, momentum, "));
    cr_expect_null(rv_optim_by_name("", p));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "expected one of"));
    cr_expect_null(rv_optim_by_name("adam,", p));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "there is no adam,"));
    cr_expect_null(rv_optim_by_name(NULL, p));
    cr_expect(error_is(RV_ERROR_NULL, "name is NULL"));
    cr_expect_null(rv_optim_by_name_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "options are NULL"));
    cr_expect_null(rv_optim_by_name("adagrad", p, .momentum = 0.9));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "adagrad has no momentum"));
    cr_expect_null(rv_optim_by_name("rprop", p, .weight_decay = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "rprop has no weight_decay"));
    cr_expect_null(rv_optim_by_name("adam", p, .nesterov = true));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "adam has no nesterov"));
    cr_expect_null(rv_optim_by_name("sgd", p, .nesterov = true));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "nesterov"));
    for (int i = 0; i < 3; i++) {
        const double bad = ((double[]){(double)NAN, -0.1, (double)INFINITY})[i];
        cr_expect_null(rv_optim_by_name("adam", p, .lr = bad));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "lr"));
        cr_expect_null(rv_optim_by_name("adam", p, .momentum = bad));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "betas[0]"));
        cr_expect_null(rv_optim_by_name("adam", p, .weight_decay = bad));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "weight_decay"));
    }
    cr_expect_null(rv_optim_by_name("adam", p, .lr = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "lr"));
    cr_expect_null(rv_optim_by_name("muon", RV_TENSORS(rv_require_grad(VECTOR(1, 2)))));
    cr_expect(error_is(RV_ERROR_SHAPE, "muon"));
}

/* ---- methods that evaluate the loss again ---------------------------------------------------- */

static rv_tensor *bowl(void *context)
{
    rv_tensor *p = context, *bent = rv_add(p, rv_square(rv_square(p)));
    return rv_sum(rv_mul(rv_square(bent), waves(3, 4, 1.5)));
}

/* A hash of where seven iterations end, and of how many evaluations they took; frees it. */
static uint64_t walk_down(rv_optim *opt, rv_tensor *p)
{
    cr_assert_not_null(opt, "%s", rv_error());
    const rv_optim_result r = rv_optim_minimize(opt, bowl, p, .max_iter = 7);
    cr_assert_neq(r.status, RV_OPTIM_FAILED, "%s", rv_error());
    cr_expect_eq(r.iterations, 7, "%s", r.reason);
    rv_optim_free(opt);
    return hash_of(HASH_START + (uint64_t)r.evaluations, p);
}

/* As EXPECT_SAME. */
#define EXPECT_SAME_DOWN(make, given, ...)                                                    \
    do {                                                                                      \
        RV_SCOPE;                                                                             \
        rv_tensor *a_ = leaf(), *b_ = leaf();                                                 \
        const uint64_t by_name_ = walk_down(NAMED(a_, EXPAND given), a_);                     \
        cr_expect(by_name_ == walk_down(make(RV_TENSORS(b_), __VA_ARGS__, .join = NULL), b_), \
                  "%s by name: %s", #make, #given);                                           \
    } while (0)

Test(by_name, methods_that_minimize)
{
    EXPECT_SAME_DOWN(rv_optim_lbfgs, ("lbfgs"), .lr = 1, .history = 10);
    EXPECT_SAME_DOWN(rv_optim_lbfgs, ("lbfgs", .lr = 0.3, .history = 2), .lr = 0.3, .history = 2);
    EXPECT_SAME_DOWN(rv_optim_bfgs, ("bfgs"), .lr = 1);
    EXPECT_SAME_DOWN(rv_optim_bfgs, ("bfgs", .lr = 0.3), .lr = 0.3);
    EXPECT_SAME_DOWN(rv_optim_bfgs, ("ssbfgs"), .update = RV_BFGS_SELF_SCALED);
    EXPECT_SAME_DOWN(rv_optim_bfgs, ("ssbroyden"), .update = RV_BFGS_SELF_SCALED_BROYDEN);
    EXPECT_SAME_DOWN(rv_optim_cg, ("cg"), .lr = 1);
    EXPECT_SAME_DOWN(rv_optim_newton_cg, ("newton-cg", .lr = 0.2), .lr = 0.2);
    EXPECT_SAME_DOWN(rv_optim_random_search, ("random", .lr = 0.2), .lr = 0.2);
}

Test(by_name, every_method_that_minimizes_is_listed_and_takes_max_iter)
{
#define CHECK(identifier, name, ...)                                              \
    if (RV_BLAS || strcmp(name, "newton") != 0) { /* which needs LAPACK */        \
        RV_SCOPE;                                                                 \
        rv_tensor *p = leaf();                                                    \
        rv_optim *opt = rv_optim_by_name(name, RV_TENSORS(p), .max_iter = 3);     \
        cr_assert_not_null(opt, "%s", rv_error());                                \
        cr_expect(strstr(rv_minimizer_names(), name) != NULL, "%s", name);        \
        cr_expect(strstr(rv_optim_names(), name) == NULL, "%s", name);            \
        cr_expect_eq(rv_optim_minimize(opt, bowl, p).iterations, 3, name);        \
        rv_optim_free(opt);                                                       \
        cr_expect_null(rv_optim_by_name(name, RV_TENSORS(p), .max_iter = 0));     \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "max_iter is 0"));                  \
        cr_expect_null(rv_optim_by_name(name, RV_TENSORS(p), .momentum = 0.9));   \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "has no momentum"));                \
        cr_expect_null(rv_optim_by_name(name, RV_TENSORS(p), .weight_decay = 0)); \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "has no weight_decay"));            \
        cr_expect_null(rv_optim_by_name(name, RV_TENSORS(p), .nesterov = true));  \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "has no nesterov"));                \
        cr_expect_null(rv_optim_by_name(name, RV_TENSORS(p), .lr = 0));           \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "lr"));                             \
    }
    RV_MINIMIZER_NAMES(CHECK)
#undef CHECK
    cr_expect(strncmp(rv_minimizer_names(), "lbfgs, bfgs, ", 13) == 0, "%s", rv_minimizer_names());
}

/* Residuals whose squares are the bowl's, nearly. */
static rv_tensor *residuals(void *context)
{
    rv_tensor *p = context;
    return rv_flatten(rv_add(p, rv_square(rv_square(p))), 0, -1);
}

Test(by_name, methods_for_sums_of_squares)
{
    for (int i = 0; i < 2; i++) {
        RV_SCOPE;
        rv_tensor *a = leaf(), *b = leaf();
        const char *name = i == 0 ? "lm" : "gauss-newton";
        rv_optim *by_name = rv_optim_by_name(name, RV_TENSORS(a), .max_iter = 3);
        rv_optim *direct = i == 0 ? rv_optim_levenberg_marquardt(RV_TENSORS(b), .max_iter = 3)
                                  : rv_optim_gauss_newton(RV_TENSORS(b), .max_iter = 3);
        cr_assert(by_name != NULL && direct != NULL, "%s", rv_error());
        const rv_optim_result r = rv_optim_minimize(by_name, residuals, a);
        const rv_optim_result s = rv_optim_minimize(direct, residuals, b);
        cr_expect_eq(r.status, s.status);
        if (r.status == RV_OPTIM_FAILED)
            cr_expect(error_is(RV_ERROR_BUILD, "LAPACK")); /* of a build without it */
        else
            cr_expect_eq(r.iterations, 3, "%s: %s", name, r.reason);
        cr_expect_eq(hash_of(HASH_START, a), hash_of(HASH_START, b), "%s", name);
        cr_expect(strstr(rv_least_squares_names(), name) != NULL);
        cr_expect(strstr(rv_minimizer_names(), name) == NULL);
        rv_optim_free(by_name);
        rv_optim_free(direct);
        cr_expect_null(rv_optim_by_name(name, RV_TENSORS(a), .history = 3));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "has no history"));
    }
}

Test(by_name, counts_that_a_method_does_not_have)
{
    RV_SCOPE;
    const rv_tensors p = RV_TENSORS(leaf());
    cr_expect_null(rv_optim_by_name("lbfgs", p, .history = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "history is 0"));
    cr_expect_null(rv_optim_by_name("bfgs", p, .history = 5));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "bfgs has no history"));
    cr_expect_null(rv_optim_by_name("adam", p, .history = 5));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "adam has no history"));
    cr_expect_null(rv_optim_by_name("sgd", p, .max_iter = 5));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sgd has no max_iter"));
}

/* ---- schedules ------------------------------------------------------------------------------- */

enum { STEPS = 60 };
static const double BASE = 0.4;

/* The learning rates, and momenta, of a name at the steps from 0 to STEPS. */
static void run_named(const char *name, double *lr, double *momentum)
{
    RV_SCOPE;
    rv_optim *opt = rv_optim_adam(RV_TENSORS(leaf()), .lr = BASE);
    rv_sched *sched = rv_sched_by_name(name, opt, .steps = STEPS);
    cr_assert_not_null(sched, "%s: %s", name, rv_error());
    for (int t = 0; t <= STEPS; t++) {
        lr[t] = rv_optim_lr(opt);
        momentum[t] = rv_optim_group_momentum(opt, 0);
        cr_assert(t == STEPS || rv_sched_step(sched, 1.0), "%s: %s", name, rv_error());
    }
    rv_sched_free(sched);
    rv_optim_free(opt);
}

/* Half a wave from 1 down to 0. */
static double wave(double part)
{
    return (1 + cos(acos(-1) * part)) / 2;
}

/* What the header says of the learning rate, as a share of the base, at step t. */
static double said(const char *name, int t)
{
    const double part = (double)t / STEPS;
    if (strcmp(name, "step") == 0)
        return t < 21 ? 1 : t < 42 ? 0.1 : 0.01;
    if (strcmp(name, "multi_step") == 0)
        return t < 30 ? 1 : t < 45 ? 0.1 : 0.01;
    if (strcmp(name, "exponential") == 0)
        return pow(0.01, part);
    if (strcmp(name, "inverse_time") == 0)
        return 1 / (1 + 9 * part);
    if (strcmp(name, "polynomial") == 0)
        return 1 - part;
    if (strcmp(name, "linear") == 0)
        return t < 6 ? (1 + 2 * t / 6.0) / 3 : 1;
    if (strcmp(name, "cosine") == 0)
        return wave(part);
    if (strcmp(name, "restarts") == 0) /* waves of 9, 18 and 36 */
        return t < 9 ? wave(t / 9.0) : t < 27 ? wave((t - 9) / 18.0) : wave((t - 27) / 36.0);
    if (strcmp(name, "warmup_cosine") == 0)
        return t < 6 ? 0.01 + 0.99 * t / 6.0 : wave((t - 6) / 54.0);
    if (strcmp(name, "cyclic") == 0)
        return 0.1 + 0.9 * (1 - fabs(t % 20 - 10.0) / 10);
    if (strcmp(name, "one_cycle") == 0) {
        const double t_last = STEPS - 1;
        return t <= 17 ? 1 + (0.04 - 1) * wave(t / 17.0)
                       : 4e-6 + (1 - 4e-6) * wave(fmin((t - 17) / (t_last - 17), 1));
    }
    if (strcmp(name, "plateau") == 0) /* the metric is always the same */
        return pow(0.5, (t - 1) / 3);
    return 1;
}

Test(by_name, schedules_do_what_the_header_says)
{
#define CHECK(name)                                                                          \
    {                                                                                        \
        double lr[STEPS + 1], momentum[STEPS + 1];                                           \
        run_named(#name, lr, momentum);                                                      \
        for (int t = 0; t <= STEPS; t++) {                                                   \
            const double want = BASE * said(#name, t);                                       \
            cr_expect(fabs(lr[t] - want) <= 1e-12 * want + 1e-16, "%s, step %d: %g, not %g", \
                      #name, t, lr[t], want);                                                \
        }                                                                                    \
        const bool cycles = strcmp(#name, "cyclic") == 0 || strcmp(#name, "one_cycle") == 0; \
        cr_expect_eq(momentum[7] != momentum[0], cycles, "%s: its momentum", #name);         \
        cr_expect(strstr(rv_sched_names(), #name) != NULL, "%s", rv_sched_names());          \
    }
    RV_SCHED_NAMES(CHECK)
#undef CHECK
    cr_expect(strncmp(rv_sched_names(), "constant, step, ", 16) == 0, "%s", rv_sched_names());
}

Test(by_name, schedules_of_one_step_and_without_a_momentum)
{
    RV_SCOPE;
#define CHECK(name)                                                                \
    {                                                                              \
        rv_optim *opt = rv_optim_sgd(RV_TENSORS(leaf()), .lr = BASE);              \
        rv_sched *sched = rv_sched_by_name(#name, opt, .steps = 1);                \
        cr_assert_not_null(sched, "%s: %s", #name, rv_error());                    \
        cr_expect(rv_sched_step(sched, 1.0), "%s: %s", #name, rv_error());         \
        cr_expect(rv_optim_lr(opt) >= 0 && rv_optim_lr(opt) <= BASE, "%s", #name); \
        rv_sched_free(sched);                                                      \
        rv_optim_free(opt);                                                        \
    }
    RV_SCHED_NAMES(CHECK)
#undef CHECK
}

/* The waves fit exactly where they can: 1, 2 and 4 steps make 7. */
Test(by_name, restarts_of_seven_steps)
{
    RV_SCOPE;
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(leaf()), .lr = BASE);
    rv_sched *sched = rv_sched_by_name("restarts", opt, .steps = 7);
    const double shares[] = {1, 1, 0.5, 1, wave(0.25), 0.5, wave(0.75), 1};
    for (int t = 0; t <= 7; t++) {
        cr_expect_float_eq(rv_optim_lr(opt), BASE * shares[t], 1e-15, "step %d", t);
        cr_assert(rv_sched_step(sched));
    }
    rv_sched_free(sched);
    rv_optim_free(opt);
}

Test(by_name, more_steps_than_anybody_makes)
{
    RV_SCOPE;
#define CHECK(name)                                                               \
    {                                                                             \
        rv_optim *opt = rv_optim_sgd(RV_TENSORS(leaf()), .lr = BASE);             \
        rv_sched *sched = rv_sched_by_name(#name, opt, .steps = INT64_MAX);       \
        cr_assert_not_null(sched, "%s: %s", #name, rv_error());                   \
        cr_expect(rv_sched_step(sched, 1.0), "%s: %s", #name, rv_error());        \
        cr_expect(rv_optim_lr(opt) > 0 && rv_optim_lr(opt) <= BASE, "%s", #name); \
        rv_sched_free(sched);                                                     \
        rv_optim_free(opt);                                                       \
    }
    RV_SCHED_NAMES(CHECK)
#undef CHECK
}

Test(by_name, plateau_looks_at_what_is_better)
{
    RV_SCOPE;
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(leaf()), .lr = BASE);
    rv_sched *sched = rv_sched_by_name("plateau", opt, .steps = 9, .mode = RV_SCHED_MORE_IS_BETTER);
    for (int t = 0; t < 8; t++)
        cr_assert(rv_sched_step(sched, 0.1 * t));
    cr_expect_eq(rv_optim_lr(opt), BASE, "an accuracy that rises is no plateau");
    rv_sched_free(sched);
    rv_optim_free(opt);
}

Test(by_name, cycles_keep_the_rates_of_groups)
{
    for (int i = 0; i < 2; i++) {
        RV_SCOPE;
        rv_optim *opt = rv_optim_sgd(RV_TENSORS(leaf()), .lr = 0.4, .momentum = 0.9);
        rv_optim_sgd(RV_TENSORS(leaf()), .lr = 0.2, .momentum = 0.9, .join = opt);
        rv_sched *sched = rv_sched_by_name(i == 0 ? "cyclic" : "one_cycle", opt, .steps = 60);
        cr_assert_not_null(sched, "%s", rv_error());
        for (int t = 0; t < 13; t++) {
            cr_expect_float_eq(rv_optim_group_lr(opt, 0), 2 * rv_optim_group_lr(opt, 1), 1e-12);
            cr_assert(rv_sched_step(sched));
        }
        rv_sched_free(sched);
        rv_optim_free(opt);
    }
}

Test(by_name, what_is_wrong_with_a_schedule)
{
    RV_SCOPE;
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(leaf()), .lr = BASE, .momentum = 0.5);
    cr_expect_null(rv_sched_by_name("cosinus", opt, .steps = 5));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "there is no cosinus; expected one of constant, "));
    cr_expect_null(rv_sched_by_name(NULL, opt, .steps = 5));
    cr_expect(error_is(RV_ERROR_NULL, "name is NULL"));
    cr_expect_null(rv_sched_by_name("cosine", NULL, .steps = 5));
    cr_expect(error_is(RV_ERROR_NULL, "optimizer is NULL"));
    cr_expect_null(rv_sched_by_name_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "options are NULL"));
    cr_expect_null(rv_sched_by_name("cosine", opt));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "steps is 0"));
    cr_expect_null(rv_sched_by_name("plateau", opt, .steps = 5, .mode = (rv_sched_mode)7));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "mode"));
    cr_expect_eq(rv_optim_lr(opt), BASE);
    cr_expect_eq(rv_optim_group_momentum(opt, 0), 0.5);

    /* A cycle that fails: the base is put back. */
    for (int g = 1; g <= RV_SCHED_MOST_PEAKS; g++)
        rv_optim_sgd(RV_TENSORS(leaf()), .lr = BASE, .momentum = 0.5, .join = opt);
    for (int i = 0; i < 2; i++) {
        cr_expect_null(rv_sched_by_name(i == 0 ? "cyclic" : "one_cycle", opt, .steps = 5));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "17 groups; 16 are possible"));
        cr_expect_eq(rv_optim_lr(opt), BASE);
    }
    rv_optim_free(opt);
}

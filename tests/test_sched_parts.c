/* test_sched_parts.c - schedules made of others, and schedules of a user's own. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <math.h>

#include "files.h"
#include "helpers.h"

TestSuite(sched_parts, .init = make_folder, .fini = remove_folder);

#define LEAF(...) rv_require_grad(VECTOR(__VA_ARGS__))
#define FAILS(call, status, part)                     \
    do {                                              \
        cr_expect_null(call);                         \
        cr_expect(error_is(RV_ERROR_##status, part)); \
    } while (0)

static const double nan_ = (double)NAN;

static rv_optim *sgd(double lr)
{
    rv_tensor *p = LEAF(1, 2);
    return rv_optim_sgd(RV_TENSORS(p), .lr = lr, .momentum = 0.9);
}

/* ---- parts ----------------------------------------------------------------------------------- */

Test(sched_parts, parts)
{
    RV_SCOPE;
    rv_optim *o = sgd(0.1);
    rv_sched *part = rv_sched_linear(NULL);
    cr_expect_not(rv_sched_step(part));
    cr_expect(error_is(RV_ERROR_STATE, "sched_step: the schedule was made without an optimizer"));
    cr_expect(isnan(rv_sched_lr(part)));
    cr_expect(error_is(RV_ERROR_STATE, "sched_lr: the schedule was made without"));
    cr_expect_eq(rv_sched_steps(part), -1);
    cr_expect(error_is(RV_ERROR_STATE, "sched_steps"));
    cr_expect_not(rv_save(in_folder("part.safetensors"), part));
    cr_expect(error_is(RV_ERROR_STATE, "it is a part"));

    FAILS(rv_sched_chained(o, .parts = {0}), ARGUMENT, "sched_chained: there are no parts");
    FAILS(rv_sched_chained(o, RV_SCHEDS(part, NULL)), NULL, "sched_chained: part 1 is NULL");
    /* `part` was taken over, and is gone. */
    FAILS(rv_sched_chained(o, RV_SCHEDS(rv_sched_linear(o), rv_sched_linear(NULL))), ARGUMENT,
          "part 0 has an optimizer");
    rv_optim_set_lr(o, 0.1);
    part = rv_sched_linear(NULL);
    FAILS(rv_sched_chained(o, RV_SCHEDS(part, part)), ARGUMENT, "part 1 is a part already");
    part = rv_sched_linear(NULL);
    rv_sched *whole = rv_sched_chained(NULL, RV_SCHEDS(part));
    FAILS(rv_sched_chained(o, RV_SCHEDS(rv_sched_linear(NULL), part)), ARGUMENT,
          "part 1 is a part already");
    rv_sched_free(whole);
    rv_layer *layer = rv_layer_relu();
    FAILS(rv_sched_chained(o, RV_SCHEDS((rv_sched *)(void *)layer)), ARGUMENT,
          "this is not a schedule");
    rv_layer_free(layer);
    FAILS(rv_sched_chained(o, RV_SCHEDS(rv_sched_cosine(NULL), rv_sched_linear(NULL))), ARGUMENT,
          "sched_cosine: steps is 0");

#define TWO RV_SCHEDS(rv_sched_linear(NULL), rv_sched_linear(NULL))
#define THREE RV_SCHEDS(rv_sched_linear(NULL), rv_sched_linear(NULL), rv_sched_linear(NULL))
    FAILS(rv_sched_sequential(o, TWO), ARGUMENT, "sched_sequential: 2 parts and 0 milestones");
    FAILS(rv_sched_sequential(o, TWO, .milestones = {1, 2}), ARGUMENT, "2 parts and 2 milestones");
    FAILS(rv_sched_sequential(o, TWO, .milestones = {-1}), ARGUMENT, "milestones[0] is -1");
    FAILS(rv_sched_sequential(o, THREE, .milestones = {5, 5}), ARGUMENT,
          "milestones[1] is 5, after 5; a larger one is expected");
    FAILS(rv_sched_sequential(o, .parts = {0}), ARGUMENT, "sched_sequential: there are no parts");
    cr_expect_eq(rv_optim_lr(o), 0.1);

    whole = rv_sched_linear(NULL);
    int deep = 0;
    while (whole != NULL && deep < 100) {
        whole = rv_sched_chained(NULL, RV_SCHEDS(whole));
        deep += whole != NULL;
    }
    cr_expect(error_is(RV_ERROR_ARGUMENT, "schedules are at most 32 deep"));
    cr_expect_eq(deep, 32);
    rv_optim_free(o);
}

/* A warm-up chained with a plateau, and a sequence in a chain: the product, and the plateau counts.
 */
Test(sched_parts, parts_in_parts)
{
    RV_SCOPE;
    rv_optim *o = sgd(8);
    rv_sched *s = rv_sched_chained(
        o, RV_SCHEDS(rv_sched_sequential(NULL,
                                         RV_SCHEDS(rv_sched_constant(NULL, .factor = 0.25),
                                                   rv_sched_exponential(NULL, .gamma = 0.5)),
                                         .milestones = {2}),
                     rv_sched_plateau(NULL, .factor = 0.5, .patience = 0)));
    cr_assert_not_null(s, "%s", rv_error());
    static const double metrics[] = {9, 8, 8, 7, 8}, want[] = {2, 8, 2, 1, 0.25};
    cr_expect_eq(rv_optim_lr(o), 2);
    for (int i = 0; i < RV_COUNT(metrics); i++) {
        cr_expect(rv_sched_step(s, metrics[i]), "%s", rv_error());
        cr_expect_eq(rv_optim_lr(o), want[i], "step %d: %g", i + 1, rv_optim_lr(o));
    }
    rv_sched_free(s);
    rv_optim_free(o);
}

/* A plateau in a sequence looks at metrics when its turn has come. */
Test(sched_parts, a_plateau_waits_its_turn)
{
    RV_SCOPE;
    rv_optim *o = sgd(8);
    rv_sched *s =
        rv_sched_sequential(o,
                            RV_SCHEDS(rv_sched_constant(NULL, .factor = 0.5),
                                      rv_sched_plateau(NULL, .factor = 0.5, .patience = 0)),
                            .milestones = {3});
    static const double want[] = {4, 4, 8, 8, 4, 2};
    for (int i = 0; i < RV_COUNT(want); i++) {
        cr_expect(i < 3 ? rv_sched_step(s) : rv_sched_step(s, 1.0), "%s", rv_error());
        cr_expect_eq(rv_optim_lr(o), want[i], "step %d: %g", i + 1, rv_optim_lr(o));
    }
    cr_expect_not(rv_sched_step(s));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sched_plateau needs a metric"));
    rv_sched_free(s);
    rv_optim_free(o);
}

/* What rv_optim_set_lr sets lasts until the next step. */
Test(sched_parts, the_schedule_owns_the_learning_rate)
{
    RV_SCOPE;
    rv_optim *o = sgd(8);
    rv_sched *s = rv_sched_exponential(o, .gamma = 0.5);
    rv_optim_set_lr(o, 100);
    cr_expect(rv_sched_step(s) && rv_optim_lr(o) == 4);
    rv_sched_free(s);
    rv_optim_free(o);
}

/* ---- a user's own ---------------------------------------------------------------------------- */

typedef struct own_options {
    rv_optim *optimizer;
    double half_life;
} own_options;

static bool own_validate(const void *options)
{
    const own_options *o = options;
    return o->half_life > 0 || rv_fail(RV_ERROR_ARGUMENT, "own", "half_life is %g", o->half_life);
}

static double own_lr(const rv_sched_point *at)
{
    const own_options *o = at->options;
    return at->base * exp2(-(double)at->step / o->half_life) * (double)(1 + at->group) +
           at->state[1];
}

static double own_start(const void *options, int i)
{
    return i == 1 ? ((const own_options *)options)->half_life : 0;
}

/* Forgets half of what it knew, and breaks at 13. */
static bool own_observe(double metric, const void *options, double *state)
{
    (void)options;
    state[0]++;
    state[1] = state[1] / 2 + metric;
    return metric != 13 || rv_fail(RV_ERROR_ARGUMENT, "own", "13 is not wanted");
}

static const rv_sched_class own_class = {.name = "own",
                                         .options_size = sizeof(own_options),
                                         .validate = own_validate,
                                         .lr = own_lr,
                                         .state_count = 2,
                                         .state_names = {"seen", "memory"},
                                         .state_start = own_start,
                                         .observe = own_observe};

Test(sched_parts, a_users_own)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1), *q = LEAF(2);
    rv_optim *o = rv_optim_adam(RV_TENSORS(p), .lr = 8);
    rv_optim_adam(RV_TENSORS(q), .lr = 16, .join = o);
    FAILS(rv_sched_new(&own_class, &(own_options){o, -1}), ARGUMENT, "own: half_life is -1");
    FAILS(rv_sched_new(&own_class, NULL), NULL, "own: the options are NULL");
    rv_sched *s = rv_sched_new(&own_class, &(own_options){o, 2});
    cr_assert_not_null(s, "%s", rv_error());
    cr_expect(rv_optim_group_lr(o, 0) == 8 + 2 && rv_optim_group_lr(o, 1) == 32 + 2);
    cr_expect(rv_sched_step(s, 3.0) && rv_sched_step(s, 4.0), "%s", rv_error());
    cr_expect_eq(rv_optim_group_lr(o, 0), 4 + 6);
    cr_expect_eq(rv_optim_group_lr(o, 1), 16 + 6);

    cr_expect_not(rv_sched_step(s, 13.0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "own: 13 is not wanted"));
    cr_expect_not(rv_sched_step(s, -100.0), "a learning rate below 0");
    cr_expect(error_is(RV_ERROR_STATE, "sched_step: the learning rate of group 0 would be -"));
    cr_expect_eq(rv_optim_group_lr(o, 0), 4 + 6);
    cr_expect_eq(rv_sched_steps(s), 2);
    cr_expect_eq(rv_sched_lr(s), 4 + 6, "what it observed is as before");

    const char *path = in_folder("own.safetensors");
    cr_assert(rv_save(path, s) && rv_sched_step(s, 1.0));
    const double next = rv_optim_group_lr(o, 1);
    cr_assert(rv_load(path, s) && rv_sched_step(s, 1.0), "%s", rv_error());
    cr_expect_eq(rv_optim_group_lr(o, 1), next);
    rv_sched_free(s);
    rv_optim_free(o);
}

static double not_a_number(int64_t t, void *context)
{
    return t == *(int64_t *)context ? nan_ : 1;
}

Test(sched_parts, a_users_function)
{
    RV_SCOPE;
    rv_optim *o = sgd(0.1);
    int64_t when = 0;
    FAILS(rv_sched_lambda(o, not_a_number, &when), STATE,
          "sched_lambda: the learning rate of group 0 would be ");
    when = 2;
    rv_sched *s = rv_sched_lambda(o, not_a_number, &when);
    cr_expect(rv_sched_step(s));
    cr_expect_not(rv_sched_step(s));
    cr_expect(error_is(RV_ERROR_STATE, "at step 2"));
    cr_expect_eq(rv_optim_lr(o), 0.1);
    rv_sched_free(s);
    rv_optim_free(o);
}

Test(sched_parts, classes)
{
    rv_sched_class c = own_class;
    const own_options options = {NULL, 1};
    FAILS(rv_sched_new(NULL, &options), NULL, "sched_new: the class or its name is NULL");
    c.name = NULL;
    FAILS(rv_sched_new(&c, &options), NULL, "sched_new: the class or its name is NULL");
    c = own_class;
    c.lr = NULL;
    FAILS(rv_sched_new(&c, &options), NULL, "own has no function lr");
    c = own_class;
    c.options_size = 4;
    FAILS(rv_sched_new(&c, &options), ARGUMENT, "the options of own have 4 bytes");
    c = own_class;
    c.state_count = 9;
    FAILS(rv_sched_new(&c, &options), ARGUMENT, "own keeps 9 numbers; 0 to 8");
    c.state_count = -1;
    FAILS(rv_sched_new(&c, &options), ARGUMENT, "own keeps -1 numbers");
    c.state_count = 3;
    FAILS(rv_sched_new(&c, &options), NULL, "the name of own's state 2 is NULL");
    c.state_count = 0;
    FAILS(rv_sched_new(&c, &options), ARGUMENT, "own keeps 0 numbers, and has a function observe");
    c = own_class;
    c.observe = NULL;
    FAILS(rv_sched_new(&c, &options), ARGUMENT, "own keeps 2 numbers, and has no function observe");
}

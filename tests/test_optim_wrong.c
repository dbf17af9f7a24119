/* test_optim_wrong.c - whatever is wrong about an optimizer is an error that names it, and changes
 * nothing. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

#define LEAF(...) rv_require_grad(VECTOR(__VA_ARGS__))
#define SET_GRAD(p, ...) cr_assert(rv_set_grad((p), VECTOR(__VA_ARGS__)))
#define FAILS(call, status, part)                     \
    do {                                              \
        cr_expect_null(call);                         \
        cr_expect(error_is(RV_ERROR_##status, part)); \
    } while (0)

/* ---- options --------------------------------------------------------------------------------- */

/* Each is tried with numbers that are not finite, too. */
#define NUMBER_WRONG(make, p, option, name, low)                               \
    do {                                                                       \
        FAILS(make(p, option = low), ARGUMENT, name " is ");                   \
        FAILS(make(p, option = (double)NAN), ARGUMENT, name " is ");           \
        FAILS(make(p, option = (double)INFINITY), ARGUMENT, name " is inf");   \
        FAILS(make(p, option = -(double)INFINITY), ARGUMENT, name " is -inf"); \
    } while (0)

/* What all methods have. */
#define COMMON_WRONG(make, p, name)                                                              \
    do {                                                                                         \
        NUMBER_WRONG(make, p, .lr, name ": lr", 0);                                              \
        NUMBER_WRONG(make, p, .lr, name ": lr", -0.5);                                           \
        NUMBER_WRONG(make, p, .weight_decay, name ": weight_decay", -1e-9);                      \
        NUMBER_WRONG(make, p, .l1_decay, name ": l1_decay", -1e-9);                              \
        FAILS(make(p, .nonfinite = (rv_optim_nonfinite)3), ARGUMENT, name ": nonfinite is 3");   \
        FAILS(make(p, .nonfinite = (rv_optim_nonfinite)-1), ARGUMENT, name ": nonfinite is -1"); \
    } while (0)

Test(optim_wrong, options)
{
    RV_SCOPE;
    rv_tensor *t = LEAF(1, 2);
    const rv_tensors p = RV_TENSORS(t);
    COMMON_WRONG(rv_optim_sgd, p, "optim_sgd");
    NUMBER_WRONG(rv_optim_sgd, p, .momentum, "optim_sgd: momentum", -0.1);
    NUMBER_WRONG(rv_optim_sgd, p, .dampening, "optim_sgd: dampening", -1);
    FAILS(rv_optim_sgd(p, .nesterov = true), ARGUMENT,
          "nesterov needs momentum > 0 and dampening 0, and they are 0 and 0");
    FAILS(rv_optim_sgd(p, .nesterov = true, .momentum = 0.9, .dampening = 0.1), ARGUMENT,
          "they are 0.9 and 0.1");
    FAILS(rv_optim_sgd_with(NULL), NULL, "optim_sgd: the options are NULL");
    COMMON_WRONG(rv_optim_adam, p, "optim_adam");
    NUMBER_WRONG(rv_optim_adam, p, .eps, "optim_adam: eps", -1e-8);
    FAILS(rv_optim_adam_with(NULL), NULL, "optim_adam: the options are NULL");
    COMMON_WRONG(rv_optim_adamw, p, "optim_adamw");
    NUMBER_WRONG(rv_optim_adamw, p, .eps, "optim_adamw: eps", -1e-8);
    FAILS(rv_optim_adamw_with(NULL), NULL, "optim_adamw: the options are NULL");
    const double bad[] = {1, 1.5, -0.1, (double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        FAILS(rv_optim_adam(p, .betas = {bad[i], 0.9}), ARGUMENT, "optim_adam: betas[0] is ");
        FAILS(rv_optim_adam(p, .betas = {0.9, bad[i]}), ARGUMENT, "optim_adam: betas[1] is ");
        FAILS(rv_optim_adamw(p, .betas = {bad[i], 0.9}), ARGUMENT, "optim_adamw: betas[0] is ");
        FAILS(rv_optim_adamw(p, .betas = {0.9, bad[i]}), ARGUMENT, "optim_adamw: betas[1] is ");
    }
    cr_expect_eq(t->object.references, 1, "nothing holds it");
}

static bool only_matrices(const void *options, const rv_tensor *p)
{
    (void)options;
    return p->ndim == 2 || rv_fail(RV_ERROR_SHAPE, "plain", "%s is no matrix", RV_SHAPE_OF(p));
}

static rv_tensor *plain_update(rv_optim_update *u)
{
    return rv_sub(u->parameter, u->gradient);
}

static const rv_optim_class plain_class = {
    .name = "plain", .accepts = only_matrices, .update = plain_update};
static const rv_optim_class refusing_class = {.name = "refusing",
                                              .refuses =
                                                  RV_OPTIM_NO_WEIGHT_DECAY | RV_OPTIM_NO_DECOUPLED |
                                                  RV_OPTIM_NO_L1_DECAY | RV_OPTIM_NO_MAXIMIZE,
                                              .update = plain_update};
#define REFUSING(p, ...) \
    rv_optim_new(&refusing_class, &(rv_optim_common){.parameters = p, .lr = 1, __VA_ARGS__})

/* What a class refuses, of options and of parameters. */
Test(optim_wrong, what_a_class_refuses)
{
    RV_SCOPE;
    rv_tensor *t = LEAF(1, 2), *matrix = rv_require_grad(rv_ones(RV_F64, 2, 2));
    const rv_tensors p = RV_TENSORS(t);
    FAILS(REFUSING(p, .weight_decay = 0.1), ARGUMENT, "refusing: weight_decay is set");
    FAILS(REFUSING(p, .l1_decay = 0.1), ARGUMENT, "refusing: l1_decay is set");
    FAILS(REFUSING(p, .decoupled = true), ARGUMENT, "refusing: decoupled is set");
    FAILS(REFUSING(p, .maximize = true), ARGUMENT, "refusing: maximize is set");
    rv_optim *opt = REFUSING(p, .nonfinite = RV_NONFINITE_SKIP);
    cr_expect_not_null(opt);
    cr_expect(!rv_optim_has_momentum(opt));
    cr_expect(isnan(rv_optim_group_momentum(opt, 0)));
    cr_expect(error_is(RV_ERROR_STATE, "optim_group_momentum: refusing has no momentum"));
    cr_expect_not(rv_optim_set_group_momentum(opt, 0, 0.5));
    cr_expect(error_is(RV_ERROR_STATE, "optim_set_group_momentum: refusing has no momentum"));
    rv_optim_free(opt);
    const rv_optim_common both = {.parameters = RV_TENSORS(matrix, t), .lr = 1};
    FAILS(rv_optim_new(&plain_class, &both), SHAPE, "plain: [2] is no matrix");
    cr_expect_eq(matrix->object.references, 1);
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* Whatever is wrong with a group, the optimizer that it should join is as it was. */
Test(optim_wrong, joining)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1, 2), *b = LEAF(3), *c = LEAF(4);
    rv_tensor *part = rv_require_grad(rv_slice(rv_detach(a), .start = 1));
    rv_optim *adam = rv_optim_adam(RV_TENSORS(a, b)), *sgd = rv_optim_sgd(RV_TENSORS(c));
    rv_layer *layer = rv_layer_relu();
    FAILS(rv_optim_adam(RV_TENSORS(c), .join = sgd), ARGUMENT,
          "optim_adam: join is of the method optim_sgd");
    FAILS(rv_optim_adamw(RV_TENSORS(c), .join = adam), ARGUMENT,
          "optim_adamw: join is of the method optim_adam;");
    FAILS(rv_optim_adam(RV_TENSORS(c), .join = (rv_optim *)(void *)layer), ARGUMENT,
          "optim_adam: this is not an optimizer");
    FAILS(rv_optim_adam(RV_TENSORS(c, b), .join = adam), ARGUMENT,
          "parameters 1 and 3 are the same tensor");
    FAILS(rv_optim_adam(RV_TENSORS(part), .join = adam), ARGUMENT,
          "parameters 0 and 2 share memory");
    FAILS(rv_optim_adam(RV_TENSORS(c), .lr = 0, .join = adam), ARGUMENT, "lr is 0");
    FAILS(rv_optim_adam(RV_TENSORS(c, NULL), .join = adam), NULL, "parameter 3 is NULL");
    FAILS(rv_optim_adam((rv_tensors){0}, .join = adam), ARGUMENT, "there are no parameters");
    cr_expect_eq(rv_optim_groups(adam), 1);
    cr_expect_eq(c->object.references, 2, "sgd's, and the scope's");
    const int64_t none[] = {-1, 1, INT64_MAX, INT64_MIN};
    for (int i = 0; i < RV_COUNT(none); i++) {
        cr_expect(isnan(rv_optim_group_lr(adam, none[i])));
        cr_expect(error_is(RV_ERROR_INDEX, "optim_group_lr: group is "));
        cr_expect_not(rv_optim_set_group_lr(adam, none[i], 1));
        cr_expect(error_is(RV_ERROR_INDEX, "optim_set_group_lr: group is "));
        cr_expect(isnan(rv_optim_group_momentum(adam, none[i])));
        cr_expect(error_is(RV_ERROR_INDEX, "optim_group_momentum: group is "));
        cr_expect_not(rv_optim_set_group_momentum(adam, none[i], 0.5));
        cr_expect(error_is(RV_ERROR_INDEX, "optim_set_group_momentum: group is "));
    }
    rv_layer_free(layer);
    rv_optim_free(sgd);
    rv_optim_free(adam);
}

/* ---- parameters ------------------------------------------------------------------------------ */

Test(optim_wrong, parameters)
{
    RV_SCOPE;
    rv_tensor *a = LEAF(1, 2), *b = LEAF(3, 4), *plain = VECTOR(5), *whole = rv_zeros(RV_I64, 2);
    rv_tensor *made = rv_exp(a);
    FAILS(rv_optim_sgd((rv_tensors){.items = NULL, .count = 0}), ARGUMENT,
          "optim_sgd: there are no parameters");
    FAILS(rv_optim_sgd((rv_tensors){.items = NULL, .count = 3}), ARGUMENT, "no parameters");
    FAILS(rv_optim_sgd(RV_TENSORS(a, NULL)), NULL, "optim_sgd: parameter 1 is NULL");
    FAILS(rv_optim_sgd(RV_TENSORS(a, b, a)), ARGUMENT, "parameters 0 and 2 are the same tensor");
    FAILS(rv_optim_adam(RV_TENSORS(a, plain)), GRAPH, "parameter 1 does not require a gradient");
    FAILS(rv_optim_adam(RV_TENSORS(a, made)), GRAPH, "computed by exp");
    FAILS(rv_optim_adam(RV_TENSORS(whole)), DTYPE, "parameter 0 is I64");
    rv_tensor *wide = rv_require_grad(rv_expand(plain, 4));
    FAILS(rv_optim_sgd(RV_TENSORS(wide)), SHAPE, "is [4], expanded along axis 0");
    cr_expect_not(rv_requires_grad(plain));
    rv_layer *relu = rv_layer_relu();
    FAILS(rv_optim_sgd(rv_parameters(relu)), ARGUMENT, "there are no parameters");
    rv_layer_free(relu);
    FAILS(rv_optim_sgd(rv_parameters(NULL)), NULL, "parameters: the layer is NULL");
    cr_expect_eq(a->object.references, 1, "nothing holds it");
}

Test(optim_wrong, parameters_that_share_memory)
{
    RV_SCOPE;
    rv_tensor *matrix = rv_zeros(RV_F64, 4, 4);
    rv_tensor *all = rv_require_grad(rv_detach(matrix));
    rv_tensor *turned = rv_require_grad(rv_transpose(matrix, 0, 1));
    rv_tensor *row = rv_require_grad(rv_slice(matrix, .start = 3));
    rv_tensor *columns = rv_require_grad(rv_slice(matrix, .axis = 1, .stop = 2));
    rv_tensor *middle = rv_require_grad(rv_slice(matrix, .axis = 1, .start = 1, .stop = 3));
    rv_tensor *others = rv_require_grad(rv_slice(matrix, .axis = 1, .start = 2));
    rv_tensor *none = rv_require_grad(rv_slice(matrix, .start = 2, .stop = 2));
    FAILS(rv_optim_sgd(RV_TENSORS(all, turned)), ARGUMENT, "parameters 0 and 1 share memory");
    FAILS(rv_optim_sgd(RV_TENSORS(row, all)), ARGUMENT, "parameters 0 and 1 share memory");
    FAILS(rv_optim_sgd(RV_TENSORS(columns, middle)), ARGUMENT, "parameters 0 and 1 share memory");
    FAILS(rv_optim_sgd(RV_TENSORS(row, middle)), ARGUMENT, "parameters 0 and 1 share memory");
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(columns, others, none));
    cr_expect_not_null(opt);
    rv_optim_free(opt);
    cr_expect(no_error());
}

/* ---- steps ----------------------------------------------------------------------------------- */

Test(optim_wrong, no_step_while_an_error_is_unread)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, 2);
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(p), .lr = 1);
    SET_GRAD(p, 1, 1);
    cr_expect_null(rv_matmul(p, NULL));
    cr_expect_not(rv_optim_step(opt));
    cr_expect(error_is(RV_ERROR_NULL, "matmul"));
    cr_expect(HOLDS(p, 0, 1, 2));
    cr_expect(rv_optim_step(opt), "it has been read");
    cr_expect(HOLDS(p, 0, 0, 1));
    rv_optim_free(opt);
}

Test(optim_wrong, null)
{
    cr_expect_not(rv_optim_step(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "optim_step: the optimizer is NULL"));
    cr_expect_not(rv_optim_zero_grad(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "optim_zero_grad"));
    cr_expect(isnan(rv_optim_lr(NULL)));
    cr_expect(error_is(RV_ERROR_NULL, "optim_lr"));
    cr_expect_not(rv_optim_set_lr(NULL, 1));
    cr_expect(error_is(RV_ERROR_NULL, "optim_set_lr"));
    cr_expect_eq(rv_optim_groups(NULL), 0);
    cr_expect(error_is(RV_ERROR_NULL, "optim_groups"));
    cr_expect_eq(rv_optim_steps(NULL), -1);
    cr_expect(error_is(RV_ERROR_NULL, "optim_steps"));
    cr_expect_eq(rv_optim_skipped(NULL), -1);
    cr_expect(error_is(RV_ERROR_NULL, "optim_skipped"));
    cr_expect(isnan(rv_optim_group_lr(NULL, 0)));
    cr_expect(error_is(RV_ERROR_NULL, "optim_group_lr"));
    cr_expect_not(rv_optim_set_group_momentum(NULL, 0, 0.5));
    cr_expect(error_is(RV_ERROR_NULL, "optim_set_group_momentum"));
    cr_expect(!rv_optim_has_momentum(NULL) && no_error());
    rv_optim_free(NULL);
    rv_layer *layer = rv_layer_relu();
    cr_expect_not(rv_optim_step((rv_optim *)(void *)layer));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "optim_step: this is not an optimizer"));
    rv_layer_free(layer);
}

/* ---- a class's mistakes ---------------------------------------------------------------------- */

static int fails_at, calls; /* the call that goes wrong, and how many there were */
static enum { SILENT, SAYS_SO, WRONG_SHAPE, WRONG_STATE, NO_STATE, EXTRA_STATE } how;

static rv_tensor *faulty_update(rv_optim_update *u)
{
    u->state[0] = rv_add_scalar(u->state[0], 1);
    rv_tensor *value = rv_sub(u->parameter, u->gradient);
    if (calls++ != fails_at)
        return value;
    switch (how) {
    case SILENT: return NULL;
    case SAYS_SO: return rv_matmul(value, rv_ones(RV_F64, 7));
    case WRONG_SHAPE: return rv_reshape(value, 1, -1);
    case WRONG_STATE: u->state[0] = rv_ones(RV_F32, 2); return value;
    case NO_STATE: u->state[0] = NULL; return value;
    case EXTRA_STATE: u->state[1] = value; return value;
    }
    return NULL;
}

static bool first_only(const void *options, int i)
{
    (void)options;
    return i == 0;
}

static const rv_optim_class faulty_class = {.name = "faulty",
                                            .state_count = 2,
                                            .state_names = {"count", "unused"},
                                            .uses_state = first_only,
                                            .update = faulty_update};

typedef struct totals {
    double steps, counts;
    int tensors;
} totals;

static bool add_up(void *context, const char *name, rv_tensor *t)
{
    totals *sum = context;
    sum->tensors++;
    if (strstr(name, ".step") != NULL)
        sum->steps += rv_item(t);
    if (strstr(name, ".count") != NULL)
        sum->counts += rv_item(rv_sum(t));
    return true;
}

/* Whichever parameter's update fails, and however: all stay as they were. */
Test(optim_wrong, all_or_nothing)
{
    static const char *const messages[] = {
        [SILENT] = "optim_step: faulty gave NULL as the new value",
        [SAYS_SO] = "matmul: ",
        [WRONG_SHAPE] = "faulty gave F64 [1,2] as the new value of a parameter F64 [2]",
        [WRONG_STATE] = "faulty gave F32 [2] as count of a parameter F64 [2]",
        [NO_STATE] = "faulty gave NULL as count",
        [EXTRA_STATE] = "faulty gave a tensor as unused"};
    for (how = SILENT; how <= EXTRA_STATE; how++)
        for (fails_at = 0; fails_at < 3; fails_at++) {
            RV_SCOPE;
            rv_tensor *a = LEAF(1, 2), *b = LEAF(3, 4), *c = LEAF(5, 6);
            rv_optim *opt = rv_optim_new(
                &faulty_class, &(rv_optim_common){.parameters = RV_TENSORS(a, b, c), .lr = 1});
            SET_GRAD(a, 1, 1);
            SET_GRAD(b, 1, 1);
            SET_GRAD(c, 1, 1);
            calls = 0;
            cr_expect_not(rv_optim_step(opt));
            const char *message = rv_error();
            cr_assert_not_null(message);
            cr_expect_not_null(strstr(message, messages[how]), "%s", message);
            totals sum = {0};
            cr_expect(rv_state(opt, add_up, &sum));
            cr_expect(sum.steps == 0 && sum.counts == 0 && sum.tensors == 3 + 3 * 2);
            cr_expect(HOLDS(a, 0, 1, 2) && HOLDS(b, 0, 3, 4) && HOLDS(c, 0, 5, 6));
            cr_expect(rv_optim_step(opt), "the next one is as if there had been none");
            cr_expect(HOLDS(a, 0, 0, 1) && HOLDS(b, 0, 2, 3) && HOLDS(c, 0, 4, 5));
            rv_optim_free(opt);
        }
    cr_expect(no_error());
}

Test(optim_wrong, classes)
{
    RV_SCOPE;
    rv_tensor *t = LEAF(1);
    const rv_optim_common p = {.parameters = RV_TENSORS(t), .lr = 1};
    rv_optim_class c = faulty_class;
    c.update = NULL;
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "optim_new: faulty must have one of");
    c = faulty_class;
    c.name = NULL;
    FAILS(rv_optim_new(&c, &p), NULL, "optim_new: the class or its name is NULL");
    FAILS(rv_optim_new(NULL, &p), NULL, "optim_new");
    c = faulty_class;
    c.state_count = 9;
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "faulty keeps 9 tensors");
    c.state_count = -1;
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "faulty keeps -1 tensors");
    c.state_count = 3;
    FAILS(rv_optim_new(&c, &p), NULL, "the name of faulty's tensor 2 is NULL");
    c = faulty_class;
    c.update_elements = (void (*)(const rv_optim_elements *))1;
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "one of update and update_elements, and has both");
    c = faulty_class;
    c.options_size = sizeof(rv_optim_common) - 1;
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "they begin with RV_OPTIM_COMMON");
    c = faulty_class;
    c.momentum_offset = sizeof(rv_optim_common);
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "faulty's momentum is at byte");
    c.momentum_offset = 1;
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "faulty's momentum is at byte 1");
    c = faulty_class;
    c.scalar_count = 5;
    FAILS(rv_optim_new(&c, &p), ARGUMENT, "faulty keeps 5 scalars; 0 to 4");
    c.scalar_count = 1;
    FAILS(rv_optim_new(&c, &p), NULL, "the name of faulty's scalar 0 is NULL");
    FAILS(rv_optim_new(&faulty_class, NULL), NULL, "faulty: the options are NULL");
    const rv_optim_common still = {.parameters = RV_TENSORS(t), .lr = 0};
    FAILS(rv_optim_new(&faulty_class, &still), ARGUMENT, "faulty: lr is 0");
}

/* ---- out of memory --------------------------------------------------------------------------- */

/* Wherever memory ends in making an optimizer or in its first step, nothing has changed. */
Test(optim_wrong, out_of_memory)
{
    int failures = 0, successes = 0;
    for (size_t more = 0; more < 4000000; more += more < 65536 ? 512 : 65536) {
        RV_SCOPE;
        rv_finish();
        rv_tensor *p = rv_require_grad(rv_ones(RV_F64, 10, 50));
        rv_tensor *q = rv_require_grad(rv_transpose(rv_ones(RV_F64, 300, 200), 0, 1));
        cr_assert(rv_set_grad(p, rv_ones(RV_F64, 10, 50)));
        cr_assert(rv_set_grad(q, rv_ones(RV_F64, 200, 300)));
        rv_memory_limit(rv_memory_usage().held + more);
        rv_optim *opt = rv_optim_adam(RV_TENSORS(p), .lr = 0.5);
        const bool joined =
            opt != NULL && rv_optim_adam(RV_TENSORS(q), .lr = 0.5, .join = opt) == opt;
        cr_expect(opt == NULL || rv_optim_groups(opt) == (joined ? 2 : 1));
        const bool done = joined && rv_optim_step(opt);
        rv_memory_limit(SIZE_MAX);
        if (done) {
            successes++;
            cr_expect(no_error());
        } else {
            failures++;
            cr_expect(error_is(RV_ERROR_MEMORY, "out of memory"));
            cr_expect(at(p, 0) == 1 && at(q, 7) == 1 && at(q, 59999) == 1);
        }
        rv_optim_free(opt);
    }
    cr_expect(failures > 10 && successes > 10, "%d failed, %d did not", failures, successes);
}

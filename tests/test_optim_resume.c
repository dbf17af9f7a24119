/* test_optim_resume.c - what an optimizer saves, and that going on from it is as if there had been
 * no stop, bit for bit. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "helpers.h"

TestSuite(resume, .init = make_folder, .fini = remove_folder);

#define STEPS 8

typedef enum method { SGD, MOMENTUM, NESTEROV, ADAM, AMSGRAD, ADAMW, METHOD_COUNT } method;

static rv_optim *make_optim(method which, rv_tensors p)
{
    switch (which) {
    case SGD: return rv_optim_sgd(p, .lr = 0.1);
    case MOMENTUM:
        return rv_optim_sgd(p, .lr = 0.1, .momentum = 0.9, .dampening = 0.2, .weight_decay = 0.01);
    case NESTEROV: return rv_optim_sgd(p, .lr = 0.1, .momentum = 0.9, .nesterov = true);
    case ADAM: return rv_optim_adam(p, .lr = 0.01, .weight_decay = 0.1);
    case AMSGRAD: return rv_optim_adam(p, .lr = 0.01, .amsgrad = true, .maximize = true);
    case ADAMW: return rv_optim_adamw(p, .lr = 0.01, .l1_decay = 0.1);
    default: return NULL;
    }
}

/* A network with an arm that is not used before step 3, so that its parameters' steps lag behind.
 */
typedef struct task {
    rv_layer *net, *arm;
    rv_optim *opt;
} task;

static task begin(method which)
{
    rv_seed(11);
    task t = {.net = rv_layer_sequential(rv_layer_linear(6, 5), rv_layer_tanh()),
              .arm = rv_layer_linear(5, 3)};
    rv_layer *all = rv_layer_sequential(rv_layer_retain(t.net), rv_layer_retain(t.arm));
    t.opt = make_optim(which, rv_parameters(all));
    rv_layer_free(all);
    cr_assert_not_null(t.opt, "%s", rv_error());
    return t;
}

static void end(task *t)
{
    rv_optim_free(t->opt);
    rv_layer_free(t->arm);
    rv_layer_free(t->net);
}

/* Steps first .. last-1; the data of a step depend on its number alone. */
static void run(task *t, int first, int last)
{
    for (int step = first; step < last; step++) {
        RV_SCOPE;
        rv_seed((uint64_t)(100 + step));
        rv_tensor *y = rv_forward(t->net, rv_randn(RV_F32, 4, 6));
        if (step >= 3)
            y = rv_forward(t->arm, y);
        if (step == 5)
            rv_optim_set_lr(t->opt, rv_optim_lr(t->opt) / 2);
        cr_assert(rv_optim_zero_grad(t->opt) && rv_backward(rv_mean(rv_mul(y, y))) &&
                      rv_optim_step(t->opt),
                  "%s", rv_error());
    }
}

static bool are_same(const task *a, const task *b)
{
    rv_layer *const layers[][2] = {{a->net, b->net}, {a->arm, b->arm}};
    for (int i = 0; i < 2; i++) {
        const rv_tensors of_a = rv_parameters(layers[i][0]), of_b = rv_parameters(layers[i][1]);
        for (int64_t j = 0; j < of_a.count; j++)
            if (!rv_equal(of_a.items[j], of_b.items[j]))
                return false;
    }
    return rv_optim_lr(a->opt) == rv_optim_lr(b->opt);
}

ParameterizedTestParameters(resume, after_any_step)
{
    static method methods[] = {SGD, MOMENTUM, NESTEROV, ADAM, AMSGRAD, ADAMW};
    return cr_make_param_array(method, methods, METHOD_COUNT);
}

ParameterizedTest(method *which, resume, after_any_step, .init = make_folder, .fini = remove_folder)
{
    const char *path = in_folder("checkpoint.safetensors");
    task whole = begin(*which);
    run(&whole, 0, STEPS);
    for (int stop = 0; stop <= STEPS; stop++) {
        task first = begin(*which), second = begin(*which);
        run(&first, 0, stop);
        cr_assert(rv_save(path, first.net, first.arm, first.opt), "%s", rv_error());
        run(&second, 0, 2); /* what it did before is forgotten */
        cr_assert(rv_load(path, second.net, second.arm, second.opt), "%s", rv_error());
        run(&second, stop, STEPS);
        cr_expect(are_same(&second, &whole), "stopped after step %d", stop);
        cr_expect(are_same(&first, &second) == (stop == STEPS), "the steps change something");
        run(&first, stop, STEPS);
        cr_expect(are_same(&first, &whole), "saving changes nothing");
        end(&second);
        end(&first);
    }
    cr_expect(no_error());
    end(&whole);
}

/* Without the optimizer's state the same would not come out: the test above can fail. */
Test(resume, without_the_state_it_differs)
{
    const char *path = in_folder("checkpoint.safetensors");
    for (method which = MOMENTUM; which < METHOD_COUNT; which++) {
        task whole = begin(which), first = begin(which), second = begin(which);
        run(&whole, 0, STEPS);
        run(&first, 0, 4);
        cr_assert(rv_save(path, first.net, first.arm, first.opt));
        cr_assert(rv_load(path, second.net, second.arm), "%s", rv_error());
        run(&second, 4, STEPS);
        cr_expect_not(are_same(&second, &whole));
        end(&second);
        end(&first);
        end(&whole);
    }
}

/* ---- the names ------------------------------------------------------------------------------- */

static void expect_state(rv_optim *opt, const char *expected)
{
    char l[1000];
    cr_expect(list_state(opt, true, sizeof l, l));
    cr_expect_str_eq(l, expected);
    rv_optim_free(opt);
}

Test(resume, names)
{
    RV_SCOPE;
    rv_tensor *a = rv_require_grad(rv_ones(RV_F64, 2, 3)), *b = rv_require_grad(rv_ones(RV_F32, 4));
    const rv_tensors p = RV_TENSORS(a, b);
    expect_state(
        rv_optim_sgd(p),
        "lr:F64[] momentum:F64[] steps:I64[] skipped:I64[] state.0.step:I64[] state.1.step:I64[] ");
    expect_state(rv_optim_sgd(p, .momentum = 0.5),
                 "lr:F64[] momentum:F64[] steps:I64[] skipped:I64[] state.0.step:I64[] "
                 "state.0.momentum_buffer:F64[2,3] "
                 "state.1.step:I64[] state.1.momentum_buffer:F32[4] ");
    expect_state(rv_optim_adam(RV_TENSORS(b)),
                 "lr:F64[] momentum:F64[] steps:I64[] skipped:I64[] state.0.step:I64[] "
                 "state.0.exp_avg:F32[4] state.0.exp_avg_sq:F32[4] ");
}

/* ---- a file that is wrong -------------------------------------------------------------------- */

typedef struct change {
    const char *name;
    double value;
} change;

Test(resume, a_state_that_cannot_be)
{
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(VECTOR(1, 2));
    rv_optim *opt = rv_optim_adam(RV_TENSORS(p), .lr = 0.5);
    cr_assert(rv_set_grad(p, VECTOR(1, 1)));
    const struct {
        change to;
        rv_status status;
        const char *message;
    } cases[] = {{{"state.0.step", -1}, RV_ERROR_STATE, "parameter 0 has made -1 steps"},
                 {{"lr", (double)NAN}, RV_ERROR_ARGUMENT, "optim_step: lr is "},
                 {{"momentum", 1}, RV_ERROR_ARGUMENT, "optim_adam: betas[0] is 1"},
                 {{"momentum", (double)NAN}, RV_ERROR_ARGUMENT, "optim_step: momentum is "},
                 {{"lr", -1}, RV_ERROR_ARGUMENT, "optim_step: lr is -1"}};
    for (int i = 0; i < RV_COUNT(cases); i++) {
        cr_assert(write_state(opt, cases[i].to.name, cases[i].to.value));
        cr_expect_not(rv_optim_step(opt));
        cr_expect(error_is(cases[i].status, cases[i].message));
        cr_expect(HOLDS(p, 0, 1, 2));
        change back = {cases[i].to.name, i == 0 ? 0 : cases[i].to.name[0] == 'l' ? 0.5 : 0.9};
        cr_assert(write_state(opt, back.name, back.value));
    }
    cr_expect(rv_optim_step(opt));
    cr_expect(no_error());
    rv_optim_free(opt);
}

/* ---- a file of another optimizer ------------------------------------------------------------- */

/* Saves `from`, which is freed, and expects that it cannot be loaded into `into`, freed too, and
 * why; and that nothing has changed there. */
static void expect_misfit(rv_optim *from, rv_optim *into, const char *message)
{
    const char *path = in_folder("other.safetensors");
    char before[1000], after[1000];
    cr_assert(from != NULL && into != NULL, "%s", rv_error());
    cr_assert(rv_save(path, from), "%s", rv_error());
    const double lr = rv_optim_lr(into);
    cr_assert(list_state(into, true, sizeof before, before));
    cr_expect_not(rv_load(path, into));
    cr_expect(error_is(RV_ERROR_STATE, message));
    cr_assert(list_state(into, true, sizeof after, after));
    cr_expect_str_eq(after, before);
    cr_expect_eq(rv_optim_lr(into), lr);
    rv_optim_free(from);
    rv_optim_free(into);
}

Test(resume, a_file_of_another_optimizer)
{
    RV_SCOPE;
    rv_tensor *a = rv_require_grad(rv_ones(RV_F64, 2)), *b = rv_require_grad(rv_ones(RV_F64, 3));
    rv_tensor *c = rv_require_grad(rv_ones(RV_F64, 4)), *f = rv_require_grad(rv_ones(RV_F32, 2));
    const rv_tensors one = RV_TENSORS(a), two = RV_TENSORS(a, b), all = RV_TENSORS(a, b, c);
    const rv_tensors last = RV_TENSORS(c), rest = RV_TENSORS(b, c), single = RV_TENSORS(f);
    expect_misfit(rv_optim_sgd(one, .momentum = 0.5), rv_optim_adam(one, .lr = 0.25),
                  "\"optimizer.state.0.exp_avg\" is missing; "
                  "\"optimizer.state.0.exp_avg_sq\" is missing; "
                  "\"optimizer.state.0.momentum_buffer\" is not expected");
    expect_misfit(rv_optim_adam(one), rv_optim_adam(one, .amsgrad = true),
                  "\"optimizer.state.0.max_exp_avg_sq\" is missing");
    expect_misfit(rv_optim_adam(one), rv_optim_adam(two), "\"optimizer.state.1.step\" is missing");
    expect_misfit(rv_optim_adam(two), rv_optim_adam(one),
                  "\"optimizer.state.1.step\" is not expected");
    expect_misfit(rv_optim_adam(one), rv_optim_adam(single),
                  "\"optimizer.state.0.exp_avg\" is F64 [2], not F32 [2]");
    expect_misfit(rv_optim_adam(last), rv_optim_adam(one),
                  "\"optimizer.state.0.exp_avg\" is F64 [4], not F64 [2]");
    expect_misfit(rv_optim_sgd(all), rv_optim_sgd(last, .join = rv_optim_sgd(two)),
                  "\"optimizer.lr\" is F64 [], not F64 [2]");
    expect_misfit(rv_optim_sgd(rest, .join = rv_optim_sgd(one)),
                  rv_optim_sgd(last, .join = rv_optim_sgd(two)),
                  "\"optimizer.group.0\" is I64 [1], not I64 [2]; "
                  "\"optimizer.group.1\" is I64 [2], not I64 [1]");
    cr_expect(no_error());
}

/* Tensors of a walk may outlive the optimizer. */
static bool hold_one(void *context, const char *name, rv_tensor *t)
{
    rv_tensor **held = context;
    if (strcmp(name, "state.0.step") == 0)
        *held = rv_retain(t);
    return true;
}

Test(resume, tensors_of_a_walk_may_be_held)
{
    RV_SCOPE;
    rv_tensor *p = rv_require_grad(VECTOR(1, 2)), *step = NULL;
    rv_optim *opt = rv_optim_adam(RV_TENSORS(p));
    cr_assert(rv_set_grad(p, VECTOR(1, 1)));
    cr_assert(rv_state(opt, hold_one, &step) && step != NULL);
    cr_expect_eq(rv_item(step), 0);
    cr_assert(rv_optim_step(opt));
    cr_expect_eq(rv_item(step), 1);
    rv_optim_free(opt);
    cr_expect_eq(rv_item(step), 1);
    rv_release(step);
}

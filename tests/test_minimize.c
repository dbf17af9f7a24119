/* test_minimize.c - minimizing a loss that is evaluated again: the thirty standard problems, going
 * on from a file, what closures can do wrong.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "helpers.h"
#include "problems.h"

/* ---- the thirty problems --------------------------------------------------------------------- */

enum { LIMIT = 5000 };

typedef problem_task task;

/* The methods by number. */
enum { LBFGS, BFGS, METHODS = BFGS + RV_BFGS_UPDATE_COUNT };

static rv_optim *make_method(int method, rv_tensor *x)
{
    if (method == LBFGS)
        return rv_optim_lbfgs(RV_TENSORS(x), .max_iter = LIMIT, .max_eval = LIMIT, .history = 10);
    return rv_optim_bfgs(RV_TENSORS(x), .max_iter = LIMIT, .max_eval = LIMIT,
                         .update = (rv_bfgs_update)(method - BFGS));
}

Test(minimize, every_method_solves_all_thirty_problems)
{
    int64_t evaluations = 0; /* of L-BFGS */
    for (int i = 0; i < PROBLEM_COUNT * METHODS; i++) {
        RV_SCOPE;
        const problem *p = &problems[i / METHODS];
        task t = {p, problem_start(p, RV_F64)};
        rv_optim *opt = make_method(i % METHODS, t.x);
        const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT, "%s, method %d: %s, max|g| %g", p->name,
                  i % METHODS, r.reason, r.gradient);
        const double here = rv_item(problem_closure(&t));
        cr_expect(r.loss == here, "%s: %.17g is not %.17g", p->name, r.loss, here);
        double away = INFINITY; /* from the nearer of the two known minima */
        for (int k = 0; k < 2; k++)
            away = fmin(away, fabs(here - p->minima[k]));
        cr_expect(away <= 1e-5 * fmax(1e-3, fabs(here)), "%s, method %d: %.10g", p->name,
                  i % METHODS, here);
        evaluations += i % METHODS == LBFGS ? r.evaluations : 0;
        rv_optim_free(opt);
    }
    /* Mistakes that cost only time: 1718 were measured. */
    cr_expect(evaluations <= 1800, "%lld", (long long)evaluations);
    cr_assert(no_error());
}

/* Evaluations that self-scaled BFGS takes for all problems. */
static int64_t evaluations_of_all(bool predict_step)
{
    int64_t sum = 0;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        task t = {&problems[i], problem_start(&problems[i], RV_F64)};
        rv_optim *opt = rv_optim_bfgs(RV_TENSORS(t.x), .update = RV_BFGS_SELF_SCALED,
                                      .max_iter = LIMIT, .predict_step = predict_step);
        const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT, "%s: %s", problems[i].name, r.reason);
        sum += r.evaluations;
        rv_optim_free(opt);
    }
    return sum;
}

Test(minimize, a_predicted_step_spares_a_scaled_method_evaluations)
{
    const int64_t predicted = evaluations_of_all(true), whole = evaluations_of_all(false);
    cr_expect((double)predicted < 0.9 * (double)whole, "%lld, not much below %lld",
              (long long)predicted, (long long)whole);
    cr_assert(no_error());
}

/* Keeps the inverse Hessian that a bfgs optimizer saves. */
static bool keep_inverse(void *context, const char *name, rv_tensor *t)
{
    if (strcmp(name, "inverse_hessian") == 0)
        *(rv_tensor **)context = rv_copy(t);
    return true;
}

/* 3x^2 + 2y^2 + z^2 + xy + x: a Hessian with the inverse below. */
static rv_tensor *quadratic(void *context)
{
    static const double hessian[] = {6, 1, 0, 1, 4, 0, 0, 0, 2};
    rv_tensor *x = ((task *)context)->x;
    rv_tensor *hx = rv_matmul(rv_from_array(hessian, RV_F64, 3, 3), x);
    return rv_add(rv_mul_scalar(rv_dot(x, hx), 0.5), rv_select(x, 0, 0));
}

Test(minimize, bfgs_finds_the_inverse_hessian_of_a_quadratic)
{
    for (int update = 0; update < RV_BFGS_UPDATE_COUNT; update++) {
        RV_SCOPE;
        task t = {NULL, rv_require_grad(VECTOR(1, -2, 3))};
        rv_optim *opt = rv_optim_bfgs(RV_TENSORS(t.x), .update = (rv_bfgs_update)update,
                                      .curvature = 0.3, .tolerance_grad = 1e-12);
        const rv_optim_result r = rv_optim_minimize(opt, quadratic, &t);
        cr_assert(r.loss < -0.0869, "%g", r.loss);
        rv_tensor *inverse = NULL;
        cr_assert(rv_state(opt, keep_inverse, &inverse));
        /* What waits is not in it: the last update, of a step that is nearly none. */
        cr_expect(HOLDS(inverse, update == RV_BFGS_PLAIN ? 1e-3 : 0.2, 4. / 23, -1. / 23, 6. / 23,
                        0, 0, 0.5),
                  "update %d", update);
        rv_optim_free(opt);
    }
}

/* With other data: the same Hessian, and another minimum. */
static rv_tensor *shifted_quadratic(void *context)
{
    rv_tensor *x = ((task *)context)->x;
    return rv_add(quadratic(context), rv_mul_scalar(rv_select(x, 0, 1), 5));
}

Test(minimize, bfgs_goes_on_with_its_inverse_where_the_loss_is_another)
{
    RV_SCOPE;
    task t = {NULL, rv_require_grad(VECTOR(1, -2, 3))};
    rv_optim *opt = rv_optim_bfgs(RV_TENSORS(t.x), .curvature = 0.01, .tolerance_grad = 1e-12);
    rv_optim_minimize(opt, quadratic, &t);
    const rv_optim_result r = rv_optim_minimize(opt, shifted_quadratic, &t, .max_iter = 1);
    cr_expect(r.evaluations == 2, "%lld", (long long)r.evaluations);
    cr_expect(HOLDS(t.x, 1e-3, 1. / 23, -29. / 23, 0));
    rv_optim_free(opt);
    cr_assert(no_error());
}

/* Whether the parameters are where the loss is what the callback is told. */
static bool compare_loss(void *context, const rv_optim_progress *progress)
{
    const double here = rv_item(problem_closure(context));
    cr_expect(progress->loss == here, "%.17g is not %.17g", progress->loss, here);
    return true;
}

Test(minimize, a_callback_finds_the_parameters_where_the_iteration_ended)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        const problem *p = &problems[i];
        task t = {p, problem_start(p, RV_F64)};
        rv_optim *opt = rv_optim_lbfgs(RV_TENSORS(t.x), .tolerance_grad = 0, .max_iter = 300);
        rv_optim_minimize(opt, problem_closure, &t, .callback = compare_loss,
                          .callback_context = &t);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

Test(minimize, every_line_search_serves_lbfgs)
{
    for (int method = RV_LINE_MORE_THUENTE; method <= RV_LINE_BACKTRACKING; method++) {
        RV_SCOPE;
        task t = {problem_named("rosenbrock"), NULL};
        t.x = problem_start(t.problem, RV_F64);
        rv_optim *opt = rv_optim_lbfgs(RV_TENSORS(t.x), .line_search = (rv_line_method)method);
        const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT, "method %d: %s", method, r.reason);
        cr_expect(HOLDS(t.x, 1e-6, 1, 1));
        rv_optim_free(opt);
    }
}

/* ---- a loss over parameters of several shapes and dtypes ---------------------------------------
 */

typedef struct bowl {
    rv_tensor *a, *b; /* F64 [2,3] and F32 [4] */
    int calls;
    int nan_from; /* the call from which the loss is NaN; 0: never */
} bowl;

/* sum((a - 1)^2) + 3*sum((b - 2)^2), as F64; its minimum is 0. */
static rv_tensor *bowl_closure(void *context)
{
    bowl *w = context;
    w->calls++;
    rv_tensor *p = rv_sum(rv_square(rv_add_scalar(w->a, -1)));
    rv_tensor *q = rv_sum(rv_square(rv_add_scalar(rv_cast(w->b, RV_F64), -2)));
    rv_tensor *loss = rv_add(p, rv_mul_scalar(q, 3));
    return w->nan_from > 0 && w->calls >= w->nan_from ? rv_mul_scalar(loss, (double)NAN) : loss;
}

static bowl make_bowl(void)
{
    return (bowl){.a = rv_require_grad(rv_transpose(waves(3, 2, 0), 0, 1)),
                  .b = rv_require_grad(rv_zeros(RV_F32, 4))};
}

static rv_tensor *minus_bowl_closure(void *context)
{
    return rv_neg(bowl_closure(context));
}

Test(minimize, parameters_of_any_shape_dtype_and_layout_are_one_vector)
{
    RV_SCOPE;
    bowl w = make_bowl();
    rv_optim *opt = rv_optim_lbfgs(RV_TENSORS(w.a, w.b));
    const rv_optim_result r = rv_optim_minimize(opt, bowl_closure, &w);
    cr_assert(r.status == RV_OPTIM_GRADIENT, "%s", r.reason);
    cr_assert(HOLDS(w.a, 1e-7, 1, 1, 1, 1, 1, 1));
    cr_assert(HOLDS(w.b, 1e-6, 2, 2, 2, 2));
    cr_assert(r.evaluations == w.calls);
    cr_assert_null(rv_grad(w.a)); /* gradients of leaves are not touched */
    rv_optim_free(opt);
}

/* Remembers the loss that it is told. */
static bool remember(void *context, const rv_optim_progress *p)
{
    *(double *)context = p->loss;
    return true;
}

Test(minimize, maximize_turns_the_loss_around)
{
    RV_SCOPE;
    bowl w = make_bowl(), v = make_bowl();
    rv_optim *down = rv_optim_lbfgs(RV_TENSORS(w.a, w.b));
    rv_optim *up = rv_optim_lbfgs(RV_TENSORS(v.a, v.b), .maximize = true);
    const rv_optim_result d = rv_optim_minimize(down, bowl_closure, &w);
    double told = 0;
    const rv_optim_result u = rv_optim_minimize(up, minus_bowl_closure, &v, .callback = remember,
                                                .callback_context = &told);
    cr_assert(d.loss == -u.loss && told == u.loss && d.evaluations == u.evaluations);
    cr_assert(rv_equal(w.a, v.a) && rv_equal(w.b, v.b));
    rv_optim_free(down);
    rv_optim_free(up);
}

/* ---- places without digits, or without numbers -------------------------------------------------
 */

Test(minimize, a_loss_without_digits_ends_by_rounding)
{
    RV_SCOPE;
    task t = {problem_named("brown_dennis"), NULL}; /* its minimum is 85822 */
    t.x = problem_start(t.problem, RV_F64);
    rv_optim *opt = rv_optim_lbfgs(RV_TENSORS(t.x), .tolerance_grad = 0);
    const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
    cr_expect(r.status == RV_OPTIM_ROUNDING, "%s", r.reason);
    cr_expect(fabs(r.loss - 85822.2016263563) < 1e-9, "%.12g", r.loss);
    rv_optim_free(opt);
}

Test(minimize, what_is_not_finite_is_stepped_back_from)
{
    for (int from = 1; from <= 6; from++) {
        RV_SCOPE;
        bowl w = make_bowl();
        w.nan_from = from;
        rv_tensor *a = rv_copy(w.a);
        rv_optim *opt = rv_optim_lbfgs(RV_TENSORS(w.a, w.b), .lr = 0.01, .max_iter = 50);
        const rv_optim_result r = rv_optim_minimize(opt, bowl_closure, &w);
        cr_expect(r.status == (from == 1 ? RV_OPTIM_NONFINITE : RV_OPTIM_ROUNDING), "%d: %s", from,
                  r.reason);
        cr_expect(from == 1 ? rv_equal(a, w.a) : isfinite(r.loss));
        w.nan_from = 0;
        if (from > 1)
            cr_expect(rv_item(bowl_closure(&w)) == r.loss, "parameters are not where the loss is");
        rv_optim_free(opt);
    }
}

/* ---- going on -------------------------------------------------------------------------------- */

static void check_going_on(const char *path, int method, rv_dtype dtype, int stop)
{
    RV_SCOPE;
    task t = {problem_named("watson_9"), NULL}, u = t;
    t.x = problem_start(t.problem, dtype);
    u.x = problem_start(u.problem, dtype);
    rv_optim *whole = make_method(method, t.x);
    rv_optim *first = make_method(method, u.x);
    rv_optim *second = make_method(method, u.x);
    const rv_optim_result r = rv_optim_minimize(whole, problem_closure, &t, .max_iter = 30);
    rv_optim_minimize(first, problem_closure, &u, .max_iter = stop);
    cr_assert(rv_save(path, first));
    cr_assert(rv_load(path, second));
    rv_optim_minimize(second, problem_closure, &u, .max_iter = 30 - stop);
    cr_expect(rv_equal(t.x, u.x), "method %d, %s, stopped after %d iterations", method,
              rv_dtype_name(dtype), stop);
    cr_expect(rv_optim_steps(second) == r.iterations && r.iterations > 22);
    rv_optim_free(whole);
    rv_optim_free(first);
    rv_optim_free(second);
}

Test(minimize, going_on_from_a_file_is_bit_identical, .init = make_folder, .fini = remove_folder)
{
    const char *path = in_folder("lbfgs.safetensors");
    for (int method = 0; method < METHODS; method++)
        for (int stop = 1; stop < 30; stop += 7) {
            check_going_on(path, method, RV_F64, stop);
            check_going_on(path, method, RV_F32, stop);
        }
    cr_assert(no_error());
}

Test(minimize, a_step_at_a_time)
{
    RV_SCOPE;
    task t = {problem_named("wood"), NULL}, u = t;
    t.x = problem_start(t.problem, RV_F64);
    u.x = problem_start(u.problem, RV_F64);
    rv_optim *whole = rv_optim_lbfgs(RV_TENSORS(t.x)), *step = rv_optim_lbfgs(RV_TENSORS(u.x));
    rv_optim_minimize(whole, problem_closure, &t, .max_iter = 20);
    for (int i = 0; i < 20; i++) {
        const rv_optim_result r = rv_optim_step_closure(step, problem_closure, &u);
        cr_assert(r.status == RV_OPTIM_RUNNING && r.iterations == 1, "%s", r.reason);
    }
    cr_assert(rv_equal(t.x, u.x));
    rv_optim_free(whole);
    rv_optim_free(step);
}

Test(minimize, methods_of_first_order_too)
{
    RV_SCOPE;
    bowl w = make_bowl();
    rv_optim *opt = rv_optim_sgd(RV_TENSORS(w.a, w.b), .lr = 0.1);
    rv_optim_result r = rv_optim_minimize(opt, bowl_closure, &w, .max_iter = 200);
    cr_assert(r.status == RV_OPTIM_ITERATIONS && r.iterations == 200 && w.calls == 200);
    cr_assert(HOLDS(w.a, 1e-9, 1, 1, 1, 1, 1, 1) && r.loss < 1e-9);
    r = rv_optim_step_closure(opt, bowl_closure, &w);
    cr_assert(r.status == RV_OPTIM_RUNNING && r.iterations == 1);
    rv_optim_free(opt);
}

/* ---- what can be wrong ----------------------------------------------------------------------- */

static rv_tensor *give_null(void *context)
{
    (void)context;
    return NULL;
}

static rv_tensor *give_vector(void *context)
{
    return ((bowl *)context)->a;
}

static rv_tensor *give_integer(void *context)
{
    (void)context;
    return rv_zeros(RV_I64);
}

static rv_tensor *give_constant(void *context)
{
    (void)context;
    return rv_zeros(RV_F64);
}

static rv_tensor *give_other(void *context)
{
    (void)context;
    return rv_sum(rv_require_grad(rv_ones(RV_F64, 3)));
}

static rv_tensor *give_error(void *context)
{
    return rv_add(((bowl *)context)->a, rv_zeros(RV_F32, 7));
}

Test(minimize, closures_that_give_nonsense)
{
    static const struct {
        rv_optim_closure *closure;
        rv_status status;
        const char *message;
    } cases[] = {
        {give_null, RV_ERROR_NULL, "the closure gave NULL"},
        {give_vector, RV_ERROR_SHAPE, "the closure gave F64 [2,3]; a floating tensor of one"},
        {give_integer, RV_ERROR_SHAPE, "the closure gave I64 []"},
        {give_constant, RV_ERROR_GRAPH, ""},
        {give_other, RV_ERROR_GRAPH, "not computed from any of the parameters"},
        {give_error, RV_ERROR_DTYPE, "add"},
    };
    for (int i = 0; i < RV_COUNT(cases); i++)
        for (int method = 0; method < 2; method++) {
            RV_SCOPE;
            bowl w = make_bowl();
            rv_tensor *a = rv_copy(w.a), *b = rv_copy(w.b);
            rv_optim *opt = method == 0 ? rv_optim_lbfgs(RV_TENSORS(w.a, w.b))
                                        : rv_optim_sgd(RV_TENSORS(w.a, w.b));
            if (method == 0 || cases[i].closure == give_null) {
                const rv_optim_result r = rv_optim_minimize(opt, cases[i].closure, &w);
                cr_expect(r.status == RV_OPTIM_FAILED && r.iterations == 0, "case %d: %s", i,
                          r.reason);
                cr_expect(error_is(cases[i].status, cases[i].message), "case %d", i);
                cr_expect(rv_equal(a, w.a) && rv_equal(b, w.b));
            }
            rv_optim_free(opt);
        }
}

#define FAILS(call, status_, part)                       \
    do {                                                 \
        cr_expect((call).status == RV_OPTIM_FAILED);     \
        cr_expect(error_is(RV_ERROR_##status_, (part))); \
    } while (0)

Test(minimize, wrong_calls)
{
    RV_SCOPE;
    bowl w = make_bowl();
    rv_optim *opt = rv_optim_lbfgs(RV_TENSORS(w.a, w.b));
    FAILS(rv_optim_minimize(NULL, bowl_closure, &w), NULL, "the optimizer is NULL");
    FAILS(rv_optim_minimize(opt, NULL, &w), NULL, "the closure is NULL");
    FAILS(rv_optim_minimize(opt, bowl_closure, &w, .max_iter = -1), ARGUMENT, "max_iter is -1");
    FAILS(rv_optim_minimize_with(NULL), NULL, "the options are NULL");
    FAILS(rv_optim_step_closure(NULL, bowl_closure, &w), NULL, "the optimizer is NULL");
    FAILS(rv_optim_step_closure(opt, NULL, &w), NULL, "the closure is NULL");
    cr_expect_not(rv_optim_step(opt));
    cr_expect(error_is(RV_ERROR_STATE, "optim_lbfgs evaluates the loss again: use"));
    cr_expect(w.calls == 0);
    rv_optim_free(opt);
}

#define REFUSED(part, ...)                                            \
    do {                                                              \
        cr_expect_null(rv_optim_lbfgs(RV_TENSORS(w.a), __VA_ARGS__)); \
        cr_expect(error_is(RV_ERROR_ARGUMENT, (part)));               \
    } while (0)

Test(minimize, wrong_options)
{
    RV_SCOPE;
    bowl w = make_bowl();
    const double bad[] = {(double)NAN, (double)INFINITY, -1};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        REFUSED("lr is", .lr = bad[i]);
        REFUSED("tolerance_grad is", .tolerance_grad = bad[i]);
        REFUSED("tolerance_grad_absolute is", .tolerance_grad_absolute = bad[i]);
        REFUSED("tolerance_loss is", .tolerance_loss = bad[i]);
        REFUSED("tolerance_loss_absolute is", .tolerance_loss_absolute = bad[i]);
        REFUSED("tolerance_step is", .tolerance_step = bad[i]);
        REFUSED("tolerance_step_absolute is", .tolerance_step_absolute = bad[i]);
        REFUSED("decrease is", .decrease = bad[i]);
        REFUSED("curvature is", .curvature = bad[i]);
    }
    REFUSED("history is 0", .history = 0);
    REFUSED("max_iter is 0", .max_iter = 0);
    REFUSED("max_eval is -1", .max_eval = -1);
    REFUSED("line_search is 9", .line_search = (rv_line_method)9);
    REFUSED("weight_decay is set", .weight_decay = 0.1);
    cr_expect_null(rv_optim_bfgs(RV_TENSORS(w.a), .update = RV_BFGS_UPDATE_COUNT));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "optim_bfgs: update is 3"));
    cr_expect_null(rv_optim_bfgs(RV_TENSORS(w.a), .curvature = 1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "optim_bfgs: curvature is 1"));
    rv_tensor *large = rv_require_grad(rv_zeros(RV_F32, 1 << 24));
    cr_expect_null(rv_optim_bfgs(RV_TENSORS(large)));
    cr_expect(error_is(RV_ERROR_MEMORY, "optim_bfgs"));
    rv_optim *opt = rv_optim_lbfgs(RV_TENSORS(w.a));
    cr_expect_null(rv_optim_lbfgs(RV_TENSORS(w.b), .join = opt));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "join is set"));
    rv_optim_free(opt);
    cr_expect_null(rv_optim_lbfgs(RV_TENSORS(w.a), .history = INT64_C(1) << 60));
    cr_expect(error_is(RV_ERROR_MEMORY, "optim_lbfgs"));
}

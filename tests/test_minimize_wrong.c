/* test_minimize_wrong.c - every method that evaluates the loss again, with closures that return
 * nonsense at the start or later, losses that are no function, fall without bound or are not
 * finite, and what a closure may do. Each time parameters must end at the best place that was seen,
 * for a reason that is said.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "minimize_task.h"

/* ---- closures that fail ---------------------------------------------------------------------- */

static rv_tensor *give_null(task *t, rv_tensor *loss)
{
    (void)t, (void)loss;
    return NULL;
}

static rv_tensor *give_null_and_say_why(task *t, rv_tensor *loss)
{
    (void)t, (void)loss;
    return rv_fail_null(RV_ERROR_STATE, "mine", "it rains");
}

static rv_tensor *say_why_and_go_on(task *t, rv_tensor *loss)
{
    (void)t;
    rv_fail(RV_ERROR_STATE, "mine", "it rains");
    return loss;
}

static rv_tensor *give_vector(task *t, rv_tensor *loss)
{
    (void)loss;
    return rv_square(t->a);
}

static rv_tensor *give_empty(task *t, rv_tensor *loss)
{
    (void)loss;
    return rv_slice(rv_square(t->b), 0, 2, 2);
}

static rv_tensor *give_integer(task *t, rv_tensor *loss)
{
    (void)t;
    return rv_cast(loss, RV_I64);
}

static rv_tensor *give_constant(task *t, rv_tensor *loss)
{
    (void)t, (void)loss;
    return rv_zeros(RV_F64);
}

static rv_tensor *give_detached(task *t, rv_tensor *loss)
{
    (void)t;
    return rv_detach(loss);
}

static rv_tensor *give_unrecorded(task *t, rv_tensor *loss)
{
    (void)loss;
    RV_NO_GRAD;
    return right_loss(t);
}

static rv_tensor *give_other(task *t, rv_tensor *loss)
{
    (void)t, (void)loss;
    return rv_sum(rv_require_grad(rv_ones(RV_F64, 3)));
}

static rv_tensor *change_parameter(task *t, rv_tensor *loss)
{
    RV_NO_GRAD;
    rv_fill(t->a, 7);
    return loss;
}

static rv_tensor *walk_backward(task *t, rv_tensor *loss)
{
    (void)t;
    rv_backward(loss);
    return loss;
}

static rv_tensor *begin_again(task *t, rv_tensor *loss)
{
    const rv_optim_result r = rv_optim_minimize(t->opt, closure, t);
    cr_expect(r.status == RV_OPTIM_FAILED && r.evaluations == 0);
    return loss;
}

static rv_tensor *step_again(task *t, rv_tensor *loss)
{
    const rv_optim_result r = rv_optim_step_closure(t->opt, closure, t);
    cr_expect(r.status == RV_OPTIM_FAILED && r.evaluations == 0);
    return loss;
}

static const struct {
    const char *name;
    misdeed *misdeed;
    rv_status status;
    const char *message;
} failures[] = {
    {"NULL", give_null, RV_ERROR_NULL, "the closure gave NULL"},
    {"NULL with an error", give_null_and_say_why, RV_ERROR_STATE, "mine: it rains"},
    {"a loss with an error", say_why_and_go_on, RV_ERROR_STATE, "mine: it rains"},
    {"a matrix", give_vector, RV_ERROR_SHAPE, "gave F64 [2,3]; a floating tensor of one element"},
    {"nothing", give_empty, RV_ERROR_SHAPE, "gave F32 [0]; a floating tensor of one element"},
    {"an integer", give_integer, RV_ERROR_SHAPE, "gave I64 []; a floating tensor of one element"},
    {"a constant", give_constant, RV_ERROR_GRAPH, ""},
    {"a detached loss", give_detached, RV_ERROR_GRAPH, ""},
    {"an unrecorded loss", give_unrecorded, RV_ERROR_GRAPH, ""},
    {"another's loss", give_other, RV_ERROR_GRAPH, "not computed from any of the parameters"},
    {"changed parameters", change_parameter, RV_ERROR_CHANGED, "changed a parameter's values"},
    {"a walked graph", walk_backward, RV_ERROR_GRAPH, ""},
    {"a call in a call", begin_again, RV_ERROR_STATE, "is minimizing"},
    {"a step in a call", step_again, RV_ERROR_STATE, "is minimizing"},
};

static void check_failure(const minimize_maker *m, int i, int from)
{
    RV_SCOPE;
    task t = make_task(failures[i].misdeed, from);
    note_start(&t);
    t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 50);
    rv_optim_result r = rv_optim_minimize(t.opt, closure, &t);
    cr_expect(r.status == RV_OPTIM_FAILED && r.evaluations == from && t.calls == from,
              "%s, %s from call %d: %s", m->name, failures[i].name, from, r.reason);
    cr_expect(error_is(failures[i].status, failures[i].message), "%s, %s from call %d", m->name,
              failures[i].name, from);
    cr_expect(is_at_best(&t), "%s, %s from call %d: not at the best place", m->name,
              failures[i].name, from);
    cr_expect(from == 1 ? isnan(r.loss) : r.loss == t.best, "%s, %s from call %d: loss %g, not %g",
              m->name, failures[i].name, from, r.loss, t.best);
    /* And nothing is broken: it goes on where it is. */
    t.from = 0;
    const int64_t most = m->is_blind ? 20 : m->is_slow_in_F32 ? 160 : 300;
    r = rv_optim_minimize(t.opt, closure, &t, .max_iter = most);
    cr_expect(has_arrived(m, &r) && (m->is_blind || r.loss < 1e-10),
              "%s after %s from call %d: %s, %g", m->name, failures[i].name, from, r.reason,
              r.loss);
    cr_expect(no_error());
    rv_optim_free(t.opt);
}

Test(minimize_wrong, closures_that_fail)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = 0; i < RV_COUNT(failures); i++)
            for (int from = 1; from <= 7; from += 2)
                if (!m->is_blind || failures[i].status != RV_ERROR_GRAPH)
                    check_failure(m, i, from);
}

/* ---- losses that are not finite -------------------------------------------------------------- */

static rv_tensor *times(rv_tensor *loss, double by)
{
    return rv_mul_scalar(loss, by);
}

static rv_tensor *give_nan(task *t, rv_tensor *loss)
{
    (void)t;
    return times(loss, (double)NAN);
}

static rv_tensor *give_infinity(task *t, rv_tensor *loss)
{
    (void)t;
    return times(loss, (double)INFINITY);
}

static rv_tensor *give_minus_infinity(task *t, rv_tensor *loss)
{
    (void)t;
    return times(loss, (double)-INFINITY);
}

/* The loss is as it was, its gradient is not: sqrt of 0 times a number that counts for nothing. */
static rv_tensor *give_nan_gradient(task *t, rv_tensor *loss)
{
    rv_tensor *zero = rv_sum(rv_mul_scalar(rv_square(t->a), 0));
    return rv_add(loss, rv_mul_scalar(rv_sqrt(zero), 0));
}

Test(minimize_wrong, what_is_not_finite_is_never_stepped_through)
{
    static misdeed *const all[] = {give_nan, give_infinity, give_minus_infinity, give_nan_gradient};
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = 0; i < RV_COUNT(all); i++)
            for (int from = 1; from <= 7; from++) {
                if (m->is_blind && all[i] == give_nan_gradient)
                    continue;
                RV_SCOPE;
                task t = make_task(all[i], from);
                note_start(&t);
                t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 50);
                const rv_optim_result r = rv_optim_minimize(t.opt, closure, &t);
                const bool at_start = from == 1;
                cr_expect(r.status == (at_start ? RV_OPTIM_NONFINITE : RV_OPTIM_ROUNDING),
                          "%s, %d from call %d: %s", m->name, i, from, r.reason);
                cr_expect(is_at_best(&t), "%s, %d from call %d", m->name, i, from);
                cr_expect(at_start ? r.iterations == 0 : r.loss == t.best);
                cr_expect(r.evaluations <= from + (m->is_blind ? 20000 : 400), "%lld",
                          (long long)r.evaluations);
                cr_expect(no_error());
                rv_optim_free(t.opt);
            }
}

/* A wall: the loss is not finite beyond it, and the minimum is beyond. */
static rv_tensor *walled_loss(void *context)
{
    task *t = context;
    t->calls++;
    rv_tensor *a = rv_sum(t->a), *b = rv_sum(rv_cast(t->b, RV_F64));
    rv_tensor *room = rv_add_scalar(rv_neg(rv_add(a, b)), 5); /* > 0 */
    return rv_sub(rv_mul_scalar(rv_log(room), -1e-3), rv_add(a, b));
}

Test(minimize_wrong, a_wall_of_nan_is_stepped_back_from)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        task t = make_task(NULL, 0);
        t.opt = MADE(m, RV_TENSORS(t.a, t.b), .tolerance_grad = 1e-5);
        const rv_optim_result r = rv_optim_minimize(t.opt, walled_loss, &t);
        const double sum = rv_item(rv_sum(t.a)) + rv_item(rv_sum(t.b));
        cr_expect(isfinite(r.loss) && sum < 5 && sum > 4.9, "%s: %s, %g", m->name, r.reason, sum);
        cr_expect(r.status != RV_OPTIM_FAILED && no_error(), "%s", r.reason);
        rv_optim_free(t.opt);
    }
}

/* ---- losses without a minimum, or without a value -------------------------------------------- */

typedef rv_tensor *falling(rv_tensor *x);

static rv_tensor *fall_straight(rv_tensor *x)
{
    return x;
}

static rv_tensor *fall_faster(rv_tensor *x)
{
    return rv_neg(rv_square(x));
}

static rv_tensor *fall_as_exp(rv_tensor *x)
{
    return rv_neg(rv_exp(x));
}

static rv_tensor *fall_as_cube(rv_tensor *x)
{
    return rv_mul(x, rv_square(x));
}

static rv_tensor *fall_slowly(rv_tensor *x)
{
    return rv_neg(rv_log(rv_add_scalar(rv_square(x), 1)));
}

static falling *const falls[] = {fall_straight, fall_faster, fall_as_exp, fall_as_cube,
                                 fall_slowly};

typedef struct fall {
    falling *of;
    rv_tensor *x;
    double lowest;
    int calls;
} fall;

static rv_tensor *falling_loss(void *context)
{
    fall *f = context;
    f->calls++;
    rv_tensor *loss = rv_sum(f->of(f->x));
    if (isfinite(rv_item(loss)))
        f->lowest = fmin(f->lowest, rv_item(loss));
    return loss;
}

Test(minimize_wrong, a_loss_that_falls_without_bound_ends)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = 0; i < RV_COUNT(falls); i++)
            for (int dtype = RV_F32; dtype <= RV_F64; dtype++) {
                RV_SCOPE;
                fall f = {.of = falls[i], .lowest = INFINITY};
                f.x = rv_require_grad(rv_cast(VECTOR(-0.5, 0.3), (rv_dtype)dtype));
                rv_optim *opt = MADE(m, RV_TENSORS(f.x), .max_iter = 500);
                const rv_optim_result r = rv_optim_minimize(opt, falling_loss, &f);
                cr_expect(no_error(), "%s, fall %d", m->name, i);
                cr_expect(r.status != RV_OPTIM_FAILED && r.status != RV_OPTIM_NONFINITE,
                          "%s, %d: %s", m->name, i, r.reason);
                cr_expect(isfinite(r.loss) && isfinite(at(f.x, 0)) && isfinite(at(f.x, 1)),
                          "%s, %d", m->name, i);
                cr_expect(r.loss < -10 && r.loss == rv_item(falling_loss(&f)), "%s, %d: %g",
                          m->name, i, r.loss);
                cr_expect(f.calls <= 25000, "%s, %d: %d calls", m->name, i, f.calls);
                rv_optim_free(opt);
            }
}

/* The loss and some noise, which no place has for its own. */
static rv_tensor *noisy_loss(void *context)
{
    task *t = context;
    t->calls++;
    rv_tensor *loss = right_loss(t);
    return rv_add(loss, rv_mul_scalar(rv_rand(RV_F64), 0.1));
}

Test(minimize_wrong, another_loss_each_time_ends_by_itself)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            RV_SCOPE;
            rv_seed(seed);
            task t = make_task(NULL, 0);
            const double start = rv_item(right_loss(&t));
            t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 1000);
            const rv_optim_result r = rv_optim_minimize(t.opt, noisy_loss, &t);
            const double here = rv_item(right_loss(&t));
            cr_expect(r.status == RV_OPTIM_ROUNDING || r.status == RV_OPTIM_GRADIENT, "%s: %s",
                      m->name, r.reason);
            cr_expect(here < start && here < r.loss && r.loss < here + 0.1 && no_error());
            cr_expect(t.calls < 2000, "%d", t.calls);
            rv_optim_free(t.opt);
        }
}

/* ---- what calls can do in the middle --------------------------------------------------------- */

static rv_tensor *free_optimizer(task *t, rv_tensor *loss)
{
    if (t->opt != NULL)
        rv_optim_free(t->opt);
    t->opt = NULL;
    return loss;
}

static rv_tensor *free_parameters(task *t, rv_tensor *loss)
{
    if (t->opt != NULL) { /* it holds them too, */
        rv_release(t->a);
        rv_release(t->b);
    }
    t->opt = NULL; /* and that is done once */
    return loss;
}

static rv_tensor *keep_gradients(task *t, rv_tensor *loss)
{
    (void)t;
    rv_backward(loss, .retain_graph = true);
    return loss;
}

Test(minimize_wrong, closures_may_free_what_is_held)
{
    static misdeed *const all[] = {free_optimizer, free_parameters};
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = 0; i < RV_COUNT(all); i++) {
            task t;
            {
                RV_SCOPE;
                t = make_task(all[i], 3);
                rv_retain(t.a);
                rv_retain(t.b);
            }
            rv_optim *opt = t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 500);
            const rv_optim_result r = rv_optim_minimize(opt, closure, &t);
            cr_expect(has_arrived(m, &r) && no_error(), "%s, %d: %s", m->name, i, r.reason);
            if (all[i] == free_parameters)
                rv_optim_free(opt);
            else {
                rv_release(t.a);
                rv_release(t.b);
            }
        }
}

Test(minimize_wrong, gradients_of_leaves_are_the_closures_own)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        task t = make_task(keep_gradients, 1), u = make_task(NULL, 0);
        t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 5);
        u.opt = MADE(m, RV_TENSORS(u.a, u.b), .max_iter = 5);
        rv_optim_minimize(t.opt, closure, &t);
        rv_optim_minimize(u.opt, closure, &u);
        cr_expect(rv_equal(t.a, u.a) && rv_equal(t.b, u.b) && t.calls == u.calls, "%s", m->name);
        cr_expect(rv_grad(t.a) != NULL && rv_grad(u.a) == NULL && no_error());
        rv_optim_free(t.opt);
        rv_optim_free(u.opt);
    }
}

/* A loss in which all parameters depend on each other. */
static rv_tensor *mixed_loss(void *context)
{
    task *t = context;
    t->calls++;
    rv_tensor *sum = rv_add(rv_sum(t->a), rv_mul_scalar(rv_sum(rv_cast(t->b, RV_F64)), 0.5));
    return rv_add(right_loss(t), rv_mul_scalar(rv_square(rv_add_scalar(sum, -10)), 0.1));
}

Test(minimize_wrong, a_parameter_that_is_frozen_stays)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int after = 0; after <= 8; after += 2) {
            RV_SCOPE;
            task t = make_task(NULL, 0);
            t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 500);
            for (int i = 0; i < after; i++)
                rv_optim_step_closure(t.opt, mixed_loss, &t);
            cr_assert(rv_require_no_grad(t.b) != NULL);
            rv_tensor *b = rv_copy(t.b);
            const double before = rv_item(mixed_loss(&t));
            const rv_optim_result r = rv_optim_minimize(t.opt, mixed_loss, &t);
            cr_expect(no_error(), "%s after %d steps", m->name, after);
            cr_expect(has_arrived(m, &r) && r.loss < 0.9 * before, "%s after %d steps: %s, %g",
                      m->name, after, r.reason, r.loss);
            cr_expect(rv_equal(b, t.b), "%s after %d steps: it moved", m->name, after);
            rv_optim_free(t.opt);
        }
}

/* All of them frozen: there is nothing to learn. */
Test(minimize_wrong, frozen_parameters_alone_are_an_error)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        task t = make_task(NULL, 0);
        t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 20);
        rv_tensor *a = rv_copy(t.a);
        rv_require_no_grad(t.a);
        rv_require_no_grad(t.b);
        const rv_optim_result r = rv_optim_minimize(t.opt, closure, &t);
        if (m->is_blind)
            cr_expect(r.status == RV_OPTIM_ROUNDING && no_error(), "%s", r.reason);
        else
            cr_expect(r.status == RV_OPTIM_FAILED &&
                          error_is(RV_ERROR_GRAPH, "no parameter requires"),
                      "%s", m->name);
        cr_expect(rv_equal(a, t.a));
        rv_optim_free(t.opt);
    }
}

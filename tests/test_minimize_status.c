/* test_minimize_status.c - why minimizing ends: every method to every reason that it can end for,
 * counts, what the callback is told, and going on after each.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"
#include "minimize_makers.h"

/* ---- Rosenbrock's valley, and a watch on what happens in it -----------------------------------
 */

typedef struct valley {
    rv_tensor *x;
    int64_t calls;
    int64_t told, stop_at;
    double told_loss;
} valley;

static rv_tensor *loss(void *context)
{
    valley *v = context;
    v->calls++;
    rv_tensor *x = rv_select(v->x, 0, 0), *y = rv_select(v->x, 0, 1);
    rv_tensor *across = rv_mul_scalar(rv_square(rv_sub(y, rv_square(x))), 100);
    rv_tensor *total = rv_add(across, rv_square(rv_add_scalar(x, -1)));
    return total;
}

static valley make_valley(void)
{
    return (valley){.x = rv_require_grad(VECTOR(-1.2, 1))};
}

static bool listen(void *context, const rv_optim_progress *p)
{
    valley *v = context;
    cr_expect(p->iteration == ++v->told && p->evaluations == v->calls && p->change > 0);
    cr_expect(v->told == 1 || p->loss < v->told_loss * (1 + 1e-12) || p->loss < 1e-20);
    v->told_loss = p->loss;
    return v->stop_at == 0 || v->told < v->stop_at;
}

/* Minimizes with these options; checks counts, and that the place is the best one. */
static rv_optim_result run(const minimize_maker *m, rv_optim *opt, valley *v, int64_t max_iter)
{
    const int64_t calls = v->calls, steps = rv_optim_steps(opt);
    v->told = 0;
    v->calls = 0;
    const rv_optim_result r = rv_optim_minimize(opt, loss, v, .max_iter = max_iter,
                                                .callback = listen, .callback_context = v);
    cr_expect(r.evaluations == v->calls, "%s: %lld evaluations", m->name, (long long)r.evaluations);
    cr_expect(r.iterations == v->told && rv_optim_steps(opt) == steps + r.iterations, "%s",
              m->name);
    cr_expect(strcmp(r.reason, rv_optim_status_text(r.status)) == 0);
    v->calls = calls;
    cr_expect(r.loss == rv_item(loss(v)), "%s: the parameters are not where the loss is", m->name);
    cr_expect(v->told == 0 || r.loss == v->told_loss || r.status == RV_OPTIM_EVALUATIONS, "%s: %g",
              m->name, r.loss);
    cr_expect(no_error());
    return r;
}

/* Ends for this reason, and goes on from there to the minimum. */
#define ENDS(m, status_, ...) ENDS_AT(m, 0, 0, status_, __VA_ARGS__)
#define ENDS_AT(m, stop, most, status_, ...)                                                    \
    do {                                                                                        \
        RV_SCOPE;                                                                               \
        valley v_ = make_valley();                                                              \
        v_.stop_at = stop;                                                                      \
        rv_optim *opt_ = MADE(m, RV_TENSORS(v_.x), __VA_ARGS__);                                \
        last = run(m, opt_, &v_, most);                                                         \
        cr_expect(last.status == RV_OPTIM_##status_, "%s with " #__VA_ARGS__ ": %s", (m)->name, \
                  last.reason);                                                                 \
        go_on(m, opt_, &v_);                                                                    \
        rv_optim_free(opt_);                                                                    \
    } while (0)

/* By many calls, as each may end for the same reason again, but none without a step. */
static void go_on(const minimize_maker *m, rv_optim *opt, valley *v)
{
    v->stop_at = 0;
    double before = INFINITY;
    for (int i = 0; i < 500; i++) {
        const rv_optim_result r = run(m, opt, v, 0);
        cr_expect(r.loss <= before, "%s: %g after %g", m->name, r.loss, before);
        before = r.loss;
    }
    cr_expect(before < (m->is_blind ? 3 : 1e-4), "%s: it ended at %g", m->name, before);
}

static rv_optim_result last;

/* ---- each reason ----------------------------------------------------------------------------- */

Test(minimize_status, the_gradient)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        if (m->is_blind)
            continue;
        ENDS(m, GRADIENT, .tolerance_grad = 1e-3);
        cr_expect(last.gradient <= 1e-3 && last.gradient > 0);
        ENDS(m, GRADIENT, .tolerance_grad = 0, .tolerance_grad_absolute = 1e-3);
        cr_expect(last.gradient <= 1e-3 && last.gradient > 0);
    }
}

Test(minimize_status, a_small_change)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        ENDS(m, CHANGE, .tolerance_loss_absolute = 0.1);
        cr_expect(last.loss < 24.2);
        ENDS(m, CHANGE, .tolerance_loss = 0.05);
        ENDS(m, CHANGE, .tolerance_step = 0.1);
        ENDS(m, CHANGE, .tolerance_step_absolute = 0.1);
    }
}

Test(minimize_status, limits)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        ENDS(m, ITERATIONS, .max_iter = 4);
        cr_expect(last.iterations == 4);
        ENDS_AT(m, 0, 3, ITERATIONS, .max_iter = 100);
        cr_expect(last.iterations == 3);
        ENDS_AT(m, 2, 0, CALLBACK, .max_iter = 10);
        cr_expect(last.iterations == 2);
        ENDS(m, ITERATIONS, .max_iter = 4, .max_eval = 10000);
        cr_expect(last.iterations == 4);
    }
}

/* A limit comes in the middle of a line search, too: wherever it does, the best place counts. */
Test(minimize_status, evaluations)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int64_t most = 1; most < 25; most++) {
            RV_SCOPE;
            valley v = make_valley();
            rv_optim *opt = MADE(m, RV_TENSORS(v.x), .max_eval = most);
            const rv_optim_result r = run(m, opt, &v, 0);
            cr_expect(r.status == RV_OPTIM_EVALUATIONS && r.evaluations == most, "%s, %lld: %s",
                      m->name, (long long)most, r.reason);
            if (most >= 8)
                go_on(m, opt, &v);
            rv_optim_free(opt);
        }
}

Test(minimize_status, no_digits_left)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        valley v = make_valley();
        rv_optim *opt = MADE(m, RV_TENSORS(v.x), .tolerance_grad = 0, .max_iter = 100000);
        const rv_optim_result r = run(m, opt, &v, 0);
        cr_expect(r.status == RV_OPTIM_ROUNDING || r.status == RV_OPTIM_GRADIENT, "%s: %s", m->name,
                  r.reason);
        cr_expect(r.loss < 1e-25 && HOLDS(v.x, 1e-10, 1, 1), "%s: %g", m->name, r.loss);
        rv_optim_free(opt);
    }
}

Test(minimize_status, nothing_finite_at_the_start)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        valley v = {.x = rv_require_grad(VECTOR(-1.2, (double)NAN))};
        rv_optim *opt = MADE(m, RV_TENSORS(v.x));
        const rv_optim_result r = rv_optim_minimize(opt, loss, &v);
        cr_expect(r.status == RV_OPTIM_NONFINITE && r.iterations == 0 && r.evaluations == 1, "%s",
                  r.reason);
        cr_expect(at(v.x, 0) == -1.2 && isnan(at(v.x, 1)) && no_error());
        {
            RV_NO_GRAD;
            rv_fill(v.x, 0.5); /* and when somebody has put that right */
        }
        go_on(m, opt, &v);
        rv_optim_free(opt);
    }
}

Test(minimize_status, each_has_a_text_of_its_own)
{
    for (int s = RV_OPTIM_GRADIENT; s <= RV_OPTIM_RUNNING; s++)
        for (int other = RV_OPTIM_GRADIENT; other < s; other++)
            cr_expect(strcmp(rv_optim_status_text((rv_optim_status)s),
                             rv_optim_status_text((rv_optim_status)other)) != 0);
    cr_expect(strcmp(rv_optim_status_text((rv_optim_status)99), "unknown") == 0);
}

/* Steps one by one are what minimizing makes, bit for bit. */
Test(minimize_status, running)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        valley v = make_valley(), w = make_valley();
        rv_optim *whole = MADE(m, RV_TENSORS(v.x)), *steps = MADE(m, RV_TENSORS(w.x));
        rv_optim_minimize(whole, loss, &v, .max_iter = 12);
        for (int i = 0; i < 12; i++) {
            const rv_optim_result r = rv_optim_step_closure(steps, loss, &w);
            cr_expect(r.status == RV_OPTIM_RUNNING && r.iterations == 1, "%s: %s", m->name,
                      r.reason);
        }
        cr_expect(rv_equal(v.x, w.x), "%s", m->name);
        rv_optim_free(whole);
        rv_optim_free(steps);
    }
}

/* ---- another loss with the same curvature ---------------------------------------------------- */

typedef struct moved_bowl {
    rv_tensor *x;
    double center;
} moved_bowl;

static rv_tensor *bowl_loss(void *context)
{
    const moved_bowl *b = context;
    static const double weights[] = {1, 30, 300};
    rv_tensor *away = rv_add_scalar(b->x, -b->center);
    return rv_dot(rv_from_array(weights, RV_F64, 3), rv_square(away));
}

/* What was learned of the curvature is used at once, although the gradient is another: where the
 * minimum has moved to is found in fewer steps than without that. */
Test(minimize_status, other_data_use_what_was_learned)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        if (strncmp(m->name, "bfgs", 4) != 0 && strncmp(m->name, "ss", 2) != 0)
            continue;
        RV_SCOPE;
        moved_bowl b = {.x = rv_require_grad(VECTOR(3, -2, 1))};
        rv_optim *opt = MADE(m, RV_TENSORS(b.x));
        const rv_optim_result first = rv_optim_minimize(opt, bowl_loss, &b);
        b.center = 5;
        const rv_optim_result second = rv_optim_minimize(opt, bowl_loss, &b);
        cr_expect(first.status == RV_OPTIM_GRADIENT && second.status == RV_OPTIM_GRADIENT);
        cr_expect(second.iterations <= 7 && second.evaluations <= 10,
                  "%s: %lld iterations, %lld evaluations, after %lld", m->name,
                  (long long)second.iterations, (long long)second.evaluations,
                  (long long)first.iterations);
        cr_expect(HOLDS(b.x, 1e-7, 5, 5, 5));
        rv_optim_free(opt);
    }
}

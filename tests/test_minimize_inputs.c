/* test_minimize_inputs.c - every method that evaluates the loss again, with parameters of odd
 * shapes, options out of their ranges, first steps and losses of any size, and states of nonsense.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "minimize_task.h"

/* ---- parameters ------------------------------------------------------------------------------ */

/* (a + b + 3)^2 + (c - 1)^2 over whatever shapes there are. */
static rv_tensor *sums_loss(void *context)
{
    const rv_tensors *p = context;
    rv_tensor *sum = rv_full(3, RV_F64);
    for (int64_t i = 0; i < p->count; i++)
        sum = rv_add(sum, rv_sum(rv_cast(p->items[i], RV_F64)));
    return rv_square(sum);
}

Test(minimize_inputs, parameters_of_no_and_of_one_element)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        rv_tensor *scalar = rv_require_grad(rv_zeros(RV_F64)),
                  *none = rv_require_grad(rv_zeros(RV_F32, 0, 3)),
                  *single = rv_require_grad(rv_zeros(RV_F32, 1, 1, 1));
        rv_tensors p = RV_TENSORS(scalar, none, single);
        rv_optim *opt = MADE(m, p);
        const rv_optim_result r = rv_optim_minimize(opt, sums_loss, &p);
        cr_expect(has_arrived(m, &r) && r.loss < 1e-12 && no_error(), "%s: %s", m->name, r.reason);
        cr_expect(fabs(at(scalar, 0) + at(single, 0) + 3) < 1e-6);
        rv_optim_free(opt);

        p = RV_TENSORS(none); /* there is nothing to move */
        opt = MADE(m, p);
        const rv_optim_result empty = rv_optim_minimize(opt, sums_loss, &p);
        cr_expect(has_arrived(m, &empty) && empty.loss == 9 && empty.evaluations == 1, "%s: %s",
                  m->name, empty.reason);
        rv_optim_free(opt);
    }
}

#define REFUSED(m, status_, part, ...)                                    \
    do {                                                                  \
        cr_expect_null(MADE(m, __VA_ARGS__), "%s", (m)->name);            \
        cr_expect(error_is(RV_ERROR_##status_, (part)), "%s", (m)->name); \
    } while (0)

Test(minimize_inputs, parameters_that_cannot_be)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        rv_tensor *x = rv_require_grad(rv_zeros(RV_F64, 4)), *y = rv_square(x);
        rv_tensor *plain = rv_zeros(RV_F64, 4), *whole = rv_zeros(RV_I64, 2), *missing = NULL;
        REFUSED(m, ARGUMENT, "there are no parameters", (rv_tensors){0});
        REFUSED(m, NULL, "parameter 1 is NULL", RV_TENSORS(x, missing));
        REFUSED(m, ARGUMENT, "parameters 0 and 1 are the same tensor", RV_TENSORS(x, x));
        REFUSED(m, DTYPE, "parameter 0 is I64", RV_TENSORS(whole));
        REFUSED(m, GRAPH, "parameter 1 does not require a gradient", RV_TENSORS(x, plain));
        REFUSED(m, GRAPH, "", RV_TENSORS(y));
        rv_tensor *left = rv_require_grad(rv_slice(plain, 0, 0, 3)),
                  *right = rv_require_grad(rv_slice(plain, 0, 2, 4));
        REFUSED(m, ARGUMENT, "parameters 0 and 1 share memory", RV_TENSORS(left, right));
    }
}

/* ---- options --------------------------------------------------------------------------------- */

Test(minimize_inputs, options_out_of_their_ranges)
{
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -1, -1e-300};
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        const rv_tensors p = RV_TENSORS(rv_require_grad(rv_zeros(RV_F64, 4)));
        for (int i = 0; i < RV_COUNT(bad); i++) {
            REFUSED(m, ARGUMENT, "lr is", p, .lr = bad[i]);
            REFUSED(m, ARGUMENT, "tolerance_grad is", p, .tolerance_grad = bad[i]);
            REFUSED(m, ARGUMENT, "tolerance_grad_absolute is", p,
                    .tolerance_grad_absolute = bad[i]);
            REFUSED(m, ARGUMENT, "tolerance_loss is", p, .tolerance_loss = bad[i]);
            REFUSED(m, ARGUMENT, "tolerance_loss_absolute is", p,
                    .tolerance_loss_absolute = bad[i]);
            REFUSED(m, ARGUMENT, "tolerance_step is", p, .tolerance_step = bad[i]);
            REFUSED(m, ARGUMENT, "tolerance_step_absolute is", p,
                    .tolerance_step_absolute = bad[i]);
        }
        REFUSED(m, ARGUMENT, "lr is 0", p, .lr = 0);
        REFUSED(m, ARGUMENT, "max_iter is 0", p, .max_iter = 0);
        REFUSED(m, ARGUMENT, "max_iter is -5", p, .max_iter = -5);
        REFUSED(m, ARGUMENT, "max_eval is -1", p, .max_eval = -1);
    }
}

/* Any first step will do, however large or small. */
Test(minimize_inputs, first_steps_of_any_size)
{
    const double sizes[] = {1e-300, 1e-30, 1e-6, 1e6, 1e30, 1e300};
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = 0; i < RV_COUNT(sizes); i++) {
            RV_SCOPE;
            task t = make_task(NULL, 0);
            t.opt = MADE(m, RV_TENSORS(t.a, t.b), .lr = sizes[i], .max_iter = 20);
            const double start = rv_item(right_loss(&t));
            const rv_optim_result r = rv_optim_minimize(t.opt, closure, &t);
            cr_expect(no_error(), "%s, lr %g", m->name, sizes[i]);
            cr_expect(r.status != RV_OPTIM_FAILED && r.loss <= start &&
                          r.loss == rv_item(right_loss(&t)),
                      "%s, lr %g: %s", m->name, sizes[i], r.reason);
            rv_optim_free(t.opt);
        }
}

/* A schedule may set a rate of 0, with which no step can be made. */
Test(minimize_inputs, a_rate_that_was_set_to_0)
{
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        task t = make_task(NULL, 0);
        if (m->is_blind) /* its steps have a size of their own by then */
            continue;
        t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 20);
        rv_optim_minimize(t.opt, closure, &t, .max_iter = 3);
        cr_assert(rv_optim_set_lr(t.opt, 0));
        const rv_optim_result r = rv_optim_minimize(t.opt, closure, &t);
        cr_expect(r.status == RV_OPTIM_FAILED && error_is(RV_ERROR_ARGUMENT, "step is 0"), "%s: %s",
                  m->name, r.reason);
        cr_expect(is_at_best(&t) && r.loss == t.best);
        rv_optim_free(t.opt);
    }
}

/* ---- sizes ----------------------------------------------------------------------------------- */

typedef struct scaled {
    task task;
    double by;
} scaled;

static rv_tensor *scaled_loss(void *context)
{
    scaled *s = context;
    return rv_mul_scalar(right_loss(&s->task), s->by);
}

/* Losses as large and small as numbers are: where a gradient's square is none, curvature is not
 * seen, and methods descend slowly. */
Test(minimize_inputs, losses_of_any_size)
{
    const double sizes[] = {1e-250, 1e-160, 1e-100, 1e-20, 1e20, 1e100, 1e160, 1e250};
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = 0; i < RV_COUNT(sizes); i++) {
            RV_SCOPE;
            scaled s = {.task = make_task(NULL, 0), .by = sizes[i]};
            s.task.b = rv_require_grad(rv_zeros(RV_F64, 4));
            rv_optim *opt = MADE(m, RV_TENSORS(s.task.a, s.task.b), .tolerance_grad = 0,
                                 .tolerance_grad_absolute = 1e-6 * sizes[i]);
            const rv_optim_result r = rv_optim_minimize(opt, scaled_loss, &s);
            cr_expect(no_error(), "%s, %g", m->name, sizes[i]);
            cr_expect(r.status != RV_OPTIM_FAILED && r.loss == rv_item(scaled_loss(&s)),
                      "%s, %g: %s", m->name, sizes[i], r.reason);
            const bool is_plain = sizes[i] > 1e-120 && sizes[i] < 1e120;
            cr_expect(!is_plain || has_arrived(m, &r), "%s, %g: %s, %g", m->name, sizes[i],
                      r.reason, r.loss / sizes[i]);
            cr_expect(r.loss < sizes[i], "%s, %g: %s, %g", m->name, sizes[i], r.reason,
                      r.loss / sizes[i]);
            rv_optim_free(opt);
        }
}

/* ---- what a file may bring ------------------------------------------------------------------- */

static const char *const state_names[] = {
    "numbers",    "old_steps",  "old_changes", "reciprocals",     "inverse_hessian",
    "product",    "product_of", "old_step",    "waiting_product", "waiting_step",
    "old_change", "basis",      "eigenvalues",
};

/* Whatever the numbers in a state are, a method ends, at a place no worse than the one before. */
Test(minimize_inputs, states_of_nonsense)
{
    const double values[] = {(double)NAN, (double)INFINITY, -1, 0, 1e300, 0.5, 3};
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int i = 0; i < RV_COUNT(state_names) * RV_COUNT(values); i++) {
            RV_SCOPE;
            const char *name = state_names[i / RV_COUNT(values)];
            const double value = values[i % RV_COUNT(values)];
            task t = make_task(NULL, 0);
            t.opt = MADE(m, RV_TENSORS(t.a, t.b), .max_iter = 300);
            rv_optim_minimize(t.opt, closure, &t, .max_iter = 4);
            const double before = rv_item(right_loss(&t));
            if (!write_state(t.opt, name, value)) {
                rv_optim_free(t.opt);
                continue;
            }
            const rv_optim_result r = rv_optim_minimize(t.opt, closure, &t);
            const bool is_refused = r.status == RV_OPTIM_FAILED;
            cr_expect(is_refused ? error_is(RV_ERROR_ARGUMENT, "its state has") : no_error(),
                      "%s, %s %g", m->name, name, value);
            cr_expect(is_refused || has_arrived(m, &r), "%s, %s %g: %s", m->name, name, value,
                      r.reason);
            cr_expect(r.loss <= before && r.loss == rv_item(right_loss(&t)), "%s, %s %g: %g",
                      m->name, name, value, r.loss);
            rv_optim_free(t.opt);
        }
}

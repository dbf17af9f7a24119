/* test_cg.c - conjugate gradients: directions against formulas worked out by hand, the thirty
 * problems, going on from a file, options; and that L-BFGS and CG never mix two batches in a pair.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "helpers.h"
#include "problems.h"

/* ---- the thirty problems --------------------------------------------------------------------- */

enum { LIMIT = 5000 };

typedef problem_task task;

static task task_named(const char *name, rv_dtype dtype)
{
    const problem *p = problem_named(name);
    return (task){p, problem_start(p, dtype)};
}

/* Watson's function of nine numbers has a Hessian with a condition of 1e10 and more: there CG with
 * one pair has not come below 1e-4 in 5000 evaluations. */
Test(cg, solves_all_but_one_of_the_thirty_problems)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        task t = task_named(problems[i].name, RV_F64);
        rv_optim *opt = rv_optim_cg(RV_TENSORS(t.x), .max_iter = LIMIT, .max_eval = LIMIT);
        const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
        const double here = rv_item(problem_closure(&t));
        cr_expect(r.loss == here, "%s: %.17g is not %.17g", problems[i].name, r.loss, here);
        if (strcmp(problems[i].name, "watson_9") == 0) {
            cr_expect(here < 1e-4, "%g", here);
        } else {
            const double away =
                fmin(fabs(here - problems[i].minima[0]), fabs(here - problems[i].minima[1]));
            cr_expect(r.status == RV_OPTIM_GRADIENT, "%s: %s, max|g| %g", problems[i].name,
                      r.reason, r.gradient);
            cr_expect(away <= 1e-5 * fmax(1e-3, fabs(here)), "%s: %.10g", problems[i].name, here);
        }
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

/* ---- betas ----------------------------------------------------------------------------------- */

/* (x^2 + 10 y^2 + 100 z^2)/2 + xy, and with a share of (x - 1)^2 z as well, and share^2 of x^4. */
typedef struct valley {
    rv_tensor *x;
    double share;
} valley;

static rv_tensor *valley_closure(void *context)
{
    const valley *v = context;
    rv_tensor *x = rv_select(v->x, 0, 0), *y = rv_select(v->x, 0, 1), *z = rv_select(v->x, 0, 2);
    rv_tensor *loss = rv_mul_scalar(rv_square(x), 0.5);
    loss = rv_add(loss, rv_mul_scalar(rv_square(y), 5));
    loss = rv_add(loss, rv_mul_scalar(rv_square(z), 50));
    loss = rv_add(loss, rv_mul(x, y));
    loss = rv_add(loss, rv_mul_scalar(rv_square(rv_square(x)), v->share * v->share));
    return rv_add(loss, rv_mul_scalar(rv_mul(rv_square(rv_add_scalar(x, -1)), z), v->share));
}

/* Its gradient, by hand. */
static void valley_gradient(const double *x, double share, double *g)
{
    g[0] = x[0] + x[1] + share * 2 * (x[0] - 1) * x[2] + share * share * 4 * x[0] * x[0] * x[0];
    g[1] = 10 * x[1] + x[0];
    g[2] = 100 * x[2] + share * (x[0] - 1) * (x[0] - 1);
}

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void numbers_of(const rv_tensor *t, double *x)
{
    for (int i = 0; i < 3; i++)
        x[i] = at(t, i);
}

/* The textbook's beta, for the direction d before: d+ = -g+ + beta d. */
static double beta_of(rv_cg_beta beta, const double *g, const double *old, const double *d)
{
    const double y[] = {g[0] - old[0], g[1] - old[1], g[2] - old[2]}, dy = dot(d, y);
    switch (beta) {
    case RV_CG_POLAK_RIBIERE: return fmax(0, dot(g, y) / dot(old, old));
    case RV_CG_FLETCHER_REEVES: return dot(g, g) / dot(old, old);
    case RV_CG_HESTENES_STIEFEL: return dot(g, y) / dy;
    case RV_CG_DAI_YUAN: return dot(g, g) / dy;
    case RV_CG_HAGER_ZHANG: {
        double w[3];
        for (int i = 0; i < 3; i++)
            w[i] = y[i] - 2 * d[i] * dot(y, y) / dy;
        return fmax(dot(w, g) / dy, -1 / (sqrt(dot(d, d)) * fmin(0.01, sqrt(dot(old, old)))));
    }
    case RV_CG_BETA_COUNT: break;
    }
    return NAN;
}

/* Whether a and b have the same direction. */
static bool is_along(const double *a, const double *b)
{
    const double cosine = dot(a, b) / sqrt(dot(a, a) * dot(b, b));
    return cosine > 1 - 1e-12;
}

/* Every step of an optimizer goes along the direction that the formula says; -g after `restart`. */
static void check_directions(rv_cg_beta beta, double curvature, int restart)
{
    RV_SCOPE;
    valley v = {rv_require_grad(VECTOR(3, -2, 0.5)), 0.3};
    rv_optim *opt = rv_optim_cg(RV_TENSORS(v.x), .beta = beta, .restart = restart,
                                .curvature = curvature, .line_search = RV_LINE_MORE_THUENTE);
    double d[3] = {0}, old[3] = {0};
    int since = 0;
    for (int i = 0; i < 8; i++) {
        double x[3], g[3], next[3], step[3];
        numbers_of(v.x, x);
        valley_gradient(x, v.share, g);
        const double b = since > 0 && since < restart ? beta_of(beta, g, old, d) : 0;
        for (int k = 0; k < 3; k++)
            d[k] = b != 0 ? b * d[k] - g[k] : -g[k];
        cr_assert(dot(d, g) < 0, "beta %d: no descent", (int)beta);
        cr_assert(rv_optim_step_closure(opt, valley_closure, &v).status == RV_OPTIM_RUNNING);
        numbers_of(v.x, next);
        for (int k = 0; k < 3; k++)
            step[k] = next[k] - x[k];
        cr_expect(is_along(step, d), "beta %d, step %d", (int)beta, i);
        since = since == restart ? 1 : since + 1;
        memcpy(old, g, sizeof old);
    }
    rv_optim_free(opt);
}

Test(cg, every_beta_is_its_formula)
{
    for (int beta = 0; beta < RV_CG_BETA_COUNT; beta++) {
        check_directions((rv_cg_beta)beta, 0.1, 100);
        check_directions((rv_cg_beta)beta, 0.02, 3);
        check_directions((rv_cg_beta)beta, 0.1, 1); /* steepest descent */
    }
    cr_assert(no_error());
}

/* With exact searches n steps end on a quadratic, whatever the beta. */
Test(cg, three_steps_solve_a_quadratic_of_three_numbers)
{
    for (int beta = 0; beta < RV_CG_BETA_COUNT; beta++) {
        RV_SCOPE;
        valley v = {rv_require_grad(VECTOR(3, -2, 0.5)), 0};
        rv_optim *opt = rv_optim_cg(RV_TENSORS(v.x), .beta = (rv_cg_beta)beta, .max_iter = 3,
                                    .decrease = 1e-9, .curvature = 1e-8);
        const rv_optim_result r = rv_optim_minimize(opt, valley_closure, &v);
        cr_expect(r.gradient < 1e-5 && HOLDS(v.x, 1e-5, 0, 0, 0), "beta %d: %g", beta, r.gradient);
        rv_optim_free(opt);
    }
}

/* Directions that go up: a pair that a file has changed. */
Test(cg, a_direction_that_does_not_descend_is_not_taken)
{
    for (int beta = 0; beta < RV_CG_BETA_COUNT; beta++) {
        RV_SCOPE;
        valley v = {rv_require_grad(VECTOR(3, -2, 0.5)), 0.3};
        rv_optim *opt = rv_optim_cg(RV_TENSORS(v.x), .beta = (rv_cg_beta)beta, .tolerance_grad = 0);
        rv_optim_minimize(opt, valley_closure, &v, .max_iter = 2);
        const double bad[] = {1e8, -1e8, 0, (double)NAN, (double)INFINITY};
        for (int i = 0; i < RV_COUNT(bad); i++) {
            const double before = rv_item(valley_closure(&v));
            cr_assert(write_state(opt, i % 2 == 0 ? "old_step" : "old_change", bad[i]));
            const rv_optim_result r = rv_optim_step_closure(opt, valley_closure, &v);
            cr_expect(r.status == RV_OPTIM_RUNNING && r.loss < before, "beta %d, %g: %s", beta,
                      bad[i], r.reason);
        }
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

/* ---- going on from a file -------------------------------------------------------------------- */

static void check_going_on(const char *path, int beta, rv_dtype dtype, int stop)
{
    RV_SCOPE;
    task t = task_named("osborne_2", dtype), u = task_named("osborne_2", dtype);
    rv_optim *optims[3]; /* whole, first, second */
    for (int i = 0; i < 3; i++)
        optims[i] = rv_optim_cg(RV_TENSORS(i == 0 ? t.x : u.x), .beta = (rv_cg_beta)beta);
    rv_optim_minimize(optims[0], problem_closure, &t, .max_iter = 30);
    rv_optim_minimize(optims[1], problem_closure, &u, .max_iter = stop);
    cr_assert(rv_save(path, optims[1]));
    cr_assert(rv_load(path, optims[2]));
    rv_optim_minimize(optims[2], problem_closure, &u, .max_iter = 30 - stop);
    cr_expect(rv_equal(t.x, u.x), "beta %d, %s, stopped after %d iterations", beta,
              rv_dtype_name(dtype), stop);
    cr_expect(rv_optim_steps(optims[2]) == 30);
    for (int i = 0; i < 3; i++)
        rv_optim_free(optims[i]);
}

Test(cg, going_on_from_a_file_is_bit_identical, .init = make_folder, .fini = remove_folder)
{
    const char *path = in_folder("cg.safetensors");
    for (int beta = 0; beta < RV_CG_BETA_COUNT; beta++)
        for (int stop = 1; stop < 30; stop += 7) {
            check_going_on(path, beta, RV_F64, stop);
            check_going_on(path, beta, RV_F32, stop);
        }
    cr_assert(no_error());
}

/* ---- batches that change --------------------------------------------------------------------- */

/* Copies of the state tensors of two names. */
typedef struct pair {
    const char *names[2];
    rv_tensor *found[2];
} pair;

static bool find_pair(void *context, const char *name, rv_tensor *t)
{
    pair *p = context;
    for (int i = 0; i < 2; i++)
        if (strcmp(name, p->names[i]) == 0)
            p->found[i] = rv_copy(t);
    return true;
}

/* A pair is of one batch: after each step, of a batch other than the last one's, the newest pair is
 * the step, and the change of that batch's gradient. */
static void check_batches(rv_optim *opt, valley *v, pair *p, int rows)
{
    const double shares[] = {0.3, -0.2};
    for (int i = 0; i < 12; i++) {
        RV_SCOPE;
        double x[3], next[3], before[3], after[3], sy = 0;
        numbers_of(v->x, x);
        v->share = shares[i % 2];
        const rv_optim_result r = rv_optim_step_closure(opt, valley_closure, v);
        cr_assert(r.status == RV_OPTIM_RUNNING || r.status == RV_OPTIM_GRADIENT, "%s", r.reason);
        if (r.iterations == 0)
            continue;
        numbers_of(v->x, next);
        valley_gradient(x, v->share, before);
        valley_gradient(next, v->share, after);
        p->found[0] = p->found[1] = NULL;
        cr_assert(rv_state(opt, find_pair, p) && p->found[0] != NULL && p->found[1] != NULL);
        for (int k = 0; k < 3; k++) {
            const int64_t place = (int64_t)(i % rows) * 3 + k;
            const double s = next[k] - x[k], y = after[k] - before[k];
            sy += s * y;
            cr_expect(at(p->found[0], place) == s, "step %d: s[%d]", i, k);
            cr_expect(fabs(at(p->found[1], place) - y) <= 1e-12 * fmax(1, fabs(after[k])),
                      "step %d: y[%d] is %g, not %g", i, k, at(p->found[1], place), y);
        }
        cr_expect(sy > 0);
    }
}

Test(cg, pairs_of_lbfgs_and_cg_are_of_one_batch)
{
    RV_SCOPE;
    valley v = {rv_require_grad(VECTOR(3, -2, 0.5)), 0},
           u = {rv_require_grad(VECTOR(3, -2, 0.5)), 0};
    rv_optim *lbfgs = rv_optim_lbfgs(RV_TENSORS(v.x), .history = 5, .tolerance_grad = 0);
    rv_optim *cg = rv_optim_cg(RV_TENSORS(u.x), .tolerance_grad = 0);
    check_batches(lbfgs, &v, &(pair){.names = {"old_steps", "old_changes"}}, 5);
    check_batches(cg, &u, &(pair){.names = {"old_step", "old_change"}}, 1);
    rv_optim_free(lbfgs);
    rv_optim_free(cg);
    cr_assert(no_error());
}

/* ---- what can be wrong ----------------------------------------------------------------------- */

#define REFUSED(part, ...)                                         \
    do {                                                           \
        cr_expect_null(rv_optim_cg(RV_TENSORS(x), __VA_ARGS__));   \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "optim_cg: " part)); \
    } while (0)

Test(cg, wrong_options)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2));
    REFUSED("beta is 5", .beta = RV_CG_BETA_COUNT);
    REFUSED("beta is -1", .beta = (rv_cg_beta)-1);
    REFUSED("restart is -1", .restart = -1);
    REFUSED("curvature is 1", .curvature = 1);
    REFUSED("decrease is 0.5", .decrease = 0.5);
    REFUSED("line_search is 7", .line_search = (rv_line_method)7);
    REFUSED("max_iter is 0", .max_iter = 0);
    REFUSED("lr is", .lr = (double)NAN);
    REFUSED("weight_decay is set", .weight_decay = 1);
    cr_expect_null(rv_optim_cg_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "optim_cg"));
}

/* Searches as strict as CG's also where values have no digits left, and the second one begins. */
Test(cg, a_strict_search_near_the_last_digit)
{
    RV_SCOPE;
    task t = task_named("brown_dennis", RV_F64); /* its minimum is 85822 */
    rv_optim *opt = rv_optim_cg(RV_TENSORS(t.x), .curvature = 0.01, .tolerance_grad = 0);
    const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
    cr_expect(r.status == RV_OPTIM_ROUNDING, "%s", r.reason);
    cr_expect(fabs(r.loss - 85822.2016263563) < 1e-9, "%.12g", r.loss);
    cr_assert(no_error());
    rv_optim_free(opt);
}

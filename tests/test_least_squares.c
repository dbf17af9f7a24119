/* test_least_squares.c - sums of squares: Levenberg-Marquardt and Gauss-Newton on the thirty
 * standard problems, linear ones, a network, dtypes, reasons to stop, going on.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/lapack.h"
#include "files.h"
#include "helpers.h"
#include "least_squares_methods.h"
#include "problems.h"

#if RV_BLAS /* without LAPACK there is an error instead: the last test */

/* ---- the thirty problems --------------------------------------------------------------------- */

typedef struct task {
    const problem *problem;
    rv_tensor *x;
    int64_t calls;
} task;

/* Half the sum of their squares is the problem's loss. */
static rv_tensor *residuals(void *context)
{
    task *t = context;
    t->calls++;
    return rv_mul_scalar(t->problem->residuals(rv_cast(t->x, RV_F64)), sqrt(2));
}

static task task_of(const problem *p, rv_dtype dtype)
{
    return (task){p, problem_start(p, dtype), 0};
}

/* What MINPACK's lmder needs for the same problems in the same order (SciPy 1.17, least_squares
 * with method lm, xtol = ftol = gtol = 1e-15, x_scale = jac): evaluations of the residuals until
 * max|g| <= 1e-8 max(1, |loss|); 0: it does not get there. */
static const int minpack[PROBLEM_COUNT] = {21, 0,  18, 16, 8,  0,  11, 6, 3,  6,
                                           13, 69, 24, 0,  44, 19, 10, 7, 21, 13,
                                           88, 86, 11, 33, 13, 3,  4,  5, 7,  61};

Test(least_squares, levenberg_marquardt_solves_the_thirty_problems_as_fast_as_minpack)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        const problem *p = &problems[i];
        task t = task_of(p, RV_F64);
        rv_optim *opt = make_method(QR, t.x);
        const rv_optim_result r = rv_optim_minimize(opt, residuals, &t);
        cr_expect(r.evaluations == t.calls && r.jacobians >= r.iterations + 1);
        const double here = rv_item(problem_loss(p, t.x));
        cr_expect(fabs(r.loss - here) <= 1e-14 * fmax(1e-10, fabs(here)), "%s: %.17g is not %.17g",
                  p->name, r.loss, here);
        double away = INFINITY; /* from the nearer of the two known minima */
        for (int k = 0; k < 2; k++)
            away = fmin(away, fabs(here - p->minima[k]));
        cr_expect(away <= 1e-5 * fmax(1e-3, fabs(here)), "%s: %.10g", p->name, here);
        rv_optim_free(opt);
        if (strcmp(p->name, "brown_dennis") == 0) {
            /* Of its Hessian J'J has less than half: a tenth of a digit for each step, and at the
             * loss's last digit max|g| is 1.3 times what is asked for. */
            cr_expect(r.status == RV_OPTIM_ROUNDING && r.gradient < 2e-3, "%s, %g", r.reason,
                      r.gradient);
            continue;
        }
        cr_expect(r.status == RV_OPTIM_GRADIENT, "%s: %s, max|g| %g", p->name, r.reason,
                  r.gradient);
        cr_expect(minpack[i] == 0 || r.evaluations <= minpack[i] + 1,
                  "%s: %lld evaluations, MINPACK %d", p->name, (long long)r.evaluations,
                  minpack[i]);
    }
    cr_assert(no_error());
}

Test(least_squares, cholesky_solves_what_has_digits_enough)
{
    int64_t solved = 0;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        if (problems[i].n > 100)
            continue; /* these three are done by QR */
        task t = task_of(&problems[i], RV_F64);
        rv_optim *opt = make_method(CHOLESKY, t.x);
        const rv_optim_result r = rv_optim_minimize(opt, residuals, &t);
        solved += r.status == RV_OPTIM_GRADIENT;
        cr_expect(r.status == RV_OPTIM_GRADIENT || r.status == RV_OPTIM_ROUNDING, "%s: %s",
                  problems[i].name, r.reason);
        rv_optim_free(opt);
    }
    cr_expect(solved >= 25, "%lld", (long long)solved);
    cr_assert(no_error());
}

Test(least_squares, gauss_newton_solves_what_it_can)
{
    static const char *const far[] = {"freudenstein_roth", "jennrich_sampson", "biggs_exp6",
                                      "penalty_2_10",      "chebyquad_8",      "brown_dennis"};
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        bool is_far = false;
        for (int k = 0; k < RV_COUNT(far); k++)
            is_far = is_far || strcmp(far[k], problems[i].name) == 0;
        if (is_far || problems[i].n > 100)
            continue;
        task t = task_of(&problems[i], RV_F64);
        rv_optim *opt = make_method(GAUSS_NEWTON, t.x);
        const rv_optim_result r = rv_optim_minimize(opt, residuals, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT && r.evaluations == t.calls, "%s: %s",
                  problems[i].name, r.reason);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

/* ---- linear problems ------------------------------------------------------------------------- */

Test(least_squares, a_linear_problem_takes_one_step)
{
    for (int method = 0; method < METHODS; method++) {
        RV_SCOPE;
        linear l = {.a = rv_cat((rv_tensor *[]){waves(7, 3, 1), waves(2, 3, 9)}, 2, 0),
                    .b = rv_reshape(waves(9, 1, 0), 9),
                    .x = rv_require_grad(rv_ones(RV_F64, 3))};
        rv_optim *opt = make_method(method, l.x);
        const rv_optim_result r = rv_optim_minimize(opt, linear_residuals, &l);
        cr_expect(r.status == RV_OPTIM_GRADIENT && r.iterations == 1 && r.evaluations == 2 &&
                      r.jacobians == 2,
                  "method %d: %s, %lld", method, r.reason, (long long)r.iterations);
        /* The normal equations. */
        rv_tensor *at = rv_transpose(l.a, 0, 1);
        rv_tensor *want = rv_solve(rv_matmul(at, l.a), rv_unsqueeze(rv_matmul(at, l.b), 1));
        reason why = {""};
        cr_expect(is_near(l.x, rv_reshape(want, 3), 1e-10, &why), "method %d: %s", method,
                  why.text);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

Test(least_squares, a_linear_problem_of_more_than_a_block_of_parameters)
{
    RV_SCOPE;
    rv_seed(5);
    linear l = {.a = rv_randn(RV_F64, 700, 150), .b = rv_randn(RV_F64, 700)};
    rv_tensor *first = NULL;
    for (int method = 0; method < METHODS; method++) {
        l.x = rv_require_grad(rv_ones(RV_F64, 150));
        rv_optim *opt = make_method(method, l.x);
        const rv_optim_result r = rv_optim_minimize(opt, linear_residuals, &l);
        cr_expect(r.status == RV_OPTIM_GRADIENT && r.iterations == 1, "method %d: %s", method,
                  r.reason);
        reason why = {""};
        if (method == 0)
            first = rv_copy(l.x);
        cr_expect(is_near(l.x, first, 1e-12, &why), "method %d: %s", method, why.text);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

Test(least_squares, gauss_newton_takes_the_shortest_step)
{
    RV_SCOPE;
    static const double two[] = {1, 1, 1, 1, 2, 2}, one[] = {1, 2};
    linear deficient = {.a = rv_from_array(two, RV_F64, 3, 2),
                        .b = VECTOR(3, 1, 4),
                        .x = rv_require_grad(rv_zeros(RV_F64, 2))};
    linear wide = {.a = rv_from_array(one, RV_F64, 1, 2),
                   .b = VECTOR(3),
                   .x = rv_require_grad(rv_zeros(RV_F64, 2))};
    rv_optim *opt = make_method(GAUSS_NEWTON, deficient.x);
    cr_expect(rv_optim_minimize(opt, linear_residuals, &deficient).status == RV_OPTIM_GRADIENT);
    cr_expect(HOLDS(deficient.x, 1e-14, 1, 1));
    rv_optim_free(opt);
    opt = make_method(GAUSS_NEWTON, wide.x);
    cr_expect(rv_optim_minimize(opt, linear_residuals, &wide).status == RV_OPTIM_GRADIENT);
    cr_expect(HOLDS(wide.x, 1e-14, 0.6, 1.2));
    rv_optim_free(opt);
}

Test(least_squares, levenberg_marquardt_takes_fewer_residuals_than_parameters)
{
    for (int method = QR; method <= CHOLESKY; method++) {
        RV_SCOPE;
        static const double zero_column[] = {1, 1, 0, 1, 1, 0, 2, 2, 0}, one[] = {1, 2};
        linear deficient = {.a = rv_from_array(zero_column, RV_F64, 3, 3),
                            .b = VECTOR(3, 1, 4),
                            .x = rv_require_grad(VECTOR(1, 0, 5))};
        linear wide = {.a = rv_from_array(one, RV_F64, 1, 2),
                       .b = VECTOR(3),
                       .x = rv_require_grad(rv_zeros(RV_F64, 2))};
        rv_optim *opt = make_method(method, deficient.x);
        rv_optim_result r = rv_optim_minimize(opt, linear_residuals, &deficient);
        cr_expect(r.status == RV_OPTIM_GRADIENT, "method %d: %s", method, r.reason);
        cr_expect(fabs(at(deficient.x, 0) + at(deficient.x, 1) - 2) < 1e-8);
        cr_expect(at(deficient.x, 2) == 5); /* nothing depends on it */
        rv_optim_free(opt);
        opt = make_method(method, wide.x);
        r = rv_optim_minimize(opt, linear_residuals, &wide);
        cr_expect(r.status == RV_OPTIM_GRADIENT, "method %d: %s", method, r.reason);
        cr_expect(fabs(at(wide.x, 0) + 2 * at(wide.x, 1) - 3) < 1e-8);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

/* ---- the triangle ---------------------------------------------------------------------------- */

Test(least_squares, the_triangle_of_pieces_is_the_triangle)
{
    static const int64_t sizes[][2] = {{4000, 30}, {5003, 41}, {30, 30}, {7, 20}, {20, 1}};
    for (int i = 0; i < RV_COUNT(sizes); i++) {
        RV_SCOPE;
        const int64_t m = sizes[i][0], n = sizes[i][1];
        rv_tensor *columns = rv_randn(RV_F64, n, m), *r = rv_empty(RV_F64, n, n);
        rv_tensor *want = rv_matmul(columns, rv_transpose(columns, 0, 1));
        cr_assert(rv_lapack_triangle("test", columns, r));
        rv_tensor *got = rv_matmul(r, rv_transpose(r, 0, 1));
        const double largest = rv_item(rv_max(rv_abs(rv_sub(got, want))));
        cr_expect(largest < 1e-13 * (double)m * 5, "%lld x %lld: %g", (long long)m, (long long)n,
                  largest);
        for (int64_t row = 0; row < n; row++)
            for (int64_t column = row + 1; column < n; column++)
                cr_assert(at(r, row * n + column) == 0);
    }
    cr_assert(no_error());
}

/* ---- a network ------------------------------------------------------------------------------- */

enum { INPUTS = 2, HIDDEN = 6, WEIGHTS = INPUTS * HIDDEN + HIDDEN + HIDDEN };

typedef struct fit {
    int64_t batch;
    rv_tensor *x, *y;     /* [batch,INPUTS], [batch] */
    rv_tensor *a, *b, *c; /* [INPUTS,HIDDEN], [HIDDEN], [HIDDEN,1] */
    int64_t jacobians;
} fit;

static fit make_fit(int64_t batch, rv_dtype dtype)
{
    rv_seed(3);
    rv_tensor *x = rv_rand(RV_F64, batch, INPUTS);
    rv_tensor *y =
        rv_sin(rv_mul_scalar(rv_add(rv_select(x, 1, 0), rv_square(rv_select(x, 1, 1))), 2));
    return (fit){.batch = batch,
                 .x = rv_cast(x, dtype),
                 .y = rv_cast(y, dtype),
                 .a = rv_require_grad(rv_randn(dtype, INPUTS, HIDDEN)),
                 .b = rv_require_grad(rv_randn(dtype, HIDDEN)),
                 .c = rv_require_grad(rv_randn(dtype, HIDDEN, 1))};
}

static rv_tensor *fit_residuals(void *context)
{
    const fit *f = context;
    rv_tensor *h = rv_tanh(rv_add(rv_matmul(f->x, f->a), f->b));
    return rv_sub(rv_reshape(rv_matmul(h, f->c), f->batch), f->y);
}

/* The same, every sample with parameters of its own. */
static rv_tensor *outputs(rv_tensor **in, void *context)
{
    const fit *f = context;
    rv_tensor *x = rv_unsqueeze(f->x, 1); /* [batch,1,INPUTS] */
    rv_tensor *h = rv_tanh(rv_add(rv_matmul(x, in[0]), rv_unsqueeze(in[1], 1)));
    return rv_sub(rv_reshape(rv_matmul(h, in[2]), f->batch), f->y);
}

static rv_tensor *fit_jacobian(void *context)
{
    fit *f = context;
    f->jacobians++;
    rv_tensor *a = rv_expand(f->a, f->batch, INPUTS, HIDDEN);
    rv_tensor *b = rv_expand(f->b, f->batch, HIDDEN), *c = rv_expand(f->c, f->batch, HIDDEN, 1);
    rv_tensor *j = rv_jacobian(outputs, f, RV_TENSORS(a, b, c), .batched = true);
    return rv_reshape(j, f->batch, -1);
}

/* Rows 8*part to 8*part + 7 of it. */
static rv_tensor *jacobian_of_part(void *context, int64_t part)
{
    fit f = *(const fit *)context;
    f.batch = 8;
    f.x = rv_slice(f.x, .start = 8 * part, .stop = 8 * (part + 1));
    f.y = rv_slice(f.y, .start = 8 * part, .stop = 8 * (part + 1));
    return fit_jacobian(&f);
}

Test(least_squares, the_jacobian_sample_by_sample_is_the_jacobian)
{
    RV_SCOPE;
    fit f = make_fit(40, RV_F64);
    rv_tensor *want = rv_jacobian(fit_residuals, &f, RV_TENSORS(f.a, f.b, f.c));
    reason why = {""};
    cr_assert(is_near(fit_jacobian(&f), want, 1e-13, &why), "%s", why.text);
    rv_tensor *joined = rv_cat_parts(jacobian_of_part, &f, f.batch / 8);
    cr_assert(is_near(joined, want, 1e-13, &why), "%s", why.text);
    cr_assert(no_error());
}

Test(least_squares, a_network_is_fitted_with_either_jacobian)
{
    double losses[2];
    for (int given = 0; given < 2; given++) {
        RV_SCOPE;
        fit f = make_fit(40, RV_F64);
        rv_optim *opt = rv_optim_levenberg_marquardt(RV_TENSORS(f.a, f.b, f.c), .max_iter = 60,
                                                     .jacobian = given ? fit_jacobian : NULL);
        const rv_optim_result r = rv_optim_minimize(opt, fit_residuals, &f);
        cr_expect(r.loss < 2e-4, "%s: %g", r.reason, r.loss); /* from above 10 */
        cr_expect(given == 0 || r.jacobians == f.jacobians);
        losses[given] = r.loss;
        rv_optim_free(opt);
    }
    cr_expect(fabs(losses[0] - losses[1]) <= 1e-3 * losses[0], "%.17g %.17g", losses[0], losses[1]);
    cr_assert(no_error());
}

/* Parameters after some iterations, as a hash. */
static uint64_t fitted(rv_least_squares_solver solver, bool gauss_newton)
{
    RV_SCOPE;
    fit f = make_fit(6000, RV_F64);
    const rv_tensors all = RV_TENSORS(f.a, f.b, f.c);
    rv_optim *opt = gauss_newton ? rv_optim_gauss_newton(all, .jacobian = fit_jacobian)
                                 : rv_optim_levenberg_marquardt(all, .jacobian = fit_jacobian,
                                                                .solver = solver);
    rv_optim_minimize(opt, fit_residuals, &f, .max_iter = 4);
    rv_optim_free(opt);
    return hash_of(hash_of(hash_of(HASH_START, f.a), f.b), f.c);
}

Test(least_squares, results_do_not_depend_on_threads)
{
    for (int method = 0; method < METHODS; method++) {
        uint64_t first = 0;
        for (int threads = 1; threads <= 3; threads++) {
            cr_assert(rv_set_threads(threads));
            const uint64_t hash =
                fitted((rv_least_squares_solver)(method % 2), method == GAUSS_NEWTON);
            if (threads == 1)
                first = hash;
            cr_expect(hash == first, "method %d, %d threads", method, threads);
        }
    }
    rv_set_threads(0);
    cr_assert(no_error());
}

/* ---- dtypes ---------------------------------------------------------------------------------- */

Test(least_squares, f32_parameters_and_residuals)
{
    RV_SCOPE;
    fit f = make_fit(40, RV_F32);
    rv_optim *opt = rv_optim_levenberg_marquardt(RV_TENSORS(f.a, f.b, f.c),
                                                 .jacobian = fit_jacobian, .max_iter = 60);
    const rv_optim_result r = rv_optim_minimize(opt, fit_residuals, &f);
    cr_expect(r.loss < 1e-3, "%s: %g", r.reason, r.loss);
    rv_optim_free(opt);
    task t = task_of(problem_named("rosenbrock"), RV_F32); /* its residuals are F64 */
    opt = make_method(QR, t.x);
    const rv_optim_result s = rv_optim_minimize(opt, residuals, &t);
    cr_expect(HOLDS(t.x, 1e-6, 1, 1), "%s", s.reason);
    rv_optim_free(opt);
    cr_assert(no_error());
}

/* ---- reasons to stop ------------------------------------------------------------------------- */

static bool stop_at_three(void *context, const rv_optim_progress *p)
{
    int *seen = context;
    cr_expect(p->iteration == *seen + 1 && p->evaluations > p->iteration && p->loss > 0 &&
              p->gradient > 0 && p->change > 0);
    return ++*seen < 3;
}

/* Minimizes Wood's function by `method` with these options; checks the counts. */
#define WOOD(result, stop, ...)                                                                    \
    do {                                                                                           \
        RV_SCOPE;                                                                                  \
        task t_ = task_of(problem_named("wood"), RV_F64);                                          \
        int seen_ = 0;                                                                             \
        rv_optim *opt_ = LEAST_SQUARES(method, RV_TENSORS(t_.x), __VA_ARGS__);                     \
        result =                                                                                   \
            rv_optim_minimize(opt_, residuals, &t_, .callback = stop, .callback_context = &seen_); \
        cr_expect(rv_optim_steps(opt_) == result.iterations);                                      \
        cr_expect(result.evaluations == t_.calls && result.jacobians > result.iterations);         \
        const double here_ = rv_item(problem_loss(t_.problem, t_.x));                              \
        cr_expect(fabs(result.loss - here_) <= 1e-14 * fmax(here_, 1e-10));                        \
        rv_optim_free(opt_);                                                                       \
    } while (0)

static void check_reasons(int method)
{
    rv_optim_result r;
    WOOD(r, NULL, .tolerance_grad = 1e-5);
    cr_expect(r.status == RV_OPTIM_GRADIENT && r.gradient <= 1e-5, "method %d: %s", method,
              r.reason);
    WOOD(r, NULL, .tolerance_loss_absolute = 0.1);
    cr_expect(r.status == RV_OPTIM_CHANGE, "method %d: %s", method, r.reason);
    WOOD(r, NULL, .tolerance_loss = 0.05);
    cr_expect(r.status == RV_OPTIM_CHANGE, "method %d: %s", method, r.reason);
    WOOD(r, NULL, .tolerance_step = 0.1);
    cr_expect(r.status == RV_OPTIM_CHANGE, "method %d: %s", method, r.reason);
    WOOD(r, NULL, .tolerance_step_absolute = 0.1);
    cr_expect(r.status == RV_OPTIM_CHANGE, "method %d: %s", method, r.reason);
    WOOD(r, NULL, .max_iter = 4);
    cr_expect(r.status == RV_OPTIM_ITERATIONS && r.iterations == 4, "method %d: %s", method,
              r.reason);
    WOOD(r, stop_at_three, .max_iter = 10);
    cr_expect(r.status == RV_OPTIM_CALLBACK && r.iterations == 3, "method %d: %s", method,
              r.reason);
    for (int64_t most = 1; most < 20; most++) {
        WOOD(r, NULL, .max_eval = most);
        cr_expect(r.status == RV_OPTIM_EVALUATIONS && r.evaluations == most, "%lld: %s",
                  (long long)most, r.reason);
    }
    WOOD(r, NULL, .tolerance_grad = 0);
    cr_expect((r.status == RV_OPTIM_ROUNDING || r.status == RV_OPTIM_GRADIENT) && r.loss < 1e-25,
              "%s: %g", r.reason, r.loss);
    cr_expect(no_error());
}

Test(least_squares, every_method_to_every_reason_to_stop)
{
    for (int method = 0; method < METHODS; method++)
        check_reasons(method);
}

Test(least_squares, without_tolerances_every_method_ends_at_rounding)
{
    static const char *const names[] = {"bard", "kowalik_osborne", "osborne_2", "watson_9",
                                        "helical_valley"};
    for (int i = 0; i < RV_COUNT(names) * METHODS * 2; i++) {
        RV_SCOPE;
        const int method = i / 2 % METHODS;
        task t = task_of(problem_named(names[i / 2 / METHODS]), i % 2 == 0 ? RV_F64 : RV_F32);
        rv_optim *opt = LEAST_SQUARES(method, RV_TENSORS(t.x), .tolerance_grad = 0);
        const rv_optim_result r = rv_optim_minimize(opt, residuals, &t);
        cr_expect(r.status == RV_OPTIM_ROUNDING || r.status == RV_OPTIM_GRADIENT,
                  "%s, method %d: %s after %lld evaluations", t.problem->name, method, r.reason,
                  (long long)r.evaluations);
        cr_expect(r.evaluations < 400, "%s, method %d: %lld", t.problem->name, method,
                  (long long)r.evaluations);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

/* ---- going on -------------------------------------------------------------------------------- */

static void check_going_on(const char *path, int method, rv_dtype dtype, int stop)
{
    RV_SCOPE;
    const problem *p = problem_named("wood");
    task t = task_of(p, dtype), u = task_of(p, dtype);
    rv_optim *whole = make_method(method, t.x);
    rv_optim *first = make_method(method, u.x), *second = make_method(method, u.x);
    const rv_optim_result r = rv_optim_minimize(whole, residuals, &t, .max_iter = 30);
    rv_optim_minimize(first, residuals, &u, .max_iter = stop);
    cr_assert(rv_save(path, first));
    cr_assert(rv_load(path, second));
    rv_optim_minimize(second, residuals, &u, .max_iter = 30 - stop);
    cr_expect(rv_equal(t.x, u.x), "method %d, %s, stopped after %d iterations", method,
              rv_dtype_name(dtype), stop);
    cr_expect(rv_optim_steps(second) == r.iterations && r.iterations == 30);
    rv_optim_free(whole);
    rv_optim_free(first);
    rv_optim_free(second);
}

Test(least_squares, going_on_from_a_file_is_bit_identical, .init = make_folder,
     .fini = remove_folder)
{
    const char *path = in_folder("squares.safetensors");
    for (int method = 0; method < METHODS; method++)
        for (int stop = 1; stop < 30; stop += 7) {
            check_going_on(path, method, RV_F64, stop);
            check_going_on(path, method, RV_F32, stop);
        }
    char text[400];
    task t = task_of(problem_named("wood"), RV_F64);
    rv_optim *opt = make_method(QR, t.x);
    cr_expect(list_state(opt, true, sizeof text, text));
    cr_expect(contains(text, "scales:F64[4] numbers:F64[3]"));
    rv_optim_free(opt);
    cr_assert(no_error());
}

Test(least_squares, a_step_at_a_time)
{
    RV_SCOPE;
    task t = task_of(problem_named("wood"), RV_F64), u = task_of(problem_named("wood"), RV_F64);
    rv_optim *whole = make_method(QR, t.x), *step = make_method(QR, u.x);
    rv_optim_minimize(whole, residuals, &t, .max_iter = 20);
    for (int i = 0; i < 20; i++) {
        const rv_optim_result r = rv_optim_step_closure(step, residuals, &u);
        cr_assert(r.status == RV_OPTIM_RUNNING && r.iterations == 1 && r.jacobians >= 2, "%s",
                  r.reason);
    }
    cr_assert(rv_equal(t.x, u.x));
    rv_optim_free(whole);
    rv_optim_free(step);
}

#if RV_RECYCLE
static bool note_memory(void *context, const rv_optim_progress *p)
{
    size_t *held = context;
    if (p->iteration == 2)
        *held = rv_memory_usage().held;
    cr_expect(p->iteration <= 2 || rv_memory_usage().held == *held, "iteration %lld",
              (long long)p->iteration);
    return true;
}

Test(least_squares, memory_is_taken_before_the_third_iteration)
{
    for (int method = 0; method < METHODS; method++) {
        RV_SCOPE;
        fit f = make_fit(3000, RV_F64);
        const rv_tensors all = RV_TENSORS(f.a, f.b, f.c);
        rv_optim *opt = LEAST_SQUARES(method, all, .jacobian = fit_jacobian);
        size_t held = 0;
        const rv_optim_result r =
            rv_optim_minimize(opt, fit_residuals, &f, .max_iter = 8, .callback = note_memory,
                              .callback_context = &held);
        cr_expect(r.iterations > 3, "%s", r.reason);
        rv_optim_free(opt);
    }
}
#endif

#else

static rv_tensor *square_closure(void *context)
{
    return rv_square(context);
}

Test(least_squares, without_lapack_minimizing_is_an_error)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_ones(RV_F64, 2));
    rv_optim *opt = rv_optim_levenberg_marquardt(RV_TENSORS(x));
    cr_expect(rv_optim_minimize(opt, square_closure, x).status == RV_OPTIM_FAILED);
    cr_expect(error_is(RV_ERROR_BUILD, "no LAPACK"));
    cr_expect(HOLDS(x, 0, 1, 1));
    rv_optim_free(opt);
}

#endif

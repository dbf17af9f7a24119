/* test_newton.c - Newton's methods: the thirty problems, quadratic convergence, saddles, going on,
 * what can be wrong.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "helpers.h"
#include "newton_tasks.h"

enum { NEWTON_CG, NEWTON, METHODS };

static rv_optim *make_method(int method, rv_tensors parameters, int64_t max_iter)
{
    return method == NEWTON_CG ? rv_optim_newton_cg(parameters, .max_iter = max_iter)
                               : rv_optim_newton(parameters, .max_iter = max_iter);
}

/* The dense method needs eigenvalues. */
static int methods(void)
{
#if RV_BLAS
    return METHODS;
#else
    return NEWTON;
#endif
}

/* ---- the thirty problems --------------------------------------------------------------------- */

enum { LIMIT = 5000 };

static rv_optim_result check_problem(const problem *p, int method)
{
    RV_SCOPE;
    newton_task t = newton_make_problem(p, RV_F64);
    rv_optim *opt = make_method(method, newton_parameters(&t), LIMIT);
    const rv_optim_result r = rv_optim_minimize(opt, newton_problem, &t);
    cr_expect(r.status == RV_OPTIM_GRADIENT, "%s, method %d: %s, max|g| %g", p->name, method,
              r.reason, r.gradient);
    const double here = rv_item(newton_problem(&t));
    cr_expect(r.loss == here, "%s: %.17g is not %.17g", p->name, r.loss, here);
    double away = INFINITY;
    for (int k = 0; k < 2; k++)
        away = fmin(away, fabs(here - p->minima[k]));
    cr_expect(away <= 1e-5 * fmax(1e-3, fabs(here)), "%s, method %d: %.10g", p->name, method, here);
    cr_expect(r.products >= r.iterations && r.evaluations > r.iterations);
    rv_optim_free(opt);
    return r;
}

Test(newton, both_methods_solve_all_thirty_problems)
{
    int64_t evaluations[METHODS] = {0}, products[METHODS] = {0};
    for (int i = 0; i < PROBLEM_COUNT; i++)
        for (int method = 0; method < methods(); method++) {
            const rv_optim_result r = check_problem(&problems[i], method);
            evaluations[method] += r.evaluations;
            products[method] += r.products;
        }
    /* Mistakes that cost only time: 782 and 703 evaluations were measured, and 1755 products. */
    cr_expect(evaluations[NEWTON_CG] < 850, "%lld", (long long)evaluations[NEWTON_CG]);
    cr_expect(evaluations[NEWTON] < 770, "%lld", (long long)evaluations[NEWTON]);
    cr_expect(products[NEWTON_CG] < 1930, "%lld", (long long)products[NEWTON_CG]);
    cr_assert(no_error());
}

/* ---- quadratic convergence ------------------------------------------------------------------- */

/* How many iterations at the end have |g+| <= factor * |g|^2, or |g+| <= rounding; only those count
 * that begin above rounding. */
static int64_t quadratic_end(const newton_record *r, double factor)
{
    const double rounding = 1e-14;
    int64_t count = 0;
    for (int64_t i = r->count - 1; i > 0; i--) {
        const double g = r->at[i - 1].gradient, next = r->at[i].gradient;
        if (!(next <= factor * g * g || next <= rounding))
            break;
        count += g > 1e-11;
    }
    return count;
}

typedef struct convergence {
    const char *name;
    newton_task (*make)(void);
    rv_optim_closure *loss;
    double factor; /* of |g|^2: of the order of a third derivative over the square of a second */
} convergence;

static const convergence convergences[] = {
    {"rosenbrock", newton_make_rosenbrock, newton_problem, 1e3},
    {"softmax", newton_make_small_softmax, newton_softmax, 3e2},
    {"network", newton_make_network, newton_network, 2e5},
};

static int64_t count_quadratic(const convergence *c, int method)
{
    RV_SCOPE;
    newton_task t = c->make();
    const rv_tensors all = newton_parameters(&t);
    rv_optim *opt = method == NEWTON_CG ? rv_optim_newton_cg(all, .tolerance_grad = 1e-13)
                    : method == NEWTON  ? rv_optim_newton(all, .tolerance_grad = 1e-13)
                                        : rv_optim_lbfgs(all, .tolerance_grad = 1e-13);
    newton_record r = {0};
    const rv_optim_result result =
        rv_optim_minimize(opt, c->loss, &t, .callback = newton_keep_record, .callback_context = &r);
    if (method < METHODS)
        cr_expect(result.status == RV_OPTIM_GRADIENT && result.gradient <= 1e-13 &&
                      r.at[r.count - 1].products == result.products,
                  "%s, method %d: %s at %g", c->name, method, result.reason, result.gradient);
    rv_optim_free(opt);
    return quadratic_end(&r, c->factor);
}

Test(newton, the_end_is_quadratic)
{
    for (int i = 0; i < RV_COUNT(convergences); i++) {
        const convergence *c = &convergences[i];
        for (int method = 0; method < methods(); method++) {
            const int64_t count = count_quadratic(c, method);
            cr_expect(count >= 2, "%s, method %d: %lld quadratic iterations at the end", c->name,
                      method, (long long)count);
        }
        /* That is asking for something: L-BFGS does not do it. */
        cr_expect(count_quadratic(c, METHODS) < 2, "%s", c->name);
    }
    cr_assert(no_error());
}

/* ---- saddles --------------------------------------------------------------------------------- */

/* x^4 - x^2 + y^2: a saddle at 0, minima of -1/4 at (+-sqrt(1/2), 0). */
static rv_tensor *saddle(void *context)
{
    rv_tensor *p = ((newton_task *)context)->parameters[0];
    rv_tensor *x2 = rv_square(rv_select(p, 0, 0)), *y = rv_select(p, 0, 1);
    return rv_add(rv_sub(rv_square(x2), x2), rv_square(y));
}

static rv_optim_result leave(int method, double x, double y, double tolerance)
{
    RV_SCOPE;
    newton_task t = {.parameters = {rv_require_grad(VECTOR(x, y))}, .count = 1};
    const rv_tensors all = newton_parameters(&t);
    rv_optim *opt = method == NEWTON_CG
                        ? rv_optim_newton_cg(all, .tolerance_grad = tolerance, .max_iter = 100)
                        : rv_optim_newton(all, .tolerance_grad = tolerance, .max_iter = 100);
    const rv_optim_result r = rv_optim_minimize(opt, saddle, &t);
    rv_optim_free(opt);
    return r;
}

Test(newton, saddles)
{
    for (int method = 0; method < methods(); method++) {
        /* Exactly there nothing is seen. */
        rv_optim_result r = leave(method, 0, 0, 1e-8);
        cr_expect(r.status == RV_OPTIM_GRADIENT && r.iterations == 0 && r.loss == 0);
        /* Near it, whichever way: on to a minimum. */
        for (int k = 0; k < 4; k++) {
            r = leave(method, (k & 1 ? 1e-6 : -1e-6), (k & 2 ? 1e-3 : 0), 1e-8);
            cr_expect(r.status == RV_OPTIM_GRADIENT && fabs(r.loss + 0.25) < 1e-14,
                      "method %d, case %d: %.17g, %s", method, k, r.loss, r.reason);
        }
        /* Where the gradient has no part along negative curvature, products with it do not see
         * that; the eigenvalues do. */
        r = leave(method, 0, 1, 1e-8);
        cr_expect(r.status == RV_OPTIM_GRADIENT);
        cr_expect(method == NEWTON ? fabs(r.loss + 0.25) < 1e-14 : r.loss == 0, "%g", r.loss);
    }
    cr_assert(no_error());
}

/* ---- options --------------------------------------------------------------------------------- */

/* It has no largest value. */
static rv_tensor *fourth_powers(void *context)
{
    newton_task *t = context;
    return rv_sum(rv_square(rv_square(t->parameters[0])));
}

Test(newton, maximize_turns_the_loss_around)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = {.parameters = {rv_require_grad(VECTOR(0.5, -1, 2))}, .count = 1};
        const rv_tensors all = newton_parameters(&t);
        rv_optim *opt = method == NEWTON_CG
                            ? rv_optim_newton_cg(all, .maximize = true, .max_iter = 3)
                            : rv_optim_newton(all, .maximize = true, .max_iter = 3);
        const double before = rv_item(fourth_powers(&t));
        const rv_optim_result r = rv_optim_minimize(opt, fourth_powers, &t);
        cr_expect(r.loss > 10 * before && r.loss == rv_item(fourth_powers(&t)), "%g to %g", before,
                  r.loss);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

Test(newton, F32_parameters_go_as_far_as_their_digits)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = newton_make_problem(&problems[0], RV_F32);
        rv_optim *opt = make_method(method, newton_parameters(&t), 200);
        const rv_optim_result r = rv_optim_minimize(opt, newton_problem, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT || r.status == RV_OPTIM_ROUNDING, "%s", r.reason);
        cr_expect(r.loss < 1e-10, "%g", r.loss);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

/* Twice the sum of cosh(x), and a million. */
static rv_tensor *shifted_cosh(void *context)
{
    rv_tensor *x = ((newton_task *)context)->parameters[0];
    return rv_add_scalar(rv_sum(rv_add(rv_exp(x), rv_exp(rv_neg(x)))), 1e6);
}

Test(newton, without_digits_in_the_loss_the_gradient_goes_on)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = {.parameters = {rv_require_grad(VECTOR(1, -2, 0.5))}, .count = 1};
        const rv_tensors all = newton_parameters(&t);
        rv_optim *opt = method == NEWTON_CG ? rv_optim_newton_cg(all, .tolerance_grad = 1e-18)
                                            : rv_optim_newton(all, .tolerance_grad = 1e-18);
        const rv_optim_result r = rv_optim_minimize(opt, shifted_cosh, &t);
        cr_expect(r.gradient <= 1e-12, "%s, max|g| %g", r.reason, r.gradient);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

#define REFUSED(make, part, ...)                          \
    do {                                                  \
        cr_expect_null(make(RV_TENSORS(x), __VA_ARGS__)); \
        cr_expect(error_is(RV_ERROR_ARGUMENT, (part)));   \
    } while (0)

Test(newton, wrong_options)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_ones(RV_F64, 2, 2));
    const double bad[] = {(double)NAN, (double)INFINITY, -1};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        REFUSED(rv_optim_newton_cg, "forcing is", .forcing = bad[i]);
        REFUSED(rv_optim_newton_cg, "damping is", .damping = bad[i]);
        REFUSED(rv_optim_newton_cg, "tolerance_grad is", .tolerance_grad = bad[i]);
        REFUSED(rv_optim_newton, "tolerance_grad is", .tolerance_grad = bad[i]);
        REFUSED(rv_optim_newton, "lr is", .lr = bad[i]);
    }
    REFUSED(rv_optim_newton_cg, "forcing is 0", .forcing = 0);
    REFUSED(rv_optim_newton_cg, "forcing is 1", .forcing = 1);
    REFUSED(rv_optim_newton_cg, "max_products -1", .max_products = -1);
    REFUSED(rv_optim_newton_cg, "preconditioner_rank is -1", .preconditioner_rank = -1);
    REFUSED(rv_optim_newton_cg, "preconditioner_every 0", .preconditioner_every = 0);
    REFUSED(rv_optim_newton_cg, "max_iter is 0", .max_iter = 0);
    REFUSED(rv_optim_newton, "weight_decay is set", .weight_decay = 0.1);
    rv_tensor *large = rv_require_grad(rv_zeros(RV_F32, 16385));
    cr_expect_null(rv_optim_newton(RV_TENSORS(large)));
    cr_expect(error_is(RV_ERROR_SHAPE, "optim_newton: 16385 parameters; at most 16384"));
}

/* ---- what closures can do wrong -------------------------------------------------------------- */

static rv_tensor *take_square(rv_tensor **in, void *context)
{
    (void)context;
    return rv_square(in[0]);
}

static rv_tensor *take_twice(rv_tensor **in, void *context)
{
    (void)context;
    return rv_mul(rv_mul_scalar(in[0], 2), in[1]);
}

static void fail_second(rv_derivative *d)
{
    (void)d;
    rv_fail(RV_ERROR_STATE, "fail_second", "there is no second derivative");
}

static void derive_square(rv_derivative *d)
{
    rv_tensor *in[] = {rv_saved_input(d, 0), d->g};
    d->grads[0] = rv_custom("twice", take_twice, fail_second, in, 2, NULL);
}

static rv_tensor *once_differentiable(void *context)
{
    newton_task *t = context;
    return rv_sum(rv_custom("square", take_square, derive_square, &t->parameters[0], 1, NULL));
}

Test(newton, an_operation_without_a_second_derivative)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = {.parameters = {rv_require_grad(VECTOR(0.5, -1, 2))}, .count = 1};
        rv_tensor *before = rv_copy(t.parameters[0]);
        rv_optim *opt = make_method(method, newton_parameters(&t), 10);
        const rv_optim_result r = rv_optim_minimize(opt, once_differentiable, &t);
        cr_expect(r.status == RV_OPTIM_FAILED && r.evaluations == 1, "%s", r.reason);
        cr_expect(error_is(RV_ERROR_STATE, "there is no second derivative"));
        cr_expect(rv_equal(before, t.parameters[0]) && r.iterations == 0);
        rv_optim_free(opt);
    }
}

/* x^1.5 + (x - 1)^2 + (y - 1)^2: at x = 0 the second derivative is infinite. */
static rv_tensor *infinite_second(void *context)
{
    rv_tensor *p = ((newton_task *)context)->parameters[0];
    rv_tensor *x = rv_select(p, 0, 0);
    return rv_add(rv_pow_scalar(x, 1.5), rv_sum(rv_square(rv_add_scalar(p, -1))));
}

Test(newton, second_derivatives_that_are_not_finite)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = {.parameters = {rv_require_grad(VECTOR(0, 3))}, .count = 1};
        rv_optim *opt = make_method(method, newton_parameters(&t), 100);
        const rv_optim_result r = rv_optim_minimize(opt, infinite_second, &t);
        if (method == NEWTON) {
            cr_expect(r.status == RV_OPTIM_FAILED && HOLDS(t.parameters[0], 0, 0, 3));
            cr_expect(error_is(RV_ERROR_NOT_FINITE, "optim_newton: the Hessian"));
        } else { /* 1.5 sqrt(x) + 2x = 2 */
            cr_expect(r.status == RV_OPTIM_GRADIENT, "%s", r.reason);
            cr_expect(HOLDS(t.parameters[0], 1e-8, 0.48024964887, 1));
        }
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

/* log(x) - x of x > 0, whose steps lead out of where it is finite. */
static rv_tensor *barrier(void *context)
{
    rv_tensor *x = ((newton_task *)context)->parameters[0];
    return rv_sum(rv_sub(rv_mul_scalar(x, 1e3), rv_log(x)));
}

Test(newton, what_is_not_finite_is_stepped_back_from)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = {.parameters = {rv_require_grad(VECTOR(1, 0.5))}, .count = 1};
        rv_optim *opt = make_method(method, newton_parameters(&t), 100);
        const rv_optim_result r = rv_optim_minimize(opt, barrier, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT && isfinite(r.loss), "%s", r.reason);
        cr_expect(HOLDS(t.parameters[0], 1e-9, 1e-3, 1e-3));
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

Test(newton, limits_of_evaluations_hold)
{
    for (int64_t most = 1; most < 30; most += 3)
        for (int method = 0; method < methods(); method++) {
            RV_SCOPE;
            newton_task t = newton_make_rosenbrock();
            const rv_tensors all = newton_parameters(&t);
            rv_optim *opt = method == NEWTON_CG ? rv_optim_newton_cg(all, .max_eval = most)
                                                : rv_optim_newton(all, .max_eval = most);
            const rv_optim_result r = rv_optim_minimize(opt, newton_problem, &t);
            cr_expect(r.status == RV_OPTIM_EVALUATIONS && r.evaluations == most, "%lld: %s",
                      (long long)most, r.reason);
            cr_expect(r.loss == rv_item(newton_problem(&t)));
            rv_optim_free(opt);
        }
    cr_assert(no_error());
}

/* ---- going on -------------------------------------------------------------------------------- */

static rv_optim *make_going(int how, newton_task *t)
{
    const rv_tensors all = newton_parameters(t);
    if (how == 0)
        return rv_optim_newton(all);
    return rv_optim_newton_cg(all, .preconditioner_rank = how == 1 ? 0 : 4, .seed = 5,
                              .preconditioner_every = 5);
}

static void check_going_on(const char *path, int how, rv_dtype dtype, int stop)
{
    enum { ALL = 12 };
    RV_SCOPE;
    newton_task t = newton_make_problem(&problems[17], dtype),
                u = newton_make_problem(&problems[17], dtype);
    rv_optim *whole = make_going(how, &t), *first = make_going(how, &u);
    rv_optim *second = make_going(how, &u);
    const rv_optim_result r = rv_optim_minimize(whole, newton_problem, &t, .max_iter = ALL);
    rv_optim_minimize(first, newton_problem, &u, .max_iter = stop);
    cr_assert(rv_save(path, first));
    cr_assert(rv_load(path, second));
    rv_optim_minimize(second, newton_problem, &u, .max_iter = ALL - stop);
    cr_expect(rv_equal(t.parameters[0], u.parameters[0]), "method %d, %s, stopped after %d", how,
              rv_dtype_name(dtype), stop);
    cr_expect(rv_optim_steps(second) == r.iterations && r.iterations > stop, "%lld iterations: %s",
              (long long)r.iterations, r.reason);
    rv_optim_free(whole);
    rv_optim_free(first);
    rv_optim_free(second);
}

Test(newton, going_on_from_a_file_is_bit_identical, .init = make_folder, .fini = remove_folder)
{
    const char *path = in_folder("newton.safetensors");
    for (int how = methods() == METHODS ? 0 : 1; how <= methods(); how++)
        for (int stop = 1; stop <= 7; stop += 3) {
            check_going_on(path, how, RV_F64, stop);
            check_going_on(path, how, RV_F32, stop);
        }
    cr_assert(no_error());
}

Test(newton, a_step_at_a_time)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = newton_make_rosenbrock(), u = newton_make_rosenbrock();
        rv_optim *whole = make_method(method, newton_parameters(&t), 15);
        rv_optim *step = make_method(method, newton_parameters(&u), 15);
        rv_optim_minimize(whole, newton_problem, &t);
        for (int i = 0; i < 15; i++) {
            const rv_optim_result r = rv_optim_step_closure(step, newton_problem, &u);
            cr_assert(r.status == RV_OPTIM_RUNNING && r.iterations == 1, "%s", r.reason);
        }
        cr_assert(rv_equal(t.parameters[0], u.parameters[0]));
        rv_optim_free(whole);
        rv_optim_free(step);
    }
}

Test(newton, the_number_of_threads_changes_no_bit)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        uint64_t hashes[2];
        for (int k = 0; k < 2; k++) {
            cr_assert(rv_set_threads(1 + 2 * k));
            newton_task t = newton_make_network();
            rv_optim *opt =
                method == NEWTON_CG
                    ? rv_optim_newton_cg(newton_parameters(&t), .max_iter = 20,
                                         .preconditioner_rank = methods() == METHODS ? 5 : 0)
                    : rv_optim_newton(newton_parameters(&t), .max_iter = 20);
            rv_optim_minimize(opt, newton_network, &t);
            hashes[k] = HASH_START;
            for (int i = 0; i < t.count; i++)
                hashes[k] = hash_of(hashes[k], t.parameters[i]);
            rv_optim_free(opt);
        }
        cr_expect(hashes[0] == hashes[1]);
    }
    rv_set_threads(0);
    cr_assert(no_error());
}

/* test_newton.c - Newton's methods: Hessian products inside of a method, the thirty problems,
 * quadratic convergence, saddles, what a preconditioner saves, going on, what can be wrong.
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

/* ---- products -------------------------------------------------------------------------------- */

/* A method that writes H [n,n] into `matrix`, and H v into `product`, and takes a small step. */
typedef struct look_options {
    RV_MINIMIZE_COMMON;
    double *matrix, *product;
    const double *v;
} look_options;

static bool look(rv_minimizer *m)
{
    const look_options *o = m->options;
    if (!rv_minimizer_hessian(m, o->matrix) || !rv_minimizer_hessian_product(m, o->v, o->product))
        return false;
    rv_vector_scale(m->n, -1e-3, m->gradient, m->direction);
    return rv_minimizer_search(m, .method = RV_LINE_BACKTRACKING, .step = 1);
}

static const rv_minimizer_class look_minimizer = {.uses_hessian = true, .iterate = look};
static const rv_minimizer_class forgetful_minimizer = {.iterate = look};

static const rv_optim_class look_class = {
    .name = "look", .options_size = sizeof(look_options), .minimizer = &look_minimizer};
static const rv_optim_class forgetful_class = {
    .name = "forgetful", .options_size = sizeof(look_options), .minimizer = &forgetful_minimizer};

/* A loss of a [2,2] and b [3], and of nothing of c [2]. */
typedef struct mixed {
    rv_tensor *a, *b, *c;
    int calls;
} mixed;
enum { MIXED_N = 9 };

static mixed make_mixed(rv_dtype dtype)
{
    return (mixed){.a = rv_require_grad(rv_cast(waves(2, 2, 0.3), dtype)),
                   .b = rv_require_grad(rv_cast(VECTOR(0.5, -1, 2), dtype)),
                   .c = rv_require_grad(rv_ones(dtype, 2))};
}

static rv_tensor *mixed_loss(void *context)
{
    mixed *w = context;
    w->calls++;
    rv_tensor *p = rv_sum(rv_exp(rv_matmul(w->a, rv_slice(w->b, .stop = 2))));
    return rv_add(p, rv_sum(rv_square(rv_square(w->b))));
}

static rv_tensor *mixed_linear(void *context)
{
    mixed *w = context;
    w->calls++;
    return rv_add(rv_sum(w->a), rv_mul_scalar(rv_sum(w->b), 3));
}

/* One iteration of `look`. */
static rv_optim_result look_at(const rv_optim_class *c, mixed *w, rv_optim_closure *loss,
                               bool maximize, const double *v, double *matrix, double *product)
{
    const look_options o = {.parameters = RV_TENSORS(w->a, w->b, w->c),
                            .lr = 1,
                            .maximize = maximize,
                            .max_iter = 1,
                            .matrix = matrix,
                            .product = product,
                            .v = v};
    rv_optim *opt = rv_optim_new(c, &o);
    const rv_optim_result r = rv_optim_minimize(opt, loss, w);
    rv_optim_free(opt);
    return r;
}

static const double some_v[MIXED_N] = {1, -2, 0.5, 3, 0.25, -1, 2, 5, -7};

static void check_products(rv_dtype dtype, bool maximize, double tolerance)
{
    RV_SCOPE;
    mixed w = make_mixed(dtype);
    rv_tensor *h = rv_cast(rv_hessian(mixed_loss, (void *)&w, RV_TENSORS(w.a, w.b, w.c)), RV_F64);
    if (maximize)
        h = rv_neg(h);
    rv_tensor *hv = rv_matmul(h, rv_from_array(some_v, RV_F64, MIXED_N));
    w.calls = 0;
    double matrix[MIXED_N * MIXED_N], product[MIXED_N];
    const rv_optim_result r =
        look_at(&look_class, &w, mixed_loss, maximize, some_v, matrix, product);
    cr_expect(r.products == MIXED_N + 1 && r.evaluations == w.calls && r.iterations == 1);
    cr_expect(holds(h, tolerance, MIXED_N * MIXED_N, matrix), "%s", rv_dtype_name(dtype));
    cr_expect(holds(hv, tolerance, MIXED_N, product), "%s", rv_dtype_name(dtype));
    cr_expect(fabs(matrix[0]) > 0.01); /* there is something to be seen */
}

Test(newton, products_are_the_hessians)
{
    check_products(RV_F64, false, 1e-14);
    check_products(RV_F64, true, 1e-14);
    check_products(RV_F32, false, 1e-5);
    check_products(RV_F32, true, 1e-5);
    cr_assert(no_error());
}

Test(newton, the_size_of_v_does_not_matter_in_F32)
{
    RV_SCOPE;
    for (int exponent = -300; exponent <= 300; exponent += 100) {
        mixed w = make_mixed(RV_F32), u = make_mixed(RV_F32);
        double v[MIXED_N], matrix[MIXED_N * MIXED_N], product[MIXED_N], scaled[MIXED_N];
        for (int i = 0; i < MIXED_N; i++)
            v[i] = ldexp(some_v[i], exponent);
        look_at(&look_class, &w, mixed_loss, false, some_v, matrix, product);
        look_at(&look_class, &u, mixed_loss, false, v, matrix, scaled);
        for (int i = 0; i < MIXED_N; i++)
            cr_expect(scaled[i] == ldexp(product[i], exponent), "2^%d: %g", exponent, scaled[i]);
    }
    cr_assert(no_error());
}

Test(newton, a_linear_loss_has_a_hessian_of_0)
{
    RV_SCOPE;
    mixed w = make_mixed(RV_F64);
    double matrix[MIXED_N * MIXED_N], product[MIXED_N];
    const rv_optim_result r =
        look_at(&look_class, &w, mixed_linear, false, some_v, matrix, product);
    cr_expect(r.status == RV_OPTIM_ITERATIONS && r.products == MIXED_N + 1, "%s", r.reason);
    cr_expect(rv_vector_largest(MIXED_N * MIXED_N, matrix) == 0);
    cr_expect(rv_vector_largest(MIXED_N, product) == 0);
    cr_assert(no_error());
}

Test(newton, products_cost_no_evaluation_where_the_graph_is_kept)
{
    RV_SCOPE;
    double matrix[MIXED_N * MIXED_N], product[MIXED_N], other[MIXED_N];
    mixed w = make_mixed(RV_F64), u = make_mixed(RV_F64);
    const rv_optim_result kept =
        look_at(&look_class, &w, mixed_loss, false, some_v, matrix, product);
    const rv_optim_result made =
        look_at(&forgetful_class, &u, mixed_loss, false, some_v, matrix, other);
    cr_expect(kept.evaluations == 2 && w.calls == 2, "%d", w.calls); /* at x, and one step */
    cr_expect(made.evaluations == 3 && u.calls == 3, "%d", u.calls);
    cr_expect(made.products == kept.products && made.loss == kept.loss);
    cr_expect(memcmp(product, other, sizeof product) == 0);
    cr_assert(no_error());
}

/* ---- the thirty problems --------------------------------------------------------------------- */

enum { LIMIT = 5000, MOST_N = 1000 };

static newton_task task_of(const problem *p, rv_dtype dtype)
{
    double start[MOST_N];
    p->start(p->n, start);
    rv_tensor *x = rv_cast(rv_from_array_n(start, RV_F64, 1, &p->n), dtype);
    return (newton_task){.problem = p, .parameters = {rv_require_grad(x)}, .count = 1};
}

static rv_tensor *problem_closure(void *context)
{
    const newton_task *t = context;
    return problem_loss(t->problem, rv_cast(t->parameters[0], RV_F64));
}

static void check_problem(const problem *p, int method)
{
    RV_SCOPE;
    newton_task t = task_of(p, RV_F64);
    rv_optim *opt = make_method(method, newton_parameters(&t), LIMIT);
    const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
    cr_expect(r.status == RV_OPTIM_GRADIENT, "%s, method %d: %s, max|g| %g", p->name, method,
              r.reason, r.gradient);
    const double here = rv_item(problem_closure(&t));
    cr_expect(r.loss == here, "%s: %.17g is not %.17g", p->name, r.loss, here);
    double away = INFINITY;
    for (int k = 0; k < 2; k++)
        away = fmin(away, fabs(here - p->minima[k]));
    cr_expect(away <= 1e-5 * fmax(1e-3, fabs(here)), "%s, method %d: %.10g", p->name, method, here);
    cr_expect(r.products >= r.iterations && r.evaluations > r.iterations);
    rv_optim_free(opt);
}

Test(newton, both_methods_solve_all_thirty_problems)
{
    for (int i = 0; i < PROBLEM_COUNT; i++)
        for (int method = 0; method < methods(); method++)
            check_problem(&problems[i], method);
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
    {"rosenbrock", newton_make_rosenbrock, newton_rosenbrock, 1e3},
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

/* ---- the preconditioner ---------------------------------------------------------------------- */

#if RV_BLAS
static int64_t products_with(int64_t rank, int64_t n, double tolerance)
{
    RV_SCOPE;
    newton_task t = newton_make_parabola(n);
    rv_optim *opt = rv_optim_newton_cg(newton_parameters(&t), .preconditioner_rank = rank,
                                       .tolerance_grad = tolerance, .lr = 1e6);
    const rv_optim_result r = rv_optim_minimize(opt, newton_parabola, &t);
    cr_expect(r.status == RV_OPTIM_GRADIENT, "rank %lld: %s", (long long)rank, r.reason);
    rv_optim_free(opt);
    return r.products;
}

Test(newton, a_preconditioner_saves_most_products)
{
    for (int64_t n = 200; n <= 500; n += 300) {
        const int64_t plain = products_with(0, n, 1e-10), some = products_with(80, n, 1e-10);
        cr_expect(some < plain / 20 && some > 80, "n %lld: %lld products, with rank 80 %lld",
                  (long long)n, (long long)plain, (long long)some);
    }
    cr_assert(no_error());
}

Test(newton, a_preconditioner_of_full_rank_solves_a_parabola)
{
    RV_SCOPE;
    newton_task t = {.x = rv_from_array(((double[]){6, 1, 0, 1, 4, 0, 0, 0, 2}), RV_F64, 3, 3),
                     .y = VECTOR(1, -2, 3),
                     .parameters = {rv_require_grad(VECTOR(5, 5, 5))},
                     .count = 1};
    rv_optim *opt = rv_optim_newton_cg(newton_parameters(&t), .preconditioner_rank = 9, .lr = 1e3,
                                       .forcing = 1e-9);
    const rv_optim_result r = rv_optim_minimize(opt, newton_parabola, &t);
    cr_expect(r.status == RV_OPTIM_GRADIENT && r.iterations == 1, "%s", r.reason);
    cr_expect(r.products <= 5, "%lld", (long long)r.products); /* a sketch, and one or two */
    cr_expect(HOLDS(t.parameters[0], 1e-8, 6. / 23, -13. / 23, 1.5));
    rv_optim_free(opt);
}

Test(newton, a_preconditioner_bears_negative_curvature)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        newton_task t = task_of(&problems[i], RV_F64);
        rv_optim *opt =
            rv_optim_newton_cg(newton_parameters(&t), .max_iter = LIMIT, .max_eval = LIMIT,
                               .preconditioner_rank = 3, .preconditioner_every = 5);
        const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT, "%s: %s, max|g| %g", problems[i].name, r.reason,
                  r.gradient);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}
#endif

/* ---- options --------------------------------------------------------------------------------- */

Test(newton, maximize_turns_the_loss_around)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        mixed w = make_mixed(RV_F64);
        const rv_tensors all = RV_TENSORS(w.b);
        rv_optim *opt = method == NEWTON_CG
                            ? rv_optim_newton_cg(all, .maximize = true, .max_iter = 3)
                            : rv_optim_newton(all, .maximize = true, .max_iter = 3);
        const double before = rv_item(mixed_loss(&w));
        const rv_optim_result r = rv_optim_minimize(opt, mixed_loss, &w);
        cr_expect(r.loss > 10 * before && r.loss == rv_item(mixed_loss(&w)), "%g to %g", before,
                  r.loss);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}

Test(newton, F32_parameters_go_as_far_as_their_digits)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        newton_task t = task_of(&problems[0], RV_F32);
        rv_optim *opt = make_method(method, newton_parameters(&t), 200);
        const rv_optim_result r = rv_optim_minimize(opt, problem_closure, &t);
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

#define REFUSED(make, part, ...)                            \
    do {                                                    \
        cr_expect_null(make(RV_TENSORS(w.a), __VA_ARGS__)); \
        cr_expect(error_is(RV_ERROR_ARGUMENT, (part)));     \
    } while (0)

Test(newton, wrong_options)
{
    RV_SCOPE;
    mixed w = make_mixed(RV_F64);
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
    mixed *w = context;
    w->calls++;
    return rv_sum(rv_custom("square", take_square, derive_square, &w->b, 1, NULL));
}

Test(newton, an_operation_without_a_second_derivative)
{
    for (int method = 0; method < methods(); method++) {
        RV_SCOPE;
        mixed w = make_mixed(RV_F64);
        rv_tensor *before = rv_copy(w.b);
        rv_optim *opt = make_method(method, RV_TENSORS(w.b), 10);
        const rv_optim_result r = rv_optim_minimize(opt, once_differentiable, &w);
        cr_expect(r.status == RV_OPTIM_FAILED && r.evaluations == w.calls, "%s", r.reason);
        cr_expect(error_is(RV_ERROR_STATE, "there is no second derivative"));
        cr_expect(rv_equal(before, w.b) && r.iterations == 0);
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
            const rv_optim_result r = rv_optim_minimize(opt, newton_rosenbrock, &t);
            cr_expect(r.status == RV_OPTIM_EVALUATIONS && r.evaluations == most, "%lld: %s",
                      (long long)most, r.reason);
            cr_expect(r.loss == rv_item(newton_rosenbrock(&t)));
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
    newton_task t = task_of(&problems[17], dtype), u = task_of(&problems[17], dtype);
    rv_optim *whole = make_going(how, &t), *first = make_going(how, &u);
    rv_optim *second = make_going(how, &u);
    const rv_optim_result r = rv_optim_minimize(whole, problem_closure, &t, .max_iter = ALL);
    rv_optim_minimize(first, problem_closure, &u, .max_iter = stop);
    cr_assert(rv_save(path, first));
    cr_assert(rv_load(path, second));
    rv_optim_minimize(second, problem_closure, &u, .max_iter = ALL - stop);
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
        rv_optim_minimize(whole, newton_rosenbrock, &t);
        for (int i = 0; i < 15; i++) {
            const rv_optim_result r = rv_optim_step_closure(step, newton_rosenbrock, &u);
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

/* test_nystrom.c - Nystrom's sketch of a Hessian, and what it saves as a preconditioner. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"
#include "newton_tasks.h"
#include "optim/nystrom.h"

enum { LIMIT = 5000 };

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

/* A method that sketches the Hessian. */
typedef struct sketch_options {
    RV_MINIMIZE_COMMON;
    int64_t rank;
    double *basis, *values;
} sketch_options;

static bool sketch(rv_minimizer *m)
{
    const sketch_options *o = m->options;
    const rv_random_place place = {.seed = 1};
    cr_expect(rv_nystrom_sketch(m, place, o->rank, o->basis, o->values));
    return false;
}

static const rv_minimizer_class sketch_minimizer = {.uses_hessian = true, .iterate = sketch};
static const rv_optim_class sketch_class = {
    .name = "sketch", .options_size = sizeof(sketch_options), .minimizer = &sketch_minimizer};

/* Of a diagonal H. */
static void sketch_diagonal(const double *diagonal, int64_t rank, double *basis, double *values)
{
    RV_SCOPE;
    newton_task t = {.x = rv_diag(rv_from_array(diagonal, RV_F64, 4), 0),
                     .y = VECTOR(1, 1, 1, 1),
                     .parameters = {rv_require_grad(VECTOR(1, 2, 3, 4))},
                     .count = 1};
    const sketch_options o = {.parameters = newton_parameters(&t),
                              .lr = 1,
                              .max_iter = 1,
                              .rank = rank,
                              .basis = basis,
                              .values = values};
    rv_optim *opt = rv_optim_new(&sketch_class, &o);
    const rv_optim_result r = rv_optim_minimize(opt, newton_parabola, &t);
    cr_expect(r.products == rank);
    rv_optim_free(opt);
}

Test(nystrom, a_sketch_of_full_rank_is_the_spectrum)
{
    double basis[16], values[4];
    sketch_diagonal((double[]){2, 10, 0.5, 5}, 4, basis, values);
    const double want[] = {10, 5, 2, 0.5};
    for (int i = 0; i < 4; i++)
        cr_expect(fabs(values[i] - want[i]) < 1e-12, "%g", values[i]);
    cr_expect(fabs(fabs(basis[1]) - 1) < 1e-12 && fabs(fabs(basis[4 + 3]) - 1) < 1e-12);
    /* What is negative is none of it; the rest is as before. */
    sketch_diagonal((double[]){2, 10, -3, 5}, 4, basis, values);
    for (int i = 0; i < 3; i++)
        cr_expect(fabs(values[i] - want[i]) < 1e-12, "%g", values[i]);
    cr_expect(values[3] >= 0 && values[3] < 1e-10, "%g", values[3]);
    /* P^-1 (H + damping I) is a multiple of I, if all of H is known and positive. */
    sketch_diagonal((double[]){2, 10, 0.5, 5}, 4, basis, values);
    double x[4] = {2.25, 10.25, 0.75, 5.25}, y[4];
    rv_nystrom_solve(4, 4, basis, values, 0.25, x, y);
    for (int i = 0; i < 4; i++)
        cr_expect(fabs(y[i] - 0.75) < 1e-12, "%g", y[i]);
    cr_assert(no_error());
}

/* Keeps the numbers of an optimizer's state. */
static bool keep_numbers(void *context, const char *name, rv_tensor *t)
{
    if (strcmp(name, "numbers") == 0)
        *(rv_tensor **)context = t;
    return true;
}

Test(nystrom, each_sketch_draws_new_numbers)
{
    RV_SCOPE;
    newton_task t = newton_make_parabola(200);
    rv_optim *opt = rv_optim_newton_cg(newton_parameters(&t), .preconditioner_rank = 3,
                                       .preconditioner_every = 2);
    rv_tensor *numbers = NULL;
    cr_assert(rv_state(opt, keep_numbers, &numbers));
    const int64_t blocks = 3 * 2; /* of 128 signs, a row of 200 having two */
    for (int i = 0; i < 5; i++) {
        rv_optim_step_closure(opt, newton_parabola, &t);
        cr_expect(at(numbers, 4) == (double)(blocks * (i / 2 + 1)), "%d: %g", i, at(numbers, 4));
    }
    rv_optim_free(opt);
    cr_assert(no_error());
}

Test(nystrom, a_preconditioner_saves_most_products)
{
    for (int64_t n = 200; n <= 500; n += 300) {
        const int64_t plain = products_with(0, n, 1e-10), some = products_with(80, n, 1e-10);
        cr_expect(some < plain / 20 && some > 80, "n %lld: %lld products, with rank 80 %lld",
                  (long long)n, (long long)plain, (long long)some);
    }
    cr_assert(no_error());
}

Test(nystrom, a_preconditioner_of_full_rank_solves_a_parabola)
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

Test(nystrom, a_preconditioner_bears_negative_curvature)
{
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        RV_SCOPE;
        newton_task t = newton_make_problem(&problems[i], RV_F64);
        rv_optim *opt =
            rv_optim_newton_cg(newton_parameters(&t), .max_iter = LIMIT, .max_eval = LIMIT,
                               .preconditioner_rank = 3, .preconditioner_every = 5);
        const rv_optim_result r = rv_optim_minimize(opt, newton_problem, &t);
        cr_expect(r.status == RV_OPTIM_GRADIENT, "%s: %s, max|g| %g", problems[i].name, r.reason,
                  r.gradient);
        rv_optim_free(opt);
    }
    cr_assert(no_error());
}
#endif

/* test_least_squares_wrong.c - sums of squares: what residuals and Jacobians can be and do wrong,
 * wrong options, memory that ends, parameters that are frozen.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"
#include "least_squares_methods.h"

#if RV_BLAS /* without LAPACK there is an error instead: test_least_squares.c */

/* A linear problem whose closure, or Jacobian, does something from a call on. */
typedef struct wrong {
    linear l;
    int calls, jacobians;
    int from;      /* the call from which on; 0: never */
    double factor; /* what residuals are multiplied by then */
    double jacobian_factor;
    rv_tensor *(*give)(struct wrong *w); /* or what is given then */
} wrong;

static wrong make_wrong(void)
{
    return (wrong){.l = {.a = waves(5, 2, 1),
                         .b = rv_reshape(waves(5, 1, 0), 5),
                         .x = rv_require_grad(rv_ones(RV_F64, 2))},
                   .factor = 1,
                   .jacobian_factor = 1};
}

/* Not linear, so that it takes some steps. */
static rv_tensor *wrong_residuals(void *context)
{
    wrong *w = context;
    w->calls++;
    const bool now = w->from > 0 && w->calls >= w->from;
    if (now && w->give != NULL)
        return w->give(w);
    rv_tensor *r = rv_sub(rv_matmul(w->l.a, rv_exp(w->l.x)), w->l.b);
    return now ? rv_mul_scalar(r, w->factor) : r;
}

static rv_tensor *wrong_jacobian(void *context)
{
    wrong *w = context;
    w->jacobians++;
    rv_tensor *j = rv_mul(w->l.a, rv_exp(rv_detach(w->l.x)));
    return w->from > 0 && w->jacobians >= w->from ? rv_mul_scalar(j, w->jacobian_factor) : j;
}

Test(least_squares_wrong, what_is_not_finite_is_stepped_back_from)
{
    for (int method = 0; method < METHODS; method++)
        for (int from = 1; from <= 5; from++)
            for (int of_jacobian = 0; of_jacobian < 2; of_jacobian++) {
                RV_SCOPE;
                wrong w = make_wrong();
                w.from = from;
                *(of_jacobian ? &w.jacobian_factor : &w.factor) = (double)NAN;
                rv_tensor *x = rv_copy(w.l.x);
                const rv_tensors all = RV_TENSORS(w.l.x);
                rv_optim *opt = LEAST_SQUARES(method, all, .jacobian = wrong_jacobian,
                                              .max_iter = 50, .max_eval = 500);
                const rv_optim_result r = rv_optim_minimize(opt, wrong_residuals, &w);
                cr_expect(r.status == (from == 1 ? RV_OPTIM_NONFINITE : RV_OPTIM_ROUNDING) ||
                              (from > 3 && r.status == RV_OPTIM_GRADIENT),
                          "method %d, %d, %d: %s after %lld", method, from, of_jacobian, r.reason,
                          (long long)r.evaluations);
                cr_expect(from == 1 ? rv_equal(x, w.l.x) : isfinite(r.loss));
                cr_expect(r.evaluations == w.calls && r.jacobians == w.jacobians);
                w.from = 0;
                rv_tensor *there = wrong_residuals(&w);
                if (from > 1)
                    cr_expect(fabs(rv_item(rv_dot(there, there)) / 2 - r.loss) < 1e-12);
                rv_optim_free(opt);
            }
    cr_assert(no_error());
}

static rv_tensor *give_null(wrong *w)
{
    (void)w;
    return NULL;
}

static rv_tensor *give_integers(wrong *w)
{
    (void)w;
    return rv_zeros(RV_I64, 5);
}

static rv_tensor *give_none(wrong *w)
{
    (void)w;
    return rv_zeros(RV_F64, 0);
}

static rv_tensor *give_constants(wrong *w)
{
    return w->l.b;
}

static rv_tensor *give_others(wrong *w)
{
    (void)w;
    return rv_square(rv_require_grad(rv_ones(RV_F64, 5)));
}

static rv_tensor *give_more(wrong *w)
{
    return rv_matmul(waves(6, 2, 1), w->l.x);
}

static rv_tensor *give_error(wrong *w)
{
    return rv_add(w->l.x, rv_zeros(RV_F32, 7));
}

Test(least_squares_wrong, closures_that_give_nonsense)
{
    static const struct {
        rv_tensor *(*give)(wrong *w);
        int from;
        rv_status status;
        const char *message;
    } cases[] = {
        {give_null, 1, RV_ERROR_NULL, "the closure gave NULL"},
        {give_integers, 1, RV_ERROR_SHAPE, "the closure gave I64 [5]; floating residuals are"},
        {give_none, 1, RV_ERROR_SHAPE, "the closure gave F64 [0]; floating residuals are expected"},
        {give_constants, 1, RV_ERROR_GRAPH, "not computed from any of the parameters"},
        {give_others, 1, RV_ERROR_GRAPH, "not computed from any of the parameters"},
        {give_error, 1, RV_ERROR_DTYPE, "add"},
        {give_null, 2, RV_ERROR_NULL, "the closure gave NULL"},
        {give_more, 3, RV_ERROR_SHAPE, "the closure gave 6 residuals, and 5 before"},
        {give_error, 3, RV_ERROR_DTYPE, "add"},
    };
    for (int i = 0; i < RV_COUNT(cases) * METHODS; i++) {
        RV_SCOPE;
        const int method = i % METHODS, k = i / METHODS;
        wrong w = make_wrong();
        w.from = cases[k].from;
        w.give = cases[k].give;
        rv_tensor *x = rv_copy(w.l.x);
        rv_optim *opt = make_method(method, w.l.x);
        const rv_optim_result r = rv_optim_minimize(opt, wrong_residuals, &w);
        cr_expect(r.status == RV_OPTIM_FAILED, "case %d: %s", k, r.reason);
        cr_expect(error_is(cases[k].status, cases[k].message), "case %d", k);
        cr_expect(r.iterations > 0 || rv_equal(x, w.l.x), "case %d", k);
        w.from = 0;
        rv_tensor *there = wrong_residuals(&w); /* the parameters are where the loss is */
        if (cases[k].from > 1)
            cr_expect(fabs(rv_item(rv_dot(there, there)) / 2 - r.loss) < 1e-12);
        rv_optim_free(opt);
    }
}

static rv_tensor *jacobian_null(void *context)
{
    (void)context;
    return NULL;
}

static rv_tensor *jacobian_of_other_dtype(void *context)
{
    (void)context;
    return rv_zeros(RV_F32, 5, 2);
}

static rv_tensor *jacobian_of_other_shape(void *context)
{
    (void)context;
    return rv_zeros(RV_F64, 2, 5);
}

static rv_tensor *jacobian_error(void *context)
{
    return give_error(context);
}

Test(least_squares_wrong, jacobians_that_are_nonsense)
{
    static const struct {
        rv_optim_jacobian *jacobian;
        rv_status status;
        const char *message;
    } cases[] = {
        {jacobian_null, RV_ERROR_NULL, "jacobian gave NULL"},
        {jacobian_of_other_dtype, RV_ERROR_SHAPE, "jacobian gave F32 [5,2]; F64 [5,2] is expected"},
        {jacobian_of_other_shape, RV_ERROR_SHAPE, "jacobian gave F64 [2,5]; F64 [5,2] is expected"},
        {jacobian_error, RV_ERROR_DTYPE, "add"},
    };
    for (int k = 0; k < RV_COUNT(cases) * METHODS; k++) {
        RV_SCOPE;
        const int method = k % METHODS, i = k / METHODS;
        wrong w = make_wrong();
        rv_tensor *x = rv_copy(w.l.x);
        rv_optim *opt = LEAST_SQUARES(method, RV_TENSORS(w.l.x), .jacobian = cases[i].jacobian);
        const rv_optim_result r = rv_optim_minimize(opt, wrong_residuals, &w);
        cr_expect(r.status == RV_OPTIM_FAILED && r.iterations == 0, "case %d: %s", i, r.reason);
        cr_expect(error_is(cases[i].status, cases[i].message), "case %d", i);
        cr_expect(rv_equal(x, w.l.x));
        rv_optim_free(opt);
    }
}

#define REFUSED(part, method, ...)                                          \
    do {                                                                    \
        cr_expect_null(rv_optim_##method(RV_TENSORS(x), __VA_ARGS__));      \
        cr_expect(error_is(RV_ERROR_ARGUMENT, "optim_" #method ": " part)); \
    } while (0)

Test(least_squares_wrong, wrong_options)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_ones(RV_F64, 2));
    const double bad[] = {(double)NAN, (double)INFINITY, -1, 0};
    for (int i = 0; i < RV_COUNT(bad); i++) {
        REFUSED("radius is", levenberg_marquardt, .radius = bad[i]);
        REFUSED("decrease is", gauss_newton, .decrease = bad[i]);
        REFUSED("lr is", gauss_newton, .lr = bad[i]);
    }
    REFUSED("lr is 0.5; 1 is expected", levenberg_marquardt, .lr = 0.5);
    REFUSED("solver is 2", levenberg_marquardt, .solver = RV_LEAST_SQUARES_SOLVER_COUNT);
    REFUSED("max_iter is 0", levenberg_marquardt, .max_iter = 0);
    REFUSED("max_iter is 0", gauss_newton, .max_iter = 0);
    REFUSED("tolerance_step is -1", levenberg_marquardt, .tolerance_step = -1);
    REFUSED("maximize is set", levenberg_marquardt, .maximize = true);
    REFUSED("maximize is set", gauss_newton, .maximize = true);
    REFUSED("weight_decay is set", levenberg_marquardt, .weight_decay = 0.1);
}

static rv_tensor *large_residuals(void *context)
{
    return rv_exp(rv_expand((rv_tensor *)context, 100000, 10));
}

Test(least_squares_wrong, no_memory_for_a_jacobian_changes_nothing)
{
    for (int method = 0; method < METHODS; method++) {
        RV_SCOPE;
        rv_tensor *x = rv_require_grad(rv_ones(RV_F64, 10)), *before = rv_copy(x);
        rv_optim *opt = make_method(method, x);
        rv_memory_limit(rv_memory_usage().held + ((size_t)1 << 26)); /* r fits, J does not */
        const rv_optim_result r = rv_optim_minimize(opt, large_residuals, x);
        rv_memory_limit(SIZE_MAX);
        cr_expect(r.status == RV_OPTIM_FAILED && r.iterations == 0);
        cr_expect(error_is(RV_ERROR_MEMORY, ""));
        cr_expect(rv_equal(x, before));
        rv_optim_free(opt);
    }
    rv_tensor *many = rv_require_grad(rv_zeros(RV_F32, 1 << 20));
    cr_expect_null(rv_optim_levenberg_marquardt(RV_TENSORS(many)));
    cr_expect(error_is(RV_ERROR_MEMORY, "optim_levenberg_marquardt"));
    cr_expect_null(rv_optim_gauss_newton(RV_TENSORS(many)));
    cr_expect(error_is(RV_ERROR_MEMORY, "optim_gauss_newton"));
    cr_assert(no_error());
}

/* Steps with so many bytes more than are held; whether there was enough. */
static bool try_with(int method, size_t more)
{
    RV_SCOPE;
    rv_finish();
    const int64_t m = 200,
                  n = 100; /* so that with recycling, too, arrays are blocks of their own */
    rv_seed(1);
    linear l = {.a = rv_randn(RV_F64, m, n),
                .b = rv_reshape(waves(m, 1, 0), m),
                .x = rv_require_grad(rv_ones(RV_F64, n))};
    rv_tensor *before = rv_copy(l.x);
    rv_memory_limit(rv_memory_usage().held + more);
    rv_optim *opt = make_method(method, l.x);
    const bool was_made = opt != NULL;
    rv_optim_result r = {.status = RV_OPTIM_FAILED, .loss = (double)NAN};
    if (was_made)
        r = rv_optim_minimize(opt, linear_residuals, &l, .max_iter = 1);
    rv_memory_limit(SIZE_MAX);
    const bool is_done = r.status != RV_OPTIM_FAILED;
    cr_expect(is_done ? no_error() : error_is(RV_ERROR_MEMORY, "out of memory"),
              "method %d, %zu bytes more", method, more);
    cr_expect(is_done || rv_equal(before, l.x), "method %d, %zu bytes more: it moved", method,
              more);
    if (was_made && !is_done) { /* nothing is broken */
        r = rv_optim_minimize(opt, linear_residuals, &l);
        cr_expect(r.status == RV_OPTIM_GRADIENT && no_error(), "method %d, %zu bytes more: %s",
                  method, more, r.reason);
    }
    rv_optim_free(opt);
    return is_done;
}

Test(least_squares_wrong, wherever_memory_ends)
{
    for (int method = 0; method < METHODS; method++) {
        int failed = 0, done = 0;
        for (size_t more = 0; done < 2 && failed < 500; more += 8192 + more / 64)
            *(try_with(method, more) ? &done : &failed) += 1;
        cr_expect(done == 2 && failed > 10, "method %d: %d failed", method, failed);
    }
}

/* ---- frozen parameters ----------------------------------------------------------------------- */

typedef struct halves {
    rv_tensor *a, *b; /* [2] and [3]: of each a sum and more is asked */
} halves;

static rv_tensor *halves_residuals(void *context)
{
    const halves *h = context;
    rv_tensor *sum = rv_add(rv_sum(h->a), rv_sum(h->b));
    rv_tensor *r[] = {rv_add_scalar(rv_exp(h->a), -2), rv_add_scalar(h->b, 1),
                      rv_reshape(rv_add_scalar(sum, -3), 1)};
    return rv_cat(r, 3, 0);
}

/* With columns for the frozen one, too. */
static rv_tensor *halves_jacobian(void *context)
{
    const halves *h = context;
    rv_tensor *a =
        rv_cat((rv_tensor *[]){rv_diag(rv_exp(rv_detach(h->a)), 0), rv_zeros(RV_F64, 2, 3)}, 2, 1);
    rv_tensor *b =
        rv_cat((rv_tensor *[]){rv_zeros(RV_F64, 3, 2), rv_diag(rv_ones(RV_F64, 3), 0)}, 2, 1);
    return rv_cat((rv_tensor *[]){a, b, rv_ones(RV_F64, 1, 5)}, 3, 0);
}

Test(least_squares_wrong, a_parameter_that_is_frozen_stays)
{
    for (int method = 0; method < METHODS; method++)
        for (int k = 0; k < 6; k++) {
            RV_SCOPE;
            halves h = {rv_require_grad(VECTOR(1, 0)), rv_require_grad(VECTOR(1, 2, 3))};
            const int after = k / 2;
            rv_optim *opt = LEAST_SQUARES(method, RV_TENSORS(h.a, h.b), .max_iter = 100,
                                          .jacobian = k % 2 ? halves_jacobian : NULL);
            rv_optim_minimize(opt, halves_residuals, &h, .max_iter = after + 1);
            rv_require_no_grad(h.b);
            rv_tensor *b = rv_copy(h.b);
            {
                RV_NO_GRAD;
                rv_fill(h.a, 3);
            }
            rv_optim_result r = rv_optim_minimize(opt, halves_residuals, &h);
            cr_expect(r.status == RV_OPTIM_GRADIENT && rv_equal(b, h.b), "method %d, %d: %s",
                      method, k, r.reason);
            /* 2 (e^a - 2) e^a + ... = 0 for each half of a, which are the same. */
            const double a = at(h.a, 0), rest = 2 * a + rv_item(rv_sum(b)) - 3;
            cr_expect(fabs(at(h.a, 1) - a) < 1e-7 && fabs((exp(a) - 2) * exp(a) + rest) < 1e-6,
                      "method %d, %d: %g", method, k, a);
            rv_require_no_grad(h.a); /* all of them: there is nothing to learn */
            r = rv_optim_minimize(opt, halves_residuals, &h);
            cr_expect(r.status == RV_OPTIM_FAILED && at(h.a, 0) == a);
            cr_expect(error_is(RV_ERROR_GRAPH, "no parameter requires"), "method %d", method);
            rv_optim_free(opt);
        }
}

#endif

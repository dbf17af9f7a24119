/* test_newton_products.c - the Hessian inside of a method: its products, itself, what they cost. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"
#include "optim/minimizer.h"

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

Test(newton_products, products_are_the_hessians)
{
    check_products(RV_F64, false, 1e-14);
    check_products(RV_F64, true, 1e-14);
    check_products(RV_F32, false, 1e-5);
    check_products(RV_F32, true, 1e-5);
    cr_assert(no_error());
}

Test(newton_products, the_size_of_v_does_not_matter_in_F32)
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

Test(newton_products, a_linear_loss_has_a_hessian_of_0)
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

Test(newton_products, products_cost_no_evaluation_where_the_graph_is_kept)
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

/* The parts of the pinn example: derivatives carried forward against those by backward, the
 * residual and its gradient against PyTorch's, the exact solution against other quadrature. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../examples/pinn.h"
#include "helpers.h"

/* Some points and a network for them. */
typedef struct task {
    rv_layer *net;
    pinn_points points;
} task;

static task make(int64_t n, int64_t layers, int64_t width)
{
    RV_NO_GRAD;
    rv_seed(3);
    const pinn_places places = pinn_draw(n);
    const task t = {pinn_network(layers, width), pinn_points_of(places.t, places.x)};
    const rv_tensors all = rv_parameters(t.net);
    for (int64_t i = 1; i < all.count; i += 2)
        rv_init_normal(all.items[i], 0, 0.5);
    return t;
}

/* ---- tanh of a jet --------------------------------------------------------------------------- */

static rv_tensor *tanh_of_jet(rv_tensor **in, void *context)
{
    (void)context;
    return pinn_tanh(in[0], in[1]);
}

Test(pinn, tanh_of_a_jet_has_the_right_derivatives_twice)
{
    rv_seed(1);
    for (int is_each = 0; is_each < 2; is_each++) {
        RV_SCOPE;
        rv_tensor *bias = is_each ? rv_randn(RV_F64, 2, 3) : rv_randn(RV_F64, 3);
        rv_tensor *in[] = {rv_randn(RV_F64, JET, 2, 3), bias};
        rv_gradcheck_report r;
        cr_expect(rv_gradcheck(tanh_of_jet, NULL, in, 2, &r), "%s", r.message);
        cr_expect(rv_gradgradcheck(tanh_of_jet, NULL, in, 2, &r), "%s", r.message);
    }
    cr_assert(no_error());
}

/* The derivative by loops, and the one by operations, which create_graph takes. */
Test(pinn, both_derivatives_of_tanh_of_a_jet_are_one)
{
    RV_SCOPE;
    rv_seed(2);
    rv_tensor *in[] = {rv_require_grad(rv_randn(RV_F64, JET, 7, 5)),
                       rv_require_grad(rv_randn(RV_F64, 5))};
    rv_tensor *weight = rv_randn(RV_F64, JET, 7, 5);
    rv_tensor **derivatives[2];
    for (int i = 0; i < 2; i++) {
        rv_tensor *y = pinn_tanh(in[0], in[1]);
        derivatives[i] = rv_gradients(&y, 1, in, 2, .gradients = &weight, .create_graph = i == 1);
    }
    reason why = {{0}};
    for (int i = 0; i < 2; i++)
        cr_expect(is_near(derivatives[0][i], derivatives[1][i], 1e-14, &why), "%s", why.text);
    cr_assert(no_error());
}

/* ---- the residual ---------------------------------------------------------------------------- */

Test(pinn, jets_and_gradients_give_one_residual)
{
    RV_SCOPE;
    const task t = make(50, 3, 20);
    rv_tensor *jets = pinn_residual(rv_parameters(t.net), &t.points);
    rv_tensor *gradients = pinn_residual_by_gradients(t.net, &t.points);
    reason why = {{0}};
    cr_expect(is_near(jets, gradients, 1e-12, &why), "%s", why.text);
    cr_expect(rv_item(rv_norm(jets)) > 1);
    rv_layer_free(t.net);
    cr_assert(no_error());
}

Test(pinn, residual_loss_and_gradient_are_pytorchs)
{
    RV_SCOPE;
    golden *g = golden_open("pinn.safetensors");
    cr_assert_not_null(g);
    task t = {pinn_network(2, 6), pinn_points_of(golden_tensor(g, "t"), golden_tensor(g, "x"))};
    static const char *const names[] = {"0.weight", "0.bias",   "2.weight",
                                        "2.bias",   "4.weight", "4.bias"};
    const rv_tensors all = rv_parameters(t.net);
    for (int i = 0; i < RV_COUNT(names); i++) {
        RV_NO_GRAD;
        cr_assert_not_null(rv_copy_into(all.items[i], golden_tensor(g, "%s", names[i])));
    }
    rv_tensor *r = pinn_residual(all, &t.points), *loss = rv_mean(rv_square(r));
    rv_tensor **gradients = rv_gradients(&loss, 1, all.items, (int)all.count);
    reason why = {{0}};
    cr_expect(is_near(pinn_u(t.net, &t.points), golden_tensor(g, "u"), 1e-13, &why), "%s",
              why.text);
    cr_expect(is_near(r, golden_tensor(g, "residual"), 1e-12, &why), "%s", why.text);
    cr_expect(is_near(loss, golden_tensor(g, "loss"), 1e-12, &why), "%s", why.text);
    for (int i = 0; i < RV_COUNT(names); i++)
        cr_expect(is_near(gradients[i], golden_tensor(g, "gradient.%s", names[i]), 1e-11, &why),
                  "%s: %s", names[i], why.text);
    rv_layer_free(t.net);
    golden_close(g);
    cr_assert(no_error());
}

static rv_tensor *loss_of(void *context)
{
    const task *t = context;
    return rv_mean(rv_square(pinn_residual(rv_parameters(t->net), &t->points)));
}

Test(pinn, the_gradient_of_the_loss_passes_gradcheck_twice)
{
    RV_SCOPE;
    task t = make(4, 2, 3);
    const rv_tensors all = rv_parameters(t.net);
    rv_gradcheck_report r;
    cr_expect(rv_gradcheck(loss_of, &t, all.items, (int)all.count, &r), "%s", r.message);
    cr_expect(rv_gradgradcheck(loss_of, &t, all.items, (int)all.count, &r), "%s", r.message);
    rv_layer_free(t.net);
    cr_assert(no_error());
}

static rv_tensor *residual_of(void *context)
{
    const task *t = context;
    return pinn_residual(rv_parameters(t->net), &t->points);
}

static rv_tensor *residual_of_each(rv_tensor **in, void *context)
{
    const task *t = context;
    return pinn_residual((rv_tensors){in, rv_parameters(t->net).count}, &t->points);
}

Test(pinn, a_weight_for_each_point_gives_the_jacobian_at_once)
{
    RV_SCOPE;
    const int64_t n = 5;
    task t = make(n, 2, 3);
    const rv_tensors all = rv_parameters(t.net);
    rv_tensor *each[16];
    for (int64_t i = 0; i < all.count; i++) {
        const rv_tensor *p = all.items[i];
        each[i] = rv_detach(p->ndim == 2 ? rv_expand(all.items[i], n, p->shape[0], p->shape[1])
                                         : rv_expand(all.items[i], n, p->shape[0]));
    }
    const rv_tensors inputs = {each, all.count};
    rv_tensor *fast = rv_jacobian(residual_of_each, &t, inputs, .batched = true);
    rv_tensor *plain = rv_jacobian(residual_of, &t, all);
    reason why = {{0}};
    cr_assert_not_null(fast);
    cr_assert_not_null(plain);
    cr_expect(is_near(rv_reshape(fast, n, -1), plain, 1e-12, &why), "%s", why.text);
    rv_layer_free(t.net);
    cr_assert(no_error());
}

/* ---- the network, and its points ------------------------------------------------------------- */

Test(pinn, the_network_starts_as_glorot_and_bengio_have_it)
{
    rv_seed(1);
    rv_layer *net = pinn_network(3, 20);
    const rv_tensors all = rv_parameters(net);
    int64_t count = 0;
    for (int64_t i = 0; i < all.count; i++) {
        RV_SCOPE;
        const rv_tensor *p = all.items[i];
        const double largest = rv_item(rv_max(rv_abs(all.items[i])));
        const double bound = p->ndim == 2 ? sqrt(6. / (double)(p->shape[0] + p->shape[1])) : 0;
        cr_expect(p->dtype == RV_F64 && largest <= bound && largest >= 0.8 * bound, "%g", largest);
        count += p->numel;
    }
    cr_expect(count == 941, "%lld parameters", (long long)count);
    rv_layer_free(net);
    cr_assert(no_error());
}

Test(pinn, points_are_cut_into_parts_and_none_is_lost)
{
    RV_SCOPE;
    const pinn_places places = pinn_draw(25);
    pinn_parts *parts = pinn_parts_make(&places, 10);
    cr_assert_not_null(parts);
    cr_expect(parts->count == 3 && parts->points == 25);
    rv_tensor *const t[] = {parts->items[0].t, parts->items[1].t, parts->items[2].t};
    rv_tensor *const x[] = {parts->items[0].x, parts->items[1].x, parts->items[2].x};
    reason why = {{0}};
    cr_expect(is_near(rv_cat(t, 3, 0), places.t, 0, &why), "%s", why.text);
    cr_expect(is_near(rv_cat(x, 3, 0), places.x, 0, &why), "%s", why.text);
    pinn_parts_free(parts);
    pinn_parts_free(NULL);
    cr_assert(no_error());
}

Test(pinn, points_are_drawn_where_they_belong)
{
    RV_SCOPE;
    rv_seed(1);
    const pinn_places p = pinn_draw(10000);
    cr_expect(rv_item(rv_min(p.t)) >= 0 && rv_item(rv_max(p.t)) < 1);
    cr_expect(rv_item(rv_min(p.x)) >= -1 && rv_item(rv_max(p.x)) < 1);
    cr_expect(fabs(rv_item(rv_mean(p.t)) - 0.5) < 0.015); /* five standard deviations */
    cr_expect(fabs(rv_item(rv_mean(p.x))) < 0.03);
}

/* Chances of the pairs of three places with weights 1, 2, 7, drawn one after the other. */
Test(pinn, places_are_chosen_by_weight_and_never_twice)
{
    enum { DRAWS = 20000 };
    rv_seed(4);
    double seen[3] = {0};
    for (int i = 0; i < DRAWS; i++) {
        RV_SCOPE;
        const pinn_places all = {.t = rv_reshape(rv_arange(RV_F64, 0, 3, 1), 3, 1),
                                 .x = rv_reshape(rv_arange(RV_F64, 0, 3, 1), 3, 1)};
        const pinn_places two = pinn_choose(&all, VECTOR(1, 2, 7), 2);
        const double a = rv_item_at(two.t, 0, 0), b = rv_item_at(two.t, 1, 0);
        cr_assert(a != b && a == rv_item_at(two.x, 0, 0) && b == rv_item_at(two.x, 1, 0));
        seen[(int)(3 - a - b)]++; /* the one that is left */
    }
    const double w[] = {0.1, 0.2, 0.7};
    for (int left = 0; left < 3; left++) {
        const double a = w[(left + 1) % 3], b = w[(left + 2) % 3];
        const double chance = a * b / (1 - a) + b * a / (1 - b);
        const double deviation = sqrt(chance * (1 - chance) / DRAWS);
        cr_expect(fabs(seen[left] / DRAWS - chance) < 4 * deviation, "%d: %g, expected %g", left,
                  seen[left] / DRAWS, chance);
    }
    cr_assert(no_error());
}

/* ---- the exact solution ---------------------------------------------------------------------- */

#if RV_BLAS /* without it there are no eigenvalues */
Test(pinn, quadrature_is_exact_to_its_smallest_weights)
{
    RV_SCOPE;
    golden *g = golden_open("pinn.safetensors");
    const pinn_quadrature q = pinn_gauss_hermite(50);
    reason why = {{0}};
    cr_expect(is_near(q.nodes, golden_tensor(g, "nodes"), 1e-14, &why), "%s", why.text);
    rv_tensor *ratio = rv_div(q.weights, golden_tensor(g, "weights")); /* down to 1e-37 */
    cr_expect(is_near(ratio, rv_ones_like(ratio), 1e-12, &why), "%s", why.text);
    golden_close(g);

    /* Of x^(2k) it is the gamma function of k + 1/2. */
    const pinn_quadrature fine = pinn_gauss_hermite(200);
    for (int k = 0; k <= 60; k += 5) {
        const double sum = rv_item(rv_dot(fine.weights, rv_pow_scalar(rv_square(fine.nodes), k)));
        cr_expect(fabs(sum / tgamma(k + 0.5) - 1) < 1e-12, "%d: %g", k, sum);
    }
    cr_expect_null(pinn_gauss_hermite(1).nodes);
    cr_expect_null(pinn_gauss_hermite(301).nodes);
    cr_assert(no_error());
}

Test(pinn, the_exact_solution_is_that_of_other_quadrature)
{
    RV_SCOPE;
    golden *g = golden_open("pinn.safetensors");
    rv_tensor *u = pinn_exact(golden_tensor(g, "exact.t"), golden_tensor(g, "exact.x"));
    reason why = {{0}};
    cr_expect(is_near(u, golden_tensor(g, "exact.u"), 1e-11, &why), "%s", why.text);
    golden_close(g);
    cr_assert(no_error());
}
#endif

Test(pinn, the_grid_has_both_ends)
{
    RV_SCOPE;
    const pinn_places grid = pinn_grid();
    const int64_t last = PINN_ROWS * PINN_COLUMNS - 1;
    cr_expect(grid.t->numel == last + 1 && grid.x->numel == last + 1);
    cr_expect(rv_item_at(grid.t, 0, 0) == 0.01 && fabs(rv_item_at(grid.t, last, 0) - 1) < 1e-15);
    cr_expect(rv_item_at(grid.x, 0, 0) == -1 && fabs(rv_item_at(grid.x, last, 0) - 1) < 1e-15);
    cr_expect(rv_item_at(grid.t, 1, 0) == 0.01 && rv_item_at(grid.x, 1, 0) > -1);
}

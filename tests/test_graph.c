/* test_graph.c - recording and walking graphs, against values worked out by hand. */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

#define EXACT 0.0
#define CLOSE 1e-14

static rv_tensor *scalar(double value)
{
    return rv_full_n(value, RV_F64, 0, NULL);
}

static rv_tensor *leaf(double value)
{
    return rv_require_grad(scalar(value));
}

/* The derivative of a scalar y by a scalar x, itself differentiable. */
static rv_tensor *derivative(rv_tensor *y, rv_tensor *x)
{
    rv_tensor **g = rv_gradients(&y, 1, &x, 1, .create_graph = true);
    return g != NULL ? g[0] : NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

Test(graph, product_and_sum)
{
    RV_SCOPE;
    rv_tensor *a = leaf(3), *b = leaf(4);
    cr_expect(rv_backward(rv_add(rv_mul(a, b), a)));
    cr_expect_eq(rv_item(rv_grad(a)), 5);
    cr_expect_eq(rv_item(rv_grad(b)), 3);
    cr_expect(no_error());
}

Test(graph, one_tensor_as_both_inputs)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3);
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect_eq(rv_item(rv_grad(x)), 6);
}

Test(graph, reusing_a_name_accumulates)
{
    RV_SCOPE;
    rv_tensor *x = leaf(5), *c = x;
    for (int i = 0; i < 3; i++)
        c = rv_add(c, rv_add_scalar(c, 1)); /* c += c + 1 */
    cr_expect_eq(rv_item(c), 47);
    cr_expect(rv_backward(c));
    cr_expect_eq(rv_item(rv_grad(x)), 8);
}

Test(graph, diamond)
{
    RV_SCOPE;
    rv_tensor *x = leaf(2);
    rv_tensor *a = rv_mul_scalar(x, 3), *b = rv_exp(x);
    cr_expect(rv_backward(rv_add(rv_mul(a, b), rv_sub(a, b)))); /* 3x e^x + 3x - e^x */
    cr_expect(HOLDS(rv_grad(x), CLOSE, 8 * exp(2) + 3));
}

Test(graph, each_node_is_walked_once)
{
    RV_SCOPE;
    rv_tensor *x = leaf(1), *y = x;
    for (int i = 0; i < 60; i++)
        y = rv_add(y, y); /* 2^60 paths */
    cr_expect(rv_backward(y));
    cr_expect_eq(rv_item(rv_grad(x)), 0x1p60);
}

Test(graph, broadcast_inputs_get_sums)
{
    RV_SCOPE;
    rv_tensor *a = rv_require_grad(rv_reshape(VECTOR(1, 2, 3, 4, 5, 6), 2, 3));
    rv_tensor *row = rv_require_grad(VECTOR(10, 20, 30));
    rv_tensor *column = rv_require_grad(rv_reshape(VECTOR(100, 200), 2, 1));
    rv_tensor *one = leaf(1000);
    rv_tensor *y = rv_add(rv_mul(a, row), rv_mul(column, one));
    cr_expect(rv_backward(rv_sum(y)));
    cr_expect(HOLDS(rv_grad(a), EXACT, 10, 20, 30, 10, 20, 30));
    cr_expect(HOLDS(rv_grad(row), EXACT, 5, 7, 9));
    cr_expect(HOLDS(rv_grad(column), EXACT, 3000, 3000));
    cr_expect(HOLDS(rv_grad(one), EXACT, 900));
    cr_expect_eq(rv_grad(column)->ndim, 2);
    cr_expect_eq(rv_grad(one)->ndim, 0);
}

Test(graph, an_output_gradient_weighs)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2, 3));
    rv_tensor *y = rv_mul(x, x);
    cr_expect(rv_backward(y, .gradient = VECTOR(1, 10, 100)));
    cr_expect(HOLDS(rv_grad(x), EXACT, 2, 40, 600));
}

/* ---- leaves' gradients ----------------------------------------------------------------------- */

Test(graph, gradients_add_up_until_zeroed)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3);
    cr_expect_null(rv_grad(x));
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect(rv_backward(rv_mul_scalar(x, 10)));
    cr_expect_eq(rv_item(rv_grad(x)), 16);
    cr_expect(rv_zero_grad(x));
    cr_expect_null(rv_grad(x));
    cr_expect(rv_set_grad(x, scalar(7)));
    cr_expect(rv_backward(rv_mul(x, x)));
    cr_expect_eq(rv_item(rv_grad(x)), 13);
    cr_expect(no_error());
}

Test(graph, a_gradient_is_the_leafs_own)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2)), *y = rv_require_grad(VECTOR(3, 4));
    rv_tensor *g = VECTOR(1, 1);
    cr_expect(rv_backward(rv_add(x, y), .gradient = g)); /* the same g goes to both */
    cr_expect_neq(rv_grad(x)->storage, rv_grad(y)->storage);
    cr_expect_neq(rv_grad(x)->storage, g->storage);
    rv_fill(g, 5);
    cr_expect(HOLDS(rv_grad(x), EXACT, 1, 1));
}

Test(graph, set_grad_refuses_what_does_not_fit)
{
    RV_SCOPE;
    rv_tensor *x = leaf(1);
    cr_expect_not(rv_set_grad(x, VECTOR(1, 2)));
    cr_expect(error_is(RV_ERROR_SHAPE, "set_grad"));
    cr_expect_not(rv_set_grad(x, rv_zeros(RV_F32)));
    cr_expect(error_is(RV_ERROR_DTYPE, "F32"));
    cr_expect_not(rv_set_grad(scalar(1), scalar(1)));
    cr_expect(error_is(RV_ERROR_GRAPH, "leaf"));
    cr_expect_not(rv_zero_grad(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "NULL"));
}

Test(graph, who_requires_a_gradient)
{
    RV_SCOPE;
    rv_tensor *x = leaf(1), *plain = scalar(1);
    cr_expect(rv_requires_grad(x) && rv_requires_grad(rv_exp(x)));
    cr_expect_not(rv_requires_grad(plain) || rv_requires_grad(rv_exp(plain)));
    cr_expect_not(rv_requires_grad(NULL));
    cr_expect_not(rv_requires_grad(rv_gt_scalar(x, 0)));
    cr_expect_eq(rv_require_grad(x), x, "twice is no error");
    cr_expect(no_error());

    cr_expect_null(rv_require_grad(rv_zeros(RV_I64, 2)));
    cr_expect(error_is(RV_ERROR_DTYPE, "I64"));
    cr_expect_null(rv_require_grad(rv_exp(x)));
    cr_expect(error_is(RV_ERROR_GRAPH, "exp"));
    cr_expect_null(rv_require_grad(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "require_grad"));
}

Test(graph, f32_leaves_have_f32_gradients)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_full(2, RV_F32, 3));
    cr_expect(rv_backward(rv_sum(rv_mul(x, x))));
    cr_expect_eq(rv_grad(x)->dtype, RV_F32);
    cr_expect(HOLDS(rv_grad(x), EXACT, 4, 4, 4));
}

/* ---- walking twice --------------------------------------------------------------------------- */

Test(graph, a_second_walk_needs_retain_graph)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *y = rv_mul(x, x);
    cr_expect(rv_backward(y, .retain_graph = true));
    cr_expect(rv_backward(y));
    cr_expect_eq(rv_item(rv_grad(x)), 12);
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_GRAPH, "retain_graph"));
    cr_expect_eq(rv_item(rv_grad(x)), 12, "an error leaves the gradient alone");
}

Test(graph, a_shared_part_is_freed_by_the_first_walk)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *shared = rv_exp(x);
    cr_expect(rv_backward(rv_mul_scalar(shared, 2)));
    cr_expect_not(rv_backward(rv_mul_scalar(shared, 3)));
    cr_expect(error_is(RV_ERROR_GRAPH, "exp"));
}

/* ---- rv_gradients ---------------------------------------------------------------------------- */

Test(gradients, of_what_is_computed_on_the_way)
{
    RV_SCOPE;
    rv_tensor *x = leaf(2), *y = rv_exp(x), *z = rv_mul(y, y);
    rv_tensor *xs[] = {y, x};
    rv_tensor **g = rv_gradients(&z, 1, xs, 2);
    cr_assert_not_null(g);
    cr_expect(HOLDS(g[0], CLOSE, 2 * exp(2)));
    cr_expect(HOLDS(g[1], CLOSE, 2 * exp(4)));
    cr_expect_null(rv_grad(x), "leaves are left alone");
}

Test(gradients, of_itself_is_its_weight)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2)), *w = VECTOR(3, 4);
    rv_tensor **g = rv_gradients(&x, 1, &x, 1, .gradients = &w);
    cr_assert_not_null(g);
    cr_expect(HOLDS(g[0], EXACT, 3, 4));
    rv_tensor *y = rv_mul_scalar(x, 2);
    g = rv_gradients(&y, 1, &y, 1, .gradients = &w);
    cr_assert_not_null(g);
    cr_expect(HOLDS(g[0], EXACT, 3, 4));
}

Test(gradients, several_ys_add_up)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2));
    rv_tensor *ys[] = {rv_mul(x, x), rv_sum(x)};
    rv_tensor *weights[] = {VECTOR(1, 10), NULL};
    rv_tensor **g = rv_gradients(ys, 2, &x, 1, .gradients = weights);
    cr_assert_not_null(g);
    cr_expect(HOLDS(g[0], EXACT, 3, 41));
}

Test(gradients, one_y_on_the_way_to_another)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *y = rv_mul(x, x), *z = rv_mul(y, y);
    rv_tensor *ys[] = {z, y}, *xs[] = {x, y};
    rv_tensor **g = rv_gradients(ys, 2, xs, 2);
    cr_assert_not_null(g);
    cr_expect_eq(rv_item(g[0]), 4 * 27 + 6);
    cr_expect_eq(rv_item(g[1]), 18 + 1);
}

Test(gradients, an_unused_x_is_an_error_unless_allowed)
{
    RV_SCOPE;
    rv_tensor *xs[] = {leaf(1), leaf(2)};
    rv_tensor *y = rv_exp(xs[0]);
    cr_expect_null(rv_gradients(&y, 1, xs, 2, .retain_graph = true));
    cr_expect(error_is(RV_ERROR_GRAPH, "x 1"));
    rv_tensor **g = rv_gradients(&y, 1, xs, 2, .allow_unused = true);
    cr_assert_not_null(g);
    cr_expect(HOLDS(g[0], CLOSE, exp(1)));
    cr_expect_null(g[1]);
    cr_expect(no_error());
}

Test(gradients, refuse_what_has_no_graph)
{
    RV_SCOPE;
    rv_tensor *x = leaf(1), *plain = scalar(1), *y = rv_exp(x), *nothing = NULL;
    cr_expect_null(rv_gradients(&y, 1, &plain, 1));
    cr_expect(error_is(RV_ERROR_GRAPH, "x 0"));
    cr_expect_null(rv_gradients(&plain, 1, &x, 1));
    cr_expect(error_is(RV_ERROR_GRAPH, "gradients"));
    cr_expect_null(rv_gradients(&y, 1, &nothing, 1));
    cr_expect(error_is(RV_ERROR_NULL, "NULL"));
    cr_expect_null(rv_gradients(&y, 0, &x, 1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "0 ys"));
    cr_expect_null(rv_gradients(NULL, 1, &x, 1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "ys"));
}

/* ---- higher derivatives ---------------------------------------------------------------------- */

Test(higher, tanh_to_the_fourth)
{
    RV_SCOPE;
    rv_tensor *x = leaf(0.4), *y = rv_tanh(x);
    const double t = tanh(0.4), s = 1 - t * t;
    const double want[] = {s, -2 * t * s, (6 * t * t - 2) * s, (16 * t - 24 * t * t * t) * s};
    for (int order = 0; order < 4; order++) {
        y = derivative(y, x);
        cr_expect(HOLDS(y, CLOSE, want[order]), "derivative %d", order + 1);
    }
}

Test(higher, cube_to_the_fourth)
{
    RV_SCOPE;
    rv_tensor *x = leaf(1.7);
    rv_tensor *cubes[] = {rv_pow_scalar(x, 3), rv_mul(x, rv_mul(x, x))};
    const double want[] = {3 * 1.7 * 1.7, 6 * 1.7, 6};
    for (int i = 0; i < 2; i++) {
        rv_tensor *y = cubes[i];
        for (int order = 0; order < 3; order++) {
            y = derivative(y, x);
            cr_expect(HOLDS(y, CLOSE, want[order]), "cube %d, derivative %d", i, order + 1);
        }
        /* The third is the constant 6: not connected to x, or with a derivative of 0. */
        if (!rv_requires_grad(y))
            continue;
        rv_tensor **g = rv_gradients(&y, 1, &x, 1, .allow_unused = true);
        cr_assert_not_null(g);
        cr_expect(g[0] == NULL || rv_item(g[0]) == 0);
    }
    cr_expect(no_error());
}

Test(higher, through_a_leafs_gradient)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3);
    cr_expect(rv_backward(rv_pow_scalar(x, 3), .create_graph = true));
    rv_tensor *g = rv_grad(x);
    cr_expect(HOLDS(g, CLOSE, 27));
    rv_tensor **second = rv_gradients(&g, 1, &x, 1);
    cr_assert_not_null(second);
    cr_expect(HOLDS(second[0], CLOSE, 18));
}

Test(higher, a_gradient_is_not_recorded_unless_asked)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *y = rv_mul(x, x);
    rv_tensor **g = rv_gradients(&y, 1, &x, 1);
    cr_assert_not_null(g);
    cr_expect_not(rv_requires_grad(g[0]));
}

/* ---- not recording --------------------------------------------------------------------------- */

Test(recording, detach_cuts)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *cut = rv_detach(x);
    cr_expect_not(rv_requires_grad(cut));
    cr_expect_eq(cut->storage, x->storage, "a view");
    cr_expect(rv_backward(rv_mul(x, rv_detach(rv_mul(x, x)))));
    cr_expect_eq(rv_item(rv_grad(x)), 9);
    cr_expect_null(rv_detach(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "detach"));
}

static void leave_early(bool early)
{
    RV_NO_GRAD;
    if (early)
        return;
    {
        RV_NO_GRAD;
        cr_expect_not(rv_recording());
    }
    cr_expect_not(rv_recording(), "the outer block still does not record");
    bool was = rv_set_recording(true);
    cr_expect(rv_recording());
    rv_recording_restore(&was);
    cr_expect_not(rv_recording());
}

Test(recording, no_grad_nests)
{
    RV_SCOPE;
    rv_tensor *x = leaf(1), *y;
    cr_expect(rv_recording());
    leave_early(true);
    cr_expect(rv_recording());
    leave_early(false);
    cr_expect(rv_recording());
    {
        RV_NO_GRAD;
        y = rv_exp(x);
        cr_expect_not(rv_requires_grad(y));
        cr_expect_not(rv_backward(y));
        cr_expect(error_is(RV_ERROR_GRAPH, "backward"));
        cr_expect_not(rv_recording(), "backward puts it back as it was");
    }
    cr_expect(rv_requires_grad(rv_exp(x)));
}

Test(recording, backward_within_no_grad)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *y = rv_mul(x, x);
    RV_NO_GRAD;
    cr_expect(rv_backward(y, .create_graph = true));
    cr_expect_not(rv_recording());
    cr_expect_eq(rv_item(rv_grad(x)), 6);
}

/* ---- changes in place ------------------------------------------------------------------------ */

Test(in_place, a_changed_input_is_named)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *h = rv_mul_scalar(x, 2), *y = rv_log(h);
    {
        RV_NO_GRAD;
        cr_expect_not_null(rv_fill(h, 1));
    }
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_CHANGED, "log"));
    cr_expect_null(rv_grad(x));
}

Test(in_place, a_changed_output_is_named)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *y = rv_tanh(x);
    {
        RV_NO_GRAD;
        cr_expect_not_null(rv_fill(y, 1));
    }
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_CHANGED, "tanh"));
}

Test(in_place, a_change_through_a_view_is_seen)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2, 3, 4)), *y = rv_sum(rv_mul(x, x));
    {
        RV_NO_GRAD;
        cr_expect_not_null(rv_fill(rv_slice(x, .start = 1, .stop = 2), 7));
    }
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_CHANGED, "mul"));

    rv_tensor *z = rv_sum(rv_mul(x, x));
    *(double *)rv_data(x) = 5;
    rv_touch(x);
    cr_expect_not(rv_backward(z));
    cr_expect(error_is(RV_ERROR_CHANGED, "mul"));
}

Test(in_place, what_no_derivative_needs_may_change)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *h = rv_mul_scalar(x, 2), *y = rv_add_scalar(h, 1);
    {
        RV_NO_GRAD;
        rv_fill(h, 100);
    }
    cr_expect(rv_backward(y));
    cr_expect_eq(rv_item(rv_grad(x)), 2);
}

Test(in_place, refused_while_recording)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3), *y = rv_exp(x);
    cr_expect_null(rv_fill(x, 1));
    cr_expect(error_is(RV_ERROR_GRAPH, "fill"));
    cr_expect_null(rv_copy_into(y, scalar(1)));
    cr_expect(error_is(RV_ERROR_GRAPH, "copy_into"));
    cr_expect_eq(rv_item(x), 3);
    RV_NO_GRAD;
    cr_expect_eq(rv_fill(x, 1), x);
    cr_expect(no_error());
}

/* ---- errors ---------------------------------------------------------------------------------- */

Test(backward, refuses_what_it_cannot_walk)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(VECTOR(1, 2, 3)), *y = rv_exp(x);
    cr_expect_not(rv_backward(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "backward"));
    cr_expect_not(rv_backward(y));
    cr_expect(error_is(RV_ERROR_SHAPE, "[3]"));
    cr_expect_not(rv_backward(scalar(1)));
    cr_expect(error_is(RV_ERROR_GRAPH, "backward"));
    cr_expect_not(rv_backward(y, .gradient = VECTOR(1, 2)));
    cr_expect(error_is(RV_ERROR_SHAPE, "[2]"));
    cr_expect_not(rv_backward(y, .gradient = rv_ones(RV_F32, 3)));
    cr_expect(error_is(RV_ERROR_DTYPE, "F32"));
    cr_expect_null(rv_grad(x));
    cr_expect(rv_backward(y, .gradient = VECTOR(1, 1, 1)), "the graph is still whole");
}

Test(backward, reaches_a_scalar_leaf_itself)
{
    RV_SCOPE;
    rv_tensor *x = leaf(3);
    cr_expect(rv_backward(x));
    cr_expect_eq(rv_item(rv_grad(x)), 1);
}

Test(backward, of_nothing)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_zeros(RV_F64, 0, 3));
    cr_expect(rv_backward(rv_sum(rv_exp(x))));
    cr_assert_not_null(rv_grad(x));
    cr_expect(rv_grad(x)->numel == 0 && rv_grad(x)->shape[1] == 3);
    cr_expect(no_error());
}

/* test_calculus.c - products with Jacobians and Hessians, and the matrices, against formulas and
 * central differences. */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

/* ---- functions ------------------------------------------------------------------------------- */

/* tanh(a b), [m,n]. */
static rv_tensor *layer(rv_tensor **in, void *context)
{
    (void)context;
    return rv_tanh(rv_matmul(in[0], in[1]));
}

/* (1 - x)^2 + 100 (y - x^2)^2 of in[0] = [x, y]. */
static rv_tensor *rosenbrock(rv_tensor **in, void *context)
{
    (void)context;
    rv_tensor *x = rv_slice(in[0], .stop = 1), *y = rv_slice(in[0], .start = 1);
    rv_tensor *a = rv_sub_scalar(x, 1), *b = rv_sub(y, rv_mul(x, x));
    return rv_sum(rv_add(rv_mul(a, a), rv_mul_scalar(rv_mul(b, b), 100)));
}

static rv_tensor *square(rv_tensor **in, void *context)
{
    (void)context;
    return rv_mul(in[0], in[0]);
}

static rv_tensor *sum_of_first(rv_tensor **in, void *context)
{
    (void)context;
    return rv_sum(in[0]);
}

static rv_tensor *identity(rv_tensor **in, void *context)
{
    (void)context;
    return in[0];
}

static rv_tensor *constant(rv_tensor **in, void *context)
{
    (void)in;
    (void)context;
    return VECTOR(1, 2);
}

static rv_tensor *failing(rv_tensor **in, void *context)
{
    (void)in;
    (void)context;
    return rv_fail_null(RV_ERROR_STATE, "failing", "it rains");
}

static rv_tensor *silent(rv_tensor **in, void *context)
{
    (void)in;
    (void)context;
    return NULL;
}

static rv_tensor *of_labels(rv_tensor **in, void *context)
{
    (void)in;
    (void)context;
    return rv_zeros(RV_I64, 2);
}

/* The largest |a - b|; infinity if shapes differ. */
static double distance(const rv_tensor *a, const rv_tensor *b)
{
    if (a == NULL || b == NULL || !rv_same_shape(a, b))
        return INFINITY;
    double largest = 0;
    for (int64_t i = 0; i < a->numel; i++)
        largest = fmax(largest, fabs(at(a, i) - at(b, i)));
    return largest;
}

static bool has_shape(const rv_tensor *t, int ndim, int64_t first, int64_t second)
{
    return t != NULL && t->ndim == ndim && (ndim < 1 || t->shape[0] == first) &&
           (ndim < 2 || t->shape[1] == second);
}

/* ---- products -------------------------------------------------------------------------------- */

Test(products, vjp_and_jvp_are_the_jacobian_multiplied)
{
    RV_SCOPE;
    rv_tensors in = RV_TENSORS(waves(2, 3, 0.1), waves(3, 4, -0.2));
    rv_tensor *j = rv_jacobian(layer, NULL, in);
    cr_assert(has_shape(j, 2, 8, 18));

    rv_tensor *v = waves(2, 4, 0.5);
    const rv_vjp_result left = rv_vjp(layer, NULL, in, v);
    cr_assert_eq(left.products.count, 2);
    rv_tensor *const *parts = left.products.items;
    rv_tensor *joined =
        rv_cat((rv_tensor *[]){rv_reshape(parts[0], -1), rv_reshape(parts[1], -1)}, 2, 0);
    cr_expect(distance(joined, rv_matmul(rv_reshape(v, 8), j)) < 1e-14);
    cr_expect_eq(distance(left.output, layer((rv_tensor **)in.items, NULL)), 0);
    cr_expect_not(rv_requires_grad(left.output) || rv_requires_grad(parts[0]));

    rv_tensors u = RV_TENSORS(waves(2, 3, -1), waves(3, 4, 2));
    const rv_jvp_result right = rv_jvp(layer, NULL, in, u);
    rv_tensor *direction =
        rv_cat((rv_tensor *[]){rv_reshape(u.items[0], -1), rv_reshape(u.items[1], -1)}, 2, 0);
    cr_assert_not_null(right.product);
    cr_expect(distance(rv_reshape(right.product, -1), rv_matmul(j, direction)) < 1e-14);
    cr_expect_eq(distance(right.output, left.output), 0);
    cr_expect_not(rv_requires_grad(right.output) || rv_requires_grad(right.product));
    cr_expect(no_error());
}

/* (f(x + eps u) - f(x - eps u)) / (2 eps) knows nothing of any backward. */
Test(products, jvp_is_the_derivative_in_a_direction)
{
    RV_SCOPE;
    const double eps = 1e-6;
    rv_tensor *a = waves(2, 3, 0.1), *b = waves(3, 4, -0.2), *u = waves(2, 3, 1);
    rv_tensor *above = layer((rv_tensor *[]){rv_add(a, rv_mul_scalar(u, eps)), b}, NULL);
    rv_tensor *below = layer((rv_tensor *[]){rv_sub(a, rv_mul_scalar(u, eps)), b}, NULL);
    rv_tensor *slope = rv_mul_scalar(rv_sub(above, below), 0.5 / eps);
    const rv_jvp_result r =
        rv_jvp(layer, NULL, RV_TENSORS(a, b), RV_TENSORS(u, rv_zeros(RV_F64, 3, 4)));
    cr_expect(distance(r.product, slope) < 1e-9);
}

Test(products, hvp_gives_value_gradient_and_product)
{
    RV_SCOPE;
    rv_tensor *x = VECTOR(-1.2, 1);
    const rv_hvp_result r = rv_hvp(rosenbrock, NULL, RV_TENSORS(x), RV_TENSORS(VECTOR(1, 2)));
    cr_assert_not_null(r.output);
    cr_expect(fabs(rv_item(r.output) - 24.2) < 1e-12);
    cr_expect(HOLDS(r.gradients.items[0], 1e-14, -215.6, -88));
    /* H = [[1330, 480], [480, 200]] */
    cr_expect(HOLDS(r.products.items[0], 1e-14, 2290, 880));
    cr_expect_not(rv_requires_grad(r.gradients.items[0]) || rv_requires_grad(r.products.items[0]));
    cr_expect_not(rv_requires_grad(x), "the input is as it was");
}

Test(products, v_may_be_left_out_for_one_element)
{
    RV_SCOPE;
    const rv_vjp_result r = rv_vjp(rosenbrock, NULL, RV_TENSORS(VECTOR(-1.2, 1)), NULL);
    cr_assert_eq(r.products.count, 1);
    cr_expect(HOLDS(r.products.items[0], 1e-14, -215.6, -88));
}

/* d/dx of (v' J)(x) for x^2 is 2v: the products are connected to the inputs. */
Test(products, create_graph_connects_to_the_inputs)
{
    RV_SCOPE;
    rv_tensor *leaf = rv_require_grad(VECTOR(1, 2, 3)), *v = VECTOR(5, 6, 7);
    rv_tensor *inputs[] = {leaf, rv_mul_scalar(leaf, 1)}; /* a leaf, and computed from one */
    for (int i = 0; i < 2; i++) {
        rv_tensors in = {&inputs[i], 1};
        const rv_vjp_result left = rv_vjp(square, NULL, in, v, .create_graph = true);
        cr_assert_not_null(left.output);
        rv_tensor *sum = rv_sum(left.products.items[0]);
        rv_tensor **g = rv_gradients(&sum, 1, &leaf, 1, .retain_graph = true);
        cr_assert_not_null(g);
        cr_expect(HOLDS(g[0], 0, 10, 12, 14));

        const rv_jvp_result right = rv_jvp(square, NULL, in, RV_TENSORS(v), .create_graph = true);
        sum = rv_sum(rv_mul(right.product, right.output)); /* 2 x v x^2 */
        g = rv_gradients(&sum, 1, &leaf, 1, .retain_graph = true);
        cr_assert_not_null(g);
        cr_expect(HOLDS(g[0], 1e-14, 30, 144, 378));

        rv_tensor *j = rv_jacobian(square, NULL, in, .create_graph = true);
        sum = rv_sum(rv_mul(j, j)); /* the sum of 4 x^2 */
        g = rv_gradients(&sum, 1, &leaf, 1, .retain_graph = true);
        cr_assert_not_null(g);
        cr_expect(HOLDS(g[0], 1e-14, 8, 16, 24));
    }
    rv_tensor *x = rv_require_grad(VECTOR(-1.2, 1));
    rv_tensor *h = rv_hessian(rosenbrock, NULL, RV_TENSORS(x), .create_graph = true);
    rv_tensor *corner = rv_slice(rv_reshape(h, 4), .stop = 1); /* 2 - 400 y + 1200 x^2 */
    rv_tensor **g = rv_gradients(&corner, 1, &x, 1);
    cr_assert_not_null(g);
    cr_expect(HOLDS(g[0], 1e-14, -2880, -400));
    cr_expect_null(rv_grad(x), "leaves' own gradients are not touched");
    cr_expect(no_error());
}

Test(products, what_is_not_connected_has_derivative_0)
{
    RV_SCOPE;
    rv_tensors in = RV_TENSORS(VECTOR(1, 2), VECTOR(3, 4, 5));
    const rv_vjp_result left = rv_vjp(sum_of_first, NULL, in, NULL);
    cr_assert_eq(left.products.count, 2);
    cr_expect(HOLDS(left.products.items[0], 0, 1, 1));
    cr_expect(HOLDS(left.products.items[1], 0, 0, 0, 0));
    const rv_hvp_result twice = rv_hvp(sum_of_first, NULL, in, in); /* linear: its H is 0 */
    cr_expect(HOLDS(twice.products.items[0], 0, 0, 0));
    cr_expect(HOLDS(twice.products.items[1], 0, 0, 0, 0));
    const rv_jvp_result right = rv_jvp(constant, NULL, in, in);
    cr_expect(HOLDS(right.product, 0, 0, 0));
    rv_tensor *h = rv_hessian(sum_of_first, NULL, in);
    cr_assert(has_shape(h, 2, 5, 5));
    cr_expect_eq(distance(h, rv_zeros(RV_F64, 5, 5)), 0);
    cr_expect(no_error());

    cr_expect_null(rv_vjp(sum_of_first, NULL, in, NULL, .strict = true).output);
    cr_expect(error_is(RV_ERROR_GRAPH, "vjp: the result does not depend on input 1"));
    cr_expect_null(rv_jacobian(sum_of_first, NULL, in, .strict = true));
    cr_expect(error_is(RV_ERROR_GRAPH, "jacobian: the result does not depend on input 1"));
}

Test(products, the_identity)
{
    RV_SCOPE;
    rv_tensors in = RV_TENSORS(VECTOR(1, 2)), v = RV_TENSORS(VECTOR(3, 4));
    cr_expect(HOLDS(rv_jvp(identity, NULL, in, v).product, 0, 3, 4));
    cr_expect(HOLDS(rv_vjp(identity, NULL, in, v.items[0]).products.items[0], 0, 3, 4));
    cr_expect(HOLDS(rv_jacobian(identity, NULL, in), 0, 1, 0, 0, 1));
    cr_expect(no_error());
}

Test(products, work_where_recording_is_off)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_tensor *x = rv_require_grad(VECTOR(-1.2, 1));
    cr_expect(HOLDS(rv_hessian(rosenbrock, NULL, RV_TENSORS(x)), 1e-14, 1330, 480, 480, 200));
    cr_expect_not(rv_recording());
}

/* ---- matrices -------------------------------------------------------------------------------- */

Test(matrices, of_single_numbers_and_of_nothing)
{
    RV_SCOPE;
    rv_tensor *three = rv_full(3, RV_F64), *none = rv_zeros(RV_F64, 0, 2);
    cr_expect(HOLDS(rv_jacobian(square, NULL, RV_TENSORS(three)), 0, 6));
    cr_expect(has_shape(rv_jacobian(square, NULL, RV_TENSORS(three)), 2, 1, 1));
    cr_expect(has_shape(rv_jacobian(square, NULL, RV_TENSORS(none)), 2, 0, 0));
    cr_expect(has_shape(rv_jacobian(sum_of_first, NULL, RV_TENSORS(none)), 2, 1, 0));
    cr_expect(has_shape(rv_hessian(sum_of_first, NULL, RV_TENSORS(none)), 2, 0, 0));
    cr_expect(
        has_shape(rv_jacobian(square, NULL, RV_TENSORS(none), .create_graph = true), 2, 0, 0));
    const rv_hvp_result r = rv_hvp(sum_of_first, NULL, RV_TENSORS(none), RV_TENSORS(none));
    cr_expect(r.products.count == 1 && r.products.items[0]->numel == 0);
    cr_expect_eq(rv_jvp(square, NULL, RV_TENSORS(none), RV_TENSORS(none)).product->numel, 0);
    rv_tensor *single = rv_cast(VECTOR(1, 2), RV_F32);
    rv_tensor *j = rv_jacobian(square, NULL, RV_TENSORS(single));
    cr_expect(j != NULL && j->dtype == RV_F32 && HOLDS(j, 0, 2, 0, 0, 4));
    cr_expect(no_error());
}

/* An input that does not lie row-major, and shares elements. */
Test(matrices, of_inputs_that_are_views)
{
    RV_SCOPE;
    rv_tensor *a = rv_transpose(waves(3, 2, 0.1), 0, 1), *b = rv_expand(waves(1, 4, 0.3), 3, 4);
    rv_tensor *j = rv_jacobian(layer, NULL, RV_TENSORS(a, b));
    rv_tensor *same = rv_jacobian(layer, NULL, RV_TENSORS(rv_contiguous(a), rv_contiguous(b)));
    cr_expect(distance(j, same) < 1e-15);
}

/* A sample's outputs, tanh(x_i w_i' + b_i), from weights of its own, in two ways. */
static rv_tensor *per_sample(rv_tensor **in, void *context)
{
    rv_tensor *x = context; /* [batch, in] */
    rv_tensor *rows = rv_reshape(x, x->shape[0], 1, x->shape[1]);
    rv_tensor *y = rv_matmul(rows, rv_transpose(in[0], 1, 2)); /* in[0]: [batch, out, in] */
    y = rv_reshape(y, x->shape[0], in[0]->shape[1]);
    return rv_tanh(rv_add(y, in[1])); /* in[1]: [batch, out] */
}
static rv_tensor *per_sample_linear(rv_tensor **in, void *context)
{
    return rv_tanh(rv_linear(context, in[0], in[1]));
}

/* The same from one set of weights for all. */
static rv_tensor *for_all(rv_tensor **in, void *context)
{
    return rv_tanh(rv_linear(context, in[0], in[1]));
}

Test(matrices, batched_is_the_jacobian_of_each_sample)
{
    RV_SCOPE;
    enum { BATCH = 5, IN = 3, OUT = 2 };
    rv_tensor *x = waves(BATCH, IN, 0), *w = waves(OUT, IN, 0.2), *b = VECTOR(0.1, -0.3);
    rv_tensor *all = rv_jacobian(for_all, x, RV_TENSORS(w, b)); /* [BATCH*OUT, OUT*IN + OUT] */
    cr_assert(has_shape(all, 2, BATCH * OUT, OUT * IN + OUT));
    for (int way = 0; way < 4; way++) {
        rv_tensor *each =
            rv_jacobian(way < 2 ? per_sample : per_sample_linear, x,
                        RV_TENSORS(rv_expand(w, BATCH, OUT, IN), rv_expand(b, BATCH, OUT)),
                        .batched = true, .create_graph = way % 2 == 1);
        cr_assert(each != NULL && each->ndim == 3 && each->shape[0] == BATCH &&
                  each->shape[1] == OUT && each->shape[2] == OUT * IN + OUT);
        cr_expect(distance(rv_reshape(each, BATCH * OUT, -1), all) < 1e-15);
    }

    /* No sample: no rows, but of the right length. */
    rv_tensor *none = rv_zeros(RV_F64, 0, IN);
    rv_tensor *each =
        rv_jacobian(per_sample, none, RV_TENSORS(rv_expand(w, 0, OUT, IN), rv_expand(b, 0, OUT)),
                    .batched = true);
    cr_assert(each != NULL && each->ndim == 3 && each->shape[0] == 0 && each->shape[1] == OUT &&
              each->shape[2] == OUT * IN + OUT);
    cr_expect(no_error());
}

/* The number of backwards is what batched is for: counted by a hook on the result. */
static int backwards;
static rv_tensor *count_backward(rv_tensor *g, void *context)
{
    (void)context;
    backwards++;
    return g;
}
static rv_tensor *counted(rv_tensor **in, void *context)
{
    (void)context;
    rv_tensor *y = rv_mul(in[0], in[0]);
    rv_on_gradient(y, count_backward, NULL);
    return y;
}

Test(matrices, batched_takes_one_backward_for_each_column)
{
    RV_SCOPE;
    rv_tensors in = RV_TENSORS(waves(7, 3, 1));
    backwards = 0;
    cr_assert_not_null(rv_jacobian(counted, NULL, in));
    cr_expect_eq(backwards, 21);
    backwards = 0;
    cr_assert_not_null(rv_jacobian(counted, NULL, in, .batched = true));
    cr_expect_eq(backwards, 3);
}

/* ---- the Hessian of a network, in three ways --------------------------------------------------
 */

typedef struct task {
    rv_layer *net;
    rv_tensor *x, *labels;
} task;

static rv_tensor *loss(void *context)
{
    const task *t = context;
    return rv_cross_entropy(rv_forward(t->net, t->x), t->labels);
}

/* The gradient at the parameters as they are, flat, by rv_backward. */
static rv_tensor *flat_gradient(task *t, rv_tensors parameters)
{
    rv_tensor *parts[8];
    for (int i = 0; i < parameters.count; i++)
        rv_zero_grad(parameters.items[i]);
    cr_assert(rv_backward(loss(t)));
    for (int i = 0; i < parameters.count; i++)
        parts[i] = rv_reshape(rv_grad(parameters.items[i]), -1);
    return rv_cat(parts, (int)parameters.count, 0);
}

Test(network, hessian_is_the_same_in_three_ways)
{
    RV_SCOPE;
    rv_seed(3);
    task t = {.net = rv_layer_sequential(rv_layer_linear(4, 5, .dtype = RV_F64), rv_layer_tanh(),
                                         rv_layer_linear(5, 3, .dtype = RV_F64)),
              .x = rv_randn(RV_F64, 6, 4),
              .labels = rv_randint(0, 3, RV_I64, 6)};
    rv_tensors parameters = rv_parameters(t.net);
    rv_tensor *h = rv_hessian(loss, &t, parameters);
    enum { N = 4 * 5 + 5 + 5 * 3 + 3 };
    cr_assert(has_shape(h, 2, N, N));

    double by_products = 0, by_differences = 0, asymmetry = 0, largest = 0;
    int column = 0;
    for (int k = 0; k < parameters.count; k++) {
        rv_tensor *w = parameters.items[k];
        for (int64_t i = 0; i < w->numel; i++, column++) {
            RV_SCOPE;
            rv_tensor *v[8];
            for (int j = 0; j < parameters.count; j++)
                v[j] = rv_zeros_like(parameters.items[j]);
            ((double *)v[k]->data)[i] = 1;
            const rv_hvp_result r = rv_hvp(loss, &t, parameters, ((rv_tensors){v, 4}));
            cr_assert_eq(r.products.count, 4);
            for (int j = 0; j < 4; j++)
                v[j] = rv_reshape(r.products.items[j], -1);
            rv_tensor *product = rv_cat(v, 4, 0);

            const double eps = 1e-5, was = ((double *)w->data)[i];
            ((double *)w->data)[i] = was + eps;
            rv_tensor *above = flat_gradient(&t, parameters);
            ((double *)w->data)[i] = was - eps;
            rv_tensor *below = flat_gradient(&t, parameters);
            ((double *)w->data)[i] = was;
            for (int row = 0; row < N; row++) {
                const double want = at(h, row * N + column);
                const double slope = (at(above, row) - at(below, row)) / (2 * eps);
                by_products = fmax(by_products, fabs(at(product, row) - want));
                by_differences = fmax(by_differences, fabs(slope - want));
                asymmetry = fmax(asymmetry, fabs(at(h, column * N + row) - want));
                largest = fmax(largest, fabs(want));
            }
        }
    }
    cr_expect(largest > 0.1, "there is something to compare: %g", largest);
    cr_expect(by_products < 1e-6, "%g", by_products);
    cr_expect(by_products < 1e-13, "columns are the same sums: %g", by_products);
    cr_expect(by_differences < 1e-6, "%g", by_differences);
    cr_expect(asymmetry < 1e-13, "%g", asymmetry);
    cr_expect(no_error());
    rv_layer_free(t.net);
}

Test(network, gradcheck_takes_a_closure_over_parameters)
{
    RV_SCOPE;
    rv_seed(3);
    task t = {.net = rv_layer_sequential(rv_layer_linear(4, 3, .dtype = RV_F64), rv_layer_tanh(),
                                         rv_layer_linear(3, 3, .dtype = RV_F64)),
              .x = rv_randn(RV_F64, 2, 4),
              .labels = rv_randint(0, 3, RV_I64, 2)};
    rv_tensors p = rv_parameters(t.net);
    rv_tensor *before = rv_copy(p.items[0]);
    rv_gradcheck_report r;
    cr_expect(rv_gradcheck(loss, &t, p.items, (int)p.count, &r), "%s", r.message);
    cr_expect_eq(r.compared, 4 * 3 + 3 + 3 * 3 + 3);
    cr_expect(rv_gradcheck(loss, &t, p.items, (int)p.count, &r, .fast = true), "%s", r.message);
    cr_expect(rv_gradgradcheck(loss, &t, p.items, (int)p.count, &r), "%s", r.message);
    cr_expect_eq(r.compared, 27 * 28);
    cr_expect(rv_equal(before, p.items[0]), "put back to the same bits");
    cr_expect_null(rv_grad(p.items[0]));
    cr_expect(no_error());

    rv_tensor *other = VECTOR(1, 2), *alike = rv_require_grad(rv_expand(VECTOR(1), 3));
    cr_expect_not(rv_gradcheck(loss, &t, &other, 1, &r));
    cr_expect(error_is(RV_ERROR_GRAPH, "gradcheck: input 0 is no leaf"));
    cr_expect_not(rv_gradcheck(loss, &t, &alike, 1, &r));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "share memory"));
    rv_layer_free(t.net);
}

/* ---- what is wrong ----------------------------------------------------------------------------
 */

#define REFUSED(call, status, text)                                  \
    do {                                                             \
        cr_expect_not(call, "%s", #call);                            \
        cr_expect(error_is(RV_ERROR_##status, (text)), "%s", #call); \
    } while (0)

Test(wrong, calls_are_errors)
{
    RV_SCOPE;
    rv_tensor *x = VECTOR(1, 2), *whole = rv_zeros(RV_I64, 2), *single = rv_zeros(RV_F32, 2);
    rv_tensors in = RV_TENSORS(x), both = RV_TENSORS(x, single), none = {NULL, 0};
    REFUSED(rv_jacobian(NULL, NULL, in), NULL, "jacobian: the function is NULL");
    REFUSED(rv_jacobian(square, NULL, none), ARGUMENT, "jacobian: 0 inputs");
    REFUSED(rv_jacobian(square, NULL, RV_TENSORS(x, NULL)), NULL, "jacobian: input 1 is NULL");
    REFUSED(rv_jacobian(square, NULL, RV_TENSORS(x, x)), ARGUMENT, "input 1 is input 0 again");
    REFUSED(rv_jacobian(square, NULL, RV_TENSORS(whole)), DTYPE, "input 0 is I64");
    REFUSED(rv_jacobian(square, NULL, both), DTYPE, "jacobian: dtypes differ");
    REFUSED(rv_jacobian(failing, NULL, in), STATE, "it rains");
    REFUSED(rv_jacobian(silent, NULL, in), NULL, "returned NULL without an error");
    REFUSED(rv_jacobian(of_labels, NULL, in), DTYPE, "jacobian: input 1 is I64");
    REFUSED(rv_jacobian(loss, NULL, in), GRAPH, "jacobian: input 0 is no leaf");
    REFUSED(rv_jacobian(sum_of_first, NULL, in, .batched = true), SHAPE, "a single number");
    REFUSED(rv_jacobian(constant, NULL, RV_TENSORS(waves(3, 2, 0)), .batched = true), SHAPE,
            "input 0 is [3,2], expected [2,..]");
    REFUSED(rv_hessian(square, NULL, in), SHAPE, "hessian: the function's result is [2]");
    REFUSED(rv_hessian(sum_of_first, NULL, in, .batched = true), ARGUMENT, "hessian: .batched");
    REFUSED(rv_hvp(square, NULL, in, in).output, SHAPE, "hvp: the function's result is [2]");
    REFUSED(rv_hvp(sum_of_first, NULL, in, none).output, ARGUMENT, "hvp: 0 tensors v");
    REFUSED(rv_hvp(sum_of_first, NULL, in, RV_TENSORS(VECTOR(1))).output, SHAPE,
            "hvp: v 0 is [1], expected the shape of its input, [2]");
    REFUSED(rv_jvp(square, NULL, in, RV_TENSORS(single)).output, DTYPE, "jvp: dtypes differ");
    REFUSED(rv_vjp(square, NULL, in, NULL).output, SHAPE, "vjp: v is NULL");
    REFUSED(rv_vjp(square, NULL, in, VECTOR(1, 2, 3)).output, SHAPE, "vjp: v 0 is [3]");
    REFUSED(rv_vjp_with(NULL).output, NULL, "vjp");
    REFUSED(rv_jvp_with(NULL).output, NULL, "jvp");
    REFUSED(rv_hvp_with(NULL).output, NULL, "hvp");
    REFUSED(rv_jacobian_with(NULL), NULL, "jacobian");
    REFUSED(rv_hessian_with(NULL), NULL, "hessian");
    const rv_jacobian_options two = {.function = square, .closure = loss, .inputs = in};
    REFUSED(rv_jacobian_with(&two), ARGUMENT, "both a function and a closure");
    cr_expect(rv_recording());
}

Test(wrong, a_failed_call_leaves_no_field)
{
    RV_SCOPE;
    const rv_hvp_result r = rv_hvp(failing, NULL, RV_TENSORS(VECTOR(1)), RV_TENSORS(VECTOR(1)));
    cr_expect(r.output == NULL && r.gradients.items == NULL && r.gradients.count == 0 &&
              r.products.items == NULL && r.products.count == 0);
    cr_expect_not_null(rv_error());
}

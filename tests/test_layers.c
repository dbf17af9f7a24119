/* test_layers.c - layers: what they compute and hold, their modes, names and derivatives. Layers of
 * a user's are written here as a user would. What fails is in test_layers_wrong.c. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

/* ---- helpers --------------------------------------------------------------------------------- */

static bool state_is(rv_layer *layer, const char *expected)
{
    char l[1000];
    if (list_state(layer, false, sizeof l, l) && strcmp(l, expected) == 0)
        return true;
    fprintf(stderr, "state is \"%s\", expected \"%s\"\n", l, expected);
    return false;
}

static rv_tensor *forward_seeded(rv_tensor **in, void *layer)
{
    rv_seed(7); /* so that dropout drops the same elements each time */
    return rv_forward(layer, in[0]);
}

/* Whether every derivative with respect to the input is right, the second ones too. */
static bool input_is_right(rv_layer *layer, rv_tensor *x)
{
    rv_gradcheck_report r = {0};
    if (rv_gradcheck(forward_seeded, layer, &x, 1, &r) && r.compared > 0 &&
        rv_gradgradcheck(forward_seeded, layer, &x, 1, &r) && r.compared > 0)
        return true;
    fprintf(stderr, "%s\n", rv_error_status() != RV_OK ? rv_error() : r.message);
    return false;
}

/* A number that each output changes by another amount. */
static rv_tensor *loss_of(rv_layer *layer, rv_tensor *x)
{
    rv_tensor *y = forward_seeded(&x, layer);
    if (y == NULL)
        return NULL;
    rv_tensor *weights = rv_arange(y->dtype, 1, (double)y->numel + 1, 1);
    return rv_sum(rv_mul(y, rv_reshape_n(weights, y->ndim, y->shape)));
}

static double loss_with(rv_layer *layer, rv_tensor *x, double *element, double value)
{
    RV_SCOPE;
    RV_NO_GRAD;
    const double old = *element;
    *element = value;
    const double loss = rv_item(loss_of(layer, x));
    *element = old;
    return loss;
}

/* Whether backward gives every parameter the gradient that central differences give. */
static bool parameters_are_right(rv_layer *layer, rv_tensor *x)
{
    RV_SCOPE;
    const rv_tensors parameters = rv_parameters(layer);
    for (int64_t i = 0; i < parameters.count; i++)
        rv_zero_grad(parameters.items[i]);
    if (!rv_backward(loss_of(layer, x)))
        return false;
    for (int64_t i = 0; i < parameters.count; i++)
        for (int64_t j = 0; j < parameters.items[i]->numel; j++) {
            double *element = (double *)parameters.items[i]->data + j;
            const double eps = 1e-6, above = loss_with(layer, x, element, *element + eps),
                         below = loss_with(layer, x, element, *element - eps);
            const double numeric = (above - below) / (2 * eps);
            const double analytic = at(rv_grad(parameters.items[i]), j);
            if (fabs(analytic - numeric) <= 1e-5 + 1e-5 * fabs(numeric))
                continue;
            fprintf(stderr, "parameter %lld, element %lld: analytic %g, numeric %g\n", (long long)i,
                    (long long)j, analytic, numeric);
            return false;
        }
    return parameters.count > 0;
}

/* Puts numbers into a parameter. */
#define SET(layer, name, ...)                                                    \
    do {                                                                         \
        RV_NO_GRAD;                                                              \
        const double values_[] = {__VA_ARGS__};                                  \
        rv_tensor *t_ = rv_layer_parameter(layer, name);                         \
        cr_assert(t_ != NULL && t_->numel == RV_COUNT(values_));                 \
        rv_copy_into(t_, rv_from_array_n(values_, RV_F64, t_->ndim, t_->shape)); \
    } while (0)

#define LINEAR64(...) rv_layer_linear(__VA_ARGS__, .dtype = RV_F64)

/* ---- the library's layers -------------------------------------------------------------------- */

Test(layers, the_designs_network)
{
    RV_SCOPE;
    rv_layer *net =
        rv_layer_sequential(rv_layer_flatten(), rv_layer_linear(784, 100), rv_layer_relu(),
                            rv_layer_dropout(0.2), rv_layer_linear(100, 10));
    cr_assert_not_null(net);
    const rv_tensor *y = rv_forward(net, rv_rand(RV_F32, 3, 1, 28, 28));
    cr_assert(y != NULL && y->ndim == 2 && y->shape[0] == 3 && y->shape[1] == 10);
    cr_expect(rv_requires_grad(y));
    cr_expect(state_is(net, "1.weight[100,784] 1.bias[100] 4.weight[10,100] 4.bias[10] "));
    const rv_tensors p = rv_parameters(net);
    cr_assert_eq(p.count, 4);
    cr_expect_eq(p.items[0], rv_layer_parameter(net, "1.weight"));
    cr_expect_eq(p.items[3], rv_layer_parameter(net, "4.bias"));
    for (int64_t i = 0; i < p.count; i++)
        cr_expect(rv_requires_grad(p.items[i]));
    cr_expect_eq(rv_layer_child_count(net), 5);
    cr_expect_eq(rv_layer_child_at(net, 4), rv_layer_child(net, "4"));
    cr_expect(no_error());
    rv_layer_free(net);
}

Test(layers, linear_is_a_matrix_and_a_bias)
{
    RV_SCOPE;
    rv_layer *l = LINEAR64(3, 2);
    SET(l, "weight", 1, 2, 3, -1, 0.5, 0);
    SET(l, "bias", 10, 20);
    cr_expect(HOLDS(rv_forward(l, VECTOR(1, 10, 100)), 0, 331, 24));
    rv_tensor *x = rv_reshape(rv_arange(RV_F64, 0, 12, 1), 2, 2, 3);
    const rv_tensor *y = rv_forward(l, x);
    cr_assert(y != NULL && y->ndim == 3 && y->shape[2] == 2);
    cr_expect(HOLDS(y, 0, 18, 20.5, 36, 19, 54, 17.5, 72, 16));
    cr_expect(input_is_right(l, x));
    cr_expect(parameters_are_right(l, x));
    rv_layer *plain = LINEAR64(3, 2, .bias = false);
    cr_expect(state_is(plain, "weight[2,3] "));
    SET(plain, "weight", 1, 2, 3, -1, 0.5, 0);
    cr_expect(HOLDS(rv_forward(plain, VECTOR(1, 10, 100)), 0, 321, 4));
    cr_expect(input_is_right(plain, x));
    cr_expect(parameters_are_right(plain, x));
    cr_expect(no_error());
    rv_layer_free(plain);
    rv_layer_free(l);
}

/* U(-k, k) with k = 1/sqrt(in): bounds, mean, and deviation k/sqrt(3). */
static void expect_uniform(const rv_tensor *t, double k)
{
    double sum = 0, squares = 0, most = 0;
    for (int64_t i = 0; i < t->numel; i++) {
        sum += at(t, i);
        squares += at(t, i) * at(t, i);
        most = fmax(most, fabs(at(t, i)));
    }
    const double n = (double)t->numel, deviation = k / sqrt(3);
    cr_expect(most <= k * (1 + 1e-6) && most > k * (1 - 20 / n), "largest is %g of %g", most, k);
    cr_expect_lt(fabs(sum / n), 5 * deviation / sqrt(n));
    cr_expect_lt(fabs(sqrt(squares / n) / deviation - 1), 5 / sqrt(n));
}

Test(layers, linear_starts_as_pytorchs)
{
    RV_SCOPE;
    rv_seed(1);
    rv_layer *l = rv_layer_linear(400, 1000);
    const rv_tensor *weight = rv_layer_parameter(l, "weight"),
                    *bias = rv_layer_parameter(l, "bias");
    cr_expect_eq(weight->dtype, RV_F32);
    expect_uniform(weight, 0.05);
    expect_uniform(bias, 0.05);
    rv_seed(1);
    rv_layer *same = rv_layer_linear(400, 1000), *next = rv_layer_linear(400, 1000);
    cr_expect(rv_equal(rv_layer_parameter(same, "weight"), weight));
    cr_expect(rv_equal(rv_layer_parameter(same, "bias"), bias));
    cr_expect_not(rv_equal(rv_layer_parameter(next, "weight"), weight));
    rv_layer_free(next);
    rv_layer_free(same);
    rv_layer_free(l);
}

Test(layers, activations)
{
    RV_SCOPE;
    rv_layer *relu = rv_layer_relu(), *tanh_layer = rv_layer_tanh(), *sigmoid = rv_layer_sigmoid();
    rv_tensor *x = VECTOR(-2, -0.5, 0.25, 3);
    cr_expect(HOLDS(rv_forward(relu, x), 0, 0, 0, 0.25, 3));
    cr_expect(HOLDS(rv_forward(tanh_layer, x), 1e-15, tanh(-2), tanh(-0.5), tanh(0.25), tanh(3)));
    cr_expect(HOLDS(rv_forward(sigmoid, x), 1e-15, 1 / (1 + exp(2)), 1 / (1 + exp(0.5)),
                    1 / (1 + exp(-0.25)), 1 / (1 + exp(-3))));
    rv_layer *const layers[] = {relu, tanh_layer, sigmoid};
    for (int i = 0; i < RV_COUNT(layers); i++) {
        cr_expect(input_is_right(layers[i], x));
        cr_expect(state_is(layers[i], ""));
        cr_expect_eq(rv_parameters(layers[i]).count, 0);
        rv_layer_free(layers[i]);
    }
    cr_expect(no_error());
}

static void expect_flat(rv_layer *layer, rv_tensor *x, int ndim, const int64_t *shape)
{
    const rv_tensor *y = rv_forward(layer, x);
    cr_assert_not_null(y, "%s", rv_error());
    cr_expect(y->ndim == ndim && memcmp(y->shape, shape, sizeof *shape * (size_t)ndim) == 0, "%s",
              RV_SHAPE_OF(y));
    cr_expect_eq(y->storage, x->storage, "a view");
    rv_layer_free(layer);
}

Test(layers, flatten)
{
    RV_SCOPE;
    rv_tensor *x = rv_rand(RV_F64, 2, 3, 4, 5);
    expect_flat(rv_layer_flatten(), x, 2, (int64_t[]){2, 60});
    expect_flat(rv_layer_flatten(.start_axis = 0), x, 1, (int64_t[]){120});
    expect_flat(rv_layer_flatten(.start_axis = 2), x, 3, (int64_t[]){2, 3, 20});
    expect_flat(rv_layer_flatten(.end_axis = 2), x, 3, (int64_t[]){2, 12, 5});
    expect_flat(rv_layer_flatten(.start_axis = -3, .end_axis = -2), x, 3, (int64_t[]){2, 12, 5});
    expect_flat(rv_layer_flatten(.start_axis = 3), x, 4, (int64_t[]){2, 3, 4, 5});
    expect_flat(rv_layer_flatten(), rv_zeros(RV_U8, 0, 3, 4), 2, (int64_t[]){0, 12});
    rv_layer *l = rv_layer_flatten();
    cr_expect(input_is_right(l, rv_randn(RV_F64, 2, 2, 3)));
    rv_layer_free(l);
}

Test(layers, unflatten)
{
    RV_SCOPE;
    rv_tensor *x = rv_rand(RV_F64, 4, 12);
    expect_flat(rv_layer_unflatten({2, 3, 2}), x, 4, (int64_t[]){4, 2, 3, 2});
    expect_flat(rv_layer_unflatten({12}), x, 2, (int64_t[]){4, 12});
    expect_flat(rv_layer_unflatten({4, 1}, .axis = -2), x, 3, (int64_t[]){4, 1, 12});
    expect_flat(rv_layer_unflatten(4, .axis = 0), x, 2, (int64_t[]){4, 12});
    expect_flat(rv_layer_unflatten({3, 4}), rv_zeros(RV_U8, 0, 12), 3, (int64_t[]){0, 3, 4});
    rv_layer *l = rv_layer_unflatten({2, 3, 2});
    cr_expect(input_is_right(l, x));
    rv_layer_free(l);
}

Test(layers, dropout_drops_while_training)
{
    RV_SCOPE;
    rv_seed(3);
    rv_layer *l = rv_layer_dropout(0.2), *half = rv_layer_dropout(), *all = rv_layer_dropout(1),
             *none = rv_layer_dropout(.p = 0);
    rv_tensor *x = rv_ones(RV_F64, 20000);
    const rv_tensor *y = rv_forward(l, x), *z = rv_forward(half, x);
    int dropped = 0, halved = 0;
    for (int64_t i = 0; i < x->numel; i++) {
        dropped += at(y, i) == 0;
        halved += at(z, i) == 0;
        cr_assert(at(y, i) == 0 || at(y, i) == 1 / 0.8);
        cr_assert(at(z, i) == 0 || at(z, i) == 2);
    }
    cr_expect(abs(dropped - 4000) < 5 * 57, "%d of 20000 by 0.2", dropped);
    cr_expect(abs(halved - 10000) < 5 * 71, "%d of 20000 by default", halved);
    cr_expect_not(rv_equal(rv_forward(l, x), y), "another draw");
    cr_expect_eq(rv_item(rv_max(rv_forward(all, x))), 0);
    cr_expect_eq(rv_forward(none, x), x);
    cr_expect(rv_layer_train(l, false) && rv_layer_train(all, false));
    cr_expect_eq(rv_forward(l, x), x, "nothing happens in eval mode");
    cr_expect_eq(rv_forward(all, x), x);
    cr_expect(input_is_right(half, rv_randn(RV_F64, 3, 4)));
    rv_layer_free(none);
    rv_layer_free(all);
    rv_layer_free(half);
    rv_layer_free(l);
}

Test(layers, sequential)
{
    RV_SCOPE;
    rv_tensor *x = rv_randn(RV_F64, 4, 5);
    rv_layer *none = rv_layer_sequential_n(NULL, 0);
    cr_expect_eq(rv_forward(none, x), x);
    rv_layer *net = rv_layer_sequential(rv_layer_sequential(LINEAR64(5, 4), rv_layer_tanh()),
                                        rv_layer_dropout(0.3),
                                        rv_layer_sequential(LINEAR64(4, 3), rv_layer_sigmoid()));
    cr_expect(state_is(net, "0.0.weight[4,5] 0.0.bias[4] 2.0.weight[3,4] 2.0.bias[3] "));
    cr_expect(input_is_right(net, x));
    cr_expect(parameters_are_right(net, x));
    rv_layer_train(net, false);
    cr_expect(input_is_right(net, x));
    cr_expect(parameters_are_right(net, x));
    rv_tensor *hidden = rv_tanh(
        rv_linear(x, rv_layer_parameter(net, "0.0.weight"), rv_layer_parameter(net, "0.0.bias")));
    rv_tensor *expected = rv_sigmoid(rv_linear(hidden, rv_layer_parameter(net, "2.0.weight"),
                                               rv_layer_parameter(net, "2.0.bias")));
    cr_expect(rv_equal(rv_forward(net, x), expected));
    cr_expect(no_error());
    rv_layer_free(net);
    rv_layer_free(none);
}

/* What is made on the way is gone at once: ten layers on a million numbers use memory for two. */
Test(layers, intermediate_results_go)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_layer *children[10];
    for (int i = 0; i < RV_COUNT(children); i++)
        children[i] = rv_layer_tanh();
    rv_layer *net = rv_layer_sequential_n(children, RV_COUNT(children));
    rv_tensor *x = rv_ones(RV_F32, 1000000);
    const size_t before = rv_memory_usage().in_use;
    rv_memory_limit(rv_memory_usage().held + 11000000);
    const rv_tensor *y = rv_forward(net, x);
    rv_memory_limit(SIZE_MAX);
    cr_assert_not_null(y, "%s", rv_error());
    const size_t used = rv_memory_usage().in_use - before;
    cr_expect(used >= 4000000 && used < 6000000, "%zu bytes stay", used);
    rv_layer_free(net);
}

/* ---- modes ----------------------------------------------------------------------------------- */

Test(layers, modes_reach_all_children)
{
    rv_layer *net =
        rv_layer_sequential(rv_layer_relu(), rv_layer_sequential(rv_layer_dropout(0.5),
                                                                 rv_layer_sequential_n(NULL, 0)));
    rv_layer *const all[] = {net, rv_layer_child(net, "0"), rv_layer_child(net, "1"),
                             rv_layer_child(net, "1.0"), rv_layer_child(net, "1.1")};
    for (int on = 1; on >= 0; on--) {
        for (int i = 0; i < RV_COUNT(all); i++)
            cr_expect_eq(rv_layer_is_training(all[i]), on != 0);
        cr_expect(rv_layer_train(net, false));
    }
    cr_expect(rv_layer_train(all[2], true));
    cr_expect_not(rv_layer_is_training(net));
    cr_expect(rv_layer_is_training(all[3]) && rv_layer_is_training(all[4]));
    cr_expect_not(rv_layer_is_training(NULL));
    cr_expect(no_error());
    rv_layer_free(net);
}

/* ---- layers that stand in two places --------------------------------------------------------- */

Test(layers, one_layer_in_two_places)
{
    RV_SCOPE;
    rv_layer *shared = LINEAR64(3, 3);
    rv_layer *net = rv_layer_sequential(shared, rv_layer_tanh(), rv_layer_retain(shared),
                                        rv_layer_sequential(rv_layer_retain(shared)));
    cr_expect(state_is(net, "0.weight[3,3] 0.bias[3] "), "each tensor once, under its first name");
    cr_expect_eq(rv_parameters(net).count, 2);
    rv_tensor *x = rv_randn(RV_F64, 2, 3);
    cr_expect(input_is_right(net, x));
    cr_expect(parameters_are_right(net, x), "the sum of what all places give");
    cr_expect_eq(rv_layer_parameter(net, "2.weight"), rv_layer_parameter(net, "0.weight"));
    cr_expect(no_error());
    rv_layer_free(net);
}

/* ---- layers of a user's ---------------------------------------------------------------------- */

/* The one of the manual. */
static rv_tensor *scale_forward(rv_layer *self, rv_tensor *x)
{
    return rv_mul(x, rv_layer_parameter(self, "weight"));
}
static const rv_layer_class scale_class = {
    .name = "scale", .size = sizeof(rv_layer), .forward = scale_forward};

static rv_layer *scale(rv_tensor *weight)
{
    rv_layer *layer = rv_layer_new(&scale_class);
    rv_layer_add_parameter(layer, "weight", weight);
    return rv_layer_complete(layer);
}

Test(layers, a_users_layer)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_sequential(scale(VECTOR(2, 3, 4)), rv_layer_tanh());
    cr_expect(state_is(net, "0.weight[3] "));
    rv_tensor *x = VECTOR(0.1, 0.2, 0.3);
    cr_expect(HOLDS(rv_forward(net, x), 1e-15, tanh(0.2), tanh(0.6), tanh(1.2)));
    cr_expect(input_is_right(net, x));
    cr_expect(parameters_are_right(net, x));
    rv_layer_free(net);
}

Test(layers, tied_parameters)
{
    RV_SCOPE;
    rv_tensor *weight = VECTOR(2, 3);
    rv_layer *net = rv_layer_sequential(scale(weight), rv_layer_tanh(), scale(weight));
    cr_expect(state_is(net, "0.weight[2] "));
    cr_expect(parameters_are_right(net, VECTOR(0.5, -0.25)));
    rv_layer_free(net);
}

/* A layer with all there is: fields, a parameter, a buffer, children, a mode of its own, an end. It
 * gives inner(x)*gain + offset, and counts the calls in a buffer. */
typedef struct block {
    rv_layer layer;
    double factor; /* by the mode */
    rv_layer *inner;
    int *ended;
} block;

static rv_tensor *block_forward(rv_layer *self, rv_tensor *x)
{
    const block *b = (const block *)self;
    rv_tensor *calls = rv_layer_buffer(self, "calls");
    rv_copy_into(calls, rv_add_scalar(calls, 1));
    rv_tensor *y = rv_mul(rv_forward(b->inner, x), rv_layer_parameter(self, "gain"));
    return rv_mul_scalar(y, b->factor);
}

static void block_train(rv_layer *self, bool on)
{
    ((block *)self)->factor = on ? 1 : 100;
}

static void block_destroy(rv_layer *self)
{
    if (((block *)self)->ended != NULL)
        ++*((block *)self)->ended;
}

static const rv_layer_class block_class = {.name = "block",
                                           .size = sizeof(block),
                                           .forward = block_forward,
                                           .destroy = block_destroy,
                                           .train = block_train};

static rv_layer *make_block(int64_t features, int *ended)
{
    RV_SCOPE;
    rv_layer *layer = rv_layer_new(&block_class);
    block *b = (block *)layer;
    b->factor = 1;
    b->ended = ended;
    b->inner = rv_layer_add_child(layer, "inner", LINEAR64(features, 2));
    rv_layer_add_buffer(layer, "calls", rv_zeros(RV_I64));
    rv_layer_add_parameter(layer, "gain", rv_full(3, RV_F64, 2));
    return rv_layer_complete(layer);
}

Test(layers, a_users_layer_with_everything)
{
    int ended = 0;
    {
        RV_SCOPE;
        rv_layer *shared = make_block(2, &ended);
        rv_layer *net = rv_layer_sequential(make_block(3, &ended), rv_layer_tanh(), shared,
                                            rv_layer_retain(shared));
        cr_assert_not_null(net);
        /* A layer's own come first, parameters before buffers, then children, as in PyTorch. */
        cr_expect(state_is(net, "0.gain[2] 0.calls[] 0.inner.weight[2,3] 0.inner.bias[2] "
                                "2.gain[2] 2.calls[] 2.inner.weight[2,2] 2.inner.bias[2] "));
        const rv_tensors p = rv_parameters(net);
        cr_assert_eq(p.count, 6);
        cr_expect_eq(p.items[0], rv_layer_parameter(net, "0.gain"));
        cr_expect_eq(p.items[1], rv_layer_parameter(net, "0.inner.weight"));
        cr_expect_eq(p.items[5], rv_layer_parameter(net, "2.inner.bias"));
        rv_tensor *x = rv_randn(RV_F64, 4, 3);
        const rv_tensor *y = rv_forward(net, x);
        cr_expect_eq(rv_item(rv_layer_buffer(net, "0.calls")), 1);
        cr_expect_eq(rv_item(rv_layer_buffer(net, "2.calls")), 2, "it stands in two places");
        cr_expect(input_is_right(net, x));
        cr_expect(parameters_are_right(net, x));
        rv_layer *last = rv_layer_retain(shared);
        rv_layer_train(net, false);
        cr_expect_eq(((block *)last)->factor, 100, "the class was told of the mode");
        cr_expect_not(rv_equal(rv_forward(net, x), y));
        rv_layer_train(net, true);
        cr_expect(rv_equal(rv_forward(net, x), y));
        cr_expect(no_error());
        rv_layer_free(net);
        cr_expect_eq(ended, 1, "the other one is still held");
        cr_expect_not_null(rv_forward(last, rv_randn(RV_F64, 2)));
        rv_layer_free(last);
    }
    cr_expect_eq(ended, 2);
    cr_expect(no_error());
}

/* A parameter that its layer's child has too, and that is added after the child, is the layer's. */
Test(layers, own_parameters_come_first)
{
    RV_SCOPE;
    rv_tensor *weight = VECTOR(1, 2);
    rv_layer *layer = rv_layer_new(&scale_class);
    rv_layer_add_child(layer, "child", scale(weight));
    rv_layer_add_child(layer, "other", scale(VECTOR(5)));
    rv_layer_add_parameter(layer, "late", VECTOR(3));
    rv_layer_add_parameter(layer, "weight", weight);
    cr_expect(state_is(layer, "late[1] weight[2] other.weight[1] "));
    const rv_tensors p = rv_parameters(layer);
    cr_assert_eq(p.count, 3);
    cr_expect(p.items[1] == weight && p.items[2]->numel == 1);
    cr_expect_eq(rv_layer_complete(layer), layer);
    rv_layer_free(layer);
}

/* Parameters are the layer's, not the scope's in which it was made. */
Test(layers, parameters_outlive_scopes)
{
    rv_layer *net;
    {
        RV_SCOPE;
        net = rv_layer_sequential(LINEAR64(2, 2), scale(VECTOR(1, 2)));
    }
    RV_SCOPE;
    cr_expect_not_null(rv_forward(net, VECTOR(1, 1)));
    cr_expect(no_error());
    rv_layer_free(net);
}

static bool stop_at_third(void *context, const char *name, rv_tensor *t)
{
    (void)name, (void)t;
    return ++*(int *)context < 3;
}

Test(layers, a_walk_of_the_state_can_stop)
{
    rv_layer *net = rv_layer_sequential(LINEAR64(1, 1), LINEAR64(1, 1), LINEAR64(1, 1));
    int seen = 0;
    cr_expect_not(rv_state(net, stop_at_third, &seen));
    cr_expect_eq(seen, 3);
    cr_expect(no_error());
    rv_layer_free(net);
}

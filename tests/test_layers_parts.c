/* test_layers_parts.c - what is done with parts of a net: freezing them, naming them, sharing them,
 * listing them in a summary; and how parts and branches are put together. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

/* ---- freezing -------------------------------------------------------------------------------- */

static rv_layer *two_linears(void)
{
    return rv_layer_sequential(rv_layer_linear(3, 4), rv_layer_tanh(), rv_layer_linear(4, 2));
}

static void step(rv_layer *net, rv_optim *opt, rv_tensor *x)
{
    RV_SCOPE;
    rv_optim_zero_grad(opt);
    rv_backward(rv_sum(rv_square(rv_forward(net, x))));
    rv_optim_step(opt);
}

Test(layers_parts, a_frozen_part_stays)
{
    RV_SCOPE;
    rv_layer *net = two_linears(), *first = rv_layer_child(net, "0");
    rv_tensor *x = rv_randn(RV_F32, 5, 3), *frozen = rv_layer_parameter(net, "0.weight"),
              *free = rv_layer_parameter(net, "2.weight");
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
    step(net, opt, x);
    rv_tensor *graph = rv_sum(rv_forward(net, x)); /* recorded before, walked after */
    const rv_tensor *frozen_before = rv_copy(rv_detach(frozen)),
                    *free_before = rv_copy(rv_detach(free));
    cr_expect(rv_layer_freeze(first, true));
    cr_expect_not(rv_requires_grad(frozen));
    cr_expect_null(rv_grad(frozen));
    cr_expect(rv_requires_grad(free));
    cr_expect(rv_backward(graph), "%s", rv_error());
    cr_expect_null(rv_grad(frozen));
    step(net, opt, x);
    cr_expect(rv_equal(frozen, frozen_before), "also its momentum does not move it");
    cr_expect_not(rv_equal(free, free_before));
    const rv_tensors trainable = rv_trainable_parameters(net);
    cr_assert_eq(trainable.count, 2);
    cr_expect_eq(trainable.items[0], free);
    rv_optim *second = rv_optim_sgd(rv_trainable_parameters(net), .lr = 0.1);
    cr_expect_not_null(second);
    cr_expect(rv_layer_freeze(first, false));
    cr_expect_eq(rv_trainable_parameters(net).count, 4);
    step(net, opt, x);
    cr_expect_not(rv_equal(frozen, frozen_before));
    cr_expect(no_error());
    rv_optim_free(second);
    rv_optim_free(opt);
    rv_layer_free(net);
}

Test(layers_parts, a_frozen_batch_norm_moves_unless_in_eval_mode)
{
    RV_SCOPE;
    rv_layer *norm = rv_layer_batch_norm1d(3);
    rv_layer_freeze(norm, true);
    rv_tensor *x = rv_randn(RV_F32, 5, 3), *tracked = rv_layer_buffer(norm, "num_batches_tracked");
    rv_forward(norm, x);
    cr_expect_eq(rv_item(tracked), 1);
    rv_layer_train(norm, false);
    rv_forward(norm, x);
    cr_expect_eq(rv_item(tracked), 1);
    rv_layer_free(norm);
}

Test(layers_parts, what_cannot_be_frozen)
{
    RV_SCOPE;
    cr_expect_not(rv_layer_freeze(NULL, true));
    cr_expect(error_is(RV_ERROR_NULL, "layer_freeze: the layer is NULL"));
    cr_expect_eq(rv_trainable_parameters(NULL).count, 0);
    cr_expect(error_is(RV_ERROR_NULL, "trainable_parameters: the layer is NULL"));
    cr_expect_null(rv_require_no_grad(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "require_no_grad"));
    cr_expect_null(rv_require_no_grad(rv_tanh(rv_require_grad(VECTOR(1, 2)))));
    cr_expect(error_is(RV_ERROR_GRAPH, "require_no_grad: the tensor was computed by tanh"));
    rv_tensor *plain = VECTOR(1);
    cr_expect_eq(rv_require_no_grad(plain), plain);
    rv_layer *relu = rv_layer_relu();
    cr_expect_eq(rv_trainable_parameters(relu).count, 0);
    rv_layer_free(relu);
    cr_expect(no_error());
}

/* ---- names, residual, concat ----------------------------------------------------------------- */

Test(layers_parts, names)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_sequential(rv_layer_named("first", rv_layer_linear(2, 2)),
                                        rv_layer_relu(), rv_layer_linear(2, 2));
    cr_expect_not_null(rv_layer_parameter(net, "first.weight"));
    cr_expect_not_null(rv_layer_parameter(net, "2.weight"));
    cr_expect_null(rv_forward(net, rv_zeros(RV_F32, 1, 3)));
    cr_expect(error_is(RV_ERROR_SHAPE, "sequential.first linear: "));
    rv_layer_free(net);
    cr_expect_null(rv_layer_named("a.b", rv_layer_relu()));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_named: \"a.b\" is no name"));
    cr_expect_null(rv_layer_named(NULL, rv_layer_relu()));
    cr_expect(error_is(RV_ERROR_NULL, "layer_named: the name is NULL"));
    cr_expect_null(rv_layer_named("a", NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_named: the layer is NULL"));
    cr_expect_null(rv_layer_sequential(rv_layer_named("a", rv_layer_relu()),
                                       rv_layer_named("a", rv_layer_relu())));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "sequential has a \"a\" already"));
}

Test(layers_parts, residual)
{
    RV_SCOPE;
    rv_tensor *x = VECTOR(-2, 1);
    rv_layer *plain = rv_layer_residual(rv_layer_tanh());
    cr_expect(HOLDS(rv_forward(plain, x), 1e-15, tanh(-2) - 2, tanh(1) + 1));
    rv_layer_train(plain, false);
    cr_expect_not(rv_layer_is_training(rv_layer_child(plain, "body")));
    rv_layer_free(plain);
    rv_layer *both = rv_layer_residual(rv_layer_tanh(), rv_layer_sigmoid(), rv_layer_relu());
    cr_expect_eq(rv_layer_child_count(both), 3);
    cr_expect_not_null(rv_layer_child(both, "shortcut"));
    cr_expect(at(rv_forward(both, x), 0) == 0, "tanh(-2) + sigmoid(-2) < 0");
    rv_layer_free(both);
    cr_expect(no_error());
    cr_expect_null(rv_layer_residual(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "child \"body\" of residual is NULL"));
    cr_expect_null(rv_layer_residual_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "layer_residual: the options are NULL"));
    cr_expect_null(rv_layer_residual(rv_layer_relu(), .shortcut = rv_layer_linear(0, 1)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_linear: in_features 0"), "no identity instead");
    rv_layer *narrow = rv_layer_residual(rv_layer_linear(2, 1, .dtype = RV_F64));
    cr_expect_null(rv_forward(narrow, x));
    cr_expect(error_is(RV_ERROR_SHAPE, "residual: the body makes [1], the shortcut [2]"));
    rv_layer_free(narrow);
}

Test(layers_parts, concat)
{
    RV_SCOPE;
    rv_layer *last = rv_layer_concat_n((rv_layer *[]){rv_layer_relu(), rv_layer_tanh()}, 2, -1);
    cr_expect(HOLDS(rv_forward(last, VECTOR(-2, 1)), 1e-15, 0, 1, tanh(-2), tanh(1)));
    rv_layer_free(last);
    cr_expect_null(rv_layer_concat_n(NULL, 2, 1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_concat: 2 branches, and the array is NULL"));
    cr_expect_null(rv_layer_concat_n((rv_layer *[]){rv_layer_relu()}, 1, 8));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "layer_concat: axis is 8"));
    cr_expect_null(rv_layer_concat(rv_layer_relu(), NULL));
    cr_expect(error_is(RV_ERROR_NULL, "child \"1\" of concat is NULL"));
    rv_layer *odd = rv_layer_concat(rv_layer_linear(2, 1), rv_layer_linear(3, 1));
    cr_expect_null(rv_forward(odd, rv_zeros(RV_F32, 1, 2)));
    cr_expect(error_is(RV_ERROR_SHAPE, "concat.1 linear: "));
    rv_layer_free(odd);
}

/* ---- a summary ------------------------------------------------------------------------------- */

static bool summary_is(rv_layer *net, int ndim, const int64_t *shape, const char *expected)
{
    char text[2000] = "";
    FILE *file = tmpfile();
    const bool ok = rv_layer_summary_n(file, net, RV_F32, ndim, shape, NULL);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    if (ok && strcmp(text, expected) == 0)
        return true;
    fprintf(stderr, "%s\n%s", text, ok ? "" : rv_error());
    return false;
}

Test(layers_parts, a_summary)
{
    rv_layer *shared = rv_layer_linear(10, 10);
    rv_layer *net = rv_layer_sequential(
        rv_layer_sequential(rv_layer_conv2d(3, 16, 3), rv_layer_batch_norm2d(16), rv_layer_relu()),
        rv_layer_conv_transpose2d(16, 4, 2, .stride = 2, .groups = 2, .bias = false),
        rv_layer_flatten(), rv_layer_linear(4 * 60 * 60, 10), rv_layer_dropout(), shared,
        rv_layer_retain(shared));
    rv_layer_freeze(rv_layer_child(net, "0"), true);
    rv_layer_train(rv_layer_child(net, "4"), false);
    const char *expected =
        "layer                 output                    parameters   multiply-adds\n"
        "sequential            [2,10]                                              \n"
        "  0 sequential        [2,16,30,30]                                        \n"
        "    0 conv2d          [2,16,30,30]                     448         777,600\n"
        "    1 batch_norm2d    [2,16,30,30]                      32                \n"
        "    2 relu            [2,16,30,30]                                        \n"
        "  1 conv_transpose2d  [2,4,60,60]                      128         230,400\n"
        "  2 flatten           [2,14400]                                           \n"
        "  3 linear            [2,10]                       144,010         288,000\n"
        "  4 dropout           [2,10]                                              \n"
        "  5 linear            [2,10]                           110             200\n"
        "  6 linear (again)    [2,10]                                           200\n"
        "144,728 parameters (144,248 trainable, 480 frozen), 1,296,400 multiply-adds\n";
    cr_expect(summary_is(net, 4, (int64_t[]){2, 3, 32, 32}, expected));
    cr_expect(rv_layer_is_training(net), "modes are as they were");
    cr_expect_not(rv_layer_is_training(rv_layer_child(net, "4")));
    cr_expect_eq(rv_item(rv_layer_buffer(net, "0.1.num_batches_tracked")), 0);
    rv_layer_totals totals = {0};
    cr_expect(rv_layer_summary_n(NULL, net, RV_F32, 4, (int64_t[]){1, 3, 32, 32}, &totals));
    cr_expect_eq(totals.parameters, 144728);
    cr_expect_eq(totals.trainable, 144248);
    cr_expect_eq(totals.multiply_adds, 648200);
    cr_expect(no_error());
    cr_expect_not(rv_layer_summary_n(NULL, net, RV_F32, 2, (int64_t[]){1, 3}, &totals));
    cr_expect(error_is(RV_ERROR_SHAPE, "sequential.0.0 conv2d: "));
    cr_expect(rv_layer_is_training(net), "also after a failure");
    cr_expect_not(rv_layer_summary(NULL, RV_F32, 1, 3));
    cr_expect(error_is(RV_ERROR_NULL, "layer_summary: the layer is NULL"));
    cr_expect_not(rv_layer_summary_n(NULL, net, RV_F32, 1, (int64_t[]){-1}, NULL));
    cr_expect_neq(rv_error_status(), RV_OK);
    rv_error();
    rv_layer_free(net);
}

typedef struct task {
    rv_layer *net;
    rv_tensor *x;
} task;

static rv_tensor *of_net(void *context)
{
    task *t = context;
    return rv_forward(t->net, t->x);
}

/* A tied parameter is counted with its first layer. */
Test(layers_parts, a_summary_of_what_is_tied)
{
    RV_SCOPE;
    rv_tensor *tied = rv_ones(RV_F32, 6);
    rv_layer *layers[] = {rv_layer_relu(), rv_layer_tanh(), rv_layer_tanh()};
    rv_layer_add_parameter(layers[0], "weight", tied);
    rv_layer_add_parameter(layers[1], "weight", tied);
    rv_layer_add_parameter(layers[2], "weight", rv_ones(RV_F32, 2000));
    rv_layer *net = rv_layer_sequential_n(layers, 3);
    cr_expect(summary_is(net, 1, (int64_t[]){3},
                         "layer       output                    parameters   multiply-adds\n"
                         "sequential  [3]                                                 \n"
                         "  0 relu    [3]                                6                \n"
                         "  1 tanh    [3]                                                 \n"
                         "  2 tanh    [3]                            2,000                \n"
                         "2,006 parameters (2,006 trainable, 0 frozen), 0 multiply-adds\n"));
    rv_layer_free(net);
    cr_expect(no_error());
}

/* One layer with statistics in two places: both gradients, and both batches counted. */
Test(layers_parts, a_shared_convolution_and_its_norm)
{
    RV_SCOPE;
    rv_layer *shared = rv_layer_sequential(rv_layer_conv2d(2, 2, 3, .padding = 1, .dtype = RV_F64),
                                           rv_layer_batch_norm2d(2, .dtype = RV_F64));
    rv_layer *net = rv_layer_sequential(shared, rv_layer_tanh(), rv_layer_retain(shared));
    rv_tensor *x = rv_randn(RV_F64, 2, 2, 3, 3);
    const rv_tensors p = rv_parameters(net);
    cr_expect_eq(p.count, 4);
    task t = {net, x};
    rv_gradcheck_report r;
    cr_expect(rv_gradcheck(of_net, &t, p.items, (int)p.count, &r) && r.compared > 0, "%s",
              r.message);
    const double before = rv_item(rv_layer_buffer(net, "0.1.num_batches_tracked"));
    rv_forward(net, x);
    cr_expect_eq(rv_item(rv_layer_buffer(net, "0.1.num_batches_tracked")), before + 2);
    rv_layer_free(net);
    cr_expect(no_error());
}

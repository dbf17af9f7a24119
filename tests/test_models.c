/* test_models.c - ready models, and measuring their accuracy. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

/* ---- the multilayer perceptron --------------------------------------------------------------- */

static void expect_shape(const rv_layer *net, const char *name, int64_t out, int64_t in)
{
    const rv_tensor *t = rv_layer_parameter(net, name);
    cr_assert_not_null(t, "%s", rv_error());
    cr_expect(t->shape[0] == out && (in == 0 || t->shape[1] == in), "%s is %s", name,
              RV_SHAPE_OF(t));
}

Test(mlp, defaults)
{
    RV_SCOPE;
    rv_layer *net = rv_model_mlp();
    cr_assert_not_null(net, "%s", rv_error());
    cr_expect_eq(rv_layer_child_count(net), 4, "flatten, linear, relu, linear");
    cr_expect_eq(rv_parameters(net).count, 4);
    cr_expect_eq(rv_parameters(net).items[0]->dtype, RV_F32);
    expect_shape(net, "1.weight", 100, 784);
    expect_shape(net, "1.bias", 100, 0);
    expect_shape(net, "3.weight", 10, 100);
    expect_shape(net, "3.bias", 10, 0);
    const rv_tensor *y = rv_forward(net, rv_rand(RV_F32, 2, 1, 28, 28));
    cr_expect(y != NULL && y->ndim == 2 && y->shape[1] == 10);
    cr_expect(no_error());
    rv_layer_free(net);
}

Test(mlp, options)
{
    rv_layer *net =
        rv_model_mlp(.inputs = 6, .hidden = 5, .classes = 3, .dropout = 0.5, .dtype = RV_F64);
    cr_assert_not_null(net, "%s", rv_error());
    cr_expect_eq(rv_layer_child_count(net), 5, "flatten, linear, relu, dropout, linear");
    cr_expect_str_eq(rv_layer_child_at(net, 3)->layer_class->name, "dropout");
    expect_shape(net, "1.weight", 5, 6);
    expect_shape(net, "4.weight", 3, 5);
    cr_expect_eq(rv_layer_parameter(net, "4.bias")->dtype, RV_F64);
    rv_layer_free(net);
}

static rv_tensor *forward_seeded(rv_tensor **in, void *layer)
{
    rv_seed(7);
    return rv_forward(layer, in[0]);
}

Test(mlp, derivatives)
{
    RV_SCOPE;
    rv_layer *net =
        rv_model_mlp(.inputs = 6, .hidden = 8, .classes = 3, .dropout = 0.3, .dtype = RV_F64);
    rv_tensor *x = rv_randn(RV_F64, 4, 2, 3);
    for (int train = 1; train >= 0; train--) {
        rv_gradcheck_report r = {0};
        rv_layer_train(net, train == 1);
        cr_expect(rv_gradcheck(forward_seeded, net, &x, 1, &r) && r.compared == 24 * 12, "%s",
                  r.message);
        cr_expect(rv_gradgradcheck(forward_seeded, net, &x, 1, &r), "%s", r.message);
    }
    cr_expect(no_error());
    rv_layer_free(net);
}

/* It learns: which of two coordinates is larger. */
Test(mlp, learns)
{
    rv_seed(1);
    rv_layer *net = rv_model_mlp(.inputs = 2, .hidden = 16, .classes = 2);
    rv_optim *opt = rv_optim_adam(rv_parameters(net), .lr = 0.02);
    rv_dataset *set;
    {
        RV_SCOPE;
        rv_tensor *x = rv_randn(RV_F32, 400, 2);
        set = rv_data_tensors(x, rv_argmax(x, 1));
    }
    const double before = rv_accuracy(net, set);
    double loss = NAN;
    for (int step = 0; step < 60; step++) {
        RV_SCOPE;
        const rv_batch b = rv_data_batch(set, 0, 400);
        rv_tensor *error = rv_cross_entropy(rv_forward(net, b.x), b.y);
        cr_assert(rv_optim_zero_grad(opt) && rv_backward(error) && rv_optim_step(opt));
        loss = rv_item(error);
    }
    const double after = rv_accuracy(net, set);
    cr_expect(after > 0.97 && after > before, "accuracy %g, before %g", after, before);
    cr_expect_lt(loss, 0.15);
    cr_expect(no_error());
    rv_data_free(set);
    rv_optim_free(opt);
    rv_layer_free(net);
}

Test(mlp, what_is_wrong)
{
    cr_expect_null(rv_model_mlp(.inputs = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "in_features 0"));
    cr_expect_null(rv_model_mlp(.hidden = -1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "out_features -1"));
    cr_expect_null(rv_model_mlp(.classes = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "out_features 0"));
    cr_expect_null(rv_model_mlp(.dropout = 1.5));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "p is 1.5"));
    cr_expect_null(rv_model_mlp(.dropout = (double)NAN));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "p is "));
    cr_expect_null(rv_model_mlp(.dtype = RV_U8));
    cr_expect(error_is(RV_ERROR_DTYPE, "U8"));
    cr_expect_null(rv_model_mlp_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "model_mlp: the options are NULL"));
}

/* ---- accuracy -------------------------------------------------------------------------------- */

static bool saw_training, saw_recording;
static int64_t samples;

/* Gives its input back, and notes how it was run. */
static rv_tensor *watch_forward(rv_layer *self, rv_tensor *x)
{
    saw_training = saw_training || rv_layer_is_training(self);
    saw_recording = saw_recording || rv_recording();
    samples += x->shape[0];
    return x;
}
static const rv_layer_class watch_class = {
    .name = "watch", .size = sizeof(rv_layer), .forward = watch_forward};

/* n samples of 5 logits, the largest of sample i at i % 5; its label is that, but 0 where i % 7 is
 * 3; and `odd` is the label of sample `at` (-1: of none). */
static rv_dataset *answers(int64_t n, int64_t where, int64_t odd)
{
    RV_SCOPE;
    rv_tensor *x = rv_zeros(RV_F32, n, 5), *y = rv_zeros(RV_I64, n);
    for (int64_t i = 0; i < n; i++) {
        ((float *)x->data)[5 * i + i % 5] = 1;
        ((int64_t *)y->data)[i] = i == where ? odd : i % 7 == 3 ? 0 : i % 5;
    }
    return rv_data_tensors(x, y);
}

static double share_right(int64_t n)
{
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++)
        right += i % 7 != 3 || i % 5 == 0;
    return (double)right / (double)n;
}

Test(accuracy, is_the_share_of_right_answers)
{
    const int64_t sizes[] = {1, 4, 99, 100, 101, 200, 1000};
    rv_layer *net = rv_layer_new(&watch_class);
    for (int i = 0; i < RV_COUNT(sizes); i++) {
        rv_dataset *set = answers(sizes[i], -1, 0);
        samples = 0;
        cr_expect_eq(rv_accuracy(net, set), share_right(sizes[i]));
        cr_expect_eq(samples, sizes[i], "each once");
        rv_data_free(set);
    }
    cr_expect_not(saw_training);
    cr_expect_not(saw_recording);
    cr_expect(rv_layer_is_training(net));
    cr_expect(rv_recording());
    cr_expect(no_error());
    rv_layer_free(net);
}

/* Every layer is in its own mode again, also after an error. */
Test(accuracy, modes_come_back)
{
    rv_layer *net = rv_layer_sequential(
        rv_layer_sequential(rv_layer_new(&watch_class), rv_layer_dropout(0.5)), rv_layer_relu());
    rv_layer_train(rv_layer_child(net, "0"), false);
    rv_layer_train(rv_layer_child(net, "0.1"), true);
    rv_dataset *good = answers(300, -1, 0), *bad = answers(300, 280, 5);
    cr_expect_eq(rv_accuracy(net, good), share_right(300), "nothing is dropped");
    cr_expect_not(saw_training);
    for (int i = 0; i < 2; i++) {
        cr_expect(rv_layer_is_training(net));
        cr_expect_not(rv_layer_is_training(rv_layer_child(net, "0")));
        cr_expect_not(rv_layer_is_training(rv_layer_child(net, "0.0")));
        cr_expect(rv_layer_is_training(rv_layer_child(net, "0.1")));
        cr_expect(rv_layer_is_training(rv_layer_child(net, "1")));
        if (i == 0) {
            cr_expect(isnan(rv_accuracy(net, bad)));
            cr_expect(error_is(RV_ERROR_INDEX, "accuracy: label 5 is out of range for 5 classes"));
        }
    }
    rv_data_free(bad);
    rv_data_free(good);
    rv_layer_free(net);
}

static void expect_failure(rv_layer *net, rv_dataset *set, rv_status status, const char *message)
{
    cr_expect(isnan(rv_accuracy(net, set)));
    cr_expect(error_is(status, message));
    cr_expect(rv_recording());
    rv_data_free(set);
}

Test(accuracy, what_is_wrong)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_new(&watch_class), *linear = rv_layer_linear(4, 5);
    expect_failure(NULL, answers(3, -1, 0), RV_ERROR_NULL, "accuracy: the layer is NULL");
    expect_failure(net, NULL, RV_ERROR_NULL, "accuracy: the data set is NULL");
    expect_failure(net, answers(0, -1, 0), RV_ERROR_ARGUMENT, "the data set has no samples");
    expect_failure(net, answers(9, 2, -1), RV_ERROR_INDEX, "label -1 is out of range");
    expect_failure(linear, answers(9, -1, 0), RV_ERROR_SHAPE, "linear: input [9,5]");
    expect_failure(net, rv_data_tensors(rv_zeros(RV_F32, 3, 5), rv_zeros(RV_F32, 3)),
                   RV_ERROR_DTYPE, "accuracy: labels are F32 [3]; I64 [n] is expected");
    expect_failure(net, rv_data_tensors(rv_zeros(RV_F32, 3, 5), rv_zeros(RV_I64, 3, 1)),
                   RV_ERROR_DTYPE, "accuracy: labels are I64 [3,1]");
    expect_failure(net, rv_data_tensors(rv_zeros(RV_F32, 3), rv_zeros(RV_I64, 3)), RV_ERROR_SHAPE,
                   "accuracy: the layer made [3] of 3 samples; [3,classes] is expected");
    expect_failure(net, rv_data_tensors(rv_zeros(RV_F32, 3, 0), rv_zeros(RV_I64, 3)),
                   RV_ERROR_SHAPE, "the layer made [3,0]");
    rv_dataset *set = answers(3, -1, 0);
    cr_expect_null(rv_matmul(NULL, NULL));
    cr_expect(isnan(rv_accuracy(net, set)), "nothing is measured while an error is unread");
    cr_expect(error_is(RV_ERROR_NULL, "matmul"));
    rv_data_free(set);
    rv_layer_free(linear);
    rv_layer_free(net);
}

/* The second time, nothing is taken from the system any more. */
Test(accuracy, needs_no_new_memory)
{
    rv_layer *net = rv_model_mlp(.inputs = 50);
    rv_dataset *set;
    {
        RV_SCOPE;
        set = rv_data_tensors(rv_rand(RV_F32, 700, 50), rv_randint(0, 10, RV_I64, 700));
    }
    const double first = rv_accuracy(net, set);
    const size_t held = rv_memory_usage().held;
    for (int i = 0; i < 5; i++)
        cr_expect_eq(rv_accuracy(net, set), first);
#if RV_RECYCLE
    cr_expect_eq(rv_memory_usage().held, held);
#else
    (void)held;
#endif
    rv_data_free(set);
    rv_layer_free(net);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Makes, trains, measures, fails and frees. */
static void use_everything(void)
{
    RV_SCOPE;
    rv_layer *net = rv_model_mlp(.inputs = 20, .dropout = 0.5), *child = rv_layer_child(net, "1");
    rv_layer *twice = rv_layer_sequential(net, rv_layer_linear(10, 20), rv_layer_retain(net));
    rv_optim *sgd = rv_optim_sgd(rv_parameters(twice), .momentum = 0.9);
    rv_optim *adam = rv_optim_adam(rv_parameters(child));
    rv_dataset *set = rv_data_tensors(rv_rand(RV_F32, 30, 20), rv_randint(0, 10, RV_I64, 30));
    const rv_batch b = rv_data_batch(set, 0, 16);
    rv_backward(rv_cross_entropy(rv_forward(twice, b.x), b.y));
    cr_expect(rv_optim_step(sgd) && rv_optim_step(adam) && rv_accuracy(twice, set) >= 0);
    cr_expect_null(rv_optim_adam(rv_parameters(twice), .eps = -1));
    cr_expect_null(rv_layer_sequential(rv_layer_retain(net), NULL));
    cr_expect_not_null(rv_error());
    rv_data_free(set);
    rv_optim_free(adam);
    rv_layer_free(twice);
    rv_optim_free(sgd);
}

Test(models, leave_nothing_behind)
{
    use_everything(); /* threads are started, for one */
    rv_finish();
    const size_t before = rv_memory_usage().in_use;
    use_everything();
    rv_finish();
    cr_expect_eq(rv_memory_usage().in_use, before);
    cr_expect(no_error());
}

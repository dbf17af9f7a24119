/* test_models_make.c - ready models: their sizes, names, starts, options and errors; that they
 * learn, whatever the number of threads, and leave nothing behind. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

/* ---- sizes ----------------------------------------------------------------------------------- */

static bool count_state(void *context, const char *name, rv_tensor *t)
{
    (void)name;
    (void)t;
    ++*(int *)context;
    return true;
}

/* For one image of this shape. */
static void expect_size(rv_layer *net, int64_t channels, int64_t side, int64_t parameters,
                        int64_t multiply_adds, int state)
{
    RV_SCOPE;
    cr_assert_not_null(net, "%s", rv_error());
    const int64_t shape[] = {1, channels, side, side};
    rv_layer_totals totals;
    cr_assert(rv_layer_summary_n(NULL, net, RV_F32, 4, shape, &totals), "%s", rv_error());
    cr_expect_eq(totals.parameters, parameters, "%lld parameters", (long long)totals.parameters);
    cr_expect_eq(totals.trainable, parameters);
    cr_expect_eq(totals.multiply_adds, multiply_adds, "%lld multiply-adds",
                 (long long)totals.multiply_adds);
    int count = 0;
    cr_expect(rv_state(net, count_state, &count) && count == state, "%d tensors", count);
    rv_layer_free(net);
}

/* Parameters, multiply-adds (of convolutions and linear layers) and tensors of the state_dict: as
 * counted in PyTorch's models of golden/torch_models.py. He et al.'s table 6 has 0.27, 0.46, 0.66
 * and 0.85 million parameters for depths 20 to 56. */
static const struct {
    const char *name;
    int64_t parameters, multiply_adds;
    int state;
} named[] = {
    {"linear", 30730, 30720, 2},          {"mlp", 308310, 308200, 4},
    {"lenet5", 62006, 651720, 10},        {"vgg11", 9756426, 153293824, 62},
    {"vgg13", 9941322, 228791296, 76},    {"vgg16", 15253578, 313725952, 97},
    {"vgg19", 20565834, 398660608, 118},  {"resnet20", 272474, 40813184, 128},
    {"resnet32", 466906, 69124736, 200},  {"resnet44", 661338, 97436288, 272},
    {"resnet56", 855770, 125747840, 344}, {"resnet18", 11173962, 555422720, 122},
};

Test(models_make, sizes_are_the_published_ones)
{
    for (int i = 0; i < RV_COUNT(named); i++) {
        rv_layer *net = rv_model_by_name(named[i].name);
        expect_size(net, 3, 32, named[i].parameters, named[i].multiply_adds, named[i].state);
    }
    expect_size(rv_model_linear(), 1, 28, 7850, 7840, 2);
    expect_size(rv_model_lenet5(), 1, 28, 61706, 416520, 10);
    expect_size(rv_model_by_name("lenet5", .channels = 1, .height = 28, .width = 28), 1, 28, 61706,
                416520, 10);
    expect_size(rv_model_resnet(), 3, 32, 272474, 40813184, 128);
    expect_size(rv_model_resnet(.shortcut = RV_SHORTCUT_PADDING), 3, 32, 269722, 40551040, 116);
    expect_size(rv_model_resnet(.depth = 56, .shortcut = RV_SHORTCUT_PADDING), 3, 32, 853018,
                125485696, 332);
    expect_size(rv_model_autoencoder(), 1, 28, 115217, 805952, 12);
    cr_expect(no_error());
}

/* The list of names is that of the models, none left out; each takes a dtype. */
Test(models_make, names_are_listed)
{
    char names[] = RV_MODEL_NAMES;
    int count = 0;
    for (const char *name = strtok(names, ", "); name != NULL; name = strtok(NULL, ", "), count++) {
        cr_assert(count < RV_COUNT(named) && strcmp(name, named[count].name) == 0, "%s", name);
        if (named[count].parameters > 1000000)
            continue;
        rv_layer *net = rv_model_by_name(name, .dtype = RV_F64);
        const rv_tensors p = rv_parameters(net);
        for (int64_t i = 0; i < p.count; i++)
            cr_expect_eq(p.items[i]->dtype, RV_F64);
        rv_layer_free(net);
    }
    cr_expect_eq(count, RV_COUNT(named));
}

/* ---- options --------------------------------------------------------------------------------- */

static void expect_output(rv_layer *net, rv_tensor *x, int ndim, const int64_t *shape)
{
    const rv_tensor *y = rv_forward(net, x);
    cr_assert_not_null(y, "%s", rv_error());
    cr_expect(y->ndim == ndim && memcmp(y->shape, shape, sizeof *shape * (size_t)ndim) == 0,
              "%s becomes %s", RV_SHAPE_OF(x), RV_SHAPE_OF(y));
    rv_layer_free(net);
}
#define EXPECT_OUTPUT(net, x, ...)                                        \
    expect_output((net), (x), RV_COUNT(((const int64_t[]){__VA_ARGS__})), \
                  (const int64_t[]){__VA_ARGS__})

Test(models_make, options)
{
    RV_SCOPE;
    rv_tensor *x = rv_rand(RV_F32, 2, 4, 40, 65);
    EXPECT_OUTPUT(rv_model_linear(.inputs = 4 * 40 * 65, .classes = 7), x, 2, 7);
    EXPECT_OUTPUT(
        rv_model_lenet5(.channels = 4, .height = 40, .width = 65, .padding = 1, .classes = 3), x, 2,
        3);
    EXPECT_OUTPUT(rv_model_vgg(.depth = 13, .channels = 4, .height = 40, .width = 65, .filters = 3,
                               .hidden = 11, .classes = 4),
                  x, 2, 4);
    EXPECT_OUTPUT(rv_model_resnet(.depth = 8, .channels = 4, .filters = 3, .classes = 1), x, 2, 1);
    EXPECT_OUTPUT(rv_model_resnet18(.channels = 4, .filters = 2, .classes = 100), x, 2, 100);
    EXPECT_OUTPUT(rv_model_by_name("vgg11", .channels = 4, .height = 40, .width = 65, .classes = 2),
                  x, 2, 2);
    rv_tensor *images = rv_rand(RV_F64, 3, 2, 12, 20);
    rv_layer *net = rv_model_autoencoder(.channels = 2, .height = 12, .width = 20, .filters = 3,
                                         .code = 6, .dtype = RV_F64);
    rv_tensor *codes = rv_forward(rv_layer_child(net, "encoder"), images);
    cr_expect(codes != NULL && codes->ndim == 2 && codes->shape[0] == 3 && codes->shape[1] == 6);
    rv_tensor *pictures = rv_forward(rv_layer_child(net, "decoder"), codes);
    cr_expect(rv_equal(pictures, rv_forward(net, images)));
    cr_expect(rv_item(rv_min(pictures)) > 0 && rv_item(rv_max(pictures)) < 1);
    EXPECT_OUTPUT(net, images, 3, 2, 12, 20);
    cr_expect(no_error());
}

/* The deepest of them: blocks are many, layers in layers few. */
Test(models_make, resnet1202)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_layer *net = rv_model_resnet(.depth = 1202, .channels = 1, .filters = 1);
    cr_assert_not_null(net, "%s", rv_error());
    cr_expect_not_null(rv_layer_parameter(net, "layer3.199.conv2.weight"));
    EXPECT_OUTPUT(net, rv_rand(RV_F32, 2, 1, 4, 4), 2, 10);
    cr_expect_null(rv_model_resnet(.depth = 1208));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "model_resnet: depth is 1208; 8, 14, 20, .. 1202"));
}

/* ---- the start ------------------------------------------------------------------------------- */

/* Whether a weight was drawn with this mean square: to within five deviations of its estimate. */
static void expect_normal(const rv_layer *net, const char *name, double variance)
{
    const rv_tensor *w = rv_layer_parameter(net, name);
    cr_assert_not_null(w, "%s", rv_error());
    double sum = 0, largest = 0;
    for (int64_t i = 0; i < w->numel; i++) {
        sum += at(w, i) * at(w, i);
        largest = fmax(largest, fabs(at(w, i)));
    }
    const double ratio = sum / (double)w->numel / variance;
    cr_expect(fabs(ratio - 1) < 5 * sqrt(2 / (double)w->numel), "%s: %g of the variance", name,
              ratio);
    cr_expect(largest > 2.5 * sqrt(variance), "%s is not normal", name);
}

static void expect_zeros(const rv_layer *net, const char *name)
{
    RV_SCOPE;
    cr_expect_eq(rv_item(rv_max(rv_abs(rv_layer_parameter(net, name)))), 0, "%s", name);
}

/* PyTorch's linear layers: uniform up to 1/sqrt(inputs). */
static void expect_uniform(const rv_layer *net, const char *name, double bound)
{
    RV_SCOPE;
    const double largest = rv_item(rv_max(rv_abs(rv_layer_parameter(net, name))));
    cr_expect(largest <= bound && largest > 0.7 * bound, "%s: up to %g, of %g", name, largest,
              bound);
}

Test(models_make, weights_start_as_said)
{
    RV_SCOPE;
    rv_seed(12);
    rv_layer *net = rv_model_resnet();
    expect_normal(net, "conv1.weight", 2. / (9 * 16));
    expect_normal(net, "layer2.0.conv1.weight", 2. / (9 * 32)); /* 16 channels in, 32 out */
    expect_normal(net, "layer2.0.shortcut.0.weight", 2. / 32);
    expect_normal(net, "layer3.2.conv2.weight", 2. / (9 * 64));
    expect_uniform(net, "fc.weight", 1. / 8);
    rv_layer_free(net);
    net = rv_model_resnet18();
    expect_normal(net, "layer4.0.conv1.weight", 2. / (9 * 512));
    expect_normal(net, "layer4.0.downsample.0.weight", 2. / 512);
    rv_layer_free(net);
    net = rv_model_vgg();
    expect_normal(net, "features.4.weight", 2. / (9 * 128));
    expect_zeros(net, "features.4.bias");
    expect_normal(net, "classifier.3.weight", 2. / 512);
    expect_zeros(net, "classifier.0.bias");
    expect_uniform(net, "classifier.6.weight", 1 / sqrt(512));
    rv_layer_free(net);
    net = rv_model_lenet5();
    expect_normal(net, "conv2.weight", 2. / (25 * 6));
    expect_normal(net, "fc1.weight", 2. / 400);
    expect_zeros(net, "fc2.bias");
    expect_uniform(net, "fc3.weight", 1 / sqrt(84));
    rv_layer_free(net);
    cr_expect(no_error());
}

/* ---- what is wrong --------------------------------------------------------------------------- */

/* Builds that do not recycle keep blocks of what ended for a while, to name who uses them. */
static bool nothing_stays(size_t before)
{
    return !RV_RECYCLE || rv_memory_usage().in_use == before;
}

/* Fails so, and the second time takes no memory that stays. */
#define REFUSED(call, status, message)                                                      \
    do {                                                                                    \
        cr_expect_null(call);                                                               \
        cr_expect(error_is(RV_ERROR_##status, message), "%s", #call);                       \
        const size_t before_ = rv_memory_usage().in_use;                                    \
        cr_expect(call == NULL && rv_error() != NULL && nothing_stays(before_), "%s leaks", \
                  #call);                                                                   \
    } while (0)

Test(models_make, what_is_wrong)
{
    const int64_t huge = INT64_MAX, many = (1 << 20) + 1;
    REFUSED(rv_model_linear(.inputs = 0), ARGUMENT, "in_features 0");
    REFUSED(rv_model_linear(.classes = -2), ARGUMENT, "out_features -2");
    REFUSED(rv_model_linear(.dtype = RV_I64), DTYPE, "I64");
    REFUSED(rv_model_linear_with(NULL), NULL, "model_linear: the options are NULL");
    REFUSED(rv_model_lenet5(.channels = 0), ARGUMENT, "model_lenet5: channels is 0; 1 to 1048576");
    REFUSED(rv_model_lenet5(.height = 11), ARGUMENT, "height with its border is 15; 16 to");
    REFUSED(rv_model_lenet5(.width = 15, .padding = 0), ARGUMENT, "width with its border is 15");
    REFUSED(rv_model_lenet5(.height = huge), ARGUMENT, "height is 9223372036854775807");
    REFUSED(rv_model_lenet5(.padding = huge), ARGUMENT, "padding is 9223372036854775807");
    REFUSED(rv_model_lenet5(.padding = -1), ARGUMENT, "padding is -1");
    REFUSED(rv_model_lenet5(.height = 1 << 20, .padding = 1), ARGUMENT, "height with its border");
    REFUSED(rv_model_lenet5(.classes = 0), ARGUMENT, "out_features 0");
    REFUSED(rv_model_lenet5(.dtype = RV_U8), DTYPE, "U8");
    REFUSED(rv_model_lenet5_with(NULL), NULL, "model_lenet5: the options are NULL");
    REFUSED(rv_model_vgg(.depth = 12), ARGUMENT, "model_vgg: depth is 12; 11, 13, 16 or 19");
    REFUSED(rv_model_vgg(.channels = -1), ARGUMENT, "channels is -1");
    REFUSED(rv_model_vgg(.height = 31), ARGUMENT, "height is 31; 32 to");
    REFUSED(rv_model_vgg(.width = many), ARGUMENT, "width is 1048577");
    REFUSED(rv_model_vgg(.filters = 0), ARGUMENT, "filters is 0");
    REFUSED(rv_model_vgg(.filters = huge), ARGUMENT, "filters is 9223372036854775807");
    REFUSED(rv_model_vgg(.hidden = 0), ARGUMENT, "hidden is 0");
    REFUSED(rv_model_vgg(.filters = 1, .dropout = 1.5), ARGUMENT, "p is 1.5");
    REFUSED(rv_model_vgg(.filters = 1, .dropout = (double)NAN), ARGUMENT, "p is ");
    REFUSED(rv_model_vgg(.filters = 1, .classes = 0), ARGUMENT, "out_features 0");
    REFUSED(rv_model_vgg(.dtype = RV_U8), DTYPE, "conv2d");
    REFUSED(rv_model_vgg_with(NULL), NULL, "model_vgg: the options are NULL");
    REFUSED(rv_model_resnet(.depth = 2), ARGUMENT, "depth is 2; 8, 14, 20");
    REFUSED(rv_model_resnet(.depth = 21), ARGUMENT, "depth is 21");
    REFUSED(rv_model_resnet(.depth = -4), ARGUMENT, "depth is -4");
    REFUSED(rv_model_resnet(.channels = 0), ARGUMENT, "channels is 0");
    REFUSED(rv_model_resnet(.filters = many), ARGUMENT, "filters is 1048577");
    REFUSED(rv_model_resnet(.shortcut = RV_SHORTCUT_COUNT), ARGUMENT, "shortcut is 2");
    REFUSED(rv_model_resnet(.shortcut = (rv_shortcut)-1), ARGUMENT, "shortcut is -1");
    REFUSED(rv_model_resnet(.classes = 0), ARGUMENT, "out_features 0");
    REFUSED(rv_model_resnet(.dtype = RV_I64), DTYPE, "I64");
    REFUSED(rv_model_resnet_with(NULL), NULL, "model_resnet: the options are NULL");
    REFUSED(rv_model_resnet18(.channels = 0), ARGUMENT, "model_resnet18: channels is 0");
    REFUSED(rv_model_resnet18(.filters = -1), ARGUMENT, "filters is -1");
    REFUSED(rv_model_resnet18(.filters = 1, .classes = 0), ARGUMENT, "out_features 0");
    REFUSED(rv_model_resnet18_with(NULL), NULL, "model_resnet18: the options are NULL");
    REFUSED(rv_model_autoencoder(.height = 30), ARGUMENT, "height is 30; a multiple of 4");
    REFUSED(rv_model_autoencoder(.width = 0), ARGUMENT, "width is 0; 4 to");
    REFUSED(rv_model_autoencoder(.channels = 0), ARGUMENT, "channels is 0");
    REFUSED(rv_model_autoencoder(.filters = 0), ARGUMENT, "filters is 0");
    REFUSED(rv_model_autoencoder(.code = 0), ARGUMENT, "code is 0");
    REFUSED(rv_model_autoencoder(.dtype = RV_U8), DTYPE, "U8");
    REFUSED(rv_model_autoencoder_with(NULL), NULL, "model_autoencoder: the options are NULL");
    REFUSED(rv_model_by_name("resnet21"), ARGUMENT,
            "model_by_name: there is no model \"resnet21\"; there are " RV_MODEL_NAMES);
    REFUSED(rv_model_by_name(""), ARGUMENT, "there is no model \"\"");
    REFUSED(rv_model_by_name(NULL), NULL, "model_by_name: the name is NULL");
    REFUSED(rv_model_by_name("mlp", .width = huge), ARGUMENT, "width is 9223372036854775807");
    REFUSED(rv_model_by_name("vgg11", .height = 28, .width = 28), ARGUMENT, "height is 28; 32 to");
    REFUSED(rv_model_by_name("lenet5", .height = 8), ARGUMENT, "height with its border is 12");
    REFUSED(rv_model_by_name_with(NULL), NULL, "model_by_name: the options are NULL");
}

/* Sizes that no memory holds are an error, not an overflow. */
Test(models_make, too_large)
{
    const int64_t most = 1 << 20, half = 1 << 19;
    rv_memory_limit((size_t)1 << 24);
    REFUSED(rv_model_vgg(.height = most, .width = most, .filters = 1), MEMORY, "out of memory");
    REFUSED(rv_model_resnet(.filters = most), MEMORY, "out of memory");
    REFUSED(rv_model_lenet5(.height = half, .width = half), MEMORY, "out of memory");
    REFUSED(rv_model_autoencoder(.height = most, .width = most), MEMORY, "out of memory");
    REFUSED(rv_model_by_name("mlp", .channels = most, .height = most, .width = most), MEMORY,
            "F32 [100,1152921504606846976] is more than memory can hold");
    rv_memory_limit(SIZE_MAX);
}

/* What a model is given is checked by the layer that meets it, which the message names. */
Test(models_make, wrong_images)
{
    RV_SCOPE;
    rv_layer *a = rv_model_resnet(.depth = 8, .filters = 2),
             *b = rv_model_resnet(.depth = 8, .filters = 2, .shortcut = RV_SHORTCUT_PADDING),
             *c = rv_model_lenet5();
    cr_expect_null(rv_forward(a, rv_zeros(RV_F32, 1, 1, 8, 8)));
    cr_expect(error_is(RV_ERROR_SHAPE, "sequential.conv1 conv2d: "));
    cr_expect_null(rv_forward(a, rv_zeros(RV_F64, 1, 3, 8, 8)));
    cr_expect(error_is(RV_ERROR_DTYPE, "sequential.conv1 conv2d: "));
    cr_expect_null(rv_forward(rv_layer_child(b, "layer2.0.shortcut"), rv_zeros(RV_F32, 3, 8, 8)));
    cr_expect(error_is(RV_ERROR_SHAPE, "input is [3,8,8]; [n,channels,h,w] is expected"));
    cr_expect_null(rv_forward(c, rv_zeros(RV_F32, 2, 1, 32, 32)));
    cr_expect(error_is(RV_ERROR_SHAPE, "sequential.fc1 linear: "));
    rv_layer_free(c);
    rv_layer_free(b);
    rv_layer_free(a);
}

/* ---- learning -------------------------------------------------------------------------------- */

enum { SAMPLES = 64, LEARNED_CLASSES = 4 };

typedef rv_tensor *loss_function(rv_tensor *outputs, rv_tensor *labels, rv_tensor *images);

static rv_tensor *softmax_loss(rv_tensor *outputs, rv_tensor *labels, rv_tensor *images)
{
    (void)images;
    return rv_cross_entropy(outputs, labels);
}

static rv_tensor *svm_loss(rv_tensor *outputs, rv_tensor *labels, rv_tensor *images)
{
    (void)images;
    return rv_multi_margin(outputs, labels);
}

static rv_tensor *distance_loss(rv_tensor *outputs, rv_tensor *labels, rv_tensor *images)
{
    (void)labels;
    return rv_mse(outputs, images);
}

/* Images whose class is the quarter that is bright, in noise. */
static rv_tensor *bright_quarters(int64_t channels, int64_t side, rv_tensor *labels)
{
    rv_tensor *x = rv_rand(RV_F32, SAMPLES, channels, side, side);
    float *pixel = (float *)x->data;
    for (int64_t i = 0; i < x->numel; i++) {
        const int64_t column = i % side, row = i / side % side,
                      label = ((const int64_t *)labels->data)[i / (channels * side * side)];
        const bool bright = row / (side / 2) * 2 + column / (side / 2) == label;
        pixel[i] = 0.3F * pixel[i] + (bright ? 0.6F : 0.1F);
    }
    return x;
}

/* Trains on 64 images; how small the loss has become beside the first, and a hash of what was
 * learned. The net is consumed. */
static double learn(rv_layer *net, loss_function *loss_of, int64_t channels, int64_t side,
                    double lr, int steps, uint64_t *hash)
{
    RV_SCOPE;
    rv_seed(5);
    rv_tensor *labels = rv_randint(0, LEARNED_CLASSES, RV_I64, SAMPLES);
    rv_tensor *x = bright_quarters(channels, side, labels);
    rv_optim *opt = rv_optim_adam(rv_parameters(net), .lr = lr);
    double first = NAN, last = NAN;
    for (int i = 0; i < steps; i++) {
        RV_SCOPE;
        rv_tensor *loss = loss_of(rv_forward(net, x), labels, x);
        rv_optim_zero_grad(opt);
        cr_assert(rv_backward(loss) && rv_optim_step(opt), "%s", rv_error());
        last = rv_item(loss);
        first = i == 0 ? last : first;
    }
    const rv_tensors p = rv_parameters(net);
    *hash = HASH_START;
    for (int64_t i = 0; i < p.count; i++)
        *hash = hash_of(*hash, p.items[i]);
    rv_optim_free(opt);
    rv_layer_free(net);
    return last / first;
}

#define EXPECT_LEARNS(below, ...)                                    \
    do {                                                             \
        uint64_t hash_;                                              \
        const double left_ = learn(__VA_ARGS__, &hash_);             \
        cr_expect(left_ < (below), "%g is left of the loss", left_); \
    } while (0)

Test(models_make, they_learn)
{
    rv_seed(2);
    EXPECT_LEARNS(0.1, rv_model_linear(.inputs = 64, .classes = 4), softmax_loss, 1, 8, 0.05, 60);
    EXPECT_LEARNS(0.1, rv_model_linear(.inputs = 64, .classes = 4), svm_loss, 1, 8, 0.05, 60);
    EXPECT_LEARNS(0.1, rv_model_lenet5(.height = 12, .width = 12, .classes = 4), softmax_loss, 1,
                  12, 0.003, 40);
    EXPECT_LEARNS(0.2, rv_model_vgg(.filters = 4, .hidden = 32, .dropout = 0.1, .classes = 4),
                  softmax_loss, 3, 32, 0.003, 30);
    EXPECT_LEARNS(0.1, rv_model_resnet(.depth = 14, .filters = 4, .classes = 4), softmax_loss, 3, 8,
                  0.01, 40);
    EXPECT_LEARNS(
        0.1,
        rv_model_resnet(.depth = 8, .filters = 4, .shortcut = RV_SHORTCUT_PADDING, .classes = 4),
        softmax_loss, 3, 8, 0.01, 40);
    EXPECT_LEARNS(0.1, rv_model_resnet18(.filters = 4, .classes = 4), softmax_loss, 3, 8, 0.01, 30);
    EXPECT_LEARNS(0.3, rv_model_autoencoder(.height = 12, .width = 12, .filters = 8, .code = 8),
                  distance_loss, 1, 12, 0.005, 150);
    cr_expect(no_error());
}

/* Same seed, same bits, with one thread and with three. */
Test(models_make, threads_do_not_matter)
{
    uint64_t hashes[2];
    for (int i = 0; i < 2; i++) {
        rv_set_threads(i == 0 ? 1 : 3);
        rv_seed(8);
        learn(rv_model_resnet(.depth = 8, .classes = 4), softmax_loss, 3, 16, 0.01, 3, &hashes[i]);
    }
    rv_set_threads(0);
    cr_expect_eq(hashes[0], hashes[1]);
    cr_expect(no_error());
}

static void use_everything(void)
{
    uint64_t hash;
    learn(rv_model_resnet(.depth = 8, .filters = 2, .classes = 4), softmax_loss, 3, 8, 0.01, 2,
          &hash);
    learn(rv_model_vgg(.filters = 2, .hidden = 8, .classes = 4), softmax_loss, 3, 32, 0.01, 1,
          &hash);
    learn(rv_model_autoencoder(.height = 8, .width = 8), distance_loss, 1, 8, 0.01, 1, &hash);
}

Test(models_make, nothing_is_left)
{
    use_everything(); /* threads are started, for one */
    rv_finish();
    const size_t before = rv_memory_usage().in_use;
    use_everything();
    rv_finish();
    cr_expect_eq(rv_memory_usage().in_use, before);
    cr_expect(no_error());
}

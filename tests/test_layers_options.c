/* test_layers_options.c - options that are out of their range, and inputs that do not fit: each is
 * an error that says what came and what was expected. */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

#define REFUSED(call, status, part)                   \
    do {                                              \
        cr_expect_null(call);                         \
        cr_expect(error_is(RV_ERROR_##status, part)); \
    } while (0)

/* The layer refuses x when it runs. */
#define REFUSES(layer, x, status, part)               \
    do {                                              \
        RV_SCOPE;                                     \
        rv_layer *layer_ = (layer);                   \
        cr_assert_not_null(layer_, "%s", rv_error()); \
        cr_expect_null(rv_forward(layer_, (x)));      \
        cr_expect(error_is(RV_ERROR_##status, part)); \
        rv_layer_free(layer_);                        \
    } while (0)

static rv_tensor *image(int64_t channels, int64_t size)
{
    return rv_zeros(RV_F32, 2, channels, size, size);
}

Test(layers_options, convolutions)
{
    REFUSED(rv_layer_conv2d(0, 3, 3), ARGUMENT, "layer_conv2d: in_channels is 0; at least 1");
    REFUSED(rv_layer_conv2d(3, -1, 3), ARGUMENT, "layer_conv2d: out_channels is -1");
    REFUSED(rv_layer_conv2d(3, 3), ARGUMENT, "layer_conv2d: kernel is 0; at least 1");
    REFUSED(rv_layer_conv2d(3, 3, {3, 0}), ARGUMENT, "kernel is 0");
    REFUSED(rv_layer_conv2d(3, 3, 3, .stride = 0), ARGUMENT, "stride is 0");
    REFUSED(rv_layer_conv2d(3, 3, 3, .padding = {1, -1}), ARGUMENT, "padding is -1");
    REFUSED(rv_layer_conv2d(3, 3, 3, .dilation = -2), ARGUMENT, "dilation is -2");
    REFUSED(rv_layer_conv2d(3, 3, 3, .groups = 0), ARGUMENT, "groups is 0");
    REFUSED(rv_layer_conv2d(4, 3, 3, .groups = 2), ARGUMENT,
            "2 groups do not divide 4 and 3 channels");
    REFUSED(rv_layer_conv2d(4, 4, 3, .padding = RV_PADDING_SAME, .stride = 2), ARGUMENT,
            "RV_PADDING_SAME takes stride 1, not 2");
    REFUSED(rv_layer_conv2d(4, 4, 3, .dtype = RV_U8), DTYPE, "layer_conv2d: dtype is U8");
    REFUSED(rv_layer_conv2d(INT64_MAX, INT64_MAX, INT64_MAX), MEMORY, "");
    REFUSED(rv_layer_conv2d_with(NULL), NULL, "layer_conv2d: the options are NULL");
    REFUSED(rv_layer_conv1d(3, 3, {3, 2}), ARGUMENT,
            "layer_conv1d: kernel is {3, 2}; there is one axis");
    REFUSED(rv_layer_conv1d_with(NULL), NULL, "layer_conv1d: the options are NULL");
    REFUSED(rv_layer_conv_transpose2d(3, 3, 2, .stride = 2, .output_padding = 2), ARGUMENT,
            "output_padding 2 is below neither stride 2 nor dilation 1");
    REFUSED(rv_layer_conv_transpose2d(3, 3, 2, .padding = RV_PADDING_SAME), ARGUMENT,
            "layer_conv_transpose2d: padding is");
    REFUSED(rv_layer_conv_transpose2d_with(NULL), NULL, "the options are NULL");
    RV_SCOPE;
    REFUSES(rv_layer_conv2d(3, 4, 3), image(2, 8), SHAPE, "conv2d: ");
    REFUSES(rv_layer_conv2d(3, 4, 3), image(3, 2), SHAPE, "conv2d: ");
    REFUSES(rv_layer_conv2d(3, 4, 3), rv_zeros(RV_F32, 3, 8), SHAPE, "conv2d: ");
    REFUSES(rv_layer_conv2d(3, 4, 3), rv_zeros(RV_F64, 2, 3, 8, 8), DTYPE, "conv2d: ");
    REFUSES(rv_layer_conv1d(3, 4, 3), image(3, 8), SHAPE, "conv1d: ");
    REFUSES(rv_layer_conv_transpose2d(3, 4, 3), image(2, 8), SHAPE, "conv_transpose2d: ");
}

Test(layers_options, pooling)
{
    REFUSED(rv_layer_max_pool2d(0), ARGUMENT, "layer_max_pool2d: kernel is 0; at least 1");
    REFUSED(rv_layer_max_pool2d(2, .stride = -1), ARGUMENT, "stride is -1");
    REFUSED(rv_layer_max_pool2d(3, .padding = 2), ARGUMENT,
            "padding 2 is more than half of kernel 3");
    REFUSED(rv_layer_max_pool2d(2, .dilation = 0), ARGUMENT, "dilation is 0");
    REFUSED(rv_layer_max_pool2d_with(NULL), NULL, "layer_max_pool2d: the options are NULL");
    REFUSED(rv_layer_max_pool1d({2, 3}), ARGUMENT, "layer_max_pool1d: kernel is {2, 3}");
    REFUSED(rv_layer_avg_pool2d(2, .divisor_override = -1), ARGUMENT,
            "layer_avg_pool2d: divisor_override is -1");
    REFUSED(rv_layer_avg_pool2d_with(NULL), NULL, "layer_avg_pool2d: the options are NULL");
    REFUSED(rv_layer_avg_pool1d(2, .padding = {1, 0}), ARGUMENT, "there is one axis");
    REFUSED(rv_layer_adaptive_avg_pool2d(0), ARGUMENT, "size is 0");
    REFUSED(rv_layer_adaptive_avg_pool2d_with(NULL), NULL, "the options are NULL");
    RV_SCOPE;
    REFUSES(rv_layer_max_pool2d(3), image(2, 2), SHAPE, "max_pool2d: ");
    REFUSES(rv_layer_max_pool1d(3), image(2, 2), SHAPE, "max_pool1d: ");
    REFUSES(rv_layer_avg_pool2d(3), rv_zeros(RV_F32, 5), SHAPE, "avg_pool2d: ");
    REFUSES(rv_layer_adaptive_avg_pool2d(1), rv_zeros(RV_F32, 5), SHAPE, "adaptive_avg_pool2d: ");
}

Test(layers_options, normalization)
{
    REFUSED(rv_layer_batch_norm2d(0), ARGUMENT, "layer_batch_norm2d: features is 0");
    REFUSED(rv_layer_batch_norm2d(3, .eps = -1), ARGUMENT, "eps is -1; a number >= 0");
    REFUSED(rv_layer_batch_norm2d(3, .momentum = 1.5), ARGUMENT, "momentum is 1.5; 0 to 1");
    REFUSED(rv_layer_batch_norm2d(3, .momentum = (double)NAN), ARGUMENT, "momentum is");
    REFUSED(rv_layer_batch_norm1d(3, .dtype = RV_I64), DTYPE, "layer_batch_norm1d: dtype is I64");
    REFUSED(rv_layer_batch_norm1d_with(NULL), NULL, "layer_batch_norm1d: the options are NULL");
    REFUSED(rv_layer_layer_norm(0), ARGUMENT, "layer_layer_norm: the number of axes in shape is 0");
    REFUSED(rv_layer_layer_norm(-3), ARGUMENT, "a size of shape is -3");
    REFUSED(rv_layer_layer_norm({3, 0, 4}), ARGUMENT, "shape has a 0 before its size 4");
    REFUSED(rv_layer_layer_norm(3, .eps = INFINITY), ARGUMENT, "eps is inf");
    REFUSED(rv_layer_layer_norm_with(NULL), NULL, "layer_layer_norm: the options are NULL");
    REFUSED(rv_layer_group_norm(0, 4), ARGUMENT, "layer_group_norm: groups is 0");
    REFUSED(rv_layer_group_norm(3, 4), ARGUMENT, "3 groups do not divide 4 features");
    REFUSED(rv_layer_group_norm_with(NULL), NULL, "layer_group_norm: the options are NULL");
    RV_SCOPE;
    REFUSES(rv_layer_batch_norm2d(3), rv_zeros(RV_F32, 4, 3), SHAPE,
            "batch_norm2d: input is [4,3]; [n,features,h,w]");
    REFUSES(rv_layer_batch_norm2d(3), image(2, 4), SHAPE, "batch_norm");
    REFUSES(rv_layer_batch_norm1d(3), image(3, 4), SHAPE, "batch_norm1d: input is [2,3,4,4]");
    REFUSES(rv_layer_batch_norm1d(3), rv_zeros(RV_F32, 1, 3), SHAPE, "batch_norm");
    REFUSES(rv_layer_layer_norm({3, 4}), rv_zeros(RV_F32, 4), SHAPE,
            "layer_norm: input [4] does not end in [3,4]");
    REFUSES(rv_layer_group_norm(2, 4), image(2, 3), SHAPE,
            "group_norm: input is [2,2,3,3]; [n,4,..]");
    rv_layer *norm = rv_layer_batch_norm1d(3);
    cr_expect_null(rv_forward(norm, rv_zeros(RV_F32, 1, 3)));
    rv_error();
    cr_expect_eq(rv_item(rv_layer_buffer(norm, "num_batches_tracked")), 0, "it did not count");
    rv_layer_free(norm);
}

Test(layers_options, others)
{
    REFUSED(rv_layer_embedding(0, 3), ARGUMENT, "layer_embedding: rows is 0");
    REFUSED(rv_layer_embedding(3, 0), ARGUMENT, "features is 0");
    REFUSED(rv_layer_embedding(3, 2, .padding_idx = 3), ARGUMENT,
            "padding_idx 3 is none of 3 rows");
    REFUSED(rv_layer_embedding(3, 2, .dtype = RV_I64), DTYPE, "layer_embedding: dtype is I64");
    REFUSED(rv_layer_embedding_with(NULL), NULL, "layer_embedding: the options are NULL");
    REFUSED(rv_layer_maxout(0), ARGUMENT, "layer_maxout: pieces is 0");
    REFUSED(rv_layer_maxout(2, .axis = -9), ARGUMENT, "layer_maxout: axis is -9");
    REFUSED(rv_layer_maxout_with(NULL), NULL, "layer_maxout: the options are NULL");
    REFUSED(rv_layer_dropout2d(2), ARGUMENT, "layer_dropout2d: p is 2");
    REFUSED(rv_layer_dropout2d_with(NULL), NULL, "layer_dropout2d: the options are NULL");
    REFUSED(rv_layer_unflatten({0}), ARGUMENT, "layer_unflatten: shape is empty");
    REFUSED(rv_layer_unflatten({2, -1}), ARGUMENT, "a size of shape is -1");
    REFUSED(rv_layer_unflatten({2, 3}, .axis = 8), ARGUMENT, "layer_unflatten: axis is 8");
    REFUSED(rv_layer_unflatten_with(NULL), NULL, "layer_unflatten: the options are NULL");
    REFUSED(rv_layer_upsample(), ARGUMENT, "layer_upsample: none of scale and size");
    REFUSED(rv_layer_upsample(2, .size = 7), ARGUMENT, "both of scale and size");
    REFUSED(rv_layer_upsample(-2), ARGUMENT, "scale is -2");
    REFUSED(rv_layer_upsample(.size = {7, 0}), ARGUMENT, "size is 0");
    REFUSED(rv_layer_upsample(2, .mode = (rv_interpolation)7), ARGUMENT, "7 is no mode");
    REFUSED(rv_layer_upsample(2, .align_corners = true), ARGUMENT, "align_corners is for");
    REFUSED(rv_layer_upsample_with(NULL), NULL, "layer_upsample: the options are NULL");
    REFUSED(rv_layer_leaky_relu(INFINITY), ARGUMENT, "layer_leaky_relu: negative_slope is inf");
    REFUSED(rv_layer_leaky_relu_with(NULL), NULL, "layer_leaky_relu: the options are NULL");
    REFUSED(rv_layer_elu((double)NAN), ARGUMENT, "layer_elu: alpha is");
    REFUSED(rv_layer_elu_with(NULL), NULL, "layer_elu: the options are NULL");
    REFUSED(rv_layer_softplus(0), ARGUMENT, "layer_softplus: beta is 0");
    REFUSED(rv_layer_softplus(1, (double)NAN), ARGUMENT, "layer_softplus: beta is 1 and threshold");
    REFUSED(rv_layer_softplus_with(NULL), NULL, "layer_softplus: the options are NULL");
    REFUSED(rv_layer_hardtanh(2, 1), ARGUMENT, "layer_hardtanh: min_val 2 is more than max_val 1");
    REFUSED(rv_layer_hardtanh_with(NULL), NULL, "layer_hardtanh: the options are NULL");
    REFUSED(rv_layer_softmax(8), ARGUMENT, "layer_softmax: axis is 8");
    REFUSED(rv_layer_log_softmax(-9), ARGUMENT, "layer_log_softmax: axis is -9");
    RV_SCOPE;
    REFUSES(rv_layer_embedding(3, 2), rv_full(3, RV_I64, 1), INDEX, "embedding: ");
    REFUSES(rv_layer_embedding(3, 2), rv_zeros(RV_F32, 1), DTYPE, "embedding: ");
    REFUSES(rv_layer_maxout(2), rv_zeros(RV_F32, 1, 3), ARGUMENT, "maxout: ");
    REFUSES(rv_layer_unflatten({2, 3}), rv_zeros(RV_F32, 1, 7), SHAPE,
            "unflatten: axis 1 of [1,7] does not hold [2,3]");
    REFUSES(rv_layer_unflatten({2, 3}), rv_zeros(RV_F32, 1, 12), SHAPE, "does not hold [2,3]");
    REFUSES(rv_layer_unflatten({3, INT64_MAX, 2}), rv_zeros(RV_F32, 1, 6), SHAPE, "does not hold");
    REFUSES(rv_layer_unflatten({2, 3}), rv_zeros(RV_F32, 6), SHAPE, "unflatten: axis 1 of [6]");
    REFUSES(rv_layer_unflatten({2, 3}, .axis = -3), rv_zeros(RV_F32, 1, 6), SHAPE, "axis -3 of");
    REFUSES(rv_layer_unflatten({1, 1, 1, 1, 1, 1, 1, 6}), rv_zeros(RV_F32, 1, 6), SHAPE,
            "a tensor has at most 8 axes");
    REFUSES(rv_layer_upsample(2), rv_zeros(RV_F32, 1, 3), SHAPE, "interpolate: ");
    REFUSES(rv_layer_softmax(1), rv_zeros(RV_F32, 3), SHAPE, "softmax: ");
    REFUSES(rv_layer_elu(), rv_zeros(RV_I64, 3), DTYPE, "elu: ");
}

/* What has no counterpart in PyTorch's layers, or draws random numbers. */
Test(layers_options, maxout_and_dropout2d)
{
    RV_SCOPE;
    rv_layer *maxout = rv_layer_maxout(2), *drop = rv_layer_dropout2d();
    rv_tensor *x = rv_reshape(VECTOR(1, 5, -2, -3, 4, 4, 0, 9), 2, 4);
    cr_expect(HOLDS(rv_forward(maxout, x), 0, 5, -2, 4, 9));
    rv_tensor *ones = rv_ones(RV_F32, 50, 40, 2, 3);
    const rv_tensor *y = rv_forward(drop, ones);
    int dropped = 0;
    for (int64_t i = 0; i < y->numel; i += 6) {
        for (int64_t j = 0; j < 6; j++)
            cr_assert(at(y, i + j) == at(y, i) && (at(y, i) == 0 || at(y, i) == 2));
        dropped += at(y, i) == 0;
    }
    cr_expect(dropped > 1000 - 5 * 23 && dropped < 1000 + 5 * 23, "%d of 2000 channels", dropped);
    rv_layer_train(drop, false);
    cr_expect_eq(rv_forward(drop, ones), ones);
    rv_layer_free(drop);
    rv_layer_free(maxout);
    cr_expect(no_error());
}

/* The bounds of PyTorch's initial numbers: 1/sqrt(fan), of weight and bias alike. */
static void expect_bound(rv_layer *layer, double bound)
{
    for (int64_t p = 0; p < rv_parameters(layer).count; p++) {
        const rv_tensor *t = rv_parameters(layer).items[p];
        double most = 0, squares = 0;
        for (int64_t i = 0; i < t->numel; i++) {
            most = fmax(most, fabs(at(t, i)));
            squares += at(t, i) * at(t, i) / (double)t->numel;
        }
        const double n = (double)t->numel;
        cr_expect(most <= bound * (1 + 1e-6) && most > bound * (1 - 20 / n));
        cr_expect_lt(fabs(sqrt(3 * squares) / bound - 1), 5 * 0.45 / sqrt(n));
    }
    rv_layer_free(layer);
}

Test(layers_options, convolutions_start_as_pytorchs)
{
    rv_seed(4);
    expect_bound(rv_layer_conv2d(20, 300, 3, 5, .groups = 2), 1 / sqrt(10 * 15));
    expect_bound(rv_layer_conv1d(20, 300, 3), 1 / sqrt(20 * 3));
    expect_bound(rv_layer_conv_transpose2d(20, 300, 3, 5, .groups = 2), 1 / sqrt(150 * 15));
}

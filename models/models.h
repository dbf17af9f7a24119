/* models.h - ready models, and measuring them.
 *
 *     rv_layer *net = rv_model_resnet(.depth = 20);
 *     rv_tensor *logits = rv_forward(net, images);
 *     rv_layer_free(net);
 *
 * A model is a layer like any other (layers/layer.h), made of the library's layers, with the names
 * that its PyTorch counterpart has, so that a state saved by either loads in the other. All
 * functions return NULL with an error for an option out of its range; sizes are at most 2^20.
 *
 * Classifiers take [n, ..] or [n, channels, height, width] and make logits [n, classes]: the loss,
 * rv_cross_entropy for one, holds the softmax. Options that all of them share:
 *
 *     classes    default 10; >= 1
 *     dtype      of the parameters, and of what comes in and goes out; default RV_F32; or RV_F64
 */
#ifndef RV_MODELS_MODELS_H
#define RV_MODELS_MODELS_H

#include "core/data.h"
#include "layers/layers.h"

RV_BEGIN_C

/* ---- without convolutions -------------------------------------------------------------------- */

typedef struct rv_model_linear_options {
    int64_t inputs; /* features of a sample; default 784: an image of MNIST; >= 1 */
    int64_t classes;
    rv_dtype dtype;
} rv_model_linear_options;

/* rv_model_linear(.inputs = 3072): a linear classifier, x weight' + bias: a sequential of flatten
 * and linear, [n, ..] -> [n, classes]. Row k of "1.weight" [classes, inputs] is what class k looks
 * like. The loss makes the difference: with rv_cross_entropy it is the softmax classifier
 * (multinomial logistic regression), with rv_multi_margin the linear support vector machine (of
 * Weston and Watkins 1999; weight decay is its regularization). */
#define rv_model_linear(...)                                                                \
    RV_OPTIONS(rv_model_linear_with, rv_model_linear_options, .inputs = 784, .classes = 10, \
               __VA_ARGS__)
RV_API rv_layer *rv_model_linear_with(const rv_model_linear_options *options);

typedef struct rv_model_mlp_options {
    int64_t inputs; /* features of a sample; default 784: an image of MNIST; >= 1 */
    int64_t hidden; /* units of the hidden layer; default 100; >= 1 */
    int64_t classes;
    double dropout; /* the probability that a hidden unit is dropped; default 0: there is no dropout
                       layer; 0 to 1 */
    rv_dtype dtype;
} rv_model_mlp_options;

/* rv_model_mlp(.hidden = 300): a multilayer perceptron with one hidden layer (Rumelhart, Hinton and
 * Williams 1986), as a sequential of flatten, linear, relu, dropout if there is any, linear:
 * [n, ..] -> logits [n, classes]. */
#define rv_model_mlp(...)                                                             \
    RV_OPTIONS(rv_model_mlp_with, rv_model_mlp_options, .inputs = 784, .hidden = 100, \
               .classes = 10, __VA_ARGS__)
RV_API rv_layer *rv_model_mlp_with(const rv_model_mlp_options *options);

/* ---- convolutional classifiers --------------------------------------------------------------- */

typedef struct rv_model_lenet5_options {
    int64_t channels; /* default 1; >= 1 */
    int64_t height;   /* of an image; default 28: MNIST's; the border included, >= 16 */
    int64_t width;    /* likewise */
    int64_t padding;  /* a border of zeros; default 2, as the paper's digits are 28 by 28 in images
                         of 32 by 32; >= 0 */
    int64_t classes;
    rv_dtype dtype;
} rv_model_lenet5_options;

/* rv_model_lenet5(): LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998) as it is built today, with
 * ReLU, max pooling, and every filter of conv2 seeing all of conv1's: conv1 (6 filters of 5 by 5),
 * pool, conv2 (16 of 5 by 5), pool, fc1 (120), fc2 (84), fc3. 61,706 parameters. All but fc3 starts
 * as He et al. (2015) have it, which is what ReLU wants. With .channels = 3, .height = 32, .width =
 * 32, .padding = 0 it is the network of PyTorch's tutorial on CIFAR-10.
 *
 * On MNIST, SGD with .lr = 0.05, .momentum = 0.9, .weight_decay = 5e-4, batches of 64 and a cosine
 * over 5 epochs of 55,000 images gets 0.9909 of the test images right (the mean of seeds 1, 2, 3;
 * none below 0.9901). */
#define rv_model_lenet5(...)                                                               \
    RV_OPTIONS(rv_model_lenet5_with, rv_model_lenet5_options, .channels = 1, .height = 28, \
               .width = 28, .padding = 2, .classes = 10, __VA_ARGS__)
RV_API rv_layer *rv_model_lenet5_with(const rv_model_lenet5_options *options);

typedef struct rv_model_vgg_options {
    int depth;        /* layers with weights: 11 (the default), 13, 16 or 19 */
    int64_t channels; /* default 3; >= 1 */
    int64_t height;   /* of an image; default 32; >= 32 */
    int64_t width;    /* likewise */
    int64_t filters;  /* of the first stage; default 64; >= 1. The others have 2, 4, 8, 8 times as
                         many */
    int64_t hidden;   /* units of each of the two hidden layers; default 512 (the paper's images of
                         224 by 224 have 4096); >= 1 */
    double dropout;   /* the probability that a hidden unit is dropped; default 0.5; 0 to 1 */
    int64_t classes;
    rv_dtype dtype;
} rv_model_vgg_options;

/* rv_model_vgg(.depth = 16): configurations A, B, D and E of Simonyan and Zisserman (2014), with
 * batch norm behind each convolution: five stages of 3 by 3 convolutions, each ending in a max
 * pooling by 2, then two hidden layers. Names are torchvision's for vgg11_bn to vgg19_bn:
 * "features.0.weight", "classifier.6.bias". Convolutions start as He et al. (2015) have it
 * (fan-out), and so do the linear layers (fan-in), where torchvision draws them with deviation
 * 0.01: too little for so few inputs. */
#define rv_model_vgg(...)                                                                         \
    RV_OPTIONS(rv_model_vgg_with, rv_model_vgg_options, .depth = 11, .channels = 3, .height = 32, \
               .width = 32, .filters = 64, .hidden = 512, .dropout = 0.5, .classes = 10,          \
               __VA_ARGS__)
RV_API rv_layer *rv_model_vgg_with(const rv_model_vgg_options *options);

/* What goes around a residual block that makes the image smaller: options A and B of the paper. */
typedef enum rv_shortcut {
    RV_SHORTCUT_PROJECTION, /* B: a 1 by 1 convolution with stride 2, and batch norm */
    RV_SHORTCUT_PADDING,    /* A: every other pixel, and channels of zeros, half of them in front of
                               the image's own: no parameters */
    RV_SHORTCUT_COUNT
} rv_shortcut;

typedef struct rv_model_resnet_options {
    int depth;            /* layers with weights: 6k + 2, from 8 to 1202; default 20 */
    int64_t channels;     /* default 3; >= 1 */
    int64_t filters;      /* of the first stage; default 16; >= 1. The others have 2 and 4 times as
                             many */
    rv_shortcut shortcut; /* default RV_SHORTCUT_PROJECTION */
    int64_t classes;
    rv_dtype dtype;
} rv_model_resnet_options;

/* rv_model_resnet(.depth = 56): the residual network that He, Zhang, Ren and Sun (2015) made for
 * CIFAR: conv1, bn1, three stages of (depth - 2)/6 basic blocks, the mean of each channel, fc. A
 * block is relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), its convolutions 3 by 3 without
 * bias; the second and third stage halve the image first. Images of any size. Names:
 * "layer1.0.conv1.weight", "layer2.0.shortcut.0.weight" (the convolution; .1 is its batch norm),
 * "fc.weight". Convolutions start from He et al.'s normal numbers (fan-out), fc as PyTorch's. */
#define rv_model_resnet(...)                                                              \
    RV_OPTIONS(rv_model_resnet_with, rv_model_resnet_options, .depth = 20, .channels = 3, \
               .filters = 16, .classes = 10, __VA_ARGS__)
RV_API rv_layer *rv_model_resnet_with(const rv_model_resnet_options *options);

typedef struct rv_model_resnet18_options {
    int64_t channels; /* default 3; >= 1 */
    int64_t filters;  /* of the first stage; default 64; >= 1. The others have 2, 4, 8 times as
                         many */
    int64_t classes;
    rv_dtype dtype;
} rv_model_resnet18_options;

/* rv_model_resnet18(): the same paper's ResNet-18 with the stem for small images that is usual on
 * CIFAR: conv1 is 3 by 3 with stride 1, and no pooling follows it. Four stages of two basic blocks.
 * Names are torchvision's: "layer2.0.downsample.0.weight" is what the shortcut is called. */
#define rv_model_resnet18(...)                                                                  \
    RV_OPTIONS(rv_model_resnet18_with, rv_model_resnet18_options, .channels = 3, .filters = 64, \
               .classes = 10, __VA_ARGS__)
RV_API rv_layer *rv_model_resnet18_with(const rv_model_resnet18_options *options);

/* ---- classifiers by name, for command lines -------------------------------------------------- */

/* What rv_model_by_name takes: names divided by ", ". */
#define RV_MODEL_NAMES                                                                          \
    "linear, mlp, lenet5, vgg11, vgg13, vgg16, vgg19, resnet20, resnet32, resnet44, resnet56, " \
    "resnet18"

typedef struct rv_model_by_name_options {
    const char *name; /* of RV_MODEL_NAMES */
    int64_t channels; /* default 3; >= 1 */
    int64_t height;   /* of an image; default 32; >= 1, and as the model has it */
    int64_t width;    /* likewise */
    int64_t classes;
    rv_dtype dtype;
} rv_model_by_name_options;

/* rv_model_by_name("lenet5", .channels = 1, .height = 28, .width = 28): that model with its
 * defaults for images of this size; lenet5 gets its border where they are smaller than 32 by 32. An
 * unknown name is an error that lists them all. */
#define rv_model_by_name(...)                                                                \
    RV_OPTIONS(rv_model_by_name_with, rv_model_by_name_options, .channels = 3, .height = 32, \
               .width = 32, .classes = 10, .name = __VA_ARGS__)
RV_API rv_layer *rv_model_by_name_with(const rv_model_by_name_options *options);

/* ---- without labels -------------------------------------------------------------------------- */

typedef struct rv_model_autoencoder_options {
    int64_t channels; /* default 1; >= 1 */
    int64_t height;   /* of an image; default 28; a multiple of 4 */
    int64_t width;    /* likewise */
    int64_t filters;  /* of the first convolution; default 16; >= 1. The second has twice as many */
    int64_t code;     /* numbers that an image is squeezed into; default 32; >= 1 */
    rv_dtype dtype;   /* default RV_F32; or RV_F64 */
} rv_model_autoencoder_options;

/* rv_model_autoencoder(.code = 8): a convolutional autoencoder (Masci et al. 2011), [n, channels,
 * height, width] -> the same shape, each number from 0 to 1 (a sigmoid's), to be compared with the
 * images by rv_mse. The child "encoder" (two convolutions with stride 2 and a linear layer)
 * makes the codes [n, code], "decoder" (a linear layer and two transposed convolutions) images of
 * codes: rv_forward(rv_layer_child(net, "decoder"), rv_randn(RV_F32, 8, 32)). The transposed
 * convolutions have windows of 4 by 4, which stride 2 divides: so no checkerboard (Odena et al.
 * 2016). */
#define rv_model_autoencoder(...)                                                      \
    RV_OPTIONS(rv_model_autoencoder_with, rv_model_autoencoder_options, .channels = 1, \
               .height = 28, .width = 28, .filters = 16, .code = 32, __VA_ARGS__)
RV_API rv_layer *rv_model_autoencoder_with(const rv_model_autoencoder_options *options);

/* ---- measuring ------------------------------------------------------------------------------- */

/* The share, from 0 to 1, of the set's samples whose label (I64, [n]) is where the layer's output
 * ([n, classes]) is largest. The layer runs in eval mode, and is in the mode it was in afterwards;
 * nothing is recorded. NaN with an error if the layer, the data, or their shapes fail, or the set
 * is empty; and while an error is unread. */
RV_API double rv_accuracy(rv_layer *layer, const rv_dataset *set);

/* Makes the running statistics of all batch norms anew: they are reset, and become the plain
 * averages over the batches that are left of the loader's epoch (all, before its first rv_next), in
 * train mode; nothing is recorded, and each layer is in the mode it was in afterwards. For
 * parameters that training did not leave there, as averages of them (rv_average_swap_in). Without
 * batch norms nothing is run. PyTorch's torch.optim.swa_utils.update_bn. False with an error if
 * something fails; while an error is unread. */
RV_API bool rv_update_batch_norm(rv_layer *layer, rv_loader *batches);

RV_END_C

#endif

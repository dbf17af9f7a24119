/* activation.c - the layers that are one operation without parameters. */
#include "layers/layer.h"

#include "autograd/operations.h"

static rv_tensor *relu_forward(rv_layer *self, rv_tensor *x)
{
    (void)self;
    return rv_relu(x);
}

static rv_tensor *tanh_forward(rv_layer *self, rv_tensor *x)
{
    (void)self;
    return rv_tanh(x);
}

static rv_tensor *sigmoid_forward(rv_layer *self, rv_tensor *x)
{
    (void)self;
    return rv_sigmoid(x);
}

static const rv_layer_class relu_class = {
    .name = "relu", .size = sizeof(rv_layer), .forward = relu_forward};
static const rv_layer_class tanh_class = {
    .name = "tanh", .size = sizeof(rv_layer), .forward = tanh_forward};
static const rv_layer_class sigmoid_class = {
    .name = "sigmoid", .size = sizeof(rv_layer), .forward = sigmoid_forward};

rv_layer *rv_layer_relu(void)
{
    return rv_layer_new(&relu_class);
}

rv_layer *rv_layer_tanh(void)
{
    return rv_layer_new(&tanh_class);
}

rv_layer *rv_layer_sigmoid(void)
{
    return rv_layer_new(&sigmoid_class);
}

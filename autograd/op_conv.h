/* op_conv.h - the options of convolutions, checked and completed. Private to autograd/. */
#ifndef RV_AUTOGRAD_OP_CONV_H
#define RV_AUTOGRAD_OP_CONV_H

#include "autograd/op_support.h"
#include "core/conv.h"

/* What all of them share, as the caller gave it: [2] are rows and columns. */
typedef struct rv_conv_options {
    const int64_t *stride, *padding, *dilation;
    int64_t groups;
} rv_conv_options;

/* The two numbers of an option, each at least `least`; false with an error. */
bool rv_conv_pair(const char *who, const char *name, const int64_t *given, int64_t least,
                  int64_t pair[2]);

/* Fills all but `in`, `kernel` and `out` of a shape; RV_PADDING_SAME stays as it is. */
bool rv_conv_take_options(const char *who, const rv_conv_options *options, rv_conv_shape *shape);

/* How many rows (columns) the kernel spans along an axis; false if they cannot be counted. */
bool rv_conv_span(const char *who, const rv_conv_shape *shape, int axis, int64_t *span);

/* Sets `out` from the rest, and padding where it is RV_PADDING_SAME. */
bool rv_conv_take_sizes(const char *who, rv_conv_shape *shape);

/* Sets `in` to what the transposed convolution of `out` has, and `more` rows and columns. */
bool rv_conv_take_result(const char *who, rv_conv_shape *shape, const int64_t more[2]);

/* conv2d and conv_transpose2d, with errors under another name. */
rv_tensor *rv_conv2d_as(const char *who, const rv_conv2d_options *options);
rv_tensor *rv_conv_transpose2d_as(const char *who, const rv_conv_transpose2d_options *options);

/* The three operations for a complete shape, recorded. */
rv_tensor *rv_conv2d_of(rv_tensor *x, rv_tensor *weight, rv_tensor *bias,
                        const rv_conv_shape *shape);
rv_tensor *rv_conv2d_input_grad_of(rv_tensor *g, rv_tensor *weight, const rv_conv_shape *shape);
rv_tensor *rv_conv2d_weight_grad_of(rv_tensor *x, rv_tensor *g, const rv_conv_shape *shape);

#endif

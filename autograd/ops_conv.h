/* ops_conv.h - convolutions, and unfold and fold.
 *
 * The conventions are in operations.h.
 *
 * Options of two axes are written as one number for both, or as one for each in braces, rows first:
 *
 *     rv_conv2d(x, weight, .bias = b, .stride = 2, .padding = 1)
 *     rv_conv2d(x, weight, .stride = {2, 1}, .padding = {1, 0})
 *
 * In memory the results lie channels last (all channels of a pixel are neighbours), whatever the
 * inputs do, as do then the results of elementwise operations on them: that is how convolutions are
 * computed fastest, and no layout is ever to be asked for (docs/convolution.md).
 */
#ifndef RV_AUTOGRAD_OPS_CONV_H
#define RV_AUTOGRAD_OPS_CONV_H

#include "core/tensor.h"

RV_BEGIN_C

/* The second number of an option of two axes where it is not given: as the first. */
#define RV_AS_FIRST INT64_MIN
/* As padding: as much as makes the result as large as the input (stride 1 only); if that is odd,
 * the one more is behind. PyTorch's padding="same". */
#define RV_PADDING_SAME (INT64_MIN + 1)

/* ---- convolutions: floating ------------------------------------------------------------------ */

typedef struct rv_conv2d_options {
    rv_tensor *input;    /* [n, c, h, w] */
    rv_tensor *weight;   /* [k, c/groups, kernel rows, kernel columns] */
    rv_tensor *bias;     /* [k]; default NULL: none */
    int64_t stride[2];   /* >= 1; default 1 */
    int64_t padding[2];  /* zeros before and behind, >= 0, or RV_PADDING_SAME; default 0 */
    int64_t dilation[2]; /* from one element of the kernel to the next, >= 1; default 1 */
    int64_t groups; /* default 1; divides c and k: part i of the channels of y sees part i of x's */
} rv_conv2d_options;

/* The defaults of what all convolutions of two axes share. */
#define RV_CONV2D_DEFAULTS                                                                 \
    .stride = {1, RV_AS_FIRST}, .padding = {0, RV_AS_FIRST}, .dilation = {1, RV_AS_FIRST}, \
    .groups = 1

/* y[n,k,i,j] = bias[k] + sum over c, a, b of
 *     weight[k,c,a,b] * x[n, c, i*stride + a*dilation - padding, j*stride + b*dilation - padding]
 * -> [n, k, (h + 2*padding - dilation*(kernel - 1) - 1) / stride + 1 (rounded down), ..]. Errors: a
 * kernel that is larger than the padded input, channels that do not fit, options out of range.
 * Products are summed in x's dtype.
 *   conv2d_input_grad(g, weight), conv2d_weight_grad(x, g), g summed over n, rows and columns */
#define rv_conv2d(...) \
    RV_OPTIONS(rv_conv2d_with, rv_conv2d_options, RV_CONV2D_DEFAULTS, .input = __VA_ARGS__)
RV_API rv_tensor *rv_conv2d_with(const rv_conv2d_options *options);

typedef struct rv_conv2d_input_grad_options {
    rv_tensor *g;      /* [n, k, rows, columns]: the gradient of conv2d's result */
    rv_tensor *weight; /* [k, c/groups, kernel rows, kernel columns] */
    int64_t size[2];   /* rows and columns of the input; default: the fewest that give g's */
    int64_t stride[2], padding[2], dilation[2];
    int64_t groups; /* all as conv2d had them */
} rv_conv2d_input_grad_options;

/* The gradient of conv2d's input [n, c, h, w]: each element of g times the weights, added where
 * conv2d read them. The transposed convolution.
 *   conv2d(G, weight), conv2d_weight_grad(G, g), G being the gradient of this result */
#define rv_conv2d_input_grad(...)                                                           \
    RV_OPTIONS(rv_conv2d_input_grad_with, rv_conv2d_input_grad_options, RV_CONV2D_DEFAULTS, \
               .size = {RV_AS_FIRST, RV_AS_FIRST}, .g = __VA_ARGS__)
RV_API rv_tensor *rv_conv2d_input_grad_with(const rv_conv2d_input_grad_options *options);

typedef struct rv_conv2d_weight_grad_options {
    rv_tensor *input; /* [n, c, h, w] */
    rv_tensor *g;     /* [n, k, rows, columns]: the gradient of conv2d's result */
    int64_t size[2];  /* rows and columns of the kernel; no default */
    int64_t stride[2], padding[2], dilation[2];
    int64_t groups; /* all as conv2d had them */
} rv_conv2d_weight_grad_options;

/* The gradient of conv2d's weight [k, c/groups, kernel rows, kernel columns]: the sum over all
 * images and pixels of g times what conv2d multiplied the weight with. F32 is summed in F32, pixels
 * of a band of rows first, then those sums.
 *   conv2d_input_grad(g, G), conv2d(x, G), G being the gradient of this result */
#define rv_conv2d_weight_grad(...)                                                            \
    RV_OPTIONS(rv_conv2d_weight_grad_with, rv_conv2d_weight_grad_options, RV_CONV2D_DEFAULTS, \
               .size = {0, RV_AS_FIRST}, .input = __VA_ARGS__)
RV_API rv_tensor *rv_conv2d_weight_grad_with(const rv_conv2d_weight_grad_options *options);

typedef struct rv_conv1d_options {
    rv_tensor *input;  /* [n, c, length] */
    rv_tensor *weight; /* [k, c/groups, kernel] */
    rv_tensor *bias;   /* [k]; default NULL: none */
    int64_t stride;    /* >= 1; default 1 */
    int64_t padding;   /* >= 0, or RV_PADDING_SAME; default 0 */
    int64_t dilation;  /* >= 1; default 1 */
    int64_t groups;    /* default 1 */
} rv_conv1d_options;

/* conv2d of one row. -> [n, k, length of the result] */
#define rv_conv1d(...)                                                                     \
    RV_OPTIONS(rv_conv1d_with, rv_conv1d_options, .stride = 1, .dilation = 1, .groups = 1, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_conv1d_with(const rv_conv1d_options *options);

typedef struct rv_conv_transpose2d_options {
    rv_tensor *input;          /* [n, c, h, w] */
    rv_tensor *weight;         /* [c, k/groups, kernel rows, kernel columns] */
    rv_tensor *bias;           /* [k]; default NULL: none */
    int64_t stride[2];         /* >= 1; default 1 */
    int64_t padding[2];        /* taken away before and behind, >= 0; default 0 */
    int64_t output_padding[2]; /* rows and columns more behind; >= 0, below stride or dilation;
                                  default 0 */
    int64_t dilation[2];       /* >= 1; default 1 */
    int64_t groups;            /* default 1; divides c and k */
} rv_conv_transpose2d_options;

/* What conv2d with these options does to shapes, backwards: conv2d_input_grad of x, and the bias.
 * -> [n, k, (h - 1)*stride - 2*padding + dilation*(kernel - 1) + output_padding + 1, ..]. */
#define rv_conv_transpose2d(...)                                                          \
    RV_OPTIONS(rv_conv_transpose2d_with, rv_conv_transpose2d_options, RV_CONV2D_DEFAULTS, \
               .output_padding = {0, RV_AS_FIRST}, .input = __VA_ARGS__)
RV_API rv_tensor *rv_conv_transpose2d_with(const rv_conv_transpose2d_options *options);

typedef struct rv_conv_transpose1d_options {
    rv_tensor *input;       /* [n, c, length] */
    rv_tensor *weight;      /* [c, k/groups, kernel] */
    rv_tensor *bias;        /* [k]; default NULL: none */
    int64_t stride;         /* >= 1; default 1 */
    int64_t padding;        /* >= 0; default 0 */
    int64_t output_padding; /* >= 0, below stride or dilation; default 0 */
    int64_t dilation;       /* >= 1; default 1 */
    int64_t groups;         /* default 1 */
} rv_conv_transpose1d_options;

/* conv_transpose2d of one row. */
#define rv_conv_transpose1d(...)                                                                  \
    RV_OPTIONS(rv_conv_transpose1d_with, rv_conv_transpose1d_options, .stride = 1, .dilation = 1, \
               .groups = 1, .input = __VA_ARGS__)
RV_API rv_tensor *rv_conv_transpose1d_with(const rv_conv_transpose1d_options *options);

/* ---- the patches that a kernel sees: floating ------------------------------------------------ */

typedef struct rv_unfold_options {
    rv_tensor *input;    /* [n, c, h, w] */
    int64_t kernel[2];   /* rows and columns, >= 1; no default */
    int64_t stride[2];   /* >= 1; default 1 */
    int64_t padding[2];  /* >= 0; default 0 */
    int64_t dilation[2]; /* >= 1; default 1 */
} rv_unfold_options;

/* rv_unfold(x, .kernel = 3): every patch that conv2d would multiply with its weights, as a column
 * -> [n, c*kernel rows*kernel columns, patches]. (im2col)  fold(g) */
#define rv_unfold(...)                                                        \
    RV_OPTIONS(rv_unfold_with, rv_unfold_options, .kernel = {0, RV_AS_FIRST}, \
               .stride = {1, RV_AS_FIRST}, .padding = {0, RV_AS_FIRST},       \
               .dilation = {1, RV_AS_FIRST}, .input = __VA_ARGS__)
RV_API rv_tensor *rv_unfold_with(const rv_unfold_options *options);

typedef struct rv_fold_options {
    rv_tensor *input; /* [n, c*kernel rows*kernel columns, patches] */
    int64_t size[2];  /* rows and columns of the result; no default */
    int64_t kernel[2];
    int64_t stride[2], padding[2], dilation[2]; /* as unfold's */
} rv_fold_options;

/* rv_fold(x, .size = {h, w}, .kernel = 3): the patches added up where unfold took them from
 * -> [n, c, h, w]. (col2im)  unfold(g) */
#define rv_fold(...)                                                    \
    RV_OPTIONS(rv_fold_with, rv_fold_options, .size = {0, RV_AS_FIRST}, \
               .kernel = {0, RV_AS_FIRST}, .stride = {1, RV_AS_FIRST},  \
               .padding = {0, RV_AS_FIRST}, .dilation = {1, RV_AS_FIRST}, .input = __VA_ARGS__)
RV_API rv_tensor *rv_fold_with(const rv_fold_options *options);

RV_END_C

#endif

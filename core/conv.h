/* conv.h - convolutions of two axes, and their gradients. For those who write operations.
 *
 *     y[n,k,i,j] = bias[k] + sum over c, a, b of
 *                  weight[k,c,a,b] * x[n, c, i*stride + a*dilation - padding, j* ...]
 *
 * with x 0 outside of its rows and columns. With groups, the channels of x and of y are cut into
 * that many parts, and each part of y sees one part of x.
 *
 * x and g are read as they lie in memory, whatever their strides; what is written has its channels
 * innermost ("channels last": rows, then columns, then channels of an image), which is how they are
 * computed fastest. An input that lies so itself, and needs no padding, is read in place; else a
 * band of rows at a time is copied, padded, into the cache of the core that needs it.
 *
 * Work is cut by shape alone: the results are the same for any number of threads.
 */
#ifndef RV_CORE_CONV_H
#define RV_CORE_CONV_H

#include "core/tensor.h"

RV_BEGIN_C

/* Pairs are of rows and columns. `out` follows from the rest but for rounding, so it is given too;
 * padding is before the first row and column, and behind the last as much as `out` needs. */
typedef struct rv_conv_shape {
    int64_t stride[2], padding[2], dilation[2];
    int64_t in[2], kernel[2], out[2];
    int64_t groups;
} rv_conv_shape;

/* An uninitialized tensor of shape [n, channels, rows, columns] that lies channels last. */
RV_API rv_tensor *rv_conv_empty(const char *who, rv_dtype dtype, int64_t n, int64_t channels,
                                const int64_t size[2]);

/* These compute one of the three tensors, F32 or F64, from the others; bias may be NULL. y and dx
 * are from rv_conv_empty, dw is contiguous. Shapes must fit. False with an error if memory for what
 * is packed is not to be had. */
RV_API bool rv_conv_forward(const char *who, const rv_conv_shape *shape, const rv_tensor *x,
                            const rv_tensor *weight, const rv_tensor *bias, rv_tensor *y);
/* dx = sum over all (k, i, j) that x[n,c,..] goes into, of weight * g: the transposed convolution.
 */
RV_API bool rv_conv_input_grad(const char *who, const rv_conv_shape *shape, const rv_tensor *g,
                               const rv_tensor *weight, rv_tensor *dx);
/* dw[k,c,a,b] = sum over n, i, j of g[n,k,i,j] * x[n, c, i*stride + ...]. */
RV_API bool rv_conv_weight_grad(const char *who, const rv_conv_shape *shape, const rv_tensor *x,
                                const rv_tensor *g, rv_tensor *dw);

RV_END_C

#endif

/* pool_parts.h - what the pooling operations share. Private to autograd/. */
#ifndef RV_AUTOGRAD_POOL_PARTS_H
#define RV_AUTOGRAD_POOL_PARTS_H

#include "autograd/op_support.h"

/* The windows of an options struct, as it was given. */
typedef struct rv_pool_window {
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    bool ceil_mode;
} rv_pool_window;

/* Fills in what was left out (RV_AS_FIRST; a stride of 0: the kernel), and checks all of it against
 * an input of rows and columns `in`; `out` is how many windows there are. False with an error. */
bool rv_pool_resolve(const char *who, rv_pool_window *window, const int64_t in[2], int64_t out[2]);

/* Whether x is [n, c, h, w] or [c, h, w] (of one axis: [n, c, l] or [c, l]), F32 or F64. */
bool rv_pool_check_input(const char *who, const rv_tensor *x, int pooled_axes);

/* x as [n, c, h, w], recorded: missing axes are of size 1. And y, which came of that, as x was. */
rv_tensor *rv_pool_as_images(rv_tensor *x, int pooled_axes);
rv_tensor *rv_pool_as_before(rv_tensor *y, const rv_tensor *x, int pooled_axes);

/* The window of one axis, given by the first numbers of each pair, as one of two; false with an
 * error if second numbers were given. */
bool rv_pool_one_axis(const char *who, rv_pool_window *window);

#endif

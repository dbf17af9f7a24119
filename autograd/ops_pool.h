/* ops_pool.h - pooling, and sampling up and down.
 *
 * The conventions are in operations.h.
 *
 * Inputs are [n, c, h, w] or [c, h, w]; each plane is pooled by itself. Row-major and channels-last
 * inputs are equally welcome, and the result lies as the input does. Options of two axes are one
 * number for both, or one for each in braces, rows first:
 *
 *     rv_max_pool2d(x, 2)
 *     rv_max_pool2d(x, .kernel = {3, 2}, .stride = 2, .padding = {1, 0})
 *
 * (So rv_max_pool2d(x, 3, 2) has windows of 3 by 2; a stride is always named.)
 *
 * All of these are linear (max_pool2d: given which elements are the largest), so each and its
 * gradient are each other's derivative.
 */
#ifndef RV_AUTOGRAD_OPS_POOL_H
#define RV_AUTOGRAD_OPS_POOL_H

#include "autograd/ops_conv.h" /* RV_AS_FIRST */
#include "core/tensor.h"

RV_BEGIN_C

/* ---- pooling: floating ----------------------------------------------------------------------- */

/* Windows begin `stride` apart, the first one `padding` before the input; there are (h + 2*padding
 * - dilation*(kernel - 1) - 1) / stride + 1 of them, rounded down, or up with ceil_mode (but none
 * that begins behind the input). Errors: numbers out of their range, an input smaller than a
 * window. */
typedef struct rv_max_pool2d_options {
    rv_tensor *input;
    int64_t kernel[2];   /* >= 1: rows and columns of a window */
    int64_t stride[2];   /* >= 1; default 0: as kernel */
    int64_t padding[2];  /* 0 to half a window; default 0; never the largest */
    int64_t dilation[2]; /* >= 1, from one element of a window to the next; default 1 */
    bool ceil_mode;      /* default false */
} rv_max_pool2d_options;

#define RV_MAX_POOL_DEFAULTS                                                             \
    .kernel = {0, RV_AS_FIRST}, .stride = {0, RV_AS_FIRST}, .padding = {0, RV_AS_FIRST}, \
    .dilation = {1, RV_AS_FIRST}

/* The largest element of each window; the first of equals; NaN if there is one.  g, added to the
 * element that was the largest */
#define rv_max_pool2d(...)                                                      \
    RV_OPTIONS(rv_max_pool2d_with, rv_max_pool2d_options, RV_MAX_POOL_DEFAULTS, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_max_pool2d_with(const rv_max_pool2d_options *options);
/* The same for [n, c, l] or [c, l]; one number for each option. */
#define rv_max_pool1d(...)                                                      \
    RV_OPTIONS(rv_max_pool1d_with, rv_max_pool2d_options, RV_MAX_POOL_DEFAULTS, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_max_pool1d_with(const rv_max_pool2d_options *options);

/* Also where they stood: I64, row*w + column in the plane. Both NULL with an error. */
typedef struct rv_pooled {
    rv_tensor *values, *indices;
} rv_pooled;
#define rv_max_pool2d_with_indices(...)                                                      \
    RV_OPTIONS(rv_max_pool2d_with_indices_with, rv_max_pool2d_options, RV_MAX_POOL_DEFAULTS, \
               .input = __VA_ARGS__)
RV_API rv_pooled rv_max_pool2d_with_indices_with(const rv_max_pool2d_options *options);

/* The elements of x [n, c, h, w] at such indices [n, c, rows, columns] (their derivative's way
 * back); and the derivative of both: zeros [n, c, height, width] with g added at the indices.
 * `pool` says what windows they are of (its .input is not used); an index outside of its window is
 * an error. max_pool2d_grad; max_pool2d_at */
RV_API rv_tensor *rv_max_pool2d_at(rv_tensor *x, rv_tensor *indices,
                                   const rv_max_pool2d_options *pool);
RV_API rv_tensor *rv_max_pool2d_grad(rv_tensor *g, rv_tensor *indices,
                                     const rv_max_pool2d_options *pool, int64_t height,
                                     int64_t width);

typedef struct rv_avg_pool2d_options {
    rv_tensor *input;
    int64_t kernel[2], stride[2], padding[2]; /* as max_pool2d's */
    bool ceil_mode;                           /* default false */
    bool count_include_pad;   /* default true: the mean counts the padding's zeros too */
    int64_t divisor_override; /* default 0; else what the sum is divided by, > 0 */
} rv_avg_pool2d_options;

/* The mean of each window.  avg_pool2d_grad */
#define rv_avg_pool2d(...)                                                                         \
    RV_OPTIONS(rv_avg_pool2d_with, rv_avg_pool2d_options, .kernel = {0, RV_AS_FIRST},              \
               .stride = {0, RV_AS_FIRST}, .padding = {0, RV_AS_FIRST}, .count_include_pad = true, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_avg_pool2d_with(const rv_avg_pool2d_options *options);
/* The same for [n, c, l] or [c, l]; one number for each option. */
#define rv_avg_pool1d(...)                                                                         \
    RV_OPTIONS(rv_avg_pool1d_with, rv_avg_pool2d_options, .kernel = {0, RV_AS_FIRST},              \
               .stride = {0, RV_AS_FIRST}, .padding = {0, RV_AS_FIRST}, .count_include_pad = true, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_avg_pool1d_with(const rv_avg_pool2d_options *options);
/* [n, c, height, width]: each element the sum of its windows' g, over what they were divided by
 * (options' .input is not used).  avg_pool2d */
RV_API rv_tensor *rv_avg_pool2d_grad(rv_tensor *g, const rv_avg_pool2d_options *options,
                                     int64_t height, int64_t width);

typedef struct rv_adaptive_avg_pool2d_options {
    rv_tensor *input;
    int64_t size[2]; /* >= 1: rows and columns of the result */
} rv_adaptive_avg_pool2d_options;

/* rv_adaptive_avg_pool2d(x, 7), rv_adaptive_avg_pool2d(x, 1): the mean of rows [i*h/size] to
 * [(i + 1)*h/size] rounded up, and columns likewise, as PyTorch's.  g over the number of elements,
 * to each of them */
#define rv_adaptive_avg_pool2d(...)                                         \
    RV_OPTIONS(rv_adaptive_avg_pool2d_with, rv_adaptive_avg_pool2d_options, \
               .size = {0, RV_AS_FIRST}, .input = __VA_ARGS__)
RV_API rv_tensor *rv_adaptive_avg_pool2d_with(const rv_adaptive_avg_pool2d_options *options);

/* ---- sampling up and down: floating ---------------------------------------------------------- */

typedef enum rv_interpolation { RV_NEAREST, RV_BILINEAR } rv_interpolation;

/* The second scale where it is not given: as the first. */
#define RV_SCALE_AS_FIRST (-1.0)

typedef struct rv_interpolate_options {
    rv_tensor *input;      /* [n, c, h, w] */
    int64_t size[2];       /* rows and columns of the result, >= 1; default 0: by scale */
    double scale[2];       /* > 0: the result has h*scale rows, rounded down; default 0: by size */
    rv_interpolation mode; /* default RV_NEAREST */
    bool align_corners;    /* RV_BILINEAR: corners of the input are those of the result, else the
                              outer edges of their pixels are; default false */
} rv_interpolate_options;

/* rv_interpolate(x, .scale = 2), rv_interpolate(x, .size = {7, 9}, .mode = RV_BILINEAR)
 *
 * PyTorch's interpolate: row i of the result comes from row r of x, with s = 1/scale or h/size:
 * nearest: r = floor(i*s), computed in F32; bilinear: r = (i + 1/2)*s - 1/2, at least 0, or, with
 * align_corners, i*(h - 1)/(size - 1), between the rows beside it; columns likewise.
 *   interpolate_grad */
#define rv_interpolate(...)                                                           \
    RV_OPTIONS(rv_interpolate_with, rv_interpolate_options, .size = {0, RV_AS_FIRST}, \
               .scale = {0, RV_SCALE_AS_FIRST}, .input = __VA_ARGS__)
RV_API rv_tensor *rv_interpolate_with(const rv_interpolate_options *options);
/* [n, c, height, width]: each element the sum of g times its weights in them (options' .input is
 * not used).  interpolate */
RV_API rv_tensor *rv_interpolate_grad(rv_tensor *g, const rv_interpolate_options *options,
                                      int64_t height, int64_t width);

RV_END_C

#endif

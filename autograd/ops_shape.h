/* ops_shape.h - the same elements in other shapes and places.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_SHAPE_H
#define RV_AUTOGRAD_OPS_SHAPE_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- shapes: any dtype ---------------------------------------------------------------------- */

/* rv_reshape(x, 2, -1): the same elements, row-major; one size may be -1. A view where possible. */
#define rv_reshape(x, ...)                                                       \
    rv_reshape_n((x), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                 (const int64_t[]){__VA_ARGS__})
RV_API rv_tensor *rv_reshape_n(rv_tensor *x, int ndim, const int64_t *shape);
/* rv_permute(x, 0, 2, 1): axis i of the result is the given axis i of x. A view. */
#define rv_permute(x, ...) \
    rv_permute_n((x), (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (const int[]){__VA_ARGS__})
RV_API rv_tensor *rv_permute_n(rv_tensor *x, int ndim, const int *axes);
/* Two axes change places. A view. */
RV_API rv_tensor *rv_transpose(rv_tensor *x, int axis0, int axis1);
/* rv_expand(x, 4, -1): broadcast to that shape (-1: x's size). A view.  g, summed (by the engine)
 */
#define rv_expand(x, ...)                                                       \
    rv_expand_n((x), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                (const int64_t[]){__VA_ARGS__})
RV_API rv_tensor *rv_expand_n(rv_tensor *x, int ndim, const int64_t *shape);

#define RV_END INT64_MAX
typedef struct rv_slice_options {
    rv_tensor *input;
    int axis;      /* default 0 */
    int64_t start; /* default 0; negative: from the end */
    int64_t stop;  /* default RV_END; negative: from the end */
    int64_t step;  /* default 1; > 0 */
} rv_slice_options;
/* rv_slice(x, .axis = 1, .start = 2, .stop = -1): x[:, 2:-1]. A view; bounds are clipped as in
 * NumPy.  g, put back among zeros */
#define rv_slice(...) \
    RV_OPTIONS(rv_slice_with, rv_slice_options, .stop = RV_END, .step = 1, .input = __VA_ARGS__)
RV_API rv_tensor *rv_slice_with(const rv_slice_options *options);
/* The derivative of slice: zeros of `shape`, with g where that slice of it is (its .input is not
 * used).  g, sliced */
RV_API rv_tensor *rv_slice_grad(rv_tensor *g, int ndim, const int64_t *shape,
                                const rv_slice_options *slice);

/* `before` and `after` elements of `value` along each axis ([ndim] each, not negative).  g, sliced
 */
RV_API rv_tensor *rv_pad(rv_tensor *x, const int64_t *before, const int64_t *after, double value);

/* n >= 1 tensors one behind the other along `axis`; other sizes equal.  g, sliced */
RV_API rv_tensor *rv_cat(rv_tensor *const *tensors, int n, int axis);

/* A row-major copy of its own.  g */
RV_API rv_tensor *rv_copy(rv_tensor *x);
/* x itself if it is row-major, else a row-major copy.  g */
RV_API rv_tensor *rv_contiguous(rv_tensor *x);
/* x in another dtype, x itself if it has it already; floating to integer truncates, and what the
 * integer cannot hold is an error.  g, cast back (none through integers) */
RV_API rv_tensor *rv_cast(rv_tensor *x, rv_dtype dtype);

RV_END_C

#endif

/* ops_shape.h - the same elements in other shapes and places.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_SHAPE_H
#define RV_AUTOGRAD_OPS_SHAPE_H

#include "autograd/ops_reduce.h"
#include "core/tensor.h"

RV_BEGIN_C

/* ---- shapes: any dtype ---------------------------------------------------------------------- */

/* rv_reshape(x, 2, -1): the same elements, row-major; one size may be -1. A view where possible. */
#define rv_reshape(x, ...)                                                       \
    rv_reshape_n((x), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                 (const int64_t[]){__VA_ARGS__})
RV_API rv_tensor *rv_reshape_n(rv_tensor *x, int ndim, const int64_t *shape);
/* Axes `start` to `end` become one: rv_flatten(x, 0, -1) is a vector, also of a 0-d x. A view where
 * possible. */
RV_API rv_tensor *rv_flatten(rv_tensor *x, int start, int end);

typedef struct rv_squeeze_options {
    rv_tensor *input;
    rv_axes axes; /* which axes go if their size is 1; default: all */
} rv_squeeze_options;
/* rv_squeeze(x), rv_squeeze(x, RV_AXES(0)): without axes of size 1; as in PyTorch, one of another
 * size stays. A view. */
#define rv_squeeze(...) RV_OPTIONS(rv_squeeze_with, rv_squeeze_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_squeeze_with(const rv_squeeze_options *options);
/* With a new axis of size 1 that is `axis` of the result: -1 is the last. A view. */
RV_API rv_tensor *rv_unsqueeze(rv_tensor *x, int axis);

/* rv_permute(x, 0, 2, 1): axis i of the result is the given axis i of x. A view. */
#define rv_permute(x, ...) \
    rv_permute_n((x), (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (const int[]){__VA_ARGS__})
RV_API rv_tensor *rv_permute_n(rv_tensor *x, int ndim, const int *axes);
/* Two axes change places. A view. */
RV_API rv_tensor *rv_transpose(rv_tensor *x, int axis0, int axis1);
/* rv_expand(x, 4, -1): broadcast to that shape (-1: x's size; NumPy's broadcast_to). A view.
 * g, summed (by the engine) */
#define rv_expand(x, ...)                                                       \
    rv_expand_n((x), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                (const int64_t[]){__VA_ARGS__})
RV_API rv_tensor *rv_expand_n(rv_tensor *x, int ndim, const int64_t *shape);

/* rv_repeat(x, 2, 3): all of x, 2 times along its first axis and 3 times along its second; more
 * numbers than axes put new axes in front (PyTorch's repeat, NumPy's tile). Numbers are 0 or more.
 * g, summed over what was repeated */
#define rv_repeat(x, ...)                                                       \
    rv_repeat_n((x), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                (const int64_t[]){__VA_ARGS__})
RV_API rv_tensor *rv_repeat_n(rv_tensor *x, int n, const int64_t *times);
/* Each slice of x along `axis` `times` times, one behind the other.  g, summed likewise */
RV_API rv_tensor *rv_repeat_interleave(rv_tensor *x, int64_t times, int axis);

#define RV_END INT64_MAX
typedef struct rv_slice_options {
    rv_tensor *input;
    int axis;      /* default 0 */
    int64_t start; /* default 0; negative: from the end */
    int64_t stop;  /* default RV_END; negative: from the end */
    int64_t step;  /* default 1; > 0 (rv_flip turns an axis around) */
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

/* Element `index` along `axis`, which goes: x[:, index]; negative: from the end. A view.  g, put
 * back among zeros */
RV_API rv_tensor *rv_select(rv_tensor *x, int axis, int64_t index);

typedef enum rv_pad_mode {
    RV_PAD_CONSTANT,  /* `value` */
    RV_PAD_REFLECT,   /* c b [a b c] b a: fewer than the axis has */
    RV_PAD_REPLICATE, /* a a [a b c] c c */
    RV_PAD_CIRCULAR   /* b c [a b c] a b: no more than the axis has */
} rv_pad_mode;
typedef struct rv_pad_options {
    rv_tensor *input;
    const int64_t *before; /* [ndim] how many elements in front of each axis, not negative, */
    const int64_t *after;  /* [ndim] and behind it */
    double value;          /* default 0; only for RV_PAD_CONSTANT */
    rv_pad_mode mode;      /* default RV_PAD_CONSTANT */
} rv_pad_options;
/* rv_pad(x, before, after), rv_pad(x, before, after, -1.5), rv_pad(x, before, after, .mode =
 * RV_PAD_REFLECT): elements before and behind along each axis (in NumPy's order, first axis first;
 * any number of axes in every mode).  g, sliced; pad_grad in modes that repeat elements */
#define rv_pad(...) RV_OPTIONS(rv_pad_with, rv_pad_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_pad_with(const rv_pad_options *options);
/* The derivative of pad, for an x of `shape` (the .input is not used): each element of g is added
 * to the one that it was a copy of; floating.  g, padded (with 0 for RV_PAD_CONSTANT) */
RV_API rv_tensor *rv_pad_grad(rv_tensor *g, int ndim, const int64_t *shape,
                              const rv_pad_options *pad);

/* n >= 1 tensors one behind the other along `axis`; other sizes equal.  g, sliced */
RV_API rv_tensor *rv_cat(rv_tensor *const *tensors, int n, int axis);
/* n >= 1 tensors of one shape side by side along a new axis, which is `axis` of the result.  g's
 * slices */
RV_API rv_tensor *rv_stack(rv_tensor *const *tensors, int n, int axis);

/* One tensor as several along `axis`: an array of views, ended by a NULL, that the innermost scope
 * owns; NULL with an error.  the pieces' gradients, one behind the other
 *
 * rv_split: pieces of `size`, the last perhaps smaller: ceil(n / size) of an axis of n, but one if
 * the axis is empty. rv_split_n: n pieces of the given sizes, which add up to the axis. rv_chunk:
 * at most `chunks` pieces of one size, ceil(n / chunks), but the last (PyTorch's chunk). rv_unbind:
 * pieces of one element, without the axis. */
RV_API rv_tensor **rv_split(rv_tensor *x, int64_t size, int axis);
RV_API rv_tensor **rv_split_n(rv_tensor *x, int n, const int64_t *sizes, int axis);
RV_API rv_tensor **rv_chunk(rv_tensor *x, int chunks, int axis);
RV_API rv_tensor **rv_unbind(rv_tensor *x, int axis);

/* rv_flip(x, 0, 2): those axes backwards, each given once.  g, flipped */
#define rv_flip(x, ...) \
    rv_flip_n((x), (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (const int[]){__VA_ARGS__})
RV_API rv_tensor *rv_flip_n(rv_tensor *x, int n, const int *axes);
/* Each element `shift` places further along `axis`, and those that leave it come in at its front
 * (negative: the other way round).  g, rolled back */
RV_API rv_tensor *rv_roll(rv_tensor *x, int64_t shift, int axis);

/* A row-major copy of its own.  g */
RV_API rv_tensor *rv_copy(rv_tensor *x);
/* x itself if it is row-major, else a row-major copy.  g */
RV_API rv_tensor *rv_contiguous(rv_tensor *x);
/* x in another dtype, x itself if it has it already; floating to integer truncates, and what the
 * integer cannot hold is an error.  g, cast back (none through integers) */
RV_API rv_tensor *rv_cast(rv_tensor *x, rv_dtype dtype);

RV_END_C

#endif

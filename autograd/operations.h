/* operations.h - the vocabulary: every operation that can be differentiated.
 *
 * Conventions. x, a, b are inputs, y is the result: a new tensor that the innermost scope owns.
 * Inputs are not changed. Every operation returns NULL with an error for NULL inputs, dtypes that
 * differ ("never a silent cast"), and shapes that do not fit. "floating" is F32 or F64, "any" also
 * I64 and U8. "broadcasts" means as in NumPy: shapes are aligned at their last axes, and size 1
 * repeats. Axes may be negative, from the end. The derivative is what backward multiplies the
 * gradient g of y with; all can be differentiated again.
 */
#ifndef RV_AUTOGRAD_OPERATIONS_H
#define RV_AUTOGRAD_OPERATIONS_H

#include "core/random.h"
#include "core/tensor.h"

RV_BEGIN_C

/* ---- arithmetic: any dtype unless said otherwise; broadcasts -------------------------------- *
 * Each also with a scalar, which takes the tensor's dtype (an error if an integer dtype cannot hold
 * it). Integers wrap around. */
RV_API rv_tensor *rv_add(rv_tensor *a, rv_tensor *b); /* a + b;  g, g */
RV_API rv_tensor *rv_sub(rv_tensor *a, rv_tensor *b); /* a - b;  g, -g */
RV_API rv_tensor *rv_mul(rv_tensor *a, rv_tensor *b); /* a * b;  g*b, g*a */
RV_API rv_tensor *rv_div(rv_tensor *a, rv_tensor *b); /* a / b, floating;  g/b, -g*y/b */
/* a to the power b, floating;  g*b*a^(b-1) (0 where b is 0), g*y*log(a) (0 where a is 0 and b >= 0,
 * as in PyTorch) */
RV_API rv_tensor *rv_pow(rv_tensor *a, rv_tensor *b);
RV_API rv_tensor *rv_add_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_sub_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_mul_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_div_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_pow_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_neg(rv_tensor *x); /* -x;  -g */

/* ---- functions of each element: floating --------------------------------------------------- */
RV_API rv_tensor *rv_exp(rv_tensor *x);     /* e^x;  g*y */
RV_API rv_tensor *rv_log(rv_tensor *x);     /* natural logarithm, NaN below 0;  g/x */
RV_API rv_tensor *rv_sqrt(rv_tensor *x);    /* NaN below 0;  g/(2y) */
RV_API rv_tensor *rv_tanh(rv_tensor *x);    /* (e^x - e^-x)/(e^x + e^-x);  g*(1 - y*y) */
RV_API rv_tensor *rv_sigmoid(rv_tensor *x); /* 1/(1 + e^-x);  g*y*(1 - y) */
RV_API rv_tensor *rv_relu(rv_tensor *x);    /* max(x, 0), any dtype;  g where x > 0, else 0 */
/* The derivatives of the last three as operations of their own, in one pass: g*(1 - y*y),
 * g*y*(1 - y), and g where y > 0, else 0. */
RV_API rv_tensor *rv_tanh_grad(rv_tensor *g, rv_tensor *y);
RV_API rv_tensor *rv_sigmoid_grad(rv_tensor *g, rv_tensor *y);
RV_API rv_tensor *rv_relu_grad(rv_tensor *g, rv_tensor *y);

/* ---- comparisons: any dtype; broadcast; the result is U8, 1 where true, without derivative --- */
RV_API rv_tensor *rv_eq(rv_tensor *a, rv_tensor *b); /* a == b */
RV_API rv_tensor *rv_ne(rv_tensor *a, rv_tensor *b); /* a != b */
RV_API rv_tensor *rv_lt(rv_tensor *a, rv_tensor *b); /* a < b */
RV_API rv_tensor *rv_le(rv_tensor *a, rv_tensor *b); /* a <= b */
RV_API rv_tensor *rv_gt(rv_tensor *a, rv_tensor *b); /* a > b */
RV_API rv_tensor *rv_ge(rv_tensor *a, rv_tensor *b); /* a >= b */
RV_API rv_tensor *rv_eq_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_ne_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_lt_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_le_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_gt_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_ge_scalar(rv_tensor *a, double b);

/* condition ? a : b, element by element; condition U8 (not 0 is true), a and b any; broadcasts;
 * g where condition else 0, and the other way round. */
RV_API rv_tensor *rv_where(rv_tensor *condition, rv_tensor *a, rv_tensor *b);

/* ---- reductions ----------------------------------------------------------------------------- */

/* A list of axes for an options struct: .axes = RV_AXES(0, 2). Count 0 (the default) is all. */
typedef struct rv_axes {
    int count;
    int axis[RV_MAX_DIMENSIONS];
} rv_axes;
#define RV_AXES(...) ((rv_axes){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}})

typedef struct rv_reduce_options {
    rv_tensor *input;
    rv_axes axes; /* which axes are reduced; default: all. Each once. */
    bool keepdim; /* whether they stay, with size 1; default false */
} rv_reduce_options;

/* rv_sum(x), rv_sum(x, .axes = RV_AXES(0), .keepdim = true). Any dtype, the result has x's, but
 * I64 for U8, so that rv_sum(rv_eq(a, b)) counts. F32 and F64 are accumulated in double; no
 * element: 0.  g, expanded */
#define rv_sum(...) RV_OPTIONS(rv_sum_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_sum_with(const rv_reduce_options *options);
/* The sum over the number of elements; floating; an empty mean is NaN.  g/count, expanded */
#define rv_mean(...) RV_OPTIONS(rv_mean_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_mean_with(const rv_reduce_options *options);
/* The largest element; any dtype; NaN if there is one; an empty max is an error.  g, in equal parts
 * to the elements that are largest (PyTorch's amax) */
#define rv_max(...) RV_OPTIONS(rv_max_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_max_with(const rv_reduce_options *options);
/* Where the largest element stands along one axis: I64, the first of equals, a NaN before all; the
 * axis goes. No derivative. */
RV_API rv_tensor *rv_argmax(rv_tensor *x, int axis);

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

/* ---- indices -------------------------------------------------------------------------------- */

/* y[i,j,..] = x[.., index[i,j,..], ..], index taking the place of coordinate `axis`; index I64, as
 * many axes as x and, but for `axis`, no size larger than x's (PyTorch's gather). Negative indices
 * are out of range.  g, scatter_added into zeros */
RV_API rv_tensor *rv_gather(rv_tensor *x, int axis, rv_tensor *index);
/* A copy of x with source[i,j,..] added at x[.., index[i,j,..], ..]; index and source of equal
 * shape (PyTorch's scatter_add). Added in row-major order.  g, and g gathered */
RV_API rv_tensor *rv_scatter_add(rv_tensor *x, int axis, rv_tensor *index, rv_tensor *source);

/* ---- products: floating --------------------------------------------------------------------- */

/* NumPy's matmul: [..,m,k] [..,k,n] -> [..,m,n], leading axes broadcast; 1-d on the left is a row,
 * on the right a column, and that axis goes from the result.  g b', a' g */
RV_API rv_tensor *rv_matmul(rv_tensor *a, rv_tensor *b);
/* x weight' + bias: x [.., in], weight [out, in], bias [out] or NULL -> [.., out]; the bias is part
 * of the product.  g weight, g' x, g summed over rows */
RV_API rv_tensor *rv_linear(rv_tensor *x, rv_tensor *weight, rv_tensor *bias);

/* ---- networks: floating --------------------------------------------------------------------- */

/* e^(x - max) / sum, along one axis.  y * (g - sum(g*y)) */
RV_API rv_tensor *rv_softmax(rv_tensor *x, int axis);
/* x - max - log(sum(e^(x - max))), along one axis.  g - e^y * sum(g) */
RV_API rv_tensor *rv_log_softmax(rv_tensor *x, int axis);
/* The mean over samples of -log_softmax(logits)[label]: logits [n, classes], labels I64 [n]; also
 * [n, classes, d..] with labels [n, d..]. Computed as log(sum(e^(x - max))) - (x[label] - max).
 * Errors: a label out of range (which, where), no sample.  g * (softmax - one_hot(label)) / n */
RV_API rv_tensor *rv_cross_entropy(rv_tensor *logits, rv_tensor *labels);
/* mean((x - target)^2); shapes must be equal.  2*g*(x - target)/numel, and its negative */
RV_API rv_tensor *rv_mse(rv_tensor *x, rv_tensor *target);

/* Each element is 0 with probability p in [0, 1], else x / (1 - p) (inverted dropout, Srivastava et
 * al. 2014; what is kept is decided by 32 random bits an element). p 0 returns x, 1 zeros. Draws
 * from the generator (core/random.h).  g, dropped alike */
RV_API rv_tensor *rv_dropout(rv_tensor *x, double p);
/* The same from a given place of the generator, so that it can be drawn again. */
RV_API rv_tensor *rv_dropout_at(rv_tensor *x, double p, rv_random_place place);

RV_END_C

#endif

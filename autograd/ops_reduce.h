/* ops_reduce.h - operations that fold axes away.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_REDUCE_H
#define RV_AUTOGRAD_OPS_REDUCE_H

#include "core/tensor.h"

RV_BEGIN_C

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

RV_END_C

#endif

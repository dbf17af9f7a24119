/* reduce.h - folding axes of a tensor into one element each. For those who write operations. */
#ifndef RV_CORE_REDUCE_H
#define RV_CORE_REDUCE_H

#include "core/kernels/kernels.h"

RV_BEGIN_C

/* A set of axes: bit i is axis i. */
typedef uint32_t rv_axis_set;

/* Folds the axes of `axes`; with keepdim they stay as size 1. The result has t's dtype, but
 * that a sum of U8 is I64. Sums are accumulated in double (F32, F64) in an order that the shape
 * alone decides; those of I64 wrap around. An empty sum is 0, the max of an empty axis an error.
 * NaN wins a max. The result is row-major. */
RV_API rv_tensor *rv_reduce(const char *who, rv_fold_id fold, const rv_tensor *t, rv_axis_set axes,
                            bool keepdim);

/* The index (I64) of the largest element along one axis: the first of equals; NaN counts as
 * largest. An empty axis is an error. */
RV_API rv_tensor *rv_reduce_argmax(const char *who, const rv_tensor *t, int axis, bool keepdim);

RV_END_C

#endif

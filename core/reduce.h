/* reduce.h - folding axes of a tensor into one element each. For those who write operations. */
#ifndef RV_CORE_REDUCE_H
#define RV_CORE_REDUCE_H

#include "core/kernels/kernels.h"

RV_BEGIN_C

/* A set of axes: bit i is axis i. */
typedef uint32_t rv_axis_set;

/* Folds the axes of `axes`; with keepdim they stay as size 1. The result has t's dtype, but
 * that a sum or product of U8, and a count of anything, is I64. Sums and products are accumulated
 * in double (F32, F64) in an order that the shape alone decides; those of I64 wrap around. An empty
 * sum or count is 0, an empty product 1, the max or min of an empty axis an error. NaN wins a max
 * and a min. The result is row-major. */
RV_API rv_tensor *rv_reduce(const char *who, rv_fold_id fold, const rv_tensor *t, rv_axis_set axes,
                            bool keepdim);

/* What becomes of a total in double, before it is rounded to the result's dtype. */
typedef enum rv_fold_finish {
    RV_FINISH_none,
    RV_FINISH_divide, /* total / number */
    RV_FINISH_root,   /* sqrt(total / number) */
    RV_FINISH_log,    /* log(total) + center, an infinite center counting as 0 */
    RV_FINISH_power   /* center * total^(1/number); the center itself if it is 0, inf or NaN */
} rv_fold_finish;

/* More than one number to a fold. What is not set is 0, which means: not used. */
typedef struct rv_folding {
    rv_fold_id fold;              /* without centers */
    rv_centered_fold_id centered; /* with centers; t is then F32 or F64 */
    const rv_tensor *centers;     /* one for each result: F64, row-major; NULL: there are none */
    rv_fold_finish finish;        /* only where the accumulators are double */
    double number;                /* for `finish`, and the p of powers */
    bool as_f64;                  /* the result is F64, whatever t is */
} rv_folding;

/* rv_reduce with all of that. */
RV_API rv_tensor *rv_reduce_with(const char *who, const rv_folding *how, const rv_tensor *t,
                                 rv_axis_set axes, bool keepdim);

/* The index (I64) of the largest, or smallest, element along one axis: the first of equals; NaN
 * counts as both. An empty axis is an error. */
RV_API rv_tensor *rv_reduce_argmax(const char *who, const rv_tensor *t, int axis, bool keepdim);
RV_API rv_tensor *rv_reduce_argmin(const char *who, const rv_tensor *t, int axis, bool keepdim);

RV_END_C

#endif

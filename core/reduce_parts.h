/* reduce_parts.h - what the reductions and the searches share. Private to core/. */
#ifndef RV_CORE_REDUCE_PARTS_H
#define RV_CORE_REDUCE_PARTS_H

#include "core/reduce.h"
#include "core/strided.h"

#define RV_REDUCE_PIECE 32768 /* elements that a piece reads, about */

/* Room for one accumulator, of whatever type. */
typedef union rv_total {
    double f64;
    float f32;
    int64_t i64;
    uint8_t u8;
} rv_total;

/* What a fold starts from, in its accumulators' type. */
rv_total rv_reduce_start(rv_fold_id fold, rv_dtype dtype);

/* Whether t can be folded along `axes`; false with an error. */
bool rv_reduce_check(const char *who, rv_fold_id fold, const rv_tensor *t, rv_axis_set axes);

/* A row-major tensor with the shape of t, but for the axes that go or become 1. */
rv_tensor *rv_reduce_result(const char *who, rv_dtype dtype, const rv_tensor *t, rv_axis_set axes,
                            bool keepdim);

/* Walks over the axes of t that are kept, together with two row-major operands of elements of
 * `size` and of 8 bytes, and over those that are folded. */
void rv_reduce_part_axes(const rv_tensor *t, rv_axis_set axes, int64_t size, rv_walk *kept,
                         rv_walk *folded);

#endif

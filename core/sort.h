/* sort.h - the order of elements along one axis. For those who write operations. */
#ifndef RV_CORE_SORT_H
#define RV_CORE_SORT_H

#include "core/tensor.h"

RV_BEGIN_C

/* The first `count` elements along `axis` (at most as many as it has) in ascending or descending
 * order, and where they stood: new row-major tensors. NaN counts as the largest, -0 as 0, and
 * equals stay in the order in which they came. `values` may be NULL. False with an error. */
RV_API bool rv_sort_along(const char *who, const rv_tensor *t, int axis, int64_t count,
                          bool descending, rv_tensor **values, rv_tensor **indices);

RV_END_C

#endif

/* indexed.h - elements that an index names along one axis. For those who write operations.
 *
 * `index` is an I64 tensor, and as long as what lies along it in every axis: strides of 0 make one
 * index count for whole rows. Each of its elements takes the place of the coordinate `axis`; beside
 * that axis no size is larger than that of the tensor which is indexed. 0-d tensors count as 1-d.
 *
 * Both return false, without an error, if an index is out of range; what it names is left alone.
 */
#ifndef RV_CORE_INDEXED_H
#define RV_CORE_INDEXED_H

#include "core/tensor.h"

RV_BEGIN_C

/* y[i,j,..] = x[.., index[i,j,..], ..], of one dtype. */
RV_API bool rv_take(rv_tensor *y, const rv_tensor *x, int axis, const rv_tensor *index);

/* y[.., index[i,j,..], ..] += source[i,j,..], of one dtype. What is added to the same element is
 * added in the order of the index along `axis`, for any number of threads. */
RV_API bool rv_put_add(rv_tensor *y, int axis, const rv_tensor *index, const rv_tensor *source);

/* The error that the above did not make: names the first index that is not in [0, size), and where
 * it stands. NULL. */
RV_API void *rv_fail_index(const char *who, const rv_tensor *index, int64_t size);

RV_END_C

#endif

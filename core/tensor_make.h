/* tensor_make.h - making a tensor under the caller's name. Private to core/. */
#ifndef RV_CORE_TENSOR_MAKE_H
#define RV_CORE_TENSOR_MAKE_H

#include "core/tensor.h"

/* Whether freed memory is recycled (core/memory.h); also says whether ended tensors are kept. */
#ifndef RV_RECYCLE
#define RV_RECYCLE 1
#endif

/* An uninitialized row-major tensor; errors are recorded under `who`. */
rv_tensor *rv_make(const char *who, rv_dtype dtype, int ndim, const int64_t *shape);

/* The same with the shape of `t` and its order of memory, as rv_empty_like. */
rv_tensor *rv_make_like(const char *who, const rv_tensor *t, rv_dtype dtype);

/* Whether every element of `t` can be held by the integer dtype `to`; false with an error. */
bool rv_check_fits(const char *who, const rv_tensor *t, rv_dtype to);

#endif

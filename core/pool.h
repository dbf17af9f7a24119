/* pool.h - running the kernels of pooling over whole tensors. For those who write operations.
 *
 * Axes 2 and 3 of x [n, channels, height, width] are pooled. Row-major and channels-last are taken
 * as they are, and what is made of them lies likewise; anything else is copied first.
 */
#ifndef RV_CORE_POOL_H
#define RV_CORE_POOL_H

#include "core/kernels/kernels.h"

RV_BEGIN_C

/* The dtype of the places that rv_pool_max gives: U8 if the kernel has so few, else I64. */
RV_API rv_dtype rv_pool_place_dtype(const rv_pool *pool);

/* `pool` says all but inner, is_quads and wide, which follow. The largest elements, and their
 * places, which lie as they do. False with an error under `who`. */
RV_API bool rv_pool_max(const char *who, const rv_pool *pool, const rv_tensor *x, rv_tensor **y,
                        rv_tensor **places);
/* A tensor [n, channels, in[0], in[1]] of zeros, with g added at its places, which must be ones
 * that rv_pool_max gives; and x at those places. */
RV_API rv_tensor *rv_pool_max_grad(const char *who, const rv_pool *pool, const rv_tensor *g,
                                   const rv_tensor *places);
RV_API rv_tensor *rv_pool_max_at(const char *who, const rv_pool *pool, const rv_tensor *x,
                                 const rv_tensor *places);

/* Places as indices, I64: row*width + column in the plane, as PyTorch gives them; and back: NULL
 * with an error for an index that is not in its window. */
RV_API rv_tensor *rv_pool_indices_of(const char *who, const rv_pool *pool, const rv_tensor *places);
RV_API rv_tensor *rv_pool_places_of(const char *who, const rv_pool *pool, const rv_tensor *indices);

/* x mapped along axis 2 by maps[0], then along axis 3 by maps[1] (their `inner` is not used; NULL:
 * as it is). */
RV_API rv_tensor *rv_pool_map(const char *who, const rv_axis_map *const maps[2],
                              const rv_tensor *x);

RV_END_C

#endif

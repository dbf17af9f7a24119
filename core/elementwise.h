/* elementwise.h - running an inner loop over whole tensors.
 *
 * For those who write operations. Inputs are broadcast as in NumPy: shapes are aligned at their
 * last axes, and an axis of size 1 is repeated. The result lies in memory as its first input of
 * full shape does, if that has neither gaps nor overlaps; else row-major. Neighbouring axes that
 * step alike are merged, and large results are cut into pieces for the threads.
 */
#ifndef RV_CORE_ELEMENTWISE_H
#define RV_CORE_ELEMENTWISE_H

#include "core/kernels/kernels.h"

RV_BEGIN_C

/* A new tensor: loop `id` over n inputs, broadcast together. NULL with an error under `who` for
 * NULL inputs, shapes that do not broadcast, dtypes that differ (where's condition is U8 apart), a
 * dtype that the loop does not have. */
RV_API rv_tensor *rv_elementwise(const char *who, rv_loop_id id, int n, rv_tensor *const *in);

/* Runs `loop` with out's memory as result; inputs must broadcast to out's shape, and may be out
 * itself. No checks but those; out's version is not raised. */
RV_API bool rv_elementwise_into(const char *who, rv_loop *loop, rv_tensor *out, int n,
                                const rv_tensor *const *in);

/* The shape that n tensors broadcast to. False with an error under `who`. */
RV_API bool rv_broadcast_shape(const char *who, int n, rv_tensor *const *in, int *ndim,
                               int64_t shape[RV_MAX_DIMENSIONS]);

RV_END_C

#endif

/* anomaly.h - which operation made the first NaN?
 *
 *     {
 *         RV_DETECT_ANOMALY;
 *         rv_backward(loss_of(net, batch));
 *     }
 *     puts(rv_error());
 *     // sqrt: its derivative gave inf for input 0, at [2] of [4], in the walk of backward; it was
 *     // made by div: its output [4] has inf at [2]; there, input 0 has 1, input 1 has 0
 *
 * While a thread detects, each operation looks at its result when it is done: a NaN that no input
 * has, or an infinity where all inputs are finite, is an error (RV_ERROR_NOT_FINITE) that says
 * which operation, where in its result, and what stands there in its inputs; the operation returns
 * NULL. So what came in with the data (an infinity in a mask) or was made before is not blamed on
 * the operation that passes it on. Operations that were told to write an infinity (pad with
 * -INFINITY) are named too.
 *
 * In a walk, the same is asked of what each derivative gives, against the gradients it was given
 * and the tensors it saved: the error names the operation whose derivative it is, which input's
 * gradient, and the first operation in it that made what the derivative gave. Within a derivative,
 * what a later operation takes out again (a where) is no anomaly. A sum of gradients that overflows
 * is add's.
 *
 * Looked at are operations (what is in operations.h, and custom ones), recorded or not, in forward
 * and backward; not tensors as they are made, changes in place, optimizers' steps. Turn it on
 * around both passes, and off for speed: every result is read once more. Off, it costs nothing.
 *
 * Per thread: whether it detects.
 */
#ifndef RV_AUTOGRAD_ANOMALY_H
#define RV_AUTOGRAD_ANOMALY_H

#include "core/tensor.h"

RV_BEGIN_C

/* Turns it on or off for the calling thread (off at first), and returns what it was. */
RV_API bool rv_detect_anomaly(bool on);

/* Turns it on to the end of the enclosing block; nests. */
#define RV_DETECT_ANOMALY          \
    RV_CLEANUP(rv_anomaly_restore) \
    __attribute__((unused)) bool RV_JOIN(rv_detected_, __LINE__) = rv_detect_anomaly(true)

/* Sets it to what it was: the end of RV_DETECT_ANOMALY. */
RV_API void rv_anomaly_restore(bool *was);

RV_END_C

#endif

/* anomaly_check.h - looking at results for NaN and infinities. Private to autograd/.
 *
 * Called only while the thread detects (RV_MODE_DETECTING in rv_thread_mode()).
 */
#ifndef RV_AUTOGRAD_ANOMALY_CHECK_H
#define RV_AUTOGRAD_ANOMALY_CHECK_H

#include "autograd/anomaly.h"
#include "autograd/op.h"

/* What the first operation of a derivative that made something not finite has to say of itself:
 * whether it matters is known when the derivative is done. */
typedef struct rv_anomaly_note {
    char text[400];                  /* empty: there was none */
    struct rv_anomaly_note *outside; /* of the derivative that this one is called in */
} rv_anomaly_note;

/* Whether an operation's outputs are no worse than its inputs. False with an error; within a
 * derivative it only takes note, and is true. */
bool rv_anomaly_check(const rv_op *op, int outputs, rv_tensor *const *out, int inputs,
                      rv_tensor *const *in);

/* Before and after a derivative is called: operations take note meanwhile. The second says whether
 * the gradients that it gave are no worse than what it was given; false with an error. */
void rv_anomaly_enter(rv_anomaly_note *note);
bool rv_anomaly_leave(rv_anomaly_note *note, const char *walk, const rv_derivative *d);

#endif

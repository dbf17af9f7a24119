/* parts.h - a large sum in parts: on all threads, in little memory, differentiable.
 *
 *     static rv_tensor *loss_of_part(void *context, int64_t part)
 *     {
 *         const struct task *t = context;
 *         const int64_t first = 500 * part;
 *         rv_tensor *x = rv_slice(t->x, 0, first, first + 500); // 500 samples
 *         return rv_sum(rv_square(residual(t->net, x)));
 *     }
 *
 *     rv_tensor *loss = rv_sum_parts(loss_of_part, &task, rv_parameters(net), 20);
 *     rv_backward(loss);
 *
 * Each part's graph is built, walked, and gone before the next one's: what a part computes stays in
 * the processor's cache, and memory is that of a few parts, however many samples there are. Parts
 * run on all threads at once, each on one, which suits small networks, whose single operations
 * are too little work for two. A loss that is a mean over samples is such a sum too.
 */
#ifndef RV_AUTOGRAD_PARTS_H
#define RV_AUTOGRAD_PARTS_H

#include "autograd/graph.h"

RV_BEGIN_C

/* Part `part`: a tensor that the scope of the call owns; NULL with an error if it fails. Called on
 * any thread, several at once. It may read what it shares with others, parameters and data, and
 * must change nothing, so no batch normalization in training mode, and no dropout; and it must give
 * the same each time. */
typedef rv_tensor *rv_part(void *context, int64_t part);

typedef struct rv_sum_parts_options {
    rv_part *part; /* required: gives floating tensors of one element, all of one dtype */
    void *context;
    rv_tensors inputs; /* what the sum is differentiated with respect to */
    int64_t parts;     /* >= 1 */
} rv_sum_parts_options;

/* rv_sum_parts(part, context, inputs, parts): the sum of all parts, 0-d, added in their order in
 * double precision, so the same for any number of threads. If operations are recorded and an input
 * requires a gradient, the gradients with respect to all inputs are computed at once, and are what
 * rv_backward and rv_gradients find. Parts reach inputs by themselves, as a loss reaches its
 * network's parameters; what else requires a gradient is a constant here. An input that no part
 * uses has a gradient of zeros.
 *
 * Under create_graph it can be differentiated again, to any order: the parts are then computed anew
 * from the inputs, which must not have been changed since (RV_ERROR_CHANGED), and `context` must
 * still be there. Hooks on inputs see each part's gradient, on its thread.
 *
 * Gradients are added in at most 32 groups of neighbouring parts, and then those: memory for as
 * many gradients, but not more than 256 MiB of them.
 *
 * NULL with an error: the function or an input NULL, no inputs, one that is not floating; parts <
 * 1; a part that fails, or gives something else. */
#define rv_sum_parts(...) RV_OPTIONS(rv_sum_parts_with, rv_sum_parts_options, .part = __VA_ARGS__)
RV_API rv_tensor *rv_sum_parts_with(const rv_sum_parts_options *options);

/* What the parts give, on all threads: one behind the other along axis 0 (rv_cat). Not recorded;
 * inside a part, operations are recorded as they are outside of this call. For a Jacobian's rows,
 * or the values of many samples. NULL with an error: the function NULL, parts < 1, a part that
 * fails, shapes or dtypes that do not fit. */
RV_API rv_tensor *rv_cat_parts(rv_part *part, void *context, int64_t parts);

RV_END_C

#endif

/* hook.h - to see a gradient as it passes, to change it, and to keep it.
 *
 *     static rv_tensor *clip(rv_tensor *g, void *context)
 *     {
 *         const double *limit = context;
 *         const double norm = rv_item(rv_norm(g));
 *         return norm > *limit ? rv_mul_scalar(g, *limit / norm) : g;
 *     }
 *     static double limit = 1;
 *     rv_on_gradient(hidden, clip, &limit);
 *     rv_backward(loss);
 *
 * A hook belongs to the tensor's place in the graph: a leaf's is called in every walk until it is
 * removed, an intermediate tensor's goes with the graph. Threads may walk one graph at once; adding
 * and removing hooks meanwhile is not for other threads, but a hook itself may do both (what it
 * changes counts from the next gradient on).
 */
#ifndef RV_AUTOGRAD_HOOK_H
#define RV_AUTOGRAD_HOOK_H

#include "core/tensor.h"

RV_BEGIN_C

/* Given the gradient of a tensor, returns what goes on in its place: g itself if it only looks,
 * else a tensor of the same shape and dtype. NULL is an error, and ends the walk. g is not to be
 * changed in place. */
typedef rv_tensor *rv_gradient_hook(rv_tensor *g, void *context);

typedef struct rv_on_gradient_options {
    rv_tensor *tensor; /* a leaf, or computed from one */
    rv_gradient_hook *hook;
    void *context;                  /* handed to hook; default NULL */
    void (*release)(void *context); /* called once, when the hook is removed or its graph is gone,
                                       also if this call fails; default NULL: nobody is told */
} rv_on_gradient_options;

/* rv_on_gradient(t, hook, context): from now on, hook sees the gradient of t in every rv_backward
 * and rv_gradients that computes it, also when t is one of their ys or xs: the whole gradient,
 * summed over all that t is used for, before it is handed on, accumulated or returned. For a leaf
 * that is what the walk adds to rv_grad(t), not the sum. Hooks of one tensor are called in the
 * order they were added, each with what the one before returned. They run with recording on under
 * create_graph, and off otherwise. False with an error if t requires no gradient, hook is NULL, or
 * memory is out. PyTorch's register_hook. */
#define rv_on_gradient(...) \
    RV_OPTIONS(rv_on_gradient_with, rv_on_gradient_options, .tensor = __VA_ARGS__)
RV_API bool rv_on_gradient_with(const rv_on_gradient_options *options);

/* Removes the hook that was added last with this function and this context. False with an error if
 * t has none such. */
RV_API bool rv_off_gradient(rv_tensor *t, rv_gradient_hook *hook, const void *context);

/* Lets rv_backward accumulate a gradient for t as it does for leaves, though t was computed from
 * others, and returns t: rv_grad(t) is that gradient as long as t itself is there, as it is after
 * all hooks; rv_zero_grad and rv_set_grad work too. For a leaf it changes nothing. NULL with an
 * error if t requires no gradient. (For one look, rv_gradients with t among the xs does without.)
 * PyTorch's retain_grad. */
RV_API rv_tensor *rv_retain_grad(rv_tensor *t);

RV_END_C

#endif

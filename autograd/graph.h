/* graph.h - gradients: who requires one, and walking the graph backwards.
 *
 * A leaf is a tensor that rv_require_grad was called on: a parameter. What is computed from it is
 * recorded as a graph of nodes, one for each operation; rv_backward walks that graph from a loss to
 * the leaves (Linnainmaa 1970). Edges go to nodes, not tensors, so there are no cycles, and a graph
 * lives as long as a tensor that came from it.
 *
 * Per thread: whether operations are recorded.
 */
#ifndef RV_AUTOGRAD_GRAPH_H
#define RV_AUTOGRAD_GRAPH_H

#include "core/tensor.h"

RV_BEGIN_C

/* A function from tensors to a tensor of any shape, built from operations; NULL means it failed. */
typedef rv_tensor *rv_function(rv_tensor **in, void *context);

/* The same of parameters that it reaches by itself: a network's loss. */
typedef rv_tensor *rv_closure(void *context);

/* RV_CALLED(f), in an options struct with both fields, sets .function or .closure: f is one or the
 * other. */
#define RV_CALLED(f)                               \
    .function = _Generic((f), rv_closure *         \
                         : rv_no_function, default \
                         : rv_the_function)(f),    \
    .closure = _Generic((f), rv_closure *          \
                        : rv_the_closure, default  \
                        : rv_no_closure)(f)
static inline rv_function *rv_the_function(rv_function *f)
{
    return f;
}
static inline rv_function *rv_no_function(rv_closure *f)
{
    (void)f;
    return NULL;
}
static inline rv_closure *rv_the_closure(rv_closure *f)
{
    return f;
}
static inline rv_closure *rv_no_closure(rv_function *f)
{
    (void)f;
    return NULL;
}

/* Makes t a leaf that gradients are accumulated for, and returns it; t must be floating and not
 * itself computed from such a leaf (NULL with an error). Doing it twice is no error. */
RV_API rv_tensor *rv_require_grad(rv_tensor *t);

/* Takes that back, and returns t: a parameter that is not to be learned any more. Its gradient
 * goes; graphs that were recorded before can still be walked, and leave no gradient here. For what
 * is no leaf, nor computed from one, nothing changes. NULL with an error if t was computed from
 * others that require a gradient (rv_detach gives what was not). PyTorch's requires_grad_(False).
 */
RV_API rv_tensor *rv_require_no_grad(rv_tensor *t);

/* Whether t is such a leaf or was computed from one. False for NULL. */
RV_API bool rv_requires_grad(const rv_tensor *t);

/* The gradient that backward accumulated for the leaf t, or another tensor whose gradient is kept
 * (rv_retain_grad in hook.h): of t's shape and dtype, held with t and valid until the next
 * rv_backward, rv_zero_grad, rv_set_grad or step; NULL if there is none. No error. */
RV_API rv_tensor *rv_grad(const rv_tensor *t);

/* Drops that gradient (as PyTorch's set_to_none). */
RV_API bool rv_zero_grad(rv_tensor *t);

/* Puts g (t's shape and dtype; NULL: none) in place of that gradient. False with an error if t's is
 * not kept. */
RV_API bool rv_set_grad(rv_tensor *t, rv_tensor *g);

/* The same elements, not connected to the graph: a view. NULL with an error for NULL. */
RV_API rv_tensor *rv_detach(rv_tensor *t);

/* Turns recording off to the end of the enclosing block; nests. */
#define RV_NO_GRAD                   \
    RV_CLEANUP(rv_recording_restore) \
    __attribute__((unused)) bool RV_JOIN(rv_recorded_, __LINE__) = rv_set_recording(false)

/* Sets recording to what it was: the end of RV_NO_GRAD. */
RV_API void rv_recording_restore(bool *was);

typedef struct rv_backward_options {
    rv_tensor *of;       /* what is differentiated */
    rv_tensor *gradient; /* its gradient, of the same shape and dtype; default NULL: 1, and `of`
                            must have one element */
    bool retain_graph;   /* default false: what the walk used is freed; walking again is an error */
    bool create_graph;   /* default false; true: record the walk, to differentiate it again
                            (retains the graph too) */
} rv_backward_options;

/* rv_backward(loss): adds d(loss)/d(leaf) to the gradient of every leaf that loss was computed
 * from. Leaves change only if the whole walk succeeds. Errors: loss NULL, not of one element
 * without .gradient, not computed from a leaf; a graph that was walked before; a tensor that a
 * derivative needs changed in place since (RV_ERROR_CHANGED); what a derivative or a hook itself
 * reports. */
#define rv_backward(...) RV_OPTIONS(rv_backward_with, rv_backward_options, .of = __VA_ARGS__)
RV_API bool rv_backward_with(const rv_backward_options *options);

typedef struct rv_gradients_options {
    rv_tensor *const *ys; /* what is differentiated: the sum of all their elements, */
    int ny;
    rv_tensor *const *xs; /* with respect to these: leaves, or anything computed on the way */
    int nx;
    rv_tensor *const *gradients; /* [ny] weights of ys' elements; default NULL: each y has one
                                    element, and weight 1; an entry may be NULL likewise */
    bool retain_graph;           /* default false, as rv_backward's */
    bool create_graph;           /* default false, as rv_backward's */
    bool allow_unused; /* default false: an x that no y depends on is an error; true: its gradient
                          is NULL */
} rv_gradients_options;

/* rv_gradients(ys, ny, xs, nx, .create_graph = true): the gradients of ys with respect to xs, an
 * array [nx] that the innermost scope owns together with the tensors in it. Leaves' own gradients
 * are not touched. NULL with an error. */
#define rv_gradients(...) RV_OPTIONS(rv_gradients_with, rv_gradients_options, .ys = __VA_ARGS__)
RV_API rv_tensor **rv_gradients_with(const rv_gradients_options *options);

RV_END_C

#endif

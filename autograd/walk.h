/* walk.h - one walk of the graph. Private to autograd/.
 *
 * All that a walk knows stands in its own table, none of it in the nodes: several threads may walk
 * graphs that share nodes, and a walk that fails leaves nothing behind.
 */
#ifndef RV_AUTOGRAD_WALK_H
#define RV_AUTOGRAD_WALK_H

#include "autograd/node.h"

/* What the walk knows of a node. */
typedef struct rv_visit {
    rv_node *node;
    int64_t waits; /* edges into it whose gradient has not come yet */
    int64_t grads; /* where its outputs' gradients stand in walk.grads */
    bool target;   /* its gradient is wanted */
    bool useful;   /* a target, or above one */
    bool passed;   /* something below it is useful: its derivative is called */
    bool explored;
} rv_visit;

typedef struct rv_graph_walk {
    const char *who;
    bool create_graph, retain_graph;
    bool detecting;   /* what derivatives give is looked at for NaN and infinities */
    rv_visit *visits; /* in the order of first sight */
    int64_t visit_count, visit_capacity;
    rv_tensor **grads; /* gradients of outputs, each held; NULL where none came yet */
    int64_t grad_count, grad_capacity;
    int64_t *slots; /* hash table: index of a visit, or -1; a power of two of them */
    int64_t slot_count;
    int64_t *stack; /* explored but unfinished visits, or those that are ready */
    int64_t stack_count, stack_capacity;
} rv_graph_walk;

/* An array of n tensors, all NULL, that the innermost scope owns (n is not negative). */
rv_tensor **rv_graph_array(int64_t n);

/* The visit of a node, a new one if it has none; -1 with an error if memory is out. */
int64_t rv_graph_visit(rv_graph_walk *walk, rv_node *node);

/* Explores everything below a root: counts edges, and finds out what is useful; targets must be
 * marked before, unless every leaf is one (`leaves`). False with an error, also if a node was
 * walked and released before. */
bool rv_graph_explore(rv_graph_walk *walk, int64_t root, bool leaves);

/* Adds g to the gradient of a visit's output, after checking dtype and summing it down to the
 * output's shape. */
bool rv_graph_add(rv_graph_walk *walk, const char *who, int64_t visit, int output, rv_tensor *g);

/* Calls the derivatives from the roots, which have been given their gradients, down. */
bool rv_graph_run(rv_graph_walk *walk);

/* Releases the gradients and the table. */
void rv_graph_end(rv_graph_walk *walk);

#endif

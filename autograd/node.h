/* node.h - what a node of the graph is. Private to autograd/.
 *
 *     tensor ---> node ---> edges to the nodes of its inputs ---> ... ---> leaves
 *
 * A node is one block of memory: this header, then its edges, outputs, saved tensors, attributes.
 * A leaf has no operation and no edges; it holds the gradient that backward accumulates.
 */
#ifndef RV_AUTOGRAD_NODE_H
#define RV_AUTOGRAD_NODE_H

#include "autograd/op.h"

typedef struct rv_node rv_node;
typedef struct rv_hook_list rv_hook_list; /* hook_list.h */

/* Where an input came from: output `output` of `node`; no node if it requires no gradient. */
typedef struct rv_edge {
    rv_node *node;
    int32_t output;
} rv_edge;

/* Dtype and shape of an output. */
typedef struct rv_form {
    rv_dtype dtype;
    int32_t ndim;
    int64_t shape[RV_MAX_DIMENSIONS]; /* [ndim] */
} rv_form;

/* A tensor that the derivative needs again: its storage, how it was seen, and where it came from.
 * An output's `source` is the node itself, and not counted: that would be a cycle. */
typedef struct rv_saved {
    rv_storage *storage; /* NULL: was not to be saved, or is released */
    char *data;
    uint32_t version; /* of the storage when it was saved */
    rv_edge source;
    rv_form form;
    int64_t strides[RV_MAX_DIMENSIONS]; /* [form.ndim] */
} rv_saved;

struct rv_node {
    rv_object object;
    const rv_op *op; /* NULL: a leaf */
    union {
        rv_tensor *grad; /* a leaf's gradient, or NULL */
        rv_node *next;   /* while nodes are being freed: the next one to free */
    };
    int32_t inputs, outputs;
    int32_t saved_count; /* inputs' first, in their order, then outputs' */
    bool walked;         /* backward was here and released what was saved */
    bool is_alone;       /* a leaf whose tensor is gone: it accumulates no gradient any more */
    uint32_t bytes;      /* of the whole block */
    rv_edge *edges;      /* [inputs] */
    rv_form *forms;      /* [outputs] */
    rv_saved *saved;     /* [saved_count] */
    void *attributes;    /* NULL if there are none */
    rv_hook_list *hooks; /* what sees its outputs' gradients; NULL if nothing does */
};

/* A tensor's node, NULL if it requires no gradient. */
static inline rv_node *rv_node_of(const rv_tensor *t)
{
    return (rv_node *)t->node;
}

/* Lets t, which has no node, be output `output` of a node. */
void rv_node_connect(rv_tensor *t, rv_node *node, int output);

/* A tensor's `ending`: with a tensor whose gradient is kept goes the gradient, which may have been
 * recorded and then refers to the tensor's node, so that no cycle stays. */
void rv_gradient_ending(rv_tensor *t);

/* hook.c: drops a node's hooks; NULL is ignored. */
void rv_hooks_free(rv_hook_list *hooks);

/* Frees what the derivative would have needed; the node can no longer be walked. */
void rv_node_release_saved(rv_node *node);

#endif

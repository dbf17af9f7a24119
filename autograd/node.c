/* node.c - recording: nodes, what they save, and how they are freed without recursion. */

#include "autograd/node.h"

#include <string.h>

#include "autograd/anomaly_check.h"
#include "autograd/graph.h"
#include "autograd/hook_list.h"
#include "core/memory.h"

/* ---- freeing -------------------------------------------------------------------------------- */

/* Drops a reference to a node; if it was the last, the node joins the list of those to free. */
static void drop(rv_node *node, rv_node **to_free)
{
    if (node == NULL || !rv_object_drop(&node->object))
        return;
    if (node->op == NULL) {
        rv_release(node->grad);
        node->grad = NULL;
    }
    node->next = *to_free;
    *to_free = node;
}

static void release_saved(rv_node *node, rv_node **to_free)
{
    for (int i = 0; i < node->saved_count; i++) {
        rv_saved *saved = &node->saved[i];
        if (saved->storage == NULL)
            continue;
        rv_storage_release(saved->storage);
        saved->storage = NULL;
        if (saved->source.node != node)
            drop(saved->source.node, to_free);
    }
}

/* A chain of a million nodes must not overflow the C stack: nodes that lose their last reference
 * are queued, and freed one after the other. */
static void free_queued(rv_node *queue)
{
    while (queue != NULL) {
        rv_node *node = queue;
        queue = node->next;
        release_saved(node, &queue);
        for (int i = 0; i < node->inputs; i++)
            drop(node->edges[i].node, &queue);
        rv_hooks_free(node->hooks);
        if (node->op != NULL && node->op->release != NULL)
            node->op->release(node->attributes); /* the descriptor itself may go with that */
        node->object.mark = RV_OBJECT_ENDED;
        rv_memory_put(node, node->bytes);
    }
}

static void node_destroy(rv_object *object)
{
    rv_node *node = (rv_node *)object;
    if (node->op == NULL)
        rv_release(node->grad);
    node->next = NULL;
    free_queued(node);
}

void rv_node_release_saved(rv_node *node)
{
    rv_node *queue = NULL;
    release_saved(node, &queue);
    free_queued(queue);
}

static const rv_object_class node_class = {.kind = "node", .destroy = node_destroy};

/* ---- making --------------------------------------------------------------------------------- */

static size_t align8(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

static rv_node *node_new(const rv_op *op, int inputs, int outputs, int saved, size_t attributes)
{
    const size_t edges_at = sizeof(rv_node);
    const size_t forms_at = edges_at + (size_t)inputs * sizeof(rv_edge);
    const size_t saved_at = forms_at + (size_t)outputs * sizeof(rv_form);
    const size_t attributes_at = saved_at + (size_t)saved * sizeof(rv_saved);
    const size_t bytes = align8(attributes_at + attributes);
    char *block = rv_memory_get(op != NULL ? op->name : "require_grad", bytes);
    if (block == NULL)
        return NULL;
    rv_node *node = (rv_node *)(void *)block;
    rv_object_init(&node->object, &node_class);
    node->op = op;
    node->grad = NULL;
    node->inputs = inputs;
    node->outputs = outputs;
    node->saved_count = saved;
    node->walked = false;
    node->is_alone = false;
    node->hooks = NULL;
    node->bytes = (uint32_t)bytes;
    node->edges = (rv_edge *)(void *)(block + edges_at);
    node->forms = (rv_form *)(void *)(block + forms_at);
    node->saved = (rv_saved *)(void *)(block + saved_at);
    node->attributes = attributes > 0 ? block + attributes_at : NULL;
    return node;
}

static void set_form(rv_form *form, const rv_tensor *t)
{
    form->dtype = t->dtype;
    form->ndim = t->ndim;
    for (int i = 0; i < t->ndim; i++)
        form->shape[i] = t->shape[i];
}

void rv_node_connect(rv_tensor *t, rv_node *node, int output)
{
    rv_object_retain(&node->object);
    t->node = &node->object;
    t->node_output = output;
}

static void save(rv_saved *saved, const rv_tensor *t, rv_edge source)
{
    rv_storage_retain(t->storage);
    saved->storage = t->storage;
    saved->data = t->data;
    saved->version = rv_storage_version(t->storage);
    saved->source = source;
    set_form(&saved->form, t);
    for (int i = 0; i < t->ndim; i++)
        saved->strides[i] = t->strides[i];
}

/* ---- leaves --------------------------------------------------------------------------------- */

void rv_gradient_ending(rv_tensor *t)
{
    rv_node *node = rv_node_of(t);
    if (node->op != NULL) {
        rv_hooks_keep_no_more(node, t->node_output);
        return;
    }
    rv_tensor *grad = node->grad;
    node->is_alone = true;
    node->grad = NULL;
    rv_release(grad);
}

rv_tensor *rv_require_grad(rv_tensor *t)
{
    const char *who = "require_grad";
    if (!rv_check(who, 0, t))
        return NULL;
    if (!rv_dtype_is_floating(t->dtype))
        return rv_fail_null(RV_ERROR_DTYPE, who, "takes F32 or F64, not %s",
                            rv_dtype_name(t->dtype));
    if (t->node != NULL && rv_node_of(t)->op == NULL)
        return t;
    if (t->node != NULL)
        return rv_fail_null(RV_ERROR_GRAPH, who,
                            "the tensor was computed by %s from others that require a gradient "
                            "(rv_detach gives one that was not)",
                            rv_node_of(t)->op->name);
    rv_node *leaf = node_new(NULL, 0, 1, 0, 0);
    if (leaf == NULL)
        return NULL;
    set_form(leaf->forms, t);
    t->node = &leaf->object;
    t->node_output = 0;
    t->ending = rv_gradient_ending;
    return t;
}

rv_tensor *rv_require_no_grad(rv_tensor *t)
{
    const char *who = "require_no_grad";
    if (!rv_check(who, 0, t))
        return NULL;
    if (t->node == NULL)
        return t;
    if (rv_node_of(t)->op != NULL)
        return rv_fail_null(RV_ERROR_GRAPH, who,
                            "the tensor was computed by %s from others that require a gradient "
                            "(rv_detach gives one that was not)",
                            rv_node_of(t)->op->name);
    rv_gradient_ending(t);
    rv_object *leaf = t->node;
    t->node = NULL;
    t->ending = NULL;
    rv_object_release(leaf);
    return t;
}

bool rv_requires_grad(const rv_tensor *t)
{
    return t != NULL && t->node != NULL;
}

/* ---- recording ------------------------------------------------------------------------------ */

static bool any_requires_grad(int inputs, rv_tensor *const *in)
{
    for (int i = 0; i < inputs; i++)
        if (in[i] != NULL && in[i]->node != NULL)
            return true;
    return false;
}

static int count_saved(uint32_t saves, int inputs, int outputs)
{
    int count = saves & RV_SAVE_OUTPUT ? outputs : 0;
    for (int i = 0; i < inputs && i < 31; i++)
        count += (saves >> i) & 1;
    return count;
}

bool rv_record_many(const rv_op *op, int outputs, rv_tensor *const *out, int inputs,
                    rv_tensor *const *in, const void *attributes, size_t attribute_bytes)
{
    for (int i = 0; i < outputs; i++)
        if (RV_UNLIKELY(out[i] == NULL))
            return false;
    const unsigned mode = rv_thread_mode();
    if (RV_UNLIKELY(mode & RV_MODE_DETECTING) && !rv_anomaly_check(op, outputs, out, inputs, in))
        return false;
    if (op->derivative == RV_NOT_DIFFERENTIABLE || !(mode & RV_MODE_RECORDING) ||
        !any_requires_grad(inputs, in))
        return true;
    if (RV_UNLIKELY(op->arity != RV_ANY_NUMBER && op->arity != inputs))
        return rv_fail(RV_ERROR_GRAPH, op->name, "recorded with %d inputs; its arity is %d", inputs,
                       op->arity);
    for (int i = 0; i < outputs; i++)
        if (RV_UNLIKELY(out[i]->node != NULL))
            return rv_fail(RV_ERROR_GRAPH, op->name, "a result must be a fresh tensor");
    const int saved = count_saved(op->saves, inputs, outputs);
    rv_node *node = node_new(op, inputs, outputs, saved, attribute_bytes);
    if (node == NULL)
        return false;
    rv_saved *next = node->saved;
    for (int i = 0; i < inputs; i++) {
        rv_node *from = in[i] != NULL ? rv_node_of(in[i]) : NULL;
        node->edges[i] = (rv_edge){from, from != NULL ? in[i]->node_output : 0};
        if (from != NULL)
            rv_object_retain(&from->object);
        if (i >= 31 || !((op->saves >> i) & 1))
            continue;
        if (in[i] != NULL)
            save(next, in[i], node->edges[i]);
        else
            next->storage = NULL;
        if (in[i] != NULL && from != NULL)
            rv_object_retain(&from->object);
        next++;
    }
    for (int i = 0; i < outputs; i++) {
        set_form(&node->forms[i], out[i]);
        if (op->saves & RV_SAVE_OUTPUT)
            save(next++, out[i], (rv_edge){node, i});
        rv_node_connect(out[i], node, i);
    }
    if (attribute_bytes > 0)
        memcpy(node->attributes, attributes, attribute_bytes);
    rv_object_release(&node->object); /* the outputs hold it */
    return true;
}

rv_tensor *rv_record(const rv_op *op, rv_tensor *out, int inputs, rv_tensor *const *in,
                     const void *attributes, size_t attribute_bytes)
{
    return rv_record_many(op, 1, &out, inputs, in, attributes, attribute_bytes) ? out : NULL;
}

/* ---- what a derivative asks for ------------------------------------------------------------- */

static rv_tensor *restore(const rv_derivative *d, const rv_saved *saved, const char *what)
{
    const rv_node *node = d->node;
    if (saved->storage == NULL)
        return rv_fail_null(RV_ERROR_GRAPH, node->op->name, "%s was not saved", what);
    const rv_form *form = &saved->form;
    if (rv_storage_version(saved->storage) != saved->version)
        return rv_fail_null(RV_ERROR_CHANGED, node->op->name,
                            "%s, %s %s, which its derivative needs, was changed in place since",
                            what, rv_dtype_name(form->dtype),
                            rv_shape_text(RV_SHAPE_BUFFER, form->ndim, form->shape));
    rv_tensor *t = rv_raw_view(node->op->name, saved->storage, saved->data, form->dtype, form->ndim,
                               form->shape, saved->strides);
    if (t != NULL && saved->source.node != NULL)
        rv_node_connect(t, saved->source.node, saved->source.output);
    return t;
}

rv_tensor *rv_saved_input(rv_derivative *d, int i)
{
    const rv_node *node = d->node;
    const uint32_t saves = node->op->saves;
    if (i < 0 || i >= node->inputs || i >= 31 || !((saves >> i) & 1))
        return rv_fail_null(RV_ERROR_GRAPH, node->op->name, "input %d was not saved", i);
    char what[32] = "input  ";
    what[6] = (char)('0' + i % 10);
    return restore(d, &node->saved[count_saved(saves & ~RV_SAVE_OUTPUT, i, 0)], what);
}

rv_tensor *rv_saved_output(rv_derivative *d)
{
    return rv_saved_output_at(d, 0);
}

rv_tensor *rv_saved_output_at(rv_derivative *d, int i)
{
    const rv_node *node = d->node;
    if (!(node->op->saves & RV_SAVE_OUTPUT) || i < 0 || i >= node->outputs)
        return rv_fail_null(RV_ERROR_GRAPH, node->op->name, "output %d was not saved", i);
    return restore(d, &node->saved[node->saved_count - node->outputs + i], "the output");
}

rv_shape_of rv_input_shape(const rv_derivative *d, int i)
{
    const rv_edge edge = d->node->edges[i];
    const rv_form *form = &edge.node->forms[edge.output];
    return (rv_shape_of){form->ndim, form->dtype, form->shape};
}

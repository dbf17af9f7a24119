/* walk.c - reverse mode: explore the graph, then call each derivative once all gradients of its
 * node's outputs have come. Both passes keep a stack of their own. */

#include "autograd/walk.h"

#include <string.h>

#include "autograd/anomaly_check.h"
#include "autograd/hook_list.h"
#include "autograd/operations.h"
#include "core/elementwise.h"
#include "core/memory.h"

/* ---- the table ------------------------------------------------------------------------------ */

/* `array` with room for one more element, moved if need be; NULL with an error, and array as it
 * was. */
static void *grown(const rv_graph_walk *walk, void *array, int64_t count, int64_t *capacity,
                   size_t size)
{
    const int64_t wanted = *capacity > 0 ? count + 1 : 32;
    return rv_memory_reserve(walk->who, array, count, capacity, wanted, size);
}

rv_tensor **rv_graph_array(int64_t n)
{
    /* In the memory of a tensor, so that the scope owns it. */
    const int64_t shape[] = {n, (int64_t)sizeof(rv_tensor *)};
    rv_tensor *array = rv_zeros_n(RV_U8, 2, shape);
    return array != NULL ? (rv_tensor **)(void *)array->data : NULL;
}

/* The slot that holds `node`, or the empty one where it belongs. */
static int64_t find_slot(const rv_graph_walk *walk, const rv_node *node)
{
    const uint64_t mixed = ((uint64_t)(uintptr_t)node >> 6) * UINT64_C(0x9E3779B97F4A7C15);
    int64_t slot = (int64_t)((mixed >> 20) & (uint64_t)(walk->slot_count - 1));
    while (walk->slots[slot] >= 0 && walk->visits[walk->slots[slot]].node != node)
        slot = (slot + 1) & (walk->slot_count - 1);
    return slot;
}

/* Keeps the hash table at most half full. */
static bool reserve_slots(rv_graph_walk *walk)
{
    if (RV_LIKELY(2 * walk->visit_count < walk->slot_count))
        return true;
    const int64_t wanted = walk->slot_count > 0 ? 4 * walk->slot_count : 64;
    int64_t *slots = rv_memory_get(walk->who, (size_t)wanted * sizeof *slots);
    if (slots == NULL)
        return false;
    rv_memory_put(walk->slots, (size_t)walk->slot_count * sizeof *slots);
    walk->slots = slots;
    walk->slot_count = wanted;
    memset(slots, 0xff, (size_t)wanted * sizeof *slots);
    for (int64_t i = 0; i < walk->visit_count; i++)
        slots[find_slot(walk, walk->visits[i].node)] = i;
    return true;
}

int64_t rv_graph_visit(rv_graph_walk *walk, rv_node *node)
{
    if (!reserve_slots(walk))
        return -1;
    const int64_t slot = find_slot(walk, node);
    if (walk->slots[slot] >= 0)
        return walk->slots[slot];
    rv_visit *visits =
        grown(walk, walk->visits, walk->visit_count, &walk->visit_capacity, sizeof *visits);
    if (visits == NULL)
        return -1;
    walk->visits = visits;
    const int64_t first_grad = walk->grad_count;
    for (int i = 0; i < node->outputs; i++) {
        rv_tensor **grads =
            grown(walk, walk->grads, walk->grad_count, &walk->grad_capacity, sizeof *grads);
        if (grads == NULL)
            return -1;
        walk->grads = grads;
        grads[walk->grad_count++] = NULL;
    }
    rv_object_retain(&node->object);
    visits[walk->visit_count] = (rv_visit){.node = node, .grads = first_grad};
    walk->slots[slot] = walk->visit_count;
    return walk->visit_count++;
}

void rv_graph_end(rv_graph_walk *walk)
{
    for (int64_t i = 0; i < walk->grad_count; i++)
        rv_release(walk->grads[i]);
    for (int64_t i = 0; i < walk->visit_count; i++)
        rv_object_release(&walk->visits[i].node->object);
    rv_memory_put(walk->visits, (size_t)walk->visit_capacity * sizeof *walk->visits);
    rv_memory_put(walk->grads, (size_t)walk->grad_capacity * sizeof *walk->grads);
    rv_memory_put(walk->slots, (size_t)walk->slot_count * sizeof *walk->slots);
    rv_memory_put(walk->stack, (size_t)walk->stack_capacity * sizeof *walk->stack);
}

static bool push(rv_graph_walk *walk, int64_t entry)
{
    int64_t *stack =
        grown(walk, walk->stack, walk->stack_count, &walk->stack_capacity, sizeof *stack);
    if (stack == NULL)
        return false;
    walk->stack = stack;
    stack[walk->stack_count++] = entry;
    return true;
}

/* ---- exploring ------------------------------------------------------------------------------ */

/* Sees a node for the first time: counts its edges and pushes what is below it, above a mark
 * (~index) that is popped when all of that is finished. */
static bool enter(rv_graph_walk *walk, int64_t index)
{
    const rv_node *node = walk->visits[index].node;
    walk->visits[index].explored = true;
    if (!push(walk, ~index))
        return false;
    for (int i = 0; i < node->inputs; i++) {
        if (node->edges[i].node == NULL)
            continue;
        const int64_t below = rv_graph_visit(walk, node->edges[i].node);
        if (below < 0)
            return false;
        walk->visits[below].waits++;
        if (!walk->visits[below].explored && !push(walk, below))
            return false;
    }
    return true;
}

/* Whether the gradient of an input is wanted: something useful is there. */
static bool is_needed(const rv_graph_walk *walk, const rv_node *node, int input)
{
    rv_node *below = node->edges[input].node;
    return below != NULL && walk->visits[walk->slots[find_slot(walk, below)]].useful;
}

static bool is_passed(const rv_graph_walk *walk, const rv_node *node)
{
    for (int i = 0; i < node->inputs; i++)
        if (is_needed(walk, node, i))
            return true;
    return false;
}

/* All below a node is finished: it is useful if it is a target or something below it is. */
static bool finish(rv_graph_walk *walk, int64_t index, bool leaves)
{
    const rv_node *node = walk->visits[index].node;
    const bool passed = is_passed(walk, node);
    walk->visits[index].passed = passed;
    walk->visits[index].useful =
        passed || walk->visits[index].target || (leaves && node->op == NULL);
    if (passed && node->walked)
        return rv_fail(RV_ERROR_GRAPH, walk->who,
                       "the graph was walked before, and what %s needs is freed: the first walk "
                       "needs .retain_graph = true",
                       node->op->name);
    return true;
}

bool rv_graph_explore(rv_graph_walk *walk, int64_t root, bool leaves)
{
    if (!push(walk, root))
        return false;
    while (walk->stack_count > 0) {
        const int64_t entry = walk->stack[--walk->stack_count];
        const bool ok = entry < 0                      ? finish(walk, ~entry, leaves)
                        : walk->visits[entry].explored ? true
                                                       : enter(walk, entry);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- accumulating --------------------------------------------------------------------------- */

/* Sums g down to the shape that was broadcast to g's: leading axes go, axes of size 1 stay. */
static rv_tensor *sum_to(const char *who, rv_tensor *g, const rv_form *form)
{
    const int added = g->ndim - form->ndim;
    rv_axes axes = {0};
    bool fits = added >= 0;
    bool same = added == 0;
    for (int i = 0; fits && i < g->ndim; i++) {
        const int64_t size = i < added ? 1 : form->shape[i - added];
        fits = i < added || size == g->shape[i] || size == 1;
        same = same && size == g->shape[i];
        if (i < added || size != g->shape[i])
            axes.axis[axes.count++] = i;
    }
    if (!fits)
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "its derivative gave a gradient of shape %s for an input of shape %s",
                            RV_SHAPE_OF(g),
                            rv_shape_text(RV_SHAPE_BUFFER, form->ndim, form->shape));
    if (same)
        return g;
    return rv_reshape_n(rv_sum(g, .axes = axes), form->ndim, form->shape);
}

/* Whether nobody but the walk holds the tensor and its storage, so that it may be added to. */
static bool is_private(const rv_tensor *t)
{
    return __atomic_load_n(&t->object.references, __ATOMIC_ACQUIRE) == 1 &&
           __atomic_load_n(&t->storage->references, __ATOMIC_ACQUIRE) == 1 && rv_is_contiguous(t);
}

bool rv_graph_add(rv_graph_walk *walk, const char *who, int64_t visit, int output, rv_tensor *g)
{
    const rv_form *form = &walk->visits[visit].node->forms[output];
    rv_tensor **grad = &walk->grads[walk->visits[visit].grads + output];
    if (g->dtype != form->dtype)
        return rv_fail(RV_ERROR_DTYPE, who,
                       "its derivative gave a gradient of %s for an input of %s",
                       rv_dtype_name(g->dtype), rv_dtype_name(form->dtype));
    g = sum_to(who, g, form);
    if (g == NULL)
        return false;
    if (*grad == NULL) {
        *grad = rv_retain(g);
        return true;
    }
    /* add looks at its result itself, where that is asked for. */
    if (!walk->create_graph && !walk->detecting && is_private(*grad)) {
        rv_loop *add = rv_kernels_get()->loops[RV_LOOP_add][form->dtype];
        return rv_elementwise_into(who, add, *grad, 2, (const rv_tensor *[]){*grad, g});
    }
    rv_tensor *sum = rv_add(*grad, g);
    if (sum == NULL)
        return false;
    rv_release(*grad);
    *grad = rv_retain(sum);
    return true;
}

/* ---- running -------------------------------------------------------------------------------- */

#define FEW 16

/* The gradients of a node's outputs, zeros where none came; false if none came at all. */
static bool gather_gradients(rv_graph_walk *walk, int64_t index, rv_tensor **gs, bool *arrived,
                             bool *failed)
{
    const rv_node *node = walk->visits[index].node;
    bool any = false;
    for (int i = 0; i < node->outputs; i++) {
        gs[i] = walk->grads[walk->visits[index].grads + i];
        arrived[i] = gs[i] != NULL;
        any = any || arrived[i];
    }
    for (int i = 0; any && i < node->outputs; i++) {
        const rv_form *form = &node->forms[i];
        if (gs[i] == NULL)
            gs[i] = rv_zeros_n(form->dtype, form->ndim, form->shape);
        *failed = *failed || gs[i] == NULL;
    }
    return any;
}

/* Hands what the derivative gave to the nodes below. */
static bool distribute(rv_graph_walk *walk, const rv_derivative *d)
{
    const rv_node *node = d->node;
    for (int i = 0; i < d->inputs; i++) {
        if (!d->needs[i])
            continue;
        if (d->grads[i] == NULL)
            return rv_fail(RV_ERROR_GRAPH, node->op->name,
                           "its derivative gave no gradient for input %d", i);
        const rv_edge edge = node->edges[i];
        const int64_t below = walk->slots[find_slot(walk, edge.node)];
        if (!rv_graph_add(walk, node->op->name, below, edge.output, d->grads[i]))
            return false;
    }
    return true;
}

/* Calls the derivative and looks at what it gives. */
static bool call_watched(const rv_graph_walk *walk, rv_derivative *d)
{
    rv_anomaly_note note;
    rv_anomaly_enter(&note);
    d->node->op->derivative(d);
    return rv_anomaly_leave(&note, walk->who, d);
}

/* Calls one derivative. What it makes ends here, but for what the table holds. */
static bool differentiate(rv_graph_walk *walk, int64_t index)
{
    RV_SCOPE;
    const rv_node *node = walk->visits[index].node;
    const size_t each = sizeof(rv_tensor *);
    const size_t bytes = (size_t)(node->inputs + node->outputs) * (each + sizeof(bool));
    rv_tensor *few[2 * FEW + FEW];
    const bool fits = bytes <= sizeof few;
    rv_tensor **gs = fits ? few : rv_memory_get(walk->who, bytes);
    if (gs == NULL)
        return false;
    memset(gs, 0, bytes);
    rv_tensor **grads = gs + node->outputs;
    bool *needs = (bool *)(grads + node->inputs);
    bool *arrived = needs + node->inputs;
    bool failed = false;
    if (gather_gradients(walk, index, gs, arrived, &failed) && !failed) {
        for (int i = 0; i < node->inputs; i++)
            needs[i] = is_needed(walk, node, i);
        rv_derivative d = {.node = node,
                           .g = gs[0],
                           .gs = gs,
                           .inputs = node->inputs,
                           .needs = needs,
                           .grads = grads,
                           .attributes = node->attributes,
                           .arrived = arrived};
        if (RV_UNLIKELY(walk->detecting))
            failed = !call_watched(walk, &d);
        else
            node->op->derivative(&d);
        failed = failed || !distribute(walk, &d);
    }
    if (!fits)
        rv_memory_put(gs, bytes);
    return !failed;
}

/* Drops the gradients of a node that is done, unless they are wanted. */
static void drop_gradients(rv_graph_walk *walk, int64_t index)
{
    const rv_visit *visit = &walk->visits[index];
    if (visit->target || visit->node->op == NULL || visit->node->hooks != NULL)
        return;
    for (int i = 0; i < visit->node->outputs; i++) {
        rv_release(walk->grads[visit->grads + i]);
        walk->grads[visit->grads + i] = NULL;
    }
}

/* Calls the hooks of a node whose outputs' gradients have all come. */
static bool run_hooks(const rv_graph_walk *walk, int64_t index)
{
    const rv_node *node = walk->visits[index].node;
    for (int i = 0; i < node->outputs; i++) {
        rv_tensor **grad = &walk->grads[walk->visits[index].grads + i];
        if (*grad != NULL && !rv_hooks_run(walk->who, node, i, grad))
            return false;
    }
    return true;
}

/* A node whose outputs' gradients have all come. */
static bool pass(rv_graph_walk *walk, int64_t index)
{
    rv_node *node = walk->visits[index].node;
    if (RV_UNLIKELY(node->hooks != NULL) && !run_hooks(walk, index))
        return false;
    if (walk->visits[index].passed) {
        if (!differentiate(walk, index))
            return false;
        if (!walk->retain_graph) {
            node->walked = true;
            rv_node_release_saved(node);
        }
    }
    drop_gradients(walk, index);
    for (int i = 0; i < node->inputs; i++) {
        if (node->edges[i].node == NULL)
            continue;
        const int64_t below = walk->slots[find_slot(walk, node->edges[i].node)];
        if (--walk->visits[below].waits == 0 && !push(walk, below))
            return false;
    }
    return true;
}

bool rv_graph_run(rv_graph_walk *walk)
{
    walk->detecting = (rv_thread_mode() & RV_MODE_DETECTING) != 0;
    for (int64_t i = 0; i < walk->visit_count; i++)
        if (walk->visits[i].explored && walk->visits[i].waits == 0 && !push(walk, i))
            return false;
    while (walk->stack_count > 0)
        if (!pass(walk, walk->stack[--walk->stack_count]))
            return false;
    return true;
}

/* hook.c - hooks on gradients: lists that are copied to be changed.
 *
 * A gradient that is kept (rv_retain_grad) is an entry of the same list, without a function.
 */
#include "autograd/hook.h"

#include <string.h>

#include "autograd/graph.h"
#include "autograd/hook_list.h"
#include "core/memory.h"

typedef struct hook {
    rv_object object;
    int output;
    rv_gradient_hook *function; /* NULL: the gradient is kept here */
    void *context;
    void (*release)(void *context);
    rv_tensor *kept;
} hook;

struct rv_hook_list {
    rv_object object;
    int count;
    hook *items[]; /* [count], each held */
};

/* ---- the list ------------------------------------------------------------------------------- */

static void hook_destroy(rv_object *object)
{
    hook *h = (hook *)object;
    rv_release(h->kept);
    if (h->release != NULL)
        h->release(h->context);
    h->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(h, sizeof *h);
}
static const rv_object_class hook_class = {.kind = "hook", .destroy = hook_destroy};

static size_t list_bytes(int count)
{
    return sizeof(rv_hook_list) + (size_t)count * sizeof(hook *);
}

static void list_destroy(rv_object *object)
{
    rv_hook_list *list = (rv_hook_list *)object;
    for (int i = 0; i < list->count; i++)
        rv_object_release(&list->items[i]->object);
    list->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(list, list_bytes(list->count));
}
static const rv_object_class list_class = {.kind = "hooks", .destroy = list_destroy};

static int count_of(const rv_hook_list *list)
{
    return list != NULL ? list->count : 0;
}

/* Gives the node its hooks without number `without` (-1: all of them), and `more`, if that is not
 * NULL, behind them. */
static bool replace(const char *who, rv_node *node, int without, hook *more)
{
    rv_hook_list *old = node->hooks, *list = NULL;
    const int count = count_of(old) - (without >= 0) + (more != NULL);
    if (count > 0) {
        list = rv_memory_get(who, list_bytes(count));
        if (list == NULL)
            return false;
        rv_object_init(&list->object, &list_class);
        list->count = 0;
        for (int i = 0; i < count_of(old); i++)
            if (i != without)
                list->items[list->count++] = old->items[i];
        if (more != NULL)
            list->items[list->count++] = more;
        for (int i = 0; i < count; i++)
            rv_object_retain(&list->items[i]->object);
    }
    node->hooks = list;
    if (old != NULL)
        rv_object_release(&old->object);
    return true;
}

static bool append(const char *who, rv_node *node, const hook *what)
{
    hook *h = rv_memory_get(who, sizeof *h);
    if (h == NULL)
        return false;
    *h = *what;
    rv_object_init(&h->object, &hook_class);
    const bool done = replace(who, node, -1, h);
    if (!done)
        h->release = NULL; /* whoever asked tells */
    rv_object_release(&h->object);
    return done;
}

void rv_hooks_free(rv_hook_list *hooks)
{
    if (hooks != NULL)
        rv_object_release(&hooks->object);
}

/* ---- in a walk ------------------------------------------------------------------------------ */

/* Calls one hook on *grad. */
static bool run_one(const char *who, const hook *h, rv_tensor **grad)
{
    RV_SCOPE;
    rv_tensor *g = h->function(*grad, h->context);
    if (g == NULL && rv_error_status() == RV_OK)
        return rv_fail(RV_ERROR_NULL, who,
                       "a hook returned NULL: it must return the gradient that is to go on, the "
                       "one it was given if it only looks");
    if (g == NULL || !rv_check(who, 0, g))
        return false;
    if (g->dtype != (*grad)->dtype)
        return rv_fail(RV_ERROR_DTYPE, who, "a hook was given a gradient of %s and returned %s",
                       rv_dtype_name((*grad)->dtype), rv_dtype_name(g->dtype));
    if (!rv_same_shape(g, *grad))
        return rv_fail(RV_ERROR_SHAPE, who,
                       "a hook was given a gradient of shape %s and returned %s",
                       RV_SHAPE_OF(*grad), RV_SHAPE_OF(g));
    if (g == *grad)
        return true;
    rv_retain(g);
    rv_release(*grad);
    *grad = g;
    return true;
}

bool rv_hooks_run(const char *who, const rv_node *node, int output, rv_tensor **grad)
{
    rv_hook_list *list = node->hooks;
    bool ok = true;
    rv_object_retain(&list->object);
    for (int i = 0; ok && i < list->count; i++) {
        const hook *h = list->items[i];
        if (h->output == output && h->function != NULL)
            ok = run_one(who, h, grad);
    }
    rv_object_release(&list->object);
    return ok;
}

/* ---- kept gradients ------------------------------------------------------------------------- */

static int find_kept(const rv_hook_list *list, int output)
{
    for (int i = 0; i < count_of(list); i++)
        if (list->items[i]->output == output && list->items[i]->function == NULL)
            return i;
    return -1;
}

rv_tensor **rv_hooks_kept(const rv_node *node, int output)
{
    const int i = find_kept(node->hooks, output);
    return i >= 0 ? &node->hooks->items[i]->kept : NULL;
}

void rv_hooks_keep_no_more(rv_node *node, int output)
{
    const int i = find_kept(node->hooks, output);
    if (i < 0)
        return;
    /* The entry stays, and means nothing any more. */
    hook *h = node->hooks->items[i];
    rv_tensor *kept = h->kept;
    h->kept = NULL;
    h->output = -1;
    rv_release(kept);
}

/* ---- for users ------------------------------------------------------------------------------ */

static rv_node *node_for_hooks(const char *who, const rv_tensor *t)
{
    if (!rv_check(who, 0, t))
        return NULL;
    if (t->node == NULL)
        return rv_fail_null(RV_ERROR_GRAPH, who,
                            "the tensor %s requires no gradient: it is no leaf, and was not "
                            "computed from one while recording",
                            RV_SHAPE_OF(t));
    return rv_node_of(t);
}

static bool add_hook(const rv_on_gradient_options *o)
{
    const char *who = "on_gradient";
    rv_node *node = node_for_hooks(who, o->tensor);
    if (node == NULL)
        return false;
    if (o->hook == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the hook is NULL");
    return append(who, node,
                  &(hook){.output = o->tensor->node_output,
                          .function = o->hook,
                          .context = o->context,
                          .release = o->release});
}

bool rv_on_gradient_with(const rv_on_gradient_options *options)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, "on_gradient", "the options are NULL");
    if (add_hook(options))
        return true;
    if (options->release != NULL)
        options->release(options->context);
    return false;
}

bool rv_off_gradient(rv_tensor *t, rv_gradient_hook *function, const void *context)
{
    const char *who = "off_gradient";
    rv_node *node = node_for_hooks(who, t);
    if (node == NULL)
        return false;
    for (int i = count_of(node->hooks) - 1; i >= 0; i--) {
        const hook *h = node->hooks->items[i];
        if (h->output == t->node_output && h->function != NULL && h->function == function &&
            h->context == context)
            return replace(who, node, i, NULL);
    }
    return rv_fail(RV_ERROR_ARGUMENT, who, "the tensor %s has no hook of this function and context",
                   RV_SHAPE_OF(t));
}

rv_tensor *rv_retain_grad(rv_tensor *t)
{
    const char *who = "retain_grad";
    rv_node *node = node_for_hooks(who, t);
    if (node == NULL)
        return NULL;
    if (node->op == NULL || rv_hooks_kept(node, t->node_output) != NULL)
        return t;
    if (!append(who, node, &(hook){.output = t->node_output}))
        return NULL;
    t->ending = rv_gradient_ending;
    return t;
}

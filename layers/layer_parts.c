/* layer_parts.c - what a layer holds: named tensors and children, added once and found by path.
 *
 * A layer that stands in a container does not change any more. So a container can keep the list of
 * all parameters in it from the start: rv_parameters allocates nothing, and threads may share it.
 */
#include "layers/layer_parts.h"

#include <stdio.h>
#include <string.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "layers/layers_container.h"

/* ---- lists ----------------------------------------------------------------------------------- */

static bool reserve_part(const char *who, rv_part_list *list)
{
    rv_part *items = rv_memory_reserve(who, list->items, list->count, &list->capacity,
                                       list->count + 1, sizeof *list->items);
    list->items = items != NULL ? items : list->items;
    return items != NULL;
}

static bool reserve_tensors(const char *who, rv_tensor_list *list, int64_t added)
{
    if (added == 0)
        return true;
    rv_tensor **items = rv_memory_reserve(who, list->items, list->count, &list->capacity,
                                          list->count + added, sizeof(rv_tensor *));
    list->items = items != NULL ? items : list->items;
    return items != NULL;
}

static rv_part *append(rv_part_list *list, const char *name)
{
    rv_part *part = &list->items[list->count++];
    memcpy(part->name, name, strlen(name) + 1);
    return part;
}

/* Appends a tensor that is not in the list yet; there must be room. */
static void append_new(rv_tensor_list *list, rv_tensor *t)
{
    for (int64_t i = 0; i < list->count; i++)
        if (list->items[i] == t)
            return;
    list->items[list->count++] = t;
}

static void append_all(rv_tensor_list *list, const rv_tensor_list *more)
{
    for (int64_t i = 0; i < more->count; i++)
        append_new(list, more->items[i]);
}

/* Lists all tensors of one sort again: the layer's own come before its children's. */
static void list_all(rv_layer *layer, rv_sort sort)
{
    rv_tensor_parts *parts = &layer->parts->tensors[sort];
    const rv_part_list *children = &layer->parts->children;
    parts->all.count = 0;
    for (int64_t i = 0; i < parts->own.count; i++)
        append_new(&parts->all, parts->own.items[i].tensor);
    for (int64_t i = 0; i < children->count; i++)
        append_all(&parts->all, &children->items[i].layer->parts->tensors[sort].all);
}

static void list_free(rv_part_list *list)
{
    rv_memory_put(list->items, (size_t)list->capacity * sizeof *list->items);
}

void rv_layer_parts_free(rv_layer *layer)
{
    struct rv_layer_parts *parts = layer->parts;
    for (int sort = 0; sort < RV_SORT_COUNT; sort++) {
        rv_tensor_parts *tensors = &parts->tensors[sort];
        for (int64_t i = 0; i < tensors->own.count; i++)
            rv_release(tensors->own.items[i].tensor);
        list_free(&tensors->own);
        rv_memory_put(tensors->all.items, (size_t)tensors->all.capacity * sizeof(rv_tensor *));
    }
    for (int64_t i = 0; i < parts->children.count; i++) {
        rv_layer *child = parts->children.items[i].layer;
        child->parts->places--;
        rv_layer_free(child);
    }
    list_free(&parts->children);
    rv_memory_put(parts, sizeof *parts);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The part whose name is the `length` characters at `name`. */
static rv_part *find(const rv_part_list *list, const char *name, size_t length)
{
    for (int64_t i = 0; i < list->count; i++)
        if (strncmp(list->items[i].name, name, length) == 0 && list->items[i].name[length] == '\0')
            return &list->items[i];
    return NULL;
}

/* The layer in which the last name of a path is to be found, and that name; NULL if there is none.
 */
static const rv_layer *descend(const rv_layer *layer, const char **path)
{
    const char *dot;
    while (layer != NULL && (dot = strchr(*path, '.')) != NULL) {
        const size_t length = (size_t)(dot - *path);
        const rv_part *child =
            length < RV_LAYER_NAME_BYTES ? find(&layer->parts->children, *path, length) : NULL;
        layer = child != NULL ? child->layer : NULL;
        *path = dot + 1;
    }
    return layer;
}

static const rv_part_list *parts_of(const rv_layer *layer, int sort)
{
    return sort < RV_SORT_COUNT ? &layer->parts->tensors[sort].own : &layer->parts->children;
}

/* The part at a path: a parameter, a buffer, or a child (sort RV_SORT_COUNT). */
static const rv_part *look_up(const char *who, const rv_layer *layer, int sort, const char *path)
{
    static const char *const words[] = {"parameter", "buffer", "child"};
    if (!rv_layer_check(who, layer))
        return NULL;
    if (path == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the name is NULL");
    const char *name = path;
    const rv_layer *in = descend(layer, &name);
    const rv_part *part = in != NULL && strlen(name) < RV_LAYER_NAME_BYTES
                              ? find(parts_of(in, sort), name, strlen(name))
                              : NULL;
    if (part == NULL)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%s has no %s \"%s\"", layer->layer_class->name,
                            words[sort], path);
    return part;
}

rv_tensor *rv_layer_parameter(const rv_layer *layer, const char *name)
{
    const rv_part *part = look_up("layer_parameter", layer, RV_SORT_PARAMETER, name);
    return part != NULL ? part->tensor : NULL;
}

rv_tensor *rv_layer_buffer(const rv_layer *layer, const char *name)
{
    const rv_part *part = look_up("layer_buffer", layer, RV_SORT_BUFFER, name);
    return part != NULL ? part->tensor : NULL;
}

rv_layer *rv_layer_child(const rv_layer *layer, const char *name)
{
    const rv_part *part = look_up("layer_child", layer, RV_SORT_COUNT, name);
    return part != NULL ? part->layer : NULL;
}

int64_t rv_layer_child_count(const rv_layer *layer)
{
    return rv_layer_check("layer_child_count", layer) ? layer->parts->children.count : 0;
}

rv_layer *rv_layer_child_at(const rv_layer *layer, int64_t i)
{
    const char *who = "layer_child_at";
    if (!rv_layer_check(who, layer))
        return NULL;
    const rv_part_list *children = &layer->parts->children;
    if (i < 0 || i >= children->count)
        return rv_fail_null(RV_ERROR_INDEX, who, "child %lld of %s, which has %lld", (long long)i,
                            layer->layer_class->name, (long long)children->count);
    return children->items[i].layer;
}

const char *rv_layer_name_of(const rv_layer *layer, const rv_layer *child)
{
    const rv_part_list *children = &layer->parts->children;
    for (int64_t i = 0; i < children->count; i++)
        if (children->items[i].layer == child)
            return children->items[i].name;
    return NULL;
}

rv_tensors rv_parameters(const rv_layer *layer)
{
    if (!rv_layer_check("parameters", layer))
        return (rv_tensors){0};
    const rv_tensor_list *all = &layer->parts->tensors[RV_SORT_PARAMETER].all;
    return (rv_tensors){.items = all->items, .count = all->count};
}

bool rv_layer_freeze(rv_layer *layer, bool on)
{
    if (!rv_layer_check("layer_freeze", layer))
        return false;
    const rv_tensor_list *all = &layer->parts->tensors[RV_SORT_PARAMETER].all;
    bool ok = true;
    for (int64_t i = 0; ok && i < all->count; i++)
        ok = (on ? rv_require_no_grad(all->items[i]) : rv_require_grad(all->items[i])) != NULL;
    return ok;
}

rv_tensors rv_trainable_parameters(const rv_layer *layer)
{
    if (!rv_layer_check("trainable_parameters", layer))
        return (rv_tensors){0};
    const rv_tensor_list *all = &layer->parts->tensors[RV_SORT_PARAMETER].all;
    const int64_t bytes = all->count * (int64_t)sizeof(rv_tensor *);
    rv_tensor *memory = rv_empty_n(RV_U8, 1, &bytes); /* so that the scope owns it */
    if (memory == NULL)
        return (rv_tensors){0};
    rv_tensor **items = (rv_tensor **)(void *)memory->data;
    int64_t count = 0;
    for (int64_t i = 0; i < all->count; i++)
        if (rv_requires_grad(all->items[i]))
            items[count++] = all->items[i];
    return (rv_tensors){.items = items, .count = count};
}

/* ---- adding ---------------------------------------------------------------------------------- */

static bool is_name(const char *who, const char *name)
{
    if (name == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the name is NULL");
    const size_t length = strlen(name);
    if (length == 0 || length >= RV_LAYER_NAME_BYTES || strchr(name, '.') != NULL)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "\"%.80s\" is no name: it takes 1 to %d characters, and no dot", name,
                       RV_LAYER_NAME_BYTES - 1);
    return true;
}

/* Whether something may be added to the layer under that name. */
static bool may_add(const char *who, const rv_layer *layer, const char *name)
{
    if (!rv_layer_check(who, layer) || !is_name(who, name))
        return false;
    const char *layer_name = layer->layer_class->name;
    const size_t length = strlen(name);
    for (int sort = 0; sort <= RV_SORT_COUNT; sort++)
        if (find(parts_of(layer, sort), name, length) != NULL)
            return rv_fail(RV_ERROR_ARGUMENT, who, "%s has a \"%s\" already", layer_name, name);
    if (layer->parts->places > 0)
        return rv_fail(RV_ERROR_STATE, who,
                       "%s stands in a container, and does not take \"%s\" any more", layer_name,
                       name);
    return true;
}

/* Remembers that something could not be added, after an error. */
static void *failed(const char *who, rv_layer *layer)
{
    if (rv_layer_check(who, layer))
        layer->parts->failed = true;
    return NULL;
}

static rv_tensor *add_tensor(const char *who, rv_layer *layer, rv_sort sort, const char *name,
                             rv_tensor *tensor)
{
    rv_tensor_parts *parts = &layer->parts->tensors[sort];
    if (!reserve_part(who, &parts->own) || !reserve_tensors(who, &parts->all, 1))
        return NULL;
    append(&parts->own, name)->tensor = rv_retain(tensor);
    list_all(layer, sort);
    return tensor;
}

rv_tensor *rv_layer_add_parameter(rv_layer *layer, const char *name, rv_tensor *tensor)
{
    const char *who = "layer_add_parameter";
    if (!may_add(who, layer, name) || !rv_check(who, 0, tensor) || rv_require_grad(tensor) == NULL)
        return failed(who, layer);
    rv_tensor *added = add_tensor(who, layer, RV_SORT_PARAMETER, name, tensor);
    return added != NULL ? added : failed(who, layer);
}

static bool is_no_result(const char *who, const char *name, const rv_tensor *tensor)
{
    return !rv_requires_grad(tensor) ||
           rv_fail(RV_ERROR_GRAPH, who, "\"%s\" requires a gradient: it is no buffer", name);
}

rv_tensor *rv_layer_add_buffer(rv_layer *layer, const char *name, rv_tensor *tensor)
{
    const char *who = "layer_add_buffer";
    if (!may_add(who, layer, name) || !rv_check(who, 0, tensor) || !is_no_result(who, name, tensor))
        return failed(who, layer);
    rv_tensor *added = add_tensor(who, layer, RV_SORT_BUFFER, name, tensor);
    return added != NULL ? added : failed(who, layer);
}

/* Whether the caller has a reference of `child` to give: each container holds one of its own, and
 * the layer that the child is added to is still the caller's. */
static bool is_given(const char *who, const rv_layer *layer, const char *name,
                     const rv_layer *child)
{
    if (child == NULL)
        return rv_fail(RV_ERROR_NULL, who, "child \"%s\" of %s is NULL", name,
                       layer->layer_class->name);
    if (!rv_layer_check(who, child))
        return false;
    const int64_t needed = child->parts->places + (child == layer ? 2 : 1);
    if (__atomic_load_n(&child->object.references, __ATOMIC_RELAXED) >= needed)
        return true;
    return rv_fail(RV_ERROR_ARGUMENT, who,
                   "child \"%s\", a %s, belongs to a container already: rv_layer_retain(layer) "
                   "gives it to another place",
                   name, child->layer_class->name);
}

/* Puts a child, whose reference it takes over, into the layer. */
static bool add_child(const char *who, rv_layer *layer, const char *name, rv_layer *child)
{
    struct rv_layer_parts *parts = layer->parts;
    if (child == layer)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s is given itself as child \"%s\"",
                       layer->layer_class->name, name);
    if (child->parts->depth >= RV_LAYER_MOST_DEPTH)
        return rv_fail(RV_ERROR_ARGUMENT, who, "child \"%s\" is %d layers deep: that is the most",
                       name, child->parts->depth);
    if (!reserve_part(who, &parts->children))
        return false;
    for (int sort = 0; sort < RV_SORT_COUNT; sort++)
        if (!reserve_tensors(who, &parts->tensors[sort].all, child->parts->tensors[sort].all.count))
            return false;
    append(&parts->children, name)->layer = child;
    child->parts->places++;
    if (parts->depth <= child->parts->depth)
        parts->depth = child->parts->depth + 1;
    for (int sort = 0; sort < RV_SORT_COUNT; sort++)
        append_all(&parts->tensors[sort].all, &child->parts->tensors[sort].all);
    return true;
}

rv_layer *rv_layer_add_child(rv_layer *layer, const char *name, rv_layer *child)
{
    const char *who = "layer_add_child";
    const bool may = may_add(who, layer, name);
    if ((!may && child == NULL) || !is_given(who, layer, name != NULL ? name : "", child))
        return failed(who, layer);
    if (may && add_child(who, layer, name, child))
        return child;
    failed(who, layer);
    rv_layer_free(child);
    return NULL;
}

bool rv_layer_add_children(rv_layer *layer, rv_layer *const *children, int64_t count)
{
    bool ok = true;
    for (int64_t i = 0; i < count; i++) { /* all of them, also when one fails: they are consumed */
        char name[24];
        snprintf(name, sizeof name, "%lld", (long long)i);
        const rv_layer *child = children[i];
        const bool is_named = child != NULL && rv_layer_check("layer_add_child", child) &&
                              child->parts->given_name[0] != '\0';
        const char *given = is_named ? child->parts->given_name : name;
        ok = rv_layer_add_child(layer, given, children[i]) != NULL && ok;
    }
    return ok;
}

rv_layer *rv_layer_named(const char *name, rv_layer *layer)
{
    const char *who = "layer_named";
    if (!rv_layer_check(who, layer))
        return NULL;
    if (!is_name(who, name)) {
        rv_layer_free(layer);
        return NULL;
    }
    memcpy(layer->parts->given_name, name, strlen(name) + 1);
    return layer;
}

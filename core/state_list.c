/* state_list.c - the objects that are saved or loaded are walked into one list of names and
 * tensors. */

#include "core/state_list.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"

#define LAYER "layer" /* the kind whose first object has no prefix */

/* The kinds that a file may have names of although no object of that kind was given. */
static const char *const known_kinds[] = {LAYER,       "average",  "loader",
                                          "optimizer", "schedule", "tensor"};

/* ---- names ----------------------------------------------------------------------------------- */

static const char *kind_of(const void *object)
{
    return ((const rv_object *)object)->object_class->kind;
}

/* How many of the first n objects are of a kind, given by `length` characters. */
static int count_kind(const rv_state_list *list, int n, const char *kind, size_t length)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        const char *other = kind_of(list->objects[i]);
        count += strlen(other) == length && memcmp(other, kind, length) == 0;
    }
    return count;
}

/* What stands before the names of object i. */
static void set_prefix(rv_state_list *list, int i)
{
    const char *kind = kind_of(list->objects[i]);
    const int number = count_kind(list, i, kind, strlen(kind)) + 1;
    if (number > 1)
        snprintf(list->prefix, RV_STATE_PREFIX_BYTES, "%.40s#%d.", kind, number);
    else if (strcmp(kind, LAYER) == 0)
        list->prefix[0] = '\0';
    else
        snprintf(list->prefix, RV_STATE_PREFIX_BYTES, "%.40s.", kind);
}

/* Whether `name` begins with a prefix of `kind`, and of which object of that kind. */
static bool has_prefix(const char *name, const char *kind, int *number)
{
    const size_t length = strlen(kind);
    int used = 0;
    if (strncmp(name, kind, length) != 0)
        return false;
    name += length;
    *number = 1;
    if (name[0] == '.')
        return strcmp(kind, LAYER) != 0;
    return sscanf(name, "#%6d%n", number, &used) == 1 && name[used] == '.';
}

bool rv_state_list_is_foreign(const rv_state_list *list, const char *name)
{
    for (int i = 0; i < RV_COUNT(known_kinds); i++) {
        const char *kind = known_kinds[i];
        int number;
        if (has_prefix(name, kind, &number))
            return count_kind(list, list->object_count, kind, strlen(kind)) < number;
    }
    return count_kind(list, list->object_count, LAYER, strlen(LAYER)) == 0;
}

/* ---- walking the objects --------------------------------------------------------------------- */

static bool check_objects(const char *who, void *const *objects, int n)
{
    if (objects == NULL || n < 1)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d objects given; at least 1",
                       objects == NULL ? 0 : n);
    for (int i = 0; i < n; i++) {
        const rv_object *object = objects[i];
        if (object == NULL)
            return rv_fail(RV_ERROR_NULL, who, "object %d is NULL", i + 1);
        if (object->mark != RV_OBJECT_ALIVE || object->object_class == NULL)
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "object %d is not one of Ravine's, or it was freed", i + 1);
        if (object->object_class->state == NULL)
            return rv_fail(RV_ERROR_ARGUMENT, who, "object %d is a %s, which has no state to save",
                           i + 1, object->object_class->kind);
    }
    return true;
}

static bool visit_count(void *context, const char *name, rv_tensor *tensor)
{
    (void)name, (void)tensor;
    ((rv_state_list *)context)->room++;
    return true;
}

/* `name` with the object's prefix; to be given back with `bytes`. */
static char *whole_name(const rv_state_list *list, const char *name, size_t *bytes)
{
    const size_t prefix = strlen(list->prefix), length = strlen(name);
    *bytes = prefix + length + 1;
    char *whole = rv_memory_get(list->who, *bytes);
    if (whole != NULL) {
        memcpy(whole, list->prefix, prefix);
        memcpy(whole + prefix, name, length + 1);
    }
    return whole;
}

static bool visit_add(void *context, const char *name, rv_tensor *tensor)
{
    rv_state_list *list = context;
    if (name == NULL || !rv_check(list->who, list->count, tensor))
        return rv_fail(RV_ERROR_NULL, list->who, "a state has a tensor without name, or none");
    if (list->count == list->room)
        return rv_fail(RV_ERROR_STATE, list->who, "a state grew while it was walked");
    size_t bytes;
    char *whole = whole_name(list, name, &bytes);
    if (whole == NULL)
        return false;
    list->names[list->count] = whole;
    list->tensors[list->count++] = rv_retain(tensor);
    return true;
}

static bool walk(rv_state_list *list, rv_state_visit *visit)
{
    for (int i = 0; i < list->object_count; i++) {
        set_prefix(list, i);
        if (!rv_state(list->objects[i], visit, list))
            return rv_fail(RV_ERROR_STATE, list->who, "object %d, a %s, does not tell its state",
                           i + 1, kind_of(list->objects[i]));
    }
    return true;
}

bool rv_state_list_make(rv_state_list *list, const char *who, void *const *objects, int n)
{
    *list = (rv_state_list){.who = who, .objects = objects, .object_count = n};
    if (!check_objects(who, objects, n) || !walk(list, visit_count))
        return false;
    const size_t bytes = (size_t)list->room * sizeof(void *);
    list->names = rv_memory_get(who, bytes);
    list->tensors = list->names ? rv_memory_get(who, bytes) : NULL;
    return list->tensors != NULL && walk(list, visit_add);
}

void rv_state_list_free(rv_state_list *list)
{
    for (int i = 0; i < list->count; i++) {
        rv_memory_put(list->names[i], strlen(list->names[i]) + 1);
        rv_release(list->tensors[i]);
    }
    rv_memory_put(list->names, (size_t)list->room * sizeof(void *));
    rv_memory_put(list->tensors, (size_t)list->room * sizeof(void *));
}

/* ---- all names ------------------------------------------------------------------------------- */

typedef struct name_walk {
    const rv_state_list *list;
    rv_state_visit *visit;
    void *context;
} name_walk;

static bool visit_whole(void *context, const char *name, rv_tensor *tensor)
{
    const name_walk *w = context;
    size_t bytes;
    char *whole = whole_name(w->list, name, &bytes);
    const bool ok = whole != NULL && w->visit(w->context, whole, tensor);
    rv_memory_put(whole, bytes);
    return ok;
}

bool rv_state_list_names(rv_state_list *list, rv_state_visit *visit, void *context)
{
    name_walk w = {list, visit, context};
    bool ok = true;
    for (int i = 0; ok && i < list->object_count; i++) {
        set_prefix(list, i);
        ok = rv_state_names(list->objects[i], visit_whole, &w);
    }
    return ok;
}

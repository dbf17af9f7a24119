/* save.c - the states of objects become a file, and a file becomes their states.
 *
 * Both begin by walking the objects' states into one list of names and tensors. Loading then works
 * in two phases: all of the file is compared with the list and read into memory; only when nothing
 * is wrong are the values copied over.
 */

#include "core/save.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/safetensors.h"

#define LAYER "layer" /* the kind whose first object has no prefix */
#define PREFIX_BYTES 64
#define PROBLEMS_SHOWN 8

/* The kinds that a file may have names of although no object of that kind was given. */
static const char *const known_kinds[] = {LAYER,       "average",  "loader",
                                          "optimizer", "schedule", "tensor"};

/* What is saved or loaded. */
typedef struct state_list {
    const char *who;
    void *const *objects; /* [object_count], the caller's */
    int object_count;
    int count, room;
    char **names;              /* [count of room] */
    rv_tensor **tensors;       /* [count of room], retained */
    char prefix[PREFIX_BYTES]; /* of the object that is being walked */
} state_list;

/* ---- names ----------------------------------------------------------------------------------- */

static const char *kind_of(const void *object)
{
    return ((const rv_object *)object)->object_class->kind;
}

/* How many of the first n objects are of a kind, given by `length` characters. */
static int count_kind(const state_list *list, int n, const char *kind, size_t length)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        const char *other = kind_of(list->objects[i]);
        count += strlen(other) == length && memcmp(other, kind, length) == 0;
    }
    return count;
}

/* What stands before the names of object i. */
static void set_prefix(state_list *list, int i)
{
    const char *kind = kind_of(list->objects[i]);
    const int number = count_kind(list, i, kind, strlen(kind)) + 1;
    if (number > 1)
        snprintf(list->prefix, PREFIX_BYTES, "%.40s#%d.", kind, number);
    else if (strcmp(kind, LAYER) == 0)
        list->prefix[0] = '\0';
    else
        snprintf(list->prefix, PREFIX_BYTES, "%.40s.", kind);
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

/* Whether a name in the file belongs to an object that was not given. */
static bool belongs_elsewhere(const state_list *list, const char *name)
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
    ((state_list *)context)->room++;
    return true;
}

static bool visit_add(void *context, const char *name, rv_tensor *tensor)
{
    state_list *list = context;
    if (name == NULL || !rv_check(list->who, list->count, tensor))
        return rv_fail(RV_ERROR_NULL, list->who, "a state has a tensor without name, or none");
    if (list->count == list->room)
        return rv_fail(RV_ERROR_STATE, list->who, "a state grew while it was walked");
    const size_t prefix = strlen(list->prefix), length = strlen(name);
    char *whole = rv_memory_get(list->who, prefix + length + 1);
    if (whole == NULL)
        return false;
    memcpy(whole, list->prefix, prefix);
    memcpy(whole + prefix, name, length + 1);
    list->names[list->count] = whole;
    list->tensors[list->count++] = rv_retain(tensor);
    return true;
}

static bool walk(state_list *list, rv_state_visit *visit)
{
    for (int i = 0; i < list->object_count; i++) {
        set_prefix(list, i);
        if (!rv_state(list->objects[i], visit, list))
            return rv_fail(RV_ERROR_STATE, list->who, "object %d, a %s, does not tell its state",
                           i + 1, kind_of(list->objects[i]));
    }
    return true;
}

static bool list_make(state_list *list, const char *who, void *const *objects, int n)
{
    *list = (state_list){.who = who, .objects = objects, .object_count = n};
    if (!check_objects(who, objects, n) || !walk(list, visit_count))
        return false;
    const size_t bytes = (size_t)list->room * sizeof(void *);
    list->names = rv_memory_get(who, bytes);
    list->tensors = list->names ? rv_memory_get(who, bytes) : NULL;
    return list->tensors != NULL && walk(list, visit_add);
}

static void list_free(state_list *list)
{
    for (int i = 0; i < list->count; i++) {
        rv_memory_put(list->names[i], strlen(list->names[i]) + 1);
        rv_release(list->tensors[i]);
    }
    rv_memory_put(list->names, (size_t)list->room * sizeof(void *));
    rv_memory_put(list->tensors, (size_t)list->room * sizeof(void *));
}

/* ---- saving ---------------------------------------------------------------------------------- */

bool rv_save_n(const char *path, void *const *objects, int n)
{
    RV_SCOPE;
    if (rv_error_status() != RV_OK)
        return false;
    state_list list;
    const bool ok = list_make(&list, "save", objects, n) &&
                    rv_safetensors_save("save", path, (const char *const *)list.names, list.tensors,
                                        list.count);
    list_free(&list);
    return ok;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* What does not fit, in words. */
typedef struct problems {
    int count;
    size_t used;
    char text[1536];
} problems;

static void say(problems *p, const char *format, ...) RV_PRINTF(2, 3);
static void say(problems *p, const char *format, ...)
{
    if (p->count++ >= PROBLEMS_SHOWN)
        return;
    if (p->count > 1)
        p->used += (size_t)snprintf(p->text + p->used, sizeof p->text - p->used, "; ");
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(p->text + p->used, sizeof p->text - p->used, format, arguments);
    va_end(arguments);
    const size_t room = sizeof p->text - p->used - 1;
    p->used += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room;
}

static void compare(problems *p, const char *name, const rv_tensor *t, const rv_file_tensor *from)
{
    bool same = t->dtype == from->dtype && t->ndim == from->ndim;
    for (int i = 0; same && i < t->ndim; i++)
        same = t->shape[i] == from->shape[i];
    if (!same)
        say(p, "\"%.60s\" is %s %.60s, not %s %.60s", name, rv_dtype_name(from->dtype),
            rv_shape_text(RV_SHAPE_BUFFER, from->ndim, from->shape), rv_dtype_name(t->dtype),
            RV_SHAPE_OF(t));
    for (int i = 0; same && i < t->ndim; i++)
        if (t->strides[i] == 0 && t->shape[i] > 1)
            say(p, "\"%.60s\" goes into an expanded tensor, whose elements share memory", name);
}

/* Compares the list with the file; `used` [file->count] gets a 1 for each tensor that the list
 * has. */
static bool check_fits(const state_list *list, const rv_safetensors *file, uint8_t *used)
{
    problems p = {0};
    memset(used, 0, (size_t)file->count);
    for (int i = 0; i < list->count; i++) {
        const rv_file_tensor *from = rv_safetensors_find(file, list->names[i]);
        if (from == NULL) {
            say(&p, "\"%.60s\" is missing", list->names[i]);
        } else {
            used[from - file->tensors] = 1;
            compare(&p, list->names[i], list->tensors[i], from);
        }
    }
    for (int64_t i = 0; i < file->count; i++)
        if (!used[i] && !belongs_elsewhere(list, file->tensors[i].name))
            say(&p, "\"%.60s\" is not expected", file->tensors[i].name);
    if (p.count == 0)
        return true;
    char more[32] = "";
    if (p.count > PROBLEMS_SHOWN)
        snprintf(more, sizeof more, "; and %d more", p.count - PROBLEMS_SHOWN);
    return rv_fail(RV_ERROR_STATE, list->who, "\"%s\" does not fit: %s%s", file->path, p.text,
                   more);
}

/* Reads all that is needed, then changes the tensors. What is read lives in the open scope. */
static bool copy_over(const state_list *list, const rv_safetensors *file, rv_tensor **loaded)
{
    for (int i = 0; i < list->count; i++) {
        loaded[i] = rv_safetensors_load(file, rv_safetensors_find(file, list->names[i]));
        if (loaded[i] == NULL)
            return false;
    }
    const bool recorded = rv_set_recording(false);
    bool ok = true;
    for (int i = 0; ok && i < list->count; i++)
        ok = rv_copy_into(list->tensors[i], loaded[i]) != NULL;
    rv_set_recording(recorded);
    return ok;
}

static bool load(const state_list *list, const rv_safetensors *file)
{
    const size_t used_bytes = (size_t)file->count,
                 loaded_bytes = (size_t)list->count * sizeof(rv_tensor *);
    uint8_t *used = rv_memory_get(list->who, used_bytes);
    rv_tensor **loaded = used ? rv_memory_get(list->who, loaded_bytes) : NULL;
    const bool ok = loaded != NULL && check_fits(list, file, used) && copy_over(list, file, loaded);
    rv_memory_put(used, used_bytes);
    rv_memory_put(loaded, loaded_bytes);
    return ok;
}

bool rv_load_n(const char *path, void *const *objects, int n)
{
    RV_SCOPE;
    state_list list;
    rv_safetensors file;
    bool ok = list_make(&list, "load", objects, n) && rv_safetensors_open("load", path, &file);
    if (ok) {
        ok = load(&list, &file);
        rv_safetensors_close(&file);
    }
    list_free(&list);
    return ok;
}

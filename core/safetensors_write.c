/* safetensors_write.c - tensors become a safetensors file.
 *
 * Larger elements come first, so that with a header padded to a multiple of 8 every tensor is
 * aligned in the file. Shapes and offsets go into the JSON as text: whole numbers stay whole.
 */

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/platform.h"
#include "core/safetensors.h"
#include "core/save.h"

#define ALIGNMENT 8

/* A tensor with its name and, once sorted, its place. */
typedef struct entry {
    const char *name;
    const rv_tensor *tensor;
    int64_t bytes;
    int order; /* in which it was given */
} entry;

/* ---- checking and sorting -------------------------------------------------------------------- */

static bool check_name(const char *who, const char *name, int i)
{
    if (name == NULL)
        return rv_fail(RV_ERROR_NULL, who, "name %d is NULL", i);
    const char *wrong = name[0] == '\0'                              ? "is empty"
                        : !rv_is_utf8(name, strlen(name))            ? "is not UTF-8"
                        : strcmp(name, RV_SAFETENSORS_METADATA) == 0 ? "is taken by the format"
                                                                     : NULL;
    return wrong == NULL ||
           rv_fail(RV_ERROR_ARGUMENT, who, "name %d, \"%.80s\", %s", i, name, wrong);
}

static bool check_entry(const char *who, const char *name, const rv_tensor *t, int i, entry *e)
{
    if (!check_name(who, name, i) || !rv_check(who, i, t))
        return false;
    for (int axis = 0; axis < t->ndim; axis++)
        if (t->shape[axis] > RV_JSON_LIMIT)
            return rv_fail(RV_ERROR_SHAPE, who, "\"%.80s\" is %s; a size may be up to 2^53 - 1",
                           name, RV_SHAPE_OF(t));
    *e = (entry){name, t, t->numel * (int64_t)rv_dtype_size(t->dtype), i};
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Larger elements first, then as given. */
static int compare_places(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    const size_t size_x = rv_dtype_size(x->tensor->dtype), size_y = rv_dtype_size(y->tensor->dtype);
    return size_x != size_y ? (size_x < size_y ? 1 : -1) : x->order - y->order;
}

static bool make_entries(const char *who, const char *const *names, rv_tensor *const *tensors,
                         int n, entry *entries)
{
    for (int i = 0; i < n; i++)
        if (!check_entry(who, names[i], tensors[i], i, &entries[i]))
            return false;
    qsort(entries, (size_t)n, sizeof *entries, compare_names);
    for (int i = 1; i < n; i++)
        if (compare_names(&entries[i - 1], &entries[i]) == 0)
            return rv_fail(RV_ERROR_ARGUMENT, who, "two tensors have the name \"%.80s\"",
                           entries[i].name);
    qsort(entries, (size_t)n, sizeof *entries, compare_places);
    return true;
}

/* ---- the header ------------------------------------------------------------------------------ */

static bool add_entry(cJSON *header, const entry *e, int64_t begin)
{
    char offsets[64];
    snprintf(offsets, sizeof offsets, "[%lld,%lld]", (long long)begin,
             (long long)(begin + e->bytes));
    cJSON *item = cJSON_AddObjectToObject(header, e->name);
    return item != NULL &&
           cJSON_AddStringToObject(item, "dtype", rv_dtype_name(e->tensor->dtype)) != NULL &&
           cJSON_AddRawToObject(item, "shape", RV_SHAPE_OF(e->tensor)) != NULL &&
           cJSON_AddRawToObject(item, "data_offsets", offsets) != NULL;
}

/* The header's text, to be freed with cJSON_free; NULL without memory. */
static char *make_header(const entry *entries, int n)
{
    cJSON *header = cJSON_CreateObject();
    cJSON *metadata = header ? cJSON_AddObjectToObject(header, RV_SAFETENSORS_METADATA) : NULL;
    bool ok = metadata != NULL && cJSON_AddStringToObject(metadata, "format", "pt") != NULL;
    int64_t begin = 0;
    for (int i = 0; ok && i < n; i++) {
        ok = add_entry(header, &entries[i], begin);
        begin += entries[i].bytes;
    }
    char *text = ok ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return text;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool put(FILE *file, const void *from, size_t bytes)
{
    return bytes == 0 || fwrite(from, 1, bytes, file) == bytes;
}

static bool put_header(FILE *file, const char *text)
{
    static const char spaces[ALIGNMENT] = "       ";
    const size_t length = strlen(text), padding = (ALIGNMENT - length % ALIGNMENT) % ALIGNMENT;
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)(length + padding) >> (8 * i));
    return put(file, bytes, sizeof bytes) && put(file, text, length) && put(file, spaces, padding);
}

static bool put_all(const char *who, const char *path, FILE *file, const char *header,
                    const entry *entries, int n)
{
    errno = 0;
    bool ok = put_header(file, header);
    for (int i = 0; ok && i < n; i++) {
        RV_SCOPE;
        const rv_tensor *packed = rv_raw_contiguous(who, entries[i].tensor);
        if (packed == NULL)
            return false;
        ok = put(file, packed->data, (size_t)entries[i].bytes);
    }
    return ok || rv_fail(RV_ERROR_FILE, who, "\"%s\" was not written: %s", path,
                         errno ? strerror(errno) : "the system gives no reason");
}

static bool write_file(const char *who, const char *path, const entry *entries, int n)
{
    char *header = make_header(entries, n);
    if (header == NULL)
        return rv_fail(RV_ERROR_MEMORY, who, "out of memory for the header of %d tensors", n);
    rv_replacement *replacement = rv_replace_begin(who, path);
    bool ok =
        replacement != NULL && put_all(who, path, rv_replace_file(replacement), header, entries, n);
    if (ok)
        ok = rv_replace_commit(replacement);
    else if (replacement != NULL)
        rv_replace_cancel(replacement);
    cJSON_free(header);
    return ok;
}

bool rv_safetensors_save(const char *who, const char *path, const char *const *names,
                         rv_tensor *const *tensors, int n)
{
    if (n < 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d tensors", n);
    if (path == NULL || (n > 0 && (names == NULL || tensors == NULL)))
        return rv_fail(RV_ERROR_NULL, who, "the %s NULL",
                       path == NULL ? "path is" : "names or tensors are");
    const size_t bytes =
        ((size_t)n + 1) * sizeof(entry); /* at least one: memory of no size is none */
    entry *entries = rv_memory_get(who, bytes);
    const bool ok = entries != NULL && make_entries(who, names, tensors, n, entries) &&
                    write_file(who, path, entries, n);
    rv_memory_put(entries, bytes);
    return ok;
}

bool rv_safetensors_write(const char *path, const char *const *names, rv_tensor *const *tensors,
                          int n)
{
    return rv_safetensors_save("safetensors_write", path, names, tensors, n);
}

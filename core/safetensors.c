/* safetensors.c - reading a safetensors file that anybody may have made.
 *
 * The header is read, parsed (by cJSON) and checked as a whole: every number, every name, and that
 * the tensors fill the file without gap or overlap. Only then is memory taken for a tensor, and
 * never more than its bytes in the file.
 */

#include "core/safetensors.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/platform.h"
#include "core/save.h"
#include "core/tensor_make.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are read as they are");

#define LENGTH_BYTES 8
#define HEADER_LIMIT 100000000 /* as in the format's own library */

/* Records that the file is not what the format says. */
static bool damaged(const rv_safetensors *f, const char *format, ...) RV_PRINTF(2, 3);
static bool damaged(const rv_safetensors *f, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return rv_fail(RV_ERROR_FORMAT, f->who, "\"%s\" is no safetensors file: %s", f->path, text);
}

/* ---- text ------------------------------------------------------------------------------------ */

/* The length of the UTF-8 sequence at `at`, 0 if it is none: overlong forms, surrogates and what is
 * beyond U+10FFFF are none (RFC 3629). */
static size_t utf8_sequence(const unsigned char *at, size_t left)
{
    const unsigned char first = at[0];
    const size_t length = first < 0x80   ? 1
                          : first < 0xC2 ? 0
                          : first < 0xE0 ? 2
                          : first < 0xF0 ? 3
                          : first < 0xF5 ? 4
                                         : 0;
    if (first == 0 || length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    const bool wrong = (first == 0xE0 && at[1] < 0xA0) || (first == 0xED && at[1] > 0x9F) ||
                       (first == 0xF0 && at[1] < 0x90) || (first == 0xF4 && at[1] > 0x8F);
    return wrong ? 0 : length;
}

bool rv_is_utf8(const char *text, size_t bytes)
{
    size_t at = 0, length = 1;
    for (; at < bytes && length > 0; at += length)
        length = utf8_sequence((const unsigned char *)text + at, bytes - at);
    return length > 0;
}

/* Whether a string in the JSON text has the character 0, which would cut it off in C. */
static bool has_escaped_zero(const char *text)
{
    for (const char *at = strchr(text, '\\'); at != NULL; at = strchr(at + 2, '\\')) {
        if (strncmp(at + 1, "u0000", 5) == 0)
            return true;
        if (at[1] == '\0')
            break;
    }
    return false;
}

/* ---- the header ------------------------------------------------------------------------------ */

/* A number that is whole, not negative, and exact. */
static bool whole_number(const cJSON *item, int64_t *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
        item->valuedouble > (double)RV_JSON_LIMIT)
        return false;
    *value = (int64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static bool not_read(const rv_safetensors *f, const char *name, const char *dtype)
{
    return rv_fail(RV_ERROR_DTYPE, f->who,
                   "\"%s\": \"%.80s\" is %.20s; only F32, F64, I64 and U8 can be read", f->path,
                   name, dtype);
}

static bool parse_dtype(const rv_safetensors *f, const cJSON *item, rv_file_tensor *t)
{
    const char *dtype = cJSON_GetStringValue(item);
    if (dtype == NULL)
        return damaged(f, "the dtype of \"%.80s\" is not a string", t->name);
    t->type = rv_file_dtype_find(dtype);
    return t->type != NULL || not_read(f, t->name, dtype);
}

/* The shape, and the number of bytes that it makes. */
static bool parse_shape(const rv_safetensors *f, const cJSON *item, rv_file_tensor *t,
                        int64_t *bytes)
{
    if (!cJSON_IsArray(item))
        return damaged(f, "the shape of \"%.80s\" is not a list", t->name);
    int64_t step = t->type->bits; /* of memory that an empty axis would step */
    int64_t bits = step;
    const cJSON *size;
    cJSON_ArrayForEach(size, item)
    {
        if (t->ndim == RV_MAX_DIMENSIONS)
            return rv_fail(RV_ERROR_SHAPE, f->who, "\"%s\": \"%.80s\" has more than %d dimensions",
                           f->path, t->name, RV_MAX_DIMENSIONS);
        int64_t *axis = &t->shape[t->ndim++];
        if (!whole_number(size, axis))
            return damaged(f, "a size of \"%.80s\" is not a whole number below 2^53", t->name);
        if (__builtin_mul_overflow(step, *axis > 0 ? *axis : 1, &step))
            return damaged(f, "\"%.80s\" is larger than memory", t->name);
        bits *= *axis;
    }
    *bytes = bits / 8;
    return bits % 8 == 0 || damaged(f, "\"%.80s\" is %s %s, no whole number of bytes", t->name,
                                    t->type->name, RV_SHAPE_OF(t));
}

static bool parse_offsets(const rv_safetensors *f, const cJSON *item, rv_file_tensor *t,
                          int64_t bytes)
{
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 ||
        !whole_number(cJSON_GetArrayItem(item, 0), &t->begin) ||
        !whole_number(cJSON_GetArrayItem(item, 1), &t->end))
        return damaged(f, "the data_offsets of \"%.80s\" are not two whole numbers below 2^53",
                       t->name);
    if (t->end < t->begin || t->end - t->begin != bytes)
        return damaged(f, "\"%.80s\" is %s %s, %lld bytes, and its data_offsets are [%lld,%lld]",
                       t->name, t->type->name, RV_SHAPE_OF(t), (long long)bytes,
                       (long long)t->begin, (long long)t->end);
    return true;
}

static bool parse_tensor(const rv_safetensors *f, const cJSON *item, rv_file_tensor *t)
{
    *t = (rv_file_tensor){.name = item->string};
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    int64_t bytes = 0;
    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) != 3 || !dtype || !shape || !offsets)
        return damaged(f, "\"%.80s\" is not a dtype, a shape and data_offsets", t->name);
    return parse_dtype(f, dtype, t) && parse_shape(f, shape, t, &bytes) &&
           parse_offsets(f, offsets, t, bytes);
}

static int compare_keys(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Whether an object has no name twice. */
static bool check_keys(const rv_safetensors *f, const cJSON *object)
{
    const int64_t count = cJSON_GetArraySize(object);
    const size_t bytes = ((size_t)count + 1) * sizeof(char *);
    const char **keys = rv_memory_get(f->who, bytes), **end = keys;
    const cJSON *item;
    if (keys == NULL)
        return false;
    cJSON_ArrayForEach(item, object) *end++ = item->string;
    qsort(keys, (size_t)count, sizeof *keys, compare_keys);
    const char *twice = NULL;
    for (int64_t i = 1; i < count && twice == NULL; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            twice = keys[i];
    const bool ok = twice == NULL || damaged(f, "the name \"%.80s\" is there twice", twice);
    rv_memory_put(keys, bytes);
    return ok;
}

static bool check_metadata(const rv_safetensors *f, const cJSON *metadata)
{
    bool ok = cJSON_IsObject(metadata);
    const cJSON *item;
    cJSON_ArrayForEach(item, metadata) ok = ok && cJSON_IsString(item);
    return ok ? check_keys(f, metadata)
              : damaged(f, "%s is not an object of strings", RV_SAFETENSORS_METADATA);
}

static int compare_data(const void *a, const void *b)
{
    const rv_file_tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int compare_names(const void *a, const void *b)
{
    const rv_file_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Whether the tensors, sorted, fill the data exactly. */
static bool check_data(const rv_safetensors *f)
{
    int64_t at = 0;
    for (int64_t i = 0; i < f->count; i++) {
        const rv_file_tensor *t = &f->tensors[i];
        if (t->begin != at)
            return damaged(f, "the data of \"%.80s\" begins at %lld, %s at %lld", t->name,
                           (long long)t->begin,
                           t->begin < at ? "but what is before it ends" : "and a gap before it",
                           (long long)at);
        at = t->end;
    }
    const int64_t data_bytes = f->file_bytes - f->data_start;
    return at == data_bytes || damaged(f, "its tensors have %lld bytes, and the file has %lld",
                                       (long long)at, (long long)data_bytes);
}

/* Fills f->tensors and f->by_name from the JSON, sorted. */
static bool parse_tensors(rv_safetensors *f)
{
    const cJSON *item;
    int64_t count = 0;
    cJSON_ArrayForEach(item, (const cJSON *)f->json)
    {
        const bool metadata = strcmp(item->string, RV_SAFETENSORS_METADATA) == 0;
        if (metadata ? !check_metadata(f, item) : !parse_tensor(f, item, &f->tensors[count++]))
            return false;
    }
    f->count = count;
    qsort(f->tensors, (size_t)count, sizeof *f->tensors, compare_data);
    for (int64_t i = 0; i < count; i++)
        f->by_name[i] = &f->tensors[i];
    qsort(f->by_name, (size_t)count, sizeof *f->by_name, compare_names);
    return check_keys(f, f->json) && check_data(f);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Parses the JSON in `text`, which has a zero after its `length` bytes. */
static bool parse_header(rv_safetensors *f, const char *text, size_t length)
{
    if (text[0] != '{' || !rv_is_utf8(text, length))
        return damaged(f, "its header %s",
                       text[0] == '{' ? "is not UTF-8" : "does not begin with '{'");
    if (has_escaped_zero(text))
        return damaged(f, "a string in its header has the character 0");
    const char *end = text;
    /* The zero is part of what cJSON may read: some versions look one byte too far. */
    cJSON *json = cJSON_ParseWithLengthOpts(text, length + 1, &end, false);
    f->json = json;
    if (json == NULL)
        return damaged(f, "its header is not JSON, from byte %lld on (or memory is out)",
                       (long long)(end - text));
    end += strspn(end, " \t\r\n");
    if (!cJSON_IsObject(json) || end != text + length)
        return damaged(f, "its header is more than one JSON object");
    f->room = cJSON_GetArraySize(json) + 1; /* at least one: memory of no size is none */
    f->tensors = rv_memory_get(f->who, (size_t)f->room * sizeof *f->tensors);
    f->by_name = f->tensors ? rv_memory_get(f->who, (size_t)f->room * sizeof *f->by_name) : NULL;
    return f->by_name != NULL && parse_tensors(f);
}

/* Reads what stands at the file's present place. */
static bool read_bytes(const rv_safetensors *f, void *to, size_t bytes)
{
    errno = 0;
    if (fread(to, 1, bytes, f->file) == bytes)
        return true;
    return rv_fail(RV_ERROR_FILE, f->who, "\"%s\" cannot be read: %s", f->path,
                   errno ? strerror(errno) : "it became shorter");
}

static bool read_header(rv_safetensors *f)
{
    unsigned char bytes[LENGTH_BYTES];
    if (f->file_bytes < LENGTH_BYTES)
        return damaged(f, "it has %lld bytes; its header's length alone takes %d",
                       (long long)f->file_bytes, LENGTH_BYTES);
    if (!read_bytes(f, bytes, LENGTH_BYTES))
        return false;
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | bytes[i];
    const uint64_t left = (uint64_t)(f->file_bytes - LENGTH_BYTES);
    if (length < 2 || length > left || length > HEADER_LIMIT)
        return damaged(f,
                       "its header is said to have %llu bytes; the file has %llu left, and a "
                       "header from 2 to %d",
                       (unsigned long long)length, (unsigned long long)left, HEADER_LIMIT);
    f->data_start = LENGTH_BYTES + (int64_t)length;
    char *text = rv_memory_get(f->who, (size_t)length + 1);
    if (text == NULL)
        return false;
    text[length] = '\0';
    const bool ok = read_bytes(f, text, (size_t)length) && parse_header(f, text, (size_t)length);
    rv_memory_put(text, (size_t)length + 1);
    return ok;
}

bool rv_safetensors_open(const char *who, const char *path, rv_safetensors *f)
{
    *f = (rv_safetensors){.who = who, .path = path};
    if (path == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the path is NULL");
    f->file_bytes = rv_file_size(path);
    f->file = f->file_bytes >= 0 ? fopen(path, "rb") : NULL;
    if (f->file == NULL)
        return rv_fail(RV_ERROR_FILE, who, "\"%s\" cannot be read: %s", path, strerror(errno));
    if (read_header(f))
        return true;
    rv_safetensors_close(f);
    return false;
}

void rv_safetensors_close(rv_safetensors *f)
{
    rv_memory_put(f->by_name, (size_t)f->room * sizeof *f->by_name);
    rv_memory_put(f->tensors, (size_t)f->room * sizeof *f->tensors);
    cJSON_Delete(f->json);
    if (f->file != NULL)
        fclose(f->file);
    *f = (rv_safetensors){0};
}

/* ---- tensors --------------------------------------------------------------------------------- */

const rv_file_tensor *rv_safetensors_find(const rv_safetensors *f, const char *name)
{
    int64_t low = 0, high = f->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(f->by_name[middle]->name, name);
        if (order == 0)
            return f->by_name[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Reads the bytes of `t` into `to`. */
static bool read_data(const rv_safetensors *f, const rv_file_tensor *t, void *to)
{
    if (fseek(f->file, (long)(f->data_start + t->begin), SEEK_SET) != 0)
        return rv_fail(RV_ERROR_FILE, f->who, "\"%s\" cannot be read: %s", f->path,
                       strerror(errno));
    return read_bytes(f, to, (size_t)(t->end - t->begin));
}

rv_tensor *rv_safetensors_load(const rv_safetensors *f, const rv_file_tensor *t)
{
    if (t->type->dtype == RV_DTYPE_COUNT) {
        not_read(f, t->name, t->type->name);
        return NULL;
    }
    rv_tensor *loaded = rv_make(f->who, t->type->dtype, t->ndim, t->shape);
    if (loaded == NULL || rv_file_dtype_is_exact(t->type))
        return loaded != NULL && read_data(f, t, loaded->data) ? loaded : NULL;
    const size_t bytes = (size_t)(t->end - t->begin);
    uint16_t *narrow = rv_memory_get(f->who, bytes);
    const bool ok = narrow != NULL && read_data(f, t, narrow);
    if (ok)
        rv_file_dtype_widen(t->type, narrow, loaded->numel, (float *)loaded->data);
    rv_memory_put(narrow, bytes);
    return ok ? loaded : NULL;
}

bool rv_safetensors_read(const char *path, rv_state_visit *visit, void *context)
{
    const char *who = "safetensors_read";
    rv_safetensors f;
    if (visit == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the function is NULL");
    if (!rv_safetensors_open(who, path, &f))
        return false;
    bool ok = true;
    for (int64_t i = 0; ok && i < f.count; i++)
        ok = rv_file_dtype_is_exact(f.tensors[i].type) ||
             not_read(&f, f.tensors[i].name, f.tensors[i].type->name);
    for (int64_t i = 0; ok && i < f.count; i++) {
        RV_SCOPE;
        rv_tensor *t = rv_safetensors_load(&f, &f.tensors[i]);
        ok = t != NULL && visit(context, f.tensors[i].name, t);
    }
    rv_safetensors_close(&f);
    return ok;
}

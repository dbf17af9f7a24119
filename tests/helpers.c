/* helpers.c - what the suites share. Elements are read through strides by code of its own, and
 * golden files by a reader of its own, so that the library is not compared with itself. */
#include "helpers.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool because(reason *why, const char *format, ...)
{
    if (why->text[0] != '\0')
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- elements -------------------------------------------------------------------------------- */

double at(const rv_tensor *t, int64_t i)
{
    int64_t offset = 0;
    for (int axis = t->ndim - 1; axis >= 0; axis--) {
        offset += i % t->shape[axis] * t->strides[axis];
        i /= t->shape[axis];
    }
    const void *element = t->data + offset * (int64_t)rv_dtype_size(t->dtype);
    switch (t->dtype) {
    case RV_F32: return *(const float *)element;
    case RV_F64: return *(const double *)element;
    case RV_I64: return (double)*(const int64_t *)element;
    case RV_U8: return *(const uint8_t *)element;
    default: return NAN;
    }
}

rv_tensor *vector_of(int64_t n, const double *values)
{
    return rv_from_array_n(values, RV_F64, 1, &n);
}

rv_tensor *waves(int64_t rows, int64_t columns, double first)
{
    rv_tensor *t = rv_zeros(RV_F64, rows, columns);
    for (int64_t i = 0; t != NULL && i < t->numel; i++)
        ((double *)t->data)[i] = first + sin(1.3 * (double)i);
    return t;
}

static bool is_near_number(double got, double want, double tolerance)
{
    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

bool holds(const rv_tensor *t, double tolerance, int64_t n, const double *values)
{
    if (t == NULL || t->numel != n) {
        fprintf(stderr, "expected %lld elements, got %lld\n", (long long)n, (long long)rv_numel(t));
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        if (is_near_number(at(t, i), values[i], tolerance))
            continue;
        fprintf(stderr, "element %lld is %.17g, expected %.17g\n", (long long)i, at(t, i),
                values[i]);
        return false;
    }
    return true;
}

bool is_near(const rv_tensor *got, const rv_tensor *want, double tolerance, reason *why)
{
    if (got == NULL || want == NULL)
        return because(why, "%s is NULL", got == NULL ? "the result" : "what is expected");
    if (got->ndim != want->ndim ||
        memcmp(got->shape, want->shape, sizeof *got->shape * (size_t)got->ndim) != 0)
        return because(why, "shape %s, expected %s", RV_SHAPE_OF(got), RV_SHAPE_OF(want));
    for (int64_t i = 0; i < want->numel; i++)
        if (!is_near_number(at(got, i), at(want, i), tolerance))
            return because(why, "element %lld of %s is %.17g, expected %.17g", (long long)i,
                           RV_SHAPE_OF(want), at(got, i), at(want, i));
    return true;
}

/* ---- errors ---------------------------------------------------------------------------------- */

bool contains(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in: %s\n", part, text);
    return false;
}

bool error_is(rv_status status, const char *text)
{
    const rv_status got = rv_error_status();
    const char *message = rv_error();
    if (message != NULL && got == status && strstr(message, text) != NULL)
        return true;
    fprintf(stderr, "expected the error \"%s\" with \"%s\"; got \"%s\": %s\n",
            rv_status_text(status), text, rv_status_text(got), message != NULL ? message : "none");
    return false;
}

bool no_error(void)
{
    const char *message = rv_error();
    if (message != NULL)
        fprintf(stderr, "expected no error, got: %s\n", message);
    return message == NULL;
}

/* ---- layouts --------------------------------------------------------------------------------- */

rv_tensor *laid_out(const rv_tensor *t, layout how)
{
    int64_t span = how == LAYOUT_STEPPED ? 3 : 1, strides[RV_MAX_DIMENSIONS];
    const int64_t before = how == LAYOUT_STEPPED ? 5 : 0;
    for (int i = 0; i < t->ndim; i++) {
        const int axis = how == LAYOUT_TRANSPOSED ? i : t->ndim - 1 - i;
        strides[axis] = span;
        const int64_t size = t->shape[axis] > 0 ? t->shape[axis] : 1;
        span *= size + (how == LAYOUT_STEPPED ? 1 : 0);
    }
    span += before;
    const rv_tensor *memory = rv_zeros_n(t->dtype, 1, &span);
    if (memory == NULL)
        return NULL;
    char *data = memory->data + before * (int64_t)rv_dtype_size(t->dtype);
    rv_tensor *copy =
        rv_raw_view("laid_out", memory->storage, data, t->dtype, t->ndim, t->shape, strides);
    return rv_copy_into(copy, t);
}

uint64_t hash_of(uint64_t hash, const rv_tensor *t)
{
    const char *bytes = t->data;
    for (size_t i = 0; i < (size_t)t->numel * rv_dtype_size(t->dtype); i++)
        hash = (hash ^ (uint8_t)bytes[i]) * 0x100000001b3u;
    return hash;
}

/* ---- golden files ---------------------------------------------------------------------------- */

struct golden {
    char *bytes; /* the file: 8 bytes of header size, the header (JSON), the elements */
    uint64_t header;
    cJSON *json;
};

static golden *broken(golden *g, const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    golden_close(g);
    return NULL;
}

golden *golden_open(const char *file)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", RV_GOLDEN, file);
    golden *g = calloc(1, sizeof *g);
    FILE *stream = fopen(path, "rb");
    if (g == NULL || stream == NULL) {
        if (stream != NULL)
            fclose(stream);
        return broken(g, path, "cannot be opened");
    }
    fseek(stream, 0, SEEK_END);
    const long size = ftell(stream);
    rewind(stream);
    g->bytes = size > 8 ? malloc((size_t)size) : NULL;
    const bool read = g->bytes != NULL && fread(g->bytes, 1, (size_t)size, stream) == (size_t)size;
    fclose(stream);
    if (!read)
        return broken(g, path, "cannot be read");
    memcpy(&g->header, g->bytes, sizeof g->header);
    if (g->header > (uint64_t)size - 8)
        return broken(g, path, "is truncated");
    g->json = cJSON_ParseWithLength(g->bytes + 8, g->header);
    return g->json != NULL ? g : broken(g, path, "has no JSON header");
}

void golden_close(golden *g)
{
    if (g == NULL)
        return;
    cJSON_Delete(g->json);
    free(g->bytes);
    free(g);
}

rv_tensor *golden_tensor(const golden *g, const char *name_format, ...)
{
    char name[300];
    va_list arguments;
    va_start(arguments, name_format);
    vsnprintf(name, sizeof name, name_format, arguments);
    va_end(arguments);
    const cJSON *entry = cJSON_GetObjectItemCaseSensitive(g->json, name);
    if (entry == NULL)
        return NULL;

    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "dtype"));
    rv_dtype dtype = RV_F32;
    while (dtype < RV_DTYPE_COUNT && strcmp(rv_dtype_name(dtype), text) != 0)
        dtype++;
    int64_t shape[RV_MAX_DIMENSIONS];
    int ndim = 0;
    const cJSON *size;
    cJSON_ArrayForEach(size, cJSON_GetObjectItemCaseSensitive(entry, "shape"))
    {
        if (ndim < RV_MAX_DIMENSIONS)
            shape[ndim++] = (int64_t)size->valuedouble;
    }
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    const size_t start = (size_t)cJSON_GetArrayItem(offsets, 0)->valuedouble;
    rv_tensor *t = rv_empty_n(dtype, ndim, shape);
    if (t != NULL) /* the file does not align, so its bytes are copied */
        memcpy(t->data, g->bytes + 8 + g->header + start, (size_t)t->numel * rv_dtype_size(dtype));
    return t;
}

typedef struct state_walk {
    const golden *g;
    const char *prefix;
    bool load; /* else: compare */
    double tolerance;
    int count, seen; /* of the tensors that the file has too; of all */
    reason *why;
} state_walk;

static bool visit_state(void *context, const char *name, rv_tensor *t)
{
    RV_NO_GRAD;
    state_walk *w = context;
    const rv_tensor *want = golden_tensor(w->g, "%s%s", w->prefix, name);
    w->seen++;
    if (want == NULL)
        return !w->load || because(w->why, "the file has no %s%s", w->prefix, name);
    w->count++;
    if (want->dtype != t->dtype || !rv_same_shape(want, t))
        return because(w->why, "%s is %s %s, in the file %s %s", name, rv_dtype_name(t->dtype),
                       RV_SHAPE_OF(t), rv_dtype_name(want->dtype), RV_SHAPE_OF(want));
    if (w->load)
        return rv_copy_into(t, want) != NULL;
    reason far = {""};
    return is_near(t, want, w->tolerance, &far) || because(w->why, "%s: %s", name, far.text);
}

static bool walk_state(state_walk *w, rv_layer *layer)
{
    int count = 0;
    for (const cJSON *entry = w->g->json->child; entry != NULL; entry = entry->next)
        count += strncmp(entry->string, w->prefix, strlen(w->prefix)) == 0;
    if (!rv_state(layer, visit_state, w))
        return false;
    if (w->seen > 0 && count == 0)
        return because(w->why, "the file has nothing under %s", w->prefix);
    return count == w->count ||
           because(w->why, "%d of the file's %d names under %s", w->count, count, w->prefix);
}

bool golden_load_state(const golden *g, const char *prefix, rv_layer *layer, reason *why)
{
    return walk_state(&(state_walk){.g = g, .prefix = prefix, .load = true, .why = why}, layer);
}

bool golden_same_state(const golden *g, const char *prefix, rv_layer *layer, double tolerance,
                       reason *why)
{
    return walk_state(&(state_walk){.g = g, .prefix = prefix, .tolerance = tolerance, .why = why},
                      layer);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void *run_body(void *body)
{
    (*(void (**)(void))body)();
    return NULL;
}

bool on_small_stack(size_t bytes, void (*body)(void))
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    const bool started = pthread_attr_setstacksize(&attributes, bytes) == 0 &&
                         pthread_create(&thread, &attributes, run_body, &body) == 0;
    pthread_attr_destroy(&attributes);
    return started && pthread_join(thread, NULL) == 0;
}

/* ---- states ---------------------------------------------------------------------------------- */

typedef struct listing {
    bool dtypes;
    size_t size;
    char *text;
} listing;

static bool list_one(void *context, const char *name, rv_tensor *t)
{
    const listing *l = context;
    const size_t used = strlen(l->text);
    snprintf(l->text + used, l->size - used, "%s%s%s%s ", name, l->dtypes ? ":" : "",
             l->dtypes ? rv_dtype_name(t->dtype) : "", RV_SHAPE_OF(t));
    return true;
}

bool list_state(void *object, bool dtypes, size_t size, char *text)
{
    text[0] = '\0';
    return rv_state(object, list_one, &(listing){dtypes, size, text});
}

typedef struct state_change {
    const char *name;
    double value;
    bool is_found;
} state_change;

static bool write_one(void *context, const char *name, rv_tensor *t)
{
    state_change *c = context;
    if (strcmp(name, c->name) != 0)
        return true;
    c->is_found = true;
    return rv_fill(t, c->value) != NULL;
}

bool write_state(void *object, const char *name, double value)
{
    state_change c = {name, value, false};
    return rv_state(object, write_one, &c) && c.is_found;
}

/* load.c - a file becomes the states of objects.
 *
 * In two phases. First every tensor of the objects is looked for in the file and compared with what
 * stands there, and all that is needed is read into memory. Only when nothing is wrong are the
 * values copied over, which cannot fail.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/safetensors.h"
#include "core/save.h"
#include "core/state_list.h"

#define PROBLEMS_SHOWN 8

/* How a tensor of the objects and the file agree. From MISMATCHED on the file has it. */
typedef enum fit {
    FITS,
    MISSING,
    MISMATCHED, /* in shape or dtype */
    EXPANDED,   /* its elements share memory */
    AMBIGUOUS   /* it has two names, and the file has other bytes under each */
} fit;

/* A tensor of the objects. */
typedef struct target {
    const rv_file_tensor *from; /* NULL: missing */
    const char *other;          /* under which other name the file has it, if AMBIGUOUS */
    fit fit;
    rv_tensor *loaded; /* its new values; the scope's */
} target;

/* What is loaded. */
typedef struct loading {
    rv_state_list list;
    rv_safetensors file;
    bool strict, skip_mismatched, cast;
    target *targets; /* [list.count] */
    uint8_t *known;  /* [file.count]: 1 for each tensor of the file that is used, or not ours */
} loading;

/* ---- comparing ------------------------------------------------------------------------------- */

static bool takes_dtype(const loading *l, const rv_tensor *t, const rv_file_dtype *type)
{
    if (type->dtype == t->dtype && rv_file_dtype_is_exact(type))
        return true;
    return l->cast && rv_dtype_is_floating(t->dtype) && rv_dtype_is_floating(type->dtype);
}

static fit compare(const loading *l, const rv_tensor *t, const rv_file_tensor *from)
{
    bool same = takes_dtype(l, t, from->type) && t->ndim == from->ndim;
    for (int i = 0; same && i < t->ndim; i++)
        same = t->shape[i] == from->shape[i];
    if (!same)
        return MISMATCHED;
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] == 0 && t->shape[i] > 1)
            return EXPANDED;
    return FITS;
}

static void use(loading *l, int i, const rv_file_tensor *from)
{
    l->known[from - l->file.tensors] = 1;
    l->targets[i].from = from;
    l->targets[i].fit = compare(l, l->list.tensors[i], from);
}

/* Whether two tensors of the file are the same; false with an error if they cannot be read. */
static bool same_in_file(const loading *l, const rv_file_tensor *a, const rv_file_tensor *b,
                         bool *same)
{
    *same = a->type == b->type && a->ndim == b->ndim &&
            memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
    if (!*same || a->type->dtype == RV_DTYPE_COUNT)
        return true;
    RV_SCOPE;
    const rv_tensor *x = rv_safetensors_load(&l->file, a), *y = rv_safetensors_load(&l->file, b);
    if (x == NULL || y == NULL)
        return false;
    const size_t bytes = (size_t)x->numel * rv_dtype_size(x->dtype);
    *same = memcmp(x->data, y->data, bytes) == 0;
    return true;
}

/* Called with all names of the list's tensors: a tensor that has several may stand in the file
 * under any of them, and under more than one if they agree. */
static bool visit_name(void *context, const char *name, rv_tensor *tensor)
{
    loading *l = context;
    const rv_file_tensor *from = rv_safetensors_find(&l->file, name);
    if (from == NULL || l->known[from - l->file.tensors])
        return true;
    int i = 0;
    while (i < l->list.count && l->list.tensors[i] != tensor)
        i++;
    if (i == l->list.count)
        return true;
    target *t = &l->targets[i];
    if (t->from == NULL) {
        use(l, i, from);
        return true;
    }
    bool same;
    l->known[from - l->file.tensors] = 1;
    if (!same_in_file(l, t->from, from, &same))
        return false;
    if (!same) {
        t->fit = AMBIGUOUS;
        t->other = from->name;
    }
    return true;
}

/* Finds everything in the file. */
static bool look_up(loading *l)
{
    memset(l->known, 0, (size_t)l->file.count);
    for (int i = 0; i < l->list.count; i++) {
        const rv_file_tensor *from = rv_safetensors_find(&l->file, l->list.names[i]);
        l->targets[i] = (target){.fit = MISSING};
        if (from != NULL)
            use(l, i, from);
    }
    if (!rv_state_list_names(&l->list, visit_name, l))
        return false;
    for (int64_t i = 0; i < l->file.count; i++)
        if (rv_state_list_is_foreign(&l->list, l->file.tensors[i].name))
            l->known[i] = 1;
    return true;
}

/* ---- what does not fit, in words ------------------------------------------------------------- */

typedef struct problems {
    int64_t count;
    size_t used;
    char text[2048];
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

static void say_target(problems *p, const loading *l, int i)
{
    const target *t = &l->targets[i];
    const rv_tensor *tensor = l->list.tensors[i];
    const char *name = l->list.names[i];
    switch (t->fit) {
    case FITS: break;
    case MISSING: say(p, "\"%.60s\" is missing", name); break;
    case MISMATCHED:
        say(p, "\"%.60s\" is %s %.60s, not %s %.60s", name, t->from->type->name,
            RV_SHAPE_OF(t->from), rv_dtype_name(tensor->dtype), RV_SHAPE_OF(tensor));
        break;
    case EXPANDED:
        say(p, "\"%.60s\" goes into an expanded tensor, whose elements share memory", name);
        break;
    case AMBIGUOUS:
        say(p, "\"%.60s\" and \"%.60s\" are one tensor, and differ in the file", t->from->name,
            t->other);
        break;
    }
}

/* All that does not fit, or only that which the options do not allow. */
static void describe(problems *p, const loading *l, bool all)
{
    *p = (problems){0};
    for (int i = 0; i < l->list.count; i++) {
        const bool allowed = l->targets[i].fit == MISSING ? !l->strict : l->skip_mismatched;
        if (all || !allowed)
            say_target(p, l, i);
    }
    for (int64_t i = 0; i < l->file.count && (all || l->strict); i++)
        if (!l->known[i])
            say(p, "\"%.60s\" is not expected", l->file.tensors[i].name);
    if (p->count > PROBLEMS_SHOWN)
        snprintf(p->text + p->used, sizeof p->text - p->used, "; and %lld more",
                 (long long)p->count - PROBLEMS_SHOWN);
}

static bool check_fits(const loading *l)
{
    problems p;
    describe(&p, l, false);
    if (p.count > 0)
        return rv_fail(RV_ERROR_STATE, l->list.who, "\"%s\" does not fit: %s", l->file.path,
                       p.text);
    bool any = l->list.count == 0;
    for (int i = 0; i < l->list.count; i++)
        any = any || l->targets[i].fit == FITS;
    return any || rv_fail(RV_ERROR_STATE, l->list.who,
                          "\"%s\" has nothing that fits: \"%.60s\" is looked for, and its %lld "
                          "tensors begin with \"%.60s\"",
                          l->file.path, l->list.names[0], (long long)l->file.count,
                          l->file.count > 0 ? l->file.tensors[0].name : "");
}

/* ---- the report ------------------------------------------------------------------------------ */

/* Memory that a report is written into: first pointers, then text. */
typedef struct report_memory {
    const char **items;
    char *text;
} report_memory;

/* Whether name i, of the list or (behind those) of the file, belongs into that part of a report. */
static const char *name_in_part(const loading *l, int64_t i, int part)
{
    if (i >= l->list.count)
        return part == 1 && !l->known[i - l->list.count] ? l->file.tensors[i - l->list.count].name
                                                         : NULL;
    const fit is = l->targets[i].fit;
    return (part == 0 && is == MISSING) || (part == 2 && is >= MISMATCHED) ? l->list.names[i]
                                                                           : NULL;
}

static const char *put_text(report_memory *m, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    memcpy(m->text, text, bytes);
    m->text += bytes;
    return m->text - bytes;
}

static rv_load_names put_names(report_memory *m, const loading *l, int part)
{
    rv_load_names names = {.items = m->items};
    for (int64_t i = 0; i < l->list.count + l->file.count; i++) {
        const char *name = name_in_part(l, i, part);
        if (name == NULL)
            continue;
        *m->items++ = put_text(m, name);
        names.count++;
    }
    return names;
}

/* Fills the report, but for how many were loaded. */
static bool make_report(const loading *l, rv_load_report *report)
{
    problems p;
    describe(&p, l, true);
    int64_t count = 0, bytes = (int64_t)strlen(p.text) + 1;
    for (int part = 0; part < 3; part++) {
        for (int64_t i = 0; i < l->list.count + l->file.count; i++) {
            const char *name = name_in_part(l, i, part);
            count += name != NULL;
            bytes += name != NULL ? (int64_t)strlen(name) + 1 : 0;
        }
    }
    const int64_t size = count * (int64_t)sizeof(char *) + bytes;
    rv_tensor *owner = rv_keep(rv_empty_n(RV_U8, 1, &size)); /* so that the scope owns it */
    if (owner == NULL)
        return false;
    report_memory m = {.items = (const char **)(void *)owner->data};
    m.text = owner->data + count * (int64_t)sizeof(char *);
    report->missing = put_names(&m, l, 0);
    report->unexpected = put_names(&m, l, 1);
    report->mismatched = put_names(&m, l, 2);
    report->message = put_text(&m, p.text);
    return true;
}

/* ---- copying --------------------------------------------------------------------------------- */

/* Whether rounding made an infinity of a finite number; false with an error if so. */
static bool check_rounded(const loading *l, int i, const rv_tensor *from, const rv_tensor *to)
{
    if (from->dtype != RV_F64 || to->dtype != RV_F32)
        return true;
    const double *exact = (const double *)from->data;
    const float *rounded = (const float *)to->data;
    for (int64_t k = 0; k < from->numel; k++)
        if (isinf(rounded[k]) && !isinf(exact[k]))
            return rv_fail(RV_ERROR_STATE, l->list.who, "\"%s\": \"%.60s\" has %g, beyond F32",
                           l->file.path, l->list.names[i], exact[k]);
    return true;
}

/* The new values of target i, in its dtype. */
static rv_tensor *read_target(const loading *l, int i)
{
    rv_tensor *loaded = rv_safetensors_load(&l->file, l->targets[i].from);
    const rv_dtype dtype = l->list.tensors[i]->dtype;
    if (loaded == NULL || loaded->dtype == dtype)
        return loaded;
    rv_tensor *rounded = rv_raw_cast(l->list.who, loaded, dtype);
    return rounded != NULL && check_rounded(l, i, loaded, rounded) ? rounded : NULL;
}

/* Reads all that is needed, then changes the tensors; how many, or -1 with an error. What is read
 * lives in the open scope. */
static int64_t copy_over(loading *l)
{
    int64_t count = 0;
    for (int i = 0; i < l->list.count; i++) {
        target *t = &l->targets[i];
        t->loaded = t->fit == FITS ? read_target(l, i) : NULL;
        if (t->fit == FITS && t->loaded == NULL)
            return -1;
    }
    const bool recorded = rv_set_recording(false);
    for (int i = 0; count >= 0 && i < l->list.count; i++)
        if (l->targets[i].fit == FITS)
            count = rv_copy_into(l->list.tensors[i], l->targets[i].loaded) != NULL ? count + 1 : -1;
    rv_set_recording(recorded);
    return count;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* With the list made and the file open. */
static bool load(loading *l, rv_load_report *report)
{
    const size_t known_bytes = (size_t)l->file.count,
                 target_bytes = (size_t)l->list.count * sizeof *l->targets;
    l->known = rv_memory_get(l->list.who, known_bytes);
    l->targets = l->known != NULL ? rv_memory_get(l->list.who, target_bytes) : NULL;
    bool ok = l->targets != NULL && look_up(l) && (report == NULL || make_report(l, report)) &&
              check_fits(l);
    if (ok) {
        const int64_t loaded = copy_over(l);
        ok = loaded >= 0;
        if (ok && report != NULL)
            report->loaded = loaded;
    }
    rv_memory_put(l->known, known_bytes);
    rv_memory_put(l->targets, target_bytes);
    return ok;
}

static bool run(loading *l, const char *who, const char *path, void *const *objects, int n,
                rv_load_report *report)
{
    bool ok =
        rv_state_list_make(&l->list, who, objects, n) && rv_safetensors_open(who, path, &l->file);
    if (ok) {
        ok = load(l, report);
        rv_safetensors_close(&l->file);
    }
    rv_state_list_free(&l->list);
    return ok;
}

bool rv_load_n(const char *path, void *const *objects, int n)
{
    RV_SCOPE;
    loading l = {.strict = true};
    return run(&l, "load", path, objects, n, NULL);
}

bool rv_load_state_with(const rv_load_state_options *options)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, "load_state", "the options are NULL");
    RV_SCOPE;
    if (options->report != NULL)
        *options->report = (rv_load_report){.message = ""};
    loading l = {.strict = options->strict,
                 .skip_mismatched = options->skip_mismatched,
                 .cast = options->cast};
    return run(&l, "load_state", options->path, &options->object, 1, options->report);
}

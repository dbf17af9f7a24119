/* summary.c - a table of what is in a net.
 *
 * The rows are found by walking the layers; their shapes and multiply-adds by running the net once
 * while every layer reports what it made. Each layer's inside is listed once, so that sharing does
 * not multiply rows.
 */
#include "layers/layer.h"

#include <stdio.h>
#include <string.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "layers/layer_parts.h"

typedef struct row {
    rv_layer *layer;
    const char *name; /* in its container; NULL: the whole net */
    int depth;
    bool is_repeat;    /* the layer has a row above */
    bool was_training; /* before */
    bool is_run;
    int ndim; /* of the result, the first time it ran */
    int64_t shape[RV_MAX_DIMENSIONS];
    int64_t parameters, multiply_adds;
} row;

typedef struct table {
    rv_layer_watch watch;
    const char *who;
    row *rows; /* [count of capacity] */
    int64_t count, capacity;
    int64_t seen; /* how many of the net's parameters rows were found for */
    rv_layer_totals totals;
} table;

/* ---- the rows -------------------------------------------------------------------------------- */

/* The row of the layer that has not run yet, or the last one that has; NULL: there is none. */
static row *find(const table *t, const rv_layer *layer)
{
    row *found = NULL;
    for (int64_t i = 0; i < t->count; i++)
        if (t->rows[i].layer == layer) {
            found = &t->rows[i];
            if (!found->is_run)
                return found;
        }
    return found;
}

/* The numbers in the layer's own parameters. They come in the order of the net's list of all, so
 * one that is not next there was counted before. */
static int64_t count_parameters(table *t, const rv_layer *layer)
{
    const rv_part_list *own = &layer->parts->tensors[RV_SORT_PARAMETER].own;
    const rv_tensor_list *all = &t->rows[0].layer->parts->tensors[RV_SORT_PARAMETER].all;
    int64_t count = 0;
    for (int64_t i = 0; i < own->count; i++) {
        const rv_tensor *p = own->items[i].tensor;
        if (t->seen == all->count || all->items[t->seen] != p)
            continue;
        t->seen++;
        count += p->numel;
        t->totals.trainable += rv_requires_grad(p) ? p->numel : 0;
    }
    t->totals.parameters += count;
    return count;
}

static bool add_rows(table *t, rv_layer *layer, const char *name, int depth)
{
    const bool is_repeat = find(t, layer) != NULL;
    row *rows =
        rv_memory_reserve(t->who, t->rows, t->count, &t->capacity, t->count + 1, sizeof *t->rows);
    if (rows == NULL)
        return false;
    t->rows = rows;
    row *added = &t->rows[t->count++];
    *added = (row){.layer = layer,
                   .name = name,
                   .depth = depth,
                   .is_repeat = is_repeat,
                   .was_training = layer->training};
    if (is_repeat)
        return true;
    added->parameters = count_parameters(t, layer);
    const rv_part_list *children = &layer->parts->children;
    for (int64_t i = 0; i < children->count; i++)
        if (!add_rows(t, children->items[i].layer, children->items[i].name, depth + 1))
            return false;
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

static void seen(rv_layer_watch *watch, const rv_layer *layer, const rv_tensor *x,
                 const rv_tensor *y)
{
    table *t = (table *)watch;
    row *r = find(t, layer);
    if (!r->is_run) {
        r->is_run = true;
        r->ndim = y->ndim;
        memcpy(r->shape, y->shape, sizeof r->shape);
    }
    if (layer->layer_class->multiply_adds == NULL)
        return;
    const int64_t more = layer->layer_class->multiply_adds(layer, x, y);
    r->multiply_adds += more;
    t->totals.multiply_adds += more;
}

/* Puts the mode of each layer back, one by one: they may differ. */
static void restore(const table *t)
{
    for (int64_t i = 0; i < t->count; i++) {
        const row *r = &t->rows[i];
        r->layer->parts->watch = NULL;
        if (r->is_repeat)
            continue;
        r->layer->training = r->was_training;
        if (r->layer->layer_class->train != NULL)
            r->layer->layer_class->train(r->layer, r->was_training);
    }
}

static bool run(table *t, rv_tensor *x)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_layer *net = t->rows[0].layer;
    t->watch.seen = seen;
    for (int64_t i = 0; i < t->count; i++)
        t->rows[i].layer->parts->watch = &t->watch;
    rv_layer_train(net, false);
    const bool ok = rv_forward(net, x) != NULL;
    restore(t);
    return ok;
}

/* ---- printing -------------------------------------------------------------------------------- */

enum { CELL = 32, SHAPE_COLUMN = 20, NUMBER_COLUMN = 16 };

/* 1234567 as 1,234,567; 0 as nothing in the table's cells. */
static const char *number(char text[CELL], int64_t n)
{
    char plain[CELL];
    const int length = snprintf(plain, sizeof plain, "%lld", (long long)n);
    int to = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && plain[i - 1] != '-')
            text[to++] = ',';
        text[to++] = plain[i];
    }
    text[to] = '\0';
    return text;
}

static const char *cell(char text[CELL], int64_t n)
{
    return n != 0 ? number(text, n) : "";
}

/* What a row is called: its name in its container, and its class. */
static int label(const row *r, char *text, size_t bytes)
{
    return snprintf(text, bytes, "%*s%s%s%s%s", 2 * r->depth, "", r->name != NULL ? r->name : "",
                    r->name != NULL ? " " : "", r->layer->layer_class->name,
                    r->is_repeat ? " (again)" : "");
}

static void print_rows(FILE *file, const table *t)
{
    char text[256], parameters[CELL], multiply_adds[CELL];
    int width = (int)strlen("layer");
    for (int64_t i = 0; i < t->count; i++) {
        const int length = label(&t->rows[i], text, sizeof text);
        width = length > width ? length : width;
    }
    fprintf(file, "%-*s  %-*s%*s%*s\n", width, "layer", SHAPE_COLUMN, "output", NUMBER_COLUMN,
            "parameters", NUMBER_COLUMN, "multiply-adds");
    for (int64_t i = 0; i < t->count; i++) {
        const row *r = &t->rows[i];
        label(r, text, sizeof text);
        const char *shape =
            r->is_run ? rv_shape_text(RV_SHAPE_BUFFER, r->ndim, r->shape) : "not run";
        fprintf(file, "%-*s  %-*s%*s%*s\n", width, text, SHAPE_COLUMN, shape, NUMBER_COLUMN,
                cell(parameters, r->parameters), NUMBER_COLUMN,
                cell(multiply_adds, r->multiply_adds));
    }
}

static bool print(FILE *file, const table *t)
{
    char parameters[CELL], trainable[CELL], frozen[CELL], multiply_adds[CELL];
    const rv_layer_totals *all = &t->totals;
    print_rows(file, t);
    fprintf(file, "%s parameters (%s trainable, %s frozen), %s multiply-adds\n",
            number(parameters, all->parameters), number(trainable, all->trainable),
            number(frozen, all->parameters - all->trainable),
            number(multiply_adds, all->multiply_adds));
    return (fflush(file) == 0 && ferror(file) == 0) ||
           rv_fail(RV_ERROR_FILE, t->who, "the table cannot be written");
}

bool rv_layer_summary_n(FILE *file, rv_layer *layer, rv_dtype dtype, int ndim, const int64_t *shape,
                        rv_layer_totals *totals)
{
    table t = {.who = "layer_summary"};
    if (!rv_layer_check(t.who, layer))
        return false;
    RV_SCOPE;
    rv_tensor *x = rv_zeros_n(dtype, ndim, shape);
    bool ok = x != NULL && add_rows(&t, layer, NULL, 0) && run(&t, x) &&
              (file == NULL || print(file, &t));
    rv_memory_put(t.rows, (size_t)t.capacity * sizeof *t.rows);
    if (ok && totals != NULL)
        *totals = t.totals;
    return ok;
}

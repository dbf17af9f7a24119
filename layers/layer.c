/* layer.c - a layer's life: made, run, switched between modes, its state walked, freed.
 *
 * rv_forward tells the thread's errors where they happen: the layers that are running form a list
 * on the C stack, and only an error spends time on turning that into a path.
 */
#include "layers/layer.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "layers/layer_parts.h"

/* ---- beginning and end ----------------------------------------------------------------------- */

static void layer_destroy(rv_object *object)
{
    rv_layer *layer = (rv_layer *)object;
    const rv_layer_class *layer_class = layer->layer_class;
    if (layer_class->destroy != NULL)
        layer_class->destroy(layer);
    rv_layer_parts_free(layer);
    layer->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(layer, layer_class->size);
}

static bool layer_state(rv_object *object, rv_state_visit *visit, void *context);
static bool layer_names(rv_object *object, rv_state_visit *visit, void *context);

static const rv_object_class layer_object_class = {
    .kind = "layer", .destroy = layer_destroy, .state = layer_state, .names = layer_names};

rv_layer *rv_layer_new(const rv_layer_class *layer_class)
{
    const char *who = "layer_new";
    if (layer_class == NULL || layer_class->name == NULL || layer_class->forward == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the class, its name or its forward is NULL");
    if (layer_class->size < sizeof(rv_layer))
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "the size of %s is %zu, and an rv_layer alone has %zu bytes",
                            layer_class->name, layer_class->size, sizeof(rv_layer));
    rv_layer *layer = rv_memory_get(who, layer_class->size);
    struct rv_layer_parts *parts = layer != NULL ? rv_memory_get(who, sizeof *parts) : NULL;
    if (parts == NULL) {
        rv_memory_put(layer, layer_class->size);
        return NULL;
    }
    memset(layer, 0, layer_class->size);
    *parts = (struct rv_layer_parts){.depth = 1};
    rv_object_init(&layer->object, &layer_object_class);
    layer->layer_class = layer_class;
    layer->parts = parts;
    layer->training = true;
    return layer;
}

rv_layer *rv_layer_complete(rv_layer *layer)
{
    if (!rv_layer_check("layer_complete", layer))
        return NULL;
    if (!layer->parts->failed)
        return layer;
    rv_layer_free(layer);
    return NULL;
}

bool rv_layer_check(const char *who, const rv_layer *layer)
{
    if (layer == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the layer is NULL");
    if (layer->object.mark != RV_OBJECT_ALIVE || layer->object.object_class != &layer_object_class)
        return rv_fail(RV_ERROR_ARGUMENT, who, "this is not a layer, or it was freed");
    return true;
}

rv_layer *rv_layer_retain(rv_layer *layer)
{
    rv_object_retain((rv_object *)layer);
    return layer;
}

void rv_layer_free(rv_layer *layer)
{
    rv_object_release((rv_object *)layer);
}

/* ---- running --------------------------------------------------------------------------------- */

typedef struct running {
    rv_error_place place;
    const rv_layer *layer;
} running;

/* The path of the layers that are running: the outermost one's class, then names. */
static int write_path(const rv_error_place *place, char *text, size_t bytes)
{
    const rv_layer *layer = ((const running *)place)->layer;
    const rv_error_place *outside = place->outside;
    if (outside == NULL || outside->write != write_path)
        return snprintf(text, bytes, "%s", layer->layer_class->name);
    const int used = write_path(outside, text, bytes);
    if (used < 0 || (size_t)used >= bytes)
        return used;
    const char *name = rv_layer_name_of(((const running *)outside)->layer, layer);
    return used + snprintf(text + used, bytes - (size_t)used, ".%s",
                           name != NULL ? name : layer->layer_class->name);
}

static rv_tensor *run(rv_layer *layer, rv_tensor *x)
{
    rv_tensor *y = layer->layer_class->forward(layer, x);
    if (y == NULL && rv_error_status() == RV_OK)
        return rv_fail_null(RV_ERROR_STATE, "forward", "%s gave NULL without saying why",
                            layer->layer_class->name);
    if (y == NULL || !rv_check("forward", 0, y))
        return NULL;
    rv_layer_watch *watch = layer->parts->watch;
    if (RV_UNLIKELY(watch != NULL))
        watch->seen(watch, layer, x, y);
    return y;
}

rv_tensor *rv_forward(rv_layer *layer, rv_tensor *x)
{
    if (!rv_layer_check("forward", layer) || !rv_check("forward", 0, x))
        return NULL;
    RV_SCOPE;
    running here = {.place.write = write_path, .layer = layer};
    rv_error_enter(&here.place);
    rv_tensor *y = run(layer, x);
    rv_error_leave(&here.place);
    return rv_keep(y);
}

/* ---- modes ----------------------------------------------------------------------------------- */

bool rv_layer_train(rv_layer *layer, bool on)
{
    if (!rv_layer_check("layer_train", layer))
        return false;
    layer->training = on;
    if (layer->layer_class->train != NULL)
        layer->layer_class->train(layer, on);
    const rv_part_list *children = &layer->parts->children;
    for (int64_t i = 0; i < children->count; i++)
        rv_layer_train(children->items[i].layer, on);
    return true;
}

bool rv_layer_is_training(const rv_layer *layer)
{
    return layer != NULL && layer->training;
}

int64_t rv_layer_average_statistics(rv_layer *layer, bool on)
{
    if (!rv_layer_check("layer_average_statistics", layer))
        return -1;
    int64_t count = 0;
    if (layer->layer_class->average_statistics != NULL) {
        layer->layer_class->average_statistics(layer, on);
        count = 1;
    }
    const rv_part_list *children = &layer->parts->children;
    for (int64_t i = 0; i < children->count; i++)
        count += rv_layer_average_statistics(children->items[i].layer, on);
    return count;
}

/* ---- state ----------------------------------------------------------------------------------- */

typedef struct state_walk {
    rv_state_visit *visit;
    void *context;
    const struct rv_layer_parts *top;
    bool all_names;              /* also a tied tensor's second */
    int64_t seen[RV_SORT_COUNT]; /* how many of the top's `all` */
    char path[(RV_LAYER_MOST_DEPTH + 1) * RV_LAYER_NAME_BYTES];
} state_walk;

/* A layer's own tensors of one sort. They come in the order of the top's list of all: a tensor that
 * is not the next one there has been seen under another name. */
static bool visit_own(state_walk *w, const rv_layer *layer, rv_sort sort, size_t used)
{
    const rv_part_list *own = &layer->parts->tensors[sort].own;
    const rv_tensor_list *all = &w->top->tensors[sort].all;
    for (int64_t i = 0; i < own->count; i++) {
        rv_tensor *t = own->items[i].tensor;
        const bool first = w->seen[sort] < all->count && all->items[w->seen[sort]] == t;
        if (!first && !w->all_names)
            continue;
        w->seen[sort] += first;
        snprintf(w->path + used, sizeof w->path - used, "%s", own->items[i].name);
        if (!w->visit(w->context, w->path, t))
            return false;
    }
    return true;
}

static bool visit_layer(state_walk *w, const rv_layer *layer, size_t used)
{
    for (rv_sort sort = 0; sort < RV_SORT_COUNT; sort++)
        if (!visit_own(w, layer, sort, used))
            return false;
    const rv_part_list *children = &layer->parts->children;
    for (int64_t i = 0; i < children->count; i++) {
        const int length =
            snprintf(w->path + used, sizeof w->path - used, "%s.", children->items[i].name);
        if (!visit_layer(w, children->items[i].layer, used + (size_t)length))
            return false;
    }
    return true;
}

static bool layer_state(rv_object *object, rv_state_visit *visit, void *context)
{
    const rv_layer *layer = (const rv_layer *)object;
    state_walk w = {.visit = visit, .context = context, .top = layer->parts};
    return visit_layer(&w, layer, 0);
}

static bool layer_names(rv_object *object, rv_state_visit *visit, void *context)
{
    const rv_layer *layer = (const rv_layer *)object;
    state_walk w = {.visit = visit, .context = context, .top = layer->parts, .all_names = true};
    return visit_layer(&w, layer, 0);
}

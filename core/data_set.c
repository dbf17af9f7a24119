/* data_set.c - a data set is a list of indices into a source. */

#include "core/data_set.h"

#include "core/memory.h"
#include "core/tensor_make.h"

static void destroy(rv_object *object)
{
    rv_dataset *set = (rv_dataset *)object;
    rv_release(set->indices);
    rv_object_release(&set->source->object);
    set->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(set, sizeof *set);
}

static const rv_object_class dataset_class = {.kind = "data set", .destroy = destroy};

rv_dataset *rv_dataset_new(const char *who, rv_source *source, rv_tensor *indices)
{
    if (source == NULL)
        return NULL;
    rv_dataset *set = rv_memory_get(who, sizeof *set);
    if (set == NULL) {
        rv_object_release(&source->object);
        return NULL;
    }
    *set = (rv_dataset){.source = source,
                        .count = indices ? indices->numel : source->count,
                        .indices = rv_retain(indices),
                        .lock = RV_MUTEX_INIT};
    rv_object_init(&set->object, &dataset_class);
    return set;
}

bool rv_dataset_check(const char *who, const rv_dataset *set)
{
    if (set == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the data set is NULL");
    if (set->object.mark != RV_OBJECT_ALIVE || set->object.object_class != &dataset_class)
        return rv_fail(RV_ERROR_ARGUMENT, who, "this is not a data set, or it was freed");
    return true;
}

/* The lock is the only field that reading a set changes. */
static rv_mutex *lock_of(const rv_dataset *set)
{
    return (rv_mutex *)(uintptr_t)&set->lock;
}

rv_dataset *rv_dataset_snapshot(const char *who, const rv_dataset *set)
{
    rv_lock(lock_of(set));
    rv_tensor *indices = rv_retain(set->indices);
    rv_unlock(lock_of(set));
    rv_object_retain(&set->source->object);
    rv_dataset *snapshot = rv_dataset_new(who, set->source, indices);
    rv_release(indices);
    return snapshot;
}

int64_t rv_data_count(const rv_dataset *set)
{
    if (!rv_dataset_check("data_count", set))
        return -1;
    rv_lock(lock_of(set));
    const int64_t count = set->count;
    rv_unlock(lock_of(set));
    return count;
}

int64_t rv_data_classes(const rv_dataset *set)
{
    return rv_dataset_check("data_classes", set) ? set->source->names.count : -1;
}

const char *rv_data_class_name(const rv_dataset *set, int64_t label)
{
    const char *who = "data_class_name";
    if (!rv_dataset_check(who, set))
        return NULL;
    const rv_names *names = &set->source->names;
    if (label < 0 || label >= names->count)
        return rv_fail_null(RV_ERROR_INDEX, who, "class %lld of a set with names for %lld",
                            (long long)label, (long long)names->count);
    return rv_names_get(names, label);
}

void rv_data_free(rv_dataset *set)
{
    rv_object_release((rv_object *)set);
}

rv_tensor *rv_dataset_tensor(const char *who, const rv_sample_shape *sample, int64_t n)
{
    int64_t shape[RV_MAX_DIMENSIONS] = {n};
    for (int i = 0; i < sample->ndim; i++)
        shape[i + 1] = sample->shape[i];
    return rv_make(who, sample->dtype, sample->ndim + 1, shape);
}

/* Whether somebody else holds the tensor or its memory, or put it into a graph. */
static bool is_held(const rv_tensor *t)
{
    return __atomic_load_n(&t->object.references, __ATOMIC_ACQUIRE) != 1 ||
           __atomic_load_n(&t->storage->references, __ATOMIC_ACQUIRE) != 1 || t->node != NULL ||
           t->ending != NULL;
}

bool rv_dataset_prepare(const char *who, rv_tensor **t, const rv_sample_shape *sample, int64_t room,
                        int64_t n)
{
    if (*t != NULL && is_held(*t)) {
        rv_release(*t);
        *t = NULL;
    }
    if (*t == NULL)
        *t = rv_retain(rv_dataset_tensor(who, sample, room));
    if (*t == NULL)
        return false;
    (*t)->shape[0] = n;
    (*t)->numel = n * sample->numel;
    return true;
}

bool rv_dataset_fetch(const rv_dataset *set, const rv_chance *chance, int64_t n, int64_t *places,
                      rv_tensor *x, rv_tensor *y)
{
    if (set->indices != NULL) {
        const int64_t *indices = (const int64_t *)set->indices->data;
        for (int64_t i = 0; i < n; i++)
            places[i] = indices[places[i]];
    }
    return set->source->fetch(set->source, chance, n, places, x, y) && rv_error_status() == RV_OK;
}

/* Fills `b` with samples first .. first+n-1 of a set that nobody else changes. */
static bool fetch_range(const char *who, const rv_dataset *set, int64_t first, int64_t n,
                        rv_batch *b)
{
    RV_SCOPE;
    rv_tensor *places = rv_make(who, RV_I64, 1, &n);
    if (places == NULL)
        return false;
    int64_t *place = (int64_t *)places->data;
    for (int64_t i = 0; i < n; i++)
        place[i] = first + i;
    b->n = n;
    b->x = rv_keep(rv_dataset_tensor(who, &set->source->x, n));
    b->y = b->x ? rv_keep(rv_dataset_tensor(who, &set->source->y, n)) : NULL;
    return b->y != NULL && rv_dataset_fetch(set, &(rv_chance){0}, n, place, b->x, b->y);
}

rv_batch rv_data_batch(const rv_dataset *set, int64_t first, int64_t n)
{
    const char *who = "data_batch";
    rv_batch b = {0};
    if (rv_error_status() != RV_OK || !rv_dataset_check(who, set))
        return b;
    rv_dataset *now = rv_dataset_snapshot(who, set);
    if (now == NULL)
        return b;
    bool done = false;
    if (first < 0 || first >= now->count)
        rv_fail(RV_ERROR_INDEX, who, "sample %lld of a set of %lld", (long long)first,
                (long long)now->count);
    else if (n < 1)
        rv_fail(RV_ERROR_ARGUMENT, who, "%lld samples asked for; at least 1", (long long)n);
    else
        done = fetch_range(who, now, first, n < now->count - first ? n : now->count - first, &b);
    rv_data_free(now);
    return done ? b : (rv_batch){0};
}

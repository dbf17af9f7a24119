/* data_transform.c - a set whose samples are those of another, transformed when they are fetched.
 */

#include <stdio.h>

#include "core/data_set.h"
#include "core/memory.h"
#include "core/transform_plan.h"

static const char who[] = "data_transform";

/* What a fetch works with. It is kept for the next one, so that no memory is taken then. */
typedef struct workshop {
    rv_work work;
    rv_tensor *fetched; /* a batch of what comes, if it has to be fetched; NULL: none yet */
    int64_t room;       /* how many samples a loader asked it to have room for */
} workshop;

typedef struct transform_source {
    rv_source source;
    rv_source *inner; /* retained; its names are ours, too */
    int count;        /* of plan.transforms, whose contexts are to be released */
    rv_plan plan;
    workshop *spare; /* guarded by lock; NULL: none, or somebody works with it */
    rv_mutex lock;
} transform_source;

static void close_workshop(workshop *w)
{
    rv_work_end(&w->work);
    rv_release(w->fetched);
    rv_memory_put(w, sizeof *w);
}

static void destroy(rv_object *object)
{
    transform_source *s = (transform_source *)object;
    if (s->spare != NULL)
        close_workshop(s->spare);
    rv_plan_end(&s->plan);
    for (int i = 0; i < s->count; i++)
        rv_transform_release(&s->plan.transforms[i]);
    rv_object_release(&s->inner->object);
    rv_memory_put(s, sizeof *s);
}

static const rv_object_class transform_source_class = {.kind = "source", .destroy = destroy};

/* ---- fetching -------------------------------------------------------------------------------- */

/* Begins the message of an error with which sample it is about. */
typedef struct fetching {
    rv_error_place place;
    int64_t sample;
} fetching;

static int write_sample(const rv_error_place *place, char *text, size_t bytes)
{
    return snprintf(text, bytes, "%s: sample %lld,", who,
                    (long long)((const fetching *)place)->sample);
}

static workshop *open_workshop(transform_source *s)
{
    rv_lock(&s->lock);
    workshop *w = s->spare;
    s->spare = NULL;
    rv_unlock(&s->lock);
    if (w != NULL)
        return w;
    w = rv_memory_get(who, sizeof *w);
    if (w == NULL)
        return NULL;
    *w = (workshop){0};
    if (rv_work_begin(&w->work, &s->plan))
        return w;
    close_workshop(w);
    return NULL;
}

static void leave_workshop(transform_source *s, workshop *w)
{
    rv_lock(&s->lock);
    workshop *other = s->spare;
    const bool keeps = other == NULL || other->room < w->room;
    s->spare = keeps ? w : other;
    rv_unlock(&s->lock);
    other = keeps ? other : w;
    if (other != NULL)
        close_workshop(other);
}

/* A tensor for n samples as they come: the workshop's, or, if they are more than any loader asked
 * for, one of the innermost scope. */
static rv_tensor *room_for(const transform_source *s, workshop *w, int64_t n)
{
    if (n > w->room)
        return rv_dataset_tensor(who, &s->inner->x, n);
    RV_SCOPE;
    RV_LASTING;
    return rv_dataset_prepare(who, &w->fetched, &s->inner->x, w->room, n) ? w->fetched : NULL;
}

/* Makes the workshop's room for n samples. */
static bool enlarge(const transform_source *s, workshop *w, int64_t n)
{
    if (n > w->room) {
        rv_release(w->fetched);
        w->fetched = NULL;
        w->room = n;
    }
    return room_for(s, w, n) != NULL;
}

static bool furnish(rv_source *source, int64_t n)
{
    transform_source *s = (transform_source *)source;
    rv_source *inner = s->inner;
    if (inner->furnish != NULL && !inner->furnish(inner, n))
        return false;
    workshop *w = open_workshop(s);
    if (w == NULL)
        return false;
    const bool ok = inner->samples != NULL || enlarge(s, w, n);
    leave_workshop(s, w);
    return ok;
}

/* What comes lies at `samples`: sample i of the batch at place at[i], or, if that is NULL, at i. */
static bool transform_samples(const transform_source *s, rv_work *work, int64_t n,
                              const int64_t *indices, const char *samples, const int64_t *at,
                              rv_tensor *x)
{
    const rv_source *inner = s->inner;
    const rv_dtype stored = inner->samples != NULL ? inner->stored : inner->x.dtype;
    const size_t from_bytes = (size_t)inner->x.numel * rv_dtype_size(stored);
    const size_t to_bytes = (size_t)s->source.x.numel * rv_dtype_size(s->source.x.dtype);
    fetching here = {.place.write = write_sample};
    bool ok = true;
    rv_error_enter(&here.place);
    for (int64_t i = 0; ok && i < n; i++) {
        here.sample = indices[i];
        ok = rv_work_sample(work, indices[i], samples + (size_t)(at ? at[i] : i) * from_bytes,
                            x->data + (size_t)i * to_bytes);
    }
    rv_error_leave(&here.place);
    return ok;
}

static bool fetch_in(transform_source *s, workshop *w, const rv_chance *chance, int64_t n,
                     const int64_t *indices, rv_tensor *x, rv_tensor *y)
{
    rv_source *inner = s->inner;
    if (inner->samples != NULL)
        return inner->fetch(inner, chance, n, indices, NULL, y) &&
               transform_samples(s, &w->work, n, indices, inner->samples, indices, x);
    RV_SCOPE;
    rv_tensor *fetched = room_for(s, w, n);
    return fetched != NULL && inner->fetch(inner, chance, n, indices, fetched, y) &&
           transform_samples(s, &w->work, n, indices, fetched->data, NULL, x);
}

static bool fetch(rv_source *source, const rv_chance *chance, int64_t n, const int64_t *indices,
                  rv_tensor *x, rv_tensor *y)
{
    transform_source *s = (transform_source *)source;
    workshop *w = open_workshop(s);
    if (w == NULL)
        return false;
    rv_work_draw(&w->work, chance);
    const bool ok = fetch_in(s, w, chance, n, indices, x, y);
    leave_workshop(s, w);
    return ok;
}

/* ---- making ---------------------------------------------------------------------------------- */

static bool check(const rv_dataset *set, int n, const rv_transform *transforms)
{
    if (!rv_dataset_check(who, set))
        return false;
    if (n < 0 || (n > 0 && transforms == NULL))
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d transforms%s", n,
                       n < 0 ? "" : ", and they are NULL");
    if (n > RV_MOST_TRANSFORMS - set->source->transforms)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d transforms on a set that has %d; at most %d", n,
                       set->source->transforms, RV_MOST_TRANSFORMS);
    return true;
}

/* The source; NULL with an error. Contexts are left to the caller then. */
static transform_source *make_source(rv_source *inner, int n, const rv_transform *transforms)
{
    transform_source *s = rv_memory_get(who, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (transform_source){.inner = inner, .plan.below = inner->transforms, .lock = RV_MUTEX_INIT};
    if (!rv_plan_make(&s->plan, &inner->x, inner->samples ? inner->stored : inner->x.dtype, n,
                      transforms)) {
        rv_plan_end(&s->plan);
        rv_memory_put(s, sizeof *s);
        return NULL;
    }
    s->source = (rv_source){.count = inner->count,
                            .x = s->plan.x,
                            .y = inner->y,
                            .names = inner->names,
                            .fetch = fetch,
                            .furnish = furnish,
                            .transforms = inner->transforms + n,
                            .random = inner->random || s->plan.random};
    s->count = n;
    rv_object_init(&s->source.object, &transform_source_class);
    rv_object_retain(&inner->object);
    return s;
}

rv_dataset *rv_data_transform_n(const rv_dataset *set, int n, const rv_transform *transforms)
{
    rv_dataset *now = check(set, n, transforms) ? rv_dataset_snapshot(who, set) : NULL;
    transform_source *s = now ? make_source(now->source, n, transforms) : NULL;
    rv_dataset *transformed = s ? rv_dataset_new(who, &s->source, now->indices) : NULL;
    if (s == NULL)
        for (int i = 0; transforms != NULL && i < n; i++)
            rv_transform_release(&transforms[i]);
    rv_data_free(now);
    return transformed;
}

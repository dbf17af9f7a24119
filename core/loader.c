/* loader.c - batches in order, fetched ahead by a thread.
 *
 * The batches of all epochs are one sequence. The thread fetches it into a ring of slots and stays
 * at most `prefetch` batches ahead; rv_next hands out the slots in turn. Each side has a cursor of
 * its own (epoch and position), so the order depends on neither's speed.
 *
 *     slots     [ in the caller's hands | fetched | fetched | being fetched ]
 *     counters    released                taken               fetched
 *
 * The caller's cursor lies in the fields that saving and loading see. When they are not as rv_next
 * left them, somebody loaded them: what was fetched ahead is dropped, and the thread's cursor moves
 * there.
 */

#include <stdio.h>

#include "core/data_set.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/tensor_make.h"

static const char who[] = "data_loader";

#define MAX_PREFETCH 1024
#define MESSAGE_BYTES 2048
#define MAX_EPOCH ((int64_t)1 << 53)
#define EPOCH_SHIFT 40 /* the orders of two epochs are drawn from places 2^40 blocks apart */

/* A place in the sequence. */
typedef struct cursor {
    int64_t seed;
    int64_t epoch;
    int64_t position; /* samples of this epoch that came before */
    int64_t count;    /* of the data set: never changed, checked after loading */
} cursor;

/* A batch's tensors, which are filled again and again as long as nobody else holds them. */
typedef struct slot {
    rv_tensor *x, *y; /* [n, ...], with room for batch_size; retained; NULL: to be made */
    int64_t n;
} slot;

struct rv_loader {
    rv_object object;
    rv_dataset *data; /* a snapshot: no split changes it */
    int64_t count, batch_size;
    bool drop_last;

    /* The caller's side. */
    cursor state; /* the next batch to hand out: what is saved and loaded */
    cursor known; /* what rv_next left there */

    /* The fetching side: the thread's while it runs, else the caller's. */
    cursor ahead;         /* the next batch to fetch; guarded by lock */
    int64_t *order;       /* [count], the order of one epoch; NULL without shuffle */
    int64_t order_seed;   /* which epoch's: of this seed, */
    int64_t order_epoch;  /* and this number; -1: none yet */
    int64_t *places;      /* [batch_size] */
    rv_tensor *memory[2]; /* behind order and places */

    /* The ring; counters only grow, and are guarded by lock, as all below. */
    slot *slots; /* [slot_count] */
    int slot_count;
    uint64_t released, taken, fetched;
    uint64_t turn; /* grows when what was fetched is dropped */
    bool threaded, running, stopping;
    rv_status failure; /* of fetching batch `fetched`; RV_OK: none */
    char message[MESSAGE_BYTES];
    rv_thread thread;
    rv_mutex lock;
    rv_condition changed;
};

/* ---- the sequence of batches ----------------------------------------------------------------- */

/* How many samples the batch at `position` has; 0 at the end of the epoch. */
static int64_t batch_at(const rv_loader *loader, int64_t position)
{
    const int64_t left = loader->count - position;
    if (left < loader->batch_size)
        return loader->drop_last ? 0 : left;
    return loader->batch_size;
}

static void next_epoch(cursor *at)
{
    at->epoch++;
    at->position = 0;
}

/* Where the samples of the batch at `at` are in the data set. */
static void choose_places(rv_loader *loader, const cursor *at, int64_t n)
{
    const bool known = loader->order_epoch == at->epoch && loader->order_seed == at->seed;
    if (loader->order != NULL && !known) {
        const rv_random_place from = {.seed = (uint64_t)at->seed,
                                      .offset = ((uint64_t)at->epoch + 1) << EPOCH_SHIFT};
        rv_permute_indices(from, loader->count, loader->order);
        loader->order_seed = at->seed;
        loader->order_epoch = at->epoch;
    }
    for (int64_t i = 0; i < n; i++)
        loader->places[i] = loader->order ? loader->order[at->position + i] : at->position + i;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static bool fetch(rv_loader *loader, const cursor *at, slot *s)
{
    RV_SCOPE;
    const rv_source *source = loader->data->source;
    s->n = batch_at(loader, at->position);
    if (!rv_dataset_prepare(who, &s->x, &source->x, loader->batch_size, s->n) ||
        !rv_dataset_prepare(who, &s->y, &source->y, loader->batch_size, s->n))
        return false;
    choose_places(loader, at, s->n);
    const rv_chance chance = {.seed = (uint64_t)at->seed, .epoch = at->epoch};
    return rv_dataset_fetch(loader->data, &chance, s->n, loader->places, s->x, s->y);
}

/* Where the next batch goes; moves loader->ahead to it. */
static slot *begin_fetch(rv_loader *loader)
{
    if (batch_at(loader, loader->ahead.position) == 0)
        next_epoch(&loader->ahead);
    return &loader->slots[loader->fetched % (uint64_t)loader->slot_count];
}

static void end_fetch(rv_loader *loader, const slot *s)
{
    loader->fetched++;
    loader->ahead.position += s->n;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Fetches a batch; called with the lock held, which it gives up while fetching. A batch that was
 * dropped meanwhile is forgotten. */
static void fetch_ahead(rv_loader *loader)
{
    const uint64_t turn = loader->turn;
    slot *s = begin_fetch(loader);
    const cursor at = loader->ahead;
    rv_unlock(&loader->lock);
    const bool done = fetch(loader, &at, s);
    const rv_status status = rv_error_status();
    const char *message = rv_error();
    rv_lock(&loader->lock);
    if (turn != loader->turn)
        return;
    if (done) {
        end_fetch(loader, s);
    } else {
        loader->failure = status;
        snprintf(loader->message, MESSAGE_BYTES, "%s", message ? message : rv_status_text(status));
    }
    rv_wake_all(&loader->changed);
}

static void *run(void *context)
{
    rv_loader *loader = context;
    rv_error_defer(true);
    rv_lock(&loader->lock);
    while (!loader->stopping) {
        const bool room = loader->fetched - loader->released < (uint64_t)loader->slot_count;
        if (room && loader->failure == RV_OK)
            fetch_ahead(loader);
        else
            rv_wait(&loader->changed, &loader->lock);
    }
    rv_unlock(&loader->lock);
    return NULL;
}

/* Starts the thread when it is first needed. Without one, rv_next fetches. */
static void start(rv_loader *loader)
{
    if (!loader->threaded || loader->running)
        return;
    loader->running = rv_thread_start(&loader->thread, run, loader);
    loader->threaded = loader->running;
}

static void stop(rv_loader *loader)
{
    if (!loader->running)
        return;
    rv_lock(&loader->lock);
    loader->stopping = true;
    rv_wake_all(&loader->changed);
    rv_unlock(&loader->lock);
    rv_thread_join(loader->thread);
    loader->running = false;
}

/* ---- handing out ----------------------------------------------------------------------------- */

static bool same_place(const cursor *a, const cursor *b)
{
    return a->seed == b->seed && a->epoch == b->epoch && a->position == b->position &&
           a->count == b->count;
}

/* Moves to a place that was loaded. */
static bool resume(rv_loader *loader)
{
    const cursor *to = &loader->state;
    if (to->count != loader->count)
        return rv_fail(RV_ERROR_STATE, "next",
                       "the loader was saved with %lld samples, and has %lld", (long long)to->count,
                       (long long)loader->count);
    if (to->epoch < 0 || to->epoch >= MAX_EPOCH || to->position < 0 || to->position > loader->count)
        return rv_fail(RV_ERROR_STATE, "next",
                       "the loader was loaded to epoch %lld, sample %lld of %lld",
                       (long long)to->epoch, (long long)to->position, (long long)loader->count);
    rv_lock(&loader->lock);
    loader->turn++;
    loader->released = loader->taken = loader->fetched = 0;
    loader->failure = RV_OK;
    loader->ahead = *to;
    rv_wake_all(&loader->changed);
    rv_unlock(&loader->lock);
    loader->known = *to;
    return true;
}

/* Gives the slot that the caller had back to the ring. */
static void release_slot(rv_loader *loader)
{
    if (loader->released == loader->taken)
        return;
    rv_lock(&loader->lock);
    loader->released++;
    rv_wake_all(&loader->changed);
    rv_unlock(&loader->lock);
}

/* Fetches on the caller's thread. */
static const slot *fetch_here(rv_loader *loader)
{
    slot *s = begin_fetch(loader);
    if (!fetch(loader, &loader->ahead, s))
        return NULL;
    end_fetch(loader, s);
    loader->taken++;
    return s;
}

/* The next slot that the thread fetched; NULL with the thread's error if that failed. */
static const slot *take_fetched(rv_loader *loader)
{
    rv_lock(&loader->lock);
    while (loader->fetched == loader->taken && loader->failure == RV_OK)
        rv_wait(&loader->changed, &loader->lock);
    const bool failed = loader->fetched == loader->taken;
    const slot *s = failed ? NULL : &loader->slots[loader->taken++ % (uint64_t)loader->slot_count];
    rv_unlock(&loader->lock);
    if (failed) { /* the thread waits until failure is RV_OK again */
        rv_error_raise(loader->failure, loader->message);
        rv_lock(&loader->lock);
        loader->failure = RV_OK;
        rv_wake_all(&loader->changed);
        rv_unlock(&loader->lock);
    }
    return s;
}

bool rv_next(rv_loader *loader, rv_batch *b)
{
    if (b != NULL)
        *b = (rv_batch){0};
    if (loader == NULL || b == NULL)
        return rv_fail(RV_ERROR_NULL, "next", "the %s is NULL",
                       loader == NULL ? "loader" : "batch");
    if (rv_error_status() != RV_OK)
        return false;
    release_slot(loader);
    if (!same_place(&loader->state, &loader->known) && !resume(loader))
        return false;
    if (batch_at(loader, loader->state.position) == 0) {
        next_epoch(&loader->state);
        loader->known = loader->state;
        return false;
    }
    start(loader);
    const slot *s = loader->running ? take_fetched(loader) : fetch_here(loader);
    if (s == NULL)
        return false;
    loader->state.position += s->n;
    loader->known = loader->state;
    *b = (rv_batch){s->x, s->y, s->n};
    return true;
}

int64_t rv_loader_batches(const rv_loader *loader)
{
    if (loader == NULL) {
        rv_fail(RV_ERROR_NULL, "loader_batches", "the loader is NULL");
        return -1;
    }
    const bool short_last = loader->count % loader->batch_size != 0;
    return loader->count / loader->batch_size + (short_last && !loader->drop_last);
}

/* ---- beginning, end and state ---------------------------------------------------------------- */

static void destroy(rv_object *object)
{
    rv_loader *loader = (rv_loader *)object;
    stop(loader);
    for (int i = 0; i < loader->slot_count; i++) {
        rv_release(loader->slots[i].x);
        rv_release(loader->slots[i].y);
    }
    rv_memory_put(loader->slots, (size_t)loader->slot_count * sizeof(slot));
    rv_release(loader->memory[0]);
    rv_release(loader->memory[1]);
    rv_data_free(loader->data);
    loader->object.mark = RV_OBJECT_ENDED;
    rv_memory_put(loader, sizeof *loader);
}

static void release_loader(void *context)
{
    rv_object_release(context);
}

/* Shows one field of the state; the tensor holds the loader whose memory it shows. */
static bool visit_field(rv_loader *loader, const char *name, int64_t *field, rv_state_visit *visit,
                        void *context)
{
    rv_object_retain(&loader->object);
    rv_tensor *t = rv_from_buffer(field, RV_I64, 0, NULL, NULL, release_loader, loader);
    return t != NULL && visit(context, name, t);
}

static bool state(rv_object *object, rv_state_visit *visit, void *context)
{
    RV_SCOPE;
    rv_loader *loader = (rv_loader *)object;
    return visit_field(loader, "seed", &loader->state.seed, visit, context) &&
           visit_field(loader, "epoch", &loader->state.epoch, visit, context) &&
           visit_field(loader, "position", &loader->state.position, visit, context) &&
           visit_field(loader, "count", &loader->state.count, visit, context);
}

static const rv_object_class loader_class = {.kind = "loader", .destroy = destroy, .state = state};

static bool check(const rv_loader_options *o)
{
    if (o == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_dataset_check(who, o->data))
        return false;
    if (o->batch_size < 1)
        return rv_fail(RV_ERROR_ARGUMENT, who, "batch_size is %lld; it must be at least 1",
                       (long long)o->batch_size);
    if (o->prefetch < 0 || o->prefetch > MAX_PREFETCH)
        return rv_fail(RV_ERROR_ARGUMENT, who, "prefetch is %d; it must be from 0 to %d",
                       o->prefetch, MAX_PREFETCH);
    if (o->seed < -1)
        return rv_fail(RV_ERROR_ARGUMENT, who, "seed is %lld; it must not be negative",
                       (long long)o->seed);
    return true;
}

static bool check_batches(const rv_loader_options *o, int64_t count)
{
    if (count > 0 && (!o->drop_last || o->batch_size <= count))
        return true;
    return rv_fail(RV_ERROR_ARGUMENT, who, "%lld samples make no batch of %lld%s", (long long)count,
                   (long long)o->batch_size, o->drop_last ? ", and drop_last is set" : "");
}

static int64_t choose_seed(const rv_loader_options *o)
{
    if (o->seed >= 0 || (!o->shuffle && !o->data->source->random))
        return o->seed >= 0 ? o->seed : 0;
    uint32_t numbers[4];
    rv_philox(rv_random_take(4), 0, numbers);
    return (int64_t)(numbers[0] & 0x7FFFFFFF) << 32 | numbers[1];
}

/* Memory for n numbers: a tensor's, whose size is checked. */
static int64_t *number_memory(rv_tensor **memory, int64_t n)
{
    RV_SCOPE;
    *memory = rv_retain(rv_make(who, RV_I64, 1, &n));
    return *memory ? (int64_t *)(*memory)->data : NULL;
}

/* Makes all batches' tensors, and what their source needs, at once, and recycles those of one more,
 * for who goes on holding a batch or evaluates meanwhile: after this, training calls malloc no
 * more. */
static bool furnish(rv_loader *loader)
{
    RV_SCOPE;
    rv_source *source = loader->data->source;
    const int64_t n = loader->batch_size;
    if (source->furnish != NULL && !source->furnish(source, n))
        return false;
    for (int i = 0; i < loader->slot_count; i++)
        if (!rv_dataset_prepare(who, &loader->slots[i].x, &source->x, n, n) ||
            !rv_dataset_prepare(who, &loader->slots[i].y, &source->y, n, n))
            return false;
    return rv_dataset_tensor(who, &source->x, n) != NULL &&
           rv_dataset_tensor(who, &source->y, n) != NULL;
}

/* Takes what the loader needs; what it has then, destroy gives back. */
static bool equip(rv_loader *loader, const rv_loader_options *o)
{
    loader->data = rv_dataset_snapshot(who, o->data);
    if (loader->data == NULL || !check_batches(o, loader->data->count))
        return false;
    loader->count = loader->data->count;
    loader->batch_size = o->batch_size < loader->count ? o->batch_size : loader->count;
    loader->places = number_memory(&loader->memory[0], loader->batch_size);
    loader->order =
        loader->places && o->shuffle ? number_memory(&loader->memory[1], loader->count) : NULL;
    if (loader->places == NULL || (o->shuffle && loader->order == NULL))
        return false;
    loader->slots = rv_memory_get(who, (size_t)(o->prefetch + 1) * sizeof(slot));
    if (loader->slots == NULL)
        return false;
    loader->slot_count = o->prefetch + 1;
    for (int i = 0; i < loader->slot_count; i++)
        loader->slots[i] = (slot){0};
    if (!furnish(loader))
        return false;
    loader->state = (cursor){.seed = choose_seed(o), .count = loader->count};
    loader->known = loader->ahead = loader->state;
    return true;
}

rv_loader *rv_data_loader_with(const rv_loader_options *o)
{
    rv_loader *loader = check(o) ? rv_memory_get(who, sizeof *loader) : NULL;
    if (loader == NULL)
        return NULL;
    *loader = (rv_loader){.drop_last = o->drop_last,
                          .order_epoch = -1,
                          .threaded = o->prefetch > 0,
                          .lock = RV_MUTEX_INIT,
                          .changed = RV_CONDITION_INIT};
    rv_object_init(&loader->object, &loader_class);
    if (equip(loader, o))
        return loader;
    rv_loader_free(loader);
    return NULL;
}

void rv_loader_free(rv_loader *loader)
{
    rv_object_release((rv_object *)loader);
}

/* memory.c - size classes with lists of free blocks.
 *
 *     bytes       classes                      from
 *     1 .. 1 K    every 64                     the thread's cache, refilled 32 blocks at a time
 *     .. 64 K     four for each power of two   chunks of 1 MiB, cut from the front
 *     above       four for each power of two   the system, one allocation each, with a header that
 *                                              says how large it is (it may serve smaller requests)
 *
 * A chunk counts its blocks that are in use (a thread's cache counts as use), so that trimming can
 * give it back.
 */

#include "core/memory.h"

#include <string.h>

#include "core/error.h"
#include "core/platform.h"
#include "core/thread_state.h"

#ifndef RV_RECYCLE
#define RV_RECYCLE 1
#endif

/* What the system gave and what it may give; guarded by `lock`, as all below. */
static rv_mutex lock = RV_MUTEX_INIT;
static size_t held, limit = SIZE_MAX;
static size_t idle; /* of `held`: in the lists, or not yet cut from a chunk */
static bool knows_fork;

/* A fork waits until the lists are whole, so that the child can use them. */
static void before_fork(void)
{
    rv_lock(&lock);
}

static void after_fork(void)
{
    rv_unlock(&lock);
}

/* Takes memory from the system within the limit; call with the lock held. */
static void *take(size_t alignment, size_t bytes)
{
    if (bytes > limit || held > limit - bytes)
        return NULL;
    if (!knows_fork)
        knows_fork = rv_at_fork(before_fork, after_fork, after_fork);
    void *memory = rv_system_allocate(alignment, bytes);
    if (memory != NULL)
        held += bytes;
    return memory;
}

static void give_back(void *memory, size_t bytes)
{
    rv_system_free(memory);
    held -= bytes;
}

rv_memory_use rv_memory_usage(void)
{
    rv_lock(&lock);
    const rv_memory_use use = {.held = held, .in_use = held - idle};
    rv_unlock(&lock);
    return use;
}

void *rv_memory_reserve(const char *who, void *array, int64_t count, int64_t *capacity,
                        int64_t wanted, size_t size)
{
    if (RV_LIKELY(wanted <= *capacity))
        return array;
    const int64_t room = wanted > 2 * *capacity ? wanted : 2 * *capacity;
    void *larger = rv_memory_get(who, (size_t)room * size);
    if (larger == NULL)
        return NULL;
    if (count > 0)
        memcpy(larger, array, (size_t)count * size);
    rv_memory_put(array, (size_t)*capacity * size);
    *capacity = room;
    return larger;
}

bool rv_memory_lasting(bool on)
{
    const bool was = rv_here.lasting;
    rv_here.lasting = on;
    return was;
}

void rv_memory_restore(bool *was)
{
    rv_here.lasting = *was;
}

void rv_memory_limit(size_t bytes)
{
    rv_lock(&lock);
    limit = bytes;
    rv_unlock(&lock);
}

static void *out_of_memory(const char *who, size_t bytes)
{
    return rv_fail_null(RV_ERROR_MEMORY, who, "out of memory: %zu bytes wanted, %zu held", bytes,
                        rv_memory_usage().held);
}

#if RV_RECYCLE

#define SMALL_LIMIT ((size_t)1024)
#define MEDIUM_LIMIT ((size_t)65536)
#define LARGE_LIMIT ((size_t)1 << 46)
#define CHUNK_BYTES ((size_t)1 << 20)
#define HEADER_BYTES RV_ALIGNMENT
#define CLASS_COUNT (RV_SMALL_CLASSES + 4 * 36)
#define REFILL 32
#define CACHE_LIMIT 2048 /* blocks of one class in one thread's cache */
#define REACH 12         /* how many classes further up an empty large class may look: 8 times */

/* Large blocks that last have lists of their own: a step whose first run left enough free blocks
 * finds them in the second, although the optimizer's state was made in between. */
enum { PASSING, LASTING, KINDS };

typedef struct chunk {
    struct chunk *next;
    size_t used;  /* blocks that are in use */
    size_t front; /* where the part begins that was not cut yet */
} chunk;

/* In front of a large block. */
typedef struct header {
    int class_index, kind;
} header;

static rv_free_block *lists[KINDS][CLASS_COUNT];
static chunk *chunks; /* the first one is being cut */

/* The class of a request, and the bytes of a class. */
static int class_of(size_t bytes)
{
    if (bytes <= SMALL_LIMIT)
        return bytes == 0 ? 0 : (int)((bytes - 1) / 64);
    const int power = 63 - __builtin_clzll((unsigned long long)(bytes - 1)); /* 2^power < bytes */
    const int quarter = (int)(((bytes - 1) >> (power - 2)) & 3);
    return RV_SMALL_CLASSES + 4 * (power - 10) + quarter;
}

static size_t class_bytes(int class_index)
{
    if (class_index < RV_SMALL_CLASSES)
        return 64 * ((size_t)class_index + 1);
    const int above = class_index - RV_SMALL_CLASSES;
    const size_t quarter = (size_t)1 << (above / 4 + 8);
    return quarter * (size_t)(5 + above % 4);
}

static chunk *chunk_of(const void *block)
{
    return (chunk *)((uintptr_t)block & ~(uintptr_t)(CHUNK_BYTES - 1));
}

/* The same with a large block's header. */
static size_t block_bytes(int class_index)
{
    const bool is_large = class_bytes(class_index) > MEDIUM_LIMIT;
    return class_bytes(class_index) + (is_large ? HEADER_BYTES : 0);
}

static void *pop(int kind, int class_index)
{
    rv_free_block *block = lists[kind][class_index];
    if (block != NULL) {
        lists[kind][class_index] = block->next;
        idle -= block_bytes(class_index);
    }
    return block;
}

static void push(int kind, int class_index, void *memory)
{
    rv_free_block *block = memory;
    block->next = lists[kind][class_index];
    lists[kind][class_index] = block;
    idle += block_bytes(class_index);
}

/* A block of a small or medium class: from its list, or cut from the first chunk. */
static void *from_chunk(int class_index)
{
    void *block = pop(PASSING, class_index);
    const size_t bytes = class_bytes(class_index);
    if (block == NULL) {
        if (chunks == NULL || chunks->front + bytes > CHUNK_BYTES) {
            chunk *fresh = take(CHUNK_BYTES, CHUNK_BYTES);
            if (fresh == NULL)
                return NULL;
            *fresh = (chunk){.next = chunks, .front = HEADER_BYTES};
            chunks = fresh;
            idle += CHUNK_BYTES;
        }
        block = (char *)chunks + chunks->front;
        chunks->front += bytes;
        idle -= bytes;
    }
    chunk_of(block)->used++;
    return block;
}

static void to_chunk(int class_index, void *block)
{
    push(PASSING, class_index, block);
    chunk_of(block)->used--;
}

/* A free block of a large class, or of one that is at most `reach` further up. */
static void *find(int kind, int class_index, int reach)
{
    const int last = class_index + reach < CLASS_COUNT ? class_index + reach : CLASS_COUNT - 1;
    for (int i = class_index; i <= last; i++) {
        void *block = pop(kind, i);
        if (block != NULL)
            return block;
    }
    return NULL;
}

static void put_header(char *memory, header h)
{
    memcpy(memory, &h, sizeof h);
}

static header header_of(const char *block)
{
    header h;
    memcpy(&h, block - HEADER_BYTES, sizeof h);
    return h;
}

/* Large blocks carry their class in a header in front of them. What lasts gets a block of its own
 * size; what passes may take one that lasted and is free, which from then on is of those. */
static void *from_system(int kind, int class_index)
{
    char *block = find(kind, class_index, kind == LASTING ? 0 : REACH);
    if (block == NULL && kind == PASSING)
        block = find(LASTING, class_index, REACH);
    if (block != NULL) {
        put_header(block - HEADER_BYTES, (header){header_of(block).class_index, kind});
        return block;
    }
    char *memory = take(RV_ALIGNMENT, block_bytes(class_index));
    if (memory == NULL)
        return NULL;
    put_header(memory, (header){class_index, kind});
    return memory + HEADER_BYTES;
}

static void to_list(void *block)
{
    const header h = header_of(block);
    push(h.kind, h.class_index, block);
}

static void *get_locked(int class_index, bool large)
{
    if (!large)
        return from_chunk(class_index);
    return from_system(rv_here.lasting ? LASTING : PASSING, class_index);
}

/* Out of the fast path: from the shared lists, a second time after giving back what is unused. */
static void *get_shared(const char *who, size_t bytes, int class_index)
{
    const bool large = bytes > MEDIUM_LIMIT;
    rv_lock(&lock);
    void *block = get_locked(class_index, large);
    rv_unlock(&lock);
    if (block == NULL) {
        rv_memory_trim();
        rv_lock(&lock);
        block = get_locked(class_index, large);
        rv_unlock(&lock);
    }
    return block != NULL ? block : out_of_memory(who, bytes);
}

/* Fills the thread's empty cache of a class with some blocks beyond the one that is returned. */
static void *refill(const char *who, size_t bytes, int class_index)
{
    rv_clean_at_thread_end();
    void *block = get_shared(who, bytes, class_index);
    if (block == NULL)
        return NULL;
    rv_lock(&lock);
    for (int i = 0; i < REFILL; i++) {
        rv_free_block *more = from_chunk(class_index);
        if (more == NULL)
            break;
        more->next = rv_here.cache[class_index];
        rv_here.cache[class_index] = more;
        rv_here.cached[class_index]++;
    }
    rv_unlock(&lock);
    return block;
}

void *rv_memory_get(const char *who, size_t bytes)
{
    if (RV_UNLIKELY(bytes > LARGE_LIMIT))
        return out_of_memory(who, bytes);
    const int class_index = class_of(bytes);
    if (RV_UNLIKELY(bytes > SMALL_LIMIT))
        return get_shared(who, bytes, class_index);
    rv_free_block *block = rv_here.cache[class_index];
    if (RV_UNLIKELY(block == NULL))
        return refill(who, bytes, class_index);
    rv_here.cache[class_index] = block->next;
    rv_here.cached[class_index]--;
    return block;
}

/* Gives `count` blocks of the thread's cache of a class to all threads. */
static void flush(int class_index, int count)
{
    rv_lock(&lock);
    for (int i = 0; i < count; i++) {
        rv_free_block *block = rv_here.cache[class_index];
        rv_here.cache[class_index] = block->next;
        rv_here.cached[class_index]--;
        to_chunk(class_index, block);
    }
    rv_unlock(&lock);
}

void rv_memory_put(void *memory, size_t bytes)
{
    if (memory == NULL)
        return;
    const int class_index = class_of(bytes);
    if (RV_UNLIKELY(bytes > SMALL_LIMIT)) {
        rv_lock(&lock);
        if (bytes > MEDIUM_LIMIT)
            to_list(memory);
        else
            to_chunk(class_index, memory);
        rv_unlock(&lock);
        return;
    }
    rv_free_block *block = memory;
    block->next = rv_here.cache[class_index];
    rv_here.cache[class_index] = block;
    if (RV_UNLIKELY(++rv_here.cached[class_index] >= CACHE_LIMIT))
        flush(class_index, CACHE_LIMIT / 2);
    if (RV_UNLIKELY(!rv_here.cleaned_at_end))
        rv_clean_at_thread_end();
}

void rv_memory_flush_thread(void)
{
    for (int i = 0; i < RV_SMALL_CLASSES; i++)
        flush(i, rv_here.cached[i]);
}

/* Takes the blocks of unused chunks out of the lists of small and medium classes. */
static void unlist_unused(void)
{
    for (int i = 0; i < class_of(MEDIUM_LIMIT) + 1; i++) {
        rv_free_block **link = &lists[PASSING][i];
        while (*link != NULL) {
            if (chunk_of(*link)->used == 0) {
                *link = (*link)->next;
                idle -= class_bytes(i);
            } else {
                link = &(*link)->next;
            }
        }
    }
}

static void give_back_large(int kind)
{
    for (int i = class_of(MEDIUM_LIMIT) + 1; i < CLASS_COUNT; i++)
        for (char *block = pop(kind, i); block != NULL; block = pop(kind, i))
            give_back(block - HEADER_BYTES, block_bytes(i));
}

void rv_memory_trim(void)
{
    rv_memory_flush_thread();
    rv_lock(&lock);
    give_back_large(PASSING);
    give_back_large(LASTING);
    unlist_unused();
    chunk **link = &chunks;
    while (*link != NULL) {
        chunk *unused = *link;
        if (unused->used > 0) {
            link = &unused->next;
            continue;
        }
        *link = unused->next;
        give_back(unused, CHUNK_BYTES);
    }
    /* What is idle now: the lists' blocks, and the fronts of the chunks that stay. */
    idle = 0;
    for (int i = 0; i < CLASS_COUNT; i++)
        for (const rv_free_block *block = lists[PASSING][i]; block != NULL; block = block->next)
            idle += class_bytes(i);
    for (const chunk *c = chunks; c != NULL; c = c->next)
        idle += CHUNK_BYTES - c->front;
    rv_unlock(&lock);
}

#else /* every block its own allocation, so that sanitizers and valgrind see each mistake */

void *rv_memory_get(const char *who, size_t bytes)
{
    rv_lock(&lock);
    void *block = bytes < SIZE_MAX / 2 ? take(RV_ALIGNMENT, bytes > 0 ? bytes : 1) : NULL;
    rv_unlock(&lock);
    return block != NULL ? block : out_of_memory(who, bytes);
}

void rv_memory_put(void *block, size_t bytes)
{
    if (block == NULL)
        return;
    rv_lock(&lock);
    give_back(block, bytes > 0 ? bytes : 1);
    rv_unlock(&lock);
}

void rv_memory_flush_thread(void)
{
}

void rv_memory_trim(void)
{
}

#endif

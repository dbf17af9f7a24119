/* scope.c - one stack of tensors for each thread; a scope is a mark in it.
 *
 * rv_keep pushes a tensor once more, with its lowest bit set: when the innermost scope ends, such
 * entries move down into the scope outside, and all others are released.
 */

#include "core/scope.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/parallel.h"
#include "core/tensor.h"
#include "core/thread_state.h"

#define KEPT ((uintptr_t)1)

RV_THREAD_LOCAL rv_thread_state rv_here;

/* Doubles an array of `size`-byte elements when `count` have filled it. */
static bool grow(const char *who, void **array, int64_t count, int64_t *capacity, size_t size)
{
    if (RV_LIKELY(count < *capacity))
        return true;
    const int64_t wanted = *capacity ? 2 * *capacity : 256;
    void *grown = realloc(*array, (size_t)wanted * size);
    if (grown == NULL)
        return rv_fail(RV_ERROR_MEMORY, who, "out of memory for %lld entries", (long long)wanted);
    *array = grown;
    *capacity = wanted;
    rv_clean_at_thread_end();
    return true;
}

static bool push(const char *who, uintptr_t entry)
{
    void *array = rv_here.owned;
    const bool room =
        grow(who, &array, rv_here.owned_count, &rv_here.owned_capacity, sizeof *rv_here.owned);
    rv_here.owned = array;
    if (room)
        rv_here.owned[rv_here.owned_count++] = entry;
    return room;
}

rv_tensor *rv_scope_own(rv_tensor *t)
{
    if (RV_LIKELY(push("scope", (uintptr_t)t)))
        return t;
    rv_release(t);
    return NULL;
}

rv_tensor *rv_keep(rv_tensor *t)
{
    if (t == NULL || rv_here.depth == 0)
        return t;
    rv_retain(t);
    if (push("keep", (uintptr_t)t | KEPT))
        return t;
    rv_release(t);
    return NULL;
}

rv_tensor *rv_retain(rv_tensor *t)
{
    if (t != NULL)
        rv_object_retain(&t->object);
    return t;
}

void rv_release(rv_tensor *t)
{
    if (t != NULL)
        rv_object_release(&t->object);
}

rv_scope rv_scope_begin(const char *name)
{
    void *array = rv_here.frames;
    const bool room =
        grow("scope_begin", &array, rv_here.depth, &rv_here.depth_capacity, sizeof *rv_here.frames);
    rv_here.frames = array;
    if (!room)
        return (rv_scope){-1};
    rv_here.frames[rv_here.depth] = (rv_scope_frame){rv_here.owned_count, name};
    return (rv_scope){rv_here.depth++};
}

/* Releases the entries from `start` on, but for those kept, which move down to it. A release may
 * not push entries of its own. */
static void release_from(int64_t start)
{
    int64_t stays = start;
    for (int64_t i = start; i < rv_here.owned_count; i++) {
        const uintptr_t entry = rv_here.owned[i];
        if (entry & KEPT)
            rv_here.owned[stays++] = entry & ~KEPT;
        else
            rv_object_release((rv_object *)entry);
    }
    rv_here.owned_count = stays;
}

void rv_scope_end(rv_scope *scope)
{
    if (scope == NULL || scope->depth < 0)
        return;
    while (rv_here.depth > scope->depth) {
        const rv_scope_frame frame = rv_here.frames[--rv_here.depth];
        rv_here.ending = frame.name;
        release_from(frame.start);
        rv_here.ending = NULL;
    }
    scope->depth = -1;
}

static void end_thread(void *unused)
{
    (void)unused;
    rv_here.depth = 0;
    rv_here.ending = "the thread's root scope";
    release_from(0); /* what was kept at the root is released by the second round */
    release_from(0);
    rv_here.ending = NULL;
    free(rv_here.owned);
    free(rv_here.frames);
    rv_here.owned = NULL;
    rv_here.frames = NULL;
    rv_here.owned_capacity = rv_here.depth_capacity = 0;
    rv_error_forget();
    rv_memory_flush_thread();
    rv_here.cleaned_at_end = false;
}

void rv_clean_at_thread_end(void)
{
    if (!rv_here.cleaned_at_end)
        rv_here.cleaned_at_end = rv_at_thread_end(end_thread, &rv_here);
}

void rv_finish(void)
{
    rv_parallel_stop();
    end_thread(NULL);
    rv_ended_tensors_free();
    rv_memory_trim();
}

/* The main thread's end: after main, before the process is gone. */
__attribute__((destructor)) static void finish_process(void)
{
    rv_finish();
}

bool rv_recording(void)
{
    return !rv_here.recording_off;
}

bool rv_set_recording(bool on)
{
    const bool was = !rv_here.recording_off;
    rv_here.recording_off = !on;
    return was;
}

bool rv_set_detecting(bool on)
{
    const bool was = rv_here.detecting;
    rv_here.detecting = on;
    return was;
}

unsigned rv_thread_mode(void)
{
    return (rv_here.recording_off ? 0 : RV_MODE_RECORDING) |
           (rv_here.detecting ? RV_MODE_DETECTING : 0);
}

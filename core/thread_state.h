/* thread_state.h - what each thread has of its own. Private to core/.
 *
 * Its unread error, its stack of scopes, its cache of small blocks, and whether it records. Small
 * enough to be thread-local as it is, so that reaching it costs one instruction and cannot fail.
 */
#ifndef RV_CORE_THREAD_STATE_H
#define RV_CORE_THREAD_STATE_H

#include "core/error.h"
#include "core/object.h"
#include "core/platform.h"

#define RV_SMALL_CLASSES 16 /* blocks of 64, 128, ... 1024 bytes */

/* A free block: its own memory links it to the next. */
typedef struct rv_free_block {
    struct rv_free_block *next;
} rv_free_block;

typedef struct rv_scope_frame {
    int64_t start; /* its first entry in `owned` */
    const char *name;
} rv_scope_frame;

typedef struct rv_thread_state {
    /* scope.c: what the open scopes own, innermost last; the lowest bit of an entry says that it
     * was kept for the scope outside. */
    uintptr_t *owned; /* [owned_count of owned_capacity] */
    int64_t owned_count, owned_capacity;
    rv_scope_frame *frames; /* [depth of depth_capacity] */
    int64_t depth, depth_capacity;
    const char *ending; /* the scope that is being ended */
    /* error.c */
    char *message; /* NULL until the first error */
    rv_status status;
    const rv_error_place *place;
    bool defer_errors;
    bool recording_off;
    bool detecting;      /* whether operations look for NaN */
    bool lasting;        /* memory.c: blocks are of their own size */
    bool cleaned_at_end; /* whether this thread's end is taken care of */
    /* memory.c */
    uint16_t cached[RV_SMALL_CLASSES]; /* how many blocks are in */
    rv_free_block *cache[RV_SMALL_CLASSES];
} rv_thread_state;

extern RV_THREAD_LOCAL rv_thread_state rv_here;

/* Sees to it that what the calling thread holds is freed when it ends. */
void rv_clean_at_thread_end(void);

/* memory.c: gives the calling thread's cached blocks back to all. */
void rv_memory_flush_thread(void);
/* error.c: frees the calling thread's message. */
void rv_error_forget(void);
/* tensor.c: frees the ended tensors that debug builds keep. */
void rv_ended_tensors_free(void);

#endif

/* memory.h - memory that is recycled.
 *
 * Tensors come and go thousands of times a second, and always in the same sizes. So a freed block
 * is kept in a list of its size class and handed out again: from the second step on, a training
 * step calls malloc zero times.
 *
 * Blocks up to 1 KiB come from a cache of the calling thread, without a lock; blocks up to 64 KiB
 * are cut from chunks of 1 MiB; larger ones have four size classes for each power of two, and a
 * class that is empty may take a block of up to eight times its size (a short last batch fits into
 * the blocks of a full one).
 *
 * Debug and sanitizer builds (RV_RECYCLE=0) do not recycle: each block is its own allocation, so
 * that the tools see every mistake.
 *
 * Global: the lists of free blocks. Per thread: its cache, and whether its blocks are to last.
 */
#ifndef RV_CORE_MEMORY_H
#define RV_CORE_MEMORY_H

#include "core/macros.h"

RV_BEGIN_C

/* Every block's address is a multiple of this: a cache line, and the widest vector. */
#define RV_ALIGNMENT 64

/* A block of at least `bytes` (0 counts as 1), contents undefined; NULL with an error "out of
 * memory" under `who`. Give it back with rv_memory_put and the same number of bytes. */
RV_API void *rv_memory_get(const char *who, size_t bytes);
RV_API void rv_memory_put(void *block, size_t bytes);

/* An array of `count` used of `*capacity` items of `size` bytes, with room for `wanted`: `array`
 * itself, or, if it has to grow, a copy in a new block, twice as large at least, the old one being
 * given back and *capacity raised. NULL with an error under `who`, and all as it was. */
RV_API void *rv_memory_reserve(const char *who, void *array, int64_t count, int64_t *capacity,
                               int64_t wanted, size_t size);

/* RV_LASTING; says, to the end of the enclosing block, that what this thread makes will be held for
 * long (a layer's parameters, an optimizer's state): its large blocks are of their own size class,
 * never larger ones that happen to be free, and not of those that batches go through. */
#define RV_LASTING                \
    RV_CLEANUP(rv_memory_restore) \
    __attribute__((unused)) bool RV_JOIN(rv_lasting_, __LINE__) = rv_memory_lasting(true)

/* The same by hand: turns it on or off, and returns what it was; and sets it to what it was. */
RV_API bool rv_memory_lasting(bool on);
RV_API void rv_memory_restore(bool *was);

/* What the library holds from the system, in bytes: all of it, and what is in use now. */
typedef struct rv_memory_use {
    size_t held;
    size_t in_use;
} rv_memory_use;
RV_API rv_memory_use rv_memory_usage(void);

/* Gives the blocks that nobody uses back to the system, as far as that is possible: large ones at
 * once, chunks when none of their blocks is in use. Called for you when malloc says no. */
RV_API void rv_memory_trim(void);

/* At most this many bytes are taken from the system (default: no limit); what would exceed it is an
 * "out of memory" error. For tests, and for processes that share a machine. */
RV_API void rv_memory_limit(size_t bytes);

RV_END_C

#endif

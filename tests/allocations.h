/* allocations.h - how much memory is asked for, on any thread: for one program, which includes this
 * once. malloc and its relatives are wrapped, or, where a sanitizer has them, it tells. */
#ifndef TESTS_ALLOCATIONS_H
#define TESTS_ALLOCATIONS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ALLOCATIONS_TOLD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALLOCATIONS_TOLD 1
#endif
#endif

/* Since allocations_start: all bytes that were asked for, also those given back, and the most at
 * once. */
static atomic_size_t allocated_bytes, allocated_most;
static atomic_bool allocations_counted;

static void allocations_count(size_t bytes)
{
    if (!atomic_load(&allocations_counted))
        return;
    atomic_fetch_add(&allocated_bytes, bytes);
    if (bytes > atomic_load(&allocated_most))
        atomic_store(&allocated_most, bytes);
}

#ifdef ALLOCATIONS_TOLD

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void allocations_on_malloc(const volatile void *block, size_t bytes)
{
    (void)block;
    allocations_count(bytes);
}

static void allocations_on_free(const volatile void *block)
{
    (void)block;
}

static void allocations_watch(void)
{
    __sanitizer_install_malloc_and_free_hooks(allocations_on_malloc, allocations_on_free);
}

#else

/* What glibc's own functions are called, for those who replace them. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    allocations_count(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    allocations_count(n * bytes);
    return __libc_calloc(n, bytes);
}

void *realloc(void *block, size_t bytes)
{
    allocations_count(bytes);
    return __libc_realloc(block, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    allocations_count(bytes);
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    allocations_count(bytes);
    *block = __libc_memalign(alignment, bytes);
    return *block == NULL ? ENOMEM : 0;
}

static void allocations_watch(void)
{
}

#endif

static void allocations_start(void)
{
    atomic_store(&allocated_bytes, 0);
    atomic_store(&allocated_most, 0);
    atomic_store(&allocations_counted, true);
}

static void allocations_stop(void)
{
    atomic_store(&allocations_counted, false);
}

#endif

/* allocations.h - what memory is asked for, on any thread: for one program, which includes this
 * once and begins with allocations_watch(). malloc and its relatives are wrapped, or, where a
 * sanitizer has them, it tells. */
#ifndef TESTS_ALLOCATIONS_H
#define TESTS_ALLOCATIONS_H

#include <errno.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ALLOCATIONS_TOLD 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ALLOCATIONS_TOLD 1
#endif
#endif

/* Called for each allocation, on any thread; the program defines it. */
static void allocation_seen(size_t bytes);

#ifdef ALLOCATIONS_TOLD

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void allocations_on_malloc(const volatile void *block, size_t bytes)
{
    (void)block;
    allocation_seen(bytes);
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
    allocation_seen(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    allocation_seen(n * bytes);
    return __libc_calloc(n, bytes);
}

void *realloc(void *block, size_t bytes)
{
    allocation_seen(bytes);
    return __libc_realloc(block, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    allocation_seen(bytes);
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    allocation_seen(bytes);
    *block = __libc_memalign(alignment, bytes);
    return *block == NULL ? ENOMEM : 0;
}

static void allocations_watch(void)
{
}

#endif

#endif

/* allocation_sums.h - how many bytes are asked for while something is done. */
#ifndef TESTS_ALLOCATION_SUMS_H
#define TESTS_ALLOCATION_SUMS_H

#include <stdatomic.h>

#include "allocations.h"

/* Since allocations_start: all bytes that were asked for, also those given back, and the most at
 * once. */
static atomic_size_t allocated_bytes, allocated_most;
static atomic_bool allocations_counted;

static void allocation_seen(size_t bytes)
{
    if (!atomic_load(&allocations_counted))
        return;
    atomic_fetch_add(&allocated_bytes, bytes);
    if (bytes > atomic_load(&allocated_most))
        atomic_store(&allocated_most, bytes);
}

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

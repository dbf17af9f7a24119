/* dispatch.c - which instruction set this processor has, decided once. Not itself compiled for any.
 *
 * Two threads that decide at the same time find the same answer, so the pointer needs no lock.
 */

#include <stdlib.h>
#include <string.h>

#include "core/kernels/tables.h"
#include "core/wide.h"

extern const rv_kernels rv_baseline_kernels;

#ifdef RV_HAVE_X86_ISAS

extern const rv_kernels rv_avx2_kernels, rv_avx512_kernels;

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

const rv_kernels *rv_kernels_at(int index)
{
    __builtin_cpu_init();
    switch (index) {
    case 0: return &rv_baseline_kernels;
    case 1: return has_avx2() ? &rv_avx2_kernels : NULL;
    case 2: return has_avx512() ? &rv_avx512_kernels : NULL;
    default: return NULL;
    }
}

#else

const rv_kernels *rv_kernels_at(int index)
{
    return index == 0 ? &rv_baseline_kernels : NULL;
}

#endif

/* The best table, or the one that RV_ISA names if the processor has it. */
static const rv_kernels *choose(void)
{
    const char *wanted = getenv("RV_ISA");
    const rv_kernels *best = NULL, *table;
    for (int i = 0; (table = rv_kernels_at(i)) != NULL; i++) {
        best = table;
        if (wanted != NULL && strcmp(wanted, table->name) == 0)
            break;
    }
    return best;
}

const rv_kernels *rv_kernels_get(void)
{
    static const rv_kernels *chosen;
    const rv_kernels *table = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (RV_UNLIKELY(table == NULL)) {
        table = choose();
        __atomic_store_n(&chosen, table, __ATOMIC_RELEASE);
    }
    return table;
}

bool rv_has_avx2(void)
{
#ifdef RV_HAVE_X86_ISAS
    return rv_kernels_get() != &rv_baseline_kernels;
#else
    return false;
#endif
}

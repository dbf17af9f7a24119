/* blas.c - how BLAS and LAPACK are called from several threads. */
#include "core/blas.h"

#include "core/parallel.h"
#include "core/platform.h"

#if RV_BLAS

/* OpenBLAS's own; any other BLAS is taken to be single-threaded and safe to call from threads. */
void openblas_set_num_threads(int threads) RV_WEAK;
int openblas_get_parallel(void) RV_WEAK;

/* Each thread says so for itself: on the OpenMP build it counts for that thread only. */
void rv_blas_use_one_thread(void)
{
    static RV_THREAD_LOCAL bool said;
    if (said)
        return;
    said = true;
    if (openblas_set_num_threads != NULL)
        openblas_set_num_threads(1);
}

/* The serial build of OpenBLAS shares its buffers between threads without a lock: wrong results
 * (0.3.21 as Debian builds it: up to 142 of 12000 products on 4 threads). */
static bool takes_one_call(void)
{
    return openblas_get_parallel != NULL && openblas_get_parallel() == 0;
}

#else

void rv_blas_use_one_thread(void)
{
}

static bool takes_one_call(void)
{
    return false;
}

#endif

void rv_blas_parallel(int64_t pieces, void (*piece)(void *context, int64_t index), void *context)
{
    if (!takes_one_call()) {
        rv_parallel(pieces, piece, context);
        return;
    }
    static rv_mutex one_call = RV_MUTEX_INIT;
    rv_lock(&one_call);
    for (int64_t i = 0; i < pieces; i++)
        piece(context, i);
    rv_unlock(&one_call);
}

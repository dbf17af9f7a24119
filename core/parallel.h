/* parallel.h - one small pool of threads that runs every kernel.
 *
 * Work is cut into pieces by its shape, never by the number of threads, and each piece writes its
 * own results: so results are the same, bit for bit, for any number of threads. The caller works
 * too. While one thread's work is in the pool, another thread that calls the library does its
 * pieces itself, so several threads may use the library at once.
 *
 * OpenBLAS is used one piece a thread: every thread that calls it sets it to one thread for itself.
 * On the pthread build of OpenBLAS that setting is global, so a host program that also uses
 * OpenBLAS finds it set to one thread; on the OpenMP build it is the number of OpenMP threads of
 * that thread.
 *
 * Global: the pool, and the number of threads.
 */
#ifndef RV_CORE_PARALLEL_H
#define RV_CORE_PARALLEL_H

#include "core/macros.h"

RV_BEGIN_C

/* How many threads work, the caller included. Starts as RV_THREADS from the environment (1 to 256;
 * anything else but an empty text is an error, recorded once, and ignored), else as many as the
 * processors that this process may use. */
RV_API int rv_threads(void);

/* Sets it: 1 to 256; 0 is the default again. False with an error otherwise, or when called while
 * the pool is at work. Threads are started when first needed; if the system gives fewer, the work
 * is done by those there are. */
RV_API bool rv_set_threads(int threads);

/* For those who write kernels: calls piece(context, i) for every i in [0, pieces), each once, in
 * any order, on the pool's threads and the caller's, and returns when all are done. A piece must
 * not fail, allocate tensors, or fork; rv_parallel called in a piece does all of its own in place.
 */
RV_API void rv_parallel(int64_t pieces, void (*piece)(void *context, int64_t index), void *context);

/* Whether the calling thread would do all pieces itself: to skip cutting. */
RV_API bool rv_parallel_is_alone(void);

/* Ends the pool's threads, after the work that is in it; the next work starts them again. Part of
 * rv_finish. Inside a piece it does nothing. The child of a fork has no such threads, and starts
 * its own. */
RV_API void rv_parallel_stop(void);

RV_END_C

#endif

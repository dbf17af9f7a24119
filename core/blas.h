/* blas.h - how BLAS and LAPACK are called from several threads. Private to core/.
 *
 * Each call is made by one thread, with OpenBLAS set to one thread, so that a result does not
 * depend on how many there are.
 */
#ifndef RV_CORE_BLAS_H
#define RV_CORE_BLAS_H

#include "core/macros.h"

/* As rv_parallel, for pieces that call BLAS or LAPACK: one after the other where the library cannot
 * be called by two threads at once. */
void rv_blas_parallel(int64_t pieces, void (*piece)(void *context, int64_t index), void *context);

/* To be called by a piece before its first BLAS or LAPACK call. */
void rv_blas_use_one_thread(void);

#endif

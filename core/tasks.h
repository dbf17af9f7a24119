/* tasks.h - pieces of work that make tensors, and may fail.
 *
 * rv_parallel (parallel.h) runs kernels, which must not. A task is a larger piece: it may call
 * everything that the library has, builds a graph and walks it, say. What it calls runs on the
 * task's thread alone, as all threads have tasks.
 */
#ifndef RV_CORE_TASKS_H
#define RV_CORE_TASKS_H

#include "core/macros.h"

RV_BEGIN_C

/* Task `index`; false, or an error, if it fails. */
typedef bool rv_task(void *context, int64_t index);

/* Calls task(context, i) for every i in [0, tasks), each once, on the pool's threads and the
 * caller's, and returns when all are done. Each runs in a scope of its own, and records operations,
 * looks for NaN and makes lasting tensors as the caller does. What tasks share they may only read;
 * a tensor that one makes for the caller is retained (rv_retain), or written into one that the
 * caller made.
 *
 * False if one failed; the error is then the caller's, as it would be without threads: that of the
 * smallest index. Tasks behind it may not have been called. False with an error if the function is
 * NULL; nothing is done while an error is unread. */
RV_API bool rv_run_tasks(int64_t tasks, rv_task *task, void *context);

RV_END_C

#endif

/* tasks.c - a task is a piece of the pool's work that borrows its caller's modes, and whose error
 * is carried back. */
#include "core/tasks.h"

#include <stdio.h>

#include "core/parallel.h"
#include "core/scope.h"
#include "core/thread_state.h"

typedef struct tasks {
    rv_task *task;
    void *context;
    rv_thread_state caller; /* its modes are read */
    rv_mutex lock;          /* held to change what stands below */
    int64_t failed;         /* the smallest index that did; atomic */
    rv_status status;
    char message[2048];
} tasks;

static void note_failure(tasks *all, int64_t index)
{
    const rv_status status = rv_error_status();
    const char *message = rv_error();
    rv_lock(&all->lock);
    if (index < all->failed) {
        __atomic_store_n(&all->failed, index, __ATOMIC_RELEASE);
        all->status = status;
        snprintf(all->message, sizeof all->message, "%s",
                 message != NULL ? message : "a task failed without an error");
    }
    rv_unlock(&all->lock);
}

static void use_modes(const rv_thread_state *of)
{
    rv_here.recording_off = of->recording_off;
    rv_here.detecting = of->detecting;
    rv_here.lasting = of->lasting;
    rv_here.place = of->place;
    rv_here.defer_errors = of->defer_errors;
}

static void run_task(void *context, int64_t index)
{
    tasks *all = context;
    if (__atomic_load_n(&all->failed, __ATOMIC_ACQUIRE) < index)
        return;
    const rv_thread_state before = rv_here;
    use_modes(&all->caller);
    rv_here.defer_errors = true; /* the handler is the caller's to call, when all have ended */
    {
        RV_SCOPE;
        if (!all->task(all->context, index) || rv_error_status() != RV_OK)
            note_failure(all, index);
    }
    use_modes(&before);
}

bool rv_run_tasks(int64_t count, rv_task *task, void *context)
{
    if (task == NULL)
        return rv_fail(RV_ERROR_NULL, "run_tasks", "the function is NULL");
    if (rv_error_status() != RV_OK)
        return false;
    tasks all = {.task = task,
                 .context = context,
                 .caller = rv_here,
                 .lock = RV_MUTEX_INIT,
                 .failed = INT64_MAX};
    rv_parallel(count, run_task, &all);
    if (all.failed == INT64_MAX)
        return true;
    rv_error_raise(all.status != RV_OK ? all.status : RV_ERROR_STATE, all.message);
    return false;
}

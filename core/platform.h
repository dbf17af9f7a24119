/* platform.h - what depends on the operating system, in one place. Private to core/.
 *
 * POSIX threads and files. A port to another system replaces this header and platform.c.
 */
#ifndef RV_CORE_PLATFORM_H
#define RV_CORE_PLATFORM_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/macros.h"

/* Thread-local variables must be few and small: initial-exec access costs one instruction. */
#define RV_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

typedef pthread_mutex_t rv_mutex;
#define RV_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
static inline void rv_lock(rv_mutex *mutex)
{
    pthread_mutex_lock(mutex);
}
static inline bool rv_try_lock(rv_mutex *mutex)
{
    return pthread_mutex_trylock(mutex) == 0;
}
static inline void rv_unlock(rv_mutex *mutex)
{
    pthread_mutex_unlock(mutex);
}

typedef pthread_cond_t rv_condition;
#define RV_CONDITION_INIT PTHREAD_COND_INITIALIZER
static inline void rv_wait(rv_condition *condition, rv_mutex *mutex)
{
    pthread_cond_wait(condition, mutex);
}
static inline void rv_wake_one(rv_condition *condition)
{
    pthread_cond_signal(condition);
}
static inline void rv_wake_all(rv_condition *condition)
{
    pthread_cond_broadcast(condition);
}

typedef pthread_t rv_thread;
/* False if the system gives no thread. */
bool rv_thread_start(rv_thread *thread, void *(*run)(void *context), void *context);
void rv_thread_join(rv_thread thread);

/* Calls at_end(value) when the calling thread ends (not for the main thread at exit). One function
 * for all threads. False if the system refuses. */
bool rv_at_thread_end(void (*at_end)(void *value), void *value);

/* From now on every fork calls before() first, then in_parent() in the parent and in_child() in the
 * child; each may be NULL. False if the system refuses. */
bool rv_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* Tells the processor that this is a loop that waits for another thread. */
static inline void rv_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#endif
}

/* A clock that only goes forward. */
int64_t rv_nanoseconds(void);

/* How many processors this process may run on (its affinity), at least 1. */
int rv_processors(void);

/* Numbers are read and written with a point by the calling thread from here on, whatever the host
 * program's locale is; and as before again. */
typedef void *rv_locale;
rv_locale rv_use_plain_locale(void);
void rv_restore_locale(rv_locale before);

/* Memory whose address is a multiple of `alignment` (a power of two, at least 64), NULL if there is
 * none. Free it with rv_system_free. */
void *rv_system_allocate(size_t alignment, size_t bytes);
void rv_system_free(void *memory);

/* The size of the regular file at `path` in bytes; -1 with errno set for everything else (ENOENT:
 * nothing is there; EISDIR: a folder; EOPNOTSUPP: a pipe or device). */
static inline int64_t rv_file_size(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return -1;
    if (S_ISREG(about.st_mode))
        return (int64_t)about.st_size;
    errno = S_ISDIR(about.st_mode) ? EISDIR : EOPNOTSUPP;
    return -1;
}

/* Adds the names in the folder `path`, sorted by their bytes, without those that begin with a dot.
 * False with an error under `who`. */
typedef struct rv_names rv_names;
bool rv_list_folder(const char *who, const char *path, rv_names *names);

/* A file that replaces another only when it is complete: written beside `path`, flushed to disk,
 * renamed. rv_replace_begin returns NULL with an error under `who` if the folder cannot be written;
 * rv_replace_commit returns false with an error if anything was not written (the old file stays);
 * both commit and cancel close and free. */
typedef struct rv_replacement rv_replacement;
rv_replacement *rv_replace_begin(const char *who, const char *path);
FILE *rv_replace_file(rv_replacement *replacement);
bool rv_replace_commit(rv_replacement *replacement);
void rv_replace_cancel(rv_replacement *replacement);

#endif

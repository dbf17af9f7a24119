/* platform.c - threads, processors, memory and files as POSIX and Linux give them.
 *
 * _GNU_SOURCE is for sched_getaffinity and its sets of processors; the rest is POSIX 2008.
 */
#define _GNU_SOURCE

#include "core/platform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "core/names.h"

/* ---- threads -------------------------------------------------------------------------------- */

bool rv_thread_start(rv_thread *thread, void *(*run)(void *context), void *context)
{
    /* A new thread inherits the mask: ours take no signals, those are the host program's. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int refused = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return refused == 0;
}

void rv_thread_join(rv_thread thread)
{
    pthread_join(thread, NULL);
}

static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static pthread_key_t end_key;
static bool have_end_key;
static void (*end_call)(void *value); /* atomic */

static void call_at_end(void *value)
{
    __atomic_load_n(&end_call, __ATOMIC_ACQUIRE)(value);
}

static void make_end_key(void)
{
    have_end_key = pthread_key_create(&end_key, call_at_end) == 0;
}

bool rv_at_thread_end(void (*at_end)(void *value), void *value)
{
    __atomic_store_n(&end_call, at_end, __ATOMIC_RELEASE);
    pthread_once(&end_once, make_end_key);
    return have_end_key && pthread_setspecific(end_key, value) == 0;
}

bool rv_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    return pthread_atfork(before, in_parent, in_child) == 0;
}

int rv_processors(void)
{
    /* The set must have room for the kernel's own, whose size nobody tells: EINVAL says more. */
    for (int room = 1024; room <= 1 << 20; room *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)room);
        if (set == NULL)
            break;
        const size_t bytes = CPU_ALLOC_SIZE((size_t)room);
        const int refused = sched_getaffinity(0, bytes, set) != 0 ? errno : 0;
        const int count = refused ? 0 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (count > 0)
            return count;
        if (refused != EINVAL)
            break;
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

int64_t rv_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- numbers as text ------------------------------------------------------------------------ */

rv_locale rv_use_plain_locale(void)
{
    /* The C library's own object: there is nothing to fail or to free. */
    return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

void rv_restore_locale(rv_locale before)
{
    uselocale(before);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Fresh memory costs most where the system hands it out page by page: 48 MiB take 26 ms to be
 * written once in pages of 4 KiB, and 5 ms in pages of 2 MiB. */
#define HUGE_PAGE ((size_t)1 << 21)

void *rv_system_allocate(size_t alignment, size_t bytes)
{
    void *memory;
    const bool is_huge = bytes >= 2 * HUGE_PAGE && alignment <= HUGE_PAGE;
    if (posix_memalign(&memory, is_huge ? HUGE_PAGE : alignment, bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (is_huge) /* only whole pages of this block; that the system may say no is all right */
        madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return memory;
}

void rv_system_free(void *memory)
{
    free(memory);
}

/* ---- folders --------------------------------------------------------------------------------- */

static int is_listed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* As bytes: the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool rv_list_folder(const char *who, const char *path, rv_names *names)
{
    struct dirent **entries;
    const int n = scandir(path, &entries, is_listed, by_name);
    if (n < 0)
        return rv_fail(errno == ENOMEM ? RV_ERROR_MEMORY : RV_ERROR_FILE, who,
                       "the folder \"%s\" cannot be read: %s", path, strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        ok = ok && rv_names_add(who, names, entries[i]->d_name, strlen(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return ok;
}

/* ---- files ---------------------------------------------------------------------------------- */

struct rv_replacement {
    const char *who;
    char *target;    /* the file that is replaced, symbolic links followed */
    char *temporary; /* the one that is written, beside it */
    FILE *file;
};

static void replacement_free(rv_replacement *r)
{
    if (r == NULL)
        return;
    free(r->target);
    free(r->temporary);
    free(r);
}

static rv_replacement *replacement_new(const char *who, const char *path)
{
    rv_replacement *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    /* Through a symbolic link, the file that it points to is replaced, not the link. */
    char *followed = realpath(path, NULL);
    r->who = who;
    r->target = followed != NULL ? followed : strdup(path);
    const size_t room = r->target != NULL ? strlen(r->target) + 64 : 0;
    r->temporary = room > 0 ? malloc(room) : NULL;
    if (r->temporary != NULL)
        return r;
    replacement_free(r);
    return NULL;
}

#define NO_FILE_YET ((mode_t)-1)

/* Whether `path`, if there is something, is a file that may be replaced; and its mode. */
static bool may_replace(const char *who, const char *path, mode_t *mode)
{
    struct stat old;
    *mode = NO_FILE_YET;
    if (path[0] == '\0')
        return rv_fail(RV_ERROR_FILE, who, "the path is empty");
    if (stat(path, &old) != 0) {
        if (errno == ENOENT)
            return true;
        return rv_fail(RV_ERROR_FILE, who, "%s cannot be written: %s", path, strerror(errno));
    }
    /* Renaming over a device or a pipe would remove it. */
    if (!S_ISREG(old.st_mode))
        return rv_fail(RV_ERROR_FILE, who, "%s cannot be written: it is %s, not a file", path,
                       S_ISDIR(old.st_mode) ? "a folder" : "a device or a pipe");
    if (access(path, W_OK) != 0)
        return rv_fail(RV_ERROR_FILE, who, "%s cannot be written: %s", path, strerror(errno));
    *mode = old.st_mode & 07777;
    return true;
}

/* Opens a new file of a name that nobody has; -1 if the folder cannot be written. The mode of an
 * old file is kept, as far as the file system has modes; at no time may more people read the new
 * one. */
static int open_beside(rv_replacement *r, mode_t mode)
{
    const mode_t wanted = mode == NO_FILE_YET ? 0666 : mode & 0777;

    static unsigned counter; /* atomic: several threads may write at once */
    int descriptor = -1;
    for (int tries = 0; tries < 100 && descriptor < 0; tries++) {
        const unsigned number = __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
        sprintf(r->temporary, "%s.%ld-%u.tmp", r->target, (long)getpid(), number);
        descriptor = open(r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, wanted);
        if (descriptor < 0 && errno != EEXIST)
            break;
    }
    if (descriptor >= 0 && mode != NO_FILE_YET)
        (void)fchmod(descriptor, mode);
    return descriptor;
}

rv_replacement *rv_replace_begin(const char *who, const char *path)
{
    if (path == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the path is NULL");
    mode_t mode;
    if (!may_replace(who, path, &mode))
        return NULL;
    rv_replacement *r = replacement_new(who, path);
    if (r == NULL)
        return rv_fail_null(RV_ERROR_MEMORY, who, "out of memory for the path %s", path);
    const int descriptor = open_beside(r, mode);
    if (descriptor >= 0)
        r->file = fdopen(descriptor, "wb");
    if (r->file != NULL)
        return r;
    const int why = errno;
    if (descriptor >= 0) {
        close(descriptor);
        unlink(r->temporary);
    }
    replacement_free(r);
    return rv_fail_null(RV_ERROR_FILE, who, "%s cannot be written: %s", path, strerror(why));
}

FILE *rv_replace_file(rv_replacement *replacement)
{
    return replacement->file;
}

/* Flushes the folder too, so that the new name survives a loss of power. Not every file system can;
 * the file itself is safe either way. */
static void flush_folder(char *path)
{
    char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "." : slash == path ? "/" : path;
    if (slash != NULL && slash != path)
        *slash = '\0';
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    (void)fsync(descriptor);
    close(descriptor);
}

bool rv_replace_commit(rv_replacement *r)
{
    /* A write that failed earlier has left its mark in the file, but no reason. */
    errno = 0;
    bool ok = fflush(r->file) == 0 && !ferror(r->file) && fsync(fileno(r->file)) == 0;
    int why = errno;
    if (fclose(r->file) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(r->temporary, r->target) != 0) {
        ok = false;
        why = errno;
    }
    if (ok) {
        flush_folder(r->target);
    } else {
        unlink(r->temporary);
        rv_fail(RV_ERROR_FILE, r->who, "%s was not written: %s", r->target,
                why != 0 ? strerror(why) : "an earlier write failed");
    }
    replacement_free(r);
    return ok;
}

void rv_replace_cancel(rv_replacement *r)
{
    if (r == NULL)
        return;
    fclose(r->file);
    unlink(r->temporary);
    replacement_free(r);
}

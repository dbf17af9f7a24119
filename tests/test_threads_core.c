/* test_threads_core.c - the pool of threads: every piece once, wherever it is called from. */

#define _DEFAULT_SOURCE

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/platform.h"
#include "helpers.h"

static const int thread_counts[] = {1, 2, 3, 5, 8};

/* ---- pieces --------------------------------------------------------------------------------- */

#define MOST_PIECES 5000

typedef struct tally {
    int64_t pieces;
    int32_t times[MOST_PIECES]; /* atomic: how often each piece was called */
    int32_t outside;            /* atomic: calls with an index that is none */
    int64_t result[MOST_PIECES];
} tally;

static void count_piece(void *context, int64_t index)
{
    tally *t = context;
    if (index < 0 || index >= t->pieces) {
        __atomic_add_fetch(&t->outside, 1, __ATOMIC_RELAXED);
        return;
    }
    __atomic_add_fetch(&t->times[index], 1, __ATOMIC_RELAXED);
    t->result[index] = index * index;
}

/* Runs `pieces` pieces; whether each was called once, and the caller sees what each wrote. */
static bool each_once(tally *t, int64_t pieces)
{
    memset(t, 0, sizeof *t);
    t->pieces = pieces;
    rv_parallel(pieces, count_piece, t);
    bool ok = t->outside == 0;
    for (int64_t i = 0; i < MOST_PIECES; i++)
        ok = ok && t->times[i] == (i < pieces) && t->result[i] == (i < pieces ? i * i : 0);
    return ok;
}

Test(parallel, every_piece_once)
{
    static tally t;
    for (int i = 0; i < RV_COUNT(thread_counts); i++) {
        cr_assert(rv_set_threads(thread_counts[i]));
        cr_expect_eq(rv_threads(), thread_counts[i]);
        cr_expect_eq(rv_parallel_is_alone(), thread_counts[i] == 1);
        for (int64_t pieces = 0; pieces < 70; pieces++)
            cr_expect(each_once(&t, pieces), "%d pieces, %d threads", (int)pieces,
                      thread_counts[i]);
        for (int again = 0; again < 50; again++)
            cr_expect(each_once(&t, 4097), "%d threads", thread_counts[i]);
        cr_expect(each_once(&t, MOST_PIECES));
    }
}

/* Workers sleep when nothing comes for a while; then they must wake up. */
Test(parallel, after_a_rest)
{
    static tally t;
    cr_assert(rv_set_threads(3));
    for (int i = 0; i < 40; i++) {
        usleep(1000);
        cr_expect(each_once(&t, 17));
    }
}

static void *who_ran[64];

static void note_thread(void *context, int64_t index)
{
    static RV_THREAD_LOCAL char here;
    (void)context;
    who_ran[index] = &here;
    usleep(2000);
}

/* How many threads worked at 64 pieces that take a while. */
static int threads_that_work(void)
{
    int threads = 0;
    rv_parallel(64, note_thread, NULL);
    for (int i = 0; i < 64; i++) {
        int j = 0;
        while (who_ran[j] != who_ran[i])
            j++;
        threads += j == i;
    }
    return threads;
}

Test(parallel, more_than_one_thread_works)
{
    cr_assert(rv_set_threads(4));
    const int threads = threads_that_work();
    cr_expect(threads > 1 && threads <= 4, "%d threads worked", threads);
}

static void count_threads(void *context, int64_t index)
{
    (void)index;
    *(int *)context = threads_that_work();
}

Test(parallel, inside_a_single_piece_too)
{
    cr_assert(rv_set_threads(4));
    int threads = 0;
    rv_parallel(1, count_threads, &threads);
    cr_expect_eq(threads, 1);
}

static void count_inside(void *context, int64_t index)
{
    tally *t = context;
    count_piece(t, index);
    if (!rv_parallel_is_alone())
        __atomic_add_fetch(&t->outside, 1, __ATOMIC_RELAXED);
}

static void count_nested(void *context, int64_t index)
{
    tally *inner = (tally *)context + index;
    inner->pieces = 100;
    rv_parallel(100, count_inside, inner);
}

Test(parallel, nested_runs_in_place)
{
    static tally inner[20];
    cr_assert(rv_set_threads(3));
    rv_parallel(20, count_nested, inner);
    for (int i = 0; i < 20; i++) {
        cr_expect_eq(inner[i].outside, 0);
        for (int j = 0; j < 100; j++)
            cr_expect_eq(inner[i].times[j], 1);
    }
    cr_expect_not(rv_parallel_is_alone());
}

static void *many_jobs(void *context)
{
    tally *t = context;
    intptr_t wrong = 0;
    for (int i = 0; i < 300; i++)
        wrong += !each_once(t, 1 + i % 90);
    return (void *)wrong;
}

Test(parallel, from_several_threads)
{
    static tally t[4];
    pthread_t thread[4];
    cr_assert(rv_set_threads(3));
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, many_jobs, &t[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        cr_expect_null(wrong);
    }
}

Test(parallel, no_pieces_and_no_function)
{
    static tally t;
    t.pieces = 1;
    rv_parallel(0, count_piece, &t);
    rv_parallel(-3, count_piece, &t);
    cr_expect_eq(t.times[0] + t.outside, 0);
    cr_expect(no_error());
    rv_parallel(4, NULL, NULL);
    cr_expect(error_is(RV_ERROR_NULL, "parallel: the function is NULL"));
}

/* ---- how many threads ----------------------------------------------------------------------- */

static void try_to_set(void *context, int64_t index)
{
    (void)index;
    *(bool *)context = rv_set_threads(2);
    rv_parallel_stop(); /* does nothing here; it would wait for us */
}

Test(parallel, setting_threads)
{
    cr_expect_not(rv_set_threads(-1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "set_threads: -1 threads"));
    cr_expect_not(rv_set_threads(257));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "set_threads: 257 threads"));
    cr_assert(rv_set_threads(256));
    static tally t;
    cr_expect(each_once(&t, 1000));
    cr_assert(rv_set_threads(3));
    bool could = true;
    rv_parallel(1, try_to_set, &could);
    cr_expect_not(could);
    cr_expect(error_is(RV_ERROR_STATE, "set_threads: the threads are at work"));
    cr_expect_eq(rv_threads(), 3);
}

Test(parallel, stopping_and_going_on)
{
    static tally t;
    cr_assert(rv_set_threads(4));
    for (int i = 0; i < 20; i++) {
        cr_expect(each_once(&t, 33));
        rv_parallel_stop();
        rv_parallel_stop();
    }
}

/* The exit status of a child process that runs body(argument). */
static int in_child(int (*body)(const char *argument), const char *argument)
{
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        _exit(body(argument));
    int status = -1;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What RV_THREADS=text gives in a process that has not asked before: the number of threads, plus
 * 100 for an error, plus 100 more if asking again makes another. */
static int threads_from(const char *text)
{
    setenv("RV_THREADS", text, 1);
    int answer = rv_threads();
    answer += rv_error_status() == RV_ERROR_ARGUMENT && strstr(rv_error(), text) ? 100 : 0;
    rv_set_threads(0);
    answer += rv_error_status() != RV_OK ? 100 : 0;
    return answer;
}

Test(parallel, threads_from_the_environment)
{
    const int processors = rv_processors();
    cr_expect_eq(in_child(threads_from, "3"), 3);
    cr_expect_eq(in_child(threads_from, "1"), 1);
    cr_expect_eq(in_child(threads_from, "99"), 99);
    cr_expect_eq(in_child(threads_from, ""), processors);
    const char *wrong[] = {"0",  "257", "-1", "two", "2x",
                           " 2", "2 ",  "+2", "1.5", "99999999999999999999"};
    for (int i = 0; i < RV_COUNT(wrong); i++)
        cr_expect_eq(in_child(threads_from, wrong[i]), 100 + processors, "RV_THREADS='%s'",
                     wrong[i]);
}

/* Whether a child does all pieces, with threads of its own, and comes to an end. */
static int work_in_child(const char *unused)
{
    (void)unused;
    static tally t;
    alarm(20); /* it would wait for ever for a thread that is its parent's */
    bool ok = true;
    for (int i = 0; i < 30; i++)
        ok = ok && each_once(&t, 40);
    ok = ok && threads_that_work() > 1;
    rv_finish();
    return ok ? 0 : 1;
}

/* Starts 3 threads and waits until each has worked. A thread that is only just starting may hold a
 * lock of the address sanitizer's memory (of Clang 14, for one), which a child would wait for. */
static void start_three_threads(void)
{
    cr_assert(rv_set_threads(3));
    for (int tries = 0; threads_that_work() < 3; tries++)
        cr_assert(tries < 100);
}

/* A child has none of its parent's threads. */
Test(parallel, child_of_a_fork)
{
    static tally t;
    start_three_threads();
    for (int i = 0; i < 6; i++) {
        cr_expect(each_once(&t, 50));
        if (i % 2)
            usleep(1000); /* the threads sleep when the fork comes */
        cr_expect_eq(in_child(work_in_child, NULL), 0);
    }
    cr_expect(each_once(&t, 50));
}

static bool is_at_work; /* atomic */

static void wait_at_work(void *context, int64_t index)
{
    (void)context;
    (void)index;
    __atomic_store_n(&is_at_work, true, __ATOMIC_RELEASE);
    usleep(300000);
}

static void *work_slowly(void *unused)
{
    rv_parallel(2, wait_at_work, NULL);
    return unused;
}

Test(parallel, fork_while_another_thread_is_at_work)
{
    pthread_t thread;
    start_three_threads();
    cr_assert_eq(pthread_create(&thread, NULL, work_slowly, NULL), 0);
    while (!__atomic_load_n(&is_at_work, __ATOMIC_ACQUIRE))
        usleep(100);
    cr_expect_eq(in_child(work_in_child, NULL), 0);
    pthread_join(thread, NULL);
}

/* ---- files that are replaced only when complete ---------------------------------------------- */

static bool file_holds(const char *path, const char *text)
{
    char found[100] = "";
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    const size_t n = fread(found, 1, sizeof found - 1, file);
    fclose(file);
    return n == strlen(text) && strcmp(found, text) == 0;
}

static rv_replacement *begin_with(const char *path, const char *text)
{
    rv_replacement *r = rv_replace_begin("save", path);
    if (r != NULL)
        fputs(text, rv_replace_file(r));
    return r;
}

Test(parallel, replacing_a_file)
{
    char folder[] = "/tmp/ravine_XXXXXX", path[64], link[64], command[100];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    rv_replacement *r = begin_with(path, "one");
    cr_assert_not_null(r);
    cr_expect(rv_replace_commit(r));
    cr_expect(file_holds(path, "one"));
    r = begin_with(path, "two");
    cr_assert_not_null(r);
    cr_expect(file_holds(path, "one"), "the old file is there until the new one is complete");
    rv_replace_cancel(r);
    cr_expect(file_holds(path, "one"));
    cr_assert_eq(symlink("file", link), 0);
    r = begin_with(link, "three");
    cr_assert_not_null(r);
    cr_expect(rv_replace_commit(r));
    cr_expect(file_holds(path, "three"), "a link stays a link");
    snprintf(command, sizeof command, "test `ls %s | wc -l` = 2", folder);
    cr_expect_eq(system(command), 0, "nothing is left beside the file");

    cr_expect_null(rv_replace_begin("save", NULL));
    cr_expect(error_is(RV_ERROR_NULL, "save: the path is NULL"));
    cr_expect_null(rv_replace_begin("save", ""));
    cr_expect(error_is(RV_ERROR_FILE, "save: the path is empty"));
    cr_expect_null(rv_replace_begin("save", folder));
    cr_expect(error_is(RV_ERROR_FILE, "it is a folder"));
    cr_expect_null(rv_replace_begin("save", "/dev/null"));
    cr_expect(error_is(RV_ERROR_FILE, "it is a device or a pipe"));
    cr_expect_null(rv_replace_begin("save", "/tmp/no such folder/file"));
    cr_expect(error_is(RV_ERROR_FILE, "No such file or directory"));
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

/* parallel.c - pieces of work, claimed from one atomic word.
 *
 * The word holds how many pieces are left of the job in the pool, and a number that changes with
 * each job. A thread reads the word, then what the job is, and claims a piece by replacing the word
 * by one less: if that succeeds, the word had not changed, so what was read belongs to this job. A
 * thread that comes late finds none left, and touches nothing; so the owner waits for pieces that
 * are being worked on, never for threads that sleep.
 *
 * Threads without work look at the word for a moment, as the next job is usually microseconds away,
 * then sleep. Who is about to sleep says so first and then looks once more; who has news writes it
 * first and then looks for sleepers (all of it sequentially consistent): no wake-up is lost.
 */

#include "core/parallel.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/platform.h"

#define MOST_THREADS 256
#define MOST_PIECES ((int64_t)1 << 31) /* of one job: the rest is another job */
/* How long a thread looks for news before it sleeps: somewhat longer than waking it takes (30
 * microseconds on a virtual machine). A training step of 0.27 ms took 0.25 with 50000 for 20000. */
#define SPIN_NANOSECONDS 50000

typedef void piece_function(void *context, int64_t index);

/* The job in the pool. Atomic, as late threads read it while the next one is written. */
static struct {
    uint64_t word; /* job number * 2^32 + pieces left */
    piece_function *piece;
    void *context;
    int64_t first; /* the index of its first piece */
    uint32_t pieces;
    uint32_t done; /* pieces that are finished */
} job;

/* Held by the thread whose work is in the pool, and by who starts or stops threads. */
static rv_mutex owner = RV_MUTEX_INIT;
static rv_thread workers[MOST_THREADS];
static int worker_count; /* guarded by `owner`, as the next two */
static bool is_started, knows_fork;

/* Sleeping; all atomic, and changed with `bed` held. */
static rv_mutex bed = RV_MUTEX_INIT;
static rv_condition work_came = RV_CONDITION_INIT, work_is_done = RV_CONDITION_INIT;
static uint32_t sleepers;
static bool owner_sleeps, stopping;

static int thread_count; /* atomic; 0: not decided yet */
static bool may_spin;    /* atomic; whether every thread has a processor */

static RV_THREAD_LOCAL bool inside; /* this thread is in rv_parallel, or a worker */

/* ---- how many threads ----------------------------------------------------------------------- */

/* The number that RV_THREADS says: 0 if it says none, -1 if it is not one. */
static int threads_asked(const char *text)
{
    if (text == NULL || *text == '\0')
        return 0;
    int number = 0;
    for (; *text >= '0' && *text <= '9' && number <= MOST_THREADS; text++)
        number = 10 * number + (*text - '0');
    return *text == '\0' && number >= 1 && number <= MOST_THREADS ? number : -1;
}

static int default_threads(void)
{
    static bool told; /* atomic */
    const char *text = getenv("RV_THREADS");
    const int asked = threads_asked(text);
    if (asked > 0)
        return asked;
    if (asked < 0 && !__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
        rv_fail(RV_ERROR_ARGUMENT, "threads",
                "RV_THREADS is \"%s\"; it takes a number from 1 to %d", text, MOST_THREADS);
    const int processors = rv_processors();
    return processors < MOST_THREADS ? processors : MOST_THREADS;
}

int rv_threads(void)
{
    int threads = __atomic_load_n(&thread_count, __ATOMIC_RELAXED);
    if (RV_LIKELY(threads > 0))
        return threads;
    const int wanted = default_threads();
    const bool is_first = __atomic_compare_exchange_n(&thread_count, &threads, wanted, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return is_first ? wanted : threads;
}

/* ---- working -------------------------------------------------------------------------------- */

static uint64_t job_word(void)
{
    return __atomic_load_n(&job.word, __ATOMIC_SEQ_CST);
}

static bool has_pieces(uint64_t word)
{
    return (uint32_t)word > 0;
}

/* Works until no piece is left; says how many pieces are done if it did the last of them. */
static void work(void)
{
    uint32_t did = 0, pieces = 0;
    uint64_t word = job_word();
    while (has_pieces(word)) {
        piece_function *piece = __atomic_load_n(&job.piece, __ATOMIC_RELAXED);
        void *context = __atomic_load_n(&job.context, __ATOMIC_RELAXED);
        const int64_t first = __atomic_load_n(&job.first, __ATOMIC_RELAXED);
        const uint32_t all = __atomic_load_n(&job.pieces, __ATOMIC_RELAXED);
        if (!__atomic_compare_exchange_n(&job.word, &word, word - 1, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            continue; /* `word` is now what another thread left */
        piece(context, first + (int64_t)(all - (uint32_t)word));
        pieces = all;
        did++;
        word = job_word();
    }
    if (did == 0 || __atomic_add_fetch(&job.done, did, __ATOMIC_SEQ_CST) != pieces)
        return;
    if (__atomic_load_n(&owner_sleeps, __ATOMIC_SEQ_CST)) {
        rv_lock(&bed);
        rv_wake_one(&work_is_done);
        rv_unlock(&bed);
    }
}

/* Looks at has_come() for a moment; false if it did not become true. */
static bool spin(bool (*has_come)(void))
{
    if (has_come())
        return true;
    if (!__atomic_load_n(&may_spin, __ATOMIC_RELAXED))
        return false;
    const int64_t end = rv_nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < 8; i++) {
            rv_pause();
            if (has_come())
                return true;
        }
    } while (rv_nanoseconds() < end);
    return false;
}

static bool worker_has_news(void)
{
    return has_pieces(job_word()) || __atomic_load_n(&stopping, __ATOMIC_SEQ_CST);
}

static void *worker(void *unused)
{
    inside = true;
    while (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
        work();
        if (spin(worker_has_news))
            continue;
        rv_lock(&bed);
        __atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
        while (!worker_has_news())
            rv_wait(&work_came, &bed);
        __atomic_sub_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
        rv_unlock(&bed);
    }
    return unused;
}

/* ---- the pool: call these with `owner` held -------------------------------------------------- */

/* In the child of a fork there is only the thread that called it: nobody works, owns or sleeps. */
static void forget_threads(void)
{
    owner = (rv_mutex)RV_MUTEX_INIT;
    bed = (rv_mutex)RV_MUTEX_INIT;
    work_came = (rv_condition)RV_CONDITION_INIT;
    work_is_done = (rv_condition)RV_CONDITION_INIT;
    job.word &= ~(uint64_t)UINT32_MAX;
    worker_count = 0;
    is_started = owner_sleeps = stopping = false;
    sleepers = 0;
}

static void start_workers(void)
{
    const int wanted = rv_threads() - 1;
    if (!knows_fork)
        knows_fork = rv_at_fork(NULL, NULL, forget_threads);
    __atomic_store_n(&may_spin, wanted < rv_processors(), __ATOMIC_RELAXED);
    while (worker_count < wanted && rv_thread_start(&workers[worker_count], worker, NULL))
        worker_count++;
    is_started = true;
}

static void stop_workers(void)
{
    rv_lock(&bed);
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    rv_wake_all(&work_came);
    rv_unlock(&bed);
    while (worker_count > 0)
        rv_thread_join(workers[--worker_count]);
    __atomic_store_n(&stopping, false, __ATOMIC_SEQ_CST);
    is_started = false;
}

/* Wakes as many workers as there are pieces for. */
static void wake_workers(uint32_t pieces)
{
    const uint32_t asleep = __atomic_load_n(&sleepers, __ATOMIC_SEQ_CST);
    if (asleep == 0)
        return;
    rv_lock(&bed);
    if (pieces - 1 >= asleep)
        rv_wake_all(&work_came);
    else
        for (uint32_t i = 1; i < pieces; i++)
            rv_wake_one(&work_came);
    rv_unlock(&bed);
}

static bool all_done(void)
{
    return __atomic_load_n(&job.done, __ATOMIC_SEQ_CST) == job.pieces;
}

static void run_job(int64_t first, uint32_t pieces, piece_function *piece, void *context)
{
    __atomic_store_n(&job.piece, piece, __ATOMIC_RELAXED);
    __atomic_store_n(&job.context, context, __ATOMIC_RELAXED);
    __atomic_store_n(&job.first, first, __ATOMIC_RELAXED);
    __atomic_store_n(&job.pieces, pieces, __ATOMIC_RELAXED);
    __atomic_store_n(&job.done, 0, __ATOMIC_RELAXED);
    const uint64_t number = (job_word() >> 32) + 1;
    __atomic_store_n(&job.word, number << 32 | pieces, __ATOMIC_SEQ_CST);
    wake_workers(pieces);
    work();
    if (spin(all_done))
        return;
    rv_lock(&bed);
    __atomic_store_n(&owner_sleeps, true, __ATOMIC_SEQ_CST);
    while (!all_done())
        rv_wait(&work_is_done, &bed);
    __atomic_store_n(&owner_sleeps, false, __ATOMIC_SEQ_CST);
    rv_unlock(&bed);
}

/* ---- the calls ------------------------------------------------------------------------------ */

static void run_in_place(int64_t pieces, piece_function *piece, void *context)
{
    for (int64_t i = 0; i < pieces; i++)
        piece(context, i);
}

void rv_parallel(int64_t pieces, void (*piece)(void *context, int64_t index), void *context)
{
    if (piece == NULL) {
        rv_fail(RV_ERROR_NULL, "parallel", "the function is NULL");
        return;
    }
    const bool was_inside = inside;
    inside = true;
    if (pieces <= 1 || was_inside || rv_threads() == 1 || !rv_try_lock(&owner)) {
        run_in_place(pieces, piece, context);
    } else {
        if (!is_started)
            start_workers();
        for (int64_t first = 0; first < pieces; first += MOST_PIECES) {
            const int64_t left = pieces - first;
            run_job(first, (uint32_t)(left < MOST_PIECES ? left : MOST_PIECES), piece, context);
        }
        rv_unlock(&owner);
    }
    inside = was_inside;
}

bool rv_parallel_is_alone(void)
{
    return inside || rv_threads() == 1;
}

bool rv_set_threads(int threads)
{
    const char *who = "set_threads";
    if (threads < 0 || threads > MOST_THREADS)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d threads; 1 to %d, or 0 for the default", threads,
                       MOST_THREADS);
    /* Before the lock: an error's handler may end the process, which stops the pool. */
    const int wanted = threads > 0 ? threads : default_threads();
    if (inside || !rv_try_lock(&owner))
        return rv_fail(RV_ERROR_STATE, who, "the threads are at work");
    if (wanted != __atomic_exchange_n(&thread_count, wanted, __ATOMIC_RELAXED))
        stop_workers();
    rv_unlock(&owner);
    return true;
}

void rv_parallel_stop(void)
{
    if (inside)
        return;
    rv_lock(&owner);
    stop_workers();
    rv_unlock(&owner);
}

/* data_sets.h - data sets whose samples tell their numbers, for the suites about data. */
#ifndef TESTS_DATA_SETS_H
#define TESTS_DATA_SETS_H

#include <pthread.h>
#include <time.h>

#include "helpers.h"

/* n samples: x is F32 [n,2] of i and i + 0.5, y is I64 [n] of i. */
static inline rv_dataset *counting_set(int64_t n)
{
    RV_SCOPE;
    rv_tensor *x = rv_zeros(RV_F32, n, 2), *y = rv_zeros(RV_I64, n);
    for (int64_t i = 0; i < n; i++) {
        ((float *)x->data)[2 * i] = (float)i;
        ((float *)x->data)[2 * i + 1] = (float)i + 0.5f;
        ((int64_t *)y->data)[i] = i;
    }
    return rv_data_tensors(x, y);
}

/* Whether b has exactly these samples of a counting set. */
static inline bool has_samples(const rv_batch *b, int64_t n, const int64_t *samples)
{
    bool same = b->n == n && b->x->ndim == 2 && b->x->shape[0] == n && b->x->numel == 2 * n &&
                b->x->shape[1] == 2 && b->y->ndim == 1 && b->y->shape[0] == n && b->y->numel == n;
    for (int64_t i = 0; same && i < n; i++)
        same = at(b->x, 2 * i) == (double)samples[i] && at(b->y, i) == (double)samples[i] &&
               at(b->x, 2 * i + 1) == (double)samples[i] + 0.5;
    return same;
}
#define SAMPLES(b, ...)                                                             \
    has_samples((b), (int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                (int64_t[]){__VA_ARGS__})

/* A callback that counts, and that fails at one sample as long as it is told to. */
typedef struct source {
    int64_t fails_at; /* -1: nowhere */
    int how;          /* 0: with an error; 1: without; 2: true, with an error unread */
    bool slow;        /* each call takes two milliseconds */
    int calls, released;
    int busy; /* how many calls run now, and whether it were ever two */
    bool overlapped;
    pthread_t thread; /* of the last call */
} source;

static inline bool fetch(void *context, int64_t n, const int64_t *indices, rv_tensor *x,
                         rv_tensor *y)
{
    source *s = context;
    s->overlapped = __atomic_add_fetch(&s->busy, 1, __ATOMIC_SEQ_CST) > 1 || s->overlapped;
    s->calls++;
    if (s->slow)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    __atomic_store_n(&s->thread, pthread_self(), __ATOMIC_SEQ_CST);
    bool fails = false;
    for (int64_t i = 0; i < n; i++) {
        ((float *)rv_data(x))[2 * i] = (float)indices[i];
        ((float *)rv_data(x))[2 * i + 1] = (float)indices[i] + 0.5f;
        ((int64_t *)rv_data(y))[i] = indices[i];
        fails = fails || indices[i] == __atomic_load_n(&s->fails_at, __ATOMIC_SEQ_CST);
    }
    __atomic_sub_fetch(&s->busy, 1, __ATOMIC_SEQ_CST);
    if (fails && s->how != 1)
        rv_fail(RV_ERROR_FILE, "camera", "sample %lld is dark", (long long)s->fails_at);
    return !fails || s->how == 2;
}

static inline void release(void *context)
{
    ((source *)context)->released++;
}

static inline rv_dataset *callback_set(source *s, int64_t n)
{
    return rv_data_callback(.count = n, .fetch = fetch, .context = s, .release = release,
                            .x_ndim = 1, .x_shape = {2});
}

#endif

/* races - the library used by several threads at once: results must be right, bit for bit what one
 * thread gets, and the thread sanitizer (preset tsan) must have nothing to say.
 *
 * No Criterion: it does not run under that sanitizer. Prints each check that fails, and the counts;
 * exits with status 1 if one failed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

#include "core/gemm.h"
#include "minimize_makers.h"

#define THREADS 3

static int passed, failed;

/* The check must be true, and no error unread. */
static void expect(bool ok, const char *what)
{
    const char *error = rv_error();
    if (ok && error == NULL) {
        passed++;
        return;
    }
    failed++;
    printf("FAILED: %s (%s)\n", what, error != NULL ? error : "no error");
}

/* What a thread does, what it is given, and whether it found all right. */
typedef struct work {
    bool (*run)(struct work *w);
    int number;
    void *context;
    bool ok;
} work;

static void *run_work(void *context)
{
    work *w = context;
    w->ok = w->run(w) && rv_error() == NULL;
    return NULL;
}

/* Runs `run` on several threads at once, with one context or an element each of an array. */
static void at_once(const char *what, bool (*run)(work *w), void *context, size_t context_bytes)
{
    pthread_t thread[THREADS];
    work works[THREADS];
    bool ok = true;
    for (int i = 0; i < THREADS; i++) {
        works[i] = (work){run, i, context, false};
        if (context_bytes > 0)
            works[i].context = (char *)context + (size_t)i * context_bytes;
        if (pthread_create(&thread[i], NULL, run_work, &works[i]) != 0) {
            puts("races: no thread");
            exit(1);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ok = ok && works[i].ok;
    }
    expect(ok, what);
}

/* ---- the pool ------------------------------------------------------------------------------- */

static void square(void *context, int64_t index)
{
    ((int64_t *)context)[index] = index * index; /* not atomic: whoever waits must see it */
}

static bool run_jobs(work *w)
{
    (void)w;
    int64_t squares[100];
    bool ok = true;
    for (int round = 0; round < 400; round++) {
        const int64_t pieces = round % 100 + 1;
        memset(squares, 0xff, sizeof squares);
        rv_parallel(pieces, square, squares);
        for (int64_t i = 0; i < pieces; i++)
            ok = ok && squares[i] == i * i;
    }
    return ok;
}

/* One thread goes on stopping the pool and changing its size, which the others must not notice. */
static bool run_or_stop_jobs(work *w)
{
    if (w->number > 0)
        return run_jobs(w);
    for (int round = 0; round < 50; round++) {
        rv_parallel_stop();
        if (!rv_set_threads(2 + round % 3) && rv_error_status() == RV_ERROR_STATE)
            rv_error(); /* the others were at work: so it says */
    }
    return rv_error() == NULL;
}

/* ---- memory, scopes, errors ----------------------------------------------------------------- */

static bool use_memory(work *w)
{
    enum { BLOCKS = 60 };
    unsigned char *block[BLOCKS] = {NULL};
    size_t bytes[BLOCKS] = {0};
    uint64_t state = (uint64_t)w->number + 1;
    bool ok = true;
    for (int round = 0; round < 4000; round++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const int at = (int)((state >> 33) % BLOCKS);
        const unsigned char mark = (unsigned char)(at + 80 * w->number);
        if (block[at] != NULL) {
            ok = ok && block[at][0] == mark && block[at][bytes[at] - 1] == mark;
            rv_memory_put(block[at], bytes[at]);
        }
        bytes[at] = 1 + (size_t)((state >> 40) % (state >> 60 ? 3000 : 300000));
        block[at] = rv_memory_get("races", bytes[at]);
        if (block[at] == NULL)
            return false;
        block[at][0] = block[at][bytes[at] - 1] = mark;
        if (round % 1000 == 999)
            rv_memory_trim();
    }
    for (int i = 0; i < BLOCKS; i++)
        rv_memory_put(block[i], bytes[i]);
    return ok;
}

static bool use_scopes(work *w)
{
    rv_tensor *shared = w->context;
    double sum = 0;
    for (int round = 0; round < 200; round++) {
        RV_SCOPE;
        rv_tensor *kept;
        {
            RV_SCOPE;
            rv_retain(shared);
            kept = rv_keep(rv_mul(shared, rv_full(round, RV_F64, 50)));
            rv_release(shared);
        }
        sum += rv_item_at(kept, 49);
        if (rv_add(kept, rv_ones(RV_F64, 7)) != NULL || rv_error_status() != RV_ERROR_SHAPE)
            return false;
        rv_error(); /* this thread's; the others have their own */
    }
    return sum == 49.0 * 199 * 200 / 2;
}

/* ---- random numbers ------------------------------------------------------------------------- */

#define TAKEN 500

static bool take_random(work *w)
{
    uint64_t *offsets = w->context;
    for (int i = 0; i < TAKEN; i++)
        offsets[i] = rv_random_take(4 * (i % 3 + 1)).offset;
    RV_SCOPE;
    return rv_randn(RV_F32, 20000) != NULL && rv_permutation(100) != NULL;
}

/* No block of the generator may be given to two threads. */
static void check_random(void)
{
    static uint64_t offsets[THREADS][TAKEN];
    static char owners[4 * THREADS * TAKEN + THREADS * 20000];
    memset(owners, 0, sizeof owners);
    rv_seed(1);
    at_once("drawing random numbers", take_random, offsets, sizeof offsets[0]);
    bool ok = true;
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < TAKEN; i++) {
            for (int b = 0; b <= i % 3; b++) {
                const uint64_t at = offsets[t][i] + (uint64_t)b;
                ok = ok && at < sizeof owners && owners[at]++ == 0;
            }
        }
    }
    expect(ok, "each random number is drawn once");
    const uint64_t each = TAKEN / 3 * 6 + TAKEN % 3 * (TAKEN % 3 + 1) / 2 + 5000 + 50;
    expect(rv_random_now().offset == THREADS * each, "as many are drawn as were asked for");
}

/* ---- matrix products ------------------------------------------------------------------------ */

enum { M = 130, N = 110, K = 80 };

typedef struct product {
    bool turned; /* a is stored transposed: another kind of kernel in some BLAS */
    const float *a, *b, *c;
} product;

static void multiply(const product *p, float *c)
{
    rv_gemm(
        &(rv_gemm_task){.dtype = RV_F32,
                        .m = M,
                        .n = N,
                        .k = K,
                        .a = {(char *)(uintptr_t)p->a, p->turned ? 1 : K, p->turned ? M : 1, {0}},
                        .b = {(char *)(uintptr_t)p->b, 1, K, {0}},
                        .c = {(char *)c, N, 1, {0}}});
}

static bool multiply_often(work *w)
{
    const product *p = w->context;
    bool ok = true;
    float *c = malloc(sizeof(float) * M * N);
    if (c == NULL)
        return false;
    for (int round = 0; round < 2000; round++) {
        memset(c, 0xff, sizeof(float) * M * N);
        multiply(p, c);
        ok = ok && memcmp(c, p->c, sizeof(float) * M * N) == 0;
    }
    free(c);
    return ok;
}

static void check_products(bool turned)
{
    RV_SCOPE;
    rv_seed(2);
    const rv_tensor *a = rv_randn(RV_F32, M, K), *b = rv_randn(RV_F32, N, K);
    rv_tensor *c = rv_empty(RV_F32, M, N);
    product p = {turned, rv_data(a), rv_data(b), rv_data(c)};
    multiply(&p, rv_data(c));
    at_once(turned ? "multiplying transposed matrices" : "multiplying matrices", multiply_often, &p,
            0);
}

/* ---- models --------------------------------------------------------------------------------- */

typedef struct inference {
    rv_layer *net;
    const rv_tensor *x[THREADS];
    const rv_tensor *expected[THREADS];
} inference;

static bool infer(work *w)
{
    const inference *shared = w->context;
    bool ok = true;
    for (int round = 0; round < 30; round++) {
        RV_SCOPE;
        rv_tensor *x = (rv_tensor *)(uintptr_t)shared->x[w->number];
        ok = ok && rv_equal(rv_forward(shared->net, x), shared->expected[w->number]);
    }
    return ok;
}

static void check_inference(bool recording)
{
    RV_SCOPE;
    rv_seed(3);
    inference shared = {.net = rv_model_mlp(.inputs = 64, .hidden = 90, .dropout = 0.5)};
    rv_layer_train(shared.net, false);
    for (int i = 0; i < THREADS; i++) {
        rv_tensor *x = rv_randn(RV_F32, 100 + i, 64);
        shared.x[i] = recording ? rv_require_grad(x) : x;
        shared.expected[i] = rv_forward(shared.net, x);
    }
    at_once(recording ? "one model on several threads, recorded" : "one model on several threads",
            infer, &shared, 0);
    rv_layer_free(shared.net);
}

#define STEPS 25

typedef struct training {
    rv_layer *net;
    const rv_tensor *x, *y;
} training;

static bool train(work *w)
{
    const training *t = w->context;
    rv_optim *opt = w->number % 2 ? rv_optim_adam(rv_parameters(t->net), .lr = 0.01)
                                  : rv_optim_sgd(rv_parameters(t->net), .lr = 0.1, .momentum = 0.9);
    bool ok = opt != NULL;
    for (int step = 0; ok && step < STEPS; step++) {
        RV_SCOPE;
        rv_tensor *x = (rv_tensor *)(uintptr_t)t->x, *y = (rv_tensor *)(uintptr_t)t->y;
        rv_optim_zero_grad(opt);
        ok = rv_backward(rv_cross_entropy(rv_forward(t->net, x), y)) && rv_optim_step(opt);
    }
    rv_optim_free(opt);
    return ok;
}

/* The same networks every time, one of them convolutional: made one after the other from one seed.
 */
static void make_trainings(training t[THREADS])
{
    rv_seed(4);
    for (int i = 0; i < THREADS; i++) {
        t[i].net = i == 0 ? rv_model_resnet(.depth = 8, .filters = 4)
                          : rv_model_mlp(.inputs = 100, .hidden = 70 + i);
        t[i].x = i == 0 ? rv_randn(RV_F32, 32, 3, 12, 12) : rv_randn(RV_F32, 128, 100);
        t[i].y = rv_randint(0, 10, RV_I64, i == 0 ? 32 : 128);
    }
}

static bool same_parameters(const rv_layer *a, const rv_layer *b)
{
    const rv_tensors p = rv_parameters(a), q = rv_parameters(b);
    bool same = p.count == q.count && p.count >= 4;
    for (int64_t i = 0; same && i < p.count; i++)
        same = rv_equal(p.items[i], q.items[i]);
    return same;
}

static void check_training(void)
{
    RV_SCOPE;
    training alone[THREADS], together[THREADS], untrained[THREADS];
    make_trainings(alone);
    make_trainings(together);
    make_trainings(untrained);
    for (int i = 0; i < THREADS; i++) {
        work w = {train, i, &alone[i], false};
        expect(train(&w), "training a model alone");
    }
    at_once("training several models", train, together, sizeof together[0]);
    for (int i = 0; i < THREADS; i++) {
        expect(same_parameters(alone[i].net, together[i].net), "the same parameters as alone");
        expect(!same_parameters(alone[i].net, untrained[i].net), "training changes parameters");
        rv_layer_free(alone[i].net);
        rv_layer_free(together[i].net);
        rv_layer_free(untrained[i].net);
    }
}

/* ---- data ----------------------------------------------------------------------------------- */

typedef struct transformed {
    rv_dataset *set;
    const rv_tensor *x; /* all of it */
    int64_t calls; /* of the user's transform: not atomic, as it is never called twice at a time */
} transformed;

static bool count_and_copy(void *context, rv_random_place place, rv_tensor *x, rv_tensor *y)
{
    (void)place;
    ((transformed *)context)->calls++;
    return rv_copy_into(y, x) != NULL;
}

/* Fetches from one transformed set, by itself or with a loader that has a thread of its own. */
static bool fetch_transformed(work *w)
{
    const transformed *t = w->context;
    const size_t bytes = (size_t)(t->x->numel / t->x->shape[0]) * sizeof(float);
    rv_loader *loader = rv_data_loader(t->set, .batch_size = 7, .seed = 0);
    bool ok = true;
    rv_batch b;
    for (int64_t first = 0; first < t->x->shape[0]; first += 7) {
        RV_SCOPE;
        ok = ok && (w->number == 0 ? rv_next(loader, &b)
                                   : (b = rv_data_batch(t->set, first, 7)).x != NULL);
        ok = ok && memcmp(b.x->data, t->x->data + (size_t)first * bytes, (size_t)b.n * bytes) == 0;
    }
    rv_loader_free(loader);
    return ok;
}

static void check_transforms(void)
{
    RV_SCOPE;
    transformed t = {0};
    rv_dataset *images = rv_data_tensors(rv_rand(RV_F32, 100, 2, 9, 8), rv_zeros(RV_I64, 100));
    rv_dataset *below = rv_data_transform(images, rv_transform_random_crop(9, 8, .padding = 2));
    t.set = rv_data_transform(below, rv_transform_cutout(3),
                              rv_transform_custom(count_and_copy, .context = &t),
                              rv_transform_resize(5, 6));
    t.x = rv_data_batch(t.set, 0, 100).x;
    at_once("fetching transformed samples", fetch_transformed, &t, 0);
    rv_data_free(t.set);
    rv_data_free(below);
    rv_data_free(images);
    expect(t.calls >= 100 + 100 * THREADS, "a user's transform is called for each sample");
}

/* Several threads that minimize at once, each its own parameters over the same data, in parts. */
typedef struct full_batch {
    rv_tensor *x, *start, *ends[RV_COUNT(minimize_makers)];
    rv_tensor *weight; /* that is being learned */
} full_batch;

enum { PARTS = 4, ROWS = 8 }; /* in each part */

static rv_tensor *loss_of_rows(void *context, int64_t part)
{
    const full_batch *b = context;
    rv_tensor *x = rv_slice(b->x, 0, part * ROWS, (part + 1) * ROWS);
    rv_tensor *away = rv_sub(rv_tanh(rv_matmul(x, b->weight)), rv_mul_scalar(x, 0.5));
    return rv_sum(rv_square(away));
}

static rv_tensor *loss_of_all(void *context)
{
    full_batch *b = context;
    return rv_sum_parts(loss_of_rows, b, RV_TENSORS(b->weight), PARTS);
}

/* The weights after some iterations of a method. */
static rv_tensor *minimized(const full_batch *shared, int method)
{
    full_batch b = {.x = shared->x, .weight = rv_require_grad(rv_copy(shared->start))};
    rv_optim *opt = MADE(&minimize_makers[method], RV_TENSORS(b.weight), .max_iter = 4);
    rv_optim_minimize(opt, loss_of_all, &b);
    rv_optim_free(opt);
    return rv_detach(b.weight);
}

static bool minimize(work *w)
{
    const full_batch *b = w->context;
    bool ok = true;
    for (int i = 0; i < RV_COUNT(minimize_makers); i++) {
        RV_SCOPE;
        ok = rv_equal(minimized(b, i), b->ends[i]) && ok;
    }
    return ok;
}

static void check_minimizing(void)
{
    RV_SCOPE;
    full_batch b = {.x = rv_randn(RV_F64, PARTS * ROWS, 12)};
    b.start = rv_mul_scalar(rv_randn(RV_F64, 12, 12), 0.3);
    for (int i = 0; i < RV_COUNT(minimize_makers); i++) {
        b.ends[i] = minimized(&b, i);
        expect(!rv_equal(b.ends[i], b.start), minimize_makers[i].name);
    }
    at_once("minimizing", minimize, &b, 0);
}

int main(void)
{
    /* Before anything else has been made: all threads make it at once. */
    at_once("starting the pool", run_jobs, NULL, 0);
    for (int threads = 1; threads <= 4; threads++) {
        expect(rv_set_threads(threads), "setting the number of threads");
        at_once("running jobs", run_jobs, NULL, 0);
        at_once("using memory", use_memory, NULL, 0);
        {
            RV_SCOPE;
            at_once("using scopes", use_scopes, rv_arange(RV_F64, 0, 50, 1), 0);
        }
        check_random();
        check_products(false);
        check_products(true);
        check_inference(false);
        check_inference(true);
        check_training();
        check_transforms();
        check_minimizing();
    }
    at_once("stopping the pool", run_or_stop_jobs, NULL, 0);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}

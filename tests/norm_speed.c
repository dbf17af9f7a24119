/* norm_speed.c - a benchmark: milliseconds of normalization and pooling, forward and backward, F32.
 *
 * The same in PyTorch, to compare with in one run, is in tests/norm_speed.py.
 *
 *     norm_speed [SECONDS [NAME]]      for how long each is repeated, default 1; which
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

typedef struct trial trial;
struct trial {
    const char *name;
    int ndim;
    int64_t shape[4];
    rv_tensor *(*run)(trial *t);
    rv_tensor *x, *weight, *bias, *mean, *var, *g;
};

static rv_tensor *batch_norm(trial *t)
{
    return rv_batch_norm(t->x, .weight = t->weight, .bias = t->bias, .running_mean = t->mean,
                         .running_var = t->var, .training = true);
}

static rv_tensor *layer_norm(trial *t)
{
    return rv_layer_norm(t->x, .weight = t->weight, .bias = t->bias);
}

static rv_tensor *max_pool(trial *t)
{
    return rv_max_pool2d(t->x, 2);
}

static rv_tensor *global_average(trial *t)
{
    return rv_adaptive_avg_pool2d(t->x, 1);
}

static rv_tensor *average(trial *t)
{
    return rv_avg_pool2d(t->x, 2);
}

static rv_tensor *bilinear(trial *t)
{
    return rv_interpolate(t->x, .scale = 2, .mode = RV_BILINEAR);
}

/* The tensors of a trial; what is channels-last lies so. */
static void prepare(trial *t)
{
    const bool is_last = strstr(t->name, "channels-last") != NULL;
    const int64_t *s = t->shape;
    const int64_t n = strncmp(t->name, "layer", 5) == 0 ? s[t->ndim - 1] : s[1];
    t->x = is_last ? rv_permute(rv_randn(RV_F32, s[0], s[2], s[3], s[1]), 0, 3, 1, 2)
                   : rv_randn_n(RV_F32, t->ndim, s);
    t->x = rv_require_grad(t->x);
    t->weight = rv_require_grad(rv_ones(RV_F32, n));
    t->bias = rv_require_grad(rv_zeros(RV_F32, n));
    t->mean = rv_zeros(RV_F32, n);
    t->var = rv_ones(RV_F32, n);
    const rv_tensor *y = t->run(t);
    t->g = rv_empty_like(y);
    if (t->g != NULL)
        rv_copy_into(t->g, rv_randn_n(RV_F32, y->ndim, y->shape));
}

/* The best time of forward alone, and of forward and backward; and the median of the latter. */
static void measure(trial *t, double seconds)
{
    enum { MOST = 20000 };
    static double forward[MOST], both[MOST];
    RV_SCOPE;
    prepare(t);
    rv_tensor *leaves[] = {t->x, t->weight, t->bias};
    const double begin = bench_now();
    int count = 0;
    for (int i = -3; i < MOST && (bench_now() - begin < seconds || i < 5); i++) {
        RV_SCOPE;
        const double start = bench_now();
        rv_tensor *y = t->run(t);
        const double middle = bench_now();
        rv_gradients(&y, 1, leaves, RV_COUNT(leaves), .gradients = &t->g, .allow_unused = true);
        if (i >= 0) {
            forward[count] = middle - start;
            both[count++] = bench_now() - start;
        }
    }
    const double median = bench_median(both, count);
    bench_median(forward, count);
    printf("%-52s %8.4f %8.4f ms, median %8.4f, %d times, %d threads\n", t->name, 1e3 * forward[0],
           1e3 * both[0], 1e3 * median, count, rv_threads());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 1;
    trial trials[] = {
        {"batch_norm [128,16,32,32]", 4, {128, 16, 32, 32}, .run = batch_norm},
        {"batch_norm [128,64,8,8]", 4, {128, 64, 8, 8}, .run = batch_norm},
        {"batch_norm [128,64,32,32]", 4, {128, 64, 32, 32}, .run = batch_norm},
        {"batch_norm [128,16,32,32] channels-last", 4, {128, 16, 32, 32}, .run = batch_norm},
        {"batch_norm [128,64,8,8] channels-last", 4, {128, 64, 8, 8}, .run = batch_norm},
        {"batch_norm [128,512]", 2, {128, 512}, .run = batch_norm},
        {"layer_norm [256,64,128]", 3, {256, 64, 128}, .run = layer_norm},
        {"layer_norm [64,1024]", 2, {64, 1024}, .run = layer_norm},
        {"max_pool2d 2 [128,6,24,24]", 4, {128, 6, 24, 24}, .run = max_pool},
        {"max_pool2d 2 [128,6,24,24] channels-last", 4, {128, 6, 24, 24}, .run = max_pool},
        {"max_pool2d 2 [128,64,32,32]", 4, {128, 64, 32, 32}, .run = max_pool},
        {"max_pool2d 2 [128,64,32,32] channels-last", 4, {128, 64, 32, 32}, .run = max_pool},
        {"adaptive_avg_pool2d 1 [128,64,8,8]", 4, {128, 64, 8, 8}, .run = global_average},
        {"adaptive_avg_pool2d 1 [128,64,8,8] channels-last",
         4,
         {128, 64, 8, 8},
         .run = global_average},
        {"avg_pool2d 2 [128,16,32,32]", 4, {128, 16, 32, 32}, .run = average},
        {"avg_pool2d 2 [128,16,32,32] channels-last", 4, {128, 16, 32, 32}, .run = average},
        {"interpolate 2 bilinear [16,16,32,32]", 4, {16, 16, 32, 32}, .run = bilinear},
        {"interpolate 2 bilinear [16,16,32,32] channels-last",
         4,
         {16, 16, 32, 32},
         .run = bilinear},
    };
    rv_on_error(rv_error_exit);
    for (int i = 0; i < RV_COUNT(trials); i++)
        if (argc < 3 || strstr(trials[i].name, argv[2]) != NULL)
            measure(&trials[i], seconds);
    rv_finish();
    return 0;
}

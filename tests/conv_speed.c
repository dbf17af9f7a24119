/* conv_speed.c - a benchmark: convolutions of networks' shapes, forward and both gradients.
 *
 * Milliseconds and GFLOP/s (two for each multiplication of the definition), median and fastest,
 * F32, on random data that lies channels last, as it does within a network. The same in PyTorch, to
 * compare with in one run, is in tests/conv_speed.py; both take the shapes from this list in the
 * same order.
 *
 *     conv_speed [SECONDS [PART OF A NAME]]      for how long each is repeated; default 0.5
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

/* name, batch, input channels, rows and columns, output channels, kernel, stride, padding, groups
 */
typedef struct shape {
    const char *name;
    int64_t n, c, size, k, kernel, stride, padding, groups;
} shape;

static const shape shapes[] = {
    {"lenet 1", 128, 1, 28, 6, 5, 1, 2, 1},
    {"lenet 2", 128, 6, 14, 16, 5, 1, 0, 1},
    {"resnet first", 128, 3, 32, 16, 3, 1, 1, 1},
    {"resnet 16", 128, 16, 32, 16, 3, 1, 1, 1},
    {"resnet 16-32", 128, 16, 32, 32, 3, 2, 1, 1},
    {"resnet 16-32 1x1", 128, 16, 32, 32, 1, 2, 0, 1},
    {"resnet 32", 128, 32, 16, 32, 3, 1, 1, 1},
    {"resnet 32-64", 128, 32, 16, 64, 3, 2, 1, 1},
    {"resnet 64", 128, 64, 8, 64, 3, 1, 1, 1},
    {"vgg 64", 64, 64, 32, 64, 3, 1, 1, 1},
    {"vgg 128", 64, 128, 16, 128, 3, 1, 1, 1},
    {"depthwise 64", 32, 64, 32, 64, 3, 1, 1, 64},
    {"depthwise 128 /2", 32, 128, 28, 128, 3, 2, 1, 128},
    {"depthwise 512", 32, 512, 14, 512, 3, 1, 1, 512},
    {"depthwise 96 7x7", 8, 96, 56, 96, 7, 1, 3, 96},
};

enum { FORWARD, INPUT_GRAD, WEIGHT_GRAD, PASSES };
static const char *const passes[PASSES] = {"forward", "input grad", "weight grad"};

static rv_tensor *channels_last(int64_t n, int64_t c, int64_t rows)
{
    return rv_permute(rv_randn(RV_F32, n, rows, rows, c), 0, 3, 1, 2);
}

/* The median, and the fastest. */
typedef struct timing {
    double median, best;
} timing;

static timing measure(const shape *s, int pass, double seconds)
{
    enum { MOST = 10000 };
    static double times[MOST];
    RV_SCOPE;
    const int64_t out = (s->size + 2 * s->padding - s->kernel) / s->stride + 1;
    rv_tensor *x = channels_last(s->n, s->c, s->size), *g = channels_last(s->n, s->k, out);
    rv_tensor *weight = rv_randn(RV_F32, s->k, s->c / s->groups, s->kernel, s->kernel);
    const double begin = bench_now();
    int count = 0;
    for (int i = -3; i < MOST && (i < 3 || bench_now() - begin < seconds); i++) {
        const double start = bench_now();
        {
            RV_SCOPE;
            if (pass == FORWARD)
                rv_conv2d(x, weight, .stride = s->stride, .padding = s->padding,
                          .groups = s->groups);
            else if (pass == INPUT_GRAD)
                rv_conv2d_input_grad(g, weight, .size = s->size, .stride = s->stride,
                                     .padding = s->padding, .groups = s->groups);
            else
                rv_conv2d_weight_grad(x, g, .size = s->kernel, .stride = s->stride,
                                      .padding = s->padding, .groups = s->groups);
        }
        if (i >= 0)
            times[count++] = bench_now() - start;
    }
    qsort(times, (size_t)count, sizeof *times, bench_ascending);
    return (timing){times[count / 2], times[0]};
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    rv_on_error(rv_error_exit);
    for (int i = 0; i < RV_COUNT(shapes); i++) {
        const shape *s = &shapes[i];
        if (argc > 2 && strstr(s->name, argv[2]) == NULL)
            continue;
        const int64_t out = (s->size + 2 * s->padding - s->kernel) / s->stride + 1;
        const double work =
            2e-9 * (double)(s->n * out * out * s->k * s->c * s->kernel * s->kernel / s->groups);
        for (int pass = 0; pass < PASSES; pass++) {
            const timing time = measure(s, pass, seconds);
            printf("%-18s %-12s %8.3f ms %7.1f GFLOP/s, best %8.3f ms %7.1f GFLOP/s, %d threads\n",
                   s->name, passes[pass], 1e3 * time.median, work / time.median, 1e3 * time.best,
                   work / time.best, rv_threads());
            fflush(stdout);
        }
    }
    return 0;
}

/* step.c - a benchmark: milliseconds of a training step of some multilayer perceptrons.
 *
 * A step is: zero the gradients, forward, cross entropy, backward, SGD with momentum 0.9, in F32,
 * on random data. The same steps in PyTorch, to compare with in one run, are in tests/step.py.
 *
 *     step [SECONDS]      for how long each is repeated; default 1
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <ravine.h>

/* Repeats a step on one batch, and prints the median. Takes the network over. */
static void measure(const char *name, rv_layer *net, int64_t inputs, int64_t batch, double seconds)
{
    enum { MOST = 100000 };
    static double times[MOST];
    RV_SCOPE;
    rv_tensor *x = rv_randn(RV_F32, batch, inputs);
    rv_tensor *labels = rv_randint(0, 10, RV_I64, batch);
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.01, .momentum = 0.9);
    const double begin = bench_now();
    int count = 0;
    for (int i = -3; i < MOST && bench_now() - begin < seconds; i++) {
        const double start = bench_now();
        {
            RV_SCOPE;
            rv_optim_zero_grad(opt);
            rv_backward(rv_cross_entropy(rv_forward(net, x), labels));
            rv_optim_step(opt);
        }
        if (i >= 0)
            times[count++] = bench_now() - start;
    }
    qsort(times, (size_t)count, sizeof *times, bench_ascending);
    printf("%-24s %8.4f ms, %d steps, %d threads\n", name, 1e3 * times[count / 2], count,
           rv_threads());
    rv_optim_free(opt);
    rv_layer_free(net);
}

static rv_layer *two_layers(int64_t hidden)
{
    return rv_layer_sequential(rv_layer_linear(784, hidden), rv_layer_relu(),
                               rv_layer_linear(hidden, 10));
}

int main(int argc, char **argv)
{
    const double seconds = argc > 1 ? atof(argv[1]) : 1;
    rv_on_error(rv_error_exit);
    measure("784-100-10, batch 128", two_layers(100), 784, 128, seconds);
    measure("784-100-10, batch 1", two_layers(100), 784, 1, seconds);
    measure("784-1024-1024-10, batch 128",
            rv_layer_sequential(rv_layer_linear(784, 1024), rv_layer_relu(),
                                rv_layer_linear(1024, 1024), rv_layer_relu(),
                                rv_layer_linear(1024, 10)),
            784, 128, seconds);
    rv_finish();
    return 0;
}

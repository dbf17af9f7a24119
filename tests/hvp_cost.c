/* hvp_cost - what a product with the Hessian costs, in gradients: a benchmark.
 *
 * For each network, alternately: loss and gradient by rv_vjp, and rv_hvp, which gives both and the
 * product. Prints the median of each and their ratio. Not a test: a test never depends on time.
 */
#include "bench.h"

#include <stdio.h>

#include <ravine.h>

enum { ROUNDS = 15, MOST = 32 };

typedef struct task {
    rv_layer *net;
    rv_tensor *x, *labels;
} task;

static rv_tensor *loss(void *context)
{
    const task *t = context;
    return rv_cross_entropy(rv_forward(t->net, t->x), t->labels);
}

static double time_gradient(task *t, rv_tensors parameters)
{
    RV_SCOPE;
    const double start = bench_now();
    rv_vjp(loss, t, parameters, NULL);
    return bench_now() - start;
}

static double time_product(task *t, rv_tensors parameters, rv_tensors v)
{
    RV_SCOPE;
    const double start = bench_now();
    rv_hvp(loss, t, parameters, v);
    return bench_now() - start;
}

static void measure(const char *name, task *t)
{
    RV_SCOPE;
    const rv_tensors parameters = rv_parameters(t->net);
    rv_tensor *v[MOST];
    double gradient[ROUNDS], product[ROUNDS];

    for (int64_t i = 0; i < parameters.count && i < MOST; i++)
        v[i] = rv_randn_n(RV_F32, parameters.items[i]->ndim, parameters.items[i]->shape);
    const rv_tensors direction = {v, parameters.count};
    time_product(t, parameters, direction); /* memory is warm from here on */
    for (int round = 0; round < ROUNDS; round++) {
        gradient[round] = time_gradient(t, parameters);
        product[round] = time_product(t, parameters, direction);
    }
    const double of_gradient = bench_median(gradient, ROUNDS);
    const double of_product = bench_median(product, ROUNDS);
    printf("%-32s gradient %8.3f ms, product with the Hessian %8.3f ms, ratio %.2f (below 6 "
           "wanted)\n",
           name, 1e3 * of_gradient, 1e3 * of_product, of_product / of_gradient);
    rv_layer_free(t->net);
}

int main(void)
{
    rv_on_error(rv_error_exit);
    rv_seed(1);

    task mlp = {.net = rv_layer_sequential(rv_layer_flatten(), rv_layer_linear(28 * 28, 100),
                                           rv_layer_tanh(), rv_layer_linear(100, 10)),
                .x = rv_randn(RV_F32, 256, 28, 28),
                .labels = rv_randint(0, 10, RV_I64, 256)};
    measure("784-100-10, tanh, batch 256", &mlp);

    task deep = {.net = rv_layer_sequential(rv_layer_linear(20, 50), rv_layer_tanh(),
                                            rv_layer_linear(50, 50), rv_layer_tanh(),
                                            rv_layer_linear(50, 50), rv_layer_tanh(),
                                            rv_layer_linear(50, 10)),
                 .x = rv_randn(RV_F32, 128, 20),
                 .labels = rv_randint(0, 10, RV_I64, 128)};
    measure("20-50-50-50-10, tanh, batch 128", &deep);

    rv_finish();
    return 0;
}

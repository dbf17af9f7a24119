/* hvp_cost - what a product with the Hessian costs, in gradients: a benchmark.
 *
 * For each network, alternately: loss and gradient by rv_vjp, and rv_hvp, which gives both and the
 * product. Prints the fastest of each and their ratio: on a busy machine the longer one is
 * interrupted more often, so that a ratio of medians says how busy it was. Not a test: a test never
 * depends on time.
 */
#include "bench.h"

#include <stdio.h>

#include <ravine.h>

enum { ROUNDS = 25, BATCH = 64 };

/* ---- networks -------------------------------------------------------------------------------- */

typedef struct task {
    rv_layer *net;
    rv_tensor *x, *labels;
} task;

static rv_tensor *loss(void *context)
{
    const task *t = context;
    return rv_cross_entropy(rv_forward(t->net, t->x), t->labels);
}

/* LeNet-5 with batch normalization: weights by their places in `weights`. */
enum {
    CONV_1,
    SCALE_1,
    SHIFT_1,
    CONV_2,
    SCALE_2,
    SHIFT_2,
    FULL_1,
    BIAS_1,
    FULL_2,
    BIAS_2,
    FULL_3,
    BIAS_3,
    WEIGHTS
};

typedef struct lenet {
    rv_tensor *weights[WEIGHTS];
    rv_tensor *x, *labels;
} lenet;

static rv_tensor *weight(double scale, int ndim, const int64_t *shape)
{
    return rv_require_grad(rv_mul_scalar(rv_randn_n(RV_F32, ndim, shape), scale));
}

static void make_lenet(lenet *n)
{
    n->weights[CONV_1] = weight(0.2, 4, (const int64_t[]){6, 1, 5, 5});
    n->weights[CONV_2] = weight(0.08, 4, (const int64_t[]){16, 6, 5, 5});
    n->weights[FULL_1] = weight(0.05, 2, (const int64_t[]){120, 400});
    n->weights[FULL_2] = weight(0.1, 2, (const int64_t[]){84, 120});
    n->weights[FULL_3] = weight(0.1, 2, (const int64_t[]){10, 84});
    n->weights[SCALE_1] = rv_require_grad(rv_ones(RV_F32, 6));
    n->weights[SHIFT_1] = rv_require_grad(rv_zeros(RV_F32, 6));
    n->weights[SCALE_2] = rv_require_grad(rv_ones(RV_F32, 16));
    n->weights[SHIFT_2] = rv_require_grad(rv_zeros(RV_F32, 16));
    n->weights[BIAS_1] = rv_require_grad(rv_zeros(RV_F32, 120));
    n->weights[BIAS_2] = rv_require_grad(rv_zeros(RV_F32, 84));
    n->weights[BIAS_3] = rv_require_grad(rv_zeros(RV_F32, 10));
    n->x = rv_randn(RV_F32, BATCH, 1, 28, 28);
    n->labels = rv_randint(0, 10, RV_I64, BATCH);
}

/* Convolution, batch normalization, relu and pooling; the weights begin at `first`. */
static rv_tensor *stage(const lenet *n, rv_tensor *x, int first, int64_t padding)
{
    rv_tensor *y = rv_conv2d(x, n->weights[first], .padding = padding);
    y = rv_batch_norm(y, .weight = n->weights[first + 1], .bias = n->weights[first + 2],
                      .training = true);
    return rv_max_pool2d(rv_relu(y), 2);
}

static rv_tensor *lenet_loss(void *context)
{
    const lenet *n = context;
    rv_tensor *const *w = n->weights;
    rv_tensor *y = stage(n, stage(n, n->x, CONV_1, 2), CONV_2, 0);
    y = rv_relu(rv_linear(rv_reshape(y, BATCH, 400), w[FULL_1], w[BIAS_1]));
    y = rv_relu(rv_linear(y, w[FULL_2], w[BIAS_2]));
    return rv_cross_entropy(rv_linear(y, w[FULL_3], w[BIAS_3]), n->labels);
}

/* ---- the cost -------------------------------------------------------------------------------- */

static double time_gradient(rv_closure *of, void *context, rv_tensors parameters)
{
    RV_SCOPE;
    const double start = bench_now();
    rv_vjp(of, context, parameters, NULL);
    return bench_now() - start;
}

static double time_product(rv_closure *of, void *context, rv_tensors parameters, rv_tensors v)
{
    RV_SCOPE;
    const double start = bench_now();
    rv_hvp(of, context, parameters, v);
    return bench_now() - start;
}

static double least(const double *seconds)
{
    double smallest = seconds[0];
    for (int i = 1; i < ROUNDS; i++)
        smallest = seconds[i] < smallest ? seconds[i] : smallest;
    return smallest;
}

static void measure(const char *name, rv_closure *of, void *context, rv_tensors parameters)
{
    RV_SCOPE;
    rv_tensor *v[WEIGHTS];
    double gradient[ROUNDS], product[ROUNDS];

    for (int64_t i = 0; i < parameters.count && i < WEIGHTS; i++)
        v[i] = rv_randn_n(RV_F32, parameters.items[i]->ndim, parameters.items[i]->shape);
    const rv_tensors direction = {v, parameters.count};
    time_product(of, context, parameters, direction); /* memory is warm from here on */
    for (int round = 0; round < ROUNDS; round++) {
        gradient[round] = time_gradient(of, context, parameters);
        product[round] = time_product(of, context, parameters, direction);
    }
    const double of_gradient = least(gradient), of_product = least(product);
    printf("%-36s gradient %7.3f ms, product with the Hessian %7.3f ms, ratio %.2f (below 6 "
           "wanted)\n",
           name, 1e3 * of_gradient, 1e3 * of_product, of_product / of_gradient);
}

int main(void)
{
    rv_on_error(rv_error_exit);
    rv_seed(1);

    task mlp = {.net = rv_layer_sequential(rv_layer_flatten(), rv_layer_linear(28 * 28, 100),
                                           rv_layer_tanh(), rv_layer_linear(100, 10)),
                .x = rv_randn(RV_F32, 256, 28, 28),
                .labels = rv_randint(0, 10, RV_I64, 256)};
    measure("784-100-10, tanh, batch 256", loss, &mlp, rv_parameters(mlp.net));

    task deep = {.net = rv_layer_sequential(rv_layer_linear(20, 50), rv_layer_tanh(),
                                            rv_layer_linear(50, 50), rv_layer_tanh(),
                                            rv_layer_linear(50, 50), rv_layer_tanh(),
                                            rv_layer_linear(50, 10)),
                 .x = rv_randn(RV_F32, 128, 20),
                 .labels = rv_randint(0, 10, RV_I64, 128)};
    measure("20-50-50-50-10, tanh, batch 128", loss, &deep, rv_parameters(deep.net));

    lenet n;
    make_lenet(&n);
    measure("LeNet-5 with batch norm, batch 64", lenet_loss, &n, (rv_tensors){n.weights, WEIGHTS});

    rv_layer_free(deep.net);
    rv_layer_free(mlp.net);
    rv_finish();
    return 0;
}

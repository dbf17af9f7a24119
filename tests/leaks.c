/* leaks - a script that frees what it made: valgrind must see no byte left at its end.
 *
 * usage: leaks FILE
 *
 * Trains with a loader that fetches ahead and transforms, saves to FILE and loads it again, fails
 * on purpose on the way (what a failed call was given must be freed too), and goes through graphs
 * twice, with custom operations, hooks and kept gradients in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

#include "minimize_makers.h"

static rv_layer *make_network(void)
{
    return rv_layer_sequential(rv_layer_flatten(), rv_layer_linear(28 * 28, 16), rv_layer_tanh(),
                               rv_layer_dropout(0.2), rv_layer_linear(16, 10));
}

static rv_dataset *make_images(int64_t n)
{
    RV_SCOPE;
    return rv_data_tensors(rv_rand(RV_F32, n, 28, 28), rv_randint(0, 10, RV_I64, n));
}

static bool negate(void *context, rv_random_place place, rv_tensor *x, rv_tensor *y)
{
    (void)context, (void)place;
    return rv_copy_into(y, rv_neg(x)) != NULL;
}

static rv_dataset *augment(rv_dataset *images)
{
    RV_SCOPE;
    const rv_statistics s = rv_data_statistics(images);
    return rv_data_transform(images, rv_transform_random_crop(28, 28, .padding = 2),
                             rv_transform_normalize(s.mean, s.std), rv_transform_horizontal_flip(),
                             rv_transform_custom(negate, .context = malloc(8), .release = free));
}

static bool train(rv_layer *net, rv_optim *opt, rv_dataset *images)
{
    rv_dataset *augmented = augment(images);
    rv_loader *batches = rv_data_loader(augmented, .batch_size = 32, .shuffle = true);
    rv_data_free(augmented);
    rv_batch b;

    for (int epoch = 0; epoch < 3; epoch++) {
        while (rv_next(batches, &b)) {
            RV_SCOPE;
            rv_tensor *loss = rv_cross_entropy(rv_forward(net, b.x), b.y);
            rv_optim_zero_grad(opt);
            rv_backward(loss);
            rv_optim_step(opt);
        }
    }
    const bool began = rv_next(batches, &b); /* and the loader ends in the middle of an epoch */
    rv_loader_free(batches);
    return began && rv_error() == NULL;
}

/* The gradient's gradient, with both graphs alive at the end of the scope. */
static bool differentiate_twice(void)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_randn(RV_F64, 3));
    rv_tensor *y = rv_sum(rv_tanh(rv_mul(x, x)));
    rv_tensor **first = rv_gradients(&y, 1, &x, 1, .create_graph = true);
    if (first == NULL)
        return false;
    rv_tensor *z = rv_sum(rv_mul(first[0], first[0]));
    return rv_backward(z) && rv_grad(x) != NULL;
}

static rv_tensor *cube(rv_tensor **in, void *context)
{
    (void)context;
    return rv_mul(in[0], rv_mul(in[0], in[0]));
}

static void cube_derivative(rv_derivative *d)
{
    rv_tensor *x = rv_saved_input(d, 0);
    d->grads[0] = rv_mul(d->g, rv_mul_scalar(rv_mul(x, x), 3));
}

/* The sum of cubes, as an operation with a context from malloc. */
static rv_tensor *sum_of_cubes(rv_tensor **in, void *context)
{
    (void)context;
    return rv_sum(rv_custom("cube", cube, cube_derivative, in, 1, malloc(8), free));
}

static rv_tensor *double_it(rv_tensor *g, void *context)
{
    (void)context;
    return rv_mul_scalar(g, 2);
}

/* Custom operations, hooks, kept gradients and products, some in graphs that are never walked. */
static bool differentiate_with_extras(void)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_randn(RV_F64, 3)), *v = rv_ones(RV_F64, 3);
    rv_tensor *y = sum_of_cubes(&x, NULL);
    bool ok = rv_on_gradient(y, double_it, malloc(8), free) &&
              rv_on_gradient(x, double_it, malloc(8), free) && rv_retain_grad(y) != NULL &&
              rv_backward(y, .create_graph = true) && rv_item(rv_grad(y)) == 2;
    ok = ok && rv_hvp(sum_of_cubes, NULL, RV_TENSORS(x), RV_TENSORS(v)).output != NULL;
    ok = ok &&
         rv_jvp(sum_of_cubes, NULL, RV_TENSORS(x), RV_TENSORS(v), .create_graph = true).output !=
             NULL;
    ok = ok && rv_hessian(sum_of_cubes, NULL, RV_TENSORS(v), .create_graph = true) != NULL;
    return ok && sum_of_cubes(&x, NULL) != NULL;
}

/* A loss that fails from some call on, if `calls` is above 0. */
typedef struct full_batch {
    rv_tensor *x;
    int calls;
} full_batch;

static rv_tensor *full_batch_loss(void *context)
{
    full_batch *b = context;
    rv_tensor *loss = rv_sum(rv_square(rv_tanh(rv_add_scalar(b->x, 1))));
    return --b->calls == 0 ? rv_fail_null(RV_ERROR_STATE, "leaks", "it is enough") : loss;
}

/* With each method that evaluates the loss again: to its end, and with a loss that fails. */
static bool minimize(void)
{
    bool ok = true;
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++) {
        RV_SCOPE;
        full_batch b = {.x = rv_require_grad(rv_randn(RV_F64, 20))};
        rv_optim *opt = MADE(m, RV_TENSORS(b.x), .max_iter = 20);
        b.calls = 3;
        ok = rv_optim_minimize(opt, full_batch_loss, &b).status == RV_OPTIM_FAILED && ok;
        ok = rv_error() != NULL && ok;
        ok = rv_optim_minimize(opt, full_batch_loss, &b).status != RV_OPTIM_FAILED && ok;
        rv_optim_free(opt);
    }
    return ok;
}

/* Calls that fail: true if each says so. */
static bool fail_on_purpose(rv_layer *net, rv_dataset *images)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_randn(RV_F32, 2, 3));
    int said = 0;

    said += rv_matmul(rv_tanh(x), x) == NULL && rv_error() != NULL;
    said += rv_forward(net, x) == NULL && rv_error() != NULL;
    said += !rv_backward(rv_tanh(x)) && rv_error() != NULL;
    said += rv_data_mnist("/nowhere", RV_TRAIN) == NULL && rv_error() != NULL;
    said += !rv_load("/nowhere", net) && rv_error() != NULL;
    said += rv_layer_sequential(rv_layer_linear(2, 3), rv_layer_linear(-1, 3)) == NULL &&
            rv_error() != NULL;
    said += rv_optim_sgd(rv_parameters(net), .lr = -1) == NULL && rv_error() != NULL;
    said +=
        rv_sched_chained(NULL, RV_SCHEDS(rv_sched_linear(NULL), rv_sched_cosine(NULL))) == NULL &&
        rv_error() != NULL;
    said += rv_average_ema(rv_parameters(net), .decay = 2) == NULL && rv_error() != NULL;
    said += rv_custom("cube", NULL, cube_derivative, &x, 1, malloc(8), free) == NULL &&
            rv_error() != NULL;
    said += !rv_on_gradient(rv_ones(RV_F32, 2), double_it, malloc(8), free) && rv_error() != NULL;
    said += rv_hessian(cube, NULL, RV_TENSORS(x)) == NULL && rv_error() != NULL;
    {
        RV_DETECT_ANOMALY;
        said += rv_log(rv_zeros(RV_F32, 2)) == NULL && rv_error() != NULL;
    }
    said += rv_data_transform(
                images, rv_transform_custom(negate, .context = malloc(8), .release = free),
                rv_transform_normalize(rv_ones(RV_F32, 1), rv_zeros(RV_F32, 1))) == NULL &&
            rv_error() != NULL;
    return said == 14;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: leaks FILE\n");
        return 64;
    }
    rv_dataset *images = make_images(100), *validation = rv_data_split(images, 20);
    rv_layer *net = make_network(), *again = make_network();
    rv_optim *sgd = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
    rv_optim *adam = rv_optim_adam(rv_parameters(net), .lr = 0.001);

    rv_sched *sched = rv_sched_sequential(
        adam, RV_SCHEDS(rv_sched_linear(NULL), rv_sched_plateau(NULL)), .milestones = {5});
    rv_average *average = rv_average_ema(rv_parameters(net));
    const bool averaged = rv_sched_step(sched) && rv_average_update(average) &&
                          rv_average_swap_in(average) && rv_average_swap_out(average);

    const bool trained = averaged && train(net, sgd, images) && train(net, adam, images);
    const bool saved = rv_save(argv[1], net, sched, average) && rv_load(argv[1], again);
    const bool same = rv_accuracy(net, validation) == rv_accuracy(again, validation);
    const bool twice = differentiate_twice() && differentiate_with_extras();
    const bool failed = fail_on_purpose(net, images), minimized = minimize();

    rv_average_free(average);
    rv_sched_free(sched);
    rv_optim_free(adam);
    rv_optim_free(sgd);
    rv_layer_free(again);
    rv_layer_free(net);
    rv_data_free(validation);
    rv_data_free(images);
    const char *error = rv_error();
    printf("trained %d, saved %d, same %d, twice %d, failed as it should %d, minimized %d, error: "
           "%s\n",
           trained, saved, same, twice, failed, minimized, error == NULL ? "none" : error);
    const bool ok = trained && saved && same && twice && failed && minimized && error == NULL;
    rv_finish();
    return ok ? 0 : 1;
}

/* leaks - a script that frees what it made: valgrind must see no byte left at its end.
 *
 * usage: leaks FILE
 *
 * Trains with a loader that fetches ahead, saves to FILE and loads it again, fails on purpose on
 * the way (what a failed call was given must be freed too), and goes through the graph twice.
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

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

static bool train(rv_layer *net, rv_optim *opt, rv_dataset *images)
{
    rv_loader *batches = rv_data_loader(images, .batch_size = 32, .shuffle = true);
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

/* Calls that fail: true if each says so. */
static bool fail_on_purpose(rv_layer *net)
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
    return said == 7;
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

    const bool trained = train(net, sgd, images) && train(net, adam, images);
    const bool saved = rv_save(argv[1], net) && rv_load(argv[1], again);
    const bool same = rv_accuracy(net, validation) == rv_accuracy(again, validation);
    const bool twice = differentiate_twice();
    const bool failed = fail_on_purpose(net);

    rv_optim_free(adam);
    rv_optim_free(sgd);
    rv_layer_free(again);
    rv_layer_free(net);
    rv_data_free(validation);
    rv_data_free(images);
    const char *error = rv_error();
    printf("trained %d, saved %d, same %d, twice %d, failed as it should %d, error: %s\n", trained,
           saved, same, twice, failed, error == NULL ? "none" : error);
    const bool ok = trained && saved && same && twice && failed && error == NULL;
    rv_finish();
    return ok ? 0 : 1;
}

/* autoencoder: learns to squeeze an image into a few numbers, and to make it again from these.
 *
 * There are no labels: the image itself is what the network is to give (Hinton and Salakhutdinov,
 * "Reducing the dimensionality of data with neural networks", 2006). What fits through the narrow
 * place in the middle is what these images have in common.
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

#include "autoencoder_options.h"
#include "progress.h"

/* How far the network's images are from the given ones: the mean squared difference of pixels. */
static rv_tensor *loss_of(rv_layer *net, rv_tensor *x)
{
    return rv_mse(rv_forward(net, x), x);
}

/* Shows the network every training image once; returns the mean loss. */
static double train_epoch(rv_layer *net, rv_optim *opt, rv_loader *batches, progress *bar)
{
    double sum = 0;
    int64_t images = 0;
    rv_batch b;

    while (rv_next(batches, &b)) {
        RV_SCOPE; /* what this block makes ends with it */
        rv_tensor *loss = loss_of(net, b.x);
        rv_optim_zero_grad(opt);
        rv_backward(loss);
        rv_optim_step(opt);

        sum += rv_item(loss) * (double)b.n;
        images += b.n;
        progress_step(bar);
    }
    return sum / (double)images;
}

/* The mean loss over a set. */
static double measure(rv_layer *net, const rv_dataset *set)
{
    RV_NO_GRAD;
    const int64_t count = rv_data_count(set);
    double sum = 0;
    for (int64_t first = 0; first < count; first += 500) {
        RV_SCOPE;
        const rv_batch b = rv_data_batch(set, first, 500);
        sum += rv_item(loss_of(net, b.x)) * (double)b.n;
    }
    return sum / (double)count;
}

static void train(const autoencoder_options *o, rv_layer *net, rv_dataset *images, rv_dataset *test)
{
    rv_loader *batches = rv_data_loader(images, .batch_size = o->batch, .shuffle = true);
    rv_optim *opt = rv_optim_adam(rv_parameters(net), .lr = o->lr);

    for (int64_t epoch = 1; epoch <= o->epochs; epoch++) {
        char title[64];
        snprintf(title, sizeof title, "epoch %2lld/%lld", (long long)epoch, (long long)o->epochs);
        progress bar = progress_begin(title, "batches", rv_loader_batches(batches));
        const double loss = train_epoch(net, opt, batches, &bar);
        const double seconds = progress_end(&bar);
        printf("%s  train loss %.5f  test loss %.5f  %.2f s\n", title, loss, measure(net, test),
               seconds);
        fflush(stdout);
    }

    rv_optim_free(opt);
    rv_loader_free(batches);
}

/* The first n images of a set, and below each what the network makes of it. */
static void draw(const char *path, rv_layer *net, const rv_dataset *set, int64_t n)
{
    RV_NO_GRAD;
    RV_SCOPE;
    const rv_batch b = rv_data_batch(set, 0, n);
    rv_tensor *both[] = {b.x, rv_forward(net, b.x)};
    rv_image_write(path, rv_image_grid(rv_cat(both, 2, 0), .columns = b.n));
}

int main(int argc, char **argv)
{
    const autoencoder_options o = autoencoder_options_read(argc, argv);

    rv_on_error(rv_error_exit); /* this script stops at the first error */
    rv_set_threads((int)o.threads);
    rv_seed((uint64_t)o.seed);

    const bool colour = strcmp(o.set, "cifar10") == 0;
    const int64_t side = colour ? 32 : 28;
    rv_layer *net = rv_model_autoencoder(.channels = colour ? 3 : 1, .height = side, .width = side,
                                         .code = o.code);
    rv_dataset *images =
        colour ? rv_data_cifar10(o.data, RV_TRAIN) : rv_data_mnist(o.data, RV_TRAIN);
    rv_dataset *test = colour ? rv_data_cifar10(o.data, RV_TEST) : rv_data_mnist(o.data, RV_TEST);

    if (o.load != NULL)
        rv_load(o.load, net);
    if (o.epochs > 0)
        train(&o, net, images, test);
    if (o.save != NULL)
        rv_save(o.save, net);
    draw(o.picture, net, test, o.pictures);
    printf("test loss %.5f\n", measure(net, test));

    rv_data_free(test);
    rv_data_free(images);
    rv_layer_free(net);
    rv_finish();
    return 0;
}

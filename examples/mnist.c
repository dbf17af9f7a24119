/* mnist: trains a network on handwritten digits, and tests it.
 *
 * What is here is all that a script needs: data, a network, an optimizer, and a loop over batches.
 * mnist_options.c reads the command line, progress.c draws the bar; neither is needed to train.
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

#include "mnist_options.h"
#include "progress.h"

static rv_layer *make_network(const mnist_options *o)
{
    return rv_layer_sequential(rv_layer_flatten(),                  /* [n,1,28,28] -> [n,784] */
                               rv_layer_linear(28 * 28, o->hidden), /* -> [n,hidden] */
                               rv_layer_relu(), rv_layer_dropout(o->dropout),
                               rv_layer_linear(o->hidden, 10)); /* -> [n,10], one a digit */
}

static rv_optim *make_optimizer(const mnist_options *o, rv_layer *net)
{
    if (strcmp(o->optim, "adam") == 0)
        return rv_optim_adam(rv_parameters(net), .lr = o->lr, .weight_decay = o->weight_decay);
    return rv_optim_sgd(rv_parameters(net), .lr = o->lr, .momentum = o->momentum,
                        .nesterov = o->nesterov, .weight_decay = o->weight_decay);
}

/* Shows the network every training image once; returns the mean loss. */
static double train_epoch(rv_layer *net, rv_optim *opt, rv_loader *batches, progress *bar)
{
    double sum = 0;
    int64_t images = 0;
    rv_batch b;

    while (rv_next(batches, &b)) {
        RV_SCOPE; /* what this block makes ends with it */
        rv_tensor *loss = rv_cross_entropy(rv_forward(net, b.x), b.y);
        rv_optim_zero_grad(opt);
        rv_backward(loss);
        rv_optim_step(opt);

        sum += rv_item(loss) * (double)b.n;
        images += b.n;
        progress_step(bar);
    }
    return sum / (double)images;
}

static void train(const mnist_options *o, rv_layer *net)
{
    rv_dataset *images = rv_data_mnist(o->data, RV_TRAIN);
    rv_dataset *validation = rv_data_split(images, o->validation);
    rv_loader *batches = rv_data_loader(images, .batch_size = o->batch, .shuffle = true);
    rv_optim *opt = make_optimizer(o, net);
    const int64_t steps = rv_loader_batches(batches);

    for (int64_t epoch = 1; epoch <= o->epochs; epoch++) {
        char title[64];
        snprintf(title, sizeof title, "epoch %2lld/%lld", (long long)epoch, (long long)o->epochs);
        progress bar = progress_begin(title, "batches", steps);
        const double loss = train_epoch(net, opt, batches, &bar);
        const double seconds = progress_end(&bar);
        printf("%s  train loss %.4f  validation accuracy %.4f  %.2f s\n", title, loss,
               rv_accuracy(net, validation), seconds);
        fflush(stdout);
    }

    rv_optim_free(opt);
    rv_loader_free(batches);
    rv_data_free(validation);
    rv_data_free(images);
}

int main(int argc, char **argv)
{
    const mnist_options o = mnist_options_read(argc, argv);

    rv_on_error(rv_error_exit); /* this script stops at the first error */
    rv_set_threads((int)o.threads);
    rv_seed((uint64_t)o.seed);

    rv_layer *net = make_network(&o);
    if (o.load != NULL)
        rv_load(o.load, net);
    if (o.epochs > 0)
        train(&o, net);
    if (o.save != NULL)
        rv_save(o.save, net);

    rv_dataset *test = rv_data_mnist(o.data, RV_TEST);
    printf("test accuracy %.4f\n", rv_accuracy(net, test));

    rv_data_free(test);
    rv_layer_free(net);
    rv_finish();
    return 0;
}

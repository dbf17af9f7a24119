/* mnist: trains a network on handwritten digits, and tests it.
 *
 * What is here is all that a script needs: data, a network, an optimizer, and a loop over batches.
 * mnist_options.c reads the command line, progress.c draws the bar; neither is needed to train.
 * Methods that see all images at each step have their loop in mnist_full_batch.c.
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

#include "mnist_full_batch.h"
#include "mnist_options.h"
#include "progress.h"

static rv_layer *make_network(const mnist_options *o)
{
    if (strcmp(o->model, "lenet5") == 0)
        return rv_model_lenet5();
    return rv_layer_sequential(rv_layer_flatten(),                  /* [n,1,28,28] -> [n,784] */
                               rv_layer_linear(28 * 28, o->hidden), /* -> [n,hidden] */
                               rv_layer_relu(), rv_layer_dropout(o->dropout),
                               rv_layer_linear(o->hidden, 10)); /* -> [n,10], one a digit */
}

/* What trains the network. Muon is for matrices alone: then AdamW, as *rest, has the others. */
static rv_optim *make_optimizer(const mnist_options *o, rv_layer *net, rv_optim **rest)
{
    const rv_tensors all = rv_parameters(net);
    rv_optim *opt = NULL;
    const bool only_matrices = strcmp(o->optim, "muon") == 0;

    *rest = NULL;
    for (int64_t i = 0; only_matrices && i < all.count; i++) {
        rv_tensors one = RV_TENSORS(all.items[i]);
        if (all.items[i]->ndim == 2)
            opt = rv_optim_by_name(o->optim, one, .lr = o->lr, .momentum = o->momentum,
                                   .weight_decay = o->weight_decay, .join = opt);
        else
            *rest = rv_optim_by_name("adamw", one, .join = *rest);
    }
    if (only_matrices)
        return opt;
    return rv_optim_by_name(o->optim, all, .lr = o->lr, .momentum = o->momentum,
                            .weight_decay = o->weight_decay, .nesterov = o->nesterov,
                            .history = o->history);
}

/* What an epoch works with. */
typedef struct trainer {
    rv_optim *opt, *rest; /* rest: NULL if there is none */
    rv_sched *sched;
    bool plateau; /* sched steps after each epoch, by its accuracy; else after each batch */
} trainer;

/* Shows the network every training image once; returns the mean loss. */
static double train_epoch(rv_layer *net, trainer *t, rv_loader *batches, progress *bar)
{
    double sum = 0;
    int64_t images = 0;
    rv_batch b;

    while (rv_next(batches, &b)) {
        RV_SCOPE; /* what this block makes ends with it */
        rv_tensor *loss = rv_cross_entropy(rv_forward(net, b.x), b.y);
        rv_optim_zero_grad(t->opt);
        if (t->rest != NULL)
            rv_optim_zero_grad(t->rest);
        rv_backward(loss);
        rv_optim_step(t->opt);
        if (t->rest != NULL)
            rv_optim_step(t->rest);
        if (!t->plateau)
            rv_sched_step(t->sched);

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
    const int64_t steps = rv_loader_batches(batches);
    trainer t = {.plateau = strcmp(o->schedule, "plateau") == 0};
    t.opt = make_optimizer(o, net, &t.rest);
    t.sched = rv_sched_by_name(o->schedule, t.opt, .mode = RV_SCHED_MORE_IS_BETTER,
                               .steps = o->epochs * (t.plateau ? 1 : steps));

    for (int64_t epoch = 1; epoch <= o->epochs; epoch++) {
        char title[64];
        snprintf(title, sizeof title, "epoch %2lld/%lld", (long long)epoch, (long long)o->epochs);
        progress bar = progress_begin(title, "batches", steps);
        const double loss = train_epoch(net, &t, batches, &bar);
        const double seconds = progress_end(&bar), accuracy = rv_accuracy(net, validation);
        printf("%s  train loss %.4f  validation accuracy %.4f  %.2f s", title, loss, accuracy,
               seconds);
        if (t.plateau)
            rv_sched_step(t.sched, accuracy);
        if (strcmp(o->schedule, "constant") != 0)
            printf("  learning rate now %.3g", rv_optim_lr(t.opt));
        printf("\n");
        fflush(stdout);
    }

    rv_sched_free(t.sched);
    rv_optim_free(t.rest);
    rv_optim_free(t.opt);
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
    if (o.load != NULL || o.resume != NULL)
        rv_load(o.load != NULL ? o.load : o.resume, net);
    if (o.full_batch)
        train_full_batch(&o, net);
    else if (o.epochs > 0)
        train(&o, net);
    if (o.save != NULL && !o.full_batch)
        rv_save(o.save, net);

    rv_dataset *test = rv_data_mnist(o.data, RV_TEST);
    printf("test accuracy %.4f\n", rv_accuracy(net, test));

    rv_data_free(test);
    rv_layer_free(net);
    rv_finish();
    return 0;
}

/* mnist_full_batch.c - training with methods that see all images at each step, as L-BFGS.
 *
 * The loss is the mean over all images, computed in parts, so that memory is that of a few parts
 * whatever the network. Such a method wants a function of the parameters: the same loss each time.
 * So there is no dropout, and layers run as they do when they are tested.
 */
#include "mnist_full_batch.h"

#include <stdio.h>

#include "progress.h"

enum { IMAGES_OF_PART = 500 };

typedef struct trainer {
    const mnist_options *options;
    rv_layer *net;
    rv_dataset *validation;
    rv_tensor *x, *y; /* all images and their digits */
    int64_t images, evaluations;
    progress iteration;
} trainer;

/* What some images add to the mean. */
static rv_tensor *loss_of_part(void *context, int64_t part)
{
    const trainer *t = context;
    const int64_t from = part * IMAGES_OF_PART, end = from + IMAGES_OF_PART;
    const int64_t to = end < t->images ? end : t->images;
    rv_tensor *x = rv_slice(t->x, 0, from, to), *y = rv_slice(t->y, 0, from, to);
    rv_tensor *sum = rv_cross_entropy(rv_forward(t->net, x), y, .reduction = RV_REDUCTION_SUM);
    return rv_mul_scalar(sum, 1 / (double)t->images);
}

/* What is minimized: the mean over all images, and weight_decay/2 times the parameters' squares. */
static rv_tensor *loss_of_all(void *context)
{
    const trainer *t = context;
    const rv_tensors all = rv_parameters(t->net);
    const int64_t parts = (t->images + IMAGES_OF_PART - 1) / IMAGES_OF_PART;
    const double decay = t->options->weight_decay;
    rv_tensor *loss = rv_sum_parts(loss_of_part, context, all, parts);
    for (int64_t i = 0; decay > 0 && i < all.count; i++)
        loss = rv_add(loss, rv_mul_scalar(rv_sum(rv_square(all.items[i])), decay / 2));
    return loss;
}

/* After each iteration: an epoch. */
static bool show(void *context, const rv_optim_progress *p)
{
    trainer *t = context;
    const double seconds = progress_end(&t->iteration);
    printf(
        "epoch %2lld/%lld  train loss %.4f  validation accuracy %.4f  %.2f s  evaluations %lld\n",
        (long long)p->iteration, (long long)t->options->epochs, p->loss,
        rv_accuracy(t->net, t->validation), seconds, (long long)(p->evaluations - t->evaluations));
    fflush(stdout);
    t->evaluations = p->evaluations;
    t->iteration = progress_begin("", "", 0);
    return true;
}

/* All images of a set, which `batches` owns. */
static void fetch_all(trainer *t, rv_loader *batches)
{
    rv_batch b;
    if (rv_next(batches, &b)) {
        t->x = b.x;
        t->y = b.y;
        t->images = b.n;
    }
}

void train_full_batch(const mnist_options *o, rv_layer *net)
{
    rv_optim *opt =
        rv_optim_by_name(o->optim, rv_parameters(net), .lr = o->lr, .momentum = o->momentum,
                         .nesterov = o->nesterov, .history = o->history);
    if (o->resume != NULL)
        rv_load(o->resume, net, opt);
    if (o->epochs > 0) {
        rv_dataset *images = rv_data_mnist(o->data, RV_TRAIN);
        trainer t = {.options = o, .net = net, .validation = rv_data_split(images, o->validation)};
        rv_loader *batches = rv_data_loader(images, .batch_size = rv_data_count(images));
        fetch_all(&t, batches);
        rv_layer_train(net, false);
        t.iteration = progress_begin("", "", 0);
        const rv_optim_result r = rv_optim_minimize(opt, loss_of_all, &t, .max_iter = o->epochs,
                                                    .callback = show, .callback_context = &t);
        if (r.status != RV_OPTIM_ITERATIONS)
            printf("stopped after %lld iterations: %s\n", (long long)r.iterations, r.reason);
        rv_loader_free(batches);
        rv_data_free(t.validation);
        rv_data_free(images);
    }
    if (o->save != NULL)
        rv_save(o->save, net, opt);
    rv_optim_free(opt);
}

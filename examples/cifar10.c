/* cifar10: trains a convolutional network on photographs, with augmentation.
 *
 * What mnist.c has, and what real images want besides: crops and flips that are new every epoch,
 * made while the network computes; pixels normalized by the training set's mean and standard
 * deviation; a learning rate that falls to 0. classify.c uses the network that is saved here.
 *
 * The defaults are He et al.'s ResNet-20 ("Deep residual learning for image recognition", 2015),
 * in 10 epochs in place of their 164.
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

#include "cifar10_options.h"
#include "command_line.h"
#include "image_input.h"
#include "progress.h"

enum { CLASSES = 10, CHANNELS = 3, SIDE = 32 };

/* The training images, another crop and side of each every epoch. */
static rv_dataset *augmented(const cifar10_options *o, rv_dataset *images, rv_statistics s)
{
    rv_transform list[4];
    int n = 0;
    if (command_has(o->augment, "crop"))
        list[n++] = rv_transform_random_crop(SIDE, SIDE, .padding = 4);
    if (command_has(o->augment, "flip"))
        list[n++] = rv_transform_horizontal_flip();
    list[n++] = rv_transform_normalize(s.mean, s.std);
    if (command_has(o->augment, "cutout"))
        list[n++] = rv_transform_cutout(SIDE / 2); /* 0 is the mean here */
    return rv_data_transform_n(images, n, list);
}

static rv_dataset *normalized(rv_dataset *images, rv_statistics s)
{
    return rv_data_transform(images, rv_transform_normalize(s.mean, s.std));
}

/* Shows the network every training image once; returns the mean loss. The schedule may be NULL. */
static double train_epoch(rv_layer *net, rv_optim *opt, rv_sched *sched, rv_loader *batches,
                          progress *bar)
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
        if (sched != NULL)
            rv_sched_step(sched);

        sum += rv_item(loss) * (double)b.n;
        images += b.n;
        progress_step(bar);
    }
    return sum / (double)images;
}

/* Trains on `images`, and after each epoch measures on `judge`, which is called `name`. */
static void train(const cifar10_options *o, rv_layer *net, rv_dataset *images, rv_dataset *judge,
                  const char *name)
{
    rv_loader *batches =
        rv_data_loader(images, .batch_size = o->batch, .shuffle = true, .drop_last = true);
    const int64_t steps = rv_loader_batches(batches);
    rv_optim *opt = rv_optim_by_name(o->optim, rv_parameters(net), .lr = o->lr,
                                     .momentum = o->momentum, .weight_decay = o->weight_decay);
    /* A plateau is seen after an epoch, by its accuracy; all other schedules go by batches. */
    const bool plateau = strcmp(o->schedule, "plateau") == 0;
    rv_sched *sched = rv_sched_by_name(o->schedule, opt, .mode = RV_SCHED_MORE_IS_BETTER,
                                       .steps = o->epochs * (plateau ? 1 : steps));

    for (int64_t epoch = 1; epoch <= o->epochs; epoch++) {
        char title[64];
        snprintf(title, sizeof title, "epoch %2lld/%lld", (long long)epoch, (long long)o->epochs);
        progress bar = progress_begin(title, "batches", steps);
        const double loss = train_epoch(net, opt, plateau ? NULL : sched, batches, &bar);
        const double seconds = progress_end(&bar), accuracy = rv_accuracy(net, judge);
        printf("%s  train loss %.4f  %s accuracy %.4f  %.2f s\n", title, loss, name, accuracy,
               seconds);
        if (plateau)
            rv_sched_step(sched, accuracy);
        fflush(stdout);
    }

    rv_sched_free(sched);
    rv_optim_free(opt);
    rv_loader_free(batches);
}

int main(int argc, char **argv)
{
    const cifar10_options o = cifar10_options_read(argc, argv);

    rv_on_error(rv_error_exit); /* this script stops at the first error */
    rv_set_threads((int)o.threads);
    rv_seed((uint64_t)o.seed);

    rv_layer *net = rv_model_by_name(o.model, .channels = CHANNELS, .height = SIDE, .width = SIDE,
                                     .classes = CLASSES);
    if (o.load != NULL)
        rv_load(o.load, net);
    if (o.summary)
        rv_layer_summary(net, RV_F32, 1, CHANNELS, SIDE, SIDE);

    rv_dataset *images = rv_data_cifar10(o.data, RV_TRAIN);
    rv_dataset *test_images = rv_data_cifar10(o.data, RV_TEST);
    const rv_statistics s = rv_data_statistics(images); /* of each channel */
    rv_dataset *held = o.validation > 0 ? rv_data_split(images, o.validation) : NULL;
    rv_dataset *validation = held != NULL ? normalized(held, s) : NULL;
    rv_dataset *training = augmented(&o, images, s);
    rv_dataset *test = normalized(test_images, s);

    if (o.epochs > 0 && validation != NULL)
        train(&o, net, training, validation, "validation");
    else if (o.epochs > 0)
        train(&o, net, training, test, "test");
    if (o.save != NULL) {
        rv_layer *input = image_input(o.model, CLASSES, s, images);
        rv_save(o.save, net, input);
        rv_layer_free(input);
    }
    printf("test accuracy %.4f\n", rv_accuracy(net, test));

    rv_data_free(test);
    rv_data_free(training);
    rv_data_free(validation);
    rv_data_free(held);
    rv_data_free(test_images);
    rv_data_free(images);
    rv_layer_free(net);
    rv_finish();
    return 0;
}

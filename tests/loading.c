/* loading.c - a benchmark: what an epoch's loading costs, with and without augmentation.
 *
 * The set has the size of CIFAR-10's training set, 50000 images of 3 by 32 by 32 bytes, with random
 * contents; batches of 128. It prints processor time, of all threads, which depends little on who
 * else computes, and its share of a training step's. A share below a tenth is hidden behind the
 * step, as the loader has a thread of its own.
 *
 *     loading [STEP]      STEP: milliseconds of a training step; default: ResNet-20's, measured
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <ravine.h>

enum { IMAGES = 50000, BATCH = 128, EPOCHS = 5 };

/* Prints the processor time of an epoch: the smallest of some. Takes the set over. */
static void measure(const char *name, rv_dataset *set, double step)
{
    rv_loader *loader = rv_data_loader(set, .batch_size = BATCH, .shuffle = true, .prefetch = 0);
    const double batches = (double)rv_loader_batches(loader);
    double least = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        rv_batch b;
        const double start = bench_processor();
        while (rv_next(loader, &b)) {
        }
        const double taken = bench_processor() - start;
        least = epoch == 0 || taken < least ? taken : least;
    }
    printf("%-36s %7.1f ms an epoch, %6.3f ms a batch, %6.3f %% of a step\n", name, 1e3 * least,
           1e3 * least / batches, 100 * 1e3 * least / batches / step);
    rv_loader_free(loader);
    rv_data_free(set);
}

/* Milliseconds of processor time of a training step of ResNet-20: the smallest of some. */
static double measure_step(void)
{
    RV_SCOPE;
    rv_layer *net = rv_model_resnet(.depth = 20);
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
    rv_tensor *x = rv_randn(RV_F32, BATCH, 3, 32, 32), *y = rv_randint(0, 10, RV_I64, BATCH);
    double least = 0;
    for (int i = 0; i < 5; i++) {
        RV_SCOPE;
        const double start = bench_processor();
        rv_optim_zero_grad(opt);
        rv_backward(rv_cross_entropy(rv_forward(net, x), y));
        rv_optim_step(opt);
        const double taken = bench_processor() - start;
        least = i == 0 || taken < least ? taken : least;
    }
    rv_optim_free(opt);
    rv_layer_free(net);
    return 1e3 * least;
}

int main(int argc, char **argv)
{
    rv_on_error(rv_error_exit);
    rv_seed(1);
    const double step = argc > 1 ? atof(argv[1]) : measure_step();
    printf("%-36s %7.1f ms\n", argc > 1 ? "the training step" : "a training step of ResNet-20",
           step);
    rv_dataset *images = rv_data_tensors(rv_randint(0, 256, RV_U8, IMAGES, 3, 32, 32),
                                         rv_randint(0, 10, RV_I64, IMAGES), .scale = true);
    const double start = bench_processor();
    const rv_statistics s = rv_data_statistics(images);
    printf("%-36s %7.1f ms\n", "mean and standard deviation", 1e3 * (bench_processor() - start));
    const rv_transform crop = rv_transform_random_crop(32, 32, .padding = 4);
    const rv_transform flip = rv_transform_horizontal_flip();
    const rv_transform normalize = rv_transform_normalize(s.mean, s.std);

    measure("as it is", rv_data_transform_n(images, 0, NULL), step);
    measure("normalize", rv_data_transform(images, normalize), step);
    measure("crop, flip, normalize", rv_data_transform(images, crop, flip, normalize), step);
    measure("crop, flip, normalize, cutout",
            rv_data_transform(images, crop, flip, normalize, rv_transform_cutout(16)), step);
    measure("reflecting crop, flip, normalize",
            rv_data_transform(images,
                              rv_transform_random_crop(32, 32, .padding = 4, .reflect = true), flip,
                              normalize),
            step);
    measure("normalize, crop, flip (two passes)", rv_data_transform(images, normalize, crop, flip),
            step);
    measure("without rv_data_transform", images, step);
    rv_finish();
    return 0;
}

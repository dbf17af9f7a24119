/* loading.c - a benchmark: what an epoch's loading costs, with and without augmentation.
 *
 * The set has the size of CIFAR-10's training set, 50000 images of 3 by 32 by 32 bytes, with random
 * contents; batches of 128. It prints processor time, which does not depend on who else computes,
 * and its share of a training epoch, if it is told how long a step (a batch) of that takes. A share
 * below a tenth on another thread than the step's is hidden behind it.
 *
 *     loading [STEP]      STEP: milliseconds of a training step, to compare with
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
    printf("%-36s %7.1f ms an epoch, %6.3f ms a batch", name, 1e3 * least, 1e3 * least / batches);
    if (step > 0)
        printf(", %5.2f %% of a step of %g ms", 100 * 1e3 * least / batches / step, step);
    printf("\n");
    rv_loader_free(loader);
    rv_data_free(set);
}

int main(int argc, char **argv)
{
    const double step = argc > 1 ? atof(argv[1]) : 0;
    rv_on_error(rv_error_exit);
    rv_seed(1);
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

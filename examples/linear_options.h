/* linear_options.h - the command line of linear. */
#ifndef EXAMPLES_LINEAR_OPTIONS_H
#define EXAMPLES_LINEAR_OPTIONS_H

#include <stdint.h>

typedef struct linear_options {
    const char *data;  /* the folder with CIFAR-10's files */
    const char *model; /* "softmax", "svm" or "random" */
    double lr;
    double weight_decay;
    int64_t batch;      /* images to a step */
    int64_t epochs;     /* times that all images are seen; 0: only test */
    int64_t trials;     /* of random search */
    int64_t validation; /* training images kept apart to measure on */
    int64_t seed;
    int64_t threads;       /* 0: one for each processor */
    const char *templates; /* NULL: no picture */
    const char *save;      /* NULL: do not */
    const char *load;      /* NULL: start from random weights */
} linear_options;

/* What the command line says; defaults for what it does not. Says what is wrong with it and ends
 * the process with status 64 if something is. */
linear_options linear_options_read(int argc, char **argv);

#endif

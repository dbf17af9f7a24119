/* mnist_options.h - the command line of mnist. */
#ifndef EXAMPLES_MNIST_OPTIONS_H
#define EXAMPLES_MNIST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mnist_options {
    const char *data;  /* the folder with the four files */
    const char *model; /* "mlp" or "lenet5" */
    int64_t hidden;    /* units of the hidden layer */
    double dropout;    /* how many of them are left out in training */
    const char *optim; /* one of rv_optim_names or rv_minimizer_names; the latter see */
    bool full_batch;   /* all images at each step */
    double lr;         /* RV_BY_NAME_DEFAULT: the optimizer's, as the next two */
    double momentum;
    double weight_decay;
    bool nesterov;
    const char *schedule; /* one of rv_sched_names */
    int64_t batch;        /* images to a step */
    int64_t history;      /* RV_BY_NAME_COUNT: the optimizer's */
    int64_t epochs;       /* times that all images are seen, or iterations; 0: only test */
    int64_t validation;   /* training images kept apart to measure on */
    int64_t seed;
    int64_t threads;    /* 0: one for each processor */
    const char *save;   /* NULL: do not */
    const char *load;   /* NULL: start from random weights */
    const char *resume; /* NULL: do not; of full_batch alone */
} mnist_options;

/* What the command line says; defaults for what it does not. Says what is wrong with it and ends
 * the process with status 64 if something is. */
mnist_options mnist_options_read(int argc, char **argv);

#endif

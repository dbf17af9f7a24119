/* cifar10_options.h - the command line of cifar10. */
#ifndef EXAMPLES_CIFAR10_OPTIONS_H
#define EXAMPLES_CIFAR10_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct cifar10_options {
    const char *data;    /* the folder with the files */
    const char *model;   /* as rv_model_by_name has it */
    const char *augment; /* some of "crop", "flip", "cutout" */
    const char *optim;   /* as rv_optim_by_name has it */
    double lr;
    double momentum;
    double weight_decay;
    const char *schedule; /* as rv_sched_by_name has it */
    int64_t batch;        /* images to a step */
    int64_t epochs;       /* times that all images are seen; 0: only test */
    int64_t validation;   /* training images kept apart to measure on; 0: none */
    int64_t seed;
    int64_t threads;  /* 0: one for each processor */
    bool summary;     /* print a table of the layers */
    const char *save; /* NULL: do not */
    const char *load; /* NULL: start from random weights */
} cifar10_options;

/* What the command line says; defaults for what it does not. Says what is wrong with it and ends
 * the process with status 64 if something is. */
cifar10_options cifar10_options_read(int argc, char **argv);

#endif

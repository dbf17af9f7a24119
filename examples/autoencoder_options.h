/* autoencoder_options.h - the command line of autoencoder. */
#ifndef EXAMPLES_AUTOENCODER_OPTIONS_H
#define EXAMPLES_AUTOENCODER_OPTIONS_H

#include <stdint.h>

typedef struct autoencoder_options {
    const char *set;  /* "mnist" or "cifar10" */
    const char *data; /* the folder with its files */
    int64_t code;     /* numbers that an image is squeezed into */
    double lr;
    int64_t batch;  /* images to a step */
    int64_t epochs; /* times that all images are seen; 0: only test */
    int64_t seed;
    int64_t threads;     /* 0: one for each processor */
    int64_t pictures;    /* how many images are drawn */
    const char *picture; /* the PNG file */
    const char *save;    /* NULL: do not */
    const char *load;    /* NULL: start from random weights */
} autoencoder_options;

/* What the command line says; defaults for what it does not. Says what is wrong with it and ends
 * the process with status 64 if something is. */
autoencoder_options autoencoder_options_read(int argc, char **argv);

#endif

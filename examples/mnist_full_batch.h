/* mnist_full_batch.h - training with methods that see all images at each step. */
#ifndef EXAMPLES_MNIST_FULL_BATCH_H
#define EXAMPLES_MNIST_FULL_BATCH_H

#include <ravine.h>

#include "mnist_options.h"

/* Makes options->epochs iterations, or fewer if the method comes to an end, and says what each has
 * come to. Goes on from options->resume, and writes the network and the optimizer to options->save,
 * unless they are NULL. */
void train_full_batch(const mnist_options *options, rv_layer *net);

#endif

/* models.h - ready models, and measuring them. */
#ifndef RV_MODELS_MODELS_H
#define RV_MODELS_MODELS_H

#include "core/data.h"
#include "layers/layers.h"

RV_BEGIN_C

typedef struct rv_model_mlp_options {
    int64_t inputs;  /* features of a sample; default 784: an image of MNIST; >= 1 */
    int64_t hidden;  /* units of the hidden layer; default 100; >= 1 */
    int64_t classes; /* default 10; >= 1 */
    double dropout; /* the probability that a hidden unit is dropped; default 0: there is no dropout
                       layer; 0 to 1 */
    rv_dtype dtype; /* of the parameters; default RV_F32; or RV_F64 */
} rv_model_mlp_options;

/* rv_model_mlp(.hidden = 300): a multilayer perceptron with one hidden layer (Rumelhart, Hinton and
 * Williams 1986), as a sequential of flatten, linear, relu, dropout if there is any, linear:
 * [n, ..] -> logits [n, classes]. NULL with an error for an option out of its range. */
#define rv_model_mlp(...)                                                             \
    RV_OPTIONS(rv_model_mlp_with, rv_model_mlp_options, .inputs = 784, .hidden = 100, \
               .classes = 10, __VA_ARGS__)
RV_API rv_layer *rv_model_mlp_with(const rv_model_mlp_options *options);

/* The share, from 0 to 1, of the set's samples whose label (I64, [n]) is where the layer's output
 * ([n, classes]) is largest. The layer runs in eval mode, and is in the mode it was in afterwards;
 * nothing is recorded. NaN with an error if the layer, the data, or their shapes fail, or the set
 * is empty; and while an error is unread. */
RV_API double rv_accuracy(rv_layer *layer, const rv_dataset *set);

RV_END_C

#endif

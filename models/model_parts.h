/* model_parts.h - what the makers of models share. Private to models/. */
#ifndef RV_MODELS_MODEL_PARTS_H
#define RV_MODELS_MODEL_PARTS_H

#include "layers/init.h"
#include "layers/layer.h"

/* Whether options were given; false with an error under `who`. */
bool rv_model_given(const char *who, const void *options);

/* Whether the option `name` is from `least` to 2^20, so that products of three cannot overflow;
 * false with an error under `who`. */
bool rv_model_size(const char *who, const char *name, int64_t size, int64_t least);

/* Gives a convolution or linear layer that ReLU follows the start of He et al. (2015): normal
 * weights, no bias. Returns it; frees it if that fails. NULL is passed on. */
rv_layer *rv_model_he(rv_layer *layer, rv_fan_mode mode);

#endif

/* layer_options.h - what the makers of layers ask about options. Private to layers/.
 *
 * Each is false with an error under `who` if the answer is no.
 */
#ifndef RV_LAYERS_LAYER_OPTIONS_H
#define RV_LAYERS_LAYER_OPTIONS_H

#include "core/tensor.h"

/* Whether options were given. */
bool rv_options_given(const char *who, const void *options);

/* Whether parameters can be of that dtype. */
bool rv_options_dtype(const char *who, rv_dtype dtype);

/* Whether the number, called `name`, is at least `least`. */
bool rv_options_least(const char *who, const char *name, int64_t number, int64_t least);

/* Whether a tensor can have such an axis; negative: from the end. */
bool rv_options_axis(const char *who, int axis);

/* An option of `axes` (1 or 2) axes, both at least `least`; or both `other`, unless that is
 * `least`. `resolved` gets both numbers: of one axis, where the second must not be another, twice
 * the first. */
bool rv_options_pair(const char *who, const char *name, int axes, const int64_t given[2],
                     int64_t least, int64_t other, int64_t resolved[2]);

#endif

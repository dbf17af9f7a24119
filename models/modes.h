/* modes.h - a whole model in one mode for a while. Private to models/. */
#ifndef RV_MODELS_MODES_H
#define RV_MODELS_MODES_H

#include "layers/layer.h"

/* The modes of a layer and of everything in it, in the order of a walk. */
typedef struct rv_modes {
    bool *training; /* [count] */
    int64_t count;
} rv_modes;

/* Writes the modes down and puts the layer and everything in it into train or eval mode; a model
 * that is in that mode altogether is not written to, so threads can share it. False with an error
 * under `who`; else rv_modes_end must follow, which puts each back into the mode it was in. */
bool rv_modes_begin(const char *who, rv_modes *modes, rv_layer *layer, bool training);
void rv_modes_end(rv_modes *modes, rv_layer *layer);

#endif

/* layers.h - all layers. How layers are used and written is said in layer.h. */
#ifndef RV_LAYERS_LAYERS_H
#define RV_LAYERS_LAYERS_H

#include "layers/layer.h"
#include "layers/layers_activation.h"
#include "layers/layers_container.h"
#include "layers/layers_conv.h"
#include "layers/layers_network.h"
#include "layers/layers_norm.h"

#endif

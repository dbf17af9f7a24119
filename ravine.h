/* ravine.h - the one header to include.
 *
 * Ravine: tensors, automatic differentiation, layers and optimizers in C. See README.md for a first
 * script, and the header of each room for what it offers.
 */
#ifndef RAVINE_H
#define RAVINE_H

#define RV_VERSION "0.1.0"

#include "core/error.h"
#include "core/memory.h"
#include "core/object.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/scope.h"
#include "core/tasks.h"
#include "core/tensor.h"
#include "core/idx.h"
#include "core/image.h"
#include "core/npy.h"
#include "core/data.h"
#include "core/transform.h"
#include "core/save.h"
#include "autograd/anomaly.h"
#include "autograd/calculus.h"
#include "autograd/custom.h"
#include "autograd/gradcheck.h"
#include "autograd/graph.h"
#include "autograd/hook.h"
#include "autograd/op.h"
#include "autograd/operations.h"
#include "autograd/parts.h"
#include "layers/init.h"
#include "layers/layers.h"
#include "optim/average.h"
#include "optim/clip.h"
#include "optim/optim.h"
#include "optim/optim_class.h"
#include "optim/optim_methods.h"
#include "optim/line_search.h"
#include "optim/minimize.h"
#include "optim/minimize_methods.h"
#include "optim/minimizer.h"
#include "optim/sched.h"
#include "optim/by_name.h"
#include "models/models.h"

#endif

/* layers_container.h - layers that are made of others.
 *
 * Shapes are of x and the result; `..` is any number of axes. All functions return NULL with an
 * error for bad options or when memory is out. Floating means F32 or F64; the dtype option is that
 * of the parameters, and the layer takes and gives tensors of it.
 */
#ifndef RV_LAYERS_LAYERS_CONTAINER_H
#define RV_LAYERS_LAYERS_CONTAINER_H

#include "layers/layer.h"

RV_BEGIN_C

/* One child after the other, named "0", "1", ... A NULL child is an error (the child's own, when
 * making it failed), and all others are freed. */
#define rv_layer_sequential(...)                                     \
    __extension__({                                                  \
        RV_QUIET_BEGIN                                               \
        rv_layer *const rv_children_[] = {__VA_ARGS__};              \
        RV_QUIET_END                                                 \
        rv_layer_sequential_n(rv_children_, RV_COUNT(rv_children_)); \
    })
/* The same with an array; of 0 children: returns its input. */
RV_API rv_layer *rv_layer_sequential_n(rv_layer *const *children, int64_t count);

/* Names for children, in place of their numbers:
 *
 *     rv_layer_sequential(rv_layer_named("conv1", rv_layer_conv2d(3, 16, 3)),
 *                         rv_layer_named("bn1", rv_layer_batch_norm2d(16)))
 *
 * A sequential or concat calls the child so (PyTorch's Sequential of an OrderedDict); a name that
 * was given before is replaced. Returns the layer; with an error, for a NULL layer or a name that
 * is none, it frees the layer and returns NULL. */
RV_API rv_layer *rv_layer_named(const char *name, rv_layer *layer);

typedef struct rv_layer_residual_options {
    rv_layer *body;       /* consumed */
    rv_layer *shortcut;   /* consumed; default NULL: x itself. While an error is unread, NULL is the
                             layer that could not be made */
    rv_layer *activation; /* consumed; of the sum; default NULL: none. NULL as above */
} rv_layer_residual_options;

/* rv_layer_residual(body, .shortcut = rv_layer_conv2d(16, 32, 1, .stride = 2),
 *                   .activation = rv_layer_relu()): activation(body(x) + shortcut(x)) (He et al.
 * 2015). Children "body", "shortcut", "activation". Error, when it runs: the two do not have one
 * shape. */
#define rv_layer_residual(...) \
    RV_OPTIONS(rv_layer_residual_with, rv_layer_residual_options, .body = __VA_ARGS__)
RV_API rv_layer *rv_layer_residual_with(const rv_layer_residual_options *options);

/* What all branches make of x, one behind the other along the axis of channels: [n, a, ..] and
 * [n, b, ..] -> [n, a + b, ..]. Children "0", "1", ... (Szegedy et al. 2014). A NULL branch is an
 * error, and all others are freed. */
#define rv_layer_concat(...)                                        \
    __extension__({                                                 \
        RV_QUIET_BEGIN                                              \
        rv_layer *const rv_branches_[] = {__VA_ARGS__};             \
        RV_QUIET_END                                                \
        rv_layer_concat_n(rv_branches_, RV_COUNT(rv_branches_), 1); \
    })
/* The same with an array of at least 1 branch, and along any axis. */
RV_API rv_layer *rv_layer_concat_n(rv_layer *const *branches, int64_t count, int axis);

RV_END_C

#endif

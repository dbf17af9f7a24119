/* layer.h - layers: what they are, how they are used, and how one is written.
 *
 *     rv_layer *net = rv_layer_sequential(
 *         rv_layer_flatten(),
 *         rv_layer_linear(784, 100), rv_layer_relu(), rv_layer_dropout(0.2),
 *         rv_layer_linear(100, 10));
 *     rv_tensor *logits = rv_forward(net, x);
 *     rv_layer_free(net);
 *
 * A layer is a class (a const struct of functions) and an instance, which holds parameters, buffers
 * and children, all of them under names, and is in train or eval mode. Layers are counted: the
 * caller holds the one reference of what a function here returns. A container takes over the
 * reference of each child it is given, also when it fails; then it gives it back for the caller.
 *
 * The layers themselves are in layers_network.h, layers_conv.h, layers_norm.h, layers_activation.h
 * and layers_container.h; layers.h is all of them.
 *
 * Names are PyTorch's: the path of children's names, then the parameter's, joined by dots
 * ("1.weight"). They are the names in rv_state, and so in the file that rv_save writes.
 */
#ifndef RV_LAYERS_LAYER_H
#define RV_LAYERS_LAYER_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_layer rv_layer;

/* ---- using layers ---------------------------------------------------------------------------- */

/* What the layer makes of x: a tensor that the innermost scope owns. Runs in a scope of its own, so
 * that what is made on the way, and backward does not need, is gone at once. NULL for a NULL layer
 * or x; NULL with an error if the layer fails, whose message begins with the failing child's path:
 * `sequential.1 linear: input [8,3] and weight [10,4] do not fit: ...`. Several threads may run one
 * layer. */
RV_API rv_tensor *rv_forward(rv_layer *layer, rv_tensor *x);

/* Train mode (true, as layers are made) or eval mode (false), for the layer and everything in it:
 * dropout drops in train mode only. False with an error for NULL. */
RV_API bool rv_layer_train(rv_layer *layer, bool on);
/* Which mode; false for NULL. */
RV_API bool rv_layer_is_training(const rv_layer *layer);

/* Freezes (true) or thaws (false) all parameters of a layer and of everything in it: frozen ones
 * require no gradient, and an optimizer that has them passes them over. A parameter that is tied is
 * frozen in all its places. Modes stay as they are: running statistics of a frozen batch norm go on
 * moving unless that part is in eval mode. False with an error for NULL. */
RV_API bool rv_layer_freeze(rv_layer *layer, bool on);

/* Those of rv_parameters that are not frozen, in an array that the innermost scope owns: for an
 * optimizer made after freezing. */
RV_API rv_tensors rv_trainable_parameters(const rv_layer *layer);

/* Begins (true) to average the running statistics of a layer and of everything in it: they are
 * reset, and are then the plain mean over all batches seen in train mode, until that ends (false)
 * and they move as before. Returns how many layers in it have such statistics (batch norms), one in
 * two places being counted twice; -1 with an error for NULL. rv_update_batch_norm does all of it.
 */
RV_API int64_t rv_layer_average_statistics(rv_layer *layer, bool on);

typedef struct rv_layer_totals {
    int64_t parameters;    /* how many numbers are parameters, each once, */
    int64_t trainable;     /* and how many of these are not frozen */
    int64_t multiply_adds; /* how many multiplications with an addition one forward needs */
} rv_layer_totals;

/* rv_layer_summary(net, RV_F32, 1, 3, 32, 32): prints a table of the layers with their outputs'
 * shapes, parameters and multiply-adds, and the totals, to stdout, for an input of that dtype and
 * shape. The net runs once, on zeros, in eval mode, without being recorded; then it is in the modes
 * it was in. Each layer stands under the name it has in its container. What stands in two places is
 * listed in both, its parameters (as tied ones) and what is in it only in the first; a layer that
 * runs several times counts its multiply-adds each time. Counted are those of layers whose class
 * says how many (linear and convolutions). No other thread may run the net meanwhile. False with an
 * error if the net fails or the table cannot be written. */
#define rv_layer_summary(layer, ...)                                                             \
    __extension__({                                                                              \
        RV_QUIET_BEGIN                                                                           \
        const int64_t rv_summary_[] = {__VA_ARGS__};                                             \
        RV_QUIET_END                                                                             \
        rv_layer_summary_n(stdout, (layer), (rv_dtype)rv_summary_[0], RV_COUNT(rv_summary_) - 1, \
                           rv_summary_ + 1, NULL);                                               \
    })
/* The same to any file (NULL: none), with the totals in *totals unless it is NULL. */
RV_API bool rv_layer_summary_n(FILE *file, rv_layer *layer, rv_dtype dtype, int ndim,
                               const int64_t *shape, rv_layer_totals *totals);

/* The parameters of a layer and of everything in it, each once, in PyTorch's order: a layer's own
 * as they were added, then its children's. The view is borrowed: valid until something is added to
 * the layer or it is freed. None, with an error, for NULL. */
RV_API rv_tensors rv_parameters(const rv_layer *layer);

/* A parameter, buffer or child by its name, or by its path: rv_layer_parameter(net, "1.weight"). It
 * belongs to the layer, and lives as long. NULL with an error if there is none of that name. */
RV_API rv_tensor *rv_layer_parameter(const rv_layer *layer, const char *name);
RV_API rv_tensor *rv_layer_buffer(const rv_layer *layer, const char *name);
RV_API rv_layer *rv_layer_child(const rv_layer *layer, const char *name);

/* How many children (0 with an error for NULL), and child i, counted from 0 in the order they were
 * added; NULL with an error if i is out of range. */
RV_API int64_t rv_layer_child_count(const rv_layer *layer);
RV_API rv_layer *rv_layer_child_at(const rv_layer *layer, int64_t i);

/* Adds a reference, so that a layer can stand in two places, and returns the layer:
 * rv_layer_sequential(a, rv_layer_relu(), rv_layer_retain(a)). It then has one set of parameters,
 * with the names of its first place, also in a file, which has them once. So it is with parameters
 * that are tied: one tensor added to two layers. NULL is passed on. */
RV_API rv_layer *rv_layer_retain(rv_layer *layer);

/* Drops the caller's reference; NULL is ignored. */
RV_API void rv_layer_free(rv_layer *layer);

/* ---- writing a layer ------------------------------------------------------------------------- *
 *
 * The library's layers are written with nothing but this. All of a layer that scales its input by a
 * parameter:
 *
 *     static rv_tensor *scale_forward(rv_layer *self, rv_tensor *x)
 *     {
 *         return rv_mul(x, rv_layer_parameter(self, "weight"));
 *     }
 *     static const rv_layer_class scale_class = {
 *         .name = "scale", .size = sizeof(rv_layer), .forward = scale_forward};
 *
 *     rv_layer *scale(int64_t features)
 *     {
 *         RV_SCOPE;
 *         rv_layer *layer = rv_layer_new(&scale_class);
 *         rv_layer_add_parameter(layer, "weight", rv_ones(RV_F32, features));
 *         return rv_layer_complete(layer);
 *     }
 *
 * A layer with fields of its own has a struct that begins with an rv_layer, and .size is that of
 * the struct. A layer that is made of others adds them as children and calls rv_forward on them. */

typedef struct rv_layer_class {
    const char *name; /* "linear": what messages call it */
    size_t size;      /* of an instance in bytes: of a struct that begins with an rv_layer */
    /* The result, or NULL after an error. A tensor made here lives to the end of the call, unless
     * it is the result, a field retains it (rv_retain), or backward needs it. */
    rv_tensor *(*forward)(rv_layer *self, rv_tensor *x);
    /* Frees what the instance holds besides parameters, buffers and children; NULL: nothing. */
    void (*destroy)(rv_layer *self);
    /* Called after the mode was set; NULL: there is nothing to do. */
    void (*train)(rv_layer *self, bool on);
    /* What rv_layer_average_statistics asks of a layer with running statistics: true resets them
     * and begins, false ends. NULL: it has none. */
    void (*average_statistics)(rv_layer *self, bool on);
    /* How many multiplications with an addition the layer itself, without its children, needs to
     * make y of x: for rv_layer_summary; NULL: none worth counting. */
    int64_t (*multiply_adds)(const rv_layer *self, const rv_tensor *x, const rv_tensor *y);
} rv_layer_class;

/* What an instance begins with. Read its fields; change none. */
struct rv_layer {
    rv_object object;
    const rv_layer_class *layer_class;
    struct rv_layer_parts *parts; /* parameters, buffers, children */
    bool training;
};

/* An instance of class->size bytes in train mode, its fields 0. `layer_class` must live as long. */
RV_API rv_layer *rv_layer_new(const rv_layer_class *layer_class);

/* These add to a layer that is being made, until it stands in a container itself; after that,
 * adding is an error. Names are of 1 to 63 characters without a dot, and each of a layer's
 * parameters, buffers and children has another. A failure is remembered for rv_layer_complete; the
 * layer stays as it was. Layers are at most 32 deep.
 *
 * rv_layer_add_parameter makes `tensor` (floating, not computed from others that require a
 * gradient) require a gradient, holds it and returns it. rv_layer_add_buffer holds and returns a
 * tensor that is state but not learned (it must not require a gradient). rv_layer_add_child takes
 * over the caller's reference of `child`, also when it fails, and returns the child. NULL with an
 * error. */
RV_API rv_tensor *rv_layer_add_parameter(rv_layer *layer, const char *name, rv_tensor *tensor);
RV_API rv_tensor *rv_layer_add_buffer(rv_layer *layer, const char *name, rv_tensor *tensor);
RV_API rv_layer *rv_layer_add_child(rv_layer *layer, const char *name, rv_layer *child);

/* The same for several children, all of which are taken over: each is named as rv_layer_named named
 * it, or by its number, "0", "1", ... False with an error. */
RV_API bool rv_layer_add_children(rv_layer *layer, rv_layer *const *children, int64_t count);

/* Returns the layer if everything that was added to it was; else frees it and returns NULL: the
 * last line of a function that makes one. */
RV_API rv_layer *rv_layer_complete(rv_layer *layer);

RV_END_C

#endif

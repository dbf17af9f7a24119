/* object.h - the common header of everything that is counted, and what can be saved.
 *
 * A tensor, a layer, an optimizer, a loader begins with an rv_object: it says what kind of thing it
 * is, and counts who holds it. Counting is atomic, so any thread may hold any object.
 */
#ifndef RV_CORE_OBJECT_H
#define RV_CORE_OBJECT_H

#include "core/macros.h"

RV_BEGIN_C

typedef struct rv_tensor rv_tensor;
typedef struct rv_object rv_object;

/* Called with each named tensor of an object's state; returning false stops the walk. */
typedef bool rv_state_visit(void *context, const char *name, rv_tensor *tensor);

/* What a kind of object knows how to do. */
typedef struct rv_object_class {
    const char *kind; /* "tensor", "layer", "optimizer", ... */
    /* Frees the object; called when nobody holds it any more. */
    void (*destroy)(rv_object *object);
    /* Calls visit(context, name, tensor) for each tensor that saving must keep, in a fixed order;
     * the tensors are the object's own, so writing into them loads them. False if a visit said
     * false. NULL: this kind cannot be saved. */
    bool (*state)(rv_object *object, rv_state_visit *visit, void *context);
    /* The same under every name that a tensor goes by (a layer may stand in two places), not only
     * under its first; NULL: each has one. */
    bool (*names)(rv_object *object, rv_state_visit *visit, void *context);
} rv_object_class;

#define RV_OBJECT_ALIVE 0x5256414Cu /* "RVAL" */
#define RV_OBJECT_ENDED 0x52564544u /* "RVED": only debug builds keep such objects about */

struct rv_object {
    const rv_object_class *object_class;
    uint32_t mark;      /* RV_OBJECT_ALIVE */
    int32_t references; /* atomic; touch it only through the calls below */
};

/* Starts an object with one reference, held by the caller. */
RV_API void rv_object_init(rv_object *object, const rv_object_class *object_class);

/* Adds a reference; NULL is ignored. The caller must itself hold one, or know who does. */
RV_API void rv_object_retain(rv_object *object);

/* Drops a reference, and with the last one the object; NULL is ignored. */
RV_API void rv_object_release(rv_object *object);

/* Drops a reference and says whether it was the last: then the caller must destroy the object. */
RV_API bool rv_object_drop(rv_object *object);

/* Walks the tensors that make up the state of an object (a layer: its parameters and buffers, under
 * PyTorch's names; an optimizer: what it keeps for each parameter), in a fixed order. False if a
 * visit returned false, or `object` is NULL or of a kind without state (an error). */
RV_API bool rv_state(void *object, rv_state_visit *visit, void *context);

/* The same, but a tensor that is tied comes under each of its names. */
RV_API bool rv_state_names(void *object, rv_state_visit *visit, void *context);

RV_END_C

#endif

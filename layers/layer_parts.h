/* layer_parts.h - what a layer holds. Private to layers/; no layer class uses it. */
#ifndef RV_LAYERS_LAYER_PARTS_H
#define RV_LAYERS_LAYER_PARTS_H

#include "layers/layer.h"

#define RV_LAYER_NAME_BYTES 64 /* of a name, with the zero at its end */
#define RV_LAYER_MOST_DEPTH 32 /* layers in layers: so walks may recurse */

/* A parameter, buffer or child under its name. */
typedef struct rv_part {
    char name[RV_LAYER_NAME_BYTES];
    union {
        rv_tensor *tensor; /* held */
        rv_layer *layer;   /* held */
    };
} rv_part;

typedef struct rv_part_list {
    rv_part *items; /* [count of capacity] */
    int64_t count, capacity;
} rv_part_list;

typedef struct rv_tensor_list {
    rv_tensor **items; /* [count of capacity] */
    int64_t count, capacity;
} rv_tensor_list;

/* The layer's own tensors of one sort; and all that are in it and its children, each once, in the
 * order in which a walk first meets them. `all` holds nothing: the owners do. */
typedef struct rv_tensor_parts {
    rv_part_list own;
    rv_tensor_list all;
} rv_tensor_parts;

typedef enum rv_sort { RV_SORT_PARAMETER, RV_SORT_BUFFER, RV_SORT_COUNT } rv_sort;

/* Who is told of what a layer made of x: rv_layer_summary. */
typedef struct rv_layer_watch rv_layer_watch;
struct rv_layer_watch {
    void (*seen)(rv_layer_watch *watch, const rv_layer *layer, const rv_tensor *x,
                 const rv_tensor *y);
};

struct rv_layer_parts {
    rv_layer_watch *watch; /* NULL: nobody */
    rv_tensor_parts tensors[RV_SORT_COUNT];
    rv_part_list children;
    int64_t places; /* in how many containers it stands: then nothing can be added, so that `all`
                       and `depth` of those stay right, and no layer can come to contain itself */
    int depth;      /* 1 without children */
    bool failed;    /* something could not be added */
    char given_name[RV_LAYER_NAME_BYTES]; /* by rv_layer_named; empty: none */
};

/* Whether the layer may be used; false with an error under `who`. */
bool rv_layer_check(const char *who, const rv_layer *layer);

/* Gives back everything that the layer holds. */
void rv_layer_parts_free(rv_layer *layer);

/* The child's name in a layer; NULL if it is not in it. */
const char *rv_layer_name_of(const rv_layer *layer, const rv_layer *child);

#endif

/* optim_parts.h - what an optimizer is made of. Private to optim/. */
#ifndef RV_OPTIM_PARTS_H
#define RV_OPTIM_PARTS_H

#include "optim/optim.h"

/* One parameter, and what is kept for it. */
typedef struct rv_optim_slot {
    rv_tensor *parameter;                  /* held */
    rv_tensor *state[RV_OPTIM_MOST_STATE]; /* held, row-major; NULL before the first step, and where
                                              the options do not use it */
    /* During a step; owned by its scope. */
    rv_tensor *gradient; /* NULL: the parameter is left alone */
    rv_tensor *value;    /* what becomes the parameter's new value */
    rv_tensor *next_state[RV_OPTIM_MOST_STATE];
    int64_t first_piece; /* its number among the pieces of all parameters */
} rv_optim_slot;

struct rv_optim {
    rv_object object;
    const rv_optim_class *optim_class;
    void *options;        /* a copy of the caller's; NULL if the class has none */
    int64_t count;        /* of parameters */
    rv_optim_slot *slots; /* [count] */
    rv_tensor *steps;     /* I64 [count]; how many steps each parameter took */
    rv_tensor *lr;        /* F64, 0-d */
};

/* Whether the optimizer may be used; false with an error under `who`. */
bool rv_optim_check(const char *who, const rv_optim *opt);

/* Makes the state tensors that a slot lacks, of zeros. False with an error. */
bool rv_optim_make_state(const char *who, const rv_optim *opt, rv_optim_slot *slot);

/* Whether an option is a finite number >= `low`; false with an error. */
bool rv_optim_check_option(const char *who, const char *name, double value, double low);

/* Whether a learning rate is finite and > 0; false with an error. */
bool rv_optim_check_lr(const char *who, double lr);

#endif

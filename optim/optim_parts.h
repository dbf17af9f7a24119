/* optim_parts.h - what an optimizer is made of. Private to optim/; no method needs it. */
#ifndef RV_OPTIM_PARTS_H
#define RV_OPTIM_PARTS_H

#include "optim/optim_class.h"

/* One parameter, and what is kept for it. */
typedef struct rv_optim_slot {
    rv_tensor *parameter;                  /* held */
    rv_tensor *state[RV_OPTIM_MOST_STATE]; /* held, row-major; NULL before the first step, and where
                                              the options do not use it */
    int64_t group;
    /* During a step; tensors are owned by its scope. */
    rv_tensor *gradient; /* row-major; NULL: the parameter is left alone */
    rv_tensor *value;    /* what becomes the parameter's new value */
    rv_tensor *next_state[RV_OPTIM_MOST_STATE];
    double next_scalars[RV_OPTIM_MOST_SCALARS];
    double factors[RV_OPTIM_MOST_FACTORS];
    int64_t first_piece; /* its number among the pieces of all parameters */
} rv_optim_slot;

/* Parameters with options of their own: slots first .. first + count - 1. */
typedef struct rv_optim_group {
    void *options;          /* a copy of the caller's, but for lr and momentum: those of now */
    rv_optim_common common; /* what it begins with */
    int64_t first, count;
} rv_optim_group;

struct rv_optim {
    rv_object object;
    const rv_optim_class *optim_class;
    int64_t group_count, count;         /* of groups, of parameters */
    rv_optim_group *groups;             /* [group_count] */
    rv_optim_slot *slots;               /* [count] */
    rv_tensor *lr;                      /* F64 [group_count], or 0-d for one */
    rv_tensor *momentum;                /* likewise; NULL if the class has none */
    rv_tensor *steps;                   /* I64 [count]; how many steps each parameter made */
    rv_tensor *scalars;                 /* F64 [count, scalar_count]; NULL if the class has none */
    rv_tensor *made;                    /* I64 [2]; steps made, steps skipped */
    bool is_minimizing;                 /* a call of rv_optim_minimize is under way */
    struct rv_minimizer_run *minimizer; /* of a method that evaluates the loss again; or NULL */
};

/* Whether the optimizer may be used; false with an error under `who`. */
bool rv_optim_check(const char *who, const rv_optim *opt);

/* Whether all parameters can be updated, beside those that `opt` (NULL: none) has; false with an
 * error under `who`. */
bool rv_optim_check_parameters(const char *who, const rv_optim *opt, const rv_tensors *parameters);

/* Whether a learning rate is finite and >= 0; false with an error. */
bool rv_optim_check_lr(const char *who, double lr);

/* Lets a group's options have this learning rate, or momentum, which must fit: false with an error,
 * and nothing changed, if it does not. The tensors that are saved are the caller's business. */
void rv_optim_put_lr(rv_optim_group *group, double lr);
bool rv_optim_put_momentum(const char *who, const rv_optim *opt, int64_t group, double momentum);

/* Makes the state tensors that a slot lacks, and gives those of a parameter without a step the
 * values that they start with. False with an error. */
bool rv_optim_make_state(const char *who, const rv_optim *opt, int64_t slot);

/* The numbers that are kept for a slot. */
static inline int64_t *rv_optim_step_of(const rv_optim *opt, int64_t slot)
{
    return (int64_t *)opt->steps->data + slot;
}
static inline double *rv_optim_scalars_of(const rv_optim *opt, int64_t slot)
{
    return opt->scalars == NULL
               ? NULL
               : (double *)opt->scalars->data + slot * opt->optim_class->scalar_count;
}

/* rv_object_class's state of an optimizer. */
bool rv_optim_state(rv_object *object, rv_state_visit *visit, void *context);

/* What a group's common options ask for before the method's own formula, of some elements: the
 * gradient into `changed` (of e->count elements), the parameter in place. */
void rv_optim_decay(const rv_optim_common *common, const rv_optim_elements *e, void *changed);
/* Whether that changes the gradient, or anything at all. */
bool rv_optim_changes_gradient(const rv_optim_common *common);
bool rv_optim_changes_anything(const rv_optim_common *common);
/* The same of whole tensors: u->gradient and u->parameter are replaced; false with an error. */
bool rv_optim_decay_tensors(const rv_optim_common *common, rv_optim_update *u);

#endif

/* optim_class.h - what all optimizers share, and how one is written.
 *
 * A class says what is kept for each parameter, and how a parameter is updated, in one of two ways:
 * `update_elements` is a loop over elements, for methods that treat each element by itself, which
 * runs on all threads at once; `update` a function of whole tensors, written with operations. The
 * library's own are written like this. Sign descent with momentum, all of it:
 *
 *     typedef struct signum_options {
 *         RV_OPTIM_COMMON;
 *         double momentum; // default 0.9
 *     } signum_options;
 *
 *     RV_OPTIM_ELEMENTS(signum_update, {
 *         const signum_options *o = e->options;
 *         const real lr = (real)e->lr, momentum = (real)o->momentum;
 *         const real *g = e->gradient;
 *         real *p = e->parameter, *m = e->state[0];
 *         for (int64_t i = 0; i < e->count; i++) {
 *             m[i] = momentum * m[i] + (1 - momentum) * g[i];
 *             p[i] -= lr * (real)((m[i] > 0) - (m[i] < 0));
 *         }
 *     })
 *
 *     static const rv_optim_class signum_class = {.name = "signum",
 *                                                 .options_size = sizeof(signum_options),
 *                                                 .state_count = 1,
 *                                                 .state_names = {"momentum_buffer"},
 *                                                 .update_elements = signum_update};
 *
 *     rv_optim *opt = rv_optim_new(&signum_class, &(signum_options){
 *         .parameters = rv_parameters(net), .lr = 1e-3, .momentum = 0.9});
 *
 * Groups, saving, decay, maximizing, all or nothing: the library does that for every class.
 */
#ifndef RV_OPTIM_OPTIM_CLASS_H
#define RV_OPTIM_OPTIM_CLASS_H

#include "core/wide.h"
#include "optim/optim.h"

RV_BEGIN_C

/* ---- what all options begin with ------------------------------------------------------------- */

/* What a step does when a gradient has a NaN or an infinity. */
typedef enum rv_optim_nonfinite {
    RV_NONFINITE_APPLY, /* it does not look, and applies them: as PyTorch */
    RV_NONFINITE_SKIP,  /* the step changes nothing, in any group, and is counted as skipped */
    RV_NONFINITE_STOP,  /* the step is an error that names the parameter, and changes nothing */
    RV_NONFINITE_COUNT
} rv_optim_nonfinite;

/* In formulas, p is a parameter, g its gradient. What is asked for is done in this order, before
 * the method's own formula: g = -g (maximize); p = p * (1 - lr*weight_decay) (decoupled), or
 * g = g + weight_decay*p; g = g + l1_decay*sign(p). All numbers must be finite.
 *
 *     parameters    required; leaves that require gradients, none twice, none sharing memory;
 *                   borrowed during the call, the optimizer holds them
 *     lr            the learning rate; > 0; each method has its default
 *     weight_decay  >= 0; default 0 (AdamW and Muon: their own)
 *     l1_decay      >= 0; default 0; g + l1_decay*sign(p)
 *     decoupled     weight decay as AdamW's (Loshchilov and Hutter 2019); default false
 *     maximize      default false
 *     nonfinite     default RV_NONFINITE_APPLY
 *     join          default NULL; an optimizer of the same class that gets these parameters as one
 *                   more group with these options, and is returned: no new one is made */
#define RV_OPTIM_COMMON           \
    rv_tensors parameters;        \
    double lr;                    \
    double weight_decay;          \
    double l1_decay;              \
    bool decoupled;               \
    bool maximize;                \
    rv_optim_nonfinite nonfinite; \
    rv_optim *join

/* The options of a class that has none of its own. */
typedef struct rv_optim_common {
    RV_OPTIM_COMMON;
} rv_optim_common;

/* ---- a class --------------------------------------------------------------------------------- */

#define RV_OPTIM_MOST_STATE 8   /* tensors kept for each parameter */
#define RV_OPTIM_MOST_SCALARS 4 /* numbers kept for each parameter */
#define RV_OPTIM_MOST_FACTORS 8 /* numbers that a step computes for each parameter */

/* What a class can refuse of the common options: a sum of these. */
#define RV_OPTIM_NO_WEIGHT_DECAY 1u
#define RV_OPTIM_NO_DECOUPLED 2u
#define RV_OPTIM_NO_L1_DECAY 4u
#define RV_OPTIM_NO_MAXIMIZE 8u

/* A parameter's step before it is made, for `prepare`. */
typedef struct rv_optim_prepare {
    double lr;
    int64_t step;        /* 1 in the parameter's first */
    const void *options; /* the group's copy of them */
    double *scalars;     /* [scalar_count] to be read, and replaced by what is kept from now on */
    double *factors;     /* [RV_OPTIM_MOST_FACTORS] zeros; to be written: what the update needs */
} rv_optim_prepare;

/* Some elements of a parameter, for `update_elements`: arrays of `count` that do not overlap, to be
 * changed in place. */
typedef struct rv_optim_elements {
    rv_dtype dtype; /* F32 or F64, of all arrays */
    int64_t count;
    void *parameter;
    const void *gradient;
    void *const *state; /* [state_count]; NULL where the options do not use it */
    double lr;
    int64_t step;
    const void *options;
    const double *factors; /* what `prepare` wrote */
} rv_optim_elements;

/* A whole parameter, for `update`. Everything here is to be read, but for `state`. */
typedef struct rv_optim_update {
    rv_tensor *parameter;
    rv_tensor *gradient; /* of the parameter's shape and dtype, row-major */
    rv_tensor **state;   /* [state_count] what was kept; to be replaced by what is kept from now on
                            (NULL where the options do not use it) */
    double lr;
    int64_t step;
    const void *options;
    const double *factors;
} rv_optim_update;

typedef struct rv_optim_class {
    const char *name;       /* "optim_sgd": what messages call it */
    size_t options_size;    /* of its options in bytes; they begin with RV_OPTIM_COMMON. 0: they are
                               an rv_optim_common */
    size_t momentum_offset; /* offsetof(its options, the double that rv_optim_set_group_momentum
                               sets); 0: there is none */
    unsigned refuses;       /* RV_OPTIM_NO_...: common options that must keep their default */

    /* Tensors of the parameter's shape and dtype, and F64 numbers, kept for each parameter. */
    int state_count;
    const char *state_names[RV_OPTIM_MOST_STATE]; /* [state_count] PyTorch's names */
    int scalar_count;
    const char *scalar_names[RV_OPTIM_MOST_SCALARS]; /* [scalar_count] */

    /* All these may be NULL. Options are the whole struct, its lr and momentum those of now. */

    /* Whether the method's own options are in their ranges; false with an error under the class's
     * name. What is in RV_OPTIM_COMMON has been checked. NULL: there is nothing to check. */
    bool (*validate)(const void *options);
    /* Whether the method can update this parameter; false with an error. NULL: any. */
    bool (*accepts)(const void *options, const rv_tensor *parameter);
    /* Whether state tensor i is used with these options. NULL: always. */
    bool (*uses_state)(const void *options, int i);
    /* What every element of state tensor i, and scalar i, is before the parameter's first step.
     * NULL: 0. */
    double (*state_start)(const void *options, int i);
    double (*scalar_start)(const void *options, int i);
    /* Called for each parameter and step, on the calling thread, before any update: for what is the
     * same for all elements, as powers of betas. Cannot fail. */
    void (*prepare)(rv_optim_prepare *p);

    /* One of these three. */

    /* Updates some elements. Called on any thread; must not fail or allocate tensors. */
    void (*update_elements)(const rv_optim_elements *e);
    /* The parameter's new value, of its shape and dtype, and in u->state the new state; NULL after
     * an error. Nothing is recorded, and nothing may be changed in place: the library puts the new
     * values into the parameters when all of them have been computed. */
    rv_tensor *(*update)(rv_optim_update *u);
    /* A method that evaluates the loss again, for rv_optim_minimize: minimizer.h. */
    const struct rv_minimizer_class *minimizer;
} rv_optim_class;

/* An optimizer of that class, which must live as long, with a copy of the options (pointers in them
 * are not followed). The caller holds its one reference; with .join it is that optimizer, and no
 * reference is added. NULL with an error, and nothing changed, for an option out of its range or
 * NaN; no parameters; one that is NULL, given twice, or no leaf that requires a gradient; elements
 * that share memory, of one or of two; a class that lacks something; a `join` of another class. */
RV_API rv_optim *rv_optim_new(const rv_optim_class *optim_class, const void *options);

/* ---- helpers for classes --------------------------------------------------------------------- */

/* RV_OPTIM_ELEMENTS(name, { body }) defines a static function `name` for `update_elements` from a
 * body written once for float and double, which it calls `real`; `e` is its rv_optim_elements. It
 * is compiled for wide vectors too (core/wide.h). With <tgmath.h>, sqrt and its like are those of
 * `real`; RV_INDEPENDENT before the loop says that the arrays do not overlap, and -O3 with
 * -fno-math-errno lets compilers make vector code of it. */
#define RV_OPTIM_ELEMENTS(name, ...)                                                         \
    RV_WIDE(name##_F32, (const rv_optim_elements *e), (e), typedef float real; __VA_ARGS__)  \
    RV_WIDE(name##_F64, (const rv_optim_elements *e), (e), typedef double real; __VA_ARGS__) \
    static void name(const rv_optim_elements *e)                                             \
    {                                                                                        \
        (e->dtype == RV_F32 ? name##_F32 : name##_F64)(e);                                   \
    }

/* For `validate`: whether an option is finite and >= low, finite and > low, or >= 0 and < 1; false
 * with an error under `who` that names it. */
RV_API bool rv_optim_check_least(const char *who, const char *name, double value, double low);
RV_API bool rv_optim_check_above(const char *who, const char *name, double value, double low);
RV_API bool rv_optim_check_fraction(const char *who, const char *name, double value);

RV_END_C

#endif

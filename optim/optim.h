/* optim.h - optimizers: what changes parameters by their gradients, and how one is written.
 *
 *     rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
 *     ...
 *         rv_optim_zero_grad(opt);
 *         rv_backward(loss);
 *         rv_optim_step(opt);
 *     ...
 *     rv_optim_free(opt);
 *
 * Update rules, defaults and order of operations are PyTorch's current ones. An optimizer holds the
 * parameters that it updates, so they outlive the layer they came from; any leaf that requires a
 * gradient is a parameter: rv_optim_adam(RV_TENSORS(a, b)).
 *
 * Its state can be saved (rv_save): "lr", and for each parameter, numbered in their order, how many
 * steps it took and what the method keeps: "state.0.step", "state.0.momentum_buffer". Stopping
 * after any step and going on from the file gives the same numbers, bit for bit.
 */
#ifndef RV_OPTIM_OPTIM_H
#define RV_OPTIM_OPTIM_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_optim rv_optim;

/* ---- using optimizers ------------------------------------------------------------------------ */

/* Updates every parameter that has a gradient; one that has none is left alone: no state, no decay,
 * no step counted. All or nothing: false with an error, and nothing changed, if a gradient does not
 * fit or memory is out; false while an error is unread, so that no step is made with what a failed
 * backward left. */
RV_API bool rv_optim_step(rv_optim *opt);

/* Drops the gradients of all parameters (as PyTorch's set_to_none). False with an error for NULL.
 */
RV_API bool rv_optim_zero_grad(rv_optim *opt);

/* The learning rate that the next step uses: NaN with an error for NULL; false with an error if it
 * is not finite and > 0. Saved and loaded with the state: after rv_load it is the one of the file.
 */
RV_API double rv_optim_lr(const rv_optim *opt);
RV_API bool rv_optim_set_lr(rv_optim *opt, double lr);

/* Drops the caller's reference; NULL is ignored. */
RV_API void rv_optim_free(rv_optim *opt);

/* ---- the optimizers -------------------------------------------------------------------------- *
 *
 * In formulas, p is a parameter, g its gradient, t the steps it took, this one included; decay
 * comes first: g = g + weight_decay*p. All return an optimizer whose one reference the caller
 * holds, or NULL with an error: an option out of its range or NaN; no parameters; one that is NULL,
 * given twice, or no leaf that requires a gradient; elements that share memory, of one or of two.
 * All numbers must be finite. Parameters and gradients may lie in memory in any order. */

typedef struct rv_sgd_options {
    rv_tensors parameters;
    double lr;           /* default 1e-3; > 0 */
    double momentum;     /* default 0; >= 0 */
    double dampening;    /* default 0; >= 0; how much less of g goes into the buffer */
    double weight_decay; /* default 0; >= 0 */
    bool nesterov;       /* default false; needs momentum > 0 and dampening 0 */
} rv_sgd_options;

/* Stochastic gradient descent: with momentum, b = g in the first step, then
 * b = momentum*b + (1 - dampening)*g, and g = b, or g + momentum*b with nesterov (Sutskever et al.
 * 2013, as PyTorch has it); p = p - lr*g. State: momentum_buffer, if momentum > 0. */
#define rv_optim_sgd(...) \
    RV_OPTIONS(rv_optim_sgd_with, rv_sgd_options, .lr = 1e-3, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_sgd_with(const rv_sgd_options *options);

typedef struct rv_adam_options {
    rv_tensors parameters;
    double lr;           /* default 1e-3; > 0 */
    double betas[2];     /* default 0.9, 0.999; each >= 0 and < 1 */
    double eps;          /* default 1e-8; >= 0 */
    double weight_decay; /* default 0; >= 0 */
} rv_adam_options;

/* Adam (Kingma and Ba 2015): m = betas[0]*m + (1 - betas[0])*g, v = betas[1]*v + (1 -
 * betas[1])*g^2, p = p - lr/(1 - betas[0]^t) * m / (sqrt(v)/sqrt(1 - betas[1]^t) + eps). State:
 * exp_avg (m) and exp_avg_sq (v). */
#define rv_optim_adam(...)                                                             \
    RV_OPTIONS(rv_optim_adam_with, rv_adam_options, .lr = 1e-3, .betas = {0.9, 0.999}, \
               .eps = 1e-8, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_adam_with(const rv_adam_options *options);

/* ---- writing an optimizer -------------------------------------------------------------------- *
 *
 * A class says what is kept for each parameter, and how a parameter is updated, in one of two ways:
 * `update` is a function of whole tensors, written with operations; `update_elements` a loop over
 * elements, for methods that treat each element by itself, which runs on all threads at once. The
 * library's own are written like this. All of Lion (Chen et al. 2023) without decay:
 *
 *     static rv_tensor *lion_update(rv_optim_update *u)
 *     {
 *         rv_tensor *m = u->state[0], *g = u->gradient;
 *         rv_tensor *c = rv_add(rv_mul_scalar(m, 0.9), rv_mul_scalar(g, 0.1));
 *         rv_tensor *up = rv_cast(rv_gt_scalar(c, 0), c->dtype);
 *         rv_tensor *down = rv_cast(rv_lt_scalar(c, 0), c->dtype);
 *         u->state[0] = rv_add(rv_mul_scalar(m, 0.99), rv_mul_scalar(g, 0.01));
 *         return rv_sub(u->parameter, rv_mul_scalar(rv_sub(up, down), u->lr));
 *     }
 *     static const rv_optim_class lion_class = {
 *         .name = "lion", .state_count = 1, .state_names = {"exp_avg"}, .update = lion_update};
 *
 *     rv_optim *opt = rv_optim_new(&lion_class, rv_parameters(net), 1e-4, NULL);
 */

#define RV_OPTIM_MOST_STATE 8 /* tensors kept for each parameter */

/* One parameter's step, for `update`. Everything here is to be read, but for `state`. */
typedef struct rv_optim_update {
    rv_tensor *parameter;
    rv_tensor *gradient; /* of the parameter's shape and dtype, as the next */
    rv_tensor **state;   /* [state_count] what was kept, zeros before the first step; to be replaced
                            by what is kept from now on (NULL where the options do not use it) */
    double lr;
    int64_t step;        /* 1 in the first */
    const void *options; /* the optimizer's copy of them */
} rv_optim_update;

/* Elements of one parameter, for `update_elements`: arrays of `count`, to be changed in place. */
typedef struct rv_optim_elements {
    rv_dtype dtype; /* F32 or F64, of all arrays */
    int64_t count;
    void *parameter;
    const void *gradient;
    void *const *state; /* [state_count]; NULL where the options do not use it */
    double lr;
    int64_t step;
    const void *options;
} rv_optim_elements;

typedef struct rv_optim_class {
    const char *name;    /* "sgd": what messages call it */
    size_t options_size; /* of its options struct in bytes; 0: it has none */
    int state_count; /* how many tensors, of the parameter's shape and dtype, are kept for each */
    const char *state_names[RV_OPTIM_MOST_STATE]; /* [state_count] PyTorch's names */
    /* Whether the options are in their ranges; false with an error. NULL: there is nothing to
     * check. The learning rate, parameters apart, is checked for all. */
    bool (*validate)(const void *options);
    /* Whether state tensor i is used with these options; NULL: always. */
    bool (*uses_state)(const void *options, int i);
    /* The parameter's new value, of its shape and dtype, and in u->state the new state; NULL after
     * an error. Nothing is recorded, and nothing may be changed in place: the library puts the new
     * values into the parameters when all of them have been computed. */
    rv_tensor *(*update)(rv_optim_update *u);
    /* Or: updates some elements. Called on any thread; must not fail or allocate tensors. */
    void (*update_elements)(const rv_optim_elements *e);
} rv_optim_class;

/* An optimizer of that class, which must live as long, with a copy of the options (options_size
 * bytes; pointers in them are not followed; may be NULL if that is 0). Errors as for the library's
 * own, and a class that lacks something. */
RV_API rv_optim *rv_optim_new(const rv_optim_class *optim_class, rv_tensors parameters, double lr,
                              const void *options);

RV_END_C

#endif

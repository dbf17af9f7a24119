/* optim_methods.h - the optimizers, their options and formulas.
 *
 * In formulas, p is a parameter, g its gradient after what RV_OPTIM_COMMON (optim_class.h) asks
 * for, t the steps it took, this one included. All take the common options, if not said otherwise,
 * and return an optimizer whose one reference the caller holds (with .join, that one), or NULL with
 * an error, as rv_optim_new. All numbers must be finite. Parameters and gradients may lie in memory
 * in any order.
 */
#ifndef RV_OPTIM_OPTIM_METHODS_H
#define RV_OPTIM_OPTIM_METHODS_H

#include "optim/optim_class.h"

RV_BEGIN_C

/* ---- SGD ------------------------------------------------------------------------------------- */

typedef struct rv_sgd_options {
    RV_OPTIM_COMMON;  /* lr default 1e-3 */
    double momentum;  /* default 0; >= 0 */
    double dampening; /* default 0; >= 0; how much less of g goes into the buffer */
    bool nesterov;    /* default false; needs momentum > 0 and dampening 0 */
} rv_sgd_options;

/* Stochastic gradient descent: with momentum, b = g in the first step, then
 * b = momentum*b + (1 - dampening)*g, and g = b, or g + momentum*b with nesterov (Sutskever et al.
 * 2013, as PyTorch has it); p = p - lr*g. State: momentum_buffer, if momentum > 0. */
#define rv_optim_sgd(...) \
    RV_OPTIONS(rv_optim_sgd_with, rv_sgd_options, .lr = 1e-3, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_sgd_with(const rv_sgd_options *options);

/* ---- Adam and its kin ------------------------------------------------------------------------ */

typedef struct rv_adam_options {
    RV_OPTIM_COMMON; /* lr default 1e-3; AdamW: weight_decay 1e-2, decoupled */
    double betas[2]; /* default 0.9, 0.999; each >= 0 and < 1 */
    double eps;      /* default 1e-8; >= 0 */
    bool amsgrad;    /* default false; the largest v so far takes v's place in the division */
} rv_adam_options;

/* Adam (Kingma and Ba 2015): m = betas[0]*m + (1 - betas[0])*g, v = betas[1]*v + (1 -
 * betas[1])*g^2, p = p - lr/(1 - betas[0]^t) * m / (sqrt(v)/sqrt(1 - betas[1]^t) + eps). With
 * amsgrad (Reddi et al. 2018), max(v) over all steps instead of v, taken before the correction.
 * State: exp_avg (m), exp_avg_sq (v), and max_exp_avg_sq with amsgrad. */
#define rv_optim_adam(...)                                                             \
    RV_OPTIONS(rv_optim_adam_with, rv_adam_options, .lr = 1e-3, .betas = {0.9, 0.999}, \
               .eps = 1e-8, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_adam_with(const rv_adam_options *options);

/* AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay of 1e-2. */
#define rv_optim_adamw(...)                                                             \
    RV_OPTIONS(rv_optim_adamw_with, rv_adam_options, .lr = 1e-3, .betas = {0.9, 0.999}, \
               .eps = 1e-8, .weight_decay = 1e-2, .decoupled = true, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_adamw_with(const rv_adam_options *options);

RV_END_C

#endif

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

typedef struct rv_adamax_options {
    RV_OPTIM_COMMON; /* lr default 2e-3 */
    double betas[2]; /* default 0.9, 0.999; each >= 0 and < 1 */
    double eps;      /* default 1e-8; >= 0 */
} rv_adamax_options;

/* Adamax (Kingma and Ba 2015, section 7.1): Adam with the largest gradient in place of the mean
 * square: m = betas[0]*m + (1 - betas[0])*g, u = max(betas[1]*u, |g| + eps),
 * p = p - lr/(1 - betas[0]^t) * m/u. State: exp_avg (m), exp_inf (u). */
#define rv_optim_adamax(...)                                                               \
    RV_OPTIONS(rv_optim_adamax_with, rv_adamax_options, .lr = 2e-3, .betas = {0.9, 0.999}, \
               .eps = 1e-8, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_adamax_with(const rv_adamax_options *options);

typedef struct rv_nadam_options {
    RV_OPTIM_COMMON;       /* lr default 2e-3 */
    double betas[2];       /* default 0.9, 0.999; each >= 0 and < 1 */
    double eps;            /* default 1e-8; >= 0 */
    double momentum_decay; /* default 4e-3; >= 0 */
} rv_nadam_options;

/* NAdam (Dozat 2016): Adam with Nesterov's momentum, which grows from about half of betas[0] to
 * betas[0]: mu(t) = betas[0]*(1 - 0.96^(t*momentum_decay)/2). m and v as Adam's,
 * d = sqrt(v/(1 - betas[1]^t)) + eps, and with P the product of mu(1) ... mu(t),
 * p = p - lr*(1 - mu(t))/(1 - P) * g/d - lr*mu(t+1)/(1 - P*mu(t+1)) * m/d.
 * State: mu_product (P, one F64 number; PyTorch's is float unless that is asked for), exp_avg (m),
 * exp_avg_sq (v). */
#define rv_optim_nadam(...)                                                              \
    RV_OPTIONS(rv_optim_nadam_with, rv_nadam_options, .lr = 2e-3, .betas = {0.9, 0.999}, \
               .eps = 1e-8, .momentum_decay = 4e-3, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_nadam_with(const rv_nadam_options *options);

typedef struct rv_radam_options {
    RV_OPTIM_COMMON; /* lr default 1e-3 */
    double betas[2]; /* default 0.9, 0.999; each >= 0 and < 1 */
    double eps;      /* default 1e-8; >= 0 */
} rv_radam_options;

/* RAdam (Liu et al. 2020): Adam that does without v while too few steps have been made to trust it.
 * m and v as Adam's, c = m/(1 - betas[0]^t), R = 2/(1 - betas[1]) - 1,
 * r = R - 2*t*betas[1]^t/(1 - betas[1]^t). p = p - lr*c while r <= 5, then
 * p = p - lr*c * sqrt(1 - betas[1]^t)/(sqrt(v) + eps)
 *              * sqrt((r - 4)*(r - 2)*R / ((R - 4)*(R - 2)*r)).
 * With the default betas the first 5 steps go along m: lr must suit those too. State: exp_avg (m),
 * exp_avg_sq (v). */
#define rv_optim_radam(...)                                                              \
    RV_OPTIONS(rv_optim_radam_with, rv_radam_options, .lr = 1e-3, .betas = {0.9, 0.999}, \
               .eps = 1e-8, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_radam_with(const rv_radam_options *options);

/* ---- scaled by past gradients ---------------------------------------------------------------- */

typedef struct rv_adagrad_options {
    RV_OPTIM_COMMON;                  /* lr default 1e-2 */
    double lr_decay;                  /* default 0; >= 0 */
    double initial_accumulator_value; /* default 0; >= 0; what s begins with */
    double eps;                       /* default 1e-10; >= 0 */
} rv_adagrad_options;

/* Adagrad (Duchi, Hazan and Singer 2011): s = s + g^2,
 * p = p - lr/(1 + (t - 1)*lr_decay) * g/(sqrt(s) + eps). State: sum (s). */
#define rv_optim_adagrad(...)                                                       \
    RV_OPTIONS(rv_optim_adagrad_with, rv_adagrad_options, .lr = 1e-2, .eps = 1e-10, \
               .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_adagrad_with(const rv_adagrad_options *options);

typedef struct rv_adadelta_options {
    RV_OPTIM_COMMON; /* lr default 1 */
    double rho;      /* default 0.9; >= 0 and <= 1 */
    double eps;      /* default 1e-6; >= 0 */
} rv_adadelta_options;

/* Adadelta (Zeiler 2012): v = rho*v + (1 - rho)*g^2, d = sqrt(u + eps)/sqrt(v + eps) * g,
 * u = rho*u + (1 - rho)*d^2, p = p - lr*d. State: square_avg (v), acc_delta (u). */
#define rv_optim_adadelta(...)                                                                \
    RV_OPTIONS(rv_optim_adadelta_with, rv_adadelta_options, .lr = 1, .rho = 0.9, .eps = 1e-6, \
               .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_adadelta_with(const rv_adadelta_options *options);

typedef struct rv_rmsprop_options {
    RV_OPTIM_COMMON; /* lr default 1e-2 */
    double alpha;    /* default 0.99; >= 0 and < 1 */
    double eps;      /* default 1e-8; >= 0 */
    double momentum; /* default 0; >= 0 */
    bool centered;   /* default false */
} rv_rmsprop_options;

/* RMSprop (Tieleman and Hinton 2012; centered: Graves 2013): v = alpha*v + (1 - alpha)*g^2,
 * q = sqrt(v) + eps, or with centered a = alpha*a + (1 - alpha)*g, q = sqrt(v - a^2) + eps.
 * p = p - lr*g/q, or with momentum b = momentum*b + g/q, p = p - lr*b. Where rounding makes v - a^2
 * less than 0, it counts as 0 (PyTorch makes NaN of it). State: square_avg (v), grad_avg (a) if
 * centered, momentum_buffer (b) if momentum > 0. */
#define rv_optim_rmsprop(...)                                                                     \
    RV_OPTIONS(rv_optim_rmsprop_with, rv_rmsprop_options, .lr = 1e-2, .alpha = 0.99, .eps = 1e-8, \
               .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_rmsprop_with(const rv_rmsprop_options *options);

/* ---- by the sign of the gradient ------------------------------------------------------------- */

typedef struct rv_rprop_options {
    RV_OPTIM_COMMON;      /* lr default 1e-2 */
    double etas[2];       /* default 0.5, 1.2; > 0 and < 1; > 1 */
    double step_sizes[2]; /* default 1e-6, 50; the least, >= 0, and the largest */
} rv_rprop_options;

/* Resilient propagation (Riedmiller and Braun 1993), for gradients of the whole data: every element
 * has a step size s, at first lr. Where g times the g before is > 0, s = etas[1]*s; where it is <
 * 0, s = etas[0]*s, and g counts as 0 in this step and as the g before in the next; always
 * step_sizes[0] <= s <= step_sizes[1]. p = p - sign(g)*s. As in PyTorch, lr matters in the first
 * step alone, and two gradients whose product underflows count as a product of 0. Takes no
 * weight_decay, l1_decay or decoupled. State: prev (the g before), step_size (s). */
#define rv_optim_rprop(...)                                                           \
    RV_OPTIONS(rv_optim_rprop_with, rv_rprop_options, .lr = 1e-2, .etas = {0.5, 1.2}, \
               .step_sizes = {1e-6, 50}, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_rprop_with(const rv_rprop_options *options);

typedef struct rv_lion_options {
    RV_OPTIM_COMMON; /* lr default 1e-4; decoupled default true */
    double betas[2]; /* default 0.9, 0.99; each >= 0 and < 1 */
} rv_lion_options;

/* Lion (Chen et al. 2023; PyTorch has none): p = p - lr*sign(betas[0]*m + (1 - betas[0])*g), then
 * m = betas[1]*m + (1 - betas[1])*g. Every element moves by lr, so that takes a lr 3 to 10 times
 * smaller than Adam's, and a weight_decay as many times larger. State: exp_avg (m). */
#define rv_optim_lion(...)                                                            \
    RV_OPTIONS(rv_optim_lion_with, rv_lion_options, .lr = 1e-4, .betas = {0.9, 0.99}, \
               .decoupled = true, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_lion_with(const rv_lion_options *options);

/* ---- averaged -------------------------------------------------------------------------------- */

typedef struct rv_asgd_options {
    RV_OPTIM_COMMON; /* lr default 1e-2 */
    double lambd;    /* default 1e-4; >= 0 */
    double alpha;    /* default 0.75; >= 0 */
    double t0;       /* default 1e6; >= 0; the step after which averaging begins */
} rv_asgd_options;

/* Averaged SGD (Polyak and Juditsky 1992; Bottou's schedule): p = p*(1 - lambd*eta) - eta*g,
 * a = a + (p - a)*mu; eta is lr and mu is 1 in the first step, and after step t
 * eta = lr/(1 + lambd*lr*t)^alpha, mu = 1/max(1, t - t0). p is what the network computes with; the
 * average a is in the state, as in PyTorch. (For averages of any optimizer's parameters that are
 * put in their place, see average.h.) State: eta, mu (F64 numbers), ax (a). */
#define rv_optim_asgd(...)                                                                    \
    RV_OPTIONS(rv_optim_asgd_with, rv_asgd_options, .lr = 1e-2, .lambd = 1e-4, .alpha = 0.75, \
               .t0 = 1e6, .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_asgd_with(const rv_asgd_options *options);

/* ---- whole matrices -------------------------------------------------------------------------- */

/* How Muon scales lr for a matrix of A rows and B columns. */
typedef enum rv_muon_adjust_lr {
    RV_MUON_ORIGINAL,        /* sqrt(max(1, A/B)): Jordan's */
    RV_MUON_MATCH_RMS_ADAMW, /* 0.2*sqrt(max(A, B)): as large as AdamW's steps (Liu et al. 2025) */
    RV_MUON_ADJUST_LR_COUNT
} rv_muon_adjust_lr;

typedef struct rv_muon_options {
    RV_OPTIM_COMMON;             /* lr default 1e-3; weight_decay 0.1, decoupled */
    double momentum;             /* default 0.95; >= 0 and < 1 */
    bool nesterov;               /* default true */
    double ns_coefficients[3];   /* default 3.4445, -4.775, 2.0315 */
    double eps;                  /* default 1e-7; > 0 */
    int ns_steps;                /* default 5; 0 to 99 */
    rv_muon_adjust_lr adjust_lr; /* default RV_MUON_ORIGINAL */
} rv_muon_options;

/* Muon (Jordan et al. 2024), for the weight matrices of hidden layers: m = momentum*m +
 * (1 - momentum)*g, u = m, or (1 - momentum)*g + momentum*m with nesterov, and
 * p = p - lr*scale * orthogonal(u), which sets all singular values of u to about 1 by Newton and
 * Schulz's iteration: X = u/max(|u|, eps), transposed if it has more rows than columns, then
 * ns_steps times with ns_coefficients (a, b, c): X = a*X + (b*S + c*S*S)*X, S = X*X^T.
 * Only 2-d parameters are taken: others (biases, embeddings, convolutions) belong into another
 * optimizer, AdamW say. PyTorch iterates in bfloat16, here it is the parameter's own dtype. State:
 * momentum_buffer (m). */
#define rv_optim_muon(...)                                                              \
    RV_OPTIONS(rv_optim_muon_with, rv_muon_options, .lr = 1e-3, .weight_decay = 0.1,    \
               .decoupled = true, .momentum = 0.95, .nesterov = true,                   \
               .ns_coefficients = {3.4445, -4.775, 2.0315}, .eps = 1e-7, .ns_steps = 5, \
               .parameters = __VA_ARGS__)
RV_API rv_optim *rv_optim_muon_with(const rv_muon_options *options);

RV_END_C

#endif

/* minimize.h - minimizing a loss that can be evaluated again: full-batch methods.
 *
 *     static rv_tensor *loss(void *context)
 *     {
 *         struct task *t = context;
 *         return rv_cross_entropy(rv_forward(t->net, t->x), t->y);
 *     }
 *
 *     rv_optim *opt = rv_optim_lbfgs(rv_parameters(net), .max_iter = 200, .history = 10);
 *     rv_optim_result r = rv_optim_minimize(opt, loss, &task);
 *     printf("%s after %lld iterations, %lld evaluations\n", r.reason, ...);
 *
 * Such a method sees all its parameters as one vector of F64, whatever their shapes and dtypes, and
 * the loss as a function of it. Vectors of the method are state: saved and loaded with rv_save and
 * rv_load, after which it goes on bit for bit as if it had not been stopped.
 *
 * The loss must be a function of the parameters: the same each time at the same place. One that is
 * not (dropout, another batch each time) is no mistake that can be seen, but ends where its noise
 * begins. A loss or gradient that is not finite is a place that the method steps back from.
 */
#ifndef RV_OPTIM_MINIMIZE_H
#define RV_OPTIM_MINIMIZE_H

#include "optim/optim.h"

RV_BEGIN_C

/* The loss: a floating tensor of one element, computed from the parameters, that the scope of the
 * call owns. NULL with an error stops. For methods of least squares (rv_optim_levenberg_marquardt,
 * rv_optim_gauss_newton) it gives the residuals r instead, a floating tensor of any shape, with as
 * many elements each time; the loss is sum(r^2)/2, as in SciPy's least_squares. */
typedef rv_tensor *rv_optim_closure(void *context);

/* The residuals' Jacobian where the parameters are now: [m,n] of the residuals' dtype, row i for
 * residual i (row-major), the columns the parameters one behind the other, each row-major. */
typedef rv_tensor *rv_optim_jacobian(void *context);

/* Why minimizing ended. */
typedef enum rv_optim_status {
    RV_OPTIM_GRADIENT,    /* the gradient is within its tolerance: a minimum, or a saddle */
    RV_OPTIM_CHANGE,      /* the loss, or the parameters, changed by less than their tolerance */
    RV_OPTIM_ROUNDING,    /* no step lowers the loss in the digits that it has */
    RV_OPTIM_ITERATIONS,  /* max_iter iterations were made */
    RV_OPTIM_EVALUATIONS, /* max_eval evaluations were made */
    RV_OPTIM_CALLBACK,    /* the callback said so */
    RV_OPTIM_NONFINITE,   /* the loss, or its gradient, is not finite at the start */
    RV_OPTIM_FAILED,      /* an error was recorded; parameters are the best that were seen */
    RV_OPTIM_RUNNING      /* it has not ended: what a step of rv_optim_step_closure leaves */
} rv_optim_status;

typedef struct rv_optim_result {
    rv_optim_status status;
    const char *reason;  /* the status as a text */
    int64_t iterations;  /* of this call */
    int64_t evaluations; /* of this call: how many times the closure was called */
    int64_t products;    /* of this call: Hessian times a vector, each a backward of a gradient */
    int64_t jacobians;   /* of this call: how many Jacobians of residuals were computed */
    double loss;         /* at the parameters as they are now */
    double gradient;     /* the largest of |its gradient| there; NaN if it is not known */
} rv_optim_result;

/* What a callback is told, after each iteration. */
typedef struct rv_optim_progress {
    int64_t iteration; /* 1 after the first */
    int64_t evaluations;
    int64_t products; /* as in rv_optim_result, so far */
    double loss;
    double gradient; /* largest of |gradient| */
    double change;   /* largest of |change of a parameter| */
} rv_optim_progress;

/* False stops. Parameters are where the iteration ended; it must not change them. */
typedef bool rv_optim_callback(void *context, const rv_optim_progress *progress);

/* What the options of these methods have after RV_OPTIM_COMMON (optim_class.h). Of that,
 * parameters, lr (the first step tried along a direction, default 1), and maximize count; decay is
 * a term of the loss, and belongs into the closure; there is one group.
 *
 *     max_iter                 default 1000; >= 1: iterations of one call
 *     max_eval                 default 0: no limit; evaluations of one call
 *     tolerance_grad           default 1e-8; >= 0: stops where max|g| <= this * max(1, |loss|)
 *     tolerance_grad_absolute  default 0; >= 0: and where max|g| <= this
 *     tolerance_loss           default 0; >= 0: stops when an iteration changes the loss by no more
 *                              than this * |loss|
 *     tolerance_loss_absolute  default 0; >= 0: or by no more than this
 *     tolerance_step           default 0; >= 0: likewise, max|change of x| by this * max|x|
 *     tolerance_step_absolute  default 0; >= 0
 *
 * A tolerance of 0 is no test. Without any, a method goes on to the last digit (RV_OPTIM_ROUNDING).
 */
#define RV_MINIMIZE_COMMON          \
    RV_OPTIM_COMMON;                \
    int64_t max_iter;               \
    int64_t max_eval;               \
    double tolerance_grad;          \
    double tolerance_grad_absolute; \
    double tolerance_loss;          \
    double tolerance_loss_absolute; \
    double tolerance_step;          \
    double tolerance_step_absolute

#define RV_MINIMIZE_DEFAULTS .lr = 1, .max_iter = 1000, .tolerance_grad = 1e-8

typedef struct rv_minimize_options {
    rv_optim *optim;             /* required */
    rv_optim_closure *closure;   /* required */
    void *context;               /* required, may be NULL: handed to the closure */
    int64_t max_iter;            /* default 0: the optimizer's own; first-order methods: 1000 */
    rv_optim_callback *callback; /* default NULL */
    void *callback_context;      /* default NULL */
} rv_minimize_options;

/* rv_optim_minimize(opt, closure, context): iterates until one of the reasons above. Any optimizer:
 * one of first order makes max_iter steps. Parameters end where the last iteration came to, the
 * best point of all that were kept; after an error, or the last evaluation, at the best that was
 * seen. Errors (status RV_OPTIM_FAILED): NULL; a closure that gives NULL, no floating tensor of one
 * element, or one that is not computed from any of the parameters; one that changes the parameters'
 * values, or begins to minimize with the same optimizer; residuals, or a Jacobian, that are none,
 * or whose number changes; no memory; and nothing is done while an error is unread. */
#define rv_optim_minimize(...) \
    RV_OPTIONS(rv_optim_minimize_with, rv_minimize_options, .optim = __VA_ARGS__)
RV_API rv_optim_result rv_optim_minimize_with(const rv_minimize_options *options);

/* One iteration, beginning with an evaluation, as the closure may have another batch than before:
 * what the method has learned from other batches is kept. Methods of first order: backward and
 * rv_optim_step. Status RV_OPTIM_RUNNING, or why it cannot go on. */
RV_API rv_optim_result rv_optim_step_closure(rv_optim *opt, rv_optim_closure *closure,
                                             void *context);

/* "the gradient is within its tolerance", ... */
RV_API const char *rv_optim_status_text(rv_optim_status status);

RV_END_C

#endif

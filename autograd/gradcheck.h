/* gradcheck.h - is this derivative right?
 *
 * Compares the gradient that backward computes with central differences,
 * (f(x + eps) - f(x - eps)) / (2 eps), element by element, in double precision: PyTorch's
 * torch.autograd.gradcheck, with its defaults, and a report that names the worst element.
 *
 *     static rv_tensor *f(rv_tensor **in, void *context)
 *     {
 *         return rv_tanh(rv_matmul(in[0], in[1]));
 *     }
 *     rv_tensor *in[] = {rv_randn(RV_F64, 3, 4), rv_randn(RV_F64, 4, 2)};
 *     rv_gradcheck_report r;
 *     if (!rv_gradcheck(f, NULL, in, 2, &r) || !rv_gradgradcheck(f, NULL, in, 2, &r))
 *         puts(r.message);
 */
#ifndef RV_AUTOGRAD_GRADCHECK_H
#define RV_AUTOGRAD_GRADCHECK_H

#include "autograd/graph.h"

RV_BEGIN_C

typedef struct rv_gradcheck_report {
    bool ok;
    int input;                        /* the worst element: of which input (-1: of none), */
    int ndim;                         /* where in it, */
    int64_t index[RV_MAX_DIMENSIONS]; /* [ndim] */
    int64_t output;                   /* by which element of the output, row-major (-1: of none) */
    double analytic, numeric;         /* what backward and the differences say, */
    double error, allowed;            /* |analytic - numeric|, and atol + rtol*|numeric| */
    double relative;                  /* error / max(|analytic|, |numeric|); 0 if both are 0,
                                         infinity if one is not finite */
    int64_t compared;                 /* how many derivatives were compared */
    int64_t failed;                   /* how many of them differ by more than allowed */
    char message[512];                /* all of that, for people */
} rv_gradcheck_report;

typedef struct rv_gradcheck_options {
    rv_function *function;
    void *context;            /* handed to function */
    rv_tensor *const *inputs; /* [count]; every F64 input is checked, whether or not it requires a
                                 gradient; I64 and U8 inputs are passed on; F32 is refused */
    int count;
    rv_gradcheck_report *report; /* may be NULL */
    double eps;                  /* step of the differences; default 1e-6; > 0 */
    double atol;                 /* default 1e-5; >= 0 */
    double rtol;                 /* default 1e-3; >= 0 */
    bool fast;                   /* default false; true: one random direction for each input and
                                    one for the output instead of every element (PyTorch's
                                    fast_mode); every element after all if one disagrees */
    rv_closure *closure;         /* in place of function: see below */
} rv_gradcheck_options;

/* True if every derivative agrees: |analytic - numeric| <= atol + rtol*|numeric|, both finite.
 * Inputs are not changed, and neither are their gradients, nor the random generator: it is put back
 * to where it was (and with it what other threads drew meanwhile). An input that the result does
 * not depend on has derivative 0. False with an error (rv_error) if the check could not be made: an
 * unread error, F32 inputs, no F64 input, a function that fails or whose result is not F64, an
 * input so large that eps is lost in it; false without one, and report filled, if derivatives
 * differ, if two evaluations differ (the function is random: seed it), or if backward is not linear
 * in the gradient it is given. The message also names what a difference looks like: a kink, a sign,
 * a factor, a transposition.
 *
 * A network's loss is checked with respect to its parameters by a closure, rv_tensor *(void
 * *context), in place of the function: rv_gradcheck(loss, &task, p.items, p.count, &r) with p =
 * rv_parameters(net). The inputs must then be leaves; they are moved in place, and put back to the
 * same bits, so no other thread may use them meanwhile. */
#define rv_gradcheck(f, ...)                                                                     \
    RV_OPTIONS(rv_gradcheck_with, rv_gradcheck_options, .eps = 1e-6, .atol = 1e-5, .rtol = 1e-3, \
               RV_CALLED(f), .context = __VA_ARGS__)
RV_API bool rv_gradcheck_with(const rv_gradcheck_options *options);

/* The same for the derivative of the derivative: gradcheck of (inputs, g) -> gradients of the
 * function's output weighted by g, with a random g in [-1, 1). In the report, inputs beyond the
 * function's own are g, and the output is the gradients of all F64 inputs one behind the other. */
#define rv_gradgradcheck(f, ...)                                                       \
    RV_OPTIONS(rv_gradgradcheck_with, rv_gradcheck_options, .eps = 1e-6, .atol = 1e-5, \
               .rtol = 1e-3, RV_CALLED(f), .context = __VA_ARGS__)
RV_API bool rv_gradgradcheck_with(const rv_gradcheck_options *options);

RV_END_C

#endif

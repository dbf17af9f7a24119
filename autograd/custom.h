/* custom.h - an operation of your own, in one call.
 *
 *     static rv_tensor *softplus(rv_tensor **in, void *context)
 *     {
 *         const double beta = *(double *)context;
 *         rv_tensor *y = rv_empty_like(in[0]);
 *         ...                                        // with rv_data(y), or with operations
 *         return y;
 *     }
 *     static void softplus_derivative(rv_derivative *d)
 *     {
 *         const double beta = *(double *)d->context;
 *         d->grads[0] = rv_mul(d->g, rv_sigmoid(rv_mul_scalar(rv_saved_input(d, 0), beta)));
 *     }
 *     rv_tensor *y = rv_custom("softplus", softplus, softplus_derivative, &x, 1, &beta);
 *
 * The result is as good as that of the library's own operations: the engine sums what was
 * broadcast, accumulates and checks, and names the operation in errors; and if the derivative is
 * written with operations, it can be differentiated again, any number of times (op.h says how one
 * is written). rv_gradcheck and rv_gradgradcheck tell whether it is right.
 *
 * Where no context is needed and each nanosecond counts, RV_CUSTOM_OP and rv_record (op.h) do the
 * same with a descriptor that is constant.
 */
#ifndef RV_AUTOGRAD_CUSTOM_H
#define RV_AUTOGRAD_CUSTOM_H

#include "autograd/graph.h"
#include "autograd/op.h"

RV_BEGIN_C

typedef struct rv_custom_options {
    const char *name;                   /* what errors call it; copied, at most 63 bytes of it */
    rv_function *forward;               /* computes the result; recording is off in it */
    rv_derivative_function *derivative; /* sets d->grads; RV_NOT_DIFFERENTIABLE: the result never
                                           requires a gradient */
    rv_tensor *const *inputs;           /* [count] */
    int count;
    void *context; /* handed to forward, and to derivative as d->context; default NULL */
    void (*release)(void *context); /* called once, when neither this call nor a graph needs the
                                       context any more, also if the call fails; default NULL */
    uint32_t saves; /* which tensors rv_saved_input and rv_saved_output give in the derivative;
                       default RV_SAVE_ALL; less (RV_SAVE_INPUT(0), RV_SAVE_OUTPUT, both by |) frees
                       memory sooner */
} rv_custom_options;

/* All inputs (of the first 31) and the output. */
#define RV_SAVE_ALL UINT32_MAX

/* rv_custom(name, forward, derivative, inputs, count, context): forward(inputs, context), recorded
 * with its derivative. The result is a view of what forward returned, so that may be anything: a
 * new tensor, an input, a tensor that lives elsewhere. Forward must not change its inputs. What a
 * derivative records (under create_graph) may outlive the context if it uses it: custom operations
 * in a derivative need contexts of their own, or one that is counted. NULL with an error if name,
 * forward, inputs or one of them is NULL, count < 1, or forward fails. */
#define rv_custom(...) \
    RV_OPTIONS(rv_custom_with, rv_custom_options, .saves = RV_SAVE_ALL, .name = __VA_ARGS__)
RV_API rv_tensor *rv_custom_with(const rv_custom_options *options);

RV_END_C

#endif

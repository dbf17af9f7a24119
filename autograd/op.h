/* op.h - how an operation is written.
 *
 * An operation is a page of code in one file: a function that checks its arguments, makes its
 * result, and records itself; beside it the function that gives its derivative, written in terms
 * of operations, so that it can be differentiated again; beside both a const descriptor. This is
 * all of tanh:
 *
 *     static void tanh_derivative(rv_derivative *d)
 *     {
 *         d->grads[0] = rv_tanh_grad(d->g, rv_saved_output(d));          // g * (1 - y*y)
 *     }
 *     static const rv_op tanh_op = RV_OP(tanh, 1, RV_SAVE_OUTPUT, tanh_derivative);
 *
 *     rv_tensor *rv_tanh(rv_tensor *x)
 *     {
 *         rv_tensor *y = rv_elementwise("tanh", RV_LOOP_tanh, 1, &x);
 *         return rv_record(&tanh_op, y, 1, &x, NULL, 0);
 *     }
 *
 * Its name stands in the one list of operations (op_list.h), without which it does not compile. A
 * user's own operation is written the same way with RV_CUSTOM_OP, and needs no entry; rv_custom
 * (custom.h) is the same in one call, with a context.
 *
 * What the engine does for every derivative: it sums a gradient down to the shape that was
 * broadcast, accumulates, and checks shape and dtype.
 */
#ifndef RV_AUTOGRAD_OP_H
#define RV_AUTOGRAD_OP_H

#include "autograd/op_list.h"
#include "core/tensor.h"

RV_BEGIN_C

typedef enum rv_op_id {
    RV_OP_ID_custom,
#define RV_OPERATION_ENUM(name) RV_OP_ID_##name,
    RV_OPERATION_LIST(RV_OPERATION_ENUM, RV_OPERATION_ENUM)
#undef RV_OPERATION_ENUM
        RV_OP_COUNT
} rv_op_id;

/* The name of operation `id` of the list ("custom" for 0), NULL beyond it. */
RV_API const char *rv_op_name(int id);

/* What a derivative is given, and where it puts its results. */
typedef struct rv_derivative {
    const struct rv_node *node;
    rv_tensor *g;           /* the gradient of the output */
    rv_tensor *const *gs;   /* the same, of every output: [outputs], zeros where none arrived */
    int inputs;             /* how many */
    const bool *needs;      /* [inputs] whether input i's gradient is wanted */
    rv_tensor **grads;      /* [inputs] to be set where it is; NULL at the start */
    const void *attributes; /* what rv_record was given; NULL if nothing */
    const bool *arrived;    /* [outputs] whether output i has a gradient at all */
    void *context;          /* what rv_custom was given; else NULL */
} rv_derivative;

typedef void rv_derivative_function(rv_derivative *d);

/* Which tensors a derivative needs again: input i is bit i, the outputs are RV_SAVE_OUTPUT. */
#define RV_SAVE_NOTHING 0u
#define RV_SAVE_INPUT(i) (1u << (i))
#define RV_SAVE_OUTPUT (1u << 31)
#define RV_ANY_NUMBER (-1)

typedef struct rv_op {
    const char *name;
    int id;    /* its place in the list */
    int arity; /* inputs, or RV_ANY_NUMBER */
    uint32_t saves;
    rv_derivative_function *derivative;
    /* Called with the node's attributes when its graph is freed, for attributes that own something;
     * NULL, as RV_OP has it: nothing to do. If it was not recorded, it is not called. */
    void (*release)(void *attributes);
} rv_op;

/* RV_OP(name, arity, saves, derivative): every cell must be filled; an operation that has no
 * derivative says RV_NOT_DIFFERENTIABLE, and its result never requires a gradient. */
#define RV_OP(name_, arity_, saves_, derivative_)                                     \
    {                                                                                 \
        .name = #name_, .id = RV_OP_ID_##name_, .arity = (arity_), .saves = (saves_), \
        .derivative = (derivative_)                                                   \
    }
#define RV_CUSTOM_OP(name_, arity_, saves_, derivative_)                             \
    {                                                                                \
        .name = #name_, .id = RV_OP_ID_custom, .arity = (arity_), .saves = (saves_), \
        .derivative = (derivative_)                                                  \
    }
#define RV_NOT_DIFFERENTIABLE ((rv_derivative_function *)0)

/* Records that `out`, fresh and held by nothing else, was computed by `op` from `in`, and returns
 * it. `attributes` (any bytes without pointers to what may go away) are copied. Does nothing but
 * return out when recording is off, no input requires a gradient, or op has no derivative. NULL if
 * out is NULL, or with an error. */
RV_API rv_tensor *rv_record(const rv_op *op, rv_tensor *out, int inputs, rv_tensor *const *in,
                            const void *attributes, size_t attribute_bytes);
/* The same for several outputs; false with an error. */
RV_API bool rv_record_many(const rv_op *op, int outputs, rv_tensor *const *out, int inputs,
                           rv_tensor *const *in, const void *attributes, size_t attribute_bytes);

/* In a derivative: a saved input or output, as a tensor of the innermost scope; connected to the
 * graph, so that derivatives of derivatives see it. NULL with an error if it was changed in place
 * since, if the graph was walked already, or if it was not saved. */
RV_API rv_tensor *rv_saved_input(rv_derivative *d, int i);
RV_API rv_tensor *rv_saved_output(rv_derivative *d);
/* The same of output i, for an operation with several. */
RV_API rv_tensor *rv_saved_output_at(rv_derivative *d, int i);

/* In a derivative: shape and dtype of input i, known only if needs[i]. */
typedef struct rv_shape_of {
    int ndim;
    rv_dtype dtype;
    const int64_t *shape; /* [ndim] */
} rv_shape_of;
RV_API rv_shape_of rv_input_shape(const rv_derivative *d, int i);

RV_END_C

#endif

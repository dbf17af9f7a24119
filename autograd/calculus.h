/* calculus.h - derivatives of functions: products with Jacobians and Hessians, and the matrices.
 *
 * What is differentiated is given in one of two ways, and both read alike:
 *
 *     static rv_tensor *rosenbrock(rv_tensor **in, void *context);     // a function of tensors
 *     rv_tensor *h = rv_hessian(rosenbrock, NULL, RV_TENSORS(x));
 *
 *     static rv_tensor *loss(void *context);             // a closure over a network's parameters
 *     rv_tensor *h = rv_hessian(loss, &task, rv_parameters(net));
 *
 * The third argument says with respect to what. A leaf among these (rv_require_grad) is itself what
 * the function gets, so that it may also reach it by another way, as through a layer; of any other
 * tensor it gets a view. A closure gets nothing, so all of them must be leaves.
 *
 * Leaves' own gradients (rv_grad) are not touched. Recording is on while the function runs,
 * whatever it was outside. Where the result does not depend on an input, derivatives are 0, unless
 * .strict says that this is an error. Results belong to the innermost scope, and are not connected
 * to any graph, unless .create_graph: then they can be differentiated again, with respect to the
 * inputs, or what these were computed from.
 *
 * Errors: a function that is NULL or fails, no inputs, one that is NULL, not floating, or given
 * twice, a closure's that is no leaf; a result that is not floating; shapes and dtypes of v that
 * are not those they should be. A function that returns several results has all its fields NULL and
 * 0 then.
 *
 * Names and meanings are torch.autograd.functional's.
 */
#ifndef RV_AUTOGRAD_CALCULUS_H
#define RV_AUTOGRAD_CALCULUS_H

#include "autograd/graph.h"

RV_BEGIN_C

/* Below, y = f(x) is the function's result, of m elements, x are the inputs, of n in all, J is the
 * Jacobian, [m,n], J[i,j] = dy[i]/dx[j], and H the Hessian, [n,n], of a y of one element. */

/* ---- products: the matrices are not formed --------------------------------------------------- */

typedef struct rv_vjp_options {
    rv_function *function; /* or closure: the macro puts its first argument where it belongs */
    void *context;
    rv_tensors inputs;
    rv_tensor *v;      /* of y's shape and dtype; default NULL: 1, for a y of one element */
    bool create_graph; /* default false */
    bool strict;       /* default false */
    rv_closure *closure;
} rv_vjp_options;

typedef struct rv_vjp_result {
    rv_tensor *output;   /* y */
    rv_tensors products; /* v' J, cut into the inputs' shapes */
} rv_vjp_result;

/* rv_vjp(f, context, inputs, v): v' J, in one backward. */
#define rv_vjp(f, ...) RV_OPTIONS(rv_vjp_with, rv_vjp_options, RV_CALLED(f), .context = __VA_ARGS__)
RV_API rv_vjp_result rv_vjp_with(const rv_vjp_options *options);

typedef struct rv_jvp_options {
    rv_function *function;
    void *context;
    rv_tensors inputs;
    rv_tensors v;      /* as many as inputs, each of its input's shape and dtype */
    bool create_graph; /* default false */
    bool strict;       /* default false */
    rv_closure *closure;
} rv_jvp_options;

typedef struct rv_jvp_result {
    rv_tensor *output;  /* y */
    rv_tensor *product; /* J v, of y's shape */
} rv_jvp_result;

/* rv_jvp(f, context, inputs, v): J v, the derivative in direction v. By two backwards: u' J is
 * linear in u, and its derivative with respect to u, weighted by v, is J v (the double backward
 * trick: Townsend 2017). So every operation on the way must be differentiable twice; all of the
 * library's are. */
#define rv_jvp(f, ...) RV_OPTIONS(rv_jvp_with, rv_jvp_options, RV_CALLED(f), .context = __VA_ARGS__)
RV_API rv_jvp_result rv_jvp_with(const rv_jvp_options *options);

typedef struct rv_hvp_result {
    rv_tensor *output;    /* y */
    rv_tensors gradients; /* of y: computed on the way, so here they are */
    rv_tensors products;  /* H v, cut into the inputs' shapes */
} rv_hvp_result;

/* rv_hvp(f, context, inputs, v): H v for a y of one element: the backward of the gradient weighted
 * by v (Pearlmutter 1994), which costs a few gradients, whatever n is. */
#define rv_hvp(f, ...) RV_OPTIONS(rv_hvp_with, rv_jvp_options, RV_CALLED(f), .context = __VA_ARGS__)
RV_API rv_hvp_result rv_hvp_with(const rv_jvp_options *options);

/* ---- matrices -------------------------------------------------------------------------------- */

typedef struct rv_jacobian_options {
    rv_function *function;
    void *context;
    rv_tensors inputs; /* all of one dtype, which y has too */
    bool batched;      /* default false; true: for a function of rows, see below */
    bool create_graph; /* default false */
    bool strict;       /* default false */
    rv_closure *closure;
} rv_jacobian_options;

/* rv_jacobian(f, context, inputs): J, [m,n]: rows are the elements of y, columns those of the
 * inputs, one input behind the other, all row-major. The block of one input is a slice of columns,
 * and PyTorch's form of it that slice reshaped to y's shape and the input's, one behind the other.
 * One backward for each row.
 *
 * With .batched = true, y is [batch, ...] and every input [batch, ...] too, and row i of y depends
 * on row i of the inputs alone (which is not checked). Then the result is [batch, m, n], the
 * Jacobian of each row, m and n counting in a row, and takes m backwards in all, not batch times as
 * many. Parameters become inputs of that form by rv_expand: the Jacobian of a network's outputs for
 * each sample, as Levenberg-Marquardt needs it, is
 *
 *     rv_tensor *w = rv_expand(weight, batch, out, in);      // no copy
 *     rv_tensor *j = rv_jacobian(outputs, &x, RV_TENSORS(w), .batched = true);
 *
 * where outputs multiplies sample i by in[0][i]. */
#define rv_jacobian(f, ...) \
    RV_OPTIONS(rv_jacobian_with, rv_jacobian_options, RV_CALLED(f), .context = __VA_ARGS__)
RV_API rv_tensor *rv_jacobian_with(const rv_jacobian_options *options);

/* rv_hessian(f, context, inputs): H, [n,n], of a y of one element; rows and columns are the
 * elements of the inputs, one input behind the other. One backward, and one more through it for
 * each row. H is symmetric to within rounding, and not made so. .batched is an error. */
#define rv_hessian(f, ...) \
    RV_OPTIONS(rv_hessian_with, rv_jacobian_options, RV_CALLED(f), .context = __VA_ARGS__)
RV_API rv_tensor *rv_hessian_with(const rv_jacobian_options *options);

RV_END_C

#endif

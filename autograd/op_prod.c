/* op_prod.c - the product of elements.
 *
 * Its derivative is, for each element, the product of all others: of those before it and of those
 * behind it. Nothing is divided, so that zeros, one or several, are no exception, and the second
 * derivative is as right as the first.
 */
#include "autograd/op_reduce.h"

/* x as a matrix whose rows are folded: the axes that are kept, in order, and then those of the set,
 * which `axes` gets in that order. */
static rv_tensor *as_rows(rv_tensor *x, rv_axis_set set, int *axes)
{
    int count = 0;
    for (int part = 0; part < 2; part++)
        for (int i = 0; i < x->ndim; i++)
            if ((int)(set >> i & 1) == part)
                axes[count++] = i;
    const int64_t folded = rv_folded(x->ndim, x->shape, set);
    return rv_reshape(rv_permute_n(x, x->ndim, axes), x->numel / folded, folded);
}

/* The reverse, for what has x's shape. */
static rv_tensor *from_rows(rv_tensor *rows, const rv_tensor *x, const int *axes)
{
    int64_t shape[RV_MAX_DIMENSIONS];
    int inverse[RV_MAX_DIMENSIONS];
    for (int i = 0; i < x->ndim; i++) {
        shape[i] = x->shape[axes[i]];
        inverse[axes[i]] = i;
    }
    return rv_permute_n(rv_reshape_n(rows, x->ndim, shape), x->ndim, inverse);
}

static void prod_derivative(rv_derivative *d)
{
    const rv_axis_set set = *(const rv_axis_set *)d->attributes;
    rv_tensor *x = rv_saved_input(d, 0);
    if (x == NULL)
        return;
    if (x->numel == 0) {
        d->grads[0] = rv_zeros_like(x);
        return;
    }
    int axes[RV_MAX_DIMENSIONS];
    rv_tensor *rows = as_rows(x, set, axes);
    rv_tensor *before = rv_cumprod(rows, 1, .exclusive = true);
    rv_tensor *behind = rv_cumprod(rows, 1, .exclusive = true, .reverse = true);
    rv_tensor *others = from_rows(rv_mul(before, behind), x, axes);
    d->grads[0] = rv_mul(rv_put_back(d, set, d->g), others);
}

static const rv_op prod_op = RV_OP(prod, 1, RV_SAVE_INPUT(0), prod_derivative);

rv_tensor *rv_prod_with(const rv_reduce_options *options)
{
    const char *who = "prod";
    rv_axis_set set;
    if (!rv_reduced_axes(who, options, &set))
        return NULL;
    rv_tensor *x = options->input;
    rv_tensor *y = rv_reduce(who, RV_FOLD_prod, x, set, options->keepdim);
    return rv_record(&prod_op, y, 1, &x, &set, sizeof set);
}

/* op_copy.c - copy, contiguous, cast: the same values in other memory. */
#include "autograd/op_support.h"

/* ---- copy ----------------------------------------------------------------------------------- */

static void copy_derivative(rv_derivative *d)
{
    d->grads[0] = d->g;
}

static const rv_op copy_op = RV_OP(copy, 1, RV_SAVE_NOTHING, copy_derivative);

rv_tensor *rv_copy(rv_tensor *x)
{
    return rv_record(&copy_op, rv_raw_copy("copy", x), 1, &x, NULL, 0);
}

rv_tensor *rv_contiguous(rv_tensor *x)
{
    if (!rv_check("contiguous", 0, x))
        return NULL;
    return rv_is_contiguous(x) ? x : rv_copy(x);
}

/* ---- cast ----------------------------------------------------------------------------------- */

static void cast_derivative(rv_derivative *d)
{
    d->grads[0] = rv_cast(d->g, rv_input_shape(d, 0).dtype);
}

static const rv_op cast_op = RV_OP(cast, 1, RV_SAVE_NOTHING, cast_derivative);

rv_tensor *rv_cast(rv_tensor *x, rv_dtype dtype)
{
    if (!rv_check("cast", 0, x))
        return NULL;
    if (x->dtype == dtype)
        return x;
    rv_tensor *y = rv_raw_cast("cast", x, dtype);
    if (!rv_dtype_is_floating(dtype))
        return y; /* a step function: nothing to record */
    return rv_record(&cast_op, y, 1, &x, NULL, 0);
}

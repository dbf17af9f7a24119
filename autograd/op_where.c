/* op_where.c - where: each element from one of two tensors, as a mask says. */
#include "autograd/op_support.h"

#include "core/elementwise.h"

static void where_derivative(rv_derivative *d)
{
    rv_tensor *condition = rv_saved_input(d, 0);
    rv_tensor *zero = rv_scalar_like("where", d->g, 0);
    if (d->needs[1])
        d->grads[1] = rv_where(condition, d->g, zero);
    if (d->needs[2])
        d->grads[2] = rv_where(condition, zero, d->g);
}

static const rv_op where_op = RV_OP(where, 3, RV_SAVE_INPUT(0), where_derivative);

rv_tensor *rv_where(rv_tensor *condition, rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {condition, a, b};
    return rv_record(&where_op, rv_elementwise("where", RV_LOOP_where, 3, in), 3, in, NULL, 0);
}

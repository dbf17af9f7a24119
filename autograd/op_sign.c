/* op_sign.c - abs, sign, floor, ceil, trunc, round: pieces of straight lines. */
#include "autograd/op_support.h"

#include "core/elementwise.h"

static void abs_derivative(rv_derivative *d)
{
    d->grads[0] = rv_mul(d->g, rv_sign(rv_saved_input(d, 0)));
}

static const rv_op abs_op = RV_OP(abs, 1, RV_SAVE_INPUT(0), abs_derivative);

rv_tensor *rv_abs(rv_tensor *x)
{
    return rv_record(&abs_op, rv_elementwise("abs", RV_LOOP_abs, 1, &x), 1, &x, NULL, 0);
}

/* Where they do not jump, the rest are level. */
static void level_derivative(rv_derivative *d)
{
    d->grads[0] = rv_zeros_like(d->g);
}

#define LEVEL(name)                                                                   \
    static const rv_op name##_op = RV_OP(name, 1, RV_SAVE_NOTHING, level_derivative); \
                                                                                      \
    rv_tensor *rv_##name(rv_tensor *x)                                                \
    {                                                                                 \
        rv_tensor *y = rv_elementwise(#name, RV_LOOP_##name, 1, &x);                  \
        return rv_record(&name##_op, y, 1, &x, NULL, 0);                              \
    }

LEVEL(sign)
LEVEL(floor)
LEVEL(ceil)
LEVEL(trunc)
LEVEL(round)

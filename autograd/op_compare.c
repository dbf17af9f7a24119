/* op_compare.c - eq, ne, lt, le, gt, ge: masks of U8, which have no derivative. */
#include "autograd/op_support.h"

#include "core/elementwise.h"

/* All six are the same but for their loop. */
#define COMPARISON(name)                                                                   \
    static const rv_op name##_op = RV_OP(name, 2, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE); \
                                                                                           \
    rv_tensor *rv_##name(rv_tensor *a, rv_tensor *b)                                       \
    {                                                                                      \
        rv_tensor *const in[] = {a, b};                                                    \
        rv_tensor *mask = rv_elementwise(#name, RV_LOOP_##name, 2, in);                    \
        return rv_record(&name##_op, mask, 2, in, NULL, 0);                                \
    }                                                                                      \
                                                                                           \
    rv_tensor *rv_##name##_scalar(rv_tensor *a, double b)                                  \
    {                                                                                      \
        return rv_##name(a, rv_scalar_like(#name, a, b));                                  \
    }

COMPARISON(eq)
COMPARISON(ne)
COMPARISON(lt)
COMPARISON(le)
COMPARISON(gt)
COMPARISON(ge)

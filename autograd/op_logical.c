/* op_logical.c - questions about elements, whose answers are masks of U8 without derivative: eq,
 * ne, lt, le, gt, ge; logical_not, and, or, xor; isnan, isinf, isfinite. The same but for their
 * loops.
 */
#include "autograd/op_support.h"

#include "core/elementwise.h"

#define MASK_OF_ONE(name)                                                                  \
    static const rv_op name##_op = RV_OP(name, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE); \
                                                                                           \
    rv_tensor *rv_##name(rv_tensor *x)                                                     \
    {                                                                                      \
        rv_tensor *mask = rv_elementwise(#name, RV_LOOP_##name, 1, &x);                    \
        return rv_record(&name##_op, mask, 1, &x, NULL, 0);                                \
    }

MASK_OF_ONE(logical_not)
MASK_OF_ONE(isnan)
MASK_OF_ONE(isinf)
MASK_OF_ONE(isfinite)

#define MASK_OF_TWO(name)                                                                  \
    static const rv_op name##_op = RV_OP(name, 2, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE); \
                                                                                           \
    rv_tensor *rv_##name(rv_tensor *a, rv_tensor *b)                                       \
    {                                                                                      \
        rv_tensor *const in[] = {a, b};                                                    \
        rv_tensor *mask = rv_elementwise(#name, RV_LOOP_##name, 2, in);                    \
        return rv_record(&name##_op, mask, 2, in, NULL, 0);                                \
    }

MASK_OF_TWO(logical_and)
MASK_OF_TWO(logical_or)
MASK_OF_TWO(logical_xor)

/* A comparison is also made with a number. */
#define COMPARISON(name)                                  \
    MASK_OF_TWO(name)                                     \
                                                          \
    rv_tensor *rv_##name##_scalar(rv_tensor *a, double b) \
    {                                                     \
        return rv_##name(a, rv_scalar_like(#name, a, b)); \
    }

COMPARISON(eq)
COMPARISON(ne)
COMPARISON(lt)
COMPARISON(le)
COMPARISON(gt)
COMPARISON(ge)

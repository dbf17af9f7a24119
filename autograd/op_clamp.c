/* op_clamp.c - maximum, minimum, clamp, hardtanh: the larger or smaller of two.
 *
 * What passes the gradient is decided by comparisons, and does not change with the inputs: their
 * derivatives, operations of their own with one pass each, have a derivative in the gradient alone.
 */
#include "autograd/op_support.h"

#include <math.h>

#include "core/elementwise.h"

/* ---- maximum, minimum ----------------------------------------------------------------------- */

static void maximum_derivative(rv_derivative *d)
{
    rv_tensor *a = rv_alone(rv_saved_input(d, 0)), *b = rv_alone(rv_saved_input(d, 1));
    if (d->needs[0])
        d->grads[0] = rv_maximum_grad(d->g, a, b);
    if (d->needs[1])
        d->grads[1] = rv_maximum_grad(d->g, b, a);
}

static const rv_op maximum_op =
    RV_OP(maximum, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), maximum_derivative);

rv_tensor *rv_maximum(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {a, b};
    rv_tensor *y = rv_elementwise("maximum", RV_LOOP_maximum, 2, in);
    return rv_record(&maximum_op, y, 2, in, NULL, 0);
}

/* a is the smaller where b is the larger. */
static void minimum_derivative(rv_derivative *d)
{
    rv_tensor *a = rv_alone(rv_saved_input(d, 0)), *b = rv_alone(rv_saved_input(d, 1));
    if (d->needs[0])
        d->grads[0] = rv_maximum_grad(d->g, b, a);
    if (d->needs[1])
        d->grads[1] = rv_maximum_grad(d->g, a, b);
}

static const rv_op minimum_op =
    RV_OP(minimum, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), minimum_derivative);

rv_tensor *rv_minimum(rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {a, b};
    rv_tensor *y = rv_elementwise("minimum", RV_LOOP_minimum, 2, in);
    return rv_record(&minimum_op, y, 2, in, NULL, 0);
}

static void maximum_grad_derivative(rv_derivative *d)
{
    rv_tensor *a = rv_saved_input(d, 1), *b = rv_saved_input(d, 2);
    if (d->needs[0])
        d->grads[0] = rv_maximum_grad(d->g, rv_alone(a), rv_alone(b));
    if (d->needs[1])
        d->grads[1] = rv_zeros_like(d->g);
    if (d->needs[2])
        d->grads[2] = rv_zeros_like(d->g);
}

static const rv_op maximum_grad_op =
    RV_OP(maximum_grad, 3, RV_SAVE_INPUT(1) | RV_SAVE_INPUT(2), maximum_grad_derivative);

rv_tensor *rv_maximum_grad(rv_tensor *g, rv_tensor *a, rv_tensor *b)
{
    rv_tensor *const in[] = {g, a, b};
    rv_tensor *out = rv_elementwise("maximum_grad", RV_LOOP_maximum_grad, 3, in);
    return rv_record(&maximum_grad_op, out, 3, in, NULL, 0);
}

/* ---- clamp, hardtanh ------------------------------------------------------------------------ */

typedef struct bounds {
    double min, max;
} bounds;

/* The gradient of either, and the gradient's own. */
static rv_tensor *bounded_grad(const rv_op *op, rv_loop_id loop, rv_tensor *g, rv_tensor *x,
                               bounds b)
{
    const char *who = op->name;
    if (!rv_check_floating(who, 0, g))
        return NULL;
    if (isnan(b.min) || isnan(b.max))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "a bound is NaN (min %g, max %g)", b.min,
                            b.max);
    rv_tensor *const in[] = {g, x, rv_scalar_like(who, g, b.min), rv_scalar_like(who, g, b.max)};
    if (in[2] == NULL || in[3] == NULL)
        return NULL;
    rv_tensor *out = rv_elementwise(who, loop, 4, in);
    return rv_record(op, out, 2, in, &b, sizeof b);
}

#define BOUNDED(name)                                                                             \
    static void name##_grad_derivative(rv_derivative *d)                                          \
    {                                                                                             \
        const bounds *b = d->attributes;                                                          \
        if (d->needs[0])                                                                          \
            d->grads[0] = rv_##name##_grad(d->g, rv_alone(rv_saved_input(d, 1)), b->min, b->max); \
        if (d->needs[1])                                                                          \
            d->grads[1] = rv_zeros_like(d->g);                                                    \
    }                                                                                             \
                                                                                                  \
    static const rv_op name##_grad_op =                                                           \
        RV_OP(name##_grad, 2, RV_SAVE_INPUT(1), name##_grad_derivative);                          \
                                                                                                  \
    rv_tensor *rv_##name##_grad(rv_tensor *g, rv_tensor *x, double min, double max)               \
    {                                                                                             \
        return bounded_grad(&name##_grad_op, RV_LOOP_##name##_grad, g, x, (bounds){min, max});    \
    }                                                                                             \
                                                                                                  \
    static void name##_derivative(rv_derivative *d)                                               \
    {                                                                                             \
        const bounds *b = d->attributes;                                                          \
        d->grads[0] = rv_##name##_grad(d->g, rv_alone(rv_saved_input(d, 0)), b->min, b->max);     \
    }                                                                                             \
                                                                                                  \
    static const rv_op name##_op = RV_OP(name, 1, RV_SAVE_INPUT(0), name##_derivative);

BOUNDED(clamp)
BOUNDED(hardtanh)

/* A bound that is infinite is none, so that integers need not hold it. */
static rv_tensor *between(const char *who, rv_tensor *x, bounds b)
{
    rv_tensor *low = isinf(b.min) ? NULL : rv_scalar_like(who, x, b.min);
    rv_tensor *high = isinf(b.max) ? NULL : rv_scalar_like(who, x, b.max);
    if ((low == NULL && !isinf(b.min)) || (high == NULL && !isinf(b.max)))
        return NULL;
    rv_tensor *const in[] = {x, low != NULL ? low : high, high};
    if (low != NULL && high != NULL)
        return rv_elementwise(who, RV_LOOP_clamp, 3, in);
    return rv_elementwise(who, low != NULL ? RV_LOOP_maximum : RV_LOOP_minimum, 2, in);
}

rv_tensor *rv_clamp_with(const rv_clamp_options *options)
{
    const char *who = "clamp";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *x = options->input;
    const bounds b = {options->min, options->max};
    if (!rv_check(who, 0, x))
        return NULL;
    if (!(b.min < INFINITY && b.max > -INFINITY) || (isinf(b.min) && isinf(b.max)))
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "min is %g and max %g, expected one or two numbers", b.min, b.max);
    return rv_record(&clamp_op, between(who, x, b), 1, &x, &b, sizeof b);
}

rv_tensor *rv_hardtanh_with(const rv_hardtanh_options *options)
{
    const char *who = "hardtanh";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *x = options->input;
    const bounds b = {options->min_val, options->max_val};
    if (!rv_check_floating(who, 0, x))
        return NULL;
    if (!isfinite(b.min) || !isfinite(b.max) || b.min > b.max)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "min_val is %g and max_val %g, expected numbers in that order", b.min,
                            b.max);
    return rv_record(&hardtanh_op, between(who, x, b), 1, &x, &b, sizeof b);
}

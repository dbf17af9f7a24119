/* op_scan.c - cumsum, cumprod, and linear_scan, which is what the derivative of cumprod needs.
 *
 * A scan that includes its own element is one that does not, and the element: so all derivatives
 * are exclusive scans in the other direction. None divides by an element, so zeros are no
 * exception.
 */
#include "autograd/op_reduce.h"

#include "core/scan.h"

typedef struct scan_attributes {
    int axis;
    bool reverse, exclusive;
} scan_attributes;

/* The attributes of a call on b; false with an error. */
static bool prepare(const char *who, int input, const rv_tensor *b, int axis,
                    scan_attributes *attributes)
{
    if (!rv_check(who, input, b))
        return false;
    attributes->axis = rv_check_axis(who, axis, b->ndim);
    return attributes->axis >= 0;
}

/* ---- cumsum --------------------------------------------------------------------------------- */

static void cumsum_derivative(rv_derivative *d)
{
    const scan_attributes *attributes = d->attributes;
    d->grads[0] = rv_cumsum(d->g, attributes->axis, .reverse = !attributes->reverse,
                            .exclusive = attributes->exclusive);
}

static const rv_op cumsum_op = RV_OP(cumsum, 1, RV_SAVE_NOTHING, cumsum_derivative);

/* ---- cumprod -------------------------------------------------------------------------------- */

static rv_tensor *scanned_back(const scan_attributes *attributes, rv_tensor *a, rv_tensor *b)
{
    return rv_linear_scan(a, b, attributes->axis, .reverse = !attributes->reverse,
                          .exclusive = true);
}

/* Element j is a factor of y[i] for i >= j, whose other factors are those before j and those
 * between j and i. */
static void cumprod_derivative(rv_derivative *d)
{
    const scan_attributes *attributes = d->attributes;
    rv_tensor *x = rv_saved_input(d, 0);
    rv_tensor *before =
        rv_cumprod(x, attributes->axis, .reverse = attributes->reverse, .exclusive = true);
    rv_tensor *behind = attributes->exclusive
                            ? scanned_back(attributes, x, d->g)
                            : rv_add(d->g, scanned_back(attributes, x, rv_mul(x, d->g)));
    d->grads[0] = rv_mul(before, behind);
}

static const rv_op cumprod_op = RV_OP(cumprod, 1, RV_SAVE_INPUT(0), cumprod_derivative);

/* cumsum or cumprod. */
static rv_tensor *scan_one(const rv_op *op, rv_scan_id scan, const rv_scan_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, op->name, "the options are NULL");
    rv_tensor *x = rv_at_least_1d(options->input);
    scan_attributes attributes = {.reverse = options->reverse, .exclusive = options->exclusive};
    if (!prepare(op->name, 0, x, options->axis, &attributes))
        return NULL;
    rv_tensor *y =
        rv_scan(op->name, scan, NULL, x, attributes.axis, options->reverse, options->exclusive);
    y = rv_record(op, y, 1, &x, &attributes, sizeof attributes);
    return x == options->input ? y : rv_reshape_n(y, 0, NULL);
}

rv_tensor *rv_cumsum_with(const rv_scan_options *options)
{
    return scan_one(&cumsum_op, RV_SCAN_sum, options);
}

rv_tensor *rv_cumprod_with(const rv_scan_options *options)
{
    return scan_one(&cumprod_op, RV_SCAN_prod, options);
}

/* ---- linear_scan ---------------------------------------------------------------------------- */

static void linear_scan_derivative(rv_derivative *d)
{
    const scan_attributes *attributes = d->attributes;
    rv_tensor *a = rv_saved_input(d, 0), *b = rv_saved_input(d, 1);
    rv_tensor *g = attributes->exclusive
                       ? scanned_back(attributes, a, d->g)
                       : rv_add(d->g, scanned_back(attributes, a, rv_mul(a, d->g)));
    d->grads[1] = g;
    if (d->needs[0])
        d->grads[0] = rv_mul(g, rv_linear_scan(a, b, attributes->axis,
                                               .reverse = attributes->reverse, .exclusive = true));
}

static const rv_op linear_scan_op =
    RV_OP(linear_scan, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), linear_scan_derivative);

rv_tensor *rv_linear_scan_with(const rv_linear_scan_options *options)
{
    const char *who = "linear_scan";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *const in[] = {options->a, options->b};
    scan_attributes attributes = {.reverse = options->reverse, .exclusive = options->exclusive};
    if (!rv_check_floating(who, 0, in[0]) || !rv_check_floating(who, 1, in[1]) ||
        !rv_check_dtypes(who, in[0], in[1]) || !prepare(who, 1, in[1], options->axis, &attributes))
        return NULL;
    if (!rv_same_shape(in[0], in[1]))
        return rv_fail_null(RV_ERROR_SHAPE, who, "a %s and b %s differ", RV_SHAPE_OF(in[0]),
                            RV_SHAPE_OF(in[1]));
    rv_tensor *y = rv_scan(who, RV_SCAN_linear, in[0], in[1], attributes.axis, options->reverse,
                           options->exclusive);
    return rv_record(&linear_scan_op, y, 2, in, &attributes, sizeof attributes);
}

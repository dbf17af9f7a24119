/* op_reduce.c - sum, mean, max, argmax.
 *
 * Derivatives put the reduced axes back with size 1, and broadcast from there.
 */
#include "autograd/op_support.h"

#include "core/elementwise.h"
#include "core/reduce.h"

/* The axes of an options struct as a set; all of them if none is given. */
static bool axis_set(const char *who, const rv_reduce_options *options, rv_axis_set *set)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_check(who, 0, options->input))
        return false;
    const int count = options->axes.count;
    const int ndim = options->input->ndim;
    if (count < 0 || count > RV_MAX_DIMENSIONS)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d axes given, expected 0 to %d", count,
                       RV_MAX_DIMENSIONS);
    *set = count == 0 ? (1u << ndim) - 1 : 0;
    for (int i = 0; i < count; i++) {
        const int axis = rv_check_axis(who, options->axes.axis[i], ndim);
        if (axis < 0)
            return false;
        if (*set & 1u << axis)
            return rv_fail(RV_ERROR_ARGUMENT, who, "axis %d is given twice", axis);
        *set |= 1u << axis;
    }
    return true;
}

/* How many elements of `shape` become one. */
static int64_t folded(int ndim, const int64_t *shape, rv_axis_set set)
{
    int64_t count = 1;
    for (int i = 0; i < ndim; i++)
        count *= set & 1u << i ? shape[i] : 1;
    return count;
}

/* What has the result's shape (g, or the result) with the reduced axes put back with size 1. */
static rv_tensor *put_back(const rv_derivative *d, rv_tensor *t)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const rv_axis_set set = *(const rv_axis_set *)d->attributes;
    if (t == NULL || t->ndim == in.ndim)
        return t;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < in.ndim; i++)
        shape[i] = set & 1u << i ? 1 : in.shape[i];
    return rv_reshape_n(t, in.ndim, shape);
}

/* ---- sum ------------------------------------------------------------------------------------ */

static void sum_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    d->grads[0] = rv_expand_n(put_back(d, d->g), in.ndim, in.shape);
}

static const rv_op sum_op = RV_OP(sum, 1, RV_SAVE_NOTHING, sum_derivative);

rv_tensor *rv_sum_with(const rv_reduce_options *options)
{
    rv_axis_set set;
    if (!axis_set("sum", options, &set))
        return NULL;
    rv_tensor *y = rv_reduce("sum", RV_FOLD_sum, options->input, set, options->keepdim);
    return rv_record(&sum_op, y, 1, &options->input, &set, sizeof set);
}

/* ---- mean ----------------------------------------------------------------------------------- */

static void mean_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const rv_axis_set set = *(const rv_axis_set *)d->attributes;
    rv_tensor *share = rv_div_scalar(put_back(d, d->g), (double)folded(in.ndim, in.shape, set));
    d->grads[0] = rv_expand_n(share, in.ndim, in.shape);
}

static const rv_op mean_op = RV_OP(mean, 1, RV_SAVE_NOTHING, mean_derivative);

static rv_tensor *mean(const rv_tensor *x, rv_axis_set set, bool keepdim)
{
    RV_SCOPE;
    rv_tensor *y = rv_reduce("mean", RV_FOLD_sum, x, set, keepdim);
    rv_tensor *count = rv_scalar_like("mean", x, (double)folded(x->ndim, x->shape, set));
    if (y == NULL || count == NULL)
        return NULL;
    const rv_tensor *const in[] = {y, count};
    rv_loop *divide = rv_kernels_get()->loops[RV_LOOP_div][x->dtype];
    return rv_elementwise_into("mean", divide, y, 2, in) ? rv_keep(y) : NULL;
}

rv_tensor *rv_mean_with(const rv_reduce_options *options)
{
    rv_axis_set set;
    if (!axis_set("mean", options, &set) || !rv_check_floating("mean", 0, options->input))
        return NULL;
    rv_tensor *y = mean(options->input, set, options->keepdim);
    return rv_record(&mean_op, y, 1, &options->input, &set, sizeof set);
}

/* ---- max ------------------------------------------------------------------------------------ */

static void max_derivative(rv_derivative *d)
{
    const rv_axis_set set = *(const rv_axis_set *)d->attributes;
    rv_reduce_options over = {.keepdim = true};
    rv_tensor *largest = rv_eq(rv_saved_input(d, 0), put_back(d, rv_saved_output(d)));
    over.input = rv_cast(largest, d->g->dtype);
    for (int i = 0; i < RV_MAX_DIMENSIONS; i++)
        if (set & 1u << i)
            over.axes.axis[over.axes.count++] = i;
    rv_tensor *count = set == 0 ? over.input : rv_sum_with(&over);
    d->grads[0] = rv_mul(rv_div(put_back(d, d->g), count), over.input);
}

static const rv_op max_op = RV_OP(max, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, max_derivative);

rv_tensor *rv_max_with(const rv_reduce_options *options)
{
    rv_axis_set set;
    if (!axis_set("max", options, &set))
        return NULL;
    rv_tensor *y = rv_reduce("max", RV_FOLD_max, options->input, set, options->keepdim);
    return rv_record(&max_op, y, 1, &options->input, &set, sizeof set);
}

/* ---- argmax --------------------------------------------------------------------------------- */

static const rv_op argmax_op = RV_OP(argmax, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);

rv_tensor *rv_argmax(rv_tensor *x, int axis)
{
    if (!rv_check("argmax", 0, x))
        return NULL;
    const int along = rv_check_axis("argmax", axis, x->ndim);
    if (along < 0)
        return NULL;
    return rv_record(&argmax_op, rv_reduce_argmax("argmax", x, along, false), 1, &x, NULL, 0);
}

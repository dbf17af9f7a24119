/* op_variance.c - var, std, and var_mean.
 *
 * Two passes: the mean in double, then the squares of what differs from it. Sums of squares from
 * which the square of the sum is taken lose all digits where the mean is large.
 */
#include "autograd/op_reduce.h"

#include <math.h>

typedef struct variance_attributes {
    rv_axis_set set;
    double divisor; /* max(0, n - correction) */
} variance_attributes;

/* Everything about the call but its results; false with an error. */
static bool prepare(const char *who, const rv_var_options *options, variance_attributes *attributes)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    const rv_tensor *x = options->input;
    if (!rv_axes_of(who, x, &options->axes, &attributes->set) || !rv_check_floating(who, 0, x))
        return false;
    if (!isfinite(options->correction))
        return rv_fail(RV_ERROR_ARGUMENT, who, "correction %g; expected a finite number",
                       options->correction);
    const double count = (double)rv_folded(x->ndim, x->shape, attributes->set);
    attributes->divisor = fmax(0, count - options->correction);
    return true;
}

/* The mean of x, as double. */
static rv_tensor *mean_of(const char *who, const rv_tensor *x, rv_axis_set set, bool keepdim)
{
    const rv_folding how = {.fold = RV_FOLD_sum,
                            .finish = RV_FINISH_divide,
                            .number = (double)rv_folded(x->ndim, x->shape, set),
                            .as_f64 = true};
    return rv_reduce_with(who, &how, x, set, keepdim);
}

static rv_tensor *spread(const char *who, const rv_tensor *x, const rv_tensor *mean,
                         const variance_attributes *attributes, rv_fold_finish finish, bool keepdim)
{
    const rv_folding how = {.centered = RV_FOLD_deviations,
                            .centers = mean,
                            .finish = finish,
                            .number = attributes->divisor};
    return mean == NULL ? NULL : rv_reduce_with(who, &how, x, attributes->set, keepdim);
}

static rv_tensor *spread_alone(const char *who, const rv_tensor *x,
                               const variance_attributes *attributes, rv_fold_finish finish,
                               bool keepdim)
{
    RV_SCOPE;
    const rv_tensor *mean = mean_of(who, x, attributes->set, keepdim);
    return rv_keep(spread(who, x, mean, attributes, finish, keepdim));
}

/* scale times the input less its mean. In F32 the mean is rounded, by much if it is large beside
 * what is left: the mean of that is taken away too. */
static rv_tensor *deviation_times(rv_derivative *d, rv_axis_set set, rv_tensor *scale)
{
    rv_tensor *x = rv_saved_input(d, 0);
    rv_tensor *deviation = rv_sub(x, rv_mean_over(x, set));
    if (deviation != NULL && deviation->dtype == RV_F32)
        deviation = rv_sub(deviation, rv_mean_over(deviation, set));
    return rv_mul(scale, deviation);
}

/* ---- var ------------------------------------------------------------------------------------ */

static void var_derivative(rv_derivative *d)
{
    const variance_attributes *attributes = d->attributes;
    rv_tensor *g = rv_put_back(d, attributes->set, d->g);
    rv_tensor *scale = rv_mul_scalar(g, 2 / attributes->divisor);
    d->grads[0] = deviation_times(d, attributes->set, scale);
}

static const rv_op var_op = RV_OP(var, 1, RV_SAVE_INPUT(0), var_derivative);

rv_tensor *rv_var_with(const rv_var_options *options)
{
    variance_attributes attributes;
    if (!prepare("var", options, &attributes))
        return NULL;
    rv_tensor *y =
        spread_alone("var", options->input, &attributes, RV_FINISH_divide, options->keepdim);
    return rv_record(&var_op, y, 1, &options->input, &attributes, sizeof attributes);
}

/* ---- std ------------------------------------------------------------------------------------ */

/* Where all elements are equal the slope depends on the direction, and counts as 0, as in PyTorch.
 */
static void std_derivative(rv_derivative *d)
{
    const variance_attributes *attributes = d->attributes;
    rv_tensor *g = rv_put_back(d, attributes->set, d->g);
    rv_tensor *y = rv_put_back(d, attributes->set, rv_saved_output(d));
    rv_tensor *scale = rv_quotient_or_0("std", rv_div_scalar(g, attributes->divisor), y);
    d->grads[0] = deviation_times(d, attributes->set, scale);
}

static const rv_op std_op = RV_OP(std, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, std_derivative);

rv_tensor *rv_std_with(const rv_var_options *options)
{
    variance_attributes attributes;
    if (!prepare("std", options, &attributes))
        return NULL;
    rv_tensor *y =
        spread_alone("std", options->input, &attributes, RV_FINISH_root, options->keepdim);
    return rv_record(&std_op, y, 1, &options->input, &attributes, sizeof attributes);
}

/* ---- var_mean ------------------------------------------------------------------------------- */

static void var_mean_derivative(rv_derivative *d)
{
    const variance_attributes *attributes = d->attributes;
    const rv_shape_of in = rv_input_shape(d, 0);
    rv_tensor *g_var = rv_put_back(d, attributes->set, d->gs[0]);
    rv_tensor *g_mean = rv_put_back(d, attributes->set, d->gs[1]);
    rv_tensor *scale = rv_mul_scalar(g_var, 2 / attributes->divisor);
    const double count = (double)rv_folded(in.ndim, in.shape, attributes->set);
    d->grads[0] = rv_add(deviation_times(d, attributes->set, scale), rv_div_scalar(g_mean, count));
}

static const rv_op var_mean_op = RV_OP(var_mean, 1, RV_SAVE_INPUT(0), var_mean_derivative);

rv_moments rv_var_mean_with(const rv_var_options *options)
{
    const char *who = "var_mean";
    const rv_moments none = {NULL, NULL};
    variance_attributes attributes;
    if (!prepare(who, options, &attributes))
        return none;
    RV_SCOPE;
    rv_tensor *x = options->input;
    rv_tensor *mean = mean_of(who, x, attributes.set, options->keepdim);
    rv_tensor *var = spread(who, x, mean, &attributes, RV_FINISH_divide, options->keepdim);
    if (var != NULL && x->dtype != RV_F64)
        mean = rv_raw_cast(who, mean, x->dtype);
    rv_tensor *const out[] = {var, mean};
    if (var == NULL || mean == NULL ||
        !rv_record_many(&var_mean_op, 2, out, 1, &x, &attributes, sizeof attributes))
        return none;
    return (rv_moments){rv_keep(var), rv_keep(mean)};
}

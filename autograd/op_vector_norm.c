/* op_vector_norm.c - norm: (sum |x|^p)^(1/p), and its limits.
 *
 * Sums are in double. For p = 2, squares of F32 cannot leave its range; those of F64 can, and then
 * the work is done again with all elements divided by the largest, as for a p that is not 0, 1, 2
 * or infinite from the beginning (by the smallest, if p is negative).
 */
#include "autograd/op_reduce.h"

#include <math.h>

typedef struct norm_attributes {
    rv_axis_set set;
    double p;
} norm_attributes;

/* ---- derivative ------------------------------------------------------------------------------ */

/* -1, 0 or 1: a constant. */
static rv_tensor *sign_of(rv_tensor *x)
{
    if (x == NULL)
        return NULL;
    return rv_sub(rv_cast(rv_gt_scalar(x, 0), x->dtype), rv_cast(rv_lt_scalar(x, 0), x->dtype));
}

/* For p = inf and -inf: in equal parts to the elements whose size is the norm. */
static rv_tensor *share_of_limit(rv_tensor *x, rv_tensor *y, rv_tensor *g, rv_axis_set set)
{
    rv_tensor *sign = sign_of(x);
    if (sign == NULL)
        return NULL;
    rv_tensor *picked = rv_cast(rv_eq(rv_mul(x, sign), y), x->dtype);
    return rv_mul(rv_mul(sign, picked), rv_div(g, rv_sum_over(picked, set)));
}

/* For any other p: g * sign(x) * (|x|/y)^(p-1), and 0 where x or y is 0. */
static rv_tensor *share_of_power(rv_tensor *x, rv_tensor *y, rv_tensor *g, double p)
{
    rv_tensor *sign = sign_of(x);
    rv_tensor *ratio = rv_quotient_or_0("norm", rv_mul(x, sign), y);
    rv_tensor *is_0 = rv_eq_scalar(ratio, 0);
    rv_tensor *base = rv_where(is_0, rv_scalar_like("norm", ratio, 1), ratio);
    return rv_mul(g, rv_mul(sign, rv_pow_scalar(base, p - 1)));
}

static void norm_derivative(rv_derivative *d)
{
    const norm_attributes *attributes = d->attributes;
    const double p = attributes->p;
    rv_tensor *x = rv_saved_input(d, 0);
    rv_tensor *y = rv_put_back(d, attributes->set, rv_saved_output(d));
    rv_tensor *g = rv_put_back(d, attributes->set, d->g);
    if (x == NULL)
        return;
    if (p == 0)
        d->grads[0] = rv_zeros_like(x);
    else if (p == 1)
        d->grads[0] = rv_mul(g, sign_of(x));
    else if (p == 2)
        d->grads[0] = rv_mul(x, rv_quotient_or_0("norm", g, y));
    else if (isinf(p))
        d->grads[0] = share_of_limit(x, y, g, attributes->set);
    else
        d->grads[0] = share_of_power(x, y, g, p);
}

static const rv_op norm_op = RV_OP(norm, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, norm_derivative);

/* ---- the norm -------------------------------------------------------------------------------- */

/* With all elements divided by the largest, or the smallest if p is negative. */
static rv_tensor *scaled_norm(const rv_tensor *x, const norm_attributes *attributes, bool keepdim)
{
    RV_SCOPE;
    const rv_folding find = {.fold = attributes->p < 0 ? RV_FOLD_min_size : RV_FOLD_max_size,
                             .as_f64 = true};
    const rv_tensor *size = rv_reduce_with("norm", &find, x, attributes->set, keepdim);
    const rv_folding how = {.centered = RV_FOLD_powers,
                            .centers = size,
                            .finish = RV_FINISH_power,
                            .number = attributes->p};
    if (size == NULL)
        return NULL;
    return rv_keep(rv_reduce_with("norm", &how, x, attributes->set, keepdim));
}

/* Whether squares left the range of double on their way to a norm, or came near enough to its lower
 * end to lose digits. */
static bool left_range(const rv_tensor *norms)
{
    const double *const norm = (const double *)(const void *)norms->data;
    bool left = false;
    for (int64_t i = 0; i < norms->numel; i++)
        left |= norm[i] < 1e-140 || norm[i] > 1e150;
    return left;
}

static rv_tensor *euclidean_norm(const rv_tensor *x, const norm_attributes *attributes,
                                 bool keepdim)
{
    const rv_folding how = {.fold = RV_FOLD_sum_squares, .finish = RV_FINISH_root, .number = 1};
    rv_tensor *y = rv_reduce_with("norm", &how, x, attributes->set, keepdim);
    if (y == NULL || y->dtype == RV_F32 || x->numel == 0 || !left_range(y))
        return y;
    return scaled_norm(x, attributes, keepdim);
}

static rv_tensor *count_nonzero(const rv_tensor *x, rv_axis_set set, bool keepdim)
{
    RV_SCOPE;
    const rv_tensor *count = rv_reduce("norm", RV_FOLD_count, x, set, keepdim);
    return count == NULL ? NULL : rv_keep(rv_raw_cast("norm", count, x->dtype));
}

static rv_tensor *norm(const rv_tensor *x, const norm_attributes *attributes, bool keepdim)
{
    const double p = attributes->p;
    const bool is_empty = rv_folded(x->ndim, x->shape, attributes->set) == 0;
    rv_fold_id fold = RV_FOLD_sum_sizes;
    if (p == 0)
        return count_nonzero(x, attributes->set, keepdim);
    if (p == 2)
        return euclidean_norm(x, attributes, keepdim);
    if (p != 1 && !isinf(p) && !(is_empty && p > 0))
        return scaled_norm(x, attributes, keepdim);
    if (isinf(p))
        fold = p > 0 ? RV_FOLD_max_size : RV_FOLD_min_size;
    return rv_reduce("norm", fold, x, attributes->set, keepdim);
}

rv_tensor *rv_norm_with(const rv_norm_options *options)
{
    const char *who = "norm";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *x = options->input;
    norm_attributes attributes = {.p = options->p};
    if (!rv_axes_of(who, x, &options->axes, &attributes.set) || !rv_check_floating(who, 0, x))
        return NULL;
    if (isnan(options->p))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "p is NaN; expected a number, inf or -inf");
    rv_tensor *y = norm(x, &attributes, options->keepdim);
    return rv_record(&norm_op, y, 1, &x, &attributes, sizeof attributes);
}

/* op_similarity.c - kl_div and cosine_similarity: how alike two distributions or directions are,
 * made of other operations. */
#include "autograd/op_loss.h"

#include "core/elementwise.h"

/* ---- kl_div --------------------------------------------------------------------------------- */

/* log(t), but 0 where t is 0: t*log(t) counts as 0 there. */
static rv_tensor *log_of_target(const char *who, rv_tensor *t)
{
    return rv_log(rv_where(rv_eq_scalar(t, 0), rv_scalar_like(who, t, 1), t));
}

rv_tensor *rv_kl_div_with(const rv_kl_div_options *options)
{
    const char *who = "kl_div";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *const x = options->x, *const t = options->target;
    const bool by_batch = options->reduction == RV_REDUCTION_BATCHMEAN;
    if ((!by_batch && !rv_check_reduction(who, options->reduction)) || !rv_check_pair(who, x, t))
        return NULL;
    rv_tensor *probability = options->log_target ? rv_exp(t) : t;
    rv_tensor *log_probability = options->log_target ? t : log_of_target(who, t);
    rv_tensor *terms = rv_mul(probability, rv_sub(log_probability, x));
    if (!by_batch)
        return rv_reduced(terms, options->reduction);
    return rv_div_scalar(rv_sum(terms), x->ndim > 0 ? (double)x->shape[0] : 1);
}

/* ---- cosine_similarity ---------------------------------------------------------------------- */

/* t over its length along the axis, or over eps if that is more. The length of zeros is not
 * computed from them, since its derivative would be 0/0. */
static rv_tensor *direction(const char *who, rv_tensor *t, int axis, double eps)
{
    rv_tensor *square = rv_sum(rv_mul(t, t), .axes = RV_AXES(axis), .keepdim = true);
    rv_tensor *one = rv_scalar_like(who, t, 1), *least = rv_scalar_like(who, t, eps);
    rv_tensor *is_zero = rv_eq_scalar(square, 0);
    rv_tensor *length = rv_sqrt(rv_where(is_zero, one, square));
    rv_tensor *is_less = rv_lt(rv_where(is_zero, rv_scalar_like(who, t, 0), length), least);
    return rv_div(t, rv_where(is_less, least, length));
}

rv_tensor *rv_cosine_similarity_with(const rv_cosine_similarity_options *options)
{
    const char *who = "cosine_similarity";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *a = options->a, *b = options->b;
    if (!rv_check_floating(who, 0, a) || !rv_check_floating(who, 1, b) ||
        !rv_check_dtypes(who, a, b))
        return NULL;
    if (!(options->eps > 0))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "eps is %g, expected > 0", options->eps);
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    if (!rv_broadcast_shape(who, 2, (rv_tensor *const[]){a, b}, &ndim, shape))
        return NULL;
    const int axis = rv_check_axis(who, options->axis, ndim);
    if (axis < 0)
        return NULL;
    a = direction(who, rv_expand_n(a, ndim, shape), axis, options->eps);
    b = direction(who, rv_expand_n(b, ndim, shape), axis, options->eps);
    return rv_sum(rv_mul(a, b), .axes = RV_AXES(axis));
}

/* op_maxout.c - maxout, glu and feature_dropout, made of other operations. */
#include "autograd/op_support.h"

/* ---- maxout --------------------------------------------------------------------------------- */

rv_tensor *rv_maxout(rv_tensor *x, int64_t pieces, int axis)
{
    const char *who = "maxout";
    if (!rv_check_floating(who, 0, x))
        return NULL;
    const int along = rv_check_axis(who, axis, x->ndim);
    if (along < 0)
        return NULL;
    if (pieces < 1 || x->shape[along] % pieces != 0)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "%lld pieces do not divide axis %d of %s, expected a divisor of %lld",
                            (long long)pieces, along, RV_SHAPE_OF(x), (long long)x->shape[along]);
    if (x->ndim == RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_SHAPE, who, "input %s has %d axes, expected %d at most",
                            RV_SHAPE_OF(x), x->ndim, RV_MAX_DIMENSIONS - 1);
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < x->ndim; i++)
        shape[i <= along ? i : i + 1] = x->shape[i];
    shape[along] = x->shape[along] / pieces;
    shape[along + 1] = pieces;
    return rv_max(rv_reshape_n(x, x->ndim + 1, shape), .axes = RV_AXES(along + 1));
}

/* ---- glu ------------------------------------------------------------------------------------ */

rv_tensor *rv_glu(rv_tensor *x, int axis)
{
    const char *who = "glu";
    if (!rv_check_floating(who, 0, x))
        return NULL;
    const int along = rv_check_axis(who, axis, x->ndim);
    if (along < 0)
        return NULL;
    const int64_t size = x->shape[along];
    if (size % 2 != 0)
        return rv_fail_null(RV_ERROR_SHAPE, who, "axis %d of %s is odd, expected two halves", along,
                            RV_SHAPE_OF(x));
    rv_tensor *half = rv_slice(x, .axis = along, .stop = size / 2);
    return rv_mul(half, rv_sigmoid(rv_slice(x, .axis = along, .start = size / 2)));
}

/* ---- feature_dropout ------------------------------------------------------------------------ */

static bool check_features(const char *who, const rv_tensor *x)
{
    if (!rv_check_floating(who, 0, x))
        return false;
    return x->ndim >= 2 ||
           rv_fail(RV_ERROR_SHAPE, who, "input is %s, expected [n,channels,..]", RV_SHAPE_OF(x));
}

rv_tensor *rv_feature_dropout_at(rv_tensor *x, double p, rv_random_place place)
{
    const char *who = "feature_dropout";
    if (!check_features(who, x))
        return NULL;
    if (!(p >= 0 && p <= 1))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "p is %g, expected 0 to 1", p);
    if (p == 0)
        return x;
    int64_t shape[RV_MAX_DIMENSIONS] = {x->shape[0], x->shape[1]};
    for (int i = 2; i < x->ndim; i++)
        shape[i] = 1;
    return rv_mul(x, rv_dropout_at(rv_ones_n(x->dtype, x->ndim, shape), p, place));
}

rv_tensor *rv_feature_dropout(rv_tensor *x, double p)
{
    if (!check_features("feature_dropout", x))
        return NULL;
    const bool draws = p > 0 && p <= 1;
    const rv_random_place none = {0, 0};
    return rv_feature_dropout_at(x, p, draws ? rv_random_take(x->shape[0] * x->shape[1]) : none);
}

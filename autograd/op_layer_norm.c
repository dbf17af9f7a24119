/* op_layer_norm.c - layer_norm and rms_norm: their options. What they do is in op_norm.c. */
#include "autograd/norm_parts.h"

/* ---- layer_norm, rms_norm -------------------------------------------------------------------- */

/* Whether t, if it is given, has the shape of x's last axes. */
static bool check_trailing(const char *who, const char *name, int input, const rv_tensor *t,
                           const rv_tensor *x, int axes)
{
    if (t == NULL)
        return true;
    if (!rv_check(who, input, t) || !rv_check_dtypes(who, x, t))
        return false;
    const int64_t *last = x->shape + x->ndim - axes;
    bool fits = t->ndim == axes;
    for (int i = 0; fits && i < axes; i++)
        fits = t->shape[i] == last[i];
    if (!fits)
        return rv_fail(RV_ERROR_SHAPE, who, "%s is %s, the last %d axes of %s take %s", name,
                       RV_SHAPE_OF(t), axes, RV_SHAPE_OF(x),
                       rv_shape_text(RV_SHAPE_BUFFER, axes, last));
    return true;
}

static bool check_rows(const char *who, int input, const rv_tensor *x, int axes)
{
    if (!rv_check_floating(who, input, x))
        return false;
    if (axes < 1 || axes > x->ndim)
        return rv_fail(RV_ERROR_ARGUMENT, who, "the last %d axes of %s cannot be normalized", axes,
                       RV_SHAPE_OF(x));
    return true;
}

static rv_norm_form row_form(const char *who, int axes, bool centered, double eps)
{
    return (rv_norm_form){
        .who = who, .by_rows = true, .axes = axes, .centered = centered, .eps = eps};
}

rv_tensor *rv_layer_norm_with(const rv_layer_norm_options *o)
{
    const char *who = "layer_norm";
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_rows(who, 0, o->input, o->axes) ||
        !check_trailing(who, "weight", 1, o->weight, o->input, o->axes) ||
        !check_trailing(who, "bias", 2, o->bias, o->input, o->axes) ||
        !rv_norm_check_eps(who, o->eps))
        return NULL;
    const rv_norm_form form = row_form(who, o->axes, true, o->eps);
    return rv_normalize(&form, o->input, o->weight, o->bias, NULL);
}

rv_norm_gradients rv_layer_norm_grad(rv_tensor *g, rv_tensor *x, rv_tensor *weight, int axes,
                                     double eps)
{
    const char *who = "layer_norm_grad";
    const rv_norm_form form = row_form(who, axes, true, eps);
    if (!rv_check_floating(who, 0, g) || !check_rows(who, 1, x, axes) ||
        !rv_norm_check_grad(who, g, x, eps) || !check_trailing(who, "weight", 2, weight, x, axes))
        return (rv_norm_gradients){NULL, NULL, NULL};
    return rv_normalize_grad(&form, g, x, weight);
}

rv_tensor *rv_rms_norm_with(const rv_rms_norm_options *o)
{
    const char *who = "rms_norm";
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_rows(who, 0, o->input, o->axes) ||
        !check_trailing(who, "weight", 1, o->weight, o->input, o->axes))
        return NULL;
    const double least = o->input->dtype == RV_F32 ? 0x1p-23 : 0x1p-52;
    const double eps = o->eps == RV_EPS_OF_DTYPE ? least : o->eps;
    if (!rv_norm_check_eps(who, eps))
        return NULL;
    const rv_norm_form form = row_form(who, o->axes, false, eps);
    return rv_normalize(&form, o->input, o->weight, NULL, NULL);
}

/* op_class_loss.c - nll and multi_margin: losses of a score for each class, made of other
 * operations. */
#include "autograd/op_loss.h"

#include <math.h>

/* ---- nll ------------------------------------------------------------------------------------ */

rv_tensor *rv_nll_with(const rv_nll_options *options)
{
    const char *who = "nll";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *const x = options->log_probabilities;
    rv_labels labels;
    if (!rv_check_reduction(who, options->reduction) ||
        !rv_check_labels(who, x, options->labels, options->weight, &options->ignore_index, &labels))
        return NULL;
    rv_tensor *terms = rv_mul(rv_gather(x, rv_class_axis(x), rv_label_index(&labels)),
                              rv_label_shares(&labels, x->dtype, 0, -1));
    if (labels.ignored_count > 0) /* whatever stands there, an infinity even, counts nothing */
        terms = rv_where(rv_label_mask(&labels), terms, rv_scalar_like(who, x, 0));
    if (options->reduction == RV_REDUCTION_NONE)
        return rv_reshape_n(terms, labels.labels->ndim, labels.labels->shape);
    rv_tensor *sum = rv_sum(terms);
    return options->reduction == RV_REDUCTION_SUM ? sum : rv_div_scalar(sum, labels.counted);
}

/* ---- multi_margin --------------------------------------------------------------------------- */

static bool check_multi_margin(const char *who, const rv_multi_margin_options *options)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    if (options->p != 1 && options->p != 2)
        return rv_fail(RV_ERROR_ARGUMENT, who, "p is %d, expected 1 or 2", options->p);
    if (!isfinite(options->margin))
        return rv_fail(RV_ERROR_ARGUMENT, who, "margin is %g, expected a finite number",
                       options->margin);
    if (!rv_check_reduction(who, options->reduction) || !rv_check_floating(who, 0, options->x))
        return false;
    if (options->x->ndim > 2)
        return rv_fail(RV_ERROR_SHAPE, who, "input is %s, expected [n,classes] or [classes]",
                       RV_SHAPE_OF(options->x));
    return true;
}

/* 0 at the label of each sample of x, 1 elsewhere: U8. */
static rv_tensor *all_but_labels(const rv_tensor *x, const rv_labels *labels)
{
    rv_tensor *const mask = rv_ones_n(RV_U8, x->ndim, x->shape);
    for (int64_t i = 0; mask != NULL && i < labels->labels->numel; i++)
        ((uint8_t *)mask->data)[i * labels->classes + ((const int64_t *)labels->labels->data)[i]] =
            0;
    return mask;
}

rv_tensor *rv_multi_margin_with(const rv_multi_margin_options *options)
{
    const char *who = "multi_margin";
    rv_labels labels;
    if (!check_multi_margin(who, options) ||
        !rv_check_labels(who, options->x, options->labels, options->weight, NULL, &labels))
        return NULL;
    rv_tensor *const x = options->x;
    const int axis = rv_class_axis(x);
    rv_tensor *own = rv_gather(x, axis, rv_label_index(&labels));
    rv_tensor *hinge = rv_relu(rv_add_scalar(rv_sub(x, own), options->margin));
    if (options->p == 2)
        hinge = rv_mul(hinge, hinge);
    hinge = rv_where(all_but_labels(x, &labels), hinge, rv_scalar_like(who, x, 0));
    const double share = options->undivided || labels.classes == 0 ? 1 : 1 / (double)labels.classes;
    rv_tensor *losses = rv_mul(rv_sum(hinge, .axes = RV_AXES(axis), .keepdim = true),
                               rv_label_shares(&labels, x->dtype, 0, share));
    losses = rv_reshape_n(losses, labels.labels->ndim, labels.labels->shape);
    return rv_reduced(losses, options->reduction);
}

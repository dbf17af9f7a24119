/* op_loss.c - what the losses share: checks, reductions, and labels that name classes. */
#include "autograd/op_loss.h"

/* ---- checks and reductions ------------------------------------------------------------------ */

bool rv_check_reduction(const char *who, rv_reduction reduction)
{
    if (reduction == RV_REDUCTION_MEAN || reduction == RV_REDUCTION_SUM ||
        reduction == RV_REDUCTION_NONE)
        return true;
    return rv_fail(RV_ERROR_ARGUMENT, who, "reduction %d is none that it has", (int)reduction);
}

bool rv_check_pair(const char *who, const rv_tensor *x, const rv_tensor *target)
{
    if (!rv_check_floating(who, 0, x) || !rv_check_floating(who, 1, target) ||
        !rv_check_dtypes(who, x, target))
        return false;
    if (!rv_same_shape(x, target))
        return rv_fail(RV_ERROR_SHAPE, who, "input %s and target %s differ", RV_SHAPE_OF(x),
                       RV_SHAPE_OF(target));
    return true;
}

rv_tensor *rv_reduced(rv_tensor *losses, rv_reduction reduction)
{
    if (losses == NULL || reduction == RV_REDUCTION_NONE)
        return losses;
    return reduction == RV_REDUCTION_SUM ? rv_sum(losses) : rv_mean(losses);
}

/* ---- labels --------------------------------------------------------------------------------- */

static bool check_shapes(const char *who, const rv_tensor *scores, const rv_tensor *labels)
{
    const int axis = rv_class_axis(scores);
    bool fits = scores->ndim >= 1 && labels->ndim == scores->ndim - 1;
    for (int i = 0; fits && i < labels->ndim; i++)
        fits = labels->shape[i] == scores->shape[i < axis ? i : i + 1];
    return fits || rv_fail(RV_ERROR_SHAPE, who,
                           "input %s and labels %s do not fit: expected [n,classes,..] and [n,..]",
                           RV_SHAPE_OF(scores), RV_SHAPE_OF(labels));
}

bool rv_check_class_weight(const char *who, const rv_tensor *scores, const rv_tensor *weight)
{
    if (weight == NULL)
        return true;
    if (!rv_check(who, 2, weight) || !rv_check_dtypes(who, scores, weight))
        return false;
    const int64_t classes = scores->shape[rv_class_axis(scores)];
    return (weight->ndim == 1 && weight->shape[0] == classes) ||
           rv_fail(RV_ERROR_SHAPE, who, "weight is %s, expected [%lld], one for each class of %s",
                   RV_SHAPE_OF(weight), (long long)classes, RV_SHAPE_OF(scores));
}

static bool fail_label(const char *who, const rv_labels *of, int64_t i)
{
    const rv_tensor *labels = of->labels;
    const int64_t bad = ((const int64_t *)labels->data)[i];
    int64_t place[RV_MAX_DIMENSIONS];
    for (int k = labels->ndim - 1; k >= 0; k--) {
        place[k] = i % labels->shape[k];
        i /= labels->shape[k];
    }
    return rv_fail(RV_ERROR_INDEX, who, "label %lld at %s is not in [0, %lld)", (long long)bad,
                   rv_shape_text(RV_SHAPE_BUFFER, labels->ndim, place), (long long)of->classes);
}

static double weight_at(const rv_labels *of, int64_t label)
{
    if (of->weight == NULL)
        return 1;
    return of->weight->dtype == RV_F32 ? (double)((const float *)of->weight->data)[label]
                                       : ((const double *)of->weight->data)[label];
}

static bool is_ignored(const rv_labels *of, int64_t label)
{
    return of->ignored != NULL && label == *of->ignored;
}

/* Names the first label that is no class, and adds up the weights. */
static bool look_at_labels(const char *who, rv_labels *of)
{
    const int64_t *const label = (const int64_t *)of->labels->data;
    double counted = 0;
    for (int64_t i = 0; i < of->labels->numel; i++) {
        if (is_ignored(of, label[i])) {
            of->ignored_count++;
            continue;
        }
        if (label[i] < 0 || label[i] >= of->classes)
            return fail_label(who, of, i);
        counted += weight_at(of, label[i]);
    }
    of->counted = counted;
    return true;
}

bool rv_check_labels(const char *who, const rv_tensor *scores, const rv_tensor *labels,
                     const rv_tensor *weight, const int64_t *ignored, rv_labels *into)
{
    if (!rv_check_floating(who, 0, scores) || !rv_check(who, 1, labels))
        return false;
    if (labels->dtype != RV_I64)
        return rv_fail(RV_ERROR_DTYPE, who, "labels are %s, expected I64",
                       rv_dtype_name(labels->dtype));
    if (!check_shapes(who, scores, labels) || !rv_check_class_weight(who, scores, weight))
        return false;
    *into = (rv_labels){.labels = rv_raw_contiguous(who, labels),
                        .weight = weight != NULL ? rv_raw_contiguous(who, weight) : NULL,
                        .classes = scores->shape[rv_class_axis(scores)],
                        .ignored = ignored};
    if (into->labels == NULL || (weight != NULL && into->weight == NULL) ||
        !look_at_labels(who, into))
        return false;
    if (into->classes == 0 && labels->numel > 0)
        return rv_fail(RV_ERROR_SHAPE, who, "input %s has no classes", RV_SHAPE_OF(scores));
    return true;
}

/* An uninitialized tensor that has a place for each label, and an axis for the classes. */
static rv_tensor *beside_labels(const rv_labels *of, rv_dtype dtype)
{
    const rv_tensor *const labels = of->labels;
    const int axis = labels->ndim == 0 ? 0 : 1;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < labels->ndim; i++)
        shape[i < axis ? i : i + 1] = labels->shape[i];
    shape[axis] = 1;
    return rv_empty_n(dtype, labels->ndim + 1, shape);
}

rv_tensor *rv_label_index(const rv_labels *of)
{
    rv_tensor *const index = beside_labels(of, RV_I64);
    for (int64_t i = 0; index != NULL && i < index->numel; i++) {
        const int64_t label = ((const int64_t *)of->labels->data)[i];
        ((int64_t *)index->data)[i] = is_ignored(of, label) ? 0 : label;
    }
    return index;
}

rv_tensor *rv_label_mask(const rv_labels *of)
{
    rv_tensor *const mask = beside_labels(of, RV_U8);
    for (int64_t i = 0; mask != NULL && i < mask->numel; i++)
        ((uint8_t *)mask->data)[i] = !is_ignored(of, ((const int64_t *)of->labels->data)[i]);
    return mask;
}

rv_tensor *rv_label_shares(const rv_labels *of, rv_dtype dtype, double base, double share)
{
    rv_tensor *const shares = beside_labels(of, dtype);
    for (int64_t i = 0; shares != NULL && i < shares->numel; i++) {
        const int64_t label = ((const int64_t *)of->labels->data)[i];
        const double value = is_ignored(of, label) ? 0 : base + share * weight_at(of, label);
        if (dtype == RV_F32)
            ((float *)shares->data)[i] = (float)value;
        else
            ((double *)shares->data)[i] = value;
    }
    return shares;
}

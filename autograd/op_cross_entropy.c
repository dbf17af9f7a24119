/* op_cross_entropy.c - cross_entropy: how surprising the right class is, by the logits.
 *
 * For labels it is one kernel over rows of logits, smoothing and weights included, and its
 * derivative is another: both read the logits once, and keep nothing in between. For probabilities
 * it is made of log_softmax.
 */
#include "autograd/op_loss.h"

#include <string.h>

#include "autograd/graph.h"

/* The options without their tensors, and how many inputs of the node are not NULL. */
typedef struct attributes {
    rv_cross_entropy_options options;
    bool has_weight;
} attributes;

static attributes attributes_of(const rv_cross_entropy_options *options)
{
    attributes a;
    memset(&a, 0, sizeof a);
    a.options = *options;
    a.options.logits = a.options.target = a.options.weight = NULL;
    a.has_weight = options->weight != NULL;
    return a;
}

/* What a node was recorded with: its logits are input `first`. */
static rv_cross_entropy_options recorded(rv_derivative *d, int first)
{
    const attributes *a = d->attributes;
    rv_cross_entropy_options options = a->options;
    options.logits = rv_saved_input(d, first);
    options.target = rv_saved_input(d, first + 1);
    options.weight = a->has_weight ? rv_saved_input(d, first + 2) : NULL;
    return options;
}

static bool check_options(const char *who, const rv_cross_entropy_options *options)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_check_reduction(who, options->reduction))
        return false;
    if (!(options->label_smoothing >= 0 && options->label_smoothing <= 1))
        return rv_fail(RV_ERROR_ARGUMENT, who, "label_smoothing is %g, expected 0 to 1",
                       options->label_smoothing);
    return true;
}

/* ---- rows of logits, for labels ------------------------------------------------------------- */

typedef struct rows_task {
    rv_class_rows of;      /* labels of the first row */
    const rv_tensor *rows; /* the logits, contiguous, the classes last */
    const rv_tensor *g;    /* contiguous; NULL: the losses are wanted */
    rv_tensor *out;
    double scale;
} rows_task;

static void run_rows(void *context, int64_t first, int64_t count)
{
    const rows_task *task = context;
    const rv_dtype dtype = task->rows->dtype;
    const size_t size = rv_dtype_size(dtype);
    const int64_t classes = task->rows->shape[task->rows->ndim - 1];
    const size_t skipped = (size_t)(first * classes) * size;
    rv_class_rows of = task->of;
    of.labels += first;
    if (task->g == NULL) {
        rv_kernels_get()->cross_entropy[dtype](count, classes, task->rows->data + skipped, &of,
                                               task->out->data + (size_t)first * size);
        return;
    }
    const bool each = task->g->ndim > 0;
    rv_kernels_get()->cross_entropy_grad[dtype](
        count, classes, task->g->data + (each ? (size_t)first * size : 0), each, task->scale,
        task->rows->data + skipped, &of, task->out->data + skipped);
}

static double sum_of_weights(const rv_labels *labels)
{
    if (labels->weight == NULL)
        return (double)labels->classes;
    double sum = 0;
    const rv_dtype dtype = labels->weight->dtype;
    rv_kernels_get()->folds[RV_FOLD_sum][dtype].lines(1, labels->classes, labels->weight->data, 0,
                                                      (int64_t)rv_dtype_size(dtype), &sum);
    return sum;
}

/* How each row counts. */
static rv_class_rows class_rows(const rv_cross_entropy_options *options, const rv_labels *labels)
{
    const double smoothing = options->label_smoothing;
    return (rv_class_rows){.labels = (const int64_t *)labels->labels->data,
                           .ignored = options->ignore_index,
                           .weight = labels->weight != NULL ? labels->weight->data : NULL,
                           .weight_sum = sum_of_weights(labels),
                           .label_share = 1 - smoothing,
                           .class_share = smoothing > 0 ? smoothing / (double)labels->classes : 0};
}

/* t, of three axes or more, with the classes' axis last; or back from there. */
static rv_tensor *move_classes(const char *who, const rv_tensor *t, bool back)
{
    const int last = t->ndim - 1;
    int axes[RV_MAX_DIMENSIONS] = {0};
    for (int i = 1; i <= last; i++)
        axes[i] = back ? (i == 1 ? last : i - 1) : (i == last ? 1 : i + 1);
    return rv_raw_permute(who, t, t->ndim, axes);
}

/* The logits as rows. */
static const rv_tensor *rows_of(const char *who, const rv_tensor *logits)
{
    const rv_tensor *moved = logits->ndim > 2 ? move_classes(who, logits, false) : logits;
    return moved == NULL ? NULL : rv_raw_contiguous(who, moved);
}

/* ---- the loss ------------------------------------------------------------------------------- */

static void cross_entropy_derivative(rv_derivative *d)
{
    const rv_cross_entropy_options options = recorded(d, 0);
    d->grads[0] = rv_cross_entropy_grad_with(d->g, &options);
}

static const rv_op cross_entropy_op =
    RV_OP(cross_entropy, 3, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_INPUT(2),
          cross_entropy_derivative);

/* The sum of the losses that a kernel wrote. */
static double sum_of_losses(const rv_tensor *losses)
{
    double sum = 0;
    rv_kernels_get()->folds[RV_FOLD_sum][losses->dtype].lines(
        1, losses->numel, losses->data, 0, (int64_t)rv_dtype_size(losses->dtype), &sum);
    return sum;
}

static rv_tensor *cross_entropy(const rv_cross_entropy_options *options)
{
    const char *who = "cross_entropy";
    RV_SCOPE;
    rv_labels labels;
    if (!rv_check_labels(who, options->logits, options->target, options->weight,
                         &options->ignore_index, &labels))
        return NULL;
    const rv_tensor *rows = rows_of(who, options->logits);
    rv_tensor *losses =
        rows == NULL ? NULL : rv_empty_n(rows->dtype, labels.labels->ndim, labels.labels->shape);
    if (losses == NULL)
        return NULL;
    rows_task task = {.of = class_rows(options, &labels), .rows = rows, .out = losses};
    rv_run_rows(losses->numel, labels.classes, run_rows, &task);
    if (options->reduction == RV_REDUCTION_NONE)
        return rv_keep(losses);
    const double sum = sum_of_losses(losses);
    const double counted = options->reduction == RV_REDUCTION_MEAN ? labels.counted : 1;
    return rv_keep(rv_full_n(sum / counted, rows->dtype, 0, NULL));
}

rv_tensor *rv_cross_entropy_with(const rv_cross_entropy_options *options)
{
    const char *who = "cross_entropy";
    if (!check_options(who, options) || !rv_check_floating(who, 0, options->logits) ||
        !rv_check(who, 1, options->target))
        return NULL;
    if (rv_dtype_is_floating(options->target->dtype)) {
        if (rv_same_shape(options->logits, options->target))
            return rv_soft_cross_entropy_with(options);
        return rv_fail_null(RV_ERROR_DTYPE, who,
                            "labels are %s, expected I64, or probabilities of shape %s, not %s",
                            rv_dtype_name(options->target->dtype), RV_SHAPE_OF(options->logits),
                            RV_SHAPE_OF(options->target));
    }
    const attributes a = attributes_of(options);
    rv_tensor *const weight = options->weight != NULL ? rv_detach(options->weight) : NULL;
    rv_tensor *const in[] = {options->logits, options->target, weight};
    return rv_record(&cross_entropy_op, cross_entropy(options), 3, in, &a, sizeof a);
}

/* ---- its derivative ------------------------------------------------------------------------- */

static double scale_of(const rv_cross_entropy_options *options, const rv_labels *labels)
{
    return options->reduction == RV_REDUCTION_MEAN ? 1 / labels->counted : 1;
}

/* Of r*(W*softmax - what the labels say), r being g times the scale, and W what all classes of a
 * row count together. By g: the same with g = 1, times what comes, summed over what g was the same
 * for. By the logits: W*r times softmax's derivative. */
static void cross_entropy_grad_derivative(rv_derivative *d)
{
    const char *who = "cross_entropy_grad";
    const rv_cross_entropy_options options = recorded(d, 1);
    rv_tensor *g = rv_saved_input(d, 0);
    rv_labels labels;
    if (g == NULL || options.logits == NULL || options.target == NULL ||
        !rv_check_labels(who, options.logits, options.target, options.weight, &options.ignore_index,
                         &labels))
        return;
    const int axis = rv_class_axis(options.logits);
    if (d->needs[0]) {
        rv_tensor *one = rv_scalar_like(who, g, 1);
        rv_tensor *terms = rv_mul(d->g, rv_cross_entropy_grad_with(one, &options));
        d->grads[0] = g->ndim == 0 ? rv_sum(terms) : rv_sum(terms, .axes = RV_AXES(axis));
    }
    if (d->needs[1]) {
        const rv_class_rows of = class_rows(&options, &labels);
        const double scale = scale_of(&options, &labels);
        rv_tensor *shares = rv_label_shares(
            &labels, g->dtype, of.class_share * of.weight_sum * scale, of.label_share * scale);
        if (shares == NULL)
            return;
        rv_tensor *aligned = g->ndim == 0 ? g : rv_reshape_n(g, shares->ndim, shares->shape);
        rv_tensor *by_row = rv_mul(d->g, rv_mul(shares, aligned));
        d->grads[1] = rv_softmax_grad(by_row, rv_softmax(options.logits, axis), axis);
    }
}

static const rv_op cross_entropy_grad_op =
    RV_OP(cross_entropy_grad, 4,
          RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_INPUT(2) | RV_SAVE_INPUT(3),
          cross_entropy_grad_derivative);

static rv_tensor *cross_entropy_grad(const rv_tensor *g, const rv_cross_entropy_options *options)
{
    const char *who = "cross_entropy_grad";
    RV_SCOPE;
    rv_labels labels;
    if (!rv_check_labels(who, options->logits, options->target, options->weight,
                         &options->ignore_index, &labels))
        return NULL;
    if (g->ndim > 0 && !rv_same_shape(g, labels.labels))
        return rv_fail_null(RV_ERROR_SHAPE, who, "gradient %s is neither 0-d nor as the labels %s",
                            RV_SHAPE_OF(g), RV_SHAPE_OF(labels.labels));
    const rv_tensor *rows = rows_of(who, options->logits);
    g = rows == NULL ? NULL : rv_raw_contiguous(who, g);
    rv_tensor *out = g == NULL ? NULL : rv_empty_n(rows->dtype, rows->ndim, rows->shape);
    if (out == NULL)
        return NULL;
    rows_task task = {.of = class_rows(options, &labels),
                      .rows = rows,
                      .g = g,
                      .out = out,
                      .scale = scale_of(options, &labels)};
    rv_run_rows(labels.labels->numel, labels.classes, run_rows, &task);
    return rv_keep(rows->ndim > 2 ? move_classes(who, out, true) : out);
}

rv_tensor *rv_cross_entropy_grad_with(rv_tensor *g, const rv_cross_entropy_options *options)
{
    const char *who = "cross_entropy_grad";
    if (!check_options(who, options) || !rv_check_floating(who, 0, options->logits) ||
        !rv_check_floating(who, 0, g) || !rv_check_dtypes(who, options->logits, g))
        return NULL;
    const attributes a = attributes_of(options);
    rv_tensor *const weight = options->weight != NULL ? rv_detach(options->weight) : NULL;
    rv_tensor *const in[] = {g, options->logits, options->target, weight};
    return rv_record(&cross_entropy_grad_op, cross_entropy_grad(g, options), 4, in, &a, sizeof a);
}

/* ---- for probabilities ---------------------------------------------------------------------- */

static bool check_soft(const char *who, const rv_cross_entropy_options *options)
{
    const rv_tensor *logits = options->logits, *target = options->target;
    if (!rv_check_pair(who, logits, target) || !rv_check_class_weight(who, logits, options->weight))
        return false;
    if (logits->ndim == 0)
        return rv_fail(RV_ERROR_SHAPE, who, "logits [] have no classes: expected [n,classes,..]");
    if (options->ignore_index >= 0)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "ignore_index is %lld, but the target is probabilities, which name no class",
                       (long long)options->ignore_index);
    return true;
}

/* t times the weight of each class. */
static rv_tensor *times_weight(const char *who, rv_tensor *t, const rv_tensor *weight, int axis)
{
    if (t == NULL || weight == NULL)
        return t;
    int64_t shape[RV_MAX_DIMENSIONS] = {0};
    const int ndim = t->ndim - axis;
    for (int i = 0; i < ndim; i++)
        shape[i] = i == 0 ? weight->numel : 1;
    return rv_mul(t, rv_raw_reshape(who, weight, ndim, shape));
}

rv_tensor *rv_soft_cross_entropy_with(const rv_cross_entropy_options *options)
{
    const char *who = "cross_entropy";
    if (!check_options(who, options) || !check_soft(who, options))
        return NULL;
    const int axis = rv_class_axis(options->logits);
    const double smoothing = options->label_smoothing;
    const double share = smoothing / (double)options->logits->shape[axis];
    rv_tensor *target = options->target;
    if (smoothing > 0)
        target = rv_add_scalar(rv_mul_scalar(target, 1 - smoothing), share);
    rv_tensor *terms = rv_mul(rv_log_softmax(options->logits, axis), target);
    terms = times_weight(who, terms, options->weight, axis);
    return rv_reduced(rv_neg(rv_sum(terms, .axes = RV_AXES(axis))), options->reduction);
}

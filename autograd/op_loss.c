/* op_loss.c - cross_entropy and mse: one number that says how wrong a prediction is.
 *
 * Both are means, and are accumulated in double.
 */
#include "autograd/op_support.h"

#include <string.h>

#include "core/elementwise.h"
#include "core/reduce.h"

/* ---- cross_entropy -------------------------------------------------------------------------- */

/* The labels' shape with an axis of size 1 for the classes: how they index the logits. */
static rv_tensor *labels_as_index(rv_tensor *labels)
{
    if (labels == NULL)
        return NULL;
    int64_t shape[RV_MAX_DIMENSIONS] = {labels->shape[0], 1};
    for (int i = 1; i < labels->ndim; i++)
        shape[i + 1] = labels->shape[i];
    return rv_reshape_n(labels, labels->ndim + 1, shape);
}

/* (softmax - one_hot) g/n. */
static void cross_entropy_derivative(rv_derivative *d)
{
    rv_tensor *probability = rv_softmax(rv_saved_input(d, 0), 1);
    rv_tensor *index = labels_as_index(rv_saved_input(d, 1));
    if (probability == NULL || index == NULL)
        return;
    rv_tensor *minus_one = rv_scalar_like("cross_entropy", probability, -1);
    rv_tensor *all = rv_expand_n(minus_one, index->ndim, index->shape);
    rv_tensor *difference = rv_scatter_add(probability, 1, index, all);
    d->grads[0] = rv_mul(difference, rv_div_scalar(d->g, (double)index->numel));
}

static const rv_op cross_entropy_op =
    RV_OP(cross_entropy, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), cross_entropy_derivative);

static bool check_cross_entropy(const rv_tensor *logits, const rv_tensor *labels)
{
    const char *who = "cross_entropy";
    if (!rv_check_floating(who, 0, logits) || !rv_check(who, 1, labels))
        return false;
    if (labels->dtype != RV_I64)
        return rv_fail(RV_ERROR_DTYPE, who, "labels are %s, expected I64",
                       rv_dtype_name(labels->dtype));
    bool fits = logits->ndim >= 2 && labels->ndim == logits->ndim - 1 &&
                labels->shape[0] == logits->shape[0];
    for (int i = 1; fits && i < labels->ndim; i++)
        fits = labels->shape[i] == logits->shape[i + 1];
    if (!fits)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "logits %s and labels %s do not fit: expected [n,classes,..] and [n,..]",
                       RV_SHAPE_OF(logits), RV_SHAPE_OF(labels));
    if (labels->numel == 0)
        return rv_fail(RV_ERROR_SHAPE, who, "logits %s have no sample", RV_SHAPE_OF(logits));
    return true;
}

/* Names the first label that is no class; `labels` is contiguous. */
static bool check_labels(const rv_tensor *labels, int64_t classes)
{
    const int64_t *label = (const int64_t *)labels->data;
    int64_t i = 0;
    while (i < labels->numel && label[i] >= 0 && label[i] < classes)
        i++;
    if (i == labels->numel)
        return true;
    const int64_t bad = label[i];
    int64_t place[RV_MAX_DIMENSIONS];
    for (int k = labels->ndim - 1; k >= 0; k--) {
        place[k] = i % labels->shape[k];
        i /= labels->shape[k];
    }
    return rv_fail(RV_ERROR_INDEX, "cross_entropy", "label %lld at %s is not in [0, %lld)",
                   (long long)bad, rv_shape_text(RV_SHAPE_BUFFER, labels->ndim, place),
                   (long long)classes);
}

typedef struct loss_task {
    int64_t classes;
    const rv_tensor *logits, *labels, *losses; /* contiguous, the classes last */
} loss_task;

static void run_rows(void *context, int64_t first, int64_t count)
{
    const loss_task *task = context;
    const rv_dtype dtype = task->logits->dtype;
    const size_t size = rv_dtype_size(dtype);
    rv_kernels_get()->cross_entropy[dtype](
        count, task->classes, task->logits->data + (size_t)(first * task->classes) * size,
        (const int64_t *)task->labels->data + first, task->losses->data + (size_t)first * size);
}

/* The mean of the losses that a kernel wrote, in row order. */
static double mean_loss(const rv_tensor *losses)
{
    double sum = 0;
    for (int64_t i = 0; i < losses->numel; i++)
        sum += losses->dtype == RV_F32 ? (double)((const float *)losses->data)[i]
                                       : ((const double *)losses->data)[i];
    return sum / (double)losses->numel;
}

static rv_tensor *cross_entropy(const rv_tensor *logits, const rv_tensor *labels)
{
    const char *who = "cross_entropy";
    RV_SCOPE;
    int axes[RV_MAX_DIMENSIONS] = {0};
    for (int i = 1; i < logits->ndim; i++)
        axes[i] = i == logits->ndim - 1 ? 1 : i + 1; /* the classes last */
    const int64_t classes = logits->shape[1];
    const rv_tensor *moved =
        logits->ndim == 2 ? logits : rv_raw_permute(who, logits, logits->ndim, axes);
    const rv_tensor *rows = moved == NULL ? NULL : rv_raw_contiguous(who, moved);
    labels = rows == NULL ? NULL : rv_raw_contiguous(who, labels);
    if (labels == NULL || !check_labels(labels, classes))
        return NULL;
    rv_tensor *losses = rv_empty_n(logits->dtype, labels->ndim, labels->shape);
    if (losses == NULL)
        return NULL;
    loss_task task = {classes, rows, labels, losses};
    rv_run_rows(labels->numel, classes, run_rows, &task);
    return rv_keep(rv_full_n(mean_loss(losses), logits->dtype, 0, NULL));
}

rv_tensor *rv_cross_entropy(rv_tensor *logits, rv_tensor *labels)
{
    if (!check_cross_entropy(logits, labels))
        return NULL;
    rv_tensor *const in[] = {logits, labels};
    return rv_record(&cross_entropy_op, cross_entropy(logits, labels), 2, in, NULL, 0);
}

/* ---- mse ------------------------------------------------------------------------------------ */

static void mse_derivative(rv_derivative *d)
{
    rv_tensor *x = rv_saved_input(d, 0), *target = rv_saved_input(d, 1);
    if (x == NULL || target == NULL)
        return;
    rv_tensor *scale = rv_mul_scalar(d->g, 2.0 / (double)x->numel);
    if (d->needs[0])
        d->grads[0] = rv_mul(rv_sub(x, target), scale);
    if (d->needs[1])
        d->grads[1] = rv_mul(rv_sub(target, x), scale);
}

static const rv_op mse_op = RV_OP(mse, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), mse_derivative);

static rv_tensor *mean_square(rv_tensor *const *in)
{
    RV_SCOPE;
    rv_tensor *error = rv_elementwise("mse", RV_LOOP_sub, 2, in);
    if (error == NULL)
        return NULL;
    const rv_tensor *const twice[] = {error, error};
    rv_loop *square = rv_kernels_get()->loops[RV_LOOP_mul][error->dtype];
    if (!rv_elementwise_into("mse", square, error, 2, twice))
        return NULL;
    const rv_axis_set all = (1u << error->ndim) - 1;
    rv_tensor *sum = rv_reduce("mse", RV_FOLD_sum, error, all, false);
    if (sum == NULL)
        return NULL;
    return rv_keep(rv_full_n(rv_item(sum) / (double)error->numel, sum->dtype, 0, NULL));
}

rv_tensor *rv_mse(rv_tensor *x, rv_tensor *target)
{
    const char *who = "mse";
    if (!rv_check_floating(who, 0, x) || !rv_check_floating(who, 1, target) ||
        !rv_check_dtypes(who, x, target))
        return NULL;
    if (!rv_same_shape(x, target))
        return rv_fail_null(RV_ERROR_SHAPE, who, "input %s and target %s differ", RV_SHAPE_OF(x),
                            RV_SHAPE_OF(target));
    rv_tensor *const in[] = {x, target};
    return rv_record(&mse_op, mean_square(in), 2, in, NULL, 0);
}

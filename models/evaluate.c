/* evaluate.c - how good a model is on a data set. */
#include "models/models.h"

#include <math.h>

#include "autograd/graph.h"
#include "autograd/operations.h"
#include "models/modes.h"

/* Samples that are run at once: enough to keep the processor busy, and less than a usual batch of
 * training, so that the first evaluation finds enough memory that training recycled. */
enum { BATCH = 100 };

/* ---- accuracy -------------------------------------------------------------------------------- */

static const char *const who = "accuracy";

/* How many rows of logits are largest at their label; -1 with an error. */
static int64_t count_right(rv_tensor *logits, const rv_batch *b)
{
    if (logits == NULL)
        return -1;
    bool ok = true;
    if (logits->ndim != 2 || logits->shape[0] != b->n || logits->shape[1] < 1)
        ok = rv_fail(RV_ERROR_SHAPE, who,
                     "the layer made %s of %lld samples; [%lld,classes] is "
                     "expected",
                     RV_SHAPE_OF(logits), (long long)b->n, (long long)b->n);
    else if (b->y->dtype != RV_I64 || b->y->ndim != 1)
        ok = rv_fail(RV_ERROR_DTYPE, who, "labels are %s %s; I64 [n] is expected",
                     rv_dtype_name(b->y->dtype), RV_SHAPE_OF(b->y));
    const rv_tensor *best = ok ? rv_argmax(logits, 1) : NULL;
    if (best == NULL)
        return -1;
    const int64_t *guess = (const int64_t *)best->data, *label = (const int64_t *)b->y->data;
    int64_t right = 0;
    for (int64_t i = 0; i < b->n; i++) {
        if (label[i] < 0 || label[i] >= logits->shape[1]) {
            rv_fail(RV_ERROR_INDEX, who, "label %lld is out of range for %lld classes",
                    (long long)label[i], (long long)logits->shape[1]);
            return -1;
        }
        right += guess[i] == label[i];
    }
    return right;
}

static double accuracy(rv_layer *layer, const rv_dataset *set, int64_t count)
{
    RV_NO_GRAD;
    int64_t right = 0;
    for (int64_t first = 0; first < count; first += BATCH) {
        RV_SCOPE;
        const rv_batch b = rv_data_batch(set, first, BATCH);
        const int64_t right_here = b.x != NULL ? count_right(rv_forward(layer, b.x), &b) : -1;
        if (right_here < 0)
            return NAN;
        right += right_here;
    }
    return (double)right / (double)count;
}

double rv_accuracy(rv_layer *layer, const rv_dataset *set)
{
    if (rv_error_status() != RV_OK)
        return NAN;
    if (layer == NULL || set == NULL) {
        rv_fail(RV_ERROR_NULL, who, "the %s is NULL", layer == NULL ? "layer" : "data set");
        return NAN;
    }
    const int64_t count = rv_data_count(set);
    if (count == 0)
        rv_fail(RV_ERROR_ARGUMENT, who, "the data set has no samples");
    if (rv_error_status() != RV_OK)
        return NAN;
    rv_modes before;
    if (!rv_modes_begin(who, &before, layer, false))
        return NAN;
    const double result = accuracy(layer, set, count);
    rv_modes_end(&before, layer);
    return result;
}

/* evaluate.c - how good a model is on a data set.
 *
 * Each layer's mode is remembered, as parts of a model may have been put into another mode than the
 * rest. A model that is in eval mode altogether is not written to, so threads can share it.
 */
#include "models/models.h"

#include <math.h>

#include "autograd/graph.h"
#include "autograd/operations.h"
#include "core/memory.h"

/* Samples that are run at once: enough to keep the processor busy, and less than a usual batch of
 * training, so that the first evaluation finds enough memory that training recycled. */
enum { BATCH = 100 };

/* ---- modes ----------------------------------------------------------------------------------- */

/* The modes of a layer and everything in it, in the order of a walk. */
typedef struct modes {
    bool *training; /* [count] */
    int64_t count;
} modes;

static int64_t count_layers(const rv_layer *layer)
{
    int64_t count = 1;
    for (int64_t i = 0; i < rv_layer_child_count(layer); i++)
        count += count_layers(rv_layer_child_at(layer, i));
    return count;
}

/* Writes the modes down from place `at` on; how many there are then. */
static int64_t note_modes(const rv_layer *layer, modes *m, int64_t at)
{
    m->training[at++] = rv_layer_is_training(layer);
    for (int64_t i = 0; i < rv_layer_child_count(layer); i++)
        at = note_modes(rv_layer_child_at(layer, i), m, at);
    return at;
}

/* Sets a layer, with all that is in it, to its mode, then those in it that had another. */
static int64_t restore_modes(rv_layer *layer, const modes *m, int64_t at)
{
    if (rv_layer_is_training(layer) != m->training[at])
        rv_layer_train(layer, m->training[at]);
    at++;
    for (int64_t i = 0; i < rv_layer_child_count(layer); i++)
        at = restore_modes(rv_layer_child_at(layer, i), m, at);
    return at;
}

static bool any_training(const modes *m)
{
    for (int64_t i = 0; i < m->count; i++)
        if (m->training[i])
            return true;
    return false;
}

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
    modes before = {.count = count_layers(layer)};
    if (count == 0)
        rv_fail(RV_ERROR_ARGUMENT, who, "the data set has no samples");
    if (rv_error_status() != RV_OK)
        return NAN;
    before.training = rv_memory_get(who, (size_t)before.count * sizeof *before.training);
    if (before.training == NULL)
        return NAN;
    note_modes(layer, &before, 0);
    if (any_training(&before))
        rv_layer_train(layer, false);
    const double result = accuracy(layer, set, count);
    restore_modes(layer, &before, 0);
    rv_memory_put(before.training, (size_t)before.count * sizeof *before.training);
    return result;
}

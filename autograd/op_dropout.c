/* op_dropout.c - dropout: elements set to 0 at random, the others scaled up.
 *
 * The random numbers are a function of a place in the generator's sequence and of an element's
 * row-major position. So nothing but the place is kept for the derivative, which drops the same
 * elements of the gradient by drawing them again.
 */
#include "autograd/op_support.h"

#include "core/kernels/kernels.h"

typedef struct dropout_attributes {
    double p;
    rv_random_place place;
} dropout_attributes;

static void dropout_derivative(rv_derivative *d)
{
    const dropout_attributes *attributes = d->attributes;
    d->grads[0] = rv_dropout_at(d->g, attributes->p, attributes->place);
}

static const rv_op dropout_op = RV_OP(dropout, 1, RV_SAVE_NOTHING, dropout_derivative);

typedef struct dropout_task {
    const rv_tensor *x;
    rv_tensor *y;
    rv_random_place place;
    uint32_t threshold;
    double scale;
} dropout_task;

static void run_elements(void *context, int64_t first, int64_t count)
{
    const dropout_task *task = context;
    const size_t skipped = (size_t)first * rv_dtype_size(task->x->dtype);
    rv_kernels_get()->dropout[task->x->dtype](
        count, task->x->data + skipped, task->y->data + skipped, task->place.seed,
        task->place.offset, first, task->threshold, task->scale);
}

static rv_tensor *dropped(const rv_tensor *x, double p, rv_random_place place)
{
    if (p == 1)
        return rv_zeros_n(x->dtype, x->ndim, x->shape);
    RV_SCOPE;
    const rv_tensor *packed = rv_raw_contiguous("dropout", x);
    rv_tensor *y = packed == NULL ? NULL : rv_empty_n(x->dtype, x->ndim, x->shape);
    if (y == NULL)
        return NULL;
    dropout_task task = {.x = packed,
                         .y = y,
                         .place = place,
                         .threshold = (uint32_t)(p * 0x1p32),
                         .scale = 1 / (1 - p)};
    rv_run_rows(x->numel, 1, run_elements, &task);
    return rv_keep(y);
}

static bool check_dropout(const rv_tensor *x, double p)
{
    if (!rv_check_floating("dropout", 0, x))
        return false;
    if (!(p >= 0 && p <= 1))
        return rv_fail(RV_ERROR_ARGUMENT, "dropout", "p is %g, expected 0 to 1", p);
    return true;
}

rv_tensor *rv_dropout_at(rv_tensor *x, double p, rv_random_place place)
{
    if (!check_dropout(x, p))
        return NULL;
    if (p == 0)
        return x;
    const dropout_attributes attributes = {.p = p, .place = place};
    return rv_record(&dropout_op, dropped(x, p, place), 1, &x, &attributes, sizeof attributes);
}

rv_tensor *rv_dropout(rv_tensor *x, double p)
{
    if (!check_dropout(x, p))
        return NULL;
    return p == 0 ? x : rv_dropout_at(x, p, rv_random_take(x->numel));
}

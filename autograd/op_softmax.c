/* op_softmax.c - softmax and log_softmax along one axis.
 *
 * The kernels work on contiguous rows: another axis than the last is moved there, with a copy, and
 * the result is seen with its axes in the old order.
 */
#include "autograd/op_support.h"

#include "core/kernels/kernels.h"

typedef void row_kernel(int64_t rows, int64_t n, const void *x, void *y);

typedef struct softmax_task {
    row_kernel *kernel;
    const rv_tensor *x, *y; /* contiguous */
} softmax_task;

static void run_rows(void *context, int64_t first, int64_t count)
{
    const softmax_task *task = context;
    const int64_t n = task->x->shape[task->x->ndim - 1];
    const size_t skipped = (size_t)(first * n) * rv_dtype_size(task->x->dtype);
    task->kernel(count, n, task->x->data + skipped, task->y->data + skipped);
}

static rv_tensor *along_axis(const char *who, row_kernel *const kernels[2], const rv_tensor *x,
                             int axis)
{
    RV_SCOPE;
    const int last = x->ndim - 1;
    int swap[RV_MAX_DIMENSIONS];
    for (int i = 0; i < x->ndim; i++)
        swap[i] = i == axis ? last : i == last ? axis : i;
    const rv_tensor *moved = axis == last ? x : rv_raw_permute(who, x, x->ndim, swap);
    const rv_tensor *rows = moved == NULL ? NULL : rv_raw_contiguous(who, moved);
    rv_tensor *y = rows == NULL ? NULL : rv_empty_n(rows->dtype, rows->ndim, rows->shape);
    if (y == NULL)
        return NULL;
    softmax_task task = {kernels[x->dtype], rows, y};
    if (y->numel > 0)
        rv_run_rows(y->numel / x->shape[axis], x->shape[axis], run_rows, &task);
    return rv_keep(axis == last ? y : rv_raw_permute(who, y, x->ndim, swap));
}

/* `axis` counted from 0; -1 with an error if x or axis will not do. */
static int check_axis(const char *who, const rv_tensor *x, int axis)
{
    return rv_check_floating(who, 0, x) ? rv_check_axis(who, axis, x->ndim) : -1;
}

static rv_tensor *sum_along(const rv_derivative *d, rv_tensor *t)
{
    return rv_sum(t, .axes = RV_AXES(*(const int *)d->attributes), .keepdim = true);
}

/* ---- softmax -------------------------------------------------------------------------------- */

static void softmax_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_saved_output(d);
    d->grads[0] = rv_mul(y, rv_sub(d->g, sum_along(d, rv_mul(d->g, y))));
}

static const rv_op softmax_op = RV_OP(softmax, 1, RV_SAVE_OUTPUT, softmax_derivative);

rv_tensor *rv_softmax(rv_tensor *x, int axis)
{
    const int along = check_axis("softmax", x, axis);
    if (along < 0)
        return NULL;
    rv_tensor *y = along_axis("softmax", rv_kernels_get()->softmax, x, along);
    return rv_record(&softmax_op, y, 1, &x, &along, sizeof along);
}

/* ---- log_softmax ---------------------------------------------------------------------------- */

static void log_softmax_derivative(rv_derivative *d)
{
    rv_tensor *y = rv_saved_output(d);
    d->grads[0] = rv_sub(d->g, rv_mul(rv_exp(y), sum_along(d, d->g)));
}

static const rv_op log_softmax_op = RV_OP(log_softmax, 1, RV_SAVE_OUTPUT, log_softmax_derivative);

rv_tensor *rv_log_softmax(rv_tensor *x, int axis)
{
    const int along = check_axis("log_softmax", x, axis);
    if (along < 0)
        return NULL;
    rv_tensor *y = along_axis("log_softmax", rv_kernels_get()->log_softmax, x, along);
    return rv_record(&log_softmax_op, y, 1, &x, &along, sizeof along);
}

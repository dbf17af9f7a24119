/* op_softmax.c - softmax and log_softmax along one axis, and their derivatives in one pass.
 *
 * The kernels work on contiguous rows: another axis than the last is moved there, with a copy, and
 * the result is seen with its axes in the old order. A 0-d tensor is a row of one element.
 */
#include "autograd/op_support.h"

#include "core/kernels/kernels.h"

typedef void row_kernel(int64_t rows, int64_t n, const void *x, void *y);
typedef void row_grad_kernel(int64_t rows, int64_t n, const void *g, const void *y, void *out);

typedef struct softmax_task {
    row_kernel *kernel;
    row_grad_kernel *grad_kernel; /* runs instead, on two inputs, if kernel is NULL */
    int64_t n;
    const rv_tensor *in[2], *out; /* contiguous, rows of n */
} softmax_task;

static void run_rows(void *context, int64_t first, int64_t count)
{
    const softmax_task *task = context;
    const size_t skipped = (size_t)(first * task->n) * rv_dtype_size(task->out->dtype);
    const char *const x = task->in[0]->data + skipped;
    char *const to = task->out->data + skipped;
    if (task->kernel != NULL)
        task->kernel(count, task->n, x, to);
    else
        task->grad_kernel(count, task->n, x, task->in[1]->data + skipped, to);
}

/* Runs the task's kernel along `axis` of its inputs, of equal shape. */
static rv_tensor *along_axis(const char *who, softmax_task *task, int inputs, int axis)
{
    RV_SCOPE;
    const rv_tensor *const x = task->in[0];
    const int last = x->ndim - 1;
    const bool moves = x->ndim > 0 && axis != last;
    int swap[RV_MAX_DIMENSIONS];
    for (int i = 0; i < x->ndim; i++)
        swap[i] = i == axis ? last : i == last ? axis : i;
    task->n = x->ndim > 0 ? x->shape[axis] : 1;
    for (int k = 0; k < inputs; k++) {
        const rv_tensor *const in = task->in[k];
        const rv_tensor *const moved = moves ? rv_raw_permute(who, in, in->ndim, swap) : in;
        task->in[k] = moved == NULL ? NULL : rv_raw_contiguous(who, moved);
        if (task->in[k] == NULL)
            return NULL;
    }
    rv_tensor *const y = rv_empty_n(x->dtype, task->in[0]->ndim, task->in[0]->shape);
    if (y == NULL)
        return NULL;
    task->out = y;
    if (y->numel > 0)
        rv_run_rows(y->numel / task->n, task->n, run_rows, task);
    return rv_keep(moves ? rv_raw_permute(who, y, y->ndim, swap) : y);
}

/* `axis` counted from 0; -1 with an error if x or axis will not do. */
static int check_axis(const char *who, const rv_tensor *x, int axis)
{
    if (!rv_check_floating(who, 0, x))
        return -1;
    return rv_check_axis_along(who, axis, x->ndim);
}

/* The same for a derivative's inputs. */
static int check_grad(const char *who, const rv_tensor *g, const rv_tensor *y, int axis)
{
    if (!rv_check_floating(who, 0, g) || !rv_check_floating(who, 1, y) ||
        !rv_check_dtypes(who, g, y))
        return -1;
    if (rv_same_shape(g, y))
        return check_axis(who, y, axis);
    rv_fail(RV_ERROR_SHAPE, who, "gradient %s and result %s differ", RV_SHAPE_OF(g),
            RV_SHAPE_OF(y));
    return -1;
}

static int axis_of(const rv_derivative *d)
{
    return *(const int *)d->attributes;
}

static rv_tensor *sum_along(const rv_derivative *d, rv_tensor *t)
{
    if (t == NULL || t->ndim == 0)
        return t;
    return rv_sum(t, .axes = RV_AXES(axis_of(d)), .keepdim = true);
}

/* ---- softmax -------------------------------------------------------------------------------- */

static void softmax_derivative(rv_derivative *d)
{
    d->grads[0] = rv_softmax_grad(d->g, rv_saved_output(d), axis_of(d));
}

static const rv_op softmax_op = RV_OP(softmax, 1, RV_SAVE_OUTPUT, softmax_derivative);

rv_tensor *rv_softmax(rv_tensor *x, int axis)
{
    const int along = check_axis("softmax", x, axis);
    if (along < 0)
        return NULL;
    softmax_task task = {.kernel = rv_kernels_get()->softmax[x->dtype], .in = {x}};
    rv_tensor *y = along_axis("softmax", &task, 1, along);
    return rv_record(&softmax_op, y, 1, &x, &along, sizeof along);
}

/* Of y*(g - sum(g*y)), with G what comes: y*(G - sum(G*y)), which is the same of G, and
 * G*(g - sum(g*y)) - g*sum(G*y). */
static void softmax_grad_derivative(rv_derivative *d)
{
    rv_tensor *g = rv_saved_input(d, 0), *y = rv_saved_input(d, 1);
    if (d->needs[0])
        d->grads[0] = rv_softmax_grad(d->g, y, axis_of(d));
    if (d->needs[1]) {
        rv_tensor *centred = rv_sub(g, sum_along(d, rv_mul(g, y)));
        rv_tensor *share = rv_mul(g, sum_along(d, rv_mul(d->g, y)));
        d->grads[1] = rv_sub(rv_mul(d->g, centred), share);
    }
}

static const rv_op softmax_grad_op =
    RV_OP(softmax_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), softmax_grad_derivative);

rv_tensor *rv_softmax_grad(rv_tensor *g, rv_tensor *y, int axis)
{
    const int along = check_grad("softmax_grad", g, y, axis);
    if (along < 0)
        return NULL;
    softmax_task task = {.grad_kernel = rv_kernels_get()->softmax_grad[y->dtype], .in = {g, y}};
    rv_tensor *const in[] = {g, y};
    rv_tensor *out = along_axis("softmax_grad", &task, 2, along);
    return rv_record(&softmax_grad_op, out, 2, in, &along, sizeof along);
}

/* ---- log_softmax ---------------------------------------------------------------------------- */

static void log_softmax_derivative(rv_derivative *d)
{
    d->grads[0] = rv_log_softmax_grad(d->g, rv_saved_output(d), axis_of(d));
}

static const rv_op log_softmax_op = RV_OP(log_softmax, 1, RV_SAVE_OUTPUT, log_softmax_derivative);

rv_tensor *rv_log_softmax(rv_tensor *x, int axis)
{
    const int along = check_axis("log_softmax", x, axis);
    if (along < 0)
        return NULL;
    softmax_task task = {.kernel = rv_kernels_get()->log_softmax[x->dtype], .in = {x}};
    rv_tensor *y = along_axis("log_softmax", &task, 1, along);
    return rv_record(&log_softmax_op, y, 1, &x, &along, sizeof along);
}

/* Of g - e^y*sum(g), with G what comes: G - sum(G*e^y), and -G*e^y*sum(g). */
static void log_softmax_grad_derivative(rv_derivative *d)
{
    rv_tensor *weighted = rv_mul(d->g, rv_exp(rv_saved_input(d, 1)));
    if (d->needs[0])
        d->grads[0] = rv_sub(d->g, sum_along(d, weighted));
    if (d->needs[1])
        d->grads[1] = rv_neg(rv_mul(weighted, sum_along(d, rv_saved_input(d, 0))));
}

static const rv_op log_softmax_grad_op =
    RV_OP(log_softmax_grad, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), log_softmax_grad_derivative);

rv_tensor *rv_log_softmax_grad(rv_tensor *g, rv_tensor *y, int axis)
{
    const int along = check_grad("log_softmax_grad", g, y, axis);
    if (along < 0)
        return NULL;
    softmax_task task = {.grad_kernel = rv_kernels_get()->log_softmax_grad[y->dtype], .in = {g, y}};
    rv_tensor *const in[] = {g, y};
    rv_tensor *out = along_axis("log_softmax_grad", &task, 2, along);
    return rv_record(&log_softmax_grad_op, out, 2, in, &along, sizeof along);
}

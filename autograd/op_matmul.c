/* op_matmul.c - matmul: products of matrices, in batches.
 *
 * The operation itself knows inputs of two axes or more; vectors become matrices by a reshape,
 * which has its own derivative. Where one matrix multiplies a whole batch, the batch's axes are
 * rows of one large matrix, and one large product is done instead of many small ones.
 */
#include "autograd/op_gemm.h"
#include "autograd/op_support.h"

#include <string.h>

#include "core/elementwise.h"

/* ---- derivative ----------------------------------------------------------------------------- */

/* a' g. One product over all rows if b is one matrix for a whole batch. */
static rv_tensor *gradient_of_b(rv_tensor *a, rv_tensor *g, const rv_shape_of b)
{
    if (a == NULL || rv_product(b.ndim - 2, b.shape) != 1 || rv_product(a->ndim - 2, a->shape) == 1)
        return rv_matmul(rv_transpose(a, -1, -2), g);
    const int64_t rows = rv_product(a->ndim - 1, a->shape);
    rv_tensor *all_a = rv_reshape(a, rows, a->shape[a->ndim - 1]);
    rv_tensor *all_g = rv_reshape(g, rows, g->shape[g->ndim - 1]);
    rv_tensor *y = rv_matmul(rv_transpose(all_a, 0, 1), all_g);
    return b.ndim == 2 ? y : rv_reshape_n(y, b.ndim, b.shape);
}

static void matmul_derivative(rv_derivative *d)
{
    if (d->needs[0])
        d->grads[0] = rv_matmul(d->g, rv_transpose(rv_saved_input(d, 1), -1, -2));
    if (d->needs[1])
        d->grads[1] = gradient_of_b(rv_saved_input(d, 0), d->g, rv_input_shape(d, 1));
}

static const rv_op matmul_op =
    RV_OP(matmul, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), matmul_derivative);

static rv_tensor *record_product(rv_tensor *a, rv_tensor *b, rv_tensor *y)
{
    rv_tensor *const in[] = {a, b};
    return rv_record(&matmul_op, y, 2, in, NULL, 0);
}

/* ---- the product ---------------------------------------------------------------------------- */

/* Broadcasts the leading axes of a and b into the task's batch; false if they do not fit. */
static bool broadcast_batch(const rv_tensor *a, const rv_tensor *b, rv_gemm_task *task)
{
    const int na = a->ndim - 2, nb = b->ndim - 2;
    task->batch_ndim = na > nb ? na : nb;
    for (int i = 0; i < task->batch_ndim; i++) {
        const int at_a = i - (task->batch_ndim - na), at_b = i - (task->batch_ndim - nb);
        const int64_t size_a = at_a < 0 ? 1 : a->shape[at_a];
        const int64_t size_b = at_b < 0 ? 1 : b->shape[at_b];
        if (size_a != size_b && size_a != 1 && size_b != 1)
            return false;
        task->batch_shape[i] = size_a == 1 ? size_b : size_a;
        task->a.batch[i] = size_a == 1 ? 0 : a->strides[at_a];
        task->b.batch[i] = size_b == 1 ? 0 : b->strides[at_b];
    }
    return true;
}

/* One product instead of a batch, where b is one matrix (or expanded from one) and a's leading axes
 * are rows too. */
static void merge_batch(const rv_tensor *a, rv_gemm_task *task)
{
    int64_t matrices = 1;
    bool one = true;
    for (int i = 0; i < task->batch_ndim; i++) {
        one = one && (task->b.batch[i] == 0 || task->batch_shape[i] == 1);
        matrices *= task->batch_shape[i];
    }
    rv_gemm_operand rows;
    if (task->batch_ndim == 0 || !one || rv_product(a->ndim - 2, a->shape) != matrices ||
        !rv_gemm_flatten(a, &rows))
        return;
    task->m *= matrices;
    task->a = rows;
    task->batch_ndim = 0;
}

static void set_result(const rv_tensor *y, rv_gemm_task *task)
{
    task->c = (rv_gemm_operand){.data = y->data, .row = task->n, .column = 1};
    int64_t stride = task->m * task->n;
    for (int i = task->batch_ndim - 1; i >= 0; i--) {
        task->c.batch[i] = stride;
        stride *= task->batch_shape[i];
    }
}

/* Sets y = a b. Where each element is one product, and there are many matrices, that is one loop
 * rather than many calls of BLAS. */
static bool multiply_into(rv_tensor *y, const rv_tensor *a, const rv_tensor *b, rv_gemm_task *task)
{
    merge_batch(a, task);
    if (task->batch_ndim > 0 && task->k == 1) {
        const rv_tensor *const in[] = {a, b};
        return rv_elementwise_into("matmul", rv_kernels_get()->loops[RV_LOOP_mul][y->dtype], y, 2,
                                   in);
    }
    set_result(y, task);
    rv_gemm(task);
    return true;
}

/* a b for inputs of two axes or more, which fit but for their leading axes. */
static rv_tensor *multiply(const rv_tensor *a, const rv_tensor *b)
{
    RV_SCOPE;
    const rv_tensor *ready_a = rv_gemm_ready("matmul", a), *ready_b = rv_gemm_ready("matmul", b);
    if (ready_a == NULL || ready_b == NULL)
        return NULL;
    rv_gemm_task task = {.dtype = a->dtype,
                         .m = a->shape[a->ndim - 2],
                         .k = a->shape[a->ndim - 1],
                         .n = b->shape[b->ndim - 1],
                         .a = rv_gemm_operand_of(ready_a, false),
                         .b = rv_gemm_operand_of(ready_b, false)};
    if (!broadcast_batch(ready_a, ready_b, &task))
        return rv_fail_null(RV_ERROR_SHAPE, "matmul",
                            "%s and %s do not fit: their leading axes do not broadcast",
                            RV_SHAPE_OF(a), RV_SHAPE_OF(b));
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, task.batch_shape, sizeof *shape * (size_t)task.batch_ndim);
    shape[task.batch_ndim] = task.m;
    shape[task.batch_ndim + 1] = task.n;
    if (task.k == 0)
        return rv_keep(rv_zeros_n(a->dtype, task.batch_ndim + 2, shape));
    rv_tensor *y = rv_empty_n(a->dtype, task.batch_ndim + 2, shape);
    if (y != NULL && y->numel > 0 && !multiply_into(y, ready_a, ready_b, &task))
        return NULL;
    return rv_keep(y);
}

/* Whether a's columns are as many as b's rows, and all else but the leading axes is right. */
static bool check_product(const rv_tensor *a, const rv_tensor *b)
{
    const char *who = "matmul";
    if (!rv_check_floating(who, 0, a) || !rv_check_floating(who, 1, b) ||
        !rv_check_dtypes(who, a, b))
        return false;
    if (a->ndim == 0 || b->ndim == 0)
        return rv_fail(RV_ERROR_SHAPE, who, "%s and %s do not fit: a matrix has an axis at least",
                       RV_SHAPE_OF(a), RV_SHAPE_OF(b));
    const int64_t columns = a->shape[a->ndim - 1];
    const int64_t rows = b->shape[b->ndim == 1 ? 0 : b->ndim - 2];
    if (columns != rows)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "%s and %s do not fit: the first has %lld column%s, the second %lld row%s",
                       RV_SHAPE_OF(a), RV_SHAPE_OF(b), (long long)columns, columns == 1 ? "" : "s",
                       (long long)rows, rows == 1 ? "" : "s");
    return true;
}

rv_tensor *rv_matmul(rv_tensor *a, rv_tensor *b)
{
    if (!check_product(a, b))
        return NULL;
    if (a->ndim > 1 && b->ndim > 1)
        return record_product(a, b, multiply(a, b));
    rv_tensor *left = a->ndim > 1 ? a : rv_reshape(a, 1, a->shape[0]);
    rv_tensor *right = b->ndim > 1 ? b : rv_reshape(b, b->shape[0], 1);
    if (left == NULL || right == NULL)
        return NULL;
    rv_tensor *y = record_product(left, right, multiply(left, right));
    if (y == NULL)
        return NULL;
    int64_t shape[RV_MAX_DIMENSIONS];
    int ndim = 0;
    for (int i = 0; i < y->ndim; i++) {
        const bool goes = (i == y->ndim - 2 && a->ndim == 1) || (i == y->ndim - 1 && b->ndim == 1);
        if (!goes)
            shape[ndim++] = y->shape[i];
    }
    return rv_reshape_n(y, ndim, shape);
}

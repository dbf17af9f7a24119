/* op_linear.c - linear: x weight' + bias in one product.
 *
 * The bias is written into the rows of the result first, and the product added to it: that is what
 * BLAS's beta is for. All axes of x but the last are rows.
 *
 * A weight with a batch of its own is one for each sample, x[i] weight[i]'; expanded from one (a
 * stride of 0) it is that one, and costs no more. What is special about it is its gradient, which
 * is each sample's own.
 */
#include "autograd/op_gemm.h"
#include "autograd/op_matrix.h"

#include <string.h>

/* The axes of t but the last as one. */
static rv_tensor *flat(rv_tensor *t)
{
    if (t == NULL || t->ndim == 2)
        return t;
    return rv_reshape(t, rv_product(t->ndim - 1, t->shape), t->shape[t->ndim - 1]);
}

/* [batch,..,n] as [batch, rows, n]. */
static rv_tensor *samples(rv_tensor *t)
{
    if (t == NULL || t->ndim == 3)
        return t;
    return rv_reshape(t, t->shape[0], rv_product(t->ndim - 2, t->shape + 1), t->shape[t->ndim - 1]);
}

static void linear_derivative(rv_derivative *d)
{
    if (d->needs[0]) {
        rv_tensor *weight = rv_saved_input(d, 1);
        const bool each = weight != NULL && weight->ndim == 3;
        d->grads[0] = each ? rv_linear(d->g, rv_transposed(weight), NULL) : rv_matmul(d->g, weight);
    }
    if (d->needs[1]) {
        rv_tensor *x = rv_saved_input(d, 0);
        const bool each = rv_input_shape(d, 1).ndim == 3;
        d->grads[1] = rv_matmul(rv_transposed(each ? samples(d->g) : flat(d->g)),
                                each ? samples(x) : flat(x));
    }
    if (d->inputs == 3 && d->needs[2]) {
        const bool each = rv_input_shape(d, 2).ndim == 2;
        d->grads[2] = rv_sum(each ? samples(d->g) : flat(d->g), .axes = RV_AXES(-2));
    }
}

static const rv_op linear_op =
    RV_OP(linear, RV_ANY_NUMBER, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), linear_derivative);

static bool check_linear(const rv_tensor *x, const rv_tensor *weight, const rv_tensor *bias)
{
    const char *who = "linear";
    if (!rv_check_floating(who, 0, x) || !rv_check_floating(who, 1, weight) ||
        !rv_check_dtypes(who, x, weight))
        return false;
    if (weight->ndim != 2 && weight->ndim != 3)
        return rv_fail(RV_ERROR_SHAPE, who, "weight is %s, expected [out,in] or [batch,out,in]",
                       RV_SHAPE_OF(weight));
    const int64_t in = weight->shape[weight->ndim - 1], out = weight->shape[weight->ndim - 2];
    if (x->ndim == 0 || x->shape[x->ndim - 1] != in)
        return rv_fail(RV_ERROR_SHAPE, who, "input %s and weight %s do not fit: expected [..,%lld]",
                       RV_SHAPE_OF(x), RV_SHAPE_OF(weight), (long long)in);
    if (weight->ndim == 3 && (x->ndim < 2 || x->shape[0] != weight->shape[0]))
        return rv_fail(RV_ERROR_SHAPE, who,
                       "input %s and weight %s do not fit: expected [%lld,..,%lld], a weight for "
                       "each sample",
                       RV_SHAPE_OF(x), RV_SHAPE_OF(weight), (long long)weight->shape[0],
                       (long long)in);
    if (bias == NULL)
        return true;
    if (!rv_check(who, 2, bias) || !rv_check_dtypes(who, weight, bias))
        return false;
    const bool each = bias->ndim == 2 && x->ndim >= 2 && bias->shape[0] == x->shape[0];
    if ((bias->ndim != 1 && !each) || bias->shape[bias->ndim - 1] != out)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "bias is %s, weight %s takes [%lld], or one for each sample of %s",
                       RV_SHAPE_OF(bias), RV_SHAPE_OF(weight), (long long)out, RV_SHAPE_OF(x));
    return true;
}

/* x itself, or a copy, whose rows are evenly spaced: one matrix. */
static const rv_tensor *flattened(const rv_tensor *x, rv_gemm_operand *rows)
{
    const int64_t one_row[] = {1, x->shape[x->ndim - 1]};
    if (x->ndim == 1)
        x = rv_raw_reshape("linear", x, 2, one_row);
    if (x == NULL || rv_gemm_flatten(x, rows))
        return x;
    x = rv_raw_copy("linear", x);
    return x != NULL && rv_gemm_flatten(x, rows) ? x : NULL;
}

/* Adds x weight' to y, weight being one matrix. */
static bool add_product(const rv_tensor *x, const rv_tensor *weight, const rv_tensor *y,
                        double beta)
{
    rv_gemm_operand rows;
    x = flattened(x, &rows);
    weight = rv_gemm_ready("linear", weight);
    if (x == NULL || weight == NULL)
        return false;
    const int64_t out = weight->shape[0];
    const rv_gemm_task task = {.dtype = x->dtype,
                               .m = rv_product(x->ndim - 1, x->shape),
                               .k = weight->shape[1],
                               .n = out,
                               .a = rows,
                               .b = rv_gemm_operand_of(weight, true),
                               .c = {.data = y->data, .row = out, .column = 1},
                               .beta = beta};
    rv_gemm(&task);
    return true;
}

/* Adds x[i] weight[i]' to y[i], for every sample. */
static bool add_products(const rv_tensor *x, const rv_tensor *weight, const rv_tensor *y,
                         double beta)
{
    const char *who = "linear";
    const int64_t rows = rv_product(x->ndim - 2, x->shape + 1);
    const int64_t shape[] = {x->shape[0], rows, x->shape[x->ndim - 1]};
    const rv_tensor *flat_x = rv_raw_reshape(who, x, 3, shape);
    const rv_tensor *ready_x = flat_x == NULL ? NULL : rv_gemm_ready(who, flat_x);
    weight = rv_gemm_ready(who, weight);
    if (ready_x == NULL || weight == NULL)
        return false;
    const int64_t out = weight->shape[1];
    rv_gemm_task task = {.dtype = x->dtype,
                         .m = rows,
                         .k = weight->shape[2],
                         .n = out,
                         .batch_ndim = 1,
                         .batch_shape = {shape[0]},
                         .a = rv_gemm_operand_of(ready_x, false),
                         .b = rv_gemm_operand_of(weight, true),
                         .c = {.data = y->data, .row = out, .column = 1, .batch = {rows * out}},
                         .beta = beta};
    task.a.batch[0] = ready_x->strides[0];
    task.b.batch[0] = weight->strides[0];
    rv_gemm(&task);
    return true;
}

/* The one matrix that a weight is for all samples; NULL with an error. */
static const rv_tensor *first_of(const rv_tensor *weight)
{
    return rv_raw_view("linear", weight->storage, weight->data, weight->dtype, 2, weight->shape + 1,
                       weight->strides + 1);
}

/* Writes the bias into all rows of y. */
static bool write_bias(rv_tensor *y, const rv_tensor *bias)
{
    const char *who = "linear";
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < y->ndim; i++)
        shape[i] = 1;
    shape[0] = bias->shape[0];
    shape[y->ndim - 1] = bias->shape[bias->ndim - 1];
    if (bias->ndim == 2 && y->ndim > 2)
        bias = rv_raw_reshape(who, bias, y->ndim, shape);
    return bias != NULL && rv_write(who, y, bias);
}

static rv_tensor *linear(const rv_tensor *x, const rv_tensor *weight, const rv_tensor *bias)
{
    RV_SCOPE;
    const int64_t in = weight->shape[weight->ndim - 1], out = weight->shape[weight->ndim - 2];
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 1] = out;
    const bool starts_zero = bias == NULL && in == 0;
    rv_tensor *y =
        starts_zero ? rv_zeros_n(x->dtype, x->ndim, shape) : rv_empty_n(x->dtype, x->ndim, shape);
    if (y == NULL || (bias != NULL && !write_bias(y, bias)))
        return NULL;
    if (y->numel == 0 || in == 0)
        return rv_keep(y);
    const double beta = bias != NULL ? 1.0 : 0.0;
    const bool each = weight->ndim == 3 && weight->strides[0] != 0 && weight->shape[0] > 1;
    if (weight->ndim == 3 && !each)
        weight = first_of(weight);
    const bool ok = weight != NULL &&
                    (each ? add_products(x, weight, y, beta) : add_product(x, weight, y, beta));
    return ok ? rv_keep(y) : NULL;
}

rv_tensor *rv_linear(rv_tensor *x, rv_tensor *weight, rv_tensor *bias)
{
    if (!check_linear(x, weight, bias))
        return NULL;
    rv_tensor *const in[] = {x, weight, bias};
    return rv_record(&linear_op, linear(x, weight, bias), bias != NULL ? 3 : 2, in, NULL, 0);
}

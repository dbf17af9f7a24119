/* op_linear.c - linear: x weight' + bias in one product.
 *
 * The bias is written into the rows of the result first, and the product added to it: that is what
 * BLAS's beta is for. All axes of x but the last are rows.
 */
#include "autograd/op_gemm.h"
#include "autograd/op_support.h"

#include <string.h>

/* The axes of t but the last as one. */
static rv_tensor *flat(rv_tensor *t)
{
    if (t == NULL || t->ndim == 2)
        return t;
    return rv_reshape(t, rv_product(t->ndim - 1, t->shape), t->shape[t->ndim - 1]);
}

static void linear_derivative(rv_derivative *d)
{
    if (d->needs[0])
        d->grads[0] = rv_matmul(d->g, rv_saved_input(d, 1));
    rv_tensor *g = flat(d->g);
    if (d->needs[1])
        d->grads[1] = rv_matmul(rv_transpose(g, 0, 1), flat(rv_saved_input(d, 0)));
    if (d->inputs == 3 && d->needs[2])
        d->grads[2] = rv_sum(g, .axes = RV_AXES(0));
}

static const rv_op linear_op =
    RV_OP(linear, RV_ANY_NUMBER, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), linear_derivative);

static bool check_linear(const rv_tensor *x, const rv_tensor *weight, const rv_tensor *bias)
{
    const char *who = "linear";
    if (!rv_check_floating(who, 0, x) || !rv_check_floating(who, 1, weight) ||
        !rv_check_dtypes(who, x, weight))
        return false;
    if (weight->ndim != 2)
        return rv_fail(RV_ERROR_SHAPE, who, "weight is %s, expected [out,in]", RV_SHAPE_OF(weight));
    if (x->ndim == 0 || x->shape[x->ndim - 1] != weight->shape[1])
        return rv_fail(RV_ERROR_SHAPE, who, "input %s and weight %s do not fit: expected [..,%lld]",
                       RV_SHAPE_OF(x), RV_SHAPE_OF(weight), (long long)weight->shape[1]);
    if (bias == NULL)
        return true;
    if (!rv_check(who, 2, bias) || !rv_check_dtypes(who, weight, bias))
        return false;
    if (bias->ndim != 1 || bias->shape[0] != weight->shape[0])
        return rv_fail(RV_ERROR_SHAPE, who, "bias is %s, weight %s takes [%lld]", RV_SHAPE_OF(bias),
                       RV_SHAPE_OF(weight), (long long)weight->shape[0]);
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

/* Adds x weight' to y. */
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

static rv_tensor *linear(const rv_tensor *x, const rv_tensor *weight, const rv_tensor *bias)
{
    RV_SCOPE;
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 1] = weight->shape[0];
    const bool starts_zero = bias == NULL && weight->shape[1] == 0;
    rv_tensor *y =
        starts_zero ? rv_zeros_n(x->dtype, x->ndim, shape) : rv_empty_n(x->dtype, x->ndim, shape);
    if (y == NULL || (bias != NULL && !rv_write("linear", y, bias)))
        return NULL;
    const bool has_product = y->numel > 0 && weight->shape[1] > 0;
    if (has_product && !add_product(x, weight, y, bias != NULL ? 1.0 : 0.0))
        return NULL;
    return rv_keep(y);
}

rv_tensor *rv_linear(rv_tensor *x, rv_tensor *weight, rv_tensor *bias)
{
    if (!check_linear(x, weight, bias))
        return NULL;
    rv_tensor *const in[] = {x, weight, bias};
    return rv_record(&linear_op, linear(x, weight, bias), bias != NULL ? 3 : 2, in, NULL, 0);
}

/* op_embedding.c - rows of a table by their number, and a one among zeros by its place. */
#include "autograd/op_support.h"

#include "core/indexed.h"

/* ---- embedding ------------------------------------------------------------------------------ */

/* The indices as [n, d], each repeated over its row. */
static rv_tensor *over_rows(rv_tensor *index, int64_t length)
{
    return rv_expand(rv_reshape(index, index->numel, 1), index->numel, length);
}

static void embedding_derivative(rv_derivative *d)
{
    RV_SCOPE;
    const rv_shape_of weight = rv_input_shape(d, 1);
    const int64_t padding = *(const int64_t *)d->attributes;
    rv_tensor *index = rv_saved_input(d, 0), *g = d->g;
    if (index == NULL)
        return;
    const int64_t length = weight.shape[1];
    g = rv_reshape(g, index->numel, length);
    rv_tensor *rows = over_rows(index, length);
    if (padding >= 0)
        g = rv_masked_fill(g, rv_eq_scalar(rv_reshape(index, index->numel, 1), (double)padding), 0);
    d->grads[1] = rv_keep(rv_gather_grad(g, 2, weight.shape, 0, rows));
}

static const rv_op embedding_op = RV_OP(embedding, 2, RV_SAVE_INPUT(0), embedding_derivative);

/* Whether the tensors fit, with the row that is padding counted from 0, or -1. */
static bool check_embedding(const char *who, const rv_embedding_options *options, int64_t *padding)
{
    const rv_tensor *index = options->index, *weight = options->weight;
    if (!rv_check(who, 0, index) || !rv_check(who, 1, weight))
        return false;
    if (index->dtype != RV_I64)
        return rv_fail(RV_ERROR_DTYPE, who, "the index is %s, expected I64",
                       rv_dtype_name(index->dtype));
    if (weight->ndim != 2 || index->ndim == RV_MAX_DIMENSIONS)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "weight %s and index %s; expected a matrix and at most %d axes",
                       RV_SHAPE_OF(weight), RV_SHAPE_OF(index), RV_MAX_DIMENSIONS - 1);
    const int64_t rows = weight->shape[0];
    *padding = -1;
    if (options->padding_idx == RV_NO_PADDING)
        return true;
    if (options->padding_idx < -rows || options->padding_idx >= rows)
        return rv_fail(RV_ERROR_INDEX, who, "padding_idx %lld is no row of %s",
                       (long long)options->padding_idx, RV_SHAPE_OF(weight));
    *padding = options->padding_idx + (options->padding_idx < 0 ? rows : 0);
    return true;
}

rv_tensor *rv_embedding_with(const rv_embedding_options *options)
{
    const char *who = "embedding";
    int64_t padding, shape[RV_MAX_DIMENSIONS];
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_embedding(who, options, &padding))
        return NULL;
    RV_SCOPE;
    rv_tensor *index = options->index, *weight = options->weight;
    for (int i = 0; i < index->ndim; i++)
        shape[i] = index->shape[i];
    shape[index->ndim] = weight->shape[1];
    rv_tensor *y = rv_empty_n(weight->dtype, index->ndim + 1, shape);
    rv_tensor *rows =
        y == NULL ? NULL : rv_raw_reshape(who, y, 2, (int64_t[]){index->numel, shape[index->ndim]});
    rv_tensor *named = rows == NULL ? NULL : over_rows(index, shape[index->ndim]);
    if (named == NULL)
        return NULL;
    if (!rv_take(rows, weight, 0, named))
        return rv_fail_index(who, index, weight->shape[0]);
    rv_tensor *const in[] = {index, weight};
    return rv_keep(rv_record(&embedding_op, y, 2, in, &padding, sizeof padding));
}

/* ---- one_hot -------------------------------------------------------------------------------- */

static const rv_op one_hot_op = RV_OP(one_hot, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);

rv_tensor *rv_one_hot(rv_tensor *index, int64_t classes, rv_dtype dtype)
{
    const char *who = "one_hot";
    if (!rv_check(who, 0, index))
        return NULL;
    if (index->dtype != RV_I64)
        return rv_fail_null(RV_ERROR_DTYPE, who, "the index is %s, expected I64",
                            rv_dtype_name(index->dtype));
    if (classes < 1 || index->ndim == RV_MAX_DIMENSIONS)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "%lld classes for %s; expected 1 or more, and at most %d axes",
                            (long long)classes, RV_SHAPE_OF(index), RV_MAX_DIMENSIONS - 1);
    RV_SCOPE;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < index->ndim; i++)
        shape[i] = index->shape[i];
    shape[index->ndim] = classes;
    rv_tensor *y = rv_zeros_n(dtype, index->ndim + 1, shape);
    rv_tensor *ones = y == NULL ? NULL : rv_ones_n(dtype, 0, NULL);
    shape[index->ndim] = 1;
    rv_tensor *named = rv_raw_reshape(who, index, index->ndim + 1, shape);
    rv_tensor *source = ones == NULL ? NULL : rv_raw_expand(who, ones, index->ndim + 1, shape);
    if (named == NULL || source == NULL)
        return NULL;
    if (!rv_put_add(y, index->ndim, named, source))
        return rv_fail_index(who, index, classes);
    return rv_keep(rv_record(&one_hot_op, y, 1, &index, NULL, 0));
}

/* op_max_pool.c - max_pool2d, and what its derivative is made of.
 *
 * Beside the largest elements the kernels give their places. Given the places, pooling is linear:
 * it chooses elements, and its derivative puts gradients where they were. So max_pool2d and
 * max_pool2d_grad are each other's derivative, to any order.
 */
#include "autograd/pool_parts.h"

#include "core/pool.h"

static rv_tensor *pooled(const rv_pool *pool, rv_tensor *y, rv_tensor *x, rv_tensor *places);

/* ---- max_pool2d_grad ------------------------------------------------------------------------- */

static void max_pool2d_grad_derivative(rv_derivative *d)
{
    const rv_pool *pool = d->attributes;
    rv_tensor *places = rv_saved_input(d, 1);
    if (places != NULL)
        d->grads[0] = pooled(pool, rv_pool_max_at("max_pool2d", pool, d->g, places), d->g, places);
}

static const rv_op max_pool2d_grad_op =
    RV_OP(max_pool2d_grad, 2, RV_SAVE_INPUT(1), max_pool2d_grad_derivative);

static rv_tensor *spread(const rv_pool *pool, rv_tensor *g, rv_tensor *places)
{
    if (places == NULL)
        return NULL;
    rv_tensor *const in[] = {g, places};
    rv_tensor *x = rv_pool_max_grad("max_pool2d_grad", pool, g, places);
    return rv_record(&max_pool2d_grad_op, x, 2, in, pool, sizeof *pool);
}

/* ---- max_pool2d ------------------------------------------------------------------------------ */

static void max_pool2d_derivative(rv_derivative *d)
{
    d->grads[0] = spread(d->attributes, d->g, rv_saved_input(d, 1));
}

static const rv_op max_pool2d_op = RV_OP(max_pool2d, 2, RV_SAVE_INPUT(1), max_pool2d_derivative);

static rv_tensor *pooled(const rv_pool *pool, rv_tensor *y, rv_tensor *x, rv_tensor *places)
{
    rv_tensor *const in[] = {x, places};
    return rv_record(&max_pool2d_op, y, 2, in, pool, sizeof *pool);
}

static rv_pool_window window_of(const rv_max_pool2d_options *o)
{
    return (rv_pool_window){.kernel = {o->kernel[0], o->kernel[1]},
                            .stride = {o->stride[0], o->stride[1]},
                            .padding = {o->padding[0], o->padding[1]},
                            .dilation = {o->dilation[0], o->dilation[1]},
                            .ceil_mode = o->ceil_mode};
}

static bool pool_of(const char *who, rv_pool_window window, const int64_t in[2], rv_pool *pool)
{
    *pool = (rv_pool){.in = {in[0], in[1]}};
    if (!rv_pool_resolve(who, &window, in, pool->out))
        return false;
    for (int i = 0; i < 2; i++) {
        pool->kernel[i] = window.kernel[i];
        pool->stride[i] = window.stride[i];
        pool->padding[i] = window.padding[i];
        pool->dilation[i] = window.dilation[i];
    }
    return true;
}

/* Pools x; indices only if they are asked for. */
static rv_pooled max_pool(const char *who, rv_tensor *given, rv_pool_window window, int axes,
                          bool with_indices)
{
    const rv_pooled none = {NULL, NULL};
    RV_SCOPE;
    rv_tensor *x = rv_pool_as_images(given, axes), *y, *places;
    rv_pool pool;
    if (x == NULL || !pool_of(who, window, x->shape + 2, &pool) ||
        !rv_pool_max(who, &pool, x, &y, &places))
        return none;
    rv_pooled result = {rv_pool_as_before(pooled(&pool, y, x, places), given, axes), NULL};
    if (with_indices)
        result.indices = rv_pool_as_before(rv_pool_indices_of(who, &pool, places), given, axes);
    if (result.values == NULL || (with_indices && result.indices == NULL))
        return none;
    rv_keep(result.values);
    rv_keep(result.indices);
    return result;
}

rv_tensor *rv_max_pool2d_with(const rv_max_pool2d_options *options)
{
    const char *who = "max_pool2d";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_pool_check_input(who, options->input, 2))
        return NULL;
    return max_pool(who, options->input, window_of(options), 2, false).values;
}

rv_pooled rv_max_pool2d_with_indices_with(const rv_max_pool2d_options *options)
{
    const char *who = "max_pool2d_with_indices";
    if (options == NULL)
        rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    if (options == NULL || !rv_pool_check_input(who, options->input, 2))
        return (rv_pooled){NULL, NULL};
    return max_pool(who, options->input, window_of(options), 2, true);
}

rv_tensor *rv_max_pool1d_with(const rv_max_pool2d_options *options)
{
    const char *who = "max_pool1d";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_pool_window window = window_of(options);
    if (!rv_pool_check_input(who, options->input, 1) || !rv_pool_one_axis(who, &window))
        return NULL;
    return max_pool(who, options->input, window, 1, false).values;
}

/* ---- by indices that are given --------------------------------------------------------------- */

/* The places that indices [n, c, rows, columns] say, for pooling n, c planes of `in`. */
static rv_tensor *given_places(const char *who, const rv_tensor *indices,
                               const rv_max_pool2d_options *options, const int64_t in[2],
                               rv_pool *pool)
{
    if (!rv_check(who, 1, indices))
        return NULL;
    if (indices->dtype != RV_I64)
        return rv_fail_null(RV_ERROR_DTYPE, who, "indices are %s, expected I64",
                            rv_dtype_name(indices->dtype));
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!pool_of(who, window_of(options), in, pool))
        return NULL;
    if (indices->ndim != 4 || indices->shape[2] != pool->out[0] ||
        indices->shape[3] != pool->out[1])
        return rv_fail_null(RV_ERROR_SHAPE, who, "indices are %s, expected [n,c,%lld,%lld]",
                            RV_SHAPE_OF(indices), (long long)pool->out[0], (long long)pool->out[1]);
    return rv_pool_places_of(who, pool, indices);
}

rv_tensor *rv_max_pool2d_grad(rv_tensor *g, rv_tensor *indices,
                              const rv_max_pool2d_options *options, int64_t height, int64_t width)
{
    const char *who = "max_pool2d_grad";
    const int64_t in[] = {height, width};
    rv_pool pool;
    RV_SCOPE;
    if (!rv_check_floating(who, 0, g))
        return NULL;
    if (height < 0 || width < 0)
        return rv_fail_null(RV_ERROR_SHAPE, who, "the input cannot have been %lld by %lld",
                            (long long)height, (long long)width);
    rv_tensor *places = given_places(who, indices, options, in, &pool);
    if (places == NULL)
        return NULL;
    if (!rv_same_shape(g, indices))
        return rv_fail_null(RV_ERROR_SHAPE, who, "gradient %s and indices %s differ",
                            RV_SHAPE_OF(g), RV_SHAPE_OF(indices));
    return rv_keep(spread(&pool, g, places));
}

rv_tensor *rv_max_pool2d_at(rv_tensor *x, rv_tensor *indices, const rv_max_pool2d_options *options)
{
    const char *who = "max_pool2d";
    rv_pool pool;
    RV_SCOPE;
    if (!rv_check_floating(who, 0, x))
        return NULL;
    if (x->ndim != 4)
        return rv_fail_null(RV_ERROR_SHAPE, who, "input is %s, expected [n,c,h,w]", RV_SHAPE_OF(x));
    rv_tensor *places = given_places(who, indices, options, x->shape + 2, &pool);
    if (places == NULL)
        return NULL;
    if (x->shape[0] != indices->shape[0] || x->shape[1] != indices->shape[1])
        return rv_fail_null(RV_ERROR_SHAPE, who, "input %s and indices %s do not fit",
                            RV_SHAPE_OF(x), RV_SHAPE_OF(indices));
    return rv_keep(pooled(&pool, rv_pool_max_at(who, &pool, x, places), x, places));
}

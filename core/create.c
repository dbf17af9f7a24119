/* create.c - tensors of given values. Random ones are in random.c. */

#include <math.h>
#include <string.h>

#include "core/tensor.h"
#include "core/tensor_make.h"

/* Fills a fresh tensor; the scope owns it either way. */
static rv_tensor *filled(const char *who, double value, rv_dtype dtype, int ndim,
                         const int64_t *shape)
{
    rv_tensor *t = rv_make(who, dtype, ndim, shape);
    if (t == NULL)
        return NULL;
    if (value == 0) {
        memset(t->data, 0, t->storage->bytes);
        return t;
    }
    return rv_fill(t, value);
}

rv_tensor *rv_zeros_n(rv_dtype dtype, int ndim, const int64_t *shape)
{
    return filled("zeros", 0, dtype, ndim, shape);
}

rv_tensor *rv_ones_n(rv_dtype dtype, int ndim, const int64_t *shape)
{
    return filled("ones", 1, dtype, ndim, shape);
}

rv_tensor *rv_full_n(double value, rv_dtype dtype, int ndim, const int64_t *shape)
{
    rv_tensor *t = rv_make("full", dtype, ndim, shape);
    return t != NULL ? rv_fill(t, value) : NULL;
}

rv_tensor *rv_zeros_like(const rv_tensor *t)
{
    rv_tensor *like = rv_empty_like(t);
    if (like != NULL)
        memset(like->data, 0, like->storage->bytes);
    return like;
}

rv_tensor *rv_ones_like(const rv_tensor *t)
{
    rv_tensor *like = rv_empty_like(t);
    return like != NULL ? rv_fill(like, 1) : NULL;
}

rv_tensor *rv_arange(rv_dtype dtype, double start, double stop, double step)
{
    const char *who = "arange";
    if (!isfinite(start) || !isfinite(stop) || !isfinite(step) || step == 0)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "from %g to %g by %g; all must be finite, and the step not 0", start,
                            stop, step);
    if (!rv_dtype_is_floating(dtype) && (start != floor(start) || step != floor(step)))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "from %g by %g; %s needs whole numbers", start,
                            step, rv_dtype_name(dtype));
    const double count = fmax(0, ceil((stop - start) / step));
    if (count > 9e15)
        return rv_fail_null(RV_ERROR_MEMORY, who, "%g elements are more than memory can hold",
                            count);
    const int64_t n = (int64_t)count;
    rv_tensor *values = rv_make(who, RV_F64, 1, &n);
    if (values == NULL)
        return NULL;
    double *value = (double *)values->data;
    for (int64_t i = 0; i < n; i++)
        value[i] = start + (double)i * step;
    return dtype == RV_F64 ? values : rv_raw_cast(who, values, dtype);
}

rv_tensor *rv_from_array_n(const void *array, rv_dtype dtype, int ndim, const int64_t *shape)
{
    rv_tensor *t = rv_make("from_array", dtype, ndim, shape);
    if (t == NULL)
        return NULL;
    if (array == NULL && t->numel > 0)
        return rv_fail_null(RV_ERROR_NULL, "from_array", "the array is NULL");
    if (t->numel > 0)
        memcpy(t->data, array, t->storage->bytes);
    return t;
}

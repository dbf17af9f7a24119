/* inspect.c - reading elements, comparing tensors. */

#include <math.h>
#include <string.h>

#include "core/tensor.h"
#include "core/tensor_make.h"

static double element(rv_dtype dtype, const char *at)
{
    switch (dtype) {
    case RV_F32: return (double)*(const float *)(const void *)at;
    case RV_F64: return *(const double *)(const void *)at;
    case RV_I64: return (double)*(const int64_t *)(const void *)at;
    case RV_U8: return (double)*(const uint8_t *)at;
    case RV_DTYPE_COUNT: break;
    }
    return (double)NAN;
}

double rv_item(const rv_tensor *t)
{
    if (!rv_check("item", 0, t))
        return (double)NAN;
    if (t->numel == 1)
        return element(t->dtype, t->data);
    rv_fail(RV_ERROR_SHAPE, "item", "%s has %lld elements, not 1 (rv_item_at takes an index)",
            RV_SHAPE_OF(t), (long long)t->numel);
    return (double)NAN;
}

double rv_item_at_n(const rv_tensor *t, int n, const int64_t *index)
{
    if (!rv_check("item_at", 0, t))
        return (double)NAN;
    if (n != t->ndim) {
        rv_fail(RV_ERROR_SHAPE, "item_at", "%d indices for %s", n, RV_SHAPE_OF(t));
        return (double)NAN;
    }
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        const int64_t from_start = index[i] < 0 ? index[i] + t->shape[i] : index[i];
        if (from_start < 0 || from_start >= t->shape[i]) {
            rv_fail(RV_ERROR_INDEX, "item_at", "index %lld of axis %d is not in [0, %lld)",
                    (long long)index[i], i, (long long)t->shape[i]);
            return (double)NAN;
        }
        at += from_start * t->strides[i];
    }
    return element(t->dtype, t->data + at * (int64_t)rv_dtype_size(t->dtype));
}

/* Calls test for each pair of elements, in row-major order; false with the first that fails. */
static bool each_pair(const rv_tensor *a, const rv_tensor *b,
                      bool (*test)(double x, double y, const double *limits), const double *limits)
{
    RV_SCOPE;
    const rv_tensor *x = rv_raw_contiguous("compare", a), *y = rv_raw_contiguous("compare", b);
    if (x == NULL || y == NULL)
        return false;
    const int64_t size = (int64_t)rv_dtype_size(a->dtype);
    for (int64_t i = 0; i < a->numel; i++) {
        /* I64 beyond 2^53 are equal as doubles before they are equal as integers. */
        if (a->dtype == RV_I64 && memcmp(x->data + i * size, y->data + i * size, 8) != 0)
            return false;
        if (!test(element(a->dtype, x->data + i * size), element(a->dtype, y->data + i * size),
                  limits))
            return false;
    }
    return true;
}

static bool is_equal(double x, double y, const double *limits)
{
    (void)limits;
    return x == y;
}

static bool is_close(double x, double y, const double *limits)
{
    return x == y || (isfinite(y) && fabs(x - y) <= limits[1] + limits[0] * fabs(y));
}

bool rv_equal(const rv_tensor *a, const rv_tensor *b)
{
    if (a == NULL || b == NULL || a->dtype != b->dtype || !rv_same_shape(a, b))
        return false;
    return each_pair(a, b, is_equal, NULL);
}

bool rv_all_close(const rv_tensor *a, const rv_tensor *b, double rtol, double atol)
{
    const char *who = "all_close";
    if (!rv_check(who, 0, a) || !rv_check(who, 1, b))
        return false;
    if (!rv_same_shape(a, b))
        return rv_fail(RV_ERROR_SHAPE, who, "shapes %s and %s differ", RV_SHAPE_OF(a),
                       RV_SHAPE_OF(b));
    if (a->dtype != b->dtype || !rv_dtype_is_floating(a->dtype))
        return rv_fail(RV_ERROR_DTYPE, who, "takes two F32 or two F64, not %s and %s",
                       rv_dtype_name(a->dtype), rv_dtype_name(b->dtype));
    return each_pair(a, b, is_close, (const double[]){rtol, atol});
}

/* transform_steps.c - the steps that compute: normalize, cutout, resize, and a user's own. */

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "core/resample.h"
#include "core/tensor_make.h"
#include "core/transform_plan.h"

/* ---- normalize ------------------------------------------------------------------------------- */

/* (x - mean) / std for each of `groups` runs of n values; numbers are all means, then all std. */
#define NORMALIZE(name, T)                                              \
    static void name(const T *numbers, int64_t groups, int64_t n, T *x) \
    {                                                                   \
        const T *mean = numbers, *std = numbers + groups;               \
        if (n == 1) {                                                   \
            for (int64_t g = 0; g < groups; g++)                        \
                x[g] = (x[g] - mean[g]) / std[g];                       \
            return;                                                     \
        }                                                               \
        for (int64_t g = 0; g < groups; g++, x += n)                    \
            for (int64_t i = 0; i < n; i++)                             \
                x[i] = (x[i] - mean[g]) / std[g];                       \
    }
NORMALIZE(normalize_f32, float)
NORMALIZE(normalize_f64, double)

static bool run_normalize(const rv_step *step, rv_work *work, const char *from, char *to)
{
    (void)work, (void)from;
    if (step->x.numel == 0)
        return true;
    const int64_t n = step->x.numel / step->groups;
    if (step->x.dtype == RV_F32)
        normalize_f32(step->numbers, step->groups, n, (float *)to);
    else
        normalize_f64(step->numbers, step->groups, n, (double *)to);
    return true;
}

/* Writes mean and std + epsilon, both F64 and row-major, in the samples' dtype. */
static bool take_numbers(const char *who, rv_dtype dtype, const rv_tensor *mean,
                         const rv_tensor *std, double epsilon, void *numbers)
{
    const int64_t n = mean->numel;
    for (int64_t i = 0; i < n; i++) {
        double m = ((const double *)mean->data)[i], s = ((const double *)std->data)[i] + epsilon;
        if (dtype == RV_F32) {
            m = ((float *)numbers)[i] = (float)m;
            s = ((float *)numbers)[n + i] = (float)s;
        } else {
            ((double *)numbers)[i] = m;
            ((double *)numbers)[n + i] = s;
        }
        if (!isfinite(m))
            return rv_fail(RV_ERROR_ARGUMENT, who, "mean %lld is %g", (long long)i, m);
        if (!isfinite(s) || s <= 0)
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "std %lld is %g%s; it must be above 0 (.epsilon is added to it)",
                           (long long)i, s, epsilon > 0 ? " with epsilon" : "");
    }
    return true;
}

/* How many groups of a sample such a mean is for; -1 with an error. */
static int64_t groups_of(const char *who, const rv_sample_shape *x, const rv_tensor *mean)
{
    if (mean->ndim <= 1 && mean->numel == 1)
        return 1;
    if (mean->ndim == 1 && x->ndim >= 1 && mean->shape[0] == x->shape[0])
        return x->shape[0];
    if (mean->ndim == x->ndim && memcmp(mean->shape, x->shape, (size_t)x->ndim * 8) == 0)
        return x->numel;
    rv_fail(RV_ERROR_SHAPE, who,
            "mean is %s, samples are %s; [1], [channels] or a sample's shape is expected",
            RV_SHAPE_OF(mean), rv_shape_text(RV_SHAPE_BUFFER, x->ndim, x->shape));
    return -1;
}

static bool check_normalize(const rv_plan *plan, const char *who, const rv_normalize_options *o)
{
    const rv_tensor *given[] = {o->mean, o->std};
    const char *const names[] = {"mean", "std"};
    for (int i = 0; i < 2; i++) {
        if (given[i] == NULL)
            return rv_fail(RV_ERROR_NULL, who, "%s is NULL", names[i]);
        if (!rv_check(who, i, given[i]))
            return false;
        if (!rv_dtype_is_floating(given[i]->dtype))
            return rv_fail(RV_ERROR_DTYPE, who, "%s is %s; F32 or F64 is expected", names[i],
                           rv_dtype_name(given[i]->dtype));
    }
    if (!rv_same_shape(o->mean, o->std))
        return rv_fail(RV_ERROR_SHAPE, who, "mean is %s, std %s", RV_SHAPE_OF(o->mean),
                       RV_SHAPE_OF(o->std));
    if (!(o->epsilon >= 0 && isfinite(o->epsilon)))
        return rv_fail(RV_ERROR_ARGUMENT, who, "epsilon is %g; it must not be negative",
                       o->epsilon);
    return rv_dtype_is_floating(plan->x.dtype) ||
           rv_fail(RV_ERROR_DTYPE, who, "samples are %s; F32 or F64 is expected (%s)",
                   rv_dtype_name(plan->x.dtype), "rv_transform_to_float makes bytes F32");
}

static rv_tensor *as_double(const char *who, const rv_tensor *t)
{
    rv_tensor *wide = rv_raw_cast(who, t, RV_F64);
    return wide ? rv_raw_contiguous(who, wide) : NULL;
}

bool rv_plan_normalize(rv_plan *plan, const char *who, const rv_normalize_options *o)
{
    RV_SCOPE;
    const int64_t groups = check_normalize(plan, who, o) ? groups_of(who, &plan->x, o->mean) : -1;
    const rv_tensor *mean = groups >= 0 ? as_double(who, o->mean) : NULL;
    const rv_tensor *std = mean != NULL ? as_double(who, o->std) : NULL;
    const size_t bytes = std ? 2 * (size_t)groups * rv_dtype_size(plan->x.dtype) : 0;
    void *numbers = std ? rv_memory_get(who, bytes) : NULL;
    if (numbers == NULL)
        return false;
    if (!take_numbers(who, plan->x.dtype, mean, std, o->epsilon, numbers)) {
        rv_memory_put(numbers, bytes);
        return false;
    }
    int64_t numel;
    float *tables = rv_plan_tables(plan, groups, &numel);
    if (tables != NULL) {
        normalize_f32(numbers, groups, numel / groups, tables);
        rv_memory_put(numbers, bytes);
        return true;
    }
    rv_step *step = rv_plan_step(plan, &plan->x, true);
    step->run = run_normalize;
    step->groups = groups;
    step->numbers = numbers;
    step->bytes = bytes;
    return true;
}

/* ---- cutout ---------------------------------------------------------------------------------- */

/* Where a hole of `size` around `middle` begins and ends, of n pixels. */
static void hole(int64_t middle, int64_t size, int64_t n, int64_t *begin, int64_t *end)
{
    const int64_t first = middle - size / 2, behind = first + size;
    *begin = first > 0 ? first : 0;
    *end = behind < n ? behind : n;
}

static bool run_cutout(const rv_step *step, rv_work *work, const char *from, char *to)
{
    (void)from;
    const rv_cutout_options *o = &step->transform->options.cutout;
    uint32_t numbers[4];
    rv_work_numbers(work, step->number, numbers);
    if (!rv_number_says(numbers[0], o->p))
        return true;
    const int64_t height = step->x.shape[step->x.ndim - 2], width = step->x.shape[step->x.ndim - 1];
    const int64_t planes = step->x.numel / (height * width);
    const size_t bytes = rv_dtype_size(step->x.dtype);
    int64_t top, bottom, left, right;
    hole(rv_number_below(numbers[1], height), o->size, height, &top, &bottom);
    hole(rv_number_below(numbers[2], width), o->size, width, &left, &right);
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = top; i < bottom; i++)
            memset(to + (size_t)((p * height + i) * width + left) * bytes, 0,
                   (size_t)(right - left) * bytes);
    return true;
}

bool rv_plan_cutout(rv_plan *plan, const rv_transform *t, int number)
{
    rv_step *step = rv_plan_step(plan, &plan->x, true);
    step->run = run_cutout;
    step->transform = t;
    step->number = number;
    return true;
}

/* ---- resize ---------------------------------------------------------------------------------- */

static const char resize_who[] = "resize";

static bool run_resize(const rv_step *step, rv_work *work, const char *from, char *to)
{
    const rv_dtype dtype = step->x.dtype;
    const int axis = step->x.ndim - 2;
    const int64_t height = step->x.shape[axis], width = step->x.shape[axis + 1];
    const int64_t planes = step->x.numel / (height * width);
    return rv_resample(resize_who, dtype, from, work->scratch, planes * height, width,
                       step->y.shape[axis + 1], 1) &&
           rv_resample(resize_who, dtype, work->scratch, to, planes, height, step->y.shape[axis],
                       step->y.shape[axis + 1]);
}

bool rv_plan_resize(rv_plan *plan, const char *who, const rv_transform *t)
{
    const int64_t height = t->options.size.height, width = t->options.size.width;
    if (!rv_dtype_is_floating(plan->x.dtype))
        return rv_fail(RV_ERROR_DTYPE, who, "samples are %s; F32 or F64 is expected (%s)",
                       rv_dtype_name(plan->x.dtype), "rv_transform_to_float makes bytes F32");
    const int axis = plan->x.ndim - 2;
    /* first the rows are made as wide as wanted: the old height, the new width */
    if (!rv_plan_image(plan, who, plan->x.shape[axis], width))
        return false;
    const int64_t planes = plan->x.numel / (plan->x.shape[axis] * plan->x.shape[axis + 1]);
    const size_t between =
        (size_t)(planes * plan->x.shape[axis] * width) * rv_dtype_size(plan->x.dtype);
    rv_sample_shape y = plan->x;
    y.shape[axis] = height;
    y.shape[axis + 1] = width;
    y.numel = planes * height * width;
    rv_plan_step(plan, &y, false)->run = run_resize;
    plan->scratch = between > plan->scratch ? between : plan->scratch;
    return true;
}

/* ---- a user's own ---------------------------------------------------------------------------- */

static bool run_custom(const rv_step *step, rv_work *work, const char *from, char *to)
{
    (void)from;
    RV_SCOPE; /* ends what the function makes */
    const rv_transform_custom_options *o = &step->transform->options.custom;
    rv_tensor *x = work->buffer[step->before];
    rv_tensor *y = work->buffer[step - work->plan->step];
    uint32_t key[4];
    rv_work_numbers(work, step->number, key);
    const rv_random_place place = {.seed = (uint64_t)key[1] << 32 | key[0]};
    rv_lock(&work->plan->custom);
    const bool done = o->function(o->context, place, x, y);
    rv_unlock(&work->plan->custom);
    if (done && to != y->data)
        memcpy(to, y->data, (size_t)y->numel * rv_dtype_size(y->dtype));
    return done ||
           rv_fail(RV_ERROR_STATE, "custom", "the function returned false without an error");
}

/* What y is; false with an error. */
static bool shape_custom(const char *who, const rv_transform_custom_options *o, rv_sample_shape *y)
{
    if (o->dtype != RV_DTYPE_COUNT) {
        if (rv_dtype_size(o->dtype) == 0)
            return rv_fail(RV_ERROR_DTYPE, who, "dtype is %d, which is no dtype", (int)o->dtype);
        y->dtype = o->dtype;
    }
    if (o->ndim == -1)
        return o->shape[0] == 0 || rv_fail(RV_ERROR_SHAPE, who, "shape is given, but not ndim");
    if (o->ndim < 0 || o->ndim >= RV_MAX_DIMENSIONS)
        return rv_fail(RV_ERROR_SHAPE, who, "ndim is %d; a sample has 0 to %d axes", o->ndim,
                       RV_MAX_DIMENSIONS - 1);
    y->ndim = o->ndim;
    y->numel = 1;
    for (int i = 0; i < o->ndim; i++) {
        y->shape[i] = o->shape[i];
        if (y->shape[i] < 0 || __builtin_mul_overflow(y->numel, y->shape[i], &y->numel))
            return rv_fail(RV_ERROR_SHAPE, who, "shape is %s",
                           rv_shape_text(RV_SHAPE_BUFFER, o->ndim, o->shape));
    }
    return true;
}

bool rv_plan_custom(rv_plan *plan, const char *who, const rv_transform *t, int number)
{
    const rv_transform_custom_options *o = &t->options.custom;
    rv_sample_shape y = plan->x;
    if (o->function == NULL)
        return rv_fail(RV_ERROR_NULL, who, "function is NULL");
    if (!shape_custom(who, o, &y))
        return false;
    rv_step *step = rv_plan_step(plan, &y, false);
    step->run = run_custom;
    step->transform = t;
    step->number = number;
    return true;
}

/* data_tensors.c - samples that lie in two tensors, one behind the other. */

#include <string.h>

#include "core/data_set.h"
#include "core/memory.h"

typedef struct tensor_source {
    rv_source source;
    rv_tensor *x, *y; /* row-major, retained */
    bool scale;       /* x: from U8 to F32 in [0, 1] */
} tensor_source;

static void destroy(rv_object *object)
{
    tensor_source *s = (tensor_source *)object;
    rv_release(s->x);
    rv_release(s->y);
    rv_names_end(&s->source.names);
    rv_memory_put(s, sizeof *s);
}

static const rv_object_class tensor_source_class = {.kind = "source", .destroy = destroy};

static void copy_samples(int64_t n, const int64_t *indices, size_t bytes, const char *from,
                         char *to)
{
    for (int64_t i = 0; bytes > 0 && i < n; i++)
        memcpy(to + (size_t)i * bytes, from + (size_t)indices[i] * bytes, bytes);
}

static void scale_samples(int64_t n, const int64_t *indices, int64_t size, const uint8_t *from,
                          float *to)
{
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *sample = from + indices[i] * size;
        float *scaled = to + i * size;
        for (int64_t j = 0; j < size; j++)
            scaled[j] = (float)sample[j] / 255.0f;
    }
}

static bool fetch(rv_source *source, const rv_chance *chance, int64_t n, const int64_t *indices,
                  rv_tensor *x, rv_tensor *y)
{
    (void)chance;
    const tensor_source *s = (const tensor_source *)source;
    if (s->scale && x != NULL)
        scale_samples(n, indices, source->x.numel, (const uint8_t *)s->x->data, (float *)x->data);
    else if (x != NULL)
        copy_samples(n, indices, (size_t)source->x.numel * rv_dtype_size(x->dtype), s->x->data,
                     x->data);
    copy_samples(n, indices, (size_t)source->y.numel * rv_dtype_size(y->dtype), s->y->data,
                 y->data);
    return true;
}

/* One sample of `t`, whose first axis counts samples. */
static rv_sample_shape sample_of(const rv_tensor *t, rv_dtype dtype)
{
    rv_sample_shape sample = {.dtype = dtype, .ndim = t->ndim - 1, .numel = 1};
    for (int i = 1; i < t->ndim; i++) {
        sample.shape[i - 1] = t->shape[i];
        sample.numel *= t->shape[i];
    }
    return sample;
}

static bool check(const char *who, const rv_tensor *x, const rv_tensor *y, bool scale)
{
    if (!rv_check(who, 0, x) || !rv_check(who, 1, y))
        return false;
    if (x->ndim == 0 || y->ndim == 0)
        return rv_fail(RV_ERROR_SHAPE, who, "%s is 0-d; its first axis counts samples",
                       x->ndim == 0 ? "x" : "y");
    if (x->shape[0] != y->shape[0])
        return rv_fail(RV_ERROR_SHAPE, who, "x %s has %lld samples, y %s has %lld", RV_SHAPE_OF(x),
                       (long long)x->shape[0], RV_SHAPE_OF(y), (long long)y->shape[0]);
    if (scale && x->dtype != RV_U8)
        return rv_fail(RV_ERROR_DTYPE, who, "scale is for U8, and x is %s",
                       rv_dtype_name(x->dtype));
    return true;
}

rv_dataset *rv_data_over_tensors(const char *who, rv_tensor *x, rv_tensor *y, bool scale)
{
    RV_SCOPE;
    if (!check(who, x, y, scale))
        return NULL;
    x = rv_raw_contiguous(who, x);
    y = rv_raw_contiguous(who, y);
    tensor_source *s = x != NULL && y != NULL ? rv_memory_get(who, sizeof *s) : NULL;
    if (s == NULL)
        return NULL;
    *s = (tensor_source){.source = {.count = x->shape[0],
                                    .x = sample_of(x, scale ? RV_F32 : x->dtype),
                                    .y = sample_of(y, y->dtype),
                                    .fetch = fetch,
                                    .samples = x->data,
                                    .stored = x->dtype},
                         .x = rv_retain(x),
                         .y = rv_retain(y),
                         .scale = scale};
    rv_object_init(&s->source.object, &tensor_source_class);
    return rv_dataset_new(who, &s->source, NULL);
}

rv_dataset *rv_data_tensors_with(const rv_data_tensors_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "data_tensors", "the options are NULL");
    return rv_data_over_tensors("data_tensors", options->x, options->y, options->scale);
}

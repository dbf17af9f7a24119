/* data_callback.c - samples that the caller's own function fetches. */

#include "core/data_set.h"
#include "core/memory.h"

static const char who[] = "data_callback";

typedef struct callback_source {
    rv_source source;
    rv_data_fetch *fetch;
    void *context;
    void (*release)(void *context);
    rv_mutex lock; /* held while fetch runs: it need not know of threads */
} callback_source;

static void destroy(rv_object *object)
{
    callback_source *s = (callback_source *)object;
    if (s->release != NULL)
        s->release(s->context);
    rv_memory_put(s, sizeof *s);
}

static const rv_object_class callback_source_class = {.kind = "source", .destroy = destroy};

static bool fetch(rv_source *source, const rv_chance *chance, int64_t n, const int64_t *indices,
                  rv_tensor *x, rv_tensor *y)
{
    (void)chance;
    RV_SCOPE; /* ends what the function makes */
    callback_source *s = (callback_source *)source;
    rv_lock(&s->lock);
    const bool done = s->fetch(s->context, n, indices, x, y);
    rv_unlock(&s->lock);
    return done || rv_fail(RV_ERROR_STATE, who, "fetch returned false without an error");
}

static bool check_sample(const char *name, rv_dtype dtype, int ndim, const int64_t *shape,
                         int64_t *numel)
{
    if (rv_dtype_size(dtype) == 0)
        return rv_fail(RV_ERROR_DTYPE, who, "%s_dtype is %d, which is no dtype", name, (int)dtype);
    if (ndim < 0 || ndim >= RV_MAX_DIMENSIONS)
        return rv_fail(RV_ERROR_SHAPE, who, "%s_ndim is %d; a sample has 0 to %d axes", name, ndim,
                       RV_MAX_DIMENSIONS - 1);
    *numel = 1;
    for (int i = 0; i < ndim; i++)
        if (shape[i] < 0 || __builtin_mul_overflow(*numel, shape[i], numel))
            return rv_fail(RV_ERROR_SHAPE, who, "%s_shape is %s", name,
                           rv_shape_text(RV_SHAPE_BUFFER, ndim, shape));
    return true;
}

static bool check(const rv_data_callback_options *o, int64_t *x_numel, int64_t *y_numel)
{
    if (o->fetch == NULL)
        return rv_fail(RV_ERROR_NULL, who, "fetch is NULL");
    if (o->count < 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "count is %lld", (long long)o->count);
    return check_sample("x", o->x_dtype, o->x_ndim, o->x_shape, x_numel) &&
           check_sample("y", o->y_dtype, o->y_ndim, o->y_shape, y_numel);
}

static rv_sample_shape sample_of(rv_dtype dtype, int ndim, const int64_t *shape, int64_t numel)
{
    rv_sample_shape sample = {.dtype = dtype, .ndim = ndim, .numel = numel};
    for (int i = 0; i < ndim; i++)
        sample.shape[i] = shape[i];
    return sample;
}

rv_dataset *rv_data_callback_with(const rv_data_callback_options *o)
{
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    int64_t x_numel, y_numel;
    callback_source *s = check(o, &x_numel, &y_numel) ? rv_memory_get(who, sizeof *s) : NULL;
    if (s == NULL) {
        if (o->release != NULL)
            o->release(o->context);
        return NULL;
    }
    *s = (callback_source){.source = {.count = o->count,
                                      .x = sample_of(o->x_dtype, o->x_ndim, o->x_shape, x_numel),
                                      .y = sample_of(o->y_dtype, o->y_ndim, o->y_shape, y_numel),
                                      .fetch = fetch},
                           .fetch = o->fetch,
                           .context = o->context,
                           .release = o->release,
                           .lock = RV_MUTEX_INIT};
    rv_object_init(&s->source.object, &callback_source_class);
    return rv_dataset_new(who, &s->source, NULL);
}

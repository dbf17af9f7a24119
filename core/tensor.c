/* tensor.c - tensors and storages: how they are made, shared and freed. */

#include "core/tensor.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor_make.h"
#include "core/thread_state.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[RV_DTYPE_COUNT] = {
    [RV_F32] = {"F32", sizeof(float)},
    [RV_F64] = {"F64", sizeof(double)},
    [RV_I64] = {"I64", sizeof(int64_t)},
    [RV_U8] = {"U8", sizeof(uint8_t)},
};

const char *rv_dtype_name(rv_dtype dtype)
{
    return (unsigned)dtype < RV_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

size_t rv_dtype_size(rv_dtype dtype)
{
    return (unsigned)dtype < RV_DTYPE_COUNT ? dtypes[dtype].size : 0;
}

bool rv_dtype_is_floating(rv_dtype dtype)
{
    return dtype == RV_F32 || dtype == RV_F64;
}

/* ---- storage -------------------------------------------------------------------------------- */

/* A storage and its elements are one block: the header takes the first cache line. */
#define STORAGE_HEADER ((size_t)RV_ALIGNMENT)
_Static_assert(sizeof(rv_storage) <= STORAGE_HEADER, "a storage's header is one cache line");

static rv_storage *storage_new(const char *who, size_t bytes)
{
    rv_storage *storage = rv_memory_get(who, STORAGE_HEADER + bytes);
    if (storage == NULL)
        return NULL;
    *storage =
        (rv_storage){.references = 1, .bytes = bytes, .data = (char *)storage + STORAGE_HEADER};
    return storage;
}

void rv_storage_retain(rv_storage *storage)
{
    __atomic_fetch_add(&storage->references, 1, __ATOMIC_RELAXED);
}

void rv_storage_release(rv_storage *storage)
{
    if (__atomic_load_n(&storage->references, __ATOMIC_ACQUIRE) != 1 &&
        __atomic_sub_fetch(&storage->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    const bool is_ours = storage->data == (char *)storage + STORAGE_HEADER;
    if (storage->release != NULL)
        storage->release(storage->context);
    rv_memory_put(storage, STORAGE_HEADER + (is_ours ? storage->bytes : 0));
}

uint32_t rv_storage_version(const rv_storage *storage)
{
    return __atomic_load_n(&storage->version, __ATOMIC_RELAXED);
}

void rv_touch(rv_tensor *t)
{
    if (t != NULL)
        __atomic_fetch_add(&t->storage->version, 1, __ATOMIC_RELAXED);
}

/* ---- the end of a tensor -------------------------------------------------------------------- */

#if RV_RECYCLE

static void bury(rv_tensor *t)
{
    rv_memory_put(t, sizeof *t);
}

void rv_ended_tensors_free(void)
{
}

#else

/* Debug builds keep the headers of the last ended tensors, so that using one is an error with a
 * name, not undefined behaviour. */
#define GRAVES 65536
static rv_mutex graves_lock = RV_MUTEX_INIT;
static rv_tensor *graves[GRAVES];
static int64_t buried;

static void bury(rv_tensor *t)
{
    t->scope = rv_here.ending;
    rv_lock(&graves_lock);
    rv_tensor **grave = &graves[buried++ % GRAVES];
    rv_tensor *oldest = *grave;
    *grave = t;
    rv_unlock(&graves_lock);
    rv_memory_put(oldest, sizeof *t);
}

void rv_ended_tensors_free(void)
{
    rv_lock(&graves_lock);
    for (int64_t i = 0; i < GRAVES; i++) {
        rv_memory_put(graves[i], sizeof(rv_tensor));
        graves[i] = NULL;
    }
    buried = 0;
    rv_unlock(&graves_lock);
}

#endif

static void tensor_destroy(rv_object *object)
{
    rv_tensor *t = (rv_tensor *)object;
    if (t->ending != NULL)
        t->ending(t);
    rv_object_release(t->node);
    rv_storage_release(t->storage);
    t->object.mark = RV_OBJECT_ENDED;
    t->scope = NULL;
    bury(t);
}

/* A tensor that is saved by itself is its own only state. */
static bool tensor_state(rv_object *object, rv_state_visit *visit, void *context)
{
    return visit(context, "data", (rv_tensor *)object);
}

static const rv_object_class tensor_class = {
    .kind = "tensor", .destroy = tensor_destroy, .state = tensor_state};

bool rv_check(const char *who, int input, const rv_tensor *t)
{
    if (RV_LIKELY(t != NULL && t->object.mark == RV_OBJECT_ALIVE))
        return true;
    if (rv_error_status() != RV_OK)
        return false;
    if (t == NULL)
        return rv_fail(RV_ERROR_NULL, who, "input %d is NULL", input);
    if (t->object.mark != RV_OBJECT_ENDED)
        return rv_fail(RV_ERROR_ARGUMENT, who, "input %d is not a tensor", input);
    return rv_fail(RV_ERROR_ENDED, who,
                   "input %d was used after %s ended: rv_keep hands a tensor out", input,
                   t->scope ? t->scope : "the scope that owned it");
}

/* ---- making --------------------------------------------------------------------------------- */

/* The row-major strides and the number of elements; false if they are more than memory can hold. */
static bool row_major(const char *who, rv_dtype dtype, int ndim, const int64_t *shape,
                      int64_t *strides, int64_t *numel)
{
    int64_t step = 1, count = 1, bytes;
    bool fits = true;
    for (int i = ndim - 1; i >= 0; i--) {
        strides[i] = step;
        fits = fits && !__builtin_mul_overflow(step, shape[i] > 0 ? shape[i] : 1, &step);
        count *= fits ? shape[i] : 1;
    }
    fits = fits && !__builtin_mul_overflow(step, (int64_t)rv_dtype_size(dtype), &bytes);
    *numel = count;
    return fits || rv_fail(RV_ERROR_MEMORY, who, "%s %s is more than memory can hold",
                           rv_dtype_name(dtype), rv_shape_text(RV_SHAPE_BUFFER, ndim, shape));
}

static bool check_shape(const char *who, rv_dtype dtype, int ndim, const int64_t *shape)
{
    if ((unsigned)dtype >= RV_DTYPE_COUNT)
        return rv_fail(RV_ERROR_DTYPE, who, "%d is no dtype", (int)dtype);
    if (ndim < 0 || ndim > RV_MAX_DIMENSIONS)
        return rv_fail(RV_ERROR_SHAPE, who, "%d dimensions; a tensor has 0 to %d", ndim,
                       RV_MAX_DIMENSIONS);
    if (ndim > 0 && shape == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the shape is NULL");
    for (int i = 0; i < ndim; i++)
        if (shape[i] < 0)
            return rv_fail(RV_ERROR_SHAPE, who, "size %lld of axis %d is negative",
                           (long long)shape[i], i);
    return true;
}

/* A tensor around `storage`, whose reference it takes over (also when it fails). */
static rv_tensor *tensor_new(const char *who, rv_storage *storage, char *data, rv_dtype dtype,
                             int ndim, const int64_t *shape, const int64_t *strides, int64_t numel)
{
    rv_tensor *t = rv_memory_get(who, sizeof *t);
    if (t == NULL) {
        rv_storage_release(storage);
        return NULL;
    }
    rv_object_init(&t->object, &tensor_class);
    t->storage = storage;
    t->data = data;
    t->node = NULL;
    t->node_output = 0;
    t->dtype = dtype;
    t->ndim = ndim;
    t->numel = numel;
    t->scope = NULL;
    t->ending = NULL;
    t->shape[0] = t->strides[0] = 1; /* of a 0-d tensor, seen as 1-d */
    for (int i = 0; i < ndim; i++) {
        t->shape[i] = shape[i];
        t->strides[i] = strides[i];
    }
    return rv_scope_own(t);
}

rv_tensor *rv_make(const char *who, rv_dtype dtype, int ndim, const int64_t *shape)
{
    int64_t strides[RV_MAX_DIMENSIONS], numel;
    if (!check_shape(who, dtype, ndim, shape) ||
        !row_major(who, dtype, ndim, shape, strides, &numel))
        return NULL;
    rv_storage *storage = storage_new(who, (size_t)numel * dtypes[dtype].size);
    if (storage == NULL)
        return NULL;
    return tensor_new(who, storage, storage->data, dtype, ndim, shape, strides, numel);
}

rv_tensor *rv_raw_view(const char *who, rv_storage *storage, char *data, rv_dtype dtype, int ndim,
                       const int64_t *shape, const int64_t *strides)
{
    int64_t numel = 1;
    for (int i = 0; i < ndim; i++)
        numel *= shape[i];
    rv_storage_retain(storage);
    return tensor_new(who, storage, data, dtype, ndim, shape, strides, numel);
}

rv_tensor *rv_empty_n(rv_dtype dtype, int ndim, const int64_t *shape)
{
    return rv_make("empty", dtype, ndim, shape);
}

rv_tensor *rv_from_buffer(void *data, rv_dtype dtype, int ndim, const int64_t *shape,
                          const int64_t *strides, void (*release)(void *context), void *context)
{
    const char *who = "from_buffer";
    int64_t packed[RV_MAX_DIMENSIONS], numel;
    bool ok =
        check_shape(who, dtype, ndim, shape) && row_major(who, dtype, ndim, shape, packed, &numel);
    if (ok && data == NULL && numel > 0)
        ok = rv_fail(RV_ERROR_NULL, who, "the buffer is NULL");
    if (ok && (uintptr_t)data % dtypes[dtype].size != 0)
        ok =
            rv_fail(RV_ERROR_ARGUMENT, who, "the buffer is not aligned for %s", dtypes[dtype].name);
    for (int i = 0; ok && strides != NULL && i < ndim; i++)
        if (strides[i] < 0)
            ok = rv_fail(RV_ERROR_ARGUMENT, who, "stride %lld of axis %d is negative",
                         (long long)strides[i], i);
    rv_storage *storage = ok ? rv_memory_get(who, STORAGE_HEADER) : NULL;
    if (storage == NULL) {
        if (release != NULL)
            release(context);
        return NULL;
    }
    *storage = (rv_storage){.references = 1,
                            .bytes = (size_t)numel * dtypes[dtype].size,
                            .data = data,
                            .release = release,
                            .context = context};
    return tensor_new(who, storage, data, dtype, ndim, shape, strides ? strides : packed, numel);
}

/* ---- fields for other languages ------------------------------------------------------------- */

int rv_ndim(const rv_tensor *t)
{
    return t ? t->ndim : -1;
}

int64_t rv_numel(const rv_tensor *t)
{
    return t ? t->numel : -1;
}

const int64_t *rv_shape(const rv_tensor *t)
{
    return t ? t->shape : NULL;
}

const int64_t *rv_strides(const rv_tensor *t)
{
    return t ? t->strides : NULL;
}

rv_dtype rv_dtype_of(const rv_tensor *t)
{
    return t ? t->dtype : RV_DTYPE_COUNT;
}

void *rv_data(const rv_tensor *t)
{
    return t ? t->data : NULL;
}

/* tensor.h - tensors: a dtype, a shape, strides, and a storage that views share.
 *
 * A tensor is an n-dimensional array, up to 8 dimensions, row-major unless said otherwise. Element
 * [i, j, ...] stands at data + (i*strides[0] + j*strides[1] + ...) elements. A view (a transpose, a
 * slice) is a tensor with other strides over the same storage. An expanded axis has a stride of 0.
 *
 * This header has what needs no gradients: making tensors, looking into them, changing them in
 * place. What can be differentiated, views included, is in autograd/operations.h; the rv_raw_
 * functions here are what those are built from, and are not recorded.
 *
 * Ownership: functions that return an rv_tensor * return a tensor that the innermost scope owns
 * (core/scope.h), and NULL with an error (core/error.h) when they fail.
 */
#ifndef RV_CORE_TENSOR_H
#define RV_CORE_TENSOR_H

#include <stdio.h>

#include "core/error.h"
#include "core/object.h"
#include "core/scope.h"

RV_BEGIN_C

#define RV_MAX_DIMENSIONS 8

typedef enum rv_dtype {
    RV_F32, /* float: the default of networks */
    RV_F64, /* double: what gradcheck and second order want */
    RV_I64, /* int64_t: labels and indices */
    RV_U8,  /* uint8_t: images, and the 0 or 1 of comparisons */
    RV_DTYPE_COUNT
} rv_dtype;

/* "F32", ...; "?" for a number that is no dtype. */
RV_API const char *rv_dtype_name(rv_dtype dtype);
/* Bytes of one element; 0 for a number that is no dtype. */
RV_API size_t rv_dtype_size(rv_dtype dtype);
/* Whether it is F32 or F64: what can have gradients. */
RV_API bool rv_dtype_is_floating(rv_dtype dtype);

/* The memory behind one or more tensors. */
typedef struct rv_storage {
    int32_t references;             /* atomic */
    uint32_t version;               /* atomic; grows with each change in place */
    size_t bytes;                   /* of data */
    char *data;                     /* aligned to RV_ALIGNMENT unless it is the caller's */
    void (*release)(void *context); /* not NULL: the memory is the caller's, tell him */
    void *context;                  /* for release */
} rv_storage;

/* A tensor. Read its fields; change none. */
struct rv_tensor {
    rv_object object;
    rv_storage *storage;
    char *data;          /* the first element */
    rv_object *node;     /* where it came from: autograd's, NULL without gradient */
    int32_t node_output; /* which output of that node */
    rv_dtype dtype;
    int32_t ndim;
    int64_t numel;                      /* how many elements: the product of shape */
    const char *scope;                  /* debug builds: the scope that released it */
    void (*ending)(rv_tensor *t);       /* called before the tensor goes: autograd's, or NULL */
    int64_t shape[RV_MAX_DIMENSIONS];   /* [ndim]; shape[0] of a 0-d tensor is 1, */
    int64_t strides[RV_MAX_DIMENSIONS]; /* [ndim], in elements, none negative; so is strides[0] */
};

/* The same for other languages; NULL gives -1, NULL, or RV_DTYPE_COUNT. */
RV_API int rv_ndim(const rv_tensor *t);
RV_API int64_t rv_numel(const rv_tensor *t);
RV_API const int64_t *rv_shape(const rv_tensor *t);   /* [ndim] */
RV_API const int64_t *rv_strides(const rv_tensor *t); /* [ndim], in elements */
RV_API rv_dtype rv_dtype_of(const rv_tensor *t);
/* The first element. Writing through it is not seen by the version check (call rv_touch). */
RV_API void *rv_data(const rv_tensor *t);
/* Says that the elements were changed through rv_data, so that a derivative that needs the old ones
 * is an error, not a wrong gradient. */
RV_API void rv_touch(rv_tensor *t);

/* ---- making tensors ------------------------------------------------------------------------- */

/* rv_zeros(RV_F32, 2, 3): zeros of shape [2, 3]; rv_zeros(RV_F32) is 0-d. Errors: a dtype that is
 * none, a negative size, more than 8 dimensions, more elements than memory can hold. */
#define rv_zeros(...) RV_SHAPED(rv_zeros_n, __VA_ARGS__)
#define rv_ones(...) RV_SHAPED(rv_ones_n, __VA_ARGS__)
/* Elements undefined: for those who write all of them. */
#define rv_empty(...) RV_SHAPED(rv_empty_n, __VA_ARGS__)
RV_API rv_tensor *rv_zeros_n(rv_dtype dtype, int ndim, const int64_t *shape);
RV_API rv_tensor *rv_ones_n(rv_dtype dtype, int ndim, const int64_t *shape);
RV_API rv_tensor *rv_empty_n(rv_dtype dtype, int ndim, const int64_t *shape);

/* rv_full(0.5, RV_F32, 2, 3): every element is `value`. Errors: also a value that an integer dtype
 * cannot hold exactly. */
#define rv_full(value, ...)                                                              \
    __extension__({                                                                      \
        RV_QUIET_BEGIN                                                                   \
        const int64_t rv_full_[] = {__VA_ARGS__};                                        \
        RV_QUIET_END                                                                     \
        rv_full_n((value), (rv_dtype)rv_full_[0], RV_COUNT(rv_full_) - 1, rv_full_ + 1); \
    })
RV_API rv_tensor *rv_full_n(double value, rv_dtype dtype, int ndim, const int64_t *shape);

/* A 1-d tensor of start, start+step, ... up to but without stop: ceil((stop-start)/step) elements
 * (none if that is negative), element i being start + i*step. Errors: step 0, an argument that is
 * not finite, or not whole for an integer dtype. NumPy's arange. */
RV_API rv_tensor *rv_arange(rv_dtype dtype, double start, double stop, double step);

/* rv_from_array(values, RV_F32, 2, 3): a copy of the caller's row-major array. */
#define rv_from_array(array, ...)                                                              \
    __extension__({                                                                            \
        RV_QUIET_BEGIN                                                                         \
        const int64_t rv_from_[] = {__VA_ARGS__};                                              \
        RV_QUIET_END                                                                           \
        rv_from_array_n((array), (rv_dtype)rv_from_[0], RV_COUNT(rv_from_) - 1, rv_from_ + 1); \
    })
RV_API rv_tensor *rv_from_array_n(const void *array, rv_dtype dtype, int ndim,
                                  const int64_t *shape);

/* A tensor over the caller's own memory, without a copy. `strides` (elements; NULL: row-major) must
 * not be negative. `release(context)` is called once, when nothing uses the memory any more, also
 * when this call fails; NULL: the caller sees to it that the memory outlives the tensor. */
RV_API rv_tensor *rv_from_buffer(void *data, rv_dtype dtype, int ndim, const int64_t *shape,
                                 const int64_t *strides, void (*release)(void *context),
                                 void *context);

/* Uninitialized, with dtype, shape and order of memory of `t` (a transposed dense tensor gives a
 * transposed dense one; one with gaps or overlaps gives row-major). */
RV_API rv_tensor *rv_empty_like(const rv_tensor *t);
RV_API rv_tensor *rv_zeros_like(const rv_tensor *t);
RV_API rv_tensor *rv_ones_like(const rv_tensor *t);

/* Some tensors in an array that is borrowed: what an optimizer updates. rv_parameters(net) gives a
 * layer's; RV_TENSORS(a, b) makes one of any tensors, which lasts to the end of the enclosing
 * block.
 */
typedef struct rv_tensors {
    rv_tensor *const *items; /* [count] */
    int64_t count;
} rv_tensors;
#define RV_TENSORS(...)                                       \
    ((rv_tensors){.items = (rv_tensor *const[]){__VA_ARGS__}, \
                  .count = RV_COUNT(((rv_tensor *const[]){__VA_ARGS__}))})

/* ---- looking into tensors ------------------------------------------------------------------- */

/* The value of a tensor of one element, as a double (an I64 beyond 2^53 is rounded). NaN with an
 * error for NULL or another number of elements. */
RV_API double rv_item(const rv_tensor *t);
/* rv_item_at(t, 1, 2): the element [1, 2]. Negative indices count from the end. NaN with an error
 * for too few or too many indices, or one out of range. */
#define rv_item_at(t, ...)                                                       \
    rv_item_at_n((t), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
                 (const int64_t[]){__VA_ARGS__})
RV_API double rv_item_at_n(const rv_tensor *t, int n, const int64_t *index);

/* Copies the elements, row-major, into `array` of numel elements of t's dtype. False with an error
 * if something is NULL. */
RV_API bool rv_to_array(const rv_tensor *t, void *array);

/* Whether elements stand row-major without gaps. */
RV_API bool rv_is_contiguous(const rv_tensor *t);
/* Whether those of a tensor [n, channels, ...] stand so with its channels as the last axis. */
RV_API bool rv_is_channels_last(const rv_tensor *t);

/* Whether both have the same shape, dtype and elements (NaN differs from itself). False for NULL.
 */
RV_API bool rv_equal(const rv_tensor *a, const rv_tensor *b);

/* Whether all |a - b| <= atol + rtol*|b|, of equal shape and floating dtype; NaN is near nothing,
 * an infinity near itself. NumPy's allclose. False with an error for shapes or dtypes that differ.
 */
RV_API bool rv_all_close(const rv_tensor *a, const rv_tensor *b, double rtol, double atol);

/* Prints a tensor as NumPy 2.4's print does: nested brackets, columns aligned, the fewest digits
 * that say the number (8 after the point at most, but for 0-d tensors), lines of 75 columns, rows
 * and columns beyond 1000 elements in all shortened to the first and last 3. rv_print writes to
 * stdout, with a newline; rv_fprint to a file, without one. False with an error when writing fails
 * or something is NULL. (Of a few powers of two, 2^-96 for one, NumPy's last digit differs by one.)
 */
RV_API bool rv_print(const rv_tensor *t);
RV_API bool rv_fprint(FILE *file, const rv_tensor *t);

/* ---- changing tensors in place -------------------------------------------------------------- *
 *
 * Each raises the storage's version. Refused (RV_ERROR_GRAPH) for a tensor that requires a gradient
 * or came from one that does, unless recording is off (RV_NO_GRAD in autograd/graph.h). They return
 * t, or NULL with an error and t unchanged. */

RV_API rv_tensor *rv_fill(rv_tensor *t, double value);
/* Copies `from`, broadcast to t's shape and converted to its dtype, into t. Memory of the two may
 * overlap. Floating to integer truncates; what the integer cannot hold is an error. */
RV_API rv_tensor *rv_copy_into(rv_tensor *t, const rv_tensor *from);

/* ---- for those who write operations: unrecorded views and copies ---------------------------- */

/* The same elements with another shape; a view where strides allow, a copy where not. One size may
 * be -1: what is left. */
RV_API rv_tensor *rv_raw_reshape(const char *who, const rv_tensor *t, int ndim,
                                 const int64_t *shape);
/* Axis i of the result is axis axes[i] of t; each axis once. */
RV_API rv_tensor *rv_raw_permute(const char *who, const rv_tensor *t, int ndim, const int *axes);
/* Elements start, start+step, ... below stop along one axis; bounds as in NumPy (negative from the
 * end, then clipped), step > 0. */
RV_API rv_tensor *rv_raw_slice(const char *who, const rv_tensor *t, int axis, int64_t start,
                               int64_t stop, int64_t step);
/* Broadcast to `shape` as NumPy does; a size of -1 keeps t's. */
RV_API rv_tensor *rv_raw_expand(const char *who, const rv_tensor *t, int ndim,
                                const int64_t *shape);
/* A row-major copy; rv_raw_contiguous returns t itself if it is contiguous already. */
RV_API rv_tensor *rv_raw_copy(const char *who, const rv_tensor *t);
RV_API rv_tensor *rv_raw_contiguous(const char *who, const rv_tensor *t);
/* A copy of another dtype, in t's order of memory. */
RV_API rv_tensor *rv_raw_cast(const char *who, const rv_tensor *t, rv_dtype dtype);
/* A tensor without node over any storage, which it retains: dtype, ndim, shape, strides as given.
 */
RV_API rv_tensor *rv_raw_view(const char *who, rv_storage *storage, char *data, rv_dtype dtype,
                              int ndim, const int64_t *shape, const int64_t *strides);

/* ---- for those who write operations: checks ------------------------------------------------- */

/* Whether t is a tensor that may be used: false with an error under `who` if it is NULL ("input 1
 * is NULL"; silent while an error is unread), or was released by its scope (debug builds). */
RV_API bool rv_check(const char *who, int input, const rv_tensor *t);

/* Whether two tensors have the same number of axes and the same sizes. */
RV_API bool rv_same_shape(const rv_tensor *a, const rv_tensor *b);

/* `axis` as an index from 0: negative ones count from the end. -1 with an error if out of range. */
RV_API int rv_check_axis(const char *who, int axis, int ndim);
/* The same for what works along an axis and leaves the shape in peace (softmax, argmax, gather,
 * cumsum, sort): there a 0-d tensor counts as one of shape [1], as in PyTorch, so that its axes 0
 * and -1 are both 0. What takes an axis apart (slice, cat, permute) has none to take. */
RV_API int rv_check_axis_along(const char *who, int axis, int ndim);

/* "[2,3]" into a buffer, and back as a string: rv_shape_text(RV_SHAPE_BUFFER, ndim, shape). */
typedef struct rv_shape_buffer {
    char text[8 * 21 + 3];
} rv_shape_buffer;
#define RV_SHAPE_BUFFER (&(rv_shape_buffer){{0}})
RV_API const char *rv_shape_text(rv_shape_buffer *buffer, int ndim, const int64_t *shape);
#define RV_SHAPE_OF(t) rv_shape_text(RV_SHAPE_BUFFER, (t)->ndim, (t)->shape)

RV_API void rv_storage_retain(rv_storage *storage);
RV_API void rv_storage_release(rv_storage *storage);
RV_API uint32_t rv_storage_version(const rv_storage *storage);

/* Whether this thread records what it computes for a backward pass (true until RV_NO_GRAD in
 * autograd/graph.h); and turns it on or off, returning what it was. */
RV_API bool rv_recording(void);
RV_API bool rv_set_recording(bool on);
/* The same for whether it looks for NaN and infinities (false until rv_detect_anomaly in
 * autograd/anomaly.h). */
RV_API bool rv_set_detecting(bool on);
/* Both at once, for those who look with each operation: a sum of these. */
#define RV_MODE_RECORDING 1u
#define RV_MODE_DETECTING 2u
RV_API unsigned rv_thread_mode(void);

RV_END_C

#endif

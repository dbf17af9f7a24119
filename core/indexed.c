/* indexed.c - elements that an index names along one axis.
 *
 * The index, what lies along it, and what it indexes are one walk (strided.h), in which the indexed
 * tensor does not move along `axis`: there an element of the index says how far. Taking is cut
 * anywhere. Adding is cut into lanes, which are the elements beside the axis: no two lanes meet in
 * one element, and each is walked in order, so the result does not depend on the threads.
 */

#include "core/indexed.h"

#include <string.h>

#include "core/integers.h"
#include "core/kernels/kernels.h"
#include "core/parallel.h"
#include "core/strided.h"

#define PIECE 32768 /* elements of a piece, about */
/* Lanes of a piece, where they are neighbours in memory: a quarter of a row, if that is not too few
 * to be worth going to so many places for, or more than is needed. */
#define FEWEST_LANES 32
#define MOST_LANES 512

enum { ALONG, INDEX, INDEXED, OPERANDS }; /* what lies along the index is y in rv_take */

/* A line of n elements, operands as above; false if an index was out of [0, size). `step` is from
 * one index to the next in the indexed tensor. Strides and steps are in bytes. */
typedef bool line_function(int64_t n, char *const *data, const int64_t *strides, int64_t step,
                           int64_t size);

typedef struct indexed_task {
    rv_walk walk; /* of all elements for rv_take, of the lanes for rv_put_add */
    char *data[OPERANDS];
    line_function *line;
    rv_loop *row;                /* copies or adds elements that have one index */
    int64_t step, size, element; /* bytes of an element */
    int64_t count;               /* elements of the walk */
    int64_t piece;               /* of them */
    int64_t axis[OPERANDS];      /* strides along the axis */
    int64_t length;              /* of the index along the axis */
    bool is_across;              /* whether lines run across the lanes */
    bool missed;                 /* atomic: an index was out of range */
} indexed_task;

/* ---- the walk ------------------------------------------------------------------------------- */

/* Sets up the task; `without` is an axis that the walk leaves out, or -1. */
static void set_task(indexed_task *task, const rv_tensor *along, const rv_tensor *index,
                     const rv_tensor *indexed, int axis, int without)
{
    const int64_t size = (int64_t)rv_dtype_size(indexed->dtype);
    const int64_t index_size = (int64_t)sizeof(int64_t);
    task->data[ALONG] = along->data;
    task->data[INDEX] = index->data;
    task->data[INDEXED] = indexed->data;
    task->element = size;
    task->step = indexed->strides[axis] * size;
    task->size = indexed->shape[axis];
    task->length = index->shape[axis];
    task->axis[ALONG] = along->strides[axis] * size;
    task->axis[INDEX] = index->strides[axis] * index_size;
    task->axis[INDEXED] = 0;
    task->missed = false;
    task->count = 1;
    rv_walk_start(&task->walk, OPERANDS);
    for (int i = 0; i < index->ndim; i++) {
        if (i == without)
            continue;
        const int64_t strides[] = {along->strides[i] * size, index->strides[i] * index_size,
                                   i == axis ? 0 : indexed->strides[i] * size};
        rv_walk_add(&task->walk, index->shape[i], strides);
        task->count *= index->shape[i];
    }
    rv_walk_simplify(&task->walk);
}

static void miss(indexed_task *task)
{
    __atomic_store_n(&task->missed, true, __ATOMIC_RELAXED);
}

static bool run(indexed_task *task, void (*piece)(void *context, int64_t index))
{
    rv_parallel(rv_quotient_up(task->count, task->piece), piece, task);
    return !task->missed;
}

/* ---- taking --------------------------------------------------------------------------------- */

#define DEFINE_TAKE(name, T)                                                               \
    static bool name(int64_t n, char *const *data, const int64_t *strides, int64_t step,   \
                     int64_t size)                                                         \
    {                                                                                      \
        char *y = data[ALONG];                                                             \
        const char *index = data[INDEX], *x = data[INDEXED];                               \
        const int64_t y_step = strides[ALONG], index_step = strides[INDEX];                \
        const int64_t x_step = strides[INDEXED];                                           \
        int64_t outside = 0;                                                               \
        if (step == sizeof(T) && x_step == 0 && y_step == sizeof(T) &&                     \
            index_step == sizeof(int64_t)) { /* of one row */                              \
            const int64_t *const places = (const int64_t *)(const void *)index;            \
            for (int64_t i = 0; i < n; i++) {                                              \
                if (RV_LIKELY((uint64_t)places[i] < (uint64_t)size))                       \
                    memcpy(y + i * (int64_t)sizeof(T), x + places[i] * (int64_t)sizeof(T), \
                           sizeof(T));                                                     \
                else                                                                       \
                    outside++;                                                             \
            }                                                                              \
            return outside == 0;                                                           \
        }                                                                                  \
        for (int64_t i = 0; i < n; i++, y += y_step, index += index_step, x += x_step) {   \
            const int64_t named = *(const int64_t *)(const void *)index;                   \
            if (RV_LIKELY((uint64_t)named < (uint64_t)size))                               \
                memcpy(y, x + named * step, sizeof(T));                                    \
            else                                                                           \
                outside++;                                                                 \
        }                                                                                  \
        return outside == 0;                                                               \
    }

DEFINE_TAKE(take_1, uint8_t)
DEFINE_TAKE(take_4, uint32_t)
DEFINE_TAKE(take_8, uint64_t)

/* Rows of n elements, each of which has one index: y's, the index and x move by `by` from one to
 * the next. */
static bool take_rows(const indexed_task *task, int64_t rows, int64_t n, char *const *data,
                      const int64_t *by)
{
    const int64_t *const strides = rv_walk_strides(&task->walk);
    const int64_t row[] = {strides[ALONG], strides[INDEXED]};
    const bool is_packed = row[0] == task->element && row[1] == task->element;
    char *y = data[ALONG], *x = data[INDEXED];
    const char *index = data[INDEX];
    bool inside = true;
    for (int64_t i = 0; i < rows; i++, y += by[ALONG], index += by[INDEX], x += by[INDEXED]) {
        const int64_t named = *(const int64_t *)(const void *)index;
        if (RV_UNLIKELY(named < 0 || named >= task->size))
            inside = false;
        else if (is_packed)
            memcpy(y, x + named * task->step, (size_t)(n * task->element));
        else
            task->row(n, (char *const[]){y, x + named * task->step}, row);
    }
    return inside;
}

/* Takes a line, or all rows that follow each other alike, of elements [i, end); how far it came. */
static int64_t take_some(indexed_task *task, rv_walk_place *at, int64_t i, int64_t end)
{
    static const int64_t nowhere[OPERANDS] = {0};
    const rv_walk *const walk = &task->walk;
    const int64_t *const strides = rv_walk_strides(walk);
    const int outer = walk->ndim - 2;
    const int64_t n = rv_walk_line(walk, at, end - i);
    int64_t rows = 1;
    bool inside;
    if (strides[INDEX] != 0) {
        inside = task->line(n, at->data, strides, task->step, task->size);
    } else {
        if (outer >= 0 && n == walk->shape[outer + 1])
            rows = rv_smaller((end - i) / n, walk->shape[outer] - at->index[outer]);
        inside = take_rows(task, rows, n, at->data, outer >= 0 ? walk->strides[outer] : nowhere);
    }
    if (!inside)
        miss(task);
    if (rows == 1)
        rv_walk_advance(walk, at, n);
    else
        rv_walk_seek(walk, task->data, i + rows * n, at);
    return i + rows * n;
}

static void take_piece(void *context, int64_t number)
{
    indexed_task *task = context;
    const int64_t begin = number * task->piece;
    const int64_t end = rv_smaller(begin + task->piece, task->count);
    rv_walk_place at;
    rv_walk_seek(&task->walk, task->data, begin, &at);
    for (int64_t i = begin; i < end;)
        i = take_some(task, &at, i, end);
}

bool rv_take(rv_tensor *y, const rv_tensor *x, int axis, const rv_tensor *index)
{
    if (y->numel == 0)
        return true;
    indexed_task task;
    const size_t size = rv_dtype_size(x->dtype);
    task.line = size == 8 ? take_8 : size == 4 ? take_4 : take_1;
    task.row = rv_kernels_get()->cast[x->dtype][x->dtype];
    task.piece = PIECE;
    set_task(&task, y, index, x, axis, -1);
    return run(&task, take_piece);
}

/* ---- adding --------------------------------------------------------------------------------- */

/* Integers wrap around, so they are added without a sign. */
#define DEFINE_PUT(name, T)                                                                        \
    static bool name(int64_t n, char *const *data, const int64_t *strides, int64_t step,           \
                     int64_t size)                                                                 \
    {                                                                                              \
        char *y = data[INDEXED];                                                                   \
        const char *index = data[INDEX], *source = data[ALONG];                                    \
        const int64_t y_step = strides[INDEXED], index_step = strides[INDEX];                      \
        const int64_t source_step = strides[ALONG];                                                \
        bool inside = true;                                                                        \
        for (int64_t i = 0; i < n; i++, y += y_step, index += index_step, source += source_step) { \
            const int64_t named = *(const int64_t *)(const void *)index;                           \
            if (RV_LIKELY(named >= 0 && named < size)) {                                           \
                T *const to = (T *)(void *)(y + named * step);                                     \
                *to = (T)(*to + *(const T *)(const void *)source);                                 \
            } else {                                                                               \
                inside = false;                                                                    \
            }                                                                                      \
        }                                                                                          \
        return inside;                                                                             \
    }

DEFINE_PUT(put_F32, float)
DEFINE_PUT(put_F64, double)
DEFINE_PUT(put_I64, uint64_t)
DEFINE_PUT(put_U8, uint8_t)

/* A line across lanes that have one index. */
static bool put_row(const indexed_task *task, int64_t n, char *const *data, const int64_t *strides)
{
    const int64_t named = *(const int64_t *)(const void *)data[INDEX];
    if (named < 0 || named >= task->size)
        return false;
    char *const to = data[INDEXED] + named * task->step;
    char *const row[] = {to, to, data[ALONG]};
    task->row(n, row, (const int64_t[]){strides[INDEXED], strides[INDEXED], strides[ALONG]});
    return true;
}

/* n neighbouring lanes, all steps of the axis for them. */
static bool put_across(const indexed_task *task, int64_t n, char *const *data)
{
    const int64_t *const strides = rv_walk_strides(&task->walk);
    char *at[] = {data[ALONG], data[INDEX], data[INDEXED]};
    bool inside = true;
    for (int64_t i = 0; i < task->length; i++) {
        inside = (strides[INDEX] == 0 ? put_row(task, n, at, strides)
                                      : task->line(n, at, strides, task->step, task->size)) &&
                 inside;
        at[ALONG] += task->axis[ALONG];
        at[INDEX] += task->axis[INDEX];
    }
    return inside;
}

static void put_piece(void *context, int64_t number)
{
    indexed_task *task = context;
    const int64_t begin = number * task->piece;
    const int64_t end = rv_smaller(begin + task->piece, task->count);
    rv_walk_place at;
    rv_walk_seek(&task->walk, task->data, begin, &at);
    for (int64_t i = begin, n = 1; i < end; i += n) {
        bool inside;
        if (task->is_across) {
            n = rv_walk_line(&task->walk, &at, end - i);
            inside = put_across(task, n, at.data);
        } else {
            inside = task->line(task->length, at.data, task->axis, task->step, task->size);
        }
        if (!inside)
            miss(task);
        rv_walk_advance(&task->walk, &at, n);
    }
}

bool rv_put_add(rv_tensor *y, int axis, const rv_tensor *index, const rv_tensor *source)
{
    static line_function *const lines[RV_DTYPE_COUNT] = {
        [RV_F32] = put_F32, [RV_F64] = put_F64, [RV_I64] = put_I64, [RV_U8] = put_U8};
    if (source->numel == 0)
        return true;
    indexed_task task;
    task.line = lines[y->dtype];
    task.row = rv_kernels_get()->loops[RV_LOOP_add][y->dtype];
    set_task(&task, source, index, y, axis, axis);
    const int64_t beside = rv_walk_strides(&task.walk)[INDEXED];
    task.is_across = task.walk.ndim > 0 && (beside < task.step || task.length == 1);
    task.piece = PIECE / task.length;
    if (task.is_across) {
        const int64_t wanted = rv_quotient_up(task.count, 4);
        const int64_t lanes = rv_smaller(wanted, MOST_LANES);
        task.piece = rv_larger(task.piece, rv_larger(lanes, FEWEST_LANES));
    }
    task.piece = rv_larger(task.piece, 1);
    return run(&task, put_piece);
}

/* ---- errors -------------------------------------------------------------------------------- */

void *rv_fail_index(const char *who, const rv_tensor *index, int64_t size)
{
    int64_t at[RV_MAX_DIMENSIONS] = {0};
    for (int64_t i = 0; i < index->numel; i++) {
        int64_t offset = 0, rest = i;
        for (int axis = index->ndim - 1; axis >= 0; axis--) {
            at[axis] = rest % index->shape[axis];
            rest /= index->shape[axis];
            offset += at[axis] * index->strides[axis];
        }
        const int64_t named = ((const int64_t *)(const void *)index->data)[offset];
        if (named < 0 || named >= size)
            return rv_fail_null(RV_ERROR_INDEX, who, "index %lld at %s is not in [0, %lld)",
                                (long long)named, rv_shape_text(RV_SHAPE_BUFFER, index->ndim, at),
                                (long long)size);
    }
    return NULL;
}

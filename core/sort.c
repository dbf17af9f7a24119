/* sort.c - the order of elements along one axis.
 *
 * Elements become whole numbers that are ordered as they are (descending: the other way round),
 * each with the place it came from. Short lines are sorted by insertion and merging; long ones
 * digit by digit, from the last to the first, eight bits at a time (LSD radix sort), which keeps
 * equals in order. If few of many are wanted, a heap holds the best so far. All of this depends on
 * the numbers alone, so results do not depend on threads, which take lines, or parts of a long one.
 */
#include "core/sort.h"

#include <string.h>

#include "core/integers.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/strided.h"
#include "core/tensor_make.h"

#define DIGITS 256
#define RUN 16         /* elements that are sorted by insertion */
#define SHORT_LINE 256 /* shorter lines are merged */
#define CHUNK 32768    /* of a long line, about */
#define MOST_CHUNKS 16
#define FEW 8           /* a heap is used for less than 1/FEW of a line */
#define SCRATCH 1048576 /* items, about, that all pieces use together */
#define MOST_PIECES 32

typedef struct item {
    uint64_t key;
    int64_t index;
} item;

/* ---- keys ------------------------------------------------------------------------------------ */

/* Floating numbers are ordered as their bits are, but for the sign: that of a negative one reverses
 * all others. */
static uint64_t f32_key(float x)
{
    uint32_t bits;
    x += 0.0F; /* -0 is 0 */
    memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return UINT32_MAX;
    return bits >> 31 ? (uint32_t)~bits : bits | UINT32_C(1) << 31;
}

static uint64_t f64_key(double x)
{
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    if (x != x)
        return UINT64_MAX;
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static uint64_t i64_key(int64_t x)
{
    return (uint64_t)x ^ UINT64_C(1) << 63;
}

static uint64_t u8_key(uint8_t x)
{
    return x;
}

/* Items of elements [first, first + n) of a line; `flip` is what all keys are changed by. */
#define DEFINE_READ(name, T, key_of)                                                            \
    static void name(int64_t first, int64_t n, const char *from, int64_t stride, uint64_t flip, \
                     item *items)                                                               \
    {                                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                       \
            const T x = *(const T *)(const void *)(from + (first + i) * stride);                \
            items[i] = (item){key_of(x) ^ flip, first + i};                                     \
        }                                                                                       \
    }

DEFINE_READ(read_f32, float, f32_key)
DEFINE_READ(read_f64, double, f64_key)
DEFINE_READ(read_i64, int64_t, i64_key)
DEFINE_READ(read_u8, uint8_t, u8_key)

static const struct {
    void (*read)(int64_t first, int64_t n, const char *from, int64_t stride, uint64_t flip,
                 item *items);
    int bits; /* of a key */
} kinds[RV_DTYPE_COUNT] = {
    [RV_F32] = {read_f32, 32},
    [RV_F64] = {read_f64, 64},
    [RV_I64] = {read_i64, 64},
    [RV_U8] = {read_u8, 8},
};

/* ---- short lines ----------------------------------------------------------------------------- */

static void insert(item *items, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const item x = items[i];
        int64_t at = i;
        for (; at > 0 && items[at - 1].key > x.key; at--)
            items[at] = items[at - 1];
        items[at] = x;
    }
}

/* Of two neighbouring sorted ranges one: the first where equal. */
static void merge(const item *a, int64_t na, int64_t nb, item *into)
{
    const item *b = a + na;
    int64_t i = 0, j = 0, k = 0;
    while (i < na && j < nb) {
        const bool second = b[j].key < a[i].key;
        into[k++] = second ? b[j] : a[i];
        j += second;
        i += !second;
    }
    memcpy(into + k, a + i, (size_t)(na - i) * sizeof *a);
    memcpy(into + k + (na - i), b + j, (size_t)(nb - j) * sizeof *b);
}

/* Returns where the sorted items are: `items` or `other`. */
static item *merge_sort(item *items, item *other, int64_t n)
{
    for (int64_t i = 0; i < n; i += RUN)
        insert(items + i, rv_smaller(RUN, n - i));
    for (int64_t run = RUN; run < n; run *= 2) {
        for (int64_t i = 0; i < n; i += 2 * run) {
            const int64_t na = rv_smaller(run, n - i), nb = rv_smaller(run, n - i - na);
            merge(items + i, na, nb, other + i);
        }
        item *const sorted = other;
        other = items;
        items = sorted;
    }
    return items;
}

/* ---- long lines ------------------------------------------------------------------------------ */

typedef struct radix_pass {
    const item *from;
    item *into;
    int64_t n, chunk;
    int shift;
    int64_t places[MOST_CHUNKS][DIGITS]; /* how many, and then where the next one goes */
} radix_pass;

static int digit(const radix_pass *pass, int64_t i)
{
    return (int)(pass->from[i].key >> pass->shift & (DIGITS - 1));
}

static void count_digits(void *context, int64_t index)
{
    radix_pass *const pass = context;
    int64_t *const count = pass->places[index];
    const int64_t begin = index * pass->chunk, end = rv_smaller(begin + pass->chunk, pass->n);
    memset(count, 0, sizeof pass->places[index]);
    for (int64_t i = begin; i < end; i++)
        count[digit(pass, i)]++;
}

static void move_items(void *context, int64_t index)
{
    radix_pass *const pass = context;
    int64_t *const place = pass->places[index];
    const int64_t begin = index * pass->chunk, end = rv_smaller(begin + pass->chunk, pass->n);
    for (int64_t i = begin; i < end; i++)
        pass->into[place[digit(pass, i)]++] = pass->from[i];
}

/* Turns counts into places; false if all items have the same digit, and stay where they are. */
static bool find_places(radix_pass *pass, int64_t chunks)
{
    int64_t place = 0;
    for (int d = 0; d < DIGITS; d++) {
        const int64_t before = place;
        for (int64_t c = 0; c < chunks; c++) {
            const int64_t count = pass->places[c][d];
            pass->places[c][d] = place;
            place += count;
        }
        if (before == 0 && place == pass->n)
            return false;
    }
    return true;
}

static void run_chunks(int64_t chunks, void (*run)(void *context, int64_t index), void *context)
{
    if (chunks == 1)
        run(context, 0);
    else
        rv_parallel(chunks, run, context);
}

static item *radix_sort(item *items, item *other, int64_t n, int bits)
{
    radix_pass pass = {.n = n};
    pass.chunk = rv_quotient_up(n, rv_smaller(rv_quotient_up(n, CHUNK), MOST_CHUNKS));
    const int64_t chunks = rv_quotient_up(n, pass.chunk);
    for (pass.shift = 0; pass.shift < bits; pass.shift += 8) {
        pass.from = items;
        pass.into = other;
        run_chunks(chunks, count_digits, &pass);
        if (!find_places(&pass, chunks))
            continue;
        run_chunks(chunks, move_items, &pass);
        other = items;
        items = pass.into;
    }
    return items;
}

static item *sort_items(item *items, item *other, int64_t n, int bits)
{
    return n < SHORT_LINE ? merge_sort(items, other, n) : radix_sort(items, other, n, bits);
}

/* ---- few of many ----------------------------------------------------------------------------- */

/* Places are different, so that no two items are equal. */
static bool is_before(const item *a, const item *b)
{
    return a->key < b->key || (a->key == b->key && a->index < b->index);
}

/* Puts x where the root was; no item is before those below it. */
static void sift_down(item *heap, int64_t n, int64_t at, item x)
{
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_before(&heap[child], &heap[child + 1]))
            child++;
        if (!is_before(&x, &heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = x;
}

/* A line, of which the first `count` are looked for. */
typedef struct line {
    rv_dtype dtype;
    const char *from;
    int64_t n, stride, count, chunk;
    uint64_t flip;
    item *items, *other; /* [n] each, or [chunks * count] and [count] */
} line;

/* The first `count` of a chunk, in no order. */
static void select_chunk(void *context, int64_t index)
{
    const line *const l = context;
    item *const heap = l->items + index * l->count;
    const int64_t begin = index * l->chunk, end = rv_smaller(begin + l->chunk, l->n);
    item block[64];
    kinds[l->dtype].read(begin, l->count, l->from, l->stride, l->flip, heap);
    for (int64_t i = l->count / 2 - 1; i >= 0; i--)
        sift_down(heap, l->count, i, heap[i]);
    for (int64_t i = begin + l->count, n; i < end; i += n) {
        n = rv_smaller(RV_COUNT(block), end - i);
        kinds[l->dtype].read(i, n, l->from, l->stride, l->flip, block);
        for (int64_t j = 0; j < n; j++)
            if (block[j].key < heap[0].key) /* equals come later, and stay out */
                sift_down(heap, l->count, 0, block[j]);
    }
}

/* How many chunks a line has of which few are looked for: each has more than those. */
static int64_t chunks_of(int64_t n, int64_t count)
{
    const int64_t most = n / (2 * (count > 0 ? count : 1));
    const int64_t chunks = rv_smaller(rv_smaller(n / CHUNK, most), MOST_CHUNKS);
    return chunks > 0 ? chunks : 1;
}

static bool is_few(int64_t n, int64_t count)
{
    return count < n / FEW;
}

static item *select_items(line *l)
{
    const int64_t wanted = chunks_of(l->n, l->count);
    l->chunk = rv_quotient_up(l->n, wanted);
    const int64_t chunks = rv_quotient_up(l->n, l->chunk);
    run_chunks(chunks, select_chunk, l);
    for (int64_t i = l->count; i < chunks * l->count; i++)
        if (is_before(&l->items[i], &l->items[0]))
            sift_down(l->items, l->count, 0, l->items[i]);
    for (int64_t i = l->count - 1; i > 0; i--) { /* the last of those that are left, to the end */
        const item x = l->items[i];
        l->items[i] = l->items[0];
        sift_down(l->items, i, 0, x);
    }
    return l->items;
}

static item *sort_line(line *l)
{
    if (l->count == 0)
        return l->items;
    if (is_few(l->n, l->count))
        return select_items(l);
    kinds[l->dtype].read(0, l->n, l->from, l->stride, l->flip, l->items);
    return sort_items(l->items, l->other, l->n, kinds[l->dtype].bits);
}

/* ---- all lines ------------------------------------------------------------------------------- */

typedef struct sort_task {
    line line;     /* what all lines have in common */
    char *data[3]; /* input, values or NULL, indices */
    int64_t along[3];
    rv_walk others; /* over the other axes: the same three */
    int64_t lines, piece;
    item *items;
    int64_t room; /* items of a piece, twice */
} sort_task;

static void copy_elements(const line *l, const item *items, char *into, int64_t stride)
{
    const size_t size = rv_dtype_size(l->dtype);
    for (int64_t i = 0; i < l->count; i++) {
        char *const to = into + i * stride;
        const char *const x = l->from + items[i].index * l->stride;
        switch (size) {
        case 4: memcpy(to, x, 4); break;
        case 8: memcpy(to, x, 8); break;
        default: *to = *x; break;
        }
    }
}

static void sort_piece(void *context, int64_t index)
{
    const sort_task *task = context;
    const int64_t begin = index * task->piece;
    const int64_t end = rv_smaller(begin + task->piece, task->lines);
    line l = task->line;
    l.items = task->items + index * 2 * task->room;
    l.other = l.items + task->room;
    rv_walk_place at;
    rv_walk_seek(&task->others, task->data, begin, &at);
    for (int64_t i = begin; i < end; i++) {
        l.from = at.data[0];
        const item *const sorted = sort_line(&l);
        if (task->data[1] != NULL)
            copy_elements(&l, sorted, at.data[1], task->along[1]);
        for (int64_t k = 0; k < l.count; k++)
            *(int64_t *)(void *)(at.data[2] + k * task->along[2]) = sorted[k].index;
        rv_walk_advance(&task->others, &at, 1);
    }
}

/* Strides of input, values, and indices. */
static void find_ways(sort_task *task, const rv_tensor *t, int axis, const rv_tensor *indices)
{
    const int64_t size = (int64_t)rv_dtype_size(t->dtype);
    rv_walk_start(&task->others, 3);
    for (int i = 0; i < t->ndim; i++) {
        const int64_t strides[3] = {t->strides[i] * size, indices->strides[i] * size,
                                    indices->strides[i] * (int64_t)sizeof(int64_t)};
        if (i == axis)
            memcpy(task->along, strides, sizeof strides);
        else
            rv_walk_add(&task->others, t->shape[i], strides);
    }
    rv_walk_simplify(&task->others);
}

static bool run(const char *who, sort_task *task)
{
    line *const l = &task->line;
    task->room = is_few(l->n, l->count) ? (chunks_of(l->n, l->count) + 1) * l->count : l->n;
    const int64_t fitting = rv_smaller(SCRATCH / (2 * task->room + 1) + 1, MOST_PIECES);
    task->piece = rv_quotient_up(task->lines, rv_smaller(fitting, task->lines));
    const int64_t pieces = rv_quotient_up(task->lines, task->piece);
    const size_t bytes = (size_t)(pieces * 2 * task->room) * sizeof *task->items;
    task->items = rv_memory_get(who, bytes);
    if (task->items == NULL)
        return false;
    run_chunks(pieces, sort_piece, task);
    rv_memory_put(task->items, bytes);
    return true;
}

bool rv_sort_along(const char *who, const rv_tensor *t, int axis, int64_t count, bool descending,
                   rv_tensor **values, rv_tensor **indices)
{
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, t->shape, sizeof shape);
    const int64_t n = shape[axis];
    shape[axis] = count;
    *indices = rv_make(who, RV_I64, t->ndim, shape);
    if (values != NULL)
        *values = rv_make(who, t->dtype, t->ndim, shape);
    if (*indices == NULL || (values != NULL && *values == NULL))
        return false;
    if ((*indices)->numel == 0)
        return true;
    sort_task task = {.line = {.dtype = t->dtype, .n = n, .count = count},
                      .data = {t->data, values != NULL ? (*values)->data : NULL, (*indices)->data},
                      .lines = t->numel / n};
    if (descending)
        task.line.flip = UINT64_MAX >> (64 - kinds[t->dtype].bits);
    find_ways(&task, t, axis, *indices);
    task.line.stride = task.along[0];
    return run(who, &task);
}

/* reduce_find.c - where the largest or smallest element stands along an axis.
 *
 * The best element is found first, by the fold, which is vector code; then where it stands. Results
 * whose elements are neighbours in memory are searched together, some rows at a time, so that
 * memory is read once: each result remembers in which of those its best element was, and looks
 * there.
 */

#include <string.h>

#include "core/integers.h"
#include "core/parallel.h"
#include "core/reduce.h"
#include "core/reduce_parts.h"

#define AT_ONCE 64 /* results of which the best elements are found by one fold */
#define ROWS 32    /* of neighbouring results, between two looks at what is best */

/* What depends on the dtype. */
typedef struct searcher {
    /* The first element that is the best, or the first NaN. */
    int64_t (*find)(int64_t n, const char *from, int64_t stride, const void *best);
    /* Where `found` is better than `best`: it becomes that, and `place` becomes `at`. */
    void (*improve)(int64_t width, const void *found, void *best, bool smallest, int64_t at,
                    int64_t *place);
} searcher;

#define DEFINE_SEARCHER(name, T)                                                              \
    static int64_t find_##name(int64_t n, const char *from, int64_t stride, const void *best) \
    {                                                                                         \
        const T wanted = *(const T *)best;                                                    \
        for (int64_t i = 0; i < n; i++) {                                                     \
            const T x = *(const T *)(const void *)(from + i * stride);                        \
            if (x == wanted || x != x)                                                        \
                return i;                                                                     \
        }                                                                                     \
        return 0;                                                                             \
    }                                                                                         \
                                                                                              \
    static void improve_##name(int64_t width, const void *found, void *best, bool smallest,   \
                               int64_t at, int64_t *place)                                    \
    {                                                                                         \
        T *const ys = best;                                                                   \
        for (int64_t j = 0; j < width; j++) {                                                 \
            const T x = ((const T *)found)[j], y = ys[j];                                     \
            if ((smallest ? x < y : x > y) || (x != x && y == y)) {                           \
                ys[j] = x;                                                                    \
                place[j] = at;                                                                \
            }                                                                                 \
        }                                                                                     \
    }

DEFINE_SEARCHER(f32, float)
DEFINE_SEARCHER(f64, double)
DEFINE_SEARCHER(i64, int64_t)
DEFINE_SEARCHER(u8, uint8_t)

static const searcher searchers[RV_DTYPE_COUNT] = {
    [RV_F32] = {find_f32, improve_f32},
    [RV_F64] = {find_f64, improve_f64},
    [RV_I64] = {find_i64, improve_i64},
    [RV_U8] = {find_u8, improve_u8},
};

/* Elements of any dtype, packed. */
typedef union elements {
    double f64[AT_ONCE];
    char bytes[AT_ONCE * sizeof(rv_total)];
} elements;

typedef struct search {
    rv_fold fold;
    searcher by;
    rv_loop *copy;
    rv_total start;
    int64_t size; /* bytes of an element */
    bool smallest;
    char *from, *into;
    rv_walk kept; /* from, into */
    int64_t results, group;
    int64_t n, stride; /* the axis that is searched */
} search;

static void start_elements(const search *s, int64_t width, elements *into)
{
    rv_total start = s->start;
    s->copy(width, (char *const[]){into->bytes, (char *)&start}, (const int64_t[]){s->size, 0});
}

/* Lines that begin `step` bytes apart. */
static void search_lines(const search *s, int64_t width, const char *from, int64_t step,
                         int64_t *places)
{
    elements best;
    start_elements(s, width, &best);
    s->fold.lines(width, s->n, from, step, s->stride, best.bytes);
    for (int64_t j = 0; j < width; j++)
        places[j] = s->by.find(s->n, from + j * step, s->stride, best.bytes + j * s->size);
}

/* Lines that begin next to each other. */
static void search_rows(const search *s, int64_t width, const char *from, int64_t *places)
{
    elements best, found;
    memset(places, 0, sizeof *places * (size_t)width);
    start_elements(s, width, &best);
    for (int64_t i = 0; i < s->n; i += ROWS) {
        start_elements(s, width, &found);
        s->fold.rows(rv_smaller(ROWS, s->n - i), width, from + i * s->stride, s->stride,
                     found.bytes);
        s->by.improve(width, found.bytes, best.bytes, s->smallest, i, places);
    }
    for (int64_t j = 0; j < width; j++)
        places[j] += s->by.find(rv_smaller(ROWS, s->n - places[j]),
                                from + j * s->size + places[j] * s->stride, s->stride,
                                best.bytes + j * s->size);
}

static void search_piece(void *context, int64_t index)
{
    const search *s = context;
    const int64_t begin = index * s->group, end = rv_smaller(begin + s->group, s->results);
    const int64_t *const strides = rv_walk_strides(&s->kept);
    char *const data[] = {s->from, s->into, NULL};
    int64_t places[AT_ONCE];
    rv_walk_place at;
    rv_walk_seek(&s->kept, data, begin, &at);
    for (int64_t i = begin, width; i < end; i += width) {
        width = rv_smaller(rv_walk_line(&s->kept, &at, end - i), AT_ONCE);
        if (strides[0] == s->size && width > 1)
            search_rows(s, width, at.data[0], places);
        else
            search_lines(s, width, at.data[0], strides[0], places);
        for (int64_t j = 0; j < width; j++)
            *(int64_t *)(void *)(at.data[1] + j * strides[1]) = places[j];
        rv_walk_advance(&s->kept, &at, width);
    }
}

static rv_tensor *find_along(const char *who, rv_fold_id fold, const rv_tensor *t, int axis,
                             bool keepdim)
{
    if (!rv_check(who, 0, t))
        return NULL;
    axis = rv_check_axis(who, axis, t->ndim);
    if (axis < 0 || !rv_reduce_check(who, fold, t, 1u << axis))
        return NULL;
    rv_tensor *const out = rv_reduce_result(who, RV_I64, t, 1u << axis, keepdim);
    if (out == NULL || out->numel == 0)
        return out;
    const rv_kernels *const kernels = rv_kernels_get();
    search s = {.fold = kernels->folds[fold][t->dtype],
                .by = searchers[t->dtype],
                .copy = kernels->cast[t->dtype][t->dtype],
                .start = rv_reduce_start(fold, t->dtype),
                .size = (int64_t)rv_dtype_size(t->dtype),
                .smallest = fold == RV_FOLD_min,
                .from = t->data,
                .into = out->data,
                .results = out->numel,
                .n = t->shape[axis],
                .stride = t->strides[axis] * (int64_t)rv_dtype_size(t->dtype)};
    rv_walk folded;
    rv_reduce_part_axes(t, 1u << axis, sizeof(int64_t), &s.kept, &folded);
    const int64_t last = s.kept.ndim - 1;
    const bool by_rows = last >= 0 && s.kept.strides[last][0] == s.size;
    const int64_t least = by_rows ? rv_smaller(s.kept.shape[last], AT_ONCE) : 1;
    s.group = s.n < RV_REDUCE_PIECE / least ? RV_REDUCE_PIECE / s.n : least;
    rv_parallel(rv_quotient_up(s.results, s.group), search_piece, &s);
    return out;
}

rv_tensor *rv_reduce_argmax(const char *who, const rv_tensor *t, int axis, bool keepdim)
{
    return find_along(who, RV_FOLD_max, t, axis, keepdim);
}

rv_tensor *rv_reduce_argmin(const char *who, const rv_tensor *t, int axis, bool keepdim)
{
    return find_along(who, RV_FOLD_min, t, axis, keepdim);
}

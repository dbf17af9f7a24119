/* reduce.c - folding axes of a tensor into one element each, without copying it first.
 *
 * Axes are kept or folded, and each set is a walk (strided.h). If the elements that lie next to
 * each other in memory belong to different results, whole rows are folded into neighbouring
 * accumulators; else each result folds its lines. The work is cut by shape alone: first into groups
 * of results, and where those are few and long also into splits of what is folded, whose totals are
 * folded in turn. So the order of additions never depends on the threads.
 */

#include "core/reduce.h"

#include <math.h>
#include <string.h>

#include "core/integers.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/strided.h"
#include "core/tensor_make.h"

#define PIECE 32768      /* elements that a piece reads, about */
#define MOST_SPLITS 64   /* of what is folded */
#define MOST_COLUMNS 256 /* accumulators that a piece folds rows into at once */
#define FEWEST_COLUMNS 8 /* fewer are folded one by one */

/* Room for one accumulator, of whatever type. */
typedef union total {
    double f64;
    float f32;
    int64_t i64;
    uint8_t u8;
} total;

typedef struct reduction {
    rv_fold fold;
    rv_loop *copy; /* of accumulators */
    total start;   /* what a fold of nothing is */
    int64_t size;  /* bytes of an accumulator */
    char *from;
    char *into;     /* [splits, results] accumulators */
    rv_walk kept;   /* over the results: from, into */
    rv_walk folded; /* over what each of them folds: from */
    bool by_rows;
    int64_t results, count; /* count: elements that each of them folds */
    int64_t group, groups;  /* results of a piece; pieces for all of them */
    int64_t split, splits;  /* elements of a split; how many there are */
} reduction;

/* ---- one piece ------------------------------------------------------------------------------ */

/* Folds elements [begin, end) of what the results from `from` on fold, `width` of them. */
static void fold_range(const reduction *r, char *from, int64_t begin, int64_t end, int64_t width,
                       void *into)
{
    if (begin >= end)
        return;
    const int64_t stride = rv_walk_strides(&r->folded)[0];
    if (r->folded.ndim <= 1 && !r->by_rows) { /* most often, and worth no walk */
        r->fold.line(end - begin, from + begin * stride, stride, into);
        return;
    }
    rv_walk_place at;
    rv_walk_seek(&r->folded, &from, begin, &at);
    for (int64_t i = begin, n; i < end; i += n) {
        n = rv_walk_line(&r->folded, &at, end - i);
        if (r->by_rows)
            r->fold.rows(n, width, at.data[0], stride, into);
        else
            r->fold.line(n, at.data[0], stride, into);
        rv_walk_advance(&r->folded, &at, n);
    }
}

/* The results from `at` on, one by one: each folds its lines. */
static void reduce_lines(const reduction *r, rv_walk_place *at, int64_t results, int64_t begin,
                         int64_t end)
{
    for (int64_t i = 0; i < results; i++) {
        total into = r->start;
        fold_range(r, at->data[0], begin, end, 1, &into);
        memcpy(at->data[1], &into, (size_t)r->size);
        rv_walk_advance(&r->kept, at, 1);
    }
}

/* The same for results that lie next to each other in the input. */
static void reduce_rows(const reduction *r, rv_walk_place *at, int64_t results, int64_t begin,
                        int64_t end)
{
    total into[MOST_COLUMNS], start = r->start;
    for (int64_t i = 0, width; i < results; i += width) {
        width = rv_smaller(rv_walk_line(&r->kept, at, results - i), MOST_COLUMNS);
        r->copy(width, (char *const[]){(char *)into, (char *)&start},
                (const int64_t[]){r->size, 0});
        fold_range(r, at->data[0], begin, end, width, into);
        r->copy(width, (char *const[]){at->data[1], (char *)into},
                (const int64_t[]){rv_walk_strides(&r->kept)[1], r->size});
        rv_walk_advance(&r->kept, at, width);
    }
}

static void reduce_piece(void *context, int64_t index)
{
    const reduction *r = context;
    const int64_t split = index / r->groups, group = index % r->groups;
    const int64_t first = group * r->group, results = rv_smaller(r->group, r->results - first);
    const int64_t begin = split * r->split, end = rv_smaller(begin + r->split, r->count);
    char *const data[] = {r->from, r->into + split * r->results * r->size};
    rv_walk_place at;
    rv_walk_seek(&r->kept, data, first, &at);
    if (r->by_rows)
        reduce_rows(r, &at, results, begin, end);
    else
        reduce_lines(r, &at, results, begin, end);
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* Decides how the work is cut, by shape and strides alone; `size` is that of t's elements. */
static void cut(reduction *r, int64_t size)
{
    const int last = r->kept.ndim - 1;
    r->by_rows =
        last >= 0 && r->kept.strides[last][0] == size && r->kept.shape[last] >= FEWEST_COLUMNS;
    const int64_t width = r->by_rows ? rv_smaller(r->kept.shape[last], MOST_COLUMNS) : 1;
    const int64_t group = PIECE / (r->count > 0 ? r->count : 1);
    r->group = group > width ? group : width;
    r->groups = rv_quotient_up(r->results, r->group);
    r->splits = 1;
    if (r->groups < MOST_SPLITS && r->count > 2 * PIECE / width)
        r->splits = rv_smaller(rv_quotient_up(r->count * width, PIECE), MOST_SPLITS);
    r->split = rv_quotient_up(r->count, r->splits);
}

/* Walks over the axes of t that are kept, together with a row-major result of elements of `size`
 * bytes, and over those that are folded. */
static void part_axes(const rv_tensor *t, rv_axis_set axes, int64_t size, rv_walk *kept,
                      rv_walk *folded)
{
    int64_t packed[RV_MAX_DIMENSIONS], step = size;
    for (int i = t->ndim - 1; i >= 0; i--) {
        packed[i] = step;
        step *= axes >> i & 1 ? 1 : t->shape[i];
    }
    rv_walk_start(kept, 2);
    rv_walk_start(folded, 1);
    for (int i = 0; i < t->ndim; i++) {
        const int64_t stride = t->strides[i] * (int64_t)rv_dtype_size(t->dtype);
        rv_walk_add(axes >> i & 1 ? folded : kept, t->shape[i],
                    (const int64_t[]){stride, packed[i]});
    }
    rv_walk_simplify(kept);
    rv_walk_simplify(folded);
}

/* The fold of nothing: 0, or the smallest value there is. */
static total start_of(rv_fold_id fold, rv_dtype dtype)
{
    total start = {.i64 = 0};
    if (fold == RV_FOLD_sum)
        return start;
    if (dtype == RV_F32)
        start.f32 = -INFINITY;
    else if (dtype == RV_F64)
        start.f64 = (double)-INFINITY;
    else if (dtype == RV_I64)
        start.i64 = INT64_MIN;
    return start;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* The dtype of a fold's accumulators (kernels.h). */
static rv_dtype accumulator_of(rv_fold_id fold, rv_dtype dtype)
{
    if (fold == RV_FOLD_max)
        return dtype;
    return rv_dtype_is_floating(dtype) ? RV_F64 : RV_I64;
}

/* Runs `r` into `out`, which is row-major and of the accumulators' dtype, or F32 for F64. */
static bool reduce_into(const char *who, reduction *r, rv_fold_id fold, rv_dtype accumulator,
                        rv_tensor *out)
{
    const rv_kernels *const kernels = rv_kernels_get();
    const bool is_direct = r->splits == 1 && out->dtype == accumulator;
    const size_t bytes = (size_t)(r->splits * r->results * r->size);
    total few[MOST_COLUMNS];
    if (is_direct)
        r->into = out->data;
    else
        r->into = bytes <= sizeof few ? (char *)few : rv_memory_get(who, bytes);
    if (r->into == NULL)
        return false;
    rv_parallel(r->splits * r->groups, reduce_piece, r);
    const int64_t row = r->results * r->size;
    if (r->splits > 1)
        kernels->folds[fold][accumulator].rows(r->splits - 1, r->results, r->into + row, row,
                                               r->into);
    if (is_direct)
        return true;
    const int64_t strides[] = {(int64_t)rv_dtype_size(out->dtype), r->size};
    kernels->cast[accumulator][out->dtype](r->results, (char *const[]){out->data, r->into},
                                           strides);
    if (r->into != (char *)few)
        rv_memory_put(r->into, bytes);
    return true;
}

/* A row-major tensor with the shape of t, but for the axes that go or become 1. */
static rv_tensor *make_result(const char *who, rv_dtype dtype, const rv_tensor *t, rv_axis_set axes,
                              bool keepdim)
{
    int ndim = 0;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < t->ndim; i++)
        if (!(axes >> i & 1))
            shape[ndim++] = t->shape[i];
        else if (keepdim)
            shape[ndim++] = 1;
    return rv_make(who, dtype, ndim, shape);
}

static bool check_axes(const char *who, rv_fold_id fold, const rv_tensor *t, rv_axis_set axes)
{
    if (!rv_check(who, 0, t))
        return false;
    if ((unsigned)fold >= RV_FOLD_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d is no fold", (int)fold);
    if (axes >> t->ndim != 0)
        return rv_fail(RV_ERROR_SHAPE, who, "an axis is out of range for %s", RV_SHAPE_OF(t));
    for (int i = 0; i < t->ndim; i++)
        if (fold == RV_FOLD_max && (axes >> i & 1) && t->shape[i] == 0)
            return rv_fail(RV_ERROR_SHAPE, who, "axis %d of %s is empty: there is no largest", i,
                           RV_SHAPE_OF(t));
    return true;
}

rv_tensor *rv_reduce(const char *who, rv_fold_id fold, const rv_tensor *t, rv_axis_set axes,
                     bool keepdim)
{
    if (!check_axes(who, fold, t, axes))
        return NULL;
    const rv_dtype accumulator = accumulator_of(fold, t->dtype);
    const rv_dtype dtype = t->dtype == RV_F32 ? RV_F32 : accumulator;
    rv_tensor *const out = make_result(who, dtype, t, axes, keepdim);
    if (out == NULL)
        return NULL;
    if (out->numel > 0) {
        reduction r;
        r.fold = rv_kernels_get()->folds[fold][t->dtype];
        r.copy = rv_kernels_get()->cast[accumulator][accumulator];
        r.size = (int64_t)rv_dtype_size(accumulator);
        r.from = t->data;
        r.results = out->numel;
        r.count = t->numel / out->numel;
        r.start = start_of(fold, t->dtype);
        part_axes(t, axes, r.size, &r.kept, &r.folded);
        cut(&r, (int64_t)rv_dtype_size(t->dtype));
        if (!reduce_into(who, &r, fold, accumulator, out))
            return NULL;
    }
    return out;
}

/* ---- argmax --------------------------------------------------------------------------------- */

typedef struct search {
    rv_fold fold;
    total start;
    rv_dtype dtype;
    char *from, *into;
    rv_walk kept; /* from, into */
    int64_t results, group;
    int64_t n, stride; /* the axis that is searched */
} search;

/* The first element that is the largest, or the first NaN if that is the largest. */
#define DEFINE_FIND(name, T)                                                    \
    static int64_t name(int64_t n, const char *from, int64_t stride, T largest) \
    {                                                                           \
        for (int64_t i = 0; i < n; i++) {                                       \
            const T x = *(const T *)(const void *)(from + i * stride);          \
            if (x == largest || x != x)                                         \
                return i;                                                       \
        }                                                                       \
        return 0;                                                               \
    }

DEFINE_FIND(find_f32, float)
DEFINE_FIND(find_f64, double)
DEFINE_FIND(find_i64, int64_t)
DEFINE_FIND(find_u8, uint8_t)

static int64_t find(const search *s, const char *from, const total *largest)
{
    switch (s->dtype) {
    case RV_F32: return find_f32(s->n, from, s->stride, largest->f32);
    case RV_F64: return find_f64(s->n, from, s->stride, largest->f64);
    case RV_I64: return find_i64(s->n, from, s->stride, largest->i64);
    case RV_U8: return find_u8(s->n, from, s->stride, largest->u8);
    case RV_DTYPE_COUNT: break;
    }
    return 0;
}

static void search_piece(void *context, int64_t index)
{
    const search *s = context;
    const int64_t begin = index * s->group, end = rv_smaller(begin + s->group, s->results);
    char *const data[] = {s->from, s->into};
    rv_walk_place at;
    rv_walk_seek(&s->kept, data, begin, &at);
    for (int64_t i = begin; i < end; i++) {
        total largest = s->start;
        s->fold.line(s->n, at.data[0], s->stride, &largest);
        *(int64_t *)(void *)at.data[1] = find(s, at.data[0], &largest);
        rv_walk_advance(&s->kept, &at, 1);
    }
}

rv_tensor *rv_reduce_argmax(const char *who, const rv_tensor *t, int axis, bool keepdim)
{
    if (!rv_check(who, 0, t))
        return NULL;
    axis = rv_check_axis(who, axis, t->ndim);
    if (axis < 0 || !check_axes(who, RV_FOLD_max, t, 1u << axis))
        return NULL;
    rv_tensor *const out = make_result(who, RV_I64, t, 1u << axis, keepdim);
    if (out == NULL || out->numel == 0)
        return out;
    search s = {.fold = rv_kernels_get()->folds[RV_FOLD_max][t->dtype],
                .dtype = t->dtype,
                .from = t->data,
                .into = out->data,
                .results = out->numel,
                .n = t->shape[axis],
                .stride = t->strides[axis] * (int64_t)rv_dtype_size(t->dtype),
                .start = start_of(RV_FOLD_max, t->dtype)};
    rv_walk folded;
    part_axes(t, 1u << axis, sizeof(int64_t), &s.kept, &folded);
    s.group = s.n < PIECE ? PIECE / s.n : 1;
    rv_parallel(rv_quotient_up(s.results, s.group), search_piece, &s);
    return out;
}

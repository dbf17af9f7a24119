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
#include "core/reduce_parts.h"
#include "core/tensor_make.h"

#define MOST_SPLITS 64   /* of what is folded */
#define MOST_COLUMNS 512 /* accumulators that a piece fills at once */
#define FEWEST_COLUMNS 8 /* fewer are folded one by one */

/* Accumulators of whatever type, packed. */
typedef union totals {
    double f64[MOST_COLUMNS];
    char bytes[MOST_COLUMNS * sizeof(rv_total)];
} totals;

typedef struct reduction {
    const rv_folding *how;
    rv_fold fold;
    rv_centered_fold centered;
    rv_fold combine; /* of accumulators */
    rv_loop *copy;   /* of accumulators */
    rv_loop *cast;   /* of accumulators to the result's dtype */
    rv_total start;  /* what a fold of nothing is */
    int64_t size;    /* bytes of an accumulator */
    int64_t out_size;
    char *from;
    char *out;            /* [results] */
    char *parts;          /* [splits, results] accumulators; NULL for one split */
    const double *center; /* [results], or NULL */
    rv_walk kept;         /* over the results: from, out or parts, center */
    rv_walk folded;       /* over what each of them folds: from */
    bool by_rows;
    bool is_f64;            /* the result */
    int64_t results, count; /* count: elements that each of them folds */
    int64_t group, groups;  /* results of a piece; pieces for all of them */
    int64_t split, splits;  /* elements of a split; how many there are */
} reduction;

/* ---- one piece ------------------------------------------------------------------------------ */

static void start_totals(const reduction *r, int64_t width, totals *into)
{
    rv_total start = r->start;
    r->copy(width, (char *const[]){into->bytes, (char *)&start}, (const int64_t[]){r->size, 0});
}

static void fold_rows(const reduction *r, int64_t n, int64_t width, const char *from,
                      int64_t stride, const double *center, totals *into)
{
    if (center != NULL)
        r->centered.rows(n, width, from, stride, center, r->how->number, into->f64);
    else
        r->fold.rows(n, width, from, stride, into->bytes);
}

/* Rows that leave no gap between them, and are short: several are one row, whose totals are folded
 * in turn. Returns how many of the n rows that did. */
static int64_t fold_joined_rows(const reduction *r, int64_t n, int64_t width, const char *from,
                                int64_t stride, const double *center, totals *into)
{
    totals wide;
    double centers[MOST_COLUMNS];
    const int64_t joined = MOST_COLUMNS / width;
    const int64_t columns = joined * width, rows = n / joined;
    if (joined < 2 || rows < 2)
        return 0;
    start_totals(r, columns, &wide);
    for (int64_t j = 0; center != NULL && j < columns; j++)
        centers[j] = center[j % width];
    fold_rows(r, rows, columns, from, joined * stride, center != NULL ? centers : NULL, &wide);
    r->combine.rows(joined, width, wide.bytes, width * r->size, into->bytes);
    return rows * joined;
}

/* Folds elements [begin, end) of what `width` results fold, which lie `step` bytes apart. */
static void fold_range(const reduction *r, char *from, int64_t begin, int64_t end, int64_t width,
                       int64_t step, const double *center, totals *into)
{
    if (begin >= end)
        return;
    const int64_t stride = rv_walk_strides(&r->folded)[0];
    rv_walk_place at;
    rv_walk_seek(&r->folded, &from, begin, &at);
    for (int64_t i = begin, n; i < end; i += n) {
        n = rv_walk_line(&r->folded, &at, end - i);
        const char *const line = at.data[0];
        if (r->by_rows) {
            const int64_t done = stride == width * step
                                     ? fold_joined_rows(r, n, width, line, stride, center, into)
                                     : 0;
            fold_rows(r, n - done, width, line + done * stride, stride, center, into);
        } else if (center != NULL) {
            r->centered.lines(width, n, line, step, stride, center, r->how->number, into->f64);
        } else {
            r->fold.lines(width, n, line, step, stride, into->bytes);
        }
        rv_walk_advance(&r->folded, &at, n);
    }
}

static double finished(rv_fold_finish finish, double total, double number, double center)
{
    if (finish == RV_FINISH_log)
        return log(total) + (isfinite(center) ? center : 0);
    return center > 0 && isfinite(center) ? center * pow(total, 1 / number) : center;
}

/* total / number in F64; what is rounded to F32 next may as well be multiplied. */
static void divide_totals(const reduction *r, int64_t width, totals *into)
{
    const rv_loop_id loop = r->is_f64 ? RV_LOOP_div : RV_LOOP_mul;
    double factor = r->is_f64 ? r->how->number : 1 / r->how->number;
    rv_kernels_get()->loops[loop][RV_F64](
        width, (char *const[]){into->bytes, into->bytes, (char *)&factor},
        (const int64_t[]){sizeof(double), sizeof(double), 0});
}

/* Turns `width` totals into results `stride` bytes apart. */
static void finish_totals(const reduction *r, int64_t width, totals *into, const double *center,
                          char *out, int64_t stride)
{
    const rv_fold_finish finish = r->how->finish;
    if (finish == RV_FINISH_divide || finish == RV_FINISH_root)
        divide_totals(r, width, into);
    if (finish == RV_FINISH_root)
        rv_kernels_get()->loops[RV_LOOP_sqrt][RV_F64](
            width, (char *const[]){into->bytes, into->bytes},
            (const int64_t[]){sizeof(double), sizeof(double)});
    if (finish == RV_FINISH_log || finish == RV_FINISH_power)
        for (int64_t j = 0; j < width; j++)
            into->f64[j] = finished(finish, into->f64[j], r->how->number, center[j]);
    r->cast(width, (char *const[]){out, into->bytes}, (const int64_t[]){stride, r->size});
}

static void reduce_piece(void *context, int64_t index)
{
    const reduction *r = context;
    const int64_t split = index / r->groups, group = index % r->groups;
    const int64_t first = group * r->group, results = rv_smaller(r->group, r->results - first);
    const int64_t begin = split * r->split, end = rv_smaller(begin + r->split, r->count);
    char *const into_all = r->parts == NULL ? r->out : r->parts + split * r->results * r->size;
    char *const data[] = {r->from, into_all, (char *)(uintptr_t)r->center};
    const int64_t *const strides = rv_walk_strides(&r->kept);
    totals into;
    double centers[MOST_COLUMNS];
    rv_walk_place at;
    rv_walk_seek(&r->kept, data, first, &at);
    for (int64_t i = 0, width; i < results; i += width) {
        width = rv_smaller(rv_walk_line(&r->kept, &at, results - i), MOST_COLUMNS);
        for (int64_t j = 0; r->center != NULL && j < width; j++)
            centers[j] = *(const double *)(const void *)(at.data[2] + j * strides[2]);
        const double *const center = r->center != NULL ? centers : NULL;
        start_totals(r, width, &into);
        fold_range(r, at.data[0], begin, end, width, strides[0], center, &into);
        if (r->parts == NULL)
            finish_totals(r, width, &into, center, at.data[1], strides[1]);
        else
            r->copy(width, (char *const[]){at.data[1], into.bytes},
                    (const int64_t[]){strides[1], r->size});
        rv_walk_advance(&r->kept, &at, width);
    }
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* Decides how the work is cut, by shape and strides alone; `size` is that of t's elements. */
static void cut(reduction *r, int64_t size)
{
    const int last = r->kept.ndim - 1;
    r->by_rows =
        last >= 0 && r->kept.strides[last][0] == size && r->kept.shape[last] >= FEWEST_COLUMNS;
    const int64_t width = r->by_rows ? rv_smaller(r->kept.shape[last], MOST_COLUMNS) : 1;
    const int64_t group = RV_REDUCE_PIECE / (r->count > 0 ? r->count : 1);
    r->group = group > width ? group : width;
    r->groups = rv_quotient_up(r->results, r->group);
    r->splits = 1;
    if (r->groups < MOST_SPLITS && r->count > 2 * RV_REDUCE_PIECE / width)
        r->splits = rv_smaller(rv_quotient_up(r->count * width, RV_REDUCE_PIECE), MOST_SPLITS);
    r->split = rv_quotient_up(r->count, r->splits);
}

void rv_reduce_part_axes(const rv_tensor *t, rv_axis_set axes, int64_t size, rv_walk *kept,
                         rv_walk *folded)
{
    int64_t packed[RV_MAX_DIMENSIONS], step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        packed[i] = step;
        step *= axes >> i & 1 ? 1 : t->shape[i];
    }
    rv_walk_start(kept, 3);
    rv_walk_start(folded, 1);
    for (int i = 0; i < t->ndim; i++) {
        const int64_t stride = t->strides[i] * (int64_t)rv_dtype_size(t->dtype);
        rv_walk_add(
            axes >> i & 1 ? folded : kept, t->shape[i],
            (const int64_t[]){stride, packed[i] * size, packed[i] * (int64_t)sizeof(double)});
    }
    rv_walk_simplify(kept);
    rv_walk_simplify(folded);
}

/* ---- folds and their dtypes ------------------------------------------------------------------ */

static bool is_smallest(rv_fold_id fold)
{
    return fold == RV_FOLD_min || fold == RV_FOLD_min_size;
}

/* Whether a fold picks an element, so that there is none of nothing. */
static bool is_pick(rv_fold_id fold)
{
    return is_smallest(fold) || fold == RV_FOLD_max || fold == RV_FOLD_max_size;
}

/* The smallest value there is, or the largest. */
static rv_total extreme(rv_dtype dtype, bool largest)
{
    rv_total total = {.i64 = 0};
    if (dtype == RV_F32)
        total.f32 = largest ? INFINITY : -INFINITY;
    else if (dtype == RV_F64)
        total.f64 = largest ? (double)INFINITY : -(double)INFINITY;
    else if (dtype == RV_I64)
        total.i64 = largest ? INT64_MAX : INT64_MIN;
    else
        total.u8 = largest ? UINT8_MAX : 0;
    return total;
}

rv_total rv_reduce_start(rv_fold_id fold, rv_dtype dtype)
{
    if (is_pick(fold))
        return extreme(dtype, is_smallest(fold));
    if (fold == RV_FOLD_prod)
        return rv_dtype_is_floating(dtype) ? (rv_total){.f64 = 1} : (rv_total){.i64 = 1};
    return (rv_total){.i64 = 0}; /* and 0.0 */
}

/* The dtype of a fold's accumulators (kernels.h). */
static rv_dtype accumulator_of(rv_fold_id fold, rv_dtype dtype)
{
    if (is_pick(fold))
        return dtype;
    return rv_dtype_is_floating(dtype) && fold != RV_FOLD_count ? RV_F64 : RV_I64;
}

/* What folds the accumulators of `fold`. */
static rv_fold_id combining(rv_fold_id fold)
{
    if (is_pick(fold))
        return is_smallest(fold) ? RV_FOLD_min : RV_FOLD_max;
    return fold == RV_FOLD_prod ? RV_FOLD_prod : RV_FOLD_sum;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Folds the splits' totals, and finishes them. */
static void join_parts(reduction *r)
{
    const int64_t row = r->results * r->size;
    r->combine.rows(r->splits - 1, r->results, r->parts + row, row, r->parts);
    totals into;
    for (int64_t i = 0, width; i < r->results; i += width) {
        width = rv_smaller(r->results - i, MOST_COLUMNS);
        memcpy(into.bytes, r->parts + i * r->size, (size_t)(width * r->size));
        finish_totals(r, width, &into, r->center == NULL ? NULL : r->center + i,
                      r->out + i * r->out_size, r->out_size);
    }
}

static bool run(const char *who, reduction *r)
{
    const size_t bytes = (size_t)(r->splits * r->results * r->size);
    if (r->splits > 1 && (r->parts = rv_memory_get(who, bytes)) == NULL)
        return false;
    rv_parallel(r->splits * r->groups, reduce_piece, r);
    if (r->parts != NULL) {
        join_parts(r);
        rv_memory_put(r->parts, bytes);
    }
    return true;
}

rv_tensor *rv_reduce_result(const char *who, rv_dtype dtype, const rv_tensor *t, rv_axis_set axes,
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

bool rv_reduce_check(const char *who, rv_fold_id fold, const rv_tensor *t, rv_axis_set axes)
{
    if (!rv_check(who, 0, t))
        return false;
    if ((unsigned)fold >= RV_FOLD_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d is no fold", (int)fold);
    if (rv_kernels_get()->folds[fold][t->dtype].lines == NULL)
        return rv_fail(RV_ERROR_DTYPE, who, "input 0 is %s, expected F32 or F64",
                       rv_dtype_name(t->dtype));
    if (axes >> t->ndim != 0)
        return rv_fail(RV_ERROR_SHAPE, who, "an axis is out of range for %s", RV_SHAPE_OF(t));
    for (int i = 0; i < t->ndim; i++)
        if (is_pick(fold) && (axes >> i & 1) && t->shape[i] == 0)
            return rv_fail(RV_ERROR_SHAPE, who, "axis %d of %s is empty: there is no %s", i,
                           RV_SHAPE_OF(t), is_smallest(fold) ? "smallest" : "largest");
    return true;
}

/* Whether there is a center for each result; false with an error. */
static bool check_centers(const char *who, const rv_folding *how, const rv_tensor *t,
                          const rv_tensor *out)
{
    const rv_tensor *const c = how->centers;
    if (c == NULL)
        return how->finish < RV_FINISH_log ||
               rv_fail(RV_ERROR_ARGUMENT, who, "finish %d needs centers", (int)how->finish);
    if ((unsigned)how->centered >= RV_CENTERED_FOLD_COUNT || !rv_dtype_is_floating(t->dtype))
        return rv_fail(RV_ERROR_ARGUMENT, who, "there is no fold %d with centers of %s",
                       (int)how->centered, rv_dtype_name(t->dtype));
    if (c->dtype != RV_F64 || c->numel != out->numel || !rv_is_contiguous(c))
        return rv_fail(RV_ERROR_SHAPE, who, "centers %s %s for results %s", rv_dtype_name(c->dtype),
                       RV_SHAPE_OF(c), RV_SHAPE_OF(out));
    return true;
}

rv_tensor *rv_reduce_with(const char *who, const rv_folding *how, const rv_tensor *t,
                          rv_axis_set axes, bool keepdim)
{
    const rv_fold_id fold = how->centers != NULL ? RV_FOLD_sum : how->fold;
    if (!rv_reduce_check(who, fold, t, axes))
        return NULL;
    const rv_dtype accumulator = accumulator_of(fold, t->dtype);
    const bool is_narrow = t->dtype == RV_F32 && accumulator == RV_F64;
    const rv_dtype dtype = how->as_f64 ? RV_F64 : is_narrow ? RV_F32 : accumulator;
    rv_tensor *const out = rv_reduce_result(who, dtype, t, axes, keepdim);
    if (out == NULL || !check_centers(who, how, t, out))
        return NULL;
    if (out->numel == 0)
        return out;
    const rv_kernels *const kernels = rv_kernels_get();
    reduction r;
    r.how = how;
    r.fold = kernels->folds[fold][t->dtype];
    r.combine = kernels->folds[combining(fold)][accumulator];
    r.copy = kernels->cast[accumulator][accumulator];
    r.cast = kernels->cast[accumulator][dtype];
    r.start = rv_reduce_start(fold, t->dtype);
    r.size = (int64_t)rv_dtype_size(accumulator);
    r.out_size = (int64_t)rv_dtype_size(dtype);
    r.from = t->data;
    r.out = out->data;
    r.parts = NULL;
    r.is_f64 = dtype == RV_F64;
    r.center = NULL;
    if (how->centers != NULL) {
        r.centered = kernels->centered_folds[how->centered][t->dtype];
        r.center = (const double *)(const void *)how->centers->data;
    }
    r.results = out->numel;
    r.count = t->numel / out->numel;
    rv_reduce_part_axes(t, axes, 1, &r.kept, &r.folded);
    cut(&r, (int64_t)rv_dtype_size(t->dtype));
    const int64_t size = r.splits > 1 ? r.size : r.out_size;
    for (int i = 0; i < (r.kept.ndim > 0 ? r.kept.ndim : 1); i++)
        r.kept.strides[i][1] *= size;
    return run(who, &r) ? out : NULL;
}

rv_tensor *rv_reduce(const char *who, rv_fold_id fold, const rv_tensor *t, rv_axis_set axes,
                     bool keepdim)
{
    const rv_folding how = {.fold = fold};
    return rv_reduce_with(who, &how, t, axes, keepdim);
}

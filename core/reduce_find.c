/* reduce_find.c - where the largest or smallest element stands along an axis.
 *
 * The best element is found first, by the fold, which is vector code; then where it stands.
 */

#include "core/integers.h"
#include "core/parallel.h"
#include "core/reduce.h"
#include "core/reduce_parts.h"

typedef struct search {
    rv_fold fold;
    rv_total start;
    rv_dtype dtype;
    char *from, *into;
    rv_walk kept; /* from, into */
    int64_t results, group;
    int64_t n, stride; /* the axis that is searched */
} search;

/* The first element that is the best, or the first NaN if that is the best. */
#define DEFINE_FIND(name, T)                                                 \
    static int64_t name(int64_t n, const char *from, int64_t stride, T best) \
    {                                                                        \
        for (int64_t i = 0; i < n; i++) {                                    \
            const T x = *(const T *)(const void *)(from + i * stride);       \
            if (x == best || x != x)                                         \
                return i;                                                    \
        }                                                                    \
        return 0;                                                            \
    }

DEFINE_FIND(find_f32, float)
DEFINE_FIND(find_f64, double)
DEFINE_FIND(find_i64, int64_t)
DEFINE_FIND(find_u8, uint8_t)

static int64_t find(const search *s, const char *from, const rv_total *best)
{
    switch (s->dtype) {
    case RV_F32: return find_f32(s->n, from, s->stride, best->f32);
    case RV_F64: return find_f64(s->n, from, s->stride, best->f64);
    case RV_I64: return find_i64(s->n, from, s->stride, best->i64);
    case RV_U8: return find_u8(s->n, from, s->stride, best->u8);
    case RV_DTYPE_COUNT: break;
    }
    return 0;
}

static void search_piece(void *context, int64_t index)
{
    const search *s = context;
    const int64_t begin = index * s->group, end = rv_smaller(begin + s->group, s->results);
    char *const data[] = {s->from, s->into, NULL};
    rv_walk_place at;
    rv_walk_seek(&s->kept, data, begin, &at);
    for (int64_t i = begin; i < end; i++) {
        rv_total best = s->start;
        s->fold.lines(1, s->n, at.data[0], 0, s->stride, &best);
        *(int64_t *)(void *)at.data[1] = find(s, at.data[0], &best);
        rv_walk_advance(&s->kept, &at, 1);
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
    search s = {.fold = rv_kernels_get()->folds[fold][t->dtype],
                .dtype = t->dtype,
                .from = t->data,
                .into = out->data,
                .results = out->numel,
                .n = t->shape[axis],
                .stride = t->strides[axis] * (int64_t)rv_dtype_size(t->dtype),
                .start = rv_reduce_start(fold, t->dtype)};
    rv_walk folded;
    rv_reduce_part_axes(t, 1u << axis, sizeof(int64_t), &s.kept, &folded);
    s.group = s.n < RV_REDUCE_PIECE ? RV_REDUCE_PIECE / s.n : 1;
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

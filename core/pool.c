/* pool.c - pooling over whole tensors: planes, one after the other, or pixels with all channels. */
#include "core/pool.h"

#include "core/integers.h"
#include "core/parallel.h"

/* Elements of a piece of work. */
#define PIECE 16384

rv_dtype rv_pool_place_dtype(const rv_pool *pool)
{
    int64_t places;
    const bool too_many = __builtin_mul_overflow(pool->kernel[0], pool->kernel[1], &places);
    return too_many || places > 256 ? RV_I64 : RV_U8;
}

/* Whether t is taken as it is with its channels last. */
static bool by_pixel(const rv_tensor *t)
{
    return rv_is_channels_last(t) && !rv_is_contiguous(t);
}

static const rv_tensor *ready(const char *who, const rv_tensor *t)
{
    return by_pixel(t) ? t : rv_raw_contiguous(who, t);
}

/* A new tensor [n, channels, size...], as `like` lies. */
static rv_tensor *make(const char *who, const rv_tensor *like, rv_dtype dtype,
                       const int64_t size[2])
{
    const int64_t n = like->shape[0], channels = like->shape[1];
    if (!by_pixel(like))
        return rv_empty_n(dtype, 4, (const int64_t[]){n, channels, size[0], size[1]});
    rv_tensor *t = rv_empty_n(dtype, 4, (const int64_t[]){n, size[0], size[1], channels});
    return t == NULL ? NULL : rv_raw_permute(who, t, 4, (const int[]){0, 3, 1, 2});
}

/* t, or a copy, as it would lie in memory beside `like`. */
static const rv_tensor *laid_as(const rv_tensor *t, const rv_tensor *like)
{
    const bool pixels = by_pixel(like);
    if (pixels ? rv_is_channels_last(t) : rv_is_contiguous(t))
        return t;
    rv_tensor *copy = make("pool", like, t->dtype, t->shape + 2);
    return copy != NULL && rv_copy_into(copy, t) != NULL ? copy : NULL;
}

/* What follows from the rest. */
static rv_pool complete(const rv_pool *pool, const rv_tensor *lies)
{
    rv_pool p = *pool;
    p.inner = by_pixel(lies) ? lies->shape[1] : 1;
    p.wide = rv_pool_place_dtype(pool) == RV_I64;
    p.is_quads = true;
    for (int i = 0; i < 2; i++)
        p.is_quads = p.is_quads && p.kernel[i] == 2 && p.stride[i] == 2 && p.padding[i] == 0 &&
                     p.dilation[i] == 1 && 2 * p.out[i] <= p.in[i];
    return p;
}

/* ---- max ------------------------------------------------------------------------------------- */

typedef enum pool_pass { FORWARD, GRADIENT, AT_PLACES } pool_pass;

typedef struct pool_run {
    rv_pool p;
    pool_pass what;
    rv_dtype dtype;
    int64_t planes, each;
    char *x, *y, *places; /* the larger, the smaller */
} pool_run;

static void run_piece(void *context, int64_t piece)
{
    const pool_run *r = context;
    const rv_kernels *k = rv_kernels_get();
    const int64_t first = piece * r->each, count = rv_smaller(r->each, r->planes - first);
    if (r->what == FORWARD)
        k->max_pool[r->dtype](first, count, &r->p, r->x, r->y, r->places);
    else if (r->what == GRADIENT)
        k->max_pool_grad[r->dtype](first, count, &r->p, r->y, r->places, r->x);
    else
        k->max_pool_at[r->dtype](first, count, &r->p, r->x, r->places, r->y);
}

static void run(pool_run *r, const rv_tensor *x, const rv_tensor *y, const rv_tensor *places)
{
    if (x->numel == 0)
        return;
    const int64_t plane = r->p.in[0] * r->p.in[1] * r->p.inner;
    r->dtype = x->dtype;
    r->x = x->data;
    r->y = y->data;
    r->places = places->data;
    r->planes = x->numel / plane;
    r->each = PIECE / plane > 0 ? PIECE / plane : 1;
    rv_parallel(rv_quotient_up(r->planes, r->each), run_piece, r);
}

bool rv_pool_max(const char *who, const rv_pool *pool, const rv_tensor *x, rv_tensor **y,
                 rv_tensor **places)
{
    RV_SCOPE;
    x = ready(who, x);
    *y = x == NULL ? NULL : make(who, x, x->dtype, pool->out);
    *places = *y == NULL ? NULL : make(who, x, rv_pool_place_dtype(pool), pool->out);
    if (*places == NULL)
        return false;
    pool_run r = {.p = complete(pool, x), .what = FORWARD};
    run(&r, x, *y, *places);
    rv_keep(*y);
    rv_keep(*places);
    return true;
}

/* Runs a pass that knows the places already, from `from` to a result of `shape`, which lies as they
 * do. */
static rv_tensor *run_by_places(const char *who, const rv_pool *pool, pool_pass what,
                                const rv_tensor *from, const int64_t shape[2],
                                const rv_tensor *places)
{
    RV_SCOPE;
    places = ready(who, places);
    from = places == NULL ? NULL : laid_as(from, places);
    rv_tensor *to = from == NULL ? NULL : make(who, places, from->dtype, shape);
    if (to == NULL)
        return NULL;
    pool_run r = {.p = complete(pool, places), .what = what};
    const bool from_larger = what == AT_PLACES;
    run(&r, from_larger ? from : to, from_larger ? to : from, places);
    return rv_keep(to);
}

rv_tensor *rv_pool_max_grad(const char *who, const rv_pool *pool, const rv_tensor *g,
                            const rv_tensor *places)
{
    return run_by_places(who, pool, GRADIENT, g, pool->in, places);
}

rv_tensor *rv_pool_max_at(const char *who, const rv_pool *pool, const rv_tensor *x,
                          const rv_tensor *places)
{
    return run_by_places(who, pool, AT_PLACES, x, pool->out, places);
}

/* ---- places and indices ---------------------------------------------------------------------- */

/* The row and column in the plane of a place in the window of output i, counted row-major. */
static void locate(const rv_pool *p, int64_t i, int64_t place, int64_t at[2])
{
    const int64_t window[] = {i / p->out[1] % p->out[0], i % p->out[1]};
    const int64_t inside[] = {place / p->kernel[1], place % p->kernel[1]};
    for (int axis = 0; axis < 2; axis++)
        at[axis] =
            window[axis] * p->stride[axis] - p->padding[axis] + inside[axis] * p->dilation[axis];
}

rv_tensor *rv_pool_indices_of(const char *who, const rv_pool *pool, const rv_tensor *places)
{
    RV_SCOPE;
    places = rv_raw_contiguous(who, places);
    rv_tensor *indices = places == NULL ? NULL : rv_empty_n(RV_I64, 4, places->shape);
    if (indices == NULL)
        return NULL;
    for (int64_t i = 0; i < places->numel; i++) {
        int64_t at[2];
        locate(pool, i,
               places->dtype == RV_U8 ? ((const uint8_t *)places->data)[i]
                                      : ((const int64_t *)places->data)[i],
               at);
        ((int64_t *)indices->data)[i] = at[0] * pool->in[1] + at[1];
    }
    return rv_keep(indices);
}

/* The place in the window of output i that has this index; -1 if it is not there. */
static int64_t place_of(const rv_pool *p, int64_t i, int64_t index)
{
    if (index < 0 || index / p->in[1] >= p->in[0])
        return -1;
    int64_t first[2], place[2];
    locate(p, i, 0, first);
    const int64_t at[] = {index / p->in[1], index % p->in[1]};
    for (int axis = 0; axis < 2; axis++) {
        const int64_t from_first = at[axis] - first[axis];
        place[axis] = from_first / p->dilation[axis];
        if (from_first < 0 || from_first % p->dilation[axis] != 0 || place[axis] >= p->kernel[axis])
            return -1;
    }
    return place[0] * p->kernel[1] + place[1];
}

rv_tensor *rv_pool_places_of(const char *who, const rv_pool *pool, const rv_tensor *indices)
{
    RV_SCOPE;
    indices = rv_raw_contiguous(who, indices);
    rv_tensor *places =
        indices == NULL ? NULL : rv_empty_n(rv_pool_place_dtype(pool), 4, indices->shape);
    if (places == NULL)
        return NULL;
    for (int64_t i = 0; i < indices->numel; i++) {
        const int64_t index = ((const int64_t *)indices->data)[i];
        const int64_t place = place_of(pool, i, index);
        if (place < 0)
            return rv_fail_null(RV_ERROR_INDEX, who,
                                "index %lld is not in the window of [%lld,%lld]", (long long)index,
                                (long long)(i / pool->out[1] % pool->out[0]),
                                (long long)(i % pool->out[1]));
        if (places->dtype == RV_U8)
            ((uint8_t *)places->data)[i] = (uint8_t)place;
        else
            ((int64_t *)places->data)[i] = place;
    }
    return rv_keep(places);
}

/* ---- linear maps ----------------------------------------------------------------------------- */

typedef struct map_run {
    rv_axis_map map;
    rv_dtype dtype;
    const char *x;
    char *y;
    int64_t lines, each;
} map_run;

static void map_piece(void *context, int64_t piece)
{
    const map_run *r = context;
    const int64_t first = piece * r->each;
    rv_kernels_get()->axis_map[r->dtype](first, rv_smaller(r->each, r->lines - first), &r->map,
                                         r->x, r->y);
}

/* Maps one axis (0: height, 1: width) of x, which lies as `ready` says. */
static rv_tensor *map_axis(const char *who, const rv_axis_map *map, int axis, const rv_tensor *x)
{
    int64_t size[] = {x->shape[2], x->shape[3]};
    size[axis] = map->out;
    rv_tensor *y = make(who, x, x->dtype, size);
    if (y == NULL || y->numel == 0)
        return y;
    map_run r = {.map = *map, .dtype = x->dtype, .x = x->data, .y = y->data};
    r.map.inner = (by_pixel(x) ? x->shape[1] : 1) * (axis == 0 ? x->shape[3] : 1);
    const int64_t line = r.map.inner == 1 ? map->out : r.map.inner;
    r.lines = y->numel / line;
    r.each = PIECE / line > 0 ? PIECE / line : 1;
    rv_parallel(rv_quotient_up(r.lines, r.each), map_piece, &r);
    return y;
}

rv_tensor *rv_pool_map(const char *who, const rv_axis_map *const maps[2], const rv_tensor *x)
{
    RV_SCOPE;
    x = ready(who, x);
    rv_tensor *y = NULL;
    for (int axis = 0; axis < 2 && x != NULL; axis++)
        if (maps[axis] != NULL)
            x = y = map_axis(who, maps[axis], axis, x);
    return rv_keep(y);
}

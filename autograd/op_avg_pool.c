/* op_avg_pool.c - avg_pool2d, adaptive_avg_pool2d, interpolate: linear maps of rows, then of
 * columns.
 *
 * Along each axis an output is a sum of neighbouring inputs, times weights, over a divisor; a table
 * says which (rv_axis_map). The derivative is the same with the table turned round: for each input,
 * the outputs that it is part of. So each of these operations and its gradient are each other's
 * derivative, to any order.
 */
#include <math.h>

#include "autograd/pool_parts.h"

#include "core/memory.h"
#include "core/pool.h"

/* How the tables of both axes are made: what the nodes remember. */
typedef struct map_rule {
    enum { WINDOWS, BINS, NEAREST, BILINEAR } kind;
    int64_t in[2], out[2];
    int64_t kernel[2], stride[2], padding[2]; /* WINDOWS: */
    bool count_include_pad;
    int64_t divisor; /* of each window; 0: its size */
    bool align_corners;
    double step[2]; /* from an output to the next, in inputs */
} map_rule;

/* A table with the one block of memory that its arrays are in. */
typedef struct table {
    rv_axis_map map;
    int64_t *start, *count, *offset;
    double *weights, *divisor;
    void *block;
    size_t bytes;
} table;

/* ---- tables ---------------------------------------------------------------------------------- */

/* Arrays for `out` outputs and `weights` weights. */
static bool table_get(const char *who, table *t, int64_t in, int64_t out, int64_t weights)
{
    if (weights > INT64_MAX / 64 || out > INT64_MAX / 256)
        return rv_fail(RV_ERROR_MEMORY, who, "%lld weights are more than memory can hold",
                       (long long)weights);
    const size_t each = sizeof(int64_t);
    t->bytes = (size_t)(4 * out + weights) * each;
    t->block = rv_memory_get(who, t->bytes);
    if (t->block == NULL)
        return false;
    t->start = t->block;
    t->count = t->start + out;
    t->offset = t->count + out;
    t->divisor = (double *)(t->offset + out);
    t->weights = t->divisor + out;
    t->map = (rv_axis_map){
        .in = in, .out = out, .start = t->start, .count = t->count, .offset = t->offset};
    return true;
}

static void table_put(table *t)
{
    rv_memory_put(t->block, t->bytes);
}

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* One output of a pooling window. */
static void set_window(const map_rule *rule, int axis, int64_t o, table *t)
{
    const int64_t in = rule->in[axis];
    int64_t from = o * rule->stride[axis] - rule->padding[axis], to = from + rule->kernel[axis];
    if (rule->kind == BINS) {
        from = (int64_t)((__extension__(__int128) o) * in / rule->out[axis]);
        to = (int64_t)(((__extension__(__int128) o + 1) * in + rule->out[axis] - 1) /
                       rule->out[axis]);
    }
    const int64_t end = within(to, 0, in + rule->padding[axis]);
    const int64_t first = within(from, 0, in), last = within(to, 0, in);
    t->start[o] = first;
    t->count[o] = last - first;
    t->divisor[o] = (double)(rule->count_include_pad ? end - from : last - first);
    if (rule->divisor != 0)
        t->divisor[o] = axis == 0 ? 1 : (double)rule->divisor;
}

/* Where output o of `nearest` comes from: computed in F32, as PyTorch does for any dtype. */
static int64_t nearest(const map_rule *rule, int axis, int64_t o)
{
    const int64_t in = rule->in[axis];
    if (in == rule->out[axis])
        return o;
    if (rule->out[axis] == 2 * in)
        return o / 2;
    const float from = floorf((float)o * (float)rule->step[axis]);
    return within((int64_t)from, 0, in - 1);
}

/* One output of interpolation: one element, or a mixture of two neighbours. */
static void set_point(const map_rule *rule, int axis, int64_t o, table *t)
{
    const int64_t in = rule->in[axis];
    double *const weight = t->weights + 2 * o;
    t->offset[o] = 2 * o;
    t->count[o] = 1;
    weight[0] = 1;
    if (rule->kind == NEAREST) {
        t->start[o] = nearest(rule, axis, o);
        return;
    }
    double at = rule->align_corners ? (double)o * rule->step[axis]
                                    : ((double)o + 0.5) * rule->step[axis] - 0.5;
    at = at < 0 ? 0 : at;
    const int64_t below = rule->out[axis] == in ? o : within((int64_t)at, 0, in - 1);
    t->start[o] = below;
    if (below + 1 < in && rule->out[axis] != in) {
        t->count[o] = 2;
        weight[1] = at - (double)below;
        weight[0] = 1 - weight[1];
    }
}

static bool is_pooling(const map_rule *rule)
{
    return rule->kind == WINDOWS || rule->kind == BINS;
}

static bool make_table(const char *who, const map_rule *rule, int axis, table *t)
{
    const int64_t out = rule->out[axis];
    if (!table_get(who, t, rule->in[axis], out, is_pooling(rule) ? 0 : 2 * out))
        return false;
    for (int64_t o = 0; o < out; o++)
        if (is_pooling(rule))
            set_window(rule, axis, o, t);
        else
            set_point(rule, axis, o, t);
    if (is_pooling(rule))
        t->map.divisor = t->divisor;
    else
        t->map.weights = t->weights;
    return true;
}

/* The table turned round. Outputs' elements begin and end in order, so an input is part of
 * neighbouring outputs. */
static bool turn(const char *who, const table *t, table *turned)
{
    const rv_axis_map *map = &t->map;
    int64_t weights = 0;
    for (int64_t o = 0; o < map->out; o++)
        if (__builtin_add_overflow(weights, t->count[o], &weights))
            weights = INT64_MAX;
    if (!table_get(who, turned, map->out, map->in, weights))
        return false;
    turned->map.weights = turned->weights;
    int64_t first = 0, end = 0, offset = 0;
    for (int64_t i = 0; i < map->in; i++) {
        while (first < map->out && t->start[first] + t->count[first] <= i)
            first++;
        while (end < map->out && t->start[end] <= i)
            end++;
        turned->start[i] = first < end ? first : 0;
        turned->count[i] = first < end ? end - first : 0;
        turned->offset[i] = offset;
        for (int64_t o = first; o < end; o++)
            turned->weights[offset++] = map->divisor != NULL
                                            ? 1 / map->divisor[o]
                                            : map->weights[t->offset[o] + i - t->start[o]];
    }
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Both axes of x; `back`: the gradient. */
static rv_tensor *map_both(const char *who, const map_rule *rule, bool back, const rv_tensor *x)
{
    table tables[2] = {{.block = NULL}}, turned[2] = {{.block = NULL}};
    bool ok = true;
    for (int axis = 0; ok && axis < 2; axis++) {
        ok = make_table(who, rule, axis, &tables[axis]);
        ok = ok && (!back || turn(who, &tables[axis], &turned[axis]));
    }
    const table *const used = back ? turned : tables;
    const rv_axis_map *const maps[] = {&used[0].map, &used[1].map};
    rv_tensor *y = ok ? rv_pool_map(who, maps, x) : NULL;
    for (int axis = 0; axis < 2; axis++) {
        table_put(&tables[axis]);
        table_put(&turned[axis]);
    }
    return y;
}

static rv_tensor *apply(const map_rule *rule, bool back, rv_tensor *x);

static void map_derivative(rv_derivative *d)
{
    d->grads[0] = apply(d->attributes, true, d->g);
}

static void map_grad_derivative(rv_derivative *d)
{
    d->grads[0] = apply(d->attributes, false, d->g);
}

static const rv_op avg_pool2d_op = RV_OP(avg_pool2d, 1, RV_SAVE_NOTHING, map_derivative);
static const rv_op avg_pool2d_grad_op =
    RV_OP(avg_pool2d_grad, 1, RV_SAVE_NOTHING, map_grad_derivative);
static const rv_op interpolate_op = RV_OP(interpolate, 1, RV_SAVE_NOTHING, map_derivative);
static const rv_op interpolate_grad_op =
    RV_OP(interpolate_grad, 1, RV_SAVE_NOTHING, map_grad_derivative);

static rv_tensor *apply(const map_rule *rule, bool back, rv_tensor *x)
{
    const bool pooling = is_pooling(rule);
    const rv_op *op = back ? (pooling ? &avg_pool2d_grad_op : &interpolate_grad_op)
                           : (pooling ? &avg_pool2d_op : &interpolate_op);
    rv_tensor *y = x == NULL ? NULL : map_both(op->name, rule, back, x);
    return rv_record(op, y, 1, &x, rule, sizeof *rule);
}

/* The gradient of the images that became g: [n, c, out[0], out[1]]. */
static rv_tensor *apply_back(const char *who, const map_rule *rule, rv_tensor *g)
{
    if (g->ndim != 4 || g->shape[2] != rule->out[0] || g->shape[3] != rule->out[1])
        return rv_fail_null(RV_ERROR_SHAPE, who, "gradient is %s, expected [n,c,%lld,%lld]",
                            RV_SHAPE_OF(g), (long long)rule->out[0], (long long)rule->out[1]);
    return apply(rule, true, g);
}

static bool check_size(const char *who, int64_t height, int64_t width)
{
    if (height < 1 || width < 1)
        return rv_fail(RV_ERROR_SHAPE, who, "the input cannot have been %lld by %lld",
                       (long long)height, (long long)width);
    return true;
}

/* What the gradients of avg_pool2d and interpolate ask of a call. */
static bool check_grad(const char *who, const rv_tensor *g, const void *options, int64_t height,
                       int64_t width)
{
    if (!rv_check_floating(who, 0, g))
        return false;
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    return check_size(who, height, width);
}

/* ---- avg_pool2d ------------------------------------------------------------------------------ */

static rv_pool_window window_of(const rv_avg_pool2d_options *o)
{
    return (rv_pool_window){.kernel = {o->kernel[0], o->kernel[1]},
                            .stride = {o->stride[0], o->stride[1]},
                            .padding = {o->padding[0], o->padding[1]},
                            .dilation = {1, RV_AS_FIRST},
                            .ceil_mode = o->ceil_mode};
}

static bool window_rule(const char *who, const rv_avg_pool2d_options *o, rv_pool_window window,
                        const int64_t in[2], map_rule *rule)
{
    *rule = (map_rule){.kind = WINDOWS,
                       .in = {in[0], in[1]},
                       .count_include_pad = o->count_include_pad,
                       .divisor = o->divisor_override};
    if (o->divisor_override < 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "divisor_override is %lld, expected 1 or more",
                       (long long)o->divisor_override);
    if (!rv_pool_resolve(who, &window, in, rule->out))
        return false;
    for (int i = 0; i < 2; i++) {
        rule->kernel[i] = window.kernel[i];
        rule->stride[i] = window.stride[i];
        rule->padding[i] = window.padding[i];
    }
    return true;
}

static rv_tensor *avg_pool(const char *who, const rv_avg_pool2d_options *o, int axes)
{
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_pool_window window = window_of(o);
    map_rule rule;
    if (!rv_pool_check_input(who, o->input, axes) || (axes == 1 && !rv_pool_one_axis(who, &window)))
        return NULL;
    rv_tensor *x = rv_pool_as_images(o->input, axes);
    if (x == NULL || !window_rule(who, o, window, x->shape + 2, &rule))
        return NULL;
    return rv_pool_as_before(apply(&rule, false, x), o->input, axes);
}

rv_tensor *rv_avg_pool2d_with(const rv_avg_pool2d_options *options)
{
    return avg_pool("avg_pool2d", options, 2);
}

rv_tensor *rv_avg_pool1d_with(const rv_avg_pool2d_options *options)
{
    return avg_pool("avg_pool1d", options, 1);
}

rv_tensor *rv_avg_pool2d_grad(rv_tensor *g, const rv_avg_pool2d_options *options, int64_t height,
                              int64_t width)
{
    const char *who = "avg_pool2d_grad";
    const int64_t in[] = {height, width};
    map_rule rule;
    if (!check_grad(who, g, options, height, width) ||
        !window_rule(who, options, window_of(options), in, &rule))
        return NULL;
    return apply_back(who, &rule, g);
}

/* ---- adaptive_avg_pool2d --------------------------------------------------------------------- */

/* Of one bin it is the mean of each plane. */
rv_tensor *rv_adaptive_avg_pool2d_with(const rv_adaptive_avg_pool2d_options *options)
{
    const char *who = "adaptive_avg_pool2d";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_pool_check_input(who, options->input, 2))
        return NULL;
    rv_tensor *given = options->input;
    const int64_t *in = given->shape + given->ndim - 2;
    const int64_t height = options->size[0];
    const int64_t width = options->size[1] == RV_AS_FIRST ? height : options->size[1];
    if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "size is %lld by %lld, expected 1 or more",
                            (long long)height, (long long)width);
    if (in[0] == 0 || in[1] == 0)
        return rv_fail_null(RV_ERROR_SHAPE, who, "input %s has no elements to average",
                            RV_SHAPE_OF(given));
    if (height == 1 && width == 1)
        return rv_mean(given, .axes = RV_AXES(-2, -1), .keepdim = true);
    const map_rule rule = {.kind = BINS, .in = {in[0], in[1]}, .out = {height, width}};
    rv_tensor *x = rv_pool_as_images(given, 2);
    return rv_pool_as_before(apply(&rule, false, x), given, 2);
}

/* ---- interpolate ----------------------------------------------------------------------------- */

/* The size of one axis, and the step; false with an error. */
static bool point_axis(const char *who, const rv_interpolate_options *o, int axis, bool by_scale,
                       map_rule *rule)
{
    const int64_t in = rule->in[axis];
    double scale = o->scale[axis];
    int64_t size = o->size[axis];
    if (axis == 1 && size == RV_AS_FIRST)
        size = o->size[0];
    if (axis == 1 && scale == RV_SCALE_AS_FIRST)
        scale = o->scale[0];
    if (by_scale) {
        if (!(scale > 0 && scale * (double)in < (double)INT32_MAX))
            return rv_fail(RV_ERROR_ARGUMENT, who, "scale is %g, expected more than 0", scale);
        size = (int64_t)((double)in * scale);
    }
    if (size < 1 || size > INT32_MAX)
        return rv_fail(RV_ERROR_ARGUMENT, who, "size is %lld, expected 1 or more", (long long)size);
    rule->out[axis] = size;
    rule->step[axis] = by_scale ? 1 / scale : (double)in / (double)size;
    if (rule->kind == NEAREST)
        rule->step[axis] = by_scale ? 1 / scale : (double)((float)in / (float)size);
    else if (rule->align_corners)
        rule->step[axis] = size > 1 ? (double)(in - 1) / (double)(size - 1) : 0;
    return true;
}

static bool point_rule(const char *who, const rv_interpolate_options *o, const int64_t in[2],
                       map_rule *rule)
{
    const bool by_size = o->size[0] != 0, by_scale = o->scale[0] != 0;
    if (by_size == by_scale)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s: one of size and scale is to be given",
                       by_size ? "both are given" : "neither is given");
    if (o->mode != RV_NEAREST && o->mode != RV_BILINEAR)
        return rv_fail(RV_ERROR_ARGUMENT, who, "mode %d is none", (int)o->mode);
    if (o->mode == RV_NEAREST && o->align_corners)
        return rv_fail(RV_ERROR_ARGUMENT, who, "align_corners is for RV_BILINEAR");
    if (in[0] < 1 || in[1] < 1)
        return rv_fail(RV_ERROR_SHAPE, who, "an input of %lld by %lld has no elements",
                       (long long)in[0], (long long)in[1]);
    *rule = (map_rule){.kind = o->mode == RV_NEAREST ? NEAREST : BILINEAR,
                       .in = {in[0], in[1]},
                       .align_corners = o->align_corners};
    return point_axis(who, o, 0, by_scale, rule) && point_axis(who, o, 1, by_scale, rule);
}

rv_tensor *rv_interpolate_with(const rv_interpolate_options *options)
{
    const char *who = "interpolate";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *x = options->input;
    map_rule rule;
    if (!rv_check_floating(who, 0, x))
        return NULL;
    if (x->ndim != 4)
        return rv_fail_null(RV_ERROR_SHAPE, who, "input is %s, expected [n,c,h,w]", RV_SHAPE_OF(x));
    return point_rule(who, options, x->shape + 2, &rule) ? apply(&rule, false, x) : NULL;
}

rv_tensor *rv_interpolate_grad(rv_tensor *g, const rv_interpolate_options *options, int64_t height,
                               int64_t width)
{
    const char *who = "interpolate_grad";
    const int64_t in[] = {height, width};
    map_rule rule;
    if (!check_grad(who, g, options, height, width) || !point_rule(who, options, in, &rule))
        return NULL;
    return apply_back(who, &rule, g);
}

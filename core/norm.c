/* norm.c - normalization by channel, in two passes over memory: sums, then what is made of them.
 *
 * Seen from here, x is [n, channels, inner]: row-major as lines of one channel each, channels-last
 * (or with an inner size of 1) as rows of all channels. Both are cut into blocks that give sums in
 * double; then, channel by channel, those become the coefficients of the second pass, in which
 * every result is a sum of g, a and x times a number of their channel.
 */
#include "core/norm.h"

#include <math.h>
#include <string.h>

#include "core/integers.h"
#include "core/memory.h"
#include "core/parallel.h"

/* Elements of a piece of work, and of the blocks of a pass over rows. */
#define PIECE 16384
/* Rows shorter than this are taken several at a time. */
#define WIDE 64

/* Where a channel's coefficients stand: rv_norm_terms. */
enum { OF_G, OF_A, OF_X, REST, CENTER, COEFFICIENTS };

/* ---- how a tensor lies ----------------------------------------------------------------------- */

typedef struct channel_view {
    const rv_tensor *x;
    bool by_rows; /* channels-last: rows of channels */
    int64_t n, channels, inner;
    int64_t rows, width; /* by rows: `width` is some rows of few channels, taken as one; else
                            channels */
} channel_view;

/* The sizes that x [n, channels, ...] has as three axes. */
static channel_view view_of(const rv_tensor *x)
{
    channel_view v = {.x = x, .n = x->shape[0], .channels = x->shape[1], .inner = 1};
    for (int i = 2; i < x->ndim; i++)
        v.inner *= x->shape[i];
    v.by_rows = v.inner == 1 || !rv_is_contiguous(x);
    const int64_t rows = v.n * v.inner;
    int64_t together = v.by_rows && v.channels < WIDE ? WIDE / v.channels : 1;
    while (rows % together != 0)
        together--;
    v.rows = rows / together;
    v.width = v.channels * together;
    return v;
}

/* x itself, or a row-major copy if it lies in another way than the kernels know. */
static const rv_tensor *ready(const char *who, const rv_tensor *x)
{
    return rv_is_contiguous(x) || rv_is_channels_last(x) ? x : rv_raw_copy(who, x);
}

/* g as x lies in memory: g itself, or a copy. */
static const rv_tensor *laid_as(const rv_tensor *g, const rv_tensor *x)
{
    bool same = true;
    for (int i = 0; i < x->ndim; i++)
        same = same && (x->shape[i] == 1 || g->strides[i] == x->strides[i]);
    if (same)
        return g;
    rv_tensor *copy = rv_empty_like(x);
    return copy != NULL && rv_copy_into(copy, g) != NULL ? copy : NULL;
}

static const char *offset(const rv_tensor *t, int64_t elements)
{
    return t == NULL ? NULL : t->data + (size_t)elements * rv_dtype_size(t->dtype);
}

static double element(const rv_tensor *t, int64_t i)
{
    return t->dtype == RV_F32 ? (double)((const float *)t->data)[i] : ((const double *)t->data)[i];
}

static void set_element(const rv_tensor *t, int64_t i, double value)
{
    if (t->dtype == RV_F32)
        ((float *)t->data)[i] = (float)value;
    else
        ((double *)t->data)[i] = value;
}

/* A number as the elements' type has it. */
static double rounded(rv_dtype dtype, double value)
{
    return dtype == RV_F32 ? (double)(float)value : value;
}

/* ---- the first pass -------------------------------------------------------------------------- */

/* Sums of every channel: 2 moments of x, or 2 or 5 sums of products. Part i of channel c is at
 * sums[(i * channels + c) * count]; a block gives one part, or, of rows that are taken together,
 * one for each. */
typedef struct summing {
    channel_view v;
    const rv_tensor *g, *a;   /* NULL: moments; a may be NULL */
    const rv_tensor *centers; /* [channels] of x's dtype, for products */
    int count;
    int64_t samples, chunk; /* by lines: what a block takes of n and of inner */
    int64_t chunks;         /* by lines: how many of those are in inner */
    int64_t rows;           /* by rows: what a block takes of n*inner */
    int64_t blocks, parts;
    double *sums;
    size_t bytes;
} summing;

/* Cuts by shape alone. */
static void cut(summing *s)
{
    const channel_view *v = &s->v;
    if (v->by_rows) {
        const int64_t rows = PIECE / v->width;
        s->rows = rows > 8 ? rows : 8;
        s->blocks = rv_quotient_up(v->rows, s->rows);
        s->parts = s->blocks * (v->width / v->channels);
        return;
    }
    s->chunk = rv_smaller(v->inner, RV_NORM_BLOCK);
    s->chunks = rv_quotient_up(v->inner, s->chunk);
    s->samples = s->chunks > 1 ? 1 : rv_smaller(v->n, rv_quotient_up(RV_NORM_BLOCK / 2, s->chunk));
    s->parts = s->blocks = s->chunks * rv_quotient_up(v->n, s->samples);
}

/* How many of a channel's elements a part of block b has. */
static int64_t block_size(const summing *s, int64_t b)
{
    if (s->v.by_rows)
        return rv_smaller(s->rows, s->v.rows - b * s->rows);
    const int64_t samples = rv_smaller(s->samples, s->v.n - b / s->chunks * s->samples);
    return samples * rv_smaller(s->chunk, s->v.inner - b % s->chunks * s->chunk);
}

static void sum_rows(const summing *s, int64_t b)
{
    const rv_kernels *k = rv_kernels_get();
    const int64_t width = s->v.width, first = b * s->rows * width;
    const rv_dtype dtype = s->v.x->dtype;
    double *const into = s->sums + b * width * s->count;
    if (s->g == NULL)
        k->norm_moments_columns[dtype](block_size(s, b), width, offset(s->v.x, first), into);
    else
        k->norm_products_columns[dtype](block_size(s, b), width, offset(s->g, first),
                                        offset(s->a, first), offset(s->v.x, first),
                                        s->centers->data, into);
}

static void sum_lines(const summing *s, int64_t b, int64_t channel)
{
    const rv_kernels *k = rv_kernels_get();
    const channel_view *v = &s->v;
    const int64_t sample = b / s->chunks * s->samples, at = b % s->chunks * s->chunk;
    const int64_t first = (sample * v->channels + channel) * v->inner + at;
    const rv_norm_block block = {.lines = rv_smaller(s->samples, v->n - sample),
                                 .n = rv_smaller(s->chunk, v->inner - at),
                                 .stride = v->channels * v->inner};
    double *const into = s->sums + (b * v->channels + channel) * s->count;
    if (s->g == NULL)
        k->norm_moments[v->x->dtype](&block, offset(v->x, first), into);
    else
        k->norm_products[v->x->dtype](&block, offset(s->g, first), offset(s->a, first),
                                      offset(v->x, first), element(s->centers, channel), into);
}

/* A piece: a block of rows, or some channels' blocks of lines. */
static void sum_piece(void *context, int64_t piece)
{
    const summing *s = context;
    if (s->v.by_rows) {
        sum_rows(s, piece);
        return;
    }
    const int64_t each = PIECE / RV_NORM_BLOCK, all = s->blocks * s->v.channels;
    for (int64_t i = piece * each; i < all && i < (piece + 1) * each; i++)
        sum_lines(s, i / s->v.channels, i % s->v.channels);
}

/* Runs it; the caller puts s->sums back. */
static bool run_sums(const char *who, summing *s)
{
    cut(s);
    const int64_t sums = s->parts * s->v.channels * s->count;
    s->bytes = (size_t)sums * sizeof(double);
    s->sums = rv_memory_get(who, s->bytes);
    if (s->sums == NULL)
        return false;
    const int64_t all = s->blocks * s->v.channels;
    rv_parallel(s->v.by_rows ? s->blocks : rv_quotient_up(all, PIECE / RV_NORM_BLOCK), sum_piece,
                s);
    return true;
}

/* ---- statistics ------------------------------------------------------------------------------ */

typedef struct merging {
    const summing *s;
    double *statistics; /* [3, channels] */
    double eps;
} merging;

/* The blocks' means make the mean; their distances to it, and their own squares, the variance. */
static void merge_moments(const merging *m, int64_t channel)
{
    const summing *s = m->s;
    const int64_t channels = s->v.channels;
    const int64_t together = s->parts / s->blocks;
    const double count = (double)(s->v.n * s->v.inner);
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < s->parts; i++)
        mean +=
            s->sums[2 * (i * channels + channel)] * ((double)block_size(s, i / together) / count);
    for (int64_t i = 0; i < s->parts; i++) {
        const double *own = s->sums + 2 * (i * channels + channel);
        const double by = own[0] - mean;
        squares += own[1] + by * by * (double)block_size(s, i / together);
    }
    const double variance = squares / count;
    m->statistics[channel] = mean;
    m->statistics[channels + channel] = 1 / sqrt(variance + m->eps);
    m->statistics[2 * channels + channel] = variance;
}

rv_tensor *rv_norm_statistics(const char *who, const rv_tensor *x, double eps)
{
    const int64_t shape[] = {3, x->shape[1]};
    rv_tensor *statistics = rv_empty_n(RV_F64, 2, shape);
    const rv_tensor *lies = statistics == NULL ? NULL : ready(who, x);
    if (lies == NULL)
        return NULL;
    summing s = {.v = view_of(lies), .count = 2};
    if (!run_sums(who, &s))
        return NULL;
    const merging m = {.s = &s, .statistics = (double *)statistics->data, .eps = eps};
    for (int64_t channel = 0; channel < shape[1]; channel++)
        merge_moments(&m, channel);
    rv_memory_put(s.sums, s.bytes);
    return statistics;
}

/* ---- the second pass ------------------------------------------------------------------------- */

typedef struct combining {
    channel_view v;
    rv_norm_terms terms;
} combining;

static void combine_piece(void *context, int64_t piece)
{
    const combining *c = context;
    const rv_kernels *k = rv_kernels_get();
    const channel_view *v = &c->v;
    const int64_t length = v->by_rows ? v->width : v->inner;
    const int64_t lines = v->x->numel / length, each = PIECE / length > 0 ? PIECE / length : 1;
    const int64_t first = piece * each, count = rv_smaller(each, lines - first);
    if (v->by_rows)
        k->norm_combine_columns[v->x->dtype](first, count, &c->terms);
    else
        k->norm_combine[v->x->dtype](first, count, length, &c->terms);
}

/* A new tensor, as x lies: the sum of terms that `coefficients` [5, channels] say. */
static rv_tensor *combined(const channel_view *v, const rv_tensor *g, const rv_tensor *a,
                           const rv_tensor *coefficients)
{
    rv_tensor *out = rv_empty_like(v->x);
    if (out == NULL)
        return NULL;
    combining c = {.v = *v,
                   .terms = {.g = offset(g, 0),
                             .a = offset(a, 0),
                             .x = v->x->data,
                             .out = out->data,
                             .coefficients = coefficients->data,
                             .channels = v->width}};
    const int64_t length = v->by_rows ? v->width : v->inner;
    const int64_t each = PIECE / length > 0 ? PIECE / length : 1;
    rv_parallel(rv_quotient_up(v->x->numel / length, each), combine_piece, &c);
    return out;
}

/* Coefficients for the second pass, or the centers for the first, of x's dtype. */
static rv_tensor *new_coefficients(const channel_view *v, int count)
{
    return rv_empty_n(v->x->dtype, 2, (const int64_t[]){count, v->width});
}

/* One coefficient of a channel, in all of the rows that are taken together. */
static void set(const rv_tensor *coefficients, int which, int64_t channel, int64_t channels,
                double value)
{
    const int64_t width = coefficients->shape[1];
    for (int64_t i = channel; i < width; i += channels)
        set_element(coefficients, which * width + i, value);
}

/* What a channel needs of the statistics; x - mean is x - center + low. */
typedef struct channel_numbers {
    int64_t channel, channels;
    double scale, center, low, weight, bias;
} channel_numbers;

static channel_numbers numbers_of(const rv_norm_task *task, int64_t channel)
{
    const int64_t channels = task->x->shape[1];
    const double mean = element(task->statistics, channel);
    const double center = rounded(task->x->dtype, mean);
    return (channel_numbers){.channel = channel,
                             .channels = channels,
                             .scale = element(task->statistics, channels + channel),
                             .center = center,
                             .low = center - mean,
                             .weight = task->weight != NULL ? element(task->weight, channel) : 1,
                             .bias = task->bias != NULL ? element(task->bias, channel) : 0};
}

/* Coefficients of of_g*g + of_a*a + of_xhat*xhat + rest. */
static void set_terms(const rv_tensor *k, const channel_numbers *c, double of_g, double of_a,
                      double of_xhat, double rest)
{
    set(k, OF_G, c->channel, c->channels, of_g);
    set(k, OF_A, c->channel, c->channels, of_a);
    set(k, OF_X, c->channel, c->channels, of_xhat * c->scale);
    set(k, REST, c->channel, c->channels, of_xhat * c->scale * c->low + rest);
    set(k, CENTER, c->channel, c->channels, c->center);
}

/* The task with what it reads element by element made row-major; false with an error. */
static bool prepare(const rv_norm_task *given, rv_norm_task *task)
{
    *task = *given;
    task->x = ready(given->who, given->x);
    if (task->weight != NULL)
        task->weight = rv_raw_contiguous(given->who, given->weight);
    if (task->bias != NULL)
        task->bias = rv_raw_contiguous(given->who, given->bias);
    return task->x != NULL && (given->weight == NULL || task->weight != NULL) &&
           (given->bias == NULL || task->bias != NULL);
}

rv_tensor *rv_norm_apply(const rv_norm_task *given)
{
    RV_SCOPE;
    rv_norm_task task;
    if (!prepare(given, &task))
        return NULL;
    const channel_view v = view_of(task.x);
    rv_tensor *k = new_coefficients(&v, COEFFICIENTS);
    if (k == NULL)
        return NULL;
    for (int64_t channel = 0; channel < v.channels; channel++) {
        const channel_numbers c = numbers_of(&task, channel);
        set_terms(k, &c, 0, 0, c.weight, c.bias);
    }
    return rv_keep(combined(&v, NULL, NULL, k));
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* Sums [channels, count] of a channel's blocks: of g and g*xhat, and of a, a*xhat and a*g. */
static double *sum_products(const rv_norm_task *task, const channel_view *v, const rv_tensor *g,
                            const rv_tensor *a, size_t *bytes)
{
    RV_SCOPE;
    const int count = a != NULL ? 5 : 2;
    summing s = {.v = *v, .g = g, .a = a, .count = count, .centers = new_coefficients(v, 1)};
    *bytes = (size_t)(v->channels * count) * sizeof(double);
    double *total = s.centers == NULL ? NULL : rv_memory_get(task->who, *bytes);
    if (total == NULL)
        return NULL;
    for (int64_t channel = 0; channel < v->channels; channel++)
        set(s.centers, 0, channel, v->channels, numbers_of(task, channel).center);
    if (!run_sums(task->who, &s)) {
        rv_memory_put(total, *bytes);
        return NULL;
    }
    memset(total, 0, *bytes);
    for (int64_t part = 0; part < s.parts; part++)
        for (int64_t i = 0; i < v->channels * count; i++)
            total[i] += s.sums[part * v->channels * count + i];
    rv_memory_put(s.sums, s.bytes);
    for (int64_t channel = 0; channel < v->channels; channel++) {
        const channel_numbers c = numbers_of(task, channel);
        double *own = total + channel * count;
        own[1] = c.scale * (own[1] + c.low * own[0]);
        if (a != NULL)
            own[3] = c.scale * (own[3] + c.low * own[2]);
    }
    return total;
}

static rv_tensor *new_vector(const rv_norm_task *task)
{
    return rv_empty_n(task->x->dtype, 1, &task->x->shape[1]);
}

/* weight*scale*(g - mean(g) - xhat*mean(g*xhat)); with fixed statistics the first alone. */
bool rv_norm_gradients_of(const rv_norm_task *given, const rv_tensor *g, rv_norm_results *results)
{
    RV_SCOPE;
    rv_norm_task task;
    if (!prepare(given, &task))
        return false;
    const channel_view v = view_of(task.x);
    const double count = (double)(v.n * v.inner);
    g = laid_as(g, task.x);
    rv_tensor *k = new_coefficients(&v, COEFFICIENTS);
    rv_tensor *of_weight = new_vector(&task), *of_bias = new_vector(&task);
    if (g == NULL || k == NULL || of_weight == NULL || of_bias == NULL)
        return false;
    size_t bytes;
    double *sums = sum_products(&task, &v, g, NULL, &bytes);
    if (sums == NULL)
        return false;
    for (int64_t channel = 0; channel < v.channels; channel++) {
        const channel_numbers c = numbers_of(&task, channel);
        const double *sum = sums + 2 * channel;
        const double by = task.is_fixed ? 0 : -c.weight * c.scale / count;
        set_terms(k, &c, c.weight * c.scale, 0, by * sum[1], by * sum[0]);
        set_element(of_bias, channel, sum[0]);
        set_element(of_weight, channel, sum[1]);
    }
    rv_memory_put(sums, bytes);
    results->of_x = rv_keep(combined(&v, g, NULL, k));
    results->of_weight = rv_keep(of_weight);
    results->of_bias = rv_keep(of_bias);
    return results->of_x != NULL;
}

/* One channel of rv_norm_second: the coefficients of both results, and the gradient of weight. With
 * P(v) = scale*(v - mean(v) - xhat*mean(v*xhat)), which is its own adjoint:
 *
 *     of g       weight*P(a) + p*xhat + q
 *     of weight  sum(g*P(a))
 *     of x       P(p*g - scale*weight*(mean(g*xhat)*a + mean(a*xhat)*g))
 *                - xhat*scale^2*weight*(mean(a*g) - mean(a)*mean(g) - mean(a*xhat)*mean(g*xhat))
 */
static double second_of_channel(const channel_numbers *c, const double sums[5], double count,
                                double p, double q, const rv_tensor *k_g, const rv_tensor *k_x)
{
    const double g = sums[0] / count, g_xhat = sums[1] / count, a = sums[2] / count,
                 a_xhat = sums[3] / count, a_g = sums[4] / count;
    const double along = c->scale * c->weight;
    set_terms(k_g, c, 0, along, p - along * a_xhat, q - along * a);
    const double of_g = p - along * a_xhat, of_a = -along * g_xhat;
    const double covariance = a_g - a * g - a_xhat * g_xhat;
    set_terms(k_x, c, c->scale * of_g, c->scale * of_a,
              -c->scale * (of_g * g_xhat + of_a * a_xhat + along * covariance),
              -c->scale * (of_g * g + of_a * a));
    return count * c->scale * covariance;
}

/* The same with fixed statistics, where P(v) = scale*v and nothing depends on x but xhat. */
static double second_of_fixed(const channel_numbers *c, const double sums[5], double p, double q,
                              const rv_tensor *k_g, const rv_tensor *k_x)
{
    set_terms(k_g, c, 0, c->scale * c->weight, p, q);
    set_terms(k_x, c, c->scale * p, 0, 0, 0);
    return c->scale * sums[4];
}

bool rv_norm_second(const rv_norm_task *given, const rv_tensor *g, const rv_tensor *a,
                    const rv_tensor *p, const rv_tensor *q, rv_norm_results *results)
{
    RV_SCOPE;
    rv_norm_task task;
    if (!prepare(given, &task))
        return false;
    const channel_view v = view_of(task.x);
    g = laid_as(g, task.x);
    a = laid_as(a, task.x);
    if (p != NULL)
        p = rv_raw_contiguous(task.who, p);
    if (q != NULL)
        q = rv_raw_contiguous(task.who, q);
    rv_tensor *k_g = new_coefficients(&v, COEFFICIENTS), *k_x = new_coefficients(&v, COEFFICIENTS);
    rv_tensor *of_weight = new_vector(&task);
    if (rv_error_status() != RV_OK || of_weight == NULL)
        return false;
    size_t bytes;
    double *sums = sum_products(&task, &v, g, a, &bytes);
    if (sums == NULL)
        return false;
    for (int64_t channel = 0; channel < v.channels; channel++) {
        const channel_numbers c = numbers_of(&task, channel);
        const double p_of = p != NULL ? element(p, channel) : 0;
        const double q_of = q != NULL ? element(q, channel) : 0;
        const double *own = sums + 5 * channel;
        const double count = (double)(v.n * v.inner);
        const double sum = task.is_fixed ? second_of_fixed(&c, own, p_of, q_of, k_g, k_x)
                                         : second_of_channel(&c, own, count, p_of, q_of, k_g, k_x);
        set_element(of_weight, channel, sum);
    }
    rv_memory_put(sums, bytes);
    results->of_g = rv_keep(combined(&v, g, a, k_g));
    results->of_x = rv_keep(combined(&v, g, a, k_x));
    results->of_weight = rv_keep(of_weight);
    return results->of_g != NULL && results->of_x != NULL;
}

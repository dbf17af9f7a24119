/* op_attention.c - scaled_dot_product_attention: softmax(query key' * scale + mask) value.
 *
 * The scores of all queries with all keys are never held at once: a block of queries at a time goes
 * through both products and the softmax between them, in a scratch that fits a core's cache. The
 * derivative computes the scores again, in terms of operations, so that it can be differentiated.
 */
#include "autograd/op_gemm.h"
#include "autograd/op_support.h"

#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "core/integers.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"
#include "core/parallel.h"

/* Scores of a block, about; and its fewest and most queries. */
#define BLOCK_SCORES 32768
#define FEWEST_QUERIES 8
#define MOST_QUERIES 128

static const char who[] = "scaled_dot_product_attention";

typedef struct attributes {
    double scale;
    bool is_causal, has_mask;
} attributes;

/* ---- the derivative ------------------------------------------------------------------------- */

/* 1 where key j is not behind query i. */
static rv_tensor *causal_mask(int64_t queries, int64_t keys)
{
    rv_tensor *const mask = rv_zeros(RV_U8, queries, keys);
    for (int64_t i = 0; mask != NULL && i < queries; i++)
        memset(mask->data + i * keys, 1, (size_t)rv_smaller(i + 1, keys));
    return mask;
}

/* softmax(scores) of each row, zeros where all of a row is -inf. */
static rv_tensor *softmax_of_seen(rv_tensor *scores)
{
    if (scores == NULL || scores->numel == 0)
        return scores;
    rv_tensor *zero = rv_scalar_like(who, scores, 0);
    rv_tensor *largest = rv_max(rv_detach(scores), .axes = RV_AXES(-1), .keepdim = true);
    rv_tensor *sees_none = rv_eq_scalar(largest, -INFINITY);
    return rv_where(sees_none, zero, rv_softmax(rv_where(sees_none, zero, scores), -1));
}

/* What each query takes of each key. */
static rv_tensor *probabilities(rv_tensor *query, rv_tensor *key, rv_tensor *mask,
                                const attributes *a)
{
    rv_tensor *scores = rv_matmul(rv_mul_scalar(query, a->scale), rv_transpose(key, -1, -2));
    if (scores == NULL)
        return NULL;
    rv_tensor *least = rv_scalar_like(who, scores, -INFINITY);
    if (a->is_causal) {
        const int last = scores->ndim - 1;
        scores = rv_where(causal_mask(scores->shape[last - 1], scores->shape[last]), scores, least);
    }
    if (!a->has_mask)
        return rv_softmax(scores, -1);
    if (mask == NULL)
        return NULL;
    return softmax_of_seen(mask->dtype == RV_U8 ? rv_where(mask, scores, least)
                                                : rv_add(scores, mask));
}

static void attention_derivative(rv_derivative *d)
{
    const attributes *a = d->attributes;
    rv_tensor *query = rv_saved_input(d, 0), *key = rv_saved_input(d, 1);
    rv_tensor *taken = probabilities(query, key, a->has_mask ? rv_saved_input(d, 3) : NULL, a);
    if (taken == NULL)
        return;
    if (d->needs[2])
        d->grads[2] = rv_matmul(rv_transpose(taken, -1, -2), d->g);
    if (!d->needs[0] && !d->needs[1] && !d->needs[3])
        return;
    rv_tensor *by_taken = rv_matmul(d->g, rv_transpose(rv_saved_input(d, 2), -1, -2));
    rv_tensor *by_score = rv_softmax_grad(by_taken, taken, -1);
    d->grads[3] = by_score;
    if (!d->needs[0] && !d->needs[1])
        return;
    rv_tensor *scaled = rv_mul_scalar(by_score, a->scale);
    if (d->needs[0])
        d->grads[0] = rv_matmul(scaled, key);
    if (d->needs[1])
        d->grads[1] = rv_matmul(rv_transpose(scaled, -1, -2), query);
}

static const rv_op attention_op =
    RV_OP(scaled_dot_product_attention, 4,
          RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_INPUT(2) | RV_SAVE_INPUT(3),
          attention_derivative);

/* ---- blocks of queries ---------------------------------------------------------------------- */

typedef struct attention_task {
    attributes a;
    const rv_tensor *query, *key, *value, *mask, *y; /* mask may be NULL */
    int64_t queries, keys, width, value_width;       /* of one matrix */
    int64_t block, blocks;                           /* queries of a block, blocks of a matrix */
    int64_t first;                                   /* the first block of this wave */
    char *scratch;                                   /* [wave, block, keys] scores */
} attention_task;

/* Where matrix number `matrix` of t begins. */
static char *matrix_at(const rv_tensor *t, int64_t matrix)
{
    int64_t elements = 0;
    for (int i = t->ndim - 3; i >= 0; i--) {
        elements += matrix % t->shape[i] * t->strides[i];
        matrix /= t->shape[i];
    }
    return t->data + elements * (int64_t)rv_dtype_size(t->dtype);
}

/* The mask's row for a query over a row of scores: -inf where it is 0, or added. */
static void mask_row(const attention_task *task, int64_t matrix, int64_t query, char *scores)
{
    const rv_tensor *mask = task->mask;
    const rv_dtype dtype = task->query->dtype;
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    const int64_t own = (int64_t)rv_dtype_size(mask->dtype);
    const int64_t step = mask->strides[mask->ndim - 1] * own;
    char *const row = matrix_at(mask, matrix) + query * mask->strides[mask->ndim - 2] * own;
    const float least = -INFINITY;
    const double least_double = (double)-INFINITY;
    char *const low = dtype == RV_F32 ? (char *)&least : (char *)&least_double;
    if (mask->dtype == RV_U8)
        rv_kernels_get()->loops[RV_LOOP_where][dtype](task->keys,
                                                      (char *const[]){scores, row, scores, low},
                                                      (const int64_t[]){size, step, size, 0});
    else
        rv_kernels_get()->loops[RV_LOOP_add][dtype](
            task->keys, (char *const[]){scores, scores, row}, (const int64_t[]){size, size, step});
}

/* Whether all of a row of scores is -inf. */
static bool sees_nothing(rv_dtype dtype, int64_t n, const char *scores)
{
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    const rv_fold *const max = &rv_kernels_get()->folds[RV_FOLD_max][dtype];
    float largest = -INFINITY;
    double largest_double = (double)-INFINITY;
    if (dtype == RV_F32)
        max->lines(1, n, scores, 0, size, &largest);
    else
        max->lines(1, n, scores, 0, size, &largest_double);
    return dtype == RV_F32 ? largest == -INFINITY : largest_double == (double)-INFINITY;
}

/* The scores of `count` queries from `query` on become what they take of `keys` keys. */
static void take(const attention_task *task, int64_t matrix, int64_t query, int64_t count,
                 int64_t keys, char *scores)
{
    const rv_kernels *const kernels = rv_kernels_get();
    const rv_dtype dtype = task->query->dtype;
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    const float scale = (float)task->a.scale;
    char *const factor = dtype == RV_F32 ? (char *)&scale : (char *)&task->a.scale;
    kernels->loops[RV_LOOP_mul][dtype](count * keys, (char *const[]){scores, scores, factor},
                                       (const int64_t[]){size, size, 0});
    if (task->mask == NULL && !task->a.is_causal) {
        kernels->softmax[dtype](count, keys, scores, scores);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        char *const row = scores + i * keys * size;
        const int64_t seen = task->a.is_causal ? rv_smaller(query + i + 1, keys) : keys;
        memset(row + seen * size, 0, (size_t)((keys - seen) * size));
        if (task->mask != NULL)
            mask_row(task, matrix, query + i, row);
        if (task->mask != NULL && sees_nothing(dtype, seen, row))
            memset(row, 0, (size_t)(seen * size));
        else
            kernels->softmax[dtype](1, seen, row, row);
    }
}

/* A part of the wave: one block of queries of one matrix. */
static void run_block(void *context, int64_t index)
{
    const attention_task *task = context;
    const int64_t matrix = (task->first + index) / task->blocks;
    const int64_t query = (task->first + index) % task->blocks * task->block;
    const int64_t count = rv_smaller(task->block, task->queries - query);
    const int64_t keys = task->a.is_causal ? rv_smaller(task->keys, query + count) : task->keys;
    const rv_dtype dtype = task->query->dtype;
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    char *const scores = task->scratch + index * task->block * task->keys * size;
    rv_gemm_task product = {.dtype = dtype,
                            .m = count,
                            .n = keys,
                            .k = task->width,
                            .a = rv_gemm_operand_of(task->query, false),
                            .b = rv_gemm_operand_of(task->key, true),
                            .c = {.data = scores, .row = keys, .column = 1}};
    product.a.data = matrix_at(task->query, matrix) + query * product.a.row * size;
    product.b.data = matrix_at(task->key, matrix);
    rv_gemm(&product);
    take(task, matrix, query, count, keys, scores);
    product.n = task->value_width;
    product.k = keys;
    product.a = product.c;
    product.b = rv_gemm_operand_of(task->value, false);
    product.b.data = matrix_at(task->value, matrix);
    product.c = rv_gemm_operand_of(task->y, false);
    product.c.data = matrix_at(task->y, matrix) + query * product.c.row * size;
    rv_gemm(&product);
}

/* All blocks, in waves of a few for each thread: what is computed does not depend on the wave. */
static bool run_waves(attention_task *task, int64_t matrices)
{
    const int64_t fitting = BLOCK_SCORES / (task->keys > 0 ? task->keys : 1);
    task->block = fitting < FEWEST_QUERIES ? FEWEST_QUERIES : rv_smaller(fitting, MOST_QUERIES);
    task->block = rv_smaller(task->block, task->queries);
    task->blocks = rv_quotient_up(task->queries, task->block);
    const int64_t all = matrices * task->blocks, wave = rv_smaller(all, 4 * rv_threads());
    const size_t bytes =
        (size_t)(wave * task->block) * (size_t)task->keys * rv_dtype_size(task->query->dtype);
    task->scratch = rv_memory_get(who, bytes);
    if (task->scratch == NULL)
        return false;
    for (task->first = 0; task->first < all; task->first += wave)
        rv_parallel(rv_smaller(wave, all - task->first), run_block, task);
    rv_memory_put(task->scratch, bytes);
    return true;
}

/* Of inputs whose leading axes are equal. */
static rv_tensor *attention(const rv_tensor *query, const rv_tensor *key, const rv_tensor *value,
                            const rv_tensor *mask, const attributes *a)
{
    RV_SCOPE;
    attention_task task = {.a = *a,
                           .query = rv_gemm_ready(who, query),
                           .key = rv_gemm_ready(who, key),
                           .value = rv_gemm_ready(who, value),
                           .mask = mask};
    if (task.query == NULL || task.key == NULL || task.value == NULL)
        return NULL;
    const int last = query->ndim - 1;
    task.queries = query->shape[last - 1];
    task.keys = key->shape[last - 1];
    task.width = query->shape[last];
    task.value_width = value->shape[last];
    int64_t shape[RV_MAX_DIMENSIONS];
    memcpy(shape, query->shape, sizeof shape);
    shape[last] = task.value_width;
    rv_tensor *y = rv_empty_n(query->dtype, last + 1, shape);
    if (y == NULL)
        return NULL;
    task.y = y;
    if (y->numel > 0 && !run_waves(&task, rv_product(last - 1, shape)))
        return NULL;
    return rv_keep(y);
}

/* ---- checks --------------------------------------------------------------------------------- */

static bool check_inputs(const rv_scaled_dot_product_attention_options *options)
{
    const rv_tensor *q = options->query, *k = options->key, *v = options->value;
    if (!rv_check_floating(who, 0, q) || !rv_check_floating(who, 1, k) ||
        !rv_check_floating(who, 2, v) || !rv_check_dtypes(who, q, k) || !rv_check_dtypes(who, q, v))
        return false;
    const bool fits = q->ndim >= 2 && k->ndim >= 2 && v->ndim >= 2 &&
                      q->shape[q->ndim - 1] == k->shape[k->ndim - 1] &&
                      k->shape[k->ndim - 2] == v->shape[v->ndim - 2];
    if (!fits)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "query %s, key %s and value %s do not fit: expected [..,l,e], [..,s,e] and "
                       "[..,s,v]",
                       RV_SHAPE_OF(q), RV_SHAPE_OF(k), RV_SHAPE_OF(v));
    if (!isfinite(options->scale))
        return rv_fail(RV_ERROR_ARGUMENT, who, "scale is %g, expected a finite number",
                       options->scale);
    if (options->mask == NULL)
        return true;
    if (options->is_causal)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "a mask is given and is_causal, expected one of them");
    if (!rv_check(who, 3, options->mask))
        return false;
    return options->mask->dtype == RV_U8 || options->mask->dtype == q->dtype ||
           rv_fail(RV_ERROR_DTYPE, who, "the mask is %s, expected U8 or %s",
                   rv_dtype_name(options->mask->dtype), rv_dtype_name(q->dtype));
}

/* The leading axes of all inputs, broadcast together, into shape[0..*count). */
static bool broadcast_leading(const rv_scaled_dot_product_attention_options *options, int *count,
                              int64_t shape[RV_MAX_DIMENSIONS])
{
    const rv_tensor *const in[] = {options->query, options->key, options->value, options->mask};
    int most = 0;
    for (int k = 0; k < 4; k++)
        if (in[k] != NULL && in[k]->ndim - 2 > most)
            most = in[k]->ndim - 2;
    for (int i = 0; i < most; i++) {
        shape[i] = 1;
        for (int k = 0; k < 4; k++) {
            const int own = in[k] != NULL ? in[k]->ndim - 2 - most + i : -1;
            if (own < 0 || in[k]->shape[own] == 1 || in[k]->shape[own] == shape[i])
                continue;
            if (shape[i] != 1)
                return rv_fail(RV_ERROR_SHAPE, who,
                               "query %s, key %s, value %s and mask %s do not fit: their leading "
                               "axes do not broadcast",
                               RV_SHAPE_OF(in[0]), RV_SHAPE_OF(in[1]), RV_SHAPE_OF(in[2]),
                               in[3] != NULL ? RV_SHAPE_OF(in[3]) : "NULL");
            shape[i] = in[k]->shape[own];
        }
    }
    *count = most;
    return true;
}

/* t with those leading axes; a mask's last two may be 1 (or missing) and become rows and columns.
 */
static rv_tensor *with_leading(rv_tensor *t, int count, int64_t *shape, int64_t rows,
                               int64_t columns)
{
    shape[count] = rows;
    shape[count + 1] = columns;
    bool is_same = t->ndim == count + 2;
    for (int i = 0; is_same && i < t->ndim; i++)
        is_same = t->shape[i] == shape[i];
    return is_same ? t : rv_expand_n(t, count + 2, shape);
}

static bool check_mask(const rv_tensor *mask, int64_t queries, int64_t keys)
{
    const int n = mask->ndim;
    const bool fits = (n < 1 || mask->shape[n - 1] == keys || mask->shape[n - 1] == 1) &&
                      (n < 2 || mask->shape[n - 2] == queries || mask->shape[n - 2] == 1);
    return fits || rv_fail(RV_ERROR_SHAPE, who, "mask %s does not broadcast to [..,%lld,%lld]",
                           RV_SHAPE_OF(mask), (long long)queries, (long long)keys);
}

rv_tensor *
rv_scaled_dot_product_attention_with(const rv_scaled_dot_product_attention_options *options)
{
    int count = 0;
    int64_t shape[RV_MAX_DIMENSIONS];
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_inputs(options) || !broadcast_leading(options, &count, shape))
        return NULL;
    rv_tensor *q = options->query, *k = options->key, *v = options->value, *mask = options->mask;
    const int64_t width = q->shape[q->ndim - 1], keys = k->shape[k->ndim - 2];
    const int64_t queries = q->shape[q->ndim - 2];
    if (mask != NULL && !check_mask(mask, queries, keys))
        return NULL;
    const attributes a = {.scale = options->scale != 0 ? options->scale
                                   : width > 0         ? 1 / sqrt((double)width)
                                                       : 1,
                          .is_causal = options->is_causal,
                          .has_mask = mask != NULL};
    q = with_leading(q, count, shape, queries, width);
    k = with_leading(k, count, shape, keys, width);
    v = with_leading(v, count, shape, keys, v->shape[v->ndim - 1]);
    mask = mask != NULL ? with_leading(mask, count, shape, queries, keys) : NULL;
    if (q == NULL || k == NULL || v == NULL || (a.has_mask && mask == NULL))
        return NULL;
    rv_tensor *const in[] = {q, k, v, mask};
    return rv_record(&attention_op, attention(q, k, v, mask, &a), 4, in, &a, sizeof a);
}

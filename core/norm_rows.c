/* norm_rows.c - normalization of rows, each by itself: forward and backward are one pass over
 * memory each, as a row that was summed is still in the cache when it is used.
 */
#include <string.h>

#include "core/integers.h"
#include "core/memory.h"
#include "core/norm.h"
#include "core/parallel.h"

/* Elements of a piece of work; and rows, at least, of one that adds up over rows. */
#define PIECE 16384
#define FEWEST_ROWS 32

typedef struct row_run {
    rv_norm_rows rows; /* of the first row; of_weight and of_bias: of the first piece */
    rv_dtype dtype;
    int64_t count, n, each; /* rows, their length, rows of a piece */
} row_run;

static const void *row_at(const row_run *r, const void *data, int64_t row)
{
    return data == NULL ? NULL
                        : (const char *)data + (size_t)(row * r->n) * rv_dtype_size(r->dtype);
}

static void run_piece(void *context, int64_t piece)
{
    const row_run *r = context;
    const int64_t first = piece * r->each;
    rv_norm_rows own = r->rows;
    own.x = row_at(r, own.x, first);
    own.g = row_at(r, own.g, first);
    own.y = (char *)own.y + (size_t)(first * r->n) * rv_dtype_size(r->dtype);
    own.mean += first;
    own.scale += first;
    if (own.of_weight != NULL) {
        own.of_weight += piece * 2 * r->n;
        own.of_bias += piece * 2 * r->n;
        memset(own.of_weight, 0, (size_t)(2 * r->n) * sizeof(double));
    }
    const rv_kernels *k = rv_kernels_get();
    (own.g == NULL ? k->norm_rows : k->norm_rows_grad)[r->dtype](
        rv_smaller(r->each, r->count - first), r->n, &own);
}

/* The task as the kernels see it, x being row-major. */
static row_run start(const rv_norm_row_task *task, const rv_tensor *x)
{
    row_run r = {.dtype = x->dtype, .n = 1};
    for (int i = x->ndim - task->axes; i < x->ndim; i++)
        r.n *= x->shape[i];
    r.count = x->numel / r.n;
    r.each = PIECE / r.n > 0 ? PIECE / r.n : 1;
    r.rows.x = x->data;
    r.rows.eps = task->eps;
    r.rows.centered = task->centered;
    return r;
}

static const void *packed(const char *who, const rv_tensor *t)
{
    t = t != NULL ? rv_raw_contiguous(who, t) : NULL;
    return t != NULL ? t->data : NULL;
}

bool rv_norm_by_rows(const rv_norm_row_task *task, rv_tensor **y, rv_tensor **statistics)
{
    RV_SCOPE;
    const rv_tensor *x = rv_raw_contiguous(task->who, task->x);
    if (x == NULL)
        return false;
    row_run r = start(task, x);
    r.rows.weight = packed(task->who, task->weight);
    r.rows.bias = packed(task->who, task->bias);
    *y = rv_empty_n(x->dtype, x->ndim, x->shape);
    *statistics = rv_empty_n(RV_F64, 2, (const int64_t[]){2, r.count});
    if (*y == NULL || *statistics == NULL || (task->weight != NULL && r.rows.weight == NULL) ||
        (task->bias != NULL && r.rows.bias == NULL))
        return false;
    r.rows.y = (*y)->data;
    r.rows.mean = (double *)(*statistics)->data;
    r.rows.scale = r.rows.mean + r.count;
    rv_parallel(rv_quotient_up(r.count, r.each), run_piece, &r);
    rv_keep(*y);
    rv_keep(*statistics);
    return true;
}

/* The pieces' sums of weight's gradient and bias', [pieces, 2, n], added up and converted. */
static bool add_pieces(const rv_norm_row_task *task, const row_run *r, double *sums, int64_t pieces,
                       rv_norm_results *results)
{
    const int64_t *shape = task->x->shape + task->x->ndim - task->axes;
    const int64_t row = 2 * r->n * (int64_t)sizeof(double);
    const rv_kernels *k = rv_kernels_get();
    results->of_weight = rv_empty_n(r->dtype, task->axes, shape);
    results->of_bias = rv_empty_n(r->dtype, task->axes, shape);
    if (results->of_weight == NULL || results->of_bias == NULL)
        return false;
    k->folds[RV_FOLD_sum][RV_F64].rows(pieces - 1, 2 * r->n, (const char *)sums + row, row, sums);
    rv_loop *const convert = k->cast[RV_F64][r->dtype];
    const int64_t strides[] = {(int64_t)rv_dtype_size(r->dtype), sizeof(double)};
    convert(r->n, (char *const[]){results->of_weight->data, (char *)sums}, strides);
    convert(r->n, (char *const[]){results->of_bias->data, (char *)(sums + r->n)}, strides);
    return true;
}

bool rv_norm_by_rows_gradients_of(const rv_norm_row_task *task, const rv_tensor *g,
                                  const rv_tensor *statistics, bool affine,
                                  rv_norm_results *results)
{
    RV_SCOPE;
    const rv_tensor *x = rv_raw_contiguous(task->who, task->x);
    g = x == NULL ? NULL : rv_raw_contiguous(task->who, g);
    if (g == NULL)
        return false;
    row_run r = start(task, x);
    r.rows.g = g->data;
    r.rows.weight = packed(task->who, task->weight);
    rv_tensor *of_x = rv_empty_n(x->dtype, x->ndim, x->shape);
    if (of_x == NULL || (task->weight != NULL && r.rows.weight == NULL))
        return false;
    r.rows.y = of_x->data;
    r.rows.mean = (double *)statistics->data;
    r.rows.scale = r.rows.mean + r.count;
    if (affine && r.each < FEWEST_ROWS)
        r.each = FEWEST_ROWS;
    const int64_t pieces = rv_quotient_up(r.count, r.each);
    const size_t bytes = affine ? (size_t)(pieces * 2 * r.n) * sizeof(double) : 0;
    double *sums = affine ? rv_memory_get(task->who, bytes) : NULL;
    if (affine && sums == NULL)
        return false;
    r.rows.of_weight = sums;
    r.rows.of_bias = affine ? sums + r.n : NULL;
    rv_parallel(pieces, run_piece, &r);
    const bool ok = !affine || add_pieces(task, &r, sums, pieces, results);
    if (affine)
        rv_memory_put(sums, bytes);
    results->of_x = rv_keep(of_x);
    rv_keep(results->of_weight);
    rv_keep(results->of_bias);
    return ok;
}

/* gemm_narrow.c - products in which one of three matrices is small beside the others.
 *
 * A layer of a small network has few inputs and outputs, and many rows. Of its products, BLAS is at
 * its best with x w, but not with the other two:
 *
 * - x w', forward with PyTorch's layout of weights: half as fast as with w as it is. So w, which is
 *   small, is transposed first.
 * - g' x, the gradient of w: one tile, summed over all rows, has no work for a second thread. So
 * the rows are cut into pieces, whose sums are added in order.
 */

#include "core/gemm_narrow.h"

#include <string.h>

#include "core/integers.h"
#include "core/kernels/kernels.h"

/* What fits on the stack: a transposed matrix, and the sums of all pieces. */
#define TRANSPOSED_BYTES 32768
#define SUMS_BYTES 65536

/* From so many rows on, a transposition is little work beside the product. */
#define FEW_ROWS 48

/* Rows of a piece, about: more do not stay in a cache, and less are not worth another thread. */
#define PIECE_DEPTH 1024

/* ---- x w' ----------------------------------------------------------------------------------- */

static bool has_small_transpose(const rv_gemm_task *t)
{
    return t->b.row == 1 && t->b.column > 1 && t->n > 1 && t->k > 1 && t->m >= FEW_ROWS &&
           t->n <= TRANSPOSED_BYTES && t->k <= TRANSPOSED_BYTES &&
           t->n * t->k * (int64_t)rv_dtype_size(t->dtype) <= TRANSPOSED_BYTES;
}

static void multiply_transposed(const rv_gemm_task *task)
{
    _Alignas(64) char b[TRANSPOSED_BYTES];
    const int64_t size = (int64_t)rv_dtype_size(task->dtype);
    rv_kernels_get()->transpose[task->dtype](task->k, task->n, task->b.data, task->b.column * size,
                                             b, task->n * size);
    rv_gemm_task other = *task;
    other.b = (rv_gemm_operand){.data = b, .row = task->n, .column = 1};
    other.batch_ndim = 0;
    rv_gemm(&other);
}

/* ---- g' x ----------------------------------------------------------------------------------- */

/* How many sums fit; 0: c is too large, or the work too little. */
static int64_t sums_at_once(const rv_gemm_task *t)
{
    const int64_t most = SUMS_BYTES / (int64_t)rv_dtype_size(t->dtype);
    if (t->m == 1 || t->n == 1 || t->m > most || t->n > most || t->m * t->n > most / 2 ||
        t->k < 2 * PIECE_DEPTH)
        return 0;
    return most / (t->m * t->n);
}

/* c = beta c + the first sum + the second.. */
#define DEFINE_ADD(T)                                                                        \
    static void add_##T(const rv_gemm_task *t, double beta, int64_t count, const void *sums) \
    {                                                                                        \
        const T *const from = sums;                                                          \
        const int64_t each = t->m * t->n;                                                    \
        for (int64_t i = 0; i < t->m; i++) {                                                 \
            T *const c = (T *)(void *)t->c.data + i * t->c.row;                              \
            for (int64_t j = 0; j < t->n; j++) {                                             \
                T sum = from[i * t->n + j];                                                  \
                for (int64_t p = 1; p < count; p++)                                          \
                    sum += from[p * each + i * t->n + j];                                    \
                c[j] = beta == 0 ? sum : (T)beta * c[j] + sum;                               \
            }                                                                                \
        }                                                                                    \
    }

DEFINE_ADD(float)
DEFINE_ADD(double)

/* The pieces are matrices of a batch, as many as there is room for their sums; the last has the
 * rows that are left over. */
static void multiply_in_pieces(const rv_gemm_task *task, int64_t at_once)
{
    _Alignas(64) char sums[SUMS_BYTES];
    const int64_t size = (int64_t)rv_dtype_size(task->dtype);
    const int64_t pieces = rv_quotient_up(task->k, PIECE_DEPTH), depth = task->k / pieces;
    rv_gemm_task batch = *task;
    batch.c =
        (rv_gemm_operand){.data = sums, .row = task->n, .column = 1, .batch = {task->m * task->n}};
    batch.a.batch[0] = depth * task->a.column;
    batch.b.batch[0] = depth * task->b.row;
    batch.batch_ndim = 1;
    batch.beta = 0;
    for (int64_t done = 0; done < task->k;) {
        const int64_t whole = (task->k - done) / depth;
        const int64_t count = whole == 0 ? 1 : rv_smaller(whole, at_once);
        batch.k = whole == 0 ? task->k - done : depth;
        batch.batch_shape[0] = count;
        rv_gemm(&batch);
        const double beta = done == 0 ? task->beta : 1;
        if (task->dtype == RV_F32)
            add_float(task, beta, count, sums);
        else
            add_double(task, beta, count, sums);
        done += count * batch.k;
        batch.a.data += count * batch.k * task->a.column * size;
        batch.b.data += count * batch.k * task->b.row * size;
    }
}

bool rv_gemm_narrow(const rv_gemm_task *task)
{
    const int64_t at_once = sums_at_once(task);
    if (at_once > 1)
        multiply_in_pieces(task, at_once);
    else if (has_small_transpose(task))
        multiply_transposed(task);
    else
        return false;
    return true;
}

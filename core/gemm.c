/* gemm.c - matrix products, cut into tiles that single-threaded BLAS calls compute.
 *
 * How a product is cut is decided by its shape alone: the bits of an element depend on the tile it
 * is in, and must not depend on how many threads there are. Two ways of cutting:
 *
 * - On processors with AVX-512, OpenBLAS has kernels for small products that read the matrices
 * where they stand. They run at nearly the processor's peak, as long as one operand stays in a
 * core's cache, so such products are cut into tiles that are just small enough for them.
 * - Else OpenBLAS packs both operands at each call. Few, large tiles repeat least of that.
 */

#include "core/gemm.h"

#include <limits.h>
#include <string.h>

#include "core/blas.h"
#include "core/gemm_narrow.h"
#include "core/gemm_plain.h"
#include "core/integers.h"

/* The work of a piece is counted in multiplications. */
#define WORK_OF_PIECE 262144.0 /* a few microseconds: less is not worth another thread */
#define MOST_OF_AXIS ((int64_t)1 << 30)

static int64_t round_up(int64_t n, int64_t unit)
{
    return rv_quotient_up(n, unit) * unit;
}

/* ---- BLAS ----------------------------------------------------------------------------------- */

/* Whether a matrix is row-major, perhaps with gaps between the rows. */
static bool is_row_major(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return (columns <= 1 || column == 1) && (rows <= 1 || (row > 0 && row >= columns));
}

bool rv_gemm_takes(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return is_row_major(rows, columns, row, column) || is_row_major(columns, rows, column, row);
}

#if RV_BLAS

#include <cblas.h>

/* OpenBLAS's own. */
char *openblas_get_corename(void) RV_WEAK;

static bool has_small_kernels(void)
{
    static int known; /* atomic; 0: not asked yet, 1: no, 2: yes */
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer == 0) {
        const char *name = openblas_get_corename != NULL ? openblas_get_corename() : "";
        answer = strcmp(name, "SkylakeX") == 0 || strcmp(name, "Cooperlake") == 0 ||
                         strcmp(name, "SapphireRapids") == 0
                     ? 2
                     : 1;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer == 2;
}

/* A matrix as BLAS takes it: row-major, or the transpose of a row-major one. */
typedef struct blas_matrix {
    const void *data;
    CBLAS_TRANSPOSE transpose;
    int64_t leading; /* elements from a stored row to the next */
} blas_matrix;

static blas_matrix blas_view(rv_matrix x, int64_t rows, int64_t columns)
{
    if (is_row_major(rows, columns, x.row, x.column))
        return (blas_matrix){x.data, CblasNoTrans, rows > 1 ? x.row : columns};
    return (blas_matrix){x.data, CblasTrans, columns > 1 ? x.column : rows};
}

/* y = op(x) v + beta y: the product with a vector. x is [rows, columns]. */
static void blas_times_vector(rv_dtype dtype, int64_t rows, int64_t columns, rv_matrix x,
                              const void *v, int64_t v_step, void *y, int64_t y_step, double beta)
{
    const blas_matrix s = blas_view(x, rows, columns);
    const bool as_is = s.transpose == CblasNoTrans;
    const int m = (int)(as_is ? rows : columns), n = (int)(as_is ? columns : rows);
    const int from = columns > 1 ? (int)v_step : 1, to = rows > 1 ? (int)y_step : 1;
    if (dtype == RV_F32)
        cblas_sgemv(CblasRowMajor, s.transpose, m, n, 1, s.data, (int)s.leading, v, from,
                    (float)beta, y, to);
    else
        cblas_dgemv(CblasRowMajor, s.transpose, m, n, 1, s.data, (int)s.leading, v, from, beta, y,
                    to);
}

static void blas_product(rv_dtype dtype, int64_t m, int64_t n, int64_t k, rv_matrix a, rv_matrix b,
                         rv_matrix c, double beta)
{
    const blas_matrix x = blas_view(a, m, k), y = blas_view(b, k, n);
    const int64_t leading = m > 1 ? c.row : n;
    if (dtype == RV_F32)
        cblas_sgemm(CblasRowMajor, x.transpose, y.transpose, (int)m, (int)n, (int)k, 1, x.data,
                    (int)x.leading, y.data, (int)y.leading, (float)beta, (void *)c.data,
                    (int)leading);
    else
        cblas_dgemm(CblasRowMajor, x.transpose, y.transpose, (int)m, (int)n, (int)k, 1, x.data,
                    (int)x.leading, y.data, (int)y.leading, beta, (void *)c.data, (int)leading);
}

/* BLAS counts in int. The sizes of a tile fit; strides may not. */
static bool blas_takes(rv_matrix x, int64_t rows, int64_t columns)
{
    return rv_gemm_takes(rows, columns, x.row, x.column) && x.row <= INT_MAX && x.column <= INT_MAX;
}

static void product(rv_dtype dtype, int64_t m, int64_t n, int64_t k, rv_matrix a, rv_matrix b,
                    rv_matrix c, double beta)
{
    if (k == 0 || !blas_takes(a, m, k) || !blas_takes(b, k, n) || !blas_takes(c, m, n)) {
        rv_gemm_plain(dtype, m, n, k, a, b, c, beta);
        return;
    }
    rv_blas_use_one_thread();
    if (n == 1)
        blas_times_vector(dtype, m, k, a, b.data, b.row, c.data, c.row, beta);
    else if (m == 1)
        blas_times_vector(dtype, n, k, (rv_matrix){b.data, b.column, b.row}, a.data, a.column,
                          c.data, 1, beta);
    else
        blas_product(dtype, m, n, k, a, b, c, beta);
}

#else

static bool has_small_kernels(void)
{
    return false;
}

static void product(rv_dtype dtype, int64_t m, int64_t n, int64_t k, rv_matrix a, rv_matrix b,
                    rv_matrix c, double beta)
{
    rv_gemm_plain(dtype, m, n, k, a, b, c, beta);
}

#endif

/* ---- cutting -------------------------------------------------------------------------------- */

/* Tiles of c, [rows, columns] each, summed over k in steps of depth. */
typedef struct cut {
    int64_t rows, columns, depth;
} cut;

/* What OpenBLAS's small kernels take: at most 10^6 multiplications, and with b transposed at most
 * 1200 elements of c. They are at their best with whole vectors of columns (with b transposed: a
 * few), and with rows in dozens. */
static bool cut_small(const rv_gemm_task *task, cut *tile)
{
    const int64_t m = task->m, n = task->n, k = task->k;
    const int64_t kept_bytes =
        (m < n ? m : n) * rv_smaller(k, MOST_OF_AXIS) * (int64_t)rv_dtype_size(task->dtype);
    const bool a_as_is = is_row_major(m, k, task->a.row, task->a.column);
    const bool b_as_is = is_row_major(k, n, task->b.row, task->b.column);
    if (!has_small_kernels() || m == 1 || n == 1 || k == 0 || kept_bytes > 524288 ||
        (!a_as_is && !b_as_is))
        return false;
    if (b_as_is && (double)m * (double)n * (double)k <= WORK_OF_PIECE) {
        *tile = (cut){m, n, k};
        return true;
    }
    const int64_t columns = task->dtype == RV_F32 && b_as_is ? 64 : 32;
    const int64_t unit = b_as_is ? 12 : 4;
    const int64_t depth = k > 1024 ? round_up(rv_quotient_up(k, rv_quotient_up(k, 1024)), 16) : k;
    int64_t rows = 1000000 / (columns * depth);
    if (!b_as_is)
        rows = rv_smaller(rows, 1200 / columns);
    rows = rows < unit ? unit : rows / unit * unit;
    rows = round_up(rv_quotient_up(m, rv_quotient_up(m, rows)), unit); /* evenly */
    *tile = (cut){rv_smaller(rows, m), rv_smaller(columns, n), depth};
    return true;
}

/* Few tiles, evenly large, and of a shape that repeats little of the packing: one for each 5
 * million multiplications up to four, then one for each 32 million. */
static cut cut_large(const rv_gemm_task *task)
{
    const double work = (double)task->m * (double)task->n * (double)task->k;
    const double wanted = work < 2e7 ? work / 5e6 : work < 1.28e8 ? 4 : work / 3.2e7;
    const int64_t tiles = wanted < 1 ? 1 : wanted > 4096 ? 4096 : (int64_t)wanted;
    cut best = {0, 0, rv_smaller(task->k, MOST_OF_AXIS)};
    double least = 0;
    for (int64_t down = 1; down <= tiles; down++) {
        const int64_t across = rv_quotient_up(tiles, down);
        int64_t rows = rv_smaller(round_up(rv_quotient_up(task->m, down), 8), task->m);
        int64_t columns = rv_smaller(round_up(rv_quotient_up(task->n, across), 16), task->n);
        rows = rv_smaller(rows, MOST_OF_AXIS);
        columns = rv_smaller(columns, MOST_OF_AXIS);
        /* As long as the largest tile takes, packing counted as 8 multiplications an element. */
        const double count =
            (double)rv_quotient_up(task->m, rows) * (double)rv_quotient_up(task->n, columns);
        const double cost =
            count * ((double)rows * (double)columns + 8.0 * ((double)rows + (double)columns));
        if (best.rows == 0 || cost < least) {
            best.rows = rows;
            best.columns = columns;
            least = cost;
        }
    }
    return best;
}

/* ---- running -------------------------------------------------------------------------------- */

typedef struct job {
    const rv_gemm_task *task;
    cut tile;
    int64_t down, across;  /* tiles of one matrix */
    int64_t tiles;         /* of all matrices */
    int64_t tiles_a_piece; /* neighbouring tiles, as many as make a piece worth a thread */
} job;

static void move_to_matrix(const rv_gemm_task *task, int64_t matrix, rv_matrix *x,
                           const rv_gemm_operand *operand)
{
    int64_t elements = 0;
    for (int i = task->batch_ndim - 1; i >= 0; i--) {
        elements += matrix % task->batch_shape[i] * operand->batch[i];
        matrix /= task->batch_shape[i];
    }
    x->data = operand->data + elements * (int64_t)rv_dtype_size(task->dtype);
    x->row = operand->row;
    x->column = operand->column;
}

static void move(rv_matrix *x, int64_t rows, int64_t columns, rv_dtype dtype)
{
    x->data += (rows * x->row + columns * x->column) * (int64_t)rv_dtype_size(dtype);
}

static void run_tile(const job *j, int64_t index)
{
    const rv_gemm_task *t = j->task;
    const int64_t matrix = index / (j->down * j->across), at = index % (j->down * j->across);
    /* The longer axis is the outer one: the shorter operand stays in the cache. */
    const bool down_first = j->across >= j->down;
    const int64_t row = (down_first ? at % j->down : at / j->across) * j->tile.rows;
    const int64_t column = (down_first ? at / j->down : at % j->across) * j->tile.columns;
    const int64_t rows = rv_smaller(t->m - row, j->tile.rows);
    const int64_t columns = rv_smaller(t->n - column, j->tile.columns);
    rv_matrix a, b, c;
    move_to_matrix(t, matrix, &a, &t->a);
    move_to_matrix(t, matrix, &b, &t->b);
    move_to_matrix(t, matrix, &c, &t->c);
    move(&a, row, 0, t->dtype);
    move(&b, 0, column, t->dtype);
    move(&c, row, column, t->dtype);
    int64_t done = 0;
    do {
        const int64_t depth = rv_smaller(t->k - done, j->tile.depth);
        product(t->dtype, rows, columns, depth, a, b, c, done == 0 ? t->beta : 1);
        move(&a, 0, depth, t->dtype);
        move(&b, depth, 0, t->dtype);
        done += depth;
    } while (done < t->k);
}

static void run_piece(void *context, int64_t index)
{
    const job *j = context;
    const int64_t first = index * j->tiles_a_piece;
    const int64_t end = rv_smaller(first + j->tiles_a_piece, j->tiles);
    for (int64_t i = first; i < end; i++)
        run_tile(j, i);
}

void rv_gemm(const rv_gemm_task *task)
{
    int64_t matrices = 1;
    for (int i = 0; i < task->batch_ndim; i++)
        matrices *= task->batch_shape[i];
    if (matrices == 0 || task->m == 0 || task->n == 0 || (matrices == 1 && rv_gemm_narrow(task)))
        return;
    job j = {.task = task};
    if (!cut_small(task, &j.tile))
        j.tile = cut_large(task);
    j.down = rv_quotient_up(task->m, j.tile.rows);
    j.across = rv_quotient_up(task->n, j.tile.columns);
    j.tiles = matrices * j.down * j.across;
    const double work = (double)j.tile.rows * (double)j.tile.columns * (double)(task->k + 1);
    j.tiles_a_piece = work < WORK_OF_PIECE ? (int64_t)(WORK_OF_PIECE / work) : 1;
    const int64_t pieces = rv_quotient_up(j.tiles, j.tiles_a_piece);
    rv_blas_parallel(pieces, run_piece, &j);
}

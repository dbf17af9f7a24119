/* lapack_triangle.c - factors of one large matrix, on all threads.
 *
 * LAPACK's QR works by panels, that is by one thread, and leaves memory to wait for. So rows are
 * cut into pieces that are factored side by side; their triangles, one below the other, have the
 * triangle of the whole, and are a matrix like it, but smaller.
 */
#include <limits.h>
#include <string.h>

#include "core/blas.h"
#include "core/integers.h"
#include "core/lapack.h"
#include "core/memory.h"

#if RV_BLAS

void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work,
             const int *lwork, int *info);
void dtrcon_(const char *, const char *, const char *, const int *n, const double *a,
             const int *lda, double *rcond, double *work, int *iwork, int *info, size_t, size_t,
             size_t);
void dpotrf_(const char *, const int *n, double *a, const int *lda, int *info, size_t);

/* A piece has at least this many rows for each column, and this many multiplications. */
enum { ROWS_OF_PIECE = 4, MOST_PIECES = 8 };
static const double WORK_OF_PIECE = 2e6;

typedef struct tall {
    double *a; /* column by column */
    int64_t m, n;
    int64_t pieces;
    double *work; /* for each piece the factors of its reflections, then LAPACK's own */
    int floats;   /* of the latter */
    double *into; /* the triangles, one below the other, column by column */
} tall;

static int64_t first_row(const tall *t, int64_t piece)
{
    return t->m * piece / t->pieces;
}

/* Factors some rows, and moves their triangle to its place. */
static void run_piece(void *context, int64_t piece)
{
    const tall *t = context;
    rv_blas_use_one_thread();
    double *a = t->a + first_row(t, piece);
    const int64_t rows = first_row(t, piece + 1) - first_row(t, piece);
    double *scales = t->work + piece * (t->n + t->floats);
    int info;
    dgeqrf_(&(int){(int)rows}, &(int){(int)t->n}, a, &(int){(int)t->m}, scales, scales + t->n,
            &t->floats, &info);
    for (int64_t j = 0; j < t->n; j++) {
        double *column = t->into + j * t->pieces * t->n + piece * t->n;
        const int64_t count = rv_smaller(j + 1, rows);
        memcpy(column, a + j * t->m, (size_t)count * sizeof(double));
        memset(column + count, 0, (size_t)(t->n - count) * sizeof(double));
    }
}

/* How many numbers LAPACK wants. */
static int wanted_floats(int64_t m, int64_t n)
{
    double answer = 0;
    int info;
    dgeqrf_(&(int){(int)m}, &(int){(int)n}, NULL, &(int){(int)m}, NULL, &answer, &(int){-1}, &info);
    return answer < (double)n ? (int)n : (int)answer;
}

static bool find_triangle(const char *who, double *a, int64_t m, int64_t n, double *r)
{
    const double work = (double)m * (double)n * (double)n / WORK_OF_PIECE;
    int64_t pieces = rv_smaller(rv_smaller(m / (ROWS_OF_PIECE * n), MOST_PIECES),
                                work > MOST_PIECES ? MOST_PIECES : (int64_t)work);
    pieces = pieces < 1 ? 1 : pieces;
    tall t = {.a = a, .m = m, .n = n, .pieces = pieces, .floats = wanted_floats(m, n), .into = r};
    const size_t bytes = (size_t)(pieces * (n + t.floats)) * sizeof(double);
    const size_t into_bytes = (size_t)(pieces * n * n) * sizeof(double);
    t.work = rv_memory_get(who, bytes);
    if (t.work != NULL && pieces > 1)
        t.into = rv_memory_get(who, into_bytes);
    bool done = t.work != NULL && t.into != NULL;
    if (done)
        rv_blas_parallel(pieces, run_piece, &t);
    if (done && pieces > 1)
        done = find_triangle(who, t.into, pieces * n, n, r);
    if (pieces > 1 && t.into != NULL)
        rv_memory_put(t.into, into_bytes);
    if (t.work != NULL)
        rv_memory_put(t.work, bytes);
    return done;
}

bool rv_lapack_triangle(const char *who, rv_tensor *columns, rv_tensor *r)
{
    const int64_t n = columns->shape[0], m = columns->shape[1];
    if (n > RV_LAPACK_MOST || m > INT_MAX)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "a matrix of %lld rows and %lld columns is more than LAPACK can count",
                       (long long)m, (long long)n);
    return n == 0 || find_triangle(who, (double *)columns->data, m, n, (double *)r->data);
}

typedef struct triangle {
    const double *l;
    int n;
    double *work;
    int *ints;
    double reciprocal;
} triangle;

/* LAPACK sees the transpose, whose row sums are column sums here. */
static void run_condition(void *context, int64_t piece)
{
    (void)piece;
    triangle *t = context;
    int info;
    rv_blas_use_one_thread();
    dtrcon_("I", "U", "N", &t->n, t->l, &t->n, &t->reciprocal, t->work, t->ints, &info, 1, 1, 1);
}

bool rv_lapack_triangle_condition(const char *who, const rv_tensor *l, double *reciprocal)
{
    const int64_t n = l->shape[0];
    const size_t bytes = (size_t)n * (3 * sizeof(double) + sizeof(int));
    if (n > RV_LAPACK_MOST)
        return rv_fail(RV_ERROR_SHAPE, who, "%lld rows are more than LAPACK can count",
                       (long long)n);
    triangle t = {.l = (const double *)l->data, .n = (int)n, .work = rv_memory_get(who, bytes)};
    if (t.work == NULL)
        return false;
    t.ints = (int *)(t.work + 3 * n);
    rv_blas_parallel(1, run_condition, &t);
    *reciprocal = t.reciprocal;
    rv_memory_put(t.work, bytes);
    return true;
}

typedef struct square {
    double *a;
    int n, info;
} square;

static void run_cholesky(void *context, int64_t piece)
{
    (void)piece;
    square *s = context;
    rv_blas_use_one_thread();
    dpotrf_("U", &s->n, s->a, &s->n, &s->info, 1);
}

bool rv_lapack_cholesky_try(const char *who, rv_tensor *a, bool *is_positive)
{
    const int64_t n = a->shape[0];
    if (n > RV_LAPACK_MOST)
        return rv_fail(RV_ERROR_SHAPE, who, "%lld rows are more than LAPACK can count",
                       (long long)n);
    square s = {.a = (double *)a->data, .n = (int)n};
    rv_blas_parallel(1, run_cholesky, &s);
    *is_positive = s.info == 0;
    return true;
}

#endif

/* lapack.c - factorizations and what they solve: LAPACK's, for stacks of matrices.
 *
 * Each is a function of one matrix, which lapack_stack.c runs for every matrix of the stack.
 */
#include "core/lapack.h"

#include <math.h>
#include <string.h>

#include "core/kernels/kernels.h"
#include "core/lapack_stack.h"

#if RV_BLAS

#include <cblas.h>

/* ---- LAPACK itself: Fortran, whose texts are followed by their lengths at the end --------------
 */

#define FLOATING_ROUTINES(x)                                                                       \
    void x##potrf_(const char *, const int *n, void *a, const int *lda, int *info, size_t);        \
    void x##getrf_(const int *m, const int *n, void *a, const int *lda, int *pivots, int *info);   \
    void x##getri_(const int *n, void *a, const int *lda, const int *pivots, void *work,           \
                   const int *lwork, int *info);                                                   \
    void x##syevd_(const char *, const char *, const int *n, void *a, const int *lda, void *w,     \
                   void *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, \
                   size_t);                                                                        \
    void x##gesdd_(const char *, const int *m, const int *n, void *a, const int *lda, void *s,     \
                   void *u, const int *ldu, void *vt, const int *ldvt, void *work,                 \
                   const int *lwork, int *iwork, int *info, size_t);                               \
    void x##gelqf_(const int *m, const int *n, void *a, const int *lda, void *tau, void *work,     \
                   const int *lwork, int *info);                                                   \
    void x##orglq_(const int *m, const int *n, const int *k, void *a, const int *lda,              \
                   const void *tau, void *work, const int *lwork, int *info);
FLOATING_ROUTINES(s)
FLOATING_ROUTINES(d)

#define CALL(dtype, routine, ...) \
    ((dtype) == RV_F32 ? s##routine##_(__VA_ARGS__) : d##routine##_(__VA_ARGS__))

/* What is said of a matrix that has no such result; its info follows. */
#define INDEFINITE "is not positive definite (leading minor"
#define SINGULAR "is singular (zero pivot"
#define NO_CONVERGENCE "did not converge (info"

/* ---- cholesky ---------------------------------------------------------------------------------
 */

static int cholesky_of_one(const lapack_stack *s, int64_t i, char *work)
{
    (void)work;
    char *a = rv_lapack_matrix_at(s->in[0], 2, i);
    int info = 0;
    if (!rv_lapack_is_finite(s, a, true))
        return LAPACK_NOT_FINITE;
    if (s->rows <= RV_SMALL_MATRIX)
        info = rv_kernels_get()->cholesky[s->dtype](s->rows, a);
    else
        CALL(s->dtype, potrf, "U", &s->rows, a, &s->rows, &info, 1);
    rv_lapack_clear(s, a, true);
    return info;
}

bool rv_lapack_cholesky(const char *who, rv_tensor *a)
{
    lapack_stack s = {.count = 0};
    return rv_lapack_stack_of(&s, who, a, cholesky_of_one) && rv_lapack_run(&s, a, INDEFINITE);
}

/* ---- lu --------------------------------------------------------------------------------------- *
 *
 * LAPACK finds a' = P L U, so that a = U' L' P': where the factors lie, seen row-major, the lower
 * triangle with its diagonal is U', the upper one with a diagonal of 1 is L'. */

static int *pivots_at(const lapack_stack *s, int64_t i)
{
    return (int *)rv_lapack_matrix_at(s->in[1], 1, i);
}

static int lu_of_one(const lapack_stack *s, int64_t i, char *work)
{
    (void)work;
    char *a = rv_lapack_matrix_at(s->in[0], 2, i);
    int info = 0;
    if (!rv_lapack_is_finite(s, a, false))
        return LAPACK_NOT_FINITE;
    if (s->rows <= RV_SMALL_MATRIX)
        info = rv_kernels_get()->lu[s->dtype](s->rows, a, pivots_at(s, i));
    else
        CALL(s->dtype, getrf, &s->rows, &s->rows, a, &s->rows, pivots_at(s, i), &info);
    return s->singular_too ? 0 : info;
}

bool rv_lapack_lu(const char *who, rv_tensor *a, rv_tensor *pivots, bool singular_too)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, a, lu_of_one))
        return false;
    s.in[1] = pivots;
    s.singular_too = singular_too;
    return rv_lapack_run(&s, a, SINGULAR);
}

/* Substitution for one vector and a few rows, where a call of BLAS costs more than its work.
 * Element [i,j] of a is at i*row + j*column. */
#define DEFINE_SUBSTITUTE(T, name)                                                             \
    static void name(rv_triangular system, int64_t n, const T *a, int64_t row, int64_t column, \
                     T *b)                                                                     \
    {                                                                                          \
        for (int64_t k = 0; k < n; k++) {                                                      \
            const int64_t i = system.upper ? n - 1 - k : k;                                    \
            T value = b[i];                                                                    \
            for (int64_t j = system.upper ? i + 1 : 0; j < (system.upper ? n : i); j++)        \
                value -= a[i * row + j * column] * b[j];                                       \
            b[i] = system.unit ? value : value / a[i * row + i * column];                      \
        }                                                                                      \
    }
DEFINE_SUBSTITUTE(float, substitute_F32)
DEFINE_SUBSTITUTE(double, substitute_F64)

#define MOST_SUBSTITUTED 8

/* One triangular system of a row-major stored matrix, or, if `transposed`, of its transpose. */
static void solve_triangular(const lapack_stack *s, rv_triangular system, const char *a,
                             int64_t leading, bool transposed, char *b)
{
    const CBLAS_SIDE side = system.left ? CblasLeft : CblasRight;
    const CBLAS_UPLO stored = system.upper != transposed ? CblasUpper : CblasLower;
    const CBLAS_TRANSPOSE transpose = transposed ? CblasTrans : CblasNoTrans;
    const CBLAS_DIAG diagonal = system.unit ? CblasUnit : CblasNonUnit;
    const int n = s->rows, k = s->columns, lda = (int)leading;
    const int64_t row = transposed ? 1 : leading, column = transposed ? leading : 1;
    if (system.left && k == 1 && n <= MOST_SUBSTITUTED && s->dtype == RV_F32)
        substitute_F32(system, n, (const float *)a, row, column, (float *)b);
    else if (system.left && k == 1 && n <= MOST_SUBSTITUTED)
        substitute_F64(system, n, (const double *)a, row, column, (double *)b);
    else if (system.left && k == 1 && s->dtype == RV_F32)
        cblas_strsv(CblasRowMajor, stored, transpose, diagonal, n, (const float *)a, lda,
                    (float *)b, 1);
    else if (system.left && k == 1)
        cblas_dtrsv(CblasRowMajor, stored, transpose, diagonal, n, (const double *)a, lda,
                    (double *)b, 1);
    else if (s->dtype == RV_F32)
        cblas_strsm(CblasRowMajor, side, stored, transpose, diagonal, n, k, 1, (const float *)a,
                    lda, (float *)b, k);
    else
        cblas_dtrsm(CblasRowMajor, side, stored, transpose, diagonal, n, k, 1, (const double *)a,
                    lda, (double *)b, k);
}

static void exchange_rows(const lapack_stack *s, char *b, int64_t one, int64_t other)
{
    const int n = s->columns;
    if (s->dtype == RV_F32)
        cblas_sswap(n, (float *)b + one * n, 1, (float *)b + other * n, 1);
    else
        cblas_dswap(n, (double *)b + one * n, 1, (double *)b + other * n, 1);
}

static void exchange(const lapack_stack *s, const int *pivots, int64_t row, char *b)
{
    if (pivots[row] - 1 != row)
        exchange_rows(s, b, row, pivots[row] - 1);
}

/* a = U' L' P', and a' = P L U. */
static int lu_solve_of_one(const lapack_stack *s, int64_t i, char *work)
{
    (void)work;
    const char *lu = rv_lapack_matrix_at(s->in[2], 2, i);
    const int *pivots = pivots_at(s, i);
    char *b = rv_lapack_matrix_at(s->in[0], 2, i);
    const rv_triangular lower = {.left = true};
    const rv_triangular upper = {.left = true, .upper = true, .unit = true};
    if (s->transposed) {
        for (int64_t row = 0; row < s->rows; row++)
            exchange(s, pivots, row, b);
        solve_triangular(s, (rv_triangular){.left = true, .unit = true}, lu, s->rows, true, b);
        solve_triangular(s, (rv_triangular){.left = true, .upper = true}, lu, s->rows, true, b);
        return 0;
    }
    solve_triangular(s, lower, lu, s->rows, false, b);
    solve_triangular(s, upper, lu, s->rows, false, b);
    for (int64_t row = s->rows - 1; row >= 0; row--)
        exchange(s, pivots, row, b);
    return 0;
}

bool rv_lapack_lu_solve(const char *who, bool transposed, const rv_tensor *lu,
                        const rv_tensor *pivots, rv_tensor *b)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, b, lu_solve_of_one))
        return false;
    s.in[1] = pivots;
    s.in[2] = lu;
    s.transposed = transposed;
    s.work_of_one = (double)s.rows * (double)s.rows * (double)s.columns;
    return rv_lapack_run(&s, b, SINGULAR);
}

static int lu_inverse_of_one(const lapack_stack *s, int64_t i, char *work)
{
    int info = 0;
    CALL(s->dtype, getri, &s->rows, rv_lapack_matrix_at(s->in[0], 2, i), &s->rows, pivots_at(s, i),
         work, &s->floats, &info);
    return info;
}

bool rv_lapack_lu_inverse(const char *who, rv_tensor *lu, const rv_tensor *pivots)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, lu, lu_inverse_of_one))
        return false;
    double answer = 0;
    int info;
    CALL(s.dtype, getri, &s.rows, NULL, &(int){s.rows > 0 ? s.rows : 1}, NULL, &answer, &(int){-1},
         &info);
    rv_lapack_set_workspace(&s, rv_lapack_answer_of(&s, &answer), 0);
    s.in[1] = pivots;
    return rv_lapack_run(&s, lu, SINGULAR);
}

static double diagonal_of(const lapack_stack *s, const char *a, int64_t row)
{
    const int64_t i = row * (s->rows + 1);
    return s->dtype == RV_F32 ? (double)((const float *)a)[i] : ((const double *)a)[i];
}

static void set_element(const rv_tensor *t, int64_t i, double value)
{
    if (t != NULL && t->dtype == RV_F32)
        ((float *)t->data)[i] = (float)value;
    else if (t != NULL)
        ((double *)t->data)[i] = value;
}

bool rv_lapack_lu_determinant(const char *who, const rv_tensor *lu, const rv_tensor *pivots,
                              rv_tensor *determinant, rv_tensor *sign, rv_tensor *logarithm)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, lu, NULL))
        return false;
    s.in[1] = pivots;
    for (int64_t i = 0; i < s.count; i++) {
        const char *a = rv_lapack_matrix_at(lu, 2, i);
        double product = 1, unit = 1, sum = 0;
        for (int64_t row = 0; row < s.rows; row++) {
            const double d = diagonal_of(&s, a, row) * (pivots_at(&s, i)[row] - 1 != row ? -1 : 1);
            product *= d;
            unit *= d > 0 ? 1 : d < 0 ? -1 : 0;
            sum += logarithm != NULL ? log(fabs(d)) : 0;
        }
        set_element(determinant, i, product);
        set_element(sign, i, unit);
        set_element(logarithm, i, sum);
    }
    return true;
}

/* ---- triangular systems -----------------------------------------------------------------------
 */

static int triangular_of_one(const lapack_stack *s, int64_t i, char *work)
{
    (void)work;
    const rv_tensor *a = s->in[1];
    const int64_t n = a->shape[a->ndim - 1];
    const int64_t row = a->strides[a->ndim - 2], column = a->strides[a->ndim - 1];
    const bool transposed = n > 1 && column != 1;
    const int64_t leading = n <= 1 ? 1 : transposed ? column : row;
    solve_triangular(s, s->system, rv_lapack_matrix_at(a, 2, i), leading, transposed,
                     rv_lapack_matrix_at(s->in[0], 2, i));
    return 0;
}

bool rv_lapack_triangular(const char *who, rv_triangular system, const rv_tensor *a, rv_tensor *b)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, b, triangular_of_one))
        return false;
    s.in[1] = a;
    s.system = system;
    s.work_of_one = (double)a->shape[a->ndim - 1] * (double)s.rows * (double)s.columns / 2;
    return rv_lapack_run(&s, b, SINGULAR);
}

/* ---- eigh -------------------------------------------------------------------------------------
 */

static int eigh_of_one(const lapack_stack *s, int64_t i, char *work)
{
    char *a = rv_lapack_matrix_at(s->in[0], 2, i);
    int info = 0;
    if (!rv_lapack_is_finite(s, a, true))
        return LAPACK_NOT_FINITE;
    CALL(s->dtype, syevd, s->vectors ? "V" : "N", "U", &s->rows, a, &s->rows,
         rv_lapack_matrix_at(s->in[1], 1, i), work, &s->floats, rv_lapack_ints_of(s, work),
         &s->ints, &info, 1, 1);
    return info;
}

bool rv_lapack_eigh(const char *who, rv_tensor *a, rv_tensor *values, bool vectors)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, a, eigh_of_one))
        return false;
    double answer = 0;
    int info, ints = 0;
    CALL(s.dtype, syevd, vectors ? "V" : "N", "U", &s.rows, NULL, &(int){s.rows > 0 ? s.rows : 1},
         NULL, &answer, &(int){-1}, &ints, &(int){-1}, &info, 1, 1);
    rv_lapack_set_workspace(&s, rv_lapack_answer_of(&s, &answer), ints);
    s.in[1] = values;
    s.vectors = vectors;
    s.work_of_one *= 4;
    return rv_lapack_run(&s, a, NO_CONVERGENCE);
}

/* ---- svd -------------------------------------------------------------------------------------- *
 *
 * a' = vh' diag(s) u': what LAPACK calls u, column by column, is vh, row by row. */

static int svd_of_one(const lapack_stack *s, int64_t i, char *work)
{
    char *a = rv_lapack_matrix_at(s->in[0], 2, i);
    char *left = s->vectors ? rv_lapack_matrix_at(s->in[3], 2, i) : NULL;
    char *right = s->vectors ? rv_lapack_matrix_at(s->in[1], 2, i) : NULL;
    const int smaller = s->rows < s->columns ? s->rows : s->columns;
    int info = 0;
    if (!rv_lapack_is_finite(s, a, false))
        return LAPACK_NOT_FINITE;
    CALL(s->dtype, gesdd, s->vectors ? "S" : "N", &s->columns, &s->rows, a, &s->columns,
         rv_lapack_matrix_at(s->in[2], 1, i), left, &s->columns, right, &smaller, work, &s->floats,
         rv_lapack_ints_of(s, work), &info, 1);
    return info;
}

bool rv_lapack_svd(const char *who, rv_tensor *a, rv_tensor *u, rv_tensor *singular, rv_tensor *vh)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, a, svd_of_one))
        return false;
    s.vectors = u != NULL;
    s.in[1] = u;
    s.in[2] = singular;
    s.in[3] = vh;
    s.work_of_one *= 8;
    if (s.rows > 0 && s.columns > 0) {
        const int smaller = s.rows < s.columns ? s.rows : s.columns;
        double answer = 0;
        int info;
        CALL(s.dtype, gesdd, s.vectors ? "S" : "N", &s.columns, &s.rows, NULL, &s.columns, NULL,
             NULL, &s.columns, NULL, &smaller, &answer, &(int){-1}, NULL, &info, 1);
        rv_lapack_set_workspace(&s, rv_lapack_answer_of(&s, &answer), 8 * smaller);
    }
    return rv_lapack_run(&s, a, NO_CONVERGENCE);
}

/* ---- qr --------------------------------------------------------------------------------------- *
 *
 * a' = L Q by LAPACK: then a = Q' L', and Q' and L' lie row-major where Q and L are. The factors of
 * the reflections stand behind the workspace. */

static void copy_rows(const lapack_stack *s, const char *from, int64_t from_columns, char *into,
                      int64_t into_columns, int64_t rows)
{
    const size_t size = rv_dtype_size(s->dtype);
    for (int64_t row = 0; row < rows; row++)
        memcpy(into + (size_t)(row * into_columns) * size,
               from + (size_t)(row * from_columns) * size, (size_t)into_columns * size);
}

static int qr_of_one(const lapack_stack *s, int64_t i, char *work)
{
    char *a = rv_lapack_matrix_at(s->in[0], 2, i), *q = rv_lapack_matrix_at(s->in[1], 2, i);
    char *r = rv_lapack_matrix_at(s->in[2], 2, i);
    const int smaller = s->rows < s->columns ? s->rows : s->columns;
    const int floats = s->floats - smaller;
    char *scales = work + (size_t)floats * rv_dtype_size(s->dtype);
    int info = 0;
    if (!rv_lapack_is_finite(s, a, false))
        return LAPACK_NOT_FINITE;
    CALL(s->dtype, gelqf, &s->columns, &s->rows, a, &s->columns, scales, work, &floats, &info);
    copy_rows(s, a, s->columns, r, s->columns, smaller);
    const lapack_stack of_r = {.dtype = s->dtype, .rows = smaller, .columns = s->columns};
    rv_lapack_clear(&of_r, r, false);
    copy_rows(s, a, s->columns, q, smaller, s->rows);
    if (info == 0)
        CALL(s->dtype, orglq, &smaller, &s->rows, &smaller, q, &smaller, scales, work, &floats,
             &info);
    return info;
}

bool rv_lapack_qr(const char *who, rv_tensor *a, rv_tensor *q, rv_tensor *r)
{
    lapack_stack s = {.count = 0};
    if (!rv_lapack_stack_of(&s, who, a, qr_of_one))
        return false;
    s.in[1] = q;
    s.in[2] = r;
    s.work_of_one *= 4;
    if (s.rows > 0 && s.columns > 0) {
        const int smaller = s.rows < s.columns ? s.rows : s.columns;
        double first = 0, second = 0;
        int info;
        CALL(s.dtype, gelqf, &s.columns, &s.rows, NULL, &s.columns, NULL, &first, &(int){-1},
             &info);
        CALL(s.dtype, orglq, &smaller, &s.rows, &smaller, NULL, &smaller, NULL, &second, &(int){-1},
             &info);
        rv_lapack_set_workspace(
            &s, fmax(rv_lapack_answer_of(&s, &first), rv_lapack_answer_of(&s, &second)) + smaller,
            0);
    }
    return rv_lapack_run(&s, a, NO_CONVERGENCE);
}

#endif

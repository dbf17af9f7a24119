/* lapack.c - LAPACK for stacks of matrices: who calls it, in which pieces, and what it says.
 *
 * A call is a function of one matrix, run for every matrix of the stack. What it returns is
 * LAPACK's info: 0 if all is well, else what is reported for the first matrix that has one.
 */
#include "core/lapack.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/integers.h"
#include "core/kernels/kernels.h"
#include "core/memory.h"

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

/* ---- running a stack --------------------------------------------------------------------------
 */

/* Less than this many multiplications are not worth another thread. */
#define WORK_OF_PIECE 262144.0
/* More pieces than this are not made where each needs memory of its own. */
#define MOST_WORKSPACES 64
#define MOST_OF_AXIS ((int64_t)1 << 24)

enum { NOT_FINITE = INT_MIN };

typedef struct stack stack;

/* What is done to matrix i of the stack, with `work` for its own; returns its info. */
typedef int one_matrix(const stack *s, int64_t i, char *work);

struct stack {
    const char *who;
    one_matrix *run;
    rv_dtype dtype;
    int64_t count;          /* matrices */
    double work_of_one;     /* in multiplications */
    size_t bytes;           /* of workspace */
    int rows, columns;      /* of a matrix */
    int floats, ints;       /* elements of LAPACK's own workspaces, in `work` in this order */
    const rv_tensor *in[4]; /* operands, each function's own */
    rv_triangular system;
    bool singular_too, transposed, vectors;
    /* set by run_stack */
    int64_t matrices_of_piece;
    char *workspaces;
    int *infos; /* [count] */
};

/* Matrix i of a tensor whose last `inner` axes are one. */
static char *matrix_at(const rv_tensor *t, int inner, int64_t i)
{
    int64_t elements = 0;
    for (int axis = t->ndim - inner - 1; axis >= 0; axis--) {
        elements += i % t->shape[axis] * t->strides[axis];
        i /= t->shape[axis];
    }
    return t->data + elements * (int64_t)rv_dtype_size(t->dtype);
}

static void run_piece(void *context, int64_t piece)
{
    const stack *s = context;
    rv_blas_use_one_thread();
    const int64_t first = piece * s->matrices_of_piece;
    const int64_t end = rv_smaller(first + s->matrices_of_piece, s->count);
    for (int64_t i = first; i < end; i++)
        s->infos[i] = s->run(s, i, s->workspaces + (size_t)piece * s->bytes);
}

/* Runs all matrices; *bad is the first that has an info, *info that; -1 and 0 if there is none.
 * False only if memory is short. */
static bool run_stack(stack *s, int64_t *bad, int *info)
{
    *bad = -1;
    *info = 0;
    if (s->count == 0 || s->rows == 0 || s->columns == 0)
        return true;
    s->bytes = (s->bytes + RV_ALIGNMENT - 1) / RV_ALIGNMENT * RV_ALIGNMENT;
    s->matrices_of_piece =
        s->work_of_one < WORK_OF_PIECE ? (int64_t)(WORK_OF_PIECE / (s->work_of_one + 1)) : 1;
    if (s->bytes > 0 && s->count / s->matrices_of_piece >= MOST_WORKSPACES)
        s->matrices_of_piece = rv_quotient_up(s->count, MOST_WORKSPACES);
    const int64_t pieces = rv_quotient_up(s->count, s->matrices_of_piece);
    const size_t info_bytes = (size_t)s->count * sizeof *s->infos;
    const size_t work_bytes = (size_t)pieces * s->bytes;
    s->infos = rv_memory_get(s->who, info_bytes);
    s->workspaces = s->infos == NULL ? NULL : rv_memory_get(s->who, work_bytes);
    if (s->workspaces != NULL) {
        rv_blas_parallel(pieces, run_piece, s);
        for (int64_t i = 0; i < s->count && *bad < 0; i++)
            if (s->infos[i] != 0) {
                *bad = i;
                *info = s->infos[i];
            }
        rv_memory_put(s->workspaces, work_bytes);
    }
    if (s->infos != NULL)
        rv_memory_put(s->infos, info_bytes);
    return s->workspaces != NULL;
}

/* ---- what goes wrong --------------------------------------------------------------------------
 */

typedef struct matrix_name {
    char text[200];
} matrix_name;

/* "matrix [2]", or "the matrix" if there is but one. */
static const char *name_of(matrix_name *name, const rv_tensor *t, int inner, int64_t i)
{
    int64_t place[RV_MAX_DIMENSIONS];
    const int axes = t->ndim - inner;
    for (int axis = axes - 1; axis >= 0; axis--) {
        place[axis] = i % t->shape[axis];
        i /= t->shape[axis];
    }
    if (axes == 0)
        return "the matrix";
    snprintf(name->text, sizeof name->text, "matrix %s",
             rv_shape_text(RV_SHAPE_BUFFER, axes, place));
    return name->text;
}

/* Runs a stack; false if memory is short, or with `problem` and its info if a matrix has no result.
 */
static bool run(stack *s, const rv_tensor *named, const char *problem)
{
    int64_t bad;
    int info;
    if (!run_stack(s, &bad, &info))
        return false;
    if (bad < 0)
        return true;
    matrix_name name;
    const char *matrix = name_of(&name, named, 2, bad);
    if (info == NOT_FINITE)
        return rv_fail(RV_ERROR_ARGUMENT, s->who, "%s has an element that is not finite", matrix);
    return rv_fail(RV_ERROR_MATRIX, s->who, "%s %s %d)", matrix, problem, info);
}

#define INDEFINITE "is not positive definite (leading minor"
#define SINGULAR "is singular (zero pivot"
#define NO_CONVERGENCE "did not converge (info"

/* A stack of the matrices of `t`. False with an error if LAPACK cannot count them. */
static bool stack_of(stack *s, const char *who, const rv_tensor *t, one_matrix *of_one)
{
    const int64_t rows = t->shape[t->ndim - 2], columns = t->shape[t->ndim - 1];
    if (rv_smaller(rows, columns) > RV_LAPACK_MOST || rows > MOST_OF_AXIS || columns > MOST_OF_AXIS)
        return rv_fail(
            RV_ERROR_SHAPE, who,
            "a matrix of %s has more than %d rows and columns, which LAPACK cannot count",
            RV_SHAPE_OF(t), RV_LAPACK_MOST);
    *s = (stack){.who = who,
                 .run = of_one,
                 .dtype = t->dtype,
                 .count = 1,
                 .work_of_one = (double)rows * (double)columns * (double)rv_smaller(rows, columns),
                 .rows = (int)rows,
                 .columns = (int)columns,
                 .in = {t}};
    for (int i = 0; i < t->ndim - 2; i++)
        s->count *= t->shape[i];
    return true;
}

/* Sets the sizes of LAPACK's workspaces in a stack; `floats` is its own answer, in s's dtype, which
 * F32 may have rounded down. */
static void set_workspace(stack *s, double floats, int ints)
{
    const double wanted = s->dtype == RV_F32 ? ceil(floats * (1 + 0x1p-23)) : floats;
    s->floats = wanted < 1 ? 1 : wanted > INT_MAX ? INT_MAX : (int)wanted;
    s->ints = ints;
    s->bytes = (size_t)s->floats * rv_dtype_size(s->dtype) + (size_t)ints * sizeof(int);
}

static int *ints_of(const stack *s, char *work)
{
    return (int *)(work + (size_t)s->floats * rv_dtype_size(s->dtype));
}

/* What LAPACK wrote as its wish for floats. */
static double answer_of(const stack *s, const double *answer)
{
    return s->dtype == RV_F32 ? (double)*(const float *)answer : *answer;
}

/* Whether the elements of row-major [rows, columns] are finite; of the lower triangle, if so. */
static bool is_finite(const stack *s, const char *data, bool lower)
{
    bool finite = true;
    for (int64_t row = 0; row < s->rows; row++) {
        const int64_t n = lower ? rv_smaller(row + 1, s->columns) : s->columns;
        const int64_t first = row * s->columns;
        if (s->dtype == RV_F32)
            for (int64_t i = first; i < first + n; i++)
                finite &= isfinite(((const float *)data)[i]) != 0;
        else
            for (int64_t i = first; i < first + n; i++)
                finite &= isfinite(((const double *)data)[i]) != 0;
    }
    return finite;
}

/* Zeros what stands on one side of the diagonal of row-major [rows, columns]. */
static void clear(const stack *s, char *data, bool above)
{
    const size_t size = rv_dtype_size(s->dtype);
    for (int64_t row = 0; row < s->rows; row++) {
        const int64_t first = above ? rv_smaller(row + 1, s->columns) : 0;
        const int64_t end = above ? s->columns : rv_smaller(row, s->columns);
        memset(data + (size_t)(row * s->columns + first) * size, 0, (size_t)(end - first) * size);
    }
}

/* ---- cholesky ---------------------------------------------------------------------------------
 */

static int cholesky_of_one(const stack *s, int64_t i, char *work)
{
    (void)work;
    char *a = matrix_at(s->in[0], 2, i);
    int info = 0;
    if (!is_finite(s, a, true))
        return NOT_FINITE;
    if (s->rows <= RV_SMALL_MATRIX)
        info = rv_kernels_get()->cholesky[s->dtype](s->rows, a);
    else
        CALL(s->dtype, potrf, "U", &s->rows, a, &s->rows, &info, 1);
    clear(s, a, true);
    return info;
}

bool rv_lapack_cholesky(const char *who, rv_tensor *a)
{
    stack s = {.count = 0};
    return stack_of(&s, who, a, cholesky_of_one) && run(&s, a, INDEFINITE);
}

/* ---- lu --------------------------------------------------------------------------------------- *
 *
 * LAPACK finds a' = P L U, so that a = U' L' P': where the factors lie, seen row-major, the lower
 * triangle with its diagonal is U', the upper one with a diagonal of 1 is L'. */

static int *pivots_at(const stack *s, int64_t i)
{
    return (int *)matrix_at(s->in[1], 1, i);
}

static int lu_of_one(const stack *s, int64_t i, char *work)
{
    (void)work;
    char *a = matrix_at(s->in[0], 2, i);
    int info = 0;
    if (!is_finite(s, a, false))
        return NOT_FINITE;
    if (s->rows <= RV_SMALL_MATRIX)
        info = rv_kernels_get()->lu[s->dtype](s->rows, a, pivots_at(s, i));
    else
        CALL(s->dtype, getrf, &s->rows, &s->rows, a, &s->rows, pivots_at(s, i), &info);
    return s->singular_too ? 0 : info;
}

bool rv_lapack_lu(const char *who, rv_tensor *a, rv_tensor *pivots, bool singular_too)
{
    stack s = {.count = 0};
    if (!stack_of(&s, who, a, lu_of_one))
        return false;
    s.in[1] = pivots;
    s.singular_too = singular_too;
    return run(&s, a, SINGULAR);
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
static void solve_triangular(const stack *s, rv_triangular system, const char *a, int64_t leading,
                             bool transposed, char *b)
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

static void exchange_rows(const stack *s, char *b, int64_t one, int64_t other)
{
    const int n = s->columns;
    if (s->dtype == RV_F32)
        cblas_sswap(n, (float *)b + one * n, 1, (float *)b + other * n, 1);
    else
        cblas_dswap(n, (double *)b + one * n, 1, (double *)b + other * n, 1);
}

static void exchange(const stack *s, const int *pivots, int64_t row, char *b)
{
    if (pivots[row] - 1 != row)
        exchange_rows(s, b, row, pivots[row] - 1);
}

/* a = U' L' P', and a' = P L U. */
static int lu_solve_of_one(const stack *s, int64_t i, char *work)
{
    (void)work;
    const char *lu = matrix_at(s->in[2], 2, i);
    const int *pivots = pivots_at(s, i);
    char *b = matrix_at(s->in[0], 2, i);
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
    stack s = {.count = 0};
    if (!stack_of(&s, who, b, lu_solve_of_one))
        return false;
    s.in[1] = pivots;
    s.in[2] = lu;
    s.transposed = transposed;
    s.work_of_one = (double)s.rows * (double)s.rows * (double)s.columns;
    return run(&s, b, SINGULAR);
}

static int lu_inverse_of_one(const stack *s, int64_t i, char *work)
{
    int info = 0;
    CALL(s->dtype, getri, &s->rows, matrix_at(s->in[0], 2, i), &s->rows, pivots_at(s, i), work,
         &s->floats, &info);
    return info;
}

bool rv_lapack_lu_inverse(const char *who, rv_tensor *lu, const rv_tensor *pivots)
{
    stack s = {.count = 0};
    if (!stack_of(&s, who, lu, lu_inverse_of_one))
        return false;
    double answer = 0;
    int info;
    CALL(s.dtype, getri, &s.rows, NULL, &(int){s.rows > 0 ? s.rows : 1}, NULL, &answer, &(int){-1},
         &info);
    set_workspace(&s, answer_of(&s, &answer), 0);
    s.in[1] = pivots;
    return run(&s, lu, SINGULAR);
}

static double diagonal_of(const stack *s, const char *a, int64_t row)
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
    stack s = {.count = 0};
    if (!stack_of(&s, who, lu, NULL))
        return false;
    s.in[1] = pivots;
    for (int64_t i = 0; i < s.count; i++) {
        const char *a = matrix_at(lu, 2, i);
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

static int triangular_of_one(const stack *s, int64_t i, char *work)
{
    (void)work;
    const rv_tensor *a = s->in[1];
    const int64_t n = a->shape[a->ndim - 1];
    const int64_t row = a->strides[a->ndim - 2], column = a->strides[a->ndim - 1];
    const bool transposed = n > 1 && column != 1;
    const int64_t leading = n <= 1 ? 1 : transposed ? column : row;
    solve_triangular(s, s->system, matrix_at(a, 2, i), leading, transposed,
                     matrix_at(s->in[0], 2, i));
    return 0;
}

bool rv_lapack_triangular(const char *who, rv_triangular system, const rv_tensor *a, rv_tensor *b)
{
    stack s = {.count = 0};
    if (!stack_of(&s, who, b, triangular_of_one))
        return false;
    s.in[1] = a;
    s.system = system;
    s.work_of_one = (double)a->shape[a->ndim - 1] * (double)s.rows * (double)s.columns / 2;
    return run(&s, b, SINGULAR);
}

/* ---- eigh -------------------------------------------------------------------------------------
 */

static int eigh_of_one(const stack *s, int64_t i, char *work)
{
    char *a = matrix_at(s->in[0], 2, i);
    int info = 0;
    if (!is_finite(s, a, true))
        return NOT_FINITE;
    CALL(s->dtype, syevd, s->vectors ? "V" : "N", "U", &s->rows, a, &s->rows,
         matrix_at(s->in[1], 1, i), work, &s->floats, ints_of(s, work), &s->ints, &info, 1, 1);
    return info;
}

bool rv_lapack_eigh(const char *who, rv_tensor *a, rv_tensor *values, bool vectors)
{
    stack s = {.count = 0};
    if (!stack_of(&s, who, a, eigh_of_one))
        return false;
    double answer = 0;
    int info, ints = 0;
    CALL(s.dtype, syevd, vectors ? "V" : "N", "U", &s.rows, NULL, &(int){s.rows > 0 ? s.rows : 1},
         NULL, &answer, &(int){-1}, &ints, &(int){-1}, &info, 1, 1);
    set_workspace(&s, answer_of(&s, &answer), ints);
    s.in[1] = values;
    s.vectors = vectors;
    s.work_of_one *= 4;
    return run(&s, a, NO_CONVERGENCE);
}

/* ---- svd -------------------------------------------------------------------------------------- *
 *
 * a' = vh' diag(s) u': what LAPACK calls u, column by column, is vh, row by row. */

static int svd_of_one(const stack *s, int64_t i, char *work)
{
    char *a = matrix_at(s->in[0], 2, i);
    char *left = s->vectors ? matrix_at(s->in[3], 2, i) : NULL;
    char *right = s->vectors ? matrix_at(s->in[1], 2, i) : NULL;
    const int smaller = s->rows < s->columns ? s->rows : s->columns;
    int info = 0;
    if (!is_finite(s, a, false))
        return NOT_FINITE;
    CALL(s->dtype, gesdd, s->vectors ? "S" : "N", &s->columns, &s->rows, a, &s->columns,
         matrix_at(s->in[2], 1, i), left, &s->columns, right, &smaller, work, &s->floats,
         ints_of(s, work), &info, 1);
    return info;
}

bool rv_lapack_svd(const char *who, rv_tensor *a, rv_tensor *u, rv_tensor *singular, rv_tensor *vh)
{
    stack s = {.count = 0};
    if (!stack_of(&s, who, a, svd_of_one))
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
        set_workspace(&s, answer_of(&s, &answer), 8 * smaller);
    }
    return run(&s, a, NO_CONVERGENCE);
}

/* ---- qr --------------------------------------------------------------------------------------- *
 *
 * a' = L Q by LAPACK: then a = Q' L', and Q' and L' lie row-major where Q and L are. The factors of
 * the reflections stand behind the workspace. */

static void copy_rows(const stack *s, const char *from, int64_t from_columns, char *into,
                      int64_t into_columns, int64_t rows)
{
    const size_t size = rv_dtype_size(s->dtype);
    for (int64_t row = 0; row < rows; row++)
        memcpy(into + (size_t)(row * into_columns) * size,
               from + (size_t)(row * from_columns) * size, (size_t)into_columns * size);
}

static int qr_of_one(const stack *s, int64_t i, char *work)
{
    char *a = matrix_at(s->in[0], 2, i), *q = matrix_at(s->in[1], 2, i);
    char *r = matrix_at(s->in[2], 2, i);
    const int smaller = s->rows < s->columns ? s->rows : s->columns;
    const int floats = s->floats - smaller;
    char *scales = work + (size_t)floats * rv_dtype_size(s->dtype);
    int info = 0;
    if (!is_finite(s, a, false))
        return NOT_FINITE;
    CALL(s->dtype, gelqf, &s->columns, &s->rows, a, &s->columns, scales, work, &floats, &info);
    copy_rows(s, a, s->columns, r, s->columns, smaller);
    const stack of_r = {.dtype = s->dtype, .rows = smaller, .columns = s->columns};
    clear(&of_r, r, false);
    copy_rows(s, a, s->columns, q, smaller, s->rows);
    if (info == 0)
        CALL(s->dtype, orglq, &smaller, &s->rows, &smaller, q, &smaller, scales, work, &floats,
             &info);
    return info;
}

bool rv_lapack_qr(const char *who, rv_tensor *a, rv_tensor *q, rv_tensor *r)
{
    stack s = {.count = 0};
    if (!stack_of(&s, who, a, qr_of_one))
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
        set_workspace(&s, fmax(answer_of(&s, &first), answer_of(&s, &second)) + smaller, 0);
    }
    return run(&s, a, NO_CONVERGENCE);
}

#endif

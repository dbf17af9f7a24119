/* lapack_stack.c - cuts a stack of matrices into pieces for the threads, and says what went wrong.
 */
#include "core/lapack_stack.h"

#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/integers.h"
#include "core/memory.h"

#if RV_BLAS

/* Less than this many multiplications are not worth another thread. */
#define WORK_OF_PIECE 262144.0
/* More pieces than this are not made where each needs memory of its own. */
#define MOST_WORKSPACES 64
#define MOST_OF_AXIS ((int64_t)1 << 24)

char *rv_lapack_matrix_at(const rv_tensor *t, int inner, int64_t i)
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
    const lapack_stack *s = context;
    rv_blas_use_one_thread();
    const int64_t first = piece * s->matrices_of_piece;
    const int64_t end = rv_smaller(first + s->matrices_of_piece, s->count);
    for (int64_t i = first; i < end; i++)
        s->infos[i] = s->run(s, i, s->workspaces + (size_t)piece * s->bytes);
}

/* Runs all matrices; *bad is the first that has an info, *info that; -1 and 0 if there is none.
 * False only if memory is short. */
static bool run_stack(lapack_stack *s, int64_t *bad, int *info)
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

bool rv_lapack_run(lapack_stack *s, const rv_tensor *named, const char *problem)
{
    int64_t bad;
    int info;
    if (!run_stack(s, &bad, &info))
        return false;
    if (bad < 0)
        return true;
    matrix_name name;
    const char *matrix = name_of(&name, named, 2, bad);
    if (info == LAPACK_NOT_FINITE)
        return rv_fail(RV_ERROR_ARGUMENT, s->who, "%s has an element that is not finite", matrix);
    return rv_fail(RV_ERROR_MATRIX, s->who, "%s %s %d)", matrix, problem, info);
}

bool rv_lapack_stack_of(lapack_stack *s, const char *who, const rv_tensor *t,
                        lapack_one_matrix *of_one)
{
    const int64_t rows = t->shape[t->ndim - 2], columns = t->shape[t->ndim - 1];
    if (rv_smaller(rows, columns) > RV_LAPACK_MOST || rows > MOST_OF_AXIS || columns > MOST_OF_AXIS)
        return rv_fail(
            RV_ERROR_SHAPE, who,
            "a matrix of %s has more than %d rows and columns, which LAPACK cannot count",
            RV_SHAPE_OF(t), RV_LAPACK_MOST);
    *s = (lapack_stack){.who = who,
                        .run = of_one,
                        .dtype = t->dtype,
                        .count = 1,
                        .work_of_one =
                            (double)rows * (double)columns * (double)rv_smaller(rows, columns),
                        .rows = (int)rows,
                        .columns = (int)columns,
                        .in = {t}};
    for (int i = 0; i < t->ndim - 2; i++)
        s->count *= t->shape[i];
    return true;
}

void rv_lapack_set_workspace(lapack_stack *s, double floats, int ints)
{
    const double wanted = s->dtype == RV_F32 ? ceil(floats * (1 + 0x1p-23)) : floats;
    s->floats = wanted < 1 ? 1 : wanted > INT_MAX ? INT_MAX : (int)wanted;
    s->ints = ints;
    s->bytes = (size_t)s->floats * rv_dtype_size(s->dtype) + (size_t)ints * sizeof(int);
}

int *rv_lapack_ints_of(const lapack_stack *s, char *work)
{
    return (int *)(work + (size_t)s->floats * rv_dtype_size(s->dtype));
}

double rv_lapack_answer_of(const lapack_stack *s, const double *answer)
{
    return s->dtype == RV_F32 ? (double)*(const float *)answer : *answer;
}

bool rv_lapack_is_finite(const lapack_stack *s, const char *data, bool lower)
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

void rv_lapack_clear(const lapack_stack *s, char *data, bool above)
{
    const size_t size = rv_dtype_size(s->dtype);
    for (int64_t row = 0; row < s->rows; row++) {
        const int64_t first = above ? rv_smaller(row + 1, s->columns) : 0;
        const int64_t end = above ? s->columns : rv_smaller(row, s->columns);
        memset(data + (size_t)(row * s->columns + first) * size, 0, (size_t)(end - first) * size);
    }
}

#endif

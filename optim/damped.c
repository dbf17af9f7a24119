/* damped.c - damped linear least squares, by QR or by Cholesky. */
#include "optim/damped.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/gemm.h"
#include "core/integers.h"
#include "core/lapack.h"

void rv_damped_shape(rv_least_squares_solver solver, int64_t n, int which, int64_t *rows,
                     int64_t *columns)
{
    const bool is_qr = solver == RV_LEAST_SQUARES_QR;
    const int64_t side = is_qr ? n + 1 : n;
    *rows = which == RV_DAMPED_WORK ? n : side;
    *columns = which == RV_DAMPED_WORK ? 1 : side;
    if (which == RV_DAMPED_STACK) {
        *rows = is_qr ? n + 1 : 0;
        *columns = is_qr ? 2 * n : 0;
    }
}

/* ---- factoring ------------------------------------------------------------------------------- */

enum { BLOCK = 128 };

/* J'J, of which the products of blocks on and below the diagonal are computed. */
static void square(const rv_damped *d, const rv_minimizer *m)
{
    const int64_t n = d->n, rows = m->residual_count;
    double *into = (double *)d->base->data;
    for (int64_t first = 0; first < n; first += BLOCK) {
        const int64_t count = rv_smaller(BLOCK, n - first);
        const rv_gemm_task product = {
            .dtype = RV_F64,
            .m = count,
            .n = first + count,
            .k = rows,
            .a = {.data = (char *)(m->columns + first * rows), .row = rows, .column = 1},
            .b = {.data = (char *)m->columns, .row = 1, .column = rows},
            .c = {.data = (char *)(into + first * n), .row = n, .column = 1}};
        rv_gemm(&product);
    }
}

bool rv_damped_begin(const rv_damped *d, rv_minimizer *m)
{
    RV_SCOPE;
    if (d->solver == RV_LEAST_SQUARES_QR) {
        rv_tensor *columns = rv_minimizer_columns(m);
        return columns != NULL && rv_lapack_triangle(d->who, columns, d->base);
    }
    square(d, m);
    double *base = (double *)d->base->data;
    for (int64_t j = 0; j < d->n; j++)
        if (!isfinite(base[j * d->n + j]))
            return rv_fail(RV_ERROR_MATRIX, d->who,
                           "J'J is too large for F64; .solver = RV_LEAST_SQUARES_QR goes without");
    return true;
}

/* ---- solving --------------------------------------------------------------------------------- */

/* Solves L x = b, or L'x = b, in place. */
static bool substitute(const rv_damped *d, int64_t stride, bool transposed, double *b)
{
    RV_SCOPE;
    const int64_t n = d->n, shape[] = {n, n},
                  strides[] = {transposed ? 1 : stride, transposed ? stride : 1};
    rv_tensor *l =
        rv_raw_view(d->who, d->factor->storage, d->factor->data, RV_F64, 2, shape, strides);
    memcpy(d->work->data, b, (size_t)n * sizeof(double));
    if (l == NULL || !rv_lapack_triangular(
                         d->who, (rv_triangular){.left = true, .upper = transposed}, l, d->work))
        return false;
    memcpy(b, d->work->data, (size_t)n * sizeof(double));
    return true;
}

/* Whether no column depends on those before it, as far as the digits of the triangle go, which are
 * half as many by Cholesky: |L[j,j]| is its distance from their span, the length of row j its own.
 */
static bool is_regular(const rv_damped *d, int64_t stride)
{
    const double rounding = (double)d->n * DBL_EPSILON;
    const double least = d->solver == RV_LEAST_SQUARES_QR ? rounding : sqrt(rounding);
    for (int64_t j = 0; j < d->n; j++) {
        const double *row = (const double *)d->factor->data + j * stride;
        double largest = 0;
        for (int64_t i = 0; i <= j; i++)
            largest = fmax(largest, fabs(row[i]));
        if (!(fabs(row[j]) > least * largest) || !isfinite(largest))
            return false;
    }
    return true;
}

/* The triangle of [R, q; sqrt(mu) D, 0]: L', and behind it what p is found from. */
static bool factor_stack(const rv_damped *d, double mu, const double *scales)
{
    const int64_t n = d->n, wide = 2 * n;
    const double *base = (const double *)d->base->data;
    if (mu == 0) {
        memcpy(d->factor->data, base, (size_t)((n + 1) * (n + 1)) * sizeof(double));
        return true;
    }
    double *stack = (double *)d->stack->data;
    for (int64_t j = 0; j <= n; j++) {
        memcpy(stack + j * wide, base + j * (n + 1), (size_t)n * sizeof(double));
        memset(stack + j * wide + n, 0, (size_t)n * sizeof(double));
        if (j < n)
            stack[j * wide + n + j] = sqrt(mu) * scales[j];
    }
    return rv_lapack_triangle(d->who, d->stack, d->factor);
}

static bool factor_sum(const rv_damped *d, double mu, const double *scales, bool *is_positive)
{
    const int64_t n = d->n;
    double *factor = (double *)d->factor->data;
    memcpy(factor, d->base->data, (size_t)(n * n) * sizeof(double));
    for (int64_t j = 0; j < n; j++)
        factor[j * n + j] += mu * scales[j] * scales[j];
    return rv_lapack_cholesky_try(d->who, d->factor, is_positive);
}

bool rv_damped_solve(const rv_damped *d, rv_minimizer *m, double mu, const double *scales,
                     rv_damped_step *step)
{
    const int64_t n = d->n;
    const bool is_qr = d->solver == RV_LEAST_SQUARES_QR;
    const int64_t stride = is_qr ? n + 1 : n;
    double *p = m->direction;
    *step = (rv_damped_step){.is_found = true};
    if (!(is_qr ? factor_stack(d, mu, scales) : factor_sum(d, mu, scales, &step->is_found)))
        return false;
    step->is_found = step->is_found && is_regular(d, stride);
    if (!step->is_found)
        return true;
    if (is_qr)
        rv_vector_scale(n, -1, (const double *)d->factor->data + n * stride, p);
    else
        rv_vector_scale(n, -1, m->gradient, p);
    if ((!is_qr && !substitute(d, stride, false, p)) || !substitute(d, stride, true, p))
        return false;

    double *weighed = m->change; /* free until the step is taken */
    double sum = 0;
    for (int64_t j = 0; j < n; j++) {
        weighed[j] = scales[j] * scales[j] * p[j];
        sum += scales[j] * p[j] * (scales[j] * p[j]);
    }
    step->length = sqrt(sum);
    if (!substitute(d, stride, false, weighed))
        return false;
    step->fall = rv_vector_dot(n, weighed, weighed) / sum;
    step->is_found =
        isfinite(step->length) && isfinite(step->fall) && isfinite(rv_vector_largest(n, p));
    return true;
}

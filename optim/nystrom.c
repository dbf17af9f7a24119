/* nystrom.c - the randomized Nystrom approximation of a Hessian, and its inverse as a
 * preconditioner: Frangella, Tropp, Udell, "Randomized Nystrom preconditioning", algorithm 2.1.
 */
#include "optim/nystrom.h"

#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "autograd/operations.h"

static const char *const who = "optim_newton_cg";

/* ---- random directions ----------------------------------------------------------------------- */

enum { SIGNS_OF_BLOCK = 128 };

int64_t rv_nystrom_blocks(int64_t n, int64_t rank)
{
    return rank * ((n + SIGNS_OF_BLOCK - 1) / SIGNS_OF_BLOCK);
}

/* 1 and -1, equally likely, [rank,n]: as good as normals here, and the same on any machine. */
static rv_tensor *draw_signs(rv_random_place place, int64_t n, int64_t rank)
{
    rv_tensor *signs = rv_empty(RV_F64, rank, n);
    uint32_t bits[4] = {0};
    uint64_t block = 0;
    for (int64_t row = 0; signs != NULL && row < rank; row++) {
        double *to = (double *)signs->data + row * n;
        for (int64_t i = 0; i < n; i++) {
            const int64_t k = i % SIGNS_OF_BLOCK;
            if (k == 0)
                rv_philox(place, block++, bits);
            to[i] = (bits[k / 32] >> (k % 32)) & 1 ? 1 : -1;
        }
    }
    return signs;
}

/* Eigenvalues below so many epsilons of the largest are rounding, and so is what the gradient shows
 * of them: P^-1 is not to make that the larger part. */
static const double LEAST_SHARE = 4096;

/* ---- the sketch ------------------------------------------------------------------------------ */

static bool is_finite(const rv_tensor *t)
{
    return t != NULL && isfinite(rv_vector_largest(t->numel, (const double *)t->data));
}

/* Rows H q for the rows q. */
static rv_tensor *multiply(rv_minimizer *m, const rv_tensor *q)
{
    rv_tensor *y = rv_empty_n(RV_F64, 2, q->shape);
    for (int64_t i = 0; y != NULL && i < q->shape[0]; i++)
        if (!rv_minimizer_hessian_product(m, (const double *)q->data + i * m->n,
                                          (double *)y->data + i * m->n))
            return NULL;
    return y;
}

/* B' with B B' = (Y + shift Q) (Q'Y + shift I)^-1 (Y + shift Q)', from rows; *shift is at least the
 * rounding of Y, and makes the matrix in the middle positive definite. */
static rv_tensor *find_root(rv_tensor *q, rv_tensor *y, double epsilon, double *shift)
{
    const double norm = sqrt(rv_vector_dot(y->numel, (double *)y->data, (double *)y->data));
    rv_tensor *middle = rv_matmul(q, rv_transpose(y, 0, 1));
    middle = rv_mul_scalar(rv_add(middle, rv_transpose(middle, 0, 1)), 0.5);
    const rv_eigh_result e = rv_eigh(middle);
    if (e.values == NULL)
        return NULL;
    double *values = (double *)e.values->data;
    const int64_t rank = e.values->numel;
    const double rounding = sqrt((double)q->shape[1]) * epsilon * norm;
    *shift = fmax(rounding, rounding - 1.5 * values[0]); /* the smallest comes first */
    for (int64_t i = 0; i < rank; i++)
        values[i] = 1 / sqrt(fmax(values[i] + *shift, rounding * 0.5));
    rv_tensor *shifted = rv_add(y, rv_mul_scalar(q, *shift));
    rv_tensor *rows = rv_matmul(rv_transpose(e.vectors, 0, 1), shifted);
    return rv_mul(rows, rv_reshape(e.values, rank, 1));
}

static bool sketch(rv_minimizer *m, rv_random_place place, int64_t rank, double *basis,
                   double *values)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_tensor *signs = draw_signs(place, m->n, rank);
    const rv_qr_result qr = rv_qr(rv_transpose(signs, 0, 1));
    rv_tensor *q = rv_contiguous(rv_transpose(qr.q, 0, 1));
    rv_tensor *y = q != NULL ? multiply(m, q) : NULL;
    if (y == NULL)
        return false;
    if (!is_finite(y) || rv_vector_largest(y->numel, (double *)y->data) == 0)
        return true;
    const double scale =
        rv_vector_unit(y->numel, (double *)y->data); /* so that squares are numbers */
    const double epsilon = rv_minimizer_epsilon(m);
    double shift = 0;
    rv_vector_scale(y->numel, scale, (double *)y->data, (double *)y->data);
    rv_tensor *root = find_root(q, y, epsilon, &shift);
    if (root != NULL && !is_finite(root))
        return true;
    const rv_svd_result svd = rv_svd(root); /* of B': its right vectors are B's left ones */
    rv_tensor *vh = rv_contiguous(svd.vh);
    if (vh == NULL)
        return false;
    const double *s = (const double *)svd.s->data;
    const double floor = LEAST_SHARE * epsilon * fmax(0, s[0] * s[0] - shift);
    memcpy(basis, vh->data, (size_t)(rank * m->n) * sizeof(double));
    for (int64_t i = 0; i < rank; i++)
        values[i] = fmax(floor, s[i] * s[i] - shift) / scale;
    return true;
}

bool rv_nystrom_sketch(rv_minimizer *m, rv_random_place place, int64_t rank, double *basis,
                       double *values)
{
    memset(values, 0, (size_t)rank * sizeof(double));
    if (sketch(m, place, rank, basis, values))
        return true;
    return rv_error_status() == RV_OK && !rv_minimizer_is_over(m) &&
           rv_fail(RV_ERROR_MATRIX, who, "the preconditioner of rank %lld was not found",
                   (long long)rank);
}

/* ---- solving --------------------------------------------------------------------------------- */

void rv_nystrom_solve(int64_t n, int64_t rank, const double *basis, const double *values,
                      double damping, const double *x, double *y)
{
    memcpy(y, x, (size_t)n * sizeof *y);
    if (rank == 0 || !(values[0] > 0))
        return;
    const double least = values[rank - 1] + damping;
    for (int64_t i = 0; i < rank; i++) {
        const double share = least / (values[i] + damping) - 1;
        rv_vector_add(n, share * rv_vector_dot(n, basis + i * n, x), basis + i * n, y);
    }
}

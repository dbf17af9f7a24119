/* samples_lapack.h - functions that samples_lapack.inc is written with.
 *
 * Operations that read one triangle are given symmetric matrices that depend on all elements of an
 * input. Of results that LAPACK is free to choose (the sign of a vector), what does not depend on
 * the choice is taken. tests/golden/lapack.py has the same for PyTorch.
 */
#ifndef TESTS_SAMPLES_LAPACK_H
#define TESTS_SAMPLES_LAPACK_H

#include "ravine.h"

static inline rv_tensor *lapack_turned(rv_tensor *x)
{
    return rv_transpose(x, -1, -2);
}

/* x + x', and x x', which is positive definite for an x that has more columns than rows. */
static inline rv_tensor *lapack_symmetric(rv_tensor *x)
{
    return rv_add(x, lapack_turned(x));
}
static inline rv_tensor *lapack_definite(rv_tensor *x)
{
    return rv_matmul(x, lapack_turned(x));
}

/* The identity, in a batch of one: for bad calls whose first matrix is good. */
static inline rv_tensor *lapack_identity(void)
{
    static const double one[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    return rv_from_array(one, RV_F64, 1, 3, 3);
}

/* [..,k] as columns [..,k,1] or rows [..,1,k]. */
static inline rv_tensor *lapack_column(rv_tensor *x)
{
    const rv_tensor *t = x;
    int64_t shape[RV_MAX_DIMENSIONS] = {0};
    for (int i = 0; t != NULL && i < t->ndim; i++)
        shape[i] = t->shape[i];
    if (t == NULL)
        return NULL;
    shape[t->ndim] = 1;
    return rv_reshape_n(x, t->ndim + 1, shape);
}
static inline rv_tensor *lapack_row(rv_tensor *x)
{
    return lapack_turned(lapack_column(x));
}

/* v e^values v', a function of all that eigh gives. */
static inline rv_tensor *lapack_exponential(rv_tensor *x)
{
    const rv_eigh_result f = rv_eigh(lapack_symmetric(x));
    return rv_matmul(rv_mul(f.vectors, lapack_row(rv_exp(f.values))), lapack_turned(f.vectors));
}

/* The projection onto the first eigenvector: of vectors alone. */
static inline rv_tensor *lapack_projection(rv_tensor *x)
{
    rv_tensor *v = rv_slice(rv_eigh(lapack_symmetric(x)).vectors, .axis = -1, .stop = 1);
    return rv_matmul(v, lapack_turned(v));
}

/* u tanh(s) vh, u vh and u u' (of one column, which has less than full rank). */
static inline rv_tensor *lapack_squashed(rv_tensor *x)
{
    const rv_svd_result f = rv_svd(x);
    return rv_matmul(rv_mul(f.u, lapack_row(rv_tanh(f.s))), f.vh);
}
static inline rv_tensor *lapack_polar(rv_tensor *x)
{
    const rv_svd_result f = rv_svd(x);
    return rv_matmul(f.u, f.vh);
}
static inline rv_tensor *lapack_left(rv_tensor *x)
{
    rv_tensor *u = rv_slice(rv_svd(x).u, .axis = -1, .stop = 1);
    return rv_matmul(u, lapack_turned(u));
}
static inline rv_tensor *lapack_right(rv_tensor *x)
{
    rv_tensor *vh = rv_slice(rv_svd(x).vh, .axis = -2, .stop = 1);
    return rv_matmul(lapack_turned(vh), vh);
}

/* The signs (-1 or 1, with a derivative of 0) that make the diagonal of r positive, for m <= 3. */
static inline rv_tensor *lapack_signs(rv_tensor *r, int64_t k)
{
    rv_tensor *row[3] = {NULL};
    for (int64_t i = 0; i < k; i++)
        row[i] = rv_slice(rv_slice(r, .axis = -1, .start = i, .stop = i + 1), .axis = -2,
                          .start = i, .stop = i + 1);
    rv_tensor *diagonal = rv_cat(row, (int)k, -2);
    return rv_div(diagonal, rv_sqrt(rv_mul(diagonal, diagonal)));
}
static inline rv_tensor *lapack_q(rv_tensor *x, int64_t k)
{
    const rv_qr_result f = rv_qr(x);
    return rv_mul(f.q, lapack_turned(lapack_signs(f.r, k)));
}
static inline rv_tensor *lapack_r(rv_tensor *x, int64_t k)
{
    const rv_qr_result f = rv_qr(x);
    return rv_mul(f.r, lapack_signs(f.r, k));
}
/* A function of both: q + r of a square matrix, their signs taken out. */
static inline rv_tensor *lapack_q_and_r(rv_tensor *x, int64_t k)
{
    const rv_qr_result f = rv_qr(x);
    rv_tensor *signs = lapack_signs(f.r, k);
    return rv_add(rv_mul(f.q, lapack_turned(signs)), rv_mul(f.r, signs));
}

#endif

/* lapack_none.c - in place of lapack.c where there is no LAPACK (-DRV_BLAS=OFF): errors that say
 * so. */
#include "core/lapack.h"

#if !RV_BLAS

static bool has_none(const char *who)
{
    return rv_fail(RV_ERROR_BUILD, who, "this build has no LAPACK (RV_BLAS=OFF)");
}

bool rv_lapack_cholesky(const char *who, rv_tensor *a)
{
    (void)a;
    return has_none(who);
}

bool rv_lapack_lu(const char *who, rv_tensor *a, rv_tensor *pivots, bool singular_too)
{
    (void)a, (void)pivots, (void)singular_too;
    return has_none(who);
}

bool rv_lapack_lu_solve(const char *who, bool transposed, const rv_tensor *lu,
                        const rv_tensor *pivots, rv_tensor *b)
{
    (void)transposed, (void)lu, (void)pivots, (void)b;
    return has_none(who);
}

bool rv_lapack_lu_inverse(const char *who, rv_tensor *lu, const rv_tensor *pivots)
{
    (void)lu, (void)pivots;
    return has_none(who);
}

bool rv_lapack_lu_determinant(const char *who, const rv_tensor *lu, const rv_tensor *pivots,
                              rv_tensor *determinant, rv_tensor *sign, rv_tensor *logarithm)
{
    (void)lu, (void)pivots, (void)determinant, (void)sign, (void)logarithm;
    return has_none(who);
}

bool rv_lapack_triangular(const char *who, rv_triangular system, const rv_tensor *a, rv_tensor *b)
{
    (void)system, (void)a, (void)b;
    return has_none(who);
}

bool rv_lapack_eigh(const char *who, rv_tensor *a, rv_tensor *values, bool vectors)
{
    (void)a, (void)values, (void)vectors;
    return has_none(who);
}

bool rv_lapack_svd(const char *who, rv_tensor *a, rv_tensor *u, rv_tensor *s, rv_tensor *vh)
{
    (void)a, (void)u, (void)s, (void)vh;
    return has_none(who);
}

bool rv_lapack_qr(const char *who, rv_tensor *a, rv_tensor *q, rv_tensor *r)
{
    (void)a, (void)q, (void)r;
    return has_none(who);
}

bool rv_lapack_triangle(const char *who, rv_tensor *columns, rv_tensor *r)
{
    (void)columns, (void)r;
    return has_none(who);
}

bool rv_lapack_triangle_condition(const char *who, const rv_tensor *l, double *reciprocal)
{
    (void)l, (void)reciprocal;
    return has_none(who);
}

bool rv_lapack_cholesky_try(const char *who, rv_tensor *a, bool *is_positive)
{
    (void)a, (void)is_positive;
    return has_none(who);
}

#endif

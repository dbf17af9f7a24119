/* factor.c - factors of small matrices, in batches of which a call of LAPACK costs more than its
 * work. They lie where LAPACK's do (see core/lapack.h), and all inner loops run along rows.
 */
#include <math.h>

#include "core/kernels/isa.h"

/* Exchanges columns i and j of row-major a [n,n]. */
#define EXCHANGE(T, n, a, i, j)                        \
    for (int64_t row_ = 0; row_ < (n); row_++) {       \
        const T kept_ = (a)[row_ * (n) + (i)];         \
        (a)[row_ * (n) + (i)] = (a)[row_ * (n) + (j)]; \
        (a)[row_ * (n) + (j)] = kept_;                 \
    }

/* a' = P L U by rows of a: each row is scaled by its largest element that is left (Golub and Van
 * Loan 2013, algorithm 3.4.1), and subtracted from those below. */
#define LU(dtype, T, absolute)                                               \
    int RV_KERNEL(lu_##dtype)(int64_t n, void *matrix, int *pivots)          \
    {                                                                        \
        T *const a = matrix;                                                 \
        int zero = 0;                                                        \
        for (int64_t j = 0; j < n; j++) {                                    \
            T *const row = a + j * n;                                        \
            int64_t pivot = j;                                               \
            for (int64_t i = j + 1; i < n; i++)                              \
                pivot = absolute(row[i]) > absolute(row[pivot]) ? i : pivot; \
            pivots[j] = (int)pivot + 1;                                      \
            if (row[pivot] == 0) {                                           \
                zero = zero == 0 ? (int)j + 1 : zero;                        \
                continue;                                                    \
            }                                                                \
            if (pivot != j)                                                  \
                EXCHANGE(T, n, a, j, pivot)                                  \
            for (int64_t i = j + 1; i < n; i++)                              \
                row[i] /= row[j];                                            \
            for (int64_t k = j + 1; k < n; k++) {                            \
                T *const below = a + k * n;                                  \
                const T factor = below[j];                                   \
                for (int64_t i = j + 1; i < n; i++)                          \
                    below[i] -= factor * row[i];                             \
            }                                                                \
        }                                                                    \
        return zero;                                                         \
    }

LU(F32, float, fabsf)
LU(F64, double, fabs)

/* a = l l' by columns: each is scaled, and its products subtracted from the columns after it. */
#define CHOLESKY(dtype, T, root)                             \
    int RV_KERNEL(cholesky_##dtype)(int64_t n, void *matrix) \
    {                                                        \
        T *const a = matrix;                                 \
        T column[RV_SMALL_MATRIX];                           \
        for (int64_t j = 0; j < n; j++) {                    \
            if (!(a[j * n + j] > 0))                         \
                return (int)j + 1;                           \
            const T diagonal = root(a[j * n + j]);           \
            a[j * n + j] = diagonal;                         \
            for (int64_t i = j + 1; i < n; i++) {            \
                column[i] = a[i * n + j] / diagonal;         \
                a[i * n + j] = column[i];                    \
                for (int64_t k = j + 1; k <= i; k++)         \
                    a[i * n + k] -= column[i] * column[k];   \
            }                                                \
        }                                                    \
        return 0;                                            \
    }

CHOLESKY(F32, float, sqrtf)
CHOLESKY(F64, double, sqrt)

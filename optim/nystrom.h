/* nystrom.h - a preconditioner for conjugate gradients, from a few products with the matrix.
 * Private to optim/.
 *
 * Of a Hessian H, whose spectrum falls fast, Y = H Q for an orthonormal random Q [n,rank] shows the
 * largest eigenvalues: H is nearly Y (Q'Y)^-1 Y' = U diag(values) U', the randomized Nystrom
 * approximation (Halko, Martinsson and Tropp 2011). With it
 *
 *     P = U diag((values + damping)/(least + damping)) U' + (I - U U')
 *
 * where least is the smallest of the values: P^-1 (H + damping I) has eigenvalues that lie close
 * together (Frangella, Tropp and Udell 2023, SIAM J. Matrix Anal. Appl. 44, 718).
 */
#ifndef RV_OPTIM_NYSTROM_H
#define RV_OPTIM_NYSTROM_H

#include "core/random.h"
#include "optim/minimizer.h"

/* How many blocks of random numbers (rv_philox) a sketch draws. */
int64_t rv_nystrom_blocks(int64_t n, int64_t rank);

/* Sketches the Hessian at x by `rank` products: U' into basis [rank,n], values [rank] descending,
 * >= 0. Where H is not positive semidefinite, its Q'HQ is shifted until it is, and values are what
 * is left of them; none is below what rounding leaves of the largest. All values are 0, and P is I,
 * if H has nothing finite or positive to show. False if nothing more can be evaluated, or with an
 * error. */
bool rv_nystrom_sketch(rv_minimizer *m, rv_random_place place, int64_t rank, double *basis,
                       double *values);

/* y = P^-1 x; not in place. rank 0: y = x. */
void rv_nystrom_solve(int64_t n, int64_t rank, const double *basis, const double *values,
                      double damping, const double *x, double *y);

#endif

/* damped.h - min |J p + r|^2 + mu |D p|^2 for any mu, after J was factored once. Private to optim/.
 *
 * With QR, the columns of J and r become one triangle with as many rows as columns; for a damping
 * mu, sqrt(mu) D is put below it, and what is found is the triangle of both. With Cholesky it is
 * J'J, and J'J + mu D^2, with half the digits. Either way the triangle L of J'J + mu D^2 = L L'
 * gives p, and how |D p| changes with mu.
 */
#ifndef RV_OPTIM_DAMPED_H
#define RV_OPTIM_DAMPED_H

#include "optim/minimize_methods.h"
#include "optim/minimizer.h"

/* The matrices, tensors of the sizes that rv_damped_shape gives. */
typedef struct rv_damped {
    const char *who;
    rv_least_squares_solver solver;
    int64_t n;
    rv_tensor *base;   /* what J has become; each row a column */
    rv_tensor *stack;  /* QR: workspace */
    rv_tensor *factor; /* L, for the last mu */
    rv_tensor *work;   /* [n,1] */
} rv_damped;

enum { RV_DAMPED_BASE, RV_DAMPED_STACK, RV_DAMPED_FACTOR, RV_DAMPED_WORK };
void rv_damped_shape(rv_least_squares_solver solver, int64_t n, int which, int64_t *rows,
                     int64_t *columns);

/* Factors m->columns, which are used up. False with an error. */
bool rv_damped_begin(const rv_damped *d, rv_minimizer *m);

/* A solution. */
typedef struct rv_damped_step {
    bool is_found; /* false: the system is singular, as far as its digits go */
    double length; /* |D p| */
    double fall;   /* |L^-1 D^2 p|^2 / |D p|^2: |D p| falls by fall*|D p| for each unit of mu */
} rv_damped_step;

/* m->direction = p. False with an error. */
bool rv_damped_solve(const rv_damped *d, rv_minimizer *m, double mu, const double *scales,
                     rv_damped_step *step);

#endif

/* least_squares_methods.h - the methods for sums of squares by number, and a linear problem, for
 * the suites that run them all.
 */
#ifndef TESTS_LEAST_SQUARES_METHODS_H
#define TESTS_LEAST_SQUARES_METHODS_H

#include <ravine.h>

/* The first two are solvers of Levenberg and Marquardt's method. */
enum { QR, CHOLESKY, GAUSS_NEWTON, METHODS };

/* LEAST_SQUARES(method, RV_TENSORS(x), .max_iter = 20): an optimizer. */
#define LEAST_SQUARES(method, parameters, ...)                                           \
    ((method) == GAUSS_NEWTON                                                            \
         ? rv_optim_gauss_newton(parameters, __VA_ARGS__)                                \
         : rv_optim_levenberg_marquardt(                                                 \
               parameters, .solver = (rv_least_squares_solver)((method) % GAUSS_NEWTON), \
               __VA_ARGS__))

static inline rv_optim *make_method(int method, rv_tensor *x)
{
    enum { LIMIT = 5000 };
    return LEAST_SQUARES(method, RV_TENSORS(x), .max_iter = LIMIT, .max_eval = LIMIT);
}

typedef struct linear {
    rv_tensor *a, *b, *x;
} linear;

static inline rv_tensor *linear_residuals(void *context)
{
    const linear *l = context;
    return rv_sub(rv_matmul(l->a, l->x), l->b);
}

#endif

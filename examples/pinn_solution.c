/* pinn_solution.c - the exact solution of Burgers' equation, by Cole and Hopf's formula.
 *
 * u = -2 nu phi_x/phi turns it into the heat equation for phi, whose solution is an integral:
 *
 *     u(t,x) = - Int sin(pi y) f(y) e(z) dz / Int f(y) e(z) dz,  y = x - z,
 *     f(y) = exp(-cos(pi y)/(2 pi nu)),  e(z) = exp(-z^2/(4 nu t))
 *
 * With z = 2 sqrt(nu t) s both are integrals of exp(-s^2) times a smooth function (Basdevant et al.
 * 1986). f varies by a factor of e^100, so nodes far out count, and their weights must have all
 * their digits, though they are 1e-34: eigenvectors of the Jacobi matrix would give them to 1e-16
 * of the largest.
 */
#include "pinn.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

enum { NODES = 200, MOST_NODES = 300 };

/* ---- Gauss and Hermite's quadrature ---------------------------------------------------------- */

/* Golub and Welsch (1969): the nodes are the eigenvalues of the Jacobi matrix, whose entries
 * beside the diagonal are sqrt(k/2). */
static rv_tensor *nodes_of(int64_t n)
{
    rv_tensor *matrix = rv_zeros(RV_F64, n, n);
    double *at = matrix != NULL ? rv_data(matrix) : NULL;
    for (int64_t k = 1; at != NULL && k < n; k++)
        at[k * n + k - 1] = at[(k - 1) * n + k] = sqrt((double)k / 2);
    return rv_eigh(matrix).values;
}

/* The polynomials of Hermite that are orthonormal for exp(-x^2), by p[k+1] = (x p[k] - sqrt(k/2)
 * p[k-1])/sqrt((k+1)/2): p[n] at x, its slope sqrt(2 n) p[n-1], and the sum of squares of those
 * before. */
static void polynomials(int64_t n, double x, double *value, double *slope, double *sum)
{
    double before = 0, now = 1 / sqrt(sqrt(pi));
    *sum = 0;
    for (int64_t k = 0; k < n; k++) {
        *sum += now * now;
        const double next = (x * now - sqrt((double)k / 2) * before) / sqrt((double)(k + 1) / 2);
        before = now;
        now = next;
    }
    *value = now;
    *slope = sqrt(2 * (double)n) * before;
}

pinn_quadrature pinn_gauss_hermite(int64_t n)
{
    if (n < 2 || n > MOST_NODES)
        return (pinn_quadrature){0};
    const pinn_quadrature q = {.nodes = nodes_of(n), .weights = rv_empty(RV_F64, n)};
    if (q.nodes == NULL || q.weights == NULL)
        return (pinn_quadrature){0};
    double *x = rv_data(q.nodes), *weight = rv_data(q.weights);
    for (int64_t i = 0; i < n; i++) {
        double value, slope, sum;
        polynomials(n, x[i], &value, &slope, &sum);
        x[i] -= value / slope; /* Newton: to the last digit */
        polynomials(n, x[i], &value, &slope, &sum);
        weight[i] = 1 / sum; /* Christoffel's */
    }
    return q;
}

/* ---- the solution ---------------------------------------------------------------------------- */

/* exp(log_f) is divided by its largest, which both integrals share. */
static double exact_at(double t, double x, const double *node, const double *weight)
{
    double log_f[NODES], sine[NODES], largest = -INFINITY;
    for (int i = 0; i < NODES; i++) {
        const double y = x - 2 * sqrt(pinn_nu * t) * node[i];
        log_f[i] = -cos(pi * y) / (2 * pi * pinn_nu);
        sine[i] = sin(pi * y);
        largest = fmax(largest, log_f[i]);
    }
    double above = 0, below = 0;
    for (int i = 0; i < NODES; i++) {
        const double f = weight[i] * exp(log_f[i] - largest);
        above += f * sine[i];
        below += f;
    }
    return -above / below;
}

rv_tensor *pinn_exact(rv_tensor *t, rv_tensor *x)
{
    RV_SCOPE;
    const pinn_quadrature q = pinn_gauss_hermite(NODES);
    t = rv_contiguous(t);
    x = rv_contiguous(x);
    if (q.nodes == NULL || t == NULL || x == NULL)
        return NULL;
    rv_tensor *u = rv_empty(RV_F64, t->numel);
    const double *ts = rv_data(t), *xs = rv_data(x);
    double *us = u != NULL ? rv_data(u) : NULL;
    for (int64_t i = 0; us != NULL && i < t->numel; i++)
        us[i] = exact_at(ts[i], xs[i], rv_data(q.nodes), rv_data(q.weights));
    return rv_keep(u);
}

pinn_places pinn_grid(void)
{
    rv_tensor *row = rv_arange(RV_F64, 0, PINN_ROWS, 1);
    rv_tensor *column = rv_arange(RV_F64, 0, PINN_COLUMNS, 1);
    row = rv_add_scalar(rv_mul_scalar(row, 0.99 / (PINN_ROWS - 1)), 0.01);
    column = rv_sub_scalar(rv_mul_scalar(column, 2.0 / (PINN_COLUMNS - 1)), 1);
    rv_tensor *t = rv_expand(rv_reshape(row, PINN_ROWS, 1), PINN_ROWS, PINN_COLUMNS);
    rv_tensor *x = rv_expand(column, PINN_ROWS, PINN_COLUMNS);
    return (pinn_places){.t = rv_reshape(t, -1, 1), .x = rv_reshape(x, -1, 1)};
}

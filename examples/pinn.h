/* pinn.h - what the parts of the pinn example share.
 *
 * Burgers' equation, u_t + u u_x = nu u_xx on x in [-1,1], t in [0,1], nu = 0.01/pi, from u(0,x) =
 * -sin(pi x), with u = 0 at both ends: a wave that steepens to a front 0.01 wide. The network N has
 * weights and nothing else to do with the equation; what is trained is
 *
 *     u(t,x) = -sin(pi x) + t N(t, cos(pi x), sin(pi x))
 *
 * which has the initial condition and the boundary values whatever N is, so that the loss is the
 * mean square of the residual u_t + u u_x - nu u_xx alone (Raissi, Perdikaris and Karniadakis 2019;
 * this setting: Urban, Stefanou and Pons 2025, J. Comput. Phys. 523, 113656).
 *
 * All is F64. A jet of a quantity is its value and derivatives, in this order: [JET, ..].
 */
#ifndef EXAMPLES_PINN_H
#define EXAMPLES_PINN_H

#include <stdbool.h>
#include <stdint.h>

#include <ravine.h>

/* ---- pinn_options.c: the command line -------------------------------------------------------- */

typedef struct pinn_options {
    const char *method, *derivatives;
    int64_t adam, iterations, points, redraw, layers, width, history, every, seed, threads;
    double lr;
    const char *save, *load, *csv, *plot, *compare;
    bool time;
} pinn_options;

/* What the command line says; ends the process with status 64 if something is wrong with it. */
pinn_options pinn_options_read(int argc, char **argv);

/* ---- pinn_jet.c: derivatives that are carried forward ---------------------------------------- */

enum { VALUE, BY_T, BY_X, BY_XX, JET };

/* tanh(z + bias) of jets: z [JET,n,w], bias [w], or [n,w] for one of each point -> [JET,n,w]. An
 * operation of its own: one pass over its numbers, where single operations would make nine. It can
 * be differentiated again and again. NULL with an error. */
rv_tensor *pinn_tanh(rv_tensor *z, rv_tensor *bias);

/* ---- pinn_network.c: the network, and what it leaves of the equation ------------------------- */

extern const double pinn_nu;

/* Points (t,x), and what of u does not depend on the network. The innermost scope owns all. */
typedef struct pinn_points {
    rv_tensor *t, *x;    /* [n,1] */
    rv_tensor *features; /* [JET,n,3]: jets of t, cos(pi x), sin(pi x) */
    rv_tensor *fixed;    /* [JET,n,1]: jets of -sin(pi x) */
} pinn_points;

/* Of t and x, [n,1] each. All fields are NULL, with an error, if that fails. */
pinn_points pinn_points_of(rv_tensor *t, rv_tensor *x);

/* Many points, cut into parts: the numbers of a part stay in the cache from forward to backward,
 * and each thread has a part to itself. */
typedef struct pinn_places {
    rv_tensor *t, *x; /* [n,1] */
} pinn_places;
typedef struct pinn_parts {
    int64_t count, points;
    pinn_points items[]; /* [count], held */
} pinn_parts;
/* Parts of `size` points, the last perhaps smaller. NULL if there is no memory; an error of the
 * library is recorded as ever. pinn_parts_free takes it back; NULL is no error. */
pinn_parts *pinn_parts_make(const pinn_places *places, int64_t size);
void pinn_parts_free(pinn_parts *parts);

enum { PINN_MOST_LAYERS = 16, PINN_MOST_PARAMETERS = 2 * (PINN_MOST_LAYERS + 1) };

/* `layers` hidden layers, at most so many, of `width` tanh: weights uniform as Glorot and Bengio
 * (2010) have it, biases 0. */
rv_layer *pinn_network(int64_t layers, int64_t width);

/* u at some points, [n]. */
rv_tensor *pinn_u(rv_layer *net, const pinn_points *points);

/* The residuals there, [n]: with derivatives carried forward as jets. The parameters are weight and
 * bias of each layer, [out,in] and [out], or one of each point, [n,out,in] and [n,out]. */
rv_tensor *pinn_residual(rv_tensors parameters, const pinn_points *points);

/* The same as one reads it in a book: derivatives of u by backward, and of u_x once more. */
rv_tensor *pinn_residual_by_gradients(rv_layer *net, const pinn_points *points);

/* ---- pinn_points.c: where the equation is asked for ------------------------------------------ */

/* Uniform in [0,1] and [-1,1]: [n,1] each. */
pinn_places pinn_draw(int64_t n);

/* n of the places, each at most once, and those of large weights (>= 0, [m], not recorded) sooner:
 * one after the other, each with a probability proportional to its weight among what is left. */
pinn_places pinn_choose(const pinn_places *places, rv_tensor *weights, int64_t n);

/* ---- pinn_solution.c: the exact solution ----------------------------------------------------- */

/* Nodes and weights of the integral of exp(-z^2) f(z) over all z: exact for f of degree 2 n - 1.
 * [n] each, F64; 2 <= n <= 300, beyond which the weights leave the range of F64. */
typedef struct pinn_quadrature {
    rv_tensor *nodes, *weights;
} pinn_quadrature;
pinn_quadrature pinn_gauss_hermite(int64_t n);

/* u at t and x ([n], t > 0), [n]: by Cole and Hopf's formula. */
rv_tensor *pinn_exact(rv_tensor *t, rv_tensor *x);

/* A grid of COLUMNS x from -1 to 1 by ROWS t from 0.01 to 1: [ROWS*COLUMNS,1] each. */
enum { PINN_COLUMNS = 256, PINN_ROWS = 100 };
pinn_places pinn_grid(void);

/* ---- pinn_draw.c: pictures ------------------------------------------------------------------- */

/* The first line of what --csv writes. */
#define PINN_CSV_HEAD "method,seed,step,evaluations,loss,error,seconds\n"

/* Draws the solution u [ROWS*COLUMNS] and its error into options->plot; and, beside them, the error
 * against evaluations of each run whose --csv file is given, the run's own before those to compare
 * with. See gnuplot_draw. */
bool pinn_draw_picture(const pinn_options *options, rv_tensor *u, rv_tensor *exact);

#endif

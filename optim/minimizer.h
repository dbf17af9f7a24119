/* minimizer.h - how a method that evaluates the loss again is written.
 *
 * A method is an rv_optim_class (optim_class.h) whose `minimizer` says what is kept and how an
 * iteration is made. It sees parameters as one vector x of n numbers, in F64. Steepest descent with
 * a line search, all of it:
 *
 *     static bool descend(rv_minimizer *m)
 *     {
 *         for (int64_t i = 0; i < m->n; i++)
 *             m->direction[i] = -m->gradient[i];
 *         return rv_minimizer_search(m, .step = 1);
 *     }
 *     static const rv_minimizer_class descent = {.iterate = descend};
 *     static const rv_optim_class descent_class = {
 *         .name = "descent", .options_size = sizeof(my_options), .minimizer = &descent};
 *
 * The options begin with RV_MINIMIZE_COMMON (minimize.h). The library counts, tests for the end,
 * calls the callback, keeps the best point, saves and loads.
 */
#ifndef RV_OPTIM_MINIMIZER_H
#define RV_OPTIM_MINIMIZER_H

#include "optim/line_search.h"
#include "optim/minimize.h"
#include "optim/optim_class.h"

RV_BEGIN_C

#define RV_MINIMIZER_MOST_VECTORS 8

/* A method's view of what it minimizes. Arrays are of n numbers. */
typedef struct rv_minimizer {
    int64_t n;
    const void *options;
    double loss;                                /* at x; to be read, as the next three */
    double *x;                                  /* where the parameters are */
    double *gradient;                           /* there */
    double *step;                               /* what the last search added to x, */
    double *change;                             /* and how the gradient changed by it */
    double *direction;                          /* for the method to write */
    double *vectors[RV_MINIMIZER_MOST_VECTORS]; /* the method's own, zeros at first; saved */
    double *numbers;                            /* likewise */
    int64_t residual_count;                     /* for sums of squares: m, */
    const double *residuals;                    /* [m] r at x, */
    double *columns; /* [n + 1, m] J' there, and r in the last row: the columns of J and r. Room for
                        the method: to be read, and overwritten, once in an iteration */
    struct rv_minimizer_run *run; /* private */
} rv_minimizer;

typedef struct rv_minimizer_class {
    int vector_count;
    const char *vector_names[RV_MINIMIZER_MOST_VECTORS]; /* NULL: not saved */
    /* How many numbers vector i has, of what shape: rows by columns; rows 0: [columns]. */
    void (*vector_shape)(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns);
    int number_count; /* of m->numbers */
    /* The method looks at losses only: no gradient is computed, m->gradient is 0, and the loss need
     * not come from operations on the parameters. */
    bool needs_no_gradient;
    /* The closure gives residuals: rv_minimizer_probe_residuals in place of rv_minimizer_search. */
    bool residuals;
    size_t jacobian_offset; /* offsetof(its options, the rv_optim_jacobian *); 0: there is none */
    /* Every evaluation keeps the graph of its gradient, for rv_minimizer_hessian_product. */
    bool uses_hessian;
    /* Makes an iteration: true if x has moved. False if no step could be made, after which nothing
     * has changed. */
    bool (*iterate)(rv_minimizer *m);
} rv_minimizer_class;

typedef struct rv_search_options {
    rv_minimizer *minimizer;
    double step;           /* the first that is tried; > 0 */
    rv_line_method method; /* default RV_LINE_MORE_THUENTE */
    double decrease;       /* default 1e-4; as in rv_line_options */
    double curvature;      /* default 0.9 */
} rv_search_options;

/* rv_minimizer_search(m, .step = 1): a line search from x along m->direction; moves there, and sets
 * step and change. Where the loss has no digits left it goes on by slopes (Hager and Zhang). False
 * if the direction does not descend, or no better point was found: x, loss and gradient are as
 * before. */
#define rv_minimizer_search(...)                                                                \
    RV_OPTIONS(rv_minimizer_search_with, rv_search_options, .decrease = 1e-4, .curvature = 0.9, \
               .minimizer = __VA_ARGS__)
RV_API bool rv_minimizer_search_with(const rv_search_options *options);

typedef enum rv_trial {
    RV_TRIAL_TAKEN,   /* the loss is lower there: x has moved */
    RV_TRIAL_REFUSED, /* it is not lower, or not finite */
    RV_TRIAL_NOWHERE, /* in the digits that parameters have, there is here: no evaluation */
    RV_TRIAL_OVER     /* nothing more can be evaluated */
} rv_trial;

/* Evaluates at x + m->direction, and if the loss is lower there moves, and sets step and change;
 * otherwise x, loss and gradient are as before. */
RV_API rv_trial rv_minimizer_try(rv_minimizer *m);

/* ---- sums of squares ------------------------------------------------------------------------- *
 *
 * Where the class says `residuals`, a trial costs the residuals alone, and the Jacobian is computed
 * where the method means to stay. */

typedef struct rv_minimizer_trial {
    double loss;      /* there; infinity if it is not finite, or no number of residuals is */
    double reduction; /* by how much it is lower than at x, without the cancellation of a
                         difference of sums: sum((r - r+)(r + r+))/2 */
    bool has_moved;   /* false: x + length*direction is x in the parameters' dtypes, and nothing was
                         evaluated */
} rv_minimizer_trial;

/* Evaluates the residuals at x + length*direction, rounded to the parameters' dtypes. False if
 * nothing more can be evaluated. */
RV_API bool rv_minimizer_probe_residuals(rv_minimizer *m, double length, rv_minimizer_trial *trial);

/* Computes Jacobian and gradient where the last trial was; the gradient's largest number, NaN if
 * they are not finite, or after an error. m->columns are the trial's then. */
RV_API double rv_minimizer_linearize(rv_minimizer *m);

/* Moves to the last trial, where rv_minimizer_linearize gave a number: all of the view is there. */
RV_API void rv_minimizer_take(rv_minimizer *m);

/* By how much the loss at x may be wrong: a few units of its last digit, in the residuals' dtype.
 */
RV_API double rv_minimizer_noise(const rv_minimizer *m);

/* Where a step can gain no more than that, the gradient decides: moves to the last trial if max|g|
 * is lower there by a hundredth, and the loss not higher by more than the noise. False if not. */
RV_API bool rv_minimizer_take_if_flatter(rv_minimizer *m, const rv_minimizer_trial *trial);

/* m->columns as a tensor, borrowed. */
RV_API rv_tensor *rv_minimizer_columns(const rv_minimizer *m);
/* What a place shows. */
typedef struct rv_probe {
    double loss;   /* there; infinity if it, or its gradient, is not finite */
    double length; /* of its gradient */
    double noise;  /* by how much a loss of the size of that at x may be wrong by rounding */
    bool is_at_x;  /* in the digits that parameters have it is x: nothing was evaluated */
} rv_probe;

/* Without a line search: evaluates at x + step * m->direction. False if nothing more can be
 * evaluated. */
RV_API bool rv_minimizer_probe(rv_minimizer *m, double step, rv_probe *probe);
/* Moves to where the last probe was, and sets step and change. False with an error if the loss is
 * not finite there; false if it is where x is. */
RV_API bool rv_minimizer_move(rv_minimizer *m);

/* How far apart 1 and the next number are in the coarsest of the parameters' dtypes. */
RV_API double rv_minimizer_epsilon(const rv_minimizer *m);

/* Zeros the parts of a vector that belong to parameters which were frozen (rv_require_no_grad)
 * since the optimizer was made: they stay. Search and probe do it with m->direction. */
RV_API void rv_minimizer_hold_frozen(const rv_minimizer *m, double *vector);

/* Vector i of the method as a tensor, borrowed. */
RV_API rv_tensor *rv_minimizer_vector(const rv_minimizer *m, int i);

/* Whether nothing more can be evaluated: the limit was reached, or an error recorded. */
RV_API bool rv_minimizer_is_over(const rv_minimizer *m);

/* ---- second derivatives ---------------------------------------------------------------------- *
 *
 * All by double backward: the gradient's graph at x is kept while x stays, and each product is one
 * backward through it. A method with uses_hessian records that graph in the evaluation that gave
 * the gradient, so that products cost no evaluation; it is made again, by one evaluation that is
 * counted, where x is not the place that was evaluated last (the search found no step that meets
 * its conditions), and always for other methods. An operation on the way that cannot be
 * differentiated twice is an error. */

/* out = H v, H the Hessian of the loss at x; v and out [n] may be the same. One product is counted.
 * Where the loss is linear, or does not depend on a parameter, H is 0. Through F32 parameters v and
 * H v are rounded, v after scaling it, so that its size does not matter. What comes out may be not
 * finite. False if nothing more can be evaluated, or with an error. */
RV_API bool rv_minimizer_hessian_product(rv_minimizer *m, const double *v, double *out);

/* matrix [n,n], row-major, = H, made symmetric. n products are counted. */
RV_API bool rv_minimizer_hessian(rv_minimizer *m, double *matrix);

/* For rv_optim_class: what of RV_OPTIM_COMMON does not apply, */
#define RV_MINIMIZER_REFUSES \
    (RV_OPTIM_NO_WEIGHT_DECAY | RV_OPTIM_NO_DECOUPLED | RV_OPTIM_NO_L1_DECAY)

/* and for its `validate`: whether RV_MINIMIZE_COMMON and options of a line search are in their
 * ranges; false with an error. */
RV_API bool rv_minimize_validate(const char *who, const void *options, rv_line_method method,
                                 double decrease, double curvature);

/* ---- vectors --------------------------------------------------------------------------------- *
 *
 * The same numbers from any number of threads. */

/* The sum of x[i]*y[i]. */
RV_API double rv_vector_dot(int64_t n, const double *x, const double *y);
/* The root of the sum of x[i]^2, also where the squares are too large or small for a number. */
RV_API double rv_vector_length(int64_t n, const double *x);
/* y = y + a*x */
RV_API void rv_vector_add(int64_t n, double a, const double *x, double *y);
/* y = a*x; x may be y. */
RV_API void rv_vector_scale(int64_t n, double a, const double *x, double *y);
/* The power of two that brings the largest |x[i]| to between 0.5 and 1, as scaling by it changes no
 * digit; 1 if that is 0 or not finite. */
RV_API double rv_vector_unit(int64_t n, const double *x);
/* The largest |x[i]|; NaN if one is NaN; 0 for n = 0. */
RV_API double rv_vector_largest(int64_t n, const double *x);

RV_END_C

#endif

/* minimizer_run.h - what stands behind an rv_minimizer. Private to optim/; no method needs it. */
#ifndef RV_OPTIM_MINIMIZER_RUN_H
#define RV_OPTIM_MINIMIZER_RUN_H

#include "optim/minimizer.h"
#include "optim/optim_parts.h"

/* What sums of squares have besides; the tensors are F64, and NULL before the first evaluation. */
typedef struct rv_minimizer_squares {
    rv_tensor *residuals, *trial; /* [m] at x, and at the trial */
    rv_tensor *columns;           /* [n + 1, m] the Jacobian's, and r */
    rv_tensor *given; /* what the closure gave at the trial, with its graph; NULL: not kept */
    rv_dtype dtype;   /* of what the closure gives */
    bool has_begun;   /* in this call the number of residuals is known */
} rv_minimizer_squares;

/* Made with its optimizer, and lasts as long. */
typedef struct rv_minimizer_run {
    rv_minimizer view; /* what the method gets */
    rv_optim *opt;
    rv_tensor *memory;              /* F64: the view's arrays of n numbers, and those below */
    double *trial, *trial_gradient; /* the last place that was evaluated, */
    double *best, *best_gradient;   /* and the lowest one of the last search */
    rv_tensor *vectors[RV_MINIMIZER_MOST_VECTORS], *numbers; /* the method's own; NULL: none */
    /* During a call. */
    rv_optim_closure *closure;
    void *context;
    int64_t evaluations, most_evaluations, jacobians;
    double trial_loss, best_loss;
    double trial_largest, best_largest, largest; /* |gradient| at the trial, the best, and x */
    double epsilon;                              /* of the loss's dtype */
    double lowest, flattest;                     /* loss, and |gradient|, that were seen */
    int64_t idle;                                /* iterations since one of them fell */
    bool is_failed;                              /* an error was recorded */
    rv_minimizer_squares squares;                /* for a class that says `residuals` */
    bool keeps_graph;      /* evaluations record their gradients, and keep them in: */
    rv_tensor **gradients; /* [opt->count] held, of the last evaluation, NULL where the loss uses
                              none; NULL: no graph is kept */
    bool graph_is_at_x;    /* and parameters have not been written since */
    int64_t products;
} rv_minimizer_run;

/* Takes all memory. NULL with an error. */
rv_minimizer_run *rv_minimizer_make(rv_optim *opt);
void rv_minimizer_free(rv_minimizer_run *run);

/* Visits what must be saved. */
bool rv_minimizer_state(const rv_minimizer_run *run, rv_state_visit *visit, void *context);

/* Begins a call: x is where the parameters are; evaluates there. False if that failed. */
bool rv_minimizer_begin(rv_minimizer_run *run);

/* Evaluates at run->trial, which is rounded to the parameters' dtypes: trial_loss and
 * trial_gradient; a loss of infinity stands for whatever is not finite. False if it failed. */
bool rv_minimizer_evaluate(rv_minimizer_run *run);

/* Where the trial is becomes where the method is. */
void rv_minimizer_accept(rv_minimizer_run *run);

/* What the closure gives, NULL if it changed the parameters. */
rv_tensor *rv_minimizer_call(rv_minimizer_run *run, rv_optim_closure *closure);

/* Lets the trial be x + length*direction, in the parameters' dtypes. */
void rv_minimizer_put_trial(rv_minimizer_run *run, double length);

/* A backward: of y, weighted by v (NULL: 1). */
typedef struct rv_minimizer_backward {
    rv_tensor *y, *v;
    bool retain_graph, create_graph;
} rv_minimizer_backward;

/* Whether a parameter still requires a gradient: all may have been frozen since. False with an
 * error. */
bool rv_minimizer_learns(const rv_minimizer_run *run);

/* The gradients with respect to those parameters that require one, an array that the innermost
 * scope owns; an entry is NULL if y does not depend on it. NULL with an error. */
rv_tensor **rv_minimizer_gradients(const rv_minimizer_run *run, const rv_minimizer_backward *how);

/* Writes such gradients, one behind the other, into an array of `storage`, whose elements stand
 * `stride` numbers apart: zeros where there is none, or gradients is NULL. */
bool rv_minimizer_write(const rv_minimizer_run *run, rv_tensor *const *gradients,
                        rv_storage *storage, double *into, int64_t stride);

/* Whether y depends on any parameter, by its gradients. */
bool rv_minimizer_depends(const rv_minimizer_run *run, rv_tensor *const *gradients);

/* minimizer_residuals.c: the closure's residuals at the trial, and the loss that they make; false
 * after an error. The view's after the trial was accepted. And the end of all its memory, or at the
 * end of a call of what it holds of the closure's. */
bool rv_minimizer_residuals(rv_minimizer_run *run);
void rv_minimizer_residuals_accept(rv_minimizer_run *run);
void rv_minimizer_residuals_free(rv_minimizer_run *run);
void rv_minimizer_residuals_end(rv_minimizer_run *run);

/* The part of an array of numbers, `stride` apart, in `storage`, that belongs to a parameter and
 * begins here, in its shape. */
rv_tensor *rv_minimizer_part(rv_storage *storage, double *array, int64_t stride,
                             const rv_tensor *parameter);

/* Keeps the recorded gradients, of the parameters that require one, for Hessian products; and lets
 * go of them, as must be done before the parameters change. */
bool rv_minimizer_keep_graph(rv_minimizer_run *run, rv_tensor *const *gradients);
void rv_minimizer_drop_graph(rv_minimizer_run *run);

/* Lets the parameters be x again; after an error, the best place that was seen. */
bool rv_minimizer_restore(rv_minimizer_run *run);

#endif

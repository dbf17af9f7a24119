/* gradcheck_parts.h - what the files of gradcheck share. Private to autograd/.
 *
 * The Jacobian has a row for each element of the function's output and a column for each element
 * of its F64 inputs, one input behind the other. gradcheck_function.c evaluates the function and
 * its two derivatives, gradcheck.c says what is checked, and gradcheck_report.c compares and puts
 * what it sees into words.
 *
 * A function here that returns false or NULL because something failed has recorded an error, and
 * said so in the report.
 */
#ifndef RV_AUTOGRAD_GRADCHECK_PARTS_H
#define RV_AUTOGRAD_GRADCHECK_PARTS_H

#include "autograd/gradcheck.h"

typedef struct rv_gradcheck_parts {
    const char *who;       /* "gradcheck" or "gradgradcheck" */
    rv_function *function; /* one of the two is NULL */
    rv_closure *closure;
    void *context;
    double eps, atol, rtol;
    int count;
    bool in_place;    /* the inputs are moved themselves; else private copies of the F64 ones */
    rv_tensor **in;   /* [count] what the function is given */
    int leaves;       /* how many of them are F64, */
    rv_tensor **leaf; /* [leaves] which, */
    int *input;       /* [leaves] their places among the inputs, */
    int64_t *column;  /* [leaves] and their first columns */
    int64_t columns, rows;
    int ndim;                         /* of the output: -1 until it was evaluated once */
    int64_t shape[RV_MAX_DIMENSIONS]; /* [ndim] */
    /* gradgradcheck: the function's own part, whose gradients the output consists of; else NULL */
    const struct rv_gradcheck_parts *own;
    rv_gradcheck_report *report; /* never NULL */
} rv_gradcheck_parts;

/* ---- gradcheck_function.c -------------------------------------------------------------------- */

/* Records an error, and tells the report. Returns false. */
bool rv_gradcheck_refuse(const rv_gradcheck_parts *p, rv_status status, const char *format, ...)
    RV_PRINTF(3, 4);
/* Tells the report that there is an error of somebody else's. Returns false. */
bool rv_gradcheck_not_done(const rv_gradcheck_parts *p);

/* Memory that the innermost scope owns: count things of `size` bytes; rows * columns zeros. */
void *rv_gradcheck_memory(const rv_gradcheck_parts *p, int64_t count, size_t size);
double *rv_gradcheck_zeros(const rv_gradcheck_parts *p, int64_t rows, int64_t columns);

/* Fills p from the options; what it points to belongs to the innermost scope. */
bool rv_gradcheck_set_up(rv_gradcheck_parts *p, const rv_gradcheck_options *options);

/* The address of element i of an F64 tensor, counted row-major. */
double *rv_gradcheck_element(const rv_tensor *t, int64_t i);

/* The function at these inputs; the first call decides its result's shape, and rows. */
rv_tensor *rv_gradcheck_call(rv_gradcheck_parts *p, rv_tensor **in);
/* The function at p->in as it is now: its elements, row-major, into values[rows]. */
bool rv_gradcheck_evaluate_into(rv_gradcheck_parts *p, double *values);

/* v' J: the gradients of all leaves, into products[columns], when y's is v[rows]. What is not
 * connected has a derivative of 0. */
bool rv_gradcheck_pull_back(const rv_gradcheck_parts *p, rv_tensor *y, const double *v,
                            double *products);

/* The Jacobian by backward, a row for each element of y. */
bool rv_gradcheck_backward(const rv_gradcheck_parts *p, rv_tensor *y, double *jacobian);

/* One column of the Jacobian by a difference: values[rows] is (f(x + up) - f(x + down)) over the
 * step as it is after rounding. */
bool rv_gradcheck_difference(rv_gradcheck_parts *p, int64_t column, double up, double down,
                             double *values);
/* All columns, by steps of eps both ways. */
bool rv_gradcheck_differences(rv_gradcheck_parts *p, double *jacobian);

/* ---- gradcheck_report.c ---------------------------------------------------------------------- */

/* Starts a report that has nothing to say yet. */
void rv_gradcheck_report_clear(rv_gradcheck_report *report);

/* Appends to the report's message; what does not fit is cut off. */
void rv_gradcheck_say(rv_gradcheck_report *report, const char *format, ...) RV_PRINTF(2, 3);

/* Points the report at one element: input and index of `column`, output `row` (-1: none), and the
 * two values with the allowed difference. */
void rv_gradcheck_point(const rv_gradcheck_parts *p, int64_t row, int64_t column, double analytic,
                        double numeric, double allowed);
/* The column that the report points at. */
int64_t rv_gradcheck_pointed(const rv_gradcheck_parts *p);
/* Appends where the report points: "input 1, element [2,0], output 3". */
void rv_gradcheck_say_where(const rv_gradcheck_parts *p);

/* How bad a difference is: 0 for none, above 1 for more than allowed, infinity for what is not
 * finite. */
double rv_gradcheck_badness(double analytic, double numeric, double allowed);

/* The difference relative to the larger of the two; 0 if both are 0, infinity if one is not finite.
 */
double rv_gradcheck_relative(double analytic, double numeric);

/* Compares two Jacobians, points the report at the worst element and counts. True if all agree. */
bool rv_gradcheck_compare(const rv_gradcheck_parts *p, const double *analytic,
                          const double *numeric);
/* Appends what the comparison found: where, both values, how many. */
void rv_gradcheck_say_compared(const rv_gradcheck_parts *p);

/* Appends what the difference looks like as a whole (a factor, a sign, a transposition), if it
 * looks like something. */
void rv_gradcheck_say_pattern(const rv_gradcheck_parts *p, const double *analytic,
                              const double *numeric);

#endif

/* problems.h - thirty problems of More, Garbow and Hillstrom, "Testing unconstrained optimization
 * software", ACM TOMS 7 (1981), 17-41, as residuals: the loss is the sum of their squares.
 */
#ifndef TESTS_PROBLEMS_H
#define TESTS_PROBLEMS_H

#include <ravine.h>

typedef struct problem {
    const char *name;
    int64_t n;
    void (*start)(int64_t n, double *x);   /* the paper's starting point */
    rv_tensor *(*residuals)(rv_tensor *x); /* F64 [n] -> [m] */
    double minima[2]; /* of the loss, global and best known local one (the same if there is none) */
} problem;

#define PROBLEM_COUNT 30
extern const problem problems[PROBLEM_COUNT];

/* The loss at x: a 0-d tensor. */
rv_tensor *problem_loss(const problem *p, rv_tensor *x);

/* A problem and a point. */
typedef struct problem_task {
    const problem *problem;
    rv_tensor *x; /* F64, or F32, from which it is cast */
} problem_task;

/* The loss of a problem_task, for rv_optim_minimize. */
rv_tensor *problem_closure(void *context);

/* NULL if there is no such problem. */
const problem *problem_named(const char *name);

/* Its starting point, as a parameter. */
rv_tensor *problem_start(const problem *p, rv_dtype dtype);

#endif

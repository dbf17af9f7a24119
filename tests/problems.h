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

#endif

/* newton_tasks.h - losses with a minimum where the Hessian is positive definite, on which Newton's
 * methods converge quadratically; and a record of their gradients.
 */
#ifndef TESTS_NEWTON_TASKS_H
#define TESTS_NEWTON_TASKS_H

#include <math.h>
#include <ravine.h>

#include "problems.h"

typedef struct newton_task {
    const problem *problem; /* of the thirty; else */
    rv_tensor *x, *y;       /* samples, and labels or values */
    double decay;           /* decay/2 times the sum of the squares of all parameters is added */
    rv_tensor *parameters[4];
    int count;
} newton_task;

static inline rv_tensors newton_parameters(newton_task *t)
{
    return (rv_tensors){t->parameters, t->count};
}

static inline rv_tensor *newton_decay(const newton_task *t, rv_tensor *loss)
{
    for (int i = 0; i < t->count; i++)
        loss = rv_add(loss, rv_mul_scalar(rv_sum(rv_square(t->parameters[i])), 0.5 * t->decay));
    return loss;
}

/* One of the thirty problems, which are computed in F64. */
static inline rv_tensor *newton_problem(void *context)
{
    const newton_task *t = context;
    return problem_loss(t->problem, rv_cast(t->parameters[0], RV_F64));
}

static inline newton_task newton_make_problem(const problem *p, rv_dtype dtype)
{
    return (newton_task){.problem = p, .parameters = {problem_start(p, dtype)}, .count = 1};
}

/* The first of them. */
static inline newton_task newton_make_rosenbrock(void)
{
    return newton_make_problem(&problems[0], RV_F64);
}

/* Softmax regression with a penalty. */
static inline rv_tensor *newton_softmax(void *context)
{
    const newton_task *t = context;
    rv_tensor *logits = rv_linear(t->x, t->parameters[0], t->parameters[1]);
    return newton_decay(t, rv_cross_entropy(logits, t->y));
}

/* x: F64 [samples, features]; y: I64 [samples], each below 10. */
static inline newton_task newton_make_softmax(rv_tensor *x, rv_tensor *y)
{
    return (newton_task){.x = x,
                         .y = y,
                         .decay = 1e-3,
                         .parameters = {rv_require_grad(rv_zeros(RV_F64, 10, x->shape[1])),
                                        rv_require_grad(rv_zeros(RV_F64, 10))},
                         .count = 2};
}

/* Random samples, labelled by the largest of ten random projections. */
static inline newton_task newton_make_small_softmax(void)
{
    rv_seed(7);
    rv_tensor *x = rv_randn(RV_F64, 300, 8);
    rv_tensor *y = rv_argmax(
        rv_add(rv_matmul(x, rv_randn(RV_F64, 8, 10)), rv_randn(RV_F64, 300, 10)), .axis = 1);
    return newton_make_softmax(x, y);
}

/* A network of ten tanh units that learns sin(2a)*b, with a penalty. */
static inline rv_tensor *newton_network(void *context)
{
    const newton_task *t = context;
    rv_tensor *hidden = rv_tanh(rv_linear(t->x, t->parameters[0], t->parameters[1]));
    rv_tensor *out = rv_linear(hidden, t->parameters[2], t->parameters[3]);
    return newton_decay(t, rv_mean(rv_square(rv_sub(out, t->y))));
}

static inline newton_task newton_make_network(void)
{
    rv_seed(3);
    rv_tensor *x = rv_randn(RV_F64, 100, 2);
    rv_tensor *a = rv_slice(x, .axis = 1, .stop = 1), *b = rv_slice(x, .axis = 1, .start = 1);
    return (newton_task){.x = x,
                         .y = rv_mul(rv_sin(rv_mul_scalar(a, 2)), b),
                         .decay = 3e-3,
                         .parameters = {rv_require_grad(rv_randn(RV_F64, 10, 2)),
                                        rv_require_grad(rv_zeros(RV_F64, 10)),
                                        rv_require_grad(rv_randn(RV_F64, 1, 10)),
                                        rv_require_grad(rv_zeros(RV_F64, 1))},
                         .count = 4};
}

/* x'Hx/2 - b'x, H with eigenvalues from 1 down to 1e-8, of which few are large: exp(-i/5). */
static inline rv_tensor *newton_parabola(void *context)
{
    const newton_task *t = context;
    rv_tensor *x = t->parameters[0];
    return rv_sub(rv_mul_scalar(rv_dot(x, rv_matmul(t->x, x)), 0.5), rv_dot(t->y, x));
}

static inline newton_task newton_make_parabola(int64_t n)
{
    rv_seed(1);
    rv_tensor *basis = rv_qr(rv_randn(RV_F64, n, n)).q, *values = rv_empty(RV_F64, n);
    for (int64_t i = 0; values != NULL && i < n; i++)
        ((double *)values->data)[i] = i == n - 1 ? 1e-8 : fmax(1e-8, exp(-(double)i / 5));
    rv_tensor *h = rv_matmul(rv_mul(basis, values), rv_transpose(basis, 0, 1));
    return (newton_task){.x = h,
                         .y = rv_matmul(h, rv_randn(RV_F64, n)),
                         .parameters = {rv_require_grad(rv_zeros(RV_F64, n))},
                         .count = 1};
}

/* The largest |gradient|, the loss and the costs after each iteration; give newton_keep_record and
 * one of these to rv_optim_minimize. */
enum { NEWTON_MOST_RECORDS = 1000 };
typedef struct newton_record {
    int64_t count;
    rv_optim_progress at[NEWTON_MOST_RECORDS];
} newton_record;

static inline bool newton_keep_record(void *context, const rv_optim_progress *progress)
{
    newton_record *r = context;
    if (r->count < NEWTON_MOST_RECORDS)
        r->at[r->count++] = *progress;
    return true;
}

#endif

/* op_reduce.h - what the reductions share. Private to autograd/. */
#ifndef RV_AUTOGRAD_OP_REDUCE_H
#define RV_AUTOGRAD_OP_REDUCE_H

#include "autograd/op_support.h"

#include "core/reduce.h"

/* The axes of x that an options struct names, as a set; all of them if it names none. False with an
 * error. */
bool rv_axes_of(const char *who, const rv_tensor *x, const rv_axes *axes, rv_axis_set *set);

/* The same of a reduction's options, which may be NULL. */
bool rv_reduced_axes(const char *who, const rv_reduce_options *options, rv_axis_set *set);

/* How many elements of `shape` become one. */
int64_t rv_folded(int ndim, const int64_t *shape, rv_axis_set set);

/* In a derivative: what has the result's shape with the reduced axes put back with size 1. */
rv_tensor *rv_put_back(const rv_derivative *d, rv_axis_set set, rv_tensor *t);

/* The sum over a set of axes, which stay with size 1. */
rv_tensor *rv_sum_over(rv_tensor *x, rv_axis_set set);
rv_tensor *rv_mean_over(rv_tensor *x, rv_axis_set set);

/* a / b, and 0 where b is 0, with derivatives that are 0 there too. */
rv_tensor *rv_quotient_or_0(const char *who, rv_tensor *a, rv_tensor *b);

/* A 0-d tensor as one with one axis; others as they are. */
rv_tensor *rv_at_least_1d(rv_tensor *x);

#endif

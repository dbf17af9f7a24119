/* ops_elementwise.h - what works on each element by itself.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_ELEMENTWISE_H
#define RV_AUTOGRAD_OPS_ELEMENTWISE_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- arithmetic: any dtype unless said otherwise; broadcasts -------------------------------- *
 * Each also with a scalar, which takes the tensor's dtype (an error if an integer dtype cannot hold
 * it). Integers wrap around. */
RV_API rv_tensor *rv_add(rv_tensor *a, rv_tensor *b); /* a + b;  g, g */
RV_API rv_tensor *rv_sub(rv_tensor *a, rv_tensor *b); /* a - b;  g, -g */
RV_API rv_tensor *rv_mul(rv_tensor *a, rv_tensor *b); /* a * b;  g*b, g*a */
RV_API rv_tensor *rv_div(rv_tensor *a, rv_tensor *b); /* a / b, floating;  g/b, -g*y/b */
/* a to the power b, floating;  g*b*a^(b-1) (0 where b is 0), g*y*log(a) (0 where a is 0 and b >= 0,
 * as in PyTorch) */
RV_API rv_tensor *rv_pow(rv_tensor *a, rv_tensor *b);
RV_API rv_tensor *rv_add_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_sub_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_mul_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_div_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_pow_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_neg(rv_tensor *x); /* -x;  -g */

/* ---- functions of each element: floating --------------------------------------------------- */
RV_API rv_tensor *rv_exp(rv_tensor *x);     /* e^x;  g*y */
RV_API rv_tensor *rv_log(rv_tensor *x);     /* natural logarithm, NaN below 0;  g/x */
RV_API rv_tensor *rv_sqrt(rv_tensor *x);    /* NaN below 0;  g/(2y) */
RV_API rv_tensor *rv_tanh(rv_tensor *x);    /* (e^x - e^-x)/(e^x + e^-x);  g*(1 - y*y) */
RV_API rv_tensor *rv_sigmoid(rv_tensor *x); /* 1/(1 + e^-x);  g*y*(1 - y) */
RV_API rv_tensor *rv_relu(rv_tensor *x);    /* max(x, 0), any dtype;  g where x > 0, else 0 */
/* The derivatives of the last three as operations of their own, in one pass: g*(1 - y*y),
 * g*y*(1 - y), and g where y > 0, else 0. */
RV_API rv_tensor *rv_tanh_grad(rv_tensor *g, rv_tensor *y);
RV_API rv_tensor *rv_sigmoid_grad(rv_tensor *g, rv_tensor *y);
RV_API rv_tensor *rv_relu_grad(rv_tensor *g, rv_tensor *y);

/* ---- comparisons: any dtype; broadcast; the result is U8, 1 where true, without derivative --- */
RV_API rv_tensor *rv_eq(rv_tensor *a, rv_tensor *b); /* a == b */
RV_API rv_tensor *rv_ne(rv_tensor *a, rv_tensor *b); /* a != b */
RV_API rv_tensor *rv_lt(rv_tensor *a, rv_tensor *b); /* a < b */
RV_API rv_tensor *rv_le(rv_tensor *a, rv_tensor *b); /* a <= b */
RV_API rv_tensor *rv_gt(rv_tensor *a, rv_tensor *b); /* a > b */
RV_API rv_tensor *rv_ge(rv_tensor *a, rv_tensor *b); /* a >= b */
RV_API rv_tensor *rv_eq_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_ne_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_lt_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_le_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_gt_scalar(rv_tensor *a, double b);
RV_API rv_tensor *rv_ge_scalar(rv_tensor *a, double b);

/* condition ? a : b, element by element; condition U8 (not 0 is true), a and b any; broadcasts;
 * g where condition else 0, and the other way round. */
RV_API rv_tensor *rv_where(rv_tensor *condition, rv_tensor *a, rv_tensor *b);

RV_END_C

#endif

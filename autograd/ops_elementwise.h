/* ops_elementwise.h - what works on each element by itself.
 *
 * The conventions are in operations.h.
 */
#ifndef RV_AUTOGRAD_OPS_ELEMENTWISE_H
#define RV_AUTOGRAD_OPS_ELEMENTWISE_H

#include <math.h>

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

/* -1, 0 or 1, any dtype, 0 for NaN as in PyTorch;  0 */
RV_API rv_tensor *rv_sign(rv_tensor *x);
/* |x|, any dtype (of the least I64: itself);  g*sign(x), so 0 at 0 */
RV_API rv_tensor *rv_abs(rv_tensor *x);
RV_API rv_tensor *rv_square(rv_tensor *x);     /* x*x, any dtype;  2*g*x */
RV_API rv_tensor *rv_reciprocal(rv_tensor *x); /* 1/x, floating;  -g*y*y */

/* The larger and the smaller of two, any dtype; broadcast; NaN if one of them is.  g to the one
 * that is taken, half of it to each where they are equal, and to both where one is NaN, as in
 * PyTorch */
RV_API rv_tensor *rv_maximum(rv_tensor *a, rv_tensor *b);
RV_API rv_tensor *rv_minimum(rv_tensor *a, rv_tensor *b);
/* What maximum passes to a, in one pass; floating. (a and b change places for minimum.) */
RV_API rv_tensor *rv_maximum_grad(rv_tensor *g, rv_tensor *a, rv_tensor *b);

typedef struct rv_clamp_options {
    rv_tensor *input;
    double min; /* default -infinity: no bound; an integer dtype must be able to hold it */
    double max; /* default infinity: no bound */
} rv_clamp_options;

/* rv_clamp(x, .min = 0, .max = 1): min(max(x, min), max), any dtype; max everywhere if it is less
 * than min; NaN stays. Without a bound, or with NaN for one: an error.  g where min <= x <= max,
 * else 0 */
#define rv_clamp(...)                                                                              \
    RV_OPTIONS(rv_clamp_with, rv_clamp_options, .min = -(double)INFINITY, .max = (double)INFINITY, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_clamp_with(const rv_clamp_options *options);
/* g where min <= x <= max, else 0: that derivative, in one pass; floating. */
RV_API rv_tensor *rv_clamp_grad(rv_tensor *g, rv_tensor *x, double min, double max);

/* ---- whole numbers: floating, and so is the result; the derivative is 0 ---------------------- */
RV_API rv_tensor *rv_floor(rv_tensor *x); /* the largest that is not above x */
RV_API rv_tensor *rv_ceil(rv_tensor *x);  /* the smallest that is not below x */
RV_API rv_tensor *rv_trunc(rv_tensor *x); /* towards 0 */
RV_API rv_tensor *rv_round(rv_tensor *x); /* the nearest; halves to the even one */

/* ---- functions of each element: floating --------------------------------------------------- *
 * How exact they are in F32 stands in docs/accuracy.md. */
RV_API rv_tensor *rv_exp(rv_tensor *x);   /* e^x;  g*y */
RV_API rv_tensor *rv_expm1(rv_tensor *x); /* e^x - 1, exact near 0;  g*(y + 1) */
RV_API rv_tensor *rv_log(rv_tensor *x);   /* natural logarithm, NaN below 0;  g/x */
RV_API rv_tensor *rv_log1p(rv_tensor *x); /* log(1 + x), exact near 0;  g/(x + 1) */
RV_API rv_tensor *rv_sqrt(rv_tensor *x);  /* NaN below 0;  g/(2y) */
RV_API rv_tensor *rv_rsqrt(rv_tensor *x); /* 1/sqrt(x);  -g*y^3/2 */
RV_API rv_tensor *rv_sin(rv_tensor *x);   /* g*cos(x); also of large x */
RV_API rv_tensor *rv_cos(rv_tensor *x);   /* -g*sin(x) */
RV_API rv_tensor *rv_atan(rv_tensor *x);  /* g/(1 + x^2) */
RV_API rv_tensor *rv_erf(rv_tensor *x);   /* 2/sqrt(pi) * integral of e^(-t^2) from 0 to x;
                                             2/sqrt(pi)*g*e^(-x^2) */

/* ---- activations: floating ----------------------------------------------------------------- *
 * Beside each stands its derivative as an operation of its own, in one pass over g and x (or y):
 * rv_NAME_grad(g, x) is g times the slope of NAME at x. */
RV_API rv_tensor *rv_tanh(rv_tensor *x); /* (e^x - e^-x)/(e^x + e^-x);  g*(1 - y*y) */
RV_API rv_tensor *rv_tanh_grad(rv_tensor *g, rv_tensor *y);
RV_API rv_tensor *rv_sigmoid(rv_tensor *x); /* 1/(1 + e^-x);  g*y*(1 - y) */
RV_API rv_tensor *rv_sigmoid_grad(rv_tensor *g, rv_tensor *y);
/* log(sigmoid(x)) = min(x, 0) - log(1 + e^-|x|), which neither overflows nor becomes -infinity;
 * g*sigmoid(-x) */
RV_API rv_tensor *rv_log_sigmoid(rv_tensor *x);
RV_API rv_tensor *rv_log_sigmoid_grad(rv_tensor *g, rv_tensor *x);

/* max(x, 0), any dtype, NaN for NaN;  g where x > 0 or is NaN, else 0. */
RV_API rv_tensor *rv_relu(rv_tensor *x);
RV_API rv_tensor *rv_relu_grad(rv_tensor *g, rv_tensor *y);

/* x*sigmoid(x), also known as swish (Elfwing et al. 2017);  g*s*(1 + x*(1 - s)), s = sigmoid(x) */
RV_API rv_tensor *rv_silu(rv_tensor *x);
RV_API rv_tensor *rv_silu_grad(rv_tensor *g, rv_tensor *x);
/* x*Phi(x), Phi(x) = (1 + erf(x/sqrt(2)))/2 (Hendrycks & Gimpel 2016); the tail below 0 is computed
 * as such, and keeps its digits;  g*(Phi(x) + x*phi(x)), phi(x) = e^(-x^2/2)/sqrt(2*pi) */
RV_API rv_tensor *rv_gelu(rv_tensor *x);
RV_API rv_tensor *rv_gelu_grad(rv_tensor *g, rv_tensor *x);
/* Its approximation x*(1 + tanh(u))/2, u = sqrt(2/pi)*(x + 0.044715*x^3): PyTorch's gelu with
 * approximate='tanh';  g*(s + x*s'), s = sigmoid(2*u) */
RV_API rv_tensor *rv_gelu_tanh(rv_tensor *x);
RV_API rv_tensor *rv_gelu_tanh_grad(rv_tensor *g, rv_tensor *x);

typedef struct rv_leaky_relu_options {
    rv_tensor *input;
    double negative_slope; /* default 0.01; finite */
} rv_leaky_relu_options;

/* rv_leaky_relu(x, .negative_slope = 0.2): x above 0, negative_slope*x below;  g, negative_slope*g
 * (also at 0 and NaN) */
#define rv_leaky_relu(...)                                                        \
    RV_OPTIONS(rv_leaky_relu_with, rv_leaky_relu_options, .negative_slope = 0.01, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_leaky_relu_with(const rv_leaky_relu_options *options);
RV_API rv_tensor *rv_leaky_relu_grad(rv_tensor *g, rv_tensor *x, double negative_slope);

typedef struct rv_elu_options {
    rv_tensor *input;
    double alpha; /* default 1; finite */
} rv_elu_options;

/* rv_elu(x, .alpha = 0.5): x above 0, alpha*(e^x - 1) below (Clevert et al. 2015);  g, alpha*g*e^x
 * (also at 0) */
#define rv_elu(...) RV_OPTIONS(rv_elu_with, rv_elu_options, .alpha = 1, .input = __VA_ARGS__)
RV_API rv_tensor *rv_elu_with(const rv_elu_options *options);
RV_API rv_tensor *rv_elu_grad(rv_tensor *g, rv_tensor *x, double alpha);

/* 1.0507...*elu(x, alpha = 1.6732...), whose iteration has mean 0 and variance 1 as its fixed point
 * (Klambauer et al. 2017) */
RV_API rv_tensor *rv_selu(rv_tensor *x);
RV_API rv_tensor *rv_selu_grad(rv_tensor *g, rv_tensor *x);

typedef struct rv_softplus_options {
    rv_tensor *input;
    double beta;      /* default 1; finite and not 0 */
    double threshold; /* default 20: where beta*x is more, the result is x */
} rv_softplus_options;

/* rv_softplus(x, .beta = 2): log(1 + e^(beta*x))/beta, computed so that it never overflows, with or
 * without the threshold;  g*sigmoid(beta*x), g beyond the threshold */
#define rv_softplus(...)                                                          \
    RV_OPTIONS(rv_softplus_with, rv_softplus_options, .beta = 1, .threshold = 20, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_softplus_with(const rv_softplus_options *options);
RV_API rv_tensor *rv_softplus_grad(rv_tensor *g, rv_tensor *x, double beta, double threshold);

typedef struct rv_hardtanh_options {
    rv_tensor *input;
    double min_val; /* default -1; finite */
    double max_val; /* default 1; finite, not less than min_val */
} rv_hardtanh_options;

/* rv_hardtanh(x, .min_val = 0, .max_val = 6) is relu6: min(max(x, min_val), max_val), NaN for NaN;
 * g where min_val < x < max_val, else 0 (clamp's also has the bounds themselves) */
#define rv_hardtanh(...)                                                           \
    RV_OPTIONS(rv_hardtanh_with, rv_hardtanh_options, .min_val = -1, .max_val = 1, \
               .input = __VA_ARGS__)
RV_API rv_tensor *rv_hardtanh_with(const rv_hardtanh_options *options);
RV_API rv_tensor *rv_hardtanh_grad(rv_tensor *g, rv_tensor *x, double min_val, double max_val);

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

/* ---- logic: any dtype; what is not 0 is true, NaN too; the result is U8, without derivative -- */
RV_API rv_tensor *rv_logical_not(rv_tensor *x);
RV_API rv_tensor *rv_logical_and(rv_tensor *a, rv_tensor *b); /* these three broadcast */
RV_API rv_tensor *rv_logical_or(rv_tensor *a, rv_tensor *b);
RV_API rv_tensor *rv_logical_xor(rv_tensor *a, rv_tensor *b);
RV_API rv_tensor *rv_isnan(rv_tensor *x);
RV_API rv_tensor *rv_isinf(rv_tensor *x);    /* either infinity */
RV_API rv_tensor *rv_isfinite(rv_tensor *x); /* neither of them */

/* condition ? a : b, element by element; condition U8 (not 0 is true), a and b any; broadcasts;
 * g where condition else 0, and the other way round. */
RV_API rv_tensor *rv_where(rv_tensor *condition, rv_tensor *a, rv_tensor *b);

RV_END_C

#endif

/* ops_reduce.h - operations that fold axes away, run along one, or put it in order.
 *
 * The conventions are in operations.h. Where axes are reduced, `g` below is the gradient with those
 * axes put back as size 1, and broadcasts.
 */
#ifndef RV_AUTOGRAD_OPS_REDUCE_H
#define RV_AUTOGRAD_OPS_REDUCE_H

#include "core/tensor.h"

RV_BEGIN_C

/* ---- reductions ----------------------------------------------------------------------------- */

/* A list of axes for an options struct: .axes = RV_AXES(0, 2). Count 0 (the default) is all. */
typedef struct rv_axes {
    int count;
    int axis[RV_MAX_DIMENSIONS];
} rv_axes;
#define RV_AXES(...) ((rv_axes){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}})

typedef struct rv_reduce_options {
    rv_tensor *input;
    rv_axes axes; /* which axes are reduced; default: all. Each once. */
    bool keepdim; /* whether they stay, with size 1; default false */
} rv_reduce_options;

/* rv_sum(x), rv_sum(x, .axes = RV_AXES(0), .keepdim = true). Any dtype, the result has x's, but
 * I64 for U8, so that rv_sum(rv_eq(a, b)) counts. F32 and F64 are accumulated in double; no
 * element: 0.  g, expanded */
#define rv_sum(...) RV_OPTIONS(rv_sum_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_sum_with(const rv_reduce_options *options);
/* The sum over the number of elements, rounded once; floating; an empty mean is NaN.  g/count,
 * expanded */
#define rv_mean(...) RV_OPTIONS(rv_mean_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_mean_with(const rv_reduce_options *options);
/* The largest element, and the smallest; any dtype; NaN if there is one; of nothing an error.  g,
 * in equal parts to the elements that are largest, or smallest (PyTorch's amax and amin) */
#define rv_max(...) RV_OPTIONS(rv_max_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_max_with(const rv_reduce_options *options);
#define rv_min(...) RV_OPTIONS(rv_min_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_min_with(const rv_reduce_options *options);
/* The product; any dtype, I64 for U8; accumulated in double; no element: 1.  g times the product of
 * all other elements, which is right with zeros among them */
#define rv_prod(...) RV_OPTIONS(rv_prod_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_prod_with(const rv_reduce_options *options);
/* log(sum(e^x)); floating. The largest element m is taken out, as m + log(sum(e^(x - m))), with the
 * sum in double, so that nothing overflows; -inf where all elements are, and for no element; inf
 * where one is.  g*e^(x - y), NaN where y is infinite, as in PyTorch */
#define rv_logsumexp(...) RV_OPTIONS(rv_logsumexp_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_logsumexp_with(const rv_reduce_options *options);

typedef struct rv_var_options {
    rv_tensor *input;
    rv_axes axes;      /* as above */
    bool keepdim;      /* as above */
    double correction; /* what the number n of elements is lowered by; default 1 (Bessel's, for a
                          sample's variance); 0: that of the elements themselves; finite */
} rv_var_options;

/* The variance, sum((x - mean)^2)/(n - correction), and its root; floating. In two passes, both in
 * double, so that a large mean costs no digits. NaN or inf where n - correction <= 0, which counts
 * as 0 (NaN for no element or one).  g*2*(x - mean)/(n - correction);
 * g*(x - mean)/(y*(n - correction)), 0 where y is 0 */
#define rv_var(...) RV_OPTIONS(rv_var_with, rv_var_options, .correction = 1, .input = __VA_ARGS__)
RV_API rv_tensor *rv_var_with(const rv_var_options *options);
#define rv_std(...) RV_OPTIONS(rv_std_with, rv_var_options, .correction = 1, .input = __VA_ARGS__)
RV_API rv_tensor *rv_std_with(const rv_var_options *options);

typedef struct rv_moments {
    rv_tensor *var;
    rv_tensor *mean;
} rv_moments;
/* var and mean at once; both NULL with an error. */
#define rv_var_mean(...) \
    RV_OPTIONS(rv_var_mean_with, rv_var_options, .correction = 1, .input = __VA_ARGS__)
RV_API rv_moments rv_var_mean_with(const rv_var_options *options);

typedef struct rv_norm_options {
    rv_tensor *input;
    double p;     /* default 2; any number but NaN, and INFINITY or -INFINITY */
    rv_axes axes; /* as above */
    bool keepdim; /* as above */
} rv_norm_options;

/* rv_norm(x), rv_norm(x, 1), rv_norm(x, INFINITY, .axes = RV_AXES(1)): (sum |x|^p)^(1/p); for inf
 * the largest |x|, for -inf the smallest, for 0 how many elements are not 0 (PyTorch's
 * linalg.vector_norm); floating. Sums are in double, and elements are divided by the largest first
 * where powers could overflow or vanish. Of nothing 0, an error for p < 0 and inf.
 * g*sign(x)*(|x|/y)^(p-1), 0 where x or y is 0; for inf and -inf g*sign(x) in equal parts to the
 * elements that y is the size of; for p = 0 none. (p = 2: g*x/y. Second derivatives at such zeros
 * count as 0 too.) */
#define rv_norm(...) RV_OPTIONS(rv_norm_with, rv_norm_options, .p = 2, .input = __VA_ARGS__)
RV_API rv_tensor *rv_norm_with(const rv_norm_options *options);

/* ---- reductions without derivative: any dtype ------------------------------------------------ */

#define RV_ALL_AXES INT32_MIN /* for one axis: all of them, as if they were one */

typedef struct rv_arg_options {
    rv_tensor *input;
    int axis;     /* the axis that is searched; default RV_ALL_AXES */
    bool keepdim; /* whether it stays, with size 1; default false */
} rv_arg_options;

/* rv_argmax(x, 1), rv_argmax(x): where the largest element stands along one axis, or among all
 * elements in row-major order: I64, the first of equals, a NaN before all; of nothing an error. */
#define rv_argmax(...) \
    RV_OPTIONS(rv_argmax_with, rv_arg_options, .axis = RV_ALL_AXES, .input = __VA_ARGS__)
RV_API rv_tensor *rv_argmax_with(const rv_arg_options *options);
/* The same for the smallest; a NaN before all, too. */
#define rv_argmin(...) \
    RV_OPTIONS(rv_argmin_with, rv_arg_options, .axis = RV_ALL_AXES, .input = __VA_ARGS__)
RV_API rv_tensor *rv_argmin_with(const rv_arg_options *options);

/* Whether an element is not 0, and whether all are: U8. NaN is not 0; of nothing 0, and 1. */
#define rv_any(...) RV_OPTIONS(rv_any_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_any_with(const rv_reduce_options *options);
#define rv_all(...) RV_OPTIONS(rv_all_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_all_with(const rv_reduce_options *options);
/* How many elements are not 0: I64. */
#define rv_count_nonzero(...) \
    RV_OPTIONS(rv_count_nonzero_with, rv_reduce_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_count_nonzero_with(const rv_reduce_options *options);

/* ---- running totals along an axis ------------------------------------------------------------ */

typedef struct rv_scan_options {
    rv_tensor *input;
    int axis;       /* default 0 */
    bool reverse;   /* from the last element to the first; default false */
    bool exclusive; /* each element's total is that of those before it; default false */
} rv_scan_options;

/* rv_cumsum(x, 1): y[i] = x[0] + ... + x[i], and the product. Any dtype, I64 for U8; accumulated in
 * double, in order; a 0-d x has one axis. Exclusive: y[0] is 0, and 1 for the product, which needs
 * no division then.  cumsum: g's cumsum in the other direction.  cumprod: the product of those
 * before, times a linear_scan of g in the other direction; right with zeros among the elements */
#define rv_cumsum(...) RV_OPTIONS(rv_cumsum_with, rv_scan_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_cumsum_with(const rv_scan_options *options);
#define rv_cumprod(...) RV_OPTIONS(rv_cumprod_with, rv_scan_options, .input = __VA_ARGS__)
RV_API rv_tensor *rv_cumprod_with(const rv_scan_options *options);

typedef struct rv_linear_scan_options {
    rv_tensor *a;
    rv_tensor *b;
    int axis;       /* default 0 */
    bool reverse;   /* default false */
    bool exclusive; /* default false */
} rv_linear_scan_options;

/* rv_linear_scan(a, b, 1): y[i] = a[i]*y[i-1] + b[i], from 0: sums with a discount, linear
 * recurrences. a and b floating, of one shape; accumulated in double. Exclusive: y[i-1] in place of
 * y[i].  b: h, which is g's scan with a in the other direction, a applied one element later;
 * a: h*y[i-1] */
#define rv_linear_scan(a_, ...) \
    RV_OPTIONS(rv_linear_scan_with, rv_linear_scan_options, .a = (a_), .b = __VA_ARGS__)
RV_API rv_tensor *rv_linear_scan_with(const rv_linear_scan_options *options);

/* ---- order ----------------------------------------------------------------------------------- */

typedef struct rv_sorted {
    rv_tensor *values;
    rv_tensor *indices; /* I64: where along the axis each value stood */
} rv_sorted;

typedef struct rv_sort_options {
    rv_tensor *input;
    int axis;        /* default -1 */
    bool descending; /* default false */
} rv_sort_options;

/* rv_sort(x), rv_sort(x, 0, .descending = true): the elements in order along an axis, equals as
 * they came (stable), NaN last, or first if descending, as in PyTorch. Any dtype; a 0-d x has one
 * axis. Both NULL with an error.  g, put back where the values stood */
#define rv_sort(...) RV_OPTIONS(rv_sort_with, rv_sort_options, .axis = -1, .input = __VA_ARGS__)
RV_API rv_sorted rv_sort_with(const rv_sort_options *options);
/* The indices of that alone; no derivative. */
#define rv_argsort(...) \
    RV_OPTIONS(rv_argsort_with, rv_sort_options, .axis = -1, .input = __VA_ARGS__)
RV_API rv_tensor *rv_argsort_with(const rv_sort_options *options);

typedef struct rv_topk_options {
    rv_tensor *input;
    int64_t k;     /* how many, 0 to the axis' size */
    int axis;      /* default -1 */
    bool smallest; /* the k smallest in place of the largest; default false */
} rv_topk_options;

/* rv_topk(x, 10): the first k of rv_sort(x, .descending = !smallest), found without sorting the
 * rest: the largest first, the first of equals first. */
#define rv_topk(x, ...) \
    RV_OPTIONS(rv_topk_with, rv_topk_options, .axis = -1, .input = (x), .k = __VA_ARGS__)
RV_API rv_sorted rv_topk_with(const rv_topk_options *options);

RV_END_C

#endif

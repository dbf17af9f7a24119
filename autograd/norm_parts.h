/* norm_parts.h - what the normalizing operations share. Private to autograd/. */
#ifndef RV_AUTOGRAD_NORM_PARTS_H
#define RV_AUTOGRAD_NORM_PARTS_H

#include "autograd/op_support.h"

/* Which elements are normalized together, and how. */
typedef struct rv_norm_form {
    const char *who; /* a literal: the operation in messages */
    bool by_rows;    /* the last `axes` axes of each row; else each channel (axis 1) */
    int axes;
    bool is_fixed; /* by channel: the statistics do not come from x */
    bool centered; /* the mean is taken off */
    double eps;
} rv_norm_form;

/* Whether eps is a number from 0 on; and that, with g of x's shape and dtype. */
bool rv_norm_check_eps(const char *who, double eps);
bool rv_norm_check_grad(const char *who, const rv_tensor *g, const rv_tensor *x, double eps);

/* xhat*weight + bias, recorded; weight and bias may be NULL. Arguments have been checked.
 * `statistics` is what rv_norm_statistics gives (core/norm.h); not used by rows. */
rv_tensor *rv_normalize(const rv_norm_form *form, rv_tensor *x, rv_tensor *weight, rv_tensor *bias,
                        rv_tensor *statistics);

/* The gradients of that, with statistics from x, recorded. */
rv_norm_gradients rv_normalize_grad(const rv_norm_form *form, rv_tensor *g, rv_tensor *x,
                                    rv_tensor *weight);

#endif

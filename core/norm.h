/* norm.h - running the kernels of normalization over whole tensors. For those who write operations.
 *
 * Channels are axis 1 of x [n, channels, ...]. x may be row-major or channels-last; what is made of
 * it lies in memory as x does, and anything else is copied first. Statistics are F64 whatever x is.
 * Work is cut by shape alone, and the parts are put together in one order.
 */
#ifndef RV_CORE_NORM_H
#define RV_CORE_NORM_H

#include "core/kernels/kernels.h"

RV_BEGIN_C

/* [3, channels]: mean, 1/sqrt(variance + eps), variance (biased). x must have an element in each
 * channel. NULL with an error under `who`. */
RV_API rv_tensor *rv_norm_statistics(const char *who, const rv_tensor *x, double eps);

/* What the functions below work on: xhat = (x - mean)*scale, y = xhat*weight + bias. */
typedef struct rv_norm_task {
    const char *who;
    const rv_tensor *x, *statistics;
    const rv_tensor *weight, *bias; /* [channels] of x's dtype, or NULL: ones, zeros */
    bool is_fixed;                  /* the statistics are numbers, not those of x */
} rv_norm_task;

RV_API rv_tensor *rv_norm_apply(const rv_norm_task *task);

/* The gradients of x, weight [channels] and bias [channels], from that of y; those that are wanted,
 * the others NULL. Two passes over memory. False with an error. */
typedef struct rv_norm_results {
    rv_tensor *of_x, *of_weight, *of_bias, *of_g;
} rv_norm_results;
RV_API bool rv_norm_gradients_of(const rv_norm_task *task, const rv_tensor *g,
                                 rv_norm_results *results);

/* The same once more: the gradients of g, x and weight, from those of what rv_norm_gradients_of
 * gives: a that of of_x, p [channels] that of of_weight, q [channels] that of of_bias (p and q may
 * be NULL: zeros). */
RV_API bool rv_norm_second(const rv_norm_task *task, const rv_tensor *g, const rv_tensor *a,
                           const rv_tensor *p, const rv_tensor *q, rv_norm_results *results);

/* Each of the rows that x has along its last `axes` axes normalized by itself: y, and statistics
 * [2, rows]: mean (0 unless `centered`), 1/sqrt(variance + eps). weight and bias have the shape of
 * those axes, or are NULL. x must have an element in each row. False with an error. */
typedef struct rv_norm_row_task {
    const char *who;
    const rv_tensor *x, *weight, *bias;
    int axes;
    double eps;
    bool centered;
} rv_norm_row_task;
RV_API bool rv_norm_by_rows(const rv_norm_row_task *task, rv_tensor **y, rv_tensor **statistics);

/* The gradients of x, and, where `affine`, of weight and bias. */
RV_API bool rv_norm_by_rows_gradients_of(const rv_norm_row_task *task, const rv_tensor *g,
                                         const rv_tensor *statistics, bool affine,
                                         rv_norm_results *results);

RV_END_C

#endif

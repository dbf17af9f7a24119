/* op_support.h - what several operations need. Private to autograd/. */
#ifndef RV_AUTOGRAD_OP_SUPPORT_H
#define RV_AUTOGRAD_OP_SUPPORT_H

#include "autograd/op.h"
#include "autograd/operations.h"

/* A 0-d constant of x's dtype: the second input of an operation with a scalar. NULL with an error
 * under `who` for an x that is none, or a value that an integer dtype cannot hold exactly. */
rv_tensor *rv_scalar_like(const char *who, const rv_tensor *x, double value);

/* Whether t is a tensor of F32 or F64; false with an error under `who`. */
bool rv_check_floating(const char *who, int input, const rv_tensor *t);

/* Whether a and b have one dtype; false with an error under `who`. */
bool rv_check_dtypes(const char *who, const rv_tensor *a, const rv_tensor *b);

/* Copies `from`, broadcast to the shape of `into`, over `into`, a tensor that nobody else has seen
 * yet (so that it needs no version). False with an error. */
bool rv_write(const char *who, rv_tensor *into, const rv_tensor *from);

/* t with the axes of `set` (bit i is axis i) backwards: a view whose strides are negative there,
 * which elementwise loops take, and nothing else; so it must not leave the operation. */
rv_tensor *rv_reversed(const char *who, const rv_tensor *t, uint32_t set);

/* An array of n NULLs, and one more as its end, that the innermost scope owns. */
rv_tensor **rv_tensor_array(int n);

/* x, for a derivative that only compares it: detached where that derivative is recorded, so that
 * nothing is to flow back through it. NULL for NULL. */
rv_tensor *rv_alone(rv_tensor *x);

/* The number of elements of `count` sizes. */
int64_t rv_product(int count, const int64_t *sizes);

/* Calls run(context, first, count) for all rows, in pieces for the threads. Pieces are of 16384
 * elements (or one row, if that is longer): by the rows' length alone, and so that pieces of single
 * elements start at a multiple of 4, as random numbers come. */
typedef void rv_rows_function(void *context, int64_t first, int64_t count);
void rv_run_rows(int64_t rows, int64_t row_length, rv_rows_function *run, void *context);

#endif

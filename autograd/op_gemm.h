/* op_gemm.h - tensors as BLAS takes them, for matmul and linear. Private to autograd/. */
#ifndef RV_AUTOGRAD_OP_GEMM_H
#define RV_AUTOGRAD_OP_GEMM_H

#include "core/gemm.h"

/* The last two axes of t (2 or more) as an operand: t itself where BLAS can take its strides, else
 * a row-major copy, which the innermost scope owns. NULL with an error. */
const rv_tensor *rv_gemm_ready(const char *who, const rv_tensor *t);

/* The operand of a ready tensor, as it is or transposed; batch strides are 0. */
rv_gemm_operand rv_gemm_operand_of(const rv_tensor *t, bool transposed);

/* Whether all axes of a ready tensor but the last are evenly spaced, so that they are the rows of
 * one matrix: then *operand is that matrix. */
bool rv_gemm_flatten(const rv_tensor *t, rv_gemm_operand *operand);

#endif

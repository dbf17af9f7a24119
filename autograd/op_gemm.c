/* op_gemm.c - tensors as BLAS takes them. */
#include "autograd/op_gemm.h"

const rv_tensor *rv_gemm_ready(const char *who, const rv_tensor *t)
{
    const int row = t->ndim - 2, column = t->ndim - 1;
    const bool takes =
        rv_gemm_takes(t->shape[row], t->shape[column], t->strides[row], t->strides[column]);
    return takes ? t : rv_raw_copy(who, t);
}

rv_gemm_operand rv_gemm_operand_of(const rv_tensor *t, bool transposed)
{
    const int64_t row = t->strides[t->ndim - 2], column = t->strides[t->ndim - 1];
    return (rv_gemm_operand){
        .data = t->data, .row = transposed ? column : row, .column = transposed ? row : column};
}

bool rv_gemm_flatten(const rv_tensor *t, rv_gemm_operand *operand)
{
    const int64_t columns = t->shape[t->ndim - 1], column = t->strides[t->ndim - 1];
    int64_t rows = 1, row = columns > 0 ? columns : 1;
    for (int i = t->ndim - 2; i >= 0; i--) {
        if (t->shape[i] == 1)
            continue;
        if (rows == 1)
            row = t->strides[i];
        else if (t->strides[i] != row * rows)
            return false;
        rows *= t->shape[i];
    }
    *operand = (rv_gemm_operand){.data = t->data, .row = row, .column = column};
    return rv_gemm_takes(rows, columns, row, column);
}

/* table.c - the table of one instruction set, from the lists in isa.h. */

#include "core/kernels/isa.h"

#define LOOP(id, dtype) .loops[RV_LOOP_##id][RV_##dtype] = RV_KERNEL(id##_##dtype),
#define CAST(from, to) .cast[RV_##from][RV_##to] = RV_KERNEL(cast_##from##_##to),
#define FOLD(fold, dtype)                                                         \
    .folds[RV_FOLD_##fold][RV_##dtype] = {.line = RV_KERNEL(fold##_line_##dtype), \
                                          .rows = RV_KERNEL(fold##_rows_##dtype)},
#define FLOATING(kernel)                                 \
    {                                                    \
        RV_KERNEL(kernel##_F32), RV_KERNEL(kernel##_F64) \
    }

const rv_kernels RV_KERNELS_TABLE = {.name = RV_TEXT(RV_ISA),
                                     .softmax = FLOATING(softmax),
                                     .log_softmax = FLOATING(log_softmax),
                                     .cross_entropy = FLOATING(cross_entropy),
                                     .dropout = FLOATING(dropout),
                                     .norm_moments = FLOATING(norm_moments),
                                     .norm_moments_columns = FLOATING(norm_moments_columns),
                                     .norm_products = FLOATING(norm_products),
                                     .norm_products_columns = FLOATING(norm_products_columns),
                                     .norm_combine = FLOATING(norm_combine),
                                     .norm_combine_columns = FLOATING(norm_combine_columns),
                                     .norm_rows = FLOATING(norm_rows),
                                     .norm_rows_grad = FLOATING(norm_rows_grad),
                                     .max_pool = FLOATING(max_pool),
                                     .max_pool_grad = FLOATING(max_pool_grad),
                                     .max_pool_at = FLOATING(max_pool_at),
                                     .axis_map = FLOATING(axis_map),
                                     .sgd = FLOATING(sgd),
                                     .adam = FLOATING(adam),
                                     RV_LOOPS(LOOP) RV_CASTS(CAST) RV_FOLDS(FOLD)};

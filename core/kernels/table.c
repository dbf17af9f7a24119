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
                                     .transpose = {[RV_F32] = RV_KERNEL(transpose_4),
                                                   [RV_F64] = RV_KERNEL(transpose_8),
                                                   [RV_I64] = RV_KERNEL(transpose_8),
                                                   [RV_U8] = RV_KERNEL(transpose_1)},
                                     .softmax = FLOATING(softmax),
                                     .log_softmax = FLOATING(log_softmax),
                                     .cross_entropy = FLOATING(cross_entropy),
                                     .dropout = FLOATING(dropout),
                                     .sgd = FLOATING(sgd),
                                     .adam = FLOATING(adam),
                                     RV_LOOPS(LOOP) RV_CASTS(CAST) RV_FOLDS(FOLD)};

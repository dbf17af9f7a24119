/* table.c - the table of one instruction set, from the lists in isa.h. */

#include "core/kernels/isa.h"

#define LOOP(id, dtype) .loops[RV_LOOP_##id][RV_##dtype] = RV_KERNEL(id##_##dtype),
#define CAST(from, to) .cast[RV_##from][RV_##to] = RV_KERNEL(cast_##from##_##to),
#define FOLD_OF(fold, dtype)                                                             \
    {                                                                                    \
        .lines = RV_KERNEL(fold##_lines_##dtype), .rows = RV_KERNEL(fold##_rows_##dtype) \
    }
#define FOLD(fold, dtype) .folds[RV_FOLD_##fold][RV_##dtype] = FOLD_OF(fold, dtype),
#define CENTERED(fold, dtype) .centered_folds[RV_FOLD_##fold][RV_##dtype] = FOLD_OF(fold, dtype),
#define WIDTHS(T)                                                        \
    {                                                                    \
        RV_CONV_WIDE_BYTES / sizeof(T), RV_CONV_NARROW_BYTES / sizeof(T) \
    }
#define BOTH_WIDTHS(kernel, dtype)                                           \
    {                                                                        \
        RV_KERNEL(kernel##_wide_##dtype), RV_KERNEL(kernel##_narrow_##dtype) \
    }
#define FLOATING(kernel)                                 \
    {                                                    \
        RV_KERNEL(kernel##_F32), RV_KERNEL(kernel##_F64) \
    }

#define PAIR_LOSS(name)                                                                \
    .pair_losses[RV_PAIR_LOSS_##name] = {                                              \
        {.loss = RV_KERNEL(name##_loss_F32), .grad = RV_KERNEL(name##_loss_grad_F32)}, \
        {.loss = RV_KERNEL(name##_loss_F64), .grad = RV_KERNEL(name##_loss_grad_F64)}, \
    },

const rv_kernels RV_KERNELS_TABLE = {
    .name = RV_TEXT(RV_ISA),
    .softmax = FLOATING(softmax),
    .log_softmax = FLOATING(log_softmax),
    .softmax_grad = FLOATING(softmax_grad),
    .log_softmax_grad = FLOATING(log_softmax_grad),
    .cross_entropy = FLOATING(cross_entropy),
    .cross_entropy_grad = FLOATING(cross_entropy_grad),
    .dropout = FLOATING(dropout),
    .cholesky = FLOATING(cholesky),
    .lu = FLOATING(lu),
    .triangle_pass = RV_KERNEL(triangle_pass),
    .conv_width = {WIDTHS(float), WIDTHS(double)},
    .conv_line = {BOTH_WIDTHS(conv_line, F32), BOTH_WIDTHS(conv_line, F64)},
    .conv_outer = {BOTH_WIDTHS(conv_outer, F32), BOTH_WIDTHS(conv_outer, F64)},
    .conv_depthwise = {BOTH_WIDTHS(conv_depthwise, F32), BOTH_WIDTHS(conv_depthwise, F64)},
    .conv_depthwise_outer = {BOTH_WIDTHS(conv_depthwise_outer, F32),
                             BOTH_WIDTHS(conv_depthwise_outer, F64)},
    .winograd_image = RV_KERNEL(winograd_image),
    .winograd_gradient = RV_KERNEL(winograd_gradient),
    .winograd_weights = RV_KERNEL(winograd_weights),
    .winograd_result = RV_KERNEL(winograd_result),
    .winograd_weight_gradient = RV_KERNEL(winograd_weight_gradient),
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
    .transpose = {[RV_F32] = RV_KERNEL(transpose_4),
                  [RV_F64] = RV_KERNEL(transpose_8),
                  [RV_I64] = RV_KERNEL(transpose_8),
                  [RV_U8] = RV_KERNEL(transpose_1)},
    RV_LOOPS(LOOP) RV_CASTS(CAST) RV_FOLDS(FOLD) RV_CENTERED_FOLDS(CENTERED)
        RV_PAIR_LOSS_LIST(PAIR_LOSS)};

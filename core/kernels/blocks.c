/* blocks.c - loops of costly functions over operands that are not contiguous.
 *
 * A loop whose vector code takes contiguous operands only hands all others to in_blocks, which
 * copies them, some hundred elements at a time, beside each other: little work next to the
 * function's, and the loop itself needs no code for strides.
 */

#include "core/kernels/loops.h"

#define BLOCK 256
#define MAX_OPERANDS 5

/* Operands that are contiguous are taken where they are; one that is a single element fills its
 * block once. */
void RV_KERNEL(in_blocks)(rv_loop *loop, rv_loop *copy, int64_t size, int operands, int64_t n,
                          char *const *data, const int64_t *strides)
{
    _Alignas(64) char blocks[MAX_OPERANDS][BLOCK * sizeof(double)];
    char *at[MAX_OPERANDS];
    int64_t packed[MAX_OPERANDS];
    for (int k = 0; k < operands; k++) {
        packed[k] = size;
        at[k] = blocks[k];
        if (k > 0 && strides[k] == 0)
            copy(n < BLOCK ? n : BLOCK, (char *const[]){blocks[k], data[k]},
                 (const int64_t[]){size, 0});
    }
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t count = n - i < BLOCK ? n - i : BLOCK;
        for (int k = 0; k < operands; k++) {
            if (strides[k] == size)
                at[k] = data[k] + i * size;
            else if (k > 0 && strides[k] != 0)
                copy(count, (char *const[]){blocks[k], data[k] + i * strides[k]},
                     (const int64_t[]){size, strides[k]});
        }
        loop(count, at, packed);
        if (strides[0] != size)
            copy(count, (char *const[]){data[0] + i * strides[0], blocks[0]},
                 (const int64_t[]){strides[0], size});
    }
}

/* dropout.c - elements that a random number drops, the others scaled.
 *
 * Element i goes by number i % 4 of the Philox block offset + i/4, whatever piece of the tensor it
 * is computed in. Blocks are drawn BLOCKS at a time, so that their rounds run side by side in
 * vector code.
 */

#include "core/kernels/isa.h"
#include "core/philox.h"

#define BLOCKS 32

/* The numbers of BLOCKS blocks from `block` on, in order. */
static void draw(uint64_t seed, uint64_t block, uint32_t numbers[4 * BLOCKS])
{
    uint32_t drawn[4][BLOCKS];
    for (int j = 0; j < BLOCKS; j++) {
        uint32_t four[4];
        rv_philox_block(seed, block + (uint64_t)j, four);
        for (int k = 0; k < 4; k++)
            drawn[k][j] = four[k];
    }
    for (int j = 0; j < BLOCKS; j++)
        for (int k = 0; k < 4; k++)
            numbers[4 * j + k] = drawn[k][j];
}

#define DROPOUT(dtype, T)                                                                   \
    void RV_KERNEL(dropout_##dtype)(int64_t n, const void *x, void *y, uint64_t seed,       \
                                    uint64_t offset, int64_t first, uint32_t threshold,     \
                                    double scale)                                           \
    {                                                                                       \
        const T factor = (T)scale;                                                          \
        uint32_t numbers[4 * BLOCKS];                                                       \
        int64_t skipped = first % 4; /* numbers of the first block that belong to others */ \
        uint64_t block = offset + (uint64_t)(first / 4);                                    \
        for (int64_t i = 0; i < n; block += BLOCKS, skipped = 0) {                          \
            const int64_t left = n - i, drawn = 4 * BLOCKS - skipped;                       \
            const int64_t count = left < drawn ? left : drawn;                              \
            const T *const in = (const T *)x + i;                                           \
            const uint32_t *const number = numbers + skipped;                               \
            T *const out = (T *)y + i;                                                      \
            draw(seed, block, numbers);                                                     \
            RV_INDEPENDENT for (int64_t j = 0; j < count; j++)                              \
            {                                                                               \
                const T kept = in[j] * factor;                                              \
                out[j] = number[j] >= threshold ? kept : 0;                                 \
            }                                                                               \
            i += count;                                                                     \
        }                                                                                   \
    }

DROPOUT(F32, float)
DROPOUT(F64, double)

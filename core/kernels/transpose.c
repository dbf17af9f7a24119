/* transpose.c - a matrix's elements in the order of its transpose.
 *
 * Read along the one's lines and written along the other's, every element would touch a cache line
 * of its own. So the work is done in blocks of a few lines each way: the lines that a block reads
 * are still in the cache for the block beside it. Within a block, small squares are turned in
 * registers.
 */

#include <string.h>

#include "core/kernels/isa.h"

#define BLOCK 8 /* 16 and 32 took longer on matrices from [256,256] to [2048,2048] */

/* One by one: what is left at the edges, and bytes. */
#define DEFINE_TURN_EACH(name, T)                                                                  \
    static inline void name(int64_t rows, int64_t columns, const char *x, int64_t x_step, char *y, \
                            int64_t y_step)                                                        \
    {                                                                                              \
        for (int64_t row = 0; row < rows; row++)                                                   \
            for (int64_t column = 0; column < columns; column++)                                   \
                memcpy(y + row * y_step + column * (int64_t)sizeof(T),                             \
                       x + column * x_step + row * (int64_t)sizeof(T), sizeof(T));                 \
    }

DEFINE_TURN_EACH(turn_each_1, uint8_t)
DEFINE_TURN_EACH(turn_each_4, uint32_t)
DEFINE_TURN_EACH(turn_each_8, uint64_t)

RV_VECTOR(four, uint32_t, 16);
RV_VECTOR(two, uint64_t, 16);

/* A square of 4 by 4 elements of 4 bytes. */
static inline void turn_square_4(const char *x, int64_t x_step, char *y, int64_t y_step)
{
    four a, b, c, d;
    memcpy(&a, x, sizeof a);
    memcpy(&b, x + x_step, sizeof b);
    memcpy(&c, x + 2 * x_step, sizeof c);
    memcpy(&d, x + 3 * x_step, sizeof d);
    const four ab_low = RV_SHUFFLE(a, b, 0, 4, 1, 5), ab_high = RV_SHUFFLE(a, b, 2, 6, 3, 7);
    const four cd_low = RV_SHUFFLE(c, d, 0, 4, 1, 5), cd_high = RV_SHUFFLE(c, d, 2, 6, 3, 7);
    a = RV_SHUFFLE(ab_low, cd_low, 0, 1, 4, 5);
    b = RV_SHUFFLE(ab_low, cd_low, 2, 3, 6, 7);
    c = RV_SHUFFLE(ab_high, cd_high, 0, 1, 4, 5);
    d = RV_SHUFFLE(ab_high, cd_high, 2, 3, 6, 7);
    memcpy(y, &a, sizeof a);
    memcpy(y + y_step, &b, sizeof b);
    memcpy(y + 2 * y_step, &c, sizeof c);
    memcpy(y + 3 * y_step, &d, sizeof d);
}

/* A square of 2 by 2 elements of 8 bytes. */
static inline void turn_square_8(const char *x, int64_t x_step, char *y, int64_t y_step)
{
    two a, b;
    memcpy(&a, x, sizeof a);
    memcpy(&b, x + x_step, sizeof b);
    const two low = RV_SHUFFLE(a, b, 0, 2), high = RV_SHUFFLE(a, b, 1, 3);
    memcpy(y, &low, sizeof low);
    memcpy(y + y_step, &high, sizeof high);
}

/* A block whose sides are multiples of `side`, square by square. */
#define DEFINE_TURN_SQUARES(name, square, side, size)                                              \
    static inline void name(const char *x, int64_t x_step, char *y, int64_t y_step)                \
    {                                                                                              \
        for (int64_t row = 0; row < BLOCK; row += side)                                            \
            for (int64_t column = 0; column < BLOCK; column += side)                               \
                square(x + column * x_step + row * size, x_step, y + row * y_step + column * size, \
                       y_step);                                                                    \
    }

DEFINE_TURN_SQUARES(turn_block_4, turn_square_4, 4, 4)
DEFINE_TURN_SQUARES(turn_block_8, turn_square_8, 2, 8)

static inline void turn_block_1(const char *x, int64_t x_step, char *y, int64_t y_step)
{
    turn_each_1(BLOCK, BLOCK, x, x_step, y, y_step);
}

#define TRANSPOSE(size)                                                                            \
    void RV_KERNEL(transpose_##size)(int64_t rows, int64_t columns, const char *x, int64_t x_step, \
                                     char *y, int64_t y_step)                                      \
    {                                                                                              \
        for (int64_t row = 0; row < rows; row += BLOCK) {                                          \
            const int64_t height = rows - row < BLOCK ? rows - row : BLOCK;                        \
            for (int64_t column = 0; column < columns; column += BLOCK) {                          \
                const int64_t width = columns - column < BLOCK ? columns - column : BLOCK;         \
                const char *const from = x + column * x_step + row * (size);                       \
                char *const to = y + row * y_step + column * (size);                               \
                if (height == BLOCK && width == BLOCK)                                             \
                    turn_block_##size(from, x_step, to, y_step);                                   \
                else                                                                               \
                    turn_each_##size(height, width, from, x_step, to, y_step);                     \
            }                                                                                      \
        }                                                                                          \
    }

TRANSPOSE(1)
TRANSPOSE(4)
TRANSPOSE(8)

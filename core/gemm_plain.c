/* gemm_plain.c - a matrix product in plain C, written so that compilers turn it into vectors.
 *
 * b is cut into blocks that fit the nearest cache, packed so that the elements of a row are
 * neighbours, whatever b's strides are. Each row of c then takes a block's rows four at a time, each
 * times one element of a: a long loop of independent elements. Every element of c is summed over k
 * in order.
 */

#include "core/gemm_plain.h"

#define BLOCK_ROWS 32
#define BLOCK_COLUMNS 128

/* The functions of one element type T. */
#define DEFINE_PRODUCT(T)                                                                          \
    static void pack_##T(int64_t rows, int64_t columns, const T *b, int64_t row, int64_t column,   \
                         T *restrict block)                                                        \
    {                                                                                              \
        for (int64_t p = 0; p < rows; p++)                                                         \
            for (int64_t j = 0; j < columns; j++)                                                  \
                block[p * BLOCK_COLUMNS + j] = b[p * row + j * column];                            \
    }                                                                                              \
                                                                                                   \
    /* Adds a row of a times the block to a row of c. */                                           \
    static void add_row_##T(int64_t rows, int64_t columns, const T *a, int64_t step,               \
                            const T *restrict block, T *restrict c)                                \
    {                                                                                              \
        int64_t p = 0;                                                                             \
        for (; p + 4 <= rows; p += 4) {                                                            \
            const T a0 = a[p * step], a1 = a[(p + 1) * step];                                      \
            const T a2 = a[(p + 2) * step], a3 = a[(p + 3) * step];                                \
            const T *const b = block + p * BLOCK_COLUMNS;                                          \
            for (int64_t j = 0; j < columns; j++)                                                  \
                c[j] = c[j] + a0 * b[j] + a1 * b[BLOCK_COLUMNS + j] +                              \
                       a2 * b[2 * BLOCK_COLUMNS + j] + a3 * b[3 * BLOCK_COLUMNS + j];              \
        }                                                                                          \
        for (; p < rows; p++)                                                                      \
            for (int64_t j = 0; j < columns; j++)                                                  \
                c[j] += a[p * step] * block[p * BLOCK_COLUMNS + j];                                \
    }                                                                                              \
                                                                                                   \
    static void scale_##T(int64_t m, int64_t n, T *c, int64_t row, T beta)                         \
    {                                                                                              \
        for (int64_t i = 0; i < m; i++)                                                            \
            for (int64_t j = 0; j < n; j++)                                                        \
                c[i * row + j] = beta == 0 ? 0 : beta * c[i * row + j];                            \
    }                                                                                              \
                                                                                                   \
    static void product_##T(int64_t m, int64_t n, int64_t k, rv_matrix a, rv_matrix b,             \
                            rv_matrix c, double beta)                                              \
    {                                                                                              \
        const T *const a_data = (const T *)(const void *)a.data;                                   \
        const T *const b_data = (const T *)(const void *)b.data;                                   \
        T *const c_data = (T *)(void *)c.data;                                                     \
        T block[BLOCK_ROWS * BLOCK_COLUMNS];                                                       \
        scale_##T(m, n, c_data, c.row, (T)beta);                                                   \
        for (int64_t j = 0; j < n; j += BLOCK_COLUMNS) {                                           \
            const int64_t columns = n - j < BLOCK_COLUMNS ? n - j : BLOCK_COLUMNS;                 \
            for (int64_t p = 0; p < k; p += BLOCK_ROWS) {                                          \
                const int64_t rows = k - p < BLOCK_ROWS ? k - p : BLOCK_ROWS;                      \
                pack_##T(rows, columns, b_data + p * b.row + j * b.column, b.row, b.column,        \
                         block);                                                                   \
                for (int64_t i = 0; i < m; i++)                                                    \
                    add_row_##T(rows, columns, a_data + i * a.row + p * a.column, a.column, block, \
                                c_data + i * c.row + j);                                           \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_PRODUCT(float)
DEFINE_PRODUCT(double)

void rv_gemm_plain(rv_dtype dtype, int64_t m, int64_t n, int64_t k, rv_matrix a, rv_matrix b,
                   rv_matrix c, double beta)
{
    if (dtype == RV_F32)
        product_float(m, n, k, a, b, c, beta);
    else
        product_double(m, n, k, a, b, c, beta);
}

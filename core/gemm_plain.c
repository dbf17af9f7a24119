/* gemm_plain.c - a matrix product in plain C, written so that compilers turn it into vectors.
 *
 * b is cut into blocks that fit the nearest cache, and packed if the elements of its rows are not
 * neighbours as they stand. Each row of c then takes a block's rows four at a time, each times one
 * element of a: a long loop of independent elements. Every element of c is summed over k in order.
 */

#include "core/gemm_plain.h"

/* A packed block of F64 is 32 KiB. */
#define BLOCK_ROWS 32
#define BLOCK_COLUMNS 128

/* The functions of one element type T. */
#define DEFINE_PRODUCT(T)                                                                        \
    static void pack_##T(int64_t rows, int64_t columns, const T *b, int64_t row, int64_t column, \
                         T *restrict packed)                                                     \
    {                                                                                            \
        for (int64_t p = 0; p < rows; p++)                                                       \
            for (int64_t j = 0; j < columns; j++)                                                \
                packed[p * BLOCK_COLUMNS + j] = b[p * row + j * column];                         \
    }                                                                                            \
                                                                                                 \
    /* Adds a row of a times a block of b to a row of c. */                                      \
    static void add_row_##T(int64_t rows, int64_t columns, const T *a, int64_t a_column,         \
                            const T *restrict b, int64_t b_row, T *restrict c)                   \
    {                                                                                            \
        int64_t p = 0;                                                                           \
        for (; p + 4 <= rows; p += 4, a += 4 * a_column, b += 4 * b_row) {                       \
            const T a0 = a[0], a1 = a[a_column], a2 = a[2 * a_column], a3 = a[3 * a_column];     \
            for (int64_t j = 0; j < columns; j++)                                                \
                c[j] = c[j] + a0 * b[j] + a1 * b[b_row + j] + a2 * b[2 * b_row + j] +            \
                       a3 * b[3 * b_row + j];                                                    \
        }                                                                                        \
        for (; p < rows; p++, a += a_column, b += b_row)                                         \
            for (int64_t j = 0; j < columns; j++)                                                \
                c[j] += *a * b[j];                                                               \
    }                                                                                            \
                                                                                                 \
    static void scale_##T(int64_t m, int64_t n, T *c, int64_t row, T beta)                       \
    {                                                                                            \
        for (int64_t i = 0; i < m; i++)                                                          \
            for (int64_t j = 0; j < n; j++)                                                      \
                c[i * row + j] = beta == 0 ? 0 : beta * c[i * row + j];                          \
    }                                                                                            \
                                                                                                 \
    static void product_##T(int64_t m, int64_t n, int64_t k, rv_matrix a, rv_matrix b,           \
                            rv_matrix c, double beta)                                            \
    {                                                                                            \
        const T *const a_data = (const T *)(const void *)a.data;                                 \
        const T *const b_data = (const T *)(const void *)b.data;                                 \
        T *const c_data = (T *)(void *)c.data;                                                   \
        T packed[BLOCK_ROWS * BLOCK_COLUMNS];                                                    \
        scale_##T(m, n, c_data, c.row, (T)beta);                                                 \
        for (int64_t j = 0; j < n; j += BLOCK_COLUMNS) {                                         \
            const int64_t columns = n - j < BLOCK_COLUMNS ? n - j : BLOCK_COLUMNS;               \
            for (int64_t p = 0; p < k; p += BLOCK_ROWS) {                                        \
                const int64_t rows = k - p < BLOCK_ROWS ? k - p : BLOCK_ROWS;                    \
                const T *const block = b_data + p * b.row + j * b.column;                        \
                if (b.column != 1)                                                               \
                    pack_##T(rows, columns, block, b.row, b.column, packed);                     \
                for (int64_t i = 0; i < m; i++)                                                  \
                    add_row_##T(rows, columns, a_data + i * a.row + p * a.column, a.column,      \
                                b.column != 1 ? packed : block,                                  \
                                b.column != 1 ? BLOCK_COLUMNS : b.row, c_data + i * c.row + j);  \
            }                                                                                    \
        }                                                                                        \
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

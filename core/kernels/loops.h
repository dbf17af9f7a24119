/* loops.h - how an elementwise loop is written. Private to kernels/.
 *
 * UNARY and BINARY define a loop from an expression of x, or of a and b. Each holds the same loop
 * several times, for the strides that are worth their own vector code: all contiguous, or one
 * operand a single element; and once for strides of any kind. R is the type of the result, T the
 * type of the inputs. The result may take the place of an input.
 */
#ifndef RV_CORE_KERNELS_LOOPS_H
#define RV_CORE_KERNELS_LOOPS_H

#include "core/kernels/isa.h"

/* Operand k in variables of its own: for all the compiler knows, storing an element could change
 * what stands in the arrays. ELEMENT is its element i, of type T. */
#define OPERAND(k)               \
    char *const at##k = data[k]; \
    const int64_t step##k = strides[k]
#define ELEMENT(T, k, i) (*(T *)(void *)(at##k + (i)*step##k))

#define STRIDE_IS(T, k) (strides[k] == (int64_t)sizeof(T))

#define EACH RV_INDEPENDENT for (int64_t i = 0; i < n; i++)

#define UNARY(name, dtype, R, T, expression)                                             \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                    \
        if (STRIDE_IS(R, 0) && STRIDE_IS(T, 1)) {                                        \
            R *const y = (R *)(void *)data[0];                                           \
            const T *const xs = (const T *)(const void *)data[1];                        \
            EACH                                                                         \
            {                                                                            \
                const T x = xs[i];                                                       \
                y[i] = (R)(expression);                                                  \
            }                                                                            \
            return;                                                                      \
        }                                                                                \
        OPERAND(0);                                                                      \
        OPERAND(1);                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                \
            const T x = ELEMENT(const T, 1, i);                                          \
            ELEMENT(R, 0, i) = (R)(expression);                                          \
        }                                                                                \
    }

#define BINARY(name, dtype, R, T, expression)                                            \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                    \
        R *const y = (R *)(void *)data[0];                                               \
        const T *const as = (const T *)(const void *)data[1];                            \
        const T *const bs = (const T *)(const void *)data[2];                            \
        if (n <= 0)                                                                      \
            return;                                                                      \
        if (STRIDE_IS(R, 0) && STRIDE_IS(T, 1) && STRIDE_IS(T, 2)) {                     \
            EACH                                                                         \
            {                                                                            \
                const T a = as[i], b = bs[i];                                            \
                y[i] = (R)(expression);                                                  \
            }                                                                            \
        } else if (STRIDE_IS(R, 0) && STRIDE_IS(T, 1) && strides[2] == 0) {              \
            const T b = bs[0];                                                           \
            EACH                                                                         \
            {                                                                            \
                const T a = as[i];                                                       \
                y[i] = (R)(expression);                                                  \
            }                                                                            \
        } else if (STRIDE_IS(R, 0) && strides[1] == 0 && STRIDE_IS(T, 2)) {              \
            const T a = as[0];                                                           \
            EACH                                                                         \
            {                                                                            \
                const T b = bs[i];                                                       \
                y[i] = (R)(expression);                                                  \
            }                                                                            \
        } else {                                                                         \
            OPERAND(0);                                                                  \
            OPERAND(1);                                                                  \
            OPERAND(2);                                                                  \
            for (int64_t i = 0; i < n; i++) {                                            \
                const T a = ELEMENT(const T, 1, i), b = ELEMENT(const T, 2, i);          \
                ELEMENT(R, 0, i) = (R)(expression);                                      \
            }                                                                            \
        }                                                                                \
    }

/* TERNARY and QUATERNARY: of a, b, c and d. The last are often numbers, one for all elements: these
 * have vector code of their own. */
#define TERNARY_LOOP(R, T, A, B, C, expression) \
    EACH                                        \
    {                                           \
        const T a = (A), b = (B), c = (C);      \
        y[i] = (R)(expression);                 \
    }

#define TERNARY(name, dtype, R, T, expression)                                           \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                    \
        R *const y = (R *)(void *)data[0];                                               \
        const T *const as = (const T *)(const void *)data[1];                            \
        const T *const bs = (const T *)(const void *)data[2];                            \
        const T *const cs = (const T *)(const void *)data[3];                            \
        const bool packed = STRIDE_IS(R, 0) && STRIDE_IS(T, 1);                          \
        if (n <= 0)                                                                      \
            return;                                                                      \
        if (packed && STRIDE_IS(T, 2) && STRIDE_IS(T, 3)) {                              \
            TERNARY_LOOP(R, T, as[i], bs[i], cs[i], expression)                          \
        } else if (packed && STRIDE_IS(T, 2) && strides[3] == 0) {                       \
            const T c0 = cs[0];                                                          \
            TERNARY_LOOP(R, T, as[i], bs[i], c0, expression)                             \
        } else if (packed && strides[2] == 0 && strides[3] == 0) {                       \
            const T b0 = bs[0], c0 = cs[0];                                              \
            TERNARY_LOOP(R, T, as[i], b0, c0, expression)                                \
        } else {                                                                         \
            OPERAND(0);                                                                  \
            OPERAND(1);                                                                  \
            OPERAND(2);                                                                  \
            OPERAND(3);                                                                  \
            for (int64_t i = 0; i < n; i++) {                                            \
                const T a = ELEMENT(const T, 1, i), b = ELEMENT(const T, 2, i);          \
                const T c = ELEMENT(const T, 3, i);                                      \
                ELEMENT(R, 0, i) = (R)(expression);                                      \
            }                                                                            \
        }                                                                                \
    }

#define QUATERNARY(name, dtype, R, T, expression)                                                \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides)         \
    {                                                                                            \
        if (n <= 0)                                                                              \
            return;                                                                              \
        OPERAND(0);                                                                              \
        OPERAND(1);                                                                              \
        OPERAND(2);                                                                              \
        OPERAND(3);                                                                              \
        OPERAND(4);                                                                              \
        if (STRIDE_IS(R, 0) && STRIDE_IS(T, 1) && STRIDE_IS(T, 2) && step3 == 0 && step4 == 0) { \
            R *const y = (R *)(void *)data[0];                                                   \
            const T *const as = (const T *)(const void *)data[1];                                \
            const T *const bs = (const T *)(const void *)data[2];                                \
            const T c = ELEMENT(const T, 3, 0), d = ELEMENT(const T, 4, 0);                      \
            EACH                                                                                 \
            {                                                                                    \
                const T a = as[i], b = bs[i];                                                    \
                y[i] = (R)(expression);                                                          \
            }                                                                                    \
            return;                                                                              \
        }                                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                        \
            const T a = ELEMENT(const T, 1, i), b = ELEMENT(const T, 2, i);                      \
            const T c = ELEMENT(const T, 3, i), d = ELEMENT(const T, 4, i);                      \
            ELEMENT(R, 0, i) = (R)(expression);                                                  \
        }                                                                                        \
    }

/* The same for functions that cost far more than reading their operands: vector code for contiguous
 * ones only. Others go through small blocks (blocks.c), which are contiguous. */
void RV_KERNEL(in_blocks)(rv_loop *loop, rv_loop *copy, int64_t size, int operands, int64_t n,
                          char *const *data, const int64_t *strides);

#define IN_BLOCKS_UNLESS(packed, name, dtype, T, operands)                                     \
    if (n > 1 && !(packed)) {                                                                  \
        RV_KERNEL(in_blocks)                                                                   \
        (RV_KERNEL(name##_##dtype), RV_KERNEL(cast_##dtype##_##dtype), sizeof(T), operands, n, \
         data, strides);                                                                       \
        return;                                                                                \
    }

#define INPUT(T, name, k) const T *const name = (const T *)(const void *)data[k]

#define UNARY_COSTLY(name, dtype, T, expression)                                         \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                    \
        IN_BLOCKS_UNLESS(STRIDE_IS(T, 0) && STRIDE_IS(T, 1), name, dtype, T, 2)          \
        T *const y = (T *)(void *)data[0];                                               \
        INPUT(T, xs, 1);                                                                 \
        EACH                                                                             \
        {                                                                                \
            const T x = xs[i];                                                           \
            y[i] = (expression);                                                         \
        }                                                                                \
    }

#define BINARY_COSTLY(name, dtype, T, expression)                                                  \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides)           \
    {                                                                                              \
        IN_BLOCKS_UNLESS(STRIDE_IS(T, 0) && STRIDE_IS(T, 1) && STRIDE_IS(T, 2), name, dtype, T, 3) \
        T *const y = (T *)(void *)data[0];                                                         \
        INPUT(T, as, 1);                                                                           \
        INPUT(T, bs, 2);                                                                           \
        EACH                                                                                       \
        {                                                                                          \
            const T a = as[i], b = bs[i];                                                          \
            y[i] = (expression);                                                                   \
        }                                                                                          \
    }

#define TERNARY_COSTLY(name, dtype, T, expression)                                                 \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides)           \
    {                                                                                              \
        IN_BLOCKS_UNLESS(STRIDE_IS(T, 0) && STRIDE_IS(T, 1) && STRIDE_IS(T, 2) && STRIDE_IS(T, 3), \
                         name, dtype, T, 4)                                                        \
        T *const y = (T *)(void *)data[0];                                                         \
        INPUT(T, as, 1);                                                                           \
        INPUT(T, bs, 2);                                                                           \
        INPUT(T, cs, 3);                                                                           \
        TERNARY_LOOP(T, T, as[i], bs[i], cs[i], expression)                                        \
    }

#define QUATERNARY_COSTLY(name, dtype, T, expression)                                    \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                    \
        IN_BLOCKS_UNLESS(STRIDE_IS(T, 0) && STRIDE_IS(T, 1) && STRIDE_IS(T, 2) &&        \
                             STRIDE_IS(T, 3) && STRIDE_IS(T, 4),                         \
                         name, dtype, T, 5)                                              \
        T *const y = (T *)(void *)data[0];                                               \
        INPUT(T, as, 1);                                                                 \
        INPUT(T, bs, 2);                                                                 \
        INPUT(T, cs, 3);                                                                 \
        INPUT(T, ds, 4);                                                                 \
        EACH                                                                             \
        {                                                                                \
            const T a = as[i], b = bs[i], c = cs[i], d = ds[i];                          \
            y[i] = (expression);                                                         \
        }                                                                                \
    }

/* Without vector code, for what calls the C library anyway. */
#define UNARY_CALL(name, dtype, T, expression)                                           \
    void RV_KERNEL(name##_##dtype)(int64_t n, char *const *data, const int64_t *strides) \
    {                                                                                    \
        OPERAND(0);                                                                      \
        OPERAND(1);                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                \
            const T x = ELEMENT(const T, 1, i);                                          \
            ELEMENT(T, 0, i) = (expression);                                             \
        }                                                                                \
    }

#endif

/* fold.c - reductions: lines into one accumulator each, or rows into neighbouring ones.
 *
 * What each fold adds, multiplies, or compares is a macro of one element; what all of them share is
 * the order. Rows are taken eight at a time, so that accumulators are loaded and stored once for
 * eight elements and memory is read in eight streams.
 */

#include "core/kernels/double_math.h"
#include "core/kernels/float_math.h"
#include "core/kernels/isa.h"
#include "core/kernels/lanes.h"

#define ROWS_AT_ONCE 8
#define LINES_AT_ONCE 64
/* F64: rows that are folded one group after the other; more are halved. */
#define ROWS_BLOCK 128
#define ROWS_WIDTH 64

#define ROW(T, i) ((const T *)(const void *)(from + (i)*stride))

/* ---- terms ---------------------------------------------------------------------------------- */

#define SIZE_OF(x, c, p) fabs((double)(x))
#define SQUARE_OF(x, c, p) ((double)(x) * (double)(x))
#define DEVIATION_OF(x, c, p) (((double)(x) - (c)) * ((double)(x) - (c)))

/* ---- folds that add or multiply, in double --------------------------------------------------- */

/* total[j] with n rows, for `width` columns. c is [width], or not used by TERM. */
#define DEFINE_ROWS(name, T, A, JOINED, TERM)                                                     \
    static void name(int64_t n, int64_t width, const char *from, int64_t stride, const double *c, \
                     double p, A *total)                                                          \
    {                                                                                             \
        (void)c;                                                                                  \
        (void)p;                                                                                  \
        int64_t i = 0;                                                                            \
        for (; i + ROWS_AT_ONCE <= n; i += ROWS_AT_ONCE) {                                        \
            const T *const r0 = ROW(T, i), *const r1 = ROW(T, i + 1), *const r2 = ROW(T, i + 2),  \
                           *const r3 = ROW(T, i + 3), *const r4 = ROW(T, i + 4),                  \
                           *const r5 = ROW(T, i + 5), *const r6 = ROW(T, i + 6),                  \
                           *const r7 = ROW(T, i + 7);                                             \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++)                                    \
            {                                                                                     \
                const A low = JOINED(JOINED(TERM(r0[j], c[j], p), TERM(r1[j], c[j], p)),          \
                                     JOINED(TERM(r2[j], c[j], p), TERM(r3[j], c[j], p)));         \
                const A high = JOINED(JOINED(TERM(r4[j], c[j], p), TERM(r5[j], c[j], p)),         \
                                      JOINED(TERM(r6[j], c[j], p), TERM(r7[j], c[j], p)));        \
                total[j] = JOINED(total[j], JOINED(low, high));                                   \
            }                                                                                     \
        }                                                                                         \
        for (; i < n; i++) {                                                                      \
            const T *const row = ROW(T, i);                                                       \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++)                                    \
            {                                                                                     \
                total[j] = JOINED(total[j], TERM(row[j], c[j], p));                               \
            }                                                                                     \
        }                                                                                         \
    }

/* The same with the second half of the rows folded by itself, ROWS_WIDTH columns at a time. */
#define DEFINE_ROWS_BY_HALVES(name, start, JOINED)                                            \
    static void name##_halves(int64_t n, int64_t width, const char *from, int64_t stride,     \
                              const double *c, double p, double *total)                       \
    {                                                                                         \
        if (n <= ROWS_BLOCK) {                                                                \
            name(n, width, from, stride, c, p, total);                                        \
            return;                                                                           \
        }                                                                                     \
        const int64_t half = n / 2 - n / 2 % ROWS_AT_ONCE;                                    \
        for (int64_t first = 0; first < width; first += ROWS_WIDTH) {                         \
            double second[ROWS_WIDTH];                                                        \
            const int64_t columns = width - first < ROWS_WIDTH ? width - first : ROWS_WIDTH;  \
            const char *const column = from + first * (int64_t)sizeof(double);                \
            const double *const own = c == NULL ? NULL : c + first;                           \
            for (int64_t j = 0; j < columns; j++)                                             \
                second[j] = (start);                                                          \
            name##_halves(half, columns, column, stride, own, p, total + first);              \
            name##_halves(n - half, columns, column + half * stride, stride, own, p, second); \
            for (int64_t j = 0; j < columns; j++)                                             \
                total[first + j] = JOINED(total[first + j], second[j]);                       \
        }                                                                                     \
    }

#define DEFINE_FLOATING(fold, start, JOINED, TERM)                \
    DEFINE_FOLD_IN_LANES(fold##_f32, float, start, JOINED, TERM)  \
    DEFINE_FOLD_IN_LANES(fold##_f64, double, start, JOINED, TERM) \
    DEFINE_ROWS(fold##_rows_f32, float, double, JOINED, TERM)     \
    DEFINE_ROWS(fold##_rows_f64, double, double, JOINED, TERM)    \
    DEFINE_ROWS_BY_HALVES(fold##_rows_f64, start, JOINED)

#define EXPORT_FLOATING(fold, dtype, line, rows, JOINED)                                           \
    void RV_KERNEL(fold##_lines_##dtype)(int64_t lines, int64_t n, const char *from, int64_t step, \
                                         int64_t stride, void *into)                               \
    {                                                                                              \
        double *const total = into;                                                                \
        for (int64_t i = 0; i < lines; i++)                                                        \
            total[i] = JOINED(total[i], line(n, from + i * step, stride, 0, 0));                   \
    }                                                                                              \
                                                                                                   \
    void RV_KERNEL(fold##_rows_##dtype)(int64_t n, int64_t width, const char *from,                \
                                        int64_t stride, void *into)                                \
    {                                                                                              \
        rows(n, width, from, stride, NULL, 0, into);                                               \
    }

#define FLOATING(fold, start, JOINED, TERM)                         \
    DEFINE_FLOATING(fold, start, JOINED, TERM)                      \
    EXPORT_FLOATING(fold, F32, fold##_f32, fold##_rows_f32, JOINED) \
    EXPORT_FLOATING(fold, F64, fold##_f64, fold##_rows_f64_halves, JOINED)

FLOATING(sum, 0, PLUS, ITSELF)
FLOATING(prod, 1, TIMES, ITSELF)
FLOATING(sum_sizes, 0, PLUS, SIZE_OF)
FLOATING(sum_squares, 0, PLUS, SQUARE_OF)

/* ---- the same with a number of its own for each accumulator --------------------------------- */

#define EXPORT_CENTERED(fold, dtype, line, rows)                                                   \
    void RV_KERNEL(fold##_lines_##dtype)(int64_t lines, int64_t n, const char *from, int64_t step, \
                                         int64_t stride, const double *c, double p, double *total) \
    {                                                                                              \
        for (int64_t i = 0; i < lines; i++)                                                        \
            total[i] += line(n, from + i * step, stride, c[i], p);                                 \
    }                                                                                              \
                                                                                                   \
    void RV_KERNEL(fold##_rows_##dtype)(int64_t n, int64_t width, const char *from,                \
                                        int64_t stride, const double *c, double p, double *total)  \
    {                                                                                              \
        rows(n, width, from, stride, c, p, total);                                                 \
    }

DEFINE_FLOATING(deviations, 0, PLUS, DEVIATION_OF)
EXPORT_CENTERED(deviations, F32, deviations_f32, deviations_rows_f32)
EXPORT_CENTERED(deviations, F64, deviations_f64, deviations_rows_f64_halves)

/* ---- sums of functions that cost more than the sum ------------------------------------------- */

/* A block of arguments is written down first, from one line, from many short ones, or from a row;
 * then the function of all of it is one loop. */
#define BLOCK 256

/* e^(x - c); an infinite c counts as 0, so that infinities stay what they are. */
#define FINITE(c) (fabs(c) < (double)INFINITY ? (c) : 0)
#define ABOVE(T, x, c) ((x) - (T)(c))
#define AS_GIVEN(c) (c)
#define OVER(T, x, c) fabs((double)(x) / (c))

RV_NOINLINE static void exps_f32(int64_t n, float *x, double p)
{
    (void)p;
    for (int64_t i = 0; i < n; i++)
        x[i] = f32_exp(x[i]);
}

RV_NOINLINE static void exps_f64(int64_t n, double *x, double p)
{
    (void)p;
    for (int64_t i = 0; i < n; i++)
        x[i] = f64_exp(x[i]);
}

RV_NOINLINE static void powers_f64(int64_t n, double *x, double p)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = pow(x[i], p);
}

#define LINES_OF_FUNCTIONS(fold, dtype, T, R, CENTER, ARGUMENT, apply, sum)                        \
    static void fold##_arguments_##dtype(int64_t n, const char *from, int64_t stride, double c,    \
                                         R *x)                                                     \
    {                                                                                              \
        if (stride == sizeof(T))                                                                   \
            for (int64_t j = 0; j < n; j++)                                                        \
                x[j] = ARGUMENT(T, ((const T *)(const void *)from)[j], c);                         \
        else                                                                                       \
            for (int64_t j = 0; j < n; j++)                                                        \
                x[j] = ARGUMENT(T, LANE_ELEMENT(T, j), c);                                         \
    }                                                                                              \
                                                                                                   \
    void RV_KERNEL(fold##_lines_##dtype)(int64_t lines, int64_t n, const char *from, int64_t step, \
                                         int64_t stride, const double *c, double p, double *total) \
    {                                                                                              \
        R x[BLOCK];                                                                                \
        const int64_t at_once = n > 0 && n < BLOCK ? BLOCK / n : 1;                                \
        for (int64_t i = 0, count; i < lines; i += count) {                                        \
            count = lines - i < at_once ? lines - i : at_once;                                     \
            for (int64_t first = 0, part; first < n; first += part) {                              \
                part = n - first < BLOCK ? n - first : BLOCK;                                      \
                for (int64_t k = i; k < i + count; k++)                                            \
                    fold##_arguments_##dtype(part, from + k * step + first * stride, stride,       \
                                             CENTER(c[k]), x + (k - i) * part);                    \
                apply(count *part, x, p);                                                          \
                for (int64_t k = 0; k < count; k++)                                                \
                    total[i + k] += sum(part, (const char *)(x + k * part), sizeof(R));            \
            }                                                                                      \
        }                                                                                          \
    }

#define ROWS_OF_FUNCTIONS(fold, dtype, T, R, CENTER, ARGUMENT, apply)                             \
    void RV_KERNEL(fold##_rows_##dtype)(int64_t n, int64_t width, const char *from,               \
                                        int64_t stride, const double *c, double p, double *total) \
    {                                                                                             \
        R x[BLOCK];                                                                               \
        double own[BLOCK];                                                                        \
        for (int64_t first = 0, part; first < width; first += part) {                             \
            part = width - first < BLOCK ? width - first : BLOCK;                                 \
            for (int64_t j = 0; j < part; j++)                                                    \
                own[j] = CENTER(c[first + j]);                                                    \
            for (int64_t i = 0; i < n; i++) {                                                     \
                const T *const row = ROW(T, i) + first;                                           \
                for (int64_t j = 0; j < part; j++)                                                \
                    x[j] = ARGUMENT(T, row[j], own[j]);                                           \
                apply(part, x, p);                                                                \
                for (int64_t j = 0; j < part; j++)                                                \
                    total[first + j] += (double)x[j];                                             \
            }                                                                                     \
        }                                                                                         \
    }

#define SUM_OF_FUNCTIONS(fold, dtype, T, R, CENTER, ARGUMENT, apply, sum) \
    LINES_OF_FUNCTIONS(fold, dtype, T, R, CENTER, ARGUMENT, apply, sum)   \
    ROWS_OF_FUNCTIONS(fold, dtype, T, R, CENTER, ARGUMENT, apply)

SUM_OF_FUNCTIONS(exps, F32, float, float, FINITE, ABOVE, exps_f32, f32_sum)
SUM_OF_FUNCTIONS(exps, F64, double, double, FINITE, ABOVE, exps_f64, f64_sum)
SUM_OF_FUNCTIONS(powers, F32, float, double, AS_GIVEN, OVER, powers_f64, f64_sum)
SUM_OF_FUNCTIONS(powers, F64, double, double, AS_GIVEN, OVER, powers_f64, f64_sum)

/* ---- the largest and the smallest ----------------------------------------------------------- */

/* Four rows at a time. */
#define BEST_ROWS(fold, dtype, T, BETTER, TERM)                                                  \
    void RV_KERNEL(fold##_rows_##dtype)(int64_t n, int64_t width, const char *from,              \
                                        int64_t stride, void *into)                              \
    {                                                                                            \
        T *const best = into;                                                                    \
        int64_t i = 0;                                                                           \
        for (; i + 4 <= n; i += 4) {                                                             \
            const T *const r0 = ROW(T, i), *const r1 = ROW(T, i + 1), *const r2 = ROW(T, i + 2), \
                           *const r3 = ROW(T, i + 3);                                            \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++)                                   \
            {                                                                                    \
                const T a = TERM(r0[j]), b = TERM(r1[j]), c = TERM(r2[j]), d = TERM(r3[j]);      \
                const T low = BETTER(a, b), high = BETTER(c, d), x = BETTER(low, high);          \
                const T y = best[j];                                                             \
                best[j] = BETTER(x, y);                                                          \
            }                                                                                    \
        }                                                                                        \
        for (; i < n; i++) {                                                                     \
            const T *const row = ROW(T, i);                                                      \
            RV_INDEPENDENT for (int64_t j = 0; j < width; j++)                                   \
            {                                                                                    \
                const T x = TERM(row[j]), y = best[j];                                           \
                best[j] = BETTER(x, y);                                                          \
            }                                                                                    \
        }                                                                                        \
    }

/* Short lines are compared many at once, so that no step waits for the one before. */
#define BEST_LINES(fold, dtype, T, BETTER, TERM, line)                                             \
    void RV_KERNEL(fold##_lines_##dtype)(int64_t lines, int64_t n, const char *from, int64_t step, \
                                         int64_t stride, void *into)                               \
    {                                                                                              \
        T *best = into;                                                                            \
        const T *const end = best + lines;                                                         \
        for (; n < MAX_LANES && end - best >= LINES_AT_ONCE; best += LINES_AT_ONCE) {              \
            T x[LINES_AT_ONCE];                                                                    \
            for (int64_t j = 0; j < n; j++) {                                                      \
                const char *at = from + j * stride;                                                \
                for (int k = 0; k < LINES_AT_ONCE; k++, at += step)                                \
                    x[k] = TERM(*(const T *)(const void *)at);                                     \
                for (int k = 0; k < LINES_AT_ONCE; k++)                                            \
                    best[k] = BETTER(x[k], best[k]);                                               \
            }                                                                                      \
            from += LINES_AT_ONCE * step;                                                          \
        }                                                                                          \
        for (; best < end; best++, from += step)                                                   \
            *best = line(n, from, stride, *best);                                                  \
    }

#define BEST(fold, dtype, T, BETTER, TERM)                   \
    DEFINE_BEST_IN_LANES(fold##_##dtype, T, BETTER, TERM)    \
    BEST_LINES(fold, dtype, T, BETTER, TERM, fold##_##dtype) \
    BEST_ROWS(fold, dtype, T, BETTER, TERM)

#define AS_IT_IS(x) (x)
BEST(max, F32, float, F32_LARGER, AS_IT_IS)
BEST(max, F64, double, F64_LARGER, AS_IT_IS)
BEST(min, F32, float, F32_SMALLER, AS_IT_IS)
BEST(min, F64, double, F64_SMALLER, AS_IT_IS)
BEST(max_size, F32, float, F32_LARGER, fabsf)
BEST(max_size, F64, double, F64_LARGER, fabs)
BEST(min_size, F32, float, F32_SMALLER, fabsf)
BEST(min_size, F64, double, F64_SMALLER, fabs)

/* ---- integers ------------------------------------------------------------------------------- */

/* Any order gives the same, and compilers find their own lanes. A is the accumulator. */
#define LINES_IN_ANY_ORDER(fold, dtype, T, A, joined)                                              \
    void RV_KERNEL(fold##_lines_##dtype)(int64_t lines, int64_t n, const char *from, int64_t step, \
                                         int64_t stride, void *into)                               \
    {                                                                                              \
        for (int64_t k = 0; k < lines; k++, from += step) {                                        \
            A total = ((const A *)into)[k];                                                        \
            if (stride == sizeof(T)) {                                                             \
                const T *const xs = (const T *)(const void *)from;                                 \
                for (int64_t i = 0; i < n; i++) {                                                  \
                    const T x = xs[i];                                                             \
                    total = (joined);                                                              \
                }                                                                                  \
            } else {                                                                               \
                for (int64_t i = 0; i < n; i++) {                                                  \
                    const T x = LANE_ELEMENT(T, i);                                                \
                    total = (joined);                                                              \
                }                                                                                  \
            }                                                                                      \
            ((A *)into)[k] = total;                                                                \
        }                                                                                          \
    }

LINES_IN_ANY_ORDER(sum, I64, uint64_t, uint64_t, total + x)
LINES_IN_ANY_ORDER(sum, U8, uint8_t, uint64_t, total + x)
LINES_IN_ANY_ORDER(prod, I64, uint64_t, uint64_t, total *x)
LINES_IN_ANY_ORDER(prod, U8, uint8_t, uint64_t, total *x)
LINES_IN_ANY_ORDER(max, I64, int64_t, int64_t, x > total ? x : total)
LINES_IN_ANY_ORDER(max, U8, uint8_t, uint8_t, x > total ? x : total)
LINES_IN_ANY_ORDER(min, I64, int64_t, int64_t, x < total ? x : total)
LINES_IN_ANY_ORDER(min, U8, uint8_t, uint8_t, x < total ? x : total)
LINES_IN_ANY_ORDER(count, F32, float, uint64_t, total + (x != 0))
LINES_IN_ANY_ORDER(count, F64, double, uint64_t, total + (x != 0))
LINES_IN_ANY_ORDER(count, I64, int64_t, uint64_t, total + (x != 0))
LINES_IN_ANY_ORDER(count, U8, uint8_t, uint64_t, total + (x != 0))

#define WHOLE(x, c, p) ((uint64_t)(x))
#define IS_NOT_0(x, c, p) ((uint64_t)((x) != 0))

#define ROWS_IN_ANY_ORDER(fold, dtype, T, JOINED, TERM)                             \
    DEFINE_ROWS(fold##_rows_of_##dtype, T, uint64_t, JOINED, TERM)                  \
    void RV_KERNEL(fold##_rows_##dtype)(int64_t n, int64_t width, const char *from, \
                                        int64_t stride, void *into)                 \
    {                                                                               \
        fold##_rows_of_##dtype(n, width, from, stride, NULL, 0, into);              \
    }

ROWS_IN_ANY_ORDER(sum, I64, uint64_t, PLUS, WHOLE)
ROWS_IN_ANY_ORDER(sum, U8, uint8_t, PLUS, WHOLE)
ROWS_IN_ANY_ORDER(prod, I64, uint64_t, TIMES, WHOLE)
ROWS_IN_ANY_ORDER(prod, U8, uint8_t, TIMES, WHOLE)
ROWS_IN_ANY_ORDER(count, F32, float, PLUS, IS_NOT_0)
ROWS_IN_ANY_ORDER(count, F64, double, PLUS, IS_NOT_0)
ROWS_IN_ANY_ORDER(count, I64, int64_t, PLUS, IS_NOT_0)
ROWS_IN_ANY_ORDER(count, U8, uint8_t, PLUS, IS_NOT_0)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define SMALLER(a, b) ((a) < (b) ? (a) : (b))

BEST_ROWS(max, I64, int64_t, LARGER, AS_IT_IS)
BEST_ROWS(max, U8, uint8_t, LARGER, AS_IT_IS)
BEST_ROWS(min, I64, int64_t, SMALLER, AS_IT_IS)
BEST_ROWS(min, U8, uint8_t, SMALLER, AS_IT_IS)

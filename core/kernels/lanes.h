/* lanes.h - folding a line of elements into one number. Private to kernels/.
 *
 * A long line runs in several lanes, element i into lane i % LANES, and the lanes are folded as a
 * tree: that is what vectorizes, and a sum rounds less than in one long chain. Beyond that, sums
 * are pairwise (Higham 1993: the error grows with log n). Lines too short for the lanes are folded
 * one after the other, so that many of them run at once in one core. The order depends on n alone,
 * so all instruction sets and strides give the same bits.
 */
#ifndef RV_CORE_KERNELS_LANES_H
#define RV_CORE_KERNELS_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/kernels/chosen.h"

#define SUM_LANES 32
#define MAX_LANES 64
#define PAIRWISE_BLOCK 512

#define LANE_ELEMENT(T, i) (*(const T *)(const void *)(from + (i)*stride))

#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))

/* The larger of two, and the smaller; NaN if one of them is. */
#define F32_LARGER(a, b) f32_chosen(((a) > (b)) | ((a) != (a)), a, b)
#define F32_SMALLER(a, b) f32_chosen(((a) < (b)) | ((a) != (a)), a, b)
#define F64_LARGER(a, b) f64_chosen(((a) > (b)) | ((a) != (a)), a, b)
#define F64_SMALLER(a, b) f64_chosen(((a) < (b)) | ((a) != (a)), a, b)

/* Defines name(n, from, stride, c, p): JOINED, which starts from `start`, of TERM(x, c, p) over n
 * elements x of type T, in double. */
#define DEFINE_FOLD_IN_LANES(name, T, start, JOINED, TERM)                                       \
    static inline double name##_short(int64_t n, const T *x, double c, double p)                 \
    {                                                                                            \
        double total = (start);                                                                  \
        (void)c;                                                                                 \
        (void)p;                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                          \
            total = JOINED(total, TERM(x[i], c, p));                                             \
        return total;                                                                            \
    }                                                                                            \
                                                                                                 \
    static double name##_block(int64_t n, const T *x, double c, double p)                        \
    {                                                                                            \
        double lane[SUM_LANES];                                                                  \
        int64_t i = 0;                                                                           \
        if (n < SUM_LANES)                                                                       \
            return name##_short(n, x, c, p);                                                     \
        for (int j = 0; j < SUM_LANES; j++)                                                      \
            lane[j] = (start);                                                                   \
        for (; i + SUM_LANES <= n; i += SUM_LANES)                                               \
            for (int j = 0; j < SUM_LANES; j++)                                                  \
                lane[j] = JOINED(lane[j], TERM(x[i + j], c, p));                                 \
        RV_ROLLED for (int j = 0; i + j < n; j++)                                                \
        {                                                                                        \
            lane[j] = JOINED(lane[j], TERM(x[i + j], c, p));                                     \
        }                                                                                        \
        RV_ROLLED for (int half = SUM_LANES / 2; half > 0; half /= 2)                            \
        {                                                                                        \
            for (int j = 0; j < half; j++)                                                       \
                lane[j] = JOINED(lane[j], lane[j + half]);                                       \
        }                                                                                        \
        return lane[0];                                                                          \
    }                                                                                            \
                                                                                                 \
    /* Halves are folded until they are blocks; elements that are apart are put together. */     \
    static double name##_halves(int64_t n, const char *from, int64_t stride, double c, double p) \
    {                                                                                            \
        if (n > PAIRWISE_BLOCK) {                                                                \
            const int64_t half = n / 2 - n / 2 % SUM_LANES;                                      \
            return JOINED(name##_halves(half, from, stride, c, p),                               \
                          name##_halves(n - half, from + half * stride, stride, c, p));          \
        }                                                                                        \
        if (stride == sizeof(T))                                                                 \
            return name##_block(n, (const T *)(const void *)from, c, p);                         \
        T x[PAIRWISE_BLOCK];                                                                     \
        for (int64_t i = 0; i < n; i++)                                                          \
            x[i] = LANE_ELEMENT(T, i);                                                           \
        return name##_block(n, x, c, p);                                                         \
    }                                                                                            \
                                                                                                 \
    static inline double name(int64_t n, const char *from, int64_t stride, double c, double p)   \
    {                                                                                            \
        if (n < SUM_LANES && stride == sizeof(T))                                                \
            return name##_short(n, (const T *)(const void *)from, c, p);                         \
        return name##_halves(n, from, stride, c, p);                                             \
    }

#define ITSELF(x, c, p) ((double)(x))
DEFINE_FOLD_IN_LANES(f32_terms, float, 0, PLUS, ITSELF)
DEFINE_FOLD_IN_LANES(f64_terms, double, 0, PLUS, ITSELF)

static inline double f32_sum(int64_t n, const char *from, int64_t stride)
{
    return f32_terms(n, from, stride, 0, 0);
}

static inline double f64_sum(int64_t n, const char *from, int64_t stride)
{
    return f64_terms(n, from, stride, 0, 0);
}

/* Defines name(n, from, stride, first): BETTER of `first` and TERM of n elements. In lanes where
 * elements are neighbours and many; the order does not matter here. */
#define DEFINE_BEST_IN_LANES(name, T, BETTER, TERM)                       \
    static T name(int64_t n, const char *from, int64_t stride, T first)   \
    {                                                                     \
        int64_t i = 0;                                                    \
        if (n >= MAX_LANES && stride == sizeof(T)) {                      \
            const T *const xs = (const T *)(const void *)from;            \
            T lane[MAX_LANES];                                            \
            for (int j = 0; j < MAX_LANES; j++)                           \
                lane[j] = first;                                          \
            for (; i + MAX_LANES <= n; i += MAX_LANES)                    \
                for (int j = 0; j < MAX_LANES; j++) {                     \
                    const T x = TERM(xs[i + j]);                          \
                    lane[j] = BETTER(x, lane[j]);                         \
                }                                                         \
            RV_ROLLED for (int half = MAX_LANES / 2; half > 0; half /= 2) \
            {                                                             \
                for (int j = 0; j < half; j++)                            \
                    lane[j] = BETTER(lane[j + half], lane[j]);            \
            }                                                             \
            first = lane[0];                                              \
        }                                                                 \
        for (; i < n; i++) {                                              \
            const T x = TERM(LANE_ELEMENT(T, i));                         \
            first = BETTER(x, first);                                     \
        }                                                                 \
        return first;                                                     \
    }

#endif

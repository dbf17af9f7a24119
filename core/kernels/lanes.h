/* lanes.h - sums and maxima of a line of elements. Private to kernels/.
 *
 * A sum runs in several lanes, element i into lane i % LANES, and the lanes are added as a tree:
 * that is what vectorizes, and it rounds less than one long chain. Sums of F64 are pairwise beyond
 * that (Higham 1993: the error grows with log n). The order depends on n alone, so all instruction
 * sets and strides give the same bits.
 */
#ifndef RV_CORE_KERNELS_LANES_H
#define RV_CORE_KERNELS_LANES_H

#include <math.h>
#include <stdint.h>

#define SUM_LANES 16
#define MAX_LANES 32
#define PAIRWISE_BLOCK 512

#define LANE_ELEMENT(T, i) (*(const T *)(const void *)(from + (i)*stride))

/* The larger of two, and NaN if one of them is. */
#define LARGER(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))

/* Written for any stride; where it is called with a constant one it is compiled for that. */
#define DEFINE_SUM_IN_LANES(name, T)                                       \
    static inline double name(int64_t n, const char *from, int64_t stride) \
    {                                                                      \
        double lane[SUM_LANES] = {0};                                      \
        int64_t i = 0;                                                     \
        for (; i + SUM_LANES <= n; i += SUM_LANES)                         \
            for (int j = 0; j < SUM_LANES; j++)                            \
                lane[j] += (double)LANE_ELEMENT(T, i + j);                 \
        for (int j = 0; i + j < n; j++)                                    \
            lane[j] += (double)LANE_ELEMENT(T, i + j);                     \
        for (int half = SUM_LANES / 2; half > 0; half /= 2)                \
            for (int j = 0; j < half; j++)                                 \
                lane[j] += lane[j + half];                                 \
        return lane[0];                                                    \
    }

DEFINE_SUM_IN_LANES(f32_lanes, float)
DEFINE_SUM_IN_LANES(f64_lanes, double)

static inline double f32_sum(int64_t n, const char *from, int64_t stride)
{
    return stride == sizeof(float) ? f32_lanes(n, from, sizeof(float)) : f32_lanes(n, from, stride);
}

static inline double f64_sum_block(int64_t n, const char *from, int64_t stride)
{
    return stride == sizeof(double) ? f64_lanes(n, from, sizeof(double))
                                    : f64_lanes(n, from, stride);
}

/* Halves are added until they are blocks. */
static double f64_sum(int64_t n, const char *from, int64_t stride)
{
    if (n <= PAIRWISE_BLOCK)
        return f64_sum_block(n, from, stride);
    const int64_t half = n / 2 - n / 2 % SUM_LANES;
    return f64_sum(half, from, stride) + f64_sum(n - half, from + half * stride, stride);
}

/* The largest of `first` and n elements. Short lines are not worth the lanes. */
#define DEFINE_MAX_IN_LANES(name, T)                                           \
    static inline T name(int64_t n, const char *from, int64_t stride, T first) \
    {                                                                          \
        T lane[MAX_LANES];                                                     \
        int64_t i = 0;                                                         \
        if (n >= MAX_LANES) {                                                  \
            for (int j = 0; j < MAX_LANES; j++)                                \
                lane[j] = first;                                               \
            for (; i + MAX_LANES <= n; i += MAX_LANES)                         \
                for (int j = 0; j < MAX_LANES; j++)                            \
                    lane[j] = LARGER(LANE_ELEMENT(T, i + j), lane[j]);         \
            for (int half = MAX_LANES / 2; half > 0; half /= 2)                \
                for (int j = 0; j < half; j++)                                 \
                    lane[j] = LARGER(lane[j + half], lane[j]);                 \
            first = lane[0];                                                   \
        }                                                                      \
        for (; i < n; i++)                                                     \
            first = LARGER(LANE_ELEMENT(T, i), first);                         \
        return first;                                                          \
    }

DEFINE_MAX_IN_LANES(f32_max_lanes, float)
DEFINE_MAX_IN_LANES(f64_max_lanes, double)

static inline float f32_max(int64_t n, const char *from, int64_t stride, float first)
{
    return stride == sizeof(float) ? f32_max_lanes(n, from, sizeof(float), first)
                                   : f32_max_lanes(n, from, stride, first);
}

static inline double f64_max(int64_t n, const char *from, int64_t stride, double first)
{
    return stride == sizeof(double) ? f64_max_lanes(n, from, sizeof(double), first)
                                    : f64_max_lanes(n, from, stride, first);
}

#endif

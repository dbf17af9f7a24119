/* resample.c - a new element is a weighted average of old ones in a line.
 *
 * The weights are found once for each new place, and used for all lines.
 */

#include "core/resample.h"

#include <math.h>

#include "core/integers.h"
#include "core/memory.h"

/* Which old elements make a new one, and with what weights, that sum to 1. */
typedef struct taps {
    int64_t first, n;
    double *weight; /* [n] */
} taps;

/* The most taps that a new element can have. */
static int64_t most_taps(int64_t from, int64_t to)
{
    return 2 * rv_quotient_up(from, to) + 3;
}

static void find_taps(int64_t from, int64_t to, int64_t i, taps *t)
{
    const double step = (double)from / (double)to, reach = step > 1 ? step : 1;
    const double middle = ((double)i + 0.5) * step;
    t->first = rv_larger((int64_t)floor(middle - reach), 0);
    t->n = rv_smaller((int64_t)ceil(middle + reach), from) - t->first;
    double sum = 0;
    for (int64_t j = 0; j < t->n; j++) {
        const double away = fabs((double)(t->first + j) + 0.5 - middle) / reach;
        t->weight[j] = away < 1 ? 1 - away : 0;
        sum += t->weight[j];
    }
    for (int64_t j = 0; j < t->n; j++)
        t->weight[j] /= sum;
}

/* old: the first of the taps, `inner` elements from one to the next. */
#define AVERAGE(name, T, rounded)                                        \
    static void name(const taps *t, const T *old, int64_t inner, T *new) \
    {                                                                    \
        for (int64_t k = 0; k < inner; k++) {                            \
            double sum = 0;                                              \
            for (int64_t j = 0; j < t->n; j++)                           \
                sum += t->weight[j] * (double)old[j * inner + k];        \
            new[k] = (T)(rounded);                                       \
        }                                                                \
    }
AVERAGE(average_u8, uint8_t, sum + 0.5)
AVERAGE(average_f32, float, sum)
AVERAGE(average_f64, double, sum)

bool rv_resample(const char *who, rv_dtype dtype, const void *old, void *new, int64_t outer,
                 int64_t from, int64_t to, int64_t inner)
{
    const size_t bytes = (size_t)most_taps(from, to) * sizeof(double);
    taps at = {.weight = rv_memory_get(who, bytes)};
    if (at.weight == NULL)
        return false;
    for (int64_t i = 0; i < to; i++) {
        find_taps(from, to, i, &at);
        for (int64_t o = 0; o < outer; o++) {
            const int64_t in = (o * from + at.first) * inner, out = (o * to + i) * inner;
            if (dtype == RV_U8)
                average_u8(&at, (const uint8_t *)old + in, inner, (uint8_t *)new + out);
            else if (dtype == RV_F32)
                average_f32(&at, (const float *)old + in, inner, (float *)new + out);
            else
                average_f64(&at, (const double *)old + in, inner, (double *)new + out);
        }
    }
    rv_memory_put(at.weight, bytes);
    return true;
}

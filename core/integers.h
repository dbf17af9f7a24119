/* integers.h - sizes: the smaller and the larger of two, and how often one goes into another.
 * Private to core/. */
#ifndef RV_CORE_INTEGERS_H
#define RV_CORE_INTEGERS_H

#include <stdint.h>

static inline int64_t rv_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t rv_larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* n / divisor, rounded up; both are not negative, and divisor not 0. */
static inline int64_t rv_quotient_up(int64_t n, int64_t divisor)
{
    return n / divisor + (n % divisor != 0);
}

#endif

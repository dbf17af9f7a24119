/* chosen.h - one of two numbers, without a jump. Private to kernels/. */
#ifndef RV_CORE_KERNELS_CHOSEN_H
#define RV_CORE_KERNELS_CHOSEN_H

#include <stdint.h>
#include <string.h>

/* first ? a : b, by masks: as a condition it becomes a jump, which is wrong half of the time. */
static inline float f32_chosen(int first, float a, float b)
{
    uint32_t a_bits, b_bits;
    const uint32_t mask = 0u - (uint32_t)first;
    memcpy(&a_bits, &a, sizeof a);
    memcpy(&b_bits, &b, sizeof b);
    a_bits = (a_bits & mask) | (b_bits & ~mask);
    memcpy(&a, &a_bits, sizeof a);
    return a;
}

static inline double f64_chosen(int first, double a, double b)
{
    uint64_t a_bits, b_bits;
    const uint64_t mask = 0u - (uint64_t)first;
    memcpy(&a_bits, &a, sizeof a);
    memcpy(&b_bits, &b, sizeof b);
    a_bits = (a_bits & mask) | (b_bits & ~mask);
    memcpy(&a, &a_bits, sizeof a);
    return a;
}

#endif

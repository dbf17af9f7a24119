/* wide.h - plain loops that are compiled for wider vectors too.
 *
 * The library's kernels are compiled once for each instruction set. A loop that stands elsewhere,
 * as that of an optimizer, a user's own for one, gets the same from RV_WIDE: on x86-64 it is
 * compiled twice, for the baseline and for AVX2, and the processor's is taken when it runs. No
 * products and sums are fused, so both give the same bits.
 */
#ifndef RV_CORE_WIDE_H
#define RV_CORE_WIDE_H

#include "core/macros.h"

RV_BEGIN_C

/* Whether AVX2 is there to be used (and RV_ISA from the environment does not say baseline). */
RV_API bool rv_has_avx2(void);

/* A function that may use AVX2; only where there can be such. */
#ifdef __x86_64__
#define RV_TARGET_AVX2 __attribute__((target("avx2")))
#endif

/* RV_WIDE(name, (parameters), (arguments), body) defines a static function `name` that returns
 * nothing: RV_WIDE(scale, (int64_t n, float *x, float by), (n, x, by), { ... }). */
#ifdef RV_TARGET_AVX2
#define RV_WIDE(name, parameters, arguments, ...)                      \
    static void name##_baseline parameters{                            \
        __VA_ARGS__} RV_TARGET_AVX2 static void name##_avx2 parameters \
    {                                                                  \
        __VA_ARGS__                                                    \
    }                                                                  \
    static void name parameters                                        \
    {                                                                  \
        if (rv_has_avx2())                                             \
            name##_avx2 arguments;                                     \
        else                                                           \
            name##_baseline arguments;                                 \
    }
#else
#define RV_WIDE(name, parameters, arguments, ...) \
    static void name parameters                   \
    {                                             \
        __VA_ARGS__                               \
    }
#endif

RV_END_C

#endif

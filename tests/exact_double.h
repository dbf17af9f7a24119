/* exact_double.h - the functions of F64, and what they are exactly: for the tests of their
 * accuracy.
 *
 * Exact means the C library's long double, which has 11 bits more than double on x86: its own
 * errors are a thousandth of a unit of F64. Where it is double itself, nothing can be measured.
 */
#ifndef TESTS_EXACT_DOUBLE_H
#define TESTS_EXACT_DOUBLE_H

#include <float.h>
#include <math.h>

#include "core/kernels/kernels.h"

/* Whether long double is long enough. */
#define EXACT_DOUBLE_IS_MEASURED (LDBL_MANT_DIG >= 64)

/* EXACT_DOUBLE_LIST(X) has X(name, loop, inputs, second, third, most, f(x)), as EXACT_LIST in
 * exact.h. Each bound is the most that accuracy_double.c finds over a hundred million numbers, and
 * a little more. */
#define EXACT_DOUBLE_LIST(X)                                                     \
    X(exp, exp, 1, 0, 0, 0.8L, expl(x))                                          \
    X(expm1, expm1, 1, 0, 0, 1.25L, expm1l(x))                                   \
    X(log, log, 1, 0, 0, 0.85L, logl(x))                                         \
    X(log1p, log1p, 1, 0, 0, 0.85L, log1pl(x))                                   \
    X(sqrt, sqrt, 1, 0, 0, 0.5L, sqrtl(x))                                       \
    X(sin, sin, 1, 0, 0, 0.8L, sinl(x))                                          \
    X(cos, cos, 1, 0, 0, 0.8L, cosl(x))                                          \
    X(tanh, tanh, 1, 0, 0, 0.95L, tanhl(x))                                      \
    X(sigmoid, sigmoid, 1, 0, 0, 2.6L, exact_double_sigmoid(x))                  \
    X(log_sigmoid, log_sigmoid, 1, 0, 0, 1.1L, -exact_double_softplus(-x))       \
    X(softplus, softplus, 3, 1, 20, 1.1L, x > 20 ? x : exact_double_softplus(x)) \
    X(elu, elu, 2, 1, 0, 1.25L, x > 0 ? x : expm1l(x))                           \
    X(silu, silu, 1, 0, 0, 2.2L, exact_double_silu(x))

static inline long double exact_double_sigmoid(long double x)
{
    return x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x));
}

/* e^-800 is no number in F64 any more. */
static inline long double exact_double_silu(long double x)
{
    return x < -800 ? -0.0L : x * exact_double_sigmoid(x);
}

static inline long double exact_double_softplus(long double x)
{
    return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x)));
}

typedef struct exact_double {
    const char *name;
    rv_loop_id loop;
    int inputs;
    double second, third;
    long double most;
    long double (*exact)(long double x);
} exact_double;

#define EXACT_DOUBLE_DEFINE(name, loop, inputs, second, third, most, formula) \
    static inline long double exact_double_of_##name(long double x)           \
    {                                                                         \
        return formula;                                                       \
    }
EXACT_DOUBLE_LIST(EXACT_DOUBLE_DEFINE)
#undef EXACT_DOUBLE_DEFINE

static const exact_double exact_doubles[] = {
#define EXACT_DOUBLE_ROW(name, loop, inputs, second, third, most, formula) \
    {#name, RV_LOOP_##loop, inputs, second, third, most, exact_double_of_##name},
    EXACT_DOUBLE_LIST(EXACT_DOUBLE_ROW)
#undef EXACT_DOUBLE_ROW
};

/* The distance of two neighbouring F64 at y. */
static inline long double exact_double_unit(long double y)
{
    int exponent;
    frexpl(y, &exponent);
    return fabsl(y) < 0x1p-1022L ? 0x1p-1074L : ldexpl(1, exponent - 53);
}

/* How far `got` is from `want`, in these units; infinitely, if only one of them is a number, or if
 * want is infinite in F64, and got is not. */
static inline long double exact_double_error(double got, long double want)
{
    if (isnan(want))
        return isnan(got) ? 0 : (long double)INFINITY;
    if (isinf((double)want) || !isfinite(got))
        return got == (double)want ? 0 : (long double)INFINITY;
    return fabsl((long double)got - want) / exact_double_unit(want);
}

/* y = f(x) for n elements `step` apart, by one of the tables of loops. */
static inline void exact_double_run(const exact_double *f, const rv_kernels *table, int64_t n,
                                    const double *x, int64_t step, double *y)
{
    double second = f->second, third = f->third;
    char *data[] = {(char *)y, (char *)(uintptr_t)x, (char *)&second, (char *)&third};
    const int64_t strides[] = {sizeof *y, step * (int64_t)sizeof *x, 0, 0};
    table->loops[f->loop][RV_F64](n, data, strides);
}

#endif

/* exact.h - the functions of F32, and what they are exactly: for the tests of their accuracy. */
#ifndef TESTS_EXACT_H
#define TESTS_EXACT_H

#include <math.h>

#include "core/kernels/kernels.h"

/* EXACT_LIST(X) has X(name, loop, inputs, second, third, most, f(x)): the loop of kernels.h that
 * computes f, the numbers that follow x if it has more inputs than one, the largest error allowed
 * in units in the last place, and f in double. Each bound is the most that accuracy.c finds over
 * one in 97 of all F32, and a little more. */
#define EXACT_LIST(X)                                                                    \
    X(exp, exp, 1, 0, 0, 0.51, exp(x))                                                   \
    X(expm1, expm1, 1, 0, 0, 0.51, expm1(x))                                             \
    X(log, log, 1, 0, 0, 0.52, log(x))                                                   \
    X(log1p, log1p, 1, 0, 0, 0.52, log1p(x))                                             \
    X(sqrt, sqrt, 1, 0, 0, 0.5, sqrt(x))                                                 \
    X(rsqrt, rsqrt, 1, 0, 0, 1.5, 1 / sqrt(x))                                           \
    X(pow_1_5, pow, 2, 1.5f, 0, 0.52, pow(x, 1.5))                                       \
    X(pow_minus_3, pow, 2, -3, 0, 0.52, pow(x, -3))                                      \
    X(sin, sin, 1, 0, 0, 0.51, sin(x))                                                   \
    X(cos, cos, 1, 0, 0, 0.51, cos(x))                                                   \
    X(atan, atan, 1, 0, 0, 0.51, atan(x))                                                \
    X(erf, erf, 1, 0, 0, 0.72, erf(x))                                                   \
    X(tanh, tanh, 1, 0, 0, 0.51, tanh(x))                                                \
    X(sigmoid, sigmoid, 1, 0, 0, 2.0, exact_sigmoid(x))                                  \
    X(log_sigmoid, log_sigmoid, 1, 0, 0, 0.6, exact_log_sigmoid(x))                      \
    X(softplus, softplus, 3, 1, 20, 0.6, x > 20 ? x : -exact_log_sigmoid(-x))            \
    X(elu, elu, 2, 1, 0, 0.51, x > 0 ? x : expm1(x))                                     \
    X(selu, selu, 1, 0, 0, 1.1, exact_selu(x))                                           \
    X(silu, silu, 1, 0, 0, 2.0, x < -800 ? -0.0 : x * exact_sigmoid(x))                  \
    X(gelu, gelu, 1, 0, 0, 6.7, x < -50 ? -0.0 : x * erfc(-0.70710678118654752 * x) / 2) \
    X(gelu_tanh, gelu_tanh, 1, 0, 0, 0.51, exact_gelu_tanh(x))

static inline double exact_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static inline double exact_log_sigmoid(double x)
{
    return (x > 0 ? 0 : x) - log1p(exp(-fabs(x)));
}

static inline double exact_selu(double x)
{
    return 1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * expm1(x));
}

static inline double exact_gelu_tanh(double x)
{
    const double u = 1.5957691216057307118 * x * (1 + 0.044715 * x * x);
    return x < -50 ? -0.0 : x * exact_sigmoid(u);
}

typedef struct exact_function {
    const char *name;
    rv_loop_id loop;
    int inputs;
    float second, third;
    double most;
    double (*exact)(double x);
} exact_function;

#define EXACT_DEFINE(name, loop, inputs, second, third, most, formula) \
    static inline double exact_of_##name(double x)                     \
    {                                                                  \
        return formula;                                                \
    }
EXACT_LIST(EXACT_DEFINE)
#undef EXACT_DEFINE

static const exact_function exact_functions[] = {
#define EXACT_ROW(name, loop, inputs, second, third, most, formula) \
    {#name, RV_LOOP_##loop, inputs, second, third, most, exact_of_##name},
    EXACT_LIST(EXACT_ROW)
#undef EXACT_ROW
};

/* The distance of two neighbouring F32 at y. */
static inline double exact_unit(double y)
{
    int exponent;
    frexp(y, &exponent);
    return fabs(y) < 0x1p-126 ? 0x1p-149 : ldexp(1, exponent - 24);
}

/* How far `got` is from `want`, in these units; infinitely, if only one of them is a number, or if
 * want is infinite in F32, and got is not. */
static inline double exact_error(float got, double want)
{
    if (isnan(want))
        return isnan(got) ? 0 : (double)INFINITY;
    if (isinf((float)want) || !isfinite(got))
        return got == (float)want ? 0 : (double)INFINITY;
    return fabs((double)got - want) / exact_unit(want);
}

/* y = f(x) for n elements, by one of the tables of loops. */
static inline void exact_run(const exact_function *f, const rv_kernels *table, int n,
                             const float *x, float *y)
{
    float second = f->second, third = f->third;
    char *data[] = {(char *)y, (char *)(uintptr_t)x, (char *)&second, (char *)&third};
    table->loops[f->loop][RV_F32](n, data, (const int64_t[]){sizeof *y, sizeof *x, 0, 0});
}

#endif

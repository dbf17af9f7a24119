/* test_accuracy.c - the functions of F32, against double, for every instruction set. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/kernels/tables.h"
#include "exact.h"

#define BLOCK 1024
#define STEP 9973 /* takes one F32 in so many */

static void check(const exact_function *f, const rv_kernels *table, int n, const float *x)
{
    float y[BLOCK];
    exact_run(f, table, n, x, y);
    for (int i = 0; i < n; i++) {
        const double want = f->exact((double)x[i]);
        cr_assert_leq(exact_error(y[i], want), f->most,
                      "%s %s of %a is %a, not %a: %.3g units away", table->name, f->name,
                      (double)x[i], (double)y[i], want, exact_error(y[i], want));
    }
}

Test(accuracy, of_functions_of_f32)
{
    float x[BLOCK];
    const rv_kernels *table;
    for (uint64_t first = 0; first < UINT64_C(1) << 32; first += BLOCK * (uint64_t)STEP) {
        for (int i = 0; i < BLOCK; i++) {
            const uint32_t bits = (uint32_t)(first + (uint64_t)i * STEP);
            memcpy(&x[i], &bits, sizeof bits);
        }
        for (int k = 0; k < RV_COUNT(exact_functions); k++)
            for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
                check(&exact_functions[k], table, BLOCK, x);
    }
}

/* Where the bit patterns above are thin: ordinary numbers. */
Test(accuracy, of_functions_of_f32_near_0)
{
    float x[BLOCK];
    const rv_kernels *table;
    for (int block = 0; block < 100; block++) {
        for (int i = 0; i < BLOCK; i++)
            x[i] = (float)(block * BLOCK + i) * 0x1.0001p-12f - 12.5f;
        for (int k = 0; k < RV_COUNT(exact_functions); k++)
            for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
                check(&exact_functions[k], table, BLOCK, x);
    }
}

/* The same value, to the sign of 0; NaN is NaN. */
static bool is_same(float a, float b)
{
    return isnan(a) ? isnan(b) : a == b && !signbit(a) == !signbit(b);
}

/* Zeros, infinities and NaN are the same, and all results have the sign they should. */
Test(accuracy, at_the_edges)
{
    const float infinity = INFINITY, least = 0x1p-149f, most = 0x1.fffffep127f;
    const float x[] = {0.0f,      -0.0f,     infinity, -infinity, NAN,          least,     -least,
                       1.0f,      -1.0f,     most,     -most,     88.7f,        88.73f,    -88.73f,
                       -103.9f,   -104.0f,   0x1p22f,  -0x1p22f,  0x1p23f,      0x1.8p30f, 20.0f,
                       0x1p-126f, 0x1p-127f, -14.5f,   -200.0f,   0x1.921fb6p0f};
    const rv_kernels *table;
    for (int k = 0; k < RV_COUNT(exact_functions); k++)
        for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++) {
            const exact_function *f = &exact_functions[k];
            float y[RV_COUNT(x)];
            check(f, table, RV_COUNT(x), x);
            exact_run(f, table, RV_COUNT(x), x, y);
            for (int i = 0; i < RV_COUNT(x); i++) {
                const float want = (float)f->exact((double)x[i]);
                const bool is_edge = isnan(want) || isinf(want) || want == 0.0f;
                cr_expect(is_edge ? is_same(y[i], want) || fabsf(y[i]) <= 0x1p-149f
                                  : signbit(y[i]) == signbit(want),
                          "%s %s of %a is %a, not %a", table->name, f->name, (double)x[i],
                          (double)y[i], (double)want);
            }
        }
}

/* pow has more edges than any other: all pairs of these, as C and PyTorch say. */
Test(accuracy, of_powers_at_the_edges)
{
    const float infinity = INFINITY;
    const float x[] = {0.0f, -0.0f, 1.0f,     -1.0f,     0.5f, -0.5f, 2.0f,    -2.0f,
                       3.0f, -3.0f, infinity, -infinity, NAN,  1e30f, 0x1p25f, -16777217.0f};
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int j = 0; j < RV_COUNT(x); j++) {
            const exact_function power = {"pow", RV_LOOP_pow, 2, x[j], 0, 0.52, NULL};
            float y[RV_COUNT(x)];
            exact_run(&power, table, RV_COUNT(x), x, y);
            for (int i = 0; i < RV_COUNT(x); i++) {
                const double want = pow((double)x[i], (double)x[j]);
                const bool is_edge = isnan(want) || isinf((float)want) || (float)want == 0.0f;
                cr_expect(is_edge ? is_same(y[i], (float)want)
                                  : exact_error(y[i], want) <= power.most,
                          "%s: %a to the %a is %a, not %a", table->name, (double)x[i], (double)x[j],
                          (double)y[i], want);
            }
        }
}

/* test_accuracy_double.c - the functions of F64, against long double, for every instruction set. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/kernels/tables.h"
#include "exact_double.h"

#define BLOCK 1024

static void check(const exact_double *f, const rv_kernels *table, int n, const double *x)
{
    double y[BLOCK];
    exact_double_run(f, table, n, x, 1, y);
    for (int i = 0; i < n; i++) {
        const long double want = f->exact((long double)x[i]);
        const long double error = exact_double_error(y[i], want);
        cr_assert_leq(error, f->most, "%s %s of %a is %a, not %La: %.3Lg units away", table->name,
                      f->name, x[i], y[i], want, error);
    }
}

static void check_all(int n, const double *x)
{
    const rv_kernels *table;
    for (int k = 0; EXACT_DOUBLE_IS_MEASURED && k < RV_COUNT(exact_doubles); k++)
        for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
            check(&exact_doubles[k], table, n, x);
}

/* Of all magnitudes, both signs, infinities and NaN among them. */
Test(accuracy_double, of_all_bit_patterns)
{
    double x[BLOCK];
    uint64_t bits = 0;
    for (int block = 0; block < 60; block++) {
        for (int i = 0; i < BLOCK; i++, bits += UINT64_C(0x10000000000001b3) / 3001)
            memcpy(&x[i], &bits, sizeof bits);
        check_all(BLOCK, x);
    }
}

/* Where the bit patterns above are thin: ordinary numbers. */
Test(accuracy_double, of_ordinary_numbers)
{
    double x[BLOCK];
    for (int block = 0; block < 100; block++) {
        for (int i = 0; i < BLOCK; i++)
            x[i] = (double)(block * BLOCK + i) * 0x1.000123456789p-12 - 12.5;
        check_all(BLOCK, x);
    }
    for (int block = 0; block < 20; block++) {
        for (int i = 0; i < BLOCK; i++)
            x[i] = (double)(block * BLOCK + i) * 0x1.000123456789p-4 - 750.0;
        check_all(BLOCK, x);
    }
}

static const double edges[] = {0.0,
                               -0.0,
                               (double)INFINITY,
                               -(double)INFINITY,
                               (double)NAN,
                               0x1p-1074,
                               -0x1p-1074,
                               0x1.fffffffffffffp1023,
                               -0x1.fffffffffffffp1023,
                               0x1p-1022,
                               -0x1p-1023,
                               1.0,
                               -1.0,
                               0x1.fffffffffffffp-1,
                               0x1.0000000000001p0,
                               -0x1.fffffffffffffp-1,
                               0x1p-54,
                               0x1p-27,
                               -0x1p-28,
                               0.625,
                               0x1.3ffffffffffffp-1,
                               20.0,
                               -22.0,
                               36.7,
                               -37.0,
                               709.782712893384,
                               709.7827128933841,
                               -708.3964185322641,
                               -708.4,
                               -744.4400719213812,
                               -745.1332191019411,
                               -745.1332191019412,
                               -800.5,
                               1e10,
                               1e22,
                               -0x1p1000,
                               0x1.921fb54442d18p0,
                               -0x1.921fb54442d18p1,
                               0x1.6a09e667f3bcdp-1};

/* Zeros, infinities and NaN are the same, and all results have the sign they should. */
Test(accuracy_double, at_the_edges)
{
    const rv_kernels *table;
    check_all(RV_COUNT(edges), edges);
    for (int k = 0; k < RV_COUNT(exact_doubles); k++)
        for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++) {
            const exact_double *f = &exact_doubles[k];
            double y[RV_COUNT(edges)];
            exact_double_run(f, table, RV_COUNT(edges), edges, 1, y);
            for (int i = 0; i < RV_COUNT(edges); i++) {
                const double want = (double)f->exact((long double)edges[i]);
                cr_expect(isnan(want) ? isnan(y[i]) : signbit(y[i]) == signbit(want),
                          "%s %s of %a is %a, not %a", table->name, f->name, edges[i], y[i], want);
            }
        }
}

/* Every length, place in memory and stride gives each element the same bits, for every instruction
 * set: those that an array of one element has in the first. */
Test(accuracy_double, is_the_same_for_all_lengths_and_strides)
{
    enum { MOST = 40, STEP = 3 };
    double x[MOST * STEP + 8];
    for (int i = 0; i < RV_COUNT(x); i++)
        x[i] = i % 7 == 3 ? edges[i % RV_COUNT(edges)] : 0.173 * (i - 60);
    const rv_kernels *table;
    for (int k = 0; k < RV_COUNT(exact_doubles); k++) {
        const exact_double *f = &exact_doubles[k];
        for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
            for (int n = 0; n <= MOST; n++)
                for (int variant = 0; variant < 4; variant++) {
                    const int step = variant < 3 ? 1 : STEP, first = variant;
                    double y[MOST + 4];
                    y[first + n] = 42;
                    exact_double_run(f, table, n, x + first, step, y + first);
                    for (int i = 0; i < n; i++) {
                        double alone;
                        exact_double_run(f, rv_kernels_at(0), 1, &x[first + i * step], 1, &alone);
                        cr_assert(memcmp(&y[first + i], &alone, sizeof alone) == 0 ||
                                      (isnan(alone) && isnan(y[first + i])),
                                  "%s %s of %a, %d of %d: %a, not %a", table->name, f->name,
                                  x[first + i * step], i, n, y[first + i], alone);
                    }
                    cr_assert_eq(y[first + n], 42, "%s writes beyond %d", f->name, n);
                }
    }
}

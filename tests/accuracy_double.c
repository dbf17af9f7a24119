/* accuracy_double - the largest error of each function of F64, in units in the last place.
 *
 *     accuracy_double [MILLIONS]     a line for each: name, error for |x| <= 20, error for all x,
 *                                    where that is
 *
 * Takes MILLIONS (default 1) of numbers evenly from [-20, 20], and as many bit patterns evenly from
 * all finite F64, and compares with the same function in long double. tests/accuracy_double.py does
 * the same with PyTorch, and makes the table of docs/accuracy.md from both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_double.h"

enum { BLOCK = 4000 };

/* The largest error, and where it is. */
typedef struct worst {
    long double units;
    double at;
} worst;

static void measure_block(const exact_double *f, const double *x, worst *w)
{
    double y[BLOCK];
    exact_double_run(f, rv_kernels_get(), BLOCK, x, 1, y);
    for (int i = 0; i < BLOCK; i++) {
        const long double units = exact_double_error(y[i], f->exact((long double)x[i]));
        if (units > w->units)
            *w = (worst){units, x[i]};
    }
}

/* Number `i` of `count`, from [-20, 20]; and the bits of it, from all finite ones. */
static double evenly(int64_t i, int64_t count)
{
    return 40.0 * ((double)i + 0.37) / (double)count - 20.0;
}

static double of_bits(int64_t i, int64_t count)
{
    const uint64_t finite = UINT64_C(0x7ff0000000000000);
    const uint64_t bits = finite / (uint64_t)count * (uint64_t)i + (uint64_t)i * 12347;
    double x;
    memcpy(&x, &bits, sizeof x);
    return i % 2 == 0 ? x : -x;
}

int main(int argc, char **argv)
{
    const long millions = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    if (argc > 2 || millions < 1 || millions > 10000 || !EXACT_DOUBLE_IS_MEASURED) {
        fprintf(stderr, "usage: accuracy_double [MILLIONS], where long double is longer\n");
        return 2;
    }
    const int64_t count = millions * 1000000;
    for (int k = 0; k < RV_COUNT(exact_doubles); k++) {
        worst near = {0, 0}, all = {0, 0};
        double x[BLOCK];
        for (int64_t first = 0; first < count; first += BLOCK) {
            for (int i = 0; i < BLOCK; i++)
                x[i] = evenly(first + i, count);
            measure_block(&exact_doubles[k], x, &near);
            for (int i = 0; i < BLOCK; i++)
                x[i] = of_bits(first + i, count);
            measure_block(&exact_doubles[k], x, &all);
        }
        all = near.units > all.units ? near : all;
        printf("%s\t%.3Lg\t%.3Lg\t%.17g\n", exact_doubles[k].name, near.units, all.units, all.at);
        fflush(stdout);
    }
    return 0;
}

/* accuracy - the largest error of each function of F32, in units in the last place.
 *
 *     accuracy [STEP]     a line for each: name, error for |x| <= 20, error for all x, where that
 * is
 *
 * Takes one in STEP (default 997) of all 2^32 F32, the finite ones, and compares with the same
 * function in double. tests/accuracy.py does the same with PyTorch, and makes the table of
 * docs/accuracy.md from both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"

#define BLOCK 4096

/* The largest error, and where it is. */
typedef struct worst {
    double units;
    double at;
} worst;

static void note(worst *w, double units, double at)
{
    if (units > w->units)
        *w = (worst){units, at};
}

static void print_row(const char *name, const worst *near, const worst *all)
{
    printf("%s\t%.4g\t%.4g\t%.9g\n", name, near->units, all->units, all->at);
    fflush(stdout);
}

static void measure_function(const exact_function *f, uint64_t step)
{
    worst near = {0, 0}, all = {0, 0};
    float x[BLOCK], y[BLOCK];
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32;) {
        int n = 0;
        for (; n < BLOCK && bits < UINT64_C(1) << 32; bits += step) {
            const uint32_t low = (uint32_t)bits;
            memcpy(&x[n], &low, sizeof low);
            n += isfinite(x[n]) ? 1 : 0;
        }
        exact_run(f, rv_kernels_get(), n, x, y);
        for (int i = 0; i < n; i++) {
            const double units = exact_error(y[i], f->exact((double)x[i]));
            note(&all, units, (double)x[i]);
            if (fabsf(x[i]) <= 20.0f)
                note(&near, units, (double)x[i]);
        }
    }
    print_row(f->name, &near, &all);
}

int main(int argc, char **argv)
{
    const long step = argc > 1 ? strtol(argv[1], NULL, 10) : 997;
    if (argc > 2 || step < 1) {
        fprintf(stderr, "usage: accuracy [STEP]\n");
        return 2;
    }
    for (int i = 0; i < RV_COUNT(exact_functions); i++)
        measure_function(&exact_functions[i], (uint64_t)step);
    return 0;
}

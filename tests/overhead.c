/* overhead - what one operation costs that has almost nothing to compute: a benchmark.
 *
 * Adds two tensors of one element, recorded, a thousand to a scope, and frees them; between that,
 * pairs of malloc and free of 64 bytes. Prints the median of each and their ratio. Not a test: a
 * test never depends on time.
 */
#include "bench.h"

#include <stdio.h>

#include <ravine.h>

enum { ROUNDS = 501, TIMES = 1000 };

/* Seconds for one addition. */
static double time_add(rv_tensor *a, rv_tensor *b)
{
    const double start = bench_now();
    {
        RV_SCOPE;
        for (int i = 0; i < TIMES; i++)
            rv_add(a, b);
    }
    return (bench_now() - start) / TIMES;
}

/* Seconds for one pair. The pointer goes through a volatile, so that no compiler leaves it out. */
static double time_malloc(void)
{
    void *volatile block;
    const double start = bench_now();
    for (int i = 0; i < TIMES; i++) {
        block = malloc(64);
        free(block);
    }
    return (bench_now() - start) / TIMES;
}

int main(void)
{
    static double add[ROUNDS], pair[ROUNDS];

    rv_on_error(rv_error_exit);
    rv_tensor *a = rv_require_grad(rv_ones(RV_F32, 1));
    rv_tensor *b = rv_ones(RV_F32, 1);
    for (int round = 0; round < ROUNDS; round++) {
        add[round] = time_add(a, b);
        pair[round] = time_malloc();
    }
    const double of_add = bench_median(add, ROUNDS), of_pair = bench_median(pair, ROUNDS);
    printf("add of one element, recorded and freed: %.1f ns\n", 1e9 * of_add);
    printf("malloc and free of 64 bytes:            %.1f ns\n", 1e9 * of_pair);
    printf("ratio: %.2f (at most 12 wanted)\n", of_add / of_pair);
    rv_finish();
    return 0;
}

/* test_vector.c - sums and products of long vectors, as methods that minimize use them: against
 * plain loops, around the lengths of lanes and pieces, with any number of threads.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "helpers.h"

enum { MOST = 3000000 };

static const int64_t lengths[] = {0, 1, 7, 8, 9, 100, 8191, 8192, 8193, 32768, 32769, 100001, MOST};

static double *x, *y, *z;

static void make_vectors(void)
{
    x = malloc(3 * MOST * sizeof(double));
    cr_assert_not_null(x);
    y = x + MOST;
    z = y + MOST;
    for (int64_t i = 0; i < MOST; i++) {
        x[i] = sin(1.3 * (double)i) + 0.01;
        y[i] = cos(0.7 * (double)i * (double)i);
    }
}

static void free_vectors(void)
{
    free(x);
}

TestSuite(vector, .init = make_vectors, .fini = free_vectors);

Test(vector, is_as_plain_loops_say)
{
    for (int k = 0; k < RV_COUNT(lengths); k++) {
        const int64_t n = lengths[k];
        long double dot = 0, size = 0;
        double largest = 0;
        for (int64_t i = 0; i < n; i++) {
            dot += (long double)x[i] * y[i];
            size += fabsl((long double)x[i] * y[i]);
            largest = fmax(largest, fabs(x[i]));
        }
        const double got = rv_vector_dot(n, x, y);
        cr_expect(fabsl(got - dot) <= 1e-12L * size, "%lld: %.17g", (long long)n, got);
        cr_expect(rv_vector_largest(n, x) == largest, "%lld", (long long)n);
        const double length = rv_vector_length(n, x);
        cr_expect(length == sqrt(rv_vector_dot(n, x, x)), "%lld", (long long)n);

        memcpy(z, y, (size_t)n * sizeof(double));
        rv_vector_add(n, -0.3, x, z);
        for (int64_t i = 0; i < n; i++)
            cr_assert(z[i] == y[i] + -0.3 * x[i], "%lld", (long long)i);
        rv_vector_scale(n, 1.7, z, z);
        for (int64_t i = 0; i < n; i++)
            cr_assert(z[i] == 1.7 * (y[i] + -0.3 * x[i]), "%lld", (long long)i);
    }
}

Test(vector, has_the_same_bits_with_any_number_of_threads)
{
    for (int k = 0; k < RV_COUNT(lengths); k++) {
        double dots[4];
        uint64_t hashes[4];
        for (int threads = 1; threads <= 4; threads++) {
            RV_SCOPE;
            cr_assert(rv_set_threads(threads));
            memcpy(z, y, (size_t)lengths[k] * sizeof(double));
            rv_vector_add(lengths[k], 0.7, x, z);
            dots[threads - 1] = rv_vector_dot(lengths[k], x, z);
            hashes[threads - 1] = hash_of(HASH_START, rv_from_array_n(z, RV_F64, 1, &lengths[k]));
            cr_assert(dots[threads - 1] == dots[0] && hashes[threads - 1] == hashes[0]);
        }
    }
    rv_set_threads(0);
}

Test(vector, the_largest_is_nan_if_one_is)
{
    for (int64_t n = 1; n < 40; n++)
        for (int64_t at = 0; at < n; at++) {
            const double was = x[at];
            x[at] = (double)NAN;
            cr_assert(isnan(rv_vector_largest(n, x)));
            x[at] = -(double)INFINITY;
            cr_assert(rv_vector_largest(n, x) == (double)INFINITY);
            x[at] = -77;
            cr_assert(rv_vector_largest(n, x) == 77);
            x[at] = was;
        }
}

Test(vector, lengths_whose_squares_are_no_numbers)
{
    const double scales[] = {1e-320, 1e-300, 1e-170, 1e170, 1e300};
    for (int k = 0; k < RV_COUNT(scales); k++) {
        const double v[] = {3 * scales[k], -4 * scales[k], 0};
        cr_expect(fabs(rv_vector_length(3, v) / scales[k] - 5) < (k == 0 ? 1e-3 : 1e-14), "%g",
                  rv_vector_length(3, v));
    }
    const double infinite[] = {1, (double)INFINITY}, none[] = {1, (double)NAN};
    cr_expect(rv_vector_length(2, infinite) == (double)INFINITY);
    cr_expect(isnan(rv_vector_length(2, none)));
    cr_expect(rv_vector_length(0, none) == 0);
}

/* test_random.c - random numbers: known answers, distributions, places, and the same numbers on any
 * number of threads. Seeds are fixed, so a bound on a statistic either holds always or never. */

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "helpers.h"

/* ---- the generator -------------------------------------------------------------------------- */

/* The first is of the vectors published with Random123 (kat_vectors, philox4x32 10); the others are
 * of a second program, in another language, that gives all of those. */
Test(random, philox_known_answers)
{
    static const struct {
        rv_random_place place;
        uint32_t numbers[4];
    } known[] = {
        {{0, 0}, {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}},
        {{0, 1}, {0xf8e4cca4u, 0x5cb200dbu, 0xb1a574ebu, 0x097eff67u}},
        {{42, 0}, {0x9ceaf053u, 0x77f5493bu, 0x12bf50adu, 0x5742b3d7u}},
        {{0x100000000u, 0}, {0xfdde3e0bu, 0xfa7e58b6u, 0x3380ec46u, 0xd8d55c4fu}},
        {{1, 0x100000000u}, {0x833ff8dcu, 0x225c963cu, 0x232b88b3u, 0x0b334b07u}},
        {{0xa4093822299f31d0u, 0x243f6a8885a308d3u},
         {0xaab1d1d0u, 0xc1e29602u, 0x4034014cu, 0x9b2e8474u}},
        {{UINT64_MAX, UINT64_MAX}, {0x4d18d7d2u, 0x430ac65au, 0xbd2fa22au, 0x0afae10du}},
    };
    for (int i = 0; i < RV_COUNT(known); i++) {
        uint32_t numbers[4];
        rv_philox(known[i].place, 0, numbers);
        cr_expect_eq(memcmp(numbers, known[i].numbers, sizeof numbers), 0, "vector %d", i);
        const rv_random_place before = {known[i].place.seed, known[i].place.offset - 5};
        rv_philox(before, 5, numbers);
        cr_expect_eq(memcmp(numbers, known[i].numbers, sizeof numbers), 0, "vector %d, block 5", i);
    }
}

Test(random, place_of_the_generator)
{
    cr_expect(rv_random_now().seed == 0 && rv_random_now().offset == 0, "seed 0 without rv_seed");
    rv_seed(7);
    cr_expect(rv_random_now().seed == 7 && rv_random_now().offset == 0);
    const rv_random_place first = rv_random_take(5);
    cr_expect(first.seed == 7 && first.offset == 0);
    cr_expect_eq(rv_random_now().offset, 2, "five numbers are two blocks");
    rv_random_take(0);
    rv_random_take(-4);
    cr_expect_eq(rv_random_now().offset, 2);
    rv_rand(RV_F32, 9);
    cr_expect_eq(rv_random_now().offset, 5);
    rv_rand(RV_F64, 9);
    cr_expect_eq(rv_random_now().offset, 10);
    rv_randn(RV_F64, 3, 0);
    cr_expect_eq(rv_random_now().offset, 10);
    rv_permutation(6);
    cr_expect_eq(rv_random_now().offset, 13);
    rv_random_resume((rv_random_place){3, 100});
    cr_expect(rv_random_now().seed == 3 && rv_random_now().offset == 100);
}

Test(random, same_seed_same_numbers)
{
    rv_seed(11);
    const rv_tensor *a = rv_randn(RV_F32, 100), *b = rv_rand(RV_F64, 100);
    const rv_random_place between = rv_random_now();
    const rv_tensor *c = rv_randint(0, 1000, RV_I64, 100), *d = rv_permutation(100);
    rv_seed(11);
    cr_expect(rv_equal(a, rv_randn(RV_F32, 100)) && rv_equal(b, rv_rand(RV_F64, 100)));
    rv_seed(12);
    cr_expect_not(rv_equal(a, rv_randn(RV_F32, 100)));
    rv_random_resume(between);
    cr_expect(rv_equal(c, rv_randint(0, 1000, RV_I64, 100)) && rv_equal(d, rv_permutation(100)));
    cr_expect_not(rv_equal(d, rv_permutation(100)), "it goes on");
}

/* Element i comes from one block, whoever computes it, and a shape only folds the sequence. */
Test(random, elements_come_from_their_blocks)
{
    const int64_t n = 40000 + 3;
    rv_seed(5);
    rv_random_take(8);
    const rv_random_place place = rv_random_now();
    const float *f32 = rv_data(rv_rand(RV_F32, n));
    rv_random_resume(place);
    const double *f64 = rv_data(rv_rand(RV_F64, n));
    rv_random_resume(place);
    const double *normal = rv_data(rv_randn(RV_F64, n));
    rv_random_resume(place);
    const float *normal32 = rv_data(rv_randn(RV_F32, n));
    rv_random_resume(place);
    const int64_t *whole = rv_data(rv_randint(-10, 990, RV_I64, n));
    const double tau = 6.283185307179586476925;
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t a[4], b[4];
        rv_philox(place, (uint64_t)i / 4, a);
        rv_philox(place, (uint64_t)i / 2, b);
        wrong += (double)f32[i] != (double)(a[i % 4] >> 8) / 16777216;
        uint64_t wide[2];
        for (int j = 0; j < 2; j++)
            wide[j] = b[2 * j] | (uint64_t)b[2 * j + 1] << 32;
        wrong += f64[i] != (double)(wide[i % 2] >> 11) / 9007199254740992.0;
        const long double drawn = (long double)wide[i % 2] * 1000 / 18446744073709551616.0L;
        wrong += whole[i] != (int64_t)drawn - 10;
        /* Box-Muller with the library's functions: alike to the last bits */
        const double u = ((double)(wide[0] >> 11) + 1) / 9007199254740992.0;
        const double v = tau * ((double)(wide[1] >> 11) / 9007199254740992.0);
        const double z = sqrt(-2 * log(u)) * (i % 2 ? sin(v) : cos(v));
        wrong += !(fabs(normal[i] - z) <= 4e-15 * (1 + fabs(z)));
        const double u32 = ((double)a[i % 4 / 2 * 2] + 1) / 4294967296.0;
        const double v32 = tau * ((double)a[i % 4 / 2 * 2 + 1] / 4294967296.0);
        const double z32 = sqrt(-2 * log(u32)) * (i % 2 ? sin(v32) : cos(v32));
        wrong += !(fabs((double)normal32[i] - z32) <= 6e-8 * fabs(z32) + 1e-14);
    }
    cr_expect_eq(wrong, 0, "%d of the numbers differ", (int)wrong);
    rv_random_resume(place);
    const rv_tensor *folded = rv_rand(RV_F32, 1, 40003, 1);
    cr_expect_eq(memcmp(rv_data(folded), f32, (size_t)n * sizeof *f32), 0);
}

Test(random, same_numbers_on_any_number_of_threads)
{
    static const int threads[] = {1, 2, 3, 5};
    const rv_tensor *first[5] = {NULL};
    for (int i = 0; i < RV_COUNT(threads); i++) {
        cr_assert(rv_set_threads(threads[i]));
        rv_seed(9);
        const rv_tensor *drawn[] = {rv_rand(RV_F32, 300, 333), rv_rand(RV_F64, 99999),
                                    rv_randn(RV_F32, 99999), rv_randn(RV_F64, 17, 6001),
                                    rv_randint(0, 256, RV_U8, 100001)};
        for (int j = 0; j < 5; j++) {
            cr_assert_not_null(drawn[j]);
            if (i == 0)
                first[j] = drawn[j];
            cr_expect(rv_equal(first[j], drawn[j]), "tensor %d, %d threads", j, threads[i]);
        }
    }
}

/* ---- distributions -------------------------------------------------------------------------- */

#define MANY 200000

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double uniform_cdf(double x)
{
    return x;
}

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

/* The largest distance between the sample's distribution and the true one, times sqrt(n): above
 * 1.95 by chance once in a thousand samples (Kolmogorov and Smirnov). */
static double distance(const double *sample, int64_t n, double (*cdf)(double))
{
    double *sorted = malloc((size_t)n * sizeof *sorted), most = 0;
    cr_assert_not_null(sorted);
    memcpy(sorted, sample, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    for (int64_t i = 0; i < n; i++) {
        const double p = cdf(sorted[i]);
        most = fmax(most, fmax(p - (double)i / (double)n, (double)(i + 1) / (double)n - p));
    }
    free(sorted);
    return most * sqrt((double)n);
}

/* Mean, variance, shape and independence of neighbours; bounds are four standard errors. */
static void check_distribution(const char *name, const rv_tensor *t, double mean, double variance,
                               double fourth, double (*cdf)(double))
{
    static double x[MANY];
    double sum = 0, squares = 0, neighbours = 0, pairs = 0;
    for (int64_t i = 0; i < MANY; i++) {
        x[i] = at(t, i);
        sum += x[i] - mean;
        squares += (x[i] - mean) * (x[i] - mean);
        neighbours += i >= 1 ? (x[i] - mean) * (x[i - 1] - mean) : 0;
        pairs += i >= 2 ? (x[i] - mean) * (x[i - 2] - mean) : 0;
    }
    const double root = sqrt((double)MANY);
    cr_expect(fabs(sum / MANY) < 4 * sqrt(variance) / root, "%s: mean %g", name, sum / MANY);
    cr_expect(fabs(squares / MANY - variance) < 4 * sqrt(fourth - variance * variance) / root,
              "%s: variance %g", name, squares / MANY);
    cr_expect(fabs(neighbours / MANY) < 4 * variance / root, "%s: neighbours", name);
    cr_expect(fabs(pairs / MANY) < 4 * variance / root, "%s: next but one", name);
    const double d = distance(x, MANY, cdf);
    cr_expect(d < 1.95, "%s: distance %g", name, d);
}

Test(random, distributions)
{
    rv_seed(2026);
    check_distribution("rand F32", rv_rand(RV_F32, MANY), 0.5, 1 / 12.0, 1 / 80.0, uniform_cdf);
    check_distribution("rand F64", rv_rand(RV_F64, MANY), 0.5, 1 / 12.0, 1 / 80.0, uniform_cdf);
    check_distribution("randn F32", rv_randn(RV_F32, MANY), 0, 1, 3, normal_cdf);
    check_distribution("randn F64", rv_randn(RV_F64, MANY), 0, 1, 3, normal_cdf);
}

Test(random, uniform_stays_below_one)
{
    rv_seed(1);
    const rv_tensor *t = rv_rand(RV_F32, 1000, 1000);
    const float *u = rv_data(t);
    float least = 1, most = 0;
    for (int64_t i = 0; i < t->numel; i++) {
        least = u[i] < least ? u[i] : least;
        most = u[i] > most ? u[i] : most;
    }
    cr_expect(least >= 0 && most < 1);
    cr_expect(least < 1e-5f && most > 0.99999f);
}

/* ---- whole numbers -------------------------------------------------------------------------- */

/* Whether n counts differ from their common expectation no more than chance lets them: the sum of
 * squares has mean n-1 and deviation sqrt(2(n-1)). */
static bool is_even(const int64_t *counts, int n)
{
    double total = 0, sum = 0;
    for (int i = 0; i < n; i++)
        total += (double)counts[i];
    for (int i = 0; i < n; i++)
        sum += ((double)counts[i] - total / n) * ((double)counts[i] - total / n) * n / total;
    return fabs(sum - (n - 1)) < 4 * sqrt(2.0 * (n - 1));
}

Test(random, randint_is_even)
{
    rv_seed(3);
    int64_t counts[256] = {0};
    const rv_tensor *t = rv_randint(-3, 4, RV_I64, 70000);
    for (int64_t i = 0; i < t->numel; i++) {
        const int64_t x = ((const int64_t *)t->data)[i];
        cr_assert(x >= -3 && x < 4);
        counts[x + 3]++;
    }
    cr_expect(is_even(counts, 7));
    memset(counts, 0, sizeof counts);
    t = rv_randint(0, 256, RV_U8, 256000);
    for (int64_t i = 0; i < t->numel; i++)
        counts[((const uint8_t *)t->data)[i]]++;
    cr_expect(is_even(counts, 256));
}

Test(random, randint_of_all_numbers)
{
    rv_seed(4);
    const rv_tensor *t = rv_randint(INT64_MIN, INT64_MAX, RV_I64, 64000);
    int64_t counts[64] = {0};
    for (int64_t i = 0; i < t->numel; i++)
        counts[(((const int64_t *)t->data)[i] >> 58) + 32]++;
    cr_expect(is_even(counts, 64), "the upper six bits");
    /* a (2^64 - 1) / 2^64, rounded down, is a - 1; and a 2^40 / 2^64 the upper 40 bits of a. */
    const rv_random_place place = rv_random_now();
    const rv_tensor *most = rv_randint(INT64_MIN, INT64_MAX, RV_I64, 1000);
    rv_random_resume(place);
    const rv_tensor *some = rv_randint(0, (int64_t)1 << 40, RV_I64, 1000);
    for (int64_t i = 0; i < 1000; i++) {
        uint32_t bits[4];
        rv_philox(place, (uint64_t)i / 2, bits);
        const uint64_t a = bits[i % 2 * 2] | (uint64_t)bits[i % 2 * 2 + 1] << 32;
        const int64_t x = ((const int64_t *)most->data)[i], y = ((const int64_t *)some->data)[i];
        cr_expect_eq((uint64_t)x - (uint64_t)INT64_MIN, a - 1);
        cr_expect_eq((uint64_t)y, a >> 24);
    }
    const rv_tensor *one = rv_randint(INT64_MAX - 1, INT64_MAX, RV_I64, 9);
    for (int64_t i = 0; i < 9; i++)
        cr_expect_eq(((const int64_t *)one->data)[i], INT64_MAX - 1);
    cr_expect_eq(rv_item(rv_randint(255, 256, RV_U8)), 255);
}

Test(random, permutations)
{
    rv_seed(6);
    static bool seen[1000];
    const rv_tensor *t = rv_permutation(1000);
    cr_assert(t->dtype == RV_I64 && t->ndim == 1 && t->numel == 1000);
    int64_t in_place = 0;
    for (int64_t i = 0; i < 1000; i++) {
        const int64_t x = ((const int64_t *)t->data)[i];
        cr_assert(x >= 0 && x < 1000 && !seen[x]);
        seen[x] = true;
        in_place += x == i;
    }
    cr_expect(in_place < 10, "%d stayed where they were", (int)in_place);
    cr_expect_eq(rv_numel(rv_permutation(0)), 0);
    cr_expect_eq(rv_item(rv_permutation(1)), 0);
    int64_t counts[24] = {0};
    for (int i = 0; i < 24000; i++) {
        RV_SCOPE;
        const int64_t *p = rv_data(rv_permutation(4));
        int64_t which = 0;
        for (int j = 0; j < 3; j++) {
            int smaller = 0;
            for (int k = j + 1; k < 4; k++)
                smaller += p[k] < p[j];
            which = which * (4 - j) + smaller;
        }
        counts[which]++;
    }
    cr_expect(is_even(counts, 24), "each order as often as any");
}

/* ---- bad calls ------------------------------------------------------------------------------ */

Test(random, bad_calls)
{
    rv_seed(1);
    cr_expect_null(rv_rand(RV_I64, 3));
    cr_expect(error_is(RV_ERROR_DTYPE, "rand: I64 is not a floating dtype"));
    cr_expect_null(rv_randn(RV_U8, 3));
    cr_expect(error_is(RV_ERROR_DTYPE, "randn: U8 is not a floating dtype"));
    cr_expect_null(rv_randn(99, 3));
    cr_expect(error_is(RV_ERROR_DTYPE, "randn: 99 is no dtype"));
    cr_expect_null(rv_rand(RV_F32, 3, -1));
    cr_expect(error_is(RV_ERROR_SHAPE, "rand: size -1 of axis 1"));
    cr_expect_null(rv_randint(0, 5, RV_F32, 3));
    cr_expect(error_is(RV_ERROR_DTYPE, "randint: F32 is not a dtype of whole numbers"));
    cr_expect_null(rv_randint(0, 5, 99, 3));
    cr_expect(error_is(RV_ERROR_DTYPE, "randint: 99 is no dtype"));
    cr_expect_null(rv_randint(5, 5, RV_I64, 3));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "randint: no whole number is in [5, 5)"));
    cr_expect_null(rv_randint(-1, 5, RV_U8, 3));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "randint: U8 cannot hold [-1, 5)"));
    cr_expect_null(rv_randint(0, 257, RV_U8, 3));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "randint: U8 cannot hold [0, 257)"));
    cr_expect_null(rv_permutation(-1));
    cr_expect(error_is(RV_ERROR_SHAPE, "permutation: size -1"));
    cr_expect_eq(rv_random_now().offset, 0, "what failed has drawn nothing");
}

/* test_row_kernels.c - the kernels that are no elementwise loops, in every instruction set: folds,
 * softmax and its kin, and dropout.
 */

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/tables.h"
#include "ravine.h"

#define MOST 1000

static const int64_t sizes[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 100, MOST};

/* A number in [0, 1), the same in every run. */
static double draw(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

/* One set of values in each dtype. */
static struct {
    float f32[3 * MOST];
    double f64[3 * MOST];
    int64_t i64[3 * MOST];
    uint8_t u8[3 * MOST];
} values;

static const char *values_of(rv_dtype dtype)
{
    const char *all[] = {(const char *)values.f32, (const char *)values.f64,
                         (const char *)values.i64, (const char *)values.u8};
    return all[dtype];
}

static void draw_values(void)
{
    for (int i = 0; i < 3 * MOST; i++) {
        values.f32[i] = (float)(draw() * 8 - 4);
        values.f64[i] = draw() * 8 - 4;
        values.i64[i] = (int64_t)(draw() * 2e6) - 1000000;
        values.u8[i] = (uint8_t)(draw() * 256);
    }
}

static long double value(rv_dtype dtype, int64_t i)
{
    switch (dtype) {
    case RV_F32: return (long double)values.f32[i];
    case RV_F64: return (long double)values.f64[i];
    case RV_I64: return (long double)values.i64[i];
    default: return (long double)values.u8[i];
    }
}

static bool is_close(double got, long double want, double tolerance)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want);
    return (long double)got == want ||
           fabsl((long double)got - want) <= (long double)tolerance * fmaxl(1, fabsl(want));
}

/* ---- folds ---------------------------------------------------------------------------------- */

/* Accumulators of whatever type. */
typedef union totals {
    double f64[MOST];
    float f32[MOST];
    int64_t i64[MOST];
    uint8_t u8[MOST];
} totals;

static bool is_pick(rv_fold_id fold)
{
    return fold == RV_FOLD_max || fold == RV_FOLD_min || fold == RV_FOLD_max_size ||
           fold == RV_FOLD_min_size;
}

static rv_dtype accumulator_of(rv_fold_id fold, rv_dtype dtype)
{
    if (is_pick(fold))
        return dtype;
    return rv_dtype_is_floating(dtype) && fold != RV_FOLD_count ? RV_F64 : RV_I64;
}

static double total_at(const totals *t, rv_dtype accumulator, int64_t i)
{
    switch (accumulator) {
    case RV_F32: return (double)t->f32[i];
    case RV_F64: return t->f64[i];
    case RV_I64: return (double)t->i64[i];
    default: return (double)t->u8[i];
    }
}

/* Every accumulator starts as 1. */
static totals ones(rv_dtype accumulator)
{
    totals t;
    for (int i = 0; i < MOST; i++)
        switch (accumulator) {
        case RV_F32: t.f32[i] = 1; break;
        case RV_F64: t.f64[i] = 1; break;
        case RV_I64: t.i64[i] = 1; break;
        default: t.u8[i] = 1; break;
        }
    return t;
}

/* y joined with x, by the definition of each fold. */
static long double joined(rv_fold_id fold, long double y, long double x)
{
    switch (fold) {
    case RV_FOLD_sum: return y + x;
    case RV_FOLD_prod: return y * x;
    case RV_FOLD_max: return fmaxl(y, x);
    case RV_FOLD_min: return fminl(y, x);
    case RV_FOLD_count: return y + (x != 0);
    case RV_FOLD_sum_sizes: return y + fabsl(x);
    case RV_FOLD_sum_squares: return y + x * x;
    case RV_FOLD_max_size: return fmaxl(y, fabsl(x));
    case RV_FOLD_min_size: return fminl(y, fabsl(x));
    default: return (long double)NAN;
    }
}

/* Products are of few factors here, so that integers do not wrap around. */
static long double folded(rv_fold_id fold, rv_dtype dtype, int64_t n, int64_t first, int64_t step)
{
    long double y = 1;
    for (int64_t i = 0; i < n; i++)
        y = joined(fold, y, value(dtype, first + i * step));
    return y;
}

static bool applies(const rv_kernels *table, rv_fold_id fold, rv_dtype dtype, int64_t n)
{
    return table->folds[fold][dtype].lines != NULL &&
           (fold != RV_FOLD_prod || rv_dtype_is_floating(dtype) || n <= 2);
}

/* Three lines, whose starts are `step` elements apart too. */
static void check_lines(const rv_kernels *table, rv_fold_id fold, rv_dtype dtype, int64_t n,
                        int64_t step)
{
    const rv_dtype accumulator = accumulator_of(fold, dtype);
    const int64_t bytes = step * (int64_t)rv_dtype_size(dtype);
    totals got = ones(accumulator);
    if (!applies(table, fold, dtype, n))
        return;
    const int64_t lines = n * step + 3 * step < 3 * MOST ? 3 : 1;
    table->folds[fold][dtype].lines(lines, n, values_of(dtype), bytes, bytes, &got);
    for (int64_t k = 0; k < 3; k++)
        cr_assert(is_close(total_at(&got, accumulator, k),
                           folded(fold, dtype, k < lines ? n : 0, k * step, step), 1e-14),
                  "%s fold %d of %lld %s, line %lld", table->name, fold, (long long)n,
                  rv_dtype_name(dtype), (long long)k);
}

static void check_rows(const rv_kernels *table, rv_fold_id fold, rv_dtype dtype, int64_t n,
                       int64_t width, int64_t step)
{
    const rv_dtype accumulator = accumulator_of(fold, dtype);
    totals got = ones(accumulator);
    if (!applies(table, fold, dtype, n))
        return;
    table->folds[fold][dtype].rows(n, width, values_of(dtype), step * (int64_t)rv_dtype_size(dtype),
                                   &got);
    for (int64_t j = 0; j <= width && j < MOST; j++)
        cr_assert(is_close(total_at(&got, accumulator, j),
                           folded(fold, dtype, j < width ? n : 0, j, step), 1e-14),
                  "%s fold %d of %lld rows, column %lld of %lld, %s", table->name, fold,
                  (long long)n, (long long)j, (long long)width, rv_dtype_name(dtype));
}

Test(row_kernels, folds_of_all_sizes_and_strides)
{
    const rv_kernels *table;
    draw_values();
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int fold = 0; fold < RV_FOLD_COUNT; fold++)
            for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++)
                for (int s = 0; s < RV_COUNT(sizes); s++) {
                    for (int64_t step = 0; step <= 3; step++)
                        check_lines(table, (rv_fold_id)fold, (rv_dtype)dtype, sizes[s], step);
                    for (int w = 0; w < RV_COUNT(sizes); w++)
                        for (int64_t gap = 0; gap <= 2; gap += 2)
                            if (sizes[s] * (sizes[w] + gap) <= 3 * MOST)
                                check_rows(table, (rv_fold_id)fold, (rv_dtype)dtype, sizes[s],
                                           sizes[w], sizes[w] + gap);
                }
}

/* A term of a fold with centers; F32 has its own e^x. */
static long double term(rv_centered_fold_id fold, long double x, long double c)
{
    switch (fold) {
    case RV_FOLD_deviations: return (x - c) * (x - c);
    case RV_FOLD_exps: return expl(x - (isinf(c) ? 0 : c));
    default: return powl(fabsl(x / c), 2.5L);
    }
}

static void check_centered(const rv_kernels *table, rv_centered_fold_id fold, rv_dtype dtype,
                           int64_t n, int64_t width, const double *centers)
{
    const double tolerance = dtype == RV_F32 && fold == RV_FOLD_exps ? 1e-6 : 1e-13;
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    double lines[MOST], rows[MOST];
    for (int64_t j = 0; j < width; j++)
        lines[j] = rows[j] = 1;
    /* Line k begins at element k*n; column j at element j. */
    table->centered_folds[fold][dtype].lines(width, n, values_of(dtype), n * size, size, centers,
                                             2.5, lines);
    table->centered_folds[fold][dtype].rows(n, width, values_of(dtype), width * size, centers, 2.5,
                                            rows);
    for (int64_t j = 0; j < width; j++) {
        long double line = 1, column = 1;
        for (int64_t i = 0; i < n; i++) {
            line += term(fold, value(dtype, j * n + i), (long double)centers[j]);
            column += term(fold, value(dtype, i * width + j), (long double)centers[j]);
        }
        cr_assert(is_close(lines[j], line, tolerance), "%s fold %d, line %lld of %lld: %g, not %Lg",
                  table->name, fold, (long long)j, (long long)n, lines[j], line);
        cr_assert(is_close(rows[j], column, tolerance), "%s fold %d, column %lld of %lld: %g",
                  table->name, fold, (long long)j, (long long)n, rows[j]);
    }
}

Test(row_kernels, folds_with_centers)
{
    const rv_kernels *table;
    double centers[MOST];
    draw_values();
    for (int j = 0; j < MOST; j++)
        centers[j] = j % 5 == 3 ? 4 : j % 7 - 3.5;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int fold = 0; fold < RV_CENTERED_FOLD_COUNT; fold++)
            for (int dtype = RV_F32; dtype <= RV_F64; dtype++)
                for (int s = 0; s < RV_COUNT(sizes); s++)
                    for (int w = 1; w < RV_COUNT(sizes); w++)
                        if (sizes[s] * sizes[w] <= 3 * MOST)
                            check_centered(table, (rv_centered_fold_id)fold, (rv_dtype)dtype,
                                           sizes[s], sizes[w], centers);
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int dtype = RV_F32; dtype <= RV_F64; dtype++) /* of nothing there is nothing */
            check_centered(table, RV_FOLD_exps, (rv_dtype)dtype, 3, 2,
                           (const double[]){(double)INFINITY, -(double)INFINITY});
}

/* Wherever a NaN stands, and whatever comes after it. */
Test(row_kernels, nan_wins_a_max)
{
    const rv_kernels *table;
    draw_values();
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int64_t at = 0; at < 100; at++) {
            const float kept = values.f32[at];
            const double kept64 = values.f64[at];
            values.f32[at] = NAN;
            values.f64[at] = (double)NAN;
            float y = 0, columns[10] = {0};
            double y64 = 0, columns64[10] = {0};
            table->folds[RV_FOLD_max][RV_F32].lines(1, 100, values_of(RV_F32), 0, 4, &y);
            table->folds[RV_FOLD_max][RV_F64].lines(1, 100, values_of(RV_F64), 0, 8, &y64);
            table->folds[RV_FOLD_max][RV_F32].rows(10, 10, values_of(RV_F32), 40, columns);
            table->folds[RV_FOLD_max][RV_F64].rows(10, 10, values_of(RV_F64), 80, columns64);
            cr_expect(isnan(y) && isnan(y64));
            for (int64_t j = 0; j < 10; j++)
                cr_expect((isnan(columns[j]) != 0) == (j == at % 10) &&
                          (isnan(columns64[j]) != 0) == (j == at % 10));
            values.f32[at] = kept;
            values.f64[at] = kept64;
        }
}

/* A million times 0.1. Added one after the other the relative error is 1.3e-11 in F64 and 1e-2 in
 * F32; measured here: 6.7e-16 along a line, less by rows, and none for F32. */
Test(row_kernels, sums_are_accurate)
{
    enum { COUNT = 1000000 };
    double *x = malloc(COUNT * sizeof *x);
    float *x32 = malloc(COUNT * sizeof *x32);
    cr_assert(x != NULL && x32 != NULL);
    for (int i = 0; i < COUNT; i++) {
        x[i] = 0.1;
        x32[i] = 0.1f;
    }
    const rv_kernels *table;
    const double want = COUNT * 0.1, want32 = COUNT * (double)0.1f;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++) {
        double y = 0, strided = 0, columns[10] = {0}, y32 = 0;
        table->folds[RV_FOLD_sum][RV_F64].lines(1, COUNT, (const char *)x, 0, 8, &y);
        table->folds[RV_FOLD_sum][RV_F64].lines(1, COUNT / 2, (const char *)x, 0, 16, &strided);
        table->folds[RV_FOLD_sum][RV_F64].rows(COUNT / 10, 10, (const char *)x, 80, columns);
        table->folds[RV_FOLD_sum][RV_F32].lines(1, COUNT, (const char *)x32, 0, 4, &y32);
        cr_expect(fabs(y - want) <= 7e-16 * want, "%.17g", y);
        cr_expect(fabs(strided - want / 2) <= 7e-16 * want, "%.17g", strided);
        cr_expect(fabs(columns[9] - want / 10) <= 7e-16 * want, "%.17g", columns[9]);
        cr_expect(fabs(y32 - want32) <= 1e-16 * want32, "%.17g", y32);
    }
    free(x);
    free(x32);
}

/* ---- softmax, log_softmax, cross entropy ---------------------------------------------------- */

/* log(sum(e^(x - max))) and max of row `row` of the values. */
static long double log_sum(rv_dtype dtype, int64_t n, int64_t row, long double *max)
{
    long double sum = 0;
    *max = -(long double)INFINITY;
    for (int64_t j = 0; j < n; j++)
        *max = fmaxl(*max, value(dtype, row * n + j));
    for (int64_t j = 0; j < n; j++)
        sum += expl(value(dtype, row * n + j) - *max);
    return logl(sum);
}

static double floating_at(rv_dtype dtype, const void *array, int64_t i)
{
    return dtype == RV_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static void check_softmax(const rv_kernels *table, rv_dtype dtype, int64_t rows, int64_t n)
{
    static double y[MOST], logs[MOST], losses[MOST];
    static int64_t labels[MOST];
    const double tolerance = dtype == RV_F32 ? 4 * 0x1p-23 : 8 * 0x1p-52;
    for (int64_t row = 0; row < rows; row++)
        labels[row] = n > 0 ? row * 7 % n : 0;
    table->softmax[dtype](rows, n, values_of(dtype), y);
    table->log_softmax[dtype](rows, n, values_of(dtype), logs);
    const rv_class_rows of = {.labels = labels, .ignored = -100, .label_share = 1};
    if (n > 0)
        table->cross_entropy[dtype](rows, n, values_of(dtype), &of, losses);
    for (int64_t row = 0; row < rows; row++) {
        long double max, log_of_sum = log_sum(dtype, n, row, &max);
        for (int64_t j = 0; j < n; j++) {
            const long double want = value(dtype, row * n + j) - max - log_of_sum;
            cr_assert(is_close(floating_at(dtype, logs, row * n + j), want, tolerance));
            cr_assert(is_close(floating_at(dtype, y, row * n + j), expl(want), tolerance));
        }
        if (n == 0)
            continue;
        const long double loss = log_of_sum + max - value(dtype, row * n + labels[row]);
        cr_assert(is_close(floating_at(dtype, losses, row), loss, tolerance), "%s %s n %lld: %g",
                  table->name, rv_dtype_name(dtype), (long long)n, floating_at(dtype, losses, row));
    }
}

Test(row_kernels, softmax_of_all_sizes)
{
    const rv_kernels *table;
    draw_values();
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int dtype = RV_F32; dtype <= RV_F64; dtype++)
            for (int s = 0; s < RV_COUNT(sizes); s++)
                for (int64_t rows = 0; rows <= 3; rows++)
                    if (rows * sizes[s] <= MOST)
                        check_softmax(table, (rv_dtype)dtype, rows, sizes[s]);
}

/* What PyTorch gives for rows with infinities, and for logits that overflow by themselves. */
Test(row_kernels, softmax_of_extreme_rows)
{
    const float high = INFINITY, low = -INFINITY;
    const float x[][3] = {{low, low, low}, {high, 0, 1}, {low, 0, 0}, {1e4f, 1e4f, 0}, {NAN, 0, 1}};
    const float want[][3] = {
        {NAN, NAN, NAN}, {NAN, NAN, NAN}, {0, 0.5f, 0.5f}, {0.5f, 0.5f, 0}, {NAN, NAN, NAN}};
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int row = 0; row < RV_COUNT(x); row++) {
            const rv_class_rows of = {.labels = &(int64_t){1}, .label_share = 1};
            float y[3], logs[3], loss;
            table->softmax[0](1, 3, x[row], y);
            table->log_softmax[0](1, 3, x[row], logs);
            table->cross_entropy[0](1, 3, x[row], &of, &loss);
            for (int j = 0; j < 3; j++) {
                cr_expect(is_close((double)y[j], (long double)want[row][j], 1e-6));
                cr_expect(is_close((double)logs[j], logl((long double)want[row][j]), 1e-6) ||
                              (row == 3 && j == 2 && logs[j] < -9999.0f),
                          "row %d, %d: %g", row, j, (double)logs[j]);
            }
            cr_expect(is_close((double)loss, -logl((long double)want[row][1]), 1e-6));
        }
}

/* ---- dropout -------------------------------------------------------------------------------- */

/* Any piece of a tensor is dropped as the whole is: by number i % 4 of block offset + i/4. */
Test(row_kernels, dropout_goes_by_philox)
{
    const rv_random_place place = {.seed = 0x123456789abcdef0, .offset = 77};
    const uint32_t threshold = 0x40000000;
    const rv_kernels *table;
    draw_values();
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int s = 0; s < RV_COUNT(sizes); s++)
            for (int64_t first = 0; first < 300; first += 1 + first % 5) {
                float y[MOST + 1];
                double y64[MOST + 1];
                y[sizes[s]] = 7;
                y64[sizes[s]] = 7;
                table->dropout[0](sizes[s], values.f32, y, place.seed, place.offset, first,
                                  threshold, 1 / 0.75);
                table->dropout[1](sizes[s], values.f64, y64, place.seed, place.offset, first,
                                  threshold, 1 / 0.75);
                for (int64_t i = 0; i < sizes[s]; i++) {
                    uint32_t numbers[4];
                    rv_philox(place, (uint64_t)(first + i) / 4, numbers);
                    const bool is_kept = numbers[(first + i) % 4] >= threshold;
                    cr_assert(y[i] == (is_kept ? values.f32[i] * (float)(1 / 0.75) : 0.0f));
                    cr_assert(y64[i] == (is_kept ? values.f64[i] * (1 / 0.75) : 0.0));
                }
                cr_assert(y[sizes[s]] == 7.0f && y64[sizes[s]] == 7.0);
            }
}

/* The threshold itself is kept: of 2^32 numbers, `threshold` many drop an element. */
Test(row_kernels, dropout_keeps_from_the_threshold_on)
{
    uint32_t numbers[4];
    const float x = 1;
    const rv_kernels *table;
    rv_philox((rv_random_place){.seed = 5, .offset = 6}, 0, numbers);
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++) {
        float at = 0, above = 0;
        table->dropout[0](1, &x, &at, 5, 6, 2, numbers[2], 1);
        table->dropout[0](1, &x, &above, 5, 6, 2, numbers[2] + 1, 1);
        cr_expect(at == 1.0f && above == 0.0f);
    }
}

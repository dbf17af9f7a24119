/* test_gemm.c - matrix products: against a double loop in double precision, however the operands
 * lie; and the same bits on any number of threads. */

#define _DEFAULT_SOURCE

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/gemm.h"
#include "core/gemm_plain.h"
#include "helpers.h"

#define GUARD 12345.0

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void set(rv_dtype dtype, void *data, int64_t i, double value)
{
    if (dtype == RV_F32)
        ((float *)data)[i] = (float)value;
    else
        ((double *)data)[i] = value;
}

static double get(rv_dtype dtype, const void *data, int64_t i)
{
    return dtype == RV_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* Numbers in [-1, 1) that follow each other without a pattern. */
static double next_number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)*state * 0x1p-63;
}

static void *filled(rv_dtype dtype, int64_t n, uint64_t seed)
{
    char *data = malloc((size_t)most(n, 1) * rv_dtype_size(dtype));
    cr_assert_not_null(data);
    for (int64_t i = 0; i < n; i++)
        set(dtype, data, i, next_number(&seed));
    return data;
}

/* One product of one case: whether each element of c is a b + beta c to within the rounding that
 * k additions may do, and nothing beside c was written. */
static bool is_product(const rv_gemm_task *t, const char *a, const char *b, const char *before,
                       const char *c, reason *why)
{
    const double eps = t->dtype == RV_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    for (int64_t i = 0; i < t->m; i++) {
        for (int64_t j = 0; j < t->n; j++) {
            double sum = 0, size = 0;
            for (int64_t p = 0; p < t->k; p++) {
                const double x = get(t->dtype, a, i * t->a.row + p * t->a.column) *
                                 get(t->dtype, b, p * t->b.row + j * t->b.column);
                sum += x;
                size += fabs(x);
            }
            const double old = t->beta == 0 ? 0 : t->beta * get(t->dtype, before, i * t->c.row + j);
            const double got = get(t->dtype, c, i * t->c.row + j);
            if (!(fabs(got - (sum + old)) <= (double)(t->k + 2) * eps * (size + fabs(old))))
                return because(why, "element [%d,%d] is %.9g, not %.9g", (int)i, (int)j, got,
                               sum + old);
        }
        for (int64_t j = t->n; j < t->c.row; j++)
            if (get(t->dtype, c, i * t->c.row + j) != GUARD)
                return because(why, "wrote behind row %d", (int)i);
    }
    return true;
}

typedef enum how { BY_GEMM, BY_PLAIN } how;

/* Computes with or without BLAS; what c holds before is NaN where it must not be read. */
static bool check_product(how by, rv_gemm_task t, bool a_turned, bool b_turned, int64_t gap,
                          reason *why)
{
    const int64_t a_ld = (a_turned ? t.m : t.k) + gap, b_ld = (b_turned ? t.k : t.n) + gap;
    t.a.row = a_turned ? 1 : a_ld;
    t.a.column = a_turned ? a_ld : 1;
    t.b.row = b_turned ? 1 : b_ld;
    t.b.column = b_turned ? b_ld : 1;
    t.c.row = t.n + gap;
    t.c.column = 1;
    t.a.data = filled(t.dtype, a_ld * (a_turned ? t.k : t.m), 1);
    t.b.data = filled(t.dtype, b_ld * (b_turned ? t.n : t.k), 2);
    t.c.data = filled(t.dtype, t.c.row * t.m, 3);
    for (int64_t i = 0; i < t.m; i++)
        for (int64_t j = 0; j < t.c.row; j++)
            if (j >= t.n || t.beta == 0)
                set(t.dtype, t.c.data, i * t.c.row + j, j >= t.n ? GUARD : (double)NAN);
    char *before = malloc((size_t)most(t.c.row * t.m, 1) * rv_dtype_size(t.dtype));
    cr_assert_not_null(before);
    memcpy(before, t.c.data, (size_t)(t.c.row * t.m) * rv_dtype_size(t.dtype));
    if (by == BY_GEMM)
        rv_gemm(&t);
    else
        rv_gemm_plain(t.dtype, t.m, t.n, t.k, (rv_matrix){t.a.data, t.a.row, t.a.column},
                      (rv_matrix){t.b.data, t.b.row, t.b.column}, (rv_matrix){t.c.data, t.c.row, 1},
                      t.beta);
    const bool ok = is_product(&t, t.a.data, t.b.data, before, t.c.data, why);
    free(t.a.data);
    free(t.b.data);
    free(t.c.data);
    free(before);
    return ok;
}

/* All transpositions, gaps and factors of one shape. */
static void check_shape(how by, int64_t m, int64_t n, int64_t k)
{
    static const double betas[] = {0, 1, -0.5};
    for (int variant = 0; variant < 48; variant++) {
        const bool a_turned = variant & 1, b_turned = variant & 2;
        const rv_dtype dtype = variant & 4 ? RV_F64 : RV_F32;
        const int64_t gap = variant & 8 ? 3 : 0;
        const double beta = betas[variant / 16];
        reason why = {""};
        cr_expect(
            check_product(by, (rv_gemm_task){.dtype = dtype, .m = m, .n = n, .k = k, .beta = beta},
                          a_turned, b_turned, gap, &why),
            "%s %s [%d,%d,%d] %c%c gap %d beta %g: %s", by == BY_GEMM ? "gemm" : "plain",
            rv_dtype_name(dtype), (int)m, (int)n, (int)k, a_turned ? 'T' : 'N',
            b_turned ? 'T' : 'N', (int)gap, beta, why.text);
    }
}

static const int64_t sizes[] = {0, 1, 2, 3, 7, 16, 33, 65, 130};

static void check_all_sizes(how by)
{
    for (int m = 0; m < RV_COUNT(sizes); m++)
        for (int n = 0; n < RV_COUNT(sizes); n++)
            for (int k = 0; k < RV_COUNT(sizes); k++)
                if (sizes[m] * sizes[n] * sizes[k] < 150000)
                    check_shape(by, sizes[m], sizes[n], sizes[k]);
}

/* Shapes that are cut into several tiles, in one direction and another. */
static const int64_t large[][3] = {
    {128, 100, 784}, {100, 784, 128}, {301, 257, 263}, {1, 1000, 3000}, {1000, 1, 3000},
    {37, 41, 3001},  {2000, 9, 40},   {9, 2000, 40},   {150, 700, 1},   {301, 20, 20},
    {1024, 50, 3},   {20, 21, 4103},  {5, 3, 9000},    {64, 64, 2049}};

Test(gemm, all_sizes)
{
    rv_set_threads(2);
    check_all_sizes(BY_GEMM);
}

Test(gemm, plain_all_sizes)
{
    check_all_sizes(BY_PLAIN);
}

Test(gemm, large_shapes)
{
    rv_set_threads(3);
    for (int i = 0; i < RV_COUNT(large); i++)
        check_shape(BY_GEMM, large[i][0], large[i][1], large[i][2]);
}

Test(gemm, plain_large_shapes)
{
    check_shape(BY_PLAIN, 128, 100, 784);
    check_shape(BY_PLAIN, 37, 300, 301);
}

/* Strides that no BLAS takes: steps in both directions, the same row again. */
Test(gemm, plain_any_strides)
{
    const int64_t m = 9, n = 140, k = 37;
    static const int64_t strides[][4] = {
        {74, 2, 420, 3}, {2, 18, 3, 111}, {0, 1, 0, 1}, {1, 0, 1, 0}};
    for (int i = 0; i < RV_COUNT(strides); i++) {
        const int64_t *s = strides[i];
        rv_gemm_task t = {.dtype = RV_F64,
                          .m = m,
                          .n = n,
                          .k = k,
                          .a = {.row = s[0], .column = s[1]},
                          .b = {.row = s[2], .column = s[3]},
                          .c = {.row = n}};
        double *a = filled(RV_F64, m * s[0] + k * s[1] + 1, 1);
        double *b = filled(RV_F64, k * s[2] + n * s[3] + 1, 2), *c = filled(RV_F64, m * n, 3);
        rv_gemm_plain(RV_F64, m, n, k, (rv_matrix){(char *)a, s[0], s[1]},
                      (rv_matrix){(char *)b, s[2], s[3]}, (rv_matrix){(char *)c, n, 1}, 0);
        reason why = {""};
        cr_expect(is_product(&t, (char *)a, (char *)b, (char *)c, (char *)c, &why),
                  "strides %d: %s", i, why.text);
        free(a);
        free(b);
        free(c);
    }
}

/* ---- batches -------------------------------------------------------------------------------- */

/* Every matrix of a batch of shape [x, y], whose operands repeat along axes of stride 0. */
static void check_batch(rv_dtype dtype, int64_t x, int64_t y, int64_t m, int64_t n, int64_t k,
                        bool a_repeats, bool b_repeats)
{
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    rv_gemm_task t = {
        .dtype = dtype, .m = m, .n = n, .k = k, .batch_ndim = 2, .batch_shape = {x, y}};
    t.a = (rv_gemm_operand){.row = k, .column = 1, .batch = {m * k, a_repeats ? 0 : x * m * k}};
    t.b = (rv_gemm_operand){.row = 1, .column = k, .batch = {b_repeats ? 0 : y * n * k, n * k}};
    t.c = (rv_gemm_operand){.row = n, .column = 1, .batch = {y * m * n, m * n}};
    t.a.data = filled(dtype, x * y * m * k, 4);
    t.b.data = filled(dtype, x * y * n * k, 5);
    t.c.data = filled(dtype, x * y * m * n, 6);
    rv_gemm(&t);
    for (int64_t i = 0; i < x * y; i++) {
        const int64_t at[] = {i / y, i % y};
        const char *start[3];
        const rv_gemm_operand *operands[] = {&t.a, &t.b, &t.c};
        for (int o = 0; o < 3; o++)
            start[o] = operands[o]->data +
                       (at[0] * operands[o]->batch[0] + at[1] * operands[o]->batch[1]) * size;
        reason why = {""};
        cr_expect(is_product(&t, start[0], start[1], start[2], start[2], &why),
                  "%s batch [%d,%d] of [%d,%d,%d], matrix %d: %s", rv_dtype_name(dtype), (int)x,
                  (int)y, (int)m, (int)n, (int)k, (int)i, why.text);
    }
    free(t.a.data);
    free(t.b.data);
    free(t.c.data);
}

Test(gemm, batches)
{
    rv_set_threads(3);
    for (int variant = 0; variant < 8; variant++) {
        const rv_dtype dtype = variant & 1 ? RV_F64 : RV_F32;
        const bool a_repeats = variant & 2, b_repeats = variant & 4;
        check_batch(dtype, 2, 3, 4, 5, 6, a_repeats, b_repeats);
        check_batch(dtype, 31, 17, 3, 4, 5, a_repeats, b_repeats);
        check_batch(dtype, 7, 3, 64, 65, 66, a_repeats, b_repeats);
        check_batch(dtype, 2, 2, 128, 150, 500, a_repeats, b_repeats);
        check_batch(dtype, 5, 1, 1, 70, 80, a_repeats, b_repeats);
        check_batch(dtype, 3, 2, 0, 7, 8, a_repeats, b_repeats);
        check_batch(dtype, 0, 2, 3, 7, 8, a_repeats, b_repeats);
        check_batch(dtype, 3, 2, 4, 5, 0, a_repeats, b_repeats);
    }
}

/* ---- the same bits -------------------------------------------------------------------------- */

static bool same_on_all_threads(rv_gemm_task t, bool a_turned, bool b_turned, int64_t matrices)
{
    static const int threads[] = {1, 2, 3, 5};
    const size_t bytes = (size_t)(t.m * t.n * matrices) * rv_dtype_size(t.dtype);
    t.batch_ndim = 1;
    t.batch_shape[0] = matrices;
    t.a = (rv_gemm_operand){filled(t.dtype, t.m * t.k * matrices, 7),
                            a_turned ? 1 : t.k,
                            a_turned ? t.m : 1,
                            {t.m * t.k}};
    t.b = (rv_gemm_operand){filled(t.dtype, t.k * t.n * matrices, 8),
                            b_turned ? 1 : t.n,
                            b_turned ? t.k : 1,
                            {t.k * t.n}};
    char *first = filled(t.dtype, t.m * t.n * matrices, 9), *other = malloc(bytes);
    cr_assert_not_null(other);
    bool same = true;
    for (int i = 0; i < RV_COUNT(threads); i++) {
        cr_assert(rv_set_threads(threads[i]));
        for (int again = 0; again < 3; again++) {
            char *c = i == 0 && again == 0 ? first : other;
            memset(c, 0xff, bytes);
            t.c = (rv_gemm_operand){c, t.n, 1, {t.m * t.n}};
            rv_gemm(&t);
            same = same && memcmp(first, c, bytes) == 0;
        }
    }
    free(t.a.data);
    free(t.b.data);
    free(first);
    free(other);
    return same;
}

Test(gemm, same_bits_on_any_number_of_threads)
{
    for (int variant = 0; variant < 8; variant++) {
        const rv_dtype dtype = variant & 4 ? RV_F64 : RV_F32;
        for (int i = 0; i < RV_COUNT(large); i++)
            cr_expect(same_on_all_threads(
                          (rv_gemm_task){
                              .dtype = dtype, .m = large[i][0], .n = large[i][1], .k = large[i][2]},
                          variant & 1, variant & 2, 1),
                      "shape %d variant %d", i, variant);
        cr_expect(same_on_all_threads((rv_gemm_task){.dtype = dtype, .m = 20, .n = 30, .k = 40},
                                      variant & 1, variant & 2, 50));
    }
    for (int variant = 0; variant < 4; variant++) /* too large for the small kernels */
        cr_expect(same_on_all_threads((rv_gemm_task){.dtype = RV_F64, .m = 520, .n = 510, .k = 530},
                                      variant & 1, variant & 2, 1));
}

/* ---- what may be passed --------------------------------------------------------------------- */

Test(gemm, takes_what_blas_takes)
{
    cr_expect(rv_gemm_takes(3, 4, 4, 1), "row-major");
    cr_expect(rv_gemm_takes(3, 4, 9, 1), "with gaps");
    cr_expect(rv_gemm_takes(3, 4, 1, 3), "transposed");
    cr_expect(rv_gemm_takes(3, 4, 1, 8), "transposed with gaps");
    cr_expect(rv_gemm_takes(1, 4, 0, 1), "one row");
    cr_expect(rv_gemm_takes(1, 4, 77, 5), "one row, with steps");
    cr_expect(rv_gemm_takes(4, 1, 5, 77), "one column, with steps");
    cr_expect(rv_gemm_takes(1, 1, 0, 0), "one element");
    cr_expect_not(rv_gemm_takes(3, 4, 8, 2), "steps in both directions");
    cr_expect_not(rv_gemm_takes(3, 4, 0, 1), "the same row again");
    cr_expect_not(rv_gemm_takes(3, 4, 1, 0), "the same column again");
    cr_expect_not(rv_gemm_takes(3, 4, 3, 1), "rows that overlap");
    cr_expect_not(rv_gemm_takes(4, 1, 0, 1), "the same element again");
    cr_expect_not(rv_gemm_takes(1, 4, 4, 0), "the same element again");
}

int openblas_get_num_threads(void) RV_WEAK;

/* OpenBLAS's own threads would fight ours, and allocate at every call. */
Test(gemm, blas_has_one_thread)
{
    if (openblas_get_num_threads == NULL)
        cr_skip_test("this is not OpenBLAS");
    reason why = {""};
    cr_expect(check_product(BY_GEMM, (rv_gemm_task){.dtype = RV_F32, .m = 30, .n = 30, .k = 30},
                            false, false, 0, &why));
    cr_expect_eq(openblas_get_num_threads(), 1);
}

/* A stride that does not fit BLAS's int. */
Test(gemm, strides_beyond_int)
{
    const int64_t row = ((int64_t)1 << 31) + 5;
    const size_t bytes = (size_t)(row + 16) * sizeof(float);
    char *a = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (a == MAP_FAILED)
        cr_skip_test("the system gives no 8 GiB of addresses");
    float b[12], c[8];
    for (int i = 0; i < 3; i++) {
        ((float *)a)[i] = (float)(i + 1);
        ((float *)a)[row + i] = (float)(10 * i);
    }
    for (int i = 0; i < 12; i++)
        b[i] = (float)(i * i);
    rv_gemm_task t = {.dtype = RV_F32,
                      .m = 2,
                      .n = 4,
                      .k = 3,
                      .a = {a, row, 1, {0}},
                      .b = {(char *)b, 4, 1, {0}},
                      .c = {(char *)c, 4, 1, {0}}};
    rv_gemm(&t);
    reason why = {""};
    cr_expect(is_product(&t, a, (char *)b, (char *)c, (char *)c, &why), "%s", why.text);
    munmap(a, bytes);
}

/* test_kernels.c - every inner loop of every instruction set that this processor has.
 *
 * The tables are called as core/ calls them, with pointers and strides, and compared with the same
 * formula in long double. Whole tensors are in test_elementwise.c.
 */

#define _POSIX_C_SOURCE 200809L /* setenv */

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/tables.h"
#include "ravine.h"

#define MOST 1000 /* elements */
#define ROOM (MOST * 3 * 8)
#define UNTOUCHED 0xA5

static const int64_t sizes[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 100, MOST};

/* Buffers for a result and four inputs, of the widest dtype and the widest stride. */
static _Alignas(64) char result[ROOM], baseline[ROOM], inputs[4][ROOM];

#define SAME false
#define MASK true
static const struct {
    const char *name;
    int inputs;
    bool is_mask;
} loops[] = {
#define LOOP(name_, inputs_, result_, formula) {#name_, (inputs_), (result_)},
    RV_LOOP_LIST(LOOP)
#undef LOOP
};

/* ---- elements of any dtype ------------------------------------------------------------------ */

static double get(rv_dtype dtype, const char *at)
{
    switch (dtype) {
    case RV_F32: return (double)*(const float *)(const void *)at;
    case RV_F64: return *(const double *)(const void *)at;
    case RV_I64: return (double)*(const int64_t *)(const void *)at;
    default: return (double)*(const uint8_t *)at;
    }
}

static void put(rv_dtype dtype, char *at, double value)
{
    switch (dtype) {
    case RV_F32: *(float *)(void *)at = (float)value; break;
    case RV_F64: *(double *)(void *)at = value; break;
    case RV_I64: *(int64_t *)(void *)at = (int64_t)value; break;
    default: *(uint8_t *)at = (uint8_t)(int64_t)value; break;
    }
}

/* A number in [0, 1), the same in every run. */
static double draw(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

/* Quarters in [-2, 2], so that some are equal; whole numbers for integers. */
static double draw_element(rv_dtype dtype)
{
    if (dtype == RV_U8)
        return floor(draw() * 10);
    const double whole = floor(draw() * 17) - 8;
    return rv_dtype_is_floating(dtype) ? whole / 4 : whole;
}

static bool is_close(double got, long double want, double tolerance)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want);
    return (long double)got == want ||
           fabsl((long double)got - want) <= (long double)tolerance * fmaxl(1, fabsl(want));
}

static double epsilon_of(rv_dtype dtype)
{
    return dtype == RV_F32 ? 0x1p-23 : dtype == RV_F64 ? 0x1p-52 : 0;
}

/* ---- elementwise loops ---------------------------------------------------------------------- */

static long double sigmoid_of(long double x)
{
    return 1 / (1 + expl(-x));
}

/* The density of the normal distribution, and what is below x. */
static long double normal_density(long double x)
{
    return expl(-x * x / 2) / sqrtl(2 * acosl(-1));
}

static long double normal_below(long double x)
{
    return erfcl(-x / sqrtl(2)) / 2;
}

static long double gelu_tanh_inner(long double x)
{
    return 2 * sqrtl(2 / acosl(-1)) * (x + 0.044715L * x * x * x);
}

static long double gelu_tanh_slope(long double x)
{
    const long double s = sigmoid_of(gelu_tanh_inner(x));
    return s + x * s * (1 - s) * 2 * sqrtl(2 / acosl(-1)) * (1 + 3 * 0.044715L * x * x);
}

#define SELU_SCALE 1.0507009873554804934193349852946L
#define SELU_ALPHA 1.6732632423543772848170429916717L

static long double formula_of_activation(rv_loop_id id, const double *in)
{
    const long double a = in[0], b = in[1], c = in[2], d = in[3];
    const long double slope = b > 0 ? 1 : SELU_ALPHA * expl(b);
    switch (id) {
    case RV_LOOP_tanh: return tanhl(a);
    case RV_LOOP_tanh_grad: return a * (1 - b * b);
    case RV_LOOP_sigmoid: return sigmoid_of(a);
    case RV_LOOP_sigmoid_grad: return a * b * (1 - b);
    case RV_LOOP_log_sigmoid: return logl(sigmoid_of(a));
    case RV_LOOP_log_sigmoid_grad: return a * sigmoid_of(-b);
    case RV_LOOP_relu_grad: return b > 0 ? a : 0;
    case RV_LOOP_silu: return a * sigmoid_of(a);
    case RV_LOOP_silu_grad: return a * sigmoid_of(b) * (1 + b * sigmoid_of(-b));
    case RV_LOOP_gelu: return a * normal_below(a);
    case RV_LOOP_gelu_grad: return a * (normal_below(b) + b * normal_density(b));
    case RV_LOOP_gelu_tanh: return a * sigmoid_of(gelu_tanh_inner(a));
    case RV_LOOP_gelu_tanh_grad: return a * gelu_tanh_slope(b);
    case RV_LOOP_leaky_relu: return a > 0 ? a : a * b;
    case RV_LOOP_leaky_relu_grad: return b > 0 ? a : a * c;
    case RV_LOOP_elu: return a > 0 ? a : b * expm1l(a);
    case RV_LOOP_elu_grad: return b > 0 ? a : a * c * expl(b);
    case RV_LOOP_selu: return SELU_SCALE * (a > 0 ? a : SELU_ALPHA * expm1l(a));
    case RV_LOOP_selu_grad: return SELU_SCALE * a * slope;
    case RV_LOOP_softplus: return a * b > c ? a : logl(1 + expl(a * b)) / b;
    case RV_LOOP_softplus_grad: return a * (b * c > d ? 1 : sigmoid_of(b * c));
    case RV_LOOP_maximum_grad: return b > c ? a : b == c ? a / 2 : 0;
    case RV_LOOP_clamp_grad: return b >= c && b <= d ? a : 0;
    case RV_LOOP_hardtanh_grad: return b > c && b < d ? a : 0;
    default: return (long double)NAN;
    }
}

static long double formula_of(rv_loop_id id, const double *in)
{
    const long double a = in[0], b = in[1], c = in[2];
    switch (id) {
    case RV_LOOP_neg: return -a;
    case RV_LOOP_abs: return fabsl(a);
    case RV_LOOP_sign: return (a > 0) - (a < 0);
    case RV_LOOP_sqrt: return sqrtl(a);
    case RV_LOOP_rsqrt: return 1 / sqrtl(a);
    case RV_LOOP_exp: return expl(a);
    case RV_LOOP_expm1: return expm1l(a);
    case RV_LOOP_log: return logl(a);
    case RV_LOOP_log1p: return log1pl(a);
    case RV_LOOP_sin: return sinl(a);
    case RV_LOOP_cos: return cosl(a);
    case RV_LOOP_atan: return atanl(a);
    case RV_LOOP_erf: return erfl(a);
    case RV_LOOP_floor: return floorl(a);
    case RV_LOOP_ceil: return ceill(a);
    case RV_LOOP_trunc: return truncl(a);
    case RV_LOOP_round: return nearbyintl(a);
    case RV_LOOP_relu: return a > 0 ? a : 0;
    case RV_LOOP_add: return a + b;
    case RV_LOOP_sub: return a - b;
    case RV_LOOP_mul: return a * b;
    case RV_LOOP_div: return a / b;
    case RV_LOOP_pow: return powl(a, b);
    case RV_LOOP_maximum: return a > b ? a : b;
    case RV_LOOP_minimum: return a < b ? a : b;
    case RV_LOOP_clamp: return fminl(fmaxl(a, b), c);
    case RV_LOOP_eq: return a == b;
    case RV_LOOP_ne: return a != b;
    case RV_LOOP_lt: return a < b;
    case RV_LOOP_le: return a <= b;
    case RV_LOOP_gt: return a > b;
    case RV_LOOP_ge: return a >= b;
    case RV_LOOP_logical_not: return a == 0;
    case RV_LOOP_logical_and: return a != 0 && b != 0;
    case RV_LOOP_logical_or: return a != 0 || b != 0;
    case RV_LOOP_logical_xor: return (a != 0) != (b != 0);
    case RV_LOOP_isnan: return isnan(a);
    case RV_LOOP_isinf: return isinf(a);
    case RV_LOOP_isfinite: return isfinite(a);
    case RV_LOOP_where: return in[0] != 0 ? in[1] : in[2];
    default: return formula_of_activation(id, in);
    }
}

static long double formula(rv_loop_id id, rv_dtype dtype, const double *in)
{
    const long double y = formula_of(id, in);
    return dtype == RV_U8 ? (long double)(uint8_t)(int64_t)y : y;
}

static rv_dtype input_dtype(rv_loop_id id, int k, rv_dtype dtype)
{
    return id == RV_LOOP_where && k == 0 ? RV_U8 : dtype;
}

/* Bytes between and behind the elements of the result must be as they were. */
static bool is_untouched(int64_t n, int64_t size, int64_t stride)
{
    for (int64_t at = 0; at < ROOM; at++)
        if ((at / stride >= n || at % stride >= size) && (uint8_t)result[at] != UNTOUCHED)
            return false;
    return true;
}

/* Runs one loop with strides in elements, and compares each element with the formula. */
static void check_loop(const rv_kernels *table, rv_loop_id id, rv_dtype dtype, int64_t n,
                       const int *steps)
{
    const rv_dtype to = loops[id].is_mask ? RV_U8 : dtype;
    const int64_t size = (int64_t)rv_dtype_size(to);
    char *data[5] = {result};
    int64_t strides[5] = {steps[0] * size};
    for (int k = 0; k < loops[id].inputs; k++) {
        data[k + 1] = inputs[k];
        strides[k + 1] = steps[k + 1] * (int64_t)rv_dtype_size(input_dtype(id, k, dtype));
    }
    memset(result, UNTOUCHED, sizeof result);
    table->loops[id][dtype](n, data, strides);
    cr_assert(is_untouched(n, size, strides[0]), "%s %s %s wrote beside the result", table->name,
              loops[id].name, rv_dtype_name(dtype));
    for (int64_t i = 0; i < n; i++) {
        double in[4] = {0};
        for (int k = 0; k < loops[id].inputs; k++)
            in[k] = get(input_dtype(id, k, dtype), data[k + 1] + i * strides[k + 1]);
        const double got = get(to, result + i * strides[0]);
        cr_assert(is_close(got, formula(id, dtype, in), 3 * epsilon_of(to)),
                  "%s %s %s of %g, %g, %g, %g is %.17g", table->name, loops[id].name,
                  rv_dtype_name(dtype), in[0], in[1], in[2], in[3], got);
    }
    if (table == rv_kernels_at(0))
        memcpy(baseline, result, sizeof baseline);
    cr_assert(memcmp(baseline, result, sizeof result) == 0, "%s %s %s differs from the baseline",
              table->name, loops[id].name, rv_dtype_name(dtype));
}

/* Every mixture of strides: results 1 or 2 elements apart, inputs 1, 0 or 3. All instruction sets
 * give the same bits. */
static void check_strides(rv_loop_id id, rv_dtype dtype, int64_t n)
{
    static const int input_steps[] = {1, 0, 3};
    const int mixtures[] = {0, 3, 9, 27, 81};
    const rv_kernels *table;
    for (int mixture = 0; mixture < 2 * mixtures[loops[id].inputs]; mixture++) {
        const int rest = mixture / 2;
        const int steps[5] = {1 + mixture % 2, input_steps[rest % 3], input_steps[rest / 3 % 3],
                              input_steps[rest / 9 % 3], input_steps[rest / 27]};
        for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
            check_loop(table, id, dtype, n, steps);
    }
}

Test(kernels, loops_of_all_sizes_and_strides)
{
    for (int id = 0; id < RV_LOOP_COUNT; id++)
        for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++) {
            if (rv_kernels_at(0)->loops[id][dtype] == NULL)
                continue;
            for (int k = 0; k < 4; k++) {
                const rv_dtype in = input_dtype((rv_loop_id)id, k, (rv_dtype)dtype);
                for (int64_t i = 0; i < 3 * MOST; i++)
                    put(in, inputs[k] + i * (int64_t)rv_dtype_size(in), draw_element(in));
            }
            for (int s = 0; s < RV_COUNT(sizes); s++)
                check_strides((rv_loop_id)id, (rv_dtype)dtype, sizes[s]);
        }
}

/* Which loops there are: kernels.h says which exist for all dtypes. */
Test(kernels, tables_are_complete)
{
    const char *any = " neg abs sign relu add sub mul maximum minimum clamp eq ne lt le gt ge "
                      "logical_not logical_and logical_or logical_xor isnan isinf isfinite where ";
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int id = 0; id < RV_LOOP_COUNT; id++)
            for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++) {
                char name[32];
                snprintf(name, sizeof name, " %s ", loops[id].name);
                const bool expected = rv_dtype_is_floating((rv_dtype)dtype) || strstr(any, name);
                cr_expect_eq(table->loops[id][dtype] != NULL, expected, "%s %s %s", table->name,
                             loops[id].name, rv_dtype_name((rv_dtype)dtype));
            }
    cr_expect_str_eq(rv_kernels_at(0)->name, "baseline");
    cr_expect_null(rv_kernels_at(-1));
}

Test(kernels, best_table_is_chosen)
{
    unsetenv("RV_ISA");
    const rv_kernels *best = NULL, *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        best = table;
    cr_expect_eq(rv_kernels_get(), best);
    setenv("RV_ISA", "baseline", 1);
    cr_expect_eq(rv_kernels_get(), best, "the choice is made once");
}

Test(kernels, lesser_table_can_be_asked_for)
{
    setenv("RV_ISA", "baseline", 1);
    cr_expect_eq(rv_kernels_get(), rv_kernels_at(0));
}

static void run2(rv_loop *loop, const void *a, const void *b, size_t size, void *y)
{
    char *data[] = {y, (char *)(uintptr_t)a, (char *)(uintptr_t)b};
    const int64_t stride = (int64_t)size;
    loop(1, data, (const int64_t[]){stride, stride, stride});
}

Test(kernels, integers_wrap_around)
{
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++) {
        const int64_t least = INT64_MIN, most = INT64_MAX, one = 1, two = 2;
        int64_t y;
        run2(table->loops[RV_LOOP_add][RV_I64], &most, &one, sizeof y, &y);
        cr_expect_eq(y, least);
        run2(table->loops[RV_LOOP_sub][RV_I64], &least, &one, sizeof y, &y);
        cr_expect_eq(y, most);
        run2(table->loops[RV_LOOP_mul][RV_I64], &most, &two, sizeof y, &y);
        cr_expect_eq(y, -2);
        run2(table->loops[RV_LOOP_neg][RV_I64], &least, &one, sizeof y, &y);
        cr_expect_eq(y, least);
        const uint8_t big = 200, few = 5;
        uint8_t u;
        run2(table->loops[RV_LOOP_add][RV_U8], &big, &big, sizeof u, &u);
        cr_expect_eq(u, 144);
        run2(table->loops[RV_LOOP_sub][RV_U8], &few, &big, sizeof u, &u);
        cr_expect_eq(u, 61);
        run2(table->loops[RV_LOOP_mul][RV_U8], &big, &few, sizeof u, &u);
        cr_expect_eq(u, 232);
    }
}

Test(kernels, relu_keeps_nan)
{
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++) {
        const float x = NAN;
        const double x64 = (double)NAN;
        float y = 0;
        double y64 = 0;
        run2(table->loops[RV_LOOP_relu][RV_F32], &x, &x, sizeof y, &y);
        run2(table->loops[RV_LOOP_relu][RV_F64], &x64, &x64, sizeof y64, &y64);
        cr_expect(isnan(y) && isnan(y64));
    }
}

/* An exponent that all elements share has its own code for 1 and 2. */
Test(kernels, powers_of_one_exponent)
{
    const double exponents[] = {-1, 0, 0.5, 1, 2, 3};
    const double bases[] = {-3, -0.0, 0.25, 2, 1e200, (double)INFINITY, (double)NAN};
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int e = 0; e < RV_COUNT(exponents); e++) {
            double y[RV_COUNT(bases)], exponent = exponents[e];
            char *data[] = {(char *)y, (char *)(uintptr_t)bases, (char *)&exponent};
            table->loops[RV_LOOP_pow][RV_F64](RV_COUNT(bases), data,
                                              (const int64_t[]){sizeof *y, sizeof *y, 0});
            for (int i = 0; i < RV_COUNT(bases); i++)
                cr_expect(isnan(y[i]) ? isnan(pow(bases[i], exponent))
                                      : y[i] == pow(bases[i], exponent),
                          "%g to the %g is %g", bases[i], exponent, y[i]);
        }
}

/* ---- casts ---------------------------------------------------------------------------------- */

static void check_cast(const rv_kernels *table, rv_dtype from, rv_dtype to, int64_t n, int into,
                       int step)
{
    const int64_t size = (int64_t)rv_dtype_size(to);
    const int64_t strides[] = {into * size, step * (int64_t)rv_dtype_size(from)};
    memset(result, UNTOUCHED, sizeof result);
    table->cast[from][to](n, (char *const[]){result, inputs[0]}, strides);
    cr_assert(is_untouched(n, size, strides[0]));
    for (int64_t i = 0; i < n; i++) {
        const double x = get(from, inputs[0] + i * strides[1]);
        const double want = rv_dtype_is_floating(to) ? x : trunc(x);
        const double got = get(to, result + i * strides[0]);
        cr_assert(got == want, "%s: %s %g became %s %g", table->name, rv_dtype_name(from), x,
                  rv_dtype_name(to), got);
    }
}

Test(kernels, casts_of_all_sizes_and_strides)
{
    const rv_kernels *table;
    for (int from = 0; from < RV_DTYPE_COUNT; from++)
        for (int to = 0; to < RV_DTYPE_COUNT; to++) {
            const bool may_be_negative = from != RV_U8 && to != RV_U8;
            for (int64_t i = 0; i < 3 * MOST; i++) {
                const double x = draw_element((rv_dtype)from);
                put((rv_dtype)from, inputs[0] + i * (int64_t)rv_dtype_size((rv_dtype)from),
                    may_be_negative ? x : fabs(x));
            }
            for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
                for (int s = 0; s < RV_COUNT(sizes); s++)
                    for (int into = 1; into <= 2; into++)
                        for (int step = 0; step <= 3; step++)
                            check_cast(table, (rv_dtype)from, (rv_dtype)to, sizes[s], into, step);
        }
}

/* What an integer cannot hold is refused above the kernels; here it is cut to the range. */
Test(kernels, casts_out_of_range_are_defined)
{
    const double x[] = {
        (double)NAN, (double)INFINITY, (double)-INFINITY, 1e300, -1e300, 0x1p63, 255.9, 256, -0.9,
        -1};
    const int64_t whole[] = {0,         INT64_MAX, INT64_MIN, INT64_MAX, INT64_MIN,
                             INT64_MAX, 255,       256,       0,         -1};
    const uint8_t small[] = {0, 255, 0, 255, 0, 255, 255, 255, 0, 0};
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++) {
        int64_t y[RV_COUNT(x)];
        uint8_t u[RV_COUNT(x)];
        char *const from = (char *)(uintptr_t)x;
        table->cast[RV_F64][RV_I64](RV_COUNT(x), (char *[]){(char *)y, from},
                                    (const int64_t[]){8, 8});
        table->cast[RV_F64][RV_U8](RV_COUNT(x), (char *[]){(char *)u, from},
                                   (const int64_t[]){1, 8});
        cr_expect(memcmp(y, whole, sizeof y) == 0 && memcmp(u, small, sizeof u) == 0);
    }
}

Test(kernels, copies_keep_the_bits_of_nan)
{
    const uint32_t bits[] = {0x7fa12345, 0xffc54321, 0x7f800001};
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int64_t stride = 4; stride <= 8; stride += 4) {
            uint32_t y[2 * RV_COUNT(bits)] = {0};
            table->cast[RV_F32][RV_F32](RV_COUNT(bits),
                                        (char *[]){(char *)y, (char *)(uintptr_t)bits},
                                        (const int64_t[]){stride, 4});
            for (int i = 0; i < RV_COUNT(bits); i++)
                cr_expect_eq(y[i * stride / 4], bits[i]);
        }
}

/* ---- copies that turn around ---------------------------------------------------------------- */

Test(kernels, copies_go_backwards)
{
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int d = 0; d < RV_DTYPE_COUNT; d++)
            for (int s = 0; s < RV_COUNT(sizes); s++) {
                const rv_dtype dtype = (rv_dtype)d;
                const int64_t size = (int64_t)rv_dtype_size(dtype), n = sizes[s];
                for (int64_t i = 0; i < n; i++)
                    put(dtype, inputs[0] + i * size, (double)(i % 256));
                memset(result, UNTOUCHED, sizeof result);
                table->cast[dtype][dtype](
                    n, (char *const[]){result, inputs[0] + (n > 0 ? n - 1 : 0) * size},
                    (const int64_t[]){size, -size});
                for (int64_t i = 0; i < n; i++)
                    cr_assert_eq(get(dtype, result + i * size), (double)((n - 1 - i) % 256));
                cr_assert_eq((unsigned char)result[n * size], UNTOUCHED);
            }
}

/* Rows of x and y are apart by a few elements more than they are long; those stay as they were. */
static void check_transpose(const rv_kernels *table, rv_dtype dtype, int64_t rows, int64_t columns)
{
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    const int64_t x_step = (rows + 2) * size, y_step = (columns + 1) * size;
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = 0; i < rows; i++)
            put(dtype, inputs[0] + j * x_step + i * size, (double)((37 * i + j) % 256));
    memset(result, UNTOUCHED, sizeof result);
    table->transpose[dtype](rows, columns, inputs[0], x_step, result, y_step);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++)
            cr_assert_eq(get(dtype, result + i * y_step + j * size), (double)((37 * i + j) % 256),
                         "%s: %s [%lld,%lld] of [%lld,%lld]", table->name, rv_dtype_name(dtype),
                         (long long)i, (long long)j, (long long)rows, (long long)columns);
        cr_assert_eq((unsigned char)result[i * y_step + columns * size], UNTOUCHED);
    }
}

Test(kernels, transposes_of_all_sizes)
{
    const rv_kernels *table;
    for (int t = 0; (table = rv_kernels_at(t)) != NULL; t++)
        for (int d = 0; d < RV_DTYPE_COUNT; d++)
            for (int64_t rows = 0; rows < 36; rows++)
                for (int64_t columns = 0; columns < 36; columns += 1 + columns / 12)
                    check_transpose(table, (rv_dtype)d, rows, columns);
}

/* test_init.c - how parameters start: bounds, deviations, gains and fans. */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

typedef struct statistics {
    double mean, deviation, least, most;
} statistics;

static statistics of(const rv_tensor *t)
{
    statistics s = {.least = INFINITY, .most = -INFINITY};
    for (int64_t i = 0; i < t->numel; i++) {
        s.mean += at(t, i) / (double)t->numel;
        s.least = fmin(s.least, at(t, i));
        s.most = fmax(s.most, at(t, i));
    }
    for (int64_t i = 0; i < t->numel; i++)
        s.deviation += pow(at(t, i) - s.mean, 2) / (double)t->numel;
    s.deviation = sqrt(s.deviation);
    return s;
}

/* Whether t looks drawn from [mean - bound, mean + bound]: five standard errors are allowed. */
static void expect_uniform(const rv_tensor *t, double mean, double bound)
{
    cr_assert_not_null(t, "%s", rv_error());
    const statistics s = of(t);
    const double n = (double)t->numel, deviation = bound / sqrt(3), near = 20 * bound / n;
    cr_expect(s.least >= mean - bound * (1 + 1e-6) && s.least < mean - bound + near);
    cr_expect(s.most <= mean + bound * (1 + 1e-6) && s.most > mean + bound - near);
    cr_expect_lt(fabs(s.mean - mean), 5 * deviation / sqrt(n));
    cr_expect_lt(fabs(s.deviation / deviation - 1), 5 * 0.45 / sqrt(n), "deviation %g, expected %g",
                 s.deviation, deviation);
}

/* Whether t looks normal: moments, and the shares within one and two deviations. */
static void expect_normal(const rv_tensor *t, double mean, double deviation)
{
    cr_assert_not_null(t, "%s", rv_error());
    const statistics s = of(t);
    const double n = (double)t->numel;
    double within_one = 0, within_two = 0;
    for (int64_t i = 0; i < t->numel; i++) {
        within_one += fabs(at(t, i) - mean) < deviation;
        within_two += fabs(at(t, i) - mean) < 2 * deviation;
    }
    cr_expect_lt(fabs(s.mean - mean), 5 * deviation / sqrt(n));
    cr_expect_lt(fabs(s.deviation / deviation - 1), 5 * 0.71 / sqrt(n), "deviation %g, expected %g",
                 s.deviation, deviation);
    cr_expect_lt(fabs(within_one / n - 0.6827), 5 * 0.47 / sqrt(n));
    cr_expect_lt(fabs(within_two / n - 0.9545), 5 * 0.21 / sqrt(n));
}

Test(init, uniform_and_normal)
{
    RV_SCOPE;
    rv_seed(5);
    for (rv_dtype dtype = RV_F32; dtype <= RV_F64; dtype++) {
        expect_uniform(rv_init_uniform(rv_empty(dtype, 100, 200), -2, 6), 2, 4);
        expect_normal(rv_init_normal(rv_empty(dtype, 100, 200), 3, 0.5), 3, 0.5);
    }
    cr_expect(HOLDS(rv_init_uniform(rv_empty(RV_F64, 3), 1, 1), 0, 1, 1, 1));
    cr_expect(HOLDS(rv_init_normal(rv_empty(RV_F64, 2), 4, 0), 0, 4, 4));
    cr_expect(HOLDS(rv_init_constant(rv_empty(RV_F64, 2), -7.5), 0, -7.5, -7.5));
    cr_expect(HOLDS(rv_init_zeros(rv_ones(RV_F64, 2)), 0, 0, 0));
    cr_expect(HOLDS(rv_init_ones(rv_zeros(RV_F32, 2)), 0, 1, 1));
    cr_expect(no_error());
}

Test(init, xavier)
{
    RV_SCOPE;
    rv_seed(6);
    rv_tensor *linear = rv_empty(RV_F32, 150, 250), *conv = rv_empty(RV_F64, 20, 30, 5, 5);
    expect_uniform(rv_init_xavier_uniform(linear), 0, sqrt(6.0 / 400));
    expect_normal(rv_init_xavier_normal(linear), 0, sqrt(2.0 / 400));
    expect_uniform(rv_init_xavier_uniform(linear, .gain = 3), 0, 3 * sqrt(6.0 / 400));
    expect_normal(rv_init_xavier_normal(linear, .gain = 0.1), 0, 0.1 * sqrt(2.0 / 400));
    expect_uniform(rv_init_xavier_uniform(conv), 0, sqrt(6.0 / (50 * 25)));
    expect_normal(rv_init_xavier_normal(conv), 0, sqrt(2.0 / (50 * 25)));
}

Test(init, he)
{
    RV_SCOPE;
    rv_seed(8);
    rv_tensor *linear = rv_empty(RV_F32, 150, 250), *conv = rv_empty(RV_F64, 20, 30, 5, 5);
    expect_uniform(rv_init_he_uniform(linear), 0, sqrt(6.0 / 250));
    expect_normal(rv_init_he_normal(linear), 0, sqrt(2.0 / 250));
    expect_uniform(rv_init_he_uniform(linear, .mode = RV_FAN_OUT), 0, sqrt(6.0 / 150));
    expect_normal(rv_init_he_normal(conv), 0, sqrt(2.0 / (30 * 25)));
    expect_normal(rv_init_he_normal(conv, .mode = RV_FAN_OUT), 0, sqrt(2.0 / (20 * 25)));
    expect_uniform(rv_init_he_uniform(linear, .nonlinearity = RV_RELU), 0, sqrt(6.0 / 250));
    expect_uniform(rv_init_he_uniform(linear, .nonlinearity = RV_TANH), 0,
                   5.0 / 3 * sqrt(3.0 / 250));
    /* PyTorch's default for linear layers, 1/sqrt(fan_in) */
    expect_uniform(rv_init_he_uniform(linear, .negative_slope = sqrt(5)), 0, 1 / sqrt(250));
    cr_expect(no_error());
}

Test(init, gains)
{
    cr_expect_eq(rv_init_gain(RV_LINEAR, 0), 1);
    cr_expect_eq(rv_init_gain(RV_SIGMOID, 0), 1);
    cr_expect_eq(rv_init_gain(RV_TANH, 0), 5.0 / 3);
    cr_expect_eq(rv_init_gain(RV_RELU, 0), sqrt(2));
    cr_expect_eq(rv_init_gain(RV_LEAKY_RELU, 0), sqrt(2));
    cr_expect_eq(rv_init_gain(RV_LEAKY_RELU, 0.01), sqrt(2 / 1.0001));
    cr_expect_eq(rv_init_gain(RV_SELU, 0), 0.75);
    cr_expect(no_error());
    cr_expect(isnan(rv_init_gain(RV_NONLINEARITY_COUNT, 0)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "init_gain: 9 is no nonlinearity"));
    cr_expect(isnan(rv_init_gain((rv_nonlinearity)-1, 0)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "is no nonlinearity"));
    cr_expect(isnan(rv_init_gain(RV_LEAKY_RELU, (double)NAN)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "negative_slope is"));
    cr_expect(isnan(rv_init_gain(RV_TANH, 0.5)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "negative_slope is 0.5; it is for RV_LEAKY_RELU alone"));
}

/* 1/sqrt(E f(z)^2), by the trapezoidal rule. */
static double gain_of(double (*f)(double))
{
    double sum = 0;
    const double step = 1e-3;
    for (double z = -10; z <= 10; z += step)
        sum += f(z) * f(z) * exp(-z * z / 2) * step;
    return 1 / sqrt(sum / sqrt(2 * acos(-1)));
}

static double elu(double z)
{
    return z > 0 ? z : expm1(z);
}

static double gelu(double z)
{
    return z * erfc(-z / sqrt(2)) / 2;
}

static double silu(double z)
{
    return z / (1 + exp(-z));
}

Test(init, gains_that_keep_the_mean_square)
{
    cr_expect_lt(fabs(rv_init_gain(RV_ELU, 0) - gain_of(elu)), 1e-6);
    cr_expect_lt(fabs(rv_init_gain(RV_GELU, 0) - gain_of(gelu)), 1e-6);
    cr_expect_lt(fabs(rv_init_gain(RV_SILU, 0) - gain_of(silu)), 1e-6);
}

/* The mean square of normal numbers cut at -b and b is 1 - 2 b phi(b) / (2 Phi(b) - 1). */
static void expect_cut(const rv_tensor *t, double mean, double deviation, double b)
{
    cr_assert_not_null(t, "%s", rv_error());
    const statistics s = of(t);
    const double n = (double)t->numel, phi = exp(-b * b / 2) / sqrt(2 * acos(-1)),
                 expected = deviation * sqrt(1 - 2 * b * phi / erf(b / sqrt(2)));
    cr_expect(s.least >= mean - b * deviation && s.most <= mean + b * deviation);
    cr_expect(s.most - s.least > 1.99 * b * deviation);
    cr_expect_lt(fabs(s.mean - mean), 5 * expected / sqrt(n));
    cr_expect_lt(fabs(s.deviation / expected - 1), 5 * 0.71 / sqrt(n), "deviation %g, expected %g",
                 s.deviation, expected);
}

Test(init, truncated_normal)
{
    RV_SCOPE;
    rv_seed(9);
    for (rv_dtype dtype = RV_F32; dtype <= RV_F64; dtype++) {
        expect_cut(rv_init_truncated_normal(rv_empty(dtype, 100, 300)), 0, 1, 2);
        expect_cut(rv_init_truncated_normal(rv_empty(dtype, 100, 300), .mean = 3, .deviation = 0.5,
                                            .low = 2.75, .high = 3.25),
                   3, 0.5, 0.5);
    }
    rv_seed(9);
    const rv_tensor *a = rv_init_truncated_normal(rv_empty(RV_F32, 50));
    rv_seed(9);
    cr_expect(rv_equal(rv_init_truncated_normal(rv_empty(RV_F32, 50)), a), "the same seed");
    cr_expect_not_null(rv_init_truncated_normal(rv_empty(RV_F32, 0)));
    cr_expect(no_error());
}

/* Whether the rows (or columns) are orthonormal, but for the gain. */
static void expect_orthogonal(rv_tensor *t, double gain, double tolerance)
{
    cr_assert_not_null(t, "%s", rv_error());
    rv_tensor *m = rv_cast(rv_reshape(t, t->shape[0], -1), RV_F64);
    if (m->shape[0] > m->shape[1])
        m = rv_transpose(m, 0, 1);
    const rv_tensor *product = rv_matmul(m, rv_transpose(m, 0, 1));
    for (int64_t i = 0; i < product->numel; i++) {
        const double want = i / m->shape[0] == i % m->shape[0] ? gain * gain : 0;
        cr_assert_lt(fabs(at(product, i) - want), tolerance * gain * gain);
    }
}

Test(init, orthogonal)
{
    RV_SCOPE;
    rv_seed(10);
    expect_orthogonal(rv_init_orthogonal(rv_empty(RV_F64, 40, 40)), 1, 1e-14);
    expect_orthogonal(rv_init_orthogonal(rv_empty(RV_F64, 60, 20), .gain = 3), 3, 1e-14);
    expect_orthogonal(rv_init_orthogonal(rv_empty(RV_F32, 8, 3, 5, 5)), 1, 1e-6);
    expect_orthogonal(rv_init_orthogonal(rv_empty(RV_F64, 1, 1)), 1, 1e-15);
    /* No sign or direction is preferred: elements have mean 0 and mean square 1/n. */
    const statistics s = of(rv_init_orthogonal(rv_empty(RV_F64, 100, 100)));
    cr_expect_lt(fabs(s.mean), 5 * 0.1 / 100);
    double trace = 0; /* of a matrix from all orthogonal ones: mean 0, variance 1 */
    for (int i = 0; i < 200; i++)
        trace += rv_item(rv_trace(rv_init_orthogonal(rv_empty(RV_F64, 5, 5)))) / 200;
    cr_expect_lt(fabs(trace), 5 / sqrt(200), "mean trace %g", trace);
    cr_expect_not_null(rv_init_orthogonal(rv_empty(RV_F32, 3, 0)));
    cr_expect(no_error());
}

Test(init, fans)
{
    RV_SCOPE;
    int64_t in = 0, out = 0;
    cr_expect(rv_init_fans(rv_zeros(RV_F32, 7, 5), &in, &out) && in == 5 && out == 7);
    cr_expect(rv_init_fans(rv_zeros(RV_F32, 7, 5, 3, 2), &in, &out) && in == 30 && out == 42);
    cr_expect_not(rv_init_fans(rv_zeros(RV_F32, 7), &in, &out));
    cr_expect(error_is(RV_ERROR_SHAPE, "init_fans: [7] has no fans"));
    cr_expect_not(rv_init_fans(NULL, &in, &out));
    cr_expect(error_is(RV_ERROR_NULL, "init_fans"));
    cr_expect_not(rv_init_fans(rv_zeros(RV_F32, 7, 5), NULL, &out));
    cr_expect(error_is(RV_ERROR_NULL, "init_fans"));
}

/* In place, through views, without being recorded, and seen by who needs the old values. */
Test(init, in_place)
{
    RV_SCOPE;
    rv_tensor *t = rv_require_grad(rv_ones(RV_F64, 3, 4));
    rv_tensor *loss = rv_sum(rv_mul(t, t));
    cr_expect_eq(rv_init_he_normal(t), t);
    cr_expect(rv_recording());
    cr_expect_not(rv_backward(loss));
    cr_expect(error_is(RV_ERROR_CHANGED, ""));
    cr_expect_eq(rv_init_zeros(t), t);
    cr_expect(rv_backward(rv_sum(rv_mul(t, t))), "it is still a leaf");
    rv_tensor *whole = rv_zeros(RV_F64, 4, 4), *column = rv_slice(whole, .axis = 1, .stop = 1);
    cr_expect_eq(rv_init_ones(column), column);
    cr_expect_eq(rv_item(rv_sum(whole)), 4);
    cr_expect_not_null(rv_init_xavier_normal(rv_zeros(RV_F32, 0, 0)));
    cr_expect_not_null(rv_init_he_uniform(rv_zeros(RV_F32, 3, 0)));
    cr_expect(no_error());
}

#define FAILS(call, status, part)                     \
    do {                                              \
        cr_expect_null(call);                         \
        cr_expect(error_is(RV_ERROR_##status, part)); \
    } while (0)

Test(init, what_is_wrong)
{
    RV_SCOPE;
    rv_tensor *t = rv_ones(RV_F32, 2, 2), *line = rv_ones(RV_F32, 4),
              *whole = rv_ones(RV_I64, 2, 2);
    FAILS(rv_init_uniform(NULL, 0, 1), NULL, "init_uniform: input 0 is NULL");
    FAILS(rv_init_uniform(whole, 0, 1), DTYPE, "init_uniform: the tensor is I64");
    FAILS(rv_init_uniform(t, 1, 0), ARGUMENT, "init_uniform: from 1 to 0");
    FAILS(rv_init_uniform(t, 0, INFINITY), ARGUMENT, "from 0 to inf");
    FAILS(rv_init_uniform(t, -3e38, 3e38), ARGUMENT, "from -3e+38 to 3e+38");
    FAILS(rv_init_uniform(t, 0, 1e39), ARGUMENT, "from 0 to 1e+39");
    FAILS(rv_init_normal(t, 0, -1), ARGUMENT, "init_normal: mean 0 and deviation -1");
    FAILS(rv_init_normal(t, (double)NAN, 1), ARGUMENT, "init_normal: mean");
    FAILS(rv_init_normal(whole, 0, 1), DTYPE, "init_normal: the tensor is I64");
    FAILS(rv_init_constant(whole, 1), DTYPE, "init_constant: the tensor is I64");
    FAILS(rv_init_zeros(NULL), NULL, "init_zeros: input 0 is NULL");
    FAILS(rv_init_xavier_uniform(line), SHAPE, "init_xavier_uniform: [4] has no fans");
    FAILS(rv_init_xavier_normal(whole), DTYPE, "init_xavier_normal: the tensor is I64");
    FAILS(rv_init_xavier_normal(t, .gain = 0), ARGUMENT, "init_xavier_normal: gain is 0");
    FAILS(rv_init_xavier_normal(t, .gain = (double)NAN), ARGUMENT, "gain is");
    FAILS(rv_init_xavier_uniform_with(NULL), NULL, "the options are NULL");
    FAILS(rv_init_he_uniform(line), SHAPE, "init_he_uniform: [4] has no fans");
    FAILS(rv_init_he_uniform(t, .mode = (rv_fan_mode)5), ARGUMENT, "5 is no fan mode");
    FAILS(rv_init_he_normal(t, .nonlinearity = (rv_nonlinearity)19), ARGUMENT,
          "init_he_normal: 19 is no nonlinearity");
    FAILS(rv_init_he_normal(t, .negative_slope = INFINITY), ARGUMENT, "negative_slope is inf");
    FAILS(rv_init_he_normal(t, .nonlinearity = RV_RELU, .negative_slope = 1), ARGUMENT,
          "RV_LEAKY_RELU alone");
    FAILS(rv_init_he_normal_with(NULL), NULL, "the options are NULL");
    FAILS(rv_init_truncated_normal_with(NULL), NULL, "the options are NULL");
    FAILS(rv_init_truncated_normal(whole), DTYPE, "init_truncated_normal: the tensor is I64");
    FAILS(rv_init_truncated_normal(t, .low = 2), ARGUMENT, "from 2 to 2");
    FAILS(rv_init_truncated_normal(t, .deviation = 0), ARGUMENT, "deviation 0");
    FAILS(rv_init_truncated_normal(t, .mean = 9), ARGUMENT, "falls between -2 and 2");
    FAILS(rv_init_orthogonal_with(NULL), NULL, "the options are NULL");
    FAILS(rv_init_orthogonal(line), SHAPE, "init_orthogonal: [4] is no matrix");
    FAILS(rv_init_orthogonal(whole), DTYPE, "init_orthogonal: the tensor is I64");
    FAILS(rv_init_orthogonal(t, .gain = 0), ARGUMENT, "init_orthogonal: gain is 0");
    cr_expect(HOLDS(t, 0, 1, 1, 1, 1), "nothing was changed");
}

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
    cr_expect(error_is(RV_ERROR_ARGUMENT, "init_gain: 6 is no nonlinearity"));
    cr_expect(isnan(rv_init_gain((rv_nonlinearity)-1, 0)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "is no nonlinearity"));
    cr_expect(isnan(rv_init_gain(RV_LEAKY_RELU, (double)NAN)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "negative_slope is"));
    cr_expect(isnan(rv_init_gain(RV_TANH, 0.5)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "negative_slope is 0.5; it is for RV_LEAKY_RELU alone"));
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
    FAILS(rv_init_he_normal(t, .nonlinearity = (rv_nonlinearity)9), ARGUMENT,
          "init_he_normal: 9 is no nonlinearity");
    FAILS(rv_init_he_normal(t, .negative_slope = INFINITY), ARGUMENT, "negative_slope is inf");
    FAILS(rv_init_he_normal(t, .nonlinearity = RV_RELU, .negative_slope = 1), ARGUMENT,
          "RV_LEAKY_RELU alone");
    FAILS(rv_init_he_normal_with(NULL), NULL, "the options are NULL");
    cr_expect(HOLDS(t, 0, 1, 1, 1, 1), "nothing was changed");
}

/* init.h - how parameters start.
 *
 *     rv_init_he_normal(rv_layer_parameter(net, "1.weight"), .mode = RV_FAN_OUT);
 *
 * Each fills a floating tensor in place from the generator (core/random.h), without being recorded,
 * and returns it; NULL with an error. PyTorch's torch.nn.init, whose names are xavier_ and, for
 * he_, kaiming_.
 *
 * Fans: of a weight [out, in, ..], fan_in is in and fan_out is out, each times the elements of the
 * other axes (a convolution's window). Fewer than 2 axes are an error for what needs fans. A tensor
 * without elements is returned as it is.
 */
#ifndef RV_LAYERS_INIT_H
#define RV_LAYERS_INIT_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_init_xavier_options {
    rv_tensor *tensor;
    double gain; /* default 1; > 0, finite; see rv_init_gain */
} rv_init_xavier_options;

/* Uniform in [-a, a], a = gain * sqrt(6 / (fan_in + fan_out)); normal with mean 0 and deviation
 * gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010). */
#define rv_init_xavier_uniform(...)                                            \
    RV_OPTIONS(rv_init_xavier_uniform_with, rv_init_xavier_options, .gain = 1, \
               .tensor = __VA_ARGS__)
#define rv_init_xavier_normal(...) \
    RV_OPTIONS(rv_init_xavier_normal_with, rv_init_xavier_options, .gain = 1, .tensor = __VA_ARGS__)
RV_API rv_tensor *rv_init_xavier_uniform_with(const rv_init_xavier_options *options);
RV_API rv_tensor *rv_init_xavier_normal_with(const rv_init_xavier_options *options);

typedef enum rv_fan_mode {
    RV_FAN_IN, /* keeps the variance of what goes forward */
    RV_FAN_OUT /* keeps that of the gradients */
} rv_fan_mode;

/* What follows the layer, with its gain. */
typedef enum rv_nonlinearity {
    RV_LINEAR,     /* 1: nothing, or a convolution */
    RV_SIGMOID,    /* 1 */
    RV_TANH,       /* 5/3 */
    RV_RELU,       /* sqrt(2) */
    RV_LEAKY_RELU, /* sqrt(2 / (1 + slope^2)), slope being that below 0 */
    RV_SELU,       /* 3/4 */
    RV_ELU,        /* for these three PyTorch has none: 1/sqrt(mean of f(z)^2), z being normal, */
    RV_GELU,       /* as He et al. have it for relu: 1.2452, 1.5335, 1.6765 */
    RV_SILU,
    RV_NONLINEARITY_COUNT
} rv_nonlinearity;

/* The gain that goes with a nonlinearity; `negative_slope` is for RV_LEAKY_RELU, and must be 0 for
 * all others. NaN with an error for a number that is none, or a slope that is not finite. */
RV_API double rv_init_gain(rv_nonlinearity nonlinearity, double negative_slope);

typedef struct rv_init_he_options {
    rv_tensor *tensor;
    rv_fan_mode mode;             /* default RV_FAN_IN */
    rv_nonlinearity nonlinearity; /* default RV_LEAKY_RELU, which with slope 0 is RV_RELU */
    double negative_slope;        /* default 0; PyTorch's `a` */
} rv_init_he_options;

/* Uniform in [-a, a], a = gain * sqrt(3 / fan); normal with mean 0 and deviation gain / sqrt(fan)
 * (He et al. 2015). */
#define rv_init_he_uniform(...)                                                            \
    RV_OPTIONS(rv_init_he_uniform_with, rv_init_he_options, .nonlinearity = RV_LEAKY_RELU, \
               .tensor = __VA_ARGS__)
#define rv_init_he_normal(...)                                                            \
    RV_OPTIONS(rv_init_he_normal_with, rv_init_he_options, .nonlinearity = RV_LEAKY_RELU, \
               .tensor = __VA_ARGS__)
RV_API rv_tensor *rv_init_he_uniform_with(const rv_init_he_options *options);
RV_API rv_tensor *rv_init_he_normal_with(const rv_init_he_options *options);

/* Uniform in [low, high] (rounding may reach high); finite, low <= high. */
RV_API rv_tensor *rv_init_uniform(rv_tensor *tensor, double low, double high);
/* Normal with that mean and standard deviation; finite, deviation >= 0. */
RV_API rv_tensor *rv_init_normal(rv_tensor *tensor, double mean, double deviation);

typedef struct rv_init_truncated_normal_options {
    rv_tensor *tensor;
    double mean;      /* default 0 */
    double deviation; /* default 1; > 0: of the normal numbers before they are cut */
    double low, high; /* default -2 and 2: what is kept, low < high; not in deviations */
} rv_init_truncated_normal_options;

/* Normal numbers of which those outside of [low, high] are drawn again. Errors: also bounds that
 * fewer than one number in a hundred falls between. PyTorch's trunc_normal_. */
#define rv_init_truncated_normal(...)                                                           \
    RV_OPTIONS(rv_init_truncated_normal_with, rv_init_truncated_normal_options, .deviation = 1, \
               .low = -2, .high = 2, .tensor = __VA_ARGS__)
RV_API rv_tensor *rv_init_truncated_normal_with(const rv_init_truncated_normal_options *options);

typedef struct rv_init_orthogonal_options {
    rv_tensor *tensor;
    double gain; /* default 1; > 0, finite */
} rv_init_orthogonal_options;

/* gain times an orthogonal matrix, each equally likely (Saxe et al. 2013): of [rows, ..], seen as
 * [rows, columns], the rows are orthonormal, or, if there are more rows than columns, the columns.
 * Computed in double. Fewer than 2 axes are an error. */
#define rv_init_orthogonal(...)                                                \
    RV_OPTIONS(rv_init_orthogonal_with, rv_init_orthogonal_options, .gain = 1, \
               .tensor = __VA_ARGS__)
RV_API rv_tensor *rv_init_orthogonal_with(const rv_init_orthogonal_options *options);

/* Every element is `value`. */
RV_API rv_tensor *rv_init_constant(rv_tensor *tensor, double value);
RV_API rv_tensor *rv_init_zeros(rv_tensor *tensor);
RV_API rv_tensor *rv_init_ones(rv_tensor *tensor);

/* The fans of a weight: false with an error for fewer than 2 axes. */
RV_API bool rv_init_fans(const rv_tensor *weight, int64_t *fan_in, int64_t *fan_out);

RV_END_C

#endif

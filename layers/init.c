/* init.c - how parameters start: random numbers, scaled by the fans of the tensor they go into. */
#include "layers/init.h"

#include <float.h>
#include <math.h>

#include "autograd/graph.h"
#include "autograd/operations.h"
#include "core/random.h"

/* ---- filling --------------------------------------------------------------------------------- */

static bool check_floating(const char *who, const rv_tensor *t)
{
    if (!rv_check(who, 0, t))
        return false;
    return rv_dtype_is_floating(t->dtype) ||
           rv_fail(RV_ERROR_DTYPE, who, "the tensor is %s; F32 or F64 is expected",
                   rv_dtype_name(t->dtype));
}

/* Whether t's dtype holds the number as a finite one. */
static bool is_finite_in(const rv_tensor *t, double number)
{
    return isfinite(number) && (t->dtype == RV_F64 || fabs(number) <= (double)FLT_MAX);
}

/* t = random * scale + shift, where random is of t's shape. */
static rv_tensor *put(rv_tensor *t, rv_tensor *random, double scale, double shift)
{
    return rv_copy_into(t, rv_add_scalar(rv_mul_scalar(random, scale), shift));
}

static rv_tensor *uniform(const char *who, rv_tensor *t, double low, double high)
{
    if (!is_finite_in(t, low) || !is_finite_in(t, high) || !is_finite_in(t, high - low) ||
        low > high)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "from %g to %g; finite numbers in that order are expected", low, high);
    RV_SCOPE;
    RV_NO_GRAD;
    return put(t, rv_rand_n(t->dtype, t->ndim, t->shape), high - low, low);
}

static rv_tensor *normal(const char *who, rv_tensor *t, double mean, double deviation)
{
    if (!is_finite_in(t, mean) || !is_finite_in(t, deviation) || deviation < 0)
        return rv_fail_null(
            RV_ERROR_ARGUMENT, who,
            "mean %g and deviation %g; finite numbers are expected, and a deviation "
            ">= 0",
            mean, deviation);
    RV_SCOPE;
    RV_NO_GRAD;
    return put(t, rv_randn_n(t->dtype, t->ndim, t->shape), deviation, mean);
}

rv_tensor *rv_init_uniform(rv_tensor *tensor, double low, double high)
{
    const char *who = "init_uniform";
    return check_floating(who, tensor) ? uniform(who, tensor, low, high) : NULL;
}

rv_tensor *rv_init_normal(rv_tensor *tensor, double mean, double deviation)
{
    const char *who = "init_normal";
    return check_floating(who, tensor) ? normal(who, tensor, mean, deviation) : NULL;
}

static rv_tensor *constant(const char *who, rv_tensor *t, double value)
{
    if (!check_floating(who, t))
        return NULL;
    RV_NO_GRAD;
    return rv_fill(t, value);
}

rv_tensor *rv_init_constant(rv_tensor *tensor, double value)
{
    return constant("init_constant", tensor, value);
}

rv_tensor *rv_init_zeros(rv_tensor *tensor)
{
    return constant("init_zeros", tensor, 0);
}

rv_tensor *rv_init_ones(rv_tensor *tensor)
{
    return constant("init_ones", tensor, 1);
}

/* ---- gains and fans -------------------------------------------------------------------------- */

static double gain_of(const char *who, rv_nonlinearity nonlinearity, double slope)
{
    static const double gains[RV_NONLINEARITY_COUNT] = {[RV_LINEAR] = 1.0,
                                                        [RV_SIGMOID] = 1.0,
                                                        [RV_TANH] = 5.0 / 3.0,
                                                        [RV_RELU] = 1.4142135623730951, /* sqrt 2 */
                                                        [RV_SELU] = 0.75,
                                                        [RV_ELU] = 1.2451983007007124,
                                                        [RV_GELU] = 1.533530441195543,
                                                        [RV_SILU] = 1.6765324703311006};
    bool ok = true;
    if ((unsigned)nonlinearity >= RV_NONLINEARITY_COUNT)
        ok = rv_fail(RV_ERROR_ARGUMENT, who, "%d is no nonlinearity", (int)nonlinearity);
    else if (!isfinite(slope))
        ok = rv_fail(RV_ERROR_ARGUMENT, who, "negative_slope is %g; it must be finite", slope);
    else if (nonlinearity != RV_LEAKY_RELU && slope != 0)
        ok = rv_fail(RV_ERROR_ARGUMENT, who, "negative_slope is %g; it is for RV_LEAKY_RELU alone",
                     slope);
    if (!ok)
        return NAN;
    return nonlinearity == RV_LEAKY_RELU ? sqrt(2 / (1 + slope * slope)) : gains[nonlinearity];
}

double rv_init_gain(rv_nonlinearity nonlinearity, double negative_slope)
{
    return gain_of("init_gain", nonlinearity, negative_slope);
}

typedef struct fans {
    double in, out;
} fans;

static bool find_fans(const char *who, const rv_tensor *t, fans *f)
{
    if (!rv_check(who, 0, t))
        return false;
    if (t->ndim < 2)
        return rv_fail(RV_ERROR_SHAPE, who, "%s has no fans: they need [out, in, ..]",
                       RV_SHAPE_OF(t));
    double window = 1;
    for (int i = 2; i < t->ndim; i++)
        window *= (double)t->shape[i];
    *f = (fans){.in = (double)t->shape[1] * window, .out = (double)t->shape[0] * window};
    return true;
}

bool rv_init_fans(const rv_tensor *weight, int64_t *fan_in, int64_t *fan_out)
{
    const char *who = "init_fans";
    fans f = {0};
    if (!find_fans(who, weight, &f))
        return false;
    if (fan_in == NULL || fan_out == NULL)
        return rv_fail(RV_ERROR_NULL, who, "a result's address is NULL");
    *fan_in = (int64_t)f.in;
    *fan_out = (int64_t)f.out;
    return true;
}

/* ---- Xavier and He --------------------------------------------------------------------------- */

/* Fills t so that its deviation is `deviation`, which may be anything if t has no elements. */
static rv_tensor *spread(const char *who, rv_tensor *t, double deviation, bool is_normal)
{
    if (t->numel == 0)
        return t;
    const double bound = sqrt(3.0) * deviation;
    return is_normal ? normal(who, t, 0, deviation) : uniform(who, t, -bound, bound);
}

static rv_tensor *xavier(const char *who, const rv_init_xavier_options *o, bool is_normal)
{
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    fans f = {0};
    if (!check_floating(who, o->tensor) || !find_fans(who, o->tensor, &f))
        return NULL;
    if (!(isfinite(o->gain) && o->gain > 0))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "gain is %g; it must be > 0", o->gain);
    return spread(who, o->tensor, o->gain * sqrt(2 / (f.in + f.out)), is_normal);
}

rv_tensor *rv_init_xavier_uniform_with(const rv_init_xavier_options *options)
{
    return xavier("init_xavier_uniform", options, false);
}

rv_tensor *rv_init_xavier_normal_with(const rv_init_xavier_options *options)
{
    return xavier("init_xavier_normal", options, true);
}

static rv_tensor *he(const char *who, const rv_init_he_options *o, bool is_normal)
{
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    fans f = {0};
    if (!check_floating(who, o->tensor) || !find_fans(who, o->tensor, &f))
        return NULL;
    if (o->mode != RV_FAN_IN && o->mode != RV_FAN_OUT)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d is no fan mode", (int)o->mode);
    const double gain = gain_of(who, o->nonlinearity, o->negative_slope);
    if (isnan(gain))
        return NULL;
    return spread(who, o->tensor, gain / sqrt(o->mode == RV_FAN_IN ? f.in : f.out), is_normal);
}

rv_tensor *rv_init_he_uniform_with(const rv_init_he_options *options)
{
    return he("init_he_uniform", options, false);
}

rv_tensor *rv_init_he_normal_with(const rv_init_he_options *options)
{
    return he("init_he_normal", options, true);
}

/* ---- normal between bounds ------------------------------------------------------------------- */

/* The share of normal numbers below x. */
static double share_below(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

static bool check_truncated(const char *who, const rv_init_truncated_normal_options *o)
{
    const rv_tensor *t = o->tensor;
    if (!is_finite_in(t, o->mean) || !is_finite_in(t, o->deviation) || !is_finite_in(t, o->low) ||
        !is_finite_in(t, o->high) || !(o->deviation > 0) || !(o->low < o->high))
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "mean %g, deviation %g, from %g to %g; finite numbers are expected, a "
                       "deviation > 0 and bounds in that order",
                       o->mean, o->deviation, o->low, o->high);
    const double low = (o->low - o->mean) / o->deviation, high = (o->high - o->mean) / o->deviation;
    const double share = share_below(high) - share_below(low);
    return share >= 0.01 ||
           rv_fail(RV_ERROR_ARGUMENT, who,
                   "a share of %g of the normal numbers falls between %g and %g; at least 0.01 is "
                   "expected",
                   share, o->low, o->high);
}

/* The numbers start out of bounds; each round puts a new one where none was kept yet. */
rv_tensor *rv_init_truncated_normal_with(const rv_init_truncated_normal_options *options)
{
    const char *who = "init_truncated_normal";
    const rv_init_truncated_normal_options *o = options;
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_floating(who, o->tensor) || !check_truncated(who, o))
        return NULL;
    RV_SCOPE;
    RV_NO_GRAD;
    rv_tensor *t = o->tensor, *kept = rv_retain(rv_empty_n(t->dtype, t->ndim, t->shape));
    bool ok = rv_fill(kept, INFINITY) != NULL, done = t->numel == 0;
    while (ok && !done) {
        RV_SCOPE;
        rv_tensor *draw = rv_randn_n(t->dtype, t->ndim, t->shape);
        draw = rv_add_scalar(rv_mul_scalar(draw, o->deviation), o->mean);
        rv_tensor *inside = rv_logical_and(rv_ge_scalar(kept, o->low), rv_le_scalar(kept, o->high));
        ok = rv_copy_into(kept, rv_where(inside, kept, draw)) != NULL;
        inside = rv_logical_and(rv_ge_scalar(kept, o->low), rv_le_scalar(kept, o->high));
        rv_tensor *all = rv_all(inside);
        ok = ok && all != NULL;
        done = ok && rv_item(all) != 0;
    }
    ok = ok && rv_copy_into(t, kept) != NULL;
    rv_release(kept);
    return ok ? t : NULL;
}

/* ---- orthogonal ------------------------------------------------------------------------------ */

/* Makes row i of q [k, n] orthogonal to those before it, and of length 1. One projection leaves
 * rounding errors; twice is enough (Kahan; Giraud et al. 2005). */
static bool orthonormalize(rv_tensor *q, int64_t i)
{
    RV_SCOPE;
    rv_tensor *row = rv_select(q, 0, i), *v = row;
    rv_tensor *before = i > 0 ? rv_slice(q, .axis = 0, .start = 0, .stop = i) : NULL;
    for (int pass = 0; i > 0 && pass < 2; pass++)
        v = rv_sub(v, rv_matmul(rv_matmul(before, v), before));
    rv_tensor *square = rv_dot(v, v);
    if (square == NULL)
        return false;
    if (!(rv_item(square) > 0))
        return rv_fail(RV_ERROR_MATRIX, "init_orthogonal", "row %lld depends on those before it",
                       (long long)i);
    return rv_copy_into(row, rv_mul_scalar(v, 1 / sqrt(rv_item(square)))) != NULL;
}

rv_tensor *rv_init_orthogonal_with(const rv_init_orthogonal_options *options)
{
    const char *who = "init_orthogonal";
    const rv_init_orthogonal_options *o = options;
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    rv_tensor *t = o->tensor;
    if (!check_floating(who, t))
        return NULL;
    if (t->ndim < 2)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s is no matrix: [rows, ..] is expected",
                            RV_SHAPE_OF(t));
    if (!is_finite_in(t, o->gain) || !(o->gain > 0))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "gain is %g; it must be > 0", o->gain);
    if (t->numel == 0)
        return t;
    RV_SCOPE;
    RV_NO_GRAD;
    const int64_t rows = t->shape[0], columns = t->numel / rows;
    const bool is_tall = rows > columns;
    rv_tensor *q = rv_randn(RV_F64, is_tall ? columns : rows, is_tall ? rows : columns);
    for (int64_t i = 0; q != NULL && i < q->shape[0]; i++)
        if (!orthonormalize(q, i))
            return NULL;
    if (is_tall)
        q = rv_transpose(q, 0, 1);
    return rv_copy_into(t, rv_reshape_n(rv_mul_scalar(q, o->gain), t->ndim, t->shape));
}

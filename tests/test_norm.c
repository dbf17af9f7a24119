/* test_norm.c - what the table of samples does not reach of normalization: tensors that are cut
 * into blocks and pieces, memory order, running statistics, numbers that are hard to sum.
 */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/kernels/tables.h"
#include "helpers.h"

/* ---- the definition -------------------------------------------------------------------------- */

/* t with its channels last in memory, and the same elements. */
static rv_tensor *channels_last(const rv_tensor *t)
{
    int out[RV_MAX_DIMENSIONS] = {0}, back[RV_MAX_DIMENSIONS] = {0};
    for (int i = 1; i < t->ndim; i++) {
        out[i] = i == t->ndim - 1 ? 1 : i + 1;
        back[i] = i == 1 ? t->ndim - 1 : i - 1;
    }
    return rv_raw_permute("test", rv_raw_copy("test", rv_raw_permute("test", t, t->ndim, out)),
                          t->ndim, back);
}

/* The channel of element i of t, counted row-major. */
static int64_t channel_of(const rv_tensor *t, int64_t i)
{
    for (int axis = t->ndim - 1; axis > 1; axis--)
        i /= t->shape[axis];
    return i % t->shape[1];
}

/* batch_norm and the gradients of its result, by their definitions, in long double. */
typedef struct defined {
    rv_tensor *y, *of_x, *of_weight, *of_bias;
} defined;

static defined by_definition(const rv_tensor *x, const rv_tensor *w, const rv_tensor *b,
                             const rv_tensor *g)
{
    enum { MOST = 600 };
    long double mean[MOST] = {0}, variance[MOST] = {0}, of_w[MOST] = {0}, of_b[MOST] = {0};
    const int64_t channels = x->shape[1];
    const long double count = (long double)(x->numel / channels);
    cr_assert_leq(channels, MOST);
    for (int64_t i = 0; i < x->numel; i++)
        mean[channel_of(x, i)] += (long double)at(x, i) / count;
    for (int64_t i = 0; i < x->numel; i++) {
        const long double d = (long double)at(x, i) - mean[channel_of(x, i)];
        variance[channel_of(x, i)] += d * d / count;
    }
    defined r = {rv_empty_n(RV_F64, x->ndim, x->shape), rv_empty_n(RV_F64, x->ndim, x->shape),
                 rv_empty(RV_F64, channels), rv_empty(RV_F64, channels)};
    for (int64_t i = 0; i < x->numel; i++) {
        const int64_t c = channel_of(x, i);
        const long double xhat = ((long double)at(x, i) - mean[c]) / sqrtl(variance[c] + 1e-5L);
        ((double *)r.y->data)[i] = (double)(xhat * (long double)at(w, c) + (long double)at(b, c));
        of_w[c] += (long double)at(g, i) * xhat;
        of_b[c] += (long double)at(g, i);
    }
    for (int64_t i = 0; i < x->numel; i++) {
        const int64_t c = channel_of(x, i);
        const long double scale = 1 / sqrtl(variance[c] + 1e-5L);
        const long double xhat = ((long double)at(x, i) - mean[c]) * scale;
        const long double v = (long double)at(g, i) - of_b[c] / count - xhat * of_w[c] / count;
        ((double *)r.of_x->data)[i] = (double)(v * scale * (long double)at(w, c));
    }
    for (int64_t c = 0; c < channels; c++) {
        ((double *)r.of_weight->data)[c] = (double)of_w[c];
        ((double *)r.of_bias->data)[c] = (double)of_b[c];
    }
    return r;
}

/* Sizes that are cut in every way: several blocks of samples, of places, of rows; odd ends. */
static const struct shape {
    int ndim;
    int64_t sizes[5];
} shapes[] = {
    {2, {700, 3}},        {2, {5, 521}},     {2, {37, 16}},       {3, {2, 2, 2500}},
    {4, {33, 3, 5, 7}},   {4, {9, 5, 8, 8}}, {4, {3, 2, 33, 40}}, {4, {70, 33, 3, 3}},
    {5, {4, 3, 2, 7, 5}}, {3, {40, 1, 30}},
};

static void expect_near(const rv_tensor *got, const rv_tensor *want, double tolerance,
                        const char *what, const struct shape *shape)
{
    reason why = {""};
    cr_expect(is_near(got, want, tolerance, &why), "%s of %s: %s", what,
              rv_shape_text(RV_SHAPE_BUFFER, shape->ndim, shape->sizes), why.text);
}

/* Forward and backward in one dtype and memory order, against the definition. */
static void check_shape(const struct shape *shape, rv_dtype dtype, bool last)
{
    RV_SCOPE;
    rv_seed(7);
    const int64_t channels = shape->sizes[1];
    rv_tensor *x = rv_add_scalar(rv_randn_n(dtype, shape->ndim, shape->sizes), 3);
    rv_tensor *g = rv_randn_n(dtype, shape->ndim, shape->sizes);
    rv_tensor *w = rv_require_grad(rv_randn(dtype, channels));
    rv_tensor *b = rv_require_grad(rv_randn(dtype, channels));
    x = rv_require_grad(last ? channels_last(x) : x);
    rv_tensor *y = rv_batch_norm(x, .weight = w, .bias = b, .training = true);
    rv_tensor *const leaves[] = {x, w, b};
    rv_tensor **grads = rv_gradients(&y, 1, leaves, 3, .gradients = &g);
    cr_assert(no_error());
    const defined want = by_definition(x, w, b, g);
    const double tolerance = dtype == RV_F64 ? 1e-12 : 4e-6;
    expect_near(y, want.y, tolerance, "y", shape);
    expect_near(grads[0], want.of_x, tolerance, "gradient of x", shape);
    expect_near(grads[1], want.of_weight, tolerance, "gradient of weight", shape);
    expect_near(grads[2], want.of_bias, tolerance, "gradient of bias", shape);
    if (last)
        cr_expect(rv_is_channels_last(y) && rv_is_channels_last(grads[0]),
                  "what is made of channels-last lies channels-last");
    else
        cr_expect(rv_is_contiguous(y) && rv_is_contiguous(grads[0]));
}

Test(batch_norm, is_its_definition)
{
    for (int i = 0; i < RV_COUNT(shapes); i++)
        for (int k = 0; k < 4; k++)
            check_shape(&shapes[i], k & 1 ? RV_F64 : RV_F32, k & 2);
}

/* Rows of layer_norm are channels of batch_norm, seen the other way. */
Test(layer_norm, is_its_definition)
{
    static const int64_t sizes[][2] = {{3, 5000}, {100, 33}, {40, 1024},
                                       {513, 4},  {1, 16},   {65, 3}};
    for (int i = 0; i < RV_COUNT(sizes); i++)
        for (rv_dtype dtype = RV_F32; dtype <= RV_F64; dtype++) {
            RV_SCOPE;
            rv_seed(5);
            const int64_t rows = sizes[i][0], n = sizes[i][1];
            rv_tensor *x = rv_require_grad(rv_add_scalar(rv_randn(dtype, rows, n), 3));
            rv_tensor *g = rv_randn(dtype, rows, n);
            rv_tensor *w = rv_require_grad(rv_randn(dtype, n)), *ones = rv_ones(dtype, rows);
            rv_tensor *y = rv_layer_norm(x, .weight = w);
            rv_tensor *const leaves[] = {x, w};
            rv_tensor **grads = rv_gradients(&y, 1, leaves, 2, .gradients = &g);
            cr_assert(no_error());
            rv_tensor *turned = rv_raw_copy("test", rv_transpose(rv_detach(x), 0, 1));
            rv_tensor *v = rv_mul(g, rv_detach(w));
            const defined want =
                by_definition(turned, ones, rv_zeros(dtype, rows), rv_transpose(v, 0, 1));
            rv_tensor *xhat = rv_transpose(want.y, 0, 1);
            const struct shape shape = {2, {rows, n}};
            const double tolerance = dtype == RV_F64 ? 1e-12 : 4e-6;
            rv_tensor *w64 = rv_cast(rv_detach(w), RV_F64), *g64 = rv_cast(g, RV_F64);
            expect_near(y, rv_mul(xhat, w64), tolerance, "y", &shape);
            expect_near(grads[0], rv_transpose(want.of_x, 0, 1), tolerance, "gradient of x",
                        &shape);
            expect_near(grads[1], rv_sum(rv_mul(g64, xhat), .axes = RV_AXES(0)), 2 * tolerance,
                        "gradient of weight", &shape);
        }
}

/* ---- the same bits --------------------------------------------------------------------------- */

static rv_tensor *all_of(int which, rv_tensor *x, rv_tensor *w)
{
    rv_tensor *y = which == 0   ? rv_batch_norm(x, .weight = w, .training = true)
                   : which == 1 ? rv_layer_norm(x, .axes = x->ndim - 1)
                                : rv_group_norm(x, x->shape[1], .weight = w);
    rv_tensor *const leaves[] = {x, w};
    rv_tensor **grads = rv_gradients(&y, 1, leaves, 2, .gradients = &y, .allow_unused = true);
    rv_tensor *const parts[] = {rv_reshape(rv_detach(y), -1), rv_reshape(grads[0], -1),
                                rv_reshape(grads[1] != NULL ? grads[1] : w, -1)};
    return rv_detach(rv_cat(parts, 3, 0));
}

Test(normalization, is_the_same_for_any_number_of_threads)
{
    for (int i = 0; i < RV_COUNT(shapes); i++)
        for (int which = 0; which < 3; which++) {
            RV_SCOPE;
            rv_seed(3);
            rv_tensor *x = rv_require_grad(rv_randn_n(RV_F32, shapes[i].ndim, shapes[i].sizes));
            rv_tensor *w = rv_require_grad(rv_randn(RV_F32, shapes[i].sizes[1]));
            rv_set_threads(1);
            rv_tensor *one = all_of(which, x, w);
            rv_set_threads(3);
            cr_expect(rv_equal(one, all_of(which, x, w)), "shape %d, operation %d", i, which);
            cr_expect(no_error());
        }
    rv_set_threads(0);
}

Test(normalization, is_the_same_in_every_instruction_set)
{
    enum { LINES = 5, N = 203, ALL = LINES * N };
    static float x[ALL], g[ALL], y[2][ALL];
    static double sums[2][5 * N], scale[2][2 * LINES];
    for (int i = 0; i < ALL; i++) {
        x[i] = (float)(1000 + sin(1.7 * i));
        g[i] = (float)cos(0.9 * i);
    }
    const rv_norm_block block = {LINES, N, N};
    const rv_kernels *base = rv_kernels_at(0), *k;
    for (int isa = 1; (k = rv_kernels_at(isa)) != NULL; isa++) {
        const rv_kernels *const both[] = {base, k};
#define SAME(what) cr_expect_arr_eq(what[0], what[1], sizeof what[0], "%s: " #what, k->name)
        for (int i = 0; i < 2; i++)
            both[i]->norm_moments[RV_F32](&block, x, sums[i]);
        SAME(sums);
        for (int i = 0; i < 2; i++)
            both[i]->norm_moments_columns[RV_F32](LINES, N, x, sums[i]);
        SAME(sums);
        for (int i = 0; i < 2; i++)
            both[i]->norm_products[RV_F32](&block, g, x, x, 1000, sums[i]);
        SAME(sums);
        for (int i = 0; i < 2; i++)
            both[i]->norm_products_columns[RV_F32](LINES, N, g, x, x, g, sums[i]);
        SAME(sums);
        for (int i = 0; i < 2; i++) {
            const rv_norm_rows rows = {.x = x,
                                       .y = y[i],
                                       .mean = scale[i],
                                       .scale = scale[i] + LINES,
                                       .eps = 1e-5,
                                       .centered = true};
            both[i]->norm_rows[RV_F32](LINES, N, &rows);
        }
        SAME(y);
        SAME(scale);
        for (int i = 0; i < 2; i++) {
            const rv_norm_rows rows = {.g = g,
                                       .x = x,
                                       .weight = g,
                                       .y = y[i],
                                       .mean = scale[i],
                                       .scale = scale[i] + LINES,
                                       .centered = true,
                                       .of_weight = sums[i],
                                       .of_bias = sums[i] + N};
            both[i]->norm_rows_grad[RV_F32](LINES, N, &rows);
        }
        SAME(y);
        SAME(sums);
#undef SAME
    }
}

/* ---- second derivatives, fused and not ------------------------------------------------------- */

static rv_tensor *bent(rv_tensor **in, void *context)
{
    const bool *is_fixed = context;
    rv_tensor *y =
        *is_fixed
            ? rv_batch_norm(in[0], .weight = in[1], .bias = in[2],
                            .running_mean = rv_zeros(RV_F64, 3), .running_var = rv_ones(RV_F64, 3))
            : rv_batch_norm(in[0], .weight = in[1], .bias = in[2], .training = true);
    return rv_sum(rv_tanh(y));
}

/* A Hessian times a vector takes the fused way, unless it is itself to be differentiated. */
Test(batch_norm, has_one_second_derivative_in_two_ways)
{
    for (int i = 0; i < 4; i++) {
        RV_SCOPE;
        rv_seed(11);
        bool is_fixed = i & 2;
        rv_tensor *x = rv_randn(RV_F64, 40, 3, 6, 5), *v = rv_randn(RV_F64, 40, 3, 6, 5);
        rv_tensor *in[] = {i & 1 ? channels_last(x) : x, rv_randn(RV_F64, 3), rv_randn(RV_F64, 3)};
        rv_tensor *along[] = {v, rv_randn(RV_F64, 3), rv_randn(RV_F64, 3)};
        const rv_hvp_result fused =
            rv_hvp(bent, &is_fixed, ((rv_tensors){in, 3}), ((rv_tensors){along, 3}));
        const rv_hvp_result by_operations = rv_hvp(bent, &is_fixed, ((rv_tensors){in, 3}),
                                                   ((rv_tensors){along, 3}), .create_graph = true);
        cr_assert(no_error());
        for (int k = 0; k < 3; k++) {
            reason why = {""};
            cr_expect(
                is_near(fused.products.items[k], by_operations.products.items[k], 1e-11, &why),
                "%d, input %d: %s", i, k, why.text);
        }
    }
}

/* ---- running statistics ---------------------------------------------------------------------- */

Test(batch_norm, moves_its_running_statistics_as_pytorch)
{
    rv_tensor *x = rv_reshape(VECTOR(1, 2, 6), 3, 1);
    rv_tensor *mean = rv_zeros(RV_F64, 1), *var = rv_ones(RV_F64, 1);
    rv_batch_norm(x, .running_mean = mean, .running_var = var, .training = true);
    cr_expect(HOLDS(mean, 1e-15, 0.3) && HOLDS(var, 1e-15, 1.6)); /* unbiased: 7 */
    rv_batch_norm(x, .running_mean = mean, .running_var = var, .training = true, .momentum = 0);
    cr_expect(HOLDS(mean, 1e-15, 0.3) && HOLDS(var, 1e-15, 1.6));
    rv_batch_norm(x, .running_mean = mean, .running_var = var, .training = true, .momentum = 1);
    cr_expect(HOLDS(mean, 1e-15, 3) && HOLDS(var, 1e-15, 7));
    rv_tensor *y = rv_batch_norm(x, .running_mean = mean, .running_var = var, .eps = 0);
    cr_expect(HOLDS(y, 1e-15, -2 / sqrt(7), -1 / sqrt(7), 3 / sqrt(7)));
    cr_expect(HOLDS(mean, 1e-15, 3) && HOLDS(var, 1e-15, 7), "inference changes nothing");
    cr_expect(no_error());
}

Test(batch_norm, moves_no_running_statistics_for_an_empty_batch)
{
    rv_tensor *mean = rv_zeros(RV_F32, 3), *var = rv_ones(RV_F32, 3);
    const rv_tensor *y = rv_batch_norm(rv_zeros(RV_F32, 0, 3, 2), .running_mean = mean,
                                       .running_var = var, .training = true);
    cr_expect(y != NULL && y->numel == 0);
    cr_expect(HOLDS(mean, 0, 0, 0, 0) && HOLDS(var, 0, 1, 1, 1));
    y = rv_batch_norm(rv_zeros(RV_F32, 2, 0), .training = true);
    cr_expect(y != NULL && y->numel == 0, "no channels");
    cr_expect(no_error());
}

/* What a derivative needs of the running statistics is a copy; what another operation saved of them
 * is seen to have changed. */
Test(batch_norm, says_that_running_statistics_changed)
{
    rv_tensor *x = rv_require_grad(waves(4, 2, 0)), *scale = rv_require_grad(rv_ones(RV_F64, 2));
    rv_tensor *mean = rv_zeros(RV_F64, 2), *var = rv_ones(RV_F64, 2);
    rv_tensor *inferred = rv_sum(rv_batch_norm(x, .running_mean = mean, .running_var = var));
    rv_tensor *product = rv_sum(rv_mul(scale, mean));
    rv_batch_norm(x, .running_mean = mean, .running_var = var, .training = true);
    cr_expect(rv_backward(inferred) && no_error());
    cr_expect_not(rv_backward(product));
    cr_expect(error_is(RV_ERROR_CHANGED, "mul"));
}

/* ---- numbers that are hard to sum ------------------------------------------------------------ */

/* The largest error of y in F32 for a mean of so many deviations. */
static double error_for_mean(double mean, bool by_rows)
{
    RV_SCOPE;
    rv_seed(1);
    rv_tensor *x = by_rows ? rv_randn(RV_F32, 64, 1024) : rv_randn(RV_F32, 64, 4, 16, 16);
    x = rv_add_scalar(x, mean);
    rv_tensor *exact = rv_cast(x, RV_F64);
    const rv_tensor *y = by_rows ? rv_layer_norm(x) : rv_batch_norm(x, .training = true);
    const rv_tensor *want = by_rows ? rv_layer_norm(exact) : rv_batch_norm(exact, .training = true);
    double largest = 0;
    for (int64_t i = 0; i < y->numel; i++)
        largest = fmax(largest, fabs(at(y, i) - at(want, i)));
    return largest;
}

Test(normalization, keeps_its_digits_when_the_mean_is_large)
{
    for (int by_rows = 0; by_rows < 2; by_rows++)
        for (double mean = 0.01; mean < 2e6; mean *= 100)
            cr_expect_lt(error_for_mean(mean, by_rows), 1e-6, "mean %g, by_rows %d: %g", mean,
                         by_rows, error_for_mean(mean, by_rows));
}

/* The center of a block comes from numbers that are not like the others; squares exceed F32. */
Test(normalization, stands_outliers_and_large_numbers)
{
    for (int by_rows = 0; by_rows < 2; by_rows++) {
        rv_tensor *x = waves(2, 512, 1e4);
        x = rv_cast(rv_cast(x, RV_F32), RV_F64);
        ((double *)x->data)[0] = ((double *)x->data)[700] = 0;
        for (int large = 0; large < 2; large++) {
            rv_tensor *of = rv_mul_scalar(x, large ? 0x1p80 : 1);
            rv_tensor *const in[] = {rv_cast(of, RV_F32), of};
            rv_tensor *y[2];
            for (int i = 0; i < 2; i++)
                y[i] = by_rows ? rv_layer_norm(in[i])
                               : rv_batch_norm(rv_transpose(in[i], 0, 1), .training = true);
            reason why = {""};
            cr_expect(is_near(y[0], y[1], 3e-6, &why), "by_rows %d, large %d: %s", by_rows, large,
                      why.text);
        }
        cr_expect(no_error());
    }
}

Test(normalization, of_equal_elements_is_the_bias)
{
    rv_tensor *x = rv_full(1234.5, RV_F32, 8, 3, 5);
    rv_tensor *b = rv_arange(RV_F32, 1, 4, 1);
    cr_expect(rv_equal(rv_batch_norm(x, .bias = b, .training = true),
                       rv_raw_copy("test", rv_expand(rv_reshape(b, 1, 3, 1), 8, 3, 5))));
    cr_expect(rv_equal(rv_layer_norm(x), rv_zeros(RV_F32, 8, 3, 5)));
    rv_tensor *nan = rv_full((double)NAN, RV_F32, 4, 2);
    cr_expect(isnan(rv_item_at(rv_batch_norm(nan, .training = true), 0, 0)));
    cr_expect(isnan(rv_item_at(rv_layer_norm(nan), 0, 0)));
    cr_expect(no_error());
}

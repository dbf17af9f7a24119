/* test_losses.c - losses, softmax and attention where samples are too small or too tame: large
 * numbers, many elements, ignored samples, blocks of queries; on every instruction set. */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/kernels/kernels.h"
#include "core/kernels/tables.h"
#include "helpers.h"

/* One unit in the last place of F32, relative. */
#define ULP 0x1p-23

/* Whether `got` is `want` to within `ulps` units of F32 of it; equal infinities are. */
static bool is_within(double got, double want, double ulps)
{
    if (isinf(want) || want == 0)
        return got == want;
    const bool is_near = fabs(got - want) <= ulps * ULP * fabs(want);
    if (!is_near)
        fprintf(stderr, "%.9g, expected %.9g\n", got, want);
    return is_near;
}

static bool all_within(const rv_tensor *got, const rv_tensor *want, double ulps)
{
    if (got == NULL || want == NULL || !rv_same_shape(got, want))
        return false;
    for (int64_t i = 0; i < want->numel; i++)
        if (!is_within(at(got, i), at(want, i), ulps))
            return false;
    return true;
}

/* ---- large numbers, and F32 against double ----------------------------------------------------
 */

/* Logits of this size in F32, and the same numbers in F64. */
static rv_tensor *logits(double size, rv_dtype dtype)
{
    rv_tensor *x = rv_cast(rv_mul_scalar(waves(37, 19, 0), size), RV_F32);
    return rv_cast(x, dtype);
}

static rv_tensor *labels_of(const rv_tensor *x)
{
    rv_tensor *labels = rv_zeros(RV_I64, x->shape[0]);
    for (int64_t i = 0; i < labels->numel; i++)
        ((int64_t *)labels->data)[i] = i * 7 % x->shape[1];
    return labels;
}

static const double sizes[] = {1e-3, 1, 30, 1e4, 1e30};

Test(stability, cross_entropy_of_any_logits)
{
    RV_SCOPE;
    for (int i = 0; i < RV_COUNT(sizes); i++) {
        rv_tensor *x = logits(sizes[i], RV_F32), *x64 = logits(sizes[i], RV_F64);
        rv_tensor *labels = labels_of(x);
        cr_expect(all_within(rv_cross_entropy(x, labels, .reduction = RV_REDUCTION_NONE),
                             rv_cross_entropy(x64, labels, .reduction = RV_REDUCTION_NONE), 2),
                  "of logits of %g", sizes[i]);
        cr_expect(is_within(rv_item(rv_cross_entropy(x, labels)),
                            rv_item(rv_cross_entropy(x64, labels)), 2));
        cr_expect(is_within(rv_item(rv_cross_entropy(x, labels, .label_smoothing = 0.1)),
                            rv_item(rv_cross_entropy(x64, labels, .label_smoothing = 0.1)), 2));
    }
}

Test(stability, log_softmax_of_any_logits)
{
    RV_SCOPE;
    for (int i = 0; i < RV_COUNT(sizes); i++)
        cr_expect(all_within(rv_log_softmax(logits(sizes[i], RV_F32), 1),
                             rv_log_softmax(logits(sizes[i], RV_F64), 1), 3),
                  "of logits of %g", sizes[i]);
}

Test(stability, bce_with_logits_of_any_logits)
{
    RV_SCOPE;
    for (int i = 0; i < RV_COUNT(sizes); i++)
        for (int target = 0; target <= 1; target++) {
            rv_tensor *x = logits(sizes[i], RV_F32), *x64 = logits(sizes[i], RV_F64);
            rv_tensor *t = rv_full(target, RV_F32, 37, 19), *t64 = rv_cast(t, RV_F64);
            rv_tensor *got = rv_bce_with_logits(x, t, .reduction = RV_REDUCTION_NONE);
            rv_tensor *want = rv_bce_with_logits(x64, t64, .reduction = RV_REDUCTION_NONE);
            for (int64_t k = 0; k < want->numel; k++) /* what F32 cannot hold exactly aside */
                if (at(want, k) > 1e-37 || at(want, k) == 0)
                    cr_expect(is_within(at(got, k), at(want, k), 4), "x is %g", at(x, k));
        }
}

/* Softmax has rounded to 1 there; what is left to learn has not. */
Test(stability, the_gradient_of_a_confident_row_keeps_its_digits)
{
    RV_SCOPE;
    rv_tensor *x = rv_from_array(((float[]){30, 0, 1}), RV_F32, 1, 3);
    rv_tensor *labels = rv_zeros(RV_I64, 1);
    rv_require_grad(x);
    cr_assert(rv_backward(rv_cross_entropy(x, labels)));
    const double rest = exp(-30) + exp(-29);
    cr_expect(is_within(at(rv_grad(x), 0), -rest / (1 + rest), 2));
    cr_expect(is_within(at(rv_grad(x), 1), exp(-30) / (1 + rest), 3));
}

/* What PyTorch gives. */
Test(stability, infinite_logits)
{
    RV_SCOPE;
    const float low = -INFINITY, high = INFINITY;
    rv_tensor *x = rv_from_array(((float[]){low, 0, 0, low, high, 0, NAN, 0}), RV_F32, 4, 2);
    rv_tensor *losses = rv_cross_entropy(x, rv_zeros(RV_I64, 4), .reduction = RV_REDUCTION_NONE);
    cr_expect(HOLDS(losses, 0, (double)INFINITY, 0, (double)NAN, (double)NAN));
}

Test(stability, probabilities_of_0_and_1)
{
    RV_SCOPE;
    rv_tensor *x = rv_from_array(((float[]){0, 1, 0, 1}), RV_F32, 4);
    rv_tensor *t = rv_from_array(((float[]){0, 1, 1, 0}), RV_F32, 4);
    cr_expect(HOLDS(rv_bce(x, t, .reduction = RV_REDUCTION_NONE), 0, 0, 0, 100, 100));
}

/* ---- the kernels of losses, on every instruction set ------------------------------------------
 */

static long double pair_loss(rv_pair_loss_id id, long double x, long double t, long double p)
{
    const long double e = x - t, size = fabsl(e);
    switch (id) {
    case RV_PAIR_LOSS_mse: return e * e;
    case RV_PAIR_LOSS_l1: return size;
    case RV_PAIR_LOSS_huber: return size <= p ? e * e / 2 : p * (size - p / 2);
    case RV_PAIR_LOSS_bce: return -t * logl(x) - (1 - t) * log1pl(-x);
    default: return fmaxl(x, 0) - x * t + log1pl(expl(-fabsl(x)));
    }
}

static long double pair_slope(rv_pair_loss_id id, long double x, long double t, long double p)
{
    const long double e = x - t;
    switch (id) {
    case RV_PAIR_LOSS_mse: return 2 * e;
    case RV_PAIR_LOSS_l1: return e > 0 ? 1 : -1;
    case RV_PAIR_LOSS_huber: return e > p ? p : e < -p ? -p : e;
    case RV_PAIR_LOSS_bce: return e / (x * (1 - x));
    default: return 1 / (1 + expl(-x)) - t;
    }
}

#define MOST 67

static void check_pair(const rv_kernels *table, rv_pair_loss_id id, int64_t n)
{
    float x[MOST], t[MOST], g[MOST], y[MOST + 1], slope[MOST + 1];
    for (int64_t i = 0; i < n; i++) {
        const bool is_probability = id == RV_PAIR_LOSS_bce;
        x[i] = is_probability ? (float)(0.001 + 0.015 * (double)i) : (float)(i - 30) * 0.77f;
        t[i] = is_probability ? (float)(i % 3) / 2 : 0.25f;
        g[i] = (float)(i % 5) + 0.5f;
    }
    y[n] = slope[n] = 7;
    for (int each = 0; each <= 1; each++) {
        table->pair_losses[id][RV_F32].loss(n, x, t, 1.5, y);
        table->pair_losses[id][RV_F32].grad(n, g, each, x, t, 1.5, slope);
        for (int64_t i = 0; i < n; i++) {
            const double loss = (double)pair_loss(id, x[i], t[i], 1.5);
            const double want =
                (double)(pair_slope(id, x[i], t[i], 1.5) * (long double)g[each ? i : 0]);
            cr_assert(fabs((double)y[i] - loss) <= 5 * ULP * (fabs(loss) + 0.1),
                      "%s: loss %d of %g and %g", table->name, id, (double)x[i], (double)t[i]);
            cr_assert(fabs((double)slope[i] - want) <= 5 * ULP * (fabs(want) + 0.1),
                      "%s: slope %d of %g and %g", table->name, id, (double)x[i], (double)t[i]);
        }
        cr_assert(y[n] == 7.0f && slope[n] == 7.0f);
    }
}

Test(pair_kernels, are_their_formulas)
{
    const rv_kernels *table;
    for (int k = 0; (table = rv_kernels_at(k)) != NULL; k++)
        for (int id = 0; id < RV_PAIR_LOSS_COUNT; id++)
            for (int64_t n = 0; n < MOST; n += 1 + n / 7)
                check_pair(table, (rv_pair_loss_id)id, n);
}

/* ---- many elements: several pieces ------------------------------------------------------------
 */

#define MANY 300007

static rv_tensor *loss_of(int id, rv_tensor *x, rv_tensor *t, rv_reduction reduction)
{
    switch (id) {
    case 0: return rv_mse(x, t, .reduction = reduction);
    case 1: return rv_l1(x, t, .reduction = reduction);
    case 2: return rv_huber(x, t, .delta = 0.3, .reduction = reduction);
    case 3: return rv_bce(x, t, .reduction = reduction);
    default: return rv_bce_with_logits(x, t, .reduction = reduction);
    }
}

static void check_many(int id, rv_dtype dtype)
{
    RV_SCOPE;
    rv_tensor *x = rv_rand(dtype, MANY), *t = rv_rand(dtype, MANY);
    const double tolerance = dtype == RV_F32 ? 1e-7 : 1e-15;
    const double sum = rv_item(rv_sum(rv_cast(loss_of(id, x, t, RV_REDUCTION_NONE), RV_F64)));
    for (int threads = 1; threads <= 3; threads++) {
        cr_assert(rv_set_threads(threads));
        const double got = rv_item(loss_of(id, x, t, RV_REDUCTION_SUM));
        const double mean = rv_item(loss_of(id, x, t, RV_REDUCTION_MEAN));
        cr_expect(fabs(got - sum) <= tolerance * sum, "%d: %.17g, not %.17g", id, got, sum);
        cr_expect(fabs(mean * MANY - sum) <= 2 * tolerance * sum);
    }
}

Test(losses, of_many_elements)
{
    rv_seed(3);
    for (int id = 0; id < RV_PAIR_LOSS_COUNT; id++) {
        check_many(id, RV_F32);
        check_many(id, RV_F64);
    }
}

/* The same bits for any number of threads: loss, gradient, and what attention makes of it. */
static rv_tensor *everything(const rv_tensor *data)
{
    rv_tensor *x = rv_require_grad(rv_raw_copy("test", data));
    rv_tensor *rows = rv_reshape(x, 500, 60), *t = rv_sigmoid(rv_detach(x));
    rv_tensor *labels = rv_zeros(RV_I64, 500);
    rv_tensor *loss = rv_add(rv_mse(x, t), rv_bce_with_logits(x, t));
    loss = rv_add(loss, rv_cross_entropy(rows, labels, .label_smoothing = 0.1));
    rv_tensor *heads = rv_reshape(x, 2, 250, 60);
    rv_tensor *taken = rv_scaled_dot_product_attention(heads, heads, heads, .is_causal = true);
    loss = rv_add(loss, rv_mean(rv_mul(taken, taken)));
    cr_assert(rv_backward(loss), "%s", rv_error());
    return rv_cat((rv_tensor *[]){rv_reshape(loss, 1), rv_grad(x)}, 2, 0);
}

Test(losses, do_not_depend_on_threads)
{
    RV_SCOPE;
    rv_seed(4);
    rv_tensor *x = rv_randn(RV_F32, 30000);
    cr_assert(rv_set_threads(1));
    rv_tensor *alone = everything(x);
    for (int threads = 2; threads <= 5; threads++) {
        cr_assert(rv_set_threads(threads));
        cr_expect(rv_equal(everything(x), alone), "%d threads", threads);
    }
}

/* ---- ignored samples --------------------------------------------------------------------------
 */

static void expect_nothing(rv_tensor *x, rv_tensor *loss)
{
    cr_assert_not_null(loss, "%s", rv_error());
    cr_expect(isnan(rv_item(loss)));
    cr_assert(rv_zero_grad(x) && rv_backward(loss));
    cr_expect(rv_equal(rv_grad(x), rv_zeros_like(x)));
}

/* The mean of no loss is NaN, and the gradient of nothing zero, as in PyTorch. */
Test(ignored, all_of_them)
{
    RV_SCOPE;
    rv_tensor *x = rv_require_grad(rv_randn(RV_F32, 4, 3));
    rv_tensor *labels = rv_full(-100, RV_I64, 4);
    expect_nothing(x, rv_cross_entropy(x, labels));
    expect_nothing(x, rv_cross_entropy(x, labels, .label_smoothing = 0.5));
    expect_nothing(x, rv_nll(x, labels));
    cr_expect_eq(rv_item(rv_cross_entropy(x, labels, .reduction = RV_REDUCTION_SUM)), 0);
}

/* What stands in an ignored row does not matter. */
Test(ignored, rows_of_nan)
{
    RV_SCOPE;
    rv_tensor *x = rv_from_array(((float[]){NAN, 0, 1, 2, -INFINITY, 0}), RV_F32, 3, 2);
    rv_tensor *labels = rv_from_array(((int64_t[]){-100, 1, -100}), RV_I64, 3);
    rv_require_grad(x);
    rv_tensor *loss = rv_cross_entropy(x, labels);
    cr_expect(is_within(rv_item(loss), log1p(exp(-1)), 2));
    cr_assert(rv_backward(loss));
    const double p = 1 / (1 + exp(1));
    cr_expect(HOLDS(rv_grad(x), 1e-7, 0, 0, p, -p, 0, 0));
    cr_assert(rv_zero_grad(x) && rv_backward(rv_nll(x, labels)));
    cr_expect(HOLDS(rv_grad(x), 0, 0, 0, 0, -1, 0, 0));
}

/* ---- attention in several blocks --------------------------------------------------------------
 */

/* The same in operations on all scores at once. */
static rv_tensor *plain_attention(rv_tensor *q, rv_tensor *k, rv_tensor *v, rv_tensor *seen)
{
    rv_tensor *scores = rv_matmul(q, rv_transpose(k, -1, -2));
    scores = rv_div_scalar(scores, sqrt((double)q->shape[q->ndim - 1]));
    if (seen != NULL)
        scores = rv_where(seen, scores, rv_full(-INFINITY, q->dtype));
    return rv_matmul(rv_softmax(scores, -1), v);
}

/* 1 where column j is not beyond row i. */
static rv_tensor *lower(int64_t rows, int64_t columns)
{
    rv_tensor *mask = rv_zeros(RV_U8, rows, columns);
    for (int64_t i = 0; i < mask->numel; i++)
        ((uint8_t *)mask->data)[i] = i % columns <= i / columns;
    return mask;
}

static void check_attention(rv_dtype dtype, int64_t l, int64_t s, bool transposed)
{
    RV_SCOPE;
    reason why = {""};
    const double tolerance = dtype == RV_F32 ? 3e-6 : 1e-14;
    rv_tensor *q = rv_randn(dtype, 3, l, 11), *k = rv_randn(dtype, 3, s, 11);
    rv_tensor *v = rv_randn(dtype, 3, s, 5), *mask = rv_gt_scalar(rv_randn(RV_F32, l, s), 0);
    if (transposed) {
        q = rv_permute(rv_randn(dtype, 11, 3, l), 1, 2, 0);
        k = rv_permute(rv_randn(dtype, s, 3, 11), 1, 0, 2);
        v = rv_permute(rv_randn(dtype, s, 5, 3), 2, 0, 1);
        mask = rv_transpose(rv_gt_scalar(rv_randn(RV_F32, s, l), 0), 0, 1);
    }
    cr_expect(is_near(rv_scaled_dot_product_attention(q, k, v), plain_attention(q, k, v, NULL),
                      tolerance, &why));
    cr_expect(is_near(rv_scaled_dot_product_attention(q, k, v, .mask = mask),
                      plain_attention(q, k, v, mask), tolerance, &why));
    cr_expect(is_near(rv_scaled_dot_product_attention(q, k, v, .is_causal = true),
                      plain_attention(q, k, v, lower(l, s)), tolerance, &why));
    rv_tensor *added = rv_randn(dtype, s), *zeros = rv_zeros(dtype, 3, l, s);
    rv_tensor *wide = rv_cat((rv_tensor *[]){k, rv_expand(rv_reshape(added, s, 1), 3, s, 1)}, 2, 2);
    rv_tensor *ones = rv_full(sqrt(11), dtype, 3, l, 1);
    rv_tensor *want =
        plain_attention(/* a column of q that adds to every score */
                        rv_mul_scalar(rv_cat((rv_tensor *[]){q, ones}, 2, 2), sqrt(12) / sqrt(11)),
                        wide, v, NULL);
    cr_expect(is_near(rv_scaled_dot_product_attention(q, k, v, .mask = rv_add(zeros, added)), want,
                      tolerance, &why));
    cr_expect(
        is_near(rv_scaled_dot_product_attention(q, k, v, .mask = added), want, tolerance, &why));
    cr_expect(no_error());
    cr_expect_str_empty(why.text, "%s, %lld queries, %lld keys: %s", rv_dtype_name(dtype),
                        (long long)l, (long long)s, why.text);
}

Test(attention, in_blocks)
{
    rv_seed(5);
    const int64_t shapes[][2] = {{1, 17}, {150, 40}, {40, 700}, {131, 257}, {9, 5000}};
    for (int i = 0; i < RV_COUNT(shapes); i++)
        for (int transposed = 0; transposed <= 1; transposed++) {
            check_attention(RV_F32, shapes[i][0], shapes[i][1], transposed);
            check_attention(RV_F64, shapes[i][0], shapes[i][1], transposed);
        }
}

/* ---- feature_dropout --------------------------------------------------------------------------
 */

Test(feature_dropout, drops_whole_channels)
{
    RV_SCOPE;
    rv_seed(6);
    rv_tensor *y = rv_feature_dropout(rv_ones(RV_F32, 50, 40, 3, 2), 0.25);
    cr_assert_not_null(y, "%s", rv_error());
    int dropped = 0;
    for (int64_t channel = 0; channel < 50 * 40; channel++) {
        const double first = at(y, 6 * channel);
        cr_assert(first == 0 || is_within(first, 1 / 0.75, 1));
        for (int64_t i = 1; i < 6; i++)
            cr_assert_eq(at(y, 6 * channel + i), first);
        dropped += first == 0;
    }
    cr_expect(dropped > 400 && dropped < 600, "%d of 2000", dropped); /* 5 deviations */
    cr_expect(!rv_equal(rv_feature_dropout(rv_ones(RV_F32, 50, 40, 3, 2), 0.25), y));
}

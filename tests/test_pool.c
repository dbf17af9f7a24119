/* test_pool.c - what the table of samples does not reach of pooling: every way a window can lie, in
 * both orders of memory, against the definition; NaN and infinities; how results lie.
 */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

static double element(const rv_tensor *t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return at(t, ((n * t->shape[1] + c) * t->shape[2] + h) * t->shape[3] + w);
}

/* The same elements in memory order `how`: 0 row-major, 1 channels-last. */
static rv_tensor *lying(rv_tensor *t, int how)
{
    return how == 0 ? t : rv_permute(rv_raw_copy("test", rv_permute(t, 0, 2, 3, 1)), 0, 3, 1, 2);
}

/* ---- max_pool2d ------------------------------------------------------------------------------ */

typedef struct window {
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    bool ceil_mode;
} window;

static const window windows[] = {
    {{2, 2}, {2, 2}, {0, 0}, {1, 1}, false}, {{3, 3}, {2, 2}, {1, 1}, {1, 1}, false},
    {{2, 2}, {2, 2}, {0, 0}, {1, 1}, true},  {{3, 2}, {1, 3}, {1, 0}, {1, 2}, false},
    {{1, 1}, {1, 1}, {0, 0}, {1, 1}, false}, {{5, 5}, {1, 1}, {2, 2}, {1, 1}, true},
    {{2, 3}, {3, 4}, {1, 1}, {2, 1}, true},  {{17, 16}, {1, 1}, {8, 8}, {1, 1}, false},
};

/* How many places and channels: short lines and ones that are cut. */
static const int64_t sizes[][4] = {
    {2, 3, 19, 21}, {1, 9, 17, 16}, {3, 1, 20, 18}, {1, 2, 18, 600}, {1, 300, 17, 18}};

static rv_pooled pool_with(rv_tensor *x, const window *w)
{
    const rv_max_pool2d_options options = {.input = x,
                                           .kernel = {w->kernel[0], w->kernel[1]},
                                           .stride = {w->stride[0], w->stride[1]},
                                           .padding = {w->padding[0], w->padding[1]},
                                           .dilation = {w->dilation[0], w->dilation[1]},
                                           .ceil_mode = w->ceil_mode};
    return rv_max_pool2d_with_indices_with(&options);
}

/* The index of the largest element of output (i, j)'s window: the first of equals. */
static int64_t largest_of(const rv_tensor *x, const window *w, int64_t n, int64_t c, int64_t i,
                          int64_t j)
{
    int64_t found = -1;
    double best = -(double)INFINITY;
    for (int64_t a = 0; a < w->kernel[0]; a++)
        for (int64_t b = 0; b < w->kernel[1]; b++) {
            const int64_t h = i * w->stride[0] - w->padding[0] + a * w->dilation[0];
            const int64_t v = j * w->stride[1] - w->padding[1] + b * w->dilation[1];
            if (h < 0 || h >= x->shape[2] || v < 0 || v >= x->shape[3])
                continue;
            const double own = element(x, n, c, h, v);
            if (found < 0 || own > best) {
                best = own;
                found = h * x->shape[3] + v;
            }
        }
    return found;
}

/* Values, indices and gradient of one window, dtype, and order of memory. */
static void check_window(const window *w, const int64_t *size, rv_dtype dtype, int how)
{
    RV_SCOPE;
    rv_seed(9);
    /* A few values only, so that there are equals in most windows. */
    rv_tensor *x = rv_cast(rv_randint_n(0, 6, RV_I64, 4, size), dtype);
    x = rv_require_grad(lying(x, how));
    const rv_pooled y = pool_with(x, w);
    cr_assert(no_error());
    const int64_t *out = y.values->shape;
    rv_tensor *g = rv_randn_n(dtype, 4, out), *want = rv_zeros_n(RV_F64, 4, size);
    int64_t wrong = 0, k = 0;
    for (int64_t n = 0; n < out[0]; n++)
        for (int64_t c = 0; c < out[1]; c++)
            for (int64_t i = 0; i < out[2]; i++)
                for (int64_t j = 0; j < out[3]; j++, k++) {
                    const int64_t index = largest_of(x, w, n, c, i, j);
                    const int64_t plane = (n * size[1] + c) * size[2] * size[3];
                    wrong += at(y.values, k) != at(x, plane + index);
                    wrong += at(y.indices, k) != (double)index;
                    ((double *)want->data)[plane + index] += at(g, k);
                }
    cr_expect_eq(wrong, 0, "window %d of %s, order %d", (int)(w - windows),
                 rv_shape_text(RV_SHAPE_BUFFER, 4, size), how);
    rv_tensor **got = rv_gradients(&y.values, 1, &x, 1, .gradients = &g);
    reason why = {""};
    cr_expect(got != NULL && is_near(got[0], want, dtype == RV_F64 ? 1e-14 : 1e-5, &why),
              "window %d of %s, order %d: %s", (int)(w - windows),
              rv_shape_text(RV_SHAPE_BUFFER, 4, size), how, why.text);
    if (how == 1)
        cr_expect(rv_is_channels_last(y.values) && rv_is_channels_last(got[0]));
    else
        cr_expect(rv_is_contiguous(y.values) && rv_is_contiguous(got[0]));
}

Test(max_pool2d, is_its_definition)
{
    for (int i = 0; i < RV_COUNT(windows); i++)
        for (int k = 0; k < RV_COUNT(sizes); k++)
            for (int how = 0; how < 2; how++)
                if (windows[i].kernel[0] < 17 || sizes[k][3] < 100)
                    check_window(&windows[i], sizes[k], (i + k + how) & 1 ? RV_F64 : RV_F32, how);
}

Test(max_pool2d, is_nan_where_a_window_has_one)
{
    for (int how = 0; how < 2; how++)
        for (int stride = 1; stride < 4; stride++) {
            rv_tensor *x = rv_zeros(RV_F32, 1, 2, 6, 6);
            ((float *)x->data)[7] = NAN;
            const rv_tensor *y = rv_max_pool2d(lying(x, how), 2, .stride = stride);
            for (int64_t i = 0; i < y->numel; i++) {
                const int64_t h = i / y->shape[3] % y->shape[2] * stride;
                const int64_t w = i % y->shape[3] * stride;
                const bool has_nan =
                    i < y->shape[2] * y->shape[3] && h <= 1 && h + 1 >= 1 && w <= 1 && w + 1 >= 1;
                cr_expect_eq(isnan(at(y, i)) != 0, has_nan, "stride %d, order %d, %d", stride, how,
                             (int)i);
            }
        }
}

Test(max_pool2d, of_nothing_but_minus_infinity)
{
    for (int how = 0; how < 2; how++) {
        rv_tensor *x = rv_require_grad(lying(rv_full(-(double)INFINITY, RV_F64, 1, 2, 4, 4), how));
        const rv_pooled y = rv_max_pool2d_with_indices(x, 3, .stride = 2, .padding = 1);
        cr_expect(at(y.values, 0) == -(double)INFINITY);
        cr_expect(HOLDS(y.indices, 0, 0, 1, 4, 5, 0, 1, 4, 5), "the first of each window");
        rv_tensor *g = rv_ones_like(y.values);
        rv_tensor **got = rv_gradients(&y.values, 1, &x, 1, .gradients = &g);
        cr_expect_eq(rv_item(rv_sum(got[0])), 8);
        cr_expect(no_error());
    }
}

/* ---- linear maps ----------------------------------------------------------------------------- */

/* Channels-last gives what row-major gives, and lies likewise; so do the gradients. */
static void check_orders(const char *what, rv_tensor *(*map)(rv_tensor *))
{
    RV_SCOPE;
    rv_seed(4);
    rv_tensor *x = rv_randn(RV_F32, 2, 19, 13, 11), *results[2][2];
    for (int how = 0; how < 2; how++) {
        rv_tensor *leaf = rv_require_grad(lying(x, how));
        rv_tensor *y = map(leaf), *g = rv_arange(RV_F32, 0, (double)y->numel, 1);
        g = lying(rv_reshape_n(g, 4, y->shape), how);
        rv_tensor **got = rv_gradients(&y, 1, &leaf, 1, .gradients = &g);
        cr_assert(no_error());
        results[how][0] = y;
        results[how][1] = got[0];
    }
    for (int i = 0; i < 2; i++) {
        reason why = {""};
        cr_expect(is_near(results[1][i], results[0][i], 1e-6, &why), "%s, %d: %s", what, i,
                  why.text);
        cr_expect(rv_is_contiguous(results[0][i]), "%s, %d", what, i);
        cr_expect(rv_is_channels_last(results[1][i]), "%s, %d", what, i);
    }
}

static rv_tensor *averaged(rv_tensor *x)
{
    return rv_avg_pool2d(x, 3, .stride = 2, .padding = 1);
}
static rv_tensor *adapted(rv_tensor *x)
{
    return rv_adaptive_avg_pool2d(x, {4, 5});
}
static rv_tensor *enlarged(rv_tensor *x)
{
    return rv_interpolate(x, .size = {29, 17}, .mode = RV_BILINEAR);
}
static rv_tensor *repeated(rv_tensor *x)
{
    return rv_interpolate(x, .scale = 2);
}

Test(linear_maps, are_the_same_in_both_orders)
{
    check_orders("avg_pool2d", averaged);
    check_orders("adaptive_avg_pool2d", adapted);
    check_orders("bilinear", enlarged);
    check_orders("nearest", repeated);
}

/* The mean of equal elements is that element, exactly, and interpolation keeps a constant. */
Test(linear_maps, keep_constants)
{
    rv_tensor *x = rv_full(0.1, RV_F32, 1, 2, 9, 9);
    cr_expect(rv_equal(rv_avg_pool2d(x, 3), rv_full(0.1, RV_F32, 1, 2, 3, 3)));
    cr_expect(
        rv_all_close(rv_adaptive_avg_pool2d(x, 4), rv_full(0.1, RV_F32, 1, 2, 4, 4), 2e-7, 0));
    cr_expect(rv_all_close(rv_interpolate(x, .size = 20, .mode = RV_BILINEAR),
                           rv_full(0.1, RV_F32, 1, 2, 20, 20), 2e-7, 0));
}

Test(pooling, is_the_same_for_any_number_of_threads)
{
    for (int how = 0; how < 2; how++) {
        RV_SCOPE;
        rv_seed(2);
        rv_tensor *x = rv_require_grad(lying(rv_randn(RV_F32, 8, 20, 31, 33), how)), *first[4];
        for (int threads = 1; threads <= 3; threads += 2) {
            rv_set_threads(threads);
            rv_tensor *y = rv_max_pool2d(x, 3, .stride = 2), *z = averaged(x);
            rv_tensor *const now[] = {y, z, rv_gradients(&y, 1, &x, 1, .gradients = &y)[0],
                                      rv_gradients(&z, 1, &x, 1, .gradients = &z)[0]};
            for (int i = 0; i < 4; i++) {
                if (threads == 1)
                    first[i] = now[i];
                else
                    cr_expect(rv_equal(first[i], now[i]), "result %d, order %d", i, how);
            }
        }
        cr_expect(no_error());
    }
    rv_set_threads(0);
}

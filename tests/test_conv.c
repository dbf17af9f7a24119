/* test_conv.c - convolutions of all shapes and ways of computing, against the sum that defines
 * them.
 *
 * The table of samples has small ones in F64; these are large enough for every way (in place or
 * packed, whole blocks of channels or not, bands, phases, Winograd), in F32, as networks run them,
 * and in F64.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

#include "core/conv.h"
#include "core/memory.h"

typedef struct conv_case {
    const char *name;
    int64_t n, c, h, w, k, kh, kw;
    int64_t stride[2], padding[2], dilation[2], groups;
} conv_case;

#define ONE  \
    {        \
        1, 1 \
    }
#define NONE \
    {        \
        0, 0 \
    }

/* W: what is computed by Winograd's transforms. */
static const conv_case cases[] = {
    {"lenet", 3, 1, 28, 28, 6, 5, 5, ONE, {2, 2}, ONE, 1},
    {"lenet, second", 3, 6, 14, 14, 16, 5, 5, ONE, NONE, ONE, 1},
    {"first layer", 2, 3, 32, 32, 16, 3, 3, ONE, {1, 1}, ONE, 1},
    {"W 16 channels", 2, 16, 32, 32, 16, 3, 3, ONE, {1, 1}, ONE, 1},
    {"W 32 to 48", 3, 32, 16, 12, 48, 3, 3, ONE, {1, 1}, ONE, 1},
    {"W cut tiles", 5, 16, 7, 10, 32, 3, 3, ONE, {1, 1}, ONE, 1},
    {"W no padding", 9, 16, 9, 8, 16, 3, 3, ONE, NONE, ONE, 1},
    {"W more padding", 5, 16, 5, 6, 16, 3, 3, ONE, {2, 3}, ONE, 1},
    {"W small images", 40, 64, 8, 8, 64, 3, 3, ONE, {1, 1}, ONE, 1},
    {"W many channels", 4, 160, 8, 8, 144, 3, 3, ONE, {1, 1}, ONE, 1},
    {"W more blocks than one", 30, 16, 13, 16, 16, 3, 3, ONE, {1, 1}, ONE, 1},
    {"too few tiles", 1, 16, 8, 8, 16, 3, 3, ONE, {1, 1}, ONE, 1},
    {"17 channels", 2, 17, 9, 11, 16, 3, 3, ONE, {1, 1}, ONE, 1},
    {"to 24 channels", 2, 16, 16, 16, 24, 3, 3, ONE, {1, 1}, ONE, 1},
    {"to 29 channels", 2, 16, 16, 16, 29, 3, 3, ONE, {1, 1}, ONE, 1},
    {"stride 2", 3, 16, 32, 32, 32, 3, 3, {2, 2}, {1, 1}, ONE, 1},
    {"stride 2, odd", 3, 16, 15, 17, 32, 3, 3, {2, 2}, {1, 1}, ONE, 1},
    {"shortcut", 3, 16, 32, 32, 32, 1, 1, {2, 2}, NONE, ONE, 1},
    {"pointwise", 3, 24, 10, 9, 40, 1, 1, ONE, NONE, ONE, 1},
    {"stem", 1, 3, 56, 57, 24, 7, 7, {2, 2}, {3, 3}, ONE, 1},
    {"patches", 2, 3, 32, 32, 20, 8, 8, {8, 8}, NONE, ONE, 1},
    {"stride above kernel", 2, 5, 30, 31, 9, 2, 3, {4, 5}, {1, 2}, ONE, 1},
    {"dilated", 2, 8, 21, 20, 12, 3, 3, ONE, {2, 2}, {2, 2}, 1},
    {"dilated, strided", 2, 7, 21, 20, 5, 3, 2, {2, 3}, {3, 1}, {3, 4}, 1},
    {"groups", 2, 12, 11, 13, 18, 3, 3, {1, 2}, {1, 0}, ONE, 3},
    {"depthwise", 2, 10, 12, 14, 10, 3, 3, ONE, {1, 1}, ONE, 10},
    {"depthwise, few", 2, 3, 12, 14, 3, 3, 3, ONE, {1, 1}, ONE, 3},
    {"depthwise, 8", 3, 8, 9, 7, 8, 3, 3, {2, 2}, {1, 1}, ONE, 8},
    {"depthwise, 16", 2, 16, 30, 31, 16, 5, 5, ONE, {2, 2}, ONE, 16},
    {"depthwise, in place", 2, 32, 15, 26, 32, 3, 3, ONE, NONE, ONE, 32},
    {"depthwise, strided", 2, 37, 15, 14, 37, 3, 4, {2, 3}, {1, 0}, ONE, 37},
    {"depthwise, dilated", 2, 20, 21, 20, 20, 3, 2, {2, 1}, {3, 1}, {3, 4}, 20},
    {"depthwise, not all seen", 2, 18, 30, 31, 18, 2, 3, {4, 5}, {1, 2}, ONE, 18},
    {"depthwise, one row", 3, 24, 1, 200, 24, 1, 9, {1, 3}, {0, 4}, ONE, 24},
    {"depthwise, one tap", 3, 65, 9, 8, 65, 1, 1, {1, 2}, NONE, ONE, 65},
    {"depthwise, bands", 1, 40, 70, 90, 40, 5, 3, ONE, {2, 1}, ONE, 40},
    {"depthwise, many", 2, 512, 7, 7, 512, 3, 3, ONE, {1, 1}, ONE, 512},
    {"depthwise, two outputs", 2, 16, 9, 8, 32, 3, 3, ONE, {1, 1}, ONE, 16},
    {"one row", 3, 6, 1, 200, 7, 1, 9, {1, 3}, {0, 4}, ONE, 1},
    {"one column", 3, 6, 90, 1, 7, 5, 1, ONE, {2, 0}, ONE, 1},
    {"whole image", 20, 4, 5, 6, 33, 5, 6, ONE, NONE, ONE, 1},
    {"bands", 1, 8, 130, 300, 4, 5, 3, ONE, {2, 1}, ONE, 1},
    {"far padding", 1, 2, 3, 4, 3, 2, 2, {3, 2}, {5, 6}, ONE, 1},
};

static rv_conv_shape shape_of(const conv_case *c)
{
    rv_conv_shape s = {.in = {c->h, c->w}, .kernel = {c->kh, c->kw}, .groups = c->groups};
    memcpy(s.stride, c->stride, sizeof s.stride);
    memcpy(s.padding, c->padding, sizeof s.padding);
    memcpy(s.dilation, c->dilation, sizeof s.dilation);
    for (int i = 0; i < 2; i++)
        s.out[i] =
            (s.in[i] + 2 * s.padding[i] - s.dilation[i] * (s.kernel[i] - 1) - 1) / s.stride[i] + 1;
    return s;
}

/* ---- the definition ------------------------------------------------------------------------- */

/* In double, on row-major arrays: every product is added to y (which 0), x (1) or w (2). */
static void define(const conv_case *c, const rv_conv_shape *s, double *x, double *w, double *y,
                   int which)
{
    const int64_t cg = c->c / c->groups, kg = c->k / c->groups;
    for (int64_t n = 0; n < c->n; n++)
        for (int64_t k = 0; k < c->k; k++)
            for (int64_t ch = 0; ch < cg; ch++)
                for (int64_t a = 0; a < c->kh; a++)
                    for (int64_t b = 0; b < c->kw; b++) {
                        double *const weight = &w[((k * cg + ch) * c->kh + a) * c->kw + b];
                        const int64_t channel = k / kg * cg + ch;
                        for (int64_t i = 0; i < s->out[0]; i++)
                            for (int64_t j = 0; j < s->out[1]; j++) {
                                const int64_t row =
                                    i * s->stride[0] + a * s->dilation[0] - s->padding[0];
                                const int64_t column =
                                    j * s->stride[1] + b * s->dilation[1] - s->padding[1];
                                if (row < 0 || row >= c->h || column < 0 || column >= c->w)
                                    continue;
                                double *const in =
                                    &x[((n * c->c + channel) * c->h + row) * c->w + column];
                                double *const out =
                                    &y[((n * c->k + k) * s->out[0] + i) * s->out[1] + j];
                                if (which == 0)
                                    *out += *weight * *in;
                                else if (which == 1)
                                    *in += *weight * *out;
                                else
                                    *weight += *in * *out;
                            }
                    }
}

/* ---- one case ------------------------------------------------------------------------------- */

typedef struct conv_data {
    rv_tensor *x, *w, *g;            /* F32 */
    rv_tensor *y, *dx, *dw;          /* as defined, F64 */
    double y_size, dx_size, dw_size; /* the standard deviations of sums of so many products */
} conv_data;

static rv_tensor *doubled(const rv_tensor *t)
{
    return rv_raw_copy("test", rv_raw_cast("test", t, RV_F64));
}

static double *values(rv_tensor *t)
{
    return (double *)(void *)t->data;
}

/* Normally distributed multiples of 2^-12: a product of two is one of 2^-24, exact in F64, as is
 * every sum of them here; and too fine for F32, which rounds. */
static rv_tensor *coarse(const int64_t shape[4])
{
    rv_tensor *t = rv_randn_n(RV_F32, 4, shape);
    float *values = (float *)(void *)t->data;
    for (int64_t i = 0; i < t->numel; i++)
        values[i] = roundf(values[i] * 4096) / 4096;
    return t;
}

static conv_data make(const conv_case *c, const rv_conv_shape *s)
{
    rv_seed(7);
    conv_data d;
    d.x = coarse((int64_t[]){c->n, c->c, c->h, c->w});
    d.w = coarse((int64_t[]){c->k, c->c / c->groups, c->kh, c->kw});
    d.g = coarse((int64_t[]){c->n, c->k, s->out[0], s->out[1]});
    rv_tensor *x = doubled(d.x), *w = doubled(d.w), *g = doubled(d.g);
    d.y = rv_zeros_like(g);
    d.dx = rv_zeros_like(x);
    d.dw = rv_zeros_like(w);
    define(c, s, values(x), values(w), values(d.y), 0);
    define(c, s, values(d.dx), values(w), values(g), 1);
    define(c, s, values(x), values(d.dw), values(g), 2);
    const double window = (double)(c->c / c->groups * c->kh * c->kw);
    d.y_size = sqrt(window);
    d.dx_size = sqrt((double)(c->k / c->groups * c->kh * c->kw));
    d.dw_size = sqrt((double)(c->n * s->out[0] * s->out[1]));
    return d;
}

/* The largest error, in units of the standard deviation that a sum of so many products has. */
static double error(const rv_tensor *got, const rv_tensor *want, double size)
{
    double largest = 0;
    const rv_tensor *a = rv_raw_copy("test", rv_raw_cast("test", got, RV_F64));
    for (int64_t i = 0; i < want->numel; i++) {
        const double e =
            fabs(((const double *)(const void *)a->data)[i] - values((rv_tensor *)want)[i]) / size;
        if (!(e <= largest)) /* NaN too */
            largest = e;
    }
    return largest;
}

static rv_tensor *with_layout(const rv_tensor *t, int how)
{
    if (how == LAYOUT_COUNT) { /* channels last */
        rv_tensor *last = rv_raw_copy("test", rv_raw_permute("test", t, 4, (int[]){0, 2, 3, 1}));
        return rv_raw_permute("test", last, 4, (int[]){0, 3, 1, 2});
    }
    return laid_out(t, (layout)how);
}

/* In those units. The errors of these cases are up to 3.1e-6 and 1.1e-5: direct sums round as
 * chains of products do, Winograd's transforms as docs/convolution.md says. */
#define TOLERANCE_DIRECT 4e-6
#define TOLERANCE_WINOGRAD 2e-5
/* Sums of such numbers (see `coarse`) are exact in F64, in any order. */
#define TOLERANCE_F64 0

static void check(const conv_case *c, const rv_conv_shape *s, const conv_data *d, rv_dtype dtype,
                  int how)
{
    const double tolerance = dtype == RV_F64     ? TOLERANCE_F64
                             : c->name[0] == 'W' ? TOLERANCE_WINOGRAD
                                                 : TOLERANCE_DIRECT;
    rv_tensor *x = with_layout(rv_raw_cast("test", d->x, dtype), how);
    rv_tensor *w = with_layout(rv_raw_cast("test", d->w, dtype), how);
    rv_tensor *g = with_layout(rv_raw_cast("test", d->g, dtype), how);
    rv_tensor *y = rv_conv_empty("test", dtype, c->n, c->k, s->out);
    rv_tensor *dx = rv_conv_empty("test", dtype, c->n, c->c, s->in);
    rv_tensor *dw = rv_empty_n(dtype, 4, d->w->shape);
    cr_assert(rv_conv_forward("test", s, x, w, NULL, y));
    cr_assert(rv_conv_input_grad("test", s, g, w, dx));
    cr_assert(rv_conv_weight_grad("test", s, x, g, dw));
    cr_expect_leq(error(y, d->y, d->y_size), tolerance, "%s, layout %d: forward is off by %g",
                  c->name, how, error(y, d->y, d->y_size));
    cr_expect_leq(error(dx, d->dx, d->dx_size), tolerance, "%s, layout %d: input grad off by %g",
                  c->name, how, error(dx, d->dx, d->dx_size));
    cr_expect_leq(error(dw, d->dw, d->dw_size), tolerance, "%s, layout %d: weight grad off by %g",
                  c->name, how, error(dw, d->dw, d->dw_size));
    if (getenv("RV_TEST_VERBOSE") != NULL)
        fprintf(stderr, "%-24s %d %8.1e %8.1e %8.1e\n", c->name, how, error(y, d->y, d->y_size),
                error(dx, d->dx, d->dx_size), error(dw, d->dw, d->dw_size));
}

Test(conv, is_what_defines_it)
{
    for (int i = 0; i < RV_COUNT(cases); i++) {
        RV_SCOPE;
        const rv_conv_shape s = shape_of(&cases[i]);
        const conv_data d = make(&cases[i], &s);
        for (int how = 0; how <= LAYOUT_COUNT; how++) {
            RV_SCOPE;
            check(&cases[i], &s, &d, RV_F32, how);
            check(&cases[i], &s, &d, RV_F64, how);
        }
    }
    cr_assert(no_error());
}

/* ---- what else must hold -------------------------------------------------------------------- */

Test(conv, a_bias_is_added_to_every_pixel)
{
    for (int i = 0; i < RV_COUNT(cases); i++) {
        RV_SCOPE;
        const conv_case *c = &cases[i];
        const rv_conv_shape s = shape_of(c);
        rv_tensor *x = rv_randn(RV_F32, c->n, c->c, c->h, c->w);
        rv_tensor *w = rv_randn(RV_F32, c->k, c->c / c->groups, c->kh, c->kw);
        rv_tensor *bias = rv_slice(rv_randn(RV_F32, 2 * c->k), .step = 2);
        rv_tensor *y = rv_conv_empty("test", RV_F32, c->n, c->k, s.out);
        rv_tensor *biased = rv_conv_empty("test", RV_F32, c->n, c->k, s.out);
        cr_assert(rv_conv_forward("test", &s, x, w, NULL, y));
        cr_assert(rv_conv_forward("test", &s, x, w, bias, biased));
        rv_tensor *want = rv_add(y, rv_reshape(bias, c->k, 1, 1));
        cr_expect(rv_all_close(biased, want, 0, 2e-5 * sqrt((double)w->numel / (double)c->k)), "%s",
                  c->name);
    }
    cr_assert(no_error());
}

/* Same bits for 1, 2 and 5 threads, and when done again. */
Test(conv, does_not_depend_on_threads)
{
    for (int i = 0; i < RV_COUNT(cases); i++) {
        RV_SCOPE;
        const conv_case *c = &cases[i];
        const rv_conv_shape s = shape_of(c);
        rv_seed(11);
        rv_tensor *x = rv_randn(RV_F32, c->n, c->c, c->h, c->w);
        rv_tensor *w = rv_randn(RV_F32, c->k, c->c / c->groups, c->kh, c->kw);
        rv_tensor *g = rv_randn(RV_F32, c->n, c->k, s.out[0], s.out[1]);
        rv_tensor *first[3] = {NULL};
        for (int threads = 1; threads <= 5; threads += threads == 2 ? 3 : 1) {
            rv_set_threads(threads);
            rv_tensor *now[] = {rv_conv_empty("test", RV_F32, c->n, c->k, s.out),
                                rv_conv_empty("test", RV_F32, c->n, c->c, s.in),
                                rv_empty_n(RV_F32, 4, w->shape)};
            cr_assert(rv_conv_forward("test", &s, x, w, NULL, now[0]));
            cr_assert(rv_conv_input_grad("test", &s, g, w, now[1]));
            cr_assert(rv_conv_weight_grad("test", &s, x, g, now[2]));
            for (int k = 0; k < 3; k++) {
                if (threads == 1)
                    first[k] = now[k];
                cr_expect(rv_equal(now[k], first[k]), "%s, %d threads, result %d", c->name, threads,
                          k);
            }
        }
        rv_set_threads(0);
    }
    cr_assert(no_error());
}

/* And so does what is computed from it. */
Test(conv, lies_channels_last)
{
    rv_tensor *x = rv_randn(RV_F32, 2, 3, 8, 9), *w = rv_randn(RV_F32, 5, 3, 3, 3);
    rv_tensor *y = rv_conv2d(x, w, .padding = 1);
    const int64_t want[] = {8 * 9 * 5, 1, 9 * 5, 5};
    for (int i = 0; i < 4; i++)
        cr_expect_eq(y->strides[i], want[i], "axis %d", i);
    cr_expect_eq(rv_relu(y)->strides[1], 1);
    cr_assert(no_error());
}

/* Out of memory for what is packed is an error, and nothing else. */
Test(conv, out_of_memory_is_an_error)
{
    rv_tensor *x = rv_ones(RV_F32, 1, 1, 1, 1), *w = rv_ones(RV_F32, 1, 1, 2, 2);
    const int64_t far = (int64_t)1 << 24;
    rv_tensor *y = rv_conv2d(x, w, .padding = far, .stride = 2 * far, .dilation = 2 * far);
    cr_expect_null(y);
    cr_expect(error_is(RV_ERROR_MEMORY, "conv2d"));
    rv_tensor *image = rv_ones(RV_F32, 1, 16, 64, 64), *weight = rv_ones(RV_F32, 512, 16, 9, 9);
    rv_memory_limit(rv_memory_usage().held + ((size_t)1 << 20));
    cr_expect_null(rv_conv2d(image, weight));
    cr_expect(error_is(RV_ERROR_MEMORY, "conv2d"));
    rv_memory_limit(0);
}

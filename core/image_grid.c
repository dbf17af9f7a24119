/* image_grid.c - a batch of images becomes one picture.
 *
 * The picture is filled with its background; then each image is scaled to bytes and written into
 * its cell, pixel by pixel, with the channels last.
 */

#include <math.h>
#include <string.h>

#include "core/image.h"
#include "core/integers.h"
#include "core/tensor_make.h"

static const char who[] = "image_grid";

#define BYTES_LIMIT ((int64_t)1 << 28)

/* What values become 0 and 255. */
typedef struct range {
    double low, high;
} range;

/* The images, as [n,channels,height,width], and how they are laid out. */
typedef struct grid {
    const rv_tensor *images;
    int64_t n, channels, height, width;
    int64_t columns, rows, padding;
} grid;

/* ---- checking -------------------------------------------------------------------------------- */

static bool check_options(const rv_image_grid_options *o)
{
    if (o->columns < 1 || o->padding < 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%lld columns, padding %lld; at least 1 and 0",
                       (long long)o->columns, (long long)o->padding);
    if (o->background < 0 || o->background > 255)
        return rv_fail(RV_ERROR_ARGUMENT, who, "background is %d; 0 to 255", o->background);
    if (!isfinite(o->low) || !isfinite(o->high) || !(o->low < o->high))
        return rv_fail(RV_ERROR_ARGUMENT, who, "from %g to %g; low must be below high", o->low,
                       o->high);
    const bool scaled = o->normalize || o->scale_each || o->low != 0 || o->high != 1;
    if (scaled && o->images->dtype == RV_U8)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "U8 images are taken as they are; low, high, normalize and scale_each are "
                       "for floating ones");
    return true;
}

static bool check_images(const rv_tensor *t, grid *g)
{
    const int axes = t->ndim;
    if (t->dtype == RV_I64 || (axes != 3 && axes != 4) || t->numel == 0 ||
        (axes == 4 && t->shape[1] > 4))
        return rv_fail(RV_ERROR_SHAPE, who,
                       "the images are %s %s; F32, F64 or U8 [n,1 to 4,height,width] or "
                       "[n,height,width], none of them 0, make a picture",
                       rv_dtype_name(t->dtype), RV_SHAPE_OF(t));
    *g = (grid){.images = t,
                .n = t->shape[0],
                .channels = axes == 4 ? t->shape[1] : 1,
                .height = t->shape[axes - 2],
                .width = t->shape[axes - 1]};
    return true;
}

/* count * (size + padding) + padding; -1 if that is beyond the limit. */
static int64_t extent(int64_t count, int64_t size, int64_t padding)
{
    int64_t pixels;
    if (__builtin_add_overflow(size, padding, &pixels) ||
        __builtin_mul_overflow(pixels, count, &pixels) ||
        __builtin_add_overflow(pixels, padding, &pixels))
        return -1;
    return pixels <= BYTES_LIMIT ? pixels : -1;
}

static rv_tensor *make_picture(const grid *g, int background)
{
    const int64_t height = extent(g->rows, g->height, g->padding);
    const int64_t width = extent(g->columns, g->width, g->padding);
    if (height < 0 || width < 0 || height * width > BYTES_LIMIT / g->channels)
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "%s in %lld columns with padding %lld is more than 2^28 bytes",
                            RV_SHAPE_OF(g->images), (long long)g->columns, (long long)g->padding);
    rv_tensor *picture = rv_make(who, RV_U8, 3, (int64_t[]){height, width, g->channels});
    if (picture != NULL)
        memset(picture->data, background, (size_t)picture->numel);
    return picture;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The element of image i at that channel and pixel. */
static double value_at(const grid *g, int64_t i, int64_t channel, int64_t y, int64_t x)
{
    const rv_tensor *t = g->images;
    const int64_t *step = t->strides + t->ndim - 2;
    int64_t at = i * t->strides[0] + y * step[0] + x * step[1];
    if (t->ndim == 4)
        at += channel * t->strides[1];
    return t->dtype == RV_F32   ? (double)((const float *)t->data)[at]
           : t->dtype == RV_F64 ? ((const double *)t->data)[at]
                                : (double)((const uint8_t *)t->data)[at];
}

/* The least and the largest finite value of images first to last - 1; 0 to 0 if there is none. */
static range range_of(const grid *g, int64_t first, int64_t last)
{
    range r = {INFINITY, -INFINITY};
    for (int64_t i = first; i < last; i++)
        for (int64_t c = 0; c < g->channels; c++)
            for (int64_t y = 0; y < g->height; y++)
                for (int64_t x = 0; x < g->width; x++) {
                    const double value = value_at(g, i, c, y, x);
                    if (isfinite(value)) {
                        r.low = fmin(r.low, value);
                        r.high = fmax(r.high, value);
                    }
                }
    return r.low <= r.high ? r : (range){0, 0};
}

static uint8_t byte_of(double value, range r)
{
    if (isnan(value) || value <= r.low)
        return 0;
    if (value >= r.high)
        return 255;
    const double span = r.high - r.low; /* not 0, but it may overflow */
    const double part = isfinite(span) ? (value - r.low) / span
                                       : (value / 2 - r.low / 2) / (r.high / 2 - r.low / 2);
    return (uint8_t)floor(255 * part + 0.5);
}

static void put_image(const grid *g, int64_t i, range r, rv_tensor *picture)
{
    const int64_t top = g->padding + i / g->columns * (g->height + g->padding);
    const int64_t left = g->padding + i % g->columns * (g->width + g->padding);
    for (int64_t y = 0; y < g->height; y++) {
        uint8_t *to =
            (uint8_t *)picture->data + ((top + y) * picture->shape[1] + left) * g->channels;
        for (int64_t x = 0; x < g->width; x++)
            for (int64_t c = 0; c < g->channels; c++)
                *to++ = byte_of(value_at(g, i, c, y, x), r);
    }
}

rv_tensor *rv_image_grid_with(const rv_image_grid_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    grid g;
    if (!rv_check(who, 0, options->images) || !check_options(options) ||
        !check_images(options->images, &g))
        return NULL;
    g.columns = rv_smaller(options->columns, g.n);
    g.rows = rv_quotient_up(g.n, g.columns);
    g.padding = options->padding;
    rv_tensor *picture = make_picture(&g, options->background);
    if (picture == NULL)
        return NULL;
    range r = {options->low, options->high};
    if (g.images->dtype == RV_U8)
        r = (range){0, 255};
    else if (options->normalize && !options->scale_each)
        r = range_of(&g, 0, g.n);
    for (int64_t i = 0; i < g.n; i++) {
        if (options->scale_each)
            r = range_of(&g, i, i + 1);
        put_image(&g, i, r, picture);
    }
    return picture;
}

/* image_resize.c - another size for an image: first its rows are made as wide as wanted, then there
 * are as many made of them as wanted.
 *
 * Both are the same sum: a new pixel is a weighted average of old ones in a line. The weights are a
 * triangle, wide enough that every old pixel counts: a smaller image does not skip any.
 */

#include <math.h>

#include "core/image.h"
#include "core/integers.h"
#include "core/memory.h"
#include "core/tensor_make.h"

static const char who[] = "image_resize";

#define BYTES_LIMIT ((int64_t)1 << 28)

/* Which old pixels make a new one, and with what weights, that sum to 1. */
typedef struct taps {
    int64_t first, n;
    double *weight; /* [n] */
} taps;

/* The most taps that a new pixel can have. */
static int64_t most_taps(int64_t from, int64_t to)
{
    return 2 * rv_quotient_up(from, to) + 3;
}

static void find_taps(int64_t from, int64_t to, int64_t i, taps *t)
{
    const double step = (double)from / (double)to, reach = step > 1 ? step : 1;
    const double middle = ((double)i + 0.5) * step;
    t->first = rv_larger((int64_t)floor(middle - reach), 0);
    t->n = rv_smaller((int64_t)ceil(middle + reach), from) - t->first;
    double sum = 0;
    for (int64_t j = 0; j < t->n; j++) {
        const double away = fabs((double)(t->first + j) + 0.5 - middle) / reach;
        t->weight[j] = away < 1 ? 1 - away : 0;
        sum += t->weight[j];
    }
    for (int64_t j = 0; j < t->n; j++)
        t->weight[j] /= sum;
}

/* [outer, from, inner] becomes [outer, to, inner], averaged along the middle. */
static rv_tensor *resize_axis(const rv_tensor *t, int64_t outer, int64_t from, int64_t to,
                              int64_t inner)
{
    rv_tensor *made = rv_make(who, RV_U8, 3, (int64_t[]){outer, to, inner});
    const size_t bytes = (size_t)most_taps(from, to) * sizeof(double);
    taps at = {.weight = made ? rv_memory_get(who, bytes) : NULL};
    if (at.weight == NULL)
        return NULL;
    const uint8_t *old = (const uint8_t *)t->data;
    uint8_t *new = (uint8_t *)made->data;
    for (int64_t i = 0; i < to; i++) {
        find_taps(from, to, i, &at);
        for (int64_t o = 0; o < outer; o++) {
            for (int64_t k = 0; k < inner; k++) {
                double sum = 0;
                for (int64_t j = 0; j < at.n; j++)
                    sum += at.weight[j] * old[(o * from + at.first + j) * inner + k];
                new[(o * to + i) * inner + k] = (uint8_t)(sum + 0.5);
            }
        }
    }
    rv_memory_put(at.weight, bytes);
    return made;
}

rv_tensor *rv_image_resize(const rv_tensor *image, int64_t height, int64_t width)
{
    RV_SCOPE;
    if (!rv_check(who, 0, image))
        return NULL;
    if (image->dtype != RV_U8 || image->ndim != 3 || image->numel == 0)
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "the image is %s %s; U8 [height,width,channels] is expected",
                            rv_dtype_name(image->dtype), RV_SHAPE_OF(image));
    const int64_t rows = image->shape[0], columns = image->shape[1], channels = image->shape[2];
    const int64_t larger = rv_larger(rows, height); /* the first result has the old rows */
    if (height < 1 || width < 1 || width > BYTES_LIMIT / channels / larger)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "%s to %lld by %lld; sizes are from 1, at most 2^28 bytes",
                            RV_SHAPE_OF(image), (long long)height, (long long)width);
    rv_tensor *t = rv_raw_contiguous(who, image);
    t = t ? resize_axis(t, rows, columns, width, channels) : NULL;
    t = t ? resize_axis(t, 1, rows, height, width * channels) : NULL;
    return t ? rv_keep(rv_raw_reshape(who, t, 3, (int64_t[]){height, width, channels})) : NULL;
}

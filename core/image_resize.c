/* image_resize.c - another size for an image: first its rows are made as wide as wanted, then there
 * are as many made of them as wanted.
 */

#include "core/image.h"
#include "core/integers.h"
#include "core/resample.h"
#include "core/tensor_make.h"

static const char who[] = "image_resize";

#define BYTES_LIMIT ((int64_t)1 << 28)

/* [outer, from, inner] becomes [outer, to, inner], averaged along the middle. */
static rv_tensor *resize_axis(const rv_tensor *t, int64_t outer, int64_t from, int64_t to,
                              int64_t inner)
{
    rv_tensor *made = rv_make(who, RV_U8, 3, (int64_t[]){outer, to, inner});
    return made && rv_resample(who, RV_U8, t->data, made->data, outer, from, to, inner) ? made
                                                                                        : NULL;
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

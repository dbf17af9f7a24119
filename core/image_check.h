/* image_check.h - an image file in memory, before it is decoded. Private to core/. */
#ifndef RV_CORE_IMAGE_CHECK_H
#define RV_CORE_IMAGE_CHECK_H

#include "core/macros.h"

typedef struct rv_picture {
    const char *path;
    int channels; /* wanted; 0: as in the file */
    int64_t max_pixels;
    unsigned char *bytes; /* [size] */
    int64_t size;
} rv_picture;

/* Records that the file is wrong, in words that follow its path; false. */
bool rv_picture_damaged(const rv_picture *p, const char *what);

/* Whether an image of that size, 1 by 1 at least, may be; `limit` is how many pixels a file of this
 * size can hold. */
bool rv_picture_check_size(const rv_picture *p, int64_t width, int64_t height, int64_t limit);

/* Whether a file that begins as a BMP file is one that can be decoded: its pixels are all there,
 * and all have a colour. */
bool rv_picture_check_bitmap(const rv_picture *p);

#endif

/* image.h - PNG, JPEG and BMP images as tensors. */
#ifndef RV_CORE_IMAGE_H
#define RV_CORE_IMAGE_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_image_options {
    const char *path;
    int channels; /* default 0: as in the file; 1 to 4: converted to gray, gray and alpha, red,
                     green and blue, those and alpha */
    int64_t max_pixels; /* default 2^26 (64 megapixels); 1 to 2^28; larger images are refused */
} rv_image_options;

/* rv_image_read("a.jpg", .channels = 3): the PNG, JPEG or BMP image at `path` (told by its first
 * bytes, not by its name) as U8 [height, width, channels]: 1 channel is gray, 2 gray and alpha, 3
 * red, green, blue, 4 those and alpha. Palettes become colours, and of 16 bits the upper 8 are
 * kept.
 *
 * Errors: RV_ERROR_FILE if the file is missing or cannot be read; RV_ERROR_FORMAT if it is none of
 * these, ends early or is damaged (PNG's checksums are checked; the others have none, so that a
 * wrong bit among its pixels may be seen only by the eye), is too large, or says that it is larger
 * than a file of its size can be; all before memory is taken for the pixels. */
#define rv_image_read(...) \
    RV_OPTIONS(rv_image_read_with, rv_image_options, .max_pixels = 1 << 26, .path = __VA_ARGS__)
RV_API rv_tensor *rv_image_read_with(const rv_image_options *options);

/* U8 [height, width, channels] of another size: each new pixel is the average of the old ones under
 * a triangle around it, which is as wide as the step from one to the next, or as an old pixel,
 * whichever is larger (as Pillow's BILINEAR). Errors: not U8 with 3 axes, a size below 1, more than
 * 2^28 bytes. */
RV_API rv_tensor *rv_image_resize(const rv_tensor *image, int64_t height, int64_t width);

typedef struct rv_image_grid_options {
    const rv_tensor *images; /* [n,channels,height,width], or [n,height,width] for gray; any strides
                                that are; F32, F64 or U8; 1 to 4 channels */
    int64_t columns;  /* default 8; >= 1: how many images stand in a row, n if that is less */
    int64_t padding;  /* default 2; >= 0: pixels between the images, and around them all */
    int background;   /* default 0; 0 to 255: of the padding, and where no image is */
    double low, high; /* default 0, 1; finite, low < high: the values that become 0 and 255 */
    bool normalize;   /* default false; true: low and high are instead the least and the
                         largest finite value of all images, */
    bool scale_each;  /* and with this, also without normalize, of each image its own */
} rv_image_grid_options;

/* rv_image_grid(images, .columns = 8): a batch as one picture for rv_image_write, U8 [height,
 * width, channels], row by row in the order of the batch. A value v becomes
 *
 *     floor(255 * min(max((v - low) / (high - low), 0), 1) + 1/2)
 *
 * (values all alike are 0 under normalize and scale_each), a NaN becomes 0, and an infinity what
 * the largest or least value becomes; U8 is taken as it is, and low, high and normalize may not be
 * set for it. As torchvision's make_grid and save_image, except that gray stays one channel and a
 * single image has its padding too. Errors: another dtype or number of axes, no image, an option
 * out of its range, a picture of more than 2^28 bytes. */
#define rv_image_grid(...)                                                                      \
    RV_OPTIONS(rv_image_grid_with, rv_image_grid_options, .columns = 8, .padding = 2, .low = 0, \
               .high = 1, .images = __VA_ARGS__)
RV_API rv_tensor *rv_image_grid_with(const rv_image_grid_options *options);

/* Writes U8 [height, width, channels], or [height, width] for gray, as a PNG file, which is
 * replaced only by a complete one. Any strides; 1 to 4 channels, sizes from 1, at most 2^28 bytes.
 * False with an error, and no file, otherwise. */
RV_API bool rv_image_write(const char *path, const rv_tensor *image);

RV_END_C

#endif

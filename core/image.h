/* image.h - PNG images as tensors. */
#ifndef RV_CORE_IMAGE_H
#define RV_CORE_IMAGE_H

#include "core/tensor.h"

RV_BEGIN_C

/* The PNG image at `path` as U8 [height, width, channels]: 1 channel is gray, 2 gray and alpha, 3
 * red, green, blue, 4 those and alpha. Channels are as in the file; palettes become colours, and of
 * 16 bits the upper 8 are kept. At most 2^28 bytes of pixels.
 *
 * Errors: RV_ERROR_FILE if the file is missing or cannot be read; RV_ERROR_FORMAT if it is no PNG,
 * ends early or is damaged (its checksums are checked), is too large, or says that it is larger
 * than a file of its size can be; all before memory is taken for the pixels. */
RV_API rv_tensor *rv_image_read(const char *path);

/* Writes U8 [height, width, channels], or [height, width] for gray, as a PNG file, which is
 * replaced only by a complete one. Any strides; 1 to 4 channels, sizes from 1, at most 2^28 bytes.
 * False with an error, and no file, otherwise. */
RV_API bool rv_image_write(const char *path, const rv_tensor *image);

RV_END_C

#endif

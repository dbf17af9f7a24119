/* transform_sets.h - images that tell where each pixel comes from, for the suites of transforms. */
#ifndef TESTS_TRANSFORM_SETS_H
#define TESTS_TRANSFORM_SETS_H

#include <math.h>
#include <string.h>

#include "data_sets.h"

/* Images of 2 channels; the pixel at [c,y,x] is this byte, and no pixel is 0. */
enum { CHANNELS = 2, HEIGHT = 9, WIDTH = 11, PIXELS = HEIGHT * WIDTH };

static inline int pixel(int64_t c, int64_t y, int64_t x)
{
    return (int)(1 + c * PIXELS + y * WIDTH + x);
}

/* n such images, alike but for their labels, 0 to n-1; as bytes, or as bytes that become F32. */
static inline rv_dataset *pixel_set(int64_t n, bool scale)
{
    RV_SCOPE;
    rv_tensor *x = rv_zeros(RV_U8, n, CHANNELS, HEIGHT, WIDTH),
              *y = rv_arange(RV_I64, 0, (double)n, 1);
    for (int64_t i = 0; i < x->numel; i++)
        ((uint8_t *)x->data)[i] = (uint8_t)(1 + i % (CHANNELS * PIXELS));
    return rv_data_tensors(x, y, .scale = scale);
}

/* The pixel at [c,y,x] of the image with padding around it, where y and x may be outside. */
static inline int padded_pixel(bool reflect, int64_t c, int64_t y, int64_t x)
{
    if (reflect) {
        y = y < 0 ? -y : y >= HEIGHT ? 2 * HEIGHT - 2 - y : y;
        x = x < 0 ? -x : x >= WIDTH ? 2 * WIDTH - 2 - x : x;
    }
    return y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH ? 0 : pixel(c, y, x);
}

/* A part of the padded image: where it begins, and whether it is flipped. */
typedef struct part {
    int64_t y, x;
    bool flipped;
} part;

/* Whether a sample of F32, [CHANNELS,height,width], is that part, bytes divided by 255. */
static inline bool is_part(const float *sample, int64_t height, int64_t width, bool reflect, part p)
{
    for (int64_t c = 0; c < CHANNELS; c++) {
        for (int64_t y = 0; y < height; y++) {
            for (int64_t x = 0; x < width; x++) {
                const int64_t from = p.flipped ? width - 1 - x : x;
                const int byte = padded_pixel(reflect, c, p.y + y, p.x + from);
                if (sample[(c * height + y) * width + x] != (float)byte / 255.0f)
                    return false;
            }
        }
    }
    return true;
}

/* Which part it is, of those that are not flipped or of all; how many it could be. */
static inline int find_part(const float *sample, int64_t height, int64_t width, int64_t padding,
                            bool reflect, bool flips, part *found)
{
    int count = 0;
    for (int64_t y = -padding; y + height <= HEIGHT + padding; y++)
        for (int64_t x = -padding; x + width <= WIDTH + padding; x++)
            for (int flipped = 0; flipped <= (int)flips; flipped++)
                if (is_part(sample, height, width, reflect, (part){y, x, flipped})) {
                    *found = (part){y, x, flipped};
                    count++;
                }
    return count;
}

/* Leaves no zeros in the memory that is handed out next. */
static inline void soil_memory(void)
{
    for (size_t bytes = 64; bytes <= 65536; bytes += bytes < 1024 ? 64 : bytes / 8) {
        void *block = rv_memory_get("test", bytes);
        memset(block, 0x5a, bytes);
        rv_memory_put(block, bytes);
    }
}

/* A set's samples, all in one batch. */
static inline rv_batch all_of(const rv_dataset *set)
{
    soil_memory();
    return rv_data_batch(set, 0, INT64_MAX);
}

#endif

/* test_image_grid.c - batches of images as one picture. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>

#include "helpers.h"

/* Whether a picture is [height,width,channels] of these bytes. */
#define PICTURE(t, height, width, channels, ...)                                          \
    ((t) != NULL && (t)->dtype == RV_U8 && (t)->ndim == 3 && (t)->shape[0] == (height) && \
     (t)->shape[1] == (width) && (t)->shape[2] == (channels) && HOLDS((t), 0, __VA_ARGS__))

/* n images of one pixel with these values, F64 unless cast. */
static rv_tensor *pixels(int64_t n, const double *values)
{
    return rv_from_array_n(values, RV_F64, 4, (int64_t[]){n, 1, 1, 1});
}
#define PIXELS(...) \
    pixels((int64_t)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

Test(image_grid, cells_rows_and_padding)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6};
    rv_tensor *three = rv_from_array(bytes, RV_U8, 3, 1, 1, 2);
    const rv_tensor *t = rv_image_grid(three, .columns = 2, .padding = 1, .background = 9);
    cr_expect(PICTURE(t, 5, 7, 1, 9, 9, 9, 9, 9, 9, 9, /* the last cell is empty */
                      9, 1, 2, 9, 3, 4, 9,             /* */
                      9, 9, 9, 9, 9, 9, 9,             /* */
                      9, 5, 6, 9, 9, 9, 9,             /* */
                      9, 9, 9, 9, 9, 9, 9));
    t = rv_image_grid(three, .padding = 0); /* fewer images than columns */
    cr_expect(PICTURE(t, 1, 6, 1, 1, 2, 3, 4, 5, 6));
    t = rv_image_grid(three, .columns = 1, .padding = 0);
    cr_expect(PICTURE(t, 3, 2, 1, 1, 2, 3, 4, 5, 6));
    t = rv_image_grid(rv_from_array(bytes, RV_U8, 1, 2, 3), .padding = 1); /* gray; one image */
    cr_expect(PICTURE(t, 4, 5, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0, 0));
    t = rv_image_grid(three);
    cr_expect(t != NULL && t->shape[0] == 5 && t->shape[1] == 14, "padding is 2");
    t = rv_image_grid(rv_zeros(RV_U8, 9, 3, 2, 2));
    cr_expect(t != NULL && t->shape[0] == 10 && t->shape[1] == 34, "columns are 8");
    cr_expect(no_error());
}

Test(image_grid, channels_go_last_from_any_strides)
{
    const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    rv_tensor *t = rv_from_array(bytes, RV_U8, 1, 3, 2, 2);
    cr_expect(
        PICTURE(rv_image_grid(t, .padding = 0), 2, 2, 3, 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    for (layout how = 0; how < LAYOUT_COUNT; how++) {
        const rv_tensor *same = rv_image_grid(laid_out(t, how), .padding = 0);
        cr_expect(PICTURE(same, 2, 2, 3, 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11), "layout %d", how);
    }
    const rv_tensor *turned = rv_raw_permute("test", t, 4, (int[]){0, 1, 3, 2});
    cr_expect(PICTURE(rv_image_grid(turned, .padding = 0), 2, 2, 3, /* */
                      0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11));
    cr_expect(no_error());
}

Test(image_grid, values_become_bytes)
{
    rv_tensor *t = PIXELS(0, 1, 0.5, -3, 7, 0.2, NAN, INFINITY, -INFINITY, 0.999);
    const double expected[] = {0, 255, 128, 0, 255, 51, 0, 255, 0, 255};
    for (int i = 0; i < 2; i++, t = rv_raw_cast("test", t, RV_F32)) {
        const rv_tensor *got = rv_image_grid(t, .columns = 10, .padding = 0);
        cr_expect(got != NULL && holds(got, 0, 10, expected));
    }
    t = rv_image_grid(PIXELS(-1, 0, 1, 0.5, 2), .low = -1, .high = 1, .padding = 0);
    cr_expect(PICTURE(t, 1, 5, 1, 0, 128, 255, 191, 255));
    cr_expect(no_error());
}

Test(image_grid, ranges_of_the_images_themselves)
{
    const double values[] = {-10, 10, 5, 6, NAN, 3, 4, 4};
    const rv_tensor *t = rv_from_array(values, RV_F64, 4, 1, 1, 2);
    const rv_tensor *got = rv_image_grid(t, .normalize = true, .padding = 0);
    cr_expect(PICTURE(got, 1, 8, 1, 0, 255, 191, 204, 0, 166, 179, 179));
    got = rv_image_grid(t, .scale_each = true, .padding = 0); /* 3, or 4, alone has no range */
    cr_expect(PICTURE(got, 1, 8, 1, 0, 255, 0, 255, 0, 0, 0, 0));
    got = rv_image_grid(t, .scale_each = true, .normalize = true, .padding = 0);
    cr_expect(PICTURE(got, 1, 8, 1, 0, 255, 0, 255, 0, 0, 0, 0));
    got = rv_image_grid(PIXELS(NAN, INFINITY, -INFINITY), .normalize = true, .padding = 0);
    cr_expect(PICTURE(got, 1, 3, 1, 0, 255, 0));
    got = rv_image_grid(PIXELS(-DBL_MAX, 0, DBL_MAX), .normalize = true, .padding = 0);
    cr_expect(PICTURE(got, 1, 3, 1, 0, 128, 255), "the range overflows");
    const double least = 0x1p-1074;
    got = rv_image_grid(PIXELS(3 * least, 4 * least, 5 * least), .normalize = true, .padding = 0);
    cr_expect(PICTURE(got, 1, 3, 1, 0, 128, 255), "the range is the least number's");
    cr_expect(no_error());
}

Test(image_grid, refuses)
{
    rv_tensor *t = rv_zeros(RV_F32, 2, 3, 4, 4), *bytes = rv_zeros(RV_U8, 2, 3, 4, 4);
#define REFUSED(status, text, ...) \
    cr_expect(rv_image_grid(__VA_ARGS__) == NULL && error_is(RV_ERROR_##status, text))
    REFUSED(NULL, "image_grid: input 0 is NULL", NULL);
    REFUSED(ARGUMENT, "0 columns, padding 2", t, .columns = 0);
    REFUSED(ARGUMENT, "8 columns, padding -1", t, .padding = -1);
    REFUSED(ARGUMENT, "background is 256", t, .background = 256);
    REFUSED(ARGUMENT, "background is -1", t, .background = -1);
    REFUSED(ARGUMENT, "from 1 to 1; low must be below high", t, .low = 1);
    REFUSED(ARGUMENT, "from nan to 1", t, .low = NAN);
    REFUSED(ARGUMENT, "from 0 to inf", t, .high = INFINITY);
    REFUSED(ARGUMENT, "U8 images are taken as they are", bytes, .high = 255);
    REFUSED(ARGUMENT, "U8 images are taken as they are", bytes, .normalize = true);
    REFUSED(ARGUMENT, "U8 images are taken as they are", bytes, .scale_each = true);
    REFUSED(SHAPE, "the images are I64 [2,3,4,4]", rv_zeros(RV_I64, 2, 3, 4, 4));
    REFUSED(SHAPE, "the images are F32 [2,5,4,4]", rv_zeros(RV_F32, 2, 5, 4, 4));
    REFUSED(SHAPE, "the images are F32 [0,3,4,4]", rv_zeros(RV_F32, 0, 3, 4, 4));
    REFUSED(SHAPE, "the images are F32 [4,4]", rv_zeros(RV_F32, 4, 4));
    REFUSED(SHAPE, "is more than 2^28 bytes", t, .padding = 1 << 14);
    REFUSED(SHAPE, "is more than 2^28 bytes", t, .padding = INT64_MAX);
    REFUSED(SHAPE, "is more than 2^28 bytes", t, .padding = INT64_MAX / 2);
    cr_expect_null(rv_image_grid_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "the options are NULL"));
}

/* test_image_folder.c - JPEG images, other sizes, and folders of images.
 *
 * The pixels that the JPEG files must give are libjpeg's, to within 2.
 */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <math.h>
#include <sys/stat.h>

#include "files.h"
#include "helpers.h"
#include "jpeg_files.h"

TestSuite(image_folder, .init = make_folder, .fini = remove_folder);

static bool is_ramp(const rv_tensor *t)
{
    bool same = t != NULL && t->ndim == 3 && t->shape[0] == 8 && t->shape[1] == 8;
    for (int64_t i = 0; same && i < 64; i++)
        same = fabs(at(t, i * t->shape[2]) - (double)(20 + 16 * (i / 8) + 8 * (i % 8))) <= 2;
    return same;
}

static bool is_colour(const rv_tensor *t)
{
    bool same = t != NULL && t->ndim == 3 && t->shape[0] == 8 && t->shape[1] == 16;
    for (int64_t i = 0; same && i < 3 * 128; i++)
        same = fabs(at(t, i) - (double[]){201, 50, 101}[i % 3]) <= 2;
    return same && t->shape[2] == 3;
}

Test(image_folder, jpeg_of_both_kinds)
{
    const rv_tensor *t = rv_image_read(write_file("a.jpg", jpeg_baseline, sizeof jpeg_baseline));
    cr_expect(is_ramp(t) && t->shape[2] == 1);
    t = rv_image_read(write_file("a.jpg", jpeg_progressive, sizeof jpeg_progressive),
                      .channels = 3);
    cr_expect(is_ramp(t) && t->shape[2] == 3);
    t = rv_image_read(write_file("named.png", jpeg_coloured, sizeof jpeg_coloured));
    cr_expect(is_colour(t));
    unsigned char longer[sizeof jpeg_baseline + 9] = {0}; /* as cameras do */
    memcpy(longer, jpeg_baseline, sizeof jpeg_baseline);
    cr_expect(is_ramp(rv_image_read(write_file("a.jpg", longer, sizeof longer))));
    cr_expect(no_error());
}

static bool refused(const char *path, const char *message)
{
    return rv_image_read(path) == NULL && error_is(RV_ERROR_FORMAT, message);
}

/* Where the size stands in a file, behind the marker of its frame. */
static size_t frame_of(const unsigned char *file, size_t bytes)
{
    for (size_t i = 2; i + 9 < bytes; i += 2 + (size_t)(file[i + 2] << 8 | file[i + 3]))
        if (file[i + 1] == 0xc0)
            return i + 5;
    return 0;
}

Test(image_folder, jpeg_that_claims_too_much)
{
    unsigned char file[sizeof jpeg_baseline];
    memcpy(file, jpeg_baseline, sizeof file);
    const size_t size = frame_of(file, sizeof file);
    cr_assert_gt(size, 0);
    rv_memory_limit(rv_memory_usage().held + (2 << 20));
    memcpy(file + size, "\xea\x60\xea\x60", 4);
    cr_expect(refused(write_file("a.jpg", file, sizeof file),
                      "has 60000 by 60000 pixels; at most 67108864 are read (max_pixels)"));
    memcpy(file + size, "\x20\x00\x20\x00", 4);
    cr_expect(refused(write_file("a.jpg", file, sizeof file),
                      "has 8192 by 8192 pixels, more than its 171 bytes can hold"));
    memcpy(file + size, "\0\0\0\x08", 4);
    cr_expect(refused(write_file("a.jpg", file, sizeof file), "has no pixels"));
    memcpy(file, jpeg_baseline, sizeof file);
    for (size_t i = 0; i < sizeof file - 20; i++) /* more codes than a table has room for */
        if (file[i] == 0xff && file[i + 1] == 0xc4)
            memset(file + i + 5, 0xff, 16);
    cr_expect(refused(write_file("a.jpg", file, sizeof file), "its tables of codes are none"));
    const char *path = write_file("a.jpg", jpeg_baseline, sizeof jpeg_baseline);
    cr_expect_not_null(rv_image_read(path, .max_pixels = 64));
    cr_expect_null(rv_image_read(path, .max_pixels = 63));
    cr_expect(error_is(RV_ERROR_FORMAT, "has 8 by 8 pixels; at most 63 are read"));
    cr_expect_null(rv_image_read(path, .max_pixels = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "max_pixels is 0; 1 to 2^28"));
    cr_expect_null(rv_image_read(path, .channels = 5));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "image_read: channels is 5; 0 to 4"));
    cr_expect_null(rv_image_read_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "the options are NULL"));
}

/* ---- other sizes ----------------------------------------------------------------------------- */

static rv_tensor *bytes_of(int64_t height, int64_t width, int64_t channels, const uint8_t *values)
{
    rv_tensor *t = rv_zeros(RV_U8, height, width, channels);
    memcpy(t->data, values, (size_t)t->numel);
    return t;
}

Test(image_folder, resized)
{
    const rv_tensor *t = bytes_of(1, 4, 1, (uint8_t[]){0, 80, 160, 240});
    const rv_tensor *half = rv_image_resize(t, 1, 2); /* weights 3, 3, 1 of 7 */
    cr_expect(half != NULL && half->shape[1] == 2 && HOLDS(half, 0, 57, 183));
    const rv_tensor *twice = rv_image_resize(bytes_of(2, 1, 1, (uint8_t[]){0, 100}), 4, 1);
    cr_expect(twice != NULL && twice->shape[0] == 4 && HOLDS(twice, 0, 0, 25, 75, 100));
    const rv_tensor *same = rv_image_resize(t, 1, 4);
    cr_expect(rv_equal(same, t));
    const rv_tensor *two = bytes_of(2, 2, 2, (uint8_t[]){10, 200, 10, 200, 10, 200, 10, 200});
    const rv_tensor *one = rv_image_resize(two, 1, 3);
    cr_expect(one != NULL && one->shape[2] == 2 && HOLDS(one, 0, 10, 200, 10, 200, 10, 200));
    cr_expect(no_error());
    cr_expect_null(rv_image_resize(t, 0, 3));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "image_resize: [1,4,1] to 0 by 3"));
    cr_expect_null(rv_image_resize(t, INT64_MAX, INT64_MAX));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "at most 2^28 bytes"));
    cr_expect_null(rv_image_resize(rv_zeros(RV_F32, 2, 2, 3), 3, 3));
    cr_expect(error_is(RV_ERROR_SHAPE, "the image is F32 [2,2,3]"));
    cr_expect_null(rv_image_resize(NULL, 3, 3));
    cr_expect(error_is(RV_ERROR_NULL, "input 0 is NULL"));
}

/* ---- folders --------------------------------------------------------------------------------- */

/* b/2.png, b/10.png (gray 2 by 2 of 51 and of 102), a/x.JPG (colour, 16 by 8) */
static void make_classes(void)
{
    mkdir(in_folder("b"), 0700);
    mkdir(in_folder("a"), 0700);
    mkdir(in_folder(".hidden"), 0700);
    rv_image_write(in_folder("b/2.png"), rv_full(51, RV_U8, 2, 2));
    rv_image_write(in_folder("b/10.png"), rv_full(102, RV_U8, 2, 2));
    write_file("a/x.JPG", jpeg_coloured, sizeof jpeg_coloured);
    write_file("a/notes.txt", "no image", 8);
    write_file("readme", "no folder", 9);
}

Test(image_folder, classes_in_order)
{
    make_classes();
    rv_dataset *set = rv_data_images(test_folder, .height = 4, .width = 2);
    cr_assert_not_null(set, "%s", rv_error());
    cr_expect(rv_data_classes(set) == 2);
    cr_expect_str_eq(rv_data_class_name(set, 0), "a");
    cr_expect_str_eq(rv_data_class_name(set, 1), "b");
    const rv_batch b = rv_data_batch(set, 0, 9);
    cr_assert(b.n == 3 && b.x->dtype == RV_F32 && b.x->ndim == 4 && b.x->shape[1] == 3 &&
              b.x->shape[2] == 4 && b.x->shape[3] == 2);
    cr_expect(HOLDS(b.y, 0, 0, 1, 1));
    for (int i = 0; i < 24; i++) {
        cr_expect_leq(fabs(at(b.x, i) * 255 - (double[]){201, 50, 101}[i / 8]), 2, "%d", i);
        cr_expect_eq(((float *)b.x->data)[24 + i], 102 / 255.0f);
        cr_expect_eq(((float *)b.x->data)[48 + i], 51 / 255.0f);
    }
    rv_data_free(set);
    cr_expect(no_error());
}

static bool no_set(rv_status status, const char *message)
{
    return rv_data_images(test_folder) == NULL && error_is(status, message);
}

Test(image_folder, folders_that_make_no_set)
{
    cr_expect(no_set(RV_ERROR_FILE, "has no folder in it for a class"));
    make_classes();
    cr_expect(no_set(RV_ERROR_FORMAT, "b/10.png\" has 2 by 2 pixels (width by height), \""));
    mkdir(in_folder("c"), 0700);
    cr_expect(no_set(RV_ERROR_FILE, "c\" has no .png, .jpg, .jpeg or .bmp file"));
    write_file("c/bad.png", "no image", 8);
    remove(in_folder("a/x.JPG"));
    rv_image_write(in_folder("a/x.png"), rv_full(1, RV_U8, 2, 2));
    cr_expect(no_set(RV_ERROR_FORMAT, "c/bad.png\" is no PNG file"));
    remove(in_folder("c/bad.png"));
    rv_image_write(in_folder("c/good.png"), rv_full(1, RV_U8, 2, 2, 4));
    rv_dataset *set = rv_data_images(test_folder, .channels = 1);
    cr_expect(set != NULL && rv_data_count(set) == 4 && rv_data_classes(set) == 3);
    rv_data_free(set);
    cr_expect(no_error());
    cr_expect_null(rv_data_images(test_folder, .height = 4));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "height is 4 and width is 0; both are from 1"));
    cr_expect_null(rv_data_images(test_folder, .height = -4, .width = 4));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "height is -4"));
    cr_expect_null(rv_data_images(test_folder, .channels = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "data_images: channels is 0; 1 to 4"));
    cr_expect_null(rv_data_images(test_folder, .max_pixels = 3));
    cr_expect(error_is(RV_ERROR_FORMAT, "at most 3 are read"));
    cr_expect_null(rv_data_images(in_folder("nothing")));
    cr_expect(error_is(RV_ERROR_FILE, "nothing\" cannot be read: No such file"));
    cr_expect_null(rv_data_images(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "data_images: the folder is NULL"));
    cr_expect_null(rv_data_images_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "the options are NULL"));
}

/* test_image.c - PNG images, right and wrong ones. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "files.h"
#include "helpers.h"

TestSuite(image, .init = make_folder, .fini = remove_folder);

static rv_tensor *gradient(int64_t height, int64_t width, int64_t channels)
{
    rv_tensor *t = rv_zeros(RV_U8, height, width, channels);
    for (int64_t i = 0; i < t->numel; i++)
        ((uint8_t *)t->data)[i] = (uint8_t)(i * 37 + i / 7);
    return t;
}

Test(image, comes_back_as_it_went)
{
    for (int64_t channels = 1; channels <= 4; channels++) {
        rv_tensor *image = gradient(5, 7, channels);
        cr_expect(rv_image_write(in_folder("a.png"), image));
        cr_expect(rv_equal(rv_image_read(in_folder("a.png")), image), "%d", (int)channels);
    }
    rv_tensor *turned = rv_raw_permute("test", gradient(4, 6, 3), 3, (int[]){1, 0, 2});
    cr_expect(rv_image_write(in_folder("a.png"), turned));
    cr_expect(rv_equal(rv_image_read(in_folder("a.png")), turned));
    rv_tensor *gray = rv_full(200, RV_U8, 2, 3);
    cr_expect(rv_image_write(in_folder("a.png"), gray));
    const rv_tensor *read = rv_image_read(in_folder("a.png"));
    cr_expect(read->ndim == 3 && read->shape[2] == 1 &&
              HOLDS(read, 0, 200, 200, 200, 200, 200, 200));
    cr_expect(no_error());
}

/* A chunk with its checksum; returns what is behind it. */
static unsigned char *put_chunk(unsigned char *to, const char *type, const void *data, size_t n)
{
    const unsigned char length[4] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n};
    memcpy(to, length, 4);
    memcpy(to + 4, type, 4);
    memcpy(to + 8, data, n);
    const unsigned long sum = crc32(crc32(0, NULL, 0), to + 4, (uInt)n + 4);
    for (int i = 0; i < 4; i++)
        to[8 + n + (size_t)i] = (unsigned char)(sum >> (24 - 8 * i));
    return to + 12 + n;
}

/* A file of these pixel rows (filter byte first), bits and colour type; its path. */
static const char *write_png(uint32_t width, uint32_t height, int depth, int type,
                             const void *palette, size_t palette_bytes, const void *rows, size_t n)
{
    unsigned char file[4096] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n'}, packed[2048];
    unsigned char header[13] = {0};
    for (int i = 0; i < 4; i++) {
        header[i] = (unsigned char)(width >> (24 - 8 * i));
        header[4 + i] = (unsigned char)(height >> (24 - 8 * i));
    }
    header[8] = (unsigned char)depth;
    header[9] = (unsigned char)type;
    uLongf length = sizeof packed;
    compress(packed, &length, rows, n);
    unsigned char *at = put_chunk(file + 8, "IHDR", header, 13);
    if (palette != NULL)
        at = put_chunk(at, "PLTE", palette, palette_bytes);
    at = put_chunk(at, "IDAT", packed, length);
    at = put_chunk(at, "IEND", "", 0);
    return write_file("made.png", file, (size_t)(at - file));
}

Test(image, palettes_and_other_depths)
{
    const rv_tensor *t = rv_image_read(write_png(2, 1, 8, 3, "\1\2\3\4\5\6", 6, "\0\1\0", 3));
    cr_expect(t != NULL && t->shape[2] == 3 && HOLDS(t, 0, 4, 5, 6, 1, 2, 3));
    t = rv_image_read(write_png(3, 1, 1, 0, NULL, 0, "\0\xa0", 2));
    cr_expect(t != NULL && HOLDS(t, 0, 255, 0, 255));
    t = rv_image_read(write_png(1, 2, 16, 0, NULL, 0, "\0\x12\x34\0\xab\xcd", 6));
    cr_expect(t != NULL && HOLDS(t, 0, 0x12, 0xab));
    cr_expect(no_error());
}

static bool refused(const char *path, rv_status status, const char *message)
{
    return rv_image_read(path) == NULL && error_is(status, message);
}

Test(image, too_large_before_memory_is_taken)
{
    rv_memory_limit(rv_memory_usage().held + (2 << 20));
    cr_expect(refused(write_png(60000, 60000, 8, 2, NULL, 0, "\0", 1), RV_ERROR_FORMAT,
                      "has 60000 by 60000 pixels; at most 67108864 are read (max_pixels)"));
    cr_expect(refused(write_png(60000, 60000, 1, 0, NULL, 0, "\0", 1), RV_ERROR_FORMAT, "at most"));
    cr_expect(refused(write_png(0xffffffff, 0xffffffff, 8, 2, NULL, 0, "\0", 1), RV_ERROR_FORMAT,
                      "has 4294967295 by 4294967295"));
    cr_expect(refused(write_png(8000, 8000, 8, 2, NULL, 0, "\0", 1), RV_ERROR_FORMAT,
                      "has 8000 by 8000 pixels, more than its "));
    cr_expect(refused(write_png(0, 5, 8, 2, NULL, 0, "\0", 1), RV_ERROR_FORMAT, "has no pixels"));
    cr_expect(refused(write_png(5, 5, 8, 5, NULL, 0, "\0", 1), RV_ERROR_FORMAT, "no known kind"));
    cr_expect(
        refused(write_png(5, 5, 8, 2, NULL, 0, "\0", 1), RV_ERROR_FORMAT, "cannot be decoded"));
    cr_expect(
        refused(write_png(1, 1, 3, 0, NULL, 0, "\0\0", 2), RV_ERROR_FORMAT, "cannot be decoded"));
}

Test(image, damaged_or_cut)
{
    unsigned char file[512] = {0};
    rv_image_write(in_folder("a.png"), gradient(3, 4, 3));
    const size_t bytes = read_file(in_folder("a.png"), file, sizeof file);
    cr_expect(refused(write_file("cut.png", file, 7), RV_ERROR_FORMAT, "is no PNG file"));
    cr_expect(refused(write_file("cut.png", file, bytes - 1), RV_ERROR_FORMAT, "ends early"));
    cr_expect(refused(write_file("long.png", file, bytes + 1), RV_ERROR_FORMAT, "goes on after"));
    file[50] ^= 1;
    cr_expect(refused(write_file("bad.png", file, bytes), RV_ERROR_FORMAT, "a checksum is wrong"));
}

Test(image, what_is_no_image)
{
    cr_expect(refused(in_folder("nothing.png"), RV_ERROR_FILE, "image_read: \""));
    cr_expect(refused(test_folder, RV_ERROR_FILE, "Is a directory"));
    cr_expect(refused(NULL, RV_ERROR_NULL, "the path is NULL"));
    const char *path = in_folder("a.png");
    cr_expect_not(rv_image_write(path, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "image_write: input 0 is NULL"));
    cr_expect_not(rv_image_write(path, rv_zeros(RV_F32, 2, 2, 3)));
    cr_expect(error_is(RV_ERROR_SHAPE, "the image is F32 [2,2,3]"));
    cr_expect_not(rv_image_write(path, rv_zeros(RV_U8, 2, 2, 5)));
    cr_expect(error_is(RV_ERROR_SHAPE, "U8 [2,2,5]"));
    cr_expect_not(rv_image_write(path, rv_zeros(RV_U8, 2, 0, 3)));
    cr_expect(error_is(RV_ERROR_SHAPE, "U8 [2,0,3]"));
    cr_expect_not(rv_image_write(path, rv_zeros(RV_U8, 4)));
    cr_expect(error_is(RV_ERROR_SHAPE, "U8 [4]"));
    cr_expect_not(rv_image_write(
        path, rv_raw_expand("t", rv_zeros(RV_U8, 1, 1), 2, (int64_t[]){1 << 15, 1 << 15})));
    cr_expect(error_is(RV_ERROR_SHAPE, "1 to 2^28 bytes"));
    cr_expect_not(rv_image_write(NULL, gradient(2, 2, 3)));
    cr_expect(error_is(RV_ERROR_NULL, "image_write: the path is NULL"));
    cr_expect_not(rv_image_write(in_folder("nothing/a.png"), gradient(2, 2, 3)));
    cr_expect(error_is(RV_ERROR_FILE, "image_write"));
}

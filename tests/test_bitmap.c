/* test_bitmap.c - BMP images, of every kind that is read, and of kinds that are not. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "files.h"
#include "helpers.h"

TestSuite(bitmap, .init = make_folder, .fini = remove_folder);

/* What stands in a file's headers. */
typedef struct bitmap {
    int32_t width, height;
    int bits;
    int header;      /* default 40 */
    int compression; /* 3: masks stand behind the header */
    int colours;     /* of the palette, whose bytes are the first of `data` */
    int gap;         /* between the headers and the pixels */
} bitmap;

static void put(unsigned char *to, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(number >> 8 * i);
}

/* Writes a file with these headers and n bytes behind them; its path. */
static const char *write_bitmap(bitmap b, const void *data, size_t n)
{
    static unsigned char file[2048];
    const int header = b.header ? b.header : 40;
    const int pixels = 14 + header + (b.compression == 3 && header == 40 ? 12 : 0) + 4 * b.colours;
    memset(file, 0, sizeof file);
    memcpy(file, "BM", 2);
    put(file + 10, (uint32_t)(pixels + b.gap));
    put(file + 14, (uint32_t)header);
    put(file + 18, (uint32_t)b.width);
    put(file + 22, (uint32_t)b.height);
    put(file + 26, 1u | (uint32_t)b.bits << 16);
    put(file + 30, (uint32_t)b.compression);
    memcpy(file + 14 + header, data, n);
    return write_file("a.bmp", file, 14 + (size_t)header + n);
}
#define BITMAP(data, ...) write_bitmap((bitmap){.width = __VA_ARGS__}, (data), sizeof(data) - 1)

/* Whether the image is [height,width,channels] of these bytes. */
#define IMAGE(t, height, width, channels, ...)                                            \
    ((t) != NULL && (t)->dtype == RV_U8 && (t)->ndim == 3 && (t)->shape[0] == (height) && \
     (t)->shape[1] == (width) && (t)->shape[2] == (channels) && HOLDS((t), 0, __VA_ARGS__))

/* Rows go from the bottom up, are padded to 4 bytes, and colours stand blue first. */
Test(bitmap, of_24_bits)
{
    static const char pixels[] = "\3\2\1\6\5\4\0\0\x0d\x0c\x0b\x10\x0f\x0e\0\0";
    const rv_tensor *t = rv_image_read(BITMAP(pixels, 2, 2, 24));
    cr_expect(IMAGE(t, 2, 2, 3, 11, 12, 13, 14, 15, 16, 1, 2, 3, 4, 5, 6));
    t = rv_image_read(BITMAP(pixels, 2, -2, 24)); /* from the top down */
    cr_expect(IMAGE(t, 2, 2, 3, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16));
    t = rv_image_read(BITMAP(pixels, 2, -2, 24), .channels = 1);
    cr_expect(t != NULL && t->shape[2] == 1);
    cr_expect(no_error());
}

Test(bitmap, of_palettes)
{
    /* colours 1 2 3, 4 5 6, 7 8 9, each blue first and with a byte that counts for nothing */
    const rv_tensor *t =
        rv_image_read(BITMAP("\3\2\1\0\6\5\4\0\x09\x08\x07\0\2\0\1\0", 3, 1, 8, .colours = 3));
    cr_expect(IMAGE(t, 1, 3, 3, 7, 8, 9, 1, 2, 3, 4, 5, 6));
    t = rv_image_read(BITMAP("\3\2\1\0\6\5\4\0\x09\x08\x07\0\x20\x10\0\0", 3, 1, 4, .colours = 3));
    cr_expect(IMAGE(t, 1, 3, 3, 7, 8, 9, 1, 2, 3, 4, 5, 6));
    t = rv_image_read(BITMAP("\3\2\1\0\6\5\4\0\xa0\0\0\0", 3, 1, 1, .colours = 2));
    cr_expect(IMAGE(t, 1, 3, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6));
    cr_expect(no_error());
}

Test(bitmap, of_16_and_32_bits)
{
    /* 5 bits each: 31 << 10 is red */
    const rv_tensor *t = rv_image_read(BITMAP("\0\x7c\x1f\0", 2, 1, 16));
    cr_expect(IMAGE(t, 1, 2, 3, 255, 0, 0, 0, 0, 255));
    /* by masks, 6 bits of green */
    t = rv_image_read(
        BITMAP("\0\xf8\0\0\xe0\7\0\0\x1f\0\0\0\xe0\7\0\xf8", 2, 1, 16, .compression = 3));
    cr_expect(IMAGE(t, 1, 2, 3, 0, 255, 0, 255, 0, 0));
    t = rv_image_read(BITMAP("\3\2\1\x80\6\5\4\xff", 2, 1, 32)); /* with alpha */
    cr_expect(IMAGE(t, 1, 2, 4, 1, 2, 3, 128, 4, 5, 6, 255));
    cr_expect(no_error());
}

Test(bitmap, with_a_long_header)
{
    static const char pixel[] = "\3\2\1\0";
    for (int header = 108; header <= 124; header += 16) {
        const rv_tensor *t = rv_image_read(BITMAP(pixel, 1, 1, 24, .header = header));
        cr_expect(IMAGE(t, 1, 1, 3, 1, 2, 3), "%d", header);
    }
    cr_expect(no_error());
}

static bool refused(const char *path, const char *message)
{
    return rv_image_read(path) == NULL && error_is(RV_ERROR_FORMAT, message);
}

Test(bitmap, that_is_not_read)
{
    static const char pixel[] = "\3\2\1\0", three[] = "\3\2\1\0\6\5\4\0\x09\x08\x07\0\2\0\1\0";
    cr_expect(
        refused(BITMAP(pixel, 1, 1, 24, .header = 56), "a header of a kind that is not read"));
    cr_expect(
        refused(BITMAP(pixel, 1, 1, 24, .header = 64), "a header of a kind that is not read"));
    cr_expect(refused(BITMAP(three, 1, 1, 8, .compression = 1), "compressed in a way that is not"));
    cr_expect(
        refused(BITMAP(pixel, 1, 1, 24, .compression = 3), "compressed in a way that is not"));
    cr_expect(
        refused(BITMAP(pixel, 1, 1, 32, .compression = 4), "compressed in a way that is not"));
    cr_expect(refused(BITMAP(pixel, 1, 1, 2), "a number of bits for each pixel that is not read"));
    cr_expect(refused(BITMAP(pixel, 1, 1, 0), "a number of bits for each pixel that is not read"));
    cr_expect(refused(BITMAP(pixel, 0, 1, 24), "has no pixels"));
    cr_expect(refused(BITMAP(pixel, 1, 0, 24), "has no pixels"));
    cr_expect(refused(BITMAP(pixel, 1, INT32_MIN, 24), "has 1 by 2147483648 pixels"));
    cr_expect(refused(BITMAP(pixel, -1, 1, 24), "has 4294967295 by 1 pixels"));
    cr_expect(refused(BITMAP(pixel, 60000, 60000, 24), "60000 by 60000 pixels; at most 67108864"));
    cr_expect(refused(BITMAP(pixel, 8000, 8000, 24), "more than its 58 bytes can hold"));
    cr_expect(refused(BITMAP(pixel, 1, 2, 24), "ends early"));
    cr_expect(
        refused(BITMAP(three, 3, 1, 8, .colours = 2), "a pixel's colour is not in its palette"));
    cr_expect(refused(BITMAP("\3\2\1\0\6\5\4\0\2\0\0\0", 1, 1, 8, .colours = 2), "a pixel's"));
    cr_expect(refused(BITMAP(three, 3, 1, 8), "its pixels do not begin behind its headers"));
    cr_expect(refused(BITMAP(three, 3, 1, 8, .colours = 3, .gap = 1), "its pixels do not begin"));
    cr_expect(refused(BITMAP(three, 3, 1, 8, .gap = -40), "its pixels do not begin"));
    cr_expect(refused(BITMAP(three, 1, 1, 24, .gap = 4), "its pixels do not begin"));
    cr_expect(refused(BITMAP(three, 1, 1, 24, .gap = -4), "its pixels do not begin"));
    cr_expect(refused(write_file("a.bmp", "BM", 2), "ends early"));
}

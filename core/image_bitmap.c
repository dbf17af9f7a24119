/* image_bitmap.c - whether a BMP file is whole.
 *
 *     14 bytes      "BM", the file's length (often wrong, not looked at), where the pixels begin
 *     40 or more    a header: its own length, width, height (negative: the first row is the top
 *                   one), planes, bits of a pixel, compression
 *     12 or none    masks of the colours, behind a header of 40 bytes with compression 3
 *     the palette   4 bytes a colour, up to 8 bits a pixel
 *     the pixels    rows of a multiple of 4 bytes
 *
 * stb reads zeros beyond a file's end, and whatever the stack holds beyond a palette's end: both
 * are looked for here. Compressed pixels (runs, JPEG, PNG) and OS/2's headers are not read.
 */

#include "core/image_check.h"

static int64_t number_at(const unsigned char *bytes, int count)
{
    int64_t number = 0;
    while (count-- > 0)
        number = number << 8 | bytes[count];
    return number;
}

typedef struct bitmap {
    int64_t width, height, bits, colours;
    int64_t row_bytes, pixels; /* of a row; where they begin */
} bitmap;

/* How many bytes the headers take, 0 with an error if they are none that are read. */
static int64_t header_bytes(const rv_picture *p)
{
    const int64_t header = p->size >= 54 ? number_at(p->bytes + 14, 4) : 0;
    if (p->size < 54 || 14 + header > p->size)
        return rv_picture_damaged(p, "ends early");
    if (header != 40 && header != 108 && header != 124)
        return rv_picture_damaged(p, "has a header of a kind that is not read");
    const int64_t compression = number_at(p->bytes + 30, 4), bits = number_at(p->bytes + 28, 2);
    if (compression != 0 && (compression != 3 || (bits != 16 && bits != 32)))
        return rv_picture_damaged(p, "is compressed in a way that is not read");
    return 14 + header + (header == 40 && compression == 3 ? 12 : 0);
}

static bool read_header(const rv_picture *p, bitmap *b)
{
    const int64_t headers = header_bytes(p);
    if (headers == 0)
        return false;
    b->width = number_at(p->bytes + 18, 4);
    b->height = (int32_t)number_at(p->bytes + 22, 4);
    b->height = b->height < 0 ? -b->height : b->height;
    b->bits = number_at(p->bytes + 28, 2);
    if (b->width == 0 || b->height == 0)
        return rv_picture_damaged(p, "has no pixels");
    if (!rv_picture_check_size(p, b->width, b->height, 8 * p->size))
        return false;
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 16 && b->bits != 24 &&
        b->bits != 32)
        return rv_picture_damaged(p, "has a number of bits for each pixel that is not read");
    b->pixels = number_at(p->bytes + 10, 4);
    b->colours = b->bits <= 8 ? (b->pixels - headers) / 4 : 0;
    if (b->pixels - headers != 4 * b->colours || b->colours > 256 ||
        (b->bits <= 8 && b->colours < 1))
        return rv_picture_damaged(p, "is damaged: its pixels do not begin behind its headers");
    return true;
}

/* Whether every pixel's number is one of the palette's. */
static bool check_colours(const rv_picture *p, const bitmap *b)
{
    for (int64_t y = 0; y < b->height; y++) {
        const unsigned char *row = p->bytes + b->pixels + y * b->row_bytes;
        for (int64_t bit = 0; bit < b->width * b->bits; bit += b->bits) {
            const int64_t colour = row[bit / 8] >> (8 - b->bits - bit % 8) & ((1 << b->bits) - 1);
            if (colour >= b->colours)
                return rv_picture_damaged(p, "is damaged: a pixel's colour is not in its palette");
        }
    }
    return true;
}

bool rv_picture_check_bitmap(const rv_picture *p)
{
    bitmap b = {0};
    if (!read_header(p, &b))
        return false;
    b.row_bytes = (b.width * b.bits + 31) / 32 * 4;
    if (b.row_bytes * b.height > p->size - b.pixels)
        return rv_picture_damaged(p, "ends early");
    return b.bits > 8 || b.colours == (int64_t)1 << b.bits || check_colours(p, &b);
}

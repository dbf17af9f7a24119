/* image.c - PNG, JPEG and BMP through stb.
 *
 * stb decodes well, but trusts: it checks no checksum, takes a file that ends early for one with
 * zeros at its end, and takes what memory a file asks for. So the file is read whole, its chunks
 * or segments are walked and verified (here; of BMP in image_bitmap.c), and only then stb sees it;
 * and what stb allocates is limited.
 */

#include "core/image.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/image_check.h"
#include "core/memory.h"
#include "core/platform.h"
#include "core/tensor_make.h"

#define PIXEL_LIMIT ((int64_t)1 << 28)
#define ALLOCATION_LIMIT ((size_t)1 << 30) /* pixels of 16 bits, and what stb rounds up */
#define DEFLATE_LIMIT 1032                 /* no compressed byte stands for more */
#define SCAN_LIMIT 100                     /* of a JPEG: each takes the time of all its pixels */
#define JPEG_LIMIT 1024 /* pixels: a block takes a bit at least, and is at most 128 pixels' own */

static void *limited_realloc(void *memory, size_t bytes)
{
    return bytes <= ALLOCATION_LIMIT ? realloc(memory, bytes) : NULL;
}

/* zlib compresses better and faster than what stb has of its own; it frees the result. */
static unsigned char *compress_pixels(unsigned char *pixels, int bytes, int *compressed, int level)
{
    uLongf length = compressBound((uLong)bytes);
    unsigned char *out = malloc(length);
    if (out != NULL && compress2(out, &length, pixels, (uLong)bytes, level) != Z_OK) {
        free(out);
        out = NULL;
    }
    *compressed = (int)length;
    return out;
}

RV_QUIET_UNUSED
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ASSERT(condition) ((void)(condition)) /* what holds after the checks here */
#define STBI_NO_STDIO
#define STBI_MALLOC(bytes) limited_realloc(NULL, bytes)
#define STBI_REALLOC(memory, bytes) limited_realloc(memory, bytes)
#define STBI_FREE(memory) free(memory)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

#define STBI_WRITE_NO_STDIO
#define STBIW_ZLIB_COMPRESS compress_pixels
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

/* ---- reading --------------------------------------------------------------------------------- */

bool rv_picture_damaged(const rv_picture *p, const char *what)
{
    return rv_fail(RV_ERROR_FORMAT, "image_read", "\"%s\" %s", p->path, what);
}

static int64_t number_at(const unsigned char *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

bool rv_picture_check_size(const rv_picture *p, int64_t width, int64_t height, int64_t limit)
{
    if (width > p->max_pixels / height)
        return rv_fail(RV_ERROR_FORMAT, "image_read",
                       "\"%s\" has %lld by %lld pixels; at most %lld are read (max_pixels)",
                       p->path, (long long)width, (long long)height, (long long)p->max_pixels);
    return width <= limit / height ||
           rv_fail(RV_ERROR_FORMAT, "image_read",
                   "\"%s\" has %lld by %lld pixels, more than its %lld bytes can hold", p->path,
                   (long long)width, (long long)height, (long long)p->size);
}

/* ---- PNG: chunks ----------------------------------------------------------------------------- */

static bool check_header(const rv_picture *p)
{
    static const int channels_of_type[7] = {1, 0, 3, 1, 2, 0, 4};
    const unsigned char *header = p->bytes + 16;
    const int64_t width = number_at(header), height = number_at(header + 4);
    const int depth = header[8], type = header[9];
    const int channels = type < 7 ? channels_of_type[type] : 0;
    if (width == 0 || height == 0 || channels == 0 || depth == 0)
        return rv_picture_damaged(p, "has no pixels or no known kind of colours");
    return rv_picture_check_size(p, width, height,
                                 (p->size + 1) * DEFLATE_LIMIT * 8 / (channels * depth));
}

/* Walks the chunks: length, type, data, checksum; the first is IHDR, the last IEND. */
static bool check_chunks(const rv_picture *p)
{
    for (int64_t at = 8; p->size - at >= 12;) {
        const unsigned char *chunk = p->bytes + at;
        const int64_t length = number_at(chunk), left = p->size - at - 12;
        if (length > left)
            return rv_picture_damaged(p, "ends early");
        if (at == 8 && (length != 13 || memcmp(chunk + 4, "IHDR", 4) != 0))
            return rv_picture_damaged(p, "does not begin with a header");
        if ((int64_t)crc32(crc32(0, NULL, 0), chunk + 4, (uInt)length + 4) !=
            number_at(chunk + 8 + length))
            return rv_picture_damaged(p, "is damaged: a checksum is wrong");
        at += length + 12;
        if (memcmp(chunk + 4, "IEND", 4) == 0)
            return at == p->size || rv_picture_damaged(p, "goes on after its end");
    }
    return rv_picture_damaged(p, "ends early");
}

/* ---- JPEG: segments -------------------------------------------------------------------------- */

/* What begins a frame: its size. Other kinds of frames stb does not know. */
static bool check_frame(const rv_picture *p, const unsigned char *segment, int64_t length)
{
    if (length < 8)
        return rv_picture_damaged(p, "is damaged: the header of its frame is too short");
    const int64_t height = segment[3] << 8 | segment[4], width = segment[5] << 8 | segment[6];
    if (width == 0 || height == 0)
        return rv_picture_damaged(p, "has no pixels");
    return rv_picture_check_size(p, width, height, p->size * JPEG_LIMIT);
}

/* Tables of Huffman codes: a byte of its number, 16 of how many codes there are of each length, and
 * one for each code. stb takes more than 256 codes, and writes them beyond its table. */
static bool check_codes(const unsigned char *segment, int64_t length)
{
    int64_t at = 2;
    while (length - at >= 17) {
        int codes = 0;
        for (int i = 1; i <= 16; i++)
            codes += segment[at + i];
        if (codes > 256 || (segment[at] & 15) > 3 || segment[at] >> 4 > 1)
            return false;
        at += 17 + codes;
    }
    return at == length;
}

/* Where the next marker's 0xff is, from `at` on, past compressed data; p->size if there is none. */
static int64_t next_marker(const rv_picture *p, int64_t at)
{
    for (; at < p->size - 1; at++) {
        const unsigned char kind = p->bytes[at + 1];
        if (p->bytes[at] == 0xff && kind != 0 && kind != 0xff && (kind < 0xd0 || kind > 0xd7))
            return at;
    }
    return p->size;
}

/* Walks the segments: 0xff, kind, length, data; behind the header of a scan (0xda), compressed data
 * without a length; 0xd9 is the end, and what cameras write behind it is not looked at. */
static bool check_segments(const rv_picture *p)
{
    bool has_frame = false;
    int scans = 0;
    for (int64_t at = 2;;) {
        while (at < p->size - 1 && p->bytes[at] == 0xff && p->bytes[at + 1] == 0xff)
            at++;
        if (p->size - at < 2)
            return rv_picture_damaged(p, "ends early");
        const unsigned char *segment = p->bytes + at + 2;
        const unsigned char kind = p->bytes[at + 1];
        if (p->bytes[at] != 0xff || kind < 0xc0 || (kind >= 0xd0 && kind <= 0xd8))
            return rv_picture_damaged(p, "is damaged: a segment does not begin where it should");
        if (kind == 0xd9)
            return scans > 0 || rv_picture_damaged(p, "has no pixels");
        const int64_t left = p->size - at - 2;
        const int64_t length = left < 2 ? 2 : segment[0] << 8 | segment[1];
        if (left < 2 || length > left)
            return rv_picture_damaged(p, "ends early");
        const bool frame = kind < 0xd0 && kind != 0xc4 && kind != 0xc8 && kind != 0xcc;
        if (length < 2 || (frame && has_frame) || (kind == 0xda && !has_frame))
            return rv_picture_damaged(p, "is damaged: its segments make no image");
        if (kind == 0xc4 && !check_codes(segment, length))
            return rv_picture_damaged(p, "is damaged: its tables of codes are none");
        if (frame && !check_frame(p, segment, length))
            return false;
        has_frame = has_frame || frame;
        scans += kind == 0xda;
        if (scans > SCAN_LIMIT)
            return rv_picture_damaged(p, "has more than 100 scans");
        at += 2 + length;
        if (kind == 0xda)
            at = next_marker(p, at);
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool check_file(const rv_picture *p)
{
    static const unsigned char png[8] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};
    if (p->size >= 8 && memcmp(p->bytes, png, 8) == 0)
        return check_chunks(p) && check_header(p);
    if (p->size >= 3 && memcmp(p->bytes, "\xff\xd8\xff", 3) == 0)
        return check_segments(p);
    if (p->size >= 2 && memcmp(p->bytes, "BM", 2) == 0)
        return rv_picture_check_bitmap(p);
    return rv_picture_damaged(p, "is no PNG file, no JPEG file, and no BMP file");
}

static rv_tensor *decode(const rv_picture *p)
{
    int width, height, channels;
    stbi__context source = {
        0}; /* stbi_load_from_memory leaves some of it as it is, and GCC warns */
    stbi__start_mem(&source, p->bytes, (int)p->size);
    unsigned char *pixels =
        stbi__load_and_postprocess_8bit(&source, &width, &height, &channels, p->channels);
    if (pixels == NULL)
        return rv_fail_null(RV_ERROR_FORMAT, "image_read", "\"%s\" cannot be decoded: %s", p->path,
                            stbi_failure_reason());
    const int64_t shape[] = {height, width, p->channels ? p->channels : channels};
    rv_tensor *image = rv_make("image_read", RV_U8, 3, shape);
    if (image != NULL)
        memcpy(image->data, pixels, (size_t)image->numel);
    stbi_image_free(pixels);
    return image;
}

/* Reads the whole file; p->bytes is to be given back with p->size. */
static bool read_all(rv_picture *p)
{
    p->size = rv_file_size(p->path);
    FILE *file = p->size >= 0 ? fopen(p->path, "rb") : NULL;
    if (file == NULL)
        return rv_fail(RV_ERROR_FILE, "image_read", "\"%s\" cannot be read: %s", p->path,
                       strerror(errno));
    bool ok = p->size <= INT32_MAX || rv_picture_damaged(p, "is larger than 2^31 bytes");
    p->bytes = ok ? rv_memory_get("image_read", (size_t)p->size) : NULL;
    ok = p->bytes != NULL;
    if (ok && fread(p->bytes, 1, (size_t)p->size, file) != (size_t)p->size)
        ok = rv_fail(RV_ERROR_FILE, "image_read", "\"%s\" cannot be read to its end", p->path);
    fclose(file);
    return ok;
}

rv_tensor *rv_image_read_with(const rv_image_options *options)
{
    const char *who = "image_read";
    if (options == NULL || options->path == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the %s NULL", options ? "path is" : "options are");
    if (options->channels < 0 || options->channels > 4)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "channels is %d; 0 to 4", options->channels);
    if (options->max_pixels < 1 || options->max_pixels > PIXEL_LIMIT)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "max_pixels is %lld; 1 to 2^28",
                            (long long)options->max_pixels);
    rv_picture p = {
        .path = options->path, .channels = options->channels, .max_pixels = options->max_pixels};
    rv_tensor *image = read_all(&p) && check_file(&p) ? decode(&p) : NULL;
    rv_memory_put(p.bytes, (size_t)p.size);
    return image;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct sink {
    FILE *file;
    bool failed;
} sink;

static void put(void *context, void *bytes, int n)
{
    sink *s = context;
    s->failed = s->failed || fwrite(bytes, 1, (size_t)n, s->file) != (size_t)n;
}

static bool check_image(const rv_tensor *image)
{
    const char *who = "image_write";
    if (!rv_check(who, 0, image))
        return false;
    const int64_t channels = image->ndim == 3 ? image->shape[2] : 1;
    if (image->dtype == RV_U8 && (image->ndim == 2 || image->ndim == 3) && channels >= 1 &&
        channels <= 4 && image->numel > 0 && image->numel <= PIXEL_LIMIT)
        return true;
    return rv_fail(RV_ERROR_SHAPE, who,
                   "the image is %s %s; U8 [height,width,1 to 4] of 1 to 2^28 bytes can be written",
                   rv_dtype_name(image->dtype), RV_SHAPE_OF(image));
}

static bool write_packed(rv_replacement *replacement, const rv_tensor *packed)
{
    sink s = {.file = rv_replace_file(replacement)};
    const int height = (int)packed->shape[0], width = (int)packed->shape[1];
    const int channels = packed->ndim == 3 ? (int)packed->shape[2] : 1;
    errno = 0;
    const int encoded =
        stbi_write_png_to_func(put, &s, width, height, channels, packed->data, width * channels);
    if (encoded && !s.failed)
        return rv_replace_commit(replacement);
    rv_fail(s.failed ? RV_ERROR_FILE : RV_ERROR_MEMORY, "image_write",
            "the image was not written: %s", errno ? strerror(errno) : "out of memory");
    rv_replace_cancel(replacement);
    return false;
}

bool rv_image_write(const char *path, const rv_tensor *image)
{
    RV_SCOPE;
    if (!check_image(image))
        return false;
    const rv_tensor *packed = rv_raw_contiguous("image_write", image);
    rv_replacement *replacement = packed ? rv_replace_begin("image_write", path) : NULL;
    return replacement != NULL && write_packed(replacement, packed);
}

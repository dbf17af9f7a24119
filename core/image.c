/* image.c - PNG through stb.
 *
 * stb decodes well, but trusts: it checks no checksum, and takes what memory a file asks for. So
 * the file is read whole, its chunks are walked and verified here, and only then stb sees it; and
 * what stb allocates is limited.
 */

#include "core/image.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/memory.h"
#include "core/platform.h"
#include "core/tensor_make.h"

#define PIXEL_LIMIT ((int64_t)1 << 28)
#define ALLOCATION_LIMIT ((size_t)1 << 30) /* pixels of 16 bits, and what stb rounds up */
#define DEFLATE_LIMIT 1032                 /* no compressed byte stands for more */

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

typedef struct png {
    const char *path;
    unsigned char *bytes; /* [size] */
    int64_t size;
} png;

static bool damaged(const png *p, const char *what)
{
    return rv_fail(RV_ERROR_FORMAT, "image_read", "\"%s\" %s", p->path, what);
}

static int64_t number_at(const unsigned char *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* What the first chunk says: whether pixels of that size may be. */
static bool check_size(const png *p)
{
    static const int channels_of_type[7] = {1, 0, 3, 1, 2, 0, 4};
    const unsigned char *header = p->bytes + 16;
    const int64_t width = number_at(header), height = number_at(header + 4);
    const int depth = header[8], type = header[9];
    const int channels = type < 7 ? channels_of_type[type] : 0;
    if (width == 0 || height == 0 || channels == 0)
        return damaged(p, "has no pixels or no known kind of colours");
    const int stored = type == 3 ? 4 : channels; /* a palette's colours may have alpha */
    if (width > PIXEL_LIMIT || height > PIXEL_LIMIT / width / stored)
        return rv_fail(RV_ERROR_FORMAT, "image_read",
                       "\"%s\" has %lld by %lld pixels; more than 2^28 bytes are not read", p->path,
                       (long long)width, (long long)height);
    if (height * (width * channels * depth / 8) / DEFLATE_LIMIT > p->size)
        return rv_fail(RV_ERROR_FORMAT, "image_read",
                       "\"%s\" has %lld by %lld pixels, more than its %lld bytes can hold", p->path,
                       (long long)width, (long long)height, (long long)p->size);
    return true;
}

/* Walks the chunks: length, type, data, checksum; the first is IHDR, the last IEND. */
static bool check_chunks(const png *p)
{
    static const unsigned char signature[8] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};
    if (p->size < 8 || memcmp(p->bytes, signature, 8) != 0)
        return damaged(p, "is no PNG file");
    for (int64_t at = 8; p->size - at >= 12;) {
        const unsigned char *chunk = p->bytes + at;
        const int64_t length = number_at(chunk), left = p->size - at - 12;
        if (length > left)
            return damaged(p, "ends early");
        if (at == 8 && (length != 13 || memcmp(chunk + 4, "IHDR", 4) != 0))
            return damaged(p, "does not begin with a header");
        if ((int64_t)crc32(crc32(0, NULL, 0), chunk + 4, (uInt)length + 4) !=
            number_at(chunk + 8 + length))
            return damaged(p, "is damaged: a checksum is wrong");
        at += length + 12;
        if (memcmp(chunk + 4, "IEND", 4) == 0)
            return at == p->size || damaged(p, "goes on after its end");
    }
    return damaged(p, "ends early");
}

static rv_tensor *decode(const png *p)
{
    int width, height, channels;
    unsigned char *pixels =
        stbi_load_from_memory(p->bytes, (int)p->size, &width, &height, &channels, 0);
    if (pixels == NULL)
        return rv_fail_null(RV_ERROR_FORMAT, "image_read", "\"%s\" cannot be decoded: %s", p->path,
                            stbi_failure_reason());
    const int64_t shape[] = {height, width, channels};
    rv_tensor *image = rv_make("image_read", RV_U8, 3, shape);
    if (image != NULL)
        memcpy(image->data, pixels, (size_t)image->numel);
    stbi_image_free(pixels);
    return image;
}

/* Reads the whole file; p->bytes is to be given back with p->size. */
static bool read_all(png *p)
{
    p->size = rv_file_size(p->path);
    FILE *file = p->size >= 0 ? fopen(p->path, "rb") : NULL;
    if (file == NULL)
        return rv_fail(RV_ERROR_FILE, "image_read", "\"%s\" cannot be read: %s", p->path,
                       strerror(errno));
    bool ok = p->size <= INT32_MAX || damaged(p, "is larger than 2^31 bytes");
    p->bytes = ok ? rv_memory_get("image_read", (size_t)p->size) : NULL;
    ok = p->bytes != NULL;
    if (ok && fread(p->bytes, 1, (size_t)p->size, file) != (size_t)p->size)
        ok = rv_fail(RV_ERROR_FILE, "image_read", "\"%s\" cannot be read to its end", p->path);
    fclose(file);
    return ok;
}

rv_tensor *rv_image_read(const char *path)
{
    if (path == NULL)
        return rv_fail_null(RV_ERROR_NULL, "image_read", "the path is NULL");
    png p = {.path = path};
    rv_tensor *image = read_all(&p) && check_chunks(&p) && check_size(&p) ? decode(&p) : NULL;
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

/* idx.c - an IDX file becomes a tensor, in one pass.
 *
 * Elements are read straight into the tensor's memory. Integers narrower than 64 bits are read into
 * its end and widened from its front: what is written never passes what is still to be read.
 */

#include "core/idx.h"

#include <string.h>

#include "core/gz_file.h"
#include "core/tensor_make.h"

static const char who[] = "idx_read";

typedef struct element_type {
    unsigned char code;
    int64_t size; /* in the file */
    rv_dtype dtype;
} element_type;

static const element_type element_types[] = {
    {0x08, 1, RV_U8},  {0x09, 1, RV_I64}, {0x0B, 2, RV_I64},
    {0x0C, 4, RV_I64}, {0x0D, 4, RV_F32}, {0x0E, 8, RV_F64},
};

typedef struct header {
    const element_type *type;
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    int64_t bytes; /* of the header itself */
    int64_t total; /* of header and elements */
} header;

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_magic(rv_gz_reader *r, header *h)
{
    unsigned char magic[4] = {0};
    if (!rv_gz_read(r, magic, 4))
        return false;
    if (r->came < 4)
        return rv_fail(RV_ERROR_FORMAT, who,
                       "\"%s\" holds %lld bytes; an IDX file has at least 4%s", r->path,
                       (long long)r->came, rv_gz_cut_off(r));
    for (int i = 0; i < RV_COUNT(element_types); i++)
        if (magic[0] == 0 && magic[1] == 0 && magic[2] == element_types[i].code)
            h->type = &element_types[i];
    if (h->type == NULL)
        return rv_fail(
            RV_ERROR_FORMAT, who,
            "\"%s\" is no IDX file: it begins with %02x %02x %02x %02x, not with 00 00, an "
            "element type (08, 09, 0b to 0e) and the number of dimensions",
            r->path, magic[0], magic[1], magic[2], magic[3]);
    if (magic[3] > RV_MAX_DIMENSIONS)
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\" has %d dimensions; a tensor has 0 to %d",
                       r->path, magic[3], RV_MAX_DIMENSIONS);
    h->ndim = magic[3];
    h->bytes = 4 + 4 * (int64_t)h->ndim;
    return true;
}

/* Refuses sizes that this file cannot hold, before memory is taken for them. */
static bool check_sizes(const rv_gz_reader *r, header *h)
{
    int64_t elements = 1;
    bool fits = true;
    for (int i = 0; i < h->ndim; i++)
        fits = fits && !__builtin_mul_overflow(elements, h->shape[i], &elements);
    fits = fits && !__builtin_mul_overflow(elements, h->type->size, &h->total) &&
           !__builtin_add_overflow(h->total, h->bytes, &h->total);
    const char *shape = rv_shape_text(RV_SHAPE_BUFFER, h->ndim, h->shape);
    if (!fits)
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\": the shape %s is more than a file can hold",
                       r->path, shape);
    if (gzdirect(r->file) && h->total > r->file_bytes)
        return rv_fail(
            RV_ERROR_FORMAT, who,
            "\"%s\" ends early: its header (shape %s) makes it %lld bytes, and it has %lld",
            r->path, shape, (long long)h->total, (long long)r->file_bytes);
    if (gzdirect(r->file) && h->total < r->file_bytes)
        return rv_fail(
            RV_ERROR_FORMAT, who,
            "\"%s\" is too long: its header (shape %s) makes it %lld bytes, and it has %lld",
            r->path, shape, (long long)h->total, (long long)r->file_bytes);
    if (h->total / RV_DEFLATE_LIMIT > r->file_bytes)
        return rv_fail(
            RV_ERROR_FORMAT, who,
            "\"%s\": its header (shape %s) makes it %lld bytes, more than %lld compressed "
            "bytes can hold",
            r->path, shape, (long long)h->total, (long long)r->file_bytes);
    return true;
}

static bool read_header(rv_gz_reader *r, header *h)
{
    unsigned char sizes[4 * RV_MAX_DIMENSIONS];
    if (!read_magic(r, h) || !rv_gz_read(r, sizes, 4 * h->ndim))
        return false;
    if (r->came < h->bytes)
        return rv_fail(RV_ERROR_FORMAT, who,
                       "\"%s\" ends early: %lld bytes of a header of %lld came%s", r->path,
                       (long long)r->came, (long long)h->bytes, rv_gz_cut_off(r));
    for (int i = 0; i < h->ndim; i++) {
        const unsigned char *size = sizes + 4 * i;
        h->shape[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    return check_sizes(r, h);
}

/* Reads the elements' bytes to `raw`, and sees to it that they are all, and that nothing follows.
 */
static bool read_elements(rv_gz_reader *r, const header *h, void *raw)
{
    char beyond;
    if (!rv_gz_read(r, raw, h->total - h->bytes))
        return false;
    const bool complete = r->came == h->total;
    if (complete && !rv_gz_read(r, &beyond, 1))
        return false;
    if (complete && r->came > h->total)
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\" goes on after its %lld bytes (shape %s)",
                       r->path, (long long)h->total,
                       rv_shape_text(RV_SHAPE_BUFFER, h->ndim, h->shape));
    if (!complete || rv_gz_cut_off(r)[0] != '\0')
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\" ends early: %lld of %lld bytes came%s",
                       r->path, (long long)r->came, (long long)h->total, rv_gz_cut_off(r));
    return true;
}

/* ---- decoding -------------------------------------------------------------------------------- */

static uint32_t decode32(const unsigned char *raw)
{
    return (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
}

static uint64_t decode64(const unsigned char *raw)
{
    return (uint64_t)decode32(raw) << 32 | decode32(raw + 4);
}

/* From big-endian bytes, which may lie at the end of `out`, to numbers of this machine. */
static void decode(const element_type *type, int64_t n, const unsigned char *raw, char *out)
{
    for (int64_t i = 0; type->code == 0x09 && i < n; i++)
        memcpy(out + 8 * i, &(int64_t){(int8_t)raw[i]}, 8);
    for (int64_t i = 0; type->code == 0x0B && i < n; i++)
        memcpy(out + 8 * i, &(int64_t){(int16_t)(raw[2 * i] << 8 | raw[2 * i + 1])}, 8);
    for (int64_t i = 0; type->code == 0x0C && i < n; i++)
        memcpy(out + 8 * i, &(int64_t){(int32_t)decode32(raw + 4 * i)}, 8);
    for (int64_t i = 0; type->code == 0x0D && i < n; i++)
        memcpy(out + 4 * i, &(uint32_t){decode32(raw + 4 * i)}, 4);
    for (int64_t i = 0; type->code == 0x0E && i < n; i++)
        memcpy(out + 8 * i, &(uint64_t){decode64(raw + 8 * i)}, 8);
}

static rv_tensor *read_tensor(rv_gz_reader *r)
{
    header h = {0};
    if (!read_header(r, &h))
        return NULL;
    rv_tensor *t = rv_make(who, h.type->dtype, h.ndim, h.shape);
    if (t == NULL)
        return NULL;
    const int64_t spare = t->numel * ((int64_t)rv_dtype_size(t->dtype) - h.type->size);
    if (!read_elements(r, &h, t->data + spare))
        return NULL;
    decode(h.type, t->numel, (const unsigned char *)t->data + spare, t->data);
    return t;
}

rv_tensor *rv_idx_read(const char *path)
{
    rv_gz_reader r = {.who = who};
    if (!rv_gz_open(&r, path))
        return NULL;
    rv_tensor *t = read_tensor(&r);
    rv_gz_close(&r);
    return t;
}

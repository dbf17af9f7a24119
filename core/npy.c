/* npy.c - .npy files: a header that is a Python dictionary, and the elements behind it.
 *
 * Of Python, just what numpy.save writes is understood: three keys, a string, a truth value and a
 * tuple of sizes. The sizes are held against the file's own before memory is taken. Integers
 * narrower than 64 bits are read into the end of the tensor's memory and widened from its front:
 * what is written never passes what is still to be read.
 */

#include "core/npy.h"

#include <string.h>

#include "core/platform.h"
#include "core/tensor_make.h"

static const char who[] = "npy_read";
static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

#define HEADER_LIMIT 10000 /* bytes of text: NumPy's own */
#define ALIGNMENT 64       /* of the elements in a file that is written */

typedef struct element_type {
    const char *name;
    int64_t size; /* in the file */
    rv_dtype dtype;
} element_type;

/* The first of a dtype is what it is written as. */
static const element_type element_types[] = {
    {"<f4", 4, RV_F32}, {"<f8", 8, RV_F64}, {"<i8", 8, RV_I64}, {"|u1", 1, RV_U8},
    {"|b1", 1, RV_U8},  {"<i4", 4, RV_I64}, {"<i2", 2, RV_I64}, {"|i1", 1, RV_I64},
    {"<u4", 4, RV_I64}, {"<u2", 2, RV_I64},
};

typedef struct header {
    const char *path;
    int64_t text_bytes;
    const element_type *type;
    bool fortran;
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
    int64_t bytes; /* of the elements */
} header;

/* ---- the header's text ----------------------------------------------------------------------- */

typedef struct parser {
    const char *path;
    const char *text, *at, *end;
} parser;

static bool expected(const parser *p, const char *what)
{
    return rv_fail(RV_ERROR_FORMAT, who, "\"%s\": at byte %lld of its header, %s is expected",
                   p->path, (long long)(p->at - p->text), what);
}

/* Steps over spaces, and over `c` if that follows. */
static bool take(parser *p, char c)
{
    while (p->at < p->end && *p->at == ' ')
        p->at++;
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

/* A string in quotes, without escapes; its text, and its length in *length; NULL if there is none.
 */
static const char *take_string(parser *p, size_t *length)
{
    const char quote = take(p, '\'') ? '\'' : '"';
    if (quote == '"' && !take(p, '"'))
        return NULL;
    const char *from = p->at, *to = memchr(from, quote, (size_t)(p->end - from));
    if (to == NULL)
        return NULL;
    *length = (size_t)(to - from);
    p->at = to + 1;
    return from;
}

static bool is_text(const char *text, size_t length, const char *what)
{
    return strlen(what) == length && memcmp(text, what, length) == 0;
}

static bool parse_type(parser *p, header *h)
{
    size_t length;
    const char *name = take_string(p, &length);
    if (name == NULL)
        return expected(p, "an element type in quotes");
    for (int i = 0; i < RV_COUNT(element_types); i++)
        if (is_text(name, length, element_types[i].name))
            h->type = &element_types[i];
    if (h->type != NULL)
        return true;
    p->at = name;
    return expected(p, "one of <f4 <f8 <i8 <i4 <i2 |i1 <u4 <u2 |u1 |b1");
}

static bool parse_order(parser *p, header *h)
{
    h->fortran = take(p, 'T');
    if (!h->fortran && !take(p, 'F'))
        return expected(p, "True or False");
    for (const char *rest = h->fortran ? "rue" : "alse"; *rest != '\0'; rest++)
        if (p->at == p->end || *p->at++ != *rest)
            return expected(p, "True or False");
    return true;
}

static bool parse_size(parser *p, int64_t *size)
{
    take(p, ' ');
    const char *from = p->at;
    *size = 0;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++)
        if (__builtin_mul_overflow(*size, 10, size) ||
            __builtin_add_overflow(*size, *p->at - '0', size))
            return expected(p, "a size below 2^63");
    return p->at > from || expected(p, "a size from 0, or )");
}

static bool parse_shape(parser *p, header *h)
{
    if (!take(p, '('))
        return expected(p, "a tuple of sizes");
    for (h->ndim = 0; !take(p, ')'); h->ndim++) {
        if (h->ndim == RV_MAX_DIMENSIONS)
            return rv_fail(RV_ERROR_FORMAT, who,
                           "\"%s\" has more than %d dimensions; a tensor has 0 to %d", p->path,
                           RV_MAX_DIMENSIONS, RV_MAX_DIMENSIONS);
        if (!parse_size(p, &h->shape[h->ndim]))
            return false;
        if (take(p, ','))
            continue;
        if (h->ndim == 0 || !take(p, ')')) /* (3) is a number, (3,) a tuple */
            return expected(p, "a comma");
        h->ndim++;
        break;
    }
    return true;
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and a newline at the end. */
static bool parse(parser *p, header *h)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool (*const values[])(parser *, header *) = {parse_type, parse_order, parse_shape};
    bool seen[3] = {0};
    if (!take(p, '{'))
        return expected(p, "{");
    while (!take(p, '}')) {
        size_t length;
        const char *key = take_string(p, &length);
        int i = 0;
        while (key != NULL && i < 3 && (seen[i] || !is_text(key, length, keys[i])))
            i++;
        if (key == NULL || i == 3)
            return expected(p, "each of 'descr', 'fortran_order' and 'shape', once");
        seen[i] = true;
        if (!take(p, ':'))
            return expected(p, ":");
        if (!values[i](p, h))
            return false;
        if (take(p, ','))
            continue;
        if (!take(p, '}'))
            return expected(p, ", or }");
        break;
    }
    if (!seen[0] || !seen[1] || !seen[2])
        return expected(p, "each of 'descr', 'fortran_order' and 'shape', once");
    return (take(p, '\n') && p->at == p->end) || expected(p, "a newline, and the end,");
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Reads exactly `bytes`. */
static bool read_bytes(const char *path, FILE *file, void *to, int64_t bytes)
{
    errno = 0;
    if (fread(to, 1, (size_t)bytes, file) == (size_t)bytes)
        return true;
    return rv_fail(ferror(file) ? RV_ERROR_FILE : RV_ERROR_FORMAT, who, "\"%s\" %s%s", path,
                   ferror(file) ? "cannot be read: " : "ends early",
                   ferror(file) ? strerror(errno) : "");
}

/* Refuses sizes that are not this file's; `left` is what it holds behind its header. */
static bool check_sizes(header *h, int64_t left)
{
    h->bytes = h->type->size;
    bool fits = true;
    for (int i = 0; i < h->ndim; i++)
        fits = fits && !__builtin_mul_overflow(h->bytes, h->shape[i], &h->bytes);
    const char *shape = rv_shape_text(RV_SHAPE_BUFFER, h->ndim, h->shape);
    if (!fits)
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\": the shape %s is more than a file can hold",
                       h->path, shape);
    return h->bytes == left ||
           rv_fail(RV_ERROR_FORMAT, who,
                   "\"%s\" %s: %s of shape %s are %lld bytes, and it has %lld behind its header",
                   h->path, left < h->bytes ? "ends early" : "is too long", h->type->name, shape,
                   (long long)h->bytes, (long long)left);
}

static bool read_header(FILE *file, int64_t file_bytes, header *h)
{
    unsigned char start[12]; /* magic, version, the length of the text in 2 or 4 bytes */
    char text[HEADER_LIMIT];
    if (file_bytes < 10 || !read_bytes(h->path, file, start, 10) ||
        memcmp(start, magic, sizeof magic) != 0)
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\" is no .npy file", h->path);
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\" is of version %d.%d; 1.0 to 3.0 are read",
                       h->path, start[6], start[7]);
    const int start_bytes = start[6] == 1 ? 10 : 12;
    if (start_bytes == 12 && !read_bytes(h->path, file, start + 10, 2))
        return false;
    h->text_bytes = start[8] | (int64_t)start[9] << 8;
    if (start_bytes == 12)
        h->text_bytes |= (int64_t)start[10] << 16 | (int64_t)start[11] << 24;
    if (h->text_bytes > HEADER_LIMIT)
        return rv_fail(RV_ERROR_FORMAT, who, "\"%s\": its header has %lld bytes; at most %d",
                       h->path, (long long)h->text_bytes, HEADER_LIMIT);
    if (!read_bytes(h->path, file, text, h->text_bytes))
        return false;
    parser p = {.path = h->path, .text = text, .at = text, .end = text + h->text_bytes};
    return parse(&p, h) && check_sizes(h, file_bytes - start_bytes - h->text_bytes);
}

/* From integers narrower than 64 bits, which lie at the end of `to`. */
static void widen(const element_type *type, int64_t n, const char *from, int64_t *to)
{
    const bool is_signed = type->name[1] == 'i';
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = 0;
        for (int64_t b = 0; b < type->size; b++)
            bits |= (uint32_t)(unsigned char)from[i * type->size + b] << (8 * b);
        const int64_t range = (int64_t)1 << (8 * type->size);
        to[i] = is_signed && bits >= range / 2 ? (int64_t)bits - range : (int64_t)bits;
    }
}

static bool check_booleans(const header *h, const rv_tensor *t)
{
    for (int64_t i = 0; i < t->numel; i++)
        if ((uint8_t)t->data[i] > 1)
            return rv_fail(RV_ERROR_FORMAT, who, "\"%s\": element %lld is %d, and no boolean",
                           h->path, (long long)i, (uint8_t)t->data[i]);
    return true;
}

/* What lies in Fortran's order was read with its axes the other way round. */
static rv_tensor *turn(const header *h, rv_tensor *t)
{
    int axes[RV_MAX_DIMENSIONS];
    for (int i = 0; i < h->ndim; i++)
        axes[i] = h->ndim - 1 - i;
    const rv_tensor *turned = rv_raw_permute(who, t, h->ndim, axes);
    return turned ? rv_raw_contiguous(who, turned) : NULL;
}

static rv_tensor *read_elements(FILE *file, const header *h)
{
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < h->ndim; i++)
        shape[i] = h->shape[h->fortran ? h->ndim - 1 - i : i];
    rv_tensor *t = rv_make(who, h->type->dtype, h->ndim, shape);
    if (t == NULL)
        return NULL;
    char *raw = t->data + t->numel * (int64_t)rv_dtype_size(t->dtype) - h->bytes;
    if (!read_bytes(h->path, file, raw, h->bytes))
        return NULL;
    if (raw != t->data)
        widen(h->type, t->numel, raw, (int64_t *)t->data);
    if (strcmp(h->type->name, "|b1") == 0 && !check_booleans(h, t))
        return NULL;
    return h->fortran && h->ndim > 1 ? turn(h, t) : t;
}

rv_tensor *rv_npy_read(const char *path)
{
    RV_SCOPE;
    if (path == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the path is NULL");
    const int64_t file_bytes = rv_file_size(path);
    FILE *file = file_bytes >= 0 ? fopen(path, "rb") : NULL;
    if (file == NULL)
        return rv_fail_null(RV_ERROR_FILE, who, "\"%s\" cannot be read: %s", path, strerror(errno));
    header h = {.path = path};
    rv_tensor *t = read_header(file, file_bytes, &h) ? read_elements(file, &h) : NULL;
    fclose(file);
    return rv_keep(t);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Magic, version 1.0, length and dictionary, with spaces to the next multiple of ALIGNMENT. */
static int make_header(const rv_tensor *t, char *text, int room)
{
    int type = 0;
    while (element_types[type].dtype != t->dtype)
        type++;
    int n = 10 + snprintf(text + 10, (size_t)room - 10,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          element_types[type].name);
    for (int i = 0; i < t->ndim; i++)
        n += snprintf(text + n, (size_t)(room - n), "%s%lld%s", i > 0 ? " " : "",
                      (long long)t->shape[i], i < t->ndim - 1 || t->ndim == 1 ? "," : "");
    n += snprintf(text + n, (size_t)(room - n), "), }");
    while ((n + 1) % ALIGNMENT != 0)
        text[n++] = ' ';
    text[n++] = '\n';
    memcpy(text, magic, sizeof magic);
    text[6] = 1;
    text[7] = 0;
    text[8] = (char)((n - 10) & 0xff);
    text[9] = (char)((n - 10) >> 8);
    return n;
}

bool rv_npy_write(const char *path, const rv_tensor *t)
{
    RV_SCOPE;
    const char *writer = "npy_write";
    if (!rv_check(writer, 0, t))
        return false;
    const rv_tensor *packed = rv_raw_contiguous(writer, t);
    rv_replacement *replacement = packed ? rv_replace_begin(writer, path) : NULL;
    if (replacement == NULL)
        return false;
    char text[4 * ALIGNMENT + 32 * RV_MAX_DIMENSIONS];
    const size_t header_bytes = (size_t)make_header(t, text, (int)sizeof text);
    const size_t bytes = (size_t)t->numel * rv_dtype_size(t->dtype);
    FILE *file = rv_replace_file(replacement);
    errno = 0;
    if (fwrite(text, 1, header_bytes, file) == header_bytes &&
        (bytes == 0 || fwrite(packed->data, 1, bytes, file) == bytes))
        return rv_replace_commit(replacement);
    rv_fail(RV_ERROR_FILE, writer, "\"%s\" was not written: %s", path,
            errno ? strerror(errno) : "the system gives no reason");
    rv_replace_cancel(replacement);
    return false;
}

/* small_files.h - a small good file of each format that is read, for suites that spoil them: each
 * function writes one to `to`, which has room for FILE_BYTES, and returns how many bytes it has.
 * What they write on the way lies in the test's folder (files.h).
 */
#ifndef TESTS_SMALL_FILES_H
#define TESTS_SMALL_FILES_H

#include <string.h>

#include "files.h"
#include "jpeg_files.h"
#include "ravine.h"

enum { FILE_BYTES = 4096 };

static inline size_t copy(unsigned char *to, const void *bytes, size_t n)
{
    memcpy(to, bytes, n);
    return n;
}

/* What write_gz makes of these bytes. */
static inline size_t compress_file(unsigned char *to, const unsigned char *bytes, size_t n)
{
    return read_file(write_gz("made", bytes, n), to, FILE_BYTES);
}

static inline size_t make_safetensors(unsigned char *to)
{
    RV_SCOPE;
    rv_tensor *tensors[] = {rv_arange(RV_F32, 0, 6, 1), rv_full(5, RV_I64), rv_zeros(RV_U8, 0)};
    tensors[0] = rv_raw_reshape("test", tensors[0], 2, (int64_t[]){2, 3});
    rv_safetensors_write(in_folder("made"), (const char *[]){"weight", "n", "e"}, tensors, 3);
    return read_file(in_folder("made"), to, FILE_BYTES);
}

static inline size_t make_idx(unsigned char *to)
{
    return copy(to, "\0\0\x0b\2\0\0\0\2\0\0\0\3\0\1\0\2\0\3\0\4\0\5\0\6", 24);
}

static inline size_t make_idx_gz(unsigned char *to)
{
    unsigned char plain[64];
    return compress_file(to, plain, make_idx(plain));
}

static inline size_t make_npy(unsigned char *to)
{
    rv_npy_write(in_folder("made"),
                 rv_raw_reshape("test", rv_arange(RV_F32, 0, 6, 1), 2, (int64_t[]){2, 3}));
    return read_file(in_folder("made"), to, FILE_BYTES);
}

static inline size_t make_csv(unsigned char *to)
{
    static const char text[] = "a,\"b\"\"c\",y\n1,-2.5e1,cat\r\n\"3\",4,\"d,\"\"g\"\n\n5,6,cat\n";
    return copy(to, text, sizeof text - 1);
}

/* One image: its labels, and 3072 bytes. */
static inline size_t make_cifar(unsigned char *to, int labels)
{
    for (int i = 0; i < labels + 3072; i++)
        to[i] = (unsigned char)(i < labels ? 7 : i * 7);
    return (size_t)labels + 3072;
}

static inline size_t make_cifar10(unsigned char *to)
{
    return make_cifar(to, 1);
}

static inline size_t make_cifar100(unsigned char *to)
{
    return make_cifar(to, 2);
}

static inline size_t make_cifar10_gz(unsigned char *to)
{
    unsigned char plain[FILE_BYTES];
    return compress_file(to, plain, make_cifar10(plain));
}

/* Names of classes, beside an image that they are the names for. */
static inline size_t make_names(unsigned char *to)
{
    write_file("test_batch.bin", to, make_cifar10(to));
    static const char text[] = "cat\nd\xc3\xa9g\nc\nd\ne\nf\ng\nh\ni\nj\n";
    return copy(to, text, sizeof text - 1);
}

static inline size_t make_names_gz(unsigned char *to)
{
    unsigned char plain[FILE_BYTES];
    return compress_file(to, plain, make_names(plain));
}

static inline size_t make_png(unsigned char *to)
{
    RV_SCOPE;
    rv_tensor *t = rv_zeros(RV_U8, 3, 4, 3);
    for (int64_t i = 0; i < t->numel; i++)
        ((uint8_t *)t->data)[i] = (uint8_t)(i * 37);
    rv_image_write(in_folder("made"), t);
    return read_file(in_folder("made"), to, FILE_BYTES);
}

static inline size_t make_baseline(unsigned char *to)
{
    return copy(to, jpeg_baseline, sizeof jpeg_baseline);
}

static inline size_t make_progressive(unsigned char *to)
{
    return copy(to, jpeg_progressive, sizeof jpeg_progressive);
}

static inline size_t make_coloured(unsigned char *to)
{
    return copy(to, jpeg_coloured, sizeof jpeg_coloured);
}

/* A header of 40 bytes, a palette, and pixels: 3 rows of 4 bytes. */
static inline size_t make_bitmap(unsigned char *to, int width, int bits, int colours)
{
    const int start = 54 + 4 * colours, bytes = start + 12;
    memset(to, 0, (size_t)bytes);
    memcpy(to, "BM", 2);
    to[2] = (unsigned char)bytes;
    to[10] = (unsigned char)start;
    to[14] = 40;
    to[18] = (unsigned char)width;
    to[22] = 3;
    to[26] = 1;
    to[28] = (unsigned char)bits;
    to[46] = (unsigned char)colours;
    for (int i = 54; i < bytes; i++)
        to[i] = (unsigned char)(bits == 24 || i < start ? i * 5 : i % (colours ? colours : 256));
    return (size_t)bytes;
}

static inline size_t make_bitmap_24(unsigned char *to)
{
    return make_bitmap(to, 1, 24, 0);
}

static inline size_t make_bitmap_8(unsigned char *to)
{
    return make_bitmap(to, 3, 8, 5);
}

static inline size_t make_bitmap_1(unsigned char *to)
{
    return make_bitmap(to, 9, 1, 2);
}

static inline size_t make_bitmap_16(unsigned char *to)
{
    const size_t bytes = make_bitmap(to, 2, 16, 3); /* the palette's place is that of the masks */
    to[30] = 3;
    memcpy(to + 54, "\0\xf8\0\0\xe0\7\0\0\x1f\0\0\0", 12);
    return bytes;
}

#endif

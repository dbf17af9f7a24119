/* test_npy.c - .npy files, right and wrong ones. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "files.h"
#include "helpers.h"

TestSuite(npy, .init = make_folder, .fini = remove_folder);

/* A file of version `major` with this dictionary, padded as NumPy does, and `n` bytes behind it;
 * its path. */
static const char *write_npy(int major, const char *dictionary, const void *elements, size_t n)
{
    static unsigned char file[16384];
    const size_t start = major == 1 ? 10 : 12, text = strlen(dictionary);
    const size_t total = (start + text + 1 + 63) / 64 * 64;
    memset(file, ' ', total);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)major;
    file[7] = 0;
    file[8] = (unsigned char)(total - start);
    file[9] = (unsigned char)((total - start) >> 8);
    if (major > 1)
        file[10] = file[11] = 0;
    memcpy(file + start, dictionary, text);
    file[total - 1] = '\n';
    memcpy(file + total, elements, n);
    return write_file("a.npy", file, total + n);
}

#define HEADER(type, order, shape) \
    "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }"

typedef struct sample {
    const char *header;
    rv_dtype dtype;
    size_t bytes;
    char elements[32];
    double values[4];
} sample;

/* All are [2,2]. */
static const sample samples[] = {
    {HEADER("<f4", "False", "(2, 2)"),
     RV_F32,
     16,
     "\0\0\xc0\x3f\0\0\x20\xbe\0\0\0\0\0\0\x80\x3f",
     {1.5, -0.15625, 0, 1}},
    {HEADER("<f8", "False", "(2, 2)"),
     RV_F64,
     32,
     "\0\0\0\0\0\0\xf8\x3f\x14\xae\x47\xe1\x7a\x14\x03\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f",
     {1.5, -2.385, 0, 1}},
    {HEADER("<i8", "False", "(2, 2)"),
     RV_I64,
     32,
     "\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\1\0\0\0\0\0\0\0\0\0\0\0\1\0\0",
     {1, -1, 256, 1099511627776.0}},
    {HEADER("<i4", "False", "(2, 2)"),
     RV_I64,
     16,
     "\1\0\0\0\xff\xff\xff\xff\0\0\0\x80\xff\xff\xff\x7f",
     {1, -1, -2147483648.0, 2147483647}},
    {HEADER("<i2", "False", "(2, 2)"),
     RV_I64,
     8,
     "\1\0\xff\xff\0\x80\xff\x7f",
     {1, -1, -32768, 32767}},
    {HEADER("|i1", "False", "(2, 2)"), RV_I64, 4, "\1\xff\x80\x7f", {1, -1, -128, 127}},
    {HEADER("<u4", "False", "(2, 2)"),
     RV_I64,
     16,
     "\1\0\0\0\xff\xff\xff\xff\0\0\0\x80\xff\xff\xff\x7f",
     {1, 4294967295.0, 2147483648.0, 2147483647}},
    {HEADER("<u2", "False", "(2, 2)"),
     RV_I64,
     8,
     "\1\0\xff\xff\0\x80\xff\x7f",
     {1, 65535, 32768, 32767}},
    {HEADER("|u1", "False", "(2, 2)"), RV_U8, 4, "\1\xff\x80\x7f", {1, 255, 128, 127}},
    {HEADER("|b1", "False", "(2, 2)"), RV_U8, 4, "\1\0\0\1", {1, 0, 0, 1}},
    {HEADER("|u1", "True", "(2, 2)"), RV_U8, 4, "\1\2\3\4", {1, 3, 2, 4}},
    {HEADER("<i2", "True", "(2, 2)"), RV_I64, 8, "\1\0\2\0\3\0\4\0", {1, 3, 2, 4}},
    {"{'shape':(2,2),\"fortran_order\":False,  'descr' : '|u1'}",
     RV_U8,
     4,
     "\1\2\3\4",
     {1, 2, 3, 4}},
    {"{'shape': (2, 2,), 'fortran_order': False, 'descr': \"|u1\"}",
     RV_U8,
     4,
     "\1\2\3\4",
     {1, 2, 3, 4}},
};

static bool is_sample(const rv_tensor *t, const sample *s)
{
    return t != NULL && t->dtype == s->dtype && t->ndim == 2 && t->shape[0] == 2 &&
           t->shape[1] == 2 && rv_is_contiguous(t) && holds(t, 0, 4, s->values);
}

static bool refused(const char *path, const char *message)
{
    return rv_npy_read(path) == NULL && error_is(RV_ERROR_FORMAT, message);
}

Test(npy, of_every_type_and_version)
{
    for (int i = 0; i < RV_COUNT(samples); i++)
        for (int version = 1; version <= 3; version++)
            cr_expect(is_sample(rv_npy_read(write_npy(version, samples[i].header,
                                                      samples[i].elements, samples[i].bytes)),
                                &samples[i]),
                      "%d, version %d: %s", i, version, samples[i].header);
    cr_expect(no_error());
}

Test(npy, of_unusual_shapes)
{
    const rv_tensor *t = rv_npy_read(write_npy(1, HEADER("|u1", "False", "()"), "\7", 1));
    cr_expect(t != NULL && t->ndim == 0 && rv_item(t) == 7);
    t = rv_npy_read(write_npy(1, HEADER("<f4", "True", "(3, 0, 2)"), "", 0));
    cr_expect(t != NULL && t->ndim == 3 && t->shape[0] == 3 && t->shape[1] == 0 && t->numel == 0);
    t = rv_npy_read(write_npy(1, HEADER("|u1", "False", "(3,)"), "\1\2\3", 3));
    cr_expect(t != NULL && t->ndim == 1 && HOLDS(t, 0, 1, 2, 3));
    t = rv_npy_read(write_npy(1, HEADER("|u1", "True", "(1, 2, 3)"), "\1\2\3\4\5\6", 6));
    cr_expect(t != NULL && t->ndim == 3 && t->shape[1] == 2 && HOLDS(t, 0, 1, 3, 5, 2, 4, 6));
    t = rv_npy_read(write_npy(1, HEADER("|u1", "True", "(1, 1, 1, 1, 1, 1, 2, 1)"), "\1\2", 2));
    cr_expect(t != NULL && t->ndim == 8 && t->shape[6] == 2 && HOLDS(t, 0, 1, 2));
    cr_expect(no_error());
}

/* What NumPy 2.4's np.save wrote for np.arange(6, dtype='<i2').reshape(2, 3).T */
Test(npy, as_numpy_writes_it)
{
    static const char file[] =
        "\x93NUMPY\x01\0v\0{'descr': '<i2', 'fortran_order': True, 'shape': (3, 2), }"
        "                                                           \n"
        "\0\0\1\0\2\0\3\0\4\0\5";
    cr_assert_eq(sizeof file, 140);
    const rv_tensor *t = rv_npy_read(write_file("numpy.npy", file, sizeof file));
    cr_expect(t != NULL && t->ndim == 2 && t->shape[0] == 3 && HOLDS(t, 0, 0, 3, 1, 4, 2, 5));
    cr_expect(no_error());
}

Test(npy, written_as_numpy_does)
{
    static const char header[] =
        "\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
        "                                                            \n";
    rv_tensor *one = rv_full(1, RV_F32, 1);
    cr_expect(rv_npy_write(in_folder("one.npy"), one));
    char file[256];
    cr_assert_eq(read_file(in_folder("one.npy"), file, sizeof file), 132);
    cr_expect_arr_eq(file, header, 128);
    cr_expect_arr_eq(file + 128, "\0\0\x80\x3f", 4);
    static const rv_dtype dtypes[] = {RV_F32, RV_F64, RV_I64, RV_U8};
    for (int i = 0; i < RV_COUNT(dtypes); i++) {
        for (int ndim = 0; ndim <= RV_MAX_DIMENSIONS; ndim++) {
            const int64_t shape[RV_MAX_DIMENSIONS] = {2, 1, 3, 1, 2, 1, 1, 2};
            int axes[RV_MAX_DIMENSIONS];
            for (int j = 0; j < ndim; j++)
                axes[j] = ndim - 1 - j;
            rv_tensor *t = rv_zeros_n(dtypes[i], ndim, shape);
            for (int64_t j = 0; j < t->numel; j++)
                t->data[j * (int64_t)rv_dtype_size(t->dtype)] = (char)(j + 1);
            const rv_tensor *turned = rv_raw_permute("test", t, ndim, axes);
            cr_expect(rv_npy_write(in_folder("t.npy"), turned));
            const rv_tensor *read = rv_npy_read(in_folder("t.npy"));
            cr_expect(read != NULL && read->dtype == dtypes[i] && rv_equal(read, turned),
                      "%s, %d axes", rv_dtype_name(dtypes[i]), ndim);
        }
    }
    cr_expect(no_error());
}

Test(npy, that_cannot_be_written)
{
    rv_tensor *t = rv_full(1, RV_U8, 3);
    cr_expect_not(rv_npy_write(in_folder("nothing/a.npy"), t));
    cr_expect(error_is(RV_ERROR_FILE, "npy_write"));
    cr_expect_not(rv_npy_write(NULL, t));
    cr_expect(error_is(RV_ERROR_NULL, "npy_write: the path is NULL"));
    cr_expect_not(rv_npy_write(in_folder("a.npy"), NULL));
    cr_expect(error_is(RV_ERROR_NULL, "npy_write: input 0 is NULL"));
    cr_expect_null(rv_npy_read(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "npy_read: the path is NULL"));
    cr_expect_null(rv_npy_read(in_folder("a.npy")));
    cr_expect(error_is(RV_ERROR_FILE, "cannot be read: No such file"));
    cr_expect_null(rv_npy_read(test_folder));
    cr_expect(error_is(RV_ERROR_FILE, "Is a directory"));
}

/* ---- wrong files ----------------------------------------------------------------------------- */

Test(npy, cut_off_or_too_long)
{
    for (int i = 0; i < RV_COUNT(samples); i++) {
        char file[512] = {0};
        const size_t bytes = read_file(
            write_npy(1 + i % 3, samples[i].header, samples[i].elements, samples[i].bytes), file,
            sizeof file);
        cr_expect(refused(write_file("cut.npy", file, 9), "cut.npy\" is no .npy file"));
        cr_expect(refused(write_file("cut.npy", file, 99), "cut.npy\" ends early"));
        cr_expect(refused(write_file("cut.npy", file, bytes - 1), "cut.npy\" ends early"));
        cr_expect(refused(write_file("cut.npy", file, bytes + 1), "is too long"));
    }
}

Test(npy, headers_that_are_none)
{
    static const char *const wrong[][2] = {
        {"", "at byte 53 of its header, { is expected"},
        {"{}", "each of 'descr', 'fortran_order' and 'shape', once is expected"},
        {"{'descr': '|u1', 'fortran_order': False}", "each of 'descr'"},
        {"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}", "each of"},
        {"{'descr': '|u1', 'other': 1, 'fortran_order': False, 'shape': ()}", "each of"},
        {"{descr: '|u1', 'fortran_order': False, 'shape': ()}", "each of"},
        {"{'descr' '|u1', 'fortran_order': False, 'shape': ()}", ": is expected"},
        {"{'descr': '|u1' 'fortran_order': False, 'shape': ()}", ", or } is expected"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': ()", ", or } is expected"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': ()} x", "a newline, and the end, is"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': ()}\n", "a newline, and the end, is"},
        {"{'descr': '|u1', 'fortran_order': 0, 'shape': ()}", "True or False is expected"},
        {"{'descr': '|u1', 'fortran_order': Tru, 'shape': ()}", "True or False"},
        {"{'descr': '|u1, 'fortran_order': False, 'shape': ()}", "one of <f4 <f8"},
        {"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': ()}", "an element type in"},
        {HEADER(">f4", "False", "()"), "one of <f4 <f8 <i8 <i4 <i2 |i1 <u4 <u2 |u1 |b1 is"},
        {HEADER("<c8", "False", "()"), "one of"},
        {HEADER("|O", "False", "()"), "one of"},
        {HEADER("<f", "False", "()"), "one of"},
        {HEADER("|u1", "False", "1"), "a tuple of sizes is expected"},
        {HEADER("|u1", "False", "(1)"), "a comma is expected"},
        {HEADER("|u1", "False", "(,)"), "a size from 0, or ) is expected"},
        {HEADER("|u1", "False", "(1,,1)"), "a size from 0"},
        {HEADER("|u1", "False", "(-1,)"), "a size from 0"},
        {HEADER("|u1", "False", "(1.0,)"), "a comma is expected"},
        {HEADER("|u1", "False", "(1L,)"), "a comma is expected"},
        {HEADER("|u1", "False", "(1 1)"), "a comma is expected"},
        {HEADER("|u1", "False", "(9223372036854775808,)"), "a size below 2^63"},
        {HEADER("|u1", "False", "(99999999999999999999999,)"), "a size below 2^63"},
        {HEADER("|u1", "False", "(1,1,1,1,1,1,1,1,1)"), "has more than 8 dimensions"},
        {HEADER("<f8", "False", "(4294967296, 4294967296)"), "is more than a file can hold"},
        {HEADER("<f8", "False", "(9223372036854775807,)"), "is more than a file can hold"},
        {HEADER("|u1", "False", "(9223372036854775807,)"), "ends early: |u1 of shape"},
        {HEADER("|u1", "False", "(2,)"), "are 2 bytes, and it has 1 behind its header"},
        {HEADER("|u1", "False", "(0,)"), "is too long"},
        {HEADER("|b1", "False", "()"), "element 0 is 7, and no boolean"},
    };
    rv_memory_limit(rv_memory_usage().held + (2 << 20));
    for (int i = 0; i < RV_COUNT(wrong); i++)
        cr_expect(refused(write_npy(1 + i % 3, wrong[i][0], "\7", 1), wrong[i][1]), "%d: %s", i,
                  wrong[i][0]);
}

Test(npy, versions_and_lengths_that_are_none)
{
    char file[16384] = "\x93NUMPY\x01\0v\0";
    memset(file + 10, ' ', sizeof file - 10);
    file[6] = 4;
    cr_expect(refused(write_file("v.npy", file, 200), "is of version 4.0; 1.0 to 3.0 are read"));
    file[6] = 0;
    cr_expect(refused(write_file("v.npy", file, 200), "is of version 0.0"));
    file[6] = 1, file[7] = 1;
    cr_expect(refused(write_file("v.npy", file, 200), "is of version 1.1"));
    file[7] = 0;
    memset(file + 8, 0xff, 2);
    cr_expect(refused(write_file("v.npy", file, sizeof file), "its header has 65535 bytes"));
    file[6] = 2;
    memset(file + 8, 0xff, 4);
    cr_expect(refused(write_file("v.npy", file, sizeof file), "its header has 4294967295 bytes"));
    memcpy(file + 8, "\x10\x27\0\0", 4); /* 10000 */
    cr_expect(refused(write_file("v.npy", file, sizeof file), "at byte 10000 of its header, { is"));
    memcpy(file + 8, "\x11\x27\0\0", 4);
    cr_expect(refused(write_file("v.npy", file, sizeof file), "has 10001 bytes; at most 10000"));
}

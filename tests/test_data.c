/* test_data.c - IDX files and data sets. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "data_sets.h"
#include "files.h"
#include "helpers.h"

TestSuite(data, .init = make_folder, .fini = remove_folder);

/* ---- IDX files ------------------------------------------------------------------------------- */

typedef struct idx_sample {
    const char *name;
    rv_dtype dtype;
    int64_t shape[2]; /* 2-d */
    double values[4];
    size_t bytes;
    unsigned char file[64];
} idx_sample;

static const idx_sample idx_samples[] = {
    {"bytes", RV_U8, {2, 2}, {0, 1, 128, 255}, 16, "\0\0\x08\2\0\0\0\2\0\0\0\2\x00\x01\x80\xff"},
    {"signed",
     RV_I64,
     {2, 2},
     {0, 127, -128, -1},
     16,
     "\0\0\x09\2\0\0\0\2\0\0\0\2\x00\x7f\x80\xff"},
    {"int16",
     RV_I64,
     {1, 3},
     {258, -32768, -2},
     18,
     "\0\0\x0b\2\0\0\0\1\0\0\0\3\x01\x02\x80\x00\xff\xfe"},
    {"int32",
     RV_I64,
     {2, 1},
     {16909060, -2147483648.0},
     20,
     "\0\0\x0c\2\0\0\0\2\0\0\0\1\x01\x02\x03\x04\x80\x00\x00\x00"},
    {"float",
     RV_F32,
     {1, 2},
     {1.5, -0.15625},
     20,
     "\0\0\x0d\2\0\0\0\1\0\0\0\2\x3f\xc0\x00\x00\xbe\x20\x00\x00"},
    {"double",
     RV_F64,
     {2, 1},
     {1.5, -2.385},
     28,
     "\0\0\x0e\2\0\0\0\2\0\0\0\1\x3f\xf8\0\0\0\0\0\0\xc0\x03\x14\x7a\xe1\x47\xae\x14"},
};

static bool is_sample(const rv_tensor *t, const idx_sample *s)
{
    return t != NULL && t->dtype == s->dtype && t->ndim == 2 && t->shape[0] == s->shape[0] &&
           t->shape[1] == s->shape[1] && rv_is_contiguous(t) &&
           holds(t, 0, s->shape[0] * s->shape[1], s->values);
}

Test(data, idx_of_every_type)
{
    for (int i = 0; i < RV_COUNT(idx_samples); i++) {
        const idx_sample *s = &idx_samples[i];
        cr_expect(is_sample(rv_idx_read(write_file("plain", s->file, s->bytes)), s), "%s", s->name);
        cr_expect(is_sample(rv_idx_read(write_gz("packed", s->file, s->bytes)), s), "%s.gz",
                  s->name);
    }
    cr_expect(no_error());
}

Test(data, idx_takes_the_other_name)
{
    const idx_sample *s = &idx_samples[0];
    write_gz("only-packed.gz", s->file, s->bytes);
    cr_expect(is_sample(rv_idx_read(in_folder("only-packed")), s));
    write_file("only-plain", s->file, s->bytes);
    cr_expect(is_sample(rv_idx_read(in_folder("only-plain.gz")), s));
    write_file("both", idx_samples[1].file, idx_samples[1].bytes);
    write_gz("both.gz", s->file, s->bytes);
    cr_expect(is_sample(rv_idx_read(in_folder("both.gz")), s));
    cr_expect(is_sample(rv_idx_read(in_folder("both")), &idx_samples[1]));
    cr_expect(no_error());
}

Test(data, idx_of_unusual_shapes)
{
    const rv_tensor *scalar = rv_idx_read(write_file("a", "\0\0\x08\0\x07", 5));
    cr_expect(scalar != NULL && scalar->ndim == 0 && rv_item(scalar) == 7);
    const rv_tensor *empty = rv_idx_read(write_file("b", "\0\0\x0d\2\0\0\0\0\0\0\0\3", 12));
    cr_expect(empty != NULL && empty->ndim == 2 && empty->numel == 0 && empty->shape[1] == 3);
    unsigned char file[40] = {0, 0, 8, 8};
    for (int i = 1; i <= 8; i++)
        file[4 * i + 3] = 1;
    file[36] = 9;
    const rv_tensor *eight = rv_idx_read(write_file("c", file, 37));
    cr_expect(eight != NULL && eight->ndim == 8 && rv_item(eight) == 9);
    cr_expect(no_error());
    file[3] = 9;
    cr_expect_null(rv_idx_read(write_file("d", file, 40)));
    cr_expect(error_is(RV_ERROR_FORMAT, "has 9 dimensions; a tensor has 0 to 8"));
}

Test(data, idx_missing_or_no_file)
{
    cr_expect_null(rv_idx_read(in_folder("nothing")));
    cr_expect(error_is(RV_ERROR_FILE, "nothing\" nor \""));
    cr_expect_null(rv_idx_read(in_folder("nothing.gz")));
    cr_expect(error_is(RV_ERROR_FILE, "nothing\" exists"));
    cr_expect_null(rv_idx_read(test_folder));
    cr_expect(error_is(RV_ERROR_FILE, "Is a directory"));
    cr_expect_null(rv_idx_read(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "idx_read: the path is NULL"));
    cr_expect_null(rv_idx_read(""));
    cr_expect(error_is(RV_ERROR_FILE, "exists"));
}

Test(data, idx_cut_off)
{
    cr_expect_null(rv_idx_read(write_file("cut", idx_samples[0].file, 3)));
    cr_expect(error_is(RV_ERROR_FORMAT, "holds"));
    cr_expect_null(rv_idx_read(write_file("cut", idx_samples[0].file, 14)));
    cr_expect(error_is(RV_ERROR_FORMAT, "(shape [2,2]) makes it 16 bytes, and it has 14"));
    unsigned char packed[256];
    const size_t bytes = read_file(write_gz("whole", idx_samples[0].file, 16), packed, 256);
    cr_expect_null(rv_idx_read(write_file("cut", packed, bytes - 8)));
    cr_expect(error_is(RV_ERROR_FORMAT, "ends early: 16 of 16 bytes came (its compressed data is"));
}

Test(data, idx_with_bytes_beyond)
{
    for (int i = 0; i < RV_COUNT(idx_samples); i++) {
        const idx_sample *s = &idx_samples[i];
        cr_expect_null(rv_idx_read(write_file("long", s->file, s->bytes + 1)));
        cr_expect(error_is(RV_ERROR_FORMAT, "is too long: its header (shape ["));
        cr_expect_null(rv_idx_read(write_gz("long", s->file, s->bytes + 1)));
        cr_expect(error_is(RV_ERROR_FORMAT, "goes on after its"));
    }
}

/* Every header byte, every value (compressed: every bit turned): an error, or the one other type of
 * the same size. */
Test(data, idx_with_a_wrong_header_byte)
{
    for (int gz = 0; gz < 2; gz++) {
        for (int byte = 0; byte < 12; byte++) {
            for (int change = 1; change < 256; change += gz ? change : 1) {
                unsigned char file[16];
                memcpy(file, idx_samples[0].file, sizeof file);
                file[byte] ^= (unsigned char)change;
                const rv_tensor *t =
                    rv_idx_read((gz ? write_gz : write_file)("wrong", file, sizeof file));
                if (byte == 2 && file[2] == 9)
                    cr_expect(no_error() && t->dtype == RV_I64);
                else
                    cr_expect(t == NULL && error_is(RV_ERROR_FORMAT, "idx_read: "), "byte %d: %d",
                              byte, file[byte]);
            }
        }
    }
}

/* What a header claims is compared with the file before memory is taken for it. */
Test(data, idx_that_claims_too_much)
{
    rv_memory_limit(rv_memory_usage().held + (2 << 20));
    const unsigned char large[16] = {0, 0, 8, 3, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0, 28};
    cr_expect_null(rv_idx_read(write_file("large", large, 16)));
    cr_expect(error_is(RV_ERROR_FORMAT, "ends early"));
    cr_expect_null(rv_idx_read(write_gz("large", large, 16)));
    cr_expect(error_is(RV_ERROR_FORMAT, "more than "));
    unsigned char huge[40];
    memset(huge, 0xff, sizeof huge);
    memcpy(huge, "\0\0\x0e\x08", 4);
    cr_expect_null(rv_idx_read(write_file("huge", huge, 40)));
    cr_expect(error_is(RV_ERROR_FORMAT, "is more than a file can hold"));
    cr_expect_null(rv_idx_read(write_gz("huge", huge, 40)));
    cr_expect(error_is(RV_ERROR_FORMAT, "is more than a file can hold"));
}

Test(data, idx_with_damaged_compression)
{
    const idx_sample *s = &idx_samples[5];
    unsigned char packed[256];
    const size_t bytes = read_file(write_gz("whole", s->file, s->bytes), packed, sizeof packed);
    packed[bytes - 8] ^= 1;
    cr_expect_null(rv_idx_read(write_file("damaged", packed, bytes)));
    cr_expect(error_is(RV_ERROR_FORMAT, "incorrect data check"));
}

/* ---- MNIST ----------------------------------------------------------------------------------- */

enum { IMAGES = 5, PIXELS = 28 * 28 };

static unsigned char images_file[16 + IMAGES * PIXELS];
static unsigned char labels_file[8 + IMAGES];

static unsigned char pixel(int64_t i)
{
    return (unsigned char)(i * 7 + i / 256);
}

static void make_mnist(void)
{
    const unsigned char header[16] = {0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, 28, 0, 0, 0, 28};
    const unsigned char labels[8 + IMAGES] = {0, 0, 8, 1, 0, 0, 0, IMAGES, 3, 1, 4, 0, 9};
    memcpy(images_file, header, sizeof header);
    memcpy(labels_file, labels, sizeof labels);
    for (int i = 0; i < IMAGES * PIXELS; i++)
        images_file[16 + i] = pixel(i);
}

static void check_mnist(rv_dataset *set)
{
    cr_assert_not_null(set, "%s", rv_error());
    cr_expect_eq(rv_data_count(set), IMAGES);
    const rv_batch b = rv_data_batch(set, 0, IMAGES);
    cr_assert_eq(b.n, IMAGES);
    cr_expect(b.x->dtype == RV_F32 && b.x->ndim == 4 && b.x->shape[0] == IMAGES &&
              b.x->shape[1] == 1 && b.x->shape[2] == 28 && b.x->shape[3] == 28);
    cr_expect(b.y->dtype == RV_I64 && HOLDS(b.y, 0, 3, 1, 4, 0, 9));
    for (int64_t i = 0; i < IMAGES * PIXELS; i++)
        cr_assert_eq(((float *)b.x->data)[i], (float)pixel(i) / 255.0f);
    rv_data_free(set);
}

Test(data, mnist_under_its_names)
{
    make_mnist();
    write_file("train-images-idx3-ubyte", images_file, sizeof images_file);
    write_gz("train-labels-idx1-ubyte.gz", labels_file, sizeof labels_file);
    check_mnist(rv_data_mnist(test_folder, RV_TRAIN));
    check_mnist(rv_data_mnist(in_folder(""), RV_TRAIN)); /* with a slash at its end */
    write_gz("t10k-images.idx3-ubyte.gz", images_file, sizeof images_file);
    write_file("t10k-labels.idx1-ubyte", labels_file, sizeof labels_file);
    check_mnist(rv_data_mnist(test_folder, RV_TEST));
    cr_expect(no_error());
}

static void expect_no_mnist(rv_status status, const char *message)
{
    cr_expect_null(rv_data_mnist(test_folder, RV_TRAIN));
    cr_expect(error_is(status, message));
}

Test(data, mnist_that_is_not)
{
    make_mnist();
    expect_no_mnist(RV_ERROR_FILE, "has no train-labels-idx1-ubyte (nor train-labels.idx1-ubyte");
    write_file("train-labels-idx1-ubyte", labels_file, sizeof labels_file);
    expect_no_mnist(RV_ERROR_FILE, "has no train-images-idx3-ubyte");
    write_file("train-images-idx3-ubyte", images_file, 20);
    expect_no_mnist(RV_ERROR_FORMAT, "idx_read: ");
    write_file("train-images-idx3-ubyte", labels_file, sizeof labels_file);
    expect_no_mnist(RV_ERROR_FORMAT, "the images are U8 [5]; MNIST's are U8 [n,1,28,28]");
    images_file[11] = 56, images_file[15] = 14;
    write_file("train-images-idx3-ubyte", images_file, sizeof images_file);
    expect_no_mnist(RV_ERROR_FORMAT, "the images are U8 [5,1,56,14]");
    images_file[11] = 28, images_file[15] = 28, images_file[7] = IMAGES - 1;
    write_file("train-images-idx3-ubyte", images_file, sizeof images_file - PIXELS);
    expect_no_mnist(RV_ERROR_SHAPE, "has 4 samples, y [5] has 5");
    labels_file[8 + 2] = 10;
    write_file("train-labels-idx1-ubyte", labels_file, sizeof labels_file);
    expect_no_mnist(RV_ERROR_FORMAT, "label 2 is 10; MNIST's are 0 to 9");
    labels_file[8 + 2] = 4, labels_file[2] = 9, labels_file[8] = 0xff;
    write_file("train-labels-idx1-ubyte", labels_file, sizeof labels_file);
    expect_no_mnist(RV_ERROR_FORMAT, "label 0 is -1");
    write_file("train-labels-idx1-ubyte", idx_samples[4].file, idx_samples[4].bytes);
    expect_no_mnist(RV_ERROR_FORMAT, "the labels are F32 [1,2]");
    cr_expect_null(rv_data_mnist(NULL, RV_TRAIN));
    cr_expect(error_is(RV_ERROR_NULL, "the folder is NULL"));
    cr_expect_null(rv_data_mnist(test_folder, (rv_data_part)2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "2 is neither RV_TRAIN nor RV_TEST"));
}

Test(data, idx_files_as_a_set)
{
    write_file("x", idx_samples[5].file, idx_samples[5].bytes); /* F64 [2,1] */
    write_file("y", idx_samples[2].file, idx_samples[2].bytes); /* I64 [1,3] */
    cr_expect_null(rv_data_idx(in_folder("x"), in_folder("y")));
    cr_expect(error_is(RV_ERROR_SHAPE, "data_idx: x [2,1] has 2 samples, y [1,3] has 1"));
    write_file("y", idx_samples[0].file, idx_samples[0].bytes); /* U8 [2,2] */
    rv_dataset *set = rv_data_idx(in_folder("x"), in_folder("y"));
    rv_batch b = rv_data_batch(set, 1, 1);
    cr_expect(b.x->dtype == RV_F64 && HOLDS(b.x, 0, -2.385));
    cr_expect(b.y->dtype == RV_I64 && b.y->ndim == 2 && HOLDS(b.y, 0, 128, 255));
    rv_data_free(set);
    set = rv_data_idx(in_folder("y"), in_folder("x"));
    b = rv_data_batch(set, 0, 2);
    cr_expect(b.x->dtype == RV_F32 && b.x->ndim == 2 && at(b.x, 3) == 1);
    cr_expect(b.y->dtype == RV_F64 && HOLDS(b.y, 0, 1.5, -2.385));
    rv_data_free(set);
    cr_expect_null(rv_data_idx(NULL, in_folder("y")));
    cr_expect(error_is(RV_ERROR_NULL, "path is NULL"));
}

/* ---- sets of tensors and callbacks ----------------------------------------------------------- */

Test(data, tensors_keep_their_dtype)
{
    rv_tensor *x = rv_full(51, RV_U8, 3, 2), *y = rv_full(0.5, RV_F64, 3, 1, 2);
    rv_dataset *set = rv_data_tensors(x, y);
    rv_batch b = rv_data_batch(set, 1, 2);
    cr_expect(b.x->dtype == RV_U8 && b.x->ndim == 2 && HOLDS(b.x, 0, 51, 51, 51, 51));
    cr_expect(b.y->dtype == RV_F64 && b.y->ndim == 3 && HOLDS(b.y, 0, 0.5, 0.5, 0.5, 0.5));
    rv_data_free(set);
    set = rv_data_tensors(x, y, .scale = true);
    b = rv_data_batch(set, 0, 1);
    cr_expect(b.x->dtype == RV_F32 && ((float *)b.x->data)[1] == 51 / 255.0f);
    rv_data_free(set);
    cr_expect(no_error());
}

Test(data, tensors_are_held_and_may_be_views)
{
    rv_dataset *set;
    {
        RV_SCOPE;
        rv_tensor *x = rv_raw_permute("test", rv_arange(RV_F64, 0, 6, 1), 1, (int[]){0});
        rv_tensor *table = rv_raw_reshape("test", x, 2, (int64_t[]){2, 3});
        rv_tensor *turned = rv_raw_permute("test", table, 2, (int[]){1, 0});
        set = rv_data_tensors(turned, rv_arange(RV_I64, 0, 3, 1));
    }
    const rv_batch b = rv_data_batch(set, 1, 2);
    cr_expect(b.x->ndim == 2 && HOLDS(b.x, 0, 1, 4, 2, 5));
    rv_data_free(set);
    cr_expect(no_error());
}

Test(data, tensors_that_make_no_set)
{
    rv_tensor *x = rv_zeros(RV_F32, 3, 2);
    cr_expect_null(rv_data_tensors(x, rv_zeros(RV_I64, 4)));
    cr_expect(error_is(RV_ERROR_SHAPE, "data_tensors: x [3,2] has 3 samples, y [4] has 4"));
    cr_expect_null(rv_data_tensors(x, rv_zeros(RV_I64)));
    cr_expect(error_is(RV_ERROR_SHAPE, "y is 0-d"));
    cr_expect_null(rv_data_tensors(NULL, x));
    cr_expect(error_is(RV_ERROR_NULL, "input 0 is NULL"));
    cr_expect_null(rv_data_tensors(x, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "input 1 is NULL"));
    cr_expect_null(rv_data_tensors(x, x, .scale = true));
    cr_expect(error_is(RV_ERROR_DTYPE, "scale is for U8, and x is F32"));
    cr_expect_null(rv_data_tensors_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "the options are NULL"));
}

Test(data, batches_without_a_loader)
{
    rv_dataset *set = counting_set(5);
    rv_batch b = rv_data_batch(set, 0, 2);
    cr_expect(SAMPLES(&b, 0, 1));
    b = rv_data_batch(set, 3, 100);
    cr_expect(SAMPLES(&b, 3, 4));
    b = rv_data_batch(set, 4, INT64_MAX);
    cr_expect(SAMPLES(&b, 4));
    b = rv_data_batch(set, 5, 1);
    cr_expect(b.x == NULL && b.y == NULL && b.n == 0);
    cr_expect(error_is(RV_ERROR_INDEX, "data_batch: sample 5 of a set of 5"));
    b = rv_data_batch(set, -1, 1);
    cr_expect(b.x == NULL && error_is(RV_ERROR_INDEX, "sample -1"));
    b = rv_data_batch(set, 0, 0);
    cr_expect(b.x == NULL && error_is(RV_ERROR_ARGUMENT, "0 samples asked for"));
    b = rv_data_batch(NULL, 0, 1);
    cr_expect(b.x == NULL && error_is(RV_ERROR_NULL, "data set is NULL"));
    rv_zeros(RV_F32, -1);
    b = rv_data_batch(set, 0, 1);
    cr_expect(b.x == NULL && error_is(RV_ERROR_SHAPE, "zeros"));
    cr_expect_eq(rv_data_count(set), 5);
    rv_data_free(set);
    rv_data_free(NULL);
    cr_expect(no_error());
    cr_expect_eq(rv_data_count(NULL), -1);
    cr_expect(error_is(RV_ERROR_NULL, "data_count"));
}

Test(data, callback_is_asked_and_released)
{
    source s = {.fails_at = -1};
    rv_dataset *set = callback_set(&s, 6);
    rv_batch b = rv_data_batch(set, 2, 3);
    cr_expect(SAMPLES(&b, 2, 3, 4));
    cr_expect(b.x->dtype == RV_F32 && b.y->dtype == RV_I64);
    rv_dataset *part = rv_data_split(set, 2);
    rv_data_free(set);
    cr_expect_eq(s.released, 0);
    rv_data_free(part);
    cr_expect_eq(s.released, 1);
    cr_expect(no_error());
}

Test(data, callback_that_fails)
{
    source s = {.fails_at = 3};
    rv_dataset *set = callback_set(&s, 6);
    rv_batch b = rv_data_batch(set, 2, 2);
    cr_expect(b.x == NULL && error_is(RV_ERROR_FILE, "camera: sample 3 is dark"));
    s.how = 1;
    b = rv_data_batch(set, 2, 2);
    cr_expect(b.x == NULL && error_is(RV_ERROR_STATE, "fetch returned false without an error"));
    s.how = 2;
    b = rv_data_batch(set, 2, 2);
    cr_expect(b.x == NULL && error_is(RV_ERROR_FILE, "camera: sample 3 is dark"));
    b = rv_data_batch(set, 4, 2);
    cr_expect(SAMPLES(&b, 4, 5));
    rv_data_free(set);
    cr_expect(no_error());
}

Test(data, callbacks_that_make_no_set)
{
    source s = {.fails_at = -1};
    cr_expect_null(rv_data_callback(.count = 3, .context = &s, .release = release));
    cr_expect(error_is(RV_ERROR_NULL, "data_callback: fetch is NULL"));
    cr_expect_null(
        rv_data_callback(.count = -3, .fetch = fetch, .context = &s, .release = release));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "count is -3"));
    cr_expect_null(rv_data_callback(.count = 3, .fetch = fetch, .x_ndim = 8));
    cr_expect(error_is(RV_ERROR_SHAPE, "x_ndim is 8; a sample has 0 to 7 axes"));
    cr_expect_null(rv_data_callback(.count = 3, .fetch = fetch, .y_ndim = -1));
    cr_expect(error_is(RV_ERROR_SHAPE, "y_ndim is -1"));
    cr_expect_null(rv_data_callback(.count = 3, .fetch = fetch, .y_ndim = 1, .y_shape = {-2}));
    cr_expect(error_is(RV_ERROR_SHAPE, "y_shape is [-2]"));
    cr_expect_null(rv_data_callback(.count = 3, .fetch = fetch, .x_dtype = (rv_dtype)9));
    cr_expect(error_is(RV_ERROR_DTYPE, "x_dtype is 9"));
    cr_expect_null(rv_data_callback_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "the options are NULL"));
    cr_expect_eq(s.released, 2);
    rv_dataset *large = rv_data_callback(.count = INT64_MAX, .fetch = fetch, .x_ndim = 1,
                                         .x_shape = {0}, .y_ndim = 1, .y_shape = {0});
    cr_expect_eq(rv_data_batch(large, 0, INT64_MAX).n, 0);
    cr_expect(error_is(RV_ERROR_MEMORY, "data_batch"));
    rv_data_free(large);
}

/* ---- splitting ------------------------------------------------------------------------------- */

/* The samples of a counting set, in its order. */
static void samples_of(const rv_dataset *set, int64_t *samples)
{
    RV_SCOPE;
    const rv_batch b = rv_data_batch(set, 0, INT64_MAX);
    for (int64_t i = 0; i < b.n; i++)
        samples[i] = (int64_t)at(b.y, i);
}

/* Splits n of 100 under a seed; taken [n] and left [100 - n] are checked to be a division. */
static void split_100(uint64_t seed, int64_t n, int64_t *taken, int64_t *left)
{
    rv_seed(seed);
    rv_dataset *set = counting_set(100), *part = rv_data_split(set, n);
    cr_assert_not_null(part);
    cr_expect_eq(rv_data_count(part), n);
    cr_expect_eq(rv_data_count(set), 100 - n);
    samples_of(part, taken);
    samples_of(set, left);
    bool seen[100] = {0};
    for (int64_t i = 0; i < n; i++) {
        cr_expect(!seen[taken[i]] && (i == 0 || taken[i] > taken[i - 1]));
        seen[taken[i]] = true;
    }
    for (int64_t i = 0; i < 100 - n; i++) {
        cr_expect(!seen[left[i]] && (i == 0 || left[i] > left[i - 1]));
        seen[left[i]] = true;
    }
    rv_data_free(set);
    rv_data_free(part);
}

Test(data, split_divides_by_the_generator)
{
    int64_t a[100], b[100], c[100], rest[100];
    split_100(7, 20, a, rest);
    split_100(7, 20, b, rest);
    split_100(8, 20, c, rest);
    cr_expect_arr_eq(a, b, 20 * sizeof *a);
    cr_expect_arr_neq(a, c, 20 * sizeof *a);
    split_100(7, 99, a, rest);
    split_100(7, 1, a, rest);
    cr_expect(no_error());
}

Test(data, split_again_and_refused)
{
    rv_seed(3);
    rv_dataset *set = counting_set(10), *four = rv_data_split(set, 4),
               *two = rv_data_split(four, 2);
    int64_t samples[10];
    samples_of(set, samples);
    samples_of(four, samples + 6);
    samples_of(two, samples + 8);
    int64_t sum = 0;
    for (int i = 0; i < 10; i++)
        sum |= (int64_t)1 << samples[i];
    cr_expect_eq(sum, 1023);
    cr_expect_null(rv_data_split(two, 2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "data_split: 2 of 2 samples; from 1 to 1"));
    cr_expect_null(rv_data_split(two, 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "0 of 2"));
    cr_expect_null(rv_data_split(two, -1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "-1 of 2"));
    cr_expect_null(rv_data_split(NULL, 1));
    cr_expect(error_is(RV_ERROR_NULL, "data_split: the data set is NULL"));
    rv_data_free(set);
    rv_data_free(four);
    rv_data_free(two);
}

/* test_data_cifar.c - CIFAR-10 and CIFAR-100, right and wrong files. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <sys/stat.h>

#include "files.h"
#include "helpers.h"

TestSuite(data_cifar, .init = make_folder, .fini = remove_folder);

enum { PIXELS = 3 * 32 * 32, TEN = 1 + PIXELS, HUNDRED = 2 + PIXELS };

/* Pixel p of the image with this mark; every image's are different, and compress well. */
static uint8_t pixel(int mark, int p)
{
    return (uint8_t)(mark * 31 + p / 64);
}

/* n records whose labels are the bytes of `labels`, `each` of them an image; marks count from
 * `mark`. */
static uint8_t *records(int n, int each, const char *labels, int mark)
{
    static uint8_t file[8 * HUNDRED];
    uint8_t *at = file;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < each; j++)
            *at++ = (uint8_t)labels[i * each + j];
        for (int p = 0; p < PIXELS; p++)
            *at++ = pixel(mark + i, p);
    }
    return file;
}

static void check_images(const rv_batch *b, int64_t n)
{
    cr_assert(b->n == n && b->x->ndim == 4 && b->x->shape[0] == n && b->x->shape[1] == 3 &&
              b->x->shape[2] == 32 && b->x->shape[3] == 32);
    cr_expect(b->x->dtype == RV_F32 && b->y->dtype == RV_I64 && b->y->ndim == 1);
    const float *x = rv_data(b->x);
    for (int64_t i = 0; i < n * PIXELS; i++)
        cr_assert_eq(x[i], (float)pixel((int)(i / PIXELS), (int)(i % PIXELS)) / 255.0f);
}

/* Five files of one to two images, 7 in all, labelled 0 to 6; compressed if `packed` has their bit.
 */
static void write_train(const char *folder, int packed)
{
    int mark = 0;
    for (int i = 0; i < 5; i++) {
        const int n = i < 2 ? 2 : 1;
        const char labels[2] = {(char)mark, (char)(mark + 1)};
        const bool gz = packed >> i & 1;
        char name[64];
        snprintf(name, sizeof name, "%sdata_batch_%d.bin%s", folder, i + 1, gz ? ".gz" : "");
        (gz ? write_gz : write_file)(name, records(n, 1, labels, mark), (size_t)n * TEN);
        mark += n;
    }
}

Test(data_cifar, ten_in_the_order_of_its_files)
{
    write_train("", 12);
    rv_dataset *set = rv_data_cifar10(test_folder, RV_TRAIN);
    cr_assert_not_null(set, "%s", rv_error());
    const rv_batch b = rv_data_batch(set, 0, 100);
    check_images(&b, 7);
    cr_expect(HOLDS(b.y, 0, 0, 1, 2, 3, 4, 5, 6));
    cr_expect_eq(rv_data_classes(set), 0);
    rv_data_free(set);
    write_gz("test_batch.bin.gz", records(2, 1, "\x09\x00", 0), 2 * TEN);
    set = rv_data_cifar10(in_folder(""), RV_TEST);
    const rv_batch test = rv_data_batch(set, 0, 100);
    check_images(&test, 2);
    cr_expect(HOLDS(test.y, 0, 9, 0));
    rv_data_free(set);
    cr_expect(no_error());
}

static const char ten_names[] = "airplane\nauto mobile\nbird\r\ncat\nd\xc3\xa9"
                                "er\ndog\nfrog\nhorse\n"
                                "ship\ntruck\n\n";

Test(data_cifar, ten_below_the_folder_with_names)
{
    mkdir(in_folder("cifar-10-batches-bin"), 0700);
    write_train("cifar-10-batches-bin/", 0);
    write_file("cifar-10-batches-bin/batches.meta.txt", ten_names, sizeof ten_names - 1);
    rv_dataset *set = rv_data_cifar10(test_folder, RV_TRAIN), *part = rv_data_split(set, 3);
    cr_assert_not_null(part, "%s", rv_error());
    rv_data_free(set);
    cr_expect_eq(rv_data_classes(part), 10);
    cr_expect_str_eq(rv_data_class_name(part, 0), "airplane");
    cr_expect_str_eq(rv_data_class_name(part, 1), "auto mobile");
    cr_expect_str_eq(rv_data_class_name(part, 2), "bird");
    cr_expect_str_eq(rv_data_class_name(part, 4), "d\xc3\xa9"
                                                  "er");
    cr_expect_str_eq(rv_data_class_name(part, 9), "truck");
    cr_expect(no_error());
    cr_expect_null(rv_data_class_name(part, 10));
    cr_expect(error_is(RV_ERROR_INDEX, "class 10 of a set with names for 10"));
    cr_expect_null(rv_data_class_name(part, -1));
    cr_expect(error_is(RV_ERROR_INDEX, "class -1"));
    rv_data_free(part);
    cr_expect_null(rv_data_class_name(NULL, 0));
    cr_expect(error_is(RV_ERROR_NULL, "data_class_name: the data set is NULL"));
    cr_expect_eq(rv_data_classes(NULL), -1);
    cr_expect(error_is(RV_ERROR_NULL, "data_classes"));
}

/* A file of `n` names, named by `letter` and their number. */
static void write_names(const char *file, int n, char letter)
{
    char text[1024];
    int at = 0;
    for (int i = 0; i < n; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%c%d\n", letter, i);
    write_gz(file, text, (size_t)at);
}

Test(data_cifar, hundred_fine_and_coarse)
{
    mkdir(in_folder("cifar-100-binary"), 0700);
    write_file("cifar-100-binary/train.bin", records(3, 2, "\x00\x63\x13\x00\x07\x32", 0),
               3 * HUNDRED);
    write_gz("cifar-100-binary/test.bin.gz", records(1, 2, "\x01\x02", 0), HUNDRED);
    write_names("cifar-100-binary/fine_label_names.txt.gz", 100, 'f');
    write_names("cifar-100-binary/coarse_label_names.txt.gz", 20, 'c');
    rv_dataset *fine = rv_data_cifar100(test_folder, RV_TRAIN);
    rv_dataset *coarse = rv_data_cifar100(test_folder, RV_TRAIN, .coarse = true);
    rv_dataset *test = rv_data_cifar100(in_folder("cifar-100-binary"), .part = RV_TEST);
    cr_assert(fine && coarse && test, "%s", rv_error());
    rv_batch b = rv_data_batch(fine, 0, 9);
    check_images(&b, 3);
    cr_expect(HOLDS(b.y, 0, 99, 0, 50));
    b = rv_data_batch(coarse, 0, 9);
    check_images(&b, 3);
    cr_expect(HOLDS(b.y, 0, 0, 19, 7));
    b = rv_data_batch(test, 0, 9);
    check_images(&b, 1);
    cr_expect(HOLDS(b.y, 0, 2));
    cr_expect(rv_data_classes(fine) == 100 && rv_data_classes(coarse) == 20);
    cr_expect_str_eq(rv_data_class_name(fine, 99), "f99");
    cr_expect_str_eq(rv_data_class_name(coarse, 19), "c19");
    rv_data_free(fine);
    rv_data_free(coarse);
    rv_data_free(test);
    cr_expect(no_error());
}

/* ---- wrong files ----------------------------------------------------------------------------- */

static bool refused(rv_status status, const char *message)
{
    rv_dataset *set = rv_data_cifar10(test_folder, RV_TEST);
    rv_data_free(set);
    return set == NULL && error_is(status, message);
}

Test(data_cifar, missing_files)
{
    cr_expect(refused(RV_ERROR_FILE, "has no test_batch.bin (nor cifar-10-batches-bin/test_batch"));
    write_train("", 0);
    remove(in_folder("data_batch_4.bin"));
    cr_expect_null(rv_data_cifar10(test_folder, RV_TRAIN));
    cr_expect(error_is(RV_ERROR_FILE, "data_batch_4.bin.gz\" exists"));
    mkdir(in_folder("data_batch_4.bin"), 0700);
    cr_expect_null(rv_data_cifar10(test_folder, RV_TRAIN));
    cr_expect(error_is(RV_ERROR_FILE, "data_cifar10: \""));
    cr_expect_null(rv_data_cifar10(NULL, RV_TRAIN));
    cr_expect(error_is(RV_ERROR_NULL, "data_cifar10: the folder is NULL"));
    cr_expect_null(rv_data_cifar10(test_folder, (rv_data_part)-1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "-1 is neither RV_TRAIN nor RV_TEST"));
    cr_expect_null(rv_data_cifar100(test_folder));
    cr_expect(error_is(RV_ERROR_FILE, "has no train.bin (nor cifar-100-binary/train.bin"));
    cr_expect_null(rv_data_cifar100(test_folder, (rv_data_part)7));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "data_cifar100: 7 is neither"));
    cr_expect_null(rv_data_cifar100_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "data_cifar100: the options are NULL"));
}

Test(data_cifar, no_whole_number_of_images)
{
    const uint8_t *file = records(2, 1, "\1\2", 0);
    for (size_t n = 0; n < 2 * TEN; n += n < 9 || n % TEN > TEN - 9 ? 1 : 173) {
        if (n == TEN)
            continue;
        write_file("test_batch.bin", file, n);
        cr_expect(refused(RV_ERROR_FORMAT, "images take 3073 each"), "%zu bytes", n);
        remove(in_folder("test_batch.bin"));
        write_gz("test_batch.bin.gz", file, n);
        cr_expect(refused(RV_ERROR_FORMAT, "images take 3073 each"), "%zu bytes, packed", n);
    }
    write_file("test_batch.bin", file, 2 * TEN + 1);
    cr_expect(refused(RV_ERROR_FORMAT, "holds 6147 bytes; images take 3073 each"));
}

Test(data_cifar, labels_that_are_none)
{
    for (int label = 0; label < 256; label++) {
        write_file("test_batch.bin", records(2, 1, (char[]){3, (char)label}, 0), 2 * TEN);
        if (label >= 10)
            cr_expect(refused(RV_ERROR_FORMAT, "\": image 1 has the label "), "%d", label);
        for (int place = 0; place < 2; place++) {
            char labels[4] = {19, 99, 0, 0};
            labels[2 + place] = (char)label;
            write_file("train.bin", records(2, 2, labels, 0), 2 * HUNDRED);
            rv_dataset *set = rv_data_cifar100(test_folder);
            const bool right = label < (place == 0 ? 20 : 100);
            cr_expect(right ? set != NULL
                            : set == NULL &&
                                  error_is(RV_ERROR_FORMAT, place == 0 ? "labels are 0 to 19"
                                                                       : "labels are 0 to 99"),
                      "byte %d: %d", place, label);
            rv_data_free(set);
        }
    }
    cr_expect(no_error());
}

Test(data_cifar, names_that_do_not_fit)
{
    static const char *const wrong[][2] = {
        {"", "fewer than a line for each of 10 classes"},
        {"\n\n", "fewer than"},
        {"a\nb\nc\nd\ne\nf\ng\nh\ni", "fewer than"},
        {"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk", "more than a line for each of 10 classes"},
        {"a\nb\n\nd\ne\nf\ng\nh\ni\nj", "line 3 is empty"},
        {"a\nb\nc\xff\nd\ne\nf\ng\nh\ni\nj", "line 3 is not UTF-8"},
        {"a\xc0\x80\nb\nc\nd\ne\nf\ng\nh\ni\nj", "line 1 is not UTF-8"},
    };
    write_file("test_batch.bin", records(1, 1, "\1", 0), TEN);
    for (int i = 0; i < RV_COUNT(wrong); i++) {
        write_file("batches.meta.txt", wrong[i][0], strlen(wrong[i][0]));
        cr_expect(refused(RV_ERROR_FORMAT, wrong[i][1]), "%d", i);
    }
    write_file("batches.meta.txt", "a\nb\0\nc\nd\ne\nf\ng\nh\ni\nj\n", 21);
    cr_expect(refused(RV_ERROR_FORMAT, "line 2 is not UTF-8"));
    static char large[(1 << 14) + 1];
    memset(large, 'a', sizeof large);
    write_file("batches.meta.txt", large, sizeof large);
    cr_expect(refused(RV_ERROR_FORMAT, "is longer than 2^14 bytes"));
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Writes n images, and says whether they can be read when only `bytes` more are allowed. */
static bool fits(size_t n, size_t bytes, bool gz)
{
    uint8_t *file = calloc(n, TEN);
    (gz ? write_gz : write_file)(gz ? "test_batch.bin.gz" : "test_batch.bin", file, n * TEN);
    free(file);
    rv_memory_trim();
    rv_memory_limit(rv_memory_usage().held + bytes);
    rv_dataset *set = rv_data_cifar10(test_folder, RV_TEST);
    rv_memory_limit(SIZE_MAX);
    cr_expect(set != NULL || rv_error_status() == RV_ERROR_MEMORY);
    const bool whole = set != NULL && rv_data_count(set) == (int64_t)n;
    rv_data_free(set);
    rv_error();
    remove(in_folder(gz ? "test_batch.bin.gz" : "test_batch.bin"));
    return whole;
}

/* Size classes round up by a quarter at most; besides the images there is less than a MiB. */
Test(data_cifar, takes_the_memory_of_its_bytes)
{
    for (int gz = 0; gz < 2; gz++) {
        for (size_t n = 1500; n <= 6000; n *= 2) {
            cr_expect(fits(n, n * TEN * 5 / 4 + (1 << 20), gz), "%zu images", n);
            cr_expect_not(fits(n, n * PIXELS - 1, gz), "the limit does not hold");
        }
    }
}

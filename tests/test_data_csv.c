/* test_data_csv.c - tables as text, right and wrong ones. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <locale.h>

#include "files.h"
#include "helpers.h"

TestSuite(data_csv, .init = make_folder, .fini = remove_folder);

static const char *csv(const char *text)
{
    return write_file("t.csv", text, strlen(text));
}

/* Whether the set's x are these six numbers in two rows, and y these two; frees it. */
static bool is_table(rv_dataset *set, const double *x, const double *y)
{
    RV_SCOPE;
    if (set == NULL || rv_data_count(set) != 2) {
        rv_data_free(set);
        return false;
    }
    const rv_batch b = rv_data_batch(set, 0, 2);
    const bool same = b.x->dtype == RV_F32 && b.x->ndim == 2 && holds(b.x, 1e-7, 6, x) &&
                      b.y->ndim == 1 && holds(b.y, 1e-7, 2, y);
    rv_data_free(set);
    return same;
}
#define TABLE(set, ...) is_table((set), (double[]){__VA_ARGS__}, (double[]){7, -8})
#define LABELS_01(set, ...) is_table((set), (double[]){__VA_ARGS__}, (double[]){0, 1})

Test(data_csv, numbers_in_every_spelling)
{
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    cr_expect(TABLE(rv_data_csv(csv("1,2,3,7\n4,5,6,-8\n")), 1, 2, 3, 4, 5, 6));
    cr_expect(TABLE(rv_data_csv(csv("\xef\xbb\xbf"
                                    "1.5,-2e3,.5,7\r\n\r\n4,+5,6.,-8")),
                    1.5, -2000, 0.5, 4, 5, 6));
    cr_expect(TABLE(rv_data_csv(csv("a,b,c,d\n \n\"1\" , 2 ,3,7\n4,\"5\",6,\"-8\"\n\n")), 1, 2, 3,
                    4, 5, 6));
    cr_expect(TABLE(rv_data_csv(csv("a;y;b;c\n1;7;2;3\n4;-8;5;6"), .target = "y", .delimiter = ';'),
                    1, 2, 3, 4, 5, 6));
    cr_expect(
        TABLE(rv_data_csv(csv("7\t1\t2\t3\n-8\t4\t5\t6"), .target_column = 0, .delimiter = '\t'), 1,
              2, 3, 4, 5, 6));
    cr_expect(TABLE(rv_data_csv(csv("9,9,9,9\n1,2,3,7\n4,5,6,-8"), .header = 1), 1, 2, 3, 4, 5, 6));
    cr_expect(
        TABLE(rv_data_csv(csv("\"a\"\"b\",\"c\nd\",e,f\n7,1,2,3\n-8,4,5,6"), .target = "a\"b"), 1,
              2, 3, 4, 5, 6));
    cr_expect(TABLE(rv_data_csv(csv("1,2,3,7.0\n4,5,6,-8"), .values = true), 1, 2, 3, 4, 5, 6));
    cr_expect(no_error());
}

Test(data_csv, names_become_labels)
{
    cr_expect(LABELS_01(rv_data_csv(csv("1,2,3,b\n4,5,6,a\n")), 1, 2, 3, 4, 5, 6));
    rv_dataset *set =
        rv_data_csv(csv("x,y\n1,\"b, \"\"c\"\"\"\n2,d\xc3\xa9\n3,\"b, \"\"c\"\"\"\n"));
    cr_assert_not_null(set, "%s", rv_error());
    const rv_batch b = rv_data_batch(set, 0, 3);
    cr_expect(b.y->dtype == RV_I64 && HOLDS(b.y, 0, 0, 1, 0));
    cr_expect_eq(rv_data_classes(set), 2);
    cr_expect_str_eq(rv_data_class_name(set, 0), "b, \"c\"");
    cr_expect_str_eq(rv_data_class_name(set, 1), "d\xc3\xa9");
    rv_data_free(set);
    cr_expect(no_error());
}

static bool refused(rv_dataset *set, rv_status status, const char *message)
{
    rv_data_free(set);
    return set == NULL && error_is(status, message);
}

Test(data_csv, that_make_no_table)
{
    static const char *const bad[][2] = {
        {"", "has no samples"},
        {"\n\r\n  \n", "has no samples"},
        {"a,b\n", "has no samples"},
        {"1,,3\n", "line 1, column 2: the value is missing"},
        {"1,2\n3,\n", "line 2, column 2: the label is missing"},
        {"a,b\n\n1,2\nx,2\n", "line 4, column 1: this is no number"},
        {"1,2,3\n4,5\n", "line 2: 2 columns; line 1 has 3"},
        {"1,2\n4,5,6\n", "line 2: 3 columns; line 1 has 2"},
        {"1,2\nnan,3\n", "line 2, column 1: this is no number"},
        {"1,2\ninf,3\n", "this is no number"},
        {"1,2\n0x10,3\n", "this is no number"},
        {"1,2\n1e39,3\n", "line 2, column 1: the number is too large for F32"},
        {"1,2\n1e999,3\n", "too large for F32"},
        {"1,2\n1 2,3\n", "this is no number"},
        {"1,2\n1.2.3,3\n", "this is no number"},
        {"1,1.5\n", "line 1, column 2: the label is no integer: with .values"},
        {"1,1e300\n", "the label is no integer"},
        {"1,2\n3,cat\n", "line 2, column 2: labels are all integers, or all names"},
        {"1,cat\n3,2\n", "labels are all integers, or all names"},
        {"1,a\n2,b\xff\n", "line 2, column 2: the label is not UTF-8"},
        {"1,a\n\"2,b\n3,4\n", "line 2, column 1: the quote is not closed"},
        {"1,a\n\"2\n3\" 4,b\n", "line 2, column 1: the field goes on after its closing quote"},
    };
    for (int i = 0; i < RV_COUNT(bad); i++)
        cr_expect(refused(rv_data_csv(csv(bad[i][0])), RV_ERROR_FORMAT, bad[i][1]), "%d: %s", i,
                  bad[i][0]);
    char digits[100] = "1,2\n";
    memset(digits + 4, '1', 80);
    strcpy(digits + 84, ",3\n");
    cr_expect(refused(rv_data_csv(csv(digits)), RV_ERROR_FORMAT, "this is no number"));
    cr_expect(refused(rv_data_csv(write_file("z.csv", "1,2\n\0,3\n", 8)), RV_ERROR_FORMAT,
                      "line 2, column 1: this is no number"));
}

Test(data_csv, options_that_do_not_fit)
{
    const char *path = csv("a,b\n1,2\n");
    cr_expect(refused(rv_data_csv(path, .target = "c"), RV_ERROR_ARGUMENT, "no column \"c\""));
    cr_expect(refused(rv_data_csv(path, .target_column = 2), RV_ERROR_ARGUMENT, "has 2 columns"));
    cr_expect(refused(rv_data_csv(csv("1\n2\n")), RV_ERROR_ARGUMENT, "has 1 columns"));
    cr_expect(refused(rv_data_csv(path, .target_column = -2), RV_ERROR_ARGUMENT, "column -2"));
    cr_expect(refused(rv_data_csv(path, .header = 2), RV_ERROR_ARGUMENT, "header 2"));
    cr_expect(refused(rv_data_csv(path, .header = 0, .target = "a"), RV_ERROR_ARGUMENT, "a name"));
    cr_expect(refused(rv_data_csv(path, .target = "a", .target_column = 1), RV_ERROR_ARGUMENT,
                      "there is one target"));
    cr_expect(refused(rv_data_csv(path, .delimiter = '"'), RV_ERROR_ARGUMENT, "byte 34"));
    cr_expect(refused(rv_data_csv(path, .delimiter = 0), RV_ERROR_ARGUMENT, "byte 0"));
    cr_expect(refused(rv_data_csv(in_folder("none")), RV_ERROR_FILE, "No such file"));
    cr_expect(refused(rv_data_csv(test_folder), RV_ERROR_FILE, "Is a directory"));
    cr_expect(refused(rv_data_csv(NULL), RV_ERROR_NULL, "data_csv: the path is NULL"));
    cr_expect(refused(rv_data_csv_with(NULL), RV_ERROR_NULL, "the options are NULL"));
}

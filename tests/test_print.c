/* test_print.c - tensors as text. What is expected here was written by NumPy 2.4.6's str(). */

#define _POSIX_C_SOURCE 200809L

#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers.h"

/* Whether t is printed as `expected`; says on stderr what it is, if not. */
static bool prints(const rv_tensor *t, const char *expected)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    cr_assert_not_null(file);
    const bool ok = rv_fprint(file, t);
    fclose(file);
    const bool same = ok && strcmp(text, expected) == 0;
    if (!same)
        fprintf(stderr, "printed:\n%s\nexpected:\n%s\n", text, expected);
    free(text);
    return same;
}

static const struct {
    rv_dtype dtype;
    int ndim;
    int64_t shape[4];
    double number[8]; /* of F32 and F64 */
    int64_t whole[8]; /* of I64 and U8 */
    const char *text;
} cases[] = {
    /* scalars */
    {RV_F64, 0, {0}, {0.1234567891234}, {0}, "0.1234567891234"},
    {RV_F64, 0, {0}, {1e+16}, {0}, "1e+16"},
    {RV_F64, 0, {0}, {-0.0}, {0}, "-0.0"},
    {RV_F64, 0, {0}, {123456789.0}, {0}, "123456789.0"},
    {RV_F64, 0, {0}, {0.0001}, {0}, "0.0001"},
    {RV_F64, 0, {0}, {1e-05}, {0}, "1e-05"},
    {RV_F64, 0, {0}, {NAN}, {0}, "nan"},
    {RV_F64, 0, {0}, {-INFINITY}, {0}, "-inf"},
    {RV_F32, 0, {0}, {0.1}, {0}, "0.1"},
    {RV_F32, 0, {0}, {1000000.0}, {0}, "1e+06"},
    {RV_F32, 0, {0}, {123456.789}, {0}, "123456.79"},
    {RV_I64, 0, {0}, {0}, {-42}, "-42"},
    {RV_U8, 0, {0}, {0}, {200}, "200"},
    {RV_F64, 0, {0}, {5e-324}, {0}, "5e-324"},
    {RV_F64, 0, {0}, {1.5e+300}, {0}, "1.5e+300"},
    /* vectors */
    {RV_F64, 1, {3}, {1, 2, 3}, {0}, "[1. 2. 3.]"},
    {RV_F64, 1, {3}, {1.5, -2, 3.25}, {0}, "[ 1.5  -2.    3.25]"},
    {RV_F64, 1, {2}, {0.3333333333333333, 0.6666666666666666}, {0}, "[0.33333333 0.66666667]"},
    {RV_F32, 1, {2}, {0.3333333333333333, 0.6666666666666666}, {0}, "[0.33333334 0.6666667 ]"},
    {RV_F32, 1, {3}, {0.1, 0.2, 0.3}, {0}, "[0.1 0.2 0.3]"},
    {RV_F64, 1, {2}, {1e-05, 1}, {0}, "[1.e-05 1.e+00]"},
    {RV_F64, 1, {2}, {100000000.0, 1}, {0}, "[1.e+08 1.e+00]"},
    {RV_F64, 1, {1}, {99999999.0}, {0}, "[99999999.]"},
    {RV_F64, 1, {2}, {100000000.0, 99999999.0}, {0}, "[1.0000000e+08 9.9999999e+07]"},
    {RV_F64, 1, {1}, {0.0001}, {0}, "[0.0001]"},
    {RV_F64, 1, {1}, {0.00009}, {0}, "[9.e-05]"},
    {RV_F64, 1, {2}, {1000.5, 1}, {0}, "[1.0005e+03 1.0000e+00]"},
    {RV_F64, 1, {2}, {1001, 1}, {0}, "[1.001e+03 1.000e+00]"},
    {RV_F32, 1, {1}, {1000000.0}, {0}, "[1.e+06]"},
    {RV_F32, 1, {1}, {999999}, {0}, "[999999.]"},
    {RV_F64, 1, {2}, {1e-300, 1}, {0}, "[1.e-300 1.e+000]"},
    {RV_F64, 1, {2}, {1.23456789012, -10000000000.0}, {0}, "[ 1.23456789e+00 -1.00000000e+10]"},
    {RV_F32,
     1,
     {3},
     {0.56233418, 426.33813, 0.00096693},
     {0},
     "[5.6233418e-01 4.2633813e+02 9.6693001e-04]"},
    {RV_F64, 1, {2}, {0, 0}, {0}, "[0. 0.]"},
    {RV_F64, 1, {2}, {-0.0, 1}, {0}, "[-0.  1.]"},
    /* special */
    {RV_F64, 1, {3}, {NAN, 1, INFINITY}, {0}, "[nan  1. inf]"},
    {RV_F64, 1, {2}, {NAN, INFINITY}, {0}, "[nan inf]"},
    {RV_F64, 1, {2}, {NAN, -INFINITY}, {0}, "[ nan -inf]"},
    {RV_F64, 1, {2}, {1.25, -INFINITY}, {0}, "[1.25 -inf]"},
    {RV_F64, 1, {3}, {1e-09, NAN, -INFINITY}, {0}, "[1.e-09    nan   -inf]"},
    {RV_F32, 1, {2}, {-1e+20, NAN}, {0}, "[-1.e+20     nan]"},
    /* whole */
    {RV_I64, 1, {3}, {0}, {1, -20, 300}, "[  1 -20 300]"},
    {RV_I64, 1, {2}, {0}, {INT64_MIN, INT64_MAX}, "[-9223372036854775808  9223372036854775807]"},
    {RV_U8, 1, {3}, {0}, {0, 7, 255}, "[  0   7 255]"},
    /* shapes */
    {RV_F64,
     2,
     {2, 2},
     {1, 2, 3, 4.5},
     {0},
     "[[1.  2. ]\n"
     " [3.  4.5]]"},
    {RV_F64,
     3,
     {2, 2, 2},
     {0, 1, 2, 3, 4, 5, 6, 7},
     {0},
     "[[[0. 1.]\n"
     "  [2. 3.]]\n"
     "\n"
     " [[4. 5.]\n"
     "  [6. 7.]]]"},
    {RV_I64,
     4,
     {1, 1, 2, 3},
     {0},
     {0, 1, 2, 3, 4, 5},
     "[[[[0 1 2]\n"
     "   [3 4 5]]]]"},
    {RV_F64, 3, {1, 1, 1}, {7}, {0}, "[[[7.]]]"},
    {RV_F64, 1, {0}, {0}, {0}, "[]"},
    {RV_F64, 3, {2, 0, 3}, {0}, {0}, "[]"},
};

Test(print, as_numpy)
{
    for (int i = 0; i < RV_COUNT(cases); i++) {
        rv_tensor *t = rv_empty_n(cases[i].dtype, cases[i].ndim, cases[i].shape);
        cr_assert_not_null(t);
        for (int64_t j = 0; j < t->numel; j++) {
            switch (t->dtype) {
            case RV_F32: ((float *)t->data)[j] = (float)cases[i].number[j]; break;
            case RV_F64: ((double *)t->data)[j] = cases[i].number[j]; break;
            case RV_I64: ((int64_t *)t->data)[j] = cases[i].whole[j]; break;
            default: ((uint8_t *)t->data)[j] = (uint8_t)cases[i].whole[j]; break;
            }
        }
        cr_expect(prints(t, cases[i].text), "case %d", i);
    }
}

Test(print, long_rows_are_wrapped)
{
    cr_expect(prints(rv_arange(RV_F64, 0, 60, 1.5),
                     "[ 0.   1.5  3.   4.5  6.   7.5  9.  10.5 12.  13.5 15.  16.5 18.  19.5\n"
                     " 21.  22.5 24.  25.5 27.  28.5 30.  31.5 33.  34.5 36.  37.5 39.  40.5\n"
                     " 42.  43.5 45.  46.5 48.  49.5 51.  52.5 54.  55.5 57.  58.5]"));
    const int64_t shape[] = {2, 15};
    const rv_tensor *sevenths = rv_div(rv_arange(RV_F64, 0, 30, 1), rv_full(7, RV_F64));
    cr_expect(prints(rv_raw_reshape("reshape", sevenths, 2, shape),
                     "[[0.         0.14285714 0.28571429 0.42857143 0.57142857 0.71428571\n"
                     "  0.85714286 1.         1.14285714 1.28571429 1.42857143 1.57142857\n"
                     "  1.71428571 1.85714286 2.        ]\n"
                     " [2.14285714 2.28571429 2.42857143 2.57142857 2.71428571 2.85714286\n"
                     "  3.         3.14285714 3.28571429 3.42857143 3.57142857 3.71428571\n"
                     "  3.85714286 4.         4.14285714]]"));
}

Test(print, many_elements_are_shortened)
{
    const int64_t flat[] = {2, 1000}, deep[] = {10, 3, 100};
    cr_expect(prints(rv_raw_reshape("reshape", rv_arange(RV_F64, 0, 2000, 1), 2, flat),
                     "[[0.000e+00 1.000e+00 2.000e+00 ... 9.970e+02 9.980e+02 9.990e+02]\n"
                     " [1.000e+03 1.001e+03 1.002e+03 ... 1.997e+03 1.998e+03 1.999e+03]]"));
    cr_expect(prints(rv_raw_reshape("reshape", rv_arange(RV_I64, 0, 3000, 1), 3, deep),
                     "[[[   0    1    2 ...   97   98   99]\n"
                     "  [ 100  101  102 ...  197  198  199]\n"
                     "  [ 200  201  202 ...  297  298  299]]\n"
                     "\n"
                     " [[ 300  301  302 ...  397  398  399]\n"
                     "  [ 400  401  402 ...  497  498  499]\n"
                     "  [ 500  501  502 ...  597  598  599]]\n"
                     "\n"
                     " [[ 600  601  602 ...  697  698  699]\n"
                     "  [ 700  701  702 ...  797  798  799]\n"
                     "  [ 800  801  802 ...  897  898  899]]\n"
                     "\n"
                     " ...\n"
                     "\n"
                     " [[2100 2101 2102 ... 2197 2198 2199]\n"
                     "  [2200 2201 2202 ... 2297 2298 2299]\n"
                     "  [2300 2301 2302 ... 2397 2398 2399]]\n"
                     "\n"
                     " [[2400 2401 2402 ... 2497 2498 2499]\n"
                     "  [2500 2501 2502 ... 2597 2598 2599]\n"
                     "  [2600 2601 2602 ... 2697 2698 2699]]\n"
                     "\n"
                     " [[2700 2701 2702 ... 2797 2798 2799]\n"
                     "  [2800 2801 2802 ... 2897 2898 2899]\n"
                     "  [2900 2901 2902 ... 2997 2998 2999]]]"));
    cr_expect(prints(rv_arange(RV_I64, 0, 1001, 1), "[   0    1    2 ...  998  999 1000]"));
}

Test(print, views)
{
    const int64_t shape[] = {2, 3};
    const int axes[] = {1, 0};
    const rv_tensor *t = rv_raw_reshape("reshape", rv_arange(RV_U8, 0, 6, 1), 2, shape);
    cr_expect(prints(rv_raw_permute("permute", t, 2, axes), "[[0 3]\n"
                                                            " [1 4]\n"
                                                            " [2 5]]"));
    cr_expect(prints(rv_raw_slice("slice", t, 1, 0, 3, 2), "[[0 2]\n"
                                                           " [3 5]]"));
}

Test(print, to_stdout_with_a_newline)
{
    char path[] = "/tmp/ravine_XXXXXX", text[40] = "";
    const int file = mkstemp(path);
    cr_assert(file >= 0 && freopen(path, "w", stdout) != NULL);
    cr_expect(rv_print(rv_ones(RV_F32, 2)));
    cr_expect_eq(fflush(stdout), 0);
    FILE *written = fopen(path, "r");
    cr_assert_not_null(written);
    cr_expect_eq(fread(text, 1, sizeof text - 1, written), 8);
    cr_expect_str_eq(text, "[1. 1.]\n");
    fclose(written);
    remove(path);
}

/* Sets a locale that writes a comma: one that is installed, or one made from its source. */
static bool write_commas(void)
{
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "es_ES.UTF-8"};
    for (int i = 0; i < RV_COUNT(commas); i++)
        if (setlocale(LC_ALL, commas[i]) != NULL)
            return true;
    static char folder[] = "/tmp/ravine_XXXXXX";
    char command[150];
    if (mkdtemp(folder) == NULL)
        return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>&1", folder);
    const bool made = system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 &&
                      setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 && made;
}

/* A host program whose locale writes a comma still gets points, and keeps its locale. */
Test(print, in_any_locale)
{
    if (!write_commas())
        cr_skip_test("no locale with a decimal comma");
    char text[10];
    snprintf(text, sizeof text, "%.1f", 0.5);
    cr_assert_str_eq(text, "0,5");
    cr_expect(prints(VECTOR(0.5, 1.25), "[0.5  1.25]"));
    snprintf(text, sizeof text, "%.1f", 0.5);
    cr_expect_str_eq(text, "0,5");
}

Test(print, bad_calls)
{
    cr_expect_not(rv_print(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "print: input 0 is NULL"));
    cr_expect_not(rv_fprint(NULL, rv_ones(RV_F32, 2)));
    cr_expect(error_is(RV_ERROR_NULL, "fprint: the file is NULL"));
    FILE *file = fopen("/dev/null", "r"); /* which cannot be written */
    cr_assert_not_null(file);
    cr_expect_not(rv_fprint(file, rv_ones(RV_F32, 2)));
    cr_expect(error_is(RV_ERROR_FILE, "fprint: the file cannot be written"));
    fclose(file);
}

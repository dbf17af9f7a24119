/* test_load_state.c - states that fit in part, other dtypes, tied tensors, and what is reported. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <math.h>

#include "files.h"
#include "helpers.h"

TestSuite(load_state, .init = make_folder, .fini = remove_folder);

static rv_layer *make_net(int64_t hidden, int64_t classes)
{
    return rv_layer_sequential(rv_layer_linear(4, hidden), rv_layer_relu(),
                               rv_layer_linear(hidden, classes));
}

static rv_tensor *part(const rv_layer *net, const char *name)
{
    return rv_layer_parameter(net, name);
}

/* A copy of a net's parameter. */
static rv_tensor *copy_of(const rv_layer *net, const char *name)
{
    return rv_raw_copy("test", part(net, name));
}

/* Writes a file of these names and tensors, and returns its path. */
#define WRITE(names, ...)                                                   \
    write_tensors((const char *const[])names, (rv_tensor *[]){__VA_ARGS__}, \
                  RV_COUNT(((rv_tensor *[]){__VA_ARGS__})))
#define NAMES(...)  \
    {               \
        __VA_ARGS__ \
    }
static const char *write_tensors(const char *const *names, rv_tensor *const *tensors, int n)
{
    const char *path = in_folder("written");
    cr_assert(rv_safetensors_write(path, names, tensors, n), "%s", rv_error());
    return path;
}

/* Whether these are the names, joined by spaces. */
static bool names_are(rv_load_names names, const char *expected)
{
    char text[512] = "";
    for (int64_t i = 0; i < names.count; i++) {
        if (i > 0)
            strcat(text, " ");
        strncat(text, names.items[i], 100);
    }
    return strcmp(text, expected) == 0 || fprintf(stderr, "the names are: %s\n", text) < 0;
}

static bool report_is(const rv_load_report *r, int64_t loaded, const char *missing,
                      const char *unexpected, const char *mismatched, const char *message)
{
    const bool same = names_are(r->missing, missing) && names_are(r->unexpected, unexpected) &&
                      names_are(r->mismatched, mismatched) && r->loaded == loaded &&
                      strcmp(r->message, message) == 0;
    return same || fprintf(stderr, "%lld loaded: %s\n", (long long)r->loaded, r->message) < 0;
}

/* ---- what fits, and what does not ------------------------------------------------------------ */

Test(load_state, all_fits)
{
    rv_layer *net = make_net(3, 2), *other = make_net(3, 2);
    cr_assert(rv_save(in_folder("f"), net));
    rv_load_report r;
    cr_expect(rv_load_state(in_folder("f"), other, .report = &r));
    cr_expect(report_is(&r, 4, "", "", "", ""));
    cr_expect(rv_equal(part(other, "2.weight"), part(net, "2.weight")));
    cr_expect(rv_load_state(in_folder("f"), other));
    cr_expect(no_error());
    rv_layer_free(net);
    rv_layer_free(other);
}

/* A file of another net: one tensor that fits, one too many, two that are not there. */
static const char *write_other(void)
{
    return WRITE(NAMES("0.weight", "1.scale"), rv_ones(RV_F32, 3, 4), rv_zeros(RV_F32, 2));
}

Test(load_state, strict_refuses_and_reports_all)
{
    rv_layer *net = make_net(3, 2);
    rv_tensor *before = copy_of(net, "0.weight");
    rv_load_report r;
    const char *message = "\"0.bias\" is missing; \"2.weight\" is missing; \"2.bias\" is missing; "
                          "\"1.scale\" is not expected";
    cr_expect_not(rv_load_state(write_other(), net, .report = &r));
    cr_expect(report_is(&r, 0, "0.bias 2.weight 2.bias", "1.scale", "", message));
    cr_expect(error_is(RV_ERROR_STATE, "load_state: \""));
    cr_expect_not(rv_load_state(write_other(), net));
    cr_expect(error_is(RV_ERROR_STATE, message));
    cr_expect(rv_equal(part(net, "0.weight"), before));
    rv_layer_free(net);
}

Test(load_state, not_strict_loads_what_fits)
{
    rv_layer *net = make_net(3, 2);
    rv_tensor *bias = copy_of(net, "0.bias"), *last = copy_of(net, "2.weight");
    rv_load_report r;
    cr_expect(rv_load_state(write_other(), net, .strict = false, .report = &r));
    cr_expect(report_is(&r, 1, "0.bias 2.weight 2.bias", "1.scale", "",
                        "\"0.bias\" is missing; \"2.weight\" is missing; \"2.bias\" is missing; "
                        "\"1.scale\" is not expected"));
    cr_expect(rv_equal(part(net, "0.weight"), rv_ones(RV_F32, 3, 4)));
    cr_expect(rv_equal(part(net, "0.bias"), bias) && rv_equal(part(net, "2.weight"), last));
    cr_expect(no_error());
    rv_layer_free(net);
}

/* Another number of classes: the last layer stays, the rest is loaded. */
Test(load_state, shapes_that_differ)
{
    rv_layer *ten = make_net(3, 10), *two = make_net(3, 2);
    cr_assert(rv_save(in_folder("ten"), ten));
    rv_tensor *weight = copy_of(two, "2.weight"), *first = copy_of(two, "0.weight");
    rv_load_report r;
    const char *message = "\"2.weight\" is F32 [10,3], not F32 [2,3]; "
                          "\"2.bias\" is F32 [10], not F32 [2]";
    for (int strict = 0; strict < 2; strict++) {
        cr_expect_not(rv_load_state(in_folder("ten"), two, .strict = strict, .report = &r));
        cr_expect(report_is(&r, 0, "", "", "2.weight 2.bias", message));
        cr_expect(error_is(RV_ERROR_STATE, message));
        cr_expect(rv_equal(part(two, "0.weight"), first));
    }
    cr_expect(rv_load_state(in_folder("ten"), two, .skip_mismatched = true, .report = &r));
    cr_expect(report_is(&r, 2, "", "", "2.weight 2.bias", message));
    cr_expect(rv_equal(part(two, "0.weight"), part(ten, "0.weight")));
    cr_expect(rv_equal(part(two, "2.weight"), weight));
    cr_expect(no_error());
    rv_layer_free(ten);
    rv_layer_free(two);
}

/* What the options allow is not part of the error, and is part of the report. */
Test(load_state, only_what_is_not_allowed_is_an_error)
{
    rv_layer *net = make_net(3, 2);
    const char *path = WRITE(NAMES("0.weight", "0.bias", "x"), rv_ones(RV_F32, 3, 4),
                             rv_ones(RV_F32, 5), rv_ones(RV_F32, 1));
    rv_load_report r;
    cr_expect_not(rv_load_state(path, net, .strict = false, .report = &r));
    cr_expect(error_is(RV_ERROR_STATE, "does not fit: \"0.bias\" is F32 [5], not F32 [3]"));
    cr_expect(report_is(&r, 0, "2.weight 2.bias", "x", "0.bias",
                        "\"0.bias\" is F32 [5], not F32 [3]; \"2.weight\" is missing; \"2.bias\" "
                        "is missing; \"x\" is not expected"));
    cr_expect_not(rv_load_state(path, net, .skip_mismatched = true));
    cr_expect(error_is(RV_ERROR_STATE, "does not fit: \"2.weight\" is missing; \"2.bias\" is "
                                       "missing; \"x\" is not expected"));
    cr_expect(rv_load_state(path, net, .strict = false, .skip_mismatched = true));
    cr_expect(no_error());
    rv_layer_free(net);
}

/* As when all names have something in front that the net's have not. */
Test(load_state, loading_nothing_is_an_error)
{
    rv_layer *net = make_net(3, 2);
    const char *path = WRITE(NAMES("module.0.weight"), rv_ones(RV_F32, 3, 4));
    rv_load_report r;
    cr_expect_not(rv_load_state(path, net, .strict = false, .report = &r));
    cr_expect(error_is(RV_ERROR_STATE, "has nothing that fits: \"0.weight\" is looked for, and its "
                                       "1 tensors begin with \"module.0.weight\""));
    cr_expect(names_are(r.unexpected, "module.0.weight") && r.missing.count == 4);
    cr_assert(rv_safetensors_write(path, NULL, NULL, 0));
    cr_expect_not(rv_load_state(path, net, .strict = false));
    cr_expect(error_is(RV_ERROR_STATE, "its 0 tensors begin with \"\""));
    rv_layer *none = rv_layer_relu();
    cr_expect(rv_load_state(path, none), "a layer without state has nothing to miss");
    cr_expect(no_error());
    rv_layer_free(none);
    rv_layer_free(net);
}

/* More problems than a message shows; the report has them all, and outlives a scope that kept
 * nothing but it. */
Test(load_state, reports_are_complete_when_messages_are_not)
{
    rv_layer *net = rv_layer_sequential(rv_layer_linear(1, 1));
    const char *names[21] = {"0.weight"};
    char text[21][8];
    rv_tensor *tensors[21] = {rv_ones(RV_F32, 1, 1)};
    for (int i = 1; i < 21; i++) {
        snprintf(text[i], sizeof text[i], "extra%02d", i);
        names[i] = text[i];
        tensors[i] = tensors[0];
    }
    const char *path = write_tensors(names, tensors, 21);
    rv_load_report r;
    cr_expect(rv_load_state(path, net, .strict = false, .report = &r));
    cr_expect(r.missing.count == 1 && r.unexpected.count == 20 && r.loaded == 1);
    cr_expect_str_eq(r.unexpected.items[19], "extra20");
    cr_expect(contains(r.message, "\"extra07\" is not expected; and 13 more"));
    cr_expect_null(strstr(r.message, "extra08"));
    cr_expect(no_error());
    rv_layer_free(net);
}

/* Names of objects that were not given are not unexpected; rv_load has the same rule. */
Test(load_state, other_objects_in_the_file)
{
    rv_layer *net = make_net(3, 2);
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.5, .momentum = 0.9);
    rv_backward(rv_sum(rv_forward(net, rv_ones(RV_F32, 2, 4))));
    rv_optim_step(opt);
    cr_assert(rv_save(in_folder("f"), net, opt));
    rv_load_report r;
    cr_expect(rv_load_state(in_folder("f"), net, .report = &r));
    cr_expect(report_is(&r, 4, "", "", "", ""));
    rv_optim *fresh = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
    cr_expect(rv_load_state(in_folder("f"), fresh, .report = &r), "an optimizer alone");
    cr_expect(r.loaded > 0 && r.message[0] == '\0');
    cr_expect(no_error());
    rv_optim_free(opt);
    rv_optim_free(fresh);
    rv_layer_free(net);
}

/* ---- dtypes ---------------------------------------------------------------------------------- */

Test(load_state, casts_only_when_asked)
{
    const double values[] = {0.1, -1e-60, INFINITY, 3};
    rv_tensor *exact = rv_from_array(values, RV_F64, 4), *narrow = rv_zeros(RV_F32, 4);
    const char *path = WRITE(NAMES("tensor.data"), exact);
    rv_load_report r;
    cr_expect_not(rv_load_state(path, narrow, .strict = false, .report = &r));
    cr_expect(error_is(RV_ERROR_STATE, "\"tensor.data\" is F64 [4], not F32 [4]"));
    cr_expect(names_are(r.mismatched, "tensor.data"));
    cr_expect(rv_load_state(path, narrow, .cast = true, .report = &r));
    cr_expect(report_is(&r, 1, "", "", "", ""));
    cr_expect(HOLDS(narrow, 0, (double)0.1f, -0.0, INFINITY, 3));
    rv_tensor *wide = rv_zeros(RV_F64, 4);
    path = WRITE(NAMES("tensor.data"), narrow);
    cr_expect(rv_load_state(path, wide, .cast = true));
    cr_expect(HOLDS(wide, 0, (double)0.1f, -0.0, INFINITY, 3));
    cr_expect(no_error());
}

Test(load_state, a_cast_does_not_overflow_in_silence)
{
    rv_layer *net = rv_layer_sequential(rv_layer_linear(1, 1));
    const char *path =
        WRITE(NAMES("0.weight", "0.bias"), rv_full(2, RV_F64, 1, 1), rv_full(-3.5e38, RV_F64, 1));
    rv_tensor *before = copy_of(net, "0.weight");
    cr_expect_not(rv_load_state(path, net, .cast = true));
    cr_expect(error_is(RV_ERROR_STATE, "\"0.bias\" has -3.5e+38, beyond F32"));
    cr_expect(rv_equal(part(net, "0.weight"), before), "nothing was changed");
    rv_layer_free(net);
}

/* Writes a file of one tensor of any dtype of the format. */
static const char *write_typed(const char *name, const char *dtype, int64_t n, const void *data,
                               size_t bytes)
{
    static unsigned char file[140000];
    const int length =
        snprintf((char *)file + 8, 500,
                 "{\"%s\":{\"dtype\":\"%s\",\"shape\":[%lld],\"data_offsets\":[0,%zu]"
                 "}}",
                 name, dtype, (long long)n, bytes);
    memset(file, 0, 8);
    file[0] = (unsigned char)length;
    memcpy(file + 8 + length, data, bytes);
    return write_file("typed", file, 8 + (size_t)length + bytes);
}

/* What the 16 bits say, by the formats' definitions: a sign, `exponents` bits, `fractions` bits. */
static double sixteen_bits(unsigned bits, int exponents, int fractions)
{
    const int bias = (1 << (exponents - 1)) - 1;
    const int exponent = (int)(bits >> fractions) & ((1 << exponents) - 1);
    const double fraction = ldexp((double)(bits & ((1u << fractions) - 1)), -fractions);
    const double size = exponent == 2 * bias + 1 ? (fraction == 0 ? INFINITY : NAN)
                        : exponent == 0          ? ldexp(fraction, 1 - bias)
                                                 : ldexp(1 + fraction, exponent - bias);
    return bits >> 15 ? -size : size;
}

/* Every number that F16 and BF16 have. */
Test(load_state, sixteen_bits_are_widened)
{
    static uint16_t all[65536];
    for (unsigned i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    for (int brain = 0; brain < 2; brain++) {
        rv_tensor *narrow = rv_zeros(RV_F32, 65536), *wide = rv_zeros(RV_F64, 65536);
        const char *path =
            write_typed("tensor.data", brain ? "BF16" : "F16", 65536, all, sizeof all);
        cr_expect_not(rv_load_state(path, narrow));
        cr_expect(error_is(RV_ERROR_STATE, brain ? "is BF16 [65536], not F32" : "is F16 [65536]"));
        cr_assert(rv_load_state(path, narrow, .cast = true) &&
                  rv_load_state(path, wide, .cast = true));
        int wrong = 0;
        for (unsigned i = 0; i < 65536; i++) {
            const double want = brain ? sixteen_bits(i, 8, 7) : sixteen_bits(i, 5, 10);
            const double got = (double)((float *)narrow->data)[i];
            const double got_wide = ((double *)wide->data)[i];
            wrong += isnan(want)
                         ? !isnan(got) || !isnan(got_wide)
                         : got != want || got_wide != want || !signbit(got) != !signbit(want);
        }
        cr_expect_eq(wrong, 0, "%d wrong", wrong);
    }
    cr_expect(no_error());
}

/* Dtypes that are not read may stand in a file whose other tensors are loaded. */
Test(load_state, dtypes_that_are_not_read)
{
    static const char *const types[] = {"BOOL", "I8",  "I16", "U16",     "I32",     "U32",
                                        "U64",  "C64", "F4",  "F8_E4M3", "F6_E2M3", "F8_E5M2FNUZ"};
    static const size_t bytes[] = {4, 4, 8, 8, 16, 16, 32, 32, 2, 4, 3, 4};
    for (int i = 0; i < RV_COUNT(types); i++) {
        unsigned char zeros[32] = {0};
        const char *path = write_typed("tensor.data", types[i], 4, zeros, bytes[i]);
        cr_expect_not(rv_load_state(path, rv_zeros(RV_F32, 4), .cast = true), "%s", types[i]);
        cr_expect(error_is(RV_ERROR_STATE, "\"tensor.data\" is "), "%s", types[i]);
        path = write_typed("loader.x", types[i], 4, zeros, bytes[i]);
        rv_layer *none = rv_layer_relu();
        cr_expect(rv_load_state(path, none) && no_error(), "%s, not needed", types[i]);
        rv_layer_free(none);
    }
}

/* Whole numbers stay what they are. */
Test(load_state, whole_numbers_are_not_cast)
{
    rv_tensor *count = rv_zeros(RV_I64), *real = rv_zeros(RV_F32);
    const char *path = WRITE(NAMES("tensor.data"), rv_full(3, RV_F64));
    cr_expect_not(rv_load_state(path, count, .cast = true));
    cr_expect(error_is(RV_ERROR_STATE, "is F64 [], not I64 []"));
    path = WRITE(NAMES("tensor.data"), rv_full(3, RV_I64));
    cr_expect_not(rv_load_state(path, real, .cast = true));
    cr_expect(error_is(RV_ERROR_STATE, "is I64 [], not F32 []"));
}

/* ---- tied tensors ---------------------------------------------------------------------------- */

/* One layer in two places: 0.weight and 2.weight are one tensor. */
static rv_layer *make_tied(void)
{
    rv_layer *twice = rv_layer_linear(3, 3, .bias = false);
    return rv_layer_sequential(twice, rv_layer_relu(), rv_layer_retain(twice));
}

Test(load_state, tied_under_any_name)
{
    rv_layer *net = make_tied();
    rv_tensor *ones = rv_ones(RV_F32, 3, 3), *twos = rv_full(2, RV_F32, 3, 3);
    cr_expect(rv_load_state(WRITE(NAMES("0.weight"), ones), net));
    cr_expect_eq(at(part(net, "0.weight"), 0), 1);
    cr_expect(rv_load_state(WRITE(NAMES("2.weight"), twos), net), "as safetensors' save_model may");
    cr_expect_eq(at(part(net, "0.weight"), 0), 2);
    cr_expect(rv_load_state(WRITE(NAMES("0.weight", "2.weight"), ones, ones), net), "both, alike");
    cr_expect_eq(at(part(net, "0.weight"), 0), 1);
    cr_expect(rv_load(WRITE(NAMES("2.weight", "0.weight"), twos, twos), net), "rv_load too");
    cr_expect_eq(at(part(net, "0.weight"), 0), 2);
    cr_expect(no_error());
    rv_layer_free(net);
}

Test(load_state, tied_under_two_names_that_differ)
{
    rv_layer *net = make_tied();
    rv_tensor *ones = rv_ones(RV_F32, 3, 3), *other = rv_ones(RV_F32, 3, 3);
    rv_load_report r;
    const char *message = "\"0.weight\" and \"2.weight\" are one tensor, and differ in the file";
    ((float *)other->data)[8] = 2; /* the last one */
    rv_tensor *before = copy_of(net, "0.weight");
    cr_expect_not(rv_load_state(WRITE(NAMES("0.weight", "2.weight"), ones, other), net,
                                .strict = false, .report = &r));
    cr_expect(report_is(&r, 0, "", "", "0.weight", message));
    cr_expect(error_is(RV_ERROR_STATE, message));
    cr_expect(rv_equal(part(net, "0.weight"), before));
    cr_expect_not(rv_load(WRITE(NAMES("0.weight", "2.weight"), ones, rv_ones(RV_F64, 3, 3)), net));
    cr_expect(error_is(RV_ERROR_STATE, message), "another dtype");
    cr_expect_not(rv_load(WRITE(NAMES("0.weight", "2.weight"), ones, rv_ones(RV_F32, 9)), net));
    cr_expect(error_is(RV_ERROR_STATE, message), "another shape");
    cr_expect_not(rv_load(WRITE(NAMES("0.weight", "1.weight"), ones, ones), net));
    cr_expect(error_is(RV_ERROR_STATE, "\"1.weight\" is not expected"), "not one of its names");
    rv_layer_free(net);
}

/* The second object's names have a prefix; so have those of its tied tensors. */
Test(load_state, tied_in_a_second_object)
{
    rv_layer *a = make_net(3, 2), *b = make_tied();
    rv_tensor *fives = rv_full(5, RV_F32, 3, 3);
    const char *path = WRITE(NAMES("0.weight", "0.bias", "2.weight", "2.bias", "layer#2.2.weight"),
                             copy_of(a, "0.weight"), copy_of(a, "0.bias"), copy_of(a, "2.weight"),
                             copy_of(a, "2.bias"), fives);
    cr_expect(rv_load(path, a, b));
    cr_expect_eq(at(part(b, "0.weight"), 8), 5);
    cr_expect(no_error());
    rv_layer_free(a);
    rv_layer_free(b);
}

static bool count_name(void *context, const char *name, rv_tensor *t)
{
    (void)t;
    strcat(context, name);
    strcat(context, " ");
    return strlen(context) < 30;
}

Test(load_state, all_names_are_walked)
{
    rv_layer *net = make_tied();
    char text[64] = "";
    cr_expect(rv_state(net, count_name, text));
    cr_expect_str_eq(text, "0.weight ");
    text[0] = '\0';
    cr_expect(rv_state_names(net, count_name, text));
    cr_expect_str_eq(text, "0.weight 2.weight ");
    text[0] = '\0';
    cr_expect(rv_state_names(rv_zeros(RV_F32), count_name, text), "a kind with one name each");
    cr_expect_str_eq(text, "data ");
    cr_expect_not(rv_state_names(NULL, count_name, text));
    cr_expect(error_is(RV_ERROR_NULL, "state: the object or the function is NULL"));
    rv_layer_free(net);
}

/* ---- wrong calls ----------------------------------------------------------------------------- */

Test(load_state, wrong_calls)
{
    rv_layer *net = make_net(3, 2);
    rv_load_report r = {.loaded = 7};
    cr_expect_not(rv_load_state_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "load_state: the options are NULL"));
    cr_expect_not(rv_load_state(in_folder("f"), NULL, .report = &r));
    cr_expect(error_is(RV_ERROR_NULL, "load_state: object 1 is NULL"));
    cr_expect(report_is(&r, 0, "", "", "", ""));
    cr_expect_not(rv_load_state(NULL, net));
    cr_expect(error_is(RV_ERROR_NULL, "load_state: the path is NULL"));
    cr_expect_not(rv_load_state(in_folder("nothing"), net, .report = &r));
    cr_expect(error_is(RV_ERROR_FILE, "load_state: \""));
    cr_expect_not(rv_load_state(write_file("bad", "{}", 2), net));
    cr_expect(error_is(RV_ERROR_FORMAT, "is no safetensors file"));
    rv_layer_free(net);
}

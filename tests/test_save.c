/* test_save.c - saving, loading, and safetensors files that anybody may have made. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "data_sets.h"
#include "files.h"

TestSuite(save, .init = make_folder, .fini = remove_folder);

/* An object with a state of any tensors, of any kind. */
typedef struct thing {
    rv_object object;
    int count;
    const char *names[8];
    rv_tensor *tensors[8];
    bool fails; /* instead of telling its state */
} thing;

static void no_destroy(rv_object *object)
{
    (void)object;
}

static bool thing_state(rv_object *object, rv_state_visit *visit, void *context)
{
    const thing *t = (const thing *)object;
    for (int i = 0; i < t->count; i++)
        if (!visit(context, t->names[i], t->tensors[i]))
            return false;
    return !t->fails;
}

static const rv_object_class layer_class = {
    .kind = "layer", .destroy = no_destroy, .state = thing_state};
static const rv_object_class optimizer_class = {
    .kind = "optimizer", .destroy = no_destroy, .state = thing_state};
static const rv_object_class custom_class = {
    .kind = "camera", .destroy = no_destroy, .state = thing_state};
static const rv_object_class stateless_class = {.kind = "pot", .destroy = no_destroy};

static thing make_thing(const rv_object_class *object_class, const char *first, rv_tensor *a,
                        const char *second, rv_tensor *b)
{
    thing t = {.count = b ? 2 : 1, .names = {first, second}, .tensors = {a, b}};
    rv_object_init(&t.object, object_class);
    return t;
}

/* A layer of a weight F32 [2,3], full of `value`, and a count I64. */
static thing make_layer(double value)
{
    return make_thing(&layer_class, "0.weight", rv_full(value, RV_F32, 2, 3), "count",
                      rv_full(value, RV_I64));
}

/* What a file holds, as text: "name F32 [2,3] first-element; ". */
static bool describe(void *context, const char *name, rv_tensor *t)
{
    char *text = context;
    const size_t used = strlen(text);
    snprintf(text + used, 512 - used, "%s %s %s %g; ", name, rv_dtype_name(t->dtype),
             RV_SHAPE_OF(t), t->numel ? at(t, 0) : -1.0);
    return true;
}

static bool file_is(const char *path, const char *expected)
{
    char text[512] = "";
    if (!rv_safetensors_read(path, describe, text) || strcmp(text, expected) != 0)
        return fprintf(stderr, "expected %s\n     got %s\n", expected, text) < 0;
    return true;
}

/* ---- the format, to the letter --------------------------------------------------------------- */

Test(save, writes_the_format)
{
    const float weights[] = {1, 2.5f};
    const int64_t count = 513;
    const uint8_t mask[] = {7, 8, 9};
    rv_tensor *tensors[] = {rv_from_array(mask, RV_U8, 3), rv_from_array(weights, RV_F32, 1, 2),
                            rv_from_array(&count, RV_I64), rv_zeros(RV_F64, 0, 4)};
    const char *names[] = {"mask", "fc.weight", "n\"\xc3\xa9", "empty"};
    cr_assert(rv_safetensors_write(in_folder("f"), names, tensors, 4));
    const char *header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"n\\\"\xc3\xa9\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"empty\":{\"dtype\":\"F64\",\"shape\":[0,4],\"data_offsets\":[8,8]},"
        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]},"
        "\"mask\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[16,19]}}";
    const size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    unsigned char expected[600] = {(unsigned char)padded, (unsigned char)(padded >> 8)}, got[600];
    memset(expected + 8, ' ', padded);
    memcpy(expected + 8, header, length);
    memcpy(expected + 8 + padded, "\x01\x02\0\0\0\0\0\0\0\0\x80\x3f\0\0\x20\x40\7\10\11", 19);
    cr_assert_eq(read_file(in_folder("f"), got, sizeof got), 8 + padded + 19);
    cr_expect_arr_eq(got, expected, 8 + padded + 19);
    cr_expect(file_is(in_folder("f"), "n\"\xc3\xa9 I64 [] 513; empty F64 [0,4] -1; "
                                      "fc.weight F32 [1,2] 1; mask U8 [3] 7; "));
    cr_expect(no_error());
}

Test(save, writes_views_row_major_and_empty_files)
{
    rv_tensor *table = rv_raw_reshape("test", rv_arange(RV_F64, 0, 6, 1), 2, (int64_t[]){2, 3});
    rv_tensor *turned = rv_raw_permute("test", table, 2, (int[]){1, 0});
    rv_tensor *loaded = rv_zeros(RV_F64, 3, 2);
    cr_assert(rv_save(in_folder("f"), turned));
    cr_assert(rv_load(in_folder("f"), loaded));
    cr_expect(HOLDS(loaded, 0, 0, 3, 1, 4, 2, 5));
    rv_tensor *back = rv_zeros(RV_F64, 2, 3);
    cr_assert(rv_load(in_folder("f"), rv_raw_permute("test", back, 2, (int[]){1, 0})));
    cr_expect(HOLDS(back, 0, 0, 1, 2, 3, 4, 5));
    cr_assert(rv_safetensors_write(in_folder("none"), NULL, NULL, 0));
    cr_expect(file_is(in_folder("none"), ""));
    cr_expect(no_error());
}

Test(save, write_refuses)
{
    rv_tensor *t = rv_zeros(RV_F32, 2);
    rv_tensor *two[] = {t, t};
    const char *path = in_folder("f");
    cr_expect_not(rv_safetensors_write(path, (const char *[]){"a", "a"}, two, 2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "safetensors_write: two tensors have the name \"a\""));
    cr_expect_not(rv_safetensors_write(path, (const char *[]){"a", ""}, two, 2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "name 1, \"\", is empty"));
    cr_expect_not(rv_safetensors_write(path, (const char *[]){"__metadata__"}, two, 1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "is taken by the format"));
    static const char *const wrong[] = {"\x80",         "a\xff",         "\xc3",
                                        "\xc0\x80",     "\xed\xa0\x80",  "\xf4\x90\x80\x80",
                                        "\xe0\x80\x80", "\xf0\x80\x80z", "_\xe2\x82"};
    for (int i = 0; i < RV_COUNT(wrong); i++) {
        cr_expect_not(rv_safetensors_write(path, &wrong[i], two, 1), "%d", i);
        cr_expect(error_is(RV_ERROR_ARGUMENT, "is not UTF-8"), "%d", i);
    }
    static const char *const right[] = {"\xc2\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf",
                                        "__metadata"};
    for (int i = 0; i < RV_COUNT(right); i++)
        cr_expect(rv_safetensors_write(path, &right[i], two, 1), "%d", i);
    cr_expect_not(rv_safetensors_write(path, (const char *[]){NULL}, two, 1));
    cr_expect(error_is(RV_ERROR_NULL, "name 0 is NULL"));
    cr_expect_not(rv_safetensors_write(path, (const char *[]){"a"}, (rv_tensor *[]){NULL}, 1));
    cr_expect(error_is(RV_ERROR_NULL, "input 0 is NULL"));
    cr_expect_not(rv_safetensors_write(NULL, (const char *[]){"a"}, two, 1));
    cr_expect(error_is(RV_ERROR_NULL, "the path is NULL"));
    cr_expect_not(rv_safetensors_write(path, NULL, two, 1));
    cr_expect(error_is(RV_ERROR_NULL, "names or tensors are NULL"));
    cr_expect_not(rv_safetensors_write(path, NULL, NULL, -1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "-1 tensors"));
    rv_tensor *wide = rv_zeros(RV_F32, 0, INT64_C(1) << 53);
    cr_expect_not(rv_safetensors_write(path, (const char *[]){"a"}, &wide, 1));
    cr_expect(error_is(RV_ERROR_SHAPE, "a size may be up to 2^53 - 1"));
}

/* ---- files that are wrong -------------------------------------------------------------------- */

/* Writes a file of this header and so many bytes of data; `length` < 0: the header's own. */
static const char *write_header(const char *header, size_t header_bytes, int64_t length,
                                size_t data_bytes)
{
    static unsigned char file[4096];
    const uint64_t said = length < 0 ? header_bytes : (uint64_t)length;
    memset(file, 0, sizeof file);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)(said >> (8 * i));
    memcpy(file + 8, header, header_bytes);
    return write_file("wrong", file, 8 + header_bytes + data_bytes);
}

static bool ignore(void *context, const char *name, rv_tensor *t)
{
    (void)name, (void)t;
    ++*(int *)context;
    return true;
}

/* Whether the file is refused, before anything is visited, with this message. */
static bool refused(const char *path, rv_status status, const char *message)
{
    int visited = 0;
    return !rv_safetensors_read(path, ignore, &visited) && visited == 0 &&
           error_is(status, message);
}

#define ONE(dtype, shape, offsets) \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define PAIR(begin1, end1, begin2, end2)                                                \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[" #begin1 "," #end1 "]}," \
    "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[" #begin2 "," #end2 "]}}"

typedef struct wrong_header {
    const char *header;
    size_t data_bytes;
    rv_status status;
    const char *message;
} wrong_header;

static const wrong_header wrong_headers[] = {
    {"[]", 0, RV_ERROR_FORMAT, "its header does not begin with '{'"},
    {" {}", 0, RV_ERROR_FORMAT, "does not begin with '{'"},
    {"{} {}", 0, RV_ERROR_FORMAT, "more than one JSON object"},
    {"{}x", 0, RV_ERROR_FORMAT, "more than one JSON object"},
    {"{\"a\":", 0, RV_ERROR_FORMAT, "is not JSON"},
    {"{\"a\"}", 0, RV_ERROR_FORMAT, "is not JSON"},
    {"{'a':1}", 0, RV_ERROR_FORMAT, "is not JSON"},
    {"{\"\\ud800\":1}", 0, RV_ERROR_FORMAT, "is not JSON"},
    {"{\"\xff\":1}", 0, RV_ERROR_FORMAT, "is not UTF-8"},
    {"{\"a\\u0000b\":1}", 0, RV_ERROR_FORMAT, "has the character 0"},
    {"{\"a\":1}", 0, RV_ERROR_FORMAT, "\"a\" is not a dtype, a shape and data_offsets"},
    {"{\"a\":[1,2,3]}", 0, RV_ERROR_FORMAT, "is not a dtype"},
    {"{\"a\":{}}", 0, RV_ERROR_FORMAT, "is not a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4, RV_ERROR_FORMAT, "is not a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1}}", 4, RV_ERROR_FORMAT,
     "is not a dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
     RV_ERROR_FORMAT, "is not a dtype"},
    {"{\"a\":{\"DTYPE\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, RV_ERROR_FORMAT,
     "is not a dtype"},
    {ONE("7", "[4]", "[0,4]"), 4, RV_ERROR_FORMAT, "the dtype of \"a\" is not a string"},
    {ONE("\"BF16\"", "[4]", "[0,8]"), 8, RV_ERROR_DTYPE, "is BF16; only F32, F64, I64 and U8"},
    {ONE("\"F16\"", "[4]", "[0,8]"), 8, RV_ERROR_DTYPE, "is F16"},
    {ONE("\"I32\"", "[4]", "[0,16]"), 16, RV_ERROR_DTYPE, "is I32"},
    {ONE("\"BOOL\"", "[4]", "[0,4]"), 4, RV_ERROR_DTYPE, "is BOOL"},
    {ONE("\"u8\"", "[4]", "[0,4]"), 4, RV_ERROR_DTYPE, "is u8"},
    {ONE("\"U8\"", "4", "[0,4]"), 4, RV_ERROR_FORMAT, "the shape of \"a\" is not a list"},
    {ONE("\"U8\"", "[-4]", "[0,4]"), 4, RV_ERROR_FORMAT, "a size of \"a\" is not a whole number"},
    {ONE("\"U8\"", "[4.5]", "[0,4]"), 4, RV_ERROR_FORMAT, "a size of \"a\""},
    {ONE("\"U8\"", "[\"4\"]", "[0,4]"), 4, RV_ERROR_FORMAT, "a size of \"a\""},
    {ONE("\"U8\"", "[null]", "[0,4]"), 4, RV_ERROR_FORMAT, "a size of \"a\""},
    {ONE("\"U8\"", "[[4]]", "[0,4]"), 4, RV_ERROR_FORMAT, "a size of \"a\""},
    {ONE("\"U8\"", "[9007199254740992]", "[0,4]"), 4, RV_ERROR_FORMAT, "whole number below 2^53"},
    {ONE("\"U8\"", "[1e300]", "[0,4]"), 4, RV_ERROR_FORMAT, "whole number below 2^53"},
    {ONE("\"U8\"", "[1e999]", "[0,4]"), 4, RV_ERROR_FORMAT, "whole number below 2^53"},
    {ONE("\"U8\"", "[2147483648,2147483648,4]", "[0,4]"), 4, RV_ERROR_FORMAT,
     "\"a\" is larger than memory"},
    {ONE("\"F64\"", "[0,4503599627370496,4503599627370496]", "[0,0]"), 0, RV_ERROR_FORMAT,
     "\"a\" is larger than memory"},
    {ONE("\"U8\"", "[1,1,1,1,1,1,1,1,4]", "[0,4]"), 4, RV_ERROR_SHAPE, "more than 8 dimensions"},
    {ONE("\"U8\"", "[4]", "4"), 4, RV_ERROR_FORMAT, "the data_offsets of \"a\" are not two"},
    {ONE("\"U8\"", "[4]", "[4]"), 4, RV_ERROR_FORMAT, "data_offsets"},
    {ONE("\"U8\"", "[4]", "[0,4,8]"), 4, RV_ERROR_FORMAT, "data_offsets"},
    {ONE("\"U8\"", "[4]", "[-4,0]"), 4, RV_ERROR_FORMAT, "data_offsets"},
    {ONE("\"U8\"", "[4]", "[0.5,4.5]"), 5, RV_ERROR_FORMAT, "data_offsets"},
    {ONE("\"U8\"", "[4]", "[4,0]"), 4, RV_ERROR_FORMAT,
     "[4], 4 bytes, and its data_offsets are [4,0]"},
    {ONE("\"F32\"", "[4]", "[0,4]"), 4, RV_ERROR_FORMAT, "is F32 [4], 16 bytes, and its"},
    {ONE("\"U8\"", "[4]", "[0,4]"), 3, RV_ERROR_FORMAT,
     "its tensors have 4 bytes, and the file has 3"},
    {ONE("\"U8\"", "[4]", "[0,4]"), 5, RV_ERROR_FORMAT,
     "its tensors have 4 bytes, and the file has 5"},
    {ONE("\"U8\"", "[4]", "[1,5]"), 5, RV_ERROR_FORMAT, "begins at 1, and a gap before it at 0"},
    {ONE("\"U8\"", "[4]", "[1000000,1000004]"), 4, RV_ERROR_FORMAT, "begins at 1000000"},
    {PAIR(0, 4, 5, 9), 9, RV_ERROR_FORMAT, "the data of \"b\" begins at 5, and a gap"},
    {PAIR(0, 4, 3, 7), 7, RV_ERROR_FORMAT, "the data of \"b\" begins at 3, but what is before it"},
    {PAIR(4, 8, 4, 8), 8, RV_ERROR_FORMAT, "begins at 4"},
    {PAIR(0, 4, 0, 4), 4, RV_ERROR_FORMAT, "begins at 0, but what is before it ends at 4"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
     "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
     8, RV_ERROR_FORMAT, "the name \"a\" is there twice"},
    {"{\"__metadata__\":{\"a\":1}}", 0, RV_ERROR_FORMAT, "is not an object of strings"},
    {"{\"__metadata__\":[\"a\"]}", 0, RV_ERROR_FORMAT, "is not an object of strings"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, RV_ERROR_FORMAT,
     "the name \"__metadata__\" is there twice"},
    {"{\"__metadata__\":{\"k\":\"1\",\"\\u006b\":\"2\"}}", 0, RV_ERROR_FORMAT,
     "the name \"k\" is there twice"},
    {ONE("\"F4\"", "[3]", "[0,1]"), 1, RV_ERROR_FORMAT, "is F4 [3], no whole number of bytes"},
};

Test(save, refuses_wrong_headers)
{
    for (int i = 0; i < RV_COUNT(wrong_headers); i++) {
        const wrong_header *w = &wrong_headers[i];
        const char *path = write_header(w->header, strlen(w->header), -1, w->data_bytes);
        cr_expect(refused(path, w->status, w->message), "%s", w->header);
    }
    cr_expect(refused(write_header("{\"a\0b\":1}", 9, -1, 0), RV_ERROR_FORMAT, "not UTF-8"));
}

Test(save, accepts_what_the_format_allows)
{
    const char *header = "{\"b\":{\"data_offsets\":[1,5],\"shape\":[1],\"dtype\":\"F32\"},"
                         "\"a\\\\u0000\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                         "\"e\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[1,1]},"
                         "\"__metadata__\":{\"format\":\"pt\",\"x\":\"\"}} \n ";
    cr_expect(file_is(write_header(header, strlen(header), -1, 5), /* b is not aligned */
                      "a\\u0000 U8 [1] 0; e I64 [0] -1; b F32 [1] 0; "));
    cr_expect(file_is(write_header("{}      ", 8, -1, 0), ""));
    cr_expect(no_error());
}

Test(save, refuses_wrong_lengths)
{
    static const int64_t lengths[] = {0, 1, 3, 100, 100000001, INT64_MAX};
    rv_memory_limit(rv_memory_usage().held + (2 << 20));
    for (int i = 0; i < RV_COUNT(lengths); i++)
        cr_expect(
            refused(write_header("{}", 2, lengths[i], 0), RV_ERROR_FORMAT, "its header is said"));
    cr_expect(
        refused(write_file("wrong", "\x02\0\0\0\0\0\0\x80{}", 10), RV_ERROR_FORMAT, "is said"));
    cr_expect(refused(write_file("wrong", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10),
                      RV_ERROR_FORMAT, "is said to have 18446744073709551615 bytes"));
}

Test(save, refuses_deep_nesting)
{
    char header[3000] = "{\"a\":";
    memset(header + 5, '[', 2000);
    cr_expect(refused(write_header(header, 2005, -1, 0), RV_ERROR_FORMAT, "is not JSON"));
    memset(header + 405, ']', 400);
    header[805] = '}';
    memset(header + 5, '[', 400);
    cr_expect(refused(write_header(header, 806, -1, 0), RV_ERROR_FORMAT, "is not a dtype"));
}

Test(save, cut_off_or_too_long)
{
    rv_tensor *t = rv_arange(RV_F32, 0, 3, 1);
    unsigned char file[512] = {0};
    rv_safetensors_write(in_folder("small"), (const char *[]){"w"}, &t, 1);
    const size_t bytes = read_file(in_folder("small"), file, sizeof file);
    cr_expect(refused(write_file("cut", file, 5), RV_ERROR_FORMAT, "it has 5 bytes; its header's"));
    cr_expect(refused(write_file("cut", file, 20), RV_ERROR_FORMAT, "its header is said to have"));
    cr_expect(refused(write_file("cut", file, bytes - 1), RV_ERROR_FORMAT, "its tensors have 12"));
    cr_expect(refused(write_file("cut", file, bytes + 1), RV_ERROR_FORMAT, "its tensors have 12"));
}

Test(save, missing_files_and_folders)
{
    cr_expect(refused(in_folder("nothing"), RV_ERROR_FILE, "safetensors_read: \""));
    cr_expect(refused(test_folder, RV_ERROR_FILE, "Is a directory"));
    cr_expect(refused(NULL, RV_ERROR_NULL, "the path is NULL"));
    cr_expect_not(rv_safetensors_read(in_folder("f"), NULL, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "the function is NULL"));
    thing layer = make_layer(1);
    cr_expect_not(rv_load(in_folder("nothing"), &layer));
    cr_expect(error_is(RV_ERROR_FILE, "load: \""));
}

/* ---- objects --------------------------------------------------------------------------------- */

Test(save, names_of_several_objects)
{
    thing a = make_layer(1), b = make_layer(2);
    thing opt = make_thing(&optimizer_class, "0.exp_avg", rv_full(3, RV_F32, 2), NULL, NULL);
    thing opt2 = make_thing(&optimizer_class, "0.exp_avg", rv_full(4, RV_F32, 2), NULL, NULL);
    rv_tensor *t = rv_full(5, RV_F64);
    cr_assert(rv_save(in_folder("f"), &opt, &a, t, &opt2, &b));
    cr_expect(file_is(in_folder("f"),
                      "count I64 [] 1; tensor.data F64 [] 5; layer#2.count I64 [] 2; "
                      "optimizer.0.exp_avg F32 [2] 3; 0.weight F32 [2,3] 1; "
                      "optimizer#2.0.exp_avg F32 [2] 4; "
                      "layer#2.0.weight F32 [2,3] 2; "));
    cr_expect(no_error());
}

Test(save, loads_what_was_saved)
{
    thing layer = make_layer(7), fresh = make_layer(0);
    thing opt = make_thing(&optimizer_class, "0.buffer", rv_full(3, RV_F64, 2), NULL, NULL);
    thing opt_fresh = make_thing(&optimizer_class, "0.buffer", rv_full(0, RV_F64, 2), NULL, NULL);
    cr_assert(rv_save(in_folder("f"), &layer, &opt));
    const uint32_t before = rv_storage_version(fresh.tensors[0]->storage);
    cr_expect(rv_load(in_folder("f"), &fresh, &opt_fresh));
    cr_expect(rv_equal(fresh.tensors[0], layer.tensors[0]) && at(fresh.tensors[1], 0) == 7);
    cr_expect(HOLDS(opt_fresh.tensors[0], 0, 3, 3));
    cr_expect_neq(rv_storage_version(fresh.tensors[0]->storage), before);
    cr_expect(rv_recording());
    cr_expect(no_error());
}

/* What belongs to objects that were not given is skipped, and nothing else is. */
Test(save, loads_a_part)
{
    thing a = make_layer(1), b = make_layer(2), into = make_layer(0);
    thing opt = make_thing(&optimizer_class, "x", rv_full(3, RV_F64, 2), NULL, NULL);
    thing opt_into = make_thing(&optimizer_class, "x", rv_full(0, RV_F64, 2), NULL, NULL);
    cr_assert(rv_save(in_folder("f"), &a, &b, &opt));
    cr_expect(rv_load(in_folder("f"), &into));
    cr_expect_eq(at(into.tensors[0], 0), 1);
    cr_expect(rv_load(in_folder("f"), &opt_into));
    cr_expect_eq(at(opt_into.tensors[0], 0), 3);
    thing into2 = make_layer(0);
    cr_expect(rv_load(in_folder("f"), &into, &into2));
    cr_expect_eq(at(into2.tensors[0], 0), 2);
    cr_expect(no_error());
    /* a ResNet's "layer2.0" is no second layer, and a "loader2" no loader */
    rv_tensor *t = rv_zeros(RV_F32, 1);
    const char *names[] = {"0.weight", "layer2.0.weight"};
    rv_safetensors_write(in_folder("g"), names, (rv_tensor *[]){t, t}, 2);
    thing small = make_thing(&layer_class, "0.weight", t, NULL, NULL);
    cr_expect_not(rv_load(in_folder("g"), &small));
    cr_expect(error_is(RV_ERROR_STATE, "\"layer2.0.weight\" is not expected"));
    names[1] = "loader2.epoch";
    rv_safetensors_write(in_folder("g"), names, (rv_tensor *[]){t, t}, 2);
    cr_expect_not(rv_load(in_folder("g"), &small));
    cr_expect(error_is(RV_ERROR_STATE, "\"loader2.epoch\" is not expected"));
    static const char *const others[] = {"loader.epoch", "optimizer.0.step", "schedule.step",
                                         "average#2.count", "tensor.data"};
    for (int i = 0; i < RV_COUNT(others); i++) {
        names[1] = others[i];
        rv_safetensors_write(in_folder("g"), names, (rv_tensor *[]){t, t}, 2);
        cr_expect(rv_load(in_folder("g"), &small), "%s", others[i]);
    }
    cr_expect(no_error());
}

Test(save, loads_all_or_nothing)
{
    thing saved = make_layer(1);
    cr_assert(rv_save(in_folder("f"), &saved));
    thing into = {.count = 4,
                  .names = {"0.weight", "count", "0.bias", "1.weight"},
                  .tensors = {rv_zeros(RV_F32, 2, 3), rv_zeros(RV_F64), rv_zeros(RV_F32, 2),
                              rv_zeros(RV_F32, 2)}};
    rv_object_init(&into.object, &layer_class);
    cr_expect_not(rv_load(in_folder("f"), &into));
    cr_expect(error_is(RV_ERROR_STATE,
                       "does not fit: \"count\" is I64 [], not F64 []; \"0.bias\" is "
                       "missing; \"1.weight\" is missing"));
    into.count = 1;
    into.tensors[0] = rv_zeros(RV_F32, 3, 2);
    cr_expect_not(rv_load(in_folder("f"), &into));
    cr_expect(
        error_is(RV_ERROR_STATE, "\"0.weight\" is F32 [2,3], not F32 [3,2]; \"count\" is not"));
    cr_expect(HOLDS(into.tensors[0], 0, 0, 0, 0, 0, 0, 0));
    into.count = 2;
    into.tensors[0] = rv_zeros(RV_F32, 2, 3);
    into.tensors[1] = rv_raw_expand("test", rv_zeros(RV_I64), 1, (int64_t[]){2});
    cr_expect_not(rv_load(in_folder("f"), &into));
    cr_expect(error_is(RV_ERROR_STATE, "\"count\" is I64 [], not I64 [2]"));
    cr_expect(HOLDS(into.tensors[0], 0, 0, 0, 0, 0, 0, 0));
    rv_tensor *pair = rv_zeros(RV_F32, 2);
    rv_save(in_folder("p"), pair);
    cr_expect_not(rv_load(in_folder("p"), rv_raw_expand("t", rv_zeros(RV_F32), 1, (int64_t[]){2})));
    cr_expect(error_is(RV_ERROR_STATE, "goes into an expanded tensor"));
    cr_expect(no_error());
}

Test(save, long_lists_are_shortened)
{
    char names[40][64];
    const char *pointers[40];
    rv_tensor *tensors[40], *t = rv_zeros(RV_F32, 1);
    for (int i = 0; i < 40; i++) {
        memset(names[i], 'x', 63);
        snprintf(names[i] + 55, 9, "%02d", i);
        pointers[i] = names[i];
        tensors[i] = t;
    }
    rv_safetensors_write(in_folder("f"), pointers, tensors, 40);
    thing layer = make_thing(&layer_class, "y", t, NULL, NULL);
    cr_expect_not(rv_load(in_folder("f"), &layer));
    cr_expect(error_is(RV_ERROR_STATE, "x06\" is not expected; and 33 more"));
}

Test(save, objects_that_cannot_be_saved)
{
    const char *path = in_folder("f");
    thing layer = make_layer(1), pot = layer, ended = layer, camera = layer, twice = layer;
    rv_object_init(&pot.object, &stateless_class);
    cr_expect_not(rv_save(path, &layer, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "save: object 2 is NULL"));
    cr_expect_not(rv_save(path, &pot));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "object 1 is a pot, which has no state to save"));
    ended.object.mark = RV_OBJECT_ENDED;
    cr_expect_not(rv_save(path, &ended));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "object 1 is not one of Ravine's, or it was freed"));
    double number[8] = {3.5};
    cr_expect_not(rv_load(path, &layer, number));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "load: object 2 is not one of Ravine's"));
    rv_dataset *set = counting_set(3);
    cr_expect_not(rv_save(path, set));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "object 1 is a data set, which has no state"));
    rv_data_free(set);
    cr_expect_not(rv_save_n(path, NULL, 1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "0 objects given"));
    cr_expect_not(rv_save_n(path, (void *[]){&layer}, 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "0 objects given"));
    cr_expect_not(rv_save(NULL, &layer));
    cr_expect(error_is(RV_ERROR_NULL, "save: the path is NULL"));
    rv_object_init(&camera.object, &custom_class);
    camera.fails = true;
    cr_expect_not(rv_save(path, &layer, &camera));
    cr_expect(error_is(RV_ERROR_STATE, "object 2, a camera, does not tell its state"));
    twice.names[1] = twice.names[0];
    cr_expect_not(rv_save(path, &twice));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "two tensors have the name \"0.weight\""));
    twice.names[1] = NULL;
    cr_expect_not(rv_save(path, &twice));
    cr_expect(error_is(RV_ERROR_NULL, "a tensor without name"));
    twice.tensors[0] = NULL;
    cr_expect_not(rv_save(path, &twice));
    cr_expect(error_is(RV_ERROR_NULL, "save: input 0 is NULL"));
    cr_expect(access(path, F_OK) != 0, "nothing was written");
}

Test(save, nothing_is_saved_while_an_error_is_unread)
{
    thing good = make_layer(1), bad = make_layer(2);
    cr_assert(rv_save(in_folder("f"), &good));
    rv_zeros(RV_F32, -1);
    cr_expect_not(rv_save(in_folder("f"), &bad));
    cr_expect(error_is(RV_ERROR_SHAPE, "zeros"));
    cr_expect(file_is(in_folder("f"), "count I64 [] 1; 0.weight F32 [2,3] 1; "));
}

/* A loader, in the middle of an epoch, goes on in a new one. */
Test(save, a_loader_goes_on)
{
    rv_dataset *set = counting_set(20);
    rv_loader *loader = rv_data_loader(set, .batch_size = 3, .shuffle = true, .seed = 4);
    rv_batch b;
    for (int i = 0; i < 10; i++)
        rv_next(loader, &b);
    cr_assert(rv_save(in_folder("f"), loader));
    cr_expect(file_is(in_folder("f"), "loader.seed I64 [] 4; loader.epoch I64 [] 1; "
                                      "loader.position I64 [] 6; loader.count I64 [] 20; "));
    rv_loader *fresh = rv_data_loader(set, .batch_size = 3, .shuffle = true, .prefetch = 0);
    cr_assert(rv_load(in_folder("f"), fresh));
    rv_batch c;
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(rv_next(loader, &b), rv_next(fresh, &c));
        cr_expect(b.n == c.n && (b.n == 0 || (rv_equal(b.x, c.x) && rv_equal(b.y, c.y))));
    }
    rv_loader_free(loader);
    rv_loader_free(fresh);
    rv_data_free(set);
    cr_expect(no_error());
}

/* ---- places that cannot be written ----------------------------------------------------------- */

Test(save, no_folder_to_write_to)
{
    thing layer = make_layer(1);
    write_file("plain", "x", 1);
    cr_expect_not(rv_save(in_folder("plain/f"), &layer));
    cr_expect(error_is(RV_ERROR_FILE, "save: "));
    cr_expect_not(rv_save(in_folder("nothing/f"), &layer));
    cr_expect(error_is(RV_ERROR_FILE, "save: "));
    cr_expect_not(rv_save(test_folder, &layer));
    cr_expect(error_is(RV_ERROR_FILE, "save: "));
}

/* A disk that is full at any byte: an error, the old file as it was, nothing left beside it. */
Test(save, full_disk_keeps_the_old_file)
{
    thing good = make_layer(1), bad = make_layer(2);
    cr_assert(rv_save(in_folder("f"), &good));
    unsigned char file[512];
    const size_t bytes = read_file(in_folder("f"), file, sizeof file);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    for (size_t room = 0; room < bytes; room += 16) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){room, before.rlim_max});
        const bool saved = rv_save(in_folder("f"), &bad);
        setrlimit(RLIMIT_FSIZE, &before);
        cr_expect(!saved && error_is(RV_ERROR_FILE, "save: "), "room for %zu", room);
        cr_expect(file_is(in_folder("f"), "count I64 [] 1; 0.weight F32 [2,3] 1; "));
    }
    struct stat about;
    cr_expect(stat(test_folder, &about) == 0 && about.st_nlink == 2);
    cr_expect(rv_save(in_folder("f"), &bad));
    cr_expect(file_is(in_folder("f"), "count I64 [] 2; 0.weight F32 [2,3] 2; "));
}

/* test_bad_input.c - whatever a caller or a file gets wrong is an error that says so.
 *
 * The cases stand in bad_input.inc, and those of the operations in bad_<family>.inc. Here are the
 * fixtures, and the two tests: each case fails with its status and message, and does no harm.
 */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "helpers.h"

static rv_layer *net;          /* linear, [n,4] -> [n,3] */
static rv_dataset *set;        /* 10 samples of [4] */
static rv_tensor *leaf;        /* F32 [2,3], requires a gradient */
static rv_tensor *other;       /* F32 [2,3], does not */
static unsigned char bytes[2]; /* a buffer */

/* ---- files ----------------------------------------------------------------------------------- */

#define FILE_IN(name) in_folder(name)
#define WRITE(name, literal) write_file(name, literal, sizeof(literal) - 1)

/* The first `keep` bytes (0: all) of a gzip file, with byte `flip` changed. */
static void write_broken_gz(const char *name, size_t keep, size_t flip)
{
    static unsigned char raw[4096], packed[8192];

    memcpy(raw, "\0\0\x08\x01\0\0\x0f\xf8", 8); /* 4088 bytes follow */
    for (size_t i = 8; i < sizeof raw; i++)
        raw[i] = (unsigned char)(i * i >> 3);
    const size_t size = read_file(write_gz("whole.gz", raw, sizeof raw), packed, sizeof packed);
    cr_assert(keep < size && flip < size);
    packed[flip] ^= 1;
    write_file(name, packed, keep > 0 ? keep : size);
}

/* A folder in MNIST's format: images of side by side pixels, and labels. */
static void write_mnist(const char *name, int images, int side, int labels, int label)
{
    unsigned char header[16] = {0, 0, 8, 3,
                                0, 0, 0, (unsigned char)images,
                                0, 0, 0, (unsigned char)side,
                                0, 0, 0, (unsigned char)side};
    unsigned char contents[16 + 4 * 28 * 28] = {0};
    char path[64];

    cr_assert(mkdir(in_folder(name), 0777) == 0);
    memcpy(contents, header, sizeof header);
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", name);
    write_file(path, contents, (size_t)(16 + images * side * side));
    unsigned char marks[12] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)labels};
    for (int i = 0; i < labels; i++)
        marks[8 + i] = (unsigned char)label;
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte", name);
    write_file(path, marks, (size_t)(8 + labels));
}

static void write_files(void)
{
    static char saved[4096];

    WRITE("empty", "");
    WRITE("text", "This is neither an IDX file nor one of tensors, but plain English.\n");
    WRITE("type", "\0\0\x0a\x01\0\0\0\x01z");
    WRITE("header", "\0\0\x08\x03\0\0\0\x02\0\0");
    WRITE("short", "\0\0\x08\x01\0\0\0\x05"
                   "four");
    WRITE("long", "\0\0\x08\x01\0\0\0\x03"
                  "four");
    WRITE("huge", "\0\0\x08\x04\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff"
                  "x");
    write_broken_gz("cut.gz", 1000, 1001);
    write_broken_gz("damaged.gz", 0, 1000);
    write_mnist("mnist_sizes", 2, 27, 2, 0);
    write_mnist("mnist_counts", 2, 28, 3, 0);
    write_mnist("mnist_label", 2, 28, 2, 10);

    rv_layer *wider = rv_layer_sequential(rv_layer_linear(5, 3));
    cr_assert(rv_save(in_folder("other.safetensors"), wider));
    rv_layer_free(wider);
    const size_t size = read_file(in_folder("other.safetensors"), saved, sizeof saved);
    write_file("cut.safetensors", saved, size - 7);
}

/* ---- calls that take more than an expression ------------------------------------------------- */

static rv_tensor *sum_of_first(rv_tensor **in, void *context)
{
    (void)context;
    return rv_sum(in[0]);
}

static bool backward_twice(void)
{
    rv_tensor *loss = rv_sum(rv_tanh(leaf));
    return rv_backward(loss) && !rv_backward(loss);
}

static bool changed_since(void)
{
    rv_tensor *y = rv_tanh(leaf), *loss = rv_sum(y);
    RV_NO_GRAD;
    return rv_fill(y, 0) == y && !rv_backward(loss);
}

static bool failing_fetch(void *context, int64_t n, const int64_t *indices, rv_tensor *x,
                          rv_tensor *y)
{
    (void)context, (void)n, (void)indices, (void)x, (void)y;
    return rv_fail(RV_ERROR_STATE, "fetch", "the disk is on fire");
}

static bool callback_fails(void)
{
    rv_dataset *failing = rv_data_callback(.count = 3, .fetch = failing_fetch);
    rv_loader *loader = rv_data_loader(failing, .batch_size = 2);
    rv_batch b;
    const bool failed = !rv_next(loader, &b);
    rv_loader_free(loader);
    rv_data_free(failing);
    return failed;
}

/* ---- the table ------------------------------------------------------------------------------- */

typedef struct bad_input {
    const char *name;
    bool (*failed)(void);
    rv_status status;
    const char *message;
} bad_input;

#define BAD(name, expression, status, message) \
    static bool bad_##name(void)               \
    {                                          \
        return expression;                     \
    }
#include "bad_input.inc"
#undef BAD

static const bad_input table[] = {
#define BAD(name, expression, status, message) {#name, bad_##name, RV_ERROR_##status, message},
#include "bad_input.inc"
#undef BAD
};

static void begin(void)
{
    rv_tensor *x = rv_randn(RV_F32, 10, 4), *y = rv_zeros(RV_I64, 10);
    set = rv_data_tensors(x, y);
    net = rv_layer_sequential(rv_layer_linear(4, 3));
    leaf = rv_require_grad(rv_randn(RV_F32, 2, 3));
    other = rv_randn(RV_F32, 2, 3);
    make_folder();
    write_files();
    cr_assert(no_error());
}

static void end(void)
{
    rv_data_free(set);
    rv_layer_free(net);
    rv_finish();
    remove_folder();
}

TestSuite(bad_input, .init = begin, .fini = end);

Test(bad_input, each_has_its_message)
{
    cr_assert(RV_COUNT(table) >= 60);
    for (int i = 0; i < RV_COUNT(table); i++) {
        RV_SCOPE;
        cr_expect(table[i].failed(), "%s: the call did not fail", table[i].name);
        cr_expect(error_is(table[i].status, table[i].message), "%s: not that error", table[i].name);
    }
}

/* An error that is unread stays the first, and nothing that follows is harmed by it. */
Test(bad_input, the_first_error_stays)
{
    RV_SCOPE;
    cr_expect(rv_zeros(RV_F32, -1) == NULL);
    for (int i = 0; i < RV_COUNT(table); i++)
        table[i].failed();
    cr_expect(error_is(RV_ERROR_SHAPE, "zeros"));
}

/* Afterwards everything works as if nothing had been. */
Test(bad_input, no_harm_is_done)
{
    RV_SCOPE;
    rv_tensor *x = rv_ones(RV_F32, 1, 4), *before = rv_forward(net, x);
    for (int i = 0; i < RV_COUNT(table); i++) {
        RV_SCOPE;
        table[i].failed();
        rv_error();
    }
    cr_expect(rv_equal(rv_forward(net, x), before));
    cr_expect(rv_accuracy(net, set) >= 0);
    cr_expect(rv_backward(rv_sum(rv_forward(net, x))));
    cr_expect(no_error());
}

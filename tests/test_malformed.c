/* test_malformed.c - every reader, and files that are wrong.
 *
 * A table has a small good file for each format. Each is cut at every byte, every one of its bytes
 * is changed in ten ways, and bytes are added: what comes is an error that names the file, or a
 * result that is sound; memory is never asked for that a file of this size does not warrant; and
 * nothing stays in use. What each format promises beyond that, as that a cut is always noticed,
 * stands in the table. The address sanitizer's build of this suite says that nothing is read or
 * written where it should not.
 */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "allocation_sums.h"
#include "files.h"
#include "helpers.h"
#include "small_files.h"

static void set_up(void)
{
    make_folder();
    allocations_watch();
}

TestSuite(malformed, .init = set_up, .fini = remove_folder);

/* ---- reading: a hash of what came, 0 after an error ------------------------------------------ */

static uint64_t hash_tensor(const rv_tensor *t)
{
    if (t == NULL)
        return 0;
    uint64_t hash = HASH_START ^ (uint64_t)t->dtype ^ (uint64_t)t->ndim << 8;
    for (int i = 0; i < t->ndim; i++)
        hash = (hash ^ (uint64_t)t->shape[i]) * 0x100000001b3u;
    return hash_of(hash, t);
}

static uint64_t hash_set(rv_dataset *set)
{
    if (set == NULL)
        return 0;
    const rv_batch b = rv_data_batch(set, 0, rv_data_count(set));
    uint64_t hash = hash_tensor(b.x) * 3 + hash_tensor(b.y);
    for (int64_t i = 0; i < rv_data_classes(set); i++)
        hash = hash * 31 + strlen(rv_data_class_name(set, i));
    rv_data_free(set);
    return hash;
}

static bool add_hash(void *context, const char *name, rv_tensor *t)
{
    *(uint64_t *)context = *(uint64_t *)context * 31 + hash_tensor(t) + strlen(name);
    return true;
}

static uint64_t read_tensors(const char *path)
{
    uint64_t hash = HASH_START;
    return rv_safetensors_read(path, add_hash, &hash) ? hash : 0;
}

/* Into a layer that was made for the good file; what does not fit is passed over. */
static uint64_t read_state(const char *path)
{
    rv_layer *layer = rv_layer_linear(3, 2, .dtype = RV_F64);
    rv_load_report report;
    uint64_t hash = HASH_START;
    RV_NO_GRAD;
    rv_fill(rv_layer_parameter(layer, "weight"), 1);
    rv_fill(rv_layer_parameter(layer, "bias"), 1);
    const bool ok = rv_load_state(path, layer, .strict = false, .skip_mismatched = true,
                                  .cast = true, .report = &report);
    for (int64_t i = 0; i < report.unexpected.count; i++)
        hash = hash * 31 + strlen(report.unexpected.items[i]);
    rv_state(layer, add_hash, &hash);
    rv_layer_free(layer);
    return ok ? hash : 0;
}

static uint64_t read_idx(const char *path)
{
    return hash_tensor(rv_idx_read(path));
}

static uint64_t read_npy(const char *path)
{
    return hash_tensor(rv_npy_read(path));
}

static uint64_t read_image(const char *path)
{
    return hash_tensor(rv_image_read(path));
}

static uint64_t read_csv(const char *path)
{
    return hash_set(rv_data_csv(path));
}

static uint64_t read_cifar10(const char *path)
{
    (void)path;
    return hash_set(rv_data_cifar10(test_folder, RV_TEST));
}

static uint64_t read_cifar100(const char *path)
{
    (void)path;
    return hash_set(rv_data_cifar100(test_folder, RV_TEST));
}

/* ---- the table ------------------------------------------------------------------------------- */

/* What comes of a wrong file, beyond what holds for all. */
typedef enum promise {
    SOUND,  /* an error, or a result */
    SAME,   /* an error, or the same as before */
    REFUSED /* an error */
} promise;

typedef struct sample {
    const char *name;
    const char *file; /* under which name it is read */
    size_t (*make)(unsigned char *to);
    uint64_t (*read)(const char *path);
    promise cut, changed, longer;
    size_t grows;         /* how many bytes of memory one in the file may take, */
    size_t changed_bytes; /* and how many of its first are changed; 0: all */
} sample;

#define DEFLATE 1032 /* what a compressed byte may stand for */

static const sample samples[] = {
    {"safetensors", "a.safetensors", make_safetensors, read_tensors, REFUSED, SOUND, REFUSED, 128,
     0},
    {"state", "a.safetensors", make_safetensors, read_state, REFUSED, SOUND, REFUSED, 128, 0},
    {"idx", "a.idx", make_idx, read_idx, REFUSED, SOUND, REFUSED, 16, 0},
    {"idx gz", "a.idx", make_idx_gz, read_idx, REFUSED, SAME, SOUND, 8 * DEFLATE, 0},
    {"npy", "a.npy", make_npy, read_npy, REFUSED, SOUND, REFUSED, 16, 0},
    {"csv", "a.csv", make_csv, read_csv, SOUND, SOUND, SOUND, 128, 0},
    {"cifar-10", "test_batch.bin", make_cifar10, read_cifar10, REFUSED, SOUND, REFUSED, 16, 40},
    {"cifar-10 gz", "test_batch.bin", make_cifar10_gz, read_cifar10, REFUSED, SAME, SOUND,
     8 * DEFLATE, 0},
    {"cifar-100", "test.bin", make_cifar100, read_cifar100, REFUSED, SOUND, REFUSED, 16, 40},
    {"names", "batches.meta.txt", make_names, read_cifar10, SOUND, SOUND, SOUND, 1024, 0},
    {"names gz", "batches.meta.txt", make_names_gz, read_cifar10, REFUSED, SAME, SOUND, DEFLATE, 0},
    {"png", "a.png", make_png, read_image, REFUSED, REFUSED, REFUSED, 8 * DEFLATE, 0},
    {"jpeg", "a.jpg", make_baseline, read_image, REFUSED, SOUND, SAME, 8 * 1024, 0},
    {"jpeg, progressive", "a.jpg", make_progressive, read_image, REFUSED, SOUND, SAME, 8 * 1024, 0},
    {"jpeg, coloured", "a.jpg", make_coloured, read_image, REFUSED, SOUND, SAME, 8 * 1024, 0},
    {"bmp, 24 bits", "a.bmp", make_bitmap_24, read_image, REFUSED, SOUND, SAME, 64, 0},
    {"bmp, palette", "a.bmp", make_bitmap_8, read_image, REFUSED, SOUND, SAME, 64, 0},
    {"bmp, 1 bit", "a.bmp", make_bitmap_1, read_image, REFUSED, SOUND, SAME, 64, 0},
    {"bmp, 16 bits", "a.bmp", make_bitmap_16, read_image, REFUSED, SOUND, SAME, 64, 0},
};

/* What the library takes from the system at once, and the readers' buffers. */
#define MEMORY_AT_ALL ((size_t)4 << 20)

/* How much more may be in use after a file than before: the blocks that the thread has ready count
 * as well; and builds that do not recycle keep what has ended, to name it. */
#define MEMORY_READY (RV_RECYCLE ? (size_t)1 << 16 : SIZE_MAX / 2)

/* What came of the last files of a sample. */
typedef struct outcome {
    uint64_t good; /* the hash of the good file */
    size_t in_use; /* of memory, after the good file */
    int read, refused;
} outcome;

/* Whether the thread's error is what a wrong file gives; clears it. */
static bool is_error(const sample *s)
{
    const rv_status status = rv_error_status();
    const char *message = rv_error();
    const bool ok = message != NULL && strstr(message, s->file) != NULL &&
                    (status == RV_ERROR_FORMAT || status == RV_ERROR_DTYPE ||
                     status == RV_ERROR_SHAPE || status == RV_ERROR_STATE ||
                     status == RV_ERROR_ARGUMENT); /* as a CSV file without the target's column */
    return ok || fprintf(stderr, "%s: %s\n", s->name, message ? message : "no error") < 0;
}

/* Reads these bytes, checks what holds for all files, and whether the promise is kept. */
static bool is_kept(const sample *s, const unsigned char *bytes, size_t n, promise p, outcome *o)
{
    const char *path = write_file(s->file, bytes, n);
    uint64_t hash;
    allocations_start();
    {
        RV_SCOPE;
        hash = s->read(path);
    }
    allocations_stop();
    const bool ok = hash != 0 ? no_error() : is_error(s);
    *(hash != 0 ? &o->read : &o->refused) += 1;
    if (atomic_load(&allocated_bytes) > MEMORY_AT_ALL + s->grows * n)
        return fprintf(stderr, "%s: %zu bytes took %zu of memory, %zu at once\n", s->name, n,
                       atomic_load(&allocated_bytes), atomic_load(&allocated_most)) < 0;
    if (rv_memory_usage().in_use > o->in_use + MEMORY_READY)
        return fprintf(stderr, "%s: memory stays in use\n", s->name) < 0;
    return ok && (p == SOUND || hash == 0 || (p == SAME && hash == o->good));
}

/* Each sample's file in `file`, its number of bytes in `n`, the hash in `o`. */
#define EACH_SAMPLE(s, file, n, o)                                        \
    for (const sample *s = samples; s < samples + RV_COUNT(samples); s++) \
        for (size_t n = start_sample(s, file, &o); n > 0; n = end_sample(s))

static size_t start_sample(const sample *s, unsigned char *file, outcome *o)
{
    const size_t n = s->make(file);
    *o = (outcome){0};
    {
        RV_SCOPE;
        o->good = s->read(write_file(s->file, file, n));
    }
    cr_assert(o->good != 0, "%s: %s", s->name, rv_error());
    o->in_use = rv_memory_usage().in_use;
    return n;
}

static size_t end_sample(const sample *s)
{
    remove(in_folder(s->file));
    remove(in_folder("test_batch.bin"));
    return 0;
}

static unsigned char good[FILE_BYTES], bad[FILE_BYTES + 16];

Test(malformed, cut_at_every_byte)
{
    outcome o;
    EACH_SAMPLE(s, good, n, o)
    {
        for (size_t length = 0; length < n; length++)
            cr_expect(is_kept(s, good, length, s->cut, &o), "%s: %zu bytes", s->name, length);
        cr_expect(o.refused > 0, "%s", s->name);
    }
}

Test(malformed, every_byte_changed)
{
    outcome o;
    EACH_SAMPLE(s, good, n, o)
    {
        memcpy(bad, good, n);
        for (size_t byte = 0; byte < (s->changed_bytes ? s->changed_bytes : n); byte++) {
            for (int change = 0; change < 10; change++) {
                bad[byte] = change == 8   ? 0
                            : change == 9 ? 255
                                          : (unsigned char)(good[byte] ^ 1 << change);
                if (bad[byte] != good[byte])
                    cr_expect(is_kept(s, bad, n, s->changed, &o), "%s: byte %zu is %d", s->name,
                              byte, bad[byte]);
            }
            bad[byte] = good[byte];
        }
        cr_expect(o.refused > 0 && (s->changed == REFUSED || o.read > 0), "%s", s->name);
    }
}

Test(malformed, bytes_behind_the_end)
{
    outcome o;
    EACH_SAMPLE(s, good, n, o)
    {
        for (int fill = 0; fill < 256; fill += 51) {
            for (size_t more = 1; more <= 16; more += 3) {
                memcpy(bad, good, n);
                memset(bad + n, fill, more);
                cr_expect(is_kept(s, bad, n + more, s->longer, &o), "%s: %zu of %d", s->name, more,
                          fill);
            }
        }
    }
}

/* Files of nothing but one byte, and of bytes at random. */
Test(malformed, noise)
{
    outcome o;
    uint64_t state = 42;
    EACH_SAMPLE(s, good, n, o)
    {
        for (int fill = 0; fill < 256; fill += 5) {
            memset(bad, fill, sizeof bad);
            cr_expect(is_kept(s, bad, 64 + (size_t)fill, SOUND, &o), "%s: %d", s->name, fill);
        }
        for (int round = 0; round < 100; round++) {
            memcpy(bad, good, n);
            for (int i = 0; i < 1 + round % 8; i++) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                bad[(state >> 33) % n] = (unsigned char)(state >> 56);
            }
            cr_expect(is_kept(s, bad, n, SOUND, &o), "%s: round %d", s->name, round);
        }
    }
}

/* ---- files that claim to be large ------------------------------------------------------------ */

/* The good file's sizes become these, in what way its format has them. */
typedef struct claim {
    uint32_t width, height;
} claim;

static const claim claims[] = {
    {60000, 60000},           {8000, 8000},       {65535, 65535},  {1u << 24, 1u << 24},
    {0x7fffffff, 0x7fffffff}, {0xffffffff, 1000}, {1, 0x80000000}, {0xffffffff, 0xffffffff}};

static void put_number(unsigned char *to, uint32_t number, int bytes, bool big_endian)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(number >> 8 * (big_endian ? bytes - 1 - i : i));
}

static size_t claim_png(unsigned char *to, claim c)
{
    const size_t n = make_png(to);
    put_number(to + 16, c.width, 4, true);
    put_number(to + 20, c.height, 4, true);
    put_number(to + 29, (uint32_t)crc32(crc32(0, NULL, 0), to + 12, 17), 4, true);
    return n;
}

static size_t claim_jpeg(unsigned char *to, claim c)
{
    const size_t n = make_baseline(to);
    for (size_t i = 0; i + 9 < n; i++) {
        if (to[i] == 0xff && to[i + 1] == 0xc0) {
            put_number(to + i + 5, c.height, 2, true);
            put_number(to + i + 7, c.width, 2, true);
        }
    }
    return n;
}

static size_t claim_bitmap(unsigned char *to, claim c)
{
    const size_t n = make_bitmap_24(to);
    put_number(to + 18, c.width, 4, false);
    put_number(to + 22, c.height, 4, false);
    return n;
}

static size_t claim_idx(unsigned char *to, claim c)
{
    const size_t n = make_idx(to);
    put_number(to + 4, c.width, 4, true);
    put_number(to + 8, c.height, 4, true);
    return n;
}

static size_t claim_idx_gz(unsigned char *to, claim c)
{
    unsigned char plain[64];
    return compress_file(to, plain, claim_idx(plain, c));
}

/* The header has spaces behind its dictionary, which longer numbers take. */
static size_t claim_npy(unsigned char *to, claim c)
{
    const size_t n = make_npy(to);
    char *shape = strchr((char *)to + 10, '(');
    char text[64];
    const int length = snprintf(text, sizeof text, "(%u, %u), }", c.width, c.height);
    memcpy(shape, text, (size_t)length);
    return n;
}

/* As a shape, and as offsets that fit it. */
static size_t claim_safetensors(unsigned char *to, claim c)
{
    const unsigned long long bytes = (unsigned long long)c.width * c.height;
    const int length =
        snprintf((char *)to + 8, 500,
                 "{\"a\":{\"dtype\":\"U8\",\"shape\":[%u,%u],\"data_offsets\":[0,%llu]}}", c.width,
                 c.height, bytes);
    memset(to, 0, 8);
    to[0] = (unsigned char)length;
    return 8 + (size_t)length;
}

/* As the length of its header. */
static size_t claim_header(unsigned char *to, claim c)
{
    const size_t n = make_safetensors(to);
    put_number(to, c.height, 4, false);
    put_number(to + 4, c.width > 1 << 16 ? c.width : 0, 4, false);
    return n;
}

typedef struct claimant {
    const char *file;
    size_t (*make)(unsigned char *to, claim c);
    uint64_t (*read)(const char *path);
} claimant;

static const claimant claimants[] = {
    {"a.png", claim_png, read_image},
    {"a.jpg", claim_jpeg, read_image},
    {"a.bmp", claim_bitmap, read_image},
    {"a.idx", claim_idx, read_idx},
    {"a.idx", claim_idx_gz, read_idx},
    {"a.npy", claim_npy, read_npy},
    {"a.safetensors", claim_safetensors, read_tensors},
    {"a.safetensors", claim_safetensors, read_state},
    {"a.safetensors", claim_header, read_tensors},
};

/* Whether a file is refused, and takes no more memory than readers do at all. */
static bool is_refused(const char *file, uint64_t (*read)(const char *path))
{
    RV_SCOPE;
    rv_memory_trim(); /* what is recycled is not asked for */
    allocations_start();
    const uint64_t hash = read(in_folder(file));
    allocations_stop();
    const bool small = atomic_load(&allocated_bytes) <= MEMORY_AT_ALL;
    return (hash == 0 && is_error(&(sample){.name = file, .file = file}) && small) ||
           fprintf(stderr, "%s: %zu bytes of memory\n", file, atomic_load(&allocated_bytes)) < 0;
}

Test(malformed, huge_sizes_are_refused_before_memory_is_taken)
{
    for (int i = 0; i < RV_COUNT(claimants); i++) {
        for (int j = 0; j < RV_COUNT(claims); j++) {
            const size_t n = claimants[i].make(bad, claims[j]);
            write_file(claimants[i].file, bad, n);
            cr_expect(is_refused(claimants[i].file, claimants[i].read), "%s (%d): %u by %u",
                      claimants[i].file, i, claims[j].width, claims[j].height);
        }
    }
}

/* 16 MB of zeros are 16 KB. */
Test(malformed, compressed_to_a_thousandth)
{
    const size_t bytes = (size_t)16 << 20;
    unsigned char *zeros = calloc(bytes, 1);
    cr_assert_not_null(zeros);
    memcpy(zeros, "\0\0\x0b\2\0\0\0\2\0\0\0\3", 12); /* a good small header */
    write_gz("a.idx", zeros, bytes);
    cr_expect(is_refused("a.idx", read_idx));
    memset(zeros, 0, 12);
    write_gz("test_batch.bin", zeros, bytes); /* no whole number of images */
    cr_expect(is_refused("test_batch.bin", read_cifar10));
    memset(zeros, 'a', bytes);
    write_gz("batches.meta.txt", zeros, bytes);
    write_file("test_batch.bin", zeros, make_cifar10(zeros));
    cr_expect(is_refused("batches.meta.txt", read_cifar10));
    free(zeros);
}

/* Memory is what the wrappers say: if these counted nothing, all of the above would pass. */
Test(malformed, allocations_are_seen)
{
    allocations_start();
    void *volatile block = malloc(12345);
    allocations_stop();
    free(block);
    cr_expect_geq(atomic_load(&allocated_bytes), 12345);
    cr_expect_geq(atomic_load(&allocated_most), 12345);
    write_file("a.png", good, make_png(good));
    rv_memory_trim();
    allocations_start();
    cr_expect(read_image(in_folder("a.png")) != 0);
    allocations_stop();
    cr_expect(atomic_load(&allocated_bytes) > 3 * 4 * 3, "what stb allocates is seen");
}

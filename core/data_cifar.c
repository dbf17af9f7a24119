/* data_cifar.c - the CIFAR data sets, in their binary form.
 *
 * A file is records of a few label bytes and an image of 3 by 32 by 32 bytes, and nothing else: how
 * many there are, only its length says. So the files are gone through twice: the first time to
 * count (which a compressed file makes necessary, since what it claims to hold proves nothing), the
 * second time to read each image straight into its place in the set. Memory is taken once, for what
 * is really there.
 */

#include <stdio.h>
#include <string.h>

#include "core/data_set.h"
#include "core/gz_file.h"
#include "core/memory.h"
#include "core/safetensors.h"
#include "core/tensor_make.h"

#define SIDE 32
#define IMAGE_BYTES (3 * SIDE * SIDE)
#define FILES 5
#define LABELS 2              /* bytes before an image, at most */
#define NAME_BYTES 64         /* of a file below the folder, with ".gz" */
#define NAMES_BYTES (1 << 14) /* of a file of class names, at most */
#define COUNT_BYTES (1 << 16) /* how much is read at a time to count */

/* What distinguishes one CIFAR from another. */
typedef struct layout {
    const char *who;
    const char *folder;          /* that the archive unpacks to */
    const char *files[2][FILES]; /* of RV_TRAIN and RV_TEST */
    int labels;                  /* bytes before each image */
    int classes[LABELS];         /* how many each of these bytes distinguishes */
    const char *names[LABELS];   /* the file of their names */
} layout;

static const layout cifar10 = {
    .who = "data_cifar10",
    .folder = "cifar-10-batches-bin",
    .files = {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
               "data_batch_5.bin"},
              {"test_batch.bin"}},
    .labels = 1,
    .classes = {10},
    .names = {"batches.meta.txt"},
};

static const layout cifar100 = {
    .who = "data_cifar100",
    .folder = "cifar-100-binary",
    .files = {{"train.bin"}, {"test.bin"}},
    .labels = 2,
    .classes = {20, 100},
    .names = {"coarse_label_names.txt", "fine_label_names.txt"},
};

/* A set that is being read. */
typedef struct job {
    const layout *of;
    rv_data_part part;
    int label;    /* which of the label bytes becomes y */
    char *path;   /* of the file at hand */
    size_t bytes; /* of path */
    size_t stem;  /* how much of path is the folder, with its slash */
    int64_t counts[FILES];
} job;

static const char *file_of(const job *j, int i)
{
    return i < FILES ? j->of->files[j->part][i] : NULL;
}

static const char *path_of(job *j, const char *file)
{
    snprintf(j->path + j->stem, j->bytes - j->stem, "%s", file);
    return j->path;
}

/* Looks for the first file in `dir`, and in the folder that the archive makes there. */
static bool find_folder(job *j, const char *dir)
{
    const char *first = file_of(j, 0);
    j->stem = (size_t)snprintf(j->path, j->bytes, "%s/", dir);
    path_of(j, first);
    if (rv_gz_is_there(j->path))
        return true;
    j->stem = (size_t)snprintf(j->path, j->bytes, "%s/%s/", dir, j->of->folder);
    path_of(j, first);
    return rv_gz_is_there(j->path) ||
           rv_fail(RV_ERROR_FILE, j->of->who,
                   "\"%s\" has no %s (nor %s/%s, each with .gz or without)", dir, first,
                   j->of->folder, first);
}

/* ---- counting -------------------------------------------------------------------------------- */

/* How many bytes the file holds, uncompressed; -1 with an error. */
static int64_t count_bytes(rv_gz_reader *r)
{
    char *buffer = rv_memory_get(r->who, COUNT_BYTES);
    if (buffer == NULL)
        return -1;
    int64_t before;
    bool ok;
    do {
        before = r->came;
        ok = rv_gz_read(r, buffer, COUNT_BYTES);
    } while (ok && r->came - before == COUNT_BYTES);
    rv_memory_put(buffer, COUNT_BYTES);
    return ok ? r->came : -1;
}

static bool count_records(const job *j, rv_gz_reader *r, int64_t *count)
{
    const int record = j->of->labels + IMAGE_BYTES;
    const int64_t bytes = count_bytes(r);
    if (bytes < 0)
        return false;
    if (bytes == 0 || bytes % record != 0 || rv_gz_cut_off(r)[0] != '\0')
        return rv_fail(RV_ERROR_FORMAT, r->who,
                       "\"%s\" holds %lld bytes%s; images take %d each, and there is at least one",
                       r->path, (long long)bytes, rv_gz_cut_off(r), record);
    *count = bytes / record;
    return true;
}

/* Counts the images of each file; their sum, -1 with an error. */
static int64_t count_all(job *j)
{
    int64_t n = 0;
    for (int i = 0; file_of(j, i) != NULL; i++) {
        rv_gz_reader r = {.who = j->of->who};
        if (!rv_gz_open(&r, path_of(j, file_of(j, i))))
            return -1;
        const bool ok = count_records(j, &r, &j->counts[i]);
        rv_gz_close(&r);
        if (!ok)
            return -1;
        n += j->counts[i];
    }
    return n;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool check_labels(const job *j, const rv_gz_reader *r, int64_t image, const uint8_t *labels)
{
    for (int i = 0; i < j->of->labels; i++)
        if (labels[i] >= j->of->classes[i])
            return rv_fail(RV_ERROR_FORMAT, r->who,
                           "\"%s\": image %lld has the label %d; labels are 0 to %d", r->path,
                           (long long)image, labels[i], j->of->classes[i] - 1);
    return true;
}

static bool read_records(const job *j, rv_gz_reader *r, int64_t n, uint8_t *x, int64_t *y)
{
    const int64_t record = j->of->labels + IMAGE_BYTES;
    for (int64_t i = 0; i < n; i++) {
        uint8_t labels[LABELS];
        if (!rv_gz_read(r, labels, j->of->labels) ||
            !rv_gz_read(r, x + i * IMAGE_BYTES, IMAGE_BYTES))
            return false;
        if (r->came != (i + 1) * record)
            return rv_fail(RV_ERROR_FILE, r->who, "\"%s\" became shorter while it was read",
                           r->path);
        if (!check_labels(j, r, i, labels))
            return false;
        y[i] = labels[j->label];
    }
    return true;
}

static bool read_all(job *j, uint8_t *x, int64_t *y)
{
    for (int i = 0; file_of(j, i) != NULL; i++) {
        rv_gz_reader r = {.who = j->of->who};
        if (!rv_gz_open(&r, path_of(j, file_of(j, i))))
            return false;
        const bool ok = read_records(j, &r, j->counts[i], x, y);
        rv_gz_close(&r);
        if (!ok)
            return false;
        x += j->counts[i] * IMAGE_BYTES;
        y += j->counts[i];
    }
    return true;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Adds a name for each line; empty ones at the end are none. */
static bool split_lines(const job *j, const char *text, size_t bytes, rv_names *names)
{
    const int classes = j->of->classes[j->label];
    while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r'))
        bytes--;
    for (size_t at = 0; at < bytes && names->count <= classes;) {
        const char *end = memchr(text + at, '\n', bytes - at);
        size_t length = end ? (size_t)(end - text) - at : bytes - at;
        const size_t next = at + length + 1;
        if (length > 0 && text[at + length - 1] == '\r')
            length--;
        if (length == 0 || !rv_is_utf8(text + at, length))
            return rv_fail(RV_ERROR_FORMAT, j->of->who, "\"%s\": line %lld is %s", j->path,
                           (long long)names->count + 1, length == 0 ? "empty" : "not UTF-8");
        if (!rv_names_add(j->of->who, names, text + at, length))
            return false;
        at = next;
    }
    return names->count == classes ||
           rv_fail(RV_ERROR_FORMAT, j->of->who, "\"%s\" has %s than a line for each of %d classes",
                   j->path, names->count < classes ? "fewer" : "more", classes);
}

/* Reads the names of the classes, if their file is there. */
static bool read_names(job *j, rv_names *names)
{
    path_of(j, j->of->names[j->label]);
    if (!rv_gz_is_there(j->path))
        return true;
    rv_gz_reader r = {.who = j->of->who};
    char *text = rv_memory_get(j->of->who, NAMES_BYTES + 1);
    bool ok = text != NULL && rv_gz_open(&r, j->path);
    if (ok) {
        ok = rv_gz_read(&r, text, NAMES_BYTES + 1);
        if (ok && (r.came > NAMES_BYTES || rv_gz_cut_off(&r)[0] != '\0'))
            ok = rv_fail(RV_ERROR_FORMAT, r.who, "\"%s\" is no list of names%s%s", r.path,
                         r.came > NAMES_BYTES ? ": it is longer than 2^14 bytes" : "",
                         rv_gz_cut_off(&r));
        ok = ok && split_lines(j, text, (size_t)r.came, names);
        rv_gz_close(&r);
    }
    rv_memory_put(text, NAMES_BYTES + 1);
    return ok;
}

/* ---- the sets -------------------------------------------------------------------------------- */

static rv_dataset *read_images(job *j)
{
    RV_SCOPE;
    RV_LASTING;
    const int64_t n = count_all(j);
    if (n < 0)
        return NULL;
    rv_tensor *x = rv_make(j->of->who, RV_U8, 4, (int64_t[]){n, 3, SIDE, SIDE});
    rv_tensor *y = x ? rv_make(j->of->who, RV_I64, 1, &n) : NULL;
    if (y == NULL || !read_all(j, (uint8_t *)x->data, (int64_t *)y->data))
        return NULL;
    return rv_data_over_tensors(j->of->who, x, y, true);
}

static rv_dataset *read_set(job *j, const char *dir)
{
    const char *who = j->of->who;
    if (dir == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the folder is NULL");
    if (j->part != RV_TRAIN && j->part != RV_TEST)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d is neither RV_TRAIN nor RV_TEST",
                            (int)j->part);
    j->bytes = strlen(dir) + NAME_BYTES;
    j->path = rv_memory_get(who, j->bytes);
    if (j->path == NULL)
        return NULL;
    rv_names names = {0};
    rv_dataset *set = find_folder(j, dir) && read_names(j, &names) ? read_images(j) : NULL;
    if (set != NULL)
        set->source->names = names;
    else
        rv_names_end(&names);
    rv_memory_put(j->path, j->bytes);
    return set;
}

rv_dataset *rv_data_cifar10(const char *dir, rv_data_part part)
{
    return read_set(&(job){.of = &cifar10, .part = part}, dir);
}

rv_dataset *rv_data_cifar100_with(const rv_data_cifar100_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, cifar100.who, "the options are NULL");
    return read_set(&(job){.of = &cifar100, .part = options->part, .label = !options->coarse},
                    options->dir);
}

/* data.h - data sets, and the loader that makes batches of them.
 *
 *     rv_dataset *train = rv_data_mnist("data/mnist", RV_TRAIN);
 *     rv_dataset *valid = rv_data_split(train, 5000);
 *     rv_loader *batches = rv_data_loader(train, .batch_size = 128, .shuffle = true);
 *     for (int epoch = 0; epoch < 20; epoch++) {
 *         rv_batch b;
 *         while (rv_next(batches, &b)) {
 *             RV_SCOPE;
 *             ... b.x, b.y ...
 *         }
 *     }
 *     rv_loader_free(batches);
 *     rv_data_free(valid);
 *     rv_data_free(train);
 *
 * A data set is a number of samples, each an input x and a target y, that can be had in any order.
 * Data sets and loaders are counted: the caller holds the one reference of what a function here
 * returns, and gives it back with rv_data_free or rv_loader_free. A loader goes on working when its
 * data set has been freed or split.
 */
#ifndef RV_CORE_DATA_H
#define RV_CORE_DATA_H

#include "core/tensor.h"

RV_BEGIN_C

typedef struct rv_dataset rv_dataset;
typedef struct rv_loader rv_loader;

/* Some samples: x is [n, ...], y is [n, ...]. */
typedef struct rv_batch {
    rv_tensor *x;
    rv_tensor *y;
    int64_t n;
} rv_batch;

/* ---- data sets ------------------------------------------------------------------------------- *
 *
 * All return NULL with an error when they fail. */

typedef enum rv_data_part { RV_TRAIN, RV_TEST } rv_data_part;

/* MNIST, or a set in its format (Fashion-MNIST, ...), from the folder `dir`:
 *
 *     train-images-idx3-ubyte, train-labels-idx1-ubyte   RV_TRAIN
 *     t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte     RV_TEST
 *
 * each plain or with .gz, and also with '.' for the second '-' (train-images.idx3-ubyte).
 * x: F32 [n,1,28,28], a byte divided by 255; y: I64 [n], 0 to 9. Images are held as bytes and
 * converted when they are fetched. Errors: those of rv_idx_read, images that are not 28 by 28, a
 * label above 9, other numbers of images and labels. */
RV_API rv_dataset *rv_data_mnist(const char *dir, rv_data_part part);

/* The same from two IDX files of any size: images U8 [n,h,w] become F32 [n,1,h,w] in [0, 1], U8 of
 * other shapes F32 of that shape, and other dtypes stay as rv_idx_read gives them; labels of
 * integers become I64. */
RV_API rv_dataset *rv_data_idx(const char *images, const char *labels);

/* CIFAR-10 in its binary form, from the folder `dir` or from cifar-10-batches-bin in it:
 *
 *     data_batch_1.bin to data_batch_5.bin   RV_TRAIN
 *     test_batch.bin                         RV_TEST
 *     batches.meta.txt                       the names of the classes, if it is there
 *
 * each plain or with .gz. x: F32 [n,3,32,32], a byte divided by 255; y: I64 [n], 0 to 9. Images are
 * held as bytes, 3072 each, and converted when they are fetched. A file may hold any number of
 * images. Errors: RV_ERROR_FILE if a file is missing or cannot be read; RV_ERROR_FORMAT if one is
 * empty or no whole number of images, its compressed data is damaged, a label is above 9, or there
 * are other than 10 names; all before memory is taken for more than the files hold. */
RV_API rv_dataset *rv_data_cifar10(const char *dir, rv_data_part part);

typedef struct rv_data_cifar100_options {
    const char *dir;   /* required */
    rv_data_part part; /* RV_TRAIN or RV_TEST; default RV_TRAIN */
    bool coarse;       /* default false: y is one of 100 classes; true: one of their 20 groups */
} rv_data_cifar100_options;

/* rv_data_cifar100(dir, RV_TRAIN, .coarse = true): CIFAR-100, in the same way, from train.bin and
 * test.bin, fine_label_names.txt and coarse_label_names.txt in `dir` or in cifar-100-binary in it.
 */
#define rv_data_cifar100(...) \
    RV_OPTIONS(rv_data_cifar100_with, rv_data_cifar100_options, .dir = __VA_ARGS__)
RV_API rv_dataset *rv_data_cifar100_with(const rv_data_cifar100_options *options);

typedef struct rv_data_images_options {
    const char *dir;       /* required */
    int64_t height, width; /* default 0, 0: all images must have the size of the first; otherwise
                              images of another size are resized (rv_image_resize), >= 1 both */
    int channels;          /* default 3; 1 to 4; images are converted, as by rv_image_read */
    int64_t max_pixels;    /* of an image in its file; default 2^26, as rv_image_read */
} rv_data_images_options;

/* rv_data_images(dir, .height = 64, .width = 64): a folder of folders, one for each class, of PNG,
 * JPEG and BMP files (.png, .jpg, .jpeg, .bmp, in any case; others are not looked at, nor what
 * begins with a dot). Classes are numbered in the order of their names' bytes, and are what
 * rv_data_class_name gives; samples come class by class, by their files' names. x: F32
 * [n,channels,height,width], a byte divided by 255; y: I64 [n]. Images are held as bytes and
 * converted when they are fetched. Errors: RV_ERROR_FILE if `dir` has no folder in it, or one of
 * them no image; those of rv_image_read; RV_ERROR_FORMAT for the first image of another size, if
 * none was given. */
#define rv_data_images(...)                                                                       \
    RV_OPTIONS(rv_data_images_with, rv_data_images_options, .channels = 3, .max_pixels = 1 << 26, \
               .dir = __VA_ARGS__)
RV_API rv_dataset *rv_data_images_with(const rv_data_images_options *options);

typedef struct rv_data_csv_options {
    const char *path;      /* required */
    const char *target;    /* default NULL; the name of the target's column, in the first line */
    int64_t target_column; /* default -1: the last; its number from 0, if it has no name */
    int header;            /* default -1: the first line is names if target is given, or none of its
                              fields but the target's is a number; 0: it is a sample; 1: names */
    char delimiter;        /* default ',' */
    bool values;           /* default false: targets are labels; true: numbers, y is F32 */
} rv_data_csv_options;

/* rv_data_csv("iris.csv", .target = "species"): a table as text, a line for a sample. x: F32 [n,
 * columns - 1]; y: I64 [n], labels that are integers as they are, and names by the order in which
 * they first come (rv_data_class_name), or F32 [n] with .values. Fields may stand in double quotes
 * (with "" for one); lines end with LF or CRLF; empty lines, and spaces around fields, do not
 * count. Numbers are written with a point in every locale. Errors: RV_ERROR_FILE if the file cannot
 * be read; RV_ERROR_FORMAT, with line and column, for a missing value, what is no finite number in
 * F32, a line with fewer or more columns, a quote that is not closed; no samples. */
#define rv_data_csv(...)                                                                 \
    RV_OPTIONS(rv_data_csv_with, rv_data_csv_options, .target_column = -1, .header = -1, \
               .delimiter = ',', .path = __VA_ARGS__)
RV_API rv_dataset *rv_data_csv_with(const rv_data_csv_options *options);

typedef struct rv_data_tensors_options {
    rv_tensor *x; /* [n, ...], any dtype */
    rv_tensor *y; /* [n, ...], any dtype: I64 labels, floating targets */
    bool scale;   /* default false; true: x, which must be U8, comes as F32, divided by 255 */
} rv_data_tensors_options;

/* rv_data_tensors(x, y): sample i is x[i] and y[i]. The set holds x and y without copying them, if
 * they are row-major: what is written into them later is seen, and must not be written while a
 * loader reads. No gradient flows to them. Errors: one is 0-d, their first sizes differ, scale with
 * an x that is not U8. */
#define rv_data_tensors(...) \
    RV_OPTIONS(rv_data_tensors_with, rv_data_tensors_options, .x = __VA_ARGS__)
RV_API rv_dataset *rv_data_tensors_with(const rv_data_tensors_options *options);

/* Writes sample indices[i] (each from 0 to count-1) to x[i] and y[i], for i from 0 to n-1; x and y
 * are row-major, [n, ...], their elements undefined before. Called on a loader's thread, or on that
 * of rv_data_batch; never twice at a time for one data set and those split from it. False, with an
 * error by rv_fail, if that cannot be done: the error reaches whoever asked for the batch. */
typedef bool rv_data_fetch(void *context, int64_t n, const int64_t *indices, rv_tensor *x,
                           rv_tensor *y);

typedef struct rv_data_callback_options {
    int64_t count;                      /* how many samples; required, >= 0 */
    rv_data_fetch *fetch;               /* required */
    void *context;                      /* default NULL; handed to fetch and release */
    void (*release)(void *context);     /* default NULL; called once, when the set is not needed any
                                           more, also when making it fails */
    rv_dtype x_dtype;                   /* of a sample's x; default F32 */
    int x_ndim;                         /* default 0: a number */
    int64_t x_shape[RV_MAX_DIMENSIONS]; /* [x_ndim] without the axis of samples */
    rv_dtype y_dtype;                   /* of a sample's y; default I64 */
    int y_ndim;                         /* default 0: a label */
    int64_t y_shape[RV_MAX_DIMENSIONS]; /* [y_ndim] */
} rv_data_callback_options;

/* rv_data_callback(.count = 50000, .fetch = fn, .x_ndim = 3, .x_shape = {3, 32, 32}): samples that
 * a function of yours makes or reads. At most 7 axes a sample. */
#define rv_data_callback(...)                                                      \
    RV_OPTIONS(rv_data_callback_with, rv_data_callback_options, .x_dtype = RV_F32, \
               .y_dtype = RV_I64, __VA_ARGS__)
RV_API rv_dataset *rv_data_callback_with(const rv_data_callback_options *options);

/* Takes n samples, chosen at random by the generator (core/random.h), out of `set`, and returns
 * them as a set of its own; both keep their samples in the order they had, and share the memory
 * behind them. Split before making a loader: a loader goes on with the samples that its set had
 * when the loader was made. Error: n is not from 1 to count-1. */
RV_API rv_dataset *rv_data_split(rv_dataset *set, int64_t n);

/* How many samples; -1 for NULL. */
RV_API int64_t rv_data_count(const rv_dataset *set);

/* How many classes of labels have names: those that came with the files; 0 if none did, -1 for
 * NULL.
 */
RV_API int64_t rv_data_classes(const rv_dataset *set);

/* The name of the class that y numbers `label`, in UTF-8; it lives as long as the set, and those
 * that share its samples. NULL with an error if it has none. */
RV_API const char *rv_data_class_name(const rv_dataset *set, int64_t label);

/* Samples first, first+1, ... of a set, n of them or those that are left, in tensors that the
 * innermost scope owns: for evaluation; transforms draw as in epoch 0 of the seed 0. On failure x
 * and y are NULL and n is 0, with an error: first is not from 0 to count-1, n < 1, fetching failed;
 * and nothing is done while an error is unread. */
RV_API rv_batch rv_data_batch(const rv_dataset *set, int64_t first, int64_t n);

/* Drops the caller's reference; NULL is ignored. */
RV_API void rv_data_free(rv_dataset *set);

/* ---- the loader ------------------------------------------------------------------------------ */

typedef struct rv_loader_options {
    rv_dataset *data;
    int64_t batch_size; /* default 32; >= 1; of samples */
    bool shuffle;       /* default false; true: another order every epoch */
    bool drop_last;     /* default false; true: a last batch that would be short is left out */
    int prefetch;       /* default 2; 0 to 1024: how many batches a thread fetches ahead; 0: fetched
                           by rv_next itself. The batches are the same for any */
    int64_t seed; /* of the orders, and of what transforms draw (core/transform.h): those of an
                     epoch are a function of seed and epoch alone; default -1: drawn from the
                     generator if shuffle is set or a transform draws; >= 0 */
} rv_loader_options;

/* rv_data_loader(set, .batch_size = 128, .shuffle = true): batches of a data set, epoch after
 * epoch. A loader is for one thread at a time. NULL with an error if an option is out of its range,
 * or an epoch would have no batch. */
#define rv_data_loader(...)                                                             \
    RV_OPTIONS(rv_data_loader_with, rv_loader_options, .batch_size = 32, .prefetch = 2, \
               .seed = -1, .data = __VA_ARGS__)
RV_API rv_loader *rv_data_loader_with(const rv_loader_options *options);

/* The next batch. False at the end of an epoch, and the call after that starts the next; false with
 * an error (rv_error) if fetching failed, and the call after that tries the same batch again; false
 * while an error is unread. Then x and y are NULL.
 *
 * b->x and b->y belong to the loader, no scope owns them, and they hold this batch until the next
 * rv_next or rv_loader_free. Whoever retains them, or a view of them, or saved them in a graph,
 * keeps them unchanged, and the loader takes other memory. */
RV_API bool rv_next(rv_loader *loader, rv_batch *b);

/* How many batches an epoch has; -1 for NULL. */
RV_API int64_t rv_loader_batches(const rv_loader *loader);

/* Drops the caller's reference, at any time; waits for the thread's fetch to end. NULL is ignored.
 *
 * Where a loader stands (seed, epoch, position) is its state: rv_save(path, ..., loader) saves it,
 * and after rv_load the loader goes on with the same batches. */
RV_API void rv_loader_free(rv_loader *loader);

RV_END_C

#endif

/* transform.h - what is done to samples when they are fetched: augmentation and normalization.
 *
 *     rv_dataset *images = rv_data_cifar10("data/cifar10", RV_TRAIN);
 *     rv_dataset *held = rv_data_split(images, 5000);
 *     rv_statistics s = rv_data_statistics(images);
 *     rv_dataset *train = rv_data_transform(images,
 *         rv_transform_random_crop(32, 32, .padding = 4),
 *         rv_transform_horizontal_flip(),
 *         rv_transform_normalize(s.mean, s.std));
 *     rv_dataset *valid = rv_data_transform(held, rv_transform_normalize(s.mean, s.std));
 *     rv_loader *batches = rv_data_loader(train, .batch_size = 128, .shuffle = true);
 *
 * Transforms change x, never y, in the order in which they stand, one sample at a time, whenever it
 * is fetched: by a loader on its own thread, while the training step computes. They run on whatever
 * set there is, and the result is a set as any other: it can be loaded, split, and transformed
 * again. From a set that holds bytes, crop, flip, conversion to F32 and normalization are one pass.
 *
 * Sizes: the last two axes of a sample are an image's height and width; axes before them, if any,
 * are its channels: [channels,height,width], or [height,width]. A sample's channels, for mean and
 * standard deviation, are its first axis, as for batch normalization. What stands behind a crop or
 * a resize sees its shape, so do the batches.
 *
 * Dtypes: sets that read bytes (rv_data_mnist, rv_data_cifar10, rv_data_images, .scale) give F32
 * from 0 to 1, here too. Other x keep their dtype, U8 included, until rv_transform_to_float. Crop,
 * flip and cutout take any dtype; normalize and resize take F32 and F64.
 *
 * Chance: what is drawn for a sample is a function of the loader's seed, the epoch, the sample's
 * number in the data behind the set, and the transform's place in the list, and of nothing else. So
 * it is the same for any number of threads, batch size and prefetch, in whatever order the samples
 * come, before and after a split, and after resuming; it is another one each epoch. Evaluation
 * (rv_data_batch, rv_accuracy, rv_data_statistics) draws as epoch 0 of the seed 0: always the same.
 * For it, one usually makes a set with a list of its own, without chance, as `valid` above.
 */
#ifndef RV_CORE_TRANSFORM_H
#define RV_CORE_TRANSFORM_H

#include "core/data.h"
#include "core/random.h"

RV_BEGIN_C

/* ---- the transforms -------------------------------------------------------------------------- *
 *
 * A transform is a small struct: pass it by value, use it in as many lists as you like, free
 * nothing. Making one cannot fail; options that make no sense, and shapes that do not fit, are an
 * error of rv_data_transform. */

typedef struct rv_random_crop_options {
    int64_t height, width; /* of the result; required, >= 1 */
    int64_t padding;       /* default 0; >= 0: rows and columns put around the image before */
    bool reflect; /* default false: they are zero; true: the image mirrored at its first and
                     last rows and columns, which are not repeated; then padding < height,
                     width of the image */
} rv_random_crop_options;

typedef struct rv_horizontal_flip_options {
    double p; /* default 0.5; 0 to 1: how likely a sample is flipped */
} rv_horizontal_flip_options;

typedef struct rv_cutout_options {
    int64_t size; /* required, >= 1: of the square's side, in pixels */
    double p;     /* default 1; 0 to 1: how likely a sample gets a hole */
} rv_cutout_options;

typedef struct rv_normalize_options {
    const rv_tensor *mean; /* required, F32 or F64: one number for all, [] or [1]; one for each
                              channel, [channels]; or of a sample's own shape */
    const rv_tensor *std;  /* required, F32 or F64, of mean's shape */
    double epsilon;        /* default 0; >= 0, added to std: for features that never change */
} rv_normalize_options;

typedef struct rv_size_options {
    int64_t height, width; /* of the result; required, >= 1 */
} rv_size_options;

/* Writes to y, row-major and undefined before, what becomes of one sample x, row-major, without an
 * axis of samples, that it may change. Both are valid during the call only; what the function makes
 * is released after it. Chance comes from rv_philox(place, 0, ...), rv_philox(place, 1, ...), ...:
 * four numbers of 32 bits each, other ones for every sample, epoch and transform. False, with an
 * error by rv_fail, if it cannot be done: the error reaches whoever asked for the batch. Called on
 * a loader's thread, or on that of rv_data_batch; never twice at a time for one call of
 * rv_data_transform. */
typedef bool rv_transform_function(void *context, rv_random_place place, rv_tensor *x,
                                   rv_tensor *y);

typedef struct rv_transform_custom_options {
    rv_transform_function *function;  /* required */
    void *context;                    /* default NULL; handed to function and release */
    void (*release)(void *context);   /* default NULL; called once for each rv_data_transform, when
                                         its set is not needed any more, also when making it fails */
    rv_dtype dtype;                   /* of y; default RV_DTYPE_COUNT: x's */
    int ndim;                         /* of y; default -1: y has x's shape; or 0 to 7, and */
    int64_t shape[RV_MAX_DIMENSIONS]; /* [ndim], its shape */
} rv_transform_custom_options;

typedef struct rv_transform_class rv_transform_class; /* what kind of transform; private */

typedef struct rv_transform {
    const rv_transform_class *transform_class;
    union {
        rv_random_crop_options crop;
        rv_horizontal_flip_options flip;
        rv_cutout_options cutout;
        rv_normalize_options normalize;
        rv_size_options size;
        rv_transform_custom_options custom;
    } options;
} rv_transform;

/* U8 to F32, a byte divided by 255; F32 stays. Only x that are still U8 need it. */
RV_API rv_transform rv_transform_to_float(void);

/* (x - mean) / (std + epsilon), in x's dtype, to which mean and std + epsilon are rounded first. As
 * torchvision's Normalize. Their values are taken when rv_data_transform is called. Errors: mean or
 * std is NULL, not of a shape above, NaN or infinite; std + epsilon is not above 0; x is neither
 * F32 nor F64. */
#define rv_transform_normalize(...) \
    RV_OPTIONS(rv_transform_normalize_with, rv_normalize_options, .mean = __VA_ARGS__)
RV_API rv_transform rv_transform_normalize_with(const rv_normalize_options *options);

/* rv_transform_random_crop(32, 32, .padding = 4): a part of the image with padding around it, each
 * place equally likely. As torchvision's RandomCrop. Padded pixels are zeros where the crop stands:
 * before normalize, they are black. Error: the part is larger than the image with its padding. */
#define rv_transform_random_crop(...) \
    RV_OPTIONS(rv_transform_random_crop_with, rv_random_crop_options, .height = __VA_ARGS__)
RV_API rv_transform rv_transform_random_crop_with(const rv_random_crop_options *options);

/* The part in the middle; of a row or column too many, half goes to each side, rounded to even, as
 * torchvision's CenterCrop. Error: it is larger than the image. */
RV_API rv_transform rv_transform_center_crop(int64_t height, int64_t width);

/* rv_transform_horizontal_flip(): left and right change places, with probability .p. */
#define rv_transform_horizontal_flip(...) \
    RV_OPTIONS(rv_transform_horizontal_flip_with, rv_horizontal_flip_options, .p = 0.5, __VA_ARGS__)
RV_API rv_transform rv_transform_horizontal_flip_with(const rv_horizontal_flip_options *options);

/* rv_transform_cutout(16): a square becomes zero in all channels (DeVries and Taylor 2017,
 * "Improved regularization of convolutional neural networks with cutout"). Its middle is at any
 * pixel, equally likely, and what of it lies outside of the image is not there. Behind normalize,
 * as in the paper, zero is the mean. */
#define rv_transform_cutout(...) \
    RV_OPTIONS(rv_transform_cutout_with, rv_cutout_options, .p = 1, .size = __VA_ARGS__)
RV_API rv_transform rv_transform_cutout_with(const rv_cutout_options *options);

/* Another size: each new pixel is a weighted average of old ones, as rv_image_resize (and as
 * PyTorch's interpolate, bilinear with antialias). */
RV_API rv_transform rv_transform_resize(int64_t height, int64_t width);

/* rv_transform_custom(function, .context = &mine): a transform of your own. */
#define rv_transform_custom(...)                                                               \
    RV_OPTIONS(rv_transform_custom_with, rv_transform_custom_options, .dtype = RV_DTYPE_COUNT, \
               .ndim = -1, .function = __VA_ARGS__)
RV_API rv_transform rv_transform_custom_with(const rv_transform_custom_options *options);

/* ---- transforming a set ---------------------------------------------------------------------- */

/* rv_data_transform(set, transform, ...): a set of the samples that `set` has now, each as the
 * transforms make it; y, the number of samples and the names of classes are the same. `set` stays
 * the caller's, to be freed, split or used otherwise, and so does the new set. Memory is taken for
 * what transforms need, not for samples. NULL with an error if one of them does not fit, as they
 * say above, or the set would have more than 64, those of `set` counted. */
#define rv_data_transform(set, ...)                                           \
    __extension__({                                                           \
        RV_QUIET_BEGIN                                                        \
        const rv_transform rv_transforms_[] = {__VA_ARGS__};                  \
        RV_QUIET_END                                                          \
        rv_data_transform_n((set), RV_COUNT(rv_transforms_), rv_transforms_); \
    })
RV_API rv_dataset *rv_data_transform_n(const rv_dataset *set, int n,
                                       const rv_transform *transforms);

/* ---- mean and standard deviation ------------------------------------------------------------- */

typedef struct rv_statistics {
    rv_tensor *mean, *std; /* F64; the innermost scope owns them */
} rv_statistics;

typedef struct rv_data_statistics_options {
    const rv_dataset *set;
    bool per_feature; /* default false: one number for each channel, [channels], and [1] if a sample
                         is one number; true: for each element of a sample, of its shape */
} rv_data_statistics_options;

/* rv_data_statistics(set): mean and standard deviation of x over all samples of a set, in one pass
 * over them, in double precision (Welford 1962; Chan, Golub, LeVeque 1983). The deviation is that
 * of the population, divided by n, as numpy.std. The result does not depend on threads. Both are
 * NULL, with an error, if the set is empty, a sample has no elements, or fetching failed; nothing
 * is done while an error is unread. */
#define rv_data_statistics(...) \
    RV_OPTIONS(rv_data_statistics_with, rv_data_statistics_options, .set = __VA_ARGS__)
RV_API rv_statistics rv_data_statistics_with(const rv_data_statistics_options *options);

RV_END_C

#endif

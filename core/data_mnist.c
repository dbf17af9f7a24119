/* data_mnist.c - data sets of IDX files: MNIST, and others in its format. */

#include <stdio.h>
#include <string.h>

#include "core/data_set.h"
#include "core/gz_file.h"
#include "core/idx.h"
#include "core/memory.h"

#define MNIST_SIDE 28
#define MNIST_CLASSES 10
#define NAME_BYTES 32 /* of a file in the folder, with ".gz" */

/* Images of bytes in the shape that networks take, with an axis of channels. */
static rv_tensor *read_images(const char *who, const char *path)
{
    rv_tensor *x = rv_idx_read(path);
    if (x == NULL || x->dtype != RV_U8 || x->ndim != 3)
        return x;
    return rv_raw_reshape(who, x, 4, (int64_t[]){x->shape[0], 1, x->shape[1], x->shape[2]});
}

static rv_tensor *read_labels(const char *who, const char *path)
{
    rv_tensor *y = rv_idx_read(path);
    return y == NULL || rv_dtype_is_floating(y->dtype) ? y : rv_raw_cast(who, y, RV_I64);
}

rv_dataset *rv_data_idx(const char *images, const char *labels)
{
    RV_SCOPE;
    const char *who = "data_idx";
    rv_tensor *y = read_labels(who, labels); /* first: it is small */
    rv_tensor *x = y ? read_images(who, images) : NULL;
    return x ? rv_data_over_tensors(who, x, y, x->dtype == RV_U8) : NULL;
}

/* ---- MNIST ----------------------------------------------------------------------------------- */

/* Reads dir/name, or the same with '.' for its second '-'. */
static rv_tensor *read_named(const char *who, const char *dir, const char *name,
                             rv_tensor *(*read)(const char *who, const char *path))
{
    const size_t bytes = strlen(dir) + NAME_BYTES;
    char *path = rv_memory_get(who, bytes);
    if (path == NULL)
        return NULL;
    snprintf(path, bytes, "%s/%s", dir, name);
    char *second_dash = strchr(strchr(path + strlen(dir), '-') + 1, '-');
    rv_tensor *t = NULL;
    bool there = rv_gz_is_there(path);
    if (!there) {
        *second_dash = '.';
        there = rv_gz_is_there(path);
    }
    if (there)
        t = read(who, path);
    else
        rv_fail(RV_ERROR_FILE, who, "\"%s\" has no %s (nor %s, each with .gz or without)", dir,
                name, path + strlen(dir) + 1);
    rv_memory_put(path, bytes);
    return t;
}

static bool check_images(const char *who, const rv_tensor *x)
{
    if (x->dtype == RV_U8 && x->ndim == 4 && x->shape[2] == MNIST_SIDE && x->shape[3] == MNIST_SIDE)
        return true;
    return rv_fail(RV_ERROR_FORMAT, who, "the images are %s %s; MNIST's are U8 [n,1,%d,%d]",
                   rv_dtype_name(x->dtype), RV_SHAPE_OF(x), MNIST_SIDE, MNIST_SIDE);
}

static bool check_labels(const char *who, const rv_tensor *y)
{
    if (y->dtype != RV_I64 || y->ndim != 1)
        return rv_fail(RV_ERROR_FORMAT, who, "the labels are %s %s; MNIST's are integers [n]",
                       rv_dtype_name(y->dtype), RV_SHAPE_OF(y));
    const int64_t *label = (const int64_t *)y->data;
    for (int64_t i = 0; i < y->numel; i++)
        if (label[i] < 0 || label[i] >= MNIST_CLASSES)
            return rv_fail(RV_ERROR_FORMAT, who, "label %lld is %lld; MNIST's are 0 to %d",
                           (long long)i, (long long)label[i], MNIST_CLASSES - 1);
    return true;
}

rv_dataset *rv_data_mnist(const char *dir, rv_data_part part)
{
    RV_SCOPE;
    const char *who = "data_mnist";
    if (dir == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the folder is NULL");
    if (part != RV_TRAIN && part != RV_TEST)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%d is neither RV_TRAIN nor RV_TEST",
                            (int)part);
    const bool train = part == RV_TRAIN;
    rv_tensor *y = read_named(
        who, dir, train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte", read_labels);
    if (y == NULL || !check_labels(who, y))
        return NULL;
    rv_tensor *x = read_named(
        who, dir, train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte", read_images);
    if (x == NULL || !check_images(who, x))
        return NULL;
    return rv_data_over_tensors(who, x, y, true);
}

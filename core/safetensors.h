/* safetensors.h - a safetensors file, opened and checked. Private to core/.
 *
 *     8 bytes    n, the length of the header, little-endian
 *     n bytes    the header: a JSON object
 *                {"name": {"dtype": "F32", "shape": [2,3], "data_offsets": [0,24]}, ...}
 *     the rest   the tensors' elements, row-major, little-endian; offsets count from here
 *
 * The header begins with '{', may be padded with spaces, and may have an entry "__metadata__" of
 * strings. Offsets leave no gap, do not overlap, and end where the file ends.
 * (https://github.com/huggingface/safetensors)
 */
#ifndef RV_CORE_SAFETENSORS_H
#define RV_CORE_SAFETENSORS_H

#include <stdio.h>

#include "core/tensor.h"

/* One of the format's element types. */
typedef struct rv_file_dtype {
    const char *name;
    int bits;
    rv_dtype dtype; /* what it is read as; RV_DTYPE_COUNT: it is not */
} rv_file_dtype;

/* NULL if the format has none of that name. */
const rv_file_dtype *rv_file_dtype_find(const char *name);

/* Whether it is one of Ravine's own, so that nothing is converted. */
bool rv_file_dtype_is_exact(const rv_file_dtype *type);

/* The numbers of n elements of F16 or BF16, which are all in F32. */
void rv_file_dtype_widen(const rv_file_dtype *type, const uint16_t *from, int64_t n, float *to);

/* One tensor of a file. */
typedef struct rv_file_tensor {
    const char *name;
    const rv_file_dtype *type;
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS]; /* [ndim] */
    int64_t begin, end;               /* its bytes, from the start of the data */
} rv_file_tensor;

typedef struct rv_safetensors {
    const char *who, *path; /* the caller's */
    FILE *file;
    int64_t file_bytes, data_start;
    void *json; /* the header; names are part of it */
    int64_t count, room;
    rv_file_tensor *tensors;        /* [count of room], in the order of their data */
    const rv_file_tensor **by_name; /* [count of room], in the order of their names */
} rv_safetensors;

/* Opens `path` and checks all of its header; false with an error under `who`, and nothing open. */
bool rv_safetensors_open(const char *who, const char *path, rv_safetensors *file);
void rv_safetensors_close(rv_safetensors *file);

/* The tensor of that name; NULL if there is none, without an error. */
const rv_file_tensor *rv_safetensors_find(const rv_safetensors *file, const char *name);

/* Reads the elements of `t` into a new tensor of t->type->dtype; an error if that is none. */
rv_tensor *rv_safetensors_load(const rv_safetensors *file, const rv_file_tensor *t);

/* rv_safetensors_write under another name. */
bool rv_safetensors_save(const char *who, const char *path, const char *const *names,
                         rv_tensor *const *tensors, int n);

/* The name of the entry that is no tensor. */
#define RV_SAFETENSORS_METADATA "__metadata__"

/* Numbers in JSON are exact up to here, 2^53 - 1. */
#define RV_JSON_LIMIT (((int64_t)1 << 53) - 1)

/* Whether `bytes` bytes are well-formed UTF-8 without a zero byte. */
bool rv_is_utf8(const char *text, size_t bytes);

#endif

/* npy.h - reading and writing .npy files, NumPy's format for one array (format versions 1 to 3).
 *
 *     in the file               becomes
 *     <f4                       F32
 *     <f8                       F64
 *     <i8 <i4 <i2 |i1 <u4 <u2   I64
 *     |u1 |b1                   U8 (of booleans, 0 and 1)
 *
 * Everything else (big-endian numbers, complex ones, halves, fields, objects) is refused.
 */
#ifndef RV_CORE_NPY_H
#define RV_CORE_NPY_H

#include "core/tensor.h"

RV_BEGIN_C

/* The array in the .npy file at `path` as a row-major tensor; one that lies in Fortran's order
 * there is turned. Up to 8 dimensions.
 *
 * Errors: RV_ERROR_FILE if the file is missing, a folder, or cannot be read; RV_ERROR_FORMAT if it
 * is no .npy file, its header is not what numpy.save writes (up to spaces and the order of its
 * keys), its elements are none of the above, or it is longer or shorter than its shape makes it:
 * all before memory is taken for the elements. Nothing in a header is ever evaluated. */
RV_API rv_tensor *rv_npy_read(const char *path);

/* Writes `t`, of any strides, as a .npy file in row-major order, which is replaced only by a
 * complete one: np.load reads it. False with an error, and the old file untouched, otherwise. */
RV_API bool rv_npy_write(const char *path, const rv_tensor *t);

RV_END_C

#endif

/* idx.h - reading IDX files, the format of MNIST (http://yann.lecun.com/exdb/mnist).
 *
 * An IDX file is two zero bytes, a code for the element type, the number of dimensions, a 32-bit
 * size for each of them, and the elements, row-major; all numbers are big-endian.
 *
 *     code  elements             become
 *     0x08  unsigned bytes       U8
 *     0x09  signed bytes         I64
 *     0x0B  16-bit integers      I64
 *     0x0C  32-bit integers      I64
 *     0x0D  32-bit floats        F32
 *     0x0E  64-bit floats        F64
 */
#ifndef RV_CORE_IDX_H
#define RV_CORE_IDX_H

#include "core/tensor.h"

RV_BEGIN_C

/* The tensor in the IDX file at `path`, plain or compressed by gzip (told by its first bytes, not
 * by its name). If there is no such file, `path` with ".gz" added, or taken off, is read instead.
 * Up to 8 dimensions. Elements go straight into the tensor's memory.
 *
 * Errors: RV_ERROR_FILE if the file is missing, a folder, or cannot be read; RV_ERROR_FORMAT if it
 * is no IDX file, ends early, goes on after its last element, or is damaged (gzip's checksum is
 * checked). A header that claims more than a file of that size could hold (gzip: 1032 times as
 * much) is refused before memory is taken for it. */
RV_API rv_tensor *rv_idx_read(const char *path);

RV_END_C

#endif

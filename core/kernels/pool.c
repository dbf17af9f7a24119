/* pool.c - max_pool and its derivative, and linear maps along one axis: averages over windows, and
 * interpolation.
 *
 * Of a window's largest element its place in the window is kept, in a byte where that is enough. It
 * is found for a whole line of outputs at once, one element of their windows after the other.
 */

#include <math.h>

#include "core/kernels/isa.h"

/* Outputs whose places are kept at a time. */
#define LINE 256
/* Rows of outputs, and channels of pixels, so few that several are collected first. */
#define SHORT_ROW 32
#define SHORT_PIXEL 16

#define T float
#define I int32_t
#define DTYPE F32
#include "core/kernels/pool_of.h"

#define T double
#define I int64_t
#define DTYPE F64
#include "core/kernels/pool_of.h"

/* conv.c - the products that convolutions are made of, in registers.
 *
 * A tile is a few pixels times a block of output channels, one or two vectors wide: its sums stay
 * in registers while the windows of all its pixels are read, element by element, each times one row
 * of the packed weights. (Goto & van de Geijn 2008 do this for matrices; here the rows of the left
 * matrix are windows that overlap in the image, and are never copied out of it.) `outer` is the
 * same turned around, for the gradient of the weights: elements of a window times output channels,
 * summed over pixels.
 *
 * The sums are fused multiply-adds where the processor has them, as those of BLAS are: this file is
 * compiled with -ffp-contract=fast.
 */

#include <string.h>

#include "core/kernels/isa.h"

#if RV_VECTOR_BYTES == 64
#define VECTOR_OF(width_bytes) (width_bytes)
#define MOST_ROWS_WIDE 12
#define MOST_ROWS_NARROW 12
#elif RV_VECTOR_BYTES == 32
#define VECTOR_OF(width_bytes) 32
#define MOST_ROWS_WIDE 6
#define MOST_ROWS_NARROW 12
#else
#define VECTOR_OF(width_bytes) 16
#define MOST_ROWS_WIDE 6
#define MOST_ROWS_NARROW 12
#endif

#define T float
#define TYPE F32
#define WIDE 1
#include "core/kernels/conv_tile.h"
#undef WIDE
#define WIDE 0
#include "core/kernels/conv_tile.h"
#undef WIDE
#undef TYPE
#undef T

#define T double
#define TYPE F64
#define WIDE 1
#include "core/kernels/conv_tile.h"
#undef WIDE
#define WIDE 0
#include "core/kernels/conv_tile.h"
#undef WIDE
#undef TYPE
#undef T

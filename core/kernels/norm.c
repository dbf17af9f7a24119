/* norm.c - normalization: means, variances, and what is made of them.
 *
 * Sums are taken over blocks that stay in the first cache, of differences from a number near the
 * block's mean, in many lanes of the elements' type; blocks are put together in double. So the mean
 * may be a million times the standard deviation, and memory is still read only once. x - mean is
 * taken as (x - center) + (center - mean), center being the mean rounded to the elements' type.
 */

#include <math.h>

#include "core/kernels/isa.h"

/* Elements of a block; columns that are summed beside each other, and rows that are before what
 * they give goes into doubles. */
#define BLOCK RV_NORM_BLOCK
#define COLUMNS 64
#define ROWS 16

#define T float
#define DTYPE F32
#define LANES 32
#include "core/kernels/norm_of.h"

#define T double
#define DTYPE F64
#define LANES 16
#include "core/kernels/norm_of.h"

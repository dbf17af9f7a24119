/* strided.h - walking over the elements of several strided operands at once. Private to core/.
 *
 * A walk is a set of axes, each with a size and one stride per operand. Simplified, it visits the
 * elements in lines along its last axis, so that a kernel's inner loop does most of the work:
 *
 *     rv_walk_place at;
 *     rv_walk_seek(&walk, data, begin, &at);
 *     for (int64_t i = begin, n; i < end; i += n) {
 *         n = rv_walk_line(&walk, &at, end - i);
 *         loop(n, at.data, rv_walk_strides(&walk));
 *         rv_walk_advance(&walk, &at, n);
 *     }
 */
#ifndef RV_CORE_STRIDED_H
#define RV_CORE_STRIDED_H

#include "core/tensor.h"

#define RV_WALK_OPERANDS 5

typedef struct rv_walk {
    int ndim;
    int operands;
    int64_t shape[RV_MAX_DIMENSIONS];                     /* [ndim], none of them 1 */
    int64_t strides[RV_MAX_DIMENSIONS][RV_WALK_OPERANDS]; /* [ndim][operands], in bytes */
} rv_walk;

typedef struct rv_walk_place {
    int64_t index[RV_MAX_DIMENSIONS];
    char *data[RV_WALK_OPERANDS];
} rv_walk_place;

/* A walk without axes: over one element. */
void rv_walk_start(rv_walk *walk, int operands);

/* Adds an axis inside of those there are; strides [operands] in bytes. One of size 1 is left out.
 */
void rv_walk_add(rv_walk *walk, int64_t size, const int64_t *strides);

/* Sorts the axes by operand 0, largest stride first, and merges neighbours that all operands step
 * through as one. */
void rv_walk_simplify(rv_walk *walk);

/* Cuts the last axis, whose size `tile` divides, and walks in tiles: the last `tile` elements run
 * fastest, then `axis`, then the tiles, then all other axes. There must be room for one more axis.
 */
void rv_walk_tile(rv_walk *walk, int axis, int64_t tile);

/* Goes to an element, counted with the last axis running fastest; data [operands] is element 0. No
 * axis may be empty. */
void rv_walk_seek(const rv_walk *walk, char *const *data, int64_t element, rv_walk_place *at);

/* How many elements, at most `most`, are left on the line that begins here. */
static inline int64_t rv_walk_line(const rv_walk *walk, const rv_walk_place *at, int64_t most)
{
    const int last = walk->ndim - 1;
    const int64_t left = last < 0 ? 1 : walk->shape[last] - at->index[last];
    return left < most ? left : most;
}

/* The strides [operands] along a line, in bytes. */
static inline const int64_t *rv_walk_strides(const rv_walk *walk)
{
    return walk->strides[walk->ndim > 0 ? walk->ndim - 1 : 0];
}

/* Goes n elements on, at most to the beginning of the next line. */
void rv_walk_advance(const rv_walk *walk, rv_walk_place *at, int64_t n);

#endif

/* strided.c - walking over the elements of several strided operands at once. */

#include "core/strided.h"

#include <string.h>

void rv_walk_start(rv_walk *walk, int operands)
{
    walk->ndim = 0;
    walk->operands = operands;
    memset(walk->strides[0], 0, sizeof walk->strides[0]); /* a line without axis has strides too */
}

void rv_walk_add(rv_walk *walk, int64_t size, const int64_t *strides)
{
    if (size == 1)
        return;
    walk->shape[walk->ndim] = size;
    for (int k = 0; k < walk->operands; k++)
        walk->strides[walk->ndim][k] = strides[k];
    walk->ndim++;
}

static void move_axis(rv_walk *walk, int to, int from)
{
    if (to == from)
        return;
    walk->shape[to] = walk->shape[from];
    memcpy(walk->strides[to], walk->strides[from], sizeof walk->strides[to]);
}

static void sort_axes(rv_walk *walk)
{
    for (int i = 1; i < walk->ndim; i++) {
        const int64_t size = walk->shape[i];
        int64_t strides[RV_WALK_OPERANDS];
        memcpy(strides, walk->strides[i], sizeof strides);
        int at = i;
        for (; at > 0 && walk->strides[at - 1][0] < strides[0]; at--)
            move_axis(walk, at, at - 1);
        walk->shape[at] = size;
        memcpy(walk->strides[at], strides, sizeof strides);
    }
}

/* Whether every operand steps through both axes as through one. */
static bool is_one_axis(const rv_walk *walk, int outer, int inner)
{
    for (int k = 0; k < walk->operands; k++)
        if (walk->strides[outer][k] != walk->strides[inner][k] * walk->shape[inner])
            return false;
    return true;
}

void rv_walk_simplify(rv_walk *walk)
{
    if (walk->ndim < 2)
        return;
    sort_axes(walk);
    int merged = 0; /* the last axis that stays */
    for (int i = 1; i < walk->ndim; i++) {
        if (is_one_axis(walk, merged, i)) {
            const int64_t size = walk->shape[merged] * walk->shape[i];
            move_axis(walk, merged, i);
            walk->shape[merged] = size;
        } else {
            move_axis(walk, ++merged, i);
        }
    }
    walk->ndim = merged + 1;
}

void rv_walk_tile(rv_walk *walk, int axis, int64_t tile)
{
    const rv_walk before = *walk;
    const int last = before.ndim - 1;
    walk->ndim = 0;
    for (int i = 0; i < last; i++)
        if (i != axis)
            rv_walk_add(walk, before.shape[i], before.strides[i]);
    int64_t strides[RV_WALK_OPERANDS];
    for (int k = 0; k < before.operands; k++)
        strides[k] = before.strides[last][k] * tile;
    rv_walk_add(walk, before.shape[last] / tile, strides);
    rv_walk_add(walk, before.shape[axis], before.strides[axis]);
    rv_walk_add(walk, tile, before.strides[last]);
}

void rv_walk_seek(const rv_walk *walk, char *const *data, int64_t element, rv_walk_place *at)
{
    for (int k = 0; k < walk->operands; k++)
        at->data[k] = data[k];
    for (int i = walk->ndim - 1; i >= 0; i--) {
        at->index[i] = i > 0 ? element % walk->shape[i] : element;
        element /= walk->shape[i];
        for (int k = 0; k < walk->operands; k++)
            at->data[k] += at->index[i] * walk->strides[i][k];
    }
}

void rv_walk_advance(const rv_walk *walk, rv_walk_place *at, int64_t n)
{
    int i = walk->ndim - 1;
    if (i < 0)
        return;
    at->index[i] += n;
    for (int k = 0; k < walk->operands; k++)
        at->data[k] += n * walk->strides[i][k];
    for (; i > 0 && at->index[i] == walk->shape[i]; i--) {
        at->index[i] = 0;
        at->index[i - 1]++;
        for (int k = 0; k < walk->operands; k++)
            at->data[k] += walk->strides[i - 1][k] - walk->shape[i] * walk->strides[i][k];
    }
}

/* resample.h - an image's rows or columns become more or fewer. Private to core/. */
#ifndef RV_CORE_RESAMPLE_H
#define RV_CORE_RESAMPLE_H

#include "core/tensor.h"

/* old [outer, from, inner] becomes new [outer, to, inner]: each new element is a weighted average
 * of old ones along the middle axis. The weights are a triangle, wide enough that every old element
 * counts: a smaller image does not skip any. U8 (rounded), F32 or F64; sizes from 1. False with an
 * error under `who`, of memory, otherwise. */
bool rv_resample(const char *who, rv_dtype dtype, const void *old, void *new, int64_t outer,
                 int64_t from, int64_t to, int64_t inner);

#endif

/* gemm_narrow.h - products in which one of three matrices is small beside the others. Private to
 * core/.
 */
#ifndef RV_CORE_GEMM_NARROW_H
#define RV_CORE_GEMM_NARROW_H

#include "core/gemm.h"

/* Computes one product (not a batch) by others of a better shape, through rv_gemm, if it is such a
 * one; else returns false and does nothing. Which it does depends on the shape alone. */
bool rv_gemm_narrow(const rv_gemm_task *task);

#endif

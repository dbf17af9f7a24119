/* scan.h - running totals along one axis. For those who write operations. */
#ifndef RV_CORE_SCAN_H
#define RV_CORE_SCAN_H

#include "core/tensor.h"

RV_BEGIN_C

typedef enum rv_scan_id {
    RV_SCAN_sum,   /* y = y + b */
    RV_SCAN_prod,  /* y = y * b */
    RV_SCAN_linear /* y = a*y + b */
} rv_scan_id;

/* y[i] from y[i-1] along `axis`, starting from 0 (prod: from 1); with `reverse` from the last
 * element to the first, with `exclusive` y[i] is what there is before element i. Accumulated in
 * double; integers (sum and prod) become I64 and wrap around. a, for linear alone, has b's shape
 * and dtype. The result lies in memory as b does. No checks but for dtypes. */
RV_API rv_tensor *rv_scan(const char *who, rv_scan_id scan, const rv_tensor *a, const rv_tensor *b,
                          int axis, bool reverse, bool exclusive);

RV_END_C

#endif

/* triangle.h - symmetric matrices of which one triangle is kept, row by row: row i has i + 1
 * numbers, those of columns 0 to i. All are F64.
 */
#ifndef RV_CORE_TRIANGLE_H
#define RV_CORE_TRIANGLE_H

#include <stdint.h>

#include "core/macros.h"

RV_BEGIN_C

/* A change of H in two directions: keep*H + uu*u u' + us*(u s' + s u') + ss*s s'. */
typedef struct rv_triangle_change {
    double keep, uu, us, ss;
    const double *u, *s; /* [n] */
} rv_triangle_change;

/* Into how many slices of about equal area a triangle is cut, each with a sum of its own. */
#define RV_TRIANGLE_SLICES 16

/* Changes H, and gives y = H x of the changed one, in one pass: each number is read once and
 * written once. Rows of H, x and y have n; `sums` [RV_TRIANGLE_SLICES, n] is room to work in. None
 * of the arrays overlap, but that x, or y, may be u or s. The same numbers on any processor, from
 * any number of threads. */
RV_API void rv_triangle_change_and_multiply(int64_t n, double *h, const rv_triangle_change *change,
                                            const double *x, double *y, double *sums);

RV_END_C

#endif

/* triangle.c - a pass over a triangle on all threads: in slices, whose sums are added in order. */
#include "core/triangle.h"

#include <math.h>
#include <string.h>

#include "core/kernels/kernels.h"
#include "core/parallel.h"

/* With fewer rows, another thread is not worth waking; and columns that are added up at a time. */
enum { ALONE = 128, COLUMNS = 256 };

typedef struct work {
    rv_triangle_pass pass;
    int64_t n;
    double *sums, *y;
} work;

/* Where slice k begins: rows of a triangle have areas that grow. Multiples of 8, as the kernel
 * wants.
 */
static int64_t slice_begin(int64_t n, int64_t k)
{
    if (k == RV_TRIANGLE_SLICES)
        return n;
    const int64_t row = (int64_t)((double)n * sqrt((double)k / RV_TRIANGLE_SLICES));
    return row - row % 8;
}

static void run_slice(void *context, int64_t k)
{
    const work *w = context;
    rv_triangle_pass pass = w->pass;
    const int64_t end = slice_begin(w->n, k + 1);
    pass.sums = w->sums + k * w->n;
    memset(pass.sums, 0, (size_t)end * sizeof(double));
    rv_kernels_get()->triangle_pass(slice_begin(w->n, k), end, &pass);
}

/* y of some columns: only the slices that reach so far have sums of them. */
static void add_slices(const work *w, int64_t begin, int64_t end)
{
    const size_t bytes = (size_t)(end - begin) * sizeof(double);
    memcpy(w->y + begin, w->sums + (RV_TRIANGLE_SLICES - 1) * w->n + begin, bytes);
    for (int64_t k = RV_TRIANGLE_SLICES - 2; k >= 0; k--) {
        const double *sums = w->sums + k * w->n;
        const int64_t reach = slice_begin(w->n, k + 1);
        const int64_t last = reach < end ? reach : end;
        for (int64_t j = begin; j < last; j++)
            w->y[j] += sums[j];
    }
}

void rv_triangle_change_and_multiply(int64_t n, double *h, const rv_triangle_change *change,
                                     const double *x, double *y, double *sums)
{
    work w = {.pass = {.h = h,
                       .keep = change->keep,
                       .uu = change->uu,
                       .us = change->us,
                       .ss = change->ss,
                       .u = change->u,
                       .s = change->s,
                       .x = x},
              .n = n,
              .sums = sums,
              .y = y};
    if (n >= ALONE)
        rv_parallel(RV_TRIANGLE_SLICES, run_slice, &w);
    for (int64_t k = 0; n < ALONE && k < RV_TRIANGLE_SLICES; k++)
        run_slice(&w, k);
    for (int64_t j = 0; j < n; j += COLUMNS)
        add_slices(&w, j, n - j < COLUMNS ? n : j + COLUMNS);
}

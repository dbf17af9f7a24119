/* data_statistics.c - mean and standard deviation of a set's samples, in one pass.
 *
 * Each element of a sample has a mean and a sum of squared deviations of its own, which take in one
 * sample after the other (Welford, "Note on a method for calculating corrected sums of squares and
 * products", Technometrics 1962): nothing cancels, however large the mean is. Values are counted
 * from the first sample's, so that a large mean is not rounded at every sample either. A channel's
 * numbers are made of its elements', which all have seen as many samples (Chan, Golub, LeVeque,
 * "Algorithms for computing the sample variance", The American Statistician 1983).
 */

#include <math.h>
#include <string.h>

#include "core/data_set.h"
#include "core/integers.h"
#include "core/parallel.h"
#include "core/tensor_make.h"
#include "core/transform.h"

static const char who[] = "data_statistics";

#define CHUNK_ELEMENTS ((int64_t)1 << 18)
#define PIECE_ELEMENTS 1024

/* Some samples that are to be taken in. */
typedef struct chunk {
    const double *x;          /* [n,numel] */
    int64_t n, numel, before; /* before: samples that were taken in already */
    const double *origin;     /* [numel], what values are counted from */
    double *mean, *squares;   /* [numel] */
} chunk;

static void take_in(void *context, int64_t index)
{
    const chunk *c = context;
    const int64_t begin = index * PIECE_ELEMENTS;
    const int64_t end = rv_smaller(begin + PIECE_ELEMENTS, c->numel);
    for (int64_t s = 0; s < c->n; s++) {
        const double *x = c->x + s * c->numel, *origin = c->origin;
        const double share = 1 / (double)(c->before + s + 1);
        double *mean = c->mean, *squares = c->squares;
        RV_INDEPENDENT
        for (int64_t i = begin; i < end; i++) {
            const double value = x[i] - origin[i], away = value - mean[i];
            mean[i] += away * share;
            squares[i] += away * (value - mean[i]);
        }
    }
}

/* Takes in all samples; all three are F64 of a sample's shape, and zeros before. */
static bool walk(const rv_dataset *set, rv_tensor *origin, rv_tensor *mean, rv_tensor *squares)
{
    chunk c = {.numel = mean->numel,
               .origin = (const double *)origin->data,
               .mean = (double *)mean->data,
               .squares = (double *)squares->data};
    const int64_t most = rv_larger(1, CHUNK_ELEMENTS / c.numel);
    while (c.before < set->count) {
        RV_SCOPE;
        const rv_batch b = rv_data_batch(set, c.before, most);
        const rv_tensor *x = b.x ? rv_raw_cast(who, b.x, RV_F64) : NULL;
        if (x == NULL)
            return false;
        if (c.before == 0)
            memcpy(origin->data, x->data, (size_t)c.numel * sizeof(double));
        c.x = (const double *)x->data;
        c.n = b.n;
        rv_parallel(rv_quotient_up(c.numel, PIECE_ELEMENTS), take_in, &c);
        c.before += b.n;
    }
    for (int64_t i = 0; i < c.numel; i++)
        c.mean[i] += c.origin[i];
    return true;
}

/* One mean and deviation of the `size` elements of each group, of n samples. */
static void merge(int64_t n, int64_t groups, int64_t size, const double *mean,
                  const double *squares, double *group_mean, double *group_std)
{
    for (int64_t g = 0; g < groups; g++, mean += size, squares += size) {
        double sum = 0, all = 0;
        for (int64_t i = 0; i < size; i++)
            sum += mean[i];
        const double middle = sum / (double)size;
        for (int64_t i = 0; i < size; i++)
            all += squares[i] + (double)n * (mean[i] - middle) * (mean[i] - middle);
        group_mean[g] = middle;
        group_std[g] = sqrt(all / ((double)n * (double)size));
    }
}

static rv_statistics find(const rv_dataset *set, bool per_feature)
{
    RV_SCOPE;
    rv_statistics s = {0};
    const rv_sample_shape *x = &set->source->x;
    if (set->count == 0 || x->numel == 0) {
        rv_fail(RV_ERROR_ARGUMENT, who, "%lld samples of shape %s have no mean",
                (long long)set->count, rv_shape_text(RV_SHAPE_BUFFER, x->ndim, x->shape));
        return s;
    }
    rv_tensor *mean = rv_zeros_n(RV_F64, x->ndim, x->shape);
    rv_tensor *squares = mean ? rv_zeros_n(RV_F64, x->ndim, x->shape) : NULL;
    rv_tensor *origin = squares ? rv_zeros_n(RV_F64, x->ndim, x->shape) : NULL;
    if (origin == NULL || !walk(set, origin, mean, squares))
        return s;
    const int64_t channels = x->ndim > 0 ? x->shape[0] : 1,
                  groups = per_feature ? x->numel : channels;
    const int ndim = per_feature ? x->ndim : 1;
    const int64_t *shape = per_feature ? x->shape : &channels;
    rv_tensor *group_mean = rv_make(who, RV_F64, ndim, shape);
    rv_tensor *group_std = group_mean ? rv_make(who, RV_F64, ndim, shape) : NULL;
    if (group_std == NULL)
        return s;
    merge(set->count, groups, x->numel / groups, (const double *)mean->data,
          (const double *)squares->data, (double *)group_mean->data, (double *)group_std->data);
    s.mean = rv_keep(group_mean);
    s.std = rv_keep(group_std);
    return s;
}

rv_statistics rv_data_statistics_with(const rv_data_statistics_options *o)
{
    rv_statistics s = {0};
    if (rv_error_status() != RV_OK)
        return s;
    if (o == NULL) {
        rv_fail(RV_ERROR_NULL, who, "the options are NULL");
        return s;
    }
    rv_dataset *now = rv_dataset_check(who, o->set) ? rv_dataset_snapshot(who, o->set) : NULL;
    if (now != NULL)
        s = find(now, o->per_feature);
    rv_data_free(now);
    return s;
}

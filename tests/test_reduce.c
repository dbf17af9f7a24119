/* test_reduce.c - reductions, running totals and sorting beyond what the table of operations tries:
 * every fold over any axes in any layout, extreme numbers, long lines, third derivatives, and the
 * same bits for any number of threads.
 */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/reduce.h"
#include "core/sort.h"
#include "helpers.h"

/* Numbers among which there are equals, zeros and negative ones; small enough that sums are exact.
 */
static rv_tensor *uneven(rv_dtype dtype, int ndim, const int64_t *shape)
{
    rv_tensor *t = rv_zeros_n(RV_F64, ndim, shape);
    for (int64_t i = 0; i < t->numel; i++)
        ((double *)t->data)[i] = (double)((i * 7919 + 13) % 41) - (dtype == RV_U8 ? 0 : 20);
    return rv_raw_cast("uneven", t, dtype);
}
#define UNEVEN(dtype, ...)                                                     \
    uneven((dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
           (int64_t[]){__VA_ARGS__})

/* ---- every fold ------------------------------------------------------------------------------ */

static double start_of(rv_fold_id fold)
{
    switch (fold) {
    case RV_FOLD_prod: return 1;
    case RV_FOLD_max: return -(double)INFINITY;
    case RV_FOLD_min:
    case RV_FOLD_min_size: return (double)INFINITY;
    default: return 0;
    }
}

static double joined(rv_fold_id fold, double y, double x)
{
    switch (fold) {
    case RV_FOLD_sum: return y + x;
    case RV_FOLD_prod: return y * x;
    case RV_FOLD_max: return fmax(y, x);
    case RV_FOLD_min: return fmin(y, x);
    case RV_FOLD_count: return y + (x != 0);
    case RV_FOLD_sum_sizes: return y + fabs(x);
    case RV_FOLD_sum_squares: return y + x * x;
    case RV_FOLD_max_size: return fmax(y, fabs(x));
    default: return fmin(y, fabs(x));
    }
}

/* Whether element e of t, counted row-major, belongs to the result at `place`. */
static bool belongs(const rv_tensor *t, rv_axis_set axes, int64_t place, int64_t e)
{
    for (int i = t->ndim - 1; i >= 0; e /= t->shape[i--])
        if (!(axes >> i & 1)) {
            if (e % t->shape[i] != place % t->shape[i])
                return false;
            place /= t->shape[i];
        }
    return true;
}

static void check_fold(const rv_tensor *t, rv_fold_id fold, rv_axis_set axes)
{
    const rv_tensor *y = rv_reduce("fold", fold, t, axes, false);
    cr_assert(no_error());
    for (int64_t i = 0; i < y->numel; i++) {
        double want = start_of(fold);
        for (int64_t e = 0; e < t->numel; e++)
            if (belongs(t, axes, i, e))
                want = joined(fold, want, at(t, e));
        cr_assert(at(y, i) == want, "fold %d of %s %s over axes %x: %g, not %g", (int)fold,
                  rv_dtype_name(t->dtype), RV_SHAPE_OF(t), axes, at(y, i), want);
    }
}

Test(reduce, every_fold_over_every_set_of_axes_in_every_layout)
{
    const int64_t shapes[][4] = {{3, 2, 2, 5}, {2, 1, 9, 3}};
    const int orders[][4] = {{0, 1, 2, 3}, {0, 3, 1, 2}, {3, 1, 2, 0}};
    for (int s = 0; s < RV_COUNT(shapes); s++)
        for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++)
            for (int fold = 0; fold < RV_FOLD_COUNT; fold++)
                for (int o = 0; o < RV_COUNT(orders) * LAYOUT_COUNT; o++)
                    for (rv_axis_set axes = 0; axes < 16; axes++) {
                        RV_SCOPE;
                        rv_tensor *x = UNEVEN((rv_dtype)dtype, 60 - 6 * s);
                        if (fold == RV_FOLD_prod) /* exact in a double, and without wrapping */
                            x = rv_raw_cast("cast", rv_gt_scalar(x, 0), (rv_dtype)dtype);
                        x = rv_raw_reshape("reshape", x, 4, shapes[s]);
                        x = laid_out(x, (layout)(o % LAYOUT_COUNT));
                        x = rv_raw_permute("permute", x, 4, orders[o / LAYOUT_COUNT]);
                        if (rv_kernels_get()->folds[fold][dtype].lines != NULL)
                            check_fold(x, (rv_fold_id)fold, axes);
                    }
}

/* Large enough to be cut into groups and splits, and to be joined into longer rows. */
Test(reduce, large_ones_are_cut)
{
    const int64_t shapes[][2] = {{1, 300000}, {300000, 1}, {100000, 3}, {30000, 10}, {10, 30000},
                                 {4000, 70},  {70, 4000},  {513, 600},  {40, 1000}};
    for (int s = 0; s < RV_COUNT(shapes); s++) {
        RV_SCOPE;
        const int64_t rows = shapes[s][0], columns = shapes[s][1];
        rv_tensor *x = uneven(RV_F32, 2, shapes[s]);
        for (int axis = 0; axis < 2; axis++) {
            const rv_tensor *var = rv_var(x, .axes = RV_AXES(axis), .correction = 0);
            const rv_tensor *min = rv_min(x, .axes = RV_AXES(axis));
            const rv_tensor *log = rv_logsumexp(x, .axes = RV_AXES(axis));
            const rv_tensor *found = rv_argmin(x, axis);
            cr_assert(no_error());
            const int64_t n = axis == 0 ? rows : columns, step = axis == 0 ? columns : 1;
            for (int64_t i = 0; i < var->numel; i += var->numel / 7 + 1) {
                const int64_t first = axis == 0 ? i : i * columns;
                double sum = 0, squares = 0, exps = 0, least = 99;
                int64_t where = -1;
                for (int64_t j = 0; j < n; j++) {
                    const double v = at(x, first + j * step);
                    sum += v;
                    squares += v * v;
                    exps += exp(v);
                    where = v < least ? j : where;
                    least = fmin(v, least);
                }
                const double count = (double)n, want = squares / count - sum * sum / count / count;
                cr_expect(fabs(at(var, i) - want) <= 1e-5 * fmax(1, want), "%g, not %g", at(var, i),
                          want);
                cr_expect_eq(at(min, i), least);
                cr_expect_eq(at(found, i), (double)where);
                cr_expect(fabs(at(log, i) - log1p(exps - 1)) <= 2e-6 * fmax(1, at(log, i)));
            }
        }
    }
}

/* ---- extreme numbers ------------------------------------------------------------------------- */

Test(reduce, a_large_mean_costs_no_digits)
{
    rv_tensor *x = rv_zeros(RV_F32, 1000);
    for (int i = 0; i < 1000; i++) /* mean 1e6, deviations of 0.5 */
        ((float *)x->data)[i] = 1e6F + (i % 2 == 0 ? 0.5F : -0.5F);
    cr_expect_eq(rv_item(rv_var(x, .correction = 0)), 0.25);
    cr_expect_eq(rv_item(rv_std(x, .correction = 0)), 0.5);
    cr_expect_eq(rv_item(rv_mean(x)), 1e6);
    rv_tensor *y = rv_raw_cast("cast", x, RV_F64);
    cr_expect_eq(rv_item(rv_var(rv_add_scalar(y, 1e12), .correction = 0)), 0.25);
}

/* Sums that F32 cannot hold, of which it can hold the mean. */
Test(reduce, means_do_not_overflow)
{
    rv_tensor *x = rv_full(3e38, RV_F32, 40);
    cr_expect_eq(rv_item(rv_mean(x)), (double)3e38F);
    cr_expect_eq(rv_item(rv_var(x)), 0);
    cr_expect(isinf(rv_item(rv_sum(x))));
}

/* In F64 squares leave the range of numbers; and cubes do in F32. */
Test(reduce, norms_do_not_overflow_or_vanish)
{
    const double scales[] = {1e200, 1e-200, 1e308, 5e-324, 1};
    const double p[] = {2, 3, 2.5, -2, -7.5, 20};
    for (int s = 0; s < RV_COUNT(scales); s++) {
        const double scale = scales[s];
        cr_expect_eq(rv_item(rv_norm(VECTOR(scale, 0, 0))), scale);
        for (int k = 0; k < RV_COUNT(p); k++) {
            rv_tensor *x = VECTOR(scale, -scale, scale / 2, scale);
            const double got = rv_item(rv_norm(x, p[k], .keepdim = true)) / scale;
            const double half = at(x, 2) / scale; /* 0 where scale is the smallest number */
            const double sum = 3 + pow(half, p[k]);
            const double want = pow(sum, 1 / p[k]);
            if (scale < 1e308 && scale > 1e-320)
                cr_expect(fabs(got - want) <= 1e-14 * want, "p %g, scale %g: %g, not %g", p[k],
                          scale, got, want);
        }
    }
    rv_tensor *small = rv_raw_cast("cast", VECTOR(3e-40, 4e-40), RV_F32);
    cr_expect(fabs(rv_item(rv_norm(small)) - 5e-40) < 2e-45);
    rv_tensor *large = rv_raw_cast("cast", VECTOR(3e37, -4e37), RV_F32);
    cr_expect_eq((float)rv_item(rv_norm(large)), 5e37F);
    cr_expect(fabs(rv_item(rv_norm(large, 3)) / 4.497941e37 - 1) < 1e-6);
    cr_expect(isinf(rv_item(rv_norm(VECTOR(1, (double)INFINITY)))));
    cr_expect(isnan(rv_item(rv_norm(VECTOR(1, (double)NAN)))));
    cr_expect(isnan(rv_item(rv_norm(VECTOR((double)INFINITY, (double)NAN), 3))));
    cr_expect_eq(rv_item(rv_norm(VECTOR(0, 0, 0), 3)), 0);
}

Test(reduce, logsumexp_does_not_overflow)
{
    const double inf = (double)INFINITY;
    cr_expect_eq(rv_item(rv_logsumexp(VECTOR(1e300, 1e300))), 1e300);
    cr_expect_eq(rv_item(rv_logsumexp(VECTOR(-1e300, -1e300))), -1e300);
    cr_expect_eq(rv_item(rv_logsumexp(VECTOR(-inf, -inf))), -inf);
    cr_expect_eq(rv_item(rv_logsumexp(VECTOR(-inf, 5, -inf))), 5);
    cr_expect_eq(rv_item(rv_logsumexp(VECTOR(inf, 5, -inf))), inf);
    cr_expect(isnan(rv_item(rv_logsumexp(VECTOR((double)NAN, 5)))));
    cr_expect_eq(rv_item(rv_logsumexp(rv_full(0, RV_F32, 1 << 20))), (double)(float)(20 * log(2)));
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* Whether a is before b in ascending order: NaN is last. */
static bool is_before(double a, double b)
{
    return a < b || (isnan(b) && !isnan(a));
}

/* Each value is where its index says, none is before the one in front of it, equals are in the
 * order of their places, and no place comes twice. */
static void check_sorted(const rv_tensor *x, rv_sorted y, bool descending)
{
    cr_assert(no_error());
    rv_tensor *seen = rv_zeros(RV_U8, x->numel);
    for (int64_t i = 0; i < y.values->numel; i++) {
        const int64_t place = (int64_t)at(y.indices, i);
        const double value = at(y.values, i), from = at(x, place);
        cr_assert(value == from || (isnan(value) && isnan(from)));
        cr_assert_eq(((uint8_t *)seen->data)[place]++, 0);
        if (i == 0)
            continue;
        const double before = at(y.values, i - 1);
        cr_assert(descending ? !is_before(before, value) : !is_before(value, before));
        if (!is_before(before, value) && !is_before(value, before))
            cr_assert_gt(place, (int64_t)at(y.indices, i - 1));
    }
}

/* Numbers of any size and sign, many of them equal, with NaN, infinities and both zeros. */
static rv_tensor *mixed(rv_dtype dtype, int64_t n)
{
    rv_tensor *t = rv_mul_scalar(rv_randn(RV_F64, n), dtype == RV_I64 ? 1e17 : 50);
    double *x = (double *)t->data;
    for (int64_t i = 0; i < n; i++) {
        if (i % 3 == 0 || dtype == RV_U8)
            x[i] = fmod(floor(fabs(x[i])), 256);
        if (rv_dtype_is_floating(dtype) && i % 11 == 5)
            x[i] = (const double[]){(double)NAN, (double)INFINITY, -(double)INFINITY, -0.0,
                                    0.0}[i % 5];
    }
    return rv_cast(t, dtype);
}

Test(sort, every_length_and_dtype)
{
    const int64_t sizes[] = {0, 1, 2, 15, 16, 17, 33, 100, 255, 256, 257, 1000, 40000, 70000};
    rv_seed(3);
    for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++)
        for (int s = 0; s < RV_COUNT(sizes); s++)
            for (int descending = 0; descending < 2; descending++) {
                RV_SCOPE;
                rv_tensor *x = mixed((rv_dtype)dtype, sizes[s]);
                const rv_sorted y = rv_sort(x, .descending = descending);
                check_sorted(x, y, descending);
                cr_expect(rv_equal(rv_argsort(x, .descending = descending), y.indices));
            }
}

Test(sort, topk_is_the_beginning_of_sort)
{
    const int64_t sizes[] = {1, 9, 100, 1000, 70000, 300000}, counts[] = {1, 2, 10, 500, 20000};
    rv_seed(4);
    for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++)
        for (int s = 0; s < RV_COUNT(sizes); s++)
            for (int c = 0; c < RV_COUNT(counts) && counts[c] <= sizes[s]; c++)
                for (int smallest = 0; smallest < 2; smallest++) {
                    RV_SCOPE;
                    rv_tensor *x = mixed((rv_dtype)dtype, sizes[s]);
                    const rv_sorted all = rv_sort(x, .descending = !smallest);
                    const rv_sorted top = rv_topk(x, counts[c], .smallest = smallest);
                    cr_assert(no_error());
                    cr_expect(rv_equal(top.indices, rv_slice(all.indices, .stop = counts[c])),
                              "%s %lld of %lld", rv_dtype_name((rv_dtype)dtype),
                              (long long)counts[c], (long long)sizes[s]);
                }
}

/* Ascending rows are the worst that can come to a heap; descending ones to insertion. */
Test(sort, ordered_rows)
{
    rv_tensor *up = rv_arange(RV_F32, 0, 5000, 1);
    rv_tensor *down = rv_neg(up);
    check_sorted(up, rv_sort(up), false);
    check_sorted(down, rv_sort(down), false);
    check_sorted(up, rv_topk(up, 100), true);
    cr_expect_eq(at(rv_topk(up, 100).values, 99), 4900);
}

/* ---- running totals ---------------------------------------------------------------------------
 */

Test(scan, long_lines_in_any_layout)
{
    const int64_t shapes[][3] = {{3, 1000, 2}, {1, 40000, 1}, {70, 50, 5}, {2, 3, 700}};
    for (int s = 0; s < RV_COUNT(shapes); s++)
        for (int how = 0; how < LAYOUT_COUNT; how++)
            for (int axis = 0; axis < 3; axis++)
                for (int k = 0; k < 4; k++) {
                    RV_SCOPE;
                    const bool reverse = k & 1, exclusive = k & 2;
                    rv_tensor *x = laid_out(uneven(RV_F64, 3, shapes[s]), (layout)how);
                    rv_tensor *ones = laid_out(rv_ones_like(x), (layout)((how + 1) % LAYOUT_COUNT));
                    rv_tensor *y = rv_cumsum(x, axis, reverse, exclusive);
                    rv_tensor *z = rv_linear_scan(ones, x, axis, reverse, exclusive);
                    cr_assert(no_error());
                    cr_assert(rv_equal(y, z));
                    /* Each element is what two neighbouring totals differ by. */
                    const int64_t n = x->shape[axis];
                    rv_tensor *low = rv_slice(y, .axis = axis, .stop = n - 1);
                    rv_tensor *high = rv_slice(y, .axis = axis, .start = 1);
                    /* Which of the two it belongs to. */
                    const bool first_of_them = reverse != exclusive;
                    rv_tensor *element = first_of_them ? rv_slice(x, .axis = axis, .stop = n - 1)
                                                       : rv_slice(x, .axis = axis, .start = 1);
                    rv_tensor *step = reverse ? rv_sub(low, high) : rv_sub(high, low);
                    cr_expect(rv_equal(step, element));
                    const int64_t first = reverse ? n - 1 : 0;
                    rv_tensor *start = rv_slice(y, .axis = axis, .start = first, .stop = first + 1);
                    rv_tensor *own = rv_slice(x, .axis = axis, .start = first, .stop = first + 1);
                    cr_expect(rv_equal(start, exclusive ? rv_zeros_like(own) : own));
                }
}

/* ---- third derivatives ------------------------------------------------------------------------
 */

typedef rv_tensor *operation(rv_tensor *x);

static rv_tensor *prod_of(rv_tensor *x)
{
    return rv_prod(x, .axes = RV_AXES(1));
}
static rv_tensor *var_of(rv_tensor *x)
{
    return rv_var(x, .axes = RV_AXES(1));
}
static rv_tensor *std_of(rv_tensor *x)
{
    return rv_std(x, .axes = RV_AXES(1));
}
static rv_tensor *norm_2_of(rv_tensor *x)
{
    return rv_norm(x, 2, .axes = RV_AXES(1));
}
static rv_tensor *norm_3_of(rv_tensor *x)
{
    return rv_norm(x, 3, .axes = RV_AXES(1));
}
static rv_tensor *logsumexp_of(rv_tensor *x)
{
    return rv_logsumexp(x, .axes = RV_AXES(1));
}
static rv_tensor *cumprod_of(rv_tensor *x)
{
    return rv_cumprod(x, 1);
}
static rv_tensor *linear_scan_of(rv_tensor *x)
{
    return rv_linear_scan(x, rv_mul(x, x), 1);
}
static rv_tensor *topk_of(rv_tensor *x)
{
    return rv_topk(x, 2).values;
}

/* The gradient of y + y^2, y = op(tanh(x)): gradgradcheck of that is of the third derivative. */
static rv_tensor *gradient_of(rv_tensor **in, void *context)
{
    operation *const *op = context;
    rv_tensor *y = (*op)(rv_tanh(in[0]));
    rv_tensor *sum = rv_sum(rv_mul(y, rv_add_scalar(y, 1)));
    rv_tensor **g = rv_gradients(&sum, 1, in, 1, .create_graph = true);
    return g == NULL ? NULL : g[0];
}

static void check_third(operation *op, rv_tensor *x)
{
    rv_gradcheck_report r;
    rv_require_grad(x);
    cr_expect(rv_gradgradcheck(gradient_of, &op, &x, 1, &r), "%s", r.message);
    cr_assert(no_error());
    rv_tensor *g = gradient_of(&x, &op), *second, *third;
    second = rv_gradients(&(rv_tensor *){rv_sum(rv_mul(g, g))}, 1, &x, 1, .create_graph = true)[0];
    third = rv_gradients(&(rv_tensor *){rv_sum(rv_mul(second, second))}, 1, &x, 1)[0];
    cr_expect_gt(rv_item(rv_norm(third)), 1e-3);
}

Test(reduce, third_derivatives)
{
    operation *const ops[] = {prod_of,      var_of,     std_of,         norm_2_of, norm_3_of,
                              logsumexp_of, cumprod_of, linear_scan_of, topk_of};
    for (int i = 0; i < RV_COUNT(ops); i++) {
        RV_SCOPE;
        check_third(ops[i], waves(2, 3, 0.3));
    }
    /* With zeros among the factors: one, and two. */
    rv_tensor *zeros = rv_reshape(VECTOR(0, 0.7, -0.4, 0, 0.3, 0), 2, 3);
    check_third(cumprod_of, rv_copy(zeros));
    check_third(prod_of, rv_copy(zeros));
}

/* ---- threads ----------------------------------------------------------------------------------
 */

static uint64_t hash_of_work(void)
{
    RV_SCOPE;
    rv_seed(7);
    uint64_t hash = HASH_START;
    const int64_t shapes[][2] = {{301, 703}, {20000, 9}, {9, 20000}, {1, 200000}};
    for (int s = 0; s < RV_COUNT(shapes); s++)
        for (int dtype = RV_F32; dtype <= RV_F64; dtype++) {
            rv_tensor *x = rv_randn_n((rv_dtype)dtype, 2, shapes[s]);
            for (int axis = 0; axis < 2; axis++) {
                hash = hash_of(hash, rv_mean(x, .axes = RV_AXES(axis)));
                hash = hash_of(hash, rv_var(x, .axes = RV_AXES(axis)));
                hash = hash_of(hash, rv_prod(x, .axes = RV_AXES(axis)));
                hash = hash_of(hash, rv_norm(x, 3, .axes = RV_AXES(axis)));
                hash = hash_of(hash, rv_logsumexp(x, .axes = RV_AXES(axis)));
                hash = hash_of(hash, rv_argmin(x, axis));
                hash = hash_of(hash, rv_cumsum(x, axis));
                hash = hash_of(hash, rv_linear_scan(x, x, axis, .reverse = true));
                hash = hash_of(hash, rv_sort(x, axis).indices);
                if (x->shape[axis] >= 5)
                    hash = hash_of(hash, rv_topk(x, 5, axis).indices);
            }
            hash = hash_of(hash, rv_std(x));
            hash = hash_of(hash, rv_norm(x));
        }
    return hash;
}

Test(reduce, same_bits_for_any_number_of_threads)
{
    cr_assert(rv_set_threads(1));
    const uint64_t alone = hash_of_work();
    cr_assert(no_error());
    for (int threads = 2; threads <= 3; threads++) {
        cr_assert(rv_set_threads(threads));
        cr_expect_eq(hash_of_work(), alone, "%d threads", threads);
    }
}

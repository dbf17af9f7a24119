/* test_elementwise.c - loops and folds over whole tensors: broadcasting, layouts, reductions over
 * any axes, errors, and the same bits for any number of threads.
 */

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "core/elementwise.h"
#include "core/parallel.h"
#include "core/reduce.h"
#include "helpers.h"

/* A tensor of uneven numbers, small enough that their sums are exact in every dtype. */
static rv_tensor *uneven(rv_dtype dtype, int ndim, const int64_t *shape)
{
    rv_tensor *t = rv_zeros_n(RV_F64, ndim, shape);
    for (int64_t i = 0; i < t->numel; i++)
        ((double *)t->data)[i] = (double)((i * 7919 + 13) % 101) - (dtype == RV_U8 ? 0 : 50);
    return rv_raw_cast("uneven", t, dtype);
}
#define UNEVEN(dtype, ...)                                                     \
    uneven((dtype), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
           (int64_t[]){__VA_ARGS__})

static rv_tensor *add(rv_tensor *a, rv_tensor *b)
{
    return rv_elementwise("add", RV_LOOP_add, 2, (rv_tensor *[]){a, b});
}

/* Row-major place i of `shape`, as a place of t that is broadcast to it. */
static int64_t broadcast_place(const rv_tensor *t, int ndim, const int64_t *shape, int64_t i)
{
    int64_t place = 0, step = 1;
    for (int axis = ndim - 1; axis >= 0; i /= shape[axis--]) {
        const int own = axis - (ndim - t->ndim);
        if (own < 0)
            continue;
        place += (t->shape[own] == 1 ? 0 : i % shape[axis]) * step;
        step *= t->shape[own];
    }
    return place;
}

/* ---- broadcasting and layouts --------------------------------------------------------------- */

static void check_sum(rv_tensor *a, rv_tensor *b, int ndim, const int64_t *shape)
{
    rv_tensor *y = add(a, b);
    cr_assert(no_error());
    cr_assert_eq(y->ndim, ndim);
    cr_assert_eq(memcmp(y->shape, shape, sizeof *shape * (size_t)ndim), 0);
    for (int64_t i = 0; i < y->numel; i++)
        cr_assert_eq(at(y, i), at(a, broadcast_place(a, ndim, shape, i)) +
                                   at(b, broadcast_place(b, ndim, shape, i)));
}

typedef struct form {
    int ndim;
    int64_t shape[RV_MAX_DIMENSIONS];
} form;

Test(elementwise, broadcasts_like_numpy)
{
    const form forms[][3] = {{{0, {0}}, {0, {0}}, {0, {0}}},
                             {{1, {1}}, {1, {1}}, {1, {1}}},
                             {{2, {1, 1}}, {1, {5}}, {2, {1, 5}}},
                             {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}},
                             {{2, {3, 4}}, {0, {0}}, {2, {3, 4}}},
                             {{2, {3, 4}}, {1, {4}}, {2, {3, 4}}},
                             {{2, {3, 1}}, {2, {1, 4}}, {2, {3, 4}}},
                             {{3, {5, 1, 2}}, {2, {7, 1}}, {3, {5, 7, 2}}},
                             {{2, {0, 4}}, {1, {4}}, {2, {0, 4}}},
                             {{2, {0, 1}}, {2, {1, 1}}, {2, {0, 1}}},
                             {{3, {2, 1, 3}}, {3, {2, 0, 3}}, {3, {2, 0, 3}}},
                             {{3, {100, 50, 3}}, {1, {3}}, {3, {100, 50, 3}}},
                             {{4, {2, 3, 1, 5}}, {3, {1, 4, 5}}, {4, {2, 3, 4, 5}}},
                             {{8, {1, 2, 1, 2, 1, 2, 1, 2}},
                              {8, {2, 1, 2, 1, 2, 1, 2, 1}},
                              {8, {2, 2, 2, 2, 2, 2, 2, 2}}}};
    for (int f = 0; f < RV_COUNT(forms); f++)
        for (int la = 0; la < LAYOUT_COUNT; la++)
            for (int lb = 0; lb < LAYOUT_COUNT; lb++) {
                RV_SCOPE;
                const form *const s = forms[f];
                rv_tensor *a = laid_out(uneven(RV_F32, s[0].ndim, s[0].shape), (layout)la);
                rv_tensor *b = laid_out(uneven(RV_F32, s[1].ndim, s[1].shape), (layout)lb);
                check_sum(a, b, s[2].ndim, s[2].shape);
                check_sum(b, a, s[2].ndim, s[2].shape);
            }
}

/* Every permutation of a dense tensor gives a result that lies as it does. */
Test(elementwise, result_lies_as_its_input)
{
    const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int o = 0; o < RV_COUNT(orders); o++) {
        rv_tensor *x = rv_raw_permute("permute", UNEVEN(RV_F64, 3, 4, 5), 3, orders[o]);
        rv_tensor *y = rv_elementwise("neg", RV_LOOP_neg, 1, &x);
        rv_tensor *mask =
            rv_elementwise("lt", RV_LOOP_lt, 2, (rv_tensor *[]){rv_zeros(RV_F64, x->shape[2]), x});
        cr_assert(y != NULL && mask != NULL);
        cr_expect_eq(mask->dtype, RV_U8);
        for (int i = 0; i < 3; i++)
            cr_expect(y->strides[i] == x->strides[i] && mask->strides[i] == x->strides[i]);
        for (int64_t i = 0; i < x->numel; i++)
            cr_expect(at(y, i) == -at(x, i) && at(mask, i) == (at(x, i) > 0));
    }
    rv_tensor *gaps = laid_out(UNEVEN(RV_F32, 3, 4), LAYOUT_STEPPED);
    rv_tensor *expanded = rv_raw_expand("expand", UNEVEN(RV_F32, 4), 2, (int64_t[]){3, 4});
    cr_expect(rv_is_contiguous(rv_elementwise("neg", RV_LOOP_neg, 1, &gaps)));
    cr_expect(rv_is_contiguous(rv_elementwise("neg", RV_LOOP_neg, 1, &expanded)));
}

Test(elementwise, where_takes_three)
{
    rv_tensor *c = rv_raw_cast("cast", UNEVEN(RV_I64, 2, 1, 4), RV_I64);
    c = rv_elementwise("gt", RV_LOOP_gt, 2, (rv_tensor *[]){c, rv_zeros(RV_I64)});
    rv_tensor *a = UNEVEN(RV_I64, 3, 4), *b = UNEVEN(RV_I64, 3, 1);
    rv_tensor *y = rv_elementwise("where", RV_LOOP_where, 3, (rv_tensor *[]){c, a, b});
    const int64_t shape[] = {2, 3, 4};
    cr_assert(y != NULL && y->ndim == 3 && y->dtype == RV_I64 && y->numel == 24);
    for (int64_t i = 0; i < y->numel; i++) {
        const rv_tensor *chosen = at(c, broadcast_place(c, 3, shape, i)) != 0 ? a : b;
        cr_expect_eq(at(y, i), at(chosen, broadcast_place(chosen, 3, shape, i)));
    }
}

/* Inputs that run across the result's lines go in tiles; sizes that tiles divide, and others. */
Test(elementwise, inputs_may_run_across_the_result)
{
    const int64_t shapes[][3] = {
        {1, 64, 48}, {1, 67, 45}, {3, 100, 33}, {40, 9, 70}, {300, 5, 200}};
    const int orders[][3] = {{0, 2, 1}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
    for (int s = 0; s < RV_COUNT(shapes); s++)
        for (int o = 0; o < RV_COUNT(orders); o++) {
            RV_SCOPE;
            rv_tensor *x = uneven(RV_F32, 3, shapes[s]);
            rv_tensor *turned = rv_raw_permute("permute", x, 3, orders[o]);
            rv_tensor *packed = rv_raw_copy("copy", turned), *y = add(packed, turned);
            cr_assert(y != NULL && rv_is_contiguous(packed) && rv_is_contiguous(y));
            for (int64_t i = 0; i < y->numel; i++)
                cr_assert(at(packed, i) == at(turned, i) && at(y, i) == 2 * at(turned, i));
        }
}

/* Large enough to be cut into pieces: each element is to be added to once. */
Test(elementwise, result_may_take_the_place_of_an_input)
{
    cr_assert(rv_set_threads(2));
    for (int how = 0; how < LAYOUT_COUNT; how++) {
        RV_SCOPE;
        rv_tensor *before = UNEVEN(RV_F32, 20000, 7), *x = laid_out(before, (layout)how);
        rv_tensor *row = UNEVEN(RV_F32, 7);
        rv_loop *loop = rv_kernels_get()->loops[RV_LOOP_add][RV_F32];
        cr_assert(rv_elementwise_into("add", loop, x, 2, (const rv_tensor *[]){x, row}));
        for (int64_t i = 0; i < x->numel; i++)
            cr_assert_eq(at(x, i), at(before, i) + at(row, i % 7));
    }
}

/* ---- errors --------------------------------------------------------------------------------- */

Test(elementwise, errors_say_what_came)
{
    rv_tensor *a = UNEVEN(RV_F32, 2, 3), *b = UNEVEN(RV_F32, 4), *c = UNEVEN(RV_F64, 2, 3);
    rv_tensor *whole = UNEVEN(RV_I64, 2, 3), *mask = UNEVEN(RV_U8, 2, 3);
    rv_loop *loop = rv_kernels_get()->loops[RV_LOOP_neg][RV_F32];
    cr_expect_null(add(a, b));
    cr_expect(
        error_is(RV_ERROR_SHAPE, "add: shapes [2,3] and [4] do not broadcast: axis -1 is 3 and 4"));
    cr_expect_null(add(a, c));
    cr_expect(error_is(RV_ERROR_DTYPE, "add: dtypes differ: F32 and F64 (cast one with rv_cast)"));
    cr_expect_null(add(a, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "add: input 1 is NULL"));
    cr_expect_null(rv_elementwise("exp", RV_LOOP_exp, 1, &whole));
    cr_expect(error_is(RV_ERROR_DTYPE, "exp: takes F32 or F64, not I64"));
    cr_expect_null(rv_elementwise("where", RV_LOOP_where, 3, (rv_tensor *[]){a, a, a}));
    cr_expect(error_is(RV_ERROR_DTYPE, "where: the condition is F32, not U8"));
    cr_expect_null(rv_elementwise("where", RV_LOOP_where, 3, (rv_tensor *[]){mask, a, b}));
    cr_expect(error_is(RV_ERROR_SHAPE, "where: shapes [2,3], [2,3] and [4] do not broadcast"));
    cr_expect_null(rv_elementwise("add", RV_LOOP_add, 1, &a));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "add: loop"));
    cr_expect_not(rv_elementwise_into("copy", loop, b, 1, (const rv_tensor *[]){a}));
    cr_expect(error_is(RV_ERROR_SHAPE, "copy: [2,3] does not broadcast to [4]"));
    cr_expect_not(rv_elementwise_into("copy", NULL, b, 1, (const rv_tensor *[]){b}));
    cr_expect(error_is(RV_ERROR_DTYPE, "copy: "));
}

Test(elementwise, broadcasting_beyond_memory_is_an_error)
{
    rv_tensor *x = rv_zeros(RV_F32, 1);
    rv_tensor *a = rv_raw_expand("expand", x, 2, (int64_t[]){INT64_C(1) << 40, 1});
    rv_tensor *b = rv_raw_expand("expand", x, 2, (int64_t[]){1, INT64_C(1) << 40});
    cr_expect_null(add(a, b));
    cr_expect(error_is(RV_ERROR_MEMORY, "add: "));
}

/* ---- reductions ----------------------------------------------------------------------------- */

/* One result of a reduction of t, by the definition: over the places that agree with `place` on the
 * axes that are kept. */
static double reduced(const rv_tensor *t, rv_fold_id fold, rv_axis_set axes, int64_t place)
{
    int64_t counts[RV_MAX_DIMENSIONS] = {0};
    for (int i = t->ndim - 1; i >= 0; i--)
        if (!(axes >> i & 1)) {
            counts[i] = place % t->shape[i];
            place /= t->shape[i];
        }
    double y = fold == RV_FOLD_sum ? 0 : (double)-INFINITY;
    for (int64_t e = 0; e < t->numel; e++) {
        bool belongs = true;
        int64_t rest = e;
        for (int i = t->ndim - 1; i >= 0; rest /= t->shape[i--])
            belongs = belongs && (axes >> i & 1 || rest % t->shape[i] == counts[i]);
        if (belongs)
            y = fold == RV_FOLD_sum ? y + at(t, e) : fmax(y, at(t, e));
    }
    return y;
}

static void check_reduction(const rv_tensor *t, rv_fold_id fold, rv_axis_set axes)
{
    const rv_tensor *y = rv_reduce("fold", fold, t, axes, false);
    const rv_tensor *kept = rv_reduce("fold", fold, t, axes, true);
    cr_assert(no_error());
    const bool counts = fold == RV_FOLD_sum && t->dtype == RV_U8;
    cr_assert(y->dtype == (counts ? RV_I64 : t->dtype) && kept->ndim == t->ndim &&
              kept->numel == y->numel);
    for (int i = 0; i < t->ndim; i++)
        cr_assert_eq(kept->shape[i], axes >> i & 1 ? 1 : t->shape[i]);
    for (int64_t i = 0; i < y->numel; i++) {
        const double want = reduced(t, fold, axes, i);
        cr_assert(at(y, i) == want && at(kept, i) == want, "%s axes %x of %s: %g, not %g",
                  fold == RV_FOLD_sum ? "sum" : "max", axes, RV_SHAPE_OF(t), at(y, i), want);
    }
}

Test(reduce, every_set_of_axes_in_every_layout)
{
    const int64_t shapes[][4] = {{3, 4, 2, 5}, {2, 1, 9, 3}, {1, 17, 1, 2}};
    const int orders[][4] = {{0, 1, 2, 3}, {3, 1, 2, 0}, {1, 2, 3, 0}, {0, 3, 1, 2}};
    for (int s = 0; s < RV_COUNT(shapes); s++)
        for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++)
            for (int how = 0; how < LAYOUT_COUNT; how++)
                for (int o = 0; o < RV_COUNT(orders); o++)
                    for (rv_axis_set axes = 0; axes < 16; axes++) {
                        RV_SCOPE;
                        rv_tensor *x = laid_out(uneven((rv_dtype)dtype, 4, shapes[s]), (layout)how);
                        x = rv_raw_permute("permute", x, 4, orders[o]);
                        check_reduction(x, RV_FOLD_sum, axes);
                        check_reduction(x, RV_FOLD_max, axes);
                    }
}

Test(reduce, expanded_axes_count_as_often_as_they_repeat)
{
    rv_tensor *x = rv_raw_expand("expand", UNEVEN(RV_F32, 3, 1, 4), 3, (int64_t[]){3, 20, 4});
    for (rv_axis_set axes = 0; axes < 8; axes++) {
        check_reduction(x, RV_FOLD_sum, axes);
        check_reduction(x, RV_FOLD_max, axes);
    }
}

/* Large enough to be cut into groups and splits, in both ways of going through memory. */
Test(reduce, large_ones_are_cut)
{
    const int64_t shapes[][2] = {{1, 300000}, {300000, 1}, {3, 100000}, {100000, 3},
                                 {10000, 20}, {20, 10000}, {5000, 70},  {600, 600}};
    for (int s = 0; s < RV_COUNT(shapes); s++)
        for (int dtype = RV_F32; dtype <= RV_I64; dtype++) {
            RV_SCOPE;
            rv_tensor *x = uneven((rv_dtype)dtype, 2, shapes[s]);
            double all = 0;
            for (int64_t i = 0; i < x->numel; i++)
                all += at(x, i);
            cr_expect_eq(rv_item(rv_reduce("sum", RV_FOLD_sum, x, 3, false)), all);
            cr_expect_eq(rv_item(rv_reduce("max", RV_FOLD_max, x, 3, false)), 50);
            for (int axis = 0; axis < 2; axis++) {
                const rv_tensor *y = rv_reduce("sum", RV_FOLD_sum, x, 1u << axis, false);
                for (int64_t i = 0; i < y->numel; i += y->numel / 3 + 1) {
                    double sum = 0;
                    for (int64_t j = 0; j < shapes[s][axis]; j++)
                        sum += at(x, axis == 0 ? j * shapes[s][1] + i : i * shapes[s][1] + j);
                    cr_expect_eq(at(y, i), sum);
                }
            }
        }
}

Test(reduce, of_nothing)
{
    rv_tensor *x = rv_zeros(RV_F32, 0, 3);
    const rv_tensor *sums = rv_reduce("sum", RV_FOLD_sum, x, 1, false);
    cr_expect(sums->numel == 3 && at(sums, 0) == 0 && at(sums, 2) == 0);
    cr_expect_eq(rv_item(rv_reduce("sum", RV_FOLD_sum, x, 3, false)), 0);
    cr_expect_eq(rv_reduce("sum", RV_FOLD_sum, x, 2, false)->numel, 0);
    cr_expect_eq(rv_reduce("max", RV_FOLD_max, x, 2, false)->numel, 0);
    cr_expect_eq(rv_reduce_argmax("argmax", x, 1, false)->numel, 0);
    cr_expect_null(rv_reduce("max", RV_FOLD_max, x, 1, false));
    cr_expect(error_is(RV_ERROR_SHAPE, "max: axis 0 of [0,3] is empty"));
    cr_expect_null(rv_reduce_argmax("argmax", x, 0, false));
    cr_expect(error_is(RV_ERROR_SHAPE, "argmax: axis 0 of [0,3] is empty"));
}

Test(reduce, errors_say_what_came)
{
    cr_expect_null(rv_reduce("sum", RV_FOLD_sum, NULL, 0, false));
    cr_expect(error_is(RV_ERROR_NULL, "sum: input 0 is NULL"));
    cr_expect_null(rv_reduce("sum", RV_FOLD_sum, UNEVEN(RV_F32, 2, 3), 4, false));
    cr_expect(error_is(RV_ERROR_SHAPE, "sum: an axis is out of range for [2,3]"));
    cr_expect_null(rv_reduce_argmax("argmax", UNEVEN(RV_F32, 2, 3), 2, false));
    cr_expect(error_is(RV_ERROR_SHAPE, "argmax: axis 2 is out of range"));
}

Test(reduce, a_sum_of_bytes_is_i64)
{
    const rv_tensor *sum = rv_reduce("sum", RV_FOLD_sum, rv_ones(RV_U8, 300), 1, false);
    cr_assert(sum != NULL && sum->dtype == RV_I64);
    cr_expect_eq(rv_item(sum), 300);
}

Test(reduce, argmax_finds_the_first_of_equals_and_nan_first)
{
    for (int dtype = 0; dtype < RV_DTYPE_COUNT; dtype++)
        for (int how = 0; how < LAYOUT_COUNT; how++)
            for (int axis = -3; axis < 3; axis++) {
                RV_SCOPE;
                rv_tensor *x = laid_out(UNEVEN((rv_dtype)dtype, 3, 130, 2), (layout)how);
                const int real = axis < 0 ? axis + 3 : axis;
                const rv_tensor *y = rv_reduce_argmax("argmax", x, axis, true);
                cr_assert(y != NULL && y->dtype == RV_I64 && y->shape[real] == 1);
                for (int64_t e = 0; e < x->numel; e++) {
                    int64_t index[3] = {e / 260, e / 2 % 130, e % 2};
                    const int64_t own = index[real];
                    index[real] = 0;
                    const int64_t found = (int64_t)rv_item_at_n(y, 3, index);
                    index[real] = found;
                    const double largest = rv_item_at_n(x, 3, index);
                    cr_assert(at(x, e) < largest || (at(x, e) == largest && own >= found));
                }
            }
    const double with_nan[] = {3, (double)NAN, 5, (double)NAN};
    cr_expect_eq(rv_item(rv_reduce_argmax("argmax", vector_of(4, with_nan), 0, false)), 1);
}

/* ---- threads -------------------------------------------------------------------------------- */

/* A hash of results that are cut into many pieces, of numbers whose sums round. */
static uint64_t hash_of_work(void)
{
    RV_SCOPE;
    uint64_t hash = HASH_START;
    for (int dtype = RV_F32; dtype <= RV_F64; dtype++) {
        rv_tensor *x = UNEVEN((rv_dtype)dtype, 301, 703), *y, *row = UNEVEN((rv_dtype)dtype, 703);
        y = rv_elementwise("tanh", RV_LOOP_tanh, 1, &x);
        y = rv_elementwise("mul", RV_LOOP_mul, 2, (rv_tensor *[]){y, row});
        y = add(y, rv_raw_cast("cast", rv_full(0.1, RV_F64), (rv_dtype)dtype));
        hash = hash_of(hash, y);
        rv_tensor *turned = rv_raw_permute("permute", y, 2, (int[]){1, 0});
        hash = hash_of(hash, rv_raw_copy("copy", turned));
        for (rv_axis_set axes = 1; axes < 4; axes++) {
            hash = hash_of(hash, rv_reduce("sum", RV_FOLD_sum, y, axes, false));
            hash = hash_of(hash, rv_reduce("max", RV_FOLD_max, turned, axes, false));
        }
        hash = hash_of(hash, rv_reduce_argmax("argmax", y, 1, false));
    }
    return hash;
}

Test(elementwise, same_bits_for_any_number_of_threads)
{
    cr_assert(rv_set_threads(1));
    const uint64_t alone = hash_of_work();
    cr_assert(no_error());
    for (int threads = 2; threads <= 3; threads++) {
        cr_assert(rv_set_threads(threads));
        cr_expect_eq(hash_of_work(), alone, "%d threads", threads);
    }
}

/* test_indexed.c - gather, scatter_add and their like on tensors large enough to be cut into
 * pieces: against plain loops, bit by bit, on several numbers of threads.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"

static const int threads[] = {1, 2, 3, 7};

/* An index tensor of numbers in [0, size), many of them twice. */
static rv_tensor *places(int64_t size, int ndim, const int64_t *shape)
{
    rv_tensor *index = rv_empty_n(RV_I64, ndim, shape);
    uint64_t state = 7;
    for (int64_t i = 0; i < index->numel; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        ((int64_t *)index->data)[i] = (int64_t)((state >> 33) % (uint64_t)size);
    }
    return index;
}

static rv_tensor *numbers(rv_dtype dtype, int ndim, const int64_t *shape)
{
    rv_tensor *t = rv_arange(RV_F64, 0, (double)rv_numel(rv_empty_n(dtype, ndim, shape)), 1);
    for (int64_t i = 0; i < t->numel; i++)
        ((double *)t->data)[i] = dtype == RV_U8 ? (double)(i * 7 % 251) : 0.1 + sin((double)i);
    return rv_raw_cast("test", rv_raw_reshape("test", t, ndim, shape), dtype);
}

/* The row-major number, in a tensor of `shape`, of place i of `index`, whose element takes the
 * place of the coordinate `axis`. */
static int64_t named_place(const rv_tensor *index, int64_t i, int axis, const int64_t *shape)
{
    int64_t number = 0, step = 1, rest = i;
    for (int k = index->ndim - 1; k >= 0; k--) {
        const int64_t own = rest % index->shape[k];
        number += step * (k == axis ? (int64_t)at(index, i) : own);
        rest /= index->shape[k];
        step *= shape[k];
    }
    return number;
}

typedef struct example {
    int64_t shape[3], index[3]; /* index[axis] is free, the others are not larger */
    int axis;
} example;

/* Each is cut in another way: along the axis and across it, rows short and long. */
static const example examples[] = {
    {{50, 40, 30}, {50, 90, 30}, 1},   {{9, 70, 100}, {200, 70, 100}, 0},
    {{60, 50, 11}, {60, 50, 40}, 2},   {{5000, 1, 10}, {5000, 1, 9}, 2},
    {{90000, 1, 3}, {90000, 1, 1}, 2}, {{7, 1, 700}, {300, 1, 600}, 0},
    {{1, 1, 40}, {1, 1, 100000}, 2},   {{3, 2, 40000}, {3, 5, 40000}, 1},
};

static void check_example(const example *e, rv_dtype dtype)
{
    RV_SCOPE;
    rv_tensor *x = numbers(dtype, 3, e->shape);
    rv_tensor *index = places(e->shape[e->axis], 3, e->index);
    rv_tensor *source = numbers(dtype, 3, e->index);
    rv_tensor *sum = rv_raw_copy("test", x);
    const size_t size = rv_dtype_size(dtype);
    for (int64_t i = 0; i < index->numel; i++) {
        char *to = sum->data + (size_t)named_place(index, i, e->axis, e->shape) * size;
        if (dtype == RV_F32)
            *(float *)to += ((const float *)source->data)[i];
        else if (dtype == RV_F64)
            *(double *)to += ((const double *)source->data)[i];
        else
            *(uint8_t *)to = (uint8_t)(*(uint8_t *)to + ((const uint8_t *)source->data)[i]);
    }
    for (int k = 0; k < RV_COUNT(threads); k++) {
        cr_assert(rv_set_threads(threads[k]));
        const rv_tensor *y = rv_gather(x, e->axis, index);
        cr_assert_not_null(y, "%s", rv_error());
        for (int64_t i = 0; i < index->numel; i++) {
            const char *from = x->data + (size_t)named_place(index, i, e->axis, e->shape) * size;
            cr_assert(memcmp(y->data + (size_t)i * size, from, size) == 0, "element %lld",
                      (long long)i);
        }
        cr_expect(rv_equal(rv_scatter_add(x, e->axis, index, source), sum), "%d threads",
                  threads[k]);
    }
}

Test(indexed, any_axis_on_any_number_of_threads)
{
    for (int i = 0; i < RV_COUNT(examples); i++) {
        check_example(&examples[i], RV_F32);
        check_example(&examples[i], RV_F64);
        check_example(&examples[i], RV_U8);
    }
}

/* One index for a row: the same as the index expanded over the row and written out. */
Test(indexed, rows_are_gathers_of_an_expanded_index)
{
    const int64_t shapes[][3] = {{70, 40, 30}, {3, 500, 64}, {400, 3, 65}, {2000, 9, 1}};
    for (int s = 0; s < RV_COUNT(shapes); s++)
        for (int axis = 0; axis < 3; axis++)
            for (int k = 0; k < RV_COUNT(threads); k++) {
                RV_SCOPE;
                cr_assert(rv_set_threads(threads[k]));
                rv_tensor *x = numbers(RV_F32, 3, shapes[s]);
                int64_t sizes[3], ones[] = {1, 1, 1};
                memcpy(sizes, shapes[s], sizeof sizes);
                sizes[axis] = ones[axis] = 150;
                rv_tensor *index = places(shapes[s][axis], 1, &sizes[axis]);
                rv_tensor *whole = rv_copy(rv_expand_n(rv_reshape_n(index, 3, ones), 3, sizes));
                rv_tensor *source = numbers(RV_F32, 3, sizes);
                cr_expect(rv_equal(rv_index_select(x, axis, index), rv_gather(x, axis, whole)));
                cr_expect(rv_equal(rv_index_add(x, axis, index, source),
                                   rv_scatter_add(x, axis, whole, source)));
            }
    cr_expect(no_error());
}

Test(indexed, an_index_out_of_range_is_named_wherever_it_stands)
{
    rv_tensor *x = rv_zeros(RV_F32, 100, 20), *table = rv_zeros(RV_F32, 100, 300);
    rv_tensor *index = rv_zeros(RV_I64, 9000, 20), *rows = rv_zeros(RV_I64, 9000);
    ((int64_t *)index->data)[8000 * 20 + 7] = 100;
    ((int64_t *)rows->data)[7000] = -3;
    rv_tensor *source = rv_zeros(RV_F32, 9000, 20);
    cr_expect_null(rv_gather(x, 0, index));
    cr_expect(error_is(RV_ERROR_INDEX, "gather: index 100 at [8000,7] is not in [0, 100)"));
    cr_expect_null(rv_scatter_add(x, 0, index, source));
    cr_expect(error_is(RV_ERROR_INDEX, "scatter_add: index 100 at [8000,7] is not in [0, 100)"));
    cr_expect_null(rv_embedding(rows, table));
    cr_expect(error_is(RV_ERROR_INDEX, "embedding: index -3 at [7000] is not in [0, 100)"));
    cr_expect_null(rv_index_add(x, 0, rows, source));
    cr_expect(error_is(RV_ERROR_INDEX, "index_add: index -3 at [7000]"));
    cr_expect_null(rv_one_hot(rows, 5, RV_F32));
    cr_expect(error_is(RV_ERROR_INDEX, "one_hot: index -3 at [7000]"));
}

Test(indexed, where_a_large_mask_is_set)
{
    rv_tensor *x = places(3, 3, (int64_t[]){13, 50, 61}), *set = rv_nonzero(x);
    rv_tensor *chosen = rv_masked_select(x, rv_ne_scalar(x, 0));
    int64_t found = 0;
    for (int64_t i = 0; i < x->numel; i++) {
        if (at(x, i) == 0)
            continue;
        cr_assert(at(set, 3 * found) == (double)(i / 61 / 50));
        cr_assert(at(set, 3 * found + 1) == (double)(i / 61 % 50));
        cr_assert(at(set, 3 * found + 2) == (double)(i % 61));
        cr_assert(at(chosen, found++) == at(x, i));
    }
    cr_expect_eq(found, rv_shape(set)[0]);
    cr_expect_eq(found, rv_numel(chosen));
}

Test(indexed, large_triangles)
{
    rv_tensor *x = numbers(RV_F32, 3, (int64_t[]){2, 300, 170});
    const rv_tensor *low = rv_tril(x, -20), *high = rv_triu(x, -19);
    for (int64_t i = 0; i < x->numel; i++) {
        const bool is_low = i % 170 <= i / 170 % 300 - 20;
        cr_assert(at(low, i) == (is_low ? at(x, i) : 0));
        cr_assert(at(high, i) == (is_low ? 0 : at(x, i)));
    }
}

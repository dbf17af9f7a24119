/* test_tensor.c - tensors, views, copies, scopes, memory and errors: what needs no gradients. */

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "ravine.h"

/* The message of the error that was just made; its status must be the expected one. */
#define expect_error(expected, part)                                                       \
    do {                                                                                   \
        cr_expect_eq(rv_error_status(), (expected), "status is '%s'",                      \
                     rv_status_text(rv_error_status()));                                   \
        const char *message_ = rv_error();                                                 \
        cr_expect(message_ != NULL && strstr(message_, (part)) != NULL, "message is '%s'", \
                  message_ ? message_ : "(none)");                                         \
    } while (0)

/* An F64 tensor of 0, 1, 2, ... */
static rv_tensor *counting(int ndim, const int64_t *shape)
{
    rv_tensor *t = rv_zeros_n(RV_F64, ndim, shape);
    for (int64_t i = 0; i < t->numel; i++)
        ((double *)t->data)[i] = (double)i;
    return t;
}
#define COUNTING(...) \
    counting((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

/* ---- making --------------------------------------------------------------------------------- */

Test(tensor, of_given_values)
{
    rv_tensor *t = rv_full(2.5, RV_F32, 2, 3);
    cr_assert_not_null(t);
    cr_expect(t->ndim == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->numel == 6);
    cr_expect(t->strides[0] == 3 && t->strides[1] == 1);
    cr_expect_eq(rv_item_at(t, 1, -1), 2.5);
    cr_expect_eq(rv_item(rv_zeros(RV_F64)), 0);
    cr_expect_eq(rv_item(rv_ones(RV_I64, 1, 1)), 1);
    cr_expect_eq(rv_item(rv_full(255, RV_U8)), 255);
    cr_expect_eq(rv_numel(rv_empty(RV_U8, 3, 0, 5)), 0);
    cr_expect_eq((uintptr_t)rv_data(t) % RV_ALIGNMENT, 0);
    const float values[] = {1, 2, 3, 4};
    cr_expect_eq(rv_item_at(rv_from_array(values, RV_F32, 2, 2), 1, 0), 3);
    cr_expect_null(rv_error());
}

Test(tensor, arange_is_numpys)
{
    const rv_tensor *t = rv_arange(RV_F64, 1, 2, 0.25);
    cr_assert(t->ndim == 1 && t->numel == 4);
    cr_expect_eq(rv_item_at(t, 3), 1.75);
    const rv_tensor *down = rv_arange(RV_I64, 5, 0, -2);
    cr_assert_eq(down->numel, 3);
    cr_expect_eq(rv_item_at(down, 2), 1);
    cr_expect_eq(rv_numel(rv_arange(RV_F32, 3, 3, 1)), 0);
    cr_expect_eq(rv_numel(rv_arange(RV_F32, 3, 0, 1)), 0);
    cr_expect_null(rv_arange(RV_F32, 0, 1, 0));
    expect_error(RV_ERROR_ARGUMENT, "arange: from 0 to 1 by 0");
    cr_expect_null(rv_arange(RV_I64, 0, 2, 0.5));
    expect_error(RV_ERROR_ARGUMENT, "I64 needs whole numbers");
    cr_expect_null(rv_arange(RV_F64, 0, 1e18, 1));
    expect_error(RV_ERROR_MEMORY, "more than memory can hold");
}

Test(tensor, impossible_ones_are_errors)
{
    cr_expect_null(rv_zeros(RV_F32, 2, -1));
    expect_error(RV_ERROR_SHAPE, "size -1 of axis 1 is negative");
    cr_expect_null(rv_zeros(RV_F32, 1, 1, 1, 1, 1, 1, 1, 1, 1));
    expect_error(RV_ERROR_SHAPE, "9 dimensions");
    cr_expect_null(rv_zeros((rv_dtype)17, 2));
    expect_error(RV_ERROR_DTYPE, "17 is no dtype");
    cr_expect_null(rv_zeros(RV_F32, INT64_MAX, INT64_MAX));
    expect_error(RV_ERROR_MEMORY, "more than memory can hold");
    cr_expect_null(rv_zeros(RV_F64, 1, INT64_C(1) << 59));
    expect_error(RV_ERROR_MEMORY, "");
    cr_expect_null(rv_zeros(RV_F32, INT64_C(1) << 45));
    expect_error(RV_ERROR_MEMORY, "out of memory");
    cr_expect_null(rv_full(256, RV_U8, 2));
    expect_error(RV_ERROR_ARGUMENT, "U8 cannot hold 256");
    cr_expect_null(rv_full(0.5, RV_I64));
    expect_error(RV_ERROR_ARGUMENT, "I64 cannot hold 0.5");
    cr_expect_null(rv_full((double)NAN, RV_I64));
    expect_error(RV_ERROR_ARGUMENT, "I64 cannot hold");
    cr_expect_null(rv_zeros_n(RV_F32, 2, NULL));
    expect_error(RV_ERROR_NULL, "the shape is NULL");
    cr_expect_null(rv_from_array(NULL, RV_F32, 2));
    expect_error(RV_ERROR_NULL, "the array is NULL");
}

static void count_release(void *context)
{
    ++*(int *)context;
}

Test(tensor, over_the_callers_memory)
{
    double memory[6] = {0, 1, 2, 3, 4, 5};
    int released = 0;
    {
        RV_SCOPE;
        const int64_t shape[] = {3, 2}, strides[] = {1, 3};
        rv_tensor *t = rv_from_buffer(memory, RV_F64, 2, shape, strides, count_release, &released);
        cr_expect_eq(rv_item_at(t, 2, 1), 5);
        memory[5] = 50;
        cr_expect_eq(rv_item_at(t, 2, 1), 50, "no copy was made");
        cr_expect_not_null(rv_fill(rv_raw_slice("test", t, 0, 0, 1, 1), 7));
        cr_expect(memory[0] == 7 && memory[3] == 7 && memory[1] == 1);
    }
    cr_expect_eq(released, 1);
    const int64_t shape[] = {2};
    cr_expect_null(rv_from_buffer(NULL, RV_F64, 1, shape, NULL, count_release, &released));
    expect_error(RV_ERROR_NULL, "the buffer is NULL");
    cr_expect_eq(released, 2, "also when it fails");
    cr_expect_null(rv_from_buffer((char *)memory + 1, RV_F64, 1, shape, NULL, NULL, NULL));
    expect_error(RV_ERROR_ARGUMENT, "not aligned");
    const int64_t back[] = {-1};
    cr_expect_null(rv_from_buffer(memory, RV_F64, 1, shape, back, NULL, NULL));
    expect_error(RV_ERROR_ARGUMENT, "stride -1");
}

/* ---- views ---------------------------------------------------------------------------------- */

Test(tensor, permute_shows_the_same_elements)
{
    const rv_tensor *t = COUNTING(2, 3, 4);
    const rv_tensor *p = rv_raw_permute("test", t, 3, (int[]){2, 0, -2});
    cr_assert(p->shape[0] == 4 && p->shape[1] == 2 && p->shape[2] == 3);
    cr_expect_eq(p->storage, t->storage);
    for (int64_t i = 0; i < 4; i++)
        for (int64_t j = 0; j < 2; j++)
            for (int64_t k = 0; k < 3; k++)
                cr_expect_eq(rv_item_at(p, i, j, k), rv_item_at(t, j, k, i));
    cr_expect_null(rv_raw_permute("permute", t, 3, (int[]){0, 1, 1}));
    expect_error(RV_ERROR_ARGUMENT, "axis 1 is given twice");
    cr_expect_null(rv_raw_permute("permute", t, 2, (int[]){0, 1}));
    expect_error(RV_ERROR_SHAPE, "2 axes given for [2,3,4]");
}

/* Every factorization of 24 into up to three sizes, from a tensor of every order of memory. */
Test(tensor, reshape_keeps_row_major_order)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const int64_t shapes[][3] = {{24, 1, 1}, {1, 24, 1}, {2, 12, 1}, {12, 2, 1}, {4, 6, 1},
                                 {6, 4, 1},  {2, 3, 4},  {4, 3, 2},  {3, 8, 1},  {8, 3, 1},
                                 {2, 1, 12}, {1, 1, 24}, {6, 2, 2},  {2, 2, 6},  {3, 2, 4}};
    for (size_t order = 0; order < 6; order++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            RV_SCOPE;
            const rv_tensor *t = rv_raw_permute("test", COUNTING(2, 3, 4), 3, orders[order]);
            const rv_tensor *r = rv_raw_reshape("test", t, 3, shapes[s]);
            double from[24], to[24];
            cr_assert(r != NULL && rv_to_array(t, from) && rv_to_array(r, to));
            cr_expect_arr_eq(from, to, sizeof from);
            if (rv_is_contiguous(t))
                cr_expect_eq(r->storage, t->storage, "no copy of a row-major tensor");
        }
}

Test(tensor, reshape_copies_only_when_it_must)
{
    const rv_tensor *t = COUNTING(4, 6);
    const rv_tensor *half = rv_raw_slice("test", t, 1, 0, 3, 1); /* [4,3], rows 6 apart */
    cr_expect_eq(rv_raw_reshape("test", half, 3, (int64_t[]){2, 2, 3})->storage, t->storage);
    cr_expect_neq(rv_raw_reshape("test", half, 1, (int64_t[]){12})->storage, t->storage);
    const rv_tensor *guess = rv_raw_reshape("test", t, 3, (int64_t[]){2, -1, 3});
    cr_expect_eq(guess->shape[1], 4);
    cr_expect_null(rv_raw_reshape("reshape", t, 1, (int64_t[]){23}));
    expect_error(RV_ERROR_SHAPE, "reshape: [4,6] of 24 elements does not become [23]");
    cr_expect_null(rv_raw_reshape("reshape", t, 2, (int64_t[]){-1, -1}));
    expect_error(RV_ERROR_SHAPE, "[-1,-1]");
    cr_expect_null(rv_raw_reshape("reshape", t, 2, (int64_t[]){-1, 5}));
    expect_error(RV_ERROR_SHAPE, "[-1,5]");
    const rv_tensor *empty = rv_zeros(RV_F32, 0, 3);
    cr_expect_eq(rv_raw_reshape("test", empty, 2, (int64_t[]){3, 0})->numel, 0);
    cr_expect_null(rv_raw_reshape("reshape", empty, 2, (int64_t[]){-1, 0}));
    expect_error(RV_ERROR_SHAPE, "does not become [-1,0]");
}

Test(tensor, slice_is_numpys)
{
    const rv_tensor *t = COUNTING(10);
    /* start, stop, step, and what NumPy's x[start:stop:step] has: how many, the first, the last */
    const int64_t cases[][6] = {{0, INT64_MAX, 1, 10, 0, 9}, {2, 7, 2, 3, 2, 6},
                                {-3, INT64_MAX, 1, 3, 7, 9}, {-100, -8, 1, 2, 0, 1},
                                {9, 100, 5, 1, 9, 9},        {0, 10, 3, 4, 0, 9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t *c = cases[i];
        const rv_tensor *s = rv_raw_slice("test", t, 0, c[0], c[1], c[2]);
        cr_assert_eq(s->numel, c[3]);
        cr_expect_eq(rv_item_at(s, 0), (double)c[4]);
        cr_expect_eq(rv_item_at(s, -1), (double)c[5]);
    }
    cr_expect_eq(rv_raw_slice("test", t, 0, 5, 5, 1)->numel, 0);
    cr_expect_eq(rv_raw_slice("test", t, 0, 20, 30, 1)->numel, 0);
    cr_expect_eq(rv_raw_slice("test", t, 0, 7, 2, 1)->numel, 0);
    cr_expect_null(rv_raw_slice("slice", t, 0, 0, 5, 0));
    expect_error(RV_ERROR_ARGUMENT, "step is 0");
    cr_expect_null(rv_raw_slice("slice", t, 1, 0, 5, 1));
    expect_error(RV_ERROR_SHAPE, "axis 1 is out of range for 1 dimension");
}

Test(tensor, expand_repeats_without_a_copy)
{
    const rv_tensor *t = COUNTING(3, 1);
    const rv_tensor *e = rv_raw_expand("test", t, 3, (int64_t[]){2, -1, 4});
    cr_assert(e->shape[0] == 2 && e->shape[1] == 3 && e->shape[2] == 4);
    cr_expect(e->strides[0] == 0 && e->strides[2] == 0 && e->storage == t->storage);
    cr_expect_eq(rv_item_at(e, 1, 2, 3), 2);
    cr_expect_null(rv_raw_expand("expand", t, 2, (int64_t[]){4, 1}));
    expect_error(RV_ERROR_SHAPE, "[3,1] does not expand to [4,1]");
    cr_expect_null(rv_fill((rv_tensor *)(uintptr_t)e, 1));
    expect_error(RV_ERROR_SHAPE, "its elements share memory");
}

/* ---- copies --------------------------------------------------------------------------------- */

Test(tensor, casts_and_copies)
{
    rv_tensor *t = rv_from_array(((double[]){-1.75, 0, 2.5, 250}), RV_F64, 4);
    cr_expect_eq(rv_item_at(rv_raw_cast("test", t, RV_I64), 0), -1, "truncates");
    cr_expect_eq(rv_item_at(rv_raw_cast("test", t, RV_F32), 2), 2.5);
    cr_expect_null(rv_raw_cast("cast", t, RV_U8));
    expect_error(RV_ERROR_ARGUMENT, "cast: U8 cannot hold -1.75");
    rv_tensor *to = rv_zeros(RV_F32, 2, 4);
    cr_expect_eq(rv_copy_into(to, t), to, "broadcast and converted");
    cr_expect_eq(rv_item_at(to, 1, 3), 250);
    cr_expect_null(rv_copy_into(t, to));
    expect_error(RV_ERROR_SHAPE, "[2,4] does not broadcast to [4]");
    cr_expect_null(rv_copy_into(rv_zeros(RV_U8, 4), t));
    expect_error(RV_ERROR_ARGUMENT, "U8 cannot hold -1.75");
    const rv_tensor *turned = rv_raw_permute("test", COUNTING(3, 5), 2, (int[]){1, 0});
    const rv_tensor *cast = rv_raw_cast("test", turned, RV_F32);
    cr_expect(cast->strides[0] == 1 && cast->strides[1] == 5, "in the order of memory it has");
    cr_expect(rv_is_contiguous(rv_raw_copy("test", turned)));
    cr_expect(rv_equal(turned, rv_raw_copy("test", turned)));
}

Test(tensor, copying_into_itself)
{
    rv_tensor *t = COUNTING(6);
    rv_tensor *to = rv_raw_slice("test", t, 0, 1, 6, 1);
    cr_assert_not_null(rv_copy_into(to, rv_raw_slice("test", t, 0, 0, 5, 1)));
    const double expected[] = {0, 0, 1, 2, 3, 4};
    cr_expect_arr_eq(t->data, expected, sizeof expected);
}

Test(tensor, changes_raise_the_version)
{
    rv_tensor *t = rv_zeros(RV_F32, 2);
    const uint32_t fresh = rv_storage_version(t->storage);
    rv_fill(t, 1);
    cr_expect_eq(rv_storage_version(t->storage), fresh + 1);
    rv_copy_into(t, rv_ones(RV_F32));
    rv_touch(t);
    cr_expect_eq(rv_storage_version(t->storage), fresh + 3);
}

Test(tensor, comparing)
{
    rv_tensor *a = rv_from_array(((double[]){1, 2, INFINITY}), RV_F64, 3);
    rv_tensor *b = rv_from_array(((double[]){1, 2 + 1e-9, INFINITY}), RV_F64, 3);
    cr_expect(rv_equal(a, a) && !rv_equal(a, b) && !rv_equal(a, NULL));
    cr_expect(rv_all_close(a, b, 1e-8, 0) && !rv_all_close(a, b, 1e-10, 0));
    rv_tensor *n = rv_full((double)NAN, RV_F64, 3);
    cr_expect(!rv_equal(n, n) && !rv_all_close(n, n, 1, 1));
    cr_expect(!rv_all_close(a, rv_zeros(RV_F64, 4), 1, 1));
    expect_error(RV_ERROR_SHAPE, "[3] and [4] differ");
    rv_tensor *big = rv_from_array(((int64_t[]){(INT64_C(1) << 60) + 1}), RV_I64, 1);
    rv_tensor *next = rv_from_array(((int64_t[]){(INT64_C(1) << 60) + 2}), RV_I64, 1);
    cr_expect(!rv_equal(big, next), "equal as doubles, not as integers");
}

Test(tensor, items)
{
    const rv_tensor *t = COUNTING(2, 3);
    cr_expect(isnan(rv_item(t)));
    expect_error(RV_ERROR_SHAPE, "item: [2,3] has 6 elements");
    cr_expect(isnan(rv_item_at(t, 0, 3)));
    expect_error(RV_ERROR_INDEX, "index 3 of axis 1 is not in [0, 3)");
    cr_expect(isnan(rv_item_at(t, 1)));
    expect_error(RV_ERROR_SHAPE, "1 indices for [2,3]");
    cr_expect(isnan(rv_item(NULL)));
    expect_error(RV_ERROR_NULL, "item: input 0 is NULL");
}

/* ---- scopes --------------------------------------------------------------------------------- */

static rv_tensor *kept_from_inside(void)
{
    RV_SCOPE;
    rv_tensor *inner = rv_ones(RV_F32, 3);
    rv_zeros(RV_F32, 4);
    return rv_keep(inner);
}

Test(scope, releases_what_was_made_in_it)
{
    int released = 0;
    float memory[1] = {0};
    for (int i = 0; i < 3; i++) {
        RV_SCOPE;
        rv_from_buffer(memory, RV_F32, 0, NULL, NULL, count_release, &released);
        if (i == 1)
            continue;
        cr_expect_eq(released, i);
    }
    cr_expect_eq(released, 3);
    const rv_tensor *kept = kept_from_inside();
    cr_expect_eq(rv_item_at(kept, 2), 1);
}

Test(scope, keep_goes_out_one_scope_at_a_time)
{
    int released = 0;
    float memory[1] = {0};
    {
        RV_SCOPE;
        {
            RV_SCOPE;
            {
                RV_SCOPE;
                rv_keep(rv_from_buffer(memory, RV_F32, 0, NULL, NULL, count_release, &released));
            }
            cr_expect_eq(released, 0);
        }
        cr_expect_eq(released, 1);
    }
}

Test(scope, retained_tensors_outlive_all)
{
    int released = 0;
    float memory[1] = {0};
    rv_tensor *t;
    {
        RV_SCOPE;
        t = rv_retain(rv_from_buffer(memory, RV_F32, 0, NULL, NULL, count_release, &released));
    }
    cr_expect_eq(released, 0);
    rv_release(t);
    cr_expect_eq(released, 1);
    rv_retain(NULL);
    rv_release(NULL);
    cr_expect_null(rv_keep(NULL));
}

Test(scope, ending_an_outer_one_ends_the_inner_ones)
{
    int released = 0;
    float memory[1] = {0};
    rv_scope outer = rv_scope_begin("outer");
    rv_scope inner = rv_scope_begin("inner");
    rv_from_buffer(memory, RV_F32, 0, NULL, NULL, count_release, &released);
    rv_scope_end(&outer);
    cr_expect_eq(released, 1);
    rv_scope_end(&inner);
    rv_scope_end(&outer);
    rv_scope_end(NULL);
    cr_expect_eq(released, 1);
}

static void *in_a_thread(void *released)
{
    static float memory[1];
    rv_from_buffer(memory, RV_F32, 0, NULL, NULL, count_release, released);
    rv_zeros(RV_F32, -1);
    return NULL;
}

Test(scope, a_threads_root_scope_ends_with_it)
{
    int released = 0;
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, in_a_thread, &released), 0);
    pthread_join(thread, NULL);
    cr_expect_eq(released, 1);
    cr_expect_null(rv_error(), "errors stay on their thread");
    rv_from_buffer(&released, RV_F32, 0, NULL, NULL, count_release, &released);
    rv_finish();
    cr_expect_eq(released, 2);
    cr_expect_eq(rv_item(rv_ones(RV_F32)), 1, "usable after rv_finish");
}

#if !RV_RECYCLE
Test(scope, use_after_its_end_names_it)
{
    rv_tensor *t;
    {
        RV_SCOPE;
        t = rv_ones(RV_F32);
    }
    cr_expect(isnan(rv_item(t)));
    expect_error(RV_ERROR_ENDED, "item: input 0 was used after ");
}
#endif

/* ---- memory --------------------------------------------------------------------------------- */

Test(memory, blocks_of_every_size_are_their_own)
{
    enum { COUNT = 200 };
    unsigned char *blocks[COUNT];
    size_t bytes[COUNT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            bytes[i] = (size_t)(i < 100 ? i * 23 : (i - 99) * (i - 99) * 100);
            blocks[i] = rv_memory_get("test", bytes[i]);
            cr_assert_not_null(blocks[i]);
            cr_assert_eq((uintptr_t)blocks[i] % RV_ALIGNMENT, 0);
            memset(blocks[i], i, bytes[i]);
        }
        for (int i = 0; i < COUNT; i++) {
            for (size_t j = 0; j < bytes[i]; j += 1 + bytes[i] / 64)
                cr_assert_eq(blocks[i][j], (unsigned char)i);
            rv_memory_put(blocks[i], bytes[i]);
        }
    }
}

Test(memory, is_given_back)
{
    rv_finish();
    cr_expect_eq(rv_memory_usage().held, 0);
    {
        RV_SCOPE;
        for (int i = 0; i < 5000; i++)
            rv_zeros(RV_F32, i);
        cr_expect_gt(rv_memory_usage().in_use, 4u * 5000 * 5000 / 2);
    }
    rv_finish();
    cr_expect_eq(rv_memory_usage().held, 0);
    cr_expect_eq(rv_memory_usage().in_use, 0);
}

Test(memory, a_limit_is_out_of_memory)
{
    rv_finish();
    rv_memory_limit((size_t)8 << 20);
    cr_expect_not_null(rv_zeros(RV_F32, 1000, 1000));
    cr_expect_null(rv_zeros(RV_F32, 10000, 1000));
    expect_error(RV_ERROR_MEMORY, "zeros: out of memory: 400000");
    int64_t made = 0;
    while (rv_zeros(RV_F64, 10) != NULL)
        made++;
    cr_expect_gt(made, 1000);
    expect_error(RV_ERROR_MEMORY, "out of memory");
    rv_finish();
    cr_expect_not_null(rv_zeros(RV_F32, 1000, 1000), "after giving back there is room again");
    rv_memory_limit(SIZE_MAX);
}

/* ---- errors --------------------------------------------------------------------------------- */

static char handled[256];
static void note(rv_status status, const char *message)
{
    snprintf(handled, sizeof handled, "%d %s", (int)status, message);
}

Test(error, the_first_stays_until_read)
{
    cr_expect_null(rv_error());
    cr_expect_not(rv_fail(RV_ERROR_SHAPE, "first", "is %d", 1));
    cr_expect_null(rv_fail_null(RV_ERROR_DTYPE, "second", "is %d", 2));
    cr_expect_eq(rv_error_status(), RV_ERROR_SHAPE);
    cr_expect_str_eq(rv_error(), "first: is 1");
    cr_expect_eq(rv_error_status(), RV_OK);
    cr_expect_null(rv_error());
}

Test(error, handlers_are_called_once_for_each)
{
    cr_expect_null(rv_on_error(note));
    rv_fail(RV_ERROR_FILE, "open", "no such file");
    rv_fail(RV_ERROR_FILE, "read", "is not noted: the first is unread");
    char expected[64];
    snprintf(expected, sizeof expected, "%d open: no such file", (int)RV_ERROR_FILE);
    cr_expect_str_eq(handled, expected);
    rv_error();
    rv_error_defer(true);
    rv_error_raise(RV_ERROR_SYSTEM, "from elsewhere");
    cr_expect_str_eq(handled, expected, "deferred");
    rv_error_defer(false);
    cr_expect_str_eq(rv_error(), "from elsewhere");
    cr_expect_eq(rv_on_error(NULL), note);
}

Test(error, exit_handler_ends_the_process, .exit_code = 1)
{
    rv_on_error(rv_error_exit);
    rv_zeros(RV_F32, -1);
}

Test(error, every_status_has_a_text)
{
    for (int i = 0; i < RV_STATUS_COUNT; i++)
        cr_expect_str_neq(rv_status_text((rv_status)i), "unknown status");
    cr_expect_str_eq(rv_status_text(RV_STATUS_COUNT), "unknown status");
}

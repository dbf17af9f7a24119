/* test_transform_own.c - a user's own transforms, what a transformed set passes on, and lists of
 * transforms that rv_data_transform refuses. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "files.h"
#include "transform_sets.h"

TestSuite(transform_own, .init = make_folder, .fini = remove_folder);

/* ---- a user's own ---------------------------------------------------------------------------- */

/* Counts, draws, and fails at a sample that it is told; each y is x's sum, and what was drawn. */
typedef struct user {
    int calls, released;
    float fails_at; /* a sample's first element */
    int how;        /* 0: with an error; 1: without; 2: true, with an error unread */
} user;

static bool sum_and_draw(void *context, rv_random_place place, rv_tensor *x, rv_tensor *y)
{
    user *u = context;
    u->calls++;
    uint32_t numbers[4];
    rv_philox(place, 0, numbers);
    ((float *)y->data)[0] = (float)rv_item(rv_sum(x));
    ((float *)y->data)[1] = (float)(numbers[0] >> 8);
    rv_philox(place, 1, numbers);
    ((float *)y->data)[2] = (float)(numbers[0] >> 8);
    if (((const float *)x->data)[0] != u->fails_at)
        return true;
    if (u->how != 1)
        rv_fail(RV_ERROR_ARGUMENT, "user", "no more");
    return u->how == 2;
}

static void count_release(void *context)
{
    ((user *)context)->released++;
}

static rv_transform own(user *u)
{
    return rv_transform_custom(sum_and_draw, .context = u, .release = count_release, .ndim = 1,
                               .shape = {3});
}

Test(transform_own, custom_in_the_middle_and_at_the_end)
{
    RV_SCOPE;
    user u = {.fails_at = -1};
    rv_dataset *numbers = counting_set(10);
    const rv_transform half = rv_transform_normalize(VECTOR(0), VECTOR(0.5));
    rv_dataset *end = rv_data_transform(numbers, half, own(&u));
    rv_dataset *middle = rv_data_transform(numbers, half, own(&u), half);
    const rv_batch a = all_of(end), b = all_of(middle);
    cr_assert(a.x->ndim == 2 && a.x->shape[1] == 3 && b.x->shape[1] == 3);
    for (int64_t i = 0; i < 10; i++) {
        cr_expect_eq(at(a.x, 3 * i), 2 * (2 * (double)i + 0.5));
        cr_expect_neq(at(a.x, 3 * i + 1), at(a.x, 3 * i + 2));        /* blocks differ, */
        cr_expect_neq(at(a.x, 3 * i + 1), at(a.x, (3 * i + 4) % 30)); /* and samples */
        for (int64_t k = 0; k < 3; k++)
            cr_expect_eq(at(b.x, 3 * i + k), 2 * at(a.x, 3 * i + k));
    }
    cr_expect(u.calls == 20 && u.released == 0);
    rv_loader *loader = rv_data_loader(end, .seed = 0, .prefetch = 1);
    rv_data_free(end);
    rv_batch c;
    cr_expect(rv_next(loader, &c) && memcmp(c.x->data, a.x->data, 30 * sizeof(float)) == 0);
    cr_expect_not(rv_next(loader, &c));
    cr_expect(rv_next(loader, &c) && at(c.x, 0) == at(a.x, 0) && at(c.x, 1) != at(a.x, 1));
    cr_expect_eq(u.released, 0);
    rv_loader_free(loader);
    cr_expect_eq(u.released, 1);
    rv_dataset *some = rv_data_split(middle, 3);
    rv_data_free(middle);
    cr_expect_eq(u.released, 1);
    rv_data_free(some);
    cr_expect_eq(u.released, 2);
    rv_data_free(numbers);
    cr_expect(no_error());
}

static bool halve(void *context, rv_random_place place, rv_tensor *x, rv_tensor *y)
{
    (void)context, (void)place;
    for (int64_t i = 0; i < x->numel; i++)
        ((uint8_t *)y->data)[i] = (uint8_t)(at(x, i) * 255 / 2);
    return true;
}

/* A dtype of its own, x's shape; and what follows goes on from there. */
Test(transform_own, custom_to_another_dtype)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(2, true);
    rv_dataset *set =
        rv_data_transform(images, rv_transform_custom(halve, .dtype = RV_U8),
                          rv_transform_center_crop(HEIGHT, WIDTH), rv_transform_to_float());
    const rv_batch b = all_of(set);
    cr_assert(b.x != NULL && b.x->dtype == RV_F32 && b.x->numel == 2 * CHANNELS * PIXELS);
    for (int64_t i = 0; i < b.x->numel; i++) {
        const int byte = (int)((double)((float)(1 + i % (CHANNELS * PIXELS)) / 255.0f) * 255 / 2);
        cr_expect_eq((float)at(b.x, i), (float)byte / 255.0f);
    }
    rv_data_free(set);
    rv_data_free(images);
    cr_expect(no_error());
}

Test(transform_own, custom_that_fails_reports_through_next)
{
    for (int prefetch = 0; prefetch < 3; prefetch++) {
        for (int how = 0; how < 3; how++) {
            user u = {.fails_at = 5, .how = how};
            rv_dataset *numbers = counting_set(8), *set = rv_data_transform(numbers, own(&u));
            rv_loader *loader = rv_data_loader(set, .batch_size = 2, .prefetch = prefetch);
            rv_batch b;
            cr_expect(rv_next(loader, &b) && rv_next(loader, &b));
            cr_expect_not(rv_next(loader, &b));
            cr_expect(how == 1
                          ? error_is(RV_ERROR_STATE, "data_transform: sample 5, custom: the "
                                                     "function returned false without an error")
                          : error_is(RV_ERROR_ARGUMENT, "data_transform: sample 5, user: no more"));
            rv_loader_free(loader);
            rv_data_free(set);
            rv_data_free(numbers);
            cr_expect_eq(u.released, 1);
        }
    }
    cr_expect(no_error());
}

/* ---- what is passed on ----------------------------------------------------------------------- */

Test(transform_own, an_empty_list_is_a_copy_of_the_set)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(5, true), *set = rv_data_transform_n(images, 0, NULL);
    const rv_batch a = all_of(images), b = all_of(set);
    cr_assert(b.x != NULL && b.x->numel == a.x->numel && b.y->dtype == RV_I64);
    cr_expect_arr_eq(a.x->data, b.x->data, 5 * CHANNELS * PIXELS * sizeof(float));
    cr_expect(rv_data_count(set) == 5 && rv_data_classes(set) == 0);
    rv_data_free(images);
    cr_expect_eq(all_of(set).n, 5);
    rv_data_free(set);
    cr_expect(no_error());
}

/* Names of classes live as long as any set that has them; values of a table are normalized. */
Test(transform_own, names_of_classes_are_passed_on)
{
    RV_SCOPE;
    const char table[] = "1,10,cat\n3,30,dog\n1,10,dog\n3,30,cat\n";
    rv_dataset *rows = rv_data_csv(write_file("pets.csv", table, sizeof table - 1));
    const rv_statistics s = rv_data_statistics(rows);
    cr_expect(HOLDS(s.mean, 0, 2, 20) && HOLDS(s.std, 0, 1, 10));
    rv_dataset *set = rv_data_transform(rows, rv_transform_normalize(s.mean, s.std));
    rv_data_free(rows);
    rv_dataset *some = rv_data_split(set, 1);
    cr_expect(rv_data_classes(set) == 2 && rv_data_classes(some) == 2);
    cr_expect_str_eq(rv_data_class_name(set, 0), "cat");
    rv_data_free(set);
    cr_expect_str_eq(rv_data_class_name(some, 1), "dog");
    const rv_batch b = all_of(some);
    cr_expect(b.n == 1 && fabs(at(b.x, 0)) == 1 && at(b.x, 0) == at(b.x, 1));
    rv_data_free(some);
    cr_expect(no_error());
}

Test(transform_own, samples_of_any_size)
{
    RV_SCOPE;
    const int64_t shapes[][3] = {{4}, {4, 0, 3}, {0, 2, 3}};
    for (int k = 0; k < 3; k++) {
        rv_tensor *x = rv_zeros_n(RV_F32, k ? 3 : 1, shapes[k]);
        rv_dataset *plain = rv_data_tensors(x, rv_zeros(RV_I64, shapes[k][0]));
        rv_dataset *set = rv_data_transform(plain, rv_transform_normalize(VECTOR(1), VECTOR(2)));
        cr_assert_not_null(set);
        cr_expect_eq(rv_data_count(set), shapes[k][0]);
        if (shapes[k][0] > 0)
            cr_expect(all_of(set).x->numel == x->numel && (k || at(all_of(set).x, 3) == -0.5));
        rv_data_free(set);
        rv_data_free(plain);
    }
    cr_expect(no_error());
}

/* ---- what is refused ------------------------------------------------------------------------- */

Test(transform_own, lists_that_cannot_be)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(3, true), *bytes = pixel_set(3, false);
    rv_dataset *row = counting_set(3),
               *whole = rv_data_tensors(rv_zeros(RV_I64, 3, 4, 4), rv_zeros(RV_I64, 3));
    rv_tensor *two = VECTOR(1, 2), *one = VECTOR(1);
    const struct {
        const rv_dataset *set;
        rv_transform transform;
        rv_status status;
        const char *message;
    } cases[] = {
        {images, rv_transform_random_crop(10, 11), RV_ERROR_SHAPE,
         "data_transform: transform 2 of 3, random_crop: 10 by 11 (height by width) of an image of "
         "9 by 11 with padding 0"},
        {images, rv_transform_random_crop(9, 14, .padding = 1), RV_ERROR_SHAPE, "9 by 14"},
        {images, rv_transform_random_crop(0, 4), RV_ERROR_ARGUMENT, "random_crop: 0 by 4"},
        {images, rv_transform_random_crop(INT64_MAX, 4, .padding = INT64_MAX), RV_ERROR_ARGUMENT,
         "9223372036854775807 by 4 (height by width) of samples of shape [2,9,11]; sizes are from "
         "1 to 2^30"},
        {images, rv_transform_random_crop(4, 4, .padding = -1), RV_ERROR_ARGUMENT, "padding is -1"},
        {images, rv_transform_random_crop(4, 4, .padding = INT64_MAX), RV_ERROR_ARGUMENT,
         "padding is 9223372036854775807"},
        {images, rv_transform_random_crop(4, 4, .padding = 9, .reflect = true), RV_ERROR_SHAPE,
         "an image of 9 by 11 (height by width) cannot be reflected over padding 9"},
        {row, rv_transform_random_crop(1, 1), RV_ERROR_SHAPE,
         "samples are [2]; images have at least 2 axes"},
        {images, rv_transform_center_crop(3, 12), RV_ERROR_SHAPE,
         "center_crop: 3 by 12 (height by width) of an image of 9 by 11"},
        {images, rv_transform_center_crop(-3, 2), RV_ERROR_ARGUMENT, "-3 by 2"},
        {row, rv_transform_center_crop(1, 1), RV_ERROR_SHAPE, "center_crop: samples are [2]"},
        {images, rv_transform_horizontal_flip(.p = 1.1), RV_ERROR_ARGUMENT,
         "horizontal_flip: p is 1.1; a probability is from 0 to 1"},
        {images, rv_transform_horizontal_flip(.p = NAN), RV_ERROR_ARGUMENT, "p is nan"},
        {row, rv_transform_horizontal_flip(), RV_ERROR_SHAPE, "horizontal_flip: samples are [2]"},
        {images, rv_transform_cutout(0), RV_ERROR_ARGUMENT, "cutout: size is 0"},
        {images, rv_transform_cutout(3, .p = -0.5), RV_ERROR_ARGUMENT, "cutout: p is -0.5"},
        {row, rv_transform_cutout(3), RV_ERROR_SHAPE, "cutout: samples are [2]"},
        {images, rv_transform_resize(3, 0), RV_ERROR_ARGUMENT, "resize: 3 by 0"},
        {images, rv_transform_resize(INT64_MAX, INT64_MAX), RV_ERROR_ARGUMENT, "sizes are from 1"},
        {images, rv_transform_resize(1 << 30, 1 << 30), RV_ERROR_ARGUMENT, "countable in bytes"},
        {bytes, rv_transform_resize(3, 3), RV_ERROR_DTYPE, "resize: samples are U8"},
        {row, rv_transform_resize(3, 3), RV_ERROR_SHAPE, "resize: samples are [2]"},
        {whole, rv_transform_to_float(), RV_ERROR_DTYPE, "to_float: samples are I64"},
        {bytes, rv_transform_normalize(one, one), RV_ERROR_DTYPE, "normalize: samples are U8"},
        {images, rv_transform_normalize(NULL, one), RV_ERROR_NULL, "normalize: mean is NULL"},
        {images, rv_transform_normalize(one, NULL), RV_ERROR_NULL, "normalize: std is NULL"},
        {images, rv_transform_normalize(one, two), RV_ERROR_SHAPE, "mean is [1], std [2]"},
        {images, rv_transform_normalize(VECTOR(1, 2, 3), VECTOR(1, 2, 3)), RV_ERROR_SHAPE,
         "mean is [3], samples are [2,9,11]; [1], [channels] or a sample's shape is expected"},
        {images, rv_transform_normalize(rv_zeros(RV_I64, 1), one), RV_ERROR_DTYPE, "mean is I64"},
        {images, rv_transform_normalize(VECTOR(1, INFINITY), two), RV_ERROR_ARGUMENT,
         "mean 1 is inf"},
        {images, rv_transform_normalize(two, VECTOR(1, 0)), RV_ERROR_ARGUMENT,
         "std 1 is 0; it must be above 0"},
        {images, rv_transform_normalize(two, VECTOR(-1, 1), .epsilon = 0.5), RV_ERROR_ARGUMENT,
         "std 0 is -0.5 with epsilon"},
        {images, rv_transform_normalize(two, VECTOR(1, NAN)), RV_ERROR_ARGUMENT, "std 1 is nan"},
        {images, rv_transform_normalize(two, VECTOR(1, 1e-60)), RV_ERROR_ARGUMENT, "std 1 is 0"},
        {images, rv_transform_normalize(two, two, .epsilon = -1), RV_ERROR_ARGUMENT,
         "epsilon is -1"},
        {images, rv_transform_normalize(two, two, .epsilon = NAN), RV_ERROR_ARGUMENT,
         "epsilon is nan"},
        {images, rv_transform_custom(NULL), RV_ERROR_NULL, "custom: function is NULL"},
        {images, rv_transform_custom(sum_and_draw, .ndim = 8), RV_ERROR_SHAPE, "ndim is 8"},
        {images, rv_transform_custom(sum_and_draw, .ndim = -2), RV_ERROR_SHAPE, "ndim is -2"},
        {images, rv_transform_custom(sum_and_draw, .ndim = 0, .dtype = (rv_dtype)5), RV_ERROR_DTYPE,
         "dtype is 5"},
        {images, rv_transform_custom(sum_and_draw, .ndim = 2, .shape = {3, -1}), RV_ERROR_SHAPE,
         "shape is [3,-1]"},
        {images, rv_transform_custom(sum_and_draw, .ndim = 2, .shape = {INT64_MAX, 2}),
         RV_ERROR_SHAPE, "shape is [9223372036854775807,2]"},
        {images, rv_transform_custom(sum_and_draw, .shape = {3}), RV_ERROR_SHAPE,
         "shape is given, but not ndim"},
        {images, (rv_transform){0}, RV_ERROR_ARGUMENT,
         "transform 2 of 3, data_transform: it is empty"},
        {images, rv_transform_normalize_with(NULL), RV_ERROR_ARGUMENT, "it is empty"},
    };
    for (int i = 0; i < RV_COUNT(cases); i++) {
        user u = {0};
        const rv_transform list[] = {
            rv_transform_custom(sum_and_draw, .context = &u, .release = count_release),
            cases[i].transform, own(&u)};
        cr_expect_null(rv_data_transform_n(cases[i].set, 3, list), "case %d", i);
        cr_expect(error_is(cases[i].status, cases[i].message), "case %d", i);
        cr_expect_eq(u.released, 2, "case %d", i);
    }
    rv_data_free(whole);
    rv_data_free(row);
    rv_data_free(bytes);
    rv_data_free(images);
}

Test(transform_own, calls_that_cannot_be)
{
    user u = {0};
    rv_dataset *images = pixel_set(3, true);
    rv_transform many[65];
    for (int i = 0; i < 65; i++)
        many[i] = own(&u);
    cr_expect_null(rv_data_transform(NULL, own(&u)));
    cr_expect(error_is(RV_ERROR_NULL, "data_transform: the data set is NULL"));
    cr_expect_eq(u.released, 1);
    cr_expect_null(rv_data_transform_n(images, -1, many));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "data_transform: -1 transforms"));
    cr_expect_null(rv_data_transform_n(images, 2, NULL));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "data_transform: 2 transforms, and they are NULL"));
    cr_expect_null(rv_data_transform_n(images, 65, many));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "65 transforms on a set that has 0; at most 64"));
    cr_expect_eq(u.released, 66);
    rv_dataset *most = rv_data_transform_n(images, 64, many);
    cr_expect_not_null(most);
    cr_expect_null(rv_data_transform(most, rv_transform_to_float()));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "1 transforms on a set that has 64"));
    rv_data_free(most);
    cr_expect_eq(u.released, 66 + 64);
    rv_data_free(images);
}

Test(transform_own, out_of_memory_is_an_error)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(1, true);
    rv_dataset *huge = rv_data_transform(images, rv_transform_resize(1 << 20, 1 << 20));
    cr_assert_not_null(huge);
    rv_memory_limit(rv_memory_usage().held + (1 << 20));
    cr_expect_null(all_of(huge).x);
    cr_expect(error_is(RV_ERROR_MEMORY, "memory"));
    cr_expect_null(rv_data_loader(huge));
    cr_expect(error_is(RV_ERROR_MEMORY, "memory"));
    rv_data_free(huge);
    rv_data_free(images);
}

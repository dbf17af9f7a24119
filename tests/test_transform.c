/* test_transform.c - what transforms make of samples, and what they refuse; statistics of sets.
 * Golden values are made by golden/transform.py. */

#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <float.h>

#include "transform_sets.h"

/* ---- crops and flips ------------------------------------------------------------------------- */

Test(transform, random_crop_is_a_part_of_the_padded_image)
{
    const struct {
        int64_t height, width, padding;
        bool reflect;
    } cases[] = {
        {9, 11, 4, false}, {9, 11, 4, true}, {5, 4, 0, false},   {9, 11, 0, false},
        {1, 11, 8, true},  {12, 4, 2, true}, {13, 15, 2, false}, {2, 2, 20, false},
    };
    for (int k = 0; k < RV_COUNT(cases); k++) {
        RV_SCOPE;
        const int64_t height = cases[k].height, width = cases[k].width;
        rv_dataset *images = pixel_set(50, true);
        rv_dataset *set = rv_data_transform(
            images, rv_transform_random_crop(height, width, .padding = cases[k].padding,
                                             .reflect = cases[k].reflect));
        const rv_batch b = all_of(set);
        cr_assert(b.n == 50 && b.x->dtype == RV_F32 && b.x->ndim == 4 &&
                  b.x->shape[1] == CHANNELS && b.x->shape[2] == height && b.x->shape[3] == width);
        for (int64_t i = 0; i < b.n; i++) {
            part p = {0};
            const float *sample = (const float *)b.x->data + i * CHANNELS * height * width;
            const int count =
                find_part(sample, height, width, cases[k].padding, cases[k].reflect, false, &p);
            /* a part that is all padding may be many */
            cr_expect(count > 0 && (cases[k].padding > 4 || count == 1),
                      "case %d, sample %lld could be %d parts", k, (long long)i, count);
            cr_expect_eq(at(b.y, i), (double)i);
        }
        rv_data_free(set);
        rv_data_free(images);
    }
    cr_expect(no_error());
}

Test(transform, horizontal_flip)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(60, true);
    const double probabilities[] = {0, 1, 0.5};
    for (int k = 0; k < 3; k++) {
        rv_dataset *set =
            rv_data_transform(images, rv_transform_horizontal_flip(.p = probabilities[k]));
        const rv_batch b = all_of(set);
        int flips = 0;
        for (int64_t i = 0; i < b.n; i++) {
            part p = {0};
            cr_assert_eq(find_part((const float *)b.x->data + i * CHANNELS * PIXELS, HEIGHT, WIDTH,
                                   0, false, true, &p),
                         1);
            flips += p.flipped;
        }
        cr_expect(k == 0   ? flips == 0
                  : k == 1 ? flips == 60
                           : flips > 15 && flips < 45,
                  "%d", flips);
        rv_data_free(set);
    }
    rv_data_free(images);
    cr_expect(no_error());
}

Test(transform, center_crop_begins_where_torchvisions_does)
{
    RV_SCOPE;
    golden *g = golden_open("transform.safetensors");
    const rv_tensor *begins = golden_tensor(g, "center");
    rv_dataset *images = pixel_set(1, true);
    for (int64_t height = 1; height <= HEIGHT; height++) {
        for (int64_t width = 1; width <= WIDTH; width++) {
            rv_dataset *set = rv_data_transform(images, rv_transform_center_crop(height, width));
            const part p = {(int64_t)at(begins, HEIGHT - height),
                            (int64_t)at(begins, WIDTH - width), false};
            cr_expect(is_part((const float *)all_of(set).x->data, height, width, false, p),
                      "%lld by %lld", (long long)height, (long long)width);
            rv_data_free(set);
        }
    }
    rv_data_free(images);
    golden_close(g);
    cr_expect(no_error());
}

/* Moves pixels as a chain of crops and flips does, one after the other, each from a copy. */
static void move_by_hand(float *image, int64_t *height, int64_t *width, part p, int64_t new_height,
                         int64_t new_width)
{
    static float old[CHANNELS * 40 * 40];
    memcpy(old, image, sizeof *old * (size_t)(CHANNELS * *height * *width));
    for (int64_t c = 0; c < CHANNELS; c++)
        for (int64_t y = 0; y < new_height; y++)
            for (int64_t x = 0; x < new_width; x++) {
                const int64_t from_y = y + p.y, from_x = (p.flipped ? new_width - 1 - x : x) + p.x;
                const bool inside =
                    from_y >= 0 && from_y < *height && from_x >= 0 && from_x < *width;
                image[(c * new_height + y) * new_width + x] =
                    inside ? old[(c * *height + from_y) * *width + from_x] : 0;
            }
    *height = new_height;
    *width = new_width;
}

/* Crops whose part is the whole padded image do not depend on chance: a chain of them, by hand. */
Test(transform, chains_move_pixels_one_after_the_other)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(2, true);
    rv_dataset *set = rv_data_transform(
        images, rv_transform_random_crop(HEIGHT + 4, WIDTH + 4, .padding = 2),
        rv_transform_horizontal_flip(.p = 1), rv_transform_center_crop(HEIGHT, WIDTH + 3),
        rv_transform_random_crop(HEIGHT + 2, WIDTH + 5, .padding = 1),
        rv_transform_horizontal_flip(.p = 1), rv_transform_center_crop(HEIGHT + 2, WIDTH));
    float image[CHANNELS * 40 * 40];
    for (int i = 0; i < CHANNELS * PIXELS; i++)
        image[i] = (float)(1 + i) / 255.0f;
    int64_t height = HEIGHT, width = WIDTH;
    move_by_hand(image, &height, &width, (part){-2, -2, false}, HEIGHT + 4, WIDTH + 4);
    move_by_hand(image, &height, &width, (part){0, 0, true}, height, width);
    move_by_hand(image, &height, &width, (part){2, 0, false}, HEIGHT, WIDTH + 3);
    move_by_hand(image, &height, &width, (part){-1, -1, false}, HEIGHT + 2, WIDTH + 5);
    move_by_hand(image, &height, &width, (part){0, 0, true}, height, width);
    move_by_hand(image, &height, &width, (part){0, 2, false}, HEIGHT + 2, WIDTH);
    const rv_batch b = all_of(set);
    const size_t n = (size_t)(CHANNELS * height * width);
    cr_assert_eq(b.x->numel, 2 * (int64_t)n);
    cr_expect_arr_eq(b.x->data, image, n * sizeof *image);
    cr_expect_arr_eq((const float *)b.x->data + n, image, n * sizeof *image);
    rv_data_free(set);
    rv_data_free(images);
    cr_expect(no_error());
}

/* Any dtype, with and without an axis of channels, from memory and from a callback. */
Test(transform, crop_and_flip_of_any_dtype)
{
    for (rv_dtype dtype = 0; dtype < RV_DTYPE_COUNT; dtype++) {
        for (int axes = 0; axes < 3; axes++) {
            RV_SCOPE;
            const int64_t shapes[][5] = {{2, 4, 5}, {2, 2, 4, 5}, {2, 2, 3, 4, 5}};
            const int64_t numel[] = {40, 80, 240};
            rv_tensor *x = rv_arange(dtype, 0, (double)numel[axes], 1);
            x = rv_raw_reshape("test", x, axes + 3, shapes[axes]);
            rv_dataset *plain = rv_data_tensors(x, rv_zeros(RV_I64, 2));
            rv_dataset *set = rv_data_transform(plain, rv_transform_center_crop(2, 4),
                                                rv_transform_horizontal_flip(.p = 1));
            const rv_batch b = all_of(set);
            cr_assert(b.x != NULL && b.x->dtype == dtype && b.x->ndim == axes + 3);
            for (int64_t i = 0; i < b.x->numel; i++) {
                const int64_t plane = i / 8, row = i / 4 % 2, column = i % 4;
                cr_expect_eq(at(b.x, i), (double)(plane * 20 + (row + 1) * 5 + 3 - column));
            }
            rv_data_free(set);
            rv_data_free(plain);
        }
    }
    cr_expect(no_error());
}

/* ---- numbers --------------------------------------------------------------------------------- */

Test(transform, normalize_is_torchvisions_to_the_last_bit)
{
    RV_SCOPE;
    golden *g = golden_open("transform.safetensors");
    const rv_tensor *want = golden_tensor(g, "normalized");
    const rv_transform normalize =
        rv_transform_normalize(golden_tensor(g, "mean"), golden_tensor(g, "std"));
    rv_tensor *y = rv_zeros(RV_I64, 4);
    rv_dataset *scaled = rv_data_tensors(golden_tensor(g, "pixels"), y, .scale = true);
    rv_dataset *bytes = rv_data_tensors(golden_tensor(g, "pixels"), y);
    rv_dataset *floats = rv_data_tensors(all_of(scaled).x, y);
    rv_dataset *sets[] = {
        rv_data_transform(scaled, normalize),
        rv_data_transform(bytes, rv_transform_to_float(), normalize),
        rv_data_transform(floats, normalize),
        rv_data_transform(floats, rv_transform_to_float(), normalize),
        /* a step between them, so that nothing is one pass */
        rv_data_transform(scaled, rv_transform_cutout(1, .p = 0), normalize),
    };
    for (int i = 0; i < RV_COUNT(sets); i++) {
        const rv_batch b = all_of(sets[i]);
        cr_assert(b.x != NULL && b.x->numel == want->numel);
        cr_expect_arr_eq(b.x->data, want->data, (size_t)want->numel * sizeof(float), "set %d", i);
        rv_data_free(sets[i]);
    }
    rv_data_free(floats);
    rv_data_free(bytes);
    rv_data_free(scaled);
    golden_close(g);
    cr_expect(no_error());
}

/* Whether a set's x, of F64, is (value - mean) / std with what is given for each element. */
static bool is_normalized(const rv_dataset *set, const rv_tensor *x, const double *mean,
                          const double *std, int64_t groups)
{
    const rv_batch b = all_of(set);
    const int64_t size = x->numel / x->shape[0];
    for (int64_t i = 0; b.x != NULL && i < x->numel; i++) {
        const int64_t group = i % size / (size / groups);
        if (at(b.x, i) != (at(x, i) - mean[group]) / std[group])
            return false;
    }
    return b.x != NULL && b.x->dtype == RV_F64;
}

Test(transform, normalize_by_number_channel_and_feature)
{
    RV_SCOPE;
    rv_tensor *x = rv_raw_reshape("test", waves(4, 12, 3), 3, (int64_t[]){4, 3, 4});
    rv_dataset *plain = rv_data_tensors(x, rv_zeros(RV_I64, 4));
    double mean[12], std[12];
    for (int i = 0; i < 12; i++) {
        mean[i] = 0.3 * i - 1;
        std[i] = 0.25 + i;
    }
    const struct {
        int ndim, groups;
        int64_t shape[3];
    } cases[] = {{0, 1, {0}}, {1, 1, {1}}, {1, 3, {3}}, {2, 12, {3, 4}}};
    for (int k = 0; k < RV_COUNT(cases); k++) {
        const rv_tensor *m = rv_from_array_n(mean, RV_F64, cases[k].ndim, cases[k].shape);
        const rv_tensor *s = rv_from_array_n(std, RV_F64, cases[k].ndim, cases[k].shape);
        rv_dataset *set = rv_data_transform(plain, rv_transform_normalize(m, s));
        cr_expect(is_normalized(set, x, mean, std, cases[k].groups), "case %d", k);
        rv_data_free(set);
    }
    const double wider[] = {0.75, 1.75, 2.75};
    rv_dataset *set = rv_data_transform(
        plain, rv_transform_normalize(rv_from_array(mean, RV_F64, 3), rv_from_array(std, RV_F64, 3),
                                      .epsilon = 0.5));
    cr_expect(is_normalized(set, x, mean, (double[]){0.75, 1.75, 2.75}, 3), "%g", wider[0]);
    rv_data_free(set);
    rv_data_free(plain);
    cr_expect(no_error());
}

/* From bytes too: by feature there is no table, and two normalizations are one. */
Test(transform, normalize_of_bytes_by_feature_and_twice)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(3, true);
    const int64_t n = CHANNELS * PIXELS, shape[] = {CHANNELS, HEIGHT, WIDTH};
    rv_tensor *mean = rv_zeros_n(RV_F32, 3, shape), *std = rv_zeros_n(RV_F32, 3, shape);
    for (int64_t i = 0; i < n; i++) {
        ((float *)mean->data)[i] = (float)i / 300;
        ((float *)std->data)[i] = 0.5f + (float)(i % 7);
    }
    rv_dataset *by_feature = rv_data_transform(images, rv_transform_normalize(mean, std));
    rv_dataset *twice =
        rv_data_transform(images, rv_transform_normalize(VECTOR(0.25, 0.5), VECTOR(0.5, 0.125)),
                          rv_transform_normalize(VECTOR(0.75), VECTOR(3)));
    const rv_batch a = all_of(by_feature), b = all_of(twice);
    for (int64_t i = 0; i < 3 * n; i++) {
        const int64_t k = i % n;
        const float value = (float)(1 + k) / 255.0f;
        cr_expect_eq((float)at(a.x, i), (value - (float)k / 300) / (0.5f + (float)(k % 7)));
        const float once = k < PIXELS ? (value - 0.25f) / 0.5f : (value - 0.5f) / 0.125f;
        cr_expect_eq((float)at(b.x, i), (once - 0.75f) / 3.0f);
    }
    rv_data_free(twice);
    rv_data_free(by_feature);
    rv_data_free(images);
    cr_expect(no_error());
}

/* Padding before normalize is black, behind it zero. */
Test(transform, padding_is_zero_where_the_crop_stands)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(1, true);
    const rv_transform pad = rv_transform_random_crop(HEIGHT + 2, WIDTH + 2, .padding = 1);
    const rv_transform normalize = rv_transform_normalize(VECTOR(0.25, 0.5), VECTOR(0.5, 0.125));
    rv_dataset *before = rv_data_transform(images, pad, normalize);
    rv_dataset *behind = rv_data_transform(images, normalize, pad);
    const rv_batch a = all_of(before), b = all_of(behind);
    for (int64_t i = 0; i < a.x->numel; i++) {
        const int64_t c = i / ((HEIGHT + 2) * (WIDTH + 2)), y = i / (WIDTH + 2) % (HEIGHT + 2) - 1;
        const int64_t x = i % (WIDTH + 2) - 1;
        const float value = (float)padded_pixel(false, c, y, x) / 255.0f;
        const float normal = c == 0 ? (value - 0.25f) / 0.5f : (value - 0.5f) / 0.125f;
        cr_expect_eq((float)at(a.x, i), normal);
        cr_expect_eq((float)at(b.x, i), value == 0 ? 0 : normal);
    }
    rv_data_free(behind);
    rv_data_free(before);
    rv_data_free(images);
    cr_expect(no_error());
}

Test(transform, cutout_is_a_square_of_zeros_in_all_channels)
{
    for (int64_t size = 1; size <= 40; size = size * 3 + 1) {
        RV_SCOPE;
        rv_dataset *images = pixel_set(300, false);
        rv_dataset *set = rv_data_transform(images, rv_transform_cutout(size));
        const rv_batch b = all_of(set);
        cr_assert(b.x != NULL && b.x->dtype == RV_U8);
        bool corner = false;
        for (int64_t i = 0; i < b.n; i++) {
            const uint8_t *sample = (const uint8_t *)b.x->data + i * CHANNELS * PIXELS;
            int count = 0;
            for (int64_t middle = 0; middle < PIXELS; middle++) {
                const int64_t top = middle / WIDTH - size / 2, left = middle % WIDTH - size / 2;
                bool same = true;
                for (int64_t k = 0; same && k < CHANNELS * PIXELS; k++) {
                    const int64_t y = k / WIDTH % HEIGHT, x = k % WIDTH;
                    const bool inside = y >= top && y < top + size && x >= left && x < left + size;
                    same = sample[k] == (inside ? 0 : 1 + k);
                }
                count += same;
                corner = corner || (same && middle == PIXELS - 1);
            }
            cr_expect(count == 1 || (size > HEIGHT && count > 0), "size %lld: %d", (long long)size,
                      count);
        }
        cr_expect(corner); /* the middle may be any pixel */
        rv_data_free(set);
        rv_data_free(images);
    }
    cr_expect(no_error());
}

Test(transform, resize_is_pytorchs)
{
    const int64_t sizes[][2] = {{7, 9}, {14, 18}, {3, 4}, {1, 1}, {20, 2}, {5, 9}, {7, 5}, {8, 10}};
    golden *g = golden_open("transform.safetensors");
    for (int dtype = RV_F32; dtype <= RV_F64; dtype++) {
        for (int i = 0; i < RV_COUNT(sizes); i++) {
            RV_SCOPE;
            const int64_t height = sizes[i][0], width = sizes[i][1];
            rv_tensor *image = rv_raw_cast("test", golden_tensor(g, "image"), (rv_dtype)dtype);
            const rv_tensor *want = golden_tensor(g, "resized.%d.%d", (int)height, (int)width);
            rv_tensor *x = rv_raw_reshape("test", image, 4, (int64_t[]){1, 3, 7, 9});
            rv_dataset *plain = rv_data_tensors(x, rv_zeros(RV_I64, 1));
            rv_dataset *set = rv_data_transform(plain, rv_transform_resize(height, width));
            const rv_tensor *got = all_of(set).x;
            cr_assert(got != NULL && got->dtype == (rv_dtype)dtype);
            got = rv_raw_reshape("test", got, 3, (int64_t[]){3, height, width});
            reason why = {{0}};
            cr_expect(is_near(got, want, dtype == RV_F32 ? 4 * FLT_EPSILON : 1e-14, &why), "%s",
                      why.text);
            rv_data_free(set);
            rv_data_free(plain);
        }
    }
    golden_close(g);
    cr_expect(no_error());
}

/* ---- statistics ------------------------------------------------------------------------------ */

Test(transform, statistics_are_numpys)
{
    RV_SCOPE;
    golden *g = golden_open("transform.safetensors");
    rv_dataset *set = rv_data_tensors(golden_tensor(g, "samples"), rv_zeros(RV_I64, 37));
    const rv_statistics channel = rv_data_statistics(set);
    const rv_statistics feature = rv_data_statistics(set, .per_feature = true);
    reason why = {{0}};
    cr_expect(is_near(channel.mean, golden_tensor(g, "channel.mean"), 1e-14, &why) &&
                  is_near(channel.std, golden_tensor(g, "channel.std"), 1e-12, &why) &&
                  is_near(feature.mean, golden_tensor(g, "feature.mean"), 1e-14, &why) &&
                  is_near(feature.std, golden_tensor(g, "feature.std"), 1e-12, &why),
              "%s", why.text);
    cr_expect(channel.mean->dtype == RV_F64 && channel.std->dtype == RV_F64);
    rv_data_free(set);
    golden_close(g);
    cr_expect(no_error());
}

/* Of many samples, a number each, with a mean a million times the deviation; with any number of
 * threads; and of what a transform gives. */
Test(transform, statistics_of_many_samples)
{
    RV_SCOPE;
    rv_tensor *x = rv_empty(RV_F64, 300000);
    for (int64_t i = 0; i < x->numel; i++)
        ((double *)x->data)[i] = 1e6 + (double)(i % 5);
    rv_dataset *set = rv_data_tensors(x, rv_zeros(RV_I64, x->numel));
    const rv_statistics s = rv_data_statistics(set);
    cr_expect(s.mean->ndim == 1 && s.mean->shape[0] == 1 && HOLDS(s.mean, 1e-15, 1e6 + 2));
    cr_expect(HOLDS(s.std, 1e-9, sqrt(2)));
    cr_expect_eq(rv_data_statistics(set, .per_feature = true).mean->ndim, 0);
    rv_dataset *normal = rv_data_transform(set, rv_transform_normalize(s.mean, s.std));
    const rv_statistics again = rv_data_statistics(normal);
    cr_expect(HOLDS(again.mean, 1e-9, 0) && HOLDS(again.std, 1e-12, 1));
    rv_data_free(normal);
    rv_data_free(set);

    rv_dataset *wide = rv_data_tensors(rv_rand(RV_F32, 50, 3, 40, 41), rv_zeros(RV_I64, 50));
    uint64_t hashes[4];
    for (int threads = 1; threads <= 4; threads++) {
        rv_set_threads(threads);
        const rv_statistics t = rv_data_statistics(wide, .per_feature = true);
        const rv_statistics c = rv_data_statistics(wide);
        hashes[threads - 1] =
            hash_of(hash_of(hash_of(hash_of(HASH_START, t.mean), t.std), c.mean), c.std);
        cr_expect_eq(hashes[threads - 1], hashes[0]);
    }
    rv_data_free(wide);
    cr_expect(no_error());
}

Test(transform, statistics_that_cannot_be)
{
    RV_SCOPE;
    rv_statistics s = rv_data_statistics(NULL);
    cr_expect(s.mean == NULL && s.std == NULL);
    cr_expect(error_is(RV_ERROR_NULL, "data_statistics: the data set is NULL"));
    rv_data_statistics_with(NULL);
    cr_expect(error_is(RV_ERROR_NULL, "data_statistics: the options are NULL"));
    rv_dataset *none = rv_data_tensors(rv_zeros(RV_F32, 0, 3), rv_zeros(RV_I64, 0));
    cr_expect_null(rv_data_statistics(none).mean);
    cr_expect(error_is(RV_ERROR_ARGUMENT, "data_statistics: 0 samples of shape [3] have no mean"));
    rv_data_free(none);
    rv_dataset *empty = rv_data_tensors(rv_zeros(RV_F32, 3, 0), rv_zeros(RV_I64, 3));
    cr_expect_null(rv_data_statistics(empty).mean);
    cr_expect(error_is(RV_ERROR_ARGUMENT, "3 samples of shape [0]"));
    rv_data_free(empty);
    source camera = {.fails_at = 4};
    rv_dataset *broken = callback_set(&camera, 8);
    s = rv_data_statistics(broken);
    cr_expect(s.mean == NULL && s.std == NULL);
    cr_expect(!rv_data_statistics(broken).mean); /* the error is unread */
    cr_expect(error_is(RV_ERROR_FILE, "camera: sample 4 is dark"));
    rv_data_free(broken);
    rv_dataset *set = rv_data_tensors(VECTOR(1, NAN), rv_zeros(RV_I64, 2));
    s = rv_data_statistics(set);
    cr_expect(isnan(rv_item(s.mean)) && isnan(rv_item(s.std)));
    cr_expect_null(rv_data_transform(set, rv_transform_normalize(s.mean, s.std)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "mean 0 is nan"));
    rv_data_free(set);
}

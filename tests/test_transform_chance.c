/* test_transform_chance.c - what transforms draw, that it is always the same, a user's own
 * transforms, and what rv_data_transform refuses. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "core/transform_plan.h"
#include "transform_sets.h"

#define SAMPLE_BYTES ((size_t)CHANNELS * PIXELS * sizeof(float))

/* Crop, flip and hole: every kind of chance at once. */
static rv_dataset *augmented(const rv_dataset *images)
{
    return rv_data_transform(images, rv_transform_random_crop(HEIGHT, WIDTH, .padding = 3),
                             rv_transform_horizontal_flip(),
                             rv_transform_normalize(VECTOR(0.25, 0.5), VECTOR(0.5, 0.125)),
                             rv_transform_cutout(3));
}

/* ---- how likely ------------------------------------------------------------------------------ */

/* The sum over n kinds of (count - expected)^2 / expected, all being as likely. */
static double chi_square(const int *counts, int n, int total)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (counts[i] - (double)total / n) * (counts[i] - (double)total / n) * n / total;
    return sum;
}

/* Places of a crop, sides of a flip: each as likely, and none depends on the other. With n - 1
 * degrees of freedom, chi square is n - 1 on average; beyond n + 4.5 sqrt(2 n), one time in 10^5.
 */
Test(transform_chance, places_and_sides_are_equally_likely)
{
    enum { SAMPLES = 6000, PLACES = 7 * 7 };
    static int counts[2 * PLACES], rows[7], columns[7];
    RV_SCOPE;
    rv_dataset *images = pixel_set(SAMPLES, true);
    rv_dataset *set =
        rv_data_transform(images, rv_transform_random_crop(HEIGHT, WIDTH, .padding = 3),
                          rv_transform_horizontal_flip());
    const rv_batch b = all_of(set);
    int flips = 0;
    for (int64_t i = 0; i < SAMPLES; i++) {
        part p = {0};
        const float *sample = (const float *)b.x->data + i * CHANNELS * PIXELS;
        cr_assert_eq(find_part(sample, HEIGHT, WIDTH, 3, false, true, &p), 1);
        counts[(p.flipped * 7 + p.y + 3) * 7 + p.x + 3]++;
        rows[p.y + 3]++;
        columns[p.x + 3]++;
        flips += p.flipped;
    }
    cr_expect_lt(chi_square(counts, 2 * PLACES, SAMPLES), 98 + 4.5 * sqrt(2 * 98));
    cr_expect_lt(chi_square(rows, 7, SAMPLES), 7 + 4.5 * sqrt(2 * 7));
    cr_expect_lt(chi_square(columns, 7, SAMPLES), 7 + 4.5 * sqrt(2 * 7));
    cr_expect_lt(fabs(flips - 0.5 * SAMPLES), 4.5 * sqrt(0.25 * SAMPLES));
    rv_data_free(set);
    set = rv_data_transform(images, rv_transform_horizontal_flip(.p = 0.9));
    const rv_batch most = all_of(set);
    flips = 0;
    for (int64_t i = 0; i < SAMPLES; i++)
        flips += ((const float *)most.x->data)[i * CHANNELS * PIXELS] != 1 / 255.0f;
    cr_expect_lt(fabs(flips - 0.9 * SAMPLES), 4.5 * sqrt(0.09 * SAMPLES));
    rv_data_free(set);
    rv_data_free(images);
    cr_expect(no_error());
}

/* What is made of a number at the ends of its range. */
Test(transform_chance, numbers_at_their_ends)
{
    const int64_t n[] = {1, 7, 1000, INT64_C(1) << 31, INT64_C(1) << 32};
    for (int i = 0; i < RV_COUNT(n); i++) {
        cr_expect_eq(rv_number_below(0, n[i]), 0);
        cr_expect_eq(rv_number_below(UINT32_MAX, n[i]), n[i] - 1);
    }
    cr_expect(!rv_number_says(0, 0) && rv_number_says(UINT32_MAX, 1));
    cr_expect(rv_number_says((UINT32_C(1) << 30) - 1, 0.25));
    cr_expect(!rv_number_says(UINT32_C(1) << 30, 0.25));
}

/* Two flips in one list, or one over the other, are two throws: half of the samples end as they
 * were, and not all. */
Test(transform_chance, each_transform_draws_for_itself)
{
    enum { SAMPLES = 2000 };
    RV_SCOPE;
    rv_dataset *images = pixel_set(SAMPLES, true);
    const rv_transform flip = rv_transform_horizontal_flip();
    rv_dataset *once = rv_data_transform(images, flip);
    rv_dataset *sets[] = {rv_data_transform(images, flip, flip), rv_data_transform(once, flip)};
    for (int k = 0; k < 2; k++) {
        const rv_batch b = all_of(sets[k]);
        int flips = 0;
        for (int64_t i = 0; i < SAMPLES; i++)
            flips += ((const float *)b.x->data)[i * CHANNELS * PIXELS] != 1 / 255.0f;
        cr_expect_lt(fabs(flips - 0.5 * SAMPLES), 4.5 * sqrt(0.25 * SAMPLES), "%d", flips);
    }
    const rv_batch a = all_of(sets[0]), b = all_of(sets[1]);
    cr_expect_arr_eq(a.x->data, b.x->data, SAMPLES * SAMPLE_BYTES); /* counted on from below */
    for (int k = 0; k < 2; k++)
        rv_data_free(sets[k]);
    rv_data_free(once);
    rv_data_free(images);
    cr_expect(no_error());
}

/* ---- always the same ------------------------------------------------------------------------- */

enum { SAMPLES = 23, EPOCHS = 3 };

/* Where the samples of some epochs go, by their labels: hashes of their elements. */
typedef struct record {
    uint64_t hash[EPOCHS][SAMPLES];
} record;

static void note(record *r, int epoch, const rv_batch *b)
{
    for (int64_t i = 0; i < b->n; i++) {
        RV_SCOPE;
        r->hash[epoch][(int64_t)at(b->y, i)] =
            hash_of(HASH_START, rv_raw_slice("test", b->x, 0, i, i + 1, 1));
    }
}

static record record_of(rv_loader *loader)
{
    record r = {0};
    rv_batch b;
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        while (rv_next(loader, &b))
            note(&r, epoch, &b);
    rv_loader_free(loader);
    return r;
}

Test(transform_chance, same_for_any_threads_batches_order_and_prefetch)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(SAMPLES, true), *set = augmented(images);
    const record want = record_of(rv_data_loader(set, .batch_size = 1, .seed = 5, .prefetch = 0));
    for (int epoch = 1; epoch < EPOCHS; epoch++)
        for (int i = 0; i < SAMPLES; i++)
            cr_expect_neq(want.hash[epoch][i], want.hash[0][i], "epochs differ");
    for (int k = 0; k < 12; k++) {
        rv_set_threads(1 + k % 3);
        const record got = record_of(rv_data_loader(set, .batch_size = 1 + 3 * (k % 5), .seed = 5,
                                                    .shuffle = k % 2 == 1, .prefetch = k % 4));
        cr_expect_arr_eq(&got, &want, sizeof want, "variant %d", k);
    }
    const record other = record_of(rv_data_loader(set, .seed = 6));
    for (int i = 0; i < SAMPLES; i++)
        cr_expect_neq(other.hash[0][i], want.hash[0][i], "seeds differ");
    rv_data_free(set);
    rv_data_free(images);
    cr_expect(no_error());
}

/* Bytes that become F32, F32, and a callback: all the same. */
static bool fetch_pixels(void *context, int64_t n, const int64_t *indices, rv_tensor *x,
                         rv_tensor *y)
{
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < CHANNELS * PIXELS; k++)
            ((float *)x->data)[i * CHANNELS * PIXELS + k] = (float)(1 + k) / 255.0f;
        ((int64_t *)y->data)[i] = indices[i];
    }
    return true;
}

Test(transform_chance, same_wherever_samples_come_from)
{
    RV_SCOPE;
    rv_dataset *scaled = pixel_set(SAMPLES, true);
    const rv_batch all = all_of(scaled);
    rv_dataset *sources[] = {
        scaled,
        rv_data_tensors(all.x, all.y),
        rv_data_callback(.count = SAMPLES, .fetch = fetch_pixels, .x_ndim = 3,
                         .x_shape = {CHANNELS, HEIGHT, WIDTH}),
    };
    record want = {0};
    for (int k = 0; k < RV_COUNT(sources); k++) {
        rv_dataset *set = augmented(sources[k]);
        const record got = record_of(rv_data_loader(set, .seed = 5, .shuffle = true));
        want = k == 0 ? got : want;
        cr_expect_arr_eq(&got, &want, sizeof want, "source %d", k);
        rv_data_free(set);
        rv_data_free(sources[k]);
    }
    cr_expect(no_error());
}

Test(transform_chance, same_before_and_after_a_split)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(SAMPLES, true), *whole = augmented(images);
    const record want = record_of(rv_data_loader(whole, .seed = 5));
    rv_dataset *some = rv_data_split(whole, 9);                                    /* after */
    rv_dataset *held = rv_data_split(images, 9), *transformed = augmented(images); /* before */
    rv_dataset *sets[] = {whole, some, transformed};
    for (int k = 0; k < 3; k++) {
        const record got = record_of(rv_data_loader(sets[k], .seed = 5, .shuffle = true));
        int seen = 0;
        for (int i = 0; i < SAMPLES; i++) {
            seen += got.hash[0][i] != 0;
            for (int epoch = 0; got.hash[0][i] != 0 && epoch < EPOCHS; epoch++)
                cr_expect_eq(got.hash[epoch][i], want.hash[epoch][i], "set %d", k);
        }
        cr_expect_eq(seen, k == 1 ? 9 : 14);
        cr_expect_eq(rv_data_count(sets[k]), k == 1 ? 9 : 14);
    }
    cr_expect_eq(rv_data_count(held), 9);
    rv_data_free(held);
    rv_data_free(transformed);
    rv_data_free(some);
    rv_data_free(whole);
    rv_data_free(images);
    cr_expect(no_error());
}

typedef struct fields {
    int64_t values[4];
    int at;
    bool writes;
} fields;

static bool visit_field(void *context, const char *name, rv_tensor *t)
{
    (void)name;
    fields *f = context;
    int64_t *value = (int64_t *)rv_data(t), *mine = &f->values[f->at++];
    if (f->writes)
        *value = *mine;
    else
        *mine = *value;
    return true;
}

Test(transform_chance, same_after_resuming)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(SAMPLES, true), *set = augmented(images);
    const record want = record_of(rv_data_loader(set, .batch_size = 4, .seed = 5, .shuffle = true));
    for (int done = 1; done < 15; done++) {
        record got = {0};
        fields state = {0};
        rv_batch b;
        rv_loader *loader = rv_data_loader(set, .batch_size = 4, .seed = 5, .shuffle = true);
        int epoch = 0;
        for (int i = 0; i < done; i++) {
            if (rv_next(loader, &b))
                note(&got, epoch, &b);
            else
                epoch++;
        }
        cr_assert(rv_state(loader, visit_field, &state) && state.at == 4);
        rv_loader_free(loader);
        loader = rv_data_loader(set, .batch_size = 4, .seed = 77, .shuffle = true);
        rv_next(loader, &b);
        state.at = 0;
        state.writes = true;
        rv_state(loader, visit_field, &state);
        for (; epoch < EPOCHS; epoch++)
            while (rv_next(loader, &b))
                note(&got, epoch, &b);
        rv_loader_free(loader);
        cr_expect_arr_eq(&got, &want, sizeof want, "after %d", done);
    }
    rv_data_free(set);
    rv_data_free(images);
    cr_expect(no_error());
}

/* Without .seed: from the generator, if something draws; else nothing is taken from it. */
Test(transform_chance, default_seed_is_the_generators)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(SAMPLES, true), *set = augmented(images);
    rv_dataset *plain = rv_data_transform(images, rv_transform_center_crop(3, 3));
    record records[3];
    for (int i = 0; i < 3; i++) {
        rv_seed(i < 2 ? 11 : 12);
        rv_loader_free(rv_data_loader(plain));
        cr_expect_eq(rv_random_now().offset, 0);
        records[i] = record_of(rv_data_loader(set));
        cr_expect_neq(rv_random_now().offset, 0);
    }
    cr_expect_arr_eq(&records[0], &records[1], sizeof records[0]);
    cr_expect_neq(records[0].hash[0][0], records[2].hash[0][0]);
    rv_data_free(plain);
    rv_data_free(set);
    rv_data_free(images);
}

/* Evaluation draws as epoch 0 of the seed 0, wherever it begins. */
Test(transform_chance, batches_for_evaluation_are_those_of_seed_0)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(SAMPLES, true), *set = augmented(images);
    const record want = record_of(rv_data_loader(set, .seed = 0));
    record got = {0};
    rv_seed(31);
    for (int64_t first = 0; first < SAMPLES; first += 5) {
        const rv_batch b = rv_data_batch(set, first, 5);
        note(&got, 0, &b);
    }
    cr_expect_arr_eq(got.hash[0], want.hash[0], sizeof want.hash[0]);
    rv_data_free(set);
    rv_data_free(images);
    cr_expect(no_error());
}

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

Test(transform_chance, custom_in_the_middle_and_at_the_end)
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
Test(transform_chance, custom_to_another_dtype)
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

Test(transform_chance, custom_that_fails_reports_through_next)
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

Test(transform_chance, an_empty_list_is_a_copy_of_the_set)
{
    RV_SCOPE;
    rv_dataset *images = pixel_set(5, true), *set = rv_data_transform_n(images, 0, NULL);
    const rv_batch a = all_of(images), b = all_of(set);
    cr_assert(b.x != NULL && b.x->numel == a.x->numel && b.y->dtype == RV_I64);
    cr_expect_arr_eq(a.x->data, b.x->data, 5 * SAMPLE_BYTES);
    cr_expect(rv_data_count(set) == 5 && rv_data_classes(set) == 0);
    rv_data_free(images);
    cr_expect_eq(all_of(set).n, 5);
    rv_data_free(set);
    cr_expect(no_error());
}

Test(transform_chance, samples_of_any_size)
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

Test(transform_chance, lists_that_cannot_be)
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

Test(transform_chance, calls_that_cannot_be)
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

Test(transform_chance, out_of_memory_is_an_error)
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

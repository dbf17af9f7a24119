/* test_transform_chance.c - what transforms draw: how likely it is, and that it is always the same.
 */
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

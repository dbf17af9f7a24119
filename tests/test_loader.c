/* test_loader.c - batches in order, from any number fetched ahead. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>

#include "data_sets.h"

/* ---- order ----------------------------------------------------------------------------------- */

/* The labels of one epoch, one behind the other; how many batches there were. */
static int epoch_of(rv_loader *loader, int64_t *labels, int64_t *count)
{
    int batches = 0;
    rv_batch b;
    for (*count = 0; rv_next(loader, &b); batches++)
        for (int64_t i = 0; i < b.n; i++)
            labels[(*count)++] = (int64_t)at(b.y, i);
    cr_expect(b.x == NULL && b.y == NULL && b.n == 0);
    return batches;
}

static bool is_permutation(int64_t n, const int64_t *labels)
{
    uint64_t seen = 0;
    for (int64_t i = 0; i < n; i++)
        seen |= UINT64_C(1) << labels[i];
    return n < 64 && seen == (UINT64_C(1) << n) - 1;
}

Test(loader, in_order_with_a_short_last_batch)
{
    for (int prefetch = 0; prefetch < 4; prefetch++) {
        rv_dataset *set = counting_set(7);
        rv_loader *loader = rv_data_loader(set, .batch_size = 3, .prefetch = prefetch);
        cr_expect_eq(rv_loader_batches(loader), 3);
        rv_batch b;
        for (int epoch = 0; epoch < 3; epoch++) {
            cr_expect(rv_next(loader, &b) && SAMPLES(&b, 0, 1, 2));
            cr_expect(rv_next(loader, &b) && SAMPLES(&b, 3, 4, 5));
            cr_expect(rv_next(loader, &b) && SAMPLES(&b, 6));
            cr_expect(!rv_next(loader, &b) && b.x == NULL);
        }
        rv_loader_free(loader);
        rv_data_free(set);
    }
    cr_expect(no_error());
}

Test(loader, without_the_last_batch)
{
    rv_dataset *set = counting_set(7);
    rv_loader *loader = rv_data_loader(set, .batch_size = 3, .drop_last = true);
    cr_expect_eq(rv_loader_batches(loader), 2);
    rv_batch b;
    for (int epoch = 0; epoch < 2; epoch++) {
        cr_expect(rv_next(loader, &b) && SAMPLES(&b, 0, 1, 2));
        cr_expect(rv_next(loader, &b) && SAMPLES(&b, 3, 4, 5));
        cr_expect(!rv_next(loader, &b));
    }
    rv_loader_free(loader);
    loader = rv_data_loader(set, .batch_size = 7, .drop_last = true);
    cr_expect(rv_next(loader, &b) && SAMPLES(&b, 0, 1, 2, 3, 4, 5, 6));
    cr_expect(!rv_next(loader, &b));
    rv_loader_free(loader);
    loader = rv_data_loader(set);
    cr_expect_eq(rv_loader_batches(loader), 1);
    cr_expect(rv_next(loader, &b) && b.n == 7);
    rv_loader_free(loader);
    rv_data_free(set);
    cr_expect(no_error());
}

Test(loader, shuffles_every_epoch_anew)
{
    rv_dataset *set = counting_set(50);
    rv_loader *loader = rv_data_loader(set, .batch_size = 8, .shuffle = true, .seed = 5);
    int64_t first[50], second[50], other[50], in_order[50], n;
    cr_expect_eq(epoch_of(loader, first, &n), 7);
    cr_expect(n == 50 && is_permutation(50, first));
    cr_expect_eq(epoch_of(loader, second, &n), 7);
    cr_expect(n == 50 && is_permutation(50, second));
    for (int64_t i = 0; i < 50; i++)
        in_order[i] = i;
    cr_expect_arr_neq(first, in_order, sizeof first);
    cr_expect_arr_neq(first, second, sizeof first);
    rv_loader_free(loader);
    loader = rv_data_loader(set, .batch_size = 8, .shuffle = true, .seed = 6);
    epoch_of(loader, other, &n);
    cr_expect_arr_neq(first, other, sizeof first);
    rv_loader_free(loader);
    rv_data_free(set);
}

Test(loader, same_order_for_any_prefetch_and_batch_size)
{
    int64_t expected[3][50], got[50], n;
    rv_dataset *set = counting_set(50);
    for (int prefetch = 0; prefetch < 5; prefetch++) {
        rv_loader *loader = rv_data_loader(set, .batch_size = 7 + prefetch, .shuffle = true,
                                           .prefetch = prefetch, .seed = 99);
        for (int epoch = 0; epoch < 3; epoch++) {
            epoch_of(loader, prefetch ? got : expected[epoch], &n);
            cr_expect_eq(n, 50);
            if (prefetch > 0)
                cr_expect_arr_eq(got, expected[epoch], sizeof got, "prefetch %d", prefetch);
        }
        rv_loader_free(loader);
    }
    rv_data_free(set);
}

Test(loader, default_seed_is_the_generators)
{
    int64_t orders[3][50], n;
    rv_dataset *set = counting_set(50);
    for (int i = 0; i < 3; i++) {
        rv_seed(i < 2 ? 11 : 12);
        rv_loader *plain = rv_data_loader(set);
        cr_expect_eq(rv_random_now().offset, 0); /* takes none: it needs none */
        rv_loader *loader = rv_data_loader(set, .shuffle = true);
        cr_expect_neq(rv_random_now().offset, 0);
        epoch_of(loader, orders[i], &n);
        rv_loader_free(loader);
        rv_loader_free(plain);
    }
    cr_expect_arr_eq(orders[0], orders[1], sizeof orders[0]);
    cr_expect_arr_neq(orders[0], orders[2], sizeof orders[0]);
    rv_data_free(set);
}

Test(loader, options_out_of_range)
{
    rv_dataset *set = counting_set(5);
    cr_expect_null(rv_data_loader(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "data_loader: the data set is NULL"));
    cr_expect_null(rv_data_loader(set, .batch_size = 0));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "batch_size is 0"));
    cr_expect_null(rv_data_loader(set, .batch_size = 6, .drop_last = true));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "5 samples make no batch of 6, and drop_last is set"));
    cr_expect_null(rv_data_loader(set, .prefetch = -1));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "prefetch is -1; it must be from 0 to 1024"));
    cr_expect_null(rv_data_loader(set, .prefetch = 1025));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "prefetch is 1025"));
    cr_expect_null(rv_data_loader(set, .seed = -2));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "seed is -2"));
    cr_expect_null(rv_data_loader_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "the options are NULL"));
    rv_loader *wide = rv_data_loader(set, .batch_size = INT64_MAX, .shuffle = true);
    rv_batch b;
    cr_expect(rv_next(wide, &b) && b.n == 5);
    rv_loader_free(wide);
    rv_data_free(set);
    source s = {.fails_at = -1};
    rv_dataset *none = callback_set(&s, 0);
    cr_expect_null(rv_data_loader(none));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "0 samples make no batch of 32"));
    rv_data_free(none);
    cr_expect(!rv_next(NULL, &b) && error_is(RV_ERROR_NULL, "next: the loader is NULL"));
    cr_expect_eq(rv_loader_batches(NULL), -1);
    cr_expect(error_is(RV_ERROR_NULL, "loader_batches"));
    rv_loader_free(NULL);
}

/* ---- whose memory a batch is ----------------------------------------------------------------- */

Test(loader, batches_that_are_held_stay)
{
    for (int prefetch = 0; prefetch < 3; prefetch++) {
        rv_dataset *set = counting_set(12);
        rv_loader *loader = rv_data_loader(set, .batch_size = 2, .prefetch = prefetch);
        rv_batch b, held = {0};
        rv_tensor *part = NULL;
        for (int i = 0; rv_next(loader, &b); i++) {
            RV_SCOPE;
            if (i == 1) {
                held = b;
                rv_retain(held.x);
                rv_retain(held.y);
            } else if (i == 2) {
                part = rv_retain(rv_raw_slice("test", b.x, 0, 1, 2, 1)); /* holds the memory */
            }
        }
        cr_expect(SAMPLES(&held, 2, 3), "prefetch %d", prefetch);
        cr_expect(HOLDS(part, 0, 5, 5.5), "prefetch %d", prefetch);
        rv_loader_free(loader);
        cr_expect(SAMPLES(&held, 2, 3) && HOLDS(part, 0, 5, 5.5));
        rv_release(held.x);
        rv_release(held.y);
        rv_release(part);
        rv_data_free(set);
    }
    cr_expect(no_error());
}

Test(loader, batches_that_nobody_holds_are_filled_again)
{
    rv_dataset *set = counting_set(12);
    rv_loader *loader = rv_data_loader(set, .batch_size = 5, .prefetch = 2);
    const void *seen[8] = {NULL};
    int different = 0;
    rv_batch b;
    for (int i = 0; i < 40; i++) {
        if (!rv_next(loader, &b))
            continue;
        int known = 0;
        while (known < different && seen[known] != b.x->data)
            known++;
        cr_assert_lt(known, 3, "a fourth batch memory");
        seen[known] = b.x->data;
        different = known == different ? different + 1 : different;
    }
    cr_expect_eq(different, 3); /* two ahead, and the caller's */
    rv_loader_free(loader);
    rv_data_free(set);
}

Test(loader, goes_on_when_its_set_is_freed_or_split)
{
    source s = {.fails_at = -1};
    rv_dataset *set = callback_set(&s, 6);
    rv_loader *loader = rv_data_loader(set, .batch_size = 4, .prefetch = 1);
    rv_batch b;
    cr_expect(rv_next(loader, &b) && SAMPLES(&b, 0, 1, 2, 3));
    rv_dataset *part = rv_data_split(set, 3);
    cr_expect(rv_next(loader, &b) && SAMPLES(&b, 4, 5));
    cr_expect(!rv_next(loader, &b));
    rv_data_free(set);
    rv_data_free(part);
    cr_expect(rv_next(loader, &b) && SAMPLES(&b, 0, 1, 2, 3));
    cr_expect_eq(s.released, 0);
    rv_loader_free(loader);
    cr_expect_eq(s.released, 1);
    cr_expect(no_error());
}

Test(loader, can_be_freed_at_any_moment)
{
    for (int batches = 0; batches < 12; batches++) {
        for (int prefetch = 0; prefetch < 4; prefetch += 3) {
            source s = {.fails_at = -1, .slow = true};
            rv_dataset *set = callback_set(&s, 9);
            rv_loader *loader = rv_data_loader(set, .batch_size = 2, .prefetch = prefetch);
            rv_data_free(set);
            rv_batch b;
            for (int i = 0; i < batches; i++)
                rv_next(loader, &b);
            rv_loader_free(loader);
            cr_expect(s.released == 1 && s.busy == 0);
        }
    }
    cr_expect(no_error());
}

/* Two loaders and the caller read one callback's samples: it is never called twice at a time. */
Test(loader, callback_is_not_called_twice_at_a_time)
{
    source s = {.fails_at = -1, .slow = true};
    rv_dataset *set = callback_set(&s, 20);
    rv_dataset *part = rv_data_split(set, 10);
    rv_loader *a = rv_data_loader(set, .batch_size = 1), *b = rv_data_loader(part, .batch_size = 1);
    rv_batch batch;
    for (int i = 0; i < 10; i++) {
        rv_next(a, &batch);
        rv_next(b, &batch);
        rv_data_batch(part, i, 1);
    }
    rv_loader_free(a);
    rv_loader_free(b);
    rv_data_free(set);
    rv_data_free(part);
    cr_expect_gt(s.calls, 30);
    cr_expect_not(s.overlapped);
    cr_expect(no_error());
}

/* ---- failures -------------------------------------------------------------------------------- */

Test(loader, failure_comes_with_its_batch_and_is_tried_again)
{
    for (int prefetch = 0; prefetch < 4; prefetch++) {
        for (int how = 0; how < 3; how++) {
            source s = {.fails_at = 5, .how = how};
            rv_dataset *set = callback_set(&s, 8);
            rv_loader *loader = rv_data_loader(set, .batch_size = 2, .prefetch = prefetch);
            rv_batch b;
            cr_expect(rv_next(loader, &b) && SAMPLES(&b, 0, 1));
            cr_expect(rv_next(loader, &b) && SAMPLES(&b, 2, 3));
            for (int i = 0; i < 3; i++) {
                cr_expect(!rv_next(loader, &b) && b.x == NULL && b.y == NULL && b.n == 0);
                cr_expect(!rv_next(loader, &b)); /* the error is unread */
                cr_expect(how == 1 ? error_is(RV_ERROR_STATE, "data_callback: fetch returned false")
                                   : error_is(RV_ERROR_FILE, "camera: sample 5 is dark"));
            }
            if (prefetch > 0)
                cr_expect_not(
                    pthread_equal(__atomic_load_n(&s.thread, __ATOMIC_SEQ_CST), pthread_self()));
            __atomic_store_n(&s.fails_at, -1, __ATOMIC_SEQ_CST);
            while (!rv_next(loader, &b)) /* the thread may have failed once more meanwhile */
                cr_assert_not_null(rv_error());
            cr_expect(SAMPLES(&b, 4, 5));
            cr_expect(rv_next(loader, &b) && SAMPLES(&b, 6, 7));
            cr_expect(!rv_next(loader, &b));
            rv_loader_free(loader);
            rv_data_free(set);
        }
    }
    cr_expect(no_error());
}

static int handled;
static pthread_t handled_on;

static void handler(rv_status status, const char *message)
{
    handled += status == RV_ERROR_FILE && strstr(message, "camera") != NULL;
    handled_on = pthread_self();
}

Test(loader, handler_is_called_once_on_the_callers_thread)
{
    rv_on_error(handler);
    for (int prefetch = 0; prefetch < 3; prefetch++) {
        source s = {.fails_at = 0};
        rv_dataset *set = callback_set(&s, 2);
        rv_loader *loader = rv_data_loader(set, .prefetch = prefetch);
        rv_batch b;
        handled = 0;
        cr_expect(!rv_next(loader, &b));
        cr_expect_eq(handled, 1);
        cr_expect(pthread_equal(handled_on, pthread_self()));
        cr_expect(error_is(RV_ERROR_FILE, "sample 0 is dark"));
        rv_loader_free(loader);
        cr_expect_eq(handled, 1);
        rv_data_free(set);
    }
    rv_on_error(NULL);
}

Test(loader, nothing_moves_while_an_error_is_unread)
{
    rv_dataset *set = counting_set(4);
    rv_loader *loader = rv_data_loader(set, .batch_size = 2);
    rv_batch b;
    cr_expect(rv_next(loader, &b) && SAMPLES(&b, 0, 1));
    rv_zeros(RV_F32, -1);
    cr_expect(!rv_next(loader, &b) && b.x == NULL);
    cr_expect(!rv_next(loader, NULL));
    cr_expect(error_is(RV_ERROR_SHAPE, "zeros"));
    cr_expect(!rv_next(loader, NULL) && error_is(RV_ERROR_NULL, "next: the batch is NULL"));
    cr_expect(rv_next(loader, &b) && SAMPLES(&b, 2, 3));
    rv_loader_free(loader);
    rv_data_free(set);
}

/* ---- saving and resuming --------------------------------------------------------------------- */

enum { FIELDS = 4 };
static const char *const field_names[FIELDS] = {"seed", "epoch", "position", "count"};

typedef struct fields {
    int64_t values[FIELDS];
    int visited;
    bool writes;
} fields;

static bool visit_field(void *context, const char *name, rv_tensor *t)
{
    fields *f = context;
    cr_assert(f->visited < FIELDS && strcmp(name, field_names[f->visited]) == 0);
    cr_assert(t->dtype == RV_I64 && t->ndim == 0);
    int64_t *value = &f->values[f->visited++];
    if (f->writes)
        *(int64_t *)rv_data(t) = *value;
    else
        *value = *(int64_t *)rv_data(t);
    return true;
}

static void save_fields(rv_loader *loader, fields *f)
{
    *f = (fields){0};
    cr_assert(rv_state(loader, visit_field, f) && f->visited == FIELDS);
}

static void load_fields(rv_loader *loader, fields f)
{
    f.visited = 0;
    f.writes = true;
    cr_assert(rv_state(loader, visit_field, &f));
}

/* The label that each of `steps` calls of rv_next shows first; -1 for the end of an epoch. */
static void walk(rv_loader *loader, int steps, int64_t *labels)
{
    rv_batch b;
    for (int i = 0; i < steps; i++)
        labels[i] = rv_next(loader, &b) ? (int64_t)at(b.y, 0) : -1;
}

Test(loader, resumes_after_any_step)
{
    rv_dataset *set = counting_set(23);
    int64_t all[40], rest[40];
    rv_loader *loader = rv_data_loader(set, .batch_size = 4, .shuffle = true, .seed = 8);
    walk(loader, 40, all);
    cr_expect(all[6] == -1 && all[13] == -1 && all[5] != all[12]);
    rv_loader_free(loader);
    for (int done = 0; done < 20; done++) {
        fields saved;
        loader = rv_data_loader(set, .batch_size = 4, .shuffle = true, .seed = 8);
        walk(loader, done, rest);
        save_fields(loader, &saved);
        rv_loader_free(loader);
        /* a fresh one, and one that is somewhere else and has fetched ahead */
        for (int used = 0; used < 10; used += 3) {
            loader = rv_data_loader(set, .batch_size = 4, .shuffle = true, .seed = 1234,
                                    .prefetch = used % 4);
            walk(loader, used, rest);
            load_fields(loader, saved);
            walk(loader, 20, rest);
            cr_expect_arr_eq(rest, all + done, 20 * sizeof *rest, "after %d, used %d", done, used);
            rv_loader_free(loader);
        }
    }
    rv_data_free(set);
    cr_expect(no_error());
}

Test(loader, refuses_a_state_that_is_not_its)
{
    rv_dataset *set = counting_set(9);
    rv_loader *loader = rv_data_loader(set, .batch_size = 4, .shuffle = true, .seed = 8);
    const struct {
        fields state;
        const char *message;
    } cases[] = {
        {{.values = {8, 0, 0, 10}}, "next: the loader was saved with 10 samples, and has 9"},
        {{.values = {8, -1, 0, 9}}, "next: the loader was loaded to epoch -1, sample 0 of 9"},
        {{.values = {8, INT64_MAX, 0, 9}}, "loaded to epoch 9223372036854775807"},
        {{.values = {8, 0, -4, 9}}, "sample -4 of 9"},
        {{.values = {8, 0, 12, 9}}, "sample 12 of 9"},
    };
    rv_batch b;
    for (int i = 0; i < RV_COUNT(cases); i++) {
        load_fields(loader, cases[i].state);
        cr_expect(!rv_next(loader, &b) && error_is(RV_ERROR_STATE, cases[i].message));
    }
    load_fields(loader, (fields){.values = {8, 0, 8, 9}});
    cr_expect(rv_next(loader, &b) && b.n == 1);
    rv_loader_free(loader);
    rv_data_free(set);
    cr_expect(no_error());
}

static bool keep_tensor(void *context, const char *name, rv_tensor *t)
{
    *(rv_tensor **)context = strcmp(name, "epoch") == 0 ? rv_retain(t) : *(rv_tensor **)context;
    return true;
}

Test(loader, state_tensor_outlives_the_callers_reference)
{
    rv_dataset *set = counting_set(9);
    rv_loader *loader = rv_data_loader(set, .batch_size = 9);
    rv_tensor *epoch = NULL;
    rv_batch b;
    cr_expect(rv_state(loader, keep_tensor, &epoch));
    cr_expect(rv_next(loader, &b) && !rv_next(loader, &b));
    rv_loader_free(loader);
    rv_data_free(set);
    cr_expect_eq(rv_item(epoch), 1);
    rv_release(epoch);
}

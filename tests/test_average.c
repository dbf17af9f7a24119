/* test_average.c - averages of parameters against PyTorch's (golden/average.py); swapping them in
 * and back; their state; what is wrong about them. */
#define _XOPEN_SOURCE 700

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "helpers.h"

TestSuite(average, .init = make_folder, .fini = remove_folder);

#define STEPS 40
#define BATCH 8
#define TOLERANCE 1e-12
#define LEAF(...) rv_require_grad(VECTOR(__VA_ARGS__))

/* ---- against PyTorch ------------------------------------------------------------------------- */

static const char *const names[] = {"0.weight", "0.bias",   "1.weight",
                                    "1.bias",   "3.weight", "3.bias"};
static const char *const statistics[] = {"1.running_mean", "1.running_var",
                                         "1.num_batches_tracked"};

static rv_layer *make_net(const golden *g)
{
    RV_SCOPE;
    RV_NO_GRAD;
    rv_layer *net = rv_layer_sequential(rv_layer_linear(6, 8, .dtype = RV_F64),
                                        rv_layer_batch_norm1d(8, .dtype = RV_F64), rv_layer_tanh(),
                                        rv_layer_linear(8, 3, .dtype = RV_F64));
    for (int i = 0; i < RV_COUNT(names); i++)
        rv_copy_into(rv_layer_parameter(net, names[i]), golden_tensor(g, "start.%s", names[i]));
    return net;
}

typedef struct averages {
    rv_average *ema, *ema_fast, *swa;
} averages;

static void train(rv_layer *net, rv_loader *batches, const averages *a)
{
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
    for (int step = 1; step <= STEPS; step++) {
        RV_SCOPE;
        rv_batch b;
        if (!rv_next(batches, &b))
            cr_assert(rv_next(batches, &b));
        rv_optim_zero_grad(opt);
        rv_backward(rv_cross_entropy(rv_forward(net, b.x), b.y));
        cr_assert(rv_optim_step(opt), "%s", rv_error());
        cr_assert(rv_average_update(a->ema) && rv_average_update(a->ema_fast));
        if (step >= 20 && step % 5 == 0)
            cr_assert(rv_average_update(a->swa));
    }
    rv_optim_free(opt);
}

static void compare(const char *what, rv_average *average, rv_layer *net, rv_tensor *x,
                    rv_dataset *samples, const golden *g)
{
    RV_SCOPE;
    reason why = {""};
    rv_tensor *before[RV_COUNT(names)];
    for (int i = 0; i < RV_COUNT(names); i++)
        before[i] = rv_raw_copy("test", rv_layer_parameter(net, names[i]));
    cr_assert(rv_average_swap_in(average), "%s", rv_error());
    for (int i = 0; i < RV_COUNT(names); i++)
        cr_expect(is_near(rv_layer_parameter(net, names[i]),
                          golden_tensor(g, "%s.%s", what, names[i]), TOLERANCE, &why),
                  "%s of %s: %s", names[i], what, why.text);
    rv_loader *batches = rv_data_loader(samples, .batch_size = BATCH);
    cr_assert(rv_update_batch_norm(net, batches), "%s", rv_error());
    rv_loader_free(batches);
    cr_expect(rv_layer_is_training(net), "it is in the mode it was in");
    for (int i = 0; i < RV_COUNT(statistics); i++)
        cr_expect(is_near(rv_layer_buffer(net, statistics[i]),
                          golden_tensor(g, "%s.%s", what, statistics[i]), TOLERANCE, &why),
                  "%s of %s: %s", statistics[i], what, why.text);
    rv_layer_train(net, false);
    cr_expect(is_near(rv_forward(net, x), golden_tensor(g, "%s.y", what), TOLERANCE, &why),
              "outputs of %s: %s", what, why.text);
    rv_layer_train(net, true);
    cr_assert(rv_average_swap_out(average), "%s", rv_error());
    for (int i = 0; i < RV_COUNT(names); i++)
        cr_expect(rv_equal(before[i], rv_layer_parameter(net, names[i])), "%s is back", names[i]);
}

Test(average, values_are_pytorchs)
{
    RV_SCOPE;
    golden *g = golden_open("average.safetensors");
    cr_assert_not_null(g);
    rv_tensor *x = golden_tensor(g, "x");
    rv_dataset *samples = rv_data_tensors(x, golden_tensor(g, "labels"));
    rv_loader *batches = rv_data_loader(samples, .batch_size = BATCH);
    rv_layer *net = make_net(g);
    const averages a = {.ema = rv_average_ema(rv_parameters(net), .decay = 0.9),
                        .ema_fast = rv_average_ema(rv_parameters(net), .decay = 0.3),
                        .swa = rv_average_swa(rv_parameters(net))};
    cr_assert(a.ema != NULL && a.ema_fast != NULL && a.swa != NULL, "%s", rv_error());
    train(net, batches, &a);
    cr_expect_eq(rv_average_count(a.ema), STEPS);
    cr_expect_eq(rv_average_count(a.swa), 5);
    compare("ema", a.ema, net, x, samples, g);
    compare("ema_fast", a.ema_fast, net, x, samples, g);
    compare("swa", a.swa, net, x, samples, g);
    cr_expect(no_error());
    rv_average_free(a.ema);
    rv_average_free(a.ema_fast);
    rv_average_free(a.swa);
    rv_layer_free(net);
    rv_loader_free(batches);
    rv_data_free(samples);
    golden_close(g);
}

/* ---- by hand --------------------------------------------------------------------------------- */

static void set(rv_tensor *p, double value)
{
    RV_NO_GRAD;
    cr_assert_not_null(rv_fill(p, value));
}

/* The values 1, 2, 4, 8 in turn. */
static void update_four_times(rv_average *a, rv_tensor *p)
{
    for (int i = 0; i < 4; i++) {
        set(p, 1 << i);
        cr_assert(rv_average_update(a), "%s", rv_error());
    }
}

Test(average, warmup_and_ends)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(5, 5);
    rv_average *a[] = {rv_average_ema(RV_TENSORS(p), .warmup = true),
                       rv_average_ema(RV_TENSORS(p), .decay = 0.2, .warmup = true),
                       rv_average_ema(RV_TENSORS(p), .decay = 0),
                       rv_average_ema(RV_TENSORS(p), .decay = 1), rv_average_swa(RV_TENSORS(p))};
    /* Of 1, then kept 2/11, 3/12 and 4/13; kept 2/11, then 0.2. */
    const double first = 1.0 * 2 / 11 + 2.0 * 9 / 11;
    const double slow = ((first * 3 + 4.0 * 9) / 12 * 4 + 8.0 * 9) / 13;
    const double fast = (first * 0.2 + 4 * 0.8) * 0.2 + 8 * 0.8;
    const double want[] = {slow, fast, 8, 1, 15.0 / 4};
    for (int i = 0; i < RV_COUNT(a); i++) {
        update_four_times(a[i], p);
        cr_assert(rv_average_swap_in(a[i]));
        cr_expect(HOLDS(p, 1e-14, want[i], want[i]), "average %d", i);
        cr_assert(rv_average_swap_out(a[i]));
        cr_expect(HOLDS(p, 0, 8, 8));
        rv_average_free(a[i]);
    }
    cr_expect(no_error());
}

/* Whatever the parameters' dtypes, orders of memory and sizes; one is larger than a piece. */
Test(average, any_layout)
{
    RV_SCOPE;
    rv_tensor *p[LAYOUT_COUNT + 2], *q[LAYOUT_COUNT + 2];
    for (int i = 0; i < LAYOUT_COUNT; i++)
        p[i] = rv_require_grad(laid_out(waves(5, 7, i), (layout)i));
    p[LAYOUT_COUNT] = rv_require_grad(rv_randn(RV_F32, 300, 120));
    p[LAYOUT_COUNT + 1] = rv_require_grad(rv_zeros(RV_F32, 0, 3));
    const rv_tensors all = {.items = p, .count = RV_COUNT(p)};
    rv_average *a = rv_average_swa(all);
    cr_assert_not_null(a, "%s", rv_error());
    for (int i = 0; i < RV_COUNT(p); i++)
        q[i] = rv_raw_copy("test", p[i]);
    cr_assert(rv_average_update(a));
    for (int i = 0; i < RV_COUNT(p); i++) {
        RV_NO_GRAD;
        rv_copy_into(p[i], rv_mul_scalar(q[i], 3));
    }
    cr_assert(rv_average_update(a));
    for (int turn = 0; turn < 2; turn++) {
        cr_assert(turn == 0 ? rv_average_swap_in(a) : rv_average_swap_out(a), "%s", rv_error());
        reason why = {""};
        for (int i = 0; i < RV_COUNT(p); i++)
            cr_expect(is_near(p[i], rv_mul_scalar(q[i], 2 + turn), 1e-6, &why), "%d: %s", i,
                      why.text);
    }
    cr_expect(no_error());
    rv_average_free(a);
}

/* A graph that needs the values before says so, and gives no wrong gradient. */
Test(average, graphs_see_the_swap)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, 2);
    rv_average *a = rv_average_swa(RV_TENSORS(p));
    cr_assert(rv_average_update(a));
    rv_tensor *loss = rv_sum(rv_square(p));
    cr_assert(rv_average_swap_in(a));
    cr_expect_not(rv_backward(loss));
    cr_expect(error_is(RV_ERROR_CHANGED, ""));
    rv_average_free(a);
}

/* ---- state ----------------------------------------------------------------------------------- */

Test(average, goes_on_from_a_file)
{
    RV_SCOPE;
    const char *path = in_folder("average.safetensors");
    rv_tensor *p = LEAF(1, 2), *q = LEAF(0, 0);
    rv_average *a = rv_average_ema(RV_TENSORS(p), .decay = 0.7);
    rv_average *b = rv_average_ema(RV_TENSORS(q), .decay = 0.7);
    update_four_times(a, p);
    cr_assert(rv_average_swap_in(a));
    cr_assert(rv_save(path, a), "%s", rv_error());
    cr_assert(rv_load(path, b), "%s", rv_error());
    cr_expect_eq(rv_average_count(b), 4);
    cr_expect_not(rv_average_update(b), "it came back swapped in");
    cr_expect(error_is(RV_ERROR_STATE, "average_update: the averages are swapped in"));
    cr_assert(rv_average_swap_out(a) && rv_average_swap_out(b));
    cr_expect(HOLDS(q, 0, 8, 8), "what training had");
    cr_assert(rv_average_swap_in(b));
    cr_expect(HOLDS(q, 0, 0, 0), "the parameters themselves were not in that file");
    cr_assert(rv_average_swap_out(b));
    cr_assert(rv_save(path, a) && rv_load(path, b), "%s", rv_error());
    set(p, 3);
    set(q, 3);
    cr_assert(rv_average_update(a) && rv_average_update(b));
    cr_assert(rv_average_swap_in(a) && rv_average_swap_in(b));
    cr_expect(rv_equal(p, q) && at(p, 0) != 3, "bit for bit");
    cr_expect(no_error());
    rv_average_free(a);
    rv_average_free(b);
}

/* A layer loads from a file that also has an average. */
Test(average, stands_beside_a_layer)
{
    const char *path = in_folder("both.safetensors");
    rv_layer *net = rv_layer_linear(2, 2);
    rv_average *a = rv_average_swa(rv_parameters(net));
    cr_assert(rv_average_update(a) && rv_save(path, net, a));
    cr_expect(rv_load(path, net), "%s", rv_error());
    cr_expect(rv_load(path, net, a), "%s", rv_error());
    rv_average_free(a);
    rv_layer_free(net);
}

typedef struct change {
    const char *name;
    double value;
} change;

/* ---- what is wrong --------------------------------------------------------------------------- */

Test(average, wrong)
{
    RV_SCOPE;
    rv_tensor *p = LEAF(1, 2);
    static const double decays[] = {-0.1, 1.1, (double)NAN, (double)INFINITY};
    for (int i = 0; i < RV_COUNT(decays); i++) {
        cr_expect_null(rv_average_ema(RV_TENSORS(p), .decay = decays[i]));
        cr_expect(error_is(RV_ERROR_ARGUMENT, "average_ema: decay is "));
    }
    cr_expect_null(rv_average_ema_with(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "average_ema: the options are NULL"));
    cr_expect_null(rv_average_swa(RV_TENSORS(p, p)));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "average_swa: parameters 0 and 1 are the same"));
    cr_expect_null(rv_average_swa((rv_tensors){0}));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "there are no parameters"));
    cr_expect_null(rv_average_swa(RV_TENSORS(NULL)));
    cr_expect(error_is(RV_ERROR_NULL, "parameter 0 is NULL"));
    cr_expect_eq(p->object.references, 1, "nothing holds it");

    rv_average *a = rv_average_swa(RV_TENSORS(p));
    cr_expect_not(rv_average_swap_in(a));
    cr_expect(error_is(RV_ERROR_STATE, "average_swap_in: nothing was averaged yet"));
    cr_expect_not(rv_average_swap_out(a));
    cr_expect(error_is(RV_ERROR_STATE, "average_swap_out: the averages are swapped out already"));
    cr_assert(rv_average_update(a) && rv_average_swap_in(a));
    cr_expect_not(rv_average_swap_in(a));
    cr_expect(error_is(RV_ERROR_STATE, "average_swap_in: the averages are swapped in already"));
    cr_expect_not(rv_average_update(a));
    cr_expect(error_is(RV_ERROR_STATE, "rv_average_swap_out comes first"));
    cr_assert(rv_average_swap_out(a));
    cr_expect_null(rv_tanh(NULL));
    cr_expect_not(rv_average_update(a), "an error is unread");
    cr_expect(error_is(RV_ERROR_NULL, "tanh"));
    cr_expect_eq(rv_average_count(a), 1);

    const change changes[] = {{"count", -1}, {"swapped", 2}, {"swapped", -1}};
    for (int i = 0; i < RV_COUNT(changes); i++) {
        cr_assert(write_state(a, changes[i].name, changes[i].value));
        cr_expect_not(rv_average_update(a));
        cr_expect(error_is(RV_ERROR_STATE, "the state that was loaded is wrong"));
        cr_assert(write_state(a, changes[i].name, i == 0));
    }
    cr_expect(rv_average_update(a), "%s", rv_error());
    rv_average_free(a);
}

Test(average, null)
{
    cr_expect_not(rv_average_update(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "average_update: the average is NULL"));
    cr_expect_not(rv_average_swap_in(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "average_swap_in"));
    cr_expect_not(rv_average_swap_out(NULL));
    cr_expect(error_is(RV_ERROR_NULL, "average_swap_out"));
    cr_expect_eq(rv_average_count(NULL), -1);
    cr_expect(error_is(RV_ERROR_NULL, "average_count"));
    rv_average_free(NULL);
    rv_layer *layer = rv_layer_relu();
    cr_expect_not(rv_average_update((rv_average *)(void *)layer));
    cr_expect(error_is(RV_ERROR_ARGUMENT, "this is not an average"));
    rv_layer_free(layer);
}

/* Wherever memory ends, nothing has changed. */
Test(average, out_of_memory)
{
    int failures = 0, successes = 0;
    for (size_t more = 0; more < 3000000; more += more < 65536 ? 512 : 65536) {
        RV_SCOPE;
        rv_finish();
        rv_tensor *p = rv_require_grad(rv_transpose(rv_ones(RV_F64, 300, 200), 0, 1));
        rv_memory_limit(rv_memory_usage().held + more);
        rv_average *a = rv_average_swa(RV_TENSORS(p));
        const bool done = a != NULL && rv_average_update(a) && rv_average_swap_in(a);
        rv_memory_limit(SIZE_MAX);
        if (done)
            successes++;
        else
            failures += error_is(RV_ERROR_MEMORY, "out of memory");
        cr_expect(at(p, 0) == 1 && at(p, 59999) == 1);
        rv_average_free(a);
    }
    cr_expect(failures > 10 && successes > 10, "%d failed, %d did not", failures, successes);
}

/* ---- batch norms ----------------------------------------------------------------------------- */

Test(average, batch_norms_that_cannot)
{
    RV_SCOPE;
    rv_dataset *samples = rv_data_tensors(rv_randn(RV_F32, 10, 3), rv_zeros(RV_I64, 10));
    rv_loader *batches = rv_data_loader(samples, .batch_size = 4);
    rv_layer *plain = rv_layer_linear(3, 2);
    cr_expect(rv_update_batch_norm(plain, batches), "there is nothing to do");
    rv_batch b;
    cr_expect(rv_next(batches, &b) && b.n == 4, "nothing was run");
    cr_expect_not(rv_update_batch_norm(NULL, batches));
    cr_expect(error_is(RV_ERROR_NULL, "update_batch_norm: the layer is NULL"));
    cr_expect_not(rv_update_batch_norm(plain, NULL));
    cr_expect(error_is(RV_ERROR_NULL, "update_batch_norm: the loader is NULL"));
    rv_layer *wrong = rv_layer_sequential(rv_layer_batch_norm1d(5), rv_layer_retain(plain));
    cr_expect(rv_layer_train(plain, false));
    cr_expect_not(rv_update_batch_norm(wrong, batches));
    cr_expect(error_is(RV_ERROR_SHAPE, "batch_norm"));
    cr_expect(rv_layer_is_training(wrong) && !rv_layer_is_training(plain), "modes are back");
    rv_layer_free(wrong);
    rv_layer_free(plain);
    rv_loader_free(batches);
    rv_data_free(samples);
}

/* Afterwards they move as before. */
Test(average, batch_norms_move_on)
{
    RV_SCOPE;
    rv_tensor *x = rv_reshape(rv_arange(RV_F32, 0, 8, 1), 8, 1);
    rv_dataset *samples = rv_data_tensors(x, rv_zeros(RV_I64, 8));
    rv_loader *batches = rv_data_loader(samples, .batch_size = 4);
    rv_layer *norm = rv_layer_batch_norm1d(1);
    rv_layer_train(norm, false);
    for (int turn = 0; turn < 2; turn++) {
        cr_assert(rv_update_batch_norm(norm, batches), "%s", rv_error());
        cr_expect(HOLDS(rv_layer_buffer(norm, "running_mean"), 1e-6, 3.5), "of 1.5 and 5.5");
        cr_expect(HOLDS(rv_layer_buffer(norm, "running_var"), 1e-6, 5.0 / 3));
        cr_expect_eq(rv_item(rv_layer_buffer(norm, "num_batches_tracked")), 2);
    }
    cr_expect_not(rv_layer_is_training(norm));
    rv_layer_train(norm, true);
    cr_assert_not_null(rv_forward(norm, rv_add_scalar(x, 10)));
    cr_expect(HOLDS(rv_layer_buffer(norm, "running_mean"), 1e-6, 3.5 + 0.1 * (13.5 - 3.5)));
    cr_expect_eq(rv_layer_average_statistics(NULL, true), -1);
    cr_expect(error_is(RV_ERROR_NULL, "layer_average_statistics"));
    rv_layer_free(norm);
    rv_loader_free(batches);
    rv_data_free(samples);
}

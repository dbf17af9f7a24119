/* test_full_batch.c - a classifier's loss over all samples, computed in parts, and minimized as
 * examples/mnist_full_batch.c does: the same as in one piece, for any number of threads, and going
 * on from a file.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include <criterion/criterion.h>
#include <string.h>
#include <math.h>

#include "files.h"
#include "helpers.h"

enum { SAMPLES = 103, FEATURES = 7, CLASSES = 3, OF_PART = 10 };

typedef struct task {
    rv_layer *net;
    rv_tensor *x, *y;
} task;

static task make_task(void)
{
    rv_seed(3);
    task t = {
        .net = rv_model_mlp(.inputs = FEATURES, .hidden = 5, .classes = CLASSES, .dtype = RV_F64)};
    cr_assert_not_null(t.net, "%s", rv_error());
    t.x = rv_randn(RV_F64, SAMPLES, FEATURES);
    t.y = rv_randint(0, CLASSES, RV_I64, SAMPLES);
    return t;
}

static rv_tensor *loss_of_part(void *context, int64_t part)
{
    const task *t = context;
    const int64_t from = part * OF_PART, end = from + OF_PART, to = end < SAMPLES ? end : SAMPLES;
    rv_tensor *sum = rv_cross_entropy(rv_forward(t->net, rv_slice(t->x, 0, from, to)),
                                      rv_slice(t->y, 0, from, to), .reduction = RV_REDUCTION_SUM);
    return rv_mul_scalar(sum, 1.0 / SAMPLES);
}

static rv_tensor *loss_in_parts(void *context)
{
    task *t = context;
    return rv_sum_parts(loss_of_part, t, rv_parameters(t->net), (SAMPLES + OF_PART - 1) / OF_PART);
}

static rv_tensor *loss_in_one(void *context)
{
    task *t = context;
    return rv_cross_entropy(rv_forward(t->net, t->x), t->y);
}

static uint64_t hash_of_net(rv_layer *net)
{
    const rv_tensors all = rv_parameters(net);
    uint64_t hash = HASH_START;
    for (int64_t i = 0; i < all.count; i++)
        hash = hash_of(hash, all.items[i]);
    return hash;
}

Test(full_batch, in_parts_as_in_one_piece)
{
    for (int i = 0; i < 2; i++) {
        RV_SCOPE;
        task a = make_task(), b = make_task();
        const char *name = i == 0 ? "lbfgs" : "ssbroyden";
        rv_optim *in_parts = rv_optim_by_name(name, rv_parameters(a.net), .max_iter = 12);
        rv_optim *in_one = rv_optim_by_name(name, rv_parameters(b.net), .max_iter = 12);
        const rv_optim_result r = rv_optim_minimize(in_parts, loss_in_parts, &a);
        const rv_optim_result s = rv_optim_minimize(in_one, loss_in_one, &b);
        cr_expect_eq(r.status, RV_OPTIM_ITERATIONS, "%s", r.reason);
        cr_expect_eq(r.evaluations, s.evaluations);
        cr_expect_float_eq(r.loss, s.loss, 1e-9 * fabs(s.loss), "%.15g %.15g", r.loss, s.loss);
        cr_expect_lt(r.loss, 1.0);
        const rv_tensors pa = rv_parameters(a.net), pb = rv_parameters(b.net);
        for (int64_t k = 0; k < pa.count; k++)
            cr_expect(is_near(pa.items[k], pb.items[k], 1e-7, NULL));
        rv_optim_free(in_parts);
        rv_optim_free(in_one);
        rv_layer_free(a.net);
        rv_layer_free(b.net);
    }
}

Test(full_batch, the_same_bits_from_any_number_of_threads)
{
    uint64_t first = 0;
    for (int threads = 1; threads <= 5; threads += 2) {
        RV_SCOPE;
        rv_set_threads(threads);
        task t = make_task();
        rv_optim *opt = rv_optim_lbfgs(rv_parameters(t.net), .max_iter = 20);
        cr_expect_eq(rv_optim_minimize(opt, loss_in_parts, &t).iterations, 20);
        const uint64_t here = hash_of_net(t.net);
        first = threads == 1 ? here : first;
        cr_expect_eq(here, first, "%d threads", threads);
        rv_optim_free(opt);
        rv_layer_free(t.net);
    }
}

/* Iterations of a method from where `t` is, after loading `from` and before saving `to`, unless
 * they are NULL. */
static void iterate(const char *method, task *t, int64_t iterations, const char *from,
                    const char *to)
{
    rv_optim *opt = rv_optim_by_name(method, rv_parameters(t->net));
    cr_assert(from == NULL || rv_load(from, t->net, opt), "%s", rv_error());
    const rv_optim_result r = rv_optim_minimize(opt, loss_in_parts, t, .max_iter = iterations);
    cr_expect_eq(r.iterations, iterations, "%s: %s", method, r.reason);
    cr_assert(to == NULL || rv_save(to, t->net, opt), "%s", rv_error());
    rv_optim_free(opt);
}

static void stop_and_go_on(const char *method)
{
    RV_SCOPE;
    task whole = make_task(), half = make_task(), other = make_task();
    iterate(method, &whole, 11, NULL, NULL);
    iterate(method, &half, 6, NULL, in_folder("half"));
    iterate(method, &other, 5, in_folder("half"), NULL);
    cr_expect_eq(hash_of_net(other.net), hash_of_net(whole.net), "%s", method);
    rv_layer_free(whole.net);
    rv_layer_free(half.net);
    rv_layer_free(other.net);
}

Test(full_batch, stopped_and_gone_on_from_a_file, .init = make_folder, .fini = remove_folder)
{
#define CHECK(identifier, name, ...)                                     \
    if (RV_BLAS || strcmp(name, "newton") != 0) /* which needs LAPACK */ \
        stop_and_go_on(name);
    RV_MINIMIZER_NAMES(CHECK)
#undef CHECK
}

/* ---- what a callback sees -------------------------------------------------------------------- */

typedef struct seen {
    task *task;
    int64_t calls;
} seen;

static bool look(void *context, const rv_optim_progress *progress)
{
    seen *s = context;
    RV_SCOPE;
    RV_NO_GRAD;
    const double here = rv_item(loss_in_parts(s->task));
    cr_expect_eq(here, progress->loss, "iteration %lld: %.17g, told %.17g",
                 (long long)progress->iteration, here, progress->loss);
    s->calls++;
    return true;
}

/* A search that is cut off by max_eval leaves the parameters elsewhere than the best point. */
Test(full_batch, a_callback_finds_the_parameters_where_the_loss_is)
{
    for (int64_t most = 2; most < 40; most++) {
        RV_SCOPE;
        task t = make_task();
        seen s = {.task = &t};
        rv_optim *opt = rv_optim_lbfgs(rv_parameters(t.net), .curvature = 1e-3, .max_eval = most);
        const rv_optim_result r =
            rv_optim_minimize(opt, loss_in_parts, &t, .callback = look, .callback_context = &s);
        cr_expect_eq(s.calls, r.iterations);
        rv_optim_free(opt);
        rv_layer_free(t.net);
    }
}

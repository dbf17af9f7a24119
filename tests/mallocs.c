/* mallocs - from its second step on, training calls malloc zero times.
 *
 * This program has malloc and its relatives go through counters, on every thread, and trains with
 * a shuffling loader of images that are transformed, dropout, a short last batch, and an evaluation
 * after each epoch, with SGD and with Adam. It prints how many calls there were from step 2 to step
 * 100, and fails if any.
 */
#define _POSIX_C_SOURCE 200809L

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

#include "allocations.h"
#include "core/tasks.h"
#include "minimize_makers.h"
#include "optim_cases.h"

enum { THREADS = 2 };
enum { IMAGES = 1000, BATCH = 128, STEPS = 100 }; /* an epoch's last batch has 104 images */

static atomic_bool counting;
static atomic_long calls, step;

/* The first calls that were counted: in which step, and for how many bytes. */
enum { NOTED = 8 };
static atomic_long steps_noted[NOTED], bytes_noted[NOTED];

static void allocation_seen(size_t bytes)
{
    if (!atomic_load(&counting))
        return;
    const long call = atomic_fetch_add(&calls, 1);
    if (call < NOTED) {
        atomic_store(&steps_noted[call], atomic_load(&step));
        atomic_store(&bytes_noted[call], (long)bytes);
    }
}

static rv_dataset *make_images(int64_t n)
{
    rv_tensor *x = rv_rand(RV_F32, n, 28, 28);
    rv_tensor *y = rv_randint(0, 10, RV_I64, n);
    return rv_data_tensors(x, y);
}

static bool copy_image(void *context, rv_random_place place, rv_tensor *x, rv_tensor *y)
{
    (void)context, (void)place;
    return rv_copy_into(y, x) != NULL;
}

/* The images with every kind of transform, in two sets, one over the other. Takes them over. */
static rv_dataset *augment(rv_dataset *images)
{
    RV_SCOPE;
    const rv_statistics s = rv_data_statistics(images);
    rv_dataset *below =
        rv_data_transform(images, rv_transform_random_crop(28, 28, .padding = 2),
                          rv_transform_horizontal_flip(), rv_transform_normalize(s.mean, s.std));
    rv_dataset *set =
        rv_data_transform(below, rv_transform_cutout(8), rv_transform_resize(30, 27),
                          rv_transform_custom(copy_image), rv_transform_resize(28, 28));
    rv_data_free(below);
    rv_data_free(images);
    return set;
}

static void train(rv_layer *net, rv_optim *opt, rv_loader *batches, rv_dataset *validation)
{
    rv_batch b;
    while (atomic_load(&step) < STEPS) {
        while (rv_next(batches, &b)) {
            RV_SCOPE;
            if (atomic_fetch_add(&step, 1) == 1)
                atomic_store(&counting, true); /* step 2 begins */
            rv_tensor *loss = rv_cross_entropy(rv_forward(net, b.x), b.y);
            rv_optim_zero_grad(opt);
            rv_backward(loss);
            rv_optim_step(opt);
            if (atomic_load(&step) == STEPS)
                atomic_store(&counting, false);
        }
        rv_accuracy(net, validation);
    }
}

/* The number of calls while training with SGD, or with Adam. */
static long measure(bool adam)
{
    RV_SCOPE;
    rv_dataset *images = augment(make_images(IMAGES)), *validation = make_images(250);
    rv_loader *batches = rv_data_loader(images, .batch_size = BATCH, .shuffle = true);
    rv_layer *net =
        rv_layer_sequential(rv_layer_flatten(), rv_layer_linear(784, 100), rv_layer_relu(),
                            rv_layer_dropout(0.2), rv_layer_linear(100, 10));
    rv_optim *opt = adam ? rv_optim_adam(rv_parameters(net), .lr = 0.001)
                         : rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);

    atomic_store(&calls, 0);
    atomic_store(&step, 0);
    train(net, opt, batches, validation);
    printf("%s: %ld calls of malloc from step 2 to step %d\n", adam ? "adam" : "sgd",
           atomic_load(&calls), STEPS);
    for (long call = 0; call < atomic_load(&calls) && call < NOTED; call++)
        printf("    step %ld: %ld bytes\n", atomic_load(&steps_noted[call]),
               atomic_load(&bytes_noted[call]));

    rv_optim_free(opt);
    rv_layer_free(net);
    rv_loader_free(batches);
    rv_data_free(validation);
    rv_data_free(images);
    return atomic_load(&calls);
}

/* The number of calls while convolutions of each way of computing run, forward and backward. */
static long measure_convolutions(void)
{
    RV_SCOPE;
    rv_tensor *x = rv_randn(RV_F32, 8, 3, 32, 32);
    rv_tensor *first = rv_require_grad(rv_randn(RV_F32, 16, 3, 3, 3));
    rv_tensor *second = rv_require_grad(rv_randn(RV_F32, 32, 16, 3, 3));
    rv_tensor *bias = rv_require_grad(rv_randn(RV_F32, 32));
    rv_tensor *third = rv_require_grad(rv_randn(RV_F32, 6, 32, 3, 3));
    atomic_store(&calls, 0);
    for (int i = 1; i <= 20; i++) {
        RV_SCOPE;
        atomic_store(&step, i);
        atomic_store(&counting, i >= 2);
        rv_tensor *y = rv_conv2d(x, first, .padding = 1);
        y = rv_conv2d(y, second, .bias = bias, .padding = 1);
        y = rv_conv2d(y, third, .stride = 2, .padding = 1);
        rv_backward(rv_sum(y));
        atomic_store(&counting, false);
    }
    printf("convolutions: %ld calls of malloc from step 2 to step 20\n", atomic_load(&calls));
    return atomic_load(&calls);
}

/* The number of calls while a net is trained on images; it is consumed. */
static long measure_net(const char *name, rv_layer *net, int64_t side)
{
    RV_SCOPE;
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
    rv_tensor *x = rv_randn(RV_F32, 8, 3, side, side), *y = rv_randint(0, 10, RV_I64, 8);
    atomic_store(&calls, 0);
    for (int i = 1; i <= 20; i++) {
        RV_SCOPE;
        atomic_store(&step, i);
        atomic_store(&counting, i >= 2);
        rv_optim_zero_grad(opt);
        rv_backward(rv_cross_entropy(rv_forward(net, x), y));
        rv_optim_step(opt);
        atomic_store(&counting, false);
    }
    printf("%s: %ld calls of malloc from step 2 to step 20\n", name, atomic_load(&calls));
    for (long call = 0; call < atomic_load(&calls) && call < NOTED; call++)
        printf("    step %ld: %ld bytes\n", atomic_load(&steps_noted[call]),
               atomic_load(&bytes_noted[call]));
    rv_optim_free(opt);
    rv_layer_free(net);
    return atomic_load(&calls);
}

/* The number of calls of a schedule's steps and an average's updates. */
static long measure_schedule(void)
{
    RV_SCOPE;
    rv_layer *net = rv_layer_linear(300, 100);
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = 0.1, .momentum = 0.9);
    rv_sched *sched =
        rv_sched_chained(opt, RV_SCHEDS(rv_sched_one_cycle(NULL, .lr_max = 0.2, .steps = 20),
                                        rv_sched_plateau(NULL, .patience = 3)));
    rv_average *average = rv_average_ema(rv_parameters(net));
    atomic_store(&calls, 0);
    for (int i = 1; i <= 20; i++) {
        RV_SCOPE;
        atomic_store(&step, i);
        atomic_store(&counting, i >= 2);
        rv_sched_step(sched, 1.0);
        rv_average_update(average);
        rv_average_swap_in(average);
        rv_average_swap_out(average);
        atomic_store(&counting, false);
    }
    printf("schedule and average: %ld calls of malloc from step 2 to step 20\n",
           atomic_load(&calls));
    rv_average_free(average);
    rv_sched_free(sched);
    rv_optim_free(opt);
    rv_layer_free(net);
    return atomic_load(&calls);
}

/* Of the layers that are made of others, hold statistics, or drop channels. */
static rv_layer *make_layers(void)
{
    return rv_layer_sequential(
        rv_layer_conv2d(3, 8, 3, .padding = 1), rv_layer_batch_norm2d(8),
        rv_layer_residual(
            rv_layer_sequential(rv_layer_conv2d(8, 8, 3, .padding = 1), rv_layer_batch_norm2d(8)),
            .activation = rv_layer_relu()),
        rv_layer_concat(rv_layer_conv2d(8, 4, 1),
                        rv_layer_avg_pool2d(3, .stride = 1, .padding = 1)),
        rv_layer_max_pool2d(2), rv_layer_dropout2d(0.2), rv_layer_group_norm(2, 12),
        rv_layer_gelu(), rv_layer_upsample(2), rv_layer_adaptive_avg_pool2d(2), rv_layer_flatten(),
        rv_layer_layer_norm(48), rv_layer_maxout(2), rv_layer_linear(24, 10));
}

/* A user's method, on whole tensors. */
static rv_tensor *plain_update(rv_optim_update *u)
{
    return rv_sub(u->parameter, rv_mul_scalar(u->gradient, u->lr));
}
static const rv_optim_class plain_class = {.name = "plain", .update = plain_update};

/* The number of calls while steps are made with all that can be asked for: groups, decay of each
 * kind, gradients looked at, clipped. */
static long measure_optimizers(void)
{
    RV_SCOPE;
    rv_layer *body = rv_layer_linear(200, 300), *head = rv_layer_linear(300, 5);
    rv_layer *net = rv_layer_sequential(body, head);
    const rv_tensors all = rv_parameters(net), of_body = rv_parameters(body),
                     of_head = rv_parameters(head);
    rv_optim *opts[] = {
        rv_optim_adam(of_body, .amsgrad = true, .weight_decay = 0.1, .maximize = true),
        rv_optim_sgd(all, .momentum = 0.9, .l1_decay = 0.1, .nonfinite = RV_NONFINITE_STOP),
        rv_optim_new(&plain_class, &(rv_optim_common){.parameters = all,
                                                      .lr = 0.1,
                                                      .weight_decay = 0.1,
                                                      .decoupled = true,
                                                      .l1_decay = 0.1,
                                                      .nonfinite = RV_NONFINITE_SKIP})};
    rv_optim_adam(of_head, .lr = 0.1, .decoupled = true, .weight_decay = 0.1, .join = opts[0]);
    rv_tensor *x = rv_randn(RV_F32, 8, 200);
    atomic_store(&calls, 0);
    for (int i = 1; i <= 20; i++) {
        RV_SCOPE;
        atomic_store(&step, i);
        atomic_store(&counting, i >= 2);
        rv_optim_zero_grad(opts[0]);
        rv_backward(rv_mean(rv_forward(net, x)));
        rv_clip_grad_norm(all, 0.01);
        rv_clip_grad_value(all, 0.001);
        for (int k = 0; k < RV_COUNT(opts); k++)
            rv_optim_step(opts[k]);
        atomic_store(&counting, false);
    }
    printf("optimizers: %ld calls of malloc from step 2 to step 20\n", atomic_load(&calls));
    for (int k = 0; k < RV_COUNT(opts); k++)
        rv_optim_free(opts[k]);
    rv_layer_free(net);
    return atomic_load(&calls);
}

/* The number of calls in the steps of each optimizer, with every set of options. (Muon's matrices
 * are of sizes for which OpenBLAS's kernels of small products do not call malloc themselves.) */
static long measure_methods(void)
{
    atomic_store(&calls, 0);
    for (int i = 0; i < OPTIM_CASES; i++) {
        RV_SCOPE;
        const optim_case *c = &optim_cases[i];
        rv_tensor *large = rv_require_grad(rv_randn(RV_F32, 96, 192));
        rv_tensor *small = rv_require_grad(rv_randn(RV_F32, 16, 32));
        rv_tensor *room[2];
        rv_optim *opt = c->make(taken_by(c, RV_TENSORS(large, small), room), c->lr[0]);
        for (int made = 1; made <= 4; made++) {
            RV_SCOPE;
            rv_optim_zero_grad(opt);
            rv_backward(rv_add(rv_sum(rv_square(large)), rv_sum(rv_square(small))));
            atomic_store(&step, made);
            atomic_store(&counting, made >= 2);
            rv_optim_step(opt);
            atomic_store(&counting, false);
        }
        rv_optim_free(opt);
    }
    printf("%d optimizers: %ld calls of malloc from step 2 to step 4\n", (int)OPTIM_CASES,
           atomic_load(&calls));
    return atomic_load(&calls);
}

/* A full batch, for the methods that evaluate the loss again. */
typedef struct full_batch {
    rv_layer *net;
    rv_tensor *x, *y;
} full_batch;

enum { ROWS = 200, PARTS = 8 };

static full_batch make_full_batch(int64_t hidden)
{
    return (full_batch){.net = rv_layer_sequential(rv_layer_linear(6, hidden), rv_layer_tanh(),
                                                   rv_layer_linear(hidden, 2)),
                        .x = rv_randn(RV_F32, ROWS, 6),
                        .y = rv_randn(RV_F32, ROWS, 2)};
}

static rv_tensor *full_batch_loss(void *context)
{
    const full_batch *b = context;
    return rv_mse(rv_forward(b->net, b->x), b->y);
}

static rv_tensor *loss_of_rows(void *context, int64_t part)
{
    const full_batch *b = context;
    const int64_t begin = part * ROWS / PARTS, end = (part + 1) * ROWS / PARTS;
    rv_tensor *y = rv_forward(b->net, rv_slice(b->x, 0, begin, end));
    return rv_sum(rv_square(rv_sub(y, rv_slice(b->y, 0, begin, end))));
}

static rv_tensor *loss_of_parts(void *context)
{
    const full_batch *b = context;
    return rv_sum_parts(loss_of_rows, context, rv_parameters(b->net), PARTS);
}

#if RV_BLAS /* without LAPACK nothing minimizes residuals */
static rv_tensor *full_batch_residuals(void *context)
{
    const full_batch *b = context;
    return rv_reshape(rv_sub(rv_forward(b->net, b->x), b->y), 2 * ROWS);
}
#endif

static bool count_on(void *context, const rv_optim_progress *p)
{
    (void)context;
    atomic_store(&step, (long)p->iteration + 1);
    atomic_store(&counting, true);
    return true;
}

/* A task that ends when both threads run one. */
static bool meet(void *context, int64_t index)
{
    (void)index;
    atomic_int *here = context;
    atomic_fetch_add(here, 1);
    while (atomic_load(here) < THREADS)
        sched_yield();
    return rv_zeros(RV_F32) != NULL;
}

/* Minimizes, and counts from the second iteration on; frees all of it. Before, each thread has a
 * scope: it takes the memory for that with its first task, and the pool's may come late to that. */
static void count_minimizing(const char *name, rv_optim *opt, rv_optim_closure *closure,
                             full_batch *b)
{
    const long before = atomic_load(&calls);
    atomic_int here = 0;
    rv_run_tasks(THREADS, meet, &here);
    const rv_optim_result r = rv_optim_minimize(opt, closure, b, .callback = count_on);
    atomic_store(&counting, false);
    if (r.iterations < 3) { /* nothing was seen */
        printf("%s made %lld iterations: %s\n", name, (long long)r.iterations, r.reason);
        atomic_fetch_add(&calls, 1);
    }
    if (atomic_load(&calls) > before)
        printf("%s: %ld calls\n", name, atomic_load(&calls) - before);
    rv_optim_free(opt);
    rv_layer_free(b->net);
    rv_finish(); /* so that the next one finds nothing recycled */
}

/* The number of calls from the second iteration on. Newton's method has few parameters: for more
 * than 25 LAPACK's dsyevd multiplies matrices, and some of OpenBLAS's kernels of small products
 * call malloc themselves. */
static long measure_minimizing(void)
{
    atomic_store(&calls, 0);
    for (const minimize_maker *m = minimize_makers; m < MINIMIZE_MAKERS_END; m++)
        for (int in_parts = 0; in_parts < 2; in_parts++) {
            RV_SCOPE;
            full_batch b = make_full_batch(strcmp(m->name, "newton") == 0 ? 2 : 20);
            rv_optim *opt = MADE(m, rv_parameters(b.net), .max_iter = 20, .max_eval = 500);
            count_minimizing(m->name, opt, in_parts ? loss_of_parts : full_batch_loss, &b);
        }
    printf("minimizing by %d methods: %ld calls of malloc from the second iteration on\n",
           RV_COUNT(minimize_makers), atomic_load(&calls));
    for (long call = 0; call < atomic_load(&calls) && call < NOTED; call++)
        printf("    iteration %ld: %ld bytes\n", atomic_load(&steps_noted[call]),
               atomic_load(&bytes_noted[call]));
    return atomic_load(&calls);
}

/* The same for sums of squares. */
static long measure_least_squares(void)
{
    atomic_store(&calls, 0);
#if RV_BLAS
    for (int method = 0; method < 3; method++) {
        RV_SCOPE;
        full_batch b = make_full_batch(20);
        const rv_tensors all = rv_parameters(b.net);
        rv_optim *opt =
            method == 2 ? rv_optim_gauss_newton(all, .max_iter = 10)
                        : rv_optim_levenberg_marquardt(all, .max_iter = 10,
                                                       .solver = (rv_least_squares_solver)method);
        count_minimizing(method == 2   ? "gauss-newton"
                         : method == 1 ? "lm, cholesky"
                                       : "lm, qr",
                         opt, full_batch_residuals, &b);
    }
#endif
    printf("least squares: %ld calls of malloc from the second iteration on\n",
           atomic_load(&calls));
    return atomic_load(&calls);
}

int main(void)
{
    rv_on_error(rv_error_exit);
    rv_set_threads(THREADS);
    allocations_watch();

    /* That the counters count is a part of the test. */
    atomic_store(&counting, true);
    void *volatile blocks[] = {malloc(1), calloc(1, 1), realloc(NULL, 1), aligned_alloc(64, 64)};
    for (int i = 0; i < RV_COUNT(blocks); i++)
        free(blocks[i]);
    atomic_store(&counting, false);
    if (atomic_load(&calls) != 4) {
        printf("%ld of 4 calls were counted\n", atomic_load(&calls));
        return 1;
    }

    const long sgd = measure(false);
    rv_finish(); /* so that Adam starts with nothing recycled */
    const long adam = measure(true);
    rv_finish();
    const long convolutions = measure_convolutions();
    rv_finish();
    long nets = measure_net("layers", make_layers(), 16);
    rv_finish();
    nets += measure_net("resnet20", rv_model_resnet(.filters = 4), 16);
    rv_finish();
    nets += measure_net("resnet8, padding",
                        rv_model_resnet(.depth = 8, .shortcut = RV_SHORTCUT_PADDING), 15);
    rv_finish();
    nets += measure_net("vgg11", rv_model_vgg(.filters = 4, .hidden = 32), 32);
    rv_finish();

    const long optimizers = measure_optimizers();
    rv_finish();
    const long methods = measure_methods();
    rv_finish();
    const long schedule = measure_schedule();
    rv_finish();
    long minimizing = measure_minimizing();
    minimizing += measure_least_squares();
    return sgd + adam + convolutions + nets + optimizers + methods + schedule + minimizing > 0;
}

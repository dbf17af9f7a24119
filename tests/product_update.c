/* product_update - a benchmark: the pass of dense quasi-Newton methods, which updates a triangle
 * and multiplies with it (core/triangle.h), against what two reads and one write of that triangle
 * take at the bandwidth that this machine has now; and an iteration of BFGS without its closure.
 *
 * The traffic is timed on an array as large as the triangle, which has lain untouched as long: one
 * pass that reads it, and one that reads and writes it. Passes of both kinds go in turn, on the
 * same threads, and the median of their ratios counts.
 *
 *     product_update [SECONDS]      for how long each is repeated, default 1
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

#include "core/memory.h"
#include "core/triangle.h"
#include "core/wide.h"

enum { MOST_TIMES = 100000, PIECES = 64, LANES = 32 };

/* ---- traffic --------------------------------------------------------------------------------- */

typedef struct traffic {
    int64_t count;
    double *numbers, sums[PIECES];
    double by;
} traffic;

RV_WIDE(read_piece, (int64_t n, const double *x, double *total), (n, x, total), {
    double sums[LANES] = {0};
    for (int64_t i = 0; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            sums[j] += x[i + j];
    *total = 0;
    for (int j = 0; j < LANES; j++)
        *total += sums[j];
})

RV_WIDE(write_piece, (int64_t n, double *x, double by), (n, x, by), {
    for (int64_t i = 0; i < n; i++)
        x[i] *= by;
})

static int64_t begin_of(const traffic *t, int64_t piece)
{
    return t->count * piece / PIECES;
}

static void run_read(void *context, int64_t piece)
{
    traffic *t = context;
    const int64_t begin = begin_of(t, piece);
    read_piece(begin_of(t, piece + 1) - begin, t->numbers + begin, &t->sums[piece]);
}

static void run_write(void *context, int64_t piece)
{
    const traffic *t = context;
    const int64_t begin = begin_of(t, piece);
    write_piece(begin_of(t, piece + 1) - begin, t->numbers + begin, t->by);
}

/* Two reads and one write. */
static double time_traffic(traffic *t)
{
    const double start = bench_now();
    rv_parallel(PIECES, run_read, t);
    rv_parallel(PIECES, run_write, t);
    return bench_now() - start;
}

/* ---- the pass -------------------------------------------------------------------------------- */

typedef struct dense {
    int64_t n;
    double *h, *vectors[4], *sums; /* u, s, x, y */
} dense;

static double *numbers(int64_t n)
{
    rv_tensor *t = rv_randn(RV_F64, n);
    return t != NULL ? rv_data(t) : NULL;
}

static dense make_dense(int64_t n)
{
    dense d = {.n = n, .h = numbers(n * (n + 1) / 2), .sums = numbers(RV_TRIANGLE_SLICES * n)};
    for (int i = 0; i < 4; i++)
        d.vectors[i] = numbers(n);
    return d;
}

/* A change that leaves H about as large as it is, however often it is made. */
static double time_pass(const dense *d, int sign)
{
    const rv_triangle_change change = {.keep = sign > 0 ? 1.0001 : 1 / 1.0001,
                                       .uu = sign * 1e-3,
                                       .us = sign * 2e-3,
                                       .ss = sign * 3e-3,
                                       .u = d->vectors[0],
                                       .s = d->vectors[1]};
    const double start = bench_now();
    rv_triangle_change_and_multiply(d->n, d->h, &change, d->vectors[2], d->vectors[3], d->sums);
    return bench_now() - start;
}

static void measure_pass(int64_t n, double seconds)
{
    static double passes[MOST_TIMES], others[MOST_TIMES], ratios[MOST_TIMES];
    RV_SCOPE;
    const dense d = make_dense(n);
    traffic t = {.count = n * (n + 1) / 2, .numbers = numbers(n * (n + 1) / 2), .by = 1};
    int times = 0;
    for (const double begin = bench_now();
         times < 5 || (bench_now() - begin < seconds && times < MOST_TIMES); times++) {
        others[times] = time_traffic(&t);
        passes[times] = time_pass(&d, times % 2 == 0 ? 1 : -1);
        ratios[times] = passes[times] / others[times];
    }
    const double bytes = 8.0 * (double)t.count, pass = bench_median(passes, times),
                 other = bench_median(others, times);
    printf("n = %4lld, %5.1f MB: pass %8.1f us (%4.1f GB/s), best %8.1f; two reads and a write "
           "%8.1f us (%4.1f GB/s), best %8.1f; ratio %.2f, best %.2f\n",
           (long long)n, bytes / 1e6, 1e6 * pass, 2e-9 * bytes / pass, 1e6 * passes[0], 1e6 * other,
           3e-9 * bytes / other, 1e6 * others[0], bench_median(ratios, times),
           passes[0] / others[0]);
}

/* ---- a whole iteration ----------------------------------------------------------------------- */

enum { TENSORS = 8 };

typedef struct task {
    rv_tensor *parameters[TENSORS];
    double in_closure; /* seconds */
} task;

/* A function with curvature everywhere, whose minimum takes many iterations. */
static rv_tensor *loss(void *context)
{
    task *t = context;
    const double start = bench_now();
    rv_tensor *sum = NULL;
    for (int i = 0; i < TENSORS; i++) {
        rv_tensor *x = t->parameters[i];
        rv_tensor *term = rv_sum(rv_add(rv_exp(rv_mul_scalar(x, 0.1 * (i + 1))), rv_square(x)));
        sum = sum == NULL ? term : rv_add(sum, term);
    }
    t->in_closure += bench_now() - start;
    return sum;
}

/* Its gradient as the library takes it, which is no part of the method either. */
static double time_gradient(task *t)
{
    RV_SCOPE;
    rv_tensor *sum = loss(t);
    const double start = bench_now();
    rv_gradients(&sum, 1, t->parameters, TENSORS);
    return bench_now() - start;
}

static void put_back(const task *t)
{
    RV_NO_GRAD;
    for (int i = 0; i < TENSORS; i++)
        rv_fill(t->parameters[i], 3 + 0.1 * i);
}

static void measure_iteration(const char *name, rv_optim *opt, task *t, double seconds)
{
    static double times[MOST_TIMES];
    int made = 0;
    double evaluations = 0;
    double gradients = 0;
    for (const double begin = bench_now();
         made < 5 || (bench_now() - begin < seconds && made < MOST_TIMES); made++) {
        enum { AT_ONCE = 10 };
        put_back(t);
        RV_SCOPE;
        gradients = made == 0 ? time_gradient(t) : fmin(gradients, time_gradient(t));
        t->in_closure = 0;
        const double start = bench_now();
        const rv_optim_result r = rv_optim_minimize(opt, loss, t, .max_iter = AT_ONCE);
        times[made] = (bench_now() - start - t->in_closure - gradients * (double)r.evaluations) /
                      (double)r.iterations;
        evaluations += (double)r.evaluations / (double)r.iterations;
    }
    const double median = bench_median(times, made);
    printf("%-8s an iteration of 941 parameters in %d tensors: %7.1f us beside the closure and "
           "gradient, best %7.1f; %.2f evaluations, gradient %.1f us\n",
           name, TENSORS, 1e6 * median, 1e6 * times[0], evaluations / made, 1e6 * gradients);
    rv_optim_free(opt);
}

/* Sizes as in a network of three hidden layers of 20. */
static task make_task(void)
{
    const int64_t shapes[TENSORS][2] = {{20, 3},  {20}, {20, 20}, {20},
                                        {20, 20}, {20}, {1, 20},  {1}};
    task t = {.in_closure = 0};
    for (int i = 0; i < TENSORS; i++)
        t.parameters[i] = rv_require_grad(rv_zeros_n(RV_F64, shapes[i][1] > 0 ? 2 : 1, shapes[i]));
    return t;
}

int main(int count, char **arguments)
{
    const double seconds = count > 1 ? atof(arguments[1]) : 1;
    rv_on_error(rv_error_exit);
    printf("%d threads\n", rv_threads());
    measure_pass(941, seconds);
    measure_pass(1000, seconds);
    measure_pass(4000, seconds);
    RV_SCOPE;
    task t = make_task();
    const rv_tensors all = {.items = t.parameters, .count = TENSORS};
    measure_iteration("bfgs", rv_optim_bfgs(all, .tolerance_grad = 0), &t, seconds);
    measure_iteration("lbfgs", rv_optim_lbfgs(all, .tolerance_grad = 0), &t, seconds);
    rv_finish();
    return 0;
}

/* optim_speed.c - a benchmark: the time of one optimizer step over 10 million F32 parameters, in 10
 * and in 200 tensors, against a plain loop on the same threads that reads and writes as much
 * memory; and over four tiny tensors, which is what a step costs before it computes anything.
 *
 * The same steps in PyTorch, to compare with in one run, are in tests/optim_speed.py.
 *
 *     optim_speed [SECONDS [NAME]]      for how long each is repeated, default 1; which
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

enum { PARAMETERS = 10000000, MOST_TENSORS = 200, MOST_TIMES = 100000, PIECE = 16384 };

typedef struct method {
    const char *name;
    rv_optim *(*make)(rv_tensors parameters);
    int arrays; /* that are read and written; beside these the gradient is read */
} method;

static rv_optim *sgd(rv_tensors p)
{
    return rv_optim_sgd(p, .lr = 1e-3);
}

static rv_optim *momentum(rv_tensors p)
{
    return rv_optim_sgd(p, .lr = 1e-3, .momentum = 0.9);
}

static rv_optim *adam(rv_tensors p)
{
    return rv_optim_adam(p, .lr = 1e-3);
}

static rv_optim *adam_decay(rv_tensors p)
{
    return rv_optim_adam(p, .lr = 1e-3, .weight_decay = 1e-2);
}

static rv_optim *adamw(rv_tensors p)
{
    return rv_optim_adamw(p, .lr = 1e-3);
}

static rv_optim *amsgrad(rv_tensors p)
{
    return rv_optim_adam(p, .lr = 1e-3, .amsgrad = true);
}

static rv_optim *adam_checked(rv_tensors p)
{
    return rv_optim_adam(p, .lr = 1e-3, .nonfinite = RV_NONFINITE_SKIP);
}

static const method methods[] = {{"sgd", sgd, 1},
                                 {"sgd momentum", momentum, 2},
                                 {"adam", adam, 3},
                                 {"adam weight_decay", adam_decay, 3},
                                 {"adamw", adamw, 3},
                                 {"adam amsgrad", amsgrad, 4},
                                 {"adam, gradients checked", adam_checked, 3}};

/* ---- the plain loop -------------------------------------------------------------------------- */

/* Arrays as an optimizer has them: a gradient and `count` others for each tensor. */
typedef struct traffic {
    float *arrays[5][MOST_TENSORS];
    int count, tensors;
    int64_t length; /* of each */
} traffic;

static int64_t pieces_of(const traffic *t)
{
    return (t->length + PIECE - 1) / PIECE;
}

static void pass_piece(void *context, int64_t piece)
{
    const traffic *t = context;
    const int64_t tensor = piece / pieces_of(t), first = piece % pieces_of(t) * PIECE;
    const int64_t n = t->length - first < PIECE ? t->length - first : PIECE;
    const float *g = t->arrays[0][tensor] + first;
    float *a = t->arrays[1][tensor] + first, *b = t->arrays[2][tensor] + first;
    float *c = t->arrays[3][tensor] + first, *d = t->arrays[4][tensor] + first;
    if (t->count == 1) {
        RV_INDEPENDENT for (int64_t i = 0; i < n; i++) a[i] += g[i];
    } else if (t->count == 2) {
        RV_INDEPENDENT for (int64_t i = 0; i < n; i++) a[i] += g[i], b[i] += g[i];
    } else if (t->count == 3) {
        RV_INDEPENDENT for (int64_t i = 0; i < n; i++) a[i] += g[i], b[i] += g[i], c[i] += g[i];
    } else {
        RV_INDEPENDENT for (int64_t i = 0; i < n; i++)
        {
            a[i] += g[i], b[i] += g[i];
            c[i] += g[i], d[i] += g[i];
        }
    }
}

static void make_traffic(traffic *t, int count, int tensors)
{
    *t = (traffic){.count = count, .tensors = tensors, .length = PARAMETERS / tensors};
    for (int tensor = 0; tensor < tensors; tensor++)
        for (int i = 0; i < 5; i++)
            t->arrays[i][tensor] = rv_data(rv_ones_n(RV_F32, 1, &t->length));
}

static double time_pass(const traffic *t)
{
    const double start = bench_now();
    rv_parallel(t->tensors * pieces_of(t), pass_piece, (void *)(uintptr_t)t);
    return bench_now() - start;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static double time_step(rv_optim *opt)
{
    const double start = bench_now();
    rv_optim_step(opt);
    return bench_now() - start;
}

/* `tensors` leaves of equal length, `n` elements in all, with gradients. */
static rv_tensors make_parameters(rv_tensor **p, int tensors, int64_t n)
{
    const int64_t length = n / tensors;
    for (int i = 0; i < tensors; i++) {
        p[i] = rv_require_grad(rv_randn_n(RV_F32, 1, &length));
        RV_SCOPE; /* the parameter alone holds its gradient, as after backward */
        rv_set_grad(p[i], rv_randn_n(RV_F32, 1, &length));
    }
    return (rv_tensors){.items = p, .count = tensors};
}

/* Steps and passes in turn, and the median of what a step takes in passes: over arrays as long as
 * the tensors, and over a few large ones, which the system may give larger pages. */
static void measure(const method *m, int tensors, double seconds)
{
    static double steps[MOST_TIMES], passes[2][MOST_TIMES], ratios[2][MOST_TIMES];
    static traffic t[2];
    RV_SCOPE;
    rv_tensor *p[MOST_TENSORS];
    rv_optim *opt = m->make(make_parameters(p, tensors, PARAMETERS));
    rv_optim_step(opt);
    make_traffic(&t[0], m->arrays, tensors);
    make_traffic(&t[1], m->arrays, 1);
    int n = 0;
    for (const double begin = bench_now();
         n < 5 || (bench_now() - begin < seconds && n < MOST_TIMES); n++) {
        for (int i = 0; i < 2; i++)
            passes[i][n] = time_pass(&t[i]);
        steps[n] = time_step(opt);
        for (int i = 0; i < 2; i++)
            ratios[i][n] = steps[n] / passes[i][n];
    }
    const double of_step = bench_median(steps, n); /* which sorts them */
    printf("%-24s %3d tensors: %7.3f ms, best %7.3f", m->name, tensors, 1e3 * of_step,
           1e3 * steps[0]);
    for (int i = 0; i < 2; i++) {
        const double median = bench_median(passes[i], n);
        printf("; traffic%s %7.3f, best %7.3f, ratio %.2f, %.2f", i == 0 ? "" : " of one array",
               1e3 * median, 1e3 * passes[i][0], bench_median(ratios[i], n),
               steps[0] / passes[i][0]);
    }
    puts("");
    rv_optim_free(opt);
}

/* Four tensors of 5 elements. */
static void measure_small(const method *m, double seconds)
{
    enum { AT_ONCE = 1000 };
    static double times[MOST_TIMES];
    RV_SCOPE;
    rv_tensor *p[4];
    rv_optim *opt = m->make(make_parameters(p, 4, 20));
    int n = 0;
    for (const double begin = bench_now();
         n < 5 || (bench_now() - begin < seconds && n < MOST_TIMES); n++) {
        const double start = bench_now();
        for (int i = 0; i < AT_ONCE; i++)
            rv_optim_step(opt);
        times[n] = (bench_now() - start) / AT_ONCE;
    }
    const double median = bench_median(times, n);
    printf("%-24s   4 tiny tensors: %7.3f us, best %7.3f\n", m->name, 1e6 * median, 1e6 * times[0]);
    rv_optim_free(opt);
}

int main(int count, char **arguments)
{
    const double seconds = count > 1 ? atof(arguments[1]) : 1;
    const char *name = count > 2 ? arguments[2] : "";
    rv_on_error(rv_error_exit);
    printf("%d threads\n", rv_threads());
    for (int i = 0; i < RV_COUNT(methods); i++) {
        if (strstr(methods[i].name, name) == NULL)
            continue;
        measure(&methods[i], 10, seconds);
        measure(&methods[i], MOST_TENSORS, seconds);
        measure_small(&methods[i], seconds / 4);
    }
    rv_finish();
    return 0;
}

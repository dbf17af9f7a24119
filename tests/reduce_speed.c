/* reduce_speed.c - a benchmark: microseconds of reductions, running totals and sorting, F32.
 *
 * The same in PyTorch, to compare with in one run, is in tests/reduce_speed.py.
 *
 *     reduce_speed [NAME]      only those whose name contains it
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include <ravine.h>

enum { TIMES = 25 };

/* Name, what is run on x, the shapes it is for: MATRICES, LINES (long ones), or IMAGES. */
#define LIST(TRIAL)                                                   \
    TRIAL(sum_0, rv_sum(x, .axes = RV_AXES(0)), MATRICES)             \
    TRIAL(sum_1, rv_sum(x, .axes = RV_AXES(1)), MATRICES)             \
    TRIAL(sum_all, rv_sum(x), MATRICES)                               \
    TRIAL(mean_0, rv_mean(x, .axes = RV_AXES(0)), MATRICES)           \
    TRIAL(mean_1, rv_mean(x, .axes = RV_AXES(1)), MATRICES)           \
    TRIAL(mean_all, rv_mean(x), MATRICES)                             \
    TRIAL(var_0, rv_var(x, .axes = RV_AXES(0)), MATRICES)             \
    TRIAL(var_1, rv_var(x, .axes = RV_AXES(1)), MATRICES)             \
    TRIAL(var_all, rv_var(x), MATRICES)                               \
    TRIAL(max_0, rv_max(x, .axes = RV_AXES(0)), MATRICES)             \
    TRIAL(max_1, rv_max(x, .axes = RV_AXES(1)), MATRICES)             \
    TRIAL(max_all, rv_max(x), MATRICES)                               \
    TRIAL(argmax_0, rv_argmax(x, 0), MATRICES)                        \
    TRIAL(argmax_1, rv_argmax(x, 1), MATRICES)                        \
    TRIAL(norm_1, rv_norm(x, .axes = RV_AXES(1)), MATRICES)           \
    TRIAL(logsumexp_0, rv_logsumexp(x, .axes = RV_AXES(0)), MATRICES) \
    TRIAL(logsumexp_1, rv_logsumexp(x, .axes = RV_AXES(1)), MATRICES) \
    TRIAL(cumsum_0, rv_cumsum(x, 0), MATRICES)                        \
    TRIAL(cumsum_1, rv_cumsum(x, 1), MATRICES)                        \
    TRIAL(sort_1, rv_sort(x, 1).values, MATRICES)                     \
    TRIAL(topk_1, rv_topk(x, 10, 1).values, MATRICES)                 \
    TRIAL(sort_line, rv_sort(x).values, LINES)                        \
    TRIAL(topk_line, rv_topk(x, 10).values, LINES)                    \
    TRIAL(sum_channels, rv_sum(x, .axes = RV_AXES(0, 2, 3)), IMAGES)  \
    TRIAL(var_channels, rv_var(x, .axes = RV_AXES(0, 2, 3)), IMAGES)  \
    TRIAL(mean_images, rv_mean(x, .axes = RV_AXES(2, 3)), IMAGES)

typedef enum shapes { MATRICES, LINES, IMAGES } shapes;

#define DEFINE(name, call, shapes)             \
    static rv_tensor *run_##name(rv_tensor *x) \
    {                                          \
        return call;                           \
    }
LIST(DEFINE)

static const struct {
    const char *name;
    rv_tensor *(*run)(rv_tensor *x);
    shapes shapes;
} trials[] = {
#define ROW(name, call, shapes) {#name, run_##name, shapes},
    LIST(ROW)
#undef ROW
};

static void measure(const char *wanted, shapes which, const char *shape, rv_tensor *x)
{
    for (int i = 0; i < RV_COUNT(trials); i++) {
        double times[TIMES];
        if (trials[i].shapes != which || strstr(trials[i].name, wanted) == NULL)
            continue;
        for (int k = 0; k < TIMES; k++) {
            RV_SCOPE;
            const double begin = bench_now();
            trials[i].run(x);
            times[k] = 1e6 * (bench_now() - begin);
        }
        const double median = bench_median(times, TIMES); /* sorts them */
        printf("%-14s %-28s %10.1f %10.1f\n", trials[i].name, shape, times[0], median);
    }
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : "";
    rv_on_error(rv_error_exit);
    rv_seed(1);
    printf("microseconds, the best and the median of %d, %d threads\n", TIMES, rv_threads());
    measure(wanted, MATRICES, "[1000,1000]", rv_randn(RV_F32, 1000, 1000));
    measure(wanted, MATRICES, "[100000,10]", rv_randn(RV_F32, 100000, 10));
    measure(wanted, MATRICES, "[10,100000]", rv_randn(RV_F32, 10, 100000));
    measure(wanted, LINES, "[1000000]", rv_randn(RV_F32, 1000000));
    rv_tensor *images = rv_randn(RV_F32, 32, 64, 28, 28);
    measure(wanted, IMAGES, "[32,64,28,28]", images);
    rv_tensor *last = rv_contiguous(rv_permute(images, 0, 2, 3, 1));
    measure(wanted, IMAGES, "[32,64,28,28]-channels-last", rv_permute(last, 0, 3, 1, 2));
    rv_finish();
    return 0;
}

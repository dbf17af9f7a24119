/* double_speed.c - a benchmark: microseconds of functions and narrow products in F64, as networks
 * that solve differential equations have them.
 *
 * The same in PyTorch, to compare with in one run, is in tests/double_speed.py.
 *
 *     double_speed [NAME]      only those whose name contains it
 *
 * "forward" is the function alone, not recorded; "both" is recorded, with rv_gradients of its sum.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include <ravine.h>

enum { TIMES = 151 };

/* Name, what is run on x [rows,width] and, for products, w [width,width] and g like x. */
#define LIST(TRIAL)                             \
    TRIAL(tanh, rv_tanh(x), FUNCTION)           \
    TRIAL(exp, rv_exp(x), FUNCTION)             \
    TRIAL(sin, rv_sin(x), FUNCTION)             \
    TRIAL(cos, rv_cos(x), FUNCTION)             \
    TRIAL(log, rv_log(x), FUNCTION)             \
    TRIAL(sigmoid, rv_sigmoid(x), FUNCTION)     \
    TRIAL(softplus, rv_softplus(x), FUNCTION)   \
    TRIAL(add, rv_add(x, x), FUNCTION)          \
    TRIAL(x_w, rv_matmul(x, w), PRODUCT)        \
    TRIAL(x_wt, rv_linear(x, w, NULL), PRODUCT) \
    TRIAL(gt_x, rv_matmul(rv_transpose(x, 0, 1), g), PRODUCT)

typedef enum kind { FUNCTION, PRODUCT } kind;

#define DEFINE(name, call, kind)                                           \
    static rv_tensor *run_##name(rv_tensor *x, rv_tensor *w, rv_tensor *g) \
    {                                                                      \
        (void)w;                                                           \
        (void)g;                                                           \
        return call;                                                       \
    }
LIST(DEFINE)

static const struct {
    const char *name;
    rv_tensor *(*run)(rv_tensor *x, rv_tensor *w, rv_tensor *g);
    kind kind;
} trials[] = {
#define ROW(name, call, kind) {#name, run_##name, kind},
    LIST(ROW)
#undef ROW
};

/* Microseconds, the best of TIMES: of trial i alone, or recorded and differentiated. */
static double best_of(int i, bool both, rv_tensor *x, rv_tensor *w, rv_tensor *g)
{
    double best = 0;
    for (int k = 0; k < TIMES; k++) {
        RV_SCOPE;
        const double begin = bench_now();
        if (both) {
            rv_tensor *loss = rv_sum(trials[i].run(x, w, g));
            rv_gradients(&loss, 1, &x, 1);
        } else {
            RV_NO_GRAD;
            trials[i].run(x, w, g);
        }
        const double time = 1e6 * (bench_now() - begin);
        best = k == 0 || time < best ? time : best;
    }
    return best;
}

static void measure(const char *wanted, int64_t rows, int64_t width)
{
    rv_tensor *x = rv_require_grad(rv_add_scalar(rv_rand(RV_F64, rows, width), 0.5));
    rv_tensor *w = rv_randn(RV_F64, width, width), *g = rv_randn(RV_F64, rows, width);
    for (int i = 0; i < RV_COUNT(trials); i++)
        if (strstr(trials[i].name, wanted) != NULL)
            printf("%-10s [%lld,%lld]\t%.2f\t%.2f\n", trials[i].name, (long long)rows,
                   (long long)width, best_of(i, false, x, w, g), best_of(i, true, x, w, g));
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : "";
    rv_on_error(rv_error_exit);
    rv_seed(1);
    printf("microseconds forward and both, the best of %d, %d threads\n", TIMES, rv_threads());
    measure(wanted, 256, 20);
    measure(wanted, 1024, 20);
    measure(wanted, 10000, 20);
    rv_finish();
    return 0;
}

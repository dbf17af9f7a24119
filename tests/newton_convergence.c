/* newton_convergence: how the gradient falls at the end of Newton's methods, iteration by
 * iteration, beside L-BFGS's; and what a preconditioner saves on an ill-conditioned parabola. By
 * hand:
 *
 *     newton_convergence                    Rosenbrock, a small softmax regression, a small network
 *     newton_convergence parabola           conjugate gradients with ranks 0 to 80
 *     newton_convergence FOLDER IMAGES      softmax regression on that many images of MNIST, in F64
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "newton_tasks.h"

enum { NEWTON_CG, NEWTON, LBFGS, METHODS };
static const char *const names[] = {"newton-cg", "newton", "lbfgs"};

static rv_optim *make(int method, rv_tensors parameters)
{
    if (method == NEWTON_CG)
        return rv_optim_newton_cg(parameters, .tolerance_grad = 1e-13);
    if (method == NEWTON)
        return rv_optim_newton(parameters, .tolerance_grad = 1e-13);
    return rv_optim_lbfgs(parameters, .tolerance_grad = 1e-13);
}

/* Prints the last iterations. */
static void show(const char *task, int method, const newton_record *r,
                 const rv_optim_result *result)
{
    enum { LAST = 8 };
    printf("%s, %s: %lld iterations, %lld evaluations, %lld products, loss %.12g: %s\n", task,
           names[method], (long long)result->iterations, (long long)result->evaluations,
           (long long)result->products, result->loss, result->reason);
    for (int64_t i = r->count > LAST ? r->count - LAST : 0; i < r->count; i++) {
        printf("    %4lld  max|g| %.2e", (long long)r->at[i].iteration, r->at[i].gradient);
        if (i > 1)
            printf("  order %.2f", log(r->at[i].gradient / r->at[i - 1].gradient) /
                                       log(r->at[i - 1].gradient / r->at[i - 2].gradient));
        putchar('\n');
    }
}

static void run(const char *name, newton_task (*make_task)(void), rv_optim_closure *loss)
{
    for (int method = 0; method < METHODS; method++) {
        RV_SCOPE;
        newton_task t = make_task();
        rv_optim *opt = make(method, newton_parameters(&t));
        newton_record r = {0};
        const rv_optim_result result = rv_optim_minimize(
            opt, loss, &t, .callback = newton_keep_record, .callback_context = &r);
        show(name, method, &r, &result);
        rv_optim_free(opt);
    }
}

static int run_mnist(const char *folder, int64_t images)
{
    rv_dataset *data = rv_data_mnist(folder, RV_TRAIN);
    rv_loader *batches = rv_data_loader(data, .batch_size = images);
    rv_batch b;
    if (!rv_next(batches, &b))
        return 1;
    rv_tensor *x = rv_cast(rv_flatten(b.x, 1, -1), RV_F64);
    for (int method = 0; method < METHODS; method += LBFGS) {
        RV_SCOPE;
        newton_task t = newton_make_softmax(x, b.y);
        rv_optim *opt = make(method, newton_parameters(&t));
        newton_record r = {0};
        const rv_optim_result result = rv_optim_minimize(
            opt, newton_softmax, &t, .callback = newton_keep_record, .callback_context = &r);
        show("mnist", method, &r, &result);
        rv_optim_free(opt);
    }
    rv_loader_free(batches);
    rv_data_free(data);
    return 0;
}

static void run_parabola(void)
{
    for (int64_t n = 200; n <= 1000; n += n < 500 ? 300 : 500)
        for (int64_t rank = 0; rank <= 80; rank += 20) {
            RV_SCOPE;
            newton_task t = newton_make_parabola(n);
            rv_optim *opt = rv_optim_newton_cg(newton_parameters(&t), .preconditioner_rank = rank,
                                               .tolerance_grad = 1e-10,
                                               .preconditioner_every = 1000, .lr = 1e6);
            const rv_optim_result r = rv_optim_minimize(opt, newton_parabola, &t);
            printf("n %lld, rank %lld: %lld products, max|g| %.1e\n", (long long)n, (long long)rank,
                   (long long)r.products, r.gradient);
            rv_optim_free(opt);
        }
}

int main(int argc, char **argv)
{
    rv_on_error(rv_error_exit);
    int status = 0;
    if (argc > 2) {
        status = run_mnist(argv[1], atoll(argv[2]));
    } else if (argc > 1) {
        run_parabola();
    } else {
        run("rosenbrock", newton_make_rosenbrock, newton_problem);
        run("softmax", newton_make_small_softmax, newton_softmax);
        run("network", newton_make_network, newton_network);
    }
    rv_finish();
    return status;
}

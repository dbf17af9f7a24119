/* pinn: Burgers' equation by a physics-informed network, and what the optimizer makes of it.
 *
 * A network of 941 numbers is trained to fulfil the equation at 10000 points. First-order methods
 * bring the error to some percent and stall; methods that learn the curvature go on to six digits
 * and more. pinn_network.c has the equation, pinn_solution.c the exact solution to compare with.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "pinn.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The points are worked on in parts: the numbers of one stay in the cache from forward to
 * backward, and the threads have a part each. */
enum { PART = 256, CANDIDATES = 5 };

typedef struct training {
    const pinn_options *options;
    rv_layer *net;
    pinn_parts *parts;
    pinn_points grid;
    rv_tensor *exact; /* on the grid */
    FILE *csv;
    const char *method;  /* that runs now */
    int64_t steps;       /* made so far */
    int64_t evaluations; /* of the loss with its gradient, before the call that runs now */
    double since, spent; /* seconds: when training went on, and how much of it there was before */
    double error;
} training;

/* ---- the loss -------------------------------------------------------------------------------- */

static rv_tensor *residual_of(training *run, const pinn_points *points)
{
    if (strcmp(run->options->derivatives, "gradients") == 0)
        return pinn_residual_by_gradients(run->net, points);
    return pinn_residual(rv_parameters(run->net), points);
}

/* One part's share of the mean square of all residuals. */
static rv_tensor *loss_part(void *context, int64_t part)
{
    training *run = context;
    rv_tensor *r = residual_of(run, &run->parts->items[part]);
    return rv_div_scalar(rv_sum(rv_square(r)), (double)run->parts->points);
}

static rv_tensor *loss(void *context)
{
    training *run = context;
    rv_tensor *sum = loss_part(run, 0);
    for (int64_t i = 1; i < run->parts->count; i++)
        sum = rv_add(sum, loss_part(run, i));
    return sum;
}

int main(int argc, char **argv)
{
    const pinn_options o = pinn_options_read(argc, argv);
    rv_on_error(rv_error_exit);
    rv_set_threads((int)o.threads);
    rv_seed((uint64_t)o.seed);
    training run = {.options = &o, .net = pinn_network(o.layers, o.width)};
    const pinn_places p = pinn_draw(o.points);
    run.parts = pinn_parts_make(&p, getenv("PART") ? atoi(getenv("PART")) : PART);
    struct timespec a, b;
    double best = 1e9;
    for (int i = 0; i < 100; i++) {
        RV_SCOPE;
        clock_gettime(CLOCK_MONOTONIC, &a);
        rv_tensor *l = loss(&run);
        rv_tensors ps = rv_parameters(run.net);
        rv_tensor **g = rv_gradients(&l, 1, ps.items, (int)ps.count);
        (void)g;
        clock_gettime(CLOCK_MONOTONIC, &b);
        double s = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
        if (s < best) best = s;
        if (i == 99) printf("loss %.17g best %.3f ms last %.3f\n", rv_item(l), best * 1e3, s * 1e3);
    }
    return 0;
}

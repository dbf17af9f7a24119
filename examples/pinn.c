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

enum {
    PART = 256, /* points: what they need on the way stays in a processor's second cache */
    CANDIDATES = 5
};

typedef struct training {
    const pinn_options *options;
    rv_layer *net;
    rv_tensors parameters;
    pinn_parts *parts;
    pinn_points grid;
    rv_tensor *exact;    /* on the grid */
    rv_sched *sched;     /* of the method that runs now; NULL: none */
    const char *method;  /* its name */
    FILE *csv;           /* NULL: none */
    int64_t steps;       /* made before the call that runs now, */
    int64_t evaluations; /* and how often the loss and its gradient were computed */
    double since, spent; /* seconds: when training went on, and how much of it there was before */
} training;

/* ---- the loss -------------------------------------------------------------------------------- */

static rv_tensor *residual_part(void *context, int64_t part)
{
    training *run = context;
    const pinn_points *points = &run->parts->items[part];
    if (strcmp(run->options->derivatives, "gradients") == 0)
        return pinn_residual_by_gradients(run->net, points);
    return pinn_residual(run->parameters, points);
}

/* One part's share of the mean square of all residuals. */
static rv_tensor *loss_part(void *context, int64_t part)
{
    const training *run = context;
    rv_tensor *squares = rv_sum(rv_square(residual_part(context, part)));
    return rv_div_scalar(squares, (double)run->parts->points);
}

static rv_tensor *loss(void *context)
{
    const training *run = context;
    return rv_sum_parts(loss_part, context, run->parameters, run->parts->count);
}

/* ---- what is reported ------------------------------------------------------------------------ */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* |u - exact|/|exact| on the grid, in the Euclidean norm. */
static double relative_error(const training *run)
{
    RV_NO_GRAD;
    RV_SCOPE;
    rv_tensor *u = pinn_u(run->net, &run->grid);
    return rv_item(rv_norm(rv_sub(u, run->exact))) / rv_item(rv_norm(run->exact));
}

/* Prints a line, and writes a row. The clock stands still meanwhile. */
static void report(training *run, int64_t step, int64_t evaluations, double loss_there)
{
    run->spent += now() - run->since;
    const double error = relative_error(run);
    printf("%-9s %6lld  evaluations %6lld  loss %.3e  error %.3e  %7.2f s\n", run->method,
           (long long)step, (long long)evaluations, loss_there, error, run->spent);
    fflush(stdout);
    if (run->csv != NULL) {
        fprintf(run->csv, "%s,%lld,%lld,%lld,%.9e,%.9e,%.3f\n", run->options->method,
                (long long)run->options->seed, (long long)step, (long long)evaluations, loss_there,
                error, run->spent);
        fflush(run->csv);
    }
    run->since = now();
}

/* After each iteration of the method that runs. */
static bool after(void *context, const rv_optim_progress *p)
{
    training *run = context;
    const int64_t step = run->steps + p->iteration;
    if (run->sched != NULL)
        rv_sched_step(run->sched);
    if (step % run->options->every == 0)
        report(run, step, run->evaluations + p->evaluations, p->loss);
    return true;
}

/* ---- points ---------------------------------------------------------------------------------- */

/* The points are these from now on. */
static void place_points(training *run, pinn_places places)
{
    pinn_parts_free(run->parts);
    run->parts = pinn_parts_make(&places, PART);
    if (run->parts == NULL) {
        fprintf(stderr, "pinn: no memory for the points\n");
        exit(1);
    }
}

/* Draws points again: of many candidates those with a large residual sooner, with a probability
 * proportional to |r|/mean|r| + 1 (Wu et al. 2023). */
static void redraw(training *run)
{
    RV_NO_GRAD;
    RV_SCOPE;
    const int64_t points = run->options->points;
    const pinn_places candidates = pinn_draw(CANDIDATES * points);
    place_points(run, candidates);
    rv_tensor *r = rv_abs(rv_cat_parts(residual_part, run, run->parts->count));
    rv_tensor *weights = rv_add_scalar(rv_div(r, rv_mean(r)), 1);
    place_points(run, pinn_choose(&candidates, weights, points));
}

/* ---- training -------------------------------------------------------------------------------- */

static rv_optim *make_bfgs(rv_tensors parameters, rv_bfgs_update update)
{
    return rv_optim_bfgs(parameters, .update = update, .tolerance_grad = 0, .predict_step = true);
}

/* Tolerances of 0: to the last digit. NULL for adam, which goes on as it is. */
static rv_optim *make_method(const pinn_options *o, rv_tensors parameters)
{
    const char *name = o->method;
    if (strcmp(name, "lbfgs") == 0)
        return rv_optim_lbfgs(parameters, .history = o->history, .tolerance_grad = 0);
    if (strcmp(name, "bfgs") == 0)
        return make_bfgs(parameters, RV_BFGS_PLAIN);
    if (strcmp(name, "ssbfgs") == 0)
        return make_bfgs(parameters, RV_BFGS_SELF_SCALED);
    if (strcmp(name, "ssbroyden") == 0)
        return make_bfgs(parameters, RV_BFGS_SELF_SCALED_BROYDEN);
    if (strcmp(name, "cg") == 0)
        return rv_optim_cg(parameters, .tolerance_grad = 0);
    return NULL;
}

/* Runs an optimizer for so many steps, in stages, between which points are drawn again: the method
 * goes on with what it has learned of the curvature, as the loss is nearly the same. (Where a dense
 * method's matrix would stop being positive definite, it starts anew by itself.) */
static void train(training *run, rv_optim *opt, int64_t steps)
{
    const int64_t every = run->options->redraw, last = run->steps + steps;
    while (run->steps < last) {
        if (every > 0 && run->steps > 0 && run->steps % every == 0)
            redraw(run);
        const int64_t left = last - run->steps,
                      stage = every > 0 ? every - run->steps % every : left;
        const int64_t most = stage < left ? stage : left;
        const rv_optim_result r = rv_optim_minimize(opt, loss, run, .max_iter = most,
                                                    .callback = after, .callback_context = run);
        run->evaluations += r.evaluations;
        run->steps += most;
        if (r.status != RV_OPTIM_ITERATIONS) {
            printf("%-9s %6lld  %s\n", run->method, (long long)(run->steps - most + r.iterations),
                   r.reason);
            if (every == 0 || r.status == RV_OPTIM_NONFINITE)
                return; /* on other points it could go on */
        }
    }
}

/* Adam, whose rate falls by 0.98 in 1000 steps, and then the method. */
static void train_all(training *run)
{
    const pinn_options *o = run->options;
    rv_optim *adam = rv_optim_adam(run->parameters, .lr = o->lr, .betas = {0.99, 0.999});
    rv_optim *opt = make_method(o, run->parameters);
    run->sched = rv_sched_exponential(adam, .gamma = pow(0.98, 1e-3));
    run->method = "adam";
    train(run, adam, o->adam + (opt == NULL ? o->iterations : 0));
    rv_sched_free(run->sched);
    rv_optim_free(adam);

    run->sched = NULL;
    run->method = o->method;
    if (opt != NULL)
        train(run, opt, o->iterations);
    rv_optim_free(opt);
}

/* ---- how long an evaluation takes ------------------------------------------------------------ */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(training *run)
{
    enum { TIMES = 201, WARM = 20 };
    double seconds[TIMES];
    for (int i = -WARM; i < TIMES; i++) {
        RV_SCOPE;
        const double start = now();
        rv_tensor *value = loss(run);
        rv_gradients(&value, 1, run->parameters.items, (int)run->parameters.count);
        if (i >= 0)
            seconds[i] = now() - start;
    }
    qsort(seconds, TIMES, sizeof *seconds, ascending);
    printf("loss and gradient: median %.2f ms, best %.2f, %d threads\n", 1e3 * seconds[TIMES / 2],
           1e3 * seconds[0], rv_threads());
}

/* ---- the program ----------------------------------------------------------------------------- */

static FILE *open_csv(const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (path != NULL && file == NULL) {
        fprintf(stderr, "pinn: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    if (file != NULL)
        fprintf(file, PINN_CSV_HEAD);
    return file;
}

/* Whether all that was printed into the file is in it. */
static bool close_csv(FILE *file, const char *path)
{
    const bool written = file == NULL || ferror(file) == 0;
    if ((file == NULL || fclose(file) == 0) && written)
        return true;
    fprintf(stderr, "pinn: %s: it could not be written\n", path);
    return false;
}

int main(int argc, char **argv)
{
    const pinn_options o = pinn_options_read(argc, argv);

    rv_on_error(rv_error_exit); /* this script stops at the first error */
    rv_set_threads((int)o.threads);
    rv_seed((uint64_t)o.seed);

    training run = {.options = &o, .net = pinn_network(o.layers, o.width)};
    if (o.load != NULL)
        rv_load(o.load, run.net);
    run.parameters = rv_parameters(run.net);
    place_points(&run, pinn_draw(o.points));
    const pinn_places grid = pinn_grid();
    run.grid = pinn_points_of(grid.t, grid.x);
    run.exact = pinn_exact(grid.t, grid.x);
    run.csv = open_csv(o.csv);
    run.since = now();

    if (o.time)
        measure(&run);
    else
        train_all(&run);
    bool is_done = close_csv(run.csv, o.csv);
    if (o.save != NULL)
        rv_save(o.save, run.net);
    if (o.plot != NULL)
        is_done = pinn_draw_picture(&o, pinn_u(run.net, &run.grid), run.exact) && is_done;
    if (!o.time)
        printf("relative L2 error %.1e\n", relative_error(&run));

    pinn_parts_free(run.parts);
    rv_layer_free(run.net);
    rv_finish();
    return is_done ? 0 : 1;
}

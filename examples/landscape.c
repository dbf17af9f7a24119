/* landscape: watches optimizers go down a surface.
 *
 * A network's loss is a surface over millions of numbers. Over two it can be seen: where gradient
 * descent zigzags, what momentum does about it, and why Adam divides by the gradient's size. All
 * surfaces stand in one table (landscape_surfaces.c), all optimizers come by their names, and each
 * runs the loop that trains a network. Methods that evaluate the loss again, as L-BFGS, run
 * rv_optim_minimize: a step of theirs is an iteration, and they stop when they are there.
 * landscape_options.c reads the command line, landscape_draw.c has gnuplot draw the picture.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "landscape.h"

/* The height above a point, a 1x2 matrix (so that optimizers for matrices can run, too): the loss
 * that is descended. */
static rv_tensor *loss_at(rv_tensor **in, void *context)
{
    const landscape_options *o = context;
    rv_tensor *x = rv_select(in[0], 1, 0), *y = rv_select(in[0], 1, 1);
    return rv_sum(o->surface->height(x, y, o->condition));
}

static rv_tensor *make_point(const double *xy)
{
    return rv_from_array(xy, RV_F64, 1, 2);
}

/* ---- the start ------------------------------------------------------------------------------- */

/* Prints how steep it is there, and returns the largest curvature. */
static double describe_start(landscape_options *o)
{
    RV_SCOPE;
    rv_tensor *in[] = {make_point(o->start)};
    rv_tensor *hessian = rv_hessian(loss_at, o, RV_TENSORS(in[0]));
    rv_tensor *values = rv_eigh(hessian).values; /* ascending */
    const double low = rv_item_at(values, 0), high = rv_item_at(values, 1);
    const double least = fmin(fabs(low), fabs(high)), most = fmax(fabs(low), fabs(high));

    printf("%s: f = %s", o->surface->name, o->surface->formula);
    if (o->surface->condition != 0)
        printf(", K = %g", o->condition);
    printf("\nstart: (%g, %g), f = %.6g\n", o->start[0], o->start[1], rv_item(loss_at(in, o)));
    printf("Hessian there: eigenvalues %.6g and %.6g%s, condition number %.6g\n\n", low, high,
           low < 0 ? " (not convex)" : "", most / least);
    return most;
}

/* ---- the descent ----------------------------------------------------------------------------- */

/* A learning rate that shows what an optimizer does. Gradient descent shakes across a valley when
 * its rate times the largest curvature comes near 2, and flies off beyond that (so would radam,
 * whose first steps are plain ones); the steps of optimizers that divide by the gradient's size are
 * about as long as the rate says. */
static double suitable_lr(const char *name, const landscape_options *o, double curvature)
{
    static const struct {
        const char *name;
        double over_curvature, of_width; /* of the picture */
    } rates[] = {
        {"sgd", 1.85, 0}, {"asgd", 1.85, 0},   {"momentum", 0.3, 0}, {"nesterov", 0.3, 0},
        {"radam", 1, 0},  {"adagrad", 0, 0.1}, {"adadelta", 0, 1},   {"rmsprop", 0, 0.004},
    };
    const double width = o->surface->right - o->surface->left;
    if (landscape_minimizes(name) && strcmp(name, "random") != 0)
        return 1;
    for (int i = 0; i < RV_COUNT(rates); i++)
        if (strcmp(name, rates[i].name) == 0)
            return rates[i].over_curvature / curvature + rates[i].of_width * width;
    return 0.02 * width;
}

/* Adds a point; false if it is not finite. */
static bool add_point(landscape_path *path, rv_tensor *point, double f)
{
    const double x = rv_item_at(point, 0, 0), y = rv_item_at(point, 0, 1);
    if (!isfinite(x) || !isfinite(y) || !isfinite(f))
        return false;
    path->points[path->count][0] = x;
    path->points[path->count][1] = y;
    path->points[path->count++][2] = f;
    return true;
}

/* What a method that minimizes works with. */
typedef struct minimization {
    landscape_options *options;
    landscape_path *path;
    rv_tensor *point;
} minimization;

static rv_tensor *loss_again(void *context)
{
    minimization *m = context;
    return loss_at(&m->point, m->options);
}

static bool follow(void *context, const rv_optim_progress *progress)
{
    minimization *m = context;
    return add_point(m->path, m->point, progress->loss);
}

static void minimize(landscape_options *o, landscape_path *path)
{
    RV_SCOPE;
    minimization m = {o, path, rv_require_grad(make_point(o->start))};
    rv_optim *opt = rv_optim_by_name(path->name, RV_TENSORS(m.point), .lr = path->lr);
    if (!add_point(path, m.point, rv_item(loss_again(&m))))
        return;
    path->result = rv_optim_minimize(opt, loss_again, &m, .max_iter = o->steps, .callback = follow,
                                     .callback_context = &m);
    rv_optim_free(opt);
}

static void descend(landscape_options *o, landscape_path *path)
{
    RV_SCOPE;
    rv_seed((uint64_t)o->seed); /* the same noise for each */
    rv_tensor *point = rv_require_grad(make_point(o->start));
    rv_optim *opt = rv_optim_by_name(path->name, RV_TENSORS(point), .lr = path->lr);

    for (;;) {
        RV_SCOPE;
        rv_tensor *loss = loss_at(&point, o);
        if (!add_point(path, point, rv_item(loss)) || path->count > o->steps)
            break;
        rv_optim_zero_grad(opt);
        rv_backward(loss);
        rv_tensor *noise = rv_mul_scalar(rv_randn(RV_F64, 1, 2), o->noise);
        rv_set_grad(point, rv_add(rv_grad(point), noise));
        rv_optim_step(opt);
    }
    rv_optim_free(opt);
}

static void print_path(const landscape_options *o, const landscape_path *path)
{
    printf("%-10s %9.4g  ", path->name, path->lr);
    const bool minimized = path->result.reason != NULL;
    if (path->count <= o->steps && !minimized) {
        printf("diverged: not finite after %lld steps\n", (long long)path->count);
        return;
    }
    const double *end = path->points[path->count - 1], *minimum = o->surface->minimum;
    printf("(%9.6f, %9.6f)  %13.6e  %13.6e", end[0], end[1], end[2],
           hypot(end[0] - minimum[0], end[1] - minimum[1]));
    if (minimized)
        printf("  (%lld steps, %lld evaluations: %s)", (long long)path->result.iterations,
               (long long)path->result.evaluations, path->result.reason);
    printf("\n");
}

int main(int argc, char **argv)
{
    landscape_options o = landscape_options_read(argc, argv);
    landscape_path paths[MOST_OPTIMIZERS];

    rv_on_error(rv_error_exit);
    const double curvature = describe_start(&o);

    printf("optimizer         lr  where it is after %-6lld  f              from the minimum\n",
           (long long)o.steps);
    for (int i = 0; i < o.count; i++) {
        paths[i] = (landscape_path){.name = o.optim[i], .lr = o.lr[i]};
        if (paths[i].lr == 0)
            paths[i].lr = suitable_lr(paths[i].name, &o, curvature);
        paths[i].points = malloc((size_t)(o.steps + 1) * sizeof *paths[i].points);
        if (paths[i].points == NULL) {
            fprintf(stderr, "landscape: no memory for %lld steps\n", (long long)o.steps);
            return 1;
        }
        (landscape_minimizes(paths[i].name) ? minimize : descend)(&o, &paths[i]);
        print_path(&o, &paths[i]);
    }
    const bool drawn = o.out == NULL || landscape_draw(&o, paths);

    for (int i = 0; i < o.count; i++)
        free(paths[i].points);
    rv_finish();
    return drawn ? 0 : 1;
}

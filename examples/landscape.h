/* landscape.h - what the parts of the landscape example share. */
#ifndef EXAMPLES_LANDSCAPE_H
#define EXAMPLES_LANDSCAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <ravine.h>

/* ---- landscape_surfaces.c: what is descended ------------------------------------------------- */

/* The height above (x, y), tensors of shapes that broadcast: one point, or a grid of them. */
typedef rv_tensor *surface_height(rv_tensor *x, rv_tensor *y, double condition);

typedef struct surface {
    const char *name;
    const char *formula;
    surface_height *height;
    double condition;            /* what K in the formula is by default; 0: there is none */
    double start[2], minimum[2]; /* x, y */
    double left, right, bottom, top;
    int64_t steps; /* enough to see what happens */
} surface;

/* Every surface; the one behind the last has no name. */
extern const surface surfaces[];

/* ---- landscape_options.c: the command line --------------------------------------------------- */

enum { MOST_OPTIMIZERS = 32 };

typedef struct landscape_options {
    const surface *surface;
    double condition; /* K */
    double start[2];
    double noise; /* standard deviation of what is added to each element of a gradient */
    int64_t steps, seed;
    const char *out;                    /* NULL: draw nothing */
    int count;                          /* of optimizers */
    const char *optim[MOST_OPTIMIZERS]; /* of rv_optim_names and rv_minimizer_names */
    double lr[MOST_OPTIMIZERS];         /* 0: one that suits the surface */
} landscape_options;

/* Whether that is the name of a method that evaluates the loss again. */
bool landscape_minimizes(const char *name);

/* What the command line says; ends the process with status 64 if something is wrong with it. */
landscape_options landscape_options_read(int argc, char **argv);

/* ---- landscape_draw.c: pictures -------------------------------------------------------------- */

/* Where an optimizer went. */
typedef struct landscape_path {
    const char *name;
    double lr;
    int64_t count;          /* of points, the start included; all are finite */
    double (*points)[3];    /* [count] x, y, height */
    rv_optim_result result; /* of a method that minimizes; else all 0 */
} landscape_path;

/* Writes options->out: a picture, by gnuplot, if its name ends in .svg or .png; the text that
 * gnuplot draws it from, which has all data in it, if it ends in .gp, or if there is no gnuplot.
 * Says what it wrote; false, and why on stderr, if it could not. */
bool landscape_draw(const landscape_options *options, const landscape_path *paths);

#endif

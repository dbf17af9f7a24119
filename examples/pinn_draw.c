/* pinn_draw.c - the solution, its error, and how that fell, drawn by gnuplot. */
#include "pinn.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gnuplot.h"

enum { EVERY_COLUMN = 2, MOST_CURVES = 12, MOST_LINE = 512 };

typedef struct curve {
    char name[32];
    int64_t count;
    double (*points)[2]; /* [count]: evaluations, error */
} curve;

typedef struct picture {
    const double *u, *exact; /* [PINN_ROWS, PINN_COLUMNS] */
    const curve *curves;
    int count;
} picture;

/* ---- files of --csv -------------------------------------------------------------------------- */

static bool failed(const char *path, const char *why)
{
    fprintf(stderr, "pinn: %s: %s\n", path, why);
    return false;
}

static bool add_point(curve *c, double evaluations, double error)
{
    if ((c->count & (c->count - 1)) == 0) { /* room for a power of 2 is used up */
        const size_t room = c->count == 0 ? 1 : 2 * (size_t)c->count;
        double(*points)[2] = realloc(c->points, room * sizeof *points);
        if (points == NULL)
            return false;
        c->points = points;
    }
    c->points[c->count][0] = evaluations;
    c->points[c->count++][1] = error;
    return true;
}

/* The rows of an open file, below its head. */
static bool read_rows(const char *path, FILE *file, curve *c)
{
    char line[MOST_LINE];
    double evaluations, error;
    if (fgets(line, sizeof line, file) == NULL || strcmp(line, PINN_CSV_HEAD) != 0)
        return failed(path, "it was not written by pinn --csv");
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%31[a-z0-9_-],%*d,%*d,%lf,%*f,%lf", c->name, &evaluations, &error) != 3 ||
            !(evaluations >= 0) || !isfinite(evaluations) || !isfinite(error))
            return failed(path, "a row of it is not of the form that --csv writes");
        if (!add_point(c, evaluations, error))
            return failed(path, "no memory for its rows");
    }
    return c->count > 0 || failed(path, "there is no row in it");
}

static bool read_curve(const char *path, curve *c)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return failed(path, strerror(errno));
    const bool ok = read_rows(path, file, c);
    fclose(file);
    return ok;
}

/* Of paths with commas between them. */
static bool read_curves(const char *paths, curve *curves, int *count)
{
    char path[4096];
    for (size_t length; *paths != '\0'; paths += length + (paths[length] == ',')) {
        length = strcspn(paths, ",");
        if (length == 0 || length >= sizeof path || *count == MOST_CURVES)
            return failed(paths, "expected up to 12 names of files, with commas between them");
        memcpy(path, paths, length);
        path[length] = '\0';
        if (!read_curve(path, &curves[(*count)++]))
            return false;
    }
    return true;
}

/* ---- the text -------------------------------------------------------------------------------- */

/* Each second x: 128 by 100 cells are more than a picture of this size shows. */
static void write_grid(FILE *to, const picture *p)
{
    fprintf(to, "$grid << end\n# t x u error\n");
    for (int i = 0; i < PINN_ROWS; i++, fprintf(to, "\n"))
        for (int j = 0; j < PINN_COLUMNS; j += EVERY_COLUMN) {
            const int64_t at = (int64_t)i * PINN_COLUMNS + j;
            fprintf(to, "%.4g %.5g %.4g %.3e\n", 0.01 + 0.99 * i / (PINN_ROWS - 1),
                    -1 + 2.0 * j / (PINN_COLUMNS - 1), p->u[at], p->u[at] - p->exact[at]);
        }
    fprintf(to, "end\n");
}

static void write_curves(FILE *to, const picture *p)
{
    for (int i = 0; i < p->count; i++) {
        fprintf(to, "$curve%d << end\n# %s: evaluations, relative error\n", i, p->curves[i].name);
        for (int64_t k = 0; k < p->curves[i].count; k++)
            fprintf(to, "%.0f %.4e\n", p->curves[i].points[k][0], p->curves[i].points[k][1]);
        fprintf(to, "end\n");
    }
}

static void write_map(FILE *to, const char *title, int column, double range)
{
    fprintf(to,
            "set title '%s'\nset cbrange [%g:%g]\n"
            "plot $grid using 1:2:%d with image notitle\n",
            title, -range, range, column);
}

static void write_all(FILE *to, const void *context)
{
    /* Okabe and Ito's colours, which the colour-blind tell apart. */
    static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#000000"};
    const picture *p = context;
    double largest = 1e-300;
    for (int64_t i = 0; i < (int64_t)PINN_ROWS * PINN_COLUMNS; i++)
        largest = fmax(largest, fabs(p->u[i] - p->exact[i]));
    write_grid(to, p);
    write_curves(to, p);
    fprintf(to,
            "set multiplot layout 1,%d\nset border linecolor '#808080'\n"
            "set tics out nomirror textcolor '#404040'\nset xrange [0:1]\nset yrange [-1:1]\n"
            "set xlabel 't'\nset ylabel 'x' offset 1\n"
            "set palette defined (-1 '#2166ac', 0 '#f7f7f7', 1 '#b2182b')\n"
            "set format cb '%%.2g'\n",
            p->count > 0 ? 3 : 2);
    write_map(to, "u(t, x)", 3, 1);
    write_map(to, "u less the exact solution", 4, largest);
    if (p->count > 0)
        fprintf(to, "set title 'relative L2 error'\nset xlabel 'evaluations'\nunset ylabel\n"
                    "set autoscale xy\nset logscale y\nset format y '10^{%%L}'\n"
                    "set format x '%%.0s%%c'\nplot ");
    for (int i = 0; i < p->count; i++)
        fprintf(to, "%s$curve%d using 1:2 with lines linecolor '%s' linewidth 1.4 title '%s'",
                i > 0 ? ", \\\n " : "", i, colours[i % RV_COUNT(colours)], p->curves[i].name);
    fprintf(to, "\nunset multiplot\n");
}

bool pinn_draw_picture(const pinn_options *o, rv_tensor *u, rv_tensor *exact)
{
    curve curves[MOST_CURVES] = {{{0}, 0, NULL}};
    picture p = {.u = rv_data(u), .exact = rv_data(exact), .curves = curves};
    bool ok = o->csv == NULL || read_curves(o->csv, curves, &p.count);
    ok = ok && (o->compare == NULL || read_curves(o->compare, curves, &p.count));
    ok = ok && gnuplot_draw(&(gnuplot_picture){.program = "pinn",
                                               .path = o->plot,
                                               .width = p.count > 0 ? 1140 : 760,
                                               .height = 330,
                                               .write = write_all,
                                               .context = &p});
    for (int i = 0; i < p.count; i++)
        free(curves[i].points);
    return ok;
}

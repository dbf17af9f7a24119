/* landscape_draw.c - a picture of paths over contours, drawn by gnuplot.
 *
 * gnuplot reads one text: what to draw, and the data, in blocks. It goes through a pipe; where
 * there is no gnuplot, into a file, so that it can be drawn later or by something else.
 */
#define _POSIX_C_SOURCE 200809L /* popen */

#include "landscape.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRID = 101, LEVELS = 18 };

/* ---- the text -------------------------------------------------------------------------------- */

/* [GRID, GRID] heights: rows from bottom to top, columns from left to right. */
static rv_tensor *grid_of(const landscape_options *o)
{
    const surface *s = o->surface;
    rv_tensor *x = rv_arange(RV_F64, 0, GRID, 1), *y = rv_reshape(x, GRID, 1);
    x = rv_add_scalar(rv_mul_scalar(x, (s->right - s->left) / (GRID - 1)), s->left);
    y = rv_add_scalar(rv_mul_scalar(y, (s->top - s->bottom) / (GRID - 1)), s->bottom);
    return s->height(x, y, o->condition);
}

/* Contours lie where so many of the heights are below: evenly spread over any surface, and closer
 * near the bottom, where the paths end. */
static void write_levels(FILE *to, rv_tensor *grid)
{
    rv_tensor *sorted = rv_sort(rv_flatten(grid, 0, -1)).values;
    fprintf(to, "set cntrparam levels discrete ");
    for (int i = 1; i <= LEVELS; i++) {
        const double share = pow(i / (LEVELS + 1.0), 1.5);
        fprintf(to, "%s%.6g", i == 1 ? "" : ", ",
                rv_item_at(sorted, (int64_t)(share * (GRID * GRID - 1))));
    }
    fprintf(to, "\n");
}

static void write_grid(FILE *to, const landscape_options *o, rv_tensor *grid)
{
    const surface *s = o->surface;
    const double *height = rv_data(grid);
    fprintf(to, "$heights << end\n"); /* x y f, a row of the grid a block */
    for (int i = 0; i < GRID; i++, fprintf(to, "\n"))
        for (int j = 0; j < GRID; j++)
            fprintf(to, "%.5g %.5g %.6g\n", s->left + j * (s->right - s->left) / (GRID - 1),
                    s->bottom + i * (s->top - s->bottom) / (GRID - 1), height[i * GRID + j]);
    fprintf(to, "end\n");
}

/* A path up to where it leaves the picture for good, or by far. */
static void write_path(FILE *to, const landscape_options *o, const landscape_path *path, int number)
{
    const surface *s = o->surface;
    const double width = s->right - s->left, height = s->top - s->bottom;
    fprintf(to, "$path%d << end\n# %s, learning rate %g: x y f\n", number, path->name, path->lr);
    for (int64_t i = 0; i < path->count; i++) {
        const double *p = path->points[i];
        if (fabs(p[0]) > fabs(s->left) + 10 * width || fabs(p[1]) > fabs(s->bottom) + 10 * height)
            break;
        fprintf(to, "%.6g %.6g %.6g\n", p[0], p[1], p[2]);
    }
    fprintf(to, "end\n");
}

static void write_all(FILE *to, const landscape_options *o, const landscape_path *paths)
{
    /* Okabe and Ito's colours, which the colour-blind tell apart. */
    static const char *const colours[] = {"#d55e00", "#0072b2", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#000000", "#7f7f00"};
    RV_SCOPE;
    const surface *s = o->surface;
    rv_tensor *grid = grid_of(o);

    write_grid(to, o, grid);
    for (int i = 0; i < o->count; i++)
        write_path(to, o, &paths[i], i);

    fprintf(to, "set contour base\nunset surface\n");
    write_levels(to, grid);
    fprintf(to,
            "set table $contours\nsplot $heights using 1:2:3 with lines notitle\nunset table\n"
            "set xrange [%g:%g]\nset yrange [%g:%g]\nset xlabel 'x'\nset ylabel 'y' rotate by 0\n"
            "set border linecolor '#808080'\nset tics out nomirror textcolor '#404040'\n"
            "set key outside bottom center horizontal samplen 2\n",
            s->left, s->right, s->bottom, s->top);
    fprintf(to, "plot $contours using 1:2 with lines linecolor '#c0c8d0' linewidth 0.7 notitle");
    for (int i = 0; i < o->count; i++)
        fprintf(to,
                ", \\\n $path%d using 1:2 with linespoints linecolor '%s' linewidth 1.4 "
                "pointtype 7 pointsize 0.3 title '%s'",
                i, colours[i % RV_COUNT(colours)], paths[i].name);
    fprintf(to,
            ", \\\n '-' using 1:2 with points pointtype 6 pointsize 1.2 linecolor black "
            "notitle, \\\n '-' using 1:2 with points pointtype 3 pointsize 1.4 linecolor black "
            "notitle\n%.6g %.6g\ne\n%.6g %.6g\ne\n",
            o->start[0], o->start[1], s->minimum[0], s->minimum[1]);
}

/* ---- where it goes --------------------------------------------------------------------------- */

static bool failed(const char *path, const char *why)
{
    fprintf(stderr, "landscape: %s: %s\n", path, why);
    return false;
}

static bool write_text(const char *path, const landscape_options *o, const landscape_path *paths)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return failed(path, strerror(errno));
    fprintf(file, "# %s: gnuplot -p %s\n", o->surface->name, path);
    write_all(file, o, paths);
    const bool written = ferror(file) == 0;
    if (fclose(file) != 0 || !written)
        return failed(path, "it could not be written");
    printf("\nwritten: %s\n", path);
    return true;
}

/* gnuplot's name for the file: as one text, and so that none is a command, as '|rm' would be. */
static void write_output(FILE *to, const char *path)
{
    fprintf(to, "set output '%s", path[0] == '/' ? "" : "./");
    for (const char *p = path; *p != '\0'; p++)
        fprintf(to, *p == '\'' ? "''" : "%c", *p);
    fprintf(to, "'\n");
}

static bool draw(const landscape_options *o, const landscape_path *paths)
{
    const bool svg = strcmp(strrchr(o->out, '.'), ".svg") == 0;
    for (const char *p = o->out; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            return failed(o->out, "gnuplot takes no name with control characters");
    FILE *pipe = popen("gnuplot -d", "w");
    if (pipe == NULL)
        return failed("gnuplot", strerror(errno));
    fprintf(pipe, "set terminal %s\n",
            svg ? "svg size 640,440 dynamic font 'sans-serif,12' background '#ffffff'"
                : "pngcairo size 800,550 font 'sans-serif,11'");
    write_output(pipe, o->out);
    write_all(pipe, o, paths);
    if (pclose(pipe) != 0)
        return failed(o->out, "gnuplot could not draw it");
    printf("\ndrawn: %s\n", o->out);
    return true;
}

bool landscape_draw(const landscape_options *options, const landscape_path *paths)
{
    const char *ending = strrchr(options->out, '.');
    if (strcmp(ending, ".gp") == 0)
        return write_text(options->out, options, paths);

    signal(SIGPIPE, SIG_IGN); /* a gnuplot that stops early is an error, not our end */
    if (system("gnuplot --version >/dev/null 2>&1") == 0)
        return draw(options, paths);

    char *path = malloc(strlen(options->out) + 4);
    if (path == NULL)
        return failed(options->out, "no memory for its name");
    sprintf(path, "%.*s.gp", (int)(ending - options->out), options->out);
    printf("\ngnuplot, which draws the picture, is not there: on Debian, apt install gnuplot-nox. "
           "What it would draw is kept for it.");
    const bool written = write_text(path, options, paths);
    free(path);
    return written;
}

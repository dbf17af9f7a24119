/* landscape_draw.c - a picture of paths over contours, drawn by gnuplot. */
#include "landscape.h"

#include <math.h>
#include <stdio.h>

#include "gnuplot.h"

enum { GRID = 101, LEVELS = 12 };

/* [GRID, GRID] heights: rows from bottom to top, columns from left to right. */
static rv_tensor *grid_of(const landscape_options *o)
{
    const surface *s = o->surface;
    rv_tensor *x = rv_arange(RV_F64, 0, GRID, 1), *y = rv_reshape(x, GRID, 1);
    x = rv_add_scalar(rv_mul_scalar(x, (s->right - s->left) / (GRID - 1)), s->left);
    y = rv_add_scalar(rv_mul_scalar(y, (s->top - s->bottom) / (GRID - 1)), s->bottom);
    return s->height(x, y, o->condition);
}

/* Contours lie where so many of the heights are below: evenly spread over any surface. The
 * deeper, the darker. */
static void write_contours(FILE *to, rv_tensor *grid)
{
    rv_tensor *sorted = rv_sort(rv_flatten(grid, 0, -1)).values;
    double levels[LEVELS];
    for (int i = 0; i < LEVELS; i++) {
        const double share = (i + 1) / (LEVELS + 1.0);
        levels[i] = rv_item_at(sorted, (int64_t)(share * (GRID * GRID - 1)));
    }
    fprintf(to, "set contour base\nunset surface\nset cntrparam levels discrete %.6g", levels[0]);
    for (int i = 1; i < LEVELS; i++)
        fprintf(to, ", %.6g", levels[i]);
    fprintf(to, "\nset palette defined (");
    for (int i = 0; i < LEVELS; i++) {
        const int shade = 140 + i * 90 / (LEVELS - 1);
        fprintf(to, "%s%.6g '#%02x%02x%02x'", i == 0 ? "" : ", ", levels[i], shade - 10, shade,
                shade + 12);
    }
    fprintf(to, ")\nset cbrange [%.6g:%.6g]\nunset colorbox\n", levels[0], levels[LEVELS - 1]);
    fprintf(to, "set table $contours\n"
                "splot $heights using 1:2:3 with lines notitle\nunset table\n");
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

/* A path, without the points that could not be told from the one before, up to where it is far
 * outside of the picture. Returns how many points are left. */
static int64_t write_path(FILE *to, const surface *s, const landscape_path *path, int number)
{
    const double width = s->right - s->left, height = s->top - s->bottom;
    const double *last = NULL;
    int64_t count = 0;
    fprintf(to, "$path%d << end\n# %s, learning rate %g: step x y f\n", number, path->name,
            path->lr);
    for (int64_t i = 0; i < path->count; i++) {
        const double *p = path->points[i];
        if (fabs(p[0] - s->left) > 10 * width || fabs(p[1] - s->bottom) > 10 * height)
            break;
        if (last != NULL && i < path->count - 1 &&
            hypot((p[0] - last[0]) / width, (p[1] - last[1]) / height) < 1.0 / 400)
            continue;
        fprintf(to, "%lld %.6g %.6g %.6g\n", (long long)i, p[0], p[1], p[2]);
        last = p;
        count++;
    }
    fprintf(to, "end\n");
    return count;
}

typedef struct picture {
    const landscape_options *options;
    const landscape_path *paths;
} picture;

static void write_all(FILE *to, const void *context)
{
    const landscape_options *o = ((const picture *)context)->options;
    const landscape_path *paths = ((const picture *)context)->paths;
    /* Okabe and Ito's colours, which the colour-blind tell apart. */
    static const char *const colours[] = {"#d55e00", "#0072b2", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#000000", "#7f7f00"};
    RV_SCOPE;
    const surface *s = o->surface;
    rv_tensor *grid = grid_of(o);

    write_grid(to, o, grid);
    int64_t counts[MOST_OPTIMIZERS];
    for (int i = 0; i < o->count; i++)
        counts[i] = write_path(to, s, &paths[i], i);

    write_contours(to, grid);
    fprintf(to,
            "set xrange [%g:%g]\nset yrange [%g:%g]\nset size ratio -1\n"
            "set border linecolor '#808080'\nset tics out nomirror textcolor '#404040'\n"
            "set key outside bottom center horizontal Left reverse samplen 1.5 width 2\n",
            s->left, s->right, s->bottom, s->top);
    fprintf(to, "plot $contours using 1:2:3 with lines linecolor palette linewidth 0.7 notitle");
    for (int i = 0; i < o->count; i++) {
        if (counts[i] == 0) /* nowhere near */
            continue;
        const char *colour = colours[i % RV_COUNT(colours)];
        fprintf(to, ", \\\n $path%d using 2:3 with %s linecolor '%s' linewidth 1.4 title '%s'", i,
                counts[i] > 120 ? "lines" : "linespoints pointtype 7 pointsize 0.3", colour,
                paths[i].name);
        fprintf(to,
                ", \\\n $path%d using 2:3 every ::%lld with points pointtype 7 pointsize 0.9 "
                "linecolor '%s' notitle",
                i, (long long)counts[i] - 1, colour); /* where it ends */
    }
    for (int i = 0; i < 2; i++) /* a ring where they start, a star at the minimum */
        fprintf(to, ", \\\n '-' with points pointtype %d pointsize 1.3 linecolor black notitle",
                i == 0 ? 6 : 3);
    fprintf(to, "\n%.6g %.6g\ne\n%.6g %.6g\ne\n", o->start[0], o->start[1], s->minimum[0],
            s->minimum[1]);
}

bool landscape_draw(const landscape_options *options, const landscape_path *paths)
{
    const picture drawn = {options, paths};
    const surface *s = options->surface;
    const double shape = (s->top - s->bottom) / (s->right - s->left);
    return gnuplot_draw(&(gnuplot_picture){.program = "landscape",
                                           .path = options->out,
                                           .width = 640,
                                           .height = 90 + (int)(580 * shape),
                                           .write = write_all,
                                           .context = &drawn});
}

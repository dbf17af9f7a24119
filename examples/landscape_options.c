/* landscape_options.c - the command line of landscape. */
#include "landscape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_line.h"
#include "gnuplot.h"

static const char about[] =
    "Runs optimizers down a surface of two numbers, says where they end, and draws their ways over "
    "its contours. Defaults stand in brackets."
    "\v"
    "Surfaces, and what they show:\n"
    "  valley      long and narrow, K times as steep across as along\n"
    "  saddle      a start beside it, where there is hardly any slope\n"
    "  minima      a local minimum lies before the global one\n"
    "  rosenbrock  a bent valley; K is 100 in the original\n"
    "  beale       flat plains and steep walls\n"
    "\n"
    "Examples:\n"
    "  landscape --optim sgd,momentum,nesterov --out valley.svg\n"
    "  landscape --surface rosenbrock --optim rmsprop,adam --lr rmsprop=0.01,adam=0.05\n"
    "  landscape --surface rosenbrock --optim adam,lbfgs,bfgs\n"
    "  landscape --surface minima --noise 2 --seed 7";

/* What is wrong with the value of an option, and the end of the process. */
static void wrong(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "landscape: --%s %s: expected %s\nTry 'landscape --help'.\n", option, value,
            expected);
    exit(64);
}

/* Cuts the first piece off a text of pieces with commas between them; NULL if there is none. */
static char *next_piece(char **text)
{
    char *piece = *text;
    if (piece != NULL) {
        char *comma = strchr(piece, ',');
        *text = comma == NULL ? NULL : comma + 1;
        if (comma != NULL)
            *comma = '\0';
    }
    return piece;
}

static bool read_number(const char *text, double *to)
{
    char *end;
    *to = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*to);
}

static int place_of(const landscape_options *o, const char *name)
{
    for (int i = 0; i < o->count; i++)
        if (strcmp(o->optim[i], name) == 0)
            return i;
    return -1;
}

/* "sgd,adam": names that there are, as command_list has seen to. */
static void read_optim(landscape_options *o, char *text)
{
    for (char *name; (name = next_piece(&text)) != NULL; o->count++) {
        if (*name == '\0' || place_of(o, name) >= 0 || o->count == MOST_OPTIMIZERS)
            wrong("optim", name, "names of optimizers, each once, with commas between them");
        o->optim[o->count] = name;
    }
}

/* "0.1" for all, or "sgd=0.1,adam=0.2" */
static void read_lr(landscape_options *o, char *text)
{
    static const char expected[] = "X above 0, or NAME=X,NAME=X.. of optimizers that run";
    for (char *piece; (piece = next_piece(&text)) != NULL;) {
        char *equals = strchr(piece, '=');
        double lr;
        if (!read_number(equals == NULL ? piece : equals + 1, &lr) || lr <= 0)
            wrong("lr", piece, expected);
        if (equals == NULL) {
            for (int i = 0; i < o->count; i++)
                o->lr[i] = lr;
            continue;
        }
        *equals = '\0';
        const int i = place_of(o, piece);
        if (i < 0)
            wrong("lr", piece, expected);
        o->lr[i] = lr;
    }
}

/* "-1.2,1" */
static void read_start(landscape_options *o, char *text)
{
    for (int i = 0; i < 2; i++) {
        char *piece = next_piece(&text);
        if (piece == NULL || !read_number(piece, &o->start[i]))
            wrong("start", piece == NULL ? "" : piece, "two numbers, X,Y");
    }
    if (text != NULL)
        wrong("start", text, "two numbers, X,Y");
}

bool landscape_minimizes(const char *name)
{
    return command_has(rv_minimizer_names(), name);
}

landscape_options landscape_options_read(int argc, char **argv)
{
    landscape_options o = {.surface = surfaces, .seed = 42};
    const char *surface_name = surfaces[0].name;
    static char names[256]; /* of all surfaces, ", " between them */
    static char usual[] = "sgd,momentum,nesterov";
    const char *optim = usual, *lr = NULL, *start = NULL;
    static char methods[512]; /* likewise */
    snprintf(methods, sizeof methods, "%s, %s", rv_optim_names(), rv_minimizer_names());
    for (int i = 0; surfaces[i].name != NULL; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? ", " : "",
                 surfaces[i].name);

    const command_option table[] = {
        {"surface", "NAME", command_name(&surface_name, names),
         "valley, saddle, minima, rosenbrock or beale [valley]"},
        {"condition", "K", command_above(&o.condition, 0),
         "K of its formula, which is printed [valley 25, saddle and minima 4, rosenbrock 100]"},
        {"start", "X,Y", command_text(&start), "where all start [what suits the surface]"},
        {"optim", "NAMES", command_list(&optim, methods),
         "which optimizers, with commas between them [sgd,momentum,nesterov]"},
        {"lr", "NAME=X", command_text(&lr),
         "learning rates, as sgd=0.1,adam=0.2, or one for all [what suits the surface]"},
        {"steps", "N", command_whole(&o.steps, 1, 1000000),
         "of each, at most [what suits the surface]"},
        {"noise", "S", command_not_below(&o.noise, 0),
         "standard deviation of the normal noise on each number of a gradient [0]"},
        command_seed(&o.seed),
        {"out", "FILE", command_output(&o.out),
         "draw there with gnuplot, .svg or .png; .gp: write what gnuplot draws it from"},
        {0},
    };
    command_line_read(argc, argv, about, table);

    for (o.surface = surfaces; strcmp(o.surface->name, surface_name) != 0;)
        o.surface++;
    if (o.surface->condition == 0 && o.condition != 0)
        wrong("condition", surface_name, "another surface: this one has no K");
    if (o.condition == 0)
        o.condition = o.surface->condition;
    if (o.steps == 0)
        o.steps = o.surface->steps;
    o.start[0] = o.surface->start[0];
    o.start[1] = o.surface->start[1];
    /* These texts are the command line's own, and are cut where they lie. */
    if (start != NULL)
        read_start(&o, (char *)start);
    read_optim(&o, (char *)optim);
    for (int i = 0; i < o.count; i++)
        if (o.noise > 0 && landscape_minimizes(o.optim[i]))
            wrong("noise", o.optim[i], "optimizers that bear it: a line search does not");
    if (lr != NULL)
        read_lr(&o, (char *)lr);
    if (o.out != NULL && !gnuplot_can_draw(o.out))
        wrong("out", o.out, "a name that ends in .svg, .png or .gp");
    return o;
}

/* pinn_options.c - the command line of pinn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_line.h"
#include "gnuplot.h"
#include "pinn.h"

static const char about[] =
    "Solves Burgers' equation with a small network, in double precision, and prints how far it is "
    "from the exact solution. First Adam, then a method that sees all points at once: which one "
    "decides how many digits come out. Defaults stand in brackets."
    "\v"
    "Methods: lbfgs, bfgs, ssbfgs (self-scaled BFGS), ssbroyden (self-scaled Broyden), and those "
    "of "
    "first order, as adam, with the learning rate that they bring.\n"
    "\n"
    "Examples:\n"
    "  pinn --method ssbroyden --iterations 5000 --seed 1 --csv ssbroyden.csv\n"
    "  pinn --method lbfgs --csv lbfgs.csv --plot burgers.svg --compare ssbroyden.csv\n"
    "  pinn --time";

/* What is wrong with the value of an option, and the end of the process. */
static void wrong(const char *option, const char *value, const char *expected)
{
    fprintf(stderr, "pinn: --%s %s: expected %s\nTry 'pinn --help'.\n", option, value, expected);
    exit(64);
}

pinn_options pinn_options_read(int argc, char **argv)
{
    pinn_options o = {
        .method = "ssbroyden",
        .derivatives = "jets",
        .adam = 1000,
        .iterations = 5000,
        .points = 10000,
        .redraw = 500,
        .layers = 3,
        .width = 20,
        .history = 50,
        .every = 100,
        .seed = 42,
        .lr = 5e-3,
    };
    const int64_t most = INT64_C(1) << 40;
    const command_option table[] = {
        {"method", "NAME", command_name(&o.method, "lbfgs, bfgs, ssbfgs, ssbroyden, cg, adam"),
         "which, behind Adam [ssbroyden]"},
        {"adam", "N", command_whole(&o.adam, 0, most), "steps of Adam before it [1000]"},
        {"lr", "X", command_above(&o.lr, 0),
         "Adam's learning rate, which falls by 0.98 in 1000 steps [0.005]"},
        {"iterations", "N", command_whole(&o.iterations, 0, most), "of the method [5000]"},
        {"points", "N", command_whole(&o.points, 1, 10000000),
         "where the equation is asked for [10000]"},
        {"redraw", "N", command_whole(&o.redraw, 0, most),
         "steps after which points are drawn again, sooner where the residual is large; 0: never "
         "[500]"},
        {"layers", "N", command_whole(&o.layers, 1, 16), "hidden layers of tanh [3]"},
        {"width", "N", command_whole(&o.width, 1, 1000), "units of each [20]"},
        {"history", "N", command_whole(&o.history, 1, 10000), "pairs that lbfgs keeps [50]"},
        {"derivatives", "NAME", command_name(&o.derivatives, "jets, gradients"),
         "jets: carried forward, layer by layer; gradients: by backward, and backward again "
         "[jets]"},
        command_seed(&o.seed),
        command_threads(&o.threads),
        {"every", "N", command_whole(&o.every, 1, most), "steps from one report to the next [100]"},
        {"csv", "FILE", command_output(&o.csv), "write what is reported there, a row each"},
        {"plot", "FILE", command_output(&o.plot),
         "draw the solution, its error, and how that fell, with gnuplot: .svg or .png; .gp: write "
         "what gnuplot draws it from"},
        {"compare", "FILES", command_text(&o.compare),
         "files of --csv, with commas between them, whose errors --plot draws too"},
        command_save(&o.save),
        command_load(&o.load),
        {"time", NULL, command_flag(&o.time),
         "only measure how long the loss and its gradient take"},
        {0},
    };
    command_line_read(argc, argv, about, table);

    if (o.plot != NULL && !gnuplot_can_draw(o.plot))
        wrong("plot", o.plot, "a name that ends in .svg, .png or .gp");
    if (o.compare != NULL && o.plot == NULL)
        wrong("compare", o.compare, "--plot beside it, which says where to draw");
    return o;
}

/* mnist_options.c - the options of mnist, each in a row: name, value, what --help says. */
#include "mnist_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ravine.h>

#include "command_line.h"

static const char about[] =
    "Trains a network on MNIST, the 70000 handwritten digits, and prints how many of the test "
    "images it gets right. Defaults stand in brackets."
    "\v"
    "Examples:\n"
    "  mnist --optim momentum --lr 0.1 --schedule plateau --epochs 20\n"
    "  mnist --optim nadam --schedule one_cycle\n"
    "  mnist --model lenet5 --save lenet5.safetensors\n"
    "  mnist --optim lbfgs --epochs 60\n"
    "  mnist --hidden 1000 --dropout 0.5 --save mnist.safetensors\n"
    "  mnist --hidden 1000 --load mnist.safetensors --epochs 0";

/* What suits a network and an optimizer, if the command line does not say otherwise. */
static mnist_options defaults_of(const char *model, const char *optim)
{
    mnist_options o = {
        .model = "mlp",
        .hidden = 100,
        .dropout = 0.2,
        .optim = "momentum",
        .lr = RV_BY_NAME_DEFAULT,
        .momentum = RV_BY_NAME_DEFAULT,
        .weight_decay = RV_BY_NAME_DEFAULT,
        .schedule = "constant",
        .batch = 128,
        .history = RV_BY_NAME_COUNT,
        .epochs = 10,
        .validation = 5000,
        .seed = 42,
    };
    if (strcmp(model, "lenet5") == 0) {
        o.model = model;
        o.optim = "adam";
        o.lr = 0.003;
        o.schedule = "cosine";
        o.batch = 64;
        o.epochs = 5;
    }
    o.full_batch = command_has(rv_minimizer_names(), optim);
    if (o.full_batch) {
        o.optim = optim;
        o.lr = RV_BY_NAME_DEFAULT;
        o.dropout = 0;
        o.schedule = "constant";
        o.batch = 0;
        if (strcmp(optim, "lbfgs") == 0)
            o.history = 40;
        o.epochs = 60;
    }
    return o;
}

/* The end of the process, because options do not go together. */
static void refuse(const mnist_options *o, const char *option, const char *why)
{
    fprintf(stderr, "mnist: --%s: %s %s\nTry 'mnist --help'.\n", option, o->optim, why);
    exit(64);
}

/* Whether what was chosen goes together: a method that sees all images at once wants a loss that is
 * a function of the parameters. */
static void check(const mnist_options *o)
{
    if (o->full_batch && o->batch != 0)
        refuse(o, "batch", "sees all images at each step");
    if (o->full_batch && o->dropout != 0)
        refuse(o, "dropout", "wants the same loss each time, and takes no dropout");
    if (o->full_batch && strcmp(o->schedule, "constant") != 0)
        refuse(o, "schedule", "finds its steps by line searches, and takes no schedule");
    if (!o->full_batch && o->resume != NULL)
        refuse(o, "resume", "cannot be resumed: only methods that see all images at each step can");
    if (o->resume != NULL && o->load != NULL)
        refuse(o, "resume", "resumes with the weights in that file: --load has others");
}

/* Reads the command line over some defaults. */
static mnist_options read_over(mnist_options o, int argc, char **argv)
{
    const int64_t most = INT64_C(1) << 40;
    char names[512], optimizers[1024], schedules[512];
    snprintf(names, sizeof names, "%s, %s", rv_optim_names(), rv_minimizer_names());
    snprintf(optimizers, sizeof optimizers,
             "the optimizer: %s; or one that sees all images at each step, an epoch then being one "
             "iteration: %s [momentum; lenet5: adam]",
             rv_optim_names(), rv_minimizer_names());
    snprintf(schedules, sizeof schedules,
             "how the learning rate changes, see rv_sched_by_name: %s [constant; lenet5: cosine]",
             rv_sched_names());
    const command_option table[] = {
        command_data(&o.data, "mnist"),
        {"model", "NAME", command_name(&o.model, "mlp, lenet5"),
         "the network: mlp, which has one hidden layer, or lenet5, a convolutional one [mlp]"},
        {"hidden", "N", command_whole(&o.hidden, 1, 1 << 20), "units of mlp's hidden layer [100]"},
        {"dropout", "P", command_number(&o.dropout, 0, 1),
         "share of them that a step leaves out, 0 to 1 [0.2; all images at once: 0]"},
        {"optim", "NAME", command_name(&o.optim, names), optimizers},
        {"lr", "X", command_above(&o.lr, 0),
         "its learning rate, above 0 [one that suits it; lenet5: 0.003]"},
        command_momentum(&o.momentum),
        {"nesterov", NULL, command_flag(&o.nesterov),
         "have it look ahead, as Nesterov's momentum does (sgd, momentum)"},
        {"weight-decay", "X", command_not_below(&o.weight_decay, 0),
         "share of a weight added to its gradient, or taken from it [its default: 0 of most]"},
        {"schedule", "NAME", command_name(&o.schedule, rv_sched_names()), schedules},
        {"batch", "N", command_whole(&o.batch, 1, most), "images to a step [128; lenet5: 64]"},
        {"epochs", "N", command_whole(&o.epochs, 0, most),
         "times that all images are seen; 0: only test [10; lenet5: 5; all images at once: 60]"},
        {"history", "N", command_whole(&o.history, 1, 1000000), "pairs that lbfgs keeps [40]"},
        {"validation", "N", command_whole(&o.validation, 1, most),
         "training images kept apart to measure on [5000]"},
        command_seed(&o.seed),
        command_threads(&o.threads),
        command_save(&o.save),
        command_load(&o.load),
        {"resume", "FILE", command_text(&o.resume),
         "go on, bit for bit, where a run that saw all images at each step was saved"},
        {0},
    };
    command_line_read(argc, argv, about, table);
    return o;
}

mnist_options mnist_options_read(int argc, char **argv)
{
    /* Once for the names of the network and the optimizer, and then over what suits them. */
    mnist_options o = read_over(defaults_of("mlp", ""), argc, argv);
    o = read_over(defaults_of(o.model, o.optim), argc, argv);
    check(&o);
    return o;
}

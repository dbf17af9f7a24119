/* mnist_options.c - the options of mnist, each in a row: name, value, what --help says. */
#include "mnist_options.h"

#include <stdio.h>

#include <ravine.h>

#include "command_line.h"

static const char about[] =
    "Trains a network on MNIST, the 70000 handwritten digits, and prints how many of the test "
    "images it gets right. Defaults stand in brackets."
    "\v"
    "Examples:\n"
    "  mnist --optim momentum --lr 0.1 --schedule plateau --epochs 20\n"
    "  mnist --optim nadam --schedule one_cycle\n"
    "  mnist --hidden 1000 --dropout 0.5 --save mnist.safetensors\n"
    "  mnist --hidden 1000 --load mnist.safetensors --epochs 0";

mnist_options mnist_options_read(int argc, char **argv)
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
        .epochs = 10,
        .validation = 5000,
        .seed = 42,
    };
    const int64_t most = INT64_C(1) << 40;
    char optimizers[512], schedules[512];
    snprintf(optimizers, sizeof optimizers, "the optimizer: %s [momentum]", rv_optim_names());
    snprintf(schedules, sizeof schedules,
             "how the learning rate changes, see rv_sched_by_name: %s [constant]",
             rv_sched_names());
    const command_option table[] = {
        command_data(&o.data, "mnist"),
        {"model", "NAME", command_name(&o.model, "mlp"),
         "the network: mlp, which has one hidden layer [mlp]"},
        {"hidden", "N", command_whole(&o.hidden, 1, 1 << 20), "units of the hidden layer [100]"},
        {"dropout", "P", command_number(&o.dropout, 0, 1),
         "share of them that a step leaves out, 0 to 1 [0.2]"},
        {"optim", "NAME", command_name(&o.optim, rv_optim_names()), optimizers},
        {"lr", "X", command_above(&o.lr, 0), "its learning rate, above 0 [one that suits it]"},
        {"momentum", "X", command_not_below(&o.momentum, 0),
         "its momentum, or first beta [its default: 0 of sgd, 0.9 of most]"},
        {"nesterov", NULL, command_flag(&o.nesterov),
         "have it look ahead, as Nesterov's momentum does (sgd, momentum)"},
        {"weight-decay", "X", command_not_below(&o.weight_decay, 0),
         "share of a weight added to its gradient, or taken from it [its default: 0 of most]"},
        {"schedule", "NAME", command_name(&o.schedule, rv_sched_names()), schedules},
        {"batch", "N", command_whole(&o.batch, 1, most), "images to a step [128]"},
        {"epochs", "N", command_whole(&o.epochs, 0, most),
         "times that all images are seen; 0: only test [10]"},
        {"validation", "N", command_whole(&o.validation, 1, most),
         "training images kept apart to measure on [5000]"},
        command_seed(&o.seed),
        command_threads(&o.threads),
        {"save", "FILE", command_output(&o.save), "write the trained network there (safetensors)"},
        {"load", "FILE", command_text(&o.load), "start from the network that was written there"},
        {0},
    };
    command_line_read(argc, argv, about, table);
    return o;
}

/* mnist_options.c - the options of mnist, each in a row: name, value, what --help says. */
#include "mnist_options.h"

#include <string.h>

#include "command_line.h"

static const char about[] =
    "Trains a network on MNIST, the 70000 handwritten digits, and prints how many of the test "
    "images it gets right. Defaults stand in brackets."
    "\v"
    "Examples:\n"
    "  mnist --optim sgd --lr 0.1 --momentum 0.9 --epochs 10\n"
    "  mnist --hidden 1000 --dropout 0.5 --save mnist.safetensors\n"
    "  mnist --hidden 1000 --load mnist.safetensors --epochs 0";

mnist_options mnist_options_read(int argc, char **argv)
{
    mnist_options o = {
        .model = "mlp",
        .hidden = 100,
        .dropout = 0.2,
        .optim = "sgd",
        .momentum = 0.9,
        .batch = 128,
        .epochs = 10,
        .validation = 5000,
        .seed = 42,
    };
    const int64_t most = INT64_C(1) << 40;
    const command_option table[] = {
        command_data(&o.data, "mnist"),
        {"model", "NAME", command_name(&o.model, "mlp"),
         "the network: mlp, which has one hidden layer [mlp]"},
        {"hidden", "N", command_whole(&o.hidden, 1, 1 << 20), "units of the hidden layer [100]"},
        {"dropout", "P", command_number(&o.dropout, 0, 1),
         "share of them that a step leaves out, 0 to 1 [0.2]"},
        {"optim", "NAME", command_name(&o.optim, "sgd, adam"), "the optimizer: sgd or adam [sgd]"},
        {"lr", "X", command_above(&o.lr, 0), "its learning rate, above 0 [sgd: 0.1, adam: 0.001]"},
        {"momentum", "X", command_not_below(&o.momentum, 0), "sgd's momentum, 0 or more [0.9]"},
        {"nesterov", NULL, command_flag(&o.nesterov),
         "have sgd look ahead, as Nesterov's momentum does"},
        {"weight-decay", "X", command_not_below(&o.weight_decay, 0),
         "share of a weight added to its gradient [0]"},
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

    if (o.lr == 0)
        o.lr = strcmp(o.optim, "adam") == 0 ? 0.001 : 0.1;
    return o;
}

/* linear_options.c - the options of linear, each in a row: name, value, what --help says. */
#include "linear_options.h"

#include <string.h>

#include "command_line.h"

static const char about[] =
    "Trains a linear classifier on CIFAR-10, 60000 small photographs of ten kinds of things, and "
    "prints how many of the test images it gets right. Defaults stand in brackets."
    "\v"
    "Examples:\n"
    "  linear --model softmax --templates softmax.png\n"
    "  linear --model svm --save svm.safetensors\n"
    "  linear --model random --trials 1000";

linear_options linear_options_read(int argc, char **argv)
{
    linear_options o = {
        .model = "softmax",
        .weight_decay = 0.05,
        .batch = 128,
        .epochs = 10,
        .trials = 1000,
        .validation = 5000,
        .seed = 42,
    };
    const int64_t most = INT64_C(1) << 40;
    const command_option table[] = {
        command_data(&o.data, "cifar10"),
        {"model", "NAME", command_name(&o.model, "softmax, svm, random"),
         "softmax: trained with the cross entropy; svm: with the hinge; random: not trained at "
         "all, the best of many random matrices [softmax]"},
        {"lr", "X", command_above(&o.lr, 0), "the learning rate [softmax: 0.01, svm: 0.001]"},
        {"weight-decay", "X", command_not_below(&o.weight_decay, 0),
         "share of a weight added to its gradient [0.05]"},
        {"batch", "N", command_whole(&o.batch, 1, most), "images to a step [128]"},
        {"epochs", "N", command_whole(&o.epochs, 0, most),
         "times that all images are seen; 0: only test, also for random [10]"},
        {"trials", "N", command_whole(&o.trials, 1, most), "matrices that random tries [1000]"},
        {"validation", "N", command_whole(&o.validation, 1, most),
         "training images kept apart to measure on [5000]"},
        command_seed(&o.seed),
        command_threads(&o.threads),
        {"templates", "FILE", command_output(&o.templates),
         "draw the ten rows of the weights as pictures, to this PNG file"},
        {"save", "FILE", command_output(&o.save), "write the classifier there (safetensors)"},
        {"load", "FILE", command_text(&o.load), "start from the one that was written there"},
        {0},
    };
    command_line_read(argc, argv, about, table);

    if (o.lr == 0)
        o.lr = strcmp(o.model, "svm") == 0 ? 0.001 : 0.01;
    return o;
}

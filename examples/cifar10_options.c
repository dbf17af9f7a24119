/* cifar10_options.c - the options of cifar10, each in a row: name, value, what --help says. */
#include "cifar10_options.h"

#include <stdio.h>

#include <ravine.h>

#include "command_line.h"

static const char about[] =
    "Trains a convolutional network on CIFAR-10, 60000 small photographs of ten kinds of things, "
    "and prints how many of the test images it gets right. Defaults stand in brackets."
    "\v"
    "Unless training images are kept apart (--validation 5000), an epoch's line has the test "
    "accuracy, as papers have it: look at it, but do not choose by it.\n\n"
    "Examples:\n"
    "  cifar10 --model resnet20 --save cifar10.safetensors\n"
    "  cifar10 --model vgg11 --augment crop,flip,cutout --optim adam --lr 0.001 --epochs 30\n"
    "  cifar10 --model resnet20 --load cifar10.safetensors --epochs 0";

cifar10_options cifar10_options_read(int argc, char **argv)
{
    cifar10_options o = {
        .model = "resnet20",
        .augment = "crop,flip",
        .optim = "momentum",
        .lr = RV_BY_NAME_DEFAULT,
        .momentum = RV_BY_NAME_DEFAULT,
        .weight_decay = 5e-4,
        .schedule = "cosine",
        .batch = 128,
        .epochs = 10,
        .seed = 42,
    };
    const int64_t most = INT64_C(1) << 40;
    char optimizers[512], schedules[512];
    snprintf(optimizers, sizeof optimizers, "the optimizer: %s [momentum]", rv_optim_names());
    snprintf(schedules, sizeof schedules,
             "how the learning rate changes over all steps, see rv_sched_by_name: %s [cosine]",
             rv_sched_names());
    const command_option table[] = {
        command_data(&o.data, "cifar10"),
        {"model", "NAME", command_name(&o.model, RV_MODEL_NAMES),
         "the network: " RV_MODEL_NAMES " [resnet20]"},
        {"summary", NULL, command_flag(&o.summary), "print a table of its layers"},
        {"augment", "NAMES", command_list(&o.augment, "none, crop, flip, cutout"),
         "what is done to training images, divided by commas: crop (of the image with 4 black "
         "pixels around it), flip, cutout, or none [crop,flip]"},
        {"optim", "NAME", command_name(&o.optim, rv_optim_names()), optimizers},
        {"lr", "X", command_above(&o.lr, 0),
         "its learning rate, above 0 [momentum: 0.1; one that suits it]"},
        command_momentum(&o.momentum),
        {"weight-decay", "X", command_not_below(&o.weight_decay, 0),
         "share of a parameter added to its gradient [0.0005]"},
        {"schedule", "NAME", command_name(&o.schedule, rv_sched_names()), schedules},
        {"batch", "N", command_whole(&o.batch, 1, most),
         "images to a step; a last batch that is short is left out [128]"},
        {"epochs", "N", command_whole(&o.epochs, 0, most),
         "times that all images are seen; 0: only test [10]"},
        {"validation", "N", command_whole(&o.validation, 0, most),
         "training images kept apart to measure on; 0: none [0]"},
        command_seed(&o.seed),
        command_threads(&o.threads),
        command_save(&o.save),
        command_load(&o.load),
        {0},
    };
    command_line_read(argc, argv, about, table);
    return o;
}

/* mnist_options.c - reads the command line of mnist, with glibc's argp. */
#define _POSIX_C_SOURCE 200809L /* strdup, access */

#include "mnist_options.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DATA = 256, /* beyond characters, so that no option has a short name by accident */
    MODEL,
    HIDDEN,
    DROPOUT,
    OPTIM,
    LR,
    MOMENTUM,
    NESTEROV,
    WEIGHT_DECAY,
    BATCH,
    EPOCHS,
    VALIDATION,
    SEED,
    THREADS,
    SAVE,
    LOAD
};

static const char about[] =
    "Trains a network on MNIST, the 70000 handwritten digits, and prints how many of the test "
    "images it gets right. Defaults stand in brackets."
    "\v"
    "Examples:\n"
    "  mnist --optim sgd --lr 0.1 --momentum 0.9 --epochs 10\n"
    "  mnist --hidden 1000 --dropout 0.5 --save mnist.safetensors\n"
    "  mnist --hidden 1000 --load mnist.safetensors --epochs 0";

static const struct argp_option table[] = {
    {"data", DATA, "DIR", 0, "folder of MNIST's files [$RV_DATA/mnist, or else data/mnist]", 1},
    {"model", MODEL, "NAME", 0, "the network: mlp, which has one hidden layer [mlp]", 2},
    {"hidden", HIDDEN, "N", 0, "units of the hidden layer [100]", 2},
    {"dropout", DROPOUT, "P", 0, "share of them that a step leaves out, 0 to 1 [0.2]", 2},
    {"optim", OPTIM, "NAME", 0, "the optimizer: sgd or adam [sgd]", 3},
    {"lr", LR, "X", 0, "its learning rate, above 0 [sgd: 0.1, adam: 0.001]", 3},
    {"momentum", MOMENTUM, "X", 0, "sgd's momentum, 0 or more [0.9]", 3},
    {"nesterov", NESTEROV, NULL, 0, "have sgd look ahead, as Nesterov's momentum does", 3},
    {"weight-decay", WEIGHT_DECAY, "X", 0, "share of a weight added to its gradient [0]", 3},
    {"batch", BATCH, "N", 0, "images to a step [128]", 4},
    {"epochs", EPOCHS, "N", 0, "times that all images are seen; 0: only test [10]", 4},
    {"validation", VALIDATION, "N", 0, "training images kept apart to measure on [5000]", 4},
    {"seed", SEED, "N", 0, "where the random numbers start [42]", 5},
    {"threads", THREADS, "N", 0, "1 to 256, or 0: all processors; same results for any [0]", 5},
    {"save", SAVE, "FILE", 0, "write the trained network there (safetensors)", 6},
    {"load", LOAD, "FILE", 0, "start from the network that was written there", 6},
    {0},
};

/* A whole number from low to high, or the end of the process. */
static int64_t whole(struct argp_state *state, const char *option, const char *text, int64_t low,
                     int64_t high)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < low || value > high)
        argp_error(state, "--%s %s: expected a whole number from %lld to %lld", option, text,
                   (long long)low, (long long)high);
    return value;
}

/* A number, at least low (or above it) and at most high. */
static double number(struct argp_state *state, const char *option, const char *text, double low,
                     double high, const char *range)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= low && value <= high))
        argp_error(state, "--%s %s: expected %s", option, text, range);
    return value;
}

static mnist_optim optim_named(struct argp_state *state, const char *name)
{
    if (strcmp(name, "adam") == 0)
        return MNIST_ADAM;
    if (strcmp(name, "sgd") != 0)
        argp_error(state, "--optim %s: expected sgd or adam", name);
    return MNIST_SGD;
}

/* A path that a file can be written to: better known now than when the network is trained. */
static const char *writable(struct argp_state *state, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    if (folder == NULL || access(folder, W_OK) != 0)
        argp_error(state, "--save %s: its folder cannot be written: %s", path, strerror(errno));
    free(folder);
    return path;
}

static error_t read_one(int key, char *text, struct argp_state *state)
{
    mnist_options *o = state->input;
    const int64_t most = INT64_C(1) << 40;
    const double smallest = 4.9e-324, largest = 1e300; /* above 0, and no infinity */

    switch (key) {
    case DATA: o->data = text; break;
    case MODEL:
        if (strcmp(text, "mlp") != 0)
            argp_error(state, "--model %s: expected mlp", text);
        break;
    case HIDDEN: o->hidden = whole(state, "hidden", text, 1, 1 << 20); break;
    case DROPOUT: o->dropout = number(state, "dropout", text, 0, 1, "0 to 1"); break;
    case OPTIM: o->optim = optim_named(state, text); break;
    case LR: o->lr = number(state, "lr", text, smallest, largest, "a number above 0"); break;
    case MOMENTUM:
        o->momentum = number(state, "momentum", text, 0, largest, "a number not below 0");
        break;
    case NESTEROV: o->nesterov = true; break;
    case WEIGHT_DECAY:
        o->weight_decay = number(state, "weight-decay", text, 0, largest, "a number not below 0");
        break;
    case BATCH: o->batch = whole(state, "batch", text, 1, most); break;
    case EPOCHS: o->epochs = whole(state, "epochs", text, 0, most); break;
    case VALIDATION: o->validation = whole(state, "validation", text, 1, most); break;
    case SEED: o->seed = (uint64_t)whole(state, "seed", text, 0, INT64_MAX); break;
    case THREADS: o->threads = (int)whole(state, "threads", text, 0, 256); break;
    case SAVE: o->save = writable(state, text); break;
    case LOAD: o->load = text; break;
    case ARGP_KEY_ARG: argp_error(state, "%s: expected an option, as --data DIR", text); break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* $RV_DATA/mnist if the variable is set, else data/mnist. */
static const char *default_folder(void)
{
    static char folder[4096];
    const char *data = getenv("RV_DATA");
    if (data == NULL || *data == '\0')
        return "data/mnist";
    snprintf(folder, sizeof folder, "%s/mnist", data);
    return folder;
}

mnist_options mnist_options_read(int argc, char **argv)
{
    const struct argp parser = {.options = table, .parser = read_one, .doc = about};
    mnist_options o = {
        .hidden = 100,
        .dropout = 0.2,
        .optim = MNIST_SGD,
        .lr = 0,
        .momentum = 0.9,
        .batch = 128,
        .epochs = 10,
        .validation = 5000,
        .seed = 42,
    };

    argp_parse(&parser, argc, argv, 0, NULL, &o);
    if (o.data == NULL)
        o.data = default_folder();
    if (o.lr == 0)
        o.lr = o.optim == MNIST_ADAM ? 0.001 : 0.1;
    return o;
}

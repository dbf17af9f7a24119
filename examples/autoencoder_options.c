/* autoencoder_options.c - the options of autoencoder, each in a row: name, value, what --help says.
 */
#include "autoencoder_options.h"

#include <stddef.h>

#include "command_line.h"

static const char about[] =
    "Trains a network to squeeze images into a few numbers and to make them again from these, and "
    "draws test images with what became of them below. Defaults stand in brackets."
    "\v"
    "Examples:\n"
    "  autoencoder --code 8\n"
    "  autoencoder --set cifar10 --code 128 --epochs 20 --picture photographs.png";

autoencoder_options autoencoder_options_read(int argc, char **argv)
{
    autoencoder_options o = {
        .set = "mnist",
        .code = 32,
        .lr = 0.002,
        .batch = 128,
        .epochs = 5,
        .seed = 42,
        .pictures = 10,
        .picture = "autoencoder.png",
    };
    const int64_t most = INT64_C(1) << 40;
    const command_option table[] = {
        {"set", "NAME", command_name(&o.set, "mnist, cifar10"), "images: mnist or cifar10 [mnist]"},
        {"data", "DIR", command_text(&o.data),
         "folder of the images [$RV_DATA/NAME, or else data/NAME]"},
        {"code", "N", command_whole(&o.code, 1, 1 << 20),
         "numbers that an image is squeezed into [32]"},
        {"lr", "X", command_above(&o.lr, 0), "Adam's learning rate, above 0 [0.002]"},
        {"batch", "N", command_whole(&o.batch, 1, most), "images to a step [128]"},
        {"epochs", "N", command_whole(&o.epochs, 0, most),
         "times that all images are seen; 0: only test [5]"},
        command_seed(&o.seed),
        command_threads(&o.threads),
        {"pictures", "N", command_whole(&o.pictures, 1, 1000), "test images that are drawn [10]"},
        {"picture", "FILE", command_output(&o.picture),
         "draw them above what the network made of them, to this PNG file [autoencoder.png]"},
        command_save(&o.save),
        command_load(&o.load),
        {0},
    };
    command_line_read(argc, argv, about, table);
    if (o.data == NULL)
        o.data = command_folder(o.set);
    return o;
}

/* classify: what is in the picture? Asks a network that cifar10 --save wrote.
 *
 * The file says which model it is, how its images are normalized and what its classes are called
 * (image_input.h), so the two files are all that is needed.
 */
#include <stdio.h>

#include <ravine.h>

#include "command_line.h"
#include "image_input.h"

static const char about[] =
    "Prints the five classes that a saved network finds likeliest for a PNG or JPEG image, with "
    "their probabilities."
    "\v"
    "Example:\n"
    "  cifar10 --save cifar10.safetensors\n"
    "  classify cifar10.safetensors cat.jpg";

enum { BEST = 5 };

/* The image file as the network wants it: [1, channels, height, width] in [0, 1]. */
static rv_tensor *read_image(const char *path, int64_t channels, int64_t height, int64_t width)
{
    rv_tensor *image = rv_image_read(path, .channels = (int)channels);
    image = rv_image_resize(image, height, width);
    image = rv_unsqueeze(rv_permute(image, 2, 0, 1), 0); /* channels come first */
    return rv_div_scalar(rv_cast(image, RV_F32), 255);
}

int main(int argc, char **argv)
{
    const char *saved, *path;
    const command_option table[] = {
        command_argument(&saved, "NETWORK"), command_argument(&path, "IMAGE"), {0}};
    command_line_read(argc, argv, about, table);

    rv_on_error(rv_error_exit); /* this script stops at the first error */
    rv_layer *input = image_input_read(saved);
    const int64_t *shape = image_input_shape(input), classes = image_input_classes(input);
    rv_layer *net = rv_model_by_name(image_input_model(input), .channels = shape[0],
                                     .height = shape[1], .width = shape[2], .classes = classes);
    rv_load(saved, net);
    rv_layer_train(net, false); /* eval mode */

    RV_NO_GRAD; /* nothing is learned here */
    rv_tensor *x = rv_forward(input, read_image(path, shape[0], shape[1], shape[2]));
    rv_tensor *probabilities = rv_softmax(rv_forward(net, x), 1);
    const rv_sorted best = rv_topk(probabilities, classes < BEST ? classes : BEST);
    for (int64_t i = 0; i < best.values->numel; i++) {
        const int64_t label = (int64_t)rv_item_at(best.indices, 0, i);
        printf("%.4f  %s\n", rv_item_at(best.values, 0, i), image_input_class_name(input, label));
    }

    rv_layer_free(net);
    rv_layer_free(input);
    rv_finish();
    return 0;
}

/* image_input.h - what a saved classifier of images needs to be used: which model it is, how its
 * images are normalized, and what its classes are called.
 *
 *     rv_layer *input = image_input("resnet20", 10, rv_data_statistics(images), images);
 *     rv_save("cifar10.safetensors", net, input);      // the net under its own names
 *     ...
 *     rv_layer *input = image_input_read("cifar10.safetensors");
 *     rv_layer *net = rv_model_by_name(image_input_model(input), ...);
 *     rv_load("cifar10.safetensors", net);
 *     rv_tensor *logits = rv_forward(net, rv_forward(input, x));
 *
 * It is a layer, (x - mean) / std of images [n, channels, height, width] in [0, 1], whose buffers
 * hold all of that, texts as bytes; so it is saved as any layer is. In the file their names begin
 * with "layer#2.", and PyTorch finds the net's where it expects them.
 */
#ifndef EXAMPLES_IMAGE_INPUT_H
#define EXAMPLES_IMAGE_INPUT_H

#include <ravine.h>

/* `model` is a name for rv_model_by_name; mean and std are [channels]; the images are of the size
 * that the model is for, and may have names of its classes. */
rv_layer *image_input(const char *model, int64_t classes, rv_statistics statistics,
                      const rv_dataset *images);

/* The one in a file that rv_save(path, net, input) wrote; NULL with an error if there is none. */
rv_layer *image_input_read(const char *path);

const char *image_input_model(const rv_layer *input);
const int64_t *image_input_shape(const rv_layer *input); /* channels, height, width */
int64_t image_input_classes(const rv_layer *input);
const char *image_input_class_name(const rv_layer *input, int64_t i);

#endif

/* linear: the simplest classifiers of images, scores = W x + b, on CIFAR-10.
 *
 * x are the pixels of an image less those of the mean image. A row of W is as large as an image: it
 * is a template of its class, and can be drawn. W is learned, from the cross entropy of its softmax
 * or from the hinge of a support vector machine; or it is the best of many random ones.
 */
#include <stdio.h>
#include <string.h>

#include <ravine.h>

#include "linear_options.h"
#include "progress.h"

enum { CLASSES = 10, CHANNELS = 3, SIDE = 32, ZOOM = 3 };

static rv_tensor *loss_of(const linear_options *o, rv_tensor *scores, rv_tensor *labels)
{
    if (strcmp(o->model, "svm") == 0)
        return rv_multi_margin(scores, labels, .undivided = true);
    return rv_cross_entropy(scores, labels);
}

/* Shows the classifier every training image once; returns the mean loss. */
static double train_epoch(const linear_options *o, rv_layer *net, rv_optim *opt, rv_loader *batches,
                          progress *bar)
{
    double sum = 0;
    int64_t images = 0;
    rv_batch b;

    while (rv_next(batches, &b)) {
        RV_SCOPE; /* what this block makes ends with it */
        rv_tensor *loss = loss_of(o, rv_forward(net, b.x), b.y);
        rv_optim_zero_grad(opt);
        rv_backward(loss);
        rv_optim_step(opt);

        sum += rv_item(loss) * (double)b.n;
        images += b.n;
        progress_step(bar);
    }
    return sum / (double)images;
}

static void train(const linear_options *o, rv_layer *net, rv_dataset *images,
                  rv_dataset *validation)
{
    rv_loader *batches = rv_data_loader(images, .batch_size = o->batch, .shuffle = true);
    rv_optim *opt = rv_optim_sgd(rv_parameters(net), .lr = o->lr, .weight_decay = o->weight_decay);

    for (int64_t epoch = 1; epoch <= o->epochs; epoch++) {
        char title[64];
        snprintf(title, sizeof title, "epoch %2lld/%lld", (long long)epoch, (long long)o->epochs);
        progress bar = progress_begin(title, "batches", rv_loader_batches(batches));
        const double loss = train_epoch(o, net, opt, batches, &bar);
        const double seconds = progress_end(&bar);
        printf("%s  train loss %.4f  validation accuracy %.4f  %.2f s\n", title, loss,
               rv_accuracy(net, validation), seconds);
        fflush(stdout);
    }

    rv_optim_free(opt);
    rv_loader_free(batches);
}

/* The textbook's bad idea: tries random matrices, and keeps the one that does best. */
static void search(const linear_options *o, rv_layer *net, rv_dataset *validation)
{
    RV_NO_GRAD;
    RV_SCOPE;
    rv_tensor *weight = rv_layer_parameter(net, "1.weight");
    rv_tensor *best = rv_zeros_like(weight);
    double best_accuracy = -1;
    progress bar = progress_begin("search", "matrices", o->trials);

    rv_fill(rv_layer_parameter(net, "1.bias"), 0);
    for (int64_t i = 0; i < o->trials; i++) {
        rv_init_normal(weight, 0, 1);
        const double accuracy = rv_accuracy(net, validation);
        if (accuracy > best_accuracy) {
            best_accuracy = accuracy;
            rv_copy_into(best, weight);
        }
        progress_step(&bar);
    }
    rv_copy_into(weight, best);
    const double seconds = progress_end(&bar);
    printf("best of %lld random matrices  validation accuracy %.4f  %.2f s\n", (long long)o->trials,
           best_accuracy, seconds);
}

/* Each row of W as an image, its smallest number black and its largest one white. */
static void draw_templates(const char *path, rv_layer *net)
{
    RV_NO_GRAD;
    RV_SCOPE;
    rv_tensor *rows =
        rv_reshape(rv_layer_parameter(net, "1.weight"), CLASSES, CHANNELS, SIDE, SIDE);
    rv_tensor *picture = rv_image_grid(rows, .columns = 5, .scale_each = true);
    rv_image_write(path,
                   rv_image_resize(picture, ZOOM * picture->shape[0], ZOOM * picture->shape[1]));
}

/* The images of a set, less the mean image. */
static rv_dataset *centred(rv_dataset *images, const rv_tensor *mean)
{
    return rv_data_transform(images, rv_transform_normalize(mean, rv_ones_like(mean)));
}

int main(int argc, char **argv)
{
    const linear_options o = linear_options_read(argc, argv);

    rv_on_error(rv_error_exit); /* this script stops at the first error */
    rv_set_threads((int)o.threads);
    rv_seed((uint64_t)o.seed);

    rv_layer *net = rv_model_linear(.inputs = CHANNELS * SIDE * SIDE, .classes = CLASSES);
    if (o.load != NULL)
        rv_load(o.load, net);
    rv_dataset *images = rv_data_cifar10(o.data, RV_TRAIN);
    const rv_tensor *mean = rv_data_statistics(images, .per_feature = true).mean;

    if (o.epochs > 0) {
        rv_dataset *training = centred(images, mean);
        rv_dataset *validation = rv_data_split(training, o.validation);
        if (strcmp(o.model, "random") == 0)
            search(&o, net, validation);
        else
            train(&o, net, training, validation);
        rv_data_free(validation);
        rv_data_free(training);
    }
    if (o.save != NULL)
        rv_save(o.save, net);
    if (o.templates != NULL)
        draw_templates(o.templates, net);

    rv_dataset *test_images = rv_data_cifar10(o.data, RV_TEST);
    rv_dataset *test = centred(test_images, mean);
    printf("test accuracy %.4f\n", rv_accuracy(net, test));

    rv_data_free(test);
    rv_data_free(test_images);
    rv_data_free(images);
    rv_layer_free(net);
    rv_finish();
    return 0;
}

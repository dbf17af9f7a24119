/* image_input.c - a layer that normalizes images, and knows what comes behind it. */
#include "image_input.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 32 }; /* of a name, with the 0 at its end */

static const char who[] = "image_input";

static rv_tensor *forward(rv_layer *self, rv_tensor *x)
{
    return rv_div(rv_sub(x, rv_layer_buffer(self, "mean")), rv_layer_buffer(self, "std"));
}

static const rv_layer_class input_class = {
    .name = "image_input", .size = sizeof(rv_layer), .forward = forward};

/* ---- making it ------------------------------------------------------------------------------- */

/* Names as the rows of a U8 tensor. */
static rv_tensor *rows_of_names(int64_t n)
{
    return rv_zeros(RV_U8, n, NAME_BYTES);
}

static char *row(const rv_tensor *names, int64_t i)
{
    return (char *)rv_data(names) + i * NAME_BYTES;
}

/* [channels] -> F32 [1, channels, 1, 1], as images of any number have it. */
static rv_tensor *of_channels(rv_tensor *t)
{
    return rv_reshape(rv_cast(t, RV_F32), 1, -1, 1, 1);
}

rv_layer *image_input(const char *model, int64_t classes, rv_statistics statistics,
                      const rv_dataset *images)
{
    RV_SCOPE;
    const rv_tensor *x = rv_data_batch(images, 0, 1).x;
    const bool named = rv_data_classes(images) == classes;
    rv_layer *layer = rv_layer_new(&input_class);
    if (x == NULL || layer == NULL)
        return rv_layer_complete(layer);

    rv_tensor *name = rows_of_names(1), *names = rows_of_names(classes);
    snprintf(row(name, 0), NAME_BYTES, "%s", model);
    for (int64_t i = 0; i < classes; i++) {
        char *to = row(names, i);
        if (named)
            snprintf(to, NAME_BYTES, "%s", rv_data_class_name(images, i));
        else
            snprintf(to, NAME_BYTES, "class %lld", (long long)i);
    }
    rv_layer_add_buffer(layer, "model", name);
    rv_layer_add_buffer(layer, "classes", names);
    rv_layer_add_buffer(layer, "shape", rv_from_array(x->shape + 1, RV_I64, 3));
    rv_layer_add_buffer(layer, "mean", of_channels(statistics.mean));
    rv_layer_add_buffer(layer, "std", of_channels(statistics.std));
    return rv_layer_complete(layer);
}

/* ---- reading it ------------------------------------------------------------------------------ */

static const char *const buffers[] = {"model", "classes", "shape", "mean", "std"};

typedef struct reading {
    rv_layer *layer;
    int found; /* of the buffers */
} reading;

static bool take(void *context, const char *name, rv_tensor *t)
{
    static const char prefix[] = "layer#2.";
    reading *r = context;
    if (strncmp(name, prefix, strlen(prefix)) == 0)
        for (int i = 0; i < RV_COUNT(buffers); i++)
            if (strcmp(name + strlen(prefix), buffers[i]) == 0)
                r->found += rv_layer_add_buffer(r->layer, buffers[i], t) != NULL;
    return true;
}

static bool has_shape(const rv_tensor *t, rv_dtype dtype, int ndim, const int64_t *shape)
{
    bool ok = t->dtype == dtype && t->ndim == ndim;
    for (int i = 0; ok && i < ndim; i++)
        ok = t->shape[i] == shape[i];
    return ok;
}

/* Every name ends, and a model of this shape can be asked for. */
static bool is_whole(const rv_layer *input)
{
    const rv_tensor *shape = rv_layer_buffer(input, "shape");
    const rv_tensor *names = rv_layer_buffer(input, "classes");
    if (!has_shape(shape, RV_I64, 1, (int64_t[]){3}) || names->ndim != 2)
        return false;
    const int64_t channels = image_input_shape(input)[0], classes = names->shape[0];
    const int64_t of_channels_shape[] = {1, channels, 1, 1};
    bool ok = has_shape(rv_layer_buffer(input, "model"), RV_U8, 2, (int64_t[]){1, NAME_BYTES}) &&
              has_shape(names, RV_U8, 2, (int64_t[]){classes, NAME_BYTES}) && classes > 0 &&
              has_shape(rv_layer_buffer(input, "mean"), RV_F32, 4, of_channels_shape) &&
              has_shape(rv_layer_buffer(input, "std"), RV_F32, 4, of_channels_shape);
    ok = ok && memchr(image_input_model(input), '\0', NAME_BYTES) != NULL;
    for (int64_t i = 0; ok && i < classes; i++)
        ok = memchr(row(names, i), '\0', NAME_BYTES) != NULL;
    return ok;
}

rv_layer *image_input_read(const char *path)
{
    RV_SCOPE;
    reading r = {.layer = rv_layer_new(&input_class)};
    rv_safetensors_read(path, take, &r);
    rv_layer *layer = rv_layer_complete(r.layer);
    if (layer != NULL && r.found == RV_COUNT(buffers) && is_whole(layer))
        return layer;
    rv_fail(RV_ERROR_FORMAT, who,
            "%s does not say which model it is, as a file of cifar10 --save does", path);
    rv_layer_free(layer);
    return NULL;
}

const char *image_input_model(const rv_layer *input)
{
    return row(rv_layer_buffer(input, "model"), 0);
}

const int64_t *image_input_shape(const rv_layer *input)
{
    return rv_data(rv_layer_buffer(input, "shape"));
}

int64_t image_input_classes(const rv_layer *input)
{
    return rv_layer_buffer(input, "classes")->shape[0];
}

const char *image_input_class_name(const rv_layer *input, int64_t i)
{
    return row(rv_layer_buffer(input, "classes"), i);
}

/* data_images.c - a folder of images, one folder in it for each class.
 *
 * First the folders are listed, so that it is known how many images there are; then each image is
 * read, brought to the size wanted, and written into its place in one tensor of bytes.
 */

#include <string.h>
#include <strings.h>

#include "core/data_set.h"
#include "core/image.h"
#include "core/memory.h"
#include "core/tensor_make.h"

static const char who[] = "data_images";

/* What is found in the folder: classes, and images with theirs. */
typedef struct listing {
    rv_names classes;
    rv_names files; /* whole paths, class by class */
    int64_t *first; /* [classes]: which file is the class's first */
    size_t first_bytes;
} listing;

static void listing_end(listing *l)
{
    rv_names_end(&l->classes);
    rv_names_end(&l->files);
    rv_memory_put(l->first, l->first_bytes);
}

/* ---- listing --------------------------------------------------------------------------------- */

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                           strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".bmp") == 0);
}

/* Adds "folder/name" to `paths`. */
static bool add_path(rv_names *paths, const char *folder, const char *name)
{
    const size_t bytes = strlen(folder) + strlen(name) + 2;
    char *path = rv_memory_get(who, bytes);
    if (path == NULL)
        return false;
    snprintf(path, bytes, "%s/%s", folder, name);
    const bool ok = rv_names_add(who, paths, path, bytes - 1);
    rv_memory_put(path, bytes);
    return ok;
}

/* Adds the paths of the images in a folder; at least one. */
static bool list_images(const char *folder, rv_names *files)
{
    rv_names found = {0};
    const int64_t before = files->count;
    bool ok = rv_list_folder(who, folder, &found);
    for (int64_t i = 0; ok && i < found.count; i++)
        if (is_image(rv_names_get(&found, i)))
            ok = add_path(files, folder, rv_names_get(&found, i));
    rv_names_end(&found);
    return ok && (files->count > before ||
                  rv_fail(RV_ERROR_FILE, who,
                          "the folder \"%s\" has no .png, .jpg, .jpeg or .bmp file", folder));
}

/* Keeps of what is in `dir` the folders: their names and their paths. */
static bool list_classes(const char *dir, listing *l, rv_names *folders)
{
    rv_names found = {0}, paths = {0};
    bool ok = rv_list_folder(who, dir, &found);
    for (int64_t i = 0; ok && i < found.count; i++) {
        const char *name = rv_names_get(&found, i);
        ok = add_path(&paths, dir, name);
        const char *path = ok ? rv_names_get(&paths, i) : NULL;
        if (ok && rv_file_size(path) < 0 && errno == EISDIR)
            ok = rv_names_add(who, &l->classes, name, strlen(name)) &&
                 rv_names_add(who, folders, path, strlen(path));
    }
    rv_names_end(&found);
    rv_names_end(&paths);
    return ok && (l->classes.count > 0 ||
                  rv_fail(RV_ERROR_FILE, who, "\"%s\" has no folder in it for a class", dir));
}

static bool list(const char *dir, listing *l)
{
    rv_names folders = {0};
    bool ok = list_classes(dir, l, &folders);
    if (ok) {
        l->first_bytes = (size_t)l->classes.count * sizeof *l->first;
        l->first = rv_memory_get(who, l->first_bytes);
        ok = l->first != NULL;
    }
    for (int64_t i = 0; ok && i < l->classes.count; i++) {
        l->first[i] = l->files.count;
        ok = list_images(rv_names_get(&folders, i), &l->files);
    }
    rv_names_end(&folders);
    return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Image i as it is wanted, or as it is; the innermost scope owns it. */
static rv_tensor *read_image(const rv_data_images_options *o, const listing *l, int64_t i)
{
    rv_tensor *image = rv_image_read(rv_names_get(&l->files, i), .channels = o->channels,
                                     .max_pixels = o->max_pixels);
    if (image == NULL || o->height == 0 ||
        (image->shape[0] == o->height && image->shape[1] == o->width))
        return image;
    return rv_image_resize(image, o->height, o->width);
}

/* Copies [height,width,channels] to [channels,height,width]. */
static void put_image(const rv_tensor *image, uint8_t *to)
{
    const int64_t channels = image->shape[2], pixels = image->shape[0] * image->shape[1];
    const uint8_t *from = (const uint8_t *)image->data;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++)
            to[c * pixels + p] = from[p * channels + c];
}

static bool read_all(const rv_data_images_options *o, const listing *l, rv_tensor *x)
{
    const int64_t bytes = x->shape[1] * x->shape[2] * x->shape[3];
    for (int64_t i = 0; i < l->files.count; i++) {
        RV_SCOPE;
        const rv_tensor *image = read_image(o, l, i);
        if (image == NULL)
            return false;
        if (image->shape[0] != x->shape[2] || image->shape[1] != x->shape[3])
            return rv_fail(RV_ERROR_FORMAT, who,
                           "\"%s\" has %lld by %lld pixels (width by height), \"%s\" has %lld by "
                           "%lld: with .height and .width, all are brought to one size",
                           rv_names_get(&l->files, i), (long long)image->shape[1],
                           (long long)image->shape[0], rv_names_get(&l->files, 0),
                           (long long)x->shape[3], (long long)x->shape[2]);
        put_image(image, (uint8_t *)x->data + i * bytes);
    }
    return true;
}

static void put_labels(const listing *l, int64_t *label)
{
    for (int64_t i = 0, class_of = 0; i < l->files.count; i++) {
        while (class_of + 1 < l->classes.count && l->first[class_of + 1] <= i)
            class_of++;
        label[i] = class_of;
    }
}

static rv_dataset *read_set(const rv_data_images_options *o, listing *l)
{
    RV_SCOPE;
    RV_LASTING;
    const int64_t n = l->files.count;
    int64_t shape[] = {n, o->channels, o->height, o->width};
    if (o->height == 0) {
        const rv_tensor *first = read_image(o, l, 0);
        if (first == NULL)
            return NULL;
        shape[2] = first->shape[0];
        shape[3] = first->shape[1];
    }
    rv_tensor *x = rv_make(who, RV_U8, 4, shape);
    rv_tensor *y = x ? rv_make(who, RV_I64, 1, &n) : NULL;
    if (y == NULL || !read_all(o, l, x))
        return NULL;
    put_labels(l, (int64_t *)y->data);
    rv_dataset *set = rv_data_over_tensors(who, x, y, true);
    if (set != NULL) {
        set->source->names = l->classes;
        l->classes = (rv_names){0};
    }
    return set;
}

rv_dataset *rv_data_images_with(const rv_data_images_options *o)
{
    if (o == NULL || o->dir == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the %s NULL", o ? "folder is" : "options are");
    if (o->height < 0 || o->width < 0 || (o->height == 0) != (o->width == 0))
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "height is %lld and width is %lld; both are from 1, or both 0",
                            (long long)o->height, (long long)o->width);
    if (o->channels < 1 || o->channels > 4)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "channels is %d; 1 to 4", o->channels);
    listing l = {0};
    rv_dataset *set = list(o->dir, &l) ? read_set(o, &l) : NULL;
    listing_end(&l);
    return set;
}

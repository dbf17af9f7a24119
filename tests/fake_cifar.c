/* fake_cifar - writes a small data set in CIFAR-10's format, for tests without the real one.
 *
 * usage: fake_cifar FOLDER TRAIN TEST
 *
 * FOLDER gets CIFAR-10's files, with so many training images (a multiple of 5) and test images, and
 * one image of each class as a PNG file of twice the size. An image is a bright bar among noise,
 * and its class is the bar's colour and direction: also when the image is moved and turned around.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <ravine.h>

enum { SIDE = 32, CHANNELS = 3, CLASSES = 10, FILES = 5, PIXELS = SIDE * SIDE };

static const char *const names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                           "dog",      "frog",       "horse", "ship", "truck"};

static uint32_t state = 2463534242u;

/* Marsaglia's xorshift: the same numbers on any machine. */
static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void finish(FILE *file)
{
    if (fclose(file) != 0) {
        perror("fake_cifar");
        exit(1);
    }
}

static void make_image(uint8_t *image, int label)
{
    static const bool colours[CLASSES / 2][CHANNELS] = {
        {true, false, false}, {false, true, false}, {false, false, true},
        {true, true, false},  {true, false, true},
    };
    const int start = 10 + (int)(next() % 6);
    for (int channel = 0; channel < CHANNELS; channel++) {
        for (int i = 0; i < PIXELS; i++) {
            const int place = label < CLASSES / 2 ? i / SIDE : i % SIDE;
            const int noise = (int)(next() % 128);
            const bool bar = place >= start && place < start + 6;
            image[channel * PIXELS + i] =
                (uint8_t)(bar && colours[label % (CLASSES / 2)][channel] ? 255 - noise : noise);
        }
    }
}

static void put_images(const char *folder, const char *name, int count)
{
    uint8_t image[CHANNELS * PIXELS];
    FILE *file = create(folder, name);
    for (int i = 0; i < count; i++) {
        const int label = (int)(next() % CLASSES);
        make_image(image, label);
        putc(label, file);
        fwrite(image, 1, sizeof image, file);
    }
    finish(file);
}

static void put_picture(const char *folder, int label)
{
    RV_SCOPE;
    uint8_t image[CHANNELS * PIXELS];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.png", folder, names[label]);
    make_image(image, label);
    rv_tensor *t = rv_from_array(image, RV_U8, CHANNELS, SIDE, SIDE);
    rv_image_write(path, rv_image_resize(rv_permute(t, 1, 2, 0), 2 * SIDE, 2 * SIDE));
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: fake_cifar FOLDER TRAIN TEST\n");
        return 1;
    }
    rv_on_error(rv_error_exit);
    for (int i = 1; i <= FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        put_images(argv[1], name, atoi(argv[2]) / FILES);
    }
    put_images(argv[1], "test_batch.bin", atoi(argv[3]));
    FILE *file = create(argv[1], "batches.meta.txt");
    for (int label = 0; label < CLASSES; label++)
        fprintf(file, "%s\n", names[label]);
    finish(file);
    for (int label = 0; label < CLASSES; label++)
        put_picture(argv[1], label);
    return 0;
}

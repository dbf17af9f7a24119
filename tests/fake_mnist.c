/* fake_mnist - writes a small data set in MNIST's format, for tests without the real one.
 *
 * usage: fake_mnist FOLDER TRAIN TEST
 *
 * FOLDER gets MNIST's four files, plain, with so many training and test images. An image is a
 * bright bar among noise, and its class says where the bar is: easy, but not for nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 28, CLASSES = 10 };

static uint32_t state = 2463534242u;

/* Marsaglia's xorshift: the same numbers on any machine. */
static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void put_number(FILE *file, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        putc((int)(number >> shift & 255), file);
}

static FILE *create(const char *folder, const char *split, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-%s", folder, split, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void put_image(FILE *images, int label)
{
    const int top = 1 + label % 5 * 5 + (int)(next() % 3);
    const int left = label / 5 * SIDE / 2;
    for (int row = 0; row < SIDE; row++) {
        for (int column = 0; column < SIDE; column++) {
            const int noise = (int)(next() % 128);
            const bool bar =
                row >= top && row < top + 3 && column >= left && column < left + SIDE / 2;
            putc(bar ? 255 - noise : noise, images);
        }
    }
}

static void put_split(const char *folder, const char *split, int count)
{
    FILE *images = create(folder, split, "images-idx3-ubyte");
    FILE *labels = create(folder, split, "labels-idx1-ubyte");

    put_number(images, 0x803); /* bytes, 3 axes */
    put_number(images, (uint32_t)count);
    put_number(images, SIDE);
    put_number(images, SIDE);
    put_number(labels, 0x801); /* bytes, 1 axis */
    put_number(labels, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        const int label = (int)(next() % CLASSES);
        put_image(images, label);
        putc(label, labels);
    }
    if (fclose(images) != 0 || fclose(labels) != 0) {
        perror(folder);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: fake_mnist FOLDER TRAIN TEST\n");
        return 1;
    }
    put_split(argv[1], "train", atoi(argv[2]));
    put_split(argv[1], "t10k", atoi(argv[3]));
    return 0;
}

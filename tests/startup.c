/* startup - how long the mnist example keeps a user waiting for its first training step.
 *
 * usage: startup DATA_FOLDER
 *
 * Runs the example, as a process of its own, to the end of its first step and, in between, reads
 * the training files with zlib alone (plain ones are only read). Prints the medians. A benchmark,
 * not a test: a test never depends on time.
 */
#include "bench.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ravine.h>
#include <zlib.h>

/* The example itself, but that the process ends with its first step. */
static int mnist_main(int argc, char **argv);
#define main mnist_main
#define rv_optim_step(opt) (rv_optim_step(opt), _exit(0))
#include "../examples/mnist.c"
#undef main
#undef rv_optim_step

enum { ROUNDS = 15 };

/* Seconds from before the process to after it; ends this one if the step fails. */
static double time_step(const char *folder)
{
    int status;
    const double start = bench_now();
    const pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "mnist", "--data", folder, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "startup: the first step on %s failed\n", folder);
        exit(1);
    }
    return bench_now() - start;
}

/* Reads a file to its end, plain or .gz; whether there is one. */
static bool inflate_file(const char *folder, const char *name, bool *compressed)
{
    static char path[4096], buffer[1 << 18];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *compressed = access(path, R_OK) != 0;
    if (*compressed)
        strncat(path, ".gz", sizeof path - strlen(path) - 1);
    gzFile file = gzopen(path, "rb");
    if (file == NULL)
        return false;
    while (gzread(file, buffer, sizeof buffer) > 0)
        continue;
    gzclose(file);
    return true;
}

static double time_zlib(const char *folder, bool *compressed)
{
    const double start = bench_now();
    if (!inflate_file(folder, "train-images-idx3-ubyte", compressed) ||
        !inflate_file(folder, "train-labels-idx1-ubyte", compressed)) {
        fprintf(stderr, "startup: no MNIST in %s\n", folder);
        exit(1);
    }
    return bench_now() - start;
}

int main(int argc, char **argv)
{
    double step[ROUNDS], zlib[ROUNDS];
    bool compressed = false;

    if (strcmp(argv[0], "mnist") == 0)
        return mnist_main(argc, argv);
    if (argc != 2) {
        fprintf(stderr, "usage: startup DATA_FOLDER\n");
        return 64;
    }
    for (int round = 0; round < ROUNDS; round++) {
        step[round] = time_step(argv[1]);
        zlib[round] = time_zlib(argv[1], &compressed);
    }
    const double of_step = 1e3 * bench_median(step, ROUNDS),
                 of_zlib = 1e3 * bench_median(zlib, ROUNDS);
    printf("mnist, to the end of its first step: %.1f ms\n", of_step);
    printf("zlib alone, the training files:      %.1f ms\n", of_zlib);
    if (compressed)
        printf("ratio: %.2f (at most 1.5 wanted)\n", of_step / of_zlib);
    else
        printf("difference: %.1f ms (under 30 wanted)\n", of_step - of_zlib);
    return 0;
}

/* files.h - a folder of its own for a test, and files in it. */
#ifndef TESTS_FILES_H
#define TESTS_FILES_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* The folder, which make_folder made; these two are a suite's .init and .fini. */
static char test_folder[256];

static inline void make_folder(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(test_folder, sizeof test_folder, "%s/ravine-test-XXXXXX",
             temporary ? temporary : "/tmp");
    if (mkdtemp(test_folder) == NULL) {
        perror(test_folder);
        exit(1);
    }
}

static inline int remove_one(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about, (void)type, (void)walk;
    return remove(path);
}

static inline void remove_folder(void)
{
    nftw(test_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the folder; valid until the eighth call after this one. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

/* Writes a file there, plain or compressed by gzip, and returns its path. */
static inline const char *write_file(const char *name, const void *bytes, size_t n)
{
    const char *path = in_folder(name);
    remove(
        path); /* a new file costs less than cutting an old one: some systems flush that at once */
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        exit(1);
    return path;
}

static inline const char *write_gz(const char *name, const void *bytes, size_t n)
{
    const char *path = in_folder(name);
    remove(path);
    gzFile file = gzopen(path, "wb");
    if (file == NULL || (n > 0 && gzwrite(file, bytes, (unsigned)n) != (int)n) ||
        gzclose(file) != Z_OK)
        exit(1);
    return path;
}

/* The bytes of a file, at most `room`; how many. */
static inline size_t read_file(const char *path, void *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    const size_t n = fread(bytes, 1, room, file);
    fclose(file);
    return n;
}

#endif

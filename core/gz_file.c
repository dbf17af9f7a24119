/* gz_file.c - plain and compressed files, read alike.
 *
 * zlib's gzread reads both, and large reads go straight into the caller's memory. What it leaves to
 * its caller is done here: where reading stops, why, and under which of two names the file stands.
 */

#include "core/gz_file.h"

#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/platform.h"

#define BUFFER_BYTES (1 << 18)
#define READ_BYTES ((int64_t)1 << 30) /* gzread counts in int */

/* Adds ".gz" to `path`, or takes it off if it is there. */
static void turn_name(char *path)
{
    const size_t length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0)
        path[length - 3] = '\0';
    else
        memcpy(path + length, ".gz", 4);
}

static bool open_named(rv_gz_reader *r, const char *path)
{
    r->file_bytes = rv_file_size(r->path);
    if (r->file_bytes < 0 && errno == ENOENT) {
        turn_name(r->path);
        r->file_bytes = rv_file_size(r->path);
        if (r->file_bytes < 0 && errno == ENOENT)
            return rv_fail(RV_ERROR_FILE, r->who, "neither \"%s\" nor \"%s\" exists", path,
                           r->path);
    }
    if (r->file_bytes < 0)
        return rv_fail(RV_ERROR_FILE, r->who, "\"%s\" cannot be read: %s", r->path,
                       strerror(errno));
    errno = 0;
    r->file = gzopen(r->path, "rb");
    if (r->file == NULL)
        return rv_fail(errno ? RV_ERROR_FILE : RV_ERROR_MEMORY, r->who,
                       "\"%s\" cannot be opened: %s", r->path,
                       errno ? strerror(errno) : "out of memory");
    gzbuffer(r->file, BUFFER_BYTES);
    return true;
}

bool rv_gz_open(rv_gz_reader *r, const char *path)
{
    if (path == NULL)
        return rv_fail(RV_ERROR_NULL, r->who, "the path is NULL");
    r->came = 0;
    r->path_bytes = strlen(path) + 4;
    r->path = rv_memory_get(r->who, r->path_bytes);
    if (r->path == NULL)
        return false;
    memcpy(r->path, path, strlen(path) + 1);
    if (open_named(r, path))
        return true;
    rv_memory_put(r->path, r->path_bytes);
    return false;
}

void rv_gz_close(rv_gz_reader *r)
{
    gzclose(r->file);
    rv_memory_put(r->path, r->path_bytes);
}

/* What zlib says went wrong, or the operating system. */
static bool read_failed(const rv_gz_reader *r)
{
    int code;
    const char *text = gzerror(r->file, &code);
    if (code == Z_ERRNO)
        return rv_fail(RV_ERROR_FILE, r->who, "\"%s\" cannot be read: %s", r->path,
                       strerror(errno));
    if (code == Z_MEM_ERROR)
        return rv_fail(RV_ERROR_MEMORY, r->who, "out of memory while reading \"%s\"", r->path);
    const size_t length = strlen(r->path); /* zlib's text begins with the path and ": " */
    if (strncmp(text, r->path, length) == 0 && text[length] == ':')
        text += length + 2;
    return rv_fail(RV_ERROR_FORMAT, r->who, "\"%s\" is damaged after %lld bytes: %s", r->path,
                   (long long)r->came, text);
}

bool rv_gz_read(rv_gz_reader *r, void *to, int64_t bytes)
{
    for (int64_t done = 0; done < bytes;) {
        const int64_t left = bytes - done;
        const int got =
            gzread(r->file, (char *)to + done, (unsigned)(left < READ_BYTES ? left : READ_BYTES));
        if (got < 0)
            return read_failed(r);
        if (got == 0)
            break;
        done += got;
        r->came += got;
    }
    return true;
}

const char *rv_gz_cut_off(const rv_gz_reader *r)
{
    int code;
    gzerror(r->file, &code);
    return code == Z_BUF_ERROR ? " (its compressed data is cut off)" : "";
}

bool rv_gz_is_there(char *path)
{
    if (rv_file_size(path) >= 0 || errno != ENOENT)
        return true;
    const size_t length = strlen(path);
    memcpy(path + length, ".gz", 4);
    const bool there = rv_file_size(path) >= 0 || errno != ENOENT;
    path[length] = '\0';
    return there;
}

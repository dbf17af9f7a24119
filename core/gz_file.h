/* gz_file.h - reading a file that is plain or compressed by gzip, told by its first bytes. Private
 * to core/. Every error names `who` and the file. Set r->who before rv_gz_open.
 */
#ifndef RV_CORE_GZ_FILE_H
#define RV_CORE_GZ_FILE_H

#include <zlib.h>

#include "core/macros.h"

#define RV_DEFLATE_LIMIT 1032 /* no compressed byte stands for more (zlib's technical notes) */

typedef struct rv_gz_reader {
    const char *who;
    char *path; /* the one that was opened */
    size_t path_bytes;
    gzFile file;
    int64_t file_bytes; /* as it lies on the disk */
    int64_t came;       /* bytes read so far, uncompressed */
} rv_gz_reader;

/* Opens `path`, or, if nothing is there, `path` with ".gz" added, or taken off. False with an error
 * if it cannot be; then there is nothing to close. */
bool rv_gz_open(rv_gz_reader *r, const char *path);
void rv_gz_close(rv_gz_reader *r);

/* Reads up to `bytes`; r->came says how many came, fewer only at the end. False with an error if
 * reading fails. */
bool rv_gz_read(rv_gz_reader *r, void *to, int64_t bytes);

/* " (its compressed data is cut off)" if that is why no more bytes came, and "". */
const char *rv_gz_cut_off(const rv_gz_reader *r);

/* Whether something is at `path`, or at `path` with ".gz", for which it has room. */
bool rv_gz_is_there(char *path);

#endif

/* progress.h - how far along a loop is, on stderr.
 *
 * On a terminal one line that is drawn over itself, ten times a second at most, and is gone at the
 * end; elsewhere a plain line every ten seconds, so that a log stays readable.
 *
 *     progress p = progress_begin("epoch  3/10", "batches", 430);
 *     for (...) {
 *         ...
 *         progress_step(&p);       // epoch  3/10 [=========>          ]  47%  512 batches/s, 0.4 s
 * left
 *     }
 *     double seconds = progress_end(&p);
 */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    const char *title;
    const char *things;
    int64_t done, total;
    bool terminal;
    double started, shown; /* seconds of a clock that never goes back */
} progress;

progress progress_begin(const char *title, const char *things, int64_t total);
void progress_step(progress *p);
/* Takes the line away again; returns how many seconds it took. */
double progress_end(progress *p);

#endif

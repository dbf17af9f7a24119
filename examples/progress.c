/* progress.c - see progress.h. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, isatty */

#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

progress progress_begin(const char *title, const char *things, int64_t total)
{
    const double start = now();
    return (progress){.title = title,
                      .things = things,
                      .total = total,
                      .terminal = isatty(STDERR_FILENO),
                      .started = start,
                      .shown = start};
}

static void show(const progress *p)
{
    const double rate = (double)p->done / (p->shown - p->started);
    const double left = (double)(p->total - p->done) / rate;
    const int percent = (int)(100 * p->done / p->total);

    if (p->terminal) {
        char bar[BAR + 1];
        const int full = (int)(BAR * p->done / p->total);
        for (int i = 0; i < BAR; i++)
            bar[i] = i < full ? '=' : i == full ? '>' : ' ';
        bar[BAR] = '\0';
        fprintf(stderr, "\r%s [%s] %3d%%  %.0f %s/s, %.1f s left\033[K", p->title, bar, percent,
                rate, p->things, left);
    } else {
        fprintf(stderr, "%s: %d%%, %.0f %s/s, %.0f s left\n", p->title, percent, rate, p->things,
                left);
    }
}

void progress_step(progress *p)
{
    const double time = now();
    p->done++;
    if (time - p->shown < (p->terminal ? 0.1 : 10))
        return;
    p->shown = time;
    show(p);
}

double progress_end(progress *p)
{
    if (p->terminal)
        fprintf(stderr, "\r\033[K");
    return now() - p->started;
}

/* gnuplot.c - see gnuplot.h. */
#define _POSIX_C_SOURCE 200809L /* popen */

#include "gnuplot.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

bool gnuplot_can_draw(const char *path)
{
    const char *ending = strrchr(path, '.');
    return ending != NULL && (strcmp(ending, ".svg") == 0 || strcmp(ending, ".png") == 0 ||
                              strcmp(ending, ".gp") == 0);
}

static bool failed(const gnuplot_picture *p, const char *path, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", p->program, path, why);
    return false;
}

static bool write_text(const gnuplot_picture *p, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return failed(p, path, strerror(errno));
    fprintf(file, "# gnuplot -e \"set terminal svg; set output 'picture.svg'\" FILE draws this.\n");
    p->write(file, p->context);
    const bool written = ferror(file) == 0;
    if (fclose(file) != 0 || !written)
        return failed(p, path, "it could not be written");
    printf("\nwritten: %s, which gnuplot draws\n", path);
    return true;
}

/* gnuplot's name for the file: as one text, and so that none is a command, as '|rm' would be. */
static void write_output(FILE *to, const char *path)
{
    fprintf(to, "set output '%s", path[0] == '/' ? "" : "./");
    for (const char *p = path; *p != '\0'; p++)
        fprintf(to, *p == '\'' ? "''" : "%c", *p);
    fprintf(to, "'\n");
}

static bool draw(const gnuplot_picture *p)
{
    const bool svg = strcmp(strrchr(p->path, '.'), ".svg") == 0;
    for (const char *c = p->path; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return failed(p, p->path, "gnuplot takes no name with control characters");
    FILE *pipe = popen("gnuplot -d >/dev/null", "w");
    if (pipe == NULL)
        return failed(p, "gnuplot", strerror(errno));
    fprintf(pipe, "set terminal %s size %d,%d font 'sans-serif,11' background '#ffffff'\n",
            svg ? "svg dynamic" : "pngcairo", p->width, p->height);
    write_output(pipe, p->path);
    p->write(pipe, p->context);
    if (pclose(pipe) != 0)
        return failed(p, p->path, "gnuplot could not draw it");
    printf("\ndrawn: %s\n", p->path);
    return true;
}

bool gnuplot_draw(const gnuplot_picture *p)
{
    const char *ending = strrchr(p->path, '.');
    if (strcmp(ending, ".gp") == 0)
        return write_text(p, p->path);

    signal(SIGPIPE, SIG_IGN); /* a gnuplot that stops early is an error, not our end */
    if (system("gnuplot --version >/dev/null 2>&1") == 0)
        return draw(p);

    char *path = malloc(strlen(p->path) + 4);
    if (path == NULL)
        return failed(p, p->path, "no memory for its name");
    sprintf(path, "%.*s.gp", (int)(ending - p->path), p->path);
    printf("\ngnuplot, which draws the picture, is not there; on Debian: apt install gnuplot-nox");
    const bool written = write_text(p, path);
    free(path);
    return written;
}

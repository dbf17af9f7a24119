/* gnuplot.h - pictures of the examples, drawn by gnuplot.
 *
 * gnuplot reads one text: what to draw, and the data, in blocks. It goes through a pipe; where
 * there is no gnuplot, into a file, so that it can be drawn later or by something else.
 */
#ifndef EXAMPLES_GNUPLOT_H
#define EXAMPLES_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/* Whether a name ends in .svg, .png or .gp, as it must to be drawn. */
bool gnuplot_can_draw(const char *path);

typedef struct gnuplot_picture {
    const char *program; /* who says what goes wrong */
    const char
        *path; /* .svg, .png: a picture; .gp, or without gnuplot: the text it is drawn from */
    int width, height;
    void (*write)(FILE *to, const void *context); /* writes that text */
    const void *context;
} gnuplot_picture;

/* Draws it, and says what it wrote; false, and why on stderr, if it could not. */
bool gnuplot_draw(const gnuplot_picture *picture);

#endif

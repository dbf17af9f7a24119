/* line_parts.h - what the line searches share. Private to optim/. */
#ifndef RV_OPTIM_LINE_PARTS_H
#define RV_OPTIM_LINE_PARTS_H

#include "optim/line_search.h"

/* A step, and phi and its slope there. */
typedef struct rv_line_point {
    double step, value, slope;
} rv_line_point;

typedef struct rv_line {
    const rv_line_options *options;
    rv_line_point origin;
    rv_line_point best; /* the lowest finite point so far */
    rv_line_point last; /* that was evaluated */
    rv_line_status status;
    int evaluations;
} rv_line;

/* Evaluates phi there. True if the search must end, for its status: the conditions hold, the
 * function stopped it, or this was the last evaluation. */
bool rv_line_probe(rv_line *line, double step);

/* Whether the last point is one that may be used at all. */
bool rv_line_is_finite(const rv_line_point *p);

/* Where the parabola through a's value and slope and b's value has its minimum, */
double rv_line_parabola(const rv_line_point *a, const rv_line_point *b);

/* and where the line through the slopes of a and b is 0. */
double rv_line_secant(const rv_line_point *a, const rv_line_point *b);

/* Whether a method and its conditions are possible; false with an error under `caller`, in which
 * the method is called `name`. */
bool rv_line_check(const char *caller, const char *name, rv_line_method method, double decrease,
                   double curvature);

/* The searches: each leaves the status. */
void rv_line_more_thuente(rv_line *line);
void rv_line_hager_zhang(rv_line *line);
void rv_line_backtracking(rv_line *line);

#endif

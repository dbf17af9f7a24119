/* line_search.h - how far to go along a direction: searches for methods that evaluate the loss.
 *
 *     static bool along(void *context, double step, double *value, double *slope);
 *
 *     rv_line_result r = rv_line_search(along, &problem, .value = f0, .slope = g0, .step = 1);
 *     if (r.status == RV_LINE_FOUND) ... r.step, r.value, r.slope ...
 *
 * With phi(a) the value at a step of a, from which the search looks for a step a > 0 that lowers
 * it enough, and leaves a slope small enough (the strong Wolfe conditions):
 *
 *     phi(a) <= phi(0) + decrease * a * phi'(0)      and      |phi'(a)| <= curvature * |phi'(0)|
 *
 * Near a minimum phi(a) and phi(0) agree in all their digits, and the first no longer says
 * anything. Then the approximate Wolfe conditions decide (Hager and Zhang 2005), which need values
 * only as far as those have digits, and slopes for the rest:
 *
 *     (2 * decrease - 1) * phi'(0) >= phi'(a) >= curvature * phi'(0),  |phi(a) - phi(0)| <= noise
 *
 * A value or slope that is not finite is no place to be: the search steps back from it, and never
 * returns it.
 */
#ifndef RV_OPTIM_LINE_SEARCH_H
#define RV_OPTIM_LINE_SEARCH_H

#include "core/macros.h"

RV_BEGIN_C

/* phi and phi' at a step; false stops the search (RV_LINE_STOPPED). */
typedef bool rv_line_function(void *context, double step, double *value, double *slope);

typedef enum rv_line_method {
    RV_LINE_MORE_THUENTE, /* More and Thuente 1994: cubic and quadratic steps, always inside an
                             interval that shrinks; the fewest evaluations */
    RV_LINE_HAGER_ZHANG,  /* Hager and Zhang 2005: secant steps on the slope; to the last digit */
    RV_LINE_BACKTRACKING  /* only the first condition (Armijo 1966): steps back by interpolation,
                             and never goes beyond the first step */
} rv_line_method;

typedef enum rv_line_status {
    RV_LINE_FOUND,       /* the conditions hold */
    RV_LINE_APPROXIMATE, /* the approximate ones do */
    RV_LINE_AT_LARGEST,  /* the value still falls at step_max */
    RV_LINE_EVALUATIONS, /* max_evaluations were made */
    RV_LINE_ROUNDING,    /* the interval has become as small as rounding: no better step is left */
    RV_LINE_NOT_DESCENT, /* the slope at 0 is not below 0, or a number is not finite: no evaluation
                          */
    RV_LINE_STOPPED,     /* the function said so */
    RV_LINE_WRONG        /* an option is out of its range: an error was recorded */
} rv_line_status;

typedef struct rv_line_options {
    rv_line_function *function; /* required */
    void *context;              /* required, may be NULL: handed to function */
    double value;               /* phi(0) */
    double slope;               /* phi'(0), < 0 */
    double step;                /* the first step that is tried; default 1; > 0 */
    rv_line_method method;      /* default RV_LINE_MORE_THUENTE */
    double decrease;            /* default 1e-4; > 0, < 0.5, < curvature */
    double curvature;           /* default 0.9; < 1 */
    double noise;        /* by how much phi may be wrong; default 0: the approximate conditions
                            never decide; with RV_LINE_HAGER_ZHANG they use it as given; >= 0 */
    double step_max;     /* default 1e20; >= step */
    int max_evaluations; /* default 40; >= 1 */
} rv_line_options;

typedef struct rv_line_result {
    rv_line_status status;
    double step;  /* that the search ends with: where the status is not FOUND or APPROXIMATE, */
    double value; /* the one of the lowest value seen, 0 if none was below phi(0) */
    double slope;
    int evaluations; /* how many times the function was called */
} rv_line_result;

/* Searches; what comes out is described above. When the status is RV_LINE_FOUND or
 * RV_LINE_APPROXIMATE, the step is the last one that the function was called with, so that what it
 * computed on the way (the gradient there) is the one to go on with. */
#define rv_line_search(...)                                                       \
    RV_OPTIONS(rv_line_search_with, rv_line_options, .step = 1, .decrease = 1e-4, \
               .curvature = 0.9, .step_max = 1e20, .max_evaluations = 40, .function = __VA_ARGS__)
RV_API rv_line_result rv_line_search_with(const rv_line_options *options);

/* "the conditions hold", ...: a text for each status. */
RV_API const char *rv_line_status_text(rv_line_status status);

RV_END_C

#endif

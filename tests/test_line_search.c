/* test_line_search.c - each line search by itself: More and Thuente's six functions, functions that
 * have no digits left, walls, every status, every wrong option.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers.h"
#include "optim/line_search.h"

/* ---- More and Thuente's functions (section 5 of their paper) --------------------------------- */

static const double pi = 3.14159265358979323846;

static bool function_1(void *context, double a, double *value, double *slope)
{
    (void)context;
    const double beta = 2, below = a * a + beta;
    *value = -a / below;
    *slope = (a * a - beta) / (below * below);
    return true;
}

static bool function_2(void *context, double a, double *value, double *slope)
{
    (void)context;
    const double t = a + 0.004;
    *value = pow(t, 5) - 2 * pow(t, 4);
    *slope = 5 * pow(t, 4) - 8 * pow(t, 3);
    return true;
}

static bool function_3(void *context, double a, double *value, double *slope)
{
    (void)context;
    const double beta = 0.01, l = 39, distance = fabs(a - 1);
    const bool is_near = distance < beta;
    const double bowl = is_near ? (a - 1) * (a - 1) / (2 * beta) + beta / 2 : distance;
    const double bowl_slope = is_near ? (a - 1) / beta : copysign(1, a - 1);
    *value = bowl + 2 * (1 - beta) / (l * pi) * sin(l * pi / 2 * a);
    *slope = bowl_slope + (1 - beta) * cos(l * pi / 2 * a);
    return true;
}

/* Yanai, Ozawa and Kaneko's, for functions 4 to 6; the context has the two betas. */
static bool function_4(void *context, double a, double *value, double *slope)
{
    const double *beta = context;
    const double gamma[2] = {sqrt(1 + beta[0] * beta[0]) - beta[0],
                             sqrt(1 + beta[1] * beta[1]) - beta[1]};
    const double p = hypot(1 - a, beta[1]), q = hypot(a, beta[0]);
    *value = gamma[0] * p + gamma[1] * q;
    *slope = -gamma[0] * (1 - a) / p + gamma[1] * a / q;
    return true;
}

typedef struct standard {
    rv_line_function *function;
    double beta[2];
    double decrease, curvature; /* of the paper's table */
    int evaluations[4];         /* of MINPACK-2's dcsrch (as SciPy 1.17 has it), from steps of */
} standard;                     /* 1e-3, 1e-1, 1e1 and 1e3 */

/* Where the paper has equal tolerances, the second is larger by what `curvature` demands. */
static const standard standards[] = {
    {function_1, {0, 0}, 1e-3, 1e-1, {6, 3, 1, 4}},
    {function_2, {0, 0}, 1e-1, 1e-1 + 1e-9, {12, 8, 8, 11}},
    {function_3, {0, 0}, 1e-1, 1e-1 + 1e-9, {12, 12, 10, 13}},
    {function_4, {1e-3, 1e-3}, 1e-3, 1e-3 + 1e-9, {4, 1, 3, 4}},
    {function_4, {1e-2, 1e-3}, 1e-3, 1e-3 + 1e-9, {6, 3, 7, 8}},
    {function_4, {1e-3, 1e-2}, 1e-3, 1e-3 + 1e-9, {13, 11, 8, 11}},
};

static void check_standard(const standard *s, rv_line_method method, int step, double noise)
{
    double value, slope;
    cr_assert(s->function((void *)s->beta, 0, &value, &slope));
    const rv_line_result r =
        rv_line_search(s->function, (void *)s->beta, .value = value, .slope = slope,
                       .step = pow(10, 2 * step - 3), .method = method, .decrease = s->decrease,
                       .curvature = s->curvature, .noise = noise, .max_evaluations = 60);
    const char *text = rv_line_status_text(r.status);
    cr_assert(r.status == RV_LINE_FOUND, "function %d, step %d: %s", (int)(s - standards) + 1, step,
              text);
    double end_value, end_slope;
    cr_assert(s->function((void *)s->beta, r.step, &end_value, &end_slope));
    cr_assert(r.value == end_value && r.slope == end_slope);
    cr_assert(r.value <= value + s->decrease * r.step * slope);
    if (method != RV_LINE_BACKTRACKING)
        cr_assert(fabs(r.slope) <= -s->curvature * slope);
    if (method == RV_LINE_MORE_THUENTE)
        cr_assert(r.evaluations == s->evaluations[step], "function %d, step %d: %d evaluations",
                  (int)(s - standards) + 1, step, r.evaluations);
}

Test(line_search, more_thuente_on_its_six_functions)
{
    for (int i = 0; i < RV_COUNT(standards); i++)
        for (int step = 0; step < 4; step++)
            check_standard(&standards[i], RV_LINE_MORE_THUENTE, step, 0);
}

Test(line_search, hager_zhang_on_the_same)
{
    for (int i = 0; i < RV_COUNT(standards); i++)
        for (int step = 0; step < 4; step++)
            check_standard(&standards[i], RV_LINE_HAGER_ZHANG, step, 0);
}

Test(line_search, backtracking_on_the_same)
{
    for (int i = 0; i < RV_COUNT(standards); i++)
        for (int step = 0; step < 4; step++)
            check_standard(&standards[i], RV_LINE_BACKTRACKING, step, 0);
}

/* ---- no digits left -------------------------------------------------------------------------- */

/* 1 + 1e-16 * (a - 3)^2: values are 1 or next to it, slopes are exact. */
static bool flat(void *context, double a, double *value, double *slope)
{
    (void)context;
    *value = 1 + 1e-16 * (a - 3) * (a - 3);
    *slope = 2e-16 * (a - 3);
    return true;
}

/* The same with values that are wrong in the last digits, up and down. */
static bool rough(void *context, double a, double *value, double *slope)
{
    flat(context, a, value, slope);
    *value += 4e-16 * sin(1e6 * a);
    return true;
}

Test(line_search, hager_zhang_where_values_agree_to_15_digits)
{
    rv_line_function *const functions[] = {flat, rough};
    const double slope = -6e-16, decrease = 0.45, curvature = 0.5, noise = 1e-15;
    for (int i = 0; i < 2; i++)
        for (double step = 1e-3; step < 1e4; step *= 10) {
            const rv_line_result r = rv_line_search(
                functions[i], NULL, .value = 1, .slope = slope, .step = step, .decrease = decrease,
                .curvature = curvature, .noise = noise, .method = RV_LINE_HAGER_ZHANG);
            cr_assert(r.status == RV_LINE_APPROXIMATE || r.status == RV_LINE_FOUND, "step %g: %s",
                      step, rv_line_status_text(r.status));
            cr_assert(r.value <= 1 + noise);
            cr_assert(r.slope >= curvature * slope && r.slope <= -curvature * slope);
            if (r.status == RV_LINE_APPROXIMATE)
                cr_assert(r.slope <= (2 * decrease - 1) * slope);
        }
}

Test(line_search, more_thuente_accepts_by_slopes_if_it_is_told_how_noisy_values_are)
{
    double value, slope;
    cr_assert(flat(NULL, 0, &value, &slope));
    const rv_line_result blind =
        rv_line_search(flat, NULL, .value = value, .slope = slope, .step = 0.5, .curvature = 0.2);
    const rv_line_result told = rv_line_search(flat, NULL, .value = value, .slope = slope,
                                               .step = 0.5, .curvature = 0.2, .noise = 1e-15);
    cr_assert(blind.status != RV_LINE_APPROXIMATE);
    cr_assert(told.status == RV_LINE_APPROXIMATE || told.status == RV_LINE_FOUND, "%s",
              rv_line_status_text(told.status));
    cr_assert(fabs(told.slope) <= -0.2 * slope);
}

/* A slope that jumps from -1 to 1 at `edge`, without a zero in between. */
static bool kink(void *context, double a, double *value, double *slope)
{
    const double edge = *(const double *)context;
    *value = fabs(a - edge);
    *slope = a < edge ? -1 : 1;
    return true;
}

/* The interval shrinks until its ends are neighbours, where middle and secants are an end. */
Test(line_search, an_interval_between_neighbouring_numbers_ends)
{
    for (double size = 1e-300; size < 1e19; size *= 1e7)
        for (int i = 0; i < 5; i++) {
            double edge = size * (1 + i / 3.0);
            const rv_line_result r = rv_line_search(
                kink, &edge, .value = edge, .slope = -1, .step = 0.3 * size, .decrease = 0.45,
                .curvature = 0.5, .method = RV_LINE_HAGER_ZHANG, .max_evaluations = 5000);
            cr_assert(r.status == RV_LINE_ROUNDING, "%g: %s", edge, rv_line_status_text(r.status));
            cr_assert(r.evaluations > 40 && r.evaluations < 200, "%g: %d", edge, r.evaluations);
            cr_assert(r.step >= nextafter(edge, 0) && r.step <= edge, "%g: %.17g", edge, r.step);
        }
}

/* ---- walls ----------------------------------------------------------------------------------- */

/* -log(wall - a) - a*c: falls, and is not finite from the wall on. */
typedef struct barrier {
    double wall;
    bool is_infinite; /* beyond it: infinity; or NaN */
} barrier;

static bool barrier_function(void *context, double a, double *value, double *slope)
{
    const barrier *b = context;
    const double left = b->wall - a;
    *value = left > 0 ? -100 * a - log(left) : b->is_infinite ? INFINITY : NAN;
    *slope = left > 0 ? -100 + 1 / left : NAN;
    return true;
}

Test(line_search, steps_back_from_what_is_not_finite)
{
    for (int method = RV_LINE_MORE_THUENTE; method <= RV_LINE_BACKTRACKING; method++)
        for (int kind = 0; kind < 2; kind++)
            for (double step = 1e-4; step < 1e9; step *= 10) {
                barrier b = {.wall = 1.7, .is_infinite = kind};
                double value, slope;
                barrier_function(&b, 0, &value, &slope);
                const rv_line_result r = rv_line_search(
                    barrier_function, &b, .value = value, .slope = slope, .step = step,
                    .method = (rv_line_method)method, .curvature = 0.5, .max_evaluations = 80);
                cr_assert(r.status == RV_LINE_FOUND, "method %d, step %g: %s", method, step,
                          rv_line_status_text(r.status));
                cr_assert(r.step > 0 && r.step < 1.7 && r.value < value);
                if (method != RV_LINE_BACKTRACKING)
                    cr_assert(fabs(r.slope) <= -0.5 * slope);
            }
}

/* ---- statuses -------------------------------------------------------------------------------- */

static bool falling(void *context, double a, double *value, double *slope)
{
    (void)context;
    *value = -a;
    *slope = -1;
    return true;
}

static bool stopping(void *context, double a, double *value, double *slope)
{
    (void)value, (void)slope, (void)a;
    int *calls = context;
    return ++*calls < 0;
}

static bool nowhere(void *context, double a, double *value, double *slope)
{
    (void)context, (void)a;
    *value = *slope = NAN;
    return true;
}

Test(line_search, every_status)
{
    for (int m = RV_LINE_MORE_THUENTE; m <= RV_LINE_BACKTRACKING; m++) {
        const rv_line_method method = (rv_line_method)m;
        int calls = 0;
        rv_line_result r = rv_line_search(stopping, &calls, .slope = -1, .method = method);
        cr_assert(r.status == RV_LINE_STOPPED && calls == 1 && r.evaluations == 1);
        cr_assert(r.step == 0 && r.value == 0 && r.slope == -1);

        r = rv_line_search(nowhere, NULL, .slope = -1, .method = method, .max_evaluations = 3);
        cr_assert(r.status == RV_LINE_EVALUATIONS && r.evaluations == 3 && r.step == 0);
        r = rv_line_search(nowhere, NULL, .slope = -1, .method = method, .max_evaluations = 5000);
        cr_assert(r.status == RV_LINE_ROUNDING, "method %d: %s", m, rv_line_status_text(r.status));
        cr_assert(r.step == 0 && r.value == 0);

        const double slopes[] = {0, 1, NAN, INFINITY, -INFINITY};
        for (int i = 0; i < RV_COUNT(slopes); i++) {
            r = rv_line_search(falling, NULL, .slope = slopes[i], .method = method);
            cr_assert(r.status == RV_LINE_NOT_DESCENT && r.evaluations == 0 && r.step == 0);
        }
        r = rv_line_search(falling, NULL, .value = NAN, .slope = -1, .method = method);
        cr_assert(r.status == RV_LINE_NOT_DESCENT && r.evaluations == 0);
    }
    for (int m = RV_LINE_MORE_THUENTE; m <= RV_LINE_HAGER_ZHANG; m++) {
        const rv_line_result r = rv_line_search(falling, NULL, .slope = -1,
                                                .method = (rv_line_method)m, .step_max = 1e6);
        cr_assert(r.status == RV_LINE_AT_LARGEST && r.step == 1e6 && r.value == -1e6, "%d", m);
    }
    cr_assert(rv_error_status() == RV_OK);
    for (int s = RV_LINE_FOUND; s <= RV_LINE_WRONG; s++)
        for (int other = RV_LINE_FOUND; other < s; other++)
            cr_assert(strcmp(rv_line_status_text((rv_line_status)s),
                             rv_line_status_text((rv_line_status)other)) != 0);
}

/* ---- bad input ------------------------------------------------------------------------------- */

#define WRONG(expected, ...)                                          \
    do {                                                              \
        const rv_line_result r_ = rv_line_search(__VA_ARGS__);        \
        cr_assert(r_.status == RV_LINE_WRONG && r_.evaluations == 0); \
        cr_assert(error_is(RV_ERROR_ARGUMENT, expected));             \
    } while (0)

Test(line_search, wrong_options)
{
    const double bad[] = {NAN, INFINITY, -INFINITY, -1};
    cr_assert(rv_line_search(NULL, NULL, .slope = -1).status == RV_LINE_WRONG);
    cr_assert(error_is(RV_ERROR_NULL, "line_search: the function is NULL"));
    cr_assert(rv_line_search_with(NULL).status == RV_LINE_WRONG);
    cr_assert(error_is(RV_ERROR_NULL, "line_search: the options are NULL"));
    for (int i = 0; i < RV_COUNT(bad); i++) {
        WRONG("step is", falling, NULL, .slope = -1, .step = bad[i]);
        WRONG("step_max is", falling, NULL, .slope = -1, .step_max = bad[i]);
        WRONG("decrease is", falling, NULL, .slope = -1, .decrease = bad[i]);
        WRONG("curvature is", falling, NULL, .slope = -1, .curvature = bad[i]);
        WRONG("noise is", falling, NULL, .slope = -1, .noise = bad[i]);
    }
    WRONG("step is 0", falling, NULL, .slope = -1, .step = 0);
    WRONG("step_max is 1", falling, NULL, .slope = -1, .step = 2, .step_max = 1);
    WRONG("decrease is 0.5", falling, NULL, .slope = -1, .decrease = 0.5);
    WRONG("curvature is 1", falling, NULL, .slope = -1, .curvature = 1);
    WRONG("curvature is 0.1", falling, NULL, .slope = -1, .decrease = 0.1, .curvature = 0.1);
    WRONG("max_evaluations is 0", falling, NULL, .slope = -1, .max_evaluations = 0);
    WRONG("method is 7", falling, NULL, .slope = -1, .method = (rv_line_method)7);
}

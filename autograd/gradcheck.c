/* gradcheck.c - what is checked, in two modes and two orders.
 *
 * Slow mode compares every element of the Jacobian that backward gives with differences. Fast mode
 * multiplies both with random vectors instead: v' J u costs one backward in all, and one difference
 * for each input. The second order is the first order of another function, (inputs, g) ->
 * gradients. Both modes also try what differences cannot see: that the function and its backward
 * give the same bits twice, and that backward is linear in the gradient it is given.
 */
#include "autograd/gradcheck.h"

#include <math.h>
#include <string.h>

#include "autograd/gradcheck_parts.h"
#include "autograd/graph.h"
#include "autograd/operations.h"
#include "core/random.h"

/* Where the directions of fast mode and the gradient of the second order are drawn from: places of
 * their own, so that the generator stays where it is and a check says the same each time. */
enum { DRAW_INPUTS, DRAW_OUTPUT, DRAW_GRADIENT };
static const uint64_t draw_seed = 0x67726164636b; /* any number */

/* Number i of a sequence, uniform in [0, 1). */
static double draw(int sequence, int64_t i)
{
    uint32_t bits[4];
    const rv_random_place place = {draw_seed, (uint64_t)sequence << 60};
    rv_philox(place, (uint64_t)i, bits);
    return bits[0] * 0x1p-32;
}

/* ---- checks that differences cannot make ----------------------------------------------------- */

/* Whether two evaluations give the same bits. The first decides the output's shape. */
static bool is_repeatable(rv_gradcheck_parts *p)
{
    RV_SCOPE;
    if (rv_gradcheck_call(p, p->in) == NULL)
        return false;
    double *first = rv_gradcheck_zeros(p, 1, p->rows), *second = rv_gradcheck_zeros(p, 1, p->rows);
    if (first == NULL || second == NULL || !rv_gradcheck_evaluate_into(p, first) ||
        !rv_gradcheck_evaluate_into(p, second))
        return false;
    for (int64_t row = 0; row < p->rows; row++) {
        if (memcmp(&first[row], &second[row], sizeof first[row]) == 0)
            continue;
        p->report->output = row;
        rv_gradcheck_say(p->report,
                         "two evaluations differ: output %lld is %.17g, then %.17g; if the "
                         "function is random, seed it",
                         (long long)row, first[row], second[row]);
        return false;
    }
    return true;
}

/* Whether backward gave the same bits twice: products [rows, columns]. */
static bool is_reentrant(const rv_gradcheck_parts *p, int64_t rows, const double *first,
                         const double *second)
{
    for (int64_t i = 0; i < rows * p->columns; i++) {
        if (memcmp(&first[i], &second[i], sizeof first[i]) == 0)
            continue;
        rv_gradcheck_point(p, i / p->columns, i % p->columns, first[i], second[i], 0);
        rv_gradcheck_say(p->report, "backward gives two results: ");
        rv_gradcheck_say_where(p);
        rv_gradcheck_say(p->report, ": %.17g, then %.17g", first[i], second[i]);
        return false;
    }
    return true;
}

/* Appends that backward gave `product` where linearity says `expected`; points there unless the
 * report points elsewhere already. Returns false. */
static bool say_not_linear(const rv_gradcheck_parts *p, int64_t column, double product,
                           double expected, double allowed, const char *what)
{
    rv_gradcheck_report *r = p->report;
    if (r->failed > 0) {
        rv_gradcheck_say(r, "; %s", what);
        return false;
    }
    rv_gradcheck_point(p, -1, column, product, expected, allowed);
    rv_gradcheck_say(r, "%s: ", what);
    rv_gradcheck_say_where(p);
    rv_gradcheck_say(r, " is %.6g, expected %.6g", product, expected);
    return false;
}

/* Whether backward gives exactly 0 for a gradient of 0. */
static bool is_zero_for_zero(const rv_gradcheck_parts *p, rv_tensor *y)
{
    RV_SCOPE;
    double *v = rv_gradcheck_zeros(p, 1, p->rows);
    double *products = rv_gradcheck_zeros(p, 1, p->columns);
    if (v == NULL || products == NULL || !rv_gradcheck_pull_back(p, y, v, products))
        return false;
    const bool failed = p->report->failed > 0; /* then 0 times an infinity is no news */
    for (int64_t i = 0; i < p->columns; i++)
        if (products[i] != 0 && !(failed && isnan(products[i])))
            return say_not_linear(p, i, products[i], 0, 0,
                                  "backward does not multiply by the gradient that it is given: "
                                  "a gradient of 0 does not give 0");
    return true;
}

/* Whether v' J for a random v is what the rows of J say. A gradient of one 1 among zeros, with
 * which J was made, does not see a square or an absolute value. */
static bool is_linear(const rv_gradcheck_parts *p, rv_tensor *y, const double *jacobian)
{
    RV_SCOPE;
    double *v = rv_gradcheck_zeros(p, 1, p->rows);
    double *products = rv_gradcheck_zeros(p, 1, p->columns);
    if (v == NULL || products == NULL)
        return false;
    for (int64_t row = 0; row < p->rows; row++)
        v[row] = 2 * draw(DRAW_OUTPUT, row) - 1;
    if (!rv_gradcheck_pull_back(p, y, v, products))
        return false;
    for (int64_t i = 0; i < p->columns; i++) {
        double expected = 0, size = 0;
        for (int64_t row = 0; row < p->rows; row++) {
            expected += v[row] * jacobian[row * p->columns + i];
            size += fabs(v[row] * jacobian[row * p->columns + i]);
        }
        const double allowed = p->atol + p->rtol * size;
        if (isfinite(expected) && rv_gradcheck_badness(products[i], expected, allowed) > 1)
            return say_not_linear(p, i, products[i], expected, allowed,
                                  "backward is not linear in the gradient that it is given");
    }
    return true;
}

/* ---- slow mode: every element ---------------------------------------------------------------- */

/* Appends what a mismatch looks like: one-sided differences that disagree at the worst element are
 * a kink or a jump; else a pattern of the whole. */
static void say_hint(rv_gradcheck_parts *p, const rv_tensor *y, const double *analytic,
                     const double *numeric)
{
    RV_SCOPE;
    rv_gradcheck_report *r = p->report;
    if (!rv_requires_grad(y)) {
        rv_gradcheck_say(r, "; the result is not connected to the inputs");
        return;
    }
    const int64_t column = rv_gradcheck_pointed(p);
    double *right = rv_gradcheck_zeros(p, 1, p->rows), *left = rv_gradcheck_zeros(p, 1, p->rows);
    if (right == NULL || left == NULL || !rv_gradcheck_difference(p, column, p->eps, 0, right) ||
        !rv_gradcheck_difference(p, column, 0, -p->eps, left))
        return;
    const double to_right = right[r->output], to_left = left[r->output];
    const double larger = fmax(fabs(to_right), fabs(to_left));
    if (fabs(to_right - to_left) > 10 * (p->atol + p->rtol * larger))
        rv_gradcheck_say(r,
                         "; the slope is %.4g to the left and %.4g to the right: the function has "
                         "a kink or a jump here",
                         to_left, to_right);
    else
        rv_gradcheck_say_pattern(p, analytic, numeric);
}

static bool check_slow(rv_gradcheck_parts *p)
{
    RV_SCOPE;
    double *analytic = rv_gradcheck_zeros(p, p->rows, p->columns);
    double *numeric = rv_gradcheck_zeros(p, p->rows, p->columns);
    if (analytic == NULL || numeric == NULL)
        return false;
    rv_tensor *y = rv_gradcheck_call(p, p->in);
    if (y == NULL || !rv_gradcheck_backward(p, y, analytic) ||
        !rv_gradcheck_backward(p, y, numeric) || !is_reentrant(p, p->rows, analytic, numeric) ||
        !rv_gradcheck_differences(p, numeric))
        return false;

    const bool agree = rv_gradcheck_compare(p, analytic, numeric);
    if (!agree)
        rv_gradcheck_say_compared(p);
    if (!is_zero_for_zero(p, y) || !is_linear(p, y, analytic))
        return false;
    if (agree)
        rv_gradcheck_say_compared(p);
    else
        say_hint(p, y, analytic, numeric);
    return agree;
}

/* ---- fast mode: one direction for each input ------------------------------------------------- */

/* Random numbers in [0, 1), scaled to a norm of 1; returns their sum. */
static double draw_direction(int sequence, int64_t first, int64_t n, double *values)
{
    double square = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        values[i] = draw(sequence, first + i);
        square += values[i] * values[i];
    }
    for (int64_t i = 0; i < n; i++) {
        values[i] /= sqrt(square);
        sum += values[i];
    }
    return sum;
}

static void move(const rv_tensor *leaf, const double *x, double step, const double *direction)
{
    for (int64_t i = 0; i < leaf->numel; i++)
        *rv_gradcheck_element(leaf, i) = x[i] + step * direction[i];
}

/* v' (f(x + eps u) - f(x - eps u)) / (2 eps), u being a direction of leaf k. */
static bool project(rv_gradcheck_parts *p, int k, const double *u, const double *v, double *result)
{
    RV_SCOPE;
    const rv_tensor *leaf = p->leaf[k];
    double *x = rv_gradcheck_zeros(p, 1, leaf->numel);
    double *above = rv_gradcheck_zeros(p, 1, p->rows), *below = rv_gradcheck_zeros(p, 1, p->rows);
    if (x == NULL || above == NULL || below == NULL || !rv_to_array(leaf, x))
        return rv_gradcheck_not_done(p);
    move(leaf, x, p->eps, u);
    bool ok = rv_gradcheck_evaluate_into(p, above);
    move(leaf, x, -p->eps, u);
    ok = ok && rv_gradcheck_evaluate_into(p, below);
    for (int64_t i = 0; i < leaf->numel; i++)
        *rv_gradcheck_element(leaf, i) = x[i];
    *result = 0;
    for (int64_t row = 0; ok && row < p->rows; row++)
        *result += v[row] * (above[row] - below[row]);
    *result /= 2 * p->eps;
    return ok;
}

/* Compares v' J u for leaf k, products being v' J; the report keeps the worst. */
static bool compare_projection(rv_gradcheck_parts *p, int k, const double *v, double sum_v,
                               const double *products)
{
    RV_SCOPE;
    rv_gradcheck_report *r = p->report;
    const int64_t n = p->leaf[k]->numel, first = p->column[k];
    double *u = rv_gradcheck_zeros(p, 1, n), analytic = 0, numeric = 0;
    if (u == NULL)
        return false;
    const double sum_u = draw_direction(DRAW_INPUTS, first, n, u);
    if (!project(p, k, u, v, &numeric))
        return false;
    for (int64_t i = 0; i < n; i++)
        analytic += products[first + i] * u[i];
    /* What atol for each element adds up to. */
    const double allowed = p->atol * sum_u * sum_v + p->rtol * fabs(numeric);
    const double badness = rv_gradcheck_badness(analytic, numeric, allowed);
    if (r->compared++ == 0 || badness > rv_gradcheck_badness(r->analytic, r->numeric, r->allowed)) {
        r->input = p->input[k];
        r->analytic = analytic;
        r->numeric = numeric;
        r->error = fabs(analytic - numeric);
        r->relative = rv_gradcheck_relative(analytic, numeric);
        r->allowed = allowed;
    }
    return badness <= 1;
}

/* True if every projection agrees; false with a message in the report for an error or a verdict,
 * false without one if the elements have to tell. */
static bool check_fast(rv_gradcheck_parts *p)
{
    RV_SCOPE;
    double *v = rv_gradcheck_zeros(p, 1, p->rows);
    double *once = rv_gradcheck_zeros(p, 1, p->columns);
    double *twice = rv_gradcheck_zeros(p, 1, p->columns);
    if (v == NULL || once == NULL || twice == NULL)
        return false;
    rv_tensor *y = rv_gradcheck_call(p, p->in);
    const double sum_v = draw_direction(DRAW_OUTPUT, 0, p->rows, v);
    if (y == NULL || !rv_gradcheck_pull_back(p, y, v, once) ||
        !rv_gradcheck_pull_back(p, y, v, twice) || !is_reentrant(p, 1, once, twice))
        return false;
    for (int k = 0; k < p->leaves; k++)
        if (!compare_projection(p, k, v, sum_v, once))
            return false;
    if (!is_zero_for_zero(p, y))
        return false;
    rv_gradcheck_report *r = p->report;
    rv_gradcheck_say(r,
                     "%lld projections agree; the worst: input %d: analytic %.6g, numeric %.6g "
                     "(error %.3g, relative %.3g, allowed %.3g)",
                     (long long)r->compared, r->input, r->analytic, r->numeric, r->error,
                     r->relative, r->allowed);
    return true;
}

/* ---- first and second order ------------------------------------------------------------------ */

/* Checks what was set up. */
static bool run(rv_gradcheck_parts *p, bool fast)
{
    if (!is_repeatable(p))
        return false;
    if (fast) {
        if (check_fast(p))
            return true;
        if (p->report->message[0] != '\0')
            return false;
        rv_gradcheck_report_clear(p->report);
    }
    return check_slow(p);
}

/* The function of the second order: in[0..own->count) are the function's own inputs and the last is
 * g; the gradients of its output weighted by g, with respect to its F64 inputs, one behind the
 * other. */
static rv_tensor *weighted_gradients(rv_tensor **in, void *context)
{
    RV_SCOPE;
    rv_gradcheck_parts *own = context;
    const int n = own->leaves;
    rv_tensor **xs = rv_gradcheck_memory(own, n, sizeof *xs);
    rv_tensor **flat = rv_gradcheck_memory(own, n, sizeof *flat);
    rv_tensor *y = rv_gradcheck_call(own, in), *g = in[own->count];
    if (xs == NULL || flat == NULL || y == NULL)
        return NULL;
    for (int k = 0; k < n; k++)
        xs[k] = in[own->input[k]];
    rv_tensor **gradients = NULL;
    if (rv_requires_grad(y)) {
        gradients =
            rv_gradients(&y, 1, xs, n, .gradients = &g, .create_graph = true, .allow_unused = true);
        if (gradients == NULL)
            return NULL;
    }
    for (int k = 0; k < n; k++) {
        const int64_t numel = xs[k]->numel;
        const bool connected = gradients != NULL && gradients[k] != NULL;
        flat[k] = connected ? rv_reshape(gradients[k], numel) : rv_zeros_n(RV_F64, 1, &numel);
    }
    return rv_keep(rv_cat(flat, n, 0));
}

static bool run_second(rv_gradcheck_parts *own, const rv_gradcheck_options *options)
{
    const rv_tensor *y = rv_gradcheck_call(own, own->in);
    if (y == NULL)
        return false;
    rv_tensor *g = rv_require_grad(rv_empty_n(RV_F64, y->ndim, y->shape));
    rv_tensor **inputs = rv_gradcheck_memory(own, (int64_t)own->count + 1, sizeof *inputs);
    if (g == NULL || inputs == NULL)
        return rv_gradcheck_not_done(own);
    for (int64_t i = 0; i < g->numel; i++)
        *rv_gradcheck_element(g, i) = 2 * draw(DRAW_GRADIENT, i) - 1;
    for (int i = 0; i < own->count; i++)
        inputs[i] = own->in[i];
    inputs[own->count] = g;

    rv_gradcheck_options second = *options;
    second.function = weighted_gradients;
    second.closure = NULL;
    second.context = own;
    second.inputs = inputs;
    second.count = own->count + 1;
    /* All of these are leaves that nobody else looks at, or must be moved themselves. */
    rv_gradcheck_parts p = {.who = own->who, .report = own->report, .own = own, .in_place = true};
    return rv_gradcheck_set_up(&p, &second) && run(&p, options->fast);
}

static bool check(const char *who, const rv_gradcheck_options *options, bool second_order)
{
    rv_gradcheck_report unwanted;
    rv_gradcheck_parts p = {.who = who, .report = &unwanted};
    if (options != NULL && options->report != NULL)
        p.report = options->report;
    rv_gradcheck_report_clear(p.report);
    if (options == NULL)
        return rv_gradcheck_refuse(&p, RV_ERROR_NULL, "options is NULL");
    if (rv_error_status() != RV_OK)
        return rv_gradcheck_not_done(&p);

    RV_SCOPE;
    const rv_random_place place = rv_random_now();
    bool recorded = rv_set_recording(true);
    p.report->ok = rv_gradcheck_set_up(&p, options) &&
                   (second_order ? run_second(&p, options) : run(&p, options->fast));
    rv_recording_restore(&recorded);
    rv_random_resume(place);
    return p.report->ok;
}

bool rv_gradcheck_with(const rv_gradcheck_options *options)
{
    return check("gradcheck", options, false);
}

bool rv_gradgradcheck_with(const rv_gradcheck_options *options)
{
    return check("gradgradcheck", options, true);
}

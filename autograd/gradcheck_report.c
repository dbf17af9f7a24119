/* gradcheck_report.c - two Jacobians compared, and the difference put into words.
 *
 * The worst element is the one whose difference is largest relative to what is allowed there, so
 * that a small derivative that is all wrong is named before a large one that is a little off. A
 * mistake in a derivative is most often a whole one (a sign, a factor, a transposition), so the
 * patterns are looked for and named.
 */
#include "autograd/gradcheck_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rv_gradcheck_report_clear(rv_gradcheck_report *report)
{
    *report = (rv_gradcheck_report){.input = -1, .output = -1};
}

void rv_gradcheck_say(rv_gradcheck_report *report, const char *format, ...)
{
    const size_t used = strlen(report->message);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->message + used, sizeof report->message - used, format, arguments);
    va_end(arguments);
}

/* Which leaf has this column. */
static int leaf_of(const rv_gradcheck_parts *p, int64_t column)
{
    int k = 0;
    while (k + 1 < p->leaves && p->column[k + 1] <= column)
        k++;
    return k;
}

/* The index of element `i`, counted row-major, in a tensor of t's shape. */
static void index_of(const rv_tensor *t, int64_t i, int64_t index[RV_MAX_DIMENSIONS])
{
    for (int axis = t->ndim - 1; axis >= 0; axis--) {
        index[axis] = i % t->shape[axis];
        i /= t->shape[axis];
    }
}

void rv_gradcheck_point(const rv_gradcheck_parts *p, int64_t row, int64_t column, double analytic,
                        double numeric, double allowed)
{
    rv_gradcheck_report *r = p->report;
    const int k = leaf_of(p, column);
    r->input = p->input[k];
    r->ndim = p->leaf[k]->ndim;
    index_of(p->leaf[k], column - p->column[k], r->index);
    r->output = row;
    r->analytic = analytic;
    r->numeric = numeric;
    r->error = fabs(analytic - numeric);
    r->relative = rv_gradcheck_relative(analytic, numeric);
    r->allowed = allowed;
}

int64_t rv_gradcheck_pointed(const rv_gradcheck_parts *p)
{
    const rv_gradcheck_report *r = p->report;
    int k = 0;
    while (p->input[k] != r->input)
        k++;
    int64_t column = 0;
    for (int axis = 0; axis < r->ndim; axis++)
        column = column * p->leaf[k]->shape[axis] + r->index[axis];
    return p->column[k] + column;
}

void rv_gradcheck_say_where(const rv_gradcheck_parts *p)
{
    rv_gradcheck_report *r = p->report;
    rv_gradcheck_say(r, "input %d%s, element %s", r->input,
                     p->own != NULL && r->input == p->own->count ? " (the gradient g)" : "",
                     rv_shape_text(RV_SHAPE_BUFFER, r->ndim, r->index));
    if (r->output < 0)
        return;
    rv_gradcheck_say(r, ", output %lld", (long long)r->output);
    if (p->own != NULL) {
        const int k = leaf_of(p->own, r->output);
        int64_t index[RV_MAX_DIMENSIONS];
        index_of(p->own->leaf[k], r->output - p->own->column[k], index);
        rv_gradcheck_say(r, " (the gradient of input %d, element %s)", p->own->input[k],
                         rv_shape_text(RV_SHAPE_BUFFER, p->own->leaf[k]->ndim, index));
    }
}

double rv_gradcheck_relative(double analytic, double numeric)
{
    const double error = fabs(analytic - numeric);
    if (!isfinite(error))
        return INFINITY;
    return error == 0 ? 0 : error / fmax(fabs(analytic), fabs(numeric));
}

double rv_gradcheck_badness(double analytic, double numeric, double allowed)
{
    const double error = fabs(analytic - numeric);
    if (!isfinite(analytic) || !isfinite(numeric))
        return INFINITY;
    return error == 0 ? 0 : error / allowed;
}

static double allowed_for(const rv_gradcheck_parts *p, double numeric)
{
    return p->atol + p->rtol * fabs(numeric);
}

bool rv_gradcheck_compare(const rv_gradcheck_parts *p, const double *analytic,
                          const double *numeric)
{
    rv_gradcheck_report *r = p->report;
    double worst = -1;
    for (int64_t row = 0; row < p->rows; row++) {
        for (int64_t column = 0; column < p->columns; column++) {
            const double a = analytic[row * p->columns + column];
            const double n = numeric[row * p->columns + column];
            const double badness = rv_gradcheck_badness(a, n, allowed_for(p, n));
            r->compared++;
            r->failed += badness > 1;
            if (badness > worst) {
                worst = badness;
                rv_gradcheck_point(p, row, column, a, n, allowed_for(p, n));
            }
        }
    }
    return r->failed == 0;
}

void rv_gradcheck_say_compared(const rv_gradcheck_parts *p)
{
    rv_gradcheck_report *r = p->report;
    if (r->compared == 0) {
        rv_gradcheck_say(r, "nothing to compare: %lld outputs, %lld elements of inputs",
                         (long long)p->rows, (long long)p->columns);
        return;
    }
    if (r->failed == 0)
        rv_gradcheck_say(r, "%lld derivatives agree; the worst: ", (long long)r->compared);
    rv_gradcheck_say_where(p);
    rv_gradcheck_say(r, ": analytic %.6g, numeric %.6g (error %.3g, relative %.3g, allowed %.3g)",
                     r->analytic, r->numeric, r->error, r->relative, r->allowed);
    if (r->failed > 0)
        rv_gradcheck_say(r, "; %lld of %lld derivatives differ", (long long)r->failed,
                         (long long)r->compared);
}

/* One element of each of the two Jacobians, where a transposition would bring it. */
typedef void pairing(const rv_gradcheck_parts *p, int leaf, int64_t *row, int64_t *column);

/* The whole Jacobian transposed; column counts within the leaf. */
static void swap_jacobian(const rv_gradcheck_parts *p, int leaf, int64_t *row, int64_t *column)
{
    (void)p, (void)leaf;
    const int64_t was = *row;
    *row = *column;
    *column = was;
}

/* Each row of it transposed: a gradient [..,m,n] whose elements stand as in [..,n,m]. */
static void swap_gradient(const rv_gradcheck_parts *p, int leaf, int64_t *row, int64_t *column)
{
    (void)row;
    const rv_tensor *t = p->leaf[leaf];
    const int64_t m = t->shape[t->ndim - 2], n = t->shape[t->ndim - 1];
    const int64_t within = *column % (m * n);
    *column += within % n * m + within / n - within;
}

/* Whether, throughout a leaf, analytic at the paired place is what numeric is here. */
static bool matches(const rv_gradcheck_parts *p, int leaf, pairing *pair, const double *analytic,
                    const double *numeric)
{
    const int64_t n = p->leaf[leaf]->numel, first = p->column[leaf];
    for (int64_t row = 0; row < p->rows; row++) {
        for (int64_t column = 0; column < n; column++) {
            int64_t r = row, c = column;
            pair(p, leaf, &r, &c);
            const double want = numeric[row * p->columns + first + column];
            if (!(fabs(analytic[r * p->columns + first + c] - want) <= allowed_for(p, want)))
                return false;
        }
    }
    return true;
}

/* Whether analytic is the same multiple of numeric throughout a leaf, and which. */
static bool is_multiple(const rv_gradcheck_parts *p, int leaf, const double *analytic,
                        const double *numeric, double *factor)
{
    const int64_t n = p->leaf[leaf]->numel;
    double product = 0, square = 0, largest = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < p->rows * n; i++) {
            const int64_t at = i / n * p->columns + p->column[leaf] + i % n;
            if (pass == 0) {
                product += analytic[at] * numeric[at];
                square += numeric[at] * numeric[at];
                largest = fmax(largest, fabs(numeric[at]));
            } else if (!(fabs(analytic[at] - *factor * numeric[at]) <=
                         allowed_for(p, *factor * numeric[at]))) {
                return false;
            }
        }
        *factor = product / square;
        if (!(largest > 10 * p->atol) || !isfinite(*factor))
            return false; /* noise has no factor */
    }
    return true;
}

static bool is_about(const rv_gradcheck_parts *p, double value, double what)
{
    return fabs(value - what) <= p->atol + p->rtol;
}

static void say_factor(const rv_gradcheck_parts *p, double factor)
{
    rv_gradcheck_report *r = p->report;
    if (is_about(p, factor, 0))
        rv_gradcheck_say(r, "; analytic is 0");
    else if (is_about(p, factor, -1))
        rv_gradcheck_say(r, "; analytic is the negative of numeric");
    else if (is_about(p, factor, 0.5))
        rv_gradcheck_say(r, "; analytic is half of numeric");
    else if (is_about(p, factor, 2))
        rv_gradcheck_say(r, "; analytic is twice numeric");
    else
        rv_gradcheck_say(r, "; analytic is %.4g times numeric", factor);
}

/* A factor that is a number of elements, or one over it, is a sum taken for a mean, or the other
 * way round. */
static void say_count(const rv_gradcheck_parts *p, int leaf, double factor)
{
    const double numel = (double)p->leaf[leaf]->numel;
    if (numel > 2 && (is_about(p, factor / numel, 1) || is_about(p, factor * numel, 1)))
        rv_gradcheck_say(p->report, " (input %d has %.0f elements: a sum for a mean?)",
                         p->report->input, numel);
}

void rv_gradcheck_say_pattern(const rv_gradcheck_parts *p, const double *analytic,
                              const double *numeric)
{
    rv_gradcheck_report *r = p->report;
    const int worst = leaf_of(p, rv_gradcheck_pointed(p));
    double factor = 1;
    if (is_multiple(p, worst, analytic, numeric, &factor) && !is_about(p, factor, 1)) {
        bool everywhere = true;
        for (int k = 0; k < p->leaves; k++) {
            double other = factor;
            everywhere = everywhere && is_multiple(p, k, analytic, numeric, &other) &&
                         is_about(p, other, factor);
        }
        say_factor(p, factor);
        if (everywhere)
            rv_gradcheck_say(r, " everywhere");
        else
            rv_gradcheck_say(r, " throughout input %d", r->input);
        say_count(p, worst, factor);
        return;
    }
    const rv_tensor *leaf = p->leaf[worst];
    if ((leaf->numel == p->rows && matches(p, worst, swap_jacobian, analytic, numeric)) ||
        (leaf->ndim >= 2 && matches(p, worst, swap_gradient, analytic, numeric)))
        rv_gradcheck_say(r, "; analytic is numeric transposed throughout input %d", r->input);
}

/* vector.c - sums and products of long vectors, in pieces cut by their length alone. */
#include <math.h>

#include "core/parallel.h"
#include "optim/minimizer.h"

enum {
    LEAST_PIECE = 8192,      /* numbers that one thread works on at a time */
    MOST_PIECES = 256,       /* a longer vector has longer pieces */
    ALONE = 4 * LEAST_PIECE, /* with fewer numbers, another thread is not worth waking */
    LANES = 8
};

typedef struct work {
    int64_t n, piece; /* all numbers, those in a piece */
    double a;
    const double *x, *factor;
    double *y;
    double sums[MOST_PIECES];
} work;

static void run(work *w, void (*piece)(void *context, int64_t index))
{
    const int64_t equal = (w->n + MOST_PIECES - 1) / MOST_PIECES;
    w->piece = equal > LEAST_PIECE ? (equal + LANES - 1) / LANES * LANES : LEAST_PIECE;
    const int64_t pieces = (w->n + w->piece - 1) / w->piece;
    if (w->n > ALONE) {
        rv_parallel(pieces, piece, w);
        return;
    }
    for (int64_t i = 0; i < pieces; i++)
        piece(w, i);
}

static int64_t count_of(const work *w, int64_t piece)
{
    const int64_t left = w->n - piece * w->piece;
    return left < w->piece ? left : w->piece;
}

/* ---- the dot product ------------------------------------------------------------------------- */

/* Sums side by side, which the compiler makes vectors of. */
static void dot_piece(void *context, int64_t piece)
{
    work *w = context;
    const int64_t n = count_of(w, piece);
    const double *x = w->x + piece * w->piece, *y = w->factor + piece * w->piece;
    double sums[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            sums[j] += x[i + j] * y[i + j];
    for (int j = 0; i < n; i++, j++)
        sums[j] += x[i] * y[i];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            sums[j] += sums[j + half];
    w->sums[piece] = sums[0];
}

double rv_vector_dot(int64_t n, const double *x, const double *y)
{
    work w = {.n = n, .x = x, .factor = y};
    run(&w, dot_piece);
    double sum = 0;
    for (int64_t i = 0; i * w.piece < n; i++)
        sum += w.sums[i];
    return sum;
}

double rv_vector_length(int64_t n, const double *x)
{
    const double length = sqrt(rv_vector_dot(n, x, x));
    const double largest = isinf(length) || length == 0 ? rv_vector_largest(n, x) : 0;
    if (largest == 0 || isinf(largest))
        return length;
    double sum = 0; /* the squares are too large, or too small, for a number */
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] / largest) * (x[i] / largest);
    return largest * sqrt(sum);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void add_piece(void *context, int64_t piece)
{
    const work *w = context;
    const int64_t count = count_of(w, piece);
    const double a = w->a, *x = w->x + piece * w->piece;
    double *y = w->y + piece * w->piece;
    RV_INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] += a * x[i];
}

void rv_vector_add(int64_t n, double a, const double *x, double *y)
{
    run(&(work){.n = n, .a = a, .x = x, .y = y}, add_piece);
}

static void scale_piece(void *context, int64_t piece)
{
    const work *w = context;
    const int64_t count = count_of(w, piece);
    const double a = w->a, *x = w->x + piece * w->piece;
    double *y = w->y + piece * w->piece;
    RV_INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] = a * x[i];
}

void rv_vector_scale(int64_t n, double a, const double *x, double *y)
{
    run(&(work){.n = n, .a = a, .x = x, .y = y}, scale_piece);
}

double rv_vector_unit(int64_t n, const double *x)
{
    enum { MOST = 1000 }; /* the power of two must be a number, too */
    const double largest = rv_vector_largest(n, x);
    int exponent = 0;
    if (largest > 0 && isfinite(largest))
        frexp(largest, &exponent);
    return ldexp(1, exponent < -MOST ? MOST : -exponent);
}

double rv_vector_largest(int64_t n, const double *x)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            return x[i];
        largest = fmax(largest, fabs(x[i]));
    }
    return largest;
}

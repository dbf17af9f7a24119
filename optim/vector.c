/* vector.c - sums and products of long vectors, in pieces cut by their length alone. */
#include <math.h>

#include "core/parallel.h"
#include "core/wide.h"
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
    double *sums; /* of pieces */
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
RV_WIDE(dot, (int64_t n, const double *x, const double *y, double *sum), (n, x, y, sum), {
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
    *sum = sums[0];
})

static void dot_piece(void *context, int64_t piece)
{
    const work *w = context;
    const int64_t first = piece * w->piece;
    dot(count_of(w, piece), w->x + first, w->factor + first, &w->sums[piece]);
}

double rv_vector_dot(int64_t n, const double *x, const double *y)
{
    double sums[MOST_PIECES];
    work w = {.n = n, .x = x, .factor = y, .sums = sums};
    run(&w, dot_piece);
    double sum = 0;
    for (int64_t i = 0; i * w.piece < n; i++)
        sum += sums[i];
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

RV_WIDE(add, (int64_t n, double a, const double *x, double *y), (n, a, x, y),
        { RV_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] += a * x[i]; })

static void add_piece(void *context, int64_t piece)
{
    const work *w = context;
    const int64_t first = piece * w->piece;
    add(count_of(w, piece), w->a, w->x + first, w->y + first);
}

void rv_vector_add(int64_t n, double a, const double *x, double *y)
{
    run(&(work){.n = n, .a = a, .x = x, .y = y}, add_piece);
}

RV_WIDE(scale, (int64_t n, double a, const double *x, double *y), (n, a, x, y),
        { RV_INDEPENDENT for (int64_t i = 0; i < n; i++) y[i] = a * x[i]; })

static void scale_piece(void *context, int64_t piece)
{
    const work *w = context;
    const int64_t first = piece * w->piece;
    scale(count_of(w, piece), w->a, w->x + first, w->y + first);
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
    double largest[LANES] = {0};
    int64_t nans[LANES] = {0}, i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) {
            const double size = fabs(x[i + j]);
            largest[j] = largest[j] < size ? size : largest[j];
            nans[j] |= x[i + j] != x[i + j];
        }
    for (int j = 0; i < n; i++, j++) {
        largest[j] = fmax(largest[j], fabs(x[i]));
        nans[j] |= x[i] != x[i];
    }
    for (int j = 1; j < LANES; j++) {
        largest[0] = fmax(largest[0], largest[j]);
        nans[0] |= nans[j];
    }
    return nans[0] != 0 ? NAN : largest[0];
}

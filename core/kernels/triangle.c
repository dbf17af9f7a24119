/* triangle.c - changing a symmetric matrix and multiplying with it, in one pass over a triangle.
 *
 * A number of row i and column j stands for two: it goes into y[i] with x[j], and into y[j] with
 * x[i]. Several rows are done at once, so that what belongs to a column (u, s, x, and its sum) is
 * loaded once for all of them: four, or eight where there are registers for so many. Lanes are
 * eight whatever the vectors, and eight rows are added up as two times four, so that all
 * instruction sets give the same bits.
 */
#include "core/kernels/isa.h"

enum {
    FEW = 4,
    MOST = RV_VECTOR_BYTES == 64 ? 8 : FEW,
    LANES = 8,
    VECTOR_LANES = RV_VECTOR_BYTES / 8,
    VECTORS = LANES / VECTOR_LANES, /* for the columns that are done at once */
    AHEAD = 64,                     /* how many numbers ahead rows are asked for, */
    LONG = 1536                     /* if they are so long that the triangle is in no cache */
};
RV_VECTOR(vector, double, RV_VECTOR_BYTES);

/* A row, what it adds for each element of u and s, and its element of x. */
typedef struct line {
    double *h;
    double by_u, by_s, x;
} line;

static line line_of(const rv_triangle_pass *p, int64_t i)
{
    return (line){.h = p->h + i * (i + 1) / 2,
                  .by_u = p->uu * p->u[i] + p->us * p->s[i],
                  .by_s = p->us * p->u[i] + p->ss * p->s[i],
                  .x = p->x[i]};
}

RV_ALWAYS_INLINE vector load(const double *from)
{
    return *(const vector *)from;
}

/* Columns from `begin` to the diagonal of row i, one by one; `own` is its sum of the others. */
static void finish(const rv_triangle_pass *p, const line *l, int64_t i, int64_t begin, double own)
{
    for (int64_t j = begin; j < i; j++) {
        l->h[j] = p->keep * l->h[j] + l->by_u * p->u[j] + l->by_s * p->s[j];
        own += l->h[j] * p->x[j];
        p->sums[j] += l->h[j] * l->x;
    }
    l->h[i] = p->keep * l->h[i] + l->by_u * p->u[i] + l->by_s * p->s[i];
    p->sums[i] += l->h[i] * l->x + own;
}

/* The lanes of all vectors as one sum. */
static double sum_of(const vector *own)
{
    double lanes[LANES];
    for (int v = 0; v < VECTORS; v++)
        *(vector *)(lanes + v * VECTOR_LANES) = own[v];
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* Asks for what comes AHEAD in each of the rows from i on, or after the ends of them all. */
RV_ALWAYS_INLINE void ask_ahead(const double *row, int64_t at, int64_t i, int rows)
{
    const int64_t next = at + AHEAD;
    RV_PREFETCH_TO_WRITE(row + next + (next < i ? 0 : (rows - 1) * i + rows * (rows + 1) / 2));
}

/* Rows i to i + rows - 1, where i is a multiple of the lanes, or rows is 4. */
RV_ALWAYS_INLINE void do_rows(const rv_triangle_pass *p, int64_t i, int rows, bool are_long)
{
    line l[MOST];
    vector own[MOST][VECTORS] = {{{0}}};
    for (int r = 0; r < rows; r++)
        l[r] = line_of(p, i + r);
    const double keep = p->keep, *u = p->u, *s = p->s, *x = p->x;
    double *sums = p->sums;
    const int64_t whole = i - i % LANES;
    for (int64_t j = 0; j < whole; j += LANES)
        RV_UNROLL for (int v = 0; v < VECTORS; v++)
        {
            const int64_t at = j + v * VECTOR_LANES;
            const vector ua = load(u + at), sa = load(s + at), xa = load(x + at);
            vector share[MOST], sum = load(sums + at);
            RV_UNROLL for (int r = 0; r < rows; r++)
            {
                const vector h = keep * load(l[r].h + at) + l[r].by_u * ua + l[r].by_s * sa;
                *(vector *)(l[r].h + at) = h;
                if (are_long)
                    ask_ahead(l[r].h, at, i, rows);
                own[r][v] += h * xa;
                share[r] = h * l[r].x;
                if (r % 4 == 3)
                    sum += (share[r - 3] + share[r - 2]) + (share[r - 1] + share[r]);
            }
            *(vector *)(sums + at) = sum;
        }
    for (int r = 0; r < rows; r++)
        finish(p, &l[r], i + r, whole, sum_of(own[r]));
}

void RV_KERNEL(triangle_pass)(int64_t begin, int64_t end, const rv_triangle_pass *p)
{
    int64_t i = begin;
    for (; i + MOST <= end && i < LONG; i += MOST)
        do_rows(p, i, MOST, false);
    for (; i + MOST <= end; i += MOST)
        do_rows(p, i, MOST, true);
    for (; i + FEW <= end; i += FEW)
        do_rows(p, i, FEW, false);
    for (; i < end; i++) {
        const line l = line_of(p, i);
        finish(p, &l, i, 0, 0);
    }
}

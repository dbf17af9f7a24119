/* test_triangle.c - the pass over a triangle against the plain formulas: sizes around fours, eights
 * and slices, every instruction set, any number of threads; special cases of the change.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/kernels/tables.h"
#include "core/triangle.h"
#include "helpers.h"

enum { MOST = 1603, AREA = MOST * (MOST + 1) / 2, FEW = 300 };

typedef struct matrix {
    double h[AREA], u[MOST], s[MOST], x[MOST], y[MOST], sums[RV_TRIANGLE_SLICES * MOST];
} matrix;

/* Numbers no two of which are alike; what is not to be read is NaN. */
static void fill(int64_t n, matrix *m)
{
    for (int64_t i = 0; i < n * (n + 1) / 2; i++)
        m->h[i] = sin(1.7 * (double)i) + 0.1;
    for (int64_t i = 0; i < n; i++) {
        m->u[i] = sin(0.3 + 2.9 * (double)i);
        m->s[i] = cos(1.1 * (double)i);
        m->x[i] = sin(0.7 * (double)i * (double)i) - 0.2;
        m->y[i] = (double)NAN;
    }
    for (int64_t i = 0; i < RV_TRIANGLE_SLICES * n; i++)
        m->sums[i] = (double)NAN;
}

static bool are_same(int64_t n, const double *a, const double *b)
{
    return memcmp(a, b, (size_t)n * sizeof(double)) == 0;
}

static rv_triangle_change change_of(const matrix *m)
{
    return (rv_triangle_change){
        .keep = 1.25, .uu = -0.3, .us = 0.7, .ss = 1.9, .u = m->u, .s = m->s};
}

/* The formulas, number by number: H as the pass must round it, and how large y and its terms are.
 */
static void change_plainly(int64_t n, matrix *m, const rv_triangle_change *c, long double *sizes)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double *h = &m->h[i * (i + 1) / 2 + j];
            const double by_u = c->uu * m->u[i] + c->us * m->s[i];
            const double by_s = c->us * m->u[i] + c->ss * m->s[i];
            *h = c->keep * *h + by_u * m->u[j] + by_s * m->s[j];
        }
    for (int64_t i = 0; i < n; i++) {
        long double y = 0;
        sizes[i] = 0;
        for (int64_t j = 0; j < n; j++) {
            const long double h = m->h[i > j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i];
            y += h * m->x[j];
            sizes[i] += fabsl(h * m->x[j]);
        }
        m->y[i] = (double)y;
    }
}

static void check_y(int64_t n, const double *y, const matrix *want, const long double *sizes)
{
    for (int64_t i = 0; i < n; i++)
        cr_assert(fabs(y[i] - want->y[i]) <= 8 * DBL_EPSILON * (double)sizes[i],
                  "n = %lld, y[%lld]: %.17g is not %.17g", (long long)n, (long long)i, y[i],
                  want->y[i]);
}

Test(triangle, is_as_the_formulas_say)
{
    static matrix m, want;
    static long double sizes[MOST];
    for (int64_t n = 0; n <= MOST; n += n < 40 ? 1 : n < FEW ? 13 : 1300) {
        fill(n, &m);
        fill(n, &want);
        const rv_triangle_change c = change_of(&m);
        rv_triangle_change_and_multiply(n, m.h, &c, m.x, m.y, m.sums);
        change_plainly(n, &want, &c, sizes);
        cr_assert(are_same(n * (n + 1) / 2, m.h, want.h), "n = %lld", (long long)n);
        check_y(n, m.y, &want, sizes);
    }
}

Test(triangle, has_the_same_bits_on_every_processor)
{
    static matrix m, want;
    const rv_kernels *table;
    for (int k = 1; (table = rv_kernels_at(k)) != NULL; k++)
        for (int64_t n = 1; n < 80; n++)
            for (int64_t begin = 0; begin < n; begin += 8) {
                fill(n, &m);
                fill(n, &want);
                memset(m.sums, 0, (size_t)n * sizeof(double));
                memset(want.sums, 0, (size_t)n * sizeof(double));
                rv_triangle_pass pass = {.h = m.h,
                                         .keep = 1.25,
                                         .uu = -0.3,
                                         .us = 0.7,
                                         .ss = 1.9,
                                         .u = m.u,
                                         .s = m.s,
                                         .x = m.x,
                                         .sums = m.sums};
                table->triangle_pass(begin, n, &pass);
                pass.h = want.h;
                pass.sums = want.sums;
                rv_kernels_at(0)->triangle_pass(begin, n, &pass);
                cr_assert(are_same(n * (n + 1) / 2, m.h, want.h), "%s", table->name);
                cr_assert(are_same(n, m.sums, want.sums), "%s", table->name);
            }
}

Test(triangle, has_the_same_bits_with_any_number_of_threads)
{
    static matrix m, want;
    for (int64_t n = 120; n <= FEW; n += 45)
        for (int threads = 1; threads <= 4; threads++) {
            matrix *here = threads == 1 ? &want : &m;
            fill(n, here);
            const rv_triangle_change c = change_of(here);
            cr_assert(rv_set_threads(threads));
            rv_triangle_change_and_multiply(n, here->h, &c, here->x, here->y, here->sums);
            if (threads > 1) {
                cr_assert(are_same(n * (n + 1) / 2, m.h, want.h));
                cr_assert(are_same(n, m.y, want.y));
            }
        }
    rv_set_threads(0);
}

/* As bfgs.c uses it in its first update. */
Test(triangle, a_result_may_take_the_place_of_u)
{
    static matrix m, want;
    fill(FEW, &m);
    fill(FEW, &want);
    rv_triangle_change c = change_of(&m);
    rv_triangle_change_and_multiply(FEW, m.h, &c, m.s, m.u, m.sums);
    c.u = want.u;
    rv_triangle_change_and_multiply(FEW, want.h, &c, want.s, want.y, want.sums);
    cr_assert(are_same(FEW, m.u, want.y));
}

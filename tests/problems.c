/* problems.c - the thirty problems, in the order of the paper's list; larger ones with its n. */
#include "problems.h"

#include <math.h>
#include <string.h>
#include <stdarg.h>

/* ---- words that make a page of formulas readable --------------------------------------------- */

static rv_tensor *at(rv_tensor *x, int64_t i)
{
    return rv_select(x, 0, i);
}

/* x[first], x[first + step], ... without what is at `stop` and after it. */
static rv_tensor *part(rv_tensor *x, int64_t first, int64_t stop, int64_t step)
{
    return rv_slice(x, .start = first, .stop = stop, .step = step);
}

static rv_tensor *plus(rv_tensor *x, double c)
{
    return rv_add_scalar(x, c);
}

static rv_tensor *times(double c, rv_tensor *x)
{
    return rv_mul_scalar(x, c);
}

/* first, first + 1, ..., last, as F64. */
static rv_tensor *count(double first, double last)
{
    return rv_arange(RV_F64, first, last + 1, 1);
}

#define VALUES(array) rv_from_array(array, RV_F64, RV_COUNT(array))

/* n numbers (0-d) as a vector. */
static rv_tensor *vector(int n, ...)
{
    rv_tensor *items[8];
    va_list list;
    va_start(list, n);
    for (int i = 0; i < n; i++)
        items[i] = va_arg(list, rv_tensor *);
    va_end(list);
    return rv_stack(items, n, 0);
}

/* The vectors one behind the other; numbers count as vectors of one. */
static rv_tensor *joined(int n, ...)
{
    rv_tensor *items[8];
    va_list list;
    va_start(list, n);
    for (int i = 0; i < n; i++) {
        rv_tensor *item = va_arg(list, rv_tensor *);
        items[i] = rv_ndim(item) == 0 ? rv_unsqueeze(item, 0) : item;
    }
    va_end(list);
    return rv_cat(items, n, 0);
}

/* x moved by one place to the right (by < 0: left), zeros coming in. */
static rv_tensor *shifted(rv_tensor *x, int64_t by)
{
    const int64_t n = rv_shape(x)[0];
    rv_tensor *zeros = rv_zeros(RV_F64, by < 0 ? -by : by);
    return by > 0 ? joined(2, zeros, part(x, 0, n - by, 1)) : joined(2, part(x, -by, n, 1), zeros);
}

/* ---- starting points ------------------------------------------------------------------------- */

#define START(name, ...)                           \
    static void name##_start(int64_t n, double *x) \
    {                                              \
        const double period[] = {__VA_ARGS__};     \
        for (int64_t i = 0; i < n; i++)            \
            x[i] = period[i % RV_COUNT(period)];   \
    }

START(rosenbrock, -1.2, 1)
START(freudenstein_roth, 0.5, -2)
START(powell_badly_scaled, 0, 1)
START(ones, 1)
START(jennrich_sampson, 0.3, 0.4)
START(helical_valley, -1, 0, 0)
START(gaussian, 0.4, 1, 0)
START(box_3d, 0, 10, 20)
START(powell_singular, 3, -1, 0, 1)
START(wood, -3, -1)
START(kowalik_osborne, 0.25, 0.39, 0.415, 0.39)
START(brown_dennis, 25, 5, -5, -1)
START(biggs_exp6, 1, 2, 1, 1, 1, 1)
START(osborne_2, 1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5)
START(zeros, 0)
START(halves, 0.5)
START(tenths, 0.1)
START(minus_ones, -1)

static void penalty_1_start(int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)(i + 1);
}

static void variably_dimensioned_start(int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = 1 - (double)(i + 1) / (double)n;
}

static void discrete_start(int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++) {
        const double t = (double)(i + 1) / (double)(n + 1);
        x[i] = t * (t - 1);
    }
}

static void chebyquad_start(int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)(i + 1) / (double)(n + 1);
}

/* ---- two to four numbers --------------------------------------------------------------------- */

static rv_tensor *rosenbrock(rv_tensor *x)
{
    rv_tensor *odd = part(x, 0, RV_END, 2), *even = part(x, 1, RV_END, 2);
    return joined(2, times(10, rv_sub(even, rv_square(odd))), plus(rv_neg(odd), 1));
}

static rv_tensor *freudenstein_roth(rv_tensor *x)
{
    rv_tensor *a = at(x, 0), *b = at(x, 1);
    rv_tensor *p = rv_mul(plus(rv_mul(plus(rv_neg(b), 5), b), -2), b);
    rv_tensor *q = rv_mul(plus(rv_mul(plus(b, 1), b), -14), b);
    return vector(2, plus(rv_add(a, p), -13), plus(rv_add(a, q), -29));
}

static rv_tensor *powell_badly_scaled(rv_tensor *x)
{
    rv_tensor *a = at(x, 0), *b = at(x, 1);
    return vector(2, plus(times(1e4, rv_mul(a, b)), -1),
                  plus(rv_add(rv_exp(rv_neg(a)), rv_exp(rv_neg(b))), -1.0001));
}

static rv_tensor *brown_badly_scaled(rv_tensor *x)
{
    rv_tensor *a = at(x, 0), *b = at(x, 1);
    return vector(3, plus(a, -1e6), plus(b, -2e-6), plus(rv_mul(a, b), -2));
}

static rv_tensor *beale(rv_tensor *x)
{
    static const double targets[] = {1.5, 2.25, 2.625};
    rv_tensor *powers = rv_pow(at(x, 1), count(1, 3));
    return rv_sub(VALUES(targets), rv_mul(at(x, 0), plus(rv_neg(powers), 1)));
}

static rv_tensor *jennrich_sampson(rv_tensor *x)
{
    rv_tensor *i = count(1, 10);
    rv_tensor *sum = rv_add(rv_exp(rv_mul(i, at(x, 0))), rv_exp(rv_mul(i, at(x, 1))));
    return rv_sub(plus(times(2, i), 2), sum);
}

/* The angle is that of C's atan2: a turn is where y is 0 and x below it. */
static rv_tensor *helical_valley(rv_tensor *x)
{
    const double pi = 3.14159265358979323846;
    rv_tensor *a = at(x, 0), *b = at(x, 1), *c = at(x, 2);
    const double turn = rv_item(a) >= 0 ? 0 : copysign(0.5, rv_item(b));
    rv_tensor *angle = plus(times(1 / (2 * pi), rv_atan(rv_div(b, a))), turn);
    rv_tensor *radius = rv_sqrt(rv_add(rv_square(a), rv_square(b)));
    return vector(3, times(10, rv_sub(c, times(10, angle))), times(10, plus(radius, -1)), c);
}

static rv_tensor *bard(rv_tensor *x)
{
    static const double y[] = {0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39,
                               0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39};
    rv_tensor *u = count(1, 15), *v = plus(rv_neg(u), 16), *w = rv_minimum(u, v);
    rv_tensor *below = rv_add(rv_mul(v, at(x, 1)), rv_mul(w, at(x, 2)));
    return rv_sub(VALUES(y), rv_add(at(x, 0), rv_div(u, below)));
}

static rv_tensor *gaussian(rv_tensor *x)
{
    static const double y[] = {0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
                               0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009};
    rv_tensor *t = times(-0.5, plus(count(1, 15), -8));
    rv_tensor *square = rv_square(rv_sub(t, at(x, 2)));
    rv_tensor *bell = rv_exp(times(-0.5, rv_mul(at(x, 1), square)));
    return rv_sub(rv_mul(at(x, 0), bell), VALUES(y));
}

static rv_tensor *box_3d(rv_tensor *x)
{
    rv_tensor *t = times(-0.1, count(1, 10));
    rv_tensor *fixed = rv_sub(rv_exp(t), rv_exp(times(10, t)));
    rv_tensor *free = rv_sub(rv_exp(rv_mul(t, at(x, 0))), rv_exp(rv_mul(t, at(x, 1))));
    return rv_sub(free, rv_mul(at(x, 2), fixed));
}

static rv_tensor *powell_singular(rv_tensor *x)
{
    rv_tensor *a = part(x, 0, RV_END, 4), *b = part(x, 1, RV_END, 4), *c = part(x, 2, RV_END, 4),
              *d = part(x, 3, RV_END, 4);
    return joined(4, rv_add(a, times(10, b)), times(sqrt(5), rv_sub(c, d)),
                  rv_square(rv_sub(b, times(2, c))), times(sqrt(10), rv_square(rv_sub(a, d))));
}

static rv_tensor *wood(rv_tensor *x)
{
    rv_tensor *a = at(x, 0), *b = at(x, 1), *c = at(x, 2), *d = at(x, 3);
    return vector(6, times(10, rv_sub(b, rv_square(a))), plus(rv_neg(a), 1),
                  times(sqrt(90), rv_sub(d, rv_square(c))), plus(rv_neg(c), 1),
                  times(sqrt(10), plus(rv_add(b, d), -2)), times(1 / sqrt(10), rv_sub(b, d)));
}

static rv_tensor *kowalik_osborne(rv_tensor *x)
{
    static const double y[] = {0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627,
                               0.0456, 0.0342, 0.0323, 0.0235, 0.0246};
    static const double inputs[] = {4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625};
    rv_tensor *u = VALUES(inputs), *uu = rv_square(u);
    rv_tensor *above = rv_add(uu, rv_mul(u, at(x, 1)));
    rv_tensor *below = rv_add(rv_add(uu, rv_mul(u, at(x, 2))), at(x, 3));
    return rv_sub(VALUES(y), rv_mul(at(x, 0), rv_div(above, below)));
}

static rv_tensor *brown_dennis(rv_tensor *x)
{
    rv_tensor *t = times(0.2, count(1, 20));
    rv_tensor *p = rv_sub(rv_add(at(x, 0), rv_mul(t, at(x, 1))), rv_exp(t));
    rv_tensor *q = rv_sub(rv_add(at(x, 2), rv_mul(rv_sin(t), at(x, 3))), rv_cos(t));
    return rv_add(rv_square(p), rv_square(q));
}

/* ---- six to eleven numbers ------------------------------------------------------------------- */

/* a * exp(b * t) */
static rv_tensor *decay(rv_tensor *a, rv_tensor *t, rv_tensor *b)
{
    return rv_mul(a, rv_exp(rv_mul(t, b)));
}

static rv_tensor *biggs_exp6(rv_tensor *x)
{
    rv_tensor *i = count(1, 13), *t = times(-0.1, i);
    rv_tensor *y =
        rv_add(rv_sub(rv_exp(t), times(5, rv_exp(times(10, t)))), times(3, rv_exp(times(4, t))));
    rv_tensor *model = rv_add(rv_sub(decay(at(x, 2), t, at(x, 0)), decay(at(x, 3), t, at(x, 1))),
                              decay(at(x, 5), t, at(x, 4)));
    return rv_sub(model, y);
}

static rv_tensor *osborne_2(rv_tensor *x)
{
    static const double y[] = {
        1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
        0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
        0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
        0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
        0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054};
    rv_tensor *t = rv_div_scalar(count(0, 64), 10);
    rv_tensor *model = decay(at(x, 0), rv_neg(t), at(x, 4));
    for (int i = 0; i < 3; i++) {
        rv_tensor *square = rv_square(rv_sub(t, at(x, 8 + i)));
        model = rv_add(model, decay(at(x, 1 + i), rv_neg(square), at(x, 5 + i)));
    }
    return rv_sub(VALUES(y), model);
}

/* x is a polynomial's coefficients, in the differential equation p' - p^2 = 1 with p(0) = 0. */
static rv_tensor *watson(rv_tensor *x)
{
    const int64_t n = rv_shape(x)[0];
    rv_tensor *t = rv_unsqueeze(rv_div_scalar(count(1, 29), 29), 1);
    rv_tensor *powers = rv_pow(t, count(0, (double)n - 1)); /* [29,n] */
    rv_tensor *slope = rv_matmul(part(powers, 0, RV_END, 1), x);
    rv_tensor *lower = rv_slice(powers, .axis = 1, .start = 0, .stop = n - 1);
    rv_tensor *derivative = rv_matmul(lower, rv_mul(count(1, (double)n - 1), part(x, 1, n, 1)));
    rv_tensor *r = plus(rv_sub(derivative, rv_square(slope)), -1);
    rv_tensor *a = at(x, 0), *b = at(x, 1);
    return joined(3, r, a, plus(rv_sub(b, rv_square(a)), -1));
}

/* ---- any number ------------------------------------------------------------------------------ */

static rv_tensor *penalty_1(rv_tensor *x)
{
    return joined(2, times(sqrt(1e-5), plus(x, -1)), plus(rv_sum(rv_square(x)), -0.25));
}

static rv_tensor *penalty_2(rv_tensor *x)
{
    const int64_t n = rv_shape(x)[0];
    const double a = sqrt(1e-5);
    rv_tensor *i = count(2, (double)n), *e = rv_exp(times(0.1, x));
    rv_tensor *y = rv_add(rv_exp(times(0.1, i)), rv_exp(times(0.1, plus(i, -1))));
    rv_tensor *later = part(e, 1, n, 1), *earlier = part(e, 0, n - 1, 1);
    rv_tensor *weights = rv_sub_scalar(rv_neg(count(1, (double)n)), -(double)n - 1);
    return joined(4, plus(at(x, 0), -0.2), times(a, rv_sub(rv_add(later, earlier), y)),
                  times(a, plus(later, -exp(-0.1))),
                  plus(rv_sum(rv_mul(weights, rv_square(x))), -1));
}

static rv_tensor *variably_dimensioned(rv_tensor *x)
{
    rv_tensor *rest = plus(x, -1);
    rv_tensor *sum = rv_sum(rv_mul(count(1, (double)rv_shape(x)[0]), rest));
    return joined(3, rest, sum, rv_square(sum));
}

static rv_tensor *trigonometric(rv_tensor *x)
{
    const double n = (double)rv_shape(x)[0];
    rv_tensor *c = rv_cos(x), *scaled = rv_mul(count(1, n), plus(rv_neg(c), 1));
    return rv_sub(rv_add(plus(rv_neg(rv_sum(c)), n), scaled), rv_sin(x));
}

static rv_tensor *brown_almost_linear(rv_tensor *x)
{
    const int64_t n = rv_shape(x)[0];
    rv_tensor *sums = plus(rv_add(part(x, 0, n - 1, 1), rv_sum(x)), -(double)(n + 1));
    return joined(2, sums, plus(rv_prod(x), -1));
}

static rv_tensor *discrete_boundary(rv_tensor *x)
{
    const double n = (double)rv_shape(x)[0], h = 1 / (n + 1);
    rv_tensor *t = times(h, count(1, n));
    rv_tensor *cube = rv_pow_scalar(plus(rv_add(x, t), 1), 3);
    rv_tensor *curve = rv_sub(rv_sub(times(2, x), shifted(x, 1)), shifted(x, -1));
    return rv_add(curve, times(h * h / 2, cube));
}

static rv_tensor *discrete_integral(rv_tensor *x)
{
    const int64_t n = rv_shape(x)[0];
    const double h = 1 / (double)(n + 1);
    rv_tensor *t = times(h, count(1, (double)n)), *rest = plus(rv_neg(t), 1);
    rv_tensor *cube = rv_pow_scalar(plus(rv_add(x, t), 1), 3);
    rv_tensor *lower = rv_tril(rv_ones(RV_F64, n, n), 0);
    rv_tensor *upper = rv_triu(rv_ones(RV_F64, n, n), 1);
    rv_tensor *before = rv_mul(rest, rv_matmul(lower, rv_mul(t, cube)));
    rv_tensor *after = rv_mul(t, rv_matmul(upper, rv_mul(rest, cube)));
    return rv_add(x, times(h / 2, rv_add(before, after)));
}

static rv_tensor *broyden_tridiagonal(rv_tensor *x)
{
    rv_tensor *middle = rv_mul(plus(times(-2, x), 3), x);
    rv_tensor *sides = rv_add(shifted(x, 1), times(2, shifted(x, -1)));
    return plus(rv_sub(middle, sides), 1);
}

static rv_tensor *broyden_banded(rv_tensor *x)
{
    rv_tensor *q = rv_mul(x, plus(x, 1)), *band = shifted(q, -1);
    for (int by = 1; by <= 5; by++)
        band = rv_add(band, shifted(q, by));
    return rv_sub(plus(rv_mul(x, plus(times(5, rv_square(x)), 2)), 1), band);
}

static rv_tensor *chebyquad(rv_tensor *x)
{
    const int n = (int)rv_shape(x)[0];
    rv_tensor *a = plus(times(2, x), -1), *before = rv_ones_like(a), *polynomial = a;
    rv_tensor *residuals[16];
    for (int i = 1; i <= n; i++) {
        residuals[i - 1] = plus(rv_mean(polynomial), i % 2 == 0 ? 1.0 / (i * i - 1) : 0);
        rv_tensor *next = rv_sub(times(2, rv_mul(a, polynomial)), before);
        before = polynomial;
        polynomial = next;
    }
    return rv_stack(residuals, n, 0);
}

/* ---- the list -------------------------------------------------------------------------------- */

const problem problems[PROBLEM_COUNT] = {
    {"rosenbrock", 2, rosenbrock_start, rosenbrock, {0, 0}},
    {"freudenstein_roth", 2, freudenstein_roth_start, freudenstein_roth, {0, 48.98425367924}},
    {"powell_badly_scaled", 2, powell_badly_scaled_start, powell_badly_scaled, {0, 0}},
    {"brown_badly_scaled", 2, ones_start, brown_badly_scaled, {0, 0}},
    {"beale", 2, ones_start, beale, {0, 0}},
    {"jennrich_sampson",
     2,
     jennrich_sampson_start,
     jennrich_sampson,
     {124.36218235561, 124.36218235561}},
    {"helical_valley", 3, helical_valley_start, helical_valley, {0, 0}},
    {"bard", 3, ones_start, bard, {8.214877306578e-3, 17.4286933333}},
    {"gaussian", 3, gaussian_start, gaussian, {1.12793276961e-8, 1.12793276961e-8}},
    {"box_3d", 3, box_3d_start, box_3d, {0, 0}},
    {"powell_singular", 4, powell_singular_start, powell_singular, {0, 0}},
    {"wood", 4, wood_start, wood, {0, 0}},
    {"kowalik_osborne", 4, kowalik_osborne_start, kowalik_osborne, {3.0750560385e-4, 1.02734e-3}},
    {"brown_dennis", 4, brown_dennis_start, brown_dennis, {85822.201626, 85822.201626}},
    {"biggs_exp6", 6, biggs_exp6_start, biggs_exp6, {0, 5.65565e-3}},
    {"osborne_2", 11, osborne_2_start, osborne_2, {4.01377362935e-2, 4.01377362935e-2}},
    {"watson_6", 6, zeros_start, watson, {2.28767005355e-3, 2.28767005355e-3}},
    {"watson_9", 9, zeros_start, watson, {1.39976013e-6, 1.39976013e-6}},
    {"ext_rosenbrock_1000", 1000, rosenbrock_start, rosenbrock, {0, 0}},
    {"ext_powell_1000", 1000, powell_singular_start, powell_singular, {0, 0}},
    {"penalty_1_10", 10, penalty_1_start, penalty_1, {7.08765e-5, 7.08765e-5}},
    {"penalty_2_10", 10, halves_start, penalty_2, {2.93660e-4, 2.93660e-4}},
    {"variably_dimensioned_10", 10, variably_dimensioned_start, variably_dimensioned, {0, 0}},
    {"trigonometric_10", 10, tenths_start, trigonometric, {0, 2.79506e-5}},
    {"brown_almost_linear_10", 10, halves_start, brown_almost_linear, {0, 1}},
    {"discrete_boundary_10", 10, discrete_start, discrete_boundary, {0, 0}},
    {"discrete_integral_10", 10, discrete_start, discrete_integral, {0, 0}},
    {"broyden_tridiagonal_1000", 1000, minus_ones_start, broyden_tridiagonal, {0, 0.712528}},
    {"broyden_banded_100", 100, minus_ones_start, broyden_banded, {0, 0}},
    {"chebyquad_8", 8, chebyquad_start, chebyquad, {3.51687372568e-3, 3.51687372568e-3}},
};

rv_tensor *problem_loss(const problem *p, rv_tensor *x)
{
    return rv_sum(rv_square(p->residuals(x)));
}

rv_tensor *problem_closure(void *context)
{
    const problem_task *t = context;
    return problem_loss(t->problem, rv_cast(t->x, RV_F64));
}

const problem *problem_named(const char *name)
{
    for (int i = 0; i < PROBLEM_COUNT; i++)
        if (strcmp(problems[i].name, name) == 0)
            return &problems[i];
    return NULL;
}

rv_tensor *problem_start(const problem *p, rv_dtype dtype)
{
    enum { MOST_N = 1000 };
    double start[MOST_N];
    p->start(p->n, start);
    return rv_require_grad(rv_cast(rv_from_array_n(start, RV_F64, 1, &p->n), dtype));
}

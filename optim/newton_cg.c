/* newton_cg.c - truncated Newton in a trust region: a step minimizes the parabola
 *
 *     q(z) = g'z + z'Hz/2    where |z| <= radius
 *
 * by conjugate gradients, from products H v alone, and only as well as it is worth so far from the
 * minimum. They end early where they leave the region, or meet negative curvature, which is
 * followed to the border (Steihaug 1983; Toint 1981; Nocedal and Wright 2006, algorithm 7.2).
 *
 * A step that is refused costs no products: the place where the conjugate gradients came past a
 * quarter of the radius is remembered, and tried next.
 */
#include <math.h>
#include <string.h>

#include "optim/minimize_methods.h"
#include "optim/minimizer.h"
#include "optim/nystrom.h"
#include "optim/trust_region.h"

static const char *const who = "optim_newton_cg";

enum { RESIDUAL, CONJUGATE, PRODUCT, SOLVED, NEARER, BASIS, VALUES, VECTORS };
enum { RADIUS, LENGTH_BEFORE, SHARE_BEFORE, AGE, DRAWN, NUMBERS };

/* The part of the radius at which a second step is remembered, and by which one is shortened. */
static const double NEARER_PART = 0.25;
enum { MOST_TRIALS = 40 };

static const double MOST_DRAWN = 4e15;

static int64_t rank_of(const rv_newton_cg_options *o, int64_t n)
{
    return o->preconditioner_rank < n ? o->preconditioner_rank : n;
}

static void vector_shape(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns)
{
    const int64_t rank = rank_of(options, n);
    *rows = i == BASIS ? rank : 0;
    *columns = i == VALUES || (i == BASIS && rank == 0) ? rank : n;
}

/* ---- how well ---------------------------------------------------------------------------------
 */

/* Which share of |g| may be left over: as the gradient shrank last time, squared, so that it
 * shrinks quadratically; and no sudden haste (Eisenstat and Walker 1996, choice 2). */
static double find_share(rv_minimizer *m, double length)
{
    const rv_newton_cg_options *o = m->options;
    const double before = m->numbers[LENGTH_BEFORE], last = m->numbers[SHARE_BEFORE];
    double share = o->forcing;
    if (before > 0) {
        const double by = length / before, patient = 0.9 * last * last;
        share = fmin(share, fmax(0.9 * by * by, patient > 0.1 ? patient : 0));
    }
    m->numbers[LENGTH_BEFORE] = length;
    m->numbers[SHARE_BEFORE] = share;
    return share;
}

/* Sketches the Hessian where that is due. */
static bool precondition(rv_minimizer *m)
{
    const rv_newton_cg_options *o = m->options;
    const int64_t rank = rank_of(o, m->n);
    if (rank == 0)
        return true;
    if (m->numbers[AGE] > 0 && m->numbers[AGE] < (double)o->preconditioner_every) {
        m->numbers[AGE]++;
        return true;
    }
    if (!(m->numbers[DRAWN] >= 0 && m->numbers[DRAWN] < MOST_DRAWN)) /* a file's nonsense */
        m->numbers[DRAWN] = 0;
    const rv_random_place place = {.seed = o->seed, .offset = (uint64_t)m->numbers[DRAWN]};
    if (!rv_nystrom_sketch(m, place, rank, m->vectors[BASIS], m->vectors[VALUES]))
        return false;
    m->numbers[DRAWN] += (double)rv_nystrom_blocks(m->n, rank);
    m->numbers[AGE] = 1;
    return true;
}

/* ---- conjugate gradients ----------------------------------------------------------------------
 */

/* Where the conjugate gradients are: z, the conjugate direction d, the residual r = g + Hz, and
 * y = P^-1 r. */
typedef struct solver {
    rv_minimizer *m;
    double radius, enough;
    double scale;          /* of g, H, r and promises: |g| is near 1, whatever the loss's size */
    double ry, zz, zd, dd; /* r'y, z'z, z'd, d'd */
    double promise;        /* q(z) */
    rv_proposal nearer;    /* at a quarter of the radius; size 0: not there yet */
} solver;

/* y = P^-1 r; r'y. */
static double solve_for(solver *s)
{
    const rv_newton_cg_options *o = s->m->options;
    double **v = s->m->vectors;
    rv_nystrom_solve(s->m->n, rank_of(o, s->m->n), v[BASIS], v[VALUES], o->damping, v[RESIDUAL],
                     v[SOLVED]);
    rv_minimizer_hold_frozen(s->m, v[SOLVED]);
    return rv_vector_dot(s->m->n, v[RESIDUAL], v[SOLVED]);
}

static void start(solver *s)
{
    rv_minimizer *m = s->m;
    const size_t bytes = (size_t)m->n * sizeof(double);
    memset(m->direction, 0, bytes);
    rv_vector_scale(m->n, s->scale, m->gradient, m->vectors[RESIDUAL]);
    s->ry = solve_for(s);
    const bool has_other = rank_of(m->options, m->n) > 0;
    if (has_other &&
        !(s->ry > 0 && isfinite(s->ry))) { /* the preconditioner is none, from a file perhaps */
        m->vectors[VALUES][0] = m->numbers[AGE] = 0;
        s->ry = solve_for(s);
    }
    rv_vector_scale(m->n, -1, m->vectors[SOLVED], m->vectors[CONJUGATE]);
    s->dd = rv_vector_dot(m->n, m->vectors[CONJUGATE], m->vectors[CONJUGATE]);
}

/* How far along d the border of a region is. */
static double distance_to(const solver *s, double radius)
{
    const double inside = fmax(0, (radius - sqrt(s->zz)) * (radius + sqrt(s->zz)));
    const double root = sqrt(s->zd * s->zd + s->dd * inside);
    return s->zd > 0 ? inside / (s->zd + root) : (root - s->zd) / s->dd;
}

/* place = z + a d, and what is promised there; bend: d'Hd. */
static rv_proposal put(const solver *s, double a, double bend, double size, double *place)
{
    memmove(place, s->m->direction, (size_t)s->m->n * sizeof *place);
    rv_vector_add(s->m->n, a, s->m->vectors[CONJUGATE], place);
    return (rv_proposal){.size = size,
                         .promise = (s->promise - a * s->ry + 0.5 * a * a * bend) / s->scale};
}

/* Remembers where the way along d, of length a, passes a quarter of the radius. */
static void remember(solver *s, double a, double bend)
{
    const double size = NEARER_PART * s->radius;
    if (s->nearer.size > 0 || s->zz + 2 * a * s->zd + a * a * s->dd < size * size)
        return;
    s->nearer = put(s, distance_to(s, size), bend, size, s->m->vectors[NEARER]);
}

/* The next conjugate direction. */
static void turn(solver *s)
{
    rv_minimizer *m = s->m;
    double *d = m->vectors[CONJUGATE];
    const double before = s->ry;
    s->ry = solve_for(s);
    rv_vector_scale(m->n, s->ry / before, d, d);
    rv_vector_add(m->n, -1, m->vectors[SOLVED], d);
    s->zz = rv_vector_dot(m->n, m->direction, m->direction);
    s->zd = rv_vector_dot(m->n, m->direction, d);
    s->dd = rv_vector_dot(m->n, d, d);
}

/* out = (H + damping I) v, scaled. */
static bool apply_hessian(const solver *s, const double *v, double *out)
{
    rv_minimizer *m = s->m;
    const double damping = ((const rv_newton_cg_options *)m->options)->damping;
    if (!rv_minimizer_hessian_product(m, v, out))
        return false;
    if (damping > 0)
        rv_vector_add(m->n, damping, v, out);
    rv_vector_scale(m->n, s->scale, out, out);
    return true;
}

/* The step into m->direction, and a nearer one. False if a product failed. */
static bool solve(solver *s, rv_proposal *step)
{
    rv_minimizer *m = s->m;
    const rv_newton_cg_options *o = m->options;
    const int64_t most = o->max_products > 0 ? o->max_products : 10 * m->n;
    double *r = m->vectors[RESIDUAL], *d = m->vectors[CONJUGATE], *hd = m->vectors[PRODUCT];
    start(s);
    for (int64_t k = 0; k < most; k++) {
        if (!apply_hessian(s, d, hd))
            return false;
        double bend = rv_vector_dot(m->n, d, hd);
        if (!isfinite(bend))
            bend = 0; /* nothing is known: downhill to the border */
        const double a = bend > 0 ? s->ry / bend : INFINITY, border = distance_to(s, s->radius);
        remember(s, fmin(a, border), bend);
        if (!(a < border)) {
            *step = put(s, border, bend, s->radius, m->direction);
            return true;
        }
        const double size = sqrt(fmax(0, s->zz + a * (2 * s->zd + a * s->dd)));
        *step = put(s, a, bend, size, m->direction);
        s->promise = step->promise * s->scale;
        rv_vector_add(m->n, a, hd, r);
        if (sqrt(rv_vector_dot(m->n, r, r)) <= s->enough)
            return true;
        turn(s);
        if (!(s->ry > 0) || !isfinite(s->dd))
            return true; /* solved to the last digit */
    }
    return true;
}

/* ---- an iteration ---------------------------------------------------------------------------- */

/* Tries the step, then the nearer one, then less and less of it. */
static bool try_all(solver *s, rv_proposal step)
{
    rv_minimizer *m = s->m;
    double part = 1, promise = step.promise;
    for (int trial = 0; trial < MOST_TRIALS; trial++) {
        const rv_proposal now = {.size = part * step.size, .promise = promise};
        const rv_verdict verdict = rv_trust_try(m, part, now, &m->numbers[RADIUS]);
        if (verdict != RV_TRUST_REFUSED)
            return verdict == RV_TRUST_MOVED;
        if (s->nearer.size > 0 && s->nearer.size < step.size) {
            step = s->nearer;
            s->nearer.size = 0;
            promise = step.promise;
            memcpy(m->direction, m->vectors[NEARER], (size_t)m->n * sizeof(double));
            continue;
        }
        part *= NEARER_PART; /* q along a straight line: a slope g'z, and what is bent */
        const double slope = rv_vector_dot(m->n, m->gradient, m->direction);
        promise = part * slope + part * part * (step.promise - slope);
    }
    return false;
}

static bool newton_cg_iterate(rv_minimizer *m)
{
    const rv_newton_cg_options *o = m->options;
    double *n = m->numbers;
    const double radius = n[RADIUS], before = n[LENGTH_BEFORE], last = n[SHARE_BEFORE];
    if (!rv_trust_begin(m, who, o->lr, &n[RADIUS]) || !precondition(m))
        return false;
    const double length = rv_vector_length(m->n, m->gradient);
    const double scale = rv_vector_unit(m->n, m->gradient);
    solver s = {.m = m,
                .scale = scale,
                .radius = n[RADIUS],
                .enough = find_share(m, length) * length * scale};
    rv_proposal step = {0};
    if (solve(&s, &step) && try_all(&s, step))
        return true;
    n[RADIUS] = radius;
    n[LENGTH_BEFORE] = before;
    n[SHARE_BEFORE] = last;
    return false;
}

static bool newton_cg_validate(const void *options)
{
    const rv_newton_cg_options *o = options;
    if (o->preconditioner_rank < 0 || o->max_products < 0 || o->preconditioner_every < 1)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "preconditioner_rank is %lld, preconditioner_every %lld, max_products %lld; "
                       ">= 0, >= 1 and >= 0 are expected",
                       (long long)o->preconditioner_rank, (long long)o->preconditioner_every,
                       (long long)o->max_products);
    return rv_minimize_validate(who, options, RV_LINE_MORE_THUENTE, 1e-4, 0.9) &&
           rv_optim_check_least(who, "damping", o->damping, 0) &&
           rv_optim_check_above(who, "forcing", o->forcing, 0) &&
           rv_optim_check_fraction(who, "forcing", o->forcing);
}

static const rv_minimizer_class newton_cg_minimizer = {
    .vector_count = VECTORS,
    .vector_names = {NULL, NULL, NULL, NULL, NULL, "basis", "eigenvalues"},
    .vector_shape = vector_shape,
    .number_count = NUMBERS,
    .uses_hessian = true,
    .iterate = newton_cg_iterate};

static const rv_optim_class newton_cg_class = {.name = "optim_newton_cg",
                                               .options_size = sizeof(rv_newton_cg_options),
                                               .refuses = RV_MINIMIZER_REFUSES,
                                               .validate = newton_cg_validate,
                                               .minimizer = &newton_cg_minimizer};

rv_optim *rv_optim_newton_cg_with(const rv_newton_cg_options *options)
{
    return rv_optim_new(&newton_cg_class, options);
}

/* newton.c - Newton's method in a trust region, with the whole Hessian: with H = V diag(l) V', the
 * least of g'z + z'Hz/2 within |z| <= radius is
 *
 *     z = -V diag(1/(l + shift)) V'g
 *
 * with the least shift >= 0 for which l + shift >= 0 and |z| <= radius (More and Sorensen 1983;
 * Nocedal and Wright 2006, 4.3). The eigenvalues show it for any radius: a step that is refused
 * costs nothing but its evaluation.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/lapack.h"
#include "optim/minimize_methods.h"
#include "optim/minimizer.h"
#include "optim/trust_region.h"

static const char *const who = "optim_newton";

enum { HESSIAN, EIGENVALUES, ALONG, PARTS, VECTORS }; /* ALONG: V'g; PARTS: V'z */
enum { RADIUS, NUMBERS };
enum { MOST_TRIALS = 40, MOST_ROUNDS = 100 };

static void vector_shape(const void *options, int64_t n, int i, int64_t *rows, int64_t *columns)
{
    (void)options;
    *rows = i == HESSIAN ? n : 0;
    *columns = n;
}

/* ---- the step -------------------------------------------------------------------------------- */

/* H becomes its eigenvectors, one a row. */
static bool decompose(rv_minimizer *m)
{
    rv_tensor *h = rv_minimizer_vector(m, HESSIAN);
    if (!rv_minimizer_hessian(m, m->vectors[HESSIAN]))
        return false;
    if (!isfinite(rv_vector_largest(h->numel, m->vectors[HESSIAN])))
        return rv_fail(RV_ERROR_NOT_FINITE, who, "the Hessian has an element that is not finite");
    if (!rv_lapack_eigh(who, h, rv_minimizer_vector(m, EIGENVALUES), true))
        return false;
    for (int64_t i = 0; i < m->n; i++)
        m->vectors[ALONG][i] = rv_vector_dot(m->n, m->vectors[HESSIAN] + i * m->n, m->gradient);
    return true;
}

/* |z| for a shift, and how z'z/2 falls with it. */
static double length_at(const rv_minimizer *m, double shift, double *fall)
{
    double sum = 0, slope = 0;
    for (int64_t i = 0; i < m->n; i++) {
        const double g = m->vectors[ALONG][i], l = m->vectors[EIGENVALUES][i] + shift;
        if (g == 0)
            continue;
        const double z = g / l;
        sum += z * z;
        slope += z * z / l;
    }
    *fall = slope;
    return sqrt(sum);
}

/* The shift for |z| = radius, above `low`: Newton's method on 1/|z|, inside an interval. */
static double find_shift(const rv_minimizer *m, double low, double radius)
{
    double high = low + rv_vector_length(m->n, m->gradient) / radius, shift = low, fall;
    for (int round = 0; round < MOST_ROUNDS; round++) {
        const double length = length_at(m, shift, &fall);
        if (fabs(length - radius) <= 1e-10 * radius)
            break;
        if (length > radius)
            low = shift;
        else
            high = shift;
        const double next = shift + (length / radius - 1) * length * length / fall;
        shift = next > low && next < high ? next : 0.5 * (low + high);
    }
    return shift;
}

/* The least shift that may be: 0, or what makes all eigenvalues positive, as far as they have
 * digits. */
static double least_shift(const rv_minimizer *m)
{
    const double *l = m->vectors[EIGENVALUES];
    const double size = fmax(fabs(l[0]), fabs(l[m->n - 1]));
    const double rounding = fmax(DBL_EPSILON * size, DBL_MIN);
    return l[0] > 0 ? 0 : rounding - l[0];
}

/* The step into m->direction. */
static rv_proposal find_step(rv_minimizer *m, double radius)
{
    const double *l = m->vectors[EIGENVALUES], *g = m->vectors[ALONG];
    double *z = m->vectors[PARTS], fall, shift = least_shift(m);
    const bool is_inside = length_at(m, shift, &fall) <= radius;
    if (!is_inside)
        shift = find_shift(m, shift, radius);
    double rest = radius * radius;
    for (int64_t i = 0; i < m->n; i++) {
        z[i] = g[i] == 0 ? 0 : -g[i] / (l[i] + shift);
        rest -= z[i] * z[i];
    }
    if (is_inside && l[0] < 0 && rest > 0) /* More and Sorensen's hard case: to the border */
        z[0] += copysign(sqrt(rest + z[0] * z[0]) - fabs(z[0]), z[0]);
    rv_proposal step = {0};
    memset(m->direction, 0, (size_t)m->n * sizeof(double));
    for (int64_t i = 0; i < m->n; i++) {
        step.promise += z[i] * (g[i] + 0.5 * l[i] * z[i]);
        rv_vector_add(m->n, z[i], m->vectors[HESSIAN] + i * m->n, m->direction);
    }
    step.size = rv_vector_length(m->n, z);
    return step;
}

/* ---- an iteration ---------------------------------------------------------------------------- */

static bool newton_iterate(rv_minimizer *m)
{
    const rv_newton_options *o = m->options;
    double *radius = &m->numbers[RADIUS];
    const double before = *radius;
    if (!rv_trust_begin(m, who, o->lr, radius) || !decompose(m))
        return false;
    for (int trial = 0; trial < MOST_TRIALS; trial++) {
        const rv_verdict verdict = rv_trust_try(m, 1, find_step(m, *radius), radius);
        if (verdict == RV_TRUST_MOVED)
            return true;
        if (verdict == RV_TRUST_OVER)
            break;
    }
    *radius = before;
    return false;
}

static bool newton_validate(const void *options)
{
    return rv_minimize_validate(who, options, RV_LINE_MORE_THUENTE, 1e-4, 0.9);
}

static const rv_minimizer_class newton_minimizer = {.vector_count = VECTORS,
                                                    .vector_names = {NULL, NULL, NULL, NULL},
                                                    .vector_shape = vector_shape,
                                                    .number_count = NUMBERS,
                                                    .uses_hessian = true,
                                                    .iterate = newton_iterate};

static const rv_optim_class newton_class = {.name = "optim_newton",
                                            .options_size = sizeof(rv_newton_options),
                                            .refuses = RV_MINIMIZER_REFUSES,
                                            .validate = newton_validate,
                                            .minimizer = &newton_minimizer};

/* Whether LAPACK can count them: said before n^2 numbers are asked for. */
static bool check_count(const rv_tensors *parameters)
{
    int64_t n = 0;
    for (int64_t i = 0; parameters->items != NULL && i < parameters->count; i++)
        n += parameters->items[i] != NULL ? parameters->items[i]->numel : 0;
    return n <= RV_LAPACK_MOST ||
           rv_fail(RV_ERROR_SHAPE, who, "%lld parameters; at most %d are expected", (long long)n,
                   RV_LAPACK_MOST);
}

rv_optim *rv_optim_newton_with(const rv_newton_options *options)
{
    if (options != NULL && !check_count(&options->parameters))
        return NULL;
    return rv_optim_new(&newton_class, options);
}

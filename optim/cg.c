/* cg.c - nonlinear conjugate gradients: W. Hager, H. Zhang, "Algorithm 851: CG_DESCENT, a conjugate
 * gradient method with guaranteed descent", ACM TOMS 32 (2006), 113-137, and the older betas.
 *
 * All is written with the last step s = a d in place of the direction d: beta d = (beta/a) s. What
 * is kept is the pair (s, y), of one batch, as in L-BFGS; the next direction is made of it and the
 * next gradient, which may be another batch's.
 */
#include <math.h>
#include <string.h>

#include "optim/minimize_methods.h"
#include "optim/minimizer.h"

enum { STEP, CHANGE, VECTORS };
/* COUNT: iterations since a direction was -g, 0 before the first; LENGTH: a; SQUARE: g'g before the
 * step. */
enum { COUNT, LENGTH, SQUARE, NUMBERS };

/* No less than this may Hager and Zhang's beta be, in their formula for it. */
static const double ETA = 0.01;
/* An angle to -g whose cosine is smaller is no descent. */
static const double LEAST_COSINE = 1e-10;

/* What directions and steps are made of: products of g, the pair's s and y. */
typedef struct products {
    double gg, gs, gy, ss, sy, yy;
} products;

static products multiply(const rv_minimizer *m)
{
    const int64_t n = m->n;
    const double *g = m->gradient, *s = m->vectors[STEP], *y = m->vectors[CHANGE];
    return (products){.gg = rv_vector_dot(n, g, g),
                      .gs = rv_vector_dot(n, g, s),
                      .gy = rv_vector_dot(n, g, y),
                      .ss = rv_vector_dot(n, s, s),
                      .sy = rv_vector_dot(n, s, y),
                      .yy = rv_vector_dot(n, y, y)};
}

/* beta/a: how much of s is in the next direction. */
static double share_of_step(const rv_minimizer *m, const products *p)
{
    const rv_cg_options *o = m->options;
    const double length = m->numbers[LENGTH], square = m->numbers[SQUARE];
    switch (o->beta) {
    case RV_CG_HAGER_ZHANG: {
        const double least = -1 / (sqrt(p->ss) * fmin(ETA, sqrt(square)));
        return fmax(least, (p->gy - 2 * p->yy * p->gs / p->sy) / p->sy);
    }
    case RV_CG_POLAK_RIBIERE: return fmax(0, p->gy / (square * length));
    case RV_CG_FLETCHER_REEVES: return p->gg / (square * length);
    case RV_CG_HESTENES_STIEFEL: return p->gy / p->sy;
    case RV_CG_DAI_YUAN: return p->gg / p->sy;
    case RV_CG_BETA_COUNT: break;
    }
    return 0;
}

/* direction = share * s - g; false if it does not descend. */
static bool find_direction(rv_minimizer *m, const products *p, double share)
{
    rv_vector_scale(m->n, -1, m->gradient, m->direction);
    if (share == 0)
        return true; /* whatever the last step was */
    rv_vector_add(m->n, share, m->vectors[STEP], m->direction);
    const double slope = share * p->gs - p->gg;
    const double dd = p->gg - 2 * share * p->gs + share * share * p->ss;
    return isfinite(share) && slope <= -LEAST_COSINE * sqrt(dd) * sqrt(p->gg);
}

/* The step that changes the loss as much, to first order, as the last one did (Nocedal and Wright
 * 2006, section 3.5). NaN or infinity before that. */
static double like_the_last(const products *p, double share)
{
    return (p->sy - p->gs) / (p->gg - share * p->gs);
}

static bool search(rv_minimizer *m, const products *p, double share)
{
    const rv_cg_options *o = m->options;
    double step = o->lr * like_the_last(p, share);
    if (!(step > 0 && isfinite(step)))
        step = o->lr / rv_vector_length(m->n, m->gradient);
    const double length = rv_vector_length(m->n, m->direction); /* the search may change it */
    if (!rv_minimizer_search(m, .step = step, .method = o->line_search, .decrease = o->decrease,
                             .curvature = o->curvature))
        return false;
    m->numbers[LENGTH] = rv_vector_length(m->n, m->step) / length;
    m->numbers[SQUARE] = p->gg;
    return true;
}

static bool restart(rv_minimizer *m, const products *p)
{
    m->numbers[COUNT] = 0;
    rv_vector_scale(m->n, -1, m->gradient, m->direction);
    return search(m, p, 0);
}

static bool cg_iterate(rv_minimizer *m)
{
    const rv_cg_options *o = m->options;
    const int64_t n = m->n, most = o->restart > 0 ? o->restart : 6 * n;
    const products p = multiply(m);
    const double share = m->numbers[COUNT] > 0 ? share_of_step(m, &p) : 0;
    const bool goes_on =
        m->numbers[COUNT] > 0 && m->numbers[COUNT] < (double)most && find_direction(m, &p, share);
    bool moved = goes_on ? search(m, &p, share) : restart(m, &p);
    if (!moved && goes_on && !rv_minimizer_is_over(m))
        moved = restart(m, &p);
    if (!moved)
        return false;
    memcpy(m->vectors[STEP], m->step, (size_t)n * sizeof(double));
    memcpy(m->vectors[CHANGE], m->change, (size_t)n * sizeof(double));
    m->numbers[COUNT]++;
    return true;
}

static bool cg_validate(const void *options)
{
    const rv_cg_options *o = options;
    const char *who = "optim_cg";
    if ((unsigned)o->beta >= RV_CG_BETA_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, who, "beta is %d; an rv_cg_beta is expected",
                       (int)o->beta);
    if (o->restart < 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "restart is %lld; >= 0 is expected",
                       (long long)o->restart);
    return rv_minimize_validate(who, options, o->line_search, o->decrease, o->curvature);
}

static const rv_minimizer_class cg_minimizer = {.vector_count = VECTORS,
                                                .vector_names = {"old_step", "old_change"},
                                                .number_count = NUMBERS,
                                                .iterate = cg_iterate};

static const rv_optim_class cg_class = {.name = "optim_cg",
                                        .options_size = sizeof(rv_cg_options),
                                        .refuses = RV_MINIMIZER_REFUSES,
                                        .validate = cg_validate,
                                        .minimizer = &cg_minimizer};

rv_optim *rv_optim_cg_with(const rv_cg_options *options)
{
    return rv_optim_new(&cg_class, options);
}

/* minimizer_residuals.c - closures that give residuals: the loss that they make, their Jacobian.
 *
 * A trial costs one call of the closure. Its result is kept, with its graph, until it is known
 * whether the method stays there: the Jacobian is made of that graph, without another call.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "core/gemm.h"
#include "core/memory.h"
#include "core/tensor_make.h"
#include "optim/minimizer_run.h"

static const char *const who = "optim_minimize";

static rv_optim_jacobian *jacobian_of(const rv_minimizer_run *run)
{
    const size_t offset = run->opt->optim_class->minimizer->jacobian_offset;
    return offset == 0 ? NULL
                       : *(rv_optim_jacobian *const *)((const char *)run->view.options + offset);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void drop(rv_tensor **t)
{
    rv_release(*t);
    *t = NULL;
}

void rv_minimizer_residuals_end(rv_minimizer_run *run)
{
    drop(&run->squares.given);
}

void rv_minimizer_residuals_free(rv_minimizer_run *run)
{
    rv_minimizer_squares *s = &run->squares;
    drop(&s->given);
    drop(&s->residuals);
    drop(&s->trial);
    drop(&s->columns);
}

/* Room for m residuals, and their Jacobian. */
static bool furnish(rv_minimizer_run *run, int64_t m)
{
    rv_minimizer_squares *s = &run->squares;
    if (s->columns != NULL && s->trial->numel == m)
        return true;
    RV_SCOPE;
    RV_LASTING;
    rv_minimizer_residuals_free(run);
    const int64_t shape[] = {run->view.n + 1, m};
    s->residuals = rv_retain(rv_make(who, RV_F64, 1, &m));
    s->trial = rv_retain(rv_make(who, RV_F64, 1, &m));
    s->columns = rv_retain(rv_make(who, RV_F64, 2, shape));
    if (s->residuals != NULL && s->trial != NULL && s->columns != NULL)
        return true;
    rv_minimizer_residuals_free(run);
    return false;
}

rv_tensor *rv_minimizer_columns(const rv_minimizer *m)
{
    return m->run->squares.columns;
}

/* ---- residuals ------------------------------------------------------------------------------- */

static bool check_residuals(const rv_minimizer_run *run, const rv_tensor *r)
{
    if (r == NULL)
        return rv_error_status() != RV_OK ? false
                                          : rv_fail(RV_ERROR_NULL, who, "the closure gave NULL");
    if (!rv_check(who, 0, r))
        return false;
    if (!rv_dtype_is_floating(r->dtype) || r->numel < 1)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "the closure gave %s %s; floating residuals are expected",
                       rv_dtype_name(r->dtype), RV_SHAPE_OF(r));
    return !run->squares.has_begun || r->numel == run->squares.trial->numel ||
           rv_fail(RV_ERROR_SHAPE, who, "the closure gave %lld residuals, and %lld before",
                   (long long)r->numel, (long long)run->squares.trial->numel);
}

/* Copies r into an F64 tensor of as many elements. */
static bool copy_flat(rv_tensor *into, const rv_tensor *r)
{
    RV_NO_GRAD;
    rv_tensor *shaped = rv_raw_reshape(who, into, r->ndim, r->shape);
    return shaped != NULL && rv_copy_into(shaped, r) != NULL;
}

bool rv_minimizer_residuals(rv_minimizer_run *run)
{
    RV_SCOPE;
    rv_minimizer_squares *s = &run->squares;
    drop(&s->given);
    run->evaluations++;
    rv_tensor *r = rv_minimizer_call(run, run->closure);
    if (!check_residuals(run, r) || !furnish(run, r->numel) || !copy_flat(s->trial, r))
        return false;
    s->has_begun = true;
    s->dtype = r->dtype;
    run->epsilon = r->dtype == RV_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    if (jacobian_of(run) == NULL)
        s->given = rv_retain(r);
    const double *values = (const double *)s->trial->data;
    run->trial_loss = rv_vector_dot(r->numel, values, values) / 2;
    if (!isfinite(run->trial_loss))
        run->trial_loss = INFINITY;
    return rv_error_status() == RV_OK;
}

void rv_minimizer_residuals_accept(rv_minimizer_run *run)
{
    rv_minimizer_squares *s = &run->squares;
    rv_tensor *residuals = s->trial;
    s->trial = s->residuals;
    s->residuals = residuals;
    run->view.residual_count = residuals->numel;
    run->view.residuals = (const double *)residuals->data;
    run->view.columns = (double *)s->columns->data;
}

/* ---- their Jacobian -------------------------------------------------------------------------- */

/* One backward for each residual, each into its row: element i of every column. */
static bool by_backward(rv_minimizer_run *run)
{
    const rv_minimizer_squares *s = &run->squares;
    rv_tensor *r = s->given;
    const int64_t m = r->numel;
    double *columns = (double *)s->columns->data;
    bool is_used = false;
    if (!rv_requires_grad(r))
        memset(columns, 0, (size_t)(run->view.n * m) * sizeof(double));
    for (int64_t i = 0; rv_requires_grad(r) && i < m; i++) {
        RV_SCOPE;
        rv_tensor *v = rv_zeros_n(r->dtype, r->ndim, r->shape);
        if (v == NULL)
            return false;
        if (v->dtype == RV_F32)
            ((float *)v->data)[i] = 1;
        else
            ((double *)v->data)[i] = 1;
        const rv_minimizer_backward how = {.y = r, .v = v, .retain_graph = i + 1 < m};
        rv_tensor **gradients = rv_minimizer_gradients(run, &how);
        if (gradients == NULL ||
            !rv_minimizer_write(run, gradients, s->columns->storage, columns + i, m))
            return false;
        is_used = is_used || rv_minimizer_depends(run, gradients);
    }
    return is_used || rv_fail(RV_ERROR_GRAPH, who,
                              "the residuals were not computed from any of the parameters");
}

/* A parameter that was frozen after the optimizer was made is a constant. */
static void clear_frozen(const rv_minimizer_run *run)
{
    const int64_t m = run->squares.trial->numel;
    double *columns = (double *)run->squares.columns->data;
    for (int64_t i = 0; i < run->opt->count; i++) {
        const rv_tensor *p = run->opt->slots[i].parameter;
        if (!rv_requires_grad(p))
            memset(columns, 0, (size_t)(p->numel * m) * sizeof(double));
        columns += p->numel * m;
    }
}

/* What the option `jacobian` gives, transposed. */
static bool by_option(rv_minimizer_run *run)
{
    RV_SCOPE;
    const rv_minimizer_squares *s = &run->squares;
    const int64_t shape[] = {s->trial->numel, run->view.n};
    const rv_tensor *j = rv_minimizer_call(run, jacobian_of(run));
    if (j == NULL)
        return rv_error_status() != RV_OK ? false
                                          : rv_fail(RV_ERROR_NULL, who, "jacobian gave NULL");
    if (!rv_check(who, 0, j))
        return false;
    if (j->dtype != s->dtype || j->ndim != 2 || j->shape[0] != shape[0] || j->shape[1] != shape[1])
        return rv_fail(RV_ERROR_SHAPE, who, "jacobian gave %s %s; %s [%lld,%lld] is expected",
                       rv_dtype_name(j->dtype), RV_SHAPE_OF(j), rv_dtype_name(s->dtype),
                       (long long)shape[0], (long long)shape[1]);
    RV_NO_GRAD;
    const int64_t strides[] = {1, shape[0]};
    rv_tensor *into =
        rv_raw_view(who, s->columns->storage, s->columns->data, RV_F64, 2, shape, strides);
    if (into == NULL || rv_copy_into(into, j) == NULL)
        return false;
    clear_frozen(run);
    return rv_error_status() == RV_OK;
}

/* The gradient J'r, which is not finite where J is not. */
static void find_gradient(rv_minimizer_run *run)
{
    const int64_t n = run->view.n, m = run->squares.trial->numel;
    const rv_gemm_task product = {
        .dtype = RV_F64,
        .m = n,
        .n = 1,
        .k = m,
        .a = {.data = run->squares.columns->data, .row = m, .column = 1},
        .b = {.data = run->squares.trial->data, .row = 1, .column = 1},
        .c = {.data = (char *)run->trial_gradient, .row = 1, .column = 1}};
    rv_gemm(&product);
}

double rv_minimizer_linearize(rv_minimizer *view)
{
    rv_minimizer_run *run = view->run;
    rv_minimizer_squares *s = &run->squares;
    const int64_t n = view->n, m = s->trial->numel;
    run->jacobians++;
    const bool done =
        rv_minimizer_learns(run) && (jacobian_of(run) != NULL ? by_option(run) : by_backward(run));
    drop(&s->given);
    run->trial_largest = NAN;
    if (done) {
        memcpy((double *)s->columns->data + n * m, s->trial->data, (size_t)m * sizeof(double));
        find_gradient(run);
        const double largest = rv_vector_largest(n, run->trial_gradient);
        run->trial_largest = isfinite(largest) ? largest : (double)NAN;
    }
    run->is_failed = run->is_failed || !done || rv_error_status() != RV_OK;
    return run->is_failed ? (double)NAN : run->trial_largest;
}

/* ---- steps ----------------------------------------------------------------------------------- */

bool rv_minimizer_probe_residuals(rv_minimizer *m, double length, rv_minimizer_trial *trial)
{
    rv_minimizer_run *run = m->run;
    *trial = (rv_minimizer_trial){.loss = INFINITY, .reduction = -(double)INFINITY};
    if (rv_minimizer_is_over(m))
        return false;
    rv_minimizer_put_trial(run, length);
    trial->has_moved = memcmp(run->trial, m->x, (size_t)m->n * sizeof(double)) != 0;
    if (!trial->has_moved)
        return true;
    if (!isfinite(rv_vector_largest(m->n, run->trial)))
        return true; /* no place to evaluate at */
    if (!rv_minimizer_evaluate(run))
        return false;
    trial->loss = run->trial_loss;
    if (!isfinite(trial->loss))
        return true;
    const double *old = m->residuals, *new = (const double *)run->squares.trial->data;
    double sum = 0;
    for (int64_t i = 0; i < m->residual_count; i++)
        sum += (old[i] - new[i]) * (old[i] + new[i]);
    trial->reduction = sum / 2;
    return true;
}

void rv_minimizer_take(rv_minimizer *m)
{
    rv_minimizer_run *run = m->run;
    for (int64_t i = 0; i < m->n; i++) {
        m->step[i] = run->trial[i] - m->x[i];
        m->change[i] = run->trial_gradient[i] - m->gradient[i];
    }
    rv_minimizer_accept(run);
}

double rv_minimizer_noise(const rv_minimizer *m)
{
    return 4 * m->run->epsilon * m->loss;
}

bool rv_minimizer_take_if_flatter(rv_minimizer *m, const rv_minimizer_trial *trial)
{
    if (!(trial->reduction >= -rv_minimizer_noise(m)) ||
        !(rv_minimizer_linearize(m) < 0.99 * m->run->largest))
        return false;
    rv_minimizer_take(m);
    return true;
}

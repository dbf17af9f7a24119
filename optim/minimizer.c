/* minimizer.c - parameters as one vector, the loss as a function of it, and steps along a line. */
#include "optim/minimizer.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "autograd/graph.h"
#include "core/memory.h"
#include "core/tensor_make.h"
#include "optim/minimizer_run.h"

static const char *const who = "optim_minimize";

enum { OWN_ARRAYS = 9 };

/* ---- memory ---------------------------------------------------------------------------------- */

/* Zeros, rows by columns, or of `columns` numbers if rows is 0; the caller holds them. */
static rv_tensor *zeros(const char *name, int64_t rows, int64_t columns)
{
    RV_SCOPE;
    const int64_t shape[2] = {rows, columns};
    rv_tensor *t = rv_make(name, RV_F64, rows > 0 ? 2 : 1, rows > 0 ? shape : &columns);
    return rv_retain(t != NULL ? rv_fill(t, 0) : NULL);
}

static bool furnish(rv_minimizer_run *run)
{
    RV_LASTING;
    rv_minimizer *m = &run->view;
    const rv_optim_class *c = run->opt->optim_class;
    const rv_minimizer_class *method = c->minimizer;
    run->memory = zeros(c->name, OWN_ARRAYS, m->n);
    if (run->memory == NULL)
        return false;
    double **arrays[OWN_ARRAYS] = {
        &m->x,       &m->gradient,         &m->step,   &m->change,         &m->direction,
        &run->trial, &run->trial_gradient, &run->best, &run->best_gradient};
    for (int i = 0; i < OWN_ARRAYS; i++)
        *arrays[i] = (double *)run->memory->data + i * m->n;
    for (int i = 0; i < method->vector_count; i++) {
        int64_t rows = 0, columns = m->n;
        if (method->vector_shape != NULL)
            method->vector_shape(m->options, m->n, i, &rows, &columns);
        run->vectors[i] = zeros(c->name, rows, columns);
        if (run->vectors[i] == NULL)
            return false;
        m->vectors[i] = (double *)run->vectors[i]->data;
    }
    if (method->number_count > 0)
        run->numbers = zeros(c->name, 0, method->number_count);
    if (method->number_count > 0 && run->numbers == NULL)
        return false;
    m->numbers = run->numbers != NULL ? (double *)run->numbers->data : NULL;
    return true;
}

rv_minimizer_run *rv_minimizer_make(rv_optim *opt)
{
    rv_minimizer_run *run = rv_memory_get(opt->optim_class->name, sizeof *run);
    if (run == NULL)
        return NULL;
    *run = (rv_minimizer_run){.opt = opt,
                              .view = {.options = opt->groups[0].options, .run = run},
                              .keeps_graph = opt->optim_class->minimizer->uses_hessian};
    for (int64_t i = 0; i < opt->count; i++)
        run->view.n += opt->slots[i].parameter->numel;
    if (furnish(run))
        return run;
    rv_minimizer_free(run);
    return NULL;
}

void rv_minimizer_free(rv_minimizer_run *run)
{
    if (run == NULL)
        return;
    rv_minimizer_residuals_free(run);
    rv_minimizer_drop_graph(run);
    rv_release(run->memory);
    rv_release(run->numbers);
    for (int i = 0; i < RV_MINIMIZER_MOST_VECTORS; i++)
        rv_release(run->vectors[i]);
    rv_memory_put(run, sizeof *run);
}

bool rv_minimizer_state(const rv_minimizer_run *run, rv_state_visit *visit, void *context)
{
    const rv_minimizer_class *method = run->opt->optim_class->minimizer;
    for (int i = 0; i < method->vector_count; i++)
        if (method->vector_names[i] != NULL &&
            !visit(context, method->vector_names[i], run->vectors[i]))
            return false;
    return run->numbers == NULL || visit(context, "numbers", run->numbers);
}

/* ---- parameters as a vector ------------------------------------------------------------------ */

rv_tensor *rv_minimizer_part(rv_storage *storage, double *array, int64_t stride,
                             const rv_tensor *parameter)
{
    int64_t strides[RV_MAX_DIMENSIONS];
    for (int axis = parameter->ndim - 1; axis >= 0; axis--) {
        strides[axis] = stride;
        stride *= parameter->shape[axis];
    }
    return rv_raw_view(who, storage, (char *)array, RV_F64, parameter->ndim, parameter->shape,
                       strides);
}

/* Copies all parameters into an array, or the array into them. */
static bool copy_parameters(const rv_minimizer_run *run, double *array, bool into_parameters)
{
    RV_SCOPE;
    RV_NO_GRAD;
    for (int64_t i = 0; i < run->opt->count; i++) {
        rv_tensor *p = run->opt->slots[i].parameter;
        rv_tensor *part = rv_minimizer_part(run->memory->storage, array, 1, p);
        if (part == NULL ||
            rv_copy_into(into_parameters ? p : part, into_parameters ? part : p) == NULL)
            return false;
        array += p->numel;
    }
    return true;
}

/* What the parameters would be, in their dtypes. */
static void round_trial(const rv_minimizer_run *run)
{
    double *x = run->trial;
    for (int64_t i = 0; i < run->opt->count; i++) {
        const rv_tensor *p = run->opt->slots[i].parameter;
        for (int64_t j = 0; p->dtype == RV_F32 && j < p->numel; j++)
            x[j] = (double)(float)x[j];
        x += p->numel;
    }
}

/* ---- evaluation ------------------------------------------------------------------------------ */

static bool check_loss(const rv_tensor *loss)
{
    if (loss == NULL)
        return rv_error_status() != RV_OK ? false
                                          : rv_fail(RV_ERROR_NULL, who, "the closure gave NULL");
    if (!rv_check(who, 0, loss))
        return false;
    return (loss->numel == 1 && rv_dtype_is_floating(loss->dtype)) ||
           rv_fail(RV_ERROR_SHAPE, who,
                   "the closure gave %s %s; a floating tensor of one element is expected",
                   rv_dtype_name(loss->dtype), RV_SHAPE_OF(loss));
}

bool rv_minimizer_learns(const rv_minimizer_run *run)
{
    for (int64_t i = 0; i < run->opt->count; i++)
        if (rv_requires_grad(run->opt->slots[i].parameter))
            return true;
    return rv_fail(RV_ERROR_GRAPH, who, "no parameter requires a gradient any more");
}

rv_tensor **rv_minimizer_gradients(const rv_minimizer_run *run, const rv_minimizer_backward *how)
{
    const rv_optim *opt = run->opt;
    const size_t bytes = (size_t)opt->count * sizeof(rv_tensor *);
    rv_tensor **parameters = rv_minimizer_learns(run) ? rv_memory_get(who, bytes) : NULL;
    if (parameters == NULL)
        return NULL;
    int learned = 0;
    for (int64_t i = 0; i < opt->count; i++)
        if (rv_requires_grad(opt->slots[i].parameter))
            parameters[learned++] = opt->slots[i].parameter;
    rv_tensor **gradients = rv_gradients(&how->y, 1, parameters, learned, .gradients = &how->v,
                                         .retain_graph = how->retain_graph,
                                         .create_graph = how->create_graph, .allow_unused = true);
    rv_memory_put(parameters, bytes);
    return gradients;
}

bool rv_minimizer_write(const rv_minimizer_run *run, rv_tensor *const *gradients,
                        rv_storage *storage, double *into, int64_t stride)
{
    RV_NO_GRAD;
    for (int64_t i = 0; i < run->opt->count; i++) {
        const rv_tensor *p = run->opt->slots[i].parameter;
        rv_tensor *part = rv_minimizer_part(storage, into, stride, p);
        rv_tensor *g = gradients != NULL && rv_requires_grad(p) ? *gradients++ : NULL;
        if (part == NULL || (g != NULL ? rv_copy_into(part, g) : rv_fill(part, 0)) == NULL)
            return false;
        into += p->numel * stride;
    }
    return true;
}

bool rv_minimizer_depends(const rv_minimizer_run *run, rv_tensor *const *gradients)
{
    for (int64_t i = 0; i < run->opt->count; i++)
        if (rv_requires_grad(run->opt->slots[i].parameter) && *gradients++ != NULL)
            return true;
    return false;
}

/* The gradients of the loss, one behind the other in trial_gradient; and their graph, if a Hessian
 * may be asked for. */
static bool gather(rv_minimizer_run *run, rv_tensor *loss)
{
    const rv_minimizer_backward how = {.y = loss, .create_graph = run->keeps_graph};
    rv_tensor **gradients = rv_minimizer_gradients(run, &how);
    if (gradients == NULL)
        return false;
    if (!rv_minimizer_depends(run, gradients))
        return rv_fail(RV_ERROR_GRAPH, who, "the loss was not computed from any of the parameters");
    return rv_minimizer_write(run, gradients, run->memory->storage, run->trial_gradient, 1) &&
           (!run->keeps_graph || rv_minimizer_keep_graph(run, gradients));
}

/* How often the parameters' memory has been changed. */
static uint64_t changes_of(const rv_optim *opt)
{
    uint64_t changes = 0;
    for (int64_t i = 0; i < opt->count; i++)
        changes += rv_storage_version(opt->slots[i].parameter->storage);
    return changes;
}

rv_tensor *rv_minimizer_call(rv_minimizer_run *run, rv_optim_closure *closure)
{
    const uint64_t changes = changes_of(run->opt);
    rv_tensor *given = closure(run->context);
    if (changes_of(run->opt) == changes)
        return given;
    return rv_fail_null(RV_ERROR_CHANGED, who,
                        "the closure changed a parameter's values; that is for the optimizer");
}

static bool call_closure(rv_minimizer_run *run)
{
    RV_SCOPE;
    run->evaluations++;
    const bool has_gradient = !run->opt->optim_class->minimizer->needs_no_gradient;
    rv_tensor *loss = rv_minimizer_call(run, run->closure);
    if (!check_loss(loss))
        return false;
    if (has_gradient && !gather(run, loss))
        return false;
    run->epsilon = loss->dtype == RV_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    const double sign = run->opt->groups[0].common.maximize ? -1 : 1;
    run->trial_loss = sign * rv_item(loss);
    if (sign < 0)
        rv_vector_scale(run->view.n, -1, run->trial_gradient, run->trial_gradient);
    run->trial_largest = has_gradient ? rv_vector_largest(run->view.n, run->trial_gradient) : NAN;
    if (!isfinite(run->trial_loss) || (has_gradient && !isfinite(run->trial_largest)))
        run->trial_loss = INFINITY;
    return rv_error_status() == RV_OK;
}

bool rv_minimizer_evaluate(rv_minimizer_run *run)
{
    rv_minimizer_drop_graph(run);
    round_trial(run);
    if (copy_parameters(run, run->trial, true) &&
        (run->opt->optim_class->minimizer->residuals ? rv_minimizer_residuals(run)
                                                     : call_closure(run)))
        return true;
    run->is_failed = true;
    return false;
}

bool rv_minimizer_is_over(const rv_minimizer *m)
{
    return m->run->is_failed || m->run->evaluations >= m->run->most_evaluations;
}

rv_tensor *rv_minimizer_vector(const rv_minimizer *m, int i)
{
    if (m == NULL || i < 0 || i >= m->run->opt->optim_class->minimizer->vector_count)
        return rv_fail_null(RV_ERROR_INDEX, "minimizer_vector", "the method has no vector %d", i);
    return m->run->vectors[i];
}

bool rv_minimizer_restore(rv_minimizer_run *run)
{
    rv_minimizer *m = &run->view;
    if (!run->is_failed && run->graph_is_at_x)
        return true; /* they are: writing them again would make the graph one of the past */
    if (run->is_failed && run->best_loss < m->loss) { /* in a search that found a better place */
        const size_t bytes = (size_t)m->n * sizeof(double);
        memcpy(m->x, run->best, bytes);
        memcpy(m->gradient, run->best_gradient, bytes);
        m->loss = run->best_loss;
        run->largest = run->best_largest;
    }
    return copy_parameters(run, run->view.x, true);
}

void rv_minimizer_accept(rv_minimizer_run *run)
{
    rv_minimizer *m = &run->view;
    const size_t bytes = (size_t)m->n * sizeof(double);
    memcpy(m->x, run->trial, bytes);
    memcpy(m->gradient, run->trial_gradient, bytes);
    m->loss = run->trial_loss;
    run->largest = run->trial_largest;
    run->graph_is_at_x = run->gradients != NULL;
    if (run->opt->optim_class->minimizer->residuals)
        rv_minimizer_residuals_accept(run);
}

/* Goes where the trial is; false if that is where x is. */
static bool move(rv_minimizer_run *run)
{
    rv_minimizer *m = &run->view;
    for (int64_t i = 0; i < m->n; i++) {
        m->step[i] = run->trial[i] - m->x[i];
        m->change[i] = run->trial_gradient[i] - m->gradient[i];
    }
    if (rv_vector_largest(m->n, m->step) == 0)
        return false;
    rv_minimizer_accept(run);
    return true;
}

bool rv_minimizer_begin(rv_minimizer_run *run)
{
    run->evaluations = run->products = run->jacobians = 0;
    run->squares.has_begun = false;
    run->is_failed = false;
    run->best_loss = INFINITY;
    run->largest = run->view.loss = NAN; /* not known yet */
    if (!copy_parameters(run, run->view.x, false)) {
        run->is_failed = true;
        return false;
    }
    memcpy(run->trial, run->view.x, (size_t)run->view.n * sizeof(double));
    if (!rv_minimizer_evaluate(run))
        return false;
    if (run->opt->optim_class->minimizer->residuals && isfinite(run->trial_loss) &&
        isnan(rv_minimizer_linearize(&run->view)))
        run->trial_loss = INFINITY;
    rv_minimizer_accept(run);
    return !run->is_failed;
}

/* ---- a step along a line --------------------------------------------------------------------- */

double rv_minimizer_epsilon(const rv_minimizer *m)
{
    for (int64_t i = 0; i < m->run->opt->count; i++)
        if (m->run->opt->slots[i].parameter->dtype == RV_F32)
            return FLT_EPSILON;
    return DBL_EPSILON;
}

void rv_minimizer_hold_frozen(const rv_minimizer *m, double *vector)
{
    for (int64_t i = 0; i < m->run->opt->count; i++) {
        const rv_tensor *p = m->run->opt->slots[i].parameter;
        if (!rv_requires_grad(p))
            memset(vector, 0, (size_t)p->numel * sizeof(double));
        vector += p->numel;
    }
}

static void put_trial(rv_minimizer_run *run, double step)
{
    const rv_minimizer *m = &run->view;
    memcpy(run->trial, m->x, (size_t)m->n * sizeof(double));
    rv_vector_add(m->n, step, m->direction, run->trial);
}

void rv_minimizer_put_trial(rv_minimizer_run *run, double length)
{
    rv_minimizer_hold_frozen(&run->view, run->view.direction);
    put_trial(run, length);
    round_trial(run);
}

/* The loss along the direction; the lowest place is remembered. */
static bool along(void *context, double step, double *value, double *slope)
{
    rv_minimizer_run *run = context;
    if (rv_minimizer_is_over(&run->view))
        return false;
    put_trial(run, step);
    if (!rv_minimizer_evaluate(run))
        return false;
    if (run->trial_loss < run->best_loss) {
        memcpy(run->best, run->trial, (size_t)run->view.n * sizeof(double));
        memcpy(run->best_gradient, run->trial_gradient, (size_t)run->view.n * sizeof(double));
        run->best_loss = run->trial_loss;
        run->best_largest = run->trial_largest;
    }
    *value = run->trial_loss;
    *slope = rv_vector_dot(run->view.n, run->trial_gradient, run->view.direction);
    return true;
}

static bool is_found(const rv_line_result *r)
{
    return r->status == RV_LINE_FOUND || r->status == RV_LINE_APPROXIMATE;
}

/* By how much a sum of many terms may be wrong: searches go on by slopes among values so near. */
static double noise_of(const rv_minimizer_run *run)
{
    return fmax(1e-10, 4 * run->epsilon) * fabs(run->view.loss);
}

/* rv_line_search's default of step_max. */
static const double LARGEST_STEP = 1e20;

/* Searches as asked, and if the values say that there is nothing to be found, by slopes. */
static rv_line_result search(rv_minimizer_run *run, const rv_search_options *o, double step,
                             double slope)
{
    const double loss = run->view.loss;
    rv_line_result r =
        rv_line_search(along, run, .value = loss, .slope = slope, .step = step, .method = o->method,
                       .decrease = o->decrease, .curvature = o->curvature, .noise = noise_of(run));
    if (is_found(&r) || r.step > 0 || r.status == RV_LINE_NOT_DESCENT ||
        r.status == RV_LINE_STOPPED || r.status == RV_LINE_WRONG)
        return r;
    return rv_line_search(along, run, .value = loss, .slope = slope, .step = step,
                          .method = RV_LINE_HAGER_ZHANG, .decrease = fmin(0.1, o->curvature / 2),
                          .curvature = o->curvature, .noise = noise_of(run));
}

/* ---- a step without a search ----------------------------------------------------------------- */

bool rv_minimizer_probe(rv_minimizer *m, double step, rv_probe *probe)
{
    if (m == NULL || probe == NULL)
        return rv_fail(RV_ERROR_NULL, "minimizer_probe", "the minimizer or probe is NULL");
    rv_minimizer_run *run = m->run;
    rv_minimizer_hold_frozen(m, m->direction);
    put_trial(run, step);
    round_trial(run);
    *probe = (rv_probe){.loss = m->loss, .noise = noise_of(run), .is_at_x = true};
    for (int64_t i = 0; i < m->n && probe->is_at_x; i++)
        probe->is_at_x = run->trial[i] == m->x[i];
    if (probe->is_at_x)
        return true;
    if (rv_minimizer_is_over(m) || !rv_minimizer_evaluate(run))
        return false;
    probe->loss = run->trial_loss;
    probe->length = rv_vector_length(m->n, run->trial_gradient);
    return true;
}

bool rv_minimizer_move(rv_minimizer *m)
{
    if (m == NULL)
        return rv_fail(RV_ERROR_NULL, "minimizer_move", "the minimizer is NULL");
    if (!isfinite(m->run->trial_loss))
        return rv_fail(RV_ERROR_STATE, "minimizer_move",
                       "the last probe found no finite loss and gradient: x stays");
    return move(m->run);
}

rv_trial rv_minimizer_try(rv_minimizer *m)
{
    rv_probe probe;
    if (!rv_minimizer_probe(m, 1, &probe))
        return RV_TRIAL_OVER;
    if (probe.is_at_x)
        return RV_TRIAL_NOWHERE;
    return probe.loss < m->loss && move(m->run) ? RV_TRIAL_TAKEN : RV_TRIAL_REFUSED;
}

/* ---- a search -------------------------------------------------------------------------------- */

bool rv_minimizer_search_with(const rv_search_options *o)
{
    if (o == NULL || o->minimizer == NULL)
        return rv_fail(RV_ERROR_NULL, "minimizer_search", "the options or minimizer are NULL");
    rv_minimizer *m = o->minimizer;
    rv_minimizer_run *run = m->run;
    if (run->opt->optim_class->minimizer->residuals)
        return rv_fail(RV_ERROR_STATE, "minimizer_search",
                       "%s minimizes residuals: use rv_minimizer_probe_residuals",
                       run->opt->optim_class->name);
    run->best_loss = m->loss;
    rv_minimizer_hold_frozen(m, m->direction);
    double slope = rv_vector_dot(m->n, m->gradient, m->direction), step = o->step;
    if (isinf(slope) || step > 1e10) { /* numbers are too far from 1: the direction becomes it */
        const double length = rv_vector_length(m->n, m->direction);
        rv_vector_scale(m->n, 1 / length, m->direction, m->direction);
        slope = rv_vector_dot(m->n, m->gradient, m->direction);
        step *= length;
    }
    const rv_line_result r = search(run, o, fmin(step, LARGEST_STEP), slope);
    if (run->is_failed || r.status == RV_LINE_WRONG || r.step <= 0)
        return false;
    if (!is_found(&r)) {
        rv_minimizer_drop_graph(run); /* it is of the last place, not the best */
        memcpy(run->trial, run->best, (size_t)m->n * sizeof(double));
        memcpy(run->trial_gradient, run->best_gradient, (size_t)m->n * sizeof(double));
        run->trial_loss = run->best_loss;
        run->trial_largest = run->best_largest;
    }
    return move(run);
}

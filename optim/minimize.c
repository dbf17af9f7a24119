/* minimize.c - the loop around methods that evaluate the loss again, and why it ends. */
#include "optim/minimize.h"

#include <math.h>

#include "autograd/graph.h"
#include "optim/line_parts.h"
#include "optim/minimizer_run.h"

static const char *const who = "optim_minimize";

enum {
    FIRST_ORDER_ITERATIONS = 1000,
    MOST_IDLE = 20 /* iterations in a row that neither lower the loss nor flatten it */
};

/* What the options of every method begin with. */
typedef struct limits {
    RV_MINIMIZE_COMMON;
} limits;

bool rv_minimize_validate(const char *name, const void *options, rv_line_method method,
                          double decrease, double curvature)
{
    const limits *o = options;
    if (o->max_iter < 1)
        return rv_fail(RV_ERROR_ARGUMENT, name, "max_iter is %lld; >= 1 is expected",
                       (long long)o->max_iter);
    if (o->max_eval < 0)
        return rv_fail(RV_ERROR_ARGUMENT, name, "max_eval is %lld; >= 0 is expected",
                       (long long)o->max_eval);
    return rv_line_check(name, "line_search", method, decrease, curvature) &&
           rv_optim_check_least(name, "tolerance_grad", o->tolerance_grad, 0) &&
           rv_optim_check_least(name, "tolerance_grad_absolute", o->tolerance_grad_absolute, 0) &&
           rv_optim_check_least(name, "tolerance_loss", o->tolerance_loss, 0) &&
           rv_optim_check_least(name, "tolerance_loss_absolute", o->tolerance_loss_absolute, 0) &&
           rv_optim_check_least(name, "tolerance_step", o->tolerance_step, 0) &&
           rv_optim_check_least(name, "tolerance_step_absolute", o->tolerance_step_absolute, 0);
}

static rv_optim_result failed(void)
{
    return (rv_optim_result){.status = RV_OPTIM_FAILED,
                             .reason = rv_optim_status_text(RV_OPTIM_FAILED),
                             .loss = NAN,
                             .gradient = NAN};
}

static bool check(const rv_optim *opt, rv_optim_closure *closure)
{
    if (rv_error_status() != RV_OK || !rv_optim_check(who, opt))
        return false;
    if (opt->is_minimizing)
        return rv_fail(RV_ERROR_STATE, who,
                       "%s is minimizing: neither its closure nor its callback can begin again",
                       opt->optim_class->name);
    return closure != NULL || rv_fail(RV_ERROR_NULL, who, "the closure is NULL");
}

/* ---- methods of first order ------------------------------------------------------------------ */

/* Adds the gradient, and steps; the loss before the step, NaN if it failed. */
static double step_once(rv_optim *opt, rv_optim_closure *closure, void *context)
{
    RV_SCOPE;
    rv_optim_zero_grad(opt);
    rv_tensor *loss = closure(context);
    if (loss == NULL && rv_error_status() == RV_OK)
        rv_fail(RV_ERROR_NULL, who, "the closure gave NULL");
    if (!rv_backward(loss) || !rv_optim_step(opt))
        return NAN;
    return rv_item(loss);
}

static rv_optim_result first_order(const rv_minimize_options *o)
{
    const int64_t most = o->max_iter > 0 ? o->max_iter : FIRST_ORDER_ITERATIONS;
    rv_optim_result r = {.status = RV_OPTIM_RUNNING, .loss = NAN, .gradient = NAN};
    while (r.status == RV_OPTIM_RUNNING) {
        const double loss = step_once(o->optim, o->closure, o->context);
        r.evaluations++;
        if (rv_error_status() != RV_OK) {
            r.status = RV_OPTIM_FAILED;
            break;
        }
        r.loss = loss;
        const rv_optim_progress progress = {.iteration = ++r.iterations,
                                            .evaluations = r.evaluations,
                                            .loss = loss,
                                            .gradient = NAN,
                                            .change = NAN};
        if (o->callback != NULL && !o->callback(o->callback_context, &progress))
            r.status = RV_OPTIM_CALLBACK;
        else if (r.iterations >= most)
            r.status = RV_OPTIM_ITERATIONS;
    }
    r.reason = rv_optim_status_text(r.status);
    return r;
}

/* The closure's loss: the method sees it with the other sign, if it is to be maximized. */
static double loss_of(const rv_minimizer_run *run)
{
    return run->opt->groups[0].common.maximize ? -run->view.loss : run->view.loss;
}

/* ---- tests for the end ----------------------------------------------------------------------- */

static bool is_flat(const limits *o, const rv_minimizer_run *run)
{
    return run->largest <= o->tolerance_grad * fmax(1, fabs(run->view.loss)) ||
           run->largest <= o->tolerance_grad_absolute;
}

/* Whether the last iteration changed less than a tolerance above 0 says. */
static bool is_still(const limits *o, const rv_minimizer *m, double loss_before)
{
    const double by = fabs(loss_before - m->loss);
    if ((o->tolerance_loss > 0 && by <= o->tolerance_loss * fabs(m->loss)) ||
        (o->tolerance_loss_absolute > 0 && by <= o->tolerance_loss_absolute))
        return true;
    if (o->tolerance_step <= 0 && o->tolerance_step_absolute <= 0)
        return false;
    const double change = rv_vector_largest(m->n, m->step);
    return (o->tolerance_step > 0 && change <= o->tolerance_step * rv_vector_largest(m->n, m->x)) ||
           (o->tolerance_step_absolute > 0 && change <= o->tolerance_step_absolute);
}

/* Whether iterations go round in rounding errors: by slopes, searches accept a loss that is as low
 * as they can tell, and would for ever. */
static bool is_idle(rv_minimizer_run *run)
{
    const bool gains = run->view.loss < run->lowest || run->largest < run->flattest;
    run->idle = gains ? 0 : run->idle + 1;
    run->lowest = fmin(run->lowest, run->view.loss);
    run->flattest = fmin(run->flattest, run->largest);
    return run->idle >= MOST_IDLE;
}

/* ---- iterations ------------------------------------------------------------------------------ */

/* One iteration, from a place where the loss is known. */
static rv_optim_status iterate(rv_minimizer_run *run)
{
    rv_minimizer *m = &run->view;
    const rv_optim_class *c = run->opt->optim_class;
    const limits *o = m->options;
    const double before = m->loss;
    if (!c->minimizer->iterate(m)) {
        if (run->is_failed || rv_error_status() != RV_OK)
            return RV_OPTIM_FAILED;
        return rv_minimizer_is_over(m) ? RV_OPTIM_EVALUATIONS : RV_OPTIM_ROUNDING;
    }
    ++*(int64_t *)run->opt->made->data;
    rv_touch(run->opt->made);
    if (is_flat(o, run))
        return RV_OPTIM_GRADIENT;
    if (is_still(o, m, before))
        return RV_OPTIM_CHANGE;
    if (is_idle(run))
        return RV_OPTIM_ROUNDING;
    return rv_minimizer_is_over(m) ? RV_OPTIM_EVALUATIONS : RV_OPTIM_RUNNING;
}

/* Whether a call can begin; its first evaluation is made then. */
static rv_optim_status begin(rv_minimizer_run *run, rv_optim_closure *closure, void *context)
{
    const limits *o = run->view.options;
    run->closure = closure;
    run->context = context;
    run->most_evaluations = o->max_eval > 0 ? o->max_eval : INT64_MAX;
    if (!rv_minimizer_begin(run))
        return RV_OPTIM_FAILED;
    if (!isfinite(run->view.loss))
        return RV_OPTIM_NONFINITE;
    run->lowest = run->view.loss;
    run->flattest = run->largest;
    run->idle = 0;
    return is_flat(o, run) ? RV_OPTIM_GRADIENT : RV_OPTIM_RUNNING;
}

/* Ends a call: parameters are where the method is. */
static rv_optim_result end(rv_minimizer_run *run, rv_optim_status status, int64_t iterations)
{
    rv_minimizer_residuals_end(run);
    rv_minimizer_drop_graph(run);
    if (run->evaluations > 0 && !rv_minimizer_restore(run))
        status = RV_OPTIM_FAILED;
    for (int i = 0; i < run->opt->optim_class->minimizer->vector_count; i++)
        rv_touch(run->vectors[i]);
    rv_touch(run->numbers);
    return (rv_optim_result){.status = status,
                             .reason = rv_optim_status_text(status),
                             .iterations = iterations,
                             .evaluations = run->evaluations,
                             .jacobians = run->jacobians,
                             .products = run->products,
                             .loss = loss_of(run),
                             .gradient = run->largest};
}

static rv_optim_result second_order(const rv_minimize_options *o)
{
    rv_minimizer_run *run = o->optim->minimizer;
    const rv_minimizer *m = &run->view;
    const int64_t most = o->max_iter > 0 ? o->max_iter : ((const limits *)m->options)->max_iter;
    int64_t iterations = 0;
    rv_optim_status status = begin(run, o->closure, o->context);
    while (status == RV_OPTIM_RUNNING) {
        const int64_t before = rv_optim_steps(o->optim);
        status = iterate(run);
        if (rv_optim_steps(o->optim) == before)
            break; /* nothing has moved */
        iterations++;
        const rv_optim_progress progress = {.iteration = iterations,
                                            .evaluations = run->evaluations,
                                            .products = run->products,
                                            .loss = loss_of(run),
                                            .gradient = run->largest,
                                            .change = rv_vector_largest(m->n, m->step)};
        if (o->callback != NULL && !rv_minimizer_restore(run)) /* a search may end elsewhere */
            status = RV_OPTIM_FAILED;
        else if (o->callback != NULL && !o->callback(o->callback_context, &progress) &&
                 status == RV_OPTIM_RUNNING)
            status = RV_OPTIM_CALLBACK;
        if (status == RV_OPTIM_RUNNING && iterations >= most)
            status = RV_OPTIM_ITERATIONS;
    }
    return end(run, status, iterations);
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* During a call the optimizer is held, as a closure might free it, and lets no other call begin. */
static void hold(rv_optim *opt)
{
    rv_object_retain(&opt->object);
    opt->is_minimizing = true;
}

static rv_optim_result let_go(rv_optim *opt, rv_optim_result r)
{
    opt->is_minimizing = false;
    rv_object_release(&opt->object);
    return r;
}

rv_optim_result rv_optim_minimize_with(const rv_minimize_options *o)
{
    if (o == NULL) {
        rv_fail(RV_ERROR_NULL, who, "the options are NULL");
        return failed();
    }
    if (!check(o->optim, o->closure))
        return failed();
    if (o->max_iter < 0) {
        rv_fail(RV_ERROR_ARGUMENT, who, "max_iter is %lld; >= 0 is expected",
                (long long)o->max_iter);
        return failed();
    }
    hold(o->optim);
    return let_go(o->optim, o->optim->minimizer != NULL ? second_order(o) : first_order(o));
}

/* One step of a method of first order. */
static rv_optim_result first_order_once(const rv_minimize_options *o)
{
    rv_optim_result r = first_order(o);
    if (r.status == RV_OPTIM_ITERATIONS) {
        r.status = RV_OPTIM_RUNNING;
        r.reason = rv_optim_status_text(r.status);
    }
    return r;
}

static rv_optim_result second_order_once(const rv_minimize_options *o)
{
    rv_optim_status status = begin(o->optim->minimizer, o->closure, o->context);
    const int64_t before = rv_optim_steps(o->optim);
    if (status == RV_OPTIM_RUNNING)
        status = iterate(o->optim->minimizer);
    return end(o->optim->minimizer, status, rv_optim_steps(o->optim) - before);
}

rv_optim_result rv_optim_step_closure(rv_optim *opt, rv_optim_closure *closure, void *context)
{
    if (!check(opt, closure))
        return failed();
    const rv_minimize_options o = {
        .optim = opt, .closure = closure, .context = context, .max_iter = 1};
    hold(opt);
    return let_go(opt, opt->minimizer != NULL ? second_order_once(&o) : first_order_once(&o));
}

const char *rv_optim_status_text(rv_optim_status status)
{
    switch (status) {
    case RV_OPTIM_GRADIENT: return "the gradient is within its tolerance";
    case RV_OPTIM_CHANGE: return "the change is within its tolerance";
    case RV_OPTIM_ROUNDING: return "no step lowers the loss in the digits that it has";
    case RV_OPTIM_ITERATIONS: return "all iterations were made";
    case RV_OPTIM_EVALUATIONS: return "all evaluations were made";
    case RV_OPTIM_CALLBACK: return "the callback said so";
    case RV_OPTIM_NONFINITE: return "the loss or its gradient is not finite at the start";
    case RV_OPTIM_FAILED: return "an error was recorded";
    case RV_OPTIM_RUNNING: return "it has not ended";
    }
    return "unknown";
}

/* clip.c - clipping: new gradients are computed for all parameters, then put in place. */
#include "optim/clip.h"

#include <math.h>

#include "autograd/graph.h"
#include "autograd/operations.h"
#include "core/memory.h"

/* Fails with NaN. */
#define FAIL_NAN(...) (rv_fail(__VA_ARGS__), (double)NAN)

static bool check(const char *who, const rv_tensors *parameters)
{
    if (rv_error_status() != RV_OK)
        return false;
    if (parameters->count < 0 || (parameters->count > 0 && parameters->items == NULL))
        return rv_fail(RV_ERROR_ARGUMENT, who, "there are %lld parameters, at NULL",
                       (long long)parameters->count);
    for (int64_t i = 0; i < parameters->count; i++) {
        if (parameters->items[i] == NULL)
            return rv_fail(RV_ERROR_NULL, who, "parameter %lld is NULL", (long long)i);
        if (!rv_check(who, (int)i, parameters->items[i]))
            return false;
    }
    return true;
}

/* Replaces the gradient of each parameter by change(gradient, number). */
static bool change_all(const char *who, const rv_tensors *parameters,
                       rv_tensor *(*change)(rv_tensor *g, double number), double number)
{
    RV_SCOPE;
    RV_NO_GRAD;
    const size_t bytes = (size_t)parameters->count * sizeof(rv_tensor *);
    rv_tensor **changed = rv_memory_get(who, bytes);
    bool done = changed != NULL;
    for (int64_t i = 0; done && i < parameters->count; i++) {
        rv_tensor *g = rv_grad(parameters->items[i]);
        changed[i] = g != NULL ? change(g, number) : NULL;
        done = g == NULL || changed[i] != NULL;
    }
    for (int64_t i = 0; done && i < parameters->count; i++)
        if (changed[i] != NULL)
            done = rv_set_grad(parameters->items[i], changed[i]);
    rv_memory_put(changed, bytes);
    return done;
}

/* The norm of the gradients' norms; NaN also with an error. */
static double total_norm(const rv_tensors *parameters, double p)
{
    RV_SCOPE;
    RV_NO_GRAD;
    int64_t count = 0;
    rv_tensor *norms = rv_empty_n(RV_F64, 1, &parameters->count);
    if (norms == NULL)
        return (double)NAN;
    for (int64_t i = 0; i < parameters->count; i++) {
        rv_tensor *g = rv_grad(parameters->items[i]);
        if (g == NULL)
            continue;
        RV_SCOPE;
        ((double *)norms->data)[count++] = rv_item(rv_norm(g, p));
        if (rv_error_status() != RV_OK)
            return (double)NAN;
    }
    return count > 0 ? rv_item(rv_norm(rv_slice(norms, .stop = count), p)) : 0;
}

double rv_clip_grad_norm_with(const rv_clip_options *options)
{
    const char *who = "clip_grad_norm";
    const double nan = (double)NAN;
    if (options == NULL)
        return FAIL_NAN(RV_ERROR_NULL, who, "the options are NULL");
    const double most = options->max_norm, p = options->norm_type;
    if (!check(who, &options->parameters))
        return nan;
    if (!(most >= 0))
        return FAIL_NAN(RV_ERROR_ARGUMENT, who, "max_norm is %g; >= 0 is expected", most);
    if (isnan(p))
        return FAIL_NAN(RV_ERROR_ARGUMENT, who, "norm_type is NaN");
    const double norm = total_norm(&options->parameters, p);
    if (rv_error_status() != RV_OK)
        return nan;
    if (options->error_if_nonfinite && !isfinite(norm))
        return FAIL_NAN(RV_ERROR_NOT_FINITE, who, "the gradients' norm is %g", norm);
    const double factor = most / (norm + 1e-6);
    if (factor >= 1 || isinf(most))
        return norm;
    return change_all(who, &options->parameters, rv_mul_scalar, factor) ? norm : nan;
}

static rv_tensor *clip(rv_tensor *g, double value)
{
    return rv_clamp(g, .min = -value, .max = value);
}

bool rv_clip_grad_value(rv_tensors parameters, double value)
{
    const char *who = "clip_grad_value";
    if (!check(who, &parameters))
        return false;
    if (!(value >= 0))
        return rv_fail(RV_ERROR_ARGUMENT, who, "value is %g; >= 0 is expected", value);
    return change_all(who, &parameters, clip, value);
}

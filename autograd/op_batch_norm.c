/* op_batch_norm.c - batch_norm: its options, its running statistics, and group_norm.
 *
 * The running statistics are no part of the graph: they are changed in place, after the result was
 * made, and inference takes a copy of them.
 */
#include <math.h>

#include "autograd/graph.h"
#include "autograd/norm_parts.h"

#include "core/norm.h"

/* ---- checks ---------------------------------------------------------------------------------- */

/* Whether t, if it is given, is a vector of `channels` elements of x's dtype. */
static bool check_vector(const char *who, const char *name, int input, const rv_tensor *t,
                         const rv_tensor *x, int64_t channels)
{
    if (t == NULL)
        return true;
    if (!rv_check(who, input, t) || !rv_check_dtypes(who, x, t))
        return false;
    if (t->ndim != 1 || t->shape[0] != channels)
        return rv_fail(RV_ERROR_SHAPE, who, "%s is %s, input %s takes [%lld]", name, RV_SHAPE_OF(t),
                       RV_SHAPE_OF(x), (long long)channels);
    return true;
}

static bool check_input(const char *who, const rv_tensor *x, int input)
{
    if (!rv_check_floating(who, input, x))
        return false;
    if (x->ndim < 2)
        return rv_fail(RV_ERROR_SHAPE, who, "input is %s, expected [n,channels,..]",
                       RV_SHAPE_OF(x));
    return true;
}

static bool check_running(const char *who, const rv_batch_norm_options *o)
{
    const bool has_mean = o->running_mean != NULL, has_var = o->running_var != NULL;
    if (has_mean != has_var)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s is given without %s",
                       has_mean ? "running_mean" : "running_var",
                       has_mean ? "running_var" : "running_mean");
    if (!has_mean && !o->training)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "not training, and running_mean and running_var are not given");
    if (rv_requires_grad(o->running_mean) || rv_requires_grad(o->running_var))
        return rv_fail(RV_ERROR_GRAPH, who,
                       "running statistics require a gradient; they get none here");
    return true;
}

/* How many elements a channel has; 0 if there is no channel. */
static int64_t values_of_channel(const rv_tensor *x)
{
    return x->shape[1] > 0 ? x->numel / x->shape[1] : 0;
}

static bool check_batch_norm(const rv_batch_norm_options *o)
{
    const char *who = "batch_norm";
    if (o == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_input(who, o->input, 0))
        return false;
    const int64_t channels = o->input->shape[1];
    if (!check_vector(who, "weight", 1, o->weight, o->input, channels) ||
        !check_vector(who, "bias", 2, o->bias, o->input, channels) ||
        !check_vector(who, "running_mean", 3, o->running_mean, o->input, channels) ||
        !check_vector(who, "running_var", 4, o->running_var, o->input, channels) ||
        !check_running(who, o) || !rv_norm_check_eps(who, o->eps))
        return false;
    if (!(o->momentum >= 0 && o->momentum <= 1))
        return rv_fail(RV_ERROR_ARGUMENT, who, "momentum is %g, expected 0 to 1", o->momentum);
    if (o->training && values_of_channel(o->input) == 1)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "input %s has one value per channel: training needs more than one",
                       RV_SHAPE_OF(o->input));
    return true;
}

/* ---- running statistics ---------------------------------------------------------------------- */

/* [3, channels] from the running statistics, as rv_norm_statistics gives them. */
static rv_tensor *fixed_statistics(const rv_batch_norm_options *o)
{
    const int64_t channels = o->running_mean->shape[0];
    rv_tensor *statistics = rv_zeros(RV_F64, 3, channels);
    if (statistics == NULL)
        return NULL;
    double *const all = (double *)statistics->data;
    for (int64_t i = 0; i < channels; i++) {
        all[i] = rv_item_at(o->running_mean, i);
        all[2 * channels + i] = rv_item_at(o->running_var, i);
        all[channels + i] = 1 / sqrt(all[2 * channels + i] + o->eps);
    }
    return statistics;
}

/* running = (1 - momentum)*running + momentum*(factor*values[channel]). */
static rv_tensor *moved(const rv_tensor *running, const double *values, double factor,
                        double momentum)
{
    rv_tensor *next = rv_empty_n(RV_F64, 1, running->shape);
    for (int64_t i = 0; next != NULL && i < next->numel; i++)
        ((double *)next->data)[i] =
            (1 - momentum) * rv_item_at(running, i) + momentum * (factor * values[i]);
    return next;
}

/* The variance that is kept is unbiased, as PyTorch's. */
static bool update_running(const rv_batch_norm_options *o, const rv_tensor *statistics)
{
    RV_SCOPE;
    if (o->running_mean == NULL)
        return true;
    const double *all = (const double *)statistics->data;
    const double count = (double)values_of_channel(o->input);
    rv_tensor *mean = moved(o->running_mean, all, 1, o->momentum);
    rv_tensor *variance =
        moved(o->running_var, all + 2 * o->running_var->shape[0], count / (count - 1), o->momentum);
    return mean != NULL && variance != NULL && rv_copy_into(o->running_mean, mean) != NULL &&
           rv_copy_into(o->running_var, variance) != NULL;
}

/* ---- batch_norm ------------------------------------------------------------------------------ */

static rv_norm_form form_of(double eps, bool is_fixed)
{
    return (rv_norm_form){.who = "batch_norm", .is_fixed = is_fixed, .centered = true, .eps = eps};
}

rv_tensor *rv_batch_norm_with(const rv_batch_norm_options *options)
{
    if (!check_batch_norm(options))
        return NULL;
    RV_SCOPE;
    rv_tensor *x = options->input;
    const rv_norm_form form = form_of(options->eps, !options->training);
    rv_tensor *statistics = NULL;
    if (x->numel > 0)
        statistics = options->training ? rv_norm_statistics("batch_norm", x, options->eps)
                                       : fixed_statistics(options);
    rv_tensor *y = rv_normalize(&form, x, options->weight, options->bias, statistics);
    if (y != NULL && options->training && x->numel > 0 && !update_running(options, statistics))
        return NULL;
    return rv_keep(y);
}

rv_norm_gradients rv_batch_norm_grad(rv_tensor *g, rv_tensor *x, rv_tensor *weight, double eps)
{
    const char *who = "batch_norm_grad";
    const rv_norm_form form = form_of(eps, false);
    if (!rv_check_floating(who, 0, g) || !check_input(who, x, 1) ||
        !rv_norm_check_grad(who, g, x, eps) ||
        !check_vector(who, "weight", 2, weight, x, x->shape[1]))
        return (rv_norm_gradients){NULL, NULL, NULL};
    return rv_normalize_grad(&form, g, x, weight);
}

/* ---- group_norm ------------------------------------------------------------------------------ */

static bool check_group_norm(const rv_group_norm_options *o)
{
    const char *who = "group_norm";
    if (o == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    if (!check_input(who, o->input, 0))
        return false;
    const int64_t channels = o->input->shape[1];
    if (o->groups < 1 || channels % o->groups != 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%lld groups do not divide the %lld channels of %s",
                       (long long)o->groups, (long long)channels, RV_SHAPE_OF(o->input));
    return check_vector(who, "weight", 1, o->weight, o->input, channels) &&
           check_vector(who, "bias", 2, o->bias, o->input, channels) &&
           rv_norm_check_eps(who, o->eps);
}

/* Statistics that change nothing: xhat is x. */
static rv_tensor *no_statistics(int64_t channels)
{
    rv_tensor *statistics = rv_zeros(RV_F64, 3, channels);
    for (int64_t i = 0; statistics != NULL && i < channels; i++)
        ((double *)statistics->data)[channels + i] = 1;
    return statistics;
}

rv_tensor *rv_group_norm_with(const rv_group_norm_options *options)
{
    if (!check_group_norm(options))
        return NULL;
    RV_SCOPE;
    rv_tensor *x = options->input;
    const int64_t groups = x->shape[0] * options->groups;
    const int64_t rows[] = {x->shape[0], options->groups, x->numel > 0 ? x->numel / groups : 0};
    const rv_norm_form by_group = {
        .who = "group_norm", .by_rows = true, .axes = 1, .centered = true, .eps = options->eps};
    const rv_norm_form by_channel = {.who = "group_norm", .is_fixed = true, .centered = true};
    rv_tensor *y = rv_normalize(&by_group, rv_reshape_n(x, 3, rows), NULL, NULL, NULL);
    y = y == NULL ? NULL : rv_reshape_n(y, x->ndim, x->shape);
    if (options->weight != NULL || options->bias != NULL)
        y = rv_normalize(&by_channel, y, options->weight, options->bias,
                         no_statistics(x->shape[1]));
    return rv_keep(y);
}

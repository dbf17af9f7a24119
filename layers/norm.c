/* norm.c - normalization with a weight and a bias that are learned, and running statistics. */
#include "layers/layers_norm.h"

#include <math.h>

#include "autograd/operations.h"
#include "core/memory.h"
#include "layers/layer_options.h"

static bool check_eps(const char *who, double eps)
{
    return (isfinite(eps) && eps >= 0) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "eps is %g; a number >= 0 is expected", eps);
}

/* ---- batch norm ------------------------------------------------------------------------------ */

typedef struct batch_norm {
    rv_layer layer;
    rv_tensor *weight, *bias;                                    /* parameters, or NULL */
    rv_tensor *running_mean, *running_var, *num_batches_tracked; /* buffers, or NULL */
    double eps, momentum;
    bool averaging; /* the running statistics, whatever momentum says */
} batch_norm;

/* The weight of the batch that comes next. */
static double next_momentum(const batch_norm *b)
{
    const bool average = b->averaging || b->momentum == RV_MOMENTUM_AVERAGE;
    if (!average || b->num_batches_tracked == NULL)
        return average ? 0 : b->momentum;
    const int64_t seen = *(const int64_t *)rv_data(b->num_batches_tracked);
    return 1 / ((double)seen + 1);
}

static void batch_norm_average(rv_layer *self, bool on)
{
    batch_norm *b = (batch_norm *)self;
    b->averaging = on;
    if (!on || b->num_batches_tracked == NULL)
        return;
    rv_fill(b->running_mean, 0);
    rv_fill(b->running_var, 1);
    rv_fill(b->num_batches_tracked, 0);
}

static rv_tensor *batch_norm_run(const batch_norm *b, rv_tensor *x)
{
    const bool training = rv_layer_is_training(&b->layer);
    rv_tensor *tracked = b->num_batches_tracked;
    rv_tensor *y = rv_batch_norm(x, b->weight, b->bias, b->running_mean, b->running_var,
                                 .training = training || tracked == NULL,
                                 .momentum = next_momentum(b), .eps = b->eps);
    if (y != NULL && training && tracked != NULL) {
        ++*(int64_t *)rv_data(tracked);
        rv_touch(tracked);
    }
    return y;
}

static rv_tensor *batch_norm1d_forward(rv_layer *self, rv_tensor *x)
{
    if (x->ndim != 2 && x->ndim != 3)
        return rv_fail_null(RV_ERROR_SHAPE, "batch_norm1d",
                            "input is %s; [n,features] or [n,features,length] is expected",
                            RV_SHAPE_OF(x));
    return batch_norm_run((const batch_norm *)self, x);
}

static rv_tensor *batch_norm2d_forward(rv_layer *self, rv_tensor *x)
{
    if (x->ndim != 4)
        return rv_fail_null(RV_ERROR_SHAPE, "batch_norm2d",
                            "input is %s; [n,features,h,w] is expected", RV_SHAPE_OF(x));
    return batch_norm_run((const batch_norm *)self, x);
}

static const rv_layer_class batch_norm1d_class = {.name = "batch_norm1d",
                                                  .size = sizeof(batch_norm),
                                                  .forward = batch_norm1d_forward,
                                                  .average_statistics = batch_norm_average};
static const rv_layer_class batch_norm2d_class = {.name = "batch_norm2d",
                                                  .size = sizeof(batch_norm),
                                                  .forward = batch_norm2d_forward,
                                                  .average_statistics = batch_norm_average};

static bool check_batch_norm(const char *who, const rv_layer_batch_norm_options *o)
{
    if (!rv_options_given(who, o) || !rv_options_least(who, "features", o->features, 1) ||
        !rv_options_dtype(who, o->dtype) || !check_eps(who, o->eps))
        return false;
    return (o->momentum >= 0 && o->momentum <= 1) || o->momentum == RV_MOMENTUM_AVERAGE ||
           rv_fail(RV_ERROR_ARGUMENT, who,
                   "momentum is %g; 0 to 1, or RV_MOMENTUM_AVERAGE, is expected", o->momentum);
}

static rv_layer *make_batch_norm(const char *who, const rv_layer_class *layer_class,
                                 const rv_layer_batch_norm_options *o)
{
    if (!check_batch_norm(who, o))
        return NULL;
    RV_SCOPE;
    RV_LASTING;
    rv_layer *layer = rv_layer_new(layer_class);
    batch_norm *b = (batch_norm *)layer;
    if (b == NULL)
        return NULL;
    b->eps = o->eps;
    b->momentum = o->momentum;
    const int64_t n = o->features;
    if (o->affine) {
        b->weight = rv_layer_add_parameter(layer, "weight", rv_ones(o->dtype, n));
        b->bias = rv_layer_add_parameter(layer, "bias", rv_zeros(o->dtype, n));
    }
    if (o->track_running_stats) {
        b->running_mean = rv_layer_add_buffer(layer, "running_mean", rv_zeros(o->dtype, n));
        b->running_var = rv_layer_add_buffer(layer, "running_var", rv_ones(o->dtype, n));
        b->num_batches_tracked =
            rv_layer_add_buffer(layer, "num_batches_tracked", rv_zeros(RV_I64));
    }
    return rv_layer_complete(layer);
}

rv_layer *rv_layer_batch_norm1d_with(const rv_layer_batch_norm_options *options)
{
    return make_batch_norm("layer_batch_norm1d", &batch_norm1d_class, options);
}

rv_layer *rv_layer_batch_norm2d_with(const rv_layer_batch_norm_options *options)
{
    return make_batch_norm("layer_batch_norm2d", &batch_norm2d_class, options);
}

/* ---- layer norm ------------------------------------------------------------------------------ */

typedef struct layer_norm {
    rv_layer layer;
    rv_tensor *weight, *bias; /* parameters, or NULL */
    int axes;
    int64_t shape[RV_MAX_DIMENSIONS]; /* [axes] */
    double eps;
} layer_norm;

static rv_tensor *layer_norm_forward(rv_layer *self, rv_tensor *x)
{
    const layer_norm *l = (const layer_norm *)self;
    const int first = x->ndim - l->axes;
    bool ends_so = first >= 0;
    for (int i = 0; ends_so && i < l->axes; i++)
        ends_so = x->shape[first + i] == l->shape[i];
    if (!ends_so)
        return rv_fail_null(RV_ERROR_SHAPE, "layer_norm", "input %s does not end in %s",
                            RV_SHAPE_OF(x), rv_shape_text(RV_SHAPE_BUFFER, l->axes, l->shape));
    return rv_layer_norm(x, l->axes, l->weight, l->bias, l->eps);
}

static const rv_layer_class layer_norm_class = {
    .name = "layer_norm", .size = sizeof(layer_norm), .forward = layer_norm_forward};

static bool check_layer_norm(const char *who, const rv_layer_layer_norm_options *o, int *axes)
{
    if (!rv_options_given(who, o))
        return false;
    *axes = 0;
    while (*axes < RV_MAX_DIMENSIONS && o->shape[*axes] != 0)
        if (!rv_options_least(who, "a size of shape", o->shape[(*axes)++], 1))
            return false;
    for (int i = *axes; i < RV_MAX_DIMENSIONS; i++)
        if (o->shape[i] != 0)
            return rv_fail(RV_ERROR_ARGUMENT, who, "shape has a 0 before its size %lld",
                           (long long)o->shape[i]);
    return rv_options_least(who, "the number of axes in shape", *axes, 1) &&
           rv_options_dtype(who, o->dtype) && check_eps(who, o->eps);
}

rv_layer *rv_layer_layer_norm_with(const rv_layer_layer_norm_options *options)
{
    const rv_layer_layer_norm_options *o = options;
    int axes;
    if (!check_layer_norm("layer_layer_norm", o, &axes))
        return NULL;
    RV_SCOPE;
    RV_LASTING;
    rv_layer *layer = rv_layer_new(&layer_norm_class);
    layer_norm *l = (layer_norm *)layer;
    if (l == NULL)
        return NULL;
    l->axes = axes;
    l->eps = o->eps;
    for (int i = 0; i < axes; i++)
        l->shape[i] = o->shape[i];
    if (o->affine)
        l->weight = rv_layer_add_parameter(layer, "weight", rv_ones_n(o->dtype, axes, o->shape));
    if (o->affine && o->bias)
        l->bias = rv_layer_add_parameter(layer, "bias", rv_zeros_n(o->dtype, axes, o->shape));
    return rv_layer_complete(layer);
}

/* ---- group norm ------------------------------------------------------------------------------ */

typedef struct group_norm {
    rv_layer layer;
    rv_tensor *weight, *bias; /* parameters, or NULL */
    int64_t groups, features;
    double eps;
} group_norm;

static rv_tensor *group_norm_forward(rv_layer *self, rv_tensor *x)
{
    const group_norm *g = (const group_norm *)self;
    if (x->ndim < 2 || x->shape[1] != g->features)
        return rv_fail_null(RV_ERROR_SHAPE, "group_norm", "input is %s; [n,%lld,..] is expected",
                            RV_SHAPE_OF(x), (long long)g->features);
    return rv_group_norm(x, g->groups, g->weight, g->bias, g->eps);
}

static const rv_layer_class group_norm_class = {
    .name = "group_norm", .size = sizeof(group_norm), .forward = group_norm_forward};

rv_layer *rv_layer_group_norm_with(const rv_layer_group_norm_options *options)
{
    const char *who = "layer_group_norm";
    const rv_layer_group_norm_options *o = options;
    if (!rv_options_given(who, o) || !rv_options_least(who, "groups", o->groups, 1) ||
        !rv_options_least(who, "features", o->features, 1) || !rv_options_dtype(who, o->dtype) ||
        !check_eps(who, o->eps))
        return NULL;
    if (o->features % o->groups != 0)
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "%lld groups do not divide %lld features",
                            (long long)o->groups, (long long)o->features);
    RV_SCOPE;
    RV_LASTING;
    rv_layer *layer = rv_layer_new(&group_norm_class);
    group_norm *g = (group_norm *)layer;
    if (g == NULL)
        return NULL;
    g->groups = o->groups;
    g->features = o->features;
    g->eps = o->eps;
    if (o->affine) {
        g->weight = rv_layer_add_parameter(layer, "weight", rv_ones(o->dtype, o->features));
        g->bias = rv_layer_add_parameter(layer, "bias", rv_zeros(o->dtype, o->features));
    }
    return rv_layer_complete(layer);
}

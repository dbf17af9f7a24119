/* op_conv_more.c - transposed convolutions, and those of one axis: conv2d seen from other sides. */
#include "autograd/op_conv.h"

/* ---- conv_transpose2d ----------------------------------------------------------------------- */

static bool check_transpose(const char *who, const rv_conv_transpose2d_options *o,
                            rv_conv_shape *shape, int64_t more[2])
{
    const rv_tensor *x = o->input, *weight = o->weight, *bias = o->bias;
    const rv_conv_options options = {o->stride, o->padding, o->dilation, o->groups};
    if (!rv_check_floating(who, 0, x) || !rv_check_floating(who, 1, weight) ||
        !rv_check_dtypes(who, x, weight))
        return false;
    if (x->ndim != 4 || x->shape[2] < 1 || x->shape[3] < 1)
        return rv_fail(RV_ERROR_SHAPE, who, "input is %s, expected [n,channels,rows,columns]",
                       RV_SHAPE_OF(x));
    if (weight->ndim != 4 || weight->shape[2] < 1 || weight->shape[3] < 1)
        return rv_fail(RV_ERROR_SHAPE, who, "weight is %s, expected [in,out/groups,rows,columns]",
                       RV_SHAPE_OF(weight));
    if (o->padding[0] == RV_PADDING_SAME || o->padding[1] == RV_PADDING_SAME)
        return rv_fail(RV_ERROR_ARGUMENT, who, "padding is RV_PADDING_SAME, expected a number");
    if (!rv_conv_take_options(who, &options, shape) ||
        !rv_conv_pair(who, "output_padding", o->output_padding, 0, more))
        return false;
    if (x->shape[1] != weight->shape[0])
        return rv_fail(RV_ERROR_SHAPE, who, "input %s has %lld channel%s, weight %s takes %lld",
                       RV_SHAPE_OF(x), (long long)x->shape[1], x->shape[1] == 1 ? "" : "s",
                       RV_SHAPE_OF(weight), (long long)weight->shape[0]);
    if (x->shape[1] % o->groups != 0)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "input %s has %lld channels, which %lld groups do not divide",
                       RV_SHAPE_OF(x), (long long)x->shape[1], (long long)o->groups);
    const int64_t outputs = weight->shape[1] * o->groups;
    if (bias != NULL && (!rv_check(who, 2, bias) || !rv_check_dtypes(who, x, bias)))
        return false;
    if (bias != NULL && (bias->ndim != 1 || bias->shape[0] != outputs))
        return rv_fail(RV_ERROR_SHAPE, who, "bias is %s, weight %s takes [%lld]", RV_SHAPE_OF(bias),
                       RV_SHAPE_OF(weight), (long long)outputs);
    for (int i = 0; i < 2; i++) {
        if (more[i] >= shape->stride[i] && more[i] >= shape->dilation[i])
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "output_padding is %lld with stride %lld and dilation %lld, expected "
                           "less than one of them",
                           (long long)more[i], (long long)shape->stride[i],
                           (long long)shape->dilation[i]);
        shape->out[i] = x->shape[2 + i];
        shape->kernel[i] = weight->shape[2 + i];
    }
    return rv_conv_take_result(who, shape, more);
}

/* y + bias of each channel. */
static rv_tensor *with_bias(rv_tensor *y, rv_tensor *bias)
{
    return y == NULL || bias == NULL ? y : rv_add(y, rv_reshape(bias, bias->shape[0], 1, 1));
}

rv_tensor *rv_conv_transpose2d_as(const char *who, const rv_conv_transpose2d_options *options)
{
    rv_conv_shape shape;
    int64_t more[2];
    RV_SCOPE;
    if (!check_transpose(who, options, &shape, more))
        return NULL;
    rv_tensor *y = rv_conv2d_input_grad_of(options->input, options->weight, &shape);
    return rv_keep(with_bias(y, options->bias));
}

rv_tensor *rv_conv_transpose2d_with(const rv_conv_transpose2d_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "conv_transpose2d", "the options are NULL");
    return rv_conv_transpose2d_as("conv_transpose2d", options);
}

/* ---- one axis ------------------------------------------------------------------------------- */

/* [n, channels, length] as images of one row. */
static rv_tensor *as_rows(const char *who, const char *name, rv_tensor *t, int input)
{
    if (!rv_check(who, input, t))
        return NULL;
    if (t->ndim != 3)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s is %s, expected three axes", name,
                            RV_SHAPE_OF(t));
    return rv_reshape(t, t->shape[0], t->shape[1], 1, t->shape[2]);
}

static rv_tensor *without_rows(rv_tensor *t)
{
    return t == NULL ? NULL : rv_reshape(t, t->shape[0], t->shape[1], t->shape[3]);
}

rv_tensor *rv_conv1d_with(const rv_conv1d_options *o)
{
    const char *who = "conv1d";
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    RV_SCOPE;
    const bool same = o->padding == RV_PADDING_SAME;
    const rv_conv2d_options options = {.input = as_rows(who, "input", o->input, 0),
                                       .weight = as_rows(who, "weight", o->weight, 1),
                                       .bias = o->bias,
                                       .stride = {1, o->stride},
                                       .padding = {same ? RV_PADDING_SAME : 0, o->padding},
                                       .dilation = {1, o->dilation},
                                       .groups = o->groups};
    if (options.input == NULL || options.weight == NULL)
        return NULL;
    return rv_keep(without_rows(rv_conv2d_as(who, &options)));
}

rv_tensor *rv_conv_transpose1d_with(const rv_conv_transpose1d_options *o)
{
    const char *who = "conv_transpose1d";
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    RV_SCOPE;
    const rv_conv_transpose2d_options options = {.input = as_rows(who, "input", o->input, 0),
                                                 .weight = as_rows(who, "weight", o->weight, 1),
                                                 .bias = o->bias,
                                                 .stride = {1, o->stride},
                                                 .padding = {0, o->padding},
                                                 .output_padding = {0, o->output_padding},
                                                 .dilation = {1, o->dilation},
                                                 .groups = o->groups};
    if (options.input == NULL || options.weight == NULL)
        return NULL;
    return rv_keep(without_rows(rv_conv_transpose2d_as(who, &options)));
}

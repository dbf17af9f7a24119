/* op_conv_shape.c - the options of convolutions: what was not given, and what cannot be. */
#include "autograd/op_conv.h"

bool rv_conv_pair(const char *who, const char *name, const int64_t *given, int64_t least,
                  int64_t pair[2])
{
    for (int i = 0; i < 2; i++) {
        pair[i] = i == 1 && given[1] == RV_AS_FIRST ? given[0] : given[i];
        if (pair[i] < least)
            return rv_fail(RV_ERROR_ARGUMENT, who, "%s is %lld, expected %lld or more", name,
                           (long long)pair[i], (long long)least);
    }
    return true;
}

bool rv_conv_take_options(const char *who, const rv_conv_options *options, rv_conv_shape *shape)
{
    int64_t padding[2];
    for (int i = 0; i < 2; i++)
        padding[i] = options->padding[i] == RV_PADDING_SAME ? 0 : options->padding[i];
    if (!rv_conv_pair(who, "stride", options->stride, 1, shape->stride) ||
        !rv_conv_pair(who, "padding", padding, 0, shape->padding) ||
        !rv_conv_pair(who, "dilation", options->dilation, 1, shape->dilation))
        return false;
    const bool as_first = options->padding[1] == RV_AS_FIRST;
    for (int i = 0; i < 2; i++)
        if (options->padding[as_first ? 0 : i] == RV_PADDING_SAME)
            shape->padding[i] = RV_PADDING_SAME;
    if (options->groups < 1)
        return rv_fail(RV_ERROR_ARGUMENT, who, "groups is %lld, expected 1 or more",
                       (long long)options->groups);
    shape->groups = options->groups;
    return true;
}

bool rv_conv_span(const char *who, const rv_conv_shape *shape, int axis, int64_t *span)
{
    if (!__builtin_mul_overflow(shape->kernel[axis] - 1, shape->dilation[axis], span) &&
        !__builtin_add_overflow(*span, 1, span))
        return true;
    return rv_fail(RV_ERROR_SHAPE, who, "a kernel of %lld elements with dilation %lld is too large",
                   (long long)shape->kernel[axis], (long long)shape->dilation[axis]);
}

bool rv_conv_take_sizes(const char *who, rv_conv_shape *shape)
{
    for (int i = 0; i < 2; i++) {
        int64_t span, padded, both;
        if (!rv_conv_span(who, shape, i, &span))
            return false;
        if (shape->padding[i] == RV_PADDING_SAME) {
            if (shape->stride[i] != 1)
                return rv_fail(RV_ERROR_ARGUMENT, who,
                               "padding is RV_PADDING_SAME and stride %lld, expected stride 1",
                               (long long)shape->stride[i]);
            shape->padding[i] = (span - 1) / 2;
            shape->out[i] = shape->in[i];
            continue;
        }
        if (__builtin_mul_overflow(shape->padding[i], 2, &both) ||
            __builtin_add_overflow(shape->in[i], both, &padded))
            return rv_fail(RV_ERROR_ARGUMENT, who, "padding %lld is too large",
                           (long long)shape->padding[i]);
        if (span > padded)
            return rv_fail(RV_ERROR_SHAPE, who,
                           "a kernel of %lld %s with dilation %lld spans %lld, more than the %lld "
                           "of the padded input",
                           (long long)shape->kernel[i], i == 0 ? "rows" : "columns",
                           (long long)shape->dilation[i], (long long)span, (long long)padded);
        shape->out[i] = (padded - span) / shape->stride[i] + 1;
    }
    return true;
}

bool rv_conv_take_result(const char *who, rv_conv_shape *shape, const int64_t more[2])
{
    for (int i = 0; i < 2; i++) {
        int64_t span, size;
        if (!rv_conv_span(who, shape, i, &span))
            return false;
        if (__builtin_mul_overflow(shape->out[i] - 1, shape->stride[i], &size) ||
            __builtin_add_overflow(size, span, &size) ||
            __builtin_add_overflow(size, more[i], &size) || shape->padding[i] > INT64_MAX / 2)
            return rv_fail(RV_ERROR_SHAPE, who, "the result would have more %s than can be counted",
                           i == 0 ? "rows" : "columns");
        size -= 2 * shape->padding[i];
        if (size < 1)
            return rv_fail(RV_ERROR_SHAPE, who, "the result would have %lld %s: padding is %lld",
                           (long long)size, i == 0 ? "rows" : "columns",
                           (long long)shape->padding[i]);
        shape->in[i] = size;
    }
    return true;
}

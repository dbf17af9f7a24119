/* layer_options.c - what the makers of layers ask about options. */
#include "layers/layer_options.h"

#include "autograd/operations.h"

bool rv_options_given(const char *who, const void *options)
{
    return options != NULL || rv_fail(RV_ERROR_NULL, who, "the options are NULL");
}

bool rv_options_dtype(const char *who, rv_dtype dtype)
{
    return rv_dtype_is_floating(dtype) ||
           rv_fail(RV_ERROR_DTYPE, who, "dtype is %s; F32 or F64 is expected",
                   rv_dtype_name(dtype));
}

bool rv_options_least(const char *who, const char *name, int64_t number, int64_t least)
{
    return number >= least ||
           rv_fail(RV_ERROR_ARGUMENT, who, "%s is %lld; at least %lld is expected", name,
                   (long long)number, (long long)least);
}

bool rv_options_axis(const char *who, int axis)
{
    return (axis >= -RV_MAX_DIMENSIONS && axis < RV_MAX_DIMENSIONS) ||
           rv_fail(RV_ERROR_ARGUMENT, who, "axis is %d; a tensor has at most %d axes", axis,
                   RV_MAX_DIMENSIONS);
}

bool rv_options_pair(const char *who, const char *name, int axes, const int64_t given[2],
                     int64_t least, int64_t other, int64_t resolved[2])
{
    resolved[0] = given[0];
    resolved[1] = given[1] == RV_AS_FIRST ? given[0] : given[1];
    if (axes == 1 && resolved[1] != resolved[0])
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s is {%lld, %lld}; there is one axis", name,
                       (long long)given[0], (long long)given[1]);
    for (int i = 0; i < 2; i++)
        if (resolved[i] != other && !rv_options_least(who, name, resolved[i], least))
            return false;
    return true;
}

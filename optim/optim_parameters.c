/* optim_parameters.c - what can be a parameter: a floating leaf whose memory is its own. */
#include "autograd/graph.h"
#include "autograd/operations.h"
#include "optim/optim_parts.h"

/* The elements from the first to the last one of a tensor that has any, gaps included. */
static int64_t extent(const rv_tensor *t)
{
    int64_t last = 0;
    for (int i = 0; i < t->ndim; i++)
        last += (t->shape[i] - 1) * t->strides[i];
    return last + 1;
}

/* t's place in a map of the memory from `start` on, which has a byte for each element. */
static rv_tensor *on_map(const char *who, const rv_tensor *map, const char *start,
                         const rv_tensor *t)
{
    const int64_t skipped = (t->data - start) / (int64_t)rv_dtype_size(t->dtype);
    return rv_raw_view(who, map->storage, map->data + skipped, RV_U8, t->ndim, t->shape,
                       t->strides);
}

/* Whether two parameters have no element in common. Views of one memory may lie between each other,
 * as the columns of a matrix do: then only a map of that memory tells. */
static bool are_apart(const char *who, const rv_tensor *a, const rv_tensor *b)
{
    if (a->numel == 0 || b->numel == 0)
        return true;
    const int64_t a_bytes = extent(a) * (int64_t)rv_dtype_size(a->dtype);
    const int64_t b_bytes = extent(b) * (int64_t)rv_dtype_size(b->dtype);
    if (a->data + a_bytes <= b->data || b->data + b_bytes <= a->data)
        return true;
    if (a->dtype != b->dtype)
        return false;
    RV_SCOPE;
    RV_NO_GRAD;
    const char *start = a->data < b->data ? a->data : b->data;
    const char *end = a->data + a_bytes > b->data + b_bytes ? a->data + a_bytes : b->data + b_bytes;
    const int64_t length = (end - start) / (int64_t)rv_dtype_size(a->dtype);
    rv_tensor *map = rv_zeros_n(RV_U8, 1, &length);
    if (map == NULL || rv_fill(on_map(who, map, start, a), 1) == NULL)
        return false;
    return rv_item(rv_max(on_map(who, map, start, b))) == 0;
}

/* Checks p by itself; `number` is its own. */
static bool check_one(const char *who, rv_tensor *p, int64_t number)
{
    if (p == NULL)
        return rv_fail(RV_ERROR_NULL, who, "parameter %lld is NULL", (long long)number);
    if (!rv_check(who, (int)number, p))
        return false;
    if (!rv_dtype_is_floating(p->dtype))
        return rv_fail(RV_ERROR_DTYPE, who, "parameter %lld is %s; F32 or F64 is expected",
                       (long long)number, rv_dtype_name(p->dtype));
    if (!rv_requires_grad(p))
        return rv_fail(RV_ERROR_GRAPH, who,
                       "parameter %lld does not require a gradient (rv_require_grad)",
                       (long long)number);
    if (rv_require_grad(p) == NULL) /* says what it was computed by, if it is no leaf */
        return false;
    for (int axis = 0; axis < p->ndim; axis++)
        if (p->strides[axis] == 0 && p->shape[axis] > 1)
            return rv_fail(
                RV_ERROR_SHAPE, who,
                "parameter %lld is %s, expanded along axis %d: its elements share memory",
                (long long)number, RV_SHAPE_OF(p), axis);
    return true;
}

static bool check_pair(const char *who, const rv_tensor *a, int64_t a_number, const rv_tensor *b,
                       int64_t b_number)
{
    if (a == b)
        return rv_fail(RV_ERROR_ARGUMENT, who, "parameters %lld and %lld are the same tensor",
                       (long long)a_number, (long long)b_number);
    if (a->storage == b->storage && !are_apart(who, a, b))
        return rv_fail(RV_ERROR_ARGUMENT, who, "parameters %lld and %lld share memory",
                       (long long)a_number, (long long)b_number);
    return true;
}

bool rv_optim_check_parameters(const char *who, const rv_optim *opt, const rv_tensors *parameters)
{
    const int64_t before = opt != NULL ? opt->count : 0;
    if (parameters->count < 1 || parameters->items == NULL)
        return rv_fail(RV_ERROR_ARGUMENT, who, "there are no parameters");
    for (int64_t i = 0; i < parameters->count; i++) {
        rv_tensor *p = parameters->items[i];
        if (!check_one(who, p, before + i))
            return false;
        for (int64_t j = 0; j < before; j++)
            if (!check_pair(who, opt->slots[j].parameter, j, p, before + i))
                return false;
        for (int64_t j = 0; j < i; j++)
            if (!check_pair(who, parameters->items[j], before + j, p, before + i))
                return false;
    }
    return true;
}

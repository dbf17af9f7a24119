/* pool_window.c - the windows of pooling: defaults, checks, how many there are. */
#include "autograd/pool_parts.h"

/* Larger numbers are no windows, and sums of them might overflow. */
#define MOST INT32_MAX

static const char *const axis_name[] = {"rows", "columns"};

static bool check_range(const char *who, const char *name, int64_t value, int64_t least)
{
    if (value < least || value > MOST)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%s is %lld, expected %lld or more", name,
                       (long long)value, (long long)least);
    return true;
}

static void fill(int64_t pair[2])
{
    if (pair[1] == RV_AS_FIRST)
        pair[1] = pair[0];
}

/* Whether each window has an element that is not in the padding. */
static bool has_elements(const rv_pool_window *w, int axis, int64_t in, int64_t out)
{
    for (int64_t o = 0; o < out; o++) {
        const int64_t first = o * w->stride[axis] - w->padding[axis];
        const int64_t before = first < 0 ? (-first + w->dilation[axis] - 1) / w->dilation[axis] : 0;
        if (before >= w->kernel[axis] || first + before * w->dilation[axis] >= in)
            return false;
    }
    return true;
}

static bool resolve_axis(const char *who, const rv_pool_window *w, int axis, int64_t in,
                         int64_t *out)
{
    const int64_t kernel = w->kernel[axis], stride = w->stride[axis], padding = w->padding[axis];
    if (!check_range(who, "kernel", kernel, 1) || !check_range(who, "stride", stride, 1) ||
        !check_range(who, "padding", padding, 0) ||
        !check_range(who, "dilation", w->dilation[axis], 1))
        return false;
    const int64_t extent = (kernel - 1) * w->dilation[axis] + 1;
    if (padding > extent / 2)
        return rv_fail(RV_ERROR_ARGUMENT, who,
                       "padding is %lld, more than half of a window of %lld", (long long)padding,
                       (long long)extent);
    const int64_t room = in + 2 * padding - extent;
    *out = room < 0 ? 0 : room / stride + 1;
    if (w->ceil_mode && room >= 0 && room % stride != 0 && *out * stride < in + padding)
        *out += 1; /* one that begins in the input, and reaches over its end */
    if (in == 0 || room < 0)
        return rv_fail(RV_ERROR_SHAPE, who,
                       "a window of %lld does not fit into %lld %s, padded by %lld",
                       (long long)extent, (long long)in, axis_name[axis], (long long)padding);
    if (!has_elements(w, axis, in, *out))
        return rv_fail(RV_ERROR_SHAPE, who, "a window of %lld has nothing of the %lld %s in it",
                       (long long)extent, (long long)in, axis_name[axis]);
    return true;
}

bool rv_pool_resolve(const char *who, rv_pool_window *window, const int64_t in[2], int64_t out[2])
{
    fill(window->kernel);
    fill(window->stride);
    fill(window->padding);
    fill(window->dilation);
    for (int axis = 0; axis < 2; axis++) {
        if (window->stride[axis] == 0)
            window->stride[axis] = window->kernel[axis];
        if (!resolve_axis(who, window, axis, in[axis], &out[axis]))
            return false;
    }
    return true;
}

bool rv_pool_check_input(const char *who, const rv_tensor *x, int pooled_axes)
{
    if (!rv_check_floating(who, 0, x))
        return false;
    if (x->ndim != pooled_axes + 1 && x->ndim != pooled_axes + 2)
        return rv_fail(RV_ERROR_SHAPE, who, "input is %s, expected %s", RV_SHAPE_OF(x),
                       pooled_axes == 2 ? "[n,c,h,w] or [c,h,w]" : "[n,c,l] or [c,l]");
    return true;
}

rv_tensor *rv_pool_as_images(rv_tensor *x, int pooled_axes)
{
    if (x == NULL || x->ndim == 4)
        return x;
    const bool has_batch = x->ndim == pooled_axes + 2;
    const int64_t *sizes = x->shape + (has_batch ? 1 : 0);
    const int64_t shape[] = {has_batch ? x->shape[0] : 1, sizes[0], pooled_axes == 2 ? sizes[1] : 1,
                             sizes[pooled_axes]};
    return rv_reshape_n(x, 4, shape);
}

rv_tensor *rv_pool_as_before(rv_tensor *y, const rv_tensor *x, int pooled_axes)
{
    if (y == NULL || x->ndim == 4)
        return y;
    int64_t shape[4];
    int ndim = 0;
    if (x->ndim == pooled_axes + 2)
        shape[ndim++] = y->shape[0];
    shape[ndim++] = y->shape[1];
    if (pooled_axes == 2)
        shape[ndim++] = y->shape[2];
    shape[ndim++] = y->shape[3];
    return rv_reshape_n(y, ndim, shape);
}

bool rv_pool_one_axis(const char *who, rv_pool_window *window)
{
    int64_t *const pairs[] = {window->kernel, window->stride, window->padding, window->dilation};
    const int64_t of_first[] = {1, 1, 0, 1};
    for (int i = 0; i < RV_COUNT(pairs); i++) {
        if (pairs[i][1] != RV_AS_FIRST)
            return rv_fail(RV_ERROR_ARGUMENT, who, "two numbers are given for one axis");
        pairs[i][1] = pairs[i][0];
        pairs[i][0] = of_first[i];
    }
    if (window->stride[1] == 0)
        window->stride[1] = window->kernel[1];
    return true;
}

/* op_fold.c - unfold and fold: the patches that a kernel sees, and their sum.
 *
 * The patches of a padded image are views of it that overlap, one for each element of the kernel:
 * unfold copies them out, fold adds them up where they came from. They are each other's derivative.
 */
#include "autograd/op_conv.h"

#include "core/elementwise.h"
#include "core/kernels/kernels.h"

/* ---- what both share ------------------------------------------------------------------------ */

static rv_tensor *unfold_of(rv_tensor *x, const rv_conv_shape *shape);
static rv_tensor *fold_of(rv_tensor *columns, const rv_conv_shape *shape);

/* Zeros in the shape of the padded image. */
static rv_tensor *padded_zeros(const rv_tensor *like, int64_t n, int64_t channels,
                               const rv_conv_shape *shape)
{
    return rv_zeros_n(like->dtype, 4,
                      (const int64_t[]){n, channels, shape->in[0] + 2 * shape->padding[0],
                                        shape->in[1] + 2 * shape->padding[1]});
}

/* The part of a padded image that is the image. */
static rv_tensor *inside(const char *who, const rv_tensor *padded, const rv_conv_shape *shape)
{
    rv_tensor *rows =
        rv_raw_slice(who, padded, 2, shape->padding[0], shape->padding[0] + shape->in[0], 1);
    return rows == NULL
               ? NULL
               : rv_raw_slice(who, rows, 3, shape->padding[1], shape->padding[1] + shape->in[1], 1);
}

/* All patches of a padded image: [n, channels, kernel rows, kernel columns, out rows, out columns].
 * Elements of the kernel and patches step through the same rows and columns. */
static rv_tensor *patches(const char *who, const rv_tensor *padded, const rv_conv_shape *shape)
{
    const int64_t *s = padded->strides;
    const int64_t sizes[] = {padded->shape[0], padded->shape[1], shape->kernel[0],
                             shape->kernel[1], shape->out[0],    shape->out[1]};
    const int64_t strides[] = {s[0],
                               s[1],
                               s[2] * shape->dilation[0],
                               s[3] * shape->dilation[1],
                               s[2] * shape->stride[0],
                               s[3] * shape->stride[1]};
    return rv_raw_view(who, padded->storage, padded->data, padded->dtype, 6, sizes, strides);
}

/* The patches seen by one element of the kernel: [n, channels, out rows, out columns]. */
static rv_tensor *patch_of(const char *who, const rv_tensor *all, int64_t row, int64_t column)
{
    const int64_t *s = all->strides, *size = all->shape;
    return rv_raw_view(who, all->storage,
                       all->data +
                           (row * s[2] + column * s[3]) * (int64_t)rv_dtype_size(all->dtype),
                       all->dtype, 4, (const int64_t[]){size[0], size[1], size[4], size[5]},
                       (const int64_t[]){s[0], s[1], s[4], s[5]});
}

static bool take_options(const char *who, rv_conv_shape *shape, const int64_t *kernel,
                         const int64_t *stride, const int64_t *padding, const int64_t *dilation)
{
    const rv_conv_options options = {stride, padding, dilation, 1};
    if (padding[0] == RV_PADDING_SAME || padding[1] == RV_PADDING_SAME)
        return rv_fail(RV_ERROR_ARGUMENT, who, "padding is RV_PADDING_SAME, expected a number");
    return rv_conv_pair(who, "kernel", kernel, 1, shape->kernel) &&
           rv_conv_take_options(who, &options, shape);
}

/* ---- unfold --------------------------------------------------------------------------------- */

static void unfold_derivative(rv_derivative *d)
{
    d->grads[0] = fold_of(d->g, d->attributes);
}

static const rv_op unfold_op = RV_OP(unfold, 1, RV_SAVE_NOTHING, unfold_derivative);

static rv_tensor *unfold_of(rv_tensor *x, const rv_conv_shape *shape)
{
    const char *who = "unfold";
    RV_SCOPE;
    if (!rv_check(who, 0, x))
        return NULL;
    rv_tensor *padded = padded_zeros(x, x->shape[0], x->shape[1], shape);
    rv_tensor *place = padded == NULL ? NULL : inside(who, padded, shape);
    if (place == NULL || !rv_write(who, place, x))
        return NULL;
    const rv_tensor *from = patches(who, padded, shape);
    rv_tensor *y = from == NULL ? NULL : rv_empty_n(x->dtype, 6, from->shape);
    if (y == NULL || !rv_write(who, y, from))
        return NULL;
    const int64_t sizes[] = {x->shape[0], x->shape[1] * shape->kernel[0] * shape->kernel[1],
                             shape->out[0] * shape->out[1]};
    y = rv_raw_reshape(who, y, 3, sizes);
    return rv_keep(rv_record(&unfold_op, y, 1, &x, shape, sizeof *shape));
}

rv_tensor *rv_unfold_with(const rv_unfold_options *o)
{
    const char *who = "unfold";
    rv_conv_shape shape;
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_check_floating(who, 0, o->input))
        return NULL;
    if (o->input->ndim != 4)
        return rv_fail_null(RV_ERROR_SHAPE, who, "input is %s, expected [n,channels,rows,columns]",
                            RV_SHAPE_OF(o->input));
    shape.in[0] = o->input->shape[2];
    shape.in[1] = o->input->shape[3];
    if (!take_options(who, &shape, o->kernel, o->stride, o->padding, o->dilation) ||
        !rv_conv_take_sizes(who, &shape))
        return NULL;
    return unfold_of(o->input, &shape);
}

/* ---- fold ----------------------------------------------------------------------------------- */

static void fold_derivative(rv_derivative *d)
{
    d->grads[0] = unfold_of(d->g, d->attributes);
}

static const rv_op fold_op = RV_OP(fold, 1, RV_SAVE_NOTHING, fold_derivative);

/* Adds the patches of one element of the kernel after the other to where they came from. */
static bool add_patches(const char *who, const rv_tensor *into, const rv_tensor *from,
                        const rv_conv_shape *shape)
{
    rv_loop *add = rv_kernels_get()->loops[RV_LOOP_add][into->dtype];
    for (int64_t a = 0; a < shape->kernel[0]; a++)
        for (int64_t b = 0; b < shape->kernel[1]; b++) {
            RV_SCOPE;
            rv_tensor *sum = patch_of(who, into, a, b), *more = patch_of(who, from, a, b);
            if (sum == NULL || more == NULL ||
                !rv_elementwise_into(who, add, sum, 2, (const rv_tensor *const[]){sum, more}))
                return false;
        }
    return true;
}

static rv_tensor *fold_of(rv_tensor *columns, const rv_conv_shape *shape)
{
    const char *who = "fold";
    RV_SCOPE;
    if (!rv_check(who, 0, columns))
        return NULL;
    const int64_t n = columns->shape[0];
    const int64_t channels = columns->shape[1] / (shape->kernel[0] * shape->kernel[1]);
    rv_tensor *padded = padded_zeros(columns, n, channels, shape);
    const rv_tensor *into = padded == NULL ? NULL : patches(who, padded, shape);
    const rv_tensor *from = into == NULL ? NULL : rv_raw_reshape(who, columns, 6, into->shape);
    if (from == NULL || !add_patches(who, into, from, shape))
        return NULL;
    const rv_tensor *image = inside(who, padded, shape);
    rv_tensor *y = image == NULL ? NULL : rv_raw_copy(who, image);
    return rv_keep(rv_record(&fold_op, y, 1, &columns, shape, sizeof *shape));
}

rv_tensor *rv_fold_with(const rv_fold_options *o)
{
    const char *who = "fold";
    rv_conv_shape shape;
    int64_t elements;
    if (o == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    if (!rv_check_floating(who, 0, o->input))
        return NULL;
    if (o->input->ndim != 3)
        return rv_fail_null(RV_ERROR_SHAPE, who, "input is %s, expected [n,elements,patches]",
                            RV_SHAPE_OF(o->input));
    if (!take_options(who, &shape, o->kernel, o->stride, o->padding, o->dilation) ||
        !rv_conv_pair(who, "size", o->size, 1, shape.in) || !rv_conv_take_sizes(who, &shape))
        return NULL;
    const int64_t *given = o->input->shape;
    if (__builtin_mul_overflow(shape.kernel[0], shape.kernel[1], &elements) ||
        given[1] % elements != 0)
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "input %s has %lld elements a patch, which a kernel of %lld rows and "
                            "%lld columns does not divide",
                            RV_SHAPE_OF(o->input), (long long)given[1], (long long)shape.kernel[0],
                            (long long)shape.kernel[1]);
    if (shape.out[0] != given[2] / shape.out[1] || given[2] % shape.out[1] != 0)
        return rv_fail_null(RV_ERROR_SHAPE, who,
                            "input %s has %lld patches, but a result of %lld rows and %lld columns "
                            "has %lld times %lld",
                            RV_SHAPE_OF(o->input), (long long)given[2], (long long)shape.in[0],
                            (long long)shape.in[1], (long long)shape.out[0],
                            (long long)shape.out[1]);
    return fold_of(o->input, &shape);
}

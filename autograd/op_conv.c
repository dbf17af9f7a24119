/* op_conv.c - conv2d, and the gradients of its input and its weight.
 *
 * y = conv(x, w) is linear in x and in w, so each of the three operations is one of the same sum of
 * products seen from another side, and the derivative of each is made of the other two:
 *
 *     conv2d(x, w)             x: conv2d_input_grad(g, w)    w: conv2d_weight_grad(x, g)
 *     conv2d_input_grad(g, w)  g: conv2d(G, w)               w: conv2d_weight_grad(G, g)
 *     conv2d_weight_grad(x, g) x: conv2d_input_grad(g, G)    g: conv2d(x, G)
 *
 * with G the gradient of what was computed. So derivatives of every order are there.
 */
#include "autograd/op_conv.h"

#define SAVES (RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1))

/* ---- conv2d --------------------------------------------------------------------------------- */

static void conv2d_derivative(rv_derivative *d)
{
    if (d->needs[0])
        d->grads[0] = rv_conv2d_input_grad_of(d->g, rv_saved_input(d, 1), d->attributes);
    if (d->needs[1])
        d->grads[1] = rv_conv2d_weight_grad_of(rv_saved_input(d, 0), d->g, d->attributes);
    if (d->inputs == 3 && d->needs[2])
        d->grads[2] = rv_sum(d->g, .axes = RV_AXES(0, 2, 3));
}

static const rv_op conv2d_op = RV_OP(conv2d, RV_ANY_NUMBER, SAVES, conv2d_derivative);

rv_tensor *rv_conv2d_of(rv_tensor *x, rv_tensor *weight, rv_tensor *bias,
                        const rv_conv_shape *shape)
{
    const char *who = "conv2d";
    if (!rv_check(who, 0, x) || !rv_check(who, 1, weight))
        return NULL;
    rv_tensor *y = rv_conv_empty(who, x->dtype, x->shape[0], weight->shape[0], shape->out);
    if (y == NULL || !rv_conv_forward(who, shape, x, weight, bias, y))
        return NULL;
    rv_tensor *const in[] = {x, weight, bias};
    return rv_record(&conv2d_op, y, bias != NULL ? 3 : 2, in, shape, sizeof *shape);
}

/* ---- conv2d_input_grad ---------------------------------------------------------------------- */

static void input_grad_derivative(rv_derivative *d)
{
    if (d->needs[0])
        d->grads[0] = rv_conv2d_of(d->g, rv_saved_input(d, 1), NULL, d->attributes);
    if (d->needs[1])
        d->grads[1] = rv_conv2d_weight_grad_of(d->g, rv_saved_input(d, 0), d->attributes);
}

static const rv_op input_grad_op = RV_OP(conv2d_input_grad, 2, SAVES, input_grad_derivative);

rv_tensor *rv_conv2d_input_grad_of(rv_tensor *g, rv_tensor *weight, const rv_conv_shape *shape)
{
    const char *who = "conv2d_input_grad";
    if (!rv_check(who, 0, g) || !rv_check(who, 1, weight))
        return NULL;
    rv_tensor *dx =
        rv_conv_empty(who, g->dtype, g->shape[0], weight->shape[1] * shape->groups, shape->in);
    if (dx == NULL || !rv_conv_input_grad(who, shape, g, weight, dx))
        return NULL;
    rv_tensor *const in[] = {g, weight};
    return rv_record(&input_grad_op, dx, 2, in, shape, sizeof *shape);
}

/* ---- conv2d_weight_grad --------------------------------------------------------------------- */

static void weight_grad_derivative(rv_derivative *d)
{
    if (d->needs[0])
        d->grads[0] = rv_conv2d_input_grad_of(rv_saved_input(d, 1), d->g, d->attributes);
    if (d->needs[1])
        d->grads[1] = rv_conv2d_of(rv_saved_input(d, 0), d->g, NULL, d->attributes);
}

static const rv_op weight_grad_op = RV_OP(conv2d_weight_grad, 2, SAVES, weight_grad_derivative);

rv_tensor *rv_conv2d_weight_grad_of(rv_tensor *x, rv_tensor *g, const rv_conv_shape *shape)
{
    const char *who = "conv2d_weight_grad";
    if (!rv_check(who, 0, x) || !rv_check(who, 1, g))
        return NULL;
    rv_tensor *dw = rv_empty_n(x->dtype, 4,
                               (const int64_t[]){g->shape[1], x->shape[1] / shape->groups,
                                                 shape->kernel[0], shape->kernel[1]});
    if (dw == NULL || !rv_conv_weight_grad(who, shape, x, g, dw))
        return NULL;
    rv_tensor *const in[] = {x, g};
    return rv_record(&weight_grad_op, dw, 2, in, shape, sizeof *shape);
}

/* ---- checks --------------------------------------------------------------------------------- */

static bool check_images(const char *who, const char *name, const rv_tensor *t)
{
    return t->ndim == 4 ||
           rv_fail(RV_ERROR_SHAPE, who, "%s is %s, expected [n,channels,rows,columns]", name,
                   RV_SHAPE_OF(t));
}

static bool check_weight(const char *who, const rv_tensor *weight)
{
    if (weight->ndim == 4 && weight->shape[2] > 0 && weight->shape[3] > 0)
        return true;
    return rv_fail(RV_ERROR_SHAPE, who,
                   "weight is %s, expected [out,in/groups,rows,columns] with a kernel of one "
                   "element or more",
                   RV_SHAPE_OF(weight));
}

static bool check_groups(const char *who, const char *name, const rv_tensor *t, int axis,
                         int64_t groups)
{
    if (t->shape[axis] % groups == 0)
        return true;
    return rv_fail(RV_ERROR_SHAPE, who, "%s %s has %lld channels, which %lld groups do not divide",
                   name, RV_SHAPE_OF(t), (long long)t->shape[axis], (long long)groups);
}

static bool check_pair(const char *who, const rv_tensor *a, const rv_tensor *b)
{
    return rv_check_floating(who, 0, a) && rv_check_floating(who, 1, b) &&
           rv_check_dtypes(who, a, b);
}

/* ---- the calls ------------------------------------------------------------------------------ */

static bool check_conv2d(const char *who, const rv_conv2d_options *o, rv_conv_shape *shape)
{
    const rv_tensor *x = o->input, *weight = o->weight, *bias = o->bias;
    const rv_conv_options options = {o->stride, o->padding, o->dilation, o->groups};
    if (!check_pair(who, x, weight) || !check_images(who, "input", x) ||
        !check_weight(who, weight) || !rv_conv_take_options(who, &options, shape) ||
        !check_groups(who, "input", x, 1, o->groups) ||
        !check_groups(who, "weight", weight, 0, o->groups))
        return false;
    if (x->shape[1] / o->groups != weight->shape[1])
        return rv_fail(RV_ERROR_SHAPE, who, "input %s has %lld channel%s, weight %s takes %lld",
                       RV_SHAPE_OF(x), (long long)x->shape[1], x->shape[1] == 1 ? "" : "s",
                       RV_SHAPE_OF(weight), (long long)(weight->shape[1] * o->groups));
    if (bias != NULL && (!rv_check(who, 2, bias) || !rv_check_dtypes(who, x, bias)))
        return false;
    if (bias != NULL && (bias->ndim != 1 || bias->shape[0] != weight->shape[0]))
        return rv_fail(RV_ERROR_SHAPE, who, "bias is %s, weight %s takes [%lld]", RV_SHAPE_OF(bias),
                       RV_SHAPE_OF(weight), (long long)weight->shape[0]);
    for (int i = 0; i < 2; i++) {
        shape->in[i] = x->shape[2 + i];
        shape->kernel[i] = weight->shape[2 + i];
    }
    return rv_conv_take_sizes(who, shape);
}

rv_tensor *rv_conv2d_as(const char *who, const rv_conv2d_options *options)
{
    rv_conv_shape shape;
    RV_SCOPE;
    if (!check_conv2d(who, options, &shape))
        return NULL;
    return rv_keep(rv_conv2d_of(options->input, options->weight, options->bias, &shape));
}

rv_tensor *rv_conv2d_with(const rv_conv2d_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "conv2d", "the options are NULL");
    return rv_conv2d_as("conv2d", options);
}

/* Whether g is what a convolution of this shape gives. */
static bool check_g(const char *who, const rv_tensor *g, const rv_conv_shape *shape)
{
    if (g->shape[2] == shape->out[0] && g->shape[3] == shape->out[1])
        return true;
    return rv_fail(RV_ERROR_SHAPE, who,
                   "g is %s, but an input of %lld rows and %lld columns gives %lld and %lld",
                   RV_SHAPE_OF(g), (long long)shape->in[0], (long long)shape->in[1],
                   (long long)shape->out[0], (long long)shape->out[1]);
}

static bool check_input_grad(const char *who, const rv_conv2d_input_grad_options *o,
                             rv_conv_shape *shape)
{
    const rv_tensor *g = o->g, *weight = o->weight;
    const rv_conv_options options = {o->stride, o->padding, o->dilation, o->groups};
    if (!check_pair(who, g, weight) || !check_images(who, "g", g) || !check_weight(who, weight) ||
        !rv_conv_take_options(who, &options, shape) ||
        !check_groups(who, "weight", weight, 0, o->groups))
        return false;
    if (g->shape[1] != weight->shape[0])
        return rv_fail(RV_ERROR_SHAPE, who, "g %s has %lld channels, weight %s gives %lld",
                       RV_SHAPE_OF(g), (long long)g->shape[1], RV_SHAPE_OF(weight),
                       (long long)weight->shape[0]);
    for (int i = 0; i < 2; i++) {
        shape->out[i] = g->shape[2 + i];
        shape->kernel[i] = weight->shape[2 + i];
    }
    if (o->size[0] != RV_AS_FIRST) {
        if (!rv_conv_pair(who, "size", o->size, 1, shape->in))
            return false;
    } else if (shape->padding[0] == RV_PADDING_SAME || shape->padding[1] == RV_PADDING_SAME) {
        shape->in[0] = shape->out[0];
        shape->in[1] = shape->out[1];
    } else if (!rv_conv_take_result(who, shape, (const int64_t[]){0, 0})) {
        return false;
    }
    return rv_conv_take_sizes(who, shape) && check_g(who, g, shape);
}

rv_tensor *rv_conv2d_input_grad_with(const rv_conv2d_input_grad_options *options)
{
    rv_conv_shape shape;
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "conv2d_input_grad", "the options are NULL");
    RV_SCOPE;
    if (!check_input_grad("conv2d_input_grad", options, &shape))
        return NULL;
    return rv_keep(rv_conv2d_input_grad_of(options->g, options->weight, &shape));
}

static bool check_weight_grad(const char *who, const rv_conv2d_weight_grad_options *o,
                              rv_conv_shape *shape)
{
    const rv_tensor *x = o->input, *g = o->g;
    const rv_conv_options options = {o->stride, o->padding, o->dilation, o->groups};
    if (!check_pair(who, x, g) || !check_images(who, "input", x) || !check_images(who, "g", g) ||
        !rv_conv_take_options(who, &options, shape) ||
        !rv_conv_pair(who, "size", o->size, 1, shape->kernel) ||
        !check_groups(who, "input", x, 1, o->groups) || !check_groups(who, "g", g, 1, o->groups))
        return false;
    if (x->shape[0] != g->shape[0])
        return rv_fail(RV_ERROR_SHAPE, who, "input %s and g %s are not of as many images",
                       RV_SHAPE_OF(x), RV_SHAPE_OF(g));
    for (int i = 0; i < 2; i++)
        shape->in[i] = x->shape[2 + i];
    return rv_conv_take_sizes(who, shape) && check_g(who, g, shape);
}

rv_tensor *rv_conv2d_weight_grad_with(const rv_conv2d_weight_grad_options *options)
{
    rv_conv_shape shape;
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, "conv2d_weight_grad", "the options are NULL");
    RV_SCOPE;
    if (!check_weight_grad("conv2d_weight_grad", options, &shape))
        return NULL;
    return rv_keep(rv_conv2d_weight_grad_of(options->input, options->g, &shape));
}

/* test_third_order.c - third derivatives, by gradcheck of what the second ones give.
 *
 * Each row is an operation inside of tanh(op(tanh(x))), so that no derivative of any order is a
 * constant. With s the sum of its result weighted by waves, H the Hessian of s, and v a fixed
 * direction, H v is a function of x whose derivative is third derivatives of s: gradcheck compares
 * all of them with differences. They must not be all small: 0 agrees with 0.
 *
 * A new operation is a row more.
 */

#include <criterion/criterion.h>
#include <math.h>

#include "helpers.h"

typedef rv_tensor *operation(rv_tensor **in);

static rv_tensor *matmul(rv_tensor **in)
{
    return rv_matmul(in[0], in[1]);
}
static rv_tensor *linear(rv_tensor **in)
{
    return rv_linear(in[0], in[1], in[2]);
}
static rv_tensor *hyperbolic(rv_tensor **in)
{
    return rv_tanh(in[0]);
}
static rv_tensor *cube(rv_tensor **in)
{
    return rv_pow_scalar(in[0], 3.5);
}
static rv_tensor *power(rv_tensor **in)
{
    return rv_pow(in[0], in[1]);
}
static rv_tensor *log_softmax(rv_tensor **in)
{
    return rv_log_softmax(in[0], -1);
}
static rv_tensor *softmax(rv_tensor **in)
{
    return rv_softmax(in[0], 0);
}
static rv_tensor *quotient(rv_tensor **in)
{
    return rv_div(in[0], in[1]);
}

static rv_tensor *convolution(rv_tensor **in)
{
    return rv_conv2d(in[0], in[1], .bias = in[2], .stride = 2, .padding = 1);
}
static rv_tensor *winograd(rv_tensor **in)
{
    return rv_conv2d(in[0], in[1]);
}
static rv_tensor *batch_norm(rv_tensor **in)
{
    return rv_batch_norm(in[0], .weight = in[1], .bias = in[2], .training = true);
}
static rv_tensor *layer_norm(rv_tensor **in)
{
    return rv_layer_norm(in[0], .weight = in[1], .bias = in[2]);
}
static rv_tensor *group_norm(rv_tensor **in)
{
    return rv_group_norm(in[0], 2, .weight = in[1], .bias = in[2]);
}
static rv_tensor *avg_pool(rv_tensor **in)
{
    return rv_avg_pool2d(in[0], 2, .stride = 1);
}
static rv_tensor *max_pool(rv_tensor **in)
{
    return rv_max_pool2d(in[0], 2, .stride = 1);
}

/* The inputs' shapes, up to the first 0, and the middle of their values, before tanh. */
static const struct row {
    const char *name;
    operation *op;
    int64_t shape[3][4];
    double first;
} rows[] = {
    {"matmul", matmul, {{2, 3}, {3, 2}}, 0.2},
    {"linear", linear, {{2, 3}, {2, 3}, {2}}, 0.2},
    {"tanh", hyperbolic, {{2, 3}}, 0.1},
    {"pow_scalar", cube, {{5}}, 1.7},
    {"pow", power, {{4}, {4}}, 1.7},
    {"log_softmax", log_softmax, {{2, 4}}, 0.1},
    {"softmax", softmax, {{4, 2}}, 0.1},
    {"div", quotient, {{2, 2}, {2, 2}}, 1.7},
    {"conv2d", convolution, {{1, 2, 3, 3}, {2, 2, 2, 2}, {2}}, 0.2},
    {"conv2d 3x3", winograd, {{1, 1, 4, 4}, {1, 1, 3, 3}}, 0.2},
    {"batch_norm", batch_norm, {{4, 2}, {2}, {2}}, 0.3},
    {"batch_norm of images", batch_norm, {{2, 2, 2, 1}, {2}, {2}}, 0.3},
    {"max_pool2d", max_pool, {{1, 2, 3, 3}}, 0.1},
    {"avg_pool2d", avg_pool, {{1, 1, 2, 3}}, 0.3},
    {"layer_norm", layer_norm, {{2, 4}, {4}, {4}}, 0.3},
    {"group_norm", group_norm, {{1, 4, 2}, {4}, {4}}, 0.3},
};

enum { MOST = 3 };

static int count_axes(const int64_t *shape)
{
    int ndim = 0;
    while (ndim < 4 && shape[ndim] != 0)
        ndim++;
    return ndim;
}

static int make_inputs(const struct row *row, double step, rv_tensor **in)
{
    int n = 0;
    for (; n < MOST && row->shape[n][0] != 0; n++) {
        const int ndim = count_axes(row->shape[n]);
        int64_t numel = 1;
        for (int i = 0; i < ndim; i++)
            numel *= row->shape[n][i];
        in[n] = rv_reshape_n(waves(1, numel, row->first + step * (n + 1)), ndim, row->shape[n]);
    }
    return n;
}

/* The sum of tanh(op(tanh(x))), weighted so that no symmetry takes anything out. */
static rv_tensor *weighted(rv_tensor **in, void *context)
{
    const struct row *row = context;
    rv_tensor *inner[MOST] = {NULL};
    for (int i = 0; i < MOST && row->shape[i][0] != 0; i++)
        inner[i] = rv_tanh(in[i]);
    rv_tensor *y = rv_tanh(row->op(inner));
    if (y == NULL)
        return NULL;
    return rv_sum(rv_mul(y, rv_reshape_n(waves(1, y->numel, 0.7), y->ndim, y->shape)));
}

/* H v of that, all inputs' parts one behind the other. */
static rv_tensor *curved(rv_tensor **in, void *context)
{
    const struct row *row = context;
    rv_tensor *v[MOST], *parts[MOST];
    const int n = make_inputs(row, 0.05, v);
    const rv_hvp_result r = rv_hvp(weighted, context, ((rv_tensors){in, n}), ((rv_tensors){v, n}),
                                   .create_graph = true);
    for (int i = 0; i < r.products.count; i++)
        parts[i] = rv_reshape(r.products.items[i], -1);
    return r.products.count == 0 ? NULL : rv_cat(parts, n, 0);
}

/* The largest element of the Jacobian of `curved`. */
static double largest_of(const struct row *row, rv_tensor **in, int n)
{
    const rv_tensor *j = rv_jacobian(curved, (void *)row, ((rv_tensors){in, n}));
    double largest = 0;
    for (int64_t i = 0; j != NULL && i < j->numel; i++)
        largest = fmax(largest, fabs(at(j, i)));
    return largest;
}

Test(third_order, is_right_and_does_not_vanish)
{
    for (int i = 0; i < RV_COUNT(rows); i++) {
        RV_SCOPE;
        rv_tensor *in[MOST];
        const int n = make_inputs(&rows[i], 0, in);
        rv_gradcheck_report r;
        cr_expect(rv_gradcheck(curved, (void *)&rows[i], in, n, &r), "%s: %s", rows[i].name,
                  r.message);
        cr_expect(largest_of(&rows[i], in, n) > 0.05, "%s: the largest third derivative is %g",
                  rows[i].name, largest_of(&rows[i], in, n));
        cr_expect(no_error(), "%s", rows[i].name);
    }
}

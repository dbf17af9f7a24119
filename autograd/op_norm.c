/* op_norm.c - batch_norm and layer_norm, and their derivatives as operations of their own.
 *
 * All normalize the same way: xhat = (x - mean)*scale over groups of elements (a channel, a row),
 * and y = xhat*weight + bias. So they share their derivatives. With P(v) = scale*(v - mean(v) -
 * xhat*mean(v*xhat)), the means being over a group (P is linear in v, and its own adjoint):
 *
 *     y's derivative:      P(g*weight) to x, sum(g*xhat) to weight, sum(g) to bias
 *     P(v)'s, along a:     P(a) to v, -scale*(xhat*mean(a*P(v)) + P(a)*mean(v*xhat)
 *                                            + P(v)*mean(a*xhat)) to x
 *
 * The first is one fused operation, the gradient; its derivative is written in terms of both, so it
 * can be differentiated any number of times. Where nobody records, as in a Hessian times a vector,
 * that of batch_norm_grad is one fused step in two passes as well.
 *
 * The statistics are inputs of the recorded nodes that no gradient goes to: derivatives know that
 * they come from x. Where they do not (inference) they are fixed, and P(v) is scale*v.
 */
#include "autograd/norm_parts.h"

#include <math.h>

#include "core/norm.h"

/* ---- checks ---------------------------------------------------------------------------------- */

bool rv_norm_check_eps(const char *who, double eps)
{
    if (!(eps >= 0 && isfinite(eps)))
        return rv_fail(RV_ERROR_ARGUMENT, who, "eps is %g, expected 0 or more", eps);
    return true;
}

bool rv_norm_check_grad(const char *who, const rv_tensor *g, const rv_tensor *x, double eps)
{
    if (!rv_check_dtypes(who, g, x))
        return false;
    if (!rv_same_shape(g, x))
        return rv_fail(RV_ERROR_SHAPE, who, "gradient %s and input %s differ", RV_SHAPE_OF(g),
                       RV_SHAPE_OF(x));
    return rv_norm_check_eps(who, eps);
}

/* ---- what the kernels are told --------------------------------------------------------------- */

/* What the nodes remember. */
typedef struct norm_attributes {
    rv_norm_form form;
    bool has_weight;
} norm_attributes;

static rv_norm_task task_of(const rv_norm_form *form, const rv_tensor *x, const rv_tensor *weight,
                            const rv_tensor *bias, const rv_tensor *statistics)
{
    return (rv_norm_task){.who = form->who,
                          .x = x,
                          .statistics = statistics,
                          .weight = weight,
                          .bias = bias,
                          .is_fixed = form->is_fixed};
}

static rv_norm_row_task row_task_of(const rv_norm_form *form, const rv_tensor *x,
                                    const rv_tensor *weight, const rv_tensor *bias)
{
    return (rv_norm_row_task){.who = form->who,
                              .x = x,
                              .weight = weight,
                              .bias = bias,
                              .axes = form->axes,
                              .eps = form->eps,
                              .centered = form->centered};
}

/* ---- shapes ---------------------------------------------------------------------------------- */

/* The axes of x that a group has in common. */
static rv_axes group_axes(const rv_norm_form *form, int ndim)
{
    rv_axes axes = {0};
    for (int i = 0; i < ndim; i++)
        if (form->by_rows ? i >= ndim - form->axes : i != 1)
            axes.axis[axes.count++] = i;
    return axes;
}

static rv_tensor *group_mean(const rv_norm_form *form, rv_tensor *t)
{
    return t == NULL ? NULL : rv_mean(t, .axes = group_axes(form, t->ndim), .keepdim = true);
}

/* Weight, or what has its shape, as it broadcasts to x. */
static rv_tensor *spread(const rv_norm_form *form, rv_tensor *weight, int ndim)
{
    if (weight == NULL || form->by_rows)
        return weight;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < ndim; i++)
        shape[i] = i == 1 ? weight->shape[0] : 1;
    return rv_reshape_n(weight, ndim, shape);
}

/* What has x's shape, summed to weight's. */
static rv_tensor *sum_to_weight(const rv_norm_form *form, rv_tensor *t)
{
    if (t == NULL)
        return NULL;
    rv_axes axes = {0};
    for (int i = 0; i < t->ndim; i++)
        if (form->by_rows ? i < t->ndim - form->axes : i != 1)
            axes.axis[axes.count++] = i;
    return axes.count > 0 ? rv_sum(t, .axes = axes) : t;
}

/* ---- the gradient ---------------------------------------------------------------------------- */

static rv_norm_gradients normalize_grad(const rv_norm_form *form, rv_tensor *g, rv_tensor *x,
                                        rv_tensor *weight, rv_tensor *statistics);

/* 1/sqrt(variance + eps), so that it can be differentiated. */
static rv_tensor *scale_of(const rv_norm_form *form, rv_tensor *x)
{
    rv_tensor *d = form->centered ? rv_sub(x, group_mean(form, x)) : x;
    return rv_pow_scalar(rv_add_scalar(group_mean(form, rv_mul(d, d)), form->eps), -0.5);
}

/* The derivative of P(v) along a, with respect to x. */
static rv_tensor *bending(const rv_norm_form *form, rv_tensor *a, rv_tensor *v, rv_tensor *x,
                          rv_tensor *p_a, rv_tensor *p_v, rv_tensor *statistics)
{
    rv_tensor *xhat = rv_normalize(form, x, NULL, NULL, statistics);
    rv_tensor *sum = rv_mul(xhat, group_mean(form, rv_mul(a, p_v)));
    sum = rv_add(sum, rv_mul(p_a, group_mean(form, rv_mul(v, xhat))));
    sum = rv_add(sum, rv_mul(p_v, group_mean(form, rv_mul(a, xhat))));
    return rv_mul(rv_neg(scale_of(form, x)), sum);
}

/* p and q, gradients of the gradients of weight and bias, are NULL where none came. */
static void grad_by_operations(rv_derivative *d, const rv_norm_form *form, rv_tensor *weight,
                               rv_tensor *p, rv_tensor *q)
{
    rv_tensor *a = d->gs[0], *g = rv_saved_input(d, 0), *x = rv_saved_input(d, 1);
    rv_tensor *statistics = rv_saved_input(d, 3);
    rv_tensor *p_a = normalize_grad(form, a, x, NULL, statistics).input;
    if (p_a == NULL)
        return;
    rv_tensor *w = spread(form, weight, p_a->ndim);
    d->grads[0] = weight == NULL ? p_a : rv_mul(p_a, w);
    if (p != NULL && d->needs[0])
        d->grads[0] = rv_add(d->grads[0], rv_normalize(form, x, p, q, statistics));
    if (weight != NULL && d->needs[2])
        d->grads[2] = sum_to_weight(form, rv_mul(g, p_a));
    if (!d->needs[1])
        return;
    rv_tensor *direct =
        p != NULL ? normalize_grad(form, g, x, p, statistics).input : rv_zeros_like(x);
    if (form->is_fixed) {
        d->grads[1] = direct;
        return;
    }
    rv_tensor *v = weight != NULL ? rv_mul(g, w) : g;
    rv_tensor *p_v = normalize_grad(form, g, x, weight, statistics).input;
    rv_tensor *bent = bending(form, a, v, x, p_a, p_v, statistics);
    d->grads[1] = p != NULL ? rv_add(direct, bent) : bent;
}

static void grad_derivative(rv_derivative *d)
{
    const norm_attributes *attributes = d->attributes;
    const rv_norm_form *form = &attributes->form;
    const bool has_weight = attributes->has_weight;
    rv_tensor *weight = has_weight ? rv_saved_input(d, 2) : NULL;
    const bool is_affine = has_weight && (d->arrived[1] || d->arrived[2]);
    rv_tensor *p = is_affine ? d->gs[1] : NULL, *q = is_affine ? d->gs[2] : NULL;
    if (rv_recording() || form->by_rows || d->gs[0]->numel == 0) {
        grad_by_operations(d, form, weight, p, q);
        return;
    }
    rv_tensor *g = rv_saved_input(d, 0), *x = rv_saved_input(d, 1), *s = rv_saved_input(d, 3);
    if (g == NULL || x == NULL || s == NULL || (has_weight && weight == NULL))
        return;
    const rv_norm_task task = task_of(form, x, weight, NULL, s);
    rv_norm_results results = {.of_x = NULL};
    if (!rv_norm_second(&task, g, d->gs[0], p, q, &results))
        return;
    d->grads[0] = results.of_g;
    d->grads[1] = results.of_x;
    d->grads[2] = results.of_weight;
}

enum { SAVED_BY_GRAD = RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_INPUT(2) | RV_SAVE_INPUT(3) };

static const rv_op batch_norm_grad_op = RV_OP(batch_norm_grad, 4, SAVED_BY_GRAD, grad_derivative);
static const rv_op layer_norm_grad_op = RV_OP(layer_norm_grad, 4, SAVED_BY_GRAD, grad_derivative);

/* All of it for a batch without elements. */
static bool empty_gradients(const rv_tensor *x, const rv_tensor *weight, rv_norm_results *results)
{
    results->of_x = rv_empty_like(x);
    if (weight != NULL) {
        results->of_weight = rv_zeros_like(weight);
        results->of_bias = rv_zeros_like(weight);
    }
    return rv_error_status() == RV_OK;
}

static rv_norm_gradients normalize_grad(const rv_norm_form *form, rv_tensor *g, rv_tensor *x,
                                        rv_tensor *weight, rv_tensor *statistics)
{
    const rv_norm_gradients none = {NULL, NULL, NULL};
    if (g == NULL || x == NULL || statistics == NULL)
        return none;
    rv_norm_results r = {.of_x = NULL};
    bool ok;
    if (x->numel == 0) {
        ok = empty_gradients(x, weight, &r);
    } else if (form->by_rows) {
        const rv_norm_row_task task = row_task_of(form, x, weight, NULL);
        ok = rv_norm_by_rows_gradients_of(&task, g, statistics, weight != NULL, &r);
    } else {
        const rv_norm_task task = task_of(form, x, weight, NULL, statistics);
        ok = rv_norm_gradients_of(&task, g, &r);
    }
    const norm_attributes attributes = {*form, weight != NULL};
    const rv_op *op = form->by_rows ? &layer_norm_grad_op : &batch_norm_grad_op;
    rv_tensor *const in[] = {g, x, weight, statistics};
    rv_tensor *const out[] = {r.of_x, r.of_weight, r.of_bias};
    ok = ok &&
         rv_record_many(op, weight != NULL ? 3 : 1, out, 4, in, &attributes, sizeof attributes);
    if (!ok)
        return none;
    return weight != NULL ? (rv_norm_gradients){r.of_x, r.of_weight, r.of_bias}
                          : (rv_norm_gradients){r.of_x, NULL, NULL};
}

/* ---- normalize ------------------------------------------------------------------------------- */

static void normalize_derivative(rv_derivative *d)
{
    const norm_attributes *attributes = d->attributes;
    rv_tensor *weight = attributes->has_weight ? rv_saved_input(d, 1) : NULL;
    if (attributes->has_weight && weight == NULL)
        return;
    const rv_norm_gradients gradients =
        normalize_grad(&attributes->form, d->g, rv_saved_input(d, 0), weight, rv_saved_input(d, 3));
    d->grads[0] = gradients.input;
    d->grads[1] = gradients.weight;
    d->grads[2] = gradients.bias;
    if (d->needs[2] && !attributes->has_weight)
        d->grads[2] = sum_to_weight(&attributes->form, d->g);
}

enum { SAVED = RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_INPUT(3) };

static const rv_op batch_norm_op = RV_OP(batch_norm, 4, SAVED, normalize_derivative);
static const rv_op layer_norm_op = RV_OP(layer_norm, 4, SAVED, normalize_derivative);

rv_tensor *rv_normalize(const rv_norm_form *form, rv_tensor *x, rv_tensor *weight, rv_tensor *bias,
                        rv_tensor *statistics)
{
    if (x == NULL || (statistics == NULL && !form->by_rows && x->numel > 0))
        return NULL;
    rv_tensor *y = NULL;
    if (x->numel == 0) {
        y = rv_empty_like(x);
        statistics = statistics != NULL ? statistics : rv_zeros(RV_F64, 0);
    } else if (form->by_rows) {
        const rv_norm_row_task task = row_task_of(form, x, weight, bias);
        if (!rv_norm_by_rows(&task, &y, &statistics))
            return NULL;
    } else {
        const rv_norm_task task = task_of(form, x, weight, bias, statistics);
        y = rv_norm_apply(&task);
    }
    const norm_attributes attributes = {*form, weight != NULL};
    rv_tensor *const in[] = {x, weight, bias, statistics};
    return rv_record(form->by_rows ? &layer_norm_op : &batch_norm_op, y, 4, in, &attributes,
                     sizeof attributes);
}

rv_norm_gradients rv_normalize_grad(const rv_norm_form *form, rv_tensor *g, rv_tensor *x,
                                    rv_tensor *weight)
{
    rv_tensor *statistics = NULL, *y = NULL;
    if (x->numel == 0) {
        statistics = rv_zeros(RV_F64, 0);
    } else if (form->by_rows) {
        const rv_norm_row_task task = row_task_of(form, x, NULL, NULL);
        if (!rv_norm_by_rows(&task, &y, &statistics))
            return (rv_norm_gradients){NULL, NULL, NULL};
    } else {
        statistics = rv_norm_statistics(form->who, x, form->eps);
    }
    return normalize_grad(form, g, x, weight, statistics);
}

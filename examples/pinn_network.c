/* pinn_network.c - the network, and what it leaves of Burgers' equation.
 *
 * Derivatives with respect to t and x come in two ways. One is that of the books: u by the network,
 * u_t and u_x by backward, u_xx by backward through that, and the loss's gradient by backward
 * through all. The other carries each quantity's derivatives beside its value, layer by layer (the
 * jets of Taylor's formula; forward mode): a linear layer does the same to all four, in one
 * product, only tanh mixes them; then one backward gives the gradient.
 */
#include "pinn.h"

#include <stdlib.h>

enum { FEATURES = 3, MOST_CHILDREN = 64 };

static const double pi = 3.14159265358979323846;
const double pinn_nu = 0.01 / 3.14159265358979323846;

/* ---- points ---------------------------------------------------------------------------------- */

/* Jets of t, cos(pi x), sin(pi x): [JET,n,FEATURES]. */
static rv_tensor *features_of(rv_tensor *t, rv_tensor *cosine, rv_tensor *sine)
{
    rv_tensor *zero = rv_zeros_like(t), *one = rv_ones_like(t);
    rv_tensor *const rows[JET][FEATURES] = {
        [VALUE] = {t, cosine, sine},
        [BY_T] = {one, zero, zero},
        [BY_X] = {zero, rv_mul_scalar(sine, -pi), rv_mul_scalar(cosine, pi)},
        [BY_XX] = {zero, rv_mul_scalar(cosine, -pi * pi), rv_mul_scalar(sine, -pi * pi)},
    };
    rv_tensor *jets[JET];
    for (int k = 0; k < JET; k++)
        jets[k] = rv_cat(rows[k], FEATURES, 1);
    return rv_stack(jets, JET, 0);
}

pinn_points pinn_points_of(rv_tensor *t, rv_tensor *x)
{
    RV_NO_GRAD;
    rv_tensor *angle = rv_mul_scalar(x, pi);
    rv_tensor *sine = rv_sin(angle), *cosine = rv_cos(angle);
    if (t == NULL || sine == NULL || cosine == NULL)
        return (pinn_points){0};
    rv_tensor *const fixed[JET] = {rv_neg(sine), rv_zeros_like(t), rv_mul_scalar(cosine, -pi),
                                   rv_mul_scalar(sine, pi * pi)};
    const pinn_points points = {
        .t = t, .x = x, .features = features_of(t, cosine, sine), .fixed = rv_stack(fixed, JET, 0)};
    return points.features != NULL && points.fixed != NULL ? points : (pinn_points){0};
}

/* Takes or drops the reference of each tensor. */
static void hold(pinn_points *p, bool is_held)
{
    rv_tensor *const all[] = {p->t, p->x, p->features, p->fixed};
    for (int i = 0; i < RV_COUNT(all); i++) {
        if (is_held)
            rv_retain(all[i]);
        else
            rv_release(all[i]);
    }
}

pinn_parts *pinn_parts_make(const pinn_places *places, int64_t size)
{
    const int64_t points = places->t == NULL ? 0 : places->t->shape[0];
    const int64_t count = (points + size - 1) / size;
    pinn_parts *parts = malloc(sizeof *parts + (size_t)count * sizeof *parts->items);
    if (parts == NULL)
        return NULL;
    *parts = (pinn_parts){.points = points};
    for (; parts->count < count; parts->count++) {
        RV_SCOPE;
        const int64_t start = parts->count * size;
        pinn_points *p = &parts->items[parts->count];
        *p = pinn_points_of(rv_copy(rv_slice(places->t, 0, start, start + size)),
                            rv_copy(rv_slice(places->x, 0, start, start + size)));
        hold(p, true);
    }
    return parts;
}

void pinn_parts_free(pinn_parts *parts)
{
    for (int64_t i = 0; parts != NULL && i < parts->count; i++)
        hold(&parts->items[i], false);
    free(parts);
}

/* ---- the network ----------------------------------------------------------------------------- */

static rv_layer *linear(int64_t in, int64_t out)
{
    RV_NO_GRAD;
    rv_layer *layer = rv_layer_linear(in, out, .dtype = RV_F64);
    rv_init_xavier_uniform(rv_layer_parameter(layer, "weight"));
    rv_fill(rv_layer_parameter(layer, "bias"), 0);
    return layer;
}

rv_layer *pinn_network(int64_t layers, int64_t width)
{
    rv_layer *children[MOST_CHILDREN];
    int64_t count = 0;
    for (int64_t i = 0; i < layers; i++) {
        children[count++] = linear(i == 0 ? FEATURES : width, width);
        children[count++] = rv_layer_tanh();
    }
    children[count++] = linear(width, 1);
    return rv_layer_sequential_n(children, count);
}

rv_tensor *pinn_u(rv_layer *net, const pinn_points *p)
{
    rv_tensor *n = rv_forward(net, rv_select(p->features, 0, VALUE));
    return rv_reshape(rv_add(rv_select(p->fixed, 0, VALUE), rv_mul(p->t, n)), -1);
}

/* ---- the residual ---------------------------------------------------------------------------- */

/* Of N's jet, without the last bias, which has no derivatives. All are [n,1]. */
static rv_tensor *burgers(rv_tensor **n, rv_tensor *bias, const pinn_points *p)
{
    rv_tensor *t = p->t, **fixed = rv_unbind(p->fixed, 0);
    if (n == NULL || fixed == NULL)
        return NULL;
    rv_tensor *value = rv_add(n[VALUE], bias);
    rv_tensor *u = rv_add(fixed[VALUE], rv_mul(t, value));
    rv_tensor *u_t = rv_add(value, rv_mul(t, n[BY_T]));
    rv_tensor *u_x = rv_add(fixed[BY_X], rv_mul(t, n[BY_X]));
    rv_tensor *u_xx = rv_add(fixed[BY_XX], rv_mul(t, n[BY_XX]));
    return rv_sub(rv_add(u_t, rv_mul(u, u_x)), rv_mul_scalar(u_xx, pinn_nu));
}

/* A layer does the same to all four of a jet: [JET,n,in] -> [JET,n,out]. */
static rv_tensor *multiply(rv_tensor *jet, rv_tensor *weight)
{
    if (weight == NULL || weight->ndim == 2)
        return rv_linear(jet, weight, NULL);
    return rv_transpose(rv_linear(rv_transpose(jet, 0, 1), weight, NULL), 0, 1);
}

rv_tensor *pinn_residual(rv_tensors parameters, const pinn_points *p)
{
    rv_tensor *jet = p->features;
    const int64_t last = parameters.count - 2;
    for (int64_t i = 0; i < last; i += 2)
        jet = pinn_tanh(multiply(jet, parameters.items[i]), parameters.items[i + 1]);
    rv_tensor *n = multiply(jet, parameters.items[last]);
    rv_tensor *r = burgers(rv_unbind(n, 0), parameters.items[last + 1], p);
    return r == NULL ? NULL : rv_reshape(r, -1);
}

rv_tensor *pinn_residual_by_gradients(rv_layer *net, const pinn_points *p)
{
    rv_tensor *t = rv_require_grad(rv_detach(p->t)), *x = rv_require_grad(rv_detach(p->x));
    rv_tensor *angle = rv_mul_scalar(x, pi), *sine = rv_sin(angle);
    rv_tensor *in[] = {t, rv_cos(angle), sine};
    rv_tensor *u = rv_sub(rv_mul(t, rv_forward(net, rv_cat(in, FEATURES, 1))), sine);

    rv_tensor *ones = rv_ones_like(t), *tx[] = {t, x};
    rv_tensor **first = rv_gradients(&u, 1, tx, 2, .gradients = &ones, .create_graph = true);
    if (first == NULL)
        return NULL;
    rv_tensor *u_t = first[0], *u_x = first[1];
    rv_tensor **second = rv_gradients(&u_x, 1, &x, 1, .gradients = &ones, .create_graph = true);
    if (second == NULL)
        return NULL;
    rv_tensor *u_xx = second[0];
    rv_tensor *r = rv_sub(rv_add(u_t, rv_mul(u, u_x)), rv_mul_scalar(u_xx, pinn_nu));
    return rv_reshape(r, -1);
}

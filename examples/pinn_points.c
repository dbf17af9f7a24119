/* pinn_points.c - where the equation is asked for: anywhere, then where it is least fulfilled.
 *
 * Drawing without replacement by weights is drawing an exponential waiting time of each weight as
 * its rate, and taking those that come first (Efraimidis and Spirakis 2006).
 */
#include "pinn.h"

pinn_places pinn_draw(int64_t n)
{
    rv_tensor *t = rv_rand(RV_F64, n, 1), *x = rv_rand(RV_F64, n, 1);
    return (pinn_places){.t = t, .x = rv_sub_scalar(rv_mul_scalar(x, 2), 1)};
}

pinn_places pinn_choose(const pinn_places *places, rv_tensor *weights, int64_t n)
{
    RV_NO_GRAD;
    if (weights == NULL)
        return (pinn_places){0};
    /* 1 - u is in (0, 1], and has a finite logarithm. */
    rv_tensor *u = rv_rand(RV_F64, weights->numel);
    rv_tensor *waits = rv_div(rv_neg(rv_log1p(rv_neg(u))), weights);
    rv_tensor *chosen = rv_topk(waits, n, .smallest = true).indices;
    return (pinn_places){.t = rv_index_select(places->t, 0, chosen),
                         .x = rv_index_select(places->x, 0, chosen)};
}

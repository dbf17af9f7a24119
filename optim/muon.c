/* muon.c - Muon: momentum whose matrix is made orthogonal before it is followed.
 *
 * The gradient of a weight matrix has a few large singular values, and steps along it serve those
 * alone; with all of them at about 1, every direction moves. An odd polynomial of a matrix is that
 * polynomial of its singular values, so a few products do it, without a decomposition. The default
 * coefficients rise so steeply at 0 that five rounds bring even small ones to between 0.7 and 1.2.
 *
 * As in PyTorch the momentum is a running mean, not the sum that its documentation shows.
 */
#include "optim/optim_methods.h"

#include <math.h>

#include "autograd/operations.h"

static bool muon_validate(const void *options)
{
    const rv_muon_options *o = options;
    const char *who = "optim_muon";
    for (int i = 0; i < 3; i++)
        if (!isfinite(o->ns_coefficients[i]))
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "ns_coefficients[%d] is %g; a finite number is expected", i,
                           o->ns_coefficients[i]);
    if (o->ns_steps < 0 || o->ns_steps > 99)
        return rv_fail(RV_ERROR_ARGUMENT, who, "ns_steps is %d; 0 to 99 is expected", o->ns_steps);
    if ((int)o->adjust_lr < 0 || o->adjust_lr >= RV_MUON_ADJUST_LR_COUNT)
        return rv_fail(RV_ERROR_ARGUMENT, who, "adjust_lr is %d, which is no rv_muon_adjust_lr",
                       (int)o->adjust_lr);
    return rv_optim_check_fraction(who, "momentum", o->momentum) &&
           rv_optim_check_above(who, "eps", o->eps, 0);
}

static bool muon_accepts(const void *options, const rv_tensor *parameter)
{
    (void)options;
    return parameter->ndim == 2 ||
           rv_fail(RV_ERROR_SHAPE, "optim_muon",
                   "a parameter is %s; only matrices are taken: put biases, embeddings and kernels "
                   "into another optimizer (optim_adamw, say)",
                   RV_SHAPE_OF(parameter));
}

/* a + (b - a)*weight */
static rv_tensor *interpolate(rv_tensor *a, rv_tensor *b, double weight)
{
    return rv_add(rv_mul_scalar(a, 1 - weight), rv_mul_scalar(b, weight));
}

/* Sets the singular values of x to about 1. */
static rv_tensor *orthogonalize(rv_tensor *x, const rv_muon_options *o)
{
    const double a = o->ns_coefficients[0], b = o->ns_coefficients[1], c = o->ns_coefficients[2];
    const bool is_tall = x->shape[0] > x->shape[1];
    if (is_tall) /* so that x x' is the smaller of the two products */
        x = rv_transpose(x, 0, 1);
    x = rv_div(x, rv_clamp(rv_norm(x), .min = o->eps)); /* no singular value is above 1 */
    for (int i = 0; i < o->ns_steps; i++) {
        rv_tensor *s = rv_matmul(x, rv_transpose(x, 0, 1));
        rv_tensor *polynomial = rv_add(rv_mul_scalar(s, b), rv_mul_scalar(rv_matmul(s, s), c));
        x = rv_add(rv_mul_scalar(x, a), rv_matmul(polynomial, x));
    }
    return is_tall ? rv_transpose(x, 0, 1) : x;
}

static double scale_of(const rv_muon_options *o, const rv_tensor *parameter)
{
    const double rows = (double)parameter->shape[0], columns = (double)parameter->shape[1];
    return o->adjust_lr == RV_MUON_ORIGINAL ? sqrt(fmax(1, rows / columns))
                                            : 0.2 * sqrt(fmax(rows, columns));
}

static rv_tensor *muon_update(rv_optim_update *u)
{
    const rv_muon_options *o = u->options;
    if (u->parameter->numel == 0)
        return u->parameter;
    u->state[0] = interpolate(u->state[0], u->gradient, 1 - o->momentum);
    rv_tensor *direction =
        o->nesterov ? interpolate(u->gradient, u->state[0], o->momentum) : u->state[0];
    return rv_sub(u->parameter,
                  rv_mul_scalar(orthogonalize(direction, o), u->lr * scale_of(o, u->parameter)));
}

static const rv_optim_class muon_class = {.name = "optim_muon",
                                          .options_size = sizeof(rv_muon_options),
                                          .momentum_offset = offsetof(rv_muon_options, momentum),
                                          .state_count = 1,
                                          .state_names = {"momentum_buffer"},
                                          .validate = muon_validate,
                                          .accepts = muon_accepts,
                                          .update = muon_update};

rv_optim *rv_optim_muon_with(const rv_muon_options *options)
{
    return rv_optim_new(&muon_class, options);
}

/* pinn_jet.c - tanh of a jet: the chain rule, twice, in one pass.
 *
 * With h = tanh(z), h' = 1 - h^2, h'' = -2 h h':
 *
 *     h_t = h' z_t,  h_x = h' z_x,  h_xx = h' z_xx + h'' z_x^2
 *
 * That could be written with operations, and so is the derivative here where it is itself recorded.
 * Where it is not, which is most of the time, plain loops do all of it on numbers that are in the
 * cache already.
 */
#include "pinn.h"

/* ---- loops ----------------------------------------------------------------------------------- */

/* A value has n*w numbers, one behind the other, and each derivative behind it as many. */
static int64_t size_of(const rv_tensor *jet)
{
    return jet->shape[1] * jet->shape[2];
}

RV_WIDE(chain,
        (int64_t size, const double *restrict z, const double *restrict h, double *restrict y),
        (size, z, h, y), {
            const double *restrict z_t = z + BY_T * size, *restrict z_x = z + BY_X * size;
            const double *restrict z_xx = z + BY_XX * size;
            double *restrict y_t = y + BY_T * size, *restrict y_x = y + BY_X * size;
            double *restrict y_xx = y + BY_XX * size;
            for (int64_t i = 0; i < size; i++) {
                const double slope = 1 - h[i] * h[i], bend = -2 * h[i] * slope;
                y[i] = h[i];
                y_t[i] = slope * z_t[i];
                y_x[i] = slope * z_x[i];
                y_xx[i] = slope * z_xx[i] + bend * z_x[i] * z_x[i];
            }
        })

/* The third derivative of tanh is h' (6 h^2 - 2). */
RV_WIDE(chain_back,
        (int64_t size, const double *restrict z, const double *restrict h, const double *restrict g,
         double *restrict gz),
        (size, z, h, g, gz), {
            const double *restrict z_t = z + BY_T * size, *restrict z_x = z + BY_X * size;
            const double *restrict z_xx = z + BY_XX * size;
            const double *restrict g_t = g + BY_T * size, *restrict g_x = g + BY_X * size;
            const double *restrict g_xx = g + BY_XX * size;
            double *restrict gz_t = gz + BY_T * size, *restrict gz_x = gz + BY_X * size;
            double *restrict gz_xx = gz + BY_XX * size;
            for (int64_t i = 0; i < size; i++) {
                const double slope = 1 - h[i] * h[i], bend = -2 * h[i] * slope;
                const double third = slope * (6 * h[i] * h[i] - 2);
                const double along = z_t[i] * g_t[i] + z_x[i] * g_x[i] + z_xx[i] * g_xx[i];
                gz[i] = slope * g[i] + bend * along + third * z_x[i] * z_x[i] * g_xx[i];
                gz_t[i] = slope * g_t[i];
                gz_x[i] = slope * g_x[i] + 2 * bend * z_x[i] * g_xx[i];
                gz_xx[i] = slope * g_xx[i];
            }
        })

/* ---- the operation --------------------------------------------------------------------------- */

/* The same in operations, to be differentiated again. */
static rv_tensor *recorded_back(rv_tensor *z, rv_tensor *y, rv_tensor *g)
{
    rv_tensor *h = rv_select(y, 0, VALUE), *square = rv_square(h);
    rv_tensor *slope = rv_add_scalar(rv_neg(square), 1);
    rv_tensor *bend = rv_mul_scalar(rv_mul(h, slope), -2);
    rv_tensor *third = rv_mul(slope, rv_sub_scalar(rv_mul_scalar(square, 6), 2));
    rv_tensor *z_x = rv_select(z, 0, BY_X);
    rv_tensor *g_x = rv_select(g, 0, BY_X), *g_xx = rv_select(g, 0, BY_XX);
    rv_tensor *along = rv_sum(rv_slice(rv_mul(z, g), 0, BY_T), .axes = RV_AXES(0));
    rv_tensor *value = rv_add(rv_mul(slope, rv_select(g, 0, VALUE)), rv_mul(bend, along));
    value = rv_add(value, rv_mul(rv_mul(third, rv_square(z_x)), g_xx));
    rv_tensor *by_x = rv_mul(rv_mul_scalar(bend, 2), rv_mul(z_x, g_xx));
    rv_tensor *const jet[JET] = {
        [VALUE] = value,
        [BY_T] = rv_mul(slope, rv_select(g, 0, BY_T)),
        [BY_X] = rv_add(rv_mul(slope, g_x), by_x),
        [BY_XX] = rv_mul(slope, g_xx),
    };
    return rv_stack(jet, JET, 0);
}

static void tanh_derivative(rv_derivative *d)
{
    rv_tensor *z = rv_saved_input(d, 0), *y = rv_saved_output(d);
    rv_tensor *gz = NULL;
    if (rv_recording()) {
        gz = recorded_back(z, y, d->g);
    } else {
        rv_tensor *g = rv_contiguous(d->g);
        z = rv_contiguous(z);
        gz = rv_empty_like(y);
        if (g != NULL && z != NULL && gz != NULL)
            chain_back(size_of(z), rv_data(z), rv_data(y), rv_data(g), rv_data(gz));
    }
    d->grads[0] = gz;
    d->grads[1] = rv_select(gz, 0, VALUE); /* summed over what it was broadcast to */
}

static const rv_op tanh_op =
    RV_CUSTOM_OP(tanh_of_jet, 2, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, tanh_derivative);

static rv_tensor *forward(rv_tensor *z, rv_tensor *bias)
{
    RV_NO_GRAD;
    RV_SCOPE;
    z = rv_contiguous(z);
    rv_tensor *y = rv_empty_like(z), *h = rv_tanh(rv_add(rv_select(z, 0, VALUE), bias));
    if (y == NULL || h == NULL)
        return NULL;
    chain(size_of(z), rv_data(z), rv_data(h), rv_data(y));
    return rv_keep(y);
}

rv_tensor *pinn_tanh(rv_tensor *z, rv_tensor *bias)
{
    if (z == NULL || bias == NULL)
        return NULL;
    rv_tensor *const in[] = {z, bias};
    return rv_record(&tanh_op, forward(z, bias), 2, in, NULL, 0);
}

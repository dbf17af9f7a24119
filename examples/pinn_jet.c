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

/* How far the same place is from one row of a jet, [w], to the next. */
typedef struct rows {
    int64_t n, w;
    bool own_bias; /* one for each point */
} rows;

static rows rows_of(const rv_tensor *z, const rv_tensor *bias)
{
    return (rows){.n = z->shape[0], .w = z->shape[2], .own_bias = bias->ndim == 2};
}

/* ---- forward --------------------------------------------------------------------------------- */

static void add_bias(rows r, const double *restrict z, const double *restrict bias,
                     double *restrict sum)
{
    for (int64_t i = 0; i < r.n; i++, z += JET * r.w, sum += r.w, bias += r.own_bias ? r.w : 0)
        for (int64_t j = 0; j < r.w; j++)
            sum[j] = z[j] + bias[j];
}

static void chain(rows r, const double *restrict z, const double *restrict h, double *restrict y)
{
    const int64_t w = r.w;
    for (int64_t i = 0; i < r.n; i++, z += JET * w, y += JET * w, h += w)
        for (int64_t j = 0; j < w; j++) {
            const double slope = 1 - h[j] * h[j], bend = -2 * h[j] * slope;
            const double by_x = z[BY_X * w + j];
            y[j] = h[j];
            y[BY_T * w + j] = slope * z[BY_T * w + j];
            y[BY_X * w + j] = slope * by_x;
            y[BY_XX * w + j] = slope * z[BY_XX * w + j] + bend * by_x * by_x;
        }
}

/* ---- derivative ------------------------------------------------------------------------------ */

/* The third derivative of tanh is h' (6 h^2 - 2). */
static void chain_back(rows r, const double *restrict z, const double *restrict y,
                       const double *restrict g, double *restrict gz)
{
    const int64_t w = r.w, step = JET * w;
    for (int64_t i = 0; i < r.n; i++, z += step, y += step, g += step, gz += step)
        for (int64_t j = 0; j < w; j++) {
            const double h = y[j], slope = 1 - h * h, bend = -2 * h * slope;
            const double third = slope * (6 * h * h - 2);
            const double z_x = z[BY_X * w + j], g_xx = g[BY_XX * w + j];
            const double along =
                z[BY_T * w + j] * g[BY_T * w + j] + z_x * g[BY_X * w + j] + z[BY_XX * w + j] * g_xx;
            gz[j] = slope * g[j] + bend * along + third * z_x * z_x * g_xx;
            gz[BY_T * w + j] = slope * g[BY_T * w + j];
            gz[BY_X * w + j] = slope * g[BY_X * w + j] + 2 * bend * z_x * g_xx;
            gz[BY_XX * w + j] = slope * g_xx;
        }
}

/* The same in operations, to be differentiated again. */
static rv_tensor *recorded_back(rv_tensor *z, rv_tensor *y, rv_tensor *g)
{
    rv_tensor *h = rv_select(y, 1, VALUE), *square = rv_square(h);
    rv_tensor *slope = rv_add_scalar(rv_neg(square), 1);
    rv_tensor *bend = rv_mul_scalar(rv_mul(h, slope), -2);
    rv_tensor *third = rv_mul(slope, rv_sub_scalar(rv_mul_scalar(square, 6), 2));
    rv_tensor *z_x = rv_select(z, 1, BY_X);
    rv_tensor *g_x = rv_select(g, 1, BY_X), *g_xx = rv_select(g, 1, BY_XX);
    rv_tensor *along = rv_sum(rv_slice(rv_mul(z, g), 1, BY_T), .axes = RV_AXES(1));
    rv_tensor *value = rv_add(rv_mul(slope, rv_select(g, 1, VALUE)), rv_mul(bend, along));
    value = rv_add(value, rv_mul(rv_mul(third, rv_square(z_x)), g_xx));
    rv_tensor *by_x = rv_mul(rv_mul_scalar(bend, 2), rv_mul(z_x, g_xx));
    rv_tensor *const jet[JET] = {
        [VALUE] = value,
        [BY_T] = rv_mul(slope, rv_select(g, 1, BY_T)),
        [BY_X] = rv_add(rv_mul(slope, g_x), by_x),
        [BY_XX] = rv_mul(slope, g_xx),
    };
    return rv_stack(jet, JET, 1);
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
            chain_back(rows_of(z, z), rv_data(z), rv_data(y), rv_data(g), rv_data(gz));
    }
    d->grads[0] = gz;
    d->grads[1] = rv_select(gz, 1, VALUE); /* summed over what it was broadcast to */
}

static const rv_op tanh_op =
    RV_CUSTOM_OP(tanh_of_jet, 2, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, tanh_derivative);

/* tanh(z + bias), in place of recorded operations. */
static rv_tensor *forward(rv_tensor *z, rv_tensor *bias)
{
    RV_NO_GRAD;
    RV_SCOPE;
    const rows r = rows_of(z, bias);
    rv_tensor *y = rv_empty(RV_F64, r.n, JET, r.w), *sum = rv_empty(RV_F64, r.n, r.w);
    z = rv_contiguous(z);
    bias = rv_contiguous(bias);
    if (y == NULL || sum == NULL || z == NULL || bias == NULL)
        return NULL;
    add_bias(r, rv_data(z), rv_data(bias), rv_data(sum));
    rv_tensor *h = rv_tanh(sum);
    if (h == NULL)
        return NULL;
    chain(r, rv_data(z), rv_data(h), rv_data(y));
    return rv_keep(y);
}

rv_tensor *pinn_tanh(rv_tensor *z, rv_tensor *bias)
{
    if (z == NULL || bias == NULL)
        return NULL;
    rv_tensor *const in[] = {z, bias};
    return rv_record(&tanh_op, forward(z, bias), 2, in, NULL, 0);
}

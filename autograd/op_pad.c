/* op_pad.c - pad, with a constant or with elements of the tensor itself, and its derivative.
 *
 * Axis after axis, the strips before and behind get what the mode says; those of later axes then
 * take in what earlier ones put there, so corners come by themselves. Backwards, each strip is
 * added to where it came from, the last axis first.
 */
#include "autograd/op_support.h"

#include <string.h>

#include "core/elementwise.h"
#include "core/reduce.h"

typedef struct pad_attributes {
    int64_t before[RV_MAX_DIMENSIONS], after[RV_MAX_DIMENSIONS];
    rv_pad_mode mode;
} pad_attributes;

/* ---- checks --------------------------------------------------------------------------------- */

/* The most that a mode can put on one side of an axis. */
static int64_t most_padding(rv_pad_mode mode, int64_t size)
{
    switch (mode) {
    case RV_PAD_REFLECT: return size > 0 ? size - 1 : 0;
    case RV_PAD_REPLICATE: return size > 0 ? INT64_MAX : 0;
    case RV_PAD_CIRCULAR: return size;
    default: return INT64_MAX;
    }
}

static bool check_options(const char *who, const rv_pad_options *options)
{
    if ((unsigned)options->mode > RV_PAD_CIRCULAR)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d is no mode", (int)options->mode);
    if (options->mode != RV_PAD_CONSTANT && options->value != 0)
        return rv_fail(RV_ERROR_ARGUMENT, who, "value %g is given, but the mode is not constant",
                       options->value);
    return true;
}

/* The shape of a tensor of `ndim` axes after padding, and the attributes; false with an error. */
static bool padded_shape(const char *who, const rv_pad_options *options, int ndim,
                         const int64_t *sizes, int64_t *shape, pad_attributes *attributes)
{
    if (!check_options(who, options))
        return false;
    if (ndim > 0 && (options->before == NULL || options->after == NULL))
        return rv_fail(RV_ERROR_NULL, who, "%s is NULL",
                       options->before == NULL ? "before" : "after");
    *attributes = (pad_attributes){.mode = options->mode};
    for (int i = 0; i < ndim; i++) {
        const int64_t before = options->before[i], after = options->after[i];
        if (before < 0 || after < 0)
            return rv_fail(RV_ERROR_ARGUMENT, who,
                           "%lld before and %lld after axis %d; expected 0 or more",
                           (long long)before, (long long)after, i);
        const int64_t room = INT64_MAX - sizes[i], most = most_padding(options->mode, sizes[i]);
        if (before > room || after > room - before || before > most || after > most)
            return rv_fail(
                RV_ERROR_SHAPE, who, "%lld before and %lld after axis %d of %s%s",
                (long long)before, (long long)after, i, rv_shape_text(RV_SHAPE_BUFFER, ndim, sizes),
                before > most || after > most ? ": more than the mode can find in it" : "");
        shape[i] = before + sizes[i] + after;
        attributes->before[i] = before;
        attributes->after[i] = after;
    }
    return true;
}

/* ---- strips --------------------------------------------------------------------------------- */

/* The part of y that is x, along the axes from `first` on. */
static rv_tensor *inside(const char *who, rv_tensor *y, const pad_attributes *p, int first)
{
    for (int i = first; y != NULL && i < y->ndim; i++)
        if (p->before[i] > 0 || p->after[i] > 0)
            y = rv_raw_slice(who, y, i, p->before[i], y->shape[i] - p->after[i], 1);
    return y;
}

/* Two views of what is padded along `axis`: a strip of padding, before or after, and where its
 * elements come from; for RV_PAD_REPLICATE, one row. */
typedef struct strip {
    rv_tensor *to, *from;
} strip;

static strip strip_of(const char *who, rv_tensor *y, const pad_attributes *p, int axis,
                      bool is_before)
{
    const int64_t before = p->before[axis], behind = y->shape[axis] - p->after[axis];
    const int64_t width = is_before ? before : p->after[axis];
    const int64_t to = is_before ? 0 : behind;
    int64_t from = is_before ? before : behind - 1, taken = 1;
    if (p->mode == RV_PAD_CIRCULAR)
        from = is_before ? behind - width : before;
    else if (p->mode == RV_PAD_REFLECT)
        from = is_before ? before + 1 : behind - 1 - width;
    if (p->mode != RV_PAD_REPLICATE)
        taken = width;
    strip s = {rv_raw_slice(who, y, axis, to, to + width, 1),
               rv_raw_slice(who, y, axis, from, from + taken, 1)};
    if (p->mode == RV_PAD_REFLECT && s.from != NULL)
        s.from = rv_reversed(who, s.from, 1u << axis);
    return s;
}

/* Fills the strips of y, in whose middle x stands already. */
static bool fill_strips(const char *who, rv_tensor *y, const pad_attributes *p)
{
    for (int axis = 0; axis < y->ndim; axis++) {
        rv_tensor *part = inside(who, y, p, axis + 1);
        for (int side = 0; side < 2; side++) {
            if ((side == 0 ? p->before : p->after)[axis] == 0)
                continue;
            const strip s =
                part == NULL ? (strip){NULL, NULL} : strip_of(who, part, p, axis, side == 0);
            if (s.to == NULL || s.from == NULL || !rv_write(who, s.to, s.from))
                return false;
        }
    }
    return true;
}

/* Adds the strips of y to where they came from. */
static bool fold_strips(const char *who, rv_tensor *y, const pad_attributes *p)
{
    rv_loop *add = rv_kernels_get()->loops[RV_LOOP_add][y->dtype];
    for (int axis = y->ndim - 1; axis >= 0; axis--) {
        rv_tensor *part = inside(who, y, p, axis + 1);
        for (int side = 0; side < 2; side++) {
            if ((side == 0 ? p->before : p->after)[axis] == 0)
                continue;
            strip s = part == NULL ? (strip){NULL, NULL} : strip_of(who, part, p, axis, side == 0);
            if (s.to != NULL && p->mode == RV_PAD_REPLICATE)
                s.to = rv_reduce(who, RV_FOLD_sum, s.to, 1u << axis, true);
            const rv_tensor *const terms[] = {s.from, s.to};
            if (s.to == NULL || s.from == NULL || !rv_elementwise_into(who, add, s.from, 2, terms))
                return false;
        }
    }
    return true;
}

/* ---- pad ------------------------------------------------------------------------------------ */

static rv_pad_options options_of(rv_tensor *input, const pad_attributes *p)
{
    return (rv_pad_options){
        .input = input, .before = p->before, .after = p->after, .mode = p->mode};
}

static void pad_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const pad_attributes *p = d->attributes;
    if (p->mode != RV_PAD_CONSTANT) {
        const rv_pad_options options = options_of(NULL, p);
        d->grads[0] = rv_pad_grad(d->g, in.ndim, in.shape, &options);
        return;
    }
    rv_tensor *g = d->g;
    for (int i = 0; i < in.ndim && g != NULL; i++)
        if (g->shape[i] != in.shape[i])
            g = rv_slice(g, .axis = i, .start = p->before[i], .stop = p->before[i] + in.shape[i]);
    d->grads[0] = g;
}

static const rv_op pad_op = RV_OP(pad, 1, RV_SAVE_NOTHING, pad_derivative);

rv_tensor *rv_pad_with(const rv_pad_options *options)
{
    const char *who = "pad";
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, who, "the options are NULL");
    RV_SCOPE;
    rv_tensor *x = options->input;
    int64_t shape[RV_MAX_DIMENSIONS];
    pad_attributes p;
    const rv_tensor *filling = rv_scalar_like(who, x, options->value);
    if (filling == NULL || !padded_shape(who, options, x->ndim, x->shape, shape, &p))
        return NULL;
    rv_tensor *y = rv_empty_n(x->dtype, x->ndim, shape);
    if (y == NULL || (p.mode == RV_PAD_CONSTANT && !rv_write(who, y, filling)))
        return NULL;
    rv_tensor *middle = inside(who, y, &p, 0);
    if (middle == NULL || !rv_write(who, middle, x))
        return NULL;
    if (p.mode != RV_PAD_CONSTANT && !fill_strips(who, y, &p))
        return NULL;
    return rv_keep(rv_record(&pad_op, y, 1, &x, &p, sizeof p));
}

/* ---- pad_grad ------------------------------------------------------------------------------- */

static void pad_grad_derivative(rv_derivative *d)
{
    const rv_pad_options options = options_of(d->g, d->attributes);
    d->grads[0] = rv_pad_with(&options);
}

static const rv_op pad_grad_op = RV_OP(pad_grad, 1, RV_SAVE_NOTHING, pad_grad_derivative);

rv_tensor *rv_pad_grad(rv_tensor *g, int ndim, const int64_t *shape, const rv_pad_options *pad)
{
    const char *who = "pad_grad";
    if (!rv_check(who, 0, g) || !rv_check_floating(who, 0, g))
        return NULL;
    if (pad == NULL || (shape == NULL && ndim > 0))
        return rv_fail_null(RV_ERROR_NULL, who, "the %s NULL",
                            pad == NULL ? "options are" : "shape is");
    RV_SCOPE;
    int64_t padded[RV_MAX_DIMENSIONS];
    pad_attributes p;
    rv_tensor *y = rv_empty_n(g->dtype, ndim, shape);
    if (y == NULL || !padded_shape(who, pad, ndim, shape, padded, &p))
        return NULL;
    bool fits = g->ndim == ndim;
    for (int i = 0; fits && i < ndim; i++)
        fits = g->shape[i] == padded[i];
    if (!fits)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s given for a result of shape %s",
                            RV_SHAPE_OF(g), rv_shape_text(RV_SHAPE_BUFFER, ndim, padded));
    rv_tensor *folded = p.mode == RV_PAD_CONSTANT ? g : rv_raw_copy(who, g);
    if (folded == NULL || (p.mode != RV_PAD_CONSTANT && !fold_strips(who, folded, &p)))
        return NULL;
    const rv_tensor *middle = inside(who, folded, &p, 0);
    if (middle == NULL || !rv_write(who, y, middle))
        return NULL;
    return rv_keep(rv_record(&pad_grad_op, y, 1, &g, &p, sizeof p));
}

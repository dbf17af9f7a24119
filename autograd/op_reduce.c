/* op_reduce.c - sum, mean, max, min, argmax, argmin, and what counts elements.
 *
 * Derivatives put the reduced axes back with size 1, and broadcast from there.
 */
#include "autograd/op_reduce.h"

#include "core/elementwise.h"

/* ---- what all reductions need -----------------------------------------------------------------
 */

bool rv_axes_of(const char *who, const rv_tensor *x, const rv_axes *axes, rv_axis_set *set)
{
    if (!rv_check(who, 0, x))
        return false;
    if (axes->count < 0 || axes->count > RV_MAX_DIMENSIONS)
        return rv_fail(RV_ERROR_ARGUMENT, who, "%d axes given, expected 0 to %d", axes->count,
                       RV_MAX_DIMENSIONS);
    *set = axes->count == 0 ? (1u << x->ndim) - 1 : 0;
    for (int i = 0; i < axes->count; i++) {
        const int axis = rv_check_axis(who, axes->axis[i], x->ndim);
        if (axis < 0)
            return false;
        if (*set & 1u << axis)
            return rv_fail(RV_ERROR_ARGUMENT, who, "axis %d is given twice", axis);
        *set |= 1u << axis;
    }
    return true;
}

bool rv_reduced_axes(const char *who, const rv_reduce_options *options, rv_axis_set *set)
{
    if (options == NULL)
        return rv_fail(RV_ERROR_NULL, who, "the options are NULL");
    return rv_axes_of(who, options->input, &options->axes, set);
}

int64_t rv_folded(int ndim, const int64_t *shape, rv_axis_set set)
{
    int64_t count = 1;
    for (int i = 0; i < ndim; i++)
        count *= set & 1u << i ? shape[i] : 1;
    return count;
}

rv_tensor *rv_put_back(const rv_derivative *d, rv_axis_set set, rv_tensor *t)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    if (t == NULL || t->ndim == in.ndim)
        return t;
    int64_t shape[RV_MAX_DIMENSIONS];
    for (int i = 0; i < in.ndim; i++)
        shape[i] = set & 1u << i ? 1 : in.shape[i];
    return rv_reshape_n(t, in.ndim, shape);
}

/* The options of a reduction over `set`, whose axes stay. */
static rv_reduce_options over(rv_tensor *x, rv_axis_set set)
{
    rv_reduce_options options = {.input = x, .keepdim = true};
    for (int i = 0; i < RV_MAX_DIMENSIONS; i++)
        if (set & 1u << i)
            options.axes.axis[options.axes.count++] = i;
    return options;
}

rv_tensor *rv_sum_over(rv_tensor *x, rv_axis_set set)
{
    const rv_reduce_options options = over(x, set);
    return set == 0 ? x : rv_sum_with(&options);
}

rv_tensor *rv_mean_over(rv_tensor *x, rv_axis_set set)
{
    const rv_reduce_options options = over(x, set);
    return set == 0 ? x : rv_mean_with(&options);
}

rv_tensor *rv_quotient_or_0(const char *who, rv_tensor *a, rv_tensor *b)
{
    rv_tensor *is_0 = rv_eq_scalar(b, 0);
    rv_tensor *divisor = rv_where(is_0, rv_scalar_like(who, b, 1), b);
    return rv_where(is_0, rv_scalar_like(who, b, 0), rv_div(a, divisor));
}

rv_tensor *rv_at_least_1d(rv_tensor *x)
{
    return x != NULL && x->ndim == 0 ? rv_reshape(x, 1) : x;
}

/* The one attribute of these operations. */
static rv_axis_set set_of(const rv_derivative *d)
{
    return *(const rv_axis_set *)d->attributes;
}

/* ---- sum ------------------------------------------------------------------------------------ */

static void sum_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    d->grads[0] = rv_expand_n(rv_put_back(d, set_of(d), d->g), in.ndim, in.shape);
}

static const rv_op sum_op = RV_OP(sum, 1, RV_SAVE_NOTHING, sum_derivative);

rv_tensor *rv_sum_with(const rv_reduce_options *options)
{
    rv_axis_set set;
    if (!rv_reduced_axes("sum", options, &set))
        return NULL;
    rv_tensor *y = rv_reduce("sum", RV_FOLD_sum, options->input, set, options->keepdim);
    return rv_record(&sum_op, y, 1, &options->input, &set, sizeof set);
}

/* ---- mean ----------------------------------------------------------------------------------- */

static void mean_derivative(rv_derivative *d)
{
    const rv_shape_of in = rv_input_shape(d, 0);
    const rv_axis_set set = set_of(d);
    const double count = (double)rv_folded(in.ndim, in.shape, set);
    rv_tensor *share = rv_div_scalar(rv_put_back(d, set, d->g), count);
    d->grads[0] = rv_expand_n(share, in.ndim, in.shape);
}

static const rv_op mean_op = RV_OP(mean, 1, RV_SAVE_NOTHING, mean_derivative);

rv_tensor *rv_mean_with(const rv_reduce_options *options)
{
    rv_axis_set set;
    if (!rv_reduced_axes("mean", options, &set) || !rv_check_floating("mean", 0, options->input))
        return NULL;
    rv_tensor *x = options->input;
    const rv_folding how = {.fold = RV_FOLD_sum,
                            .finish = RV_FINISH_divide,
                            .number = (double)rv_folded(x->ndim, x->shape, set)};
    rv_tensor *y = rv_reduce_with("mean", &how, x, set, options->keepdim);
    return rv_record(&mean_op, y, 1, &x, &set, sizeof set);
}

/* ---- max, min ------------------------------------------------------------------------------- */

/* In equal parts to the elements that were picked. */
static void pick_derivative(rv_derivative *d)
{
    const rv_axis_set set = set_of(d);
    rv_tensor *picked = rv_eq(rv_saved_input(d, 0), rv_put_back(d, set, rv_saved_output(d)));
    rv_tensor *ones = rv_cast(picked, d->g->dtype);
    rv_tensor *share = rv_div(rv_put_back(d, set, d->g), rv_sum_over(ones, set));
    d->grads[0] = rv_mul(share, ones);
}

static const rv_op max_op = RV_OP(max, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, pick_derivative);
static const rv_op min_op = RV_OP(min, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, pick_derivative);

static rv_tensor *pick(const rv_op *op, rv_fold_id fold, const rv_reduce_options *options)
{
    rv_axis_set set;
    if (!rv_reduced_axes(op->name, options, &set))
        return NULL;
    rv_tensor *y = rv_reduce(op->name, fold, options->input, set, options->keepdim);
    return rv_record(op, y, 1, &options->input, &set, sizeof set);
}

rv_tensor *rv_max_with(const rv_reduce_options *options)
{
    return pick(&max_op, RV_FOLD_max, options);
}

rv_tensor *rv_min_with(const rv_reduce_options *options)
{
    return pick(&min_op, RV_FOLD_min, options);
}

/* ---- argmax, argmin ------------------------------------------------------------------------- */

static const rv_op argmax_op = RV_OP(argmax, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);
static const rv_op argmin_op = RV_OP(argmin, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);

typedef rv_tensor *search(const char *who, const rv_tensor *t, int axis, bool keepdim);

/* Along one axis of all elements. */
static rv_tensor *find_in_all(const char *who, search *find, const rv_tensor *x, bool keepdim)
{
    RV_SCOPE;
    const rv_tensor *line = rv_raw_reshape(who, x, 1, (const int64_t[]){x->numel});
    rv_tensor *y = line == NULL ? NULL : find(who, line, 0, false);
    const int64_t ones[RV_MAX_DIMENSIONS] = {1, 1, 1, 1, 1, 1, 1, 1};
    if (y == NULL)
        return NULL;
    return rv_keep(keepdim ? rv_raw_reshape(who, y, x->ndim, ones) : y);
}

static rv_tensor *find(const rv_op *op, search *along, const rv_arg_options *options)
{
    if (options == NULL)
        return rv_fail_null(RV_ERROR_NULL, op->name, "the options are NULL");
    rv_tensor *x = options->input;
    if (!rv_check(op->name, 0, x))
        return NULL;
    const bool is_scalar = x->ndim == 0 && (options->axis == 0 || options->axis == -1);
    rv_tensor *y = is_scalar || options->axis == RV_ALL_AXES
                       ? find_in_all(op->name, along, x, options->keepdim)
                       : along(op->name, x, options->axis, options->keepdim);
    return rv_record(op, y, 1, &x, NULL, 0);
}

rv_tensor *rv_argmax_with(const rv_arg_options *options)
{
    return find(&argmax_op, rv_reduce_argmax, options);
}

rv_tensor *rv_argmin_with(const rv_arg_options *options)
{
    return find(&argmin_op, rv_reduce_argmin, options);
}

/* ---- any, all, count_nonzero ---------------------------------------------------------------- */

static const rv_op any_op = RV_OP(any, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);
static const rv_op all_op = RV_OP(all, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);
static const rv_op count_nonzero_op =
    RV_OP(count_nonzero, 1, RV_SAVE_NOTHING, RV_NOT_DIFFERENTIABLE);

/* How many elements are not 0, and how many there are. */
static rv_tensor *counted(const char *who, const rv_reduce_options *options, int64_t *of)
{
    rv_axis_set set;
    if (!rv_reduced_axes(who, options, &set))
        return NULL;
    *of = rv_folded(options->input->ndim, options->input->shape, set);
    return rv_reduce(who, RV_FOLD_count, options->input, set, options->keepdim);
}

/* A mask: the loop of a count and a number. */
static rv_tensor *compared(const char *who, rv_loop_id loop, rv_tensor *count, double with)
{
    RV_SCOPE;
    rv_tensor *in[] = {count, count == NULL ? NULL : rv_scalar_like(who, count, with)};
    return in[1] == NULL ? NULL : rv_keep(rv_elementwise(who, loop, 2, in));
}

rv_tensor *rv_any_with(const rv_reduce_options *options)
{
    int64_t of;
    rv_tensor *y = compared("any", RV_LOOP_ne, counted("any", options, &of), 0);
    return y == NULL ? NULL : rv_record(&any_op, y, 1, &options->input, NULL, 0);
}

rv_tensor *rv_all_with(const rv_reduce_options *options)
{
    int64_t of = 0;
    rv_tensor *count = counted("all", options, &of);
    rv_tensor *y = compared("all", RV_LOOP_eq, count, (double)of);
    return y == NULL ? NULL : rv_record(&all_op, y, 1, &options->input, NULL, 0);
}

rv_tensor *rv_count_nonzero_with(const rv_reduce_options *options)
{
    int64_t of;
    rv_tensor *y = counted("count_nonzero", options, &of);
    return y == NULL ? NULL : rv_record(&count_nonzero_op, y, 1, &options->input, NULL, 0);
}

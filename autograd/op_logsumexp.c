/* op_logsumexp.c - log(sum(e^x)), which does not overflow: the largest element m is taken out
 * first, as m + log(sum(e^(x - m))).
 */
#include "autograd/op_reduce.h"

/* The share that each element has in the sum. */
static void logsumexp_derivative(rv_derivative *d)
{
    const rv_axis_set set = *(const rv_axis_set *)d->attributes;
    rv_tensor *y = rv_put_back(d, set, rv_saved_output(d));
    rv_tensor *share = rv_exp(rv_sub(rv_saved_input(d, 0), y));
    d->grads[0] = rv_mul(rv_put_back(d, set, d->g), share);
}

static const rv_op logsumexp_op =
    RV_OP(logsumexp, 1, RV_SAVE_INPUT(0) | RV_SAVE_OUTPUT, logsumexp_derivative);

/* The largest elements, as double; 0 where there is none. */
static rv_tensor *largest(const rv_tensor *x, rv_axis_set set, bool keepdim)
{
    const bool is_empty = rv_folded(x->ndim, x->shape, set) == 0;
    const rv_folding how = {.fold = is_empty ? RV_FOLD_sum : RV_FOLD_max, .as_f64 = true};
    return rv_reduce_with("logsumexp", &how, x, set, keepdim);
}

static rv_tensor *logsumexp(const rv_tensor *x, rv_axis_set set, bool keepdim)
{
    RV_SCOPE;
    const rv_folding how = {
        .centered = RV_FOLD_exps, .centers = largest(x, set, keepdim), .finish = RV_FINISH_log};
    if (how.centers == NULL)
        return NULL;
    return rv_keep(rv_reduce_with("logsumexp", &how, x, set, keepdim));
}

rv_tensor *rv_logsumexp_with(const rv_reduce_options *options)
{
    const char *who = "logsumexp";
    rv_axis_set set;
    if (!rv_reduced_axes(who, options, &set) || !rv_check_floating(who, 0, options->input))
        return NULL;
    rv_tensor *x = options->input;
    rv_tensor *y = logsumexp(x, set, options->keepdim);
    return rv_record(&logsumexp_op, y, 1, &x, &set, sizeof set);
}

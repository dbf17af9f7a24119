/* op_pair_loss.c - mse, l1, huber, bce, bce_with_logits: losses of one number x and its target t.
 *
 * All go through one pass: a block of losses is written where it stays in the cache, and added up
 * there. Their derivatives by x are operations of one pass too; what a derivative of those needs is
 * made of other operations. Most depend on x - t alone, and so have opposite derivatives by x and
 * t.
 */
#include "autograd/op_loss.h"

#include "autograd/graph.h"
#include "core/integers.h"
#include "core/memory.h"
#include "core/parallel.h"

/* Elements of a piece, and of a block in it. */
#define PIECE 16384
#define BLOCK 512

typedef struct pair_attributes {
    rv_pair_loss_id id;
    rv_reduction reduction;
    double parameter;
} pair_attributes;

/* What is special about a loss, beside its kernels. A function that is NULL means: the negative of
 * what is the same by x. */
typedef struct pair_loss {
    const char *grad_name;
    const rv_op *op, *grad_op;
    /* g times the loss's derivative by t */
    rv_tensor *(*by_target)(rv_tensor *g, rv_tensor *x, rv_tensor *t);
    /* g times the derivative of (the loss's derivative by x), by x and by t */
    rv_tensor *(*second)(rv_tensor *g, rv_tensor *x, rv_tensor *t, double parameter);
    rv_tensor *(*second_by_target)(rv_tensor *g, rv_tensor *x, rv_tensor *t);
} pair_loss;

static const pair_loss losses[RV_PAIR_LOSS_COUNT];

/* ---- running the kernels -------------------------------------------------------------------- */

typedef struct pair_task {
    rv_pair_loss kernels;
    const rv_tensor *g, *x, *t; /* contiguous; g is NULL for the loss itself */
    rv_tensor *y;               /* NULL if only their sum is wanted */
    double parameter;
    double *sums; /* [pieces] */
} pair_task;

/* The sum of a piece's losses. */
static double sum_of_piece(const pair_task *task, int64_t first, int64_t count)
{
    union {
        float f32[BLOCK];
        double f64[BLOCK];
    } block;
    const rv_dtype dtype = task->x->dtype;
    const int64_t size = (int64_t)rv_dtype_size(dtype);
    const rv_fold *const sum = &rv_kernels_get()->folds[RV_FOLD_sum][dtype];
    double total = 0;
    for (int64_t i = first; i < first + count; i += BLOCK) {
        const int64_t n = rv_smaller(BLOCK, first + count - i);
        task->kernels.loss(n, task->x->data + i * size, task->t->data + i * size, task->parameter,
                           &block);
        sum->lines(1, n, (const char *)&block, 0, size, &total);
    }
    return total;
}

static void run_piece(void *context, int64_t piece)
{
    const pair_task *task = context;
    const int64_t first = piece * PIECE, count = rv_smaller(PIECE, task->x->numel - first);
    const int64_t skipped = first * (int64_t)rv_dtype_size(task->x->dtype);
    const char *const x = task->x->data + skipped, *const t = task->t->data + skipped;
    if (task->sums != NULL) {
        task->sums[piece] = sum_of_piece(task, first, count);
    } else if (task->g == NULL) {
        task->kernels.loss(count, x, t, task->parameter, task->y->data + skipped);
    } else {
        const bool each = task->g->ndim > 0;
        task->kernels.grad(count, task->g->data + (each ? skipped : 0), each, x, t, task->parameter,
                           task->y->data + skipped);
    }
}

static void run_pieces(pair_task *task)
{
    rv_parallel(rv_quotient_up(task->x->numel, PIECE), run_piece, task);
}

/* The sum of all losses; false with an error. */
static bool sum_of_losses(const char *who, pair_task *task, double *sum)
{
    double few[16];
    const int64_t pieces = rv_quotient_up(task->x->numel, PIECE);
    const size_t bytes = (size_t)pieces * sizeof *few;
    task->sums = pieces <= RV_COUNT(few) ? few : rv_memory_get(who, bytes);
    if (task->sums == NULL)
        return false;
    run_pieces(task);
    *sum = 0;
    rv_kernels_get()->folds[RV_FOLD_sum][RV_F64].lines(1, pieces, (const char *)task->sums, 0,
                                                       sizeof *few, sum);
    if (task->sums != few)
        rv_memory_put(task->sums, bytes);
    return true;
}

/* The losses of x and t, reduced; their shapes are equal. */
static rv_tensor *forward(const char *who, const rv_tensor *x, const rv_tensor *t,
                          const pair_attributes *a)
{
    RV_SCOPE;
    pair_task task = {.kernels = rv_kernels_get()->pair_losses[a->id][x->dtype],
                      .x = rv_raw_contiguous(who, x),
                      .t = rv_raw_contiguous(who, t),
                      .parameter = a->parameter};
    if (task.x == NULL || task.t == NULL)
        return NULL;
    if (a->reduction == RV_REDUCTION_NONE) {
        task.y = rv_empty_n(x->dtype, x->ndim, x->shape);
        if (task.y != NULL)
            run_pieces(&task);
        return rv_keep(task.y);
    }
    double sum;
    if (!sum_of_losses(who, &task, &sum))
        return NULL;
    const double count = a->reduction == RV_REDUCTION_MEAN ? (double)x->numel : 1;
    return rv_keep(rv_full_n(sum / count, x->dtype, 0, NULL));
}

static rv_tensor *backward(const char *who, const rv_tensor *g, const rv_tensor *x,
                           const rv_tensor *t, const pair_attributes *a)
{
    RV_SCOPE;
    pair_task task = {.kernels = rv_kernels_get()->pair_losses[a->id][x->dtype],
                      .g = rv_raw_contiguous(who, g),
                      .x = rv_raw_contiguous(who, x),
                      .t = rv_raw_contiguous(who, t),
                      .y = rv_empty_n(x->dtype, x->ndim, x->shape),
                      .parameter = a->parameter};
    if (task.g == NULL || task.x == NULL || task.t == NULL || task.y == NULL)
        return NULL;
    run_pieces(&task);
    return rv_keep(task.y);
}

/* ---- the two kinds of operation ------------------------------------------------------------- */

static rv_tensor *pair(const char *who, rv_tensor *x, rv_tensor *t, rv_pair_loss_id id,
                       rv_reduction reduction, double parameter)
{
    if (!rv_check_reduction(who, reduction) || !rv_check_pair(who, x, t))
        return NULL;
    const pair_attributes a = {id, reduction, parameter};
    rv_tensor *const in[] = {x, t};
    return rv_record(losses[id].op, forward(who, x, t, &a), 2, in, &a, sizeof a);
}

static rv_tensor *pair_grad(rv_tensor *g, rv_tensor *x, rv_tensor *t, rv_pair_loss_id id,
                            double parameter)
{
    const char *who = losses[id].grad_name;
    if (!rv_check_floating(who, 0, g) || !rv_check_pair(who, x, t) || !rv_check_dtypes(who, x, g))
        return NULL;
    if (g->ndim > 0 && !rv_same_shape(g, x))
        return rv_fail_null(RV_ERROR_SHAPE, who, "gradient %s is neither 0-d nor as the input %s",
                            RV_SHAPE_OF(g), RV_SHAPE_OF(x));
    const pair_attributes a = {id, RV_REDUCTION_NONE, parameter};
    rv_tensor *const in[] = {g, x, t};
    return rv_record(losses[id].grad_op, backward(who, g, x, t, &a), 3, in, &a, sizeof a);
}

static void pair_derivative(rv_derivative *d)
{
    const pair_attributes *a = d->attributes;
    const pair_loss *loss = &losses[a->id];
    rv_tensor *x = rv_saved_input(d, 0), *t = rv_saved_input(d, 1), *g = d->g;
    if (x == NULL || t == NULL)
        return;
    if (a->reduction == RV_REDUCTION_MEAN)
        g = rv_div_scalar(g, (double)x->numel);
    const bool is_opposite = d->needs[1] && loss->by_target == NULL;
    rv_tensor *by_x = d->needs[0] || is_opposite ? pair_grad(g, x, t, a->id, a->parameter) : NULL;
    d->grads[0] = by_x;
    if (d->needs[1])
        d->grads[1] = is_opposite ? rv_neg(by_x) : loss->by_target(g, x, t);
}

/* Of g times the derivative by x. */
static void pair_grad_derivative(rv_derivative *d)
{
    const pair_attributes *a = d->attributes;
    const pair_loss *loss = &losses[a->id];
    rv_tensor *g = rv_saved_input(d, 0), *x = rv_saved_input(d, 1), *t = rv_saved_input(d, 2);
    if (g == NULL || x == NULL || t == NULL)
        return;
    if (d->needs[0])
        d->grads[0] = pair_grad(d->g, x, t, a->id, a->parameter);
    if (!d->needs[1] && !d->needs[2])
        return;
    rv_tensor *both = rv_mul(d->g, g);
    const bool is_opposite = d->needs[2] && loss->second_by_target == NULL;
    rv_tensor *by_x = d->needs[1] || is_opposite ? loss->second(both, x, t, a->parameter) : NULL;
    d->grads[1] = by_x;
    if (d->needs[2])
        d->grads[2] = is_opposite ? rv_neg(by_x) : loss->second_by_target(both, x, t);
}

#define PAIR_OPS(name)                                                                \
    static const rv_op name##_op =                                                    \
        RV_OP(name, 2, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1), pair_derivative);         \
    static const rv_op name##_grad_op =                                               \
        RV_OP(name##_grad, 3, RV_SAVE_INPUT(0) | RV_SAVE_INPUT(1) | RV_SAVE_INPUT(2), \
              pair_grad_derivative);
RV_PAIR_LOSS_LIST(PAIR_OPS)

/* ---- second derivatives, and those by the target -------------------------------------------- */

static rv_tensor *second_of_mse(rv_tensor *g, rv_tensor *x, rv_tensor *t, double parameter)
{
    (void)x, (void)t, (void)parameter;
    return rv_mul_scalar(g, 2);
}

static rv_tensor *second_of_l1(rv_tensor *g, rv_tensor *x, rv_tensor *t, double parameter)
{
    (void)x, (void)t, (void)parameter;
    return g == NULL ? NULL : rv_zeros_n(g->dtype, g->ndim, g->shape);
}

/* g where x - t is within delta of 0. */
static rv_tensor *second_of_huber(rv_tensor *g, rv_tensor *x, rv_tensor *t, double delta)
{
    rv_tensor *e = rv_sub(rv_detach(x), rv_detach(t));
    rv_tensor *is_square = rv_mul(rv_ge_scalar(e, -delta), rv_le_scalar(e, delta));
    return rv_where(is_square, g, rv_scalar_like("huber_grad", x, 0));
}

/* log(x) where that is -100 at least, else -100. */
static rv_tensor *clamped_log(rv_tensor *x)
{
    rv_tensor *is_large = rv_gt_scalar(x, 3.720075976020836e-44); /* e^-100 */
    rv_tensor *one = rv_scalar_like("bce", x, 1);
    return rv_where(is_large, rv_log(rv_where(is_large, x, one)), rv_scalar_like("bce", x, -100));
}

/* log(1 - x) - log(x). */
static rv_tensor *bce_by_target(rv_tensor *g, rv_tensor *x, rv_tensor *t)
{
    (void)t;
    rv_tensor *rest = rv_add_scalar(rv_neg(x), 1);
    return rv_mul(rv_sub(clamped_log(rest), clamped_log(x)), g);
}

/* What bce's derivative divides by, v = x*(1 - x), 1e-12 at least; `is_inside` where it is more. */
static rv_tensor *bce_divisor(rv_tensor *x, rv_tensor **is_inside)
{
    rv_tensor *v = rv_mul(x, rv_add_scalar(rv_neg(x), 1));
    *is_inside = rv_gt_scalar(v, 1e-12);
    return rv_where(*is_inside, v, rv_scalar_like("bce_grad", x, 1e-12));
}

/* Of (x - t)/v: (1 - (x - t)/v * (1 - 2*x)) / v, and 1/v where v is clamped. */
static rv_tensor *second_of_bce(rv_tensor *g, rv_tensor *x, rv_tensor *t, double parameter)
{
    (void)parameter;
    rv_tensor *is_inside, *v = bce_divisor(x, &is_inside);
    rv_tensor *slope = rv_where(is_inside, rv_add_scalar(rv_mul_scalar(x, -2), 1),
                                rv_scalar_like("bce_grad", x, 0));
    rv_tensor *share = rv_mul(rv_div(rv_sub(x, t), v), slope);
    return rv_mul(g, rv_div(rv_add_scalar(rv_neg(share), 1), v));
}

static rv_tensor *second_of_bce_by_target(rv_tensor *g, rv_tensor *x, rv_tensor *t)
{
    (void)t;
    rv_tensor *is_inside;
    return rv_neg(rv_div(g, bce_divisor(x, &is_inside)));
}

static rv_tensor *bce_with_logits_by_target(rv_tensor *g, rv_tensor *x, rv_tensor *t)
{
    (void)t;
    return rv_neg(rv_mul(x, g));
}

static rv_tensor *second_of_bce_with_logits(rv_tensor *g, rv_tensor *x, rv_tensor *t,
                                            double parameter)
{
    (void)t, (void)parameter;
    return rv_sigmoid_grad(g, rv_sigmoid(x));
}

static rv_tensor *second_of_bce_with_logits_by_target(rv_tensor *g, rv_tensor *x, rv_tensor *t)
{
    (void)x, (void)t;
    return rv_neg(g);
}

#define PAIR_LOSS(name_)                                                         \
    .grad_name = #name_ "_grad", .op = &name_##_op, .grad_op = &name_##_grad_op, \
    .second = second_of_##name_
static const pair_loss losses[RV_PAIR_LOSS_COUNT] = {
    [RV_PAIR_LOSS_mse] = {PAIR_LOSS(mse)},
    [RV_PAIR_LOSS_l1] = {PAIR_LOSS(l1)},
    [RV_PAIR_LOSS_huber] = {PAIR_LOSS(huber)},
    [RV_PAIR_LOSS_bce] = {PAIR_LOSS(bce), .by_target = bce_by_target,
                          .second_by_target = second_of_bce_by_target},
    [RV_PAIR_LOSS_bce_with_logits] = {PAIR_LOSS(bce_with_logits),
                                      .by_target = bce_with_logits_by_target,
                                      .second_by_target = second_of_bce_with_logits_by_target},
};

/* ---- what a caller calls -------------------------------------------------------------------- */

static bool check_given(const char *who, const void *options)
{
    return options != NULL || rv_fail(RV_ERROR_NULL, who, "the options are NULL");
}

rv_tensor *rv_mse_with(const rv_loss_options *options)
{
    if (!check_given("mse", options))
        return NULL;
    return pair("mse", options->x, options->target, RV_PAIR_LOSS_mse, options->reduction, 0);
}

rv_tensor *rv_mse_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target)
{
    return pair_grad(g, x, target, RV_PAIR_LOSS_mse, 0);
}

rv_tensor *rv_l1_with(const rv_loss_options *options)
{
    if (!check_given("l1", options))
        return NULL;
    return pair("l1", options->x, options->target, RV_PAIR_LOSS_l1, options->reduction, 0);
}

rv_tensor *rv_l1_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target)
{
    return pair_grad(g, x, target, RV_PAIR_LOSS_l1, 0);
}

static bool check_delta(const char *who, double delta)
{
    return delta > 0 || rv_fail(RV_ERROR_ARGUMENT, who, "delta is %g, expected > 0", delta);
}

rv_tensor *rv_huber_with(const rv_huber_options *options)
{
    if (!check_given("huber", options) || !check_delta("huber", options->delta))
        return NULL;
    return pair("huber", options->x, options->target, RV_PAIR_LOSS_huber, options->reduction,
                options->delta);
}

rv_tensor *rv_huber_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target, double delta)
{
    return check_delta("huber_grad", delta) ? pair_grad(g, x, target, RV_PAIR_LOSS_huber, delta)
                                            : NULL;
}

rv_tensor *rv_smooth_l1_with(const rv_smooth_l1_options *options)
{
    const char *who = "smooth_l1";
    if (!check_given(who, options))
        return NULL;
    const double beta = options->beta;
    if (!(beta >= 0))
        return rv_fail_null(RV_ERROR_ARGUMENT, who, "beta is %g, expected >= 0", beta);
    if (beta == 0)
        return pair(who, options->x, options->target, RV_PAIR_LOSS_l1, options->reduction, 0);
    return rv_div_scalar(
        pair(who, options->x, options->target, RV_PAIR_LOSS_huber, options->reduction, beta), beta);
}

/* ---- bce ------------------------------------------------------------------------------------ */

/* Names the first element of x that is no probability. */
static bool check_probabilities(const char *who, const rv_tensor *x)
{
    RV_SCOPE;
    const rv_tensor *packed = rv_raw_contiguous(who, x);
    if (packed == NULL)
        return false;
    const bool is_single = x->dtype == RV_F32;
    const float *const f32 = (const float *)packed->data;
    const double *const f64 = (const double *)packed->data;
    int64_t wrong = 0;
    for (int64_t i = 0; i < x->numel && is_single; i++)
        wrong += !(f32[i] >= 0.0f && f32[i] <= 1.0f);
    for (int64_t i = 0; i < x->numel && !is_single; i++)
        wrong += !(f64[i] >= 0.0 && f64[i] <= 1.0);
    if (wrong == 0)
        return true;
    int64_t i = 0;
    while (is_single ? f32[i] >= 0.0f && f32[i] <= 1.0f : f64[i] >= 0.0 && f64[i] <= 1.0)
        i++;
    const double bad = is_single ? (double)f32[i] : f64[i];
    int64_t place[RV_MAX_DIMENSIONS];
    for (int k = x->ndim - 1; k >= 0; k--) {
        place[k] = i % x->shape[k];
        i /= x->shape[k];
    }
    return rv_fail(RV_ERROR_ARGUMENT, who, "%g at %s is no probability: expected 0 to 1", bad,
                   rv_shape_text(RV_SHAPE_BUFFER, x->ndim, place));
}

/* A weight as a constant of the shape of x; NULL with an error. */
static rv_tensor *expanded_weight(const char *who, const char *what, const rv_tensor *weight,
                                  const rv_tensor *x)
{
    if (!rv_check(who, 2, weight) || !rv_check_dtypes(who, x, weight))
        return NULL;
    const int added = x->ndim - weight->ndim;
    bool fits = added >= 0;
    for (int i = 0; fits && i < weight->ndim; i++)
        fits = weight->shape[i] == 1 || weight->shape[i] == x->shape[i + added];
    if (!fits)
        return rv_fail_null(RV_ERROR_SHAPE, who, "%s %s does not broadcast to %s", what,
                            RV_SHAPE_OF(weight), RV_SHAPE_OF(x));
    return rv_raw_expand(who, weight, x->ndim, x->shape);
}

static bool check_bce(const char *who, const rv_bce_options *options)
{
    return check_given(who, options) && rv_check_reduction(who, options->reduction) &&
           rv_check_pair(who, options->x, options->target);
}

rv_tensor *rv_bce_with(const rv_bce_options *options)
{
    const char *who = "bce";
    if (!check_bce(who, options))
        return NULL;
    if (options->pos_weight != NULL)
        return rv_fail_null(RV_ERROR_ARGUMENT, who,
                            "pos_weight is given, which bce_with_logits takes");
    if (!check_probabilities(who, options->x))
        return NULL;
    if (options->weight == NULL)
        return pair(who, options->x, options->target, RV_PAIR_LOSS_bce, options->reduction, 0);
    rv_tensor *weight = expanded_weight(who, "weight", options->weight, options->x);
    rv_tensor *each =
        pair(who, options->x, options->target, RV_PAIR_LOSS_bce, RV_REDUCTION_NONE, 0);
    return rv_reduced(rv_mul(each, weight), options->reduction);
}

rv_tensor *rv_bce_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target)
{
    return pair_grad(g, x, target, RV_PAIR_LOSS_bce, 0);
}

/* (p - 1)*t*log(1 + e^-x), the last being the loss for a target of 1. */
static rv_tensor *positive_extra(const char *who, const rv_bce_options *options)
{
    rv_tensor *p = expanded_weight(who, "pos_weight", options->pos_weight, options->x);
    rv_tensor *one = rv_scalar_like(who, options->x, 1);
    if (p == NULL || one == NULL)
        return NULL;
    one = rv_expand_n(one, options->x->ndim, options->x->shape);
    rv_tensor *softplus =
        pair(who, options->x, one, RV_PAIR_LOSS_bce_with_logits, RV_REDUCTION_NONE, 0);
    return rv_mul(rv_mul(rv_sub_scalar(p, 1), options->target), softplus);
}

rv_tensor *rv_bce_with_logits_with(const rv_bce_options *options)
{
    const char *who = "bce_with_logits";
    if (!check_bce(who, options))
        return NULL;
    const bool is_plain = options->weight == NULL && options->pos_weight == NULL;
    rv_tensor *loss = pair(who, options->x, options->target, RV_PAIR_LOSS_bce_with_logits,
                           is_plain ? options->reduction : RV_REDUCTION_NONE, 0);
    if (options->pos_weight != NULL)
        loss = rv_add(loss, positive_extra(who, options));
    if (options->weight != NULL)
        loss = rv_mul(loss, expanded_weight(who, "weight", options->weight, options->x));
    return is_plain ? loss : rv_reduced(loss, options->reduction);
}

rv_tensor *rv_bce_with_logits_grad(rv_tensor *g, rv_tensor *x, rv_tensor *target)
{
    return pair_grad(g, x, target, RV_PAIR_LOSS_bce_with_logits, 0);
}
